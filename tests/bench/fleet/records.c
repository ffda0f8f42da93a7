/*
 * Rewrites the raw audit log of one host of a recording into that of another site and day: times,
 * serials, pids, inodes, sessions, addresses. Standard input to standard output; with the attack's
 * lines left out.
 */
#include <stdio.h>
#include <stdlib.h>

#include "attack.h"
#include "shape.h"

enum { DROPPED_SERIALS = 4096 };

struct rewriter {
    struct fleet_place place;
    uint64_t records_a_day; /* how many serials a day takes */
    const char *host;
    struct fleet_attack attack;
    uint64_t dropped[DROPPED_SERIALS]; /* serials, by serial modulo their number */
    struct btr_buffer out;
    unsigned long syscall; /* of the line */
};

/* ---- Fields --------------------------------------------------------------------------------- */

static void pid_put(struct rewriter *w, struct btr_span value, unsigned base)
{
    uint64_t pid;
    if (!btr_span_number(value, base, &pid))
        btr_buffer_span(&w->out, value);
    else
        btr_buffer_format(&w->out, base == 16 ? "%llx" : "%llu",
                          (unsigned long long)fleet_pid(w->place, pid));
}

static void number_put(struct rewriter *w, struct btr_span value, uint64_t more)
{
    uint64_t number;
    if (!btr_span_number(value, 10, &number) || number == UINT32_MAX)
        btr_buffer_span(&w->out, value); /* 4294967295: none */
    else
        btr_buffer_format(&w->out, "%llu", (unsigned long long)(number + more));
}

/* Whether a syscall's return value (x86_64) is a pid. */
static bool returns_pid(unsigned long syscall)
{
    enum { CLONE = 56, FORK = 57, VFORK = 58, WAIT4 = 61, CLONE3 = 435 };
    return syscall == CLONE || syscall == FORK || syscall == VFORK || syscall == WAIT4 ||
           syscall == CLONE3;
}

/* Whether an argument of a syscall is a pid. */
static bool takes_pid(unsigned long syscall, char argument)
{
    enum { KILL = 62, PTRACE = 101, TKILL = 200, TGKILL = 234 };
    if (argument == '0')
        return syscall == KILL || syscall == TKILL || syscall == TGKILL;
    return argument == '1' && (syscall == PTRACE || syscall == TGKILL);
}

/* A socket address in hex: the site's network in place of the recorded one, also where it is mapped
 * to IPv6. */
static void address_put(struct rewriter *w, struct btr_span value)
{
    const struct btr_span lab = BTR_SPAN("0A4D00"), mapped = BTR_SPAN("FFFF");
    unsigned a, b;
    char network[16];
    size_t at = 0;
    if (btr_span_begins(value, BTR_SPAN("0200")) && value.size >= 16)
        at = 8;
    else if (btr_span_begins(value, BTR_SPAN("0A00")) && value.size >= 48 &&
             memcmp(value.at + 36, mapped.at, mapped.size) == 0)
        at = 40;
    fleet_network(w->place.site, network);
    if (at == 0 || memcmp(value.at + at, lab.at, lab.size) != 0 ||
        sscanf(network, "10.%u.%u.", &a, &b) != 2) {
        btr_buffer_span(&w->out, value);
        return;
    }
    btr_buffer_put(&w->out, value.at, at);
    btr_buffer_format(&w->out, "0A%02X%02X", a, b);
    btr_buffer_put(&w->out, value.at + at + lab.size, value.size - at - lab.size);
}

/* "audit(1795424231.026:3533543):" */
static void stamp_put(struct rewriter *w, struct btr_span value)
{
    unsigned long long seconds, serial;
    unsigned ms;
    int end = 0;
    char text[64];
    (void)snprintf(text, sizeof(text), "%.*s", (int)value.size, (const char *)value.at);
    if (sscanf(text, "audit(%llu.%3u:%llu)%n", &seconds, &ms, &serial, &end) != 3 || end == 0) {
        btr_buffer_span(&w->out, value);
        return;
    }
    uint64_t at_ms = seconds * 1000 + ms + (uint64_t)w->place.day * 86400000 +
                     (uint64_t)fleet_site_jitter_ns(w->place.site) / 1000000;
    btr_buffer_format(&w->out, "audit(%llu.%03llu:%llu)", (unsigned long long)at_ms / 1000,
                      (unsigned long long)at_ms % 1000,
                      (unsigned long long)(serial + fleet_record_shift(w->place.site) +
                                           w->place.day * w->records_a_day));
    btr_buffer_put(&w->out, value.at + end, value.size - (size_t)end);
}

static void path_put(struct rewriter *w, struct btr_span quoted)
{
    struct btr_span path = {quoted.at + 1, quoted.size - 1};
    if (quoted.size > 1 && quoted.at[0] == '"' && fleet_is_proc_path(path)) {
        btr_buffer_text(&w->out, "\"");
        fleet_proc_path(w->place, path, &w->out);
    } else {
        fleet_addresses(w->place.site, quoted, &w->out);
    }
}

static void field_put(struct rewriter *w, struct btr_span name, struct btr_span value)
{
    struct btr_buffer *out = &w->out;
    btr_buffer_span(out, name);
    btr_buffer_text(out, "=");
    if (btr_span_equal(name, BTR_SPAN("msg")) && btr_span_begins(value, BTR_SPAN("audit(")))
        stamp_put(w, value);
    else if (btr_span_equal(name, BTR_SPAN("pid")) || btr_span_equal(name, BTR_SPAN("ppid")) ||
             btr_span_equal(name, BTR_SPAN("opid")))
        pid_put(w, value, 10);
    else if (btr_span_equal(name, BTR_SPAN("exit")) && returns_pid(w->syscall))
        pid_put(w, value, 10);
    else if (name.size == 2 && name.at[0] == 'a' && takes_pid(w->syscall, (char)name.at[1]))
        pid_put(w, value, 16);
    else if (btr_span_equal(name, BTR_SPAN("inode")))
        number_put(w, value, fleet_inode_shift(w->place.site));
    else if (btr_span_equal(name, BTR_SPAN("ses")) || btr_span_equal(name, BTR_SPAN("old-ses")))
        number_put(w, value, w->place.day * UINT64_C(100));
    else if (btr_span_equal(name, BTR_SPAN("saddr")))
        address_put(w, value);
    else
        path_put(w, value);
}

/* ---- Lines ---------------------------------------------------------------------------------- */

/* The number after ` name=`; UINT64_MAX when the line has none. */
static uint64_t number_in(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : UINT64_MAX;
}

static bool is_attack(struct rewriter *w, const char *line)
{
    const char *colon = strchr(line, ':');
    uint64_t serial = colon ? strtoull(colon + 1, NULL, 10) : 0;
    uint64_t pid = number_in(line, " pid=");
    bool drop = serial != 0 && w->dropped[serial % DROPPED_SERIALS] == serial;
    for (uint32_t i = 0; !drop && i < w->attack.count; i++) {
        const struct fleet_attack_range *r = &w->attack.ranges[i];
        drop = serial >= r->first && serial <= r->last && (r->pid == 0 || r->pid == pid) &&
               strcmp(r->host, w->host) == 0;
    }
    if (drop)
        w->dropped[serial % DROPPED_SERIALS] = serial;
    return drop;
}

/* Fields are parted by blanks; what a quoted value holds of those is passed on as it is. */
static bool line_rewrite(struct rewriter *w, struct btr_span line, FILE *to)
{
    uint64_t syscall = number_in((const char *)line.at, " syscall=");
    w->syscall = syscall == UINT64_MAX ? 0 : (unsigned long)syscall;
    btr_buffer_clear(&w->out);
    for (size_t at = 0; at < line.size;) {
        size_t end = at, equals;
        while (end < line.size && line.at[end] != ' ')
            end++;
        for (equals = at; equals < end && line.at[equals] != '=';)
            equals++;
        if (equals == end)
            btr_buffer_put(&w->out, line.at + at, end - at);
        else
            field_put(w, (struct btr_span){line.at + at, equals - at},
                      (struct btr_span){line.at + equals + 1, end - equals - 1});
        if (end < line.size)
            btr_buffer_text(&w->out, " ");
        at = end + 1;
    }
    return !w->out.failed && fwrite(w->out.at, 1, w->out.size, to) == w->out.size &&
           fputc('\n', to) != EOF;
}

static int rewrite(struct rewriter *w)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    bool ok = true, drops = fleet_unit_salt(w->place) != 0;
    while (ok && (size = getline(&line, &capacity, stdin)) > 0) {
        if (line[size - 1] == '\n')
            line[--size] = '\0';
        if (!drops || !is_attack(w, line))
            ok = line_rewrite(w, (struct btr_span){(const uint8_t *)line, (size_t)size}, stdout);
    }
    free(line);
    return ok && fflush(stdout) == 0 ? 0 : 3;
}

static bool number_of(const char *text, uint64_t most, uint64_t *out)
{
    return btr_span_number(btr_span_of(text), 10, out) && *out < most;
}

int main(int argc, char **argv)
{
    static struct rewriter w;
    struct btr_err err = {0};
    uint64_t site, day;
    if (argc < 4 || argc > 5 || !number_of(argv[1], FLEET_SITES_MAX, &site) ||
        !number_of(argv[2], FLEET_DAYS_MAX, &day)) {
        fprintf(stderr, "usage: bench_fleet_records SITE DAY HOST [ATTACK] <LOG >LOG\n");
        return 2;
    }
    w.place = (struct fleet_place){(uint32_t)site, (uint32_t)day};
    w.records_a_day = 10000000;
    w.host = argv[3];
    int rc = argc == 5 ? fleet_attack_read(&w.attack, argv[4], &err) : 0;
    if (rc < 0)
        fprintf(stderr, "bench_fleet_records: %s\n", err.text);
    rc = rc < 0 ? 3 : rewrite(&w);
    fleet_attack_fini(&w.attack);
    btr_buffer_fini(&w.out);
    return rc;
}
