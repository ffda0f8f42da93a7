#ifndef INGEST_AUDIT_ASSEMBLE_H
#define INGEST_AUDIT_ASSEMBLE_H
/**
 * What assembling and parsing share: the head of a record, the records of one event, and the
 * assembler's memory. Source: auditd.conf(5), audit-userspace lib/audit_logging.c and
 * lib/libaudit.h, kernel/audit.c, uapi/linux/audit.h.
 */
#include "audit_event.h"

/* Record types by the kernel's numbers (uapi/linux/audit.h): those that this program looks into. */
enum audit_type {
    AUDIT_TYPE_UNKNOWN_ = 0,
    AUDIT_TYPE_LOGIN_ = 1006,
    AUDIT_TYPE_USER_FIRST_ = 1100,
    AUDIT_TYPE_USER_LAST_ = 1199,
    AUDIT_TYPE_DAEMON_FIRST_ = 1200,
    AUDIT_TYPE_DAEMON_LAST_ = 1299,
    AUDIT_TYPE_SYSCALL_ = 1300,
    AUDIT_TYPE_PATH_ = 1302,
    AUDIT_TYPE_IPC_ = 1303,
    AUDIT_TYPE_SOCKETCALL_ = 1304,
    AUDIT_TYPE_CONFIG_CHANGE_ = 1305,
    AUDIT_TYPE_SOCKADDR_ = 1306,
    AUDIT_TYPE_CWD_ = 1307,
    AUDIT_TYPE_EXECVE_ = 1309,
    AUDIT_TYPE_IPC_SET_PERM_ = 1311,
    AUDIT_TYPE_MQ_GETSETATTR_ = 1315,
    AUDIT_TYPE_KERNEL_OTHER_ = 1316,
    AUDIT_TYPE_FD_PAIR_ = 1317,
    AUDIT_TYPE_OBJ_PID_ = 1318,
    AUDIT_TYPE_EOE_ = 1320,
    AUDIT_TYPE_BPRM_FCAPS_ = 1321,
    AUDIT_TYPE_CAPSET_ = 1322,
    AUDIT_TYPE_MMAP_ = 1323,
    AUDIT_TYPE_PROCTITLE_ = 1327,
    AUDIT_TYPE_FEATURE_CHANGE_ = 1328,
    AUDIT_TYPE_REPLACE_ = 1329,
    AUDIT_TYPE_KERN_MODULE_ = 1330,
    AUDIT_TYPE_URINGOP_ = 1336,
    AUDIT_TYPE_OPENAT2_ = 1337,
    AUDIT_TYPE_AVC_PATH_ = 1402,
    AUDIT_TYPE_UBUNTU_TASK_CONTEXTS_ = 1420,
    AUDIT_TYPE_UBUNTU_OBJ_CONTEXTS_ = 1421,
    AUDIT_TYPE_TASK_CONTEXTS_ = 1425,
    AUDIT_TYPE_OBJ_CONTEXTS_ = 1426,
    AUDIT_TYPE_KERNEL_ = 2000,
    AUDIT_TYPE_USER2_FIRST_ = 2100, /* second range of user space, to the end of what is known */
    AUDIT_TYPE_USER2_LAST_ = 2999,
};

/** Kernel number of a type name ("SYSCALL", "UNKNOWN[1337]", "1300"); AUDIT_TYPE_UNKNOWN_ when it
 * is none. */
uint16_t audit_type_find(struct btr_span name);
/** The class of an event that this type leads; AUDIT_CLASS_PARTS for a companion, which leads none.
 */
enum audit_class audit_type_class(uint16_t type);
/** Whether a record of this type is an event by itself. */
bool audit_type_alone(uint16_t type);

/* Times beyond are refused (the year 2255): room for sums within int64. */
#define AUDIT_TIME_NS_MAX INT64_C(9000000000000000000)

/** The head of a record, up to its body. Offsets count from the record's first byte. */
struct audit_head {
    int64_t time_ns;
    uint32_t serial;
    uint16_t type; /* kernel number */
    uint16_t type_at, node_at;
    uint8_t type_size, node_size;
    uint32_t body_at;
    bool stamped; /* false: kernel text without msg=audit(...), which has no time nor serial */
};

enum { AUDIT_HEAD_SEARCH = 200, AUDIT_NAME_SIZE_MAX = 255 };

/** The text of the last stamp and what it means: most records have the stamp of the record before.
 */
struct audit_stamp {
    uint8_t text[64]; /* "msg=audit(1795423557.614:2027155)" */
    uint8_t size;     /* 0: none yet */
    int64_t time_ns;
    uint32_t serial;
};

/** JSON may hold the text of an audit record: in a field of an event, or in what a shipper put around it. Neither is one. */
bool audit_is_json(struct btr_span record);
/** @param stamp  kept between calls, or NULL  @return 0 or BTR_E_FORMAT */
int audit_head_parse(struct btr_span record, struct audit_stamp *stamp, struct audit_head *out,
                     struct btr_err *err);

/** One record of an open event, in the text of its slot. */
struct audit_part {
    uint64_t line;
    uint32_t at, size;
    uint32_t body_at; /* from the record's first byte */
    uint16_t type, type_at, node_at;
    uint8_t type_size, node_size;
};

/** One open event: the records with one stamp (time and serial). */
struct audit_slot_event {
    int64_t time_ns;
    uint64_t order; /* serial, widened so that it does not wrap and grows over a restart of the
                       counter */
    uint64_t until_order; /* given out when the highest serial reaches this */
    int64_t until_ns;     /* or the record time this */
    uint32_t serial;
    uint32_t next, previous; /* in order; AUDIT_SLOT_NONE at the ends */
    struct btr_buffer text;  /* records, each followed by a newline; EOE is a mark and not kept */
    struct audit_part *parts;
    uint32_t part_count, part_capacity;
    uint32_t leads,
        given; /* records that lead an event of their own; how many of the events were given out */
    uint32_t paths; /* PATH records */
    uint16_t calls; /* SYSCALL and URINGOP records, up to 2 */
    bool alone, ended, titled, due, waits;
};

#define AUDIT_SLOT_NONE UINT32_MAX

struct audit_assembler {
    struct audit_slot_event *slots;
    uint32_t slot_capacity; /* grows up to audit_slots_most() */
    uint32_t slot_max, open;
    uint32_t first, last, free; /* list of open ones by order; list of free ones by next */
    uint32_t held;         /* the slot whose event the caller has in hand, or AUDIT_SLOT_NONE */
    uint32_t due;          /* open slots with due set */
    size_t size, size_max; /* bytes of records and parts held */
    uint64_t waiting;      /* records held */
    uint64_t evicted;
    /* the stream */
    bool any;                  /* a serial was seen */
    bool ends_marked;          /* the last call given out had its closing record */
    uint64_t highest;          /* order of the highest serial */
    int64_t clock_ns;          /* highest record time, without lone outliers; INT64_MIN at first */
    int64_t last_ns;           /* record time of the newest event: what text without a stamp gets */
    uint32_t strays;           /* events in a row whose serial lies far below the highest */
    uint32_t outliers, behind; /* events in a row far ahead of or behind the clock */
    struct audit_stamp stamp;
    struct btr_buffer joined; /* arguments put together for the event in hand */
};

/** As audit_assembler_add, of a record whose head was parsed without a state. */
int audit_assembler_add_read(struct audit_assembler *a, struct btr_span record,
                             const struct audit_head *read, uint64_t line, struct btr_err *err);
/** Takes a record into a new or open slot; used by add and by load. @return 0, BTR_E_LIMIT or
 * BTR_E_NOMEM */
int audit_slot_append(struct audit_assembler *a, struct audit_slot_event *slot,
                      const struct audit_head *head, struct btr_span record, uint64_t line);
/**
 * Whether a record stands well before all that was read, and does not go on with its serials as after a clock that
 * was set back. @return 1, 0, or -1 when the record does not tell
 */
int audit_assembler_older(const struct audit_assembler *a, struct btr_span record);
/** The most that there may be: of the open ones, one whose event is in hand, one before room is made. */
static inline uint32_t audit_slots_most(const struct audit_assembler *a)
{
    return a->slot_max + 2;
}
/** A free slot, not yet in the list, or NULL: there are as many as may be, or memory is out. Others may move. */
struct audit_slot_event *audit_slot_take(struct audit_assembler *a);
/** Puts it into the list by its order, after its equals. */
void audit_slot_link(struct audit_assembler *a, struct audit_slot_event *slot);
void audit_slot_unlink(struct audit_assembler *a, struct audit_slot_event *slot);
/** Back to the free ones; not in the list any more. */
void audit_slot_drop(struct audit_assembler *a, struct audit_slot_event *slot);
/** Gives back every slot and forgets the stream. */
void audit_assembler_clear(struct audit_assembler *a);

/**
 * Parses the event that part `lead` of a slot leads (AUDIT_SLOT_NONE: companions alone).
 * @param joined  receives what must be put together
 * @return 1, or 0 when `items=` promises more PATH records than came and `whole` is false, or
 * BTR_E_FORMAT (offset in the slot's text) or BTR_E_NOMEM
 */
int audit_event_parse(const struct audit_slot_event *slot, uint32_t lead, bool whole,
                      struct btr_buffer *joined, struct audit_event *out, struct btr_err *err);

#endif
