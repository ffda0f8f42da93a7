#ifndef STORE_BUILDER_H
#define STORE_BUILDER_H
/** A segment in the making: batches copied into plain arrays, with ids and strings as numbers. One
 * thread. */
#include "string_table.h"

#include <btr/digest.h>
#include <btr/err.h>
#include <btr/event.h>

struct builder_event {
    int64_t time_ns, first_ns, last_ns;
    uint64_t bytes, record_id, line;
    uint32_t subject, object; /* entities of the builder */
    uint32_t stream;          /* stream of the builder */
    uint8_t operation, doubt, flags;
};

/** Whether a host takes the place of the one that was told of an entity before: of what several
 * hosts tell of, such as a rendezvous, the least name stays, whatever their order. */
static inline bool store_host_before(struct btr_span told, struct btr_span before)
{
    return told.size > 0 && (before.size == 0 || btr_span_compare(told, before) < 0);
}

struct builder_entity {
    struct btr_id id;
    uint32_t host; /* string + 1; 0 = of no host */
    uint8_t kind, flags;
};

/** What a thinned event stands for, and the record of the last. */
struct builder_stand {
    uint32_t event, count;
    int64_t last_time_ns;
    uint64_t last_record_id, last_line;
};

/** That a thinning was proved to change no closure (btr/thin.h). */
struct builder_proof {
    uint8_t root[BTR_SHA256_SIZE]; /* of the segment as it was */
    uint64_t events_before, events_after, entities, closures;
};

struct builder_attr {
    int64_t since_ns;
    uint32_t entity, value; /* value: string */
    uint16_t key;
};

/** A sequence of one agent on one host as one input told it. */
struct builder_stream {
    uint32_t host, source; /* strings */
    uint32_t input;        /* input of the builder */
};

struct builder_input {
    uint32_t id; /* batch.input */
    uint64_t record_count;
};

struct builder_gap {
    struct btr_gap gap; /* stream: of the builder; why: not used */
    size_t why_at, why_size;
};

struct builder_quarantined {
    struct btr_quarantined record; /* stream: of the builder; spans: not used */
    size_t reason_at, reason_size, record_at, record_size;
};

struct store_builder {
    struct builder_event *events;
    struct builder_entity *entities;
    struct builder_attr *attrs;
    struct builder_stream *streams;
    struct btr_idmap stream_of; /* by the hash of a row: its index */
    struct builder_input *inputs;
    struct builder_gap *gaps;
    struct builder_quarantined *quarantined;
    struct builder_stand *stands; /* of the events that are thinned, ascending */
    struct builder_proof *proofs;
    uint32_t event_count, entity_count, attr_count, stream_count, input_count, gap_count,
        quarantined_count, stand_count, proof_count;
    uint32_t event_capacity, entity_capacity, attr_capacity, stream_capacity, input_capacity,
        gap_capacity, quarantined_capacity, stand_capacity, proof_capacity;
    struct btr_idmap by_id;        /* entity */
    struct btr_u64map attr_latest; /* entity << 16 | key: the attribute told last */
    struct store_strings strings;
    struct btr_buffer text;          /* of gaps and quarantine */
    uint32_t *stream_map, *name_map; /* of the batch being appended */
    uint32_t stream_map_capacity, name_map_capacity;
};

void store_builder_fini(struct store_builder *b);
/** Empties it; keeps memory. */
void store_builder_clear(struct store_builder *b);
/** Tells an entity's host. @param host  a string of the builder */
void store_builder_host(struct store_builder *b, uint32_t entity, uint32_t host);
/** Copies a batch. @return 0, BTR_E_NOMEM, BTR_E_LIMIT; after a failure the builder must be cleared
 */
int store_builder_append(struct store_builder *b, const struct btr_batch *batch,
                         struct btr_err *err);
/* For what is loaded from segments: ids, names and strings become numbers once. Each finds or adds,
 * and returns UINT32_MAX, or false, when out of memory. */
uint32_t store_builder_entity(struct store_builder *b, struct btr_id id);
/** @param id  what a batch would tell as its input */
uint32_t store_builder_input(struct store_builder *b, uint32_t id);
uint32_t store_builder_stream(struct store_builder *b, const struct btr_stream *stream,
                              uint32_t input);
/** One that is told twice in a row counts once; what else repeats is dropped at sealing. */
bool store_builder_attr(struct store_builder *b, const struct builder_attr *attr);
/** Makes room in `events`, to be filled by the caller. */
bool store_builder_reserve(struct store_builder *b, uint32_t events);
/** Texts are copied; the streams are the builder's. */
bool store_builder_gap(struct store_builder *b, const struct btr_gap *gap);
bool store_builder_quarantined(struct store_builder *b, const struct btr_quarantined *record);
/** Of an event behind all that have one. */
bool store_builder_stand(struct store_builder *b, const struct builder_stand *stand);
/** What an event stands for; NULL: itself. */
const struct builder_stand *store_builder_stand_of(const struct store_builder *b, uint32_t event);
/** Events that an event stands for: 1 unless it is thinned. */
static inline uint32_t store_builder_count_of(const struct store_builder *b, uint32_t event)
{
    const struct builder_stand *s = b->stand_count ? store_builder_stand_of(b, event) : NULL;
    return s ? s->count : 1;
}
/** Once for each root. */
bool store_builder_proof(struct store_builder *b, const struct builder_proof *proof);
bool store_builder_is_empty(const struct store_builder *b);
/** @return bytes held for what was appended */
size_t store_builder_size(const struct store_builder *b);

#endif
