/*
 * Writes a store's decoded events as flat files into a folder (dump.h).
 * Usage: bench_dump_events STORE FOLDER
 */
#include "dump.h"

#include <btr/buffer.h>
#include <btr/trace.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../fleet/recording.h"

enum { FLUSH_SIZE = 1 << 20, SLICE_NS = 1000000000 };

struct out {
    const char *folder;
    FILE *file;
    struct btr_buffer rows;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_dump_events: %s: %s\n", what, why);
    exit(3);
}

static void out_open(struct out *o, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", o->folder, name);
    o->file = fopen(path, "wb");
    if (!o->file)
        die(path, strerror(errno));
    btr_buffer_clear(&o->rows);
}

static void out_flush(struct out *o, size_t least)
{
    if (o->rows.size < least)
        return;
    if (o->rows.failed || fwrite(o->rows.at, 1, o->rows.size, o->file) != o->rows.size)
        die(o->folder, "a file cannot be written");
    btr_buffer_clear(&o->rows);
}

static void out_close(struct out *o)
{
    out_flush(o, 1);
    if (fclose(o->file) != 0)
        die(o->folder, strerror(errno));
}

/* ---- Texts ---------------------------------------------------------------------------------- */

struct texts {
    struct btr_buffer bytes;
};

static uint64_t text_add(struct texts *t, struct btr_span text)
{
    uint64_t offset = t->bytes.size;
    btr_buffer_span(&t->bytes, text);
    return offset;
}

static void text_put(struct btr_buffer *rows, struct texts *t, struct btr_span text)
{
    btr_buffer_u64(rows, text_add(t, text));
    btr_buffer_u64(rows, text.size);
}

static void names_write(struct out *o, struct texts *t, const struct fleet_recording *r)
{
    out_open(o, "hosts.bin");
    for (uint32_t i = 0; i < r->host_count; i++)
        text_put(&o->rows, t, r->hosts[i]);
    out_close(o);
    out_open(o, "streams.bin");
    for (uint32_t i = 0; i < r->stream_count; i++) {
        btr_buffer_u32(&o->rows, r->streams[i].host);
        btr_buffer_u32(&o->rows, 0);
        text_put(&o->rows, t, r->streams[i].source);
        text_put(&o->rows, t, r->streams[i].input);
    }
    out_close(o);
}

static void entities_write(struct out *o, struct texts *t, const struct fleet_recording *r)
{
    out_open(o, "entities.bin");
    for (uint32_t i = 0; i < r->entity_count; i++) {
        const struct fleet_entity *e = &r->entities[i];
        btr_buffer_u64(&o->rows, e->id.hi);
        btr_buffer_u64(&o->rows, e->id.lo);
        btr_buffer_u32(&o->rows, e->host);
        btr_buffer_u32(&o->rows, e->attr_first);
        btr_buffer_u32(&o->rows, e->attr_count);
        btr_buffer_u8(&o->rows, e->kind);
        btr_buffer_u8(&o->rows, e->flags);
        btr_buffer_u16(&o->rows, 0);
        out_flush(o, FLUSH_SIZE);
    }
    out_close(o);
    out_open(o, "attrs.bin");
    for (uint32_t i = 0; i < r->entity_count; i++)
        for (uint32_t k = 0; k < r->entities[i].attr_count; k++) {
            const struct btr_attr *a = &r->attrs[r->entities[i].attr_first + k];
            btr_buffer_u64(&o->rows, (uint64_t)a->since_ns);
            btr_buffer_u64(&o->rows, text_add(t, a->value));
            btr_buffer_u32(&o->rows, (uint32_t)a->value.size);
            btr_buffer_u32(&o->rows, i);
            btr_buffer_u32(&o->rows, a->key);
            btr_buffer_u32(&o->rows, 0);
            out_flush(o, FLUSH_SIZE);
        }
    out_close(o);
}

/* ---- Events --------------------------------------------------------------------------------- */

static void event_write(struct btr_buffer *rows, const struct fleet_event *e)
{
    btr_buffer_u64(rows, (uint64_t)e->time_ns);
    btr_buffer_u64(rows, (uint64_t)e->first_ns);
    btr_buffer_u64(rows, (uint64_t)e->last_ns);
    btr_buffer_u64(rows, e->bytes);
    btr_buffer_u64(rows, e->record_id);
    btr_buffer_u64(rows, e->line);
    btr_buffer_u32(rows, e->subject);
    btr_buffer_u32(rows, e->object);
    btr_buffer_u32(rows, e->stream);
    btr_buffer_u8(rows, e->operation);
    btr_buffer_u8(rows, e->doubt);
    btr_buffer_u8(rows, e->flags);
    btr_buffer_u8(rows, 0);
}

/* What a stream tells until a time, whole records only. @return the time of what comes after that
 */
static int64_t slice_write(struct out *o, const struct fleet_recording *r,
                           const struct fleet_stream *s, uint32_t *next, int64_t until_ns)
{
    uint32_t line = 0; /* of the event before */
    for (; *next < s->event_count; (*next)++) {
        const struct fleet_event *e = &r->events[s->event_first + *next];
        if (e->last_ns >= until_ns && e->line != line)
            return e->last_ns;
        line = e->line;
        event_write(&o->rows, e);
        out_flush(o, FLUSH_SIZE);
    }
    return INT64_MAX;
}

static void events_write(struct out *o, const struct fleet_recording *r)
{
    uint32_t *next = calloc(r->stream_count + 1, sizeof(*next));
    if (!next)
        die(o->folder, "out of memory");
    out_open(o, "events.bin");
    for (int64_t until_ns = INT64_MIN, next_ns; until_ns < INT64_MAX;
         until_ns = next_ns < INT64_MAX ? next_ns + SLICE_NS : INT64_MAX) {
        next_ns = INT64_MAX;
        for (uint32_t i = 0; i < r->stream_count; i++) {
            int64_t left_ns = slice_write(o, r, &r->streams[i], &next[i], until_ns);
            next_ns = left_ns < next_ns ? left_ns : next_ns;
        }
    }
    out_close(o);
    free(next);
}

/* ---- Pairs ---------------------------------------------------------------------------------- */

static int pairs_of(struct out *o, const struct fleet_recording *r, struct btr_reader *reader,
                    uint32_t rendezvous, struct btr_err *err)
{
    struct btr_edges edges = btr_edges_of_reader(reader);
    struct btr_pair *pairs = NULL;
    uint32_t count = 0;
    int rc = btr_pair_rendezvous(&edges, r->entities[rendezvous].id, &pairs, &count, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        btr_buffer_u64(&o->rows, (uint64_t)pairs[i].first_ns);
        btr_buffer_u32(&o->rows, btr_idmap_get(&r->by_id, pairs[i].client));
        btr_buffer_u32(&o->rows, btr_idmap_get(&r->by_id, pairs[i].server));
    }
    free(pairs);
    return rc;
}

static int pairs_write(struct out *o, const struct fleet_recording *r, const char *store,
                       struct btr_err *err)
{
    struct btr_reader *reader = NULL;
    bool *met = calloc(r->entity_count + 1, sizeof(*met));
    int rc = met ? btr_reader_open(&reader, &store, 1, err) : BTR_E_NOMEM;
    if (rc == 0)
        out_open(o, "pairs.bin");
    for (uint32_t i = 0; rc == 0 && i < r->event_count; i++) {
        const struct fleet_event *e = &r->events[i];
        if (btr_operation_direction(e->operation) != BTR_FLOW_MEET || met[e->object])
            continue;
        met[e->object] = true;
        rc = pairs_of(o, r, reader, e->object, err);
    }
    if (rc == 0)
        out_close(o);
    btr_reader_close(reader);
    free(met);
    return rc;
}

int main(int argc, char **argv)
{
    struct fleet_recording r;
    struct texts texts = {{0}};
    struct btr_err err = {0};
    if (argc != 3) {
        fputs("usage: bench_dump_events STORE FOLDER\n", stderr);
        return 2;
    }
    struct out o = {.folder = argv[2]};
    if (mkdir(o.folder, 0700) != 0 && errno != EEXIST)
        die(o.folder, strerror(errno));
    int rc = fleet_recording_load(&r, argv[1], NULL, &err);
    if (rc == 0)
        rc = pairs_write(&o, &r, argv[1], &err);
    if (rc < 0)
        die(argv[1], err.text[0] ? err.text : btr_code_text(rc));
    names_write(&o, &texts, &r);
    entities_write(&o, &texts, &r);
    events_write(&o, &r);
    out_open(&o, "texts.bin");
    btr_buffer_span(&o.rows, btr_buffer_view(&texts.bytes));
    out_close(&o);
    btr_buffer_fini(&texts.bytes);
    btr_buffer_fini(&o.rows);
    fleet_recording_fini(&r);
    return 0;
}
