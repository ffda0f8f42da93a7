/* One value of the configuration file, by its type. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "config_parts.h"

enum { TOPIC_MAX = 249, ADDRESS_MAX = 64 };
static const char TOPIC_LETTERS[] = "abcdefghijklmnopqrstuvwxyz"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static int no_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
}

static int refused(struct btr_err *err, const char *key, const char *why)
{
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: %s", key, why);
}

bool config_list_add(struct cli_config_list *list, const char *item)
{
    char **grown = realloc(list->items, (list->count + 1) * sizeof *grown);
    char *copy = strdup(item);
    if (grown)
        list->items = grown;
    if (!grown || !copy) {
        free(copy);
        return false;
    }
    grown[list->count++] = copy;
    return true;
}

bool config_list_same(const struct cli_config_list *a, const struct cli_config_list *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

static int text_set(char **out, const char *value, struct btr_err *err)
{
    char *copy = strdup(value);
    if (!copy)
        return no_memory(err);
    free(*out);
    *out = copy;
    return 0;
}

static int number_set(uint64_t *out, const struct cli_config_row *row, const char *value,
                      struct btr_err *err)
{
    uint64_t number;
    if (!btr_span_number(btr_span_of(value), 10, &number))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: \"%.64s\" is no number", row->key,
                        value);
    if (number < row->least || number > row->most)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: %.64s is not from %llu to %llu",
                        row->key, value, (unsigned long long)row->least,
                        (unsigned long long)row->most);
    *out = number;
    return 0;
}

static int bool_set(bool *out, const struct cli_config_row *row, const char *value,
                    struct btr_err *err)
{
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        return refused(err, row->key, "is yes or no");
    *out = value[0] == 'y';
    return 0;
}

static int choice_set(char **out, const struct cli_config_row *row, const char *value,
                      struct btr_err *err)
{
    size_t size = strlen(value);
    for (const char *at = row->choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, value, size) == 0 && (at[size] == '|' || at[size] == '\0'))
            return text_set(out, value, err);
    }
    char range[160];
    cli_config_range(row, range);
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: \"%.64s\" is none of %s", row->key, value,
                    range);
}

static int topic_check(const char *key, const char *name, struct btr_err *err)
{
    size_t size = strlen(name);
    bool good = size > 0 && size <= TOPIC_MAX && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    return good && strspn(name, TOPIC_LETTERS) == size
               ? 0
               : btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: \"%.64s\" is no name of a topic", key,
                          name);
}

static int topics_add(struct cli_config_list *list, const char *key, struct btr_span item,
                      struct btr_err *err)
{
    char name[TOPIC_MAX + 2];
    while (item.size > 0 && isblank(item.at[0]))
        item = (struct btr_span){item.at + 1, item.size - 1};
    while (item.size > 0 && isblank(item.at[item.size - 1]))
        item.size--;
    size_t size = item.size < sizeof name - 1 ? item.size : sizeof name - 1;
    if (size > 0)
        memcpy(name, item.at, size);
    name[size] = '\0';
    int rc = topic_check(key, name, err);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], name) == 0)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: %s is given twice", key, name);
    }
    if (list->count >= CLI_CONFIG_ITEMS_MAX)
        return refused(err, key, "too many");
    return config_list_add(list, name) ? 0 : no_memory(err);
}

static int topics_set(struct cli_config_list *list, const char *key, const char *value,
                      struct btr_err *err)
{
    int rc = 0;
    for (bool more = true; more && rc == 0;) {
        size_t size = strcspn(value, ",");
        rc = topics_add(list, key, (struct btr_span){(const uint8_t *)value, size}, err);
        more = value[size] == ',';
        value += size + more;
    }
    return rc;
}

static int env_set(char **out, const char *key, const char *value, struct btr_err *err)
{
    bool good = !isdigit((unsigned char)value[0]);
    for (size_t i = 0; good && value[i]; i++)
        good = isalnum((unsigned char)value[i]) || value[i] == '_';
    /* What does not look like a name may be the secret itself: it is not printed. */
    return good ? text_set(out, value, err) : refused(err, key, "is no name of a variable");
}

static int path_set(char **out, const char *key, const char *value, struct btr_err *err)
{
    return value[0] == '/' ? text_set(out, value, err)
                           : refused(err, key, "is no absolute path (it begins with /)");
}

/* Splits "ADDRESS:PORT" or "[ADDRESS]:PORT". @return false when it is neither */
static bool listen_split(const char *value, char address[ADDRESS_MAX], uint64_t *port)
{
    const char *colon = strrchr(value, ':');
    if (!colon || !btr_span_number(btr_span_of(colon + 1), 10, port) || *port > UINT16_MAX)
        return false;
    size_t size = (size_t)(colon - value);
    bool bracket = size >= 2 && value[0] == '[' && value[size - 1] == ']';
    if (bracket != (memchr(value, ':', size) != NULL))
        return false;
    value += bracket;
    size -= bracket ? 2 : 0;
    if (size >= ADDRESS_MAX)
        return false;
    memcpy(address, value, size);
    address[size] = '\0';
    return true;
}

static int listen_set(struct cli_config_listen *out, const char *key, const char *value,
                      struct btr_err *err)
{
    char address[ADDRESS_MAX];
    uint64_t port;
    struct sockaddr_in *four = (struct sockaddr_in *)&out->at;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out->at;
    *out = (struct cli_config_listen){.size = 0};
    if (strcmp(value, "off") == 0)
        return 0;
    if (!listen_split(value, address, &port))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: \"%.64s\" is not ADDRESS:PORT", key,
                        value);
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        out->size = sizeof *four;
    } else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        out->size = sizeof *six;
    } else {
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: \"%s\" is no address", key, address);
    }
    return 0;
}

static int pair_set(struct cli_config_list *list, const struct cli_config_row *row, const char *key,
                    const char *value, struct btr_err *err)
{
    const char *name = key + strlen(row->key);
    int rc = config_x_check(row, key, err);
    if (rc < 0)
        return rc;
    if (row->type == CLI_CONFIG_PREFIX_PATH && value[0] != '/')
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "%.64s: is no absolute path (it begins with /)", key);
    for (uint32_t i = 0; i < list->count; i += 2) {
        if (strcmp(list->items[i], name) == 0)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%.64s is given twice", key);
    }
    if (list->count >= 2 * CLI_CONFIG_ITEMS_MAX)
        return refused(err, row->key, "too many");
    return config_list_add(list, name) && config_list_add(list, value) ? 0 : no_memory(err);
}

int config_value_set(struct cli_config *config, const struct cli_config_row *row, const char *key,
                     const char *value, struct btr_err *err)
{
    void *member = config_member(config, row);
    switch (row->type) {
    case CLI_CONFIG_TEXT:
        return text_set(member, value, err);
    case CLI_CONFIG_PATH:
        return path_set(member, key, value, err);
    case CLI_CONFIG_NUMBER:
        return number_set(member, row, value, err);
    case CLI_CONFIG_BOOL:
        return bool_set(member, row, value, err);
    case CLI_CONFIG_CHOICE:
        return choice_set(member, row, value, err);
    case CLI_CONFIG_TOPIC: {
        int rc = topic_check(key, value, err);
        return rc < 0 ? rc : text_set(member, value, err);
    }
    case CLI_CONFIG_TOPICS:
        return topics_set(member, key, value, err);
    case CLI_CONFIG_ENV:
        return env_set(member, key, value, err);
    case CLI_CONFIG_LISTEN:
        return listen_set(member, key, value, err);
    case CLI_CONFIG_PREFIX:
    case CLI_CONFIG_PREFIX_PATH:
        return pair_set(member, row, key, value, err);
    }
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: of no type", row->key);
}
