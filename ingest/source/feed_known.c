#include <stdio.h>
#include <stdlib.h>

#include "feed.h"

enum { CANDIDATES_MAX = 64 };

struct candidates {
    struct feed_candidate items[CANDIDATES_MAX]; /* by ascending size */
    uint32_t count;
};

static bool sha_is_none(const uint8_t *sha256)
{
    static const uint8_t none[BTR_SHA256_SIZE];
    return memcmp(sha256, none, BTR_SHA256_SIZE) == 0;
}

/* The host counts only where the user gave it: a file that was renamed is still the same content.
 */
static bool row_fits(const struct feed_input *input, bool host_given, const struct btr_input *row)
{
    struct btr_span host = {input->host, input->host_size};
    return row->content_size > 0 &&
           btr_span_equal(row->format, btr_span_of(input->decoder->name)) &&
           (!host_given || row->host.size == 0 || btr_span_equal(row->host, host));
}

static void candidate_add(struct candidates *c, const struct btr_input *row, bool finished)
{
    if (c->count == CANDIDATES_MAX)
        return;
    uint32_t place = c->count;
    for (; place > 0 && c->items[place - 1].size > row->content_size; place--)
        c->items[place] = c->items[place - 1];
    struct feed_candidate *item = &c->items[place];
    *item = (struct feed_candidate){.size = row->content_size,
                                    .lines = row->content_lines,
                                    .records = row->records,
                                    .finished = finished};
    memcpy(item->sha256, row->content_sha256, sizeof item->sha256);
    item->file_size = row->complete ? row->file_size : 0;
    memcpy(item->file_sha256, row->file_sha256, sizeof item->file_sha256);
    (void)snprintf(item->name, sizeof item->name, "%.*s",
                   (int)(row->name.size < 255 ? row->name.size : 255), (const char *)row->name.at);
    c->count++;
}

static void candidates_find(struct candidates *c, const struct feed *f,
                            const struct feed_input *input, bool host_given)
{
    for (uint32_t i = 0; i < f->input_count; i++) {
        const struct feed_input *other = f->inputs[i];
        if (other != input && other->row.head_hash == input->row.head_hash &&
            row_fits(input, host_given, &other->row))
            candidate_add(c, &other->row, true);
    }
    const struct btr_known *known = f->options->known;
    struct btr_input row = {0};
    for (uint32_t i = 0;
         known && known->input && known->input(known->self, input->row.head_hash, i, &row); i++)
        if (row_fits(input, host_given, &row))
            candidate_add(c, &row, !sha_is_none(row.file_sha256));
}

struct matching {
    const struct candidates *candidates;
    const struct feed_candidate *best; /* the longest that fits so far */
    struct btr_sha256 *sha;
    uint32_t next; /* the first that is not decided */
    uint64_t offset;
};

/* @return false when out of memory */
static bool block_match(struct matching *m, struct btr_span bytes)
{
    while (m->next < m->candidates->count) {
        const struct feed_candidate *item = &m->candidates->items[m->next];
        uint64_t missing = item->size - m->offset;
        if (missing > bytes.size)
            break;
        uint8_t sha256[BTR_SHA256_SIZE];
        btr_sha256_update(m->sha, (struct btr_span){bytes.at, (size_t)missing});
        bytes.at += missing;
        bytes.size -= (size_t)missing;
        m->offset = item->size;
        if (!btr_sha256_peek(m->sha, sha256))
            return false;
        if (memcmp(sha256, item->sha256, sizeof sha256) == 0)
            m->best = item;
        m->next++;
    }
    btr_sha256_update(m->sha, bytes);
    m->offset += bytes.size;
    return true;
}

static int candidates_match(struct matching *m, struct source_tape *tape, struct btr_err *err)
{
    struct source_block block;
    int rc = 1;
    while (m->next < m->candidates->count && (rc = source_tape_next(tape, &block, err)) == 1)
        if (!block_match(m, block.bytes))
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    return rc == BTR_E_NOMEM || rc == BTR_E_IO || rc == BTR_E_FULL
               ? rc
               : 0; /* damage is met again when it is read */
}

/* A file that is stored as it was then needs no unpacking to be known. */
static const struct feed_candidate *file_match(const struct candidates *c, struct source_tape *tape)
{
    uint64_t hashed = 0;
    uint8_t sha256[BTR_SHA256_SIZE];
    for (uint32_t i = c->count; i-- > 0;) {
        const struct feed_candidate *item = &c->items[i];
        if (item->file_size == 0 ||
            (item->file_size != hashed && !source_tape_digest(tape, item->file_size, sha256)))
            continue;
        hashed = item->file_size;
        if (memcmp(sha256, item->file_sha256, sizeof sha256) == 0)
            return item;
    }
    return NULL;
}

/* Whether nothing stands behind what was read before. */
static bool ends_here(const struct matching *m, struct source_tape *tape)
{
    struct source_block block;
    struct btr_err err;
    return m->best && m->best->finished && m->best->size == m->offset &&
           source_tape_next(tape, &block, &err) == 0;
}

/* @return as feed_known_find; m->best tells what was found */
static int content_match(struct matching *m, struct source_tape *tape, struct btr_err *err)
{
    m->best = file_match(m->candidates, tape);
    if (m->best)
        return FEED_KNOWN_WHOLE;
    int rc = source_tape_rewind(tape, err);
    if (rc < 0 || m->candidates->count == 0)
        return rc;
    rc = candidates_match(m, tape, err);
    if (rc == 0 && ends_here(m, tape))
        return FEED_KNOWN_WHOLE;
    if (rc == 0)
        rc = source_tape_rewind(tape, err);
    return rc == 0 && m->best ? FEED_KNOWN_PART : rc;
}

int feed_known_find(struct feed *f, const struct feed_input *input, bool host_given,
                    struct source_tape *tape, struct feed_candidate *out, struct btr_err *err)
{
    struct candidates *c = calloc(1, sizeof *c);
    struct matching m = {.candidates = c, .sha = btr_sha256_new()};
    int rc = c && m.sha ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    if (rc == 0) {
        candidates_find(c, f, input, host_given);
        rc = content_match(&m, tape, err);
    }
    if (rc > 0)
        *out = *m.best;
    btr_sha256_free(m.sha);
    free(c);
    return rc;
}
