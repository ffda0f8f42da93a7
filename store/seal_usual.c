/* Section usual (docs/FORMAT.md): how often which program turned to which thing. Names are counted
 * by their numbers first, so that each pair of them costs one hash of each. */
#include <assert.h>
#include <btr/list.h>

#include "seal.h"
#include "usual.h"

/** Events of one pair of names. */
struct tally_pair {
    uint32_t program, thing; /* strings of the builder */
    uint64_t count;
    bool is_far;
};

struct tally {
    struct btr_u64map by_names[2]; /* of files, of far ends: program << 32 | thing -> pair */
    struct tally_pair *pairs;
    uint32_t count, capacity;
};

/** A pair by its keys. */
struct tally_row {
    uint64_t program, thing, count;
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
}

static void tally_fini(struct tally *t)
{
    btr_u64map_fini(&t->by_names[0]);
    btr_u64map_fini(&t->by_names[1]);
    free(t->pairs);
}

/* ---- Events --------------------------------------------------------------------------------- */

/* The value of an attribute at a time, as btr_entity_attr picks it: a string, or UINT32_MAX. */
static uint32_t attr_at(const struct store_sealer *s, uint32_t entity, unsigned key, int64_t at_ns)
{
    const struct builder_attr *attrs = s->builder->attrs;
    uint32_t number = s->number_of[entity];
    uint32_t begin = s->attr_begin[number], end = s->attr_begin[number + 1];
    uint32_t low = begin, high = end;
    while (low < high) { /* behind all that were told until then */
        uint32_t middle = low + (high - low) / 2;
        const struct builder_attr *a = &attrs[s->attr_order[middle]];
        if (a->key < key || (a->key == key && a->since_ns <= at_ns))
            low = middle + 1;
        else
            high = middle;
    }
    if (low > begin && attrs[s->attr_order[low - 1]].key == key)
        return attrs[s->attr_order[low - 1]].value;
    return low < end && attrs[s->attr_order[low]].key == key ? attrs[s->attr_order[low]].value
                                                             : UINT32_MAX;
}

/* The attribute that names the thing that an event turns to. */
static enum btr_attr_key name_key(const struct store_builder *b, const struct builder_event *e)
{
    uint8_t kind = b->entities[e->object].kind;
    if (kind == BTR_KIND_FILE)
        return BTR_ATTR_FILE_PATH;
    if (kind == BTR_KIND_CHANNEL)
        return BTR_ATTR_CHANNEL_NAME;
    if (kind == BTR_KIND_FLOW && e->operation == BTR_OP_ACCEPT)
        return BTR_ATTR_SOURCE_IP;
    if (kind == BTR_KIND_FLOW && e->operation == BTR_OP_CONNECT)
        return BTR_ATTR_DESTINATION_IP;
    return BTR_ATTR_NONE;
}

/* Finds or adds a pair. @return NULL when out of memory */
static struct tally_pair *pair_of(struct tally *t, uint32_t program, uint32_t thing, bool is_far)
{
    struct btr_u64map *by_names = &t->by_names[is_far];
    uint64_t names = (uint64_t)program << 32 | thing;
    uint32_t at = btr_u64map_get(by_names, names);
    if (at != UINT32_MAX)
        return &t->pairs[at];
    if (!btr_list_room(&t->pairs, t->count, &t->capacity, 1024, sizeof *t->pairs))
        return NULL;
    if (!btr_u64map_set(by_names, names, t->count))
        return NULL;
    t->pairs[t->count] = (struct tally_pair){program, thing, 0, is_far};
    return &t->pairs[t->count++];
}

/* @return false when out of memory */
static bool event_count(const struct store_sealer *s, struct tally *t, uint32_t event)
{
    const struct store_builder *b = s->builder;
    const struct builder_event *e = &b->events[event];
    if (!btr_usual_counts(e->operation) || b->entities[e->subject].kind != BTR_KIND_PROCESS)
        return true;
    enum btr_attr_key key = name_key(b, e);
    if (key == BTR_ATTR_NONE)
        return true;
    uint32_t program = attr_at(s, e->subject, BTR_ATTR_PROCESS_EXECUTABLE, e->last_ns);
    uint32_t thing = attr_at(s, e->object, key, e->last_ns);
    if (program == UINT32_MAX || thing == UINT32_MAX)
        return true;
    struct tally_pair *pair =
        pair_of(t, program, thing, key == BTR_ATTR_SOURCE_IP || key == BTR_ATTR_DESTINATION_IP);
    if (pair)
        pair->count += store_builder_count_of(b, event);
    return pair != NULL;
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static int row_compare(const void *x, const void *y)
{
    const struct tally_row *a = x, *b = y;
    if (a->program != b->program)
        return a->program < b->program ? -1 : 1;
    return (a->thing > b->thing) - (a->thing < b->thing);
}

static int key_compare(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* Rows by their keys, ascending, each pair of keys once. @return how many */
static uint32_t rows_make(const struct store_sealer *s, const struct tally *t,
                          struct tally_row *rows)
{
    const struct store_strings *strings = &s->builder->strings;
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct tally_pair *p = &t->pairs[i];
        struct btr_span name = store_strings_at(strings, p->thing);
        struct tally_row row = {btr_usual_program(store_strings_at(strings, p->program)),
                                p->is_far ? btr_usual_far(name) : btr_usual_file(name), p->count};
        if (row.program != 0 && row.thing != 0)
            rows[count++] = row;
    }
    if (count > 1)
        qsort(rows, count, sizeof(*rows), row_compare);
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && row_compare(&rows[kept - 1], &rows[i]) == 0)
            rows[kept - 1].count += rows[i].count;
        else
            rows[kept++] = rows[i];
    }
    return kept;
}

/* @return how many different keys there are */
static uint32_t things_make(const struct tally_row *rows, uint32_t count, uint64_t *things)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        things[i] = rows[i].thing;
    if (count > 1)
        qsort(things, count, sizeof(*things), key_compare);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || things[i] != things[kept - 1])
            things[kept++] = things[i];
    return kept;
}

static bool usual_fill(struct store_usual *u, const struct tally_row *rows, uint32_t count)
{
    if (!store_usual_room(u, count, count, count))
        return false;
    u->thing_count = things_make(rows, count, u->things);
    u->program_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t *thing =
            bsearch(&rows[i].thing, u->things, u->thing_count, sizeof(*u->things), key_compare);
        assert(thing);
        if (i == 0 || rows[i].program != rows[i - 1].program)
            u->programs[u->program_count++] = rows[i].program;
        u->row_ends[u->program_count - 1] = i + 1;
        u->row_things[i] = (uint32_t)(thing - u->things);
        u->row_counts[i] = rows[i].count;
    }
    return true;
}

int store_seal_tally(struct store_sealer *s, struct store_usual *out, struct btr_err *err)
{
    struct tally t = {0};
    bool ok = true;
    *out = (struct store_usual){0};
    for (uint32_t i = 0; ok && i < s->builder->event_count; i++)
        ok = event_count(s, &t, i);
    struct tally_row *rows = ok ? malloc(((size_t)t.count + 1) * sizeof(*rows)) : NULL;
    ok = rows && usual_fill(out, rows, rows_make(s, &t, rows));
    free(rows);
    tally_fini(&t);
    return ok ? 0 : out_of_memory(err);
}

/* ---- The section ---------------------------------------------------------------------------- */

static void keys_put(struct btr_buffer *raw, const uint64_t *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        btr_buffer_varint(raw, keys[i] - (i > 0 ? keys[i - 1] : 0));
}

static void usual_put(struct btr_buffer *raw, const struct store_usual *u)
{
    btr_buffer_varint(raw, u->program_count);
    btr_buffer_varint(raw, u->thing_count);
    keys_put(raw, u->programs, u->program_count);
    keys_put(raw, u->things, u->thing_count);
    for (uint32_t p = 0; p < u->program_count; p++)
        btr_buffer_varint(raw, u->row_ends[p] - (p > 0 ? u->row_ends[p - 1] : 0));
    for (uint32_t p = 0, i = 0; p < u->program_count; p++)
        for (uint32_t next = 0; i < u->row_ends[p]; i++) {
            btr_buffer_varint(raw, u->row_things[i] - next);
            next = u->row_things[i] + 1;
        }
    for (uint32_t i = 0; i < u->row_count; i++)
        btr_buffer_varint(raw, u->row_counts[i]);
}

int store_seal_usual(struct store_sealer *s, struct btr_err *err)
{
    struct store_usual usual;
    int rc = store_seal_tally(s, &usual, err);
    store_section_begin(&s->packer, STORE_USUAL, 0);
    if (rc == 0) {
        usual_put(&s->packer.raw, &usual);
        rc = store_section_block(&s->packer, usual.row_count, err);
    }
    store_section_end(&s->packer);
    store_usual_fini(&usual);
    return rc;
}
