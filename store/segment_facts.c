#include "segment_facts.h"

#include <btr/clock.h>
#include <stdlib.h>

#include "reach.h"
#include "root.h"
#include "segment_write.h"
#include "split.h"

void store_day_of(int64_t least_last_ns, int64_t last_ns, char day[STORE_DAY_SIZE])
{
    char time[BTR_TIME_TEXT_SIZE];
    bool one = store_day_number(least_last_ns) == store_day_number(last_ns);
    btr_time_text(last_ns, time);
    memset(day, 0, STORE_DAY_SIZE);
    memcpy(day, one ? time : SEVERAL_DAYS, 10);
}

/* ---- Hosts and kinds ------------------------------------------------------------------------ */

static void host_add(struct catalog_segment *row, struct btr_span host)
{
    if (!row->hosts_told || catalog_segment_names_host(row, host))
        return;
    if (host.size > UINT8_MAX || row->hosts_size + 1U + host.size > sizeof(row->hosts)) {
        row->hosts_told = false; /* too many to name: it may hold any */
        row->hosts_size = 0;
        return;
    }
    row->hosts[row->hosts_size++] = (uint8_t)host.size;
    if (host.size > 0)
        memcpy(row->hosts + row->hosts_size, host.at, host.size);
    row->hosts_size = (uint8_t)(row->hosts_size + host.size);
}

static uint32_t kind_bit(uint8_t kind)
{
    return UINT32_C(1) << (kind < CATALOG_KIND_OTHER ? kind : CATALOG_KIND_OTHER);
}

void store_builder_facts(const struct store_builder *b, struct catalog_segment *row)
{
    int64_t least = b->event_count > 0 ? b->events[0].last_ns : 0, greatest = least;
    for (uint32_t i = 0; i < b->event_count; i++) {
        least = b->events[i].last_ns < least ? b->events[i].last_ns : least;
        greatest = b->events[i].last_ns > greatest ? b->events[i].last_ns : greatest;
    }
    store_day_of(least, greatest, row->day);
    row->hosts_told = true;
    for (uint32_t i = 0; i < b->stream_count; i++)
        host_add(row, store_strings_at(&b->strings, b->streams[i].host));
    for (uint32_t i = 0; i < b->entity_count; i++)
        row->kinds |= kind_bit(b->entities[i].kind);
}

/* ---- From a file ---------------------------------------------------------------------------- */

int store_file_facts(struct btr_span bytes, struct catalog_segment *row)
{
    row->hash = btr_id_hash(bytes);
    row->file_size = bytes.size;
    row->root_told = true;
    if (store_file_sha256(bytes, row->sha256) < 0 || !store_root(bytes, row->root))
        return BTR_E_NOMEM;
    return 0;
}

static int items_count(struct store_segment *seg, unsigned section, uint32_t *items,
                       struct btr_err *err)
{
    uint32_t blocks = 0;
    int rc = store_segment_directory(seg, section, &blocks, err);
    *items = 0;
    for (uint32_t i = 0; rc == 0 && i < blocks; i++)
        *items += seg->directory[section][i].count;
    return rc;
}

static int kinds_fill(struct store_segment *seg, struct catalog_segment *row, struct btr_err *err)
{
    int rc = store_segment_ids_by_number(seg, err);
    for (uint32_t n = 0; rc == 0 && n < seg->header.entity_count; n++) {
        struct btr_id id;
        uint8_t kind = 0;
        rc = store_segment_who(seg, n, &id, &kind, err);
        row->kinds |= kind_bit(kind);
    }
    return rc;
}

/* From where the streams' events begin to end; where that is not told, from the first event's
 * beginning. */
static int day_fill(struct store_segment *seg, struct catalog_segment *row, struct btr_err *err)
{
    const struct store_header *h = &seg->header;
    struct store_reach *reaches = calloc((size_t)h->stream_count + 1, sizeof(*reaches));
    int rc = reaches ? store_reaches_read(seg, reaches, err)
                     : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    int64_t least = h->last_ns;
    for (uint32_t i = 0; rc == 0 && i < h->stream_count; i++)
        if (reaches[i].event_count > 0 && reaches[i].first_ns < least)
            least = reaches[i].first_ns;
    store_day_of(least, h->last_ns, row->day);
    free(reaches);
    return rc;
}

int store_segment_facts(struct store_segment *seg, struct catalog_segment *row, struct btr_err *err)
{
    const struct store_header *h = &seg->header;
    *row = (struct catalog_segment){.hosts_told = true,
                                    .sealed = {.event_count = h->event_count,
                                               .entity_count = h->entity_count,
                                               .first_ns = h->first_ns,
                                               .last_ns = h->last_ns}};
    int rc = store_file_facts(seg->bytes, row);
    if (rc < 0)
        return btr_fail(err, rc, UINT64_MAX, "out of memory");
    rc = store_segment_names(seg, err);
    if (rc == 0)
        rc = day_fill(seg, row, err);
    for (uint32_t i = 0; rc == 0 && i < h->stream_count; i++)
        host_add(row, seg->streams[i].host);
    for (uint32_t i = 0; rc == 0 && i < h->input_count; i++)
        row->sealed.record_count += seg->inputs[i].record_count;
    if (rc == 0)
        rc = items_count(seg, STORE_GAPS, &row->sealed.gap_count, err);
    if (rc == 0)
        rc = items_count(seg, STORE_QUARANTINE, &row->sealed.undecoded, err);
    return rc < 0 ? rc : kinds_fill(seg, row, err);
}
