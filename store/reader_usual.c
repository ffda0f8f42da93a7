/* What programs usually do, added up over segments: tables of keys and pairs of keys. */
#include "reader.h"
#include "seal.h"
#include "segment_load.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX,
                    "out of memory while adding up what programs usually do");
}

void reader_usual_fini(struct reader_usual *u)
{
    btr_u64map_fini(&u->programs);
    btr_u64map_fini(&u->things);
    btr_u64map_fini(&u->pairs);
    free(u->counts);
    free(u->thing_counts);
    free(u->program_most);
    free(u->thing_programs);
    free(u->thing_of);
    *u = (struct reader_usual){0};
}

/* ---- Adding --------------------------------------------------------------------------------- */

/* Counts of hostile segments could go round. */
static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Gives an array of counts room for `count`; fresh ones are 0. */
static bool counts_room(uint64_t **counts, uint32_t *capacity, uint64_t count)
{
    if (count <= *capacity)
        return true;
    uint64_t wanted = *capacity < 1024 ? 1024 : *capacity;
    while (wanted < count)
        wanted *= 2;
    uint64_t *grown = wanted > UINT32_MAX ? NULL : realloc(*counts, wanted * sizeof(*grown));
    if (!grown)
        return false;
    memset(grown + *capacity, 0, (wanted - *capacity) * sizeof(*grown));
    *counts = grown;
    *capacity = (uint32_t)wanted;
    return true;
}

/* Finds or adds a key. @return its number, or UINT32_MAX when out of memory */
static uint32_t number_of(struct btr_u64map *map, uint64_t key)
{
    uint32_t number = btr_u64map_get(map, key);
    if (number != UINT32_MAX)
        return number;
    number = map->count;
    return btr_u64map_set(map, key, number) ? number : UINT32_MAX;
}

static bool things_add(struct reader_usual *u, const struct store_usual *told)
{
    if (told->thing_count > u->of_capacity || !u->thing_of) {
        free(u->thing_of);
        u->of_capacity = told->thing_count;
        u->thing_of = malloc(((size_t)told->thing_count + 1) * sizeof(*u->thing_of));
        if (!u->thing_of)
            return false;
    }
    for (uint32_t i = 0; i < told->thing_count; i++) {
        u->thing_of[i] = number_of(&u->things, told->things[i]);
        if (u->thing_of[i] == UINT32_MAX)
            return false;
    }
    return counts_room(&u->thing_counts, &u->thing_capacity, u->things.count);
}

static int row_add(struct reader_usual *u, uint32_t program, uint32_t thing, uint64_t count,
                   struct btr_err *err)
{
    uint32_t pair = number_of(&u->pairs, (uint64_t)program << 32 | thing);
    if (pair == UINT32_MAX || !counts_room(&u->counts, &u->pair_capacity, u->pairs.count))
        return out_of_memory(err);
    if (u->pairs.count > u->pairs_max)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX,
                        "more than %u pairs of a program and what it turned to", u->pairs_max);
    u->counts[pair] = sum(u->counts[pair], count);
    u->thing_counts[thing] = sum(u->thing_counts[thing], count);
    return 0;
}

int reader_usual_add(struct reader_usual *u, const struct store_usual *told, struct btr_err *err)
{
    int rc = things_add(u, told) ? 0 : out_of_memory(err);
    for (uint32_t p = 0, i = 0; rc == 0 && p < told->program_count; p++) {
        uint32_t program = number_of(&u->programs, told->programs[p]);
        if (program == UINT32_MAX)
            return out_of_memory(err);
        for (; rc == 0 && i < told->row_ends[p]; i++)
            rc = row_add(u, program, u->thing_of[told->row_things[i]], told->row_counts[i], err);
    }
    return rc;
}

int reader_usual_settle(struct reader_usual *u, struct btr_err *err)
{
    free(u->program_most);
    free(u->thing_programs);
    u->program_most = calloc((size_t)u->programs.count + 1, sizeof(*u->program_most));
    u->thing_programs = calloc((size_t)u->things.count + 1, sizeof(*u->thing_programs));
    if (!u->program_most || !u->thing_programs)
        return out_of_memory(err);
    for (uint32_t i = 0; i < u->pairs.capacity; i++) {
        if (u->pairs.values[i] == UINT32_MAX)
            continue;
        uint64_t *most = &u->program_most[u->pairs.keys[i] >> 32];
        uint64_t count = u->counts[u->pairs.values[i]];
        *most = count > *most ? count : *most;
        u->thing_programs[(uint32_t)u->pairs.keys[i]]++;
    }
    for (uint32_t i = 0; i < u->things.count; i++)
        u->most_of_all = u->thing_counts[i] > u->most_of_all ? u->thing_counts[i] : u->most_of_all;
    return 0;
}

/* ---- Lookups -------------------------------------------------------------------------------- */

static uint64_t both_look(void *self, uint64_t program, uint64_t thing)
{
    const struct reader_usual *u = self;
    uint32_t p = btr_u64map_get(&u->programs, program), t = btr_u64map_get(&u->things, thing);
    if (p == UINT32_MAX || t == UINT32_MAX)
        return 0;
    uint32_t pair = btr_u64map_get(&u->pairs, (uint64_t)p << 32 | t);
    return pair == UINT32_MAX ? 0 : u->counts[pair];
}

static uint64_t programs_look(void *self, uint64_t thing)
{
    const struct reader_usual *u = self;
    uint32_t t = btr_u64map_get(&u->things, thing);
    return t == UINT32_MAX ? 0 : u->thing_programs[t];
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
    if (rc == 0)
        rc = reader_usual_add(&r->usual, &told, err);
    store_usual_fini(&told);
    return rc;
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
    if (count < u->segment_count)
        reader_usual_fini(u);
    if (u->program_most && u->segment_count == count) { /* asked before */
        *out = reader_usual_table(u);
        return 0;
    }
    u->pairs_max = READER_USUAL_PAIRS_MAX;
    int rc = 0;
    for (; rc == 0 && u->segment_count < count; u->segment_count++)
        rc = segment_add(r, u->segment_count, err);
    if (rc == 0)
        rc = reader_usual_settle(u, err);
    if (rc < 0)
        reader_usual_fini(u);
    else
        *out = reader_usual_table(u);
    return rc;
}
