/*
 * Impact and the ranking of entries on the weighted graphs that the authors of DEPIMPACT published,
 * beside values that were computed apart from this program. The graphs may not be shipped (they
 * state no licence): the test is skipped where they are not.
 */
#include "papers_tests.h"

#include <btr/json.h>
#include <math.h>

#include "score/depimpact.h"
#include "test.h"

enum { NODES_MAX = 2048, EDGES_MAX = 8192, NAME_MAX_SIZE = 256, LINE_SIZE = 1024, TOP = 5 };

/* Impact spreads from what is held to what it reaches: an edge of a graph is turned, its sink the
 * far end, so that a candidate's value at the alert is the alert's impact when the candidate is
 * held. */
struct drawing {
    struct closure_node nodes[NODES_MAX];
    struct closure_edge edges[EDGES_MAX];
    double read[EDGES_MAX]; /* weights, by the order of the file */
    double weights[EDGES_MAX], impact[NODES_MAX];
    uint32_t numbers[NODES_MAX]; /* of nodes, in the file */
    char names[NODES_MAX][NAME_MAX_SIZE];
    bool socket[NODES_MAX];
    struct closure_graph graph;
};

static struct drawing drawing;

/* ---- Reading ---- */

static const char *shared_path(const char *rest)
{
    static char path[4096];
    const char *shared = getenv("BTR_SHARED_DIR");
    snprintf(path, sizeof path, "%s/datasets/depimpact/%s",
             shared ? shared : BTR_SOURCE_DIR "/../shared", rest);
    return path;
}

static FILE *graph_open(const char *name)
{
    char rest[128], command[8448];
    snprintf(rest, sizeof rest, "dot/%s.dot", name);
    const char *path = shared_path(rest);
    assert_null(strchr(path, '\''));
    snprintf(command, sizeof command, "cat '%s' 2>/dev/null || zstd -dcq '%s.zst'", path, path);
    return popen(command, "r");
}

static uint32_t node_numbered(const struct drawing *d, uint32_t number)
{
    for (uint32_t i = 0; i < d->graph.node_count; i++)
        if (d->numbers[i] == number)
            return i;
    fail_msg("node %u of an edge is not there", number);
    return 0;
}

/* A name may hold a bracket: the last one begins the reputation. */
static void node_read(struct drawing *d, const char *line, uint32_t number)
{
    uint32_t i = d->graph.node_count++;
    const char *begin = strstr(line, "label=\""), *end = strrchr(line, '[');
    assert_true(i < NODES_MAX && begin && end);
    begin += strlen("label=\"");
    d->numbers[i] = number;
    d->socket[i] = strstr(end, "parallelogram") != NULL;
    snprintf(d->names[i], NAME_MAX_SIZE, "%.*s", (int)(end - begin - 1), begin);
}

static void line_read(struct drawing *d, const char *line)
{
    unsigned source, sink, id;
    double weight;
    struct closure_graph *g = &d->graph;
    if (sscanf(line, " %u -> %u [ label=\"%u %lf", &source, &sink, &id, &weight) == 4) {
        assert_true(g->edge_count < EDGES_MAX);
        d->read[g->edge_count] = weight;
        d->edges[g->edge_count] = (struct closure_edge){.far = node_numbered(d, sink),
                                                        .near = node_numbered(d, source),
                                                        .event_count = g->edge_count};
        g->edge_count++;
    } else if (sscanf(line, " %u [", &source) == 1) {
        node_read(d, line, source);
    }
}

static void drawing_read(struct drawing *d, const char *name)
{
    char line[LINE_SIZE];
    memset(d, 0, sizeof *d);
    d->graph.nodes = d->nodes;
    d->graph.edges = d->edges;
    FILE *f = graph_open(name);
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) /* nodes stand before edges */
        line_read(d, line);
    assert_int_equal(pclose(f), 0);
    assert_true(closure_graph_index(&d->graph));
    for (uint32_t i = 0; i < d->graph.edge_count; i++)
        d->weights[i] = d->read[d->edges[i].event_count];
}

/* ---- What is expected ---- */

struct expected {
    struct btr_arena *arena;
    struct btr_json_member *members;
    uint32_t member_count;
};

/* false, with the reason told, where the data is not. */
static bool expected_read(struct expected *e)
{
    static char text[1 << 16];
    FILE *f = fopen(shared_path("expected.json"), "r");
    if (!f) {
        print_message("skipped: %s is not there\n", shared_path("expected.json"));
        return false;
    }
    size_t size = fread(text, 1, sizeof text, f);
    fclose(f);
    struct btr_err err;
    e->arena = btr_arena_new(1 << 20);
    assert_int_equal(btr_json_flatten_plain((struct btr_span){(const uint8_t *)text, size},
                                            e->arena, &e->members, &e->member_count, &err),
                     0);
    return true;
}

/* A value, cut as a string; "" when there is none. */
static const char *expected_text(const struct expected *e, const char *graph, const char *name)
{
    static char value[2][NAME_MAX_SIZE];
    static unsigned turn;
    char path[NAME_MAX_SIZE];
    snprintf(path, sizeof path, "%s.%s", graph, name);
    char *out = value[++turn % 2];
    out[0] = 0;
    for (uint32_t i = 0; i < e->member_count; i++)
        if (btr_span_equal(e->members[i].name, btr_span_of(path)))
            snprintf(out, NAME_MAX_SIZE, "%.*s", (int)e->members[i].value.size,
                     (const char *)e->members[i].value.at);
    return out;
}

static double expected_number(const struct expected *e, const char *graph, const char *name)
{
    return strtod(expected_text(e, graph, name), NULL);
}

/* ---- Comparing ---- */

struct candidate {
    uint32_t node;
    double value;
};

static int compare_candidates(const void *x, const void *y)
{
    const struct candidate *a = x, *b = y;
    if (a->value != b->value)
        return a->value < b->value ? 1 : -1;
    return (a->node > b->node) - (a->node < b->node);
}

static uint32_t node_named(const struct drawing *d, const char *name)
{
    for (uint32_t i = 0; i < d->graph.node_count; i++)
        if (strcmp(d->names[i], name) == 0)
            return i;
    fail_msg("no node %s", name);
    return 0;
}

static bool is_candidate(const struct drawing *d, uint32_t node, uint32_t alert)
{
    const struct closure_node *n = &d->nodes[node];
    return node != alert && n->in_count > 0 && (d->socket[node] || n->out_count == 0);
}

static uint32_t candidates_rank(struct drawing *d, uint32_t alert, struct candidate *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < d->graph.node_count; i++) {
        if (!is_candidate(d, i, alert))
            continue;
        d->nodes[i].start = true;
        depimpact_spread(d->impact, &d->graph, d->weights);
        d->nodes[i].start = false;
        out[count++] = (struct candidate){i, d->impact[alert]};
    }
    qsort(out, count, sizeof *out, compare_candidates);
    return count;
}

/* The weights of the edges into a node, which are those out of it here, sum to 1. */
static void graph_check(const struct drawing *d, const struct expected *e, const char *name)
{
    assert_int_equal(d->graph.node_count, (int)expected_number(e, name, "nodes"));
    assert_int_equal(d->graph.edge_count, (int)expected_number(e, name, "edges"));
    for (uint32_t i = 0; i < d->graph.node_count; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < d->nodes[i].out_count; k++)
            sum += d->weights[d->graph.out[d->nodes[i].out_begin + k]];
        assert_true(d->nodes[i].out_count == 0 || fabs(sum - 1) < 1e-6);
    }
}

static void ranks_check(const struct drawing *d, const struct expected *e, const char *name,
                        const struct candidate *ranked, uint32_t count)
{
    char prefix[NAME_MAX_SIZE];
    snprintf(prefix, sizeof prefix, "%s.highRP_rank.", name);
    for (uint32_t i = 0; i < e->member_count; i++) {
        const struct btr_json_member *m = &e->members[i];
        size_t size = strlen(prefix);
        if (m->name.size < size || memcmp(m->name.at, prefix, size) != 0)
            continue;
        uint32_t rank = 0;
        uint64_t wanted = 0;
        while (rank < count &&
               (strlen(d->names[ranked[rank].node]) != m->name.size - size ||
                memcmp(d->names[ranked[rank].node], m->name.at + size, m->name.size - size) != 0))
            rank++;
        if (m->type != BTR_JSON_NULL)
            assert_true(btr_span_number(m->value, 10, &wanted));
        assert_int_equal(rank, wanted ? wanted - 1 : count);
    }
}

static void entries_rank_as_expected(const struct expected *e, const char *name)
{
    static struct candidate ranked[NODES_MAX];
    char path[64];
    drawing_read(&drawing, name);
    graph_check(&drawing, e, name);
    uint32_t alert = node_named(&drawing, expected_text(e, name, "poi"));
    uint32_t count = candidates_rank(&drawing, alert, ranked);
    assert_int_equal(count, (int)expected_number(e, name, "candidates"));
    for (uint32_t i = 0; i < TOP; i++) {
        snprintf(path, sizeof path, "top5.%u.1", i);
        double value = expected_number(e, name, path);
        if (fabs(ranked[i].value - value) >= 1e-4)
            fail_msg("%s: entry %u has %f, not %f", name, i + 1, ranked[i].value, value);
        snprintf(path, sizeof path, "top5.%u.0", i);
        uint32_t node = node_named(&drawing, expected_text(e, name, path)), place = 0;
        while (place < count && ranked[place].node != node)
            place++;
        /* Of equal values either may come first. */
        assert_true(place < count && fabs(ranked[place].value - value) < 1e-4);
    }
    ranks_check(&drawing, e, name, ranked, count);
    free(drawing.graph.out);
}

static void entries_of_published_graphs_rank_as_computed_apart(void **state)
{
    static const char *const GRAPHS[] = {"curl",
                                         "python_wget",
                                         "scp",
                                         "shellshock_pass_step1",
                                         "shellshock_pass_step4",
                                         "shellshock_pene_step3",
                                         "vpn_filter_step1",
                                         "cmd_inject_step5"};
    struct expected e = {0};
    (void)state;
    if (!expected_read(&e))
        skip();
    for (size_t i = 0; i < sizeof GRAPHS / sizeof *GRAPHS; i++)
        entries_rank_as_expected(&e, GRAPHS[i]);
    btr_arena_free(e.arena);
}

int impact_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_of_published_graphs_rank_as_computed_apart),
    };
    return cmocka_run_group_tests_name("impact", tests, NULL, NULL);
}
