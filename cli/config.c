/* The configuration file: lines to rows of the table. */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>

#include "config_parts.h"
#include "file_read.h"

static struct btr_span trimmed(struct btr_span s)
{
    while (s.size > 0 && isspace(s.at[0]))
        s = (struct btr_span){s.at + 1, s.size - 1};
    while (s.size > 0 && isspace(s.at[s.size - 1]))
        s.size--;
    return s;
}

static const struct cli_config_row *row_find(struct btr_span key)
{
    for (const struct cli_config_row *row = cli_config_table; row->key; row++) {
        struct btr_span name = btr_span_of(row->key);
        bool prefix = row->type == CLI_CONFIG_PREFIX || row->type == CLI_CONFIG_PREFIX_PATH;
        if (prefix ? btr_span_begins(key, name) : btr_span_equal(key, name))
            return row;
    }
    return NULL;
}

/* A key that is none, as kafka.sasl.password where there is kafka.sasl.password_file: its value is
 * a secret. */
static int key_unknown(const char *key, struct btr_err *err)
{
    char file[CLI_CONFIG_LINE_MAX + 8];
    (void)snprintf(file, sizeof file, "%s_file", key);
    if (row_find(btr_span_of(file)))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "%s: a secret does not stand in this file: give %s_file or %s_env", key,
                        key, key);
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                    "there is no key \"%.64s\" (see backtrail daemon --help)", key);
}

/* A comment stands on a line of its own: behind a value it would silently become a part of it. */
static bool has_comment(const char *value)
{
    const char *at = value;
    while ((at = strchr(at + 1, '#'))) {
        if (isblank((unsigned char)at[-1]))
            return true;
    }
    return false;
}

static int bytes_check(struct btr_span line, struct btr_err *err)
{
    if (line.size > CLI_CONFIG_LINE_MAX)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "a line of more than %d bytes",
                        CLI_CONFIG_LINE_MAX);
    for (size_t i = 0; i < line.size; i++) {
        if (iscntrl(line.at[i]) && line.at[i] != '\t')
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "a control character (byte 0x%02x)",
                            line.at[i]);
    }
    return 0;
}

static void text_of(struct btr_span s, char out[CLI_CONFIG_LINE_MAX + 1])
{
    s = trimmed(s);
    if (s.size > 0)
        memcpy(out, s.at, s.size);
    out[s.size] = '\0';
}

static int key_take(struct cli_config *config, uint32_t number, const char *key, const char *value,
                    struct btr_err *err)
{
    const struct cli_config_row *row = row_find(btr_span_of(key));
    if (!row)
        return key_unknown(key, err);
    uint32_t *line = &config->lines[row - cli_config_table];
    bool many = row->type == CLI_CONFIG_PREFIX || row->type == CLI_CONFIG_PREFIX_PATH;
    if (*line > 0 && !many)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "%s is given twice, the first time in line "
                        "%u",
                        key, *line);
    if (*value == '\0')
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%.64s has no value", key);
    if (has_comment(value))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "%.64s: a comment (#) stands on a line of its own", key);
    *line = number;
    return config_value_set(config, row, key, value, err);
}

static int line_take(struct cli_config *config, uint32_t number, struct btr_span line,
                     struct btr_err *err)
{
    char key[CLI_CONFIG_LINE_MAX + 1], value[CLI_CONFIG_LINE_MAX + 1];
    line = trimmed(line);
    if (line.size == 0 || line.at[0] == '#')
        return 0;
    int rc = bytes_check(line, err);
    if (rc < 0)
        return rc;
    const uint8_t *equals = memchr(line.at, '=', line.size);
    if (!equals || equals == line.at)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "a line is KEY = VALUE, or begins with #");
    size_t at = (size_t)(equals - line.at);
    text_of((struct btr_span){line.at, at}, key);
    text_of((struct btr_span){equals + 1, line.size - at - 1}, value);
    return key_take(config, number, key, value, err);
}

static int lines_take(struct cli_config *config, struct btr_span text, uint32_t *number,
                      struct btr_err *err)
{
    int rc = 0;
    for (*number = 1; text.size > 0 && rc == 0; ++*number) {
        const uint8_t *end = memchr(text.at, '\n', text.size);
        size_t size = end ? (size_t)(end - text.at) : text.size;
        rc = line_take(config, *number, (struct btr_span){text.at, size}, err);
        if (rc < 0)
            return rc;
        size += end != NULL;
        text = (struct btr_span){text.at + size, text.size - size};
    }
    return config_check(config, number, err);
}

static int presets_set(struct cli_config *config, struct btr_err *err)
{
    int rc = 0;
    for (const struct cli_config_row *row = cli_config_table; row->key && rc == 0; row++)
        rc = row->preset ? config_value_set(config, row, row->key, row->preset, err) : 0;
    return rc;
}

int cli_config_parse(struct cli_config *out, struct btr_span text, const char *name,
                     struct btr_err *err)
{
    uint32_t line = 0;
    struct btr_err why = {0};
    *out = (struct cli_config){0};
    int rc = text.size > CLI_CONFIG_FILE_MAX
                 ? btr_fail(&why, BTR_E_USAGE, UINT64_MAX, "too large for a configuration")
                 : presets_set(out, &why);
    if (rc == 0)
        rc = lines_take(out, text, &line, &why);
    if (rc < 0 && line > 0)
        return btr_fail(err, rc, UINT64_MAX, "%s:%u: %s", name, line, why.text);
    return rc < 0 ? btr_fail(err, rc, UINT64_MAX, "%s: %s", name, why.text) : 0;
}

int cli_config_load(struct cli_config *out, const char *path, struct btr_err *err)
{
    struct btr_buffer text = {0};
    *out = (struct cli_config){0};
    int rc = cli_file_read(path, CLI_CONFIG_FILE_MAX, &text, err);
    if (rc == 0)
        rc = cli_config_parse(out, btr_buffer_view(&text), path, err);
    btr_buffer_fini(&text);
    return rc;
}

static bool member_is_text(const struct cli_config_row *row)
{
    return row->type == CLI_CONFIG_TEXT || row->type == CLI_CONFIG_PATH ||
           row->type == CLI_CONFIG_CHOICE || row->type == CLI_CONFIG_TOPIC ||
           row->type == CLI_CONFIG_ENV;
}

static bool member_is_list(const struct cli_config_row *row)
{
    return row->type == CLI_CONFIG_TOPICS || row->type == CLI_CONFIG_PREFIX ||
           row->type == CLI_CONFIG_PREFIX_PATH;
}

void cli_config_fini(struct cli_config *config)
{
    for (const struct cli_config_row *row = cli_config_table; row->key; row++) {
        void *member = config_member(config, row);
        if (member_is_text(row))
            free(*(char **)member);
        struct cli_config_list *list = member_is_list(row) ? member : NULL;
        for (uint32_t i = 0; list && i < list->count; i++)
            free(list->items[i]);
        if (list)
            free(list->items);
    }
    *config = (struct cli_config){0};
}

bool cli_config_same(const struct cli_config *a, const struct cli_config *b,
                     const struct cli_config_row *row)
{
    const void *x = config_member(a, row), *y = config_member(b, row);
    if (member_is_list(row))
        return config_list_same(x, y);
    if (row->type == CLI_CONFIG_NUMBER)
        return *(const uint64_t *)x == *(const uint64_t *)y;
    if (row->type == CLI_CONFIG_BOOL)
        return *(const bool *)x == *(const bool *)y;
    if (row->type == CLI_CONFIG_LISTEN)
        return memcmp(x, y, sizeof(struct cli_config_listen)) == 0;
    const char *left = *(char *const *)x, *right = *(char *const *)y;
    return left && right ? strcmp(left, right) == 0 : left == right;
}

bool cli_config_keep(struct cli_config *to, const struct cli_config *from,
                     const struct cli_config_row *row)
{
    void *here = config_member(to, row);
    const void *there = config_member(from, row);
    if (member_is_text(row)) {
        const char *text = *(char *const *)there;
        char *copy = text ? strdup(text) : NULL;
        if (text && !copy)
            return false;
        free(*(char **)here);
        *(char **)here = copy;
    } else if (row->type == CLI_CONFIG_LISTEN) {
        memcpy(here, there, sizeof(struct cli_config_listen));
    } else if (row->type == CLI_CONFIG_NUMBER) {
        memcpy(here, there, sizeof(uint64_t));
    } else if (row->type == CLI_CONFIG_BOOL) {
        memcpy(here, there, sizeof(bool));
    }
    return true;
}
