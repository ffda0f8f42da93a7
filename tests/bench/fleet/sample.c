/*
 * Picks alerts to start from: processes and files of a store, seeded, so that the same ones come
 * each time. Prints lines "ID KIND LAST_NS". With "first" only those of site 0.
 */
#include <btr/store.h>
#include <stdio.h>
#include <stdlib.h>

#include "shape.h"

struct pick {
    struct btr_id order; /* the id, mixed with the seed */
    struct btr_id id;
    int64_t last_ns;
    uint8_t kind;
};

struct sample {
    struct pick *picks; /* room for twice `count` */
    size_t pick_count, count;
    uint64_t seed;
    bool first_site;
};

static int pick_compare(const void *left, const void *right)
{
    const struct pick *a = left, *b = right;
    return btr_id_compare(a->order, b->order);
}

/* Keeps the least ones. */
static void sample_cut(struct sample *s)
{
    qsort(s->picks, s->pick_count, sizeof(*s->picks), pick_compare);
    if (s->pick_count > s->count)
        s->pick_count = s->count;
}

/* Whether a host name ends in "-s" and a number, as those of all sites but the first do. */
static bool is_cloned(struct btr_span host)
{
    size_t end = host.size;
    while (end > 0 && host.at[end - 1] >= '0' && host.at[end - 1] <= '9')
        end--;
    return end >= 2 && end < host.size && host.at[end - 1] == 's' && host.at[end - 2] == '-';
}

static int entity_visit(void *self, const struct btr_entity *e)
{
    struct sample *s = self;
    if ((e->kind != BTR_KIND_PROCESS && e->kind != BTR_KIND_FILE) || e->event_count == 0 ||
        (s->first_site && is_cloned(e->host)))
        return 0;
    s->picks[s->pick_count++] =
        (struct pick){fleet_id_mix(e->id, s->seed), e->id, e->last_ns, e->kind};
    if (s->pick_count == 2 * s->count)
        sample_cut(s);
    return 0;
}

static int sample_take(struct sample *s, const char *store, struct btr_err *err)
{
    struct btr_reader *reader = NULL;
    int rc = btr_reader_open(&reader, &store, 1, err);
    if (rc == 0)
        rc = btr_reader_entities(reader, BTR_KIND_NONE, INT64_MIN, INT64_MAX, entity_visit, s, err);
    btr_reader_close(reader);
    sample_cut(s);
    return rc;
}

int main(int argc, char **argv)
{
    struct sample s = {0};
    struct btr_err err = {0};
    uint64_t count;
    if (argc < 4 || argc > 5 || !btr_span_number(btr_span_of(argv[2]), 10, &s.seed) ||
        !btr_span_number(btr_span_of(argv[3]), 10, &count) || count == 0 || count > 1000000 ||
        (argc == 5 && strcmp(argv[4], "first") != 0)) {
        fprintf(stderr, "usage: bench_fleet_sample STORE SEED COUNT [first]\n");
        return 2;
    }
    s.count = (size_t)count;
    s.first_site = argc == 5;
    s.picks = calloc(2 * s.count, sizeof(*s.picks));
    int rc = s.picks ? sample_take(&s, argv[1], &err)
                     : btr_fail(&err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    for (size_t i = 0; rc == 0 && i < s.pick_count; i++) {
        char id[BTR_ID_TEXT_SIZE];
        btr_id_text(s.picks[i].id, id);
        printf("%s %s %lld\n", id, btr_kind_word(s.picks[i].kind), (long long)s.picks[i].last_ns);
    }
    if (rc != 0)
        fprintf(stderr, "bench_fleet_sample: %s\n", err.text[0] ? err.text : btr_code_text(rc));
    free(s.picks);
    return rc == 0 ? 0 : 3;
}
