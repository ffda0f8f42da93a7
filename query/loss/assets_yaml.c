/* YAML through libyaml's events: nothing is built that the text did not ask for. */
#include "assets_yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct yaml_reader {
    yaml_parser_t parser;
    yaml_event_t event; /* what the last piece points to */
    bool has_event, has_begun, has_ended;
    struct btr_span text;
    const char *name;
};

int query_yaml_new(struct yaml_reader **out, struct btr_span text, const char *name,
                   struct btr_err *err)
{
    *out = NULL;
    struct yaml_reader *r = calloc(1, sizeof *r);
    if (!r || !yaml_parser_initialize(&r->parser)) {
        free(r);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%s: out of memory", name);
    }
    r->text = text;
    r->name = name;
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, text.size ? text.at : (const uint8_t *)"", text.size);
    *out = r;
    return 0;
}

void query_yaml_free(struct yaml_reader *reader)
{
    if (!reader)
        return;
    if (reader->has_event)
        yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
    free(reader);
}

/* ---- Places ---- */

/* The byte where the n-th character begins; all that is asked for was well-formed before. */
static uint64_t byte_of(struct btr_span text, size_t character)
{
    size_t at = 0;
    for (; at < text.size; at++) {
        if ((text.at[at] & 0xc0) == 0x80)
            continue;
        if (character-- == 0)
            break;
    }
    return at;
}

static struct yaml_place place_of(yaml_mark_t mark)
{
    return (struct yaml_place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1, mark.index};
}

/* Of a byte that is no character: lines and columns up to it. */
static struct yaml_place place_of_byte(const struct yaml_reader *r, size_t offset)
{
    struct yaml_place place = {1, 1, 0};
    for (size_t i = 0; i < offset && i < r->text.size; i++) {
        uint8_t c = r->text.at[i];
        place.column += (c & 0xc0) != 0x80;
        place.offset += (c & 0xc0) != 0x80;
        if (c == '\n') {
            place.line++;
            place.column = 1;
        }
    }
    return place;
}

int query_yaml_refuse(const struct yaml_reader *r, int code, struct yaml_place place,
                      struct btr_err *err, const char *format, ...)
{
    char words[BTR_ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    return btr_fail(err, code, byte_of(r->text, place.offset), "%s:%u:%u: %s", r->name, place.line,
                    place.column, words);
}

/* ---- Events ---- */

static int parser_failed(const struct yaml_reader *r, struct btr_err *err)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "no YAML";
    if (p->error == YAML_MEMORY_ERROR)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%s: out of memory", r->name);
    if (p->error == YAML_READER_ERROR)
        return query_yaml_refuse(r, BTR_E_FORMAT, place_of_byte(r, p->problem_offset), err, "%s",
                                 problem);
    if (p->context && strstr(p->context, "alias"))
        problem = "a text that begins with * must be in quotes";
    return query_yaml_refuse(r, BTR_E_FORMAT, place_of(p->problem_mark), err, "%s%s%s", problem,
                             p->context ? ", " : "", p->context ? p->context : "");
}

static bool is_null(const yaml_event_t *e)
{
    static const char *const WORDS[] = {"", "~", "null", "Null", "NULL"};
    if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strcmp((const char *)e->data.scalar.value, WORDS[i]) == 0)
            return true;
    return false;
}

static int refuse(const struct yaml_reader *r, struct btr_err *err, const char *what)
{
    return query_yaml_refuse(r, BTR_E_FORMAT, place_of(r->event.start_mark), err, "%s", what);
}

/* What could make much out of little, or be read in two ways. */
static int extras_refuse(const struct yaml_reader *r, struct btr_err *err,
                         const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return refuse(r, err, "an anchor (&): write out what it stands for");
    if (tag)
        return refuse(r, err, "a tag (!): everything is text here");
    return 0;
}

static int event_take(struct yaml_reader *r, struct btr_err *err)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event) == 1;
    return r->has_event ? 0 : parser_failed(r, err);
}

/* @return 1 when the event is a piece, 0 when it is none, or a failure */
static int piece_make(struct yaml_reader *r, struct yaml_piece *out, struct btr_err *err)
{
    const yaml_event_t *e = &r->event;
    *out = (struct yaml_piece){.what = YAML_END, .place = place_of(e->start_mark)};
    int rc = 0;
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        rc = extras_refuse(r, err, e->data.scalar.anchor, e->data.scalar.tag);
        out->what = YAML_TEXT;
        out->text = (struct btr_span){e->data.scalar.value, e->data.scalar.length};
        out->is_null = is_null(e);
        break;
    case YAML_MAPPING_START_EVENT:
        rc = extras_refuse(r, err, e->data.mapping_start.anchor, e->data.mapping_start.tag);
        out->what = YAML_MAP;
        break;
    case YAML_SEQUENCE_START_EVENT:
        rc = extras_refuse(r, err, e->data.sequence_start.anchor, e->data.sequence_start.tag);
        out->what = YAML_LIST;
        break;
    case YAML_ALIAS_EVENT:
        return refuse(r, err, "an alias (*): write out what it stands for, or put it in quotes");
    case YAML_DOCUMENT_START_EVENT:
        if (r->has_begun)
            return refuse(r, err, "a second document");
        r->has_begun = true;
        return 0;
    case YAML_STREAM_END_EVENT:
        r->has_ended = true;
        return 1;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return 1;
    default: /* the beginning of the stream, the end of a document */
        return 0;
    }
    return rc < 0 ? rc : 1;
}

int query_yaml_next(struct yaml_reader *r, struct yaml_piece *out, struct btr_err *err)
{
    int rc = 0;
    while (rc == 0 && !r->has_ended) {
        rc = event_take(r, err);
        if (rc == 0)
            rc = piece_make(r, out, err);
    }
    return rc < 0 ? rc : 0;
}
