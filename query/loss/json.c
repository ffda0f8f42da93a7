/* backtrail-loss/1 (docs/LOSS.md, "JSON"). */
#include <inttypes.h>
#include <stdlib.h>

#include "export/exports.h"
#include "loss/json.h"

enum { GAPS_TOLD = 20, FILES_TOLD = 1000 };

void ledger_words(struct ledger_writer *l, const char *name)
{
    json_text(&l->w, name, btr_buffer_view(&l->words));
    l->w.out->failed |= l->words.failed; /* what could not be said is not left out */
    btr_buffer_clear(&l->words);
}

/* ---- Evidence ---- */

int ledger_record(struct ledger_writer *l, btr_event_ref ref)
{
    struct btr_event_full full;
    if (ref >= BTR_REF_CROSSING)
        return 0;
    int rc = btr_reader_event(l->loss->reader, ref, &full, l->err);
    if (rc < 0)
        return rc;
    json_open(&l->w, NULL, '{');
    json_text(&l->w, "host", full.host);
    json_text(&l->w, "source", full.source);
    btr_buffer_format(&l->words, "%" PRIu64, full.event.record_id);
    ledger_words(l, "id");
    json_open(&l->w, "origin", '{');
    const char *number = query_json_place(&l->w, full.input);
    json_count(&l->w, number, full.event.line);
    json_close(&l->w, '}');
    json_close(&l->w, '}');
    return 0;
}

static const char *exit_word(const struct ledger_writer *l, const struct loss_exit *exit)
{
    if (exit->kind == LOSS_EXIT_PAGE)
        return "page";
    if (exit->asset == LOSS_NONE)
        return "flow";
    bool address = btr_assets_at(l->loss->options.assets, exit->asset)->kind == BTR_ASSET_ADDRESS;
    return address ? "flow" : "removable";
}

static int exit_put(struct ledger_writer *l, const struct loss_exit *exit)
{
    int rc = loss_exit_words(l->loss, exit, &l->words, l->err);
    json_open(&l->w, NULL, '{');
    json_text(&l->w, "by", btr_span_of(exit_word(l, exit)));
    ledger_words(l, "to");
    json_id(&l->w, "entity", exit->entity);
    json_id(&l->w, "process", exit->process);
    if (exit->kind == LOSS_EXIT_PAGE)
        json_id(&l->w, "page", exit->holder);
    json_number(&l->w, "first_ns", exit->first_ns);
    json_number(&l->w, "last_ns", exit->last_ns);
    json_open(&l->w, "bytes", '{');
    json_count(&l->w, "min", 0);
    if (exit->bytes_told)
        json_count(&l->w, "max", exit->bytes);
    else
        json_null(&l->w, "max");
    json_close(&l->w, '}');
    json_open(&l->w, "evidence", '[');
    if (rc == 0)
        rc = ledger_record(l, exit->first_ref);
    if (rc == 0 && exit->last_ref != exit->first_ref)
        rc = ledger_record(l, exit->last_ref);
    json_close(&l->w, ']');
    json_close(&l->w, '}');
    return rc;
}

/* ---- Chains ---- */

static int link_put(struct ledger_writer *l, const struct loss_link *link)
{
    json_open(&l->w, NULL, '{');
    json_id(&l->w, "from", link->from);
    json_id(&l->w, "to", link->to);
    json_text(&l->w, "operation", btr_span_of(btr_operation_word(link->operation)));
    json_number(&l->w, "first_ns", link->first_ns);
    json_number(&l->w, "last_ns", link->last_ns);
    int rc = loss_label(l->loss, link->from, link->last_ns, &l->words, l->err);
    btr_buffer_format(&l->words, " %s ", link->ref >= BTR_REF_CROSSING ? "=" : "->");
    if (rc == 0)
        rc = loss_label(l->loss, link->to, link->last_ns, &l->words, l->err);
    ledger_words(l, "label");
    json_open(&l->w, "evidence", '[');
    if (rc == 0)
        rc = ledger_record(l, link->ref);
    json_close(&l->w, ']');
    json_close(&l->w, '}');
    return rc;
}

static int chain_put(struct ledger_writer *l, const struct loss_row *row)
{
    int rc = 0;
    json_open(&l->w, "chain", '[');
    for (uint32_t i = 0; rc == 0 && i < row->link_count; i++)
        rc = link_put(l, &row->links[i]);
    json_close(&l->w, ']');
    return rc;
}

/* ---- Assets ---- */

static int file_put(struct ledger_writer *l, struct btr_id id, int64_t read_ns)
{
    struct btr_entity e;
    int rc = loss_entity(l->loss, id, &e, l->err);
    if (rc < 0 || e.kind != BTR_KIND_FILE)
        return rc;
    json_open(&l->w, NULL, '{');
    json_text(&l->w, "host", e.host);
    json_text(&l->w, "path", btr_entity_attr(&e, BTR_ATTR_FILE_PATH, INT64_MAX));
    if (read_ns != INT64_MAX)
        json_number(&l->w, "read_ns", read_ns);
    json_close(&l->w, '}');
    return 0;
}

static int files_put(struct ledger_writer *l, const struct loss_row *row)
{
    uint32_t told = 0;
    int rc = 0;
    json_open(&l->w, "files", '[');
    for (uint32_t i = 0; rc == 0 && i < row->piece_count && told < FILES_TOLD; i++) {
        const struct loss_piece *piece = &l->loss->pieces[row->piece_begin + i];
        if (piece->reached) {
            rc = file_put(l, piece->entity, piece->read_ns);
            told++;
        }
    }
    json_close(&l->w, ']');
    json_open(&l->w, "staged", '[');
    for (uint32_t i = 0; rc == 0 && i < row->staged_count && i < FILES_TOLD; i++)
        rc = file_put(l, row->staged[i], INT64_MAX);
    json_close(&l->w, ']');
    return rc;
}

static void bytes_put(struct ledger_writer *l, const struct loss_row *row)
{
    bool nothing = row->verdict == LOSS_NOT;
    json_open(&l->w, "bytes", '{');
    json_count(&l->w, "min", row->bytes_min);
    if (nothing || (row->reached && row->bounded))
        json_count(&l->w, "max", nothing ? 0 : row->bytes_max);
    else
        json_null(&l->w, "max");
    if (row->reached && row->bounded)
        json_text(&l->w, "basis", btr_span_of(row->on_wire ? "connections" : "reads"));
    json_close(&l->w, '}');
}

static int breaks_put(struct ledger_writer *l, const struct loss_row *row)
{
    uint32_t told = 0;
    int rc = 0;
    json_open(&l->w, "breaks_if", '[');
    for (int which = 0; rc == 0 && which < LOSS_UNLESS_COUNT; which++) {
        rc = loss_unless_words(l->loss, row, which, &l->words, l->err);
        if (l->words.size)
            ledger_words(l, NULL);
    }
    for (uint32_t i = 0; i < l->loss->gap_count; i++) {
        const struct loss_gap *gap = &l->loss->gaps[i];
        if (row->verdict == LOSS_LOST || !loss_concerns(l->loss, gap->host_key, row))
            continue;
        if (told++ == GAPS_TOLD)
            break;
        loss_gap_words(l->loss, gap, &l->words);
        ledger_words(l, NULL);
    }
    json_close(&l->w, ']');
    return rc;
}

static int row_put(struct ledger_writer *l, uint32_t asset)
{
    const struct loss_row *row = &l->loss->rows[asset];
    const struct btr_asset *a = btr_assets_at(l->loss->options.assets, asset);
    json_newline(&l->w);
    json_open(&l->w, NULL, '{');
    json_text(&l->w, "name", a->name);
    json_text(&l->w, "kind", btr_span_of(btr_asset_kind_word(a->kind)));
    json_text_if(&l->w, "classification", a->classification);
    json_text_if(&l->w, "owner", a->owner);
    json_text(&l->w, "verdict", btr_span_of(loss_verdict_word(row->verdict)));
    bytes_put(l, row);
    int rc = files_put(l, row);
    json_open(&l->w, "left", '[');
    for (uint32_t i = 0; rc == 0 && i < row->exit_count; i++)
        rc = exit_put(l, &l->loss->exits[row->exits[i]]);
    json_close(&l->w, ']');
    json_bool(&l->w, "changed", row->changed);
    if (rc == 0)
        rc = chain_put(l, row);
    if (rc == 0)
        rc = loss_why(l->loss, asset, &l->words, l->err);
    ledger_words(l, "why");
    if (rc == 0)
        rc = breaks_put(l, row);
    json_close(&l->w, '}');
    return rc;
}

/* ---- All ---- */

static void alert_put(struct ledger_writer *l)
{
    const struct btr_loss *loss = l->loss;
    const struct btr_start *starts = btr_clocks_starts(loss->found->clocks);
    json_open(&l->w, "alert", '{');
    json_id(&l->w, "entity", starts[0].entity);
    json_number(&l->w, "time_ns", btr_clocks_start_told(loss->found->clocks, &starts[0]));
    json_text(&l->w, "spec", loss->options.specs[0]);
    json_close(&l->w, '}');
    json_bool(&l->w, "complete",
              !btr_loss_is_cut(loss) && btr_reader_damage_count(loss->reader) == 0);
}

static void assumptions_put(struct ledger_writer *l)
{
    json_open(&l->w, "assumptions", '[');
    for (uint32_t i = 0; i < l->loss->source_count; i++) {
        loss_source_words(l->loss, &l->loss->sources[i], &l->words);
        ledger_words(l, NULL);
    }
    for (const char *const *text = loss_assumptions; *text; text++)
        json_text(&l->w, NULL, btr_span_of(*text));
    json_close(&l->w, ']');
}

static int unlisted_put(struct ledger_writer *l)
{
    int rc = 0;
    json_open(&l->w, "unlisted", '[');
    for (uint32_t i = 0; rc == 0 && i < l->loss->unlisted_count; i++) {
        const struct loss_unlisted *u = &l->loss->unlisted[i];
        json_newline(&l->w);
        json_open(&l->w, NULL, '{');
        rc = loss_label(l->loss, u->file, u->read_ns, &l->words, l->err);
        ledger_words(l, "name");
        json_text(&l->w, "verdict", btr_span_of(loss_verdict_word(LOSS_POSSIBLY)));
        json_open(&l->w, "bytes", '{');
        json_count(&l->w, "min", 0);
        json_null(&l->w, "max");
        json_close(&l->w, '}');
        json_open(&l->w, "files", '[');
        if (rc == 0)
            rc = file_put(l, u->file, u->read_ns);
        json_close(&l->w, ']');
        btr_buffer_text(&l->words, "read by ");
        if (rc == 0)
            rc = loss_label(l->loss, u->process, u->read_ns, &l->words, l->err);
        ledger_words(l, "why");
        json_open(&l->w, "evidence", '[');
        if (rc == 0)
            rc = ledger_record(l, u->ref);
        json_close(&l->w, ']');
        json_close(&l->w, '}');
    }
    json_close(&l->w, ']');
    return rc;
}

static int item_compare(const void *x, const void *y)
{
    const struct btr_extent_item *a = *(struct btr_extent_item *const *)x;
    const struct btr_extent_item *b = *(struct btr_extent_item *const *)y;
    if (a->since_ns != b->since_ns)
        return a->since_ns < b->since_ns ? -1 : 1;
    int by_id = btr_id_compare(a->entity, b->entity);
    return by_id ? by_id : (a->role > b->role) - (a->role < b->role);
}

static void item_put(struct ledger_writer *l, const struct btr_extent_item *item)
{
    json_newline(&l->w);
    json_open(&l->w, NULL, '{');
    json_id(&l->w, "entity", item->entity);
    json_bool(&l->w, "served", item->role == BTR_EXTENT_SERVER);
    json_number(&l->w, "since_ns", item->since_ns);
    if (item->until_ns != INT64_MAX)
        json_number(&l->w, "until_ns", item->until_ns);
    json_text(&l->w, "why", btr_span_of(btr_extent_why_text(item->why)));
    json_close(&l->w, '}');
}

/* Processes by time: the order in which the walk came to them depends on how segments lie. */
static int processes_put(struct ledger_writer *l)
{
    const struct btr_extent *extent = &l->loss->extent;
    const struct btr_extent_item **items = malloc((extent->count + 1) * sizeof *items);
    uint32_t count = 0;
    if (!items)
        return btr_fail(l->err, BTR_E_NOMEM, UINT64_MAX, "processes of the intrusion");
    for (uint32_t i = 0; i < extent->count; i++)
        if (extent->items[i].role <= BTR_EXTENT_SERVER)
            items[count++] = &extent->items[i];
    if (count)
        qsort(items, count, sizeof *items, item_compare);
    json_open(&l->w, "processes", '[');
    for (uint32_t i = 0; i < count; i++)
        item_put(l, items[i]);
    json_close(&l->w, ']');
    free(items);
    return 0;
}

static int extent_put(struct ledger_writer *l)
{
    const struct btr_loss *loss = l->loss;
    json_open(&l->w, "extent", '{');
    json_open(&l->w, "addresses", '[');
    for (uint32_t i = 0; i < loss->address_count; i++)
        json_text(&l->w, NULL, loss->addresses[i]);
    json_close(&l->w, ']');
    int rc = processes_put(l);
    json_close(&l->w, '}');
    return rc;
}

int btr_loss_json(struct btr_loss *loss, struct btr_buffer *out, struct btr_err *err)
{
    struct ledger_writer l = {.w = {out, true}, .loss = loss, .err = err};
    int rc = 0;
    json_open(&l.w, NULL, '{');
    json_text(&l.w, "schema", btr_span_of("backtrail-loss/1"));
    alert_put(&l);
    assumptions_put(&l);
    json_open(&l.w, "assets", '[');
    for (uint32_t i = 0; rc == 0 && i < loss->row_count; i++)
        if (!btr_assets_at(loss->options.assets, i)->is_exit)
            rc = row_put(&l, i);
    json_close(&l.w, ']');
    if (rc == 0)
        rc = unlisted_put(&l);
    if (rc == 0)
        rc = ledger_erased(&l);
    if (rc == 0)
        rc = ledger_remaining(&l);
    if (rc == 0)
        rc = ledger_containment(&l);
    if (rc == 0)
        rc = extent_put(&l);
    json_close(&l.w, '}');
    btr_buffer_u8(out, '\n');
    btr_buffer_fini(&l.words);
    return rc < 0 ? rc : out->failed ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ledger as JSON") : 0;
}
