#ifndef QUERY_GLOB_H
#define QUERY_GLOB_H
/** Globs over bytes that an agent chose: no recursion, no memory. */
#include <btr/span.h>

/** `*` any bytes, `?` one byte, `[*]` `[?]` `[[]` these bytes themselves; a backslash is a
 * backslash (Windows paths). Time at most pattern x text. */
bool query_glob(struct btr_span pattern, struct btr_span text, bool fold);

/**
 * The same of paths: `*` and `?` stop at a separator, `**` does not; `**` with separators around it
 * is any number of folders, or none. `[a-z]` is one byte of a set, `[!a-z]` one that is not in it;
 * a `[` that nothing closes is itself. A Windows path (query_path_is_windows) compares without case,
 * and there / and \ are one separator. Time at most pattern x pattern x text.
 */
bool query_glob_path(struct btr_span pattern, struct btr_span path);

/** Whether a glob has a set with a separator in it, which no path fits. */
bool query_glob_splits(struct btr_span pattern);

/** The same of names that have no parts: `*` any bytes, sets, letters of either case are equal. */
bool query_glob_name(struct btr_span pattern, struct btr_span name);

/** A drive letter in front, or a backslash in what does not begin with /: letters of either case
 * are equal there. */
bool query_path_is_windows(struct btr_span path);

#endif
