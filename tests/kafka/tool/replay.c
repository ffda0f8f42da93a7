/*
 * A fleet that tells now what was recorded once: each host goes through the recording from a place
 * of its own, and each of its messages gets the time at which it is due and the host's next serial.
 */
#include "tool.h"

#include <inttypes.h>
#include <time.h>

enum { FIRST_SERIAL = 1000, RECORDING_MAX = 1 << 30 /* bytes */, NEAR = 64 /* messages */ };

static struct btr_span recorded(const struct replay *r, uint64_t number)
{
    size_t begin = number ? r->ends[number - 1] : 0;
    return (struct btr_span){r->bytes.at + begin, r->ends[number] - begin};
}

/* From the first stamp of a message to its end: time and serial; empty when it has none. */
static struct btr_span stamp_of(struct btr_span message)
{
    static const char before[] = "msg=audit(";
    const uint8_t *at = memmem(message.at, message.size, before, sizeof(before) - 1);
    const uint8_t *end = at ? memchr(at, ')', message.size - (size_t)(at - message.at)) : NULL;
    return end ? (struct btr_span){at, (size_t)(end - at)} : (struct btr_span){0};
}

/* Whether an event's lines stand in several messages, as others were written between them. */
static bool is_piece(const struct replay *r, uint64_t number)
{
    struct btr_span stamp = stamp_of(recorded(r, number));
    uint64_t first = number > NEAR ? number - NEAR : 0, end = number + NEAR;
    for (uint64_t i = first; stamp.size && i < r->recorded && i < end; i++)
        if (i != number && btr_span_equal(stamp, stamp_of(recorded(r, i))))
            return true;
    return false;
}

/* Each message is told as an event of its own: a piece of one would wait for the others for as long
 * as a decoder waits, and what its host tells behind it, too. */
static bool pieces_leave_out(struct replay *r)
{
    r->whole = malloc(r->recorded * sizeof(*r->whole));
    for (uint64_t i = 0; r->whole && i < r->recorded; i++)
        if (!is_piece(r, i))
            r->whole[r->whole_count++] = i;
    return r->whole_count > 0;
}

int replay_load(struct replay *r, const struct options *o)
{
    struct frames f = {.from = stdin, .form = o->form};
    struct btr_buffer ends = {0};
    struct message m;
    struct timespec now;
    int rc;
    while ((rc = frames_next(&f, &m)) > 0 && r->bytes.size < RECORDING_MAX) {
        btr_buffer_span(&r->bytes, m.value);
        btr_buffer_put(&ends, &r->bytes.size, sizeof(r->bytes.size));
        r->recorded++;
    }
    frames_fini(&f);
    r->ends = (size_t *)(void *)ends.at;
    if (rc < 0 || r->bytes.failed || ends.failed || !r->recorded || !pieces_leave_out(r))
        return -1;
    clock_gettime(CLOCK_REALTIME, &now);
    r->began_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    r->hosts = o->hosts;
    r->rate = o->rate;
    r->total = o->rate * o->seconds;
    return 0;
}

/* Copies a message with each stamp of it replaced. */
static void stamped(struct btr_buffer *out, struct btr_span from, int64_t time_ms, uint64_t serial)
{
    static const char before[] = "msg=audit(";
    const uint8_t *end = from.at + from.size, *at;
    while (from.size && (at = memmem(from.at, from.size, before, sizeof(before) - 1))) {
        at += sizeof(before) - 1;
        btr_buffer_put(out, from.at, (size_t)(at - from.at));
        btr_buffer_format(out, "%" PRId64 ".%03d:%" PRIu64, time_ms / 1000, (int)(time_ms % 1000),
                          serial);
        const uint8_t *rest = memchr(at, ')', (size_t)(end - at));
        from = rest ? (struct btr_span){rest, (size_t)(end - rest)} : (struct btr_span){0};
    }
    btr_buffer_span(out, from);
}

int replay_next(struct replay *r, struct message *out)
{
    if (r->sent == r->total)
        return 0;
    uint64_t host = r->sent % r->hosts, turn = r->sent / r->hosts;
    uint64_t begin = host * r->whole_count / r->hosts; /* both below 2^31 */
    int64_t due_ms = r->began_ms + (int64_t)(r->sent * 1000 / r->rate);
    btr_buffer_clear(&r->message);
    stamped(&r->message, recorded(r, r->whole[(begin + turn) % r->whole_count]), due_ms,
            FIRST_SERIAL + turn);
    snprintf(r->key, sizeof(r->key), "host-%07" PRIu64, host);
    *out = (struct message){.key = btr_span_of(r->key),
                            .value = btr_buffer_view(&r->message),
                            .has_key = true,
                            .has_value = true};
    r->sent++;
    return r->message.failed ? -1 : 1;
}

void replay_fini(struct replay *r)
{
    btr_buffer_fini(&r->bytes);
    btr_buffer_fini(&r->message);
    free(r->ends);
    free(r->whole);
}
