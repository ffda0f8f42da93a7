/*
 * Messages of real formats through a follower, in rounds of any size, beside the same records given
 * to their hosts' decoders one by one: each record meets its own host, format, and what was read of
 * it ahead.
 */
#include <stdlib.h>

#include "follow_world.h"
#include "test.h"
#include "test_random.h"

enum { HOSTS = 6, MESSAGES = 700, TEXT_SIZE = 1024, PARTITIONS = 3 };

struct host {
    char name[16];
    const struct btr_decoder *decoder;
    struct btr_decoder_state *state;
    struct btr_batch batch;
    struct btr_arena *arena;
    unsigned serial;
};

/* What all told, as of the host. */
struct plain {
    struct host hosts[HOSTS];
};

static void plain_init(struct plain *p)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        struct host *h = &p->hosts[i];
        (void)snprintf(h->name, sizeof h->name, i % 2 ? "ws%u" : "web%u", i);
        h->decoder = btr_decoder_find(i % 2 ? BTR_SPAN("winlog") : BTR_SPAN("auditd"));
        struct btr_decoder_config config = {.host = btr_span_of(h->name)};
        h->state = h->decoder->state_new(&config);
        h->arena = btr_arena_new(64 << 20);
        h->serial = 1000 * i;
        btr_batch_init(&h->batch);
        assert_true(h->state && h->arena);
    }
}

static void plain_fini(struct plain *p)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        p->hosts[i].decoder->state_free(p->hosts[i].state);
        btr_batch_fini(&p->hosts[i].batch);
        btr_arena_free(p->hosts[i].arena);
    }
}

/* The lines of an audit event, or a Sysmon record. */
static void message_make(struct host *h, struct test_random *r, char *to)
{
    unsigned n = ++h->serial, pid = 100 + (unsigned)test_random_below(r, 40),
             file = (unsigned)test_random_below(r, 9);
    if (h->decoder == btr_decoder_find(BTR_SPAN("winlog")))
        (void)snprintf(to, TEXT_SIZE,
                       "{\"EventID\":11,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\","
                       "\"Hostname\":\"%s\",\"RecordNumber\":%u,"
                       "\"@timestamp\":\"2024-05-01T10:%02u:%02u.%03uZ\","
                       "\"UtcTime\":\"2024-05-01 10:%02u:%02u.%03u\","
                       "\"ProcessGuid\":\"{fe86be69-fbae-64b5-%04x-000000001000}\","
                       "\"ProcessId\":\"%u\",\"Image\":\"C:\\\\p%u.exe\","
                       "\"TargetFilename\":\"C:\\\\f%u.txt\"}",
                       h->name, n, n / 60 % 60, n % 60, n % 1000, n / 60 % 60, n % 60, n % 1000,
                       pid, pid, pid, file);
    else
        (void)snprintf(to, TEXT_SIZE,
                       "type=SYSCALL msg=audit(17000%05u.%03u:%u): arch=c000003e syscall=257 "
                       "success=yes exit=%u a0=ffffff9c a1=0 a2=0 a3=0 items=1 ppid=1 pid=%u "
                       "auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) "
                       "ses=1 comm=\"c\" exe=\"/bin/p%u\" key=(null)\n"
                       "type=PATH msg=audit(17000%05u.%03u:%u): item=0 name=\"/tmp/f%u\" inode=%u "
                       "dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\n"
                       "type=EOE msg=audit(17000%05u.%03u:%u): ",
                       n, n % 1000, n, 3 + n % 50, pid, pid % 3, n, n % 1000, n, file, file + 2, n,
                       n % 1000, n);
}

static void plain_decode(struct host *h, const char *text)
{
    struct btr_err err;
    while (*text) {
        size_t size = strcspn(text, "\n");
        struct btr_span line;
        assert_true(
            btr_arena_copy(h->arena, (struct btr_span){(const uint8_t *)text, size}, &line));
        assert_int_equal(h->decoder->decode(h->state, line, &h->batch, h->arena, &err), 0);
        text += size + (text[size] == '\n');
    }
}

/* The events of a host that the sink has, in the order in which they came, are those of the batch.
 */
static void host_check(const struct memory_sink *sink, const struct host *h)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < sink->event_count; i++) {
        const struct btr_event *a = &sink->events[i].event, *b = &h->batch.events[at];
        if (strcmp(sink->events[i].host, h->name) != 0)
            continue;
        assert_true(at < h->batch.event_count);
        assert_true(btr_id_equal(a->subject, b->subject) && btr_id_equal(a->object, b->object));
        assert_true(a->first_ns == b->first_ns && a->last_ns == b->last_ns);
        assert_true(a->operation == b->operation && a->flags == b->flags &&
                    a->record_id == b->record_id);
        at++;
    }
    assert_int_equal(at, h->batch.event_count);
    assert_true(at > 50);
}

static void records_meet_their_hosts(void **state)
{
    (void)state;
    static const uint32_t ROUNDS[] = {0, 1, 7, 16, 100};
    for (size_t k = 0; k < sizeof ROUNDS / sizeof *ROUNDS; k++) {
        struct test_random r = {20261130 + k};
        static struct follow_world world;
        struct plain plain;
        char text[TEXT_SIZE];
        follow_clock_ns = 1;
        follow_world_init(&world, PARTITIONS);
        world.options.format = NULL;
        world.options.segment_events = 500;
        plain_init(&plain);
        for (unsigned n = 0; n < MESSAGES; n++) {
            unsigned i = (unsigned)test_random_below(&r, HOSTS);
            message_make(&plain.hosts[i], &r, text);
            plain_decode(&plain.hosts[i], text);
            memory_broker_put(&world.broker, i % PARTITIONS, plain.hosts[i].name, text);
        }
        follow_member_open(&world, 0, true);
        world.members[0].topics.most = ROUNDS[k];
        while (follow_member_step(&world, 0) == 1)
            follow_clock_ns += 1000000;
        follow_member_stop(&world, 0, true);
        for (unsigned i = 0; i < HOSTS; i++) {
            struct host *h = &plain.hosts[i];
            assert_int_equal(h->decoder->flush(h->state, INT64_MAX, &h->batch, h->arena), 0);
            host_check(&world.members[0].sink, h);
        }
        assert_int_equal(world.members[0].sink.quarantined_count, 0);
        plain_fini(&plain);
        follow_world_fini(&world);
    }
}

/* A large value in an envelope, of which the text takes more room than reading ahead has: it is
 * taken apart wherever it stands. */
static void a_large_value_is_taken_apart(void **state)
{
    (void)state;
    enum { LINES = 90000 };
    struct btr_buffer value = {0};
    btr_buffer_text(&value, "{\"message\":\"");
    for (unsigned i = 0; i < LINES; i++)
        btr_buffer_format(&value, "%stype=EOE msg=audit(1700000000.001:%u): and what else is said",
                          i ? "\\n" : "", i);
    btr_buffer_text(&value, "\",\"host\":\"web0\"}");
    btr_buffer_u8(&value, 0);
    assert_false(value.failed);
    for (unsigned first = 0; first < 2; first++) {
        static struct follow_world world;
        follow_clock_ns = 1;
        follow_world_init(&world, 1);
        world.options.format = NULL;
        if (!first)
            memory_broker_put(&world.broker, 0, "web0", "type=EOE msg=audit(1600000000.001:7): ");
        memory_broker_put(&world.broker, 0, "web0", (const char *)value.at);
        follow_member_open(&world, 0, true);
        while (follow_member_step(&world, 0) == 1)
            follow_clock_ns += 1000000;
        struct btr_follow_stats stats;
        btr_follow_stats(world.members[0].follow, &stats);
        assert_int_equal(stats.records, LINES + !first);
        assert_int_equal(stats.undecoded, 0);
        follow_member_stop(&world, 0, true);
        follow_world_fini(&world);
    }
    btr_buffer_fini(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_meet_their_hosts),
        cmocka_unit_test(a_large_value_is_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
