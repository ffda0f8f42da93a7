/* Who a process is. An agent's guid decides; where a record has only a pid, the process that was
 * alive under it at that time, by its image too where both are told. Two guids are one process when
 * the agent made them for the same pid in the same second on the same machine (a Sysmon guid begins
 * with the machine and the second of the start). */
#include "call.h"

#define SLACK_NS INT64_C(3000000000) /* between two providers' idea of one start or end */

static bool guid_is_told(struct btr_span guid)
{
    for (size_t i = 0; i < guid.size; i++)
        if (guid.at[i] != '0' && guid.at[i] != '-' && guid.at[i] != '{' && guid.at[i] != '}')
            return true;
    return false;
}

static bool guid_decides(const struct win_call *c, struct btr_span guid)
{
    return guid_is_told(guid) && !(c->f->from_linux && win_linux_guid_is_shared(guid));
}

static struct btr_span without_braces(struct btr_span guid)
{
    if (guid.size >= 2 && guid.at[0] == '{' && guid.at[guid.size - 1] == '}')
        return (struct btr_span){guid.at + 1, guid.size - 2};
    return guid;
}

/* {mmmmmmmm-llll-hhhh-...}: start is 0xhhhhllll seconds. @return INT64_MIN when it is no such guid
 */
static int64_t guid_start_ns(struct btr_span guid)
{
    uint64_t low, high;
    guid = without_braces(guid);
    if (guid.size != 36 || !btr_span_number((struct btr_span){guid.at + 9, 4}, 16, &low) ||
        !btr_span_number((struct btr_span){guid.at + 14, 4}, 16, &high))
        return INT64_MIN;
    uint64_t seconds = high << 16 | low;
    return seconds < 1000000000 ? INT64_MIN : (int64_t)seconds * 1000000000;
}

/* Same machine, same second of start. */
static bool guids_share_start(struct btr_span a, struct btr_span b)
{
    a = without_braces(a);
    b = without_braces(b);
    return a.size == 36 && b.size == 36 &&
           win_equal_fold((struct btr_span){a.at, 18}, (struct btr_span){b.at, 18});
}

static bool images_differ(struct btr_span a, struct btr_span b)
{
    return a.size && b.size && !win_equal_fold(win_basename(a), win_basename(b));
}

static int64_t minus(int64_t a, int64_t b)
{
    return a < INT64_MIN + b ? INT64_MIN : a - b;
}

static int64_t gap_between(int64_t a, int64_t b)
{
    int64_t d;
    if (__builtin_sub_overflow(a, b, &d) || d == INT64_MIN)
        return INT64_MAX;
    return d < 0 ? -d : d;
}

/* Another process that this guid may be a second id of. */
static struct win_item *find_twin(struct win_call *c, const struct win_mention *m, uint64_t pid)
{
    int64_t start = guid_start_ns(m->guid);
    for (struct win_item *p = win_pid_first(c->state, pid); p; p = win_pid_next(c->state, p)) {
        if ((p->flags & WIN_ITEM_ALIAS) || images_differ(win_item_span(p, 1), m->image))
            continue;
        if (p->flags & WIN_ITEM_NATIVE) {
            if (guids_share_start(win_item_span(p, 0), m->guid))
                return p;
        } else if (start != INT64_MIN && p->end_ns >= start &&
                   (p->start_ns == INT64_MIN ? p->first_ns >= minus(start, SLACK_NS)
                                             : gap_between(p->start_ns, start) <= SLACK_NS)) {
            return p;
        }
    }
    return NULL;
}

/* Remembers what the mention tells. The texts it already has stay: agents write one path in several
 * cases. */
static void learn(struct win_call *c, struct win_item *item, const struct win_mention *m)
{
    bool better = item->text[1].size == 0 || images_differ(win_item_span(item, 1), m->image) ||
                  (m->image.size > 1 && m->image.at[1] == ':' && item->text[1].at[0] == '\\') ||
                  (m->image.size && m->image.at[0] == '/' && item->text[1].at[0] != '/');
    if ((better && !win_item_text(c->state, item, 1, m->image)) ||
        !win_item_text(c->state, item, 2, m->command_line))
        c->rc = BTR_E_NOMEM;
}

static struct win_item *add_native(struct win_call *c, const struct win_mention *m,
                                   struct btr_id key, bool has_pid, uint64_t pid)
{
    struct win_item *twin = has_pid ? find_twin(c, m, pid) : NULL;
    struct btr_id id = twin ? twin->id : key;
    struct win_item *item = win_item_add(c->state, WIN_PROCESS, key);
    if (!item || !win_item_text(c->state, item, 0, m->guid)) {
        c->rc = BTR_E_NOMEM;
        return NULL;
    }
    item->id = id;
    item->flags = WIN_ITEM_NATIVE | (twin ? WIN_ITEM_ALIAS : 0);
    item->first_ns = c->first_ns;
    item->start_ns = guid_start_ns(m->guid);
    return item;
}

static struct win_item *item_alive(struct win_call *c, uint64_t pid, struct btr_span image);
static struct win_item *add_by_pid(struct win_call *c, uint64_t pid);

/* Linux: what acts with the guid of another pid is a child that has executed nothing yet, unless
 * its own start is told with that guid. */
static struct win_item *item_beside(struct win_call *c, const struct win_mention *m,
                                    const struct win_item *owner, uint64_t pid)
{
    struct btr_id key = win_linux_key(c, m->guid, pid), parent = owner->id;
    bool known_before =
        (owner->flags & WIN_ITEM_CREATED) || owner->first_ns < minus(c->first_ns, SLACK_NS);
    struct win_item *item = win_item_find(c->state, WIN_PROCESS, key);
    if (!item && m->begins)
        return add_native(c, m, key, true, pid);
    if (!item)
        item = item_alive(c, pid, (struct btr_span){0});
    if (item)
        return item;
    item = add_by_pid(c, pid);
    if (item && known_before)
        win_linux_forked(c, parent, item->id);
    return item;
}

static struct win_item *item_of_guid(struct win_call *c, const struct win_mention *m, uint64_t pid)
{
    struct btr_id key = btr_identity_process_native(c->host, m->guid);
    struct win_item *item = win_item_find(c->state, WIN_PROCESS, key);
    if (!item)
        return add_native(c, m, key, pid != 0, pid);
    if (!c->f->from_linux)
        return item;
    if (pid && item->born && item->number != pid)
        item = item_beside(c, m, item, pid);
    if (item && item->end_ns < c->first_ns)
        item->end_ns = INT64_MAX; /* it was one of its threads that ended */
    return item;
}

static struct win_item *item_by_guid(struct win_call *c, const struct win_mention *m)
{
    uint64_t pid = 0;
    bool has_pid = win_number(m->pid_text, &pid) && pid != 0;
    struct win_item *item = item_of_guid(c, m, has_pid ? pid : 0);
    if (!item)
        return NULL;
    if (has_pid && item->born == 0 && !win_pid_chain(c->state, item, pid))
        c->rc = BTR_E_NOMEM;
    learn(c, item, m);
    return item;
}

/* The process that was alive under a pid at this record's time. */
static struct win_item *item_alive(struct win_call *c, uint64_t pid, struct btr_span image)
{
    for (struct win_item *p = win_pid_first(c->state, pid); p; p = win_pid_next(c->state, p)) {
        bool ended = p->end_ns < minus(c->first_ns, SLACK_NS) && !c->f->from_linux; /* linux.c */
        if (images_differ(win_item_span(p, 1), image) || ended)
            continue;
        if (p->start_ns != INT64_MIN && minus(p->start_ns, SLACK_NS) > c->last_ns)
            continue;
        return p;
    }
    return NULL;
}

static struct win_item *add_by_pid(struct win_call *c, uint64_t pid)
{
    struct btr_id key = btr_identity_process(c->host, pid, c->first_ns);
    struct win_item *item = win_item_get(c->state, WIN_PROCESS, key);
    if (!item || !win_pid_chain(c->state, item, pid)) {
        c->rc = BTR_E_NOMEM;
        return NULL;
    }
    item->first_ns = c->first_ns;
    return item;
}

static struct win_item *item_by_pid(struct win_call *c, const struct win_mention *m)
{
    uint64_t pid;
    if (!win_number(m->pid_text, &pid) || pid == 0)
        return NULL;
    struct win_item *item = item_alive(c, pid, m->image);
    if (!item)
        item = add_by_pid(c, pid);
    if (item)
        learn(c, item, m);
    return item;
}

struct win_item *win_process_item(struct win_call *c, const struct win_mention *m)
{
    if (c->rc < 0)
        return NULL;
    return guid_decides(c, m->guid) ? item_by_guid(c, m) : item_by_pid(c, m);
}

static struct btr_span batch_copy(struct win_call *c, struct btr_span text)
{
    struct btr_span copy = {0};
    if (text.size && !btr_arena_copy(c->arena, text, &copy))
        c->rc = BTR_E_NOMEM;
    return copy;
}

static struct win_who tell_process(struct win_call *c, const struct win_item *item,
                                   const struct win_mention *m)
{
    struct win_who who = {0};
    if (!item)
        return who;
    bool by_pid = !guid_decides(c, m->guid), native = item->flags & WIN_ITEM_NATIVE;
    struct win_note note = {.id = item->id, .kind = BTR_KIND_PROCESS};
    if (!native && item->start_ns == INT64_MIN)
        note.flags = BTR_ENTITY_UNCERTAIN;
    if (item->born)
        win_note_number(c, &note, BTR_ATTR_PROCESS_PID, item->number);
    win_note_attr(&note, BTR_ATTR_PROCESS_ENTITY_ID, batch_copy(c, win_item_span(item, 0)));
    win_note_attr(&note, BTR_ATTR_PROCESS_EXECUTABLE, batch_copy(c, win_item_span(item, 1)));
    win_note_attr(&note, BTR_ATTR_PROCESS_COMMAND_LINE, m->command_line);
    win_note_user(&note, m->user);
    win_note_tell(c, &note);
    who.id = item->id;
    who.known = true;
    if ((by_pid && native) || (item->flags & WIN_ITEM_ALIAS))
        who.doubt = BTR_DOUBT_GUID_BY_PID;
    return who;
}

struct win_who win_process(struct win_call *c, const struct win_mention *m)
{
    return tell_process(c, win_process_item(c, m), m);
}

/* A pid that begins anew has ended before. */
static void end_others(struct win_call *c, const struct win_item *item)
{
    if (item->born == 0)
        return;
    for (struct win_item *p = win_pid_first(c->state, item->number); p;
         p = win_pid_next(c->state, p))
        if (p != item && !btr_id_equal(p->id, item->id) && p->end_ns == INT64_MAX &&
            p->first_ns < minus(c->first_ns, SLACK_NS))
            p->end_ns = c->first_ns;
}

/* The process whose start another provider told within a few seconds. */
static struct win_item *item_begun(struct win_call *c, uint64_t pid, struct btr_span image)
{
    for (struct win_item *p = win_pid_first(c->state, pid); p; p = win_pid_next(c->state, p))
        if (!images_differ(win_item_span(p, 1), image) && p->start_ns != INT64_MIN &&
            gap_between(p->start_ns, c->first_ns) <= SLACK_NS)
            return p;
    return NULL;
}

struct win_who win_process_begins(struct win_call *c, const struct win_mention *m)
{
    uint64_t pid;
    struct win_item *item = NULL;
    if (guid_decides(c, m->guid)) {
        item = win_process_item(c, m);
    } else if (c->rc == 0 && win_number(m->pid_text, &pid) && pid) {
        item = item_begun(c, pid, m->image);
        if (!item)
            item = add_by_pid(c, pid);
        if (item)
            learn(c, item, m);
    }
    if (item) {
        if (!(item->flags & WIN_ITEM_CREATED) || guid_decides(c, m->guid))
            item->start_ns = c->first_ns; /* the guid tells the second only */
        item->flags |= WIN_ITEM_CREATED;
        if (c->f->from_linux)
            win_linux_begun(c, item, m->parent_pid);
        end_others(c, item);
    }
    return tell_process(c, item, m);
}

void win_process_ends(struct win_call *c, const struct win_mention *m)
{
    struct win_item *item = win_process_item(c, m);
    if (!item)
        return;
    item->end_ns = c->last_ns;
    if (!(item->flags & WIN_ITEM_ALIAS))
        return;
    struct win_item *first = win_item_find(c->state, WIN_PROCESS, item->id);
    if (first)
        first->end_ns = c->last_ns;
}

struct win_who win_process_named(struct win_call *c, struct btr_span name)
{
    const struct win_table *t = &c->state->tables[WIN_PROCESS];
    for (uint32_t i = t->newest; i != WIN_NONE; i = t->items[i].older_use) {
        const struct win_item *p = &t->items[i];
        if (p->end_ns == INT64_MAX && win_equal_fold(win_basename(win_item_span(p, 1)), name))
            return tell_process(c, p, &(struct win_mention){.guid = win_item_span(p, 0)});
    }
    return (struct win_who){0};
}

/* Nothing acts before it is born: Sysmon stamps some connections before the start of their process.
 */
static void hold_to_birth(struct win_call *c, const struct win_item *item)
{
    if (!item || !(item->flags & WIN_ITEM_CREATED) || c->first_ns >= item->start_ns)
        return;
    int64_t width = c->last_ns - c->first_ns;
    c->first_ns = item->start_ns;
    c->last_ns = item->start_ns > INT64_MAX - width ? INT64_MAX : item->start_ns + width;
}

struct win_who win_actor(struct win_call *c)
{
    struct win_mention m = {
        .guid = win_field_either(c->f, WIN_NAME(ProcessGuid), WIN_NAME(ProcessGUID)),
        .pid_text = WIN_FIELD(c, ProcessId),
        .image = WIN_FIELD(c, Image),
        .user = WIN_FIELD(c, User)};
    hold_to_birth(c, win_process_item(c, &m));
    return win_process(c, &m);
}
