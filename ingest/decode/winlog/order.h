#ifndef WINLOG_ORDER_H
#define WINLOG_ORDER_H
/**
 * When a record happened (clocks of a host), and in which order (the sequence of a channel).
 *
 * Which time counts, per shipper and provider:
 *   Sysmon                  UtcTime: written by the driver, always UTC.
 *   Sysmon 3 and 22         UtcTime, unless it is far from the record's own time (measured: seconds
 * to days): then the record's own time, less the delay that the host's other Sysmon records show.
 *   others, flat            TimeCreated or EventTime. Its zone is what Sysmon records of the same
 * host show (UtcTime minus record time, in quarter hours: NXLog writes local time without a zone,
 * some shippers stamp local time as Z), else what the time of receipt shows (@timestamp), else UTC.
 *   others, Winlogbeat      @timestamp: the record's own.
 *   others, Azure           TimeGenerated.
 * A record time without decimals stands for its whole second: the event is an interval.
 *
 * Which order. A channel is a sequence by record id, else by arrival: o(e) = max(time, o(previous)
 * + 1 ns), with the guard of 10 s (docs/EVENTS.md, "Order"). Sysmon's is not: its driver stamps an
 * event when it happens, its service logs it when it comes to it (measured: a third of all image
 * loads later than their successors, up to 32 s), so there the record's place says nothing, UtcTime
 * is the order, and the place only tells ties apart.
 */
#include <btr/buffer.h>
#include <btr/clock.h>
#include <btr/event.h>

#include "fields.h"

struct win_clock {
    int64_t zone_ns, candidate_ns; /* add to a record's time of unknown zone to get UTC */
    int64_t lag_ns; /* UtcTime - (record time + zone), of the last Sysmon record that is trusted */
    bool zone_known;
};

struct win_time {
    int64_t told_ns;   /* the agent's own, as it is shown */
    int64_t time_ns;   /* what order is made of */
    int64_t width_ns;  /* 0, or how much longer the event may have lasted for want of decimals */
    int64_t logged_ns; /* when the record was written, to find clocks that jump */
    bool stamped;      /* by the driver: the order is that of times */
    bool zone_unknown; /* it may be local time stamped as UTC: worth waiting for a Sysmon record */
};

/** Also learns from Sysmon records. @return 0, or BTR_E_FORMAT when the record tells no time */
int win_time_choose(struct win_time *out, struct win_clock *clock, const struct win_fields *f,
                    struct btr_err *err);

/* ---- The sequence of a channel -------------------------------------------------------------- */

enum { WIN_RING = 64, WIN_HOLES = 32, WIN_LATE_MAX = 4096, WIN_BEHIND = 3, WIN_TIES = 16 };

#define WIN_GUARD_NS INT64_C(10000000000) /* DESIGN: 10 s */
#define WIN_MERGE_NS INT64_C(60000000000) /* holes closer than this are told as one gap */

struct win_seen {
    uint64_t id;
    int64_t o_ns;
};

/* Ids between `from` and `until` are missing. */
struct win_hole {
    struct win_seen from, until;
    uint64_t line;
};

/* How many records had the same time. */
struct win_tie {
    int64_t time_ns;
    uint64_t count;
};

struct win_channel {
    uint8_t *name; /* owned */
    size_t name_size;
    uint64_t used; /* when it was used last, for eviction */
    int64_t max_ns, jump_ns;
    uint32_t input;      /* the input whose lines are the sequence when there are no ids */
    uint32_t behind;     /* records in a row that are far behind max_ns */
    bool begun, jumping; /* jumping: the last record was far ahead; nothing confirms it yet */
    struct win_seen ring[WIN_RING]; /* ids ascending */
    uint32_t ring_count;
    struct win_hole holes[WIN_HOLES]; /* ids ascending */
    uint32_t hole_count;
    struct win_hole gap; /* holes merged so far; gap_missing == 0: none */
    uint64_t gap_missing;
    struct win_tie ties[WIN_TIES]; /* of a stamped channel, newest first */
    uint32_t tie_count;
};

/** Where gaps are told: in `out` for `stream`. */
struct win_gaps {
    struct btr_batch *out;
    uint32_t stream;
    bool failed; /* out of memory */
};

/** Order time of a record. @param id  0 when the record has none: its place in the input counts */
int64_t win_order(struct win_channel *c, uint64_t id, const struct win_time *when,
                  struct win_gaps *gaps);
/** Tells all holes that wait to be filled. */
void win_order_flush(struct win_channel *c, struct win_gaps *gaps);

void win_clock_save(const struct win_clock *clock, struct btr_buffer *out);
bool win_clock_load(struct win_clock *clock, struct btr_cursor *in);
void win_channel_save(const struct win_channel *c, struct btr_buffer *out);
bool win_channel_load(struct win_channel *c, struct btr_cursor *in);

#endif
