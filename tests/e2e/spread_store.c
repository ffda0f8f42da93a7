/*
 * Seals a store anew by host, as `store compact` does with stretches of millions of events, of
 * small ones: spread_store STORE EVENTS, at most so many events in a segment. Prints how many
 * stretches.
 */
#include <stdio.h>

#include "merge.h"
#include "take.h"
#include "trash.h"

int main(int argc, char **argv)
{
    struct btr_err err = {0};
    struct store_taken taken = {.lock_fd = -1};
    struct store_merger merger = {0};
    uint64_t events, stretches = 0;
    if (argc != 3 || !btr_span_number(btr_span_of(argv[2]), 10, &events))
        return 2;
    int rc = store_take(&taken, argv[1], &err);
    if (rc == 0)
        rc = store_trash_sweep(argv[1], taken.catalog, &err);
    if (rc == 0)
        rc = store_merger_init(&merger, argv[1], taken.catalog, NULL, &err);
    merger.spread_events = events;
    if (rc == 0)
        while ((rc = store_spread_once(&merger, NULL, NULL, &err)) == 1)
            stretches++;
    if (rc == 0 && merger.stat.damaged > 0)
        rc = btr_fail(&err, BTR_E_CHECKSUM, UINT64_MAX, "a segment is damaged");
    store_merger_fini(&merger);
    store_release(&taken);
    if (rc < 0)
        (void)fprintf(stderr, "%s\n", err.text);
    else
        printf("%llu\n", (unsigned long long)stretches);
    return rc < 0 ? 3 : 0;
}
