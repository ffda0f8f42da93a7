#ifndef QUERY_AST_H
#define QUERY_AST_H
/** A parsed filter: nodes in one array, children in a list of siblings. */
#include <btr/filter.h>

#include "../match.h"
#include "compare.h"
#include "glob.h"

/* Fields are attributes (enum btr_attr_key) and these, which are made from others. */
enum query_field {
    QUERY_FIELD_NONE = 0,
    QUERY_FIELD_FILE_NAME = 256, /* the last part of file.path */
    QUERY_FIELD_KIND,            /* the word of --kind */
    QUERY_FIELD_ID,              /* 32 hex digits */
};

/** @return the field of a name, QUERY_FIELD_NONE when there is none */
uint32_t query_field_find(struct btr_span name);
/** The nearest name to one that does not exist, or NULL when none is near. */
const char *query_field_suggest(struct btr_span name);

/** One value of a field. */
struct query_value {
    struct btr_span text;
    bool
        fold; /* letters of either case are equal: Windows paths, host names, agents' process ids */
};
/** Visits the values that an entity has of a field. @return true as soon as the visitor does */
typedef bool query_value_visit(void *self, const struct query_value *value);
bool query_field_values(uint32_t field, const struct btr_entity *entity, query_value_visit *visit,
                        void *self);

enum query_node_type { QUERY_ALL, QUERY_AND, QUERY_OR, QUERY_NOT, QUERY_COMPARE };
enum query_op {
    QUERY_EQ,
    QUERY_NE,
    QUERY_LT,
    QUERY_LE,
    QUERY_GT,
    QUERY_GE,
    QUERY_IN,
    QUERY_LIKE,
    QUERY_CIDR,
    QUERY_MATCHES,
};

enum {
    QUERY_TEXT_MAX = 64 << 10,
    QUERY_DEPTH_MAX = 64,
    QUERY_NODE_MAX = 4096,
    QUERY_NODE_NONE = UINT16_MAX
};

struct query_literal {
    struct btr_span text; /* in the filter's arena */
    bool number;          /* written without quotes */
    struct query_cidr cidr;
};

struct query_node {
    uint8_t type;         /* enum query_node_type */
    uint8_t op;           /* enum query_op, of a comparison */
    uint16_t child, next; /* node indexes, or QUERY_NODE_NONE */
    uint32_t field;
    uint32_t literal_first, literal_count;
    struct query_pattern *pattern;
};

struct btr_filter {
    struct btr_arena *arena;
    struct query_node *nodes;
    struct query_literal *literals;
    uint32_t node_count, node_capacity, literal_count, literal_capacity;
    uint16_t root;
    uint64_t *given_up; /* matches that were too costly; behind a pointer, as the filter is const in
                           use */
};

#endif
