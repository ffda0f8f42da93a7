#include "feed.h"

#include <stdlib.h>

enum { PENDING_BYTES = 256 << 20, SLICE_NS = 1000000000 };
#define DAY_NS (INT64_C(24) * 3600 * 1000000000)
#define PAUSE_NS (INT64_C(30) * 1000000000) /* between two sites of an explosion */

struct feed {
    const struct fleet_plan *plan;
    const struct btr_sink *sink;
    struct fleet_counts *counts;
    struct btr_err *err;
    struct fleet_site *sites;
    struct fleet_unit *units; /* of the day, one a site */
    struct btr_batch batch;
    struct btr_arena *texts; /* of the batch */
    struct btr_input *rows;  /* one an input */
    bool *moved;
    struct btr_input *told; /* what a publish hands over */
    uint32_t *told_ids;
    uint32_t input_count;
};

static int no_memory(struct feed *f)
{
    return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
}

/* ---- To the sink ---------------------------------------------------------------------------- */

static int publish(struct feed *f)
{
    struct btr_progress p = {.inputs = f->told, .input_ids = f->told_ids};
    for (uint32_t i = 0; i < f->input_count; i++) {
        if (!f->moved[i])
            continue;
        f->told_ids[p.input_count] = i;
        f->told[p.input_count++] = f->rows[i];
        f->moved[i] = false;
    }
    f->counts->publishes++;
    f->batch.epoch++;
    return f->sink->publish(f->sink->self, &p, f->err);
}

static int batch_hand_over(struct feed *f, uint32_t input)
{
    uint32_t pending = 0;
    uint32_t due = f->plan->publish_events ? f->plan->publish_events : FLEET_PUBLISH_EVENTS;
    if (f->batch.event_count == 0)
        return 0;
    f->batch.input = input;
    for (uint32_t i = 0; i < f->batch.event_count; i++)
        f->batch.record_count +=
            (f->batch.events[i].flags & (BTR_EVENT_PART | BTR_EVENT_IMPLIED)) == 0;
    f->rows[input].records += f->batch.record_count;
    f->rows[input].content_lines = f->batch.events[f->batch.event_count - 1].line;
    f->moved[input] = true;
    f->counts->batches++;
    f->counts->events += f->batch.event_count;
    f->counts->notes += f->batch.note_count;
    f->counts->attrs += f->batch.attr_count;
    int rc = f->sink->append(f->sink->self, &f->batch, f->err);
    btr_batch_clear(&f->batch);
    f->batch.record_count = 0;
    btr_arena_reset(f->texts);
    if (rc == 0 && (f->sink->pending(f->sink->self, &pending) >= PENDING_BYTES || pending >= due))
        rc = publish(f);
    return rc;
}

static bool is_full(const struct feed *f)
{
    return f->plan->events_max > 0 &&
           f->counts->events + f->batch.event_count >= f->plan->events_max;
}

/* ---- A day ---------------------------------------------------------------------------------- */

/* What a stream tells until a time, whole records only: the parts of one in two segments would
 * look like told twice. `*next_ns` becomes the time of what comes after that, if that is less. */
static int stream_feed(struct feed *f, struct fleet_unit *u, uint32_t stream, int64_t until_ns,
                       int64_t *next_ns)
{
    const struct fleet_recording *r = u->site->recording;
    const struct fleet_stream *s = &r->streams[stream];
    bool attacked = fleet_unit_salt(u->place) == 0;
    uint32_t line = 0; /* of the event before */
    while (u->next[stream] < s->event_count && !is_full(f)) {
        const struct fleet_event *e = &r->events[s->event_first + u->next[stream]];
        int64_t at_ns = e->last_ns + u->shift_ns;
        if (at_ns >= until_ns && e->line != line) {
            if (at_ns < *next_ns)
                *next_ns = at_ns;
            break;
        }
        u->next[stream]++;
        line = e->line;
        if ((attacked || !e->attack) && !fleet_unit_emit(u, e, f->texts, &f->batch))
            return no_memory(f);
    }
    return batch_hand_over(f, u->site->input_first + stream);
}

static int day_feed(struct feed *f)
{
    int64_t until_ns = INT64_MIN, next_ns = INT64_MIN;
    int rc = 0;
    while (rc == 0 && next_ns < INT64_MAX && !is_full(f)) {
        until_ns = next_ns == INT64_MIN ? INT64_MIN : next_ns + SLICE_NS;
        next_ns = INT64_MAX;
        for (uint32_t i = 0; rc == 0 && i < f->plan->sites; i++)
            for (uint32_t k = 0; rc == 0 && k < f->sites[i].recording->stream_count; k++)
                rc = stream_feed(f, &f->units[i], k, until_ns, &next_ns);
    }
    return rc;
}

/* When a site begins its day, beside the recording. All recordings begin with the first one. */
static int64_t shift_of(const struct feed *f, uint32_t site, uint32_t day)
{
    const struct fleet_recording *first = &f->plan->recordings[0];
    const struct fleet_recording *own = f->sites[site].recording;
    int64_t begin = first->first_ns - own->first_ns;
    if (!f->plan->explosion)
        return begin + fleet_site_jitter_ns(site) + day * DAY_NS;
    for (uint32_t i = 1; i <= site; i++) {
        const struct fleet_recording *r = f->sites[i].recording;
        begin -= r->last_ns - r->first_ns + PAUSE_NS;
    }
    return begin;
}

static int day_run(struct feed *f, uint32_t day)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < f->plan->sites; i++)
        if (!fleet_unit_init(&f->units[i], &f->sites[i], day, shift_of(f, i, 0),
                             shift_of(f, i, day), f->plan->explosion))
            rc = no_memory(f);
    if (rc == 0)
        rc = day_feed(f);
    for (uint32_t i = 0; i < f->plan->sites; i++)
        fleet_unit_fini(&f->units[i]);
    return rc;
}

/* ---- All ------------------------------------------------------------------------------------ */

static bool sites_make(struct feed *f)
{
    f->sites = calloc(f->plan->sites, sizeof(*f->sites));
    f->units = calloc(f->plan->sites, sizeof(*f->units));
    for (uint32_t i = 0; f->sites && f->units && i < f->plan->sites; i++) {
        const struct fleet_recording *r = &f->plan->recordings[i % f->plan->recording_count];
        if (!fleet_site_init(&f->sites[i], r, i, f->input_count))
            return false;
        f->input_count += r->stream_count;
    }
    return f->sites && f->units;
}

static bool inputs_make(struct feed *f)
{
    f->rows = calloc(f->input_count, sizeof(*f->rows));
    f->moved = calloc(f->input_count, sizeof(*f->moved));
    f->told = calloc(f->input_count, sizeof(*f->told));
    f->told_ids = calloc(f->input_count, sizeof(*f->told_ids));
    if (!f->rows || !f->moved || !f->told || !f->told_ids)
        return false;
    for (uint32_t i = 0; i < f->plan->sites; i++)
        for (uint32_t k = 0; k < f->sites[i].recording->stream_count; k++) {
            struct btr_span name = f->sites[i].inputs[k];
            f->rows[f->sites[i].input_first + k] = (struct btr_input){
                .name = name,
                .host = f->sites[i].hosts[f->sites[i].recording->streams[k].host],
                .format = BTR_SPAN("auditd"),
                .tool = BTR_SPAN("fleet"),
                .head_hash = btr_hash64(name)};
        }
    return true;
}

static void feed_fini(struct feed *f)
{
    for (uint32_t i = 0; f->sites && i < f->plan->sites; i++)
        fleet_site_fini(&f->sites[i]);
    free(f->sites);
    free(f->units);
    free(f->rows);
    free(f->moved);
    free(f->told);
    free(f->told_ids);
    btr_batch_fini(&f->batch);
    btr_arena_free(f->texts);
}

int fleet_feed(const struct fleet_plan *plan, const struct btr_sink *sink,
               struct fleet_counts *counts, struct btr_err *err)
{
    struct feed f = {.plan = plan,
                     .sink = sink,
                     .counts = counts,
                     .err = err,
                     .texts = btr_arena_new(SIZE_MAX / 4)};
    *counts = (struct fleet_counts){0};
    btr_batch_init(&f.batch);
    f.batch.epoch = 1;
    int rc = f.texts && sites_make(&f) && inputs_make(&f) ? 0 : no_memory(&f);
    for (uint32_t day = 0; rc == 0 && day < plan->days && !is_full(&f); day++)
        rc = day_run(&f, day);
    if (rc == 0)
        rc = publish(&f);
    if (rc == 0 && sink->drain)
        rc = sink->drain(sink->self, err);
    feed_fini(&f);
    return rc;
}
