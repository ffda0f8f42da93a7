/*
 * Prints what a store holds in a form that does not depend on how often it was published or in
 * which segment things lie: one line an event, gap, quarantined record and input, to be sorted and
 * compared. Times of reading are left out.
 */
#include <btr/escape.h>
#include <btr/store.h>
#include <stdio.h>

static void text_print(struct btr_span text)
{
    struct btr_buffer out = {0};
    btr_escape_terminal(&out, text);
    printf("\t%.*s", (int)out.size, out.at ? (const char *)out.at : "");
    btr_buffer_fini(&out);
}

static int event_print(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    char subject[BTR_ID_TEXT_SIZE], object[BTR_ID_TEXT_SIZE];
    const struct btr_event *e = &full->event;
    (void)self;
    (void)ref;
    btr_id_text(e->subject, subject);
    btr_id_text(e->object, object);
    printf("event\t%s\t%s\t%s\t%lld\t%lld\t%lld\t%llu\t%llu\t%llu\t%u\t%u",
           btr_operation_word(e->operation), subject, object, (long long)e->time_ns,
           (long long)e->first_ns, (long long)e->last_ns, (unsigned long long)e->bytes,
           (unsigned long long)e->record_id, (unsigned long long)e->line, e->doubt, e->flags);
    text_print(full->host);
    text_print(full->source);
    text_print(full->input);
    printf("\n");
    return 0;
}

static int gap_print(void *self, const struct btr_gap_full *full)
{
    const struct btr_gap *g = &full->gap;
    (void)self;
    printf("gap\t%s\t%lld\t%lld\t%llu\t%llu\t%llu\t%llu", btr_gap_word(g->kind),
           (long long)g->from_ns, (long long)g->until_ns, (unsigned long long)g->from_id,
           (unsigned long long)g->until_id, (unsigned long long)g->count,
           (unsigned long long)g->line);
    text_print(full->host);
    text_print(full->source);
    text_print(full->input);
    text_print(g->why);
    printf("\n");
    return 0;
}

static int quarantined_print(void *self, const struct btr_quarantined_full *full)
{
    const struct btr_quarantined *q = &full->record;
    (void)self;
    printf("quarantined\t%llu\t%llu\t%llu", (unsigned long long)q->line,
           (unsigned long long)q->offset, (unsigned long long)q->record_size);
    text_print(full->host);
    text_print(full->input);
    text_print(q->reason);
    text_print(q->record);
    printf("\n");
    return 0;
}

static int input_print(void *self, const struct btr_input *in)
{
    (void)self;
    printf("input\t%llu\t%016llx\t%llu\t%llu\t%llu\t%d\t", (unsigned long long)in->file_size,
           (unsigned long long)in->head_hash, (unsigned long long)in->content_size,
           (unsigned long long)in->content_lines, (unsigned long long)in->records, in->complete);
    for (size_t i = 0; i < 2 * sizeof in->file_sha256; i++)
        printf("%02x", i < sizeof in->file_sha256 ? in->file_sha256[i]
                                                  : in->content_sha256[i - sizeof in->file_sha256]);
    text_print(in->name);
    text_print(in->host);
    text_print(in->format);
    text_print(in->case_id);
    printf("\n");
    return 0;
}

static int entity_print(void *self, const struct btr_entity *entity)
{
    char id[BTR_ID_TEXT_SIZE];
    (void)self;
    btr_id_text(entity->id, id);
    printf("entity\t%s\t%s\t%u\t%lld\t%lld\t%llu", id, btr_kind_word(entity->kind), entity->flags,
           (long long)entity->first_ns, (long long)entity->last_ns,
           (unsigned long long)entity->event_count);
    text_print(entity->host);
    for (uint32_t i = 0; i < entity->attr_count; i++) {
        printf("\t%s@%lld", btr_attr_name(entity->attrs[i].key),
               (long long)entity->attrs[i].since_ns);
        text_print(entity->attrs[i].value);
    }
    printf("\n");
    return 0;
}

static int store_print(struct btr_reader *reader, struct btr_err *err)
{
    const struct btr_span all = {0};
    int rc = btr_reader_events(reader, INT64_MIN, INT64_MAX, all, event_print, NULL, err);
    if (rc == 0)
        rc = btr_reader_entities(reader, BTR_KIND_NONE, INT64_MIN, INT64_MAX, entity_print, NULL,
                                 err);
    if (rc == 0)
        rc = btr_reader_gaps(reader, gap_print, NULL, err);
    if (rc == 0)
        rc = btr_reader_quarantine(reader, quarantined_print, NULL, err);
    if (rc == 0)
        rc = btr_reader_inputs(reader, input_print, NULL, err);
    return rc;
}

int main(int argc, char **argv)
{
    struct btr_reader *reader = NULL;
    struct btr_err err = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: dump_store STORE\n");
        return 2;
    }
    const char *const paths[] = {argv[1]};
    int rc = btr_reader_open(&reader, paths, 1, &err);
    if (rc == 0)
        rc = store_print(reader, &err);
    if (rc != 0)
        fprintf(stderr, "%s: %s\n", argv[1], err.text[0] ? err.text : btr_code_text(rc));
    btr_reader_close(reader);
    return rc == 0 ? 0 : 3;
}
