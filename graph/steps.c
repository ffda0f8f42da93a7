#include "steps.h"

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

enum { FEW = 4096, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

/* A step by its last time, counted from the earliest of all. */
struct key {
    uint64_t time;
    uint64_t step;
};

int graph_steps_compare(const void *a, const void *b)
{
    const struct btr_trace_step *x = a;
    const struct btr_trace_step *y = b;
    if (x->last_ns != y->last_ns)
        return COMPARE(x->last_ns, y->last_ns);
    if (x->from != y->from)
        return COMPARE(x->from, y->from);
    if (x->to != y->to)
        return COMPARE(x->to, y->to);
    if (x->operation != y->operation)
        return COMPARE(x->operation, y->operation);
    return x->ref != y->ref ? COMPARE(x->ref, y->ref) : COMPARE(x->pair, y->pair);
}

/* One pass of a radix sort: by the digit at `shift`, keeping the order of equals. */
static void sort_digit(struct key *out, const struct key *in, uint64_t count, uint32_t shift)
{
    uint64_t place[DIGITS] = {0};
    for (uint64_t i = 0; i < count; i++)
        place[(in[i].time >> shift) & (DIGITS - 1)]++;
    uint64_t sum = 0;
    for (uint32_t d = 0; d < DIGITS; d++) {
        uint64_t here = place[d];
        place[d] = sum;
        sum += here;
    }
    for (uint64_t i = 0; i < count; i++)
        out[place[(in[i].time >> shift) & (DIGITS - 1)]++] = in[i];
}

/* @return the keys in order of time: one of the two arrays */
static struct key *sort_keys(struct key *keys, struct key *spare, uint64_t count, uint64_t time_max)
{
    for (uint32_t shift = 0; shift < 64 && time_max >> shift; shift += DIGIT_BITS) {
        sort_digit(spare, keys, count, shift);
        struct key *sorted = spare;
        spare = keys;
        keys = sorted;
    }
    return keys;
}

static uint64_t fill_keys(struct key *keys, const struct btr_trace_step *steps, uint64_t step_count)
{
    int64_t earliest_ns = INT64_MAX;
    uint64_t time_max = 0;
    for (uint64_t i = 0; i < step_count; i++)
        earliest_ns = steps[i].last_ns < earliest_ns ? steps[i].last_ns : earliest_ns;
    for (uint64_t i = 0; i < step_count; i++) {
        keys[i] = (struct key){(uint64_t)steps[i].last_ns - (uint64_t)earliest_ns, i};
        time_max = keys[i].time > time_max ? keys[i].time : time_max;
    }
    return time_max;
}

/* Sorts each run of steps with the same last time. */
static void sort_ties(struct btr_trace_step *steps, uint64_t step_count)
{
    uint64_t begin = 0;
    for (uint64_t i = 1; i <= step_count; i++) {
        if (i < step_count && steps[i].last_ns == steps[begin].last_ns)
            continue;
        if (i - begin > 1)
            qsort(&steps[begin], i - begin, sizeof(*steps), graph_steps_compare);
        begin = i;
    }
}

bool graph_steps_sort(struct btr_trace_step **steps, uint64_t step_count)
{
    if (step_count <= FEW) {
        if (step_count)
            qsort(*steps, step_count, sizeof(**steps), graph_steps_compare);
        return true;
    }
    struct key *keys = malloc(2 * step_count * sizeof(*keys));
    struct btr_trace_step *sorted = malloc(step_count * sizeof(*sorted));
    if (keys && sorted) {
        uint64_t time_max = fill_keys(keys, *steps, step_count);
        const struct key *order = sort_keys(keys, keys + step_count, step_count, time_max);
        for (uint64_t i = 0; i < step_count; i++)
            sorted[i] = (*steps)[order[i].step];
        sort_ties(sorted, step_count);
        free(*steps);
        *steps = sorted;
        free(keys);
        return true;
    }
    free(keys);
    free(sorted);
    return false;
}
