#ifndef QUERY_ASSETS_YAML_H
#define QUERY_ASSETS_YAML_H
/** YAML as the inventory has it: mappings of texts and lists. The only door to libyaml. */
#include <btr/err.h>
#include <btr/span.h>

/** Where something stands: from 1, in characters. */
struct yaml_place {
    uint32_t line, column;
    uint64_t offset; /* bytes */
};

enum yaml_what { YAML_TEXT, YAML_MAP, YAML_LIST, YAML_END /* of a map, a list or the document */ };

/** A piece of the document. Spans live until the next is taken. */
struct yaml_piece {
    enum yaml_what what;
    struct btr_span text;   /* of YAML_TEXT */
    bool is_null;           /* a text that says that there is none: ~, null or nothing, unquoted */
    struct yaml_place place;
};

struct yaml_reader;

/** @param text, name  borrowed until free @return 0, BTR_E_NOMEM */
int query_yaml_new(struct yaml_reader **out, struct btr_span text, const char *name,
                   struct btr_err *err);
void query_yaml_free(struct yaml_reader *reader);
/**
 * Takes the next piece. Aliases, anchors, tags and a second document are refused.
 * @return 0, BTR_E_FORMAT with a text that names file, line and column, BTR_E_NOMEM
 */
int query_yaml_next(struct yaml_reader *reader, struct yaml_piece *out, struct btr_err *err);
/** Refuses what stands at a place: "name:line:column: " and the words. @return `code` */
int query_yaml_refuse(const struct yaml_reader *reader, int code, struct yaml_place place,
                      struct btr_err *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
