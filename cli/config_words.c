/* What the table of keys says in words, for --help and docs/CONFIG.md. */
#include <stdio.h>

#include "config.h"

static void choices_write(const char *choices, char out[160])
{
    size_t n = 0;
    for (; *choices && n + 3 < 160; choices++) {
        if (*choices == '|') {
            out[n++] = ',';
            out[n++] = ' ';
        } else {
            out[n++] = *choices;
        }
    }
    out[n] = '\0';
}

void cli_config_range(const struct cli_config_row *row, char out[160])
{
    static const char *const WORDS[] = {
        [CLI_CONFIG_TEXT] = "text",
        [CLI_CONFIG_PATH] = "absolute path",
        [CLI_CONFIG_BOOL] = "yes or no",
        [CLI_CONFIG_TOPIC] = "topic",
        [CLI_CONFIG_TOPICS] = "topics",
        [CLI_CONFIG_ENV] = "name of a variable",
        [CLI_CONFIG_LISTEN] = "ADDRESS:PORT, [ADDRESS]:PORT, or off",
        [CLI_CONFIG_PREFIX] = "text",
        [CLI_CONFIG_PREFIX_PATH] = "absolute path",
    };
    if (row->type == CLI_CONFIG_CHOICE)
        choices_write(row->choices, out);
    else if (row->type == CLI_CONFIG_NUMBER)
        (void)snprintf(out, 160, "%llu to %llu", (unsigned long long)row->least,
                       (unsigned long long)row->most);
    else
        (void)snprintf(out, 160, "%s", WORDS[row->type]);
}

const char *cli_config_apply_text(enum cli_config_apply apply)
{
    switch (apply) {
    case CLI_CONFIG_AT_ONCE:
        return "at once";
    case CLI_CONFIG_REOPENS:
        return "the consumer begins anew";
    default:
        return "restart";
    }
}
