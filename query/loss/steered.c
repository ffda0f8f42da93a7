/*
 * Others who may do as a file of the intrusion says: they read what a process that it drove had
 * written, as a configuration or a list, and then turned to the outside by themselves. None of them
 * is the intrusion's, and what they had is not said to be lost; but it is not certified either.
 */
#include <btr/identity.h>
#include <stdlib.h>
#include <string.h>

#include "loss/loss.h"

enum {
    STEERED_MAX = 1 << 20,  /* of whom and what, that are kept */
    CONNECTIONS_MAX = 4096, /* of one process that are looked at */
    STARTED_MAX = 1024,     /* of one process and below that are looked at */
    WALKS_MAX = 16          /* of each alone; the rest have one in common */
};

static struct btr_span id_bytes(const struct btr_id *id)
{
    return (struct btr_span){(const uint8_t *)id, sizeof *id};
}

int loss_steered_note(struct btr_loss *loss, const struct btr_extent_item *object,
                      const struct btr_flow *read, struct btr_err *err)
{
    uint32_t by = object->by;
    while (by != LOSS_NONE && loss->extent.items[by].role == BTR_EXTENT_OBJECT)
        by = loss->extent.items[by].by;
    if (by == LOSS_NONE || loss->extent.items[by].role != BTR_EXTENT_PROCESS)
        return 0;
    struct loss_steered s = {.process = read->other,
                             .file = object->entity,
                             .writer = loss->extent.items[by].entity,
                             .since_ns = read->first_ns > object->since_ns ? read->first_ns
                                                                           : object->since_ns,
                             .source = read->source};
    struct btr_span parts[] = {id_bytes(&s.process), id_bytes(&s.file)};
    if (loss->steered_count == STEERED_MAX) {
        loss->cut = true;
        return 0;
    }
    uint32_t at = btr_idmap_add(&loss->of_steered, btr_id_of(parts, 2), loss->steered_count);
    if (at != LOSS_NONE && at < loss->steered_count) {
        if (s.since_ns < loss->steered[at].since_ns)
            loss->steered[at] = s;
        return 0;
    }
    if (at != LOSS_NONE && loss->steered_count == loss->steered_capacity) {
        uint32_t capacity = loss->steered_capacity ? 2 * loss->steered_capacity : 64;
        struct loss_steered *grown = realloc(loss->steered, capacity * sizeof *grown);
        at = grown ? at : LOSS_NONE;
        loss->steered = grown ? grown : loss->steered;
        loss->steered_capacity = grown ? capacity : loss->steered_capacity;
    }
    if (at == LOSS_NONE)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who read what the intrusion wrote");
    loss->steered[loss->steered_count++] = s;
    return 0;
}

/* ---- Who turned to the outside -------------------------------------------------------------- */

struct turning {
    struct btr_id *ids; /* CONNECTIONS_MAX */
    uint32_t count;
};

static int turns_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct turning *t = self;
    for (uint32_t i = 0; i < flow_count && t->count < CONNECTIONS_MAX; i++) {
        const struct btr_flow *f = &flows[i];
        bool may = f->other_kind == BTR_KIND_FLOW || f->other_kind == BTR_KIND_NONE;
        bool turns = f->operation == BTR_OP_CONNECT || f->operation == BTR_OP_SEND;
        bool again = t->count && btr_id_equal(t->ids[t->count - 1], f->other);
        if (may && turns && !again)
            t->ids[t->count++] = f->other;
    }
    return t->count == CONNECTIONS_MAX;
}

/* Whether a connection was made by this end, or had no making. */
static int is_turned(struct btr_loss *loss, struct btr_id id, bool *turned, struct btr_err *err)
{
    struct btr_fact fact;
    struct btr_entity e;
    struct loss_end end;
    *turned = false;
    int rc = loss->facts.fact(loss->facts.self, id, &fact, err);
    if (rc < 0 || fact.kind != BTR_KIND_FLOW || !fact.outside)
        return rc;
    rc = loss_entity(loss, id, &e, err);
    struct btr_span to = btr_entity_attr(&e, BTR_ATTR_DESTINATION_IP, INT64_MAX);
    bool tcp =
        btr_span_equal(btr_entity_attr(&e, BTR_ATTR_NETWORK_TRANSPORT, INT64_MAX), BTR_SPAN("tcp"));
    if (rc == 0)
        rc = loss_far_end(loss, &e, &end, err);
    *turned = rc == 0 && (end.ip.size ? btr_span_equal(end.ip, to) : !tcp);
    return rc;
}

/* A process that only answers is asked by others, and does what it does for them. */
static int turns_out(struct btr_loss *loss, struct turning *t, const struct loss_steered *s,
                     bool *out, struct btr_err *err)
{
    t->count = 0;
    int rc = loss->all.flows(loss->all.self, s->process, BTR_SIDE_OUT_OF, s->since_ns, NULL,
                             turns_visit, t, err);
    *out = rc == 1; /* so many are not all looked at */
    rc = rc < 0 ? rc : 0;
    for (uint32_t i = 0; rc == 0 && !*out && i < t->count; i++)
        rc = is_turned(loss, t->ids[i], out, err);
    return rc;
}

/* ---- What they started ---------------------------------------------------------------------- */

/* A process that read a file, and what it started then, as if each had read it. */
struct starting {
    struct btr_loss *loss;
    struct loss_steered *list;
    uint32_t count;
    struct btr_idmap seen;
};

static int starts_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct starting *s = self;
    for (uint32_t i = 0; i < flow_count && s->count < STARTED_MAX; i++) {
        const struct btr_flow *f = &flows[i];
        if (f->operation != BTR_OP_FORK || loss_is_its_own(s->loss, f->other))
            continue;
        uint32_t at = btr_idmap_add(&s->seen, f->other, s->count);
        if (at == UINT32_MAX)
            return BTR_E_NOMEM;
        if (at != s->count)
            continue;
        s->list[s->count] = s->list[0];
        s->list[s->count].process = f->other;
        s->list[s->count++].since_ns = f->first_ns;
    }
    return s->count == STARTED_MAX;
}

/* Of one that was told nothing before, all that it started then. */
static int started_find(struct starting *s, const struct loss_steered *reader, struct btr_err *err)
{
    struct btr_loss *loss = s->loss;
    bool fresh = false;
    s->list[0] = *reader;
    s->count = 1;
    btr_idmap_clear(&s->seen);
    int rc = loss_is_fresh(loss, reader->process, reader->since_ns, NULL, &fresh, err);
    for (uint32_t i = 0; rc == 0 && fresh && i < s->count && s->count < STARTED_MAX; i++) {
        rc = loss->all.flows(loss->all.self, s->list[i].process, BTR_SIDE_OUT_OF,
                             s->list[i].since_ns, NULL, starts_visit, s, err);
        loss->cut |= rc == 1;
        if (rc == BTR_E_NOMEM)
            return btr_fail(err, rc, UINT64_MAX, "what was started");
        rc = rc < 0 ? rc : 0;
    }
    return rc;
}

/* Whether one of them turned to the outside. */
static int one_turns(struct btr_loss *loss, struct turning *t, const struct starting *s, bool *out,
                     struct btr_err *err)
{
    int rc = 0;
    *out = false;
    for (uint32_t i = 0; rc == 0 && !*out && i < s->count; i++)
        rc = turns_out(loss, t, &s->list[i], out, err);
    return rc;
}

static int kept_add(struct btr_loss *loss, struct loss_steered **kept, uint32_t *count,
                    uint32_t *capacity, const struct starting *s, struct btr_err *err)
{
    while (*count + s->count > *capacity) {
        uint32_t grown_capacity = *capacity ? 2 * *capacity : 64;
        struct loss_steered *grown = realloc(*kept, grown_capacity * sizeof *grown);
        if (!grown)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who turned to the outside");
        *kept = grown;
        *capacity = grown_capacity;
    }
    if (*count + s->count > STEERED_MAX) {
        loss->cut = true;
        return 0;
    }
    memcpy(*kept + *count, s->list, s->count * sizeof **kept);
    *count += s->count;
    return 0;
}

static int steered_sift(struct btr_loss *loss, struct btr_err *err)
{
    struct turning t = {.ids = malloc(CONNECTIONS_MAX * sizeof *t.ids)};
    struct starting s = {.loss = loss, .list = malloc(STARTED_MAX * sizeof *s.list)};
    struct loss_steered *kept = NULL;
    uint32_t count = 0, capacity = 0;
    int rc =
        t.ids && s.list ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who turned to the outside");
    for (uint32_t i = 0; rc == 0 && i < loss->steered_count; i++) {
        const struct loss_steered *reader = &loss->steered[i];
        bool driven = false, out = false;
        if (loss_is_its_own(loss, reader->process))
            continue;
        rc = loss_is_driven(loss, reader->writer, &driven, err);
        if (rc == 0 && driven)
            rc = started_find(&s, reader, err);
        if (rc == 0 && driven)
            rc = one_turns(loss, &t, &s, &out, err);
        if (rc == 0 && out)
            rc = kept_add(loss, &kept, &count, &capacity, &s, err);
    }
    free(loss->steered);
    loss->steered = kept;
    loss->steered_capacity = capacity;
    loss->steered_count = count;
    btr_idmap_fini(&s.seen);
    free(s.list);
    free(t.ids);
    return rc;
}

/* ---- What they may have had ----------------------------------------------------------------- */

/* A process may have run several programs: each had what it had. */
static int starts_add(struct btr_loss *loss, struct btr_id process, struct btr_buffer *starts,
                      struct btr_err *err)
{
    struct btr_fact fact;
    int rc = loss->facts.fact(loss->facts.self, process, &fact, err);
    for (uint32_t i = 0; rc == 0 && (i == 0 || i < fact.image_count); i++) {
        bool last = i + 1 >= fact.image_count;
        struct btr_start start = {process, last ? INT64_MAX : fact.images[i + 1].since_ns - 1,
                                  BTR_SOURCE_NONE};
        btr_buffer_put(starts, &start, sizeof start);
    }
    return rc;
}

static int steered_walk(struct btr_loss *loss, uint32_t which, struct btr_err *err)
{
    uint32_t count = which == WALKS_MAX ? loss->steered_count - which : 1;
    struct btr_buffer starts = {0};
    struct btr_trace *t = NULL;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = starts_add(loss, loss->steered[which + i].process, &starts, err);
    if (rc == 0 && starts.failed)
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who turned to the outside");
    if (rc == 0)
        rc = loss_walk(loss, &t, &loss->apart, BTR_WALK_BACKWARD,
                       (const struct btr_start *)(const void *)starts.at,
                       (uint32_t)(starts.size / sizeof(struct btr_start)), err);
    btr_buffer_fini(&starts);
    for (uint32_t i = 0; rc == 0 && i < t->node_count; i++) {
        struct btr_id id = btr_apart_whole_of(loss->parts, t->nodes[i].id);
        uint32_t piece = btr_idmap_get(&loss->of_piece, id);
        for (; piece != LOSS_NONE; piece = loss->pieces[piece].next) {
            struct loss_row *row = &loss->rows[loss->pieces[piece].asset];
            row->steered = row->steered == LOSS_NONE ? which : row->steered;
        }
    }
    btr_trace_free(t);
    return rc;
}

int loss_steered_find(struct btr_loss *loss, struct btr_err *err)
{
    int rc = steered_sift(loss, err);
    for (uint32_t i = 0; rc == 0 && i < loss->steered_count && i <= WALKS_MAX; i++)
        rc = steered_walk(loss, i, err);
    return rc;
}
