/* How two values of the filter language compare. */
#include "compare.h"

#include <arpa/inet.h>

static uint8_t folded(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

int query_compare_folded(struct btr_span a, struct btr_span b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    for (size_t i = 0; i < common; i++) {
        int d = folded(a.at[i]) - folded(b.at[i]);
        if (d)
            return d;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

bool query_equal_folded(struct btr_span a, struct btr_span b)
{
    return a.size == b.size && query_compare_folded(a, b) == 0;
}

/* ---- Numbers ---- */

struct decimal {
    bool negative;
    struct btr_span whole, fraction; /* no zeros before, after */
};

static size_t digits(struct btr_span s, size_t from)
{
    size_t i = from;
    while (i < s.size && s.at[i] >= '0' && s.at[i] <= '9')
        i++;
    return i - from;
}

static bool decimal_parse(struct decimal *out, struct btr_span s)
{
    size_t i = s.size && s.at[0] == '-';
    size_t count = digits(s, i);
    *out = (struct decimal){.negative = i == 1, .whole = {s.at + i, count}};
    if (count == 0)
        return false;
    i += count;
    if (i < s.size && s.at[i] == '.') {
        count = digits(s, i + 1);
        if (count == 0)
            return false;
        out->fraction = (struct btr_span){s.at + i + 1, count};
        i += 1 + count;
    }
    while (out->whole.size && out->whole.at[0] == '0')
        out->whole = (struct btr_span){out->whole.at + 1, out->whole.size - 1};
    while (out->fraction.size && out->fraction.at[out->fraction.size - 1] == '0')
        out->fraction.size--;
    if (out->whole.size + out->fraction.size == 0)
        out->negative = false;
    return i == s.size;
}

bool query_is_number(struct btr_span s)
{
    struct decimal d;
    return s.size && decimal_parse(&d, s);
}

int query_compare_numbers(struct btr_span a, struct btr_span b)
{
    struct decimal x, y;
    if (!decimal_parse(&x, a) || !decimal_parse(&y, b))
        return btr_span_compare(a, b);
    if (x.negative != y.negative)
        return x.negative ? -1 : 1;
    int size = x.negative ? -1 : 1;
    if (x.whole.size != y.whole.size)
        return x.whole.size < y.whole.size ? -size : size;
    int d = btr_span_compare(x.whole, y.whole);
    if (d == 0)
        d = btr_span_compare(x.fraction, y.fraction);
    return d < 0 ? -size : d > 0 ? size : 0;
}

/* ---- Addresses ---- */

/* @return bytes of the address (4 or 16), 0 when it is none */
static uint8_t address_parse(struct btr_span text, uint8_t out[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (text.size == 0 || text.size >= sizeof copy)
        return 0;
    memcpy(copy, text.at, text.size);
    copy[text.size] = 0;
    if (strlen(copy) != text.size)
        return 0;
    if (inet_pton(AF_INET, copy, out) == 1)
        return 4;
    if (inet_pton(AF_INET6, copy, out) != 1)
        return 0;
    static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(out, MAPPED, sizeof MAPPED) != 0)
        return 16;
    memmove(out, out + 12, 4);
    return 4;
}

bool query_cidr_parse(struct query_cidr *out, struct btr_span text)
{
    *out = (struct query_cidr){0};
    const uint8_t *slash = text.size ? memchr(text.at, '/', text.size) : NULL;
    struct btr_span address = slash ? (struct btr_span){text.at, (size_t)(slash - text.at)} : text;
    out->bytes = address_parse(address, out->address);
    if (!out->bytes)
        return false;
    uint64_t bits = (uint64_t)out->bytes * 8;
    if (slash) {
        struct btr_span rest = {slash + 1, text.size - address.size - 1};
        if (!btr_span_number(rest, 10, &bits) || bits > (uint64_t)out->bytes * 8)
            return false;
    }
    out->bits = (uint8_t)bits;
    return true;
}

bool query_cidr_holds(const struct query_cidr *cidr, struct btr_span address)
{
    uint8_t a[16] = {0};
    if (address_parse(address, a) != cidr->bytes)
        return false;
    size_t whole = cidr->bits / 8u, rest = cidr->bits % 8u;
    if (memcmp(a, cidr->address, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ cidr->address[whole]) >> (8 - rest)) == 0;
}
