/* Retention: what is before a time goes, by one change of the catalog; the files follow. */
#include <btr/clock.h>
#include <stdlib.h>

#include "holds.h"
#include "kept_write.h"
#include "merge_plan.h"
#include "prune.h"
#include "split.h"
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

static void segments_choose(struct prune *p, int64_t before_ns)
{
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

/* The midnight that lies so many days before that of the day from which they are counted. */
static int64_t days_before(int64_t day, uint32_t days)
{
    return days == 0 ? INT64_MIN : (day - days) * STORE_DAY_NS;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* From when on events, and kept records, stay. */
static void bounds_find(const struct prune *p, const struct btr_prune_options *options,
                        int64_t *before_ns, int64_t *records_before_ns)
{
    int64_t now_ns = btr_wall_ns(), newest_ns = 0;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->rows[i].sealed.event_count > 0)
            newest_ns = later(newest_ns, p->rows[i].sealed.last_ns);
    int64_t day = store_day_number(now_ns < newest_ns ? now_ns : newest_ns);
    *before_ns = later(options->before_ns, days_before(day, options->keep_days));
    *records_before_ns = later(later(options->records_before_ns, *before_ns),
                               days_before(day, options->keep_record_days));
}

int store_prune(const char *store, struct store_catalog *catalog,
                const struct btr_prune_options *options, struct btr_prune_stat *out,
                btr_prune_visit *visit, void *self, struct btr_err *err)
{
    struct prune p = {.catalog = catalog, .stat = out};
    struct kept_pruned kept;
    int64_t before_ns, records_before_ns;
    *out = (struct btr_prune_stat){0};
    int rc = store_holds_load(&p.holds, catalog, err);
    if (rc == 0)
        rc = store_catalog_segments(catalog, &p.rows, &p.count, err);
    bounds_find(&p, options, &before_ns, &records_before_ns);
    if (rc == 0) {
        segments_choose(&p, before_ns);
        rc = segments_tell(&p, visit, self);
    }
    if (rc == 0 && !options->dry_run)
        rc = segments_go(&p, err);
    if (rc == 0)
        rc = store_kept_prune(store, catalog, records_before_ns, kept_is_held, &p, options->dry_run,
                              &kept, err);
    if (rc == 0) {
        out->record_files = kept.file_count;
        out->records = kept.record_count;
        out->record_bytes = kept.bytes;
    }
    if (rc == 0 && !options->dry_run && p.going > 0)
        rc = store_trash_empty(store, catalog, err);
    store_holds_fini(&p.holds);
    free(p.rows);
    return rc;
}

int btr_store_prune(const char *path, const struct btr_prune_options *options,
                    struct btr_prune_stat *out, btr_prune_visit *visit, void *self,
                    struct btr_err *err)
{
    struct store_taken taken = {.lock_fd = -1};
    *out = (struct btr_prune_stat){0};
    int rc = options->dry_run ? store_catalog_open(&taken.catalog, path, false, err)
                              : store_take(&taken, path, err);
    if (rc == BTR_E_NOTFOUND)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: no store there", path);
    if (rc == 0 && !options->dry_run)
        rc = store_trash_sweep(path, taken.catalog, err);
    if (rc == 0)
        rc = store_prune(path, taken.catalog, options, out, visit, self, err);
    store_release(&taken);
    return rc;
}
