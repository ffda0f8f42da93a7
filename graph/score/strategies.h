#ifndef GRAPH_SCORE_STRATEGIES_H
#define GRAPH_SCORE_STRATEGIES_H
/** The members of the table in strategies.c: a file each. */
#include <btr/strategy.h>

int critical_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err);

#endif
