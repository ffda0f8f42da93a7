/* Whatever a filter's text is, parsing ends, and what parses answers about any entity, twice the
 * same. The bytes after the first newline become the entity's values. */
#include <btr/filter.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct btr_span cut_line(struct btr_span *rest)
{
    const uint8_t *end = rest->size ? memchr(rest->at, '\n', rest->size) : NULL;
    size_t size = end ? (size_t)(end - rest->at) : rest->size;
    struct btr_span line = {rest->at, size};
    size_t used = size + (end != NULL);
    *rest = (struct btr_span){rest->at + used, rest->size - used};
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t KEYS[] = {BTR_ATTR_PROCESS_PID, BTR_ATTR_PROCESS_EXECUTABLE,
                                    BTR_ATTR_PROCESS_COMMAND_LINE, BTR_ATTR_SOURCE_IP,
                                    BTR_ATTR_FILE_PATH};
    struct btr_span rest = {data, size};
    struct btr_span text = cut_line(&rest);
    struct btr_attr attrs[5];
    for (size_t i = 0; i < 5; i++)
        attrs[i] = (struct btr_attr){KEYS[i], 0, cut_line(&rest)};
    struct btr_entity entity = {
        .kind = BTR_KIND_PROCESS, .host = rest, .attrs = attrs, .attr_count = 5};

    struct btr_filter *filter = NULL;
    struct btr_err err = {0};
    int rc = btr_filter_parse(&filter, text, &err);
    if (rc == 0) {
        bool first = btr_filter_entity(filter, &entity);
        if (btr_filter_entity(filter, &entity) != first)
            abort();
        btr_filter_free(filter);
    } else if (filter || err.code != rc || err.text[0] == 0) {
        abort(); /* a refusal says why */
    }
    return 0;
}
