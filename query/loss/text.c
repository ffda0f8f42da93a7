#include "loss/loss.h"

int btr_loss_text(struct btr_loss *loss, bool colour, struct btr_buffer *out, struct btr_err *err)
{
    (void)colour;
    return btr_loss_json(loss, out, err);
}
