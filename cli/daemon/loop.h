#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H
/** The daemon's main thread: signals, timers, HTTP and the watchdog, by libuv. Nothing in it waits for the disk or the broker. */
#include "plan.h"

/**
 * Runs until SIGTERM or SIGINT, or until the consumer cannot begin.
 * @param plan  held for as long as it is needed
 * @param path  of the configuration, for SIGHUP
 * @return 0, or what it failed with
 */
int daemon_run(struct daemon_plan *plan, const char *path, struct btr_err *err);

#endif
