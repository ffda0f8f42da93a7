#ifndef GRAPH_STEPS_H
#define GRAPH_STEPS_H
/** Sorting the steps of an answer; there may be millions. */
#include <btr/trace.h>

/** (last_ns, from, to, operation, ref, pair), in that order. @return <0, 0, >0 */
int graph_steps_compare(const void *a, const void *b);

/**
 * Sorts by graph_steps_compare.
 * @param steps  from malloc; replaced by another array when that is how it is done
 * @return false when out of memory; the steps are then as they were
 */
bool graph_steps_sort(struct btr_trace_step **steps, uint64_t step_count);

#endif
