#ifndef BTR_CLOCK_H
#define BTR_CLOCK_H
/** Times: int64 nanoseconds since the epoch, UTC. Years 1678 to 2262. */
#include <btr/span.h>

enum { BTR_TIME_TEXT_SIZE = 40 };

/**
 * Reads RFC 3339 ("2026-11-23T10:15:00.25Z", a space for the T, an offset "+02:00"; no zone counts as
 * UTC; a date alone is its first moment; a leap second is the first of the next minute) or seconds since
 * the epoch with decimals (those beyond the ninth are dropped).
 * @return false when it is neither, or out of range
 */
bool btr_time_parse(struct btr_span text, int64_t *ns);
/** Writes RFC 3339 in UTC with as many decimals as needed (0, 3, 6 or 9). */
void btr_time_text(int64_t ns, char out[BTR_TIME_TEXT_SIZE]);
/** A duration for people: "4.2 s", "3 h 12 min". */
void btr_duration_text(int64_t ns, char out[BTR_TIME_TEXT_SIZE]);
/** Monotonic clock, for budgets and progress only. */
int64_t btr_monotonic_ns(void);
/** Wall clock, for custody only. */
int64_t btr_wall_ns(void);

#endif
