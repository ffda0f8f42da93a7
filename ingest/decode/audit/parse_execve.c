#include "parse.h"

/*
 * EXECVE: argc=3 a0="sh" a1=2D63 a2_len=9000 a2[0]=... ; a long list goes on in further EXECVE
 * records of the event. The pieces of a split argument are put together as hex in memory of the
 * assembler. Source: kernel/auditsc.c audit_log_execve_info().
 */

struct argument_key {
    uint32_t index, piece;
    bool split;
};

enum { ARGUMENT_DIGITS_MAX = 9 };

static bool digits_take(struct btr_span *s, uint32_t *out)
{
    size_t size = 0;
    uint32_t v = 0;
    for (; size < s->size && audit_is_digit(s->at[size]); size++) {
        if (size == ARGUMENT_DIGITS_MAX)
            return false;
        v = v * 10 + (uint32_t)(s->at[size] - '0');
    }
    s->at += size;
    s->size -= size;
    *out = v;
    return size > 0;
}

/* "a12" or "a12[3]"; "a12_len" and "argc" are none. */
static bool key_read(struct btr_span key, struct argument_key *out)
{
    *out = (struct argument_key){0};
    if (key.size < 2 || key.at[0] != 'a')
        return false;
    key = (struct btr_span){key.at + 1, key.size - 1};
    if (!digits_take(&key, &out->index))
        return false;
    if (key.size == 0)
        return true;
    if (key.at[0] != '[')
        return false;
    key = (struct btr_span){key.at + 1, key.size - 1};
    out->split = true;
    return digits_take(&key, &out->piece) && key.size == 1 && key.at[0] == ']';
}

/* Makes room for an argument; those between are absent until they come. NULL: beyond what is kept.
 */
static struct audit_text *argument_at(struct audit_event *e, uint32_t index)
{
    if (index >= AUDIT_ARGS_MAX)
        return NULL;
    while (e->arg_count <= index)
        e->args[e->arg_count++] = (struct audit_text){.form = AUDIT_TEXT_NONE};
    return &e->args[index];
}

static void hex_put(struct btr_buffer *b, struct audit_text piece)
{
    static const char digits[] = "0123456789ABCDEF";
    if (piece.form == AUDIT_TEXT_HEX) {
        btr_buffer_span(b, piece.raw);
        return;
    }
    if (!btr_buffer_reserve(b, 2 * piece.raw.size))
        return;
    for (size_t i = 0; i < piece.raw.size; i++) {
        b->at[b->size++] = (uint8_t)digits[piece.raw.at[i] >> 4];
        b->at[b->size++] = (uint8_t)digits[piece.raw.at[i] & 15];
    }
}

/* An argument being put together: its bytes are the end of `joined`, which has room for all and so
 * does not move. */
struct join {
    uint32_t index, pieces;
    size_t from;
    bool active, broken; /* broken: a piece is missing */
};

struct arguments {
    struct audit_event *e;
    struct btr_buffer *joined;
    struct join join;
    size_t size_most;     /* of all that may be joined */
    uint32_t told, given; /* argc=, arguments that came whole */
};

static void join_end(struct arguments *a)
{
    if (!a->join.active)
        return;
    struct audit_text *text = argument_at(a->e, a->join.index);
    if (text)
        *text = (struct audit_text){{a->joined->at + a->join.from, a->joined->size - a->join.from},
                                    AUDIT_TEXT_HEX};
    a->given += text && !a->join.broken;
    a->join.active = false;
}

static void piece_take(struct arguments *a, const struct argument_key *key,
                       const struct audit_field *f)
{
    if (!a->join.active || a->join.index != key->index) {
        join_end(a);
        a->join = (struct join){.index = key->index, .from = a->joined->size, .active = true};
    }
    a->join.broken |= key->piece != a->join.pieces;
    a->join.pieces = key->piece + 1;
    if (btr_buffer_reserve(a->joined, a->size_most))
        hex_put(a->joined, audit_text_of(f));
    a->size_most = 0; /* reserved once */
}

static void argument_take(struct arguments *a, const struct audit_field *f)
{
    struct argument_key key;
    if (!key_read(f->key, &key))
        return;
    if (key.split) {
        piece_take(a, &key, f);
        return;
    }
    join_end(a);
    struct audit_text *text = argument_at(a->e, key.index);
    if (!text)
        return;
    *text = audit_text_of(f);
    if (text->form == AUDIT_TEXT_NONE) /* an unquoted "(null)" or "?" is no argument that a kernel
                                          writes: keep it */
        *text = (struct audit_text){f->value, AUDIT_TEXT_PLAIN};
    a->given++;
}

static int record_take(struct arguments *a, struct audit_scan s, struct btr_err *err)
{
    struct audit_field f;
    enum audit_field_step step;
    while ((step = audit_field_next(&s, &f)) != AUDIT_FIELD_END) {
        if (step == AUDIT_FIELD_OPEN)
            return audit_field_refuse(&s, &f, "EXECVE", "has a quote that is not closed", err);
        if (!AUDIT_KEY(&f, "argc"))
            argument_take(a, &f);
        else if (!audit_number_u32(f.value, &a->told))
            return audit_field_refuse(&s, &f, "EXECVE", "is not the number it must be", err);
    }
    return 0;
}

int audit_execve_parse(const struct audit_slot_event *slot, struct btr_buffer *joined,
                       struct audit_event *e, struct btr_err *err)
{
    struct arguments a = {.e = e, .joined = joined};
    for (uint32_t i = 0; i < slot->part_count; i++)
        if (slot->parts[i].type == AUDIT_TYPE_EXECVE_)
            a.size_most += 2 * (size_t)slot->parts[i].size;
    for (uint32_t i = 0; i < slot->part_count; i++) {
        int rc = slot->parts[i].type == AUDIT_TYPE_EXECVE_
                     ? record_take(&a, audit_part_scan(slot, &slot->parts[i]), err)
                     : 0;
        if (rc < 0)
            return rc;
    }
    join_end(&a);
    if (joined->failed)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "arguments of an EXECVE event");
    e->args_left_out = a.told > a.given ? a.told - a.given : 0;
    return 0;
}
