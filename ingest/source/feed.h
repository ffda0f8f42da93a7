#ifndef SOURCE_FEED_H
#define SOURCE_FEED_H
/**
 * The feeder's parts. One thread; the reader of a content and the sealing of a sink have theirs.
 *   feed.c          all inputs, then the end of the run
 *   feed_input.c    one input from its first block to its last
 *   feed_record.c   one record: decoded, or put aside
 *   feed_probe.c    what an input is: format, host, head
 *   feed_known.c    whether its content was read before
 *   feed_records.c  whether a record of stdin was read before; records that are kept as they are
 *   feed_states.c   decoder states by format and host
 *   feed_publish.c  batches to the sink, quarantine, what becomes true together
 */
#include <btr/json.h>
#include <btr/source.h>

#include "lines.h"
#include "tape.h"

enum {
    FEED_HOSTS_MAX = 4096, /* formats and hosts in one run; records of others go to quarantine */
    FEED_STATES_LIVE = 8,  /* kept unpacked between inputs; the others as saved bytes */
    FEED_STATE_SIZE = 32 << 20,    /* bytes, default of state_size_max */
    FEED_SEGMENT_EVENTS = 400000,  /* default of segment_events */
    FEED_PENDING_SIZE = 192 << 20, /* bytes that wait in the sink: publish at once */
    FEED_BATCH_RECORDS = 4096,
    FEED_BATCH_SIZE = 4 << 20,   /* bytes of arena: the batch goes to the sink */
    FEED_ARENA_SIZE = 256 << 20, /* bytes; one flush of a decoder may need more than a batch */
    FEED_SAMPLE_LINES = 64,
    FEED_SAMPLE_LINE_SIZE = 1 << 20, /* bytes; a longer line is no sample */
    FEED_SAMPLE_SIZE = 4 << 20,      /* bytes of sample lines */
    FEED_SAMPLE_BLOCKS = 128,        /* blocks to look for them */
    FEED_QUARANTINE_MAX = 10000,     /* records kept of one input; more are counted in one entry */
    FEED_OLDER_MAX = 64, /* stretches of one log, each older than the ones before */
    FEED_NAME_SIZE = 256,
    FEED_KEY_SIZE = 64,
    FEED_DIGESTS = 2 << 20, /* of records of stdin that wait: publish at once */
};

/** A decoder's state for one host. */
struct feed_state {
    const struct btr_decoder *decoder;
    uint8_t host[FEED_NAME_SIZE]; /* canonical */
    size_t host_size;
    struct btr_decoder_state *state; /* NULL while only saved bytes are kept */
    struct btr_buffer saved;         /* packed; valid while state is NULL */
    bool moved;                      /* since the last publish */
    bool flush_due;                  /* at the end of the run */
    int64_t last_ns;                 /* order time of its last event; INT64_MIN before the first */
    uint64_t undecoded, undecoded_line; /* records since the last gap */
    int64_t undecoded_from_ns;
    unsigned level;                /* 0, or it reads a stretch before what another has read */
    char key[FEED_KEY_SIZE];       /* it is saved as this format's */
    uint64_t head_hash;            /* older: of the input that it read last */
    bool told;                     /* older: all that waited was told, nothing is to be saved */
    uint32_t revived;              /* id + 1 of the input for which its older ones were looked for */
    uint32_t met;                  /* id + 1 of the input that was last met, and */
    struct feed_state *met_as;     /* the state that reads it: this one, or one for an older stretch */
    uint32_t input;                /* the last that it read from */
    uint64_t used;                 /* tick of the last use, for parking */
    struct btr_decoder_stats base; /* counters when it was loaded */
    uint64_t waiting;              /* records held when it was parked */
    struct follow_reading *reading; /* of topics: owned; else NULL */
};

/** An input of this run that is not known as a whole. */
struct feed_input {
    struct btr_input row; /* its spans belong to the input */
    char *name;           /* of row.name */
    const char *path;
    const struct btr_decoder *decoder; /* NULL: of messages of no known format */
    uint8_t
        host[FEED_NAME_SIZE]; /* canonical, from HOST= or the name; size 0 when only records tell */
    size_t host_size;
    uint32_t id;
    uint64_t group;         /* of its log, struct btr_path */
    bool moved;             /* since the last publish */
    bool ended, whole, cut; /* read as far as it goes; cleanly to its end; ends inside a record */
    uint64_t file_size;     /* told to the store when the run ends */
    uint8_t file_sha256[BTR_SHA256_SIZE];

    /* while it is read */
    struct feed_state *state; /* of the last record */
    uint8_t peeked[FEED_NAME_SIZE];
    size_t peeked_size; /* the last host as written in a record, and its state */
    struct feed_state *peeked_state, *default_state;
    uint64_t undecoded; /* records in all, of which */
    uint64_t quarantined, rest, rest_line; /* kept; only counted, since the last publish */
    bool by_record;                     /* stdin: its records are recognised one by one */
    bool key_is_made;                   /* of the digests of one host's records */
    uint64_t key;                       /* that of key_state, which may be NULL */
    const struct feed_state *key_state;
};

/** Content that was read before and may be the beginning of an input. */
struct feed_candidate {
    uint64_t size, lines, records;
    uint8_t sha256[BTR_SHA256_SIZE];
    uint64_t file_size; /* of the file as stored, when it was read to its end; else 0 */
    uint8_t file_sha256[BTR_SHA256_SIZE];
    bool finished; /* its run came to its end: decoders were flushed */
    char name[FEED_NAME_SIZE];
};

/** What the first records of an input tell. */
struct feed_probe {
    struct btr_buffer bytes;
    struct btr_span lines[FEED_SAMPLE_LINES];
    uint32_t line_count;
    uint64_t head_hash;
    bool empty;
    const struct btr_decoder *decoder;
};

struct feed;
struct source_packer;

/** How states are kept between runs: for files, for topics (follow.h). */
struct feed_keeping {
    const char *key_prefix; /* of the format's name under which the store has them */
    /** Fills s->saved. @return 1 found, 0 there is none, or BTR_E_NOMEM: not to be taken for none, as a new state would
     * go on in its place */
    int (*find)(const struct feed *f, struct feed_state *s);
    /** Appends what is published. @return false when out of memory */
    bool (*write)(const struct feed *f, const struct feed_state *s, struct btr_buffer *out);
};

struct feed {
    const struct btr_feed_options *options;
    const struct btr_sink *sink;
    struct btr_feed_stats *stats;
    void (*complain)(void *self, const char *line);
    void *complain_self;
    struct btr_err *err; /* of the sink's failure */
    int bad; /* code of the first bad input; of the first that failed to be read, if one did */

    struct btr_batch batch;
    struct btr_arena *arena;
    struct btr_serials *serials; /* of counters that hosts share; NULL: they are not compared (topics: of others a host may be heard elsewhere) */
    struct btr_json_reader *json; /* of the states: each of its own would take more than most of them hold */
    struct source_packer *packer;
    struct feed_state **states;
    uint32_t state_count, state_capacity, states_max; /* states_max: more are refused */
    const struct feed_keeping *keeping;
    const struct btr_saved_state *more; /* of the keeping's own, published with the states that moved */
    uint32_t more_count;
    uint64_t state_bytes; /* of saved states, published since the opening */
    struct btr_follow *follow; /* that follows topics with it, or NULL */
    struct btr_idmap state_map; /* format and host -> index of states */
    uint64_t tick;
    struct btr_u64map held; /* groups of logs of which one could not be read in this run */
    struct feed_input **inputs;
    uint32_t input_count, input_capacity;
    bool records_begun; /* the seed is known */
    uint64_t record_seed;
    uint64_t *digests; /* of records of stdin since the last publish */
    size_t digest_count, digest_capacity;
    int64_t progress_ns;
    struct btr_buffer passed_over; /* names of files that hold no log */
};

/* ---- feed.c ---- */

/**
 * Reports a bad input; remembers the first code that tells most. When it may be read another time (the disk or memory
 * failed), its log is held: what follows it there waits for another run, which finds things as an interrupted one leaves them.
 * @param group  of its log  @return 0, so that the others are read, or BTR_E_NOMEM
 */
int feed_complain(struct feed *f, const char *path, uint64_t group, int code, const char *text);
/** Whether that will be another time. */
bool feed_code_is_failure(int code);
/** Whether a log is held that this input belongs to. */
bool feed_is_held(const struct feed *f, uint32_t input);
void feed_note(struct feed *f, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Marks a failure as the sink's. Returns rc. */
int feed_sink_failed(struct feed *f, int rc);

/* ---- feed_probe.c ---- */

/** Reads the first records. @return 0, or what ended the input before any (complained of by the
 * caller) */
int feed_probe_read(struct feed_probe *probe, struct source_tape *tape, struct btr_err *err);
void feed_probe_fini(struct feed_probe *probe);
/** Chooses decoder and host. @return 0, BTR_E_FORMAT or BTR_E_NOTFOUND with a text for the user */
int feed_probe_decide(struct feed *f, struct feed_probe *probe, const struct btr_path *path,
                      struct feed_input *input, struct btr_err *err);

/* ---- feed_known.c ---- */

enum { FEED_KNOWN_PART = 1, FEED_KNOWN_WHOLE = 2 };

/**
 * Looks for the longest known content that this input begins with; winds the tape back.
 * @param host_given  by HOST=: content of another host is then not the same
 * @return FEED_KNOWN_WHOLE = there is nothing new in it, FEED_KNOWN_PART, 0 = none, or a failure of
 * the tape
 */
int feed_known_find(struct feed *f, const struct feed_input *input, bool host_given,
                    struct source_tape *tape, struct feed_candidate *out, struct btr_err *err);

/* ---- feed_records.c ---- */

/** Whether records of this path are recognised one by one: it is stdin, and there is one to ask. */
bool feed_records_asked(const struct feed *f, const char *path);
/**
 * Whether a record was published before this run; counts it when it was.
 * @param s       state of its host, or NULL  @param line  not one that is too long
 * @param digest  its digest, for feed_record_taken
 * @return 1 = it was, 0 = not, or a failure of a saved state
 */
int feed_record_known(struct feed *f, struct feed_input *in, struct feed_state *s,
                      const struct source_line *line, uint64_t *digest);
/** The record is in the batch or in quarantine: published with it. @return 0 or BTR_E_NOMEM */
int feed_record_taken(struct feed *f, uint64_t digest);
/** The record was decoded: it goes to the sink as it is, if records are kept. One in quarantine is kept there.
 * @return 0, or the sink's failure */
int feed_record_keep(struct feed *f, const struct feed_input *in, const struct feed_state *s,
                     const struct source_line *line);

/* ---- feed_record.c ---- */

/**
 * Decodes a record into the batch.
 * @return 0, a failure of the decoder (nothing was changed), or of the sink or of memory with f->stats->sink_failed
 */
int feed_record_decode(struct feed *f, struct feed_input *in, struct feed_state *s,
                       const struct source_line *line, struct btr_err *err);
/** A record has come. @param s  NULL: its host is not known */
void feed_record_count(struct feed *f, struct feed_input *in, struct feed_state *s);
/**
 * Counts a record; decodes it, and gives it to be kept, or puts it aside.
 * @param refused  why it cannot be decoded; NULL: it is tried
 * @return 0, or the sink's failure
 */
int feed_record_take(struct feed *f, struct feed_input *in, struct feed_state *s,
                     const struct source_line *line, const char *refused);

/* ---- feed_input.c ---- */

/** Reads one path. @return 0 (also when it was bad), or the sink's failure */
int feed_input_read(struct feed *f, const struct btr_path *path);
void feed_input_free(struct feed_input *input);
/** Gives an input its number; it belongs to the feeder then. @return 0 or BTR_E_NOMEM */
int feed_input_add(struct feed *f, struct feed_input *input);

/* ---- feed_states.c ---- */

/** The state of a host; loaded, or new. @return 0, BTR_E_LIMIT (too many hosts), BTR_E_NOMEM, or
 * what the saved state fails with */
int feed_state_get(struct feed *f, const struct btr_decoder *decoder, struct btr_span host,
                   struct feed_state **out);
/**
 * The state that reads this input in the place of *state: itself, or, when the input's first record stands well before
 * all that it has read, one for older stretches (told once). @return as feed_state_get
 */
int feed_state_settle(struct feed *f, const struct feed_input *input, struct btr_span record,
                      struct feed_state **state);
/**
 * An input of which an interrupted run has read records of this host: what waits in its state, and in those of older
 * stretches that read this input last, is told at the end of the run. @return as feed_state_get
 */
int feed_state_revive(struct feed *f, struct feed_input *input, struct feed_state *state);
/** Of files. */
extern const struct feed_keeping feed_keeping_files;
/** Appends a state, packed. @return false when out of memory */
bool feed_state_save(const struct feed *f, const struct feed_state *state, struct btr_buffer *out);
/** Keeps a live state as saved bytes alone, or makes it live again. @return 0, BTR_E_NOMEM, or what the saved bytes fail with */
int feed_state_park(struct feed *f, struct feed_state *state);
int feed_state_wake(struct feed *f, struct feed_state *state);
/** Forgets states: what comes of their hosts is asked of the store again. Nothing else may point at them. */
void feed_states_sweep(struct feed *f, bool (*goes)(void *self, const struct feed_state *s), void *self);
/** Turns states that were not used lately into saved bytes. */
int feed_states_park(struct feed *f);
/** Flushes every state that is due, in order of first use; not those of a log that is held. */
int feed_states_flush(struct feed *f);
/** Tells what decoders can only tell under the lines of an input that ends. */
int feed_states_input_end(struct feed *f, uint32_t input);
/** Adds the states' counters to the statistics. */
void feed_states_count(struct feed *f);
void feed_states_fini(struct feed *f);

/* ---- feed_serials.c ---- */

/** Begins to compare the counters that hosts of the inventory share, where the last run ended. @return 0, BTR_E_NOMEM, or
 * what the saved numbers fail with */
int feed_serials_begin(struct feed *f);
/** Tells which numbers none of the hosts has. @return 0 or BTR_E_NOMEM */
int feed_serials_tell(struct feed *f);
/** Appends the states of those that moved to what is published. @param bytes  room for one each, the caller's to free
 * @return how many, or BTR_E_NOMEM */
int feed_serials_save(struct feed *f, struct btr_saved_state *states, struct btr_buffer *bytes);
/** How many counters there are. */
uint32_t feed_serials_count(const struct feed *f);

/* ---- feed_publish.c ---- */

/** Gives the batch to the sink. */
int feed_batch_flush(struct feed *f);
/** Flushes when the batch is full enough. */
int feed_batch_room(struct feed *f);
/** Puts a record aside. `state` may be NULL when its host is not known. */
int feed_quarantine(struct feed *f, struct feed_input *input, struct feed_state *state,
                    const struct source_line *line, uint64_t offset, const char *reason);
/** Adds a gap of a state at its last event; nothing when it has had none. */
int feed_gap(struct feed *f, struct feed_state *state, enum btr_gap_kind kind, int64_t from_ns,
             uint64_t count, uint64_t line, const char *why);
/** Adds any gap; its stream and text are set here. */
int feed_gap_add(struct feed *f, struct btr_span host, struct btr_span source, struct btr_gap gap,
                 const char *why);
/** Turns what was only counted of an input into entries of the batch. */
int feed_counts_settle(struct feed *f, struct feed_input *input);
/** The same of the input's entry alone; of one state's records that did not decode. */
int feed_rest_settle(struct feed *f, struct feed_input *input);
int feed_undecoded_settle(struct feed *f, struct feed_state *state);
/** Whether enough waits in the sink. */
bool feed_publish_due(const struct feed *f);
/** Everything so far becomes true at once; nothing is done when nothing has changed. */
int feed_publish(struct feed *f);

#endif
