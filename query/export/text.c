/*
 * The answer for people. First what is damaged and whether it was cut, then the alert, then one
 * path for each of the most likely ways in, then the rest as counts, what cannot be known, and what
 * to try next.
 */
#include "text.h"

#include <btr/clock.h>
#include <btr/damage.h>
#include <btr/escape.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAYS_SHOWN = 4, GAPS_SHOWN = 8, GAPS_OF_SOURCE = 2, HOSTS_SHOWN = 12, LABEL_WIDTH = 110 };

void text_style(const struct text_writer *w, enum text_style style)
{
    static const char *const CODES[] = {"\033[0m", "\033[1m", "\033[2m", "\033[1;31m", "\033[33m"};
    if (w->colour)
        btr_buffer_text(w->out, CODES[style]);
}

void text_count(const struct text_writer *w, uint64_t count)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, count);
    for (int i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0)
            btr_buffer_u8(w->out, ',');
        btr_buffer_u8(w->out, (uint8_t)digits[i]);
    }
}

void text_number_of(const struct text_writer *w, uint64_t count, const char *one, const char *many)
{
    text_count(w, count);
    btr_buffer_format(w->out, " %s", count == 1 ? one : many);
}

/* Cuts at a character's border, so that half a character does not show as \xNN. */
static void label_say(const struct text_writer *w, struct btr_span label)
{
    size_t size = label.size;
    if (size > LABEL_WIDTH) {
        size = LABEL_WIDTH;
        while (size > LABEL_WIDTH - 4 && (label.at[size] & 0xc0) == 0x80)
            size--;
    }
    btr_escape_terminal(w->out, (struct btr_span){label.at, size});
    if (size < label.size)
        btr_buffer_text(w->out, "...");
}

void text_node(const struct text_writer *w, uint32_t node)
{
    const struct answer_node *n = &w->a->nodes[node];
    label_say(w, n->label);
    if (n->entity.kind != BTR_KIND_PROCESS)
        return;
    struct btr_span pid = btr_entity_attr(&n->entity, BTR_ATTR_PROCESS_PID, n->seen_ns);
    struct btr_span user = btr_entity_attr(&n->entity, BTR_ATTR_USER_NAME, n->seen_ns);
    if (!user.size)
        user = btr_entity_attr(&n->entity, BTR_ATTR_USER_ID, n->seen_ns);
    if (pid.size + user.size == 0)
        return;
    text_style(w, TEXT_DIM);
    btr_buffer_text(w->out, " [");
    if (pid.size) {
        btr_buffer_text(w->out, "pid ");
        btr_escape_terminal(w->out, pid);
    }
    if (user.size) {
        btr_buffer_text(w->out, pid.size ? ", user " : "user ");
        btr_escape_terminal(w->out, user);
    }
    btr_buffer_text(w->out, "]");
    text_style(w, TEXT_PLAIN);
}

void text_heading(const struct text_writer *w, const char *text)
{
    text_style(w, TEXT_BOLD);
    btr_buffer_text(w->out, text);
    text_style(w, TEXT_PLAIN);
}

/* ---- Head ---- */

static void damage_say(const struct text_writer *w)
{
    if (btr_reader_damage_count(w->a->reader) == 0)
        return;
    text_style(w, TEXT_ALARM);
    btr_damage_text(w->out, w->a->reader);
    text_style(w, TEXT_PLAIN);
    btr_buffer_text(w->out, "\n");
}

static void cut_say(const struct text_writer *w)
{
    static const char *const BUDGETS[] = {"", "edges", "time", "memory"};
    if (w->a->trace->cut == BTR_CUT_NONE)
        return;
    text_style(w, TEXT_ALARM);
    btr_buffer_format(w->out, "CUT by the budget of %s: ", BUDGETS[w->a->trace->cut]);
    query_cut_text(w->out, w->a);
    btr_buffer_text(w->out, ".");
    text_style(w, TEXT_PLAIN);
    btr_buffer_text(w->out, "\n\n");
}

/* A line for each host whose times were set right. */
static void clocks_say(const struct text_writer *w)
{
    const struct btr_answer *a = w->a;
    bool any = false;
    for (uint32_t i = 0; i < a->clock_count; i++) {
        if (a->clocks[i].ahead_ns == 0)
            continue;
        query_clock_text(w->out, &a->clocks[i], a->clocks, a->clock_count);
        any = true;
    }
    if (any)
        btr_buffer_text(w->out, "Times are shown as each host told them (" TEXT_CLOCK_MARK
                                ": by a wrong clock); the order is that of clocks set right.\n\n");
}

static uint32_t node_of(const struct btr_answer *a, struct btr_id id)
{
    for (uint32_t i = 0; i < a->trace->node_count; i++) {
        if (btr_id_equal(a->trace->nodes[i].id, id))
            return i;
    }
    return ANSWER_NONE;
}

static bool spec_is_id(const struct btr_answer *a, uint32_t i)
{
    return a->options.specs && a->options.specs[i].size >= 3 &&
           memcmp(a->options.specs[i].at, "id:", 3) == 0;
}

/* @param name  seven columns  @param i  its place among the specs */
static void start_say(const struct text_writer *w, const char *name, const struct btr_start *start,
                      uint32_t i)
{
    const struct btr_answer *a = w->a;
    char time[BTR_TIME_TEXT_SIZE];
    uint32_t node = node_of(a, start->entity);
    btr_time_text(answer_start_told(a, start), time);
    text_heading(w, name);
    btr_buffer_text(w->out, time);
    if (node != ANSWER_NONE) {
        struct btr_span host = a->nodes[node].entity.host;
        btr_buffer_text(w->out, host.size ? "  " : "");
        btr_escape_terminal(w->out, host);
        btr_buffer_text(w->out, "  ");
        text_node(w, node);
    }
    if (a->options.specs) {
        btr_buffer_text(w->out, "\n       ");
        btr_escape_terminal(w->out, a->options.specs[i]);
    }
    if (node != ANSWER_NONE && !spec_is_id(a, i)) {
        btr_buffer_text(w->out, a->options.specs ? "  " : "\n       ");
        text_id(w, node);
    }
    btr_buffer_text(w->out, "\n");
}

static void starts_say(const struct text_writer *w)
{
    const struct btr_answer *a = w->a;
    const struct btr_between *between = a->options.between;
    for (uint32_t i = 0; between && i < between->from_count; i++)
        start_say(w, "From   ", &between->from[i], a->start_count + i);
    for (uint32_t i = 0; i < a->start_count; i++)
        start_say(w, between ? "To     " : "Alert  ", &a->starts[i], i);
}

/* The alerts of an incident by their specs, or where none were given by their numbers. */
static void incident_say(const struct text_writer *w, uint32_t incident)
{
    const struct btr_answer *a = w->a;
    const char *between = "";
    for (uint32_t i = 0; i < a->start_count; i++) {
        if (a->incidents[i] != incident)
            continue;
        btr_buffer_text(w->out, between);
        if (a->options.specs)
            btr_escape_terminal(w->out, a->options.specs[i]);
        else
            btr_buffer_format(w->out, "alert %u", (unsigned)i + 1);
        between = ", ";
    }
}

/* Which alerts share a trace: one event of the answer leads to them. */
static void incidents_say(const struct text_writer *w)
{
    const struct btr_answer *a = w->a;
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->start_count && a->incidents; i++)
        count += a->incidents[i] == i;
    if (count == 0)
        return;
    text_heading(w, count == 1 ? "One incident" : "Incidents");
    if (count == 1) {
        btr_buffer_format(w->out, ": all %u alerts share a trace\n", (unsigned)a->start_count);
        return;
    }
    btr_buffer_format(w->out, ": the %u alerts are %u that share no event\n",
                      (unsigned)a->start_count, (unsigned)count);
    for (uint32_t i = 0, number = 0; i < a->start_count; i++) {
        if (a->incidents[i] != i)
            continue;
        btr_buffer_format(w->out, "  %u  ", (unsigned)++number);
        incident_say(w, i);
        btr_buffer_text(w->out, "\n");
    }
}

/* What an answer is not of, at its head. */
static void without_say(const struct text_writer *w)
{
    if (!w->a->options.without)
        return;
    struct btr_without_stat stat = btr_without_stat(w->a->options.without);
    text_heading(w, "without: ");
    btr_escape_terminal(w->out, w->a->options.filter);
    btr_buffer_text(w->out, "\n       (");
    text_number_of(w, stat.entity_count, "entity", "entities");
    btr_buffer_text(w->out, " that the walk came to left out, of ");
    text_number_of(w, stat.event_count, "event", "events");
    btr_buffer_text(w->out, " in all)\n");
}

/* ---- Between two ends ---- */

static void no_path_say(const struct text_writer *w)
{
    const struct btr_answer *a = w->a;
    text_heading(w, "\nNo path");
    btr_buffer_text(w->out, a->trace->cut == BTR_CUT_NONE ? ": of the " : " was found: of the ");
    text_number_of(w, a->options.searched->node_count, "entity", "entities");
    btr_buffer_text(w->out, " that can be reached from the one until the time of the other,\n"
                            "         over ");
    text_number_of(w, a->options.searched->event_count, "flow", "flows");
    btr_buffer_text(w->out, ", none leads to it in time\n");
}

/* The path of fewest steps, where nothing is scored. */
static int shortest_say(const struct text_writer *w, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < w->a->entry_count; i++) {
        if (w->a->entries[i].label == ANSWER_NONE)
            continue;
        text_heading(w, "\nThe fewest steps\n");
        rc = text_path(w, &w->a->entries[i], err);
    }
    return rc;
}

/* ---- Ways in ---- */

/* Ways in that differ in nothing that people look at: one is shown. */
static bool way_like(const struct btr_answer *a, const struct answer_entry *x,
                     const struct answer_entry *y)
{
    static const enum btr_attr_key KEYS[] = {BTR_ATTR_SOURCE_IP, BTR_ATTR_DESTINATION_IP};
    if (x->rank != y->rank || x->label == ANSWER_NONE || y->label == ANSWER_NONE)
        return false;
    if (a->paths.labels[x->label].previous != a->paths.labels[y->label].previous)
        return false;
    const struct answer_node *n = &a->nodes[x->node], *m = &a->nodes[y->node];
    for (size_t i = 0; x->rank >= ANSWER_RANK_FLOW && i < sizeof KEYS / sizeof *KEYS; i++) {
        if (!btr_span_equal(btr_entity_attr(&n->entity, KEYS[i], n->seen_ns),
                            btr_entity_attr(&m->entity, KEYS[i], m->seen_ns)))
            return false;
    }
    return true;
}

/* Picks the entries to show: the first of each sort, and counts those like it. */
static uint32_t ways_pick(const struct btr_answer *a, uint32_t picked[WAYS_SHOWN],
                          uint32_t likes[WAYS_SHOWN])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->entry_count; i++) {
        uint32_t k = 0;
        while (k < count && !way_like(a, &a->entries[picked[k]], &a->entries[i]))
            k++;
        if (k < count)
            likes[k]++;
        else if (count < WAYS_SHOWN) {
            likes[count] = 0;
            picked[count++] = i;
        }
    }
    return count;
}

static int way_say(const struct text_writer *w, uint32_t number, const struct answer_entry *e,
                   uint32_t likes, struct btr_err *err)
{
    char title[32];
    bool backward = w->a->direction == BTR_WALK_BACKWARD;
    snprintf(title, sizeof title, "\nWay %s %u  ", backward ? "in" : "out", (unsigned)number);
    text_heading(w, title);
    struct btr_span host = w->a->nodes[e->node].entity.host;
    btr_escape_terminal(w->out, host);
    btr_buffer_text(w->out, host.size ? "  " : "");
    text_node(w, e->node);
    btr_buffer_format(w->out, "\n  %s", e->why);
    if (likes) {
        btr_buffer_text(w->out, "; ");
        text_count(w, likes);
        btr_buffer_text(w->out, " more like it");
    }
    btr_buffer_text(w->out, "\n");
    text_node_doubt(w, e->node);
    return text_path(w, e, err);
}

/* @param count  receives how many are shown */
static int ways_say(const struct text_writer *w, uint32_t picked[WAYS_SHOWN], uint32_t *count,
                    struct btr_err *err)
{
    uint32_t likes[WAYS_SHOWN];
    *count = ways_pick(w->a, picked, likes);
    bool backward = w->a->direction == BTR_WALK_BACKWARD;
    if (*count == 0) {
        text_heading(w, backward ? "\nNo way in" : "\nNo way out");
        btr_buffer_text(w->out, backward
                                    ? ": nothing in the records leads to the alert\n"
                                    : ": no connection to an end without records was reached\n");
        return 0;
    }
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < *count; i++)
        rc = way_say(w, i + 1, &w->a->entries[picked[i]], likes[i], err);
    return rc;
}

/* ---- The rest ---- */

static void kinds_say(const struct text_writer *w)
{
    static const char *const NAMES[BTR_KIND_MAX + 1][2] = {
        {"other", "others"},
        {"process", "processes"},
        {"file", "files"},
        {"connection", "connections"},
        {"channel", "channels"},
        {"rendezvous", "rendezvous"},
        {"session", "sessions"},
        {"user", "users"},
        {"host", "hosts"},
        {"container", "containers"},
        {"registry key", "registry keys"},
        {"service", "services"},
        {"task", "tasks"},
        {"WMI item", "WMI items"},
        {"DNS name", "DNS names"},
        {"share", "shares"},
        {"memory object", "memory objects"},
    };
    uint64_t counts[BTR_KIND_MAX + 1] = {0};
    for (uint32_t i = 0; i < w->a->trace->node_count; i++) {
        uint8_t kind = w->a->nodes[i].entity.kind;
        counts[kind <= BTR_KIND_MAX ? kind : 0]++;
    }
    const char *between = ": ";
    for (unsigned kind = 0; kind <= BTR_KIND_MAX; kind++) {
        if (!counts[kind])
            continue;
        btr_buffer_text(w->out, between);
        text_number_of(w, counts[kind], NAMES[kind][0], NAMES[kind][1]);
        between = ", ";
    }
}

static uint32_t hosts_say(const struct text_writer *w)
{
    const struct btr_answer *a = w->a;
    struct btr_span seen[HOSTS_SHOWN];
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->trace->node_count && count < HOSTS_SHOWN; i++) {
        struct btr_span host = a->nodes[i].entity.host;
        uint32_t k = 0;
        while (k < count && !btr_span_equal(seen[k], host))
            k++;
        if (k < count || host.size == 0)
            continue;
        btr_buffer_text(w->out, count ? ", " : " on ");
        btr_escape_terminal(w->out, host);
        seen[count++] = host;
    }
    if (count == HOSTS_SHOWN)
        btr_buffer_text(w->out, ", ...");
    return count;
}

static void summary_say(const struct text_writer *w)
{
    const struct btr_answer *a = w->a;
    char first[BTR_TIME_TEXT_SIZE], last[BTR_TIME_TEXT_SIZE];
    btr_time_text(a->first_ns, first);
    btr_time_text(a->last_ns, last);
    text_heading(w, "\nIn all    ");
    text_number_of(w, a->trace->node_count, "entity", "entities");
    kinds_say(w);
    btr_buffer_text(w->out, "\n          ");
    text_number_of(w, a->event_count, "event", "events");
    hosts_say(w);
    btr_buffer_format(w->out, ", %s .. %s\n", first, last);
    if (!answer_is_scored(a) && a->options.between && a->options.kept &&
        a->options.kept->pair_count)
        btr_buffer_text(w->out, "          nothing of it makes a likely path: it is all that lies "
                                "between\n");
    if (answer_is_scored(a)) {
        btr_buffer_text(w->out, "          it is what the strategy \"");
        btr_escape_terminal(w->out, a->options.strategy);
        btr_buffer_format(w->out, "\" keeps; all that %s: --strategy backtracker\n",
                          a->options.between                  ? "lies between"
                          : a->direction == BTR_WALK_BACKWARD ? "can have led to the alert"
                                                              : "can have come of it");
    }
    if (a->options.no_stats)
        return;
    btr_buffer_text(w->out, "          ");
    text_count(w, a->cost.events_scanned);
    btr_buffer_format(w->out, " events looked at, %.1f ms\n", (double)a->options.wall_ns / 1e6);
}

static void others_say(const struct text_writer *w, uint32_t shown)
{
    static const struct {
        enum answer_rank rank;
        const char *one, *many;
    } ROWS[] = {
        {ANSWER_RANK_OUTSIDE, "connection whose other end is outside the inventory",
         "connections whose other end is outside the inventory"},
        {ANSWER_RANK_FLOW, "connection whose other end no agent recorded",
         "connections whose other end no agent recorded"},
        {ANSWER_RANK_SESSION, "session of unknown origin", "sessions of unknown origin"},
        {ANSWER_RANK_PROCESS, "process of unknown parent", "processes of unknown parent"},
        {ANSWER_RANK_OBJECT, "file or other object that nobody is seen to have written",
         "files and other objects that nobody is seen to have written"},
    };
    const struct btr_answer *a = w->a;
    if (a->entry_count <= shown)
        return;
    text_heading(w, a->direction == BTR_WALK_BACKWARD ? "Ways in   " : "Ways out  ");
    const char *between = "";
    for (size_t r = 0; r < sizeof ROWS / sizeof *ROWS; r++) {
        uint64_t count = 0;
        for (uint32_t i = 0; i < a->entry_count; i++)
            count += a->entries[i].rank == ROWS[r].rank;
        if (!count)
            continue;
        btr_buffer_text(w->out, between);
        text_number_of(w, count, ROWS[r].one, ROWS[r].many);
        between = ",\n          ";
    }
    btr_buffer_text(w->out,
                    "\n          in this order; the alert's own far address first, then what "
                    "something passed,\n          then the fewest steps\n");
}

static void gap_say(const struct text_writer *w, const struct answer_gap *g)
{
    char from[BTR_TIME_TEXT_SIZE], until[BTR_TIME_TEXT_SIZE];
    const char *text = btr_gap_text(g->kind);
    btr_time_text(g->from_ns, from);
    btr_time_text(g->until_ns, until);
    btr_buffer_text(w->out, "          ");
    btr_escape_terminal(w->out, g->host);
    btr_buffer_format(w->out, "  %s .. %s  %s", from, until, text ? text : "unknown");
    if (g->holes > 1) {
        btr_buffer_text(w->out, ": ");
        text_number_of(w, g->count, "record", "records");
        btr_buffer_text(w->out, " in ");
        text_count(w, g->holes);
        btr_buffer_text(w->out, " gaps");
    } else if (g->why.size) {
        btr_buffer_text(w->out, ": ");
        label_say(w, g->why);
    }
    btr_buffer_text(w->out, "\n");
}

static void gaps_say(const struct text_writer *w)
{
    const struct btr_answer *a = w->a;
    struct answer_gap *gaps;
    uint32_t count;
    text_heading(w, "Gaps      ");
    bool no_path = answer_has_no_path(a);
    if (a->gap_count == 0) {
        btr_buffer_text(w->out, no_path ? "none known on any host in that time\n"
                                        : "none known on these hosts in that time\n");
        return;
    }
    text_number_of(w, a->gap_count, "gap", "gaps");
    btr_buffer_text(w->out,
                    no_path ? " in that time may hide a path: of these \"no path\" does not speak\n"
                            : " on these hosts in that time may hide steps\n");
    w->out->failed |= !answer_gaps_join(a, GAPS_OF_SOURCE, &gaps, &count);
    for (uint32_t i = 0; i < count && i < GAPS_SHOWN; i++)
        gap_say(w, &gaps[i]);
    if (count > GAPS_SHOWN)
        btr_buffer_format(w->out, "          and %u more: backtrail store gaps\n",
                          (unsigned)(count - GAPS_SHOWN));
    free(gaps);
}

/* ---- What to try next ---- */

static bool shell_safe(uint8_t c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || (c != 0 && strchr("_-./:@%+,=", c));
}

/* A word for a shell: quoted unless it is plain. Bytes that a terminal must not see are escaped,
   backslashes are not: they must survive being copied. */
static void shell_word(struct btr_buffer *out, struct btr_span word)
{
    bool plain = word.size > 0;
    size_t begin = 0;
    for (size_t i = 0; i < word.size; i++)
        plain = plain && shell_safe(word.at[i]);
    btr_buffer_text(out, plain ? "" : "'");
    for (size_t i = 0; i <= word.size; i++) {
        bool special = i < word.size && (word.at[i] == '\'' || word.at[i] == '\\');
        if (i < word.size && !special)
            continue;
        btr_escape_terminal(out, (struct btr_span){word.at + begin, i - begin});
        if (special)
            btr_buffer_text(out, word.at[i] == '\'' ? "'\\''" : "\\");
        begin = i + 1;
    }
    btr_buffer_text(out, plain ? "" : "'");
}

static void command_say(const struct text_writer *w, const char *command, const char *rest)
{
    btr_buffer_format(w->out, "  backtrail %s", command);
    if (w->a->options.again.size) {
        btr_buffer_text(w->out, " ");
        btr_escape_terminal(w->out, w->a->options.again);
    }
    btr_buffer_text(w->out, rest);
}

/* A command that asks the same question in another way. */
static void again_say(const struct text_writer *w, const char *rest)
{
    bool between = w->a->options.between != NULL;
    command_say(w, "trace", w->a->direction == BTR_WALK_BACKWARD ? "" : " --forward");
    btr_buffer_text(w->out, between ? " --between " : " --from ");
    if (between) {
        shell_word(w->out, w->a->options.specs[w->a->start_count]);
        btr_buffer_text(w->out, " ");
    }
    shell_word(w->out, w->a->options.specs[0]);
    if (w->a->options.without) {
        btr_buffer_text(w->out, " --without ");
        shell_word(w->out, w->a->options.filter);
    }
    btr_buffer_text(w->out, rest);
}

/* @param first  the node of the most likely way in, or ANSWER_NONE */
static void next_say(const struct text_writer *w, uint32_t first)
{
    const struct btr_answer *a = w->a;
    text_heading(w, "\nWhat to try next\n");
    if (first != ANSWER_NONE && a->direction == BTR_WALK_BACKWARD && !a->options.between) {
        command_say(w, "trace", " --forward --from ");
        text_id(w, first);
        btr_buffer_text(w->out, "    # what way in 1 led to\n");
    }
    if (a->options.specs && a->start_count && !answer_has_no_path(a)) {
        if (answer_is_scored(a))
            again_say(w, " --timeline    # every step; --tree: by process\n");
        again_say(w, " --evidence all --output json    # all of it, with every record\n");
        again_say(w, " --output dot | dot -Tsvg > trace.svg\n");
    }
    command_say(w, "store gaps", "    # where the records may not tell everything\n");
}

/* The paths of the most likely ways in, or what a strategy chose. @param shown  how many ways are
 * told one by one, and how many like them @param first  receives the node of the first */
static int body_say(const struct text_writer *w, uint32_t *shown, uint32_t *first,
                    struct btr_err *err)
{
    uint32_t picked[WAYS_SHOWN];
    if (answer_has_no_path(w->a)) {
        no_path_say(w);
        return 0;
    }
    if (answer_is_scored(w->a))
        return text_story(w, first, err);
    if (w->a->options.between)
        return shortest_say(w, err);
    int rc = ways_say(w, picked, shown, err);
    if (rc == 0 && *shown)
        *first = w->a->entries[picked[0]].node;
    return rc;
}

int query_export_text(struct btr_answer *a, bool colour, struct btr_buffer *out,
                      struct btr_err *err)
{
    struct text_writer w = {a, out, colour};
    uint32_t first = ANSWER_NONE, shown = 0;
    int rc;
    damage_say(&w);
    cut_say(&w);
    clocks_say(&w);
    starts_say(&w);
    incidents_say(&w);
    without_say(&w);
    if (a->options.view == BTR_VIEW_TIMELINE)
        rc = text_timeline(&w, err);
    else if (a->options.view == BTR_VIEW_TREE)
        rc = text_tree(&w, err);
    else
        rc = body_say(&w, &shown, &first, err);
    if (rc < 0)
        return rc;
    summary_say(&w);
    if (a->options.view == BTR_VIEW_STORY) {
        if (!answer_is_scored(a) && !a->options.between)
            others_say(&w, shown);
        gaps_say(&w);
        next_say(&w, first);
    }
    return out->failed ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as text") : 0;
}
