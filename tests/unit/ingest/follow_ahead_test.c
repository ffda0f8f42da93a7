/* Rounds of random messages that are read ahead, beside the same functions called in their turn. */
#include "source/follow_ahead.h"

#include <btr/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/follow_seen.h"
#include "test.h"
#include "test_random.h"

enum { MESSAGES = 300, ROUNDS = 120, TEXT_SIZE = 2048 };
#define SEED UINT64_C(77)

static bool header(const struct topics_message *message, const char *const *names,
                   struct btr_span *value)
{
    (void)names;
    *value = btr_span_of(message->inner);
    return true;
}

static const struct topics_ops ops = {.header = header};

/* What the messages of a round point to. */
struct texts {
    char at[MESSAGES][TEXT_SIZE];
};

/* A Windows event, a line of audit, several of them, one in an envelope, nothing, or no record. */
static struct btr_span value_make(struct test_random *r, char *to)
{
    unsigned n = (unsigned)test_random_below(r, 1000000);
    static const char *const shapes[] = {
        "{\"EventID\":3,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Hostname\":\"WS%u\","
        "\"UtcTime\":\"2024-05-01 10:00:00.001\",\"Image\":\"C:\\\\a\\\\%u.exe\"}",
        "node=web%u type=SYSCALL msg=audit(1700000000.001:%u): arch=c000003e syscall=0",
        "type=CWD msg=audit(1700000000.001:%u): cwd=\"/\"\n\ntype=EOE "
        "msg=audit(1700000000.001:%u):",
        "{\"message\":\"type=EOE msg=audit(1700000000.001:%u):\",\"host\":\"h%u\"}",
        " \n%.0u%.0u ",
        "[{\"a\":%u},{\"b\":\"%u\"}]",
        "{\"EventID\":%u,\"Channel\":\"Security\" %u",
    };
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    unsigned shape = (unsigned)test_random_below(r, SHAPES + 1);
    if (shape == SHAPES)
        return (struct btr_span){0};
    int size = snprintf(to, TEXT_SIZE, shapes[shape], n, n / 7);
    return (struct btr_span){(const uint8_t *)to, (size_t)size};
}

static const struct btr_decoder *decoder_make(struct test_random *r)
{
    switch (test_random_below(r, 3)) {
    case 0:
        return NULL;
    case 1:
        return btr_decoder_find(BTR_SPAN("auditd"));
    default:
        return btr_decoder_find(BTR_SPAN("winlog"));
    }
}

static void round_make(struct test_random *r, struct follow_ahead_message *to, uint32_t count,
                       struct texts *texts)
{
    for (uint32_t i = 0; i < count; i++) {
        static char sender[] = "sender";
        to[i] = (struct follow_ahead_message){
            .message = {.topic = "t", .key = BTR_SPAN("k"), .value = value_make(r, texts->at[i])},
            .decoder = decoder_make(r),
            .seed = SEED + i % 3};
        to[i].message.inner = test_random_below(r, 2) ? sender : NULL;
        to[i].record_count = 99; /* of an older round */
        to[i].headers_known = true;
    }
}

/* Whether the record was read is seen by what its decoder makes of it. */
static void read_check(const struct btr_decoder *decoder, struct btr_span record, const void *read)
{
    struct btr_json_reader *json = btr_json_reader_new();
    struct btr_arena *arena = btr_arena_new(1 << 20);
    assert_true(json && arena);
    bool can = decoder && decoder->read && decoder->read(record, json, arena) != NULL;
    assert_int_equal(read != NULL, can);
    btr_arena_free(arena);
    btr_json_reader_free(json);
}

static void message_check(const struct follow_ahead_message *m, struct source_unwrap *plain)
{
    const struct source_unwrapped *records = NULL;
    uint32_t count = 0;
    struct follow_seen seen = {.seed = m->seed};
    assert_int_equal(m->digest, follow_seen_digest(&seen, m->message.key, m->message.value));
    assert_int_equal(source_unwrap(plain, m->message.value, &records, &count, NULL), 0);
    assert_non_null(m->records);
    assert_int_equal(m->record_count, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct follow_ahead_record *r = &m->records[i];
        struct btr_span host = {0};
        if (m->decoder)
            host = m->decoder->host_peek(records[i].record);
        assert_true(btr_span_equal(r->unwrapped.record, records[i].record));
        assert_true(btr_span_equal(r->unwrapped.host, records[i].host));
        assert_true(btr_span_equal(r->host, host));
        read_check(m->decoder, records[i].record, r->read);
    }
    assert_int_equal(m->headers_known, count > 0 && m->decoder && m->records[0].host.size == 0);
    if (m->headers_known)
        assert_true(btr_span_equal(m->host_sent, follow_host_sent(&ops, &m->message)));
}

static void what_is_read_ahead_is_what_is_read_in_turn(void **state)
{
    (void)state;
    struct test_random r = {20261130};
    struct follow_ahead *ahead = follow_ahead_new(&ops, MESSAGES);
    struct source_unwrap *plain = source_unwrap_new(1 << 20);
    struct texts *texts = malloc(sizeof *texts);
    assert_true(ahead && plain && texts);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t count = (uint32_t)test_random_below(&r, round % 3 ? MESSAGES + 1 : 20);
        uint32_t until = round % 5 ? count : (uint32_t)test_random_below(&r, count + 1);
        round_make(&r, follow_ahead_messages(ahead), count, texts);
        follow_ahead_begin(ahead, count);
        for (uint32_t i = 0; i < until; i++) /* a round may be given up */
            message_check(follow_ahead_get(ahead, i), plain);
        follow_ahead_end(ahead);
        source_unwrap_clear(plain);
    }
    follow_ahead_free(ahead);
    source_unwrap_free(plain);
    free(texts);
}

/* Values that need more room than there is: some are read ahead, and those that are not say so. */
static void what_finds_no_room_is_left(void **state)
{
    (void)state;
    enum { LINES = 15000, BIG = 64 };
    struct follow_ahead *ahead = follow_ahead_new(&ops, MESSAGES);
    struct btr_buffer value = {0};
    for (uint32_t i = 0; i < LINES; i++)
        btr_buffer_span(&value, BTR_SPAN("a line of it\n"));
    assert_true(ahead && !value.failed);
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t read = 0;
        for (uint32_t i = 0; i < BIG; i++)
            follow_ahead_messages(ahead)[i] =
                (struct follow_ahead_message){.message = {.value = btr_buffer_view(&value)}};
        follow_ahead_begin(ahead, BIG);
        for (uint32_t i = 0; i < BIG; i++) {
            const struct follow_ahead_message *m = follow_ahead_get(ahead, i);
            read += m->records != NULL;
            assert_int_equal(m->record_count, m->records ? LINES : 0);
        }
        follow_ahead_end(ahead);
        assert_true(read > 0 && read < BIG); /* also of the second round: the first gave it back */
    }
    btr_buffer_fini(&value);
    follow_ahead_free(ahead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_ahead_is_what_is_read_in_turn),
        cmocka_unit_test(what_finds_no_room_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
