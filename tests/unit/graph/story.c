#include "story.h"

#include "test_steps.h"

#include <assert.h>

static const int64_t BEGIN_NS = INT64_C(1795424315000000000);

struct btr_id story_id(char name)
{
    return (struct btr_id){7, (uint64_t)(unsigned char)name};
}

int64_t story_ms(int64_t ms)
{
    return BEGIN_NS + ms * 1000000;
}

void story_tell(struct story *s, uint32_t source, char subject, enum btr_operation operation,
                char object, int64_t first_ms, int64_t last_ms)
{
    assert(s->event_count < STORY_EVENTS_MAX);
    s->events[s->event_count++] = (struct btr_event){.subject = story_id(subject),
                                                     .object = story_id(object),
                                                     .first_ns = story_ms(first_ms),
                                                     .last_ns = story_ms(last_ms),
                                                     .stream = source,
                                                     .operation = (uint8_t)operation};
}

void story_walk_from(struct story *s, enum btr_walk_direction direction, struct btr_start start,
                     const struct btr_walk_limits *limits)
{
    btr_trace_free(s->trace);
    s->trace = NULL;
    memory_edges_fini(&s->memory);
    memory_edges_init(&s->memory, s->events, s->event_count);
    struct btr_edges edges = memory_edges_of(&s->memory);
    int rc = btr_walk(&s->trace, &edges, direction, &start, 1, limits, NULL);
    assert(rc == 0);
    (void)rc;
}

void story_walk(struct story *s, enum btr_walk_direction direction, char from, int64_t at_ms)
{
    story_walk_from(s, direction, (struct btr_start){story_id(from), story_ms(at_ms), 0}, NULL);
}

void story_end(struct story *s)
{
    btr_trace_free(s->trace);
    memory_edges_fini(&s->memory);
}

static uint32_t node_of(const struct story *s, char name)
{
    for (uint32_t i = 0; i < s->trace->node_count; i++) {
        if (btr_id_equal(s->trace->nodes[i].id, story_id(name)))
            return i;
    }
    return UINT32_MAX;
}

bool story_reached(const struct story *s, char name)
{
    return node_of(s, name) != UINT32_MAX;
}

int64_t story_bound(const struct story *s, char name)
{
    uint32_t node = node_of(s, name);
    assert(node != UINT32_MAX);
    return (s->trace->nodes[node].bound_ns - BEGIN_NS) / 1000000;
}

uint32_t story_steps(const struct story *s, char from, char to)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < s->trace->node_count; n++) {
        for (uint32_t i = 0; i < s->trace->nodes[n].step_count; i++) {
            struct test_step step = test_step_of(s->trace, n, i);
            count += step.from == node_of(s, from) && step.to == node_of(s, to);
        }
    }
    return count;
}
