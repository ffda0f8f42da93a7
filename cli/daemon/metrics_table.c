/* Every family of /metrics. Names and units as of https://prometheus.io/docs/practices/naming/. */
#include "metrics.h"

#define OF(member) .per_unit = 1, .at = offsetof(struct daemon_figures, member)
#define MS(member) .per_unit = 1000, .at = offsetof(struct daemon_figures, member)
#define NS(member) .per_unit = 1000000000, .at = offsetof(struct daemon_figures, member)
#define COUNTER .type = DAEMON_COUNTER, .value = DAEMON_U64
#define GAUGE .type = DAEMON_GAUGE, .value = DAEMON_U64
#define FLAG .type = DAEMON_GAUGE, .value = DAEMON_BOOL
#define TIME .type = DAEMON_GAUGE, .value = DAEMON_I64

const char *const daemon_state_names[DAEMON_STATES] = {"opening", "running", "waiting", "stopping",
                                                       "stopped"};

/* clang-format off */
const struct daemon_metric daemon_metrics[] = {
    {"backtrail_build_info", DAEMON_GAUGE, DAEMON_BUILD, 1, 0, "The version, as a label; always 1", NULL},
    {"backtrail_state", DAEMON_GAUGE, DAEMON_STATE, 1, 0, "1 for what the consumer is at: opening, running, waiting (for another attempt after a failure), stopping, stopped",
     "waiting: the log has the reason, event=consumer_failed"},
    {"backtrail_ready", FLAG, OF(ready), "1 while /readyz answers 200: the store is open, the last publish did not fail, and the group gave partitions, or none for want of them", NULL},
    {"backtrail_failures_total", COUNTER, OF(failures), "Times that the consumer ended by a failure: of the store's disk, of memory, or one that the broker calls final",
     "any increase: event=consumer_failed in the log"},
    {"backtrail_openings_total", COUNTER, OF(openings), "Times that the consumer began: at the start, after failures, after changes of the configuration", NULL},
    {"backtrail_retry_delay_seconds", GAUGE, MS(retry_delay_ms), "How long the consumer waits before it begins again; 0 while it is not waiting", NULL},
    {"backtrail_step_age_seconds", GAUGE, MS(step_age_ms), "Time since the consumer last came round; a slow disk shows here first",
     "above 30: the disk; above 300, or five times WatchdogSec, /healthz fails and the watchdog is left alone"},
    {"backtrail_store_free_bytes", GAUGE, OF(store_free), "Bytes that are free for the store", "less than two days of growth: docs, \"The disk is full\""},

    {"backtrail_messages_total", COUNTER, OF(follow.messages), "Messages that arrived", "none for long, while partitions have a lag: \"The lag grows\""},
    {"backtrail_message_bytes_total", COUNTER, OF(follow.message_bytes), "Bytes of their values", NULL},
    {"backtrail_messages_empty_total", COUNTER, OF(follow.messages_empty), "Messages without a record: tombstones and blank values", NULL},
    {"backtrail_messages_known_total", COUNTER, OF(follow.messages_known), "Messages below the offset that the store has: delivered again, and passed over", NULL},
    {"backtrail_records_total", COUNTER, OF(follow.records), "Records in the messages", NULL},
    {"backtrail_records_known_total", COUNTER, OF(follow.records_known), "Records that a sender delivered again under another offset: counted once", NULL},
    {"backtrail_records_replayed_total", COUNTER, OF(follow.records_replayed), "Records decoded again for the state of their host alone, after a restart or a move: their events are in the store", NULL},
    {"backtrail_records_undecoded_total", COUNTER, OF(follow.undecoded), "Records that did not decode: kept in quarantine with topic, partition, offset and reason",
     "above its usual rate: \"The quarantine grows\""},
    {"backtrail_dead_letters_total", COUNTER, OF(follow.dead_lettered), "Records sent to the dead-letter topic", NULL},
    {"backtrail_dead_letter_failures_total", COUNTER, OF(follow.dead_letter_failed), "Records that the broker did not take there; the quarantine has them", "any increase: may the user write to the topic?"},
    {"backtrail_events_total", COUNTER, OF(follow.events), "Events decoded", NULL},
    {"backtrail_gaps_total", COUNTER, OF(follow.gaps), "Gaps recorded in the store: where a source did not tell everything", "any increase: `backtrail store gaps` names them"},
    {"backtrail_offsets_lost_total", COUNTER, OF(follow.offsets_lost), "Offsets that the broker no longer has, or never had: records that nobody read",
     "any increase: evidence is lost; \"Offsets are lost\""},

    {"backtrail_publishes_total", COUNTER, OF(follow.publishes), "Publishes: transactions of the store's catalog", NULL},
    {"backtrail_last_publish_timestamp_seconds", TIME, NS(follow.last_publish_ns), "When the last publish was, since the epoch; 0 before the first",
     "messages arrive and this is older than a minute: the disk, or the log"},
    {"backtrail_visible_seconds", DAEMON_HISTOGRAM, DAEMON_VISIBLE, 1000, 0, "Messages by the time from their arrival until questions see them",
     "p99 above ingest.visible_ms and a second: \"The lag grows\""},
    {"backtrail_states_saved_total", COUNTER, OF(follow.states_saved), "Decoder states saved in the store", NULL},
    {"backtrail_state_bytes_total", COUNTER, OF(follow.state_bytes), "Bytes of them", NULL},
    {"backtrail_state_topic_bytes_total", COUNTER, OF(follow.state_topic_bytes), "Bytes sent to the state topic", NULL},

    {"backtrail_broker_up", FLAG, OF(follow.broker_up), "1 while at least one broker is connected", "0 for a minute: \"The broker is gone\""},
    {"backtrail_broker_retries_total", COUNTER, OF(follow.retries), "Requests to the broker that were made again", NULL},
    {"backtrail_rebalances_total", COUNTER, OF(follow.rebalances), "Times that the group gave or took partitions", "many an hour: an ingester that comes and goes"},
    {"backtrail_partitions", GAUGE, OF(follow.partitions), "Partitions that are read by this ingester", NULL},
    {"backtrail_partition_next_offset", DAEMON_GAUGE, DAEMON_PARTITION_NEXT, 1, 0, "Next offset to read, by topic and partition", NULL},
    {"backtrail_partition_end_offset", DAEMON_GAUGE, DAEMON_PARTITION_END, 1, 0, "One behind the last message that the broker has told of; no sample while it has not", NULL},
    {"backtrail_partition_lag_messages", DAEMON_GAUGE, DAEMON_PARTITION_BEHIND, 1, 0, "Messages that wait in the partition", "grows for 10 minutes: \"The lag grows\""},

    {"backtrail_hosts", GAUGE, OF(follow.hosts), "Hosts seen, with a decoder state", "far more than there are: forged names"},
    {"backtrail_hosts_live", GAUGE, OF(follow.hosts_live), "Hosts whose state is in memory", NULL},
    {"backtrail_memory_bytes", GAUGE, OF(follow.memory), "Bytes of messages, states and what waits for the store", NULL},
    {"backtrail_memory_max_bytes", GAUGE, OF(follow.memory_max), "Their bound, ingest.memory_mib", NULL},

    {"backtrail_config_reloads_total", COUNTER, OF(reloads), "Times that SIGHUP read the configuration", NULL},
    {"backtrail_config_reload_failures_total", COUNTER, OF(reload_failures), "Times that it was refused, and the old one stayed", "any increase: event=reload_failed in the log"},
    {"backtrail_config_timestamp_seconds", TIME, NS(config_ns), "When the configuration in use was read, since the epoch", NULL},
    {"backtrail_log_suppressed_total", COUNTER, OF(log_suppressed), "Lines that were not logged, as the same was said less than a minute before", NULL},

    {"process_start_time_seconds", TIME, NS(start_ns), "Start of the process, since the epoch", NULL},
    {"process_cpu_seconds_total", COUNTER, MS(cpu_ms), "Processor time of the process, of user and system", NULL},
    {"process_resident_memory_bytes", GAUGE, OF(resident), "Memory of the process that is resident, mapped files of the store included", NULL},
    {"process_open_fds", GAUGE, OF(open_fds), "Open descriptors", NULL},
    {"process_max_fds", GAUGE, OF(max_fds), "How many there may be", NULL},
    {.name = NULL},
};
/* clang-format on */
