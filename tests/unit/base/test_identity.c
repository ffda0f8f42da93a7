/* Canonical keys: what is one thing has one id, what is two has two. */
#include <btr/identity.h>

#include "test.h"

#define S(text) BTR_SPAN(text)

static void assert_one(struct btr_id a, struct btr_id b)
{
    assert_true(btr_id_equal(a, b));
}

static void assert_two(struct btr_id a, struct btr_id b)
{
    assert_false(btr_id_equal(a, b));
}

static struct btr_id tcp(struct btr_span a, uint32_t port_a, struct btr_span b, uint32_t port_b)
{
    return btr_identity_flow(S("tcp"), a, port_a, b, port_b, S("web01"), S(""));
}

static void both_sides_of_a_flow_compute_one_id(void **state)
{
    (void)state;
    assert_one(tcp(S("10.0.0.1"), 80, S("10.0.0.2"), 40000),
               tcp(S("10.0.0.2"), 40000, S("10.0.0.1"), 80));
    assert_one(tcp(S("10.0.0.1"), 80, S("10.0.0.1"), 81),
               tcp(S("10.0.0.1"), 81, S("10.0.0.1"), 80));
    assert_two(tcp(S("10.0.0.1"), 80, S("10.0.0.2"), 40000),
               tcp(S("10.0.0.1"), 40000, S("10.0.0.2"), 80));
    assert_one(
        tcp(S("10.0.0.1"), 80, S("10.0.0.2"), 40000),
        btr_identity_flow(S("TCP"), S("10.0.0.2"), 40000, S("10.0.0.1"), 80, S("db01"), S("")));
    assert_two(
        tcp(S("10.0.0.1"), 80, S("10.0.0.2"), 40000),
        btr_identity_flow(S("udp"), S("10.0.0.1"), 80, S("10.0.0.2"), 40000, S("web01"), S("")));
}

static void an_address_has_one_form_however_it_is_written(void **state)
{
    (void)state;
    assert_one(tcp(S("::ffff:10.0.0.1"), 80, S("10.0.0.2"), 1),
               tcp(S("10.0.0.1"), 80, S("::FFFF:10.0.0.2"), 1));
    assert_one(tcp(S("fe80::1"), 80, S("FE80:0:0:0:0:0:0:2"), 1),
               tcp(S("FE80:0::1"), 80, S("fe80::2"), 1));
    assert_one(tcp(S("Host-A"), 1, S("10.0.0.2"), 1), tcp(S("host-a"), 1, S("10.0.0.2"), 1));
    assert_two(tcp(S("host-a"), 1, S("10.0.0.2"), 1), tcp(S("host-b"), 1, S("10.0.0.2"), 1));
    assert_one(tcp(S(""), 1, S("10.0.0.2"), 1), tcp(S("0.0.0.0"), 1, S("10.0.0.2"), 1));
}

static void zones_keep_equal_private_addresses_apart(void **state)
{
    (void)state;
    struct btr_id a =
        btr_identity_flow(S("tcp"), S("172.17.0.2"), 1, S("172.17.0.3"), 2, S("h1"), S("h1"));
    struct btr_id b =
        btr_identity_flow(S("tcp"), S("172.17.0.2"), 1, S("172.17.0.3"), 2, S("h2"), S("h2"));
    assert_two(a, b);
}

static void loopback_belongs_to_its_host(void **state)
{
    (void)state;
    struct btr_id a =
        btr_identity_flow(S("tcp"), S("127.0.0.1"), 1, S("127.0.0.1"), 2, S("h1"), S("z"));
    struct btr_id b =
        btr_identity_flow(S("tcp"), S("127.0.0.1"), 1, S("127.0.0.1"), 2, S("h2"), S("z"));
    struct btr_id c =
        btr_identity_flow(S("tcp"), S("127.0.0.1"), 2, S("::ffff:127.0.0.1"), 1, S("h1"), S(""));
    assert_two(a, b);
    assert_one(a, c);
    assert_two(btr_identity_rendezvous(S("tcp"), S("::1"), 1, S("::1"), S("h1"), S("")),
               btr_identity_rendezvous(S("tcp"), S("::1"), 1, S("::1"), S("h2"), S("")));
}

static void a_rendezvous_is_the_same_from_both_hosts_but_has_sides(void **state)
{
    (void)state;
    struct btr_id seen_by_client =
        btr_identity_rendezvous(S("tcp"), S("10.0.0.1"), 22, S("10.0.0.2"), S("c"), S(""));
    struct btr_id seen_by_server =
        btr_identity_rendezvous(S("tcp"), S("10.0.0.1"), 22, S("::ffff:10.0.0.2"), S("s"), S(""));
    assert_one(seen_by_client, seen_by_server);
    assert_two(seen_by_client,
               btr_identity_rendezvous(S("tcp"), S("10.0.0.2"), 22, S("10.0.0.1"), S("c"), S("")));
    assert_two(seen_by_client,
               btr_identity_rendezvous(S("tcp"), S("10.0.0.1"), 23, S("10.0.0.2"), S("c"), S("")));
    assert_two(btr_identity_rendezvous_unix(S("h"), S(""), S("/run/x")),
               btr_identity_rendezvous_unix(S("h"), S("/run"), S("/x")));
}

static void windows_paths_are_folded_and_others_are_not(void **state)
{
    (void)state;
    struct btr_span h = S("h"), none = S("");
    assert_one(btr_identity_file(h, none, S("C:\\Windows\\CMD.EXE")),
               btr_identity_file(h, none, S("c:/windows/cmd.exe")));
    assert_one(btr_identity_file(h, none, S("\\\\Srv\\Share\\\xc3\x84.txt")),
               btr_identity_file(h, none, S("\\\\srv\\share\\\xc3\xa4.TXT")));
    assert_two(btr_identity_file(h, none, S("C:\\\xc3\x97")),
               btr_identity_file(h, none, S("C:\\\xc3\xb7")));
    assert_one(btr_identity_file(h, none, S("\\??\\C:\\a")),
               btr_identity_file(h, none, S("C:\\A")));
    assert_one(btr_identity_file(h, none, S("\\\\?\\C:\\a")),
               btr_identity_file(h, none, S("C:\\A")));
    assert_two(btr_identity_file(h, none, S("/etc/Passwd")),
               btr_identity_file(h, none, S("/etc/passwd")));
    assert_two(btr_identity_file(h, none, S("/a\\b")), btr_identity_file(h, none, S("/a/b")));
    assert_two(btr_identity_file(h, none, S("/a")), btr_identity_file(h, S("/a"), none));
    assert_two(btr_identity_file(h, none, S("/a")), btr_identity_file(S("g"), none, S("/a")));
}

static void a_long_windows_path_is_folded_in_pieces_alike(void **state)
{
    (void)state;
    static uint8_t upper[5000], lower[5000];
    for (size_t size = 500; size < sizeof(upper); size += 7) {
        memcpy(upper, "C:/", 3);
        memcpy(lower, "c:\\", 3);
        for (size_t at = 3; at + 2 <= size;
             at += 2) { /* a two-byte letter stands across every border once */
            memcpy(upper + at, "\xc3\x84", 2);
            memcpy(lower + at, "\xc3\xa4", 2);
        }
        upper[size - 1] = 'Z';
        lower[size - 1] = 'z';
        assert_one(btr_identity_file(S("h"), S(""), (struct btr_span){upper, size}),
                   btr_identity_file(S("h"), S(""), (struct btr_span){lower, size}));
    }
}

/* Paths are folded eight bytes at a time where they can be: as byte by byte. */
static void each_byte_is_folded_alike_wherever_it_stands(void **state)
{
    (void)state;
    enum { SIZE = 22 };
    for (unsigned c = 1; c < 256; c++)
        for (size_t at = 3; at < SIZE; at++) {
            uint8_t path[SIZE + 1] = "C:\\aAzZ[@`{/09.~!MmC:^";
            uint8_t folded[SIZE + 1] = "c:\\aazz[@`{\\09.~!mmc:^";
            path[at] = (uint8_t)c;
            folded[at] = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c == '/' ? '\\' : c);
            assert_one(btr_identity_file(S("h"), S(""), (struct btr_span){path, SIZE}),
                       btr_identity_file(S("h"), S(""), (struct btr_span){folded, SIZE}));
            for (unsigned other = 1; other < 256 && at == 9; other++) {
                if ((other >= 'A' && other <= 'Z') || other == '/' || other == folded[at])
                    continue;
                uint8_t two[SIZE + 1];
                memcpy(two, folded, sizeof(two));
                two[at] = (uint8_t)other;
                assert_two(btr_identity_file(S("h"), S(""), (struct btr_span){path, SIZE}),
                           btr_identity_file(S("h"), S(""), (struct btr_span){two, SIZE}));
            }
        }
}

static void a_native_process_id_has_no_braces_and_no_case(void **state)
{
    (void)state;
    assert_one(btr_identity_process_native(S("h"), S("{AB-01}")),
               btr_identity_process_native(S("h"), S("ab-01")));
    assert_two(btr_identity_process_native(S("h"), S("ab-01")),
               btr_identity_process_native(S("h"), S("ab-02")));
    assert_two(btr_identity_process_native(S("h"), S("ab-01")),
               btr_identity_process_native(S("g"), S("ab-01")));
    assert_two(btr_identity_process_native(S("h"), S("{")),
               btr_identity_process_native(S("h"), S("")));
}

static void a_pid_alone_is_no_identity(void **state)
{
    (void)state;
    assert_two(btr_identity_process(S("h"), 12, 1000), btr_identity_process(S("h"), 12, 1001));
    assert_two(btr_identity_process(S("h"), 12, 1000), btr_identity_process(S("h"), 13, 1000));
    assert_two(btr_identity_process(S("h"), 12, 1000), btr_identity_process(S("g"), 12, 1000));
    assert_one(btr_identity_process(S("h"), 12, -1), btr_identity_process(S("h"), 12, -1));
}

static void tags_keep_kinds_apart(void **state)
{
    (void)state;
    assert_two(btr_identity_named("service", S("h"), S("x")),
               btr_identity_named("task", S("h"), S("x")));
    assert_two(btr_identity_named("ab", S("c"), S("x")), btr_identity_named("a", S("bc"), S("x")));
    assert_two(btr_identity_numbered("pipe", S("h"), 1, 2),
               btr_identity_numbered("pipe", S("h"), 2, 1));
    assert_two(btr_identity_numbered("pipe", S("h"), 1, 2),
               btr_identity_numbered("half", S("h"), 1, 2));
}

static void loopback_and_any_addresses_are_known(void **state)
{
    (void)state;
    assert_true(btr_address_is_loopback(S("127.8.9.1")) && btr_address_is_loopback(S("::1")));
    assert_true(btr_address_is_loopback(S("::ffff:127.0.0.1")));
    assert_false(btr_address_is_loopback(S("10.0.0.1")) || btr_address_is_loopback(S("")));
    assert_false(btr_address_is_loopback(S("127.0.0.1.evil")) ||
                 btr_address_is_loopback(S("127.0.0.1\0")));
    assert_true(btr_address_is_any(S("")) && btr_address_is_any(S("0.0.0.0")) &&
                btr_address_is_any(S("::")));
    assert_false(btr_address_is_any(S("0.0.0.1")) || btr_address_is_any(S("x")));
}

/* Ids are on disk and in other people's notes: these may never change. */
static void ids_stay_what_they_are(void **state)
{
    (void)state;
    char text[BTR_ID_TEXT_SIZE];
    btr_id_text(btr_identity_file(S("web01"), S(""), S("/etc/passwd")), text);
    assert_string_equal(text, "d3ec2d57708902d778c8d9ad35ae5728");
    btr_id_text(btr_identity_process(S("web01"), 9835, INT64_C(1795424315834000000)), text);
    assert_string_equal(text, "4f5616b9e768de8acf43bde5da383fa5");
    btr_id_text(tcp(S("10.77.0.11"), 80, S("10.77.0.139"), 57012), text);
    assert_string_equal(text, "5a2bb73c3e5116a3ac587439bf7ed25f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_of_a_flow_compute_one_id),
        cmocka_unit_test(an_address_has_one_form_however_it_is_written),
        cmocka_unit_test(zones_keep_equal_private_addresses_apart),
        cmocka_unit_test(loopback_belongs_to_its_host),
        cmocka_unit_test(a_rendezvous_is_the_same_from_both_hosts_but_has_sides),
        cmocka_unit_test(windows_paths_are_folded_and_others_are_not),
        cmocka_unit_test(a_long_windows_path_is_folded_in_pieces_alike),
        cmocka_unit_test(a_native_process_id_has_no_braces_and_no_case),
        cmocka_unit_test(a_pid_alone_is_no_identity),
        cmocka_unit_test(tags_keep_kinds_apart),
        cmocka_unit_test(loopback_and_any_addresses_are_known),
        cmocka_unit_test(each_byte_is_folded_alike_wherever_it_stands),
        cmocka_unit_test(ids_stay_what_they_are),
    };
    return cmocka_run_group_tests_name("base_identity", tests, NULL, NULL);
}
