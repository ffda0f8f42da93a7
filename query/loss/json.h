#ifndef QUERY_LOSS_JSON_H
#define QUERY_LOSS_JSON_H
/** What the files that write a ledger as JSON have in common (json.c). */
#include "export/json_writer.h"
#include "loss/loss.h"

struct ledger_writer {
    struct json_writer w;
    struct btr_loss *loss;
    struct btr_buffer words;
    struct btr_err *err;
};

/** The words that were gathered, as a text; they are empty then. */
void ledger_words(struct ledger_writer *l, const char *name);
/** The record that tells an event; nothing of what no event tells. @return 0, or as btr_reader_event */
int ledger_record(struct ledger_writer *l, btr_event_ref ref);

/* ---- Members of the ledger. @return 0, or as btr_reader_entity ---- */

/** "erased" (json_erased.c). */
int ledger_erased(struct ledger_writer *l);
/** "remaining" (json_remaining.c). */
int ledger_remaining(struct ledger_writer *l);
/** "containment" (json_contain.c). */
int ledger_containment(struct ledger_writer *l);

#endif
