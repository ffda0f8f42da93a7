#include <btr/mincut.h>
#include <stdlib.h>
#include <string.h>

/*
 * Each node is two here, where edges come in (2 n) and where they go out (2 n + 1), with an arc
 * between that lets pass what the node costs. Edges let pass anything.
 */
#define ANY UINT64_MAX

struct arc {
    uint32_t to, next; /* next: of the same node; UINT32_MAX: none */
    uint64_t room;
};

struct flow {
    struct arc *arcs; /* arc i and i ^ 1 are one, either way */
    uint32_t arc_count;
    uint32_t *first, *now; /* by node: its first arc, and the one to try next */
    uint32_t *level;       /* steps from the source; UINT32_MAX: not reached */
    uint32_t *queue;
    uint32_t *path; /* arcs from the source to where the search is */
    uint32_t node_count, source, sink;
};

static void arc_add(struct flow *f, uint32_t from, uint32_t to, uint64_t room)
{
    f->arcs[f->arc_count] = (struct arc){to, f->first[from], room};
    f->first[from] = f->arc_count++;
    f->arcs[f->arc_count] = (struct arc){from, f->first[to], 0};
    f->first[to] = f->arc_count++;
}

static int flow_open(struct flow *f, const struct btr_mincut_graph *g, struct btr_err *err)
{
    uint32_t nodes = 2 * g->node_count;
    *f = (struct flow){.node_count = nodes, .source = 2 * g->source + 1, .sink = 2 * g->sink};
    size_t arcs = 2 * ((size_t)g->node_count + g->edge_count);
    f->arcs = malloc((arcs + 1) * sizeof *f->arcs);
    f->first = malloc(((size_t)nodes + 1) * sizeof *f->first);
    f->now = malloc(((size_t)nodes + 1) * sizeof *f->now);
    f->level = malloc(((size_t)nodes + 1) * sizeof *f->level);
    f->queue = malloc(((size_t)nodes + 1) * sizeof *f->queue);
    f->path = malloc(((size_t)nodes + 1) * sizeof *f->path);
    if (!f->arcs || !f->first || !f->now || !f->level || !f->queue || !f->path)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "minimum cut of %u nodes", g->node_count);
    memset(f->first, 0xff, (size_t)nodes * sizeof *f->first);
    for (uint32_t n = 0; n < g->node_count; n++)
        arc_add(f, 2 * n, 2 * n + 1, g->costs[n] == BTR_MINCUT_NEVER ? ANY : g->costs[n]);
    for (uint32_t i = 0; i < g->edge_count; i++)
        arc_add(f, 2 * g->edges[i].from + 1, 2 * g->edges[i].to, ANY);
    return 0;
}

static void flow_close(struct flow *f)
{
    free(f->arcs);
    free(f->first);
    free(f->now);
    free(f->level);
    free(f->queue);
    free(f->path);
}

/* Levels by what still has room. @return whether the sink is among them */
static bool levels_find(struct flow *f)
{
    uint32_t begin = 0, end = 0;
    memset(f->level, 0xff, (size_t)f->node_count * sizeof *f->level);
    f->level[f->source] = 0;
    f->queue[end++] = f->source;
    while (begin < end) {
        uint32_t at = f->queue[begin++];
        for (uint32_t i = f->first[at]; i != UINT32_MAX; i = f->arcs[i].next) {
            uint32_t to = f->arcs[i].to;
            if (f->arcs[i].room && f->level[to] == UINT32_MAX) {
                f->level[to] = f->level[at] + 1;
                f->queue[end++] = to;
            }
        }
    }
    return f->level[f->sink] != UINT32_MAX;
}

/* Sends as much as a path lets pass. Room without bound stays so. */
static uint64_t path_fill(struct flow *f, uint32_t length)
{
    uint64_t least = ANY;
    for (uint32_t i = 0; i < length; i++)
        if (f->arcs[f->path[i]].room < least)
            least = f->arcs[f->path[i]].room;
    for (uint32_t i = 0; least != ANY && i < length; i++) {
        struct arc *arc = &f->arcs[f->path[i]], *back = &f->arcs[f->path[i] ^ 1];
        arc->room -= arc->room == ANY ? 0 : least;
        back->room += back->room == ANY ? 0 : least;
    }
    return least;
}

/* The next arc of a node that leads a level on and has room; UINT32_MAX when there are no more. */
static uint32_t arc_next(struct flow *f, uint32_t at)
{
    while (f->now[at] != UINT32_MAX) {
        const struct arc *arc = &f->arcs[f->now[at]];
        if (arc->room && f->level[arc->to] == f->level[at] + 1)
            return f->now[at];
        f->now[at] = arc->next;
    }
    return UINT32_MAX;
}

/* Paths along levels until there is none. @return what they sent; ANY: one has no bound */
static uint64_t levels_fill(struct flow *f)
{
    uint64_t sent = 0;
    uint32_t length = 0, at = f->source;
    memcpy(f->now, f->first, (size_t)f->node_count * sizeof *f->now);
    for (;;) {
        if (at == f->sink) {
            uint64_t more = path_fill(f, length);
            if (more == ANY)
                return ANY;
            sent += more;
            length = 0;
            at = f->source;
            continue;
        }
        uint32_t arc = arc_next(f, at);
        if (arc != UINT32_MAX) {
            f->path[length++] = arc;
            at = f->arcs[arc].to;
        } else if (length) { /* a dead end: the arc that came here is done */
            at = f->arcs[f->path[--length] ^ 1].to;
            f->now[at] = f->arcs[f->now[at]].next;
        } else {
            return sent;
        }
    }
}

int btr_mincut(const struct btr_mincut_graph *graph, bool *cut, uint64_t *cost, struct btr_err *err)
{
    struct flow f;
    uint64_t sent = 0;
    int rc = flow_open(&f, graph, err);
    memset(cut, 0, graph->node_count * sizeof *cut);
    *cost = 0;
    while (rc == 0 && sent != ANY && levels_find(&f)) {
        sent = levels_fill(&f);
        *cost = sent == ANY ? ANY : *cost + sent;
    }
    /* what is reached where it comes in and not where it goes out is full */
    for (uint32_t n = 0; rc == 0 && *cost != ANY && n < graph->node_count; n++)
        cut[n] = n != graph->source && n != graph->sink && f.level[(size_t)2 * n] != UINT32_MAX &&
                 f.level[(size_t)2 * n + 1] == UINT32_MAX;
    flow_close(&f);
    return rc;
}
