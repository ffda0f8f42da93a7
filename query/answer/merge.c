/* Parallel steps become edges; each keeps every record that it rests on. */
#include <stdlib.h>

#include "parts.h"

static int fail_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "edges of the answer");
}

/* ---- Records of an edge ---- */

struct answer_record *answer_records_of(const struct btr_answer *a, uint32_t step, uint32_t *count)
{
    if (!btr_step_is_pair(&a->trace->steps[step]))
        return &a->records[step];
    *count *= 2;
    return &a->records[a->records[step].line];
}

static int record_compare(const struct answer_record *a, const struct answer_record *b)
{
    if (a->origin != b->origin)
        return a->origin < b->origin ? -1 : 1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return (a->record_id > b->record_id) - (a->record_id < b->record_id);
}

static int places_compare(const void *x, const void *y)
{
    const struct answer_record *a = *(struct answer_record *const *)x;
    const struct answer_record *b = *(struct answer_record *const *)y;
    int d = record_compare(a, b);
    return d ? d : (a > b) - (a < b); /* both stand in the order of time */
}

/* Marks repetitions in the order of time, as long as lines ascend. @return whether that was all */
static bool marks_ascending(struct answer_record *records, uint32_t count)
{
    const struct answer_record *last = &records[0];
    for (uint32_t i = 1; i < count; i++) {
        struct answer_record *r = &records[i];
        r->again = record_compare(last, r) == 0;
        if (r->again)
            continue;
        if (r->origin != last->origin || r->line <= last->line)
            return false;
        last = r;
    }
    return true;
}

/* Marks those of an edge's records that an earlier one repeats. */
static bool marks_make(struct answer_record *records, uint32_t count)
{
    if (marks_ascending(records, count))
        return true;
    struct answer_record **sorted = malloc(count * sizeof(struct answer_record *));
    if (!sorted)
        return false;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &records[i];
    qsort(sorted, count, sizeof(struct answer_record *), places_compare);
    records[0].again = false;
    for (uint32_t i = 1; i < count; i++)
        sorted[i]->again = record_compare(sorted[i - 1], sorted[i]) == 0;
    sorted[0]->again = false;
    free(sorted);
    return true;
}

/* ---- Edges ---- */

/* Of what a thinned event stands for, the first record and the last are told. */
static void thinned_count(const struct btr_answer *a, const struct answer_record *record,
                          struct answer_edge *e)
{
    const struct answer_stand *stand = answer_stand_of(a, record);
    uint32_t more = stand ? stand->count - 1 : 0, left = UINT32_MAX - e->record_count;
    e->record_count += more < left ? more : left;
    e->thinned += (more < left ? more : left) - (more > 0);
}

/* Of some operations the one that tells most: a start, what ran, then what passed or was done. */
static uint8_t telling(uint64_t operations)
{
    const uint64_t ranks[] = {ANSWER_STARTS, ANSWER_BIT(BTR_OP_EXEC), ~ANSWER_OPENS, ANSWER_OPENS};
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
        if (operations & ranks[i])
            return (uint8_t)__builtin_ctzll(operations & ranks[i]);
    return 0;
}

static bool takes(uint64_t operations, const struct btr_manner *manner)
{
    return manner->operation > BTR_OP_MAX || (operations & ANSWER_BIT(manner->operation));
}

static void step_take(const struct btr_answer *a, const struct btr_trace_step *s,
                      const struct btr_manner *first, struct answer_edge *e)
{
    const struct btr_manner *manner = btr_step_manner(a->trace, s);
    e->first_ns = s->first_ns < e->first_ns ? s->first_ns : e->first_ns;
    e->last_ns = s->last_ns > e->last_ns ? s->last_ns : e->last_ns;
    e->operations |= manner->operation <= BTR_OP_MAX ? ANSWER_BIT(manner->operation) : 0;
    e->doubt = manner->doubt < e->doubt ? manner->doubt : e->doubt;
    e->mixed |= manner->operation != first->operation || manner->doubt != first->doubt;
}

static void record_take(const struct btr_answer *a, const struct answer_record *r,
                        struct answer_edge *e)
{
    e->record_count += !r->again;
    if (r->stand && !r->again)
        thinned_count(a, r, e);
    if (!e->pair && r->bytes != BTR_BYTES_UNKNOWN)
        e->bytes = (e->bytes == BTR_BYTES_UNKNOWN ? 0 : e->bytes) + r->bytes;
}

/* @param records  of the steps, `count` of them @param operations  of which steps */
static struct answer_edge edge_of(const struct btr_answer *a, const struct answer_place *p,
                                  const struct answer_record *records, uint32_t count,
                                  uint64_t operations)
{
    const struct btr_trace_step *s = &a->trace->steps[p->step_begin];
    const struct btr_manner *manner = btr_step_manner(a->trace, s);
    bool backward = a->direction == BTR_WALK_BACKWARD;
    uint32_t each = count / p->step_count; /* records of a step */
    struct answer_edge e = {.from = backward ? s->other : p->node,
                            .to = backward ? p->node : s->other,
                            .step_begin = p->step_begin,
                            .step_count = p->step_count,
                            .first_ns = INT64_MAX,
                            .last_ns = INT64_MIN,
                            .bytes = BTR_BYTES_UNKNOWN,
                            .doubt = UINT8_MAX,
                            .interval = btr_manner_is_interval(manner),
                            .pair = manner->pair,
                            .ahead_ns = answer_ahead(a, s)};
    for (uint32_t i = 0; i < p->step_count; i++) {
        if (!takes(operations, btr_step_manner(a->trace, &s[i])))
            continue;
        step_take(a, &s[i], manner, &e);
        for (uint32_t k = i * each; k < (i + 1) * each; k++)
            record_take(a, &records[k], &e);
    }
    e.operation = e.operations ? telling(e.operations) : manner->operation;
    return e;
}

static struct answer_edge edge_make(const struct btr_answer *a, const struct answer_place *p,
                                    uint64_t operations)
{
    uint32_t count = p->step_count;
    const struct answer_record *records = answer_records_of(a, p->step_begin, &count);
    return edge_of(a, p, records, count, operations);
}

struct answer_edge answer_edge_at(const struct btr_answer *a, uint32_t edge)
{
    return edge_make(a, &a->places[edge], UINT64_MAX);
}

struct answer_edge answer_edge_part(const struct btr_answer *a, uint32_t edge, uint64_t operations)
{
    return edge_make(a, &a->places[edge], operations);
}

int answer_edge_cite(struct btr_answer *a, uint32_t node, uint32_t step, struct answer_cited *out,
                     struct btr_err *err)
{
    const struct btr_trace *t = a->trace;
    const struct btr_trace_node *n = &t->nodes[node];
    struct answer_place p = {.node = node, .step_begin = step};
    while (p.step_begin > n->step_begin &&
           answer_steps_alike(t, &t->steps[p.step_begin - 1], &t->steps[step]))
        p.step_begin--;
    p.step_count = answer_steps_end(t, step, n->step_begin + n->step_count) - p.step_begin;
    out->count = p.step_count * (btr_step_is_pair(&t->steps[step]) ? 2 : 1);
    out->records = malloc(out->count * sizeof *out->records);
    int rc = out->records ? answer_steps_cite(a, p.step_begin, p.step_count, out->records, err)
                          : fail_memory(err);
    if (rc == 0 && !marks_make(out->records, out->count))
        rc = fail_memory(err);
    if (rc == 0) {
        out->edge = edge_of(a, &p, out->records, out->count, UINT64_MAX);
        return 0;
    }
    free(out->records);
    out->records = NULL;
    return rc;
}

static uint32_t edges_count(const struct btr_trace *t)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->node_count; i++) {
        uint32_t end = t->nodes[i].step_begin + t->nodes[i].step_count;
        for (uint32_t at = t->nodes[i].step_begin; at < end; at = answer_steps_end(t, at, end))
            count++;
    }
    return count;
}

/* Finds the edges, and in each the records that come again. */
static bool edges_find(struct btr_answer *a)
{
    const struct btr_trace *t = a->trace;
    for (uint32_t i = 0; i < t->node_count; i++) {
        uint32_t end = t->nodes[i].step_begin + t->nodes[i].step_count;
        for (uint32_t at = t->nodes[i].step_begin, next; at < end; at = next) {
            next = answer_steps_end(t, at, end);
            a->places[a->edge_count++] = (struct answer_place){i, at, next - at};
            uint32_t count = next - at;
            struct answer_record *records = answer_records_of(a, at, &count);
            if (!marks_make(records, count))
                return false;
        }
    }
    return true;
}

/* The order in which edges are shown. Their key is unique, so it is total. */
static int edges_compare(const struct btr_answer *answer, const struct answer_edge *a,
                         const struct answer_edge *b)
{
    const struct btr_trace_node *nodes = answer->trace->nodes;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    int d = btr_id_compare(nodes[a->from].id, nodes[b->from].id);
    if (d == 0)
        d = btr_id_compare(nodes[a->to].id, nodes[b->to].id);
    if (d == 0)
        d = a->operation - b->operation;
    if (d == 0)
        d = a->interval - b->interval;
    if (d == 0)
        d = a->doubt - b->doubt;
    return d ? d : a->pair - b->pair;
}

/* An edge with its place, to be put in order. */
struct shown {
    const struct btr_answer *answer;
    struct answer_edge edge;
    struct answer_place place;
};

static int shown_compare(const void *x, const void *y)
{
    const struct shown *a = x, *b = y;
    return edges_compare(a->answer, &a->edge, &b->edge);
}

static void shown_insert(struct shown *alike, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct shown moved = alike[i];
        uint32_t at = i;
        for (; at > 0 && shown_compare(&alike[at - 1], &moved) > 0; at--)
            alike[at] = alike[at - 1];
        alike[at] = moved;
    }
}

/* Puts edges that begin at one time in order by all that follows: events of one record do, so that
 * there are many such edges, but few at a time. */
static bool ties_sort(struct btr_answer *a, uint32_t begin, uint32_t end)
{
    enum { FEW = 12 };
    struct shown few[FEW], *alike = few;
    uint32_t count = end - begin;
    if (count > FEW)
        alike = malloc(count * sizeof *alike);
    if (!alike)
        return false;
    for (uint32_t i = 0; i < count; i++)
        alike[i] = (struct shown){a, answer_edge_at(a, begin + i), a->places[begin + i]};
    if (count > FEW)
        qsort(alike, count, sizeof *alike, shown_compare);
    else
        shown_insert(alike, count);
    for (uint32_t i = 0; i < count; i++)
        a->places[begin + i] = alike[i].place;
    if (alike != few)
        free(alike);
    return true;
}

static int64_t place_first(const struct btr_answer *a, const struct answer_place *p)
{
    const struct btr_trace_step *s = &a->trace->steps[p->step_begin];
    int64_t first_ns = s->first_ns;
    for (uint32_t i = 1; i < p->step_count; i++)
        first_ns = s[i].first_ns < first_ns ? s[i].first_ns : first_ns;
    return first_ns;
}

/* Puts edges into their order. */
static bool edges_sort(struct btr_answer *a)
{
    size_t n = a->edge_count;
    struct answer_key *keys = malloc(2 * (n + 1) * sizeof *keys);
    if (!keys)
        return false;
    for (uint32_t i = 0; i < n; i++)
        keys[i] =
            (struct answer_key){(uint64_t)place_first(a, &a->places[i]) ^ UINT64_C(1) << 63, i};
    answer_keys_sort(keys, keys + n, n);
    static_assert(sizeof(struct answer_place) <= sizeof *keys, "places fit the spare keys");
    struct answer_place *sorted = (struct answer_place *)(void *)(keys + n);
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = a->places[keys[i].value];
    memcpy(a->places, sorted, n * sizeof *sorted);
    bool good = true;
    for (uint32_t begin = 0, end; good && begin < n; begin = end) {
        for (end = begin + 1; end < n && keys[end].key == keys[begin].key; end++)
            continue;
        good = end - begin < 2 || ties_sort(a, begin, end);
    }
    free(keys);
    return good;
}

int answer_edges_merge(struct btr_answer *a, struct btr_err *err)
{
    a->places = calloc((size_t)edges_count(a->trace) + 1, sizeof *a->places);
    return a->places && edges_find(a) && edges_sort(a) ? 0 : fail_memory(err);
}
