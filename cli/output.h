#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H
/** What commands say: results to stdout, everything else to stderr, and the exit status of each
 * failure. */
#include <btr/buffer.h>
#include <btr/err.h>

#include "args.h"

/** Says what failed in one line on stderr, "backtrail COMMAND: text". @return the exit status for
 * err->code */
int cli_fail(const char *command, const struct btr_err *err);
/** The same for something that is bad usage. @return CLI_USAGE */
int cli_refuse(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A line on stderr that is no failure. */
void cli_note(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Writes everything to stdout. @return `status`, or CLI_FAILED when it cannot be written (said on
 * stderr, once; silently when the reader of a pipe went away) */
int cli_print(const char *command, const struct btr_buffer *out, int status);
/** Writes and empties `out` when it holds 64 KiB or more. @return false when stdout cannot be
 * written */
bool cli_print_some(struct btr_buffer *out);
/** Appends bytes as hex digits. */
void cli_hex(struct btr_buffer *out, const uint8_t *bytes, size_t size);
/** Ends the program's output: flushes stdout. @return as cli_print */
int cli_print_end(const char *command, int status);

/** Whether stdout, stderr is a terminal that may have colours (NO_COLOR is heeded) or a progress
 * line. */
bool cli_colour(void);
bool cli_progress(void);

/** Prints the help of a command. @return CLI_ANSWERED, or CLI_FAILED */
int cli_help(const struct cli_usage *usage);

#endif
