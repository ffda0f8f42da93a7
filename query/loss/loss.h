#ifndef QUERY_LOSS_H
#define QUERY_LOSS_H
/**
 * A ledger under way. Each file fills its part, in this order:
 *   seeds.c     where the intrusion is seen: the addresses of its ways in, and the alert
 *   through.c   what the alert came through from the way in
 *   asked.c     what others run because a file of the intrusion says so
 *   extent_index.c  what the intrusion had in its hands, by entity and time
 *   driven.c    which of its processes do as it asks, and which only serve it
 *   listed.c    which entities the assets are
 *   exits.c     by which connections something left
 *   straight.c  what one call moved from a file to one of those
 *   pages.c     which of its files a server handed to others outside
 *   reach.c     what content can have come to the intrusion, and by which flows
 *   readers.c   who else read what it wrote
 *   steered.c   what content can have come to those of them who may do as that says
 *   touched.c   the same of hosts, accounts, containers, services, shares
 *   keepers.c   which programs alone keep an asset's files, and serve others what they hold
 *   usual.c     what programs do with files anyway
 *   names.c     by which other names their files were used
 *   taken.c     what the intrusion itself took
 *   outlets.c   by which ways out something can go that it has
 *   chain.c     which of what it took is seen to go out
 *   path.c      one way of each thing that can have come to it
 *   handing.c   which programs hand on what they take, and do not pack it
 *   lives.c     which file a name was, for whom
 *   bytes.c     how much of an asset that can have been
 *   unlisted.c  what was taken and sent that no asset names
 *   complete.c  what the records lack
 *   blind.c     what no record could have told
 *   verdict.c   what is said of each asset
 * Then json.c, text.c print it.
 */
#include <btr/apart.h>
#include <btr/content.h>
#include <btr/extent.h>
#include <btr/list.h>
#include <btr/loss.h>

enum { LOSS_NONE = UINT32_MAX };

enum loss_verdict { LOSS_LOST, LOSS_POSSIBLY, LOSS_CANNOT_KNOW, LOSS_NOT };

/** Something of an asset: a file as a rule. */
struct loss_piece {
    struct btr_id entity;
    uint32_t asset;
    uint8_t kind;      /* enum btr_kind */
    uint64_t host_key; /* as struct btr_fact has it; 0: of no host */
    uint32_t next;     /* the same entity as a piece of another asset; LOSS_NONE */
    const char *doubt; /* why it may not be of the asset; NULL */
    bool reached;      /* its content can have come to the intrusion */
    bool touched;      /* a process of the intrusion wrote or deleted it, or one that served it */
    int64_t read_ns; /* when a process of the intrusion read it first; INT64_MAX: none is seen to */
    struct btr_id reader; /* that process */
    int64_t changed_ns;   /* when it wrote to it first; INT64_MAX */
    struct btr_id changer;
    uint64_t straight_bytes; /* the most of it that one call moved to a way out, and that was its
                                own content for sure; 0: nothing */
};

/** What one call moved out of a file to a way out. */
struct loss_straight {
    struct btr_id process, entity, file; /* entity: the way out */
    uint32_t exit;                       /* that is, in exits */
    btr_event_ref read_ref, ref;         /* of what was read, and written */
    int64_t first_ns, last_ns;           /* when it was written */
    uint64_t bytes;
};

/** What a process that the intrusion drives did with a piece of an asset: it read it, gave it
 * another name, or asked the keeper. It took it by that, if that is not usual. The same of a server
 * that sent a piece straight to it. */
struct loss_take {
    struct btr_id from, by; /* from: the piece, or the keeper's process; by: who did it */
    struct btr_id holder;   /* what has it then: who read it, or the other name */
    struct btr_id name;     /* by which it was read, if not the piece's own; none: by that */
    int64_t at_ns, name_ns; /* name_ns: since when it is one */
    btr_event_ref name_ref;
    btr_event_ref ref; /* of the event; of a keeper, of none: UINT64_MAX */
    uint32_t source;
    uint8_t operation; /* enum btr_operation: READ, RENAMED, LINKED */
    bool usual;        /* its program does so anyway: no taking */
};

/** How something left. */
enum loss_exit_kind {
    LOSS_EXIT_SENT,  /* a process of the intrusion sent what it had */
    LOSS_EXIT_MOVED, /* a file got its name by that: what it holds has left, not what the process
                        had */
    LOSS_EXIT_PAGE   /* a server handed a file to somebody outside */
};

/** A connection, or an object of an asset that is an exit, by which something left. */
struct loss_exit {
    struct btr_id entity, process; /* process: of the intrusion, that sent; PAGE: the server */
    struct btr_id holder;          /* that has what leaves: the process, the object, the file */
    int64_t first_ns, last_ns;
    uint64_t bytes;               /* sent, as far as told */
    bool bytes_told, bytes_whole; /* of something that was sent; of all of it */
    bool moved, sent; /* something came straight out of files, by the same calls; something else,
                         or it may have */
    uint8_t kind;     /* enum loss_exit_kind */
    btr_event_ref first_ref, last_ref;
    btr_event_ref read_ref;        /* PAGE: by which the server had it */
    int64_t read_ns, read_last_ns; /* PAGE: when it read it first and last */
    uint32_t asset; /* the exit asset that it is; LOSS_NONE: a connection to the outside */
};

/** That two connections of the extent are the ends of one. */
struct loss_joint {
    struct btr_id id, other;
    uint32_t item; /* of the extent: of which of the two it was grown */
};

/** A file that no asset names, and that the intrusion took and sent. */
struct loss_unlisted {
    struct btr_id file, process;
    uint64_t program, thing; /* keys, as struct btr_usual has them */
    int64_t read_ns;
    btr_event_ref ref;
};

/** A step of a chain from an asset to a way out. */
struct loss_link {
    struct btr_id from, to;
    int64_t first_ns, last_ns;
    btr_event_ref ref; /* BTR_REF_CROSSING or more: two halves of a connection */
    uint8_t operation;
};

/** By which file what somebody starts was judged: when that was changed, and when it was read. */
struct loss_judged {
    int64_t since_ns, read_ns;
};

/** Of the object of the intrusion that asked.c looks at. */
struct loss_asked {
    struct btr_id object;
    bool known, file;     /* there is one; it is a file */
    bool jobs;            /* others start what it says */
    struct btr_span path; /* in bytes; empty of what is no file, or too long */
    uint8_t bytes[4096];
    struct btr_idmap of_reader; /* of a process that read one, its place in lines */
    struct btr_span *lines;     /* command lines; from malloc */
    uint32_t line_count, line_capacity;
    struct btr_buffer words;    /* of one that is not kept */
    struct btr_idmap of_judged; /* of who starts jobs, and an account: its place in judged */
    struct loss_judged *judged; /* from malloc */
    uint32_t judged_count, judged_capacity;
};

/** Who started whom, as far as that was asked. */
struct loss_parents {
    struct btr_idmap of; /* of a process, its place in ids */
    struct btr_id *ids;  /* none: nobody is seen to; from malloc */
    uint32_t count, capacity;
};

/** Somebody else who read what a process of the intrusion had written, or who may have done
 * something because of that. */
struct loss_steered {
    struct btr_id process, file, writer; /* file: what was read, by this one or who led to it */
    struct btr_id holder; /* what content must have come to: the process, or where it put it */
    int64_t since_ns;
    uint32_t source;
    bool pipe;  /* file: a pipe */
    bool grows; /* what it starts from then on counts, whatever it started before */
    bool hands; /* also where it turns to nobody outside: it may hand on what it has */
};

/** A pipe that a process of the intrusion wrote to. */
struct loss_pipe {
    struct btr_id pipe, writer;
    int64_t since_ns;
};

/** Who else had content of an asset, and may have handed it to the intrusion. */
struct loss_others {
    struct btr_id first;
    uint32_t count;
};

/** What is said of an asset. */
struct loss_row {
    uint32_t piece_begin, piece_count; /* in pieces */
    enum loss_verdict verdict;
    uint64_t bytes_min, bytes_max;
    bool bounded; /* bytes_max is known */
    bool on_wire; /* it is what connections carried, which holds unless it was packed */
    bool reached, taken, left, changed;
    bool untold;             /* on_wire: a way out may have carried more by calls without bytes */
    struct loss_take *takes; /* by time: takings, then what is usual; from malloc */
    uint32_t take_count, held_count, take_capacity; /* held: both */
    uint32_t *exits; /* by which it is seen to have left, or may have; from malloc */
    uint32_t exit_count;
    struct btr_id *staged; /* files that it went through; from malloc */
    uint32_t staged_count;
    uint64_t keeper;         /* the program that keeps it, as a database's server does; 0: none */
    struct loss_link *links; /* one chain: to the way out, or to the intrusion; from malloc */
    uint32_t link_count, link_capacity;
    struct loss_others others, usual, names; /* where on_wire: who else had it, as is usual or not;
                                                names by which somebody had it */
    uint32_t steered; /* content of it can have come to this one; LOSS_NONE */
    uint32_t
        extent_item; /* of a host, an account, a container, a service: what reached it; LOSS_NONE */
};

/** Keys of programs that hand on what they take, and cannot pack it, ascending. */
struct loss_handing {
    uint64_t *programs;
    uint32_t count;
};

/** All that a source lacks of one kind. */
struct loss_gap {
    struct btr_span host, source;
    uint64_t host_key;         /* as struct btr_fact has it */
    uint64_t record_count;     /* as far as told */
    int64_t from_ns, until_ns; /* of the first and the last place */
    uint32_t places;
    uint8_t kind;     /* enum btr_gap_kind */
    const char *note; /* instead of all that: what nobody could have told, and why; NULL */
};

struct loss_source {
    struct btr_span host, source;
    uint64_t host_key;
    int64_t first_ns, last_ns;
    bool reads_told; /* reads themselves */
    bool files_told; /* who opens or reads files */
};

struct btr_loss {
    const struct btr_question *question;
    struct btr_found *found;
    struct btr_loss_options options;
    struct btr_reader *reader;
    struct btr_arena *arena; /* texts of the ledger */
    struct btr_arena *scratch;

    struct btr_reader_facts *reader_facts;
    struct btr_facts facts;
    struct btr_reader_content *reader_content;
    struct btr_edges all; /* all edges, with times set right */
    struct btr_content content;
    struct btr_edges edges; /* those that can carry content */
    struct btr_apart *parts;
    struct btr_edges part_edges; /* all, with told apart what content cannot pass between */
    struct btr_content part_content;
    struct btr_edges apart; /* of these what can carry content */

    struct btr_extent extent;
    uint32_t *extent_order; /* items by entity, role, time */
    int64_t *
        extent_reach_ns; /* by place in that order: the latest end so far of this entity and role */
    struct loss_joint *joints; /* by end, then item */
    uint32_t joint_count, joint_capacity;
    struct btr_idmap of_extent; /* of an entity, its first place in that order */
    struct btr_span *addresses; /* that the intrusion came from */
    uint32_t address_count;
    bool called; /* each alert is a connection of which it is known who asked for it, from outside */

    struct loss_piece *pieces; /* by asset, then id */
    uint32_t piece_count, piece_capacity;
    struct btr_idmap of_piece; /* of an entity, the first of its pieces */
    struct loss_row *rows;     /* by asset */
    uint32_t row_count;

    struct loss_asked asked;
    struct loss_steered
        *steered; /* those of them that then turned to the outside; before that, all */
    uint32_t steered_count, steered_capacity;
    struct loss_pipe *pipes;
    uint32_t pipe_count, pipe_capacity;
    struct btr_idmap of_steered; /* of a process and what it read, its place */
    struct loss_handing handing;
    struct btr_u64map own_runs; /* of a program: processes of the intrusion that end as it */
    bool own_counted;           /* these are */
    struct btr_u64map runs;     /* of a program how often it was run, as far as that was asked */
    struct btr_id opens_of;     /* the file of which own_opens was asked last */
    uint64_t own_opens;         /* by processes of the intrusion */
    struct loss_parents parents;
    struct btr_idmap
        others_read; /* of a file whether others read it, or it is a program, as far as asked */
    struct btr_idmap gone;       /* of a file whether it is no longer there, as far as asked */
    struct btr_idmap page_known; /* of a file whether a server handed it out, as far as asked */
    struct btr_idmap accepting;  /* of a process whether it takes connections, as far as asked */
    struct btr_idmap
        driven; /* of a process whether the intrusion drives it, as far as that was asked */
    bool cut;   /* a limit was met: something was not looked at */
    struct btr_trace *reach; /* backward over content, from all that the intrusion had */
    struct loss_exit *exits; /* by time */
    uint32_t exit_count, exit_capacity;
    struct btr_idmap senders;        /* processes that sent something by one */
    struct loss_straight *straights; /* by file */
    uint32_t straight_count, straight_capacity;
    struct btr_u64map of_straight; /* of a read, the last place of it there */
    struct loss_gap *gaps;         /* that may hide something */
    uint32_t gap_count, gap_capacity;
    struct loss_source *sources; /* by host and source */
    uint32_t source_count;
    uint64_t
        *hosts; /* keys of hosts that content can have come to the intrusion through, ascending */
    uint32_t host_count;
    bool unmet; /* the intrusion made a connection to a host within whose other end is not recorded
                 */
    struct loss_unlisted *unlisted; /* by host and path of the file */
    uint32_t unlisted_count, unlisted_capacity;
    int64_t since_ns, until_ns; /* when the intrusion was first seen, and when it was seen to do
                                   something new last */
    struct loss_after *after;   /* after.h */
};

/** The end of a connection that is outside. */
struct loss_end {
    struct btr_span ip, port; /* empty: not told */
};

/** btr_walk over edges that tell parts apart, from what the starts are at their times, within the
 * question's limits; notes that one was met. */
int loss_walk(struct btr_loss *loss, struct btr_trace **out, const struct btr_edges *edges,
              enum btr_walk_direction direction, const struct btr_start *starts,
              uint32_t start_count, struct btr_err *err);

/** Adds, of all that an entity was in a stretch of time (programs, contents), where a walk backward
 * begins: starts, one after the other. @return 0, BTR_E_NOMEM, or as the edges */
int loss_starts_add(struct btr_loss *loss, struct btr_buffer *starts, struct btr_id entity,
                    int64_t first_ns, int64_t last_ns, struct btr_err *err);

/* ---- seeds.c ---- */
int loss_extent_find(struct btr_loss *loss, struct btr_err *err);
/** Whether a way in, by its rank, is likely enough to be looked at. */
bool loss_way_counts(const struct btr_loss *loss, uint32_t way);
/* ---- through.c ---- */
/** Takes in what the alert came through from the ways in, and is none of the extent so far, and
 * what follows of that by the rules. @return 0, or as btr_reader_flows */
int loss_through_find(struct btr_loss *loss, const struct btr_extent_rules *rules,
                      struct btr_err *err);

/** Whether a process is one that is told what to do: it is seen to begin, and serves nobody.
 * @return 0, or as btr_reader_flows */
int loss_is_tool(struct btr_loss *loss, struct btr_id process, bool *tool, struct btr_err *err);
/** Whether it is, and had started nothing before a time. @param but  what does not count; NULL:
 * nothing @return 0, or as btr_reader_flows */
int loss_is_fresh(struct btr_loss *loss, struct btr_id process, int64_t at_ns,
                  const struct btr_idmap *but, bool *fresh, struct btr_err *err);

/* ---- asked.c ---- */
/** As the member of struct btr_extent_rules; `loss` is its self. */
int loss_asked_take(void *loss, const struct btr_extent_item *object, const struct btr_flow *read,
                    btr_extent_take *take, void *growth, struct btr_err *err);
/** The same, and notes who reads besides (steered.c). */
int loss_asked_read(void *loss, const struct btr_extent_item *object, const struct btr_flow *read,
                    btr_extent_take *take, void *growth, struct btr_err *err);
/** Whether a process starts something or makes a connection, from a time on. @return 0, or as
 * btr_reader_flows */
int loss_acts(struct btr_loss *loss, struct btr_id process, int64_t since_ns, bool *acts,
              struct btr_err *err);
/** For another extent: jobs that were judged for one before are judged again. */
void loss_asked_again(struct btr_loss *loss);

/* ---- extent_index.c ---- */
int loss_extent_index(struct btr_loss *loss, struct btr_err *err);
/** The item by which an entity is the intrusion's at some moment of a stretch: its own before one
 * that it served. @return its number, or LOSS_NONE */
uint32_t loss_extent_at(const struct btr_loss *loss, struct btr_id entity, int64_t first_ns,
                        int64_t last_ns);
/** Whether all that a process does is the intrusion's at a time already. */
bool loss_is_own_at(const struct btr_loss *loss, struct btr_id process, int64_t at_ns);
/** Visits the other ends of a connection in the extent. @param place  as loss_extent_each */
bool loss_joint_each(const struct btr_loss *loss, struct btr_id end, uint32_t *place,
                     struct btr_id *other);
/** Visits all items of an entity. @param place  LOSS_NONE at the beginning @return false when there
 * are no more */
bool loss_extent_each(const struct btr_loss *loss, struct btr_id entity, uint32_t *place,
                      uint32_t *item);
/** When an entity is the intrusion's first; INT64_MAX: never. */
int64_t loss_since(const struct btr_loss *loss, struct btr_id entity);
/** Whether an item was the first to be found of its entity, which need not be the first in time. */
bool loss_extent_is_first(const struct btr_loss *loss, uint32_t item);

/* ---- driven.c ---- */

enum { LOSS_LINE_MAX = 64 };

/** A process of the intrusion and those above it that are its own, too. */
struct loss_line {
    struct btr_id ids[LOSS_LINE_MAX];
    uint32_t count;
    struct btr_id server; /* who started the last of them, or the last if it is a server itself */
    bool has_server;      /* that is known */
};
/** Whether somebody is seen to start a process. */
int loss_is_begun(struct btr_loss *loss, struct btr_id process, bool *begun, struct btr_err *err);
/** Whether all that a process does is the intrusion's, at some time. */
bool loss_is_its_own(const struct btr_loss *loss, struct btr_id process);
int loss_line_of(struct btr_loss *loss, struct btr_id process, struct loss_line *line,
                 struct btr_err *err);
/** Whether a process runs another program than another one in the end. */
int loss_program_differs(struct btr_loss *loss, struct btr_id process, struct btr_id other,
                         bool *differs, struct btr_err *err);
/** Whether a process that is the intrusion's own does as it asks, and not a server's work. */
int loss_is_driven(struct btr_loss *loss, struct btr_id process, bool *driven, struct btr_err *err);

/* ---- listed.c ---- */
int loss_pieces_find(struct btr_loss *loss, struct btr_err *err);
bool loss_is_piece_of(const struct btr_loss *loss, struct btr_id entity, uint32_t asset);

/* ---- reach.c ---- */
int loss_reach_find(struct btr_loss *loss, struct btr_err *err);
/** What content must have come to for it to have come to the intrusion. @param starts  from malloc
 * @return 0, BTR_E_NOMEM, or as the edges */
int loss_starts_make(struct btr_loss *loss, struct btr_start **starts, uint32_t *count,
                     struct btr_err *err);

/* ---- readers.c ---- */

enum { LOSS_STEERED_MAX = 1 << 20 }; /* that are kept */

/** Notes who read an object of the intrusion. @return 0 or BTR_E_NOMEM */
int loss_reader_note(struct btr_loss *loss, const struct btr_extent_item *object,
                     const struct btr_flow *read, struct btr_err *err);
/** Notes somebody else whom the cause of the alert came to, by something, and who then did
 * something that the alert came of. @return 0 or BTR_E_NOMEM */
int loss_passed_note(struct btr_loss *loss, struct btr_id process, struct btr_id by,
                     int64_t since_ns, bool hands, struct btr_err *err);
/** Notes that a process of the intrusion wrote to a pipe. @return 0 or BTR_E_NOMEM */
int loss_pipe_note(struct btr_loss *loss, struct btr_id process, const struct btr_flow *write,
                   struct btr_err *err);
/** Leaves in `steered` those that read what a process which the intrusion drives had written, and
 * were not its own then: each once for files and once for pipes. */
int loss_readers_find(struct btr_loss *loss, struct btr_err *err);

/* ---- steered.c ---- */
int loss_steered_find(struct btr_loss *loss, struct btr_err *err);

/* ---- touched.c ---- */
int loss_touched_find(struct btr_loss *loss, struct btr_err *err);

/* ---- path.c ---- */
/** By node of a closure: the node and the step that it comes to (backward), or came by (forward),
 * one way to a start; LOSS_NONE: it is one. */
struct loss_ways {
    uint32_t *node, *step;
};
int loss_ways_of(struct loss_ways *ways, const struct btr_trace *trace, struct btr_err *err);
void loss_ways_fini(struct loss_ways *ways);
/** Adds a link to a row's chain. @return 0 or BTR_E_NOMEM */
int loss_link_add(struct loss_row *row, const struct loss_link *link, struct btr_err *err);
/** The same of a step of a trace, which leads from one of its nodes to another. */
int loss_link_step(struct loss_row *row, const struct btr_trace *t, uint32_t from, uint32_t to,
                   uint32_t step, struct btr_err *err);
/** Fills the chains of rows that were reached and have none: from what was read of them to the
 * intrusion. */
int loss_paths_find(struct btr_loss *loss, struct btr_err *err);

/* ---- exits.c ---- */
int loss_exits_find(struct btr_loss *loss, struct btr_err *err);

/** Whether an operation can put something into its object, or send it there. */
bool loss_sends(uint8_t operation);
/** The asset of the class "exit" that an entity is of, or LOSS_NONE. */
uint32_t loss_exit_asset(const struct btr_loss *loss, struct btr_id entity);
/** Adds one; they are put in order afterwards. @return 0 or BTR_E_NOMEM */
int loss_exit_add(struct btr_loss *loss, const struct loss_exit *exit, struct btr_err *err);

/* ---- straight.c ---- */
/** Notes what a process moved to ways out straight out of files.
 * @param sends  what it sent, event by event; they are put in order by their end, and what went
 * straight is marked
 * @return 0, BTR_E_NOMEM, or as btr_reader_flows, btr_reader_event */
int loss_straights_find(struct btr_loss *loss, struct btr_id process, struct loss_exit *sends,
                        uint32_t count, struct btr_err *err);
/** To be called when the ways out are in their order. @return 0 or BTR_E_NOMEM */
int loss_straights_order(struct btr_loss *loss, struct btr_err *err);
/** Where to a read went straight, or NULL. */
const struct loss_straight *loss_straight_of(const struct btr_loss *loss, btr_event_ref read);
/** Marks the ways out to which a file went straight at a time or later. @param exits  by way out */
void loss_straights_mark(const struct btr_loss *loss, struct btr_id file, int64_t since_ns,
                         uint8_t *exits);

/* ---- pages.c ---- */
int loss_pages_find(struct btr_loss *loss, struct btr_err *err);
/** Whether a server that is none of the intrusion answered somebody outside with a file, since that
 * began. @return 0, or as btr_reader_flows */
int loss_is_page(struct btr_loss *loss, struct btr_id file, bool *page, struct btr_err *err);
/** Whether a process of the intrusion wrote a file; what a server wrote for it, as a log, is none.
 */
bool loss_is_staged(const struct btr_loss *loss, struct btr_id file);

/* ---- keepers.c ---- */
int loss_keepers_find(struct btr_loss *loss, struct btr_err *err);
/** Whether a process is of a program at a time. */
int loss_runs(struct btr_loss *loss, struct btr_id process, int64_t at_ns, uint64_t program,
              bool *runs, struct btr_err *err);

/* ---- usual.c ---- */
/** Whether a process opened a file of an asset as its program usually does. @param asset LOSS_NONE:
 * of none */
int loss_is_usual(struct btr_loss *loss, uint32_t asset, struct btr_id process, struct btr_id file,
                  int64_t at_ns, bool *usual, struct btr_err *err);

/* ---- taken.c ---- */
/** Notes who read and changed the pieces, and what of that was the intrusion's own doing. */
int loss_taken_find(struct btr_loss *loss, struct btr_err *err);
/** Whether a file gets another name by an operation, which has its content from then on. */
bool loss_renames(uint8_t operation);
/** Who gave a file that name at these times. @param item  receives the extent's item of the process
 * of the intrusion; LOSS_NONE: none did @return 0, or as btr_reader_flows */
int loss_namer_find(struct btr_loss *loss, struct btr_id name, int64_t first_ns, int64_t last_ns,
                    uint32_t *item, struct btr_err *err);

/* ---- hands.c ---- */
/** Of the edges that can carry content those in the intrusion's hands. They live as long as the
 * ledger. */
struct btr_edges loss_hands_edges(struct btr_loss *loss);

/* ---- outlets.c ---- */

/** By which ways out something can have gone that was in the intrusion's hands. */
struct loss_outlets {
    struct btr_trace *trace; /* forward from there, in its hands; nodes are whole */
    uint32_t *exits;         /* in the ledger's exits, in the order of their use; from malloc */
    uint32_t exit_count;
};
/** Finds those of what was taken, or held. loss_outlets_fini() in any case. @return 0, BTR_E_NOMEM,
 * or as btr_walk */
int loss_outlets_find(struct loss_outlets *out, struct btr_loss *loss,
                      const struct loss_take *takes, uint32_t take_count, struct btr_err *err);
void loss_outlets_fini(struct loss_outlets *outlets);

/* ---- chain.c ---- */
int loss_chains_find(struct btr_loss *loss, struct btr_err *err);

/* ---- handing.c ---- */
int loss_handing_find(struct btr_loss *loss, struct btr_err *err);
/** Whether all that a process runs from a time on hands on what it takes, and cannot pack it. */
int loss_hands_on(struct btr_loss *loss, struct btr_id process, int64_t since_ns, bool *hands,
                  struct btr_err *err);

/* ---- lives.c ---- */

struct loss_open {
    struct btr_id process;
    int64_t at_ns;
};

/** When a name became another file's, and who opened it when. Zeroed it is empty. */
struct loss_lives {
    int64_t *began_ns; /* ascending; from malloc */
    uint32_t count, capacity;
    struct loss_open *opens; /* by process, then time; from malloc; none where count is 0 */
    uint32_t open_count, open_capacity;
    int64_t own_ns; /* when a process of the intrusion opened it first; INT64_MAX */
};
/** Finds those of a file anew. @return 0, BTR_E_NOMEM, or as btr_reader_flows */
int loss_lives_find(struct loss_lives *lives, struct btr_loss *loss, struct btr_id file,
                    struct btr_err *err);
/** Whether what a process reads at a time may be of a file that had the name before. @param own the
 * process is the intrusion's: then it may have it of any other that is */
bool loss_lives_older(const struct loss_lives *lives, struct btr_id process, int64_t at_ns,
                      bool own);
void loss_lives_fini(struct loss_lives *lives);

/** When the life began that a name has at a time; INT64_MIN: none was seen to. */
int64_t loss_lives_began(const struct loss_lives *lives, int64_t at_ns);

/* ---- names.c ---- */

/** Another name of a piece of an asset: since when, and by which record. */
struct loss_name {
    struct btr_id id;
    int64_t since_ns;
    btr_event_ref ref;
};

/** That a name was told to be the piece. */
struct loss_same {
    uint32_t name;
    int64_t at_ns;
};

/** Those of one piece. Zeroed it is empty. */
struct loss_names {
    struct loss_name *list; /* from malloc */
    uint32_t count, capacity;
    struct loss_same *sames; /* from malloc */
    uint32_t same_count, same_capacity;
    struct btr_idmap of_id; /* its place in the list */
};
/** Notes that a file is the same as the piece, or as one of its names, which is one since a time.
 * @return 0 or BTR_E_NOMEM */
int loss_names_add(struct loss_names *names, struct btr_loss *loss, const struct btr_flow *same,
                   int64_t since_ns, struct btr_err *err);
/** To be called when all are added. */
void loss_names_order(struct loss_names *names);
/** Whether what a process reads by a name at a time is the piece. @param lives  of that name */
bool loss_names_hold(const struct loss_names *names, uint32_t name, const struct loss_lives *lives,
                     struct btr_id process, int64_t at_ns);
void loss_names_reset(struct loss_names *names);
void loss_names_fini(struct loss_names *names);

/* ---- bytes.c ---- */
int loss_bytes_find(struct btr_loss *loss, struct btr_err *err);

/* ---- complete.c ---- */
int loss_gaps_find(struct btr_loss *loss, struct btr_err *err);
/** Whether what a host lacks may hide how a row's asset came to the intrusion. */
bool loss_concerns(const struct btr_loss *loss, uint64_t host_key, const struct loss_row *row);
bool loss_has_gap(const struct btr_loss *loss, const struct loss_row *row);

/** Orders keys, as of hosts: for qsort and bsearch. */
int loss_key_compare(const void *x, const void *y);
/** Adds what nobody could have told of a host. @param host_key  0: it concerns every asset @param
 * note  static */
int loss_gap_note(struct btr_loss *loss, struct btr_span host, uint64_t host_key, const char *note,
                  struct btr_err *err);

/* ---- blind.c ---- */
int loss_blind_find(struct btr_loss *loss, struct btr_err *err);
/** Whether any source tells of a host that an asset may lie on. */
bool loss_is_told_of(const struct btr_loss *loss, uint32_t asset);

/* ---- unlisted.c ---- */
int loss_unlisted_find(struct btr_loss *loss, struct btr_err *err);

/* ---- verdict.c ---- */
void loss_verdicts_find(struct btr_loss *loss);
/** Whether a way in of the intrusion is known. */
bool loss_came_in(const struct btr_loss *loss);
const char *loss_verdict_word(enum loss_verdict verdict);

/** Which sides of connections the records tell of: who took one, who made one. */
struct loss_ends {
    bool accepted, connected;
};
/** Adds what flows of a connection, or of a process, tell of that. */
void loss_ends_add(struct loss_ends *ends, const struct btr_flow *flows, uint32_t flow_count);
/** The end of a connection that is not the one that its records are of; empty when both are. */
int loss_other_end(struct btr_loss *loss, const struct btr_entity *entity, struct loss_end *end,
                   struct btr_err *err);
/** The far end of a connection to the outside; empty of anything else. Lives as the entity does. */
int loss_far_end(struct btr_loss *loss, const struct btr_entity *entity, struct loss_end *end,
                 struct btr_err *err);

/* ---- words.c: sentences that text and JSON have in common ---- */
/** Why a row has its verdict, one sentence. */
int loss_why(struct btr_loss *loss, uint32_t asset, struct btr_buffer *out, struct btr_err *err);
/** What would break a bound by connections. */
enum loss_unless {
    LOSS_UNLESS_PACKED,
    LOSS_UNLESS_UNTOLD,  /* calls of which no bytes are told */
    LOSS_UNLESS_OTHERS,  /* somebody else handed it on */
    LOSS_UNLESS_USUAL,   /* somebody did whose business it is to read it */
    LOSS_UNLESS_NAMES,   /* somebody did who had it by another name */
    LOSS_UNLESS_STEERED, /* somebody sent it who may have been told to */
    LOSS_UNLESS_COUNT
};
/** One such condition of a row; nothing, where it has no bound by connections or nobody meets it.
 */
int loss_unless_words(struct btr_loss *loss, const struct loss_row *row, enum loss_unless which,
                      struct btr_buffer *out, struct btr_err *err);
/** What negative answers rest on beside the sources; ends with NULL. */
extern const char *const loss_assumptions[];
/** "08:58:24.834", of another day than the intrusion's first "2026-11-25 08:58:24.834". */
void loss_time(const struct btr_loss *loss, int64_t ns, struct btr_buffer *out);
/** "web01 auditd complete, 08:57:11.026-09:01:17.882". */
void loss_source_words(const struct btr_loss *loss, const struct loss_source *source,
                       struct btr_buffer *out);
/** A gap, as "web01 auditd lacks 31 records in 4 places between 08:58:24.834 and 08:58:34.826:
 * numbers are missing ...". */
void loss_gap_words(const struct btr_loss *loss, const struct loss_gap *gap,
                    struct btr_buffer *out);
/** Where something went: "10.77.0.139:57012", or a path. */
int loss_exit_words(struct btr_loss *loss, const struct loss_exit *exit, struct btr_buffer *out,
                    struct btr_err *err);
/** An entity in one line, with its host. */
int loss_label(struct btr_loss *loss, struct btr_id id, int64_t at_ns, struct btr_buffer *out,
               struct btr_err *err);

/** An entity as it is known, described. The result lives until the next call. */
int loss_entity(struct btr_loss *loss, struct btr_id id, struct btr_entity *out,
                struct btr_err *err);

#endif
