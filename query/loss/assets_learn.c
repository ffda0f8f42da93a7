/* What a snapshot tells of an inventory: roots of containers, addresses of services. */
#include "assets.h"

#include <btr/identity.h>
#include <stdlib.h>

enum { LEARNED_MAX = 64 << 20, ENTITY_MAX = 64 << 20, LOOKS_PER_ADDRESS = 8 };

static int no_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while learning of the assets");
}

/** Ids, each once, in the order in which they were met. */
struct ids {
    struct btr_id *items;
    uint32_t count, capacity;
    struct btr_idmap known;
};

static bool ids_add(struct ids *ids, struct btr_id id)
{
    uint32_t was = btr_idmap_add(&ids->known, id, ids->count);
    if (was != ids->count)
        return was != UINT32_MAX;
    struct btr_id *grown = query_assets_room(ids->items, ids->count, &ids->capacity, sizeof *grown);
    if (!grown)
        return false;
    ids->items = grown;
    ids->items[ids->count++] = id;
    return true;
}

static void ids_fini(struct ids *ids)
{
    btr_idmap_fini(&ids->known);
    free(ids->items);
}

/* ---- Roots of containers ---- */

struct root_look {
    struct btr_assets *assets;
    uint32_t container;
    struct ids folders, processes;
    struct btr_err *err;
};

/* The folder, as its host sees it. */
static int folder_keep(void *self, const struct btr_entity *e)
{
    struct root_look *l = self;
    const struct asset_container *c = &l->assets->containers[l->container];
    if (btr_entity_attr(e, BTR_ATTR_FILE_ROOT, INT64_MAX).size > 0 || e->host.size == 0 ||
        !query_glob_name(c->host, e->host) ||
        !btr_span_equal(btr_entity_attr(e, BTR_ATTR_FILE_PATH, INT64_MAX), c->root))
        return 0;
    return ids_add(&l->folders, e->id) ? 0 : no_memory(l->err);
}

static int processes_keep(void *self, const struct btr_flow *flows, uint32_t count)
{
    struct root_look *l = self;
    for (uint32_t i = 0; i < count; i++)
        if ((flows[i].other_kind == BTR_KIND_PROCESS || flows[i].other_kind == BTR_KIND_NONE) &&
            !ids_add(&l->processes, flows[i].other))
            return no_memory(l->err);
    return 0;
}

static int root_add(struct root_look *l, struct btr_span host, struct btr_span root)
{
    struct btr_assets *a = l->assets;
    bool is_shared = false;
    for (uint32_t i = 0; i < a->root_count; i++) {
        struct asset_root *r = &a->roots[i];
        if (!btr_span_equal(r->host, host) || !btr_span_equal(r->root, root))
            continue;
        if (r->container == l->container)
            return 0;
        is_shared = r->is_shared = true;
    }
    struct asset_root *grown =
        query_assets_room(a->roots, a->root_count, &a->root_capacity, sizeof *grown);
    if (!grown)
        return no_memory(l->err);
    a->roots = grown;
    struct asset_root made = {.container = l->container, .is_shared = is_shared};
    if (!btr_arena_copy(a->learned, host, &made.host) ||
        !btr_arena_copy(a->learned, root, &made.root))
        return no_memory(l->err);
    a->roots[a->root_count++] = made;
    return 0;
}

/* A process that handled the folder, and whose own root is another than the host's since, made the
 * folder its root. */
static int roots_take(struct root_look *l, struct btr_reader *reader, struct btr_arena *arena)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < l->processes.count; i++) {
        struct btr_entity e;
        btr_arena_reset(arena);
        rc = btr_reader_entity(reader, l->processes.items[i], arena, &e, l->err);
        struct btr_span root = {NULL, 0};
        if (rc == 0 && e.kind == BTR_KIND_PROCESS)
            root = btr_entity_attr(&e, BTR_ATTR_FILE_ROOT, INT64_MAX);
        if (root.size > 0)
            rc = root_add(l, e.host, root);
        if (rc == BTR_E_NOTFOUND)
            rc = 0;
    }
    return rc;
}

static int container_learn(struct btr_assets *assets, uint32_t container, struct btr_reader *reader,
                           struct btr_arena *arena, struct btr_err *err)
{
    struct root_look l = {.assets = assets, .container = container, .err = err};
    struct btr_span root = assets->containers[container].root;
    int rc = root.size == 0
                 ? 0
                 : btr_reader_entities_with(reader, BTR_KIND_FILE, INT64_MIN, INT64_MAX,
                                            BTR_ATTR_FILE_PATH, root, folder_keep, &l, err);
    for (uint32_t i = 0; rc == 0 && i < l.folders.count; i++)
        rc = btr_reader_flows(reader, l.folders.items[i], BTR_SIDE_ALL, 0, NULL, processes_keep, &l,
                              err);
    if (rc == 0)
        rc = roots_take(&l, reader, arena);
    ids_fini(&l.folders);
    ids_fini(&l.processes);
    return rc;
}

/* ---- Addresses of services ---- */

/** Connections to one address and port, of which some were looked at. */
struct served {
    struct btr_span ip;
    uint32_t port;
    struct btr_id ids[LOOKS_PER_ADDRESS];
    uint32_t count;
};

struct service_look {
    struct btr_assets *assets;
    struct btr_reader *reader;
    struct served *served;
    uint32_t count, capacity;
    struct btr_idmap known;
    struct btr_span host; /* that accepted the connection at hand */
    struct btr_err *err;
};

/* @param ip  lives as long as what is learned */
static int address_add(struct service_look *l, struct btr_span ip, uint32_t port,
                       struct btr_span host)
{
    struct btr_assets *a = l->assets;
    for (uint32_t i = 0; i < a->other_count; i++) {
        const struct asset_row *row = &a->rows[a->others[i]];
        if (row->asset.kind != BTR_ASSET_SERVICE || row->port != port ||
            !query_glob_name(row->asset.host, host))
            continue;
        struct asset_address *grown =
            query_assets_room(a->addresses, a->address_count, &a->address_capacity, sizeof *grown);
        if (!grown)
            return no_memory(l->err);
        a->addresses = grown;
        a->addresses[a->address_count++] = (struct asset_address){a->others[i], ip};
    }
    return 0;
}

static struct served *served_find(struct service_look *l, struct btr_span ip, uint32_t port)
{
    uint8_t bytes[4] = {(uint8_t)port, (uint8_t)(port >> 8), 0, 0};
    struct btr_span parts[] = {ip, {bytes, sizeof bytes}};
    uint32_t at = btr_idmap_add(&l->known, btr_id_of(parts, 2), l->count);
    if (at < l->count)
        return &l->served[at];
    if (at == UINT32_MAX)
        return NULL;
    struct served *grown = query_assets_room(l->served, l->count, &l->capacity, sizeof *grown);
    if (!grown)
        return NULL;
    l->served = grown;
    struct served *s = &l->served[l->count];
    *s = (struct served){.port = port};
    if (!btr_arena_copy(l->assets->learned, ip, &s->ip))
        return NULL;
    l->count++;
    return s;
}

static int connection_keep(void *self, const struct btr_entity *e)
{
    struct service_look *l = self;
    uint64_t port = 0;
    struct btr_span ip = btr_entity_attr(e, BTR_ATTR_DESTINATION_IP, INT64_MAX);
    btr_span_number(btr_entity_attr(e, BTR_ATTR_DESTINATION_PORT, INT64_MAX), 10, &port);
    bool listens = query_assets_listens(e);
    if (btr_address_is_any(ip) || btr_address_is_loopback(ip) || l->count >= ASSETS_ADDRESSES_MAX ||
        (e->host.size > 0 && !listens))
        return 0; /* a client's half tells nothing of the other */
    struct served *s = served_find(l, ip, (uint32_t)port);
    if (!s)
        return no_memory(l->err);
    if (listens)
        return address_add(l, s->ip, s->port, e->host);
    if (s->count < LOOKS_PER_ADDRESS)
        s->ids[s->count++] = e->id;
    return 0;
}

static bool is_port_of_service(void *self, struct btr_span value)
{
    const struct service_look *l = self;
    const struct btr_assets *a = l->assets;
    uint64_t port = 0;
    if (!btr_span_number(value, 10, &port))
        return false;
    for (uint32_t i = 0; i < a->other_count; i++)
        if (a->rows[a->others[i]].asset.kind == BTR_ASSET_SERVICE &&
            a->rows[a->others[i]].port == port)
            return true;
    return false;
}

static int accepter_find(void *self, const struct btr_flow *flows, uint32_t count)
{
    struct service_look *l = self;
    for (uint32_t i = 0; i < count && l->host.size == 0; i++)
        if (flows[i].operation == BTR_OP_ACCEPT)
            l->host = btr_reader_source(l->reader, flows[i].source).host;
    return 0;
}

static int services_learn(struct service_look *l)
{
    int rc = btr_reader_entities_where(l->reader, BTR_KIND_FLOW, INT64_MIN, INT64_MAX,
                                       BTR_ATTR_DESTINATION_PORT, is_port_of_service, l,
                                       connection_keep, l, l->err);
    for (uint32_t i = 0; rc == 0 && i < l->count; i++) {
        l->host = (struct btr_span){NULL, 0};
        for (uint32_t n = 0; rc == 0 && n < l->served[i].count && l->host.size == 0; n++)
            rc = btr_reader_flows(l->reader, l->served[i].ids[n], BTR_SIDE_ALL, 0, NULL,
                                  accepter_find, l, l->err);
        if (rc == 0 && l->host.size > 0)
            rc = address_add(l, l->served[i].ip, l->served[i].port, l->host);
    }
    return rc;
}

/* ---- All ---- */

static void forget(struct btr_assets *assets)
{
    assets->root_count = assets->address_count = 0;
    if (assets->learned)
        btr_arena_reset(assets->learned);
}

int btr_assets_learn(struct btr_assets *assets, struct btr_reader *reader, struct btr_err *err)
{
    forget(assets);
    if (!assets->learned)
        assets->learned = btr_arena_new(LEARNED_MAX);
    struct btr_arena *arena = btr_arena_new(ENTITY_MAX);
    int rc = assets->learned && arena ? 0 : no_memory(err);
    for (uint32_t i = 0; rc == 0 && i < assets->container_count; i++)
        rc = container_learn(assets, i, reader, arena, err);
    btr_arena_free(arena);
    if (rc < 0 || assets->of_kind[BTR_ASSET_SERVICE] == 0)
        return rc;
    struct service_look l = {.assets = assets, .reader = reader, .err = err};
    rc = services_learn(&l);
    btr_idmap_fini(&l.known);
    free(l.served);
    return rc;
}
