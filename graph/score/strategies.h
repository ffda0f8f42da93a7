#ifndef GRAPH_SCORE_STRATEGIES_H
#define GRAPH_SCORE_STRATEGIES_H
/** The members of the table in strategies.c: a file each. */
#include <btr/strategy.h>

int critical_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err);
int readonly_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err);
int priotracker_keep(struct btr_kept_pairs *out, const struct btr_scene *scene,
                     struct btr_err *err);
int nodoze_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err);
int depimpact_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err);

int ahead_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err); /* critical, forward */
#endif
