#include "verify_loss.h"

#include <btr/clock.h>
#include <inttypes.h>

#include "salvage.h"

enum { SOURCES_SHOWN = 8 };

static void times_put(struct btr_buffer *out, int64_t first_ns, int64_t last_ns)
{
    char first[BTR_TIME_TEXT_SIZE], last[BTR_TIME_TEXT_SIZE];
    btr_time_text(first_ns, first);
    btr_time_text(last_ns, last);
    btr_buffer_format(out, "%s .. %s", first, last);
}

/* Items of a block, where its directory can be read. */
static bool items_of(struct store_segment *seg, unsigned section, uint32_t block, uint32_t *items)
{
    struct btr_err ignored;
    uint32_t count = 0;
    if (block == UINT32_MAX || store_segment_directory(seg, section, &count, &ignored) < 0 ||
        block >= count)
        return false;
    *items = seg->directory[section][block].count;
    return true;
}

static void items_put(struct btr_buffer *out, struct store_segment *seg, unsigned section,
                      uint32_t block, const char *what)
{
    uint32_t items;
    if (items_of(seg, section, block, &items))
        btr_buffer_format(out, "%" PRIu32 " %s", items, what);
    else
        btr_buffer_format(out, "all %s of the segment", what);
}

/* Sources with an event between two times: by what each stream reaches. */
static void sources_put(struct btr_buffer *out, struct store_segment *seg, int64_t first_ns,
                        int64_t last_ns)
{
    struct btr_err ignored;
    uint32_t shown = 0, more = 0;
    if (store_segment_names(seg, &ignored) < 0)
        return;
    uint32_t count = seg->header.stream_count;
    struct store_reach *reaches = calloc((size_t)count + 1, sizeof(*reaches));
    if (!reaches || store_reaches_read(seg, reaches, &ignored) < 0)
        count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct segment_stream *s = &seg->streams[i];
        if (reaches[i].event_count == 0 || reaches[i].first_ns > last_ns ||
            reaches[i].last_ns < first_ns)
            continue;
        if (shown == SOURCES_SHOWN) {
            more++;
            continue;
        }
        btr_buffer_format(out, "%s%.*s %.*s", shown++ == 0 ? ", of " : ", ", (int)s->host.size,
                          (const char *)s->host.at, (int)s->source.size,
                          (const char *)s->source.at);
    }
    if (more > 0)
        btr_buffer_format(out, " and %" PRIu32 " more", more);
    free(reaches);
}

/* The events of a block lie within its bounds. */
static void events_put(struct btr_buffer *out, struct store_segment *seg, unsigned section,
                       uint32_t block)
{
    struct btr_err ignored;
    bool known = block < store_segment_block_count(seg) && store_segment_bounds(seg, &ignored) == 0;
    int64_t first_ns = known ? seg->bounds[block].first_ns : seg->header.first_ns;
    int64_t last_ns = known ? seg->bounds[block].last_ns : seg->header.last_ns;
    items_put(out, seg, section, block, "events");
    btr_buffer_text(out, ", ");
    times_put(out, first_ns, last_ns);
    sources_put(out, seg, first_ns, last_ns);
}

void verify_lost_whole(struct btr_buffer *out, const struct btr_reader *r, uint32_t segment)
{
    const struct catalog_segment *row = &r->segments[segment].row;
    btr_buffer_format(out, "the segment, of %s: %" PRIu32 " events, ", row->day,
                      row->sealed.event_count);
    times_put(out, row->sealed.first_ns, row->sealed.last_ns);
    btr_buffer_format(out,
                      ", %" PRIu32 " entities, %" PRIu32 " gaps, %" PRIu32 " undecoded records",
                      row->sealed.entity_count, row->sealed.gap_count, row->sealed.undecoded);
}

void verify_lost_by(struct btr_buffer *out, struct btr_reader *r, uint32_t segment,
                    unsigned section, uint32_t block)
{
    struct store_segment *seg = &r->segments[segment].seg;
    switch (section) {
    case STORE_EVENTS:
    case STORE_DETAILS:
        events_put(out, seg, section, block);
        break;
    case STORE_COUNTS:
        btr_buffer_text(out, "what thinned events stand for, of ");
        items_put(out, seg, section, block, "events");
        break;
    case STORE_PROOFS:
        btr_buffer_text(out, "the proof that thinning changed no closure");
        break;
    case STORE_MOMENTS:
    case STORE_LOCATORS:
        btr_buffer_text(out, "the event blocks that lead to ");
        items_put(out, seg, section, block, "moments");
        break;
    case STORE_IDS:
        items_put(out, seg, section, block, "entities");
        btr_buffer_text(out, ", and the events that mention them");
        break;
    case STORE_ENTITIES:
        btr_buffer_text(out, "the attributes of ");
        items_put(out, seg, section, block, "entities");
        break;
    case STORE_STRINGS:
    case STORE_DICTIONARIES:
        items_put(out, seg, STORE_STRINGS, section == STORE_STRINGS ? block : UINT32_MAX,
                  "strings: host names and values of attributes");
        break;
    case STORE_GAPS:
        items_put(out, seg, section, block, "gaps");
        break;
    case STORE_QUARANTINE:
        items_put(out, seg, section, block, "undecoded records");
        break;
    case STORE_STREAMS:
    case STORE_INPUTS:
        verify_lost_whole(out, r, segment);
        break;
    case STORE_BLOCKS:
        events_put(out, seg, STORE_EVENTS, UINT32_MAX);
        break;
    default:
        btr_buffer_text(out, "nothing but time: what it tells is made anew by each command that "
                             "needs it");
    }
}

static uint64_t left(uint64_t all, uint64_t lost)
{
    return all > lost ? all - lost : 0;
}

int verify_rest(struct btr_buffer *out, struct btr_reader *r, uint32_t segment, struct btr_err *err)
{
    struct reader_segment *s = &r->segments[segment];
    const struct store_sealed *all = &s->row.sealed;
    struct btr_buffer image = {0};
    struct store_sealed sealed;
    struct store_loss loss;
    int rc = s->is_mapped ? store_salvage(&s->seg, all, &image, &sealed, &loss, err) : BTR_E_FORMAT;
    if (rc == BTR_E_NOMEM)
        return rc;
    btr_buffer_fini(&image);
    if (rc < 0) {
        btr_buffer_text(out, "nothing of it can be read");
        return 0;
    }
    btr_buffer_format(out,
                      "the rest can be read: %" PRIu64 " of %" PRIu32 " events, %" PRIu64
                      " of %" PRIu32 " entities (%" PRIu64 " without some or all attributes), "
                      "%" PRIu64 " of %" PRIu32 " gaps, %" PRIu64 " of %" PRIu32
                      " undecoded records",
                      left(all->event_count, loss.events), all->event_count,
                      left(all->entity_count, loss.entities), all->entity_count, loss.undescribed,
                      left(all->gap_count, loss.gaps), all->gap_count,
                      left(all->undecoded, loss.undecoded), all->undecoded);
    return 0;
}
