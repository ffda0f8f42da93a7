/*
 * Where the intrusion is seen. The critical walk ranked the ways in; whoever came in by one of the
 * likely ones is known by the address at its far end, and all connections of that address are the
 * intrusion's. The alert is where the question starts.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* A way in counts beside the best one when it scores as much of it: of two that explain the alert
 * as well neither can be left out, but each that is added is somebody else's visit, too. */
#define SEEDS_RIVAL 0.9

/* Where who asked for each alert is known, another counts beside them only when more tells of it
 * than that the same server had it in hand, too, which tells a tenth (CRITICAL_USUAL). */
#define SEEDS_BESIDE_CALLER 0.2

bool loss_way_counts(const struct btr_loss *loss, uint32_t way)
{
    const struct btr_kept_pairs *kept = &loss->found->kept;
    return kept->ways[way].score >= SEEDS_RIVAL * kept->ways[0].score &&
           (!loss->called || kept->ways[way].score >= SEEDS_BESIDE_CALLER);
}

void loss_ends_add(struct loss_ends *ends, const struct btr_flow *flows, uint32_t flow_count)
{
    for (uint32_t i = 0; i < flow_count; i++) {
        ends->accepted |= flows[i].operation == BTR_OP_ACCEPT;
        ends->connected |= flows[i].operation == BTR_OP_CONNECT;
    }
}

static int ends_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    loss_ends_add(self, flows, flow_count);
    return 0;
}

int loss_entity(struct btr_loss *loss, struct btr_id id, struct btr_entity *out,
                struct btr_err *err)
{
    btr_arena_reset(loss->scratch);
    *out = (struct btr_entity){.id = id};
    int rc = btr_reader_entity(loss->reader, id, loss->scratch, out, err);
    return rc == BTR_E_NOTFOUND ? 0 : rc;
}

/* ---- Addresses ---- */

static int address_add(struct btr_loss *loss, struct btr_span address, struct btr_err *err)
{
    for (uint32_t i = 0; i < loss->address_count; i++)
        if (btr_span_equal(loss->addresses[i], address))
            return 0;
    struct btr_span copy;
    struct btr_span *grown =
        realloc(loss->addresses, ((size_t)loss->address_count + 1) * sizeof *grown);
    if (grown)
        loss->addresses = grown;
    if (!grown || !btr_arena_copy(loss->arena, address, &copy))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "addresses of the intrusion");
    loss->addresses[loss->address_count++] = copy;
    return 0;
}

/* The end of a connection that is not the one that its records are of; none when both are. */
int loss_other_end(struct btr_loss *loss, const struct btr_entity *e, struct loss_end *end,
                   struct btr_err *err)
{
    struct loss_ends ends = {0};
    *end = (struct loss_end){{0}, {0}};
    if (e->kind != BTR_KIND_FLOW)
        return 0;
    int rc = btr_reader_flows(loss->reader, e->id, BTR_SIDE_ALL, 0, NULL, ends_visit, &ends, err);
    if (rc < 0 || ends.accepted == ends.connected)
        return rc;
    end->ip =
        btr_entity_attr(e, ends.accepted ? BTR_ATTR_SOURCE_IP : BTR_ATTR_DESTINATION_IP, INT64_MAX);
    end->port = btr_entity_attr(e, ends.accepted ? BTR_ATTR_SOURCE_PORT : BTR_ATTR_DESTINATION_PORT,
                                INT64_MAX);
    return 0;
}

int loss_far_end(struct btr_loss *loss, const struct btr_entity *e, struct loss_end *end,
                 struct btr_err *err)
{
    *end = (struct loss_end){{0}, {0}};
    return e->flags & BTR_ENTITY_OUTSIDE ? loss_other_end(loss, e, end, err) : 0;
}

/* Whether a host that tells has an address: a connection that it made from there shows it. */
static int owner_visit(void *self, const struct btr_entity *e)
{
    bool *owned = self;
    *owned |= e->host.size && e->flags & BTR_ENTITY_HALF;
    return *owned;
}

static int is_owned(struct btr_loss *loss, struct btr_span address, bool *owned,
                    struct btr_err *err)
{
    *owned = false;
    int rc = btr_reader_entities_with(loss->reader, BTR_KIND_FLOW, INT64_MIN, INT64_MAX,
                                      BTR_ATTR_SOURCE_IP, address, owner_visit, owned, err);
    return rc < 0 ? rc : 0; /* 1: one was found */
}

/* Of a connection to the outside of which no record tells who asked for it, or took it, or both are
 * told: the end that is no host's that tells. */
static int outside_end(struct btr_loss *loss, const struct btr_entity *e, struct loss_end *end,
                       struct btr_err *err)
{
    struct btr_span from = btr_entity_attr(e, BTR_ATTR_SOURCE_IP, INT64_MAX),
                    to = btr_entity_attr(e, BTR_ATTR_DESTINATION_IP, INT64_MAX);
    bool from_owned = true, to_owned = true;
    int rc = from.size && to.size ? is_owned(loss, from, &from_owned, err) : 0;
    if (rc == 0 && from.size && to.size)
        rc = is_owned(loss, to, &to_owned, err);
    if (rc == 0 && from_owned != to_owned)
        end->ip = from_owned ? to : from;
    return rc;
}

/* The far address of a way in that is a connection: to the outside, or to a host that nobody tells
 * of, as without an inventory all are. What happened within before it came from there is not known.
 */
static int far_address(struct btr_loss *loss, struct btr_id id, struct btr_err *err)
{
    struct btr_entity e;
    struct loss_end end = {{0}, {0}};
    bool owned = false;
    int rc = loss_entity(loss, id, &e, err);
    if (rc == 0)
        rc = loss_other_end(loss, &e, &end, err);
    bool outside = rc == 0 && (e.flags & BTR_ENTITY_OUTSIDE) != 0;
    if (rc == 0 && !end.ip.size && outside && e.kind == BTR_KIND_FLOW)
        rc = outside_end(loss, &e, &end, err);
    if (rc < 0 || !end.ip.size)
        return rc;
    struct btr_span address;
    if (!btr_arena_copy(loss->arena, end.ip, &address))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "addresses of the intrusion");
    if (!outside)
        rc = is_owned(loss, address, &owned, err);
    if (rc < 0 || owned)
        return rc < 0 ? rc : 0;
    rc = address_add(loss, address, err);
    return rc == 0 && !outside
               ? loss_gap_note(loss, address, 0,
                               "the intrusion came from there, which is not known to be outside: "
                               "where it had been before is not known",
                               err)
               : rc;
}

struct collecting {
    struct btr_loss *loss;
    struct btr_err *err;
};

static int connection_add(void *self, const struct btr_entity *e)
{
    struct collecting *c = self;
    int64_t ahead_ns = btr_clocks_host_ahead(c->loss->found->clocks, e->host);
    return btr_extent_add(&c->loss->extent,
                          &(struct btr_extent_item){.entity = e->id,
                                                    .since_ns = e->first_ns - ahead_ns,
                                                    .until_ns = INT64_MAX,
                                                    .source = BTR_SOURCE_NONE,
                                                    .by = LOSS_NONE,
                                                    .role = BTR_EXTENT_CONNECTION,
                                                    .why = BTR_EXTENT_ADDRESS},
                          c->err);
}

static int connections_of(struct btr_loss *loss, struct btr_span address, struct btr_err *err)
{
    static const enum btr_attr_key KEYS[] = {BTR_ATTR_SOURCE_IP, BTR_ATTR_DESTINATION_IP};
    struct collecting c = {loss, err};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof KEYS / sizeof *KEYS; i++)
        rc = btr_reader_entities_with(loss->reader, BTR_KIND_FLOW, INT64_MIN, INT64_MAX, KEYS[i],
                                      address, connection_add, &c, err);
    return rc;
}

/* ---- The alert ---- */

/* Of a process that is the alert all is the intrusion's, unless it serves others, too. */
static int start_add(struct btr_loss *loss, const struct btr_start *start, struct btr_err *err)
{
    struct btr_entity e;
    int rc = loss_entity(loss, start->entity, &e, err);
    bool process = rc == 0 && e.kind == BTR_KIND_PROCESS, many = false;
    bool connection = e.kind == BTR_KIND_FLOW || e.kind == BTR_KIND_CHANNEL;
    int64_t first_ns = e.first_ns - btr_clocks_host_ahead(loss->found->clocks, e.host);
    if (process)
        rc = btr_extent_serves_many(&loss->all, start->entity, &many, err);
    if (rc < 0)
        return rc;
    return btr_extent_add(&loss->extent,
                          &(struct btr_extent_item){.entity = start->entity,
                                                    .since_ns = connection || (process && !many)
                                                                    ? first_ns
                                                                    : start->time_ns,
                                                    .until_ns = many ? start->time_ns : INT64_MAX,
                                                    .source = start->source,
                                                    .by = LOSS_NONE,
                                                    .role = many         ? BTR_EXTENT_SERVER
                                                            : process    ? BTR_EXTENT_PROCESS
                                                            : connection ? BTR_EXTENT_CONNECTION
                                                                         : BTR_EXTENT_OBJECT,
                                                    .why = BTR_EXTENT_GIVEN},
                          err);
}

/* An alert that is a connection which somebody outside asked for: it is about who did. Of one that
 * was made from within it is not sure that all who talk to that address are the same.
 * @param called  receives whether it is one of the first sort */
static int caller_add(struct btr_loss *loss, struct btr_id id, bool *called, struct btr_err *err)
{
    struct btr_entity e;
    struct loss_ends ends = {0};
    *called = false;
    int rc = loss_entity(loss, id, &e, err);
    if (rc < 0 || e.kind != BTR_KIND_FLOW || !(e.flags & BTR_ENTITY_OUTSIDE))
        return rc;
    rc = btr_reader_flows(loss->reader, id, BTR_SIDE_ALL, 0, NULL, ends_visit, &ends, err);
    *called = rc == 0 && ends.accepted && !ends.connected;
    return *called ? far_address(loss, id, err) : rc;
}

static int callers_add(struct btr_loss *loss, const struct btr_start *starts, struct btr_err *err)
{
    int rc = 0;
    loss->called = loss->question->start_count > 0;
    for (uint32_t i = 0; rc == 0 && i < loss->question->start_count; i++) {
        bool called;
        rc = caller_add(loss, starts[i].entity, &called, err);
        loss->called = loss->called && called;
    }
    return rc;
}

static int seeds_add(struct btr_loss *loss, struct btr_err *err)
{
    const struct btr_kept_pairs *kept = &loss->found->kept;
    const struct btr_start *starts = btr_clocks_starts(loss->found->clocks);
    int rc = callers_add(loss, starts, err);
    for (uint32_t i = 0; rc == 0 && i < kept->way_count; i++)
        if (loss_way_counts(loss, i))
            rc = far_address(loss, kept->ways[i].entity, err);
    for (uint32_t i = 0; rc == 0 && i < loss->address_count; i++)
        rc = connections_of(loss, loss->addresses[i], err);
    for (uint32_t i = 0; rc == 0 && i < loss->question->start_count; i++)
        rc = start_add(loss, &starts[i], err);
    return rc;
}

static void times_find(struct btr_loss *loss)
{
    loss->since_ns = INT64_MAX;
    loss->until_ns = INT64_MIN;
    for (uint32_t i = 0; i < loss->extent.count; i++) {
        const struct btr_extent_item *item = &loss->extent.items[i];
        if (item->since_ns < loss->since_ns)
            loss->since_ns = item->since_ns;
        if (item->since_ns > loss->until_ns)
            loss->until_ns = item->since_ns;
    }
}

int loss_extent_find(struct btr_loss *loss, struct btr_err *err)
{
    struct btr_extent_rules rules = {loss, loss_asked_read};
    int rc = seeds_add(loss, err);
    if (rc == 0)
        rc = btr_extent_find(&loss->extent, 0, &loss->all, &rules, err);
    if (rc == 0)
        rc = loss_through_find(loss, &rules, err);
    if (rc == 0)
        rc = loss_extent_index(loss, err);
    times_find(loss);
    return rc;
}
