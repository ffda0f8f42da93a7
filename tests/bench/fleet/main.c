/*
 * Makes a fleet of recordings: N hosts x D days of one store, or the explosion (README.md).
 * Prints one line of JSON: what was made, and what it cost from decoded events to sealed.
 */
#include <btr/clock.h>
#include <btr/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "feed.h"
#include "sinks.h"

enum { RECORDINGS_MAX = 16 };

struct arguments {
    const char *store; /* NULL: none is written */
    bool digest;
    struct fleet_plan plan;
    char *recordings[RECORDINGS_MAX];
};

static int usage(void)
{
    fprintf(
        stderr,
        "usage: bench_fleet (--store DIR | --null | --digest) [--sites N] [--days N] "
        "[--events MOST] [--explosion] RECORDING[,ATTACK]...\n"
        "RECORDING: a store that `backtrail ingest` made; ATTACK: its attack, lines HOST PID FIRST "
        "LAST\n");
    return 2;
}

static bool number_parse(const char *text, uint64_t most, uint64_t *out)
{
    return text && btr_span_number(btr_span_of(text), 10, out) && *out > 0 && *out <= most;
}

static bool arguments_parse(int argc, char **argv, struct arguments *a)
{
    bool sink = false;
    uint64_t sites = 1, days = 1;
    for (int i = 1; i < argc; i++) {
        bool ok = true;
        if (strcmp(argv[i], "--store") == 0)
            ok = sink = (a->store = argv[++i]) != NULL;
        else if (strcmp(argv[i], "--null") == 0)
            sink = true;
        else if (strcmp(argv[i], "--digest") == 0)
            sink = a->digest = true;
        else if (strcmp(argv[i], "--explosion") == 0)
            a->plan.explosion = true;
        else if (strcmp(argv[i], "--sites") == 0)
            ok = number_parse(argv[++i], FLEET_SITES_MAX, &sites);
        else if (strcmp(argv[i], "--days") == 0)
            ok = number_parse(argv[++i], FLEET_DAYS_MAX, &days);
        else if (strcmp(argv[i], "--events") == 0)
            ok = number_parse(argv[++i], UINT64_MAX, &a->plan.events_max);
        else if (argv[i][0] != '-' && a->plan.recording_count < RECORDINGS_MAX)
            a->recordings[a->plan.recording_count++] = argv[i];
        else
            ok = false;
        if (!ok)
            return false;
    }
    a->plan.sites = (uint32_t)sites;
    a->plan.days = (uint32_t)days;
    return sink && a->plan.recording_count > 0 && (!a->plan.explosion || days == 1);
}

/* ---- Costs ---------------------------------------------------------------------------------- */

struct cost {
    double wall_s, cpu_s;
};

static struct cost cost_now(void)
{
    struct rusage u;
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    (void)getrusage(RUSAGE_SELF, &u);
    return (struct cost){(double)t.tv_sec + (double)t.tv_nsec / 1e9,
                         (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                             (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6};
}

static double peak_mib(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

/* ---- Running -------------------------------------------------------------------------------- */

static int recordings_load(struct arguments *a, struct fleet_recording *recordings,
                           struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < a->plan.recording_count; i++) {
        char *attack = strchr(a->recordings[i], ',');
        if (attack)
            *attack++ = '\0';
        rc = fleet_recording_load(&recordings[i], a->recordings[i], attack, err);
    }
    return rc;
}

static int feed(const struct arguments *a, struct fleet_sink *nothing, struct fleet_counts *counts,
                struct btr_err *err)
{
    struct btr_writer *writer = NULL;
    int rc = a->store ? btr_writer_open(&writer, a->store, err) : 0;
    if (rc == 0)
        rc = fleet_feed(&a->plan, writer ? btr_writer_sink(writer) : &nothing->sink, counts, err);
    btr_writer_close(writer);
    return rc;
}

static void report(const struct arguments *a, const struct fleet_counts *n, struct cost spent,
                   double loaded_mib, const struct fleet_sink *nothing)
{
    printf("{\"sites\": %u, \"days\": %u, \"events\": %llu, \"notes\": %llu, \"attrs\": %llu, "
           "\"batches\": %llu, \"publishes\": %llu, \"wall_s\": %.3f, \"cpu_s\": %.3f, "
           "\"events_per_cpu_s\": %.0f, \"events_per_wall_s\": %.0f, \"loaded_mib\": %.1f, "
           "\"peak_mib\": %.1f",
           a->plan.sites, a->plan.days, (unsigned long long)n->events, (unsigned long long)n->notes,
           (unsigned long long)n->attrs, (unsigned long long)n->batches,
           (unsigned long long)n->publishes, spent.wall_s, spent.cpu_s,
           (double)n->events / spent.cpu_s, (double)n->events / spent.wall_s, loaded_mib,
           peak_mib());
    if (a->digest)
        printf(", \"digest\": \"%016llx\"", (unsigned long long)nothing->digest);
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    struct fleet_recording recordings[RECORDINGS_MAX] = {0};
    struct fleet_sink nothing;
    struct fleet_counts counts = {0};
    struct btr_err err = {0};
    if (!arguments_parse(argc, argv, &a))
        return usage();
    fleet_sink_init(&nothing, a.digest);
    a.plan.recordings = recordings;
    int rc = recordings_load(&a, recordings, &err);
    double loaded_mib = peak_mib();
    struct cost began = cost_now();
    if (rc == 0)
        rc = feed(&a, &nothing, &counts, &err);
    struct cost ended = cost_now();
    if (rc == 0)
        report(&a, &counts, (struct cost){ended.wall_s - began.wall_s, ended.cpu_s - began.cpu_s},
               loaded_mib, &nothing);
    else
        fprintf(stderr, "bench_fleet: %s\n", err.text[0] ? err.text : btr_code_text(rc));
    for (uint32_t i = 0; i < a.plan.recording_count; i++)
        fleet_recording_fini(&recordings[i]);
    return rc == 0 ? 0 : 3;
}
