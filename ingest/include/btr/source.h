#ifndef BTR_SOURCE_H
#define BTR_SOURCE_H
/** Files as sources: names to inputs, packed or not, in order, and the feeding of a sink. */
#include <btr/decoder.h>
#include <btr/sink.h>

/** A list of files to read, in order: rotated logs of one base oldest first. */
struct btr_paths {
    struct btr_path {
        char *path;  /* "-" is stdin */
        char *host;  /* from HOST=, or NULL */
        bool found;  /* in a folder, not named by the user: passed over with a note when no decoder takes it */
        uint64_t group, age; /* files of one group are one rotated log; a smaller age is older */
    } *items;
    uint32_t count, capacity;
};

/**
 * Adds what an argument of the command line names: [HOST=]PATH, a glob, a folder (its files, rotated logs in
 * order: NAME.N ... NAME.2, NAME.1, NAME, whatever packing), or "-".
 * @return 0, BTR_E_NOTFOUND (nothing there; text names it), BTR_E_IO, BTR_E_NOMEM
 */
int btr_paths_add(struct btr_paths *paths, const char *argument, struct btr_err *err);
void btr_paths_fini(struct btr_paths *paths);

/** Unpacked content of one file, in blocks, read ahead by a thread of its own. */
struct btr_content;

/** Opens a file, or stdin for "-"; .zst and .gz are known by their first bytes. @return 0, BTR_E_NOTFOUND, BTR_E_USAGE (a folder, no permission), BTR_E_IO, BTR_E_NOMEM */
int btr_content_open(struct btr_content **out, const char *path, struct btr_err *err);
/**
 * The next block. It stays valid until the next call.
 * @return 1 = a block, 0 = the end, BTR_E_IO, BTR_E_FORMAT or BTR_E_TRUNCATED (packed data is damaged: what came before was good)
 */
int btr_content_next(struct btr_content *content, struct btr_span *block, struct btr_err *err);
/** After the end: size and digest of the file as stored. @return false when out of memory */
bool btr_content_stored(const struct btr_content *content, uint64_t *size, uint8_t sha256[BTR_SHA256_SIZE]);
void btr_content_close(struct btr_content *content);

/** Answers what is already in the store. Filled in by cli from the store; all NULL means "nothing". */
struct btr_known {
    void *self;
    /** The i-th known input whose head_hash fits, largest content first. @return false when there is none */
    bool (*input)(void *self, uint64_t head_hash, uint32_t i, struct btr_input *out);
    /** Saved state of (format, host), copied into `out`. @return false when there is none */
    bool (*state)(void *self, struct btr_span format, struct btr_span host, struct btr_buffer *out);
    /**
     * Begins a run of records from stdin: `record` then answers from what is published by now, whatever this run
     * publishes later. NULL with `record`: records of stdin are not recognised.
     * @return the seed of their digests, the same at every call of one store
     */
    uint64_t (*record_seed)(void *self);
    /** Whether a record of this digest was published before the run began. */
    bool (*record)(void *self, uint64_t digest);
};

struct btr_feed_options {
    const struct btr_hosts *hosts;     /* or NULL */
    const struct btr_decoder *format;  /* --format, or NULL: detected for each input */
    struct btr_span case_id, tool;
    uint32_t state_size_max;           /* bytes per host; 0 = default */
    uint32_t segment_events;           /* publish at this many; 0 = default */
    bool keep_records;                 /* records that decode go to the sink's keep as they are */
    const struct btr_known *known;     /* or NULL */
    void (*progress)(void *self, const char *path, uint64_t stored_bytes, uint64_t events); /* or NULL; called about ten times a second */
    void *progress_self;
    void (*note)(void *self, const char *line); /* what the user should know and is no fault: "already read"; or NULL */
    void *note_self;
};

struct btr_feed_stats {
    uint64_t inputs, inputs_known, records, events, undecoded, gaps, content_bytes, known_bytes, waiting, evicted, orphans;
    uint64_t inputs_empty;       /* no record in them */
    uint64_t inputs_passed_over; /* found in a folder, of no known format */
    uint64_t inputs_bad;         /* complained of */
    uint64_t inputs_cut;         /* end inside a record */
    uint64_t records_known;      /* records of stdin that were read before; not in `records` */
    uint64_t records_kept;       /* given to the sink's keep */
    bool sink_failed;            /* what btr_feed returned is a failure of the sink, or of memory, not of an input */
};

/**
 * Reads all paths, decodes and feeds the sink. It publishes as segments fill, and at the end, when what decoders hold back
 * is flushed; rotated files of one host go through one decoder state, which the store keeps between runs.
 * Content that was read before adds nothing, whatever the file is called and however it is packed now; of content that has
 * grown only the tail is read (docs/INGEST.md says exactly what is recognised).
 * Stops at the first failure of the sink; a bad input (missing, unreadable, damaged, of no known format, of no known host)
 * is reported through `complain` and does not stop the others.
 * @param complain  one line per bad input; may be NULL
 * @return 0, or the sink's failure, or the code of the first bad input after all others were read: of the first of which
 *         reading failed (BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM), if there is one
 */
int btr_feed(const struct btr_paths *paths, const struct btr_feed_options *options, const struct btr_sink *sink,
             struct btr_feed_stats *stats, void (*complain)(void *self, const char *line), void *complain_self,
             struct btr_err *err);

#endif
