#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H
/**
 * The configuration file of the daemon: lines `key = value`, `#` begins a line that is a comment. The table of keys
 * (config_table.c) makes the parser, `backtrail daemon --help` and docs/CONFIG.md. A file is taken whole or not at all.
 */
#include <btr/err.h>
#include <btr/span.h>
#include <sys/socket.h>

enum {
    CLI_CONFIG_FILE_MAX = 1 << 20, /* bytes */
    CLI_CONFIG_LINE_MAX = 4096,    /* bytes */
    CLI_CONFIG_ITEMS_MAX = 256,    /* of a list; of kafka.x.* */
    CLI_CONFIG_ROWS_MAX = 64,
};

/** Values of a list, in order; or the keys and values of a prefix (kafka.x.KEY), by pairs. */
struct cli_config_list {
    char **items;
    uint32_t count;
};

/** Where HTTP listens; size 0: nowhere. */
struct cli_config_listen {
    struct sockaddr_storage at;
    socklen_t size;
};

/** One value a key of the table, which tells range and meaning. Texts that were not given are NULL. */
struct cli_config {
    char *store_path;
    uint64_t retention_days, retention_record_days;
    char *inventory;

    char *brokers, *group;
    struct cli_config_list topics;
    char *state_topic, *dead_letter_topic;
    bool tls;
    char *tls_ca_file, *tls_cert_file, *tls_key_file, *tls_key_password_file, *tls_key_password_env;
    char *sasl_mechanism, *sasl_user, *sasl_password_file, *sasl_password_env;
    struct cli_config_list kafka_x, kafka_x_file; /* key, value, key, value ... */

    char *format, *case_id;
    uint64_t visible_ms, checkpoint_ms, idle_ms, order_ms, memory_mib, segment_events;
    bool keep_records;

    struct cli_config_listen listen;
    bool listen_any;
    char *log_level;

    uint32_t lines[CLI_CONFIG_ROWS_MAX]; /* where a row of the table was given, from 1; 0: it was not */
};

enum cli_config_type {
    CLI_CONFIG_TEXT,
    CLI_CONFIG_PATH,   /* absolute */
    CLI_CONFIG_NUMBER, /* uint64_t, from `least` to `most` */
    CLI_CONFIG_BOOL,   /* yes or no */
    CLI_CONFIG_CHOICE, /* char *, one of `choices` */
    CLI_CONFIG_TOPIC,  /* a topic's name */
    CLI_CONFIG_TOPICS, /* several, with commas between */
    CLI_CONFIG_ENV,    /* the name of a variable of the environment */
    CLI_CONFIG_LISTEN, /* ADDRESS:PORT, [ADDRESS]:PORT or off */
    CLI_CONFIG_PREFIX, /* the row's key is the beginning of what is given; values as texts */
    CLI_CONFIG_PREFIX_PATH,
};

/** What a changed value needs at SIGHUP. */
enum cli_config_apply {
    CLI_CONFIG_AT_ONCE,
    CLI_CONFIG_REOPENS, /* the consumer stops as at SIGTERM and begins again, in the same process */
    CLI_CONFIG_RESTART,
};

struct cli_config_row {
    const char *key;
    enum cli_config_type type;
    uint64_t least, most;
    const char *preset; /* as it would stand in a file; NULL: none */
    bool required;
    enum cli_config_apply apply;
    size_t at; /* in struct cli_config */
    const char *choices; /* "a|b|c" */
    const char *meaning; /* of a sentence or more, without a full stop at the end */
};

/** Ends with a NULL key; at most CLI_CONFIG_ROWS_MAX rows. */
extern const struct cli_config_row cli_config_table[];

/**
 * Reads the text of a file.
 * @param out   free with cli_config_fini, also after a failure
 * @param name  of the file, for messages
 * @return 0, BTR_E_USAGE (one line "NAME:LINE: ...", which prints no value that could be a secret), BTR_E_NOMEM
 */
int cli_config_parse(struct cli_config *out, struct btr_span text, const char *name, struct btr_err *err);
/** The same from a file. @return also BTR_E_IO; BTR_E_USAGE when it is not there or too large */
int cli_config_load(struct cli_config *out, const char *path, struct btr_err *err);
void cli_config_fini(struct cli_config *config);

/** Whether two configurations have the same value in a row. */
bool cli_config_same(const struct cli_config *a, const struct cli_config *b, const struct cli_config_row *row);

/** Gives a row, which is no list, the value of another configuration. @return false when out of memory */
bool cli_config_keep(struct cli_config *to, const struct cli_config *from, const struct cli_config_row *row);

/** What a row's value may be, in words: "number, 50 to 60000", "yes or no". */
void cli_config_range(const struct cli_config_row *row, char out[160]);
/** What a change of it needs: "at once", "the consumer begins anew", "restart". */
const char *cli_config_apply_text(enum cli_config_apply apply);

#endif
