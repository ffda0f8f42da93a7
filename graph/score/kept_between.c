/* What a strategy keeps of the part between two ends. */
#include <string.h>

#include "label.h"
#include "score/kept.h"

/* All pairs that a part has events between. */
static int part_pairs(struct btr_kept_pairs *out, const struct btr_trace *part, struct btr_err *err)
{
    struct kept_list list = {0};
    for (uint32_t n = 0; n < part->node_count; n++) {
        const struct btr_trace_node *node = &part->nodes[n];
        for (uint32_t i = node->step_begin; i < node->step_begin + node->step_count; i++)
            if (i == node->step_begin || part->steps[i].other != part->steps[i - 1].other)
                kept_add(&list, part->nodes[part->steps[i].other].id, node->id, 0);
    }
    out->halves = true;
    return kept_finish(&list, out, err);
}

static int64_t since_find(const struct btr_between *ends)
{
    int64_t since_ns = INT64_MAX;
    for (uint32_t i = 0; i < ends->from_count; i++)
        since_ns = graph_time_min(since_ns, ends->from[i].time_ns);
    return graph_time_earlier(since_ns);
}

/* @param part  replaced by what is kept of it, when that is a path */
static int part_keep(struct btr_trace **part, struct btr_kept_pairs *kept,
                     const struct btr_scene *scene, const struct btr_strategy *strategy,
                     struct btr_err *err)
{
    struct btr_kept_pairs pairs = {0};
    struct btr_trace *chosen = NULL;
    struct kept_edges all = {scene->edges, &pairs, since_find(scene->between)};
    struct btr_edges edges = kept_edges_of(&all);
    struct btr_scene inside = *scene;
    inside.edges = &edges;
    struct kept_edges few = {&edges, kept, INT64_MIN};
    struct btr_edges kept_edges = kept_edges_of(&few);
    *kept = (struct btr_kept_pairs){0};
    int rc = part_pairs(&pairs, *part, err);
    if (rc == 0)
        rc = strategy->keep(kept, &inside, err);
    if (rc == 0 && !kept->all)
        rc = btr_between(&chosen, NULL, &kept_edges, scene->between, NULL, err);
    if (rc == 0 && chosen)
        rc = btr_trace_merge(chosen, err);
    if (rc == 0 && chosen && chosen->step_count > 0) {
        chosen->cut = (*part)->cut != BTR_CUT_NONE ? (*part)->cut : kept->cut;
        chosen->unexplored = (*part)->cut != BTR_CUT_NONE ? (*part)->unexplored : kept->left;
        chosen->unexplored_bound_ns = (*part)->unexplored_bound_ns;
        struct btr_trace *whole = *part;
        *part = chosen;
        chosen = whole;
    } else if (rc == 0) {
        kept->all = true;
    }
    btr_trace_free(chosen);
    btr_kept_pairs_free(&pairs);
    return rc;
}

int btr_walk_between(struct btr_trace **out, struct btr_kept_pairs *kept,
                     struct btr_between_searched *searched, const struct btr_scene *scene,
                     const struct btr_strategy *strategy, struct btr_err *err)
{
    struct btr_trace *part = NULL;
    struct btr_walk_limits limits = *scene->limits;
    limits.budget_ns /= 2; /* what is found has to be looked at by the strategy, too */
    *kept = (struct btr_kept_pairs){.all = true};
    int rc = btr_between(&part, searched, scene->edges, scene->between, &limits, err);
    if (rc == 0 && part->step_count > 0)
        rc = part_keep(&part, kept, scene, strategy, err);
    if (rc < 0)
        btr_trace_free(part);
    else
        *out = part;
    return rc;
}
