/* Sealed segments as they are, into a bag. */
#include <btr/escape.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bag.h"
#include "bag_tar.h"
#include "catalog_rows.h"
#include "files.h"
#include "segment.h"
#include "segment_write.h"

struct export
{
    const char *store;
    struct store_catalog *catalog;
    struct catalog_segment *rows; /* of which the first `count` go into the bag, by hash */
    uint32_t count;
    struct bag_out *out;
    struct btr_buffer tags; /* the tag manifest */
    struct btr_bag_stat *stat;
};

/* ---- Which ---------------------------------------------------------------------------------- */

static bool host_fits(const struct catalog_segment *row, const char *glob)
{
    char name[UINT8_MAX + 1];
    for (unsigned at = 0; glob && at < row->hosts_size; at += 1U + row->hosts[at]) {
        memcpy(name, row->hosts + at + 1, row->hosts[at]);
        name[row->hosts[at]] = '\0';
        if (fnmatch(glob, name, 0) == 0)
            return true;
    }
    return !glob || !row->hosts_told;
}

static int bag_row_compare(const void *x, const void *y)
{
    const struct catalog_segment *a = x, *b = y;
    return btr_id_compare(a->hash, b->hash);
}

/* A segment without events has no time: it goes with every export of all hosts and times. */
static bool row_fits(const struct catalog_segment *row, const struct btr_export_options *o)
{
    if (row->sealed.event_count == 0)
        return o->since_ns == INT64_MIN && o->until_ns == INT64_MAX && host_fits(row, o->hosts);
    return row->sealed.first_ns <= o->until_ns && row->sealed.last_ns >= o->since_ns &&
           host_fits(row, o->hosts);
}

static int rows_choose(struct export *x, const struct btr_export_options *o, struct btr_err *err)
{
    uint32_t all = 0;
    int rc = store_catalog_segments(x->catalog, &x->rows, &all, err);
    for (uint32_t i = 0; rc == 0 && i < all; i++) {
        if (!row_fits(&x->rows[i], o))
            continue;
        x->rows[x->count++] = x->rows[i];
        x->stat->segments++;
        x->stat->events += x->rows[i].sealed.event_count;
        x->stat->bytes += x->rows[i].file_size;
    }
    if (rc == 0 && x->count == 0)
        rc = btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "%s: no segment in that time of such hosts",
                      x->store);
    if (x->count > 1) /* names in their order, whatever that of the keys */
        qsort(x->rows, x->count, sizeof(*x->rows), bag_row_compare);
    return rc;
}

/* ---- Tag files ------------------------------------------------------------------------------ */

static void hex(struct btr_buffer *b, const uint8_t *bytes)
{
    for (unsigned i = 0; i < BTR_SHA256_SIZE; i++)
        btr_buffer_format(b, "%02x", bytes[i]);
}

static void list_line(struct btr_buffer *b, const uint8_t *digest, struct btr_id hash)
{
    char name[BTR_ID_TEXT_SIZE];
    btr_id_text(hash, name);
    hex(b, digest);
    btr_buffer_format(b, "  data/%s.bseg\n", name);
}

/* Adds a tag file, and its line of the tag manifest. Empties `text`. */
static int tag_add(struct export *x, const char *name, struct btr_buffer *text, struct btr_err *err)
{
    char path[BAG_NAME_SIZE];
    uint8_t digest[BTR_SHA256_SIZE];
    struct btr_span bytes = btr_buffer_view(text);
    if (text->failed || !btr_sha256_of(&bytes, 1, digest))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    hex(&x->tags, digest);
    btr_buffer_format(&x->tags, "  %s\n", name);
    (void)snprintf(path, sizeof(path), BAG_ROOT "%s", name);
    int rc = bag_out_add(x->out, path, bytes, err);
    btr_buffer_clear(text);
    return rc;
}

static int input_line(void *self, const struct btr_input *i)
{
    struct btr_buffer *b = self;
    const struct {
        const char *name;
        struct btr_span value;
    } texts[] = {{"{\"name\":", i->name},
                 {",\"host\":", i->host},
                 {",\"format\":", i->format},
                 {",\"case\":", i->case_id},
                 {",\"tool\":", i->tool}};
    for (size_t n = 0; n < sizeof(texts) / sizeof(*texts); n++) {
        btr_buffer_text(b, texts[n].name);
        btr_escape_json(b, texts[n].value);
    }
    btr_buffer_format(b, ",\"size\":%" PRIu64 ",\"sha256\":\"", i->file_size);
    hex(b, i->file_sha256);
    btr_buffer_format(b, "\",\"content_size\":%" PRIu64 ",\"content_sha256\":\"", i->content_size);
    hex(b, i->content_sha256);
    btr_buffer_format(b, "\",\"read_ns\":%" PRId64 ",\"records\":%" PRIu64 "}\n", i->read_ns,
                      i->records);
    return 0;
}

static int tags_add(struct export *x, struct btr_err *err)
{
    struct btr_buffer text = {0};
    struct catalog_head head;
    int rc = store_catalog_head(x->catalog, &head, err);
    btr_buffer_text(&text, BAG_DECLARATION_TEXT);
    if (rc == 0)
        rc = tag_add(x, BAG_DECLARATION, &text, err);
    btr_buffer_format(&text, "Payload-Oxum: %" PRIu64 ".%u\nBacktrail-Head: ", x->stat->bytes,
                      (unsigned)x->count);
    hex(&text, head.head);
    btr_buffer_format(&text, "\nBacktrail-Changes: %" PRIu64 "\n", head.sequence);
    if (rc == 0)
        rc = tag_add(x, BAG_INFO, &text, err);
    for (uint32_t i = 0; i < x->count; i++)
        list_line(&text, x->rows[i].sha256, x->rows[i].hash);
    if (rc == 0)
        rc = tag_add(x, BAG_MANIFEST, &text, err);
    for (uint32_t i = 0; i < x->count; i++)
        list_line(&text, x->rows[i].root, x->rows[i].hash);
    if (rc == 0)
        rc = tag_add(x, BAG_ROOTS, &text, err);
    if (rc == 0)
        rc = store_catalog_inputs(x->catalog, NULL, input_line, &text, err);
    if (rc == 0)
        rc = tag_add(x, BAG_INPUTS, &text, err);
    btr_buffer_fini(&text);
    return rc < 0 ? rc : bag_out_add(x->out, BAG_ROOT BAG_TAGS, btr_buffer_view(&x->tags), err);
}

/* ---- Segments ------------------------------------------------------------------------------- */

/* A damaged file is no evidence of what was sealed: it ends the export. */
static int segment_add(struct export *x, const struct catalog_segment *row, struct btr_err *err)
{
    char path[STORE_PATH_SIZE], name[BAG_NAME_SIZE];
    struct store_segment *seg = calloc(1, sizeof(*seg));
    if (!seg)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    btr_id_text(row->hash, seg->name);
    (void)snprintf(name, sizeof(name), BAG_ROOT "data/%s.bseg", seg->name);
    int rc = store_files_path(path, x->store, row)
                 ? store_segment_map(seg, path, row->file_size, err)
                 : btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    if (rc == 0) {
        int proof = store_segment_prove(row, seg->bytes);
        if (proof != 1)
            rc = btr_fail(err, proof < 0 ? proof : BTR_E_CHECKSUM, UINT64_MAX,
                          "segment %s: not the one that was published", seg->name);
    }
    if (rc == 0)
        rc = bag_out_add(x->out, name, seg->bytes, err);
    store_segment_close(seg);
    free(seg);
    return rc;
}

int btr_store_export(const char *path, const char *file, const struct btr_export_options *options,
                     struct btr_bag_stat *out, struct btr_err *err)
{
    struct export x = {.store = path, .stat = out};
    *out = (struct btr_bag_stat){0};
    int rc = store_catalog_open(&x.catalog, path, false, err);
    if (rc == BTR_E_NOTFOUND)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: no store there", path);
    if (rc == 0 && x.catalog)
        rc = rows_choose(&x, options, err);
    if (rc == 0)
        rc = bag_out_new(&x.out, file, err);
    if (rc == 0)
        rc = tags_add(&x, err);
    for (uint32_t i = 0; rc == 0 && i < x.count; i++)
        rc = segment_add(&x, &x.rows[i], err);
    if (rc == 0)
        rc = bag_out_finish(x.out, err);
    bag_out_free(x.out);
    btr_buffer_fini(&x.tags);
    free(x.rows);
    store_catalog_close(x.catalog);
    return rc;
}
