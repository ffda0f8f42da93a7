#ifndef QUERY_LOSS_CONTAIN_H
#define QUERY_LOSS_CONTAIN_H
/**
 * What to cut first (docs/LOSS.md, "Containment"): a graph of what the intrusion still holds, what
 * that leads to, and the assets that are not lost yet; and the least costly set of things in it
 * whose removal parts the two. Each file fills its part, in this order:
 *   - contain_graph.c: nodes, each once, and edges
 *   - contain_accounts.c: the account that a process acts as
 *   - contain_came.c: by which connections the intrusion came to which accounts
 *   - contain_holds.c: what else it holds: processes, files that bring it back
 *   - contain_onward.c: which hosts and accounts those lead on to, as anybody's connections show
 *   - contain_assets.c: who is seen to read the assets
 *   - contain.c: all of it in order, the cut, and what each step of it is for
 *
 * json_contain.c, text_contain.c print it.
 */
#include <btr/mincut.h>

#include "loss/after.h"

/** What a node is, and what it costs to take away. X(name, word, cost) */
#define LOSS_HOLD_TABLE(X)                                                                         \
    X(PROCESS, "process", 1)                                                                       \
    X(FILE, "file", 1)                                                                             \
    X(FLOW, "flow", 2)                                                                             \
    X(ACCOUNT, "account", 3)                                                                       \
    X(SERVICE, "service", 4)                                                                       \
    X(INTRUSION, "intrusion", BTR_MINCUT_NEVER)                                                    \
    X(ASSET, "asset", BTR_MINCUT_NEVER)                                                            \
    X(BEYOND, "host", BTR_MINCUT_NEVER)                                                            \
    X(SINK, "sink", BTR_MINCUT_NEVER)

enum loss_hold_kind {
#define LOSS_HOLD_ENUM(name, word, cost) LOSS_HOLD_##name,
    LOSS_HOLD_TABLE(LOSS_HOLD_ENUM)
#undef LOSS_HOLD_ENUM
        LOSS_HOLD_KINDS,
    LOSS_HOLD_CUTTABLE = LOSS_HOLD_INTRUSION /* kinds below it can be cut */
};

const char *loss_hold_word(unsigned kind);
uint32_t loss_hold_cost(unsigned kind);

/** A thing of the graph. Spans are in the ledger's memory. */
struct loss_hold {
    uint8_t kind; /* enum loss_hold_kind */
    bool all;     /* ACCOUNT: it can read whatever lies on its host; FILE: whoever runs it can */
    uint64_t host_key;    /* as struct btr_fact has it */
    struct btr_span host; /* where it is; of FLOW and SERVICE the host that serves */
    struct btr_span from; /* FLOW: the host that connects; else empty */
    struct btr_span name; /* path, label, account, "tcp/22", asset */
    const char *what;     /* FILE: what it is, as remaining has it; else NULL */
    struct btr_id entity; /* one that stands for it; none */
    uint32_t asset;       /* ASSET: its row */
};

/** That who has the one comes to the other. */
struct loss_lead {
    uint32_t from, to;
    const char *why;   /* static */
    btr_event_ref ref; /* that shows it; UINT64_MAX: none */
};

/** Something to cut. */
struct loss_cut_step {
    uint32_t hold;
    uint32_t *assets; /* nodes of assets that are open again without it; from malloc */
    uint32_t asset_count;
    uint32_t *path; /* leads from the intrusion over it to the first of them; from malloc */
    uint32_t path_count;
};

struct loss_containment {
    struct loss_hold *holds;
    uint32_t hold_count, hold_capacity;
    struct loss_lead *leads;
    uint32_t lead_count, lead_capacity;
    struct loss_cut_step *steps; /* in the order of kinds, host, name */
    uint32_t step_count;
    uint64_t cost;  /* of all steps */
    uint32_t *open; /* nodes of assets that were open, from malloc; in the order of rows */
    uint32_t open_count;
    bool cut; /* not all was looked at: some hosts stand for what may lie behind them */
};

/* ---- While it is made ---- */

struct contain {
    struct btr_loss *loss;
    struct loss_containment *to;
    struct btr_idmap by_key;        /* key of a node: its number */
    struct btr_idmap by_lead;       /* key of two nodes: the lead */
    struct btr_idmap account_of;    /* of a process: its account's node; contain_accounts.c */
    struct btr_idmap first_talker;  /* of a process: its place in talkers */
    struct contain_talker *talkers; /* who serves which flow */
    uint32_t talker_count, talker_capacity;
    struct contain_address *addresses; /* of hosts that the graph has */
    uint32_t address_count, address_capacity;
    uint32_t intrusion; /* its node */
    struct btr_buffer words;
    struct btr_err *err;
};

/** A process that serves a flow. */
struct contain_talker {
    struct btr_id process;
    uint32_t hold; /* FLOW or SERVICE */
    uint32_t next; /* of the same process; LOSS_NONE */
};

/** An address of a host. */
struct contain_address {
    struct btr_span host, ip;
    uint64_t host_key;
};

enum {
    CONTAIN_HOSTS_MAX = 24,     /* of which connections are looked at */
    CONTAIN_HOLDS_MAX = 8192,   /* nodes */
    CONTAIN_LEADS_MAX = 500000, /* edges */
    CONTAIN_SAMPLES = 64 /* connections of one host to a port of another that are looked at */
};

/* ---- contain_graph.c ---- */

/** The node of a thing, made if there is none. @param hold  its spans are copied @param at receives
 * its number; LOSS_NONE when there are too many */
int contain_hold(struct contain *c, const struct loss_hold *hold, uint32_t *at);
/** Adds a lead unless there is one of these two. Either may be LOSS_NONE: then it adds nothing. */
int contain_lead(struct contain *c, uint32_t from, uint32_t to, const char *why, btr_event_ref ref);
/** Notes that a process serves a flow. */
int contain_talker_add(struct contain *c, struct btr_id process, uint32_t hold);

/* ---- contain_accounts.c ---- */

/** The node of the account that a process acts as in the end; LOSS_NONE: it is no process. */
int contain_account_of(struct contain *c, struct btr_id process, uint32_t *account);
/** The same of an account by its host and name, where no process is known. */
int contain_account_named(struct contain *c, struct btr_span host, struct btr_span name,
                          uint32_t *account);
/** Which account a server gave away, of two on the way from what it started up to it: `next` stands
 * nearer to it, but a server that may do all gives somebody else's. Either may be LOSS_NONE. */
uint32_t contain_account_nearer(const struct contain *c, uint32_t had, uint32_t next);

/* ---- contain_came.c ---- */
int contain_came_find(struct contain *c);

/* ---- contain_holds.c ---- */
int contain_holds_find(struct contain *c);

/* ---- contain_onward.c ---- */
int contain_address_add(struct contain *c, struct btr_span host, struct btr_span ip);
int contain_onward_find(struct contain *c);
/** What an account can do that no process is seen to act as, or not under that name, nobody knows.
 * After all others. */
int contain_unseen_find(struct contain *c);
/** Node of connections from one host to a port of another. @param from  empty: from outside
 * @param host  of an outside address, this */
int contain_flow(struct contain *c, struct btr_span from, struct btr_span host,
                 const struct btr_entity *connection, uint32_t *at);

/* ---- contain_assets.c ---- */
int contain_assets_find(struct contain *c);

/* ---- contain.c ---- */
int loss_containment_find(struct btr_loss *loss, struct btr_err *err);
void loss_containment_free(struct loss_containment *containment);
/** A thing in words: "account deploy of web01", "tcp/22 of db01 from bast01". */
void loss_hold_words(const struct loss_hold *hold, struct btr_buffer *out);
/** Whether an asset is lost, and is of use elsewhere: its classification is "secret". */
bool loss_is_to_change(const struct btr_loss *loss, uint32_t asset);
/** What to do about it: "close tcp/22 of db01 to bast01". */
void loss_hold_deed(const struct loss_hold *hold, struct btr_buffer *out);

#endif
