#include <btr/list.h>
#include <stdio.h>
#include <stdlib.h>

#include "feed.h"
#include "follow_reading.h"
#include "state_pack.h"

static void state_free(struct feed_state *s)
{
    if (s->state)
        s->decoder->state_free(s->state);
    btr_buffer_fini(&s->saved);
    follow_reading_free(s->reading);
    free(s);
}

static int saved_load(struct feed *f, struct feed_state *s, struct btr_err *err)
{
    struct btr_buffer bytes = {0};
    int rc = source_state_unpack(f->packer, &bytes, btr_buffer_view(&s->saved), err);
    if (rc == 0)
        rc = s->decoder->state_load(s->state, btr_buffer_view(&bytes), err);
    btr_buffer_fini(&bytes);
    btr_buffer_fini(&s->saved);
    return rc;
}

static int state_unpack(struct feed *f, struct feed_state *s, bool saved)
{
    uint32_t size_max = f->options->state_size_max;
    struct btr_decoder_config config = {.host = {s->host, s->host_size},
                                        .hosts = f->options->hosts,
                                        .size_max = size_max ? size_max : FEED_STATE_SIZE,
                                        .serials = f->serials,
                                        .json = f->json};
    struct btr_err err = {0};
    s->state = s->decoder->state_new(&config);
    if (!s->state)
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    int rc = saved ? saved_load(f, s, &err) : 0;
    if (rc < 0) {
        s->decoder->state_free(s->state);
        s->state = NULL;
        return btr_fail(f->err, rc, UINT64_MAX, "saved %s state of host %.*s: %s", s->decoder->name,
                        (int)s->host_size, (const char *)s->host, err.text);
    }
    s->base = (struct btr_decoder_stats){0};
    if (s->decoder->stats)
        s->decoder->stats(s->state, &s->base);
    return 0;
}

int feed_state_wake(struct feed *f, struct feed_state *s)
{
    return state_unpack(f, s, true);
}

/* ---- Kept between runs ---- */

/* What the store keeps of an older stretch begins with the head of the input that was read last. It
 * is empty when that run came to its end. */
static int saved_find(const struct feed *f, struct feed_state *s)
{
    const struct btr_known *known = f->options->known;
    struct btr_span host = {s->host, s->host_size};
    struct btr_buffer bytes = {0};
    bool found = known && known->state &&
                 known->state(known->self, btr_span_of(s->key), host, &bytes) && bytes.size > 0;
    struct btr_cursor c = {btr_buffer_view(&bytes), 0};
    if (found && s->level > 0)
        found = btr_cursor_u64(&c, &s->head_hash);
    if (found)
        btr_buffer_span(&s->saved, c.rest);
    bool failed = bytes.failed || s->saved.failed;
    btr_buffer_fini(&bytes);
    return failed ? BTR_E_NOMEM : found;
}

/* Of an older stretch the head of its input comes first; nothing at all once everything was told.
 */
static bool saved_write(const struct feed *f, const struct feed_state *s, struct btr_buffer *out)
{
    if (s->told)
        return true;
    if (s->level > 0)
        btr_buffer_u64(out, s->head_hash);
    return feed_state_save(f, s, out);
}

const struct feed_keeping feed_keeping_files = {"", saved_find, saved_write};

static int state_new(struct feed *f, const struct btr_decoder *decoder, struct btr_span host,
                     unsigned level, struct feed_state **out)
{
    struct feed_state *s = calloc(1, sizeof *s);
    if (!s)
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    s->decoder = decoder;
    s->host_size = host.size < sizeof s->host ? host.size : sizeof s->host;
    memcpy(s->host, host.at, s->host_size);
    s->last_ns = INT64_MIN;
    s->level = level;
    (void)snprintf(s->key, sizeof s->key, level ? "%s%s older %u" : "%s%s", f->keeping->key_prefix,
                   decoder->name, level);
    int saved = f->keeping->find(f, s);
    int rc = saved < 0 ? btr_fail(f->err, saved, UINT64_MAX, "out of memory")
                       : state_unpack(f, s, saved == 1);
    if (rc < 0) {
        state_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

/* The key of a state in the map. */
static struct btr_id state_id(const struct btr_decoder *decoder, struct btr_span host,
                              unsigned level)
{
    uint8_t number = (uint8_t)level;
    struct btr_span key[] = {btr_span_of(decoder->name), host, {&number, 1}};
    return btr_id_of(key, 3);
}

/* Adds a state to the list and to the map; it is the caller's to free when that fails. */
static bool state_add(struct feed *f, struct btr_id id, struct feed_state *s)
{
    if (!btr_list_room(&f->states, f->state_count, &f->state_capacity, 64, sizeof *f->states))
        return false;
    if (btr_idmap_add(&f->state_map, id, f->state_count) == UINT32_MAX)
        return false;
    f->states[f->state_count++] = s;
    return true;
}

/* @param level  0 = the state that is saved, else the n-th of older stretches */
static int state_get(struct feed *f, const struct btr_decoder *decoder, struct btr_span host,
                     unsigned level, struct feed_state **out)
{
    struct btr_id id = state_id(decoder, host, level);
    uint32_t at = btr_idmap_get(&f->state_map, id);
    int rc = 0;
    if (at == UINT32_MAX) {
        if (f->state_count == f->states_max)
            return BTR_E_LIMIT;
        struct feed_state *s = NULL;
        rc = state_new(f, decoder, host, level, &s);
        if (rc < 0)
            return rc;
        if (!state_add(f, id, s)) {
            state_free(s);
            return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
        }
        at = f->state_count - 1;
    } else if (!f->states[at]->state) {
        rc = feed_state_wake(f, f->states[at]);
    }
    f->states[at]->used = ++f->tick;
    *out = f->states[at];
    return rc;
}

int feed_state_get(struct feed *f, const struct btr_decoder *decoder, struct btr_span host,
                   struct feed_state **out)
{
    return state_get(f, decoder, host, 0, out);
}

int feed_state_settle(struct feed *f, const struct feed_input *input, struct btr_span record,
                      struct feed_state **state)
{
    struct feed_state *s = *state, *as = s;
    if (!s->decoder->is_older)
        return 0;
    if (s->met == input->id + 1) {
        *state = s->met_as;
        return 0;
    }
    int older = s->decoder->is_older(s->state, record);
    for (unsigned level = 1; older == 1 && level <= FEED_OLDER_MAX; level++) {
        int rc = state_get(f, s->decoder, (struct btr_span){s->host, s->host_size}, level, &as);
        if (rc == BTR_E_LIMIT)
            break;
        if (rc < 0)
            return rc;
        older = s->decoder->is_older(as->state, record);
    }
    if (older < 0)
        return 0;
    s->met = input->id + 1;
    s->met_as = *state = as;
    if (as == s)
        return 0;
    as->head_hash = input->row.head_hash;
    feed_note(f, input->path,
              "older than what was read of host %.*s: what was open where the two meet is not "
              "followed; logs given oldest first, into a new store, are read as one",
              (int)s->host_size, (const char *)s->host);
    return 0;
}

/* Whether an older stretch of this number waits that read this input last. @return as saved_find */
static int older_waits(const struct feed *f, const struct feed_state *s, unsigned level,
                       uint64_t head_hash)
{
    struct feed_state older = {.level = level, .host_size = s->host_size};
    memcpy(older.host, s->host, s->host_size);
    (void)snprintf(older.key, sizeof older.key, "%s older %u", s->decoder->name, level);
    int found = saved_find(f, &older);
    btr_buffer_fini(&older.saved);
    return found == 1 ? older.head_hash == head_hash : found;
}

int feed_state_revive(struct feed *f, struct feed_input *input, struct feed_state *s)
{
    bool seen = s->revived == input->id + 1;
    s->revived = input->id + 1;
    for (unsigned level = 1; s->decoder->is_older && !seen && level <= FEED_OLDER_MAX; level++) {
        struct feed_state *as;
        int rc = older_waits(f, s, level, input->row.head_hash);
        if (rc == 0)
            continue;
        if (rc < 0)
            return btr_fail(f->err, rc, UINT64_MAX, "out of memory");
        rc = state_get(f, s->decoder, (struct btr_span){s->host, s->host_size}, level, &as);
        if (rc < 0)
            return rc;
        s->met = input->id + 1; /* what follows of the input goes on there */
        s->met_as = as;
    }
    if (s->met == input->id + 1)
        s = s->met_as;
    if (s->level > 0)
        s->head_hash = input->row.head_hash;
    s->flush_due = true;
    s->input = input->id;
    input->state = s;
    return 0;
}

/* Counters that the state gained since it was loaded. */
static void counters_add(struct feed *f, const struct feed_state *s)
{
    struct btr_decoder_stats now = {0};
    if (!s->decoder->stats)
        return;
    s->decoder->stats(s->state, &now);
    f->stats->evicted += now.evicted - s->base.evicted;
    f->stats->orphans += now.orphans - s->base.orphans;
}

bool feed_state_save(const struct feed *f, const struct feed_state *s, struct btr_buffer *out)
{
    if (!s->state) {
        btr_buffer_span(out, btr_buffer_view(&s->saved));
        return !out->failed;
    }
    struct btr_buffer bytes = {0};
    bool ok = s->decoder->state_save(s->state, &bytes) == 0 && !bytes.failed &&
              source_state_pack(f->packer, out, btr_buffer_view(&bytes));
    btr_buffer_fini(&bytes);
    return ok;
}

int feed_state_park(struct feed *f, struct feed_state *s)
{
    if (!feed_state_save(f, s, &s->saved))
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    struct btr_decoder_stats now = {0};
    counters_add(f, s);
    if (s->decoder->stats)
        s->decoder->stats(s->state, &now);
    s->waiting = now.waiting;
    s->decoder->state_free(s->state);
    s->state = NULL;
    return 0;
}

static struct feed_state *state_oldest(const struct feed *f, uint32_t *live)
{
    struct feed_state *oldest = NULL;
    *live = 0;
    for (uint32_t i = 0; i < f->state_count; i++) {
        struct feed_state *s = f->states[i];
        if (!s->state)
            continue;
        ++*live;
        if (!oldest || s->used < oldest->used)
            oldest = s;
    }
    return oldest;
}

int feed_states_park(struct feed *f)
{
    uint32_t live;
    struct feed_state *oldest = state_oldest(f, &live);
    for (; live > FEED_STATES_LIVE; oldest = state_oldest(f, &live)) {
        int rc = feed_state_park(f, oldest);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int state_input_end(struct feed *f, struct feed_state *s)
{
    bool parked = !s->state;
    int rc = parked ? feed_state_wake(f, s) : 0;
    if (rc < 0)
        return rc;
    f->batch.line = 0;
    if (s->decoder->input_end(s->state, &f->batch, f->arena) < 0)
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    rc = feed_batch_flush(f);
    return rc == 0 && parked ? feed_state_park(f, s) : rc;
}

int feed_states_input_end(struct feed *f, uint32_t input)
{
    int rc = 0;
    for (uint32_t i = 0; i < f->state_count && rc == 0; i++)
        if (f->states[i]->decoder->input_end && f->states[i]->flush_due &&
            f->states[i]->input == input)
            rc = state_input_end(f, f->states[i]);
    return rc;
}

static int state_flush(struct feed *f, struct feed_state *s)
{
    bool parked = !s->state;
    int rc = parked ? feed_state_wake(f, s) : 0;
    if (rc < 0)
        return rc;
    f->batch.input = s->input;
    f->batch.line = 0;
    if (s->decoder->flush(s->state, INT64_MAX, &f->batch, f->arena) < 0)
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    s->flush_due = false;
    s->moved = true;
    s->told = s->level > 0;
    rc = feed_batch_flush(f);
    return rc == 0 && parked ? feed_state_park(f, s) : rc;
}

int feed_states_flush(struct feed *f)
{
    int rc = 0;
    for (uint32_t i = 0; i < f->state_count && rc == 0; i++)
        if (f->states[i]->flush_due && !feed_is_held(f, f->states[i]->input))
            rc = state_flush(f, f->states[i]);
    return rc;
}

void feed_states_count(struct feed *f)
{
    for (uint32_t i = 0; i < f->state_count; i++) {
        struct feed_state *s = f->states[i];
        struct btr_decoder_stats now = {.waiting = s->waiting};
        if (s->state) {
            counters_add(f, s);
            if (s->decoder->stats)
                s->decoder->stats(s->state, &now);
        }
        f->stats->waiting += now.waiting;
    }
}

void feed_states_sweep(struct feed *f, bool (*goes)(void *self, const struct feed_state *s),
                       void *self)
{
    uint32_t kept = 0;
    btr_idmap_clear(&f->state_map); /* keeps its room: what stays fits again */
    for (uint32_t i = 0; i < f->state_count; i++) {
        struct feed_state *s = f->states[i];
        if (goes(self, s)) {
            if (s->state)
                counters_add(f, s);
            state_free(s);
            continue;
        }
        struct btr_span host = {s->host, s->host_size};
        (void)btr_idmap_add(&f->state_map, state_id(s->decoder, host, s->level), kept);
        f->states[kept++] = s;
    }
    f->state_count = kept;
}

void feed_states_fini(struct feed *f)
{
    for (uint32_t i = 0; i < f->state_count; i++)
        state_free(f->states[i]);
    free(f->states);
    btr_idmap_fini(&f->state_map);
}
