#ifndef QUERY_ASSETS_H
#define QUERY_ASSETS_H
/** An inventory of assets in memory. */
#include <btr/assets.h>
#include <btr/buffer.h>

#include "../filter/compare.h"
#include "../filter/glob.h"

enum {
    ASSETS_CONTAINERS_MAX = 10000,
    ASSETS_MOUNTS_MAX = 1000,  /* of one container */
    ASSETS_NAME_MAX = 512,     /* bytes, of a name, classification or owner */
    ASSETS_HOST_MAX = 255,     /* of a host's, an account's, a container's or a share's glob */
    ASSETS_PATH_MAX = 4096,    /* of a path */
    ASSETS_ADDRESSES_MAX = 65536 /* of services, learned */
};

/** What a row was made into. */
struct asset_row {
    struct btr_asset asset;
    struct btr_span pattern;   /* of files: the glob that paths are held against */
    struct btr_span transport; /* of a service */
    uint32_t port;
    struct query_cidr cidr;    /* of an address */
    struct btr_span spelled;   /* of the pattern, what it begins with: folders, or all of it */
    struct btr_span loose;     /* of the pattern, a glob that its last name fits in any case */
    uint32_t next;             /* row of the same place in the index, or UINT32_MAX */
};

/** A folder of the host that stands inside a container. Both without a slash at the end. */
struct asset_mount {
    struct btr_span outer, inner;
};

struct asset_container {
    struct btr_span host, name; /* host: glob */
    struct btr_span root;       /* folder of the host, without a slash at the end; empty: not told */
    const struct asset_mount *mounts;
    uint32_t mount_count;
};

/** What was learned: a root of the records, and whose it is. */
struct asset_root {
    struct btr_span host, root;
    uint32_t container;
    bool is_shared; /* another listed container has it, too */
};

/** An address under which a host serves a port. */
struct asset_address {
    uint32_t row;
    struct btr_span ip;
};

/** Which sizes occur, up to that of the longest pattern. */
struct asset_sizes {
    uint64_t bits[ASSETS_PATH_MAX / 64 + 2];
};

/** Rows with a path, by the part of the path that they spell out. */
struct asset_index {
    struct btr_u64map first;                   /* hash of a place -> row */
    struct asset_sizes folders, wholes, names; /* of what is spelled out */
    size_t longest;                            /* of folders */
};

/** A folder of the host and what some container calls it, on whatever host: each two once. */
struct asset_pair {
    struct btr_span outer, inner;
    bool outer_leads, inner_leads; /* below it may be what a row spells out, or another pair */
    uint32_t next_outer, next_inner; /* pair of the same folder, or UINT32_MAX */
};

/** The pairs of all containers, for looks at paths whose host and view are not known. */
struct asset_pairs {
    struct asset_pair *items;
    uint32_t count;
    uint32_t *outer_lead, *inner_lead; /* those of which it is true */
    uint32_t outer_lead_count, inner_lead_count;
    struct btr_u64map by_outer, by_inner; /* hash of a folder -> pair */
};

/** What one question finds: rows, each once. */
struct asset_hits {
    uint32_t *rows;      /* count of them */
    uint32_t *stamps;    /* by row: the question that found it */
    const char **doubts; /* by row */
    uint32_t count, stamp;
};

struct btr_assets {
    struct btr_arena *arena;
    struct asset_row *rows;
    uint32_t count, capacity;
    uint32_t of_kind[BTR_ASSET_KINDS]; /* how many */
    uint32_t *others, other_count;     /* rows without a path */
    struct asset_container *containers;
    uint32_t container_count, container_capacity;
    bool has_inner; /* some row has a path of a container's own view */
    struct asset_index index;
    struct asset_pairs pairs;
    struct asset_hits hits;
    struct btr_buffer outer, inner; /* paths of other views, in use */
    struct btr_arena *learned;      /* what roots and addresses point to */
    struct asset_root *roots;
    uint32_t root_count, root_capacity;
    struct asset_address *addresses;
    uint32_t address_count, address_capacity;
};

/** Makes the index, and of each row what is spelled out; patterns must be there. @return false when out of memory */
bool query_assets_index(struct btr_assets *assets);
/** Calls back with each row whose place in the index a path passes; not each of them fits. */
typedef void query_asset_row(void *self, const struct asset_row *row);
void query_assets_places(const struct btr_assets *assets, struct btr_span path,
                         query_asset_row *visit, void *self);

/** Whether a path is a folder or lies in it. @param rest  receives what follows the folder */
bool query_path_under(struct btr_span folder, struct btr_span path, struct btr_span *rest);
/** Writes a folder and what follows it: the reverse. */
void query_path_join(struct btr_buffer *out, struct btr_span folder, struct btr_span rest);
/** Writes the host's name of a path inside a container. @return false when it has none that is
 * known */
bool query_assets_outer(const struct asset_container *c, struct btr_span inner,
                        struct btr_buffer *out);
/** Writes the i-th name inside a container of a path of the host. @param i  0 .. mount_count
 * @return false when there is none */
bool query_assets_inner(const struct asset_container *c, struct btr_span outer, uint32_t i,
                        struct btr_buffer *out);

/**
 * Gathers in assets->hits the rows that an entity belongs to, ascending.
 * @return 0, BTR_E_NOMEM
 */
int query_assets_gather(struct btr_assets *assets, const struct btr_entity *entity);

/** Makes the pairs; the index must be there. @return false when out of memory */
bool query_assets_pairs(struct btr_assets *assets);
/** The first pair of a chain in which all pairs are whose folder this is, and others of its hash. UINT32_MAX: none */
uint32_t query_pairs_of(const struct asset_pairs *pairs, struct btr_span folder, bool inner);
void query_assets_pairs_fini(struct asset_pairs *pairs);
/** Whether a file of this path may belong to a row, whatever its host and whoever sees it. It may be true of
 * more. @return 1, 0, BTR_E_NOMEM */
int query_assets_may_be(struct btr_assets *assets, struct btr_span path);

/** Whether an entity is a connection to the port of a service, or listens there. */
bool query_assets_port_fits(const struct asset_row *row, const struct btr_entity *entity);

/** Whether an entity is a host's own socket that waits at an address. */
bool query_assets_listens(const struct btr_entity *entity);

/** Makes room for one more item of an array that doubles. @return the array, which may have moved,
 * or NULL when out of memory: then it is as it was */
void *query_assets_room(void *items, uint32_t count, uint32_t *capacity, size_t size);

#endif
