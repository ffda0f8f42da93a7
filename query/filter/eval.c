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
    if (c->node->op == QUERY_MATCHES)
        return matches(c, value);
    if (!all)
        return false;
    const struct query_literal *literals = all + c->node->literal_first;
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

/* ---- What a filter needs ---- */

/* A comparison that some value of one attribute must pass. `matches` counts what it gave up on, and
 * is asked of no more values than need be. */
static bool node_needs(const struct query_node *node)
{
    bool plain = node->field <= BTR_ATTR_MAX && node->field != BTR_ATTR_HOST_NAME &&
                 node->field != BTR_ATTR_PROCESS_NAME; /* those have values from elsewhere, too */
    return node->type == QUERY_COMPARE && node->op != QUERY_NE && node->op != QUERY_MATCHES &&
           (plain || node->field == QUERY_FIELD_FILE_NAME);
}

/* Equal byte for byte, or but for case: a number is equal to others that are written differently.
 */
static bool node_exact(const struct btr_filter *filter, const struct query_node *node)
{
    return node->field <= BTR_ATTR_MAX && (node->op == QUERY_EQ || node->op == QUERY_IN) &&
           node->literal_count == 1 && !filter->literals[node->literal_first].number;
}

static bool need_find(const struct btr_filter *filter, uint16_t index, bool exact,
                      struct btr_filter_need *out)
{
    const struct query_node *node = &filter->nodes[index];
    if (node->type == QUERY_AND) {
        for (uint16_t i = node->child; i != QUERY_NODE_NONE; i = filter->nodes[i].next)
            if (need_find(filter, i, exact, out))
                return true;
        return false;
    }
    if (!node_needs(node) || (exact && !node_exact(filter, node)))
        return false;
    *out = (struct btr_filter_need){.key = node->field == QUERY_FIELD_FILE_NAME
                                               ? BTR_ATTR_FILE_PATH
                                               : (enum btr_attr_key)node->field,
                                    .is_exact = exact,
                                    .filter = filter,
                                    .node = index};
    if (exact)
        out->value = filter->literals[node->literal_first].text;
    return true;
}

bool btr_filter_need(const struct btr_filter *filter, struct btr_filter_need *out)
{
    return need_find(filter, filter->root, true, out) ||
           need_find(filter, filter->root, false, out);
}

bool btr_filter_need_test(void *self, struct btr_span value)
{
    const struct btr_filter_need *need = self;
    const struct query_node *node = &need->filter->nodes[need->node];
    struct comparison c = {need->filter, node};
    struct btr_attr attr = {.key = (uint16_t)need->key, .value = value};
    struct btr_entity entity = {.attrs = &attr, .attr_count = 1};
    return query_field_values(node->field, &entity, value_fits, &c);
}

uint64_t btr_filter_given_up(const struct btr_filter *filter)
{
    return *filter->given_up;
}
