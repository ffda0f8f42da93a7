#ifndef QUERY_ASSETS_ROWS_H
#define QUERY_ASSETS_ROWS_H
/** Rows and containers from the texts of their keys. */
#include "assets.h"
#include "assets_yaml.h"

enum asset_field_number {
    ASSET_FIELD_HOST,
    ASSET_FIELD_PATH,
    ASSET_FIELD_NAME,
    ASSET_FIELD_CLASSIFICATION,
    ASSET_FIELD_OWNER,
    ASSET_FIELD_ACCOUNT,
    ASSET_FIELD_CONTAINER,
    ASSET_FIELD_SERVICE,
    ASSET_FIELD_SHARE,
    ASSET_FIELD_ADDRESS,
    ASSET_FIELDS
};

enum container_field_number {
    CONTAINER_FIELD_HOST,
    CONTAINER_FIELD_NAME,
    CONTAINER_FIELD_ROOT,
    CONTAINER_FIELD_MOUNTS,
    CONTAINER_FIELDS
};

/** The text of a key, and where it stands. */
struct asset_field {
    struct btr_span text; /* in the inventory's arena */
    struct yaml_place place;
    bool is_set;
};

/** What is wrong with a row, and with which of its keys. */
struct asset_wrong {
    const struct asset_field *field; /* NULL: the row */
    const char *what;                /* NULL: out of memory */
};

/** @param row  line and column are there  @return false: see `wrong` */
bool query_row_make(struct asset_row *row, const struct asset_field fields[ASSET_FIELDS],
                    struct btr_arena *arena, struct asset_wrong *wrong);
/** @param container  mounts are there  @return false: see `wrong` */
bool query_container_make(struct asset_container *container,
                          const struct asset_field fields[CONTAINER_FIELDS],
                          struct asset_wrong *wrong);
/** "/of/host:/in/container", with any options behind a second colon. @return NULL, or what is wrong */
const char *query_mount_make(struct asset_mount *out, struct btr_span text);

#endif
