#ifndef GRAPH_SCORE_CRITICAL_SINCE_H
#define GRAPH_SCORE_CRITICAL_SINCE_H
/** How a cause fades behind what came since. */
#include <math.h>

#include "score/critical.h"

/** What came since, by how much it tells. A zeroed struct is nothing. */
struct critical_since {
    uint32_t counts[CRITICAL_BANDS];
    double sums[CRITICAL_BANDS];
};

static inline uint32_t critical_band_of(double weight)
{
    uint32_t band = (uint32_t)(weight * CRITICAL_BANDS);
    return band < CRITICAL_BANDS ? band : CRITICAL_BANDS - 1;
}

static inline void critical_since_add(struct critical_since *since, double weight)
{
    uint32_t band = critical_band_of(weight);
    since->counts[band]++;
    since->sums[band] += weight;
}

/** How far what is behind all of these has faded: one that tells as much or more stands before it
 * as a whole, one that tells less in part. */
static inline double critical_fade(const struct critical_since *since, double weight)
{
    uint32_t band = critical_band_of(weight);
    double before = 0, least = weight > 1e-9 ? weight : 1e-9;
    for (uint32_t i = 0; i < CRITICAL_BANDS; i++)
        before += i < band ? since->sums[i] / least : since->counts[i];
    return pow(1 + before, -CRITICAL_POWER);
}

/** The most that anything still earlier can have. */
static inline double critical_fade_best(const struct critical_since *since)
{
    double best = 0;
    for (uint32_t i = 0; i < CRITICAL_BANDS; i++) {
        double weight = (i + 1.0) / CRITICAL_BANDS;
        double most = weight * critical_fade(since, weight);
        best = most > best ? most : best;
    }
    return best;
}

#endif
