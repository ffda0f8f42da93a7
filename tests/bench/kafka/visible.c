/*
 * How long after the time of an event a reader of the store sees it: of hosts that send with the
 * times of now. Polls the store, and takes the delay of each record that appears. It rests three
 * times as long as it took to look, at least 20 ms, so that what it measures has the machine.
 * bench_kafka_visible STORE SECONDS [PREFIX]   of hosts whose names begin so
 */
#include <btr/clock.h>
#include <btr/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REST_MS = 20, REST_SHARE = 3, LAG_MAX_MS = 600000, HOSTS_MAX = 1 << 20 };

struct watch {
    const char *store;
    int64_t now_ms; /* when the snapshot in hand was opened */
    const char *prefix;
    struct btr_idmap hosts;
    uint64_t *ids; /* by host: the last record that was seen */
    uint32_t lags[LAG_MAX_MS + 1];
    uint64_t seen, polls;
    int64_t newest_ns;
};

static uint64_t *id_of(struct watch *w, struct btr_span host)
{
    struct btr_id id = btr_id_of(&host, 1);
    uint32_t at = btr_idmap_get(&w->hosts, id);
    if (at == UINT32_MAX) {
        at = w->hosts.count;
        if (at == HOSTS_MAX || btr_idmap_add(&w->hosts, id, at) == UINT32_MAX)
            return NULL;
    }
    return &w->ids[at];
}

static int event_see(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct watch *w = self;
    (void)ref;
    if (!btr_span_begins(full->host, btr_span_of(w->prefix)))
        return 0;
    uint64_t *last = id_of(w, full->host), id = full->event.record_id;
    if (!last || id <= *last)
        return 0;
    *last = id;
    if (full->event.time_ns > w->newest_ns)
        w->newest_ns = full->event.time_ns;
    int64_t lag = w->now_ms - full->event.time_ns / 1000000;
    w->lags[lag < 0 ? 0 : lag > LAG_MAX_MS ? LAG_MAX_MS : lag]++;
    w->seen++;
    return 0;
}

/* @return 0, or why the store cannot be read (it may not be there yet) */
static int look(struct watch *w, struct btr_err *err)
{
    struct btr_reader *reader = NULL;
    int rc = btr_reader_open(&reader, &w->store, 1, err);
    w->now_ms = btr_wall_ns() / 1000000;
    /* Hosts lag behind each other by a few seconds at most. */
    int64_t since_ns = w->newest_ns - INT64_C(3000000000);
    if (rc == 0)
        rc =
            btr_reader_events(reader, since_ns, INT64_MAX, (struct btr_span){0}, event_see, w, err);
    btr_reader_close(reader);
    w->polls++;
    return rc;
}

static int percentile(const struct watch *w, double part)
{
    uint64_t below = 0;
    for (int i = 0; i <= LAG_MAX_MS; i++)
        if ((double)(below += w->lags[i]) >= part * (double)w->seen)
            return i;
    return LAG_MAX_MS;
}

int main(int argc, char **argv)
{
    static struct watch w;
    struct btr_err err = {0};
    uint64_t seconds;
    if (argc < 3 || argc > 4 || !btr_span_number(btr_span_of(argv[2]), 10, &seconds)) {
        fputs("usage: bench_kafka_visible STORE SECONDS [PREFIX]\n", stderr);
        return 2;
    }
    w.store = argv[1];
    w.prefix = argc > 3 ? argv[3] : "";
    w.ids = calloc(HOSTS_MAX, sizeof *w.ids);
    int64_t until_ns = btr_monotonic_ns() + (int64_t)seconds * 1000000000;
    int rc = w.ids ? 0 : BTR_E_NOMEM;
    while (btr_monotonic_ns() < until_ns && (rc == 0 || rc == BTR_E_NOTFOUND)) {
        int64_t began_ns = btr_monotonic_ns();
        rc = look(&w, &err);
        int64_t rest_ns = REST_SHARE * (btr_monotonic_ns() - began_ns) + REST_MS * 1000000;
        (void)nanosleep(&(struct timespec){rest_ns / 1000000000, rest_ns % 1000000000}, NULL);
    }
    if (rc < 0)
        fprintf(stderr, "bench_kafka_visible: %s\n", err.text);
    printf("{\"records\": %llu, \"hosts\": %u, \"polls\": %llu, \"p50_ms\": %d, \"p90_ms\": %d, "
           "\"p99_ms\": %d, \"most_ms\": %d}\n",
           (unsigned long long)w.seen, w.hosts.count, (unsigned long long)w.polls,
           percentile(&w, 0.5), percentile(&w, 0.9), percentile(&w, 0.99), percentile(&w, 1));
    return rc < 0 ? 1 : 0;
}
