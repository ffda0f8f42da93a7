#ifndef STORE_CATALOG_ROWS_H
#define STORE_CATALOG_ROWS_H
/** Rows of the catalog as bytes (docs/FORMAT.md, "The catalog"). Spans of what is read borrow from
 * the value. */
#include "catalog.h"

enum { CATALOG_SEGMENT_KEY_SIZE = 16, CATALOG_INPUT_KEY_SIZE = 24, CATALOG_STATE_KEY_SIZE = 16 };
enum { CATALOG_CHECKSUM_SIZE = 8 };

/** Of a row: ends its value since version 2 of the catalog. */
uint64_t catalog_row_checksum(struct btr_span key, struct btr_span value);
/** Checks a row, and takes the checksum off its value. @return false when it is not what was put */
bool catalog_row_open(uint32_t version, struct btr_span key, struct btr_span *value);

/** A text in a row: its size as varint, then its bytes. */
void catalog_text_put(struct btr_buffer *b, struct btr_span text);
bool catalog_text_get(struct btr_cursor *c, struct btr_span *text);

/** Of the tables segments and trash. */
void catalog_segment_key(uint8_t key[CATALOG_SEGMENT_KEY_SIZE], struct btr_id hash);
/** Compares rows as qsort asks: by key, which is the order of the table. */
int catalog_segment_compare(const void *a, const void *b);
void catalog_segment_put(struct btr_buffer *b, const struct catalog_segment *row);
/** @return false when it is no such row, as all below */
bool catalog_segment_get(uint32_t version, struct btr_span key, struct btr_span value,
                         struct catalog_segment *row);
void catalog_input_key(uint8_t key[CATALOG_INPUT_KEY_SIZE], const struct btr_input *i);
void catalog_input_put(struct btr_buffer *b, const struct btr_input *i);
bool catalog_input_get(struct btr_span value, struct btr_input *i);
void catalog_state_key(uint8_t key[CATALOG_STATE_KEY_SIZE], struct btr_span format,
                       struct btr_span host);

/** A number as a key, high byte first: the order of the table is theirs. */
void catalog_number_key(uint8_t key[8], uint64_t number);
uint64_t catalog_number_of(const uint8_t key[8]);

/** A day is part of a path: digits and '-' only. */
bool catalog_day_is_plain(struct btr_span day);

#endif
