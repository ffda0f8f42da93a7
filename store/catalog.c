#include "catalog.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <sys/stat.h>

enum { TABLES_MAX = 8, READERS_MAX = 510, PATH_SIZE = 4096 };
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
    bool writable;
    struct shared_env *next;
};

static struct shared_env *shared_envs;
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

struct store_catalog {
    struct shared_env *shared;
    MDB_env *env;
    MDB_dbi meta, segments, inputs, states;
    char path[PATH_SIZE];
};

static int catalog_fail(struct btr_err *err, int rc, const char *path, const char *doing)
{
    int code = BTR_E_IO;
    if (rc == ENOSPC || rc == EDQUOT || rc == MDB_MAP_FULL)
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

/* On a medium that cannot be written there is no writer either, so no lock is needed. */
static int env_open(MDB_env **out, const char *path, bool writer)
{
    int rc = ENOMEM;
    for (size_t size = MAP_SIZE_MAX; rc == ENOMEM && size >= MAP_SIZE_MIN; size /= 2) {
        rc = env_try(out, path, writer, size, 0);
        if (!writer && (rc == EROFS || rc == EACCES))
            rc = env_try(out, path, writer, size, MDB_NOLOCK);
    }
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
    struct shared_env *e = calloc(1, sizeof(*e));
    if (!e)
        return ENOMEM;
    int rc = env_open(&e->env, path, writer);
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

static int version_check(struct store_catalog *c, MDB_txn *txn, struct btr_err *err)
{
    MDB_val key = {.mv_size = 6, .mv_data = (void *)(uintptr_t) "format"}, value;
    int rc = mdb_get(txn, c->meta, &key, &value);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "read the version of");
    if (value.mv_size != 4)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: the catalog states no version",
                        c->path);
    uint32_t version = store_get_u32(value.mv_data);
    if (version > STORE_CATALOG_VERSION)
        return btr_fail(err, BTR_E_VERSION, UINT64_MAX,
                        "%s: store of format %u, this program reads up to %d", c->path, version,
                        STORE_CATALOG_VERSION);
    return 0;
}

static int version_put(struct store_catalog *c, MDB_txn *txn)
{
    uint8_t version[4];
    store_put_u32(version, STORE_CATALOG_VERSION);
    MDB_val key = {.mv_size = 6, .mv_data = (void *)(uintptr_t) "format"};
    MDB_val value = {.mv_size = sizeof(version), .mv_data = version};
    return mdb_put(txn, c->meta, &key, &value, 0);
}

/* A catalog without a table was never finished: a writer makes them, a reader finds no store. */
static int tables_ready(struct store_catalog *c, bool writer, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(c->env, NULL, writer ? 0 : MDB_RDONLY, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "open");
    rc = tables_open(c, txn, 0);
    if (rc == MDB_NOTFOUND && writer) {
        rc = tables_open(c, txn, MDB_CREATE);
        if (rc == 0)
            rc = version_put(c, txn);
    }
    int code = 0;
    if (rc == MDB_NOTFOUND)
        code = btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "%s: no store there", c->path);
    else if (rc != 0)
        code = catalog_fail(err, rc, c->path, "open");
    else
        code = version_check(c, txn, err);
    if (code < 0) {
        mdb_txn_abort(txn);
        return code;
    }
    rc = mdb_txn_commit(txn); /* also for a reader: keeps the handles of the tables */
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "open");
}

int store_catalog_open(struct store_catalog **out, const char *store, bool writer,
                       struct btr_err *err)
{
    struct store_catalog *c = calloc(1, sizeof(*c));
    if (!c)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    char folder[PATH_SIZE];
    int size = snprintf(folder, sizeof(folder), "%s/catalog", store);
    (void)snprintf(c->path, sizeof(c->path), "%s", store);
    int rc = size < 0 || size >= (int)sizeof(folder) ? ENAMETOOLONG : 0;
    if (rc == 0)
        rc = env_share(&c->shared, folder, writer);
    if (rc != 0) {
        rc = catalog_fail(err, rc, store, "open");
        free(c);
        return rc;
    }
    c->env = c->shared->env;
    rc = tables_ready(c, writer, err);
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
    env_release(c->shared);
    free(c);
}

uint64_t store_catalog_size(const struct store_catalog *c)
{
    char file[PATH_SIZE + 32];
    struct stat st;
    (void)snprintf(file, sizeof(file), "%s/catalog/data.mdb", c->path);
    return stat(file, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static void text_put(struct btr_buffer *b, struct btr_span text)
{
    btr_buffer_varint(b, text.size);
    btr_buffer_span(b, text);
}

static bool text_get(struct btr_cursor *c, struct btr_span *text)
{
    uint64_t size;
    return btr_cursor_varint(c, &size) && size <= c->rest.size &&
           btr_cursor_span(c, (size_t)size, text);
}

static void segment_put(struct btr_buffer *b, const struct catalog_segment *row)
{
    text_put(b, btr_span_of(row->day));
    btr_buffer_put(b, row->sha256, sizeof(row->sha256));
    btr_buffer_u64(b, row->file_size);
    btr_buffer_u32(b, row->sealed.event_count);
    btr_buffer_u32(b, row->sealed.entity_count);
    btr_buffer_u32(b, row->sealed.gap_count);
    btr_buffer_u32(b, row->sealed.undecoded);
    btr_buffer_u64(b, row->sealed.record_count);
    btr_buffer_u64(b, (uint64_t)row->sealed.first_ns);
    btr_buffer_u64(b, (uint64_t)row->sealed.last_ns);
}

static bool times_get(struct btr_cursor *c, int64_t *first_ns, int64_t *last_ns)
{
    uint64_t first, last;
    if (!btr_cursor_u64(c, &first) || !btr_cursor_u64(c, &last))
        return false;
    *first_ns = (int64_t)first;
    *last_ns = (int64_t)last;
    return true;
}

/* A day is part of a path: digits and '-' only. */
static bool day_is_plain(struct btr_span day)
{
    bool plain = day.size > 0 && day.size < STORE_DAY_SIZE;
    for (size_t i = 0; plain && i < day.size; i++)
        plain = (day.at[i] >= '0' && day.at[i] <= '9') || day.at[i] == '-';
    return plain;
}

static bool segment_get(struct btr_span key, struct btr_span value, struct catalog_segment *row)
{
    struct btr_cursor c = {.rest = value};
    struct btr_span day, sha256;
    *row = (struct catalog_segment){0};
    if (key.size != 16 || !text_get(&c, &day) || !day_is_plain(day) ||
        !btr_cursor_span(&c, BTR_SHA256_SIZE, &sha256))
        return false;
    row->hash = (struct btr_id){store_get_u64(key.at), store_get_u64(key.at + 8)};
    memcpy(row->day, day.at, day.size);
    memcpy(row->sha256, sha256.at, sha256.size);
    return btr_cursor_u64(&c, &row->file_size) && btr_cursor_u32(&c, &row->sealed.event_count) &&
           btr_cursor_u32(&c, &row->sealed.entity_count) &&
           btr_cursor_u32(&c, &row->sealed.gap_count) &&
           btr_cursor_u32(&c, &row->sealed.undecoded) &&
           btr_cursor_u64(&c, &row->sealed.record_count) &&
           times_get(&c, &row->sealed.first_ns, &row->sealed.last_ns);
}

static void input_put(struct btr_buffer *b, const struct btr_input *i)
{
    text_put(b, i->name);
    text_put(b, i->host);
    text_put(b, i->format);
    text_put(b, i->case_id);
    text_put(b, i->tool);
    btr_buffer_u64(b, i->file_size);
    btr_buffer_put(b, i->file_sha256, sizeof(i->file_sha256));
    btr_buffer_u64(b, i->head_hash);
    btr_buffer_u64(b, i->content_size);
    btr_buffer_u64(b, i->content_lines);
    btr_buffer_put(b, i->content_sha256, sizeof(i->content_sha256));
    btr_buffer_u64(b, (uint64_t)i->read_ns);
    btr_buffer_u64(b, i->records);
    btr_buffer_u8(b, i->complete ? 1 : 0);
}

static bool digest_get(struct btr_cursor *c, uint8_t digest[BTR_SHA256_SIZE])
{
    struct btr_span bytes;
    if (!btr_cursor_span(c, BTR_SHA256_SIZE, &bytes))
        return false;
    memcpy(digest, bytes.at, bytes.size);
    return true;
}

static bool input_get(struct btr_span value, struct btr_input *i)
{
    struct btr_cursor c = {.rest = value};
    uint64_t read_ns;
    uint8_t complete;
    *i = (struct btr_input){0};
    if (!text_get(&c, &i->name) || !text_get(&c, &i->host) || !text_get(&c, &i->format) ||
        !text_get(&c, &i->case_id) || !text_get(&c, &i->tool) ||
        !btr_cursor_u64(&c, &i->file_size) || !digest_get(&c, i->file_sha256) ||
        !btr_cursor_u64(&c, &i->head_hash) || !btr_cursor_u64(&c, &i->content_size) ||
        !btr_cursor_u64(&c, &i->content_lines) || !digest_get(&c, i->content_sha256) ||
        !btr_cursor_u64(&c, &read_ns) || !btr_cursor_u64(&c, &i->records) ||
        !btr_cursor_u8(&c, &complete))
        return false;
    i->read_ns = (int64_t)read_ns;
    i->complete = complete != 0;
    return true;
}

static void input_key(uint8_t key[24], const struct btr_input *i)
{
    struct btr_id name = btr_id_hash(i->name);
    store_put_u64(key, i->head_hash);
    store_put_u64(key + 8, name.hi);
    store_put_u64(key + 16, name.lo);
}

static void state_key(uint8_t key[16], struct btr_span format, struct btr_span host)
{
    struct btr_span parts[] = {format, host};
    struct btr_id id = btr_id_of(parts, 2);
    store_put_u64(key, id.hi);
    store_put_u64(key + 8, id.lo);
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Visits the rows of a table from a key on. @return 0, what the visit returned, or an LMDB error */
static int table_visit(struct store_catalog *c, MDB_dbi table, struct btr_span from,
                       int (*visit)(void *self, struct btr_span key, struct btr_span value),
                       void *self)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(txn, table, &cursor);
    if (rc == 0) {
        MDB_val key = {.mv_size = from.size, .mv_data = (void *)(uintptr_t)from.at}, value;
        rc = mdb_cursor_get(cursor, &key, &value, from.size > 0 ? MDB_SET_RANGE : MDB_FIRST);
        while (rc == 0) {
            rc = visit(self, (struct btr_span){key.mv_data, key.mv_size},
                       (struct btr_span){value.mv_data, value.mv_size});
            if (rc == 0)
                rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

struct segment_list {
    struct catalog_segment *rows;
    uint32_t count, capacity;
    int failed;
};

/* Inside table_visit every end but 0 is VISIT_END; the reason is kept by the visitor. */
enum { VISIT_END = 1 };

static int segment_visit(void *self, struct btr_span key, struct btr_span value)
{
    struct segment_list *list = self;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct catalog_segment *rows = realloc(list->rows, capacity * sizeof(*rows));
        if (!rows) {
            list->failed = BTR_E_NOMEM;
            return VISIT_END;
        }
        list->rows = rows;
        list->capacity = capacity;
    }
    if (!segment_get(key, value, &list->rows[list->count])) {
        list->failed = BTR_E_FORMAT;
        return VISIT_END;
    }
    list->count++;
    return 0;
}

int store_catalog_segments(struct store_catalog *c, struct catalog_segment **rows, uint32_t *count,
                           struct btr_err *err)
{
    struct segment_list list = {0};
    int rc = table_visit(c, c->segments, (struct btr_span){0}, segment_visit, &list);
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
    if (key.size != 24 || !input_get(value, &input)) {
        v->damaged = true;
        return VISIT_END;
    }
    if (v->head_hash && input.head_hash != *v->head_hash)
        return VISIT_END;
    v->result = v->visit(v->self, &input);
    return v->result == 0 ? 0 : VISIT_END;
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
    int rc = table_visit(c, c->inputs, from, input_visit, &v);
    if (v.damaged)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: bad input row in the catalog", c->path);
    if (rc != 0 && rc != VISIT_END)
        return catalog_fail(err, rc, c->path, "read");
    return v.result;
}

int store_catalog_state(struct store_catalog *c, struct btr_span format, struct btr_span host,
                        struct btr_buffer *out, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    uint8_t name[16];
    state_key(name, format, host);
    int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "read");
    MDB_val key = {.mv_size = sizeof(name), .mv_data = name}, value;
    rc = mdb_get(txn, c->states, &key, &value);
    if (rc == 0)
        btr_buffer_put(out, value.mv_data, value.mv_size);
    mdb_txn_abort(txn);
    if (rc == MDB_NOTFOUND)
        return 0;
    return rc == 0 ? 1 : catalog_fail(err, rc, c->path, "read");
}

/* ---- Writing -------------------------------------------------------------------------------- */

static int row_put(MDB_txn *txn, MDB_dbi table, struct btr_span key, struct btr_span value)
{
    MDB_val k = {.mv_size = key.size, .mv_data = (void *)(uintptr_t)key.at};
    MDB_val v = {.mv_size = value.size, .mv_data = (void *)(uintptr_t)value.at};
    return mdb_put(txn, table, &k, &v, 0);
}

static int rows_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_segment *segment,
                    const struct btr_progress *progress, struct btr_buffer *row)
{
    int rc = 0;
    if (segment) {
        uint8_t key[16];
        store_put_u64(key, segment->hash.hi);
        store_put_u64(key + 8, segment->hash.lo);
        segment_put(row, segment);
        rc = row->failed
                 ? ENOMEM
                 : row_put(txn, c->segments, (struct btr_span){key, 16}, btr_buffer_view(row));
    }
    for (uint32_t i = 0; rc == 0 && i < progress->input_count; i++) {
        uint8_t key[24];
        btr_buffer_clear(row);
        input_key(key, &progress->inputs[i]);
        input_put(row, &progress->inputs[i]);
        rc = row->failed
                 ? ENOMEM
                 : row_put(txn, c->inputs, (struct btr_span){key, 24}, btr_buffer_view(row));
    }
    for (uint32_t i = 0; rc == 0 && i < progress->state_count; i++) {
        uint8_t key[16];
        state_key(key, progress->states[i].format, progress->states[i].host);
        rc = row_put(txn, c->states, (struct btr_span){key, 16}, progress->states[i].bytes);
    }
    return rc;
}

int store_catalog_publish(struct store_catalog *c, const struct catalog_segment *segment,
                          const struct btr_progress *progress, const struct store_faults *faults,
                          struct btr_err *err)
{
    MDB_txn *txn = NULL;
    struct btr_buffer row = {0};
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "write");
    rc = rows_put(c, txn, segment, progress, &row);
    btr_buffer_fini(&row);
    if (rc == 0 && faults && faults->fails(faults->self, "commit"))
        rc = ENOSPC;
    if (rc != 0)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn);
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "write");
}
