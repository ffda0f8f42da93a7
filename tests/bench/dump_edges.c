/*
 * Prints every information flow of a store, for other engines to walk over:
 *   e FROM TO FIRST_NS LAST_NS SOURCE     an event, read as a flow (one that goes both ways is two
 * lines) p A B FIRST_NS                        two halves of a connection, paired; both ways SOURCE
 * numbers host and agent.
 */
#include <btr/edges.h>
#include <btr/trace.h>

enum { SOURCES_MAX = 4096, SOURCE_NAME_SIZE = 600 };

struct dump {
    char sources[SOURCES_MAX][SOURCE_NAME_SIZE];
    uint32_t source_count;
    struct btr_idmap rendezvous; /* id -> index in rendezvous_ids */
    struct btr_id *rendezvous_ids;
    uint32_t rendezvous_capacity;
};

static uint32_t source_number(struct dump *dump, const struct btr_event_full *event)
{
    char name[SOURCE_NAME_SIZE];
    snprintf(name, sizeof(name), "%.*s/%.*s", (int)event->host.size, (const char *)event->host.at,
             (int)event->source.size, (const char *)event->source.at);
    for (uint32_t i = dump->source_count; i-- > 0;)
        if (strcmp(dump->sources[i], name) == 0)
            return i;
    if (dump->source_count == SOURCES_MAX)
        return SOURCES_MAX;
    memcpy(dump->sources[dump->source_count], name, sizeof(name));
    return dump->source_count++;
}

static void print_flow(struct btr_id from, struct btr_id to, const struct btr_event *e,
                       uint32_t source)
{
    char from_text[BTR_ID_TEXT_SIZE], to_text[BTR_ID_TEXT_SIZE];
    btr_id_text(from, from_text);
    btr_id_text(to, to_text);
    printf("e\t%s\t%s\t%lld\t%lld\t%u\n", from_text, to_text, (long long)e->first_ns,
           (long long)e->last_ns, source);
}

static bool remember_rendezvous(struct dump *dump, struct btr_id id)
{
    uint32_t next = dump->rendezvous.count;
    uint32_t index = btr_idmap_add(&dump->rendezvous, id, next);
    if (index == UINT32_MAX)
        return false;
    if (index != next)
        return true;
    if (next == dump->rendezvous_capacity) {
        uint32_t capacity = next == 0 ? 1024 : next * 2;
        struct btr_id *grown = realloc(dump->rendezvous_ids, capacity * sizeof(*grown));
        if (!grown)
            return false;
        dump->rendezvous_ids = grown;
        dump->rendezvous_capacity = capacity;
    }
    dump->rendezvous_ids[next] = id;
    return true;
}

static int visit_event(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    (void)ref;
    struct dump *dump = self;
    const struct btr_event *e = &full->event;
    enum btr_direction direction = btr_operation_direction(e->operation);
    uint32_t source = source_number(dump, full);
    if (direction == BTR_FLOW_MEET)
        return remember_rendezvous(dump, e->object) ? 0 : BTR_E_NOMEM;
    if (direction == BTR_FLOW_IN || direction == BTR_FLOW_BOTH)
        print_flow(e->object, e->subject, e, source);
    if (direction == BTR_FLOW_OUT ||
        (direction == BTR_FLOW_BOTH && !btr_id_equal(e->subject, e->object)))
        print_flow(e->subject, e->object, e, source);
    return 0;
}

static int print_pairs(struct dump *dump, struct btr_reader *reader, struct btr_err *err)
{
    struct btr_edges edges = btr_edges_of_reader(reader);
    for (uint32_t i = 0; i < dump->rendezvous.count; i++) {
        struct btr_pair *pairs = NULL;
        uint32_t count = 0;
        int rc = btr_pair_rendezvous(&edges, dump->rendezvous_ids[i], &pairs, &count, err);
        for (uint32_t k = 0; rc == 0 && k < count; k++) {
            char client[BTR_ID_TEXT_SIZE], server[BTR_ID_TEXT_SIZE];
            btr_id_text(pairs[k].client, client);
            btr_id_text(pairs[k].server, server);
            printf("p\t%s\t%s\t%lld\n", client, server, (long long)pairs[k].first_ns);
        }
        free(pairs);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct dump dump;
    struct btr_reader *reader = NULL;
    struct btr_err err = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: bench_dump_edges STORE\n");
        return 2;
    }
    const char *const paths[] = {argv[1]};
    int rc = btr_reader_open(&reader, paths, 1, &err);
    if (rc == 0)
        rc = btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, visit_event,
                               &dump, &err);
    if (rc == 0)
        rc = print_pairs(&dump, reader, &err);
    if (rc != 0)
        fprintf(stderr, "%s: %s\n", argv[1], err.text[0] ? err.text : btr_code_text(rc));
    btr_reader_close(reader);
    btr_idmap_fini(&dump.rendezvous);
    free(dump.rendezvous_ids);
    return rc == 0 ? 0 : 3;
}
