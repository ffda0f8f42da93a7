/*
 * From starts to what a strategy shows of them: the one way from a question to its trace. Clocks
 * are set right by the way, and what is usual is counted.
 */
#include <btr/clock.h>
#include <btr/question.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLOCK_ROUNDS_MAX = 8, /* hosts behind hosts whose clocks are wrong */
    USUAL_PERCENT = 75    /* of the time: more than the walks have by themselves */
};

/* The last moment of the day of the latest start: segments end with the day, so that what is
 * counted until then does not depend on which of them were merged. */
static int64_t day_end(const struct btr_question *q)
{
    const int64_t day_ns = INT64_C(86400) * 1000000000;
    int64_t until_ns = INT64_MIN;
    for (uint32_t i = 0; i < q->start_count; i++)
        until_ns = q->starts[i].time_ns > until_ns ? q->starts[i].time_ns : until_ns;
    int64_t begin_ns = until_ns - ((until_ns % day_ns) + day_ns) % day_ns;
    return begin_ns > INT64_MAX - day_ns ? INT64_MAX : begin_ns + day_ns - 1;
}

/* Who tells of a start that is of no host, such as a connection: of an event at its time, else of
 * any. */
struct teller {
    int64_t time_ns;
    uint32_t source; /* BTR_SOURCE_NONE: nobody yet */
};

static int teller_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct teller *t = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        bool at = flows[i].first_ns == t->time_ns || flows[i].last_ns == t->time_ns;
        if (at || t->source == BTR_SOURCE_NONE)
            t->source = flows[i].source;
        if (at)
            return 1;
    }
    return 0;
}

/* The host of a start: that of its event, else of its entity, else of who tells of it. */
static int start_host(const struct btr_question *q, uint32_t i, struct btr_arena *arena,
                      struct btr_span *host, struct btr_err *err)
{
    struct btr_entity entity = {.kind = 0};
    if (q->starts[i].source != BTR_SOURCE_NONE) {
        *host = btr_reader_source(q->reader, q->starts[i].source).host;
        return 0;
    }
    int rc = btr_reader_entity(q->reader, q->starts[i].entity, arena, &entity, err);
    *host = entity.host;
    if (host->size || (rc < 0 && rc != BTR_E_NOTFOUND))
        return rc < 0 ? rc : 0;
    struct teller teller = {q->starts[i].time_ns, BTR_SOURCE_NONE};
    rc = btr_reader_flows(q->reader, q->starts[i].entity, BTR_SIDE_ALL, 0, NULL, teller_visit,
                          &teller, err);
    if (teller.source != BTR_SOURCE_NONE)
        *host = btr_reader_source(q->reader, teller.source).host;
    return rc < 0 ? rc : 0;
}

static int clocks_open(struct btr_found *found, const struct btr_question *q, struct btr_err *err)
{
    struct btr_edges edges =
        q->without ? btr_without_edges(q->without) : btr_edges_of_reader(q->reader);
    struct btr_clock_hosts hosts = btr_clock_hosts_of_reader(q->reader);
    struct btr_arena *arena = btr_arena_new(64 << 20);
    uint32_t count = q->start_count + q->origin_count;
    struct btr_span *names = calloc(count, sizeof *names);
    int rc = arena && names ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "hosts of starts");
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = start_host(q, i, arena, &names[i], err);
    if (rc == 0)
        rc = btr_clocks_new(&found->clocks, &edges, &hosts, q->starts, names, count, err);
    free(names);
    btr_arena_free(arena);
    return rc;
}

static int walk_kept(struct btr_found *found, const struct btr_question *q, struct btr_err *err)
{
    struct btr_reader_facts *reader_facts = NULL;
    int rc = btr_reader_facts_open(&reader_facts, q->reader, found->clocks, err);
    if (rc < 0)
        return rc;
    struct btr_edges edges = btr_clocks_edges(found->clocks);
    struct btr_facts facts = btr_facts_of_reader(reader_facts);
    const struct btr_start *starts = btr_clocks_starts(found->clocks);
    found->between =
        (struct btr_between){starts + q->start_count, starts, q->origin_count, q->start_count};
    struct btr_scene scene = {&edges,       &facts,      &found->usual,
                              q->direction, starts,      q->start_count,
                              &q->limits,   q->rank_max, q->origin_count ? &found->between : NULL,
                              q->left_out};
    if (q->origin_count)
        rc = btr_walk_between(&found->trace, &found->kept, &found->searched, &scene, q->strategy,
                              err);
    else
        rc = q->strategy->keep(&found->kept, &scene, err);
    if (rc == 0 && !q->origin_count)
        rc = btr_walk_kept(&found->trace, &scene, &found->kept, err);
    btr_reader_facts_close(reader_facts);
    return rc;
}

static void walk_forget(struct btr_found *found)
{
    btr_trace_free(found->trace);
    btr_kept_pairs_free(&found->kept);
    found->trace = NULL;
}

static bool is_late(const struct btr_question *q)
{
    return q->limits.budget_ns && btr_monotonic_ns() - q->limits.since_ns >= q->limits.budget_ns;
}

/* What is usual, for a strategy that asks for it. Where the time is over before that is known,
 * critical has none left to walk in: it tells that. Others do not look at the time between their
 * walks. */
static int usual_count(struct btr_found *found, const struct btr_question *q, struct btr_err *err)
{
    const char *strategy = q->strategy->name;
    int64_t deadline_ns = INT64_MAX;
    if (strcmp(strategy, "backtracker") == 0)
        return 0;
    if (strcmp(strategy, "critical") == 0 && q->limits.since_ns && q->origin_count == 0)
        deadline_ns = btr_walk_deadline(&q->limits, USUAL_PERCENT);
    int rc = btr_reader_usual(q->reader, day_end(q), deadline_ns, &found->usual, err);
    return rc == BTR_USUAL_LATE ? 0 : rc;
}

/* A walk that came to hosts whose clocks are wrong goes again with their times set right. */
static int walk_clocked(struct btr_found *found, const struct btr_question *q, struct btr_err *err)
{
    bool again = true;
    int rc = usual_count(found, q, err);
    for (int round = 0; rc == 0 && again; round++) {
        walk_forget(found);
        rc = walk_kept(found, q, err);
        again = false;
        if (rc == 0 && round < CLOCK_ROUNDS_MAX)
            rc = btr_clocks_learn(found->clocks, &again, err);
        if (again && found->trace && is_late(q)) {
            btr_clocks_unlearn(found->clocks);
            found->trace->cut = BTR_CUT_TIME;
            again = false;
        }
    }
    return rc;
}

int btr_question_ask(struct btr_found *found, const struct btr_question *question,
                     struct btr_err *err)
{
    int rc = clocks_open(found, question, err);
    return rc == 0 ? walk_clocked(found, question, err) : rc;
}

void btr_found_fini(struct btr_found *found)
{
    walk_forget(found);
    btr_clocks_free(found->clocks);
    *found = (struct btr_found){0};
}
