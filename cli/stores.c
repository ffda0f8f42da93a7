/* --store, given once or several times. */
#include "stores.h"

#include <btr/decoder.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"

enum { QUERY_MAX_S = 900, QUERY_MAX_S_MAX = 366 * 24 * 3600 };

/* ---- The longest time ---- */

static char limit_line[128]; /* written before the alarm is set */

/* A signal may only write and leave (signal-safety(7)). */
static void limit_met(int signal_number)
{
    (void)signal_number;
    (void)!write(STDERR_FILENO, limit_line, strlen(limit_line));
    _exit(CLI_FAILED);
}

static int limit_set(const struct cli_args *args, struct btr_err *err)
{
    uint64_t seconds = QUERY_MAX_S;
    struct sigaction action = {.sa_handler = limit_met};
    sigset_t set;
    int rc = cli_arg_number(args, "max-s", &seconds, err);
    if (rc < 0)
        return rc;
    if (seconds == 0 || seconds > QUERY_MAX_S_MAX)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--max-s: 1 to %d seconds", QUERY_MAX_S_MAX);
    (void)snprintf(limit_line, sizeof limit_line,
                   "backtrail: ended after %u s, the longest that a query may take (--max-s)\n",
                   (unsigned)seconds);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGALRM);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)alarm((unsigned)seconds);
    return 0;
}

/* ---- The snapshot ---- */

/* The paths of --store, to be freed; NULL when there are none, or no memory. */
static const char **store_paths(const struct cli_args *args, uint32_t *count, struct btr_err *err)
{
    *count = cli_arg_count(args, "store");
    const char **paths = *count ? calloc(*count, sizeof *paths) : NULL;
    if (!*count)
        (void)btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--store DIR is missing");
    else if (!paths)
        (void)btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u stores", (unsigned)*count);
    for (uint32_t i = 0; paths && i < *count; i++)
        paths[i] = cli_arg_nth(args, "store", i);
    return paths;
}

int cli_reader_open(struct btr_reader **out, const struct cli_args *args, struct btr_err *err)
{
    uint32_t count;
    const char **paths = store_paths(args, &count, err);
    if (!paths)
        return err->code;
    int rc = limit_set(args, err);
    if (rc == 0)
        rc = btr_reader_open(out, paths, count, err);
    free(paths);
    /* A store that is not there is no empty answer. */
    if (rc == BTR_E_NOTFOUND)
        rc = err->code = BTR_E_IO;
    return rc;
}

int cli_kept_open(struct btr_kept **out, const struct cli_args *args, struct btr_err *err)
{
    uint32_t count;
    const char **paths = store_paths(args, &count, err);
    if (!paths)
        return err->code;
    int rc = btr_kept_open(out, paths, count, btr_decoder_event_key, err);
    free(paths);
    return rc;
}

void cli_reader_done(struct btr_reader *reader)
{
    if (reader)
        btr_reader_release(reader);
    (void)alarm(0);
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
