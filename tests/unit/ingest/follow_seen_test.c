/* The window of messages that were seen, beside a plain account of when each was added last. */
#include "source/follow_seen.h"

#include <stdlib.h>

#include "test.h"

enum { KINDS = 40000, ADDITIONS = 150000 };

struct plain {
    uint64_t digests[KINDS], added[KINDS]; /* number of its last addition, from 1 on; 0: never */
};

static uint64_t random_next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* Some digests have the same low bits, some the same high ones, some all but one. */
static struct plain *plain_new(uint64_t *x)
{
    struct plain *p = calloc(1, sizeof *p);
    assert_non_null(p);
    for (uint32_t i = 0; i < KINDS; i++) {
        uint64_t r = random_next(x);
        p->digests[i] = i % 4 == 0   ? r << 15 | (0x7ff0 + r % 31)
                        : i % 4 == 1 ? (r & 0xffffffff) | UINT64_C(0xabcd) << 48
                        : i % 4 == 2 ? p->digests[i - 1] ^ UINT64_C(1) << (20 + r % 20)
                                     : r;
    }
    return p;
}

static bool is_in(const struct plain *p, uint32_t i, uint64_t count)
{
    return p->added[i] != 0 && count - p->added[i] < SEEN_WINDOW;
}

static void check(const struct follow_seen *seen, const struct plain *p)
{
    for (uint32_t i = 0; i < KINDS; i++)
        assert_int_equal(follow_seen_has(seen, p->digests[i]), is_in(p, i, seen->count));
}

static void the_window_is_what_was_added_last(void **state)
{
    (void)state;
    uint64_t x = 20261129;
    struct plain *p = plain_new(&x);
    struct follow_seen seen = {.seed = 1};
    assert_false(follow_seen_has(&seen, p->digests[0]));
    for (uint32_t n = 0; n < ADDITIONS; n++) {
        uint32_t i = (uint32_t)(random_next(&x) % KINDS);
        assert_int_equal(follow_seen_has(&seen, p->digests[i]), is_in(p, i, seen.count));
        assert_true(follow_seen_add(&seen, p->digests[i]));
        p->added[i] = seen.count;
        if (n % 25000 == 0)
            check(&seen, p);
    }
    check(&seen, p);
    follow_seen_fini(&seen);
    free(p);
}

/* Of the oldest chunk, into which the newest additions go already, the rest is not saved. */
static void oldest_forget(struct plain *p, uint64_t count)
{
    uint64_t last = (count - 1) / SEEN_CHUNK;
    for (uint32_t i = 0; i < KINDS; i++)
        if (last >= SEEN_CHUNKS && p->added[i] <= (last - SEEN_CHUNKS + 1) * SEEN_CHUNK)
            p->added[i] = 0;
}

static void saved_chunks_bring_it_back(void **state)
{
    (void)state;
    uint64_t x = 77;
    static const uint32_t counts[] = {1,           SEEN_CHUNK,      SEEN_WINDOW - 1,
                                      SEEN_WINDOW, SEEN_WINDOW + 1, 50000};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        struct plain *p = plain_new(&x);
        struct follow_seen seen = {.seed = 1}, again = {.seed = 1};
        for (uint32_t n = 0; n < counts[k]; n++) {
            uint32_t i = n % KINDS;
            assert_true(follow_seen_add(&seen, p->digests[i]));
            p->added[i] = seen.count;
        }
        again.count = seen.count;
        for (uint32_t c = SEEN_CHUNKS; c-- > 0;) {
            struct btr_buffer bytes = {0};
            follow_seen_chunk_put(&seen, c, &bytes);
            assert_true(follow_seen_chunk_get(&again, c, btr_buffer_view(&bytes)));
            btr_buffer_fini(&bytes);
        }
        oldest_forget(p, again.count);
        check(&again, p);
        for (uint32_t n = 0; n < SEEN_WINDOW + 5; n++) { /* and it goes on */
            uint32_t i = (uint32_t)(random_next(&x) % KINDS);
            assert_true(follow_seen_add(&again, p->digests[i]));
            p->added[i] = again.count;
        }
        check(&again, p);
        follow_seen_fini(&seen);
        follow_seen_fini(&again);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_is_what_was_added_last),
        cmocka_unit_test(saved_chunks_bring_it_back),
    };
    return cmocka_run_group_tests_name("follow_seen", tests, NULL, NULL);
}
