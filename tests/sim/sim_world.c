/* Hosts, time, and what is told: events, notes, holes. */
#include <btr/identity.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

enum { BEGIN_S = 1795400000 };
#define MS INT64_C(1000000)

uint64_t sim_below(struct sim_world *w, uint64_t bound)
{
    return test_random_below(&w->random, bound);
}

bool sim_chance(struct sim_world *w, int percent)
{
    return sim_below(w, 100) < (uint64_t)percent;
}

static void set_add(struct sim_set *to, const struct sim_set *from)
{
    for (int a = 0; a < SIM_ASSETS; a++)
        for (int i = 0; i < SIM_WORDS; i++)
            to->bits[a][i] |= from->bits[a][i];
}

void sim_load_add(struct sim_load *to, const struct sim_load *from)
{
    set_add(&to->real, &from->real);
    set_add(&to->may, &from->may);
    set_add(&to->own, &from->own);
}

int sim_set_count(const struct sim_set *set, int asset)
{
    int count = 0;
    for (int i = 0; i < SIM_WORDS; i++)
        for (uint64_t rest = set->bits[asset][i]; rest; rest &= rest - 1)
            count++;
    return count;
}

struct btr_span sim_text(struct sim_world *w, const char *text)
{
    struct btr_span copy;
    if (!btr_arena_copy(w->arena, btr_span_of(text), &copy))
        abort();
    return copy;
}

int sim_host_add(struct sim_world *w)
{
    struct sim_host *h = &w->hosts[w->host_count];
    snprintf(h->name, sizeof h->name, "host%d", w->host_count);
    snprintf(h->ip, sizeof h->ip, "10.1.0.%d", 10 + w->host_count);
    h->serial = 1000 * ((uint64_t)w->host_count + 1);
    h->pid = 100;
    h->hole_ns = INT64_MIN;
    h->told_ns = (int64_t)BEGIN_S * 1000 * MS;
    w->now_ns = h->told_ns + 1000 * MS;
    return w->host_count++;
}

/* ---- Time ---- */

void sim_call(struct sim_world *w, int p)
{
    static const int64_t PAUSES[] = {1, 3, 8, 20, 20, 60, 250, 4000};
    w->now_ns += MS / 4 + (int64_t)sim_below(w, (uint64_t)(PAUSES[sim_below(w, 8)] * MS));
    struct sim_process *process = &w->processes[p];
    if (w->now_ns <= process->free_ns)
        w->now_ns = process->free_ns + 1000;
    w->hosts[process->host].serial++;
    struct sim_host *h = &w->hosts[process->host];
    bool drops = w->drop && sim_below(w, 1000) < (uint64_t)w->drop;
    if (drops && h->hole_ns == INT64_MIN)
        h->hole_ns = h->told_ns;
    h->dropped += drops;
    w->call_first_ns = w->now_ns - (int64_t)sim_below(w, (uint64_t)w->jitter_ns + 1);
    if (w->call_first_ns < process->free_ns)
        w->call_first_ns = process->free_ns;
    w->call_last_ns = w->now_ns + (int64_t)sim_below(w, (uint64_t)w->jitter_ns + 1);
    process->free_ns = w->call_last_ns + 1;
    w->call_dropped = drops;
    w->call_told = false;
    w->call_skew_ns = h->skew_ns;
    if (!drops && h->hole_ns != INT64_MIN)
        sim_hole_tell(w, process->host);
}

int64_t sim_first(const struct sim_world *w)
{
    return w->call_first_ns + w->call_skew_ns;
}

int64_t sim_last(const struct sim_world *w)
{
    return w->call_last_ns + w->call_skew_ns;
}

/* ---- Events ---- */

static uint32_t stream_of(struct sim_world *w, int host)
{
    return btr_batch_stream(&w->batch, btr_span_of(w->hosts[host].name), BTR_SPAN("auditd"));
}

void sim_hole_tell(struct sim_world *w, int host)
{
    struct sim_host *h = &w->hosts[host];
    uint32_t stream = stream_of(w, host);
    struct btr_gap *gap = btr_batch_gap(&w->batch);
    if (!gap)
        abort();
    int64_t until_ns = w->call_last_ns + h->skew_ns;
    *gap = (struct btr_gap){.stream = stream,
                            .kind = BTR_GAP_HOLE,
                            .from_ns = h->hole_ns < until_ns ? h->hole_ns : until_ns,
                            .until_ns = until_ns,
                            .count = h->dropped};
    h->hole_ns = INT64_MIN;
    h->dropped = 0;
}

static struct btr_event *event_add(struct sim_world *w, int host)
{
    uint32_t stream = stream_of(w, host);
    struct btr_event *e = btr_batch_event(&w->batch);
    if (!e)
        abort();
    e->stream = stream;
    w->event_count++;
    e->bytes = BTR_BYTES_UNKNOWN;
    return e;
}

static void label_print(const struct sim_world *w, struct btr_id id)
{
    for (int i = 0; i < w->process_count; i++)
        if (w->processes[i].alive && btr_id_equal(w->processes[i].id, id)) {
            fprintf(stderr, " p%d%s(%s", i, w->processes[i].intruder ? "!" : "",
                    w->names[w->processes[i].image].path);
            for (int a = 0; a < w->asset_count; a++)
                fprintf(stderr, " %d", sim_set_count(&w->processes[i].load.may, a));
            fprintf(stderr, ")");
            return;
        }
    for (int i = 0; i < w->name_count; i++)
        if (btr_id_equal(w->names[i].id, id)) {
            fprintf(stderr, " %s", w->names[i].path);
            return;
        }
    for (int i = 0; i < w->talk_count; i++)
        for (int end = 0; end < 2; end++)
            if (btr_id_equal(w->talks[i].ends[end], id)) {
                fprintf(stderr, " t%d.%d%s%s", i, end,
                        w->talks[i].outside == SIM_NONE ? "" : " outside",
                        w->talks[i].intruder ? "!" : "");
                return;
            }
    fprintf(stderr, " ?");
}

static void event_print(const struct sim_world *w, const struct btr_event *e)
{
    fprintf(stderr, "%.3f..%.3f %s/%" PRIu64,
            (double)(e->first_ns - (int64_t)BEGIN_S * 1000 * MS) / 1e6,
            (double)(e->last_ns - (int64_t)BEGIN_S * 1000 * MS) / 1e6,
            (const char *)w->batch.streams[e->stream].host.at, e->record_id);
    label_print(w, e->subject);
    fprintf(stderr, " %s", btr_operation_word(e->operation));
    label_print(w, e->object);
    if (e->bytes != BTR_BYTES_UNKNOWN)
        fprintf(stderr, " %" PRIu64, e->bytes);
    fprintf(stderr, "%s%s\n", e->flags & BTR_EVENT_ENDS ? " ends" : "",
            e->flags & BTR_EVENT_INTERVAL ? " interval" : "");
}

void sim_tell(struct sim_world *w, int p, struct btr_id subject, enum btr_operation operation,
              struct btr_id object, int way, uint64_t bytes, unsigned flags)
{
    struct sim_host *h = &w->hosts[w->processes[p].host];
    if (w->call_dropped)
        return;
    bool out = way == SIM_OUT;
    sim_note_process(w, p);
    struct btr_event *e = event_add(w, w->processes[p].host);
    e->subject = subject;
    e->object = object;
    e->operation = (uint8_t)operation;
    e->time_ns = sim_first(w);
    e->first_ns = out ? sim_first(w) : sim_last(w);
    e->last_ns = sim_last(w);
    e->bytes = bytes;
    e->record_id = e->line = h->serial;
    e->flags =
        (uint8_t)(flags | (w->call_told && !(flags & BTR_EVENT_IMPLIED) ? BTR_EVENT_PART : 0));
    w->call_told |= !(flags & BTR_EVENT_IMPLIED);
    h->told_ns = e->last_ns > h->told_ns ? e->last_ns : h->told_ns;
    if (w->processes[p].intruder && !w->processes[p].changed && operation != BTR_OP_PTRACE &&
        !(flags & BTR_EVENT_IMPLIED) && sim_below(w, (uint64_t)++w->alerts) == 0) {
        w->alert_host = w->processes[p].host;
        w->alert_serial = h->serial;
    }
    if (w->verbose)
        event_print(w, e);
}

void sim_tell_interval(struct sim_world *w, const struct sim_open *o, enum btr_operation operation,
                       struct btr_id object)
{
    struct sim_process *p = &w->processes[o->process];
    sim_note_process(w, o->process);
    struct btr_event *e = event_add(w, p->host);
    e->subject = p->id;
    e->object = object;
    e->operation = (uint8_t)operation;
    e->first_ns = o->since_ns + w->hosts[p->host].skew_ns;
    e->last_ns =
        (p->free_ns > w->call_last_ns ? p->free_ns : w->call_last_ns) + w->hosts[p->host].skew_ns;
    e->time_ns = e->first_ns;
    e->record_id = e->line = o->serial;
    e->flags = BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED;
    if (w->verbose)
        event_print(w, e);
}

void sim_holes_end(struct sim_world *w)
{
    w->drop = 0;
    for (int i = 0; i < w->open_count; i++)
        if (w->opens[i].process != SIM_NONE) {
            w->call_last_ns = w->now_ns;
            sim_open_close(w, &w->opens[i]);
        }
    for (int host = 0; host < w->host_count; host++)
        for (int p = 0; p < w->process_count; p++)
            if (w->processes[p].host == host && w->processes[p].alive) {
                sim_call(w, p);
                sim_tell(w, p, w->processes[p].id, BTR_OP_EXIT, w->processes[p].id, SIM_INTO,
                         BTR_BYTES_UNKNOWN, 0);
                break;
            }
}

/* ---- Notes ---- */

uint32_t sim_host_index(struct sim_world *w, int host)
{
    return btr_batch_name(&w->batch, btr_span_of(w->hosts[host].name));
}

struct btr_note *sim_note(struct sim_world *w, struct btr_id id, enum btr_kind kind, int host,
                          unsigned flags)
{
    uint32_t name = host == SIM_NONE ? UINT32_MAX : sim_host_index(w, host);
    struct btr_note *n = btr_batch_note(&w->batch);
    if (!n)
        abort();
    *n = (struct btr_note){.id = id,
                           .kind = (uint8_t)kind,
                           .flags = (uint8_t)flags,
                           .host = name,
                           .attr_first = w->batch.attr_count};
    return n;
}

void sim_attr(struct sim_world *w, enum btr_attr_key key, int64_t since_ns, const char *text)
{
    if (!btr_batch_attr(&w->batch, key, since_ns, sim_text(w, text)))
        abort();
}

void sim_attr_number(struct sim_world *w, enum btr_attr_key key, int64_t since_ns, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    sim_attr(w, key, since_ns, text);
}

void sim_note_process(struct sim_world *w, int p)
{
    struct sim_process *process = &w->processes[p];
    int64_t skew_ns = w->hosts[process->host].skew_ns;
    if (process->noted)
        return;
    process->noted = true;
    sim_note(w, process->id, BTR_KIND_PROCESS, process->host, 0);
    sim_attr_number(w, BTR_ATTR_PROCESS_PID, process->start_ns + skew_ns, process->pid);
    sim_attr(w, BTR_ATTR_PROCESS_EXECUTABLE, process->image_ns + skew_ns,
             w->names[process->image].path);
    sim_attr_number(w, BTR_ATTR_USER_ID, process->start_ns + skew_ns, (uint64_t)process->user);
}

void sim_note_name(struct sim_world *w, int name)
{
    struct sim_name *n = &w->names[name];
    if (n->noted)
        return;
    n->noted = true;
    sim_note(w, n->id, BTR_KIND_FILE, n->host, 0);
    sim_attr(w, BTR_ATTR_FILE_PATH, w->now_ns, n->path);
}
