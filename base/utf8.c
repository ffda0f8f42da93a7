#include "utf8.h"

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Lengths by lead byte; the smallest code of each length refuses overlong forms. */
static size_t sequence_size(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t base_utf8_next(struct btr_span bytes, uint32_t *code)
{
    static const uint32_t code_min[5] = {0, 0, 0x80, 0x800, 0x10000};
    static const uint8_t lead_mask[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};

    size_t size = bytes.size == 0 ? 0 : sequence_size(bytes.at[0]);
    if (size == 0 || size > bytes.size)
        return 0;
    uint32_t value = bytes.at[0] & lead_mask[size];
    for (size_t i = 1; i < size; i++) {
        if (!is_tail(bytes.at[i]))
            return 0;
        value = value << 6 | (bytes.at[i] & 0x3fu);
    }
    if (value < code_min[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return size;
}

bool base_code_is_unprintable(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},
        {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
        {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
    };
    if (code >= 0x20 && code < 0x7f)
        return false;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}
