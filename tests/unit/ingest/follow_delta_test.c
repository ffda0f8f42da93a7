/* What has changed of a saved state, made beside an older one of it. */
#include "source/follow_delta.h"
#include "source/follow_reading.h"
#include "source/state_pack.h"
#include "test.h"
#include "test_random.h"

/* A saved state: marks, nothing that waits, a packed state of noise of which a part differs. */
static void saved_make(struct btr_buffer *out, int64_t next, uint64_t seed, size_t size)
{
    struct follow_reading *r = follow_reading_new();
    struct btr_buffer state = {0};
    struct test_random random = {77}, changed = {seed};
    assert_non_null(follow_mark_of(r, 5, next));
    follow_marks_put(out, r);
    for (size_t i = 0; i < size / 8; i++)
        btr_buffer_u64(&state, test_random_next(i % 40 == 7 ? &changed : &random));
    assert_true(source_state_pack(NULL, out, btr_buffer_view(&state)));
    btr_buffer_fini(&state);
    follow_reading_free(r);
}

static void a_delta_gives_the_state_back_and_is_small(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 400000; size = size * 3 + 800) {
        struct btr_buffer base = {0}, now = {0}, delta = {0}, again = {0};
        struct btr_err err;
        saved_make(&base, 100, 1, size);
        saved_make(&now, 100000, 2, size);
        assert_true(follow_delta_make(&delta, btr_buffer_view(&now), btr_buffer_view(&base)));
        assert_true(size < 8000 || delta.size < now.size / 4);
        assert_int_equal(
            follow_delta_apply(&again, btr_buffer_view(&delta), btr_buffer_view(&base), &err), 0);
        assert_true(btr_span_equal(btr_buffer_view(&again), btr_buffer_view(&now)));
        btr_buffer_fini(&base);
        btr_buffer_fini(&now);
        btr_buffer_fini(&delta);
        btr_buffer_fini(&again);
    }
}

static void beside_another_state_it_is_refused_and_cut_or_changed_too(void **state)
{
    (void)state;
    struct btr_buffer base = {0}, other = {0}, now = {0}, delta = {0}, out = {0};
    struct btr_err err;
    saved_make(&base, 100, 1, 2000);
    saved_make(&other, 100, 3, 2000);
    saved_make(&now, 200, 2, 2000);
    assert_true(follow_delta_make(&delta, btr_buffer_view(&now), btr_buffer_view(&base)));
    assert_false(follow_delta_fits(btr_buffer_view(&delta), btr_buffer_view(&other)));
    assert_int_equal(
        follow_delta_apply(&out, btr_buffer_view(&delta), btr_buffer_view(&other), &err),
        BTR_E_FORMAT);
    for (size_t size = 0; size < delta.size; size++) {
        struct btr_span cut = {delta.at, size};
        assert_true(follow_delta_apply(&out, cut, btr_buffer_view(&base), &err) < 0);
    }
    for (size_t i = 0; i < delta.size; i++) {
        delta.at[i] ^= 0x20;
        btr_buffer_clear(&out);
        int rc = follow_delta_apply(&out, btr_buffer_view(&delta), btr_buffer_view(&base), &err);
        assert_true(rc < 0 || btr_span_equal(btr_buffer_view(&out), btr_buffer_view(&now)));
        delta.at[i] ^= 0x20;
    }
    btr_buffer_fini(&base);
    btr_buffer_fini(&other);
    btr_buffer_fini(&now);
    btr_buffer_fini(&delta);
    btr_buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delta_gives_the_state_back_and_is_small),
        cmocka_unit_test(beside_another_state_it_is_refused_and_cut_or_changed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
