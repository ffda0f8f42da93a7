/* Which entities of a segment some of its hosts need. */
#include "segment_load.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while merging segments");
}

static void block_mark(struct store_load *l, const struct segment_block *b, const bool *stream_in)
{
    for (uint32_t g = 0; g < b->group_count; g++) {
        const struct segment_group *group = &b->groups[g];
        uint8_t need = LOAD_MENTIONED | (stream_in[group->stream] ? LOAD_WANTED : 0);
        l->needed[group->subject] |= need;
        l->needed[group->object] |= need;
    }
}

int store_load_need(struct store_load *l, struct store_segment *seg, struct btr_err *err)
{
    free(l->needed);
    l->needed = calloc((size_t)seg->header.entity_count + 1, sizeof(*l->needed));
    bool *stream_in = calloc((size_t)seg->header.stream_count + 1, sizeof(*stream_in));
    int rc = l->needed && stream_in ? 0 : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < seg->header.stream_count; i++)
        stream_in[i] = store_range_has(l->range, seg->streams[i].host);
    for (uint32_t i = 0; rc == 0 && i < store_segment_block_count(seg); i++) {
        struct cache_slot *slot = NULL;
        rc = store_segment_groups(seg, i, &slot, err);
        if (rc < 0)
            break;
        block_mark(l, slot->data, stream_in);
        store_cache_unpin(slot);
    }
    free(stream_in);
    return rc;
}
