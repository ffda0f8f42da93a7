#ifndef DAEMON_PLAN_H
#define DAEMON_PLAN_H
/** What the daemon is to do: the configuration with what it names, read whole and checked. Held by several threads, changed by none. */
#include <btr/follow.h>

#include "config.h"
#include "connection.h"

struct daemon_plan {
    struct cli_config config;
    struct cli_connection connection;
    struct btr_hosts *hosts; /* or NULL */
    uint8_t hosts_sha256[BTR_SHA256_SIZE];
    int64_t read_ns; /* wall clock */
    unsigned holders; /* atomic; of plan.c */
};

/**
 * Reads the file, its secrets and its inventory.
 * @param warn  what is unsafe, and goes on
 * @return 0, or as cli_config_load, cli_connection_make, cli_hosts_load; then *out is NULL
 */
int daemon_plan_load(struct daemon_plan **out, const char *path, void (*warn)(void *self, const char *line), void *self,
                     struct btr_err *err);
struct daemon_plan *daemon_plan_hold(struct daemon_plan *plan);
/** Frees it when nobody else holds it. NULL is allowed. */
void daemon_plan_release(struct daemon_plan *plan);

/** Receives what changes between two plans: `key` as in the file, and what a change of it takes. */
typedef void daemon_plan_change(void *self, const char *key, enum cli_config_apply apply);
void daemon_plan_compare(const struct daemon_plan *before, const struct daemon_plan *after, daemon_plan_change *change,
                         void *self);

/** The client's options, which point into the plan; `topics` of the plan's topics. Callbacks are the caller's to set. */
struct btr_kafka_options daemon_plan_kafka(const struct daemon_plan *plan, struct btr_kafka_setting *settings);
struct btr_follow_options daemon_plan_follow(const struct daemon_plan *plan);
/** Whether the client library takes the settings. No group is joined. @return 0, or as btr_kafka_open */
int daemon_plan_try(const struct daemon_plan *plan, struct btr_err *err);
/** How many settings daemon_plan_kafka fills. */
uint32_t daemon_plan_settings(const struct daemon_plan *plan);

#endif
