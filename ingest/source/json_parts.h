#ifndef SOURCE_JSON_PARTS_H
#define SOURCE_JSON_PARTS_H
/**
 * The parts of JSON text as the bytes that they are: members of an object, elements of an array. Only structure is
 * looked at (brackets, strings, separators); numbers and escapes are the decoders' matter. Nothing is allocated, and
 * each byte is read once.
 */
#include <btr/span.h>

enum { SOURCE_JSON_DEPTH_MAX = 64 }; /* brackets within each other */

/** Where the blanks (space, tab, CR, newline) that begin at `at` end. */
size_t source_json_blank_end(struct btr_span text, size_t at);
/**
 * Where the value that begins at `at` ends.
 * @return the index behind its last byte; SIZE_MAX when it does not end, a newline stands in a string, brackets do not
 *         fit each other or are too deep
 */
size_t source_json_end(struct btr_span text, size_t at);

/** Set text and at (the index of the opening bracket) and zero the rest. */
struct source_json_walk {
    struct btr_span text;
    size_t at; /* when the walk has ended: behind the closing bracket */
    bool inside;
};

enum source_json_step { SOURCE_JSON_BAD = -1, SOURCE_JSON_END = 0, SOURCE_JSON_PART = 1 };

/** The next member of an object. `key` is what stands between its quotes, `value` the value's bytes with its quotes. */
enum source_json_step source_json_member(struct source_json_walk *walk, struct btr_span *key, struct btr_span *value);
/** The next element of an array. */
enum source_json_step source_json_element(struct source_json_walk *walk, struct btr_span *value);

#endif
