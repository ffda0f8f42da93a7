#include "follow_delta.h"

#include <btr/id.h>

#include "follow_reading.h"
#include "state_pack.h"

enum { DIGEST_SIZE = 8 };

/* How much of a saved state stands before the packed state of its decoder; 0: it is none. */
static size_t head_size(struct btr_span saved)
{
    struct btr_cursor c = {.rest = saved};
    struct follow_reading *r = follow_reading_new();
    size_t size = r && follow_marks_get(&c, r) ? c.offset : 0;
    follow_reading_free(r);
    return size;
}

/* Size of the head, the head, the state unpacked. */
static bool flatten(struct btr_buffer *out, struct btr_span saved)
{
    struct btr_err err;
    size_t head = head_size(saved);
    if (head == 0)
        return false;
    btr_buffer_varint(out, head);
    btr_buffer_put(out, saved.at, head);
    struct btr_span frame = {saved.at + head, saved.size - head};
    return source_state_unpack(NULL, out, frame, &err) == 0 && !out->failed;
}

bool follow_delta_make(struct btr_buffer *out, struct btr_span saved, struct btr_span base)
{
    struct btr_buffer now = {0}, before = {0};
    bool ok = flatten(&now, saved) && flatten(&before, base);
    if (ok) {
        btr_buffer_u64(out, btr_hash64(base));
        ok = source_state_pack_since(out, btr_buffer_view(&now), btr_buffer_view(&before)) &&
             !out->failed;
    }
    btr_buffer_fini(&now);
    btr_buffer_fini(&before);
    return ok;
}

bool follow_delta_fits(struct btr_span delta, struct btr_span base)
{
    struct btr_cursor c = {.rest = delta};
    uint64_t digest;
    return btr_cursor_u64(&c, &digest) && digest == btr_hash64(base);
}

/* The flat form back to the saved one. */
static int fold(struct btr_buffer *out, struct btr_span flat, struct btr_err *err)
{
    struct btr_cursor c = {.rest = flat};
    uint64_t size;
    struct btr_span head;
    if (!btr_cursor_varint(&c, &size) || size > c.rest.size ||
        !btr_cursor_span(&c, (size_t)size, &head))
        return btr_fail(err, BTR_E_FORMAT, c.offset, "is damaged");
    btr_buffer_span(out, head);
    if (!source_state_pack(NULL, out, c.rest) || out->failed)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    return 0;
}

int follow_delta_apply(struct btr_buffer *out, struct btr_span delta, struct btr_span base,
                       struct btr_err *err)
{
    struct btr_buffer before = {0}, now = {0};
    if (!follow_delta_fits(delta, base))
        return btr_fail(err, BTR_E_FORMAT, 0, "was made beside another one");
    struct btr_span packed = {delta.at + DIGEST_SIZE, delta.size - DIGEST_SIZE};
    int rc = flatten(&before, base) ? 0 : btr_fail(err, BTR_E_FORMAT, 0, "its base is damaged");
    if (rc == 0)
        rc = source_state_unpack_since(&now, packed, btr_buffer_view(&before), err);
    if (rc == 0)
        rc = fold(out, btr_buffer_view(&now), err);
    btr_buffer_fini(&before);
    btr_buffer_fini(&now);
    return rc;
}
