/* The configuration as settings of the client library. */
#include "connection.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "config_parts.h"
#include "file_read.h"

enum { SECRET_MAX = 64 << 10, WARNING_SIZE = 512 };

struct making {
    struct cli_connection *out;
    const struct cli_config *config;
    void (*warn)(void *self, const char *line);
    void *warn_self;
};

static void warn(const struct making *m, const char *what, const char *why)
{
    struct btr_err line; /* for its escapes */
    (void)btr_fail(&line, BTR_E_USAGE, UINT64_MAX, "%s: %s", what, why);
    if (m->warn)
        m->warn(m->warn_self, line.text);
}

static int add(const struct making *m, const char *key, const char *value, struct btr_err *err)
{
    struct cli_config_list *list = &m->out->settings;
    if (!value || (config_list_add(list, key) && config_list_add(list, value)))
        return 0;
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
}

static int add_secret(const struct making *m, const char *key, const char *from, struct btr_span s,
                      struct btr_err *err)
{
    if (s.size == 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: is empty", from);
    if (memchr(s.at, '\0', s.size))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: has a byte 0 in it", from);
    char *text = strndup((const char *)s.at, s.size);
    int rc =
        text ? add(m, key, text, err) : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    if (text)
        explicit_bzero(text, s.size);
    free(text);
    return rc;
}

/* Who else may read it is for the operator to know; the daemon needs it and goes on. */
static void mode_check(const struct making *m, const char *path)
{
    struct stat at;
    if (stat(path, &at) == 0 && (at.st_mode & (S_IRWXO)) != 0)
        warn(m, path, "others than its owner and group may read or write this secret");
}

static int add_file(const struct making *m, const char *key, const char *path, bool lines,
                    struct btr_err *err)
{
    struct btr_buffer text = {0};
    if (!path)
        return 0;
    int rc = cli_file_read(path, SECRET_MAX, &text, err);
    struct btr_span s = btr_buffer_view(&text);
    if (rc == 0)
        mode_check(m, path);
    while (s.size > 0 && (s.at[s.size - 1] == '\n' || s.at[s.size - 1] == '\r'))
        s.size--;
    if (rc == 0 && !lines && s.size > 0 && memchr(s.at, '\n', s.size))
        rc = btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: has more than one line", path);
    if (rc == 0)
        rc = add_secret(m, key, path, s, err);
    if (text.at)
        explicit_bzero(text.at, text.capacity);
    btr_buffer_fini(&text);
    return rc;
}

static int add_env(const struct making *m, const char *key, const char *name, struct btr_err *err)
{
    if (!name)
        return 0;
    const char *value = getenv(name);
    if (!value)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "%s: there is no such variable in the environment", name);
    return add_secret(m, key, name, btr_span_of(value), err);
}

static int security_add(const struct making *m, struct btr_err *err)
{
    static const char *const PROTOCOLS[] = {"plaintext", "sasl_plaintext", "ssl", "sasl_ssl"};
    const struct cli_config *c = m->config;
    bool sasl = c->sasl_mechanism != NULL;
    if (sasl && !c->tls && strcmp(c->sasl_mechanism, "PLAIN") == 0)
        warn(m, "kafka.tls.enable", "is no: the password goes over the network as it is");
    int rc = add(m, "security.protocol", PROTOCOLS[(c->tls ? 2 : 0) + sasl], err);
    if (rc == 0 && c->tls)
        rc = add(m, "ssl.endpoint.identification.algorithm", "https", err);
    return rc;
}

static int tls_add(const struct making *m, struct btr_err *err)
{
    const struct cli_config *c = m->config;
    const struct {
        const char *key, *value;
    } plain[] = {
        {"ssl.ca.location", c->tls_ca_file},   {"ssl.certificate.location", c->tls_cert_file},
        {"ssl.key.location", c->tls_key_file}, {"sasl.mechanism", c->sasl_mechanism},
        {"sasl.username", c->sasl_user},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof plain / sizeof *plain && rc == 0; i++)
        rc = add(m, plain[i].key, plain[i].value, err);
    if (c->tls_key_file)
        mode_check(m, c->tls_key_file);
    return rc;
}

static int secrets_add(const struct making *m, struct btr_err *err)
{
    const struct cli_config *c = m->config;
    int rc = add_file(m, "ssl.key.password", c->tls_key_password_file, false, err);
    if (rc == 0)
        rc = add_env(m, "ssl.key.password", c->tls_key_password_env, err);
    if (rc == 0)
        rc = add_file(m, "sasl.password", c->sasl_password_file, false, err);
    return rc == 0 ? add_env(m, "sasl.password", c->sasl_password_env, err) : rc;
}

static int x_add(const struct making *m, struct btr_err *err)
{
    const struct cli_config_list *x = &m->config->kafka_x, *file = &m->config->kafka_x_file;
    int rc = 0;
    for (uint32_t i = 0; i < x->count && rc == 0; i += 2) {
        rc = add(m, x->items[i], x->items[i + 1], err);
        if ((strcmp(x->items[i], "enable.ssl.certificate.verification") == 0 &&
             strcmp(x->items[i + 1], "false") == 0) ||
            (strcmp(x->items[i], "ssl.endpoint.identification.algorithm") == 0 &&
             strcmp(x->items[i + 1], "none") == 0))
            warn(m, x->items[i], "whoever answers in a broker's place is believed");
    }
    for (uint32_t i = 0; i < file->count && rc == 0; i += 2)
        rc = add_file(m, file->items[i], file->items[i + 1], true, err);
    return rc;
}

int cli_connection_make(struct cli_connection *out, const struct cli_config *config,
                        void (*warn_line)(void *self, const char *line), void *warn_self,
                        struct btr_err *err)
{
    struct making m = {out, config, warn_line, warn_self};
    *out = (struct cli_connection){0};
    int rc = security_add(&m, err);
    if (rc == 0)
        rc = tls_add(&m, err);
    if (rc == 0)
        rc = secrets_add(&m, err);
    return rc == 0 ? x_add(&m, err) : rc;
}

int cli_connection_word(struct cli_connection *out, const char *word,
                        void (*warn_line)(void *self, const char *line), void *warn_self,
                        struct btr_err *err)
{
    struct making m = {out, NULL, warn_line, warn_self};
    const char *equals = strchr(word, '=');
    size_t size = equals ? (size_t)(equals - word) : 0;
    char key[128];
    if (size == 0 || size >= sizeof key)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "-X: is written KEY=VALUE");
    memcpy(key, word, size);
    key[size] = '\0';
    if (equals[1] == '@')
        return add_file(&m, key, equals + 2, true, err);
    if (config_setting_is_secret(key))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "-X %s: a secret does not stand in a command: give %s=@FILE", key, key);
    return add(&m, key, equals + 1, err);
}

bool cli_connection_same(const struct cli_connection *a, const struct cli_connection *b)
{
    return config_list_same(&a->settings, &b->settings);
}

void cli_connection_fini(struct cli_connection *connection)
{
    struct cli_config_list *list = &connection->settings;
    for (uint32_t i = 0; i < list->count; i++) {
        explicit_bzero(list->items[i], strlen(list->items[i]));
        free(list->items[i]);
    }
    free(list->items);
    *list = (struct cli_config_list){0};
}
