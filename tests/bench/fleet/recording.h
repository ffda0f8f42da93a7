#ifndef FLEET_RECORDING_H
#define FLEET_RECORDING_H
/** A recording in memory: what `backtrail ingest` made of it, in the order in which it arrived. */
#include <btr/arena.h>
#include <btr/err.h>
#include <btr/event.h>

/* Where an entity is one and the same. */
enum fleet_scope {
    FLEET_SCOPE_UNIT, /* on one day of a site: processes, connections, pipes, short-lived files */
    FLEET_SCOPE_SITE, /* on a site: files, users, hosts, rendezvous */
};

struct fleet_entity {
    struct btr_id id;
    uint32_t host; /* of the recording's hosts, or UINT32_MAX */
    uint32_t attr_first, attr_count;
    struct btr_span path, root; /* of a file whose id is made of them; else path is empty */
    uint8_t kind, flags;
    uint8_t scope;    /* enum fleet_scope */
    bool short_lived; /* a file that was created and deleted within the recording */
    bool in_proc;     /* a file of one process: /proc/PID/... */
    bool attack;      /* a process that served only the attack */
};

/** 64 bytes an event, of which there are millions. */
struct fleet_event {
    int64_t time_ns, first_ns, last_ns;
    uint64_t bytes, record_id;
    uint32_t line; /* the store's, of inputs of less than 4 G lines */
    uint32_t subject, object;
    uint16_t stream;
    uint8_t operation, doubt, flags;
    bool attack;
};

struct fleet_stream {
    uint32_t host; /* of the recording's hosts */
    struct btr_span source, input;
    uint32_t event_first, event_count; /* in the order of lines */
    uint64_t line_count;
};

struct fleet_recording {
    struct btr_arena *arena; /* holds all spans */
    struct fleet_event *events; /* by stream, then line */
    struct fleet_entity *entities; /* by id */
    struct btr_attr *attrs;
    struct btr_span *hosts;
    struct fleet_stream *streams;
    struct btr_idmap by_id;
    uint32_t event_count, entity_count, attr_count, host_count, stream_count;
    uint32_t event_capacity, entity_capacity, attr_capacity, host_capacity, stream_capacity;
    uint32_t attack_count;       /* events */
    int64_t first_ns, last_ns;   /* least and greatest last_ns */
    uint64_t record_least, record_most; /* of record ids; 0 when there are none */
};

/**
 * Loads a store. The result does not depend on the store's format or segments.
 * @param attack  a file with lines "HOST PID FIRST_RECORD LAST_RECORD" (PID 0: any), or NULL
 * @return 0, or what the reader failed with; BTR_E_FORMAT names the attack file's line
 */
int fleet_recording_load(struct fleet_recording *out, const char *store, const char *attack,
                         struct btr_err *err);
void fleet_recording_fini(struct fleet_recording *r);

#endif
