#ifndef BTR_QUESTION_H
#define BTR_QUESTION_H
/** A question to a snapshot, and what a strategy finds of it. */
#include <btr/strategy.h>
#include <btr/without.h>

struct btr_question {
    struct btr_reader *reader;
    const struct btr_start
        *starts; /* as their hosts tell them; with `between` those that it goes from stand behind */
    uint32_t start_count, origin_count; /* origin_count: of those behind; 0: not between two ends */
    enum btr_walk_direction direction;
    const struct btr_strategy *strategy;
    struct btr_walk_limits limits;
    uint32_t rank_max;           /* as of struct btr_scene */
    bool left_out;               /* likewise */
    struct btr_without *without; /* or NULL */
};

/** Zeroed it is empty. */
struct btr_found {
    struct btr_clocks *clocks; /* by which times were set right */
    struct btr_kept_pairs kept;
    struct btr_trace *trace;
    struct btr_usual usual; /* until the end of the day of the latest start; the reader's own. Not
                               of `backtracker` */
    struct btr_between between; /* of a question between two ends, with times set right */
    struct btr_between_searched searched;
};

/**
 * @param found  zeroed; btr_found_fini() in either case
 * @return 0, or as btr_walk
 */
int btr_question_ask(struct btr_found *found, const struct btr_question *question,
                     struct btr_err *err);
void btr_found_fini(struct btr_found *found);

#endif
