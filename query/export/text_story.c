/*
 * The answer of a strategy that scores, in one screen: the most important steps in the order of
 * time, numbered, each with the host that it happened on and the steps that its cause came from.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../answer/story.h"
#include "text.h"

enum {
    STEPS_TOLD = 32,
    LANES = 5,
    LANE_WIDTH = 12,  /* of a host's name in a lane */
    LANES_WIDTH = 40, /* of all lanes */
    ALSO_SHOWN = 6,
    NAME_WIDTH = 34 /* of who did it */
};

#define LASTING_NS INT64_C(1000000000) /* a step that takes longer says until when */

/* ---- Lanes ---- */

/* A column for each host; where there are many hosts, one column with their names. */
struct lanes {
    struct btr_span hosts[LANES];
    uint32_t widths[LANES], count;
    bool many;
};

struct teller {
    const struct text_writer *w;
    struct story story;
    struct lanes lanes;
    struct text_doubts doubts;
    bool *named;   /* by node: its label was told */
    bool *doubted; /* by node: its doubt was told */
    char day[BTR_TIME_TEXT_SIZE];
    bool through; /* a cause came through steps that are not told */
};

static struct btr_span host_of(const struct btr_answer *a, uint32_t node)
{
    return node == ANSWER_NONE ? (struct btr_span){0} : a->nodes[node].entity.host;
}

static struct btr_span step_host(const struct btr_answer *a, const struct story_step *s)
{
    struct btr_span host = host_of(a, s->actor);
    if (!host.size)
        host = host_of(a, s->from);
    return host.size ? host : host_of(a, s->to);
}

static void lane_add(struct lanes *lanes, struct btr_span host)
{
    for (uint32_t i = 0; i < lanes->count; i++)
        if (btr_span_equal(lanes->hosts[i], host))
            return;
    if (!host.size)
        return;
    if (lanes->count == LANES) {
        lanes->many = true;
        return;
    }
    lanes->hosts[lanes->count++] = host;
}

static uint32_t lanes_width(const struct lanes *lanes)
{
    uint32_t width = 0;
    for (uint32_t i = 0; !lanes->many && i < lanes->count; i++)
        width += lanes->widths[i] + 1;
    return lanes->many ? LANE_WIDTH + 1 : width;
}

static void lanes_make(struct teller *t)
{
    const struct story *s = &t->story;
    struct btr_buffer name = {0};
    struct text_writer scratch = {t->w->a, &name, false};
    for (uint32_t i = 0; i < s->told_count; i++) {
        const struct story_step *step = &s->steps[s->told[i]];
        lane_add(&t->lanes, step_host(s->a, step));
        if (step->via != ANSWER_NONE)
            lane_add(&t->lanes, host_of(s->a, step->to));
    }
    for (uint32_t i = 0; i < t->lanes.count; i++) {
        btr_buffer_clear(&name);
        t->lanes.widths[i] = text_fit(&scratch, t->lanes.hosts[i], LANE_WIDTH, false);
    }
    t->lanes.many |= lanes_width(&t->lanes) > LANES_WIDTH;
    t->w->out->failed |= name.failed;
    btr_buffer_fini(&name);
}

static void lanes_head(const struct teller *t)
{
    if (t->lanes.many) {
        btr_buffer_text(t->w->out, "host");
        text_pad(t->w, 4, LANE_WIDTH + 1);
    }
    for (uint32_t i = 0; !t->lanes.many && i < t->lanes.count; i++) {
        text_fit(t->w, t->lanes.hosts[i], LANE_WIDTH, false);
        btr_buffer_text(t->w->out, " ");
    }
}

/* "*" where it was done, ">" where a message went to. */
static void lanes_say(const struct teller *t, const struct story_step *step)
{
    struct btr_span host = step_host(t->w->a, step);
    struct btr_span to = step->via == ANSWER_NONE ? host : host_of(t->w->a, step->to);
    if (t->lanes.many) {
        text_pad(t->w, text_fit(t->w, host, LANE_WIDTH, false), LANE_WIDTH + 1);
        return;
    }
    for (uint32_t i = 0; i < t->lanes.count; i++) {
        bool here = btr_span_equal(t->lanes.hosts[i], host);
        bool there = btr_span_equal(t->lanes.hosts[i], to);
        btr_buffer_text(t->w->out, here ? "*" : there ? ">" : "|");
        text_pad(t->w, 1, t->lanes.widths[i] + 1);
    }
}

/* ---- One step ---- */

static void phrases_say(struct btr_buffer *out, const struct story_step *s)
{
    if (s->via != ANSWER_NONE)
        btr_buffer_text(out, "sent to ");
    else
        text_operations(out, story_said(s)->operations);
}

/* A node's doubt stands with the first step that tells of it. */
static void node_doubt_say(struct teller *t, struct btr_buffer *out, uint32_t node)
{
    const struct answer_node *n = node == ANSWER_NONE ? NULL : &t->w->a->nodes[node];
    if (n && n->hole && !t->doubted[node])
        text_doubt(t->w, out, &t->doubts, n->doubt);
    if (n)
        t->doubted[node] = true;
}

static void doubts_say(struct teller *t, struct btr_buffer *out, const struct story_step *s)
{
    const char *text = btr_doubt_text(story_said(s)->doubt);
    if (s->hole != ANSWER_NONE) {
        struct answer_edge e = answer_edge_at(t->w->a, s->hole);
        (void)text_edge_doubt(t->w, out, &t->doubts, &e);
        text = e.doubt == story_said(s)->doubt ? NULL : text; /* it was said with the hole */
    }
    text_doubt(t->w, out, &t->doubts, text ? btr_span_of(text) : (struct btr_span){0});
    if (s->hole == ANSWER_NONE || !story_is(&t->story, s->from, BTR_KIND_CHANNEL))
        node_doubt_say(t, out, s->from); /* else that of its opening says it */
    node_doubt_say(t, out, s->via);
    node_doubt_say(t, out, s->to);
}

/* What stands behind the other one: how much, how certain, and whether it is the alert. */
static void tail_say(struct teller *t, struct btr_buffer *out, const struct story_step *s)
{
    const struct btr_trace_node *nodes = t->w->a->trace->nodes;
    if (!story_starts(s))
        text_amount(out, s->done.count ? s->bytes : BTR_BYTES_UNKNOWN, story_said(s)->count);
    if (s->last_ns - story_time(&t->story, s) >= LASTING_NS) {
        const struct text_writer w = {t->w->a, out, false};
        btr_buffer_text(out, " until ");
        text_hour(&w, answer_told(s->last_ns, s->last_ahead_ns));
    }
    doubts_say(t, out, s);
    if (nodes[s->from].start || nodes[s->to].start)
        btr_buffer_text(out, "  <- alert");
}

/* Names a node: whole when it is for the first time. */
static uint32_t name_say(struct teller *t, uint32_t node, uint32_t width)
{
    bool whole = !t->named[node];
    t->named[node] = true;
    return text_name(t->w, node, width, whole);
}

static uint32_t via_say(const struct teller *t, const struct story_step *s, uint32_t width)
{
    enum { WORD = 5 }; /* " via " */
    if (s->via == ANSWER_NONE || width < WORD + 8)
        return 0;
    text_style(t->w, TEXT_DIM);
    btr_buffer_text(t->w->out, " via ");
    uint32_t used = text_name(t->w, s->via, width - WORD, true);
    text_style(t->w, TEXT_PLAIN);
    return WORD + used;
}

/* Who did what to what, in `width` columns. */
static void deed_say(struct teller *t, const struct story_step *s, uint32_t width)
{
    struct btr_buffer words = {0}, tail = {0};
    uint32_t doer = s->actor == ANSWER_NONE ? s->from : s->actor;
    enum { OTHER = 16 }; /* columns that the doer leaves */
    phrases_say(&words, s);
    tail_say(t, &tail, s);
    uint32_t used =
        text_columns(btr_buffer_view(&words)) + text_columns(btr_buffer_view(&tail)) + 1;
    uint32_t names = used < width ? width - used : 0, least = s->via == ANSWER_NONE ? 0 : 40;
    uint32_t doer_width = names > 2 * OTHER ? names - OTHER : names / 2;
    used += name_say(t, doer, doer_width < NAME_WIDTH ? doer_width : NAME_WIDTH);
    btr_buffer_text(t->w->out, " ");
    btr_buffer_span(t->w->out, btr_buffer_view(&words));
    uint32_t room = used < width ? width - used : 0;
    used += name_say(t, s->other, room > least + 12 ? room - least : room);
    via_say(t, s, used < width ? width - used : 0);
    btr_buffer_span(t->w->out, btr_buffer_view(&tail));
    btr_buffer_text(t->w->out, "\n");
    t->w->out->failed |= words.failed || tail.failed;
    btr_buffer_fini(&words);
    btr_buffer_fini(&tail);
}

/* The first record of a step; JSON shows more. */
static void record_say(const struct text_writer *w, const struct story_step *s)
{
    uint32_t count = 1;
    if (w->a->options.shown)
        text_record(w,
                    answer_records_of(w->a, w->a->places[story_said(s)->edge].step_begin, &count));
}

static int step_say(struct teller *t, const struct story_step *s, struct btr_err *err)
{
    enum { BEFORE = 27 }; /* number, time, and the steps it came from */
    struct story_carriers from;
    char text[32] = "";
    int rc = story_carriers(&t->story, s, &from, err);
    if (rc < 0)
        return rc;
    const char *mark = from.through ? "*" : "";
    t->through |= from.through && from.count;
    if (from.count == 1)
        (void)snprintf(text, sizeof text, "%u%s", (unsigned)from.numbers[0], mark);
    else if (from.count == 2)
        (void)snprintf(text, sizeof text, "%u,%u%s", (unsigned)from.numbers[0],
                       (unsigned)from.numbers[1], mark);
    text_day(t->w, t->day, story_told(&t->story, s));
    btr_buffer_format(t->w->out, "  %2u  ", (unsigned)s->number);
    text_style(t->w, TEXT_DIM);
    text_hour(t->w, story_told(&t->story, s));
    bool wrong = story_told(&t->story, s) != story_time(&t->story, s);
    btr_buffer_text(t->w->out, wrong ? TEXT_CLOCK_MARK " " : "  ");
    lanes_say(t, s);
    btr_buffer_format(t->w->out, "%-6s ", text);
    text_style(t->w, TEXT_PLAIN);
    deed_say(t, s, TEXT_WIDTH - BEFORE - lanes_width(&t->lanes));
    record_say(t->w, s);
    return 0;
}

/* ---- What is not told ---- */

/* How many steps of each sort a process took that are not told. */
enum also { ALSO_READ, ALSO_WROTE, ALSO_MESSAGE, ALSO_CONNECTION, ALSO_START, ALSO_OTHER, ALSOS };

struct also_row {
    uint32_t node, counts[ALSOS], all;
};

static enum also also_of(const struct story *s, const struct story_step *step, uint32_t process)
{
    uint32_t other = process == step->from ? step->to : step->from;
    if (step->via != ANSWER_NONE || story_is(s, other, BTR_KIND_CHANNEL))
        return ALSO_MESSAGE;
    if (story_is(s, other, BTR_KIND_FILE))
        return process == step->to ? ALSO_READ : ALSO_WROTE;
    if (story_is(s, other, BTR_KIND_FLOW) || story_is(s, other, BTR_KIND_RENDEZVOUS))
        return ALSO_CONNECTION;
    return story_starts(step) && process == step->from ? ALSO_START : ALSO_OTHER;
}

static void also_count(const struct story *s, struct also_row *row)
{
    for (uint32_t i = 0; i < s->step_count; i++) {
        const struct story_step *step = &s->steps[i];
        if (step->number || (step->from != row->node && step->to != row->node))
            continue;
        row->counts[also_of(s, step, row->node)]++;
        row->all++;
    }
}

static int also_compare(const void *x, const void *y)
{
    const struct also_row *a = x, *b = y;
    if (a->all != b->all)
        return a->all > b->all ? -1 : 1;
    return (a->node > b->node) - (a->node < b->node);
}

/* The processes that the story tells of. @param rows  room for one of each told step */
static uint32_t also_rows(const struct teller *t, struct also_row *rows)
{
    const struct story *s = &t->story;
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->told_count; i++) {
        uint32_t actor = s->steps[s->told[i]].actor, k = 0;
        while (k < count && rows[k].node != actor)
            k++;
        if (k < count || actor == ANSWER_NONE)
            continue;
        rows[count] = (struct also_row){.node = actor};
        also_count(s, &rows[count++]);
    }
    if (count > 1)
        qsort(rows, count, sizeof *rows, also_compare);
    return count;
}

static void also_row_say(const struct text_writer *w, const struct also_row *row)
{
    static const char *const WORDS[ALSOS][2] = {
        {"file read", "files read"}, {"file written", "files written"},
        {"message", "messages"},     {"connection", "connections"},
        {"start", "starts"},         {"other", "others"},
    };
    const char *between = "";
    text_pad(w, text_name(w, row->node, 20, false), 22);
    for (int i = 0; i < ALSOS; i++) {
        if (!row->counts[i])
            continue;
        btr_buffer_text(w->out, between);
        text_number_of(w, row->counts[i], WORDS[i][0], WORDS[i][1]);
        between = ", ";
    }
    text_style(w, TEXT_DIM);
    btr_buffer_text(w->out, "; ");
    text_number_of(w, w->a->nodes[row->node].entity.event_count, "event in all", "events in all");
    text_style(w, TEXT_PLAIN);
    btr_buffer_text(w->out, "\n");
}

static int also_say(const struct teller *t, struct btr_err *err)
{
    struct also_row *rows = calloc((size_t)t->story.told_count + 1, sizeof *rows);
    if (!rows)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as text");
    uint32_t count = also_rows(t, rows), shown = 0;
    while (shown < count && shown < ALSO_SHOWN && rows[shown].all > 0) {
        if (shown == 0)
            text_heading(t->w, "Also      ");
        else
            btr_buffer_text(t->w->out, "          ");
        also_row_say(t->w, &rows[shown++]);
    }
    free(rows);
    return 0;
}

static void head_say(const struct teller *t)
{
    const struct story *s = &t->story;
    text_heading(t->w, "\nStory     ");
    if (s->left_count) {
        text_count(t->w, s->told_count);
        btr_buffer_text(t->w->out, " of ");
    }
    text_number_of(t->w, (uint64_t)s->told_count + s->left_count, "step", "steps");
    if (s->left_count)
        btr_buffer_text(t->w->out, ", those of the highest scores (all: --timeline)");
    btr_buffer_text(t->w->out, "\n");
    text_story_holes(t->w, s);
    if (s->told_count == 0)
        return;
    text_style(t->w, TEXT_DIM);
    btr_buffer_text(t->w->out, "      time (UTC)    ");
    lanes_head(t);
    btr_buffer_text(t->w->out, "from   what\n");
    text_style(t->w, TEXT_PLAIN);
}

static int story_say(struct teller *t, struct btr_err *err)
{
    int rc = 0;
    lanes_make(t);
    head_say(t);
    for (uint32_t i = 0; rc == 0 && i < t->story.told_count; i++)
        rc = step_say(t, &t->story.steps[t->story.told[i]], err);
    if (t->through)
        btr_buffer_text(t->w->out, "  * through steps that are not told\n");
    text_doubts_say(t->w, &t->doubts);
    return rc == 0 ? also_say(t, err) : rc;
}

int text_story(const struct text_writer *w, uint32_t *first, struct btr_err *err)
{
    size_t nodes = (size_t)w->a->trace->node_count + 1;
    struct teller t = {.w = w, .named = calloc(nodes, 1), .doubted = calloc(nodes, 1)};
    int rc = t.named && t.doubted ? story_make(&t.story, w->a, err)
                                  : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as text");
    if (rc == 0)
        rc = story_join(&t.story, err);
    if (rc == 0)
        rc = story_pick(&t.story, STEPS_TOLD, err);
    if (rc == 0) {
        if (!w->a->options.between)
            text_ways(w, &t.story, first);
        rc = story_say(&t, err);
    }
    story_fini(&t.story);
    free(t.named);
    free(t.doubted);
    return rc;
}
