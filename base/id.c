#include "id_private.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PARTS_MAX = 8, GATHER_SIZE = 1024, CHUNK_SIZE = 512, VARINT_SIZE_MAX = 10 };

static struct btr_id id_from(XXH128_hash_t hash)
{
    return (struct btr_id){hash.high64, hash.low64};
}

struct btr_id btr_id_hash(struct btr_span key)
{
    return id_from(XXH3_128bits(key.at, key.size));
}

static size_t put_varint(uint8_t out[VARINT_SIZE_MAX], uint64_t value)
{
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        out[size++] = (uint8_t)(value | 0x80);
    out[size++] = (uint8_t)value;
    return size;
}

static uint8_t fold_ascii(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* U+00C0..U+00DE but U+00D7 have their small letter 0x20 further; in UTF-8 the lead byte is 0xc3.
 */
static uint8_t fold_windows(uint8_t byte, uint8_t previous)
{
    if (byte == '/')
        return '\\';
    if (previous == 0xc3 && byte >= 0x80 && byte <= 0x9e && byte != 0x97)
        return (uint8_t)(byte + 0x20);
    return fold_ascii(byte);
}

#define ONES UINT64_C(0x0101010101010101)

/* The same of eight bytes below 0x80 at once: the high bit of each byte tells what a sum did in it.
 */
static uint64_t fold_word(uint64_t word, bool windows)
{
    uint64_t from_a = word + ONES * (0x80 - 'A'), beyond_z = word + ONES * (0x7f - 'Z');
    uint64_t folded = word | ((from_a ^ beyond_z) & ONES << 7) >> 2;
    if (!windows)
        return folded;
    uint64_t others = (word ^ ONES * '/') + ONES * 0x7f; /* high bit: it is no slash */
    uint64_t slashes = (~others >> 7 & ONES) * 0xff;
    return folded ^ (slashes & ONES * ('/' ^ '\\'));
}

/* Folds bytes first..first+size of a part into `out`. */
static void fold_copy(uint8_t *out, const struct base_part *part, size_t first, size_t size)
{
    const uint8_t *in = part->bytes.at + first;
    if (part->fold == BASE_FOLD_NONE) {
        memcpy(out, in, size);
        return;
    }
    size_t i = 0;
    for (uint64_t word; size - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, in + i, sizeof(word));
        if (word & ONES << 7)
            break;
        word = fold_word(word, part->fold == BASE_FOLD_WINDOWS);
        memcpy(out + i, &word, sizeof(word));
    }
    uint8_t previous = first + i > 0 ? part->bytes.at[first + i - 1] : 0;
    for (; i < size; i++) {
        out[i] = part->fold == BASE_FOLD_ASCII ? fold_ascii(in[i]) : fold_windows(in[i], previous);
        previous = in[i];
    }
}

/* The long way, for keys that do not fit the stack: the same bytes in pieces give the same hash. */
static struct btr_id hash_in_pieces(const struct base_part *parts, size_t part_count)
{
    XXH3_state_t state;
    uint8_t chunk[CHUNK_SIZE];

    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < part_count; i++) {
        XXH3_128bits_update(&state, chunk, put_varint(chunk, parts[i].bytes.size));
        for (size_t at = 0; at < parts[i].bytes.size; at += CHUNK_SIZE) {
            size_t left = parts[i].bytes.size - at;
            size_t size = left < CHUNK_SIZE ? left : CHUNK_SIZE;
            fold_copy(chunk, &parts[i], at, size);
            XXH3_128bits_update(&state, chunk, size);
        }
    }
    return id_from(XXH3_128bits_digest(&state));
}

struct btr_id base_id_of_parts(const struct base_part *parts, size_t part_count)
{
    uint8_t key[GATHER_SIZE];
    size_t used = 0;

    for (size_t i = 0; i < part_count; i++) {
        struct btr_span bytes = parts[i].bytes;
        if (bytes.size > GATHER_SIZE || used + VARINT_SIZE_MAX + bytes.size > GATHER_SIZE)
            return hash_in_pieces(parts, part_count);
        used += put_varint(key + used, bytes.size);
        if (bytes.size > 0)
            fold_copy(key + used, &parts[i], 0, bytes.size);
        used += bytes.size;
    }
    return id_from(XXH3_128bits(key, used));
}

struct btr_id btr_id_of(const struct btr_span *parts, size_t part_count)
{
    assert(part_count <= PARTS_MAX);
    struct base_part plain[PARTS_MAX];
    for (size_t i = 0; i < part_count; i++)
        plain[i] = (struct base_part){parts[i], BASE_FOLD_NONE};
    return base_id_of_parts(plain, part_count);
}

void btr_id_text(struct btr_id id, char out[BTR_ID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < 16; i++) {
        out[i] = digits[id.hi >> (60 - 4 * i) & 15];
        out[16 + i] = digits[id.lo >> (60 - 4 * i) & 15];
    }
    out[32] = '\0';
}

bool btr_id_parse(struct btr_span text, struct btr_id *id)
{
    struct btr_id parsed;
    if (text.size != 32 || !btr_span_number((struct btr_span){text.at, 16}, 16, &parsed.hi) ||
        !btr_span_number((struct btr_span){text.at + 16, 16}, 16, &parsed.lo))
        return false;
    *id = parsed;
    return true;
}

uint64_t btr_hash64(struct btr_span bytes)
{
    return XXH3_64bits(bytes.at, bytes.size);
}

uint64_t btr_hash64_seeded(struct btr_span bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.at, bytes.size, seed);
}
