/*
 * dump_records STORE N: of every N-th event of a store the kept records, as
 *   "event<TAB>input<TAB>line<TAB>record id<TAB>count, or -1 when none is kept<TAB>left out"
 * and then the records, a line each.
 */
#include <btr/decoder.h>
#include <btr/kept.h>
#include <btr/store.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct dump {
    struct btr_kept *kept;
    uint64_t number, every;
};

static int event_dump(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct dump *d = self;
    struct btr_kept_found found;
    struct btr_err err;
    (void)ref;
    if (d->number++ % d->every != 0)
        return 0;
    struct btr_kept_place place = {full->input, full->input_digest, full->event.line,
                                   full->event.record_id};
    int rc = btr_kept_find(d->kept, &place, &found, &err);
    if (rc < 0 && rc != BTR_E_NOTFOUND) {
        (void)fprintf(stderr, "dump_records: %s\n", err.text);
        return rc;
    }
    printf("event\t%.*s\t%" PRIu64 "\t%" PRIu64 "\t%d\t%" PRIu64 "\n", (int)full->input.size,
           (const char *)full->input.at, full->event.line, full->event.record_id,
           rc < 0 ? -1 : (int)found.count, found.left_out);
    for (uint32_t i = 0; i < found.count; i++) {
        (void)fwrite(found.records[i].bytes.at, 1, found.records[i].bytes.size, stdout);
        (void)putchar('\n');
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct dump d = {.every = argc == 3 ? strtoull(argv[2], NULL, 10) : 0};
    struct btr_reader *reader = NULL;
    struct btr_err err;
    if (d.every == 0) {
        (void)fprintf(stderr, "usage: dump_records STORE N\n");
        return 2;
    }
    const char *path = argv[1];
    int rc = btr_reader_open(&reader, &path, 1, &err);
    if (rc == 0)
        rc = btr_kept_open(&d.kept, &path, 1, btr_decoder_event_key, &err);
    if (rc == 0)
        rc = btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, event_dump, &d,
                               &err);
    if (rc < 0)
        (void)fprintf(stderr, "dump_records: %s\n", err.text);
    btr_kept_close(d.kept);
    btr_reader_close(reader);
    return rc < 0 ? 3 : 0;
}
