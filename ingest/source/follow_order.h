#ifndef SOURCE_FOLLOW_ORDER_H
#define SOURCE_FOLLOW_ORDER_H
/**
 * Records of a host that come through several partitions, put in the order of the agent's own sequence before they are
 * decoded. What waits is saved with the state, so it is neither lost nor taken twice.
 */
#include <btr/decoder.h>

enum {
    FOLLOW_HELD_MAX = 1 << 16,       /* records of one host; then the first goes on */
    FOLLOW_HELD_SIZE = 32 << 20,     /* bytes of them */
};

/** A record that waits. */
struct follow_held {
    struct btr_place place;
    uint64_t arrival;    /* ties: as they came */
    uint64_t head_hash;  /* of its partition */
    int64_t offset;
    int64_t arrived_ns;  /* monotonic; 0: it was loaded */
    bool replayed;       /* its events are in the store: it is wanted for the state alone */
    struct btr_buffer bytes; /* name of the partition, a zero byte, the record */
    size_t name_size;
};

/* Of what waits; it lives as long. */
static inline const char *follow_held_name(const struct follow_held *held)
{
    return (const char *)held->bytes.at;
}
static inline struct btr_span follow_held_record(const struct follow_held *held)
{
    return (struct btr_span){held->bytes.at + held->name_size + 1, held->bytes.size - held->name_size - 1};
}

/* A heap, the first by place on top. Zeroed, it is empty. */
struct follow_order {
    struct follow_held *items;
    uint32_t count, capacity;
    uint64_t arrivals;
    size_t size; /* bytes of records */
};

void follow_order_fini(struct follow_order *order);
/** Copies a record in. @param name  of the partition, TOPIC:PARTITION @return false when out of memory */
bool follow_order_add(struct follow_order *order, const struct follow_held *held, struct btr_span name, struct btr_span record);
/** The first; NULL when none waits. Valid until the next call. */
const struct follow_held *follow_order_first(const struct follow_order *order);
/** Takes the first out: its bytes are the caller's to free. */
struct follow_held follow_order_take(struct follow_order *order);
bool follow_order_is_full(const struct follow_order *order);
int follow_place_compare(struct btr_place a, struct btr_place b);

/** As it stands in a saved state: one set of records has one form. */
void follow_order_put(struct btr_buffer *out, const struct follow_order *order);
/** @return false when it is none, or out of memory */
bool follow_order_get(struct btr_cursor *in, struct follow_order *order);

#endif
