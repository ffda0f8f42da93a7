/* What a SPEC names in a snapshot. */
#include <btr/hosts.h>

#include "spec.h"

struct btr_span query_spec_host(struct btr_span host, uint8_t *buffer)
{
    size_t size = host.size < 255 ? host.size : 255;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = host.at[i];
        buffer[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
    }
    return (struct btr_span){buffer, size};
}

static int resolve(const struct spec_search *search, struct btr_spec_match *out)
{
    bool record = search->spec->form == BTR_SPEC_RECORD || search->spec->form == BTR_SPEC_ORIGIN;
    return record ? query_spec_record(search, out) : query_spec_entity(search, out);
}

/* A store knows hosts by their canonical names: the short one, unless an inventory told two apart.
 */
int btr_spec_resolve(struct btr_reader *reader, const struct btr_spec *spec, int64_t at_ns,
                     struct btr_spec_match *out, struct btr_buffer *candidates, struct btr_err *err)
{
    uint8_t lower[256], canonical[256];
    struct btr_spec folded = *spec;
    struct spec_search search = {reader, &folded, at_ns, candidates, err};
    folded.host = query_spec_host(spec->host, lower);
    int rc = resolve(&search, out);
    if (rc != BTR_E_NOTFOUND || spec->host.size == 0)
        return rc;
    struct btr_span name = btr_host_canonical(NULL, spec->host, canonical);
    if (btr_span_equal(name, folded.host))
        return rc;
    folded.host = name;
    return resolve(&search, out);
}
