/* Records that several inputs or stores tell count once. */
#include <test.h>

#include <inttypes.h>
#include <temp_files.h>

#include "model.h"
#include "reader.h"
#include "store_tests.h"
#include "writer.h"

enum { RECORDS = 120 };

/* ---- What a reader tells, as lines ------------------------------------------------------------
 */

struct lines {
    char **items;
    size_t count, capacity;
    struct btr_reader *reader;
    struct btr_id ids[MODEL_IDS + 1]; /* entities met */
    uint32_t id_count;
};

static void line_add(struct lines *l, struct btr_buffer *text)
{
    btr_buffer_u8(text, 0);
    assert_false(text->failed);
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 1024;
        l->items = realloc(l->items, l->capacity * sizeof(*l->items));
        assert_non_null(l->items);
    }
    l->items[l->count] = strdup((const char *)text->at);
    assert_non_null(l->items[l->count++]);
    btr_buffer_fini(text);
}

static void hex(struct btr_buffer *text, struct btr_span bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        btr_buffer_format(text, "%02x", bytes.at[i]);
    btr_buffer_text(text, " ");
}

static int event_line(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct btr_buffer text = {0};
    const struct btr_event *e = &full->event;
    (void)ref;
    hex(&text, full->host);
    hex(&text, full->source);
    btr_buffer_format(&text, "event %" PRIx64 " %" PRIx64 " %" PRId64 " %" PRId64 " %" PRId64,
                      e->subject.lo, e->object.lo, e->time_ns, e->first_ns, e->last_ns);
    btr_buffer_format(&text, " %" PRIu64 " %" PRIu64 " %u %u %u", e->bytes, e->record_id,
                      e->operation, e->doubt, e->flags);
    line_add(self, &text);
    return 0;
}

static int flow_lines(void *self, const struct btr_flow *flows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct btr_buffer text = {0};
        btr_buffer_format(&text, "flow %" PRIx64 " %" PRId64 " %" PRId64 " %u %u %u",
                          flows[i].other.lo, flows[i].first_ns, flows[i].last_ns,
                          flows[i].operation, flows[i].doubt, flows[i].flags);
        line_add(self, &text);
    }
    return 0;
}

static int entity_line(void *self, const struct btr_entity *e)
{
    struct lines *l = self;
    struct btr_buffer text = {0};
    assert_true(l->id_count <= MODEL_IDS);
    l->ids[l->id_count++] = e->id;
    btr_buffer_format(&text, "entity %" PRIx64 " %u %" PRId64 " %" PRId64 " %" PRIu64 " ", e->id.lo,
                      e->kind, e->first_ns, e->last_ns, e->event_count);
    for (uint32_t i = 0; i < e->attr_count; i++) {
        btr_buffer_format(&text, "%u %" PRId64 " ", e->attrs[i].key, e->attrs[i].since_ns);
        hex(&text, e->attrs[i].value);
    }
    line_add(l, &text);
    return 0;
}

static int gap_line(void *self, const struct btr_gap_full *g)
{
    struct btr_buffer text = {0};
    hex(&text, g->host);
    hex(&text, g->source);
    hex(&text, g->gap.why);
    btr_buffer_format(&text, "gap %u %" PRId64 " %" PRId64 " %" PRIu64, g->gap.kind, g->gap.from_ns,
                      g->gap.until_ns, g->gap.count);
    line_add(self, &text);
    return 0;
}

static int source_line(void *self, const struct btr_source_stat *s)
{
    struct btr_buffer text = {0};
    hex(&text, s->host);
    hex(&text, s->source);
    btr_buffer_format(&text, "source %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64, s->first_ns,
                      s->last_ns, s->event_count, s->gap_count);
    for (unsigned i = 0; i <= BTR_OP_MAX; i++)
        btr_buffer_format(&text, " %" PRIu64, s->operation_count[i]);
    line_add(self, &text);
    return 0;
}

static void flows_all(struct lines *l)
{
    struct btr_err err;
    for (uint32_t i = 0; i < l->id_count; i++) {
        for (unsigned side = BTR_SIDE_INTO; side <= BTR_SIDE_ALL; side++) {
            size_t before = l->count;
            int64_t bound = side == BTR_SIDE_OUT_OF ? INT64_MIN : INT64_MAX;
            assert_int_equal(btr_reader_flows(l->reader, l->ids[i], (enum btr_side)side, bound,
                                              NULL, flow_lines, l, &err),
                             0);
            struct btr_buffer text = {0};
            btr_buffer_format(&text, "flows %" PRIx64 " %u %zu", l->ids[i].lo, side,
                              l->count - before);
            line_add(l, &text);
        }
    }
}

static int text_compare(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

static struct lines lines_of(const char *const *paths, uint32_t count)
{
    struct btr_err err;
    struct lines l = {0};
    struct btr_store_stat stat;
    struct btr_buffer text = {0};
    assert_int_equal(btr_reader_open(&l.reader, paths, count, &err), 0);
    assert_int_equal(
        btr_reader_entities(l.reader, BTR_KIND_NONE, INT64_MIN, INT64_MAX, entity_line, &l, &err),
        0);
    flows_all(&l);
    assert_int_equal(btr_reader_events(l.reader, INT64_MIN, INT64_MAX, (struct btr_span){0},
                                       event_line, &l, &err),
                     0);
    assert_int_equal(btr_reader_gaps(l.reader, gap_line, &l, &err), 0);
    assert_int_equal(btr_reader_sources(l.reader, source_line, &l, &err), 0);
    assert_int_equal(btr_reader_stat(l.reader, &stat, &err), 0);
    btr_buffer_format(&text, "stat %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64,
                      stat.event_count, stat.entity_count, stat.gap_count, stat.first_ns,
                      stat.last_ns);
    line_add(&l, &text);
    btr_reader_close(l.reader);
    qsort(l.items, l.count, sizeof(*l.items), text_compare);
    return l;
}

static void lines_fini(struct lines *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
}

static void same_lines(const struct lines *a, const char *const *paths, uint32_t count)
{
    struct lines b = lines_of(paths, count);
    for (size_t i = 0; i < a->count && i < b.count; i++)
        assert_string_equal(a->items[i], b.items[i]);
    assert_int_equal(a->count, b.count);
    lines_fini(&b);
}

/* ---- A recording ------------------------------------------------------------------------------
 */

struct recording {
    struct model model;
    struct btr_batch records[RECORDS]; /* a record each */
    uint64_t stride;                   /* lines from one record to the next */
};

/* Records of one source in a sequence, as an agent tells them. */
static void recording_make(struct recording *r, uint64_t seed)
{
    model_init(&r->model, seed);
    r->stride = seed % 3 == 0 ? 2 * STORE_STRETCH_HOLE : 1; /* or each a stretch of its own */
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct btr_batch *b = &r->records[i];
        btr_batch_init(b);
        model_batch(&r->model, b, (uint32_t)test_random_below(&r->model.random, 6));
        b->quarantined_count = 0;
        for (uint32_t k = 0; k < b->event_count; k++) {
            struct btr_event *e = &b->events[k];
            int64_t width = e->last_ns - e->first_ns;
            e->last_ns = 1795424315000000000 + i * 10;
            e->first_ns = e->last_ns - width;
            e->record_id = i + 1;
            if (k > 0 && test_random_below(&r->model.random, 4) == 0)
                *e = e[-1]; /* the same twice in one record: both count */
        }
    }
}

static void recording_fini(struct recording *r)
{
    for (uint32_t i = 0; i < RECORDS; i++)
        btr_batch_fini(&r->records[i]);
    model_fini(&r->model);
}

/* Appends record `i` as one of an input, `nth` in it. */
static void record_append(struct recording *r, const struct btr_sink *sink, uint32_t i,
                          uint32_t input, uint64_t nth)
{
    struct btr_err err = {0};
    struct btr_batch *b = &r->records[i];
    b->input = input;
    for (uint32_t k = 0; k < b->event_count; k++)
        b->events[k].line = nth * r->stride;
    for (uint32_t k = 0; k < b->gap_count; k++)
        b->gaps[k].line = nth * r->stride;
    assert_int_equal(sink->append(sink->self, b, &err), 0);
}

/* Tells records first..end-1 as an input of its own, the first as its nth; publishes at random. */
static void tell(struct recording *r, const char *path, uint32_t first, uint32_t end,
                 uint32_t input, uint64_t nth)
{
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    struct btr_progress progress = model_progress();
    assert_int_equal(store_writer_open(&writer, path, NULL, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    for (uint32_t i = first; i < end; i++, nth++) {
        record_append(r, sink, i, input, nth);
        if (i + 1 == end || test_random_below(&r->model.random, 20) == 0)
            assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    }
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
}

struct places {
    char folder[256], whole[300], a[300], b[300], both[300];
};

static void places_make(struct places *p)
{
    temp_folder_make(p->folder);
    (void)snprintf(p->whole, sizeof(p->whole), "%s/whole", p->folder);
    (void)snprintf(p->a, sizeof(p->a), "%s/a", p->folder);
    (void)snprintf(p->b, sizeof(p->b), "%s/b", p->folder);
    (void)snprintf(p->both, sizeof(p->both), "%s/both", p->folder);
}

static void check_split(uint64_t seed, bool same_input)
{
    struct recording *r = calloc(1, sizeof(*r));
    struct places p;
    struct btr_err err;
    struct btr_merge_stat stat;
    assert_non_null(r);
    recording_make(r, seed);
    places_make(&p);
    uint32_t begin = (uint32_t)test_random_below(&r->model.random, RECORDS);
    uint32_t end = begin + (uint32_t)test_random_below(&r->model.random, RECORDS - begin);
    uint32_t input = same_input ? 0 : 1;
    uint64_t nth = same_input ? begin + 1 : 1; /* the same file, or one that begins later */
    tell(r, p.whole, 0, RECORDS, 0, 1);
    tell(r, p.a, 0, end, 0, 1);
    tell(r, p.b, begin, RECORDS, input, nth);
    tell(r, p.both, 0, end, 0, 1);
    tell(r, p.both, begin, RECORDS, input, nth);
    const char *whole[] = {p.whole}, *split[] = {p.b, p.a}, *both[] = {p.both};
    struct lines expected = lines_of(whole, 1);
    same_lines(&expected, split, 2);
    same_lines(&expected, both, 1);
    assert_int_equal(btr_store_compact(p.whole, &stat, &err), 0);
    assert_int_equal(stat.dropped, 0);
    same_lines(&expected, whole, 1);
    assert_int_equal(btr_store_compact(p.b, &stat, &err), 0);
    same_lines(&expected, split, 2);
    assert_int_equal(btr_store_compact(p.both, &stat, &err), 0);
    same_lines(&expected, both, 1);
    lines_fini(&expected);
    recording_fini(r);
    temp_folder_remove(p.folder);
    free(r);
}

static void what_two_stores_or_inputs_tell_counts_once(void **state)
{
    (void)state;
    unsigned rounds = getenv("BTR_LONG") ? 100 : 6;
    for (uint64_t seed = 1; seed <= rounds; seed++)
        check_split(seed, seed % 2 == 0);
}

static void events_without_a_record_id_are_one_only_at_the_same_line(void **state)
{
    (void)state;
    struct recording *r = calloc(1, sizeof(*r));
    struct places p;
    struct btr_err err;
    struct btr_reader *reader = NULL;
    struct btr_store_stat stat;
    uint64_t expected = 0;
    assert_non_null(r);
    recording_make(r, 77);
    places_make(&p);
    for (uint32_t i = 0; i < RECORDS; i++)
        for (uint32_t k = 0; k < r->records[i].event_count; k++, expected++)
            r->records[i].events[k].record_id = 0;
    tell(r, p.a, 0, RECORDS, 0, 1);
    tell(r, p.b, 0, RECORDS, 1, 1);     /* another file: nothing says that it is the same */
    tell(r, p.whole, 0, RECORDS, 0, 1); /* the same file */
    const char *others[] = {p.a, p.b}, *same[] = {p.a, p.whole};
    assert_int_equal(btr_reader_open(&reader, others, 2, &err), 0);
    assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
    assert_int_equal(stat.event_count, 2 * expected);
    btr_reader_close(reader);
    assert_int_equal(btr_reader_open(&reader, same, 2, &err), 0);
    assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
    assert_int_equal(stat.event_count, expected);
    btr_reader_close(reader);
    recording_fini(r);
    temp_folder_remove(p.folder);
    free(r);
}

static void ends_forget(struct recording *r)
{
    for (uint32_t i = 0; i < RECORDS; i++)
        for (uint32_t k = 0; k < r->records[i].event_count; k++)
            r->records[i].events[k].flags &= (uint8_t)~BTR_EVENT_ENDS;
}

/* A program of before tells the same log without the flag. */
static void events_that_differ_in_where_they_end_are_one(void **state)
{
    (void)state;
    struct recording *r = calloc(1, sizeof(*r));
    struct places p;
    struct btr_err err;
    struct btr_merge_stat merged;
    struct btr_reader *reader = NULL;
    struct btr_store_stat stat;
    uint64_t expected = 0;
    assert_non_null(r);
    recording_make(r, 78);
    places_make(&p);
    for (uint32_t i = 0; i < RECORDS; i++)
        expected += r->records[i].event_count;
    tell(r, p.a, 0, RECORDS, 0, 1);
    tell(r, p.both, 0, RECORDS, 0, 1);
    ends_forget(r);
    tell(r, p.b, 0, RECORDS, 1, 1);
    tell(r, p.both, 0, RECORDS, 1, 1);
    assert_int_equal(btr_store_compact(p.both, &merged, &err), 0);
    assert_int_equal(merged.dropped, expected);
    const char *split[] = {p.b, p.a};
    assert_int_equal(btr_reader_open(&reader, split, 2, &err), 0);
    assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
    assert_int_equal(stat.event_count, expected);
    btr_reader_close(reader);
    struct lines a = lines_of(split, 2), b = lines_of((const char *const[]){p.both}, 1);
    assert_int_equal(a.count, b.count); /* each flow once */
    lines_fini(&a);
    lines_fini(&b);
    recording_fini(r);
    temp_folder_remove(p.folder);
    free(r);
}

/* The records of a source, those of the middle third in a segment of their own. */
static void thirds_tell(struct recording *r, const char *path)
{
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    struct btr_progress progress = model_progress();
    assert_int_equal(store_writer_open(&writer, path, NULL, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    for (uint32_t is_middle = 0; is_middle < 2; is_middle++) {
        for (uint32_t i = 0; i < RECORDS; i++)
            if ((i / (RECORDS / 3) == 1) == is_middle)
                record_append(r, sink, i, 0, i + 1);
        assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    }
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
}

static void what_fills_a_hole_is_not_looked_through(void **state)
{
    (void)state;
    for (uint64_t hole = 1; hole <= STORE_STRETCH_HOLE; hole *= STORE_STRETCH_HOLE) {
        struct recording *r = calloc(1, sizeof(*r));
        struct places p;
        struct btr_err err;
        struct btr_store_stat stat;
        struct btr_reader *reader = NULL;
        uint64_t expected = 0;
        assert_non_null(r);
        recording_make(r, 5);
        for (uint32_t i = 0; i < RECORDS; i++)
            for (uint32_t k = 0; k < r->records[i].event_count; k++, expected++)
                r->records[i].events[k].first_ns = r->records[i].events[k].last_ns;
        r->stride = hole;
        places_make(&p);
        thirds_tell(r, p.a);
        const char *path = p.a;
        assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
        assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
        assert_int_equal(stat.event_count, expected);
        assert_int_equal(reader->once.windows.count > 0, hole == 1);
        btr_reader_close(reader);
        recording_fini(r);
        temp_folder_remove(p.folder);
        free(r);
    }
}

int once_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_two_stores_or_inputs_tell_counts_once),
        cmocka_unit_test(events_without_a_record_id_are_one_only_at_the_same_line),
        cmocka_unit_test(events_that_differ_in_where_they_end_are_one),
        cmocka_unit_test(what_fills_a_hole_is_not_looked_through),
    };
    return cmocka_run_group_tests_name("told twice", tests, NULL, NULL);
}
