/*
 * What one process gave into a channel or a connection, and one other took out of it, is a message
 * between the two. Where several gave or took, nobody can tell whose it was: then the steps stay as
 * they are.
 */
#include <stdlib.h>

#include "story.h"

enum { VISITS_MAX = 4 << 20 }; /* of writers, by all readers: beyond it nothing more is joined */

struct joining {
    struct story *s;
    uint32_t *uses; /* of each step, by readers that it may have fed; at most 2 */
    uint64_t visits;
};

/* The one that may have fed a reader. */
struct feeder {
    uint32_t step, count; /* count: of them all, at most 2 */
    uint8_t doubt;        /* of the pair that lies between */
};

static bool carries(const struct story *s, uint32_t node)
{
    return !s->a->trace->nodes[node].start &&
           (story_is(s, node, BTR_KIND_CHANNEL) || story_is(s, node, BTR_KIND_FLOW));
}

static bool is_reader(const struct story *s, const struct story_step *step)
{
    return step->done.count && carries(s, step->from) && story_is(s, step->to, BTR_KIND_PROCESS);
}

static void writers_visit(struct joining *j, uint32_t node, uint32_t reader, uint8_t doubt,
                          struct feeder *f)
{
    const struct story *s = j->s;
    for (uint32_t i = s->into_begin[node]; i < s->into_begin[node + 1]; i++) {
        uint32_t step = s->into[i], from = s->steps[step].from;
        j->visits++;
        if (from == reader || !story_is(s, from, BTR_KIND_PROCESS) || !s->steps[step].done.count)
            continue;
        *f = (struct feeder){step, f->count < 2 ? f->count + 1 : 2, doubt};
        j->uses[step] += j->uses[step] < 2;
    }
}

/* All that may have fed a reader. */
static struct feeder feeder_find(struct joining *j, const struct story_step *reader)
{
    const struct story *s = j->s;
    struct feeder f = {ANSWER_NONE, 0, BTR_DOUBT_NONE};
    uint32_t node = reader->from;
    writers_visit(j, node, reader->to, BTR_DOUBT_NONE, &f);
    for (uint32_t i = s->links_begin[node]; i < s->links_begin[node + 1]; i++) {
        const struct story_link *link = &s->links[s->links_into[i]];
        if (carries(s, link->from))
            writers_visit(j, link->from, reader->to, link->doubt, &f);
    }
    return f;
}

static void message_make(struct story_step *w, struct story_step *r, uint8_t doubt)
{
    w->via = w->to;
    w->to = w->other = r->to;
    w->actor = w->from;
    w->last_ahead_ns = r->last_ns > w->last_ns ? r->last_ahead_ns : w->last_ahead_ns;
    w->last_ns = r->last_ns > w->last_ns ? r->last_ns : w->last_ns;
    w->score = r->score > w->score ? r->score : w->score;
    w->hole = w->hole == ANSWER_NONE ? r->hole : w->hole;
    if (w->bytes == BTR_BYTES_UNKNOWN)
        w->bytes = r->bytes;
    if (w->done.doubt == BTR_DOUBT_NONE)
        w->done.doubt = doubt != BTR_DOUBT_NONE ? doubt : r->done.doubt;
    r->gone = true;
}

int story_join(struct story *s, struct btr_err *err)
{
    struct joining j = {.s = s, .uses = calloc((size_t)s->step_count + 1, sizeof *j.uses)};
    struct feeder *feeders = calloc((size_t)s->step_count + 1, sizeof *feeders);
    bool good = j.uses && feeders;
    for (uint32_t i = 0; good && i < s->step_count; i++)
        if (is_reader(s, &s->steps[i]) && j.visits < VISITS_MAX)
            feeders[i] = feeder_find(&j, &s->steps[i]);
    for (uint32_t i = 0; good && i < s->step_count && j.visits < VISITS_MAX; i++) {
        struct story_step *r = &s->steps[i];
        if (feeders[i].count == 1 && j.uses[feeders[i].step] == 1 &&
            s->steps[feeders[i].step].first_ns <= r->last_ns)
            message_make(&s->steps[feeders[i].step], r, feeders[i].doubt);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; good && i < s->step_count; i++)
        if (!s->steps[i].gone)
            s->steps[kept++] = s->steps[i];
    s->step_count = good ? kept : s->step_count;
    good = good && story_index(s);
    free(j.uses);
    free(feeders);
    return good ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "story of the answer");
}
