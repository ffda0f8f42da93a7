#ifndef GRAPH_LABEL_H
#define GRAPH_LABEL_H
/**
 * How late a node may still be looked at: one bound per source (docs/EVENTS.md, "Causality"). The
 * bounds of a node are equal but for at most one source, so two times and a source hold them all:
 * of sources that differ, the join of two labels and the passage of an event give labels of the
 * same form. Times here are the walk's: forward ones are negated, so that later always means
 * "admits more".
 */
#include <btr/trace.h>

#define GRAPH_SOURCE_NONE UINT32_MAX

struct graph_label {
    int64_t own_ns;  /* for events of `source`; never above rest_ns */
    int64_t rest_ns; /* for events of any other source: R(v) */
    uint32_t source; /* GRAPH_SOURCE_NONE exactly when both are equal */
};

static inline int64_t graph_time_later(int64_t t_ns)
{
    return t_ns > INT64_MAX - BTR_SOURCE_ERROR_NS ? INT64_MAX : t_ns + BTR_SOURCE_ERROR_NS;
}

static inline int64_t graph_time_earlier(int64_t t_ns)
{
    return t_ns < INT64_MIN + BTR_SOURCE_ERROR_NS ? INT64_MIN : t_ns - BTR_SOURCE_ERROR_NS;
}

static inline int64_t graph_time_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t graph_time_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline struct graph_label graph_label_make(uint32_t source, int64_t own_ns, int64_t rest_ns)
{
    if (source == GRAPH_SOURCE_NONE)
        own_ns = rest_ns;
    return (struct graph_label){own_ns, rest_ns, own_ns == rest_ns ? GRAPH_SOURCE_NONE : source};
}

/** The label of a walk's start: exact for its source, within the error for all others. */
static inline struct graph_label graph_label_start(uint32_t source, int64_t time_ns)
{
    return graph_label_make(source, time_ns, graph_time_later(time_ns));
}

/** The bound for events of a source. GRAPH_SOURCE_NONE asks for the loosest, R(v). */
static inline int64_t graph_label_bound(struct graph_label v, uint32_t source)
{
    return source == v.source ? v.own_ns : v.rest_ns;
}

/** What the other end of an admitted event gets. An event of no source (a pair) passes on the bound
 * of each source. */
static inline struct graph_label graph_label_pass(struct graph_label v, uint32_t source,
                                                  int64_t last_ns)
{
    int64_t rest_ns = graph_time_min(graph_time_later(last_ns), v.rest_ns);
    if (source == GRAPH_SOURCE_NONE)
        return graph_label_make(v.source, graph_time_min(graph_time_later(last_ns), v.own_ns),
                                rest_ns);
    return graph_label_make(source, graph_time_min(last_ns, graph_label_bound(v, source)), rest_ns);
}

/** For each source the later bound of both. */
static inline struct graph_label graph_label_join(struct graph_label a, struct graph_label b)
{
    if (a.source == b.source)
        return graph_label_make(a.source, graph_time_max(a.own_ns, b.own_ns),
                                graph_time_max(a.rest_ns, b.rest_ns));
    if (a.rest_ns >= b.rest_ns)
        return graph_label_make(a.source, graph_time_max(a.own_ns, b.rest_ns), a.rest_ns);
    return graph_label_make(b.source, graph_time_max(b.own_ns, a.rest_ns), b.rest_ns);
}

static inline bool graph_label_equal(struct graph_label a, struct graph_label b)
{
    return a.own_ns == b.own_ns && a.rest_ns == b.rest_ns && a.source == b.source;
}

#endif
