#ifndef STORE_MODEL_H
#define STORE_MODEL_H
/** The plain twin of a store: lists of all that was appended, and random batches to fill both. */
#include <btr/store.h>
#include <test_random.h>

enum { MODEL_IDS = 48, MODEL_INPUTS = 3 };

struct model_event {
    struct btr_event event; /* stream: not used */
    struct btr_span host, source, input;
};

struct model_attr {
    struct btr_id id;
    struct btr_attr attr;
};

struct model_gap {
    struct btr_gap gap;
    struct btr_span host, source, input;
};

struct model_quarantined {
    struct btr_quarantined record;
    struct btr_span host, source, input;
};

struct model {
    struct test_random random;
    struct btr_arena *arena;
    struct btr_id ids[MODEL_IDS];
    struct model_event *events;
    struct model_attr *attrs;
    struct model_gap *gaps;
    struct model_quarantined *quarantined;
    uint32_t event_count, attr_count, gap_count, quarantined_count;
    uint8_t kind[MODEL_IDS]; /* 0: never noted */
    uint8_t flags[MODEL_IDS];
    struct btr_span host[MODEL_IDS]; /* the least that was told */
    bool mentioned[MODEL_IDS];
    bool extreme;   /* times and numbers from the whole range, else small and with ties */
    bool many_days; /* extreme, and hardly two times of one day */
};

void model_init(struct model *m, uint64_t seed);
void model_fini(struct model *m);
/** Fills a batch with random events, notes, gaps and quarantine, and the model with the same. */
void model_batch(struct model *m, struct btr_batch *batch, uint32_t event_count);
/** Progress that names the model's inputs; arrays are static. */
struct btr_progress model_progress(void);
struct btr_span model_input(uint32_t input);

/** Appends `batches` batches of random size and publishes; fails the test when the sink does. */
void model_publish(struct model *m, const struct btr_sink *sink, uint32_t batches, uint32_t events);
/** A whole store: `publishes` segments; the folder must not exist. */
void model_store(struct model *m, const char *path, uint32_t publishes, uint32_t batches,
                 uint32_t events);

/** Leaves those events in the model that a reader tells, each of which must be there. @return how
 * many went */
uint32_t model_keep_events(struct model *m, struct btr_reader *reader);

/** Checks that a reader tells the same events, flows, entities, gaps and quarantine as the model.
 */
void model_check_events(const struct model *m, struct btr_reader *reader);
void model_check_flows(struct model *m, struct btr_reader *reader, uint32_t bounds);
void model_check_entities(struct model *m, struct btr_reader *reader);
/** Entities found by a value must be those that a reading of all finds. */
void model_check_values(struct model *m, struct btr_reader *reader);
void model_check_rows(const struct model *m, struct btr_reader *reader);

/** All of these on a store, which verify must find sound. @param bounds  as model_check_flows */
void model_check_store(struct model *m, const char *path, uint32_t bounds);

#endif
