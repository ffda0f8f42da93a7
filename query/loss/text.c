/*
 * The ledger for people: what was lost first, the worst first; then by which ways it left, what
 * else was taken, and on what all that rests.
 */
#include <btr/clock.h>
#include <btr/damage.h>
#include <btr/escape.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "loss/after.h"

enum { LINKS_TOLD = 24, UNLISTED_TOLD = 20, GAPS_TOLD = 8, STAGED_TOLD = 6, EXITS_TOLD = 6 };

struct ledger_text {
    struct btr_loss *loss;
    struct btr_buffer *out;
    struct btr_buffer words; /* raw; escaped on their way out */
    bool colour;
    struct btr_err *err;
};

static void say(struct ledger_text *t, const char *text)
{
    btr_buffer_text(t->out, text);
}

/* Words that a record may have chosen. */
static void words_say(struct ledger_text *t)
{
    btr_escape_terminal(t->out, btr_buffer_view(&t->words));
    t->out->failed |= t->words.failed; /* what could not be said is not left out */
    btr_buffer_clear(&t->words);
}

static void span_say(struct ledger_text *t, struct btr_span span)
{
    btr_escape_terminal(t->out, span);
}

static void number_say(struct ledger_text *t, uint64_t number)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, number);
    for (int i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0)
            btr_buffer_u8(t->out, ',');
        btr_buffer_u8(t->out, (uint8_t)digits[i]);
    }
}

static void time_say(struct ledger_text *t, int64_t ns)
{
    loss_time(t->loss, ns, t->out);
}

static void heading(struct ledger_text *t, const char *text)
{
    btr_buffer_format(t->out, "\n%s%s%s\n", t->colour ? "\033[1m" : "", text,
                      t->colour ? "\033[0m" : "");
}

static const char *colour_of(enum loss_verdict verdict)
{
    static const char *const COLOURS[] = {"\033[1;31m", "\033[33m", "\033[35m", "\033[32m"};
    return COLOURS[verdict];
}

/* ---- Rows ---- */

static void bytes_say(struct ledger_text *t, const struct loss_row *row)
{
    if (!row->reached)
        return;
    if (row->bytes_min) {
        say(t, ", at least ");
        number_say(t, row->bytes_min);
        say(t, row->bounded ? "" : " bytes");
    }
    say(t, row->bounded ? ", at most " : ", no bound on how much");
    if (!row->bounded)
        return;
    number_say(t, row->bytes_max);
    say(t, row->on_wire ? " bytes (as connections carried it)" : " bytes");
}

/* What a bound by connections rests on. */
static int unless_say(struct ledger_text *t, const struct loss_row *row)
{
    bool first = true;
    int rc = 0;
    for (int which = 0; rc == 0 && which < LOSS_UNLESS_COUNT; which++) {
        rc = loss_unless_words(t->loss, row, which, &t->words, t->err);
        if (!t->words.size)
            continue;
        say(t, first ? "        unless " : "            or ");
        words_say(t);
        say(t, "\n");
        first = false;
    }
    return rc;
}

static int chain_say(struct ledger_text *t, const struct loss_row *row)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < row->link_count && i < LINKS_TOLD; i++) {
        const struct loss_link *link = &row->links[i];
        if (i == 0) {
            say(t, "        ");
            rc = loss_label(t->loss, link->from, link->last_ns, &t->words, t->err);
            words_say(t);
            say(t, "\n");
        }
        say(t, "          ");
        if (link->ref < BTR_REF_CROSSING)
            time_say(t, link->last_ns);
        else
            say(t, "            ");
        say(t, link->ref >= BTR_REF_CROSSING ? "  =  " : "  -> ");
        if (rc == 0)
            rc = loss_label(t->loss, link->to, link->last_ns, &t->words, t->err);
        words_say(t);
        say(t, "\n");
    }
    if (row->link_count > LINKS_TOLD)
        btr_buffer_format(t->out, "          ... %u steps more (--output json)\n",
                          row->link_count - LINKS_TOLD);
    return rc;
}

static int left_say(struct ledger_text *t, const struct loss_row *row)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < row->exit_count && i < EXITS_TOLD; i++) {
        const struct loss_exit *exit = &t->loss->exits[row->exits[i]];
        say(t, i ? "              " : "        left: ");
        time_say(t, exit->first_ns);
        say(t, " to ");
        rc = loss_exit_words(t->loss, exit, &t->words, t->err);
        words_say(t);
        if (exit->bytes_told) {
            say(t, ", ");
            number_say(t, exit->bytes);
            say(t, exit->asset == LOSS_NONE ? " bytes on the wire" : " bytes");
        }
        say(t, "\n");
    }
    if (row->exit_count > EXITS_TOLD)
        btr_buffer_format(t->out, "              and %u more\n", row->exit_count - EXITS_TOLD);
    for (uint32_t i = 0; rc == 0 && i < row->staged_count && i < STAGED_TOLD; i++) {
        say(t, i ? "                " : "        through ");
        rc = loss_label(t->loss, row->staged[i], INT64_MAX, &t->words, t->err);
        words_say(t);
        say(t, "\n");
    }
    return rc;
}

static int gaps_say(struct ledger_text *t, const struct loss_row *row)
{
    uint32_t told = 0, more = 0;
    for (uint32_t i = 0; i < t->loss->gap_count; i++) {
        const struct loss_gap *gap = &t->loss->gaps[i];
        if (!loss_concerns(t->loss, gap->host_key, row))
            continue;
        if (told == GAPS_TOLD) {
            more++;
            continue;
        }
        told++;
        say(t, "        ");
        loss_gap_words(t->loss, gap, &t->words);
        words_say(t);
        say(t, "\n");
    }
    if (more)
        btr_buffer_format(t->out, "        and %u gaps more\n", more);
    return 0;
}

static int row_say(struct ledger_text *t, uint32_t asset)
{
    const struct loss_row *row = &t->loss->rows[asset];
    const struct btr_asset *a = btr_assets_at(t->loss->options.assets, asset);
    btr_buffer_format(t->out, "%s%-13s%s ", t->colour ? colour_of(row->verdict) : "",
                      loss_verdict_word(row->verdict), t->colour ? "\033[0m" : "");
    span_say(t, a->name);
    if (a->classification.size) {
        say(t, " (");
        span_say(t, a->classification);
        say(t, ")");
    }
    bytes_say(t, row);
    say(t, row->changed ? ", CHANGED\n" : "\n");
    say(t, "        ");
    int rc = loss_why(t->loss, asset, &t->words, t->err);
    words_say(t);
    say(t, "\n");
    if (rc == 0)
        rc = unless_say(t, row);
    if (rc == 0 && row->verdict == LOSS_LOST)
        rc = chain_say(t, row);
    if (rc == 0 && row->verdict == LOSS_LOST)
        rc = left_say(t, row);
    if (rc == 0 && row->verdict == LOSS_CANNOT_KNOW)
        rc = gaps_say(t, row);
    return rc;
}

static int rows_say(struct ledger_text *t)
{
    int rc = 0;
    for (int verdict = LOSS_LOST; verdict <= LOSS_NOT; verdict++)
        for (uint32_t i = 0; rc == 0 && i < t->loss->row_count; i++)
            if (t->loss->rows[i].verdict == (enum loss_verdict)verdict &&
                !btr_assets_at(t->loss->options.assets, i)->is_exit)
                rc = row_say(t, i);
    return rc;
}

/* ---- The rest ---- */

static int exits_say(struct ledger_text *t)
{
    int rc = 0;
    if (t->loss->exit_count)
        heading(t, "Ways out that the intrusion used");
    for (uint32_t i = 0; rc == 0 && i < t->loss->exit_count; i++) {
        const struct loss_exit *exit = &t->loss->exits[i];
        say(t, "  ");
        time_say(t, exit->first_ns);
        say(t, "  ");
        rc = loss_exit_words(t->loss, exit, &t->words, t->err);
        words_say(t);
        say(t, "  ");
        if (exit->bytes_told)
            number_say(t, exit->bytes);
        say(t, exit->bytes_told ? " bytes by " : "bytes not told, by ");
        if (rc == 0)
            rc = loss_label(t->loss, exit->process, exit->last_ns, &t->words, t->err);
        if (rc == 0 && exit->kind == LOSS_EXIT_PAGE) {
            btr_buffer_text(&t->words, ", which handed out ");
            rc = loss_label(t->loss, exit->holder, exit->last_ns, &t->words, t->err);
        }
        words_say(t);
        say(t, "\n");
    }
    return rc;
}

static int unlisted_say(struct ledger_text *t)
{
    int rc = 0;
    if (t->loss->unlisted_count)
        heading(t, "Taken, sent or possibly sent, and in no inventory");
    for (uint32_t i = 0; rc == 0 && i < t->loss->unlisted_count && i < UNLISTED_TOLD; i++) {
        const struct loss_unlisted *u = &t->loss->unlisted[i];
        say(t, "  ");
        time_say(t, u->read_ns);
        say(t, "  ");
        rc = loss_label(t->loss, u->file, u->read_ns, &t->words, t->err);
        btr_buffer_text(&t->words, "  by ");
        if (rc == 0)
            rc = loss_label(t->loss, u->process, u->read_ns, &t->words, t->err);
        words_say(t);
        say(t, "\n");
    }
    if (t->loss->unlisted_count > UNLISTED_TOLD)
        btr_buffer_format(t->out, "  and %u more (--output json)\n",
                          t->loss->unlisted_count - UNLISTED_TOLD);
    return rc;
}

static void assumptions_say(struct ledger_text *t)
{
    heading(t, "What that rests on");
    for (uint32_t i = 0; i < t->loss->source_count; i++) {
        say(t, "  ");
        loss_source_words(t->loss, &t->loss->sources[i], &t->words);
        words_say(t);
        say(t, "\n");
    }
    for (const char *const *text = loss_assumptions; *text; text++)
        btr_buffer_format(t->out, "  %s\n", *text);
}

static void head_say(struct ledger_text *t)
{
    const struct btr_loss *loss = t->loss;
    uint32_t processes = 0;
    for (uint32_t i = 0; i < loss->extent.count; i++)
        processes += loss->extent.items[i].role == BTR_EXTENT_PROCESS;
    if (btr_loss_is_cut(loss))
        say(t, "CUT: a limit was met; nothing is said to be not lost that was not looked at\n\n");
    if (!loss_came_in(loss))
        say(t, "NO WAY IN was found: nothing is said to be not lost\n\n");
    say(t, "The intrusion");
    for (uint32_t i = 0; i < loss->address_count; i++) {
        say(t, i ? ", " : " from ");
        span_say(t, loss->addresses[i]);
    }
    if (loss->since_ns != INT64_MAX) {
        char text[BTR_TIME_TEXT_SIZE];
        btr_time_text(loss->since_ns, text);
        btr_buffer_format(t->out, ", seen since %s", text);
    }
    btr_buffer_format(t->out, ", ran %u processes\n\n", processes);
}

int btr_loss_text(struct btr_loss *loss, bool colour, struct btr_buffer *out, struct btr_err *err)
{
    struct ledger_text t = {.loss = loss, .out = out, .colour = colour, .err = err};
    btr_damage_text(out, loss->reader);
    head_say(&t);
    int rc = rows_say(&t);
    if (rc == 0)
        rc = exits_say(&t);
    if (rc == 0)
        rc = unlisted_say(&t);
    if (rc == 0)
        rc = loss_erased_text(loss, out, err);
    if (rc == 0)
        rc = loss_remaining_text(loss, out, err);
    if (rc == 0)
        rc = loss_containment_text(loss, out, err);
    assumptions_say(&t);
    btr_buffer_fini(&t.words);
    return rc < 0 ? rc : out->failed ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ledger as text") : 0;
}
