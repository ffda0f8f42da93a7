/* --budget: what a walk may cost. */
#include "budget.h"

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit TIMES[] = {{"ns", 1},         {"us", 1000},         {"ms", 1000000},
                                    {"s", 1000000000}, {"min", 60000000000}, {NULL, 0}};
static const struct unit SIZES[] = {
    {"", 1},          {"KB", 1000},     {"MB", 1000000},  {"GB", 1000000000},
    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
static const struct unit COUNTS[] = {{"", 1}, {NULL, 0}};

/* A whole number and a unit, more than nothing and at most INT64_MAX. */
static bool amount_parse(const char *text, const struct unit *units, uint64_t *out)
{
    size_t size = strspn(text, "0123456789");
    uint64_t number;
    if (!btr_span_number((struct btr_span){(const uint8_t *)text, size}, 10, &number))
        return false;
    for (; units->name; units++) {
        if (strcmp(units->name, text + size) != 0)
            continue;
        *out = number * units->factor;
        return number > 0 && number <= (uint64_t)INT64_MAX / units->factor;
    }
    return false;
}

int cli_budget_parse(const struct cli_args *args, struct btr_walk_limits *out, struct btr_err *err)
{
    static const struct {
        const char *name, *example;
        const struct unit *units;
    } KINDS[] = {{"edges=", "edges=1000", COUNTS},
                 {"time=", "time=100ms", TIMES},
                 {"memory=", "memory=64MB", SIZES}};
    uint64_t amounts[3] = {0};
    const char *text;
    for (uint32_t i = 0; (text = cli_arg_nth(args, "budget", i)); i++) {
        size_t k = 0;
        while (k < 3 && strncmp(text, KINDS[k].name, strlen(KINDS[k].name)) != 0)
            k++;
        if (k == 3)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                            "--budget \"%s\": edges=N, time=100ms or memory=64MB", text);
        if (amounts[k])
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--budget %s is given twice",
                            KINDS[k].name);
        if (!amount_parse(text + strlen(KINDS[k].name), KINDS[k].units, &amounts[k]))
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                            "--budget \"%s\" is no amount above nothing, such as %s", text,
                            KINDS[k].example);
    }
    out->edge_max = amounts[0];
    out->budget_ns = (int64_t)amounts[1];
    out->memory_max = amounts[2];
    return 0;
}
