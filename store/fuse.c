#include "fuse.h"

#include <stdlib.h>

#include "format.h"

enum {
    PERCENT_FIRST = 114, /* fingerprints an id: what is tried first, and in which steps */
    PERCENT_STEP = 3,
    PERCENT_LAST = 180,
    SEEDS = 4 /* tries of each size */
};

/** A filter in the making. Places have how many hashes are left there, and their xor. */
struct fuse_build {
    struct store_fuse fuse;
    uint32_t size; /* fingerprints */
    uint32_t key_count, peeled;
    uint64_t *keys; /* of the ids with seed 0; those alike once */
    uint32_t *lefts;
    uint64_t *sums;
    uint32_t *queue;   /* places with one hash left */
    uint64_t *hashes;  /* in the order of peeling */
    uint32_t *singles; /* the place that each hash has alone */
    uint8_t *prints;
};

static int key_compare(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/* What store_fuse_hash mixes; ids of one key have one hash under every seed. */
static uint64_t key_of(struct btr_id id)
{
    return id.lo ^ (id.hi << 32 | id.hi >> 32);
}

static uint64_t key_hash(uint64_t key, uint64_t seed)
{
    return store_fuse_hash((struct btr_id){0, key}, seed);
}

/* The paper's length of a stretch, 2^floor(log(n) / log(3.33) + 2.25), by products. */
static unsigned stretch_log(uint32_t count)
{
    unsigned log = 2;
    for (uint64_t least = 24651; /* 3.33^0.75, in ten-thousandths */
         least <= (uint64_t)count * 10000 && log < STORE_FUSE_LOG_MAX; least = least * 333 / 100)
        log++;
    return log;
}

static void fuse_shape(struct fuse_build *b, unsigned percent, uint64_t seed)
{
    uint32_t length = UINT32_C(1) << stretch_log(b->key_count);
    uint64_t wanted = ((uint64_t)b->key_count * percent + 99) / 100;
    uint64_t stretches = (wanted + length - 1) / length;
    stretches = stretches > 3 ? stretches : 3;
    b->size = (uint32_t)(stretches * length);
    b->fuse = (struct store_fuse){
        .seed = seed, .reach = (uint32_t)((stretches - 2) * length), .mask = length - 1};
}

/* Takes a hash away from a place. @return whether one is left there */
static bool place_take(struct fuse_build *b, uint32_t at, uint64_t h)
{
    b->sums[at] ^= h;
    return --b->lefts[at] == 1;
}

/* Takes hashes that stand alone at a place, until none does. */
static bool fuse_peel(struct fuse_build *b)
{
    uint32_t queued = 0, at[3];
    memset(b->lefts, 0, b->size * sizeof(*b->lefts));
    memset(b->sums, 0, b->size * sizeof(*b->sums));
    for (uint32_t i = 0; i < b->key_count; i++) {
        uint64_t h = key_hash(b->keys[i], b->fuse.seed);
        store_fuse_places(&b->fuse, h, at);
        for (unsigned k = 0; k < 3; k++) {
            b->lefts[at[k]]++;
            b->sums[at[k]] ^= h;
        }
    }
    for (uint32_t i = 0; i < b->size; i++)
        if (b->lefts[i] == 1)
            b->queue[queued++] = i;
    b->peeled = 0;
    while (queued > 0) {
        uint32_t place = b->queue[--queued];
        if (b->lefts[place] != 1)
            continue;
        uint64_t h = b->sums[place];
        b->hashes[b->peeled] = h;
        b->singles[b->peeled++] = place;
        store_fuse_places(&b->fuse, h, at);
        for (unsigned k = 0; k < 3; k++)
            if (place_take(b, at[k], h))
                b->queue[queued++] = at[k];
    }
    return b->peeled == b->key_count;
}

/* Last peeled, first set: the place of a hash is free when its other two are settled. */
static void fuse_fill(struct fuse_build *b)
{
    uint32_t at[3];
    memset(b->prints, 0, b->size);
    while (b->peeled > 0) {
        uint64_t h = b->hashes[--b->peeled];
        store_fuse_places(&b->fuse, h, at);
        b->prints[b->singles[b->peeled]] =
            (uint8_t)(store_fuse_print(h) ^ b->prints[at[0]] ^ b->prints[at[1]] ^ b->prints[at[2]]);
    }
}

static bool build_init(struct fuse_build *b, const struct btr_id *ids, uint32_t count)
{
    *b = (struct fuse_build){0};
    b->keys = malloc(((size_t)count + 1) * sizeof(*b->keys));
    if (!b->keys)
        return false;
    for (uint32_t i = 0; i < count; i++)
        b->keys[i] = key_of(ids[i]);
    if (count > 1)
        qsort(b->keys, count, sizeof(*b->keys), key_compare);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || b->keys[i] != b->keys[b->key_count - 1])
            b->keys[b->key_count++] = b->keys[i];
    fuse_shape(b, PERCENT_LAST, 0);
    b->lefts = malloc(b->size * sizeof(*b->lefts));
    b->sums = malloc(b->size * sizeof(*b->sums));
    b->queue = malloc(b->size * sizeof(*b->queue) * 2);
    b->hashes = malloc(((size_t)count + 1) * sizeof(*b->hashes));
    b->singles = malloc(((size_t)count + 1) * sizeof(*b->singles));
    b->prints = malloc(b->size);
    return b->lefts && b->sums && b->queue && b->hashes && b->singles && b->prints;
}

static void build_fini(struct fuse_build *b)
{
    free(b->keys);
    free(b->lefts);
    free(b->sums);
    free(b->queue);
    free(b->hashes);
    free(b->singles);
    free(b->prints);
}

static void fuse_put(struct btr_buffer *out, const struct fuse_build *b)
{
    btr_buffer_u64(out, b->fuse.seed);
    btr_buffer_u32(out, b->fuse.reach);
    btr_buffer_u32(out, b->fuse.mask);
    btr_buffer_put(out, b->prints, b->size);
}

bool store_fuse_make(struct btr_buffer *out, const struct btr_id *ids, uint32_t count)
{
    struct fuse_build b;
    bool made = false, ok = build_init(&b, ids, count);
    for (unsigned percent = PERCENT_FIRST; ok && !made && percent <= PERCENT_LAST;
         percent += PERCENT_STEP)
        for (unsigned i = 0; !made && i < SEEDS; i++) {
            fuse_shape(&b, percent, (uint64_t)percent << 32 | i);
            made = fuse_peel(&b);
        }
    if (made) {
        fuse_fill(&b);
        fuse_put(out, &b);
    }
    build_fini(&b);
    return ok && !out->failed;
}

bool store_fuse_read(struct store_fuse *out, struct btr_span bytes)
{
    *out = (struct store_fuse){0};
    if (bytes.size == 0)
        return true;
    if (bytes.size < STORE_FUSE_HEAD)
        return false;
    struct store_fuse f = {.prints = bytes.at + STORE_FUSE_HEAD,
                           .seed = store_get_u64(bytes.at),
                           .reach = store_get_u32(bytes.at + 8),
                           .mask = store_get_u32(bytes.at + 12)};
    uint64_t length = (uint64_t)f.mask + 1;
    if (length > (UINT32_C(1) << STORE_FUSE_LOG_MAX) || (length & f.mask) != 0 || f.reach == 0 ||
        f.reach % length != 0 || bytes.size != STORE_FUSE_HEAD + f.reach + 2 * length)
        return false;
    *out = f;
    return true;
}
