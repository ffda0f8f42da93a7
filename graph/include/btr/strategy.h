#ifndef BTR_STRATEGY_H
#define BTR_STRATEGY_H
/**
 * Strategies: which part of all that can have led to an alert an answer shows. A strategy keeps
 * pairs of entities, each with a score; the answer is the closure (trace.h) over the events between
 * kept pairs, so that whatever a strategy does, each path that is shown is one that times admit,
 * with all its evidence.
 */
#include <btr/between.h>
#include <btr/clocks.h>
#include <btr/usual.h>

/** The program that a process was, from a time on. */
struct btr_fact_image {
    int64_t since_ns;
    uint64_t program; /* as struct btr_usual has them; 0: not known */
};

/** What a strategy asks of an entity. */
struct btr_fact {
    uint8_t kind;                        /* enum btr_kind */
    bool outside;                        /* a connection with an end outside the inventory */
    bool uncertain;                      /* a process of which the start was not seen */
    uint64_t host;                       /* a hash of its host's name; 0: of no host */
    uint64_t file;                       /* of a file, as struct btr_usual has them; else 0 */
    uint64_t source, destination;        /* of a connection: its ends' addresses; 0: not known */
    const struct btr_fact_image *images; /* of a process, by time; the facts' own */
    uint32_t image_count;
};

struct btr_facts {
    void *self;
    /** @return 0, also of an entity that nothing describes (kind 0), or as btr_reader_entity */
    int (*fact)(void *self, struct btr_id entity, struct btr_fact *out, struct btr_err *err);
    /** Bytes that events moved. @param out  one of each, BTR_BYTES_UNKNOWN where it was not told */
    int (*bytes)(void *self, const btr_event_ref *refs, uint32_t count, uint64_t *out,
                 struct btr_err *err);
    /** As fact, of the far end of a flow: of a file, which is named alike wherever it is told of, what is told beside
     *  that event will do. NULL: ask for the fact. */
    int (*fact_of)(void *self, const struct btr_flow *flow, struct btr_fact *out, struct btr_err *err);
};

/** The program that a process was at a time: the last image until then, else the first. */
uint64_t btr_fact_program(const struct btr_fact *fact, int64_t at_ns);

/**
 * How much it tells that a program opened a file, 0..1: how seldom it does, of all its work, and how few programs do
 * (docs/SCORING.md, "What a cause tells").
 * @param program, file  keys as struct btr_usual has them; program 0: not known
 */
double btr_usual_tells(const struct btr_usual *usual, uint64_t program, uint64_t file);

/** What a strategy works on. */
struct btr_scene {
    const struct btr_edges *edges;
    const struct btr_facts *facts;
    const struct btr_usual *usual;
    enum btr_walk_direction direction;
    const struct btr_start *starts;
    uint32_t start_count;
    const struct btr_walk_limits *limits;
    uint32_t rank_max; /* depimpact: how many ways in it keeps; 0: as published */
    const struct btr_between *between; /* the way in is given: `starts` are its `to`; NULL: it is sought */
    bool left_out; /* critical: tells what it left out, too */
};

/** Why a pair was kept, as `trace --explain` says it. X(name, text) */
#define BTR_KEPT_WHY_TABLE(X)                                                                      \
    X(SCORE, "the strategy keeps what scores as much")                                             \
    X(ALERT, "the alert itself")                                                                   \
    X(PATH, "on a good path from a likely way in to the alert")                                    \
    X(CAME, "surely came of a likely way in, and leads to the alert")                              \
    X(WAY, "a connection of a likely way in")                                                      \
    X(NEEDED, "a step that is shown took it, seldom as it is taken")                               \
    X(BEGAN, "how something that is shown began, or what it ran")                                  \
    X(LIKELY, "no way in was found; it most surely led to the alert")                              \
    X(EFFECT, "it may well have come of the start, by what each thing did after it took part")     \
    X(TAKEN, "something that came of the start took it, seldom as it is taken")

enum btr_kept_why {
#define BTR_KEPT_WHY_ENUM(name, text) BTR_KEPT_##name,
    BTR_KEPT_WHY_TABLE(BTR_KEPT_WHY_ENUM)
#undef BTR_KEPT_WHY_ENUM
};

struct btr_kept_pair {
    struct btr_id from, to; /* the way information flowed */
    double score;
    uint8_t why; /* enum btr_kept_why */
};

/** Why a pair was left out that a walk had come to. X(name, text) */
#define BTR_LEFT_WHY_TABLE(X)                                                                      \
    X(ORIGIN, "no likely way in is seen to have brought it")                                       \
    X(SCORE, "beside the best path it scores too little")                                          \
    X(SECOND, "what it brought came by a better way, too")

enum btr_left_why {
#define BTR_LEFT_WHY_ENUM(name, text) BTR_LEFT_##name,
    BTR_LEFT_WHY_TABLE(BTR_LEFT_WHY_ENUM)
#undef BTR_LEFT_WHY_ENUM
    BTR_LEFT_WHY_COUNT
};

enum { BTR_LEFT_MAX = 50 }; /* pairs that are told */

struct btr_left_pair {
    struct btr_id from, to;
    double score; /* of the best path from the alert that ends with it */
    uint8_t why;  /* enum btr_left_why */
};

/** A way in, as a strategy ranks them. */
struct btr_kept_way {
    struct btr_id entity;
    double score;
};

/** What a strategy kept. From malloc; free with btr_kept_pairs_free(). */
struct btr_kept_pairs {
    struct btr_kept_pair *pairs; /* by (from, to); each once */
    struct btr_kept_way *ways;   /* most likely first; ties to the lower id */
    uint32_t pair_count, way_count;
    struct btr_left_pair *left_out; /* where the scene asks for it: the best of them first, at most
                                       BTR_LEFT_MAX; ties to the lower ids */
    uint32_t left_out_count;
    uint64_t left_out_all[BTR_LEFT_WHY_COUNT]; /* pairs, by reason */
    bool halves; /* of connections of which each end was told apart, too: others are not crossed */
    bool all;    /* it keeps the closure as it is: `pairs` only have scores then, if any */
    enum btr_cut cut;  /* a limit was met before all was looked at that the strategy would have */
    uint64_t left;     /* paths that were not followed then */
    double left_score; /* of the best of them: no path of a higher score is missing */
};

struct btr_strategy {
    const char *name;
    const char *what;   /* for --help */
    const char *source; /* the paper; NULL: ours, docs/SCORING.md */
    /** @return 0, or as btr_walk */
    int (*keep)(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err);
};

extern const struct btr_strategy
    btr_strategies[]; /* ends with a NULL name; the first is the default */
/** @return NULL when there is none of that name */
const struct btr_strategy *btr_strategy_find(const char *name);

void btr_kept_pairs_free(struct btr_kept_pairs *kept);
/** The score of a pair, 0 when it is not kept. */
double btr_kept_pairs_score(const struct btr_kept_pairs *kept, struct btr_id from,
                            struct btr_id to);

/** Why it is kept, in words; NULL when it is not. */
const char *btr_kept_pairs_why(const struct btr_kept_pairs *kept, struct btr_id from,
                               struct btr_id to);
const char *btr_left_why_text(uint8_t why);
/** Whether it is kept. */
bool btr_kept_pairs_has(const struct btr_kept_pairs *kept, struct btr_id from, struct btr_id to);

/** The closure over what a strategy kept. @param kept  borrowed  @return as btr_walk */
int btr_walk_kept(struct btr_trace **out, const struct btr_scene *scene,
                  const struct btr_kept_pairs *kept, struct btr_err *err);

/**
 * What a strategy keeps of the part between two ends, which is all that it sees; what is shown of that is a part between
 * them, too. When no path is left of what it keeps, or it keeps all, the answer is the whole part, and `kept` says `all`.
 * @param scene     backward, with `between`; its edges are all there are
 * @param searched  as of btr_between
 * @return as btr_walk
 */
int btr_walk_between(struct btr_trace **out, struct btr_kept_pairs *kept,
                     struct btr_between_searched *searched, const struct btr_scene *scene,
                     const struct btr_strategy *strategy, struct btr_err *err);

/** Facts of a store's snapshot, with times set right. @param clocks  NULL: they are right */
struct btr_reader_facts;
int btr_reader_facts_open(struct btr_reader_facts **out, struct btr_reader *reader,
                          const struct btr_clocks *clocks, struct btr_err *err);
struct btr_facts btr_facts_of_reader(struct btr_reader_facts *facts);
void btr_reader_facts_close(struct btr_reader_facts *facts);

#endif
