/* backtrail find: which entities fit a filter, when first and last seen. */
#include <btr/answer.h>
#include <btr/clock.h>
#include <btr/damage.h>
#include <btr/escape.h>
#include <btr/filter.h>
#include <inttypes.h>
#include <stdlib.h>

#include "commands.h"
#include "damaged.h"
#include "output.h"
#include "stores.h"

static const struct cli_option OPTIONS[] = {
    CLI_STORE_OPTION,
    {"kind", "KIND", false, "only process, file, flow, registry, session, ..."},
    {"since", "T", false, "only with an event at or after T"},
    {"until", "T", false, "only with an event at or before T"},
    {"limit", "N", false, "the N first seen; exit status 4 when there are more"},
    {"output", "FORMAT", false, "text (default) or json"},
    {"show-records", NULL, false,
     "the very bytes of the records of the first and the last event of each (ingest "
     "--keep-records)"},
    CLI_MAX_S_OPTION,
    {0},
};

static const struct cli_usage USAGE = {
    "find",
    "--store DIR [--kind KIND] [--since T] [--until T] [--limit N] [--show-records] "
    "[--max-s N] [FILTER]",
    "Lists entities in order of their first event. FILTER compares ECS fields: == != < <= > >=\n"
    "in (...) like \"glob*\" cidr \"10.0.0.0/8\" matches /regex/, joined by and or not ( ).",
    "  backtrail find --store case.btr --kind process 'process.executable like \"*/curl\" and "
    "host.name == "
    "\"web01\"'",
    OPTIONS,
};

enum { LABEL_SIZE = 1000 }; /* bytes of a label in text */

struct row {
    int64_t first_ns;
    struct btr_id id;
    struct btr_span text; /* owned */
};

struct find {
    struct btr_reader *reader;
    struct btr_shown shown; /* kept: NULL where records are not shown */
    const struct btr_filter *filter;
    enum btr_kind kind;
    struct row *rows;
    size_t count, capacity;
    uint64_t limit; /* UINT64_MAX: none */
    bool json, cut;
    int64_t since_ns, until_ns;
    struct btr_err *err;
};

static int row_compare(const void *x, const void *y)
{
    const struct row *a = x, *b = y;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return btr_id_compare(a->id, b->id);
}

/* Sorts, and drops what is beyond the limit. */
static void rows_settle(struct find *f)
{
    if (f->count > 1)
        qsort(f->rows, f->count, sizeof *f->rows, row_compare);
    while (f->count > f->limit) {
        free((void *)(uintptr_t)f->rows[--f->count].text.at);
        f->cut = true;
    }
}

/* For a terminal: a command line may have 128 KiB; JSON has it whole. Cuts at a character's border.
 */
static void row_label(struct btr_buffer *out, struct btr_span label)
{
    size_t size = label.size;
    if (size > LABEL_SIZE) {
        size = LABEL_SIZE;
        while (size > LABEL_SIZE - 4 && (label.at[size] & 0xc0) == 0x80)
            size--;
    }
    btr_escape_terminal(out, (struct btr_span){label.at, size});
    if (size < label.size)
        btr_buffer_text(out, "...");
}

static void row_text(struct btr_buffer *out, const struct btr_entity *e)
{
    struct btr_buffer label = {0};
    char id[BTR_ID_TEXT_SIZE], first[BTR_TIME_TEXT_SIZE], last[BTR_TIME_TEXT_SIZE];
    const char *kind = btr_kind_word(e->kind);
    struct btr_span pid = btr_entity_attr(e, BTR_ATTR_PROCESS_PID, INT64_MAX);
    btr_id_text(e->id, id);
    btr_time_text(e->first_ns, first);
    btr_time_text(e->last_ns, last);
    btr_buffer_format(out, "id:%s  %-8s  ", id, kind ? kind : "unknown");
    btr_escape_terminal(out, e->host.size ? e->host : BTR_SPAN("-"));
    btr_buffer_format(out, "  %s .. %s  %" PRIu64 " event%s  ", first, last, e->event_count,
                      e->event_count == 1 ? "" : "s");
    if (e->kind == BTR_KIND_PROCESS && pid.size) {
        btr_buffer_text(out, "pid ");
        btr_escape_terminal(out, pid);
        btr_buffer_text(out, "  ");
    }
    btr_entity_label(&label, e, INT64_MAX);
    row_label(out, btr_buffer_view(&label));
    out->failed |= label.failed;
    btr_buffer_fini(&label);
}

static int find_visit(void *self, const struct btr_entity *entity)
{
    struct find *f = self;
    if (!btr_filter_entity(f->filter, entity))
        return 0;
    if (f->count == f->capacity) {
        size_t capacity = f->capacity ? f->capacity * 2 : 64;
        struct row *more = realloc(f->rows, capacity * sizeof *more);
        if (!more)
            return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "%zu rows", f->count);
        f->rows = more;
        f->capacity = capacity;
    }
    struct btr_buffer text = {0};
    if (f->json)
        btr_entity_json(&text, entity, INT64_MAX);
    else
        row_text(&text, entity);
    if (text.failed) {
        btr_buffer_fini(&text);
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "%zu rows", f->count);
    }
    f->rows[f->count++] = (struct row){entity->first_ns, entity->id, btr_buffer_view(&text)};
    if (f->limit < UINT64_MAX / 4 && f->count > f->limit * 2 + 1024)
        rows_settle(f);
    return 0;
}

/* What is damaged, and whether the rows are all: before them. */
static void head_print(const struct find *f, struct btr_buffer *out)
{
    if (!f->json) {
        btr_damage_text(out, f->reader);
        btr_shown_lack_text(out, &f->shown);
        if (f->cut)
            btr_buffer_format(out, "CUT: the first %zu, there are more (--limit)\n", f->count);
        return;
    }
    btr_buffer_format(out, "{\"schema\":\"backtrail-find/1\",\"complete\":%s,",
                      f->cut || btr_damage_loses(f->reader) ? "false" : "true");
    if (btr_reader_damage_count(f->reader) > 0) {
        btr_damage_json(out, f->reader);
        btr_buffer_u8(out, ',');
    }
    btr_buffer_text(out, "\"entities\":[");
}

static int rows_print(struct find *f)
{
    struct btr_buffer out = {0};
    bool good = true;
    head_print(f, &out);
    for (size_t i = 0; good && i < f->count; i++) {
        if (f->json)
            btr_buffer_text(&out, i ? ",\n" : "\n");
        btr_buffer_span(&out, f->rows[i].text);
        btr_buffer_text(&out, f->json ? "" : "\n");
        good = cli_print_some(&out);
    }
    if (f->json) {
        btr_buffer_text(&out, f->shown.kept ? "]," : "]");
        if (f->shown.kept)
            btr_shown_lack_json(&out, &f->shown);
        btr_buffer_text(&out, "}\n");
    }
    if (f->count == 0)
        cli_note("find", "nothing found");
    int status = f->cut ? CLI_CUT : f->count ? CLI_ANSWERED : CLI_NOTHING;
    status = cli_damaged_status("find", f->reader, status);
    status = cli_shown_status("find", &f->shown, status);
    status = good ? cli_print("find", &out, status) : cli_print_end("find", status);
    btr_buffer_fini(&out);
    return status;
}

static void rows_drop(struct find *f)
{
    while (f->count)
        free((void *)(uintptr_t)f->rows[--f->count].text.at);
}

/* Adds the records of a row's first and last event. */
static int row_show(struct find *f, struct row *row, struct btr_err *err)
{
    struct btr_shown_ends ends;
    struct btr_buffer text = {0};
    int rc = btr_shown_ends_find(&ends, f->reader, row->id, err);
    if (rc < 0)
        return rc;
    struct btr_span head = row->text;
    head.size -= f->json; /* the object's last brace */
    btr_buffer_span(&text, head);
    btr_buffer_text(&text, f->json ? "," : "\n");
    if (f->json)
        btr_shown_ends_json(&f->shown, &ends, &text);
    else
        btr_shown_ends_text(&f->shown, &ends, &text);
    if (f->json)
        btr_buffer_text(&text, "}");
    else
        text.size -= text.size > 0; /* each row has its newline where it is printed */
    if (text.failed) {
        btr_buffer_fini(&text);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "records of a row");
    }
    free((void *)(uintptr_t)row->text.at);
    row->text = btr_buffer_view(&text);
    return 0;
}

static int find_ask(void *self, struct btr_err *err)
{
    struct find *f = self;
    struct btr_filter_need need;
    int rc;
    rows_drop(f);
    f->cut = false;
    f->shown = (struct btr_shown){.kept = f->shown.kept};
    if (!btr_filter_need(f->filter, &need))
        rc = btr_reader_entities(f->reader, f->kind, f->since_ns, f->until_ns, find_visit, f, err);
    else if (need.is_exact)
        rc = btr_reader_entities_with(f->reader, f->kind, f->since_ns, f->until_ns, need.key,
                                      need.value, find_visit, f, err);
    else
        rc = btr_reader_entities_where(f->reader, f->kind, f->since_ns, f->until_ns, need.key,
                                       btr_filter_need_test, &need, find_visit, f, err);
    if (rc == 0)
        rows_settle(f);
    for (size_t i = 0; rc == 0 && f->shown.kept && i < f->count; i++)
        rc = row_show(f, &f->rows[i], err);
    return rc;
}

static int find_run(struct find *f, const struct cli_args *args, struct btr_err *err)
{
    int rc = cli_reader_open(&f->reader, args, err);
    if (rc == 0 && cli_arg(args, "show-records"))
        rc = cli_kept_open(&f->shown.kept, args, err);
    if (rc == 0)
        rc = cli_ask(f->reader, find_ask, f, err);
    if (rc == 0 && btr_filter_given_up(f->filter))
        cli_note("find",
                 "a regular expression gave up on %" PRIu64
                 " values that cost too much; they count as no match",
                 btr_filter_given_up(f->filter));
    int status = rc < 0 ? cli_fail("find", err) : rows_print(f);
    btr_kept_close(f->shown.kept);
    btr_reader_close(f->reader);
    return status;
}

static int find_options(struct find *f, const struct cli_args *args, struct btr_err *err)
{
    const char *word = cli_arg(args, "kind"), *output = cli_arg(args, "output");
    f->since_ns = INT64_MIN;
    f->until_ns = INT64_MAX;
    f->limit = UINT64_MAX;
    int rc = cli_arg_time(args, "since", &f->since_ns, err);
    if (rc == 0)
        rc = cli_arg_time(args, "until", &f->until_ns, err);
    if (rc == 0)
        rc = cli_arg_number(args, "limit", &f->limit, err);
    if (rc < 0)
        return rc;
    f->kind = word ? btr_kind_find(btr_span_of(word)) : BTR_KIND_NONE;
    if (word && f->kind == BTR_KIND_NONE)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--kind \"%s\": no such kind", word);
    f->json = output && strcmp(output, "json") == 0;
    if (output && !f->json && strcmp(output, "text") != 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--output \"%s\": text or json", output);
    if (f->limit == 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--limit 0 asks for nothing");
    if (f->since_ns > f->until_ns)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--since is after --until");
    if (args->word_count > 1)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "more than one FILTER (\"%s\"): put it in quotes", args->words[1]);
    return 0;
}

static int find_filtered(const struct cli_args *args, struct btr_err *err)
{
    struct find f = {.err = err};
    struct btr_filter *filter = NULL;
    int rc = find_options(&f, args, err);
    if (rc == 0)
        rc = btr_filter_parse(&filter, btr_span_of(args->word_count ? args->words[0] : ""), err);
    f.filter = filter;
    int status = rc < 0 ? cli_fail("find", err) : find_run(&f, args, err);
    rows_drop(&f);
    free(f.rows);
    btr_filter_free(filter);
    return status;
}

int cmd_find(int argc, char **argv)
{
    struct cli_args args;
    struct btr_err err;
    int status;
    if (cli_args_parse(&args, &USAGE, argc, argv, &err) < 0)
        status = cli_fail("find", &err);
    else
        status = args.help ? cli_help(&USAGE) : find_filtered(&args, &err);
    cli_args_fini(&args);
    return status;
}
