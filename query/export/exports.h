#ifndef QUERY_EXPORTS_H
#define QUERY_EXPORTS_H
/** The ways to show an answer, and words that they share. */
#include "../answer/parts.h"

struct json_writer;

int query_export_text(struct btr_answer *a, bool colour, struct btr_buffer *out,
                      struct btr_err *err);
int query_export_json(struct btr_answer *a, bool colour, struct btr_buffer *out,
                      struct btr_err *err);
int query_export_dot(struct btr_answer *a, bool colour, struct btr_buffer *out,
                     struct btr_err *err);
int query_export_graphml(struct btr_answer *a, bool colour, struct btr_buffer *out,
                         struct btr_err *err);

/** The member "edges" of a trace as JSON. */
void query_json_edges(struct json_writer *json, struct btr_answer *a);
/** "left_out", where the answer explains itself (left_out.c). */
void query_json_left_out(struct json_writer *w, const struct btr_answer *a);

/** Gives what was written so far to whoever takes it piece by piece (btr_answer_options.drain),
 * when that is much. @return false when no more of a part need be written */
bool query_drain(const struct btr_answer *a, struct btr_buffer *out);
/** What a cut answer may miss, one sentence. */
void query_cut_text(struct btr_buffer *out, const struct btr_answer *a);
/** Where the record of a step lies. */
struct btr_kept_place query_record_place(const struct btr_answer *a,
                                         const struct answer_record *record);
/** Where records of an input lie: its members "file", or "topic" and "partition", and the name of
 * the number that follows.
 * @return "line" or "offset" */
const char *query_json_place(struct json_writer *json, struct btr_span input);
/** The operation of an edge in one word; never NULL. */
const char *query_edge_word(const struct answer_edge *e);
/** All that it is made of, with commas between. */
void query_edge_words(struct btr_buffer *out, const struct answer_edge *e);
/** What the offset of a host's clock rests on. Raw bytes: names of hosts are not escaped. */
void query_clock_why(struct btr_buffer *out, const struct btr_clock *clock);
/** A line that says by how much a host's clock is wrong. @param clocks  all of the answer */
void query_clock_text(struct btr_buffer *out, const struct btr_clock *clock,
                      const struct btr_clock *clocks, uint32_t count);
/** "1.2 MB", "512 bytes". */
void query_bytes_text(struct btr_buffer *out, uint64_t bytes);

#endif
