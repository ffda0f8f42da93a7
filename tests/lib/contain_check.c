#include "contain_check.h"

#include <stdlib.h>

/* All that the intrusion comes to while some things are cut: by repeated scans over all leads. */
static void come_to(const struct loss_containment *k, const bool *cut, bool *come)
{
    bool more = true;
    for (uint32_t i = 0; i < k->hold_count; i++)
        come[i] = k->holds[i].kind == LOSS_HOLD_INTRUSION;
    while (more) {
        more = false;
        for (uint32_t i = 0; i < k->lead_count; i++) {
            const struct loss_lead *l = &k->leads[i];
            if (come[l->from] && !come[l->to] && !cut[l->to])
                come[l->to] = more = true;
        }
    }
}

static bool is_goal(const struct loss_containment *k, uint32_t i)
{
    return k->holds[i].kind == LOSS_HOLD_ASSET || k->holds[i].kind == LOSS_HOLD_BEYOND;
}

static uint32_t goals(const struct loss_containment *k, const bool *come)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < k->hold_count; i++)
        count += come[i] && is_goal(k, i);
    return count;
}

/* A path goes from the intrusion over its own step alone, lead after lead, to what it keeps from
 * it. */
static const char *path_check(const struct loss_containment *k, const struct loss_cut_step *step,
                              const bool *cut)
{
    bool own = false;
    uint32_t at = LOSS_NONE;
    if (step->path_count == 0)
        return "a step without a path";
    for (uint32_t i = 0; i < step->path_count; i++) {
        const struct loss_lead *l = &k->leads[step->path[i]];
        if (i == 0 ? k->holds[l->from].kind != LOSS_HOLD_INTRUSION : l->from != at)
            return "a path that does not hang together";
        at = l->to;
        own |= at == step->hold;
        if (cut[at] && at != step->hold)
            return "a path over another step";
    }
    if (!own || !is_goal(k, at))
        return "a path that does not go over its step to an asset";
    return NULL;
}

static const char *steps_check(const struct loss_containment *k, bool *cut, bool *come)
{
    const char *wrong = NULL;
    uint64_t cost = 0;
    for (uint32_t i = 0; i < k->step_count; i++) {
        if (k->holds[k->steps[i].hold].kind >= LOSS_HOLD_CUTTABLE)
            return "a step that cannot be taken";
        cut[k->steps[i].hold] = true;
        cost += loss_hold_cost(k->holds[k->steps[i].hold].kind);
    }
    if (cost != k->cost)
        return "steps that do not cost what is said";
    come_to(k, cut, come);
    if (goals(k, come) != 0)
        return "a way that no step closes";
    for (uint32_t i = 0; !wrong && i < k->step_count; i++) {
        wrong = path_check(k, &k->steps[i], cut);
        cut[k->steps[i].hold] = false;
        come_to(k, cut, come);
        cut[k->steps[i].hold] = true;
        if (!wrong && goals(k, come) != k->steps[i].asset_count)
            wrong = "a step that keeps other things from it than is said";
    }
    return wrong;
}

/* Any single thing that could have been cut instead of several, for less. */
static const char *single_check(const struct loss_containment *k, bool *cut, bool *come)
{
    for (uint32_t i = 0; i < k->hold_count; i++)
        cut[i] = false;
    come_to(k, cut, come);
    if (goals(k, come) != k->open_count)
        return "another number of open assets";
    for (uint32_t i = 0; i < k->hold_count; i++) {
        if (k->holds[i].kind >= LOSS_HOLD_CUTTABLE || loss_hold_cost(k->holds[i].kind) >= k->cost)
            continue;
        cut[i] = true;
        come_to(k, cut, come);
        cut[i] = false;
        if (goals(k, come) == 0)
            return "one thing would have done, for less";
    }
    return NULL;
}

const char *contain_check(const struct loss_containment *k)
{
    bool *cut = calloc((size_t)k->hold_count + 1, sizeof *cut);
    bool *come = calloc((size_t)k->hold_count + 1, sizeof *come);
    const char *wrong = cut && come ? steps_check(k, cut, come) : "out of memory";
    if (!wrong)
        wrong = single_check(k, cut, come);
    free(cut);
    free(come);
    return wrong;
}
