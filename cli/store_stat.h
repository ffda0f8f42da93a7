#ifndef CLI_STORE_STAT_H
#define CLI_STORE_STAT_H
/** The text of `store stat`. */
#include "stores.h"

struct cli_stat_parts {
    bool sources, inputs, quarantine;
};

/** @return 0, or a failure of the store */
int cli_stat_write(struct btr_buffer *out, struct btr_reader *reader,
                   const struct btr_kept *kept, const struct cli_stat_parts *parts, struct btr_err *err);

#endif
