/*
 * Property: whatever lies in the state topic and in the store's rows of a partition, a follower
 * that is given them either refuses in one line or reads on, to the end of what is there; and what
 * it then publishes is read again without a word.
 *
 * An input is records, each: u8 kind, u16 size (little-endian), bytes. Kind 0 the row of the
 * partition, 1 a chunk of what was seen (its first byte the number), 2 the state of a host, 3 what
 * has changed of it (its digest is put right), 4 the row in the store, else a record of the topic
 * as it is (u8 size of its key).
 */
#include <assert.h>
#include <stdio.h>

#include "line_decoder.h"
#include "memory_sink.h"
#include "memory_topics.h"
#include "source/follow.h"
#include "source/follow_delta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 32, STEPS = 16 };

static int64_t now_ns(void)
{
    static int64_t clock_ns;
    return clock_ns += 1000000;
}

struct input {
    struct memory_broker broker;
    struct memory_sink sink;
    struct memory_topics topics;
    struct btr_buffer state; /* the last of kind 2: what a change is beside */
};

/* As one whole of one part. */
static void whole_put(struct input *in, const char *name, const char *host, struct btr_span bytes)
{
    struct btr_buffer key = {0}, value = {0};
    struct topics_part part = {"t", 0};
    struct btr_err err;
    btr_buffer_text(&key, "t:0");
    btr_buffer_u8(&key, 0);
    btr_buffer_text(&key, name);
    btr_buffer_u8(&key, 0);
    btr_buffer_text(&key, host);
    btr_buffer_u16(&key, 0);
    btr_buffer_varint(&value, 1);
    btr_buffer_u64(&value, btr_hash64(bytes));
    btr_buffer_span(&value, bytes);
    struct topics_state record = {btr_buffer_view(&key), btr_buffer_view(&value)};
    (void)in->topics.base.ops->state_put(&in->topics.base, &part, &record, &err);
    btr_buffer_fini(&key);
    btr_buffer_fini(&value);
}

static void since_put(struct input *in, struct btr_span bytes)
{
    struct btr_buffer delta = {0};
    btr_buffer_u64(&delta, btr_hash64(btr_buffer_view(&in->state)));
    btr_buffer_span(&delta, bytes);
    whole_put(in, "kafka line since", "web01", btr_buffer_view(&delta));
    btr_buffer_fini(&delta);
}

static void raw_put(struct input *in, struct btr_span bytes)
{
    struct topics_part part = {"t", 0};
    struct btr_err err;
    size_t key_size = bytes.size > 0 ? bytes.at[0] : 0;
    if (bytes.size < 1 + key_size)
        return;
    struct topics_state record = {{bytes.at + 1, key_size},
                                  {bytes.at + 1 + key_size, bytes.size - 1 - key_size}};
    (void)in->topics.base.ops->state_put(&in->topics.base, &part, &record, &err);
}

static void own_put(struct input *in, struct btr_span bytes)
{
    struct btr_saved_state row = {BTR_SPAN("kafka"), BTR_SPAN("memory t:0"), bytes};
    struct btr_progress progress = {.states = &row, .state_count = 1};
    struct btr_err err;
    (void)in->sink.sink.publish(&in->sink, &progress, &err);
}

static void record_put(struct input *in, uint8_t kind, struct btr_span bytes)
{
    char name[32];
    struct btr_span rest = bytes;
    switch (kind) {
    case 0:
        whole_put(in, "kafka", "", bytes);
        break;
    case 1:
        (void)snprintf(name, sizeof name, "kafka seen %u", bytes.size > 0 ? bytes.at[0] % 64U : 0);
        rest = bytes.size > 0 ? (struct btr_span){bytes.at + 1, bytes.size - 1} : bytes;
        whole_put(in, name, "", rest);
        break;
    case 2:
        btr_buffer_clear(&in->state);
        btr_buffer_span(&in->state, bytes);
        whole_put(in, "kafka line", "web01", bytes);
        break;
    case 3:
        since_put(in, bytes);
        break;
    case 4:
        own_put(in, bytes);
        break;
    default:
        raw_put(in, bytes);
    }
}

static void records_put(struct input *in, struct btr_span data)
{
    struct btr_cursor c = {.rest = data};
    uint8_t kind;
    uint16_t size;
    struct btr_span bytes;
    for (int i = 0; i < RECORDS_MAX && btr_cursor_u8(&c, &kind) && btr_cursor_u16(&c, &size) &&
                    btr_cursor_span(&c, size, &bytes);
         i++)
        record_put(in, kind, bytes);
}

/* @return 0, or what it is refused with, and then with a line */
static int follow(struct input *in)
{
    struct btr_follow_options options = {
        .format = &line_decoder, .known = &in->sink.known, .segment_events = 1};
    struct btr_follow *follower = NULL;
    struct btr_err err = {0};
    assert(btr_follow_open(&follower, &in->topics.base, &options, &in->sink.sink, &err) == 0);
    follower->now_ns = now_ns;
    in->topics.give = 1;
    int rc = 1;
    for (int i = 0; i < STEPS && rc == 1; i++)
        rc = btr_follow_step(follower, 0, &err);
    if (rc >= 0)
        rc = btr_follow_stop(follower, true, &err);
    assert(rc == 0 || err.text[0] != '\0');
    assert(rc < 0 || follower->parts[0]->next == in->broker.logs[0].end);
    btr_follow_free(follower);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {0};
    char text[64];
    memory_broker_init(&in.broker, 1);
    memory_sink_init(&in.sink);
    memory_topics_init(&in.topics, &in.broker);
    in.broker.states_on = true;
    for (unsigned id = 1; id <= 40; id++) {
        (void)snprintf(text, sizeof text, "line t=%u id=%u%s", id, id, id % 7 == 0 ? " hold" : "");
        memory_broker_put(&in.broker, 0, id % 3 ? "web01" : NULL, text);
    }
    records_put(&in, (struct btr_span){data, size});
    memory_topics_fini(&in.topics, UINT32_MAX);
    if (follow(&in) == 0) {
        memory_topics_fini(&in.topics, UINT32_MAX);
        memory_topics_init(&in.topics, &in.broker);
        assert(follow(&in) == 0);
    }
    btr_buffer_fini(&in.state);
    memory_topics_fini(&in.topics, 0);
    memory_sink_fini(&in.sink);
    memory_broker_fini(&in.broker);
    return 0;
}
