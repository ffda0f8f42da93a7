/* Sections reach and stretches (docs/FORMAT.md, "Reach"). */
#include "reach.h"
#include "seal.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
}

static void reach_put(struct btr_buffer *raw, const struct store_reach *reach)
{
    btr_buffer_varint(raw, reach->event_count);
    btr_buffer_u64(raw, (uint64_t)reach->first_ns);
    btr_buffer_u64(raw, (uint64_t)reach->last_ns);
    btr_buffer_varint(raw, reach->least_line);
    btr_buffer_varint(raw, reach->greatest_line);
}

int store_seal_reach(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    struct store_reach *reach = calloc((size_t)b->stream_count + 1, sizeof(*reach));
    if (!reach)
        return out_of_memory(err);
    for (uint32_t i = 0; i < b->event_count; i++)
        store_reach_widen(&reach[b->events[i].stream], b->events[i].last_ns, b->events[i].line);
    store_section_begin(&s->packer, STORE_REACH, 0);
    for (uint32_t i = 0; i < b->stream_count; i++)
        reach_put(&s->packer.raw, &reach[i]);
    free(reach);
    int rc = store_section_block(&s->packer, b->stream_count, err);
    store_section_end(&s->packer);
    return rc;
}

/* @return whether a stream has several; false, too, when out of memory, which `ok` tells */
static bool stretches_make(const struct store_builder *b, struct store_stretches *by_stream,
                           bool *ok)
{
    bool several = false;
    for (uint32_t i = 0; *ok && i < b->event_count; i++)
        *ok = store_stretches_add(&by_stream[b->events[i].stream], b->events[i].last_ns,
                                  b->events[i].line);
    for (uint32_t i = 0; *ok && i < b->stream_count; i++) {
        store_stretches_settle(&by_stream[i]);
        several = several || by_stream[i].count > 1;
    }
    return several;
}

int store_seal_stretches(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    struct store_stretches *by_stream = calloc((size_t)b->stream_count + 1, sizeof(*by_stream));
    bool ok = by_stream != NULL, several = ok && stretches_make(b, by_stream, &ok);
    int rc = ok ? 0 : out_of_memory(err);
    store_section_begin(&s->packer, STORE_STRETCHES, 0);
    for (uint32_t i = 0; several && i < b->stream_count; i++) {
        btr_buffer_varint(&s->packer.raw, by_stream[i].count);
        for (uint32_t k = 0; k < by_stream[i].count; k++)
            reach_put(&s->packer.raw, &by_stream[i].items[k]);
    }
    if (several)
        rc = store_section_block(&s->packer, b->stream_count, err);
    store_section_end(&s->packer);
    for (uint32_t i = 0; by_stream && i < b->stream_count; i++)
        store_stretches_fini(&by_stream[i]);
    free(by_stream);
    return rc;
}
