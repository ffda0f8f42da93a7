/*
 * Who else read what processes of the intrusion wrote: files, as their reading is met with while
 * the extent grows, and pipes.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* Each with what it read once, as of when it did first. */
static int reader_add(struct btr_loss *loss, struct loss_steered s, struct btr_err *err)
{
    struct btr_span parts[] = {{(const uint8_t *)&s.process, sizeof s.process},
                               {(const uint8_t *)&s.file, sizeof s.file}};
    if (loss->steered_count == LOSS_STEERED_MAX) {
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

int loss_reader_note(struct btr_loss *loss, const struct btr_extent_item *object,
                     const struct btr_flow *read, struct btr_err *err)
{
    uint32_t by = object->by;
    while (by != LOSS_NONE && loss->extent.items[by].role == BTR_EXTENT_OBJECT)
        by = loss->extent.items[by].by;
    if (by == LOSS_NONE || loss->extent.items[by].role != BTR_EXTENT_PROCESS)
        return 0;
    return reader_add(loss,
                      (struct loss_steered){.process = read->other,
                                            .file = object->entity,
                                            .writer = loss->extent.items[by].entity,
                                            .since_ns = read->first_ns > object->since_ns
                                                            ? read->first_ns
                                                            : object->since_ns,
                                            .source = read->source},
                      err);
}

/* That it came of a way in is known: no writer is asked about. */
int loss_passed_note(struct btr_loss *loss, struct btr_id process, struct btr_id by,
                     int64_t since_ns, bool hands, struct btr_err *err)
{
    return reader_add(loss,
                      (struct loss_steered){.process = process,
                                            .file = by,
                                            .writer = process,
                                            .since_ns = since_ns,
                                            .source = BTR_SOURCE_NONE,
                                            .grows = true,
                                            .hands = hands},
                      err);
}

/* ---- Pipes ---------------------------------------------------------------------------------- */

int loss_pipe_note(struct btr_loss *loss, struct btr_id process, const struct btr_flow *write,
                   struct btr_err *err)
{
    const struct loss_pipe *last =
        loss->pipes && loss->pipe_count ? &loss->pipes[loss->pipe_count - 1] : NULL;
    if ((write->operation != BTR_OP_WRITE && write->operation != BTR_OP_SEND) ||
        (last && btr_id_equal(last->pipe, write->other) && btr_id_equal(last->writer, process)) ||
        !loss_is_own_at(loss, process, write->last_ns))
        return 0;
    if (loss->pipe_count == LOSS_STEERED_MAX) {
        loss->cut = true;
        return 0;
    }
    if (!loss->pipes || loss->pipe_count == loss->pipe_capacity) {
        uint32_t capacity = loss->pipe_capacity ? 2 * loss->pipe_capacity : 64;
        struct loss_pipe *grown = realloc(loss->pipes, capacity * sizeof *grown);
        if (!grown)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "pipes of the intrusion");
        loss->pipes = grown;
        loss->pipe_capacity = capacity;
    }
    loss->pipes[loss->pipe_count++] = (struct loss_pipe){write->other, process, write->first_ns};
    return 0;
}

struct piping {
    struct btr_loss *loss;
    const struct loss_pipe *pipe;
    struct btr_err *err;
};

static int pipe_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct piping *p = self;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        struct loss_steered s = {.process = f->other,
                                 .file = p->pipe->pipe,
                                 .writer = p->pipe->writer,
                                 .since_ns = f->first_ns > p->pipe->since_ns ? f->first_ns
                                                                             : p->pipe->since_ns,
                                 .source = f->source,
                                 .pipe = true};
        bool reads = f->operation == BTR_OP_READ || f->operation == BTR_OP_RECV;
        if (reads && !loss_is_own_at(p->loss, f->other, s.since_ns))
            rc = reader_add(p->loss, s, p->err);
    }
    return rc;
}

/* A socket has a name that many meet at: who reads there is its server. */
static int pipes_ask(struct btr_loss *loss, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; loss->pipes && rc == 0 && i < loss->pipe_count; i++) {
        struct piping p = {loss, &loss->pipes[i], err};
        struct btr_entity e;
        rc = loss_entity(loss, p.pipe->pipe, &e, err);
        if (rc == 0 && btr_entity_attr(&e, BTR_ATTR_CHANNEL_NAME, INT64_MAX).size == 0)
            rc = loss->all.flows(loss->all.self, p.pipe->pipe, BTR_SIDE_OUT_OF, p.pipe->since_ns,
                                 NULL, pipe_visit, &p, err);
    }
    return rc;
}

/* ---- All ------------------------------------------------------------------------------------ */

/* Those that are to be asked about: each process once for each sort of what came to it, as of when
 * that did first. */
static int readers_settle(struct btr_loss *loss, struct btr_err *err)
{
    struct btr_idmap seen = {0};
    uint32_t count = 0;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->steered_count; i++) {
        const struct loss_steered s = loss->steered[i];
        bool driven = s.grows;
        if (loss_is_own_at(loss, s.process, s.since_ns))
            continue;
        if (!driven)
            rc = loss_is_driven(loss, s.writer, &driven, err);
        if (rc < 0 || !driven)
            continue;
        struct btr_id key = {s.process.hi, s.process.lo ^ s.pipe ^ (uint64_t)s.grows << 1};
        uint32_t at = btr_idmap_add(&seen, key, count);
        if (at == UINT32_MAX)
            rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who read what the intrusion wrote");
        else if (at == count)
            loss->steered[count++] = s;
        else if (s.since_ns < loss->steered[at].since_ns)
            loss->steered[at] = s;
    }
    loss->steered_count = count;
    btr_idmap_fini(&seen);
    return rc;
}

int loss_readers_find(struct btr_loss *loss, struct btr_err *err)
{
    int rc = pipes_ask(loss, err);
    return rc == 0 ? readers_settle(loss, err) : rc;
}
