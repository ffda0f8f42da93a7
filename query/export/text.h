#ifndef QUERY_TEXT_H
#define QUERY_TEXT_H
/** The answer for people. Whatever an agent told goes through btr_escape_terminal. */
#include <btr/clock.h>

#include "exports.h"

enum { TEXT_WIDTH = 120 }; /* columns of a line of a story, a timeline, a tree */
#define TEXT_CLOCK_MARK "~" /* behind a time that a wrong clock told */

struct text_writer {
    struct btr_answer *a;
    struct btr_buffer *out;
    bool colour;
};

enum text_style { TEXT_PLAIN, TEXT_BOLD, TEXT_DIM, TEXT_ALARM, TEXT_DOUBT };
void text_style(const struct text_writer *w, enum text_style style);
/** "5,559" */
void text_count(const struct text_writer *w, uint64_t count);
/** "1 process", "5,559 processes" */
void text_number_of(const struct text_writer *w, uint64_t count, const char *one, const char *many);
/** A node in one line: label, and what tells it from others of that label. Escaped, cut at a width.
 */
void text_node(const struct text_writer *w, uint32_t node);

/* ---- Lines of a bounded width (text_line.c). Columns are characters. ---- */

uint32_t text_columns(struct btr_span text);
/** A name in at most `width` columns, escaped; where it does not fit its end is left out, or with
 * `tail` its beginning. @return the columns it took */
uint32_t text_fit(const struct text_writer *w, struct btr_span name, uint32_t width, bool tail);
/** A node in at most `width` columns. @param whole  a process by its label, else by the name of its
 * program @return the columns it took */
uint32_t text_name(const struct text_writer *w, uint32_t node, uint32_t width, bool whole);
enum { TEXT_DOUBTS = 24 };
/** Doubts that came up, in that order, each once. A zeroed struct is empty. */
struct text_doubts {
    struct btr_span list[TEXT_DOUBTS]; /* raw; in the answer's arena, or constant */
    uint32_t count, left;              /* left: marks of those for which there was no room */
};
/** What was done, a creation first, with a blank behind; of many operations a few are named. */
void text_operations(struct btr_buffer *out, uint64_t operations);
/** " [?2]": the second of the doubts; nothing where there is none. @param doubt  raw; copied */
void text_doubt(const struct text_writer *w, struct btr_buffer *out, struct text_doubts *doubts,
                struct btr_span doubt);
/** The same of an edge. @return whether it stands on a hole in the records */
bool text_edge_doubt(const struct text_writer *w, struct btr_buffer *out,
                     struct text_doubts *doubts, const struct answer_edge *e);
/** A line for each doubt that came up. */
void text_doubts_say(const struct text_writer *w, const struct text_doubts *doubts);
/** A line of its own that says what hole in the records a way in stands on; nothing where it does
 * not. */
void text_node_doubt(const struct text_writer *w, uint32_t node);
void text_pad(const struct text_writer *w, uint32_t used, uint32_t width);
/** Words in lines of a bounded width, escaped, each line with its end. @param used  columns of the
 * first line that are taken @param indent  of the others */
void text_wrap(const struct text_writer *w, struct btr_span text, uint32_t used, uint32_t indent);
/** "id:HEX32", the SPEC of a node. */
void text_id(const struct text_writer *w, uint32_t node);
/** " (1.2 MB, x14)"; nothing where there is nothing to say. */
void text_amount(struct btr_buffer *out, uint64_t bytes, uint64_t count);
/** A line with the day where it is another one than in `day`, which it becomes. */
void text_day(const struct text_writer *w, char day[BTR_TIME_TEXT_SIZE], int64_t ns);
/** To the millisecond: what is below it is order time's way to tell equal times apart. */
void text_hour(const struct text_writer *w, int64_t ns);
/** What bold words begin a part. */
void text_heading(const struct text_writer *w, const char *text);

/* ---- Parts and views ---- */

enum { TEXT_WAYS = 4 };
/** Ways in (forward: out) that a strategy ranked, those alike as one (text_way.c). @param first
 * receives the node of the most likely, or ANSWER_NONE */
struct story;
void text_ways(const struct text_writer *w, const struct story *story, uint32_t *first);
/** The answer of a strategy that scores: ways in, and the most important steps (text_story.c).
 * @return 0, or as story_make */
int text_story(const struct text_writer *w, uint32_t *first, struct btr_err *err);
/** What the head of a story says of holes in the records: which steps stand on them, and how much
 * its hosts lack (text_holes.c). */
void text_story_holes(const struct text_writer *w, const struct story *story);
/** All edges by time (text_timeline.c), the processes with what they did (text_tree.c). @return 0,
 * or as answer_edges_need */
int text_timeline(const struct text_writer *w, struct btr_err *err);
/** What was left out, where the answer explains itself (left_out.c). */
void text_left_out(const struct text_writer *w);
int text_tree(const struct text_writer *w, struct btr_err *err);

/** Shows what was kept of a record, and of the last that it stands for. Only where records are
 * shown. */
void text_record(const struct text_writer *w, const struct answer_record *record);
/** The path of a way in as a chain by host and process (text_path.c). @return 0, or as
 * answer_edge_cite */
int text_path(const struct text_writer *w, const struct answer_entry *entry, struct btr_err *err);

#endif
