#include "holds.h"

#include <btr/clock.h>
#include <btr/list.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "catalog_env.h"
#include "catalog_rows.h"
#include "take.h"

enum { HOLD_KEY_SIZE = 8 };

/* ---- Rows ----------------------------------------------------------------------------------- */

static bool hold_get(struct btr_span key, struct btr_span value, struct btr_hold *hold)
{
    struct btr_cursor c = {.rest = value};
    uint64_t since, until, added;
    if (key.size != HOLD_KEY_SIZE || !btr_cursor_u64(&c, &since) || !btr_cursor_u64(&c, &until) ||
        !btr_cursor_u64(&c, &added) || !catalog_text_get(&c, &hold->host) ||
        !catalog_text_get(&c, &hold->why) || c.rest.size != 0 ||
        hold->host.size > BTR_HOLD_HOST_MAX)
        return false;
    hold->id = catalog_number_of(key.at);
    hold->since_ns = (int64_t)since;
    hold->until_ns = (int64_t)until;
    hold->added_ns = (int64_t)added;
    return true;
}

struct holds_load {
    struct store_holds *holds;
    uint32_t capacity;
    int failed;
};

static int holds_end(struct holds_load *load, int code)
{
    load->failed = code;
    return CATALOG_VISIT_END;
}

static int hold_visit(void *self, struct btr_span key, struct btr_span value)
{
    struct holds_load *load = self;
    struct store_holds *h = load->holds;
    struct btr_hold hold;
    if (!hold_get(key, value, &hold))
        return holds_end(load, BTR_E_FORMAT);
    if (!btr_list_room(&h->rows, h->count, &load->capacity, 16, sizeof *h->rows))
        return holds_end(load, BTR_E_NOMEM);
    if (!btr_arena_copy(h->arena, hold.host, &hold.host) ||
        !btr_arena_copy(h->arena, hold.why, &hold.why))
        return holds_end(load, BTR_E_NOMEM);
    h->rows[h->count++] = hold;
    return 0;
}

int store_holds_load(struct store_holds *out, struct store_catalog *c, struct btr_err *err)
{
    struct holds_load load = {.holds = out};
    *out = (struct store_holds){.arena = btr_arena_new(SIZE_MAX / 4)};
    if (!out->arena)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    int rc = c->has_holds
                 ? catalog_table_visit(c, c->holds, (struct btr_span){0}, hold_visit, &load)
                 : 0;
    if (load.failed)
        return btr_fail(err, load.failed, UINT64_MAX,
                        load.failed == BTR_E_NOMEM ? "%s: out of memory"
                                                   : "%s: a hold in the catalog is malformed",
                        c->path);
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "read");
}

void store_holds_fini(struct store_holds *holds)
{
    btr_arena_free(holds->arena);
    free(holds->rows);
    *holds = (struct store_holds){0};
}

/* ---- What they touch ------------------------------------------------------------------------ */

/* A name with a byte 0 is none that a glob could tell apart: it counts as fitting. */
static bool host_fits(const struct btr_hold *hold, struct btr_span host)
{
    char glob[BTR_HOLD_HOST_MAX + 1] = "", name[BTR_HOLD_HOST_MAX + 1] = "";
    if (host.size > BTR_HOLD_HOST_MAX || (host.size > 0 && memchr(host.at, 0, host.size)))
        return true;
    if (hold->host.size > 0)
        memcpy(glob, hold->host.at, hold->host.size);
    if (host.size > 0)
        memcpy(name, host.at, host.size);
    return fnmatch(glob, name, 0) == 0;
}

static bool time_fits(const struct btr_hold *hold, int64_t first_ns, int64_t last_ns)
{
    return hold->since_ns <= last_ns && hold->until_ns >= first_ns;
}

static bool segment_fits(const struct btr_hold *hold, const struct catalog_segment *row)
{
    if (!time_fits(hold, row->sealed.first_ns, row->sealed.last_ns))
        return false;
    for (unsigned at = 0; at < row->hosts_size; at += 1U + row->hosts[at])
        if (host_fits(hold, (struct btr_span){row->hosts + at + 1, row->hosts[at]}))
            return true;
    return !row->hosts_told;
}

const struct btr_hold *store_holds_segment(const struct store_holds *holds,
                                           const struct catalog_segment *row)
{
    for (uint32_t i = 0; i < holds->count; i++)
        if (segment_fits(&holds->rows[i], row))
            return &holds->rows[i];
    return NULL;
}

static bool kept_fits(const struct btr_hold *hold, const struct catalog_kept *row)
{
    struct btr_cursor c = {.rest = row->hosts};
    struct btr_span host;
    if (!time_fits(hold, row->first_ns, row->last_ns))
        return false;
    while (catalog_text_get(&c, &host))
        if (host_fits(hold, host))
            return true;
    return false;
}

const struct btr_hold *store_holds_kept(const struct store_holds *holds,
                                        const struct catalog_kept *row)
{
    for (uint32_t i = 0; i < holds->count; i++)
        if (kept_fits(&holds->rows[i], row))
            return &holds->rows[i];
    return NULL;
}

/* ---- Adding and removing -------------------------------------------------------------------- */

/* Gives an id that no hold had, also none that was removed: who noted one must not mean another. */
static int id_next(struct store_catalog *c, MDB_txn *txn, uint64_t *id)
{
    const struct btr_span given = btr_span_of("hold-last");
    MDB_cursor *cursor = NULL;
    struct btr_span last = {0}, value;
    uint8_t bytes[8];
    int rc = mdb_cursor_open(txn, c->holds, &cursor);
    if (rc != 0)
        return rc;
    rc = catalog_cursor_get(c, cursor, &last, &value, MDB_LAST);
    *id = rc == 0 && last.size == HOLD_KEY_SIZE ? catalog_number_of(last.at) : 0;
    mdb_cursor_close(cursor);
    if (rc == 0 || rc == MDB_NOTFOUND)
        rc = catalog_row_get(c, txn, c->meta, given, &value);
    if (rc == 0 && value.size != sizeof(bytes))
        return CATALOG_ROW_BAD;
    if (rc == 0 && store_get_u64(value.at) > *id)
        *id = store_get_u64(value.at);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    store_put_u64(bytes, ++*id);
    return catalog_row_put(txn, c->meta, given, (struct btr_span){bytes, sizeof(bytes)});
}

static int hold_put(struct store_catalog *c, MDB_txn *txn, const struct btr_hold *hold,
                    uint64_t *id)
{
    struct btr_buffer row = {0};
    uint8_t key[HOLD_KEY_SIZE];
    int rc = id_next(c, txn, id);
    if (rc != 0)
        return rc;
    catalog_number_key(key, *id);
    btr_buffer_u64(&row, (uint64_t)hold->since_ns);
    btr_buffer_u64(&row, (uint64_t)hold->until_ns);
    btr_buffer_u64(&row, (uint64_t)btr_wall_ns());
    catalog_text_put(&row, hold->host);
    catalog_text_put(&row, hold->why);
    rc = row.failed ? ENOMEM
                    : catalog_row_put(txn, c->holds, (struct btr_span){key, sizeof(key)},
                                      btr_buffer_view(&row));
    btr_buffer_fini(&row);
    return rc;
}

int btr_store_hold_add(const char *path, const struct btr_hold *hold, uint64_t *id,
                       struct btr_err *err)
{
    struct store_taken taken;
    MDB_txn *txn = NULL;
    int rc = store_take(&taken, path, err);
    if (rc == 0) {
        int put = catalog_write_begin(taken.catalog, &txn);
        if (put == 0)
            put = catalog_write_settle(txn, hold_put(taken.catalog, txn, hold, id), NULL);
        rc = put == 0 ? 0 : catalog_fail(err, put, path, "write");
    }
    store_release(&taken);
    return rc;
}

int btr_store_hold_remove(const char *path, uint64_t id, struct btr_err *err)
{
    struct store_taken taken;
    MDB_txn *txn = NULL;
    uint8_t bytes[HOLD_KEY_SIZE];
    catalog_number_key(bytes, id);
    MDB_val key = {sizeof(bytes), bytes};
    int rc = store_take(&taken, path, err);
    if (rc == BTR_E_NOTFOUND)
        rc = err->code = BTR_E_IO;
    if (rc == 0) {
        int put = catalog_write_begin(taken.catalog, &txn);
        if (put == 0)
            put = catalog_write_settle(txn, mdb_del(txn, taken.catalog->holds, &key, NULL), NULL);
        rc = put == MDB_NOTFOUND ? btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "%s: no hold %llu",
                                            path, (unsigned long long)id)
             : put == 0          ? 0
                                 : catalog_fail(err, put, path, "write");
    }
    store_release(&taken);
    return rc;
}

int btr_store_holds(const char *path, btr_hold_visit *visit, void *self, struct btr_err *err)
{
    struct store_catalog *catalog = NULL;
    struct store_holds holds = {0};
    int rc = store_catalog_open(&catalog, path, false, err);
    if (rc == BTR_E_NOTFOUND)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: no store there", path);
    if (rc == 0)
        rc = store_holds_load(&holds, catalog, err);
    for (uint32_t i = 0; rc == 0 && i < holds.count; i++)
        rc = visit(self, &holds.rows[i]);
    store_holds_fini(&holds);
    store_catalog_close(catalog);
    return rc;
}
