#ifndef INGEST_AUDIT_EVENT_H
#define INGEST_AUDIT_EVENT_H
/**
 * One Linux audit event: all records of one serial, parsed. Made by assemble.c and parse.c, used by
 * the resolver (resolve/). Spans point into the assembler's memory and live until its next call.
 * Source: audit(8), auparse(3), kernel/auditsc.c (names of fields), linux-audit's specs/fields.
 */
#include <btr/arena.h>
#include <btr/buffer.h>
#include <btr/err.h>

#include "syscalls.h"

/** A string of a record as written. audit quotes plain names and hex-encodes those with odd bytes.
 */
struct audit_text {
    struct btr_span raw; /* without the quotes */
    enum {
        AUDIT_TEXT_NONE,
        AUDIT_TEXT_PLAIN,
        AUDIT_TEXT_HEX
    } form; /* NONE: absent, (null), (none) or ? */
};

/** The bytes meant. Plain text is borrowed, hex decoded into the arena. NONE gives an empty span.
 * @return false when the arena is full */
bool audit_text_decode(struct audit_text text, struct btr_arena *arena, struct btr_span *out);

enum audit_nametype {
    AUDIT_NAME_UNKNOWN,
    AUDIT_NAME_NORMAL,
    AUDIT_NAME_PARENT,
    AUDIT_NAME_CREATE,
    AUDIT_NAME_DELETE
};

struct audit_path {
    struct audit_text
        name; /* NONE for name=(null): the object has no path (a pipe, a descriptor) */
    uint64_t inode;
    uint64_t device; /* major << 20 | minor; 0 with inode 0 when the record has neither */
    uint64_t rdev;   /* rdev=, as device; 0 when absent */
    uint32_t mode;   /* st_mode, file type bits included; 0 when absent */
    uint32_t owner;  /* ouid; UINT32_MAX when absent */
    uint32_t item;
    uint8_t nametype; /* enum audit_nametype */
};

enum audit_family {
    AUDIT_FAMILY_NONE,
    AUDIT_FAMILY_UNIX,
    AUDIT_FAMILY_INET,
    AUDIT_FAMILY_INET6,
    AUDIT_FAMILY_NETLINK,
    AUDIT_FAMILY_OTHER
};

struct audit_sockaddr {
    uint8_t family; /* enum audit_family */
    uint16_t port;
    char ip[46];       /* text; IPv4-mapped IPv6 as IPv4 */
    uint8_t path[109]; /* unix: path, or '@' and the abstract name; not NUL-terminated */
    uint8_t path_size; /* 0: unnamed */
};

enum { AUDIT_PATHS_MAX = 64, AUDIT_ARGS_MAX = 1024, AUDIT_OBJ_PIDS_MAX = 64 };

struct audit_obj_pid {
    uint32_t pid, uid, ses;
    struct audit_text comm;
};

/** What the event is, by its leading record. */
enum audit_class {
    AUDIT_CLASS_SYSCALL, /* a SYSCALL record and its companions */
    AUDIT_CLASS_USER,    /* one record from user space: USER_*, CRED_*, LOGIN, SERVICE_*, ... */
    AUDIT_CLASS_KERNEL,  /* the audit system of itself: DAEMON_*, CONFIG_CHANGE, lost=, backlog */
    AUDIT_CLASS_OTHER, /* known type, no flow: AVC, ANOM_*, SECCOMP, ... or a type not known by name
                        */
    AUDIT_CLASS_PARTS, /* companions whose SYSCALL record never came */
};

struct audit_event {
    uint8_t class_; /* enum audit_class */
    uint64_t serial;
    int64_t time_ns;       /* the record's own */
    uint64_t line;         /* of the first record */
    uint32_t record_count; /* without EOE, which is but a mark */
    struct btr_span node;  /* node= of the first record; empty when absent */
    struct btr_span type;  /* "SYSCALL", "USER_LOGIN", "UNKNOWN[1337]" ... of the leading record */
    struct btr_span body;  /* the leading record's text after "msg=audit(...): " */

    /* SYSCALL */
    uint8_t call; /* enum audit_call, the same for every architecture; AUDIT_CALL_OTHER when of no
                     interest */
    uint8_t arch; /* enum audit_arch */
    bool success_known, success;
    bool has_exit;
    int64_t exit;
    uint64_t a[4];
    uint32_t pid, ppid, auid, uid, gid, euid, suid, fsuid, egid,
        ses; /* UINT32_MAX when unset or absent (4294967295) */
    struct audit_text comm, exe, tty, key;

    /* companions */
    struct audit_path paths[AUDIT_PATHS_MAX]; /* in order of item */
    uint32_t path_count, paths_left_out;
    struct audit_text cwd;
    struct audit_text args[AUDIT_ARGS_MAX]; /* EXECVE, split ones joined (in the assembler's memory,
                                               then HEX or PLAIN) */
    uint32_t arg_count, args_left_out;
    struct audit_sockaddr sockaddr; /* family NONE when there is no SOCKADDR record */
    bool has_fd_pair, has_mmap, has_openat2;
    int32_t fd_pair[2];
    int32_t mmap_fd;
    uint64_t mmap_flags;
    uint64_t openat2_flags;
    struct audit_text proctitle;
    struct audit_obj_pid obj_pids[AUDIT_OBJ_PIDS_MAX];
    uint32_t obj_pid_count;

    /* USER and LOGIN: fields of the record and of its inner msg='...' */
    struct {
        struct audit_text op, acct, exe, hostname, addr, terminal, cmd, cwd, unit;
        uint32_t old_auid, old_ses;
        bool res_known, res;
    } user;

    /* KERNEL: numbers that the audit system tells of itself; UINT64_MAX when absent */
    uint64_t lost, backlog;
};

struct audit_assembler;

/** @param slot_max  events open at once  @param size_max bytes of records held */
struct audit_assembler *audit_assembler_new(uint32_t slot_max, size_t size_max);
void audit_assembler_free(struct audit_assembler *a);

/**
 * Takes one record (copied). Call audit_assembler_next until it returns 0 after each.
 * @return 0, BTR_E_FORMAT (not an audit record, bad time or serial; err->offset), BTR_E_LIMIT,
 * BTR_E_NOMEM; nothing is changed then
 */
int audit_assembler_add(struct audit_assembler *a, struct btr_span record, uint64_t line,
                        struct btr_err *err);
/**
 * The next event that is complete, in order of serial as far as the window allows: at EOE; at
 * PROCTITLE once a higher serial has come; a record class that stands alone at once when no lower
 * serial is open; or AUDIT_WINDOW_SERIALS higher serials or AUDIT_WINDOW_NS of record time later.
 * @return 1 = *out filled, 0 = none, BTR_E_FORMAT: an event whose records contradict or cannot be
 * parsed; it was taken out, err tells where and `raw` and `line` what (goes to quarantine)
 */
int audit_assembler_next(struct audit_assembler *a, struct audit_event *out, struct btr_span *raw,
                         uint64_t *line, struct btr_err *err);
/**
 * Makes everything open up to a record time due; INT64_MAX: the end of the input. At the end an
 * event without its closing record stays open if this stream has closed its events until now (it
 * marks ends, so this one was cut in writing).
 */
void audit_assembler_flush(struct audit_assembler *a, int64_t until_ns);
/** Bytes that it takes, near enough. */
uint64_t audit_assembler_memory(const struct audit_assembler *a);
/** Record time of the open event with the lowest serial after the last one given out; INT64_MIN
 * when none is open. */
int64_t audit_assembler_ahead(const struct audit_assembler *a);
/** Records that wait in open events. */
uint64_t audit_assembler_waiting(const struct audit_assembler *a);
uint64_t audit_assembler_evicted(const struct audit_assembler *a);
int audit_assembler_save(const struct audit_assembler *a, struct btr_buffer *out);
int audit_assembler_load(struct audit_assembler *a, struct btr_span saved, struct btr_err *err);

enum { AUDIT_WINDOW_SERIALS = 1024 };
#define AUDIT_WINDOW_NS INT64_C(2000000000)

#endif
