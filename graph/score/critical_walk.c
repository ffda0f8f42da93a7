#include <btr/list.h>
#include <stdlib.h>

#include "score/critical_since.h"

/*
 * A state is a flow that was reached: what flowed into its far end before it may have caused it.
 * Which of them did is a guess: the more the later, among those that tell at least as much. Scores
 * multiply along a path, so the best path comes first, as in Dijkstra's algorithm.
 */

/* ---- One state ---- */

/* Nothing is seen to have come into it: it may be what was taken, and has brought nobody in. */
static int is_live(struct critical *c, uint32_t place, bool *live)
{
    uint8_t kind = c->places[place].fact.kind;
    *live = kind == BTR_KIND_PROCESS || kind == BTR_KIND_FLOW || kind == BTR_KIND_CHANNEL;
    return *live ? 0 : critical_seen(c, place, live);
}

static bool cause_note(struct critical *c, uint32_t cause, int64_t effect, double weight)
{
    if (!btr_list_room(&c->causes, c->cause_count, &c->cause_capacity, 4096, sizeof *c->causes))
        return false;
    c->causes[c->cause_count++] = (struct critical_cause){cause, effect, (float)weight};
    return true;
}

/* What a process reads of a connection is what the other end sent. */
static bool is_own_side(const struct critical *c, const struct critical_place *connection,
                        uint32_t reader, uint32_t far)
{
    const struct btr_fact *f = &connection->fact;
    bool loopback = f->source != 0 && f->source == f->destination;
    return f->kind == BTR_KIND_FLOW && !loopback && c->places[far].fact.host != 0 &&
           c->places[far].fact.kind == BTR_KIND_PROCESS &&
           c->places[far].fact.host == c->places[reader].fact.host;
}

/* An object that a process has just made brings it nothing but what it knew. */
static bool turns_back(const struct critical *c, const struct critical_state *s, uint32_t far)
{
    if (s->flow == CRITICAL_NONE)
        return false;
    uint32_t reader = c->flows[s->flow].near;
    return reader == far || is_own_side(c, &c->places[s->place], reader, far);
}

/* What was asked for in the connection that a process answers in leads back to where it came from,
 * and is no way to others, but is why it answered. */
static void own_note(struct critical *c, const struct critical_state *s,
                     const struct critical_flow *f, const struct critical_since *living)
{
    bool process = c->places[s->place].fact.kind == BTR_KIND_PROCESS;
    double weight = f->weight * critical_fade(living, f->weight);
    if (process && c->places[f->far].fact.kind == BTR_KIND_FLOW && weight > c->candidates.own)
        c->candidates.own = weight;
}

static int flow_reach(struct critical *c, struct critical_heap *h, const struct critical_state *s,
                      uint32_t at, double weight)
{
    struct critical_flow *f = &c->flows[at];
    double score = s->score * weight;
    if (!cause_note(c, at, s->flow, weight))
        return BTR_E_NOMEM;
    if (f->settled || (float)score <= f->score)
        return 0;
    f->score = (float)score;
    if (score > c->places[f->far].score)
        c->places[f->far].score = score;
    f->effect = s->flow;
    struct critical_state next = {.score = score,
                                  .label = graph_label_pass(s->label, f->source, f->last_ns),
                                  .flow = at,
                                  .place = f->far};
    return critical_heap_push(h, c, next) ? 0 : BTR_E_NOMEM;
}

bool critical_candidate_add(struct critical_candidates *found, uint32_t flow, bool brings,
                            double weight)
{
    if (!btr_list_room(&found->items, found->count, &found->capacity, 256, sizeof *found->items))
        return false;
    found->items[found->count++] = (struct critical_candidate){flow, brings, weight};
    return true;
}

/* What may have caused a state, the latest first. The best of it is taken to have, and the rest in
 * proportion: somebody who only ever does the usual does it for the usual reasons. */
static int candidates_find(struct critical *c, const struct critical_state *s)
{
    struct critical_candidates *found = &c->candidates;
    struct critical_since all = {0}, living = {0};
    struct critical_cursor cursor;
    uint32_t stamp = ++c->stamp, turn = 0, i;
    bool live;
    found->count = 0;
    found->best = found->sum = found->own = 0;
    int rc = critical_cursor_begin(&cursor, c, s->place, s->label.rest_ns);
    while (rc == 0 && (rc = critical_cursor_next(&cursor, c, &i)) > 0) {
        const struct critical_flow f = c->flows[i];
        rc = 0;
        if (c->places[f.far].stamp == stamp || f.first_ns > graph_label_bound(s->label, f.source))
            continue;
        if (turns_back(c, s, f.far)) {
            own_note(c, s, &f, &living);
            continue;
        }
        c->places[f.far].stamp = stamp;
        rc = is_live(c, f.far, &live);
        bool taken = false;
        if (rc == 0)
            rc = critical_was_taken(c, &f, &taken);
        if (rc < 0)
            return rc;
        live = live && !taken;
        double weight = f.weight * critical_fade(live ? &living : &all, f.weight);
        weight *= taken ? CRITICAL_USUAL : 1;
        critical_since_add(&all, f.weight);
        if (live)
            critical_since_add(&living, f.weight);
        if (live && weight > found->best)
            found->best = weight;
        if (live)
            found->sum += weight;
        bool followed = s->score * weight >= c->floor * found->best; /* as is known by now */
        if (followed && !critical_candidate_add(found, i, live, weight))
            return BTR_E_NOMEM;
        if (++turn % 16 == 0 && s->score * critical_fade_best(&living) < c->floor * found->best)
            break;
    }
    return rc;
}

static bool asks(uint8_t operation)
{
    return operation == BTR_OP_SERVICE_START || operation == BTR_OP_TASK_RUN ||
           operation == BTR_OP_WMI_RUN;
}

/* A process that was asked for by a service, a task or a subscription that somebody is seen to have
 * set up was started by whoever does so for all of them: that tells little. */
static int starters_discount(struct critical *c)
{
    struct critical_candidates *found = &c->candidates;
    bool asked = false;
    for (uint32_t i = 0; i < found->count && !asked; i++) {
        const struct critical_flow *f = &c->flows[found->items[i].flow];
        int rc = asks(f->operation) ? is_live(c, f->far, &asked) : 0;
        if (rc < 0)
            return rc;
    }
    for (uint32_t i = 0; asked && i < found->count; i++)
        if (c->flows[found->items[i].flow].operation == BTR_OP_FORK)
            found->items[i].weight *= CRITICAL_USUAL;
    return 0;
}

static bool has_accepted(struct critical *c, uint32_t process, uint32_t connection)
{
    critical_enter(c, connection);
    const struct critical_end *ends = critical_ends(c, connection);
    for (uint32_t i = 0; i < c->places[connection].end_count; i++)
        if (ends[i].operation == BTR_OP_ACCEPT && btr_id_equal(ends[i].far, c->places[process].id))
            return true;
    return false;
}

/* Whether what the process sent was an answer: it had received from there. */
static int is_answer(struct critical *c, const struct critical_state *s, bool *answers)
{
    *answers = false;
    if (s->flow == CRITICAL_NONE || c->places[s->place].fact.kind != BTR_KIND_PROCESS)
        return 0;
    uint32_t to = c->flows[s->flow].near;
    if (c->places[to].fact.kind != BTR_KIND_FLOW)
        return 0;
    return critical_has_read(c, s->place, to, s->label.rest_ns, answers);
}

/* A server that answers one connection does so for what was asked there, not in the others that it
 * took: these tell little. */
static int others_discount(struct critical *c, const struct critical_state *s)
{
    struct critical_candidates *found = &c->candidates;
    bool answers;
    int rc = is_answer(c, s, &answers);
    for (uint32_t i = 0; rc == 0 && answers && i < found->count; i++) {
        uint32_t far = c->flows[found->items[i].flow].far;
        if (c->places[far].fact.kind == BTR_KIND_FLOW && has_accepted(c, s->place, far))
            found->items[i].weight *= CRITICAL_USUAL;
        rc = c->failed;
    }
    return rc;
}

/* The best of what may have brought something, by now. */
static void best_find(struct critical *c)
{
    struct critical_candidates *found = &c->candidates;
    found->best = found->own;
    for (uint32_t i = 0; i < found->count; i++)
        if (found->items[i].brings && found->items[i].weight > found->best)
            found->best = found->items[i].weight;
}

/* What stands for 1. In a thing that several have written to, it is less sure whose of it was read.
 */
static double scale_of(const struct critical *c, uint32_t place)
{
    const struct critical_candidates *found = &c->candidates;
    if (found->best <= 0 || c->places[place].fact.kind == BTR_KIND_PROCESS)
        return found->best;
    return found->best * pow(found->sum / found->best, CRITICAL_SHARED);
}

static int state_expand(struct critical *c, struct critical_heap *h, const struct critical_state *s)
{
    const struct critical_candidates *found = &c->candidates;
    int rc = candidates_find(c, s);
    if (rc == 0)
        rc = starters_discount(c);
    if (rc == 0)
        rc = others_discount(c, s);
    if (rc == 0)
        best_find(c);
    double scale = rc == 0 ? scale_of(c, s->place) : 1;
    for (uint32_t i = 0; rc == 0 && i < found->count; i++) {
        double weight = found->items[i].weight;
        weight = scale > 0 ? weight / scale : weight;
        weight = weight < 1 ? weight : 1;
        if (s->score * weight >= c->floor)
            rc = flow_reach(c, h, s, found->items[i].flow, weight);
    }
    return rc;
}

/* ---- The walk ---- */

static int starts_push(struct critical *c, struct critical_heap *h)
{
    for (uint32_t i = 0; i < c->scene->start_count; i++) {
        const struct btr_start *start = &c->scene->starts[i];
        uint32_t place = critical_place(c, start->entity);
        if (place == UINT32_MAX)
            return c->err->code;
        c->places[place].start = true;
        c->until_ns = graph_time_max(c->until_ns, graph_time_later(start->time_ns));
        struct critical_state s = {1, graph_label_start(start->source, start->time_ns),
                                   CRITICAL_NONE, place};
        if (!critical_heap_push(h, c, s))
            return BTR_E_NOMEM;
    }
    return 0;
}

/* Whether a limit is met. */
static bool is_cut(struct critical *c)
{
    const struct btr_walk_limits *limits = c->scene->limits;
    if (limits->edge_max && c->settled >= limits->edge_max)
        c->cut = BTR_CUT_EDGES;
    else if (!critical_is_full(c))
        (void)critical_is_late(c);
    return c->cut != BTR_CUT_NONE;
}

int critical_walk(struct critical *c)
{
    struct critical_heap h = {0};
    c->until_ns = INT64_MIN;
    int rc = starts_push(c, &h);
    double last = 1; /* score of the state that was looked at last: in part, when a limit was met */
    while (rc == 0 && h.count > 0 && !is_cut(c)) {
        struct critical_state s = critical_heap_pop(&h, c);
        if (s.flow != CRITICAL_NONE && c->flows[s.flow].settled)
            continue;
        if (s.flow != CRITICAL_NONE)
            c->flows[s.flow].settled = true;
        c->settled++;
        last = s.score;
        rc = state_expand(c, &h, &s);
    }
    c->left = h.count;
    c->left_score = c->unread ? last : h.count ? h.items[0].score : 0;
    free(h.items);
    if (rc == BTR_E_NOMEM)
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "walk of %u entities and %u events",
                        c->place_count, c->flow_count);
    return rc;
}
