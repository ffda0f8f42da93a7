#include <string.h>

#include "score/kept.h"
#include "score/strategies.h"

static int backtracker_keep(struct btr_kept_pairs *out, const struct btr_scene *scene,
                            struct btr_err *err)
{
    (void)scene;
    (void)err;
    *out = (struct btr_kept_pairs){.all = true};
    return 0;
}

const struct btr_strategy btr_strategies[] = {
    {"critical", "what lies on good paths from the most likely way in (default)", NULL,
     critical_keep},
    {"backtracker", "all that can have led to it",
     "King & Chen, Backtracking Intrusions, SOSP 2003", backtracker_keep},
    {0},
};

const struct btr_strategy *btr_strategy_find(const char *name)
{
    for (const struct btr_strategy *s = btr_strategies; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}
