#ifndef BTR_TEST_RANDOM_H
#define BTR_TEST_RANDOM_H
/** Seeded pseudo-random numbers for property tests: one seed replays a run. SplitMix64 (Steele et al., OOPSLA 2014). */
#include <stdint.h>

struct test_random {
    uint64_t state;
};

static inline uint64_t test_random_next(struct test_random *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/** @return 0 .. bound - 1; bound > 0 */
static inline uint64_t test_random_below(struct test_random *r, uint64_t bound)
{
    return test_random_next(r) % bound;
}

#endif
