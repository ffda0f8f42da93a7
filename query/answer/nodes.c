/* Who the nodes are: entities with the attributes of the time that matters. */
#include <stdlib.h>

#include "parts.h"

/*
 * Backward, what an entity was when it last mattered: its bound. Forward, all that it did after
 * counts, and the last image is the one that people know it by.
 */
static int64_t time_shown(const struct btr_answer *a, uint32_t i)
{
    return a->direction == BTR_WALK_BACKWARD ? a->trace->nodes[i].bound_ns : INT64_MAX;
}

static int node_describe(struct btr_answer *a, uint32_t i, struct btr_buffer *label,
                         struct btr_err *err)
{
    struct answer_node *node = &a->nodes[i];
    struct btr_id id = a->trace->nodes[i].id;
    int rc = btr_reader_entity(a->reader, id, a->arena, &node->entity, err);
    if (rc == BTR_E_NOTFOUND) /* an event names it, and no segment describes it */
        node->entity = (struct btr_entity){.id = id};
    else if (rc < 0)
        return rc;
    node->seen_ns = answer_host_told(a, node->entity.host, time_shown(a, i));
    btr_buffer_clear(label);
    btr_entity_label(label, &node->entity, node->seen_ns);
    if (label->failed || !btr_arena_copy(a->arena, btr_buffer_view(label), &node->label))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "labels of the answer");
    return 0;
}

int answer_nodes_describe(struct btr_answer *a, struct btr_err *err)
{
    struct btr_buffer label = {0};
    a->nodes = calloc((size_t)a->trace->node_count + 1, sizeof *a->nodes);
    int rc = a->nodes ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "nodes of the answer");
    for (uint32_t i = 0; rc == 0 && i < a->trace->node_count; i++)
        rc = node_describe(a, i, &label, err);
    btr_buffer_fini(&label);
    return rc;
}
