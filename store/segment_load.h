#ifndef STORE_SEGMENT_LOAD_H
#define STORE_SEGMENT_LOAD_H
/**
 * Sealed segments on their way back into one builder, to be sealed again as one: ids stay as they
 * are, inputs of one name and head hash become one, and so do streams. One thread.
 */
#include "reach.h"
#include "read.h"
#include "seal.h"
#include "segment.h"

struct load_input {
    uint32_t name; /* string of `names` */
    uint64_t head_hash;
};

/** What one segment tells of one stream. */
struct load_part {
    struct store_reach reach;
    uint32_t stream; /* of the builder */
};

/** What a damaged segment cannot tell. */
struct store_loss {
    uint64_t events, entities, gaps, undecoded;
    uint64_t undescribed;      /* entities that are there without some or all of their attributes */
    int64_t first_ns, last_ns; /* no lost event begins before, or ends after */
};

/** Where the events and gaps of a segment end in the builder. */
struct load_end {
    uint32_t events, gaps;
};

/** Hosts by name: from one on, until before another. A segment can be loaded for them alone: their
 * events, gaps and undecoded records, and the entities that these events mention or that are
 * theirs. Ranges that follow one another, the first from the empty name on, take all of it once;
 * but entities that events of both mention go with both. */
struct load_range {
    struct btr_span from, until; /* until: not with it; empty = no end */
};

static inline bool store_range_has(const struct load_range *r, struct btr_span host)
{
    return btr_span_compare(host, r->from) >= 0 &&
           (r->until.size == 0 || btr_span_compare(host, r->until) < 0);
}

struct store_load {
    struct store_builder *builder; /* the caller's; filled by this alone */
    struct store_strings names;
    struct load_input *inputs; /* by input of the builder */
    uint32_t input_count, input_capacity;
    struct load_part *parts;
    uint32_t part_count, part_capacity;
    struct load_end *segment_ends; /* by segment, in the order of loading */
    uint32_t segment_count, segment_capacity;
    uint32_t *entity_of, *stream_of; /* of the segment at hand -> of the builder, or UINT32_MAX */
    uint32_t *string_of;             /* the same, plus 1; 0: not yet */
    uint64_t dropped;                /* events told twice, by store_load_once */
    const struct load_range *range;  /* NULL: all hosts */
    uint8_t *needed;                 /* with a range: by number, enum load_need */
    struct store_loss *loss; /* NULL: damage is a failure; else it is told here, and passed over */
};

enum load_need {
    LOAD_MENTIONED = 1, /* by some event */
    LOAD_WANTED = 2     /* by one of the range */
};

/** Fills load->needed for the load's range. */
int store_load_need(struct store_load *load, struct store_segment *seg, struct btr_err *err);
/** Whether an entity goes with the load's range. @param host  its own; empty = of no host */
static inline bool store_load_takes(const struct store_load *l, uint32_t number,
                                    struct btr_span host)
{
    if (!l->range || (l->needed[number] & LOAD_WANTED) != 0)
        return true;
    bool is_loose = host.size == 0 && (l->needed[number] & LOAD_MENTIONED) != 0;
    return !is_loose && store_range_has(l->range, host);
}

void store_load_fini(struct store_load *load);
/**
 * Appends all that a segment holds. Segments must come in the order of a reader: by first time,
 * last time, hash. After a failure the builder must be cleared, and the load ended.
 * @param seg  with cache and unpacker
 * @return 0, BTR_E_CHECKSUM, BTR_E_FORMAT (the segment is damaged; with a loss to tell: nothing of
 *         it can be loaded), BTR_E_LIMIT, BTR_E_NOMEM
 */
int store_load_segment(struct store_load *load, struct store_segment *seg, struct btr_err *err);
/** Names of the builder's inputs, for store_seal; they live as long as the load. NULL when out of
 * memory; the caller's to free. */
struct seal_input *store_load_inputs(const struct store_load *load);

/** Flags of an entity over several tellings, whatever their order: uncertain only while all say so.
 */
static inline uint8_t store_flags_join(uint8_t kind_before, uint8_t before, uint8_t told)
{
    if (kind_before == BTR_KIND_NONE)
        return told;
    unsigned uncertain = before & told & BTR_ENTITY_UNCERTAIN;
    return (uint8_t)(((before | told) & ~(unsigned)BTR_ENTITY_UNCERTAIN) | uncertain);
}

/* A row of the sections gaps and quarantine; spans point into what is read. */
void store_gap_read(struct store_read *r, struct btr_gap *gap);
void store_quarantined_read(struct store_read *r, struct btr_quarantined *record);

#endif
