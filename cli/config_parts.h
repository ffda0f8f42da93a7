#ifndef CLI_CONFIG_PARTS_H
#define CLI_CONFIG_PARTS_H
/** What the files of the configuration's parser share. Messages are without the file's name and line. */
#include "config.h"

/** The member of a row, as a pointer to its type. */
static inline void *config_member(const struct cli_config *config, const struct cli_config_row *row)
{
    return (uint8_t *)(uintptr_t)config + row->at;
}

/** Sets a row from the text of a value; of a prefix, `key` is whole. @return 0, BTR_E_USAGE, BTR_E_NOMEM */
int config_value_set(struct cli_config *config, const struct cli_config_row *row, const char *key,
                     const char *value, struct btr_err *err);
/** Appends copies to a list. @return false when out of memory */
bool config_list_add(struct cli_config_list *list, const char *item);
bool config_list_same(const struct cli_config_list *a, const struct cli_config_list *b);

/** Whether a setting of the client library is one that nobody may see. */
bool config_setting_is_secret(const char *name);
/** Refuses settings of the client library that are secrets, or have a key of their own. @return 0, BTR_E_USAGE */
int config_x_check(const struct cli_config_row *row, const char *key, struct btr_err *err);

/**
 * What keys say together.
 * @param line  receives the line that is at fault, 0 when none is
 * @return 0, BTR_E_USAGE
 */
int config_check(const struct cli_config *config, uint32_t *line, struct btr_err *err);

#endif
