#include "catalog.h"

#include <btr/list.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog_env.h"
#include "catalog_lock.h"
#include "catalog_probe.h"
#include "catalog_rows.h"
#include "files.h"
#include "records.h"

enum { LOCK_SIZE = 32 << 10 }; /* bytes of lock.mdb with READERS_MAX readers */
enum { ROOM_LEAST = 1 << 20 }; /* bytes; a write may fail for want of room with fewer */
enum { TABLES_MAX = 16, READERS_MAX = 510 };
/* Address space, not disk: the file grows as it is written. Halved until it fits the process's
 * limit. */
#define MAP_SIZE_MAX ((size_t)64 << 30)
#define MAP_SIZE_MIN ((size_t)16 << 20)

/* An environment must not be open twice in a process (lmdb.h, "Caveats"), so openings share it. */
struct shared_env {
    MDB_env *env;
    dev_t device;
    ino_t inode;
    uint32_t users;
    int lock_fd; /* of a reader without lock.mdb: keeps writers out; else -1 */
    bool writable;
    struct shared_env *next;
};

static struct shared_env *shared_envs;
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

/* On a full disk LMDB's write is cut short, which it calls an error of the disk. */
static int full_fail(struct btr_err *err, int rc, const char *path, const char *doing)
{
    uint64_t room = store_files_free(path);
    if (room >= ROOM_LEAST)
        return btr_fail(err, rc == EIO ? BTR_E_IO : BTR_E_FULL, UINT64_MAX,
                        "%s: cannot %s the catalog: %s", path, doing, mdb_strerror(rc));
    return btr_fail(err, BTR_E_FULL, UINT64_MAX,
                    "%s/catalog/data.mdb: cannot %s the catalog: %s: %llu bytes are free", path,
                    doing, mdb_strerror(ENOSPC), (unsigned long long)room);
}

int catalog_fail(struct btr_err *err, int rc, const char *path, const char *doing)
{
    int code = BTR_E_IO;
    if (rc == CATALOG_DAMAGED)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                        "%s: the catalog is damaged; its segments are files of their own (see "
                        "backtrail store verify)",
                        path);
    if (rc == CATALOG_ROW_BAD)
        return btr_fail(err, BTR_E_CHECKSUM, UINT64_MAX,
                        "%s: cannot %s the catalog: a row is not the one that was written", path,
                        doing);
    if (rc == ENOSPC || rc == EDQUOT || rc == EIO)
        return full_fail(err, rc, path, doing);
    if (rc == MDB_MAP_FULL)
        code = BTR_E_FULL;
    else if (rc == ENOENT)
        code = BTR_E_NOTFOUND;
    else if (rc == ENOMEM)
        code = BTR_E_NOMEM;
    else if (rc == MDB_VERSION_MISMATCH)
        code = BTR_E_VERSION;
    else if (rc == MDB_INVALID || rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND ||
             rc == MDB_INCOMPATIBLE || rc == MDB_NOTFOUND)
        code = BTR_E_FORMAT;
    return btr_fail(err, code, UINT64_MAX, "%s: cannot %s the catalog: %s", path, doing,
                    mdb_strerror(rc));
}

/* ---- Opening -------------------------------------------------------------------------------- */

static int env_try(MDB_env **out, const char *path, bool writer, size_t map_size, unsigned more)
{
    MDB_env *env = NULL;
    int rc = mdb_env_create(&env);
    if (rc != 0)
        return rc;
    if (rc == 0)
        rc = mdb_env_set_maxdbs(env, TABLES_MAX);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(env, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_set_mapsize(env, map_size);
    if (rc == 0)
        rc = mdb_env_open(env, path, MDB_NOTLS | more | (writer ? 0 : MDB_RDONLY), 0600);
    if (rc != 0) {
        mdb_env_close(env);
        return rc;
    }
    *out = env;
    return 0;
}

/* A reader writes to lock.mdb; where it cannot, the lock of the store keeps writers out while it
 * reads. */
static int env_open(struct shared_env *e, const char *path, bool writer)
{
    int rc = catalog_lock_room(path, LOCK_SIZE);
    bool barred = !writer && catalog_lock_is_barred(rc);
    if (barred)
        rc = catalog_lock_share(path, &e->lock_fd);
    if (rc != 0)
        return rc;
    rc = ENOMEM;
    for (size_t size = MAP_SIZE_MAX; rc == ENOMEM && size >= MAP_SIZE_MIN; size /= 2)
        rc = env_try(&e->env, path, writer, size, barred ? MDB_NOLOCK : 0);
    if (rc != 0 && e->lock_fd >= 0)
        (void)close(e->lock_fd);
    return rc;
}

/* For a child process, with which what keeps writers out ends. */
static int env_open_read(MDB_env **out, const char *path)
{
    struct shared_env e = {.lock_fd = -1};
    int rc = env_open(&e, path, false);
    *out = e.env;
    return rc;
}

static int env_share_locked(struct shared_env **out, const char *path, bool writer)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno;
    for (struct shared_env *e = shared_envs; e; e = e->next) {
        if (e->device != st.st_dev || e->inode != st.st_ino)
            continue;
        if (writer && !e->writable)
            return EBUSY;
        e->users++;
        *out = e;
        return 0;
    }
    int rc = catalog_probe(path, env_open_read);
    if (rc != 0)
        return rc;
    struct shared_env *e = calloc(1, sizeof(*e));
    if (!e)
        return ENOMEM;
    e->lock_fd = -1;
    rc = env_open(e, path, writer);
    if (rc != 0) {
        free(e);
        return rc;
    }
    e->device = st.st_dev;
    e->inode = st.st_ino;
    e->users = 1;
    e->writable = writer;
    e->next = shared_envs;
    shared_envs = e;
    *out = e;
    return 0;
}

static int env_share(struct shared_env **out, const char *path, bool writer)
{
    (void)pthread_mutex_lock(&shared_lock);
    int rc = env_share_locked(out, path, writer);
    (void)pthread_mutex_unlock(&shared_lock);
    return rc;
}

static void env_release(struct shared_env *env)
{
    (void)pthread_mutex_lock(&shared_lock);
    if (--env->users == 0) {
        struct shared_env **at = &shared_envs;
        while (*at != env)
            at = &(*at)->next;
        *at = env->next;
        mdb_env_close(env->env);
        if (env->lock_fd >= 0)
            (void)close(env->lock_fd);
        free(env);
    }
    (void)pthread_mutex_unlock(&shared_lock);
}

static int tables_open(struct store_catalog *c, MDB_txn *txn, unsigned flags)
{
    int rc = mdb_dbi_open(txn, "meta", flags, &c->meta);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "segments", flags, &c->segments);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "inputs", flags, &c->inputs);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "states", flags, &c->states);
    return rc;
}

/* Reads c->version in a transaction. */
static int version_check(struct store_catalog *c, MDB_txn *txn, struct btr_err *err)
{
    MDB_val key = {.mv_size = 6, .mv_data = (void *)(uintptr_t) "format"}, value;
    int rc = mdb_get(txn, c->meta, &key, &value);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "read the version of");
    c->version = value.mv_size == 4 ? store_get_u32(value.mv_data) : 0;
    if (c->version == 0)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: the catalog states no version",
                        c->path);
    if (c->version > STORE_CATALOG_VERSION)
        return btr_fail(err, BTR_E_VERSION, UINT64_MAX,
                        "%s: store of format %u, this program reads up to %d", c->path, c->version,
                        STORE_CATALOG_VERSION);
    return 0;
}

int catalog_version_put(struct store_catalog *c, MDB_txn *txn, uint32_t number)
{
    uint8_t version[4];
    store_put_u32(version, number);
    MDB_val key = {.mv_size = 6, .mv_data = (void *)(uintptr_t) "format"};
    MDB_val value = {.mv_size = sizeof(version), .mv_data = version};
    c->version = number;
    return mdb_put(txn, c->meta, &key, &value, 0);
}

/* Tables that not every store has had from its beginning: a writer makes them. */
static int later_tables_open(struct store_catalog *c, MDB_txn *txn, bool writer)
{
    const struct {
        const char *name;
        MDB_dbi *table;
        bool *there;
    } later[] = {{"trash", &c->trash, &c->has_trash}, {"records", &c->records, &c->has_records},
                 {"kept", &c->kept, &c->has_kept},    {"chain", &c->chain, &c->has_chain},
                 {"packs", &c->packs, &c->has_packs}, {"holds", &c->holds, &c->has_holds}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(later) / sizeof(*later); i++) {
        rc = mdb_dbi_open(txn, later[i].name, writer ? MDB_CREATE : 0, later[i].table);
        *later[i].there = rc == 0;
        rc = rc == MDB_NOTFOUND ? 0 : rc;
    }
    return rc;
}

/* The seed of digests of records, which also stores of before are given. */
static int seed_ready(struct store_catalog *c, MDB_txn *txn)
{
    struct btr_span key = btr_span_of("record-seed"), value;
    int rc = catalog_row_get(c, txn, c->meta, key, &value);
    if (rc == 0 && value.size != sizeof(c->record_seed))
        return CATALOG_ROW_BAD;
    if (rc == 0)
        c->record_seed = store_get_u64(value.at);
    if (rc != MDB_NOTFOUND)
        return rc;
    uint8_t seed[sizeof(c->record_seed)];
    if (getentropy(seed, sizeof(seed)) != 0)
        return errno;
    c->record_seed = store_get_u64(seed);
    return catalog_row_put(txn, c->meta, key, (struct btr_span){seed, sizeof(seed)});
}

/* Of a writer: a new store's version, an older store's rows, the seed. */
static int writer_ready(struct store_catalog *c, MDB_txn *txn, struct btr_err *err)
{
    int rc = c->version == 1 ? catalog_upgrade(c, txn, err) : 0;
    if (rc < 0)
        return rc;
    rc = seed_ready(c, txn);
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "open");
}

/* A catalog without a table was never finished: a writer makes them where nothing is that they
 * would have named, a reader finds no store. */
static int tables_take(struct store_catalog *c, MDB_txn *txn, bool writer, struct btr_err *err)
{
    int rc = tables_open(c, txn, 0);
    if (rc == MDB_NOTFOUND && !writer)
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "%s: no store there", c->path);
    if (rc == MDB_NOTFOUND) {
        int code = store_files_none(c->path, err);
        if (code < 0)
            return code;
        rc = tables_open(c, txn, MDB_CREATE);
        if (rc == 0)
            rc = catalog_version_put(c, txn, CATALOG_VERSION_MADE);
    }
    return rc == 0 ? version_check(c, txn, err) : catalog_fail(err, rc, c->path, "open");
}

static int tables_ready(struct store_catalog *c, bool writer, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    int rc = writer ? catalog_write_begin(c, &txn) : catalog_txn_begin(c->env, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "open");
    int code = tables_take(c, txn, writer, err);
    if (code == 0 && (rc = later_tables_open(c, txn, writer)) != 0)
        code = catalog_fail(err, rc, c->path, "open");
    if (code == 0 && writer)
        code = writer_ready(c, txn, err);
    if (code < 0) {
        if (writer)
            catalog_write_drop(txn);
        else
            mdb_txn_abort(txn);
        return code;
    }
    /* also for a reader: keeps the handles of the tables */
    rc = writer ? catalog_write_end(txn) : mdb_txn_commit(txn);
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "open");
}

/*
 * A reader sees the store as it was at one moment, until it closes. A writer may have upgraded the
 * catalog since the tables were opened: then they are opened again.
 */
static int snapshot_begin(struct store_catalog *c, struct btr_err *err)
{
    uint32_t opened;
    do {
        if (c->snapshot)
            mdb_txn_abort(c->snapshot);
        c->snapshot = NULL;
        int rc = tables_ready(c, false, err);
        if (rc < 0)
            return rc;
        opened = c->version;
        rc = catalog_txn_begin(c->env, &c->snapshot);
        if (rc != 0)
            return catalog_fail(err, rc, c->path, "read");
        rc = version_check(c, c->snapshot, err);
        if (rc < 0)
            return rc;
    } while (c->version != opened);
    return 0;
}

/* Whether LMDB's file is missing, or shorter than its two meta pages: its making was cut short, and
 * nothing was ever committed to it. */
static bool catalog_unfinished(const char *file)
{
    struct stat st;
    if (stat(file, &st) != 0)
        return errno == ENOENT;
    return st.st_size < 2 * sysconf(_SC_PAGESIZE);
}

/* A writer makes a catalog where there is none, or begins one anew whose making was cut short. But
 * not beside segments: what it does not name is swept away. */
static int env_take(struct store_catalog *c, bool writer, struct btr_err *err)
{
    char folder[CATALOG_PATH_SIZE + 16], file[CATALOG_PATH_SIZE + 32];
    (void)snprintf(folder, sizeof(folder), "%s/catalog", c->path);
    (void)snprintf(file, sizeof(file), "%s/data.mdb", folder);
    if (writer && catalog_unfinished(file)) {
        int code = store_files_none(c->path, err);
        if (code < 0)
            return code;
        (void)unlink(file);
    }
    int rc = env_share(&c->shared, folder, writer);
    if (rc == EBUSY && !writer)
        return btr_fail(err, BTR_E_BUSY, UINT64_MAX,
                        "%s: a writer is at work, and without the right to write "
                        "catalog/lock.mdb nobody can read beside it",
                        c->path);
    if (rc != 0 && !writer && catalog_unfinished(file))
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "%s: no store there", c->path);
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "open");
}

int store_catalog_open(struct store_catalog **out, const char *store, bool writer,
                       struct btr_err *err)
{
    struct store_catalog *c = calloc(1, sizeof(*c));
    if (!c)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    int size = snprintf(c->path, sizeof(c->path), "%s", store);
    int rc = size < 0 || size >= (int)sizeof(c->path)
                 ? btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long")
                 : env_take(c, writer, err);
    if (rc < 0) {
        free(c);
        return rc;
    }
    c->env = c->shared->env;
    rc = writer ? tables_ready(c, true, err) : snapshot_begin(c, err);
    if (rc < 0) {
        store_catalog_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

void store_catalog_close(struct store_catalog *c)
{
    if (!c)
        return;
    if (c->snapshot)
        mdb_txn_abort(c->snapshot);
    env_release(c->shared);
    free(c);
}

int store_catalog_size(const struct store_catalog *c, uint64_t *size, struct btr_err *err)
{
    char file[CATALOG_PATH_SIZE + 32];
    struct stat st;
    (void)snprintf(file, sizeof(file), "%s/catalog/data.mdb", c->path);
    if (stat(file, &st) != 0)
        return catalog_fail(err, errno, c->path, "measure");
    *size = (uint64_t)st.st_size;
    return 0;
}

/* ---- Reading -------------------------------------------------------------------------------- */

int catalog_row_get(const struct store_catalog *c, MDB_txn *txn, MDB_dbi table, struct btr_span key,
                    struct btr_span *value)
{
    MDB_val k = {.mv_size = key.size, .mv_data = (void *)(uintptr_t)key.at}, v;
    int rc = mdb_get(txn, table, &k, &v);
    if (rc != 0)
        return rc;
    *value = (struct btr_span){v.mv_data, v.mv_size};
    return catalog_row_open(c->version, key, value) ? 0 : CATALOG_ROW_BAD;
}

int catalog_cursor_get(const struct store_catalog *c, MDB_cursor *cursor, struct btr_span *key,
                       struct btr_span *value, MDB_cursor_op op)
{
    MDB_val k = {.mv_size = key->size, .mv_data = (void *)(uintptr_t)key->at}, v;
    int rc = mdb_cursor_get(cursor, &k, &v, op);
    if (rc != 0)
        return rc;
    *key = (struct btr_span){k.mv_data, k.mv_size};
    *value = (struct btr_span){v.mv_data, v.mv_size};
    return catalog_row_open(c->version, *key, value) ? 0 : CATALOG_ROW_BAD;
}

int catalog_table_visit(struct store_catalog *c, MDB_dbi table, struct btr_span from,
                        int (*visit)(void *self, struct btr_span key, struct btr_span value),
                        void *self)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int rc = catalog_read_begin(c, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(txn, table, &cursor);
    if (rc == 0) {
        struct btr_span key = from, value;
        rc = catalog_cursor_get(c, cursor, &key, &value, from.size > 0 ? MDB_SET_RANGE : MDB_FIRST);
        while (rc == 0) {
            rc = visit(self, key, value);
            if (rc == 0)
                rc = catalog_cursor_get(c, cursor, &key, &value, MDB_NEXT);
        }
        mdb_cursor_close(cursor);
    }
    catalog_read_end(c, txn);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

struct segment_list {
    uint32_t version;
    struct catalog_segment *rows;
    uint32_t count, capacity;
    int failed;
};

static int segment_visit(void *self, struct btr_span key, struct btr_span value)
{
    struct segment_list *list = self;
    if (!btr_list_room(&list->rows, list->count, &list->capacity, 64, sizeof *list->rows)) {
        list->failed = BTR_E_NOMEM;
        return CATALOG_VISIT_END;
    }
    if (!catalog_segment_get(list->version, key, value, &list->rows[list->count])) {
        list->failed = BTR_E_FORMAT;
        return CATALOG_VISIT_END;
    }
    list->count++;
    return 0;
}

int store_catalog_segments(struct store_catalog *c, struct catalog_segment **rows, uint32_t *count,
                           struct btr_err *err)
{
    struct segment_list list = {.version = c->version};
    int rc = catalog_table_visit(c, c->segments, (struct btr_span){0}, segment_visit, &list);
    if (list.failed == BTR_E_FORMAT)
        rc = btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: bad segment row in the catalog", c->path);
    else if (list.failed)
        rc = btr_fail(err, list.failed, UINT64_MAX, "out of memory");
    else if (rc != 0)
        rc = catalog_fail(err, rc, c->path, "read");
    if (rc < 0) {
        free(list.rows);
        return rc;
    }
    *rows = list.rows;
    *count = list.count;
    return 0;
}

struct input_visitor {
    const uint64_t *head_hash;
    int (*visit)(void *self, const struct btr_input *input);
    void *self;
    int result;
    bool damaged;
};

static int input_visit(void *self, struct btr_span key, struct btr_span value)
{
    struct input_visitor *v = self;
    struct btr_input input;
    if (key.size != 24 || !catalog_input_get(value, &input)) {
        v->damaged = true;
        return CATALOG_VISIT_END;
    }
    if (v->head_hash && input.head_hash != *v->head_hash)
        return CATALOG_VISIT_END;
    v->result = v->visit(v->self, &input);
    return v->result == 0 ? 0 : CATALOG_VISIT_END;
}

int store_catalog_inputs(struct store_catalog *c, const uint64_t *head_hash,
                         int (*visit)(void *self, const struct btr_input *input), void *self,
                         struct btr_err *err)
{
    struct input_visitor v = {.head_hash = head_hash, .visit = visit, .self = self};
    uint8_t key[8];
    struct btr_span from = {0};
    if (head_hash) {
        store_put_u64(key, *head_hash);
        from = (struct btr_span){key, sizeof(key)};
    }
    int rc = catalog_table_visit(c, c->inputs, from, input_visit, &v);
    if (v.damaged)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: bad input row in the catalog", c->path);
    if (rc != 0 && rc != CATALOG_VISIT_END)
        return catalog_fail(err, rc, c->path, "read");
    return v.result;
}

int store_catalog_state(struct store_catalog *c, struct btr_span format, struct btr_span host,
                        struct btr_buffer *out, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    uint8_t name[16];
    catalog_state_key(name, format, host);
    int rc = catalog_read_begin(c, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "read");
    struct btr_span value;
    rc = catalog_row_get(c, txn, c->states, (struct btr_span){name, sizeof(name)}, &value);
    if (rc == 0)
        btr_buffer_span(out, value);
    catalog_read_end(c, txn);
    if (rc == MDB_NOTFOUND)
        return 0;
    return rc == 0 ? 1 : catalog_fail(err, rc, c->path, "read");
}

/* Goes back from the newest set while they fit into `most`, and stands on the oldest that does. */
static int records_choose(struct store_catalog *c, MDB_cursor *cursor, uint32_t most,
                          uint32_t *loaded, uint64_t *left_out)
{
    struct btr_span key = {0}, value;
    uint64_t sum = 0;
    uint8_t first[8] = {0};
    int rc = catalog_cursor_get(c, cursor, &key, &value, MDB_LAST);
    bool full = false;
    for (; rc == 0; rc = catalog_cursor_get(c, cursor, &key, &value, MDB_PREV)) {
        uint32_t count;
        if (key.size != sizeof(first) || !store_records_count(value, &count))
            return MDB_CORRUPTED;
        full = full || sum + count > most;
        if (full) {
            *left_out += count;
            continue;
        }
        sum += count;
        memcpy(first, key.at, sizeof(first));
    }
    *loaded = (uint32_t)sum;
    if (rc != MDB_NOTFOUND || sum == 0)
        return rc;
    key = (struct btr_span){first, sizeof(first)};
    return catalog_cursor_get(c, cursor, &key, &value, MDB_SET_RANGE);
}

static int records_load(struct store_catalog *c, MDB_cursor *cursor, struct store_records *out,
                        uint32_t most, uint64_t *left_out, struct btr_err *err)
{
    struct btr_span key = {0}, value;
    uint32_t count = 0;
    int rc = records_choose(c, cursor, most, &count, left_out);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return catalog_fail(err, rc, c->path, "read records of");
    if (!store_records_init(out, count))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory for digests of records");
    for (int op = MDB_GET_CURRENT; rc == 0 && count > 0; op = MDB_NEXT) {
        struct btr_err why;
        rc = catalog_cursor_get(c, cursor, &key, &value, (MDB_cursor_op)op);
        int bad = rc == 0 ? store_records_add(out, value, &why) : 0;
        if (bad < 0)
            return btr_fail(err, bad, UINT64_MAX, "%s: catalog: %s", c->path, why.text);
    }
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : catalog_fail(err, rc, c->path, "read");
}

int store_catalog_records(struct store_catalog *c, struct store_records *out, uint32_t most,
                          uint64_t *left_out, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    *left_out = 0;
    store_records_fini(out);
    int rc = c->has_records ? catalog_read_begin(c, &txn) : MDB_NOTFOUND;
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc == 0)
        rc = mdb_cursor_open(txn, c->records, &cursor);
    if (rc != 0) {
        catalog_read_end(c, txn);
        return catalog_fail(err, rc, c->path, "read");
    }
    rc = records_load(c, cursor, out, most, left_out, err);
    mdb_cursor_close(cursor);
    catalog_read_end(c, txn);
    if (rc < 0)
        store_records_fini(out);
    return rc;
}

uint64_t store_catalog_record_seed(const struct store_catalog *c)
{
    return c->record_seed;
}
