#include "shape.h"

#include <stdio.h>

/* The finalizer of MurmurHash3 (Austin Appleby, public domain): a bijection of 64 bits. */
static uint64_t scramble(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

uint64_t fleet_site_salt(uint32_t site)
{
    return site;
}

uint64_t fleet_unit_salt(struct fleet_place place)
{
    return (uint64_t)place.day << 32 | place.site;
}

struct btr_id fleet_id_mix(struct btr_id id, uint64_t salt)
{
    if (salt == 0)
        return id;
    id.hi = scramble(id.hi ^ scramble(salt));
    id.lo = scramble(id.lo ^ id.hi);
    id.hi ^= id.lo;
    return id;
}

int64_t fleet_site_jitter_ns(uint32_t site)
{
    const uint64_t most_ms = 120000;
    return site == 0 ? 0 : (int64_t)(scramble(site) % most_ms) * 1000000;
}

uint64_t fleet_pid(struct fleet_place place, uint64_t pid)
{
    uint64_t salt = fleet_unit_salt(place);
    if (salt == 0 || pid < FLEET_PID_FIRST || pid >= FLEET_PID_FIRST + FLEET_PID_COUNT)
        return pid;
    return FLEET_PID_FIRST + (pid - FLEET_PID_FIRST + scramble(salt)) % FLEET_PID_COUNT;
}

uint64_t fleet_inode_shift(uint32_t site)
{
    return site == 0 ? 0 : scramble(site ^ UINT64_C(0x1d)) % 50000000;
}

uint64_t fleet_record_shift(uint32_t site)
{
    return site == 0 ? 0 : scramble(site ^ UINT64_C(0x5e)) % 20000000;
}

void fleet_host_name(uint32_t site, struct btr_span host, struct btr_buffer *out)
{
    btr_buffer_span(out, host);
    if (site > 0)
        btr_buffer_format(out, "-s%u", site);
}

void fleet_network(uint32_t site, char out[16])
{
    if (site == 0)
        (void)snprintf(out, 16, FLEET_LAB_NETWORK);
    else
        (void)snprintf(out, 16, "10.%u.%u.", 100 + site / 250 % 150, site % 250);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

void fleet_addresses(uint32_t site, struct btr_span text, struct btr_buffer *out)
{
    const struct btr_span lab = BTR_SPAN(FLEET_LAB_NETWORK);
    char network[16];
    size_t from = 0;
    fleet_network(site, network);
    for (size_t i = 0; site > 0 && i + lab.size <= text.size; i++) {
        struct btr_span rest = {text.at + i, text.size - i};
        if (!btr_span_begins(rest, lab) || (i > 0 && is_digit(text.at[i - 1])))
            continue;
        btr_buffer_put(out, text.at + from, i - from);
        btr_buffer_text(out, network);
        from = i + lab.size;
        i = from - 1;
    }
    btr_buffer_put(out, text.at + from, text.size - from);
}

/* The digits after "/proc/"; empty when the path is none such. */
static struct btr_span proc_digits(struct btr_span path)
{
    const struct btr_span proc = BTR_SPAN("/proc/");
    size_t end = proc.size;
    if (!btr_span_begins(path, proc))
        return (struct btr_span){0};
    while (end < path.size && is_digit(path.at[end]))
        end++;
    if (end < path.size && path.at[end] != '/')
        return (struct btr_span){0};
    return (struct btr_span){path.at + proc.size, end - proc.size};
}

bool fleet_is_proc_path(struct btr_span path)
{
    uint64_t pid;
    return btr_span_number(proc_digits(path), 10, &pid);
}

void fleet_proc_path(struct fleet_place place, struct btr_span path, struct btr_buffer *out)
{
    struct btr_span digits = proc_digits(path);
    uint64_t pid = 0;
    (void)btr_span_number(digits, 10, &pid);
    size_t end = (size_t)(digits.at - path.at) + digits.size;
    btr_buffer_format(out, "/proc/%llu", (unsigned long long)fleet_pid(place, pid));
    btr_buffer_put(out, path.at + end, path.size - end);
}

/* Another of the same sort, by `turn`. */
static uint8_t letter(uint8_t c, uint64_t turn)
{
    if (is_digit(c))
        return (uint8_t)('0' + (c - '0' + turn) % 10);
    if (c >= 'a' && c <= 'z')
        return (uint8_t)('a' + (c - 'a' + turn) % 26);
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)('A' + (c - 'A' + turn) % 26);
    return c;
}

void fleet_short_lived_path(struct fleet_place place, struct btr_span path, struct btr_buffer *out)
{
    const size_t kept = 4;
    uint64_t salt = fleet_unit_salt(place);
    size_t name = path.size, dot = path.size;
    while (name > 0 && path.at[name - 1] != '/')
        if (path.at[--name] == '.' && path.size - name <= kept)
            dot = name; /* an ending as in "conftest.c" stays */
    btr_buffer_put(out, path.at, path.size);
    if (salt == 0 || out->failed)
        return;
    uint8_t *copy = out->at + out->size - path.size;
    for (size_t i = name + kept; i < dot; i++)
        copy[i] = letter(copy[i], scramble(salt + (i << 20)) >> 8);
}
