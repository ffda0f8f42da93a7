/*
 * Loss ledgers of generated histories against what their bytes really did (sim.h).
 * test_sim [--seed N] [--count N] [-v]: so many histories, of seeds from N on; -v tells each event
 * and the answer. Without --count 2,000, or 100,000 with BTR_LONG=1.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"
#include "temp_files.h"

struct options {
    uint64_t seed, count;
    bool verbose;
};

static struct options options_of(int argc, char **argv)
{
    struct options o = {.seed = 1, .count = getenv("BTR_LONG") ? 100000 : 2000};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            o.verbose = true;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            o.seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
            o.count = strtoull(argv[++i], NULL, 10);
        else
            exit(2);
    }
    return o;
}

static void figures_print(const struct sim_figures *f, uint64_t wrong)
{
    printf("%" PRIu64 " histories of %" PRIu64 " events, %" PRIu64 " with gaps, %" PRIu64
           " without an alert; %" PRIu64 " where the way in was given\n",
           f->histories, f->events, f->gaps, f->no_alert, f->missed_ways);
    printf("%" PRIu64 " rows: %" PRIu64 " lost, %" PRIu64 " possibly lost, %" PRIu64
           " cannot know, %" PRIu64 " not lost; content had left in %" PRIu64 " (%" PRIu64
           " called lost), can have left in %" PRIu64 "\n",
           f->rows, f->verdicts[0], f->verdicts[1], f->verdicts[2], f->verdicts[3], f->lost_real,
           f->lost_told, f->lost_may);
    printf("%" PRIu64 " of the first two bounded; bound by what can have left: %.2f on average, at "
           "most 3 in %" PRIu64 " of %" PRIu64 "\n",
           f->bounded, f->ratio_count ? f->ratio_sum / (double)f->ratio_count : 0.0, f->ratio_3,
           f->ratio_count);
    printf("%" PRIu64 " with at least %" PRIu64 " bytes in all, of %" PRIu64 " that had left\n",
           f->least, f->least_bytes, f->least_real);
    printf("%" PRIu64 " containments of %" PRIu64 " steps in all\n", f->cuts, f->cut_steps);
    printf("%" PRIu64 " asked twice; bounds that a gap broke: %" PRIu64 "\n", f->repeated,
           f->over_gap);
    printf("%" PRIu64 " bounds by connections; by those whom they name to break them more can have "
           "left in %" PRIu64 ", had in %" PRIu64 "\n",
           f->wire, f->over_wire, f->over_wire_real);
    printf("wrong: %" PRIu64 "\n", wrong);
}

int main(int argc, char **argv)
{
    struct options o = options_of(argc, argv);
    struct sim_world *w = calloc(1, sizeof *w);
    struct sim_figures figures = {0};
    char folder[256], path[300];
    uint64_t wrong = 0;
    temp_folder_make(folder);
    w->verbose = o.verbose;
    w->arena = btr_arena_new(64 << 20);
    btr_batch_init(&w->batch);
    for (uint64_t i = 0; i < o.count && wrong < 100; i++) {
        sim_history_make(w, o.seed + i);
        snprintf(path, sizeof path, "%s/store", folder);
        wrong += (uint64_t)sim_ask(w, path, &figures);
        temp_folder_remove(path);
    }
    figures_print(&figures, wrong);
    temp_folder_remove(folder);
    btr_batch_fini(&w->batch);
    btr_arena_free(w->arena);
    free(w);
    return wrong > 0;
}
