#include "sinks.h"

#include <btr/id.h>

static void take(struct fleet_sink *s, struct btr_span bytes)
{
    s->digest = btr_hash64_seeded(bytes, s->digest);
}

static void take_number(struct fleet_sink *s, uint64_t value)
{
    take(s, (struct btr_span){(const uint8_t *)&value, sizeof(value)});
}

static void take_id(struct fleet_sink *s, struct btr_id id)
{
    take_number(s, id.hi);
    take_number(s, id.lo);
}

static void take_event(struct fleet_sink *s, const struct btr_event *e)
{
    const uint64_t numbers[] = {(uint64_t)e->time_ns,
                                (uint64_t)e->first_ns,
                                (uint64_t)e->last_ns,
                                e->bytes,
                                e->record_id,
                                e->line,
                                e->stream,
                                e->operation,
                                e->doubt,
                                e->flags};
    take_id(s, e->subject);
    take_id(s, e->object);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        take_number(s, numbers[i]);
}

static void take_note(struct fleet_sink *s, const struct btr_batch *batch,
                      const struct btr_note *note)
{
    take_id(s, note->id);
    take_number(s, note->kind);
    take_number(s, note->flags);
    take_number(s, note->host);
    for (uint32_t i = 0; i < note->attr_count; i++) {
        const struct btr_attr *a = &batch->attrs[note->attr_first + i];
        take_number(s, a->key);
        take_number(s, (uint64_t)a->since_ns);
        take(s, a->value);
    }
}

static int append(void *self, const struct btr_batch *batch, struct btr_err *err)
{
    struct fleet_sink *s = self;
    (void)err;
    s->pending += batch->event_count;
    if (!s->digests)
        return 0;
    take_number(s, batch->input);
    for (uint32_t i = 0; i < batch->stream_count; i++) {
        take(s, batch->streams[i].host);
        take(s, batch->streams[i].source);
    }
    for (uint32_t i = 0; i < batch->name_count; i++)
        take(s, batch->names[i]);
    for (uint32_t i = 0; i < batch->note_count; i++)
        take_note(s, batch, &batch->notes[i]);
    for (uint32_t i = 0; i < batch->event_count; i++)
        take_event(s, &batch->events[i]);
    return 0;
}

static int publish(void *self, const struct btr_progress *progress, struct btr_err *err)
{
    struct fleet_sink *s = self;
    (void)err;
    s->pending = 0;
    for (uint32_t i = 0; s->digests && i < progress->input_count; i++) {
        take_number(s, progress->input_ids[i]);
        take(s, progress->inputs[i].name);
        take_number(s, progress->inputs[i].records);
    }
    return 0;
}

static size_t pending(void *self, uint32_t *event_count)
{
    struct fleet_sink *s = self;
    *event_count = s->pending;
    return 0;
}

void fleet_sink_init(struct fleet_sink *s, bool digests)
{
    *s = (struct fleet_sink){.sink = {s, append, publish, pending, NULL}, .digests = digests};
}
