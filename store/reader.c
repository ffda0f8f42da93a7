#include "reader.h"

#include "files.h"
#include "pack.h"

#include <btr/list.h>

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a store");
}

/* ---- Opening -------------------------------------------------------------------------------- */

static bool segments_room(struct btr_reader *r, uint32_t more)
{
    if (more <= r->segment_capacity - r->segment_count)
        return true;
    uint32_t capacity = r->segment_count + more;
    struct reader_segment *grown = realloc(r->segments, (size_t)capacity * sizeof(*grown));
    if (!grown)
        return false;
    r->segments = grown;
    r->segment_capacity = capacity;
    return true;
}

static int segments_take(struct btr_reader *r, struct store_catalog *catalog, uint32_t store,
                         struct btr_err *err)
{
    struct catalog_segment *rows = NULL;
    uint32_t count = 0;
    int rc = store_catalog_segments(catalog, &rows, &count, err);
    if (rc == 0 && !segments_room(r, count))
        rc = out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        r->segments[r->segment_count++] = (struct reader_segment){.row = rows[i], .store = store};
    free(rows);
    return rc;
}

static bool input_copy(struct btr_arena *arena, const struct btr_input *from, struct btr_input *to)
{
    *to = *from;
    return btr_arena_copy(arena, from->name, &to->name) &&
           btr_arena_copy(arena, from->host, &to->host) &&
           btr_arena_copy(arena, from->format, &to->format) &&
           btr_arena_copy(arena, from->case_id, &to->case_id) &&
           btr_arena_copy(arena, from->tool, &to->tool);
}

static int input_take(void *self, const struct btr_input *input)
{
    struct btr_reader *r = self;
    if (!btr_list_room(&r->inputs, r->input_count, &r->input_capacity, 64, sizeof *r->inputs))
        return BTR_E_NOMEM;
    if (!input_copy(r->arena, input, &r->inputs[r->input_count]))
        return BTR_E_NOMEM;
    r->input_count++;
    return 0;
}

static int store_take(struct btr_reader *r, uint32_t store, struct btr_err *err)
{
    struct store_catalog **catalog = &r->catalogs[store];
    int rc = store_catalog_open(catalog, r->paths[store], false, err);
    if (rc < 0)
        return rc == BTR_E_NOTFOUND
                   ? btr_fail(err, rc, UINT64_MAX, "%s: no store there", r->paths[store])
                   : rc;
    rc = segments_take(r, *catalog, store, err);
    if (rc == 0) {
        rc = store_catalog_inputs(*catalog, NULL, input_take, r, err);
        if (rc == BTR_E_NOMEM)
            rc = out_of_memory(err);
    }
    uint64_t size = 0;
    if (rc == 0)
        rc = store_catalog_size(*catalog, &size, err);
    r->catalog_bytes += size;
    return rc;
}

/* Of several stores, one whose catalog is damaged is noted and passed over. */
static int store_take_or_note(struct btr_reader *r, uint32_t store, bool alone, struct btr_err *err)
{
    uint32_t segments = r->segment_count, inputs = r->input_count;
    int rc = store_take(r, store, err);
    if (alone || (rc != BTR_E_FORMAT && rc != BTR_E_CHECKSUM))
        return rc;
    store_catalog_close(r->catalogs[store]);
    r->catalogs[store] = NULL;
    r->segment_count = segments;
    r->input_count = inputs;
    return reader_store_lose(r, store, err);
}

static int segment_compare(const void *x, const void *y)
{
    const struct reader_segment *a = x, *b = y;
    if (a->row.sealed.first_ns != b->row.sealed.first_ns)
        return a->row.sealed.first_ns < b->row.sealed.first_ns ? -1 : 1;
    if (a->row.sealed.last_ns != b->row.sealed.last_ns)
        return a->row.sealed.last_ns < b->row.sealed.last_ns ? -1 : 1;
    int c = btr_id_compare(a->row.hash, b->row.hash);
    return c != 0 ? c : (a->store > b->store) - (a->store < b->store);
}

static int input_compare(const void *x, const void *y)
{
    const struct btr_input *a = x, *b = y;
    if (a->read_ns != b->read_ns)
        return a->read_ns < b->read_ns ? -1 : 1;
    int c = btr_span_compare(a->name, b->name);
    return c != 0 ? c : (a->head_hash > b->head_hash) - (a->head_hash < b->head_hash);
}

static bool input_same(const struct btr_input *a, const struct btr_input *b)
{
    return input_compare(a, b) == 0 && a->content_size == b->content_size &&
           memcmp(a->content_sha256, b->content_sha256, BTR_SHA256_SIZE) == 0;
}

/* Sorts, and drops what a second store has too. */
static void snapshot_settle(struct btr_reader *r)
{
    uint32_t kept = 0;
    if (r->segment_count > 1)
        qsort(r->segments, r->segment_count, sizeof(*r->segments), segment_compare);
    for (uint32_t i = 0; i < r->segment_count; i++)
        if (kept == 0 || !btr_id_equal(r->segments[kept - 1].row.hash, r->segments[i].row.hash))
            r->segments[kept++] = r->segments[i];
    r->segment_count = kept;
    kept = 0;
    if (r->input_count > 1)
        qsort(r->inputs, r->input_count, sizeof(*r->inputs), input_compare);
    for (uint32_t i = 0; i < r->input_count; i++)
        if (kept == 0 || !input_same(&r->inputs[kept - 1], &r->inputs[i]))
            r->inputs[kept++] = r->inputs[i];
    r->input_count = kept;
    reader_segments_begin(r);
}

void reader_segments_begin(struct btr_reader *r)
{
    r->failed = UINT32_MAX;
    r->is_wanted = false;
    r->cache = (struct store_cache){.size_max = READER_CACHE_SIZE};
    reader_fits_make(r);
    for (uint32_t i = 0; i < r->segment_count; i++) {
        struct reader_segment *s = &r->segments[i];
        s->is_mapped = s->is_ready = false;
        s->seg = (struct store_segment){.place = i,
                                        .failed = &r->failed,
                                        .cache = &r->cache,
                                        .unpacker = r->unpacker,
                                        .cost = &r->cost,
                                        .ahead = &r->ahead};
        btr_id_text(s->row.hash, s->seg.name);
    }
}

void reader_segments_end(struct btr_reader *r)
{
    store_ahead_fini(&r->ahead);
    store_cache_fini(&r->cache); /* before the slots go */
    for (uint32_t i = 0; i < r->segment_count; i++)
        store_segment_close(&r->segments[i].seg);
    reader_once_fini(&r->once);
    r->once = (struct reader_once){0};
    reader_places_fini(&r->places);
    reader_usual_fini(&r->usual);
    free(r->latest);
    free(r->located);
    r->latest = NULL;
    r->located = NULL;
}

int btr_reader_open(struct btr_reader **out, const char *const *paths, uint32_t path_count,
                    struct btr_err *err)
{
    struct btr_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return out_of_memory(err);
    r->arena = btr_arena_new(SIZE_MAX / 4);
    r->unpacker = store_unpacker_new();
    r->paths = calloc((size_t)path_count + 1, sizeof(*r->paths));
    r->catalogs = calloc((size_t)path_count + 1, sizeof(*r->catalogs));
    int rc = r->arena && r->unpacker && r->paths && r->catalogs ? 0 : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < path_count; i++) {
        r->paths[i] = strdup(paths[i]);
        r->path_count++;
        rc = r->paths[i] ? store_take_or_note(r, i, path_count == 1, err) : out_of_memory(err);
    }
    if (rc == 0 && r->damage_count == path_count && path_count > 0)
        rc = btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s; nor can any other store be read",
                      r->damage[0].what);
    if (rc < 0) {
        btr_reader_close(r);
        return rc;
    }
    snapshot_settle(r);
    *out = r;
    return 0;
}

void btr_reader_release(struct btr_reader *r)
{
    for (uint32_t i = 0; i < r->path_count; i++) {
        store_catalog_close(r->catalogs[i]);
        r->catalogs[i] = NULL;
    }
}

void btr_reader_close(struct btr_reader *r)
{
    if (!r)
        return;
    reader_segments_end(r);
    for (uint32_t i = 0; i < r->segment_count; i++)
        btr_buffer_fini(&r->segments[i].image);
    btr_reader_release(r);
    for (uint32_t i = 0; i < r->path_count; i++)
        free(r->paths[i]);
    free(r->catalogs);
    free(r->paths);
    free(r->segments);
    free(r->sources);
    btr_u64map_fini(&r->source_by_hash);
    free(r->inputs);
    free(r->damage);
    btr_arena_free(r->arena);
    store_unpacker_free(r->unpacker);
    free(r);
}

void btr_reader_cost(const struct btr_reader *r, struct btr_reader_cost *out)
{
    *out = r->cost;
}

struct btr_stream btr_reader_source(const struct btr_reader *r, uint32_t source)
{
    assert(source < r->source_count);
    return r->sources[source];
}

/* ---- Segments ------------------------------------------------------------------------------- */

static bool source_is(const struct btr_reader *r, uint32_t i, struct btr_span host,
                      struct btr_span source)
{
    return btr_span_equal(r->sources[i].host, host) && btr_span_equal(r->sources[i].source, source);
}

/* @return the number of a source in the snapshot, or UINT32_MAX */
static uint32_t source_of(struct btr_reader *r, struct btr_span host, struct btr_span source)
{
    uint64_t hash = btr_hash64_seeded(source, btr_hash64(host));
    uint32_t known = btr_u64map_get(&r->source_by_hash, hash);
    if (known != UINT32_MAX && source_is(r, known, host, source))
        return known;
    for (uint32_t i = known == UINT32_MAX ? 0 : r->source_count; i-- > 0;)
        if (source_is(r, i, host, source))
            return i;
    if (!btr_list_room(&r->sources, r->source_count, &r->source_capacity, 16, sizeof *r->sources))
        return UINT32_MAX;
    struct btr_stream *s = &r->sources[r->source_count];
    if (!btr_arena_copy(r->arena, host, &s->host) ||
        !btr_arena_copy(r->arena, source, &s->source) ||
        !btr_u64map_set(&r->source_by_hash, hash, r->source_count))
        return UINT32_MAX;
    return r->source_count++;
}

/* The header must tell what the catalog told when the segment was sealed. */
static int header_compare(const struct reader_segment *s, struct btr_err *err)
{
    const struct store_header *h = &s->seg.header;
    const struct store_sealed *row = &s->row.sealed;
    if (h->event_count == row->event_count && h->entity_count == row->entity_count &&
        h->first_ns == row->first_ns && h->last_ns == row->last_ns)
        return 0;
    return store_segment_unfit(&s->seg, BTR_E_CHECKSUM, err, "not the one that was published");
}

int reader_segment_map(struct btr_reader *r, uint32_t segment, struct btr_err *err)
{
    struct reader_segment *s = &r->segments[segment];
    char path[STORE_PATH_SIZE];
    if (s->is_mapped)
        return 0;
    if (!store_files_path(path, r->paths[s->store], &s->row))
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    int rc = 0;
    if (s->image.at && !s->seg.is_open)
        rc = store_segment_open(&s->seg, btr_buffer_view(&s->image), err);
    else if (!s->seg.is_open)
        rc = store_segment_map(&s->seg, path, s->row.file_size, err);
    if (rc == 0)
        rc = header_compare(s, err);
    s->is_mapped = rc == 0;
    return rc;
}

void reader_segments_want(struct btr_reader *r)
{
    struct btr_err told_later;
    char path[STORE_PATH_SIZE];
    if (r->is_wanted)
        return;
    r->is_wanted = true;
    for (uint32_t i = 0; i < r->segment_count; i++) {
        struct reader_segment *s = &r->segments[i];
        if (!s->seg.is_mapped && !s->image.at &&
            store_files_path(path, r->paths[s->store], &s->row))
            (void)store_segment_lay(&s->seg, path, s->row.file_size, &told_later);
    }
    for (uint32_t i = 0; i < r->segment_count; i++)
        if (reader_segment_map(r, i, &told_later) == 0)
            store_segment_want_filter(&r->segments[i].seg);
}

int reader_segment_may_hold(struct btr_reader *r, uint32_t segment, struct btr_id id,
                            struct btr_err *err)
{
    int rc = reader_segment_map(r, segment, err);
    return rc < 0 ? rc : store_segment_may_hold(&r->segments[segment].seg, id);
}

void reader_segments_hold_ask(const struct btr_reader *r, struct btr_id id)
{
    for (uint32_t i = 0; i < r->segment_count; i++)
        if (r->segments[i].is_mapped)
            store_segment_hold_ask(&r->segments[i].seg, id);
}

int reader_segment_ready(struct btr_reader *r, uint32_t segment, struct btr_err *err)
{
    struct reader_segment *s = &r->segments[segment];
    if (s->is_ready)
        return 0;
    int rc = reader_segment_map(r, segment, err);
    if (rc == 0)
        rc = store_segment_names(&s->seg, err);
    for (uint32_t i = 0; rc == 0 && i < s->seg.header.stream_count; i++) {
        struct segment_stream *stream = &s->seg.streams[i];
        stream->snapshot_source = source_of(r, stream->host, stream->source);
        if (stream->snapshot_source == UINT32_MAX)
            rc = out_of_memory(err);
    }
    if (rc == 0)
        rc = reader_once_learn(r, segment, err);
    r->cost.segments_opened += rc == 0;
    s->is_ready = rc == 0;
    return rc;
}

int reader_segment_entities(struct btr_reader *r, uint32_t segment, struct btr_err *err)
{
    int rc = reader_segment_ready(r, segment, err);
    return rc < 0 ? rc : store_segment_ids(&r->segments[segment].seg, err);
}
