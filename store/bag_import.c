/*
 * A bag into a store. It is read twice: the first time nothing is written, so that a bag that is
 * refused changes nothing; the second time every segment is proved again before it is written, and
 * one change of the catalog publishes them all.
 */
#include <btr/clock.h>
#include <stdlib.h>
#include <unistd.h>

#include "bag.h"
#include "bag_tar.h"
#include "catalog_rows.h"
#include "files.h"
#include "pack.h"
#include "segment_facts.h"
#include "segment_write.h"
#include "take.h"
#include "trash.h"

enum { TAGS = 6 };

static const char *const tag_names[TAGS] = {BAG_DECLARATION, BAG_INFO,   BAG_MANIFEST,
                                            BAG_ROOTS,       BAG_INPUTS, BAG_TAGS};
enum tag { TAG_DECLARATION, TAG_INFO, TAG_MANIFEST, TAG_ROOTS, TAG_INPUTS, TAG_TAGS };

struct bag_item {
    struct btr_id hash;
    uint8_t sha256[BTR_SHA256_SIZE], root[BTR_SHA256_SIZE];
    bool seen;
};

struct import {
    const char *file, *store;
    struct store_catalog *catalog; /* NULL the first time */
    struct btr_buffer tags[TAGS];
    bool has_tag[TAGS];
    struct bag_item *items; /* by hash; once all tags are there */
    uint32_t count;
    bool *contained;               /* by item: is in the store already */
    struct catalog_segment *added; /* files that were written */
    uint32_t added_count;
    void *unpacker;
    struct btr_bag_stat *stat;
};

static int bad(const struct import *m, struct btr_err *err, const char *what)
{
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: %s", m->file, what);
}

/* ---- Tag files ------------------------------------------------------------------------------ */

static bool digest_parse(struct btr_span hex, uint8_t out[BTR_SHA256_SIZE])
{
    for (unsigned i = 0; i < BTR_SHA256_SIZE; i++) {
        uint64_t byte;
        if (!btr_span_number((struct btr_span){hex.at + (size_t)2 * i, 2}, 16, &byte))
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

/* Takes a line "DIGEST  NAME". @return false at the end, or *name empty when it is none */
static bool line_next(struct btr_span *text, uint8_t digest[BTR_SHA256_SIZE], struct btr_span *name)
{
    enum { NAME_AT = 2 * BTR_SHA256_SIZE + 2 };
    *name = (struct btr_span){0};
    if (text->size == 0)
        return false;
    const uint8_t *end = memchr(text->at, '\n', text->size);
    size_t size = end ? (size_t)(end - text->at) : text->size;
    if (end && size > NAME_AT && memcmp(text->at + NAME_AT - 2, "  ", 2) == 0 &&
        digest_parse(*text, digest))
        *name = (struct btr_span){text->at + NAME_AT, size - NAME_AT};
    text->at += end ? size + 1 : size;
    text->size -= end ? size + 1 : size;
    return true;
}

/* "data/HASH.bseg" */
static bool segment_parse(struct btr_span name, struct btr_id *hash)
{
    char again[BTR_ID_TEXT_SIZE];
    if (name.size != 5 + 32 + 5 || memcmp(name.at, "data/", 5) != 0 ||
        memcmp(name.at + 37, ".bseg", 5) != 0 ||
        !btr_id_parse((struct btr_span){name.at + 5, 32}, hash))
        return false;
    btr_id_text(*hash, again);
    return memcmp(again, name.at + 5, 32) == 0; /* one hash, one name */
}

/* The manifest makes the items, names ascending; the roots must be of the same. */
static int items_take(struct import *m, struct btr_err *err)
{
    struct btr_span manifest = btr_buffer_view(&m->tags[TAG_MANIFEST]),
                    roots = btr_buffer_view(&m->tags[TAG_ROOTS]), name, root_name;
    uint8_t digest[BTR_SHA256_SIZE];
    size_t most = manifest.size / ((size_t)2 * BTR_SHA256_SIZE) + 1;
    m->items = calloc(most, sizeof(*m->items));
    m->contained = calloc(most, sizeof(*m->contained));
    m->added = calloc(most, sizeof(*m->added));
    if (!m->items || !m->contained || !m->added)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    while (line_next(&manifest, digest, &name)) {
        struct bag_item *item = &m->items[m->count];
        if (!segment_parse(name, &item->hash) ||
            (m->count > 0 && btr_id_compare(item[-1].hash, item->hash) >= 0))
            return bad(m, err, "the manifest is malformed");
        memcpy(item->sha256, digest, sizeof(digest));
        if (!line_next(&roots, item->root, &root_name) || !btr_span_equal(name, root_name))
            return bad(m, err, "the list of roots is not that of the manifest");
        m->count++;
    }
    if (roots.size > 0)
        return bad(m, err, "the list of roots is not that of the manifest");
    return 0;
}

/* What is in the store already: by its name, or merged into others, as the chain tells. */
static int contained_find(struct import *m, struct btr_err *err)
{
    struct catalog_segment *rows = NULL;
    uint32_t count = 0;
    uint8_t *roots = calloc((size_t)m->count + 1, BTR_SHA256_SIZE);
    if (!roots)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    for (uint32_t i = 0; i < m->count; i++)
        memcpy(roots + (size_t)i * BTR_SHA256_SIZE, m->items[i].root, BTR_SHA256_SIZE);
    int rc = store_catalog_chain_holds(m->catalog, roots, m->count, m->contained, err);
    free(roots);
    if (rc == 0)
        rc = store_catalog_segments(m->catalog, &rows, &count, err);
    for (uint32_t i = 0; rc == 0 && i < m->count; i++) {
        struct catalog_segment wanted = {.hash = m->items[i].hash};
        if (count > 0 && bsearch(&wanted, rows, count, sizeof(*rows), catalog_segment_compare))
            m->contained[i] = true;
    }
    free(rows);
    return rc;
}

/* Each tag file but the tag manifest stands in it, once, with its digest. */
static int tags_check(struct import *m, struct btr_err *err)
{
    struct btr_span text = btr_buffer_view(&m->tags[TAG_TAGS]), name,
                    declaration = btr_buffer_view(&m->tags[TAG_DECLARATION]);
    uint8_t told[BTR_SHA256_SIZE], digest[BTR_SHA256_SIZE];
    unsigned i = 0;
    for (; line_next(&text, told, &name); i++) {
        struct btr_span bytes = i < TAG_TAGS ? btr_buffer_view(&m->tags[i]) : text;
        if (i == TAG_TAGS || !btr_span_equal(name, btr_span_of(tag_names[i])))
            return bad(m, err, "the tag manifest is malformed");
        if (!btr_sha256_of(&bytes, 1, digest))
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
        if (memcmp(told, digest, sizeof(digest)) != 0)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                            "%s: %s is not the one of the tag manifest", m->file, tag_names[i]);
    }
    if (i != TAG_TAGS)
        return bad(m, err, "the tag manifest is malformed");
    if (!btr_span_equal(declaration, btr_span_of(BAG_DECLARATION_TEXT)))
        return bad(m, err, "no bag of BagIt 1.0");
    int rc = items_take(m, err);
    return rc == 0 && m->catalog ? contained_find(m, err) : rc;
}

/* ---- Files ---------------------------------------------------------------------------------- */

static struct bag_item *item_find(const struct import *m, struct btr_id hash)
{
    for (uint32_t low = 0, high = m->count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        int c = btr_id_compare(m->items[middle].hash, hash);
        if (c == 0)
            return &m->items[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Hash, SHA-256 and root as the bag tells, and a segment that can be read. Fills the row. */
static int segment_prove(struct import *m, const struct bag_item *item, struct btr_span bytes,
                         struct catalog_segment *row, struct btr_err *err)
{
    struct store_cache cache = {.size_max = 1 << 20};
    struct store_segment *seg = calloc(1, sizeof(*seg));
    struct btr_err why = {0};
    if (!seg)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    btr_id_text(item->hash, seg->name);
    seg->cache = &cache;
    seg->unpacker = m->unpacker;
    int rc = store_segment_open(seg, bytes, &why);
    if (rc == 0)
        rc = store_segment_facts(seg, row, &why);
    if (rc < 0)
        rc = btr_fail(err, rc == BTR_E_NOMEM ? rc : BTR_E_USAGE, UINT64_MAX, "%s: %s", m->file,
                      why.text);
    else if (!btr_id_equal(row->hash, item->hash) ||
             memcmp(row->sha256, item->sha256, sizeof(row->sha256)) != 0 ||
             memcmp(row->root, item->root, sizeof(row->root)) != 0)
        rc = btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                      "%s: segment %s is not the one that the bag tells of", m->file, seg->name);
    store_cache_fini(&cache);
    store_segment_close(seg);
    free(seg);
    return rc;
}

static int segment_take(struct import *m, struct btr_id hash, struct btr_span bytes,
                        struct btr_err *err)
{
    struct catalog_segment row = {0};
    struct bag_item *item = m->items ? item_find(m, hash) : NULL;
    if (!item)
        return bad(m, err, "a segment is not in the manifest, or comes before it");
    if (item->seen)
        return bad(m, err, "a segment is there twice");
    item->seen = true;
    int rc = segment_prove(m, item, bytes, &row, err);
    if (rc < 0 || !m->catalog || m->contained[item - m->items])
        return rc;
    rc = store_catalog_trash_take(m->catalog, row.hash, err);
    if (rc == 0)
        rc = store_files_write(m->store, &row, bytes, NULL, err);
    if (rc == 0)
        m->added[m->added_count++] = row;
    return rc;
}

static int tag_take(struct import *m, const char *name, struct btr_span bytes, struct btr_err *err)
{
    unsigned i = 0;
    while (i < TAGS && strcmp(name, tag_names[i]) != 0)
        i++;
    if (i == TAGS)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: \"%s\" is no file of a bag", m->file,
                        name);
    if (m->has_tag[i])
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: \"%s\" is there twice", m->file, name);
    m->has_tag[i] = true;
    btr_buffer_span(&m->tags[i], bytes);
    if (m->tags[i].failed)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    bool all = true;
    for (unsigned n = 0; n < TAGS; n++)
        all = all && m->has_tag[n];
    return all ? tags_check(m, err) : 0;
}

static int entry_take(struct import *m, const char *name, struct btr_span bytes,
                      struct btr_err *err)
{
    size_t root = strlen(BAG_ROOT);
    struct btr_id hash;
    if (strncmp(name, BAG_ROOT, root) != 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: \"%s\" is no file of a bag", m->file,
                        name);
    if (segment_parse(btr_span_of(name + root), &hash))
        return segment_take(m, hash, bytes, err);
    return tag_take(m, name + root, bytes, err);
}

static int bag_read(struct import *m, struct btr_err *err)
{
    struct bag_in *in = NULL;
    struct btr_buffer bytes = {0};
    char name[BAG_NAME_SIZE];
    int rc = bag_in_new(&in, m->file, err);
    if (rc == 0)
        while ((rc = bag_in_next(in, name, &bytes, err)) == 1)
            if ((rc = entry_take(m, name, btr_buffer_view(&bytes), err)) < 0)
                break;
    btr_buffer_fini(&bytes);
    bag_in_free(in);
    if (rc == 0 && !m->items)
        rc = bad(m, err, "no bag: files of it are missing");
    for (uint32_t i = 0; rc == 0 && i < m->count; i++)
        if (!m->items[i].seen)
            rc = bad(m, err, "a segment of the manifest is missing");
    return rc;
}

static void bag_forget(struct import *m)
{
    for (unsigned i = 0; i < TAGS; i++) {
        btr_buffer_clear(&m->tags[i]);
        m->has_tag[i] = false;
    }
    free(m->items);
    free(m->contained);
    free(m->added);
    m->items = NULL;
    m->contained = NULL;
    m->added = NULL;
    m->count = m->added_count = 0;
}

/* ---- The store ------------------------------------------------------------------------------ */

static int files_publish(struct import *m, struct btr_err *err)
{
    struct catalog_change change = {.kind = CATALOG_IMPORTED,
                                    .now_ns = btr_wall_ns(),
                                    .added = m->added,
                                    .added_count = m->added_count};
    int rc = m->added_count > 0 ? store_catalog_change(m->catalog, &change, NULL, err) : 0;
    for (uint32_t i = 0; rc == 0 && i < m->added_count; i++) {
        m->stat->segments++;
        m->stat->events += m->added[i].sealed.event_count;
        m->stat->bytes += m->added[i].file_size;
    }
    m->stat->known = m->count - m->added_count;
    return rc;
}

/* Of a change that did not come to be. */
static void files_remove(const struct import *m)
{
    char path[STORE_PATH_SIZE];
    for (uint32_t i = 0; i < m->added_count; i++)
        if (store_files_path(path, m->store, &m->added[i]))
            (void)unlink(path); /* else the next writer sweeps it away */
}

static int store_fill(struct import *m, struct btr_err *err)
{
    bag_forget(m);
    int rc = bag_read(m, err);
    if (rc == 0)
        rc = files_publish(m, err);
    if (rc < 0)
        files_remove(m);
    return rc;
}

static int store_open(struct store_taken *taken, const char *path, struct btr_err *err)
{
    *taken = (struct store_taken){.lock_fd = -1};
    int rc = store_files_prepare(path, err);
    if (rc == 0)
        rc = taken->lock_fd = store_files_lock(path, err);
    if (rc >= 0)
        rc = store_catalog_open(&taken->catalog, path, true, err);
    return rc < 0 ? rc : store_trash_sweep(path, taken->catalog, err);
}

int btr_store_import(const char *path, const char *file, struct btr_bag_stat *out,
                     struct btr_err *err)
{
    struct import m = {.file = file, .store = path, .stat = out};
    struct store_taken taken = {.lock_fd = -1};
    *out = (struct btr_bag_stat){0};
    m.unpacker = store_unpacker_new();
    int rc =
        m.unpacker ? bag_read(&m, err) : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    if (rc == 0)
        rc = store_open(&taken, path, err);
    m.catalog = taken.catalog;
    if (rc == 0)
        rc = store_fill(&m, err);
    bag_forget(&m);
    for (unsigned i = 0; i < TAGS; i++)
        btr_buffer_fini(&m.tags[i]);
    store_unpacker_free(m.unpacker);
    store_release(&taken);
    return rc;
}
