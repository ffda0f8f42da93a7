#ifndef CLI_STARTS_H
#define CLI_STARTS_H
/** Where a question starts: the SPECs of a command line, found in a snapshot. */
#include <btr/buffer.h>
#include <btr/filter.h>
#include <btr/trace.h>

/* A zeroed struct is empty. */
struct cli_starts {
    struct btr_span *texts; /* as given */
    struct btr_spec *specs;
    struct btr_start *starts; /* once they are found */
    uint32_t count;
    struct btr_buffer candidates; /* of one that fits several entities */
};

/** @param texts  borrowed @return 0, BTR_E_USAGE, BTR_E_NOMEM; cli_starts_fini() in either case */
int cli_starts_parse(struct cli_starts *s, const struct btr_span *texts, uint32_t count,
                     struct btr_err *err);
/**
 * Finds one. @param option  that it was given by, for messages
 * @param at_ns    INT64_MIN: its own time
 * @param forward  from an entity as such then means from its first event on
 */
int cli_starts_find(struct cli_starts *s, uint32_t i, const char *option, struct btr_reader *reader,
                    int64_t at_ns, bool forward, struct btr_err *err);
void cli_starts_fini(struct cli_starts *s);

#endif
