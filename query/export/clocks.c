/* Clocks of hosts, in words. */
#include <btr/escape.h>

#include "exports.h"

void query_clock_why(struct btr_buffer *out, const struct btr_clock *c)
{
    if (c->beside.size == 0) {
        btr_buffer_text(out, "what the other clocks are compared with");
        return;
    }
    if (c->pair_count == 0) {
        btr_buffer_text(out, "no connection tells: taken to be as most clocks here");
        return;
    }
    btr_buffer_format(out,
                      c->measured ? "measured by %u connection%s with " : "%u connection%s with ",
                      c->pair_count, c->pair_count == 1 ? "" : "s");
    btr_buffer_span(out, c->beside);
    if (!c->measured)
        btr_buffer_text(out, c->pair_count == 1 ? " agrees" : " agree");
}

/* "40.00 s"; offsets are of an hour or so at most. */
static void seconds_say(struct btr_buffer *out, int64_t ns)
{
    uint64_t hundredths = ((uint64_t)(ns < 0 ? -ns : ns) + 5000000) / 10000000;
    btr_buffer_format(out, "%llu.%02llu s", (unsigned long long)(hundredths / 100),
                      (unsigned long long)(hundredths % 100));
}

static struct btr_span first_of(const struct btr_clock *clocks, uint32_t count)
{
    uint32_t i = 0;
    while (i + 1 < count && clocks[i].beside.size)
        i++;
    return clocks[i].host;
}

void query_clock_text(struct btr_buffer *out, const struct btr_clock *c,
                      const struct btr_clock *clocks, uint32_t count)
{
    struct btr_buffer why = {0};
    query_clock_why(&why, c);
    btr_escape_terminal(out, c->host);
    btr_buffer_text(out, "'s clock is ");
    seconds_say(out, c->ahead_ns);
    btr_buffer_text(out, c->ahead_ns > 0 ? " ahead of " : " behind ");
    btr_escape_terminal(out, first_of(clocks, count));
    btr_buffer_format(out, "'s, within %llu ms (",
                      (unsigned long long)((c->error_ns + 999999) / 1000000));
    btr_escape_terminal(out, btr_buffer_view(&why));
    btr_buffer_text(out, ").\n");
    out->failed |= why.failed;
    btr_buffer_fini(&why);
}
