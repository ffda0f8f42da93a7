#ifndef BTR_DAMAGE_H
#define BTR_DAMAGE_H
/** What an answer lacks because segments of its store are damaged: said before the answer. */
#include <btr/buffer.h>
#include <btr/store.h>

/** Whether anything may be missing in the answers of a reader. */
bool btr_damage_loses(const struct btr_reader *reader);
/** A line for each damaged segment, escaped for a terminal; nothing when there is none. */
void btr_damage_text(struct btr_buffer *out, const struct btr_reader *reader);
/** The member "damage" and its array, without a comma around it. */
void btr_damage_json(struct btr_buffer *out, const struct btr_reader *reader);

#endif
