/*
 * Logs of a host that were cleared, and agents that told less or stopped, since the intrusion came
 * to it. Who did it is told where the records tell; where it was somebody else, it is none of this.
 */
#include <stdlib.h>

#include "loss/after.h"

/* A host that the intrusion came to. */
struct held_host {
    struct btr_span name; /* the ledger's own */
    int64_t since_ns;
};

struct looking {
    struct btr_loss *loss;
    struct held_host *hosts; /* by name */
    uint32_t host_count, host_capacity;
    struct btr_id actor; /* who is seen to have done what a gap tells */
    bool found;
    struct btr_err *err;
};

/* A gap and the event that tells of it are of one record. */
enum { SAME_MOMENT_NS = 1000000000 };

/* ---- Hosts -------------------------------------------------------------------------------------
 */

static struct held_host *host_find(const struct looking *l, struct btr_span name)
{
    for (uint32_t i = 0; i < l->host_count; i++)
        if (btr_span_equal(l->hosts[i].name, name))
            return &l->hosts[i];
    return NULL;
}

static int host_note(struct looking *l, struct btr_span name, int64_t since_ns)
{
    struct held_host *h = host_find(l, name);
    if (h) {
        h->since_ns = since_ns < h->since_ns ? since_ns : h->since_ns;
        return 0;
    }
    if (!btr_list_room(&l->hosts, l->host_count, &l->host_capacity, 16, sizeof *l->hosts))
        return btr_fail(l->err, BTR_E_NOMEM, UINT64_MAX, "%u hosts", l->host_count);
    h = &l->hosts[l->host_count];
    *h = (struct held_host){.since_ns = since_ns};
    if (!btr_arena_copy(l->loss->arena, name, &h->name))
        return btr_fail(l->err, BTR_E_NOMEM, UINT64_MAX, "%u hosts", l->host_count);
    l->host_count++;
    return 0;
}

/* A host whose server merely served it is none: whoever has but that changes no rules there. */
static int hosts_find(struct looking *l)
{
    struct btr_loss *loss = l->loss;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++) {
        struct btr_entity e;
        if (loss->extent.items[i].role != BTR_EXTENT_PROCESS)
            continue;
        rc = loss_entity(loss, loss->extent.items[i].entity, &e, l->err);
        if (rc == 0 && e.host.size)
            rc = host_note(l, e.host, loss->extent.items[i].since_ns);
    }
    return rc;
}

/* ---- Deeds of the intrusion's processes
 * ---------------------------------------------------------- */

static bool is_windows(struct btr_span source)
{
    return !btr_span_equal(source, BTR_SPAN("auditd"));
}

static const char *technique_of(enum loss_deed_kind deed, bool windows)
{
    if (deed == LOSS_DEED_CLEARED)
        return windows ? "T1070.001" : "T1070.002";
    if (deed == LOSS_DEED_STOPPED)
        return "T1562.001";
    return windows ? "T1562.002" : "T1562.012";
}

static int deed_take(struct looking *l, const struct loss_deed *d)
{
    struct btr_loss *loss = l->loss;
    struct btr_event_full full;
    struct loss_erasure e = {.entity = d->entity,
                             .process = d->process,
                             .at_ns = d->at_ns,
                             .ref = d->ref,
                             .deed = d->kind};
    int rc = btr_reader_event(loss->reader, d->ref, &full, l->err);
    if (rc < 0)
        return rc;
    if (!btr_arena_copy(loss->arena, full.host, &e.host))
        return btr_fail(l->err, BTR_E_NOMEM, UINT64_MAX, "cleared logs");
    e.technique = technique_of(d->kind, is_windows(full.source));
    return loss_erasure_add(loss, &e, l->err);
}

static int deeds_take(struct looking *l, const struct loss_deed *deeds, uint32_t count)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        if (deeds[i].kind == LOSS_DEED_CLEARED || deeds[i].kind == LOSS_DEED_CHANGED)
            rc = deed_take(l, &deeds[i]);
    return rc;
}

/* ---- Gaps
 * ---------------------------------------------------------------------------------------- */

static bool deed_of_gap(uint8_t kind, enum loss_deed_kind *deed)
{
    switch (kind) {
    case BTR_GAP_STOPPED:
        *deed = LOSS_DEED_STOPPED;
        return true;
    case BTR_GAP_RULES:
        *deed = LOSS_DEED_CHANGED;
        return true;
    case BTR_GAP_CLEARED:
        *deed = LOSS_DEED_CLEARED;
        return true;
    default:
        return false;
    }
}

static int actor_visit(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct looking *l = self;
    (void)ref;
    if (full->event.operation != BTR_OP_AUDIT_CHANGE && full->event.operation != BTR_OP_LOG_CLEAR)
        return 0;
    struct btr_fact fact;
    int rc = l->loss->facts.fact(l->loss->facts.self, full->event.subject, &fact, l->err);
    if (rc == 0 && fact.kind == BTR_KIND_PROCESS) {
        l->actor = full->event.subject;
        l->found = true;
    }
    return rc;
}

static int gap_visit(void *self, const struct btr_gap_full *full)
{
    struct looking *l = self;
    enum loss_deed_kind deed;
    const struct held_host *host = host_find(l, full->host);
    int64_t ahead_ns = btr_clocks_host_ahead(l->loss->found->clocks, full->host);
    if (!host || !deed_of_gap(full->gap.kind, &deed) ||
        full->gap.from_ns - ahead_ns < host->since_ns)
        return 0;
    struct loss_erasure e = {.host = host->name,
                             .at_ns = full->gap.from_ns - ahead_ns,
                             .ref = UINT64_MAX,
                             .deed = deed,
                             .technique = technique_of(deed, is_windows(full->source)),
                             .doubt = "who did it is not recorded"};
    return loss_erasure_add(l->loss, &e, l->err);
}

/* Whether the records tell who did what an erasure stands for: then it is told already, or it was
 * somebody else. */
static int is_known(struct looking *l, const struct loss_erasure *e, bool *known)
{
    int64_t ahead_ns = btr_clocks_host_ahead(l->loss->found->clocks, e->host);
    l->found = false;
    int rc =
        btr_reader_events(l->loss->reader, e->at_ns + ahead_ns - SAME_MOMENT_NS,
                          e->at_ns + ahead_ns + SAME_MOMENT_NS, e->host, actor_visit, l, l->err);
    *known = l->found;
    return rc;
}

int loss_logging_find(struct btr_loss *loss, const struct loss_deed *deeds, uint32_t count,
                      struct btr_err *err)
{
    struct looking l = {.loss = loss, .err = err};
    struct loss_after *after = loss->after;
    int rc = hosts_find(&l);
    if (rc == 0)
        rc = deeds_take(&l, deeds, count);
    uint32_t begin = after->erasure_count, kept = begin;
    if (rc == 0)
        rc = btr_reader_gaps(loss->reader, gap_visit, &l, err);
    for (uint32_t i = begin; rc == 0 && i < after->erasure_count; i++) {
        bool known = false;
        rc = is_known(&l, &after->erasures[i], &known);
        if (!known)
            after->erasures[kept++] = after->erasures[i];
    }
    if (rc == 0)
        after->erasure_count = kept;
    free(l.hosts);
    return rc;
}
