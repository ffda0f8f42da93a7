/* What the sources of a store tell of reads and writes. */
#include <btr/content.h>
#include <btr/list.h>
#include <stdlib.h>

struct told {
    struct btr_stream stream;
    struct btr_content_source is;
};

struct btr_reader_content {
    struct btr_reader *reader;
    struct told *told; /* by host and source */
    uint32_t told_count, told_capacity;
    uint32_t *of_source; /* by the number of a source, its place in `told` plus 1; 0: not asked */
    uint32_t source_capacity;
};

static int told_add(void *self, const struct btr_source_stat *stat)
{
    struct btr_reader_content *c = self;
    if (!btr_list_room(&c->told, c->told_count, &c->told_capacity, 64, sizeof *c->told))
        return BTR_E_NOMEM;
    c->told[c->told_count++] =
        (struct told){{stat->host, stat->source}, {stat->reads_told, stat->writes_told}};
    return 0;
}

int btr_reader_content_open(struct btr_reader_content **out, struct btr_reader *reader,
                            struct btr_err *err)
{
    struct btr_reader_content *c = calloc(1, sizeof *c);
    if (!c)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what sources tell");
    c->reader = reader;
    int rc = btr_reader_sources(reader, told_add, c, err);
    if (rc == 0)
        *out = c;
    else
        btr_reader_content_close(c);
    return rc;
}

static bool room_for(struct btr_reader_content *c, uint32_t source)
{
    if (source < c->source_capacity)
        return true;
    uint32_t capacity = c->source_capacity ? c->source_capacity : 64;
    while (capacity <= source)
        capacity *= 2;
    uint32_t *grown = realloc(c->of_source, capacity * sizeof *grown);
    if (!grown)
        return false;
    for (uint32_t i = c->source_capacity; i < capacity; i++)
        grown[i] = 0;
    c->of_source = grown;
    c->source_capacity = capacity;
    return true;
}

static uint32_t told_find(const struct btr_reader_content *c, struct btr_stream stream)
{
    uint32_t i = 0;
    while (i < c->told_count && !(btr_span_equal(c->told[i].stream.host, stream.host) &&
                                  btr_span_equal(c->told[i].stream.source, stream.source)))
        i++;
    return i;
}

/* Of a source that nothing is told of, opens count as what they allow. */
static int source_find(void *self, uint32_t source, struct btr_content_source *out,
                       struct btr_err *err)
{
    struct btr_reader_content *c = self;
    if (source >= UINT32_MAX / 2)
        return 0;
    if (!room_for(c, source))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what %u sources tell", source);
    if (!c->of_source[source])
        c->of_source[source] = told_find(c, btr_reader_source(c->reader, source)) + 1;
    uint32_t at = c->of_source[source] - 1;
    *out = at < c->told_count ? c->told[at].is : (struct btr_content_source){0};
    return 0;
}

struct btr_content_sources btr_content_sources_of_reader(struct btr_reader_content *content)
{
    return (struct btr_content_sources){content, source_find};
}

void btr_reader_content_close(struct btr_reader_content *c)
{
    if (!c)
        return;
    free(c->told);
    free(c->of_source);
    free(c);
}
