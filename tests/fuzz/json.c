/* Property: all JSON readers accept the same texts and tell the same members of them. */
#include <assert.h>

#include <btr/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 64 << 20 };

/* One may meet a limit in a text that the other finds malformed behind it. */
static bool same_refusal(int fast, int plain)
{
    return fast == plain || (fast < 0 && plain < 0 && fast != BTR_E_NOMEM && plain != BTR_E_NOMEM);
}

static bool same_members(const struct btr_json_member *a, uint32_t a_count,
                         const struct btr_json_member *b, uint32_t b_count)
{
    bool same = a_count == b_count;
    for (uint32_t i = 0; same && i < a_count; i++)
        same = a[i].type == b[i].type && btr_span_equal(a[i].name, b[i].name) &&
               btr_span_equal(a[i].value, b[i].value);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct btr_json_reader *reader = btr_json_reader_new();
    struct btr_arena *arena = btr_arena_new(ARENA_MAX);
    assert(reader && arena);
    struct btr_span text = {data, size};
    struct btr_json_member *fast, *plain, *careful;
    uint32_t fast_count = 0, plain_count = 0, careful_count = 0;
    struct btr_err err = {0};
    int fast_rc = btr_json_flatten(reader, text, arena, &fast, &fast_count, &err);
    assert(fast_rc == 0 || err.offset == UINT64_MAX || err.offset <= size);
    int plain_rc = btr_json_flatten_plain(text, arena, &plain, &plain_count, &err);
    assert(plain_rc == 0 || err.offset == UINT64_MAX || err.offset <= size);
    assert(same_refusal(fast_rc, plain_rc));
    int careful_rc = btr_json_flatten_careful(reader, text, arena, &careful, &careful_count, &err);
    assert(careful_rc == fast_rc);
    if (fast_rc == 0) {
        assert(same_members(fast, fast_count, plain, plain_count));
        assert(same_members(fast, fast_count, careful, careful_count));
    }
    btr_arena_free(arena);
    btr_json_reader_free(reader);
    return 0;
}
