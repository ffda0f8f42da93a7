#ifndef BTR_LOSS_H
#define BTR_LOSS_H
/** The loss ledger: what an intrusion reached, took and changed of an inventory (docs/LOSS.md). */
#include <btr/assets.h>
#include <btr/buffer.h>
#include <btr/question.h>

struct btr_loss;

struct btr_loss_options {
    const struct btr_span *specs; /* as given, one per start of the question */
    struct btr_assets *assets;    /* borrowed; learnt from the snapshot by the call */
};

/**
 * Follows the intrusion that a trace led to, and says of each asset what became of it.
 * @param out       free with btr_loss_free(), before `found` is
 * @param question  backward; borrowed until then
 * @param found     what it found; borrowed until then
 * @return 0, or as btr_walk
 */
int btr_loss_find(struct btr_loss **out, const struct btr_question *question,
                  struct btr_found *found, const struct btr_loss_options *options,
                  struct btr_err *err);
void btr_loss_free(struct btr_loss *loss);
/** Whether a limit was met: less is known than could be. */
bool btr_loss_is_cut(const struct btr_loss *loss);

/** Appends the ledger as backtrail-loss/1, or as text. @return 0, or as btr_reader_event */
int btr_loss_json(struct btr_loss *loss, struct btr_buffer *out, struct btr_err *err);
int btr_loss_text(struct btr_loss *loss, bool colour, struct btr_buffer *out, struct btr_err *err);

#endif
