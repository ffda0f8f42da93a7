/* Sentences that the text and the JSON of a ledger have in common. Raw bytes of names: whoever
 * prints them escapes them. */
#include <btr/answer.h>
#include <btr/clock.h>
#include <inttypes.h>
#include <string.h>

#include "loss/loss.h"

enum { LABEL_BYTES = 120 };

void loss_time(const struct btr_loss *loss, int64_t ns, struct btr_buffer *out)
{
    static const int64_t DAY_NS = INT64_C(86400) * 1000000000;
    char text[BTR_TIME_TEXT_SIZE];
    int64_t ms = ns / 1000000 - (ns % 1000000 < 0);
    btr_time_text(ms * 1000000, text);
    size_t size = strlen(text);
    if (size < 20 || text[10] != 'T' || text[size - 1] != 'Z') {
        btr_buffer_text(out, text);
        return;
    }
    if (ns / DAY_NS != loss->since_ns / DAY_NS) {
        btr_buffer_put(out, text, 10);
        btr_buffer_u8(out, ' ');
    }
    btr_buffer_format(out, "%.*s%s", (int)(size - 12), text + 11, size == 20 ? ".000" : "");
}

/* A command line may be as long as somebody likes. */
static void label_cut(struct btr_buffer *out, size_t begin)
{
    size_t end = begin + LABEL_BYTES;
    if (out->size <= end)
        return;
    while (end > begin && (out->at[end] & 0xc0) == 0x80) /* not within a letter */
        end--;
    out->size = end;
    btr_buffer_text(out, "...");
}

int loss_label(struct btr_loss *loss, struct btr_id id, int64_t at_ns, struct btr_buffer *out,
               struct btr_err *err)
{
    struct btr_entity e;
    int rc = loss_entity(loss, id, &e, err);
    if (rc < 0)
        return rc;
    if (e.host.size) {
        btr_buffer_span(out, e.host);
        btr_buffer_text(out, ": ");
    }
    size_t begin = out->size;
    btr_entity_label(out, &e, at_ns);
    label_cut(out, begin);
    return 0;
}

int loss_exit_words(struct btr_loss *loss, const struct loss_exit *exit, struct btr_buffer *out,
                    struct btr_err *err)
{
    struct btr_entity e;
    struct loss_end end;
    int rc = loss_entity(loss, exit->entity, &e, err);
    if (rc == 0)
        rc = loss_far_end(loss, &e, &end, err);
    if (rc != 0)
        return rc;
    if (!end.ip.size) {
        btr_entity_label(out, &e, exit->last_ns);
        return 0;
    }
    btr_buffer_span(out, end.ip);
    if (end.port.size) {
        btr_buffer_u8(out, ':');
        btr_buffer_span(out, end.port);
    }
    return 0;
}

void loss_gap_words(const struct btr_loss *loss, const struct loss_gap *gap, struct btr_buffer *out)
{
    if (gap->note) {
        btr_buffer_span(out, gap->host);
        btr_buffer_format(out, ": %s", gap->note);
        return;
    }
    btr_buffer_span(out, gap->host);
    btr_buffer_u8(out, ' ');
    btr_buffer_span(out, gap->source);
    if (gap->record_count)
        btr_buffer_format(out, " lacks %" PRIu64 " record%s", gap->record_count,
                          gap->record_count == 1 ? "" : "s");
    else
        btr_buffer_text(out, " may lack records");
    if (gap->places > 1)
        btr_buffer_format(out, " in %u places", gap->places);
    btr_buffer_text(out, " between ");
    loss_time(loss, gap->from_ns, out);
    btr_buffer_text(out, " and ");
    loss_time(loss, gap->until_ns, out);
    btr_buffer_format(out, ": %s", btr_gap_text(gap->kind));
}

const char *const loss_assumptions[] = {
    "no program but the intrusion's own hands content on in arguments, environment, names or times",
    "records begin where they do: what was copied before that is not followed", NULL};

/* "web01: rsync ... or one of 2 others" */
static int others_words(struct btr_loss *loss, const struct loss_others *others,
                        struct btr_buffer *out, struct btr_err *err)
{
    int rc = loss_label(loss, others->first, INT64_MAX, out, err);
    if (others->count > 1)
        btr_buffer_format(out, " or one of %u others", others->count - 1);
    return rc;
}

int loss_unless_words(struct btr_loss *loss, const struct loss_row *row, enum loss_unless which,
                      struct btr_buffer *out, struct btr_err *err)
{
    int rc = 0;
    if (!row->on_wire || !row->bounded)
        return 0;
    if (which == LOSS_UNLESS_PACKED)
        btr_buffer_text(out, "a program that hands on what it takes packed it");
    if (which == LOSS_UNLESS_UNTOLD && row->untold)
        btr_buffer_text(out, "a way out carried more by calls of which no bytes are told");
    if (which == LOSS_UNLESS_OTHERS && row->others.count) {
        rc = others_words(loss, &row->others, out, err);
        btr_buffer_text(out, ", who took it, too, handed it to the intrusion");
    }
    if (which == LOSS_UNLESS_USUAL && row->usual.count) {
        rc = others_words(loss, &row->usual, out, err);
        btr_buffer_text(out, ", who read it as is usual, handed it to the intrusion");
    }
    if (which == LOSS_UNLESS_NAMES && row->names.count) {
        btr_buffer_text(out, "somebody who had it by another name, ");
        rc = others_words(loss, &row->names, out, err);
        btr_buffer_text(out, ", handed it to the intrusion");
    }
    if (which == LOSS_UNLESS_STEERED && row->steered != LOSS_NONE) {
        rc = loss_label(loss, loss->steered[row->steered].process, INT64_MAX, out, err);
        btr_buffer_text(out, ", who may have done as a file of the intrusion says, sent it");
    }
    return rc;
}

void loss_source_words(const struct btr_loss *loss, const struct loss_source *source,
                       struct btr_buffer *out)
{
    uint32_t gaps = 0;
    for (uint32_t i = 0; i < loss->gap_count; i++)
        if (loss->gaps[i].host_key == source->host_key &&
            btr_span_equal(loss->gaps[i].source, source->source))
            gaps += loss->gaps[i].places;
    btr_buffer_span(out, source->host);
    btr_buffer_u8(out, ' ');
    btr_buffer_span(out, source->source);
    btr_buffer_text(out, gaps ? " with gaps" : " complete");
    if (source->first_ns || source->last_ns) { /* of what could not be decoded no time is known */
        btr_buffer_text(out, ", ");
        loss_time(loss, source->first_ns, out);
        btr_buffer_u8(out, '-');
        loss_time(loss, source->last_ns, out);
    }
    if (gaps)
        btr_buffer_format(out, " (%u)", gaps);
    if (!source->reads_told)
        btr_buffer_text(out, ", which tells no reads");
}

/* ---- Why a row has its verdict -------------------------------------------------------------- */

static uint32_t reached_count(const struct btr_loss *loss, const struct loss_row *row)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < row->piece_count; i++)
        count += loss->pieces[row->piece_begin + i].reached;
    return count;
}

/* The piece that a process of the intrusion read first; LOSS_NONE: it read none. */
static uint32_t first_read(const struct btr_loss *loss, const struct loss_row *row)
{
    uint32_t found = LOSS_NONE;
    for (uint32_t i = row->piece_begin; i < row->piece_begin + row->piece_count; i++)
        if (loss->pieces[i].read_ns != INT64_MAX &&
            (found == LOSS_NONE || loss->pieces[i].read_ns < loss->pieces[found].read_ns))
            found = i;
    return found;
}

static int lost_words(struct btr_loss *loss, const struct loss_row *row, struct btr_buffer *out,
                      struct btr_err *err)
{
    const struct loss_take *take = &row->takes[0];
    bool asked = take->ref == UINT64_MAX;
    int rc = loss_label(loss, take->by, take->at_ns, out, err);
    btr_buffer_text(out, asked ? " served the intrusion from " : " took ");
    if (rc == 0 && !asked)
        rc = loss_label(loss, take->from, take->at_ns, out, err);
    btr_buffer_text(out, asked ? "" : " at ");
    loss_time(loss, take->at_ns, out);
    btr_buffer_text(out, asked ? " on, and what it handed out went to " : ", and it went out to ");
    if (rc == 0)
        rc = loss_exit_words(loss, &loss->exits[row->exits[0]], out, err);
    if (row->exit_count > 1)
        btr_buffer_format(out, " and %u more", row->exit_count - 1);
    return rc;
}

static int touched_words(struct btr_loss *loss, const struct loss_row *row, struct btr_buffer *out,
                         struct btr_err *err)
{
    const struct btr_extent_item *item = &loss->extent.items[row->extent_item];
    int rc = loss_label(loss, item->entity, item->since_ns, out, err);
    btr_buffer_text(out, " was the intrusion's from ");
    loss_time(loss, item->since_ns, out);
    btr_buffer_format(out, " on: %s", btr_extent_why_text(item->why));
    return rc;
}

static int reached_words(struct btr_loss *loss, const struct loss_row *row, struct btr_buffer *out,
                         struct btr_err *err)
{
    if (row->extent_item != LOSS_NONE)
        return touched_words(loss, row, out, err);
    uint32_t read = first_read(loss, row);
    int rc = 0;
    if (read == LOSS_NONE && !reached_count(loss, row)) {
        btr_buffer_text(out, "content of it can have come to the intrusion through others");
        return 0;
    }
    if (read == LOSS_NONE) {
        btr_buffer_format(out,
                          "content of %u of its %u files can have come to the intrusion through "
                          "others; no process of it is seen to read them",
                          reached_count(loss, row), row->piece_count);
        return 0;
    }
    rc = loss_label(loss, loss->pieces[read].reader, loss->pieces[read].read_ns, out, err);
    btr_buffer_text(out, ", which the intrusion started or was served by, read ");
    if (rc == 0)
        rc = loss_label(loss, loss->pieces[read].entity, loss->pieces[read].read_ns, out, err);
    btr_buffer_text(out, " at ");
    loss_time(loss, loss->pieces[read].read_ns, out);
    btr_buffer_text(out, row->taken ? "; no way of it to what left is seen"
                                    : ", as that program usually does; no taking is seen");
    return rc;
}

/* "; but X read /etc/rclone.conf, which the intrusion had written, and then turned to the outside"
 */
static int steered_words(struct btr_loss *loss, const struct loss_row *row, struct btr_buffer *out,
                         struct btr_err *err)
{
    const struct loss_steered *s = &loss->steered[row->steered];
    btr_buffer_text(out, ", but can to ");
    int rc = loss_label(loss, s->process, s->since_ns, out, err);
    btr_buffer_text(out, ", which read ");
    if (rc == 0)
        rc = loss_label(loss, s->file, s->since_ns, out, err);
    btr_buffer_text(out, " at ");
    loss_time(loss, s->since_ns, out);
    btr_buffer_text(out, ", as the intrusion had written it, and then turned to the outside");
    return rc;
}

int loss_why(struct btr_loss *loss, uint32_t asset, struct btr_buffer *out, struct btr_err *err)
{
    const struct loss_row *row = &loss->rows[asset];
    if (row->verdict == LOSS_LOST)
        return lost_words(loss, row, out, err);
    if (row->reached)
        return reached_words(loss, row, out, err);
    if (row->piece_count)
        btr_buffer_format(
            out, "of its %u file%s nothing can have come to the intrusion by what is recorded",
            row->piece_count, row->piece_count == 1 ? "" : "s");
    else
        btr_buffer_text(out, "no record tells of anything that it names");
    if (row->verdict == LOSS_CANNOT_KNOW && row->steered != LOSS_NONE)
        return steered_words(loss, row, out, err);
    if (row->verdict == LOSS_CANNOT_KNOW && !loss_came_in(loss))
        btr_buffer_text(out, ", but no way in was found: how far the intrusion went is not known");
    else if (row->verdict == LOSS_CANNOT_KNOW && !loss_is_told_of(loss, asset))
        btr_buffer_text(out, ", and no source tells of its host");
    else if (row->verdict == LOSS_CANNOT_KNOW && loss_has_gap(loss, row))
        btr_buffer_text(out, ", but the records are not complete");
    else if (row->verdict == LOSS_CANNOT_KNOW)
        btr_buffer_text(out, ", but not all that is recorded was looked at");
    return 0;
}
