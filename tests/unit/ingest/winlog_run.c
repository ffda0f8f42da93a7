#include "winlog_run.h"

void win_run_init(struct win_run *run, const char *host)
{
    *run = (struct win_run){.decoder = btr_decoder_find(BTR_SPAN("winlog")),
                            .arena = btr_arena_new(64 << 20)};
    assert_true(run->decoder && run->arena);
    struct btr_decoder_config config = {.host = btr_span_of(host)};
    run->state = run->decoder->state_new(&config);
    assert_non_null(run->state);
    btr_batch_init(&run->batch);
}

void win_run_fini(struct win_run *run)
{
    run->decoder->state_free(run->state);
    btr_batch_fini(&run->batch);
    btr_arena_free(run->arena);
}

int win_run_line(struct win_run *run, const char *json)
{
    struct btr_span line;
    assert_true(btr_arena_copy(run->arena, btr_span_of(json), &line));
    for (size_t i = 0; i < line.size; i++)
        if (line.at[i] == '\'')
            ((uint8_t *)(uintptr_t)line.at)[i] = '"';
    run->batch.line++;
    return run->decoder->decode(run->state, line, &run->batch, run->arena, &run->err);
}

void win_run_sysmon(struct win_run *run, unsigned event_id, unsigned ms, const char *fields)
{
    char json[8192];
    (void)snprintf(
        json, sizeof(json),
        "{'EventID':%u,'Channel':'Microsoft-Windows-Sysmon/"
        "Operational','SourceName':'Microsoft-Windows-Sysmon',"
        "'Hostname':'WS1.lab.test','RecordNumber':%u,'EventTime':'2024-05-01 12:%02u:%02u',"
        "'UtcTime':'2024-05-01 10:%02u:%02u.%03u',%s}",
        event_id, ++run->record_id, ms / 60000, ms / 1000 % 60, ms / 60000, ms / 1000 % 60,
        ms % 1000, fields);
    if (win_run_line(run, json) != 0)
        fail_msg("%s: %s", run->err.text, json);
}

void win_run_security(struct win_run *run, unsigned event_id, unsigned ms, const char *fields)
{
    char json[8192];
    (void)snprintf(
        json, sizeof(json),
        "{'EventID':%u,'Channel':'Security','SourceName':'Microsoft-Windows-Security-Auditing',"
        "'Hostname':'WS1.lab.test','EventTime':'2024-05-01 "
        "12:%02u:%02u','@timestamp':'2024-05-01T10:%02u:%02u.%03uZ',"
        "%s}",
        event_id, ms / 60000, ms / 1000 % 60, ms / 60000, ms / 1000 % 60, ms % 1000, fields);
    if (win_run_line(run, json) != 0)
        fail_msg("%s: %s", run->err.text, json);
}

const struct btr_event *win_run_event(const struct win_run *run, enum btr_operation operation,
                                      unsigned n)
{
    for (uint32_t i = 0; i < run->batch.event_count; i++)
        if (run->batch.events[i].operation == operation && n-- == 0)
            return &run->batch.events[i];
    return NULL;
}

unsigned win_run_count(const struct win_run *run, enum btr_operation operation)
{
    unsigned count = 0;
    while (win_run_event(run, operation, count))
        count++;
    return count;
}

const char *win_run_attr(const struct win_run *run, struct btr_id id, enum btr_attr_key key)
{
    static char text[1024];
    text[0] = '\0';
    for (uint32_t i = 0; i < run->batch.note_count; i++) {
        const struct btr_note *note = &run->batch.notes[i];
        for (uint32_t k = 0; btr_id_equal(note->id, id) && k < note->attr_count; k++) {
            const struct btr_attr *attr = &run->batch.attrs[note->attr_first + k];
            if (attr->key == key)
                (void)snprintf(text, sizeof(text), "%.*s", (int)attr->value.size,
                               (const char *)attr->value.at);
        }
    }
    return text;
}

struct btr_buffer win_run_saved(const struct win_run *run)
{
    struct btr_buffer saved = {0};
    assert_int_equal(run->decoder->state_save(run->state, &saved), 0);
    return saved;
}
