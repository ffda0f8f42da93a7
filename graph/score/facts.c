/* What strategies ask of entities, from a store's snapshot. Each entity is read once. */
#include <btr/strategy.h>
#include <stdlib.h>

enum { ARENA_MAX = 1 << 30 /* bytes of images and attributes */ };

struct btr_reader_facts {
    struct btr_reader *reader;
    const struct btr_clocks *clocks; /* or NULL */
    struct btr_arena *images, *scratch;
    struct btr_idmap map; /* entity -> its place in `facts` */
    struct btr_fact *facts;
    uint32_t count, capacity;
};

static bool address_of(const struct btr_entity *e, enum btr_attr_key key, uint64_t *out)
{
    struct btr_span address = btr_entity_attr(e, key, INT64_MAX);
    *out = address.size ? btr_usual_far(address) : 0;
    return *out != 0;
}

static bool images_take(struct btr_reader_facts *f, const struct btr_entity *e,
                        struct btr_fact *out)
{
    int64_t ahead_ns = f->clocks ? btr_clocks_host_ahead(f->clocks, e->host) : 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->attr_count; i++)
        count += e->attrs[i].key == BTR_ATTR_PROCESS_EXECUTABLE;
    struct btr_fact_image *images =
        btr_arena_alloc(f->images, (count + 1) * sizeof *images, _Alignof(struct btr_fact_image));
    if (!images)
        return false;
    for (uint32_t i = 0; i < e->attr_count; i++) {
        const struct btr_attr *a = &e->attrs[i];
        if (a->key == BTR_ATTR_PROCESS_EXECUTABLE)
            images[out->image_count++] =
                (struct btr_fact_image){a->since_ns - ahead_ns, btr_usual_program(a->value)};
    }
    out->images = images;
    return true;
}

static int fact_fill(struct btr_reader_facts *f, const struct btr_entity *e, struct btr_fact *out,
                     struct btr_err *err)
{
    out->kind = e->kind;
    out->host = e->host.size ? btr_hash64(e->host) | 1 : 0;
    out->outside = e->flags & BTR_ENTITY_OUTSIDE;
    out->uncertain = e->flags & BTR_ENTITY_UNCERTAIN;
    if (e->kind == BTR_KIND_FILE)
        out->file = btr_usual_file(btr_entity_attr(e, BTR_ATTR_FILE_PATH, INT64_MAX));
    if (e->kind == BTR_KIND_CHANNEL)
        out->file = btr_usual_file(btr_entity_attr(e, BTR_ATTR_CHANNEL_NAME, INT64_MAX));
    if (e->kind == BTR_KIND_FLOW) {
        (void)address_of(e, BTR_ATTR_SOURCE_IP, &out->source);
        (void)address_of(e, BTR_ATTR_DESTINATION_IP, &out->destination);
    }
    if (e->kind == BTR_KIND_PROCESS && !images_take(f, e, out))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "images of processes");
    return 0;
}

static int fact_read(struct btr_reader_facts *f, struct btr_id id, struct btr_fact *out,
                     struct btr_err *err)
{
    struct btr_entity e;
    btr_arena_reset(f->scratch);
    *out = (struct btr_fact){0};
    int rc = btr_reader_entity_uncounted(f->reader, id, f->scratch, &e, err);
    if (rc == BTR_E_NOTFOUND)
        return 0;
    return rc < 0 ? rc : fact_fill(f, &e, out, err);
}

/* A file that is read every day is told of in each segment, with the same path: one is enough.
 * Where that one has no path, all are asked. */
static int file_read(struct btr_reader_facts *f, const struct btr_flow *flow, struct btr_fact *out,
                     struct btr_err *err)
{
    struct btr_entity e;
    btr_arena_reset(f->scratch);
    *out = (struct btr_fact){0};
    int rc = btr_reader_entity_at(f->reader, flow->ref, flow->other, f->scratch, &e, err);
    bool told = rc == 0 && e.kind == BTR_KIND_FILE &&
                btr_entity_attr(&e, BTR_ATTR_FILE_PATH, INT64_MAX).size > 0;
    if (rc < 0 && rc != BTR_E_NOTFOUND)
        return rc;
    return told ? fact_fill(f, &e, out, err) : fact_read(f, flow->other, out, err);
}

static bool room_need(struct btr_reader_facts *f)
{
    if (f->count < f->capacity)
        return true;
    uint32_t capacity = f->capacity ? f->capacity * 2 : 1024;
    struct btr_fact *grown = realloc(f->facts, capacity * sizeof *grown);
    if (!grown)
        return false;
    f->facts = grown;
    f->capacity = capacity;
    return true;
}

/* @param flow  of which it is the far end, or NULL */
static int fact_seek(struct btr_reader_facts *f, struct btr_id id, const struct btr_flow *flow,
                     struct btr_fact *out, struct btr_err *err)
{
    uint32_t at = btr_idmap_get(&f->map, id);
    if (at == UINT32_MAX) {
        if (!room_need(f))
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "facts of %u entities", f->count);
        bool file = flow && flow->other_kind == BTR_KIND_FILE;
        int rc = file ? file_read(f, flow, &f->facts[f->count], err)
                      : fact_read(f, id, &f->facts[f->count], err);
        if (rc < 0)
            return rc;
        at = btr_idmap_add(&f->map, id, f->count);
        if (at == UINT32_MAX)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "facts of %u entities", f->count);
        f->count++;
    }
    *out = f->facts[at];
    return 0;
}

static int fact_find(void *self, struct btr_id id, struct btr_fact *out, struct btr_err *err)
{
    return fact_seek(self, id, NULL, out, err);
}

static int fact_of(void *self, const struct btr_flow *flow, struct btr_fact *out,
                   struct btr_err *err)
{
    return fact_seek(self, flow->other, flow, out, err);
}

static int bytes_find(void *self, const btr_event_ref *refs, uint32_t count, uint64_t *out,
                      struct btr_err *err)
{
    struct btr_reader_facts *f = self;
    struct btr_event_cited *cited = malloc((count + 1U) * sizeof *cited);
    int rc = cited ? btr_reader_cite(f->reader, refs, count, cited, err)
                   : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "bytes of %u events", count);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        out[i] = cited[i].bytes;
    free(cited);
    return rc;
}

uint64_t btr_fact_program(const struct btr_fact *fact, int64_t at_ns)
{
    uint32_t i = fact->image_count;
    while (i > 1 && fact->images[i - 1].since_ns > at_ns)
        i--;
    return i ? fact->images[i - 1].program : 0;
}

int btr_reader_facts_open(struct btr_reader_facts **out, struct btr_reader *reader,
                          const struct btr_clocks *clocks, struct btr_err *err)
{
    struct btr_reader_facts *f = calloc(1, sizeof *f);
    if (f) {
        f->reader = reader;
        f->clocks = clocks;
        f->images = btr_arena_new(ARENA_MAX);
        f->scratch = btr_arena_new(ARENA_MAX);
    }
    if (!f || !f->images || !f->scratch) {
        btr_reader_facts_close(f);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "facts of entities");
    }
    *out = f;
    return 0;
}

struct btr_facts btr_facts_of_reader(struct btr_reader_facts *facts)
{
    return (struct btr_facts){facts, fact_find, bytes_find, fact_of};
}

void btr_reader_facts_close(struct btr_reader_facts *f)
{
    if (!f)
        return;
    btr_arena_free(f->images);
    btr_arena_free(f->scratch);
    btr_idmap_fini(&f->map);
    free(f->facts);
    free(f);
}
