#include <stdlib.h>

#include "kafka.h"

/*
 * A full queue stops fetching, which is wanted. But the library's thread that fetches then sleeps
 * for up to a second, however soon there is room again (confluentinc/librdkafka issue 2879), and a
 * queue of 64 MiB is empty long before. From 2.2.0 on a setting tells how long (kafka_open.c). In
 * older ones an answer or an operation wakes it, and of all calls that lead to one only this
 * changes nothing: to set the credentials that are set (rd_kafka_sasl_set_credentials, from 2.0.0
 * on; no connection is made anew). That is done each time a part of what may wait was taken, so it
 * is in time while much comes, and next to never while little does.
 * (The library gives back its copy of the secret as it is, to have another one at once.)
 */
enum { PARTS = 4, BACKOFF_VERSION = 0x02020000 };

static uint64_t number_of(const rd_kafka_conf_t *conf, const char *key)
{
    char value[32];
    size_t size = sizeof value;
    uint64_t number = 0;
    if (rd_kafka_conf_get(conf, key, value, &size) == RD_KAFKA_CONF_OK)
        (void)btr_span_number(btr_span_of(value), 10, &number);
    return number;
}

/* @return the caller's to free; NULL when it is not set */
static char *text_of(const rd_kafka_conf_t *conf, const char *key)
{
    size_t size = 0;
    if (rd_kafka_conf_get(conf, key, NULL, &size) != RD_KAFKA_CONF_OK || size == 0)
        return NULL;
    char *text = malloc(size);
    if (text && rd_kafka_conf_get(conf, key, text, &size) == RD_KAFKA_CONF_OK)
        return text;
    free(text);
    return NULL;
}

static bool has_sasl(const rd_kafka_conf_t *conf)
{
    char *protocol = text_of(conf, "security.protocol");
    bool sasl = !protocol || strncmp(protocol, "sasl", 4) == 0;
    free(protocol);
    return sasl;
}

void kafka_wake_init(struct kafka_wake *wake, rd_kafka_t *consumer)
{
    const rd_kafka_conf_t *conf = rd_kafka_conf(consumer);
    if (rd_kafka_version() >= BACKOFF_VERSION)
        return;
    wake->user = text_of(conf, "sasl.username");
    wake->secret = text_of(conf, "sasl.password");
    if (has_sasl(conf) && (!wake->user || !wake->secret))
        return; /* a mechanism that has none (Kerberos, tokens) is not given any */
    wake->size_max = number_of(conf, "queued.max.messages.kbytes") * 1000 / PARTS;
    wake->count_max = number_of(conf, "queued.min.messages") / PARTS;
}

void kafka_wake_fini(struct kafka_wake *wake)
{
    kafka_secret_free(wake->user);
    kafka_secret_free(wake->secret);
    *wake = (struct kafka_wake){0};
}

void kafka_wake_taken(struct kafka_wake *wake, rd_kafka_t *consumer, uint64_t count, uint64_t size)
{
    wake->count += count;
    wake->size += size;
    if (wake->size_max == 0 || (wake->size < wake->size_max && wake->count < wake->count_max))
        return;
    wake->count = wake->size = 0;
    rd_kafka_error_t *error = rd_kafka_sasl_set_credentials(consumer, wake->user ? wake->user : "",
                                                            wake->secret ? wake->secret : "");
    if (error)
        rd_kafka_error_destroy(error);
}
