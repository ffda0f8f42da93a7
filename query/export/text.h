#ifndef QUERY_TEXT_H
#define QUERY_TEXT_H
/** The answer for people. Whatever an agent told goes through btr_escape_terminal. */
#include "exports.h"

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

/** The path of a way in as a chain by host and process (text_path.c). @return 0, or as
 * answer_edge_cite */
int text_path(const struct text_writer *w, const struct answer_entry *entry, struct btr_err *err);

#endif
