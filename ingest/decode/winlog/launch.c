/* Services, tasks and consumers that run as processes. No record says which process a service
 * became: the child of services.exe (of the Schedule service) that has the command line of the
 * service (of the task) is taken for it. */
#include "call.h"

struct command {
    struct btr_span program; /* its file name, without ".exe" */
    struct btr_span rest;    /* arguments, without blanks around them */
};

static struct btr_span trim(struct btr_span s)
{
    while (s.size && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = (struct btr_span){s.at + 1, s.size - 1};
    while (s.size && (s.at[s.size - 1] == ' ' || s.at[s.size - 1] == '\t'))
        s.size--;
    return s;
}

static struct btr_span program_name(struct btr_span path)
{
    struct btr_span name = win_basename(path);
    if (win_equal_fold(name, BTR_SPAN("%comspec%")) ||
        win_equal_fold(name, BTR_SPAN("%%comspec%%")))
        return BTR_SPAN("cmd");
    if (win_ends_fold(name, BTR_SPAN(".exe")))
        name.size -= 4;
    return name;
}

/* Whether blanks belong to the path of a program: "C:\Program Files\x.exe", but not "%COMSPEC% /c
 * x.exe". */
static bool is_path_with_blanks(struct btr_span s)
{
    return memchr(s.at, '\\', s.size) && win_find_fold(s, BTR_SPAN(" /")) == SIZE_MAX &&
           win_find_fold(s, BTR_SPAN(" -")) == SIZE_MAX;
}

/* Where the program's path ends: behind its closing quote, behind ".exe", or at the first blank. */
static size_t program_end(struct btr_span s)
{
    if (s.size == 0)
        return 0;
    if (s.at[0] == '"') {
        const uint8_t *quote = memchr(s.at + 1, '"', s.size - 1);
        return quote ? (size_t)(quote - s.at) + 1 : s.size;
    }
    const uint8_t *at = memchr(s.at, ' ', s.size);
    size_t blank = at ? (size_t)(at - s.at) : s.size;
    size_t exe = win_find_fold(s, BTR_SPAN(".exe"));
    bool ends = exe != SIZE_MAX && (exe + 4 == s.size || s.at[exe + 4] == ' ');
    if (ends && exe > blank && is_path_with_blanks((struct btr_span){s.at, exe}))
        return exe + 4;
    return blank;
}

static struct command command_of(struct btr_span line)
{
    line = trim(line);
    if (line.size == 0)
        return (struct command){0};
    size_t end = program_end(line);
    struct btr_span program = {line.at, end};
    if (end > 1 && line.at[0] == '"')
        program = (struct btr_span){line.at + 1, end - 1 - (line.at[end - 1] == '"')};
    return (struct command){program_name(program),
                            trim((struct btr_span){line.at + end, line.size - end})};
}

/* Alike but for case and the number of blanks. `a` may be cut: then it is the beginning that
 * counts. */
static bool arguments_equal(struct btr_span a, struct btr_span b, bool a_is_cut)
{
    while (a.size && b.size) {
        if (a.at[0] == ' ' && b.at[0] == ' ') {
            a = trim(a);
            b = trim(b);
            continue;
        }
        if (!win_equal_fold((struct btr_span){a.at, 1}, (struct btr_span){b.at, 1}))
            return false;
        a = (struct btr_span){a.at + 1, a.size - 1};
        b = (struct btr_span){b.at + 1, b.size - 1};
    }
    return a.size == 0 && (b.size == 0 || a_is_cut);
}

/* A command that is remembered, and one that began. */
static bool commands_equal(struct btr_span known, struct btr_span begun)
{
    struct command x = command_of(known), y = command_of(begun);
    return x.program.size && win_equal_fold(x.program, y.program) &&
           arguments_equal(x.rest, y.rest, known.size == WIN_TEXT_MAX);
}

static struct win_item *remember(struct win_call *c, enum win_table_name table, struct btr_id id,
                                 struct btr_span name, struct btr_span command)
{
    struct win_item *item =
        c->rc < 0 || btr_id_is_none(id) ? NULL : win_item_get(c->state, table, id);
    if (!item)
        return NULL;
    if (!win_item_text(c->state, item, 0, name) || !win_item_text(c->state, item, 1, command))
        c->rc = BTR_E_NOMEM;
    return item;
}

void win_launch_service_set(struct win_call *c, struct btr_span name, struct btr_span command)
{
    remember(c, WIN_SERVICE, win_service(c, name), name, command);
}

/* ---- Tasks ---------------------------------------------------------------------------------- */

/* Content of the first element of a name. Entities stay: they are undone by the caller. */
static struct btr_span element(struct btr_span xml, struct btr_span open, struct btr_span close)
{
    size_t at = win_find_fold(xml, open);
    if (at == SIZE_MAX)
        return (struct btr_span){0};
    struct btr_span rest = {xml.at + at + open.size, xml.size - at - open.size};
    size_t end = win_find_fold(rest, close);
    return end == SIZE_MAX ? (struct btr_span){0} : (struct btr_span){rest.at, end};
}

/* The five entities of XML, undone in a copy that is never longer. */
static struct btr_span unescape(struct win_call *c, struct btr_span s)
{
    static const struct {
        const char *name;
        char byte;
    } entities[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    uint8_t *at = btr_arena_alloc(c->arena, s.size + 1, 1);
    size_t size = 0;
    if (!at)
        return s;
    while (s.size) {
        size_t used = 1;
        at[size] = s.at[0];
        for (size_t i = 0; s.at[0] == '&' && i < sizeof(entities) / sizeof(*entities); i++)
            if (btr_span_begins(s, btr_span_of(entities[i].name))) {
                at[size] = (uint8_t)entities[i].byte;
                used = strlen(entities[i].name);
                break;
            }
        size++;
        s = (struct btr_span){s.at + used, s.size - used};
    }
    return (struct btr_span){at, size};
}

void win_launch_task_set(struct win_call *c, struct btr_span name, struct btr_span xml)
{
    struct btr_span command =
        unescape(c, element(xml, BTR_SPAN("<Command>"), BTR_SPAN("</Command>")));
    struct btr_span arguments =
        unescape(c, element(xml, BTR_SPAN("<Arguments>"), BTR_SPAN("</Arguments>")));
    struct win_item *item = remember(c, WIN_TASK, win_task(c, name), name, command);
    if (item && !win_item_text(c->state, item, 2, arguments))
        c->rc = BTR_E_NOMEM;
}

/* ---- A process began ------------------------------------------------------------------------ */

/* "svchost.exe -k netsvcs -p -s IKEEXT": the service names itself. */
static struct btr_span hosted_service(struct btr_span command)
{
    size_t at = win_find_fold(command, BTR_SPAN(" -s "));
    if (at == SIZE_MAX || !win_equal_fold(command_of(command).program, BTR_SPAN("svchost")))
        return (struct btr_span){0};
    struct btr_span name = trim((struct btr_span){command.at + at + 4, command.size - at - 4});
    const uint8_t *blank = name.size ? memchr(name.at, ' ', name.size) : NULL;
    return (struct btr_span){name.at, blank ? (size_t)(blank - name.at) : name.size};
}

static void service_begun(struct win_call *c, struct win_who child, struct btr_span command)
{
    struct btr_span hosted = hosted_service(command);
    if (hosted.size) {
        win_imply(c, BTR_OP_SERVICE_START, win_known(win_service(c, hosted)), child.id);
        return;
    }
    const struct win_table *t = &c->state->tables[WIN_SERVICE];
    for (uint32_t i = t->newest; i != WIN_NONE; i = t->items[i].older_use) {
        const struct win_item *item = &t->items[i];
        if (!commands_equal(win_item_span(item, 1), command))
            continue;
        struct btr_span name;
        if (btr_arena_copy(c->arena, win_item_span(item, 0), &name))
            win_imply(c, BTR_OP_SERVICE_START, win_known(win_service(c, name)), child.id);
        return;
    }
}

static void task_begun(struct win_call *c, struct win_who child, struct btr_span command)
{
    struct command begun = command_of(command);
    const struct win_table *t = &c->state->tables[WIN_TASK];
    for (uint32_t i = t->newest; i != WIN_NONE; i = t->items[i].older_use) {
        const struct win_item *item = &t->items[i];
        struct btr_span program = program_name(command_of(win_item_span(item, 1)).program);
        if (item->text[1].size == 0 || !win_equal_fold(program, begun.program) ||
            !arguments_equal(trim(win_item_span(item, 2)), begun.rest,
                             item->text[2].size == WIN_TEXT_MAX))
            continue;
        struct btr_span name;
        if (btr_arena_copy(c->arena, win_item_span(item, 0), &name))
            win_imply(c, BTR_OP_TASK_RUN, win_known(win_task(c, name)), child.id);
        return;
    }
}

/* ---- WMI ------------------------------------------------------------------------------------ */

enum { CONSUMER_COMMAND = 0, CONSUMER_SCRIPT = 1 };

void win_launch_consumer_set(struct win_call *c, struct btr_span name, struct btr_span destination)
{
    remember(c, WIN_CONSUMER, win_wmi(c, BTR_SPAN("consumer"), name), name, destination);
}

void win_launch_binding_set(struct win_call *c, struct btr_span name, struct btr_span consumer,
                            bool script)
{
    struct btr_id from = win_wmi(c, BTR_SPAN("consumer"), consumer);
    const struct win_item *known = win_item_find(c->state, WIN_CONSUMER, from);
    struct btr_span destination = {0};
    if (known && known->text[1].size &&
        !btr_arena_copy(c->arena, win_item_span(known, 1), &destination))
        c->rc = BTR_E_NOMEM;
    struct win_item *item =
        remember(c, WIN_CONSUMER, win_wmi(c, BTR_SPAN("binding"), name), name, destination);
    if (item) {
        item->number = script ? CONSUMER_SCRIPT : CONSUMER_COMMAND;
        item->flags =
            WIN_ITEM_CREATED; /* a binding, which is what runs; a consumer alone does not */
    }
}

/* scrcons.exe is the process in which all script consumers run; a command consumer is a child of
 * WmiPrvSE.exe. */
static void consumer_begun(struct win_call *c, struct win_who child, struct btr_span command,
                           bool script)
{
    const struct win_table *t = &c->state->tables[WIN_CONSUMER];
    for (uint32_t i = t->newest; i != WIN_NONE; i = t->items[i].older_use) {
        const struct win_item *item = &t->items[i];
        struct btr_span name;
        if (item->flags != WIN_ITEM_CREATED || (item->number == CONSUMER_SCRIPT) != script ||
            (!script && !commands_equal(win_item_span(item, 1), command)))
            continue;
        if (btr_arena_copy(c->arena, win_item_span(item, 0), &name))
            win_imply(c, BTR_OP_WMI_RUN, win_known(win_wmi(c, BTR_SPAN("binding"), name)),
                      child.id);
    }
}

/* "sc start NAME": the call to services.exe is told by no record. Another host ("\\\\host") is
 * reached over the network. */
static void control_begun(struct win_call *c, struct win_who child, struct btr_span command)
{
    static const char *const verbs[] = {"start ", "create ", "config "};
    struct btr_span rest = command_of(command).rest;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
        struct btr_span verb = btr_span_of(verbs[i]);
        if (rest.size <= verb.size || !win_equal_fold((struct btr_span){rest.at, verb.size}, verb))
            continue;
        struct btr_span name = trim((struct btr_span){rest.at + verb.size, rest.size - verb.size});
        const uint8_t *blank = name.size ? memchr(name.at, ' ', name.size) : NULL;
        if (blank)
            name.size = (size_t)(blank - name.at);
        win_imply(c, BTR_OP_SERVICE_INSTALL, child, win_service(c, name));
        return;
    }
}

void win_launch_begun(struct win_call *c, struct win_who child, const struct win_mention *m,
                      struct btr_span parent_image)
{
    struct btr_span parent = win_basename(parent_image), image = win_basename(m->image);
    struct btr_span command = m->command_line.size ? m->command_line : m->image;
    if (c->rc < 0 || !child.known)
        return;
    if (win_equal_fold(parent, BTR_SPAN("services.exe")))
        service_begun(c, child, command);
    else if (win_equal_fold(parent, BTR_SPAN("svchost.exe")) ||
             win_equal_fold(parent, BTR_SPAN("taskeng.exe")))
        task_begun(c, child, command);
    else if (win_equal_fold(parent, BTR_SPAN("WmiPrvSE.exe")))
        consumer_begun(c, child, command, false);
    if (win_equal_fold(image, BTR_SPAN("sc.exe")) || win_equal_fold(image, BTR_SPAN("net.exe")))
        control_begun(c, child, command);
    if (win_equal_fold(image, BTR_SPAN("scrcons.exe")))
        consumer_begun(c, child, command, true);
}
