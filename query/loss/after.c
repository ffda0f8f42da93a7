#include <stdlib.h>

#include "loss/contain.h"

int loss_after_find(struct btr_loss *loss, struct btr_err *err)
{
    loss->after = calloc(1, sizeof *loss->after);
    if (!loss->after)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what the intrusion left behind");
    int rc = loss_erased_find(loss, err);
    if (rc == 0)
        rc = loss_remaining_find(loss, err);
    return rc == 0 ? loss_containment_find(loss, err) : rc;
}

void loss_after_free(struct loss_after *after)
{
    if (!after)
        return;
    free(after->erasures);
    free(after->remains);
    loss_containment_free(after->containment);
    free(after);
}
