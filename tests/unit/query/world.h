#ifndef QUERY_WORLD_H
#define QUERY_WORLD_H
/** A small store that a test fills by hand, and answers over it. */
#include <btr/answer.h>
#include <btr/filter.h>

#include "answer/parts.h"

enum { WORLD_STREAMS = 3 }; /* "auditd" on web01, db01; "Security" on web01 */

struct world {
    char folder[256], path[300];
    struct btr_writer *writer;
    struct btr_reader *reader;
    struct btr_batch batch;
    int64_t now_ns; /* of world_does() */
};

#define WORLD_BEGIN_NS (INT64_C(1795424284) * 1000000000)

void world_open(struct world *w);
void world_close(struct world *w);

struct btr_id world_id(uint64_t number);
/** Notes an entity; attrs are pairs of enum btr_attr_key and const char *, ended by 0. */
void world_note(struct world *w, uint64_t number, enum btr_kind kind, unsigned flags,
                const char *host, ...);
/** Adds an event; fields that are not set may be filled in. Valid until the next one. */
struct btr_event *world_event(struct world *w, uint64_t subject, enum btr_operation operation,
                              uint64_t object, int64_t first_ns, int64_t last_ns);
/** Notes a process; user NULL: not told. */
void world_process(struct world *w, uint64_t number, const char *host, const char *program,
                   const char *command, const char *user);
/** From now on a process runs another program. */
void world_runs(struct world *w, uint64_t number, const char *program, const char *command);
void world_file(struct world *w, uint64_t number, const char *host, const char *path);
/** A connection of which both ends are told. @param flags  BTR_ENTITY_OUTSIDE, or 0 */
void world_connection(struct world *w, uint64_t number, unsigned flags, const char *from,
                      const char *from_port, const char *to, const char *to_port);
/** An event a second after the one before; the first a second after WORLD_BEGIN_NS. */
struct btr_event *world_does(struct world *w, uint64_t subject, enum btr_operation operation,
                             uint64_t object);
/** Adds a gap; its count may be filled in. Valid until the next one. */
struct btr_gap *world_gap(struct world *w, uint32_t stream, enum btr_gap_kind kind, int64_t from_ns,
                          int64_t until_ns, const char *why);
/** Publishes all that was added as input `name`, and opens the reader. Once, or again for a second
 * segment. */
void world_publish(struct world *w, const char *name);

/** A walk and its answer; freed with world_answer_free(). */
struct world_answer {
    struct btr_start start;
    struct btr_trace *trace;
    struct btr_answer *answer;
};
void world_trace(struct world_answer *out, struct world *w, uint64_t start, int64_t time_ns,
                 enum btr_walk_direction direction, const struct btr_walk_limits *limits,
                 const struct btr_answer_options *options);
/** Merges the answer's parallel steps, and makes it again. */
void world_merge(struct world_answer *out, struct world *w);
void world_answer_free(struct world_answer *a);
/** The answer in a format, in `out` with a NUL after it. */
void world_export(const struct world_answer *a, const char *format, struct btr_buffer *out);

#endif
