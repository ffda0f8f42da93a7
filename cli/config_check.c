/* What keys of the configuration file say together, and what may not be given to the client
 * library. */
#include <arpa/inet.h>
#include <btr/decoder.h>
#include <btr/identity.h>
#include <netinet/in.h>

#include "config_parts.h"

/* Settings of librdkafka (its CONFIGURATION.md) that have a key here. */
static const struct {
    const char *setting, *key;
} OWN[] = {
    {"bootstrap.servers", "kafka.brokers"},
    {"metadata.broker.list", "kafka.brokers"},
    {"group.id", "kafka.group"},
    {"security.protocol", "kafka.tls.enable and kafka.sasl.mechanism"},
    {"ssl.ca.location", "kafka.tls.ca_file"},
    {"ssl.certificate.location", "kafka.tls.cert_file"},
    {"ssl.key.location", "kafka.tls.key_file"},
    {"ssl.key.password", "kafka.tls.key_password_file"},
    {"sasl.mechanism", "kafka.sasl.mechanism"},
    {"sasl.mechanisms", "kafka.sasl.mechanism"},
    {"sasl.username", "kafka.sasl.user"},
    {"sasl.password", "kafka.sasl.password_file"},
};

/* Settings whose value is, or has in it, what nobody else may know. */
bool config_setting_is_secret(const char *name)
{
    return strstr(name, "password") || strstr(name, "secret") || strstr(name, "token.value") ||
           strcmp(name, "ssl.key.pem") == 0 || strcmp(name, "sasl.oauthbearer.config") == 0 ||
           strcmp(name, "sasl.kerberos.kinit.cmd") == 0;
}

int config_x_check(const struct cli_config_row *row, const char *key, struct btr_err *err)
{
    const char *name = key + strlen(row->key);
    if (*name == '\0')
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: the setting's name is missing",
                        row->key);
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) {
        if (strcmp(name, OWN[i].setting) == 0)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: has a key of its own, %s", key,
                            OWN[i].key);
    }
    if (row->type == CLI_CONFIG_PREFIX && config_setting_is_secret(name))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "%.64s: a secret does not stand in this file: give kafka.x_file.%.64s = "
                        "PATH",
                        key, name);
    return 0;
}

/* ---- Keys together -------------------------------------------------------------------------- */

static uint32_t line_of(const struct cli_config *config, const char *key)
{
    for (size_t i = 0; cli_config_table[i].key; i++) {
        if (strcmp(cli_config_table[i].key, key) == 0)
            return config->lines[i];
    }
    return 0;
}

/* A pair of keys of which the first says nothing without the second, or not beside it. */
static const struct {
    const char *key, *other;
    bool apart;
} PAIRS[] = {
    {"kafka.tls.cert_file", "kafka.tls.key_file", false},
    {"kafka.tls.key_file", "kafka.tls.cert_file", false},
    {"kafka.tls.key_password_file", "kafka.tls.key_file", false},
    {"kafka.tls.key_password_env", "kafka.tls.key_file", false},
    {"kafka.tls.key_password_env", "kafka.tls.key_password_file", true},
    {"kafka.sasl.user", "kafka.sasl.mechanism", false},
    {"kafka.sasl.password_file", "kafka.sasl.user", false},
    {"kafka.sasl.password_env", "kafka.sasl.user", false},
    {"kafka.sasl.password_env", "kafka.sasl.password_file", true},
};

static int pairs_check(const struct cli_config *config, uint32_t *line, struct btr_err *err)
{
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        *line = line_of(config, PAIRS[i].key);
        if (*line == 0 || (line_of(config, PAIRS[i].other) != 0) != PAIRS[i].apart)
            continue;
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        PAIRS[i].apart ? "%s: %s is given, too" : "%s: %s is missing", PAIRS[i].key,
                        PAIRS[i].other);
    }
    return 0;
}

static int security_check(const struct cli_config *config, uint32_t *line, struct btr_err *err)
{
    static const char *const TLS[] = {"kafka.tls.ca_file", "kafka.tls.cert_file",
                                      "kafka.tls.key_file"};
    for (size_t i = 0; i < sizeof TLS / sizeof *TLS && !config->tls; i++) {
        *line = line_of(config, TLS[i]);
        if (*line != 0)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: kafka.tls.enable is not yes",
                            TLS[i]);
    }
    const char *mechanism = config->sasl_mechanism ? config->sasl_mechanism : "";
    *line = line_of(config, "kafka.sasl.mechanism");
    if ((strcmp(mechanism, "PLAIN") == 0 || strncmp(mechanism, "SCRAM-", 6) == 0) &&
        !(config->sasl_user && (config->sasl_password_file || config->sasl_password_env)))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "kafka.sasl.mechanism: kafka.sasl.user, kafka.sasl.password_file or "
                        "kafka.sasl.password_env is missing");
    return pairs_check(config, line, err);
}

static bool topic_is_read(const struct cli_config *config, const char *name)
{
    for (uint32_t i = 0; name && i < config->topics.count; i++) {
        if (strcmp(config->topics.items[i], name) == 0)
            return true;
    }
    return false;
}

/* What is written is not read again: it would go round for ever. */
static int topics_check(const struct cli_config *config, uint32_t *line, struct btr_err *err)
{
    static const char format[] = "%s: is one of kafka.topics, which are read";
    *line = line_of(config, "kafka.state_topic");
    if (topic_is_read(config, config->state_topic))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, format, "kafka.state_topic");
    *line = line_of(config, "kafka.dead_letter_topic");
    if (topic_is_read(config, config->dead_letter_topic))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, format, "kafka.dead_letter_topic");
    if (config->state_topic && config->dead_letter_topic &&
        strcmp(config->state_topic, config->dead_letter_topic) == 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "kafka.dead_letter_topic: is kafka.state_topic, too");
    return 0;
}

static bool listen_is_loopback(const struct cli_config_listen *at)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (at->at.ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)&at->at)->sin_addr, text,
                        sizeof text);
    else
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&at->at)->sin6_addr, text,
                        sizeof text);
    return btr_address_is_loopback(btr_span_of(text));
}

int config_check(const struct cli_config *config, uint32_t *line, struct btr_err *err)
{
    *line = 0;
    for (const struct cli_config_row *row = cli_config_table; row->key; row++) {
        if (row->required && config->lines[row - cli_config_table] == 0)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s is missing", row->key);
    }
    *line = line_of(config, "ingest.format");
    if (config->format && !btr_decoder_find(btr_span_of(config->format)))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "ingest.format: there is no format \"%.64s\"",
                        config->format);
    *line = line_of(config, "http.listen");
    if (config->listen.size > 0 && !config->listen_any && !listen_is_loopback(&config->listen))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "http.listen: is not loopback; http.listen_any = yes allows that");
    int rc = topics_check(config, line, err);
    return rc < 0 ? rc : security_check(config, line, err);
}
