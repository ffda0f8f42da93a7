#ifndef CLI_BUDGET_H
#define CLI_BUDGET_H
/** --budget edges=N, time=100ms, memory=64MB, each given at most once. */
#include <btr/trace.h>

#include "args.h"

/** @return 0 or BTR_E_USAGE */
int cli_budget_parse(const struct cli_args *args, struct btr_walk_limits *out, struct btr_err *err);

#endif
