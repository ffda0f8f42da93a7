/* What differs in Sysmon for Linux. Its guids are of a program, not of a process: a process that
 * executes gets a new one, a forked child acts with its parent's until then, processes that never
 * execute share one that ends in zeros, and programs at a fixed address give one guid to all their
 * processes of one second. So a guid is of the pid that it was first told for; with another pid it
 * is another process. Threads that end are told as processes that end: a process that acts later
 * lives, and a pid is its newest process's until another begins. */
#include "linux_xml.h"

#include "call.h"

/* {mmmmmmmm-llll-hhhh-0000-000000000000}: of all processes of that second that execute nothing. */
bool win_linux_guid_is_shared(struct btr_span guid)
{
    enum { TAIL = 18 }; /* behind the machine and the second, and the brace that may lead */
    for (size_t i = TAIL; i < guid.size; i++)
        if (guid.at[i] != '0' && guid.at[i] != '-' && guid.at[i] != '}')
            return false;
    return true;
}

struct btr_id win_linux_key(struct win_call *c, struct btr_span guid, uint64_t pid)
{
    struct btr_id key = btr_identity_process_native(c->host, guid);
    return btr_identity_numbered("guid of another pid", c->host, key.lo ^ key.hi, pid);
}

void win_linux_forked(struct win_call *c, struct btr_id parent, struct btr_id child)
{
    win_tell(c, BTR_OP_FORK, win_known(parent), child, BTR_DOUBT_GUID_BY_PID, BTR_EVENT_IMPLIED);
}

/* Whether one may have executed the other: a process keeps its parent. */
static bool may_be_one(const struct win_item *old, const struct win_item *begun)
{
    return old != begun && !btr_id_equal(old->id, begun->id) && old->end_ns == INT64_MAX &&
           (old->other == 0 || begun->other == 0 || old->other == begun->other);
}

/* Records of one millisecond, which is as fine as UtcTime is, come in any order: their ids tell it.
 */
static bool begins_after(const struct win_item *a, const struct win_item *b)
{
    int64_t later;
    if (!(a->flags & WIN_ITEM_CREATED) || __builtin_sub_overflow(a->start_ns, b->start_ns, &later))
        return false;
    return later >= 1000000 || (later > -1000000 && a->line > b->line);
}

void win_linux_begun(struct win_call *c, struct win_item *item, struct btr_span parent_pid)
{
    uint64_t parent;
    item->other = win_number(parent_pid, &parent) ? parent : 0;
    item->line = c->f->record_id;
    if (item->born == 0)
        return;
    for (struct win_item *p = win_pid_first(c->state, item->number); p;
         p = win_pid_next(c->state, p)) {
        if (!may_be_one(p, item))
            continue;
        bool swapped = begins_after(p, item);
        struct win_item *old = swapped ? item : p, *next = swapped ? p : item;
        win_linux_forked(c, old->id, next->id);
        old->end_ns = next->start_ns;
        return;
    }
}

/* ---- Reading a record ----------------------------------------------------------------------- */

static struct btr_span text_of(const struct win_fields *f, enum win_name name)
{
    const struct btr_json_member *m = win_member(f, name);
    return m ? m->value : (struct btr_span){0};
}

/* The event's own members, then those of the syslog row around it. */
static int join(struct win_fields *f, const struct win_linux_event *own, struct btr_arena *arena,
                struct btr_err *err)
{
    struct btr_json_member *all = btr_arena_alloc(
        arena, ((size_t)own->count + f->count) * sizeof(*all), _Alignof(struct btr_json_member));
    if (!all)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "Sysmon for Linux event");
    for (uint32_t i = 0; i < own->count; i++)
        all[i] = own->members[i];
    for (uint32_t i = 0; i < f->count; i++)
        all[own->count + i] = f->members[i];
    f->members = all;
    f->count += own->count;
    win_fields_index(f);
    f->cut = own->cut;
    return 0;
}

int win_linux_fields(struct win_fields *f, struct btr_span xml, struct btr_arena *arena,
                     struct btr_err *err)
{
    struct win_linux_event own;
    uint64_t id;
    int rc = win_linux_xml_read(xml, arena, &own, err);
    if (rc == 0)
        rc = join(f, &own, arena, err);
    if (rc < 0)
        return rc;
    f->provider = text_of(f, WIN_NAME(ProviderName));
    if (!btr_span_equal(f->provider, BTR_SPAN("Linux-Sysmon")))
        return btr_fail(err, BTR_E_FORMAT, 0, "an event in XML, not of the provider Linux-Sysmon");
    if (!win_number(text_of(f, WIN_NAME(EventID)), &id) || id > UINT16_MAX)
        return btr_fail(err, BTR_E_FORMAT, 0, "Sysmon for Linux: no event id");
    if (!win_number(text_of(f, WIN_NAME(EventRecordID)), &f->record_id))
        f->record_id = 0;
    f->event_id = (uint32_t)id;
    f->channel = text_of(f, WIN_NAME(Channel));
    f->host = text_of(f, WIN_NAME(Computer));
    f->sysmon = f->from_linux = true;
    return 0;
}
