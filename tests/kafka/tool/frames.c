#include "tool.h"

#include <btr/id.h>
#include <inttypes.h>

static const uint64_t NO_VALUE = UINT64_C(0x9ae16a3b2f90404f);

void tally_add(struct tally *t, const struct btr_span *value)
{
    t->messages++;
    t->bytes += value ? value->size : 0;
    t->digest += value ? btr_hash64(*value) : NO_VALUE;
}

void tally_join(struct tally *t, const struct tally *other)
{
    t->messages += other->messages;
    t->bytes += other->bytes;
    t->digest += other->digest;
}

void tally_print(const struct tally *t)
{
    printf("{\"messages\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"digest\": \"%016" PRIx64 "\"}",
           t->messages, t->bytes, t->digest);
}

int frames_form(enum frame_form *form, const char *name)
{
    static const char *const names[] = {
        [FRAME_LINES] = "lines", [FRAME_AUDIT] = "audit", [FRAME_SIZED] = "sized"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i]) == 0) {
            *form = (enum frame_form)i;
            return 0;
        }
    return -1;
}

/* The next line, without its newline. @return false at the end */
static bool line_next(struct frames *f)
{
    ssize_t size = getline(&f->line, &f->line_capacity, f->from);
    if (size < 0)
        return false;
    f->line_size = (size_t)size;
    if (f->line_size && f->line[f->line_size - 1] == '\n')
        f->line_size--;
    return true;
}

/* "1795424231.038:3533570" of an audit line; empty where it has none. */
static struct btr_span audit_stamp(const char *line, size_t size)
{
    static const char before[] = "msg=audit(";
    const char *from = memmem(line, size, before, sizeof(before) - 1);
    if (!from)
        return (struct btr_span){0};
    from += sizeof(before) - 1;
    const char *until = memchr(from, ')', size - (size_t)(from - line));
    return (struct btr_span){(const uint8_t *)from, until ? (size_t)(until - from) : 0};
}

/* Lines of one stamp that follow each other, with a newline between them. */
static int audit_next(struct frames *f, struct message *out)
{
    if (!f->line_waits && !line_next(f))
        return 0;
    btr_buffer_clear(&f->message);
    btr_buffer_put(&f->message, f->line, f->line_size);
    struct btr_span stamp = audit_stamp((const char *)f->message.at, f->message.size);
    size_t stamp_at = stamp.size ? (size_t)(stamp.at - f->message.at) : 0;
    while ((f->line_waits = line_next(f))) {
        struct btr_span first = {f->message.at + stamp_at, stamp.size};
        if (!stamp.size || !btr_span_equal(first, audit_stamp(f->line, f->line_size)))
            break;
        btr_buffer_u8(&f->message, '\n');
        btr_buffer_put(&f->message, f->line, f->line_size);
    }
    *out = (struct message){.value = btr_buffer_view(&f->message), .has_value = true};
    return f->message.failed || f->message.size > TOOL_MESSAGE_MAX ? -1 : 1;
}

static int sized_next(struct frames *f, struct message *out)
{
    uint8_t head[8];
    size_t got = fread(head, 1, sizeof(head), f->from);
    if (got < sizeof(head))
        return got ? -1 : 0;
    struct btr_cursor c = {.rest = {head, sizeof(head)}};
    uint32_t key = 0, value = 0;
    btr_cursor_u32(&c, &key);
    btr_cursor_u32(&c, &value);
    *out = (struct message){.has_key = key != UINT32_MAX, .has_value = value != UINT32_MAX};
    size_t key_size = out->has_key ? key : 0, value_size = out->has_value ? value : 0;
    if (key_size > TOOL_MESSAGE_MAX || value_size > TOOL_MESSAGE_MAX)
        return -1;
    btr_buffer_clear(&f->message);
    if (!btr_buffer_reserve(&f->message, key_size + value_size + 1) ||
        fread(f->message.at, 1, key_size + value_size, f->from) != key_size + value_size)
        return -1;
    out->key = (struct btr_span){f->message.at, key_size};
    out->value = (struct btr_span){f->message.at + key_size, value_size};
    return 1;
}

int frames_next(struct frames *f, struct message *out)
{
    if (f->form == FRAME_AUDIT)
        return audit_next(f, out);
    if (f->form == FRAME_SIZED)
        return sized_next(f, out);
    if (!line_next(f))
        return 0;
    *out = (struct message){.value = {(const uint8_t *)f->line, f->line_size}, .has_value = true};
    return f->line_size > TOOL_MESSAGE_MAX ? -1 : 1;
}

void frames_fini(struct frames *f)
{
    free(f->line);
    btr_buffer_fini(&f->message);
}
