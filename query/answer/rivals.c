/*
 * Ways in that a strategy has weighed, and that the answer does not show: what scores too little
 * beside the best has no steps in it, and may be the right one all the same.
 */
#include <stdlib.h>

#include "parts.h"

/* Of the best one's score, what another must have to be named. */
#define RIVAL_LEAST 0.05

static int ids_compare(const void *x, const void *y)
{
    const struct btr_id *a = x, *b = y;
    return btr_id_compare(*a, *b);
}

/* What is in the answer, by id. @return NULL when out of memory */
static struct btr_id *shown_ids(const struct btr_answer *a)
{
    struct btr_id *ids = malloc(((size_t)a->trace->node_count + 1) * sizeof *ids);
    for (uint32_t i = 0; ids && i < a->trace->node_count; i++)
        ids[i] = a->trace->nodes[i].id;
    if (ids)
        qsort(ids, a->trace->node_count, sizeof *ids, ids_compare);
    return ids;
}

bool answer_addresses_alike(const struct btr_entity *x, int64_t x_ns, const struct btr_entity *y,
                            int64_t y_ns)
{
    static const enum btr_attr_key KEYS[] = {BTR_ATTR_SOURCE_IP, BTR_ATTR_DESTINATION_IP};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        struct btr_span p = btr_entity_attr(x, KEYS[i], x_ns);
        if (!p.size || !btr_span_equal(p, btr_entity_attr(y, KEYS[i], y_ns)))
            return false;
    }
    return true;
}

/* Whether it is one more connection between the addresses of one that is shown, or named. */
static bool is_told(struct btr_answer *a, const struct btr_entity *e)
{
    for (uint32_t i = 0; i < a->entry_count; i++) {
        const struct answer_node *n = &a->nodes[a->entries[i].node];
        if (n->entity.kind == BTR_KIND_FLOW &&
            answer_addresses_alike(&n->entity, n->seen_ns, e, INT64_MAX))
            return true;
    }
    for (uint32_t i = 0; i < a->rival_count; i++)
        if (a->rivals[i].entity.kind == BTR_KIND_FLOW &&
            answer_addresses_alike(&a->rivals[i].entity, INT64_MAX, e, INT64_MAX))
            return true;
    return false;
}

static int rival_add(struct btr_answer *a, const struct btr_kept_way *way, struct btr_err *err)
{
    struct answer_rival rival = {.entity = {.id = way->entity}, .score = way->score};
    struct btr_buffer label = {0};
    int rc = btr_reader_entity(a->reader, way->entity, a->arena, &rival.entity, err);
    if (rc < 0 && rc != BTR_E_NOTFOUND)
        return rc;
    if (rival.entity.kind == BTR_KIND_FLOW && is_told(a, &rival.entity))
        return 0;
    btr_entity_label(&label, &rival.entity, INT64_MAX);
    rc = !label.failed && btr_arena_copy(a->arena, btr_buffer_view(&label), &rival.label)
             ? 0
             : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ways in of the answer");
    btr_buffer_fini(&label);
    if (rc == 0)
        a->rivals[a->rival_count++] = rival;
    return rc;
}

int answer_rivals_find(struct btr_answer *a, struct btr_err *err)
{
    const struct btr_kept_pairs *kept = a->options.kept;
    bool ranked = kept && kept->cut != BTR_CUT_TIME; /* no time is left to look at others */
    if (a->direction != BTR_WALK_BACKWARD || !ranked || a->options.between || a->entry_count == 0)
        return 0;
    struct btr_id *shown = shown_ids(a);
    if (!shown)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ways in of the answer");
    int rc = 0;
    uint32_t looked = 0;
    for (uint32_t i = 0; rc == 0 && i < kept->way_count && a->rival_count < ANSWER_RIVALS &&
                         looked < ANSWER_RIVALS_LOOKED;
         i++) {
        const struct btr_kept_way *way = &kept->ways[i];
        if (way->score < RIVAL_LEAST * kept->ways[0].score)
            break;
        if (bsearch(&way->entity, shown, a->trace->node_count, sizeof *shown, ids_compare))
            continue;
        looked++;
        rc = rival_add(a, way, err);
    }
    free(shown);
    return rc;
}
