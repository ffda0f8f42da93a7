/* Retention: what is before a time goes, by one change of the catalog; the files follow. */
#include <btr/clock.h>
#include <stdlib.h>

#include "holds.h"
#include "kept_write.h"
#include "merge_plan.h"
#include "take.h"
#include "trash.h"

struct prune {
    struct store_catalog *catalog;
    struct store_holds holds;
    struct catalog_segment *rows; /* of which the first `going` go */
    uint32_t count, going;
    struct btr_prune_stat *stat;
};

/* A segment without events has no time to go by: it stays. */
static bool is_before(const struct catalog_segment *row, int64_t before_ns)
{
    return row->sealed.event_count > 0 && row->sealed.last_ns < before_ns;
}

static int segments_choose(struct prune *p, int64_t before_ns, struct btr_err *err)
{
    int rc = store_catalog_segments(p->catalog, &p->rows, &p->count, err);
    if (rc < 0)
        return rc;
    store_merge_sort(p->rows, p->count); /* by day and time */
    for (uint32_t i = 0; i < p->count; i++) {
        const struct catalog_segment row = p->rows[i];
        if (!is_before(&row, before_ns))
            continue;
        if (store_holds_segment(&p->holds, &row)) {
            p->stat->held_segments++;
            p->stat->held_events += row.sealed.event_count;
            continue;
        }
        p->rows[p->going++] = row;
        p->stat->segments++;
        p->stat->events += row.sealed.event_count;
        p->stat->bytes += row.file_size;
    }
    return 0;
}

static bool kept_is_held(void *self, const struct catalog_kept *row)
{
    struct prune *p = self;
    bool held = store_holds_kept(&p->holds, row) != NULL;
    p->stat->held_record_files += held;
    return held;
}

/* What goes, told one by one before it goes. */
static int segments_tell(const struct prune *p, btr_prune_visit *visit, void *self)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && visit && i < p->going; i++) {
        const struct catalog_segment *row = &p->rows[i];
        struct btr_pruned told = {.day = row->day,
                                  .event_count = row->sealed.event_count,
                                  .bytes = row->file_size,
                                  .first_ns = row->sealed.first_ns,
                                  .last_ns = row->sealed.last_ns,
                                  .hosts_told = row->hosts_told};
        struct btr_span hosts[CATALOG_HOSTS_SIZE];
        for (unsigned at = 0; at < row->hosts_size; at += 1U + row->hosts[at])
            hosts[told.host_count++] = (struct btr_span){row->hosts + at + 1, row->hosts[at]};
        told.hosts = hosts;
        btr_id_text(row->hash, told.segment);
        rc = visit(self, &told);
    }
    return rc;
}

static int segments_go(struct prune *p, struct btr_err *err)
{
    struct catalog_change change = {.kind = CATALOG_PRUNED,
                                    .now_ns = btr_wall_ns(),
                                    .removed = p->rows,
                                    .removed_count = p->going};
    return p->going == 0 ? 0 : store_catalog_change(p->catalog, &change, NULL, err);
}

static int prune_run(struct prune *p, const char *path, const struct btr_prune_options *options,
                     btr_prune_visit *visit, void *self, struct btr_err *err)
{
    struct kept_pruned kept;
    int64_t records_before_ns = options->records_before_ns > options->before_ns
                                    ? options->records_before_ns
                                    : options->before_ns;
    int rc = store_holds_load(&p->holds, p->catalog, err);
    if (rc == 0)
        rc = segments_choose(p, options->before_ns, err);
    if (rc == 0)
        rc = segments_tell(p, visit, self);
    if (rc == 0 && !options->dry_run)
        rc = segments_go(p, err);
    if (rc == 0)
        rc = store_kept_prune(path, p->catalog, records_before_ns, kept_is_held, p,
                              options->dry_run, &kept, err);
    if (rc == 0) {
        p->stat->record_files = kept.file_count;
        p->stat->records = kept.record_count;
        p->stat->record_bytes = kept.bytes;
    }
    store_holds_fini(&p->holds);
    free(p->rows);
    return rc;
}

int btr_store_prune(const char *path, const struct btr_prune_options *options,
                    struct btr_prune_stat *out, btr_prune_visit *visit, void *self,
                    struct btr_err *err)
{
    struct store_taken taken = {.lock_fd = -1};
    struct prune p = {.stat = out};
    *out = (struct btr_prune_stat){0};
    int rc = options->dry_run ? store_catalog_open(&taken.catalog, path, false, err)
                              : store_take(&taken, path, err);
    if (rc == BTR_E_NOTFOUND)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: no store there", path);
    if (rc == 0 && !options->dry_run)
        rc = store_trash_sweep(path, taken.catalog, err);
    p.catalog = taken.catalog;
    if (rc == 0)
        rc = prune_run(&p, path, options, visit, self, err);
    if (rc == 0 && !options->dry_run)
        rc = store_trash_empty(path, taken.catalog, err);
    store_release(&taken);
    return rc;
}
