/* What programs usually do, added up over segments: tables of keys and pairs of keys. */
#include "reader.h"
#include "seal.h"
#include "segment_load.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX,
                    "out of memory while adding up what programs usually do");
}

static void parts_fini(struct reader_usual *u)
{
    for (uint32_t i = 0; i < u->part_count; i++)
        store_usual_fini(&u->parts[i]);
    free(u->parts);
    u->parts = NULL;
    u->part_count = u->part_capacity = 0;
}

void reader_usual_fini(struct reader_usual *u)
{
    parts_fini(u);
    btr_u64map_fini(&u->programs);
    btr_u64map_fini(&u->things);
    free(u->cells);
    free(u->begin);
    free(u->program_most);
    *u = (struct reader_usual){0};
}

/* ---- Adding up ------------------------------------------------------------------------------ */

/* Gives the keys of a part their numbers, in their place. @return false when out of memory */
static bool keys_number(struct btr_u64map *map, uint64_t *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = btr_u64map_get(map, keys[i]);
        if (number == UINT32_MAX) {
            number = map->count;
            if (!btr_u64map_set(map, keys[i], number))
                return false;
        }
        keys[i] = number;
    }
    return true;
}

int reader_usual_add(struct reader_usual *u, struct store_usual *told, struct btr_err *err)
{
    bool room = u->part_count < u->part_capacity;
    if (!room) {
        uint32_t capacity = u->part_capacity == 0 ? 64 : u->part_capacity * 2;
        struct store_usual *grown = realloc(u->parts, capacity * sizeof(*grown));
        room = grown != NULL;
        u->parts = room ? grown : u->parts;
        u->part_capacity = room ? capacity : u->part_capacity;
    }
    if (!room) {
        store_usual_fini(told);
        return out_of_memory(err);
    }
    u->parts[u->part_count++] = *told;
    u->row_count += told->row_count;
    if (u->row_count > u->rows_max)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX,
                        "segments tell more than %llu times what a program turned to",
                        (unsigned long long)u->rows_max);
    return keys_number(&u->programs, told->programs, told->program_count) &&
                   keys_number(&u->things, told->things, told->thing_count)
               ? 0
               : out_of_memory(err);
}

/** The rows of one program in one part. */
struct usual_run {
    uint32_t program, part, begin, end;
};

static int run_compare(const void *x, const void *y)
{
    const struct usual_run *a = x, *b = y;
    if (a->program != b->program)
        return a->program < b->program ? -1 : 1;
    return (a->part > b->part) - (a->part < b->part);
}

/* The runs of all parts, by program. NULL when out of memory; the caller's to free. */
static struct usual_run *runs_make(const struct reader_usual *u, size_t *count)
{
    size_t most = 0;
    for (uint32_t i = 0; i < u->part_count; i++)
        most += u->parts[i].program_count;
    struct usual_run *runs = malloc((most + 1) * sizeof(*runs));
    *count = 0;
    for (uint32_t i = 0; runs && i < u->part_count; i++) {
        const struct store_usual *part = &u->parts[i];
        for (uint32_t p = 0, begin = 0; p < part->program_count; begin = part->row_ends[p++])
            runs[(*count)++] =
                (struct usual_run){(uint32_t)part->programs[p], i, begin, part->row_ends[p]};
    }
    if (runs && *count > 1)
        qsort(runs, *count, sizeof(*runs), run_compare);
    return runs;
}

/* Puts all rows where they belong by their things: those of one stand by program, as the runs do.
 * Leaves each begin at its end. */
static void cells_fill(struct reader_usual *u, const struct usual_run *runs, size_t run_count)
{
    for (size_t k = 0; k < run_count; k++) {
        const struct store_usual *part = &u->parts[runs[k].part];
        for (uint32_t i = runs[k].begin; i < runs[k].end; i++)
            u->cells[u->begin[part->things[part->row_things[i]]]++] =
                (struct usual_cell){part->row_counts[i], runs[k].program};
    }
}

/* Counts of hostile segments could go round. */
static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Makes one cell of those of one program and thing, and finds what there is most of. */
static void cells_join(struct reader_usual *u)
{
    uint32_t kept = 0, at = 0;
    for (uint32_t t = 0; t < u->things.count; t++) {
        uint32_t end = u->begin[t], first = kept;
        uint64_t all = 0;
        for (; at < end; at++) {
            const struct usual_cell cell = u->cells[at];
            if (kept > first && u->cells[kept - 1].program == cell.program)
                u->cells[kept - 1].count = sum(u->cells[kept - 1].count, cell.count);
            else
                u->cells[kept++] = cell;
            uint64_t count = u->cells[kept - 1].count, *most = &u->program_most[cell.program];
            *most = count > *most ? count : *most;
            all = sum(all, cell.count);
        }
        u->begin[t] = first;
        u->most_of_all = all > u->most_of_all ? all : u->most_of_all;
    }
    u->begin[u->things.count] = kept;
}

int reader_usual_settle(struct reader_usual *u, struct btr_err *err)
{
    size_t run_count = 0, things = u->things.count;
    struct usual_run *runs = runs_make(u, &run_count);
    u->begin = calloc(things + 1, sizeof(*u->begin));
    u->cells = malloc(((size_t)u->row_count + 1) * sizeof(*u->cells));
    u->program_most = calloc((size_t)u->programs.count + 1, sizeof(*u->program_most));
    bool ok = runs && u->begin && u->cells && u->program_most;
    for (uint32_t k = 0; ok && k < u->part_count; k++)
        for (uint32_t i = 0; i < u->parts[k].row_count; i++)
            u->begin[u->parts[k].things[u->parts[k].row_things[i]] + 1]++;
    for (size_t t = 0; ok && t < things; t++)
        u->begin[t + 1] += u->begin[t];
    if (ok) {
        cells_fill(u, runs, run_count);
        cells_join(u);
    }
    free(runs);
    parts_fini(u);
    return ok ? 0 : out_of_memory(err);
}

/* ---- Lookups -------------------------------------------------------------------------------- */

static uint64_t both_look(void *self, uint64_t program, uint64_t thing)
{
    const struct reader_usual *u = self;
    uint32_t p = btr_u64map_get(&u->programs, program), t = btr_u64map_get(&u->things, thing);
    if (p == UINT32_MAX || t == UINT32_MAX)
        return 0;
    uint32_t low = u->begin[t], end = u->begin[t + 1], high = end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (u->cells[middle].program < p)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && u->cells[low].program == p ? u->cells[low].count : 0;
}

static uint64_t programs_look(void *self, uint64_t thing)
{
    const struct reader_usual *u = self;
    uint32_t t = btr_u64map_get(&u->things, thing);
    return t == UINT32_MAX ? 0 : u->begin[t + 1] - u->begin[t];
}

static uint64_t programs_all_look(void *self)
{
    return ((const struct reader_usual *)self)->programs.count;
}

static uint64_t most_look(void *self, uint64_t program)
{
    const struct reader_usual *u = self;
    uint32_t p = btr_u64map_get(&u->programs, program);
    return p == UINT32_MAX ? 0 : u->program_most[p];
}

static uint64_t most_of_all_look(void *self)
{
    return ((const struct reader_usual *)self)->most_of_all;
}

struct btr_usual reader_usual_table(struct reader_usual *u)
{
    return (struct btr_usual){.self = u,
                              .both = both_look,
                              .programs = programs_look,
                              .programs_all = programs_all_look,
                              .most = most_look,
                              .most_of_all = most_of_all_look};
}

/* ---- Segments ------------------------------------------------------------------------------- */

/* Of a segment that has no section usual: counts as its sealing would today. */
static int events_count(struct store_segment *seg, struct store_usual *out, struct btr_err *err)
{
    struct store_builder builder = {0};
    struct store_load load = {.builder = &builder};
    struct store_sealer sealer;
    *out = (struct store_usual){0};
    int rc = store_sealer_init(&sealer) ? 0 : out_of_memory(err);
    if (rc == 0)
        rc = store_load_segment(&load, seg, err);
    if (rc == 0)
        rc = store_seal_recount(&sealer, &builder, out, err);
    store_sealer_fini(&sealer);
    store_load_fini(&load);
    store_builder_fini(&builder);
    return rc;
}

static int segment_add(struct btr_reader *r, uint32_t segment, struct btr_err *err)
{
    struct store_segment *seg = &r->segments[segment].seg;
    struct store_usual told;
    int rc = reader_segment_map(r, segment, err);
    if (rc < 0)
        return rc;
    rc = seg->section_of[STORE_USUAL] ? store_segment_usual(seg, &told, err)
                                      : events_count(seg, &told, err);
    return rc < 0 ? rc : reader_usual_add(&r->usual, &told, err);
}

/* Segments that begin until a time: they stand first. */
static uint32_t segments_until(const struct btr_reader *r, int64_t until_ns)
{
    uint32_t count = 0;
    while (count < r->segment_count && r->segments[count].row.sealed.first_ns <= until_ns)
        count++;
    return count;
}

int btr_reader_usual(struct btr_reader *r, int64_t until_ns, struct btr_usual *out,
                     struct btr_err *err)
{
    struct reader_usual *u = &r->usual;
    uint32_t count = segments_until(r, until_ns);
    int rc = 0;
    if (!u->cells || u->segment_count != count) { /* else it was asked before */
        reader_usual_fini(u);
        u->rows_max = READER_USUAL_ROWS_MAX;
        for (; rc == 0 && u->segment_count < count; u->segment_count++)
            rc = segment_add(r, u->segment_count, err);
        if (rc == 0)
            rc = reader_usual_settle(u, err);
    }
    if (rc < 0)
        reader_usual_fini(u);
    else
        *out = reader_usual_table(u);
    return rc;
}
