#ifndef STORE_MERGE_THREAD_H
#define STORE_MERGE_THREAD_H
/**
 * The writer's merging thread: merges when a tier is full, one merge at a time, of the lowest
 * priority; and prunes what is too old, as it is who takes segments away. It owns the merger; what
 * it shares with the writer is under its own mutex.
 */
#include <btr/store.h>

#include "catalog.h"

/** Segments in full tiers at which a publish waits until the thread has merged once more. */
enum { MERGE_WAITING_MAX = 512 };

struct store_merge_thread;

/** @param store, catalog  valid until stop  @return 0, BTR_E_NOMEM, BTR_E_IO with *out NULL */
int store_merge_thread_start(struct store_merge_thread **out, const char *store,
                             struct store_catalog *catalog, struct btr_err *err);
/** Gives up a merge that is not sealed yet, prunes what is due, and ends the thread. NULL is nothing
 * to stop. */
void store_merge_thread_stop(struct store_merge_thread *t);
/** Says that a segment was published. */
void store_merge_thread_wake(struct store_merge_thread *t);
/** Returns at once, unless too many segments wait to be merged. */
void store_merge_thread_wait(struct store_merge_thread *t);
/** As btr_writer_retain and btr_writer_retained. */
void store_merge_thread_retain(struct store_merge_thread *t, uint32_t days, uint32_t record_days);
int store_merge_thread_retained(struct store_merge_thread *t, struct btr_prune_stat *out,
                                struct btr_err *err);
/** What it did, and 0 or what it failed with. */
int store_merge_thread_told(struct store_merge_thread *t, struct btr_merge_stat *out,
                            struct btr_err *err);

#endif
