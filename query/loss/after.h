#ifndef QUERY_LOSS_AFTER_H
#define QUERY_LOSS_AFTER_H
/**
 * What an intrusion left behind (docs/LOSS.md, "Erased traces", "What remains"). Each file fills
 * its part:
 *   - deeds.c: what its processes did to files and logs
 *   - erased.c: which of that erased a trace
 *   - tried.c: commands that say they would, where no record tells that they did
 *   - logging.c: logs of a host that were cleared, stopped, or told less
 *   - lineage.c: what an erased file had held, and where that may still be
 *   - places.c: where what outlives a session lies, and what a name says of a file
 *   - remaining.c: what it left that is still there
 *   - setid.c: programs that it made to run as whom they belong to
 *   - contain.h, contain*.c: what to cut first
 *
 * json_erased.c, text_erased.c and their like print it.
 */
#include "loss/loss.h"

enum { LOSS_LINEAGE_TOLD = 3 };

/* ---- Flows of one entity ---- */

struct loss_flows {
    struct btr_flow *list; /* from malloc */
    uint32_t count, capacity;
    bool cut; /* there are more than LOSS_FLOWS_MAX */
};
enum { LOSS_FLOWS_MAX = 1 << 20 };
/** Whether a flow is wanted; must not ask for other flows. */
typedef bool loss_flow_test(void *self, const struct btr_flow *flow);
/** Fills `out` anew with flows of an entity. @param test  NULL: all @return 0, or as
 * btr_reader_flows */
int loss_flows_of(struct loss_flows *out, const struct btr_edges *edges, struct btr_id entity,
                  enum btr_side side, int64_t bound_ns, loss_flow_test *test, void *self,
                  struct btr_err *err);
void loss_flows_fini(struct loss_flows *flows);

/* ---- deeds.c ---- */

/** What was done to a thing; of several the greatest is told. X(name, text) */
#define LOSS_DEED_TABLE(X)                                                                         \
    X(WRITTEN, "written to")                                                                       \
    X(TIMED, "its times set")                                                                      \
    X(REPLACED, "replaced")                                                                        \
    X(EMPTIED, "emptied or overwritten")                                                           \
    X(DELETED, "deleted")                                                                          \
    X(CLEARED, "log cleared")                                                                      \
    X(CHANGED, "audit rules changed")                                                              \
    X(STOPPED, "agent stopped")                                                                    \
    X(TRIED, "named by a command that deletes")

enum loss_deed_kind {
#define LOSS_DEED_ENUM(name, text) LOSS_DEED_##name,
    LOSS_DEED_TABLE(LOSS_DEED_ENUM)
#undef LOSS_DEED_ENUM
};
const char *loss_deed_text(enum loss_deed_kind kind);

struct loss_deed {
    struct btr_id entity, process;
    int64_t at_ns;
    btr_event_ref ref;
    uint32_t item; /* of the extent */
    enum loss_deed_kind kind;
};

/** All of the intrusion's processes and servers, by entity, then time. @param deeds  from malloc */
int loss_deeds_find(struct btr_loss *loss, struct loss_deed **deeds, uint32_t *count,
                    struct btr_err *err);

/* ---- erased.c ---- */

struct loss_erasure {
    struct btr_id entity;       /* none: only its name is known */
    struct btr_id process;      /* that did it; none: not known */
    struct btr_span host, path; /* path empty: the host's records themselves */
    int64_t at_ns;
    btr_event_ref ref; /* UINT64_MAX: no event tells it */
    enum loss_deed_kind deed;
    const char *technique; /* ATT&CK */
    const char *doubt;     /* NULL, or why it is not certain */
    bool made;             /* the intrusion had made it */
    bool temporary;        /* a program removed what it had made for its own work */
    struct btr_id held[LOSS_LINEAGE_TOLD], copies[LOSS_LINEAGE_TOLD];
    struct btr_id writer;            /* who wrote it last; none: not known */
    uint32_t held_count, copy_count; /* all; the first LOSS_LINEAGE_TOLD are kept */
};

int loss_erased_find(struct btr_loss *loss, struct btr_err *err);
int loss_erasure_add(struct btr_loss *loss, const struct loss_erasure *erasure,
                     struct btr_err *err);
/** Copies host and path of an entity to the ledger's own memory. */
int loss_erasure_name(struct btr_loss *loss, struct loss_erasure *erasure, struct btr_err *err);

/* ---- tried.c, logging.c ---- */

int loss_tried_find(struct btr_loss *loss, struct btr_err *err);
int loss_logging_find(struct btr_loss *loss, const struct loss_deed *deeds, uint32_t count,
                      struct btr_err *err);

/* ---- lineage.c ---- */

/** Fills what an erasure's file had held, and where it may still be. @param made  the intrusion
 * made the file: of others, as logs, what they held is what many wrote, and is not asked for */
int loss_lineage_find(struct btr_loss *loss, struct loss_erasure *erasure, bool made,
                      struct btr_err *err);
/** Whether a file is there after all that is recorded: it was not deleted after it was last made,
 * under this name or another view of it. @param gone  receives that it is not */
int loss_is_gone(struct btr_loss *loss, struct btr_id file, bool *gone, struct btr_err *err);

/* ---- places.c ---- */

bool loss_is_history(struct btr_span path);
/** Whether a name is one that logs have. It says nothing alone. */
bool loss_is_log_name(struct btr_span path);
/** Whether an account's shell reads such a file from its home; `home` receives the folder. */
bool loss_home_of(struct btr_span path, struct btr_span *home);

struct loss_place {
    const char *glob; /* of a path (query_glob_path), of a registry path (query_glob) */
    const char *kind, *technique;
};
/** Where what outlives a session lies. @return NULL when that is no such place */
const struct loss_place *loss_place_of_file(struct btr_span path);
const struct loss_place *loss_place_of_registry(struct btr_span path);

/** Whose jobs a table of cron's tells; empty: anybody's, or it is none. */
struct btr_span loss_jobs_account(struct btr_span path);

/* ---- remaining.c ---- */

struct loss_remain {
    struct btr_id entity,
        process; /* process: of the intrusion, that made or changed it; none: not known */
    struct btr_span host, path;
    int64_t at_ns;                /* when the intrusion made or changed it first */
    btr_event_ref ref;            /* UINT64_MAX: no event tells it */
    const char *kind, *technique; /* technique NULL: a process or connection that is open */
    const char *doubt;
};

int loss_remaining_find(struct btr_loss *loss, struct btr_err *err);
int loss_remain_add(struct btr_loss *loss, const struct loss_remain *remain, struct btr_err *err);
/** What an object is called, by its kind. */
struct btr_span loss_object_name(const struct btr_entity *e, int64_t at_ns);

/* ---- setid.c ---- */

/** ATT&CK's name of programs that run as whom they belong to. */
#define LOSS_SETID "T1548.001"
/** Adds those that a process of the intrusion made so. @param told  receives which */
int loss_setid_find(struct btr_loss *loss, struct btr_idmap *told, struct btr_err *err);

/* ---- text_erased.c, text_remaining.c, text_contain.c: sections of the ledger for people; nothing
 * where there is nothing to say. @return 0, or as btr_reader_entity ---- */

int loss_erased_text(struct btr_loss *loss, struct btr_buffer *out, struct btr_err *err);
int loss_remaining_text(struct btr_loss *loss, struct btr_buffer *out, struct btr_err *err);
int loss_containment_text(struct btr_loss *loss, struct btr_buffer *out, struct btr_err *err);
/** An entity's label, cut where it is long; an asset by its name; a way out by its address. */
int loss_short_label(struct btr_loss *loss, struct btr_id id, int64_t at_ns, struct btr_buffer *out,
                     struct btr_err *err);
enum { LOSS_TEXT_INDENT = 14 }; /* columns of a line that says more of the one above */
/** "  08:58:37.862  web01  /tmp/.b" */
void loss_text_head(const struct btr_loss *loss, struct btr_buffer *out, int64_t at_ns,
                    struct btr_span host, struct btr_span name);
/** A line below it, and empties the words. */
void loss_text_more(struct btr_buffer *out, struct btr_buffer *words);

/* ---- All ---- */

struct loss_after {
    struct loss_erasure *erasures; /* temporary ones last; by time */
    uint32_t erasure_count, erasure_capacity;
    struct loss_remain *remains;
    uint32_t remain_count, remain_capacity;
    struct loss_containment *containment; /* contain.h */
};

int loss_after_find(struct btr_loss *loss, struct btr_err *err);
void loss_after_free(struct loss_after *after);

#endif
