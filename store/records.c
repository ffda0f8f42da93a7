#include "records.h"

#include <btr/id.h>
#include <stdlib.h>

#include "format.h"
#include "pack.h"

#define DIGEST_SIZE_MAX UINT64_C(10) /* bytes of a varint */

static int no_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory for digests of records");
}

/* ---- Packing -------------------------------------------------------------------------------- */

static int digest_compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Sorted differences; each digest once. @return how many */
static uint32_t differences_put(struct btr_buffer *raw, uint64_t *digests, size_t count)
{
    uint64_t before = 0;
    uint32_t told = 0;
    qsort(digests, count, sizeof *digests, digest_compare);
    for (size_t i = 0; i < count; i++) {
        if (told > 0 && digests[i] == before)
            continue;
        btr_buffer_varint(raw, digests[i] - before);
        before = digests[i];
        told++;
    }
    return told;
}

int store_records_pack(struct btr_buffer *out, const uint64_t *digests, size_t count,
                       struct btr_err *err)
{
    struct btr_buffer raw = {0}, body = {0};
    if (count > STORE_RECORDS_MAX)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "%zu digests in one publish", count);
    uint64_t *sorted = malloc((count + 1) * sizeof *sorted);
    if (!sorted)
        return no_memory(err);
    if (count > 0)
        memcpy(sorted, digests, count * sizeof *sorted);
    uint32_t told = differences_put(&raw, sorted, count);
    free(sorted);
    btr_buffer_u32(&body, told);
    btr_buffer_u32(&body, (uint32_t)raw.size);
    bool ok = !raw.failed && store_pack(&body, btr_buffer_view(&raw));
    btr_buffer_fini(&raw);
    if (ok) {
        btr_buffer_u64(out, btr_hash64(btr_buffer_view(&body)));
        btr_buffer_span(out, btr_buffer_view(&body));
    }
    ok = ok && !out->failed;
    btr_buffer_fini(&body);
    return ok ? 0 : no_memory(err);
}

bool store_records_count(struct btr_span packed, uint32_t *count)
{
    if (packed.size < STORE_RECORDS_HEAD_SIZE)
        return false;
    *count = store_get_u32(packed.at + 8);
    return *count <= STORE_RECORDS_MAX;
}

/* ---- The set -------------------------------------------------------------------------------- */

void store_records_fini(struct store_records *set)
{
    free(set->slots);
    *set = (struct store_records){0};
}

bool store_records_init(struct store_records *set, uint32_t count)
{
    store_records_fini(set);
    uint32_t capacity = count + count / 3 + 8;
    set->slots = calloc(capacity, sizeof *set->slots);
    set->capacity = set->slots ? capacity : 0;
    return set->slots != NULL;
}

/* The digest's slot, or the empty one where it would stand. */
static uint32_t slot_of(const struct store_records *set, uint64_t digest)
{
    uint32_t at = (uint32_t)((digest >> 32) * set->capacity >> 32);
    while (set->slots[at] != 0 && set->slots[at] != digest)
        at = at + 1 == set->capacity ? 0 : at + 1;
    return at;
}

bool store_records_has(const struct store_records *set, uint64_t digest)
{
    if (digest == 0 || set->capacity == 0)
        return digest == 0 && set->has_zero;
    return set->slots[slot_of(set, digest)] == digest;
}

/* @return false when the bytes are not `count` ascending digests */
static bool differences_add(struct store_records *set, struct btr_span raw, uint32_t count)
{
    struct btr_cursor c = {.rest = raw};
    uint64_t digest = 0, more;
    for (uint32_t i = 0; i < count; i++) {
        if (!btr_cursor_varint(&c, &more) || more > UINT64_MAX - digest || (i > 0 && more == 0))
            return false;
        digest += more;
        if (digest == 0)
            set->has_zero = true;
        else
            set->slots[slot_of(set, digest)] = digest;
    }
    return c.rest.size == 0;
}

static int frame_add(struct store_records *set, struct btr_span frame, uint32_t count,
                     uint32_t raw_size, struct btr_err *err)
{
    void *unpacker = store_unpacker_new();
    uint8_t *raw = malloc((size_t)raw_size + 1);
    int rc = unpacker && raw ? 0 : no_memory(err);
    if (rc == 0 && !(store_unpack(unpacker, frame, raw, raw_size) &&
                     differences_add(set, (struct btr_span){raw, raw_size}, count)))
        rc = btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "digests of records do not unpack");
    free(raw);
    store_unpacker_free(unpacker);
    return rc;
}

int store_records_add(struct store_records *set, struct btr_span packed, struct btr_err *err)
{
    uint32_t count;
    if (packed.size < STORE_RECORDS_HEAD_SIZE)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "digests of records are cut");
    struct btr_span body = {packed.at + 8, packed.size - 8};
    if (btr_hash64(body) != store_get_u64(packed.at))
        return btr_fail(err, BTR_E_CHECKSUM, UINT64_MAX, "digests of records are damaged");
    uint32_t raw_size = store_get_u32(packed.at + 12);
    if (!store_records_count(packed, &count) || raw_size > count * DIGEST_SIZE_MAX)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "digests of records state a false size");
    struct btr_span frame = {packed.at + STORE_RECORDS_HEAD_SIZE,
                             packed.size - STORE_RECORDS_HEAD_SIZE};
    return frame_add(set, frame, count, raw_size, err);
}
