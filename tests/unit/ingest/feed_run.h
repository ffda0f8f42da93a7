#ifndef TEST_FEED_RUN_H
#define TEST_FEED_RUN_H
/** One run of the feeder into a sink in memory, for the tests of the feeder. */
#include "line_decoder.h"
#include "memory_sink.h"

struct feed_run {
    struct btr_feed_stats stats;
    struct btr_err err;
    char complaints[2048], notes[2048]; /* lines */
    const struct btr_hosts *hosts;
    uint32_t segment_events;
    const struct btr_decoder *format; /* line_decoder unless it is set */
};

/** Feeds `arguments` (NULL at the end) as the command line would. @return what btr_paths_add or
 * btr_feed returned */
int feed_run(struct feed_run *run, struct memory_sink *sink, const char *const *arguments);
int feed_run_one(struct feed_run *run, struct memory_sink *sink, const char *argument);

/** Feeds bytes as the standard input of host h, through a pipe. */
int feed_run_stdin(struct feed_run *run, struct memory_sink *sink, struct btr_span bytes);

/** Lines of one host: events, events that wait for their end, noise, blank lines, CRLF. */
void feed_log_make(struct btr_buffer *out, uint64_t first, uint64_t count, uint32_t seed);

#endif
