#include "names.h"

#include <stdio.h>

/* Dates have at most 14 digits, so numbered files sort behind every dated one. */
#define AGE_NUMBERED UINT64_C(200000000000000)
enum { DATE_DIGITS_MIN = 8, DATE_DIGITS_MAX = 14, NUMBER_DIGITS_MAX = 6 };

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool ends_with(const char *name, size_t size, const char *suffix)
{
    size_t n = strlen(suffix);
    return size > n && memcmp(name + size - n, suffix, n) == 0;
}

static size_t without_packing(const char *name, size_t size)
{
    static const char *const packings[] = {".zst", ".gz", ".xz", ".bz2"};
    for (size_t i = 0; i < sizeof packings / sizeof *packings; i++)
        if (ends_with(name, size, packings[i]))
            return size - strlen(packings[i]);
    return size;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "NAME.N": cuts it off. Four numbers with dots are an address, not a rotation. */
static bool cut_number(const char *name, size_t *size, uint64_t *age)
{
    size_t at = *size;
    while (at > 0 && is_digit(name[at - 1]))
        at--;
    size_t digits = *size - at;
    if (digits == 0 || digits > NUMBER_DIGITS_MAX || at < 2 || name[at - 1] != '.')
        return false;
    uint64_t n = 0;
    btr_span_number((struct btr_span){(const uint8_t *)name + at, digits}, 10, &n);
    *age = AGE_NUMBERED - n;
    *size = at - 1;
    return true;
}

/* Where a date that ends at `end` begins (its leading '-'), or 0. */
static size_t date_begin(const char *name, size_t end, uint64_t *date)
{
    char text[DATE_DIGITS_MAX + 1] = {0};
    size_t digits = 0, begin = 0;
    for (size_t at = end; at > 0 && (is_digit(name[at - 1]) || name[at - 1] == '-'); at--) {
        if (is_digit(name[at - 1]) && ++digits > DATE_DIGITS_MAX)
            return 0;
        if (name[at - 1] == '-' && digits >= DATE_DIGITS_MIN)
            begin = at - 1;
    }
    if (begin == 0)
        return 0;
    size_t n = 0;
    for (size_t at = begin; at < end; at++)
        if (is_digit(name[at]))
            text[n++] = name[at];
    while (n < DATE_DIGITS_MAX)
        text[n++] = '0';
    return btr_span_number((struct btr_span){(const uint8_t *)text, n}, 10, date) ? begin : 0;
}

static void base_set(struct source_name *out, const char *head, size_t head_size, const char *tail,
                     size_t tail_size)
{
    (void)snprintf(out->base, sizeof out->base, "%.*s%.*s",
                   (int)(head_size > 255 ? 255 : head_size), head,
                   (int)(tail_size > 255 ? 255 : tail_size), tail);
}

void source_name_parse(struct source_name *out, const char *path)
{
    const char *name = base_of(path);
    size_t size = without_packing(name, strlen(name)), begin;
    out->age = UINT64_MAX;
    if (cut_number(name, &size, &out->age)) {
        base_set(out, name, size, "", 0);
        return;
    }
    size_t dot = size;
    while (dot > 0 && name[dot - 1] != '.')
        dot--;
    size_t stem = dot > 1 && !is_digit(name[dot]) ? dot - 1 : size;
    if ((begin = date_begin(name, size, &out->age)) > 0)
        base_set(out, name, begin, "", 0);
    else if (stem < size && (begin = date_begin(name, stem, &out->age)) > 0)
        base_set(out, name, begin, name + stem, size - stem);
    else
        base_set(out, name, size, "", 0);
}

bool source_name_is_log(const char *path)
{
    struct source_name name;
    source_name_parse(&name, path);
    size_t size = strlen(name.base);
    if (base_of(path)[0] == '.')
        return false;
    return strstr(base_of(path), ".log") || ends_with(name.base, size, ".json") ||
           ends_with(name.base, size, ".jsonl") || ends_with(name.base, size, ".ndjson");
}

/* The name of the folder that holds `path`, or empty. */
static struct btr_span folder_of(const char *path)
{
    const char *end = strrchr(path, '/');
    if (!end || end == path)
        return (struct btr_span){0};
    const char *begin = end;
    while (begin > path && begin[-1] != '/')
        begin--;
    return (struct btr_span){(const uint8_t *)begin, (size_t)(end - begin)};
}

static struct btr_span host_put(char *buffer, struct btr_span name)
{
    if (name.size >= SOURCE_BASE_SIZE)
        name.size = SOURCE_BASE_SIZE - 1;
    memmove(buffer, name.at, name.size);
    buffer[name.size] = '\0';
    return (struct btr_span){(const uint8_t *)buffer, name.size};
}

static bool host_known(const struct btr_hosts *hosts, struct btr_span name)
{
    uint8_t canonical[256];
    return name.size > 0 && btr_hosts_known(hosts, btr_host_canonical(hosts, name, canonical));
}

struct btr_span source_name_host(const char *path, const struct btr_hosts *hosts, char *buffer)
{
    struct source_name name;
    source_name_parse(&name, path);
    size_t size = strlen(name.base);
    struct btr_span host = {(const uint8_t *)name.base, size};
    if (ends_with(name.base, size, ".audit.log")) {
        host.size = size - strlen(".audit.log");
        return host_put(buffer, host);
    }
    const char *dot = strrchr(name.base, '.');
    if (dot)
        host.size = (size_t)(dot - name.base);
    if (host_known(hosts, host))
        return host_put(buffer, host);
    host = folder_of(path);
    if (host_known(hosts, host))
        return host_put(buffer, host);
    return (struct btr_span){0};
}
