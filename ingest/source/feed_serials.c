/* Counters that several hosts share: which numbers none of their logs has. */
#include <stdio.h>

#include "../decode/serials.h"
#include "feed.h"
#include "state_pack.h"

enum { HOSTS_NAMED = 6 };

static const struct btr_span KEY = {(const uint8_t *)"shared serials", 14};

static int no_memory(struct feed *f)
{
    return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
}

uint32_t feed_serials_count(const struct feed *f)
{
    uint32_t count = 0;
    while (serials_at(f->serials, count))
        count++;
    return count;
}

static int space_load(struct feed *f, struct serials_space *space)
{
    const struct btr_known *known = f->options->known;
    struct btr_buffer packed = {0}, bytes = {0};
    struct btr_err err = {0};
    int rc = 0;
    if (known && known->state && known->state(known->self, KEY, serials_name(space), &packed)) {
        rc = source_state_unpack(f->packer, &bytes, btr_buffer_view(&packed), &err);
        if (rc == 0)
            rc = serials_load(space, btr_buffer_view(&bytes), &err);
    }
    if (packed.failed || bytes.failed)
        rc = no_memory(f);
    else if (rc < 0)
        rc = btr_fail(f->err, rc, UINT64_MAX, "%s", err.text);
    btr_buffer_fini(&packed);
    btr_buffer_fini(&bytes);
    return rc;
}

int feed_serials_begin(struct feed *f)
{
    int rc = 0;
    f->serials = serials_new(f->options->hosts);
    if (!f->serials)
        return no_memory(f);
    for (uint32_t i = 0; rc == 0 && serials_at(f->serials, i); i++)
        rc = space_load(f, serials_at(f->serials, i));
    return rc;
}

/** What is told of the holes of one counter. */
struct telling {
    struct feed *f;
    struct serials_space *space;
    char why[256]; /* of the host in hand */
    uint32_t host;
};

/* "missing of a counter that web01 shares with bast01, bkp01, db01" */
static void why_make(struct telling *t)
{
    struct btr_span host = serials_host(t->space, t->host), other;
    int size = snprintf(t->why, sizeof t->why, "serials are missing of a counter that %.*s shares",
                        (int)(host.size < 64 ? host.size : 64), (const char *)host.at);
    uint32_t named = 0;
    for (uint32_t i = 0; (other = serials_host(t->space, i)).size; i++) {
        if (i == t->host || named == HOSTS_NAMED || size + 24 > (int)sizeof t->why)
            continue;
        size += snprintf(t->why + size, sizeof t->why - (size_t)size, "%s%.*s",
                         named++ ? ", " : " with ", (int)(other.size < 16 ? other.size : 16),
                         (const char *)other.at);
    }
}

/* Nobody knows whose they are, so each of the hosts may lack them. */
static int hole_tell(void *self, const struct serials_hole *hole)
{
    struct telling *t = self;
    struct btr_gap gap = {.kind = BTR_GAP_SHARED,
                          .from_ns = hole->from_ns,
                          .until_ns =
                              hole->until_ns > hole->from_ns ? hole->until_ns : hole->from_ns,
                          .from_id = hole->from,
                          .until_id = hole->until,
                          .count = hole->count};
    int rc = 0;
    for (t->host = 0; rc == 0 && serials_host(t->space, t->host).size; t->host++) {
        why_make(t);
        rc = feed_gap_add(t->f, serials_host(t->space, t->host), BTR_SPAN("auditd"), gap, t->why);
    }
    return rc == 0 ? feed_batch_room(t->f) : rc;
}

int feed_serials_tell(struct feed *f)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && serials_at(f->serials, i); i++) {
        struct telling t = {.f = f, .space = serials_at(f->serials, i)};
        struct btr_span name = serials_name(t.space);
        if (serials_is_stopped(t.space) && f->options->note) {
            struct btr_err line = {0};
            (void)btr_fail(&line, BTR_E_LIMIT, UINT64_MAX,
                           "serials of the counter %.*s are not compared in this run: a host that "
                           "shares it started anew, or there are too many",
                           (int)(name.size < 64 ? name.size : 64), (const char *)name.at);
            f->options->note(f->options->note_self, line.text);
        }
        rc = serials_tell(t.space, hole_tell, &t);
    }
    return rc;
}

int feed_serials_save(struct feed *f, struct btr_saved_state *states, struct btr_buffer *bytes)
{
    int count = 0;
    struct serials_space *space;
    for (uint32_t i = 0; (space = serials_at(f->serials, i)) != NULL; i++) {
        struct btr_buffer plain = {0};
        if (!serials_moved(space))
            continue;
        bool good = serials_save(space, &plain) &&
                    source_state_pack(f->packer, &bytes[count], btr_buffer_view(&plain));
        btr_buffer_fini(&plain);
        if (!good)
            return BTR_E_NOMEM;
        states[count] =
            (struct btr_saved_state){KEY, serials_name(space), btr_buffer_view(&bytes[count])};
        count++;
    }
    return count;
}
