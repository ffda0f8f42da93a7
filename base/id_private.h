#ifndef BTR_BASE_ID_PRIVATE_H
#define BTR_BASE_ID_PRIVATE_H
/** Ids of parts that are folded while they are hashed, so that no length of name needs memory. */
#include <btr/id.h>

enum base_fold {
    BASE_FOLD_NONE,
    BASE_FOLD_ASCII,   /* letters to lower case */
    BASE_FOLD_WINDOWS, /* ASCII and Latin-1 letters to lower case, slashes to backslashes */
};

struct base_part {
    struct btr_span bytes;
    enum base_fold fold; /* never changes the size */
};

struct btr_id base_id_of_parts(const struct base_part *parts, size_t part_count);

/** Whether a path begins with a letter and a colon. */
bool base_begins_with_drive(struct btr_span path);
/** "\??\C:\x" and "\\?\C:\x" name the same file as "C:\x". */
struct btr_span base_without_device_prefix(struct btr_span path);

#endif
