#ifndef BTR_ANSWER_H
#define BTR_ANSWER_H
/** A trace made ready to be shown: entities described, ways in found. Exporters print it, and merge
 * parallel edges where they show them. */
#include <btr/buffer.h>
#include <btr/shown.h>
#include <btr/strategy.h>
#include <btr/trace.h>
#include <btr/without.h>

struct btr_answer;

/** What a text shows. */
enum btr_view {
    BTR_VIEW_STORY,    /* the ways in, and the most important steps or a path for each */
    BTR_VIEW_TIMELINE, /* all edges by time */
    BTR_VIEW_TREE,     /* the processes, with what they did */
};

struct btr_answer_options {
    struct btr_span strategy;
    const struct btr_span *specs; /* as given, one per start */
    const struct btr_between *between; /* the part between two ends: the starts are its `to`; or NULL. The specs of its
                                          `from` stand behind those of the starts */
    const struct btr_between_searched *searched; /* with `between` */
    struct btr_span filter;            /* of the entities that were left out */
    const struct btr_without *without; /* what that left out; NULL: nothing was to be */
    const struct btr_kept_pairs *kept; /* scores, and ways in ranked; NULL: neither */
    struct btr_clocks *clocks;         /* by which times were set right; NULL: they are as told */
    bool evidence_all;            /* else the first and the last record of an edge */
    bool no_stats;
    enum btr_view view;
    bool explain; /* JSON and the timeline say why the strategy kept each edge */
    bool edges; /* as the export has it: what it needs is made while little else takes memory */
    struct btr_shown *shown; /* text and JSON show kept records, too; or NULL */
    int64_t wall_ns;       /* time the query took, for stats */
    int64_t began_ns;      /* monotonic clock when the query began; 0: take wall_ns as it is */
    struct btr_span again; /* "--store DIR", quoted for a shell, for the commands that text
                              suggests; may be empty */
    /** Takes what an export has written so far, and empties the buffer; NULL: all of it stays there.
     * Called now and then, when there is much; the rest is left in the buffer at the end.
     * @return false when it cannot take more: the export ends early, with 0, after a few calls more */
    bool (*drain)(struct btr_buffer *out);
};

/** @param trace borrowed until the answer is freed */
int btr_answer_make(struct btr_answer **out, struct btr_reader *reader,
                    const struct btr_trace *trace, enum btr_walk_direction direction,
                    const struct btr_start *starts, uint32_t start_count,
                    const struct btr_answer_options *options, struct btr_err *err);
void btr_answer_free(struct btr_answer *answer);

/** One line that names an entity for people, as it was known at a time. Raw bytes: whoever prints
 * it escapes it. */
void btr_entity_label(struct btr_buffer *out, const struct btr_entity *entity, int64_t at_ns);

/** An entity as one JSON object, as `find` shows it; the members of a node of backtrail-trace/1,
 * and "events". */
void btr_entity_json(struct btr_buffer *out, const struct btr_entity *entity, int64_t at_ns);

/** One way to show an answer. */
struct btr_export {
    const char *name; /* value of --output */
    const char *what; /* for --help */
    bool edges;       /* it shows all edges, with the records behind them */
    /** Appends to `out`. What is shown of the records behind steps is read from the store now.
     * @param colour only text heeds it  @return 0, or as btr_reader_event */
    int (*write)(struct btr_answer *answer, bool colour, struct btr_buffer *out,
                 struct btr_err *err);
};
extern const struct btr_export btr_exports[]; /* ends with a NULL name */

#endif
