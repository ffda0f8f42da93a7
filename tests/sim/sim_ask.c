/* The ledger's answer over a history, and what is wrong with it. */
#include <btr/filter.h>
#include <btr/loss.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "contain_check.h"
#include "sim.h"

static const char *const INTRUDER = "203.0.113.66";

struct asking {
    struct sim_world *w;
    struct btr_reader *reader;
    struct btr_assets *assets;
    struct btr_start starts[2 + SIM_TALKS];
    uint32_t start_count;
    struct btr_buffer json;
    struct sim_figures *figures;
    bool others; /* another than the intruder was taken for it, or as well */
    int wrong;
};

static void broken(const struct sim_world *w, const char *what, const struct btr_err *err)
{
    fprintf(stderr, "seed %" PRIu64 ": %s: %s\n", w->seed, what, err->text);
    exit(2);
}

/* ---- The store ---- */

static void store_write(struct sim_world *w, const char *path)
{
    struct btr_writer *writer = NULL;
    struct btr_err err = {0};
    struct btr_input input = {.name = BTR_SPAN("sim"), .head_hash = 7};
    const uint32_t id = 0;
    struct btr_progress progress = {.inputs = &input, .input_ids = &id, .input_count = 1};
    w->batch.record_count = w->batch.event_count;
    if (btr_writer_open(&writer, path, &err) != 0)
        broken(w, "store", &err);
    const struct btr_sink *sink = btr_writer_sink(writer);
    if (sink->append(sink->self, &w->batch, &err) != 0 ||
        sink->publish(sink->self, &progress, &err) != 0 ||
        (sink->drain && sink->drain(sink->self, &err) != 0))
        broken(w, "store", &err);
    btr_writer_close(writer);
}

static void assets_make(struct asking *a)
{
    struct btr_buffer text = {0};
    struct btr_err err = {0};
    btr_buffer_text(&text, "assets:\n");
    for (int i = 0; i < a->w->asset_count; i++) {
        const struct sim_asset *asset = &a->w->assets[i];
        bool folder = asset->folder[strlen(asset->folder) - 1] == '/';
        btr_buffer_format(&text, "  - {host: %s, path: \"%s%s\", name: a%d%s}\n",
                          a->w->hosts[asset->host].name, asset->folder, folder ? "**" : "", i,
                          asset->is_exit ? ", classification: exit" : "");
    }
    if (btr_assets_read(&a->assets, btr_buffer_view(&text), "sim.yaml", &err) != 0)
        broken(a->w, "assets", &err);
    btr_buffer_fini(&text);
}

/* ---- What is wrong with it ---- */

static void wrong(struct asking *a, int asset, const char *what, double told, int truth)
{
    a->wrong++;
    fprintf(stderr, "seed %" PRIu64 ": a%d: %s: told %.0f, truth %d\n", a->w->seed, asset, what,
            told, truth);
}

static void containment_check(struct asking *a, const struct loss_containment *k)
{
    const char *what = contain_check(k);
    a->figures->cuts++;
    a->figures->cut_steps += k->step_count;
    if (what)
        wrong(a, SIM_NONE, what, 0, 0);
}

/* ---- The question ---- */

static void alert_find(struct asking *a)
{
    struct sim_world *w = a->w;
    struct btr_spec spec;
    struct btr_spec_match match;
    struct btr_buffer candidates = {0};
    struct btr_err err = {0};
    char text[64];
    snprintf(text, sizeof text, "record:%s/%" PRIu64, w->hosts[w->alert_host].name,
             w->alert_serial);
    if (btr_spec_parse(&spec, sim_text(w, text), &err) != 0 ||
        btr_spec_resolve(a->reader, &spec, INT64_MIN, &match, &candidates, &err) != 0)
        broken(w, text, &err);
    a->starts[0] = (struct btr_start){match.entity, match.time_ns, match.source};
    a->start_count = 1;
    btr_buffer_fini(&candidates);
}

static void ledger_ask(struct asking *a)
{
    static const struct btr_span SPECS[2 + SIM_TALKS] = {{(const uint8_t *)"alert", 5}};
    struct btr_question question = {.reader = a->reader,
                                    .starts = a->starts,
                                    .start_count = a->start_count,
                                    .direction = BTR_WALK_BACKWARD,
                                    .strategy = btr_strategy_find("critical")};
    struct btr_loss_options options = {.specs = SPECS, .assets = a->assets};
    struct btr_found found = {0};
    struct btr_loss *loss = NULL;
    struct btr_err err = {0};
    btr_buffer_clear(&a->json);
    if (btr_question_ask(&found, &question, &err) != 0 ||
        btr_loss_find(&loss, &question, &found, &options, &err) != 0 ||
        btr_loss_json(loss, &a->json, &err) != 0)
        broken(a->w, "ledger", &err);
    btr_buffer_u8(&a->json, 0);
    containment_check(a, loss->after->containment);
    btr_loss_free(loss);
    btr_found_fini(&found);
}

/* Whether the ways in that were found have the intruder's address. */
static bool way_found(struct asking *a, const cJSON *answer)
{
    const cJSON *extent = cJSON_GetObjectItem(answer, "extent"), *address;
    bool found = false;
    cJSON_ArrayForEach(address, cJSON_GetObjectItem(extent, "addresses"))
    {
        bool is = strcmp(address->valuestring, INTRUDER) == 0;
        found |= is;
        a->others |= !is;
    }
    return found;
}

/* In so small a history the walk may take another for who came in. Then the question is that of an
 * analyst who gives the intruder's connections, too, and who ran what was fetched. */
static void starts_give(struct asking *a)
{
    struct sim_world *w = a->w;
    if (w->fetched != SIM_NONE && w->processes[w->fetched].pid)
        a->starts[a->start_count++] =
            (struct btr_start){w->processes[w->fetched].id, w->now_ns, UINT32_MAX};
    for (int i = 0; i < w->talk_count; i++) {
        const struct sim_talk *t = &w->talks[i];
        struct btr_id id = t->ends[t->outside == 0 ? 1 : 0];
        if (t->outside == SIM_NONE || !t->intruder || btr_id_is_none(id))
            continue;
        a->starts[a->start_count++] =
            (struct btr_start){id, w->now_ns + INT64_C(3600000000000), UINT32_MAX};
    }
}

/* ---- Rows ---- */

static void row_count(struct asking *a, int verdict, double max, int may, int real)
{
    struct sim_figures *f = a->figures;
    f->rows++;
    f->verdicts[verdict]++;
    f->bounded += max >= 0 && verdict < 2;
    f->lost_may += may > 0;
    f->lost_real += real > 0;
    f->lost_told += verdict == 0 && real > 0;
    if (max >= 0 && may > 0) {
        f->ratio_sum += max / may;
        f->ratio_count++;
        f->ratio_3 += max <= 3 * may;
    }
}

/* Whether what is called lost has to have left. An open descriptor may have carried what it did not
 * in this history, and so may what a gap hides; and whoever asked a database is taken to have got
 * something, even if that one had nothing. */
static bool surely_told(const struct asking *a, int asset)
{
    bool kept = false;
    for (int i = 0; i < a->w->process_count; i++)
        kept |= a->w->processes[i].keeper == asset;
    return !kept && !a->others && !a->w->quiet && a->w->batch.gap_count == 0;
}

/* Whether a row says that somebody else, by name, may have handed it to the intrusion. */
static bool names_other(const cJSON *row)
{
    const cJSON *text;
    cJSON_ArrayForEach(text,
                       cJSON_GetObjectItem(
                           row, "breaks_if")) if (strstr(text->valuestring,
                                                         "handed it to the intrusion")) return true;
    return false;
}

/* What has left at least: to the intruder, if nobody else is taken for that. Bytes of files that
 * were given no ids are in no truth. */
static void least_check(struct asking *a, int asset, double min, double max, int real)
{
    struct sim_figures *f = a->figures;
    f->least += min > 0;
    f->least_bytes += min > 0 ? (uint64_t)min : 0;
    f->least_real += min > 0 ? (uint64_t)real : 0;
    if (min > real && !a->others && !a->w->assets[asset].spent)
        wrong(a, asset, "lower bound", min, real);
    if (max >= 0 && min > max)
        wrong(a, asset, "lower bound over the upper", min, (int)max);
}

/* What can have left as a row says: of a page a server hands out to anybody. */
static int told_left(const struct asking *a, const cJSON *row, int asset)
{
    const cJSON *exit;
    bool page = false;
    cJSON_ArrayForEach(exit, cJSON_GetObjectItem(row, "left"))
    {
        page |= strcmp(cJSON_GetObjectItem(exit, "by")->valuestring, "page") == 0;
    }
    return sim_set_count(&a->w->out.may, asset) +
           (page ? sim_set_count(&a->w->handed.may, asset) : 0);
}

static void row_check(struct asking *a, const cJSON *row)
{
    static const char *const WORDS[] = {"lost", "possibly lost", "cannot know", "not lost"};
    const cJSON *bytes = cJSON_GetObjectItem(row, "bytes");
    const cJSON *max = cJSON_GetObjectItem(bytes, "max"), *min = cJSON_GetObjectItem(bytes, "min");
    int asset = cJSON_GetObjectItem(row, "name")->valuestring[1] - '0', verdict = 0;
    while (strcmp(WORDS[verdict], cJSON_GetObjectItem(row, "verdict")->valuestring) != 0)
        verdict++;
    int may = sim_set_count(&a->w->out.may, asset), real = sim_set_count(&a->w->out.real, asset);
    int own = sim_set_count(&a->w->out.own, asset);
    bool bounded = max && cJSON_IsNumber(max), gaps = a->w->batch.gap_count > 0;
    const cJSON *basis = cJSON_GetObjectItem(bytes, "basis");
    bool wire = basis && strcmp(basis->valuestring, "connections") == 0;
    row_count(a, verdict, bounded ? max->valuedouble : -1, may, real);
    if (verdict == 3 && may > 0)
        wrong(a, asset, "called not lost", 0, may);
    if (verdict == 0 && told_left(a, row, asset) == 0 && surely_told(a, asset))
        wrong(a, asset, "called lost", 1, may);
    a->figures->wire += wire;
    bool over_wire = bounded && wire && may > max->valuedouble;
    a->figures->over_wire += over_wire;
    a->figures->over_wire_real += over_wire && real > max->valuedouble;
    if (over_wire && !gaps && !names_other(row))
        wrong(a, asset, "bound that nobody is named to break", max->valuedouble, may);
    if (bounded && wire && !gaps && own > max->valuedouble)
        wrong(a, asset, "bound of what it took itself", max->valuedouble, own);
    if (bounded && !wire && !gaps && may > max->valuedouble)
        wrong(a, asset, "upper bound", max->valuedouble, may);
    if (bounded && !wire && gaps && may > max->valuedouble)
        a->figures->over_gap++;
    least_check(a, asset, min->valuedouble, bounded ? max->valuedouble : -1, real);
}

static void repeat_check(struct asking *a)
{
    struct btr_buffer first = a->json;
    a->json = (struct btr_buffer){0};
    ledger_ask(a);
    a->figures->repeated++;
    if (!btr_span_equal(btr_buffer_view(&first), btr_buffer_view(&a->json)))
        wrong(a, SIM_NONE, "another answer to the same question", 0, 0);
    btr_buffer_fini(&first);
}

static void answer_check(struct asking *a)
{
    ledger_ask(a);
    cJSON *answer = cJSON_Parse((const char *)a->json.at);
    if (!way_found(a, answer)) {
        a->figures->missed_ways++;
        a->others = true;
        starts_give(a);
        ledger_ask(a);
        cJSON_Delete(answer);
        answer = cJSON_Parse((const char *)a->json.at);
        way_found(a, answer);
    }
    const cJSON *row;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(answer, "assets")) row_check(a, row);
    if (a->w->verbose)
        fprintf(stderr, "%s\n", (const char *)a->json.at);
    cJSON_Delete(answer);
    if (a->w->seed % 8 == 0)
        repeat_check(a);
}

int sim_ask(struct sim_world *w, const char *path, struct sim_figures *figures)
{
    static struct asking asking;
    struct btr_err err = {0};
    asking = (struct asking){.w = w, .figures = figures};
    figures->histories++;
    figures->events += w->event_count;
    figures->gaps += w->batch.gap_count > 0;
    if (w->alerts == 0) {
        figures->no_alert++;
        return 0;
    }
    store_write(w, path);
    if (btr_reader_open(&asking.reader, &path, 1, &err) != 0)
        broken(w, "store", &err);
    assets_make(&asking);
    alert_find(&asking);
    answer_check(&asking);
    btr_assets_free(asking.assets);
    btr_reader_close(asking.reader);
    btr_buffer_fini(&asking.json);
    return asking.wrong;
}
