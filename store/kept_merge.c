#include "kept_merge.h"

#include <stdlib.h>

#include "kept_file.h"
#include "kept_write.h"
#include "pack.h"
#include "segment_write.h"
#include "split.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while merging kept records");
}

/* ---- Which ---------------------------------------------------------------------------------- */

/* Files of one group have these in common, so that what is merged can go when each could. */
static int group_compare(const struct catalog_kept *a, const struct catalog_kept *b)
{
    int c = strcmp(a->day, b->day);
    int64_t x = store_day_number(a->last_ns), y = store_day_number(b->last_ns);
    return c != 0 ? c : (x > y) - (x < y);
}

static int plan_compare(const void *x, const void *y)
{
    const struct catalog_kept *a = x, *b = y;
    int c = group_compare(a, b);
    if (c == 0)
        c = (a->first_ns > b->first_ns) - (a->first_ns < b->first_ns);
    if (c == 0)
        c = (a->last_ns > b->last_ns) - (a->last_ns < b->last_ns);
    return c != 0 ? c : btr_id_compare(a->hash, b->hash);
}

/* @return KEPT_MERGE_TIERS for a file that is not merged again */
static unsigned tier_of(const struct catalog_kept *row)
{
    unsigned tier = 0;
    if (row->raw_size >= KEPT_MERGE_FINAL)
        return KEPT_MERGE_TIERS;
    for (uint64_t n = row->raw_size / KEPT_MERGE_LEAST;
         n >= MERGE_FAN && tier < KEPT_MERGE_TIERS - 1; n /= MERGE_FAN)
        tier++;
    return tier;
}

/* Those of a tier, or (KEPT_MERGE_TIERS) of all that are merged at all, as many as fit together. */
static uint32_t tier_list(const struct catalog_kept *rows, uint32_t begin, uint32_t end,
                          const bool *left, unsigned tier, uint32_t chosen[KEPT_MERGE_FILES])
{
    uint64_t raw_size = 0;
    uint32_t n = 0;
    for (uint32_t i = begin; i < end && n < KEPT_MERGE_FILES; i++) {
        unsigned own = tier_of(&rows[i]);
        if (left[i] || own == KEPT_MERGE_TIERS || (tier != KEPT_MERGE_TIERS && own != tier))
            continue;
        raw_size += rows[i].raw_size;
        if (raw_size > KEPT_MERGE_MOST)
            break;
        chosen[n++] = i;
    }
    return n;
}

uint32_t store_kept_merge_plan(struct catalog_kept *rows, uint32_t count,
                               bool (*skip)(const void *self, struct btr_id hash), const void *self,
                               bool all, uint32_t chosen[KEPT_MERGE_FILES])
{
    bool *left = calloc((size_t)count + 1, sizeof(*left));
    uint32_t n = 0, least = all ? 2 : MERGE_FAN;
    if (count > 1)
        qsort(rows, count, sizeof(*rows), plan_compare);
    for (uint32_t i = 0; left && i < count; i++)
        left[i] = skip && skip(self, rows[i].hash);
    for (unsigned tier = all ? KEPT_MERGE_TIERS : 0; left && n == 0 && tier <= KEPT_MERGE_TIERS;
         tier++) {
        for (uint32_t begin = 0, end; n == 0 && begin < count; begin = end) {
            end = begin + 1;
            while (end < count && group_compare(&rows[begin], &rows[end]) == 0)
                end++;
            n = all || tier < KEPT_MERGE_TIERS ? tier_list(rows, begin, end, left, tier, chosen)
                                               : 0;
            n = n < least ? 0 : n;
        }
    }
    free(left);
    return n;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/** Files on their way into one. */
struct merging {
    struct store_merger *merger;
    const struct catalog_kept *rows[KEPT_MERGE_FILES];
    struct kept_file files[KEPT_MERGE_FILES];
    uint32_t *inputs_of[KEPT_MERGE_FILES]; /* input of the file -> input */
    uint32_t count;
    struct btr_input *inputs; /* each once; spans are those of the files */
    uint32_t input_count;
    struct btr_buffer hosts; /* as in struct catalog_kept */
};

static int file_open(struct merging *g, uint32_t i, struct btr_err *err)
{
    char path[STORE_PATH_SIZE];
    const struct catalog_kept *row = g->rows[i];
    struct kept_file *f = &g->files[i];
    if (!store_kept_path(path, g->merger->store, row))
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    int rc = kept_file_map(f, path, row->file_size, err);
    if (rc < 0)
        return rc;
    uint8_t sha256[BTR_SHA256_SIZE];
    if (store_file_sha256(f->bytes, sha256) < 0)
        return out_of_memory(err);
    if (memcmp(sha256, row->sha256, sizeof(sha256)) != 0)
        return btr_fail(err, BTR_E_CHECKSUM, UINT64_MAX, "%s: not the one that was published",
                        path);
    return 0;
}

/* Finds or adds. The caller has made room. */
static uint32_t input_of(struct merging *g, const struct kept_input *in)
{
    for (uint32_t i = g->input_count; i-- > 0;)
        if (g->inputs[i].head_hash == in->head_hash &&
            btr_span_equal(g->inputs[i].name, in->name) &&
            btr_span_equal(g->inputs[i].format, in->format))
            return i;
    g->inputs[g->input_count] =
        (struct btr_input){.name = in->name, .format = in->format, .head_hash = in->head_hash};
    return g->input_count++;
}

static bool hosts_add(struct merging *g, struct btr_span hosts)
{
    struct btr_cursor c = {.rest = hosts};
    uint64_t size;
    struct btr_span host;
    while (c.rest.size > 0 && btr_cursor_varint(&c, &size) && size <= c.rest.size &&
           btr_cursor_span(&c, (size_t)size, &host)) {
        struct catalog_kept so_far = {.hosts = btr_buffer_view(&g->hosts)};
        if (catalog_kept_has_host(&so_far, host))
            continue;
        btr_buffer_varint(&g->hosts, host.size);
        btr_buffer_span(&g->hosts, host);
    }
    return !g->hosts.failed;
}

static int inputs_gather(struct merging *g, struct btr_err *err)
{
    size_t most = 1;
    for (uint32_t i = 0; i < g->count; i++)
        most += g->files[i].header.input_count;
    g->inputs = calloc(most, sizeof(*g->inputs));
    for (uint32_t i = 0; g->inputs && i < g->count; i++) {
        uint32_t count = g->files[i].header.input_count;
        g->inputs_of[i] = calloc((size_t)count + 1, sizeof(*g->inputs_of[i]));
        if (!g->inputs_of[i] || !hosts_add(g, g->rows[i]->hosts))
            return out_of_memory(err);
        for (uint32_t k = 0; k < count; k++)
            g->inputs_of[i][k] = input_of(g, &g->files[i].inputs[k]);
    }
    return g->inputs ? 0 : out_of_memory(err);
}

static int block_take(struct merging *g, struct store_keeper *keeper, uint32_t input, uint32_t file,
                      uint32_t block, struct btr_err *err)
{
    struct kept_block b = {0};
    int rc = kept_file_block(&g->files[file], g->merger->unpacker, block, &b, err);
    for (uint32_t i = 0; rc == 0 && i < b.count; i++) {
        struct btr_raw_record record = {.input = &g->inputs[input],
                                        .input_id = input,
                                        .line = b.lines[i],
                                        .bytes = kept_block_record(&b, i)};
        rc = store_keeper_add(keeper, &record, err);
    }
    kept_block_fini(&b);
    return rc;
}

/* Input by input, so that what follows each other stands together. @return 0, 1 when one is
 * damaged, or stopped; or a failure */
static int records_take(struct merging *g, struct store_keeper *keeper, bool (*stop)(void *self),
                        void *self, struct btr_err *err)
{
    for (uint32_t input = 0; input < g->input_count; input++) {
        for (uint32_t i = 0; i < g->count; i++) {
            const struct kept_file *f = &g->files[i];
            if (stop && stop(self))
                return 1;
            for (uint32_t n = 0; n < f->header.block_count; n++) {
                if (g->inputs_of[i][kept_file_row(f, n).input] != input)
                    continue;
                int rc = block_take(g, keeper, input, i, n, err);
                if (store_code_is_damage(rc))
                    return store_merge_damaged(g->merger, g->rows[i]->hash, err);
                if (rc < 0)
                    return rc;
            }
        }
    }
    return 0;
}

/* @return 0, 1 when one is damaged, or a failure */
static int files_open(struct merging *g, struct btr_err *err)
{
    for (uint32_t i = 0; i < g->count; i++) {
        int rc = file_open(g, i, err);
        if (store_code_is_damage(rc) || rc == BTR_E_NOTFOUND)
            return store_merge_damaged(g->merger, g->rows[i]->hash, err);
        if (rc < 0)
            return rc;
    }
    return inputs_gather(g, err);
}

/* ---- Writing -------------------------------------------------------------------------------- */

static int image_publish(struct merging *g, const struct catalog_kept *old,
                         const struct kept_image *image, struct btr_err *err)
{
    struct store_merger *m = g->merger;
    struct kept_times times = {old[0].first_ns, old[0].last_ns};
    struct catalog_kept row;
    for (uint32_t i = 0; i < g->count; i++) {
        times.first_ns = old[i].first_ns < times.first_ns ? old[i].first_ns : times.first_ns;
        times.last_ns = old[i].last_ns > times.last_ns ? old[i].last_ns : times.last_ns;
    }
    int rc = store_kept_write(&row, m->store, image, times, m->faults, err);
    row.hosts = btr_buffer_view(&g->hosts);
    if (rc == 0)
        rc = store_catalog_kept_replace(m->catalog, &row, old, g->count, m->faults, err);
    if (rc < 0)
        return rc;
    m->stat.record_files_before += g->count;
    m->stat.record_files_after++;
    return store_kept_unlink(m->store, old, g->count, err);
}

static void merging_fini(struct merging *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        kept_file_close(&g->files[i]);
        free(g->inputs_of[i]);
    }
    free(g->inputs);
    btr_buffer_fini(&g->hosts);
}

/* @return as store_kept_merge_once; the rows are in the order of `chosen` */
static int files_merge(struct store_merger *m, const struct catalog_kept *rows,
                       const uint32_t *chosen, uint32_t count, bool (*stop)(void *self), void *self,
                       struct btr_err *err)
{
    struct merging *g = calloc(1, sizeof(*g));
    struct catalog_kept old[KEPT_MERGE_FILES];
    struct store_keeper *keeper = NULL;
    struct kept_image image = {0};
    uint32_t damaged = m->damaged_count;
    if (!g)
        return out_of_memory(err);
    g->merger = m;
    g->count = count;
    for (uint32_t i = 0; i < count; i++) {
        old[i] = rows[chosen[i]];
        g->rows[i] = &rows[chosen[i]];
    }
    int rc = files_open(g, err);
    if (rc == 0)
        rc = store_keeper_new(&keeper, err);
    if (rc == 0)
        rc = records_take(g, keeper, stop, self, err);
    if (rc == 0)
        rc = store_keeper_take(keeper, &image, err);
    if (rc == 0)
        rc = image_publish(g, old, &image, err);
    kept_image_fini(&image);
    store_keeper_free(keeper);
    merging_fini(g);
    free(g);
    return rc < 0 ? rc : rc == 0 || m->damaged_count > damaged;
}

static bool is_left(const void *self, struct btr_id hash)
{
    const struct store_merger *m = self;
    for (uint32_t i = 0; i < m->damaged_count; i++)
        if (btr_id_equal(m->damaged[i], hash))
            return true;
    return false;
}

int store_kept_merge_once(struct store_merger *m, bool all, bool (*stop)(void *self), void *self,
                          struct btr_err *err)
{
    struct btr_arena *arena = btr_arena_new(SIZE_MAX / 4);
    struct catalog_kept *rows = NULL;
    uint32_t count = 0, chosen[KEPT_MERGE_FILES], n = 0;
    int rc = arena ? store_catalog_kept(m->catalog, arena, &rows, &count, err) : out_of_memory(err);
    if (rc == 0)
        n = store_kept_merge_plan(rows, count, is_left, m, all, chosen);
    if (n > 0)
        rc = files_merge(m, rows, chosen, n, stop, self, err);
    free(rows);
    btr_arena_free(arena);
    return rc;
}
