/* Damage met by a question: noted, and taken out of the way of the next one. */
#include "reader.h"
#include "salvage.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a damaged store");
}

/* ---- What is told of it --------------------------------------------------------------------- */

static bool host_is_told(const struct reader_damage *d, struct btr_span host)
{
    for (uint32_t i = 0; i < d->host_count; i++)
        if (btr_span_equal(d->hosts[i], host))
            return true;
    return false;
}

static int host_tell(struct btr_reader *r, struct reader_damage *d, struct btr_span host,
                     struct btr_err *err)
{
    if (host_is_told(d, host))
        return 0;
    if (!btr_arena_copy(r->arena, host, &d->hosts[d->host_count]))
        return out_of_memory(err);
    d->host_count++;
    return 0;
}

/* Hosts as the catalog has them; else those of the segment's streams, where these can be read. */
static int hosts_tell(struct btr_reader *r, struct store_segment *seg, struct reader_damage *d,
                      struct btr_err *err)
{
    struct btr_err ignored;
    const struct catalog_segment *row = &d->row;
    bool named = !row->hosts_told && seg->is_open && store_segment_names(seg, &ignored) == 0;
    size_t most = named ? seg->header.stream_count : row->hosts_size;
    d->hosts = btr_arena_alloc(r->arena, (most + 1) * sizeof(*d->hosts), _Alignof(struct btr_span));
    int rc = d->hosts ? 0 : out_of_memory(err);
    for (unsigned at = 0; rc == 0 && row->hosts_told && at < row->hosts_size;
         at += 1U + row->hosts[at])
        rc = host_tell(r, d, (struct btr_span){row->hosts + at + 1, row->hosts[at]}, err);
    for (uint32_t i = 0; rc == 0 && named && i < seg->header.stream_count; i++)
        rc = host_tell(r, d, seg->streams[i].host, err);
    return rc;
}

/* All that the catalog told of a segment is lost. */
static void whole_tell(struct reader_damage *d)
{
    const struct store_sealed *row = &d->row.sealed;
    d->whole = true;
    d->loss = (struct store_loss){.events = row->event_count,
                                  .entities = row->entity_count,
                                  .gaps = row->gap_count,
                                  .undecoded = row->undecoded,
                                  .first_ns = row->first_ns,
                                  .last_ns = row->last_ns};
}

static struct reader_damage *damage_of(struct btr_reader *r, const struct catalog_segment *row)
{
    for (uint32_t i = 0; i < r->damage_count; i++)
        if (!r->damage[i].is_store && btr_id_equal(r->damage[i].row.hash, row->hash))
            return &r->damage[i];
    return NULL;
}

static struct reader_damage *damage_add(struct btr_reader *r, const struct reader_damage *added,
                                        const struct btr_err *err)
{
    struct reader_damage *grown =
        realloc(r->damage, ((size_t)r->damage_count + 1) * sizeof(*r->damage));
    if (!grown)
        return NULL;
    r->damage = grown;
    struct reader_damage *d = &r->damage[r->damage_count++];
    *d = *added;
    (void)snprintf(d->what, sizeof(d->what), "%s", err->text);
    return d;
}

int reader_store_lose(struct btr_reader *r, uint32_t store, struct btr_err *err)
{
    struct reader_damage lost = {.store = r->paths[store], .whole = true, .is_store = true};
    return damage_add(r, &lost, err) ? 0 : out_of_memory(err);
}

int btr_reader_damage(const struct btr_reader *r, btr_damage_visit *visit, void *self)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < r->damage_count; i++) {
        const struct reader_damage *d = &r->damage[i];
        struct btr_damage told = {.store = d->store,
                                  .day = d->row.day,
                                  .what = d->what,
                                  .hosts = d->hosts,
                                  .host_count = d->host_count,
                                  .whole = d->whole,
                                  .is_store = d->is_store,
                                  .event_count = d->row.sealed.event_count,
                                  .first_ns = d->row.sealed.first_ns,
                                  .last_ns = d->row.sealed.last_ns,
                                  .lost_events = d->loss.events,
                                  .lost_entities = d->loss.entities,
                                  .lost_gaps = d->loss.gaps,
                                  .lost_undecoded = d->loss.undecoded,
                                  .undescribed = d->loss.undescribed,
                                  .lost_first_ns = d->loss.first_ns,
                                  .lost_last_ns = d->loss.last_ns};
        if (!d->is_store)
            btr_id_text(d->row.hash, told.segment);
        rc = visit(self, &told);
    }
    return rc;
}

uint32_t btr_reader_damage_count(const struct btr_reader *r)
{
    return r->damage_count;
}

/* ---- Going on ------------------------------------------------------------------------------- */

/* Takes a segment out of the snapshot. */
static void segment_drop(struct btr_reader *r, uint32_t segment)
{
    btr_buffer_fini(&r->segments[segment].image);
    r->segment_count--;
    memmove(&r->segments[segment], &r->segments[segment + 1],
            (r->segment_count - segment) * sizeof(*r->segments));
}

/* Puts what is left of a segment in its place. @return 0, 1 when there is nothing, BTR_E_NOMEM */
static int segment_mend(struct btr_reader *r, uint32_t segment, struct reader_damage *d,
                        struct btr_err *err)
{
    struct reader_segment *s = &r->segments[segment];
    struct btr_buffer image = {0};
    struct store_sealed sealed;
    if (!s->seg.is_open || !s->is_mapped)
        return 1;
    int rc = store_salvage(&s->seg, &d->row.sealed, &image, &sealed, &d->loss, err);
    if (rc < 0)
        return rc == BTR_E_NOMEM ? rc : 1;
    s->image = image;
    s->row.sealed = sealed;
    return 0;
}

/* Notes one segment, and mends it or marks it to go. A second time it goes. */
static int segment_note(struct btr_reader *r, uint32_t segment, bool *goes, struct btr_err *err)
{
    struct reader_damage *d = damage_of(r, &r->segments[segment].row);
    const struct reader_segment *s = &r->segments[segment];
    struct reader_damage added = {.row = s->row, .store = r->paths[s->store]};
    bool again = d != NULL;
    if (!again)
        d = damage_add(r, &added, err);
    if (!d)
        return out_of_memory(err);
    int rc = again ? 0 : hosts_tell(r, &r->segments[segment].seg, d, err);
    if (rc == 0)
        rc = again ? 1 : segment_mend(r, segment, d, err);
    if (rc < 0)
        return rc;
    *goes = rc == 1;
    if (*goes)
        whole_tell(d);
    return 0;
}

/*
 * Where a file is missing or cut, others may be, so that all are looked at: a header each. Damage
 * within a file shows when it is read, one file a question.
 */
static int segments_note(struct btr_reader *r, uint32_t failed, bool *goes, struct btr_err *err)
{
    bool is_file = !r->segments[failed].is_mapped;
    int rc = segment_note(r, failed, &goes[failed], err);
    for (uint32_t i = 0; rc == 0 && is_file && i < r->segment_count; i++) {
        if (i == failed || (rc = reader_segment_map(r, i, err)) == 0)
            continue;
        if (store_code_is_damage(rc))
            rc = segment_note(r, i, &goes[i], err);
    }
    return rc;
}

int btr_reader_mend(struct btr_reader *r, struct btr_err *err)
{
    uint32_t failed = r->failed;
    if (failed >= r->segment_count || !store_code_is_damage(err->code))
        return 0;
    bool *goes = calloc((size_t)r->segment_count + 1, sizeof(*goes));
    int rc = goes ? segments_note(r, failed, goes, err) : out_of_memory(err);
    if (rc == 0) {
        reader_segments_end(r);
        for (uint32_t i = r->segment_count; i-- > 0;)
            if (goes[i])
                segment_drop(r, i);
        reader_segments_begin(r);
    }
    free(goes);
    return rc < 0 ? rc : 1;
}
