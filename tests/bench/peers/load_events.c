/*
 * Loads what bench_dump_events wrote into a store, in batches as a decoder makes them. Prints one
 * line of JSON. Usage: bench_load_events FOLDER STORE
 */
#include "dump.h"

#include <btr/store.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BATCH_EVENTS = 4096,
    PUBLISH_EVENTS = 1 << 20, /* as fleet/feed.c: such segments are never merged */
    STREAMS_MAX = 4096,
};

struct table {
    const uint8_t *rows;
    size_t size, count;
};

struct load {
    const char *folder;
    struct table events, entities, attrs, hosts, streams, texts;
    uint32_t *noted_epoch; /* by entity */
    struct btr_input inputs[STREAMS_MAX], told[STREAMS_MAX];
    uint32_t told_ids[STREAMS_MAX];
    bool moved[STREAMS_MAX];
    struct btr_batch batch;
    const struct btr_sink *sink;
    struct btr_err err;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_load_events: %s: %s\n", what, why);
    exit(3);
}

/* ---- The dump ------------------------------------------------------------------------------- */

static uint64_t le(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)le(at, 4);
}

static uint64_t u64(const uint8_t *at)
{
    return le(at, 8);
}

static struct table table_open(const struct load *l, const char *name, size_t row_size)
{
    char path[4096];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/%s", l->folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || (size_t)st.st_size % row_size != 0)
        die(path, "cannot be read, or has no whole rows");
    struct table t = {NULL, (size_t)st.st_size, (size_t)st.st_size / row_size};
    void *at = t.size ? mmap(NULL, t.size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (at == MAP_FAILED)
        die(path, strerror(errno));
    t.rows = at;
    (void)close(fd);
    return t;
}

static struct btr_span text_of(const struct load *l, uint64_t offset, uint64_t size)
{
    if (offset > l->texts.size || size > l->texts.size - offset)
        die(l->folder, "a text lies beyond texts.bin");
    return (struct btr_span){l->texts.rows + offset, (size_t)size};
}

static const uint8_t *row_of(const struct load *l, const struct table *t, uint64_t number,
                             size_t row_size)
{
    if (number >= t->count)
        die(l->folder, "a number lies beyond its file");
    return t->rows + number * row_size;
}

static struct btr_span host_of(const struct load *l, uint32_t host)
{
    const uint8_t *row = row_of(l, &l->hosts, host, PEERS_HOST);
    return text_of(l, u64(row), u64(row + 8));
}

static void inputs_make(struct load *l)
{
    if (l->streams.count > STREAMS_MAX)
        die(l->folder, "too many streams");
    for (uint32_t i = 0; i < l->streams.count; i++) {
        const uint8_t *row = row_of(l, &l->streams, i, PEERS_STREAM);
        struct btr_span name = text_of(l, u64(row + 24), u64(row + 32));
        l->inputs[i] = (struct btr_input){.name = name,
                                          .host = host_of(l, u32(row)),
                                          .format = BTR_SPAN("auditd"),
                                          .tool = BTR_SPAN("bench"),
                                          .head_hash = btr_hash64(name)};
    }
}

/* ---- To the sink ---------------------------------------------------------------------------- */

static void check(struct load *l, int rc)
{
    if (rc < 0)
        die("store", l->err.text[0] ? l->err.text : btr_code_text(rc));
}

static void publish(struct load *l)
{
    struct btr_progress p = {.inputs = l->told, .input_ids = l->told_ids};
    for (uint32_t i = 0; i < l->streams.count; i++) {
        if (!l->moved[i])
            continue;
        l->told_ids[p.input_count] = i;
        l->told[p.input_count++] = l->inputs[i];
        l->moved[i] = false;
    }
    l->batch.epoch++;
    check(l, l->sink->publish(l->sink->self, &p, &l->err));
}

static void hand_over(struct load *l, uint32_t stream)
{
    uint32_t pending = 0;
    if (l->batch.event_count == 0)
        return;
    l->batch.input = stream;
    for (uint32_t i = 0; i < l->batch.event_count; i++)
        l->batch.record_count +=
            (l->batch.events[i].flags & (BTR_EVENT_PART | BTR_EVENT_IMPLIED)) == 0;
    l->inputs[stream].records += l->batch.record_count;
    l->inputs[stream].content_lines = l->batch.events[l->batch.event_count - 1].line;
    l->moved[stream] = true;
    check(l, l->sink->append(l->sink->self, &l->batch, &l->err));
    btr_batch_clear(&l->batch);
    l->batch.record_count = 0;
    l->sink->pending(l->sink->self, &pending);
    if (pending >= PUBLISH_EVENTS)
        publish(l);
}

static void note_add(struct load *l, uint32_t entity, const uint8_t *row)
{
    uint32_t host = u32(row + 16), attr_first = u32(row + 20), attr_count = u32(row + 24);
    struct btr_note *note = btr_batch_note(&l->batch);
    if (!note)
        die(l->folder, "out of memory");
    note->id = (struct btr_id){u64(row), u64(row + 8)};
    note->kind = row[28];
    note->flags = row[29];
    note->host = host == UINT32_MAX ? host : btr_batch_name(&l->batch, host_of(l, host));
    for (uint32_t i = 0; i < attr_count; i++) {
        const uint8_t *a = row_of(l, &l->attrs, (uint64_t)attr_first + i, PEERS_ATTR);
        if (u32(a + 20) != entity ||
            !btr_batch_attr(&l->batch, (enum btr_attr_key)u32(a + 24), (int64_t)u64(a),
                            text_of(l, u64(a + 8), u32(a + 16))))
            die(l->folder, "an attribute does not fit its entity");
    }
}

/* @return the entity's id, and notes what is known of it once a segment */
static struct btr_id mention(struct load *l, uint32_t entity)
{
    const uint8_t *row = row_of(l, &l->entities, entity, PEERS_ENTITY);
    if (l->noted_epoch[entity] != l->batch.epoch) {
        l->noted_epoch[entity] = l->batch.epoch;
        if (row[28] != BTR_KIND_NONE)
            note_add(l, entity, row);
    }
    return (struct btr_id){u64(row), u64(row + 8)};
}

static void event_add(struct load *l, const uint8_t *row)
{
    const uint8_t *stream = row_of(l, &l->streams, u32(row + 56), PEERS_STREAM);
    struct btr_event *e = btr_batch_event(&l->batch);
    if (!e)
        die(l->folder, "out of memory");
    *e = (struct btr_event){.time_ns = (int64_t)u64(row),
                            .first_ns = (int64_t)u64(row + 8),
                            .last_ns = (int64_t)u64(row + 16),
                            .bytes = u64(row + 24),
                            .record_id = u64(row + 32),
                            .line = u64(row + 40),
                            .stream =
                                btr_batch_stream(&l->batch, host_of(l, u32(stream)),
                                                 text_of(l, u64(stream + 8), u64(stream + 16))),
                            .operation = row[60],
                            .doubt = row[61],
                            .flags = row[62]};
    e->subject = mention(l, u32(row + 48));
    e->object = mention(l, u32(row + 52));
}

/* A batch is of one stream, and ends with a whole record. */
static void events_load(struct load *l)
{
    uint32_t stream = 0;
    uint64_t line = 0;
    for (size_t i = 0; i < l->events.count; i++) {
        const uint8_t *row = l->events.rows + i * PEERS_EVENT;
        if (u32(row + 56) != stream ||
            (l->batch.event_count >= BATCH_EVENTS && u64(row + 40) != line))
            hand_over(l, stream);
        stream = u32(row + 56);
        line = u64(row + 40);
        event_add(l, row);
    }
    hand_over(l, stream);
    publish(l);
}

int main(int argc, char **argv)
{
    static struct load l;
    struct btr_writer *writer = NULL;
    if (argc != 3) {
        fputs("usage: bench_load_events FOLDER STORE\n", stderr);
        return 2;
    }
    l.folder = argv[1];
    l.events = table_open(&l, "events.bin", PEERS_EVENT);
    l.entities = table_open(&l, "entities.bin", PEERS_ENTITY);
    l.attrs = table_open(&l, "attrs.bin", PEERS_ATTR);
    l.hosts = table_open(&l, "hosts.bin", PEERS_HOST);
    l.streams = table_open(&l, "streams.bin", PEERS_STREAM);
    l.texts = table_open(&l, "texts.bin", 1);
    l.noted_epoch = calloc(l.entities.count + 1, sizeof(*l.noted_epoch));
    if (!l.noted_epoch)
        die(l.folder, "out of memory");
    btr_batch_init(&l.batch);
    l.batch.epoch = 1;
    inputs_make(&l);
    check(&l, btr_writer_open(&writer, argv[2], &l.err));
    l.sink = btr_writer_sink(writer);
    events_load(&l);
    if (l.sink->drain)
        check(&l, l.sink->drain(l.sink->self, &l.err));
    btr_writer_close(writer);
    btr_batch_fini(&l.batch);
    free(l.noted_epoch);
    printf("{\"events\": %zu, \"entities\": %zu}\n", l.events.count, l.entities.count);
    return 0;
}
