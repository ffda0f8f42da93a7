#include "plan.h"

#include <btr/clock.h>
#include <stdlib.h>

#include "file_read.h"

int daemon_plan_load(struct daemon_plan **out, const char *path,
                     void (*warn)(void *self, const char *line), void *self, struct btr_err *err)
{
    struct daemon_plan *plan = calloc(1, sizeof *plan);
    *out = NULL;
    if (!plan)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    plan->holders = 1;
    plan->read_ns = btr_wall_ns();
    int rc = cli_config_load(&plan->config, path, err);
    if (rc == 0)
        rc = cli_connection_make(&plan->connection, &plan->config, warn, self, err);
    if (rc == 0)
        rc = cli_hosts_load_digest(&plan->hosts, plan->config.inventory, plan->hosts_sha256, err);
    if (rc == 0)
        *out = plan;
    else
        daemon_plan_release(plan);
    return rc;
}

struct daemon_plan *daemon_plan_hold(struct daemon_plan *plan)
{
    (void)__atomic_add_fetch(&plan->holders, 1, __ATOMIC_RELAXED);
    return plan;
}

void daemon_plan_release(struct daemon_plan *plan)
{
    if (!plan || __atomic_sub_fetch(&plan->holders, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    btr_hosts_free(plan->hosts);
    cli_connection_fini(&plan->connection);
    cli_config_fini(&plan->config);
    free(plan);
}

void daemon_plan_compare(const struct daemon_plan *before, const struct daemon_plan *after,
                         daemon_plan_change *change, void *self)
{
    bool told = false;
    for (const struct cli_config_row *row = cli_config_table; row->key; row++) {
        if (cli_config_same(&before->config, &after->config, row))
            continue;
        change(self, row->key, row->apply);
        told = told || strncmp(row->key, "kafka.", 6) == 0;
    }
    if (!told && !cli_connection_same(&before->connection, &after->connection))
        change(self, "a secret of kafka", CLI_CONFIG_REOPENS);
    if (memcmp(before->hosts_sha256, after->hosts_sha256, BTR_SHA256_SIZE) != 0)
        change(self, "what hosts.inventory holds", CLI_CONFIG_REOPENS);
}

uint32_t daemon_plan_settings(const struct daemon_plan *plan)
{
    return plan->connection.settings.count / 2;
}

struct btr_kafka_options daemon_plan_kafka(const struct daemon_plan *plan,
                                           struct btr_kafka_setting *settings)
{
    const struct cli_config *c = &plan->config;
    char **item = plan->connection.settings.items;
    for (uint32_t i = 0; i < daemon_plan_settings(plan); i++, item += 2)
        settings[i] = (struct btr_kafka_setting){item[0], item[1]};
    return (struct btr_kafka_options){
        .brokers = c->brokers,
        .group = c->group,
        .topics = (const char *const *)c->topics.items,
        .topic_count = c->topics.count,
        .state_topic = c->state_topic,
        .dead_letter_topic = c->dead_letter_topic,
        .settings = settings,
        .setting_count = daemon_plan_settings(plan),
    };
}

struct btr_follow_options daemon_plan_follow(const struct daemon_plan *plan)
{
    const struct cli_config *c = &plan->config;
    return (struct btr_follow_options){
        .hosts = plan->hosts,
        .format = c->format ? btr_decoder_find(btr_span_of(c->format)) : NULL,
        .case_id = btr_span_of(c->case_id ? c->case_id : ""),
        .tool = BTR_SPAN("backtrail " BTR_VERSION),
        .visible_ms = (uint32_t)c->visible_ms,
        .checkpoint_ms = (uint32_t)c->checkpoint_ms,
        .idle_ms = (uint32_t)c->idle_ms,
        .order_ms = (uint32_t)c->order_ms,
        .memory_max = c->memory_mib << 20,
        .segment_events = (uint32_t)c->segment_events,
        .keep_records = c->keep_records,
    };
}

int daemon_plan_try(const struct daemon_plan *plan, struct btr_err *err)
{
    struct btr_topics *topics = NULL;
    struct btr_kafka_setting *settings = calloc(daemon_plan_settings(plan) + 1, sizeof *settings);
    if (!settings)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    struct btr_kafka_options options = daemon_plan_kafka(plan, settings);
    int rc = btr_kafka_open(&topics, &options, err);
    if (rc == 0)
        btr_topics_close(topics);
    free(settings);
    return rc;
}
