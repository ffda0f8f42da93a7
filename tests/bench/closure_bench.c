/*
 * A backward closure over a store in its parts: opening, walk, answer, JSON. The first round is
 * cold, the others warm: the same reader answers again. Prints one line of JSON a round: processor
 * milliseconds of each part, and the peak of memory until then. Usage: closure_bench STORE SPEC
 * [ROUNDS]
 */
#include <btr/answer.h>
#include <btr/filter.h>
#include <btr/trace.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

struct clocked {
    double walk_ms, answer_ms, json_ms;
    uint64_t step_count, json_size;
    uint32_t node_count;
};

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static int start_find(struct btr_reader *reader, const char *text, struct btr_start *start,
                      struct btr_err *err)
{
    struct btr_spec spec;
    struct btr_spec_match match;
    struct btr_buffer candidates = {0};
    int rc = btr_spec_parse(&spec, btr_span_of(text), err);
    if (rc == 0)
        rc = btr_spec_resolve(reader, &spec, INT64_MIN, &match, &candidates, err);
    btr_buffer_fini(&candidates);
    if (rc == 0)
        *start = (struct btr_start){match.entity, match.time_ns, match.source};
    return rc;
}

static uint64_t drained; /* bytes */

static bool drain(struct btr_buffer *out)
{
    drained += out->size;
    btr_buffer_clear(out);
    return true;
}

static const struct btr_export *json_export(void)
{
    const struct btr_export *e = btr_exports;
    while (strcmp(e->name, "json") != 0)
        e++;
    return e;
}

static int round_run(struct btr_reader *reader, const char *text, struct clocked *c,
                     struct btr_err *err)
{
    struct btr_span spec = btr_span_of(text);
    struct btr_answer_options options = {
        .strategy = BTR_SPAN("backtracker"), .specs = &spec, .edges = true, .drain = drain};
    struct btr_edges edges = btr_edges_of_reader(reader);
    struct btr_start start;
    struct btr_trace *trace = NULL;
    struct btr_answer *answer = NULL;
    struct btr_buffer out = {0};
    int rc = start_find(reader, text, &start, err);
    double at = cpu_ms();
    if (rc == 0)
        rc = btr_walk(&trace, &edges, BTR_WALK_BACKWARD, &start, 1, NULL, err);
    c->walk_ms = cpu_ms() - at;
    at = cpu_ms();
    if (rc == 0)
        rc = btr_answer_make(&answer, reader, trace, BTR_WALK_BACKWARD, &start, 1, &options, err);
    c->answer_ms = cpu_ms() - at;
    at = cpu_ms();
    if (rc == 0)
        rc = json_export()->write(answer, false, &out, err);
    c->json_ms = cpu_ms() - at;
    c->json_size = drained + out.size;
    drained = 0;
    if (rc == 0) {
        c->node_count = trace->node_count;
        c->step_count = trace->step_count;
    }
    btr_buffer_fini(&out);
    btr_answer_free(answer);
    btr_trace_free(trace);
    return rc;
}

static void round_say(const struct clocked *c, double open_ms)
{
    printf("{\"nodes\": %u, \"steps\": %llu, \"open_ms\": %.1f, \"walk_ms\": %.1f, "
           "\"answer_ms\": %.1f, \"json_ms\": %.1f, \"json_bytes\": %llu, \"peak_mib\": %.0f}\n",
           c->node_count, (unsigned long long)c->step_count, open_ms, c->walk_ms, c->answer_ms,
           c->json_ms, (unsigned long long)c->json_size, peak_mib());
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct btr_reader *reader = NULL;
    struct btr_err err;
    unsigned long rounds = argc == 4 ? strtoul(argv[3], NULL, 10) : 3;
    if (argc < 3 || argc > 4 || rounds == 0 || rounds > 1000) {
        fputs("usage: closure_bench STORE SPEC [ROUNDS]\n", stderr);
        return 2;
    }
    double at = cpu_ms();
    const char *path = argv[1];
    int rc = btr_reader_open(&reader, &path, 1, &err);
    double open_ms = cpu_ms() - at;
    for (unsigned long i = 0; rc == 0 && i < rounds; i++) {
        struct clocked c = {0};
        rc = round_run(reader, argv[2], &c, &err);
        if (rc == 0)
            round_say(&c, open_ms);
    }
    btr_reader_close(reader);
    if (rc < 0)
        fprintf(stderr, "closure_bench: %s\n", err.text);
    return rc < 0;
}
