#include "clone.h"

#include <btr/identity.h>
#include <stdlib.h>

/* ---- Sites ---------------------------------------------------------------------------------- */

static bool names_make(struct fleet_site *s, struct btr_buffer *text)
{
    const struct fleet_recording *r = s->recording;
    for (uint32_t i = 0; i < r->host_count; i++) {
        btr_buffer_clear(text);
        fleet_host_name(s->number, r->hosts[i], text);
        if (text->failed || !btr_arena_copy(s->arena, btr_buffer_view(text), &s->hosts[i]))
            return false;
    }
    for (uint32_t i = 0; i < r->stream_count; i++) {
        btr_buffer_clear(text);
        btr_buffer_text(text, "fleet/");
        btr_buffer_span(text, s->hosts[r->streams[i].host]);
        btr_buffer_text(text, "/");
        btr_buffer_span(text, r->streams[i].source);
        if (text->failed || !btr_arena_copy(s->arena, btr_buffer_view(text), &s->inputs[i]))
            return false;
    }
    return true;
}

bool fleet_site_init(struct fleet_site *site, const struct fleet_recording *recording,
                     uint32_t number, uint32_t input_first)
{
    struct btr_buffer text = {0};
    *site =
        (struct fleet_site){.recording = recording,
                            .number = number,
                            .hosts = calloc(recording->host_count + 1, sizeof(*site->hosts)),
                            .inputs = calloc(recording->stream_count + 1, sizeof(*site->inputs)),
                            .input_first = input_first,
                            .arena = btr_arena_new(1 << 20)};
    bool ok = site->hosts && site->inputs && site->arena && names_make(site, &text);
    btr_buffer_fini(&text);
    return ok;
}

void fleet_site_fini(struct fleet_site *site)
{
    free(site->hosts);
    free(site->inputs);
    btr_arena_free(site->arena);
    *site = (struct fleet_site){0};
}

/* ---- Ids ------------------------------------------------------------------------------------ */

static void path_of(const struct fleet_unit *u, const struct fleet_entity *e, struct btr_span path,
                    struct btr_buffer *out)
{
    btr_buffer_clear(out);
    if (e->in_proc)
        fleet_proc_path(u->place, path, out);
    else if (e->short_lived)
        fleet_short_lived_path(u->place, path, out);
    else
        btr_buffer_span(out, path);
}

static bool is_joined(const struct fleet_unit *u, const struct fleet_entity *e)
{
    return u->files_joined && e->path.size > 0 && e->scope == FLEET_SCOPE_SITE;
}

static struct btr_span host_of(const struct fleet_unit *u, const struct fleet_entity *e)
{
    return e->host == UINT32_MAX || is_joined(u, e) ? (struct btr_span){0}
                                                    : u->site->hosts[e->host];
}

static struct btr_id id_of(const struct fleet_unit *u, const struct fleet_entity *e,
                           struct btr_buffer *path)
{
    if (e->path.size > 0) {
        path_of(u, e, e->path, path);
        return btr_identity_file(host_of(u, e), e->root, btr_buffer_view(path));
    }
    return fleet_id_mix(e->id, e->scope == FLEET_SCOPE_SITE ? fleet_site_salt(u->place.site)
                                                            : fleet_unit_salt(u->place));
}

static bool ids_make(struct fleet_unit *u)
{
    const struct fleet_recording *r = u->site->recording;
    struct btr_buffer path = {0};
    for (uint32_t i = 0; i < r->entity_count; i++)
        u->ids[i] = id_of(u, &r->entities[i], &path);
    bool ok = !path.failed;
    btr_buffer_fini(&path);
    return ok;
}

bool fleet_unit_init(struct fleet_unit *unit, const struct fleet_site *site, uint32_t day,
                     int64_t site_shift_ns, int64_t shift_ns, bool files_joined)
{
    const struct fleet_recording *r = site->recording;
    uint64_t records_a_day = r->record_most - r->record_least + 1;
    *unit =
        (struct fleet_unit){.site = site,
                            .place = {site->number, day},
                            .shift_ns = shift_ns,
                            .site_shift_ns = site_shift_ns,
                            .files_joined = files_joined,
                            .record_shift = fleet_record_shift(site->number) + day * records_a_day,
                            .ids = malloc((r->entity_count + 1) * sizeof(*unit->ids)),
                            .noted_epoch = calloc(r->entity_count + 1, sizeof(*unit->noted_epoch)),
                            .next = calloc(r->stream_count + 1, sizeof(*unit->next))};
    return unit->ids && unit->noted_epoch && unit->next && ids_make(unit);
}

void fleet_unit_fini(struct fleet_unit *unit)
{
    free(unit->ids);
    free(unit->noted_epoch);
    free(unit->next);
    *unit = (struct fleet_unit){0};
}

/* ---- Attributes ----------------------------------------------------------------------------- */

static void number_put(struct btr_span text, struct btr_buffer *out, uint64_t more)
{
    uint64_t value;
    if (btr_span_number(text, 10, &value))
        btr_buffer_format(out, "%llu", (unsigned long long)(value + more));
    else
        btr_buffer_span(out, text);
}

static void pid_put(const struct fleet_unit *u, struct btr_span text, struct btr_buffer *out)
{
    uint64_t pid;
    if (btr_span_number(text, 10, &pid))
        btr_buffer_format(out, "%llu", (unsigned long long)fleet_pid(u->place, pid));
    else
        btr_buffer_span(out, text);
}

/* Writes the unit's version of a value. @return false when it is the recording's */
static bool value_write(const struct fleet_unit *u, const struct fleet_entity *e,
                        const struct btr_attr *attr, struct btr_buffer *out)
{
    btr_buffer_clear(out);
    switch (attr->key) {
    case BTR_ATTR_PROCESS_PID:
    case BTR_ATTR_PROCESS_PARENT_PID:
        pid_put(u, attr->value, out);
        return true;
    case BTR_ATTR_FILE_INODE:
        number_put(attr->value, out, fleet_inode_shift(u->place.site));
        return true;
    case BTR_ATTR_SESSION_ID:
        number_put(attr->value, out, u->place.day * UINT64_C(100));
        return true;
    case BTR_ATTR_SOURCE_IP:
    case BTR_ATTR_DESTINATION_IP:
    case BTR_ATTR_CHANNEL_NAME:
    case BTR_ATTR_PROCESS_COMMAND_LINE:
        fleet_addresses(u->place.site, attr->value, out);
        return true;
    case BTR_ATTR_FILE_PATH:
        if (!e->in_proc && !e->short_lived)
            return false;
        path_of(u, e, attr->value, out);
        return true;
    case BTR_ATTR_HOST_NAME:
        fleet_host_name(u->place.site, attr->value, out);
        return true;
    default:
        return false;
    }
}

static bool note_add(struct fleet_unit *u, uint32_t entity, struct btr_arena *texts,
                     struct btr_batch *batch, struct btr_buffer *value)
{
    const struct fleet_recording *r = u->site->recording;
    const struct fleet_entity *e = &r->entities[entity];
    struct btr_note *note = btr_batch_note(batch);
    if (!note)
        return false;
    note->id = u->ids[entity];
    note->kind = e->kind;
    note->flags = e->flags;
    note->host = UINT32_MAX;
    if (e->host != UINT32_MAX && (note->host = btr_batch_name(batch, host_of(u, e))) == UINT32_MAX)
        return false;
    bool same = fleet_unit_salt(u->place) == 0;
    int64_t shift_ns = e->scope == FLEET_SCOPE_SITE ? u->site_shift_ns : u->shift_ns;
    for (uint32_t i = 0; i < e->attr_count; i++) {
        const struct btr_attr *a = &r->attrs[e->attr_first + i];
        struct btr_span own = a->value;
        if (!same && value_write(u, e, a, value) &&
            !btr_arena_copy(texts, btr_buffer_view(value), &own))
            return false;
        if (!btr_batch_attr(batch, a->key, a->since_ns + shift_ns, own))
            return false;
    }
    return !value->failed;
}

static bool note_if_new(struct fleet_unit *u, uint32_t entity, struct btr_arena *texts,
                        struct btr_batch *batch)
{
    if (u->noted_epoch[entity] == batch->epoch)
        return true;
    struct btr_buffer value = {0};
    u->noted_epoch[entity] = batch->epoch;
    bool ok = u->site->recording->entities[entity].kind == BTR_KIND_NONE ||
              note_add(u, entity, texts, batch, &value);
    btr_buffer_fini(&value);
    return ok;
}

bool fleet_unit_emit(struct fleet_unit *unit, const struct fleet_event *from,
                     struct btr_arena *texts, struct btr_batch *batch)
{
    const struct fleet_recording *r = unit->site->recording;
    const struct fleet_stream *stream = &r->streams[from->stream];
    struct btr_event *e = btr_batch_event(batch);
    uint32_t number = btr_batch_stream(batch, unit->site->hosts[stream->host], stream->source);
    if (!e || number == UINT32_MAX)
        return false;
    *e = (struct btr_event){.subject = unit->ids[from->subject],
                            .object = unit->ids[from->object],
                            .time_ns = from->time_ns + unit->shift_ns,
                            .first_ns = from->first_ns + unit->shift_ns,
                            .last_ns = from->last_ns + unit->shift_ns,
                            .bytes = from->bytes,
                            .record_id =
                                from->record_id == 0 ? 0 : from->record_id + unit->record_shift,
                            .line = from->line + unit->place.day * stream->line_count,
                            .stream = number,
                            .operation = from->operation,
                            .doubt = from->doubt,
                            .flags = from->flags};
    return note_if_new(unit, from->subject, texts, batch) &&
           note_if_new(unit, from->object, texts, batch);
}
