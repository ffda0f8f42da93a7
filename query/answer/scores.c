/* How a strategy scored what the answer shows. */
#include "parts.h"

bool answer_is_scored(const struct btr_answer *a)
{
    return a->options.kept && !a->options.kept->all;
}

double answer_score(const struct btr_answer *a, struct btr_id from, struct btr_id to)
{
    return a->options.kept ? btr_kept_pairs_score(a->options.kept, from, to) : 0;
}

const char *answer_why(const struct btr_answer *a, const struct answer_edge *e)
{
    const struct btr_trace_node *nodes = a->trace->nodes;
    if (!a->options.explain || !a->options.kept)
        return NULL;
    if (a->options.kept->all)
        return a->options.between ? "it lies on a path between the two, as all that is shown"
               : a->direction == BTR_WALK_BACKWARD
                   ? "it can have led to the alert, as all that is shown"
                   : "it can have come of the start, as all that is shown";
    const char *why = btr_kept_pairs_why(a->options.kept, nodes[e->from].id, nodes[e->to].id);
    return why ? why : "the other end of a connection that is shown"; /* pairing made it */
}

static void score_raise(struct answer_node *node, double score)
{
    node->score = score > node->score ? score : node->score;
}

void answer_scores_find(struct btr_answer *a)
{
    const struct btr_trace *t = a->trace;
    bool backward = a->direction == BTR_WALK_BACKWARD;
    if (!a->options.kept || a->options.kept->pair_count == 0)
        return;
    for (uint32_t i = 0; i < t->node_count; i++) {
        uint32_t end = t->nodes[i].step_begin + t->nodes[i].step_count;
        for (uint32_t at = t->nodes[i].step_begin; at < end; at = answer_steps_end(t, at, end)) {
            uint32_t far = t->steps[at].other;
            struct btr_id near_id = t->nodes[i].id, far_id = t->nodes[far].id;
            double score =
                backward ? answer_score(a, far_id, near_id) : answer_score(a, near_id, far_id);
            score_raise(&a->nodes[i], score);
            score_raise(&a->nodes[far], score);
        }
    }
}
