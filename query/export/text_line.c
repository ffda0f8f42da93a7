/* Lines of a bounded width, out of names that may be of any length and hold anything. */
#include <btr/clock.h>
#include <btr/escape.h>
#include <stdio.h>

#include "text.h"

/* Bytes of the character that begins here; a byte that begins none is one by itself. */
static size_t character_size(struct btr_span name, size_t at)
{
    size_t size = 1;
    if (name.at[at] >= 0xc0)
        while (size < 4 && at + size < name.size && (name.at[at + size] & 0xc0) == 0x80)
            size++;
    return size;
}

uint32_t text_columns(struct btr_span text)
{
    uint32_t columns = 0;
    for (size_t i = 0; i < text.size; i++)
        columns += (text.at[i] & 0xc0) != 0x80;
    return columns;
}

static uint32_t escaped_columns(struct btr_buffer *scratch, struct btr_span name)
{
    btr_buffer_clear(scratch);
    btr_escape_terminal(scratch, name);
    return text_columns(btr_buffer_view(scratch));
}

/* Where the part of a name ends that fits into `width` columns. */
static size_t fitting_end(struct btr_buffer *scratch, struct btr_span name, uint32_t width)
{
    size_t at = 0;
    for (uint32_t used = 0; at < name.size;) {
        size_t size = character_size(name, at);
        used += escaped_columns(scratch, (struct btr_span){name.at + at, size});
        if (used > width)
            break;
        at += size;
    }
    return at;
}

/* Where the part of a name begins that fits into `width` columns to its end. */
static size_t fitting_begin(struct btr_buffer *scratch, struct btr_span name, uint32_t width)
{
    size_t at = name.size;
    for (uint32_t used = 0; at > 0;) {
        size_t begin = at - 1;
        while (begin > 0 && at - begin < 4 && (name.at[begin] & 0xc0) == 0x80)
            begin--;
        used += escaped_columns(scratch, (struct btr_span){name.at + begin, at - begin});
        if (used > width)
            break;
        at = begin;
    }
    return at;
}

uint32_t text_fit(const struct text_writer *w, struct btr_span name, uint32_t width, bool tail)
{
    enum { DOTS = 3 };
    struct btr_buffer scratch = {0};
    size_t before = w->out->size, end = fitting_end(&scratch, name, width);
    if (end == name.size) {
        btr_escape_terminal(w->out, name);
    } else if (width < DOTS) {
        btr_buffer_format(w->out, "%.*s", (int)width, "...");
    } else if (tail) {
        size_t begin = fitting_begin(&scratch, name, width - DOTS);
        btr_buffer_text(w->out, "...");
        btr_escape_terminal(w->out, (struct btr_span){name.at + begin, name.size - begin});
    } else {
        end = fitting_end(&scratch, name, width - DOTS);
        btr_escape_terminal(w->out, (struct btr_span){name.at, end});
        btr_buffer_text(w->out, "...");
    }
    w->out->failed |= scratch.failed;
    btr_buffer_fini(&scratch);
    return w->out->failed
               ? 0
               : text_columns((struct btr_span){w->out->at + before, w->out->size - before});
}

void text_pad(const struct text_writer *w, uint32_t used, uint32_t width)
{
    for (uint32_t i = used; i < width; i++)
        btr_buffer_u8(w->out, ' ');
}

/* The last part of a path, of either sort. */
static struct btr_span base_of(struct btr_span path)
{
    size_t begin = path.size;
    while (begin > 0 && path.at[begin - 1] != '/' && path.at[begin - 1] != '\\')
        begin--;
    return begin == path.size ? path : (struct btr_span){path.at + begin, path.size - begin};
}

static struct btr_span short_name(const struct answer_node *n)
{
    struct btr_span name = btr_entity_attr(&n->entity, BTR_ATTR_PROCESS_EXECUTABLE, n->seen_ns);
    if (!name.size)
        name = btr_entity_attr(&n->entity, BTR_ATTR_PROCESS_NAME, n->seen_ns);
    return base_of(name.size ? name : n->label);
}

/* A label in which the folder of the program is left out when it does not fit with it. */
static struct btr_span label_fit(struct btr_span label, uint32_t width)
{
    size_t end = 0;
    while (end < label.size && label.at[end] != ' ')
        end++;
    if (label.size <= width || (label.at[0] != '/' && label.at[0] != '\\'))
        return label;
    struct btr_span base = base_of((struct btr_span){label.at, end});
    return (struct btr_span){base.at, (size_t)(label.at + label.size - base.at)};
}

uint32_t text_name(const struct text_writer *w, uint32_t node, uint32_t width, bool whole)
{
    const struct answer_node *n = &w->a->nodes[node];
    bool process = n->entity.kind == BTR_KIND_PROCESS;
    struct btr_span pid = {0};
    if (process)
        pid = btr_entity_attr(&n->entity, BTR_ATTR_PROCESS_PID, n->seen_ns);
    enum { PID_MAX = 20 };
    uint32_t room = pid.size ? (uint32_t)(pid.size < PID_MAX ? pid.size : PID_MAX) + 2 : 0;
    room = room < width ? room : 0;
    bool tail = n->entity.kind == BTR_KIND_FILE || n->entity.kind == BTR_KIND_REGISTRY;
    struct btr_span name = n->label;
    if (process)
        name = whole ? label_fit(name, width - room) : short_name(n);
    uint32_t used = text_fit(w, name, width - room, tail);
    if (room == 0)
        return used;
    text_style(w, TEXT_DIM);
    btr_buffer_text(w->out, "[");
    used += text_fit(w, pid, room - 2, false) + 2;
    btr_buffer_text(w->out, "]");
    text_style(w, TEXT_PLAIN);
    return used;
}

void text_id(const struct text_writer *w, uint32_t node)
{
    char id[BTR_ID_TEXT_SIZE];
    btr_id_text(w->a->trace->nodes[node].id, id);
    btr_buffer_format(w->out, "id:%s", id);
}

void text_amount(struct btr_buffer *out, uint64_t bytes, uint64_t count)
{
    bool told = bytes != BTR_BYTES_UNKNOWN;
    if (!told && count < 2)
        return;
    btr_buffer_text(out, " (");
    if (told)
        query_bytes_text(out, bytes);
    if (count > 1)
        btr_buffer_format(out, "%sx%llu", told ? ", " : "", (unsigned long long)count);
    btr_buffer_text(out, ")");
}

void text_day(const struct text_writer *w, char day[BTR_TIME_TEXT_SIZE], int64_t ns)
{
    char text[BTR_TIME_TEXT_SIZE];
    btr_time_text(ns, text);
    if (strlen(text) > 11 && memcmp(text, day, 10) != 0) {
        memcpy(day, text, 10);
        text_style(w, TEXT_DIM);
        btr_buffer_format(w->out, "  %.10s (UTC)\n", text);
        text_style(w, TEXT_PLAIN);
    }
}

void text_hour(const struct text_writer *w, int64_t ns)
{
    char text[BTR_TIME_TEXT_SIZE];
    int64_t ms = ns / 1000000;
    btr_time_text(ms * 1000000, text);
    size_t size = strlen(text);
    if (size < 20 || text[10] != 'T' || text[size - 1] != 'Z') {
        btr_buffer_text(w->out, text);
        return;
    }
    btr_buffer_format(w->out, "%.*s%s", (int)(size - 12), text + 11, size == 20 ? ".000" : "");
}

void text_operations(struct btr_buffer *out, uint64_t operations)
{
    const char *between = "";
    unsigned operation = operations >> BTR_OP_CREATE & 1 ? BTR_OP_CREATE : 0;
    for (unsigned said = 0; operations && said < 3; operation = 0, said++) {
        while (!(operations >> operation & 1))
            operation++;
        const char *phrase = btr_operation_phrase(operation);
        btr_buffer_format(out, "%s%s", between, phrase ? phrase : "touched");
        operations &= ~(UINT64_C(1) << operation);
        between = ", ";
    }
    btr_buffer_text(out, operations ? ", and more: " : " ");
}

void text_doubt(const struct text_writer *w, struct btr_buffer *out, struct text_doubts *doubts,
                struct btr_span doubt)
{
    uint32_t i = 0;
    if (!doubt.size)
        return;
    while (i < doubts->count && !btr_span_equal(doubts->list[i], doubt))
        i++;
    if (i == TEXT_DOUBTS) {
        doubts->left++;
        btr_buffer_text(out, " [?]");
        return;
    }
    if (i == doubts->count && !btr_arena_copy(w->a->arena, doubt, &doubts->list[doubts->count++]))
        out->failed = true;
    btr_buffer_format(out, " [?%u]", (unsigned)i + 1);
}

bool text_edge_doubt(const struct text_writer *w, struct btr_buffer *out,
                     struct text_doubts *doubts, const struct answer_edge *e)
{
    struct btr_buffer words = {0};
    bool hole = answer_edge_doubt(w->a, e, &words);
    text_doubt(w, out, doubts, btr_buffer_view(&words));
    out->failed |= words.failed;
    btr_buffer_fini(&words);
    return hole;
}

void text_wrap(const struct text_writer *w, struct btr_span text, uint32_t used, uint32_t indent)
{
    for (size_t at = 0, end; at < text.size; at = end) {
        for (end = at + 1; end < text.size && text.at[end] != ' ';)
            end++;
        struct btr_span word = {text.at + at, end - at};
        uint32_t columns = text_columns(word);
        if (at > 0 && used + columns > TEXT_WIDTH) {
            btr_buffer_text(w->out, "\n");
            text_pad(w, 0, indent);
            used = indent;
            word = (struct btr_span){word.at + 1, word.size - 1}; /* its blank */
        }
        btr_escape_terminal(w->out, word);
        used += columns;
    }
    btr_buffer_text(w->out, "\n");
}

void text_node_doubt(const struct text_writer *w, uint32_t node)
{
    const struct answer_node *n = &w->a->nodes[node];
    if (!n->hole)
        return;
    text_style(w, TEXT_DOUBT);
    btr_buffer_text(w->out, "            not certain: ");
    text_wrap(w, n->doubt, 25, 14);
    text_style(w, TEXT_PLAIN);
}

void text_doubts_say(const struct text_writer *w, const struct text_doubts *doubts)
{
    for (uint32_t i = 0; i < doubts->count; i++) {
        text_style(w, TEXT_DOUBT);
        btr_buffer_format(w->out, "  [?%u] not certain: ", (unsigned)i + 1);
        text_wrap(w, doubts->list[i], 21, 7);
        text_style(w, TEXT_PLAIN);
    }
    if (doubts->left)
        btr_buffer_format(w->out, "  [?] not certain, %u times: why, --output json says\n",
                          (unsigned)doubts->left);
}
