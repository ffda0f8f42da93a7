#ifndef STORE_FORMAT_H
#define STORE_FORMAT_H
/**
 * The frame of a segment file: header, section table, directories of blocks. docs/FORMAT.md is its
 * manual; what stands inside the blocks of a section is known to the file that makes it.
 * All integers are little-endian and are encoded field by field.
 */
#include <btr/buffer.h>
#include <btr/err.h>

enum {
    STORE_VERSION = 3,
    STORE_VERSION_OLDEST = 1, /* what is still read */
    STORE_VERSION_GROUPS = 3, /* since when alike events stand together */
    STORE_HEADER_SIZE = 64,
    STORE_SECTION_ROW_SIZE = 40,
    STORE_BLOCK_ROW_SIZE = 24,
    STORE_SECTIONS_MAX = 64,
    STORE_BLOCK_EVENTS = 4096,          /* events of a block, but for the last */
    STORE_BLOCK_EVENTS_OLD = 8192,      /* the same, of formats 1 and 2 */
    STORE_MOMENT_ROWS = 4096,           /* moments of a block, but for the last */
    STORE_INDEX_ENTITIES = 1024,        /* entities of an index block, but for the last */
    STORE_ENTITY_ROWS = 128,            /* entities of an entity block, but for the last */
    STORE_ENTITY_ROWS_OLD = 4096,       /* the same, of format 1 */
    STORE_ID_ROWS = 512,                /* ids of a block, but for the last */
    STORE_LOOKUP_BUCKETS = 1024,        /* buckets of a block of numbers, or all when fewer */
    STORE_FILTER_IDS = 16384,           /* ids that a part of the filter has at most, if they are even */
    STORE_STRING_BLOCK_MAX = 256 << 10, /* the same, of format 1 */
    STORE_STRING_BLOCK_SIZE = 8 << 10,  /* bytes from which a block of strings is closed */
    STORE_BLOCK_RAW_MAX = 256 << 20,    /* bytes of an unpacked block */
    STORE_EVENTS_MAX = 4 << 20,         /* events of a segment */
    STORE_ENTITIES_MAX = 8 << 20        /* entities of a segment */
};

/* The numbers are on disk. A file has its sections in ascending order, each at most once. */
enum store_section_type {
    STORE_STRINGS = 1,
    STORE_STREAMS = 2,
    STORE_INPUTS = 3,
    STORE_IDS = 4,
    STORE_NUMBERS = 5,
    STORE_KINDS = 6, /* in format 1 only */
    STORE_ENTITIES = 7,
    STORE_BLOCKS = 8,
    STORE_EVENTS = 9,
    STORE_DETAILS = 10,
    STORE_INDEX = 11,
    STORE_REQUIRED_MAX = 11, /* those above, kinds apart, are in every segment */
    STORE_RECORDS = 12,
    STORE_LINES = 13,
    STORE_STATS = 14,
    STORE_GAPS = 15,
    STORE_QUARANTINE = 16,
    STORE_REACH = 17,
    STORE_FILTER = 18,
    STORE_VALUES = 19,
    STORE_DICTIONARIES = 20,
    STORE_MOMENTS = 21, /* required from format 3 on, as the next */
    STORE_LOCATORS = 22,
    STORE_STRETCHES = 23,
    STORE_COUNTS = 24, /* where events are thinned: who does not know it must not read the segment */
    STORE_PROOFS = 25, /* the same, but may be passed over */
    STORE_USUAL = 26,
    STORE_SECTION_MAX = 26,
    STORE_SECTIONS_EXACT = 23 /* of what is written where no event is thinned */
};

/** What an event of a group has besides its moment. */
enum store_shape {
    STORE_SHAPE_LASTS = 1, /* it ends at a later one */
    STORE_SHAPE_BYTES = 2  /* bytes are told */
};

enum store_section_flag {
    STORE_SECTION_OPTIONAL = 1, /* a reader that does not know the type passes over it */
    STORE_SECTION_STORED = 2,   /* blocks are not packed */
    STORE_SECTION_TRAINED = 4   /* blocks are packed with the section's dictionary */
};

struct store_header {
    uint16_t version, section_count;
    uint32_t event_count, entity_count, string_count, stream_count, input_count;
    int64_t first_ns,
        last_ns; /* least first and greatest last order time; 0 and 0 without events */
    uint64_t file_size;
};

/** One row of the section table. */
struct store_section {
    uint16_t type, flags;
    uint32_t block_count;
    uint64_t offset; /* of the directory; the blocks follow it */
    uint64_t size;   /* directory and blocks */
    uint64_t raw_size;
    uint64_t checksum; /* of the directory */
};

/** One row of a section's directory. */
struct store_block {
    uint64_t offset; /* in the file; not stored: the blocks stand one after the other */
    uint32_t packed_size, raw_size;
    uint32_t first, count; /* items: events, entities, strings, rows */
    uint64_t checksum;     /* of the packed bytes */
};

/** Writes header and table into the first bytes of a finished file image. */
void store_header_write(uint8_t *file, const struct store_header *header,
                        const struct store_section *sections);

/**
 * Reads and checks header and table.
 * @param sections  STORE_SECTIONS_MAX rows
 * @return 0, BTR_E_TRUNCATED, BTR_E_FORMAT, BTR_E_VERSION, BTR_E_CHECKSUM
 */
int store_header_read(struct btr_span file, struct store_header *header,
                      struct store_section *sections, struct btr_err *err);

/**
 * Reads and checks a section's directory.
 * @param blocks  section->block_count rows
 */
int store_directory_read(struct btr_span file, const struct store_section *section,
                         struct store_block *blocks, struct btr_err *err);

/** @return the word of a section type for messages; never NULL */
const char *store_section_word(unsigned type);

static inline void store_put_u32(uint8_t *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

static inline void store_put_u64(uint8_t *at, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

static inline uint32_t store_get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t store_get_u64(const uint8_t *at)
{
    return (uint64_t)store_get_u32(at) | (uint64_t)store_get_u32(at + 4) << 32;
}

/* Differences wrap around, so that every pair of values has one. */
static inline uint64_t store_zigzag(uint64_t difference)
{
    return difference << 1 ^ (uint64_t) - (int64_t)(difference >> 63);
}

/** The own time that is expected at an order time: the multiple of the unit at or before it. */
static inline int64_t store_time_expect(int64_t last_ns, uint64_t unit)
{
    int64_t rest = last_ns % (int64_t)unit;
    return (int64_t)((uint64_t)last_ns - (uint64_t)rest - (rest < 0 ? unit : 0));
}

static inline uint64_t store_unzigzag(uint64_t coded)
{
    return coded >> 1 ^ (uint64_t) - (int64_t)(coded & 1);
}

#endif
