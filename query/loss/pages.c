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

enum { READS_MAX = 65536 }; /* of one file that are followed */

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

struct reading {
    struct btr_loss *loss;
    struct btr_flow *list;
    uint32_t count;
    struct btr_idmap answered; /* requests, of the file at hand */
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
        r->loss->cut |= r->count == READS_MAX; /* there are more */
        if (r->count < READS_MAX)
            r->list[r->count++] = *f;
    }
    return 0;
}

/* ---- Which request that answered ---- */

/* The request that a process took last before it read a file, and what it sent until the next. */
struct request {
    const struct btr_flow *read;
    struct btr_id connection;
    int64_t asked_ns; /* INT64_MIN: there is none */
    int64_t next_ns;  /* when the next one came by the same connection; INT64_MAX */
    struct btr_flow *sends;
    uint32_t count, capacity;
    struct btr_err *err;
};

static bool may_be_connection(const struct btr_flow *f)
{
    return f->other_kind == BTR_KIND_FLOW || f->other_kind == BTR_KIND_NONE;
}

static bool asks(uint8_t operation)
{
    return operation == BTR_OP_RECV || operation == BTR_OP_READ || operation == BTR_OP_ACCEPT;
}

/* The last that something came by before the file was read, or came by meanwhile. */
static int asks_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct request *q = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        int64_t at_ns = f->last_ns < q->read->last_ns ? f->last_ns : q->read->last_ns;
        if (!asks(f->operation) || !may_be_connection(f) || f->first_ns > q->read->last_ns ||
            at_ns < q->asked_ns)
            continue;
        if (at_ns == q->asked_ns && btr_id_compare(f->other, q->connection) > 0)
            continue;
        q->asked_ns = at_ns;
        q->connection = f->other;
    }
    return 0;
}

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
        if (q->count == q->capacity) {
            uint32_t capacity = q->capacity ? 2 * q->capacity : 16;
            struct btr_flow *grown = realloc(q->sends, capacity * sizeof *grown);
            if (!grown)
                return btr_fail(q->err, BTR_E_NOMEM, UINT64_MAX, "what a server handed out");
            q->sends = grown;
            q->capacity = capacity;
        }
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
static int read_follow(struct reading *r, struct btr_id file, const struct btr_flow *read,
                       struct btr_err *err)
{
    struct btr_loss *loss = r->loss;
    struct request q = {.read = read, .asked_ns = INT64_MIN, .next_ns = INT64_MAX, .err = err};
    struct btr_flow_parts window = {.only = true, .until_ns = read->first_ns - PAGE_NS};
    bool came = false;
    int rc = loss->all.flows(loss->all.self, read->other, BTR_SIDE_INTO, read->last_ns, &window,
                             asks_visit, &q, err);
    if (rc < 0 || q.asked_ns == INT64_MIN)
        return rc;
    struct btr_span parts[] = {{(const uint8_t *)&q.connection, sizeof q.connection},
                               {(const uint8_t *)&q.asked_ns, sizeof q.asked_ns},
                               {(const uint8_t *)&read->other, sizeof read->other}};
    uint32_t before = r->answered.count;
    if (btr_idmap_add(&r->answered, btr_id_of(parts, 3), 0) == UINT32_MAX)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what servers handed out");
    if (r->answered.count == before)
        return 0;
    rc = came_from_outside(loss, q.connection, &came, err);
    if (rc == 0 && came)
        rc = is_answer(loss, file, read, &came, err);
    if (rc == 0 && came)
        rc = loss->all.flows(loss->all.self, q.connection, BTR_SIDE_OUT_OF, read->last_ns, NULL,
                             next_visit, &q, err);
    if (rc == 0 && came)
        rc = loss->all.flows(loss->all.self, q.connection, BTR_SIDE_INTO, INT64_MAX, NULL,
                             sends_visit, &q, err);
    if (rc == 0)
        rc = page_add(loss, file, &q, err);
    free(q.sends);
    return rc;
}

/* ---- All ---- */

static int file_follow(struct reading *r, struct btr_id file, int64_t since_ns, struct btr_err *err)
{
    struct btr_loss *loss = r->loss;
    r->count = 0;
    btr_idmap_clear(&r->answered);
    int rc = loss->edges.flows(loss->edges.self, file, BTR_SIDE_OUT_OF, since_ns, NULL, reads_visit,
                               r, err);
    for (uint32_t i = 0; rc == 0 && i < r->count; i++)
        rc = read_follow(r, file, &r->list[i], err);
    return rc;
}

int loss_pages_find(struct btr_loss *loss, struct btr_err *err)
{
    struct reading r = {.loss = loss, .list = malloc(READS_MAX * sizeof *r.list)};
    struct btr_fact fact;
    int rc = r.list ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what servers handed out");
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++) {
        const struct btr_extent_item *item = &loss->extent.items[i];
        if (item->role != BTR_EXTENT_OBJECT || !loss_extent_is_first(loss, i) ||
            !loss_is_staged(loss, item->entity))
            continue;
        rc = loss->facts.fact(loss->facts.self, item->entity, &fact, err);
        if (rc == 0 && fact.kind == BTR_KIND_FILE)
            rc = file_follow(&r, item->entity, item->since_ns, err);
    }
    btr_idmap_fini(&r.answered);
    free(r.list);
    return rc;
}
