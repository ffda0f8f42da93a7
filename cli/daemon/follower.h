#ifndef DAEMON_FOLLOWER_H
#define DAEMON_FOLLOWER_H
/**
 * The consumer, in a thread of its own: topics, decoders and the store's writer, opened, stepped and closed together. What
 * fails is closed whole and opened again, after 1 s, 2 s ... 60 s: the way back from a failure is that from a crash.
 */
#include "metrics.h"
#include "plan.h"

struct follower;

/**
 * Starts the thread.
 * @param plan   held by the follower for as long as it needs it
 * @param wake   called in its thread when it was opened, or tried to, for the first time; and when it has ended
 * @return 0, BTR_E_NOMEM
 */
int follower_start(struct follower **out, struct daemon_plan *plan, void (*wake)(void *self), void *self,
                   struct btr_err *err);
/**
 * From now on by another plan: what runs is stopped as at the end, and begun anew; by the old one when the client library
 * refuses the other. The store stays the one of the start.
 */
void follower_replan(struct follower *f, struct daemon_plan *plan);
/** Asks for the end: all is published, states are handed over, the group is left. */
void follower_stop(struct follower *f);

/** Whether the first opening was tried; whether the thread has ended. */
bool follower_opened(struct follower *f);
bool follower_ended(struct follower *f);
/** Fills what the follower knows of `out`, and adds to `reload_failures`; the rest is left as it is. */
void follower_figures(struct follower *f, struct daemon_figures *out);
/** As daemon_partitions, with a follower as `self`. */
void follower_partitions(void *self, btr_follow_visit *visit, void *visit_self);
/**
 * Waits for the end of the thread, and frees all.
 * @return 0, or what the first opening or the stop failed with
 */
int follower_join(struct follower *f, struct btr_err *err);

#endif
