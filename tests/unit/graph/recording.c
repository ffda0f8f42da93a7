#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "recording.h"
#include "score/strategies.h"

struct btr_id id_of(char name)
{
    return (struct btr_id){7, (uint64_t)(unsigned char)name};
}

void tell(struct recording *r, char subject, enum btr_operation operation, char object,
          int64_t at_ms)
{
    assert_true(r->event_count < RECORDING_EVENTS_MAX);
    r->events[r->event_count++] = (struct btr_event){.subject = id_of(subject),
                                                     .object = id_of(object),
                                                     .first_ns = at_ms * 1000000,
                                                     .last_ns = at_ms * 1000000,
                                                     .operation = (uint8_t)operation};
}

void answer_from(struct answer *a, struct recording *r, enum btr_walk_direction direction,
                 struct btr_start start, const struct btr_walk_limits *limits, uint32_t parts,
                 uint64_t seed)
{
    static const struct btr_walk_limits none = {0};
    struct memory_edges memory;
    memory_edges_init(&memory, r->events, r->event_count);
    if (parts) {
        memory_edges_part(&memory, parts, seed);
        memory.run_max = 1 + (uint32_t)(seed % 7);
        memory.rest_late_ns = (int64_t)seed * 3000000;
    }
    struct btr_edges edges = memory_edges_of(&memory);
    struct btr_facts facts = memory_facts_of(&r->facts);
    struct btr_usual usual = memory_usual_of(&r->usual);
    struct btr_scene scene = {.edges = &edges,
                              .facts = &facts,
                              .usual = &usual,
                              .direction = direction,
                              .starts = &start,
                              .start_count = 1,
                              .limits = limits ? limits : &none,
                              .left_out = true};
    struct btr_err err = {0};
    *a = (struct answer){0};
    assert_int_equal(critical_keep(&a->kept, &scene, &err), 0);
    assert_int_equal(btr_walk_kept(&a->trace, &scene, &a->kept, &err), 0);
    memory_edges_fini(&memory);
}

void answer_end(struct answer *a)
{
    btr_kept_pairs_free(&a->kept);
    btr_trace_free(a->trace);
}

bool holds(const struct answer *a, char name)
{
    for (uint32_t i = 0; i < a->trace->node_count; i++)
        if (btr_id_equal(a->trace->nodes[i].id, id_of(name)))
            return true;
    return false;
}

bool keeps(const struct answer *a, char from, char to)
{
    return btr_kept_pairs_has(&a->kept, id_of(from), id_of(to));
}

void assert_same_answer(const struct answer *x, const struct answer *y)
{
    assert_int_equal(x->kept.pair_count, y->kept.pair_count);
    assert_int_equal(x->kept.way_count, y->kept.way_count);
    assert_memory_equal(x->kept.pairs, y->kept.pairs, x->kept.pair_count * sizeof *x->kept.pairs);
    assert_memory_equal(x->kept.ways, y->kept.ways, x->kept.way_count * sizeof *x->kept.ways);
    assert_int_equal(x->trace->step_count, y->trace->step_count);
    assert_int_equal(x->trace->node_count, y->trace->node_count);
    for (uint32_t i = 0; i < x->trace->node_count; i++)
        assert_true(btr_id_equal(x->trace->nodes[i].id, y->trace->nodes[i].id));
}
