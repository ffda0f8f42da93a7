#include <math.h>

#include "score/critical.h"

/* What share of the most that there is of anything: 0 when it is that, 1 when there is one. */
static double seldom(uint64_t count, uint64_t most)
{
    if (count <= 1 || most <= 1)
        return 1;
    return count >= most ? 0 : 1 - log((double)count) / log((double)most);
}

/* How seldom the program opens it, of all its work. Of a program that was seldom run that is not
 * known, and is taken to be as for all programs. What most programs open tells little in any. */
double btr_usual_tells(const struct btr_usual *u, uint64_t program, uint64_t file)
{
    double any = seldom(u->programs(u->self, file), u->programs_all(u->self));
    uint64_t both = program ? u->both(u->self, program, file) : 0;
    uint64_t most = program ? u->most(u->self, program) : 0;
    both = both ? both : 1;
    most = most > both ? most : both;
    return ((double)(most - both) + any) / ((double)most + 1) * any;
}

/* How often a program talks to the addresses of a connection: to the one that it does more with. */
static uint64_t talks(const struct btr_usual *u, uint64_t program, const struct btr_fact *flow)
{
    uint64_t from = flow->source ? u->both(u->self, program, flow->source) : 0;
    uint64_t to = flow->destination ? u->both(u->self, program, flow->destination) : 0;
    return from > to ? from : to;
}

static double flow_weight(const struct btr_usual *u, uint64_t program, const struct btr_fact *flow)
{
    return seldom(talks(u, program, flow), u->most_of_all(u->self));
}

/* However usual, a message may be the one that mattered. */
static double message(double weight)
{
    return CRITICAL_USUAL + (1 - CRITICAL_USUAL) * weight;
}

double critical_weight(const struct critical *c, uint32_t far, uint32_t near, int64_t at_ns)
{
    const struct btr_usual *u = c->scene->usual;
    const struct btr_fact *a = &c->places[far].fact, *b = &c->places[near].fact;
    if (a->kind == BTR_KIND_FILE && b->kind == BTR_KIND_PROCESS)
        return btr_usual_tells(u, btr_fact_program(b, at_ns), a->file);
    if (a->kind == BTR_KIND_CHANNEL && a->file && b->kind == BTR_KIND_PROCESS)
        return message(btr_usual_tells(u, btr_fact_program(b, at_ns), a->file));
    if (a->kind == BTR_KIND_FLOW && b->kind == BTR_KIND_PROCESS)
        return message(flow_weight(u, btr_fact_program(b, at_ns), a));
    return 1;
}

double critical_tells(const struct critical *c, const struct critical_flow *f)
{
    const struct btr_usual *u = c->scene->usual;
    const struct btr_fact *a = &c->places[f->far].fact, *b = &c->places[f->near].fact;
    if (a->kind != BTR_KIND_FLOW || b->kind != BTR_KIND_PROCESS)
        return f->weight;
    uint64_t program = btr_fact_program(b, f->last_ns);
    uint64_t most = program ? u->most(u->self, program) : 0, all = u->programs_all(u->self);
    return program ? seldom(talks(u, program, a), most > all ? most : all) : 1;
}
