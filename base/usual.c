#include <btr/id.h>
#include <btr/usual.h>

/* Keys of different kinds of things differ by the word that they begin with. */
static uint64_t key_of(const char *word, struct btr_span name)
{
    struct btr_span parts[] = {btr_span_of(word), name};
    uint64_t key = name.size ? btr_id_of(parts, 2).lo : 0;
    return key;
}

uint64_t btr_usual_program(struct btr_span executable)
{
    return key_of("program", executable);
}

uint64_t btr_usual_file(struct btr_span path)
{
    return key_of("file", path);
}

uint64_t btr_usual_far(struct btr_span address)
{
    return key_of("far", address);
}

bool btr_usual_counts(unsigned operation)
{
    switch (operation) {
    case BTR_OP_OPEN_READ:
    case BTR_OP_OPEN_WRITE:
    case BTR_OP_OPEN_BOTH:
    case BTR_OP_CREATE:
    case BTR_OP_EXEC:
    case BTR_OP_LOAD:
    case BTR_OP_MAP:
    case BTR_OP_CONNECT:
    case BTR_OP_ACCEPT:
        return true;
    default:
        return false;
    }
}
