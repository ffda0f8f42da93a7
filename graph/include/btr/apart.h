#ifndef BTR_APART_H
#define BTR_APART_H
/**
 * Edges that tell apart what content cannot pass between (docs/LOSS.md, "Content"):
 *   - the programs that a process was, one after the other. Running another one takes the memory of
 *     the one before away: what that had read comes to the next in arguments and environment alone;
 *   - what a file held before it was opened and emptied by that, and what it held then;
 *   - the two directions of one end of a connection. What is written there is read at the other
 *     end, never here.
 * Each is an entity of its own here. The first program of a process, and what comes in at an end,
 * have the id of the process and of the end. Crossing from one end to the other is a flow.
 */
#include <btr/strategy.h>

/* Refs from here on are crossings: no event tells them. */
#define BTR_REF_CROSSING UINT64_C(0xfffffffe00000000)

struct btr_apart;

/** What is told apart beside the ends of connections. */
struct btr_apart_rules {
    void *self;
    /** Whether a process is one entity whatever it runs. NULL: none is. */
    bool (*whole)(void *self, struct btr_id process);
    /** Whether a file's contents are told apart, which costs a reading of who wrote it. NULL: of
     * none. */
    bool (*emptied)(void *self, struct btr_id file);
};

/**
 * @param edges, facts  borrowed
 * @return 0 or BTR_E_NOMEM
 */
int btr_apart_new(struct btr_apart **out, const struct btr_edges *edges,
                  const struct btr_facts *facts, const struct btr_apart_rules *rules,
                  struct btr_err *err);
void btr_apart_free(struct btr_apart *apart);
/** They live as long as `apart`. */
struct btr_edges btr_apart_edges(struct btr_apart *apart);
/**
 * What an entity is there at a time: where to begin a walk.
 * @param id  of an entity as it is told; receives that of its part
 * @return 0, or as the edges
 */
int btr_apart_at(struct btr_apart *apart, struct btr_id *id, int64_t at_ns, struct btr_err *err);
/**
 * When the next part of an entity begins.
 * @param at_ns  after this; receives the time, INT64_MAX: there is none
 * @return 0, or as the edges
 */
int btr_apart_next(struct btr_apart *apart, struct btr_id id, int64_t *at_ns, struct btr_err *err);
/** What an entity of these edges is a part of; any other as it is. */
struct btr_id btr_apart_whole_of(const struct btr_apart *apart, struct btr_id id);

#endif
