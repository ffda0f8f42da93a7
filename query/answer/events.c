/*
 * The records of the closure's events, read in the order in which they lie in the store: block
 * after block, so that each is decoded once.
 */
#include <btr/list.h>
#include <stdlib.h>

#include "parts.h"

enum {
    STRETCH_BITS = 12, /* of the number of an event: those that are read together differ in them */
    BATCH = 256
};

/* Uses of events, in stretches of event numbers. A use is the place of a record in the answer. */
struct uses {
    const struct btr_trace *trace;
    uint32_t *crossings; /* steps that pairing made */
    uint32_t crossing_count, count;
    uint32_t *of;       /* by stretch; within one, ascending */
    uint32_t *begins;   /* of each stretch, and one more */
    uint32_t *segments; /* first stretch of each segment, and one more */
    uint32_t segment_count, stretch_count;
};

static int fail_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "events of the answer");
}

/* The event of a use: of a step, then of both ends of each crossing, which as a step has none. */
static btr_event_ref use_ref(const struct uses *u, uint32_t use)
{
    const struct btr_trace *t = u->trace;
    if (use < t->step_count)
        return t->steps[use].ref;
    uint32_t at = use - t->step_count;
    const struct btr_pair *pair = &t->pairs[t->steps[u->crossings[at / 2]].ref - BTR_REF_PAIR];
    return at % 2 ? pair->server_ref : pair->client_ref;
}

static uint32_t crossings_count(const struct btr_trace *t)
{
    uint32_t count = 0;
    for (uint32_t i = 0; t->pair_count > 0 && i < t->step_count; i++)
        count += btr_step_is_pair(&t->steps[i]);
    return count;
}

/* The record of a crossing tells where those of its ends are (answer_records_of). */
static void crossings_find(struct btr_answer *a, struct uses *u)
{
    for (uint32_t i = 0; a->trace->pair_count > 0 && i < a->trace->step_count; i++) {
        if (!btr_step_is_pair(&a->trace->steps[i]))
            continue;
        a->records[i] =
            (struct answer_record){.line = a->trace->step_count + 2 * (uint64_t)u->crossing_count};
        u->crossings[u->crossing_count++] = i;
    }
}

static uint32_t segment_of(btr_event_ref ref)
{
    return (uint32_t)(ref >> 32);
}

static uint32_t stretch_of(const struct uses *u, btr_event_ref ref)
{
    return u->segments[segment_of(ref)] + ((uint32_t)ref >> STRETCH_BITS);
}

/* Gives each segment as many stretches as its greatest event asks for. @return false when out of
 * memory */
static bool stretches_lay(struct uses *u)
{
    for (uint32_t i = 0; i < u->count; i++) {
        btr_event_ref ref = use_ref(u, i);
        if (ref < BTR_REF_PAIR && segment_of(ref) >= u->segment_count)
            u->segment_count = segment_of(ref) + 1;
    }
    u->segments = calloc((size_t)u->segment_count + 1, sizeof *u->segments);
    if (!u->segments)
        return false;
    for (uint32_t i = 0; i < u->count; i++) {
        btr_event_ref ref = use_ref(u, i);
        uint32_t need = ((uint32_t)ref >> STRETCH_BITS) + 1;
        if (ref < BTR_REF_PAIR && u->segments[segment_of(ref)] < need)
            u->segments[segment_of(ref)] = need;
    }
    for (uint32_t i = 0; i <= u->segment_count; i++) {
        uint32_t here = u->segments[i];
        u->segments[i] = u->stretch_count;
        u->stretch_count += here;
    }
    return true;
}

static bool uses_sort(struct uses *u)
{
    u->of = malloc(((size_t)u->count + 1) * sizeof *u->of);
    u->begins = calloc((size_t)u->stretch_count + 2, sizeof *u->begins);
    if (!u->of || !u->begins)
        return false;
    for (uint32_t i = 0; i < u->count; i++) {
        btr_event_ref ref = use_ref(u, i);
        if (ref < BTR_REF_PAIR)
            u->begins[stretch_of(u, ref) + 2]++;
    }
    for (uint32_t i = 2; i < u->stretch_count + 2; i++)
        u->begins[i] += u->begins[i - 1];
    for (uint32_t i = 0; i < u->count; i++) {
        btr_event_ref ref = use_ref(u, i);
        if (ref < BTR_REF_PAIR)
            u->of[u->begins[stretch_of(u, ref) + 1]++] = i;
    }
    return true;
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
    *o = (struct answer_origin){e->host, e->source, e->input, e->input_digest};
    return a->origin_count++;
}

/* Origins of the streams of the segment that is read. */
struct stream_origins {
    uint32_t *of; /* by stream; ANSWER_NONE: not known yet */
    uint32_t count, segment;
};

/* Forgets what belongs to another segment, and makes room for a stream. */
static bool streams_room(struct stream_origins *s, uint32_t segment, uint32_t stream)
{
    if (segment != s->segment)
        s->count = 0;
    s->segment = segment;
    if (stream < s->count)
        return true;
    uint32_t *more = realloc(s->of, ((size_t)stream + 1) * sizeof *more);
    if (!more)
        return false;
    for (uint32_t i = s->count; i <= stream; i++)
        more[i] = ANSWER_NONE;
    s->of = more;
    s->count = stream + 1;
    return true;
}

/* Where the events of a stream come from: any of them tells. */
static int stream_origin(struct btr_answer *a, struct stream_origins *s, btr_event_ref ref,
                         uint32_t stream, struct btr_err *err)
{
    struct btr_event_full full;
    if (!streams_room(s, segment_of(ref), stream))
        return fail_memory(err);
    if (s->of[stream] != ANSWER_NONE)
        return 0;
    int rc = btr_reader_event(a->reader, ref, &full, err);
    if (rc == 0)
        s->of[stream] = origin_of(a, &full, 0);
    return rc == 0 && s->of[stream] == ANSWER_NONE ? fail_memory(err) : rc;
}

/* Notes what the event of a record stands for. */
static bool stand_add(struct btr_answer *a, struct answer_record *record,
                      const struct btr_event_cited *cited)
{
    if (cited->stands_for == 1)
        return true;
    if (!btr_list_room(&a->stands, a->stand_count, &a->stand_capacity, 256, sizeof *a->stands))
        return false;
    struct answer_record last = *record;
    last.record_id = cited->last_record_id;
    last.line = cited->last_line;
    a->stands[a->stand_count++] = (struct answer_stand){cited->stands_for, last};
    record->stand = a->stand_count & INT32_MAX;
    return true;
}

/* Reads what is cited of at most BATCH events. */
static int refs_cite(struct btr_answer *a, const btr_event_ref *refs, uint32_t count,
                     struct stream_origins *streams, struct answer_record *records,
                     struct btr_err *err)
{
    struct btr_event_cited cited[BATCH];
    int rc = btr_reader_cite(a->reader, refs, count, cited, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = stream_origin(a, streams, refs[i], cited[i].stream, err);
        if (rc < 0)
            break;
        records[i] = (struct answer_record){.record_id = cited[i].record_id,
                                            .line = cited[i].line,
                                            .bytes = cited[i].bytes,
                                            .origin = streams->of[cited[i].stream]};
        if (!stand_add(a, &records[i], &cited[i]))
            return fail_memory(err);
    }
    return rc;
}

/* Reads the events of some uses of one stretch. */
static int batch_read(struct btr_answer *a, const struct uses *u, uint32_t first, uint32_t count,
                      struct stream_origins *streams, struct btr_err *err)
{
    btr_event_ref refs[BATCH] = {0};
    struct answer_record records[BATCH];
    for (uint32_t i = 0; i < count; i++)
        refs[i] = use_ref(u, u->of[first + i]);
    int rc = refs_cite(a, refs, count, streams, records, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        a->records[u->of[first + i]] = records[i];
    return rc;
}

static int stretch_read(struct btr_answer *a, const struct uses *u, uint32_t stretch,
                        struct stream_origins *streams, struct btr_err *err)
{
    uint32_t at = u->begins[stretch], left = u->begins[stretch + 1] - at;
    int rc = 0;
    for (uint32_t n; rc == 0 && left > 0; at += n, left -= n) {
        n = left < BATCH ? left : BATCH;
        rc = batch_read(a, u, at, n, streams, err);
    }
    return rc;
}

int answer_events_read(struct btr_answer *a, struct btr_err *err)
{
    uint64_t crossings = crossings_count(a->trace), count = a->trace->step_count + 2 * crossings;
    struct uses u = {.trace = a->trace, .count = (uint32_t)count};
    struct stream_origins streams = {.segment = UINT32_MAX};
    if (count >= ANSWER_NONE)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "an answer of more than 4 billion steps");
    u.crossings = malloc((crossings + 1) * sizeof *u.crossings);
    a->records = malloc((count + 1) * sizeof *a->records);
    if (u.crossings && a->records)
        crossings_find(a, &u);
    int rc = u.crossings && a->records && stretches_lay(&u) && uses_sort(&u) ? 0 : fail_memory(err);
    for (uint32_t i = 0; rc == 0 && i < u.stretch_count; i++)
        rc = stretch_read(a, &u, i, &streams, err);
    free(streams.of);
    free(u.crossings);
    free(u.of);
    free(u.begins);
    free(u.segments);
    return rc;
}

int answer_steps_cite(struct btr_answer *a, uint32_t step_begin, uint32_t step_count,
                      struct answer_record *records, struct btr_err *err)
{
    struct stream_origins streams = {.segment = UINT32_MAX};
    btr_event_ref refs[BATCH];
    uint32_t count = 0;
    int rc = 0;
    for (uint32_t i = step_begin, end = step_begin + step_count; rc == 0 && i < end; i++) {
        const struct btr_trace_step *s = &a->trace->steps[i];
        if (btr_step_is_pair(s)) {
            const struct btr_pair *pair = &a->trace->pairs[s->ref - BTR_REF_PAIR];
            refs[count++] = pair->client_ref;
            refs[count++] = pair->server_ref;
        } else {
            refs[count++] = s->ref;
        }
        if (count + 2 <= BATCH && i + 1 < end)
            continue;
        rc = refs_cite(a, refs, count, &streams, records, err);
        records += count;
        count = 0;
    }
    free(streams.of);
    return rc;
}
