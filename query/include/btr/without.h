#ifndef BTR_WITHOUT_H
#define BTR_WITHOUT_H
/** A question without some of the entities: `trace --without FILTER`. */
#include <btr/edges.h>
#include <btr/filter.h>

/**
 * The edges of a snapshot without those entities that a filter fits, as `find` would list them: without every event that
 * has one of them at either end, and without every crossing from or to half of a connection that is one. How connections
 * are paired, and what is usual, is left as it is. Whether the filter fits is asked once of each entity that a walk comes to.
 */
struct btr_without;

/**
 * @param reader  borrowed, as `filter` is
 * @param filter  of this thread
 * @return 0 or BTR_E_NOMEM
 */
int btr_without_new(struct btr_without **out, struct btr_reader *reader,
                    const struct btr_filter *filter, struct btr_err *err);
void btr_without_free(struct btr_without *w);
struct btr_edges btr_without_edges(struct btr_without *w);
/** Whether the filter fits an entity. @param fits  receives it @return 0, or as btr_reader_entity */
int btr_without_fits(struct btr_without *w, struct btr_id entity, bool *fits, struct btr_err *err);
/** What a crossing met that cannot fail: to be asked once a walk is done. @return 0, or as btr_reader_entity */
int btr_without_failed(const struct btr_without *w, struct btr_err *err);

/** What was left out of the entities that walks came to. */
struct btr_without_stat {
    uint64_t entity_count, event_count; /* event_count: all events of these, by entity */
};
struct btr_without_stat btr_without_stat(const struct btr_without *w);
/** Whether something that flowed into an entity that a walk came to was left out. */
bool btr_without_touches(const struct btr_without *w, struct btr_id entity);

#endif
