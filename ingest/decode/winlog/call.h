#ifndef WINLOG_CALL_H
#define WINLOG_CALL_H
/** The decoding of one record: what its parts share, and how they tell entities and events. */
#include "state.h"

struct win_call {
    struct btr_decoder_state *state;
    const struct win_fields *f;
    struct btr_batch *out;
    struct btr_arena *arena;
    struct btr_span host;       /* canonical */
    uint32_t stream, host_name; /* indexes in the batch */
    int64_t told_ns, first_ns, last_ns;
    uint8_t flags;   /* INTERVAL where the record's time has no decimals */
    bool first_told; /* the record has an event that counts */
    int rc;          /* the first failure: only memory can run out here */
};

/** Someone who acts, or is acted on. */
struct win_who {
    struct btr_id id;
    uint8_t doubt; /* enum btr_doubt */
    bool known;    /* false: the record names nobody */
};

/* A field of the record in hand. */
#define WIN_FIELD(c, name) win_field((c)->f, WIN_NAME(name))

/** Tells an event. The first of a record counts, further ones are PART. An id of none is not told.
 */
void win_tell(struct win_call *c, enum btr_operation operation, struct win_who subject,
              struct btr_id object, enum btr_doubt doubt, unsigned flags);
/** The same, implied by another record than this one. */
void win_imply(struct win_call *c, enum btr_operation operation, struct win_who subject,
               struct btr_id object);
/** What is not decoded further: a record of the process that it names, or of the host. */
void win_tell_only(struct win_call *c, struct win_who subject, struct btr_id object);
void win_gap(struct win_call *c, enum btr_gap_kind kind, struct btr_span why);

/* ---- Notes ---------------------------------------------------------------------------------- */

enum { WIN_NOTE_ATTRS = 16 };

struct win_note {
    struct btr_id id;
    enum btr_kind kind;
    unsigned flags;
    bool everywhere; /* belongs to no host */
    uint32_t count;
    struct win_note_attr {
        enum btr_attr_key key;
        struct btr_span value;
    } attrs[WIN_NOTE_ATTRS];
};

/** Adds an attribute; an empty value is none. */
void win_note_attr(struct win_note *note, enum btr_attr_key key, struct btr_span value);
void win_note_number(struct win_call *c, struct win_note *note, enum btr_attr_key key,
                     uint64_t value);
/** "DOMAIN\name" as user.domain and user.name. */
void win_note_user(struct win_note *note, struct btr_span user);
/** SHA-256 and MD5 out of "SHA1=..,MD5=..,SHA256=..". */
void win_note_hashes(struct win_note *note, struct btr_span hashes);
/** Tells the note, unless the same was told since the segment began. */
void win_note_tell(struct win_call *c, const struct win_note *note);

/* ---- Processes (process.c) ------------------------------------------------------------------ */

struct win_mention {
    struct btr_span guid, pid_text, image, user, command_line;
    struct btr_span parent_pid; /* where the record tells a start */
    bool begins;                /* the record tells its start */
};

/** The process of a mention: by guid, else by pid; alike when the agent gives one process two
 * guids. */
struct win_who win_process(struct win_call *c, const struct win_mention *m);
/** The same for one whose start this record tells. */
struct win_who win_process_begins(struct win_call *c, const struct win_mention *m);
void win_process_ends(struct win_call *c, const struct win_mention *m);
/** What the state holds of a process that was just mentioned; NULL when nothing. */
struct win_item *win_process_item(struct win_call *c, const struct win_mention *m);
/** The newest living process whose image has this name ("services.exe"). */
struct win_who win_process_named(struct win_call *c, struct btr_span name);
/** ProcessGuid, ProcessId, Image and User of a Sysmon record. */
struct win_who win_actor(struct win_call *c);

/* ---- Processes of Sysmon for Linux (linux.c) ------------------------------------------------ */

/** Whether a guid is no process's own: all that execute nothing have one a second. */
bool win_linux_guid_is_shared(struct btr_span guid);
/** Where the process of a guid is kept that is another pid's already. */
struct btr_id win_linux_key(struct win_call *c, struct btr_span guid, uint64_t pid);
/** Tells that one is of the other, by pid and guid only: a fork, or what it executed. */
void win_linux_forked(struct win_call *c, struct btr_id parent, struct btr_id child);
/** A process that begins while another of its pid lives is what that one executed: this tells it.
 */
void win_linux_begun(struct win_call *c, struct win_item *item, struct btr_span parent_pid);

/* ---- Other entities (entity.c) -------------------------------------------------------------- */

struct btr_id win_host(struct win_call *c);
struct btr_id win_file(struct win_call *c, struct btr_span path, struct btr_span hashes);
struct btr_id win_registry(struct win_call *c, struct btr_span path, struct btr_span value);
struct btr_id win_pipe(struct win_call *c, struct btr_span name, struct btr_id owner);
struct btr_id win_dns(struct win_call *c, struct btr_span name);
struct btr_id win_user(struct win_call *c, struct btr_span domain, struct btr_span name);
struct btr_id win_share(struct win_call *c, struct btr_span name);
struct btr_id win_service(struct win_call *c, struct btr_span name);
struct btr_id win_task(struct win_call *c, struct btr_span name);
struct btr_id win_wmi(struct win_call *c, struct btr_span kind, struct btr_span name);
/** A logon session by its id ("0x3719fb"); none for the sessions of the system itself, which say
 * nothing of who acts. */
struct btr_id win_session(struct win_call *c, struct btr_span logon_id, struct btr_span domain,
                          struct btr_span name);
/** A failed logon of a user: what was tried. */
struct btr_id win_failed_logon(struct win_call *c, struct btr_span domain, struct btr_span name);

struct win_ends {
    struct btr_span transport, ip_a, ip_b;
    uint64_t port_a, port_b;
};
/** A flow by both its ends. */
struct btr_id win_flow(struct win_call *c, const struct win_ends *ends);
/** A flow of which only the far end is known. */
struct btr_id win_flow_half(struct win_call *c, struct btr_span ip, uint64_t port);
/** An address as it is written shortest: IPv6 without runs of zeros, IPv4 out of its IPv6 form. */
struct btr_span win_address(struct win_call *c, struct btr_span ip);

static inline struct win_who win_known(struct btr_id id)
{
    return (struct win_who){id, BTR_DOUBT_NONE, !btr_id_is_none(id)};
}

/* ---- Records -------------------------------------------------------------------------------- */

/** Each tells what its record says; false when the event id is none of theirs. */
bool win_sysmon(struct win_call *c);
bool win_security(struct win_call *c);
bool win_system(struct win_call *c);

/** A user who acted with no process told: the newest session of that user, else the user; a logon
 * that follows within seconds is then told to be it (logon.c). */
struct win_who win_user_acts(struct win_call *c, struct btr_span user);
bool win_logon(struct win_call *c);
/** The process or session that a Security record says acted. */
struct win_who win_security_actor(struct win_call *c);

/** A connection that a process made or accepted; a logon that came by it is joined to it
 * (network.c). */
void win_connection_tell(struct win_call *c, struct win_who who, const struct win_ends *ends,
                         struct btr_id flow, bool accepted);
/** The flow from a far end, or none. */
struct btr_id win_connection_find(struct win_call *c, struct btr_span ip, uint64_t port);
/** A logon whose flow is not known yet. */
void win_connection_await(struct win_call *c, struct btr_span ip, uint64_t port,
                          struct btr_id session);

/** Services, tasks and WMI consumers that a new process runs for (launch.c). */
void win_launch_service_set(struct win_call *c, struct btr_span name, struct btr_span command);
void win_launch_task_set(struct win_call *c, struct btr_span name, struct btr_span xml);
void win_launch_consumer_set(struct win_call *c, struct btr_span name, struct btr_span destination);
void win_launch_binding_set(struct win_call *c, struct btr_span name, struct btr_span consumer,
                            bool script);
void win_launch_begun(struct win_call *c, struct win_who child, const struct win_mention *m,
                      struct btr_span parent_image);

#endif
