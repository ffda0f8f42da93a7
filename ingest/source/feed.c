#include "feed.h"
#include "../decode/serials.h"
#include "state_pack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_SIZE = BTR_ERR_TEXT_SIZE };

bool feed_code_is_failure(int code)
{
    return code == BTR_E_IO || code == BTR_E_FULL || code == BTR_E_NOMEM;
}

int feed_complain(struct feed *f, const char *path, uint64_t group, int code, const char *text)
{
    struct btr_err line = {0};
    f->stats->inputs_bad++;
    (void)btr_fail(&line, code, UINT64_MAX, "%s: %s", path,
                   text); /* escapes what a name may hold */
    if (f->bad == 0 || (feed_code_is_failure(code) && !feed_code_is_failure(f->bad))) {
        f->bad = code;
        if (f->err)
            *f->err = line;
    }
    if (f->complain)
        f->complain(f->complain_self, line.text);
    if (feed_code_is_failure(code) && !btr_u64map_set(&f->held, group, 1))
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    return 0;
}

bool feed_is_held(const struct feed *f, uint32_t input)
{
    return input < f->input_count &&
           btr_u64map_get(&f->held, f->inputs[input]->group) != UINT32_MAX;
}

void feed_note(struct feed *f, const char *path, const char *format, ...)
{
    char text[LINE_SIZE];
    struct btr_err line = {0};
    va_list args;
    if (!f->options->note)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)btr_fail(&line, BTR_E_FORMAT, UINT64_MAX, "%s: %s", path, text);
    f->options->note(f->options->note_self, line.text);
}

int feed_sink_failed(struct feed *f, int rc)
{
    f->stats->sink_failed = true;
    return rc;
}

/* The inputs of this run are told with what only its end shows. */
static void inputs_finish(struct feed *f)
{
    for (uint32_t i = 0; i < f->input_count; i++) {
        struct feed_input *in = f->inputs[i];
        if (!in->ended || feed_is_held(f, i))
            continue;
        in->row.file_size = in->file_size;
        memcpy(in->row.file_sha256, in->file_sha256, sizeof in->file_sha256);
        in->row.complete = in->whole;
        in->moved = true;
    }
}

/* One line for all of them: folders of logs often have other things in them. */
static int passed_over_tell(struct feed *f, const struct btr_paths *paths)
{
    uint64_t count = f->stats->inputs_passed_over;
    if (count == 0)
        return 0;
    if (f->stats->inputs == 0)
        return feed_complain(f, paths->items[0].path, paths->items[0].group, BTR_E_FORMAT,
                             "of the files found here and with it none is of a known log format");
    if (f->options->note && !f->passed_over.failed) {
        struct btr_err line = {0};
        (void)btr_fail(
            &line, BTR_E_FORMAT, UINT64_MAX, "passed over, of no known log format: %llu (%.*s)",
            (unsigned long long)count, (int)f->passed_over.size, (const char *)f->passed_over.at);
        f->options->note(f->options->note_self, line.text);
    }
    return 0;
}

/* Reads an input, unless one before it in its log failed: read out of order, what was open where
 * the two meet could not be followed. */
static int path_read(struct feed *f, const struct btr_path *path)
{
    if (btr_u64map_get(&f->held, path->group) == UINT32_MAX)
        return feed_input_read(f, path);
    return feed_complain(f, path->path, path->group, BTR_E_IO,
                         "is left for another run, as its log could not be read up to it");
}

static int run_read(struct feed *f, const struct btr_paths *paths)
{
    int rc = feed_serials_begin(f);
    for (uint32_t i = 0; i < paths->count && rc == 0; i++)
        rc = path_read(f, &paths->items[i]);
    if (rc == 0)
        rc = feed_states_flush(f);
    if (rc == 0)
        rc = feed_serials_tell(f);
    if (rc == 0) {
        inputs_finish(f);
        rc = feed_publish(f);
    }
    if (rc == 0 && f->sink->drain) {
        rc = f->sink->drain(f->sink->self, f->err);
        if (rc < 0)
            feed_sink_failed(f, rc);
    }
    feed_states_count(f);
    return rc == 0 ? passed_over_tell(f, paths) : rc;
}

static void run_end(struct feed *f)
{
    feed_states_fini(f);
    btr_u64map_fini(&f->held);
    for (uint32_t i = 0; i < f->input_count; i++)
        feed_input_free(f->inputs[i]);
    free(f->inputs);
    free(f->digests);
    btr_batch_fini(&f->batch);
    btr_arena_free(f->arena);
    btr_json_reader_free(f->json);
    serials_free(f->serials);
    source_packer_free(f->packer);
    btr_buffer_fini(&f->passed_over);
    free(f);
}

int btr_feed(const struct btr_paths *paths, const struct btr_feed_options *options,
             const struct btr_sink *sink, struct btr_feed_stats *stats,
             void (*complain)(void *self, const char *line), void *complain_self,
             struct btr_err *err)
{
    *stats = (struct btr_feed_stats){0};
    struct feed *f = calloc(1, sizeof *f);
    if (!f)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    f->options = options;
    f->sink = sink;
    f->stats = stats;
    f->complain = complain;
    f->complain_self = complain_self;
    f->err = err;
    btr_batch_init(&f->batch);
    f->batch.epoch = 1;
    f->states_max = FEED_HOSTS_MAX;
    f->keeping = &feed_keeping_files;
    f->arena = btr_arena_new(FEED_ARENA_SIZE);
    f->json = btr_json_reader_new();
    f->packer = source_packer_new();
    int rc = f->arena && f->json && f->packer
                 ? run_read(f, paths)
                 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    if (rc < 0)
        stats->sink_failed = true;
    else if (f->bad < 0)
        rc = f->bad;
    run_end(f);
    return rc;
}
