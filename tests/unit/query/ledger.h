#ifndef QUERY_LEDGER_H
#define QUERY_LEDGER_H
/** The loss ledger of a world (world.h). */
#include <btr/loss.h>

#include "world.h"

struct ledger {
    struct btr_question question;
    struct btr_start start;
    struct btr_found found;
    struct btr_loss_options options;
    struct btr_loss *loss;
};

/** Asks from an entity at a time; fails the test when that fails. Freed with ledger_free(). */
void ledger_make(struct ledger *l, struct world *w, uint64_t start, int64_t at_ns,
                 const char *assets);
/** As text and as JSON, with a NUL after each; either may be NULL. */
void ledger_print(const struct ledger *l, struct btr_buffer *text, struct btr_buffer *json);
void ledger_free(struct ledger *l);

#endif
