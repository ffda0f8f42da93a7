#ifndef TEST_STEPS_H
#define TEST_STEPS_H
/** Steps of a trace with both their ends, as tests look at them. */
#include <btr/trace.h>

struct test_step {
    uint32_t from, to; /* node indexes */
    const struct btr_trace_step *step;
};

/** The i-th step of a node. */
static inline struct test_step test_step_of(const struct btr_trace *t, uint32_t node, uint32_t i)
{
    const struct btr_trace_step *s = &t->steps[t->nodes[node].step_begin + i];
    bool backward = t->direction == BTR_WALK_BACKWARD;
    return (struct test_step){backward ? s->other : node, backward ? node : s->other, s};
}

#endif
