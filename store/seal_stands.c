/* Sections counts and proofs (docs/FORMAT.md): what thinned events stand for, and the proofs that
 * no closure was changed by it. */
#include "seal.h"

/* The event at a place when it is thinned, with what it stands for; else NULL. */
static const struct builder_stand *stand_at(const struct store_sealer *s, uint32_t place)
{
    const struct builder_event *e = &s->builder->events[s->order[place]];
    return (e->flags & BTR_EVENT_THINNED) != 0 ? store_builder_stand_of(s->builder, s->order[place])
                                               : NULL;
}

enum stand_column { COLUMN_COUNT, COLUMN_TIME, COLUMN_RECORD, COLUMN_LINE, COLUMNS };

static void column_put(struct store_sealer *s, uint32_t begin, uint32_t end,
                       enum stand_column column)
{
    struct btr_buffer *raw = &s->packer.raw;
    for (uint32_t i = begin; i < end; i++) {
        const struct builder_stand *stand = stand_at(s, i);
        const struct builder_event *e = &s->builder->events[s->order[i]];
        if (!stand)
            continue;
        if (column == COLUMN_COUNT)
            btr_buffer_varint(raw, stand->count);
        else if (column == COLUMN_TIME)
            btr_buffer_varint(raw,
                              store_zigzag((uint64_t)stand->last_time_ns - (uint64_t)e->last_ns));
        else if (column == COLUMN_RECORD)
            btr_buffer_varint(raw, store_zigzag(stand->last_record_id - e->record_id));
        else
            btr_buffer_varint(raw, store_zigzag(stand->last_line - e->line));
    }
}

static int counts_section(struct store_sealer *s, struct btr_err *err)
{
    uint32_t count = s->builder->event_count;
    int rc = 0;
    store_section_begin(&s->packer, STORE_COUNTS, 0);
    for (uint32_t at = 0, end; rc == 0 && at < count; at = end) {
        end = count - at < STORE_BLOCK_EVENTS ? count : at + STORE_BLOCK_EVENTS;
        for (int column = 0; column < COLUMNS; column++)
            column_put(s, at, end, (enum stand_column)column);
        rc = store_section_block(&s->packer, end - at, err);
    }
    store_section_end(&s->packer);
    return rc;
}

static int proofs_section(struct store_sealer *s, struct btr_err *err)
{
    struct btr_buffer *raw = &s->packer.raw;
    store_section_begin(&s->packer, STORE_PROOFS, 0);
    for (uint32_t i = 0; i < s->builder->proof_count; i++) {
        const struct builder_proof *p = &s->builder->proofs[i];
        btr_buffer_put(raw, p->root, sizeof(p->root));
        btr_buffer_varint(raw, p->events_before);
        btr_buffer_varint(raw, p->events_after);
        btr_buffer_varint(raw, p->entities);
        btr_buffer_varint(raw, p->closures);
    }
    int rc = store_section_block(&s->packer, s->builder->proof_count, err);
    store_section_end(&s->packer);
    return rc;
}

int store_seal_stands(struct store_sealer *s, struct btr_err *err)
{
    int rc = s->builder->stand_count > 0 ? counts_section(s, err) : 0;
    return rc == 0 && s->builder->proof_count > 0 ? proofs_section(s, err) : rc;
}
