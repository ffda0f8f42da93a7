#include "clocks_peak.h"

#include <btr/clocks.h>
#include <stdlib.h>

#include "clocks.h"

#define BIN_NS BTR_SOURCE_ERROR_NS

enum {
    BINS = 720001,   /* differences of up to BTR_CLOCK_MOST_NS either way, a bin each 10 ms */
    PEAKS = 24,      /* looked at */
    PAIRS_MIN = 3,   /* that prove an offset */
    PAIRS_CLOSE = 8, /* that prove one which servers that are busy may look like */
};
static const uint64_t WORK_MAX = 1 << 22; /* differences looked at */
#define SURELY_NS                                                                                  \
    INT64_C(1000000000) /* an accept so long before its own connect proves an offset */

/* A server that is busy takes a connection late, and three of them may happen to be as late: then
 * its clock seems to be behind. */
#define CLOSE_NS INT64_C(250000000)

/* ---- Matching ------------------------------------------------------------------------------- */

/* The first of ascending times from one on. */
static uint32_t first_from(const int64_t *times, uint32_t count, int64_t from_ns)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (times[mid] < from_ns)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Takes the first connect that is free between two times. @return its number, or UINT32_MAX */
static uint32_t take(const struct clocks_series *s, uint8_t *taken, int64_t from_ns,
                     int64_t until_ns)
{
    uint32_t i = first_from(s->connects, s->connect_count, from_ns);
    while (i < s->connect_count && s->connects[i] <= until_ns && taken[i])
        i++;
    if (i == s->connect_count || s->connects[i] > until_ns)
        return UINT32_MAX;
    taken[i] = 1;
    return i;
}

/* How much later an accept is told than its connect when a clock is ahead by so much. */
static int64_t later_of(const struct clocks_series *s, int64_t ahead_ns)
{
    return s->back ? -ahead_ns : ahead_ns;
}

/* Connections with both ends told at once, when the clock is ahead by so much. @param later_ns
 * receives how much later each accept is told; or NULL. */
static uint32_t match_sharply(const struct clocks_series *s, uint8_t *taken, int64_t ahead_ns,
                              int64_t *later_ns)
{
    uint32_t matched = 0;
    memset(taken, 0, s->connect_count);
    for (uint32_t j = 0; j < s->accept_count; j++) {
        const struct clocks_accept *a = &s->accepts[j];
        int64_t at_ns = clocks_minus(a->told_ns, later_of(s, ahead_ns));
        uint32_t i = take(s, taken, clocks_minus(at_ns, CLOCKS_TOLERANCE_NS),
                          clocks_plus(at_ns, CLOCKS_TOLERANCE_NS));
        if (i != UINT32_MAX && later_ns)
            later_ns[matched] = a->told_ns - s->connects[i];
        matched += i != UINT32_MAX;
    }
    return matched;
}

/* Connections that may be such when no clock is ahead: an accept that waited was told too early. */
static uint32_t match_loosely(const struct clocks_series *s, uint8_t *taken)
{
    uint32_t matched = 0;
    memset(taken, 0, s->connect_count);
    for (uint32_t j = 0; j < s->accept_count; j++)
        matched += take(s, taken, clocks_minus(s->accepts[j].told_ns, CLOCKS_TOLERANCE_NS),
                        clocks_plus(s->accepts[j].until_ns, CLOCKS_TOLERANCE_NS)) != UINT32_MAX;
    return matched;
}

/* ---- Heaps ---------------------------------------------------------------------------------- */

/* What finding works with. */
struct finding {
    const struct clocks_series *series;
    uint32_t count;
    uint32_t *bins;
    uint8_t *taken;
    int64_t *later_ns; /* of one series */
    int64_t *ahead_ns; /* of all that match */
};

static void bins_fill(struct finding *f)
{
    uint64_t work = 0;
    for (uint32_t k = 0; k < f->count && work < WORK_MAX; k++) {
        const struct clocks_series *s = &f->series[k];
        work += (uint64_t)s->connect_count * s->accept_count;
        for (uint32_t i = 0; i < s->connect_count; i++) {
            for (uint32_t j = 0; j < s->accept_count; j++) {
                int64_t ns = clocks_minus(s->accepts[j].told_ns, s->connects[i]);
                if (ns <= BTR_CLOCK_MOST_NS && ns >= -BTR_CLOCK_MOST_NS)
                    f->bins[((s->back ? -ns : ns) + BTR_CLOCK_MOST_NS) / BIN_NS]++;
            }
        }
    }
}

static int64_t bin_ns(uint32_t bin) /* the middle of it and the next */
{
    return ((int64_t)bin + 1) * BIN_NS - BTR_CLOCK_MOST_NS;
}

static uint32_t heap_at(const struct finding *f, uint32_t bin)
{
    return f->bins[bin] + f->bins[bin + 1];
}

static bool is_heap(const struct finding *f, uint32_t bin)
{
    uint32_t here = heap_at(f, bin);
    return here > 0 && (bin == 0 || heap_at(f, bin - 1) < here) &&
           (bin + 2 == BINS || heap_at(f, bin + 1) <= here);
}

/* The highest heaps; of equal ones those nearest to 0. @return how many */
static uint32_t heaps_find(const struct finding *f, uint32_t *heaps)
{
    uint32_t count = 0;
    for (uint32_t bin = 0; bin + 1 < BINS; bin++) {
        if (!is_heap(f, bin))
            continue;
        uint32_t at = count < PEAKS ? count++ : PEAKS;
        for (; at > 0; at--) {
            uint32_t before = heap_at(f, heaps[at - 1]), here = heap_at(f, bin);
            if (before > here ||
                (before == here && llabs(bin_ns(heaps[at - 1])) <= llabs(bin_ns(bin))))
                break;
            if (at < PEAKS)
                heaps[at] = heaps[at - 1];
        }
        if (at < PEAKS)
            heaps[at] = bin;
    }
    return count;
}

static int number_compare(const void *x, const void *y)
{
    const int64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* All that match at an offset, ascending. */
static uint32_t matches_at(struct finding *f, int64_t ahead_ns)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < f->count; k++) {
        const struct clocks_series *s = &f->series[k];
        uint32_t matched = match_sharply(s, f->taken, ahead_ns, f->later_ns);
        for (uint32_t i = 0; i < matched; i++)
            f->ahead_ns[count++] = s->back ? -f->later_ns[i] : f->later_ns[i];
    }
    if (count > 1)
        qsort(f->ahead_ns, count, sizeof *f->ahead_ns, number_compare);
    return count;
}

static int64_t to_grain(int64_t ns)
{
    int64_t half = BTR_CLOCK_GRAIN_NS / 2;
    return (ns + (ns < 0 ? -half : half)) / BTR_CLOCK_GRAIN_NS * BTR_CLOCK_GRAIN_NS;
}

/* The middle of what matches near a heap, and within what all but one in twenty of it lies. */
static struct clocks_peak peak_at(struct finding *f, uint32_t bin)
{
    struct clocks_peak p = {bin_ns(bin), BTR_SOURCE_ERROR_NS, 0, false};
    p.pair_count = matches_at(f, p.ahead_ns);
    if (p.pair_count == 0)
        return p;
    p.ahead_ns = to_grain(f->ahead_ns[p.pair_count / 2]);
    p.pair_count = matches_at(f, p.ahead_ns);
    uint32_t left = p.pair_count / 40;
    for (uint32_t i = left; i + left < p.pair_count; i++) {
        int64_t off_ns = llabs(f->ahead_ns[i] - p.ahead_ns);
        p.error_ns = off_ns > p.error_ns ? off_ns : p.error_ns;
    }
    return p;
}

/* Whether an accept that is known to be of a connect was over well before. */
static bool is_proved(const struct finding *f)
{
    for (uint32_t k = 0; k < f->count; k++) {
        const struct clocks_series *s = &f->series[k];
        if (s->sure && clocks_minus(s->connects[0], s->accepts[0].until_ns) > SURELY_NS)
            return true;
    }
    return false;
}

static void best_choose(struct finding *f, struct clocks_peak *out)
{
    uint32_t heaps[PEAKS], possible = 0, as_is = 0, second = 0;
    uint32_t count = heaps_find(f, heaps);
    struct clocks_peak best = {0};
    for (uint32_t k = 0; k < f->count; k++) {
        const struct clocks_series *s = &f->series[k];
        possible += s->connect_count < s->accept_count ? s->connect_count : s->accept_count;
        as_is += match_loosely(s, f->taken);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct clocks_peak p = peak_at(f, heaps[i]);
        bool beside = llabs(p.ahead_ns - best.ahead_ns) <= 2 * CLOCKS_TOLERANCE_NS;
        bool better = p.pair_count > best.pair_count;
        uint32_t other = better ? best.pair_count : p.pair_count;
        if (!(beside && best.pair_count) && other > second)
            second = other;
        if (better)
            best = p;
    }
    bool close = best.ahead_ns < CLOSE_NS && best.ahead_ns > -CLOSE_NS;
    uint32_t wanted = close ? PAIRS_CLOSE : is_proved(f) ? 1 : PAIRS_MIN;
    best.found = best.ahead_ns != 0 && best.pair_count >= wanted && best.pair_count > 2 * as_is &&
                 4 * second <= 3 * best.pair_count && 3 * best.pair_count >= possible;
    *out = best.found ? best : (struct clocks_peak){0, BTR_SOURCE_ERROR_NS, as_is, false};
}

int clocks_fit(const struct clocks_series *series, uint32_t count, int64_t ahead_ns, uint32_t *fit)
{
    *fit = 0;
    for (uint32_t k = 0; k < count; k++) {
        uint8_t *taken = malloc(series[k].connect_count + (size_t)1);
        if (!taken)
            return BTR_E_NOMEM;
        *fit += match_sharply(&series[k], taken, ahead_ns, NULL);
        free(taken);
    }
    return 0;
}

int clocks_peak_find(const struct clocks_series *series, uint32_t count, struct clocks_peak *out)
{
    size_t connects = 1, accepts = 1, all = 1;
    for (uint32_t k = 0; k < count; k++) {
        connects = series[k].connect_count > connects ? series[k].connect_count : connects;
        accepts = series[k].accept_count > accepts ? series[k].accept_count : accepts;
        all += series[k].accept_count;
    }
    struct finding f = {series,
                        count,
                        calloc(BINS, sizeof *f.bins),
                        malloc(connects),
                        malloc(accepts * sizeof *f.later_ns),
                        malloc(all * sizeof *f.ahead_ns)};
    bool made = f.bins && f.taken && f.later_ns && f.ahead_ns;
    if (made) {
        bins_fill(&f);
        best_choose(&f, out);
    }
    free(f.bins);
    free(f.taken);
    free(f.later_ns);
    free(f.ahead_ns);
    return made ? 0 : BTR_E_NOMEM;
}
