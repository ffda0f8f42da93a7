/*
 * What to cut first: the least costly set of processes, files, flows and accounts that leaves the
 * intrusion no way, of those that the graph knows, to any asset that is not lost yet.
 */
#include <stdlib.h>
#include <string.h>

#include "loss/contain.h"

#include "filter/glob.h"

/* ---- Words ---- */

void loss_hold_words(const struct loss_hold *h, struct btr_buffer *out)
{
    if (h->kind == LOSS_HOLD_INTRUSION) {
        btr_buffer_text(out, "the intrusion");
        return;
    }
    if (h->kind == LOSS_HOLD_ACCOUNT || h->kind == LOSS_HOLD_PROCESS)
        btr_buffer_text(out, h->kind == LOSS_HOLD_ACCOUNT ? "account " : "process ");
    btr_buffer_span(out, h->kind == LOSS_HOLD_BEYOND ? h->host : h->name);
    if (h->kind == LOSS_HOLD_ASSET || h->kind == LOSS_HOLD_BEYOND)
        return;
    btr_buffer_text(out, " of ");
    btr_buffer_span(out, h->host);
    if (h->kind == LOSS_HOLD_SERVICE)
        btr_buffer_text(out, " from outside");
    if (h->kind == LOSS_HOLD_FLOW) {
        btr_buffer_text(out, " from ");
        btr_buffer_span(out, h->from);
    }
}

void loss_hold_deed(const struct loss_hold *h, struct btr_buffer *out)
{
    static const char *const BEFORE[LOSS_HOLD_CUTTABLE] = {
        [LOSS_HOLD_PROCESS] = "end process ", [LOSS_HOLD_FILE] = "remove ",
        [LOSS_HOLD_FLOW] = "close ",          [LOSS_HOLD_ACCOUNT] = "lock account ",
        [LOSS_HOLD_SERVICE] = "close ",
    };
    btr_buffer_text(out, BEFORE[h->kind]);
    btr_buffer_span(out, h->name);
    if (h->kind == LOSS_HOLD_FILE)
        btr_buffer_format(out, " (%s)", h->what);
    if (h->kind == LOSS_HOLD_ACCOUNT)
        btr_buffer_text(out, ", end its sessions, and change what it logs in with");
    if (h->kind == LOSS_HOLD_SERVICE)
        btr_buffer_text(out, " to the outside");
    if (h->kind == LOSS_HOLD_FLOW) {
        btr_buffer_text(out, " to ");
        btr_buffer_span(out, h->from);
    }
}

bool loss_is_to_change(const struct btr_loss *loss, uint32_t asset)
{
    const struct btr_asset *a = btr_assets_at(loss->options.assets, asset);
    return loss->rows[asset].verdict == LOSS_LOST &&
           query_glob_name(BTR_SPAN("secret"), a->classification);
}

/* ---- Ways through the graph ---- */

/* Nodes that the intrusion comes to while some are cut, each with the lead that it came by. */
struct ways {
    uint32_t *first, *next; /* leads by the node that they leave */
    uint32_t *by;           /* of a node, the lead; LOSS_NONE: it is not come to */
    uint32_t *queue;
    bool *cut;
};

static void ways_fini(struct ways *w)
{
    free(w->first);
    free(w->next);
    free(w->by);
    free(w->queue);
    free(w->cut);
}

static int ways_new(struct ways *w, const struct contain *c)
{
    size_t nodes = (size_t)c->to->hold_count + 1, leads = (size_t)c->to->lead_count + 1;
    *w = (struct ways){malloc(nodes * sizeof *w->first), malloc(leads * sizeof *w->next),
                       malloc(nodes * sizeof *w->by), malloc(nodes * sizeof *w->queue),
                       calloc(nodes, sizeof *w->cut)};
    if (!w->first || !w->next || !w->by || !w->queue || !w->cut)
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment");
    memset(w->first, 0xff, nodes * sizeof *w->first);
    for (uint32_t i = c->to->lead_count; i-- > 0;) { /* the first lead comes first */
        w->next[i] = w->first[c->to->leads[i].from];
        w->first[c->to->leads[i].from] = i;
    }
    return 0;
}

/* Fewest steps first. */
static void ways_find(struct ways *w, const struct contain *c)
{
    uint32_t begin = 0, end = 0;
    memset(w->by, 0xff, (size_t)c->to->hold_count * sizeof *w->by);
    w->queue[end++] = c->intrusion;
    while (begin < end)
        for (uint32_t i = w->first[w->queue[begin++]]; i != LOSS_NONE; i = w->next[i]) {
            uint32_t to = c->to->leads[i].to;
            if (w->by[to] != LOSS_NONE || to == c->intrusion || w->cut[to])
                continue;
            w->by[to] = i;
            w->queue[end++] = to;
        }
}

/* ---- The cut ---- */

static bool is_goal(const struct loss_hold *h)
{
    return h->kind == LOSS_HOLD_ASSET || h->kind == LOSS_HOLD_BEYOND;
}

static int cut_find(struct contain *c, bool *cut)
{
    struct loss_containment *to = c->to;
    uint32_t sink = to->hold_count, count = to->lead_count;
    struct btr_mincut_edge *edges =
        malloc(((size_t)to->lead_count + to->hold_count + 1) * sizeof *edges);
    uint32_t *costs = malloc(((size_t)to->hold_count + 1) * sizeof *costs);
    struct btr_mincut_graph graph = {costs, to->hold_count + 1, edges, 0, c->intrusion, sink};
    int rc = edges && costs ? 0 : btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment");
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        edges[i] = (struct btr_mincut_edge){to->leads[i].from, to->leads[i].to};
    for (uint32_t i = 0; rc == 0 && i < to->hold_count; i++) {
        costs[i] = loss_hold_cost(to->holds[i].kind);
        if (is_goal(&to->holds[i]))
            edges[count++] = (struct btr_mincut_edge){i, sink};
    }
    if (rc == 0) {
        costs[sink] = BTR_MINCUT_NEVER;
        graph.edge_count = count;
        rc = btr_mincut(&graph, cut, &to->cost, c->err);
    }
    free(edges);
    free(costs);
    return rc;
}

/* ---- Steps ---- */

/* The assets that are come to, as nodes. @return from malloc */
static uint32_t *goals_reached(const struct ways *w, const struct contain *c, uint32_t *count)
{
    uint32_t *list = malloc(((size_t)c->to->hold_count + 1) * sizeof *list);
    *count = 0;
    for (uint32_t i = 0; list && i < c->to->hold_count; i++)
        if (is_goal(&c->to->holds[i]) && w->by[i] != LOSS_NONE)
            list[(*count)++] = i;
    return list;
}

/* The leads from the intrusion to a node. @return from malloc */
static uint32_t *path_to(const struct ways *w, const struct contain *c, uint32_t node,
                         uint32_t *count)
{
    uint32_t length = 0;
    for (uint32_t at = node; at != c->intrusion; at = c->to->leads[w->by[at]].from)
        length++;
    uint32_t *list = malloc(((size_t)length + 1) * sizeof *list);
    *count = list ? length : 0;
    for (uint32_t at = node; list && at != c->intrusion; at = c->to->leads[w->by[at]].from)
        list[--length] = w->by[at];
    return list;
}

/* What is open again without one step of the cut, and the way there, which leads over that step. */
static int step_fill(struct contain *c, struct ways *w, struct loss_cut_step *step)
{
    w->cut[step->hold] = false;
    ways_find(w, c);
    w->cut[step->hold] = true;
    step->assets = goals_reached(w, c, &step->asset_count);
    if (step->assets && step->asset_count)
        step->path = path_to(w, c, step->assets[0], &step->path_count);
    bool ok = step->assets && (step->asset_count == 0 || step->path);
    return ok ? 0 : btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment");
}

/* What keeps the most from the intrusion comes first. */
static int step_compare(const struct contain *c, const struct loss_cut_step *x,
                        const struct loss_cut_step *y)
{
    const struct loss_hold *a = &c->to->holds[x->hold], *b = &c->to->holds[y->hold];
    if (x->asset_count != y->asset_count)
        return x->asset_count > y->asset_count ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int r = btr_span_compare(a->host, b->host);
    if (r == 0)
        r = btr_span_compare(a->name, b->name);
    if (r == 0)
        r = btr_span_compare(a->from, b->from);
    return r ? r : btr_id_compare(a->entity, b->entity);
}

static void steps_sort(struct contain *c)
{
    struct loss_cut_step *s = c->to->steps;
    for (uint32_t i = 1; i < c->to->step_count; i++) {
        struct loss_cut_step step = s[i];
        uint32_t at = i;
        for (; at > 0 && step_compare(c, &step, &s[at - 1]) < 0; at--)
            s[at] = s[at - 1];
        s[at] = step;
    }
}

static int row_compare(const struct contain *c, uint32_t x, uint32_t y)
{
    const struct loss_hold *a = &c->to->holds[x], *b = &c->to->holds[y];
    return a->kind != b->kind ? a->kind - b->kind : (a->asset > b->asset) - (a->asset < b->asset);
}

/* Assets stand in the order of the inventory. */
static void assets_sort(const struct contain *c, uint32_t *list, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t one = list[i], at = i;
        for (; at > 0 && row_compare(c, one, list[at - 1]) < 0; at--)
            list[at] = list[at - 1];
        list[at] = one;
    }
}

static int steps_find(struct contain *c)
{
    struct loss_containment *to = c->to;
    struct ways w;
    int rc = ways_new(&w, c);
    if (rc == 0)
        rc = cut_find(c, w.cut);
    to->steps = calloc((size_t)to->hold_count + 1, sizeof *to->steps);
    if (rc == 0 && !to->steps)
        rc = btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment");
    for (uint32_t i = 0; rc == 0 && i < to->hold_count; i++)
        if (w.cut[i])
            to->steps[to->step_count++].hold = i;
    for (uint32_t i = 0; rc == 0 && i < to->step_count; i++) {
        rc = step_fill(c, &w, &to->steps[i]);
        assets_sort(c, to->steps[i].assets, to->steps[i].asset_count);
    }
    if (rc == 0)
        steps_sort(c);
    if (rc == 0) {
        memset(w.cut, 0, to->hold_count * sizeof *w.cut);
        ways_find(&w, c);
        to->open = goals_reached(&w, c, &to->open_count);
        rc = to->open ? 0 : btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment");
    }
    if (rc == 0)
        assets_sort(c, to->open, to->open_count);
    ways_fini(&w);
    return rc;
}

/* ---- All ---- */

int loss_containment_find(struct btr_loss *loss, struct btr_err *err)
{
    struct contain c = {.loss = loss, .err = err};
    c.to = loss->after->containment = calloc(1, sizeof *c.to);
    if (!c.to)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "containment");
    /* without a way in nobody knows what else it holds */
    c.to->cut = !loss_came_in(loss) || btr_loss_is_cut(loss);
    int rc = contain_holds_find(&c);
    if (rc == 0)
        rc = contain_onward_find(&c);
    if (rc == 0)
        rc = contain_assets_find(&c);
    if (rc == 0)
        rc = contain_unseen_find(&c);
    if (rc == 0)
        rc = steps_find(&c);
    btr_idmap_fini(&c.by_key);
    btr_idmap_fini(&c.by_lead);
    btr_idmap_fini(&c.account_of);
    btr_idmap_fini(&c.first_talker);
    free(c.talkers);
    free(c.addresses);
    btr_buffer_fini(&c.words);
    return rc;
}

void loss_containment_free(struct loss_containment *containment)
{
    if (!containment)
        return;
    for (uint32_t i = 0; i < containment->step_count; i++) {
        free(containment->steps[i].assets);
        free(containment->steps[i].path);
    }
    free(containment->steps);
    free(containment->holds);
    free(containment->leads);
    free(containment->open);
    free(containment);
}
