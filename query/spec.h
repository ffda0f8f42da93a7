#ifndef QUERY_SPEC_H
#define QUERY_SPEC_H
/** Shared by the two halves of finding what a SPEC names. */
#include <btr/filter.h>

enum { SPEC_CANDIDATE_MAX = 32 }; /* listed; more are counted */

struct spec_search {
    struct btr_reader *reader;
    const struct btr_spec *spec;
    int64_t at_ns; /* --at, or INT64_MIN */
    struct btr_buffer *candidates;
    struct btr_err *err;
};

/** record: and origin: (spec_record.c) */
int query_spec_record(const struct spec_search *search, struct btr_spec_match *out);
/** process:, file:, flow:, id: (spec_entity.c) */
int query_spec_entity(const struct spec_search *search, struct btr_spec_match *out);

/** The host as a SPEC gives it, in lower case. `buffer` has 256 bytes and holds it. */
struct btr_span query_spec_host(struct btr_span host, uint8_t *buffer);
/** Whether an input is named as a partition of a topic, TOPIC:PARTITION; such a name of a file is
 * taken for one, too. */
bool query_topic_partition(struct btr_span input, struct btr_span *topic, uint32_t *partition);

#endif
