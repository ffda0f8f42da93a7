#include <stdlib.h>

#include "loss/after.h"

enum { LOSS_ARENA_MAX = 1 << 30 };

/* What the intrusion's own processes hand on in arguments cannot be known. */
static bool is_whole(void *self, struct btr_id process)
{
    const struct btr_loss *loss = self;
    return btr_idmap_get(&loss->of_extent, process) != LOSS_NONE;
}

/* Its own files are few, and what it did with them matters. */
static bool is_emptied(void *self, struct btr_id file)
{
    const struct btr_loss *loss = self;
    return btr_idmap_get(&loss->of_extent, file) != LOSS_NONE;
}

static int loss_open(struct btr_loss *loss, struct btr_err *err)
{
    loss->arena = btr_arena_new(LOSS_ARENA_MAX);
    loss->scratch = btr_arena_new(LOSS_ARENA_MAX);
    if (!loss->arena || !loss->scratch)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "loss ledger");
    int rc = btr_reader_facts_open(&loss->reader_facts, loss->reader, loss->found->clocks, err);
    if (rc == 0)
        rc = btr_reader_content_open(&loss->reader_content, loss->reader, err);
    if (rc < 0)
        return rc;
    loss->facts = btr_facts_of_reader(loss->reader_facts);
    loss->all = btr_clocks_edges(loss->found->clocks);
    loss->content =
        (struct btr_content){&loss->all, btr_content_sources_of_reader(loss->reader_content)};
    loss->edges = btr_content_edges(&loss->content);
    struct btr_apart_rules rules = {loss, is_whole, is_emptied};
    rc = btr_apart_new(&loss->parts, &loss->all, &loss->facts, &rules, err);
    if (rc < 0)
        return rc;
    loss->part_edges = btr_apart_edges(loss->parts);
    loss->part_content = (struct btr_content){&loss->part_edges, loss->content.sources};
    loss->apart = btr_content_edges(&loss->part_content);
    return rc;
}

static int loss_fill(struct btr_loss *loss, struct btr_err *err)
{
    static int (*const PARTS[])(struct btr_loss *, struct btr_err *) = {
        loss_extent_find,  loss_handing_find, loss_pieces_find,   loss_exits_find, loss_reach_find,
        loss_steered_find, loss_touched_find, loss_keepers_find,  loss_taken_find, loss_chains_find,
        loss_paths_find,   loss_bytes_find,   loss_unlisted_find, loss_gaps_find,  loss_blind_find};
    int rc = loss_open(loss, err);
    for (size_t i = 0; rc == 0 && i < sizeof PARTS / sizeof *PARTS; i++)
        rc = PARTS[i](loss, err);
    if (rc == 0)
        loss_verdicts_find(loss);
    if (rc == 0)
        rc = loss_after_find(loss, err);
    return rc;
}

int btr_loss_find(struct btr_loss **out, const struct btr_question *question,
                  struct btr_found *found, const struct btr_loss_options *options,
                  struct btr_err *err)
{
    struct btr_loss *loss = calloc(1, sizeof *loss);
    *out = NULL;
    if (!loss)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "loss ledger");
    loss->question = question;
    loss->found = found;
    loss->options = *options;
    loss->reader = question->reader;
    int rc = loss_fill(loss, err);
    if (rc == 0)
        *out = loss;
    else
        btr_loss_free(loss);
    return rc;
}

int loss_walk(struct btr_loss *loss, struct btr_trace **out, const struct btr_edges *edges,
              enum btr_walk_direction direction, const struct btr_start *starts,
              uint32_t start_count, struct btr_err *err)
{
    struct btr_start *parts = malloc(((size_t)start_count + 1) * sizeof *parts);
    int rc = parts ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "where a walk begins");
    for (uint32_t i = 0; rc == 0 && i < start_count; i++) {
        parts[i] = starts[i];
        rc = btr_apart_at(loss->parts, &parts[i].entity, starts[i].time_ns, err);
    }
    if (rc == 0)
        rc = btr_walk(out, edges, direction, parts, start_count, &loss->question->limits, err);
    loss->cut |= rc == 0 && (*out)->cut != BTR_CUT_NONE;
    free(parts);
    return rc;
}

int loss_starts_add(struct btr_loss *loss, struct btr_buffer *starts, struct btr_id entity,
                    int64_t first_ns, int64_t last_ns, struct btr_err *err)
{
    struct btr_start start = {entity, last_ns, BTR_SOURCE_NONE};
    int64_t next_ns = first_ns;
    int rc = btr_apart_next(loss->parts, entity, &next_ns, err);
    while (rc == 0 && next_ns != INT64_MAX && next_ns <= last_ns) {
        start.time_ns = next_ns - 1;
        btr_buffer_put(starts, &start, sizeof start);
        rc = btr_apart_next(loss->parts, entity, &next_ns, err);
    }
    start.time_ns = last_ns;
    btr_buffer_put(starts, &start, sizeof start);
    return rc == 0 && starts->failed ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "where a walk begins")
                                     : rc;
}

bool btr_loss_is_cut(const struct btr_loss *loss)
{
    return loss->cut || loss->extent.cut ||
           (loss->found->trace && loss->found->trace->cut != BTR_CUT_NONE);
}

void btr_loss_free(struct btr_loss *loss)
{
    if (!loss)
        return;
    for (uint32_t i = 0; loss->rows && i < loss->row_count; i++) {
        free(loss->rows[i].takes);
        free(loss->rows[i].exits);
        free(loss->rows[i].staged);
        free(loss->rows[i].links);
    }
    loss_after_free(loss->after);
    btr_trace_free(loss->reach);
    btr_extent_fini(&loss->extent);
    btr_idmap_fini(&loss->of_extent);
    btr_idmap_fini(&loss->of_piece);
    btr_idmap_fini(&loss->page_known);
    btr_idmap_fini(&loss->gone);
    btr_idmap_fini(&loss->others_read);
    btr_idmap_fini(&loss->driven);
    btr_idmap_fini(&loss->accepting);
    btr_idmap_fini(&loss->parents.of);
    free(loss->parents.ids);
    btr_u64map_fini(&loss->own_runs);
    btr_u64map_fini(&loss->runs);
    btr_idmap_fini(&loss->of_steered);
    btr_idmap_fini(&loss->asked.of_reader);
    free(loss->asked.lines);
    btr_buffer_fini(&loss->asked.words);
    btr_idmap_fini(&loss->asked.of_judged);
    free(loss->asked.judged);
    btr_idmap_fini(&loss->senders);
    free(loss->extent_order);
    free(loss->extent_reach_ns);
    free(loss->joints);
    free(loss->addresses);
    free(loss->pieces);
    free(loss->rows);
    free(loss->exits);
    free(loss->straights);
    btr_u64map_fini(&loss->of_straight);
    free(loss->steered);
    free(loss->pipes);
    free(loss->gaps);
    free(loss->handing.programs);
    free(loss->sources);
    free(loss->hosts);
    free(loss->unlisted);
    btr_apart_free(loss->parts);
    btr_reader_facts_close(loss->reader_facts);
    btr_reader_content_close(loss->reader_content);
    btr_arena_free(loss->arena);
    btr_arena_free(loss->scratch);
    free(loss);
}
