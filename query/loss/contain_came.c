/*
 * By which connections the intrusion came to which accounts, from outside and from host to host:
 * those that the processes acted as which came of it, where they ran another program than the
 * server.
 */
#include <stdlib.h>

#include "loss/contain.h"

/* That something was started by who served a connection. */
struct came {
    uint32_t connection; /* item of the extent */
    uint32_t flow, account;
};

/* By which connection an item of the extent came, and its node; LOSS_NONE: by none. */
struct way {
    uint32_t connection, flow;
};

struct coming {
    struct contain *c;
    struct way *ways; /* by item; of processes */
    struct came *items;
    uint32_t count, capacity;
};

static const struct btr_extent_item *item_at(const struct contain *c, uint32_t at)
{
    return &c->loss->extent.items[at];
}

static bool is_process(const struct btr_extent_item *item)
{
    return item->role == BTR_EXTENT_PROCESS || item->role == BTR_EXTENT_SERVER;
}

/* ---- Connections ---- */

/* The host of the process that made a connection of the intrusion; empty: somebody outside did.
 * The account that it acted as leads on to it. */
static int maker_of(struct contain *c, uint32_t connection, struct btr_span *host,
                    uint32_t *account)
{
    uint32_t at = item_at(c, connection)->by;
    *host = (struct btr_span){0};
    *account = LOSS_NONE;
    while (at != LOSS_NONE && item_at(c, at)->role == BTR_EXTENT_CONNECTION)
        at = item_at(c, at)->by;
    if (at == LOSS_NONE || !is_process(item_at(c, at)))
        return 0;
    int rc = contain_account_of(c, item_at(c, at)->entity, account);
    if (rc == 0 && *account != LOSS_NONE)
        *host = c->to->holds[*account].host;
    return rc;
}

/* ---- Which connection ---- */

/* Whether a process called the intrusion's address on somebody else's behalf: then that is a way
 * in. A process that is the intrusion's own without it only called home. */
static int is_way_in(struct contain *c, struct btr_id process, bool *in)
{
    struct loss_line line;
    int rc = loss_line_of(c->loss, process, &line, c->err);
    *in = rc == 0 && line.count < 2;
    return rc;
}

/* A connection of an address of the intrusion: to a host of the inventory, or from one to there. */
static int outside_flow(struct contain *c, const struct btr_entity *e, struct btr_span host,
                        struct btr_id served, uint32_t *flow)
{
    struct btr_span to = btr_entity_attr(e, BTR_ATTR_DESTINATION_IP, INT64_MAX);
    struct loss_end end;
    bool in = true;
    int rc = loss_far_end(c->loss, e, &end, c->err);
    bool called = rc == 0 && end.ip.size && btr_span_equal(end.ip, to);
    if (called)
        rc = is_way_in(c, served, &in);
    if (rc < 0 || !in)
        return rc;
    rc = contain_flow(c, called ? host : (struct btr_span){0}, called ? to : host, e, flow);
    return rc == 0 ? contain_lead(c, c->intrusion, *flow, called ? "was called by" : "came in by",
                                  UINT64_MAX)
                   : rc;
}

/* The node of a connection that a process served. LOSS_NONE: it is none between hosts, as a pipe.
 */
static int flow_of(struct contain *c, uint32_t connection, uint32_t served, uint32_t *flow)
{
    struct btr_entity e = {.kind = BTR_KIND_NONE};
    struct btr_span from;
    struct btr_id process = item_at(c, served)->entity;
    uint32_t maker = LOSS_NONE, server = LOSS_NONE;
    *flow = LOSS_NONE;
    int rc = contain_account_of(c, process, &server);
    if (rc == 0)
        rc = maker_of(c, connection, &from, &maker);
    if (rc == 0)
        rc = loss_entity(c->loss, item_at(c, connection)->entity, &e, c->err);
    if (rc < 0 || e.kind != BTR_KIND_FLOW || server == LOSS_NONE)
        return rc;
    struct btr_span host = c->to->holds[server].host;
    if (maker == LOSS_NONE)
        rc = outside_flow(c, &e, host, process, flow);
    else
        rc = contain_flow(c, from, host, &e, flow);
    if (rc == 0)
        rc = contain_talker_add(c, process, *flow);
    return rc == 0 ? contain_lead(c, maker, *flow, "connects to", UINT64_MAX) : rc;
}

/* The connection that a process of the extent came of, over servers that handed it on; LOSS_NONE of
 * what did not come by one. Those of items before it are known. */
static int connection_find(struct coming *k, uint32_t item)
{
    struct contain *c = k->c;
    struct way *way = &k->ways[item];
    uint32_t at = item_at(c, item)->by;
    int rc = 0;
    *way = (struct way){LOSS_NONE, LOSS_NONE};
    for (; rc == 0 && at != LOSS_NONE; at = item_at(c, at)->by) {
        if (item_at(c, at)->role == BTR_EXTENT_OBJECT) /* a file: what remains tells of it */
            break;
        if (is_process(item_at(c, at))) {
            *way = k->ways[at];
            break;
        }
        rc = flow_of(c, at, item, &way->flow);
        way->connection = at;
        if (way->flow != LOSS_NONE)
            break;
    }
    return rc;
}

/* ---- Accounts ---- */

static int came_add(struct coming *k, const struct came *came)
{
    if (!btr_list_room(&k->items, k->count, &k->capacity, 64, sizeof *k->items))
        return btr_fail(k->c->err, BTR_E_NOMEM, UINT64_MAX, "how the intrusion came to accounts");
    k->items[k->count++] = *came;
    return 0;
}

/* The account that the topmost of a line was given which runs another program than who started the
 * line: a server's own children only serve. Each that starts another as somebody else leads to
 * that. @param given  LOSS_NONE when none of them does */
static int line_take(struct contain *c, const struct loss_line *line, uint32_t *given)
{
    uint32_t below = LOSS_NONE, account;
    bool differs = true;
    int rc = 0;
    *given = LOSS_NONE;
    for (uint32_t i = 0; rc == 0 && i < line->count; i++) {
        if (line->has_server)
            rc = loss_program_differs(c->loss, line->ids[i], line->server, &differs, c->err);
        if (rc < 0 || !differs)
            break;
        rc = contain_account_of(c, line->ids[i], &account);
        if (rc == 0 && below != LOSS_NONE)
            rc = contain_lead(c, account, below, "started a process as", UINT64_MAX);
        *given = contain_account_nearer(c, *given, account);
        below = account;
    }
    return rc;
}

/* The way that the nearest of a line came by: what was given to begin with has no other. */
static struct way line_way(const struct coming *k, const struct loss_line *line)
{
    struct way way = {LOSS_NONE, LOSS_NONE};
    for (uint32_t i = 0; way.flow == LOSS_NONE && i < line->count; i++) {
        uint32_t place = LOSS_NONE, item;
        while (way.flow == LOSS_NONE && loss_extent_each(k->c->loss, line->ids[i], &place, &item))
            if (item_at(k->c, item)->role == BTR_EXTENT_PROCESS)
                way = k->ways[item];
    }
    return way;
}

static int process_take(struct coming *k, uint32_t item)
{
    struct contain *c = k->c;
    struct way way = k->ways[item];
    struct loss_line line;
    uint32_t account = LOSS_NONE;
    if (item_at(c, item)->role != BTR_EXTENT_PROCESS)
        return 0;
    int rc = loss_line_of(c->loss, item_at(c, item)->entity, &line, c->err);
    if (rc == 0)
        rc = line_take(c, &line, &account);
    if (rc == 0 && account != LOSS_NONE && way.flow == LOSS_NONE)
        way = line_way(k, &line);
    return rc == 0 && way.flow != LOSS_NONE && account != LOSS_NONE
               ? came_add(k, &(struct came){way.connection, way.flow, account})
               : rc;
}

static int came_compare(const void *x, const void *y)
{
    const struct came *a = x, *b = y;
    if (a->connection != b->connection)
        return a->connection < b->connection ? -1 : 1;
    return (a->account > b->account) - (a->account < b->account);
}

/* Of one connection: a server that may do all, and gives somebody's account, does not give its own.
 */
static int came_take(struct coming *k)
{
    struct contain *c = k->c;
    int rc = 0;
    if (k->count)
        qsort(k->items, k->count, sizeof *k->items, came_compare);
    for (uint32_t i = 0, end; rc == 0 && i < k->count; i = end) {
        bool others = false;
        for (end = i; end < k->count && k->items[end].connection == k->items[i].connection; end++)
            others |= !c->to->holds[k->items[end].account].all;
        for (uint32_t n = i; rc == 0 && n < end; n++)
            if (!others || !c->to->holds[k->items[n].account].all)
                rc = contain_lead(c, k->items[n].flow, k->items[n].account, "gave", UINT64_MAX);
    }
    return rc;
}

int contain_came_find(struct contain *c)
{
    uint32_t count = c->loss->extent.count;
    struct coming k = {.c = c, .ways = calloc((size_t)count + 1, sizeof *k.ways)};
    int rc = k.ways ? 0 : btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "ways of the intrusion");
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        k.ways[i] = (struct way){LOSS_NONE, LOSS_NONE};
        if (is_process(item_at(c, i)))
            rc = connection_find(&k, i);
    }
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        if (is_process(item_at(c, i)))
            rc = process_take(&k, i);
    if (rc == 0)
        rc = came_take(&k);
    free(k.items);
    free(k.ways);
    return rc;
}
