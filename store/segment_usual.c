/* Decoding of section usual (docs/FORMAT.md). */
#include "read.h"
#include "segment.h"

/* Keys ascend, and have no more bits than they may. */
static void keys_read(struct store_read *r, uint64_t *keys, uint32_t count)
{
    uint64_t key = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t more = store_read_varint(r);
        r->failed = r->failed || more == 0 || more >> STORE_USUAL_KEY_BITS != 0;
        keys[i] = key += r->failed ? 0 : more;
        r->failed = r->failed || key >> STORE_USUAL_KEY_BITS != 0;
    }
}

static void rows_read(struct store_read *r, struct store_usual *u)
{
    uint64_t end = 0;
    for (uint32_t p = 0; p < u->program_count; p++) {
        uint32_t rows = store_read_upto(r, u->row_count - end);
        r->failed = r->failed || rows == 0;
        u->row_ends[p] = (uint32_t)(end += rows);
    }
    r->failed = r->failed || end != u->row_count;
    for (uint32_t p = 0, i = 0; !r->failed && p < u->program_count; p++)
        for (uint64_t next = 0; i < u->row_ends[p]; i++) {
            uint64_t thing = next + store_read_upto(r, UINT32_MAX);
            r->failed = r->failed || thing >= u->thing_count;
            u->row_things[i] = (uint32_t)thing;
            next = thing + 1;
        }
    for (uint32_t i = 0; i < u->row_count; i++) {
        u->row_counts[i] = store_read_varint(r);
        r->failed =
            r->failed || u->row_counts[i] == 0 || u->row_counts[i] >> STORE_USUAL_COUNT_BITS != 0;
    }
}

/* A key, and what is told of a row, takes a byte at least, so that what is claimed is bounded. */
static bool usual_read(struct store_read *r, uint32_t rows, struct store_usual *out, bool *room)
{
    uint32_t programs = store_read_upto(r, store_read_rest(r));
    uint32_t things = store_read_upto(r, store_read_rest(r));
    *room = true;
    if (r->failed || rows > store_read_rest(r) || programs > rows || things > rows)
        return false;
    *room = store_usual_room(out, programs, things, rows);
    if (!*room)
        return false;
    keys_read(r, out->programs, programs);
    keys_read(r, out->things, things);
    rows_read(r, out);
    return store_read_done(r);
}

int store_segment_usual(struct store_segment *seg, struct store_usual *out, struct btr_err *err)
{
    uint8_t *raw = NULL;
    uint32_t blocks = 0;
    bool room = true;
    *out = (struct store_usual){0};
    int rc = store_segment_directory(seg, STORE_USUAL, &blocks, err);
    if (rc == 0 && blocks != 1)
        rc = store_segment_bad(seg, err, STORE_USUAL, 0, "is not one block");
    if (rc == 0)
        rc = store_segment_block(seg, STORE_USUAL, 0, &raw, err);
    if (rc < 0)
        return rc;
    const struct store_block *b = &seg->directory[STORE_USUAL][0];
    struct store_read r = store_read_of((struct btr_span){raw, b->raw_size});
    bool ok = usual_read(&r, b->count, out, &room);
    free(raw);
    if (ok)
        return 0;
    store_usual_fini(out);
    return room ? store_segment_bad(seg, err, STORE_USUAL, 0, "malformed")
                : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}
