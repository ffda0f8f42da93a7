#include "store_bag.h"

#include <btr/escape.h>
#include <btr/store.h>
#include <inttypes.h>

#include "commands.h"
#include "output.h"

static const struct cli_option EXPORT_OPTIONS[] = {
    {"store", "DIR", false, "the store"},
    {"since", "T", false, "only segments with a moment at or after T"},
    {"until", "T", false, "only segments with a moment at or before T"},
    {"hosts", "GLOB", false, "only segments with a host that the glob fits, as web*"},
    {0},
};
static const struct cli_option IMPORT_OPTIONS[] = {
    {"store", "DIR", false, "the store; made when it is not there"}, {0}};

const struct cli_usage CLI_EXPORT_USAGE = {
    "store export", "--store DIR [--since T] [--until T] [--hosts GLOB] FILE",
    "Writes sealed segments, whole and as they are, into a bag: a tar in BagIt form with SHA-256 "
    "and\n"
    "root of each, custody of the inputs, and the head of the chain. Nothing is overwritten.",
    "  backtrail store export --store case.btr --since 2026-06-01T00:00:00Z --hosts 'web*' "
    "june.tar",
    EXPORT_OPTIONS};
const struct cli_usage CLI_IMPORT_USAGE = {
    "store import", "--store DIR FILE",
    "Adds the segments of a bag to a store, all or none. A bag that is not what it says of itself "
    "is\n"
    "refused, and changes nothing. What the store holds already is not added again.",
    "  backtrail store import --store other.btr june.tar", IMPORT_OPTIONS};

static int words_check(const char *command, const struct cli_args *args)
{
    if (!cli_arg(args, "store"))
        return cli_refuse(command, "--store DIR is missing");
    if (args->word_count == 0)
        return cli_refuse(command, "FILE is missing");
    if (args->word_count > 1)
        return cli_refuse(command, "unexpected \"%s\"", args->words[1]);
    return CLI_ANSWERED;
}

static int told(const char *command, const char *place, const struct btr_bag_stat *s)
{
    struct btr_buffer out = {0};
    btr_escape_terminal(&out, btr_span_of(place));
    btr_buffer_format(&out, ": %" PRIu64 " segments, %" PRIu64 " events, %" PRIu64 " bytes",
                      s->segments, s->events, s->bytes);
    if (s->known)
        btr_buffer_format(&out, "; %" PRIu64 " segments were there", s->known);
    btr_buffer_text(&out, "\n");
    int status = cli_print(command, &out, CLI_ANSWERED);
    btr_buffer_fini(&out);
    return status;
}

int cli_store_export(const struct cli_args *args, struct btr_err *err)
{
    struct btr_export_options options = {INT64_MIN, INT64_MAX, cli_arg(args, "hosts")};
    struct btr_bag_stat stat = {0};
    int status = words_check("store export", args);
    if (status != CLI_ANSWERED)
        return status;
    int rc = cli_arg_time(args, "since", &options.since_ns, err);
    if (rc == 0)
        rc = cli_arg_time(args, "until", &options.until_ns, err);
    if (rc == 0 && options.since_ns > options.until_ns)
        rc = btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--since is after --until");
    if (rc == 0)
        rc = btr_store_export(cli_arg(args, "store"), args->words[0], &options, &stat, err);
    return rc < 0 ? cli_fail("store export", err) : told("store export", args->words[0], &stat);
}

int cli_store_import(const struct cli_args *args, struct btr_err *err)
{
    struct btr_bag_stat stat = {0};
    int status = words_check("store import", args);
    if (status != CLI_ANSWERED)
        return status;
    if (btr_store_import(cli_arg(args, "store"), args->words[0], &stat, err) < 0)
        return cli_fail("store import", err);
    return told("store import", cli_arg(args, "store"), &stat);
}
