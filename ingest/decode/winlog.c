/* Windows events as JSON, by any of the common shippers. The parts lie in winlog/: fields.c makes
 * one view of a record, order.c says when it happened, sysmon.c, security.c and logon.c what it
 * tells, state*.c what is remembered. */
#include "decoders.h"
#include "winlog/call.h"

/* A Windows event holds at most 64 KiB of data (EvtWrite); as UTF-16 rendered to escaped JSON, with
   the message beside the fields, that is at most twelve times as much. */
enum { RECORD_MAX = 1 << 20 };

/* Names differ in case between hosts and shippers: "security". The known ones are written as
 * Windows does. */
static struct btr_span channel_name(const struct win_fields *f)
{
    static const char *const known[] = {"Microsoft-Windows-Sysmon/Operational",
                                        "Security",
                                        "System",
                                        "Application",
                                        "Windows PowerShell",
                                        "Microsoft-Windows-PowerShell/Operational"};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (win_equal_fold(f->channel, btr_span_of(known[i])))
            return btr_span_of(known[i]);
    if (f->channel.size)
        return f->channel;
    if (f->sysmon)
        return btr_span_of(known[0]);
    return f->provider.size ? f->provider : BTR_SPAN("unknown");
}

/* A provider that logs in the process that it tells about: the logging process is the one meant. */
static struct win_who logging_process(struct win_call *c)
{
    struct btr_span pid =
        win_field_either(c->f, WIN_NAME(ExecutionProcessID), WIN_NAME(winlog_process_pid));
    if (pid.size == 0)
        pid = WIN_FIELD(c, process_id);
    struct win_mention m = {.pid_text = pid};
    return win_process(c, &m);
}

static void tell_rest(struct win_call *c, struct btr_span channel)
{
    struct win_who who = win_security_actor(c);
    if (!who.known && win_find_fold(channel, BTR_SPAN("PowerShell")) != SIZE_MAX)
        who = logging_process(c);
    win_tell_only(c, who, (struct btr_id){0});
}

static void tell_record(struct win_call *c, struct btr_span channel)
{
    bool told = false;
    if (c->f->sysmon)
        told = win_sysmon(c);
    else if (btr_span_equal(channel, BTR_SPAN("Security")) ||
             btr_span_equal(c->f->provider, BTR_SPAN("Microsoft-Windows-Security-Auditing")))
        told = win_security(c);
    else if (btr_span_equal(channel, BTR_SPAN("System")))
        told = win_system(c);
    if (!told)
        tell_rest(c, channel);
    if (c->f->cut)
        win_gap(c, BTR_GAP_CUT, BTR_SPAN("syslog cut the event: its last fields are missing"));
}

static int put_in_order(struct win_call *c, const struct win_time *when, struct btr_span channel)
{
    c->stream = btr_batch_stream(c->out, c->host, channel);
    c->host_name = btr_batch_name(c->out, c->host);
    struct win_channel *sequence = win_channel_get(c->state, channel);
    if (c->stream == UINT32_MAX || c->host_name == UINT32_MAX || !sequence)
        return BTR_E_NOMEM;
    struct win_gaps gaps = {.out = c->out, .stream = c->stream};
    c->told_ns = when->told_ns;
    c->first_ns = win_order(sequence, c->f->record_id, when, &gaps);
    c->last_ns =
        c->first_ns > INT64_MAX - when->width_ns ? INT64_MAX : c->first_ns + when->width_ns;
    c->flags = when->width_ns ? BTR_EVENT_INTERVAL : 0;
    return gaps.failed ? BTR_E_NOMEM : 0;
}

static int decode_timed(struct btr_decoder_state *state, const struct win_fields *fields,
                        const struct win_time *when, struct btr_batch *out, struct btr_arena *arena,
                        struct btr_err *err)
{
    struct win_call call = {
        .state = state, .f = fields, .out = out, .arena = arena, .host = state->config.host};
    struct btr_span channel = channel_name(fields);
    call.rc = put_in_order(&call, when, channel);
    if (call.rc == 0)
        tell_record(&call, channel);
    return call.rc < 0 ? btr_fail(err, call.rc, UINT64_MAX, "Windows event") : 0;
}

/* What a batch held before a record: a failure leaves it so. */
struct mark {
    uint32_t events, notes, attrs, gaps;
};

static struct mark mark_set(const struct btr_batch *out)
{
    return (struct mark){out->event_count, out->note_count, out->attr_count, out->gap_count};
}

static void mark_restore(struct btr_decoder_state *state, struct btr_batch *out, struct mark mark)
{
    state->stats.events -= out->event_count - mark.events;
    out->event_count = mark.events;
    out->note_count = mark.notes;
    out->attr_count = mark.attrs;
    out->gap_count = mark.gaps;
    btr_idmap_clear(&state->noted); /* what was noted was taken back: it is told again */
}

static int release_one(struct btr_decoder_state *state, const struct win_held *held,
                       struct btr_batch *out, struct btr_arena *arena, struct btr_err *err)
{
    struct btr_span record = {held->at, held->size};
    struct win_fields fields;
    struct win_time when = {0};
    if (!btr_arena_copy(arena, record, &record))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "held record");
    int rc = win_fields_read(&fields, state->reader, record, arena, err);
    if (rc == 0)
        rc = win_time_choose(&when, &state->clock, &fields, err);
    return rc < 0 ? rc : decode_timed(state, &fields, &when, out, arena, err);
}

/* Decodes what waited for the zone of the host's times. When memory runs out, what is left goes on
 * waiting. */
static int release_held(struct btr_decoder_state *state, struct btr_batch *out,
                        struct btr_arena *arena, struct btr_err *err)
{
    uint64_t line = out->line;
    uint32_t done = 0;
    int rc = 0;
    for (; done < state->held_count; done++) {
        struct mark mark = mark_set(out);
        out->line = state->held[done].line;
        rc = release_one(state, &state->held[done], out, arena, err);
        if (rc < 0)
            mark_restore(state, out, mark);
        if (rc == BTR_E_NOMEM)
            break; /* any other failure was told when the record came: it was read before it was
                      held */
    }
    out->line = line;
    win_held_drop(state, done);
    return rc == BTR_E_NOMEM ? rc : 0;
}

static int read_record(struct btr_json_reader *json, struct btr_span record,
                       struct win_fields *fields, struct btr_arena *arena, struct btr_err *err)
{
    if (record.size > RECORD_MAX)
        return btr_fail(err, BTR_E_LIMIT, RECORD_MAX, "record of %zu bytes", record.size);
    return win_fields_read(fields, json, record, arena, err);
}

static int decode_fields(struct btr_decoder_state *state, struct btr_span record,
                         const struct win_fields *fields, struct btr_batch *out,
                         struct btr_arena *arena, struct btr_err *err)
{
    struct win_time when = {0};
    int rc = win_time_choose(&when, &state->clock, fields, err);
    state->stats.undecoded += rc < 0;
    if (rc < 0)
        return rc;
    if (when.zone_unknown) {
        rc = win_held_add(state, record, out->line);
        if (rc != 0)
            return rc < 0 ? btr_fail(err, rc, UINT64_MAX, "held record") : 0;
        state->held_enough = true; /* no Sysmon here, or too late */
    }
    if (state->held_count && (state->clock.zone_known || state->held_enough))
        rc = release_held(state, out, arena, err);
    if (rc < 0)
        return rc;
    struct mark mark = mark_set(out);
    rc = decode_timed(state, fields, &when, out, arena, err);
    if (rc < 0)
        mark_restore(state, out, mark);
    return rc;
}

static int winlog_decode(struct btr_decoder_state *state, struct btr_span record,
                         struct btr_batch *out, struct btr_arena *arena, struct btr_err *err)
{
    struct win_fields fields;
    state->stats.records++;
    int rc = read_record(state->reader, record, &fields, arena, err);
    state->stats.undecoded += rc < 0 && rc != BTR_E_NOMEM;
    return rc < 0 ? rc : decode_fields(state, record, &fields, out, arena, err);
}

static const void *winlog_read(struct btr_span record, struct btr_json_reader *json,
                               struct btr_arena *arena)
{
    struct win_fields *fields = btr_arena_alloc(arena, sizeof *fields, _Alignof(struct win_fields));
    struct btr_err err;
    return fields && read_record(json, record, fields, arena, &err) == 0 ? fields : NULL;
}

static int winlog_decode_read(struct btr_decoder_state *state, struct btr_span record,
                              const void *read, struct btr_batch *out, struct btr_arena *arena,
                              struct btr_err *err)
{
    state->stats.records++;
    return decode_fields(state, record, read, out, arena, err);
}

static int winlog_flush(struct btr_decoder_state *state, int64_t until_ns, struct btr_batch *out,
                        struct btr_arena *arena)
{
    int rc = release_held(state, out, arena,
                          NULL); /* a query must not wait for a record that may never come */
    if (rc < 0)
        return rc;
    if (until_ns != INT64_MAX)
        return 0;
    for (uint32_t i = 0; i < state->channel_count; i++) {
        struct win_channel *c = state->channels[i];
        struct btr_span name;
        if (c->hole_count == 0 && c->gap_missing == 0)
            continue;
        if (!btr_arena_copy(arena, (struct btr_span){c->name, c->name_size}, &name))
            return BTR_E_NOMEM;
        struct win_gaps gaps = {.out = out,
                                .stream = btr_batch_stream(out, state->config.host, name)};
        if (gaps.stream == UINT32_MAX)
            return BTR_E_NOMEM;
        win_order_flush(c, &gaps);
        if (gaps.failed)
            return BTR_E_NOMEM;
    }
    return 0;
}

/* Records that were held whole. */
static int winlog_settle(struct btr_decoder_state *state, struct btr_batch *out,
                         struct btr_arena *arena)
{
    return release_held(state, out, arena, NULL);
}

static struct btr_decoder_state *winlog_state_new(const struct btr_decoder_config *config)
{
    struct btr_decoder_state *state = calloc(1, sizeof(*state));
    if (state && !win_state_init(state, config)) {
        free(state);
        return NULL;
    }
    return state;
}

static void winlog_state_free(struct btr_decoder_state *state)
{
    if (!state)
        return;
    win_state_fini(state);
    free(state);
}

static int winlog_detect(const struct btr_span *records, size_t record_count)
{
    int sum = 0, count = 0;
    for (size_t i = 0; i < record_count; i++) {
        if (records[i].size == 0)
            continue; /* blank lines occur */
        sum += win_record_score(records[i]);
        count++;
    }
    return count ? sum / count : 0;
}

static void winlog_stats(const struct btr_decoder_state *state, struct btr_decoder_stats *out)
{
    *out = state->stats;
    out->waiting = state->held_count;
    out->memory = win_state_memory(state);
}

const struct btr_decoder btr_decoder_winlog = {
    .name = "winlog",
    .source = "https://learn.microsoft.com/windows/win32/wes/eventschema-schema, in JSON as NXLog "
              "(im_msvistalog, to_json), "
              "Winlogbeat and Azure write it; Sysmon for Linux as XML in rows of syslog in JSON, "
              "https://github.com/Sysinternals/SysmonForLinux",
    .record_max = RECORD_MAX,
    .detect = winlog_detect,
    .host_peek = win_host_peek,
    .state_new = winlog_state_new,
    .state_free = winlog_state_free,
    .state_save = win_state_save,
    .state_load = win_state_load,
    .decode = winlog_decode,
    .read = winlog_read,
    .decode_read = winlog_decode_read,
    .flush = winlog_flush,
    .settle = winlog_settle,
    .stats = winlog_stats,
    .input_end = winlog_settle,
};
