#include "starts.h"

#include <stdlib.h>

enum { TEXT_SHOWN = 200 }; /* bytes of a SPEC in a message */

int cli_starts_parse(struct cli_starts *s, const struct btr_span *texts, uint32_t count,
                     struct btr_err *err)
{
    s->texts = calloc((size_t)count + 1, sizeof *s->texts);
    s->specs = calloc((size_t)count + 1, sizeof *s->specs);
    s->starts = calloc((size_t)count + 1, sizeof *s->starts);
    if (!s->texts || !s->specs || !s->starts)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "starts");
    s->count = count;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        s->texts[i] = texts[i];
        rc = btr_spec_parse(&s->specs[i], texts[i], err);
    }
    return rc;
}

static int time_forward(struct btr_reader *reader, const struct btr_spec *spec, int64_t at_ns,
                        struct btr_spec_match *match, struct btr_err *err)
{
    if (at_ns != INT64_MIN || spec->at_ns != INT64_MIN || spec->form == BTR_SPEC_RECORD ||
        spec->form == BTR_SPEC_ORIGIN)
        return 0;
    struct btr_entity entity;
    struct btr_arena *arena = btr_arena_new(64 << 20);
    int rc = arena ? btr_reader_entity(reader, match->entity, arena, &entity, err)
                   : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "entity");
    if (rc == 0)
        match->time_ns = entity.first_ns;
    btr_arena_free(arena);
    return rc;
}

int cli_starts_find(struct cli_starts *s, uint32_t i, const char *option, struct btr_reader *reader,
                    int64_t at_ns, bool forward, struct btr_err *err)
{
    struct btr_spec_match match;
    struct btr_err why = {0};
    int rc = btr_spec_resolve(reader, &s->specs[i], at_ns, &match, &s->candidates, &why);
    if (rc == 0 && forward)
        rc = time_forward(reader, &s->specs[i], at_ns, &match, &why);
    if (rc < 0)
        return btr_fail(err, rc, UINT64_MAX, "--%s %.*s: %s", option,
                        (int)(s->texts[i].size < TEXT_SHOWN ? s->texts[i].size : TEXT_SHOWN),
                        (const char *)s->texts[i].at, why.text);
    s->starts[i] = (struct btr_start){match.entity, match.time_ns, match.source};
    return 0;
}

void cli_starts_fini(struct cli_starts *s)
{
    free(s->texts);
    free(s->specs);
    free(s->starts);
    btr_buffer_fini(&s->candidates);
    *s = (struct cli_starts){0};
}
