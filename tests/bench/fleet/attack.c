#include "attack.h"

#include <stdio.h>
#include <stdlib.h>

bool fleet_room(void *items, uint32_t count, uint32_t *capacity, size_t item_size)
{
    void *old, *grown;
    if (count < *capacity)
        return true;
    uint64_t wanted = *capacity == 0 ? 1024 : (uint64_t)*capacity * 3 / 2;
    memcpy(&old, items, sizeof(old));
    grown = wanted < UINT32_MAX ? realloc(old, (size_t)wanted * item_size) : NULL;
    if (!grown)
        return false;
    memcpy(items, &grown, sizeof(grown));
    *capacity = (uint32_t)wanted;
    return true;
}

static int line_take(struct fleet_attack *a, const char *line)
{
    struct fleet_attack_range range;
    unsigned long long pid, first, last;
    if (sscanf(line, "%255s %llu %llu %llu", range.host, &pid, &first, &last) != 4 || first > last)
        return BTR_E_FORMAT;
    if (!fleet_room(&a->ranges, a->count, &a->capacity, sizeof(*a->ranges)))
        return BTR_E_NOMEM;
    range.pid = pid;
    range.first = first;
    range.last = last;
    a->ranges[a->count++] = range;
    return 0;
}

int fleet_attack_read(struct fleet_attack *out, const char *path, struct btr_err *err)
{
    char line[512];
    unsigned number = 0;
    int rc = 0;
    *out = (struct fleet_attack){0};
    FILE *file = fopen(path, "r");
    if (!file)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: cannot be opened", path);
    while (rc == 0 && fgets(line, sizeof(line), file)) {
        number++;
        rc = line_take(out, line);
    }
    (void)fclose(file);
    return rc == 0
               ? 0
               : btr_fail(err, rc, UINT64_MAX, "%s:%u: not \"HOST PID FIRST LAST\"", path, number);
}

void fleet_attack_fini(struct fleet_attack *a)
{
    free(a->ranges);
    *a = (struct fleet_attack){0};
}
