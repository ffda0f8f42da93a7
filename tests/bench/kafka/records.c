/*
 * Messages that are made up, in kafka_tool's form "sized". A function of its arguments alone.
 */
#include "records.h"

#include <stdio.h>
#include <stdlib.h>

static const char USAGE[] =
    "usage: bench_kafka_records KIND COUNT [HOSTS [NAME]]\n"
    "  sysmon  Sysmon events in JSON, of so many hosts in turn, called NAME with a number\n"
    "  noise   what is no record, under keys that are noise\n"
    "  large   the same of 10 MiB\n";

enum { HOSTS_MAX = 1 << 24 };

static void number_put(uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};
    (void)fwrite(bytes, 1, sizeof bytes, stdout);
}

bool bench_send(struct bench *b, struct btr_span key, struct btr_span value)
{
    number_put((uint32_t)key.size);
    number_put((uint32_t)value.size);
    (void)fwrite(key.at, 1, key.size, stdout);
    (void)fwrite(value.at, 1, value.size, stdout);
    b->sent++;
    return !ferror(stdout);
}

/* xorshift64: https://doi.org/10.18637/jss.v008.i14 */
uint64_t bench_random(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

/* Of large ones only the first bytes differ from one to the next. */
static bool noise_send(struct bench *b, size_t size)
{
    static uint64_t bytes[BENCH_LARGE_SIZE / 8], key[4];
    size_t words = size == BENCH_LARGE_SIZE && b->sent > 0 ? 1 : size / 8;
    for (size_t i = 0; i < sizeof key / 8; i++)
        key[i] = bench_random(b);
    for (size_t i = 0; i < words; i++)
        bytes[i] = bench_random(b);
    return bench_send(b, (struct btr_span){(uint8_t *)key, sizeof key},
                      (struct btr_span){(uint8_t *)bytes, size});
}

static bool noise_next(struct bench *b)
{
    return noise_send(b, 64 + bench_random(b) % 512);
}

static bool large_next(struct bench *b)
{
    return noise_send(b, BENCH_LARGE_SIZE);
}

static bool number(const char *text, uint64_t most, uint64_t *out)
{
    return btr_span_number(btr_span_of(text), 10, out) && *out > 0 && *out <= most;
}

int main(int argc, char **argv)
{
    struct bench b = {.hosts = 1, .name = "host", .random = UINT64_C(0x9e3779b97f4a7c15)};
    const char *kind = argc > 1 ? argv[1] : "";
    bool (*next)(struct bench *) = strcmp(kind, "sysmon") == 0  ? bench_sysmon_next
                                   : strcmp(kind, "noise") == 0 ? noise_next
                                   : strcmp(kind, "large") == 0 ? large_next
                                                                : NULL;
    if (argc > 4)
        b.name = argv[4];
    if (!next || argc < 3 || argc > 5 || !number(argv[2], UINT64_MAX, &b.count) ||
        (argc > 3 && !number(argv[3], HOSTS_MAX, &b.hosts)) ||
        strlen(b.name) > BENCH_NAME_SIZE / 2) {
        fputs(USAGE, stderr);
        return 2;
    }
    bool good = true;
    while (good && b.sent < b.count)
        good = next(&b);
    btr_buffer_fini(&b.value);
    return good && fflush(stdout) == 0 ? 0 : 1;
}
