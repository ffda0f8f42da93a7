/* Saved bytes of the audit assembler from a hostile store: refused, or loaded and saved as the same
 * bytes. */
#include <assert.h>

#include "decode/audit/audit_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct audit_event event;
    struct audit_assembler *a = audit_assembler_new(8, 4096);
    struct btr_buffer again = {0};
    struct btr_err err = {0};
    assert(a);
    if (audit_assembler_load(a, (struct btr_span){data, size}, &err) == 0) {
        assert(audit_assembler_save(a, &again) == 0);
        assert(btr_span_equal(btr_buffer_view(&again), (struct btr_span){data, size}));
    } else {
        assert(err.text[0] && audit_assembler_waiting(a) == 0);
    }
    struct btr_span line = BTR_SPAN("type=CWD msg=audit(1.0:1): cwd=\"/\""), raw;
    uint64_t number;
    audit_assembler_add(a, line, 1, NULL);
    audit_assembler_flush(a, INT64_MAX);
    while (audit_assembler_next(a, &event, &raw, &number, &err) != 0)
        ;
    btr_buffer_fini(&again);
    audit_assembler_free(a);
    return 0;
}
