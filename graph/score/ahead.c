#include "score/ahead.h"

#include <stdlib.h>

#include "score/strategies.h"

enum { AHEAD_PERCENT = 70 }; /* of the time that there is: what is found has to be shown, too */

/* Of each place, how sure what is kept of it is: what flows into it, and out of it. */
struct ahead_kept {
    const struct ahead *a;
    struct kept_list *list;
    float *into, *out, *begun; /* begun: by what started it, or ran it; 0 where nothing kept did */
};

static void raise(float *best, float score)
{
    *best = score > *best ? score : *best;
}

static void pair_keep(const struct ahead_kept *k, uint32_t from, uint32_t to, double score,
                      enum btr_kept_why why)
{
    kept_add_why(k->list, k->a->c.places[from].id, k->a->c.places[to].id, score, why);
}

static void flows_keep(const struct ahead_kept *k)
{
    for (uint32_t i = 0; i < k->a->flow_count; i++) {
        const struct ahead_flow *f = &k->a->flows[i];
        if (f->score <= 0)
            continue;
        pair_keep(k, f->from, f->to, f->score, BTR_KEPT_EFFECT);
        raise(&k->into[f->to], f->score);
        raise(&k->out[f->from], f->score);
        if (ahead_begins(f->operation))
            raise(&k->begun[f->to], f->score);
    }
}

/* Between halves of a connection, the way that something kept went. */
static void pairs_keep(const struct ahead_kept *k)
{
    for (uint32_t i = 0; i < k->a->pair_count; i++) {
        uint32_t ends[] = {k->a->pairs[i].a, k->a->pairs[i].b};
        for (int e = 0; e < 2; e++) {
            float into = k->into[ends[e]], out = k->out[ends[1 - e]];
            if (into > 0 && out > 0)
                pair_keep(k, ends[e], ends[1 - e], into < out ? into : out, BTR_KEPT_EFFECT);
        }
    }
}

/* What a process that came of the start ran and read: no effect, but what its doer was after. */
static void taken_keep(const struct ahead_kept *k, uint32_t place)
{
    const struct ahead_place *p = ahead_group(k->a, place);
    double score = k->begun[place] * CRITICAL_CONTEXT;
    for (uint32_t i = 0; i < p->into_count; i++) {
        const struct ahead_flow *f = &k->a->flows[p->into[i]];
        if (k->a->c.places[f->from].fact.kind != BTR_KIND_FILE || f->score > 0)
            continue;
        if (f->operation == BTR_OP_EXEC)
            pair_keep(k, f->from, place, score, BTR_KEPT_BEGAN);
        else if (f->weight >= CRITICAL_TELLS)
            pair_keep(k, f->from, place, score * f->weight, BTR_KEPT_TAKEN);
    }
}

static void places_keep(const struct ahead_kept *k)
{
    for (uint32_t i = 0; i < k->a->c.place_count; i++) {
        const struct btr_fact *fact = &k->a->c.places[i].fact;
        if (fact->kind == BTR_KIND_PROCESS && k->begun[i] >= AHEAD_SURE && k->a->places[i].group)
            taken_keep(k, i);
        if (fact->kind == BTR_KIND_FLOW && fact->outside && k->into[i] > 0)
            kept_way_add(k->list, k->a->c.places[i].id, k->into[i]);
    }
}

static int all_keep(const struct ahead *a, struct kept_list *list)
{
    size_t places = (size_t)a->c.place_count + 1;
    struct ahead_kept k = {.a = a,
                           .list = list,
                           .into = calloc(places, sizeof *k.into),
                           .out = calloc(places, sizeof *k.out),
                           .begun = calloc(places, sizeof *k.begun)};
    bool ok = k.into && k.out && k.begun;
    if (ok) {
        for (uint32_t i = 0; i < a->c.place_count; i++)
            k.begun[i] = a->places[i].start ? 1 : 0;
        flows_keep(&k);
        pairs_keep(&k);
        places_keep(&k);
    }
    free(k.into);
    free(k.out);
    free(k.begun);
    return ok ? 0 : btr_fail(a->c.err, BTR_E_NOMEM, UINT64_MAX, "%u entities", a->c.place_count);
}

int ahead_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err)
{
    struct btr_err unused;
    struct ahead a = {.c = {.scene = scene, .err = err ? err : &unused}};
    struct kept_list list = {0};
    a.c.deadline_ns = btr_walk_deadline(scene->limits, AHEAD_PERCENT);
    int rc = ahead_walk(&a);
    if (rc == 0)
        rc = all_keep(&a, &list);
    if (rc == 0)
        rc = kept_finish(&list, out, a.c.err);
    if (rc == 0) {
        out->halves = true;
        out->cut = a.c.cut;
        out->left = a.c.left;
        out->left_score = a.c.left_score;
    } else {
        free(list.pairs);
        free(list.ways);
    }
    ahead_fini(&a);
    return rc;
}
