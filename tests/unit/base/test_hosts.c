/* The inventory and canonical host names. */
#include <btr/hosts.h>

#include "test.h"

static const char inventory[] =
    "{\"WEB01\": {\"ip\": \"10.77.0.11\", \"users\": {\"33\": \"www-data\", \"0\": \"root\"}},\n"
    " \"db01.corp.example\": {\"ip\": [\"10.77.0.12\", \"fd00::12\"], \"serial_space\": \"lab\", "
    "\"os\": {\"ip\": \"x\"}},\n"
    " \"gw.a.example\": {}, \"gw.b.example\": {\"nat\": [\"1.2.3.4\"]}, \"br{ace\\\"\\u0041\": "
    "{\"ip\": []}}";

static struct btr_hosts *parse(const char *text)
{
    struct btr_hosts *hosts;
    struct btr_err err = {0};
    if (btr_hosts_parse(&hosts, btr_span_of(text), &err) < 0)
        fail_msg("%s", err.text);
    return hosts;
}

static void assert_span(struct btr_span got, const char *expected)
{
    if (!btr_span_equal(got, btr_span_of(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", (int)got.size,
                 got.size ? (const char *)got.at : "", expected);
}

static void an_inventory_answers_for_addresses_users_and_spaces(void **state)
{
    (void)state;
    struct btr_hosts *hosts = parse(inventory);
    assert_true(btr_hosts_known(hosts, BTR_SPAN("web01")));
    assert_true(btr_hosts_known(hosts, BTR_SPAN("db01")));
    assert_true(btr_hosts_known(hosts, BTR_SPAN("br{ace\"a"))); /* letters are folded */
    assert_false(btr_hosts_known(hosts, BTR_SPAN("db01.corp.example")));
    assert_false(btr_hosts_known(hosts, BTR_SPAN("nobody")));
    assert_span(btr_hosts_address(hosts, BTR_SPAN("db01"), 1), "fd00::12");
    assert_span(btr_hosts_address(hosts, BTR_SPAN("db01"), 2), "");
    assert_span(btr_hosts_owner(hosts, BTR_SPAN("10.77.0.11")), "web01");
    assert_span(btr_hosts_owner(hosts, BTR_SPAN("::ffff:10.77.0.11")), "web01");
    assert_span(btr_hosts_owner(hosts, BTR_SPAN("FD00:0::12")), "db01");
    assert_span(btr_hosts_owner(hosts, BTR_SPAN("10.77.0.99")), "");
    assert_span(btr_hosts_owner(hosts, BTR_SPAN("x")), "");
    assert_span(btr_hosts_user(hosts, BTR_SPAN("web01"), BTR_SPAN("33")), "www-data");
    assert_span(btr_hosts_user(hosts, BTR_SPAN("db01"), BTR_SPAN("33")), "");
    assert_span(btr_hosts_serial_space(hosts, BTR_SPAN("db01")), "lab");
    assert_span(btr_hosts_serial_space(hosts, BTR_SPAN("web01")), "");
    btr_hosts_free(hosts);
}

static void without_an_inventory_nothing_is_known(void **state)
{
    (void)state;
    assert_false(btr_hosts_known(NULL, BTR_SPAN("web01")));
    assert_span(btr_hosts_address(NULL, BTR_SPAN("web01"), 0), "");
    assert_span(btr_hosts_owner(NULL, BTR_SPAN("10.0.0.1")), "");
    assert_span(btr_hosts_user(NULL, BTR_SPAN("web01"), BTR_SPAN("0")), "");
    assert_span(btr_hosts_serial_space(NULL, BTR_SPAN("web01")), "");
    btr_hosts_free(NULL);
}

static void a_host_name_is_short_and_lower_case(void **state)
{
    (void)state;
    uint8_t buffer[256];
    assert_span(btr_host_canonical(NULL, BTR_SPAN("WEB01.Corp.Example"), buffer), "web01");
    assert_span(btr_host_canonical(NULL, BTR_SPAN("web01."), buffer), "web01");
    assert_span(btr_host_canonical(NULL, BTR_SPAN("10.0.0.1"), buffer), "10.0.0.1");
    assert_span(btr_host_canonical(NULL, BTR_SPAN("FE80::1"), buffer), "fe80::1");
    assert_span(btr_host_canonical(NULL, BTR_SPAN(".hidden"), buffer), ".hidden");
    assert_span(btr_host_canonical(NULL, BTR_SPAN("."), buffer), ".");
    assert_span(btr_host_canonical(NULL, BTR_SPAN(""), buffer), "");
}

static void the_inventory_keeps_hosts_of_one_short_name_apart(void **state)
{
    (void)state;
    uint8_t buffer[256];
    struct btr_hosts *hosts = parse(inventory);
    assert_span(btr_host_canonical(hosts, BTR_SPAN("GW.a.example"), buffer), "gw.a.example");
    assert_span(btr_host_canonical(hosts, BTR_SPAN("db01.other"), buffer), "db01");
    assert_true(btr_hosts_known(hosts, BTR_SPAN("gw.b.example")));
    assert_false(btr_hosts_known(hosts, BTR_SPAN("gw")));
    btr_hosts_free(hosts);
}

static void a_long_host_name_is_cut(void **state)
{
    (void)state;
    uint8_t name[1000], buffer[256];
    memset(name, 'A', sizeof(name));
    struct btr_span canonical =
        btr_host_canonical(NULL, (struct btr_span){name, sizeof(name)}, buffer);
    assert_int_equal(canonical.size, 255);
    assert_int_equal(canonical.at[254], 'a');
}

static void a_malformed_inventory_is_refused_with_one_line(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "null",
        "{",
        "{\"a\"}",
        "{\"a\": 1}",
        "{\"a\": {}",
        "{\"a\": {}} x",
        "{\"a\": {},}",
        "{\"a\" {}}",
        "{\"a\": {\"ip\": }}",
        "{\"a\": {]}",
        "{a: {}}",
        "{\"\": {}}",
        "{\"a\": {} \"b\": {}}",
        "{\"a\": {\"x\": \"}}",
        "{\"a\": {}, \"A\": {}}",
        "{\"a.x\": {}, \"a.x\": {}}",
        "{\"\\q\": {}}",
        "{,}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct btr_hosts *hosts;
        struct btr_err err = {0};
        if (btr_hosts_parse(&hosts, btr_span_of(bad[i]), &err) != BTR_E_FORMAT)
            fail_msg("not refused: %s", bad[i]);
        assert_null(hosts);
        assert_true(err.text[0] != '\0');
    }
}

static void every_cut_of_an_inventory_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof(inventory) - 1; size++) {
        struct btr_hosts *hosts;
        uint8_t *cut = malloc(size + 1); /* exact size, so that a read beyond it is seen */
        memcpy(cut, inventory, size);
        assert_int_equal(btr_hosts_parse(&hosts, (struct btr_span){cut, size}, NULL), BTR_E_FORMAT);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_inventory_answers_for_addresses_users_and_spaces),
        cmocka_unit_test(without_an_inventory_nothing_is_known),
        cmocka_unit_test(a_host_name_is_short_and_lower_case),
        cmocka_unit_test(the_inventory_keeps_hosts_of_one_short_name_apart),
        cmocka_unit_test(a_long_host_name_is_cut),
        cmocka_unit_test(a_malformed_inventory_is_refused_with_one_line),
        cmocka_unit_test(every_cut_of_an_inventory_is_refused),
    };
    return cmocka_run_group_tests_name("base_hosts", tests, NULL, NULL);
}
