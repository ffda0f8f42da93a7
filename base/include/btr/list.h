#ifndef BTR_LIST_H
#define BTR_LIST_H
/** Lists that grow: items from malloc, how many there are, and for how many there is room. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Gives a list twice the room, or room for `first` items where it had none.
 * @param items  address of the pointer to them, of whatever type; free() in the end
 * @return false when out of memory: then nothing has changed */
bool btr_list_grow(void *items, uint32_t *capacity, uint32_t first, size_t item_size);

/** Makes sure that there is room for one more. @return as btr_list_grow() */
static inline bool btr_list_room(void *items, uint32_t count, uint32_t *capacity, uint32_t first, size_t item_size)
{
    return count < *capacity || btr_list_grow(items, capacity, first, item_size);
}

#endif
