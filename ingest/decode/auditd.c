/**
 * Linux audit text as auditd writes it: records are put together to events (audit/assemble.c,
 * parse.c) and events are resolved to flows between entities (audit/resolve.c and its files).
 * Source: audit(8), auditd.conf(5) log_format RAW and ENRICHED, kernel/auditsc.c.
 */
#include "audit/state.h"
#include "decoders.h"

enum { RECORD_MAX = 1 << 20, SLOT_MAX = 1024, STATE_SIZE_DEFAULT = 64 << 20, SAVE_VERSION = 1 };

struct btr_decoder_state {
    struct audit_assembler *assembler;
    struct audit_host *host;
    struct audit_event event; /* the one in hand; large */
    uint64_t records, undecoded;
};

static int detect(const struct btr_span *records, size_t record_count)
{
    int sure = 0;
    for (size_t i = 0; i < record_count; i++) {
        struct btr_span r = records[i], head = {r.at, r.size < 512 ? r.size : 512};
        if (audit_is_json(r))
            continue;
        bool type = btr_span_contains(head, BTR_SPAN("type=")),
             stamp = btr_span_contains(head, BTR_SPAN("msg=audit("));
        sure += type && stamp ? 1 : 0;
    }
    return record_count ? (int)(100 * (size_t)sure / record_count) : 0;
}

/* node= stands first, where auditd was told to name the host. */
static struct btr_span host_peek(struct btr_span record)
{
    struct btr_span prefix = BTR_SPAN("node=");
    if (!btr_span_begins(record, prefix))
        return (struct btr_span){NULL, 0};
    const uint8_t *at = record.at + prefix.size;
    const uint8_t *end = memchr(at, ' ', record.size - prefix.size);
    return (struct btr_span){at, end ? (size_t)(end - at) : 0};
}

static void state_free(struct btr_decoder_state *s)
{
    if (!s)
        return;
    audit_assembler_free(s->assembler);
    audit_host_free(s->host);
    free(s);
}

static struct btr_decoder_state *state_new(const struct btr_decoder_config *config)
{
    struct btr_decoder_state *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    struct btr_decoder_config bounded = *config;
    if (bounded.size_max == 0)
        bounded.size_max = STATE_SIZE_DEFAULT;
    s->assembler = audit_assembler_new(SLOT_MAX, bounded.size_max / 4);
    s->host = audit_host_new(&bounded);
    if (!s->assembler || !s->host) {
        state_free(s);
        return NULL;
    }
    return s;
}

/* An event that cannot be parsed goes to quarantine, as its records were. */
static int quarantine(struct btr_decoder_state *s, struct btr_span raw, uint64_t line,
                      const struct btr_err *err, struct btr_batch *out, struct btr_arena *arena)
{
    uint32_t stream = btr_batch_stream(out, s->host->host, BTR_SPAN("auditd"));
    struct btr_quarantined *q = btr_batch_quarantine(out);
    if (!q || stream == UINT32_MAX)
        return BTR_E_NOMEM;
    s->undecoded++;
    q->stream = stream;
    q->line = line;
    q->offset = err->offset;
    q->record_size = raw.size;
    if (raw.size > BTR_QUARANTINE_RECORD_MAX)
        raw.size = BTR_QUARANTINE_RECORD_MAX;
    bool copied = btr_arena_copy(arena, raw, &q->record) &&
                  btr_arena_copy(arena, btr_span_of(err->text), &q->reason);
    return copied ? 0 : BTR_E_NOMEM;
}

/* Resolves what is complete. Hot: once a record; the error is not cleared as a whole, it is read
 * after a failure only. */
static int drain(struct btr_decoder_state *s, struct btr_batch *out, struct btr_arena *arena)
{
    struct btr_err err;
    err.code = 0;
    err.offset = UINT64_MAX;
    err.text[0] = '\0';
    for (;;) {
        struct btr_span raw = {NULL, 0};
        uint64_t line = 0;
        int rc = audit_assembler_next(s->assembler, &s->event, &raw, &line, &err);
        if (rc == 0)
            return 0;
        if (rc > 0)
            rc = audit_resolve(s->host, &s->event, audit_assembler_ahead(s->assembler), out, arena);
        else if (rc != BTR_E_NOMEM)
            rc = quarantine(s, raw, line, &err, out, arena);
        if (rc < 0)
            return rc;
    }
}

static int decode(struct btr_decoder_state *s, struct btr_span record, struct btr_batch *out,
                  struct btr_arena *arena, struct btr_err *err)
{
    int rc = audit_assembler_add(s->assembler, record, out->line, err);
    if (rc < 0)
        return rc;
    s->records++;
    return drain(s, out, arena);
}

static const void *read_head(struct btr_span record, struct btr_json_reader *json,
                             struct btr_arena *arena)
{
    struct audit_head *head = btr_arena_alloc(arena, sizeof *head, _Alignof(struct audit_head));
    struct btr_err err;
    (void)json;
    return head && audit_head_parse(record, NULL, head, &err) == 0 ? head : NULL;
}

static int decode_read(struct btr_decoder_state *s, struct btr_span record, const void *read,
                       struct btr_batch *out, struct btr_arena *arena, struct btr_err *err)
{
    int rc = audit_assembler_add_read(s->assembler, record, read, out->line, err);
    if (rc < 0)
        return rc;
    s->records++;
    return drain(s, out, arena);
}

static int flush(struct btr_decoder_state *s, int64_t until_ns, struct btr_batch *out,
                 struct btr_arena *arena)
{
    audit_assembler_flush(s->assembler, until_ns);
    int rc = drain(s, out, arena);
    return rc < 0 ? rc : audit_resolve_flush(s->host, out, arena);
}

static int settle(struct btr_decoder_state *s, struct btr_batch *out, struct btr_arena *arena)
{
    audit_assembler_flush(s->assembler, INT64_MAX);
    return drain(s, out, arena);
}

static void stats(const struct btr_decoder_state *s, struct btr_decoder_stats *out)
{
    *out = (struct btr_decoder_stats){
        .records = s->records,
        .events = s->host->events,
        .undecoded = s->undecoded,
        .evicted = s->host->evicted + audit_assembler_evicted(s->assembler),
        .orphans = s->host->orphans,
        .waiting = audit_assembler_waiting(s->assembler),
        .memory = audit_host_memory(s->host) + audit_assembler_memory(s->assembler)};
}

/* Two parts, each after its size. */
static int state_save(const struct btr_decoder_state *s, struct btr_buffer *out)
{
    btr_buffer_u8(out, SAVE_VERSION);
    btr_buffer_u64(out, s->records);
    btr_buffer_u64(out, s->undecoded);
    struct btr_buffer part = {0};
    int rc = audit_assembler_save(s->assembler, &part);
    if (rc == 0) {
        btr_buffer_varint(out, part.size);
        btr_buffer_span(out, btr_buffer_view(&part));
        rc = audit_host_save(s->host, out);
    }
    if (part.failed || out->failed)
        rc = BTR_E_NOMEM;
    btr_buffer_fini(&part);
    return rc;
}

static int state_load(struct btr_decoder_state *s, struct btr_span saved, struct btr_err *err)
{
    struct btr_cursor c = {saved, 0};
    uint8_t version;
    uint64_t size;
    struct btr_span part;
    if (!btr_cursor_u8(&c, &version))
        return btr_fail(err, BTR_E_TRUNCATED, 0, "saved auditd state is empty");
    if (version != SAVE_VERSION)
        return btr_fail(err, BTR_E_VERSION, 0,
                        "saved auditd state has version %u, this program knows %d", version,
                        SAVE_VERSION);
    if (!btr_cursor_u64(&c, &s->records) || !btr_cursor_u64(&c, &s->undecoded) ||
        !btr_cursor_varint(&c, &size) || size > c.rest.size ||
        !btr_cursor_span(&c, (size_t)size, &part))
        return btr_fail(err, BTR_E_TRUNCATED, c.offset, "saved auditd state is cut");
    int rc = audit_assembler_load(s->assembler, part, err);
    return rc < 0 ? rc : audit_host_load(s->host, c.rest, err);
}

static int is_older(const struct btr_decoder_state *s, struct btr_span record)
{
    return audit_assembler_older(s->assembler, record);
}

/* Time and serial, on one host: as the assembler puts records together. */
static uint64_t event_key(struct btr_span record)
{
    struct audit_head head;
    uint8_t key[12];
    if (audit_head_parse(record, NULL, &head, NULL) < 0 || !head.stamped)
        return 0;
    for (unsigned i = 0; i < 8; i++)
        key[i] = (uint8_t)((uint64_t)head.time_ns >> 8 * i);
    for (unsigned i = 0; i < 4; i++)
        key[8 + i] = (uint8_t)(head.serial >> 8 * i);
    uint64_t hash =
        btr_hash64_seeded((struct btr_span){key, sizeof key}, btr_hash64(host_peek(record)));
    return hash ? hash : 1;
}

static bool place(struct btr_span record, struct btr_place *out)
{
    struct audit_head head;
    if (audit_head_parse(record, NULL, &head, NULL) < 0 || !head.stamped)
        return false;
    *out = (struct btr_place){head.time_ns, head.serial};
    return true;
}

const struct btr_decoder btr_decoder_auditd = {
    .name = "auditd",
    .source = "auditd(8), log_format RAW or ENRICHED",
    .record_max = RECORD_MAX, /* the kernel cuts a record at 8 KiB; auditd's own enriched text may
                                 triple it */
    .detect = detect,
    .host_peek = host_peek,
    .state_new = state_new,
    .state_free = state_free,
    .state_save = state_save,
    .state_load = state_load,
    .decode = decode,
    .read = read_head,
    .decode_read = decode_read,
    .flush = flush,
    .settle = settle,
    .stats = stats,
    .is_older = is_older,
    .event_key = event_key,
    .place = place,
};
