#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H
/** What a service tells the one that started it: the protocol of sd_notify(3). */
#include <stdint.h>

/** Sends lines of KEY=VALUE to $NOTIFY_SOCKET; without one, and when nobody takes them, nothing happens. */
void daemon_notify(const char *lines);
/** How often the starter wants WATCHDOG=1, in ms; 0: not at all. */
uint64_t daemon_watchdog_ms(void);

#endif
