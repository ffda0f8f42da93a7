/* backtrail store compact: merges now, and prints what that did. */
#include "store_compact.h"

#include <btr/escape.h>
#include <btr/store.h>
#include <inttypes.h>

#include "commands.h"
#include "output.h"

static void merged_print(struct btr_buffer *out, const char *path, const struct btr_merge_stat *s)
{
    btr_escape_terminal(out, btr_span_of(path));
    if (s->merges == 0 && s->record_files_before == 0)
        btr_buffer_text(out, ": nothing to merge\n");
    else if (s->merges == 0)
        btr_buffer_text(out, ": no segments to merge\n");
    else
        btr_buffer_format(out,
                          ": %" PRIu64 " segments became %" PRIu64 ", %" PRIu64
                          " bytes became %" PRIu64 " (%" PRIu64 " events, %" PRIu64 " merges)\n",
                          s->segments_before, s->segments_after, s->bytes_before, s->bytes_after,
                          s->event_count, s->merges);
    if (s->dropped > 0)
        btr_buffer_format(out, "%" PRIu64 " events that more than one input told are kept once\n",
                          s->dropped);
    if (s->record_files_before > 0)
        btr_buffer_format(out, "%" PRIu64 " files of kept records became %" PRIu64 "\n",
                          s->record_files_before, s->record_files_after);
}

static int compact_one(struct btr_buffer *out, const char *path, struct btr_err *err)
{
    struct btr_merge_stat stat;
    int rc = btr_store_compact(path, &stat, err);
    if (rc == 0 || stat.merges > 0)
        merged_print(out, path, &stat);
    if (rc == BTR_E_NOTFOUND)
        err->code = BTR_E_IO; /* a store that is not there is no empty answer */
    if (rc < 0)
        return cli_fail("store compact", err);
    if (stat.damaged == 0)
        return CLI_ANSWERED;
    cli_note("store compact", "%" PRIu64 " damaged files were left as they are: see store verify",
             stat.damaged);
    return CLI_FAILED;
}

int cli_store_compact(const struct cli_args *args, struct btr_err *err)
{
    struct btr_buffer out = {0};
    const char *path;
    int status = CLI_ANSWERED;
    if (!cli_arg(args, "store"))
        return cli_refuse("store compact", "--store DIR is missing");
    for (uint32_t i = 0; (path = cli_arg_nth(args, "store", i)); i++) {
        int one = compact_one(&out, path, err);
        status = one == CLI_ANSWERED ? status : one;
    }
    status = cli_print("store compact", &out, status);
    btr_buffer_fini(&out);
    return status;
}
