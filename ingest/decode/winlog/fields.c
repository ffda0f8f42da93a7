/* Shippers differ in where they put the same thing:
 *
 *                 NXLog, Logstash, Azure    Winlogbeat 5, 6     Winlogbeat 7, 8
 *   event id      EventID                   event_id            winlog.event_id, event.code
 *   channel       Channel (EventLog)        log_name            winlog.channel
 *   provider      SourceName (ProviderName) source_name         winlog.provider_name
 *   host          Hostname (Computer)       computer_name       winlog.computer_name, host.name
 *   record id     RecordNumber              record_number       winlog.record_id
 *   fields        top level                 event_data.*        winlog.event_data.*,
 * winlog.user_data.* text          Message                   message             message
 *
 * Sysmon for Linux comes as XML inside of a syslog row in JSON (SyslogMessage): linux.c.
 */
#include "fields.h"

#include "linux_xml.h"

/* BTR_SPAN in tables that are made when this is compiled. */
#define NAME(literal)                                                                              \
    {                                                                                              \
        (const uint8_t *)("" literal), sizeof(literal) - 1                                         \
    }

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool win_equal_fold(struct btr_span a, struct btr_span b)
{
    if (a.size != b.size)
        return false;
    if (a.size > 0 && memcmp(a.at, b.at, a.size) == 0)
        return true; /* as a rule */
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool win_ends_fold(struct btr_span s, struct btr_span suffix)
{
    return s.size >= suffix.size &&
           win_equal_fold((struct btr_span){s.at + s.size - suffix.size, suffix.size}, suffix);
}

struct btr_span win_fold(struct btr_arena *arena, struct btr_span text)
{
    size_t first = 0;
    while (first < text.size && lower(text.at[first]) == text.at[first])
        first++;
    if (first == text.size)
        return text;
    uint8_t *at = btr_arena_alloc(arena, text.size, 1);
    if (!at)
        return text;
    for (size_t i = 0; i < text.size; i++)
        at[i] = lower(text.at[i]);
    return (struct btr_span){at, text.size};
}

size_t win_find_fold(struct btr_span hay, struct btr_span needle)
{
    uint8_t first = needle.size ? lower(needle.at[0]) : 0;
    for (size_t i = 0; i + needle.size <= hay.size; i++)
        if (needle.size == 0 ||
            (lower(hay.at[i]) == first &&
             win_equal_fold((struct btr_span){hay.at + i, needle.size}, needle)))
            return i;
    return SIZE_MAX;
}

struct btr_span win_basename(struct btr_span path)
{
    size_t i = path.size;
    if (i == 0)
        return path;
    while (i > 0 && path.at[i - 1] != '\\' && path.at[i - 1] != '/')
        i--;
    return (struct btr_span){path.at + i, path.size - i};
}

bool win_number(struct btr_span text, uint64_t *value)
{
    if (text.size > 2 && text.at[0] == '0' && (text.at[1] | 0x20) == 'x')
        return btr_span_number((struct btr_span){text.at + 2, text.size - 2}, 16, value);
    return btr_span_number(text, 10, value);
}

/* ---- Fields --------------------------------------------------------------------------------- */

static bool is_told(struct btr_span value)
{
    return value.size > 1 || (value.size == 1 && value.at[0] != '-');
}

void win_fields_index(struct win_fields *f)
{
    memset(f->by_name, 0, sizeof(f->by_name));
    for (uint32_t i = 0; i < f->count; i++) {
        enum win_name name = win_name_find(f->members[i].name);
        if (f->by_name[name] == 0)
            f->by_name[name] = (uint16_t)(i + 1);
    }
    f->by_name[WIN_NAME_NONE] = 0;
}

const struct btr_json_member *win_member(const struct win_fields *f, enum win_name name)
{
    return f->by_name[name] ? &f->members[f->by_name[name] - 1] : NULL;
}

static struct btr_span told_value(const struct win_fields *f, enum win_name name)
{
    const struct btr_json_member *m = win_member(f, name);
    if (!m || m->type == BTR_JSON_NULL || !is_told(m->value))
        return (struct btr_span){0};
    if (f->from_linux && btr_span_equal(m->value, BTR_SPAN("<unknown process>")))
        return (struct btr_span){0};
    return m->value;
}

struct btr_span win_message_field(const struct win_fields *f, struct btr_span name)
{
    struct btr_span rest = f->message;
    while (rest.size) {
        const uint8_t *end = memchr(rest.at, '\n', rest.size);
        size_t size = end ? (size_t)(end - rest.at) : rest.size;
        struct btr_span line = {rest.at, size};
        rest = (struct btr_span){rest.at + size + (end != NULL), rest.size - size - (end != NULL)};
        if (line.size <= name.size || !btr_span_begins(line, name) || line.at[name.size] != ':')
            continue;
        size_t begin = name.size + 1;
        while (begin < line.size && (line.at[begin] == ' ' || line.at[begin] == '\t'))
            begin++;
        while (line.size > begin &&
               (line.at[line.size - 1] == '\r' || line.at[line.size - 1] == ' '))
            line.size--;
        struct btr_span value = {line.at + begin, line.size - begin};
        return is_told(value) ? value : (struct btr_span){0};
    }
    return (struct btr_span){0};
}

struct btr_span win_field(const struct win_fields *f, enum win_name name)
{
    struct btr_span value = told_value(f, name);
    bool only_there = value.size == 0 && f->sysmon && !win_member(f, name);
    return only_there ? win_message_field(f, win_name_text(name)) : value;
}

struct btr_span win_field_either(const struct win_fields *f, enum win_name name,
                                 enum win_name other)
{
    struct btr_span value = told_value(f, name);
    if (value.size == 0)
        value = told_value(f, other);
    bool only_there = value.size == 0 && f->sysmon && !win_member(f, name) && !win_member(f, other);
    if (only_there) {
        value = win_message_field(f, win_name_text(name));
        if (value.size == 0)
            value = win_message_field(f, win_name_text(other));
    }
    return value;
}

/* ---- Reading a record ----------------------------------------------------------------------- */

/* Brings names to the event's own. What an event calls its field wins over what a shipper adds
 * beside it. */
static void shorten(struct win_fields *f)
{
    static const struct btr_span prefixes[] = {
        NAME("winlog.event_data."), NAME("winlog.user_data."), NAME("event_data."),
        NAME("user_data."),         NAME("EventData."),        NAME("UserData.")};
    static const char suffix[] =
        "_string"; /* Azure Log Analytics writes the type of a column into its name */
    for (uint32_t i = 0; i < f->count; i++) {
        struct btr_span *name = &f->members[i].name;
        bool nested = name->size && memchr(name->at, '.', name->size);
        for (size_t k = 0; nested && k < sizeof(prefixes) / sizeof(*prefixes); k++) {
            struct btr_span prefix = prefixes[k];
            if (!btr_span_begins(*name, prefix))
                continue;
            *name = (struct btr_span){name->at + prefix.size, name->size - prefix.size};
            break;
        }
        if (name->size > sizeof(suffix) - 1 && lower(name->at[name->size - 1]) == 'g' &&
            win_ends_fold(*name, BTR_SPAN("_string")))
            name->size -= sizeof(suffix) - 1;
    }
}

/* The value of the first of several names that tells something; the last is none. */
static struct btr_span first_of(const struct win_fields *f, const enum win_name *names)
{
    struct btr_span value = {0};
    for (; *names != WIN_NAME_NONE && value.size == 0; names++)
        value = told_value(f, *names);
    return value;
}

static int refuse_foreign(const struct win_fields *f, struct btr_err *err)
{
    if (win_member(f, WIN_NAME(SyslogMessage)))
        return btr_fail(err, BTR_E_FORMAT, 0,
                        "a syslog record in JSON that holds no event of Sysmon for Linux");
    if (win_member(f, WIN_NAME(LinksEstablished)) || win_member(f, WIN_NAME(ConnectionId)))
        return btr_fail(err, BTR_E_FORMAT, 0, "totals of connections, not a Windows event");
    if (win_member(f, WIN_NAME(ActionType)) || win_member(f, WIN_NAME(OperationName)) ||
        win_member(f, WIN_NAME(Operation)))
        return btr_fail(err, BTR_E_FORMAT, 0, "a cloud or endpoint audit row, not a Windows event");
    return btr_fail(err, BTR_E_FORMAT, 0, "no event id: not a Windows event");
}

int win_fields_read(struct win_fields *out, struct btr_json_reader *reader, struct btr_span record,
                    struct btr_arena *arena, struct btr_err *err)
{
    /* Names of the nested forms come first: what an event calls "Channel" is shortened to the same
     * name. */
    static const enum win_name event_ids[] = {WIN_NAME(winlog_event_id), WIN_NAME(event_id),
                                              WIN_NAME(event_code),      WIN_NAME(EventID),
                                              WIN_NAME(EventId),         WIN_NAME_NONE};
    static const enum win_name channels[] = {WIN_NAME(winlog_channel), WIN_NAME(log_name),
                                             WIN_NAME(Channel), WIN_NAME(EventLog), WIN_NAME_NONE};
    static const enum win_name providers[] = {WIN_NAME(winlog_provider_name),
                                              WIN_NAME(source_name),
                                              WIN_NAME(SourceName),
                                              WIN_NAME(ProviderName),
                                              WIN_NAME(Provider),
                                              WIN_NAME(EventSourceName),
                                              WIN_NAME(Source),
                                              WIN_NAME_NONE};
    static const enum win_name hosts[] = {WIN_NAME(winlog_computer_name),
                                          WIN_NAME(computer_name),
                                          WIN_NAME(Hostname),
                                          WIN_NAME(Computer),
                                          WIN_NAME(host_name),
                                          WIN_NAME_NONE};
    static const enum win_name record_ids[] = {WIN_NAME(winlog_record_id), WIN_NAME(record_number),
                                               WIN_NAME(RecordNumber), WIN_NAME(EventRecordID),
                                               WIN_NAME_NONE};
    static const enum win_name messages[] = {WIN_NAME(message), WIN_NAME(Message), WIN_NAME_NONE};
    *out = (struct win_fields){0};
    int rc = btr_json_flatten(reader, record, arena, &out->members, &out->count, err);
    if (rc < 0)
        return rc;
    shorten(out);
    win_fields_index(out);
    const struct btr_json_member *syslog = win_member(out, WIN_NAME(SyslogMessage));
    if (syslog && syslog->type == BTR_JSON_STRING && win_linux_xml_begins(syslog->value))
        return win_linux_fields(out, syslog->value, arena, err);
    uint64_t id = 0;
    if (!win_number(first_of(out, event_ids), &id) || id > UINT32_MAX)
        return refuse_foreign(out, err);
    out->event_id = (uint32_t)id & 0xffff; /* the upper half are qualifiers of old event sources */
    out->channel = first_of(out, channels);
    out->provider = first_of(out, providers);
    out->host = first_of(out, hosts);
    out->message = first_of(out, messages);
    if (!win_number(first_of(out, record_ids), &out->record_id))
        out->record_id = 0;
    out->sysmon = btr_span_equal(out->provider, BTR_SPAN("Microsoft-Windows-Sysmon")) ||
                  win_equal_fold(out->channel, BTR_SPAN("Microsoft-Windows-Sysmon/Operational"));
    return 0;
}

/* ---- Without reading the whole -------------------------------------------------------------- */

/* A JSON string that begins behind a quote at `at`. @return the index of its closing quote, or the
 * size */
static size_t string_end(struct btr_span s, size_t at)
{
    for (size_t from = at; at < s.size; at++) {
        const uint8_t *quote = memchr(s.at + at, '"', s.size - at);
        if (!quote)
            break;
        at = (size_t)(quote - s.at);
        size_t slash = at; /* an odd number of backslashes before it hides a quote */
        while (slash > from && s.at[slash - 1] == '\\')
            slash--;
        if ((at - slash) % 2 == 0)
            return at;
    }
    return s.size;
}

struct peek {
    struct btr_span record;
    size_t at;
    unsigned depth;
};

/* The next member that has a string for a value. Escapes stay as they are: a host name has none. */
static bool peek_next(struct peek *p, struct btr_span *name, struct btr_span *value)
{
    struct btr_span s = p->record;
    while (p->at < s.size) {
        uint8_t c = s.at[p->at++];
        p->depth += c == '{';
        p->depth -= c == '}' && p->depth > 0;
        if (c != '"')
            continue;
        size_t end = string_end(s, p->at);
        *name = (struct btr_span){s.at + p->at, end - p->at};
        p->at = end < s.size ? end + 1 : end;
        size_t i = p->at;
        while (i < s.size && (s.at[i] == ' ' || s.at[i] == '\t' || s.at[i] == ':'))
            i++;
        if (i == p->at || i == s.size || s.at[i] != '"')
            continue;
        end = string_end(s, i + 1);
        *value = (struct btr_span){s.at + i + 1, end - i - 1};
        p->at = end < s.size ? end + 1 : end;
        return true;
    }
    return false;
}

struct btr_span win_host_peek(struct btr_span record)
{
    static const struct btr_span names[] = {NAME("Hostname"), NAME("computer_name"),
                                            NAME("Computer"), NAME("HostName")}; /* surest first */
    enum { NAMES = sizeof(names) / sizeof(*names) };
    struct peek p = {.record = record};
    struct btr_span name, value, best = {0};
    size_t best_rank = NAMES;
    while (best_rank > 0 && peek_next(&p, &name, &value)) {
        for (size_t i = 0; i < best_rank; i++) {
            unsigned depth_max = i == 1 ? 2 : 1; /* winlog.computer_name */
            if (!btr_span_equal(name, names[i]) || p.depth > depth_max || value.size == 0)
                continue;
            best = value;
            best_rank = i;
        }
    }
    return best;
}

/* Names of members that tell a Windows event, by their place in `names` below. */
enum {
    HAS_EVENT_ID = 1 << 0,
    HAS_CHANNEL = 1 << 1,
    HAS_SOURCE_NAME = 1 << 2,
    HAS_NESTED_ID = 1 << 3,
    HAS_WINLOG = 1 << 4,
    HAS_LOG_NAME = 1 << 5,
    HAS_NESTED_CHANNEL = 1 << 6,
    HAS_SYSLOG_MESSAGE = 1 << 7,
    HAS_TIME_GENERATED = 1 << 8,
};

static bool is_event(unsigned has)
{
    return ((has & HAS_EVENT_ID) && (has & (HAS_CHANNEL | HAS_SOURCE_NAME))) ||
           (has & HAS_WINLOG) ||
           ((has & HAS_NESTED_ID) && (has & (HAS_LOG_NAME | HAS_NESTED_CHANNEL)));
}

/* The first bytes of the names below: most quotes have another byte behind them. */
static bool may_be_name(uint8_t c)
{
    switch (c) {
    case 'E':
    case 'C':
    case 'S':
    case 'T':
    case 'c':
    case 'e':
    case 'l':
    case 'w':
        return true;
    default:
        return false;
    }
}

/* Which of the names stand in the record, in quotes, in one pass; no more are sought than make it
 * an event. */
static unsigned names_find(struct btr_span record)
{
    static const char *const names[] = {"EventID\"",  "Channel\"",       "SourceName\"",
                                        "event_id\"", "winlog\"",        "log_name\"",
                                        "channel\"",  "SyslogMessage\"", "TimeGenerated\""};
    unsigned has = 0;
    struct btr_span rest = record;
    while (rest.size && !is_event(has)) {
        const uint8_t *quote = memchr(rest.at, '"', rest.size);
        if (!quote)
            break;
        rest.size -= (size_t)(quote + 1 - rest.at);
        rest.at = quote + 1;
        if (rest.size == 0 || !may_be_name(rest.at[0]))
            continue;
        for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
            if (btr_span_begins(rest, btr_span_of(names[i])))
                has |= 1U << i;
    }
    return has;
}

int win_record_score(struct btr_span record)
{
    size_t i = btr_span_begins(record, BTR_SPAN("\xef\xbb\xbf")) ? 3 : 0;
    while (i < record.size && (record.at[i] == ' ' || record.at[i] == '\t'))
        i++;
    if (i == record.size || record.at[i] != '{')
        return 0;
    unsigned has = names_find(record);
    if (is_event(has))
        return 95;
    if ((has & HAS_SYSLOG_MESSAGE) && btr_span_contains(record, BTR_SPAN("Linux-Sysmon")))
        return 95;
    if (has & (HAS_EVENT_ID | HAS_TIME_GENERATED | HAS_SYSLOG_MESSAGE))
        return 20; /* rows of Azure tables, of which some are Windows events */
    return 0;
}
