/* Sections strings, streams, inputs, entities (docs/FORMAT.md). */
#include "seal.h"

static bool attr_before(const void *self, uint32_t a, uint32_t b)
{
    const struct store_builder *builder = self;
    const struct builder_attr *x = &builder->attrs[a], *y = &builder->attrs[b];
    if (x->key != y->key)
        return x->key < y->key;
    if (x->since_ns != y->since_ns)
        return x->since_ns < y->since_ns;
    return x->value != y->value &&
           btr_span_compare(store_strings_at(&builder->strings, x->value),
                            store_strings_at(&builder->strings, y->value)) < 0;
}

static void string_use(struct store_sealer *s, uint32_t string)
{
    if (s->string_of[string] != UINT32_MAX)
        return;
    s->string_of[string] = s->used_string_count;
    s->used_strings[s->used_string_count++] = string;
}

/*
 * Sorts the attributes of one entity and drops those told twice. A value that only comes again
 * later must stay: another segment may tell a different one between. @return how many stay
 */
static uint32_t attrs_settle(struct store_sealer *s, uint32_t *group, uint32_t count, uint32_t *to)
{
    const struct builder_attr *attrs = s->builder->attrs;
    uint32_t kept = 0;
    store_sort(group, count, s->scratch, attr_before, s->builder);
    for (uint32_t i = 0; i < count; i++) {
        const struct builder_attr *a = &attrs[group[i]];
        const struct builder_attr *last = kept > 0 ? &attrs[to[kept - 1]] : NULL;
        if (!last || last->key != a->key || last->since_ns != a->since_ns ||
            last->value != a->value)
            to[kept++] = group[i];
    }
    return kept;
}

void store_seal_attrs(struct store_sealer *s)
{
    const struct store_builder *b = s->builder;
    uint32_t *begin = s->attr_begin, kept = 0;
    memset(begin, 0, ((size_t)b->entity_count + 1) * sizeof(*begin));
    for (uint32_t i = 0; i < b->attr_count; i++)
        begin[s->number_of[b->attrs[i].entity] + 1]++;
    for (uint32_t n = 0; n < b->entity_count; n++)
        begin[n + 1] += begin[n];
    for (uint32_t i = 0; i < b->attr_count; i++) /* moves each begin to its end */
        s->attr_order[begin[s->number_of[b->attrs[i].entity]]++] = i;

    s->used_string_count = 0;
    memset(s->string_of, 0xff, b->strings.count * sizeof(*s->string_of));
    for (uint32_t n = 0; n < b->entity_count; n++)
        if (b->entities[s->entity_of[n]].host > 0)
            string_use(s, b->entities[s->entity_of[n]].host - 1);
    uint32_t from = 0;
    for (uint32_t n = 0; n < b->entity_count; n++) {
        uint32_t end = begin[n];
        begin[n] = kept;
        kept += attrs_settle(s, s->attr_order + from, end - from, s->attr_order + kept);
        from = end;
        for (uint32_t i = begin[n]; i < kept; i++)
            string_use(s, b->attrs[s->attr_order[i]].value);
    }
    begin[b->entity_count] = kept;
    s->attr_count = kept;
}

static uint32_t shared_prefix(struct btr_span a, struct btr_span b)
{
    size_t most = a.size < b.size ? a.size : b.size, n = 0;
    while (n < most && a.at[n] == b.at[n])
        n++;
    return (uint32_t)n;
}

static struct btr_span used_string(const struct store_sealer *s, uint32_t number)
{
    return store_strings_at(&s->builder->strings, s->used_strings[number]);
}

/* Strings begin..end: columns of shared prefixes, of the sizes of the rest, and the rests. */
static void strings_put(struct store_sealer *s, uint32_t begin, uint32_t end)
{
    struct btr_buffer *raw = &s->packer.raw;
    for (uint32_t i = begin; i < end; i++) {
        uint32_t shared = i == begin ? 0 : shared_prefix(used_string(s, i - 1), used_string(s, i));
        s->scratch[i - begin] = shared; /* strings used are at most attributes and entities */
        btr_buffer_varint(raw, shared);
    }
    for (uint32_t i = begin; i < end; i++)
        btr_buffer_varint(raw, used_string(s, i).size - s->scratch[i - begin]);
    for (uint32_t i = begin; i < end; i++) {
        struct btr_span text = used_string(s, i);
        uint32_t shared = s->scratch[i - begin];
        btr_buffer_put(raw, shared < text.size ? text.at + shared : NULL, text.size - shared);
    }
}

static int strings_section(struct store_sealer *s, struct btr_err *err)
{
    int rc = 0;
    store_section_begin_trained(&s->packer, STORE_STRINGS);
    for (uint32_t at = 0; rc == 0 && at < s->used_string_count;) {
        uint32_t end = at;
        size_t size = 0;
        while (end < s->used_string_count && size < STORE_STRING_BLOCK_SIZE)
            size += used_string(s, end++).size + 2;
        strings_put(s, at, end);
        rc = store_section_block(&s->packer, end - at, err);
        at = end;
    }
    store_section_end(&s->packer);
    return rc;
}

static void text_put(struct btr_buffer *raw, struct btr_span text)
{
    btr_buffer_varint(raw, text.size);
    btr_buffer_span(raw, text);
}

int store_seal_names(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    struct btr_buffer *raw = &s->packer.raw;
    int rc = strings_section(s, err);
    store_section_begin(&s->packer, STORE_STREAMS, 0);
    for (uint32_t i = 0; i < b->stream_count; i++) {
        text_put(raw, store_strings_at(&b->strings, b->streams[i].host));
        text_put(raw, store_strings_at(&b->strings, b->streams[i].source));
        btr_buffer_varint(raw, b->streams[i].input);
    }
    if (rc == 0)
        rc = store_section_block(&s->packer, b->stream_count, err);
    store_section_end(&s->packer);
    store_section_begin(&s->packer, STORE_INPUTS, 0);
    for (uint32_t i = 0; i < b->input_count; i++) {
        text_put(raw, s->inputs[i].name);
        btr_buffer_u64(raw, s->inputs[i].head_hash);
        btr_buffer_varint(raw, b->inputs[i].record_count);
    }
    if (rc == 0)
        rc = store_section_block(&s->packer, b->input_count, err);
    store_section_end(&s->packer);
    return rc;
}

static const struct builder_entity *entity_at(const struct store_sealer *s, uint32_t number)
{
    return &s->builder->entities[s->entity_of[number]];
}

static void attrs_put(struct store_sealer *s, uint32_t begin, uint32_t end, uint32_t *next_string)
{
    struct btr_buffer *raw = &s->packer.raw;
    const struct builder_attr *attrs = s->builder->attrs;
    for (uint32_t i = s->attr_begin[begin]; i < s->attr_begin[end]; i++)
        btr_buffer_varint(raw, attrs[s->attr_order[i]].key);
    for (uint32_t i = s->attr_begin[begin]; i < s->attr_begin[end]; i++) {
        uint32_t string = s->string_of[attrs[s->attr_order[i]].value];
        btr_buffer_varint(raw, string == *next_string ? 0 : (uint64_t)string + 1);
        *next_string += string == *next_string;
    }
    for (uint32_t n = begin; n < end; n++)
        for (uint32_t i = s->attr_begin[n]; i < s->attr_begin[n + 1]; i++)
            btr_buffer_varint(raw, store_zigzag((uint64_t)attrs[s->attr_order[i]].since_ns -
                                                (uint64_t)s->entity_first[n]));
}

/* Entities begin..end as columns, and their attributes. */
static void rows_put(struct store_sealer *s, uint32_t begin, uint32_t end, uint32_t *next_string)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint64_t before = 0;
    btr_buffer_varint(raw, *next_string);
    for (uint32_t n = begin; n < end; n++)
        btr_buffer_u8(raw, entity_at(s, n)->flags);
    for (uint32_t n = begin; n < end; n++) {
        uint32_t host = entity_at(s, n)->host;
        btr_buffer_varint(raw, host == 0 ? 0 : (uint64_t)s->string_of[host - 1] + 1);
    }
    for (uint32_t n = begin; n < end; n++) {
        btr_buffer_varint(raw, store_zigzag((uint64_t)s->entity_first[n] - before));
        before = (uint64_t)s->entity_first[n];
    }
    for (uint32_t n = begin; n < end; n++)
        btr_buffer_varint(raw, (uint64_t)s->entity_last[n] - (uint64_t)s->entity_first[n]);
    for (uint32_t n = begin; n < end; n++)
        btr_buffer_varint(raw, s->entity_events[n]);
    for (uint32_t n = begin; n < end; n++)
        btr_buffer_varint(raw, s->attr_begin[n + 1] - s->attr_begin[n]);
    attrs_put(s, begin, end, next_string);
}

/* Strings that hosts use are numbered before those of attributes. */
static uint32_t host_strings(const struct store_sealer *s)
{
    uint32_t most = 0;
    for (uint32_t n = 0; n < s->builder->entity_count; n++) {
        uint32_t host = entity_at(s, n)->host;
        if (host > 0 && s->string_of[host - 1] + 1 > most)
            most = s->string_of[host - 1] + 1;
    }
    return most;
}

int store_seal_entities(struct store_sealer *s, struct btr_err *err)
{
    uint32_t count = s->builder->entity_count, next_string = host_strings(s);
    int rc = 0;
    store_section_begin_trained(&s->packer, STORE_ENTITIES);
    for (uint32_t at = 0; rc == 0 && at < count;) {
        uint32_t end = count - at < STORE_ENTITY_ROWS ? count : at + STORE_ENTITY_ROWS;
        rows_put(s, at, end, &next_string);
        rc = store_section_block(&s->packer, end - at, err);
        at = end;
    }
    store_section_end(&s->packer);
    return rc;
}
