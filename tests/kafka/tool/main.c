#include "tool.h"

#include <errno.h>
#include <getopt.h>

static const char USAGE[] =
    "usage: kafka_tool VERB [option]... [word]...\n"
    "  produce TOPIC < MESSAGES        sends them, and prints what was read, acknowledged, "
    "aborted, and failed\n"
    "  digest < MESSAGES               the same counts of messages that are not sent\n"
    "  read TOPIC                      from each partition's begin to its end; --records: "
    "themselves\n"
    "  watermarks TOPIC                first offset and end of each partition\n"
    "  committed GROUP TOPIC           offsets of the group\n"
    "  create TOPIC PARTITIONS [KEY=VALUE]...\n"
    "  delete TOPIC\n"
    "  delete-records TOPIC PARTITION BEFORE\n"
    "-X KEY=VALUE        setting of librdkafka; bootstrap.servers is needed\n"
    "--deadline SECONDS  of the whole call (120)\n"
    "--form lines|audit|sized, --key KEY, --partition N, --header NAME=VALUE, --codec NAME, --rate "
    "N,\n"
    "--hosts N --rate N --seconds N   so many hosts tell the audit events of MESSAGES again, as of "
    "now\n"
    "--twice N           each n-th message is sent twice\n"
    "--transactions ID, --commit N (messages; 1000), --abort N (each n-th transaction)\n";

struct verb {
    const char *name;
    int (*run)(const struct options *o);
    int words_min, words_max;
};

static const struct verb VERBS[] = {
    {"produce", verb_produce, 1, 1},     {"digest", verb_digest, 0, 0},
    {"read", verb_read, 1, 1},           {"watermarks", verb_watermarks, 1, 1},
    {"committed", verb_committed, 2, 2}, {"create", verb_create, 2, 32},
    {"delete", verb_delete, 1, 1},       {"delete-records", verb_delete_records, 3, 3},
};

static int usage(const char *what, const char *which)
{
    fprintf(stderr, "kafka_tool: %s \"%s\"\n%s", what, which, USAGE);
    return TOOL_USAGE;
}

static bool number_read(const char *text, uint64_t most, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *value <= most;
}

static bool text_put(const char **list, size_t *count, size_t most, const char *text)
{
    if (*count == most || !strchr(text, '='))
        return false;
    list[(*count)++] = text;
    return true;
}

/* @return false: the option's value is none */
static bool option_put(struct options *o, int option, const char *value)
{
    uint64_t n = 0;
    bool good = true;
    switch (option) {
    case 'X':
        return text_put(o->settings, &o->setting_count, TOOL_SETTINGS_MAX, value);
    case 'h':
        return text_put(o->headers, &o->header_count, TOOL_HEADERS_MAX, value);
    case 'f':
        return frames_form(&o->form, value) == 0;
    case 'k':
        o->key = value;
        break;
    case 'c':
        o->codec = value;
        break;
    case 't':
        o->transactions = value;
        break;
    case 'R':
        o->records = true;
        break;
    case 'r':
        return number_read(value, 1000000000, &o->rate);
    case 'H':
        return number_read(value, 100000000, &o->hosts);
    case 's':
        return number_read(value, 86400, &o->seconds);
    case '2':
        return number_read(value, UINT64_MAX, &o->twice_each);
    case 'C':
        return number_read(value, UINT64_MAX, &o->commit_each) && o->commit_each;
    case 'A':
        return number_read(value, UINT64_MAX, &o->abort_each);
    case 'p':
        good = number_read(value, INT32_MAX, &n);
        o->partition = (int32_t)n;
        break;
    case 'd':
        good = number_read(value, 86400, &n) && n;
        o->deadline_s = (uint32_t)n;
        break;
    default:
        return false;
    }
    return good;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"form", 1, NULL, 'f'},         {"key", 1, NULL, 'k'},     {"partition", 1, NULL, 'p'},
        {"header", 1, NULL, 'h'},       {"codec", 1, NULL, 'c'},   {"rate", 1, NULL, 'r'},
        {"twice", 1, NULL, '2'},        {"hosts", 1, NULL, 'H'},   {"seconds", 1, NULL, 's'},
        {"transactions", 1, NULL, 't'}, {"commit", 1, NULL, 'C'},  {"abort", 1, NULL, 'A'},
        {"deadline", 1, NULL, 'd'},     {"records", 0, NULL, 'R'}, {NULL, 0, NULL, 0},
    };
    struct options o = {.partition = RD_KAFKA_PARTITION_UA,
                        .codec = "none",
                        .deadline_s = 120,
                        .commit_each = 1000};
    if (argc < 2)
        return usage("no verb", "");
    int option;
    optind = 2;
    while ((option = getopt_long(argc, argv, "X:", long_options, NULL)) != -1)
        if (!option_put(&o, option, optarg))
            return usage("not a value here", optarg ? optarg : "");
    if (o.hosts && (!o.rate || !o.seconds))
        return usage("no rate or no seconds for", "--hosts");
    o.word_count = argc - optind;
    o.words = (const char *const *)argv + optind;
    for (size_t i = 0; i < sizeof(VERBS) / sizeof(*VERBS); i++)
        if (strcmp(VERBS[i].name, argv[1]) == 0) {
            if (o.word_count < VERBS[i].words_min || o.word_count > VERBS[i].words_max)
                return usage("not the words of", argv[1]);
            return VERBS[i].run(&o);
        }
    return usage("no verb", argv[1]);
}
