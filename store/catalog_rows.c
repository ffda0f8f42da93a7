/* Rows of the catalog as bytes (docs/FORMAT.md, "The catalog"). */
#include "catalog_rows.h"

/* ---- Checksums ------------------------------------------------------------------------------ */

uint64_t catalog_row_checksum(struct btr_span key, struct btr_span value)
{
    return btr_hash64_seeded(value, btr_hash64(key));
}

bool catalog_row_open(uint32_t version, struct btr_span key, struct btr_span *value)
{
    if (version == 1)
        return true;
    if (value->size < CATALOG_CHECKSUM_SIZE)
        return false;
    value->size -= CATALOG_CHECKSUM_SIZE;
    return catalog_row_checksum(key, *value) == store_get_u64(value->at + value->size);
}

/* ---- Rows ----------------------------------------------------------------------------------- */

void catalog_text_put(struct btr_buffer *b, struct btr_span text)
{
    btr_buffer_varint(b, text.size);
    btr_buffer_span(b, text);
}

bool catalog_text_get(struct btr_cursor *c, struct btr_span *text)
{
    uint64_t size;
    return btr_cursor_varint(c, &size) && size <= c->rest.size &&
           btr_cursor_span(c, (size_t)size, text);
}

void catalog_segment_key(uint8_t key[CATALOG_SEGMENT_KEY_SIZE], struct btr_id hash)
{
    store_put_u64(key, hash.hi);
    store_put_u64(key + 8, hash.lo);
}

int catalog_segment_compare(const void *x, const void *y)
{
    const struct catalog_segment *a = x, *b = y;
    uint8_t keys[2][CATALOG_SEGMENT_KEY_SIZE];
    catalog_segment_key(keys[0], a->hash);
    catalog_segment_key(keys[1], b->hash);
    return memcmp(keys[0], keys[1], sizeof(keys[0]));
}

enum { FLAG_ROOT = 1, FLAG_HOSTS = 2, FLAGS = 3 };

void catalog_segment_put(struct btr_buffer *b, const struct catalog_segment *row)
{
    catalog_text_put(b, btr_span_of(row->day));
    btr_buffer_put(b, row->sha256, sizeof(row->sha256));
    btr_buffer_u64(b, row->file_size);
    btr_buffer_u32(b, row->sealed.event_count);
    btr_buffer_u32(b, row->sealed.entity_count);
    btr_buffer_u32(b, row->sealed.gap_count);
    btr_buffer_u32(b, row->sealed.undecoded);
    btr_buffer_u64(b, row->sealed.record_count);
    btr_buffer_u64(b, (uint64_t)row->sealed.first_ns);
    btr_buffer_u64(b, (uint64_t)row->sealed.last_ns);
    btr_buffer_u8(b,
                  (uint8_t)((row->root_told ? FLAG_ROOT : 0) | (row->hosts_told ? FLAG_HOSTS : 0)));
    btr_buffer_put(b, row->root, sizeof(row->root));
    btr_buffer_u32(b, row->kinds);
    catalog_text_put(b, (struct btr_span){row->hosts, row->hosts_size});
}

bool catalog_segment_names_host(const struct catalog_segment *row, struct btr_span host)
{
    for (unsigned at = 0; at < row->hosts_size; at += 1U + row->hosts[at])
        if (btr_span_equal((struct btr_span){row->hosts + at + 1, row->hosts[at]}, host))
            return true;
    return false;
}

/* Names must fill their bytes. */
static bool hosts_get(struct btr_span hosts, struct catalog_segment *row)
{
    size_t at = 0;
    while (at < hosts.size)
        at += 1U + hosts.at[at];
    if (at != hosts.size || hosts.size > sizeof(row->hosts))
        return false;
    if (hosts.size > 0)
        memcpy(row->hosts, hosts.at, hosts.size);
    row->hosts_size = (uint8_t)hosts.size;
    return true;
}

static bool times_get(struct btr_cursor *c, int64_t *first_ns, int64_t *last_ns)
{
    uint64_t first, last;
    if (!btr_cursor_u64(c, &first) || !btr_cursor_u64(c, &last))
        return false;
    *first_ns = (int64_t)first;
    *last_ns = (int64_t)last;
    return true;
}

bool catalog_day_is_plain(struct btr_span day)
{
    bool plain = day.size > 0 && day.size < STORE_DAY_SIZE;
    for (size_t i = 0; plain && i < day.size; i++)
        plain = (day.at[i] >= '0' && day.at[i] <= '9') || day.at[i] == '-';
    return plain;
}

/* What version 2 has beyond version 1. */
static bool segment_more_get(struct btr_cursor *c, struct catalog_segment *row)
{
    uint8_t flags;
    struct btr_span root, hosts;
    if (!btr_cursor_u8(c, &flags) || (flags & ~FLAGS) != 0 ||
        !btr_cursor_span(c, BTR_SHA256_SIZE, &root) || !btr_cursor_u32(c, &row->kinds) ||
        !catalog_text_get(c, &hosts) || !hosts_get(hosts, row))
        return false;
    row->root_told = (flags & FLAG_ROOT) != 0;
    row->hosts_told = (flags & FLAG_HOSTS) != 0;
    memcpy(row->root, root.at, root.size);
    return true;
}

bool catalog_segment_get(uint32_t version, struct btr_span key, struct btr_span value,
                         struct catalog_segment *row)
{
    struct btr_cursor c = {.rest = value};
    struct btr_span day, sha256;
    *row = (struct catalog_segment){0};
    if (key.size != 16 || !catalog_text_get(&c, &day) || !catalog_day_is_plain(day) ||
        !btr_cursor_span(&c, BTR_SHA256_SIZE, &sha256))
        return false;
    row->hash = (struct btr_id){store_get_u64(key.at), store_get_u64(key.at + 8)};
    memcpy(row->day, day.at, day.size);
    memcpy(row->sha256, sha256.at, sha256.size);
    memcpy(row->root, sha256.at, sha256.size);
    row->kinds = UINT32_MAX;
    return btr_cursor_u64(&c, &row->file_size) && btr_cursor_u32(&c, &row->sealed.event_count) &&
           btr_cursor_u32(&c, &row->sealed.entity_count) &&
           btr_cursor_u32(&c, &row->sealed.gap_count) &&
           btr_cursor_u32(&c, &row->sealed.undecoded) &&
           btr_cursor_u64(&c, &row->sealed.record_count) &&
           times_get(&c, &row->sealed.first_ns, &row->sealed.last_ns) &&
           (version == 1 || segment_more_get(&c, row)) && c.rest.size == 0;
}

void catalog_input_put(struct btr_buffer *b, const struct btr_input *i)
{
    catalog_text_put(b, i->name);
    catalog_text_put(b, i->host);
    catalog_text_put(b, i->format);
    catalog_text_put(b, i->case_id);
    catalog_text_put(b, i->tool);
    btr_buffer_u64(b, i->file_size);
    btr_buffer_put(b, i->file_sha256, sizeof(i->file_sha256));
    btr_buffer_u64(b, i->head_hash);
    btr_buffer_u64(b, i->content_size);
    btr_buffer_u64(b, i->content_lines);
    btr_buffer_put(b, i->content_sha256, sizeof(i->content_sha256));
    btr_buffer_u64(b, (uint64_t)i->read_ns);
    btr_buffer_u64(b, i->records);
    btr_buffer_u8(b, i->complete ? 1 : 0);
}

static bool digest_get(struct btr_cursor *c, uint8_t digest[BTR_SHA256_SIZE])
{
    struct btr_span bytes;
    if (!btr_cursor_span(c, BTR_SHA256_SIZE, &bytes))
        return false;
    memcpy(digest, bytes.at, bytes.size);
    return true;
}

bool catalog_input_get(struct btr_span value, struct btr_input *i)
{
    struct btr_cursor c = {.rest = value};
    uint64_t read_ns;
    uint8_t complete;
    *i = (struct btr_input){0};
    if (!catalog_text_get(&c, &i->name) || !catalog_text_get(&c, &i->host) ||
        !catalog_text_get(&c, &i->format) || !catalog_text_get(&c, &i->case_id) ||
        !catalog_text_get(&c, &i->tool) || !btr_cursor_u64(&c, &i->file_size) ||
        !digest_get(&c, i->file_sha256) || !btr_cursor_u64(&c, &i->head_hash) ||
        !btr_cursor_u64(&c, &i->content_size) || !btr_cursor_u64(&c, &i->content_lines) ||
        !digest_get(&c, i->content_sha256) || !btr_cursor_u64(&c, &read_ns) ||
        !btr_cursor_u64(&c, &i->records) || !btr_cursor_u8(&c, &complete) || complete > 1)
        return false;
    i->read_ns = (int64_t)read_ns;
    i->complete = complete != 0;
    return c.rest.size == 0;
}

void catalog_input_key(uint8_t key[24], const struct btr_input *i)
{
    struct btr_id name = btr_id_hash(i->name);
    store_put_u64(key, i->head_hash);
    store_put_u64(key + 8, name.hi);
    store_put_u64(key + 16, name.lo);
}

void catalog_state_key(uint8_t key[16], struct btr_span format, struct btr_span host)
{
    struct btr_span parts[] = {format, host};
    struct btr_id id = btr_id_of(parts, 2);
    store_put_u64(key, id.hi);
    store_put_u64(key + 8, id.lo);
}

void catalog_number_key(uint8_t key[8], uint64_t number)
{
    for (unsigned i = 0; i < 8; i++)
        key[i] = (uint8_t)(number >> (56 - 8 * i));
}

uint64_t catalog_number_of(const uint8_t key[8])
{
    uint64_t number = 0;
    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | key[i];
    return number;
}
