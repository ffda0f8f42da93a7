#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H
/**
 * The page /metrics: Prometheus text, version 0.0.4. One table has all families; it makes the page and the table of
 * docs/OPERATIONS.md.
 */
#include <btr/buffer.h>
#include <btr/follow.h>

enum daemon_state { DAEMON_OPENING, DAEMON_RUNNING, DAEMON_WAITING, DAEMON_STOPPING, DAEMON_STOPPED };
enum { DAEMON_STATES = DAEMON_STOPPED + 1 };
extern const char *const daemon_state_names[DAEMON_STATES];

/** All that a page tells, partitions apart. */
struct daemon_figures {
    struct btr_follow_stats follow; /* counters since the start of the process, gauges of now */
    enum daemon_state state;
    bool ready;
    uint64_t failures, openings;
    uint64_t retry_delay_ms; /* until the consumer begins again; 0 unless the state is DAEMON_WAITING */
    uint64_t step_age_ms;    /* since the consumer came round */
    uint64_t store_free;     /* bytes that an unprivileged process may write */
    uint64_t reloads, reload_failures;
    int64_t config_ns, start_ns; /* wall clock */
    uint64_t log_suppressed;
    uint64_t cpu_ms, resident, open_fds, max_fds;
};

enum daemon_metric_type { DAEMON_COUNTER, DAEMON_GAUGE, DAEMON_HISTOGRAM };
enum daemon_metric_value {
    DAEMON_U64,       /* of struct daemon_figures */
    DAEMON_I64,
    DAEMON_BOOL,
    DAEMON_VISIBLE,   /* the buckets of btr_follow_stats */
    DAEMON_STATE,     /* a sample a state, 1 for that of now */
    DAEMON_BUILD,
    DAEMON_PARTITION_NEXT, /* a sample a partition */
    DAEMON_PARTITION_END,
    DAEMON_PARTITION_BEHIND,
};

struct daemon_metric {
    const char *name;
    enum daemon_metric_type type;
    enum daemon_metric_value value;
    uint32_t per_unit;   /* the value is divided by it: 1000 for ms as seconds */
    size_t at;           /* in struct daemon_figures */
    const char *help;    /* one line, for the page and the docs */
    const char *look;    /* when to look at it, and what to do; or NULL */
};

/** Ends with a NULL name. */
extern const struct daemon_metric daemon_metrics[];

/** Adds the counters of `more`; gauges of `to` stay. */
void daemon_counters_add(struct btr_follow_stats *to, const struct btr_follow_stats *more);

/** Tells each partition that is read. */
typedef void daemon_partitions(void *self, btr_follow_visit *visit, void *visit_self);
/** Appends the page. `partitions` is asked once for each family of theirs. */
void daemon_metrics_page(struct btr_buffer *out, const struct daemon_figures *figures, daemon_partitions *partitions,
                         void *self);

#endif
