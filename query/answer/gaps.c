/* Gaps that overlap the answer's hosts and times: what it cannot know. */
#include <btr/list.h>
#include <stdlib.h>

#include "holes.h"
#include "parts.h"

/* ---- Hosts of the answer -------------------------------------------------------------------- */

/* Each once; a flow has none of its own, so those of events count, too. */
struct host_list {
    struct btr_span *hosts;
    uint32_t count, capacity;
    bool failed;
};

static bool host_is_in(const struct host_list *l, struct btr_span host)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (btr_span_equal(l->hosts[i], host))
            return true;
    return false;
}

static void host_add(struct host_list *l, struct btr_span host)
{
    if (!host.size || host_is_in(l, host))
        return;
    if (l->count == l->capacity) {
        uint32_t capacity = l->capacity ? l->capacity * 2 : 16;
        struct btr_span *more = realloc(l->hosts, capacity * sizeof *more);
        l->failed |= !more;
        if (!more)
            return;
        l->hosts = more;
        l->capacity = capacity;
    }
    l->hosts[l->count++] = host;
}

static void source_add(struct host_list *l, const struct btr_answer *a, uint32_t source)
{
    if (source != BTR_SOURCE_NONE)
        host_add(l, btr_reader_source(a->reader, source).host);
}

static void hosts_find(struct host_list *l, const struct btr_answer *a)
{
    const struct btr_trace *t = a->trace;
    for (uint32_t i = 0; i < t->manner_count; i++)
        source_add(l, a, t->manners[i].source);
    for (uint32_t i = 0; i < t->pair_count; i++) {
        source_add(l, a, t->pairs[i].client_source);
        source_add(l, a, t->pairs[i].server_source);
    }
    for (uint32_t i = 0; i < t->node_count; i++)
        host_add(l, a->nodes[i].entity.host);
}

/* ---- Gathering ------------------------------------------------------------------------------ */

struct gap_search {
    struct btr_answer *a;
    struct host_list hosts;
    struct answer_gap *around; /* of all hosts, until the answer's end */
    uint32_t around_count, around_capacity;
    struct btr_err *err;
};

static int fail_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "gaps of the answer");
}

static int gap_visit(void *self, const struct btr_gap_full *full)
{
    struct gap_search *s = self;
    const struct btr_gap *gap = &full->gap;
    if (gap->from_ns > answer_host_told(s->a, full->host, s->a->last_ns))
        return 0;
    if (!btr_list_room(&s->around, s->around_count, &s->around_capacity, 16, sizeof *s->around))
        return fail_memory(s->err);
    struct answer_gap *out = &s->around[s->around_count];
    *out =
        (struct answer_gap){{0}, {0}, {0}, gap->from_ns, gap->until_ns, gap->count, 1, gap->kind};
    const struct answer_gap *last = out > s->around ? out - 1 : NULL;
    bool same = last && btr_span_equal(last->host, full->host);
    bool good = true;
    if (same)
        out->host = last->host;
    else
        good = btr_arena_copy(s->a->arena, full->host, &out->host);
    if (same && btr_span_equal(last->source, full->source))
        out->source = last->source;
    else
        good = good && btr_arena_copy(s->a->arena, full->source, &out->source);
    if (!good || !btr_arena_copy(s->a->arena, gap->why, &out->why))
        return fail_memory(s->err);
    s->around_count++;
    return 0;
}

/* Those of the answer's own hosts and time, and of a while before. That there is no path is said of
 * all hosts. */
static int gaps_keep(struct gap_search *s)
{
    struct btr_answer *a = s->a;
    int64_t since_ns =
        a->first_ns < INT64_MIN + HOLES_BEFORE_NS ? INT64_MIN : a->first_ns - HOLES_BEFORE_NS;
    a->gaps = malloc(((size_t)s->around_count + 1) * sizeof *a->gaps);
    if (!a->gaps)
        return fail_memory(s->err);
    for (uint32_t i = 0; i < s->around_count; i++)
        if (s->around[i].until_ns >= answer_host_told(a, s->around[i].host, since_ns) &&
            (answer_has_no_path(a) || host_is_in(&s->hosts, s->around[i].host)))
            a->gaps[a->gap_count++] = s->around[i];
    return 0;
}

int answer_gaps_find(struct btr_answer *a, struct btr_err *err)
{
    struct gap_search s = {.a = a, .err = err};
    hosts_find(&s.hosts, a);
    int rc = s.hosts.failed ? fail_memory(err) : btr_reader_gaps(a->reader, gap_visit, &s, err);
    if (rc == 0)
        rc = gaps_keep(&s);
    if (rc == 0)
        rc = holes_make(&a->holes, s.around, s.around_count, err);
    free(s.hosts.hosts);
    free(s.around);
    return rc;
}

/* ---- Joining -------------------------------------------------------------------------------- */

static int source_compare(const struct answer_gap *a, const struct answer_gap *b)
{
    int c = btr_span_compare(a->host, b->host);
    return c != 0 ? c : btr_span_compare(a->source, b->source);
}

static int shown_compare(const void *x, const void *y)
{
    const struct answer_gap *a = x, *b = y;
    int c = source_compare(a, b);
    if (c == 0)
        c = (a->from_ns > b->from_ns) - (a->from_ns < b->from_ns);
    if (c == 0)
        c = (a->until_ns > b->until_ns) - (a->until_ns < b->until_ns);
    if (c == 0)
        c = a->kind - b->kind;
    if (c == 0)
        c = (a->count > b->count) - (a->count < b->count);
    return c != 0 ? c : btr_span_compare(a->why, b->why);
}

/* The same, with each kind by itself. */
static int kinds_compare(const void *x, const void *y)
{
    const struct answer_gap *a = x, *b = y;
    int c = source_compare(a, b);
    if (c == 0)
        c = a->kind - b->kind;
    return c != 0 ? c : shown_compare(a, b);
}

static bool joins(const struct answer_gap *a, const struct answer_gap *b)
{
    return a->kind == b->kind && source_compare(a, b) == 0;
}

/* Joins gaps alike that lie `near_ns` apart at most. @return how many are left */
static uint32_t run_join(struct answer_gap *gaps, uint32_t count, uint64_t near_ns)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct answer_gap *last = kept ? &gaps[kept - 1] : NULL;
        if (!last || (gaps[i].from_ns > last->until_ns &&
                      (uint64_t)gaps[i].from_ns - (uint64_t)last->until_ns > near_ns)) {
            gaps[kept++] = gaps[i];
            continue;
        }
        last->until_ns = gaps[i].until_ns > last->until_ns ? gaps[i].until_ns : last->until_ns;
        last->count += gaps[i].count;
        last->holes += gaps[i].holes;
        if (!btr_span_equal(last->why, gaps[i].why))
            last->why = (struct btr_span){0};
    }
    return kept;
}

bool answer_gaps_join(const struct btr_answer *a, uint32_t most, struct answer_gap **out,
                      uint32_t *count)
{
    struct answer_gap *gaps = malloc(((size_t)a->gap_count + 1) * sizeof *gaps);
    uint32_t kept = 0;
    *out = gaps;
    *count = 0;
    if (!gaps)
        return false;
    if (a->gap_count)
        memcpy(gaps, a->gaps, a->gap_count * sizeof *gaps);
    if (a->gap_count > 1)
        qsort(gaps, a->gap_count, sizeof *gaps, kinds_compare);
    for (uint32_t begin = 0, end; begin < a->gap_count; begin = end) {
        for (end = begin + 1; end < a->gap_count && joins(&gaps[begin], &gaps[end]); end++)
            continue;
        uint32_t left = end - begin;
        memmove(&gaps[kept], &gaps[begin], left * sizeof *gaps);
        for (uint64_t near_ns = 1000000; left > most;
             near_ns = near_ns > UINT64_MAX / 4 ? UINT64_MAX : near_ns * 4)
            left = run_join(&gaps[kept], left, near_ns);
        kept += left;
    }
    if (kept > 1)
        qsort(gaps, kept, sizeof *gaps, shown_compare);
    *count = kept;
    return true;
}
