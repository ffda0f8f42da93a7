#include "kept_keep.h"

#include <btr/list.h>
#include <pthread.h>
#include <stdlib.h>

#include "kept_pack.h"

/** Records of one input, as they come. */
struct filling {
    uint64_t first_line, last_line;
    uint64_t run_skipped, run_count; /* of the last run, which is not in `runs` yet */
    uint32_t record_count, run_total;
    struct btr_buffer runs, text;
};

struct store_keeper {
    struct filling blocks[2];
    struct filling *filling, *packing;
    struct kept_row row; /* of `packing` */
    struct btr_buffer head;
    struct kept_packer packer;
    /* the file's, of the caller's thread */
    struct btr_buffer names, hosts, ranges;
    uint32_t *input_ids; /* by input of the file */
    uint32_t input_count, input_capacity;
    uint32_t input; /* of the block that is filled */
    struct btr_buffer last_host;
    size_t packed_size; /* of the packer, when it was asked last */
    pthread_t thread;
    bool thread_runs;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool busy, stop;
};

static int no_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while keeping records");
}

/* ---- The packing thread --------------------------------------------------------------------- */

/* A block's bytes begin with its runs. */
static void block_pack(struct store_keeper *k)
{
    struct filling *b = k->packing;
    btr_buffer_clear(&k->head);
    btr_buffer_varint(&k->head, b->run_total);
    btr_buffer_span(&k->head, btr_buffer_view(&b->runs));
    k->packer.failed = k->packer.failed || k->head.failed || b->runs.failed || b->text.failed;
    kept_packer_block(&k->packer, &k->row, btr_buffer_view(&k->head), btr_buffer_view(&b->text));
}

static void *pack_thread(void *self)
{
    struct store_keeper *k = self;
    (void)pthread_mutex_lock(&k->mutex);
    while (k->busy || !k->stop) {
        if (!k->busy) {
            (void)pthread_cond_wait(&k->changed, &k->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&k->mutex);
        block_pack(k);
        (void)pthread_mutex_lock(&k->mutex);
        k->packed_size = kept_packer_size(&k->packer);
        k->busy = false;
        (void)pthread_cond_broadcast(&k->changed);
    }
    (void)pthread_mutex_unlock(&k->mutex);
    return NULL;
}

static void settle(struct store_keeper *k)
{
    (void)pthread_mutex_lock(&k->mutex);
    while (k->busy)
        (void)pthread_cond_wait(&k->changed, &k->mutex);
    (void)pthread_mutex_unlock(&k->mutex);
}

/* ---- Filling -------------------------------------------------------------------------------- */

static void run_end(struct filling *b)
{
    if (b->run_count == 0)
        return;
    btr_buffer_varint(&b->runs, b->run_skipped);
    btr_buffer_varint(&b->runs, b->run_count);
    b->run_total++;
    b->run_count = 0;
}

static void filling_clear(struct filling *b)
{
    btr_buffer_clear(&b->runs);
    btr_buffer_clear(&b->text);
    b->record_count = b->run_total = 0;
    b->run_count = 0;
}

/* Widens what the file has of the input, by the block that ends. */
static void range_widen(struct store_keeper *k, const struct filling *b)
{
    uint8_t *at = k->ranges.at + (size_t)k->input * CATALOG_KEPT_RANGE_SIZE;
    struct catalog_kept_range r = catalog_kept_range_get(btr_buffer_view(&k->ranges), k->input);
    if (b->first_line < r.first_line)
        store_put_u64(at + 8, b->first_line);
    if (b->last_line > r.last_line)
        store_put_u64(at + 16, b->last_line);
}

/* Hands the block over, once the one before is packed. */
static void block_end(struct store_keeper *k)
{
    struct filling *b = k->filling;
    if (b->record_count == 0)
        return;
    run_end(b);
    range_widen(k, b);
    (void)pthread_mutex_lock(&k->mutex);
    while (k->busy)
        (void)pthread_cond_wait(&k->changed, &k->mutex);
    k->filling = k->packing;
    k->packing = b;
    k->row = (struct kept_row){.input = k->input,
                               .record_count = b->record_count,
                               .first_line = b->first_line,
                               .last_line = b->last_line};
    k->busy = true;
    (void)pthread_cond_broadcast(&k->changed);
    (void)pthread_mutex_unlock(&k->mutex);
    filling_clear(k->filling);
}

/* @return the number of an input in this file, or UINT32_MAX when out of memory */
static uint32_t input_number(struct store_keeper *k, const struct btr_raw_record *record)
{
    for (uint32_t i = k->input_count; i-- > 0;)
        if (k->input_ids[i] == record->input_id)
            return i;
    if (!btr_list_room(&k->input_ids, k->input_count, &k->input_capacity, 16, sizeof *k->input_ids))
        return UINT32_MAX;
    const struct btr_input *input = record->input;
    struct catalog_kept_range none = {input->head_hash, UINT64_MAX, 0};
    btr_buffer_varint(&k->names, input->name.size);
    btr_buffer_span(&k->names, input->name);
    btr_buffer_u64(&k->names, input->head_hash);
    btr_buffer_varint(&k->names, input->format.size);
    btr_buffer_span(&k->names, input->format);
    catalog_kept_range_put(&k->ranges, &none);
    k->input_ids[k->input_count] = record->input_id;
    return k->names.failed || k->ranges.failed ? UINT32_MAX : k->input_count++;
}

static bool host_add(struct store_keeper *k, struct btr_span host)
{
    struct catalog_kept so_far = {.hosts = btr_buffer_view(&k->hosts)};
    if (host.size == 0 || btr_span_equal(host, btr_buffer_view(&k->last_host)))
        return true;
    btr_buffer_clear(&k->last_host);
    btr_buffer_span(&k->last_host, host);
    if (!catalog_kept_has_host(&so_far, host)) {
        btr_buffer_varint(&k->hosts, host.size);
        btr_buffer_span(&k->hosts, host);
    }
    return !k->hosts.failed && !k->last_host.failed;
}

static void record_put(struct filling *b, const struct btr_raw_record *record)
{
    bool first = b->record_count == 0;
    uint64_t next = first ? record->line : b->last_line + 1;
    if (first)
        b->first_line = record->line;
    if (record->line != next || b->run_count == 0) {
        run_end(b);
        b->run_skipped = record->line - next;
    }
    b->run_count++;
    b->record_count++;
    b->last_line = record->line;
    btr_buffer_span(&b->text, record->bytes);
    btr_buffer_u8(&b->text, '\n');
}

int store_keeper_add(struct store_keeper *k, const struct btr_raw_record *record,
                     struct btr_err *err)
{
    if (record->bytes.size > KEPT_RECORD_MAX)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX,
                        "a record of %zu bytes is too long to be kept", record->bytes.size);
    if (record->bytes.size > 0 && memchr(record->bytes.at, '\n', record->bytes.size))
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "a record to keep has a newline");
    bool has_input = k->filling->record_count > 0;
    bool same = has_input && k->input_ids[k->input] == record->input_id &&
                record->line > k->filling->last_line;
    if (has_input && (!same || k->filling->text.size >= KEPT_BLOCK_SIZE ||
                      k->filling->record_count >= KEPT_BLOCK_RECORDS))
        block_end(k);
    if (!same)
        k->input = input_number(k, record);
    if (k->input == UINT32_MAX || !host_add(k, record->host))
        return no_memory(err);
    record_put(k->filling, record);
    return k->filling->text.failed || k->filling->runs.failed ? no_memory(err) : 0;
}

size_t store_keeper_size(struct store_keeper *k)
{
    (void)pthread_mutex_lock(&k->mutex);
    size_t size = k->packed_size;
    (void)pthread_mutex_unlock(&k->mutex);
    return size + k->filling->text.size + k->names.size;
}

/* ---- The end of a file ---------------------------------------------------------------------- */

void kept_image_fini(struct kept_image *image)
{
    btr_buffer_fini(&image->file);
    btr_buffer_fini(&image->hosts);
    btr_buffer_fini(&image->ranges);
    *image = (struct kept_image){0};
}

int store_keeper_take(struct store_keeper *k, struct kept_image *out, struct btr_err *err)
{
    *out = (struct kept_image){0};
    block_end(k);
    settle(k);
    if (k->input_count == 0)
        return 0;
    struct kept_header h = {.input_count = k->input_count};
    int rc = kept_packer_end(&k->packer, btr_buffer_view(&k->names), &out->file, &h, err);
    out->record_count = h.record_count;
    out->raw_size = h.raw_size;
    out->hosts = k->hosts;
    out->ranges = k->ranges;
    k->hosts = k->ranges = (struct btr_buffer){0};
    btr_buffer_clear(&k->names);
    btr_buffer_clear(&k->last_host);
    k->input_count = 0;
    k->packed_size = 0;
    if (rc < 0)
        kept_image_fini(out);
    return rc;
}

/* ---- Life ----------------------------------------------------------------------------------- */

int store_keeper_new(struct store_keeper **out, struct btr_err *err)
{
    struct store_keeper *k = calloc(1, sizeof *k);
    if (!k)
        return no_memory(err);
    k->filling = &k->blocks[0];
    k->packing = &k->blocks[1];
    (void)pthread_mutex_init(&k->mutex, NULL);
    (void)pthread_cond_init(&k->changed, NULL);
    int rc = kept_packer_init(&k->packer) ? 0 : no_memory(err);
    if (rc == 0 && pthread_create(&k->thread, NULL, pack_thread, k) != 0)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot start a thread");
    k->thread_runs = rc == 0;
    if (rc < 0) {
        store_keeper_free(k);
        return rc;
    }
    *out = k;
    return 0;
}

void store_keeper_free(struct store_keeper *k)
{
    if (!k)
        return;
    if (k->thread_runs) {
        (void)pthread_mutex_lock(&k->mutex);
        k->stop = true;
        (void)pthread_cond_broadcast(&k->changed);
        (void)pthread_mutex_unlock(&k->mutex);
        (void)pthread_join(k->thread, NULL);
    }
    for (unsigned i = 0; i < 2; i++) {
        btr_buffer_fini(&k->blocks[i].runs);
        btr_buffer_fini(&k->blocks[i].text);
    }
    kept_packer_fini(&k->packer);
    btr_buffer_fini(&k->head);
    btr_buffer_fini(&k->names);
    btr_buffer_fini(&k->hosts);
    btr_buffer_fini(&k->ranges);
    btr_buffer_fini(&k->last_host);
    free(k->input_ids);
    (void)pthread_mutex_destroy(&k->mutex);
    (void)pthread_cond_destroy(&k->changed);
    free(k);
}
