#include "steps.h"

#include <assert.h>
#include <btr/list.h>

enum {
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
    FEW_STEPS = 24,
    FEW_STRETCHES = 512,
    KEY_BITS = 50
};

/* ---- Chunks --------------------------------------------------------------------------------- */

void graph_steps_fini(struct graph_steps *s)
{
    for (uint32_t i = 0; i < s->chunk_count; i++)
        free(s->chunks[i]);
    free(s->chunks);
    *s = (struct graph_steps){0};
}

uint64_t graph_steps_growth(const struct graph_steps *s)
{
    return graph_steps_room(s)
               ? 0
               : (uint64_t)graph_steps_capacity(s->chunk_count) * sizeof(struct btr_trace_step);
}

bool graph_steps_grow(struct graph_steps *s)
{
    if (graph_steps_room(s))
        return true;
    if (!btr_list_room(&s->chunks, s->chunk_count, &s->chunk_capacity, 16, sizeof *s->chunks))
        return false;
    size_t size = graph_steps_capacity(s->chunk_count) * sizeof(struct btr_trace_step);
    struct btr_trace_step *chunk = malloc(size);
    if (!chunk)
        return false;
    s->chunks[s->chunk_count++] = chunk;
    s->used = 0;
    s->size += size;
    return true;
}

struct graph_range graph_steps_here(const struct graph_steps *s, uint32_t node)
{
    bool room = graph_steps_room(s);
    return (struct graph_range){.chunk = room ? s->chunk_count - 1 : s->chunk_count,
                                .offset = room ? s->used : 0,
                                .node = node,
                                .next = UINT32_MAX};
}

void graph_steps_copy(struct btr_trace_step *out, const struct graph_steps *s,
                      const struct graph_range *range)
{
    uint32_t chunk = range->chunk, offset = range->offset, left = range->count;
    while (left > 0) {
        uint32_t here = graph_steps_capacity(chunk) - offset;
        here = here < left ? here : left;
        memcpy(out, s->chunks[chunk] + offset, here * sizeof(*out));
        out += here;
        left -= here;
        offset = 0;
        chunk++;
    }
}

void graph_steps_forget(struct graph_steps *s, uint32_t chunk)
{
    while (chunk > 0 && s->chunks[--chunk]) {
        free(s->chunks[chunk]);
        s->chunks[chunk] = NULL;
    }
}

/* ---- Order ---------------------------------------------------------------------------------- */

static uint64_t key_of(const uint32_t *kinds, const struct btr_trace_step *step)
{
    return (uint64_t)step->other << 18 | kinds[step->manner];
}

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

/* Steps of the same key. */
static int compare_alike(const void *x, const void *y)
{
    const struct btr_trace_step *a = x, *b = y;
    if (a->last_ns != b->last_ns)
        return COMPARE(a->last_ns, b->last_ns);
    return COMPARE(a->ref, b->ref);
}

static int compare_steps(const uint32_t *kinds, const struct btr_trace_step *a,
                         const struct btr_trace_step *b)
{
    uint64_t x = key_of(kinds, a), y = key_of(kinds, b);
    return x != y ? COMPARE(x, y) : compare_alike(a, b);
}

static void insert_steps(const uint32_t *kinds, struct btr_trace_step *steps, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (compare_steps(kinds, &steps[i - 1], &steps[i]) <= 0)
            continue;
        struct btr_trace_step step = steps[i];
        uint32_t at = i;
        for (; at > 0 && compare_steps(kinds, &steps[at - 1], &step) > 0; at--)
            steps[at] = steps[at - 1];
        steps[at] = step;
    }
}

static bool goes_on(const uint32_t *kinds, const struct btr_trace_step *before,
                    const struct btr_trace_step *step)
{
    return key_of(kinds, before) == key_of(kinds, step) && compare_alike(before, step) <= 0;
}

static size_t stretches_count(const uint32_t *kinds, const struct btr_trace_step *steps,
                              uint32_t count)
{
    size_t n = 1;
    for (uint32_t i = 1; i < count; i++)
        n += !goes_on(kinds, &steps[i - 1], &steps[i]);
    return n;
}

static uint32_t stretches_find(const uint32_t *kinds, struct graph_stretch *stretches,
                               const struct btr_trace_step *steps, uint32_t count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && goes_on(kinds, &steps[i - 1], &steps[i]))
            stretches[n - 1].count++;
        else
            stretches[n++] = (struct graph_stretch){key_of(kinds, &steps[i]), i, 1};
    }
    return n;
}

static int compare_stretches(const void *a, const void *b)
{
    const struct graph_stretch *x = a, *y = b;
    return x->key != y->key ? COMPARE(x->key, y->key) : COMPARE(x->begin, y->begin);
}

/* One pass of a radix sort: by the digit at `shift`, keeping the order of equals. @return whether
 * anything moved */
static bool sort_digit(struct graph_stretch *out, const struct graph_stretch *in, uint32_t count,
                       unsigned shift)
{
    uint32_t place[DIGITS] = {0};
    for (uint32_t i = 0; i < count; i++)
        place[(in[i].key >> shift) & (DIGITS - 1)]++;
    if (place[(in[0].key >> shift) & (DIGITS - 1)] == count)
        return false;
    uint32_t sum = 0;
    for (uint32_t d = 0; d < DIGITS; d++) {
        uint32_t here = place[d];
        place[d] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < count; i++)
        out[place[(in[i].key >> shift) & (DIGITS - 1)]++] = in[i];
    return true;
}

struct graph_stretch *graph_stretches_sort(struct graph_stretch *stretches,
                                           struct graph_stretch *spare, uint32_t count,
                                           unsigned bits)
{
    if (count < FEW_STRETCHES) {
        qsort(stretches, count, sizeof(*stretches), compare_stretches);
        return stretches;
    }
    for (unsigned shift = 0; shift < bits; shift += DIGIT_BITS) {
        if (!sort_digit(spare, stretches, count, shift))
            continue;
        struct graph_stretch *sorted = spare;
        spare = stretches;
        stretches = sorted;
    }
    return stretches;
}

/* Stretches of one key whose times cross are sorted once more. */
static void stretches_join(const uint32_t *kinds, struct btr_trace_step *steps, uint32_t count)
{
    for (uint32_t i = 0, end; i < count; i = end) {
        uint64_t key = key_of(kinds, &steps[i]);
        bool sorted = true;
        for (end = i + 1; end < count && key_of(kinds, &steps[end]) == key; end++)
            sorted = sorted && compare_alike(&steps[end - 1], &steps[end]) <= 0;
        if (!sorted)
            qsort(&steps[i], end - i, sizeof(*steps), compare_alike);
    }
}

static bool sorter_room(struct graph_sorter *sorter, size_t steps, size_t stretches)
{
    if (steps > sorter->spare_capacity) {
        free(sorter->spare);
        sorter->spare = malloc(steps * sizeof(*sorter->spare));
        sorter->spare_capacity = sorter->spare ? steps : 0;
    }
    if (stretches > sorter->stretch_capacity) {
        free(sorter->stretches);
        sorter->stretches = malloc(stretches * sizeof(*sorter->stretches));
        sorter->stretch_capacity = sorter->stretches ? stretches : 0;
    }
    return sorter->spare && sorter->stretches;
}

void graph_sorter_fini(struct graph_sorter *sorter)
{
    free(sorter->spare);
    free(sorter->stretches);
    *sorter = (struct graph_sorter){0};
}

static bool sort_many(struct graph_sorter *sorter, struct btr_trace_step *steps, uint32_t count)
{
    const uint32_t *kinds = sorter->kinds;
    if (!sorter_room(sorter, count, 2 * stretches_count(kinds, steps, count)))
        return false;
    uint32_t n = stretches_find(kinds, sorter->stretches, steps, count);
    const struct graph_stretch *order =
        graph_stretches_sort(sorter->stretches, sorter->stretches + n, n, KEY_BITS);
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(sorter->spare + at, steps + order[i].begin, order[i].count * sizeof(*steps));
        at += order[i].count;
    }
    assert(at == count);
    memcpy(steps, sorter->spare, count * sizeof(*steps));
    stretches_join(kinds, steps, count);
    return true;
}

bool graph_steps_sort(struct graph_sorter *sorter, struct btr_trace_step *steps, uint32_t *count)
{
    const uint32_t *kinds = sorter->kinds;
    if (*count <= FEW_STEPS)
        insert_steps(kinds, steps, *count);
    else if (!sort_many(sorter, steps, *count))
        return false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        if (kept == 0 || compare_steps(kinds, &steps[kept - 1], &steps[i]) != 0)
            steps[kept++] = steps[i];
    }
    *count = kept;
    return true;
}
