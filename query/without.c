/* Edges without those entities that a filter fits. */
#include <btr/without.h>
#include <stdlib.h>

enum { ENTITY_MAX = 64 << 20 };

struct btr_without {
    struct btr_reader *reader;
    const struct btr_filter *filter;
    struct btr_arena *arena;  /* of one entity */
    struct btr_idmap asked;   /* entity -> whether the filter fits */
    struct btr_idmap touched; /* entities into which something flowed that was left out */
    struct btr_without_stat stat;
    struct btr_err failed;
};

/* What one question is answered with. */
struct without_question {
    struct btr_without *w;
    struct btr_id entity;
    bool into;
    bool fits; /* the other end that was asked for last */
    struct btr_err *err;
};

static int no_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "entities that are left out");
}

int btr_without_new(struct btr_without **out, struct btr_reader *reader,
                    const struct btr_filter *filter, struct btr_err *err)
{
    struct btr_without *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w)
        return no_memory(err);
    w->reader = reader;
    w->filter = filter;
    w->arena = btr_arena_new(ENTITY_MAX);
    if (!w->arena) {
        btr_without_free(w);
        return no_memory(err);
    }
    *out = w;
    return 0;
}

void btr_without_free(struct btr_without *w)
{
    if (!w)
        return;
    btr_arena_free(w->arena);
    btr_idmap_fini(&w->asked);
    btr_idmap_fini(&w->touched);
    free(w);
}

/* Of what no segment describes nothing is known that a filter could fit. */
int btr_without_fits(struct btr_without *w, struct btr_id entity, bool *fits, struct btr_err *err)
{
    uint32_t known = btr_idmap_get(&w->asked, entity);
    *fits = known == 1;
    if (known != UINT32_MAX)
        return 0;
    struct btr_entity e;
    btr_arena_reset(w->arena);
    int rc = btr_reader_entity(w->reader, entity, w->arena, &e, err);
    if (rc < 0 && rc != BTR_E_NOTFOUND)
        return rc;
    *fits = rc == 0 && btr_filter_entity(w->filter, &e);
    if (*fits) {
        w->stat.entity_count++;
        w->stat.event_count += e.event_count;
    }
    return btr_idmap_add(&w->asked, entity, *fits) == UINT32_MAX ? no_memory(err) : 0;
}

/* Flows that share their other end come together: that is asked once. */
static int entity_keeps(void *self, const struct btr_flow *flow, bool same, bool *keeps)
{
    struct without_question *q = self;
    int rc = same ? 0 : btr_without_fits(q->w, flow->other, &q->fits, q->err);
    if (rc == 0 && q->fits && q->into && btr_idmap_add(&q->w->touched, q->entity, 1) == UINT32_MAX)
        rc = no_memory(q->err);
    *keeps = !q->fits;
    return rc;
}

static int flows_of(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                    struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                    struct btr_err *err)
{
    struct btr_without *w = self;
    struct without_question q = {w, entity, side == BTR_SIDE_INTO, false, err};
    struct btr_flow_sieve sieve = {entity_keeps, &q, visit, visitor};
    bool paired = side != BTR_SIDE_INTO && side != BTR_SIDE_OUT_OF;
    return btr_reader_flows(w->reader, entity, side, bound_ns, parts,
                            paired ? visit : btr_flows_sift, paired ? visitor : &sieve, err);
}

static bool crosses(void *self, struct btr_id from, struct btr_id to)
{
    struct btr_without *w = self;
    bool fits[2] = {false, false};
    if (w->failed.code == 0 && btr_without_fits(w, from, &fits[0], &w->failed) == 0 &&
        btr_without_fits(w, to, &fits[1], &w->failed) == 0 && fits[0] &&
        btr_idmap_add(&w->touched, to, 1) == UINT32_MAX)
        (void)no_memory(&w->failed);
    return !fits[0] && !fits[1];
}

struct btr_edges btr_without_edges(struct btr_without *w)
{
    return (struct btr_edges){w, flows_of, crosses, NULL};
}

int btr_without_failed(const struct btr_without *w, struct btr_err *err)
{
    if (w->failed.code < 0 && err)
        *err = w->failed;
    return w->failed.code < 0 ? w->failed.code : 0;
}

struct btr_without_stat btr_without_stat(const struct btr_without *w)
{
    return w->stat;
}

bool btr_without_touches(const struct btr_without *w, struct btr_id entity)
{
    return btr_idmap_get(&w->touched, entity) != UINT32_MAX;
}
