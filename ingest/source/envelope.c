/*
 * What shippers write to Kafka as JSON, and where that is described:
 *   Filebeat, Elastic Agent  message; event.original where the original is kept; host.name,
 *                            host.hostname, agent.hostname, in 6.x beat.hostname.
 *                            https://www.elastic.co/docs/reference/beats/filebeat/exported-fields-log
 *                            https://www.elastic.co/docs/reference/ecs/ecs-event, .../ecs-host
 *                            elastic/beats, libbeat/outputs/codec/json/event.go
 *   Logstash                 message, event.original; host as a string or an object.
 *                            https://www.elastic.co/docs/reference/logstash/ecs-ls
 *   Vector                   message, host.
 *                            https://vector.dev/docs/reference/configuration/sources/file/
 *   Fluent Bit               log (input tail without a parser) beside @timestamp; hostname where
 *                            the filter record_modifier adds it.
 *                            https://docs.fluentbit.io/manual/data-pipeline/inputs/tail
 *                            https://docs.fluentbit.io/manual/data-pipeline/outputs/kafka
 *                            fluent/fluent-bit, plugins/in_tail/tail.c, plugins/out_kafka/kafka.c
 *   Fluentd                  message (parser none). https://docs.fluentd.org/parser/none
 *   Docker                   log (driver json-file).
 *                            https://docs.docker.com/engine/logging/drivers/json-file/
 *   rsyslog, syslog-ng       message and host, by templates.
 *                            https://www.rsyslog.com/doc/reference/templates/templates-examples.html
 */
#include "envelope.h"

#include "json_parts.h"

/* A member by its path; both spellings of a path are in use, nested and with a dot. */
struct place {
    const char *outer, *inner; /* inner: NULL for a member of the root */
};

/* The line as it was read comes before what a pipeline may have made of it. */
static const struct place texts[SOURCE_ENVELOPE_TEXTS] = {
    {"event", "original"}, {"message", NULL}, {"log", NULL}};
/* What the host calls itself in ECS, then in the other shippers' words; the agent's own last: it
 * may run elsewhere. */
static const struct place hosts[SOURCE_ENVELOPE_HOSTS] = {
    {"host", "name"},   {"host", "hostname"},  {"host", NULL},
    {"hostname", NULL}, {"agent", "hostname"}, {"beat", "hostname"}};

/* ---- The quick look ------------------------------------------------------------------------- */

/* "audit(" of an audit record's stamp. */
static bool has_stamp(struct btr_span s)
{
    static const char word[] = "audit";
    enum { WORD = sizeof(word) - 1 };
    for (size_t at = 0; at < s.size;) {
        const uint8_t *found = memchr(s.at + at, '(', s.size - at);
        if (!found)
            return false;
        at = (size_t)(found - s.at) + 1;
        if (at > WORD && memcmp(found - WORD, word, WORD) == 0)
            return true;
    }
    return false;
}

/* Blanks in a JSON string: as they are, or escaped. */
static size_t string_blank_end(struct btr_span s, size_t at)
{
    for (;;) {
        at = source_json_blank_end(s, at);
        if (s.size - at < 2 || s.at[at] != '\\' ||
            (s.at[at + 1] != 'n' && s.at[at + 1] != 'r' && s.at[at + 1] != 't'))
            return at;
        at += 2;
    }
}

/* {\" of an object in a string. */
static bool has_quoted_object(struct btr_span s)
{
    for (size_t at = 0; at < s.size;) {
        const uint8_t *found = memchr(s.at + at, '{', s.size - at);
        if (!found)
            return false;
        at = string_blank_end(s, (size_t)(found - s.at) + 1);
        if (s.size - at >= 2 && s.at[at] == '\\' && s.at[at + 1] == '"')
            return true;
    }
    return false;
}

bool source_envelope_possible(struct btr_span object)
{
    return has_stamp(object) || has_quoted_object(object);
}

/* ---- Reading -------------------------------------------------------------------------------- */

static bool is_name(struct btr_span key, const char *name)
{
    return key.size && key.at[0] == (uint8_t)name[0] && btr_span_equal(key, btr_span_of(name));
}

static bool is_path(struct btr_span key, const struct place *p)
{
    if (!p->inner)
        return is_name(key, p->outer);
    size_t outer = strlen(p->outer);
    return key.size > outer && key.at[outer] == '.' && memcmp(key.at, p->outer, outer) == 0 &&
           is_name((struct btr_span){key.at + outer + 1, key.size - outer - 1}, p->inner);
}

static bool is_string(struct btr_span value)
{
    return value.size >= 2 && value.at[0] == '"';
}

/* Of members of one name the first counts. */
static void place_take(struct btr_span *out, struct btr_span value)
{
    if (!out->at && is_string(value) && value.size > 2)
        *out = (struct btr_span){value.at + 1, value.size - 2};
}

static void places_fill(struct btr_span *out, const struct place *places, unsigned count,
                        struct btr_span key, struct btr_span value)
{
    for (unsigned i = 0; i < count; i++)
        if (is_path(key, &places[i]))
            place_take(&out[i], value);
}

static void nested_fill(struct btr_span *out, const struct place *places, unsigned count,
                        struct btr_span outer, struct btr_span object)
{
    for (unsigned i = 0; i < count; i++) {
        if (!places[i].inner || !is_name(outer, places[i].outer))
            continue;
        struct source_json_walk walk = {.text = object};
        struct btr_span key, value;
        while (source_json_member(&walk, &key, &value) == SOURCE_JSON_PART)
            if (is_name(key, places[i].inner))
                place_take(&out[i], value);
    }
}

bool source_envelope_read(struct source_envelope *out, struct btr_span object)
{
    struct source_json_walk walk = {.text = object, .at = source_json_blank_end(object, 0)};
    struct btr_span key, value;
    enum source_json_step step;
    *out = (struct source_envelope){0};
    while ((step = source_json_member(&walk, &key, &value)) == SOURCE_JSON_PART) {
        if (is_string(value)) {
            places_fill(out->texts, texts, SOURCE_ENVELOPE_TEXTS, key, value);
            places_fill(out->hosts, hosts, SOURCE_ENVELOPE_HOSTS, key, value);
        } else if (value.at[0] == '{') {
            nested_fill(out->texts, texts, SOURCE_ENVELOPE_TEXTS, key, value);
            nested_fill(out->hosts, hosts, SOURCE_ENVELOPE_HOSTS, key, value);
        }
    }
    if (step != SOURCE_JSON_END || source_json_blank_end(object, walk.at) != object.size)
        return false;
    for (unsigned i = 0; i < SOURCE_ENVELOPE_TEXTS; i++)
        if (out->texts[i].at)
            return true;
    return false;
}
