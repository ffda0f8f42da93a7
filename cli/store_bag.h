#ifndef CLI_STORE_BAG_H
#define CLI_STORE_BAG_H
/** backtrail store export, backtrail store import: sealed segments between stores, as they are. */
#include "args.h"

extern const struct cli_usage CLI_EXPORT_USAGE, CLI_IMPORT_USAGE;

/** @return the exit status */
int cli_store_export(const struct cli_args *args, struct btr_err *err);
int cli_store_import(const struct cli_args *args, struct btr_err *err);

#endif
