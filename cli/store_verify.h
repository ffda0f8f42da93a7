#ifndef CLI_STORE_VERIFY_H
#define CLI_STORE_VERIFY_H
/** backtrail store verify: whether each store that is named is sound, and what it was. */
#include "args.h"

/** @return the exit status */
int cli_store_verify(const struct cli_args *args, struct btr_err *err);

#endif
