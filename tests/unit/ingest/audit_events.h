#ifndef TEST_AUDIT_EVENTS_H
#define TEST_AUDIT_EVENTS_H
/** Feeds lines to the audit assembler and writes each event that comes out as one line of text. */
#include "test.h"

#include "decode/audit/audit_event.h"

struct audit_events {
    struct audit_assembler *assembler;
    struct audit_event event; /* the last one given out */
    struct btr_arena *arena;
    struct btr_buffer
        text; /* the events, a line each; "refused LINE@OFFSET: why" for what was refused */
    uint32_t count, refused;
    uint64_t line;
    struct btr_err err; /* of the last refusal */
    bool with_lines;    /* line numbers in the text */
};

void audit_events_init(struct audit_events *a, uint32_t slot_max, size_t size_max);
void audit_events_fini(struct audit_events *a);
/** Adds a record and takes what is complete. @return what add returned */
int audit_events_add(struct audit_events *a, struct btr_span record);
int audit_events_line(struct audit_events *a, const char *line);
/** Each line of a text is a record. */
void audit_events_text(struct audit_events *a, const char *text);
void audit_events_flush(struct audit_events *a, int64_t until_ns);
/** Moves the state into a new assembler by its saved bytes. */
void audit_events_move(struct audit_events *a);
/** The text so far, as a string; forgets it. Freed with the next call. */
const char *audit_events_told(struct audit_events *a);
/** One line with every field of an event that is set. */
void audit_event_write(const struct audit_event *e, struct btr_arena *arena,
                       struct btr_buffer *out);

#endif
