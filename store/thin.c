/* Thinning: segments sealed anew with fewer events (btr/thin.h). */
#include <btr/clock.h>

#include <stdlib.h>

#include "holds.h"
#include "merge_plan.h"
#include "pack.h"
#include "segment_facts.h"
#include "segment_write.h"
#include "take.h"
#include "thin_set.h"
#include "trash.h"

enum { WORTH = 100 }; /* one event in so many must go, or a segment is left as it is */

struct thin {
    const char *path;
    const struct btr_thin_rule *rule;
    const struct btr_thin_options *options;
    struct store_merger merger;
    struct store_holds holds;
    struct btr_thin_stat *stat;
    btr_thin_visit *visit;
    void *self;
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while thinning");
}

/* ---- Fewer events --------------------------------------------------------------------------- */

/** What an event that leads others comes to be. */
struct led {
    int64_t last_ns;
    uint64_t bytes;
    uint32_t count, last; /* last: the event that ends last */
};

static struct led *led_make(const struct thin_set *t)
{
    const struct store_builder *b = &t->merger->builder;
    struct led *led = calloc((size_t)b->event_count + 1, sizeof(*led));
    for (uint32_t i = 0; led && i < b->event_count; i++) {
        const struct builder_event *e = &b->events[i];
        struct led *l = &led[t->leader[i]];
        if (l->count == 0 || e->last_ns > l->last_ns) {
            l->last_ns = e->last_ns;
            l->last = i;
        }
        if (e->bytes == BTR_BYTES_UNKNOWN)
            l->bytes = BTR_BYTES_UNKNOWN;
        else
            l->bytes += e->bytes;
        l->count++;
    }
    return led;
}

static struct builder_stand stand_of(const struct store_builder *b, const struct led *l,
                                     uint32_t event)
{
    return (struct builder_stand){.event = event,
                                  .count = l->count,
                                  .last_time_ns = b->events[l->last].time_ns,
                                  .last_record_id = b->events[l->last].record_id,
                                  .last_line = b->events[l->last].line};
}

/* What events stand for after thinning, those of before among them. *count is how many. */
static struct builder_stand *stands_make(const struct thin_set *t, const struct led *led,
                                         uint32_t *count)
{
    const struct store_builder *b = &t->merger->builder;
    struct builder_stand *stands = malloc(((size_t)b->stand_count + t->gone + 1) * sizeof(*stands));
    *count = 0;
    for (uint32_t i = 0, kept = 0; stands && i < b->event_count; i++) {
        const struct builder_stand *before =
            (b->events[i].flags & BTR_EVENT_THINNED) != 0 ? store_builder_stand_of(b, i) : NULL;
        if (before) {
            stands[*count] = *before;
            stands[(*count)++].event = kept;
        } else if (led[i].count > 1) {
            stands[(*count)++] = stand_of(b, &led[i], kept);
        }
        kept += t->leader[i] == i;
    }
    return stands;
}

/* Leaves leaders alone in the builder, each for all that it leads. */
static void events_thin(const struct thin_set *t, const struct led *led)
{
    struct store_builder *b = &t->merger->builder;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->event_count; i++) {
        struct builder_event e = b->events[i];
        if (t->leader[i] != i)
            continue;
        if (led[i].count > 1) {
            e.last_ns = led[i].last_ns;
            e.bytes = led[i].bytes;
            e.flags = (uint8_t)(btr_event_flags_alike(e.flags) | BTR_EVENT_THINNED);
        }
        b->events[kept++] = e;
    }
    b->event_count = kept;
}

static int builder_thin(const struct thin_set *t, struct btr_err *err)
{
    struct store_builder *b = &t->merger->builder;
    struct led *led = led_make(t);
    uint32_t count = 0;
    struct builder_stand *stands = led ? stands_make(t, led, &count) : NULL;
    if (stands) {
        events_thin(t, led);
        free(b->stands);
        b->stands = stands;
        b->stand_count = count;
        b->stand_capacity = count;
    }
    free(led);
    return stands ? 0 : out_of_memory(err);
}

/* ---- One segment ---------------------------------------------------------------------------- */

int thin_proof_ask(const struct thin_set *t, const struct btr_thin_rule *rule,
                   struct btr_thinned *told, struct btr_err *err)
{
    int rc = rule->prove(&t->set, t->leader, &told->proof, err);
    if (rc < 0 || told->proof.equal)
        return rc;
    told->entity = t->ids[told->proof.entity];
    told->other = t->ids[told->proof.other];
    return btr_fail(err, BTR_E_CHECKSUM, UINT64_MAX, "segment %s: thinning would change a closure",
                    told->segment);
}

static int proof_carry(struct store_builder *b, const struct catalog_segment *row,
                       const struct btr_thinned *told, struct btr_err *err)
{
    struct builder_proof proof = {.events_before = told->events,
                                  .events_after = told->events_after,
                                  .entities = told->proof.entities,
                                  .closures = told->proof.closures};
    memcpy(proof.root, row->root_told ? row->root : row->sha256, sizeof(proof.root));
    return store_builder_proof(b, &proof) ? 0 : out_of_memory(err);
}

/* Files that nothing names yet. An old segment may span days: what it becomes does not. */
static int files_write(struct thin *w, const struct catalog_segment *old,
                       const struct seal_input *inputs, struct catalog_segment **made,
                       uint32_t *count, struct btr_err *err)
{
    struct store_merger *m = &w->merger;
    if (strcmp(old->day, SEVERAL_DAYS) != 0)
        return store_segments_write(made, count, w->path, m->catalog, &m->sealer, &m->builder,
                                    inputs, NULL, err);
    *made = calloc(1, sizeof(**made));
    *count = 1;
    return *made ? store_segment_write(*made, w->path, m->catalog, &m->sealer, &m->builder, inputs,
                                       NULL, err)
                 : out_of_memory(err);
}

static int publish(struct thin *w, const struct catalog_segment *old,
                   const struct catalog_segment *made, uint32_t count, struct btr_err *err)
{
    struct catalog_change change = {.kind = CATALOG_THINNED,
                                    .now_ns = btr_wall_ns(),
                                    .added = made,
                                    .added_count = count,
                                    .removed = old,
                                    .removed_count = 1};
    int rc = store_catalog_change(w->merger.catalog, &change, NULL, err);
    return rc < 0 ? rc : store_trash_empty(w->path, w->merger.catalog, err);
}

/* Seals what the builder holds, and names it in the place of the segment that it was. */
static int segment_replace(struct thin *w, const struct thin_set *t,
                           const struct catalog_segment *old, struct btr_thinned *told,
                           struct btr_err *err)
{
    struct store_merger *m = &w->merger;
    struct seal_input *inputs = store_load_inputs(&t->load);
    struct catalog_segment *made = NULL;
    struct store_sealed sealed;
    uint32_t count = 0;
    int rc = inputs ? 0 : out_of_memory(err);
    m->sealer.packer.level = STORE_LEVEL_FINAL;
    if (rc == 0 && w->options->dry_run) {
        rc = store_seal(&m->sealer, &m->builder, inputs, &sealed, err);
        told->bytes_after = m->sealer.packer.file.size;
    } else if (rc == 0) {
        rc = files_write(w, old, inputs, &made, &count, err);
    }
    if (rc == 0 && !w->options->dry_run)
        rc = publish(w, old, made, count, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        told->bytes_after += made[i].file_size;
    if (rc == 0 && count == 1)
        btr_id_text(made[0].hash, told->made);
    free(made);
    free(inputs);
    return rc;
}

void thin_tell(const struct catalog_segment *row, const struct thin_set *t, struct btr_thinned *out)
{
    *out = (struct btr_thinned){.day = row->day,
                                .events = row->sealed.event_count,
                                .events_after = row->sealed.event_count - t->gone,
                                .bytes = row->file_size,
                                .first_ns = row->sealed.first_ns,
                                .last_ns = row->sealed.last_ns};
    btr_id_text(row->hash, out->segment);
}

static int set_thin(struct thin *w, const struct thin_set *t, const struct catalog_segment *row,
                    struct btr_err *err)
{
    struct btr_thinned told;
    thin_tell(row, t, &told);
    if (t->gone < row->sealed.event_count / WORTH + 1) {
        w->stat->left++;
        return 0;
    }
    int rc = w->options->dry_run ? 0 : thin_proof_ask(t, w->rule, &told, err);
    if (rc == 0)
        rc = builder_thin(t, err);
    if (rc == 0 && !w->options->dry_run)
        rc = proof_carry(&w->merger.builder, row, &told, err);
    if (rc == 0)
        rc = segment_replace(w, t, row, &told, err);
    if (rc == BTR_E_CHECKSUM && told.proof.entities > 0 && !told.proof.equal && w->visit)
        (void)w->visit(w->self, &told);
    if (rc < 0)
        return rc;
    w->stat->segments++;
    w->stat->events += told.events;
    w->stat->events_after += told.events_after;
    w->stat->bytes += told.bytes;
    w->stat->bytes_after += told.bytes_after;
    return w->visit ? w->visit(w->self, &told) : 0;
}

/* ---- The store ------------------------------------------------------------------------------ */

static int row_thin(struct thin *w, uint32_t i, struct btr_err *err)
{
    const struct catalog_segment row = w->merger.rows[i];
    struct thin_set t;
    uint32_t damaged = 0;
    if (row.sealed.event_count == 0 || row.sealed.last_ns >= w->options->before_ns)
        return 0;
    if (store_holds_segment(&w->holds, &row)) {
        w->stat->held_segments++;
        w->stat->held_events += row.sealed.event_count;
        return 0;
    }
    int rc = thin_set_make(&t, &w->merger, i, w->rule, &damaged, err);
    if (store_code_is_damage(rc)) {
        w->stat->damaged++;
        rc = 0;
    } else if (rc == 0) {
        rc = set_thin(w, &t, &row, err);
    }
    thin_set_fini(&t);
    return rc;
}

/* One segment after the other: each is judged by what is published then. */
static int rows_thin(struct thin *w, struct btr_err *err)
{
    struct btr_id *hashes = NULL;
    int rc = store_merge_look(&w->merger, err);
    uint32_t count = w->merger.row_count;
    if (rc == 0)
        hashes = malloc(((size_t)count + 1) * sizeof(*hashes));
    if (rc == 0 && !hashes)
        rc = out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        hashes[i] = w->merger.rows[i].hash;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        uint32_t k = 0;
        rc = store_merge_look(&w->merger, err);
        while (rc == 0 && k < w->merger.row_count &&
               !btr_id_equal(w->merger.rows[k].hash, hashes[i]))
            k++;
        if (rc == 0 && k < w->merger.row_count)
            rc = row_thin(w, k, err);
    }
    free(hashes);
    return rc;
}

int btr_store_thin(const char *path, const struct btr_thin_rule *rule,
                   const struct btr_thin_options *options, struct btr_thin_stat *out,
                   btr_thin_visit *visit, void *self, struct btr_err *err)
{
    struct store_taken taken = {.lock_fd = -1};
    struct thin w = {
        .path = path, .rule = rule, .options = options, .stat = out, .visit = visit, .self = self};
    *out = (struct btr_thin_stat){0};
    int rc = store_take(&taken, path, err);
    if (rc == BTR_E_NOTFOUND)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: no store there", path);
    if (rc == 0 && !options->dry_run)
        rc = store_trash_sweep(path, taken.catalog, err);
    if (rc == 0) {
        rc = store_merger_init(&w.merger, path, taken.catalog, NULL, err);
        if (rc == 0)
            rc = store_holds_load(&w.holds, taken.catalog, err);
        if (rc == 0)
            rc = rows_thin(&w, err);
        store_holds_fini(&w.holds);
        store_merger_fini(&w.merger);
    }
    store_release(&taken);
    return rc;
}
