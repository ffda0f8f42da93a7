/*
 * How many bytes of an asset can have come to the intrusion: what flowed out of it, over each flow
 * that is on a way there. Nothing has changed its amount by then, so whatever is done to it later,
 * packing, fragments, more than one way out, no more than that can have left (docs/LOSS.md,
 * "Bytes"). Where reads are not recorded, what connections carried is all that is known.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* One flow out of an asset. */
struct face {
    struct btr_id from, to;
    btr_event_ref ref;
    int64_t first_ns, last_ns;
    uint64_t bytes;
    bool ends;   /* it ended at the end of the file */
    bool own;    /* by a process of the intrusion, which may seek as it likes */
    bool served; /* that, or by a server while it served it */
    bool older;  /* it may be of a file that had the name before */
};

struct measuring {
    struct btr_loss *loss;
    uint32_t asset;
    struct loss_row *row;
    struct btr_edges edges; /* that a keeper's processes are the ends of */
    struct face *faces;
    uint32_t count, capacity;
    struct btr_err *err;
};

/* Whether an entity is the asset, or a process of its keeper. */
static int is_asset(const struct measuring *m, struct btr_id entity, bool *is, struct btr_err *err)
{
    *is = loss_is_piece_of(m->loss, entity, m->asset);
    if (*is || !m->row->keeper)
        return 0;
    return loss_runs(m->loss, entity, INT64_MAX, m->row->keeper, is, err);
}

/* ---- Flows out of it ---- */

static int face_add(struct measuring *m, struct face face)
{
    if (!btr_list_room(&m->faces, m->count, &m->capacity, 256, sizeof *m->faces))
        return btr_fail(m->err, BTR_E_NOMEM, UINT64_MAX, "flows out of an asset");
    m->faces[m->count++] = face;
    return 0;
}

/* Whether a process of the intrusion read, and if so by a program that tells the truth of where a
 * file ends: one that the intrusion wrote can read into a buffer that is not all there. */
static int face_judge(struct measuring *m, struct face *face, const struct btr_trace_step *step)
{
    uint32_t item = loss_extent_at(m->loss, face->to, step->first_ns, step->last_ns);
    bool hands = true;
    face->own = item != LOSS_NONE && m->loss->extent.items[item].role == BTR_EXTENT_PROCESS;
    face->served = item != LOSS_NONE;
    int rc = face->own && face->ends
                 ? loss_hands_on(m->loss, face->to, step->last_ns, &hands, m->err)
                 : 0;
    face->ends = face->ends && hands;
    return rc;
}

static int node_faces(struct measuring *m, const struct btr_trace *t, uint32_t node)
{
    const struct btr_trace_node *to = &t->nodes[node];
    bool inside;
    int rc = is_asset(m, to->id, &inside, m->err);
    for (uint32_t i = 0; rc == 0 && !inside && i < to->step_count; i++) {
        const struct btr_trace_step *step = &t->steps[to->step_begin + i];
        struct btr_id from = t->nodes[step->other].id;
        bool out;
        rc = is_asset(m, from, &out, m->err);
        if (rc < 0 || !out)
            continue;
        struct face face = {.from = from,
                            .to = to->id,
                            .ref = step->ref,
                            .first_ns = step->first_ns,
                            .last_ns = step->last_ns,
                            .ends = btr_event_ends(btr_step_manner(t, step)->flags)};
        rc = face_judge(m, &face, step);
        if (rc == 0)
            rc = face_add(m, face);
    }
    return rc;
}

/* What flows into the asset, or into its keeper, comes out of it again: it is not looked behind. */
static int outside_flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                         struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                         struct btr_err *err)
{
    const struct measuring *m = self;
    bool inside = false;
    int rc = side == BTR_SIDE_INTO
                 ? is_asset(m, btr_apart_whole_of(m->loss->parts, entity), &inside, err)
                 : 0;
    if (rc < 0 || inside) {
        if (parts)
            *parts = (struct btr_flow_parts){.end = UINT32_MAX, .rest_ns = INT64_MIN};
        return rc;
    }
    return m->edges.flows(m->edges.self, entity, side, bound_ns, parts, visit, visitor, err);
}

static int kept_faces(struct measuring *m)
{
    struct btr_loss *loss = m->loss;
    struct btr_edges edges = {m, outside_flows, NULL, NULL};
    struct btr_trace *trace = NULL;
    uint32_t count = 0, kept = 0;
    struct btr_start *starts = NULL;
    int rc = loss_starts_make(loss, &starts, &count, m->err);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        bool inside;
        rc = is_asset(m, starts[i].entity, &inside, m->err);
        if (rc == 0 && !inside)
            starts[kept++] = starts[i];
    }
    if (rc == 0)
        rc = loss_walk(loss, &trace, &edges, BTR_WALK_BACKWARD, starts, kept, m->err);
    for (uint32_t i = 0; rc == 0 && i < trace->node_count; i++)
        trace->nodes[i].id = btr_apart_whole_of(loss->parts, trace->nodes[i].id);
    for (uint32_t i = 0; rc == 0 && i < trace->node_count; i++)
        rc = node_faces(m, trace, i);
    btr_trace_free(trace);
    free(starts);
    return rc;
}

/* ---- Their bytes ---- */

static int face_compare(const void *x, const void *y)
{
    const struct face *a = x, *b = y;
    int c = btr_id_compare(a->from, b->from);
    if (c == 0)
        c = (a->last_ns > b->last_ns) - (a->last_ns < b->last_ns);
    return c ? c : (a->ref > b->ref) - (a->ref < b->ref);
}

static int bytes_read(struct measuring *m)
{
    btr_event_ref *refs = malloc(((size_t)m->count + 1) * sizeof *refs);
    uint64_t *bytes = malloc(((size_t)m->count + 1) * sizeof *bytes);
    int rc = refs && bytes ? 0 : btr_fail(m->err, BTR_E_NOMEM, UINT64_MAX, "bytes of an asset");
    uint32_t count = 0;
    /* of pairs nobody tells bytes: what they join does */
    for (uint32_t i = 0; rc == 0 && i < m->count; i++)
        if (m->faces[i].ref < BTR_REF_CROSSING)
            refs[count++] = m->faces[i].ref;
    if (rc == 0)
        rc = m->loss->facts.bytes(m->loss->facts.self, refs, count, bytes, m->err);
    for (uint32_t i = 0, at = 0; rc == 0 && i < m->count; i++)
        m->faces[i].bytes = m->faces[i].ref < BTR_REF_CROSSING ? bytes[at++] : BTR_BYTES_UNKNOWN;
    free(refs);
    free(bytes);
    return rc;
}

/* A stretch in which the content of a file changed, at whatever moment. */
struct change {
    int64_t first_ns, last_ns;
    int64_t most_ns; /* the greatest last_ns of it and those before */
};

struct changing {
    struct change *list; /* by first_ns */
    uint32_t count, capacity;
    bool empties; /* of the flows at hand those that put nothing in, but take away */
};

static bool takes_away(uint8_t operation)
{
    return operation == BTR_OP_TRUNCATE || operation == BTR_OP_CREATE || operation == BTR_OP_DELETE;
}

static int change_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct changing *c = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        if (c->empties && !takes_away(flows[i].operation))
            continue;
        if (!btr_list_room(&c->list, c->count, &c->capacity, 64, sizeof *c->list))
            return BTR_E_NOMEM;
        c->list[c->count++] = (struct change){flows[i].first_ns, flows[i].last_ns, 0};
    }
    return 0;
}

static int change_compare(const void *x, const void *y)
{
    const struct change *a = x, *b = y;
    return (a->first_ns > b->first_ns) - (a->first_ns < b->first_ns);
}

static int changes_find(struct measuring *m, struct btr_id entity, struct changing *c)
{
    int64_t most_ns = INT64_MIN;
    const struct btr_loss *loss = m->loss;
    c->count = 0;
    c->empties = false;
    int rc = loss->edges.flows(loss->edges.self, entity, BTR_SIDE_INTO, INT64_MAX, NULL,
                               change_visit, c, m->err);
    c->empties = true;
    if (rc == 0)
        rc = loss->all.flows(loss->all.self, btr_apart_whole_of(loss->parts, entity), BTR_SIDE_INTO,
                             INT64_MAX, NULL, change_visit, c, m->err);
    if (rc == BTR_E_NOMEM)
        return btr_fail(m->err, rc, UINT64_MAX, "changes of a file");
    if (rc == 0 && c->count)
        qsort(c->list, c->count, sizeof *c->list, change_compare);
    for (uint32_t i = 0; rc == 0 && i < c->count; i++) {
        most_ns = c->list[i].last_ns > most_ns ? c->list[i].last_ns : most_ns;
        c->list[i].most_ns = most_ns;
    }
    return rc;
}

/* Whether a file may have changed within a stretch. */
static bool may_change(const struct changing *c, int64_t first_ns, int64_t last_ns)
{
    uint32_t low = 0, high = c->count; /* those that begin by its end */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->list[middle].first_ns <= last_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && c->list[low - 1].most_ns >= first_ns;
}

/* The end of the faces from `begin` on between which the file did not change. */
static uint32_t version_end(const struct measuring *m, uint32_t begin, uint32_t end,
                            const struct changing *c)
{
    int64_t first_ns = m->faces[begin].first_ns;
    uint32_t i = begin + 1;
    for (; i < end; i++) {
        first_ns = m->faces[i].first_ns < first_ns ? m->faces[i].first_ns : first_ns;
        if (may_change(c, first_ns, m->faces[i].last_ns))
            break;
    }
    return i;
}

/* The most that a read up to the end of the file had. */
static uint64_t tail_of(const struct measuring *m, uint32_t begin, uint32_t end)
{
    uint64_t tail = 0;
    for (uint32_t i = begin; i < end; i++)
        if (m->faces[i].ends && !m->faces[i].older && m->faces[i].bytes != BTR_BYTES_UNKNOWN &&
            m->faces[i].bytes > tail)
            tail = m->faces[i].bytes;
    return tail;
}

/*
 * Reads of one file that did not change meanwhile, by time. Those that ended at its end had the
 * last so many bytes of it, wherever they began, and have in common all that the longest had. A
 * program that asks for just as many, as for a size that it was told, reads the same; of the
 * intrusion's own processes, which may seek where they like, that is not assumed.
 */
static void version_measure(struct measuring *m, uint32_t begin, uint32_t end)
{
    uint64_t tail = tail_of(m, begin, end);
    m->row->bytes_max += tail;
    for (uint32_t i = begin; i < end && m->row->bounded; i++) {
        const struct face *f = &m->faces[i];
        if (i > begin && f->ref == m->faces[i - 1].ref)
            continue;
        m->row->bounded = f->bytes != BTR_BYTES_UNKNOWN;
        if (m->row->bounded && (f->older || (!f->ends && (f->own || f->bytes != tail))))
            m->row->bytes_max += f->bytes;
    }
}

static void file_measure(struct measuring *m, uint32_t begin, uint32_t end,
                         const struct changing *c)
{
    for (uint32_t i = begin, next; i < end && m->row->bounded; i = next) {
        next = version_end(m, i, end, c);
        version_measure(m, i, next);
    }
}

static int lives_note(struct measuring *m, struct loss_lives *lives, uint32_t begin, uint32_t end)
{
    struct btr_loss *loss = m->loss;
    int rc =
        loss_lives_find(lives, loss, btr_apart_whole_of(loss->parts, m->faces[begin].from), m->err);
    for (uint32_t i = begin; rc == 0 && i < end; i++)
        m->faces[i].older = loss_lives_older(lives, btr_apart_whole_of(loss->parts, m->faces[i].to),
                                             m->faces[i].last_ns, m->faces[i].own);
    return rc;
}

static int faces_measure(struct measuring *m)
{
    struct loss_lives lives = {0};
    struct changing changes = {0};
    int rc = bytes_read(m);
    if (rc == 0 && m->count)
        qsort(m->faces, m->count, sizeof *m->faces, face_compare);
    m->row->bounded = rc == 0;
    m->row->bytes_max = 0;
    for (uint32_t i = 0, end; rc == 0 && m->row->bounded && i < m->count; i = end) {
        for (end = i; end < m->count && btr_id_equal(m->faces[end].from, m->faces[i].from); end++)
            ;
        rc = changes_find(m, m->faces[i].from, &changes);
        if (rc == 0)
            rc = lives_note(m, &lives, i, end);
        if (rc == 0)
            file_measure(m, i, end, &changes);
    }
    loss_lives_fini(&lives);
    free(changes.list);
    return rc;
}

static void others_count(struct loss_others *others, struct btr_id who)
{
    if (others->count++ == 0)
        others->first = who;
}

/* By whom, and by which names, the intrusion is seen to have taken it. @return false when out of
 * memory */
static bool taken_find(const struct loss_row *row, struct btr_idmap *names)
{
    bool ok = true;
    for (uint32_t i = 0; i < row->held_count && ok; i++)
        ok = btr_idmap_add(names, row->takes[i].holder, i) != UINT32_MAX &&
             btr_idmap_add(names, row->takes[i].name, i) != UINT32_MAX;
    return ok;
}

/* Notes who had it by a flow, unless the intrusion drives that, and unless its program takes it
 * usually. Of one that served the intrusion that is no excuse. @param usual  receives whether it
 * was passed over for that */
static int other_note(struct measuring *m, const struct face *face, struct btr_id who, bool *usual)
{
    struct btr_loss *loss = m->loss;
    struct btr_fact fact;
    bool driven = false;
    *usual = false;
    int rc = loss->facts.fact(loss->facts.self, who, &fact, m->err);
    if (rc == 0 && fact.kind == BTR_KIND_FILE) {
        others_count(&m->row->names, who);
        return 0;
    }
    if (rc == 0 && face->served)
        rc = loss_is_driven(loss, who, &driven, m->err);
    else if (rc == 0)
        rc = loss_is_usual(loss, m->asset, who, face->from, face->last_ns, usual, m->err);
    if (rc == 0 && !driven && !*usual)
        others_count(&m->row->others, who);
    return rc;
}

/* Who had it, and whether that is usual as far as was seen. */
struct haver {
    struct btr_id id;
    bool usual;
};

/* Each is noted once; as usual, where each time that it had it is. */
static int others_find(struct measuring *m)
{
    struct btr_loss *loss = m->loss;
    struct btr_idmap seen = {0}, taken = {0};
    struct haver *list = malloc(((size_t)m->count + 1) * sizeof *list);
    uint32_t count = 0;
    bool ok = list && taken_find(m->row, &taken);
    int rc = ok ? 0 : btr_fail(m->err, BTR_E_NOMEM, UINT64_MAX, "who else took an asset");
    for (uint32_t i = 0; rc == 0 && i < m->count; i++) {
        struct btr_id who = btr_apart_whole_of(loss->parts, m->faces[i].to);
        if (btr_idmap_get(&taken, who) != UINT32_MAX)
            continue;
        uint32_t at = btr_idmap_add(&seen, who, count);
        if (at == UINT32_MAX)
            rc = btr_fail(m->err, BTR_E_NOMEM, UINT64_MAX, "who else took an asset");
        else if (at == count)
            list[count++] = (struct haver){who, true};
        if (rc == 0 && list[at].usual)
            rc = other_note(m, &m->faces[i], who, &list[at].usual);
    }
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        if (list[i].usual)
            others_count(&m->row->usual, list[i].id);
    btr_idmap_fini(&seen);
    btr_idmap_fini(&taken);
    free(list);
    return rc;
}

/* Whether all that had it hand on what they take, so that nothing packed it: those that it came to,
 * and servers that handed out a file. */
static int is_handed(struct measuring *m, const struct loss_outlets *outlets, bool *handed)
{
    struct btr_loss *loss = m->loss;
    const struct btr_trace *t = outlets->trace;
    int rc = 0;
    *handed = true;
    for (uint32_t i = 0; rc == 0 && *handed && i < t->node_count; i++) {
        struct btr_fact fact;
        rc = loss->facts.fact(loss->facts.self, t->nodes[i].id, &fact, m->err);
        if (rc == 0 && fact.kind == BTR_KIND_PROCESS)
            rc = loss_hands_on(loss, t->nodes[i].id, t->nodes[i].bound_ns, handed, m->err);
    }
    for (uint32_t i = 0; rc == 0 && *handed && i < outlets->exit_count; i++) {
        const struct loss_exit *exit = &loss->exits[outlets->exits[i]];
        if (exit->kind == LOSS_EXIT_PAGE)
            rc = loss_hands_on(loss, exit->process, exit->read_ns, handed, m->err);
    }
    return rc;
}

/* What was sent by ways out. @return whether bytes are told of each */
static bool outlets_sum(const struct btr_loss *loss, const struct loss_outlets *outlets,
                        uint64_t *bytes, bool *untold)
{
    bool told = true;
    for (uint32_t i = 0; i < outlets->exit_count; i++) {
        const struct loss_exit *exit = &loss->exits[outlets->exits[i]];
        told = told && exit->bytes_told;
        *untold |= !exit->bytes_whole;
        *bytes += exit->bytes;
    }
    return told;
}

/* Adds what the keeper itself sent out. @return whether that is told */
static int kept_exits(struct measuring *m, bool *told)
{
    const struct btr_loss *loss = m->loss;
    int rc = 0;
    *told = true;
    for (uint32_t i = 0; rc == 0 && *told && i < loss->exit_count; i++) {
        bool inside;
        rc = is_asset(m, loss->exits[i].process, &inside, m->err);
        if (rc < 0 || !inside)
            continue;
        *told = loss->exits[i].bytes_whole;
        m->row->bytes_max += loss->exits[i].bytes;
    }
    return rc;
}

/* What the ways out carried that anything can have come to which a process that the intrusion
 * drives had of it, taken or read as usual; and what its keeper sent out itself. */
static int wire_measure(struct measuring *m)
{
    struct loss_row *row = m->row;
    struct loss_outlets outlets;
    uint64_t bytes = 0;
    bool handed = false, untold = false;
    if (row->bounded || !row->left)
        return 0;
    int rc = loss_outlets_find(&outlets, m->loss, row->takes, row->held_count, m->err);
    if (rc == 0)
        rc = is_handed(m, &outlets, &handed);
    bool told = rc == 0 && handed && outlets_sum(m->loss, &outlets, &bytes, &untold);
    loss_outlets_fini(&outlets);
    if (!told)
        return rc;
    row->bytes_max = bytes;
    if (row->keeper)
        rc = kept_exits(m, &told);
    row->bounded = row->on_wire = rc == 0 && told;
    row->untold = untold;
    return rc == 0 && told ? others_find(m) : rc;
}

static int row_measure(struct measuring *m)
{
    int rc = 0;
    m->count = 0;
    if (m->row->keeper)
        rc = kept_faces(m);
    for (uint32_t i = 0; rc == 0 && !m->row->keeper && i < m->loss->reach->node_count; i++)
        rc = node_faces(m, m->loss->reach, i);
    if (rc == 0)
        rc = faces_measure(m);
    bool told = true;
    if (rc == 0 && m->row->keeper && m->row->bounded)
        rc = kept_exits(m, &told);
    m->row->bounded = m->row->bounded && told;
    return rc;
}

/* Of a whole host or account nobody can say how much it holds. */
static bool is_files(const struct btr_loss *loss, uint32_t asset)
{
    return btr_assets_at(loss->options.assets, asset)->kind == BTR_ASSET_FILES;
}

int loss_bytes_find(struct btr_loss *loss, struct btr_err *err)
{
    struct measuring m = {.loss = loss, .edges = loss->apart, .err = err};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->row_count; i++) {
        m.asset = i;
        m.row = &loss->rows[i];
        m.count = 0;
        if (m.row->reached && is_files(loss, i))
            rc = row_measure(&m);
        if (rc == 0)
            rc = wire_measure(&m);
    }
    free(m.faces);
    return rc;
}
