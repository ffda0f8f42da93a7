/* backtrail store hold: add, list, remove. */
#include <btr/clock.h>
#include <btr/escape.h>
#include <btr/store.h>
#include <inttypes.h>

#include "commands.h"
#include "output.h"
#include "store_prune.h"

static const struct cli_option OPTIONS[] = {
    {"store", "DIR", false, "the store"},
    {"host", "GLOB", false, "add: hosts whose events are held (default: all), as web*"},
    {"since", "T", false, "add: from when on (default: always)"},
    {"until", "T", false, "add: until when (default: always)"},
    {"why", "TEXT", false, "add: the reason, kept with the hold"},
    {"output", "FORMAT", false, "list: text (default) or json"},
    {0},
};

const struct cli_usage CLI_HOLD_USAGE = {
    "store hold",
    "add | list | remove ID --store DIR [--host GLOB] [--since T] [--until T] --why TEXT",
    "Legal holds: store prune keeps every segment, and every file of kept records, that shares a\n"
    "moment and a host with a hold. While ingest runs a hold can be listed, not changed.",
    "  backtrail store hold add --store case.btr --host 'web*' --since 2026-05-01T00:00:00Z --why "
    "'case 7'\n"
    "  backtrail store hold remove 1 --store case.btr",
    OPTIONS};

/* ---- Add, remove ---- */

static int hold_add(const struct cli_args *args, const char *store, struct btr_err *err)
{
    const char *host = cli_arg(args, "host"), *why = cli_arg(args, "why");
    struct btr_hold hold = {.host = btr_span_of(host ? host : "*"),
                            .since_ns = INT64_MIN,
                            .until_ns = INT64_MAX,
                            .why = btr_span_of(why ? why : "")};
    uint64_t id = 0;
    struct btr_buffer out = {0};
    if (hold.why.size == 0)
        return cli_refuse("store hold", "--why TEXT is missing: a hold has a reason");
    if (hold.host.size == 0 || hold.host.size > BTR_HOLD_HOST_MAX)
        return cli_refuse("store hold", "--host GLOB has 1 to %d bytes", BTR_HOLD_HOST_MAX);
    if (cli_arg_time(args, "since", &hold.since_ns, err) < 0 ||
        cli_arg_time(args, "until", &hold.until_ns, err) < 0)
        return cli_fail("store hold", err);
    if (hold.since_ns > hold.until_ns)
        return cli_refuse("store hold", "--since is after --until");
    int rc = btr_store_hold_add(store, &hold, &id, err);
    if (rc == BTR_E_NOTFOUND)
        err->code = BTR_E_IO; /* a store that is not there is no empty answer */
    if (rc < 0)
        return cli_fail("store hold", err);
    btr_buffer_format(&out, "hold %" PRIu64 " added\n", id);
    int status = cli_print("store hold", &out, CLI_ANSWERED);
    btr_buffer_fini(&out);
    return status;
}

static int hold_remove(const struct cli_args *args, const char *store, struct btr_err *err)
{
    uint64_t id = 0;
    struct btr_buffer out = {0};
    if (args->word_count != 2 || !btr_span_number(btr_span_of(args->words[1]), 10, &id))
        return cli_refuse("store hold", "remove takes the ID of a hold (store hold list)");
    if (btr_store_hold_remove(store, id, err) < 0)
        return cli_fail("store hold", err);
    btr_buffer_format(&out, "hold %" PRIu64 " removed\n", id);
    int status = cli_print("store hold", &out, CLI_ANSWERED);
    btr_buffer_fini(&out);
    return status;
}

/* ---- List ---- */

struct list {
    struct btr_buffer out;
    uint64_t count;
};

static void time_put(struct btr_buffer *out, int64_t time_ns, const char *open_end)
{
    char text[BTR_TIME_TEXT_SIZE];
    btr_time_text(time_ns, text);
    btr_buffer_text(out, time_ns == INT64_MIN || time_ns == INT64_MAX ? open_end : text);
}

static int hold_text(void *self, const struct btr_hold *h)
{
    struct list *list = self;
    btr_buffer_format(&list->out, "%" PRIu64 "  ", h->id);
    btr_escape_terminal(&list->out, h->host);
    btr_buffer_text(&list->out, "  ");
    time_put(&list->out, h->since_ns, "always");
    btr_buffer_text(&list->out, " .. ");
    time_put(&list->out, h->until_ns, "always");
    btr_buffer_text(&list->out, "  added ");
    time_put(&list->out, h->added_ns, "");
    btr_buffer_text(&list->out, "  ");
    btr_escape_terminal(&list->out, h->why);
    btr_buffer_text(&list->out, "\n");
    list->count++;
    return 0;
}

static void ns_json(struct btr_buffer *out, const char *name, int64_t time_ns)
{
    if (time_ns == INT64_MIN || time_ns == INT64_MAX)
        btr_buffer_format(out, ",\"%s\":null", name);
    else
        btr_buffer_format(out, ",\"%s\":%" PRId64, name, time_ns);
}

static int hold_json(void *self, const struct btr_hold *h)
{
    struct list *list = self;
    btr_buffer_format(&list->out, "%s\n{\"id\":%" PRIu64 ",\"host\":", list->count ? "," : "",
                      h->id);
    btr_escape_json(&list->out, h->host);
    ns_json(&list->out, "since_ns", h->since_ns);
    ns_json(&list->out, "until_ns", h->until_ns);
    ns_json(&list->out, "added_ns", h->added_ns);
    btr_buffer_text(&list->out, ",\"why\":");
    btr_escape_json(&list->out, h->why);
    btr_buffer_text(&list->out, "}");
    list->count++;
    return 0;
}

static int hold_list(const struct cli_args *args, const char *store, struct btr_err *err)
{
    const char *output = cli_arg(args, "output");
    bool json = output && strcmp(output, "json") == 0;
    struct list list = {0};
    if (output && !json && strcmp(output, "text") != 0)
        return cli_refuse("store hold", "--output \"%s\": text or json", output);
    if (json)
        btr_buffer_text(&list.out, "{\"schema\":\"backtrail-holds/1\",\"holds\":[");
    int rc = btr_store_holds(store, json ? hold_json : hold_text, &list, err);
    if (json)
        btr_buffer_text(&list.out, "]}\n");
    if (rc == 0 && list.count == 0)
        cli_note("store hold", "no hold");
    int status = rc < 0
                     ? cli_fail("store hold", err)
                     : cli_print("store hold", &list.out, list.count ? CLI_ANSWERED : CLI_NOTHING);
    btr_buffer_fini(&list.out);
    return status;
}

int cli_store_hold(const struct cli_args *args, struct btr_err *err)
{
    const char *store = cli_arg(args, "store"), *verb = args->word_count ? args->words[0] : "";
    bool add = strcmp(verb, "add") == 0, list = strcmp(verb, "list") == 0;
    if (!add && !list && strcmp(verb, "remove") != 0)
        return cli_refuse("store hold", "\"%s\": add, list or remove", verb);
    if (!store)
        return cli_refuse("store hold", "--store DIR is missing");
    if ((add || list) && args->word_count > 1)
        return cli_refuse("store hold", "unexpected \"%s\"", args->words[1]);
    if (add)
        return hold_add(args, store, err);
    return list ? hold_list(args, store, err) : hold_remove(args, store, err);
}
