#include "line_decoder.h"

#include <btr/identity.h>
#include <stdlib.h>

enum { HELD_MAX = 16, BALLAST = 2048 };

struct held {
    uint64_t id, line;
    int64_t ns;
    uint64_t open; /* 1: a flush tells it */
};

struct btr_decoder_state {
    uint8_t host[256];
    size_t host_size;
    uint64_t events;
    uint32_t epoch;
    struct held held[HELD_MAX];
    uint32_t held_count;
};

static bool field(struct btr_span record, const char *name, struct btr_span *value)
{
    size_t n = strlen(name);
    for (size_t i = 0; i + n <= record.size; i++) {
        if (memcmp(record.at + i, name, n) != 0 || (i > 0 && !strchr(" ,{", record.at[i - 1])))
            continue;
        size_t end = i + n;
        while (end < record.size && !strchr(" ,}", record.at[end]))
            end++;
        *value = (struct btr_span){record.at + i + n, end - i - n};
        return true;
    }
    return false;
}

static int detect(const struct btr_span *records, size_t record_count)
{
    for (size_t i = 0; i < record_count; i++)
        if (btr_span_begins(records[i], BTR_SPAN("line ")) ||
            btr_span_begins(records[i], BTR_SPAN("{\"t\":")))
            return 100;
    return 0;
}

static struct btr_span host_peek(struct btr_span record)
{
    struct btr_span host = {0};
    (void)field(record, "host=", &host);
    return host;
}

static struct btr_decoder_state *state_new(const struct btr_decoder_config *config)
{
    struct btr_decoder_state *state = calloc(1, sizeof *state);
    if (state) {
        state->host_size = config->host.size < 256 ? config->host.size : 256;
        memcpy(state->host, config->host.at, state->host_size);
    }
    return state;
}

static void state_free(struct btr_decoder_state *state)
{
    free(state);
}

/* What a host's state always has, and does not pack. */
static void ballast_put(struct btr_buffer *out, struct btr_span host)
{
    uint64_t x = btr_hash64(host);
    for (int i = 0; i < BALLAST / 8; i++, x = x * UINT64_C(6364136223846793005) + 1)
        btr_buffer_u64(out, x ^ x >> 29);
}

static int state_save(const struct btr_decoder_state *state, struct btr_buffer *out)
{
    btr_buffer_varint(out, state->events);
    btr_buffer_varint(out, state->held_count);
    for (uint32_t i = 0; i < state->held_count; i++) {
        btr_buffer_varint(out, state->held[i].id);
        btr_buffer_varint(out, state->held[i].line);
        btr_buffer_svarint(out, state->held[i].ns);
        btr_buffer_varint(out, state->held[i].open);
    }
    ballast_put(out, (struct btr_span){state->host, state->host_size});
    return out->failed ? BTR_E_NOMEM : 0;
}

static int state_load(struct btr_decoder_state *state, struct btr_span saved, struct btr_err *err)
{
    struct btr_cursor c = {saved, 0};
    uint64_t n = 0;
    bool ok = btr_cursor_varint(&c, &state->events) && btr_cursor_varint(&c, &n) && n <= HELD_MAX;
    for (state->held_count = 0; ok && state->held_count < n; state->held_count++) {
        struct held *h = &state->held[state->held_count];
        ok = btr_cursor_varint(&c, &h->id) && btr_cursor_varint(&c, &h->line) &&
             btr_cursor_svarint(&c, &h->ns) && btr_cursor_varint(&c, &h->open);
    }
    return ok && c.rest.size == BALLAST
               ? 0
               : btr_fail(err, BTR_E_FORMAT, c.offset, "saved state is damaged");
}

static int event_add(struct btr_decoder_state *state, struct btr_batch *out, const struct held *h)
{
    struct btr_span host = {state->host, state->host_size};
    uint32_t stream = btr_batch_stream(out, host, BTR_SPAN("line"));
    struct btr_event *event = stream == UINT32_MAX ? NULL : btr_batch_event(out);
    if (!event)
        return BTR_E_NOMEM;
    *event = (struct btr_event){.subject = btr_identity_numbered("test", host, h->id, 0),
                                .object = btr_identity_numbered("test", host, h->id, 1),
                                .time_ns = h->ns,
                                .first_ns = h->ns,
                                .last_ns = h->ns,
                                .bytes = state->events++,
                                .record_id = h->id,
                                .line = h->line,
                                .stream = stream,
                                .operation = BTR_OP_WRITE};
    return 0;
}

static int held_end(struct btr_decoder_state *state, uint64_t id, struct btr_batch *out)
{
    for (uint32_t i = 0; i < state->held_count; i++) {
        if (state->held[i].id != id)
            continue;
        int rc = event_add(state, out, &state->held[i]);
        if (rc == 0)
            state->held[i] = state->held[--state->held_count];
        return rc;
    }
    return 0;
}

static int decode(struct btr_decoder_state *state, struct btr_span record, struct btr_batch *out,
                  struct btr_arena *arena, struct btr_err *err)
{
    (void)arena;
    bool json = btr_span_begins(record, BTR_SPAN("{")),
         text = btr_span_begins(record, BTR_SPAN("line "));
    struct btr_span id = {0}, ns = {0};
    struct held h = {.line = out->line};
    uint64_t t = 0;
    bool whole = !json || record.at[record.size - 1] == '}';
    if ((!json && !text) || !whole || !field(record, json ? "\"id\":" : "id=", &id) ||
        !btr_span_number(id, 10, &h.id))
        return btr_fail(err, BTR_E_FORMAT, 0, "not a line");
    if (text && btr_span_begins(record, BTR_SPAN("line ends ")))
        return held_end(state, h.id, out);
    if (!field(record, json ? "\"t\":" : "t=", &ns) || !btr_span_number(ns, 10, &t))
        return btr_fail(err, BTR_E_FORMAT, 0, "no time");
    h.ns = (int64_t)t;
    struct btr_span held;
    h.open = text && field(record, "open", &held);
    if (text && (h.open || field(record, "hold", &held)) && state->held_count < HELD_MAX) {
        state->held[state->held_count++] = h;
        return 0;
    }
    return event_add(state, out, &h);
}

/* What is on hold goes on waiting: this format marks its ends. */
static int flush(struct btr_decoder_state *state, int64_t until_ns, struct btr_batch *out,
                 struct btr_arena *arena)
{
    int rc = 0;
    (void)until_ns;
    (void)arena;
    for (uint32_t i = 0; i < state->held_count && rc == 0;) {
        if (!state->held[i].open) {
            i++;
            continue;
        }
        rc = event_add(state, out, &state->held[i]);
        state->held[i] = state->held[--state->held_count];
    }
    return rc;
}

static void stats(const struct btr_decoder_state *state, struct btr_decoder_stats *out)
{
    *out = (struct btr_decoder_stats){.waiting = state->held_count};
}

static bool place(struct btr_span record, struct btr_place *out)
{
    struct btr_span ns = {0};
    uint64_t t;
    if (!field(record, "t=", &ns) || !btr_span_number(ns, 10, &t))
        return false;
    *out = (struct btr_place){(int64_t)t, 0};
    return true;
}

const struct btr_decoder line_decoder = {
    .name = "line",
    .source = "tests/lib/line_decoder.h",
    .record_max = LINE_RECORD_MAX,
    .detect = detect,
    .host_peek = host_peek,
    .state_new = state_new,
    .state_free = state_free,
    .state_save = state_save,
    .state_load = state_load,
    .decode = decode,
    .flush = flush,
    .stats = stats,
    .place = place,
};
