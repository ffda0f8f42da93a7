/* Property: a configuration is refused with one line that says why, or has all that must be given,
 * every number within its range, and is the same when it is read again; and a value that stands
 * where a secret would is in no message. */
#include <assert.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_in_range(const struct cli_config *config)
{
    for (const struct cli_config_row *row = cli_config_table; row->key; row++) {
        const void *member = (const uint8_t *)config + row->at;
        if (row->required)
            assert(config->lines[row - cli_config_table] > 0);
        if (row->type == CLI_CONFIG_NUMBER)
            assert(*(const uint64_t *)member >= row->least &&
                   *(const uint64_t *)member <= row->most);
    }
}

/* The input's first bytes, made a word, in the place of a secret: no message may have the word. */
static void assert_secret_is_silent(const uint8_t *data, size_t size)
{
    static const char *const KEYS[] = {"kafka.sasl.password",           "kafka.tls.key_password",
                                       "kafka.x.sasl.password",         "kafka.x.ssl.key.pem",
                                       "kafka.x.ssl.keystore.password", "kafka.sasl.password_env"};
    char word[24] = "q-", text[128];
    for (size_t i = 0; i < 20; i++)
        word[2 + i] = (char)('a' + (size > 0 ? data[i % size] % 26 : 0));
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        struct cli_config config;
        struct btr_err err = {0};
        (void)snprintf(text, sizeof text, "%s = %s\n", KEYS[i], word);
        assert(cli_config_parse(&config, btr_span_of(text), "f", &err) == BTR_E_USAGE);
        assert(!strstr(err.text, word));
        cli_config_fini(&config);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cli_config config, again;
    struct btr_err err = {0};
    int rc = cli_config_parse(&config, (struct btr_span){data, size}, "fuzz", &err);
    if (rc == 0) {
        assert_in_range(&config);
        assert(cli_config_parse(&again, (struct btr_span){data, size}, "fuzz", &err) == 0);
        for (const struct cli_config_row *row = cli_config_table; row->key; row++)
            assert(cli_config_same(&config, &again, row));
        cli_config_fini(&again);
    } else {
        assert(rc == BTR_E_USAGE && strncmp(err.text, "fuzz:", 5) == 0 && !strchr(err.text, '\n'));
    }
    cli_config_fini(&config);
    assert_secret_is_silent(data, size);
    return 0;
}
