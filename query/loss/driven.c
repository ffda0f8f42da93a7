/*
 * Which of its processes the intrusion drives. A server that serves it alone is its own, too, but
 * does a server's work: it reads what it reads for everyone. What runs another program than the one
 * that started the first of them does what the intrusion asks, and so does what the alert came
 * through: it was told what to do.
 */
#include <stdlib.h>

#include "loss/loss.h"

struct parent {
    struct btr_id id;
    bool found;
};

static int parent_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct parent *p = self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].operation == BTR_OP_FORK) {
            *p = (struct parent){flows[i].other, true};
            return 1;
        }
    return 0;
}

/* Each is asked for once: a shell has many children, and as many flows. */
static int parent_of(struct btr_loss *loss, struct btr_id process, struct parent *p,
                     struct btr_err *err)
{
    struct loss_parents *all = &loss->parents;
    uint32_t at = btr_idmap_get(&all->of, process);
    *p = (struct parent){.found = false};
    if (at != LOSS_NONE) {
        *p = (struct parent){all->ids[at], !btr_id_is_none(all->ids[at])};
        return 0;
    }
    int rc = loss->all.flows(loss->all.self, process, BTR_SIDE_INTO, INT64_MAX, NULL, parent_visit,
                             p, err);
    if (rc < 0)
        return rc;
    if (all->count == all->capacity) {
        uint32_t capacity = all->capacity ? 2 * all->capacity : 64;
        struct btr_id *grown = realloc(all->ids, capacity * sizeof *grown);
        all->ids = grown ? grown : all->ids;
        all->capacity = grown ? capacity : all->capacity;
    }
    if (all->count == all->capacity || btr_idmap_add(&all->of, process, all->count) == LOSS_NONE)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who started whom");
    all->ids[all->count++] = p->found ? p->id : (struct btr_id){0};
    return 0;
}

int loss_is_begun(struct btr_loss *loss, struct btr_id process, bool *begun, struct btr_err *err)
{
    struct parent p;
    int rc = parent_of(loss, process, &p, err);
    *begun = rc == 0 && p.found;
    return rc;
}

bool loss_is_its_own(const struct btr_loss *loss, struct btr_id process)
{
    uint32_t place = LOSS_NONE, item;
    while (loss_extent_each(loss, process, &place, &item))
        if (loss->extent.items[item].role == BTR_EXTENT_PROCESS)
            return true;
    return false;
}

static bool came_by(const struct btr_loss *loss, struct btr_id process, enum btr_extent_why why)
{
    uint32_t place = LOSS_NONE, item;
    while (loss_extent_each(loss, process, &place, &item))
        if (loss->extent.items[item].why == why)
            return true;
    return false;
}

int loss_line_of(struct btr_loss *loss, struct btr_id process, struct loss_line *line,
                 struct btr_err *err)
{
    struct parent top = {process, true};
    int rc = 0;
    line->count = 0;
    while (rc == 0 && top.found && line->count < LOSS_LINE_MAX && loss_is_its_own(loss, top.id)) {
        line->ids[line->count++] = top.id;
        rc = parent_of(loss, top.id, &top, err);
    }
    line->server = top.id;
    line->has_server = top.found;
    if (rc == 0 && top.found && line->count == LOSS_LINE_MAX && loss_is_its_own(loss, top.id))
        line->has_server = false; /* who that is lies beyond */
    /* of the first nobody tells who started it: if it served, or was there already and was changed,
     * it is a server itself, if it takes connections */
    if (rc == 0 && !top.found && line->count < LOSS_LINE_MAX && line->count &&
        (came_by(loss, line->ids[line->count - 1], BTR_EXTENT_SERVED) ||
         came_by(loss, line->ids[line->count - 1], BTR_EXTENT_CHANGED))) {
        line->server = line->ids[line->count - 1];
        line->has_server = true;
    }
    return rc;
}

static struct btr_id program_key(const struct btr_entity *e)
{
    struct btr_span parts[] = {btr_entity_attr(e, BTR_ATTR_PROCESS_EXECUTABLE, INT64_MAX),
                               btr_entity_attr(e, BTR_ATTR_PROCESS_NAME, INT64_MAX)};
    return btr_id_of(parts, 2);
}

int loss_program_differs(struct btr_loss *loss, struct btr_id process, struct btr_id other,
                         bool *differs, struct btr_err *err)
{
    struct btr_entity e;
    int rc = loss_entity(loss, process, &e, err);
    struct btr_id mine = rc == 0 ? program_key(&e) : (struct btr_id){0};
    if (rc == 0)
        rc = loss_entity(loss, other, &e, err);
    *differs = rc == 0 && !btr_id_equal(mine, program_key(&e));
    return rc;
}

static int ends_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct loss_ends *e = self;
    loss_ends_add(e, flows, flow_count);
    return e->accepted;
}

/* Whether a process took a connection, as far as that is told: one that served the intrusion and
 * made no connection itself did. */
static int accepts(struct btr_loss *loss, struct btr_id process, bool *accepting,
                   struct btr_err *err)
{
    struct loss_ends ends = {false, false};
    uint32_t known = btr_idmap_get(&loss->accepting, process);
    *accepting = known == 1;
    if (known != LOSS_NONE)
        return 0;
    int rc = loss->all.flows(loss->all.self, process, BTR_SIDE_OUT_OF, INT64_MIN, NULL, ends_visit,
                             &ends, err);
    if (rc < 0)
        return rc;
    *accepting = ends.accepted || (!ends.connected && came_by(loss, process, BTR_EXTENT_SERVED));
    return btr_idmap_add(&loss->accepting, process, *accepting) == LOSS_NONE
               ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who takes connections")
               : 0;
}

/* Whether the first of a line came of no server: the alert came through it, or neither that one nor
 * who started it ever took a connection. */
static int is_told(struct btr_loss *loss, const struct loss_line *line, bool *told,
                   struct btr_err *err)
{
    bool accepting = false;
    *told = false;
    if (line->count == 0)
        return 0;
    struct btr_id top = line->ids[line->count - 1];
    *told = came_by(loss, top, BTR_EXTENT_THROUGH);
    if (*told)
        return 0;
    int rc = accepts(loss, top, &accepting, err);
    if (rc == 0 && !accepting)
        rc = accepts(loss, line->server, &accepting, err);
    *told = rc == 0 && !accepting;
    return rc;
}

int loss_is_driven(struct btr_loss *loss, struct btr_id process, bool *driven, struct btr_err *err)
{
    struct loss_line line;
    uint32_t known = btr_idmap_get(&loss->driven, process);
    *driven = known != 0;
    if (known != LOSS_NONE)
        return 0;
    int rc = loss_line_of(loss, process, &line, err);
    *driven = true; /* without a server, too */
    bool told = false;
    if (rc == 0 && line.has_server)
        rc = is_told(loss, &line, &told, err);
    if (rc == 0 && line.has_server && !told)
        rc = loss_program_differs(loss, process, line.server, driven, err);
    if (rc == 0 && btr_idmap_add(&loss->driven, process, *driven) == LOSS_NONE)
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what the intrusion drives");
    return rc;
}
