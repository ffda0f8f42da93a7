/* A decoder to copy from. It reads a made-up format, one event a line:
 *
 *     SECONDS HOST PID read|write PATH
 *
 * To add a format: copy this file, change what it reads, declare the new decoder in decoders.h,
 * list it in registry.c, add the file to ingest/CMakeLists.txt, a sample and a test to
 * tests/unit/ingest, a fuzz target to tests/fuzz. The contract is in btr/decoder.h; which operation
 * leads which way, in docs/EVENTS.md. */
#include <btr/clock.h>
#include <btr/identity.h>

#include "decoders.h"

/* A longer line is rejected whole. Say why this much: here, the longest path (4 KiB) and the fields
 * before it. */
enum { RECORD_MAX = 8 << 10, FIELDS = 5 };

/* What is remembered between records; one for each host, used by one thread. Bound it, and count
 * what is evicted. */
struct btr_decoder_state {
    struct btr_decoder_config config;
    struct btr_decoder_stats stats;
    int64_t last_ns; /* order time of the last record */
};

/* Splits at single blanks; the last field takes the rest, blanks included. */
static bool split(struct btr_span line, struct btr_span fields[FIELDS])
{
    for (int i = 0; i < FIELDS - 1; i++) {
        const uint8_t *blank = line.size ? memchr(line.at, ' ', line.size) : NULL;
        if (!blank)
            return false;
        size_t size = (size_t)(blank - line.at);
        fields[i] = (struct btr_span){line.at, size};
        line = (struct btr_span){blank + 1, line.size - size - 1};
    }
    fields[FIELDS - 1] = line;
    return line.size > 0;
}

static int template_detect(const struct btr_span *records, size_t record_count)
{
    struct btr_span fields[FIELDS];
    int64_t ns;
    for (size_t i = 0; i < record_count; i++)
        if (!split(records[i], fields) || !btr_time_parse(fields[0], &ns))
            return 0;
    return record_count ? 60
                        : 0; /* the shape is common: a format with a name of its own is surer */
}

static struct btr_span template_host_peek(struct btr_span record)
{
    struct btr_span fields[FIELDS];
    return split(record, fields) ? fields[1] : (struct btr_span){0};
}

static struct btr_decoder_state *template_state_new(const struct btr_decoder_config *config)
{
    struct btr_decoder_state *state = calloc(1, sizeof(*state));
    if (!state)
        return NULL;
    state->config = *config;
    state->last_ns = INT64_MIN;
    return state;
}

static void template_state_free(struct btr_decoder_state *state)
{
    free(state);
}

/* All that later records depend on, field by field; never the bytes of a struct. */
static int template_state_save(const struct btr_decoder_state *state, struct btr_buffer *out)
{
    btr_buffer_u8(out, 1); /* version */
    btr_buffer_svarint(out, state->last_ns);
    return out->failed ? BTR_E_NOMEM : 0;
}

static int template_state_load(struct btr_decoder_state *state, struct btr_span saved,
                               struct btr_err *err)
{
    struct btr_cursor in = {.rest = saved};
    uint8_t version;
    if (!btr_cursor_u8(&in, &version) || version != 1 ||
        !btr_cursor_svarint(&in, &state->last_ns) || in.rest.size)
        return btr_fail(err, BTR_E_FORMAT, in.offset, "damaged state");
    return 0;
}

/* An entity is told by a note: its id, its kind, and what is known of it under ECS names. */
static bool tell_entity(struct btr_decoder_state *state, struct btr_batch *out, struct btr_id id,
                        enum btr_kind kind, enum btr_attr_key key, struct btr_span value,
                        int64_t o_ns)
{
    struct btr_note *note = btr_batch_note(out);
    if (!note)
        return false;
    note->id = id;
    note->kind = (uint8_t)kind;
    note->flags =
        kind == BTR_KIND_PROCESS ? BTR_ENTITY_UNCERTAIN : 0; /* its start is never told here */
    note->host = btr_batch_name(out, state->config.host);
    return note->host != UINT32_MAX && btr_batch_attr(out, key, o_ns, value);
}

static int template_decode(struct btr_decoder_state *state, struct btr_span record,
                           struct btr_batch *out, struct btr_arena *arena, struct btr_err *err)
{
    (void)arena; /* nothing is unescaped: values borrow from the record */
    struct btr_span fields[FIELDS];
    uint64_t pid;
    int64_t time_ns;
    state->stats.records++;
    bool good = record.size <= RECORD_MAX && split(record, fields) &&
                btr_time_parse(fields[0], &time_ns) && btr_span_number(fields[2], 10, &pid);
    bool writes = good && btr_span_equal(fields[3], BTR_SPAN("write"));
    if (!good || (!writes && !btr_span_equal(fields[3], BTR_SPAN("read")))) {
        state->stats.undecoded++; /* nothing was added to `out`: the caller keeps the record in
                                     quarantine */
        return btr_fail(err, BTR_E_FORMAT, 0, "want SECONDS HOST PID read|write PATH");
    }
    /* Order time (docs/EVENTS.md): never before the one of the record before. */
    int64_t o_ns = time_ns > state->last_ns ? time_ns : state->last_ns + 1;
    state->last_ns = o_ns;
    struct btr_id process = btr_identity_process(state->config.host, pid, 0);
    struct btr_id file = btr_identity_file(state->config.host, BTR_SPAN(""), fields[4]);
    uint32_t stream = btr_batch_stream(out, state->config.host, BTR_SPAN("template"));
    if (!tell_entity(state, out, process, BTR_KIND_PROCESS, BTR_ATTR_PROCESS_PID, fields[2],
                     o_ns) ||
        !tell_entity(state, out, file, BTR_KIND_FILE, BTR_ATTR_FILE_PATH, fields[4], o_ns) ||
        stream == UINT32_MAX)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "template event");
    struct btr_event *e = btr_batch_event(out);
    if (!e)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "template event");
    *e = (struct btr_event){
        .subject = process, /* who acts; which way it flows is the operation's matter */
        .object = file,
        .time_ns = time_ns,
        .first_ns = o_ns,
        .last_ns = o_ns,
        .bytes = BTR_BYTES_UNKNOWN,
        .line = out->line,
        .stream = stream,
        .operation = writes ? BTR_OP_WRITE : BTR_OP_READ};
    state->stats.events++;
    return 0;
}

static int template_flush(struct btr_decoder_state *state, int64_t until_ns, struct btr_batch *out,
                          struct btr_arena *arena)
{
    (void)state, (void)until_ns, (void)out, (void)arena; /* no record waits for another */
    return 0;
}

static void template_stats(const struct btr_decoder_state *state, struct btr_decoder_stats *out)
{
    *out = state->stats;
}

const struct btr_decoder btr_decoder_template = {
    .name = "template",
    .source = "ingest/decode/template.c",
    .record_max = RECORD_MAX,
    .detect = template_detect,
    .host_peek = template_host_peek,
    .state_new = template_state_new,
    .state_free = template_state_free,
    .state_save = template_state_save,
    .state_load = template_state_load,
    .decode = template_decode,
    .flush = template_flush,
    .stats = template_stats,
};
