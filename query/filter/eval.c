/* Whether an entity satisfies a filter. */
#include "ast.h"

struct comparison {
    const struct btr_filter *filter;
    const struct query_node *node;
};

/* Order of a value and a literal: by number where the literal is one and the value too, else by
 * bytes. */
static int order(const struct query_value *value, const struct query_literal *literal)
{
    if (literal->number && query_is_number(value->text))
        return query_compare_numbers(value->text, literal->text);
    if (value->fold)
        return query_compare_folded(value->text, literal->text);
    return btr_span_compare(value->text, literal->text);
}

static bool matches(const struct comparison *c, const struct query_value *value)
{
    enum query_match match = query_pattern_match(c->node->pattern, value->text);
    if (match == QUERY_MATCH_GIVEN_UP)
        ++*c->filter->given_up;
    return match == QUERY_MATCH_YES;
}

static bool value_fits(void *self, const struct query_value *value)
{
    const struct comparison *c = self;
    const struct query_literal *all = c->filter->literals; /* NULL when no comparison has any */
    const struct query_literal *literals = all ? all + c->node->literal_first : NULL;
    switch (c->node->op) {
    case QUERY_LT:
        return order(value, literals) < 0;
    case QUERY_LE:
        return order(value, literals) <= 0;
    case QUERY_GT:
        return order(value, literals) > 0;
    case QUERY_GE:
        return order(value, literals) >= 0;
    case QUERY_LIKE:
        return query_glob(literals->text, value->text, value->fold);
    case QUERY_CIDR:
        return query_cidr_holds(&literals->cidr, value->text);
    case QUERY_MATCHES:
        return matches(c, value);
    default: /* QUERY_EQ, QUERY_NE, QUERY_IN: one of the literals */
        for (uint32_t i = 0; i < c->node->literal_count; i++) {
            if (order(value, &literals[i]) == 0)
                return true;
        }
        return false;
    }
}

static bool value_any(void *self, const struct query_value *value)
{
    (void)self;
    (void)value;
    return true;
}

static bool node_fits(const struct btr_filter *filter, uint16_t index,
                      const struct btr_entity *entity)
{
    const struct query_node *node = &filter->nodes[index];
    struct comparison c = {filter, node};
    switch (node->type) {
    case QUERY_ALL:
        return true;
    case QUERY_NOT:
        return !node_fits(filter, node->child, entity);
    case QUERY_AND:
    case QUERY_OR:
        for (uint16_t i = node->child; i != QUERY_NODE_NONE; i = filter->nodes[i].next) {
            if (node_fits(filter, i, entity) == (node->type == QUERY_OR))
                return node->type == QUERY_OR;
        }
        return node->type == QUERY_AND;
    default:
        if (node->op == QUERY_NE) /* it has the field, and no value of it is that one */
            return query_field_values(node->field, entity, value_any, NULL) &&
                   !query_field_values(node->field, entity, value_fits, &c);
        return query_field_values(node->field, entity, value_fits, &c);
    }
}

bool btr_filter_entity(const struct btr_filter *filter, const struct btr_entity *entity)
{
    return node_fits(filter, filter->root, entity);
}

/* Fields whose values are attributes as they are, and literals that are equal byte for byte, or but
 * for case: a number is equal to others that are written differently. */
static bool node_exact(const struct btr_filter *filter, uint16_t index, enum btr_attr_key *key,
                       struct btr_span *value)
{
    const struct query_node *node = &filter->nodes[index];
    if (node->type == QUERY_AND) {
        for (uint16_t i = node->child; i != QUERY_NODE_NONE; i = filter->nodes[i].next)
            if (node_exact(filter, i, key, value))
                return true;
        return false;
    }
    if (node->type != QUERY_COMPARE || (node->op != QUERY_EQ && node->op != QUERY_IN) ||
        node->literal_count != 1 || filter->literals[node->literal_first].number ||
        node->field > BTR_ATTR_MAX || node->field == BTR_ATTR_HOST_NAME ||
        node->field == BTR_ATTR_PROCESS_NAME)
        return false;
    *key = (enum btr_attr_key)node->field;
    *value = filter->literals[node->literal_first].text;
    return true;
}

bool btr_filter_exact(const struct btr_filter *filter, enum btr_attr_key *key,
                      struct btr_span *value)
{
    return node_exact(filter, filter->root, key, value);
}

uint64_t btr_filter_given_up(const struct btr_filter *filter)
{
    return *filter->given_up;
}
