#include "plain_usual.h"

#include <stdlib.h>

struct plain_event {
    struct btr_id subject, object;
    int64_t last_ns;
    uint32_t stands_for;
    uint8_t operation;
};

/** All events of a reader, and the entities that they mention, each asked for once. */
struct plain_world {
    struct plain_event *events;
    size_t event_count, event_capacity;
    struct btr_entity *entities;
    uint32_t entity_count, entity_capacity;
    struct btr_idmap by_id;
    struct btr_arena *arena;
    struct btr_reader *reader;
};

static bool room(void *items, size_t count, size_t *capacity, size_t size)
{
    void *old, *grown;
    if (count < *capacity)
        return true;
    *capacity = *capacity == 0 ? 256 : *capacity * 2;
    memcpy(&old, items, sizeof(old));
    grown = realloc(old, *capacity * size);
    if (grown)
        memcpy(items, &grown, sizeof(grown));
    return grown != NULL;
}

static int event_take(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct plain_world *w = self;
    const struct btr_event *e = &full->event;
    (void)ref;
    if (!room(&w->events, w->event_count, &w->event_capacity, sizeof(*w->events)))
        return BTR_E_NOMEM;
    w->events[w->event_count++] =
        (struct plain_event){e->subject, e->object, e->last_ns, full->stands_for, e->operation};
    return 0;
}

static const struct btr_entity *entity_of(struct plain_world *w, struct btr_id id,
                                          struct btr_err *err)
{
    uint32_t at = btr_idmap_get(&w->by_id, id);
    if (at != UINT32_MAX)
        return &w->entities[at];
    size_t capacity = w->entity_capacity;
    if (!room(&w->entities, w->entity_count, &capacity, sizeof(*w->entities)) ||
        btr_reader_entity(w->reader, id, w->arena, &w->entities[w->entity_count], err) < 0 ||
        btr_idmap_add(&w->by_id, id, w->entity_count) == UINT32_MAX)
        return NULL;
    w->entity_capacity = (uint32_t)capacity;
    return &w->entities[w->entity_count++];
}

static uint64_t thing_of(const struct btr_entity *e, const struct plain_event *event)
{
    if (e->kind == BTR_KIND_FILE)
        return btr_usual_file(btr_entity_attr(e, BTR_ATTR_FILE_PATH, event->last_ns));
    if (e->kind == BTR_KIND_CHANNEL)
        return btr_usual_file(btr_entity_attr(e, BTR_ATTR_CHANNEL_NAME, event->last_ns));
    if (e->kind == BTR_KIND_FLOW && event->operation == BTR_OP_ACCEPT)
        return btr_usual_far(btr_entity_attr(e, BTR_ATTR_SOURCE_IP, event->last_ns));
    if (e->kind == BTR_KIND_FLOW && event->operation == BTR_OP_CONNECT)
        return btr_usual_far(btr_entity_attr(e, BTR_ATTR_DESTINATION_IP, event->last_ns));
    return 0;
}

/* @return false when out of memory, or when an entity cannot be read */
static bool event_count(struct plain_usual *p, struct plain_world *w,
                        const struct plain_event *event, struct btr_err *err)
{
    struct plain_usual_row row = {.count = event->stands_for};
    if (!btr_usual_counts(event->operation))
        return true;
    const struct btr_entity *e = entity_of(w, event->subject, err);
    if (!e)
        return false;
    if (e->kind == BTR_KIND_PROCESS)
        row.program =
            btr_usual_program(btr_entity_attr(e, BTR_ATTR_PROCESS_EXECUTABLE, event->last_ns));
    e = entity_of(w, event->object, err);
    if (!e)
        return false;
    row.thing = thing_of(e, event);
    size_t capacity = p->capacity;
    if (row.program == 0 || row.thing == 0)
        return true;
    if (!room(&p->rows, p->count, &capacity, sizeof(*p->rows)))
        return false;
    p->capacity = (uint32_t)capacity;
    p->rows[p->count++] = row;
    return true;
}

static int row_compare(const void *x, const void *y)
{
    const struct plain_usual_row *a = x, *b = y;
    if (a->program != b->program)
        return a->program < b->program ? -1 : 1;
    return (a->thing > b->thing) - (a->thing < b->thing);
}

static void rows_settle(struct plain_usual *p)
{
    uint32_t kept = 0;
    if (p->count > 1)
        qsort(p->rows, p->count, sizeof(*p->rows), row_compare);
    for (uint32_t i = 0; i < p->count; i++) {
        if (kept > 0 && row_compare(&p->rows[kept - 1], &p->rows[i]) == 0)
            p->rows[kept - 1].count += p->rows[i].count;
        else
            p->rows[kept++] = p->rows[i];
    }
    p->count = kept;
}

int plain_usual_count(struct plain_usual *p, struct btr_reader *reader, struct btr_err *err)
{
    struct plain_world w = {.reader = reader, .arena = btr_arena_new(SIZE_MAX / 4)};
    *p = (struct plain_usual){0};
    *err = (struct btr_err){.code = BTR_E_NOMEM};
    int rc = w.arena ? btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0},
                                         event_take, &w, err)
                     : BTR_E_NOMEM;
    for (size_t i = 0; rc == 0 && i < w.event_count; i++)
        rc = event_count(p, &w, &w.events[i], err) ? 0 : err->code;
    rows_settle(p);
    btr_arena_free(w.arena);
    btr_idmap_fini(&w.by_id);
    free(w.entities);
    free(w.events);
    return rc;
}

void plain_usual_fini(struct plain_usual *p)
{
    free(p->rows);
    *p = (struct plain_usual){0};
}

/** Over all programs. */
struct thing_total {
    uint64_t count, programs;
};

/* ---- Comparing ------------------------------------------------------------------------------ */

static int key_compare(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* Keys of all things, ascending; the caller's to free. @return how many */
static uint32_t things_of(const struct plain_usual *p, uint64_t **things)
{
    uint32_t kept = 0;
    *things = malloc(((size_t)p->count + 1) * sizeof(**things));
    for (uint32_t i = 0; *things && i < p->count; i++)
        (*things)[i] = p->rows[i].thing;
    if (*things && p->count > 1)
        qsort(*things, p->count, sizeof(**things), key_compare);
    for (uint32_t i = 0; *things && i < p->count; i++)
        if (kept == 0 || (*things)[i] != (*things)[kept - 1])
            (*things)[kept++] = (*things)[i];
    return kept;
}

static const char *both_differs(const struct plain_usual *p, const struct btr_usual *u,
                                const uint64_t *things, uint32_t thing_count,
                                struct thing_total *totals)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < p->count; all++) {
        uint64_t program = p->rows[i].program, most = 0;
        for (uint32_t t = 0; t < thing_count; t++) {
            bool is_row =
                i < p->count && p->rows[i].program == program && p->rows[i].thing == things[t];
            uint64_t count = is_row ? p->rows[i++].count : 0;
            totals[t].count += count;
            totals[t].programs += is_row;
            most = count > most ? count : most;
            if (u->both(u->self, program, things[t]) != count)
                return "how often a program turned to a thing";
        }
        if (u->most(u->self, program) != most)
            return "the most of a program";
    }
    return u->programs_all(u->self) == all ? NULL : "how many programs there are";
}

static const char *things_differ(const struct btr_usual *u, const uint64_t *things,
                                 uint32_t thing_count, const struct thing_total *totals)
{
    uint64_t most = 0;
    for (uint32_t t = 0; t < thing_count; t++) {
        if (u->programs(u->self, things[t]) != totals[t].programs)
            return "how many programs turned to a thing";
        most = totals[t].count > most ? totals[t].count : most;
    }
    return u->most_of_all(u->self) == most ? NULL : "the most of all";
}

/* What is nowhere has no count. */
static const char *others_differ(const struct plain_usual *p, const struct btr_usual *u)
{
    uint64_t known = p->count ? p->rows[0].program : 0, thing = p->count ? p->rows[0].thing : 0;
    uint64_t other = btr_usual_program(BTR_SPAN("/no/such/program"));
    return u->both(u->self, 0, 0) + u->both(u->self, other, thing) +
                       u->both(u->self, known, other) + u->programs(u->self, 0) +
                       u->programs(u->self, other) + u->most(u->self, other) +
                       u->most(u->self, 0) ==
                   0
               ? NULL
               : "a count of what is nowhere";
}

const char *plain_usual_differs(const struct plain_usual *p, const struct btr_usual *u)
{
    uint64_t *things;
    uint32_t count = things_of(p, &things);
    struct thing_total *totals = calloc((size_t)count + 1, sizeof(*totals));
    const char *what = things && totals ? NULL : "memory";
    if (!what)
        what = both_differs(p, u, things, count, totals);
    if (!what)
        what = things_differ(u, things, count, totals);
    if (!what)
        what = others_differ(p, u);
    free(things);
    free(totals);
    return what;
}

bool plain_usual_equal(const struct plain_usual *a, const struct plain_usual *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->rows, b->rows, a->count * sizeof(*a->rows)) == 0);
}
