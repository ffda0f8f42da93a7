#ifndef BTR_EXTENT_H
#define BTR_EXTENT_H
/**
 * What an intrusion had in its hands: processes it ran or was served by, connections it made, and
 * objects it changed. Not all that it can have touched: who only reads what an intruder wrote is
 * none of it (docs/LOSS.md, "Extent").
 */
#include <btr/edges.h>

/** How something came to be part of it. X(name, text) */
#define BTR_EXTENT_WHY_TABLE(X)                                                                    \
    X(GIVEN, "it is where the question starts")                                                    \
    X(ADDRESS, "it is a connection of an address that the intrusion came from")                    \
    X(THROUGH, "the alert came through it from the way in")                                        \
    X(STARTED, "it was started by a process of the intrusion")                                     \
    X(CHANGED, "it was changed by a process of the intrusion: injected or traced")                 \
    X(RAN, "it ran or loaded what the intrusion had written")                                      \
    X(ASKED, "it was started by a service or task that the intrusion had set up")                  \
    X(SERVED, "it served a connection of the intrusion")                                           \
    X(CONNECTED, "a process of the intrusion made the connection")                                 \
    X(OTHER_END, "it is the other end of a connection that the intrusion made")                    \
    X(WROTE, "a process of the intrusion wrote it")                                                \
    X(BECAME, "it is what the intrusion had written, under another name")

enum btr_extent_why {
#define BTR_EXTENT_WHY_ENUM(name, text) BTR_EXTENT_##name,
    BTR_EXTENT_WHY_TABLE(BTR_EXTENT_WHY_ENUM)
#undef BTR_EXTENT_WHY_ENUM
};

const char *btr_extent_why_text(uint8_t why);

enum btr_extent_role {
    BTR_EXTENT_PROCESS,    /* all that it did in that time is the intrusion's */
    BTR_EXTENT_SERVER,     /* it served the intrusion in that time, and others, too */
    BTR_EXTENT_CONNECTION, /* the intrusion speaks on it from then on */
    BTR_EXTENT_OBJECT,     /* file, task, service, registry key: the intrusion's from then on */
};

struct btr_extent_item {
    struct btr_id entity;
    int64_t since_ns, until_ns; /* order time; INT64_MAX: to its end */
    uint32_t source;            /* that tells since_ns; BTR_SOURCE_NONE: none */
    uint32_t by;       /* the item that it came of, an index below its own; UINT32_MAX: none */
    uint8_t role, why; /* enum btr_extent_role, enum btr_extent_why */
};

/** Items in the order in which they were found. An entity may have several: a server that served
 * more than once. */
struct btr_extent {
    struct btr_extent_item *items;
    uint32_t count, capacity;
    uint32_t most; /* items; 0: BTR_EXTENT_MAX */
    bool cut;      /* there is more */
};

enum { BTR_EXTENT_MAX = 1 << 20 };

/** Takes a process in as the intrusion's own from a time on. @return 0 or BTR_E_NOMEM */
typedef int btr_extent_take(void *growth, struct btr_id process, int64_t since_ns, uint32_t source,
                            enum btr_extent_why why);

/** What edges alone do not tell. */
struct btr_extent_rules {
    void *self;
    /**
     * Hears of somebody who read an object of the intrusion and is none of it so far, once each;
     * takes in what is the intrusion's by that: a reader that runs it as a script, what a reader
     * starts because it says so.
     * @param read  `other` is the reader
     * @return 0, or a failure
     */
    int (*read)(void *self, const struct btr_extent_item *object, const struct btr_flow *read,
                btr_extent_take *take, void *growth, struct btr_err *err);
};

/** Adds where to begin. @return 0 or BTR_E_NOMEM */
int btr_extent_add(struct btr_extent *extent, const struct btr_extent_item *item,
                   struct btr_err *err);
/**
 * Follows what a process of the intrusion starts, injects into, connects to and writes; who serves
 * its connections; and who runs what it wrote. A server is told from a process that serves the
 * intrusion alone by having accepted more than one connection.
 * @param extent  holds where to begin; receives the rest. Zeroed it is empty
 * @param from    the items before this one were followed by an earlier call; 0: none was
 * @param rules   NULL: none
 * @return 0, or as btr_reader_flows
 */
int btr_extent_find(struct btr_extent *extent, uint32_t from, const struct btr_edges *edges,
                    const struct btr_extent_rules *rules, struct btr_err *err);
void btr_extent_fini(struct btr_extent *extent);
/** Whether a process serves many: it accepted more than one connection, of anybody. @return 0, or
 * as btr_reader_flows */
int btr_extent_serves_many(const struct btr_edges *edges, struct btr_id process, bool *many,
                           struct btr_err *err);
/** Whether an operation puts something into its object, or makes it. */
bool btr_extent_writes(uint8_t operation);

#endif
