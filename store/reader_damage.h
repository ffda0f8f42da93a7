#ifndef STORE_READER_DAMAGE_H
#define STORE_READER_DAMAGE_H
/** What a reader could not read, for as long as it is open. */
#include <btr/store.h>

#include "catalog.h"
#include "segment_load.h"

struct reader_damage {
    struct catalog_segment row; /* as it was published */
    const char *store;          /* path; the reader's */
    struct btr_span *hosts;     /* in the reader's arena */
    uint32_t host_count;
    bool whole;    /* nothing of it is read */
    bool is_store; /* of a store as a whole: there is no row */
    struct store_loss loss;
    char what[BTR_ERR_TEXT_SIZE]; /* the fault that was met */
};

#endif
