/* What the records lack since the intrusion began: whatever is said not to have happened rests on
 * that this is nothing. */
#include <stdlib.h>

#include "loss/loss.h"

struct gathering {
    struct btr_loss *loss;
    struct btr_err *err;
};

/* A clock that was set hides nothing; nor does a second ingester that takes over. */
static bool hides(uint8_t kind)
{
    return kind != BTR_GAP_CLOCK && kind != BTR_GAP_RULES && kind != BTR_GAP_SPLIT;
}

static int gap_visit(void *self, const struct btr_gap_full *full)
{
    struct gathering *g = self;
    struct btr_loss *loss = g->loss;
    int64_t ahead_ns = btr_clocks_host_ahead(loss->found->clocks, full->host);
    struct loss_gap gap = {.gap = full->gap};
    gap.gap.why = (struct btr_span){0};
    if (!hides(full->gap.kind) || full->gap.until_ns - ahead_ns < loss->since_ns)
        return 0;
    if (loss->gap_count == loss->gap_capacity) {
        uint32_t capacity = loss->gap_capacity ? 2 * loss->gap_capacity : 64;
        struct loss_gap *grown = realloc(loss->gaps, capacity * sizeof *grown);
        if (!grown)
            return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "gaps of the records");
        loss->gaps = grown;
        loss->gap_capacity = capacity;
    }
    if (!btr_arena_copy(loss->arena, full->host, &gap.host) ||
        !btr_arena_copy(loss->arena, full->source, &gap.source))
        return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "gaps of the records");
    loss->gaps[loss->gap_count++] = gap;
    return 0;
}

int loss_gaps_find(struct btr_loss *loss, struct btr_err *err)
{
    struct gathering g = {loss, err};
    return btr_reader_gaps(loss->reader, gap_visit, &g, err);
}
