#ifndef DAEMON_LOG_OFTEN_H
#define DAEMON_LOG_OFTEN_H
/** Which lines of a log were written of late. No lock, no clock: the log has both. */
#include <btr/span.h>

enum { DAEMON_OFTEN_SLOTS = 64, DAEMON_OFTEN_S = 60 };

struct daemon_often {
    struct {
        uint64_t hash; /* of the line without its numbers; 0: free */
        int64_t since_ns;
        uint64_t held; /* lines that were not written since */
    } slots[DAEMON_OFTEN_SLOTS];
};

/**
 * Whether a line is to be written now.
 * @param held  receives how many of its like were not, since the last that was
 */
bool daemon_often_take(struct daemon_often *often, struct btr_span line, int64_t now_ns, uint64_t *held);

#endif
