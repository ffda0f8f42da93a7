#include "memory_facts.h"

#include <assert.h>

void memory_facts_add(struct memory_facts *m, struct btr_id id, struct btr_fact fact,
                      uint64_t program)
{
    assert(m->count < MEMORY_FACTS_MAX);
    m->items[m->count++] = (struct memory_fact){id, fact, {INT64_MIN, program}};
}

static int fact_find(void *self, struct btr_id id, struct btr_fact *out, struct btr_err *err)
{
    const struct memory_facts *m = self;
    (void)err;
    *out = (struct btr_fact){0};
    for (uint32_t i = 0; i < m->count; i++) {
        if (!btr_id_equal(m->items[i].id, id))
            continue;
        *out = m->items[i].fact;
        out->images = &m->items[i].image;
        out->image_count = m->items[i].image.program != 0;
    }
    return 0;
}

static int bytes_find(void *self, const btr_event_ref *refs, uint32_t count, uint64_t *out,
                      struct btr_err *err)
{
    const struct memory_facts *m = self;
    (void)err;
    for (uint32_t i = 0; i < count; i++)
        out[i] = m->events ? m->events[refs[i]].bytes : BTR_BYTES_UNKNOWN;
    return 0;
}

struct btr_facts memory_facts_of(struct memory_facts *m)
{
    return (struct btr_facts){m, fact_find, bytes_find, NULL};
}

void memory_usual_add(struct memory_usual *m, uint64_t program, uint64_t thing, uint64_t count)
{
    assert(m->count < MEMORY_USUAL_MAX);
    m->rows[m->count++] = (struct memory_usual_row){program, thing, count};
}

static uint64_t both(void *self, uint64_t program, uint64_t thing)
{
    const struct memory_usual *m = self;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->rows[i].program == program && m->rows[i].thing == thing)
            sum += m->rows[i].count;
    return sum;
}

static uint64_t programs(void *self, uint64_t thing)
{
    const struct memory_usual *m = self;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->count; i++)
        sum += m->rows[i].thing == thing;
    return sum;
}

static uint64_t programs_all(void *self)
{
    const struct memory_usual *m = self;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t k = 0;
        while (m->rows[k].program != m->rows[i].program)
            k++;
        sum += k == i;
    }
    return sum;
}

static uint64_t most(void *self, uint64_t program)
{
    const struct memory_usual *m = self;
    uint64_t best = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->rows[i].program == program && m->rows[i].count > best)
            best = m->rows[i].count;
    return best;
}

static uint64_t most_of_all(void *self)
{
    struct memory_usual *m = self;
    uint64_t best = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        uint64_t sum = 0;
        for (uint32_t k = 0; k < m->count; k++)
            sum += m->rows[k].thing == m->rows[i].thing ? m->rows[k].count : 0;
        best = sum > best ? sum : best;
    }
    return best;
}

struct btr_usual memory_usual_of(struct memory_usual *m)
{
    return (struct btr_usual){m, both, programs, programs_all, most, most_of_all};
}
