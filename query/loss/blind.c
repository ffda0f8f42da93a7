/*
 * What no record could have told, however complete: hosts of which no source tells who reads files,
 * or whose records have no numbers, disks that were read beneath their files, assets on hosts that
 * nobody tells of, and what answered the intrusion, or whom it had its content of, without a source
 * of its own.
 */
#include <stdlib.h>

#include "filter/glob.h"
#include "loss/loss.h"

enum { PEERS_MAX = 20 };

/* ---- Hosts that tell no reads --------------------------------------------------------------- */

static bool host_reads(const struct btr_loss *loss, uint64_t host_key)
{
    for (uint32_t i = 0; i < loss->source_count; i++)
        if (loss->sources[i].host_key == host_key && loss->sources[i].files_told)
            return true;
    return false;
}

static int hosts_blind(struct btr_loss *loss, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->source_count; i++) {
        const struct loss_source *s = &loss->sources[i];
        bool again = i > 0 && loss->sources[i - 1].host_key == s->host_key;
        if (!again && !host_reads(loss, s->host_key))
            rc = loss_gap_note(loss, s->host, s->host_key,
                               "no source of it tells who opens or reads files", err);
    }
    return rc;
}

/* ---- Records without numbers ---------------------------------------------------------------- */

struct numbering {
    struct btr_span source;
    bool found, numbered;
};

static int first_visit(void *self, btr_event_ref ref, const struct btr_event_full *event)
{
    struct numbering *n = self;
    (void)ref;
    if (!btr_span_equal(event->source, n->source))
        return 0;
    n->found = true;
    n->numbered = event->event.record_id != 0;
    return 1;
}

static bool concerns_any(const struct btr_loss *loss, uint64_t host_key)
{
    for (uint32_t i = 0; i < loss->row_count; i++)
        if (loss_concerns(loss, host_key, &loss->rows[i]))
            return true;
    return false;
}

/* Of a source whose records have no numbers nobody can see that some are missing. Its first record
 * stands for all. */
static int unnumbered_find(struct btr_loss *loss, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc >= 0 && i < loss->source_count; i++) {
        const struct loss_source *s = &loss->sources[i];
        struct numbering n = {.source = s->source};
        if (!concerns_any(loss, s->host_key))
            continue;
        rc = btr_reader_events(loss->reader, s->first_ns, s->first_ns, s->host, first_visit, &n,
                               err);
        if (rc >= 0 && !n.numbered) /* nor is one known that has none in its first moment */
            rc = loss_gap_note(loss, s->host, s->host_key,
                               "records of it have no numbers: that some are missing could not be "
                               "seen",
                               err);
    }
    return rc < 0 ? rc : 0;
}

/* ---- Assets of hosts that nobody tells of --------------------------------------------------- */

bool loss_is_told_of(const struct btr_loss *loss, uint32_t asset)
{
    const struct btr_asset *a = btr_assets_at(loss->options.assets, asset);
    for (uint32_t i = 0; i < loss->source_count; i++)
        if (query_glob_name(a->host, loss->sources[i].host))
            return true;
    return false;
}

/* ---- Reads beneath files ----------------------------------------------------------------------
 */

/* What is read there may be of any file, or of any program's memory: sd(4), mem(4), proc(5). */
static const char *const BENEATH[] = {
    "/dev/sd*",  "/dev/hd*",  "/dev/vd*",    "/dev/xvd*",    "/dev/nvme*",         "/dev/mmcblk*",
    "/dev/dm-*", "/dev/md*",  "/dev/loop*",  "/dev/disk/**", "/dev/mapper/**",     "/dev/mem",
    "/dev/kmem", "/dev/port", "/proc/kcore", "/proc/*/mem",  "/proc/*/task/*/mem",
};

static bool is_beneath(struct btr_span path)
{
    for (size_t i = 0; i < sizeof BENEATH / sizeof *BENEATH; i++)
        if (query_glob_path(btr_span_of(BENEATH[i]), path))
            return true;
    return false;
}

/* A file that a process of the intrusion took content of. */
static int beneath_look(struct btr_loss *loss, struct btr_id file, struct btr_err *err)
{
    struct btr_entity e;
    int rc = loss_entity(loss, file, &e, err);
    if (rc < 0 || e.kind != BTR_KIND_FILE ||
        !is_beneath(btr_entity_attr(&e, BTR_ATTR_FILE_PATH, INT64_MAX)))
        return rc;
    return loss_gap_note(loss, e.host, btr_hash64(e.host) | 1,
                         "a process of the intrusion read a disk or memory itself, and so may have "
                         "had any file of it",
                         err);
}

static int beneath_find(struct btr_loss *loss, struct btr_err *err)
{
    const struct btr_trace *t = loss->reach;
    bool *seen = calloc((size_t)t->node_count + 1, sizeof *seen);
    int rc = seen ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what the intrusion read");
    for (uint32_t i = 0; rc == 0 && i < t->node_count; i++) {
        const struct btr_trace_node *n = &t->nodes[i];
        if (n->step_count && !loss_is_its_own(loss, n->id))
            continue;
        for (uint32_t at = 0; rc == 0 && at < n->step_count; at++) {
            uint32_t from = t->steps[n->step_begin + at].other;
            if (!seen[from])
                rc = beneath_look(loss, t->nodes[from].id, err);
            seen[from] = true;
        }
    }
    free(seen);
    return rc;
}

/* ---- Ends that are not recorded ------------------------------------------------------------- */

struct giving {
    btr_event_ref refs[64];
    uint32_t count;
};

static int giving_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct giving *g = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        bool reads = flows[i].operation == BTR_OP_RECV || flows[i].operation == BTR_OP_READ;
        if (!reads || (flows[i].flags & BTR_EVENT_INTERVAL))
            continue;
        g->refs[g->count++] = flows[i].ref;
        if (g->count == sizeof g->refs / sizeof *g->refs)
            return 1;
    }
    return 0;
}

/* Whether something is known to have come from a connection's other end. */
static int gave_bytes(struct btr_loss *loss, struct btr_id flow, bool *gave, struct btr_err *err)
{
    struct giving g = {.count = 0};
    uint64_t bytes[sizeof g.refs / sizeof *g.refs];
    int rc = loss->all.flows(loss->all.self, flow, BTR_SIDE_OUT_OF, INT64_MIN, NULL, giving_visit,
                             &g, err);
    rc = rc < 0 ? rc : loss->facts.bytes(loss->facts.self, g.refs, g.count, bytes, err);
    *gave = false;
    for (uint32_t i = 0; rc == 0 && i < g.count; i++)
        *gave |= bytes[i] != BTR_BYTES_UNKNOWN && bytes[i] > 0;
    return rc;
}

static int peer_note(struct btr_loss *loss, struct btr_id flow, struct btr_err *err)
{
    struct btr_entity e;
    int rc = loss_entity(loss, flow, &e, err);
    struct btr_span address = btr_entity_attr(&e, BTR_ATTR_DESTINATION_IP, INT64_MAX);
    if (rc < 0 || !address.size)
        return rc;
    return loss_gap_note(loss, address, 0,
                         "content came from there, and that end of the connection is not recorded",
                         err);
}

static int peers_blind(struct btr_loss *loss, struct btr_err *err)
{
    const struct btr_trace *t = loss->reach;
    int rc = 0;
    for (uint32_t i = 0, told = 0; rc == 0 && told < PEERS_MAX && i < t->node_count; i++) {
        struct btr_fact fact;
        bool gave = false;
        if (t->nodes[i].step_count)
            continue;
        rc = loss->facts.fact(loss->facts.self, t->nodes[i].id, &fact, err);
        if (rc == 0 && fact.kind == BTR_KIND_FLOW && !fact.outside)
            rc = gave_bytes(loss, t->nodes[i].id, &gave, err);
        if (rc == 0 && gave)
            rc = peer_note(loss, t->nodes[i].id, err);
        told += gave;
    }
    return rc;
}

int loss_blind_find(struct btr_loss *loss, struct btr_err *err)
{
    int rc = hosts_blind(loss, err);
    if (rc == 0)
        rc = unnumbered_find(loss, err);
    if (rc == 0)
        rc = beneath_find(loss, err);
    return rc == 0 ? peers_blind(loss, err) : rc;
}
