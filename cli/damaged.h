#ifndef CLI_DAMAGED_H
#define CLI_DAMAGED_H
/** Questions go on without what is damaged, and the answer says so first. */
#include <btr/shown.h>
#include <btr/store.h>

/**
 * Asks the one question of a command; where it meets a damaged segment, again without that. Then
 * gives the snapshot back (cli_reader_done).
 * @param question  begins its answer anew at each call, with what damage is known by then (damage.h)
 * @return what the last asking returned
 */
int cli_ask(struct btr_reader *reader, int (*question)(void *self, struct btr_err *err), void *self,
            struct btr_err *err);
/**
 * What the program ends with, given what the answer alone would: an answer that damage may have cut
 * is a failure of the store, with a line on stderr that says so.
 * @param reader  may be NULL: nothing was asked
 */
int cli_damaged_status(const char *command, const struct btr_reader *reader, int status);
/** The same for kept records whose files are damaged. */
int cli_shown_status(const char *command, const struct btr_shown *shown, int status);

#endif
