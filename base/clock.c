#include <btr/clock.h>

#include <time.h>

enum { DECIMALS = 9, DAY_S = 86400 };
#define SECOND_NS INT64_C(1000000000)
#define NO_OFFSET_S 0

struct fields {
    int64_t year;
    unsigned month, day, hour, minute, second, nanosecond;
    int64_t offset_s; /* east of UTC */
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar; March begins the year. */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    if (month <= 2)
        year--;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void civil_from_days(int64_t days, struct fields *out)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* from March */
    out->day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1);
    out->month = (unsigned)(month < 10 ? month + 3 : month - 9);
    out->year = year + era * 400 + (out->month <= 2);
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* Exactly `width` digits. */
static bool take_number(struct btr_cursor *c, size_t width, unsigned *value)
{
    uint64_t number;
    struct btr_span digits = {c->rest.at, width};
    if (c->rest.size < width || !btr_span_number(digits, 10, &number))
        return false;
    *value = (unsigned)number;
    return btr_cursor_span(c, width, &digits);
}

static bool take_any(struct btr_cursor *c, const char *bytes)
{
    uint8_t byte;
    if (c->rest.size == 0 || c->rest.at[0] == 0 || !strchr(bytes, c->rest.at[0]))
        return false;
    return btr_cursor_u8(c, &byte);
}

/* ".25": at least one digit; those beyond the ninth are dropped. */
static bool take_fraction(struct btr_cursor *c, unsigned *nanosecond)
{
    unsigned sum = 0, digits = 0;
    struct btr_span taken = {c->rest.at, 0};
    for (; taken.size < c->rest.size; taken.size++) {
        unsigned digit = taken.at[taken.size] - (unsigned)'0';
        if (digit > 9)
            break;
        if (digits++ < DECIMALS)
            sum = sum * 10 + digit;
    }
    if (digits == 0 || !btr_cursor_span(c, taken.size, &taken))
        return false;
    for (; digits < DECIMALS; digits++)
        sum *= 10;
    *nanosecond = sum;
    return true;
}

static bool take_zone(struct btr_cursor *c, int64_t *offset_s)
{
    *offset_s = NO_OFFSET_S;
    if (c->rest.size == 0 || take_any(c, "Zz"))
        return true;
    bool west = c->rest.at[0] == '-';
    unsigned hour, minute;
    if (!take_any(c, "+-") || !take_number(c, 2, &hour) || !take_any(c, ":") ||
        !take_number(c, 2, &minute) || hour > 23 || minute > 59)
        return false;
    int64_t offset = (int64_t)hour * 3600 + (int64_t)minute * 60;
    *offset_s = west ? -offset : offset;
    return true;
}

static bool two_digits(const uint8_t *at, unsigned *value)
{
    unsigned high = at[0] - (unsigned)'0', low = at[1] - (unsigned)'0';
    *value = high * 10 + low;
    return high <= 9 && low <= 9;
}

/* "2024-01-02T03:04:05", as records have it; what else there may be is read by parts. */
static bool whole_seconds(struct btr_cursor *c, struct fields *f)
{
    const uint8_t *at = c->rest.at;
    struct btr_span taken;
    unsigned century, year;
    if (c->rest.size < 19 || at[4] != '-' || at[7] != '-' || (at[10] != 'T' && at[10] != ' ') ||
        at[13] != ':' || at[16] != ':' || !two_digits(at, &century) || !two_digits(at + 2, &year) ||
        !two_digits(at + 5, &f->month) || !two_digits(at + 8, &f->day) ||
        !two_digits(at + 11, &f->hour) || !two_digits(at + 14, &f->minute) ||
        !two_digits(at + 17, &f->second))
        return false;
    f->year = century * 100 + year;
    return btr_cursor_span(c, 19, &taken);
}

static bool is_day(const struct fields *f)
{
    return f->month >= 1 && f->month <= 12 && f->day >= 1 &&
           f->day <= days_in_month(f->year, f->month);
}

/* What may stand behind the seconds. */
static bool rest_parse(struct btr_cursor *c, struct fields *f)
{
    if (f->hour > 23 || f->minute > 59 || f->second > 60)
        return false;
    if (take_any(c, ".") && !take_fraction(c, &f->nanosecond))
        return false;
    return take_zone(c, &f->offset_s) && c->rest.size == 0;
}

/* RFC 3339, section 5.6. A leap second counts as the first of the next minute. */
static bool fields_parse(struct btr_span text, struct fields *f)
{
    struct btr_cursor c = {.rest = text};
    unsigned year;
    *f = (struct fields){0};
    if (whole_seconds(&c, f))
        return is_day(f) && rest_parse(&c, f);
    if (!take_number(&c, 4, &year) || !take_any(&c, "-") || !take_number(&c, 2, &f->month) ||
        !take_any(&c, "-") || !take_number(&c, 2, &f->day))
        return false;
    f->year = year;
    if (!is_day(f))
        return false;
    if (c.rest.size == 0)
        return true;
    if (!take_any(&c, "Tt ") || !take_number(&c, 2, &f->hour) || !take_any(&c, ":") ||
        !take_number(&c, 2, &f->minute) || !take_any(&c, ":") || !take_number(&c, 2, &f->second))
        return false;
    return rest_parse(&c, f);
}

/* Joins seconds and nanoseconds. @return false when out of the range of int64 */
static bool join(int64_t seconds, int64_t nanoseconds, int64_t *ns)
{
    int64_t whole, sum;
    if (__builtin_mul_overflow(seconds, SECOND_NS, &whole) ||
        __builtin_add_overflow(whole, nanoseconds, &sum))
        return false;
    *ns = sum;
    return true;
}

/* "-12.5": seconds since the epoch. */
static bool seconds_parse(struct btr_span text, int64_t *ns)
{
    struct btr_cursor c = {.rest = text};
    bool negative = take_any(&c, "-");
    struct btr_span digits = c.rest;
    uint64_t seconds;
    unsigned nanosecond = 0;

    const uint8_t *dot = digits.size > 0 ? memchr(digits.at, '.', digits.size) : NULL;
    if (dot)
        digits.size = (size_t)(dot - digits.at);
    if (!btr_span_number(digits, 10, &seconds) || seconds > INT64_MAX / 2)
        return false;
    if (dot) {
        c.rest = (struct btr_span){dot + 1, c.rest.size - digits.size - 1};
        if (!take_fraction(&c, &nanosecond) || c.rest.size > 0)
            return false;
    }
    return negative ? join(-(int64_t)seconds, -(int64_t)nanosecond, ns)
                    : join((int64_t)seconds, (int64_t)nanosecond, ns);
}

bool btr_time_parse(struct btr_span text, int64_t *ns)
{
    struct fields f;
    if (!fields_parse(text, &f))
        return seconds_parse(text, ns);
    int64_t seconds = days_from_civil(f.year, f.month, f.day) * DAY_S + (int64_t)f.hour * 3600 +
                      (int64_t)f.minute * 60 + f.second - f.offset_s;
    /* Before the epoch the join must not pass through a value below the range. */
    if (seconds < 0 && f.nanosecond > 0)
        return join(seconds + 1, (int64_t)f.nanosecond - SECOND_NS, ns);
    return join(seconds, f.nanosecond, ns);
}

void btr_time_text(int64_t ns, char out[BTR_TIME_TEXT_SIZE])
{
    int64_t seconds = ns / SECOND_NS;
    int64_t rest = ns % SECOND_NS;
    if (rest < 0) {
        rest += SECOND_NS;
        seconds--;
    }
    int64_t days = seconds / DAY_S - (seconds % DAY_S < 0);
    unsigned of_day = (unsigned)(seconds - days * DAY_S);
    struct fields f;
    civil_from_days(days, &f);

    char fraction[16] = "";
    if (rest % 1000000 == 0 && rest > 0)
        snprintf(fraction, sizeof(fraction), ".%03d", (int)(rest / 1000000));
    else if (rest % 1000 == 0 && rest > 0)
        snprintf(fraction, sizeof(fraction), ".%06d", (int)(rest / 1000));
    else if (rest > 0)
        snprintf(fraction, sizeof(fraction), ".%09d", (int)rest);
    snprintf(out, BTR_TIME_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u%.10sZ",
             (unsigned)f.year % 10000, f.month % 100, f.day % 100, of_day / 3600 % 100,
             of_day / 60 % 60, of_day % 60, fraction);
}

void btr_duration_text(int64_t ns, char out[BTR_TIME_TEXT_SIZE])
{
    const char *sign = ns < 0 ? "-" : "";
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t seconds = size / (uint64_t)SECOND_NS;
    unsigned long long big, small;

    if (size < 1000) {
        snprintf(out, BTR_TIME_TEXT_SIZE, "%s%u ns", sign, (unsigned)size);
    } else if (seconds == 0) {
        bool milli = size >= 1000000;
        uint64_t unit = milli ? 1000000 : 1000;
        snprintf(out, BTR_TIME_TEXT_SIZE, "%s%u.%u %s", sign, (unsigned)(size / unit),
                 (unsigned)(size % unit * 10 / unit), milli ? "ms" : "us");
    } else if (seconds < 60) {
        snprintf(out, BTR_TIME_TEXT_SIZE, "%s%u.%u s", sign, (unsigned)seconds,
                 (unsigned)(size % (uint64_t)SECOND_NS / 100000000));
    } else {
        bool days = seconds >= DAY_S, hours = seconds >= 3600;
        uint64_t unit = days ? DAY_S : hours ? 3600 : 60;
        uint64_t part = days ? 3600 : hours ? 60 : 1;
        big = seconds / unit;
        small = seconds % unit / part;
        snprintf(out, BTR_TIME_TEXT_SIZE, "%s%llu %s %llu %s", sign, big,
                 days    ? "d"
                 : hours ? "h"
                         : "min",
                 small,
                 days    ? "h"
                 : hours ? "min"
                         : "s");
    }
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

int64_t btr_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t btr_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}
