/*
 * By which connections something left: those to the outside that a process of the intrusion sent
 * on, and those that it was served on. An asset of the class "exit" is a way out, too.
 */
#include <stdlib.h>

#include "loss/loss.h"

struct sending {
    struct btr_loss *loss;
    struct btr_id process;
    struct loss_exit *found; /* of the process; to be told apart by whether they are ways out */
    btr_event_ref *refs;
    uint32_t count, capacity;
    struct btr_err *err;
};

/* A file that it gives a name, or another one: what that holds leaves, not what the process has. */
static bool moves(uint8_t operation)
{
    return operation == BTR_OP_RENAME || operation == BTR_OP_LINK;
}

bool loss_sends(uint8_t operation)
{
    return operation == BTR_OP_SEND || operation == BTR_OP_WRITE || operation == BTR_OP_CONNECT ||
           operation == BTR_OP_DNS_QUERY || operation == BTR_OP_SHARE_ACCESS ||
           operation == BTR_OP_CREATE || moves(operation);
}

/* Of pieces that nothing was done to nobody need ask who did it. */
static void touched_note(struct btr_loss *loss, const struct btr_flow *f)
{
    if (!btr_extent_writes(f->operation) && f->operation != BTR_OP_DELETE)
        return;
    uint32_t piece = btr_idmap_get(&loss->of_piece, f->other);
    for (; piece != LOSS_NONE; piece = loss->pieces[piece].next)
        loss->pieces[piece].touched = true;
}

static int sends_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct sending *s = self;
    const struct btr_content_sources *sources = &s->loss->content.sources;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        struct btr_content_source told;
        touched_note(s->loss, f);
        if (f->other_kind == BTR_KIND_CHANNEL && loss_pipe_note(s->loss, s->process, f, s->err) < 0)
            return BTR_E_NOMEM;
        if (!loss_sends(f->operation) ||
            loss_extent_at(s->loss, s->process, f->first_ns, f->last_ns) == LOSS_NONE)
            continue;
        int rc = sources->source(sources->self, f->source, &told, s->err);
        if (rc < 0)
            return rc;
        if (s->count == s->capacity) {
            uint32_t capacity = s->capacity ? 2 * s->capacity : 64;
            struct loss_exit *found = realloc(s->found, capacity * sizeof *found);
            if (found)
                s->found = found;
            btr_event_ref *refs = realloc(s->refs, capacity * sizeof *refs);
            if (refs)
                s->refs = refs;
            if (!found || !refs)
                return btr_fail(s->err, BTR_E_NOMEM, UINT64_MAX, "what the intrusion sent");
            s->capacity = capacity;
        }
        s->refs[s->count] = f->ref;
        s->found[s->count++] = (struct loss_exit){
            .entity = f->other,
            .process = s->process,
            .first_ns = f->first_ns,
            .last_ns = f->last_ns,
            .first_ref = f->ref,
            .last_ref = f->ref,
            .kind = moves(f->operation) ? LOSS_EXIT_MOVED : LOSS_EXIT_SENT,
            .holder = moves(f->operation) ? f->other : s->process,
            .bytes_whole = f->operation == BTR_OP_CONNECT || f->operation == BTR_OP_CREATE,
            .sent = btr_content_carries(f, told),
            .asset = LOSS_NONE};
    }
    return 0;
}

uint32_t loss_exit_asset(const struct btr_loss *loss, struct btr_id entity)
{
    uint32_t piece = btr_idmap_get(&loss->of_piece, entity);
    for (; piece != LOSS_NONE; piece = loss->pieces[piece].next)
        if (btr_assets_at(loss->options.assets, loss->pieces[piece].asset)->is_exit)
            return loss->pieces[piece].asset;
    return LOSS_NONE;
}

/* Whether a connection is one of an address that the intrusion came from, wherever that lies. */
static bool is_of_address(const struct btr_loss *loss, struct btr_id entity)
{
    uint32_t place = LOSS_NONE, item;
    while (loss_extent_each(loss, entity, &place, &item))
        if (loss->extent.items[item].why == BTR_EXTENT_ADDRESS)
            return true;
    return false;
}

/* A server's sends to others than the intrusion are none of it. */
static int is_way_out(struct btr_loss *loss, struct loss_exit *exit, bool *out, struct btr_err *err)
{
    struct btr_fact fact;
    uint32_t item = loss_extent_at(loss, exit->process, exit->first_ns, exit->last_ns);
    int rc = loss->facts.fact(loss->facts.self, exit->entity, &fact, err);
    exit->asset = rc == 0 ? loss_exit_asset(loss, exit->entity) : LOSS_NONE;
    *out = exit->asset != LOSS_NONE ||
           (fact.kind == BTR_KIND_FLOW && (fact.outside || is_of_address(loss, exit->entity))) ||
           fact.kind == BTR_KIND_DNS;
    if (loss->extent.items[item].role == BTR_EXTENT_SERVER && exit->asset == LOSS_NONE)
        *out =
            *out && loss_extent_at(loss, exit->entity, exit->first_ns, exit->last_ns) != LOSS_NONE;
    return rc;
}

int loss_exit_add(struct btr_loss *loss, const struct loss_exit *exit, struct btr_err *err)
{
    if (!btr_list_room(&loss->exits, loss->exit_count, &loss->exit_capacity, 64,
                       sizeof *loss->exits))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u ways out", loss->exit_count);
    loss->exits[loss->exit_count++] = *exit;
    return 0;
}

static int process_take(struct btr_loss *loss, struct sending *s, struct btr_err *err)
{
    uint64_t *bytes = malloc(((size_t)s->count + 1) * sizeof *bytes);
    uint32_t count = 0; /* of the ways out */
    int rc = bytes ? loss->facts.bytes(loss->facts.self, s->refs, s->count, bytes, err)
                   : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what the intrusion sent");
    for (uint32_t i = 0; rc == 0 && i < s->count; i++) {
        bool out = false;
        rc = is_way_out(loss, &s->found[i], &out, err);
        s->found[i].bytes_told = bytes[i] != BTR_BYTES_UNKNOWN;
        s->found[i].bytes_whole |= s->found[i].bytes_told;
        s->found[i].bytes = s->found[i].bytes_told ? bytes[i] : 0;
        s->found[i].sent &= !s->found[i].bytes_told || bytes[i] != 0;
        if (out)
            s->found[count++] = s->found[i];
    }
    if (rc == 0)
        rc = loss_straights_find(loss, s->process, s->found, count, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = loss_exit_add(loss, &s->found[i], err);
    free(bytes);
    return rc;
}

static int exit_compare(const void *x, const void *y)
{
    const struct loss_exit *a = x, *b = y;
    int c = btr_id_compare(a->entity, b->entity);
    if (c == 0)
        c = btr_id_compare(a->process, b->process);
    if (c == 0)
        c = a->kind - b->kind;
    if (c == 0)
        c = btr_id_compare(a->holder, b->holder);
    if (c == 0)
        c = (a->first_ns > b->first_ns) - (a->first_ns < b->first_ns);
    return c ? c : (a->first_ref > b->first_ref) - (a->first_ref < b->first_ref);
}

/* All that one process sent one way out is one. An event that two items have is counted once. */
static void exits_merge(struct btr_loss *loss)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < loss->exit_count; i++) {
        struct loss_exit *last = count ? &loss->exits[count - 1] : NULL;
        const struct loss_exit *next = &loss->exits[i];
        if (!last || !btr_id_equal(last->entity, next->entity) ||
            !btr_id_equal(last->process, next->process) || last->kind != next->kind ||
            !btr_id_equal(last->holder, next->holder)) {
            loss->exits[count++] = *next;
            continue;
        }
        if (next->first_ref == last->last_ref)
            continue;
        last->last_ref = next->first_ref;
        if (next->read_last_ns > last->read_last_ns)
            last->read_last_ns = next->read_last_ns;
        last->last_ns = next->last_ns > last->last_ns ? next->last_ns : last->last_ns;
        last->bytes += next->bytes;
        last->bytes_told |= next->bytes_told;
        last->bytes_whole &= next->bytes_whole;
        last->moved |= next->moved;
        last->sent |= next->sent;
    }
    loss->exit_count = count;
}

static int by_time(const void *x, const void *y)
{
    const struct loss_exit *a = x, *b = y;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return exit_compare(x, y);
}

static int senders_find(struct btr_loss *loss, struct btr_err *err)
{
    for (uint32_t i = 0; i < loss->exit_count; i++)
        if (loss->exits[i].kind != LOSS_EXIT_PAGE &&
            btr_idmap_add(&loss->senders, loss->exits[i].process, i) == UINT32_MAX)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who sent something out");
    return 0;
}

int loss_exits_find(struct btr_loss *loss, struct btr_err *err)
{
    struct sending s = {.loss = loss, .err = err};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++) {
        const struct btr_extent_item *item = &loss->extent.items[loss->extent_order[i]];
        if (item->role > BTR_EXTENT_SERVER || (i && btr_id_equal(item->entity, s.process)))
            continue;
        s.process = item->entity;
        s.count = 0;
        rc = loss->all.flows(loss->all.self, s.process, BTR_SIDE_OUT_OF, loss->since_ns, NULL,
                             sends_visit, &s, err);
        if (rc == 0)
            rc = process_take(loss, &s, err);
    }
    if (rc == 0)
        rc = loss_pages_find(loss, err);
    if (rc == 0 && loss->exit_count)
        qsort(loss->exits, loss->exit_count, sizeof *loss->exits, exit_compare);
    if (rc == 0)
        exits_merge(loss);
    if (rc == 0 && loss->exit_count)
        qsort(loss->exits, loss->exit_count, sizeof *loss->exits, by_time);
    if (rc == 0)
        rc = loss_straights_order(loss, err);
    if (rc == 0)
        rc = senders_find(loss, err);
    free(s.found);
    free(s.refs);
    return rc;
}
