#ifndef BTR_ASSETS_H
#define BTR_ASSETS_H
/**
 * The inventory of assets (docs/LOSS.md, "assets.yaml"), and which entities of a snapshot each row means.
 * The order of work: read, learn, then find and of as often as need be. One thread.
 */
#include <btr/store.h>

/** What a row names. */
enum btr_asset_kind {
    BTR_ASSET_FILES,     /* `path` */
    BTR_ASSET_HOST,      /* a whole host: `host` and none of the others */
    BTR_ASSET_ACCOUNT,   /* `account` */
    BTR_ASSET_CONTAINER, /* a whole container: `container` without `path` */
    BTR_ASSET_SERVICE,   /* `service`: a port that a host serves */
    BTR_ASSET_SHARE,     /* `share`: a network share by its name */
    BTR_ASSET_ADDRESS,   /* `address`: the other end of connections; an exit */
    BTR_ASSET_KINDS,     /* how many there are */
};

/** One row. Spans live as long as the inventory; texts are UTF-8 without control characters. */
struct btr_asset {
    enum btr_asset_kind kind;
    bool is_exit;                             /* classification is "exit": a way out */
    uint32_t line, column;                    /* where the row begins, from 1 */
    struct btr_span name;                     /* no two are equal */
    struct btr_span classification, owner;    /* as written; empty when not told */
    struct btr_span host;                     /* glob; "*" when not told */
    struct btr_span container;                /* glob; empty: a path is the host's own view */
    struct btr_span what;                     /* path, account, service, share or address as written; else empty */
};

struct btr_assets;

enum { BTR_ASSETS_MAX = 100000, BTR_ASSETS_TEXT_MAX = 16 << 20 };

/**
 * Reads an inventory whole, or refuses it.
 * @param out   free with btr_assets_free(); NULL on failure
 * @param text  YAML 1.1 in UTF-8, at most BTR_ASSETS_TEXT_MAX bytes; borrowed for the call
 * @param name  of the file, for messages
 * @return 0, BTR_E_FORMAT (a line that names file, line, column and the thing; err->offset is in `text`),
 *         BTR_E_LIMIT (more or longer than the bounds), BTR_E_NOMEM
 */
int btr_assets_read(struct btr_assets **out, struct btr_span text, const char *name, struct btr_err *err);
void btr_assets_free(struct btr_assets *assets);

uint32_t btr_assets_count(const struct btr_assets *assets);
/** @param i  below the count, in the order of the file */
const struct btr_asset *btr_assets_at(const struct btr_assets *assets, uint32_t i);
/** The word of a kind: "files", "host", ... */
const char *btr_asset_kind_word(enum btr_asset_kind kind);

/**
 * Learns from a snapshot what the inventory does not tell: which of its containers the roots in the records are, and where
 * services are reached. What was learned before is forgotten. Costs a few looks for each listed container and service.
 * @return 0, or a failure of the store
 */
int btr_assets_learn(struct btr_assets *assets, struct btr_reader *reader, struct btr_err *err);

/**
 * Receives an asset that an entity belongs to.
 * @param doubt  NULL, or why that is not certain, one sentence
 * @return 0 to go on; anything else stops and is returned
 */
typedef int btr_asset_visit(void *self, uint32_t asset, const struct btr_entity *entity, const char *doubt);
/**
 * Visits all assets that an entity belongs to, ascending: as a file that they name, in the host's view or a container's; as
 * anything that a whole host told of; as a user, session or process of an account; as a process or file of a container; as a
 * listener or connection of a service or an address; as a share. Costs about what fits, not the number of rows with a path.
 * @return 0, the visitor's value, BTR_E_NOMEM
 */
int btr_assets_of(struct btr_assets *assets, const struct btr_entity *entity, btr_asset_visit *visit, void *self,
                  struct btr_err *err);

/**
 * Visits the entities of a snapshot that stand for assets: files; the host, of a whole host; users and sessions of an
 * account; listeners and connections of a service; shares; connections of an address; container entities of a container.
 * What is inside a host, an account or a container is for btr_assets_of to tell. In the order of ids within a kind of
 * entity, each with its assets ascending. All assets are looked for at once: paths cost a reading of the store's strings
 * and what is found.
 * @return 0, the visitor's value, or a failure of the store
 */
int btr_assets_find(struct btr_assets *assets, struct btr_reader *reader, btr_asset_visit *visit, void *self,
                    struct btr_err *err);

#endif
