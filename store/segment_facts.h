#ifndef STORE_SEGMENT_FACTS_H
#define STORE_SEGMENT_FACTS_H
/** What the catalog says of a segment, and where it has it from: the builder, or the file. */
#include "builder.h"
#include "catalog.h"
#include "segment.h"

/** Fills day, hosts and kinds of a row from what is sealed. */
void store_builder_facts(const struct store_builder *builder, struct catalog_segment *row);
/** Fills hash, size, SHA-256 and root of a row from the bytes of its file. @return 0 or BTR_E_NOMEM
 */
int store_file_facts(struct btr_span bytes, struct catalog_segment *row);
/**
 * Fills a whole row from a segment that is open, as the writer that sealed it did.
 * @return 0, BTR_E_NOMEM, or what reading it fails with
 */
int store_segment_facts(struct store_segment *seg, struct catalog_segment *row,
                        struct btr_err *err);
/** The partition of events that end between two times: the day (UTC), or SEVERAL_DAYS. Of a segment
 * without events, that of time 0. */
#define SEVERAL_DAYS "0000-00-00"
void store_day_of(int64_t least_last_ns, int64_t last_ns, char day[STORE_DAY_SIZE]);

#endif
