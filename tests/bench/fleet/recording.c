#include "recording.h"

#include <btr/identity.h>
#include <btr/store.h>
#include <stdlib.h>

#include "attack.h"
#include "shape.h"

enum { STREAMS_MAX = 2048 };

/* ---- Entities ------------------------------------------------------------------------------- */

static uint32_t host_of(struct fleet_recording *r, struct btr_span name)
{
    for (uint32_t i = 0; i < r->host_count; i++)
        if (btr_span_equal(r->hosts[i], name))
            return i;
    if (!fleet_room(&r->hosts, r->host_count, &r->host_capacity, sizeof(*r->hosts)) ||
        !btr_arena_copy(r->arena, name, &r->hosts[r->host_count]))
        return UINT32_MAX;
    return r->host_count++;
}

/* Whether the id is that of a path on a host, so that a clone's can be made in the same way. */
static void path_find(struct fleet_recording *r, struct fleet_entity *e)
{
    struct btr_span host = e->host < r->host_count ? r->hosts[e->host] : (struct btr_span){0};
    struct btr_span roots[4] = {{0}};
    unsigned root_count = 1;
    for (uint32_t i = 0; i < e->attr_count; i++)
        if (r->attrs[e->attr_first + i].key == BTR_ATTR_FILE_ROOT && root_count < 4)
            roots[root_count++] = r->attrs[e->attr_first + i].value;
    for (uint32_t i = 0; i < e->attr_count; i++) {
        const struct btr_attr *a = &r->attrs[e->attr_first + i];
        for (unsigned k = 0; a->key == BTR_ATTR_FILE_PATH && k < root_count; k++)
            if (btr_id_equal(btr_identity_file(host, roots[k], a->value), e->id)) {
                e->path = a->value;
                e->root = roots[k];
            }
    }
}

static uint8_t scope_of_kind(unsigned kind)
{
    switch (kind) {
    case BTR_KIND_PROCESS:
    case BTR_KIND_FLOW:
    case BTR_KIND_CHANNEL:
    case BTR_KIND_SESSION:
    case BTR_KIND_MEMORY:
        return FLEET_SCOPE_UNIT;
    default:
        return FLEET_SCOPE_SITE;
    }
}

static int entity_load(void *self, const struct btr_entity *from)
{
    struct fleet_recording *r = self;
    if (!fleet_room(&r->entities, r->entity_count, &r->entity_capacity, sizeof(*r->entities)))
        return BTR_E_NOMEM;
    struct fleet_entity *e = &r->entities[r->entity_count];
    *e = (struct fleet_entity){.id = from->id,
                               .host = from->host.size > 0 ? host_of(r, from->host) : UINT32_MAX,
                               .attr_first = r->attr_count,
                               .attr_count = from->attr_count,
                               .kind = from->kind,
                               .flags = from->flags,
                               .scope = scope_of_kind(from->kind)};
    for (uint32_t i = 0; i < from->attr_count; i++) {
        if (!fleet_room(&r->attrs, r->attr_count, &r->attr_capacity, sizeof(*r->attrs)))
            return BTR_E_NOMEM;
        struct btr_attr *a = &r->attrs[r->attr_count++];
        *a = from->attrs[i];
        if (!btr_arena_copy(r->arena, from->attrs[i].value, &a->value))
            return BTR_E_NOMEM;
    }
    if (e->kind == BTR_KIND_FILE)
        path_find(r, e);
    if (btr_idmap_add(&r->by_id, e->id, r->entity_count) == UINT32_MAX)
        return BTR_E_NOMEM;
    r->entity_count++;
    return 0;
}

/* An entity that was never described has nothing but its id. */
static uint32_t entity_of(struct fleet_recording *r, struct btr_id id)
{
    uint32_t found = btr_idmap_add(&r->by_id, id, r->entity_count);
    if (found != r->entity_count)
        return found;
    if (!fleet_room(&r->entities, r->entity_count, &r->entity_capacity, sizeof(*r->entities)))
        return UINT32_MAX;
    r->entities[r->entity_count] =
        (struct fleet_entity){.id = id, .host = UINT32_MAX, .scope = FLEET_SCOPE_UNIT};
    return r->entity_count++;
}

/* ---- Events --------------------------------------------------------------------------------- */

static uint32_t stream_of(struct fleet_recording *r, const struct btr_event_full *from)
{
    uint32_t host = host_of(r, from->host);
    for (uint32_t i = 0; i < r->stream_count; i++)
        if (r->streams[i].host == host && btr_span_equal(r->streams[i].source, from->source) &&
            btr_span_equal(r->streams[i].input, from->input))
            return i;
    struct fleet_stream s = {.host = host};
    if (host == UINT32_MAX || !btr_arena_copy(r->arena, from->source, &s.source) ||
        !btr_arena_copy(r->arena, from->input, &s.input) ||
        !fleet_room(&r->streams, r->stream_count, &r->stream_capacity, sizeof(*r->streams)))
        return UINT32_MAX;
    r->streams[r->stream_count] = s;
    return r->stream_count++;
}

static void bounds_take(struct fleet_recording *r, const struct btr_event *e)
{
    if (r->event_count == 1 || e->last_ns < r->first_ns)
        r->first_ns = e->last_ns;
    if (r->event_count == 1 || e->last_ns > r->last_ns)
        r->last_ns = e->last_ns;
    if (e->record_id > r->record_most)
        r->record_most = e->record_id;
    if (e->record_id > 0 && (r->record_least == 0 || e->record_id < r->record_least))
        r->record_least = e->record_id;
}

static int event_load(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct fleet_recording *r = self;
    const struct btr_event *from = &full->event;
    uint32_t subject = entity_of(r, from->subject), object = entity_of(r, from->object);
    uint32_t stream = stream_of(r, full);
    (void)ref;
    if (subject == UINT32_MAX || object == UINT32_MAX || stream >= STREAMS_MAX ||
        from->line > UINT32_MAX ||
        !fleet_room(&r->events, r->event_count, &r->event_capacity, sizeof(*r->events)))
        return BTR_E_NOMEM;
    r->events[r->event_count++] = (struct fleet_event){.time_ns = from->time_ns,
                                                       .first_ns = from->first_ns,
                                                       .last_ns = from->last_ns,
                                                       .bytes = from->bytes,
                                                       .record_id = from->record_id,
                                                       .line = (uint32_t)from->line,
                                                       .subject = subject,
                                                       .object = object,
                                                       .stream = (uint16_t)stream,
                                                       .operation = from->operation,
                                                       .doubt = from->doubt,
                                                       .flags = from->flags};
    bounds_take(r, from);
    return 0;
}

#define COMPARE(a, b)                                                                              \
    do {                                                                                           \
        if ((a) != (b))                                                                            \
            return (a) < (b) ? -1 : 1;                                                             \
    } while (0)

/* A whole order over all that an event says, so that the store's own order does not matter. */
static int event_compare(const void *left, const void *right)
{
    const struct fleet_event *a = left, *b = right;
    COMPARE(a->stream, b->stream);
    COMPARE(a->line, b->line);
    COMPARE(a->flags & (BTR_EVENT_PART | BTR_EVENT_IMPLIED),
            b->flags & (BTR_EVENT_PART | BTR_EVENT_IMPLIED));
    COMPARE(a->last_ns, b->last_ns);
    COMPARE(a->first_ns, b->first_ns);
    COMPARE(a->operation, b->operation);
    COMPARE(a->subject, b->subject);
    COMPARE(a->object, b->object);
    COMPARE(a->record_id, b->record_id);
    COMPARE(a->bytes, b->bytes);
    COMPARE(a->time_ns, b->time_ns);
    COMPARE(a->flags, b->flags);
    COMPARE(a->doubt, b->doubt);
    return 0;
}

static int stream_compare(const struct fleet_recording *r, uint32_t a, uint32_t b)
{
    const struct fleet_stream *x = &r->streams[a], *y = &r->streams[b];
    int c = btr_span_compare(r->hosts[x->host], r->hosts[y->host]);
    if (c == 0)
        c = btr_span_compare(x->source, y->source);
    return c != 0 ? c : btr_span_compare(x->input, y->input);
}

/* Streams by name, events by stream and line. */
static void put_in_order(struct fleet_recording *r)
{
    uint16_t place[STREAMS_MAX];
    struct fleet_stream moved[STREAMS_MAX];
    uint32_t count = r->stream_count;
    for (uint32_t i = 0; i < count; i++) {
        place[i] = 0;
        for (uint32_t k = 0; k < count; k++)
            if (k != i && stream_compare(r, k, i) < 0)
                place[i]++;
        moved[place[i]] = r->streams[i];
    }
    memcpy(r->streams, moved, count * sizeof(*moved));
    for (uint32_t i = 0; i < r->event_count; i++)
        r->events[i].stream = place[r->events[i].stream];
    qsort(r->events, r->event_count, sizeof(*r->events), event_compare);
    for (uint32_t i = 0; i < r->event_count; i++) {
        struct fleet_stream *s = &r->streams[r->events[i].stream];
        if (s->event_count++ == 0)
            s->event_first = i;
        s->line_count = r->events[i].line;
    }
}

/* Files that came and went within the recording, and those of one process. */
static bool scopes_find(struct fleet_recording *r)
{
    enum { CREATED = 1, DELETED = 2 };
    uint8_t *seen = calloc(r->entity_count + 1, 1);
    for (uint32_t i = 0; seen && i < r->event_count; i++) {
        if (r->events[i].operation == BTR_OP_CREATE)
            seen[r->events[i].object] |= CREATED;
        if (r->events[i].operation == BTR_OP_DELETE)
            seen[r->events[i].object] |= DELETED;
    }
    for (uint32_t i = 0; seen && i < r->entity_count; i++) {
        struct fleet_entity *e = &r->entities[i];
        if (e->kind != BTR_KIND_FILE)
            continue;
        e->short_lived = e->path.size > 0 && seen[i] == (CREATED | DELETED);
        e->in_proc = fleet_is_proc_path(e->path);
        if (e->short_lived || e->in_proc)
            e->scope = FLEET_SCOPE_UNIT;
    }
    free(seen);
    return seen != NULL;
}

/* ---- The attack ----------------------------------------------------------------------------- */

static uint64_t pid_of(const struct fleet_recording *r, uint32_t entity)
{
    const struct fleet_entity *e = &r->entities[entity];
    uint64_t pid = 0;
    for (uint32_t i = 0; e->kind == BTR_KIND_PROCESS && i < e->attr_count; i++)
        if (r->attrs[e->attr_first + i].key == BTR_ATTR_PROCESS_PID)
            (void)btr_span_number(r->attrs[e->attr_first + i].value, 10, &pid);
    return pid;
}

static void range_mark(struct fleet_recording *r, const struct fleet_attack_range *range)
{
    for (uint32_t i = 0; i < r->event_count; i++) {
        struct fleet_event *e = &r->events[i];
        if (e->record_id < range->first || e->record_id > range->last ||
            !btr_span_equal(r->hosts[r->streams[e->stream].host], btr_span_of(range->host)))
            continue;
        if (range->pid == 0)
            e->attack = true;
        else if (pid_of(r, e->subject) == range->pid)
            r->entities[e->subject].attack = true;
    }
}

/* What a process of the attack did or suffered is the attack. */
static int attack_mark(struct fleet_recording *r, const char *path, struct btr_err *err)
{
    struct fleet_attack a = {0};
    int rc = fleet_attack_read(&a, path, err);
    for (uint32_t i = 0; rc == 0 && i < a.count; i++)
        range_mark(r, &a.ranges[i]);
    for (uint32_t i = 0; i < r->event_count; i++) {
        struct fleet_event *e = &r->events[i];
        e->attack = e->attack || r->entities[e->subject].attack || r->entities[e->object].attack;
        r->attack_count += e->attack;
    }
    fleet_attack_fini(&a);
    return rc;
}

static int load(struct fleet_recording *r, struct btr_reader *reader, struct btr_err *err)
{
    int rc = btr_reader_entities(reader, BTR_KIND_NONE, INT64_MIN, INT64_MAX, entity_load, r, err);
    if (rc == 0)
        rc = btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, event_load, r,
                               err);
    if (rc < 0)
        return rc;
    put_in_order(r);
    if (r->event_count == 0 || !scopes_find(r))
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "a recording without events");
    return 0;
}

int fleet_recording_load(struct fleet_recording *out, const char *store, const char *attack,
                         struct btr_err *err)
{
    struct btr_reader *reader = NULL;
    *out = (struct fleet_recording){.arena = btr_arena_new(SIZE_MAX / 4)};
    int rc = out->arena ? btr_reader_open(&reader, &store, 1, err)
                        : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    if (rc == 0)
        rc = load(out, reader, err);
    if (rc == 0 && attack)
        rc = attack_mark(out, attack, err);
    btr_reader_close(reader);
    return rc;
}

void fleet_recording_fini(struct fleet_recording *r)
{
    btr_arena_free(r->arena);
    btr_idmap_fini(&r->by_id);
    free(r->events);
    free(r->entities);
    free(r->attrs);
    free(r->hosts);
    free(r->streams);
    *r = (struct fleet_recording){0};
}
