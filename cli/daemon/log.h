#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H
/**
 * The daemon's log: a line of key=value a happening, on standard error, in one write. Any thread. Values that come from
 * outside were escaped before (btr_err, base/escape.c); a value with blanks stands in double quotes, which are \x22 within.
 */
#include <btr/span.h>

/** As of syslog(3). */
enum daemon_level { DAEMON_ERROR = 3, DAEMON_WARNING = 4, DAEMON_INFO = 6, DAEMON_DEBUG = 7 };

/** The least level that is written, by its name in the configuration; at first "info". */
void daemon_log_level(const char *name);

/** Writes time, level, room, event, and pairs of key and value up to a NULL. */
void daemon_log(enum daemon_level level, const char *room, const char *event, ...) __attribute__((sentinel));
/**
 * The same with one value, `key`, for what may come again and again: what is equal but for its numbers (also hexadecimal ones) is written once in 60 s,
 * with `repeated=N`, how often it came meanwhile.
 */
void daemon_log_often(enum daemon_level level, const char *room, const char *event, const char *key, const char *value);
/** Lines that were not written so, since the start. */
uint64_t daemon_log_suppressed(void);

#endif
