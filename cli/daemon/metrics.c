/* The page /metrics, from the table. */
#include "metrics.h"

/* A number in the unit of the page; whole where it is whole. */
static void put_number(struct btr_buffer *out, bool negative, uint64_t value, uint32_t per_unit)
{
    btr_buffer_format(out, negative ? "-%llu" : "%llu", (unsigned long long)(value / per_unit));
    uint64_t rest = value % per_unit;
    if (rest > 0) {
        btr_buffer_text(out, ".");
        for (uint32_t unit = per_unit / 10; unit > 0; rest %= unit, unit /= 10)
            btr_buffer_format(out, "%llu", (unsigned long long)(rest / unit));
    }
    btr_buffer_text(out, "\n");
}

static void put_i64(struct btr_buffer *out, int64_t value, uint32_t per_unit)
{
    put_number(out, value < 0, value < 0 ? -(uint64_t)value : (uint64_t)value, per_unit);
}

static void put_head(struct btr_buffer *out, const struct daemon_metric *m)
{
    static const char *const TYPES[] = {"counter", "gauge", "histogram"};
    btr_buffer_format(out, "# HELP %s %s.\n# TYPE %s %s\n", m->name, m->help, m->name,
                      TYPES[m->type]);
}

/* ---- Families of several samples --------------------------------------------------------------
 */

static void put_visible(struct btr_buffer *out, const struct daemon_metric *m,
                        const struct btr_follow_stats *s)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < BTR_FOLLOW_BUCKETS; i++) {
        count += s->visible[i];
        if (i + 1 == BTR_FOLLOW_BUCKETS)
            btr_buffer_format(out, "%s_bucket{le=\"+Inf\"} ", m->name);
        else
            btr_buffer_format(out, "%s_bucket{le=\"%g\"} ", m->name,
                              btr_follow_bucket_ms[i] / 1000.0);
        put_number(out, false, count, 1);
    }
    btr_buffer_format(out, "%s_sum ", m->name);
    put_number(out, false, s->visible_ms_sum, m->per_unit);
    btr_buffer_format(out, "%s_count ", m->name);
    put_number(out, false, count, 1);
}

static void put_state(struct btr_buffer *out, const struct daemon_metric *m,
                      enum daemon_state state)
{
    for (int i = 0; i < DAEMON_STATES; i++)
        btr_buffer_format(out, "%s{state=\"%s\"} %d\n", m->name, daemon_state_names[i],
                          i == (int)state);
}

/* As of the exposition format: backslash, quote and newline are escaped. */
static void put_label(struct btr_buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            btr_buffer_text(out, "\\n");
        else
            btr_buffer_format(out, *text == '\\' || *text == '"' ? "\\%c" : "%c", *text);
    }
}

struct partition_row {
    struct btr_buffer *out;
    const struct daemon_metric *m;
};

static void put_partition(void *self, const struct btr_follow_partition *p)
{
    const struct partition_row *row = self;
    enum daemon_metric_value what = row->m->value;
    int64_t behind = p->end > p->next ? p->end - p->next : 0;
    if (p->end < 0 && (what == DAEMON_PARTITION_END || what == DAEMON_PARTITION_BEHIND))
        return;
    btr_buffer_format(row->out, "%s{topic=\"", row->m->name);
    put_label(row->out, p->topic);
    btr_buffer_format(row->out, "\",partition=\"%d\"} ", (int)p->partition);
    put_i64(row->out,
            what == DAEMON_PARTITION_NEXT  ? p->next
            : what == DAEMON_PARTITION_END ? p->end
                                           : behind,
            1);
}

/* ---- The page ----------------------------------------------------------------------------------
 */

static void put_one(struct btr_buffer *out, const struct daemon_metric *m,
                    const struct daemon_figures *figures)
{
    const void *at = (const uint8_t *)figures + m->at;
    btr_buffer_format(out, "%s ", m->name);
    if (m->value == DAEMON_U64)
        put_number(out, false, *(const uint64_t *)at, m->per_unit);
    else if (m->value == DAEMON_I64)
        put_i64(out, *(const int64_t *)at, m->per_unit);
    else
        put_number(out, false, *(const bool *)at, 1);
}

void daemon_metrics_page(struct btr_buffer *out, const struct daemon_figures *figures,
                         daemon_partitions *partitions, void *self)
{
    for (const struct daemon_metric *m = daemon_metrics; m->name; m++) {
        put_head(out, m);
        switch (m->value) {
        case DAEMON_U64:
        case DAEMON_I64:
        case DAEMON_BOOL:
            put_one(out, m, figures);
            break;
        case DAEMON_VISIBLE:
            put_visible(out, m, &figures->follow);
            break;
        case DAEMON_STATE:
            put_state(out, m, figures->state);
            break;
        case DAEMON_BUILD:
            btr_buffer_format(out, "%s{version=\"%s\"} 1\n", m->name, BTR_VERSION);
            break;
        default:
            partitions(self, put_partition, &(struct partition_row){out, m});
        }
    }
}

void daemon_counters_add(struct btr_follow_stats *to, const struct btr_follow_stats *more)
{
    for (const struct daemon_metric *m = daemon_metrics; m->name; m++) {
        size_t from = offsetof(struct daemon_figures, follow);
        if (m->type != DAEMON_COUNTER || m->at < from || m->at >= from + sizeof *to)
            continue;
        *(uint64_t *)((uint8_t *)to + m->at - from) +=
            *(const uint64_t *)((const uint8_t *)more + m->at - from);
    }
    for (uint32_t i = 0; i < BTR_FOLLOW_BUCKETS; i++)
        to->visible[i] += more->visible[i];
    to->visible_ms_sum += more->visible_ms_sum;
}
