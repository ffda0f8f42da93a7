#ifndef FLEET_SINKS_H
#define FLEET_SINKS_H
/** Sinks that keep nothing: for the cost of the generator alone, and to compare what it makes. */
#include <btr/sink.h>

struct fleet_sink {
    struct btr_sink sink;
    uint32_t pending; /* events since the last publish */
    bool digests;
    uint64_t digest; /* of all that was appended and published, in order */
};

/** @param digests  whether a digest is taken */
void fleet_sink_init(struct fleet_sink *s, bool digests);

#endif
