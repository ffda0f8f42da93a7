/* record: and origin:, the events of one record, and the end of its last flow. */
#include <btr/clock.h>
#include <btr/escape.h>
#include <stdio.h>

#include "spec.h"

/* "@T" may differ from a record's time by what its text rounds off. */
#define TIME_SLACK_NS INT64_C(1000000000)

struct found_record {
    struct btr_span host, source, input, digest; /* of the snapshot */
    uint64_t line, record_id;
    int64_t time_ns;
    /* its best event so far */
    struct btr_event event;
    btr_event_ref ref;
    int rank;
};

struct record_list {
    const struct spec_search *search;
    struct found_record records[SPEC_CANDIDATE_MAX];
    uint32_t count;
    uint64_t more;
};

/*
 * Which event of a record says where its information ended up. Events of a record stand in the
 * store by acting process, not as they were made, so the last one is told by what it is: a flow
 * before a mention, one of its own before an implied one, a further part before the first, an old
 * name's content that became a new name's before all.
 */
static int event_rank(const struct btr_event *e)
{
    enum btr_direction direction = btr_operation_direction(e->operation);
    int rank = 0;
    if (direction == BTR_FLOW_MEET || e->operation == BTR_OP_SAME ||
        e->operation == BTR_OP_SESSION_OF)
        return 0;
    if (!(e->flags & BTR_EVENT_IMPLIED))
        rank += 8;
    if (direction != BTR_FLOW_NONE)
        rank += 4;
    if (e->operation == BTR_OP_RENAMED || e->operation == BTR_OP_LINKED)
        return rank + 2;
    return rank + ((e->flags & BTR_EVENT_PART) != 0);
}

static bool same_record(const struct found_record *r, const struct btr_event_full *e)
{
    return r->line == e->event.line && btr_span_equal(r->source, e->source) &&
           btr_span_equal(r->host, e->host) && btr_span_equal(r->digest, e->input_digest) &&
           btr_span_equal(r->input, e->input);
}

static int record_visit(void *self, btr_event_ref ref, const struct btr_event_full *e)
{
    struct record_list *list = self;
    uint32_t i = 0;
    while (i < list->count && !same_record(&list->records[i], e))
        i++;
    if (i == SPEC_CANDIDATE_MAX) {
        list->more++;
        return 0;
    }
    struct found_record *r = &list->records[i];
    if (i == list->count) {
        list->count++;
        *r = (struct found_record){e->host,
                                   e->source,
                                   e->input,
                                   e->input_digest,
                                   e->event.line,
                                   e->event.record_id,
                                   e->event.time_ns,
                                   {.operation = 0},
                                   0,
                                   -1};
    }
    int rank = event_rank(&e->event);
    if (rank < r->rank || (rank == r->rank && e->event.last_ns < r->event.last_ns))
        return 0;
    r->event = e->event;
    r->ref = ref;
    r->rank = rank;
    return 0;
}

/* ---- Candidates ---- */

static void record_print(struct btr_buffer *out, const struct found_record *r)
{
    char time[BTR_TIME_TEXT_SIZE];
    btr_time_text(r->time_ns, time);
    btr_buffer_text(out, "record:");
    btr_escape_terminal(out, r->host);
    btr_buffer_text(out, "/");
    btr_escape_terminal(out, r->source);
    btr_buffer_format(out, "/%llu@%s  origin:", (unsigned long long)r->record_id, time);
    btr_escape_terminal(out, r->input);
    btr_buffer_format(out, ":%llu\n", (unsigned long long)r->line);
}

static int refuse_many(struct record_list *list)
{
    const struct spec_search *s = list->search;
    for (uint32_t i = 0; s->candidates && i < list->count; i++)
        record_print(s->candidates, &list->records[i]);
    if (s->candidates && list->more)
        btr_buffer_format(s->candidates, "and more\n");
    return btr_fail(s->err, BTR_E_AMBIGUOUS, UINT64_MAX, "%s%u records fit",
                    list->more ? "more than " : "", (unsigned)list->count);
}

static int64_t time_distance(int64_t a, int64_t b)
{
    uint64_t d = a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
    return d > INT64_MAX ? INT64_MAX : (int64_t)d;
}

/* Keeps the records nearest to @T, when it was given. */
static int keep_nearest(struct record_list *list)
{
    int64_t at_ns = list->search->spec->at_ns, best = INT64_MAX;
    if (at_ns == INT64_MIN || list->count == 0)
        return 0;
    for (uint32_t i = 0; i < list->count; i++) {
        int64_t d = time_distance(list->records[i].time_ns, at_ns);
        best = d < best ? d : best;
    }
    if (best > TIME_SLACK_NS) {
        char time[BTR_TIME_TEXT_SIZE];
        btr_time_text(list->records[0].time_ns, time);
        return btr_fail(list->search->err, BTR_E_NOTFOUND, UINT64_MAX,
                        "no such record at that time, but one at %s", time);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (time_distance(list->records[i].time_ns, at_ns) == best)
            list->records[kept++] = list->records[i];
    }
    list->count = kept;
    return 0;
}

/* ---- Its end ---- */

struct source_search {
    btr_event_ref ref;
    uint32_t source;
};

static int source_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct source_search *s = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        if (flows[i].ref != s->ref)
            continue;
        s->source = flows[i].source;
        return 1;
    }
    return 0;
}

/* The end that information flows to; where both ways, or to none, the object, the subject. */
static int match_make(const struct record_list *list, struct btr_spec_match *out)
{
    const struct found_record *r = &list->records[0];
    enum btr_direction direction = btr_operation_direction(r->event.operation);
    bool object = direction == BTR_FLOW_OUT || direction == BTR_FLOW_BOTH;
    struct source_search s = {r->ref, UINT32_MAX};
    out->entity = object ? r->event.object : r->event.subject;
    out->time_ns = r->event.last_ns;
    int rc = btr_reader_flows(list->search->reader, out->entity, BTR_SIDE_ALL, 0, NULL,
                              source_visit, &s, list->search->err);
    out->source = s.source;
    if (list->search->at_ns != INT64_MIN) {
        out->time_ns = list->search->at_ns;
        out->source = UINT32_MAX;
    }
    return rc < 0 ? rc : 0;
}

static int origin_search(const struct spec_search *search, struct record_list *list)
{
    const struct btr_spec *spec = search->spec;
    struct btr_buffer name = {0};
    btr_buffer_span(&name, spec->path);
    if (spec->partition != UINT32_MAX) /* an input of a topic is named TOPIC:PARTITION */
        btr_buffer_format(&name, ":%u", (unsigned)spec->partition);
    int rc = name.failed ? btr_fail(search->err, BTR_E_NOMEM, UINT64_MAX, "origin")
                         : btr_reader_by_origin(search->reader, btr_buffer_view(&name),
                                                spec->number, record_visit, list, search->err);
    btr_buffer_fini(&name);
    return rc;
}

static int not_found(const struct spec_search *search)
{
    const struct btr_spec *spec = search->spec;
    unsigned long long number = spec->number;
    if (spec->form == BTR_SPEC_ORIGIN)
        return btr_fail(
            search->err, BTR_E_NOTFOUND, UINT64_MAX, "no event comes from \"%.*s\", %s %llu",
            (int)(spec->path.size < 200 ? spec->path.size : 200), (const char *)spec->path.at,
            spec->partition == UINT32_MAX ? "line" : "offset", number);
    return btr_fail(search->err, BTR_E_NOTFOUND, UINT64_MAX,
                    "no event of record %llu on host \"%.*s\"", number, (int)spec->host.size,
                    (const char *)spec->host.at);
}

int query_spec_record(const struct spec_search *search, struct btr_spec_match *out)
{
    struct record_list list = {.search = search};
    const struct btr_spec *spec = search->spec;
    int rc = spec->form == BTR_SPEC_ORIGIN
                 ? origin_search(search, &list)
                 : btr_reader_by_record(search->reader, spec->host, spec->channel, spec->number,
                                        record_visit, &list, search->err);
    if (rc == 0 || rc == BTR_E_NOTFOUND)
        rc = list.count ? keep_nearest(&list) : not_found(search);
    if (rc < 0)
        return rc;
    return list.count == 1 ? match_make(&list, out) : refuse_many(&list);
}
