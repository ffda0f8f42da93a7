/*
 * Serials that no record has. A record may come late, so a hole waits a while to be filled before
 * it is told; holes that lie close together are told as one.
 */
#include "state.h"

enum { HOLE_NEAR = 16, SERIAL_HALF_OF_HALF = 1 << 27 };

/* Serials are 32 bits wide in the kernel and wrap. */
static uint32_t serials_between(uint64_t from, uint64_t until)
{
    return (uint32_t)(until - from);
}

static void gap_tell(struct audit_host *h)
{
    int64_t now_ns = h->now_ns;
    if (h->hole_count == 0)
        return;
    h->now_ns = h->hole_until_ns;
    uint32_t before = h->batch->gap_count;
    audit_gap(h, BTR_GAP_HOLE, h->hole_from_ns, h->hole_from, h->hole_count,
              BTR_SPAN("serials are missing"));
    if (h->batch->gap_count > before) {
        h->batch->gaps[before].until_id = h->hole_until;
        h->batch->gaps[before].line = h->hole_line;
    }
    h->now_ns = now_ns;
    h->hole_count = 0;
}

/* The oldest hole will not be filled any more. */
static void hole_settle(struct audit_host *h)
{
    struct audit_hole hole = h->holes[0];
    memmove(h->holes, h->holes + 1, --h->holes_open * sizeof(hole));
    if (h->hole_count && serials_between(h->hole_until, hole.from) > HOLE_NEAR)
        gap_tell(h);
    if (h->hole_count == 0) {
        h->hole_from = hole.from;
        h->hole_from_ns = hole.from_ns;
    }
    h->hole_until = hole.until;
    h->hole_until_ns = hole.until_ns;
    h->hole_line = hole.line;
    h->hole_count += serials_between(hole.from, hole.until) - 1;
}

void audit_holes_see(struct audit_host *h, uint64_t serial, int64_t before_ns)
{
    uint32_t step = serials_between(h->last_serial, serial);
    while (h->holes_open && serials_between(h->holes[0].until, serial) > AUDIT_LATE_MAX)
        hole_settle(h);
    if (step <= 1 || step > SERIAL_HALF_OF_HALF) /* the counter began anew */
        return;
    if (h->holes_open == AUDIT_HOLES_MAX)
        hole_settle(h);
    h->holes[h->holes_open++] =
        (struct audit_hole){h->last_serial, serial, before_ns, h->now_ns, h->e->line};
}

void audit_holes_fill(struct audit_host *h, uint64_t serial)
{
    uint32_t i = 0;
    if (h->holes_open == AUDIT_HOLES_MAX)
        hole_settle(h); /* a split needs room */
    while (i < h->holes_open && serials_between(h->holes[i].from, serial) >=
                                    serials_between(h->holes[i].from, h->holes[i].until))
        i++;
    if (i == h->holes_open || serial == h->holes[i].from)
        return;
    struct audit_hole *hole = &h->holes[i], after = *hole;
    after.from = serial;
    hole->until = serial;
    memmove(hole + 2, hole + 1, (h->holes_open++ - i - 1) * sizeof(*hole));
    hole[1] = after;
    for (uint32_t k = i + 2; k-- > i;) /* what is left of it has a missing serial, or goes */
        if (serials_between(h->holes[k].from, h->holes[k].until) <= 1)
            memmove(&h->holes[k], &h->holes[k + 1], (--h->holes_open - k) * sizeof(*hole));
}

void audit_holes_tell(struct audit_host *h)
{
    while (h->holes_open)
        hole_settle(h);
    gap_tell(h);
}
