#ifndef BTR_THIN_H
#define BTR_THIN_H
/**
 * Thinning: several alike events become one that stands for them, with the first and the last time, their count and the
 * sum of their bytes. Which may, is a question of causality: the room graph answers it (<btr/thinning.h>), the store
 * asks (btr_store_thin).
 */
#include <btr/err.h>
#include <btr/event.h>

#include <stddef.h>

/** An event as that question sees it. */
struct btr_thin_event {
    int64_t first_ns, last_ns;
    uint64_t bytes;           /* or BTR_BYTES_UNKNOWN */
    uint32_t subject, object; /* entities of the set */
    uint32_t source;          /* host and agent: times compare exactly within one only */
    uint32_t stream;          /* events of one only may become one */
    uint8_t operation, doubt, flags;
    bool fixed;               /* it must stay as it is */
};

/** Events of a stretch of time: those that may become fewer first, then what else is told around their entities. */
struct btr_thin_set {
    const struct btr_thin_event *events;
    const bool *half; /* by entity: it may be one half of a connection, or of unknown kind */
    uint32_t event_count, own_count, entity_count;
};

/** What comparing all closures of a set found. */
struct btr_thin_proof {
    uint64_t entities;  /* whose closures were computed */
    uint64_t closures;  /* of an entity at a time at which it changed, backward and forward */
    bool equal;
    bool forward;       /* else: the first that differs */
    uint32_t entity, other; /* whether `other` is in the closure of `entity` */
    int64_t time_ns;
};

/** The rule that decides, and the proof that it was right. */
struct btr_thin_rule {
    /** How far around its events the set must tell what else there is, in ns. */
    int64_t reach_ns;
    /** Stretches of fewer events stay as they are. */
    uint32_t least;
    /**
     * @param leader  by own event: receives the event that it becomes one with, itself when it stays; that one is the
     *                least to begin, and leads itself
     * @return 0 or BTR_E_NOMEM
     */
    int (*choose)(const struct btr_thin_set *set, uint32_t *leader, struct btr_err *err);
    /** Computes the closures of every entity at every time before and after. @return 0 or BTR_E_NOMEM */
    int (*prove)(const struct btr_thin_set *set, const uint32_t *leader, struct btr_thin_proof *out, struct btr_err *err);
};

#endif
