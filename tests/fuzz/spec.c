/* Whatever a SPEC's text is, parsing ends; its parts lie in the text; a refusal says why in one
 * printable line. */
#include <btr/filter.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct btr_span part, const uint8_t *data, size_t size)
{
    if (part.size && (part.at < data || part.at + part.size > data + size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct btr_spec spec;
    struct btr_err err = {0};
    int rc = btr_spec_parse(&spec, (struct btr_span){data, size}, &err);
    if (rc == 0) {
        inside(spec.host, data, size);
        inside(spec.channel, data, size);
        inside(spec.path, data, size);
        inside(spec.address[0], data, size);
        inside(spec.address[1], data, size);
        return 0;
    }
    if (rc != BTR_E_USAGE || err.text[0] == 0)
        abort();
    for (const char *c = err.text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            abort();
    }
    return 0;
}
