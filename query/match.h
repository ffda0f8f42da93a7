#ifndef QUERY_MATCH_H
#define QUERY_MATCH_H
/** Regular expressions on hostile bytes: the only door to PCRE2. */
#include <btr/err.h>
#include <btr/span.h>

enum { QUERY_PATTERN_MAX = 4096 }; /* bytes */

struct query_pattern;

/** @param flags  letters after the closing slash: i (ignore case), x (extended)
 *  @return 0, BTR_E_USAGE with PCRE2's own words and the offset in `pattern`, BTR_E_NOMEM */
int query_pattern_new(struct query_pattern **out, struct btr_span pattern, struct btr_span flags,
                      struct btr_err *err);
void query_pattern_free(struct query_pattern *pattern);

enum query_match { QUERY_MATCH_NO, QUERY_MATCH_YES, QUERY_MATCH_GIVEN_UP };
/** Bounded in steps, depth and memory whatever the subject is: beyond that it says GIVEN_UP. */
enum query_match query_pattern_match(struct query_pattern *pattern, struct btr_span subject);

#endif
