#ifndef BENCH_KAFKA_RECORDS_H
#define BENCH_KAFKA_RECORDS_H
/**
 * Messages that are made up, for the benches of ingest from Kafka.
 *   records.c   words, noise
 *   sysmon.c    Sysmon events
 */
#include <btr/buffer.h>

enum { BENCH_NAME_SIZE = 64, BENCH_LARGE_SIZE = 10 << 20 };

struct bench {
    uint64_t count, sent, hosts; /* messages, hosts in turn */
    const char *name;            /* of the hosts, before their numbers */
    uint64_t random;
    struct btr_buffer value; /* of the message in hand */
};

/** Writes a message. @return false when stdout does not take it */
bool bench_send(struct bench *b, struct btr_span key, struct btr_span value);
uint64_t bench_random(struct bench *b);
/** The next Sysmon event, of the next host. @return as bench_send */
bool bench_sysmon_next(struct bench *b);

#endif
