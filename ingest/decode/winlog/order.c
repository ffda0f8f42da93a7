#include "order.h"

static int64_t plus(int64_t a, int64_t b)
{
    if (b > 0 && a > INT64_MAX - b)
        return INT64_MAX;
    return b < 0 && a < INT64_MIN - b ? INT64_MIN : a + b;
}

static void tell(struct win_gaps *gaps, const struct btr_gap *told)
{
    struct btr_gap *gap = btr_batch_gap(gaps->out);
    if (!gap) {
        gaps->failed = true;
        return;
    }
    *gap = *told;
    gap->stream = gaps->stream;
    if (gap->line == 0)
        gap->line = gaps->out->line;
}

static void tell_clock(struct win_gaps *gaps, int64_t a_ns, int64_t b_ns, const char *why)
{
    struct btr_gap gap = {.kind = BTR_GAP_CLOCK,
                          .from_ns = a_ns < b_ns ? a_ns : b_ns,
                          .until_ns = a_ns < b_ns ? b_ns : a_ns,
                          .why = btr_span_of(why)};
    tell(gaps, &gap);
}

/* ---- Holes ---------------------------------------------------------------------------------- */

static void tell_holes(struct win_channel *c, struct win_gaps *gaps)
{
    if (c->gap_missing == 0)
        return;
    struct btr_gap gap = {.kind = BTR_GAP_HOLE,
                          .from_ns = c->gap.from.o_ns,
                          .until_ns = c->gap.until.o_ns,
                          .from_id = c->gap.from.id,
                          .until_id = c->gap.until.id,
                          .count = c->gap_missing,
                          .line = c->gap.line,
                          .why = BTR_SPAN("record ids are missing: not collected, or lost")};
    if (gap.until_ns <
        gap.from_ns) { /* of a stamped channel: neighbours in sequence are not in time */
        int64_t earlier_ns = gap.until_ns;
        gap.until_ns = gap.from_ns;
        gap.from_ns = earlier_ns;
    }
    tell(gaps, &gap);
    c->gap_missing = 0;
}

/* The oldest hole will not be filled any more. */
static void settle_hole(struct win_channel *c, struct win_gaps *gaps)
{
    struct win_hole hole = c->holes[0];
    memmove(c->holes, c->holes + 1, --c->hole_count * sizeof(hole));
    if (c->gap_missing &&
        (hole.from.o_ns > plus(c->gap.until.o_ns, WIN_MERGE_NS) || hole.from.id < c->gap.until.id))
        tell_holes(c, gaps);
    if (c->gap_missing == 0)
        c->gap = hole;
    c->gap.until.id = hole.until.id;
    if (hole.until.o_ns > c->gap.until.o_ns)
        c->gap.until.o_ns = hole.until.o_ns;
    c->gap_missing += hole.until.id - hole.from.id - 1;
}

static void open_hole(struct win_channel *c, struct win_seen from, struct win_seen until,
                      struct win_gaps *gaps)
{
    if (c->hole_count == WIN_HOLES)
        settle_hole(c, gaps);
    c->holes[c->hole_count++] = (struct win_hole){from, until, gaps->out->line};
}

/* A late record splits the hole it was missed from. */
static void fill_hole(struct win_channel *c, struct win_seen seen)
{
    for (uint32_t i = 0; i < c->hole_count; i++) {
        struct win_hole *hole = &c->holes[i];
        if (seen.id <= hole->from.id || seen.id >= hole->until.id)
            continue;
        struct win_hole after = {seen, hole->until, hole->line};
        bool before_left = seen.id - hole->from.id > 1, after_left = after.until.id - seen.id > 1;
        if (before_left && after_left && c->hole_count < WIN_HOLES) {
            hole->until = seen;
            memmove(hole + 2, hole + 1, (c->hole_count - i - 1) * sizeof(*hole));
            hole[1] = after;
            c->hole_count++;
        } else if (before_left) {
            hole->until = seen;
        } else if (after_left) {
            *hole = after;
        } else {
            memmove(hole, hole + 1, (c->hole_count - i - 1) * sizeof(*hole));
            c->hole_count--;
        }
        return;
    }
}

void win_order_flush(struct win_channel *c, struct win_gaps *gaps)
{
    while (c->hole_count)
        settle_hole(c, gaps);
    tell_holes(c, gaps);
}

/* ---- Order ---------------------------------------------------------------------------------- */

static int64_t advance(struct win_channel *c, int64_t time_ns, struct win_gaps *gaps)
{
    if (!c->begun) {
        c->begun = true;
        c->max_ns = time_ns;
        return time_ns;
    }
    if (c->jumping) {
        c->jumping = false;
        if (plus(time_ns, WIN_GUARD_NS) >= c->jump_ns)
            c->max_ns = c->jump_ns > c->max_ns ? c->jump_ns : c->max_ns;
        else
            tell_clock(gaps, c->max_ns, c->jump_ns,
                       "a record is dated far ahead of those that follow it");
    }
    if (time_ns > plus(c->max_ns, WIN_GUARD_NS)) {
        c->jumping = true;
        c->jump_ns = time_ns;
        c->behind = 0;
        return time_ns;
    }
    if (plus(time_ns, WIN_GUARD_NS) < c->max_ns && ++c->behind >= WIN_BEHIND) {
        tell_clock(gaps, time_ns, c->max_ns, "the clock was set back");
        c->behind = 0;
        c->max_ns = time_ns;
        return time_ns;
    }
    if (plus(time_ns, WIN_GUARD_NS) >= c->max_ns)
        c->behind = 0;
    c->max_ns = time_ns > c->max_ns ? time_ns : plus(c->max_ns, 1);
    return c->max_ns;
}

static void ring_insert(struct win_channel *c, uint32_t at, struct win_seen seen)
{
    if (c->ring_count == WIN_RING) {
        if (at == 0)
            return; /* older than all that is remembered */
        memmove(c->ring, c->ring + 1, (WIN_RING - 1) * sizeof(seen));
        c->ring_count--;
        at--;
    }
    memmove(c->ring + at + 1, c->ring + at, (c->ring_count - at) * sizeof(seen));
    c->ring[at] = seen;
    c->ring_count++;
}

/* A record that comes after its successors. Its time is held between its neighbours in sequence,
 * unless it was stamped. */
static int64_t order_late(struct win_channel *c, uint64_t id, int64_t time_ns, bool stamped)
{
    uint32_t at = c->ring_count;
    while (at > 0 && c->ring[at - 1].id > id)
        at--;
    if (at > 0 && c->ring[at - 1].id == id)
        return stamped ? time_ns : c->ring[at - 1].o_ns;
    int64_t o = time_ns;
    if (!stamped && at < c->ring_count && o >= c->ring[at].o_ns)
        o = plus(c->ring[at].o_ns, -1);
    if (!stamped && at > 0 && o <= c->ring[at - 1].o_ns)
        o = c->ring[at - 1].o_ns;
    struct win_seen seen = {id, o};
    fill_hole(c, seen);
    ring_insert(c, at, seen);
    return o;
}

/* Records stamped alike follow one another by a nanosecond each. */
static int64_t order_tie(struct win_channel *c, int64_t time_ns)
{
    for (uint32_t i = 0; i < c->tie_count; i++)
        if (c->ties[i].time_ns == time_ns)
            return plus(time_ns, (int64_t)c->ties[i].count++);
    c->tie_count += c->tie_count < WIN_TIES;
    memmove(c->ties + 1, c->ties, (c->tie_count - 1) * sizeof(*c->ties));
    c->ties[0] = (struct win_tie){time_ns, 1};
    return time_ns;
}

static int64_t order_next(struct win_channel *c, const struct win_time *when, int64_t stamped_ns,
                          struct win_gaps *gaps)
{
    int64_t o = advance(c, when->logged_ns, gaps);
    return when->stamped ? stamped_ns : o;
}

int64_t win_order(struct win_channel *c, uint64_t id, const struct win_time *when,
                  struct win_gaps *gaps)
{
    int64_t time_ns = when->stamped ? order_tie(c, when->time_ns) : when->time_ns;
    if (id == 0) {
        if (c->input != gaps->out->input) /* another file is another sequence */
            c->begun = c->jumping = false;
        c->input = gaps->out->input;
        return order_next(c, when, time_ns, gaps);
    }
    struct win_seen newest = c->ring_count ? c->ring[c->ring_count - 1] : (struct win_seen){0};
    if (c->ring_count && id <= newest.id && newest.id - id < WIN_LATE_MAX)
        return order_late(c, id, time_ns, when->stamped);
    if (c->ring_count && id < newest.id) { /* numbering began anew */
        win_order_flush(c, gaps);
        c->ring_count = 0;
        c->begun = c->jumping = false;
    }
    struct win_seen seen = {id, order_next(c, when, time_ns, gaps)};
    if (c->ring_count && id - newest.id > 1)
        open_hole(c, newest, seen, gaps);
    ring_insert(c, c->ring_count, seen);
    while (c->hole_count && id - c->holes[0].until.id > WIN_RING)
        settle_hole(c, gaps);
    return seen.o_ns;
}

/* ---- Clocks --------------------------------------------------------------------------------- */

#define QUARTER_NS INT64_C(900000000000)
#define ZONE_MAX_NS                                                                                \
    (INT64_C(36) * 3600 * 1000000000) /* 12-hour clocks without AM and PM add half a day */

static int64_t quarters(int64_t ns)
{
    int64_t half = ns < 0 ? -QUARTER_NS / 2 : QUARTER_NS / 2;
    return (ns + half) / QUARTER_NS * QUARTER_NS;
}

static int64_t distance(int64_t a, int64_t b)
{
    int64_t d;
    if (__builtin_sub_overflow(a, b, &d) || d == INT64_MIN)
        return INT64_MAX;
    return d < 0 ? -d : d;
}

static bool has_zone(struct btr_span text)
{
    if (text.size < 6)
        return false;
    uint8_t last = text.at[text.size - 1], sign = text.at[text.size - 6];
    return last == 'Z' || last == 'z' || sign == '+' || (sign == '-' && text.size > 19);
}

struct own_time {
    int64_t ns;
    int64_t width_ns;
    bool told, zoned; /* zoned: the shipper can be believed about UTC */
};

static bool parse_member(const struct win_fields *f, enum win_name name, struct own_time *out)
{
    const struct btr_json_member *m = win_member(f, name);
    if (!m || !btr_time_parse(m->value, &out->ns))
        return false;
    out->told = true;
    out->width_ns = memchr(m->value.at, '.', m->value.size) ? 0 : INT64_C(999999999);
    return true;
}

/* The record's own time as its shipper wrote it. */
static struct own_time own_time(const struct win_fields *f, const struct win_clock *clock)
{
    struct own_time own = {0}, receipt = {0};
    bool beat = win_member(f, WIN_NAME(winlog_channel)) || win_member(f, WIN_NAME(log_name));
    if (beat) {
        own.zoned = true;
        if (parse_member(f, WIN_NAME(timestamp), &own) ||
            parse_member(f, WIN_NAME(event_created), &own))
            return own;
    }
    if (parse_member(f, WIN_NAME(TimeCreated), &own))
        return own;
    if (parse_member(f, WIN_NAME(EventTime), &own)) {
        own.zoned = has_zone(win_field(f, WIN_NAME(EventTime)));
        if (!own.zoned && !clock->zone_known && parse_member(f, WIN_NAME(timestamp), &receipt) &&
            distance(receipt.ns, own.ns) < ZONE_MAX_NS) {
            own.ns += quarters(receipt.ns - own.ns);
            own.zoned = true;
        }
        return own;
    }
    own.zoned = true;
    if (!parse_member(f, WIN_NAME(TimeGenerated), &own) &&
        !parse_member(f, WIN_NAME(timestamp), &own))
        own.told = false;
    return own;
}

/* Sysmon's UtcTime beside the record's own time shows in which zone the shipper writes. */
static void learn_zone(struct win_clock *clock, int64_t utc_ns, const struct own_time *own)
{
    if (distance(utc_ns, own->ns) > ZONE_MAX_NS)
        return;
    int64_t zone = own->zoned ? 0 : quarters(utc_ns - own->ns);
    if (!own->zoned && (!clock->zone_known || zone == clock->candidate_ns)) {
        clock->zone_ns = zone;
        clock->zone_known = true;
    }
    clock->candidate_ns = zone;
    clock->lag_ns = utc_ns - plus(own->ns, own->zoned ? 0 : clock->zone_ns);
}

int win_time_choose(struct win_time *out, struct win_clock *clock, const struct win_fields *f,
                    struct btr_err *err)
{
    struct own_time own = own_time(f, clock);
    int64_t utc_ns = 0;
    bool has_utc = f->sysmon && btr_time_parse(win_field(f, WIN_NAME(UtcTime)), &utc_ns);
    if (!own.told && !has_utc)
        return btr_fail(err, BTR_E_FORMAT, 0, "the record tells no time");
    bool trusted = has_utc && f->event_id != 3 && f->event_id != 22;
    if (trusted && own.told)
        learn_zone(clock, utc_ns, &own);
    int64_t time_ns = plus(own.ns, own.zoned ? 0 : clock->zone_ns);
    *out = (struct win_time){.told_ns = has_utc ? utc_ns : time_ns,
                             .time_ns = time_ns,
                             .width_ns = own.width_ns,
                             .logged_ns = own.told ? time_ns : utc_ns,
                             .stamped = f->sysmon,
                             .zone_unknown = !f->sysmon && !own.zoned && !clock->zone_known};
    if (!has_utc)
        return 0;
    int64_t expected = plus(time_ns, clock->lag_ns);
    bool believed =
        trusted || !own.told ||
        (distance(utc_ns, expected) <= WIN_GUARD_NS + distance(clock->lag_ns, 0) &&
         utc_ns <= plus(time_ns, own.width_ns)); /* nothing is logged before it happened */
    out->time_ns = believed ? utc_ns : expected;
    out->width_ns = believed ? 0 : own.width_ns;
    return 0;
}

/* ---- Saving --------------------------------------------------------------------------------- */

void win_clock_save(const struct win_clock *clock, struct btr_buffer *out)
{
    btr_buffer_svarint(out, clock->zone_ns);
    btr_buffer_svarint(out, clock->candidate_ns);
    btr_buffer_svarint(out, clock->lag_ns);
    btr_buffer_u8(out, clock->zone_known);
}

bool win_clock_load(struct win_clock *clock, struct btr_cursor *in)
{
    uint8_t known = 0;
    bool good = btr_cursor_svarint(in, &clock->zone_ns) &&
                btr_cursor_svarint(in, &clock->candidate_ns) &&
                btr_cursor_svarint(in, &clock->lag_ns) && btr_cursor_u8(in, &known) && known <= 1;
    clock->zone_known = known;
    return good && distance(clock->zone_ns, 0) <= ZONE_MAX_NS + QUARTER_NS &&
           distance(clock->lag_ns, 0) < 3 * ZONE_MAX_NS;
}

static void save_seen(struct win_seen seen, struct btr_buffer *out)
{
    btr_buffer_varint(out, seen.id);
    btr_buffer_svarint(out, seen.o_ns);
}

static bool load_seen(struct win_seen *seen, struct btr_cursor *in)
{
    return btr_cursor_varint(in, &seen->id) && btr_cursor_svarint(in, &seen->o_ns);
}

static void save_hole(const struct win_hole *hole, struct btr_buffer *out)
{
    save_seen(hole->from, out);
    save_seen(hole->until, out);
    btr_buffer_varint(out, hole->line);
}

static bool load_hole(struct win_hole *hole, struct btr_cursor *in)
{
    return load_seen(&hole->from, in) && load_seen(&hole->until, in) &&
           btr_cursor_varint(in, &hole->line) && hole->from.id < hole->until.id;
}

void win_channel_save(const struct win_channel *c, struct btr_buffer *out)
{
    btr_buffer_varint(out, c->name_size);
    btr_buffer_put(out, c->name, c->name_size);
    btr_buffer_varint(out, c->used);
    btr_buffer_u32(out, c->input);
    btr_buffer_u8(out, (uint8_t)((c->begun ? 1 : 0) | (c->jumping ? 2 : 0)));
    btr_buffer_svarint(out, c->begun ? c->max_ns : 0);
    btr_buffer_svarint(out, c->jumping ? c->jump_ns : 0);
    btr_buffer_varint(out, c->behind);
    btr_buffer_varint(out, c->ring_count);
    for (uint32_t i = 0; i < c->ring_count; i++)
        save_seen(c->ring[i], out);
    btr_buffer_varint(out, c->hole_count);
    for (uint32_t i = 0; i < c->hole_count; i++)
        save_hole(&c->holes[i], out);
    btr_buffer_varint(out, c->gap_missing);
    if (c->gap_missing)
        save_hole(&c->gap, out);
    btr_buffer_varint(out, c->tie_count);
    for (uint32_t i = 0; i < c->tie_count; i++) {
        btr_buffer_svarint(out, c->ties[i].time_ns);
        btr_buffer_varint(out, c->ties[i].count);
    }
}

static bool load_ties(struct win_channel *c, struct btr_cursor *in)
{
    uint64_t count;
    if (!btr_cursor_varint(in, &count) || count > WIN_TIES)
        return false;
    for (c->tie_count = 0; c->tie_count < count; c->tie_count++)
        if (!btr_cursor_svarint(in, &c->ties[c->tie_count].time_ns) ||
            !btr_cursor_varint(in, &c->ties[c->tie_count].count) ||
            c->ties[c->tie_count].count > INT64_MAX)
            return false;
    return true;
}

static bool load_lists(struct win_channel *c, struct btr_cursor *in)
{
    uint64_t rings, holes;
    if (!btr_cursor_varint(in, &rings) || rings > WIN_RING)
        return false;
    for (c->ring_count = 0; c->ring_count < rings; c->ring_count++)
        if (!load_seen(&c->ring[c->ring_count], in) ||
            (c->ring_count && c->ring[c->ring_count].id <= c->ring[c->ring_count - 1].id))
            return false;
    if (!btr_cursor_varint(in, &holes) || holes > WIN_HOLES)
        return false;
    for (c->hole_count = 0; c->hole_count < holes; c->hole_count++)
        if (!load_hole(&c->holes[c->hole_count], in))
            return false;
    return btr_cursor_varint(in, &c->gap_missing) &&
           (c->gap_missing == 0 || load_hole(&c->gap, in));
}

bool win_channel_load(struct win_channel *c, struct btr_cursor *in)
{
    struct btr_span name;
    uint64_t size, behind;
    uint8_t flags;
    if (!btr_cursor_varint(in, &size) || size > UINT16_MAX ||
        !btr_cursor_span(in, (size_t)size, &name))
        return false;
    c->name = malloc(name.size + 1);
    if (!c->name)
        return false;
    memcpy(c->name, name.at, name.size);
    c->name_size = name.size;
    if (!btr_cursor_varint(in, &c->used) || !btr_cursor_u32(in, &c->input) ||
        !btr_cursor_u8(in, &flags) || flags > 3 || !btr_cursor_svarint(in, &c->max_ns) ||
        !btr_cursor_svarint(in, &c->jump_ns) || !btr_cursor_varint(in, &behind) ||
        behind >= WIN_BEHIND)
        return false;
    c->begun = flags & 1;
    c->jumping = flags & 2;
    c->behind = (uint32_t)behind;
    return load_lists(c, in) && load_ties(c, in);
}
