/* Both maps against a plain list, and ids as text. */
#include <btr/id.h>

#include "test.h"
#include "test_random.h"

enum { KEYS = 300 };

/* The oracle: a value per key of a small universe, UINT32_MAX when it is not there. */
struct oracle {
    uint64_t keys[KEYS];
    uint32_t values[KEYS];
};

/* Keys that crowd: zero, small rows, rows far apart, and multiples that share low bits. */
static void oracle_init(struct oracle *oracle, struct test_random *random)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        uint64_t key = i;
        if (i % 3 == 1)
            key = (uint64_t)i << 32;
        else if (i % 3 == 2)
            key = test_random_next(random);
        oracle->keys[i] = key;
        oracle->values[i] = UINT32_MAX;
    }
}

static void assert_same(const struct btr_u64map *map, const struct oracle *oracle)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(btr_u64map_get(map, oracle->keys[i]), oracle->values[i]);
        count += oracle->values[i] != UINT32_MAX;
    }
    assert_int_equal(map->count, count);
    assert_true((uint64_t)map->count * 10 <= (uint64_t)map->capacity * 7);
}

/* Adds what may be there, and makes room now and then. */
static void add(struct btr_u64map *map, struct oracle *oracle, uint32_t i,
                struct test_random *random)
{
    uint32_t value = (uint32_t)test_random_below(random, UINT32_MAX);
    btr_u64map_ask(map, oracle->keys[i]);
    if (oracle->values[i] == UINT32_MAX)
        oracle->values[i] = value;
    assert_int_equal(btr_u64map_add(map, oracle->keys[i], value), oracle->values[i]);
    if (test_random_below(random, 50) == 0) {
        uint32_t more = (uint32_t)test_random_below(random, 2 * KEYS);
        assert_true(btr_u64map_room(map, more));
        assert_true((uint64_t)more * 10 <= (uint64_t)map->capacity * 7);
    }
}

static void a_number_map_does_what_a_plain_list_does(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct test_random random = {seed};
        struct oracle oracle;
        struct btr_u64map map = {0};
        oracle_init(&oracle, &random);
        uint64_t grow = seed % 2 ? 3 : 1; /* sets to one removal: some runs stay small, some grow */
        for (int step = 0; step < 3000; step++) {
            uint32_t i = (uint32_t)test_random_below(&random, KEYS);
            if (test_random_below(&random, grow + 1) < grow) {
                uint32_t value = (uint32_t)test_random_below(&random, UINT32_MAX);
                assert_true(btr_u64map_set(&map, oracle.keys[i], value));
                oracle.values[i] = value;
                if (seed % 3 == 0)
                    add(&map, &oracle, (uint32_t)test_random_below(&random, KEYS), &random);
            } else {
                btr_u64map_remove(&map, oracle.keys[i]);
                oracle.values[i] = UINT32_MAX;
            }
            assert_int_equal(btr_u64map_get(&map, oracle.keys[i]), oracle.values[i]);
            if (step % 100 == 0)
                assert_same(&map, &oracle);
        }
        assert_same(&map, &oracle);
        btr_u64map_clear(&map);
        assert_int_equal(btr_u64map_get(&map, oracle.keys[1]), UINT32_MAX);
        btr_u64map_fini(&map);
    }
}

static void an_empty_number_map_answers(void **state)
{
    (void)state;
    struct btr_u64map map = {0};
    assert_int_equal(btr_u64map_get(&map, 0), UINT32_MAX);
    btr_u64map_remove(&map, 0);
    btr_u64map_clear(&map);
    assert_true(btr_u64map_set(&map, 0, 5));
    assert_int_equal(btr_u64map_get(&map, 0), 5);
    btr_u64map_remove(&map, 0);
    assert_int_equal(btr_u64map_get(&map, 0), UINT32_MAX);
    btr_u64map_fini(&map);
    btr_u64map_fini(&map);
}

/* Ids with few distinct low bits make long runs; the none id is a key like others. */
static void an_id_map_keeps_the_first_value_of_each_id(void **state)
{
    (void)state;
    enum { IDS = 2000 };
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct test_random random = {seed};
        struct btr_idmap map = {0};
        static struct btr_id ids[IDS];
        static uint32_t values[IDS];
        for (uint32_t i = 0; i < IDS; i++) {
            ids[i] = (struct btr_id){i, seed % 2 ? i % 7 : test_random_next(&random)};
            values[i] = UINT32_MAX;
        }
        for (uint32_t step = 0; step < 4000; step++) {
            uint32_t i = (uint32_t)test_random_below(&random, IDS);
            assert_int_equal(btr_idmap_get(&map, ids[i]), values[i]);
            if (values[i] == UINT32_MAX)
                values[i] = step;
            assert_int_equal(btr_idmap_add(&map, ids[i], step), values[i]);
        }
        for (uint32_t i = 0; i < IDS; i++)
            assert_int_equal(btr_idmap_get(&map, ids[i]), values[i]);
        btr_idmap_clear(&map);
        assert_int_equal(map.count, 0);
        assert_int_equal(btr_idmap_get(&map, ids[3]), UINT32_MAX);
        btr_idmap_fini(&map);
    }
}

static void a_reset_map_is_empty_and_does_not_stay_large(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct btr_idmap map = {0};
    btr_idmap_reset(&map);
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t count = round == 1 ? 3 : MANY; /* many, then few in what many left, then many */
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(btr_idmap_add(&map, (struct btr_id){round, i}, i), i);
        assert_int_equal(map.count, count);
        btr_idmap_reset(&map);
        assert_int_equal(map.count, 0);
        assert_int_equal(btr_idmap_get(&map, (struct btr_id){round, 1}), UINT32_MAX);
        assert_true(round == 1 ? map.capacity < MANY : map.capacity >= MANY);
    }
    assert_int_equal(btr_idmap_add(&map, (struct btr_id){7, 7}, 7), 7);
    btr_idmap_clear(&map); /* keeps what it has */
    assert_int_equal(map.count, 0);
    assert_true(map.capacity >= MANY);
    btr_idmap_fini(&map);
}

static void an_id_is_32_hex_digits_and_comes_back(void **state)
{
    (void)state;
    struct btr_id id = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)}, back;
    char text[BTR_ID_TEXT_SIZE];
    btr_id_text(id, text);
    assert_string_equal(text, "0123456789abcdeffedcba9876543210");
    assert_true(btr_id_parse(btr_span_of(text), &back));
    assert_true(btr_id_equal(id, back));
    assert_false(btr_id_parse(BTR_SPAN("0123456789abcdeffedcba987654321"), &back));
    assert_false(btr_id_parse(BTR_SPAN("0123456789abcdeffedcba987654321g"), &back));
    assert_false(btr_id_parse(BTR_SPAN(""), &back));
}

static void ids_are_the_published_hash(void **state)
{
    (void)state;
    char text[BTR_ID_TEXT_SIZE];
    btr_id_text(btr_id_hash(BTR_SPAN("")), text); /* XXH3_128bits of nothing, seed 0 */
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    assert_true(btr_hash64(BTR_SPAN("")) == UINT64_C(0x2d06800538d394c2));
    assert_true(btr_hash64_seeded(BTR_SPAN("a line"), 0) == btr_hash64(BTR_SPAN("a line")));
    assert_true(btr_hash64_seeded(BTR_SPAN("a line"), 1) != btr_hash64(BTR_SPAN("a line")));
}

static void parts_are_told_apart_by_their_lengths(void **state)
{
    (void)state;
    struct btr_span a[] = {BTR_SPAN("ab"), BTR_SPAN("c")}, b[] = {BTR_SPAN("a"), BTR_SPAN("bc")};
    struct btr_span c[] = {BTR_SPAN("abc"), BTR_SPAN("")};
    assert_false(btr_id_equal(btr_id_of(a, 2), btr_id_of(b, 2)));
    assert_false(btr_id_equal(btr_id_of(a, 2), btr_id_of(c, 2)));
    assert_false(btr_id_equal(btr_id_of(c, 1), btr_id_of(c, 2)));
    assert_true(btr_id_equal(btr_id_of(a, 2), btr_id_of(a, 2)));
}

/* Long keys are hashed in pieces: the same bytes as one key with lengths in front give the same id.
 */
static void the_size_of_a_key_does_not_change_how_it_is_hashed(void **state)
{
    (void)state;
    static uint8_t bytes[70000], key[70010];
    struct test_random random = {3};
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)test_random_next(&random);
    static const size_t sizes[] = {0,    1,    127,  128,  511,  512,  513,  1000,
                                   1013, 1014, 1015, 1023, 1024, 1025, 70000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t at = 0;
        for (size_t left = sizes[i];; left >>= 7) {
            key[at++] = (uint8_t)(left < 0x80 ? left : left | 0x80);
            if (left < 0x80)
                break;
        }
        memcpy(key + at, bytes, sizes[i]);
        struct btr_span part = {bytes, sizes[i]};
        assert_true(
            btr_id_equal(btr_id_of(&part, 1), btr_id_hash((struct btr_span){key, at + sizes[i]})));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_map_does_what_a_plain_list_does),
        cmocka_unit_test(an_empty_number_map_answers),
        cmocka_unit_test(an_id_map_keeps_the_first_value_of_each_id),
        cmocka_unit_test(a_reset_map_is_empty_and_does_not_stay_large),
        cmocka_unit_test(an_id_is_32_hex_digits_and_comes_back),
        cmocka_unit_test(ids_are_the_published_hash),
        cmocka_unit_test(parts_are_told_apart_by_their_lengths),
        cmocka_unit_test(the_size_of_a_key_does_not_change_how_it_is_hashed),
    };
    return cmocka_run_group_tests_name("base_maps", tests, NULL, NULL);
}
