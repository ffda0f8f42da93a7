#ifndef BTR_STORE_H
#define BTR_STORE_H
/**
 * Events on disk: sealed segments, published in one transaction of the catalog (docs/FORMAT.md).
 * A writer is one process; readers are many and see one snapshot from open to close.
 */
#include <btr/arena.h>
#include <btr/buffer.h>
#include <btr/digest.h>
#include <btr/sink.h>
#include <btr/thin.h>
#include <btr/usual.h>

/* ---- Writing -------------------------------------------------------------------------------- */

struct btr_writer;

/**
 * Opens (creates) a store for writing, removes unpublished segments, takes the writer's lock.
 * @return 0, BTR_E_BUSY (another writer), BTR_E_VERSION, BTR_E_FORMAT (not a store), BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM
 */
int btr_writer_open(struct btr_writer **out, const char *path, struct btr_err *err);
/** The sink that fills this store; valid until close. */
const struct btr_sink *btr_writer_sink(struct btr_writer *writer);
/** Known inputs and states, for struct btr_known of ingest. Spans live until the next call. */
bool btr_writer_known_input(struct btr_writer *writer, uint64_t head_hash, uint32_t i, struct btr_input *out);
bool btr_writer_known_state(struct btr_writer *writer, struct btr_span format, struct btr_span host, struct btr_buffer *out);
/**
 * Loads the digests of records from stdin that are published by now: the newest 16,000,000, by whole publishes.
 * btr_writer_known_record answers from these until the next call. What cannot be read fails the next append.
 * @return the store's seed of digests: random, made with the store
 */
uint64_t btr_writer_record_seed(struct btr_writer *writer);
bool btr_writer_known_record(struct btr_writer *writer, uint64_t digest);
/** Digests that are published and were not loaded, because newer ones fill the memory for them. */
uint64_t btr_writer_records_left_out(const struct btr_writer *writer);
/** Drops what was not published. */
void btr_writer_close(struct btr_writer *writer);

/** What merging did since the store was opened. */
struct btr_merge_stat {
    uint64_t merges;
    uint64_t segments_before, segments_after; /* that went, that came */
    uint64_t bytes_before, bytes_after;       /* of their files: bytes_after is what merging wrote */
    uint64_t event_count;                     /* in those that came */
    uint64_t dropped;                                 /* events that another input or store told too */
    uint64_t damaged;                                 /* segments, files of records that could not be read: left as they are */
    uint64_t record_files_before, record_files_after; /* files of kept records that went, that came */
};

/**
 * What the writer's merging thread did, since open. Merging goes on beside the publishes, of the lowest priority;
 * a failure of it ends the merging, and nothing else.
 * @return 0, or what the merging ended with
 */
int btr_writer_merged(struct btr_writer *writer, struct btr_merge_stat *out, struct btr_err *err);

struct btr_prune_stat;
enum { BTR_RETENTION_DAYS_MAX = 36500 };
/**
 * From now on lets go what is too old, after each publish and when this is called: as btr_store_prune with
 * keep_days and keep_record_days. The merging thread does it, between merges.
 * @param days, record_days  0: nothing goes by it; at most BTR_RETENTION_DAYS_MAX
 */
void btr_writer_retain(struct btr_writer *writer, uint32_t days, uint32_t record_days);
/**
 * Waits until what was published before is looked at. `out` sums up what went since the opening; of what a hold
 * keeps it has what the last look saw.
 * @return 0, or what ended the retention; all else goes on
 */
int btr_writer_retained(struct btr_writer *writer, struct btr_prune_stat *out, struct btr_err *err);
/**
 * Merges all that can be merged, as the only writer of a store. A crash leaves each merge whole or not begun.
 * @param out  what was done, also after a failure
 * @return 0, BTR_E_NOTFOUND (no store there), BTR_E_BUSY, BTR_E_VERSION, BTR_E_FORMAT, BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM
 */
int btr_store_compact(const char *path, struct btr_merge_stat *out, struct btr_err *err);

/* ---- Retention ------------------------------------------------------------------------------ */

enum { BTR_HOLD_HOST_MAX = 255 };

/** A legal hold: what it touches is not pruned. */
struct btr_hold {
    uint64_t id;           /* given by the store, from 1 upwards; none is given twice */
    struct btr_span host;  /* glob as of fnmatch(3), at most BTR_HOLD_HOST_MAX bytes, without a byte 0 */
    int64_t since_ns, until_ns;
    int64_t added_ns;      /* wall clock; given by the store */
    struct btr_span why;
};
/** Adds a hold, as the only writer of a store. @return 0, BTR_E_NOTFOUND (no store there), BTR_E_BUSY, BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM */
int btr_store_hold_add(const char *path, const struct btr_hold *hold, uint64_t *id, struct btr_err *err);
/** @return the same; BTR_E_NOTFOUND: there is no such hold */
int btr_store_hold_remove(const char *path, uint64_t id, struct btr_err *err);
/** Visits all holds by id; texts live in the call. */
typedef int btr_hold_visit(void *self, const struct btr_hold *hold);
int btr_store_holds(const char *path, btr_hold_visit *visit, void *self, struct btr_err *err);

struct btr_prune_options {
    int64_t before_ns;         /* segments go of which every event has ended before; INT64_MIN: none */
    int64_t records_before_ns; /* kept records go of which all is before this or before_ns */
    /* The same in days (UTC) before that of the store's newest event, or of the clock, whichever is earlier; so neither a
     * host that tells a time to come nor a clock that runs ahead makes what is young go. The later of both counts. 0: none */
    uint32_t keep_days, keep_record_days;
    bool dry_run;              /* tells what would go; changes nothing, and needs no lock */
};
struct btr_prune_stat {
    uint64_t segments, events, bytes;            /* that go, or would; bytes of their files */
    uint64_t held_segments, held_events;         /* that would, but for a hold */
    uint64_t record_files, records, record_bytes, held_record_files;
};
/** A segment that goes; valid in the call. */
struct btr_pruned {
    char segment[BTR_ID_TEXT_SIZE];
    const char *day;
    uint64_t event_count, bytes;
    int64_t first_ns, last_ns;
    const struct btr_span *hosts;
    uint32_t host_count;
    bool hosts_told; /* else it may hold events of any host */
};
typedef int btr_prune_visit(void *self, const struct btr_pruned *segment);
/**
 * Removes whole segments, and files of kept records, that lie before a time: segments in one change of the catalog; their
 * files go when no reader needs them any more. A segment without events stays.
 * @param visit  told each segment before anything goes, by day and time; or NULL
 * @return 0, BTR_E_BUSY, BTR_E_VERSION, BTR_E_FORMAT, BTR_E_CHECKSUM, BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM
 */
int btr_store_prune(const char *path, const struct btr_prune_options *options, struct btr_prune_stat *out, btr_prune_visit *visit,
                    void *self, struct btr_err *err);

/* ---- Thinning ------------------------------------------------------------------------------- */

/** A segment that is thinned, or could be; valid in the call. */
struct btr_thinned {
    char segment[BTR_ID_TEXT_SIZE], made[BTR_ID_TEXT_SIZE]; /* as it was; as it is now, if it is one */
    const char *day;
    uint64_t events, events_after, bytes, bytes_after;      /* bytes_after: 0 when it was not sealed */
    int64_t first_ns, last_ns;
    struct btr_thin_proof proof;                            /* entities 0: nothing was to be proved */
    struct btr_id entity, other;                            /* of a proof that failed */
};
typedef int btr_thin_visit(void *self, const struct btr_thinned *segment);
struct btr_thin_options {
    int64_t before_ns; /* segments are thinned of which every event has ended before */
    bool dry_run;      /* tells what would go; writes nothing */
};
struct btr_thin_stat {
    uint64_t segments, events, bytes;    /* that were thinned, or would be; events and bytes of their files before */
    uint64_t events_after, bytes_after;
    uint64_t left;                       /* segments of which less than one event in a hundred would go */
    uint64_t held_segments, held_events; /* kept by a hold */
    uint64_t damaged;                    /* segments that could not be read, or one around them: left as they are */
};
/**
 * Seals segments anew with fewer events: alike ones become one where a rule says that no closure can tell, and its proof,
 * computed for each segment before that is published, agrees. One change of the catalog a segment. As the only writer of a store.
 * @param visit  told of each segment that is thinned, behind it; or NULL
 * @return 0, BTR_E_CHECKSUM (a proof failed: that segment and those behind it are as they were), BTR_E_BUSY, BTR_E_VERSION,
 *         BTR_E_FORMAT, BTR_E_LIMIT, BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM
 */
int btr_store_thin(const char *path, const struct btr_thin_rule *rule, const struct btr_thin_options *options,
                   struct btr_thin_stat *out, btr_thin_visit *visit, void *self, struct btr_err *err);

/** What a segment carries of a thinning: that both closures of all entities at all times were equal. */
struct btr_thin_told {
    uint8_t root[BTR_SHA256_SIZE]; /* of the segment as it was */
    uint64_t events_before, events_after, entities, closures;
};
/** What certifying found of one segment; valid in the call. */
struct btr_certified {
    struct btr_thinned segment;           /* what thinning it, in memory, would make of it, and its proof */
    const struct btr_thin_told *told;     /* of a segment that is thinned: its original is gone, this is what was proved */
    uint32_t told_count;
};
typedef int btr_certify_visit(void *self, const struct btr_certified *segment);
/**
 * Thins segments in memory and compares all closures before and after. Writes nothing, and needs no lock.
 * @param names  of segments, hex; NULL: all
 * @return 0, BTR_E_CHECKSUM (closures differ, or a segment is damaged), BTR_E_NOTFOUND (no such segment), BTR_E_IO, BTR_E_NOMEM
 */
int btr_store_certify(const char *path, const struct btr_thin_rule *rule, const char *const *names, uint32_t name_count,
                      btr_certify_visit *visit, void *self, struct btr_err *err);

/* ---- Bags ------------------------------------------------------------------------------------ */

struct btr_export_options {
    int64_t since_ns, until_ns; /* segments that share a moment with this; INT64_MIN, INT64_MAX: always */
    const char *hosts;          /* and a host that this glob (fnmatch(3)) fits; NULL: any */
};
struct btr_bag_stat {
    uint64_t segments, events, bytes; /* that were written: to the bag, to the store */
    uint64_t known;                   /* import: segments of the bag that the store has already */
};
/**
 * Writes sealed segments as they are into a bag (docs/FORMAT.md, "Bags"): whole segments, each proved to be the one that was published.
 * @return 0, BTR_E_NOTFOUND (no such segment), BTR_E_USAGE (the file is there, or cannot be made), BTR_E_CHECKSUM, BTR_E_FORMAT, BTR_E_IO,
 *         BTR_E_FULL, BTR_E_NOMEM; after a failure there is no file
 */
int btr_store_export(const char *path, const char *file, const struct btr_export_options *options, struct btr_bag_stat *out,
                     struct btr_err *err);
/**
 * Publishes the segments of a bag that a store does not hold yet, in one change; makes the store when there is none. Each is proved against
 * hash, SHA-256 and root before anything is written.
 * @return 0, BTR_E_USAGE (the bag is refused: nothing is changed), BTR_E_BUSY, BTR_E_FORMAT, BTR_E_VERSION, BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM
 */
int btr_store_import(const char *path, const char *file, struct btr_bag_stat *out, struct btr_err *err);

/* ---- Reading -------------------------------------------------------------------------------- */

struct btr_reader;

/**
 * Opens a snapshot of one or more stores: one read transaction each until release or close, which keeps what the snapshot
 * names from being removed. So a reader must come to its end. Of several stores, one whose catalog is damaged is passed over,
 * and btr_reader_damage tells it.
 * @return 0, BTR_E_NOTFOUND (no store there), BTR_E_VERSION, BTR_E_FORMAT, BTR_E_CHECKSUM, BTR_E_IO, BTR_E_NOMEM
 */
int btr_reader_open(struct btr_reader **out, const char *const *paths, uint32_t path_count, struct btr_err *err);
void btr_reader_close(struct btr_reader *reader);
/**
 * Gives the snapshot back when all questions are answered and the answer is still to be printed: what was merged or pruned since
 * the opening can go. What was told stays readable until close; nothing more may be asked but cost and damage.
 */
void btr_reader_release(struct btr_reader *reader);

/** Names one event: segment index in the snapshot << 32 | event number in the segment. */
typedef uint64_t btr_event_ref;

/** One event as a walk sees it from an entity: the other end, and when. */
struct btr_flow {
    struct btr_id other;
    int64_t first_ns, last_ns;
    btr_event_ref ref;
    uint32_t source; /* index of host and agent in the snapshot, to compare times within a source only */
    uint8_t operation, doubt, flags;
    uint8_t other_kind; /* enum btr_kind of `other`, or 0 when not known: a walk then has to ask whether it is a half flow */
};

enum btr_side {
    BTR_SIDE_INTO,   /* events by which information flows into the entity, with first_ns <= bound */
    BTR_SIDE_OUT_OF, /* events by which information flows out of it, with last_ns >= bound */
    BTR_SIDE_MEET,   /* meetings at a rendezvous, of either the half flow or the rendezvous; with parts, those that share a
                        moment with bound .. parts->until_ns, else all */
    BTR_SIDE_ALL,    /* every event with the entity as subject or object; bound is not used. An event between an entity and itself comes once */
};

/** Receives flows in runs; must not ask the reader for other flows. @return 0 to go on; anything else stops and is returned */
typedef int btr_flow_visit(void *self, const struct btr_flow *flows, uint32_t flow_count);

/**
 * Which of an entity's flows to visit: they come in parts, those that ended last in the first (BTR_SIDE_OUT_OF: those
 * that began first), so that a walk need not read of the past what it is not going to look at yet. Parts may share
 * times. For the sides INTO and OUT_OF; of others there is one part, and nothing is told of it.
 */
struct btr_flow_parts {
    uint32_t begin;   /* the first part to visit, 0 or what `end` was */
    uint32_t end;     /* the part to stop at, UINT32_MAX: none. Becomes the first that was not visited, UINT32_MAX when all were */
    int64_t until_ns; /* after one, parts of which all flows end before this time (OUT_OF: begin after it) are left */
    int64_t rest_ns;  /* becomes a time that no flow of what is left ends after (OUT_OF: begins before) */
    bool repeats;     /* becomes whether parts may tell the same: then all of them are visited when `begin` is 0, each flow
                         once; but when there is an `end`, too, none is, as what lies behind it is needed to tell */
    bool only;        /* instead of parts, visit exactly the flows that share a moment with until_ns .. bound (OUT_OF: bound ..
                         until_ns), wherever they lie; rest_ns is told as if these were a part, and the others are not used.
                         What lies in one place of the store is told before the next is read */
    bool as_object;   /* with `only`: of events of which the entity is the subject, none */
};

/**
 * Visits an entity's events, segment by segment in a fixed order. Flows that share their other end come one after the
 * other, as far as a segment has them together; that is cheap to visit, and promised nowhere.
 * @param parts  NULL: all
 * @return 0, the visitor's value (of `parts` then nothing is told), BTR_E_FORMAT, BTR_E_CHECKSUM, BTR_E_IO, BTR_E_NOMEM
 */
int btr_reader_flows(struct btr_reader *reader, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                     struct btr_flow_parts *parts, btr_flow_visit *visit, void *self, struct btr_err *err);

/** An event in full. Spans of the origin live until the reader closes. */
struct btr_event_full {
    struct btr_event event;      /* stream and line as in `origin` */
    struct btr_span host, source;/* of the stream */
    struct btr_span input;       /* name of the file or topic */
    struct btr_span input_digest;/* head hash as 16 hex digits */
    uint32_t stands_for;         /* events that it was made of by thinning; 1: itself */
    int64_t last_time_ns;        /* of the last of them; of itself when there is one */
    uint64_t last_record_id, last_line;
};
int btr_reader_event(struct btr_reader *reader, btr_event_ref ref, struct btr_event_full *out, struct btr_err *err);

/** Of an event, the record that tells it. */
struct btr_event_cited {
    uint64_t record_id, line, bytes;
    uint32_t stream; /* of its segment: events of one segment and stream have host, source and input in common */
    uint32_t stands_for; /* events that it was made of by thinning; 1: itself */
    uint64_t last_record_id, last_line; /* of the last of them */
};
/**
 * Reads what is cited of many events. Cheap for those that follow one another with refs that lie near each other,
 * ascending at best.
 * @param out  receives `count`
 * @return as btr_reader_event
 */
int btr_reader_cite(struct btr_reader *reader, const btr_event_ref *refs, uint32_t count, struct btr_event_cited *out,
                    struct btr_err *err);

/** An entity with all attributes that any segment tells, merged: sorted by key, then time, equal ones once. */
struct btr_entity {
    struct btr_id id;
    uint8_t kind, flags;
    struct btr_span host;        /* empty for what belongs to no host */
    const struct btr_attr *attrs;
    uint32_t attr_count;
    int64_t first_ns, last_ns;   /* order times of its first and last event */
    uint64_t event_count;
};
/** @param arena holds the result  @return 0, BTR_E_NOTFOUND, BTR_E_FORMAT, BTR_E_CHECKSUM, BTR_E_NOMEM */
int btr_reader_entity(struct btr_reader *reader, struct btr_id id, struct btr_arena *arena, struct btr_entity *out,
                      struct btr_err *err);
/** The same, but that events which several segments tell may count several times, which is cheaper. @return as all */
int btr_reader_entity_uncounted(struct btr_reader *reader, struct btr_id id, struct btr_arena *arena,
                                struct btr_entity *out, struct btr_err *err);
/** The same as the segment of an event tells it alone: cheaper, where others may tell more. @return as btr_reader_entity,
 *  BTR_E_NOTFOUND also when that segment does not tell of it */
int btr_reader_entity_at(struct btr_reader *reader, btr_event_ref ref, struct btr_id id, struct btr_arena *arena,
                         struct btr_entity *out, struct btr_err *err);
/** The attribute's value at a time (the last one told until then, else the first); empty when it has none. */
struct btr_span btr_entity_attr(const struct btr_entity *entity, enum btr_attr_key key, int64_t at_ns);

/**
 * Visits every entity once in ascending order of id, merged over segments. `entity` is valid in the call only.
 * @param kind  only this kind, or BTR_KIND_NONE  @param since_ns, until_ns  only those with an event between
 */
typedef int btr_entity_visit(void *self, const struct btr_entity *entity);
int btr_reader_entities(struct btr_reader *reader, enum btr_kind kind, int64_t since_ns, int64_t until_ns,
                        btr_entity_visit *visit, void *self, struct btr_err *err);

/**
 * The same, of entities that ever had this value of this attribute: the same but for the case of letters A to Z and,
 * of process.pid, leading zeros. Costs what it finds for those attributes that
 * docs/FORMAT.md lists in section "Values", a reading of all entity rows for others.
 */
int btr_reader_entities_with(struct btr_reader *reader, enum btr_kind kind, int64_t since_ns, int64_t until_ns,
                             enum btr_attr_key key, struct btr_span value, btr_entity_visit *visit, void *self,
                             struct btr_err *err);

/** A pure question to a value: it is asked once of each string of a segment at most, also of such that are values of other attributes. */
typedef bool btr_value_test(void *self, struct btr_span value);
/**
 * The same, of entities that ever had a value of this attribute that passes a test. For those attributes that docs/FORMAT.md lists
 * in section "Values" it costs a reading of all strings and what it finds (strings stand in the order of first use, so nothing
 * leads to those that begin alike). For others, a reading of all entity rows and of their strings.
 */
int btr_reader_entities_where(struct btr_reader *reader, enum btr_kind kind, int64_t since_ns, int64_t until_ns,
                              enum btr_attr_key key, btr_value_test *test, void *test_self, btr_entity_visit *visit,
                              void *self, struct btr_err *err);

/**
 * Adds up what programs usually do, of all segments that begin at `until_ns` or before: each as a whole, with what it tells of
 * later times. So the sum hangs on where segments were cut, but not on whether they were merged since when none begins later.
 * Of each event the executable and the name are those that its segment tells at the event's last time. What several inputs or
 * stores tell counts as often as it is told, until a merge has made one of it.
 * Costs a section of each segment, and is kept; of a segment that was sealed before there was such a section, a reading of all its
 * events. At most 16,777,216 rows in all sections, one for each pair of a program and a thing, which take about 40 bytes each.
 * @param deadline_ns  monotonic, when to give up; INT64_MAX: never
 * @param out  lookups, a few steps each; they live until this is called again, btr_reader_mend or close
 * @return 0; BTR_USUAL_LATE: the deadline passed, and lookups find nothing; BTR_E_LIMIT (more rows than that), BTR_E_FORMAT, BTR_E_CHECKSUM, BTR_E_IO, BTR_E_NOMEM
 */
int btr_reader_usual(struct btr_reader *reader, int64_t until_ns, int64_t deadline_ns, struct btr_usual *out,
                     struct btr_err *err);
enum { BTR_USUAL_LATE = 1 };

/** Visits all events of a time range (overlap of first..last), segment by segment. `host` empty = all. */
typedef int btr_event_visit(void *self, btr_event_ref ref, const struct btr_event_full *event);
int btr_reader_events(struct btr_reader *reader, int64_t since_ns, int64_t until_ns, struct btr_span host,
                      btr_event_visit *visit, void *self, struct btr_err *err);

/** Finds events by the agent's own record id on a host (source empty = any). Visits all that fit. */
int btr_reader_by_record(struct btr_reader *reader, struct btr_span host, struct btr_span source, uint64_t record_id,
                         btr_event_visit *visit, void *self, struct btr_err *err);
/** Finds events by origin: input name equal to, or ending in "/" and, `input`; line as stored. */
int btr_reader_by_origin(struct btr_reader *reader, struct btr_span input, uint64_t line, btr_event_visit *visit,
                         void *self, struct btr_err *err);

struct btr_gap_full {
    struct btr_gap gap; /* stream is not used */
    struct btr_span host, source, input;
};
typedef int btr_gap_visit(void *self, const struct btr_gap_full *gap);
/** In order of host, source, time. */
int btr_reader_gaps(struct btr_reader *reader, btr_gap_visit *visit, void *self, struct btr_err *err);

struct btr_quarantined_full {
    struct btr_quarantined record; /* stream is not used */
    struct btr_span host, source, input;
};
typedef int btr_quarantined_visit(void *self, const struct btr_quarantined_full *record);
int btr_reader_quarantine(struct btr_reader *reader, btr_quarantined_visit *visit, void *self, struct btr_err *err);

typedef int btr_input_visit(void *self, const struct btr_input *input);
/** Custody: every input, in order of first reading. */
int btr_reader_inputs(struct btr_reader *reader, btr_input_visit *visit, void *self, struct btr_err *err);

/** What a source told, for `store stat --by host,source`. */
struct btr_source_stat {
    struct btr_span host, source;
    int64_t first_ns, last_ns;
    uint64_t event_count;                           /* IMPLIED and PART left out */
    uint64_t operation_count[BTR_OP_MAX + 1];       /* the same, by operation */
    uint64_t undecoded, gap_count;
    bool reads_told, writes_told;                   /* read / write calls are recorded, not only open and close */
};
typedef int btr_source_stat_visit(void *self, const struct btr_source_stat *stat);
int btr_reader_sources(struct btr_reader *reader, btr_source_stat_visit *visit, void *self, struct btr_err *err);

/**
 * When a host's records begin: the order time of the first event that they tell. Costs a section of those segments that begin
 * before that and may tell of the host.
 * @return 0, BTR_E_NOTFOUND (nothing is told of it), BTR_E_FORMAT, BTR_E_CHECKSUM, BTR_E_IO, BTR_E_NOMEM
 */
int btr_reader_host_begin(struct btr_reader *reader, struct btr_span host, int64_t *first_ns, struct btr_err *err);

struct btr_store_stat {
    uint64_t segment_count, event_count, entity_count, record_count, undecoded, gap_count, input_count;
    uint64_t segment_bytes, catalog_bytes; /* on disk, all in */
    uint64_t thinned, stood_for;           /* events that are thinned, among event_count, and those that they stand for */
    int64_t first_ns, last_ns;
};
int btr_reader_stat(struct btr_reader *reader, struct btr_store_stat *out, struct btr_err *err);

/** A segment that an answer lacks, wholly or in part. Pointers live in the call. */
struct btr_damage {
    const char *store;     /* its path, as it was opened */
    char segment[BTR_ID_TEXT_SIZE];
    const char *day;       /* its partition, "2026-11-25" */
    const char *what;      /* the first fault, one line that names segment, section and block */
    const struct btr_span *hosts; /* that it tells of; none when these cannot be read */
    uint32_t host_count;
    bool whole;            /* nothing of it is read; else all but what is lost */
    bool is_store;         /* a store of several, whose catalog is damaged: nothing is known of what it holds, all below is 0 */
    uint64_t event_count;  /* all that it held */
    int64_t first_ns, last_ns;
    uint64_t lost_events, lost_entities, lost_gaps, lost_undecoded;
    uint64_t undescribed;  /* entities that lack some or all of their attributes */
    int64_t lost_first_ns, lost_last_ns; /* no lost event begins before, or ends after */
};

/**
 * Goes on after a question failed: notes the segment that it met, and puts in its place what can
 * still be read of it, or nothing. The question is then asked again from the start; refs, sources
 * and spans of before are void. Each call takes one more segment out of the way, so that asking ends.
 * @param err  of the failure; receives that of the mending
 * @return 1 ask again, 0 the failure was no damage of a segment and stands, BTR_E_NOMEM
 */
int btr_reader_mend(struct btr_reader *reader, struct btr_err *err);
typedef int btr_damage_visit(void *self, const struct btr_damage *damage);
/** Visits what the answers of this reader lack, in the order in which it was met. */
int btr_reader_damage(const struct btr_reader *reader, btr_damage_visit *visit, void *self);
uint32_t btr_reader_damage_count(const struct btr_reader *reader);

/** Host and agent of a source, by the number that flows have of it. Spans live until the reader closes. */
struct btr_stream btr_reader_source(const struct btr_reader *reader, uint32_t source);

/** How much a query touched, since open. */
struct btr_reader_cost {
    uint64_t events_scanned, segments_opened, blocks_decoded;
};
void btr_reader_cost(const struct btr_reader *reader, struct btr_reader_cost *out);

/* ---- Checking ------------------------------------------------------------------------------- */

/** One fault that verify found. `what` is one line: segment, section, and what is lost by it. */
typedef int btr_fault_visit(void *self, const char *segment, const char *what);
/**
 * Reads every block of every segment and checks checksums, bounds and cross references.
 * @return 0 (sound), BTR_E_CHECKSUM or BTR_E_FORMAT after visiting all faults, BTR_E_IO, BTR_E_NOMEM
 */
int btr_store_verify(const char *path, btr_fault_visit *visit, void *self, struct btr_err *err);

/** The chain of changes of a store: each change of what is published is one link (docs/FORMAT.md, "The chain"). */
struct btr_chain {
    const char *store;             /* its path */
    uint64_t sequence;             /* changes so far; 0: a store of before, without a chain, or an empty one */
    int64_t time_ns;               /* wall clock of the last */
    uint8_t head[BTR_SHA256_SIZE]; /* of the last: to be noted elsewhere */
    uint64_t found_at;             /* btr_store_chain: sequence of the head that was asked for */
};
typedef int btr_chain_visit(void *self, const struct btr_chain *chain);
/** Visits the end of the chain of each store of a snapshot, as the catalog tells it, in the order of the paths. */
int btr_reader_chains(struct btr_reader *reader, btr_chain_visit *visit, void *self, struct btr_err *err);
/**
 * Computes the chain of a store from its beginning, and checks that it gives the segments that are published.
 * @param wanted  a head that was noted elsewhere, BTR_SHA256_SIZE bytes, or NULL
 * @return 0, BTR_E_CHECKSUM or BTR_E_FORMAT (it does not follow), BTR_E_NOTFOUND (`wanted` is no head of it), BTR_E_IO, BTR_E_NOMEM
 */
int btr_store_chain(const char *path, const uint8_t *wanted, struct btr_chain *out, struct btr_err *err);

#endif
