/* Hosts of a store's snapshot, and what other connections there are between two addresses. */
#include <btr/identity.h>
#include <stdlib.h>

#include "clocks.h"

enum { LOOKED_MAX = 4096 /* connections looked at in one search */, ADDRESS_SIZE = 64 };

static struct btr_span host_of(void *self, uint32_t source)
{
    return btr_reader_source(self, source).host;
}

struct search {
    uint8_t to[ADDRESS_SIZE]; /* of the other end */
    size_t to_size;
    struct btr_arena *arena;
    uint32_t looked_at;
    int (*visit)(void *visitor, struct btr_id id, bool rendezvous);
    void *visitor;
    struct btr_id *found;
    bool *rendezvous;
    uint32_t count;
};

static struct btr_span value_of(const struct btr_entity *e, enum btr_attr_key key)
{
    return btr_entity_attr(e, key, INT64_MAX);
}

static uint32_t port_of(struct btr_span text)
{
    uint32_t port = 0;
    for (size_t i = 0; i < text.size && port <= UINT16_MAX; i++)
        port = port * 10 + (uint32_t)(text.at[i] - '0');
    return port;
}

/* Where a connection's halves meet, or the connection that both tell of. */
static struct btr_id meeting_of(const struct btr_entity *e)
{
    if (!(e->flags & BTR_ENTITY_HALF))
        return e->id;
    return btr_identity_rendezvous(value_of(e, BTR_ATTR_NETWORK_TRANSPORT),
                                   value_of(e, BTR_ATTR_DESTINATION_IP),
                                   port_of(value_of(e, BTR_ATTR_DESTINATION_PORT)),
                                   value_of(e, BTR_ATTR_SOURCE_IP), e->host, (struct btr_span){0});
}

static int flow_visit(void *self, const struct btr_entity *e)
{
    struct search *s = self;
    struct btr_span to = {s->to, s->to_size};
    if (btr_span_equal(value_of(e, BTR_ATTR_DESTINATION_IP), to)) {
        s->found[s->count] = meeting_of(e);
        s->rendezvous[s->count++] = e->flags & BTR_ENTITY_HALF;
    }
    return ++s->looked_at < LOOKED_MAX ? 0 : 1;
}

static int search_run(struct search *s, struct btr_reader *reader, struct btr_span from,
                      int64_t at_ns, struct btr_err *err)
{
    s->looked_at = 0;
    int rc = btr_reader_entities_with(reader, BTR_KIND_FLOW, clocks_minus(at_ns, BTR_CLOCK_MOST_NS),
                                      clocks_plus(at_ns, BTR_CLOCK_MOST_NS), BTR_ATTR_SOURCE_IP,
                                      from, flow_visit, s, err);
    return rc < 0 ? rc : 0;
}

static void to_set(struct search *s, struct btr_span address)
{
    s->to_size = address.size < ADDRESS_SIZE ? address.size : ADDRESS_SIZE;
    memcpy(s->to, address.at, s->to_size);
}

static int both_ways(struct search *s, struct btr_reader *reader, const struct btr_entity *half,
                     int64_t at_ns, struct btr_err *err)
{
    struct btr_span client = value_of(half, BTR_ATTR_SOURCE_IP);
    struct btr_span server = value_of(half, BTR_ATTR_DESTINATION_IP);
    if (client.size == 0 || server.size == 0)
        return 0;
    to_set(s, server);
    int rc = search_run(s, reader, client, at_ns, err);
    to_set(s, client);
    if (rc == 0)
        rc = search_run(s, reader, server, at_ns, err);
    for (uint32_t i = 0; i < s->count && rc == 0; i++)
        rc = s->visit(s->visitor, s->found[i], s->rendezvous[i]);
    return rc;
}

static int others(void *self, struct btr_id half, int64_t at_ns,
                  int (*visit)(void *visitor, struct btr_id id, bool rendezvous), void *visitor,
                  struct btr_err *err)
{
    struct btr_entity e;
    struct search s = {.arena = btr_arena_new((size_t)1 << 26), .visit = visit, .visitor = visitor};
    s.found = malloc((size_t)2 * LOOKED_MAX * sizeof *s.found);
    s.rendezvous = malloc((size_t)2 * LOOKED_MAX * sizeof *s.rendezvous);
    int rc = s.arena && s.found && s.rendezvous
                 ? btr_reader_entity(self, half, s.arena, &e, err)
                 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "connections of an address");
    if (rc == 0)
        rc = both_ways(&s, self, &e, at_ns, err);
    btr_arena_free(s.arena);
    free(s.found);
    free(s.rendezvous);
    return rc == BTR_E_NOTFOUND ? 0 : rc;
}

struct btr_clock_hosts btr_clock_hosts_of_reader(struct btr_reader *reader)
{
    return (struct btr_clock_hosts){reader, host_of, others};
}
