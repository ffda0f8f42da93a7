#ifndef TESTS_SIM_H
#define TESTS_SIM_H
/**
 * Generated histories with known contents, to test the loss ledger: processes move tagged bytes of
 * assets through memory, files, pipes and connections, and for each operation the event is made
 * that an audit log would tell. What a holder has is kept three times: `real`, what this history
 * put there; `may`, all that any programs could have put there with the very same events (whoever
 * writes hands on all that it ever held, packed into however few bytes); and `own`, the same of
 * what the intruder's processes read themselves, out of the asset. So `real` and `own` are always
 * part of `may`, and a bound has to hold for that; one by connections for `own`.
 *
 *   sim_world.c    hosts, time, events, notes, gaps
 *   sim_files.c    files, their names, and what reading and writing them moves
 *   sim_talk.c     pipes and connections
 *   sim_process.c  starts, programs, ends
 *   sim_run.c      steps of several sessions, one beside the other
 *   sim_benign.c   what goes on anyway
 *   sim_intruder.c what the intruder does
 *   sim_history.c  one history of a seed
 *   sim_ask.c      the ledger's answer, and what is wrong with it
 *
 * The model is that of docs/LOSS.md: over exec, benign programs hand nothing on; a database's
 * server sends content as it is, never packed; times and names carry nothing.
 */
#include <btr/arena.h>
#include <btr/store.h>
#include <inttypes.h>

#include "test_random.h"

enum {
    SIM_ASSETS = 6,
    SIM_IDS = 2048, /* bytes of content that an asset ever has, all versions together */
    SIM_WORDS = SIM_IDS / 64,
    SIM_HOSTS = 4,
    SIM_USERS = 3,
    SIM_PROCESSES = 160,
    SIM_NAMES = 256,
    SIM_INODES = 256,
    SIM_FILE_MAX = 1024, /* bytes of a file of an asset */
    SIM_INODE_NAMES = 6,
    SIM_OPENS = 768,
    SIM_TALKS = 192,
    SIM_LISTENERS = 24,
    SIM_SESSIONS = 64,
    SIM_STEPS = 160, /* of one session */
    SIM_NONE = -1,
};

/** Bytes of assets' content: one bit each. */
struct sim_set {
    uint64_t bits[SIM_ASSETS][SIM_WORDS];
};
struct sim_load {
    struct sim_set real, may, own;
};

struct sim_host {
    char name[24], ip[24];
    int64_t skew_ns;
    uint8_t told[SIM_USERS]; /* SIM_TOLD_* of each user's calls */
    uint64_t serial, pid;
    int64_t told_ns;  /* order time of the last event that is told */
    int64_t hole_ns;  /* the same when records began to be dropped; INT64_MIN: none are */
    uint64_t dropped; /* since then */
};
enum { SIM_TOLD_READS = 1, SIM_TOLD_WRITES = 2 };

struct sim_asset {
    int host;
    char folder[32]; /* all files below it */
    int made;        /* ids that are given out */
    bool spent;      /* there were none left for some bytes */
    bool is_exit;
};

struct sim_process {
    struct btr_id id;
    int host, user, image; /* image: a name */
    uint64_t pid;
    int64_t start_ns, image_ns, free_ns; /* free: of the next call, at the earliest */
    bool alive, noted, intruder;
    bool changed; /* by the intruder, or a part of such a one: it does what its program does not */
    int keeper;   /* the asset that it keeps, as a database's server does */
    struct sim_load load;
};

struct sim_inode {
    int size, asset; /* asset: of which `ids` are */
    int16_t ids[SIM_FILE_MAX];
    bool dirty;           /* an intruder's process wrote to it */
    struct sim_load load; /* beside the ids */
    uint32_t version;
    int name_count, last_name;
    struct sim_inode_name {
        int name;
        uint32_t version;
        bool changed;
    } names[SIM_INODE_NAMES];
};

struct sim_name {
    struct btr_id id;
    int host, inode, asset;
    char path[48];
    bool noted;
};

enum sim_talk_kind { SIM_PIPE, SIM_UNIX, SIM_TCP };

struct sim_talk {
    enum sim_talk_kind kind;
    struct btr_id ends[2]; /* entity that the client's (or only) and the server's side tell of */
    struct sim_load load[2];
    int64_t bytes[2]; /* waiting, as sent by client, by server */
    int outside;      /* the end that is outside, or SIM_NONE */
    bool intruder;    /* its address, or a process of it made it */
    int listener;
    uint16_t port; /* of the client */
    int client_host;
};

/** An open descriptor of a process, by the number that the plan has for it. */
struct sim_open {
    int process, handle;
    int name, inode; /* of a file */
    int talk, end;
    int at;
    int64_t since_ns;
    uint64_t serial;
    bool reads, writes;
};

struct sim_listener {
    int host, process;
    uint16_t port; /* 0: a unix socket */
    char path[32];
    int waiting[16], waiting_count; /* talks, in the order of their connects */
};

enum sim_op {
    SIM_FORK,    /* p starts q */
    SIM_EXEC,    /* p runs `name` */
    SIM_EXIT,    /* p */
    SIM_OPEN,    /* p, `name` as handle, mode: SIM_OPEN_* */
    SIM_READ,    /* p, handle, n bytes; 0: all there is, by calls of `m` */
    SIM_WRITE,   /* p, handle, n bytes, mode: SIM_PUT_* */
    SIM_CLOSE,   /* p, handle */
    SIM_RENAME,  /* p, name, name2 */
    SIM_LINK,    /* p, name, name2 */
    SIM_DELETE,  /* p, name */
    SIM_PIPE_OP, /* p, handle (to write), handle2 (to read) */
    SIM_CONNECT, /* p, handle, n: listener; SIM_NONE: outside, m: 0 intruder, 1 others */
    SIM_COME,    /* from outside to listener n, m: 0 intruder, 1 others; ACCEPT follows */
    SIM_ACCEPT,  /* p, handle: what came by the talk of plan number handle2 */
    SIM_SEND,    /* p, handle, n bytes (0: as many as it takes), mode */
    SIM_RECV,    /* p, handle */
    SIM_MOVE,    /* p, sendfile from handle to handle2, n bytes; 0: all there is */
    SIM_PTRACE,  /* p reads and changes q */
    SIM_TAKE,    /* p is the intruder's from now on */
    SIM_HAS,     /* the session ends here unless `name` exists */
};
enum { SIM_OPEN_READ, SIM_OPEN_WRITE, SIM_OPEN_TRUNCATE, SIM_OPEN_APPEND, SIM_OPEN_BOTH };
enum { SIM_PUT_ALL, SIM_PUT_PART, SIM_PUT_NOTHING, SIM_PUT_ROWS, SIM_PUT_ANY };

struct sim_step {
    enum sim_op op;
    int p, q, handle, handle2, name, name2, n, m, mode;
    bool at_once; /* after the step before, of the session */
};

struct sim_session {
    struct sim_step steps[SIM_STEPS];
    int count, at;
};

struct sim_world {
    uint64_t seed;
    struct test_random random;
    bool verbose;
    /* what this history is like */
    int64_t jitter_ns; /* of entries and exits of calls around what they did */
    int drop;          /* of 1000 records so many are not told */
    bool whole_flows;  /* both ends of a connection tell the same */
    bool quiet;        /* some users' reads and writes are not recorded */

    int64_t now_ns;
    /* the call under way, without its host's skew */
    int64_t call_first_ns, call_last_ns, call_skew_ns;
    bool call_dropped, call_told;
    struct sim_host hosts[SIM_HOSTS];
    struct sim_asset assets[SIM_ASSETS];
    struct sim_process processes[SIM_PROCESSES];
    struct sim_name names[SIM_NAMES];
    struct sim_inode inodes[SIM_INODES];
    struct sim_open opens[SIM_OPENS];
    struct sim_talk talks[SIM_TALKS];
    struct sim_listener listeners[SIM_LISTENERS];
    struct sim_session sessions[SIM_SESSIONS];
    int host_count, asset_count, process_count, name_count, inode_count, open_count, talk_count,
        listener_count, session_count, handle_count, port_count;
    int talk_of_handle[SIM_OPENS]; /* of a connection under way, by the handle of who asked for it
                                    */

    struct sim_load out;    /* what left by ways out of the intrusion */
    struct sim_load handed; /* what anybody sent to anybody outside */
    uint64_t alert_serial; /* of an event of the intruder */
    int alert_host, alerts;
    int fetched; /* the process that the intruder came in by when somebody ran what was fetched */
    uint64_t event_count;

    struct btr_batch batch;
    struct btr_arena *arena;
};

/* ---- sim_world.c ---- */
uint64_t sim_below(struct sim_world *w, uint64_t bound);
bool sim_chance(struct sim_world *w, int percent);
void sim_load_add(struct sim_load *to, const struct sim_load *from);
int sim_set_count(const struct sim_set *set, int asset);
struct btr_span sim_text(struct sim_world *w, const char *text);
/** Begins a call of a process: time goes on. */
void sim_call(struct sim_world *w, int p);
enum { SIM_INTO, SIM_OUT }; /* an instant when the call is over; a stretch around what it did */
/** Tells an event of the call under way, unless its record is dropped. `part` is a further one of
 * the record. */
void sim_tell(struct sim_world *w, int p, struct btr_id subject, enum btr_operation operation,
              struct btr_id object, int way, uint64_t bytes, unsigned flags);
/** Order times of the call under way, as the host tells them. */
int64_t sim_first(const struct sim_world *w);
int64_t sim_last(const struct sim_world *w);
/** Tells a stretch of an open descriptor, located at the record that opened it. */
void sim_tell_interval(struct sim_world *w, const struct sim_open *o, enum btr_operation operation,
                       struct btr_id object);
void sim_note_process(struct sim_world *w, int p);
void sim_note_name(struct sim_world *w, int name);
struct btr_note *sim_note(struct sim_world *w, struct btr_id id, enum btr_kind kind, int host,
                          unsigned flags);
void sim_attr(struct sim_world *w, enum btr_attr_key key, int64_t since_ns, const char *text);
void sim_attr_number(struct sim_world *w, enum btr_attr_key key, int64_t since_ns, uint64_t number);
uint32_t sim_host_index(struct sim_world *w, int host);
void sim_hole_tell(struct sim_world *w, int host);
void sim_holes_end(struct sim_world *w);
int sim_host_add(struct sim_world *w);

/* ---- sim_files.c ---- */
int sim_name_add(struct sim_world *w, int host, const char *path);
int sim_file_add(struct sim_world *w, int host, const char *path, int size);
void sim_file_open(struct sim_world *w, const struct sim_step *s);
void sim_file_read(struct sim_world *w, const struct sim_step *s);
void sim_file_write(struct sim_world *w, const struct sim_step *s);
void sim_file_rename(struct sim_world *w, const struct sim_step *s);
void sim_file_link(struct sim_world *w, const struct sim_step *s);
void sim_file_delete(struct sim_world *w, const struct sim_step *s);
/** What a process puts into a write, of what it holds. */
void sim_put(struct sim_world *w, int p, int mode, int n, struct sim_load *out);
/** Whether reads (or writes) of a process are told one by one. */
bool sim_told(const struct sim_world *w, int p, int what);
/** The names of a file that is used, or changed, through one of them, as its records tell. */
void sim_inode_used(struct sim_world *w, int p, int inode, int name, bool writes, bool interval);
/** Bytes into an open file. */
void sim_file_put(struct sim_world *w, int p, struct sim_open *o, int n,
                  const struct sim_load *load);
/** Bytes of an open file from where it stands on, into a process. @return how many */
int sim_take(struct sim_world *w, int p, struct sim_open *o, int most);
void sim_left(struct sim_world *w, int p, const struct sim_load *load);

/* ---- sim_talk.c ---- */
struct sim_open *sim_open_find(struct sim_world *w, int p, int handle);
struct sim_open *sim_open_add(struct sim_world *w, int p, int handle);
void sim_open_close(struct sim_world *w, struct sim_open *o);
void sim_pipe(struct sim_world *w, const struct sim_step *s);
void sim_connect(struct sim_world *w, const struct sim_step *s);
void sim_come(struct sim_world *w, const struct sim_step *s);
/** @return false when another one's turn is before */
bool sim_accept(struct sim_world *w, const struct sim_step *s);
void sim_send(struct sim_world *w, const struct sim_step *s);
void sim_recv(struct sim_world *w, const struct sim_step *s);
void sim_move(struct sim_world *w, const struct sim_step *s);
void sim_deliver(struct sim_world *w, int p, const struct sim_open *o, const struct sim_load *load,
                 int64_t bytes);

/* ---- sim_process.c ---- */
int sim_process_plan(struct sim_world *w, int host, int user);
/** A process that is there from the beginning. */
int sim_process_first(struct sim_world *w, int host, const char *path);
void sim_fork(struct sim_world *w, const struct sim_step *s);
void sim_exec(struct sim_world *w, const struct sim_step *s);
void sim_exit(struct sim_world *w, int p);
void sim_ptrace(struct sim_world *w, const struct sim_step *s);

/* ---- sim_run.c ---- */
struct sim_session *sim_session_add(struct sim_world *w);
struct sim_step *sim_add(struct sim_session *session, enum sim_op op, int p);
int sim_handle(struct sim_world *w);
void sim_run(struct sim_world *w);

/* ---- sim_benign.c, sim_intruder.c ---- */
struct sim_place; /* what the sessions of one history have to do with */
struct sim_place {
    int sshd[SIM_HOSTS], cron[SIM_HOSTS], logd[SIM_HOSTS];
    int ssh_listener[SIM_HOSTS], log_listener[SIM_HOSTS];
    int web, web_host, web_listener, worker[2], worker_count;
    int backend, backend_listener, pool; /* pool: handle of the worker's lasting connection; NONE */
    int proxy, proxy_listener, proxy_host;
    int db, db_host, db_listener;
    int files[SIM_ASSETS][4], file_count[SIM_ASSETS];
    int shadow[SIM_HOSTS];
    int exit_host;
    int tools[SIM_HOSTS][6]; /* programs: sh cat tar gzip curl cp */
    int entry_host;
    int dropped; /* name of a script that somebody else will run */
    int dropped_host;
    int stage_count;
};
enum { SIM_SH, SIM_CAT, SIM_TAR, SIM_GZIP, SIM_CURL, SIM_CP };

void sim_benign_plan(struct sim_world *w, struct sim_place *place, int count);
void sim_intruder_plan(struct sim_world *w, struct sim_place *place);
void sim_later_plan(struct sim_world *w, struct sim_place *place);
/** Steps that both have. */
void sim_plan_read(struct sim_world *w, struct sim_session *s, int p, int name, int n);
void sim_plan_write(struct sim_world *w, struct sim_session *s, int p, int name, int mode, int n);
/** By one call to what a handle stands for. @param n  bytes; 0: all there is */
void sim_plan_move(struct sim_world *w, struct sim_session *s, int p, int name, int to, int n);
int sim_plan_run(struct sim_world *w, struct sim_session *s, int parent, int tool_name);
/** A server starts a child for a connection, and turns to others. */
void sim_plan_hand_over(struct sim_session *s, int server, int child, int handle);
/** A client's request to a listener, and what its server does; the client is left with the answer.
 * @param p  SIM_NONE: from outside, `m` as of SIM_COME */
void sim_plan_web(struct sim_world *w, struct sim_place *place, struct sim_session *s, int p,
                  int m);
void sim_plan_proxy(struct sim_world *w, struct sim_place *place, struct sim_session *s, int p,
                    int m);
void sim_plan_query(struct sim_world *w, struct sim_place *place, struct sim_session *s, int p,
                    int m);

/* ---- sim_history.c ---- */
void sim_history_make(struct sim_world *w, uint64_t seed);

/* ---- sim_ask.c ---- */
struct sim_figures {
    uint64_t histories, events, gaps, no_alert, missed_ways;
    uint64_t rows, verdicts[4]; /* lost, possibly lost, cannot know, not lost */
    uint64_t lost_real, lost_told,
        lost_may; /* rows of which content left; called lost of them; could have */
    uint64_t wire, over_wire, over_wire_real; /* bounds by connections, which hold unless somebody
                                                 whom they name handed something on; by what may
                                                 have left, and did */
    uint64_t cuts, cut_steps;                 /* containments, and their steps */
    uint64_t bounded, ratio_count, ratio_3, over_gap, repeated;
    double ratio_sum; /* of bounds by what can have left */
    uint64_t least, least_bytes, least_real; /* rows that have left for sure; how much of that is
                                                told, and did */
};
/** @return how many things are wrong, each told on stderr */
int sim_ask(struct sim_world *w, const char *folder, struct sim_figures *figures);

#endif
