#ifndef WINLOG_RUN_H
#define WINLOG_RUN_H
/** A state of the Windows decoder fed with records that a test writes; all it tells is kept until
 * the end. */
#include <btr/decoder.h>

#include "test.h"

struct win_run {
    const struct btr_decoder *decoder;
    struct btr_decoder_state *state;
    struct btr_batch batch;
    struct btr_arena *arena;
    struct btr_err err;
    unsigned record_id;
};

void win_run_init(struct win_run *run, const char *host);
void win_run_fini(struct win_run *run);
/** Decodes a record whose quotes are written ' for legibility. @return what decode returned */
int win_run_line(struct win_run *run, const char *json);
/** A Sysmon record of the next id, `ms` milliseconds after 2024-05-01 10:00. `fields`:
 * "'Image':'x',..." */
void win_run_sysmon(struct win_run *run, unsigned event_id, unsigned ms, const char *fields);
/** The same of Security, in whole seconds as NXLog tells them. */
void win_run_security(struct win_run *run, unsigned event_id, unsigned ms, const char *fields);

/** The n-th event of an operation (n from 0), or NULL. */
const struct btr_event *win_run_event(const struct win_run *run, enum btr_operation operation,
                                      unsigned n);
unsigned win_run_count(const struct win_run *run, enum btr_operation operation);
/** The last value told of an attribute, as text; "" when none was. Valid until the next call. */
const char *win_run_attr(const struct win_run *run, struct btr_id id, enum btr_attr_key key);
/** Saved bytes of the state. The caller frees them with btr_buffer_fini. */
struct btr_buffer win_run_saved(const struct win_run *run);

/* 2024-05-01T10:00:00Z */
#define WIN_RUN_START_NS INT64_C(1714557600000000000)

#endif
