/* A segment of arbitrary bytes is refused or read without a fault, and what can be read of it makes
 * a sound one. The first byte says whether checksums are made good first, so that what lies behind
 * them is met, too. */
#include <segment_bytes.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct btr_err err;
    if (size < 1)
        return 0;
    uint8_t *bytes = malloc(size);
    if (!bytes)
        return 0;
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1)
        segment_bytes_repair(bytes, size - 1);
    (void)segment_bytes_read((struct btr_span){bytes, size - 1}, &err);
    (void)segment_bytes_salvage((struct btr_span){bytes, size - 1}, &err);
    free(bytes);
    return 0;
}
