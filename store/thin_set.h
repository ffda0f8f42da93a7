#ifndef STORE_THIN_SET_H
#define STORE_THIN_SET_H
/** A segment loaded to be thinned, with what other segments of the store tell around its entities.
 */
#include <btr/thin.h>

#include "merge.h"

struct thin_set {
    struct store_merger *merger; /* its builder holds the segment; rows are all that is published */
    struct store_load load;
    struct btr_thin_set set; /* what the rule is asked; own events are the builder's */
    struct btr_thin_event *events;
    bool *half;
    struct btr_id *ids; /* by entity of the set */
    uint32_t *leader;   /* by own event: the rule's answer */
    uint32_t gone;      /* own events that go */
};

/**
 * Loads a segment and asks the rule.
 * @param row  of merger->rows  @param damaged  receives the row that could not be read
 * @return 0, a code of damage, BTR_E_LIMIT, BTR_E_IO, BTR_E_NOMEM; thin_set_fini() in any case
 */
int thin_set_make(struct thin_set *t, struct store_merger *merger, uint32_t row,
                  const struct btr_thin_rule *rule, uint32_t *damaged, struct btr_err *err);
void thin_set_fini(struct thin_set *t);

/** Tells of a segment before and after, as far as the rule says. */
void thin_tell(const struct catalog_segment *row, const struct thin_set *t,
               struct btr_thinned *out);
/** Asks for the proof. @return 0, BTR_E_CHECKSUM (a closure differs; `told` says which),
 * BTR_E_NOMEM
 */
int thin_proof_ask(const struct thin_set *t, const struct btr_thin_rule *rule,
                   struct btr_thinned *told, struct btr_err *err);

#endif
