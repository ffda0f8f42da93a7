#ifndef BTR_USUAL_H
#define BTR_USUAL_H
/**
 * What programs usually do: how often which program opened, ran, loaded, connected to or accepted which thing. A thing
 * is named without a host, so that all hosts of a fleet count together. Counts add up: over segments, over stores, before
 * and after a merge, in any order. Keys have 48 bits (docs/FORMAT.md, "Usual"). docs/SCORING.md says what they are used for.
 */
#include <btr/event.h>

/** Key of a program: of its executable as a process had it. 0: not known. Windows paths are told apart as files are, and
 *  "\Device\HarddiskVolumeN", which some records have, is taken to be "C:". */
uint64_t btr_usual_program(struct btr_span executable);
/** Key of a thing: a file by its path, likewise, a channel as a file of its name, a connection by the address of its far end; 0: such things are not counted. */
uint64_t btr_usual_file(struct btr_span path);
uint64_t btr_usual_far(struct btr_span address);
/** Whether events of an operation count: those by which a program turns to a thing, not each use of it then. */
bool btr_usual_counts(unsigned operation);

/** Counts, added up. */
struct btr_usual {
    void *self;
    /** Events of that program and that thing. */
    uint64_t (*both)(void *self, uint64_t program, uint64_t thing);
    /** How many programs have that thing. */
    uint64_t (*programs)(void *self, uint64_t thing);
    /** How many programs there are. */
    uint64_t (*programs_all)(void *self);
    /** The most events that the program has with one thing: about how often it did its work. */
    uint64_t (*most)(void *self, uint64_t program);
    /** The most events that one thing has. */
    uint64_t (*most_of_all)(void *self);
};

#endif
