/* Gaps that may hide records, by host and time, and how they are told. */
#include "holes.h"

#include <btr/clock.h>
#include <stdio.h>
#include <stdlib.h>

/* Rules that were changed and a clock that was set take no record away. */
static bool hides(uint8_t kind)
{
    return kind != BTR_GAP_CLOCK && kind != BTR_GAP_RULES && kind != BTR_GAP_SPLIT;
}

static bool is_wide(const struct answer_hole *hole)
{
    return hole->count == 0 || hole->count >= HOLES_WIDE;
}

/* ---- The index ------------------------------------------------------------------------------ */

static int gap_compare(const void *x, const void *y)
{
    const struct answer_gap *const *p = x, *const *q = y, *a = *p, *b = *q;
    int c = btr_span_compare(a->host, b->host);
    if (c == 0)
        c = (a->from_ns > b->from_ns) - (a->from_ns < b->from_ns);
    if (c == 0)
        c = (a->until_ns > b->until_ns) - (a->until_ns < b->until_ns);
    return c != 0 ? c : (a > b) - (a < b); /* the list itself has an order */
}

static void hole_add(struct answer_holes *h, const struct answer_gap *gap)
{
    struct answer_hole_host *host = h->host_count ? &h->hosts[h->host_count - 1] : NULL;
    if (!host || !btr_span_equal(host->host, gap->host)) {
        host = &h->hosts[h->host_count++];
        *host = (struct answer_hole_host){gap->host, h->hole_count, h->hole_count};
    }
    const struct answer_hole *before = host->end > host->begin ? &h->holes[host->end - 1] : NULL;
    struct answer_hole *hole = &h->holes[h->hole_count++];
    *hole = (struct answer_hole){.from_ns = gap->from_ns,
                                 .until_ns = gap->until_ns,
                                 .reach_ns = gap->until_ns,
                                 .count = gap->count,
                                 .wide = UINT32_MAX,
                                 .kind = gap->kind};
    if (before) {
        hole->before = before->before + before->count;
        hole->wide = before->wide;
        if (before->reach_ns > hole->reach_ns)
            hole->reach_ns = before->reach_ns;
    }
    if (is_wide(hole))
        hole->wide = host->end;
    host->end++;
}

int holes_make(struct answer_holes *out, const struct answer_gap *gaps, uint32_t gap_count,
               struct btr_err *err)
{
    const struct answer_gap **sorted = malloc(((size_t)gap_count + 1) * sizeof(*sorted));
    uint32_t count = 0;
    *out = (struct answer_holes){.holes = malloc(((size_t)gap_count + 1) * sizeof *out->holes),
                                 .hosts = malloc(((size_t)gap_count + 1) * sizeof *out->hosts)};
    if (!sorted || !out->holes || !out->hosts) {
        free(sorted);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "gaps of the answer");
    }
    for (uint32_t i = 0; i < gap_count; i++)
        if (hides(gaps[i].kind))
            sorted[count++] = &gaps[i];
    if (count > 1)
        qsort(sorted, count, sizeof(*sorted), gap_compare);
    for (uint32_t i = 0; i < count; i++)
        hole_add(out, sorted[i]);
    free(sorted);
    return 0;
}

void holes_fini(struct answer_holes *holes)
{
    free(holes->holes);
    free(holes->hosts);
    *holes = (struct answer_holes){0};
}

const struct answer_hole_host *holes_of(const struct answer_holes *holes, struct btr_span host)
{
    uint32_t low = 0, high = holes->host_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int c = btr_span_compare(holes->hosts[middle].host, host);
        if (c == 0)
            return &holes->hosts[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool holes_any_wide(const struct answer_holes *holes)
{
    for (uint32_t i = 0; i < holes->host_count; i++)
        if (holes->holes[holes->hosts[i].end - 1].wide != UINT32_MAX)
            return true;
    return false;
}

/* The first hole of a host that begins at a time or later. */
static uint32_t begin_at(const struct answer_holes *h, const struct answer_hole_host *host,
                         int64_t ns)
{
    uint32_t low = host->begin, high = host->end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (h->holes[middle].from_ns < ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct holes_lack holes_between(const struct answer_holes *h, const struct answer_hole_host *host,
                                int64_t since_ns, int64_t until_ns)
{
    struct holes_lack lack = {0};
    uint32_t begin = host ? begin_at(h, host, since_ns) : 0;
    uint32_t end = host ? begin_at(h, host, until_ns) : 0;
    if (!host || until_ns <= since_ns)
        return lack;
    if (begin < end) {
        const struct answer_hole *last = &h->holes[end - 1];
        lack = (struct holes_lack){end - begin, last->before + last->count - h->holes[begin].before,
                                   last, &h->holes[begin]};
    }
    /* Those that began before, and lasted until then. */
    for (uint32_t i = begin; i-- > host->begin && h->holes[i].reach_ns >= since_ns;) {
        if (h->holes[i].until_ns < since_ns)
            continue;
        lack.hole_count++;
        lack.record_count += h->holes[i].count;
        lack.first = &h->holes[i];
        if (!lack.nearest)
            lack.nearest = &h->holes[i];
    }
    return lack;
}

struct holes_lack holes_before(const struct answer_holes *h, const struct answer_hole_host *host,
                               int64_t since_ns, int64_t until_ns)
{
    int64_t minute =
        until_ns < INT64_MIN + HOLES_BEFORE_NS ? INT64_MIN : until_ns - HOLES_BEFORE_NS;
    struct holes_lack lack = holes_between(h, host, minute, until_ns);
    return lack.nearest ? lack : holes_between(h, host, since_ns, until_ns);
}

const struct answer_hole *holes_wide(const struct answer_holes *h,
                                     const struct answer_hole_host *host, int64_t until_ns,
                                     int64_t ended_ns)
{
    enum { TRIES = 64 };
    uint32_t end = begin_at(h, host, until_ns);
    uint32_t at = end > host->begin ? h->holes[end - 1].wide : UINT32_MAX;
    for (int i = 0; at != UINT32_MAX && h->holes[at].until_ns > ended_ns; i++)
        at = i < TRIES && at > host->begin ? h->holes[at - 1].wide : UINT32_MAX;
    return at == UINT32_MAX ? NULL : &h->holes[at];
}

bool holes_shared(const struct answer_hole *a, const struct answer_hole *b)
{
    return a->kind == BTR_GAP_SHARED && b->kind == BTR_GAP_SHARED && a->count == b->count &&
           a->from_ns == b->from_ns && a->until_ns == b->until_ns;
}

/* ---- Words ---------------------------------------------------------------------------------- */

void holes_number(struct btr_buffer *out, uint64_t number)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    for (int i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0)
            btr_buffer_u8(out, ',');
        btr_buffer_u8(out, (uint8_t)digits[i]);
    }
}

void holes_time(struct btr_buffer *out, int64_t ns, int64_t near_ns)
{
    enum { DAY = 10 }; /* characters of a day */
    char text[BTR_TIME_TEXT_SIZE], near[BTR_TIME_TEXT_SIZE];
    btr_time_text(ns / 1000000 * 1000000,
                  text); /* below it is order time's way to tell equal times apart */
    btr_time_text(near_ns, near);
    bool same = strlen(text) > DAY && text[DAY] == 'T' && memcmp(text, near, DAY + 1) == 0;
    size_t begin = same ? DAY + 1 : 0, size = strlen(text);
    if (size > begin && text[size - 1] == 'Z' && same)
        size--;
    btr_buffer_put(out, text + begin, size - begin);
    if (same && size - begin == 8)
        btr_buffer_text(out, ".000");
}

static void records_words(struct btr_buffer *out, uint64_t count)
{
    holes_number(out, count);
    btr_buffer_text(out, count == 1 ? " record" : " records");
}

static bool lacks_records(const struct answer_hole *hole)
{
    return hole->count > 0 && (hole->kind == BTR_GAP_HOLE || hole->kind == BTR_GAP_LOST ||
                               hole->kind == BTR_GAP_OFFSETS || hole->kind == BTR_GAP_SHARED);
}

/* "web01 lacks "; of a counter that it shares nobody knows whose the missing ones are. */
static void lacks_words(struct btr_buffer *out, struct btr_span host,
                        const struct answer_hole *hole)
{
    btr_buffer_span(out, host);
    btr_buffer_text(out, hole->kind == BTR_GAP_SHARED ? " or one that shares its counter lacks "
                                                      : " lacks ");
}

/* "at 10:00:13.401", "between 10:00:03.200 and 10:00:13.401" */
static void span_words(struct btr_buffer *out, const struct answer_hole *hole, int64_t near_ns)
{
    bool moment = hole->until_ns / 1000000 == hole->from_ns / 1000000;
    btr_buffer_text(out, moment ? " at " : hole->from_ns <= 0 ? " until " : " between ");
    if (!moment && hole->from_ns > 0) {
        holes_time(out, hole->from_ns, near_ns);
        btr_buffer_text(out, " and ");
    }
    holes_time(out, hole->until_ns, near_ns);
}

void hole_words(struct btr_buffer *out, struct btr_span host, const struct answer_hole *hole,
                int64_t near_ns)
{
    const char *text = btr_gap_text(hole->kind);
    if (lacks_records(hole)) {
        lacks_words(out, host, hole);
        records_words(out, hole->count);
        span_words(out, hole, near_ns);
        return;
    }
    btr_buffer_span(out, host);
    span_words(out, hole, near_ns);
    btr_buffer_format(out, ": %s", text ? text : "it did not tell everything");
    if (hole->count > 0)
        btr_buffer_format(out, " (%llu)", (unsigned long long)hole->count);
}

/* "web01 lacks 31 records in 29 holes" */
static void sum_words(struct btr_buffer *out, struct btr_span host, const struct holes_lack *lack)
{
    lacks_words(out, host, lack->nearest);
    if (lack->record_count > 0) {
        records_words(out, lack->record_count);
        btr_buffer_text(out, " in ");
    }
    holes_number(out, lack->hole_count);
    btr_buffer_text(out, " holes");
}

void holes_stretch_words(struct btr_buffer *out, struct btr_span host,
                         const struct holes_lack *lack, int64_t near_ns)
{
    if (lack->hole_count == 1) {
        hole_words(out, host, lack->nearest, near_ns);
        return;
    }
    sum_words(out, host, lack);
    btr_buffer_text(out, " between ");
    holes_time(out, lack->first->from_ns, near_ns);
    btr_buffer_text(out, " and ");
    holes_time(out, lack->nearest->until_ns, near_ns);
}

void holes_lack_words(struct btr_buffer *out, struct btr_span host, const struct holes_lack *lack,
                      int64_t near_ns)
{
    const struct answer_hole *nearest = lack->nearest;
    if (lack->hole_count == 1) {
        hole_words(out, host, nearest, near_ns);
        return;
    }
    sum_words(out, host, lack);
    if (near_ns - nearest->from_ns <= HOLES_BEFORE_NS)
        btr_buffer_text(out, " in the minute before");
    btr_buffer_text(out, ", the nearest");
    if (lacks_records(nearest)) {
        btr_buffer_text(out, " (");
        records_words(out, nearest->count);
        btr_buffer_text(out, ")");
    }
    span_words(out, nearest, near_ns);
    if (!lacks_records(nearest) && btr_gap_text(nearest->kind))
        btr_buffer_format(out, ": %s", btr_gap_text(nearest->kind));
}
