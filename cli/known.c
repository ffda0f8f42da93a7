#include "known.h"

#include <errno.h>
#include <sys/stat.h>

static int writer_open(struct cli_known *k, struct btr_err *err)
{
    int rc = btr_writer_open(&k->writer, k->path, err);
    if (rc == 0)
        btr_writer_retain(k->writer, k->retention.days, k->retention.record_days);
    return rc;
}

static int writer_need(struct cli_known *k, struct btr_err *err)
{
    int code = k->failure.code;
    if (code < 0 && err)
        *err = k->failure;
    return code < 0 || k->writer ? code : writer_open(k, err);
}

static int append(void *self, const struct btr_batch *batch, struct btr_err *err)
{
    struct cli_known *k = self;
    int rc = writer_need(k, err);
    if (rc < 0)
        return rc;
    const struct btr_sink *sink = btr_writer_sink(k->writer);
    return sink->append(sink->self, batch, err);
}

static int publish(void *self, const struct btr_progress *progress, struct btr_err *err)
{
    struct cli_known *k = self;
    int rc = writer_need(k, err);
    if (rc < 0)
        return rc;
    const struct btr_sink *sink = btr_writer_sink(k->writer);
    return sink->publish(sink->self, progress, err);
}

static size_t pending(void *self, uint32_t *event_count)
{
    struct cli_known *k = self;
    *event_count = 0;
    if (!k->writer)
        return 0;
    const struct btr_sink *sink = btr_writer_sink(k->writer);
    return sink->pending(sink->self, event_count);
}

static int drain(void *self, struct btr_err *err)
{
    struct cli_known *k = self;
    if (!k->writer)
        return 0;
    const struct btr_sink *sink = btr_writer_sink(k->writer);
    return sink->drain ? sink->drain(sink->self, err) : 0;
}

static int keep(void *self, const struct btr_raw_record *record, struct btr_err *err)
{
    struct cli_known *k = self;
    int rc = writer_need(k, err);
    if (rc < 0)
        return rc;
    const struct btr_sink *sink = btr_writer_sink(k->writer);
    return sink->keep(sink->self, record, err);
}

static bool busy(void *self)
{
    struct cli_known *k = self;
    if (!k->writer)
        return false;
    const struct btr_sink *sink = btr_writer_sink(k->writer);
    return sink->busy(sink->self);
}

static bool known_input(void *self, uint64_t head_hash, uint32_t i, struct btr_input *out)
{
    struct cli_known *k = self;
    return k->writer && btr_writer_known_input(k->writer, head_hash, i, out);
}

static bool known_state(void *self, struct btr_span format, struct btr_span host,
                        struct btr_buffer *out)
{
    struct cli_known *k = self;
    return k->writer && btr_writer_known_state(k->writer, format, host, out);
}

/* Asked when the first record of stdin is there, so there is a store to be made; what fails here
 * the next append fails with, as digests without the store's seed are none. */
static uint64_t known_record_seed(void *self)
{
    struct cli_known *k = self;
    struct btr_err err = {0};
    if (writer_need(k, &err) == 0)
        return btr_writer_record_seed(k->writer);
    k->failure = err;
    return 0;
}

static bool known_record(void *self, uint64_t digest)
{
    struct cli_known *k = self;
    return k->writer && btr_writer_known_record(k->writer, digest);
}

int cli_known_open(struct cli_known *out, const char *path, struct cli_retention retention,
                   struct btr_err *err)
{
    struct stat at;
    *out = (struct cli_known){
        .sink = {out, append, publish, pending, drain, keep, busy},
        .known = {out, known_input, known_state, known_record_seed, known_record},
        .path = path,
        .retention = retention};
    bool absent = stat(path, &at) != 0 && errno == ENOENT;
    return absent ? 0 : writer_open(out, err);
}

void cli_known_close(struct cli_known *known)
{
    if (known->writer)
        btr_writer_close(known->writer);
    known->writer = NULL;
}
