/*
 * The attack of a recording, so that it can be left out of the clones. The file has a line for each
 * of its processes, "HOST PID FIRST_RECORD LAST_RECORD", and with PID 0 for each record of a
 * service that served it (fleet.sh makes it of truth.json). What a process of the attack did or
 * suffered is the attack.
 */
#include <stdio.h>
#include <stdlib.h>

#include "recording.h"

struct range {
    uint32_t host; /* of the recording */
    uint64_t pid, first, last;
};

struct attack {
    struct range *ranges;
    uint32_t count, capacity;
};

static uint32_t host_find(const struct fleet_recording *r, struct btr_span name)
{
    for (uint32_t i = 0; i < r->host_count; i++)
        if (btr_span_equal(r->hosts[i], name))
            return i;
    return UINT32_MAX;
}

static bool line_take(const struct fleet_recording *r, struct attack *a, const char *line)
{
    char host[256];
    unsigned long long pid, first, last;
    if (sscanf(line, "%255s %llu %llu %llu", host, &pid, &first, &last) != 4 || first > last ||
        !fleet_room(&a->ranges, a->count, &a->capacity, sizeof(*a->ranges)))
        return false;
    uint32_t found = host_find(r, btr_span_of(host));
    if (found == UINT32_MAX)
        return false;
    a->ranges[a->count++] = (struct range){found, pid, first, last};
    return true;
}

static int file_read(const struct fleet_recording *r, struct attack *a, const char *path,
                     struct btr_err *err)
{
    char line[512];
    unsigned number = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: cannot be opened", path);
    bool ok = true;
    while (ok && fgets(line, sizeof(line), file)) {
        number++;
        ok = line_take(r, a, line);
    }
    (void)fclose(file);
    return ok ? 0
              : btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                         "%s:%u: not \"HOST PID FIRST LAST\" of a recorded host", path, number);
}

static uint64_t pid_of(const struct fleet_recording *r, uint32_t entity)
{
    const struct fleet_entity *e = &r->entities[entity];
    uint64_t pid = 0;
    for (uint32_t i = 0; e->kind == BTR_KIND_PROCESS && i < e->attr_count; i++)
        if (r->attrs[e->attr_first + i].key == BTR_ATTR_PROCESS_PID)
            (void)btr_span_number(r->attrs[e->attr_first + i].value, 10, &pid);
    return pid;
}

static void events_mark(struct fleet_recording *r, const struct range *range)
{
    for (uint32_t i = 0; i < r->event_count; i++) {
        struct fleet_event *e = &r->events[i];
        if (e->record_id < range->first || e->record_id > range->last ||
            r->streams[e->stream].host != range->host)
            continue;
        if (range->pid == 0)
            e->attack = true;
        else if (pid_of(r, e->subject) == range->pid)
            r->entities[e->subject].attack = true;
    }
}

int fleet_attack_mark(struct fleet_recording *r, const char *path, struct btr_err *err)
{
    struct attack a = {0};
    int rc = file_read(r, &a, path, err);
    for (uint32_t i = 0; rc == 0 && i < a.count; i++)
        events_mark(r, &a.ranges[i]);
    for (uint32_t i = 0; i < r->event_count; i++) {
        struct fleet_event *e = &r->events[i];
        e->attack = e->attack || r->entities[e->subject].attack || r->entities[e->object].attack;
        r->attack_count += e->attack;
    }
    free(a.ranges);
    return rc;
}
