/* --store, given once or several times. */
#include "stores.h"

#include <stdlib.h>

int cli_reader_open(struct btr_reader **out, const struct cli_args *args, struct btr_err *err)
{
    uint32_t count = cli_arg_count(args, "store");
    if (count == 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--store DIR is missing");
    const char **paths = calloc(count, sizeof *paths);
    if (!paths)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u stores", (unsigned)count);
    for (uint32_t i = 0; i < count; i++)
        paths[i] = cli_arg_nth(args, "store", i);
    int rc = btr_reader_open(out, paths, count, err);
    free(paths);
    /* A store that is not there is no empty answer. */
    if (rc == BTR_E_NOTFOUND && err)
        err->code = BTR_E_IO;
    return rc;
}

/* Quoted unless it is plain. */
static void shell_word(struct btr_buffer *out, const char *word)
{
    static const char PLAIN[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:";
    bool plain = *word && strspn(word, PLAIN) == strlen(word);
    btr_buffer_text(out, plain ? "" : "'");
    for (const char *c = word; *c; c++) {
        if (*c == '\'')
            btr_buffer_text(out, "'\\''");
        else
            btr_buffer_put(out, c, 1);
    }
    btr_buffer_text(out, plain ? "" : "'");
}

void cli_stores_again(struct btr_buffer *out, const struct cli_args *args)
{
    const char *path;
    for (uint32_t i = 0; (path = cli_arg_nth(args, "store", i)); i++) {
        btr_buffer_text(out, i ? " --store " : "--store ");
        shell_word(out, path);
    }
}
