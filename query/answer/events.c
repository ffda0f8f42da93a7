/* The events of the closure, each read once in the order in which they lie in the store. */
#include <stdlib.h>

#include "parts.h"

static int fail_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "events of the answer");
}

/* Uses of events, by event, then step: by a step, or (ANSWER_NONE) by a pair's client or server. */
static struct answer_key *uses_collect(const struct btr_answer *a, size_t *count)
{
    const struct btr_trace *t = a->trace;
    size_t most = t->step_count + 2 * (size_t)t->pair_count + 1;
    struct answer_key *uses = malloc(2 * most * sizeof *uses);
    size_t n = 0;
    if (!uses)
        return NULL;
    for (uint64_t i = 0; i < t->step_count; i++) {
        if (t->steps[i].ref != BTR_REF_PAIR)
            uses[n++] = (struct answer_key){t->steps[i].ref, (uint32_t)i};
    }
    for (uint32_t i = 0; i < t->pair_count; i++) {
        uses[n++] = (struct answer_key){t->pairs[i].client_ref, ANSWER_NONE};
        uses[n++] = (struct answer_key){t->pairs[i].server_ref, ANSWER_NONE};
    }
    answer_keys_sort(uses, uses + most, n);
    *count = n;
    return uses;
}

/* Finds or adds a place that events come from; `guess` is the last one. */
static uint32_t origin_of(struct btr_answer *a, const struct btr_event_full *e, uint32_t guess)
{
    for (uint32_t k = 0; k <= a->origin_count; k++) {
        uint32_t i = k == 0 ? guess : k - 1;
        if (i >= a->origin_count)
            continue;
        const struct answer_origin *o = &a->origins[i];
        if (btr_span_equal(o->host, e->host) && btr_span_equal(o->source, e->source) &&
            btr_span_equal(o->input, e->input) && btr_span_equal(o->digest, e->input_digest))
            return i;
    }
    struct answer_origin *more = realloc(a->origins, (a->origin_count + 1) * sizeof *more);
    if (!more)
        return ANSWER_NONE;
    a->origins = more;
    struct answer_origin *o = &more[a->origin_count];
    *o = (struct answer_origin){e->host, e->source, e->input, e->input_digest, a->origin_count};
    for (uint32_t i = 0; i < a->origin_count; i++) {
        if (btr_span_equal(more[i].host, o->host) && btr_span_equal(more[i].source, o->source)) {
            o->stream = more[i].stream;
            break;
        }
    }
    return a->origin_count++;
}

static int event_read(struct btr_answer *a, btr_event_ref ref, struct btr_err *err)
{
    struct btr_event_full full;
    int rc = btr_reader_event(a->reader, ref, &full, err);
    if (rc < 0)
        return rc;
    struct answer_event *e = &a->events[a->event_count];
    uint32_t guess = a->event_count ? e[-1].origin : 0;
    *e = (struct answer_event){ref,
                               full.event.record_id,
                               full.event.line,
                               full.event.bytes,
                               full.event.time_ns,
                               origin_of(a, &full, guess)};
    a->event_count++;
    return e->origin == ANSWER_NONE ? fail_memory(err) : 0;
}

int answer_events_read(struct btr_answer *a, struct btr_err *err)
{
    size_t count = 0;
    struct answer_key *uses = uses_collect(a, &count);
    a->events = malloc((count + 1) * sizeof *a->events);
    a->step_event = malloc((a->trace->step_count + 1) * sizeof *a->step_event);
    int rc = uses && a->events && a->step_event ? 0 : fail_memory(err);
    for (uint64_t i = 0; rc == 0 && i < a->trace->step_count; i++)
        a->step_event[i] = ANSWER_NONE;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (i == 0 || uses[i].key != uses[i - 1].key)
            rc = event_read(a, uses[i].key, err);
        if (uses[i].value != ANSWER_NONE)
            a->step_event[uses[i].value] = (uint32_t)(a->event_count - 1);
    }
    free(uses);
    return rc;
}
