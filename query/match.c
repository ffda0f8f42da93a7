/* Regular expressions on hostile bytes. Bytes, not text: UTF mode is off and cannot be turned on.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "match.h"

#include <pcre2.h>
#include <stdlib.h>

/* What one match may cost: an agent chooses the subject, so a pattern that backtracks must end. */
enum { STEPS_MAX = 200000, DEPTH_MAX = 5000, HEAP_MAX_KIB = 4096 };

struct query_pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static uint32_t options_of(struct btr_span flags, struct btr_err *err)
{
    uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C |
                       PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL;
    for (size_t i = 0; i < flags.size; i++) {
        if (flags.at[i] == 'i')
            options |= PCRE2_CASELESS;
        else if (flags.at[i] == 'x')
            options |= PCRE2_EXTENDED;
        else {
            btr_fail(err, BTR_E_USAGE, 0, "no flag \"%c\" of a regular expression: i or x",
                     flags.at[i]);
            return 0;
        }
    }
    return options;
}

int query_pattern_new(struct query_pattern **out, struct btr_span pattern, struct btr_span flags,
                      struct btr_err *err)
{
    if (pattern.size > QUERY_PATTERN_MAX)
        return btr_fail(err, BTR_E_USAGE, 0, "regular expression longer than %d bytes",
                        QUERY_PATTERN_MAX);
    uint32_t options = options_of(flags, err);
    if (!options)
        return BTR_E_USAGE;

    struct query_pattern *p = calloc(1, sizeof *p);
    if (!p)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "regular expression");
    int code = 0;
    PCRE2_SIZE at = 0;
    p->code = pcre2_compile(pattern.size ? pattern.at : (const uint8_t *)"", pattern.size, options,
                            &code, &at, NULL);
    if (!p->code) {
        PCRE2_UCHAR text[200];
        pcre2_get_error_message(code, text, sizeof text);
        query_pattern_free(p);
        return btr_fail(err, BTR_E_USAGE, at, "regular expression: %s", (const char *)text);
    }
    p->data = pcre2_match_data_create(1, NULL);
    p->context = pcre2_match_context_create(NULL);
    if (!p->data || !p->context) {
        query_pattern_free(p);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "regular expression");
    }
    pcre2_set_match_limit(p->context, STEPS_MAX);
    pcre2_set_depth_limit(p->context, DEPTH_MAX);
    pcre2_set_heap_limit(p->context, HEAP_MAX_KIB);
    *out = p;
    return 0;
}

void query_pattern_free(struct query_pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_match_context_free(pattern->context);
    pcre2_match_data_free(pattern->data);
    pcre2_code_free(pattern->code);
    free(pattern);
}

enum query_match query_pattern_match(struct query_pattern *pattern, struct btr_span subject)
{
    int rc = pcre2_match(pattern->code, subject.size ? subject.at : (const uint8_t *)"",
                         subject.size, 0, 0, pattern->data, pattern->context);
    if (rc >= 0)
        return QUERY_MATCH_YES;
    return rc == PCRE2_ERROR_NOMATCH ? QUERY_MATCH_NO : QUERY_MATCH_GIVEN_UP;
}
