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
    uint64_t sites = 1, days = 1, publish = 0;
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
        else if (strcmp(argv[i], "--publish") == 0)
            ok = number_parse(argv[++i], FLEET_PUBLISH_EVENTS, &publish);
        else if (argv[i][0] != '-' && a->plan.recording_count < RECORDINGS_MAX)
            a->recordings[a->plan.recording_count++] = argv[i];
        else
            ok = false;
        if (!ok)
            return false;
    }
    a->plan.sites = (uint32_t)sites;
    a->plan.days = (uint32_t)days;
    a->plan.publish_events = (uint32_t)publish;
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

/* What came of it. */
struct made {
    struct fleet_counts counts;
    struct btr_merge_stat merged;
    struct cost cost;
    double loaded_mib; /* peak memory when the recordings were loaded */
};

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

static int feed(const struct arguments *a, struct fleet_sink *nothing, struct made *made,
                struct btr_err *err)
{
    struct btr_writer *writer = NULL;
    made->loaded_mib = peak_mib();
    struct cost began = cost_now();
    int rc = a->store ? btr_writer_open(&writer, a->store, err) : 0;
    if (rc == 0)
        rc = fleet_feed(&a->plan, writer ? btr_writer_sink(writer) : &nothing->sink, &made->counts,
                        err);
    if (rc == 0 && writer)
        rc = btr_writer_merged(writer, &made->merged, err);
    btr_writer_close(writer);
    struct cost ended = cost_now();
    made->cost = (struct cost){ended.wall_s - began.wall_s, ended.cpu_s - began.cpu_s};
    return rc;
}

static void report(const struct arguments *a, const struct made *m,
                   const struct fleet_sink *nothing)
{
    const struct fleet_counts *n = &m->counts;
    printf("{\"sites\": %u, \"days\": %u, \"events\": %llu, \"notes\": %llu, \"attrs\": %llu, "
           "\"batches\": %llu, \"publishes\": %llu, ",
           a->plan.sites, a->plan.days, (unsigned long long)n->events, (unsigned long long)n->notes,
           (unsigned long long)n->attrs, (unsigned long long)n->batches,
           (unsigned long long)n->publishes);
    printf("\"wall_s\": %.3f, \"cpu_s\": %.3f, \"events_per_cpu_s\": %.0f, "
           "\"events_per_wall_s\": %.0f, \"loaded_mib\": %.1f, \"peak_mib\": %.1f, ",
           m->cost.wall_s, m->cost.cpu_s, (double)n->events / m->cost.cpu_s,
           (double)n->events / m->cost.wall_s, m->loaded_mib, peak_mib());
    printf("\"merges\": %llu, \"events_merged\": %llu", (unsigned long long)m->merged.merges,
           (unsigned long long)m->merged.event_count);
    if (a->digest)
        printf(", \"digest\": \"%016llx\"", (unsigned long long)nothing->digest);
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    struct fleet_recording recordings[RECORDINGS_MAX] = {0};
    struct fleet_sink nothing;
    struct made made = {0};
    struct btr_err err = {0};
    if (!arguments_parse(argc, argv, &a))
        return usage();
    fleet_sink_init(&nothing, a.digest);
    a.plan.recordings = recordings;
    int rc = recordings_load(&a, recordings, &err);
    if (rc == 0)
        rc = feed(&a, &nothing, &made, &err);
    if (rc == 0)
        report(&a, &made, &nothing);
    else
        fprintf(stderr, "bench_fleet: %s\n", err.text[0] ? err.text : btr_code_text(rc));
    for (uint32_t i = 0; i < a.plan.recording_count; i++)
        fleet_recording_fini(&recordings[i]);
    return rc == 0 ? 0 : 3;
}
