#ifndef WINLOG_STATE_H
#define WINLOG_STATE_H
/**
 * What the decoder remembers of one host. Every table is bounded and forgets what was used longest
 * ago; what is forgotten is counted. The saved form lists each table from the oldest to the newest
 * use: one state, one encoding.
 */
#include <btr/decoder.h>
#include <btr/identity.h>

#include "order.h"

/* X(name, shares): what is remembered, and how many of 64 parts of the memory its entries may take
 */
#define WIN_TABLES(X)                                                                              \
    X(PROCESS, 32)   /* number: pid; text: guid, image, command line. Of Linux, other: pid of the  \
                        parent, line: record id of the start */                                    \
    X(SESSION, 4)    /* number: logon id; text: user as DOMAIN\name */                             \
    X(SERVICE, 4)    /* text: name, command line */                                                \
    X(TASK, 4)       /* text: name, command, arguments */                                          \
    X(FLOW, 8)       /* by the far end of an accepted connection; number: port; text: address */   \
    X(LOGON, 4)      /* logons whose connection was not seen yet; other: session's logon id */     \
    X(CREDENTIAL, 2) /* last use of explicit credentials by user; text: user */                    \
    X(CONSUMER, 2)   /* WMI consumers; text: name, what it runs */

enum win_table_name {
#define WIN_TABLE_ENUM(name, shares) WIN_##name,
    WIN_TABLES(WIN_TABLE_ENUM)
#undef WIN_TABLE_ENUM
        WIN_TABLE_COUNT
};

#define WIN_NONE UINT32_MAX /* no slot */
enum { WIN_TEXTS = 3, WIN_TEXT_MAX = 1024, WIN_CHANNELS = 64 };

enum win_item_flag {
    WIN_ITEM_CREATED = 1, /* its creation was told */
    WIN_ITEM_NATIVE = 2,  /* known by the agent's own id */
    WIN_ITEM_ALIAS = 4, /* another of the agent's ids for an entity that is known by a first one */
};

struct win_text {
    uint8_t *at; /* owned; NULL when empty */
    uint32_t size;
};

struct win_item {
    struct btr_id key; /* how it is found */
    struct btr_id id;  /* the entity */
    int64_t first_ns;  /* first seen */
    int64_t start_ns;  /* INT64_MIN: unknown */
    int64_t end_ns;    /* INT64_MAX: not ended */
    uint64_t number, other;
    uint64_t line;
    uint64_t born; /* order of entry into the chain of its number; 0: not in one */
    struct win_text text[WIN_TEXTS];
    uint32_t flags;
    uint32_t older; /* next of the chain, WIN_NONE at its end */
    uint32_t newer_use, older_use;
};

struct win_table {
    struct btr_u64map slots; /* key.lo -> slot */
    struct win_item *items;
    uint32_t count, capacity, limit;
    uint32_t newest, oldest;
};

/* A record whose time cannot be told before a Sysmon record of the host has shown the zone. */
struct win_held {
    uint8_t *at; /* owned */
    uint32_t size;
    uint64_t line;
};

struct btr_decoder_state {
    struct btr_decoder_config config;
    struct btr_json_reader *reader;
    struct btr_decoder_stats stats;
    struct win_table tables[WIN_TABLE_COUNT];
    struct btr_u64map pids; /* pid -> newest process of that pid */
    uint64_t born;
    uint64_t text_size, text_max; /* bytes in texts */
    struct win_clock clock;
    struct win_channel *channels[WIN_CHANNELS]; /* owned */
    uint32_t channel_count;
    uint64_t channel_clock;
    struct win_held *held; /* in order of arrival */
    uint32_t held_count, held_capacity;
    uint64_t held_size, held_max; /* bytes */
    bool held_enough;             /* no Sysmon record came: times are taken as they stand */
    /* Not saved: what was noted since the segment began. */
    struct btr_idmap noted;
    uint32_t noted_epoch;
};

bool win_state_init(struct btr_decoder_state *state, const struct btr_decoder_config *config);
void win_state_fini(struct btr_decoder_state *state);

/** @return the item, which counts as used now, or NULL. Valid until the next add to the same table.
 */
struct win_item *win_item_find(struct btr_decoder_state *state, enum win_table_name table,
                               struct btr_id key);
/** Adds an empty item for a key that is not there. @return NULL when out of memory */
struct win_item *win_item_add(struct btr_decoder_state *state, enum win_table_name table,
                              struct btr_id key);
/** Finds or adds. */
struct win_item *win_item_get(struct btr_decoder_state *state, enum win_table_name table,
                              struct btr_id key);
void win_item_forget(struct btr_decoder_state *state, enum win_table_name table, struct btr_id key);
/** Replaces a text, cut at WIN_TEXT_MAX bytes. An empty value changes nothing. @return false when
 * out of memory */
bool win_item_text(struct btr_decoder_state *state, struct win_item *item, unsigned which,
                   struct btr_span value);
static inline struct btr_span win_item_span(const struct win_item *item, unsigned which)
{
    return (struct btr_span){item->text[which].at, item->text[which].size};
}

/** Puts a process at the head of the chain of its pid. @return false when out of memory */
bool win_pid_chain(struct btr_decoder_state *state, struct win_item *process, uint64_t pid);
/** The newest process of a pid, then older ones; NULL at the end. */
struct win_item *win_pid_first(struct btr_decoder_state *state, uint64_t pid);
struct win_item *win_pid_next(struct btr_decoder_state *state, const struct win_item *process);

/** The sequence of a channel, made when it is new. @return NULL when out of memory */
struct win_channel *win_channel_get(struct btr_decoder_state *state, struct btr_span name);

/** Keeps a copy of a record. @return 1, 0 when no more can be held, BTR_E_NOMEM */
int win_held_add(struct btr_decoder_state *state, struct btr_span record, uint64_t line);
/** Forgets the oldest of them. */
void win_held_drop(struct btr_decoder_state *state, uint32_t count);

/** Bytes that the state takes, near enough. */
uint64_t win_state_memory(const struct btr_decoder_state *state);

int win_state_save(const struct btr_decoder_state *state, struct btr_buffer *out);
int win_state_load(struct btr_decoder_state *state, struct btr_span saved, struct btr_err *err);

#endif
