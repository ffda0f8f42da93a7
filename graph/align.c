#include "align.h"

#include <assert.h>

enum { BACK_MIN = 16, AHEAD_MIN = 8 }; /* band, in connects before and after the accept's time */
static const size_t CELLS_MAX = (size_t)1 << 24;

/*
 * Row j of the table is for j accepts laid, column i for i connects laid; best[j][i] is the
 * cheapest way there. Row j holds the columns low[j] .. high[j] only.
 */
struct band {
    const struct graph_end *clients, *servers;
    uint32_t client_count, server_count;
    uint32_t *low, *high; /* server_count + 1 rows */
    size_t *row;          /* where each begins in `best` */
    size_t cell_count;
    uint32_t *best;
};

/* ---- Cost ----------------------------------------------------------------------------------- */

/* 256 * log2(1 + t / 1.05 ms), linear between powers of two. t >= 0. */
static uint32_t doublings(int64_t t_ns)
{
    uint64_t v = (uint64_t)t_ns + (UINT64_C(1) << 20);
    uint32_t power = 20;
    while (v >> (power + 1))
        power++;
    return (power - 20) * GRAPH_ALIGN_BIT + (uint32_t)((v >> (power - 8)) & 255);
}

/*
 * An accept that had to wait is stamped by its entry and put in order after the event before it, so
 * that on a quiet host it seems to come before its connect. That is possible, at a price.
 */
uint32_t graph_align_cost(const struct graph_end *client, const struct graph_end *server)
{
    if (client->last_ns <= server->last_ns) {
        uint64_t delay_ns = (uint64_t)server->last_ns - (uint64_t)client->last_ns;
        return delay_ns > (uint64_t)GRAPH_ALIGN_DELAY_NS ? GRAPH_ALIGN_NEVER
                                                         : doublings((int64_t)delay_ns);
    }
    if (client->first_ns <= server->last_ns)
        return 0;
    uint64_t early_ns = (uint64_t)client->first_ns - (uint64_t)server->last_ns;
    if (early_ns > (uint64_t)GRAPH_ALIGN_DELAY_NS)
        return GRAPH_ALIGN_NEVER;
    uint32_t cost = doublings((int64_t)early_ns);
    return early_ns <= (uint64_t)BTR_SOURCE_ERROR_NS ? cost : 4 * GRAPH_ALIGN_BIT + cost / 2;
}

/* ---- The table ------------------------------------------------------------------------------ */

static bool band_init(struct band *b)
{
    size_t rows = (size_t)b->server_count + 1;
    b->low = malloc(rows * sizeof(*b->low));
    b->high = malloc(rows * sizeof(*b->high));
    b->row = malloc(rows * sizeof(*b->row));
    return b->low && b->high && b->row;
}

static void band_fini(struct band *b)
{
    free(b->low);
    free(b->high);
    free(b->row);
    free(b->best);
}

/* Lays the rows out. A row reaches as far as the next accept needs. @return whether that is the
 * whole table */
static bool lay_rows(struct band *b, uint32_t back, uint32_t ahead)
{
    uint32_t n = b->client_count;
    uint32_t before = 0; /* connects before accept j + 1 */
    b->low[0] = 0;
    b->cell_count = 0;
    bool whole = true;
    for (uint32_t j = 0; j <= b->server_count; j++) {
        if (j < b->server_count) {
            while (before < n && b->clients[before].last_ns <= b->servers[j].last_ns)
                before++;
            b->high[j] = ahead < n - before ? before + ahead : n;
            b->low[j + 1] = before > back ? before - back : 0;
        } else {
            b->high[j] = n;
        }
        whole = whole && b->low[j] == 0 && b->high[j] == n;
        b->row[j] = b->cell_count;
        b->cell_count += b->high[j] - b->low[j] + 1;
    }
    return whole;
}

static uint32_t best_at(const struct band *b, uint32_t j, uint32_t i)
{
    return i < b->low[j] || i > b->high[j] ? UINT32_MAX : b->best[b->row[j] + i - b->low[j]];
}

static uint32_t plus(uint32_t cost, uint32_t more)
{
    return cost == UINT32_MAX || more >= GRAPH_ALIGN_NEVER || cost > UINT32_MAX - more
               ? UINT32_MAX
               : cost + more;
}

static uint32_t lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t pair_cost(const struct band *b, uint32_t j, uint32_t i)
{
    return graph_align_cost(&b->clients[i - 1], &b->servers[j - 1]);
}

static void fill_table(struct band *b)
{
    for (uint32_t j = 0; j <= b->server_count; j++) {
        uint32_t *row = &b->best[b->row[j]];
        for (uint32_t i = b->low[j]; i <= b->high[j]; i++) {
            uint32_t cost = i == 0 && j == 0 ? 0 : UINT32_MAX;
            if (i > b->low[j])
                cost = plus(row[i - b->low[j] - 1], GRAPH_ALIGN_ALONE);
            if (j > 0)
                cost = lower(cost, plus(best_at(b, j - 1, i), GRAPH_ALIGN_ALONE));
            if (j > 0 && i > 0 && i - 1 >= b->low[j - 1] && i - 1 <= b->high[j - 1])
                cost = lower(cost, plus(best_at(b, j - 1, i - 1), pair_cost(b, j, i)));
            row[i - b->low[j]] = cost;
        }
    }
}

/* Walks the best path from its end. partner[j]: the connect of accept j, from 1; 0 = alone. @return
 * whether it ran along the edge */
static bool trace_path(const struct band *b, uint32_t *partner)
{
    uint32_t i = b->client_count;
    bool edge = false;
    for (uint32_t j = b->server_count; j > 0; j--) {
        for (;; i--) {
            uint32_t here = best_at(b, j, i);
            bool paired = i > 0 && here == plus(best_at(b, j - 1, i - 1), pair_cost(b, j, i)) &&
                          here != UINT32_MAX;
            if (paired || here == plus(best_at(b, j - 1, i), GRAPH_ALIGN_ALONE)) {
                edge = edge || (i == b->low[j] && i > 0) ||
                       (i >= b->high[j - 1] && b->high[j - 1] < b->client_count);
                partner[j] = paired ? i : 0;
                i -= paired;
                break;
            }
            assert(i > b->low[j]);
        }
    }
    return edge;
}

/* Fills the table and finds the best path, in a band that grows until the path is clear of its edge
 * or memory's bound is met. */
static int solve(struct band *b, uint32_t *partner)
{
    uint32_t back = BACK_MIN;
    uint32_t ahead = AHEAD_MIN;
    bool whole = lay_rows(b, back, ahead);
    while (b->cell_count > CELLS_MAX && back > 2) {
        back /= 2;
        ahead /= 2;
        whole = lay_rows(b, back, ahead);
    }
    for (;;) {
        uint32_t *best = realloc(b->best, b->cell_count * sizeof(*best));
        if (!best)
            return BTR_E_NOMEM;
        b->best = best;
        fill_table(b);
        if (!trace_path(b, partner) || whole)
            return 0;
        whole = lay_rows(b, 2 * back, 2 * ahead);
        if (b->cell_count > CELLS_MAX) {
            lay_rows(b, back, ahead);
            return 0;
        }
        back *= 2;
        ahead *= 2;
    }
}

/* ---- Choices -------------------------------------------------------------------------------- */

/* Connects that an accept may be paired with in alignments as good as the best. */
struct choices {
    uint32_t
        client[GRAPH_ALIGN_CHOICES]; /* from 1; the best path's partner first if there is one */
    uint32_t count;
};

/* The cheapest way from (j, i) to the end, one row at a time: `next` is row j + 1, `row` becomes
 * row j. */
static void fill_rest(const struct band *b, uint32_t j, const uint32_t *next, uint32_t *row)
{
    for (uint32_t i = b->high[j];; i--) {
        uint32_t cost = i == b->client_count && j == b->server_count ? 0 : UINT32_MAX;
        if (i < b->high[j])
            cost = plus(row[i + 1 - b->low[j]], GRAPH_ALIGN_ALONE);
        if (j < b->server_count && i >= b->low[j + 1] && i <= b->high[j + 1])
            cost = lower(cost, plus(next[i - b->low[j + 1]], GRAPH_ALIGN_ALONE));
        if (j < b->server_count && i < b->client_count && i + 1 >= b->low[j + 1] &&
            i + 1 <= b->high[j + 1])
            cost = lower(cost, plus(next[i + 1 - b->low[j + 1]], pair_cost(b, j + 1, i + 1)));
        row[i - b->low[j]] = cost;
        if (i == b->low[j])
            break;
    }
}

static void choose(const struct band *b, uint32_t j, const uint32_t *rest, uint32_t partner,
                   uint32_t good, struct choices *c)
{
    c->count = 0;
    if (partner)
        c->client[c->count++] = partner;
    uint32_t low = b->low[j] > b->low[j - 1] + 1 ? b->low[j] : b->low[j - 1] + 1;
    for (uint32_t i = low;
         i <= b->high[j - 1] + 1 && i <= b->high[j] && c->count < GRAPH_ALIGN_CHOICES; i++) {
        uint32_t cost =
            plus(plus(best_at(b, j - 1, i - 1), pair_cost(b, j, i)), rest[i - b->low[j]]);
        if (i != partner && cost <= good)
            c->client[c->count++] = i;
    }
}

static int choose_all(const struct band *b, const uint32_t *partner, struct choices *choices)
{
    uint32_t *rows[2];
    size_t width = (size_t)b->client_count + 2;
    rows[0] = malloc(width * sizeof(**rows));
    rows[1] = malloc(width * sizeof(**rows));
    int rc = rows[0] && rows[1] ? 0 : BTR_E_NOMEM;
    uint32_t good = plus(best_at(b, b->server_count, b->client_count), GRAPH_ALIGN_EQUAL);
    for (uint32_t j = b->server_count; rc == 0 && j > 0; j--) {
        fill_rest(b, j, rows[(j + 1) % 2], rows[j % 2]);
        choose(b, j, rows[j % 2], partner[j], good, &choices[j]);
    }
    free(rows[0]);
    free(rows[1]);
    return rc;
}

/* Counts what each connect has, and drops choices beyond the bound. */
static uint32_t bound_choices(const struct band *b, const uint32_t *partner,
                              struct choices *choices, uint8_t *uses)
{
    uint32_t match_count = 0;
    for (uint32_t j = 1; j <= b->server_count; j++)
        uses[partner[j]] = 1; /* uses[0] is nobody's */
    for (uint32_t j = 1; j <= b->server_count; j++) {
        uint32_t kept = 0;
        for (uint32_t k = 0; k < choices[j].count; k++) {
            uint32_t i = choices[j].client[k];
            if (i != partner[j] && uses[i] >= GRAPH_ALIGN_CHOICES)
                continue;
            uses[i] = (uint8_t)(uses[i] + (i != partner[j]));
            choices[j].client[kept++] = i;
        }
        choices[j].count = kept;
        match_count += kept;
    }
    return match_count;
}

static int tell_matches(const struct band *b, const uint32_t *partner, struct choices *choices,
                        struct graph_match **matches, uint32_t *match_count)
{
    uint8_t *uses = calloc((size_t)b->client_count + 1, 1);
    if (!uses)
        return BTR_E_NOMEM;
    uint32_t count = bound_choices(b, partner, choices, uses);
    *matches = malloc((count + (size_t)1) * sizeof(**matches));
    for (uint32_t j = 1; *matches && j <= b->server_count; j++) {
        for (uint32_t k = 0; k < choices[j].count; k++) {
            uint32_t i = choices[j].client[k];
            bool ambiguous = choices[j].count > 1 || uses[i] > 1 || i != partner[j];
            (*matches)[(*match_count)++] = (struct graph_match){i - 1, j - 1, ambiguous};
        }
    }
    free(uses);
    return *matches ? 0 : BTR_E_NOMEM;
}

int graph_align(const struct graph_end *clients, uint32_t client_count,
                const struct graph_end *servers, uint32_t server_count,
                struct graph_match **matches, uint32_t *match_count)
{
    *matches = NULL;
    *match_count = 0;
    if (client_count == 0 || server_count == 0)
        return 0;
    struct band b = {.clients = clients,
                     .servers = servers,
                     .client_count = client_count,
                     .server_count = server_count};
    uint32_t *partner = malloc((server_count + (size_t)1) * sizeof(*partner));
    struct choices *choices = malloc((server_count + (size_t)1) * sizeof(*choices));
    int rc = band_init(&b) && partner && choices ? 0 : BTR_E_NOMEM;
    if (rc == 0)
        rc = solve(&b, partner);
    if (rc == 0)
        rc = choose_all(&b, partner, choices);
    if (rc == 0)
        rc = tell_matches(&b, partner, choices, matches, match_count);
    free(partner);
    free(choices);
    band_fini(&b);
    return rc;
}
