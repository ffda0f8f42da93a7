#ifndef BTR_SINK_H
#define BTR_SINK_H
/** Where batches go. The store fills one in for ingest; tests and detection rules have their own. */
#include <btr/digest.h>
#include <btr/err.h>
#include <btr/event.h>

/** What is known about an input, for custody and for not reading it twice. */
struct btr_input {
    struct btr_span name;        /* as the user gave it */
    struct btr_span host;        /* host that was given or found for it; may be empty */
    struct btr_span format;      /* decoder name */
    struct btr_span case_id;     /* --case; may be empty */
    struct btr_span tool;        /* "backtrail 0.1.0" */
    uint64_t file_size;          /* bytes as stored (packed); 0 for stdin */
    uint8_t file_sha256[BTR_SHA256_SIZE];    /* of the file as stored */
    uint64_t head_hash;          /* XXH3 of the first line: finds candidates for "read before" */
    uint64_t content_size;       /* bytes of unpacked content consumed so far, whole records only */
    uint64_t content_lines;      /* lines in them */
    uint8_t content_sha256[BTR_SHA256_SIZE]; /* of the consumed content */
    int64_t read_ns;             /* wall clock when reading began */
    uint64_t records;            /* records that were decoded or quarantined so far */
    bool complete;               /* read to its end */
};

/** A decoder's saved state, to go on with. Key: format and host. */
struct btr_saved_state {
    struct btr_span format, host;
    struct btr_span bytes; /* of ingest alone: what state_save made, packed (ingest/source/state_pack.h) */
};

/** What becomes true together with the events: one transaction. */
struct btr_progress {
    const struct btr_input *inputs; /* those that moved; `inputs[i]` belongs to batch.input == ids[i] */
    const uint32_t *input_ids;
    uint32_t input_count;
    const struct btr_saved_state *states;
    uint32_t state_count;
    const uint64_t *record_digests; /* of records from stdin that were taken since the last publish; any order */
    size_t record_digest_count;
};

/** A record as it was read, to be kept as it is. Spans live in the call only. */
struct btr_raw_record {
    const struct btr_input *input; /* name, head_hash and format are kept with it */
    uint32_t input_id;             /* as batch.input: tells whether the input is that of the record before */
    struct btr_span host;          /* canonical; may be empty */
    uint64_t line;                 /* above that of the record before, within a run of records of one input */
    struct btr_span bytes;         /* without its line end; holds no newline */
};

struct btr_sink {
    void *self;
    /** Takes a batch; copies what it keeps. @return 0, or BTR_E_NOMEM, BTR_E_IO, BTR_E_FULL, BTR_E_LIMIT */
    int (*append)(void *self, const struct btr_batch *batch, struct btr_err *err);
    /** Seals what was appended and makes it visible together with `progress`, in the order of the calls; may return before it is durable. */
    int (*publish)(void *self, const struct btr_progress *progress, struct btr_err *err);
    /** Bytes that wait for the next publish, to decide when it is due. */
    size_t (*pending)(void *self, uint32_t *event_count);
    /** Waits until all that was published is durable. NULL when publish returns only then. @return 0, or what a seal failed with */
    int (*drain)(void *self, struct btr_err *err);
    /**
     * Keeps a record; it becomes durable with the next publish. NULL: the sink keeps none.
     * @return 0, BTR_E_FORMAT (a newline in it), BTR_E_LIMIT (too long), BTR_E_NOMEM, or what an earlier publish failed with
     */
    int (*keep)(void *self, const struct btr_raw_record *record, struct btr_err *err);
    /** Whether what was published last is not durable yet: drain would wait. NULL: it never is */
    bool (*busy)(void *self);
};

#endif
