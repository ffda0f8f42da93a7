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
    {"readonly", "without files that are read only, and helpers",
     "King & Chen, Backtracking Intrusions, SOSP 2003, section 3.5", readonly_keep},
    {"priotracker", "the first 1000 edges by rareness and fan-out",
     "Liu et al., Towards a Timely Causality Analysis for Enterprise Security, NDSS 2018",
     priotracker_keep},
    {"nodoze", "the paths of the least usual events", "Hassan et al., NoDoze, NDSS 2019",
     nodoze_keep},
    {"depimpact", "what came of the ways in with the most impact (--entries)",
     "Fang et al., Back-Propagating System Dependency Impact, USENIX Security 2022",
     depimpact_keep},
    {0},
};

const struct btr_strategy *btr_strategy_find(const char *name)
{
    for (const struct btr_strategy *s = btr_strategies; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}
