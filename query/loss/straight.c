/*
 * What went out of a file straight into a way out: by one call that reads the one and writes the
 * other (sendfile, splice, copy_file_range), of which the record tells a read and a write of as
 * many bytes. No program had them in between, so that nothing else can explain what left.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* One process's calls. */
struct straight {
    struct btr_loss *loss;
    struct btr_id process;
    struct loss_exit *sends; /* by their end */
    uint32_t send_count;
    struct btr_flow *reads; /* that ended as one of these did; from malloc */
    uint32_t read_count, read_capacity;
    struct btr_err *err;
};

static int end_compare(const void *x, const void *y)
{
    const struct loss_exit *a = x, *b = y;
    int c = (a->last_ns > b->last_ns) - (a->last_ns < b->last_ns);
    return c ? c : (a->first_ref > b->first_ref) - (a->first_ref < b->first_ref);
}

/* The first of the sends that ended at a time or later. */
static uint32_t sent_at(const struct straight *s, int64_t last_ns)
{
    uint32_t low = 0, high = s->send_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->sends[middle].last_ns < last_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool ended_at(const struct straight *s, uint32_t send, int64_t last_ns)
{
    return send < s->send_count && s->sends[send].last_ns == last_ns;
}

static int reads_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct straight *s = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        if (f->operation != BTR_OP_READ || (f->flags & BTR_EVENT_INTERVAL) ||
            !ended_at(s, sent_at(s, f->last_ns), f->last_ns))
            continue;
        if (!btr_list_room(&s->reads, s->read_count, &s->read_capacity, 64, sizeof *s->reads))
            return btr_fail(s->err, BTR_E_NOMEM, UINT64_MAX, "what was sent out of files");
        s->reads[s->read_count++] = *f;
    }
    return 0;
}

/* Whether an event says how much one call moved, and which call. */
static bool is_told(const struct btr_event_full *e)
{
    return e->event.record_id != 0 && e->stands_for == 1 && !e->event.doubt &&
           e->event.bytes != 0 && e->event.bytes != BTR_BYTES_UNKNOWN;
}

/* Whether two events are told by one record. A batch of records has one place, so that the number
 * says more. */
static bool is_one_record(const struct btr_event_full *a, const struct btr_event_full *b)
{
    return a->event.record_id == b->event.record_id && a->event.line == b->event.line &&
           btr_span_equal(a->host, b->host) && btr_span_equal(a->source, b->source) &&
           btr_span_equal(a->input, b->input) && btr_span_equal(a->input_digest, b->input_digest);
}

static int straight_add(struct btr_loss *loss, const struct btr_flow *read,
                        const struct loss_exit *send, uint64_t bytes, struct btr_err *err)
{
    if (!btr_list_room(&loss->straights, loss->straight_count, &loss->straight_capacity, 64,
                       sizeof *loss->straights))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what was sent out of files");
    loss->straights[loss->straight_count++] = (struct loss_straight){.process = send->process,
                                                                     .entity = send->entity,
                                                                     .file = read->other,
                                                                     .read_ref = read->ref,
                                                                     .ref = send->first_ref,
                                                                     .first_ns = send->first_ns,
                                                                     .last_ns = send->last_ns,
                                                                     .bytes = bytes};
    return 0;
}

/* Pairs a read with what the same call wrote. */
static int read_pair(struct straight *s, const struct btr_flow *read)
{
    struct btr_event_full from, to;
    int rc = btr_reader_event(s->loss->reader, read->ref, &from, s->err);
    if (rc < 0 || !is_told(&from))
        return rc;
    uint32_t i = sent_at(s, read->last_ns);
    for (; rc == 0 && ended_at(s, i, read->last_ns); i++) {
        struct loss_exit *send = &s->sends[i];
        if (!send->bytes_told || send->bytes != from.event.bytes)
            continue;
        rc = btr_reader_event(s->loss->reader, send->first_ref, &to, s->err);
        if (rc < 0 || !is_told(&to) || !is_one_record(&from, &to))
            continue;
        send->moved = true;
        send->sent = false;
        rc = straight_add(s->loss, read, send, from.event.bytes, s->err);
    }
    return rc;
}

int loss_straights_find(struct btr_loss *loss, struct btr_id process, struct loss_exit *sends,
                        uint32_t count, struct btr_err *err)
{
    struct straight s = {loss, process, sends, count, .err = err};
    struct btr_flow_parts then = {.only = true};
    if (count == 0)
        return 0;
    qsort(sends, count, sizeof *sends, end_compare);
    then.until_ns = sends[0].last_ns;
    int rc = loss->all.flows(loss->all.self, process, BTR_SIDE_INTO, sends[count - 1].last_ns,
                             &then, reads_visit, &s, err);
    for (uint32_t i = 0; rc == 0 && i < s.read_count; i++)
        rc = read_pair(&s, &s.reads[i]);
    free(s.reads);
    return rc;
}

static int straight_compare(const void *x, const void *y)
{
    const struct loss_straight *a = x, *b = y;
    int c = btr_id_compare(a->process, b->process);
    if (c == 0)
        c = btr_id_compare(a->entity, b->entity);
    if (c == 0)
        c = (a->read_ref > b->read_ref) - (a->read_ref < b->read_ref);
    return c ? c : (a->ref > b->ref) - (a->ref < b->ref);
}

int loss_straights_order(struct btr_loss *loss, struct btr_err *err)
{
    if (loss->straight_count)
        qsort(loss->straights, loss->straight_count, sizeof *loss->straights, straight_compare);
    for (uint32_t i = 0; i < loss->straight_count; i++)
        if (!btr_u64map_set(&loss->of_straight, loss->straights[i].read_ref, i))
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what was sent out of files");
    return 0;
}

const struct loss_straight *loss_straight_of(const struct btr_loss *loss, btr_event_ref read)
{
    uint32_t at = btr_u64map_get(&loss->of_straight, read);
    return at == UINT32_MAX ? NULL : &loss->straights[at];
}

bool loss_moved_any(const struct btr_loss *loss, const struct loss_exit *exit,
                    const struct btr_idmap *files, const int64_t *since_ns)
{
    struct loss_straight key = {.process = exit->process, .entity = exit->entity};
    uint32_t low = 0, high = loss->straight_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (straight_compare(&loss->straights[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < loss->straight_count; low++) {
        const struct loss_straight *s = &loss->straights[low];
        if (!btr_id_equal(s->process, key.process) || !btr_id_equal(s->entity, key.entity))
            break;
        uint32_t at = btr_idmap_get(files, s->file);
        if (at != UINT32_MAX && (!since_ns || since_ns[at] <= s->last_ns))
            return true;
    }
    return false;
}
