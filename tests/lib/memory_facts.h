#ifndef TESTS_MEMORY_FACTS_H
#define TESTS_MEMORY_FACTS_H
/** In-memory twins of what strategies ask of a store: facts of entities, and what is usual. */
#include <btr/strategy.h>

enum { MEMORY_FACTS_MAX = 1536, MEMORY_USUAL_MAX = 256 };

struct memory_fact {
    struct btr_id id;
    struct btr_fact fact;
    struct btr_fact_image image; /* of a process, when it has a program */
};

/* A zeroed struct knows nothing. */
struct memory_facts {
    struct memory_fact items[MEMORY_FACTS_MAX];
    uint32_t count;
    const struct btr_event *events; /* borrowed; by ref, to tell their bytes. NULL: nobody told them */
};

/** Tells an entity. @param fact  images are not used  @param program  of a process, else 0 */
void memory_facts_add(struct memory_facts *m, struct btr_id id, struct btr_fact fact,
                      uint64_t program);
struct btr_facts memory_facts_of(struct memory_facts *m);

struct memory_usual_row {
    uint64_t program, thing, count;
};

/* A zeroed struct has no counts. */
struct memory_usual {
    struct memory_usual_row rows[MEMORY_USUAL_MAX];
    uint32_t count;
};

void memory_usual_add(struct memory_usual *m, uint64_t program, uint64_t thing, uint64_t count);
struct btr_usual memory_usual_of(struct memory_usual *m);

#endif
