#ifndef BTR_EVENT_H
#define BTR_EVENT_H
/**
 * The event model: what a decoder makes of records, and what every later room works on.
 * docs/EVENTS.md is its manual; the tables here are its source.
 */
#include <btr/id.h>

/* ---- Entities ------------------------------------------------------------------------------- */

/* X(name, number, word). The number is on disk; `word` is what --kind and JSON say. */
#define BTR_KIND_TABLE(X)              \
    X(PROCESS, 1, "process")           \
    X(FILE, 2, "file")                 \
    X(FLOW, 3, "flow")                 \
    X(CHANNEL, 4, "channel")           \
    X(RENDEZVOUS, 5, "rendezvous")     \
    X(SESSION, 6, "session")           \
    X(USER, 7, "user")                 \
    X(HOST, 8, "host")                 \
    X(CONTAINER, 9, "container")       \
    X(REGISTRY, 10, "registry")        \
    X(SERVICE, 11, "service")          \
    X(TASK, 12, "task")                \
    X(WMI, 13, "wmi")                  \
    X(DNS, 14, "dns")                  \
    X(SHARE, 15, "share")              \
    X(MEMORY, 16, "memory")

enum btr_kind {
    BTR_KIND_NONE = 0,
#define BTR_KIND_ENUM(name, number, word) BTR_KIND_##name = number,
    BTR_KIND_TABLE(BTR_KIND_ENUM)
#undef BTR_KIND_ENUM
    BTR_KIND_MAX = 16
};

/** @return the word of a kind, or NULL */
const char *btr_kind_word(unsigned kind);
/** @return the kind of a word, or BTR_KIND_NONE */
enum btr_kind btr_kind_find(struct btr_span word);

/* X(name, number, ecs). Attributes of entities under their outward (ECS) name. Values are bytes;
   numbers are decimal text. "file.mode" is octal text as ECS wants. Names with no ECS field begin with "backtrail.". */
#define BTR_ATTR_TABLE(X)                                      \
    X(HOST_NAME, 1, "host.name")                               \
    X(PROCESS_PID, 2, "process.pid")                           \
    X(PROCESS_EXECUTABLE, 3, "process.executable")             \
    X(PROCESS_NAME, 4, "process.name")                         \
    X(PROCESS_COMMAND_LINE, 5, "process.command_line")         \
    X(PROCESS_WORKING_DIRECTORY, 6, "process.working_directory") \
    X(PROCESS_ENTITY_ID, 7, "process.entity_id")               \
    X(PROCESS_START, 8, "process.start")                       \
    X(PROCESS_PARENT_PID, 9, "process.parent.pid")             \
    X(PROCESS_PARENT_EXECUTABLE, 10, "process.parent.executable") \
    X(PROCESS_HASH_SHA256, 11, "process.hash.sha256")          \
    X(USER_ID, 12, "user.id")                                  \
    X(USER_NAME, 13, "user.name")                              \
    X(USER_DOMAIN, 14, "user.domain")                          \
    X(FILE_PATH, 15, "file.path")                              \
    X(FILE_INODE, 16, "file.inode")                            \
    X(FILE_DEVICE, 17, "file.device")                          \
    X(FILE_MODE, 18, "file.mode")                              \
    X(FILE_OWNER, 19, "file.uid")                              \
    X(FILE_HASH_SHA256, 20, "file.hash.sha256")                \
    X(FILE_HASH_MD5, 21, "file.hash.md5")                      \
    X(FILE_SIGNATURE, 22, "file.code_signature.subject_name")  \
    X(FILE_ROOT, 23, "backtrail.file.root")                    \
    X(NETWORK_TRANSPORT, 24, "network.transport")              \
    X(SOURCE_IP, 25, "source.ip")                              \
    X(SOURCE_PORT, 26, "source.port")                          \
    X(DESTINATION_IP, 27, "destination.ip")                    \
    X(DESTINATION_PORT, 28, "destination.port")                \
    X(DESTINATION_DOMAIN, 29, "destination.domain")            \
    X(CHANNEL_TYPE, 30, "backtrail.channel.type")              \
    X(CHANNEL_NAME, 31, "backtrail.channel.name")              \
    X(CONTAINER_ID, 32, "container.id")                        \
    X(SESSION_ID, 33, "backtrail.session.id")                  \
    X(REGISTRY_PATH, 34, "registry.path")                      \
    X(REGISTRY_VALUE, 35, "registry.data.strings")             \
    X(SERVICE_NAME, 36, "service.name")                        \
    X(TASK_NAME, 37, "backtrail.task.name")                    \
    X(WMI_NAME, 38, "backtrail.wmi.name")                      \
    X(DNS_QUESTION_NAME, 39, "dns.question.name")              \
    X(SHARE_NAME, 40, "backtrail.share.name")                  \
    X(TITLE, 41, "process.title")                              \
    X(FLOW_OUTSIDE, 42, "backtrail.flow.outside")              \
    X(TERMINAL, 43, "process.tty.name")                        \
    X(RETIRED, 44, "backtrail.end")                            \
    X(DETAIL, 45, "backtrail.detail")

enum btr_attr_key {
    BTR_ATTR_NONE = 0,
#define BTR_ATTR_ENUM(name, number, ecs) BTR_ATTR_##name = number,
    BTR_ATTR_TABLE(BTR_ATTR_ENUM)
#undef BTR_ATTR_ENUM
    BTR_ATTR_MAX = 45
};

const char *btr_attr_name(unsigned key);                 /* NULL when unknown */
enum btr_attr_key btr_attr_find(struct btr_span name);   /* BTR_ATTR_NONE when unknown */

/** One attribute of an entity, from a time on (an image history is several). */
struct btr_attr {
    uint16_t key;         /* enum btr_attr_key */
    int64_t since_ns;     /* order time of the event that told it */
    struct btr_span value;
};

enum btr_entity_flag {
    BTR_ENTITY_UNCERTAIN = 1, /* a process whose start was not seen; cleared by a later note without it */
    BTR_ENTITY_HALF = 2,      /* a flow of which one end was seen: it meets its other half at a rendezvous */
    BTR_ENTITY_OUTSIDE = 4,   /* a flow whose other end is outside the inventory */
};

/** What a decoder tells about an entity. Told again, attributes add up; equal ones count once. */
struct btr_note {
    struct btr_id id;
    uint8_t kind;   /* enum btr_kind */
    uint8_t flags;  /* enum btr_entity_flag; the last note wins */
    uint32_t host;  /* index of a name in the batch, or UINT32_MAX for what belongs to no host (a flow); of several the least name stays */
    uint32_t attr_first, attr_count; /* in the batch's attrs */
};

/* ---- Events --------------------------------------------------------------------------------- */

/** Which way information flows between an event's subject and object. */
enum btr_direction {
    BTR_FLOW_NONE, /* told, but no flow: close, exit */
    BTR_FLOW_IN,   /* object -> subject */
    BTR_FLOW_OUT,  /* subject -> object */
    BTR_FLOW_BOTH,
    BTR_FLOW_MEET, /* a half-seen flow (subject) stands at a rendezvous (object); followed by pairing only */
};

/* X(name, number, direction, word, phrase). The number is on disk. `phrase` is the operation in words,
   subject first, for people. Subject is the acting process unless docs/EVENTS.md says otherwise. */
#define BTR_OPERATION_TABLE(X)                                                       \
    X(READ, 1, IN, "read", "read")                                                   \
    X(RECV, 2, IN, "recv", "received from")                                          \
    X(LOAD, 3, IN, "load", "loaded")                                                 \
    X(MAP, 4, IN, "map", "mapped")                                                   \
    X(EXEC, 5, IN, "exec", "executed")                                               \
    X(OPEN_READ, 6, IN, "open_read", "opened for reading")                           \
    X(WRITE, 7, OUT, "write", "wrote")                                               \
    X(SEND, 8, OUT, "send", "sent to")                                               \
    X(OPEN_WRITE, 9, BOTH, "open_write", "opened for writing")                        \
    X(OPEN_BOTH, 10, BOTH, "open_both", "opened for reading and writing")            \
    X(CREATE, 11, OUT, "create", "created")                                          \
    X(TRUNCATE, 12, OUT, "truncate", "truncated")                                    \
    X(CHMOD, 13, OUT, "chmod", "changed the mode of")                                \
    X(CHOWN, 14, OUT, "chown", "changed the owner of")                               \
    X(SETATTR, 15, OUT, "setattr", "set attributes of")                              \
    X(SETTIME, 16, OUT, "settime", "set the times of")                               \
    X(DELETE, 17, OUT, "delete", "deleted")                                          \
    X(RENAME, 18, OUT, "rename", "renamed to")                                       \
    X(RENAMED, 19, OUT, "renamed", "became by rename")                               \
    X(LINK, 20, OUT, "link", "linked as")                                            \
    X(LINKED, 21, OUT, "linked", "became by link")                                   \
    X(SAME, 22, OUT, "same", "is also")                                              \
    X(FORK, 23, OUT, "fork", "started")                                              \
    X(EXIT, 24, NONE, "exit", "ended")                                               \
    X(CONNECT, 25, OUT, "connect", "connected to")                                  \
    X(ACCEPT, 26, OUT, "accept", "accepted")                                        \
    X(BIND, 27, NONE, "bind", "bound to")                                            \
    X(LISTEN, 28, NONE, "listen", "listened on")                                     \
    X(MEET_CLIENT, 29, MEET, "meet_client", "is the client at")                      \
    X(MEET_SERVER, 30, MEET, "meet_server", "is the server at")                      \
    X(PTRACE, 31, BOTH, "ptrace", "traced")                                          \
    X(INJECT, 32, OUT, "inject", "injected into")                                    \
    X(SIGNAL, 33, OUT, "signal", "signalled")                                        \
    X(ACCESS, 34, IN, "access", "opened the process")                                \
    X(SETUID, 35, NONE, "setuid", "changed user to")                                 \
    X(LOGIN, 36, BOTH, "login", "logged in as")                                      \
    X(LOGOUT, 37, NONE, "logout", "logged out of")                                   \
    X(SESSION_OF, 38, OUT, "session_of", "holds")                                    \
    X(MOUNT, 39, OUT, "mount", "mounted")                                            \
    X(REG_SET, 40, OUT, "reg_set", "set")                                            \
    X(REG_DELETE, 41, OUT, "reg_delete", "deleted")                                  \
    X(REG_READ, 42, IN, "reg_read", "read")                                          \
    X(SERVICE_INSTALL, 43, OUT, "service_install", "installed")                      \
    X(SERVICE_START, 44, OUT, "service_start", "started")                            \
    X(TASK_SET, 45, OUT, "task_set", "scheduled")                                    \
    X(TASK_RUN, 46, OUT, "task_run", "ran")                                          \
    X(WMI_SET, 47, OUT, "wmi_set", "set up")                                         \
    X(WMI_RUN, 48, OUT, "wmi_run", "ran")                                            \
    X(DNS_QUERY, 49, BOTH, "dns_query", "asked for")                                 \
    X(SHARE_ACCESS, 50, BOTH, "share_access", "accessed")                            \
    X(LOG_CLEAR, 51, OUT, "log_clear", "cleared")                                    \
    X(AUDIT_CHANGE, 52, OUT, "audit_change", "changed the audit rules of")           \
    X(MODULE_LOAD, 53, OUT, "module_load", "loaded a kernel module on")              \
    X(PIPE_CREATE, 54, BOTH, "pipe_create", "created the pipe")                      \
    X(PIPE_CONNECT, 55, BOTH, "pipe_connect", "opened the pipe")                     \
    X(PASS, 56, BOTH, "pass", "shares descriptors with")                             \
    X(TOLD, 57, NONE, "told", "is in a record of")                                   \
    X(OPEN_DENIED, 58, NONE, "open_denied", "was refused")

enum btr_operation {
    BTR_OP_NONE = 0,
#define BTR_OP_ENUM(name, number, direction, word, phrase) BTR_OP_##name = number,
    BTR_OPERATION_TABLE(BTR_OP_ENUM)
#undef BTR_OP_ENUM
    BTR_OP_MAX = 58
};

enum btr_direction btr_operation_direction(unsigned operation); /* BTR_FLOW_NONE when unknown */
const char *btr_operation_word(unsigned operation);             /* NULL when unknown */
const char *btr_operation_phrase(unsigned operation);
enum btr_operation btr_operation_find(struct btr_span word);

/* X(name, number, text). Why a step is not certain. */
#define BTR_DOUBT_TABLE(X)                                                            \
    X(PARENT_BY_PPID, 1, "the fork was not recorded; the parent is told by ppid only") \
    X(PARENT_BY_ORDER, 2, "parent taken from the open clone by order")                \
    X(DESCRIPTOR_UNKNOWN, 3, "the descriptor was opened before the records begin")    \
    X(PATH_BY_CWD, 4, "relative path resolved by the last known folder")              \
    X(PAIR_BY_ORDER, 5, "the two ends were paired by order and time")                 \
    X(PAIR_AMBIGUOUS, 6, "several connections fit; paired by order")                  \
    X(PID_REUSED, 7, "the pid may have been used again")                              \
    X(GUID_BY_PID, 8, "joined by pid and time, the ids of the agent differ")          \
    X(INFERRED, 9, "not recorded; inferred from another record")                      \
    X(STATE_EVICTED, 10, "state was evicted to stay within memory")

enum btr_doubt {
    BTR_DOUBT_NONE = 0,
#define BTR_DOUBT_ENUM(name, number, text) BTR_DOUBT_##name = number,
    BTR_DOUBT_TABLE(BTR_DOUBT_ENUM)
#undef BTR_DOUBT_ENUM
    BTR_DOUBT_MAX = 10
};

const char *btr_doubt_text(unsigned doubt); /* NULL for NONE and unknown */

enum btr_event_flag {
    BTR_EVENT_INTERVAL = 1, /* the flow happened at an unknown moment of first..last (an open descriptor) */
    BTR_EVENT_IMPLIED = 2,  /* told by no record of its own: inferred by the decoder; not in counts by operation */
    BTR_EVENT_PART = 4,     /* a further event of a record that already has one; not in counts by operation */
    BTR_EVENT_FAILED = 8,   /* the attempt was refused by the host */
    BTR_EVENT_THINNED = 16, /* several alike events as one, from the first's first to the last's last; bytes: their sum */
    BTR_EVENT_ENDS = 32,    /* fewer bytes came than were asked for: what was read ended at the end of the file */
};

/** Of an event's flags what tells how it happened: all but ENDS, which says more of the bytes that moved. Events that differ in that
 *  alone are told twice, or are thinned to one. */
static inline unsigned btr_event_flags_alike(unsigned flags)
{
    return flags & ~(unsigned)BTR_EVENT_ENDS;
}

/** Whether an event read up to the end of a file. One that stands for several never says so; of programs of before it may have the flag. */
static inline bool btr_event_ends(unsigned flags)
{
    return (flags & (BTR_EVENT_ENDS | BTR_EVENT_THINNED)) == BTR_EVENT_ENDS;
}

#define BTR_BYTES_UNKNOWN UINT64_MAX

struct btr_event {
    struct btr_id subject, object;
    int64_t time_ns;           /* the agent's own time */
    int64_t first_ns, last_ns; /* order time; first <= last; equal for an instant */
    uint64_t bytes;            /* moved, or BTR_BYTES_UNKNOWN */
    uint64_t record_id;        /* the agent's own: audit serial, Windows record id; 0 when it has none */
    uint64_t line;             /* place in the input: line from 1 (or Kafka offset) of the first record */
    uint32_t stream;           /* index in the batch's streams */
    uint8_t operation;         /* enum btr_operation */
    uint8_t doubt;             /* enum btr_doubt */
    uint8_t flags;             /* enum btr_event_flag */
};

/* ---- Gaps and quarantine -------------------------------------------------------------------- */

#define BTR_GAP_TABLE(X)                                                        \
    X(LOST, 1, "the kernel dropped records (lost=)")                            \
    X(BACKLOG, 2, "the audit backlog overflowed")                               \
    X(STOPPED, 3, "the agent was stopped")                                      \
    X(STARTED, 4, "the agent was started")                                      \
    X(HOLE, 5, "numbers are missing from the sequence")                         \
    X(CLOCK, 6, "the clock jumped")                                             \
    X(RULES, 7, "the audit rules were changed")                                 \
    X(UNDECODED, 8, "records could not be decoded")                             \
    X(CLEARED, 9, "the log was cleared")                                        \
    X(EVICTED, 10, "decoder state was evicted")                                 \
    X(CUT, 11, "the input ends inside a record")                                \
    X(OFFSETS, 12, "messages of a topic are not there")                         \
    X(SPLIT, 13, "the records of one host go to several ingesters")             \
    X(SHARED, 14, "numbers are missing from a sequence that hosts share")

enum btr_gap_kind {
    BTR_GAP_NONE = 0,
#define BTR_GAP_ENUM(name, number, text) BTR_GAP_##name = number,
    BTR_GAP_TABLE(BTR_GAP_ENUM)
#undef BTR_GAP_ENUM
    BTR_GAP_MAX = 14
};

const char *btr_gap_text(unsigned kind);
const char *btr_gap_word(unsigned kind); /* "lost", "hole", ... */

/** An interval in which a source is known, or must be suspected, not to have told everything. */
struct btr_gap {
    uint32_t stream;              /* index in the batch's streams */
    uint8_t kind;                 /* enum btr_gap_kind */
    int64_t from_ns, until_ns;    /* order time */
    uint64_t from_id, until_id;   /* the agent's ids around it, 0 when it has none: missing are those between */
    uint64_t count;               /* records missing, 0 when unknown */
    uint64_t line;
    struct btr_span why;          /* one sentence, or a piece of the record */
};

/** A record that could not be decoded, kept whole up to a bound. */
struct btr_quarantined {
    uint32_t stream;
    uint64_t line;
    uint64_t offset;        /* of the fault within the record */
    uint64_t record_size;   /* bytes of the whole record, of which `record` may be the beginning */
    struct btr_span reason; /* one sentence */
    struct btr_span record; /* at most BTR_QUARANTINE_RECORD_MAX bytes */
};

enum { BTR_QUARANTINE_RECORD_MAX = 64 << 10 };

/* ---- Batch ---------------------------------------------------------------------------------- */

/** Where events come from: one sequence of one agent on one host. */
struct btr_stream {
    struct btr_span host;   /* canonical: lower case, short */
    struct btr_span source; /* "auditd", or a Windows channel "Microsoft-Windows-Sysmon/Operational" */
};

/**
 * What decoders fill and sinks take. Arrays grow as needed; spans point into the record, into the
 * arena of the batch, or into memory of the decoder that lives as long as the batch.
 */
struct btr_batch {
    struct btr_event *events;
    struct btr_note *notes;
    struct btr_attr *attrs;
    struct btr_gap *gaps;
    struct btr_quarantined *quarantined;
    struct btr_stream *streams;
    struct btr_span *names; /* host names that notes refer to */
    struct btr_idmap stream_map, name_map; /* of many of them: to their index */
    uint32_t event_count, note_count, attr_count, gap_count, quarantined_count, stream_count, name_count;
    uint32_t event_capacity, note_capacity, attr_capacity, gap_capacity, quarantined_capacity, stream_capacity,
        name_capacity;
    uint32_t epoch;        /* grows when a segment is cut: entities must then be noted again */
    uint32_t input;        /* which input the lines count in; set by the feeder, the sink knows it */
    uint64_t line;         /* of the record being decoded; set by the feeder */
    uint64_t record_count; /* records that made this batch; set by the feeder */
};

void btr_batch_init(struct btr_batch *batch);
void btr_batch_fini(struct btr_batch *batch);
/** Empties it; keeps memory, epoch and input. */
void btr_batch_clear(struct btr_batch *batch);

/* Each adder returns the new element (zeroed), or NULL when out of memory. It is valid until the next add. */
struct btr_event *btr_batch_event(struct btr_batch *batch);
struct btr_note *btr_batch_note(struct btr_batch *batch);
struct btr_gap *btr_batch_gap(struct btr_batch *batch);
struct btr_quarantined *btr_batch_quarantine(struct btr_batch *batch);
/** Adds an attribute to the last note; empty values are not added. @return false when out of memory */
bool btr_batch_attr(struct btr_batch *batch, enum btr_attr_key key, int64_t since_ns, struct btr_span value);
/** Finds or adds. The spans must live as long as the batch. @return the index, or UINT32_MAX when out of memory */
uint32_t btr_batch_stream(struct btr_batch *batch, struct btr_span host, struct btr_span source);
uint32_t btr_batch_name(struct btr_batch *batch, struct btr_span name);

#endif
