#include "tool.h"

#include <time.h>

int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Errors that librdkafka goes on after; they are told when the deadline has passed, or the verb has
 * failed. */
static void error_note(rd_kafka_t *kafka, int code, const char *reason, void *self)
{
    struct client *c = self;
    (void)kafka;
    snprintf(c->last_error, sizeof(c->last_error), "%s", reason);
    c->refused |= code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL;
}

static int setting_put(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return 0;
    fprintf(stderr, "kafka_tool: %s: %s\n", key, why);
    return -1;
}

static int settings_put(rd_kafka_conf_t *conf, const struct options *o, const char *const *defaults)
{
    for (; defaults[0]; defaults += 2)
        if (setting_put(conf, defaults[0], defaults[1]) < 0)
            return -1;
    for (size_t i = 0; i < o->setting_count; i++) {
        const char *value = strchr(o->settings[i], '=');
        char key[128];
        if (!value || (size_t)(value - o->settings[i]) >= sizeof(key)) {
            fprintf(stderr, "kafka_tool: -X takes KEY=VALUE, not \"%s\"\n", o->settings[i]);
            return -1;
        }
        snprintf(key, sizeof(key), "%.*s", (int)(value - o->settings[i]), o->settings[i]);
        if (setting_put(conf, key, value + 1) < 0)
            return -1;
    }
    return 0;
}

int client_open(struct client *c, const struct options *o, const char *const *defaults,
                void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *), void *self)
{
    static const char *const common[] = {"client.id",
                                         "kafka_tool",
                                         "reconnect.backoff.ms",
                                         "50",
                                         "reconnect.backoff.max.ms",
                                         "500",
                                         "log_level",
                                         "0",
                                         NULL};
    char why[256];
    *c = (struct client){.deadline_ms = monotonic_ms() + (int64_t)o->deadline_s * 1000};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct options none = {0};
    if (settings_put(conf, &none, common) < 0 || settings_put(conf, o, defaults) < 0) {
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    rd_kafka_conf_set_opaque(conf, self ? self : c);
    rd_kafka_conf_set_error_cb(conf, error_note);
    if (delivered)
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    c->kafka =
        rd_kafka_new(delivered ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (c->kafka)
        return 0;
    rd_kafka_conf_destroy(conf);
    fprintf(stderr, "kafka_tool: %s\n", why);
    return -1;
}

void client_close(struct client *c)
{
    if (c->kafka)
        rd_kafka_destroy(c->kafka);
}

int client_left_ms(const struct client *c, int most)
{
    int64_t left = c->deadline_ms - monotonic_ms();
    return left <= 0 ? 0 : left < most ? (int)left : most;
}

int client_failed(const struct client *c, const char *what, const char *why)
{
    rd_kafka_poll(c->kafka, 0); /* an error that waits to be told */
    fprintf(stderr, "kafka_tool: %s: %s%s%s\n", what, why, c->last_error[0] ? "; the broker: " : "",
            c->last_error);
    return TOOL_FAILED;
}
