/* Gaps that overlap the answer's hosts and times: what it cannot know. */
#include <stdlib.h>

#include "parts.h"

struct gap_search {
    struct btr_answer *a;
    struct btr_err *err;
};

static bool source_is_of(const struct btr_answer *a, uint32_t source, struct btr_span host)
{
    return source != BTR_SOURCE_NONE &&
           btr_span_equal(btr_reader_source(a->reader, source).host, host);
}

/* Hosts of the answer are those of its events: a flow has none of its own. */
static bool host_concerned(const struct btr_answer *a, struct btr_span host)
{
    const struct btr_trace *t = a->trace;
    for (uint32_t i = 0; i < t->manner_count; i++) {
        if (source_is_of(a, t->manners[i].source, host))
            return true;
    }
    for (uint32_t i = 0; i < t->pair_count; i++) {
        if (source_is_of(a, t->pairs[i].client_source, host) ||
            source_is_of(a, t->pairs[i].server_source, host))
            return true;
    }
    for (uint32_t i = 0; i < t->node_count; i++) {
        if (btr_span_equal(a->nodes[i].entity.host, host))
            return true;
    }
    return false;
}

static int gap_visit(void *self, const struct btr_gap_full *full)
{
    struct gap_search *s = self;
    struct btr_answer *a = s->a;
    const struct btr_gap *gap = &full->gap;
    if (gap->until_ns < a->first_ns || gap->from_ns > a->last_ns || !host_concerned(a, full->host))
        return 0;
    if (a->gap_count == a->gap_capacity) {
        uint32_t capacity = a->gap_capacity ? a->gap_capacity * 2 : 16;
        struct answer_gap *more = realloc(a->gaps, capacity * sizeof *more);
        if (!more)
            return btr_fail(s->err, BTR_E_NOMEM, UINT64_MAX, "gaps of the answer");
        a->gaps = more;
        a->gap_capacity = capacity;
    }
    struct answer_gap *out = &a->gaps[a->gap_count];
    *out = (struct answer_gap){full->host,    full->source, {0},      gap->from_ns,
                               gap->until_ns, gap->count,   gap->kind};
    struct btr_span host = full->host, source = full->source;
    if (!btr_arena_copy(a->arena, host, &out->host) ||
        !btr_arena_copy(a->arena, source, &out->source) ||
        !btr_arena_copy(a->arena, gap->why, &out->why))
        return btr_fail(s->err, BTR_E_NOMEM, UINT64_MAX, "gaps of the answer");
    a->gap_count++;
    return 0;
}

int answer_gaps_find(struct btr_answer *a, struct btr_err *err)
{
    struct gap_search s = {a, err};
    return btr_reader_gaps(a->reader, gap_visit, &s, err);
}
