/* What programs usually do, added up over segments: tables of keys and pairs of keys. */
#include <btr/clock.h>

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
    for (uint32_t p = 0; u->by_program && p < u->programs.count; p++)
        free(u->by_program[p].cells);
    btr_u64map_fini(&u->programs);
    btr_u64map_fini(&u->things);
    free(u->runs);
    free(u->by_program);
    free(u->by_thing);
    *u = (struct reader_usual){0};
}

/* ---- Adding up ------------------------------------------------------------------------------ */

enum {
    AHEAD = 16, /* how far ahead memory is fetched */
    RUNS = 256  /* between looks at the clock */
};

/* Gives the keys of a part their numbers, in their place. @return false when out of memory */
static bool keys_number(struct btr_u64map *map, uint64_t *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (count - i > AHEAD)
            btr_u64map_ask(map, keys[i + AHEAD]);
        uint32_t number = btr_u64map_add(map, keys[i], map->count);
        if (number == UINT32_MAX)
            return false;
        keys[i] = number;
    }
    return true;
}

static bool is_late(const struct reader_usual *u)
{
    return u->deadline_ns != INT64_MAX && btr_monotonic_ns() >= u->deadline_ns;
}

/* Half of what parts tell is told by others, too, or else there is room for few more. */
static int parts_number(struct reader_usual *u, struct btr_err *err)
{
    uint64_t things = 0;
    for (uint32_t i = 0; i < u->part_count; i++)
        things += u->parts[i].thing_count;
    bool ok = btr_u64map_room(&u->things, (uint32_t)(things / 2)), late = false;
    for (uint32_t i = 0; ok && !late && i < u->part_count; i++) {
        ok = keys_number(&u->programs, u->parts[i].programs, u->parts[i].program_count) &&
             keys_number(&u->things, u->parts[i].things, u->parts[i].thing_count);
        late = is_late(u);
    }
    if (!ok)
        return out_of_memory(err);
    return late ? BTR_USUAL_LATE : 0;
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
    return 0;
}

static int run_compare(const void *x, const void *y)
{
    const struct usual_run *a = x, *b = y;
    if (a->program != b->program)
        return a->program < b->program ? -1 : 1;
    return (a->part > b->part) - (a->part < b->part);
}

/* The runs of all parts, by program. @return false when out of memory */
static bool runs_make(struct reader_usual *u, uint32_t *count)
{
    size_t most = 0;
    for (uint32_t i = 0; i < u->part_count; i++)
        most += u->parts[i].program_count;
    u->runs = malloc((most + 1) * sizeof(*u->runs));
    *count = 0;
    for (uint32_t i = 0; u->runs && i < u->part_count; i++) {
        const struct store_usual *part = &u->parts[i];
        for (uint32_t p = 0, begin = 0; p < part->program_count; begin = part->row_ends[p++])
            u->runs[(*count)++] =
                (struct usual_run){(uint32_t)part->programs[p], i, begin, part->row_ends[p]};
    }
    if (u->runs && *count > 1)
        qsort(u->runs, *count, sizeof(*u->runs), run_compare);
    return u->runs != NULL;
}

/* Counts of hostile segments could go round. */
static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Adds the rows of a run, and has numbers stand for their things. */
static void run_add(struct reader_usual *u, const struct usual_run *run)
{
    const struct store_usual *part = &u->parts[run->part];
    uint64_t most = u->by_program[run->program].most;
    for (uint32_t i = run->begin; i < run->end; i++) {
        uint32_t thing = (uint32_t)part->things[part->row_things[i]];
        if (run->end - i > AHEAD)
            __builtin_prefetch(&u->by_thing[part->things[part->row_things[i + AHEAD]]], 1);
        struct usual_thing *t = &u->by_thing[thing];
        part->row_things[i] = thing;
        if (t->of != run->program) {
            t->of = run->program;
            t->now = 0;
            t->programs++;
        }
        t->now = sum(t->now, part->row_counts[i]);
        t->all = sum(t->all, part->row_counts[i]);
        most = t->now > most ? t->now : most;
    }
    u->by_program[run->program].most = most;
}

int reader_usual_settle(struct reader_usual *u, struct btr_err *err)
{
    uint32_t run_count = 0;
    int rc = parts_number(u, err);
    if (rc != 0)
        return rc;
    u->by_program = calloc((size_t)u->programs.count + 1, sizeof(*u->by_program));
    u->by_thing = calloc((size_t)u->things.count + 1, sizeof(*u->by_thing));
    if (!runs_make(u, &run_count) || !u->by_program || !u->by_thing)
        return out_of_memory(err);
    for (uint32_t t = 0; t < u->things.count; t++)
        u->by_thing[t].of = UINT32_MAX;
    for (uint32_t k = 0; k < run_count; k++) {
        if (k % RUNS == 0 && is_late(u))
            return BTR_USUAL_LATE;
        if (k == 0 || u->runs[k].program != u->runs[k - 1].program)
            u->by_program[u->runs[k].program].run = k;
        run_add(u, &u->runs[k]);
    }
    u->by_program[u->programs.count].run = run_count;
    for (uint32_t t = 0; t < u->things.count; t++)
        if (u->by_thing[t].all > u->most_of_all)
            u->most_of_all = u->by_thing[t].all;
    for (uint32_t i = 0; i < u->part_count; i++) {
        free(u->parts[i].things);
        u->parts[i].things = NULL;
    }
    u->settled = true;
    return 0;
}

/* ---- Lookups -------------------------------------------------------------------------------- */

static uint32_t cell_of(const struct usual_program *p, uint32_t thing)
{
    uint32_t at = (thing * UINT32_C(0x9e3779b1) >> 7) & p->mask; /* they come in rows */
    while (p->cells[at].thing != thing && p->cells[at].thing != UINT32_MAX)
        at = (at + 1) & p->mask;
    return at;
}

/* Makes one cell of all rows of a program that have one thing. @return false when out of memory */
static bool cells_make(struct reader_usual *u, uint32_t program)
{
    struct usual_program *p = &u->by_program[program];
    size_t rows = 0, cells = 16;
    for (uint32_t k = p->run; k < p[1].run; k++)
        rows += u->runs[k].end - u->runs[k].begin;
    while (cells < 2 * rows)
        cells *= 2;
    p->cells = malloc(cells * sizeof(*p->cells));
    if (!p->cells)
        return false;
    p->mask = (uint32_t)(cells - 1);
    for (size_t i = 0; i < cells; i++)
        p->cells[i] = (struct usual_cell){0, UINT32_MAX};
    for (uint32_t k = p->run; k < p[1].run; k++) {
        const struct store_usual *part = &u->parts[u->runs[k].part];
        for (uint32_t i = u->runs[k].begin; i < u->runs[k].end; i++) {
            struct usual_cell *cell = &p->cells[cell_of(p, part->row_things[i])];
            *cell = (struct usual_cell){sum(cell->count, part->row_counts[i]), part->row_things[i]};
        }
    }
    return true;
}

/* Without cells: a look at all rows of the program. */
static uint64_t rows_sum(const struct reader_usual *u, uint32_t program, uint32_t thing)
{
    uint64_t count = 0;
    for (uint32_t k = u->by_program[program].run; k < u->by_program[program + 1].run; k++) {
        const struct store_usual *part = &u->parts[u->runs[k].part];
        for (uint32_t i = u->runs[k].begin; i < u->runs[k].end; i++)
            if (part->row_things[i] == thing)
                count = sum(count, part->row_counts[i]);
    }
    return count;
}

static uint64_t both_look(void *self, uint64_t program, uint64_t thing)
{
    struct reader_usual *u = self;
    uint32_t p = btr_u64map_get(&u->programs, program), t = btr_u64map_get(&u->things, thing);
    if (p == UINT32_MAX || t == UINT32_MAX)
        return 0;
    if (!u->by_program[p].cells && !cells_make(u, p))
        return rows_sum(u, p, t);
    return u->by_program[p].cells[cell_of(&u->by_program[p], t)].count;
}

static uint64_t programs_look(void *self, uint64_t thing)
{
    const struct reader_usual *u = self;
    uint32_t t = btr_u64map_get(&u->things, thing);
    return t == UINT32_MAX ? 0 : u->by_thing[t].programs;
}

static uint64_t programs_all_look(void *self)
{
    return ((const struct reader_usual *)self)->programs.count;
}

static uint64_t most_look(void *self, uint64_t program)
{
    const struct reader_usual *u = self;
    uint32_t p = btr_u64map_get(&u->programs, program);
    return p == UINT32_MAX ? 0 : u->by_program[p].most;
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

int btr_reader_usual(struct btr_reader *r, int64_t until_ns, int64_t deadline_ns,
                     struct btr_usual *out, struct btr_err *err)
{
    struct reader_usual *u = &r->usual;
    uint32_t count = segments_until(r, until_ns);
    int rc = 0;
    if (!u->settled || u->segment_count != count) { /* else it was asked before */
        reader_usual_fini(u);
        u->rows_max = READER_USUAL_ROWS_MAX;
        u->deadline_ns = deadline_ns;
        for (; rc == 0 && u->segment_count < count; u->segment_count++)
            rc = is_late(u) ? BTR_USUAL_LATE : segment_add(r, u->segment_count, err);
        if (rc == 0)
            rc = reader_usual_settle(u, err);
    }
    if (rc != 0)
        reader_usual_fini(u);
    if (rc >= 0)
        *out = reader_usual_table(u);
    return rc;
}
