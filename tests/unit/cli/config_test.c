/* The configuration file: what it gives, and how each kind of fault is refused. */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "config.h"

#define NEEDED "store.path = /s\nkafka.brokers = b:9092\nkafka.topics = t\n"

static struct btr_err why;

static int parse(struct cli_config *out, const char *text)
{
    why = (struct btr_err){0};
    return cli_config_parse(out, btr_span_of(text), "f.conf", &why);
}

/* Refused, with just this line, and nothing is left. */
static void refuse(const char *text, const char *line)
{
    struct cli_config config;
    assert_int_equal(parse(&config, text), BTR_E_USAGE);
    assert_string_equal(why.text, line);
    cli_config_fini(&config);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    struct cli_config c;
    assert_int_equal(parse(&c, NEEDED), 0);
    assert_string_equal(c.store_path, "/s");
    assert_string_equal(c.group, "backtrail");
    assert_int_equal(c.topics.count, 1);
    assert_int_equal(c.visible_ms, 1000);
    assert_int_equal(c.memory_mib, 1024);
    assert_false(c.keep_records);
    assert_null(c.state_topic);
    assert_string_equal(c.log_level, "info");
    const struct sockaddr_in *at = (const struct sockaddr_in *)&c.listen.at;
    assert_int_equal(c.listen.size, sizeof *at);
    assert_int_equal(ntohl(at->sin_addr.s_addr), 0x7f000001);
    assert_int_equal(ntohs(at->sin_port), 9472);
    cli_config_fini(&c);
}

static void every_kind_of_value_is_read(void **state)
{
    (void)state;
    struct cli_config c;
    assert_int_equal(parse(&c, "# a comment\n\n  store.path   =  /var/lib/a b=c  \r\n"
                               "kafka.brokers = b1:9093,b2:9093\nkafka.topics = one , two,three\n"
                               "ingest.visible_ms=50\ningest.keep_records = yes\n"
                               "http.listen = [::1]:0\nlog.level = debug\n"
                               "kafka.x.fetch.max.bytes = 7\nkafka.x.client.id = x#y\n"
                               "kafka.x_file.ssl.key.pem = /k\nstore.retention_days = 36500"),
                     0);
    assert_string_equal(c.store_path, "/var/lib/a b=c");
    assert_int_equal(c.topics.count, 3);
    assert_string_equal(c.topics.items[0], "one");
    assert_string_equal(c.topics.items[2], "three");
    assert_int_equal(c.visible_ms, 50);
    assert_true(c.keep_records);
    assert_int_equal(((const struct sockaddr_in6 *)&c.listen.at)->sin6_family, AF_INET6);
    assert_int_equal(c.kafka_x.count, 4);
    assert_string_equal(c.kafka_x.items[2], "client.id");
    assert_string_equal(c.kafka_x.items[3], "x#y");
    assert_string_equal(c.kafka_x_file.items[0], "ssl.key.pem");
    assert_int_equal(c.retention_days, 36500);
    cli_config_fini(&c);
    assert_int_equal(parse(&c, NEEDED "http.listen = off\n"), 0);
    assert_int_equal(c.listen.size, 0);
    cli_config_fini(&c);
}

static void a_fault_is_named_with_its_line(void **state)
{
    (void)state;
    refuse(NEEDED "store.paht = /x\n",
           "f.conf:4: there is no key \"store.paht\" (see backtrail daemon --help)");
    refuse(NEEDED "\n# more\nstore.path = /x\n",
           "f.conf:6: store.path is given twice, the first time in line 1");
    refuse(NEEDED "kafka.x.a = 1\nkafka.x.a = 2\n", "f.conf:5: kafka.x.a is given twice");
    refuse("store.path = /s\nkafka.topics = t\n", "f.conf: kafka.brokers is missing");
    refuse(NEEDED "ingest.visible_ms = 49\n",
           "f.conf:4: ingest.visible_ms: 49 is not from 50 to 60000");
    refuse(NEEDED "ingest.visible_ms = 60001\n",
           "f.conf:4: ingest.visible_ms: 60001 is not from 50 to 60000");
    refuse(NEEDED "ingest.visible_ms = 1s\n", "f.conf:4: ingest.visible_ms: \"1s\" is no number");
    refuse(NEEDED "ingest.keep_records = true\n", "f.conf:4: ingest.keep_records: is yes or no");
    refuse(NEEDED "log.level = inf\n",
           "f.conf:4: log.level: \"inf\" is none of error, warning, info, debug");
    refuse(NEEDED "kafka.group =\n", "f.conf:4: kafka.group has no value");
    refuse(NEEDED "kafka.group\n", "f.conf:4: a line is KEY = VALUE, or begins with #");
    refuse(NEEDED "= x\n", "f.conf:4: a line is KEY = VALUE, or begins with #");
    refuse(NEEDED "kafka.group = a # mine\n",
           "f.conf:4: kafka.group: a comment (#) stands on a line of its own");
    refuse(NEEDED "kafka.group = a\033[2J\n", "f.conf:4: a control character (byte 0x1b)");
    refuse(NEEDED "hosts.inventory = hosts.json\n",
           "f.conf:4: hosts.inventory: is no absolute path (it begins with /)");
    refuse(NEEDED "ingest.format = sysolg\n",
           "f.conf:4: ingest.format: there is no format \"sysolg\"");
}

static void topics_are_names_and_are_not_read_and_written(void **state)
{
    (void)state;
    refuse("store.path = /s\nkafka.brokers = b\nkafka.topics = a,,b\n",
           "f.conf:3: kafka.topics: \"\" is no name of a topic");
    refuse("store.path = /s\nkafka.brokers = b\nkafka.topics = ^a.*\n",
           "f.conf:3: kafka.topics: \"^a.*\" is no name of a topic");
    refuse("store.path = /s\nkafka.brokers = b\nkafka.topics = a, b,a\n",
           "f.conf:3: kafka.topics: a is given twice");
    refuse(NEEDED "kafka.dead_letter_topic = t\n",
           "f.conf:4: kafka.dead_letter_topic: is one of kafka.topics, which are read");
    refuse(NEEDED "kafka.state_topic = t\n",
           "f.conf:4: kafka.state_topic: is one of kafka.topics, which are read");
    refuse(NEEDED "kafka.state_topic = x\nkafka.dead_letter_topic = x\n",
           "f.conf:5: kafka.dead_letter_topic: is kafka.state_topic, too");
}

static void http_listens_on_loopback_unless_told(void **state)
{
    (void)state;
    struct cli_config c;
    static const char refusal[] =
        "f.conf:4: http.listen: is not loopback; http.listen_any = yes allows that";
    refuse(NEEDED "http.listen = 0.0.0.0:9472\n", refusal);
    refuse(NEEDED "http.listen = [::]:9472\n", refusal);
    refuse(NEEDED "http.listen = 10.0.0.1:9472\n", refusal);
    refuse(NEEDED "http.listen = localhost:9472\n",
           "f.conf:4: http.listen: \"localhost\" is no address");
    refuse(NEEDED "http.listen = 9472\n", "f.conf:4: http.listen: \"9472\" is not ADDRESS:PORT");
    refuse(NEEDED "http.listen = ::1:9472\n",
           "f.conf:4: http.listen: \"::1:9472\" is not ADDRESS:PORT");
    refuse(NEEDED "http.listen = 127.0.0.1:65536\n",
           "f.conf:4: http.listen: \"127.0.0.1:65536\" is not ADDRESS:PORT");
    assert_int_equal(parse(&c, NEEDED "http.listen = 0.0.0.0:1\nhttp.listen_any = yes\n"), 0);
    cli_config_fini(&c);
}

static void a_secret_is_refused_and_never_printed(void **state)
{
    (void)state;
    refuse(NEEDED "kafka.sasl.password = hunter2\n",
           "f.conf:4: kafka.sasl.password: a secret does not stand in this file: give "
           "kafka.sasl.password_file or kafka.sasl.password_env");
    refuse(NEEDED "kafka.tls.key_password = hunter2\n",
           "f.conf:4: kafka.tls.key_password: a secret does not stand in this file: give "
           "kafka.tls.key_password_file or kafka.tls.key_password_env");
    refuse(NEEDED "kafka.x.ssl.keystore.password = hunter2\n",
           "f.conf:4: kafka.x.ssl.keystore.password: a secret does not stand in this file: give "
           "kafka.x_file.ssl.keystore.password = PATH");
    refuse(NEEDED "kafka.x.sasl.password = hunter2\n",
           "f.conf:4: kafka.x.sasl.password: has a key of its own, kafka.sasl.password_file");
    refuse(NEEDED "kafka.sasl.password_env = hunter-2\n",
           "f.conf:4: kafka.sasl.password_env: is no name of a variable");
    static const char *const SECRET[] = {"ssl.key.password", "ssl.key.pem",
                                         "sasl.oauthbearer.client.secret",
                                         "sasl.oauthbearer.config", "sasl.kerberos.kinit.cmd"};
    for (size_t i = 0; i < sizeof SECRET / sizeof *SECRET; i++) {
        char text[256];
        struct cli_config c;
        snprintf(text, sizeof text, NEEDED "kafka.x.%s = hunter2\n", SECRET[i]);
        assert_int_equal(parse(&c, text), BTR_E_USAGE);
        assert_null(strstr(why.text, "hunter2"));
        cli_config_fini(&c);
    }
}

static void what_has_a_key_of_its_own_is_not_passed_through(void **state)
{
    (void)state;
    refuse(NEEDED "kafka.x.group.id = g\n",
           "f.conf:4: kafka.x.group.id: has a key of its own, kafka.group");
    refuse(NEEDED "kafka.x_file.bootstrap.servers = /b\n",
           "f.conf:4: kafka.x_file.bootstrap.servers: has a key of its own, kafka.brokers");
    refuse(NEEDED "kafka.x. = g\n", "f.conf:4: kafka.x.: the setting's name is missing");
}

#define SASL "kafka.sasl.mechanism = PLAIN\nkafka.sasl.user = u\n"

static void keys_that_need_each_other_are_checked(void **state)
{
    (void)state;
    refuse(NEEDED "kafka.tls.ca_file = /ca\n",
           "f.conf:4: kafka.tls.ca_file: kafka.tls.enable is not yes");
    refuse(NEEDED "kafka.tls.enable = yes\nkafka.tls.cert_file = /c\n",
           "f.conf:5: kafka.tls.cert_file: kafka.tls.key_file is missing");
    refuse(NEEDED "kafka.sasl.user = u\n",
           "f.conf:4: kafka.sasl.user: kafka.sasl.mechanism is missing");
    refuse(NEEDED SASL, "f.conf:4: kafka.sasl.mechanism: kafka.sasl.user, "
                        "kafka.sasl.password_file or kafka.sasl.password_env is missing");
    refuse(NEEDED SASL "kafka.sasl.password_file = /p\nkafka.sasl.password_env = P\n",
           "f.conf:7: kafka.sasl.password_env: kafka.sasl.password_file is given, too");
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct cli_config c;
    size_t size = CLI_CONFIG_FILE_MAX + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '#', size);
    assert_int_equal(cli_config_parse(&c, (struct btr_span){(uint8_t *)text, size}, "f", &why),
                     BTR_E_USAGE);
    cli_config_fini(&c);
    memset(text, 'k', CLI_CONFIG_LINE_MAX + 1);
    assert_int_equal(cli_config_parse(&c,
                                      (struct btr_span){(uint8_t *)text, CLI_CONFIG_LINE_MAX + 1},
                                      "f", &why),
                     BTR_E_USAGE);
    assert_string_equal(why.text, "f:1: a line of more than 4096 bytes");
    cli_config_fini(&c);
    free(text);
}

static uint32_t changes(const char *before, const char *after)
{
    struct cli_config a, b;
    uint32_t count = 0;
    assert_int_equal(parse(&a, before), 0);
    assert_int_equal(parse(&b, after), 0);
    for (const struct cli_config_row *row = cli_config_table; row->key; row++)
        count += !cli_config_same(&a, &b, row);
    cli_config_fini(&a);
    cli_config_fini(&b);
    return count;
}

static void a_change_is_seen_in_every_type(void **state)
{
    (void)state;
    assert_int_equal(changes(NEEDED, NEEDED "# nothing\nlog.level = info\n"), 0);
    assert_int_equal(changes(NEEDED, NEEDED "log.level = debug\n"), 1);
    assert_int_equal(changes(NEEDED, NEEDED "ingest.case = c\n"), 1);
    assert_int_equal(changes(NEEDED "ingest.case = c\n", NEEDED "ingest.case = d\n"), 1);
    assert_int_equal(changes(NEEDED, NEEDED "ingest.keep_records = yes\n"), 1);
    assert_int_equal(changes(NEEDED, NEEDED "ingest.idle_ms = 5000\n"), 1);
    assert_int_equal(changes(NEEDED, NEEDED "http.listen = 127.0.0.1:1\n"), 1);
    assert_int_equal(changes(NEEDED "kafka.x.a = 1\n", NEEDED "kafka.x.a = 2\n"), 1);
    assert_int_equal(changes(NEEDED, "store.path = /s\nkafka.brokers = b:9092\n"
                                     "kafka.topics = t,u\n"),
                     1);
}

static void the_example_is_read(void **state)
{
    (void)state;
    struct cli_config c;
    why = (struct btr_err){0};
    int rc = cli_config_load(&c, BTR_SOURCE_DIR "/packaging/backtrail.conf", &why);
    assert_string_equal(why.text, "");
    assert_int_equal(rc, 0);
    assert_string_equal(c.store_path, "/var/lib/backtrail/store");
    cli_config_fini(&c);
    assert_int_equal(cli_config_load(&c, "/does/not/exist.conf", &why), BTR_E_USAGE);
    assert_string_equal(why.text, "/does/not/exist.conf: No such file or directory");
    cli_config_fini(&c);
}

static void the_table_is_whole(void **state)
{
    (void)state;
    size_t rows = 0;
    for (const struct cli_config_row *row = cli_config_table; row->key; row++, rows++) {
        char range[160];
        cli_config_range(row, range);
        assert_true(range[0] != '\0' && row->meaning[0] != '\0');
        assert_true(row->meaning[strlen(row->meaning) - 1] != '.');
        assert_true(!(row->required && row->preset));
    }
    assert_true(rows <= CLI_CONFIG_ROWS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(a_fault_is_named_with_its_line),
        cmocka_unit_test(topics_are_names_and_are_not_read_and_written),
        cmocka_unit_test(http_listens_on_loopback_unless_told),
        cmocka_unit_test(a_secret_is_refused_and_never_printed),
        cmocka_unit_test(what_has_a_key_of_its_own_is_not_passed_through),
        cmocka_unit_test(keys_that_need_each_other_are_checked),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(a_change_is_seen_in_every_type),
        cmocka_unit_test(the_example_is_read),
        cmocka_unit_test(the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
