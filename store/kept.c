/* Kept records of all stores that are asked: which files, which blocks, which records. */
#include <btr/kept.h>
#include <btr/list.h>
#include <stdlib.h>

#include "kept_file.h"
#include "kept_write.h"
#include "pack.h"

enum {
    SLOTS = 256,               /* unpacked blocks */
    SLOTS_SIZE_MAX = 64 << 20, /* bytes of them, but for the one asked last */
    LOOKS_MAX = 4,             /* at the catalog, while files are merged away under a question */
    TARGETS_MAX = 8,           /* inputs of one name and first line that have the line */
};

struct kept_entry {
    struct catalog_kept row;
    uint32_t store;
    struct kept_file file;
    bool is_open;
};

/** Lines of an input that a file has. */
struct kept_reach {
    uint64_t head_hash, first_line, last_line;
    uint32_t entry;
};

struct kept_slot {
    struct kept_block block;
    uint32_t entry, number;
    uint64_t used; /* tick; 0: empty */
    size_t size;
};

/** A record that was found. */
struct kept_ref {
    uint64_t line, hash; /* hash: of its bytes */
    uint32_t entry, block, record;
};

struct btr_kept {
    char **paths;
    uint32_t path_count;
    btr_record_key *key;
    struct btr_arena *arena; /* of the rows */
    void *unpacker;
    struct kept_entry *entries;
    uint32_t entry_count;
    struct kept_reach *reaches; /* by head hash, first line */
    size_t reach_count;
    struct kept_slot slots[SLOTS];
    uint64_t tick;
    bool is_stale;         /* a file was removed since the catalog was read */
    struct kept_ref *refs; /* of the question in hand */
    uint32_t ref_count, ref_capacity;
    struct btr_buffer bytes;
    struct btr_kept_record records[BTR_KEPT_COUNT_MAX];
};

static int no_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory for kept records");
}

/* ---- Opening -------------------------------------------------------------------------------- */

static bool entry_known(const struct btr_kept *k, struct btr_id hash)
{
    for (uint32_t i = 0; i < k->entry_count; i++)
        if (btr_id_equal(k->entries[i].row.hash, hash))
            return true;
    return false;
}

/* What a second store has too counts once. */
static int entries_take(struct btr_kept *k, const struct catalog_kept *rows, uint32_t count,
                        uint32_t store, struct btr_err *err)
{
    size_t most = (size_t)k->entry_count + count + 1;
    struct kept_entry *grown = realloc(k->entries, most * sizeof *grown);
    if (!grown)
        return no_memory(err);
    k->entries = grown;
    for (uint32_t i = 0; i < count; i++)
        if (store == 0 || !entry_known(k, rows[i].hash))
            k->entries[k->entry_count++] = (struct kept_entry){.row = rows[i], .store = store};
    return 0;
}

static int store_take(struct btr_kept *k, uint32_t store, struct btr_err *err)
{
    struct store_catalog *catalog = NULL;
    struct catalog_kept *rows = NULL;
    uint32_t count = 0;
    int rc = store_catalog_open(&catalog, k->paths[store], false, err);
    if (rc == 0)
        rc = store_catalog_kept(catalog, k->arena, &rows, &count, err);
    if (rc == 0)
        rc = entries_take(k, rows, count, store, err);
    free(rows);
    store_catalog_close(catalog);
    return rc;
}

static int reach_compare(const void *x, const void *y)
{
    const struct kept_reach *a = x, *b = y;
    if (a->head_hash != b->head_hash)
        return a->head_hash < b->head_hash ? -1 : 1;
    if (a->first_line != b->first_line)
        return a->first_line < b->first_line ? -1 : 1;
    return btr_id_compare((struct btr_id){0, a->entry}, (struct btr_id){0, b->entry});
}

static int reaches_make(struct btr_kept *k, struct btr_err *err)
{
    size_t count = 0;
    for (uint32_t i = 0; i < k->entry_count; i++)
        count += k->entries[i].row.ranges.size / CATALOG_KEPT_RANGE_SIZE;
    k->reaches = calloc(count + 1, sizeof *k->reaches);
    if (!k->reaches)
        return no_memory(err);
    for (uint32_t i = 0; i < k->entry_count; i++) {
        struct btr_span ranges = k->entries[i].row.ranges;
        for (size_t n = 0; n < ranges.size / CATALOG_KEPT_RANGE_SIZE; n++) {
            struct catalog_kept_range r = catalog_kept_range_get(ranges, n);
            k->reaches[k->reach_count++] =
                (struct kept_reach){r.head_hash, r.first_line, r.last_line, i};
        }
    }
    if (k->reach_count > 1)
        qsort(k->reaches, k->reach_count, sizeof *k->reaches, reach_compare);
    return 0;
}

static void slot_clear(struct kept_slot *s)
{
    kept_block_fini(&s->block);
    s->used = s->size = 0;
}

static void entries_drop(struct btr_kept *k)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        slot_clear(&k->slots[i]);
    for (uint32_t i = 0; i < k->entry_count; i++)
        kept_file_close(&k->entries[i].file);
    free(k->reaches);
    k->reaches = NULL;
    k->reach_count = k->entry_count = 0;
    btr_arena_reset(k->arena);
}

/* Reads what the catalogs name now. */
static int entries_load(struct btr_kept *k, struct btr_err *err)
{
    int rc = 0;
    entries_drop(k);
    k->is_stale = false;
    for (uint32_t i = 0; rc == 0 && i < k->path_count; i++) {
        rc = store_take(k, i, err);
        if (k->path_count > 1 && (rc == BTR_E_FORMAT || rc == BTR_E_CHECKSUM))
            rc = 0; /* passed over as btr_reader_open does, which tells it */
    }
    return rc < 0 ? rc : reaches_make(k, err);
}

int btr_kept_open(struct btr_kept **out, const char *const *paths, uint32_t path_count,
                  btr_record_key *key, struct btr_err *err)
{
    struct btr_kept *k = calloc(1, sizeof *k);
    if (!k)
        return no_memory(err);
    k->key = key;
    k->arena = btr_arena_new(SIZE_MAX / 4);
    k->unpacker = store_unpacker_new();
    k->paths = calloc((size_t)path_count + 1, sizeof *k->paths);
    int rc = k->arena && k->unpacker && k->paths ? 0 : no_memory(err);
    for (uint32_t i = 0; rc == 0 && i < path_count; i++) {
        k->paths[i] = strdup(paths[i]);
        k->path_count++;
        rc = k->paths[i] ? 0 : no_memory(err);
    }
    if (rc == 0)
        rc = entries_load(k, err);
    if (rc < 0) {
        btr_kept_close(k);
        return rc;
    }
    *out = k;
    return 0;
}

void btr_kept_close(struct btr_kept *k)
{
    if (!k)
        return;
    if (k->arena)
        entries_drop(k);
    for (uint32_t i = 0; i < k->path_count; i++)
        free(k->paths[i]);
    free(k->paths);
    free(k->entries);
    free(k->refs);
    btr_buffer_fini(&k->bytes);
    store_unpacker_free(k->unpacker);
    btr_arena_free(k->arena);
    free(k);
}

void btr_kept_stat(const struct btr_kept *k, struct btr_kept_stat *out)
{
    *out = (struct btr_kept_stat){.file_count = k->entry_count};
    for (uint32_t i = 0; i < k->entry_count; i++) {
        out->record_count += k->entries[i].row.record_count;
        out->raw_size += k->entries[i].row.raw_size;
        out->bytes += k->entries[i].row.file_size;
    }
}

/* ---- Files and blocks ----------------------------------------------------------------------- */

/* @return 0, BTR_E_NOTFOUND (its file was removed since), or what it fails with */
static int entry_open(struct btr_kept *k, uint32_t entry, struct btr_err *err)
{
    struct kept_entry *e = &k->entries[entry];
    char path[STORE_PATH_SIZE];
    if (e->is_open)
        return 0;
    if (!store_kept_path(path, k->paths[e->store], &e->row))
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    int rc = kept_file_map(&e->file, path, e->row.file_size, err);
    if (rc < 0)
        kept_file_close(&e->file);
    e->is_open = rc == 0;
    return rc;
}

/* The slot that was used longest ago, or never. */
static struct kept_slot *slot_oldest(struct btr_kept *k)
{
    struct kept_slot *oldest = &k->slots[0];
    for (uint32_t i = 1; i < SLOTS; i++)
        if (k->slots[i].used < oldest->used)
            oldest = &k->slots[i];
    return oldest;
}

static struct kept_slot *slot_empty(struct btr_kept *k)
{
    size_t size = 0;
    for (uint32_t i = 0; i < SLOTS; i++)
        size += k->slots[i].size;
    for (uint32_t i = 0; size > SLOTS_SIZE_MAX && i < SLOTS; i++) {
        struct kept_slot *last = NULL;
        for (uint32_t n = 0; n < SLOTS; n++)
            if (k->slots[n].used > 0 && (!last || k->slots[n].used < last->used))
                last = &k->slots[n];
        size -= last->size;
        slot_clear(last);
    }
    struct kept_slot *s = slot_oldest(k);
    slot_clear(s);
    return s;
}

static int keys_make(struct btr_kept *k, const struct kept_file *file, uint32_t input,
                     struct kept_block *b, struct btr_err *err)
{
    b->keys = calloc(b->count, sizeof *b->keys);
    if (!b->keys)
        return no_memory(err);
    for (uint32_t i = 0; k->key && i < b->count; i++)
        b->keys[i] = k->key(file->inputs[input].format, kept_block_record(b, i));
    return 0;
}

/* A block of an open file; valid until the next call. */
static int block_get(struct btr_kept *k, uint32_t entry, uint32_t number,
                     const struct kept_block **out, struct btr_err *err)
{
    const struct kept_file *file = &k->entries[entry].file;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct kept_slot *s = &k->slots[i];
        if (s->used == 0 || s->entry != entry || s->number != number)
            continue;
        s->used = ++k->tick;
        *out = &s->block;
        return 0;
    }
    struct kept_slot *s = slot_empty(k);
    int rc = kept_file_block(file, k->unpacker, number, &s->block, err);
    if (rc == 0)
        rc = keys_make(k, file, kept_file_row(file, number).input, &s->block, err);
    if (rc < 0) {
        kept_block_fini(&s->block);
        return rc;
    }
    *s = (struct kept_slot){.block = s->block, .entry = entry, .number = number};
    s->used = ++k->tick;
    s->size = kept_file_row(file, number).raw_size;
    *out = &s->block;
    return 0;
}

/* ---- Looking -------------------------------------------------------------------------------- */

/** What is looked for: one line, and then those of the same key around it. */
struct kept_search {
    struct btr_kept *kept;
    const struct btr_kept_place *place;
    uint64_t head_hash, first_line, last_line;
    struct btr_span input; /* only of this name; empty: any */
    uint64_t key;          /* only of this; 0: any that holds the record id */
    bool *other;           /* set where a line was there and did not fit */
    struct btr_err *err;
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Whether a number stands in a record, as decimal digits. */
static bool holds_number(struct btr_span record, uint64_t number)
{
    char digits[24];
    size_t size = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    for (size_t i = 0; i + size <= record.size; i++) {
        const uint8_t *at = memchr(record.at + i, digits[0], record.size - size + 1 - i);
        if (!at)
            return false;
        i = (size_t)(at - record.at);
        bool before = i > 0 && is_digit(at[-1]);
        bool behind = i + size < record.size && is_digit(at[size]);
        if (!before && !behind && memcmp(at, digits, size) == 0)
            return true;
    }
    return false;
}

static bool record_fits(const struct kept_search *s, const struct kept_block *b, uint32_t i)
{
    if (s->key != 0)
        return b->keys[i] == s->key;
    bool fits =
        s->place->record_id == 0 || holds_number(kept_block_record(b, i), s->place->record_id);
    *s->other = *s->other || !fits;
    return fits;
}

static int ref_add(const struct kept_search *s, struct kept_ref ref)
{
    struct btr_kept *k = s->kept;
    if (!btr_list_room(&k->refs, k->ref_count, &k->ref_capacity, 64, sizeof *k->refs))
        return no_memory(s->err);
    k->refs[k->ref_count++] = ref;
    return 0;
}

static int block_search(const struct kept_search *s, uint32_t entry, uint32_t number)
{
    const struct kept_block *b = NULL;
    int rc = block_get(s->kept, entry, number, &b, s->err);
    for (uint32_t i = rc == 0 ? kept_block_line(b, s->first_line) : 0;
         rc == 0 && i < b->count && b->lines[i] <= s->last_line; i++) {
        if (!record_fits(s, b, i))
            continue;
        uint64_t hash = btr_hash64(kept_block_record(b, i));
        rc = ref_add(s, (struct kept_ref){b->lines[i], hash, entry, number, i});
    }
    return rc;
}

static int entry_search(const struct kept_search *s, uint32_t entry)
{
    int rc = entry_open(s->kept, entry, s->err);
    s->kept->is_stale = s->kept->is_stale || rc == BTR_E_NOTFOUND;
    if (rc < 0)
        return rc == BTR_E_NOTFOUND ? 0 : rc; /* removed since, or merged into another */
    const struct kept_file *f = &s->kept->entries[entry].file;
    for (uint32_t i = 0; rc == 0 && i < f->header.block_count; i++) {
        struct kept_row row = kept_file_row(f, i);
        const struct kept_input *in = &f->inputs[row.input];
        if (row.first_line <= s->last_line && row.last_line >= s->first_line &&
            in->head_hash == s->head_hash &&
            (s->input.size == 0 || btr_span_equal(in->name, s->input)))
            rc = block_search(s, entry, i);
    }
    return rc;
}

/* The first of a head hash. */
static size_t reach_first(const struct btr_kept *k, uint64_t head_hash)
{
    size_t low = 0, high = k->reach_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (k->reaches[middle].head_hash < head_hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int search(const struct kept_search *s)
{
    const struct btr_kept *k = s->kept;
    int rc = 0;
    for (size_t i = reach_first(k, s->head_hash);
         rc == 0 && i < k->reach_count && k->reaches[i].head_hash == s->head_hash &&
         k->reaches[i].first_line <= s->last_line;
         i++)
        if (k->reaches[i].last_line >= s->first_line)
            rc = entry_search(s, k->reaches[i].entry);
    return rc;
}

/* A file with two inputs of one first line was asked twice, two inputs of one content told the
 * same. */
static int ref_compare(const void *x, const void *y)
{
    const struct kept_ref *a = x, *b = y;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return (a->hash > b->hash) - (a->hash < b->hash);
}

static void refs_settle(struct btr_kept *k)
{
    uint32_t kept = 0;
    if (k->ref_count > 1)
        qsort(k->refs, k->ref_count, sizeof *k->refs, ref_compare);
    for (uint32_t i = 0; i < k->ref_count; i++)
        if (kept == 0 || ref_compare(&k->refs[kept - 1], &k->refs[i]) != 0)
            k->refs[kept++] = k->refs[i];
    k->ref_count = kept;
}

/* The line that the event names: in an input of that name, else in one of the same first line. */
static int target_find(struct kept_search *s)
{
    s->first_line = s->last_line = s->place->line;
    s->input = s->place->input;
    int rc = search(s);
    if (rc == 0 && s->kept->ref_count == 0) {
        s->input = (struct btr_span){0};
        rc = search(s);
    }
    refs_settle(s->kept);
    return rc;
}

/* All records of the same event as one that was found. */
static int event_gather(struct kept_search *s, const struct kept_ref *target)
{
    const struct kept_block *b = NULL;
    struct btr_kept *k = s->kept;
    int rc = block_get(k, target->entry, target->block, &b, s->err);
    if (rc < 0)
        return rc;
    s->key = b->keys[target->record];
    if (s->key == 0)
        return ref_add(s, *target);
    const struct kept_file *f = &k->entries[target->entry].file;
    s->input = f->inputs[kept_file_row(f, target->block).input].name;
    s->first_line = target->line > BTR_KEPT_NEAR ? target->line - BTR_KEPT_NEAR : 0;
    s->last_line =
        target->line < UINT64_MAX - BTR_KEPT_NEAR ? target->line + BTR_KEPT_NEAR : UINT64_MAX;
    return search(s);
}

static int records_copy(struct btr_kept *k, struct btr_kept_found *out, struct btr_err *err)
{
    size_t at = 0;
    btr_buffer_clear(&k->bytes);
    for (uint32_t i = 0; i < k->ref_count && i < BTR_KEPT_COUNT_MAX; i++) {
        const struct kept_ref *r = &k->refs[i];
        const struct kept_block *b = NULL;
        int rc = block_get(k, r->entry, r->block, &b, err);
        if (rc < 0)
            return rc;
        struct btr_span bytes = kept_block_record(b, r->record);
        if (i > 0 && k->bytes.size + bytes.size > BTR_KEPT_SIZE_MAX)
            break;
        btr_buffer_span(&k->bytes, bytes);
        if (k->bytes.failed)
            return no_memory(err);
        k->records[out->count++] = (struct btr_kept_record){r->line, {NULL, bytes.size}};
    }
    for (uint32_t i = 0; i < out->count; i++) { /* the buffer grows no more */
        k->records[i].bytes.at = k->bytes.at + at;
        at += k->records[i].bytes.size;
    }
    out->records = k->records;
    out->left_out = k->ref_count - out->count;
    return 0;
}

/* One look at what the catalogs named when they were read. */
static int find(struct btr_kept *k, const struct btr_kept_place *place, struct btr_kept_found *out,
                struct btr_err *err)
{
    struct kept_search s = {.kept = k, .place = place, .err = err, .other = &out->other};
    struct kept_ref targets[TARGETS_MAX];
    uint32_t target_count;
    *out = (struct btr_kept_found){0};
    k->ref_count = 0;
    if (!btr_span_number(place->input_digest, 16, &s.head_hash) || place->line == 0)
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "the event names no record");
    int rc = target_find(&s);
    target_count = k->ref_count < TARGETS_MAX ? k->ref_count : TARGETS_MAX;
    if (rc == 0 && target_count == 0)
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "no record is kept of it");
    if (target_count > 0)
        memcpy(targets, k->refs, target_count * sizeof *targets);
    k->ref_count = 0;
    out->other = false;
    for (uint32_t i = 0; rc == 0 && i < target_count; i++)
        rc = event_gather(&s, &targets[i]);
    refs_settle(k);
    return rc < 0 ? rc : records_copy(k, out, err);
}

int btr_kept_find(struct btr_kept *k, const struct btr_kept_place *place,
                  struct btr_kept_found *out, struct btr_err *err)
{
    int rc = find(k, place, out, err);
    for (unsigned looks = 1; k->is_stale && looks < LOOKS_MAX; looks++) {
        int code = entries_load(k, err);
        if (code < 0)
            return code;
        rc = find(k, place, out, err);
    }
    k->is_stale = false; /* pruned: it is not kept any more */
    return rc;
}
