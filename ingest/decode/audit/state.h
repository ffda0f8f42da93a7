#ifndef INGEST_AUDIT_STATE_H
#define INGEST_AUDIT_STATE_H
/**
 * What the resolver remembers of one host between records: processes, descriptor tables, open
 * files, inodes in use. Everything lives in pools that are bounded and can be saved; things name
 * each other by index.
 */
#include "../serials.h"
#include <btr/decoder.h>
#include <btr/identity.h>

#include "assemble.h"
#include "audit_event.h"

#define AUDIT_NONE UINT32_MAX

enum audit_object_kind {
    AUDIT_OBJECT_FILE,
    AUDIT_OBJECT_DIRECTORY,
    AUDIT_OBJECT_DEVICE,  /* a character device that does not hand on what was written: no flow */
    AUDIT_OBJECT_CHANNEL, /* pipe, socket pair, unix connection, memory file */
    AUDIT_OBJECT_FLOW,
    AUDIT_OBJECT_SOCKET, /* not connected: knows at most its own address */
    AUDIT_OBJECT_LISTENER,
};

/** Which calls the rules of a host record one by one. */
enum audit_told {
    AUDIT_TOLD_READS = 1,
    AUDIT_TOLD_WRITES = 2,
    AUDIT_TOLD_RECEIVES = 4,
    AUDIT_TOLD_SENDS = 8
};

enum audit_bound { AUDIT_BOUND = 1, AUDIT_BOUND_LISTENS = 2 };

enum audit_access {
    AUDIT_CAN_READ = 1,
    AUDIT_CAN_WRITE = 2,
    AUDIT_ENDS_SHORT = 4 /* a regular file: a read gives less than was asked for only at its end */
};

/** An open file description: what descriptors point at. Shared by dup and fork. */
struct audit_object {
    struct btr_id id;
    uint32_t refs;
    uint32_t noted_epoch;
    uint8_t kind;   /* enum audit_object_kind */
    uint8_t access; /* enum audit_access */
    uint8_t entity; /* enum btr_kind */
    uint8_t flags;  /* enum btr_entity_flag */
    uint8_t doubt;
    bool changed;       /* written through */
    uint32_t inode;     /* index of the inode's life, or AUDIT_NONE */
    uint16_t name_slot; /* which of the inode's names this was opened by */
    uint64_t opened_serial, opened_line;
    int64_t opened_ns, opened_time_ns; /* order time, the record's own */
    struct btr_span path; /* owned; file: full path; socket: unix path; else a name for people */
    struct btr_span root; /* interned */
    /* sockets and flows */
    struct btr_id rendezvous; /* of a listening unix socket */
    uint8_t family;           /* enum audit_family */
    uint8_t datagram;         /* from socket(2), when told */
    uint16_t port, peer_port; /* own, other end's */
    char ip[46], peer_ip[46];
};

struct audit_slot {
    uint32_t object; /* index, or AUDIT_NONE */
    uint8_t cloexec;
    int64_t since_ns; /* order time from which this table has it */
};

/** A descriptor table; shared by processes made with CLONE_FILES. */
struct audit_table {
    uint32_t refs;
    uint32_t slot_count;
    struct audit_slot *slots; /* by descriptor */
};

enum audit_process_flag {
    AUDIT_PROC_FORK_TOLD = 1, /* a record of its fork was seen */
    AUDIT_PROC_UNCERTAIN = 2, /* start not seen */
    AUDIT_PROC_ENDED = 4,
    AUDIT_PROC_THREADED = 8, /* calls of several threads overlap */
    AUDIT_PROC_OWN_PIDS =
        16, /* in a pid namespace of its own: clone returns numbers of that namespace */
    AUDIT_PROC_CHILD_PIDS = 32,  /* unshared: its children are in a new namespace */
    AUDIT_PROC_ACTED = 64,       /* has had an event of its own */
    AUDIT_PROC_IMAGE_TOLD = 128, /* command line comes from an EXECVE record */
};

enum { AUDIT_MAPS_MAX = 8 };

struct audit_process {
    struct btr_id id;
    uint32_t pid, ppid;
    uint32_t uid, auid, ses, euid;
    uint32_t table; /* index */
    uint32_t noted_epoch;
    uint8_t flags; /* enum audit_process_flag */
    int64_t start_ns, first_ns,
        last_ns;               /* order times: key of the id, first own event, last own event */
    int64_t image_ns, user_ns; /* since when the attributes hold */
    struct btr_span exe, comm, command, cwd; /* owned; exe and comm as written in the record */
    struct btr_span root, prefix;            /* interned: container root, chroot */
    uint32_t maps[AUDIT_MAPS_MAX];           /* objects mapped shared and writable */
    int64_t map_since_ns[AUDIT_MAPS_MAX];
    uint8_t map_count;
};

enum { AUDIT_NAMES_MAX = 8 };

struct audit_name {
    struct btr_id id;
    struct btr_span path; /* owned */
    struct btr_span root; /* interned */
    uint32_t version;     /* of the content that this name was last joined to */
    bool changed;         /* content was changed through it */
};

/** One life of an inode, and the names it was used by. */
struct audit_inode {
    uint64_t device, number;
    uint32_t refs;    /* objects that hold it */
    uint32_t used;    /* clock hand's mark */
    uint32_t version; /* grows when the content changes; 0: not changed since it was first seen */
    uint16_t name_count, last_name; /* last_name: the one through which it was changed last */
    struct audit_name *names;       /* AUDIT_NAMES_MAX of them, or NULL while there are none */
};

/** A clone whose child cannot be told yet: clone3 (maybe a thread), or from inside a pid namespace.
 */
struct audit_open_clone {
    uint32_t parent_pid, returned;
    uint64_t serial, line;
    int64_t time_ns, first_ns, last_ns;
    struct btr_id parent;
    uint32_t table; /* the descriptors that the child begins with, whatever its parent closes
                       meanwhile; or AUDIT_NONE */
};

enum {
    AUDIT_OPEN_CLONES_MAX = 256,
    AUDIT_RECENT_MAX = 256,
    AUDIT_LATE_MAX = 16 * AUDIT_RECENT_MAX, /* serials that a record may come late */
    AUDIT_HOLES_MAX = 256,
    AUDIT_DESCRIPTOR_MAX = 65536,
    AUDIT_INODES_IN_HAND = 4,
    AUDIT_SAVE_VERSION = 3, /* 2: without holes that wait to be filled */
    AUDIT_SAVE_VERSION_LEAST = 2,
    AUDIT_FDCWD = -100 /* AT_FDCWD: names count from the working folder */
};

/** Serials that no record had when one of a higher came. */
struct audit_hole {
    uint64_t from, until; /* serials around it */
    int64_t from_ns, until_ns;
    uint64_t line;
};

struct audit_recent {
    uint64_t serial;
    int64_t order_ns;
};

struct audit_host {
    struct btr_decoder_config config;
    struct btr_span host; /* owned copy of the canonical name */
    struct btr_span serial_space;
    struct serials_space *shared; /* of a counter that others share, where it is compared; and */
    uint32_t shared_member;       /* its place among them */
    /* pools */
    struct audit_object *objects;
    struct audit_process *processes;
    struct audit_table *tables;
    struct audit_inode *inodes;
    uint32_t object_count, object_capacity, object_free;
    uint32_t process_count, process_capacity, process_free;
    uint32_t table_count, table_capacity, table_free;
    uint32_t inode_count, inode_capacity, inode_hand;
    struct btr_u64map pids;      /* pid -> process */
    struct btr_u64map inode_map; /* hash of device and number -> inode */
    struct btr_span *interned;
    uint32_t interned_count, interned_capacity, interned_most; /* most: swept at that many */
    size_t bytes;                                              /* of owned strings and slots */
    uint32_t process_max, object_max, inode_max, object_live;
    size_t bytes_max;
    uint32_t in_hand[2]; /* the acting process and its parent: not evicted for their own event */
    uint32_t inodes_in_hand[AUDIT_INODES_IN_HAND]; /* those that the event in hand works on */
    uint8_t inode_taken;                           /* the next of these to use */
    /* what the rules of this host record, by uid */
    struct btr_u64map told; /* uid -> enum audit_told */
    uint32_t told_any;
    struct btr_u64map
        bound; /* low half of a unix rendezvous -> enum audit_bound: sockets with a name */
    /* order */
    int64_t order_ns;        /* last order time given */
    int64_t clock_offset_ns; /* added to record times in this clock epoch */
    uint32_t behind_count;   /* consecutive records more than 10 s behind */
    uint64_t last_serial;
    bool any;
    bool agent_started;       /* since the last record of the kernel */
    int64_t agent_started_ns; /* order time of the last start of which no new boot is known, or 0 */
    int64_t old_boot_ns;      /* order time of the last record before it */
    struct audit_recent recent[AUDIT_RECENT_MAX];
    uint32_t recent_next;
    /* holes in serials that wait to be filled, by serial; and those that wait to be told together
     */
    struct audit_hole holes[AUDIT_HOLES_MAX];
    uint32_t holes_open;
    uint64_t hole_from, hole_until, hole_count, hole_line;
    int64_t hole_from_ns, hole_until_ns;
    struct audit_open_clone clones[AUDIT_OPEN_CLONES_MAX];
    uint32_t clone_count;
    uint64_t events, evicted, orphans;
    /* noted in the batch's epoch, for what is no object or process */
    struct btr_idmap noted;
    uint32_t noted_epoch;
    /* the record in hand */
    const struct audit_event *e;
    struct btr_batch *batch;
    struct btr_arena *arena;
    int64_t now_ns, first_ns; /* order time of this event; of its call's entry */
    uint32_t stream, name;
    uint32_t emitted;
    bool out_of_memory;
    struct btr_event spare_event;
    struct btr_note spare_note;
};

/* pools (pool.c) */
struct audit_host *audit_host_new(const struct btr_decoder_config *config);
void audit_host_free(struct audit_host *h);
uint32_t
audit_object_new(struct audit_host *h); /* refs 1, zeroed; AUDIT_NONE when there is no room */
void audit_object_hold(struct audit_host *h, uint32_t object);
void audit_object_drop(struct audit_host *h, uint32_t object);
uint32_t
audit_process_new(struct audit_host *h,
                  uint32_t pid); /* zeroed, in the pid map; AUDIT_NONE when there is no room */
void audit_process_free(struct audit_host *h, uint32_t process);
uint32_t audit_table_new(struct audit_host *h);
uint32_t audit_table_copy(struct audit_host *h, uint32_t table, int64_t since_ns);
void audit_table_hold(struct audit_host *h, uint32_t table);
void audit_table_drop(struct audit_host *h, uint32_t table);
/** Copies into an owned string, freeing the old one. */
void audit_string_set(struct audit_host *h, struct btr_span *owned, struct btr_span value);
struct btr_span audit_intern(struct audit_host *h, struct btr_span value);
/** Frees interned strings that nothing uses; next at twice of what is kept, or `least`. */
void audit_interned_sweep(struct audit_host *h, uint32_t least);
uint32_t audit_inode_find(struct audit_host *h, uint64_t device, uint64_t number);
uint32_t audit_inode_add(struct audit_host *h, uint64_t device, uint64_t number); /* found or new */

/** Holes in serials (holes.c): a record with a higher one has come, or a late one; all that wait
 * are told. `before_ns`: order time of the record before. */
void audit_holes_see(struct audit_host *h, uint64_t serial, int64_t before_ns);
void audit_holes_fill(struct audit_host *h, uint64_t serial);
void audit_holes_tell(struct audit_host *h);

/** Notices a new boot, whose processes are others (boot.c). `last_ns`: order time of the record
 * before; `lower`: this one's serial is lower than that, and it is not late. */
void audit_boot_see(struct audit_host *h, int64_t last_ns, bool lower);
/** Gives up what is missed least until the next event finds room (room.c). */
void audit_room_make(struct audit_host *h);

/* descriptors (descriptors.c) */
struct audit_slot *audit_slot_get(struct audit_host *h, uint32_t process,
                                  uint64_t fd); /* NULL when not open */
/** Puts an object under a descriptor, closing what was there. Takes over one reference. */
void audit_slot_put(struct audit_host *h, uint32_t process, uint64_t fd, uint32_t object,
                    bool cloexec);
void audit_slot_close(struct audit_host *h, uint32_t process, uint64_t fd);
void audit_slots_close(struct audit_host *h, uint32_t process, uint64_t first, uint64_t last);
void audit_slots_unshare(struct audit_host *h, uint32_t process); /* a table of its own */
void audit_slots_exec(struct audit_host *h, uint32_t process);    /* closes close-on-exec ones */
void audit_slots_end(struct audit_host *h, uint32_t process);     /* the process ended */
void audit_slots_tell(struct audit_host *h); /* intervals of all that is open, up to now */
/** The object of a descriptor; one that was opened before the records begin gets a stand-in with a
 * doubt. */
uint32_t audit_descriptor(struct audit_host *h, uint32_t process, uint64_t fd);
void audit_maps_end(struct audit_host *h, uint32_t process);

/* emitting (emit.c) */
struct btr_event *audit_emit(struct audit_host *h, struct btr_id subject, struct btr_id object,
                             enum btr_operation operation);
/** The same for what no record tells by itself: flag IMPLIED, not counted among the record's
 * events. */
struct btr_event *audit_emit_implied(struct audit_host *h, struct btr_id subject,
                                     struct btr_id object, enum btr_operation operation);
/** Fills in an instant (into a process) or entry..exit (out of one). */
struct btr_event *audit_emit_in(struct audit_host *h, uint32_t process, struct btr_id object,
                                enum btr_operation operation);
struct btr_event *audit_emit_out(struct audit_host *h, uint32_t process, struct btr_id object,
                                 enum btr_operation operation);
void audit_note_process(struct audit_host *h, uint32_t process); /* if not noted in this epoch */
void audit_note_object(struct audit_host *h, uint32_t object);
void audit_note_file(struct audit_host *h, struct btr_id id, struct btr_span root,
                     struct btr_span path);
/** The permissions that a file, noted before, has from now on. */
void audit_note_mode(struct audit_host *h, struct btr_id id, uint64_t mode);
/** A note for anything else; NULL when it was noted in this epoch already. */
struct btr_note *audit_note_new(struct audit_host *h, struct btr_id id, enum btr_kind kind);
void audit_attr(struct audit_host *h, enum btr_attr_key key, int64_t since_ns,
                struct btr_span value);
void audit_attr_number(struct audit_host *h, enum btr_attr_key key, int64_t since_ns,
                       uint64_t value);
struct btr_id audit_host_entity(struct audit_host *h);
struct btr_id audit_session_entity(struct audit_host *h, uint32_t auid, uint32_t ses);
struct btr_id audit_user_entity(struct audit_host *h, uint32_t uid);
void audit_gap(struct audit_host *h, enum btr_gap_kind kind, int64_t from_ns, uint64_t from_id,
               uint64_t count, struct btr_span why);

/* names (names.c) */
/** Joins and normalises a path; the result is in the arena. False when there is no name, or it is
 * relative to something unknown. */
bool audit_path_full(struct audit_host *h, uint32_t process, struct audit_text name, int64_t dirfd,
                     struct btr_span *out);
struct btr_id audit_file_id(struct audit_host *h, uint32_t process, struct btr_span path,
                            struct btr_span *root);
/** Says that an inode's content is used by a name now: `same` from the name it was changed through,
 * when that is another. */
void audit_inode_read(struct audit_host *h, uint32_t inode, uint16_t slot, int64_t first_ns,
                      int64_t last_ns, bool interval);
/** The same, and the content is changed through this name. */
void audit_inode_write(struct audit_host *h, uint32_t inode, uint16_t slot, int64_t first_ns,
                       int64_t last_ns, bool interval);
/** What was changed through a name is there under all others. */
void audit_inode_spread(struct audit_host *h, uint32_t inode, uint16_t slot, int64_t first_ns);
uint16_t audit_inode_name(struct audit_host *h, uint32_t inode, struct btr_id id,
                          struct btr_span root, struct btr_span path);
void audit_inode_forget_name(struct audit_host *h, uint32_t inode, struct btr_id name);
/** Forgets all names: the inode's life ended. */
void audit_inode_clear(struct audit_host *h, uint32_t inode);

/* the calls */
uint32_t
audit_process_of(struct audit_host *h); /* the acting process of the event in hand (process.c) */
uint32_t audit_process_by_pid(struct audit_host *h, uint32_t pid);
void audit_call_process(struct audit_host *h,
                        uint32_t process); /* process.c: fork, exec, exit, ids, signals */
void audit_call_clone(struct audit_host *h, uint32_t process);
void audit_clone_drop(struct audit_host *h,
                      uint32_t i); /* an open clone that stays without a child */
void audit_call_file(struct audit_host *h, uint32_t process);   /* file.c: names */
void audit_exec_files(struct audit_host *h, uint32_t process);  /* file.c: what an exec read */
void audit_call_io(struct audit_host *h, uint32_t process);     /* io.c: bytes */
void audit_call_socket(struct audit_host *h, uint32_t process); /* socket.c */
void audit_call_space(struct audit_host *h,
                      uint32_t process);      /* space.c: mounts, roots, namespaces, modules */
void audit_user_record(struct audit_host *h); /* records.c */
void audit_kernel_record(struct audit_host *h);
void audit_other_record(struct audit_host *h);

/** A record's time in this clock epoch (resolve.c). */
int64_t audit_time_here(const struct audit_host *h, int64_t time_ns);
/** Resolves one event. `ahead_ns` is the record time of the next one known, or INT64_MIN. */
int audit_resolve(struct audit_host *h, const struct audit_event *e, int64_t ahead_ns,
                  struct btr_batch *out, struct btr_arena *arena);
/** Tells what is open and what waits; at the end of an input and before a seal. */
int audit_resolve_flush(struct audit_host *h, struct btr_batch *out, struct btr_arena *arena);
/** Bytes that the host takes, near enough. */
uint64_t audit_host_memory(const struct audit_host *host);

/** Live processes by ascending pid; free() it. NULL when out of memory. */
uint32_t *audit_processes_by_pid(const struct audit_host *h, uint32_t *count);
int audit_host_save(const struct audit_host *h, struct btr_buffer *out);
int audit_host_load(struct audit_host *h, struct btr_span saved, struct btr_err *err);

#endif
