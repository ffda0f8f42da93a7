/* The processes of an answer under those that started them, and what each did there. */
#include <stdlib.h>

#include "../answer/story.h"
#include "text.h"

enum { PROCESSES_MAX = 2000, DEPTH_SHOWN = 20, NAMES_SHOWN = 3 };

struct tree {
    const struct text_writer *w;
    struct story story;
    struct text_doubts doubts; /* of processes */
    uint32_t *parent;          /* by node; ANSWER_NONE: not known */
    uint32_t *child, *sibling; /* by node: of its children the last, and of these the one before */
    int64_t *since_ns;         /* when it was started, or first did something here */
    uint32_t *order;           /* processes by that time */
    uint32_t *steps, *begin;   /* steps of each node, at either end */
    uint32_t *stack;           /* processes whose line is to come */
    uint8_t *depth;            /* by node, at most DEPTH_SHOWN */
    bool *seen;
    uint32_t process_count, shown;
};

static bool is_process(const struct tree *t, uint32_t node)
{
    return story_is(&t->story, node, BTR_KIND_PROCESS);
}

/* ---- Parents ---- */

static void parent_note(struct tree *t, const struct story_step *s)
{
    if (!story_starts(s) || !is_process(t, s->to) || s->from == s->to)
        return;
    if (t->parent[s->to] != ANSWER_NONE && t->since_ns[s->to] <= s->first_ns)
        return;
    t->parent[s->to] = is_process(t, s->from) ? s->from : ANSWER_NONE;
    t->since_ns[s->to] = s->first_ns;
}

static void begun_note(struct tree *t, uint32_t node, int64_t ns)
{
    if (t->parent[node] == ANSWER_NONE && ns < t->since_ns[node])
        t->since_ns[node] = ns;
}

struct born {
    int64_t since_ns;
    uint32_t node;
};

static int born_compare(const void *x, const void *y)
{
    const struct born *a = x, *b = y;
    if (a->since_ns != b->since_ns)
        return a->since_ns < b->since_ns ? -1 : 1;
    return (a->node > b->node) - (a->node < b->node);
}

static void child_add(struct tree *t, uint32_t node)
{
    uint32_t parent = t->parent[node];
    if (parent == ANSWER_NONE)
        return;
    t->sibling[node] = t->child[parent];
    t->child[parent] = node;
}

static bool order_make(struct tree *t)
{
    uint32_t nodes = t->w->a->trace->node_count;
    struct born *born = calloc((size_t)nodes + 1, sizeof *born);
    if (!born)
        return false;
    for (uint32_t i = 0; i < nodes; i++)
        if (is_process(t, i))
            born[t->process_count++] = (struct born){t->since_ns[i], i};
    if (t->process_count > 1)
        qsort(born, t->process_count, sizeof *born, born_compare);
    for (uint32_t i = 0; i < t->process_count; i++) {
        t->order[i] = born[i].node;
        child_add(t, born[i].node);
    }
    free(born);
    return true;
}

/* Lists the steps of each node. */
static bool steps_index(struct tree *t)
{
    const struct story *s = &t->story;
    uint32_t nodes = t->w->a->trace->node_count, sum = 0;
    t->begin = calloc((size_t)nodes + 2, sizeof *t->begin);
    t->steps = calloc(2 * (size_t)s->step_count + 1, sizeof *t->steps);
    if (!t->begin || !t->steps)
        return false;
    for (uint32_t i = 0; i < s->step_count; i++) {
        t->begin[s->steps[i].from + 1]++;
        t->begin[s->steps[i].to + 1]++;
    }
    for (uint32_t i = 0; i <= nodes + 1; i++) {
        uint32_t here = t->begin[i];
        t->begin[i] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < s->step_count; i++) {
        t->steps[t->begin[s->steps[i].from + 1]++] = i;
        t->steps[t->begin[s->steps[i].to + 1]++] = i;
    }
    return true;
}

static bool tree_make(struct tree *t)
{
    size_t nodes = (size_t)t->w->a->trace->node_count + 1;
    t->parent = calloc(nodes, sizeof *t->parent);
    t->child = calloc(nodes, sizeof *t->child);
    t->sibling = calloc(nodes, sizeof *t->sibling);
    t->since_ns = calloc(nodes, sizeof *t->since_ns);
    t->order = malloc(nodes * sizeof *t->order);
    t->stack = malloc(nodes * sizeof *t->stack);
    t->depth = calloc(nodes, 1);
    t->seen = calloc(nodes, 1);
    if (!t->parent || !t->child || !t->sibling || !t->since_ns || !t->order || !t->stack ||
        !t->depth || !t->seen)
        return false;
    for (size_t i = 0; i < nodes; i++) {
        t->parent[i] = t->child[i] = t->sibling[i] = ANSWER_NONE;
        t->since_ns[i] = INT64_MAX;
    }
    for (uint32_t i = 0; i < t->story.step_count; i++)
        parent_note(t, &t->story.steps[i]);
    for (uint32_t i = 0; i < t->story.step_count; i++) {
        begun_note(t, t->story.steps[i].from, t->story.steps[i].first_ns);
        begun_note(t, t->story.steps[i].to, t->story.steps[i].first_ns);
    }
    return order_make(t) && steps_index(t);
}

static void tree_fini(struct tree *t)
{
    story_fini(&t->story);
    free(t->parent);
    free(t->child);
    free(t->sibling);
    free(t->since_ns);
    free(t->order);
    free(t->steps);
    free(t->begin);
    free(t->stack);
    free(t->depth);
    free(t->seen);
}

/* ---- What a process did ---- */

enum sort { SORT_READ, SORT_WROTE, SORT_CONNECTION, SORT_CHANNEL, SORT_OTHER, SORTS };

static enum sort sort_of(const struct tree *t, const struct story_step *s, uint32_t process)
{
    uint32_t other = s->from == process ? s->to : s->from;
    switch (t->w->a->nodes[other].entity.kind) {
    case BTR_KIND_FILE:
        return s->to == process ? SORT_READ : SORT_WROTE;
    case BTR_KIND_FLOW:
    case BTR_KIND_RENDEZVOUS:
        return SORT_CONNECTION;
    case BTR_KIND_CHANNEL:
        return SORT_CHANNEL;
    default:
        return SORT_OTHER;
    }
}

/* Whether a step comes before another among those named: by score, then time. */
static bool named_before(const struct story_step *a, const struct story_step *b)
{
    return a->score != b->score ? a->score > b->score : a->first_ns < b->first_ns;
}

/* The few that are named of a sort, and how many there are. */
struct few {
    const struct story_step *steps[NAMES_SHOWN];
    uint32_t others[NAMES_SHOWN], named, count;
    uint32_t last; /* the other end of the step before */
};

static bool few_names(const struct tree *t, const struct few *f, uint32_t other)
{
    const struct answer_node *nodes = t->w->a->nodes;
    for (uint32_t i = 0; i < f->named; i++)
        if (btr_span_equal(nodes[f->others[i]].label, nodes[other].label))
            return true;
    return false;
}

static void few_add(const struct tree *t, struct few *f, const struct story_step *s, uint32_t other)
{
    if (f->count && f->last == other) /* both ways between the same two stand together */
        return;
    f->last = other;
    f->count++;
    if (few_names(t, f, other))
        return;
    uint32_t at = f->named;
    if (f->named < NAMES_SHOWN)
        f->named++;
    else if (!named_before(s, f->steps[--at]))
        return;
    for (; at > 0 && named_before(s, f->steps[at - 1]); at--) {
        f->steps[at] = f->steps[at - 1];
        f->others[at] = f->others[at - 1];
    }
    f->steps[at] = s;
    f->others[at] = other;
}

static void indent_say(const struct tree *t, uint32_t depth)
{
    text_pad(t->w, 0, 2 + 2 * depth);
}

static void few_say(const struct tree *t, const struct few *f, enum sort sort, uint32_t depth)
{
    static const char *const WORDS[SORTS][3] = {
        {"read", "file", "files"},
        {"wrote", "file", "files"},
        {"used", "connection", "connections"},
        {"used", "channel", "channels"},
        {"touched", "other", "others"},
    };
    enum { WORDS_WIDTH = 38 }; /* and the comma and dots behind */
    uint32_t room = TEXT_WIDTH - WORDS_WIDTH - 2 * depth;
    if (f->count == 0)
        return;
    indent_say(t, depth);
    text_style(t->w, TEXT_DIM);
    btr_buffer_format(t->w->out, "  - %s ", WORDS[sort][0]);
    text_number_of(t->w, f->count, WORDS[sort][1], WORDS[sort][2]);
    text_style(t->w, TEXT_PLAIN);
    for (uint32_t i = 0; i < f->named; i++) {
        btr_buffer_text(t->w->out, i ? ", " : ": ");
        text_name(t->w, f->others[i], room / f->named - 2, true);
    }
    if (f->count > f->named)
        btr_buffer_text(t->w->out, ", ...");
    btr_buffer_text(t->w->out, "\n");
}

static void deeds_say(const struct tree *t, uint32_t process, uint32_t depth)
{
    struct few all[SORTS] = {{.count = 0}};
    for (uint32_t i = t->begin[process]; i < t->begin[process + 1]; i++) {
        const struct story_step *s = &t->story.steps[t->steps[i]];
        uint32_t other = s->from == process ? s->to : s->from;
        if (!is_process(t, other))
            few_add(t, &all[sort_of(t, s, process)], s, other);
    }
    for (int sort = 0; sort < SORTS; sort++)
        few_say(t, &all[sort], (enum sort)sort, depth);
}

static void process_say(struct tree *t, uint32_t node)
{
    enum { ID = 37, ALERT = 10 };
    bool start = t->w->a->trace->nodes[node].start;
    uint32_t depth = t->depth[node], used = 2 + 2 * depth + ID + (start ? ALERT : 0);
    struct btr_span host = t->w->a->nodes[node].entity.host;
    indent_say(t, depth);
    if (depth == 0) {
        text_style(t->w, TEXT_BOLD);
        used += text_fit(t->w, host.size ? host : BTR_SPAN("(no host)"), 16, false) + 2;
        btr_buffer_text(t->w->out, "  ");
        text_style(t->w, TEXT_PLAIN);
    }
    text_name(t->w, node, TEXT_WIDTH - used, true);
    btr_buffer_text(t->w->out, "  ");
    text_style(t->w, TEXT_DIM);
    text_id(t->w, node);
    text_style(t->w, TEXT_PLAIN);
    if (t->w->a->nodes[node].hole)
        text_doubt(t->w, t->w->out, &t->doubts, t->w->a->nodes[node].doubt);
    btr_buffer_text(t->w->out, start ? "  <- alert\n" : "\n");
    deeds_say(t, node, depth);
    t->shown++;
}

/* ---- The tree ---- */

/* Puts the children of a process on the stack, the first on top. */
static void children_push(struct tree *t, uint32_t node, uint32_t *height)
{
    uint8_t depth = t->depth[node] < DEPTH_SHOWN ? (uint8_t)(t->depth[node] + 1) : DEPTH_SHOWN;
    for (uint32_t child = t->child[node]; child != ANSWER_NONE; child = t->sibling[child]) {
        if (t->seen[child])
            continue;
        t->seen[child] = true;
        t->depth[child] = depth;
        t->stack[(*height)++] = child;
    }
}

static void root_say(struct tree *t, uint32_t root)
{
    uint32_t height = 0;
    t->stack[height++] = root;
    t->seen[root] = true;
    while (height > 0 && t->shown < PROCESSES_MAX && query_drain(t->w->a, t->w->out)) {
        uint32_t node = t->stack[--height];
        process_say(t, node);
        children_push(t, node, &height);
    }
}

int text_tree(const struct text_writer *w, struct btr_err *err)
{
    struct tree t = {.w = w};
    int rc = story_make(&t.story, w->a, err);
    if (rc == 0 && !tree_make(&t))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as text");
    if (rc == 0) {
        text_heading(w, "\nTree      ");
        text_number_of(w, t.process_count, "process", "processes");
        if (t.process_count > PROCESSES_MAX)
            btr_buffer_format(w->out, "; CUT: %d are shown (all: --output json)", PROCESSES_MAX);
        btr_buffer_text(w->out, "\n");
    }
    /* Those without a parent first; then what started one another in a circle, if anything did. */
    for (int circle = 0; rc == 0 && circle < 2; circle++)
        for (uint32_t i = 0; i < t.process_count && t.shown < PROCESSES_MAX; i++)
            if (!t.seen[t.order[i]] && (circle || t.parent[t.order[i]] == ANSWER_NONE))
                root_say(&t, t.order[i]);
    if (rc == 0)
        text_doubts_say(w, &t.doubts);
    tree_fini(&t);
    return rc;
}
