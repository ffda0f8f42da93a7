#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H
/**
 * A sealed segment, read: parts are checked and decoded when they are asked for first. Nothing in
 * the bytes is trusted. One thread.
 */
#include <btr/store.h>

#include <assert.h>

#include "builder.h"
#include "cache.h"
#include "catalog.h"
#include "format.h"
#include "fuse.h"
#include "segment_buckets.h"
#include "usual.h"

enum { SEGMENT_LISTS = 3, SEGMENT_NAME_SIZE = 64 };
enum { SEGMENT_STREAMS_MAX = 1 << 24, SEGMENT_BEGIN_MASK = (1 << 14) - 1 };

/** Events of a block that stand together: alike but for their times and details. */
struct segment_group {
    uint32_t subject, object;
    uint32_t stream : 24, flags : 8;
    uint32_t begin : 14; /* of its events, in the block; the next group's is its end */
    uint32_t shape : 2, operation : 8, doubt : 8;
};
_Static_assert(sizeof(struct segment_group) == 16, "millions of them are held at once");

/** A block of events: the part that a walk needs. Arrays follow the struct in one allocation.
 * Within a group `first_ns` ascends. Times are there of groups of which they were asked for
 * (store_block_times): the moments that tell them lie all over the segment. Who looks at few events
 * asks for theirs alone (store_event_time), which keeps nothing. */
struct segment_block {
    struct cache_slot *slot;           /* its own */
    uint32_t first, count;             /* events */
    uint32_t group_first, group_count; /* numbers of groups go through the segment */
    int64_t *first_ns, *last_ns;       /* by event; NULL: of no group yet */
    struct segment_group *groups;      /* count + 1 */
    uint32_t *moments, *ends;          /* by event, ends of groups that last; undefined in formats
                                          without groups */
    uint8_t *timed;                    /* by group: times are there; NULL with first_ns */
};

struct segment_locator {
    uint64_t
        time_off; /* of the agent's own time from the one that is expected (store_time_expect) */
    uint64_t record_id, line;
};

struct segment_detail {
    int64_t time_ns;
    uint64_t bytes, record_id, line;
};

/** What a thinned event stands for, and the record of the last. */
struct segment_stand {
    uint32_t event; /* in its block */
    uint32_t count; /* at least 2 */
    int64_t last_time_ns;
    uint64_t last_record_id, last_line;
};

/** Those of a block, by event. */
struct segment_stands {
    uint32_t count;
    struct segment_stand rows[];
};

struct segment_bounds {
    int64_t first_ns, last_ns;
    uint32_t next_number; /* numbers given until the block's end */
    uint32_t next_group;  /* groups until there */
};

struct segment_stream {
    struct btr_span host, source;
    uint32_t input;
    uint32_t snapshot_source; /* filled in by the reader */
};

struct segment_input {
    struct btr_span name;
    uint64_t head_hash, record_count;
    uint8_t digest[16]; /* head_hash as hex digits */
};

/** Groups of an entity, in an index block. Arrays follow the struct in one allocation. */
struct segment_index {
    uint32_t first, count; /* entities, by number */
    uint32_t *run_first, *run_groups;
    uint32_t *list_begin; /* count * SEGMENT_LISTS + 1, in postings */
    uint32_t *postings;
};

struct segment_attr {
    int64_t since_ns;
    uint32_t value; /* string */
    uint16_t key;
};

struct segment_entity {
    int64_t first_ns, last_ns;
    uint32_t event_count, host; /* host: string + 1, 0 = none */
    uint32_t attr_begin;        /* the next row's is its end */
    uint8_t flags;
};

struct segment_entities {
    uint32_t first, count;
    struct segment_entity *rows; /* count + 1 */
    struct segment_attr *attrs;
};

struct segment_strings {
    uint32_t first, count;
    uint32_t *ends;
    uint8_t *bytes;
};

/** A block of ids and kinds, in place. */
struct segment_ids {
    const uint8_t *ids;   /* 16 bytes each, by number; NULL: not checked yet */
    const uint8_t *words; /* kinds that occur; none when codes are kinds */
    const uint8_t *codes;
    uint8_t bits; /* of a code: 0, 1, 2, 4, or 8 */
};

/** Kinds of decoded blocks that are cached. */
enum segment_part {
    PART_EVENTS,
    PART_DETAILS,
    PART_BYTES,
    PART_MOMENTS,
    PART_LOCATORS,
    PART_INDEX,
    PART_ENTITIES,
    PART_STRINGS,
    PART_STANDS,
    PART_COUNT
};

struct store_segment {
    char name[SEGMENT_NAME_SIZE]; /* for messages */
    uint32_t place;               /* in the reader's snapshot */
    uint32_t *failed;             /* the reader's, or NULL: receives `place` when the bytes fail */
    struct btr_span bytes;
    bool is_mapped, is_open, has_names, has_ids, has_bounds, has_values;
    struct store_header header;
    struct store_section sections[STORE_SECTIONS_MAX];
    const struct store_section *section_of[STORE_SECTION_MAX + 1]; /* NULL: not in the file */
    struct store_block *directory[STORE_SECTION_MAX + 1];          /* NULL: not read yet */
    struct segment_stream *streams;
    struct segment_input *inputs;
    uint8_t *names_raw[2];         /* what streams and inputs borrow from */
    struct segment_ids *id_blocks; /* once ids are there */
    struct segment_buckets by_id;
    struct segment_buckets by_value; /* once has_values */
    uint32_t *sorted;                /* numbers in the order of ids; NULL: not asked for */
    uint8_t *old_ids;                /* of a segment of format 1: what id_blocks point to */
    struct store_fuse *fuses;        /* parts of the filter; NULL: every id may be here */
    uint8_t *fuse_checked;           /* by part */
    uint8_t fuse_bits;               /* top bits of an id that choose its part */
    bool has_fuses;
    struct segment_bounds *bounds;
    uint64_t time_unit; /* of moments; 0: none read yet */
    struct cache_slot *slots[PART_COUNT];
    struct store_cache *cache;                 /* the reader's */
    void *dictionaries[STORE_SECTION_MAX + 1]; /* by section; NULL: not read yet */
    void *unpacker;                            /* the reader's */
    struct btr_reader_cost *cost;              /* the reader's, or NULL */
    struct store_ahead *ahead;                 /* the reader's, or NULL */
    struct ahead_job *ahead_job;               /* once its blocks are decoded ahead */
    uint32_t events_read; /* event blocks that were not in the cache, until then */
};

/**
 * Reads and checks header and table.
 * @param bytes  the whole file; must outlive the segment
 */
int store_segment_open(struct store_segment *seg, struct btr_span bytes, struct btr_err *err);
/** Maps a file and has the kernel begin to read its head, for a segment that is soon to be opened:
 * of several the disk then reads all at once. @return as store_segment_map */
int store_segment_lay(struct store_segment *seg, const char *path, uint64_t size,
                      struct btr_err *err);
/** Has the kernel begin to read the filter of an open segment. */
void store_segment_want_filter(const struct store_segment *seg);
/**
 * Maps a file, unless that is done, and opens it. @param size  that the catalog states
 * @return 0, a code of damage (also for a file that is not there), BTR_E_IO (the process may not
 *         open more files)
 */
int store_segment_map(struct store_segment *seg, const char *path, uint64_t size,
                      struct btr_err *err);
/** Frees what was decoded, but for blocks in the cache. */
void store_segment_close(struct store_segment *seg);

/** Whether a code tells that a segment's bytes are not what was sealed, or are not there. */
static inline bool store_code_is_damage(int rc)
{
    return rc == BTR_E_CHECKSUM || rc == BTR_E_FORMAT || rc == BTR_E_TRUNCATED ||
           rc == BTR_E_VERSION;
}
/** A failure of a segment's file as a whole. @return code */
int store_segment_unfit(const struct store_segment *seg, int code, struct btr_err *err,
                        const char *what);
/**
 * Whether bytes of a mapped file are there: reading what a disk cannot give, or what was cut off
 * since, would end the process by a signal. @return 0 or BTR_E_TRUNCATED
 */
int store_segment_readable(const struct store_segment *seg, struct btr_span bytes,
                           struct btr_err *err);
/** Puts the segment's name before a message. @return rc */
int store_segment_name(const struct store_segment *seg, int rc, struct btr_err *err);
/** A failure of this segment's bytes. */
int store_segment_bad(const struct store_segment *seg, struct btr_err *err, unsigned section,
                      uint32_t block, const char *what);

/** Reads the directory of a section. *count is 0 for a section that is not in the file. */
int store_segment_directory(struct store_segment *seg, unsigned section, uint32_t *count,
                            struct btr_err *err);
/** Checks and unpacks a block. *raw is the caller's to free. */
int store_segment_block(struct store_segment *seg, unsigned section, uint32_t block, uint8_t **raw,
                        struct btr_err *err);
/** The same for a section that has one block, with as many items as the header says, or none. */
int store_segment_single(struct store_segment *seg, unsigned section, uint32_t items, uint8_t **raw,
                         size_t *size, struct btr_err *err);

/* Each makes sure that a part is there. */
int store_segment_names(struct store_segment *seg, struct btr_err *err);
int store_segment_ids(struct store_segment *seg, struct btr_err *err);
/** Of ids only what store_segment_who needs; of format 1 all. */
int store_segment_ids_by_number(struct store_segment *seg, struct btr_err *err);
/** Makes seg->by_value ready, from values of attributes to entity blocks. */
int store_segment_values(struct store_segment *seg, struct btr_err *err);
/** Fills seg->sorted, and proves that ids ascend in it; ids must be there. Costs all of them. */
int store_segment_sort(struct store_segment *seg, struct btr_err *err);
int store_segment_bounds(struct store_segment *seg, struct btr_err *err);

/** Checks the sum over a block's bytes in the file; the directory must be there. */
int store_segment_check(const struct store_segment *seg, unsigned section, uint32_t block,
                        struct btr_err *err);
/** The bytes of a block in the file. */
static inline struct btr_span store_segment_place_of(const struct store_segment *seg,
                                                     unsigned section, uint32_t block)
{
    const struct store_block *b = &seg->directory[section][block];
    return (struct btr_span){seg->bytes.at + b->offset, b->packed_size};
}
/** Reads the directory of a section of bytes that are read in place. */
int store_segment_stored(struct store_segment *seg, unsigned section, uint32_t *blocks,
                         struct btr_err *err);
void store_segment_ids_fini(struct store_segment *seg);

/** Whether an id may be in the segment; one part of the filter is touched. Asks for nothing before.
 * What is not told, or damaged, may be. */
bool store_segment_filter_part(struct store_segment *seg, struct btr_id id);
static inline bool store_segment_may_hold(struct store_segment *seg, struct btr_id id)
{
    uint32_t part = seg->fuse_bits == 0 ? 0 : (uint32_t)(id.hi >> (64 - seg->fuse_bits));
    if (!seg->fuse_checked || !seg->fuse_checked[part])
        return store_segment_filter_part(seg, id);
    return store_fuse_may(&seg->fuses[part], id);
}

/** For one who asks that soon, after other segments. */
static inline void store_segment_hold_ask(const struct store_segment *seg, struct btr_id id)
{
    uint32_t part = seg->fuse_bits == 0 ? 0 : (uint32_t)(id.hi >> (64 - seg->fuse_bits));
    if (seg->fuse_checked && seg->fuse_checked[part])
        store_fuse_ask(&seg->fuses[part], id);
}

/** @param number  receives the number of an id, UINT32_MAX when it is not here; ids must be there
 */
int store_segment_find(struct store_segment *seg, struct btr_id id, uint32_t *number,
                       struct btr_err *err);
/** Checks a block of ids. */
int store_segment_ids_block(struct store_segment *seg, uint32_t block, struct btr_err *err);
/** Id and kind of an entity; ids must be there. Hot: a walk asks for one at every event. */
static inline int store_segment_who(struct store_segment *seg, uint32_t number, struct btr_id *id,
                                    uint8_t *kind, struct btr_err *err)
{
    const struct segment_ids *b = &seg->id_blocks[number / STORE_ID_ROWS];
    uint32_t i = number % STORE_ID_ROWS, code = 0;
    if (!b->ids) {
        int rc = store_segment_ids_block(seg, number / STORE_ID_ROWS, err);
        if (rc < 0)
            return rc;
    }
    assert(b->ids);
    *id = (struct btr_id){store_get_u64(b->ids + (size_t)i * 16),
                          store_get_u64(b->ids + (size_t)i * 16 + 8)};
    if (b->bits > 0)
        code = (uint32_t)b->codes[i * b->bits / 8] >> i * b->bits % 8 & ((1U << b->bits) - 1);
    *kind = b->bits == 8 ? (uint8_t)code : b->words[code];
    return 0;
}

/**
 * Decoded blocks. The slot is pinned and must be unpinned.
 * @return 0, BTR_E_CHECKSUM, BTR_E_FORMAT, BTR_E_NOMEM
 */
int store_segment_events(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                         struct btr_err *err);
/** The same block, its times as far as they were asked for. */
int store_segment_groups(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                         struct btr_err *err);
/** Decodes a block as store_segment_groups has it; it is the caller's to free. */
int store_segment_events_read(struct store_segment *seg, uint32_t block, struct segment_block **out,
                              size_t *size, struct btr_err *err);
/** Of details: bytes of events, uint64_t; not in formats without groups. */
int store_segment_bytes(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                        struct btr_err *err);
int store_segment_details(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                          struct btr_err *err);
int store_segment_index(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                        struct btr_err *err);
int store_segment_entities(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                           struct btr_err *err);
/** Of a segment that has section counts; data: struct segment_stands. */
int store_segment_stands(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                         struct btr_err *err);
/** Of one event of a group that is thinned. */
int store_segment_stand(struct store_segment *seg, uint32_t block, uint32_t event,
                        struct segment_stand *out, struct btr_err *err);
/** Adds the thinned events of a segment, and those that they stand for. Costs a reading of section
 * counts, if there is one. */
int store_segment_stood_for(struct store_segment *seg, uint64_t *thinned, uint64_t *stood_for,
                            struct btr_err *err);
/** Visits the proofs that a segment carries. @return what the visit does, if not 0, or a failure */
int store_segment_proofs(struct store_segment *seg,
                         int (*visit)(void *self, const struct builder_proof *proof), void *self,
                         struct btr_err *err);
/** What section usual tells; the segment must have it. @param out  the caller's to end */
int store_segment_usual(struct store_segment *seg, struct store_usual *out, struct btr_err *err);
/** Of moments: order times, int64_t. */
int store_segment_moments(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                          struct btr_err *err);
int store_segment_locators(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                           struct btr_err *err);
/** The block of strings that holds `string`. */
int store_segment_strings(struct store_segment *seg, uint32_t string, struct cache_slot **slot,
                          struct btr_err *err);
struct btr_span store_strings_span(const struct segment_strings *strings, uint32_t string);

/** Events of a block, but for the last. */
static inline uint32_t store_segment_block_rows(const struct store_segment *seg)
{
    return seg->header.version < STORE_VERSION_GROUPS ? STORE_BLOCK_EVENTS_OLD : STORE_BLOCK_EVENTS;
}

static inline uint32_t store_segment_block_count(const struct store_segment *seg)
{
    uint32_t rows = store_segment_block_rows(seg);
    return (seg->header.event_count + rows - 1) / rows;
}

/** Events of a block. */
uint32_t store_segment_block_events(const struct store_segment *seg, uint32_t block);
/** Checks that a block of a section of events has the count that its place asks for. */
int store_segment_events_check(struct store_segment *seg, unsigned section, uint32_t block,
                               struct btr_err *err);
/** The group of an event, both by their place in the block. */
uint32_t store_block_group(const struct segment_block *block, uint32_t event);

/** Reads moments one after the other, mostly near each other: keeps the block at hand pinned. */
struct moment_cursor {
    struct store_segment *seg;
    int (*take)(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                struct btr_err *err);
    unsigned section;
    struct cache_slot *slot; /* NULL: none at hand; its data are rows */
    uint32_t block, count;
};

#define STORE_MOMENT_CURSOR(seg)                                                                   \
    {                                                                                              \
        (seg), store_segment_moments, STORE_MOMENTS, NULL, 0, 0                                    \
    }
#define STORE_LOCATOR_CURSOR(seg)                                                                  \
    {                                                                                              \
        (seg), store_segment_locators, STORE_LOCATORS, NULL, 0, 0                                  \
    }

void store_cursor_fini(struct moment_cursor *cursor);
/** Takes the block of a moment. */
int store_cursor_move(struct moment_cursor *cursor, uint32_t moment, struct btr_err *err);
/** Makes sure that a moment is at hand. */
static inline int store_cursor_need(struct moment_cursor *c, uint32_t moment, struct btr_err *err)
{
    if (!c->slot || c->block != moment / STORE_MOMENT_ROWS) {
        int rc = store_cursor_move(c, moment, err);
        if (rc < 0)
            return rc;
    }
    if (moment % STORE_MOMENT_ROWS < c->count)
        return 0;
    return store_segment_bad(c->seg, err, c->section, c->block, "there is no such row");
}

/** Reads the times of a group's events. @param moments  a cursor over the segment's */
int store_block_times_read(struct segment_block *block, uint32_t group,
                           struct moment_cursor *moments, struct btr_err *err);
/** Makes sure that they are there. Hot. @return 0, BTR_E_CHECKSUM, BTR_E_FORMAT, BTR_E_NOMEM */
static inline int store_block_times(struct segment_block *block, uint32_t group,
                                    struct moment_cursor *moments, struct btr_err *err)
{
    return block->timed && block->timed[group] ? 0
                                               : store_block_times_read(block, group, moments, err);
}

/** The order time of a moment. @param moments  a cursor over the segment's */
static inline int store_moment_time(struct moment_cursor *moments, uint32_t moment,
                                    int64_t *time_ns, struct btr_err *err)
{
    int rc = store_cursor_need(moments, moment, err);
    if (rc == 0)
        *time_ns = ((const int64_t *)moments->slot->data)[moment % STORE_MOMENT_ROWS];
    return rc;
}

/** The times of one event of a group, read for this call if they are not there. Hot. */
static inline int store_event_time(const struct segment_block *b, uint32_t group, uint32_t event,
                                   struct moment_cursor *moments, int64_t *first_ns,
                                   int64_t *last_ns, struct btr_err *err)
{
    if (b->timed && b->timed[group]) {
        *first_ns = b->first_ns[event];
        *last_ns = b->last_ns[event];
        return 0;
    }
    assert(b->moments); /* in formats without groups all times are there */
    int rc = store_moment_time(moments, b->moments[event], first_ns, err);
    *last_ns = *first_ns;
    if (rc == 0 && (b->groups[group].shape & STORE_SHAPE_LASTS))
        rc = store_moment_time(moments, b->ends[event], last_ns, err);
    return rc;
}

/** Entities of an entity block, but for the last. */
static inline uint32_t store_segment_entity_rows(const struct store_segment *seg)
{
    return seg->header.version == 1 ? STORE_ENTITY_ROWS_OLD : STORE_ENTITY_ROWS;
}

/** Finds or makes the slot array of a part. */
int store_segment_slot(struct store_segment *seg, enum segment_part part, unsigned section,
                       uint32_t block, struct cache_slot **slot, struct btr_err *err);
/** Gives decoded data to a slot and pins it. */
int store_segment_keep(struct store_segment *seg, struct cache_slot *slot, void *data, size_t size,
                       struct btr_err *err);

/**
 * Which event blocks may hold a record id (or a line) of a stream.
 * @param is_in  one flag per event block; those that may hold it are set, the others left alone
 */
int store_segment_place(struct store_segment *seg, bool by_line, uint32_t stream, uint64_t value,
                        bool *is_in, struct btr_err *err);

#endif
