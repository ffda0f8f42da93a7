/*
 * The chain: a row for each change of what is published, whose head is a digest over the head
 * before it and what came and went. Who notes a head elsewhere can prove later that nothing of
 * before was exchanged, and what was done since.
 */
#include <errno.h>

#include "catalog_chain.h"
#include "catalog_rows.h"

/* ---- Writing -------------------------------------------------------------------------------- */

static void roots_put(struct btr_buffer *b, const struct catalog_segment *rows, uint32_t count)
{
    btr_buffer_varint(b, count);
    for (uint32_t i = 0; i < count; i++)
        btr_buffer_put(b, rows[i].root, sizeof(rows[i].root));
}

static int last_get(struct store_catalog *c, MDB_txn *txn, struct catalog_head *out)
{
    MDB_cursor *cursor = NULL;
    struct btr_span key = {0}, value;
    struct chain_row row;
    *out = (struct catalog_head){0};
    int rc = mdb_cursor_open(txn, c->chain, &cursor);
    if (rc != 0)
        return rc;
    rc = catalog_cursor_get(c, cursor, &key, &value, MDB_LAST);
    if (rc == 0 && !chain_get(key, value, &row))
        rc = CATALOG_ROW_BAD;
    if (rc == 0) {
        *out = (struct catalog_head){.sequence = row.sequence, .time_ns = row.time_ns};
        memcpy(out->head, row.head, sizeof(out->head));
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int catalog_chain_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_change *change)
{
    struct catalog_head last;
    struct btr_buffer b = {0};
    uint8_t key[CHAIN_KEY_SIZE], head[BTR_SHA256_SIZE];
    int rc = last_get(c, txn, &last);
    if (rc != 0)
        return rc;
    catalog_number_key(key, last.sequence + 1);
    btr_buffer_put(&b, last.head, sizeof(last.head));
    btr_buffer_u64(&b, (uint64_t)change->now_ns);
    btr_buffer_u8(&b, (uint8_t)change->kind);
    roots_put(&b, change->added, change->added_count);
    roots_put(&b, change->removed, change->removed_count);
    struct btr_span told = {b.at + sizeof(last.head), b.size - sizeof(last.head)};
    bool ok = !b.failed && chain_head_of(last.sequence + 1, last.head, told, head);
    btr_buffer_put(&b, head, sizeof(head));
    ok = ok && !b.failed;
    rc = ok ? catalog_row_put(txn, c->chain, (struct btr_span){key, sizeof(key)},
                              btr_buffer_view(&b))
            : ENOMEM;
    btr_buffer_fini(&b);
    return rc == 0 ? chain_pack(c, txn, last.sequence + 1) : rc;
}

int store_catalog_head(struct store_catalog *c, struct catalog_head *out, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    *out = (struct catalog_head){0};
    if (!c->has_chain)
        return 0;
    int rc = catalog_read_begin(c, &txn);
    if (rc == 0) {
        rc = last_get(c, txn, out);
        catalog_read_end(c, txn);
    }
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "read the chain of");
}

/* ---- Checking ------------------------------------------------------------------------------- */

/* The roots that the chain has added and not removed, up to a row. */
struct chain_check {
    struct store_catalog *catalog;
    const uint8_t *wanted;
    uint64_t sequence, found_at;
    uint8_t head[BTR_SHA256_SIZE];
    struct btr_idmap by_root; /* of its first half, the place in roots */
    uint8_t (*roots)[BTR_SHA256_SIZE];
    bool *live;
    uint32_t root_count, root_capacity, live_count;
    int failed; /* a code; `why` says which */
    const char *why;
};

static int check_end(struct chain_check *check, int code, const char *why)
{
    check->failed = code;
    check->why = why;
    return CATALOG_VISIT_END;
}

static struct btr_id half_of(const uint8_t *root)
{
    return (struct btr_id){store_get_u64(root), store_get_u64(root + 8)};
}

/* Forgets the roots that were removed, so that the check takes the room of what is live at once. */
static bool roots_forget(struct chain_check *check)
{
    uint32_t kept = 0;
    btr_idmap_clear(&check->by_root);
    for (uint32_t i = 0; i < check->root_count; i++) {
        if (!check->live[i])
            continue;
        memmove(check->roots[kept], check->roots[i], BTR_SHA256_SIZE);
        check->live[kept] = true;
        if (btr_idmap_add(&check->by_root, half_of(check->roots[kept]), kept) == UINT32_MAX)
            return false;
        kept++;
    }
    check->root_count = kept;
    return true;
}

static bool roots_room(struct chain_check *check)
{
    if (check->root_count == check->root_capacity && check->live_count < check->root_count / 2)
        return roots_forget(check);
    if (check->root_count < check->root_capacity)
        return true;
    uint32_t capacity = check->root_capacity == 0 ? 256 : check->root_capacity * 2;
    void *roots = realloc(check->roots, (size_t)capacity * sizeof(*check->roots));
    if (roots)
        check->roots = roots;
    bool *live = realloc(check->live, capacity * sizeof(*live));
    if (live)
        check->live = live;
    if (!roots || !live)
        return false;
    check->root_capacity = capacity;
    return true;
}

static bool is_live(const struct chain_check *check, const uint8_t *root, uint32_t *place)
{
    *place = btr_idmap_get(&check->by_root, half_of(root));
    return *place != UINT32_MAX && check->live[*place] &&
           memcmp(check->roots[*place], root, BTR_SHA256_SIZE) == 0;
}

/* @return false when out of memory */
static bool root_add(struct chain_check *check, const uint8_t *root)
{
    uint32_t place;
    if (is_live(check, root, &place))
        return true; /* the same file was published again */
    if (!roots_room(check))
        return false;
    place = btr_idmap_add(&check->by_root, half_of(root), check->root_count);
    if (place == UINT32_MAX)
        return false;
    if (place == check->root_count)
        check->root_count++;
    memcpy(check->roots[place], root, BTR_SHA256_SIZE);
    check->live[place] = true;
    check->live_count++;
    return true;
}

static int roots_apply(struct chain_check *check, const struct chain_row *row)
{
    for (size_t at = 0; at < row->removed.size; at += BTR_SHA256_SIZE) {
        uint32_t place;
        if (!is_live(check, row->removed.at + at, &place))
            return check_end(check, BTR_E_CHECKSUM, "removes a segment that it never added");
        check->live[place] = false;
        check->live_count--;
    }
    for (size_t at = 0; at < row->added.size; at += BTR_SHA256_SIZE)
        if (!root_add(check, row->added.at + at))
            return check_end(check, BTR_E_NOMEM, "out of memory");
    return 0;
}

static int row_check(void *self, const struct chain_row *row)
{
    struct chain_check *check = self;
    uint8_t head[BTR_SHA256_SIZE];
    if (row->sequence != check->sequence + 1)
        return check_end(check, BTR_E_CHECKSUM, "a row is missing");
    if (!chain_head_of(row->sequence, check->head, row->told, head))
        return check_end(check, BTR_E_NOMEM, "out of memory");
    if (row->head && (memcmp(row->before, check->head, sizeof(head)) != 0 ||
                      memcmp(row->head, head, sizeof(head)) != 0))
        return check_end(check, BTR_E_CHECKSUM, "a head does not follow from what it is of");
    check->sequence = row->sequence;
    memcpy(check->head, head, sizeof(head));
    if (check->wanted && memcmp(check->wanted, head, sizeof(head)) == 0)
        check->found_at = row->sequence;
    return roots_apply(check, row);
}

/* The table of segments must have what the chain comes to, no more and no less. */
static int segments_compare(struct chain_check *check, struct btr_err *err)
{
    struct catalog_segment *rows = NULL;
    uint32_t count = 0, place;
    int rc = store_catalog_segments(check->catalog, &rows, &count, err);
    if (rc < 0)
        return rc;
    bool same = count == check->live_count;
    for (uint32_t i = 0; same && i < count; i++)
        same = is_live(check, rows[i].root, &place);
    free(rows);
    return same ? 0
                : btr_fail(err, BTR_E_CHECKSUM, UINT64_MAX,
                           "%s: the chain does not give the segments that are published",
                           check->catalog->path);
}

static int chain_run(struct chain_check *check, struct btr_err *err)
{
    struct store_catalog *c = check->catalog;
    int rc = chain_visit(c, row_check, check);
    if (rc == CHAIN_MALFORMED)
        check_end(check, BTR_E_FORMAT, "a row is malformed");
    if (check->failed != 0)
        return btr_fail(err, check->failed, UINT64_MAX, "%s: chain of changes, after %llu: %s",
                        c->path, (unsigned long long)check->sequence, check->why);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "read the chain of");
    rc = segments_compare(check, err);
    if (rc == 0 && check->wanted && check->found_at == 0)
        rc = btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "%s: the chain of changes has no such head",
                      c->path);
    return rc;
}

int store_catalog_chain_verify(struct store_catalog *c, const uint8_t *wanted, uint64_t *found_at,
                               struct btr_err *err)
{
    struct chain_check check = {.catalog = c, .wanted = wanted};
    *found_at = 0;
    if (!c->has_chain || c->version == 1)
        return wanted ? btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX,
                                 "%s: a store of before, which has no chain of changes", c->path)
                      : 0;
    int rc = chain_run(&check, err);
    *found_at = check.found_at;
    btr_idmap_fini(&check.by_root);
    free(check.roots);
    free(check.live);
    return rc;
}

/* ---- What is in the store ------------------------------------------------------------------- */

/* For each root that is asked for, the segments that hold what it held. */
struct holder {
    struct btr_buffer roots;
    bool held;
};

struct holders {
    const uint8_t *wanted; /* count roots */
    struct holder *rows;
    uint32_t count;
};

static bool roots_have(struct btr_span roots, const uint8_t *root)
{
    for (size_t at = 0; at < roots.size; at += BTR_SHA256_SIZE)
        if (memcmp(roots.at + at, root, BTR_SHA256_SIZE) == 0)
            return true;
    return false;
}

/* Takes away the roots that are removed. @return whether there were any */
static bool roots_drop(struct btr_buffer *roots, struct btr_span removed)
{
    size_t left = 0;
    for (size_t at = 0; at < roots->size; at += BTR_SHA256_SIZE) {
        if (roots_have(removed, roots->at + at))
            continue;
        memmove(roots->at + left, roots->at + at, BTR_SHA256_SIZE);
        left += BTR_SHA256_SIZE;
    }
    bool dropped = left < roots->size;
    roots->size = left;
    return dropped;
}

/* A merge hands over to all that it made, a thinning to what is left; what else removes a part of
 * them takes it away. */
static void holder_follow(struct holder *h, const uint8_t *wanted, const struct chain_row *row)
{
    if (h->held && roots_drop(&h->roots, row->removed)) {
        h->held = row->kind == CATALOG_MERGED || row->kind == CATALOG_THINNED;
        btr_buffer_span(&h->roots, row->added);
    }
    if (roots_have(row->added, wanted)) {
        btr_buffer_clear(&h->roots);
        btr_buffer_put(&h->roots, wanted, BTR_SHA256_SIZE);
        h->held = true;
    }
}

static int holders_visit(void *self, const struct chain_row *row)
{
    struct holders *h = self;
    for (uint32_t i = 0; i < h->count; i++)
        holder_follow(&h->rows[i], h->wanted + (size_t)i * BTR_SHA256_SIZE, row);
    return 0;
}

int store_catalog_chain_holds(struct store_catalog *c, const uint8_t *roots, uint32_t count,
                              bool *held, struct btr_err *err)
{
    struct holders h = {
        .wanted = roots, .rows = calloc((size_t)count + 1, sizeof(*h.rows)), .count = count};
    if (!h.rows)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    int rc = chain_visit(c, holders_visit, &h);
    bool failed = false;
    for (uint32_t i = 0; i < count; i++) {
        held[i] = h.rows[i].held;
        failed = failed || h.rows[i].roots.failed;
        btr_buffer_fini(&h.rows[i].roots);
    }
    free(h.rows);
    if (failed)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    if (rc == CHAIN_MALFORMED)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: chain of changes: a row is malformed",
                        c->path);
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "read the chain of");
}
