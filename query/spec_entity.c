/* process:, file:, flow:, id:, an entity and the time to start from. */
#include <btr/answer.h>
#include <btr/clock.h>
#include <btr/escape.h>
#include <btr/identity.h>
#include <stdio.h>

#include "spec.h"

/* A process is looked for this long after @T too: its first event may be dated a little after its
 * start. */
#define START_SLACK_NS INT64_C(10000000000)

struct candidate {
    struct btr_id id;
    int64_t first_ns, last_ns;
    bool exact;
};

struct entity_list {
    const struct spec_search *search;
    struct candidate items[SPEC_CANDIDATE_MAX];
    uint32_t count;
    uint64_t more;
};

static void list_add(struct entity_list *list, const struct btr_entity *e, bool exact)
{
    if (list->count == SPEC_CANDIDATE_MAX) {
        list->more++;
        return;
    }
    list->items[list->count++] = (struct candidate){e->id, e->first_ns, e->last_ns, exact};
}

static bool attr_is_number(const struct btr_entity *e, enum btr_attr_key key, uint64_t number)
{
    for (uint32_t i = 0; i < e->attr_count; i++) {
        uint64_t value;
        if (e->attrs[i].key == key && btr_span_number(e->attrs[i].value, 10, &value) &&
            value == number)
            return true;
    }
    return false;
}

static bool attr_is(const struct btr_entity *e, enum btr_attr_key key, struct btr_span text)
{
    for (uint32_t i = 0; i < e->attr_count; i++) {
        if (e->attrs[i].key == key && btr_span_equal(e->attrs[i].value, text))
            return true;
    }
    return false;
}

/* ---- Candidates ---- */

static void candidate_print(const struct entity_list *list, const struct candidate *c)
{
    struct btr_buffer *out = list->search->candidates, label = {0};
    char id[BTR_ID_TEXT_SIZE], first[BTR_TIME_TEXT_SIZE], last[BTR_TIME_TEXT_SIZE];
    struct btr_arena *arena = btr_arena_new(1 << 20);
    struct btr_entity e;
    btr_id_text(c->id, id);
    btr_time_text(c->first_ns, first);
    btr_time_text(c->last_ns, last);
    btr_buffer_format(out, "id:%s  %s .. %s  ", id, first, last);
    if (arena && btr_reader_entity(list->search->reader, c->id, arena, &e, NULL) == 0) {
        btr_entity_label(&label, &e, INT64_MAX);
        btr_escape_terminal(out, btr_buffer_view(&label));
    }
    btr_buffer_text(out, "\n");
    btr_buffer_fini(&label);
    btr_arena_free(arena);
}

static int refuse_many(const struct entity_list *list, const char *what)
{
    const struct spec_search *s = list->search;
    for (uint32_t i = 0; s->candidates && i < list->count; i++)
        candidate_print(list, &list->items[i]);
    if (s->candidates && list->more)
        btr_buffer_text(s->candidates, "and more\n");
    return btr_fail(s->err, BTR_E_AMBIGUOUS, UINT64_MAX, "%s%u %s fit",
                    list->more ? "more than " : "", (unsigned)list->count, what);
}

/* Exact ones win over those that fit because something is not known of them. */
static void keep_exact(struct entity_list *list)
{
    uint32_t exact = 0;
    for (uint32_t i = 0; i < list->count; i++)
        exact += list->items[i].exact;
    if (exact == 0)
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i].exact)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
    list->more = 0;
}

/* ---- Processes ---- */

/* The one with a pid that is alive at a time: the last to begin until then, of those that had not
 * ended. */
struct process_search {
    const struct spec_search *search;
    struct entity_list list;
    int64_t at_ns; /* INT64_MIN: any */
    struct candidate best, after;
    bool has_best, has_after;
};

static int64_t ended_ns(const struct btr_entity *e)
{
    for (uint32_t i = 0; i < e->attr_count; i++) {
        if (e->attrs[i].key == BTR_ATTR_RETIRED)
            return e->attrs[i].since_ns;
    }
    return INT64_MAX;
}

static int process_visit(void *self, const struct btr_entity *e)
{
    struct process_search *p = self;
    const struct btr_spec *spec = p->search->spec;
    if (!btr_span_equal(e->host, spec->host) ||
        !attr_is_number(e, BTR_ATTR_PROCESS_PID, spec->number))
        return 0;
    list_add(&p->list, e, true);
    if (p->at_ns == INT64_MIN)
        return 0;
    struct candidate c = {e->id, e->first_ns, e->last_ns, true};
    if (e->first_ns <= p->at_ns) {
        bool later = !p->has_best || c.first_ns > p->best.first_ns;
        if (later && ended_ns(e) >= p->at_ns) {
            p->best = c;
            p->has_best = true;
        }
    } else if (e->first_ns - p->at_ns <= START_SLACK_NS &&
               (!p->has_after || c.first_ns < p->after.first_ns)) {
        p->after = c;
        p->has_after = true;
    }
    return 0;
}

static int process_find(const struct spec_search *search, struct entity_list *list)
{
    struct process_search p = {.search = search, .list = {.search = search}};
    p.at_ns = search->spec->at_ns != INT64_MIN ? search->spec->at_ns : search->at_ns;
    char pid[24];
    int size = snprintf(pid, sizeof(pid), "%llu", (unsigned long long)search->spec->number);
    int rc = btr_reader_entities_with(
        search->reader, BTR_KIND_PROCESS, INT64_MIN, INT64_MAX, BTR_ATTR_PROCESS_PID,
        (struct btr_span){(const uint8_t *)pid, (size_t)size}, process_visit, &p, search->err);
    if (rc < 0)
        return rc;
    *list = p.list;
    if (p.at_ns == INT64_MIN || (list->count == 0 && !p.has_best))
        return 0;
    if (!p.has_best && !p.has_after)
        return btr_fail(search->err, BTR_E_NOTFOUND, UINT64_MAX,
                        "no process %llu is alive on \"%.*s\" at that time; %u at other times",
                        (unsigned long long)search->spec->number, (int)search->spec->host.size,
                        (const char *)search->spec->host.at, (unsigned)list->count);
    list->count = 1;
    list->more = 0;
    list->items[0] = p.has_best ? p.best : p.after;
    return 0;
}

/* ---- Files ---- */

static int file_visit(void *self, const struct btr_entity *e)
{
    struct entity_list *list = self;
    const struct btr_spec *spec = list->search->spec;
    if (btr_span_equal(e->host, spec->host) && attr_is(e, BTR_ATTR_FILE_PATH, spec->path))
        list_add(list, e, true);
    return 0;
}

/* One entity by its id; none is no failure. */
static int id_find(const struct spec_search *search, struct btr_id id, struct entity_list *list)
{
    struct btr_arena *arena = btr_arena_new(64 << 20);
    struct btr_entity e;
    if (!arena)
        return btr_fail(search->err, BTR_E_NOMEM, UINT64_MAX, "entity");
    int rc = btr_reader_entity(search->reader, id, arena, &e, search->err);
    if (rc == 0)
        list_add(list, &e, true);
    btr_arena_free(arena);
    return rc == BTR_E_NOTFOUND ? 0 : rc;
}

/* A path as an answer showed it, escaped for the terminal ("C:\\\\x"): pasted back, it is meant as
 * it was. */
static int pasted_find(const struct spec_search *search, struct entity_list *list)
{
    const struct btr_spec *spec = search->spec;
    struct btr_buffer path = {0};
    int rc = 0;
    if (memchr(spec->path.at, '\\', spec->path.size) && btr_unescape_terminal(&path, spec->path) &&
        !path.failed)
        rc = id_find(search,
                     btr_identity_file(spec->host, (struct btr_span){0}, btr_buffer_view(&path)),
                     list);
    btr_buffer_fini(&path);
    return rc;
}

/* The host's own view of a path; where it has none, those of its containers. */
static int file_find(const struct spec_search *search, struct entity_list *list)
{
    const struct btr_spec *spec = search->spec;
    struct btr_id id = btr_identity_file(spec->host, (struct btr_span){0}, spec->path);
    int rc = id_find(search, id, list);
    if (rc == 0 && !list->count)
        rc = pasted_find(search, list);
    if (rc < 0 || list->count)
        return rc;
    return btr_reader_entities_with(search->reader, BTR_KIND_FILE, INT64_MIN, INT64_MAX,
                                    BTR_ATTR_FILE_PATH, spec->path, file_visit, list, search->err);
}

/* ---- Flows ---- */

enum fit { FIT_NO, FIT_UNKNOWN, FIT_YES };

static enum fit end_fits(const struct btr_entity *e, enum btr_attr_key ip, enum btr_attr_key port,
                         struct btr_span address, uint32_t number)
{
    if (!attr_is(e, ip, address))
        return FIT_NO;
    if (number == UINT32_MAX || attr_is_number(e, port, number))
        return FIT_YES;
    return btr_entity_attr(e, port, INT64_MAX).size ? FIT_NO : FIT_UNKNOWN;
}

static int flow_visit(void *self, const struct btr_entity *e)
{
    struct entity_list *list = self;
    const struct btr_spec *spec = list->search->spec;
    for (int i = 0; i < 2; i++) {
        enum fit a =
            end_fits(e, BTR_ATTR_SOURCE_IP, BTR_ATTR_SOURCE_PORT, spec->address[i], spec->port[i]);
        enum fit b = end_fits(e, BTR_ATTR_DESTINATION_IP, BTR_ATTR_DESTINATION_PORT,
                              spec->address[1 - i], spec->port[1 - i]);
        if (a == FIT_NO || b == FIT_NO)
            continue;
        list_add(list, e, a == FIT_YES && b == FIT_YES);
        break;
    }
    return 0;
}

/* One that is found by its source, too, was visited then. */
static int destination_visit(void *self, const struct btr_entity *e)
{
    const struct entity_list *list = self;
    return attr_is(e, BTR_ATTR_SOURCE_IP, list->search->spec->address[0]) ? 0 : flow_visit(self, e);
}

static int flow_find(const struct spec_search *search, struct entity_list *list)
{
    struct btr_span address = search->spec->address[0];
    int rc = btr_reader_entities_with(search->reader, BTR_KIND_FLOW, INT64_MIN, INT64_MAX,
                                      BTR_ATTR_SOURCE_IP, address, flow_visit, list, search->err);
    if (rc == 0)
        rc = btr_reader_entities_with(search->reader, BTR_KIND_FLOW, INT64_MIN, INT64_MAX,
                                      BTR_ATTR_DESTINATION_IP, address, destination_visit, list,
                                      search->err);
    if (rc == 0)
        keep_exact(list);
    return rc;
}

/* ---- All ---- */

static const char *what_of(enum btr_spec_form form)
{
    switch (form) {
    case BTR_SPEC_PROCESS:
        return "processes";
    case BTR_SPEC_FILE:
        return "files";
    case BTR_SPEC_FLOW:
        return "connections";
    default:
        return "entities";
    }
}

static int find(const struct spec_search *search, struct entity_list *list)
{
    switch (search->spec->form) {
    case BTR_SPEC_PROCESS:
        return process_find(search, list);
    case BTR_SPEC_FILE:
        return file_find(search, list);
    case BTR_SPEC_FLOW:
        return flow_find(search, list);
    default:
        return id_find(search, search->spec->id, list);
    }
}

static int host_visit(void *self, const struct btr_source_stat *stat)
{
    return btr_span_equal(stat->host, *(const struct btr_span *)self) ? 1 : 0;
}

/* Says whether it is the host that nobody has heard of. */
static int refuse_none(const struct spec_search *search)
{
    struct btr_span host = search->spec->host;
    int rc = host.size ? btr_reader_sources(search->reader, host_visit, &host, search->err) : 1;
    if (rc < 0)
        return rc;
    if (rc == 0)
        return btr_fail(search->err, BTR_E_NOTFOUND, UINT64_MAX,
                        "the store has no records of a host \"%.*s\"", (int)host.size,
                        (const char *)host.at);
    return btr_fail(search->err, BTR_E_NOTFOUND, UINT64_MAX, "nothing in the store fits");
}

int query_spec_entity(const struct spec_search *search, struct btr_spec_match *out)
{
    struct entity_list list = {.search = search};
    int rc = find(search, &list);
    if (rc < 0)
        return rc;
    const char *what = what_of(search->spec->form);
    if (list.count == 0)
        return refuse_none(search);
    if (list.count > 1)
        return refuse_many(&list, what);
    const struct candidate *c = &list.items[0];
    out->entity = c->id;
    out->source = UINT32_MAX;
    out->time_ns = c->last_ns;
    if (search->spec->at_ns != INT64_MIN)
        out->time_ns = search->spec->at_ns < c->first_ns ? c->first_ns : search->spec->at_ns;
    if (search->at_ns != INT64_MIN)
        out->time_ns = search->at_ns;
    return 0;
}
