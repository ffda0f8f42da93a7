#ifndef TEST_LINE_DECODER_H
#define TEST_LINE_DECODER_H
/**
 * A log format for tests of the feeder. A record is one of
 *   line t=NS id=N [host=NAME] [hold|open]   an event; with `hold` it waits until `line ends id=N`, with `open` for a flush
 *   line ends id=N [host=NAME]
 *   {"t":NS,"id":N}                       an event, as JSON
 * Everything else that begins with "line" or "{" is undecodable. Each event's `bytes` is its number
 * among the events of its host, so that a state that was lost or went twice over a record shows in
 * all later events.
 */
#include <btr/decoder.h>

extern const struct btr_decoder line_decoder;

enum { LINE_RECORD_MAX = 8192 };

#endif
