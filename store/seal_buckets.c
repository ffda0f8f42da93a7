#include "seal_buckets.h"

#include "segment_buckets.h"

/** Appends values bit by bit, the lowest first; bytes are filled from their lowest bit. */
struct bit_writer {
    struct btr_buffer *out;
    uint64_t held;
    unsigned filled;
};

static void bits_put(struct bit_writer *w, uint32_t value, unsigned bits)
{
    w->held |= (uint64_t)value << w->filled;
    for (w->filled += bits; w->filled >= 8; w->filled -= 8, w->held >>= 8)
        btr_buffer_u8(w->out, (uint8_t)w->held);
}

static void bits_end(struct bit_writer *w)
{
    if (w->filled > 0)
        btr_buffer_u8(w->out, (uint8_t)w->held);
    w->held = w->filled = 0;
}

static uint32_t bucket_of(uint64_t row, unsigned bits)
{
    return bits == 0 ? 0 : (uint32_t)(row >> (64 - bits));
}

/** A section in the making. */
struct bucket_rows {
    const uint64_t *rows;
    uint32_t count;
    unsigned bucket_bits, number_bits;
};

/* Buckets first .. last - 1, whose rows stand at `begin`. @return where those behind them begin */
static uint32_t block_put(struct btr_buffer *raw, const struct bucket_rows *r, uint32_t begin,
                          uint32_t first, uint32_t last)
{
    struct bit_writer w = {.out = raw};
    uint32_t end = begin;
    for (uint32_t bucket = first; bucket < last; bucket++) {
        for (; end < r->count && bucket_of(r->rows[end], r->bucket_bits) == bucket; end++)
            bits_put(&w, 1, 1);
        bits_put(&w, 0, 1);
    }
    bits_end(&w);
    for (uint32_t i = begin; i < end; i++)
        bits_put(&w, (uint32_t)r->rows[i], r->number_bits);
    bits_end(&w);
    btr_buffer_put(raw, (const uint8_t[3]){0}, 3); /* so that four bytes can be read at each */
    return end;
}

int store_seal_buckets(struct store_packer *p, enum store_section_type type, const uint64_t *rows,
                       uint32_t count, uint32_t below, struct btr_err *err)
{
    struct bucket_rows r = {rows, count, store_bits_below(count), store_bits_below(below)};
    uint32_t all = UINT32_C(1) << r.bucket_bits, at = 0;
    uint32_t step = all < STORE_LOOKUP_BUCKETS ? all : STORE_LOOKUP_BUCKETS;
    int rc = 0;
    store_section_begin(p, type, STORE_SECTION_STORED);
    for (uint32_t bucket = 0; rc == 0 && count > 0 && bucket < all; bucket += step) {
        uint32_t end = block_put(&p->raw, &r, at, bucket, bucket + step);
        rc = store_section_block(p, end - at, err);
        at = end;
    }
    store_section_end(p);
    return rc;
}
