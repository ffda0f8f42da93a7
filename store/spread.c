/* A day's segments sealed anew by host (merge.h). */
#include <btr/clock.h>
#include <btr/list.h>
#include <stdlib.h>

#include "merge.h"
#include "once.h"
#include "segment_write.h"
#include "trash.h"

/** A host of the stretch, and what is told of it. */
struct spread_host {
    struct btr_span name; /* of a segment that is mapped */
    uint64_t events;
};

struct spread {
    struct store_merger *merger;
    struct catalog_segment *rows; /* of the stretch, in the order of loading */
    struct store_segment *segs;
    uint32_t count;
    struct spread_host *hosts; /* by name, each once; not so while they are gathered */
    uint32_t host_count, host_capacity;
    uint32_t told_count; /* hosts, counted once a segment */
    struct load_range *ranges;
    uint32_t range_count;
    struct catalog_segment *made; /* by range */
    uint64_t dropped;
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while merging segments");
}

/* ---- Hosts ---------------------------------------------------------------------------------- */

static bool host_add(struct spread *s, struct btr_span name, uint64_t events)
{
    if (!btr_list_room(&s->hosts, s->host_count, &s->host_capacity, 64, sizeof *s->hosts))
        return false;
    s->hosts[s->host_count++] = (struct spread_host){name, events};
    return true;
}

static int host_compare(const void *x, const void *y)
{
    const struct spread_host *a = x, *b = y;
    return btr_span_compare(a->name, b->name);
}

/* Makes one of hosts of one name, from `begin` on. */
static void hosts_settle(struct spread *s, uint32_t begin)
{
    uint32_t kept = begin;
    if (s->host_count > begin)
        qsort(s->hosts + begin, s->host_count - begin, sizeof(*s->hosts), host_compare);
    for (uint32_t i = begin; i < s->host_count; i++) {
        if (kept > begin && btr_span_equal(s->hosts[kept - 1].name, s->hosts[i].name))
            s->hosts[kept - 1].events += s->hosts[i].events;
        else
            s->hosts[kept++] = s->hosts[i];
    }
    s->host_count = kept;
}

static int segment_hosts(struct spread *s, struct store_segment *seg, struct btr_err *err)
{
    uint32_t begin = s->host_count;
    int rc = store_segment_names(seg, err);
    struct store_reach *reaches = calloc((size_t)seg->header.stream_count + 1, sizeof(*reaches));
    if (rc == 0)
        rc = reaches ? store_reaches_read(seg, reaches, err) : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < seg->header.stream_count; i++)
        if (!host_add(s, seg->streams[i].host, reaches[i].event_count))
            rc = out_of_memory(err);
    free(reaches);
    if (rc < 0)
        return rc;
    hosts_settle(s, begin);
    s->told_count += s->host_count - begin;
    return 0;
}

/* Maps the segments, and gathers their hosts. @return 0, 1 when one of them is damaged */
static int stretch_open(struct spread *s, const struct catalog_segment *rows, struct btr_err *err)
{
    s->rows = malloc(s->count * sizeof(*s->rows));
    s->segs = calloc(s->count, sizeof(*s->segs));
    if (!s->rows || !s->segs)
        return out_of_memory(err);
    memcpy(s->rows, rows, s->count * sizeof(*s->rows));
    qsort(s->rows, s->count, sizeof(*s->rows), store_merge_compare);
    for (uint32_t i = 0; i < s->count; i++) {
        int rc = store_merge_map(s->merger, &s->segs[i], &s->rows[i], err);
        if (rc == 0)
            rc = segment_hosts(s, &s->segs[i], err);
        if (store_code_is_damage(rc))
            return store_merge_damaged(s->merger, s->rows[i].hash, err);
        if (rc < 0)
            return rc;
    }
    hosts_settle(s, 0);
    s->ranges = calloc((size_t)s->host_count + 1, sizeof(*s->ranges));
    return s->ranges ? 0 : out_of_memory(err);
}

/* Cuts the hosts, in the order of their names, into ranges that each fit into a segment. @return
 * false when one host alone does not, or when it does not pay */
static bool ranges_make(struct spread *s)
{
    uint64_t events = 0;
    if (s->told_count < 2 * (s->host_count + s->count))
        return false;
    for (uint32_t i = 0; i < s->host_count; i++) {
        if (s->hosts[i].events > s->merger->spread_events)
            return false;
        events += s->hosts[i].events;
        if (s->range_count > 0 && events <= s->merger->spread_events)
            continue;
        struct btr_span from = s->hosts[i].name;
        if (s->range_count > 0)
            s->ranges[s->range_count - 1].until = from;
        else
            from = (struct btr_span){NULL, 0}; /* also of no host */
        s->ranges[s->range_count++] = (struct load_range){from, {NULL, 0}};
        events = s->hosts[i].events;
    }
    return s->range_count > 1;
}

/* ---- Sealing -------------------------------------------------------------------------------- */

/* Loads what a range has in all segments, and seals it into a file that nothing names yet. @return
 * 0, 1 when a segment is damaged, or a failure */
static int range_seal(struct spread *s, const struct load_range *range, struct btr_err *err)
{
    struct store_merger *m = s->merger;
    struct store_load load = {.builder = &m->builder, .range = range};
    struct seal_input *inputs = NULL;
    int rc = 0;
    store_builder_clear(&m->builder);
    for (uint32_t i = 0; rc == 0 && i < s->count; i++) {
        rc = store_load_segment(&load, &s->segs[i], err);
        if (store_code_is_damage(rc))
            rc = store_merge_damaged(m, s->rows[i].hash, err);
    }
    if (rc == 0)
        rc = store_load_once(&load, err);
    if (rc == 0 && !store_builder_is_empty(&m->builder)) {
        inputs = store_load_inputs(&load);
        m->sealer.packer.level = STORE_LEVEL_FINAL;
        rc = inputs ? store_segment_write(&s->made[s->range_count], m->store, m->catalog,
                                          &m->sealer, &m->builder, inputs, m->faults, err)
                    : out_of_memory(err);
        s->range_count += rc == 0;
    }
    s->dropped += load.dropped;
    free(inputs);
    store_load_fini(&load);
    store_builder_clear(&m->builder);
    return rc;
}

static int ranges_seal(struct spread *s, bool (*stop)(void *self), void *self, struct btr_err *err)
{
    uint32_t count = s->range_count;
    s->range_count = 0; /* counts what is made, from here on */
    s->made = calloc(count, sizeof(*s->made));
    int rc = s->made ? 0 : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = stop && stop(self) ? 1 : range_seal(s, &s->ranges[i], err);
    return rc;
}

static int publish(struct spread *s, struct btr_err *err)
{
    struct store_merger *m = s->merger;
    struct catalog_change change = {.kind = CATALOG_MERGED,
                                    .now_ns = btr_wall_ns(),
                                    .added = s->made,
                                    .added_count = s->range_count,
                                    .removed = s->rows,
                                    .removed_count = s->count};
    int rc = store_catalog_change(m->catalog, &change, m->faults, err);
    if (rc < 0)
        return rc;
    m->stat.merges++;
    m->stat.segments_before += s->count;
    m->stat.segments_after += s->range_count;
    m->stat.dropped += s->dropped;
    for (uint32_t i = 0; i < s->count; i++)
        m->stat.bytes_before += s->rows[i].file_size;
    for (uint32_t i = 0; i < s->range_count; i++) {
        m->stat.bytes_after += s->made[i].file_size;
        m->stat.event_count += s->made[i].sealed.event_count;
    }
    return store_trash_empty(m->store, m->catalog, err);
}

/* ---- Stretches ------------------------------------------------------------------------------ */

static bool is_done(const struct store_merger *m, const struct catalog_segment *row)
{
    int c = strcmp(row->day, m->spread_day);
    return c < 0 || (c == 0 && row->sealed.last_ns <= m->spread_ns);
}

/* The next stretch: of one day, none of it damaged. @return its segments, 0 when there is none */
static uint32_t stretch_next(const struct store_merger *m, uint32_t *begin)
{
    for (uint32_t i = *begin; i < m->row_count; i++) {
        uint32_t n = 0;
        while (!is_done(m, &m->rows[i]) && i + n < m->row_count && n < SPREAD_SEGMENTS &&
               !m->skip[i + n] && strcmp(m->rows[i].day, m->rows[i + n].day) == 0)
            n++;
        *begin = i;
        if (n > 1)
            return n;
    }
    return 0;
}

/* @return 1 sealed anew (or a damaged segment was found), 0 left as it is, or a failure */
static int stretch_spread(struct store_merger *m, uint32_t begin, uint32_t count,
                          bool (*stop)(void *self), void *self, struct btr_err *err)
{
    struct spread s = {.merger = m, .count = count};
    uint32_t damaged = m->damaged_count;
    int rc = stretch_open(&s, m->rows + begin, err);
    bool pays = rc == 0 && ranges_make(&s);
    if (pays)
        rc = ranges_seal(&s, stop, self, err);
    bool is_whole = pays && rc == 0;
    if (is_whole)
        rc = publish(&s, err);
    store_merge_unmap(m, s.segs, count);
    free(s.rows);
    free(s.hosts);
    free(s.ranges);
    free(s.made);
    return rc < 0 ? rc : is_whole || m->damaged_count > damaged;
}

int store_spread_once(struct store_merger *m, bool (*stop)(void *self), void *self,
                      struct btr_err *err)
{
    int rc = store_merge_look(m, err);
    for (uint32_t begin = 0, count; rc == 0; begin += count) {
        uint32_t damaged = m->damaged_count;
        count = stretch_next(m, &begin);
        if (count == 0 || (stop && stop(self)))
            return 0;
        const struct catalog_segment *last = &m->rows[begin + count - 1];
        rc = stretch_spread(m, begin, count, stop, self, err);
        if (m->damaged_count > damaged)
            break; /* without that one the stretch is looked at again */
        memcpy(m->spread_day, last->day, sizeof(m->spread_day));
        m->spread_ns = last->sealed.last_ns;
    }
    return rc;
}
