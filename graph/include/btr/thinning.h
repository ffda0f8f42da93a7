#ifndef BTR_THINNING_H
#define BTR_THINNING_H
/** Which events may become one so that no closure changes, and the proof of it (docs/decisions/0010). */
#include <btr/thin.h>

/**
 * The rule of full dependence for `struct btr_thin_rule.choose`: alike events x -> y become one interval [first, last]
 * when no other event flows into x or out of y in between, within the error between sources.
 * Source: Xu et al., High Fidelity Data Reduction for Big Data Security Dependency Analyses, CCS 2016 (CPR), with the
 * times of docs/EVENTS.md, "Causality".
 */
int btr_thin_choose(const struct btr_thin_set *set, uint32_t *leader, struct btr_err *err);

/**
 * The proof for `struct btr_thin_rule.prove`: which entities are in the closures of each entity at each time, backward and
 * forward, by bits of 512 at a time, before and after side by side. All times count as exact, as within one source.
 * Cost: O(entities / 512 * events).
 */
int btr_thin_prove(const struct btr_thin_set *set, const uint32_t *leader, struct btr_thin_proof *out, struct btr_err *err);

/** Both, and how far around a set they look. */
extern const struct btr_thin_rule btr_thinning;

#endif
