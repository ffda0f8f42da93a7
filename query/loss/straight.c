/*
 * What went out of a file straight into a way out: by one call that reads the one and writes the
 * other (sendfile, splice, copy_file_range), of which the record tells a read and a write of as
 * many bytes. No program had them in between, so that nothing else can explain what left.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* A write that ended when a read did, and the record that tells it. */
struct written {
    uint32_t send;
    int64_t last_ns;
    struct btr_event_full told;
};

/* One process's calls. */
struct straight {
    struct btr_loss *loss;
    struct loss_exit *sends; /* by their end */
    uint32_t send_count;
    struct btr_flow *reads; /* that ended as one of these did; from malloc */
    uint32_t read_count, read_capacity;
    struct written *written; /* by record; from malloc */
    uint32_t written_count, written_capacity;
    struct btr_err *err;
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what was sent out of files");
}

/* ---- What ended at one moment ---- */

static int end_compare(const void *x, const void *y)
{
    const struct loss_exit *a = x, *b = y;
    int c = (a->last_ns > b->last_ns) - (a->last_ns < b->last_ns);
    return c ? c : (a->first_ref > b->first_ref) - (a->first_ref < b->first_ref);
}

static int read_compare(const void *x, const void *y)
{
    const struct btr_flow *a = x, *b = y;
    int c = (a->last_ns > b->last_ns) - (a->last_ns < b->last_ns);
    return c ? c : (a->ref > b->ref) - (a->ref < b->ref);
}

/* Whether one of the sends ended at a time. */
static bool is_sent_at(const struct straight *s, int64_t last_ns)
{
    uint32_t low = 0, high = s->send_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->sends[middle].last_ns < last_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->send_count && s->sends[low].last_ns == last_ns;
}

static int reads_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct straight *s = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        if (f->operation != BTR_OP_READ || (f->flags & BTR_EVENT_INTERVAL) ||
            !is_sent_at(s, f->last_ns))
            continue;
        if (!btr_list_room(&s->reads, s->read_count, &s->read_capacity, 64, sizeof *s->reads))
            return out_of_memory(s->err);
        s->reads[s->read_count++] = *f;
    }
    return 0;
}

/* ---- What one record tells ---- */

/* Whether an event says how much one call moved, and which call. */
static bool is_told(const struct btr_event_full *e)
{
    return e->event.record_id != 0 && e->stands_for == 1 && !e->event.doubt &&
           e->event.bytes != 0 && e->event.bytes != BTR_BYTES_UNKNOWN;
}

static int number_compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* By time and record. A batch of records has one place, so that the number says more. */
static int record_compare(const struct written *a, const struct written *b)
{
    int c = (a->last_ns > b->last_ns) - (a->last_ns < b->last_ns);
    if (c == 0)
        c = number_compare(a->told.event.record_id, b->told.event.record_id);
    if (c == 0)
        c = number_compare(a->told.event.line, b->told.event.line);
    if (c == 0)
        c = btr_span_compare(a->told.host, b->told.host);
    if (c == 0)
        c = btr_span_compare(a->told.source, b->told.source);
    if (c == 0)
        c = btr_span_compare(a->told.input, b->told.input);
    return c ? c : btr_span_compare(a->told.input_digest, b->told.input_digest);
}

static int written_compare(const void *x, const void *y)
{
    const struct written *a = x, *b = y;
    int c = record_compare(a, b);
    return c ? c : (a->send > b->send) - (a->send < b->send);
}

/* Reads the records of those sends that ended when a read did: each once. */
static int written_find(struct straight *s)
{
    int rc = 0;
    for (uint32_t i = 0, at = 0; rc == 0 && i < s->send_count; i++) {
        struct written w = {.send = i, .last_ns = s->sends[i].last_ns};
        while (at < s->read_count && s->reads[at].last_ns < w.last_ns)
            at++;
        if (at == s->read_count)
            break;
        if (s->reads[at].last_ns != w.last_ns || !s->sends[i].bytes_told)
            continue;
        rc = btr_reader_event(s->loss->reader, s->sends[i].first_ref, &w.told, s->err);
        if (rc < 0 || !is_told(&w.told))
            continue;
        if (!btr_list_room(&s->written, s->written_count, &s->written_capacity, 64,
                           sizeof *s->written))
            return out_of_memory(s->err);
        s->written[s->written_count++] = w;
    }
    if (s->written_count)
        qsort(s->written, s->written_count, sizeof *s->written, written_compare);
    return rc;
}

static int straight_add(struct straight *s, const struct btr_flow *read,
                        const struct loss_exit *send)
{
    struct btr_loss *loss = s->loss;
    if (!btr_list_room(&loss->straights, loss->straight_count, &loss->straight_capacity, 64,
                       sizeof *loss->straights))
        return out_of_memory(s->err);
    loss->straights[loss->straight_count++] = (struct loss_straight){.process = send->process,
                                                                     .entity = send->entity,
                                                                     .file = read->other,
                                                                     .exit = LOSS_NONE,
                                                                     .read_ref = read->ref,
                                                                     .ref = send->first_ref,
                                                                     .first_ns = send->first_ns,
                                                                     .last_ns = send->last_ns,
                                                                     .bytes = send->bytes};
    return 0;
}

/* Pairs a read with what the same call wrote. */
static int read_pair(struct straight *s, const struct btr_flow *read)
{
    struct written key = {.last_ns = read->last_ns};
    int rc = btr_reader_event(s->loss->reader, read->ref, &key.told, s->err);
    if (rc < 0 || !is_told(&key.told))
        return rc;
    uint32_t low = 0, high = s->written_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (record_compare(&s->written[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; rc == 0 && low < s->written_count && record_compare(&s->written[low], &key) == 0;
         low++) {
        struct loss_exit *send = &s->sends[s->written[low].send];
        if (send->bytes != key.told.event.bytes)
            continue;
        send->moved = true;
        send->sent = false;
        rc = straight_add(s, read, send);
    }
    return rc;
}

int loss_straights_find(struct btr_loss *loss, struct btr_id process, struct loss_exit *sends,
                        uint32_t count, struct btr_err *err)
{
    struct straight s = {.loss = loss, .sends = sends, .send_count = count, .err = err};
    struct btr_flow_parts then = {.only = true};
    if (count == 0)
        return 0;
    qsort(sends, count, sizeof *sends, end_compare);
    then.until_ns = sends[0].last_ns;
    int rc = loss->all.flows(loss->all.self, process, BTR_SIDE_INTO, sends[count - 1].last_ns,
                             &then, reads_visit, &s, err);
    if (rc == 0 && s.read_count) {
        qsort(s.reads, s.read_count, sizeof *s.reads, read_compare);
        rc = written_find(&s);
    }
    for (uint32_t i = 0; rc == 0 && s.written_count && i < s.read_count; i++)
        rc = read_pair(&s, &s.reads[i]);
    free(s.reads);
    free(s.written);
    return rc;
}

/* ---- Who asks for it ---- */

static int straight_compare(const void *x, const void *y)
{
    const struct loss_straight *a = x, *b = y;
    int c = btr_id_compare(a->file, b->file);
    if (c == 0)
        c = (a->exit > b->exit) - (a->exit < b->exit);
    if (c == 0)
        c = (a->read_ref > b->read_ref) - (a->read_ref < b->read_ref);
    return c ? c : (a->ref > b->ref) - (a->ref < b->ref);
}

static struct btr_id key_of(struct btr_id process, struct btr_id entity)
{
    struct btr_id parts[2] = {process, entity};
    return btr_id_of(&(struct btr_span){(const uint8_t *)parts, sizeof parts}, 1);
}

int loss_straights_order(struct btr_loss *loss, struct btr_err *err)
{
    struct btr_idmap exits = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && loss->straight_count && i < loss->exit_count; i++)
        if (loss->exits[i].moved)
            ok = btr_idmap_add(&exits, key_of(loss->exits[i].process, loss->exits[i].entity), i) !=
                 UINT32_MAX;
    for (uint32_t i = 0; ok && i < loss->straight_count; i++) {
        struct loss_straight *s = &loss->straights[i];
        s->exit = btr_idmap_get(&exits, key_of(s->process, s->entity));
    }
    btr_idmap_fini(&exits);
    if (loss->straight_count)
        qsort(loss->straights, loss->straight_count, sizeof *loss->straights, straight_compare);
    for (uint32_t i = 0; ok && i < loss->straight_count; i++)
        ok = btr_u64map_set(&loss->of_straight, loss->straights[i].read_ref, i);
    return ok ? 0 : out_of_memory(err);
}

const struct loss_straight *loss_straight_of(const struct btr_loss *loss, btr_event_ref read)
{
    uint32_t at = btr_u64map_get(&loss->of_straight, read);
    return at == UINT32_MAX ? NULL : &loss->straights[at];
}

void loss_straights_mark(const struct btr_loss *loss, struct btr_id file, int64_t since_ns,
                         uint8_t *exits)
{
    uint32_t low = 0, high = loss->straight_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (btr_id_compare(loss->straights[middle].file, file) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < loss->straight_count && btr_id_equal(loss->straights[low].file, file); low++)
        if (loss->straights[low].last_ns >= since_ns)
            exits[loss->straights[low].exit] = 1;
}
