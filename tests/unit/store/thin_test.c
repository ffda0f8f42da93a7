/* Thinned segments: what they say, what they carry on, and when they do not come to be. */
#include <test.h>

#include <temp_files.h>

#include "format.h"
#include "model.h"
#include "segment_store.h"
#include "store_tests.h"
#include "writer.h"

enum { READS = 40, MS = 1000000 };
#define BEGIN_NS INT64_C(1795424315000000000)

static const struct btr_id PROCESS = {1, 1}, OTHER = {2, 2}, FILE_ID = {3, 3};

/* ---- A rule that takes all that is alike ------------------------------------------------------
 */

static struct {
    uint32_t own, around, fixed;
    bool refuse;
} asked; /* what the rule was asked last */

static int all_alike(const struct btr_thin_set *set, uint32_t *leader, struct btr_err *err)
{
    (void)err;
    asked.own = set->own_count;
    asked.around = set->event_count - set->own_count;
    asked.fixed = 0;
    for (uint32_t i = 0; i < set->own_count; i++) {
        const struct btr_thin_event *e = &set->events[i];
        asked.fixed += e->fixed;
        leader[i] = i;
        for (uint32_t k = 0; k < i && !e->fixed; k++) {
            const struct btr_thin_event *f = &set->events[k];
            bool alike = !f->fixed && f->subject == e->subject && f->object == e->object &&
                         f->operation == e->operation && f->doubt == e->doubt &&
                         btr_event_flags_alike(f->flags) == btr_event_flags_alike(e->flags) &&
                         f->stream == e->stream && f->first_ns <= e->first_ns &&
                         e->bytes < UINT64_MAX / 64 && f->bytes < UINT64_MAX / 64 && leader[k] == k;
            if (alike) {
                leader[i] = k;
                break;
            }
        }
    }
    return 0;
}

static int prove_as_told(const struct btr_thin_set *set, const uint32_t *leader,
                         struct btr_thin_proof *out, struct btr_err *err)
{
    (void)leader;
    (void)err;
    *out = (struct btr_thin_proof){
        .entities = set->entity_count, .closures = 7, .equal = !asked.refuse, .time_ns = BEGIN_NS};
    return 0;
}

static const struct btr_thin_rule rule = {10 * (int64_t)MS, 3, all_alike, prove_as_told};

static int thin(const char *path, int64_t before_ns, bool dry_run, struct btr_thin_stat *stat)
{
    struct btr_err err = {0};
    struct btr_thin_options options = {before_ns, dry_run};
    return btr_store_thin(path, &rule, &options, stat, NULL, NULL, &err);
}

/* ---- A store ----------------------------------------------------------------------------------
 */

struct place {
    char folder[256], path[300], more[300];
};

static void place_make(struct place *p)
{
    temp_folder_make(p->folder);
    (void)snprintf(p->path, sizeof(p->path), "%s/store", p->folder);
    (void)snprintf(p->more, sizeof(p->more), "%s/more", p->folder);
    asked.refuse = false;
}

/* Reads of a file by a process, a millisecond after the other, and a write at the end. */
static void tell(const char *path, uint32_t input, int64_t since_ns, struct btr_id process)
{
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    struct btr_batch b;
    struct btr_progress progress = model_progress();
    btr_batch_init(&b);
    b.input = input;
    uint32_t stream = btr_batch_stream(&b, BTR_SPAN("web01"), BTR_SPAN("auditd"));
    const struct btr_id ids[] = {process, FILE_ID};
    for (int i = 0; i < 2; i++) {
        struct btr_note *note = btr_batch_note(&b);
        *note = (struct btr_note){.id = ids[i],
                                  .kind = i ? BTR_KIND_FILE : BTR_KIND_PROCESS,
                                  .host = btr_batch_name(&b, BTR_SPAN("web01"))};
    }
    for (uint32_t i = 0; i <= READS; i++) {
        struct btr_event *e = btr_batch_event(&b);
        int64_t at_ns = since_ns + (int64_t)i * MS;
        *e = (struct btr_event){.subject = process,
                                .object = FILE_ID,
                                .time_ns = at_ns,
                                .first_ns = at_ns,
                                .last_ns = at_ns + 1,
                                .bytes = i + 1,
                                .record_id = (uint64_t)(since_ns - BEGIN_NS) / MS + 100 + i,
                                .line = (uint64_t)(since_ns - BEGIN_NS) / MS + 1 + i,
                                .stream = stream,
                                .operation = i < READS ? BTR_OP_READ : BTR_OP_WRITE,
                                .flags = i < READS && i % 3 == 0 ? BTR_EVENT_ENDS : 0};
    }
    b.record_count = READS + 1;
    assert_int_equal(store_writer_open(&writer, path, NULL, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    assert_int_equal(sink->append(sink->self, &b, &err), 0);
    assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
    btr_batch_fini(&b);
}

struct sums {
    uint64_t events, thinned, stood_for, bytes;
    struct btr_event_full last; /* of those that are thinned */
};

static int event_sum(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct sums *s = self;
    (void)ref;
    s->events++;
    s->stood_for += full->stands_for;
    s->bytes += full->event.bytes;
    assert_int_equal((full->event.flags & BTR_EVENT_THINNED) != 0, full->stands_for > 1);
    if (full->stands_for > 1) {
        s->thinned++;
        s->last = *full;
    }
    return 0;
}

static int source_count(void *self, const struct btr_source_stat *stat)
{
    *(uint64_t *)self += stat->event_count;
    return 0;
}

/* All events of a store, which must be sound, and whose statistics must tell of `told` events. */
static struct sums sums_of(const char *path, uint64_t told)
{
    struct btr_err err = {0};
    struct btr_reader *reader = NULL;
    struct sums s = {0};
    struct btr_store_stat stat;
    uint64_t counted = 0;
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
    assert_int_equal(
        btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, event_sum, &s, &err),
        0);
    assert_int_equal(btr_reader_sources(reader, source_count, &counted, &err), 0);
    assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
    assert_int_equal(counted, told);
    assert_int_equal(stat.event_count, s.events);
    assert_int_equal(stat.thinned, s.thinned);
    assert_int_equal(stat.event_count - stat.thinned + stat.stood_for, told);
    struct btr_arena *arena = btr_arena_new(1 << 20);
    struct btr_entity e;
    assert_int_equal(btr_reader_entity(reader, FILE_ID, arena, &e, &err), 0);
    assert_int_equal(e.event_count, told);
    btr_arena_free(arena);
    btr_reader_close(reader);
    assert_int_equal(btr_store_verify(path, NULL, NULL, &err), 0);
    struct btr_chain chain;
    assert_int_equal(btr_store_chain(path, NULL, &chain, &err), 0);
    return s;
}

/* ---- Tests ------------------------------------------------------------------------------------
 */

static void a_thinned_event_says_what_it_stands_for(void **state)
{
    (void)state;
    struct place p;
    struct btr_thin_stat stat;
    place_make(&p);
    tell(p.path, 0, BEGIN_NS, PROCESS);
    struct sums before = sums_of(p.path, READS + 1);
    assert_int_equal(thin(p.path, INT64_MAX, true, &stat), 0); /* a dry run changes nothing */
    assert_true(stat.segments == 1 && stat.events == READS + 1 && stat.events_after == 2);
    assert_int_equal(sums_of(p.path, READS + 1).events, READS + 1);
    assert_int_equal(thin(p.path, INT64_MAX, false, &stat), 0);
    assert_true(stat.segments == 1 && stat.events == READS + 1 && stat.events_after == 2);
    struct sums s = sums_of(p.path, READS + 1);
    assert_true(s.events == 2 && s.thinned == 1 && s.stood_for == READS + 1);
    assert_int_equal(s.bytes, before.bytes);
    const struct btr_event_full *e = &s.last;
    assert_int_equal(e->stands_for, READS);
    assert_int_equal(e->event.flags, BTR_EVENT_THINNED); /* of several none says where they end */
    assert_true(e->event.first_ns == BEGIN_NS && e->event.time_ns == BEGIN_NS);
    assert_true(e->event.last_ns == BEGIN_NS + (READS - 1) * (int64_t)MS + 1);
    assert_true(e->event.record_id == 100 && e->event.line == 1);
    assert_int_equal(e->last_record_id, 100 + READS - 1);
    assert_int_equal(e->last_line, READS);
    assert_true(e->last_time_ns == BEGIN_NS + (READS - 1) * (int64_t)MS);
    assert_int_equal(thin(p.path, INT64_MAX, false, &stat), 0); /* nothing is left to do */
    assert_true(stat.segments == 0 && stat.left == 1);
    temp_folder_remove(p.folder);
}

static int told_count(void *self, const struct btr_certified *c)
{
    uint32_t *counts = self;
    counts[0] += c->segment.proof.entities > 0;
    counts[1] += c->told_count;
    if (c->told_count)
        assert_true(c->told[0].events_before == READS + 1 && c->told[0].events_after == 2 &&
                    c->told[0].closures == 7);
    return 0;
}

/* Merged, split by day, or carried in a bag: what was thinned stays so, with its proofs. */
static void what_is_thinned_is_carried_on(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_thin_stat stat;
    struct btr_merge_stat merged;
    struct btr_bag_stat bag;
    struct btr_export_options all = {INT64_MIN, INT64_MAX, NULL};
    char file[400];
    uint32_t counts[2] = {0};
    place_make(&p);
    (void)snprintf(file, sizeof(file), "%s/exact.tar", p.folder);
    tell(p.path, 0, BEGIN_NS, PROCESS);
    tell(p.path, 0, BEGIN_NS + 100 * (int64_t)MS, PROCESS);
    assert_int_equal(btr_store_export(p.path, file, &all, &bag, &err), 0);
    assert_int_equal(thin(p.path, INT64_MAX, false, &stat), 0);
    assert_int_equal(stat.segments, 2);
    assert_int_equal(btr_store_compact(p.path, &merged, &err), 0);
    assert_int_equal(merged.merges, 1);
    struct sums s = sums_of(p.path, 2 * (READS + 1));
    assert_true(s.events == 4 && s.thinned == 2);
    assert_int_equal(btr_store_certify(p.path, &rule, NULL, 0, told_count, counts, &err), 0);
    assert_true(counts[0] == 0 && counts[1] == 2);
    assert_int_equal(btr_store_import(p.path, file, &bag, &err), 0); /* the originals are known */
    assert_true(bag.segments == 0 && bag.known == 2);
    (void)snprintf(file, sizeof(file), "%s/thinned.tar", p.folder);
    assert_int_equal(btr_store_export(p.path, file, &all, &bag, &err), 0);
    assert_int_equal(btr_store_import(p.more, file, &bag, &err), 0);
    assert_int_equal(sums_of(p.more, 2 * (READS + 1)).thinned, 2);
    temp_folder_remove(p.folder);
}

static void what_must_not_be_thinned_is_not(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_thin_stat stat;
    struct btr_hold hold = {.host = BTR_SPAN("web*"),
                            .since_ns = INT64_MIN,
                            .until_ns = INT64_MAX,
                            .why = BTR_SPAN("case 7")};
    uint64_t id;
    place_make(&p);
    tell(p.path, 0, BEGIN_NS, PROCESS);
    assert_int_equal(thin(p.path, BEGIN_NS + READS * (int64_t)MS, false, &stat), 0); /* too young */
    assert_true(stat.segments == 0 && stat.left == 0);
    asked.refuse = true; /* a closure differs */
    assert_int_equal(thin(p.path, INT64_MAX, false, &stat), BTR_E_CHECKSUM);
    uint32_t counts[2] = {0};
    assert_int_equal(btr_store_certify(p.path, &rule, NULL, 0, told_count, counts, &err),
                     BTR_E_CHECKSUM);
    assert_int_equal(counts[0], 1);
    asked.refuse = false;
    assert_int_equal(btr_store_hold_add(p.path, &hold, &id, &err), 0);
    assert_int_equal(thin(p.path, INT64_MAX, false, &stat), 0);
    assert_true(stat.segments == 0 && stat.held_segments == 1 && stat.held_events == READS + 1);
    assert_int_equal(sums_of(p.path, READS + 1).thinned, 0);
    assert_int_equal(btr_store_hold_remove(p.path, id, &err), 0);
    assert_int_equal(thin(p.path, INT64_MAX, false, &stat), 0);
    assert_int_equal(stat.segments, 1);
    const char *none[] = {"00000000000000000000000000000000"};
    assert_int_equal(btr_store_certify(p.path, &rule, none, 1, told_count, counts, &err),
                     BTR_E_NOTFOUND);
    temp_folder_remove(p.folder);
}

/* The rule is asked of what other segments tell around an entity; what two inputs may both tell
 * stays as it is. */
static void the_rule_sees_what_else_is_told(void **state)
{
    (void)state;
    struct place p;
    struct btr_thin_stat stat;
    place_make(&p);
    tell(p.path, 0, BEGIN_NS, PROCESS);
    tell(p.path, 0, BEGIN_NS + 45 * (int64_t)MS, OTHER); /* the same file; five within the reach */
    assert_int_equal(thin(p.path, BEGIN_NS + 42 * (int64_t)MS, true, &stat), 0);
    assert_int_equal(stat.segments, 1);
    assert_int_equal(asked.own, READS + 1);
    assert_int_equal(asked.around, 6);
    assert_int_equal(asked.fixed, 0);
    tell(p.path, 1, BEGIN_NS + 20 * (int64_t)MS, PROCESS); /* another input of the same source */
    assert_int_equal(thin(p.path, BEGIN_NS + 42 * (int64_t)MS, true, &stat), 0);
    assert_int_equal(asked.fixed, READS + 1 - 20);
    temp_folder_remove(p.folder);
}

static int fault_note(void *self, const char *segment, const char *what)
{
    (void)segment;
    *(bool *)self = *(bool *)self || strstr(what, "section counts") != NULL;
    return 0;
}

static void a_damaged_count_is_named_and_costs_its_event(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_thin_stat stat;
    struct btr_buffer file = {0};
    struct btr_reader *reader = NULL;
    char name[4096];
    bool named = false;
    place_make(&p);
    tell(p.path, 0, BEGIN_NS, PROCESS);
    assert_int_equal(thin(p.path, INT64_MAX, false, &stat), 0);
    segment_file_read(p.path, 0, name, &file);
    assert_true(segment_file_damage(name, &file, STORE_COUNTS));
    btr_buffer_fini(&file);
    assert_int_equal(btr_store_verify(p.path, fault_note, &named, &err), BTR_E_CHECKSUM);
    assert_true(named);
    const char *path = p.path;
    struct sums s = {0};
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
    int rc =
        btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, event_sum, &s, &err);
    assert_true(rc < 0);
    assert_int_equal(btr_reader_mend(reader, &err), 1);
    s = (struct sums){0};
    assert_int_equal(
        btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, event_sum, &s, &err),
        0);
    assert_true(s.events == 1 && s.thinned == 0); /* the write is left */
    btr_reader_close(reader);
    temp_folder_remove(p.folder);
}

int thin_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thinned_event_says_what_it_stands_for),
        cmocka_unit_test(what_is_thinned_is_carried_on),
        cmocka_unit_test(what_must_not_be_thinned_is_not),
        cmocka_unit_test(the_rule_sees_what_else_is_told),
        cmocka_unit_test(a_damaged_count_is_named_and_costs_its_event),
    };
    return cmocka_run_group_tests_name("thin", tests, NULL, NULL);
}
