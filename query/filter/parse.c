/* The filter language: recursive descent over tokens to nodes. docs/man/backtrail-find.1 is its
 * manual. */
#include <btr/list.h>
#include <stdlib.h>

#include "ast.h"
#include "lexer.h"

struct parser {
    struct query_lexer lexer;
    struct btr_filter *filter;
    struct btr_err *err;
    unsigned depth;
};

static int parse_or(struct parser *p, uint16_t *out);

static int fail_memory(struct parser *p)
{
    return btr_fail(p->err, BTR_E_NOMEM, p->lexer.begin, "filter");
}

/* Names what stands where something else was expected. */
static int fail_expected(struct parser *p, const char *what)
{
    const struct query_lexer *l = &p->lexer;
    if (l->token == QUERY_TOKEN_END)
        return btr_fail(p->err, BTR_E_USAGE, l->begin, "expected %s at the end of the filter",
                        what);
    return btr_fail(p->err, BTR_E_USAGE, l->begin, "expected %s at %zu, not \"%.*s\"", what,
                    l->begin, (int)(l->value.size < 64 ? l->value.size : 64),
                    (const char *)l->value.at);
}

static int advance(struct parser *p)
{
    return query_lexer_next(&p->lexer, p->err);
}

static int node_new(struct parser *p, enum query_node_type type, uint16_t *out)
{
    struct btr_filter *f = p->filter;
    if (f->node_count == QUERY_NODE_MAX)
        return btr_fail(p->err, BTR_E_USAGE, p->lexer.begin,
                        "the filter has more than %d parts at %zu", QUERY_NODE_MAX, p->lexer.begin);
    if (!btr_list_room(&f->nodes, f->node_count, &f->node_capacity, 16, sizeof *f->nodes))
        return fail_memory(p);
    *out = (uint16_t)f->node_count++;
    f->nodes[*out] = (struct query_node){
        .type = (uint8_t)type, .child = QUERY_NODE_NONE, .next = QUERY_NODE_NONE};
    return 0;
}

/* ---- Comparisons ---- */

static int literal_take(struct parser *p, struct query_node *node, bool want_string)
{
    struct btr_filter *f = p->filter;
    const struct query_lexer *l = &p->lexer;
    bool number = l->token == QUERY_TOKEN_NUMBER;
    if (l->token == QUERY_TOKEN_WORD)
        return btr_fail(p->err, BTR_E_USAGE, l->begin, "a value stands in quotes: \"%.*s\" at %zu",
                        (int)(l->value.size < 64 ? l->value.size : 64), (const char *)l->value.at,
                        l->begin);
    if (l->token != QUERY_TOKEN_STRING && (want_string || !number))
        return fail_expected(p, want_string ? "a string" : "a string or a number");
    if (!btr_list_room(&f->literals, f->literal_count, &f->literal_capacity, 16,
                       sizeof *f->literals))
        return fail_memory(p);
    struct query_literal literal = {.number = number};
    if (!btr_arena_copy(f->arena, l->value, &literal.text))
        return fail_memory(p);
    if (node->op == QUERY_CIDR && !query_cidr_parse(&literal.cidr, literal.text))
        return btr_fail(
            p->err, BTR_E_USAGE, l->begin, "\"%.*s\" at %zu is no address range such as 10.0.0.0/8",
            (int)(l->value.size < 64 ? l->value.size : 64), (const char *)l->value.at, l->begin);
    f->literals[f->literal_count++] = literal;
    node->literal_count++;
    return advance(p);
}

static int list_take(struct parser *p, struct query_node *node)
{
    int rc;
    if (!query_lexer_is(&p->lexer, "("))
        return fail_expected(p, "\"(\"");
    do {
        if ((rc = advance(p)) < 0 || (rc = literal_take(p, node, false)) < 0)
            return rc;
    } while (query_lexer_is(&p->lexer, ","));
    if (!query_lexer_is(&p->lexer, ")"))
        return fail_expected(p, "\",\" or \")\"");
    return advance(p);
}

static int pattern_take(struct parser *p, struct query_node *node)
{
    struct query_lexer *l = &p->lexer;
    int rc = query_lexer_regex(l, p->err);
    if (rc < 0)
        return rc;
    size_t begin = l->begin;
    rc = query_pattern_new(&node->pattern, l->value, l->flags, p->err);
    if (rc < 0) {
        if (p->err && p->err->offset != UINT64_MAX)
            p->err->offset += begin + 1;
        return rc;
    }
    return advance(p);
}

static const struct {
    const char *word;
    enum query_op op;
} OPS[] = {
    {"==", QUERY_EQ},     {"!=", QUERY_NE},           {"<", QUERY_LT},  {"<=", QUERY_LE},
    {">", QUERY_GT},      {">=", QUERY_GE},           {"in", QUERY_IN}, {"like", QUERY_LIKE},
    {"cidr", QUERY_CIDR}, {"matches", QUERY_MATCHES},
};

static int op_take(struct parser *p, uint8_t *op)
{
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        if (!query_lexer_is(&p->lexer, OPS[i].word))
            continue;
        *op = (uint8_t)OPS[i].op;
        return *op == QUERY_MATCHES ? 0 : advance(p);
    }
    return fail_expected(p, "an operator (== != < <= > >= in like cidr matches)");
}

static int field_take(struct parser *p, uint32_t *field)
{
    const struct query_lexer *l = &p->lexer;
    if (l->token != QUERY_TOKEN_WORD)
        return fail_expected(p, "a field");
    int size = (int)(l->value.size < 64 ? l->value.size : 64);
    *field = query_field_find(l->value);
    if (*field == QUERY_FIELD_NONE) {
        const char *near = query_field_suggest(l->value);
        return btr_fail(p->err, BTR_E_USAGE, l->begin, "no field \"%.*s\" at %zu%s%s%s", size,
                        (const char *)l->value.at, l->begin, near ? "; did you mean " : "",
                        near ? near : "", near ? "?" : "");
    }
    return advance(p);
}

/* The operator and its values. `node` is filled in apart: the array may move. */
static int values_take(struct parser *p, struct query_node *node)
{
    switch (node->op) {
    case QUERY_IN:
        return list_take(p, node);
    case QUERY_MATCHES:
        return pattern_take(p, node);
    case QUERY_LIKE:
    case QUERY_CIDR:
        return literal_take(p, node, true);
    default:
        return literal_take(p, node, false);
    }
}

static int parse_compare(struct parser *p, uint16_t *out)
{
    struct query_node node = {
        .type = QUERY_COMPARE, .child = QUERY_NODE_NONE, .next = QUERY_NODE_NONE};
    int rc = field_take(p, &node.field);
    if (rc < 0)
        return rc;
    bool negated = query_lexer_is(&p->lexer, "not");
    if (negated && (rc = advance(p)) < 0)
        return rc;
    if ((rc = op_take(p, &node.op)) < 0)
        return rc;
    node.literal_first = p->filter->literal_count;
    rc = values_take(p, &node);
    uint16_t compare = 0, outer = 0;
    if (rc == 0)
        rc = node_new(p, QUERY_COMPARE, &compare);
    if (rc < 0) {
        query_pattern_free(node.pattern);
        return rc;
    }
    p->filter->nodes[compare] = node;
    *out = compare;
    if (!negated)
        return 0;
    if ((rc = node_new(p, QUERY_NOT, &outer)) < 0)
        return rc;
    p->filter->nodes[outer].child = compare;
    *out = outer;
    return 0;
}

/* ---- and, or, not, ( ) ---- */

static int deeper(struct parser *p)
{
    if (++p->depth <= QUERY_DEPTH_MAX)
        return 0;
    return btr_fail(p->err, BTR_E_USAGE, p->lexer.begin, "nested more than %d deep at %zu",
                    QUERY_DEPTH_MAX, p->lexer.begin);
}

static int parse_not(struct parser *p, uint16_t *out)
{
    int rc;
    bool group = query_lexer_is(&p->lexer, "(");
    if (!group && !query_lexer_is(&p->lexer, "not"))
        return parse_compare(p, out);
    if ((rc = deeper(p)) < 0 || (rc = advance(p)) < 0)
        return rc;
    uint16_t inner = 0;
    rc = group ? parse_or(p, &inner) : parse_not(p, &inner);
    if (rc < 0)
        return rc;
    p->depth--;
    if (group) {
        if (!query_lexer_is(&p->lexer, ")"))
            return fail_expected(p, "\")\"");
        *out = inner;
        return advance(p);
    }
    if ((rc = node_new(p, QUERY_NOT, out)) < 0)
        return rc;
    p->filter->nodes[*out].child = inner;
    return 0;
}

/* A chain of one connective: its parts become siblings, so that depth is that of the text's
 * brackets. */
static int parse_chain(struct parser *p, enum query_node_type type, uint16_t *out)
{
    const char *word = type == QUERY_AND ? "and" : "or";
    uint16_t last = 0;
    int rc = type == QUERY_AND ? parse_not(p, out) : parse_chain(p, QUERY_AND, out);
    if (rc < 0 || !query_lexer_is(&p->lexer, word))
        return rc;
    last = *out;
    if ((rc = node_new(p, type, out)) < 0)
        return rc;
    p->filter->nodes[*out].child = last;
    while (query_lexer_is(&p->lexer, word)) {
        uint16_t more = 0;
        if ((rc = advance(p)) < 0)
            return rc;
        rc = type == QUERY_AND ? parse_not(p, &more) : parse_chain(p, QUERY_AND, &more);
        if (rc < 0)
            return rc;
        p->filter->nodes[last].next = more;
        last = more;
    }
    return 0;
}

static int parse_or(struct parser *p, uint16_t *out)
{
    return parse_chain(p, QUERY_OR, out);
}

static int parse_all(struct parser *p)
{
    int rc = advance(p);
    if (rc < 0)
        return rc;
    if (p->lexer.token == QUERY_TOKEN_END)
        return node_new(p, QUERY_ALL, &p->filter->root);
    rc = parse_or(p, &p->filter->root);
    if (rc == 0 && p->lexer.token != QUERY_TOKEN_END)
        rc = fail_expected(p, "and, or, or the end");
    return rc;
}

int btr_filter_parse(struct btr_filter **out, struct btr_span text, struct btr_err *err)
{
    if (text.size > QUERY_TEXT_MAX)
        return btr_fail(err, BTR_E_USAGE, 0, "the filter is longer than %d bytes", QUERY_TEXT_MAX);
    struct btr_filter *filter = calloc(1, sizeof *filter);
    if (!filter)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "filter");
    filter->arena = btr_arena_new((size_t)QUERY_TEXT_MAX * 4);
    filter->given_up = calloc(1, sizeof *filter->given_up);
    struct parser p = {.lexer = {.text = text}, .filter = filter, .err = err};
    int rc = filter->arena && filter->given_up ? parse_all(&p) : fail_memory(&p);
    btr_buffer_fini(&p.lexer.unescaped);
    if (rc < 0) {
        btr_filter_free(filter);
        return rc;
    }
    *out = filter;
    return 0;
}

void btr_filter_free(struct btr_filter *filter)
{
    if (!filter)
        return;
    for (uint32_t i = 0; i < filter->node_count; i++)
        query_pattern_free(filter->nodes[i].pattern);
    free(filter->nodes);
    free(filter->literals);
    free(filter->given_up);
    btr_arena_free(filter->arena);
    free(filter);
}
