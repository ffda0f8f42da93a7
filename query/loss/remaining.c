/*
 * What the intrusion left that is still there at the end of the records: what outlives a session,
 * by where it lies (places.c) or by who serves it, programs that it brought, processes that did not
 * end, connections that these hold.
 */
#include <btr/answer.h>
#include <stdlib.h>

#include "loss/after.h"

/* A server that writes as seldom does it for somebody else. */
#define REMAIN_TELLS 0.3

/* What is known of an object of the intrusion. */
struct object {
    struct btr_loss *loss;
    struct btr_id entity;
    struct btr_flow change; /* by which the intrusion changed it first */
    bool changed;           /* there is one */
    bool created;           /* the intrusion made it */
    bool mode_set;          /* it set the mode */
    bool ran;               /* it was run after that */
    struct btr_id served;   /* a server that read it while it served the intrusion; none */
    int64_t served_ns;
};

/* ---- Who changed it, and who used it
 * ------------------------------------------------------------- */

static uint32_t role_at(const struct btr_loss *loss, const struct btr_flow *f)
{
    uint32_t item = loss_extent_at(loss, f->other, f->first_ns, f->last_ns);
    return item == LOSS_NONE ? LOSS_NONE : loss->extent.items[item].role;
}

static bool change_test(void *self, const struct btr_flow *f)
{
    struct object *o = self;
    uint32_t role = role_at(o->loss, f);
    if ((role != BTR_EXTENT_PROCESS && role != BTR_EXTENT_SERVER) || f->flags & BTR_EVENT_FAILED)
        return false;
    if (f->operation == BTR_OP_CHMOD || f->operation == BTR_OP_SETATTR) {
        o->mode_set |= role == BTR_EXTENT_PROCESS;
        return false;
    }
    if (!btr_extent_writes(f->operation))
        return false;
    if (!o->changed || f->first_ns < o->change.first_ns)
        o->change = *f;
    o->changed = true;
    o->created |= f->operation == BTR_OP_CREATE || f->operation == BTR_OP_RENAME;
    return false;
}

static bool use_test(void *self, const struct btr_flow *f)
{
    struct object *o = self;
    if (f->last_ns < o->change.first_ns)
        return false;
    o->ran |=
        f->operation == BTR_OP_EXEC || f->operation == BTR_OP_LOAD || f->operation == BTR_OP_MAP;
    bool reads = f->operation == BTR_OP_OPEN_READ || f->operation == BTR_OP_READ;
    if (reads && !btr_id_equal(f->other, o->change.other) &&
        role_at(o->loss, f) == BTR_EXTENT_SERVER && f->last_ns < o->served_ns) {
        o->served = f->other;
        o->served_ns = f->last_ns;
    }
    return false;
}

static int object_find(struct object *o, struct btr_loss *loss, struct btr_id entity,
                       struct btr_err *err)
{
    struct loss_flows none = {0};
    *o = (struct object){.loss = loss, .entity = entity, .served_ns = INT64_MAX};
    int rc =
        loss_flows_of(&none, &loss->all, entity, BTR_SIDE_INTO, INT64_MAX, change_test, o, err);
    if (rc == 0 && o->changed)
        rc = loss_flows_of(&none, &loss->all, entity, BTR_SIDE_OUT_OF, INT64_MIN, use_test, o, err);
    return rc;
}

/* A server does its own work, too: what its program usually writes is none of the intrusion's. */
static int is_usual(const struct object *o, bool *usual, struct btr_err *err)
{
    struct btr_loss *loss = o->loss;
    struct btr_fact who, file;
    *usual = false;
    if (role_at(loss, &o->change) == BTR_EXTENT_PROCESS)
        return 0;
    int rc = loss->facts.fact(loss->facts.self, o->change.other, &who, err);
    if (rc == 0)
        rc = loss->facts.fact(loss->facts.self, o->entity, &file, err);
    *usual = rc == 0 && file.file && loss->found->usual.self &&
             btr_usual_tells(&loss->found->usual, btr_fact_program(&who, o->change.last_ns),
                             file.file) < REMAIN_TELLS;
    return rc;
}

/* ---- What was brought from outside
 * --------------------------------------------------------------- */

struct bringing {
    struct btr_loss *loss;
    bool outside;
};

static bool bring_test(void *self, const struct btr_flow *f)
{
    struct bringing *b = self;
    b->outside |= f->operation == BTR_OP_RECV && f->other_kind != BTR_KIND_FILE &&
                  f->other_kind != BTR_KIND_PROCESS &&
                  loss_extent_at(b->loss, f->other, f->first_ns, f->last_ns) != LOSS_NONE;
    return false;
}

/* Whether who wrote it had it from a connection of the intrusion. */
static int is_brought(const struct object *o, bool *brought, struct btr_err *err)
{
    struct bringing b = {.loss = o->loss};
    struct loss_flows none = {0};
    int rc = loss_flows_of(&none, &o->loss->all, o->change.other, BTR_SIDE_INTO, o->change.last_ns,
                           bring_test, &b, err);
    *brought = b.outside && role_at(o->loss, &o->change) == BTR_EXTENT_PROCESS;
    return rc;
}

/* ---- Objects
 * ------------------------------------------------------------------------------------- */

int loss_remain_add(struct btr_loss *loss, const struct loss_remain *remain, struct btr_err *err)
{
    struct loss_after *after = loss->after;
    if (!btr_list_room(&after->remains, after->remain_count, &after->remain_capacity, 32,
                       sizeof *after->remains))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u things that remain", after->remain_count);
    after->remains[after->remain_count++] = *remain;
    return 0;
}

static void place_say(struct loss_remain *r, const struct loss_place *place)
{
    if (place) {
        r->kind = place->kind;
        r->technique = place->technique;
    }
}

static void say(struct loss_remain *r, const char *kind, const char *technique, const char *doubt)
{
    r->kind = kind;
    r->technique = technique;
    r->doubt = doubt;
}

static int file_say(const struct object *o, struct loss_remain *r, struct btr_err *err)
{
    bool usual = false, brought = false;
    int rc = is_usual(o, &usual, err);
    place_say(r, loss_place_of_file(r->path));
    if (rc < 0 || r->kind || usual)
        return rc;
    if (!btr_id_is_none(o->served))
        say(r, "webshell", "T1505.003", NULL);
    else if (o->ran)
        say(r, "program", "T1105", NULL);
    else if (o->mode_set && o->created)
        say(r, "program", "T1105", "it is not seen to have been run");
    else if (o->created)
        rc = is_brought(o, &brought, err);
    if (brought)
        say(r, "file", "T1105", "it is not seen to have been run");
    return rc;
}

static void named_say(const struct btr_entity *e, struct loss_remain *r)
{
    if (e->kind == BTR_KIND_SERVICE)
        say(r, "service", "T1543.003", NULL);
    else if (e->kind == BTR_KIND_TASK)
        say(r, "scheduled task", "T1053.005", NULL);
    else if (e->kind == BTR_KIND_WMI)
        say(r, "WMI subscription", "T1546.003", NULL);
    else if (e->kind == BTR_KIND_REGISTRY)
        place_say(r, loss_place_of_registry(r->path));
}

struct btr_span loss_object_name(const struct btr_entity *e, int64_t at_ns)
{
    static const uint16_t KEYS[] = {BTR_ATTR_FILE_PATH, BTR_ATTR_REGISTRY_PATH,
                                    BTR_ATTR_SERVICE_NAME, BTR_ATTR_TASK_NAME, BTR_ATTR_WMI_NAME};
    struct btr_span name = {0};
    for (size_t i = 0; !name.size && i < sizeof KEYS / sizeof *KEYS; i++)
        name = btr_entity_attr(e, KEYS[i], at_ns);
    return name;
}

static int object_take(struct btr_loss *loss, struct btr_id entity, struct btr_err *err)
{
    struct object o;
    struct btr_entity e;
    bool gone = false;
    int rc = object_find(&o, loss, entity, err);
    if (rc < 0 || !o.changed)
        return rc;
    struct loss_remain r = {.entity = entity,
                            .process = o.change.other,
                            .at_ns = o.change.last_ns,
                            .ref = o.change.ref};
    rc = loss_entity(loss, entity, &e, err);
    if (rc == 0 && (!btr_arena_copy(loss->arena, e.host, &r.host) ||
                    !btr_arena_copy(loss->arena, loss_object_name(&e, INT64_MAX), &r.path)))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what remains");
    if (rc == 0)
        named_say(&e, &r);
    if (rc == 0 && e.kind == BTR_KIND_FILE)
        rc = file_say(&o, &r, err);
    if (rc == 0 && r.kind)
        rc = loss_is_gone(loss, entity, &gone, err);
    return rc == 0 && r.kind && !gone ? loss_remain_add(loss, &r, err) : rc;
}

/* ---- Open processes and their connections
 * --------------------------------------------------------- */

/* Something that is open, by its label. */
static int open_add(struct btr_loss *loss, struct btr_id entity, struct btr_id process,
                    int64_t since_ns, const char *kind, const char *doubt, struct btr_err *err)
{
    struct btr_entity e;
    struct btr_buffer label = {0};
    struct loss_remain r = {.entity = entity,
                            .process = process,
                            .at_ns = since_ns,
                            .ref = UINT64_MAX,
                            .kind = kind,
                            .doubt = doubt};
    int rc = loss_entity(loss, entity, &e, err);
    if (rc < 0)
        return rc;
    btr_entity_label(&label, &e, INT64_MAX);
    if (!btr_arena_copy(loss->arena, e.host, &r.host) || label.failed ||
        !btr_arena_copy(loss->arena, btr_buffer_view(&label), &r.path))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what remains");
    btr_buffer_fini(&label);
    return rc == 0 ? loss_remain_add(loss, &r, err) : rc;
}

static bool is_connection(void *self, const struct btr_flow *f)
{
    const struct btr_loss *loss = self;
    return (f->operation == BTR_OP_CONNECT || f->operation == BTR_OP_ACCEPT) &&
           loss_extent_at(loss, f->other, f->first_ns, INT64_MAX) != LOSS_NONE;
}

/* What a process that is open connected to: no record tells when that was closed. */
static int connections_take(struct btr_loss *loss, const struct btr_extent_item *item,
                            struct btr_err *err)
{
    struct loss_flows flows = {0};
    int rc = loss_flows_of(&flows, &loss->all, item->entity, BTR_SIDE_OUT_OF, item->since_ns,
                           is_connection, loss, err);
    for (uint32_t i = 0; rc == 0 && i < flows.count; i++) {
        const struct btr_flow *f = &flows.list[i];
        struct btr_fact fact;
        rc = loss->facts.fact(loss->facts.self, f->other, &fact, err);
        if (rc == 0 && fact.kind == BTR_KIND_FLOW)
            rc = open_add(loss, f->other, item->entity, f->last_ns, "connection",
                          "its process is not seen to end; it may be closed", err);
    }
    loss_flows_fini(&flows);
    return rc;
}

static int ended_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    (void)self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].operation == BTR_OP_EXIT)
            return 1;
    return 0;
}

static int process_take(struct btr_loss *loss, const struct btr_extent_item *item,
                        struct btr_err *err)
{
    struct btr_fact fact;
    int rc = loss->all.flows(loss->all.self, item->entity, BTR_SIDE_ALL, 0, NULL, ended_visit, NULL,
                             err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = loss->facts.fact(loss->facts.self, item->entity, &fact, err);
    if (rc < 0 || fact.kind != BTR_KIND_PROCESS)
        return rc;
    rc = open_add(loss, item->entity, item->entity, item->since_ns, "process",
                  "its end is not recorded; it may have been killed", err);
    return rc == 0 ? connections_take(loss, item, err) : rc;
}

static int remain_compare(const void *x, const void *y)
{
    const struct loss_remain *a = x, *b = y;
    if (!a->technique != !b->technique)
        return a->technique ? -1 : 1;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    return btr_id_compare(a->entity, b->entity);
}

int loss_remaining_find(struct btr_loss *loss, struct btr_err *err)
{
    struct btr_idmap told = {0};
    int rc = loss_setid_find(loss, &told, err);
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++) {
        const struct btr_extent_item *item = &loss->extent.items[i];
        bool served = item->role == BTR_EXTENT_SERVER || item->role == BTR_EXTENT_CONNECTION;
        if (served || !loss_extent_is_first(loss, i))
            continue;
        if (item->role == BTR_EXTENT_OBJECT && btr_idmap_get(&told, item->entity) == UINT32_MAX)
            rc = object_take(loss, item->entity, err);
        else if (item->role == BTR_EXTENT_PROCESS)
            rc = process_take(loss, item, err);
    }
    if (rc == 0 && loss->after->remain_count)
        qsort(loss->after->remains, loss->after->remain_count, sizeof *loss->after->remains,
              remain_compare);
    btr_idmap_fini(&told);
    return rc;
}
