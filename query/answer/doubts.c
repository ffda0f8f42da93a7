/*
 * Doubts that the records' own holes and beginnings cast on an answer. A node of which nothing
 * tells where it came from says what of its host is missing before it was first seen; an edge, what
 * is missing where its own record should be, or between what came to its origin and the edge
 * itself.
 */
#include <stdlib.h>

#include "holes.h"
#include "parts.h"

/* Ends of a connection are recorded at about the same time. */
#define ABOUT_NS INT64_C(1000000000)

enum { HOSTS_NAMED = 3 };

static int fail_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "doubts of the answer");
}

/* ---- Whether nothing is seen to have led to a node ------------------------------------------ */

struct origin_search {
    bool is_process, found;
};

static int origin_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct origin_search *s = self;
    for (uint32_t i = 0; i < flow_count && !s->found; i++)
        s->found = !s->is_process || answer_starts_process(flows[i].operation);
    return s->found;
}

/* A strategy may have left out what led to it, and a budget may have ended the walk before. */
static int origin_is_told(struct btr_answer *a, uint32_t node, bool *told, struct btr_err *err)
{
    const struct btr_trace_node *n = &a->trace->nodes[node];
    struct origin_search s = {.is_process = a->nodes[node].entity.kind == BTR_KIND_PROCESS};
    *told = false;
    if (!answer_is_scored(a) && a->trace->cut == BTR_CUT_NONE)
        return 0;
    int64_t bound_ns = answer_told(n->bound_ns, answer_node_ahead(a, node));
    int rc =
        btr_reader_flows(a->reader, n->id, BTR_SIDE_INTO, bound_ns, NULL, origin_visit, &s, err);
    *told = s.found;
    return s.found ? 0 : rc;
}

/* ---- Nodes ---------------------------------------------------------------------------------- */

/* What is being said of a node. */
struct doubting {
    struct btr_answer *a;
    struct btr_buffer words;
    struct btr_span host; /* whose beginning was asked for last, and */
    int64_t begins_ns;    /* INT64_MIN: it has none */
    int64_t since_ns;     /* holes of before that make no doubt of an object */
};

static int begin_find(struct doubting *d, struct btr_span host, struct btr_err *err)
{
    if (d->host.size && btr_span_equal(d->host, host))
        return 0;
    d->host = host;
    int rc = btr_reader_host_begin(d->a->reader, host, &d->begins_ns, err);
    if (rc == BTR_E_NOTFOUND)
        d->begins_ns = INT64_MIN;
    return rc == BTR_E_NOTFOUND ? 0 : rc;
}

/* "; or it began before web01's records do (08:57:11.026)" */
static void begin_words(struct doubting *d, const char *before, const char *after, int64_t near_ns)
{
    if (d->begins_ns == INT64_MIN)
        return;
    btr_buffer_text(&d->words, before);
    btr_buffer_span(&d->words, d->host);
    btr_buffer_text(&d->words, after);
    holes_time(&d->words, d->begins_ns, near_ns);
    btr_buffer_text(&d->words, ")");
}

static int process_doubt(struct doubting *d, struct answer_node *n, struct btr_err *err)
{
    int64_t seen_ns = n->entity.first_ns;
    const struct answer_hole_host *host = holes_of(&d->a->holes, n->entity.host);
    struct holes_lack lack = holes_before(&d->a->holes, host, INT64_MIN, seen_ns);
    bool uncertain = (n->entity.flags & BTR_ENTITY_UNCERTAIN) != 0;
    int rc = uncertain ? begin_find(d, n->entity.host, err) : 0;
    if (rc < 0)
        return rc;
    n->hole = lack.nearest != NULL;
    if (!n->hole && !uncertain)
        return 0;
    if (!n->hole) {
        begin_words(d, "it began before ", "'s records do (", seen_ns);
        return 0;
    }
    btr_buffer_text(&d->words, "its start is not in the records: ");
    holes_lack_words(&d->words, n->entity.host, &lack, seen_ns);
    if (uncertain)
        begin_words(d, "; or it began before ", "'s records do (", seen_ns);
    return 0;
}

static int object_doubt(struct doubting *d, struct answer_node *n, struct btr_err *err)
{
    int64_t seen_ns = n->entity.first_ns;
    const struct answer_hole_host *host = holes_of(&d->a->holes, n->entity.host);
    int64_t since_ns = answer_host_told(d->a, n->entity.host, d->since_ns);
    struct holes_lack lack = holes_before(&d->a->holes, host, since_ns, seen_ns);
    int rc = lack.nearest ? begin_find(d, n->entity.host, err) : 0;
    if (rc < 0 || !lack.nearest)
        return rc;
    n->hole = true;
    btr_buffer_text(&d->words, n->entity.kind == BTR_KIND_FILE
                                   ? "nobody is seen to have written it: "
                                   : "nothing is seen to have made it: ");
    holes_lack_words(&d->words, n->entity.host, &lack, seen_ns);
    begin_words(d, "; or it is older than ", "'s records (", seen_ns);
    return 0;
}

/* A connection's other end may be of any host. */
static int flow_doubt(struct doubting *d, struct answer_node *n)
{
    const struct answer_holes *holes = &d->a->holes;
    int64_t ahead_ns = answer_node_ahead(d->a, (uint32_t)(n - d->a->nodes));
    const struct answer_hole *last = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < holes->host_count; i++) {
        struct btr_span host = holes->hosts[i].host;
        int64_t first_ns = answer_host_told(d->a, host, answer_told(n->entity.first_ns, -ahead_ns));
        struct holes_lack lack =
            holes_between(holes, &holes->hosts[i], first_ns - ABOUT_NS, first_ns + ABOUT_NS);
        if (!lack.nearest || (last && holes_shared(last, lack.nearest)) || count++ >= HOSTS_NAMED)
            continue;
        last = lack.nearest;
        btr_buffer_text(&d->words,
                        count == 1 ? "no record tells of its other end: about then " : ", ");
        holes_stretch_words(&d->words, host, &lack, first_ns);
    }
    if (count > HOSTS_NAMED)
        btr_buffer_format(&d->words, ", and %u more hosts lack some",
                          (unsigned)(count - HOSTS_NAMED));
    n->hole = count > 0;
    return 0;
}

static int node_doubt(struct doubting *d, uint32_t node, struct btr_err *err)
{
    struct answer_node *n = &d->a->nodes[node];
    bool told = false;
    int rc = 0;
    btr_buffer_clear(&d->words);
    if (n->rank == ANSWER_RANK_FLOW)
        rc = flow_doubt(d, n);
    else
        rc = origin_is_told(d->a, node, &told, err);
    if (rc == 0 && !told && n->rank == ANSWER_RANK_PROCESS)
        rc = process_doubt(d, n, err);
    else if (rc == 0 && !told && n->rank == ANSWER_RANK_OBJECT)
        rc = object_doubt(d, n, err);
    if (rc == 0 &&
        (d->words.failed || !btr_arena_copy(d->a->arena, btr_buffer_view(&d->words), &n->doubt)))
        rc = fail_memory(err);
    return rc;
}

int answer_doubts_find(struct btr_answer *a, struct btr_err *err)
{
    struct doubting d = {.a = a};
    int rc = 0;
    d.since_ns =
        a->first_ns < INT64_MIN + HOLES_BEFORE_NS ? INT64_MIN : a->first_ns - HOLES_BEFORE_NS;
    for (uint32_t i = 0; rc == 0 && i < a->trace->node_count; i++) {
        uint8_t rank = a->nodes[i].rank;
        bool asked = rank == ANSWER_RANK_FLOW ||
                     (a->nodes[i].entity.host.size &&
                      (rank == ANSWER_RANK_PROCESS || rank == ANSWER_RANK_OBJECT));
        if (asked && a->direction == BTR_WALK_BACKWARD)
            rc = node_doubt(&d, i, err);
    }
    btr_buffer_fini(&d.words);
    for (uint32_t i = 0; i < a->entry_count; i++) {
        struct answer_entry *e = &a->entries[i];
        if (e->rank == ANSWER_RANK_PROCESS && a->nodes[e->node].hole)
            e->why = "a process whose start is not in the records";
    }
    return rc == 0 && holes_any_wide(&a->holes) ? answer_arrivals_find(a, err) : rc;
}

/* ---- Edges ---------------------------------------------------------------------------------- */

/* The process whose record an edge would rest on; ANSWER_NONE: neither is one. */
static uint32_t process_of(const struct btr_answer *a, const struct answer_edge *e)
{
    if (a->nodes[e->to].entity.kind == BTR_KIND_PROCESS)
        return e->to;
    return a->nodes[e->from].entity.kind == BTR_KIND_PROCESS ? e->from : ANSWER_NONE;
}

/* What is missing where a record should be that would make an event certain. */
static bool record_doubt(const struct btr_answer *a, const struct answer_edge *e,
                         struct btr_buffer *out)
{
    uint32_t process = process_of(a, e);
    if (process == ANSWER_NONE ||
        (e->doubt != BTR_DOUBT_PARENT_BY_PPID && e->doubt != BTR_DOUBT_DESCRIPTOR_UNKNOWN))
        return false;
    struct btr_span host = a->nodes[process].entity.host;
    const struct answer_hole_host *holes = holes_of(&a->holes, host);
    int64_t begin_ns = answer_told(a->first_ns, e->ahead_ns);
    int64_t first_ns = answer_told(e->first_ns, e->ahead_ns);
    struct holes_lack lack = holes_before(&a->holes, holes, begin_ns, first_ns);
    if (!lack.nearest)
        return false;
    if (!out)
        return true;
    btr_buffer_text(out, e->doubt == BTR_DOUBT_DESCRIPTOR_UNKNOWN
                             ? "the opening of the descriptor is not in the records"
                             : btr_doubt_text(e->doubt));
    btr_buffer_text(out, ": ");
    holes_lack_words(out, host, &lack, first_ns);
    return true;
}

/* Holes that a step stands on, of which one is wide. */
struct crossing {
    struct holes_lack lack; /* hole_count 0: none */
    struct btr_span host;
    bool lasts; /* the step lasts over them; else they lie between it and what led to it */
};

static struct crossing step_crosses(struct btr_answer *a, uint32_t from, uint32_t step)
{
    const struct btr_trace_step *s = &a->trace->steps[step];
    uint32_t source = answer_step_source(a, step);
    struct crossing none = {.lasts = false};
    int64_t since_ns;
    if (source == ANSWER_NONE)
        return none;
    struct btr_span host = btr_reader_source(a->reader, source).host;
    const struct answer_hole_host *holes = holes_of(&a->holes, host);
    if (!holes)
        return none;
    int64_t ahead_ns = answer_ahead(a, s), first_ns = answer_told(s->first_ns, ahead_ns);
    int64_t last_ns = answer_told(s->last_ns, ahead_ns);
    const struct answer_hole *wide = holes_wide(&a->holes, holes, last_ns, last_ns);
    if (wide && wide->from_ns >= first_ns && btr_manner_is_interval(btr_step_manner(a->trace, s)))
        return (struct crossing){holes_between(&a->holes, holes, first_ns, last_ns), host, true};
    wide = wide ? holes_wide(&a->holes, holes, first_ns, last_ns) : NULL;
    if (!wide ||
        !answer_came_before(a, from, answer_told(wide->from_ns, -ahead_ns), s->first_ns, &since_ns))
        return none;
    since_ns = answer_told(since_ns, ahead_ns);
    return (struct crossing){holes_between(&a->holes, holes, since_ns, first_ns), host, false};
}

static bool hole_doubt(struct btr_answer *a, const struct answer_edge *e, bool more,
                       struct btr_buffer *out)
{
    if (!a->arrivals.begin)
        return false;
    struct crossing c = step_crosses(a, e->from, e->step_begin + e->step_count - 1);
    if (c.lack.hole_count == 0 && e->step_count > 1)
        c = step_crosses(a, e->from, e->step_begin);
    if (c.lack.hole_count == 0 || !out)
        return c.lack.hole_count > 0;
    btr_buffer_text(out, more ? "; " : "");
    btr_buffer_text(out, c.lasts ? "while it lasted "
                                 : "between this and what is seen to have led to it ");
    holes_stretch_words(out, c.host, &c.lack, answer_told(e->first_ns, e->ahead_ns));
    return true;
}

bool answer_edge_doubt(struct btr_answer *a, const struct answer_edge *e, struct btr_buffer *out)
{
    const char *text = btr_doubt_text(e->doubt);
    bool record = record_doubt(a, e, out);
    if (text && !record && out)
        btr_buffer_text(out, text);
    return hole_doubt(a, e, text != NULL, out) || record;
}
