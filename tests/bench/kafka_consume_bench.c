/*
 * The least that a consumer of a topic can do: reads each partition from its begin to its end with
 * librdkafka, counts records and bytes, and touches nothing else. What an ingest of the same topic
 * is compared with. bench_kafka_consume -X KEY=VALUE... TOPIC
 */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

enum { PARTITIONS_MAX = 4096, BATCH_SIZE = 4096, ASK_MS = 30000, SILENCE_S = 60 };
/* A call returns when its batch is full or this has passed; longer costs time at the end only. */
enum { BATCH_MS = 5 };

struct counts {
    uint64_t records, bytes; /* of keys and values */
    bool ended[PARTITIONS_MAX];
    int open; /* partitions that have not ended */
};

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_kafka_consume: %s: %s\n", what, why);
    exit(1);
}

static void setting(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
        die(key, why);
}

static rd_kafka_t *consumer_new(int count, char *const *words)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    setting(conf, "group.id", "bench_kafka_consume");
    setting(conf, "enable.auto.commit", "false");
    setting(conf, "enable.partition.eof", "true");
    for (int i = 0; i + 1 < count; i += 2) {
        char *value = strchr(words[i + 1], '=');
        if (strcmp(words[i], "-X") != 0 || !value)
            die(words[i], "usage: bench_kafka_consume -X KEY=VALUE... TOPIC");
        *value = 0;
        setting(conf, words[i + 1], value + 1);
    }
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!kafka)
        die("librdkafka", why);
    rd_kafka_poll_set_consumer(kafka);
    return kafka;
}

static int partitions_count(rd_kafka_t *kafka, const char *topic)
{
    const struct rd_kafka_metadata *found;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka, topic, NULL);
    rd_kafka_resp_err_t rc = rd_kafka_metadata(kafka, 0, handle, &found, ASK_MS);
    if (!rc)
        rc = found->topics[0].err;
    if (rc)
        die(topic, rd_kafka_err2str(rc));
    int count = found->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(found);
    rd_kafka_topic_destroy(handle);
    if (count > PARTITIONS_MAX)
        die(topic, "too many partitions");
    return count;
}

static void partitions_assign(rd_kafka_t *kafka, const char *topic, int count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void count_one(struct counts *c, rd_kafka_message_t *m)
{
    if (!m->err) {
        c->records++;
        c->bytes += m->key_len + m->len;
    } else if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        die("the broker", rd_kafka_message_errstr(m));
    } else if (!c->ended[m->partition]) {
        c->ended[m->partition] = true;
        c->open--;
    }
    rd_kafka_message_destroy(m);
}

static void read_all(rd_kafka_t *kafka, struct counts *c)
{
    rd_kafka_message_t *batch[BATCH_SIZE];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(kafka);
    double heard_s = now_s(CLOCK_MONOTONIC);
    while (c->open) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, BATCH_MS, batch, BATCH_SIZE);
        for (ssize_t i = 0; i < count; i++)
            count_one(c, batch[i]);
        if (count > 0)
            heard_s = now_s(CLOCK_MONOTONIC);
        else if (now_s(CLOCK_MONOTONIC) - heard_s > SILENCE_S)
            die("the broker", "says nothing any more");
    }
    rd_kafka_queue_destroy(queue);
}

int main(int argc, char **argv)
{
    static struct counts c;
    struct rusage usage;
    if (argc < 4)
        die("words", "usage: bench_kafka_consume -X KEY=VALUE... TOPIC");
    const char *topic = argv[argc - 1];
    rd_kafka_t *kafka = consumer_new(argc - 2, argv + 1);
    c.open = partitions_count(kafka, topic);
    double began_s = now_s(CLOCK_MONOTONIC), cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID);
    partitions_assign(kafka, topic, c.open);
    read_all(kafka, &c);
    double wall_s = now_s(CLOCK_MONOTONIC) - began_s;
    cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"records\": %llu, \"bytes\": %llu, \"wall_s\": %.4f, \"records_per_s\": %.0f, "
           "\"mib_per_s\": %.1f, "
           "\"cpu_s\": %.4f, \"cpu_us_per_record\": %.3f, \"peak_mib\": %.1f}\n",
           (unsigned long long)c.records, (unsigned long long)c.bytes, wall_s,
           (double)c.records / wall_s, (double)c.bytes / wall_s / 1048576, cpu_s,
           c.records ? cpu_s * 1e6 / (double)c.records : 0, (double)usage.ru_maxrss / 1024);
    rd_kafka_destroy(kafka);
    return 0;
}
