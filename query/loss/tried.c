/*
 * Commands that name a history to be removed, where no record tells that they did: it was not
 * there, or the records lack it. What was typed in that account is not on the host's disk in either
 * case.
 */
#include <stdlib.h>

#include "loss/after.h"

enum { HOME_READS = 256, HOME_ANCESTORS = 8 };

/* Programs that take away what their arguments name. */
static const char *const REMOVERS[] = {"rm", "unlink", "shred", "truncate", "srm", "wipe"};

static struct btr_span base_of(struct btr_span path)
{
    size_t begin = path.size;
    while (begin > 0 && path.at[begin - 1] != '/')
        begin--;
    return (struct btr_span){path.at + begin, path.size - begin};
}

static bool is_remover(const struct btr_entity *e, int64_t at_ns)
{
    struct btr_span name = base_of(btr_entity_attr(e, BTR_ATTR_PROCESS_EXECUTABLE, at_ns));
    for (size_t i = 0; i < sizeof REMOVERS / sizeof *REMOVERS; i++)
        if (btr_span_equal(name, btr_span_of(REMOVERS[i])))
            return true;
    return false;
}

/* ---- Where a name that says no folder lies -----------------------------------------------------
 */

static bool reads_file(void *self, const struct btr_flow *f)
{
    const struct loss_flows *flows = self;
    return f->operation == BTR_OP_OPEN_READ && flows->count < HOME_READS;
}

/* The home that the shell read its profile from, which the process was or came of. */
static int home_find(struct btr_loss *loss, uint32_t item, struct btr_span *home,
                     struct btr_err *err)
{
    struct loss_flows reads = {0};
    int rc = 0;
    *home = (struct btr_span){0};
    for (int i = 0; rc == 0 && !home->size && i < HOME_ANCESTORS && item != LOSS_NONE; i++) {
        rc = loss_flows_of(&reads, &loss->all, loss->extent.items[item].entity, BTR_SIDE_INTO,
                           INT64_MAX, reads_file, &reads, err);
        for (uint32_t at = 0; rc == 0 && !home->size && at < reads.count; at++) {
            struct btr_entity e;
            struct btr_span folder;
            rc = loss_entity(loss, reads.list[at].other, &e, err);
            if (rc == 0 &&
                loss_home_of(btr_entity_attr(&e, BTR_ATTR_FILE_PATH, INT64_MAX), &folder) &&
                !btr_arena_copy(loss->arena, folder, home))
                rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "a home folder");
        }
        item = loss->extent.items[item].by;
    }
    loss_flows_fini(&reads);
    return rc;
}

static int path_make(struct btr_loss *loss, uint32_t item, struct btr_span word,
                     struct btr_span *path, struct btr_err *err)
{
    struct btr_span home;
    if (word.at[0] == '/')
        return btr_arena_copy(loss->arena, word, path)
                   ? 0
                   : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "name of a history");
    int rc = home_find(loss, item, &home, err);
    if (rc == 0 && word.size > 2 && word.at[0] == '~' && word.at[1] == '/')
        word = (struct btr_span){word.at + 2, word.size - 2};
    struct btr_buffer full = {0};
    btr_buffer_span(&full, home);
    if (home.size)
        btr_buffer_u8(&full, '/');
    btr_buffer_span(&full, word);
    if (rc == 0 && (full.failed || !btr_arena_copy(loss->arena, btr_buffer_view(&full), path)))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "name of a history");
    btr_buffer_fini(&full);
    return rc;
}

/* ---- Commands ----------------------------------------------------------------------------------
 */

/* Whether what a command names is told as erased already, of the same process. */
static bool is_told(const struct btr_loss *loss, struct btr_id process, struct btr_span word)
{
    struct btr_span base = base_of(word);
    for (uint32_t i = 0; i < loss->after->erasure_count; i++) {
        const struct loss_erasure *e = &loss->after->erasures[i];
        if (btr_id_equal(e->process, process) && btr_span_equal(base_of(e->path), base))
            return true;
    }
    return false;
}

static int word_take(struct btr_loss *loss, uint32_t item, const struct btr_attr *command,
                     struct btr_span host, struct btr_span word, struct btr_err *err)
{
    struct btr_id process = loss->extent.items[item].entity;
    if (!loss_is_history(word) || is_told(loss, process, word))
        return 0;
    struct loss_erasure e = {
        .process = process,
        .at_ns = command->since_ns - btr_clocks_host_ahead(loss->found->clocks, host),
        .ref = UINT64_MAX,
        .deed = LOSS_DEED_TRIED,
        .technique = "T1070.003",
        .doubt = "no record tells that it was removed: it was not there, or they lack it"};
    int rc = path_make(loss, item, word, &e.path, err);
    if (rc == 0 && !btr_arena_copy(loss->arena, host, &e.host))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "name of a history");
    return rc == 0 ? loss_erasure_add(loss, &e, err) : rc;
}

/* What a command line is made of while other entities are read: the scratch memory is theirs. */
struct command {
    struct btr_attr attr;
    struct btr_span host;
};

static int command_take(struct btr_loss *loss, uint32_t item, const struct command *command,
                        struct btr_err *err)
{
    struct btr_span line = command->attr.value;
    int rc = 0;
    for (size_t at = 0, end; rc == 0 && at < line.size; at = end + 1) {
        for (end = at; end < line.size && line.at[end] != ' ';)
            end++;
        if (end > at)
            rc = word_take(loss, item, &command->attr, command->host,
                           (struct btr_span){line.at + at, end - at}, err);
    }
    return rc;
}

static int process_take(struct btr_loss *loss, uint32_t item, struct btr_err *err)
{
    enum { COMMANDS = 8 };
    struct btr_entity e;
    struct command commands[COMMANDS];
    uint32_t count = 0;
    int rc = loss_entity(loss, loss->extent.items[item].entity, &e, err);
    bool copied = true;
    for (uint32_t i = 0; rc == 0 && i < e.attr_count && count < COMMANDS; i++) {
        if (e.attrs[i].key != BTR_ATTR_PROCESS_COMMAND_LINE || !is_remover(&e, e.attrs[i].since_ns))
            continue;
        commands[count] = (struct command){e.attrs[i], {0}};
        copied = copied &&
                 btr_arena_copy(loss->arena, e.attrs[i].value, &commands[count].attr.value) &&
                 btr_arena_copy(loss->arena, e.host, &commands[count].host);
        count++;
    }
    if (!copied)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "commands of the intrusion");
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = command_take(loss, item, &commands[i], err);
    return rc;
}

int loss_tried_find(struct btr_loss *loss, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++)
        if (loss->extent.items[i].role == BTR_EXTENT_PROCESS && loss_extent_is_first(loss, i))
            rc = process_take(loss, i, err);
    return rc;
}
