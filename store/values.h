#ifndef STORE_VALUES_H
#define STORE_VALUES_H
/** Which attributes the section values lists, and under which hash (docs/FORMAT.md). */
#include <btr/event.h>
#include <btr/id.h>

/** Whether entities can be found by a value of this attribute. The list is part of the format. */
bool store_value_is_listed(uint16_t key);
/** What store_value_equal takes for equal has one hash. */
uint64_t store_value_hash(uint16_t key, struct btr_span value);
/** Whether two values are equal but for the case of letters A to Z and, of process.pid, leading
 * zeros. */
bool store_value_equal(uint16_t key, struct btr_span a, struct btr_span b);

#endif
