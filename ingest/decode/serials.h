#ifndef DECODE_SERIALS_H
#define DECODE_SERIALS_H
/**
 * Counters that several hosts share (`serial_space` of the inventory): a number is missing when none
 * of them has it. Decoders note the numbers that they see; who runs them compares, when all hosts of
 * a counter were heard. Of one thread.
 */
#include <btr/buffer.h>
#include <btr/hosts.h>

struct btr_serials;
struct serials_space;

/** Numbers that no host has, from those around them; times are not later, or not earlier, than those
 * of the two records. */
struct serials_hole {
    uint64_t from, until, count; /* count: of those between, that are missing */
    int64_t from_ns, until_ns;
};

/** @param hosts borrowed, or NULL: there are no shared counters  @return NULL when out of memory */
struct btr_serials *serials_new(const struct btr_hosts *hosts);
void serials_free(struct btr_serials *s);
/** The i-th counter; NULL: there is none. In the order of the inventory. */
struct serials_space *serials_at(struct btr_serials *s, uint32_t i);
struct btr_span serials_name(const struct serials_space *space);
/** The i-th host of a counter; empty: there is none. */
struct btr_span serials_host(const struct serials_space *space, uint32_t i);

/** The counter of a host, and its place among its hosts. @return NULL when it shares none */
struct serials_space *serials_of(struct btr_serials *s, struct btr_span host, uint32_t *member);
/** A host has a number. Hot. @param ns  order time */
void serials_see(struct serials_space *space, uint32_t member, uint64_t number, int64_t ns);
/** A host's counter began anew: nothing is compared until the next run. */
void serials_stop(struct serials_space *space);
/** Whether it was stopped, by that or for want of room (of 128 M numbers). */
bool serials_is_stopped(const struct serials_space *space);

/** Tells the holes between where all hosts were heard first and last, each once, and forgets what is
 * below. Nothing while a host was not heard. @return 0, or the visitor's value */
typedef int serials_visit(void *self, const struct serials_hole *hole);
int serials_tell(struct serials_space *space, serials_visit *visit, void *self);

/** Whether something changed since it was saved. */
bool serials_moved(const struct serials_space *space);
bool serials_save(struct serials_space *space, struct btr_buffer *out);
/** @return 0, BTR_E_FORMAT, BTR_E_NOMEM */
int serials_load(struct serials_space *space, struct btr_span saved, struct btr_err *err);

#endif
