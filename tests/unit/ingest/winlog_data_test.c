/* The published recordings, where they are at hand: no Sysmon record is left undecoded, and the
 * events of each operation are as many as a plain search of the text finds records. */
#include <btr/source.h>

#include <dirent.h>

#include "winlog_run.h"

enum { HOSTS = 16, SYSMON_IDS = 64 };

struct recording {
    struct btr_decoder_state *states[HOSTS];
    char hosts[HOSTS][256];
    unsigned host_count;
    struct btr_batch batch;
    struct btr_arena *arena;
    uint64_t lines, sysmon_lines, undecoded_sysmon, silent;
    uint64_t by_id[SYSMON_IDS];            /* Sysmon records by event id, by plain search */
    uint64_t by_operation[BTR_OP_MAX + 1]; /* events of Sysmon's streams that count */
};

/* A folder of the shared data sets; NULL, after saying so, when it is not there. */
static const char *shared_folder(const char *name)
{
    static char path[1024];
    const char *shared = getenv("BTR_SHARED_DIR");
    (void)snprintf(path, sizeof(path), "%s/datasets/%s",
                   shared ? shared : BTR_SOURCE_DIR "/../shared", name);
    DIR *folder = opendir(path);
    if (!folder) {
        print_message("skipped: no %s\n", path);
        return NULL;
    }
    closedir(folder);
    return path;
}

static bool line_has(struct btr_span line, const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i + size <= line.size; i++) {
        const uint8_t *at = memchr(line.at + i, text[0], line.size - size - i + 1);
        if (!at)
            return false;
        i = (size_t)(at - line.at);
        if (memcmp(at, text, size) == 0)
            return true;
    }
    return false;
}

static unsigned number_behind(struct btr_span line, const char *text)
{
    size_t size = strlen(text);
    unsigned number = 0;
    for (size_t i = 0; i + size < line.size; i++) {
        if (memcmp(line.at + i, text, size) != 0)
            continue;
        for (i += size; i < line.size && line.at[i] >= '0' && line.at[i] <= '9'; i++)
            number = number * 10 + line.at[i] - '0';
        return number;
    }
    return 0;
}

static unsigned plain_event_id(struct btr_span line)
{
    unsigned id = number_behind(line, "\"EventID\":");
    return id ? id : number_behind(line, "\"event_id\":");
}

static struct btr_decoder_state *state_for(struct recording *r, const struct btr_decoder *decoder,
                                           struct btr_span line)
{
    uint8_t buffer[256];
    struct btr_span host = btr_host_canonical(NULL, decoder->host_peek(line), buffer);
    unsigned i = 0;
    while (i < r->host_count && !btr_span_equal(btr_span_of(r->hosts[i]), host))
        i++;
    if (i == r->host_count) {
        assert_true(i < HOSTS && host.size < sizeof(r->hosts[i]));
        memcpy(r->hosts[i], host.at, host.size);
        r->hosts[i][host.size] = '\0';
        struct btr_decoder_config config = {.host = btr_span_of(r->hosts[i])};
        r->states[i] = decoder->state_new(&config);
        assert_non_null(r->states[i]);
        r->host_count++;
    }
    return r->states[i];
}

static void take_events(struct recording *r)
{
    for (uint32_t i = 0; i < r->batch.event_count; i++) {
        const struct btr_event *e = &r->batch.events[i];
        assert_true(e->first_ns <= e->last_ns);
        assert_true(e->line > 0 && e->line <= r->lines);
        if (!(e->flags & (BTR_EVENT_PART | BTR_EVENT_IMPLIED)) &&
            btr_span_equal(r->batch.streams[e->stream].source,
                           BTR_SPAN("Microsoft-Windows-Sysmon/Operational")))
            r->by_operation[e->operation]++;
    }
    btr_batch_clear(&r->batch);
    btr_arena_reset(r->arena);
}

static void take_line(struct recording *r, const struct btr_decoder *decoder, struct btr_span line)
{
    struct btr_err err;
    r->batch.line = ++r->lines;
    if (line.size && line.at[line.size - 1] == '\r')
        line.size--;
    if (line.size == 0)
        return;
    bool sysmon = line_has(line, "\"Microsoft-Windows-Sysmon/Operational\"");
    if (sysmon) {
        unsigned id = plain_event_id(line);
        r->sysmon_lines++;
        bool nobody =
            line_has(line, "\"ProcessGuid\":\"{00000000-0000-0000-0000-000000000000}\"") &&
            !line_has(line, "\"ProcessId\":");
        r->by_id[id < SYSMON_IDS && !nobody ? id : 0]++;
    }
    int rc = decoder->decode(state_for(r, decoder, line), line, &r->batch, r->arena, &err);
    r->undecoded_sysmon += sysmon && rc < 0;
    r->silent += sysmon && rc == 0 && r->batch.event_count == 0;
    take_events(r);
}

static void take_file(struct recording *r, const char *path)
{
    const struct btr_decoder *decoder = btr_decoder_find(BTR_SPAN("winlog"));
    struct btr_content *content;
    struct btr_span block;
    struct btr_buffer rest = {0};
    struct btr_err err;
    int rc;
    *r = (struct recording){.arena = btr_arena_new(256 << 20)};
    btr_batch_init(&r->batch);
    assert_int_equal(btr_content_open(&content, path, &err), 0);
    while ((rc = btr_content_next(content, &block, &err)) == 1) {
        btr_buffer_span(&rest, block);
        size_t begin = 0;
        for (const uint8_t *end;
             (end = memchr(rest.at + begin, '\n', rest.size - begin)) != NULL;) {
            take_line(r, decoder,
                      (struct btr_span){rest.at + begin, (size_t)(end - rest.at) - begin});
            begin = (size_t)(end - rest.at) + 1;
        }
        memmove(rest.at, rest.at + begin, rest.size - begin);
        rest.size -= begin;
    }
    assert_int_equal(rc, 0);
    if (rest.size)
        take_line(r, decoder, btr_buffer_view(&rest));
    for (unsigned i = 0; i < r->host_count; i++)
        assert_int_equal(decoder->flush(r->states[i], INT64_MAX, &r->batch, r->arena), 0);
    take_events(r);
    btr_content_close(content);
    btr_buffer_fini(&rest);
}

static void recording_fini(struct recording *r)
{
    for (unsigned i = 0; i < r->host_count; i++)
        btr_decoder_find(BTR_SPAN("winlog"))->state_free(r->states[i]);
    btr_batch_fini(&r->batch);
    btr_arena_free(r->arena);
}

/* Operations that only one kind of record tells, and the ids of that kind. Records that name no
 * process are told. */
static void assert_counts(const struct recording *r, const char *path)
{
    static const struct {
        enum btr_operation operation;
        unsigned ids[3];
    } rows[] = {
        {BTR_OP_FORK, {1}},          {BTR_OP_SETTIME, {2}},
        {BTR_OP_EXIT, {5}},          {BTR_OP_LOAD, {7}},
        {BTR_OP_INJECT, {8}},        {BTR_OP_READ, {9}},
        {BTR_OP_CREATE, {11, 15}},   {BTR_OP_PIPE_CREATE, {17}},
        {BTR_OP_PIPE_CONNECT, {18}}, {BTR_OP_WMI_SET, {19, 20, 21}},
        {BTR_OP_DNS_QUERY, {22}},    {BTR_OP_DELETE, {23, 26}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint64_t records = 0;
        for (unsigned k = 0; k < 3 && rows[i].ids[k]; k++)
            records += r->by_id[rows[i].ids[k]];
        if (r->by_operation[rows[i].operation] != records)
            fail_msg("%s: %s %llu, records %llu", path, btr_operation_word(rows[i].operation),
                     (unsigned long long)r->by_operation[rows[i].operation],
                     (unsigned long long)records);
    }
    assert_int_equal(r->by_operation[BTR_OP_CONNECT] + r->by_operation[BTR_OP_ACCEPT], r->by_id[3]);
    assert_int_equal(r->by_operation[BTR_OP_REG_SET] + r->by_operation[BTR_OP_REG_DELETE],
                     r->by_id[12] + r->by_id[13] + r->by_id[14]);
}

static void check_folder(const char *name)
{
    const char *folder = shared_folder(name);
    if (!folder)
        skip();
    DIR *d = opendir(folder);
    assert_non_null(d);
    unsigned files = 0;
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        char path[2048];
        struct recording r;
        if (!strstr(entry->d_name, ".jsonl"))
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        take_file(&r, path);
        assert_int_equal(r.undecoded_sysmon, 0);
        assert_int_equal(r.silent, 0);
        assert_counts(&r, path);
        recording_fini(&r);
        files++;
    }
    closedir(d);
    assert_true(files > 0);
}

static void the_recordings_with_truth_are_decoded_whole(void **state)
{
    (void)state;
    check_folder("otrf");
}

static void the_other_recordings_are_decoded_whole(void **state)
{
    (void)state;
    check_folder("otrf_bulk");
}

static void every_shipper_is_decoded_whole(void **state)
{
    (void)state;
    check_folder("formats/winlog_json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shipper_is_decoded_whole),
        cmocka_unit_test(the_recordings_with_truth_are_decoded_whole),
        cmocka_unit_test(the_other_recordings_are_decoded_whole),
    };
    return cmocka_run_group_tests_name("winlog_data", tests, NULL, NULL);
}
