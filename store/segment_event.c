#include "segment_event.h"

static void block_drop(struct event_cursor *c)
{
    if (c->events)
        store_cache_unpin(c->events);
    if (c->bytes)
        store_cache_unpin(c->bytes);
    c->events = c->bytes = NULL;
}

void store_event_fini(struct event_cursor *c)
{
    block_drop(c);
    store_cursor_fini(&c->moments);
    store_cursor_fini(&c->locators);
}

int store_event_move(struct event_cursor *c, uint32_t event, struct btr_err *err)
{
    uint32_t rows = store_segment_block_rows(c->seg), block = event / rows;
    if (!c->events || c->block != block) {
        block_drop(c);
        int rc = store_segment_groups(c->seg, block, &c->events, err);
        if (rc < 0) {
            c->events = NULL;
            return rc;
        }
        c->block = block;
        c->group = 0;
    }
    const struct segment_block *b = store_event_block(c);
    c->place = event % rows;
    if (c->group + 1 < b->group_count && c->place == b->groups[c->group + 1].begin)
        c->group++;
    else if (c->place < b->groups[c->group].begin || c->place >= b->groups[c->group + 1].begin)
        c->group = store_block_group(b, c->place);
    return 0;
}

int store_event_times(struct event_cursor *c, struct btr_err *err)
{
    return store_block_times(store_event_block(c), c->group, &c->moments, err);
}

static bool is_old(const struct event_cursor *c)
{
    return c->seg->header.version < STORE_VERSION_GROUPS;
}

/* Takes what tells the bytes of the block at hand. */
static int bytes_take(struct event_cursor *c, struct btr_err *err)
{
    if (c->bytes)
        return 0;
    int rc = is_old(c) ? store_segment_details(c->seg, c->block, &c->bytes, err)
                       : store_segment_bytes(c->seg, c->block, &c->bytes, err);
    if (rc < 0)
        c->bytes = NULL;
    return rc;
}

/* Where groups stand for what is alike, the locator of an event's moment. */
static int locator_find(struct event_cursor *c, const struct segment_locator **locator,
                        struct btr_err *err)
{
    uint32_t moment = store_event_block(c)->moments[c->place];
    int rc = store_cursor_need(&c->locators, moment, err);
    if (rc == 0)
        *locator =
            (const struct segment_locator *)c->locators.slot->data + moment % STORE_MOMENT_ROWS;
    return rc;
}

int store_event_locate(struct event_cursor *c, struct segment_detail *detail, struct btr_err *err)
{
    const struct segment_locator *l = NULL;
    int rc = bytes_take(c, err);
    if (rc == 0 && is_old(c)) {
        *detail = ((const struct segment_detail *)c->bytes->data)[c->place];
        return 0;
    }
    if (rc == 0)
        rc = locator_find(c, &l, err);
    if (rc == 0)
        *detail = (struct segment_detail){0, ((const uint64_t *)c->bytes->data)[c->place],
                                          l->record_id, l->line};
    return rc;
}

int store_event_detail(struct event_cursor *c, struct segment_detail *detail, struct btr_err *err)
{
    const struct segment_locator *l = NULL;
    int rc = store_event_times(c, err);
    if (rc == 0)
        rc = store_event_locate(c, detail, err);
    if (rc < 0 || is_old(c))
        return rc;
    rc = locator_find(c, &l, err);
    if (rc == 0)
        detail->time_ns =
            (int64_t)((uint64_t)store_time_expect(store_event_block(c)->first_ns[c->place],
                                                  c->seg->time_unit) +
                      l->time_off);
    return rc;
}
