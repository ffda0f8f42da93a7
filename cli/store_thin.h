#ifndef CLI_STORE_THIN_H
#define CLI_STORE_THIN_H
/** backtrail store thin; backtrail store verify --certify: fewer events, and that no closure can
 * tell. */
#include "args.h"

extern const struct cli_usage CLI_THIN_USAGE;

/** @return the exit status */
int cli_store_thin(const struct cli_args *args, struct btr_err *err);
int cli_store_certify(const struct cli_args *args, struct btr_err *err);

#endif
