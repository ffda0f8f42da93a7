/* SPEC: the text that names where to start. */
#include <arpa/inet.h>
#include <btr/clock.h>
#include <btr/filter.h>

#include "spec.h"

/* A text cut at one byte: before and after it. */
static bool cut(struct btr_span text, size_t at, struct btr_span *before, struct btr_span *after)
{
    if (at >= text.size)
        return false;
    *before = (struct btr_span){text.at, at};
    *after = (struct btr_span){text.at + at + 1, text.size - at - 1};
    return true;
}

static size_t first_of(struct btr_span text, uint8_t c)
{
    const uint8_t *p = text.size ? memchr(text.at, c, text.size) : NULL;
    return p ? (size_t)(p - text.at) : SIZE_MAX;
}

static size_t last_of(struct btr_span text, uint8_t c)
{
    for (size_t i = text.size; i > 0; i--) {
        if (text.at[i - 1] == c)
            return i - 1;
    }
    return SIZE_MAX;
}

/* For messages: at most 100 bytes of a piece. */
static int shown(struct btr_span s)
{
    return (int)(s.size < 100 ? s.size : 100);
}

static int refuse(struct btr_err *err, struct btr_span text, struct btr_span piece,
                  const char *what)
{
    size_t offset = piece.at ? (size_t)(piece.at - text.at) : 0;
    return btr_fail(err, BTR_E_USAGE, offset, "SPEC \"%.*s\": %s: \"%.*s\"", shown(text),
                    (const char *)text.at, what, shown(piece), (const char *)piece.at);
}

/* Takes "@T" off the end of `rest`, when there is one. */
static int time_take(struct btr_spec *out, struct btr_span text, struct btr_span *rest,
                     struct btr_err *err)
{
    struct btr_span before, time;
    if (!cut(*rest, first_of(*rest, '@'), &before, &time))
        return 0;
    if (!btr_time_parse(time, &out->at_ns))
        return refuse(err, text, time, "no time after @ (2026-11-23T10:15:00Z or seconds)");
    *rest = before;
    return 0;
}

static int host_take(struct btr_spec *out, struct btr_span text, struct btr_span rest,
                     struct btr_span *after, struct btr_err *err)
{
    if (!cut(rest, first_of(rest, '/'), &out->host, after) || out->host.size == 0)
        return refuse(err, text, rest, "HOST/ is missing");
    if (out->host.size > 255)
        return refuse(err, text, out->host, "the host's name is longer than 255 bytes");
    return 0;
}

/* HOST/ID[@T] or HOST/CHANNEL/ID[@T]; a channel may have slashes. */
static int record_parse(struct btr_spec *out, struct btr_span text, struct btr_span rest,
                        struct btr_err *err)
{
    struct btr_span after, number;
    int rc = host_take(out, text, rest, &after, err);
    if (rc == 0)
        rc = time_take(out, text, &after, err);
    if (rc < 0)
        return rc;
    number = after;
    if (cut(after, last_of(after, '/'), &out->channel, &number) && out->channel.size == 0)
        return refuse(err, text, after, "the channel is empty");
    if (!btr_span_number(number, 10, &out->number))
        return refuse(err, text, number, "a record's id is a number");
    return 0;
}

static int process_parse(struct btr_spec *out, struct btr_span text, struct btr_span rest,
                         struct btr_err *err)
{
    struct btr_span after;
    int rc = host_take(out, text, rest, &after, err);
    if (rc == 0)
        rc = time_take(out, text, &after, err);
    if (rc < 0)
        return rc;
    if (!btr_span_number(after, 10, &out->number) || out->number > UINT32_MAX)
        return refuse(err, text, after, "a pid is a number");
    return 0;
}

static bool is_drive(struct btr_span path)
{
    if (path.size < 2 || path.at[1] != ':')
        return false;
    uint8_t c = path.at[0];
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int file_parse(struct btr_spec *out, struct btr_span text, struct btr_span rest,
                      struct btr_err *err)
{
    int rc = host_take(out, text, rest, &out->path, err);
    if (rc < 0)
        return rc;
    if (btr_span_begins(out->path, BTR_SPAN("/")) || btr_span_begins(out->path, BTR_SPAN("\\\\")) ||
        is_drive(out->path))
        return 0;
    return refuse(err, text, out->path,
                  "the path begins with / or a drive letter (file:web01//etc/shadow)");
}

/* A Kafka topic: letters, digits, . _ - */
static bool is_topic(struct btr_span s)
{
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
        if (!good)
            return false;
    }
    return s.size > 0 && s.size <= 249;
}

bool query_topic_partition(struct btr_span input, struct btr_span *topic, uint32_t *partition)
{
    struct btr_span number;
    uint64_t value;
    if (!cut(input, last_of(input, ':'), topic, &number) || !is_topic(*topic) ||
        !btr_span_number(number, 10, &value) || value > INT32_MAX)
        return false;
    *partition = (uint32_t)value;
    return true;
}

/* FILE:LINE, or TOPIC:PARTITION:OFFSET. A file's name may have colons. */
static int origin_parse(struct btr_spec *out, struct btr_span text, struct btr_span rest,
                        struct btr_err *err)
{
    struct btr_span number, topic;
    if (!cut(rest, last_of(rest, ':'), &out->path, &number) || out->path.size == 0)
        return refuse(err, text, rest, "origin is FILE:LINE or TOPIC:PARTITION:OFFSET");
    if (!btr_span_number(number, 10, &out->number))
        return refuse(err, text, number, "a line or offset is a number");
    if (query_topic_partition(out->path, &topic, &out->partition))
        out->path = topic;
    else if (out->number == 0)
        return refuse(err, text, number, "lines count from 1");
    return 0;
}

static bool is_address(struct btr_span s)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (s.size == 0 || s.size >= sizeof copy)
        return false;
    memcpy(copy, s.at, s.size);
    copy[s.size] = 0;
    return strlen(copy) == s.size &&
           (inet_pton(AF_INET, copy, bytes) == 1 || inet_pton(AF_INET6, copy, bytes) == 1);
}

/* IP:PORT, [IPv6]:PORT, IPv6:PORT; the port may be *. */
static int endpoint_parse(struct btr_spec *out, int i, struct btr_span text, struct btr_span end,
                          struct btr_err *err)
{
    struct btr_span address, port;
    uint64_t number;
    if (!cut(end, last_of(end, ':'), &address, &port))
        return refuse(err, text, end, "an end of a flow is IP:PORT");
    if (address.size >= 2 && address.at[0] == '[' && address.at[address.size - 1] == ']')
        address = (struct btr_span){address.at + 1, address.size - 2};
    if (!is_address(address))
        return refuse(err, text, address, "no IP address");
    out->address[i] = address;
    out->port[i] = UINT32_MAX;
    if (btr_span_equal(port, BTR_SPAN("*")))
        return 0;
    if (!btr_span_number(port, 10, &number) || number > 65535)
        return refuse(err, text, port, "a port is a number up to 65535, or *");
    out->port[i] = (uint32_t)number;
    return 0;
}

static int flow_parse(struct btr_spec *out, struct btr_span text, struct btr_span rest,
                      struct btr_err *err)
{
    struct btr_span ends[2];
    if (!cut(rest, first_of(rest, '-'), &ends[0], &ends[1]))
        return refuse(err, text, rest, "a flow is IP:PORT-IP:PORT");
    for (int i = 0; i < 2; i++) {
        int rc = endpoint_parse(out, i, text, ends[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int id_parse(struct btr_spec *out, struct btr_span text, struct btr_span rest,
                    struct btr_err *err)
{
    if (rest.size == BTR_ID_TEXT_SIZE - 1 && btr_id_parse(rest, &out->id))
        return 0;
    return refuse(err, text, rest, "an id is 32 hex digits");
}

static const struct {
    const char *prefix;
    enum btr_spec_form form;
    int (*parse)(struct btr_spec *out, struct btr_span text, struct btr_span rest,
                 struct btr_err *err);
} FORMS[] = {
    {"record:", BTR_SPEC_RECORD, record_parse},    {"origin:", BTR_SPEC_ORIGIN, origin_parse},
    {"process:", BTR_SPEC_PROCESS, process_parse}, {"file:", BTR_SPEC_FILE, file_parse},
    {"flow:", BTR_SPEC_FLOW, flow_parse},          {"id:", BTR_SPEC_ID, id_parse},
};

int btr_spec_parse(struct btr_spec *out, struct btr_span text, struct btr_err *err)
{
    *out = (struct btr_spec){.partition = UINT32_MAX, .at_ns = INT64_MIN};
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        struct btr_span prefix = btr_span_of(FORMS[i].prefix);
        if (!btr_span_begins(text, prefix))
            continue;
        out->form = FORMS[i].form;
        struct btr_span rest = {text.at + prefix.size, text.size - prefix.size};
        return FORMS[i].parse(out, text, rest, err);
    }
    return btr_fail(err, BTR_E_USAGE, 0,
                    "SPEC \"%.*s\" begins with none of record: origin: process: file: flow: id:",
                    shown(text), (const char *)text.at);
}
