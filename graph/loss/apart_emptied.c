/*
 * When a file was emptied. An open that empties is told as an open for writing and a truncation in
 * one moment; a truncation alone may leave something.
 */
#include <btr/list.h>
#include <stdlib.h>

#include "loss/apart.h"

struct emptying {
    int64_t *opened_ns, *truncated_ns;
    uint32_t opened_count, opened_capacity, truncated_count, truncated_capacity;
    bool failed;
};

static void time_add(struct emptying *e, int64_t **times, uint32_t *count, uint32_t *capacity,
                     int64_t ns)
{
    if (*count == *capacity) {
        uint32_t more = *capacity ? 2 * *capacity : 16;
        int64_t *grown = realloc(*times, more * sizeof **times);
        e->failed |= !grown;
        if (!grown)
            return;
        *times = grown;
        *capacity = more;
    }
    (*times)[(*count)++] = ns;
}

static int opens_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct emptying *e = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        uint8_t op = flows[i].operation;
        if (op == BTR_OP_OPEN_WRITE || op == BTR_OP_OPEN_BOTH || op == BTR_OP_CREATE)
            time_add(e, &e->opened_ns, &e->opened_count, &e->opened_capacity, flows[i].last_ns);
        if (op == BTR_OP_TRUNCATE)
            time_add(e, &e->truncated_ns, &e->truncated_count, &e->truncated_capacity,
                     flows[i].last_ns);
    }
    return 0;
}

static int time_compare(const void *x, const void *y)
{
    const int64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

static void times_sort(int64_t *times, uint32_t count)
{
    if (count > 1)
        qsort(times, count, sizeof *times, time_compare);
}

/* Keeps of the truncations those that came with an open, each once. */
static struct apart_emptied emptied_take(struct emptying *e)
{
    struct apart_emptied out = {e->truncated_ns, 0};
    times_sort(e->opened_ns, e->opened_count);
    times_sort(e->truncated_ns, e->truncated_count);
    for (uint32_t i = 0, open = 0; i < e->truncated_count; i++) {
        int64_t ns = e->truncated_ns[i];
        while (open < e->opened_count && e->opened_ns[open] < ns)
            open++;
        bool with = open < e->opened_count && e->opened_ns[open] == ns;
        if (with && (out.count == 0 || out.at_ns[out.count - 1] != ns))
            out.at_ns[out.count++] = ns;
    }
    free(e->opened_ns);
    return out;
}

static bool file_add(struct btr_apart *a, struct btr_id id, struct apart_emptied times)
{
    if (!btr_list_room(&a->emptied, a->file_count, &a->file_capacity, 64, sizeof *a->emptied))
        return false;
    if (btr_idmap_add(&a->files, id, a->file_count) == UINT32_MAX)
        return false;
    a->emptied[a->file_count++] = times;
    return true;
}

int apart_emptied_of(struct btr_apart *a, struct btr_id id, const struct apart_emptied **out,
                     struct btr_err *err)
{
    struct emptying e = {0};
    uint32_t at = btr_idmap_get(&a->files, id);
    *out = NULL;
    if (!a->rules.emptied || !a->rules.emptied(a->rules.self, id))
        return 0;
    if (at == UINT32_MAX) {
        int rc = a->edges->flows(a->edges->self, id, BTR_SIDE_INTO, INT64_MAX, NULL, opens_visit,
                                 &e, err);
        struct apart_emptied times = emptied_take(&e);
        at = a->file_count;
        if (rc < 0 || e.failed || !file_add(a, id, times)) {
            free(times.at_ns);
            return rc < 0 ? rc : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "when files were emptied");
        }
    }
    *out = &a->emptied[at];
    return 0;
}

void apart_emptied_fini(struct btr_apart *a)
{
    for (uint32_t i = 0; i < a->file_count; i++)
        free(a->emptied[i].at_ns);
    free(a->emptied);
    btr_idmap_fini(&a->files);
}
