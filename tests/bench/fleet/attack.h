#ifndef FLEET_ATTACK_H
#define FLEET_ATTACK_H
/**
 * The attack of a recording, so that it can be left out of the clones: a file with a line for each of its
 * processes, "HOST PID FIRST_RECORD LAST_RECORD", and one with PID 0 for each record of a service that served
 * it (attack.jq makes it of truth.json).
 */
#include <btr/err.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FLEET_HOST_SIZE = 256 };

struct fleet_attack_range {
    char host[FLEET_HOST_SIZE];
    uint64_t pid; /* 0: of any process */
    uint64_t first, last;
};

struct fleet_attack {
    struct fleet_attack_range *ranges;
    uint32_t count, capacity;
};

/** @return 0, BTR_E_IO, BTR_E_FORMAT (names the line), BTR_E_NOMEM */
int fleet_attack_read(struct fleet_attack *out, const char *path, struct btr_err *err);
void fleet_attack_fini(struct fleet_attack *a);

/** Makes room for one more item. @return false when out of memory */
bool fleet_room(void *items, uint32_t count, uint32_t *capacity, size_t item_size);

#endif
