/*
 * A consumer without a broker, for tests of the daemon: it does as the environment says.
 *   FAKE_TRACE       a file that gets a line a call
 *   FAKE_OPEN_CODE   what btr_kafka_open returns
 *   FAKE_FAIL, FAKE_FAIL_CODE   so many times the first step of an opening fails, with that code
 *   FAKE_STOP_FILE   btr_follow_stop waits until this file is there
 *   FAKE_STALL_FILE  a step does not return while this file is there
 *   FAKE_LOG         a line of the client library at every step
 *   FAKE_PARTITIONS  how many there are; default 3
 */
#include <btr/follow.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const uint32_t btr_follow_bucket_ms[BTR_FOLLOW_BUCKETS] = {
    10, 50, 100, 250, 500, 1000, 2000, 5000, 10000, 30000, 60000, UINT32_MAX};

struct btr_topics {
    void (*log)(void *self, int level, const char *line);
    void *log_self;
};

struct btr_follow {
    struct btr_topics *topics;
    const struct btr_sink *sink;
    uint64_t memory_max, steps; /* atomic */
};

static unsigned failed;

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t number = otherwise;
    if (text)
        (void)btr_span_number(btr_span_of(text), 10, &number);
    return number;
}

static void trace(const char *what, const char *more)
{
    const char *path = getenv("FAKE_TRACE");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fprintf(file, "%s %s\n", what, more);
    (void)fclose(file);
}

static int code_fail(const char *name, struct btr_err *err)
{
    return btr_fail(err, -(int)env_number(name, 5), UINT64_MAX, "fake failure\x1b[2J");
}

int btr_kafka_open(struct btr_topics **out, const struct btr_kafka_options *options,
                   struct btr_err *err)
{
    char line[256];
    trace("open", options->group);
    for (uint32_t i = 0; i < options->setting_count; i++) {
        (void)snprintf(line, sizeof line, "%s=%s", options->settings[i].key,
                       options->settings[i].value);
        trace("setting", line);
    }
    for (uint32_t i = 0; i < options->topic_count; i++)
        trace("topic", options->topics[i]);
    for (uint32_t i = 0; i < options->setting_count; i++) {
        if (strcmp(options->settings[i].key, "no.such") == 0)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "no.such: no such setting");
    }
    if (getenv("FAKE_OPEN_CODE"))
        return code_fail("FAKE_OPEN_CODE", err);
    *out = calloc(1, sizeof **out);
    if (!*out)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    **out = (struct btr_topics){options->log, options->log_self};
    return 0;
}

void btr_topics_close(struct btr_topics *topics)
{
    trace("close", "");
    free(topics);
}

int btr_kafka_lag(const struct btr_kafka_options *options, int timeout_ms,
                  btr_kafka_lag_visit *visit, void *self, struct btr_err *err)
{
    uint64_t count = env_number("FAKE_PARTITIONS", 3);
    (void)timeout_ms;
    if (getenv("FAKE_OPEN_CODE"))
        return code_fail("FAKE_OPEN_CODE", err);
    for (uint64_t i = 0; i < count; i++) {
        bool none = i == 2;
        struct btr_kafka_lag lag = {options->topics[0], (int32_t)i, none ? -1 : 10,
                                    10 + 5 * (int64_t)i, none ? -1 : 1500 * (int64_t)i};
        int rc = visit(self, &lag);
        if (rc < 0)
            return btr_fail(err, rc, UINT64_MAX, "visit failed");
    }
    return 0;
}

int btr_follow_open(struct btr_follow **out, struct btr_topics *topics,
                    const struct btr_follow_options *options, const struct btr_sink *sink,
                    struct btr_err *err)
{
    char line[64];
    (void)snprintf(line, sizeof line, "%u", (unsigned)options->visible_ms);
    trace("visible_ms", line);
    *out = calloc(1, sizeof **out);
    if (!*out)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    **out = (struct btr_follow){topics, sink, options->memory_max, 0};
    return 0;
}

int btr_follow_step(struct btr_follow *follow, int timeout_ms, struct btr_err *err)
{
    uint64_t steps = __atomic_add_fetch(&follow->steps, 1, __ATOMIC_RELAXED);
    (void)timeout_ms;
    if (steps == 1 && failed < env_number("FAKE_FAIL", 0)) {
        failed++;
        return code_fail("FAKE_FAIL_CODE", err);
    }
    if (getenv("FAKE_LOG") && follow->topics->log)
        follow->topics->log(follow->topics->log_self, 3, "broker\x1b[1m said no after 7 ms");
    const char *stall = getenv("FAKE_STALL_FILE");
    do
        (void)usleep(1000);
    while (stall && access(stall, F_OK) == 0);
    return 1;
}

int btr_follow_stop(struct btr_follow *follow, bool finish, struct btr_err *err)
{
    const char *path = getenv("FAKE_STOP_FILE");
    (void)follow;
    (void)err;
    trace("stop", finish ? "finish" : "go on later");
    while (path && access(path, F_OK) != 0)
        (void)usleep(1000);
    return 0;
}

void btr_follow_free(struct btr_follow *follow)
{
    trace("free", "");
    free(follow);
}

void btr_follow_stats(struct btr_follow *follow, struct btr_follow_stats *out)
{
    uint64_t steps = __atomic_load_n(&follow->steps, __ATOMIC_RELAXED);
    *out = (struct btr_follow_stats){.messages = steps,
                                     .message_bytes = 100 * steps,
                                     .publishes = steps / 10,
                                     .visible_ms_sum = 30 * steps,
                                     .partitions = env_number("FAKE_PARTITIONS", 3),
                                     .memory_max = follow->memory_max,
                                     .last_publish_ns = steps > 10 ? 1500000000 : 0,
                                     .broker_up = true};
    out->visible[1] = steps;
    out->visible[BTR_FOLLOW_BUCKETS - 1] = 1;
}

void btr_follow_partitions(struct btr_follow *follow, btr_follow_visit *visit, void *self)
{
    (void)follow;
    for (uint64_t i = 0; i < env_number("FAKE_PARTITIONS", 3); i++) {
        struct btr_follow_partition p = {"audit\"d", (int32_t)i, 10, i == 2 ? -1 : 15};
        visit(self, &p);
    }
}
