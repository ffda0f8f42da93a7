/* Whether thinning a segment would change a closure: in memory, of what a snapshot has. */
#include <stdlib.h>

#include "reader.h"
#include "thin_set.h"

struct certify {
    const struct btr_thin_rule *rule;
    struct store_merger merger;
    btr_certify_visit *visit;
    void *self;
    int worst; /* of the segments */
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while certifying");
}

/* ---- What a segment carries ------------------------------------------------------------------ */

struct told_list {
    struct btr_thin_told *items;
    uint32_t count;
};

static int told_take(void *self, const struct builder_proof *p)
{
    struct told_list *list = self;
    struct btr_thin_told *grown = realloc(list->items, ((size_t)list->count + 1) * sizeof(*grown));
    if (!grown)
        return BTR_E_NOMEM;
    list->items = grown;
    struct btr_thin_told *told = &grown[list->count++];
    *told = (struct btr_thin_told){.events_before = p->events_before,
                                   .events_after = p->events_after,
                                   .entities = p->entities,
                                   .closures = p->closures};
    memcpy(told->root, p->root, sizeof(told->root));
    return 0;
}

/* @return 1 when events of it are thinned, 0, or a failure */
static int told_read(struct certify *c, uint32_t row, struct told_list *list, struct btr_err *err)
{
    struct store_segment *seg = calloc(1, sizeof(*seg));
    if (!seg)
        return out_of_memory(err);
    int rc = store_merge_map(&c->merger, seg, &c->merger.rows[row], err);
    if (rc == 0)
        rc = store_segment_proofs(seg, told_take, list, err);
    if (rc == 0)
        rc = seg->section_of[STORE_COUNTS] != NULL;
    store_merge_unmap(&c->merger, seg, 1);
    return rc == BTR_E_NOMEM ? out_of_memory(err) : rc;
}

/* ---- One segment ---------------------------------------------------------------------------- */

static int segment_prove(struct certify *c, uint32_t row, struct btr_certified *out,
                         struct btr_err *err)
{
    struct thin_set t;
    uint32_t damaged = 0;
    int rc = thin_set_make(&t, &c->merger, row, c->rule, &damaged, err);
    if (rc == 0)
        thin_tell(&c->merger.rows[row], &t, &out->segment);
    if (rc == 0)
        rc = thin_proof_ask(&t, c->rule, &out->segment, err);
    thin_set_fini(&t);
    return rc;
}

static int segment_certify(struct certify *c, uint32_t row, struct btr_err *err)
{
    struct btr_certified out = {0};
    struct told_list list = {0};
    struct thin_set none = {0};
    int rc = told_read(c, row, &list, err);
    thin_tell(&c->merger.rows[row], &none, &out.segment);
    out.told = list.items;
    out.told_count = list.count;
    if (rc == 0)
        rc = segment_prove(c, row, &out, err);
    bool differs = rc == BTR_E_CHECKSUM && out.segment.proof.entities > 0;
    if (store_code_is_damage(rc))
        c->worst = rc;
    if (rc >= 0 || differs)
        rc = c->visit(c->self, &out);
    free(list.items);
    return rc;
}

/* ---- The store ------------------------------------------------------------------------------ */

static bool is_named(const struct catalog_segment *row, const char *const *names, uint32_t count)
{
    char text[BTR_ID_TEXT_SIZE];
    btr_id_text(row->hash, text);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(names[i], text) == 0)
            return true;
    return count == 0;
}

static int names_check(const struct btr_reader *r, const char *const *names, uint32_t count,
                       struct btr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = 0;
        while (k < r->segment_count && !is_named(&r->segments[k].row, &names[i], 1))
            k++;
        if (k == r->segment_count)
            return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "%s: no such segment", names[i]);
    }
    return 0;
}

/* The rows of a snapshot, which keeps their files. @return NULL when out of memory */
static struct catalog_segment *rows_copy(const struct btr_reader *r)
{
    struct catalog_segment *rows = malloc(((size_t)r->segment_count + 1) * sizeof(*rows));
    for (uint32_t i = 0; rows && i < r->segment_count; i++)
        rows[i] = r->segments[i].row;
    return rows;
}

static int rows_certify(struct certify *c, const char *const *names, uint32_t name_count,
                        struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < c->merger.row_count; i++) {
        const struct catalog_segment *row = &c->merger.rows[i];
        if (row->sealed.event_count > 0 && is_named(row, names, name_count))
            rc = segment_certify(c, i, err);
    }
    return rc;
}

int btr_store_certify(const char *path, const struct btr_thin_rule *rule, const char *const *names,
                      uint32_t name_count, btr_certify_visit *visit, void *self,
                      struct btr_err *err)
{
    struct certify c = {.rule = rule, .visit = visit, .self = self};
    struct btr_reader *reader = NULL;
    int rc = btr_reader_open(&reader, &path, 1, err);
    if (rc < 0)
        return rc;
    struct catalog_segment *rows = rows_copy(reader);
    rc = rows ? names_check(reader, names, name_count, err) : out_of_memory(err);
    if (rc == 0)
        rc = store_merger_init(&c.merger, path, NULL, NULL, err);
    if (rc == 0) {
        c.merger.rows = rows; /* lent to a merger that only reads */
        c.merger.row_count = reader->segment_count;
        rc = rows_certify(&c, names, name_count, err);
        c.merger.rows = NULL;
    }
    store_merger_fini(&c.merger);
    free(rows);
    btr_reader_close(reader);
    return rc == 0 ? c.worst : rc;
}
