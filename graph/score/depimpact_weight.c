/* How much each edge counts: three features, two clusters of edges, and the projection that tells
 * those apart best. */
#include <math.h>
#include <stdlib.h>

#include "score/depimpact.h"

enum { TRIALS = 20, ROUNDS_MAX = 100 };

#define BYTES_LEAST 1e-4 /* added to a difference of bytes, as in the paper */
#define SECONDS_LEAST 1e-9
#define WEIGHT_LEAST 1e-4 /* of an edge before weights are made to sum up: none counts nothing */
#define WEIGHT_SUM 0.99

struct features {
    double at[DEPIMPACT_FEATURES];
};

/* ---- Features: data flow, time, concentration ---- */

static double bytes_near(uint64_t bytes, uint64_t alert)
{
    uint64_t apart = bytes > alert ? bytes - alert : alert - bytes;
    return 1 / ((double)apart + BYTES_LEAST);
}

static double time_near(int64_t t_ns, int64_t alert_ns)
{
    double apart = fabs(((double)alert_ns - (double)t_ns) / 1e9);
    return log(1 + 1 / (apart > SECONDS_LEAST ? apart : SECONDS_LEAST));
}

static double concentration(const struct closure_node *near)
{
    return (double)near->out_count / (double)near->in_count;
}

/* Each feature from 0 to 1, over all edges. */
static void features_scale(struct features *all, uint32_t count)
{
    for (unsigned k = 0; k < DEPIMPACT_FEATURES; k++) {
        double least = INFINITY, most = -INFINITY;
        for (uint32_t i = 0; i < count; i++) {
            least = all[i].at[k] < least ? all[i].at[k] : least;
            most = all[i].at[k] > most ? all[i].at[k] : most;
        }
        for (uint32_t i = 0; i < count; i++)
            all[i].at[k] = most > least ? (all[i].at[k] - least) / (most - least) : 1;
    }
}

static void features_find(struct features *all, const struct closure_graph *g,
                          const struct depimpact_alert *alert)
{
    for (uint32_t i = 0; i < g->edge_count; i++) {
        const struct closure_edge *e = &g->edges[i];
        int64_t nearest = g->direction == BTR_WALK_BACKWARD ? e->last_ns : e->first_ns;
        all[i] = (struct features){{bytes_near(e->bytes, alert->bytes),
                                    time_near(nearest, alert->time_ns),
                                    concentration(&g->nodes[e->near])}};
    }
    features_scale(all, g->edge_count);
    for (uint32_t i = 0; i < g->edge_count; i++)
        if (g->nodes[g->edges[i].near].start)
            all[i].at[2] = 1;
}

/* ---- Two clusters: k-means++, the best of several trials ---- */

/* Splitmix64 from a fixed seed: the same trials every time. */
static double random_share(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static double apart2(const struct features *a, const struct features *b)
{
    double sum = 0;
    for (unsigned k = 0; k < DEPIMPACT_FEATURES; k++)
        sum += (a->at[k] - b->at[k]) * (a->at[k] - b->at[k]);
    return sum;
}

/* The second centre: likely far from the first. */
static uint32_t second_centre(const struct features *all, uint32_t count, uint32_t first,
                              double share)
{
    double sum = 0, until;
    for (uint32_t i = 0; i < count; i++)
        sum += apart2(&all[i], &all[first]);
    until = share * sum;
    for (uint32_t i = 0; i < count; i++) {
        until -= apart2(&all[i], &all[first]);
        if (until < 0)
            return i;
    }
    return first;
}

struct clusters {
    struct features centres[2];
    uint32_t counts[2];
    double spread; /* sum of squared distances to the centres */
};

static unsigned cluster_of(const struct clusters *c, const struct features *f)
{
    return apart2(f, &c->centres[1]) < apart2(f, &c->centres[0]);
}

/* Moves each centre to the mean of its own. @return whether one moved */
static bool centres_move(struct clusters *c, const struct features *all, uint32_t count)
{
    struct features sums[2] = {{{0}}};
    bool moved = false;
    c->counts[0] = c->counts[1] = 0;
    c->spread = 0;
    for (uint32_t i = 0; i < count; i++) {
        unsigned own = cluster_of(c, &all[i]);
        c->counts[own]++;
        c->spread += apart2(&all[i], &c->centres[own]);
        for (unsigned k = 0; k < DEPIMPACT_FEATURES; k++)
            sums[own].at[k] += all[i].at[k];
    }
    for (unsigned own = 0; own < 2; own++)
        for (unsigned k = 0; c->counts[own] > 0 && k < DEPIMPACT_FEATURES; k++) {
            double mean = sums[own].at[k] / c->counts[own];
            moved = moved || mean != c->centres[own].at[k];
            c->centres[own].at[k] = mean;
        }
    return moved;
}

static struct clusters clusters_find(const struct features *all, uint32_t count)
{
    struct clusters best = {.spread = INFINITY};
    uint64_t state = 0;
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        struct clusters c = {0};
        uint32_t first = (uint32_t)(random_share(&state) * count);
        uint32_t second = second_centre(all, count, first, random_share(&state));
        c.centres[0] = all[first];
        c.centres[1] = all[second];
        for (unsigned round = 0; centres_move(&c, all, count) && round < ROUNDS_MAX; round++)
            continue;
        if (c.spread < best.spread)
            best = c;
    }
    return best;
}

/* ---- The projection that tells the clusters apart: Fisher's linear discriminant ---- */

static void scatter_find(double scatter[3][3], const struct clusters *c, const struct features *all,
                         uint32_t count)
{
    double trace = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct features *mean = &c->centres[cluster_of(c, &all[i])];
        for (unsigned k = 0; k < 3; k++)
            for (unsigned l = 0; l < 3; l++)
                scatter[k][l] += (all[i].at[k] - mean->at[k]) * (all[i].at[l] - mean->at[l]);
    }
    for (unsigned k = 0; k < 3; k++)
        trace += scatter[k][k];
    /* A ridge, so that it has an inverse when a feature is the same in all edges. */
    for (unsigned k = 0; k < 3; k++)
        scatter[k][k] += trace > 0 ? 1e-6 * trace : 1;
}

/* x of m x = y, for a positive definite m: Gauss's elimination. */
static void solve(double m[3][3], double y[3], double x[3])
{
    for (unsigned k = 0; k < 3; k++)
        for (unsigned row = k + 1; row < 3; row++) {
            double factor = m[row][k] / m[k][k];
            for (unsigned l = k; l < 3; l++)
                m[row][l] -= factor * m[k][l];
            y[row] -= factor * y[k];
        }
    for (unsigned k = 3; k-- > 0;) {
        x[k] = y[k];
        for (unsigned l = k + 1; l < 3; l++)
            x[k] -= m[k][l] * x[l];
        x[k] /= m[k][k];
    }
}

/* Which way it points: up when all its parts agree, else so that the fewer edges weigh more. */
static void direction_turn(double projection[3], const struct clusters *c)
{
    unsigned up = 0, down = 0, fewer = c->counts[1] < c->counts[0];
    double between = 0;
    for (unsigned k = 0; k < 3; k++) {
        up += projection[k] > 0;
        down += projection[k] < 0;
        between += projection[k] * (c->centres[fewer].at[k] - c->centres[!fewer].at[k]);
    }
    if (up == 0 || (down > 0 && between < 0))
        for (unsigned k = 0; k < 3; k++)
            projection[k] = -projection[k];
}

static void projection_find(double projection[3], const struct features *all, uint32_t count)
{
    struct clusters c = clusters_find(all, count);
    double scatter[3][3] = {{0}}, between[3];
    if (c.counts[0] == 0 || c.counts[1] == 0) { /* all alike: nothing tells them apart */
        projection[0] = projection[1] = projection[2] = 1;
        return;
    }
    for (unsigned k = 0; k < 3; k++)
        between[k] = c.centres[1].at[k] - c.centres[0].at[k];
    scatter_find(scatter, &c, all, count);
    solve(scatter, between, projection);
    direction_turn(projection, &c);
}

/* ---- Weights ---- */

static void weights_project(double *weights, const struct features *all, uint32_t count,
                            const double projection[3])
{
    double least = INFINITY, most = -INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        weights[i] = 0;
        for (unsigned k = 0; k < 3; k++)
            weights[i] += projection[k] * all[i].at[k];
        least = weights[i] < least ? weights[i] : least;
        most = weights[i] > most ? weights[i] : most;
    }
    for (uint32_t i = 0; i < count; i++) {
        weights[i] = most > least ? (weights[i] - least) / (most - least) : 1;
        weights[i] = weights[i] > WEIGHT_LEAST ? weights[i] : WEIGHT_LEAST;
    }
}

static void weights_sum_up(double *weights, const struct closure_graph *g)
{
    for (uint32_t i = 0; i < g->node_count; i++) {
        const struct closure_node *n = &g->nodes[i];
        double sum = 0;
        for (uint32_t k = 0; k < n->out_count; k++)
            sum += weights[g->out[n->out_begin + k]];
        for (uint32_t k = 0; k < n->out_count; k++)
            weights[g->out[n->out_begin + k]] *= WEIGHT_SUM / sum;
    }
}

bool depimpact_weigh(double *weights, const struct closure_graph *g,
                     const struct depimpact_alert *alert)
{
    double projection[3];
    struct features *all = malloc(((size_t)g->edge_count + 1) * sizeof *all);
    if (!all)
        return false;
    if (g->edge_count > 0) {
        features_find(all, g, alert);
        projection_find(projection, all, g->edge_count);
        weights_project(weights, all, g->edge_count, projection);
        weights_sum_up(weights, g);
    }
    free(all);
    return true;
}
