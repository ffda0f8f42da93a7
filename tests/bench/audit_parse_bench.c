/**
 * Events per second of the audit text parser on one core, beside libauparse on the same events in
 * the same run. usage: audit_parse_bench FILE [ROUNDS] [EVENTS for libauparse]; the file is plain
 * text as auditd wrote it.
 */
#include <time.h>

#include "decode/audit/audit_event.h"
#ifdef BTR_HAVE_AUPARSE
#include <auparse.h>
#endif

enum { SLOTS = 1024, ROUNDS_DEFAULT = 5, EVENTS_DEFAULT = 50000 };

struct text {
    uint8_t *at;
    size_t size;
};

struct sums {
    uint64_t lines, events, refused, calls, paths;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool text_read(const char *path, struct text *out)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        return false;
    long size = ftell(f);
    rewind(f);
    out->at = malloc((size_t)size + 1);
    out->size = out->at ? fread(out->at, 1, (size_t)size, f) : 0;
    fclose(f);
    return out->at != NULL && out->size == (size_t)size;
}

static void drain(struct audit_assembler *a, struct audit_event *e, struct sums *sums)
{
    struct btr_span raw;
    uint64_t line;
    struct btr_err err;
    int rc;
    while ((rc = audit_assembler_next(a, e, &raw, &line, &err)) != 0) {
        if (rc < 0) {
            sums->refused++;
            continue;
        }
        sums->events++;
        sums->calls += e->call != AUDIT_CALL_OTHER;
        sums->paths += e->path_count;
    }
}

static void own_round(const struct text *text, struct audit_event *e, struct sums *sums)
{
    struct audit_assembler *a = audit_assembler_new(SLOTS, 16 << 20);
    const uint8_t *at = text->at, *end = text->at + text->size;
    *sums = (struct sums){0};
    while (a && at < end) {
        const uint8_t *close = memchr(at, '\n', (size_t)(end - at));
        close = close ? close : end;
        sums->lines++;
        if (audit_assembler_add(a, (struct btr_span){at, (size_t)(close - at)}, sums->lines, NULL) <
            0)
            sums->refused++;
        drain(a, e, sums);
        at = close + 1;
    }
    if (a) {
        audit_assembler_flush(a, INT64_MAX);
        drain(a, e, sums);
    }
    audit_assembler_free(a);
}

#ifdef BTR_HAVE_AUPARSE
/* What a program must do with libauparse to have the same fields: walk every field of every record.
 */
static double auparse_rate(const struct text *text, uint64_t events_max)
{
    size_t size = text->size;
    uint64_t events = 0, fields = 0;
    if (size > 4096 * (size_t)events_max)
        size = 4096 * (size_t)events_max;
    double begin = now_s();
    char *copy = strndup((const char *)text->at, size);
    auparse_state_t *au = copy ? auparse_init(AUSOURCE_BUFFER, copy) : NULL;
    while (au && events < events_max && auparse_next_event(au) > 0) {
        events++;
        if (auparse_first_record(au) <= 0)
            continue;
        do {
            if (auparse_first_field(au) <= 0)
                continue;
            do
                fields += auparse_get_field_str(au) != NULL;
            while (auparse_next_field(au) > 0);
        } while (auparse_next_record(au) > 0);
    }
    double seconds = now_s() - begin;
    if (au)
        auparse_destroy(au);
    free(copy);
    printf("libauparse: %llu events, %llu fields in %.3f s of CPU: %.0f events/s\n",
           (unsigned long long)events, (unsigned long long)fields, seconds,
           (double)events / seconds);
    return (double)events / seconds;
}
#endif

int main(int argc, char **argv)
{
    static struct audit_event event;
    struct text text;
    if (argc < 2 || !text_read(argv[1], &text)) {
        fprintf(stderr, "usage: audit_parse_bench FILE [ROUNDS] [EVENTS for libauparse]\n");
        return 2;
    }
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : ROUNDS_DEFAULT;
    double best = 1e30;
    struct sums sums = {0};
    for (unsigned long i = 0; i < rounds; i++) {
        double begin = now_s();
        own_round(&text, &event, &sums);
        double seconds = now_s() - begin;
        best = seconds < best ? seconds : best;
    }
    double rate = (double)sums.events / best;
    printf("%llu lines, %llu events (%llu known calls, %llu paths), %llu refused\n",
           (unsigned long long)sums.lines, (unsigned long long)sums.events,
           (unsigned long long)sums.calls, (unsigned long long)sums.paths,
           (unsigned long long)sums.refused);
    printf("this parser: best of %lu: %.3f s of CPU: %.0f events/s, %.0f ns an event, %.0f MB/s\n",
           rounds, best, rate, 1e9 * best / (double)sums.events, (double)text.size / best / 1e6);
#ifdef BTR_HAVE_AUPARSE
    double other = auparse_rate(&text, argc > 3 ? strtoul(argv[3], NULL, 10) : EVENTS_DEFAULT);
    printf("ratio: %.1f\n", rate / other);
#else
    printf("libauparse is not installed: no comparison\n");
#endif
    free(text.at);
    return 0;
}
