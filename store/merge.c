#include "merge.h"

#include <btr/clock.h>
#include <stdlib.h>

#include "kept_merge.h"
#include "once.h"
#include "pack.h"
#include "segment_facts.h"
#include "segment_write.h"
#include "trash.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while merging segments");
}

int store_merger_init(struct store_merger *m, const char *store, struct store_catalog *catalog,
                      const struct store_faults *faults, struct btr_err *err)
{
    *m = (struct store_merger){.store = store, .catalog = catalog, .faults = faults};
    m->cache.size_max = MERGE_CACHE_SIZE;
    m->spread_events = MERGE_EVENTS_MAX;
    m->unpacker = store_unpacker_new();
    if (!store_sealer_init(&m->sealer) || !m->unpacker)
        return out_of_memory(err);
    return 0;
}

static void plan_drop(struct store_merger *m)
{
    free(m->rows);
    free(m->skip);
    free(m->chosen);
    m->rows = NULL;
    m->skip = NULL;
    m->chosen = NULL;
    m->row_count = 0;
}

void store_merger_fini(struct store_merger *m)
{
    plan_drop(m);
    free(m->damaged);
    store_sealer_fini(&m->sealer);
    store_builder_fini(&m->builder);
    store_cache_fini(&m->cache);
    store_unpacker_free(m->unpacker);
}

/* ---- What to merge -------------------------------------------------------------------------- */

static bool is_damaged(const struct store_merger *m, struct btr_id hash)
{
    for (uint32_t i = 0; i < m->damaged_count; i++)
        if (btr_id_equal(m->damaged[i], hash))
            return true;
    return false;
}

int store_merge_look(struct store_merger *m, struct btr_err *err)
{
    plan_drop(m);
    int rc = store_catalog_segments(m->catalog, &m->rows, &m->row_count, err);
    if (rc < 0)
        return rc;
    m->skip = calloc((size_t)m->row_count + 1, sizeof(*m->skip));
    m->chosen = malloc(2 * ((size_t)m->row_count + 1) * sizeof(*m->chosen)); /* to sort, too */
    if (!m->skip || !m->chosen)
        return out_of_memory(err);
    store_merge_sort(m->rows, m->row_count);
    for (uint32_t i = 0; i < m->row_count; i++)
        m->skip[i] = is_damaged(m, m->rows[i].hash);
    m->waiting = store_merge_waiting(m->rows, m->row_count);
    return 0;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* What was changed since it was sealed, however well its checksums fit, must not be sealed anew. */
static int proof_ask(const struct store_segment *seg, const struct catalog_segment *row,
                     struct btr_err *err)
{
    int rc = store_segment_readable(seg, seg->bytes, err);
    if (rc < 0)
        return rc;
    rc = store_segment_prove(row, seg->bytes);
    if (rc < 0)
        return out_of_memory(err);
    return rc == 1 ? 0
                   : btr_fail(err, BTR_E_CHECKSUM, UINT64_MAX,
                              "segment %s: not the one that was published", seg->name);
}

int store_merge_map(struct store_merger *m, struct store_segment *seg,
                    const struct catalog_segment *row, struct btr_err *err)
{
    char path[STORE_PATH_SIZE];
    btr_id_text(row->hash, seg->name);
    seg->cache = &m->cache;
    seg->unpacker = m->unpacker;
    int rc = store_files_path(path, m->store, row)
                 ? store_segment_map(seg, path, row->file_size, err)
                 : btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    return rc < 0 ? rc : proof_ask(seg, row, err);
}

void store_merge_unmap(struct store_merger *m, struct store_segment *segs, uint32_t count)
{
    store_cache_fini(&m->cache); /* before the slots go */
    m->cache = (struct store_cache){.size_max = MERGE_CACHE_SIZE};
    for (uint32_t i = 0; segs && i < count; i++)
        store_segment_close(&segs[i]);
    free(segs);
}

static int segment_take(struct store_merger *m, struct store_load *load,
                        const struct catalog_segment *row, struct btr_err *err)
{
    struct store_segment *seg = calloc(1, sizeof(*seg));
    if (!seg)
        return out_of_memory(err);
    int rc = store_merge_map(m, seg, row, err);
    if (rc == 0)
        rc = store_load_segment(load, seg, err);
    store_merge_unmap(m, seg, 1);
    return rc;
}

int store_merge_damaged(struct store_merger *m, struct btr_id hash, struct btr_err *err)
{
    struct btr_id *grown =
        realloc(m->damaged, ((size_t)m->damaged_count + 1) * sizeof(*m->damaged));
    if (!grown)
        return out_of_memory(err);
    m->damaged = grown;
    m->damaged[m->damaged_count++] = hash;
    m->stat.damaged++;
    return 1;
}

static bool loads_before(const void *self, uint32_t a, uint32_t b)
{
    const struct catalog_segment *rows = self;
    return store_merge_compare(&rows[a], &rows[b]) < 0;
}

/* ---- Merging -------------------------------------------------------------------------------- */

/* @return 0, 1 when stopped or given up because of a damaged segment, or a failure */
static int chosen_load(struct store_merger *m, struct store_load *load, uint32_t count,
                       bool (*stop)(void *self), void *self, struct btr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct catalog_segment *row = &m->rows[m->chosen[i]];
        if (stop && stop(self))
            return 1;
        int rc = segment_take(m, load, row, err);
        if (store_code_is_damage(rc))
            return store_merge_damaged(m, row->hash, err);
        if (rc < 0)
            return rc;
    }
    return stop && stop(self) ? 1 : 0;
}

static int replace(struct store_merger *m, const struct catalog_segment *rows, uint32_t row_count,
                   const struct catalog_segment *old, uint32_t count, struct btr_err *err)
{
    struct catalog_change change = {.kind = CATALOG_MERGED,
                                    .now_ns = btr_wall_ns(),
                                    .added = rows,
                                    .added_count = row_count,
                                    .removed = old,
                                    .removed_count = count};
    return store_catalog_change(m->catalog, &change, m->faults, err);
}

/* Segments of before may span days: what they become does not. But what a writer put together, as
 * it had too many days, stays so. */
static int chosen_write(struct store_merger *m, const struct store_load *load,
                        struct catalog_segment **rows, uint32_t *row_count, struct btr_err *err)
{
    struct seal_input *inputs = store_load_inputs(load);
    int rc = inputs ? 0 : out_of_memory(err);
    if (rc == 0 && strcmp(m->rows[m->chosen[0]].day, SEVERAL_DAYS) != 0) {
        rc = store_segments_write(rows, row_count, m->store, m->catalog, &m->sealer, &m->builder,
                                  inputs, m->faults, err);
    } else if (rc == 0) {
        *rows = calloc(1, sizeof(**rows));
        *row_count = 1;
        rc = *rows ? store_segment_write(*rows, m->store, m->catalog, &m->sealer, &m->builder,
                                         inputs, m->faults, err)
                   : out_of_memory(err);
    }
    free(inputs);
    return rc;
}

static void chosen_count(struct store_merger *m, const struct store_load *load,
                         const struct catalog_segment *rows, uint32_t row_count,
                         const struct catalog_segment *old, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        m->stat.bytes_before += old[i].file_size;
    for (uint32_t i = 0; i < row_count; i++) {
        m->stat.bytes_after += rows[i].file_size;
        m->stat.event_count += rows[i].sealed.event_count;
    }
    m->stat.merges++;
    m->stat.segments_before += count;
    m->stat.segments_after += row_count;
    m->stat.dropped += load->dropped;
}

static int chosen_seal(struct store_merger *m, const struct store_load *load, uint32_t count,
                       bool all, struct btr_err *err)
{
    struct catalog_segment *rows = NULL, *old = calloc(count, sizeof(*old));
    uint32_t row_count = 0;
    int rc = old ? 0 : out_of_memory(err);
    m->sealer.packer.level = all || m->builder.event_count >= MERGE_FINAL_EVENTS / 4
                                 ? STORE_LEVEL_FINAL
                                 : STORE_LEVEL_FRESH;
    if (rc == 0)
        rc = chosen_write(m, load, &rows, &row_count, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        old[i] = m->rows[m->chosen[i]];
    if (rc == 0)
        rc = replace(m, rows, row_count, old, count, err);
    if (rc == 0) {
        chosen_count(m, load, rows, row_count, old, count);
        rc = store_trash_empty(m->store, m->catalog, err);
    }
    free(rows);
    free(old);
    return rc;
}

int store_merge_once(struct store_merger *m, bool all, bool (*stop)(void *self), void *self,
                     struct btr_err *err)
{
    struct store_load load = {.builder = &m->builder};
    uint32_t count = 0, damaged = m->damaged_count;
    int rc = store_merge_look(m, err);
    if (rc == 0)
        count = store_merge_plan(m->rows, m->row_count, m->skip, all, m->chosen);
    if (rc == 0 && count == 0 && all)
        rc = store_spread_once(m, stop, self, err);
    if (rc == 0 && count == 0)
        rc = store_kept_merge_once(m, all, stop, self, err);
    if (rc < 0 || count == 0)
        return rc;
    store_sort(m->chosen, count, m->chosen + count, loads_before, m->rows);
    store_builder_clear(&m->builder);
    rc = chosen_load(m, &load, count, stop, self, err);
    bool abandoned = rc == 1;
    if (rc == 0)
        rc = store_load_once(&load, err);
    if (rc == 0)
        rc = chosen_seal(m, &load, count, all, err);
    store_load_fini(&load);
    store_builder_clear(&m->builder);
    if (rc < 0)
        return rc;
    return !abandoned || m->damaged_count > damaged;
}
