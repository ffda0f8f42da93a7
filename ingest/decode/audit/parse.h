#ifndef INGEST_AUDIT_PARSE_H
#define INGEST_AUDIT_PARSE_H
/** Parsing of one event's records, by kind of record. All take a scan of the record's body, up to
 * the enriched text. */
#include "assemble.h"
#include "fields.h"

/** Fails at a field, naming the record's type and the field. @return BTR_E_FORMAT */
int audit_field_refuse(const struct audit_scan *s, const struct audit_field *field,
                       const char *type, const char *why, struct btr_err *err);

#define AUDIT_KEY(field, literal)                                                                  \
    ((field)->key.size == sizeof(literal) - 1 &&                                                   \
     audit_same((field)->key.at, literal, sizeof(literal) - 1))

/** What a SYSCALL record tells about its companions. */
struct audit_call_told {
    uint32_t items;
    bool socketcall; /* the call is i386's socketcall; its arguments are in a SOCKETCALL record */
};

int audit_syscall_parse(struct audit_scan s, struct audit_event *e, struct audit_call_told *told,
                        struct btr_err *err);
int audit_path_parse(struct audit_scan s, struct audit_event *e, struct btr_err *err);
/** FD_PAIR, MMAP, OPENAT2, OBJ_PID, SOCKADDR, SOCKETCALL, CWD, PROCTITLE; others are passed over.
 */
int audit_companion_parse(uint16_t type, struct audit_scan s, struct audit_event *e,
                          struct audit_call_told *told, struct btr_err *err);
/** Fields of any record that leads an event and is no SYSCALL: users', the daemon's, the kernel's.
 */
int audit_lead_parse(struct audit_scan s, struct audit_event *e, struct btr_err *err);
/** All EXECVE records of an event. */
int audit_execve_parse(const struct audit_slot_event *slot, struct btr_buffer *joined,
                       struct audit_event *e, struct btr_err *err);
/** The body of a part, without the text that auditd adds in the enriched format (after the byte
 * 0x1d). */
struct audit_scan audit_part_scan(const struct audit_slot_event *slot,
                                  const struct audit_part *part);

#endif
