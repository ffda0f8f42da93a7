#ifndef TEST_AUDIT_LINES_H
#define TEST_AUDIT_LINES_H
/** Audit text for tests: builds lines, feeds the auditd decoder, and keeps copies of all that comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <btr/decoder.h>

struct told {
    const struct btr_decoder *decoder;
    struct btr_decoder_state *state;
    struct btr_hosts *hosts;
    struct btr_arena *arena;
    struct btr_batch batch; /* never cleared: indexes stay valid */
    uint64_t serial;
    double now;             /* seconds */
};

/** A decoder for `host`; `hosts_json` may be NULL. */
void told_init(struct told *t, const char *host, const char *hosts_json);
void told_fini(struct told *t);
/** Feeds one line as it is. */
void told_line(struct told *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A SYSCALL record with the next serial, 10 ms later. `companions` are further record bodies, NULL-terminated:
 *  "PATH item=0 ...". PROCTITLE is added. @return the serial */
uint64_t told_call(struct told *t, int syscall, long exit, unsigned pid, unsigned ppid, const char *arguments, ...);
/** Ends the input. */
void told_end(struct told *t);
/** The n-th event of an operation (n from 0); fails the test when there is none. */
const struct btr_event *told_event(const struct told *t, enum btr_operation operation, unsigned n);
unsigned told_count(const struct told *t, enum btr_operation operation);
/** The last value told of an attribute of an entity; "" when none. In static memory until the next call. */
const char *told_attr(const struct told *t, struct btr_id id, enum btr_attr_key key);
/** Flags of the last note of an entity; -1 when it was never noted. */
int told_flags(const struct told *t, struct btr_id id);

#endif
