/*
 * What the records lack, of any time: whatever is said not to have happened rests on that this is
 * nothing, and a server may have taken long before what it handed to the intrusion. A hidden step
 * hides at a host that lacks records; so only those hosts count that content can have come to the
 * intrusion through, and those that the asset lies on; all of them when a connection of the
 * intrusion went to nobody knows whom.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* A source that ends while the intrusion goes on, and others tell of it: so many records, and so
 * long, were to be expected. */
enum { SILENCE_RECORDS = 50 };
#define SILENCE_NS (INT64_C(60) * 1000000000)

struct gathering {
    struct btr_loss *loss;
    int64_t last_ns; /* when the intrusion was seen last */
    struct btr_err *err;
};

/* Whether a source tells of a read after a time, of those that content came to the intrusion by. */
static bool tells_reads_after(const struct btr_loss *loss, const struct btr_gap_full *full)
{
    const struct btr_trace *t = loss->reach;
    for (uint32_t i = 0; i < t->node_count; i++)
        for (uint32_t at = 0; at < t->nodes[i].step_count; at++) {
            const struct btr_trace_step *step = &t->steps[t->nodes[i].step_begin + at];
            const struct btr_manner *manner = btr_step_manner(t, step);
            bool reads = manner->operation == BTR_OP_READ || manner->operation == BTR_OP_OPEN_READ;
            if (!reads || step->first_ns <= full->gap.until_ns || manner->source == BTR_SOURCE_NONE)
                continue;
            struct btr_stream from = btr_reader_source(loss->reader, manner->source);
            if (btr_span_equal(from.host, full->host) && btr_span_equal(from.source, full->source))
                return true;
        }
    return false;
}

/* A clock that was set hides nothing; nor does a second ingester that takes over. Rules that were
 * changed before the intrusion came are what its records were made by, if these still tell of
 * reads; those that it, or somebody meanwhile, changed may have been all that would have told. */
static bool hides(const struct btr_loss *loss, const struct btr_gap_full *full)
{
    int64_t until_ns = full->gap.until_ns;
    if (full->gap.kind == BTR_GAP_RULES)
        return loss->since_ns == INT64_MAX ||
               until_ns - btr_clocks_host_ahead(loss->found->clocks, full->host) >=
                   loss->since_ns ||
               !tells_reads_after(loss, full);
    return full->gap.kind != BTR_GAP_CLOCK && full->gap.kind != BTR_GAP_SPLIT;
}

static int gap_new(struct btr_loss *loss, struct btr_span host, struct btr_span source,
                   struct loss_gap **out, struct btr_err *err)
{
    if (!btr_list_room(&loss->gaps, loss->gap_count, &loss->gap_capacity, 64, sizeof *loss->gaps))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "gaps of the records");
    struct loss_gap *gap = &loss->gaps[loss->gap_count];
    *gap = (struct loss_gap){
        .host_key = btr_hash64(host) | 1, .from_ns = INT64_MAX, .until_ns = INT64_MIN};
    if (!btr_arena_copy(loss->arena, host, &gap->host) ||
        !btr_arena_copy(loss->arena, source, &gap->source))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "gaps of the records");
    loss->gap_count++;
    *out = gap;
    return 0;
}

/* All of one kind that a source lacks is told in one line: there may be thousands. */
static int gap_add(struct gathering *g, struct btr_span host, struct btr_span source,
                   const struct btr_gap *gap)
{
    struct loss_gap *sum = NULL;
    for (uint32_t i = 0; !sum && i < g->loss->gap_count; i++) {
        struct loss_gap *had = &g->loss->gaps[i];
        if (had->kind == gap->kind && btr_span_equal(had->host, host) &&
            btr_span_equal(had->source, source))
            sum = had;
    }
    int rc = sum ? 0 : gap_new(g->loss, host, source, &sum, g->err);
    if (rc < 0)
        return rc;
    sum->kind = gap->kind;
    sum->places++;
    sum->record_count += gap->count;
    sum->from_ns = gap->from_ns < sum->from_ns ? gap->from_ns : sum->from_ns;
    sum->until_ns = gap->until_ns > sum->until_ns ? gap->until_ns : sum->until_ns;
    return 0;
}

int loss_gap_note(struct btr_loss *loss, struct btr_span host, uint64_t host_key, const char *note,
                  struct btr_err *err)
{
    struct loss_gap *gap = NULL;
    for (uint32_t i = 0; i < loss->gap_count; i++)
        if (loss->gaps[i].note == note && btr_span_equal(loss->gaps[i].host, host))
            return 0;
    int rc = gap_new(loss, host, (struct btr_span){0}, &gap, err);
    if (rc == 0) {
        gap->note = note;
        gap->host_key = host_key;
    }
    return rc;
}

static int gap_visit(void *self, const struct btr_gap_full *full)
{
    struct gathering *g = self;
    if (!hides(g->loss, full))
        return 0;
    return gap_add(g, full->host, full->source, &full->gap);
}

/* ---- Sources -------------------------------------------------------------------------------- */

static int64_t last_seen_ns(const struct btr_loss *loss)
{
    int64_t last_ns = loss->until_ns;
    for (uint32_t i = 0; i < loss->exit_count; i++)
        if (loss->exits[i].last_ns > last_ns)
            last_ns = loss->exits[i].last_ns;
    return last_ns;
}

static bool is_silent(const struct gathering *g, const struct btr_source_stat *stat)
{
    int64_t ended_ns = stat->last_ns - btr_clocks_host_ahead(g->loss->found->clocks, stat->host);
    double silent_ns = (double)g->last_ns - (double)ended_ns;
    double told_ns = (double)stat->last_ns - (double)stat->first_ns;
    if (silent_ns < (double)SILENCE_NS || told_ns <= 0)
        return false;
    return (double)stat->event_count * silent_ns / told_ns >= SILENCE_RECORDS;
}

static int source_add(struct gathering *g, const struct btr_source_stat *stat)
{
    struct btr_loss *loss = g->loss;
    struct loss_source *grown =
        realloc(loss->sources, ((size_t)loss->source_count + 1) * sizeof *grown);
    if (!grown)
        return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "sources of the records");
    loss->sources = grown;
    struct loss_source *s = &loss->sources[loss->source_count];
    *s = (struct loss_source){.first_ns = stat->first_ns,
                              .last_ns = stat->last_ns,
                              .reads_told = stat->reads_told,
                              .files_told = stat->operation_count[BTR_OP_READ] ||
                                            stat->operation_count[BTR_OP_OPEN_READ],
                              .host_key = btr_hash64(stat->host) | 1};
    if (!btr_arena_copy(loss->arena, stat->host, &s->host) ||
        !btr_arena_copy(loss->arena, stat->source, &s->source))
        return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "sources of the records");
    loss->source_count++;
    return 0;
}

static int source_visit(void *self, const struct btr_source_stat *stat)
{
    struct gathering *g = self;
    int rc = source_add(g, stat);
    if (rc == 0 && is_silent(g, stat))
        rc =
            gap_add(g, stat->host, stat->source,
                    &(struct btr_gap){
                        .kind = BTR_GAP_STOPPED, .from_ns = stat->last_ns, .until_ns = g->last_ns});
    return rc;
}

/* ---- Whom a gap concerns -------------------------------------------------------------------- */

int loss_key_compare(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

static int hosts_find(struct btr_loss *loss, struct btr_err *err)
{
    const struct btr_trace *t = loss->reach;
    loss->hosts = malloc(((size_t)t->node_count + 1) * sizeof *loss->hosts);
    if (!loss->hosts)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "hosts that content came through");
    int rc = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; rc == 0 && i < t->node_count; i++) {
        struct btr_fact fact;
        rc = loss->facts.fact(loss->facts.self, t->nodes[i].id, &fact, err);
        if (rc == 0 && fact.host)
            loss->hosts[count++] = fact.host;
    }
    if (count)
        qsort(loss->hosts, count, sizeof *loss->hosts, loss_key_compare);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || loss->hosts[i] != loss->hosts[i - 1])
            loss->hosts[loss->host_count++] = loss->hosts[i];
    return rc;
}

/* A connection that the intrusion made to a host within, of which the other end is not recorded: it
 * may have been taken where records are missing, and then nobody knows where the intrusion went. */
static int unmet_find(struct btr_loss *loss, struct btr_err *err)
{
    const struct btr_extent *x = &loss->extent;
    bool *met = calloc((size_t)x->count + 1, sizeof *met);
    int rc = met ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "connections of the intrusion");
    for (uint32_t i = 0; rc == 0 && i < x->count; i++)
        if (x->items[i].why == BTR_EXTENT_OTHER_END && x->items[i].by != LOSS_NONE)
            met[x->items[i].by] = true;
    for (uint32_t i = 0; rc == 0 && !loss->unmet && i < x->count; i++) {
        struct btr_fact fact;
        if (x->items[i].why != BTR_EXTENT_CONNECTED || met[i])
            continue;
        rc = loss->facts.fact(loss->facts.self, x->items[i].entity, &fact, err);
        loss->unmet = rc == 0 && fact.kind == BTR_KIND_FLOW && !fact.outside;
    }
    free(met);
    return rc;
}

bool loss_concerns(const struct btr_loss *loss, uint64_t host_key, const struct loss_row *row)
{
    if (host_key == 0 ||
        loss->unmet) /* of a host that is not known, or that may have been come to */
        return true;
    if (bsearch(&host_key, loss->hosts, loss->host_count, sizeof host_key, loss_key_compare))
        return true;
    for (uint32_t i = row->piece_begin; i < row->piece_begin + row->piece_count; i++)
        if (loss->pieces[i].host_key == host_key)
            return true;
    return false;
}

bool loss_has_gap(const struct btr_loss *loss, const struct loss_row *row)
{
    for (uint32_t i = 0; i < loss->gap_count; i++)
        if (loss_concerns(loss, loss->gaps[i].host_key, row))
            return true;
    return false;
}

int loss_gaps_find(struct btr_loss *loss, struct btr_err *err)
{
    struct gathering g = {loss, last_seen_ns(loss), err};
    int rc = btr_reader_gaps(loss->reader, gap_visit, &g, err);
    if (rc == 0)
        rc = btr_reader_sources(loss->reader, source_visit, &g, err);
    if (rc == 0)
        rc = unmet_find(loss, err);
    return rc == 0 ? hosts_find(loss, err) : rc;
}
