#include "call.h"

static void out_of_memory(struct win_call *c)
{
    c->rc = BTR_E_NOMEM;
}

void win_tell(struct win_call *c, enum btr_operation operation, struct win_who subject,
              struct btr_id object, enum btr_doubt doubt, unsigned flags)
{
    if (c->rc < 0 || btr_id_is_none(subject.id) || btr_id_is_none(object))
        return;
    struct btr_event *e = btr_batch_event(c->out);
    if (!e) {
        out_of_memory(c);
        return;
    }
    bool counts = !(flags & (BTR_EVENT_PART | BTR_EVENT_IMPLIED));
    *e = (struct btr_event){
        .subject = subject.id,
        .object = object,
        .time_ns = c->told_ns,
        .first_ns = c->first_ns,
        .last_ns = c->last_ns,
        .bytes = BTR_BYTES_UNKNOWN,
        .record_id = c->f->record_id,
        .line = c->out->line,
        .stream = c->stream,
        .operation = (uint8_t)operation,
        .doubt = (uint8_t)(doubt ? doubt : subject.doubt),
        .flags =
            (uint8_t)(flags | c->flags | (counts && c->first_told ? (unsigned)BTR_EVENT_PART : 0u)),
    };
    c->first_told |= counts;
    c->state->stats.events++;
}

void win_imply(struct win_call *c, enum btr_operation operation, struct win_who subject,
               struct btr_id object)
{
    win_tell(c, operation, subject, object, BTR_DOUBT_INFERRED, BTR_EVENT_IMPLIED);
}

void win_tell_only(struct win_call *c, struct win_who subject, struct btr_id object)
{
    if (!subject.known)
        subject = win_known(win_host(c));
    win_tell(c, BTR_OP_TOLD, subject, btr_id_is_none(object) ? win_host(c) : object, BTR_DOUBT_NONE,
             0);
}

void win_gap(struct win_call *c, enum btr_gap_kind kind, struct btr_span why)
{
    struct btr_gap *gap = c->rc < 0 ? NULL : btr_batch_gap(c->out);
    if (!gap) {
        out_of_memory(c);
        return;
    }
    *gap = (struct btr_gap){.stream = c->stream,
                            .kind = (uint8_t)kind,
                            .from_ns = c->first_ns,
                            .until_ns = c->last_ns,
                            .from_id = c->f->record_id,
                            .until_id = c->f->record_id,
                            .line = c->out->line,
                            .why = why};
}

/* ---- Notes ---------------------------------------------------------------------------------- */

void win_note_attr(struct win_note *note, enum btr_attr_key key, struct btr_span value)
{
    if (value.size && note->count < WIN_NOTE_ATTRS)
        note->attrs[note->count++] = (struct win_note_attr){key, value};
}

void win_note_number(struct win_call *c, struct win_note *note, enum btr_attr_key key,
                     uint64_t value)
{
    uint8_t digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value);
    struct btr_span text;
    if (btr_arena_copy(c->arena, (struct btr_span){digits + at, sizeof(digits) - at}, &text))
        win_note_attr(note, key, text);
    else
        out_of_memory(c);
}

void win_note_user(struct win_note *note, struct btr_span user)
{
    const uint8_t *slash = user.size ? memchr(user.at, '\\', user.size) : NULL;
    if (!slash) {
        win_note_attr(note, BTR_ATTR_USER_NAME, user);
        return;
    }
    size_t domain = (size_t)(slash - user.at);
    win_note_attr(note, BTR_ATTR_USER_DOMAIN, (struct btr_span){user.at, domain});
    win_note_attr(note, BTR_ATTR_USER_NAME, (struct btr_span){slash + 1, user.size - domain - 1});
}

/* The value of one algorithm in "SHA1=..,MD5=..". */
static struct btr_span hash_of(struct btr_span hashes, struct btr_span name)
{
    size_t at = 0;
    while (at < hashes.size) {
        struct btr_span item = {hashes.at + at, hashes.size - at};
        const uint8_t *comma = memchr(item.at, ',', item.size);
        if (comma)
            item.size = (size_t)(comma - item.at);
        if (item.size > name.size && btr_span_begins(item, name))
            return (struct btr_span){item.at + name.size, item.size - name.size};
        at += item.size + 1;
    }
    return (struct btr_span){0};
}

void win_note_hashes(struct win_note *note, struct btr_span hashes)
{
    win_note_attr(note, BTR_ATTR_FILE_HASH_SHA256, hash_of(hashes, BTR_SPAN("SHA256=")));
    win_note_attr(note, BTR_ATTR_FILE_HASH_MD5, hash_of(hashes, BTR_SPAN("MD5=")));
}

/* The note as one id: what was told under it since the segment began is not told again. */
static struct btr_id note_digest(const struct win_note *note)
{
    uint8_t head[24] = {(uint8_t)note->kind, (uint8_t)note->flags};
    memcpy(head + 8, &note->id, sizeof(note->id));
    struct btr_id digest = btr_id_hash((struct btr_span){head, sizeof(head)});
    for (uint32_t i = 0; i < note->count; i++) {
        uint8_t key[1 + sizeof(digest)] = {(uint8_t)note->attrs[i].key};
        memcpy(key + 1, &digest, sizeof(digest));
        const struct btr_span parts[] = {{key, sizeof(key)}, note->attrs[i].value};
        digest = btr_id_of(parts, 2);
    }
    return digest;
}

enum { NOTED_MAX = 1 << 20 }; /* then it is forgotten, and told again */

static bool note_is_new(struct win_call *c, const struct win_note *note)
{
    struct btr_decoder_state *s = c->state;
    if (s->noted_epoch != c->out->epoch || s->noted.count >= NOTED_MAX) {
        btr_idmap_clear(&s->noted);
        s->noted_epoch = c->out->epoch;
    }
    struct btr_id digest = note_digest(note);
    if (btr_idmap_get(&s->noted, digest) != UINT32_MAX)
        return false;
    if (btr_idmap_add(&s->noted, digest, 1) == UINT32_MAX)
        out_of_memory(c);
    return true;
}

void win_note_tell(struct win_call *c, const struct win_note *note)
{
    if (c->rc < 0 || btr_id_is_none(note->id) || !note_is_new(c, note))
        return;
    struct btr_note *told = btr_batch_note(c->out);
    if (!told) {
        out_of_memory(c);
        return;
    }
    told->id = note->id;
    told->kind = (uint8_t)note->kind;
    told->flags = (uint8_t)note->flags;
    told->host = note->everywhere ? UINT32_MAX : c->host_name;
    for (uint32_t i = 0; i < note->count; i++)
        if (!btr_batch_attr(c->out, note->attrs[i].key, c->first_ns, note->attrs[i].value))
            out_of_memory(c);
}
