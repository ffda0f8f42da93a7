#ifndef BTR_DECODER_H
#define BTR_DECODER_H
/** Log formats: a table of decoders, and how a format is found from the first records. */
#include <btr/arena.h>
#include <btr/buffer.h>
#include <btr/err.h>
#include <btr/event.h>
#include <btr/hosts.h>

struct btr_decoder_state;
struct btr_json_reader;
struct btr_serials;

/** What a state needs to know from outside; borrowed for the state's life. */
struct btr_decoder_config {
    struct btr_span host;           /* canonical name of the host this state is for */
    const struct btr_hosts *hosts;  /* inventory, or NULL */
    uint32_t size_max;              /* bytes of memory; what does not fit is evicted and counted */
    struct btr_serials *serials;    /* numbers of counters that hosts share are noted there (decode/serials.h), or NULL: they are not compared */
    struct btr_json_reader *json;   /* of all states of a thread; lives longer than they. NULL: a state that needs one has its own */
};

struct btr_decoder_stats {
    uint64_t records, events, undecoded, evicted, orphans; /* orphans: parts whose event was never begun */
    uint64_t waiting;                                      /* records held for an event that is not complete */
    uint64_t memory;                                       /* bytes that the state takes, near enough */
};

/** Where a record stands in its agent's own sequence. */
struct btr_place {
    int64_t time_ns; /* the agent's own time */
    uint64_t number; /* within it: serial, record id */
};

/** One log format. A pure function of its state and input: no clock, no I/O, no globals. */
struct btr_decoder {
    const char *name;    /* value of --format, e.g. "auditd" */
    const char *source;  /* where the format is defined: URL or manual page */
    uint32_t record_max; /* bytes; a longer record is rejected whole, never cut */
    /** How sure it is that these first records are its own: 0 (no) to 100. Must not read beyond the spans. */
    int (*detect)(const struct btr_span *records, size_t record_count);
    /** The host that a record names itself, as written (found by a quick look, no full decoding); empty when it names none. */
    struct btr_span (*host_peek)(struct btr_span record);
    struct btr_decoder_state *(*state_new)(const struct btr_decoder_config *config); /* one per host, one thread */
    void (*state_free)(struct btr_decoder_state *state);
    int (*state_save)(const struct btr_decoder_state *state, struct btr_buffer *out); /* one state has one encoding */
    int (*state_load)(struct btr_decoder_state *state, struct btr_span saved, struct btr_err *err);
    /**
     * Decodes one record (a line without its newline), or takes a part of one that later records complete.
     * @param state   the decoder's own between calls
     * @param record  untrusted bytes; the events may borrow from them until the batch is cleared
     * @param out     receives 0..n events, notes, gaps; `out->line` is the record's line; unchanged on failure
     * @param arena   lifetime of the batch; unescaped copies go here
     * @param err     optional; offset is within `record`
     * @return 0, or BTR_E_FORMAT, BTR_E_TRUNCATED, BTR_E_LIMIT (the caller puts the record in quarantine), BTR_E_NOMEM
     */
    int (*decode)(struct btr_decoder_state *state, struct btr_span record, struct btr_batch *out,
                  struct btr_arena *arena, struct btr_err *err);
    /**
     * What a record says by itself: a pure function of its bytes, asked by any thread before the record's turn. NULL where
     * there is little of that.
     * @param json   the asking thread's
     * @param arena  the answer's life; it may borrow from the record
     * @return what decode_read takes; NULL when it is none of this format's or for want of memory: decode tells which
     */
    const void *(*read)(struct btr_span record, struct btr_json_reader *json, struct btr_arena *arena);
    /** As decode, of a record that was read. The events may borrow from `read`, too. */
    int (*decode_read)(struct btr_decoder_state *state, struct btr_span record, const void *read, struct btr_batch *out,
                       struct btr_arena *arena, struct btr_err *err);
    /**
     * Ends what waits for more records, up to order time `until_ns`; INT64_MAX at the end of the input (what a
     * stream that marks its ends has not ended then goes on waiting in the saved state).
     * Also tells intervals of what is still open, so that a query sees them.
     */
    int (*flush)(struct btr_decoder_state *state, int64_t until_ns, struct btr_batch *out, struct btr_arena *arena);
    /**
     * Nothing has come for a while: gives out what waits and may be whole; nothing of what is open. NULL when a decoder holds
     * nothing back. @return 0 or BTR_E_NOMEM
     */
    int (*settle)(struct btr_decoder_state *state, struct btr_batch *out, struct btr_arena *arena);
    void (*stats)(const struct btr_decoder_state *state, struct btr_decoder_stats *out);
    /**
     * The input ends and another may follow: tells what can only be told under the lines of this one (a record that
     * was held whole). What a later input completes goes on waiting. NULL when a decoder holds nothing of the kind.
     */
    int (*input_end)(struct btr_decoder_state *state, struct btr_batch *out, struct btr_arena *arena);
    /**
     * Whether a record stands well before all that the state has read: it begins an older stretch of the log, which a
     * state of its own must read, else its times would be shifted. NULL when the decoder takes older records as they are.
     * @return 1 = older, 0 = not, -1 = this record does not tell
     */
    int (*is_older)(const struct btr_decoder_state *state, struct btr_span record);
    /**
     * A number that all records of one event share, and no other record near them; 0: the record is an event by itself.
     * NULL where each is. Needs no state: kept records are put together by it (btr/kept.h).
     */
    uint64_t (*event_key)(struct btr_span record);
    /**
     * Where a record stands in its agent's sequence, by a quick look: records that came by several ways are put in this order.
     * NULL where the decoder takes them in any. @return false when the record does not tell
     */
    bool (*place)(struct btr_span record, struct btr_place *out);
};

/** All decoders, NULL at the end. */
extern const struct btr_decoder *const btr_decoders[];

/** @return the decoder of a name, or NULL */
const struct btr_decoder *btr_decoder_find(struct btr_span name);
/** The event_key of a record of a format; 0 also when the format is not known. */
uint64_t btr_decoder_event_key(struct btr_span format, struct btr_span record);
/** @return the decoder that is surest of these first records, or NULL when none is */
const struct btr_decoder *btr_decoder_detect(const struct btr_span *records, size_t record_count);

#endif
