/* Clocks of hosts: the trace's times were set right, people are shown what each host told. */
#include <stdlib.h>

#include "parts.h"

int64_t answer_ahead(const struct btr_answer *a, const struct btr_trace_step *step)
{
    if (!a->options.clocks)
        return 0;
    uint32_t source = btr_step_is_pair(step)
                          ? a->trace->pairs[step->ref - BTR_REF_PAIR].client_source
                          : btr_step_manner(a->trace, step)->source;
    return btr_clocks_ahead(a->options.clocks, source);
}

int64_t answer_node_ahead(const struct btr_answer *a, uint32_t node)
{
    const struct btr_trace_node *n = &a->trace->nodes[node];
    struct btr_span host = a->nodes[node].entity.host;
    if (!a->options.clocks || (host.size == 0 && n->step_count == 0))
        return 0;
    return host.size ? btr_clocks_host_ahead(a->options.clocks, host)
                     : answer_ahead(a, &a->trace->steps[n->step_begin]);
}

int64_t answer_start_told(const struct btr_answer *a, const struct btr_start *start)
{
    return a->options.clocks ? btr_clocks_start_told(a->options.clocks, start) : start->time_ns;
}

int64_t answer_host_told(const struct btr_answer *a, struct btr_span host, int64_t t_ns)
{
    bool known = host.size && a->options.clocks;
    return answer_told(t_ns, known ? btr_clocks_host_ahead(a->options.clocks, host) : 0);
}

int answer_clocks_find(struct btr_answer *a, struct btr_err *err)
{
    return a->options.clocks ? btr_clocks_list(a->options.clocks, &a->clocks, &a->clock_count, err)
                             : 0;
}
