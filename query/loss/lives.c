/*
 * The lives of a name: a file that was removed, or that another one took the name of, is still
 * there for whoever had opened it.
 */
#include <stdlib.h>

#include "loss/loss.h"

struct looking {
    struct loss_lives *lives;
    bool out_of_memory;
};

static bool ends_life(uint8_t operation)
{
    return operation == BTR_OP_CREATE || operation == BTR_OP_DELETE ||
           operation == BTR_OP_RENAMED || operation == BTR_OP_LINKED;
}

static int ends_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct looking *l = self;
    struct loss_lives *lives = l->lives;
    for (uint32_t i = 0; i < flow_count; i++) {
        if (!ends_life(flows[i].operation))
            continue;
        if (lives->count == lives->capacity) {
            uint32_t capacity = lives->capacity ? 2 * lives->capacity : 16;
            int64_t *grown = realloc(lives->began_ns, capacity * sizeof *grown);
            l->out_of_memory = !grown;
            if (!grown)
                return 1;
            lives->began_ns = grown;
            lives->capacity = capacity;
        }
        lives->began_ns[lives->count++] = flows[i].last_ns;
    }
    return 0;
}

static int opens_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct looking *l = self;
    struct loss_lives *lives = l->lives;
    for (uint32_t i = 0; i < flow_count; i++) {
        bool opens =
            flows[i].operation == BTR_OP_OPEN_READ || flows[i].operation == BTR_OP_OPEN_BOTH;
        if (!opens)
            continue;
        if (lives->open_count == lives->open_capacity) {
            uint32_t capacity = lives->open_capacity ? 2 * lives->open_capacity : 64;
            struct loss_open *grown = realloc(lives->opens, capacity * sizeof *grown);
            l->out_of_memory = !grown;
            if (!grown)
                return 1;
            lives->opens = grown;
            lives->open_capacity = capacity;
        }
        lives->opens[lives->open_count++] = (struct loss_open){flows[i].other, flows[i].first_ns};
    }
    return 0;
}

static int time_compare(const void *x, const void *y)
{
    const int64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

static int open_compare(const void *x, const void *y)
{
    const struct loss_open *a = x, *b = y;
    int c = btr_id_compare(a->process, b->process);
    return c ? c : (a->at_ns > b->at_ns) - (a->at_ns < b->at_ns);
}

int loss_lives_find(struct loss_lives *lives, struct btr_loss *loss, struct btr_id file,
                    struct btr_err *err)
{
    struct looking l = {lives, false};
    lives->count = lives->open_count = 0;
    int rc =
        loss->all.flows(loss->all.self, file, BTR_SIDE_INTO, INT64_MAX, NULL, ends_visit, &l, err);
    if (rc == 0 && lives->count)
        rc = loss->all.flows(loss->all.self, file, BTR_SIDE_OUT_OF, INT64_MIN, NULL, opens_visit,
                             &l, err);
    if (l.out_of_memory)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "lives of a file");
    if (rc == 0 && lives->count)
        qsort(lives->began_ns, lives->count, sizeof *lives->began_ns, time_compare);
    lives->own_ns = INT64_MAX;
    for (uint32_t i = 0; i < lives->open_count; i++)
        if (lives->opens[i].at_ns < lives->own_ns && loss_is_its_own(loss, lives->opens[i].process))
            lives->own_ns = lives->opens[i].at_ns;
    if (rc == 0 && lives->open_count)
        qsort(lives->opens, lives->open_count, sizeof *lives->opens, open_compare);
    return rc < 0 ? rc : 0;
}

/* The first that a process opened it; INT64_MIN: it is not seen to, and has it of somebody else. */
static int64_t opened_ns(const struct loss_lives *lives, struct btr_id process)
{
    uint32_t low = 0, high = lives->open_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (btr_id_compare(lives->opens[middle].process, process) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < lives->open_count && btr_id_equal(lives->opens[low].process, process)
               ? lives->opens[low].at_ns
               : INT64_MIN;
}

int64_t loss_lives_began(const struct loss_lives *lives, int64_t at_ns)
{
    uint32_t low = 0, high = lives->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (lives->began_ns[middle] <= at_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? lives->began_ns[low - 1] : INT64_MIN;
}

bool loss_lives_older(const struct loss_lives *lives, struct btr_id process, int64_t at_ns,
                      bool own)
{
    int64_t began_ns = loss_lives_began(lives, at_ns);
    return began_ns != INT64_MIN &&
           (opened_ns(lives, process) <= began_ns || (own && lives->own_ns <= began_ns));
}

void loss_lives_fini(struct loss_lives *lives)
{
    free(lives->began_ns);
    free(lives->opens);
    *lives = (struct loss_lives){0};
}
