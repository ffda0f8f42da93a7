/* The walk over stores, before and after merging, and over two that tell the same: the oracle's
 * closure. */
#include <test.h>

#include <btr/store.h>
#include <temp_files.h>
#include <test_random.h>

#include "graph_tests.h"
#include "memory_edges.h"
#include "oracle.h"

enum { EVENTS_MAX = 50, NODES_MAX = 12, SOURCES = 3, PAIRS_MAX = 512 };

static const char *const hosts[SOURCES] = {"web01", "db01", "bast01"};

struct world {
    struct test_random random;
    struct btr_event events[EVENTS_MAX]; /* stream: which host */
    struct btr_id nodes[NODES_MAX], rendezvous;
    struct btr_pair pairs[PAIRS_MAX];
    uint32_t event_count, pair_count;
    struct btr_start start;
};

static uint32_t below(struct world *w, uint32_t n)
{
    return (uint32_t)test_random_below(&w->random, n);
}

static int64_t random_time(struct world *w)
{
    return INT64_C(1795424315000000000) + (int64_t)below(w, 40) * (BTR_SOURCE_ERROR_NS / 4);
}

static void world_make(struct world *w, uint64_t seed)
{
    static const uint8_t any[] = {BTR_OP_READ,        BTR_OP_WRITE,      BTR_OP_FORK,
                                  BTR_OP_RECV,        BTR_OP_SAME,       BTR_OP_OPEN_BOTH,
                                  BTR_OP_MEET_CLIENT, BTR_OP_MEET_SERVER};
    *w = (struct world){.random = {seed}, .rendezvous = {9, 9}};
    for (uint32_t i = 0; i < NODES_MAX; i++)
        w->nodes[i] = (struct btr_id){1 + i, test_random_next(&w->random)};
    w->event_count = 1 + below(w, EVENTS_MAX);
    for (uint32_t i = 0; i < w->event_count; i++) {
        struct btr_event *e = &w->events[i];
        *e = (struct btr_event){.first_ns = random_time(w),
                                .subject = w->nodes[below(w, NODES_MAX)],
                                .object = w->nodes[below(w, NODES_MAX)],
                                .operation = any[below(w, sizeof(any))],
                                .stream = below(w, SOURCES),
                                .bytes = BTR_BYTES_UNKNOWN,
                                .record_id = i + 1,
                                .line = i + 1};
        e->last_ns = e->first_ns + (int64_t)below(w, 8) * (BTR_SOURCE_ERROR_NS / 4);
        e->time_ns = e->last_ns;
        if (btr_operation_direction(e->operation) == BTR_FLOW_MEET)
            e->object = w->rendezvous;
    }
    w->start = (struct btr_start){.entity = w->nodes[below(w, NODES_MAX)],
                                  .time_ns = random_time(w),
                                  .source = below(w, SOURCES)};
}

/* Tells some of the events as an input of its own: a batch each, published at random. */
static void tell(struct world *w, const char *path, const char *input, uint32_t first, uint32_t end)
{
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_input row = {.name = btr_span_of(input), .head_hash = 1};
    uint32_t id = 0;
    struct btr_progress progress = {.inputs = &row, .input_ids = &id, .input_count = 1};
    struct btr_batch batch;
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    btr_batch_init(&batch);
    for (uint32_t i = first; i < end; i++) {
        btr_batch_clear(&batch);
        uint32_t stream =
            btr_batch_stream(&batch, btr_span_of(hosts[w->events[i].stream]), BTR_SPAN("auditd"));
        struct btr_event *e = btr_batch_event(&batch);
        assert_non_null(e);
        *e = w->events[i];
        e->stream = stream;
        assert_int_equal(sink->append(sink->self, &batch, &err), 0);
        if (i + 1 == end || below(w, 6) == 0)
            assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    }
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_batch_fini(&batch);
    btr_writer_close(writer);
}

/* What the oracle takes as given: the pairs, and the source by its number. */
static void oracle_ask(struct world *w, struct oracle *o, enum btr_walk_direction direction)
{
    struct memory_edges m;
    struct btr_pair *pairs = NULL;
    memory_edges_init(&m, w->events, w->event_count);
    struct btr_edges edges = memory_edges_of(&m);
    assert_int_equal(btr_pair_rendezvous(&edges, w->rendezvous, &pairs, &w->pair_count, NULL), 0);
    assert_true(w->pair_count <= PAIRS_MAX);
    for (uint32_t i = 0; i < w->pair_count; i++)
        w->pairs[i] = pairs[i];
    free(pairs);
    oracle_closure(o, w->events, w->event_count, w->pairs, w->pair_count, direction, &w->start, 1);
    memory_edges_fini(&m);
}

struct source_search {
    struct btr_span host;
    uint32_t source;
};

static int source_see(void *self, btr_event_ref ref, const struct btr_event_full *event)
{
    struct source_search *s = self;
    (void)ref;
    if (btr_span_equal(event->host, s->host))
        s->source = event->event.stream;
    return 0;
}

/* The same start, its source by the number that a reader gives it. */
static struct btr_start start_of(const struct world *w, struct btr_reader *reader)
{
    struct btr_err err;
    struct btr_start start = w->start;
    struct source_search search = {btr_span_of(hosts[start.source]), UINT32_MAX - 1};
    assert_int_equal(btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0},
                                       source_see, &search, &err),
                     0);
    start.source = search.source;
    return start;
}

static void assert_closure(const struct btr_trace *trace, const struct oracle *o)
{
    uint32_t reached = 0;
    for (uint32_t i = 0; i < o->node_count; i++) {
        if (!o->reached[i])
            continue;
        uint32_t k = 0;
        while (k < trace->node_count && !btr_id_equal(trace->nodes[k].id, o->ids[i]))
            k++;
        assert_true(k < trace->node_count);
        assert_int_equal(trace->nodes[k].bound_ns, o->told_ns[i]);
        reached++;
    }
    assert_int_equal(trace->node_count, reached);
    assert_int_equal(trace->step_count, o->step_count);
}

static void check_stores(struct world *w, const char *const *paths, uint32_t count)
{
    static struct oracle o;
    for (unsigned d = 0; d < 2; d++) {
        struct btr_err err;
        struct btr_reader *reader = NULL;
        struct btr_trace *trace = NULL;
        enum btr_walk_direction direction = d ? BTR_WALK_FORWARD : BTR_WALK_BACKWARD;
        oracle_ask(w, &o, direction);
        assert_int_equal(btr_reader_open(&reader, paths, count, &err), 0);
        struct btr_edges edges = btr_edges_of_reader(reader);
        struct btr_start start = start_of(w, reader);
        assert_int_equal(btr_walk(&trace, &edges, direction, &start, 1, NULL, &err), 0);
        assert_closure(trace, &o);
        btr_trace_free(trace);
        btr_reader_close(reader);
    }
}

static void stores_tell_the_oracles_closure_before_and_after_merging(void **state)
{
    (void)state;
    static struct world w;
    unsigned rounds = getenv("BTR_LONG") ? 400 : 25;
    for (uint64_t seed = 1; seed <= rounds; seed++) {
        struct btr_err err;
        struct btr_merge_stat stat;
        char folder[256], a[300], b[300];
        temp_folder_make(folder);
        (void)snprintf(a, sizeof(a), "%s/a", folder);
        (void)snprintf(b, sizeof(b), "%s/b", folder);
        world_make(&w, seed);
        uint32_t begin = below(&w, w.event_count), end = begin + below(&w, w.event_count - begin);
        tell(&w, a, "first.log", 0, end);
        tell(&w, a, "rest.log", begin, w.event_count);
        tell(&w, b, "other.log", 0, w.event_count);
        const char *paths[] = {a, b};
        check_stores(&w, paths, 1);
        check_stores(&w, paths, 2);
        assert_int_equal(btr_store_compact(a, &stat, &err), 0);
        check_stores(&w, paths, 1);
        check_stores(&w, paths, 2);
        temp_folder_remove(folder);
    }
}

int stored_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_tell_the_oracles_closure_before_and_after_merging),
    };
    return cmocka_run_group_tests_name("stored", tests, NULL, NULL);
}
