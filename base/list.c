#include <btr/list.h>
#include <stdlib.h>
#include <string.h>

bool btr_list_grow(void *items, uint32_t *capacity, uint32_t first, size_t item_size)
{
    void *old, *grown = NULL;
    uint32_t wanted = *capacity ? 2 * *capacity : first;
    memcpy(&old, items, sizeof old); /* it is a pointer to another type */
    if (wanted > *capacity && wanted <= SIZE_MAX / item_size)
        grown = realloc(old, wanted * item_size);
    if (!grown)
        return false;
    memcpy(items, &grown, sizeof grown);
    *capacity = wanted;
    return true;
}
