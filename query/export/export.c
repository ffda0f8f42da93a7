/* The table of ways to show an answer, and words that they share. */
#include <btr/clock.h>

#include "../spec.h"
#include "exports.h"
#include "json_writer.h"

const struct btr_export btr_exports[] = {
    {"text", "for people (the default)", false, query_export_text},
    {"json", "schema backtrail-trace/1, for scripts", true, query_export_json},
    {"dot", "for Graphviz", true, query_export_dot},
    {"graphml", "for graph tools (Gephi, yEd, NetworkX)", true, query_export_graphml},
    {NULL, NULL, false, NULL},
};

enum { DRAIN_AT = 64 << 10 };

bool query_drain(const struct btr_answer *a, struct btr_buffer *out)
{
    return !a->options.drain || out->size < DRAIN_AT || a->options.drain(out);
}

void query_cut_text(struct btr_buffer *out, const struct btr_answer *a)
{
    char time[BTR_TIME_TEXT_SIZE];
    bool backward = a->direction == BTR_WALK_BACKWARD;
    const struct btr_kept_pairs *kept = a->options.kept;
    if (kept && kept->cut != BTR_CUT_NONE) {
        btr_buffer_format(out,
                          "%llu paths were not followed; none from the alert that scores above "
                          "%.4f is missing",
                          (unsigned long long)kept->left, kept->left_score);
        return;
    }
    btr_time_text(a->trace->unexplored_bound_ns, time);
    btr_buffer_format(
        out, "%llu entities were reached and not followed; no event that %s %s was missed",
        (unsigned long long)a->trace->unexplored, backward ? "begins after" : "ends before", time);
}

struct btr_kept_place query_record_place(const struct btr_answer *a,
                                         const struct answer_record *record)
{
    const struct answer_origin *o = &a->origins[record->origin];
    return (struct btr_kept_place){o->input, o->digest, record->line, record->record_id};
}

const char *query_json_place(struct json_writer *json, struct btr_span input)
{
    struct btr_span topic;
    uint32_t partition;
    if (!query_topic_partition(input, &topic, &partition)) {
        json_text(json, "file", input);
        return "line";
    }
    json_text(json, "topic", topic);
    json_count(json, "partition", partition);
    return "offset";
}

const char *query_edge_word(const struct answer_edge *e)
{
    const char *word = btr_operation_word(e->operation);
    return word ? word : "unknown";
}

void query_edge_words(struct btr_buffer *out, const struct answer_edge *e)
{
    const char *between = "";
    if (e->operations == 0)
        btr_buffer_text(out, query_edge_word(e));
    for (unsigned i = 0; i <= BTR_OP_MAX; i++)
        if (e->operations & ANSWER_BIT(i)) {
            btr_buffer_format(out, "%s%s", between, btr_operation_word(i));
            between = ", ";
        }
}

void query_bytes_text(struct btr_buffer *out, uint64_t bytes)
{
    static const char *const UNITS[] = {"KB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        btr_buffer_format(out, "%u byte%s", (unsigned)bytes, bytes == 1 ? "" : "s");
        return;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    while (value >= 999.95 && unit + 1 < sizeof UNITS / sizeof *UNITS) {
        value /= 1000;
        unit++;
    }
    btr_buffer_format(out, "%.1f %s", value, UNITS[unit]);
}
