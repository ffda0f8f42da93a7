#ifndef CLI_INGEST_KAFKA_H
#define CLI_INGEST_KAFKA_H
/** The part of `backtrail ingest` that reads from a broker. */
#include <btr/follow.h>

#include "args.h"
#include "known.h"

/**
 * Follows until it is interrupted, or with --once until all that is there was read.
 * @param args     --kafka, --topic, --group, --state-topic, --dead-letter-topic, -X, --once, --quiet
 * @param options  but for its notes, which go to stderr
 * @return exit status
 */
int cli_ingest_kafka(const struct cli_args *args, const struct btr_follow_options *options, struct cli_known *store);

#endif
