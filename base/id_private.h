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

#endif
