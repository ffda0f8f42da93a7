/*
 * Decoder states through the state topic. A record's key is TOPIC:PARTITION, a zero byte, the key
 * and the host of the saved state, a zero byte between them, and u16 the number of the part: a
 * state may be larger than a message. Its value is the number of parts, a digest of the whole, and
 * the part. A whole of which parts of two writings are mixed is not taken. Of a state that was sent
 * whole before only what has changed goes out, as a whole of its own with " since" behind its key
 * (follow_delta.h).
 */
#include <btr/list.h>
#include <stdio.h>
#include <stdlib.h>

#include "follow.h"
#include "follow_delta.h"

#define SINCE " since" /* behind the key of a state: what has changed of it */

enum { PART_SIZE = 512 << 10, PARTS_MAX = 4096 };

/* ---- Sending ---- */

static void key_put(struct btr_buffer *key, const struct follow_partition *p,
                    struct btr_span format, struct btr_span host, uint32_t part)
{
    btr_buffer_clear(key);
    btr_buffer_text(key, p->name);
    btr_buffer_u8(key, 0);
    btr_buffer_span(key, format);
    btr_buffer_u8(key, 0);
    btr_buffer_span(key, host);
    btr_buffer_u16(key, (uint16_t)part);
}

static int send_whole(struct btr_follow *w, const struct follow_partition *p,
                      struct btr_span format, struct btr_span host, struct btr_span bytes,
                      struct btr_err *err)
{
    struct btr_buffer key = {0}, value = {0};
    uint32_t parts = (uint32_t)((bytes.size + PART_SIZE - 1) / PART_SIZE);
    uint64_t digest = btr_hash64(bytes);
    int rc = 0;
    parts = parts == 0 ? 1 : parts;
    for (uint32_t i = 0; i < parts && rc == 0; i++) {
        size_t at = (size_t)i * PART_SIZE;
        size_t size = bytes.size - at < PART_SIZE ? bytes.size - at : PART_SIZE;
        key_put(&key, p, format, host, i);
        btr_buffer_clear(&value);
        btr_buffer_varint(&value, parts);
        btr_buffer_u64(&value, digest);
        btr_buffer_put(&value, bytes.at + at, size);
        struct topics_state record = {btr_buffer_view(&key), btr_buffer_view(&value)};
        rc = key.failed || value.failed
                 ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory")
                 : w->topics->ops->state_put(w->topics, &p->part, &record, err);
        w->stats.state_topic_bytes += key.size + value.size;
    }
    btr_buffer_fini(&key);
    btr_buffer_fini(&value);
    return rc;
}

static struct btr_id given_id(struct btr_span key, struct btr_span host)
{
    struct btr_span parts[] = {key, host};
    return btr_id_of(parts, 2);
}

/* What was sent whole of a state last. NULL: nothing is known, or there is no memory to know it. */
static struct btr_buffer *base_of(struct follow_partition *p, struct btr_id id, bool make)
{
    uint32_t at = btr_idmap_get(&p->base_map, id);
    if (at != UINT32_MAX)
        return &p->bases[at];
    if (!make)
        return NULL;
    if (!btr_list_room(&p->bases, p->base_count, &p->base_capacity, 16, sizeof *p->bases))
        return NULL;
    if (btr_idmap_add(&p->base_map, id, p->base_count) == UINT32_MAX)
        return NULL;
    p->bases[p->base_count] = (struct btr_buffer){0};
    return &p->bases[p->base_count++];
}

void follow_bases_drop(struct btr_follow *w, struct follow_partition *p)
{
    for (uint32_t i = 0; i < p->base_count; i++) {
        w->base_size -= p->bases[i].size;
        btr_buffer_fini(&p->bases[i]);
    }
    p->base_count = 0;
    btr_idmap_clear(&p->base_map);
}

static void base_keep(struct btr_follow *w, struct follow_partition *p, struct btr_id id,
                      struct btr_span bytes)
{
    if (w->base_size + bytes.size > follow_memory(w) / 16)
        follow_bases_drop(w, p);
    struct btr_buffer *base = base_of(p, id, true);
    if (!base)
        return;
    w->base_size -= base->size;
    btr_buffer_fini(base);
    btr_buffer_span(base, bytes);
    if (base->failed)
        btr_buffer_fini(base);
    w->base_size += base->size;
}

/* Most of a state is as it was: what has changed is sent, unless that is half of it. */
static int send_state(struct btr_follow *w, struct follow_partition *p, struct btr_span format,
                      struct btr_span host, struct btr_span bytes, struct btr_err *err)
{
    char since[FEED_KEY_SIZE + sizeof SINCE];
    struct btr_id id = given_id(format, host);
    const struct btr_buffer *base = base_of(p, id, false);
    struct btr_buffer delta = {0};
    bool small = base && base->size > 0 &&
                 follow_delta_make(&delta, bytes, btr_buffer_view(base)) &&
                 delta.size < bytes.size / 2;
    int rc;
    if (small) {
        (void)snprintf(since, sizeof since, "%.*s" SINCE, (int)format.size,
                       (const char *)format.at);
        rc = send_whole(w, p, btr_span_of(since), host, btr_buffer_view(&delta), err);
    } else {
        rc = send_whole(w, p, format, host, bytes, err);
        if (rc == 0)
            base_keep(w, p, id, bytes);
    }
    btr_buffer_fini(&delta);
    return rc;
}

/* What the store has of it now is what was published: nothing newer is under way. */
static int send_kept(struct btr_follow *w, struct follow_partition *p, struct btr_span format,
                     struct btr_span host, struct btr_err *err)
{
    const struct btr_known *known = w->options.known;
    struct btr_buffer bytes = {0};
    int rc = 0;
    if (known && known->state && known->state(known->self, format, host, &bytes))
        rc = send_state(w, p, format, host, btr_buffer_view(&bytes), err);
    if (bytes.failed)
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    btr_buffer_fini(&bytes);
    return rc;
}

static int states_send(struct btr_follow *w, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; i < w->saved_count && rc == 0; i++) {
        const struct follow_saved *s = &w->saved[i];
        struct follow_partition *p = follow_partition_of(w, s->head_hash);
        struct btr_span host = {s->host, s->host_size};
        if (p && p->assigned && !p->lost)
            rc = send_kept(w, p, btr_span_of(s->key), host, err);
    }
    w->saved_count = 0;
    return rc;
}

/* The rows were handed to the publish, and are as they were. The row of a partition goes last: it
 * stands for the rest. */
static int rows_send(struct btr_follow *w, struct btr_err *err)
{
    int rc = 0;
    uint32_t at = 0;
    for (uint32_t i = 0; i < w->part_count && rc == 0; i++) {
        const struct follow_partition *p = w->parts[i];
        if (!p->in_flight)
            continue;
        for (uint32_t k = 0; k < p->flight_chunks + 1 && rc == 0; k++, at++)
            if (p->assigned && !p->lost)
                rc = send_whole(w, p, w->rows[at].format, (struct btr_span){0}, w->rows[at].bytes,
                                err);
    }
    return rc;
}

int follow_handover_send(struct btr_follow *w, struct btr_err *err)
{
    int rc = states_send(w, err);
    if (rc == 0)
        rc = rows_send(w, err);
    return rc;
}

/* ---- Loading ---- */

/* A whole in the making: its parts as they stand in the topic now. */
struct whole {
    struct btr_buffer name; /* format, zero byte, host */
    struct btr_buffer *parts;
    uint64_t *digests;
    uint32_t count;
};

struct loading {
    struct btr_span prefix;
    struct whole *wholes;
    uint32_t count, capacity;
    struct btr_idmap map;
};

static struct whole *whole_of(struct loading *l, struct btr_span name)
{
    uint32_t at = btr_idmap_get(&l->map, btr_id_hash(name));
    if (at != UINT32_MAX)
        return &l->wholes[at];
    if (!btr_list_room(&l->wholes, l->count, &l->capacity, 64, sizeof *l->wholes))
        return NULL;
    struct whole *whole = &l->wholes[l->count];
    *whole = (struct whole){0};
    btr_buffer_span(&whole->name, name);
    if (whole->name.failed || btr_idmap_add(&l->map, btr_id_hash(name), l->count) == UINT32_MAX)
        return NULL;
    l->count++;
    return whole;
}

static bool whole_room(struct whole *whole, uint32_t count)
{
    if (count <= whole->count)
        return true;
    struct btr_buffer *parts = realloc(whole->parts, count * sizeof *parts);
    if (parts)
        whole->parts = parts;
    uint64_t *digests = realloc(whole->digests, count * sizeof *digests);
    if (digests)
        whole->digests = digests;
    if (!parts || !digests)
        return false;
    memset(whole->parts + whole->count, 0, (count - whole->count) * sizeof *parts);
    memset(whole->digests + whole->count, 0, (count - whole->count) * sizeof *digests);
    whole->count = count;
    return true;
}

/* A key as key_put makes it; others lie in the topic, too. */
static bool key_split(struct btr_span key, struct btr_span prefix, struct btr_span *name,
                      uint64_t *part)
{
    if (key.size <= prefix.size + 1 || !btr_span_begins(key, prefix) || key.at[prefix.size] != 0)
        return false;
    struct btr_span rest = {key.at + prefix.size + 1, key.size - prefix.size - 1};
    if (rest.size < 2)
        return false;
    *name = (struct btr_span){rest.at, rest.size - 2};
    *part = rest.at[rest.size - 2] | (uint32_t)rest.at[rest.size - 1] << 8;
    return *part < PARTS_MAX;
}

static int record_visit(void *self, const struct topics_state *record)
{
    struct loading *l = self;
    struct btr_span name;
    uint64_t part, parts;
    struct btr_cursor c = {.rest = record->value};
    uint64_t digest;
    if (!key_split(record->key, l->prefix, &name, &part))
        return 0;
    if (!btr_cursor_varint(&c, &parts) || parts <= part || parts > PARTS_MAX ||
        !btr_cursor_u64(&c, &digest))
        return 0; /* none of ours: what is not whole is not taken */
    struct whole *whole = whole_of(l, name);
    if (!whole || !whole_room(whole, (uint32_t)parts))
        return BTR_E_NOMEM;
    btr_buffer_clear(&whole->parts[part]);
    btr_buffer_span(&whole->parts[part], c.rest);
    whole->digests[part] = digest;
    return whole->parts[part].failed ? BTR_E_NOMEM : 0;
}

/* Parts that belong to one writing, joined. @return false when they do not, or out of memory */
static bool whole_join(const struct whole *whole, struct btr_buffer *out)
{
    for (uint32_t i = 0; i < whole->count && whole->digests[i] == whole->digests[0]; i++) {
        btr_buffer_span(out, btr_buffer_view(&whole->parts[i]));
        if (!out->failed && btr_hash64(btr_buffer_view(out)) == whole->digests[0])
            return true;
    }
    return false;
}

static struct follow_moved *given_new(struct follow_partition *p, struct btr_span key,
                                      struct btr_span host)
{
    if (!btr_list_room(&p->given, p->given_count, &p->given_capacity, 64, sizeof *p->given))
        return NULL;
    if (btr_idmap_add(&p->given_map, given_id(key, host), p->given_count) == UINT32_MAX)
        return NULL;
    struct follow_moved *to = &p->given[p->given_count++];
    *to = (struct follow_moved){.host_size = host.size};
    memcpy(to->key, key.at, key.size);
    if (host.size > 0)
        memcpy(to->host, host.at, host.size);
    return to;
}

static bool given_add(struct follow_partition *p, const struct whole *whole)
{
    const uint8_t *zero = memchr(whole->name.at, 0, whole->name.size);
    struct btr_span key = {whole->name.at, zero ? (size_t)(zero - whole->name.at) : 0};
    struct btr_span host = {zero + 1, zero ? whole->name.size - key.size - 1 : 0};
    struct btr_buffer bytes = {0};
    if (!zero || key.size >= FEED_KEY_SIZE || host.size > FEED_NAME_SIZE)
        return true; /* none of ours */
    if (!whole_join(whole, &bytes)) {
        bool failed = bytes.failed;
        btr_buffer_fini(&bytes);
        return !failed;
    }
    struct follow_moved *to = given_new(p, key, host);
    if (!to) {
        btr_buffer_fini(&bytes);
        return false;
    }
    to->bytes = bytes;
    return true;
}

static void loading_free(struct loading *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct whole *whole = &l->wholes[i];
        for (uint32_t k = 0; k < whole->count; k++)
            btr_buffer_fini(&whole->parts[k]);
        btr_buffer_fini(&whole->name);
        free(whole->parts);
        free(whole->digests);
    }
    free(l->wholes);
    btr_idmap_fini(&l->map);
}

static struct follow_moved *given_find(const struct follow_partition *p, struct btr_span key,
                                       struct btr_span host)
{
    uint32_t at = btr_idmap_get(&p->given_map, given_id(key, host));
    return at == UINT32_MAX ? NULL : &p->given[at];
}

struct btr_span follow_given(const struct follow_partition *p, struct btr_span key,
                             struct btr_span host)
{
    const struct follow_moved *g = given_find(p, key, host);
    return g ? btr_buffer_view(&g->bytes) : (struct btr_span){0};
}

bool follow_given_replace(struct follow_partition *p, struct btr_span key, struct btr_span host)
{
    struct follow_moved *g = given_find(p, key, host);
    if (!g)
        g = given_new(p, key, host);
    if (!g)
        return false;
    btr_buffer_fini(&g->bytes);
    g->own = true;
    return true;
}

bool follow_given_is_own(const struct follow_partition *p, struct btr_span key,
                         struct btr_span host)
{
    const struct follow_moved *g = given_find(p, key, host);
    return g && g->own;
}

/* The state that a delta stands for takes the place of the one that it was made beside. One that
 * was made beside another is older than what was sent whole since. */
static int delta_take(struct follow_partition *p, struct follow_moved *delta, struct btr_err *err)
{
    size_t size = strlen(delta->key), behind = sizeof SINCE - 1;
    if (size <= behind || strcmp(delta->key + size - behind, SINCE) != 0)
        return 0;
    struct btr_span key = {(const uint8_t *)delta->key, size - behind};
    struct follow_moved *base =
        given_find(p, key, (struct btr_span){delta->host, delta->host_size});
    struct btr_buffer bytes = {0};
    struct btr_err why = {0};
    if (!base || !follow_delta_fits(btr_buffer_view(&delta->bytes), btr_buffer_view(&base->bytes)))
        return 0;
    int rc = follow_delta_apply(&bytes, btr_buffer_view(&delta->bytes),
                                btr_buffer_view(&base->bytes), &why);
    if (rc < 0) {
        btr_buffer_fini(&bytes);
        return btr_fail(err, rc, UINT64_MAX, "%s: what came of a state: %s", p->name, why.text);
    }
    btr_buffer_fini(&base->bytes);
    base->bytes = bytes;
    return 0;
}

int follow_handover_load(struct btr_follow *w, struct follow_partition *p, struct btr_buffer *row,
                         struct btr_err *err)
{
    struct loading l = {.prefix = btr_span_of(p->name)};
    for (uint32_t i = 0; i < p->given_count; i++)
        btr_buffer_fini(&p->given[i].bytes);
    p->given_count = 0;
    btr_idmap_clear(&p->given_map);
    int rc = w->topics->ops->state_load(w->topics, &p->part, record_visit, &l, err);
    for (uint32_t i = 0; i < l.count && rc == 0; i++)
        if (!given_add(p, &l.wholes[i]))
            rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    loading_free(&l);
    for (uint32_t i = 0; i < p->given_count && rc == 0; i++)
        rc = delta_take(p, &p->given[i], err);
    if (rc < 0)
        return rc;
    btr_buffer_span(row, follow_given(p, BTR_SPAN(FOLLOW_PARTITION_FORMAT), (struct btr_span){0}));
    return row->size > 0;
}
