#include "clocks.h"

#include <btr/list.h>
#include <stdlib.h>

int64_t clocks_plus(int64_t t_ns, int64_t more_ns)
{
    if (t_ns == INT64_MIN || t_ns == INT64_MAX)
        return t_ns;
    if (more_ns > 0 && t_ns > INT64_MAX - more_ns)
        return INT64_MAX;
    if (more_ns < 0 && t_ns < INT64_MIN - more_ns)
        return INT64_MIN;
    return t_ns + more_ns;
}

int64_t clocks_minus(int64_t t_ns, int64_t ahead_ns)
{
    return clocks_plus(t_ns, -ahead_ns); /* no clock is ahead by more than an hour for each host */
}

/* ---- Hosts ---------------------------------------------------------------------------------- */

static uint32_t host_add(struct btr_clocks *c, struct btr_span name)
{
    if (!btr_list_room(&c->host, c->host_count, &c->host_capacity, 16, sizeof *c->host))
        return UINT32_MAX;
    c->host[c->host_count] =
        (struct clocks_host){.name = name, .error_ns = BTR_SOURCE_ERROR_NS, .beside = UINT32_MAX};
    return c->host_count++;
}

static uint32_t host_named(const struct btr_clocks *c, struct btr_span name)
{
    uint32_t i = 0;
    while (i < c->host_count && !btr_span_equal(c->host[i].name, name))
        i++;
    return i < c->host_count ? i : UINT32_MAX;
}

/* Room for a source's number, which a store gives from 0 on. */
static bool source_room(struct btr_clocks *c, uint32_t source)
{
    if (source < c->source_count)
        return true;
    uint32_t count = source + 32;
    uint32_t *grown = realloc(c->host_of, count * sizeof *grown);
    if (!grown)
        return false;
    for (uint32_t i = c->source_count; i < count; i++)
        grown[i] = UINT32_MAX;
    c->host_of = grown;
    c->source_count = count;
    return true;
}

uint32_t clocks_host(struct btr_clocks *c, uint32_t source)
{
    if (source < c->source_count && c->host_of[source] != UINT32_MAX)
        return c->host_of[source];
    if (source > UINT32_MAX - 64)
        return UINT32_MAX;
    struct btr_span name = c->hosts.host(c->hosts.self, source);
    if (name.size == 0)
        return UINT32_MAX;
    bool room = source_room(c, source);
    uint32_t host = room ? host_named(c, name) : UINT32_MAX;
    bool new = room &&host == UINT32_MAX && c->host_count < CLOCKS_HOSTS_MAX;
    if (new)
        host = host_add(c, name);
    if (room)
        c->host_of[source] = host;
    c->failed |= !room || (new &&host == UINT32_MAX);
    return host;
}

int64_t clocks_host_ahead(const struct btr_clocks *c, uint32_t host)
{
    return host != UINT32_MAX && c->host[host].known ? c->host[host].ahead_ns : c->assumed_ns;
}

int64_t clocks_ahead(struct btr_clocks *c, uint32_t source)
{
    return c->least_ns == c->most_ns ? c->most_ns : clocks_host_ahead(c, clocks_host(c, source));
}

int64_t btr_clocks_ahead(const struct btr_clocks *c, uint32_t source)
{
    return clocks_host_ahead(c, source < c->source_count ? c->host_of[source] : UINT32_MAX);
}

int64_t btr_clocks_host_ahead(const struct btr_clocks *c, struct btr_span host)
{
    return clocks_host_ahead(c, host_named(c, host));
}

/* ---- Life ----------------------------------------------------------------------------------- */

void clocks_starts_set(struct btr_clocks *c)
{
    for (uint32_t i = 0; i < c->start_count; i++) {
        c->set_right[i] = c->starts[i];
        c->set_right[i].time_ns =
            clocks_minus(c->starts[i].time_ns, clocks_host_ahead(c, c->start_host[i]));
    }
}

/* A start of no host counts by the first one's clock. */
static bool starts_take(struct btr_clocks *c, const struct btr_start *starts,
                        const struct btr_span *names)
{
    size_t size = 1, at = 0, count = c->start_count + (size_t)1;
    for (uint32_t i = 0; i < c->start_count; i++)
        size += names[i].size;
    c->starts = malloc(count * sizeof *c->starts);
    c->set_right = malloc(count * sizeof *c->set_right);
    c->start_host = malloc(count * sizeof *c->start_host);
    c->names = malloc(size);
    if (!c->starts || !c->set_right || !c->start_host || !c->names)
        return false;
    for (uint32_t i = 0; i < c->start_count; i++) {
        struct btr_span name = {c->names + at, names[i].size};
        if (name.size)
            memcpy(c->names + at, names[i].at, name.size);
        at += name.size;
        c->starts[i] = starts[i];
        c->start_host[i] = name.size ? host_named(c, name) : c->first_host;
        if (name.size && c->start_host[i] == UINT32_MAX)
            c->start_host[i] = host_add(c, name);
        if (name.size && c->start_host[i] == UINT32_MAX)
            return false;
        if (i == 0)
            c->first_host = c->start_host[i];
    }
    if (c->first_host != UINT32_MAX)
        c->host[c->first_host].known = true;
    return true;
}

int btr_clocks_new(struct btr_clocks **out, const struct btr_edges *edges,
                   const struct btr_clock_hosts *hosts, const struct btr_start *starts,
                   const struct btr_span *start_hosts, uint32_t start_count, struct btr_err *err)
{
    struct btr_clocks *c = calloc(1, sizeof *c);
    if (c) {
        c->edges = *edges;
        c->hosts = *hosts;
        c->start_count = start_count;
        c->first_host = UINT32_MAX;
    }
    if (!c || !starts_take(c, starts, start_hosts)) {
        btr_clocks_free(c);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "clocks of hosts");
    }
    clocks_starts_set(c);
    *out = c;
    return 0;
}

void btr_clocks_free(struct btr_clocks *c)
{
    if (!c)
        return;
    free(c->names);
    free(c->start_host);
    free(c->starts);
    free(c->set_right);
    free(c->host);
    free(c->host_of);
    free(c->pairs);
    btr_u64map_fini(&c->pair_of);
    free(c->groups);
    btr_idmap_fini(&c->group_of);
    free(c->points.items);
    free(c->list);
    free(c);
}

const struct btr_start *btr_clocks_starts(const struct btr_clocks *c)
{
    return c->set_right;
}

int64_t btr_clocks_start_told(const struct btr_clocks *c, const struct btr_start *start)
{
    return c->starts[start - c->set_right].time_ns;
}
