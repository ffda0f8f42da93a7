/* Sysmon for Linux writes to syslog, one event a line:
 *
 *   <Event><System><Provider Name="Linux-Sysmon" .../><EventID>1</EventID>...</System>
 *   <EventData><Data Name="UtcTime">...</Data>...</EventData></Event>
 *
 * (https://github.com/Sysinternals/SysmonForLinux). Exactly this is read, as a walk over the tags
 * in their fixed order: no declarations, no comments, no sections, no nesting beyond it. A
 * collector that takes ';' for a separator leaves "&lt " of "&lt;": a blank ends a reference too,
 * for where
 * '&' is always written as a reference nothing else can be meant. */
#include "linux_xml.h"

enum {
    DATA_MAX = 128,     /* elements; the richest event has 24 */
    ATTRIBUTES_MAX = 8, /* of one tag */
    REFERENCE_MAX = 10, /* bytes between '&' and its end */
};

struct walk {
    struct btr_span text;
    size_t at;
    struct btr_arena *arena;
    struct btr_err *err;
    struct btr_json_member *members;
    uint32_t count;
    size_t element; /* where the last element of EventData begins, or its end; 0: before it */
};

struct tag {
    struct btr_span name;
    struct btr_span first_name, first_value; /* of its first attribute; raw */
    bool closed;                             /* <x/> */
};

static int fail_at(const struct walk *w, size_t at, const char *what)
{
    return btr_fail(w->err, BTR_E_FORMAT, at, "Sysmon for Linux: %s at byte %zu of the event", what,
                    at);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == ':' || c == '.';
}

static void skip_blanks(struct walk *w)
{
    while (w->at < w->text.size && is_blank(w->text.at[w->at]))
        w->at++;
}

/* Goes over a text that stands here. */
static bool take(struct walk *w, struct btr_span what)
{
    struct btr_span rest = {w->text.at + w->at, w->text.size - w->at};
    if (!btr_span_begins(rest, what))
        return false;
    w->at += what.size;
    return true;
}

static struct btr_span take_name(struct walk *w)
{
    size_t begin = w->at;
    while (w->at < w->text.size && is_name(w->text.at[w->at]))
        w->at++;
    return (struct btr_span){w->text.at + begin, w->at - begin};
}

static int expect(struct walk *w, struct btr_span what, const char *missing)
{
    skip_blanks(w);
    if (take(w, what))
        return 0;
    return fail_at(w, w->at, w->at == w->text.size ? "it is cut off" : missing);
}

/* ---- References ----------------------------------------------------------------------------- */

/* @return bytes written, 0 when no character has this number in a text */
static size_t put_character(uint8_t *out, uint64_t c)
{
    bool control = c < 0x20 && c != '\t' && c != '\n' && c != '\r';
    if (control || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
        return 0;
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(c | (size == 2 ? 0xc0u : size == 3 ? 0xe0u : 0xf0u));
    return size;
}

/* What stands between '&' and its end. @return bytes written, never more than the reference has */
static size_t put_reference(uint8_t *out, struct btr_span name)
{
    static const struct {
        const char *name;
        uint8_t c;
    } entities[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
    uint64_t number;
    if (name.size > 1 && name.at[0] == '#') {
        bool hex = name.at[1] == 'x';
        struct btr_span digits = {name.at + 1 + hex, name.size - 1 - hex};
        return btr_span_number(digits, hex ? 16 : 10, &number) ? put_character(out, number) : 0;
    }
    for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++) {
        if (!btr_span_equal(name, btr_span_of(entities[i].name)))
            continue;
        out[0] = entities[i].c;
        return 1;
    }
    return 0;
}

static size_t reference_size(struct btr_span raw, size_t at)
{
    size_t size = 0;
    while (size < REFERENCE_MAX && at + size < raw.size && raw.at[at + size] != ';' &&
           raw.at[at + size] != ' ')
        size++;
    return size;
}

/* The value with its references replaced, in the arena when it has any: no reference is shorter
 * than what it stands for. */
static int unescape(struct walk *w, struct btr_span raw, struct btr_span *out)
{
    *out = raw;
    if (raw.size == 0 || !memchr(raw.at, '&', raw.size))
        return 0;
    uint8_t *to = btr_arena_alloc(w->arena, raw.size, 1);
    size_t used = 0;
    if (!to)
        return btr_fail(w->err, BTR_E_NOMEM, UINT64_MAX, "Sysmon for Linux event");
    for (size_t i = 0; i < raw.size; i++) {
        if (raw.at[i] != '&') {
            to[used++] = raw.at[i];
            continue;
        }
        size_t size = reference_size(raw, i + 1);
        size_t put = i + 1 + size < raw.size
                         ? put_reference(to + used, (struct btr_span){raw.at + i + 1, size})
                         : 0;
        if (put == 0)
            return fail_at(w, (size_t)(raw.at - w->text.at) + i, "no reference of XML");
        used += put;
        i += size + 1;
    }
    *out = (struct btr_span){to, used};
    return 0;
}

static int add(struct walk *w, struct btr_span name, struct btr_span raw)
{
    if (w->count == DATA_MAX)
        return fail_at(w, w->at, "more fields than an event has");
    struct btr_json_member *m = &w->members[w->count];
    *m = (struct btr_json_member){.name = name, .type = BTR_JSON_STRING};
    int rc = unescape(w, raw, &m->value);
    w->count += rc == 0;
    return rc;
}

/* ---- Tags ----------------------------------------------------------------------------------- */

static int read_attribute(struct walk *w, struct btr_span *name, struct btr_span *value)
{
    *name = take_name(w);
    if (name->size == 0 || !take(w, BTR_SPAN("=")) || w->at == w->text.size)
        return fail_at(w, w->at, "no attribute");
    uint8_t quote = w->text.at[w->at];
    size_t begin = w->at + 1;
    const uint8_t *end = quote == '"' || quote == '\''
                             ? memchr(w->text.at + begin, quote, w->text.size - begin)
                             : NULL;
    if (!end)
        return fail_at(w, w->at, "an attribute that is not quoted");
    w->at = (size_t)(end - w->text.at) + 1;
    *value = (struct btr_span){w->text.at + begin, w->at - 1 - begin};
    return memchr(value->at, '<', value->size) ? fail_at(w, begin, "a tag in an attribute") : 0;
}

/* Behind the '<' of a tag that opens. */
static int read_tag(struct walk *w, struct tag *tag)
{
    *tag = (struct tag){.name = take_name(w)};
    if (tag->name.size == 0)
        return fail_at(w, w->at, "no name of an element");
    for (int i = 0; i <= ATTRIBUTES_MAX; i++) {
        struct btr_span name, value;
        skip_blanks(w);
        if (take(w, BTR_SPAN(">")))
            return 0;
        if (take(w, BTR_SPAN("/>"))) {
            tag->closed = true;
            return 0;
        }
        int rc = read_attribute(w, &name, &value);
        if (rc < 0)
            return rc;
        if (i == 0) {
            tag->first_name = name;
            tag->first_value = value;
        }
    }
    return fail_at(w, w->at, "too many attributes");
}

/* An element that holds text only, behind its '<'. */
static int read_element(struct walk *w, struct tag *tag, struct btr_span *raw)
{
    *raw = (struct btr_span){0};
    int rc = read_tag(w, tag);
    if (rc < 0 || tag->closed)
        return rc;
    size_t begin = w->at;
    const uint8_t *end =
        begin < w->text.size ? memchr(w->text.at + begin, '<', w->text.size - begin) : NULL;
    if (!end)
        return fail_at(w, w->text.size, "it is cut off");
    w->at = (size_t)(end - w->text.at);
    *raw = (struct btr_span){w->text.at + begin, w->at - begin};
    if (!take(w, BTR_SPAN("</")) || !take(w, tag->name) || !take(w, BTR_SPAN(">")))
        return fail_at(w, w->at, "an element that does not end");
    return 0;
}

/* What is used of <System>; the rest is gone over. */
static int add_system(struct walk *w, const struct tag *tag, struct btr_span raw)
{
    static const char *const texts[] = {"EventID", "EventRecordID", "Channel", "Computer"};
    if (btr_span_equal(tag->name, BTR_SPAN("Provider")) &&
        btr_span_equal(tag->first_name, BTR_SPAN("Name")))
        return add(w, BTR_SPAN("ProviderName"), tag->first_value);
    if (btr_span_equal(tag->name, BTR_SPAN("TimeCreated")) &&
        btr_span_equal(tag->first_name, BTR_SPAN("SystemTime")))
        return add(w, tag->name, tag->first_value);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (btr_span_equal(tag->name, btr_span_of(texts[i])))
            return add(w, tag->name, raw);
    return 0;
}

static int add_data(struct walk *w, const struct tag *tag, struct btr_span raw)
{
    if (!btr_span_equal(tag->name, BTR_SPAN("Data")) ||
        !btr_span_equal(tag->first_name, BTR_SPAN("Name")) || tag->first_value.size == 0)
        return fail_at(w, w->at, "no <Data Name=..>");
    return add(w, tag->first_value, raw);
}

/* The elements up to the end of the one they are in. */
static int read_list(struct walk *w, struct btr_span end,
                     int (*use)(struct walk *, const struct tag *, struct btr_span))
{
    for (int i = 0; i <= DATA_MAX; i++) {
        struct tag tag;
        struct btr_span raw;
        skip_blanks(w);
        if (use == add_data)
            w->element = w->at;
        if (take(w, end))
            return 0;
        int rc = expect(w, BTR_SPAN("<"), "no element");
        if (rc == 0)
            rc = read_element(w, &tag, &raw);
        if (rc == 0)
            rc = use(w, &tag, raw);
        if (rc < 0)
            return rc;
    }
    return fail_at(w, w->at, "more fields than an event has");
}

static int read_event(struct walk *w)
{
    int rc = expect(w, BTR_SPAN("<Event>"), "no <Event>");
    if (rc == 0)
        rc = expect(w, BTR_SPAN("<System>"), "no <System>");
    if (rc == 0)
        rc = read_list(w, BTR_SPAN("</System>"), add_system);
    if (rc == 0)
        rc = expect(w, BTR_SPAN("<EventData>"), "no <EventData>");
    if (rc == 0)
        rc = read_list(w, BTR_SPAN("</EventData>"), add_data);
    if (rc == 0)
        w->element = w->at;
    if (rc == 0)
        rc = expect(w, BTR_SPAN("</Event>"), "no </Event>");
    skip_blanks(w);
    if (rc == 0 && w->at < w->text.size)
        return fail_at(w, w->at, "more text behind the end");
    return rc;
}

/* Syslog cuts long messages: nothing closes behind the last whole element. */
static bool is_cut(const struct walk *w)
{
    const uint8_t *at = w->text.at;
    for (size_t i = w->element; w->element && i + 1 < w->text.size; i++)
        if (at[i] == '<' && at[i + 1] == '/')
            return !memchr(at + i, '>', w->text.size - i);
    return w->element > 0;
}

bool win_linux_xml_begins(struct btr_span text)
{
    struct walk w = {.text = text};
    skip_blanks(&w);
    return take(&w, BTR_SPAN("<Event>"));
}

int win_linux_xml_read(struct btr_span text, struct btr_arena *arena, struct win_linux_event *out,
                       struct btr_err *err)
{
    struct walk w = {.text = text, .arena = arena, .err = err};
    w.members =
        btr_arena_alloc(arena, DATA_MAX * sizeof(*w.members), _Alignof(struct btr_json_member));
    if (!w.members)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "Sysmon for Linux event");
    int rc = read_event(&w);
    bool cut = rc == BTR_E_FORMAT && is_cut(&w);
    *out = (struct win_linux_event){w.members, w.count, cut};
    return cut ? 0 : rc;
}
