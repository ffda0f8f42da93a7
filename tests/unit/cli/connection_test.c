/* TLS, SASL and secrets as settings of the client library. */
#include "test.h"

#include <sys/stat.h>

#include "connection.h"
#include "temp_files.h"

#define NEEDED "store.path = /s\nkafka.brokers = b:9092\nkafka.topics = t\n"

static char folder[256], warned[1024];
static struct btr_err why;

static int setup(void **state)
{
    (void)state;
    temp_folder_make(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void warn(void *self, const char *line)
{
    (void)self;
    size_t n = strlen(warned);
    snprintf(warned + n, sizeof warned - n, "%s\n", line);
}

/* A configuration with a file's path in the place of %s. */
static int make(struct cli_connection *out, const char *format, const char *path)
{
    char text[2048];
    struct cli_config config;
    why = (struct btr_err){0};
    warned[0] = '\0';
    snprintf(text, sizeof text, format, path);
    assert_int_equal(cli_config_parse(&config, btr_span_of(text), "f", &why), 0);
    int rc = cli_connection_make(out, &config, warn, NULL, &why);
    cli_config_fini(&config);
    return rc;
}

static const char *setting(const struct cli_connection *c, const char *key)
{
    const char *found = NULL; /* the last counts, as for the library */
    for (uint32_t i = 0; i < c->settings.count; i += 2)
        found = strcmp(c->settings.items[i], key) == 0 ? c->settings.items[i + 1] : found;
    return found;
}

static const char *secret_file(const char *name, struct btr_span bytes, unsigned mode)
{
    static char path[256];
    temp_file_write(folder, name, bytes, path);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void the_protocol_follows_from_tls_and_sasl(void **state)
{
    (void)state;
    struct cli_connection c;
    assert_int_equal(make(&c, NEEDED, ""), 0);
    assert_string_equal(setting(&c, "security.protocol"), "plaintext");
    cli_connection_fini(&c);
    assert_int_equal(make(&c, NEEDED "kafka.tls.enable = yes\n", ""), 0);
    assert_string_equal(setting(&c, "security.protocol"), "ssl");
    assert_string_equal(setting(&c, "ssl.endpoint.identification.algorithm"), "https");
    assert_string_equal(warned, "");
    cli_connection_fini(&c);
    assert_int_equal(make(&c, NEEDED "kafka.tls.enable = yes\nkafka.sasl.mechanism = GSSAPI\n", ""),
                     0);
    assert_string_equal(setting(&c, "security.protocol"), "sasl_ssl");
    cli_connection_fini(&c);
}

#define PLAIN                                                                                      \
    NEEDED "kafka.sasl.mechanism = PLAIN\nkafka.sasl.user = u\nkafka.sasl.password_file = %s\n"

static void a_password_comes_from_a_file(void **state)
{
    (void)state;
    struct cli_connection c, same, other;
    assert_int_equal(make(&c, PLAIN, secret_file("p", BTR_SPAN("a b#c \r\n"), 0400)), 0);
    assert_string_equal(setting(&c, "sasl.password"), "a b#c ");
    assert_string_equal(setting(&c, "security.protocol"), "sasl_plaintext");
    assert_string_equal(warned,
                        "kafka.tls.enable: is no: the password goes over the network as it is\n");
    assert_int_equal(make(&same, PLAIN, secret_file("p2", BTR_SPAN("a b#c "), 0400)), 0);
    assert_true(cli_connection_same(&c, &same));
    assert_int_equal(make(&other, PLAIN, secret_file("p3", BTR_SPAN("other"), 0400)), 0);
    assert_false(cli_connection_same(&c, &other));
    cli_connection_fini(&c);
    cli_connection_fini(&same);
    cli_connection_fini(&other);
}

static void a_secret_that_others_may_read_is_warned_about(void **state)
{
    (void)state;
    struct cli_connection c;
    const char *path = secret_file("open", BTR_SPAN("hunter2\n"), 0444);
    assert_int_equal(make(&c, PLAIN, path), 0);
    assert_non_null(strstr(warned, path));
    assert_non_null(strstr(warned, "others than its owner and group may read"));
    assert_null(strstr(warned, "hunter2"));
    cli_connection_fini(&c);
}

static void a_secret_that_is_none_is_refused(void **state)
{
    (void)state;
    struct cli_connection c;
    assert_int_equal(make(&c, PLAIN, "/does/not/exist"), BTR_E_USAGE);
    assert_non_null(strstr(why.text, "/does/not/exist: "));
    cli_connection_fini(&c);
    assert_int_equal(make(&c, PLAIN, secret_file("e", BTR_SPAN("\n"), 0400)), BTR_E_USAGE);
    assert_non_null(strstr(why.text, ": is empty"));
    cli_connection_fini(&c);
    assert_int_equal(make(&c, PLAIN, secret_file("l", BTR_SPAN("hunter2\nx\n"), 0400)),
                     BTR_E_USAGE);
    assert_non_null(strstr(why.text, ": has more than one line"));
    assert_null(strstr(why.text, "hunter2"));
    cli_connection_fini(&c);
    assert_int_equal(make(&c, PLAIN, secret_file("z", BTR_SPAN("a\0b"), 0400)), BTR_E_USAGE);
    cli_connection_fini(&c);
}

static void a_secret_comes_from_the_environment(void **state)
{
    (void)state;
    struct cli_connection c;
    static const char text[] = NEEDED "kafka.tls.enable = yes\nkafka.sasl.mechanism = PLAIN\n"
                                      "kafka.sasl.user = u\nkafka.sasl.password_env = %s\n";
    assert_int_equal(setenv("BTR_TEST_SECRET", "from env", 1), 0);
    assert_int_equal(make(&c, text, "BTR_TEST_SECRET"), 0);
    assert_string_equal(setting(&c, "sasl.password"), "from env");
    cli_connection_fini(&c);
    assert_int_equal(make(&c, text, "BTR_TEST_NO_SECRET"), BTR_E_USAGE);
    cli_connection_fini(&c);
}

static void what_is_passed_through_comes_last(void **state)
{
    (void)state;
    struct cli_connection c;
    const char *pem = secret_file("k", BTR_SPAN("-----BEGIN\nx\n-----END\n"), 0400);
    assert_int_equal(make(&c,
                          NEEDED "kafka.tls.enable = yes\nkafka.x_file.ssl.key.pem = %s\n"
                                 "kafka.x.ssl.endpoint.identification.algorithm = none\n",
                          pem),
                     0);
    assert_string_equal(setting(&c, "ssl.endpoint.identification.algorithm"), "none");
    assert_string_equal(setting(&c, "ssl.key.pem"), "-----BEGIN\nx\n-----END");
    assert_non_null(strstr(warned, "whoever answers in a broker's place is believed"));
    cli_connection_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_protocol_follows_from_tls_and_sasl),
        cmocka_unit_test(a_password_comes_from_a_file),
        cmocka_unit_test(a_secret_that_others_may_read_is_warned_about),
        cmocka_unit_test(a_secret_that_is_none_is_refused),
        cmocka_unit_test(a_secret_comes_from_the_environment),
        cmocka_unit_test(what_is_passed_through_comes_last),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
