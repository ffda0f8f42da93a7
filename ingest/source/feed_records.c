#include <stdlib.h>

#include "feed.h"

enum { DIGESTS_FIRST = 4096 };

bool feed_records_asked(const struct feed *f, const char *path)
{
    const struct btr_known *known = f->options->known;
    return strcmp(path, "-") == 0 && known && known->record && known->record_seed;
}

/* The key of a host's records: hosts and formats never share digests. */
static uint64_t key_of(struct feed *f, const struct feed_input *in, const struct feed_state *s)
{
    const struct btr_known *known = f->options->known;
    if (!f->records_begun)
        f->record_seed = known->record_seed(known->self);
    f->records_begun = true;
    struct btr_span host = {0};
    if (s)
        host = (struct btr_span){s->host, s->host_size};
    uint64_t key = btr_hash64_seeded(btr_span_of(in->decoder->name), f->record_seed);
    return btr_hash64_seeded(host, key);
}

int feed_record_known(struct feed *f, struct feed_input *in, struct feed_state *s,
                      const struct source_line *line, uint64_t *digest)
{
    const struct btr_known *known = f->options->known;
    if (!in->key_is_made || in->key_state != s) {
        in->key = key_of(f, in, s);
        in->key_state = s;
        in->key_is_made = true;
    }
    *digest = btr_hash64_seeded(line->bytes, in->key);
    if (!known->record(known->self, *digest))
        return 0;
    f->stats->records_known++;
    int rc = s ? feed_state_revive(f, in, s) : 0; /* an interrupted run may have left it */
    return rc < 0 ? rc : 1;
}

int feed_record_taken(struct feed *f, uint64_t digest)
{
    if (f->digest_count == f->digest_capacity) {
        size_t capacity = f->digest_capacity ? f->digest_capacity * 2 : DIGESTS_FIRST;
        uint64_t *digests = realloc(f->digests, capacity * sizeof *digests);
        if (!digests)
            return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
        f->digests = digests;
        f->digest_capacity = capacity;
    }
    f->digests[f->digest_count++] = digest;
    return 0;
}

int feed_record_keep(struct feed *f, const struct feed_input *in, const struct feed_state *s,
                     const struct source_line *line)
{
    if (!f->options->keep_records || !f->sink->keep)
        return 0;
    struct btr_raw_record record = {.input = &in->row,
                                    .input_id = in->id,
                                    .host = {s->host, s->host_size},
                                    .line = line->number,
                                    .bytes = line->bytes};
    f->stats->records_kept++;
    int rc = f->sink->keep(f->sink->self, &record, f->err);
    return rc < 0 ? feed_sink_failed(f, rc) : 0;
}
