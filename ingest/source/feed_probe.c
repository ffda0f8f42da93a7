#include "feed.h"
#include "names.h"

/* A head is told from its first bytes, so that a line of any length has one. */
enum { HEAD_SIZE = 64 << 10 };

static bool is_blank(struct btr_span s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.at[i] != ' ' && s.at[i] != '\t')
            return false;
    return true;
}

/* The lines are offsets into bytes until all are there: the buffer may move. */
static bool sample_add(struct feed_probe *probe, const struct source_line *line)
{
    if (is_blank(line->bytes))
        return true;
    if (probe->empty) {
        struct btr_span head = line->bytes;
        if (head.size > HEAD_SIZE)
            head.size = HEAD_SIZE;
        probe->head_hash = btr_hash64(head);
        probe->empty = false;
    }
    if (line->too_long || probe->bytes.size + line->bytes.size > FEED_SAMPLE_SIZE)
        return true;
    probe->lines[probe->line_count++].size = line->bytes.size;
    btr_buffer_span(&probe->bytes, line->bytes);
    return !probe->bytes.failed;
}

static bool sample_full(const struct feed_probe *probe)
{
    return probe->line_count == FEED_SAMPLE_LINES || probe->bytes.size >= FEED_SAMPLE_SIZE;
}

static int sample_read(struct feed_probe *probe, struct source_tape *tape,
                       struct source_lines *lines, struct btr_err *err)
{
    struct source_block block;
    struct source_line line;
    int rc = 1;
    bool ok = true;
    for (int i = 0; i < FEED_SAMPLE_BLOCKS && ok && !sample_full(probe); i++) {
        rc = source_tape_next(tape, &block, err);
        if (rc != 1)
            break;
        source_lines_block(lines, block.bytes);
        while (ok && !sample_full(probe) && source_lines_next(lines, &line))
            ok = sample_add(probe, &line);
        ok = ok && source_lines_keep(lines);
    }
    if (ok && rc == 0 && !sample_full(probe) && source_lines_last(lines, &line))
        ok = sample_add(probe, &line);
    if (!ok)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    return rc < 0 && probe->line_count == 0
               ? rc
               : 0; /* damage behind good records is met again when they are read */
}

int feed_probe_read(struct feed_probe *probe, struct source_tape *tape, struct btr_err *err)
{
    struct source_lines lines = {.record_max = FEED_SAMPLE_LINE_SIZE};
    probe->empty = true;
    int rc = sample_read(probe, tape, &lines, err);
    source_lines_fini(&lines);
    const uint8_t *at = probe->bytes.at;
    for (uint32_t i = 0; i < probe->line_count; i++) {
        probe->lines[i].at = at;
        at += probe->lines[i].size;
    }
    return rc;
}

void feed_probe_fini(struct feed_probe *probe)
{
    btr_buffer_fini(&probe->bytes);
}

static int decoder_choose(const struct feed *f, struct feed_probe *probe, struct btr_err *err)
{
    const struct btr_decoder *forced = f->options->format;
    const struct btr_decoder *found = btr_decoder_detect(probe->lines, probe->line_count);
    if (forced &&
        (!found || found == forced || forced->detect(probe->lines, probe->line_count) > 0))
        found = forced;
    if (!found)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "no known log format in its first records");
    if (forced && found != forced)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "its records are %s, not %s", found->name,
                        forced->name);
    probe->decoder = found;
    return 0;
}

static bool records_name_hosts(const struct feed_probe *probe)
{
    for (uint32_t i = 0; i < probe->line_count && probe->decoder->host_peek; i++)
        if (probe->decoder->host_peek(probe->lines[i]).size > 0)
            return true;
    return false;
}

int feed_probe_decide(struct feed *f, struct feed_probe *probe, const struct btr_path *path,
                      struct feed_input *input, struct btr_err *err)
{
    char name[SOURCE_BASE_SIZE];
    uint8_t canonical[FEED_NAME_SIZE];
    int rc = decoder_choose(f, probe, err);
    if (rc < 0)
        return rc;
    struct btr_span host = path->host ? btr_span_of(path->host)
                                      : source_name_host(path->path, f->options->hosts, name);
    if (host.size > 0)
        host = btr_host_canonical(f->options->hosts, host, canonical);
    if (host.size == 0 && !records_name_hosts(probe))
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX,
                        "neither its records nor its name tell the host: give it as HOST=%s",
                        path->path);
    if (host.size > 0)
        memcpy(input->host, host.at,
               host.size < sizeof input->host ? host.size : sizeof input->host);
    input->host_size = host.size < sizeof input->host ? host.size : sizeof input->host;
    input->decoder = probe->decoder;
    return 0;
}
