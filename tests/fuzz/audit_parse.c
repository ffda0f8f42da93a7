/*
 * Lines of audit text from a hostile agent. Nothing is lost: every record that was taken is in an
 * event, in what was refused, or still waits. A state that is saved and loaded half-way goes on as
 * if nothing had been.
 */
#include <assert.h>

#include "decode/audit/audit_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOTS = 8, SIZE_MAX_HELD = 16 << 10 };

struct counts {
    uint64_t taken, given, refused;
};

static uint64_t records_in(struct btr_span raw)
{
    uint64_t count = 1;
    for (size_t i = 0; i < raw.size; i++)
        count += raw.at[i] == '\n';
    return count;
}

/* Reads every byte that the event points at. */
static unsigned touch(const struct audit_event *e, struct btr_arena *arena)
{
    unsigned sum = 0;
    struct btr_span bytes;
    const struct audit_text texts[] = {e->comm,      e->exe,       e->tty,      e->key,    e->cwd,
                                       e->proctitle, e->user.acct, e->user.cmd, e->user.op};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (audit_text_decode(texts[i], arena, &bytes))
            for (size_t k = 0; k < bytes.size; k++)
                sum += bytes.at[k];
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (audit_text_decode(e->args[i], arena, &bytes))
            for (size_t k = 0; k < bytes.size; k++)
                sum += bytes.at[k];
    for (uint32_t i = 0; i < e->path_count; i++)
        if (audit_text_decode(e->paths[i].name, arena, &bytes))
            for (size_t k = 0; k < bytes.size; k++)
                sum += bytes.at[k];
    for (size_t i = 0; i < e->body.size; i++)
        sum += e->body.at[i];
    return sum;
}

static void drain(struct audit_assembler *a, struct audit_event *e, struct btr_arena *arena,
                  struct counts *c)
{
    struct btr_span raw;
    uint64_t line;
    struct btr_err err = {0};
    int rc;
    while ((rc = audit_assembler_next(a, e, &raw, &line, &err)) != 0) {
        assert(rc == 1 || rc == BTR_E_FORMAT);
        if (rc == 1) {
            assert(e->class_ <= AUDIT_CLASS_PARTS && e->path_count <= AUDIT_PATHS_MAX &&
                   e->arg_count <= AUDIT_ARGS_MAX);
            c->given += e->record_count;
            btr_arena_reset(arena);
            volatile unsigned sum = touch(e, arena);
            (void)sum;
        } else {
            assert(err.text[0] && err.offset <= raw.size);
            c->refused += records_in(raw);
        }
    }
}

static struct audit_assembler *moved(struct audit_assembler *a)
{
    struct btr_buffer saved = {0}, again = {0};
    assert(audit_assembler_save(a, &saved) == 0);
    struct audit_assembler *other = audit_assembler_new(SLOTS, SIZE_MAX_HELD);
    assert(other && audit_assembler_load(other, btr_buffer_view(&saved), NULL) == 0);
    assert(audit_assembler_save(other, &again) == 0);
    assert(btr_span_equal(btr_buffer_view(&saved), btr_buffer_view(&again)));
    btr_buffer_fini(&saved);
    btr_buffer_fini(&again);
    audit_assembler_free(a);
    return other;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct audit_event event;
    struct audit_assembler *a = audit_assembler_new(SLOTS, SIZE_MAX_HELD);
    struct btr_arena *arena = btr_arena_new(1 << 20);
    struct counts c = {0};
    const uint8_t *at = data, *end = data + size;
    for (uint64_t line = 1; at < end; line++) {
        const uint8_t *close = memchr(at, '\n', (size_t)(end - at));
        close = close ? close : end;
        uint64_t before = audit_assembler_waiting(a);
        int rc = audit_assembler_add(a, (struct btr_span){at, (size_t)(close - at)}, line, NULL);
        assert(rc == 0 || audit_assembler_waiting(a) == before);
        c.taken += audit_assembler_waiting(a) - before;
        drain(a, &event, arena, &c);
        if (line % 3 == 0)
            a = moved(a);
        at = close < end ? close + 1 : end;
    }
    audit_assembler_flush(a, INT64_MAX);
    drain(a, &event, arena, &c);
    assert(c.taken == c.given + c.refused + audit_assembler_waiting(a));
    audit_assembler_free(a);
    btr_arena_free(arena);
    return 0;
}
