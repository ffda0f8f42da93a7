/* What the intrusion's processes did to files and logs, as far as that can take a trace away. */
#include <stdlib.h>

#include "loss/after.h"

const char *loss_deed_text(enum loss_deed_kind kind)
{
    static const char *const TEXTS[] = {
#define DEED_TEXT(name, text) text,
        LOSS_DEED_TABLE(DEED_TEXT)
#undef DEED_TEXT
    };
    return TEXTS[kind];
}

/* ---- Flows of one entity -------------------------------------------------------------------- */

struct gathering {
    struct loss_flows *out;
    loss_flow_test *test;
    void *self;
    struct btr_err *err;
};

static int flow_add(struct gathering *g, const struct btr_flow *flow)
{
    struct loss_flows *out = g->out;
    if (out->count == LOSS_FLOWS_MAX) {
        out->cut = true;
        return 0;
    }
    if (!btr_list_room(&out->list, out->count, &out->capacity, 64, sizeof *out->list))
        return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "%u flows of an entity", out->count);
    out->list[out->count++] = *flow;
    return 0;
}

static int gather_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct gathering *g = self;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < flow_count; i++)
        if (!g->test || g->test(g->self, &flows[i]))
            rc = flow_add(g, &flows[i]);
    return rc;
}

int loss_flows_of(struct loss_flows *out, const struct btr_edges *edges, struct btr_id entity,
                  enum btr_side side, int64_t bound_ns, loss_flow_test *test, void *self,
                  struct btr_err *err)
{
    struct gathering g = {out, test, self, err};
    out->count = 0;
    out->cut = false;
    return edges->flows(edges->self, entity, side, bound_ns, NULL, gather_visit, &g, err);
}

void loss_flows_fini(struct loss_flows *flows)
{
    free(flows->list);
    *flows = (struct loss_flows){0};
}

/* ---- Deeds ---------------------------------------------------------------------------------- */

struct doing {
    struct loss_deed *deeds;
    uint32_t count, capacity;
    struct btr_err *err;
};

/* A rename takes a name away and keeps what it named: that is told of the new name. */
static bool deed_kind(const struct btr_flow *f, enum loss_deed_kind *kind)
{
    switch (f->operation) {
    case BTR_OP_DELETE:
        *kind = LOSS_DEED_DELETED;
        return !(f->flags & BTR_EVENT_PART);
    case BTR_OP_TRUNCATE:
        *kind = LOSS_DEED_EMPTIED;
        return true;
    case BTR_OP_RENAME:
        *kind = LOSS_DEED_REPLACED;
        return true;
    case BTR_OP_SETTIME:
        *kind = LOSS_DEED_TIMED;
        return true;
    case BTR_OP_WRITE:
    case BTR_OP_OPEN_WRITE:
    case BTR_OP_OPEN_BOTH:
        *kind = LOSS_DEED_WRITTEN;
        return true;
    case BTR_OP_LOG_CLEAR:
        *kind = LOSS_DEED_CLEARED;
        return true;
    case BTR_OP_AUDIT_CHANGE:
        *kind = LOSS_DEED_CHANGED;
        return true;
    default:
        return false;
    }
}

/* A process of the intrusion, or one that served it at times. */
struct doer {
    const struct btr_loss *loss;
    struct btr_id process;
};

static bool is_deed(void *self, const struct btr_flow *f)
{
    const struct doer *d = self;
    enum loss_deed_kind kind;
    bool thing = f->other_kind == BTR_KIND_NONE || f->other_kind == BTR_KIND_FILE ||
                 f->other_kind == BTR_KIND_HOST;
    return thing && !(f->flags & BTR_EVENT_FAILED) && deed_kind(f, &kind) &&
           loss_extent_at(d->loss, d->process, f->first_ns, f->last_ns) != LOSS_NONE;
}

static int deed_compare(const void *x, const void *y)
{
    const struct loss_deed *a = x, *b = y;
    int c = btr_id_compare(a->entity, b->entity);
    if (c == 0)
        c = (a->at_ns > b->at_ns) - (a->at_ns < b->at_ns);
    if (c == 0)
        c = (int)a->kind - (int)b->kind;
    if (c == 0)
        c = btr_id_compare(a->process, b->process);
    return c ? c : (a->ref > b->ref) - (a->ref < b->ref);
}

/* Adds a deed; a further one of the same process to the same thing only when it is another sort. */
static int deed_add(struct doing *d, const struct loss_deed *deed)
{
    struct loss_deed *last = d->count ? &d->deeds[d->count - 1] : NULL;
    if (last && last->kind == deed->kind && btr_id_equal(last->entity, deed->entity) &&
        btr_id_equal(last->process, deed->process)) {
        if (deed->at_ns > last->at_ns)
            *last = *deed;
        return 0;
    }
    if (!btr_list_room(&d->deeds, d->count, &d->capacity, 64, sizeof *d->deeds))
        return btr_fail(d->err, BTR_E_NOMEM, UINT64_MAX, "%u deeds", d->count);
    d->deeds[d->count++] = *deed;
    return 0;
}

static int process_take(struct btr_loss *loss, struct doing *d, struct btr_id process,
                        struct loss_flows *flows, struct btr_err *err)
{
    struct doer doer = {loss, process};
    int rc = loss_flows_of(flows, &loss->all, process, BTR_SIDE_OUT_OF, loss->since_ns, is_deed,
                           &doer, err);
    loss->cut |= flows->cut;
    for (uint32_t at = 0; rc == 0 && at < flows->count; at++) {
        const struct btr_flow *f = &flows->list[at];
        struct loss_deed deed = {.entity = f->other,
                                 .process = process,
                                 .at_ns = f->last_ns,
                                 .ref = f->ref,
                                 .item = loss_extent_at(loss, process, f->first_ns, f->last_ns)};
        deed_kind(f, &deed.kind);
        rc = deed_add(d, &deed);
    }
    return rc;
}

int loss_deeds_find(struct btr_loss *loss, struct loss_deed **deeds, uint32_t *count,
                    struct btr_err *err)
{
    struct doing d = {.err = err};
    struct loss_flows flows = {0};
    struct btr_id before = {0};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++) {
        const struct btr_extent_item *item = &loss->extent.items[loss->extent_order[i]];
        if (item->role > BTR_EXTENT_SERVER || btr_id_equal(item->entity, before))
            continue;
        before = item->entity;
        rc = process_take(loss, &d, before, &flows, err);
    }
    if (rc == 0 && d.count)
        qsort(d.deeds, d.count, sizeof *d.deeds, deed_compare);
    loss_flows_fini(&flows);
    *deeds = d.deeds;
    *count = d.count;
    return rc;
}
