#ifndef STORE_READ_H
#define STORE_READ_H
/** A fast reader of hostile columns: a read beyond the end gives 0 and is remembered. */
#include "format.h"

struct store_read {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct store_read store_read_of(struct btr_span bytes)
{
    return (struct store_read){bytes.at, bytes.at ? bytes.at + bytes.size : NULL, false};
}

static inline size_t store_read_rest(const struct store_read *r)
{
    return (size_t)(r->end - r->at);
}

static inline uint8_t store_read_u8(struct store_read *r)
{
    if (r->at == r->end) {
        r->failed = true;
        return 0;
    }
    return *r->at++;
}

static inline uint64_t store_read_long(struct store_read *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint8_t byte = *r->at++;
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break; /* too wide, or longer than need be: one value has one encoding */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    r->failed = true;
    return 0;
}

static inline uint64_t store_read_varint(struct store_read *r)
{
    if (r->at < r->end && *r->at < 0x80)
        return *r->at++;
    return store_read_long(r);
}

/** A varint that must not be above `most`. */
static inline uint32_t store_read_upto(struct store_read *r, uint64_t most)
{
    uint64_t value = store_read_varint(r);
    if (value > most || value > UINT32_MAX) {
        r->failed = true;
        return 0;
    }
    return (uint32_t)value;
}

static inline uint64_t store_read_u64(struct store_read *r)
{
    if (store_read_rest(r) < 8) {
        r->failed = true;
        return 0;
    }
    r->at += 8;
    return store_get_u64(r->at - 8);
}

static inline uint32_t store_read_u32(struct store_read *r)
{
    if (store_read_rest(r) < 4) {
        r->failed = true;
        return 0;
    }
    r->at += 4;
    return store_get_u32(r->at - 4);
}

/** `size` bytes; empty when there are fewer. */
static inline struct btr_span store_read_bytes(struct store_read *r, uint64_t size)
{
    if (size > store_read_rest(r)) {
        r->failed = true;
        return (struct btr_span){NULL, 0};
    }
    struct btr_span bytes = {r->at, (size_t)size};
    r->at += size;
    return bytes;
}

/** @return whether all was read, and nothing is left */
static inline bool store_read_done(const struct store_read *r)
{
    return !r->failed && r->at == r->end;
}

#endif
