/* The saved form of a state. Version 1: clock, counters, channels in order of last use, then each
   table from the oldest to the newest use. Chains by pid are made anew from `born`. */
#include "state.h"

enum { STATE_VERSION = 1, STATE_MARK = 'W' };

static void save_id(struct btr_id id, struct btr_buffer *out)
{
    btr_buffer_u64(out, id.hi);
    btr_buffer_u64(out, id.lo);
}

static bool load_id(struct btr_id *id, struct btr_cursor *in)
{
    return btr_cursor_u64(in, &id->hi) && btr_cursor_u64(in, &id->lo);
}

static void save_item(const struct win_item *item, struct btr_buffer *out)
{
    save_id(item->key, out);
    save_id(item->id, out);
    btr_buffer_svarint(out, item->first_ns);
    btr_buffer_svarint(out, item->start_ns);
    btr_buffer_svarint(out, item->end_ns);
    btr_buffer_varint(out, item->number);
    btr_buffer_varint(out, item->other);
    btr_buffer_varint(out, item->line);
    btr_buffer_varint(out, item->born);
    btr_buffer_varint(out, item->flags);
    for (unsigned i = 0; i < WIN_TEXTS; i++) {
        btr_buffer_varint(out, item->text[i].size);
        btr_buffer_put(out, item->text[i].at, item->text[i].size);
    }
}

static void save_table(const struct win_table *t, struct btr_buffer *out)
{
    btr_buffer_varint(out, t->count);
    for (uint32_t i = t->oldest; i != WIN_NONE; i = t->items[i].newer_use)
        save_item(&t->items[i], out);
}

/* Counts only; `waiting` is a matter of what is held. */
static void save_stats(const struct btr_decoder_stats *stats, struct btr_buffer *out)
{
    btr_buffer_varint(out, stats->records);
    btr_buffer_varint(out, stats->events);
    btr_buffer_varint(out, stats->undecoded);
    btr_buffer_varint(out, stats->evicted);
}

static void save_held(const struct btr_decoder_state *state, struct btr_buffer *out)
{
    btr_buffer_u8(out, state->held_enough);
    btr_buffer_varint(out, state->held_count);
    for (uint32_t i = 0; i < state->held_count; i++) {
        btr_buffer_varint(out, state->held[i].line);
        btr_buffer_varint(out, state->held[i].size);
        btr_buffer_put(out, state->held[i].at, state->held[i].size);
    }
}

int win_state_save(const struct btr_decoder_state *state, struct btr_buffer *out)
{
    btr_buffer_u8(out, STATE_MARK);
    btr_buffer_u8(out, STATE_VERSION);
    win_clock_save(&state->clock, out);
    btr_buffer_varint(out, state->born);
    save_stats(&state->stats, out);
    btr_buffer_varint(out, state->channel_clock);
    btr_buffer_varint(out, state->channel_count);
    for (uint32_t i = 0; i < state->channel_count; i++)
        win_channel_save(state->channels[i], out);
    for (unsigned i = 0; i < WIN_TABLE_COUNT; i++)
        save_table(&state->tables[i], out);
    save_held(state, out);
    return out->failed ? BTR_E_NOMEM : 0;
}

static bool load_texts(struct btr_decoder_state *state, struct win_item *item,
                       struct btr_cursor *in)
{
    for (unsigned i = 0; i < WIN_TEXTS; i++) {
        uint64_t size;
        struct btr_span text;
        if (!btr_cursor_varint(in, &size) || size > WIN_TEXT_MAX ||
            !btr_cursor_span(in, (size_t)size, &text) || !win_item_text(state, item, i, text))
            return false;
    }
    return true;
}

static bool load_item(struct btr_decoder_state *state, enum win_table_name table,
                      struct btr_cursor *in)
{
    struct btr_id key;
    uint64_t flags;
    if (!load_id(&key, in) || win_item_find(state, table, key))
        return false;
    struct win_item *item = win_item_add(state, table, key);
    if (!item || !load_id(&item->id, in) || !btr_cursor_svarint(in, &item->first_ns) ||
        !btr_cursor_svarint(in, &item->start_ns) || !btr_cursor_svarint(in, &item->end_ns) ||
        !btr_cursor_varint(in, &item->number) || !btr_cursor_varint(in, &item->other) ||
        !btr_cursor_varint(in, &item->line) || !btr_cursor_varint(in, &item->born) ||
        !btr_cursor_varint(in, &flags) || flags > 7 || item->born > state->born)
        return false;
    item->flags = (uint32_t)flags;
    return load_texts(state, item, in);
}

static int by_born(const void *a, const void *b)
{
    const struct win_item *const *x = a, *const *y = b;
    return (*x)->born < (*y)->born ? -1 : (*x)->born > (*y)->born;
}

/* Enters the processes into the chains of their pids, in the order in which they first were. */
static bool chain_again(struct btr_decoder_state *state)
{
    struct win_table *t = &state->tables[WIN_PROCESS];
    struct win_item **order = malloc((t->count + 1) * sizeof(*order));
    uint32_t count = 0;
    if (!order)
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->items[i].born)
            order[count++] = &t->items[i];
    qsort(order, count, sizeof(*order), by_born);
    bool good = true;
    for (uint32_t i = 0; i < count && good; i++) {
        uint64_t born = order[i]->born, counter = state->born;
        order[i]->born = 0;
        good = win_pid_chain(state, order[i], order[i]->number);
        order[i]->born = born;
        state->born = counter;
    }
    free(order);
    return good;
}

static bool load_channels(struct btr_decoder_state *state, struct btr_cursor *in)
{
    uint64_t count;
    if (!btr_cursor_varint(in, &state->channel_clock) || !btr_cursor_varint(in, &count) ||
        count > WIN_CHANNELS)
        return false;
    while (state->channel_count < count) {
        struct win_channel *c = calloc(1, sizeof(*c));
        if (!c)
            return false;
        state->channels[state->channel_count++] = c;
        if (!win_channel_load(c, in))
            return false;
    }
    return true;
}

static bool load_held(struct btr_decoder_state *state, struct btr_cursor *in)
{
    uint8_t enough;
    uint64_t count, line, size;
    if (!btr_cursor_u8(in, &enough) || enough > 1 || !btr_cursor_varint(in, &count))
        return false;
    while (count--) {
        struct btr_span record;
        if (!btr_cursor_varint(in, &line) || !btr_cursor_varint(in, &size) ||
            size > in->rest.size || !btr_cursor_span(in, (size_t)size, &record) ||
            win_held_add(state, record, line) != 1)
            return false;
    }
    state->held_enough = enough;
    return true;
}

static bool load_all(struct btr_decoder_state *state, struct btr_cursor *in)
{
    struct btr_decoder_stats *stats = &state->stats;
    if (!win_clock_load(&state->clock, in) || !btr_cursor_varint(in, &state->born) ||
        !btr_cursor_varint(in, &stats->records) || !btr_cursor_varint(in, &stats->events) ||
        !btr_cursor_varint(in, &stats->undecoded) || !btr_cursor_varint(in, &stats->evicted) ||
        !load_channels(state, in))
        return false;
    for (unsigned i = 0; i < WIN_TABLE_COUNT; i++) {
        uint64_t count;
        if (!btr_cursor_varint(in,
                               &count)) /* where this state holds less, the oldest are evicted */
            return false;
        while (count--)
            if (!load_item(state, (enum win_table_name)i, in))
                return false;
    }
    return load_held(state, in) && in->rest.size == 0 && chain_again(state);
}

int win_state_load(struct btr_decoder_state *state, struct btr_span saved, struct btr_err *err)
{
    struct btr_cursor in = {.rest = saved};
    uint8_t mark, version;
    if (!btr_cursor_u8(&in, &mark) || mark != STATE_MARK || !btr_cursor_u8(&in, &version))
        return btr_fail(err, BTR_E_FORMAT, 0, "no state of the Windows decoder");
    if (version > STATE_VERSION)
        return btr_fail(err, BTR_E_VERSION, 1, "state of version %u", version);
    if (version < STATE_VERSION || !load_all(state, &in))
        return btr_fail(err, BTR_E_FORMAT, in.offset, "damaged state of the Windows decoder");
    return 0;
}
