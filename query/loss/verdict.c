#include "loss/loss.h"

const char *loss_verdict_word(enum loss_verdict verdict)
{
    static const char *const WORDS[] = {"lost", "possibly lost", "cannot know", "not lost"};
    return WORDS[verdict];
}

bool loss_came_in(const struct btr_loss *loss)
{
    return loss->address_count > 0;
}

/* Whether nothing that matters may be hidden. Of an intrusion that is not seen to come in nobody
 * knows how far it went. */
static bool is_told(const struct btr_loss *loss, const struct loss_row *row)
{
    return loss_came_in(loss) && loss_is_told_of(loss, (uint32_t)(row - loss->rows)) &&
           !loss_has_gap(loss, row) && !btr_loss_is_cut(loss) &&
           btr_reader_damage_count(loss->reader) == 0;
}

/* Nor done by others for the intrusion. */
static bool is_complete(const struct btr_loss *loss, const struct loss_row *row)
{
    return row->steered == LOSS_NONE && is_told(loss, row);
}

static enum loss_verdict verdict_of(const struct btr_loss *loss, const struct loss_row *row)
{
    if (row->taken && row->left)
        return LOSS_LOST;
    if (row->reached) /* who came in by a connection can have sent by it */
        return LOSS_POSSIBLY;
    return is_complete(loss, row) ? LOSS_NOT : LOSS_CANNOT_KNOW;
}

void loss_verdicts_find(struct btr_loss *loss)
{
    for (uint32_t i = 0; i < loss->row_count; i++) {
        struct loss_row *row = &loss->rows[i];
        row->verdict = verdict_of(loss, row);
        /* what is not recorded is in no sum; what others took is in none by connections anyway */
        row->bounded = row->bounded && (row->on_wire ? is_told(loss, row) : is_complete(loss, row));
    }
}
