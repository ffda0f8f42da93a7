/* Counters that hosts share, beside a plain list of who has which number. */
#include "decode/serials.h"

#include <stdlib.h>

#include "test.h"

#define INVENTORY                                                                                  \
    "{\"a\": {\"serial_space\": \"lab\"}, \"x\": {\"ip\": \"10.0.0.9\"}, "                         \
    "\"b\": {\"serial_space\": \"lab\"}, \"c\": {\"serial_space\": \"lab\"}, "                     \
    "\"d\": {\"serial_space\": \"other\"}}"

enum { NUMBERS = 20000, HOSTS = 3, NOBODY = 3, NEAR = 16 };

static uint64_t random_next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

struct scene {
    struct btr_hosts *hosts;
    struct btr_serials *serials;
    struct serials_space *space;
    uint8_t owner[NUMBERS]; /* of each number; NOBODY: it is missing */
    struct serials_hole holes[NUMBERS];
    uint32_t hole_count;
};

static void scene_open(struct scene *s)
{
    uint32_t member = 9;
    memset(s, 0, sizeof *s);
    assert_int_equal(btr_hosts_parse(&s->hosts, btr_span_of(INVENTORY), NULL), 0);
    s->serials = serials_new(s->hosts);
    assert_non_null(s->serials);
    s->space = serials_of(s->serials, BTR_SPAN("c"), &member);
    assert_non_null(s->space);
    assert_int_equal(member, 2);
}

static void scene_close(struct scene *s)
{
    serials_free(s->serials);
    btr_hosts_free(s->hosts);
}

static int64_t time_of(uint64_t number)
{
    return (int64_t)number * 1000;
}

static void see(struct scene *s, uint32_t member, uint64_t begin, uint64_t end)
{
    for (uint64_t i = begin; i < end; i++)
        if (s->owner[i] == member)
            serials_see(s->space, member, i, time_of(i));
}

static int hole_keep(void *self, const struct serials_hole *hole)
{
    struct scene *s = self;
    s->holes[s->hole_count++] = *hole;
    return 0;
}

static void tell(struct scene *s)
{
    assert_int_equal(serials_tell(s->space, hole_keep, s), 0);
}

/* The holes of (from, until), both of which are there. */
static uint32_t holes_expected(const struct scene *s, uint64_t from, uint64_t until,
                               struct serials_hole *out)
{
    uint32_t count = 0;
    uint64_t before = from;
    for (uint64_t i = from + 1; i <= until; i++) {
        if (s->owner[i] == NOBODY)
            continue;
        if (i - before > 1) {
            if (count == 0 || before - out[count - 1].until > NEAR)
                out[count++] = (struct serials_hole){.from = before};
            out[count - 1].until = i;
            out[count - 1].count += i - before - 1;
        }
        before = i;
    }
    return count;
}

static void assert_holes(const struct scene *s, uint64_t from, uint64_t until)
{
    static struct serials_hole expected[NUMBERS];
    memset(expected, 0, sizeof expected);
    uint32_t count = holes_expected(s, from, until, expected);
    assert_int_equal(s->hole_count, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct serials_hole *hole = &s->holes[i];
        assert_int_equal(hole->from, expected[i].from);
        assert_int_equal(hole->until, expected[i].until);
        assert_int_equal(hole->count, expected[i].count);
        /* Times are those of 64 numbers together. */
        assert_true(hole->from_ns <= time_of(hole->from) &&
                    hole->from_ns > time_of(hole->from) - 64000);
        assert_true(hole->until_ns >= time_of(hole->until) &&
                    hole->until_ns < time_of(hole->until) + 64000);
    }
}

static uint64_t first_of(const struct scene *s, uint32_t member)
{
    uint64_t i = 0;
    while (s->owner[i] != member)
        i++;
    return i;
}

static uint64_t last_of(const struct scene *s, uint32_t member)
{
    uint64_t i = NUMBERS - 1;
    while (s->owner[i] != member)
        i--;
    return i;
}

static uint64_t overlap_begin(const struct scene *s)
{
    uint64_t begin = 0;
    for (uint32_t i = 0; i < HOSTS; i++)
        begin = first_of(s, i) > begin ? first_of(s, i) : begin;
    return begin;
}

static uint64_t overlap_end(const struct scene *s)
{
    uint64_t end = UINT64_MAX;
    for (uint32_t i = 0; i < HOSTS; i++)
        end = last_of(s, i) < end ? last_of(s, i) : end;
    return end;
}

/* Hosts take stretches of numbers; some numbers are missing, one by one and in stretches. */
static void owners_draw(struct scene *s, uint64_t *x, unsigned missing)
{
    for (uint32_t i = 0; i < NUMBERS;) {
        uint32_t owner = (uint32_t)(random_next(x) % (random_next(x) % 20 ? HOSTS : NOBODY + 1));
        uint32_t length = 1 + (uint32_t)(random_next(x) % 90);
        for (; length-- && i < NUMBERS; i++)
            s->owner[i] = (uint8_t)(random_next(x) % 1000 < missing ? NOBODY : owner);
    }
}

static void each_hole_is_told_whatever_order_hosts_come_in(void **state)
{
    (void)state;
    static struct scene s;
    static const uint32_t ORDERS[][HOSTS] = {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}};
    uint64_t x = 20261129;
    for (unsigned round = 0; round < 30; round++) {
        scene_open(&s);
        owners_draw(&s, &x, round % 10 * 10);
        for (uint32_t i = 0; i < HOSTS; i++)
            see(&s, ORDERS[round % 3][i], 0, NUMBERS);
        tell(&s);
        assert_holes(&s, overlap_begin(&s), overlap_end(&s));
        s.hole_count = 0;
        tell(&s);
        assert_int_equal(s.hole_count, 0); /* once */
        scene_close(&s);
    }
}

static void nothing_is_told_while_a_host_was_not_heard(void **state)
{
    (void)state;
    static struct scene s;
    uint64_t x = 7;
    scene_open(&s);
    owners_draw(&s, &x, 10);
    see(&s, 0, 0, NUMBERS);
    see(&s, 1, 0, NUMBERS);
    tell(&s);
    assert_int_equal(s.hole_count, 0);
    see(&s, 2, 0, NUMBERS);
    tell(&s);
    assert_holes(&s, overlap_begin(&s), overlap_end(&s));
    scene_close(&s);
}

/* Runs that are saved and loaded tell what one tells; holes that reach over their border may be
 * two. */
static void what_is_saved_goes_on_where_it_ended(void **state)
{
    (void)state;
    static struct scene s;
    uint64_t x = 11, missing = 0, expected = 0;
    scene_open(&s);
    owners_draw(&s, &x, 20);
    for (uint32_t run = 0; run < 5; run++) {
        struct btr_buffer saved = {0}, again = {0};
        uint32_t member;
        for (uint32_t i = 0; i < HOSTS; i++)
            see(&s, i, run * (NUMBERS / 5), (run + 1) * (NUMBERS / 5));
        tell(&s);
        assert_true(serials_moved(s.space));
        assert_true(serials_save(s.space, &saved));
        assert_false(serials_moved(s.space));
        serials_free(s.serials);
        s.serials = serials_new(s.hosts);
        s.space = serials_of(s.serials, BTR_SPAN("a"), &member);
        for (size_t cut = 0; cut < saved.size; cut += 1 + cut / 8) { /* refused, whatever is lost */
            struct btr_serials *other = serials_new(s.hosts);
            assert_int_equal(
                serials_load(serials_at(other, 0), (struct btr_span){saved.at, cut}, NULL),
                BTR_E_FORMAT);
            serials_free(other);
        }
        assert_int_equal(serials_load(s.space, btr_buffer_view(&saved), NULL), 0);
        assert_true(serials_save(s.space, &again));
        assert_true(btr_span_equal(btr_buffer_view(&saved), btr_buffer_view(&again)));
        btr_buffer_fini(&saved);
        btr_buffer_fini(&again);
    }
    for (uint32_t i = 0; i < s.hole_count; i++)
        missing += s.holes[i].count;
    for (uint64_t i = overlap_begin(&s); i <= overlap_end(&s); i++)
        expected += s.owner[i] == NOBODY;
    assert_int_equal(missing, expected);
    scene_close(&s);
}

static void a_host_that_starts_anew_ends_it(void **state)
{
    (void)state;
    static struct scene s;
    uint64_t x = 13;
    scene_open(&s);
    owners_draw(&s, &x, 20);
    see(&s, 0, 0, NUMBERS);
    serials_stop(s.space);
    see(&s, 1, 0, NUMBERS);
    see(&s, 2, 0, NUMBERS);
    assert_true(serials_is_stopped(s.space));
    tell(&s);
    assert_int_equal(s.hole_count, 0);
    scene_close(&s);
}

static void numbers_beyond_all_bounds_take_no_room(void **state)
{
    (void)state;
    static struct scene s;
    scene_open(&s);
    for (uint64_t i = 0; i < 40000; i++)
        serials_see(s.space, 0, i << 20, 5);
    assert_true(serials_is_stopped(s.space));
    scene_close(&s);
}

static void hosts_without_a_counter_in_common_have_none(void **state)
{
    (void)state;
    static struct scene s;
    uint32_t member;
    scene_open(&s);
    assert_null(serials_of(s.serials, BTR_SPAN("x"), &member));
    assert_null(serials_of(s.serials, BTR_SPAN("nobody"), &member));
    assert_null(serials_of(NULL, BTR_SPAN("a"), &member));
    assert_non_null(serials_at(s.serials, 1));
    assert_null(serials_at(s.serials, 2));
    assert_true(btr_span_equal(serials_name(serials_at(s.serials, 1)), BTR_SPAN("other")));
    assert_true(btr_span_equal(serials_host(s.space, 1), BTR_SPAN("b")));
    assert_int_equal(serials_host(s.space, 3).size, 0);
    scene_close(&s);
    struct btr_serials *none = serials_new(NULL);
    assert_null(serials_at(none, 0));
    serials_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hole_is_told_whatever_order_hosts_come_in),
        cmocka_unit_test(nothing_is_told_while_a_host_was_not_heard),
        cmocka_unit_test(what_is_saved_goes_on_where_it_ended),
        cmocka_unit_test(a_host_that_starts_anew_ends_it),
        cmocka_unit_test(numbers_beyond_all_bounds_take_no_room),
        cmocka_unit_test(hosts_without_a_counter_in_common_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
