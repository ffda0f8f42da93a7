/*
 * What the intrusion wrote and a server handed to others outside: a dump in a web root that
 * somebody fetches from another address. A server that reads such a file answers with it the
 * request that it took last.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* A request is older than the reading of the file by this at most. */
#define PAGE_NS (INT64_C(60) * 1000000000)

/* Of a file that its program opens as often a server tells nobody anything new. */
#define PAGE_TELLS 0.3

enum {
    READS_MAX = 65536, /* of one file that are followed */
    ASKED_MAX = 1024   /* files of others that are asked about */
};

bool loss_is_staged(const struct btr_loss *loss, struct btr_id file)
{
    uint32_t place = LOSS_NONE, at;
    while (loss_extent_each(loss, file, &place, &at)) {
        uint32_t by = loss->extent.items[at].by;
        while (by != LOSS_NONE && loss->extent.items[by].role == BTR_EXTENT_OBJECT)
            by = loss->extent.items[by].by;
        if (by != LOSS_NONE && loss->extent.items[by].role == BTR_EXTENT_PROCESS)
            return true;
    }
    return false;
}

/* ---- Who read it ---- */

/* Something that came to a process by a connection. */
struct ask {
    struct btr_id connection;
    int64_t first_ns, last_ns;
};

struct reading {
    struct btr_loss *loss;
    struct btr_flow *list; /* by process, then time */
    uint32_t count;
    struct btr_idmap answered; /* requests, of the file at hand */
    struct ask *asks;          /* of the process at hand, by time */
    uint32_t ask_count, ask_capacity;
    uint32_t *open; /* those that may still come when a read is over; as many as asks */
    uint32_t open_count, next;
    struct ask over; /* of those that came before it the last */
    bool ask;        /* whether it was handed out is all that is asked */
    bool handed;
    struct btr_err *err;
};

/* What the intrusion reads, or has read for it, its own ways out tell. */
static int reads_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct reading *r = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        bool process = f->other_kind == BTR_KIND_PROCESS || f->other_kind == BTR_KIND_NONE;
        if (!process || loss_extent_at(r->loss, f->other, f->first_ns, f->last_ns) != LOSS_NONE)
            continue;
        if (r->count == READS_MAX && !r->ask) /* there are more */
            r->loss->cut = true;
        r->handed |= r->count == READS_MAX; /* some of them may be */
        if (r->count < READS_MAX)
            r->list[r->count++] = *f;
    }
    return 0;
}

static int read_compare(const void *x, const void *y)
{
    const struct btr_flow *a = x, *b = y;
    int c = btr_id_compare(a->other, b->other);
    if (c == 0)
        c = (a->last_ns > b->last_ns) - (a->last_ns < b->last_ns);
    return c ? c : (a->ref > b->ref) - (a->ref < b->ref);
}

/* ---- Which requests came --------------------------------------------------------------------- */

static bool asks(uint8_t operation)
{
    return operation == BTR_OP_RECV || operation == BTR_OP_READ || operation == BTR_OP_ACCEPT;
}

static int asks_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct reading *r = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        bool may = f->other_kind == BTR_KIND_FLOW || f->other_kind == BTR_KIND_NONE;
        if (!asks(f->operation) || !may)
            continue;
        if (!btr_list_room(&r->asks, r->ask_count, &r->ask_capacity, 64, sizeof *r->asks))
            return btr_fail(r->err, BTR_E_NOMEM, UINT64_MAX, "what servers were asked");
        r->asks[r->ask_count++] = (struct ask){f->other, f->first_ns, f->last_ns};
    }
    return 0;
}

static int ask_compare(const void *x, const void *y)
{
    const struct ask *a = x, *b = y;
    int c = (a->first_ns > b->first_ns) - (a->first_ns < b->first_ns);
    return c ? c : btr_id_compare(a->connection, b->connection);
}

/* All that came to a process in a stretch. */
static int asks_find(struct reading *r, struct btr_id process, int64_t from_ns, int64_t until_ns)
{
    struct btr_loss *loss = r->loss;
    struct btr_flow_parts window = {.only = true, .until_ns = from_ns};
    r->ask_count = r->open_count = r->next = 0;
    r->over = (struct ask){.last_ns = INT64_MIN};
    int rc = loss->all.flows(loss->all.self, process, BTR_SIDE_INTO, until_ns, &window, asks_visit,
                             r, r->err);
    free(r->open);
    r->open = rc == 0 ? calloc((size_t)r->ask_count + 1, sizeof *r->open) : NULL;
    if (rc == 0 && !r->open)
        return btr_fail(r->err, BTR_E_NOMEM, UINT64_MAX, "what servers were asked");
    if (rc == 0 && r->ask_count)
        qsort(r->asks, r->ask_count, sizeof *r->asks, ask_compare);
    return rc;
}

/* Of two that came as late the one of the lesser connection. */
static bool is_later(const struct ask *a, const struct ask *b)
{
    return a->last_ns > b->last_ns ||
           (a->last_ns == b->last_ns && btr_id_compare(a->connection, b->connection) < 0);
}

/* The last that came before a read was over, or came by then still. Reads are asked for by time.
 * @return false when nothing came in the time that a request may be old */
static bool ask_before(struct reading *r, const struct btr_flow *read, struct ask *ask)
{
    uint32_t kept = 0;
    while (r->next < r->ask_count && r->asks[r->next].first_ns <= read->last_ns)
        r->open[r->open_count++] = r->next++;
    *ask = (struct ask){.last_ns = INT64_MIN};
    for (uint32_t i = 0; i < r->open_count; i++) {
        const struct ask *a = &r->asks[r->open[i]];
        if (a->last_ns < read->last_ns) {
            r->over = is_later(a, &r->over) ? *a : r->over;
            continue;
        }
        struct ask still = {a->connection, a->first_ns, read->last_ns};
        *ask = is_later(&still, ask) ? still : *ask;
        r->open[kept++] = r->open[i];
    }
    r->open_count = kept;
    *ask = is_later(&r->over, ask) ? r->over : *ask;
    return ask->last_ns != INT64_MIN && ask->last_ns >= read->first_ns - PAGE_NS;
}

/* ---- Which request that answered ---- */

/* The request that a process took last before it read a file, and what it sent until the next. */
struct request {
    const struct btr_flow *read;
    struct btr_id connection;
    int64_t next_ns; /* when the next one came by the same connection; INT64_MAX */
    struct btr_flow *sends;
    uint32_t count, capacity;
    struct btr_err *err;
};

static int next_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct request *q = self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (asks(flows[i].operation) && btr_id_equal(flows[i].other, q->read->other) &&
            flows[i].first_ns > q->read->last_ns && flows[i].first_ns < q->next_ns)
            q->next_ns = flows[i].first_ns;
    return 0;
}

static int sends_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct request *q = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        bool sends = f->operation == BTR_OP_SEND || f->operation == BTR_OP_WRITE;
        if (!sends || !btr_id_equal(f->other, q->read->other) || f->last_ns < q->read->first_ns ||
            f->first_ns >= q->next_ns)
            continue;
        if (!btr_list_room(&q->sends, q->count, &q->capacity, 16, sizeof *q->sends))
            return btr_fail(q->err, BTR_E_NOMEM, UINT64_MAX, "what a server handed out");
        q->sends[q->count++] = *f;
    }
    return 0;
}

static int page_add(struct btr_loss *loss, struct btr_id file, const struct request *q,
                    struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < q->count; i++) {
        const struct btr_flow *f = &q->sends[i];
        uint64_t bytes = BTR_BYTES_UNKNOWN;
        rc = loss->facts.bytes(loss->facts.self, &f->ref, 1, &bytes, err);
        bool told = bytes != BTR_BYTES_UNKNOWN;
        if (rc == 0)
            rc = loss_exit_add(loss,
                               &(struct loss_exit){.entity = q->connection,
                                                   .process = q->read->other,
                                                   .holder = file,
                                                   .first_ns = f->first_ns,
                                                   .last_ns = f->last_ns,
                                                   .bytes = told ? bytes : 0,
                                                   .bytes_told = told,
                                                   .bytes_whole = told,
                                                   .kind = LOSS_EXIT_PAGE,
                                                   .first_ref = f->ref,
                                                   .last_ref = f->ref,
                                                   .read_ref = q->read->ref,
                                                   .read_ns = q->read->last_ns,
                                                   .read_last_ns = q->read->last_ns,
                                                   .asset = LOSS_NONE},
                               err);
    }
    return rc;
}

/* Whether a connection came from the outside to who serves it. */
static int came_from_outside(struct btr_loss *loss, struct btr_id connection, bool *came,
                             struct btr_err *err)
{
    struct btr_entity e;
    struct loss_end end = {{0}, {0}};
    int rc = loss_entity(loss, connection, &e, err);
    if (rc == 0)
        rc = loss_far_end(loss, &e, &end, err);
    *came = rc == 0 && end.ip.size &&
            btr_span_equal(end.ip, btr_entity_attr(&e, BTR_ATTR_SOURCE_IP, INT64_MAX));
    return rc;
}

/* What a server reads for every request, as sshd the password file, is no answer to one; of one
 * that runs for many requests how often it was run says nothing. */
static int is_answer(struct btr_loss *loss, struct btr_id file, const struct btr_flow *read,
                     bool *answer, struct btr_err *err)
{
    struct btr_fact who, what;
    bool many = false, usual = false;
    int rc = loss->facts.fact(loss->facts.self, read->other, &who, err);
    if (rc == 0)
        rc = loss->facts.fact(loss->facts.self, file, &what, err);
    if (rc == 0)
        rc = btr_extent_serves_many(&loss->all, read->other, &many, err);
    if (rc == 0 && !many)
        rc = loss_is_usual(loss, LOSS_NONE, read->other, file, read->last_ns, &usual, err);
    else if (rc == 0)
        usual = what.file && loss->found->usual.self &&
                btr_usual_tells(&loss->found->usual, btr_fact_program(&who, read->last_ns),
                                what.file) < PAGE_TELLS;
    *answer = rc == 0 && !usual;
    return rc;
}

/* The connection on which a server answered with what it read, if that is one from the outside. An
 * answer that several reads made is one. */
static int read_follow(struct reading *r, struct btr_id file, const struct btr_flow *read)
{
    struct btr_loss *loss = r->loss;
    struct request q = {.read = read, .next_ns = INT64_MAX, .err = r->err};
    struct ask ask;
    bool came = false;
    if (!ask_before(r, read, &ask))
        return 0;
    q.connection = ask.connection;
    struct btr_span parts[] = {{(const uint8_t *)&ask.connection, sizeof ask.connection},
                               {(const uint8_t *)&ask.last_ns, sizeof ask.last_ns},
                               {(const uint8_t *)&read->other, sizeof read->other}};
    uint32_t before = r->answered.count;
    if (btr_idmap_add(&r->answered, btr_id_of(parts, 3), 0) == UINT32_MAX)
        return btr_fail(r->err, BTR_E_NOMEM, UINT64_MAX, "what servers handed out");
    if (r->answered.count == before)
        return 0;
    int rc = came_from_outside(loss, q.connection, &came, r->err);
    if (rc == 0 && came)
        rc = is_answer(loss, file, read, &came, r->err);
    if (rc == 0 && came)
        rc = loss->all.flows(loss->all.self, q.connection, BTR_SIDE_OUT_OF, read->last_ns, NULL,
                             next_visit, &q, r->err);
    if (rc == 0 && came)
        rc = loss->all.flows(loss->all.self, q.connection, BTR_SIDE_INTO, INT64_MAX, NULL,
                             sends_visit, &q, r->err);
    r->handed |= q.count > 0;
    if (rc == 0 && !r->ask)
        rc = page_add(loss, file, &q, r->err);
    free(q.sends);
    return rc;
}

/* ---- All ---- */

/* Reads of one process that lie close together: what came to it is asked for once. */
static uint32_t group_end(const struct reading *r, uint32_t begin)
{
    uint32_t end = begin + 1;
    while (end < r->count && btr_id_equal(r->list[end].other, r->list[begin].other) &&
           r->list[end].first_ns - r->list[end - 1].last_ns <= PAGE_NS)
        end++;
    return end;
}

static int file_follow(struct reading *r, struct btr_id file, int64_t since_ns)
{
    struct btr_loss *loss = r->loss;
    r->count = 0;
    btr_idmap_reset(&r->answered);
    int rc = loss->edges.flows(loss->edges.self, file, BTR_SIDE_OUT_OF, since_ns, NULL, reads_visit,
                               r, r->err);
    if (rc == 0 && r->count)
        qsort(r->list, r->count, sizeof *r->list, read_compare);
    for (uint32_t i = 0, end; rc == 0 && i < r->count && !(r->ask && r->handed); i = end) {
        int64_t from_ns = r->list[i].first_ns;
        end = group_end(r, i);
        for (uint32_t n = i; n < end; n++)
            from_ns = r->list[n].first_ns < from_ns ? r->list[n].first_ns : from_ns;
        rc = asks_find(r, r->list[i].other, from_ns - PAGE_NS, r->list[end - 1].last_ns);
        for (uint32_t n = i; rc == 0 && n < end; n++)
            rc = read_follow(r, file, &r->list[n]);
    }
    return rc;
}

static int reading_init(struct reading *r, struct btr_loss *loss, struct btr_err *err)
{
    *r = (struct reading){.loss = loss, .list = malloc(READS_MAX * sizeof *r->list), .err = err};
    return r->list ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what servers handed out");
}

static void reading_fini(struct reading *r)
{
    btr_idmap_fini(&r->answered);
    free(r->asks);
    free(r->open);
    free(r->list);
}

int loss_is_page(struct btr_loss *loss, struct btr_id file, bool *page, struct btr_err *err)
{
    struct reading r;
    uint32_t known = btr_idmap_get(&loss->page_known, file);
    *page = known == 1;
    if (known != UINT32_MAX)
        return 0;
    if (loss->page_known.count == ASKED_MAX) { /* it may be */
        *page = true;
        return 0;
    }
    int rc = reading_init(&r, loss, err);
    r.ask = true;
    if (rc == 0)
        rc = file_follow(&r, file, loss->since_ns);
    *page = rc == 0 && r.handed;
    reading_fini(&r);
    if (rc == 0 && btr_idmap_add(&loss->page_known, file, *page) == UINT32_MAX)
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what servers handed out");
    return rc;
}

int loss_pages_find(struct btr_loss *loss, struct btr_err *err)
{
    struct reading r;
    struct btr_fact fact;
    int rc = reading_init(&r, loss, err);
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++) {
        const struct btr_extent_item *item = &loss->extent.items[i];
        if (item->role != BTR_EXTENT_OBJECT || !loss_extent_is_first(loss, i) ||
            !loss_is_staged(loss, item->entity))
            continue;
        rc = loss->facts.fact(loss->facts.self, item->entity, &fact, err);
        if (rc == 0 && fact.kind == BTR_KIND_FILE)
            rc = file_follow(&r, item->entity, loss_since(loss, item->entity));
    }
    reading_fini(&r);
    return rc;
}
