/* The fields of the filter language: the ECS names of attributes, and a few made from them. */
#include "ast.h"

static const struct {
    const char *name;
    uint32_t field;
} MADE[] = {
    {"file.name", QUERY_FIELD_FILE_NAME},
    {"backtrail.kind", QUERY_FIELD_KIND},
    {"backtrail.id", QUERY_FIELD_ID},
};

enum { MADE_COUNT = sizeof MADE / sizeof *MADE };

uint32_t query_field_find(struct btr_span name)
{
    for (size_t i = 0; i < MADE_COUNT; i++) {
        if (btr_span_equal(name, btr_span_of(MADE[i].name)))
            return MADE[i].field;
    }
    return btr_attr_find(name);
}

/* ---- Suggestions ---- */

enum { NAME_MAX_SIZE = 48 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance; both at most NAME_MAX_SIZE. */
static unsigned distance(struct btr_span a, struct btr_span b)
{
    unsigned row[NAME_MAX_SIZE + 1];
    for (unsigned j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 0; i < a.size; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < b.size; j++) {
            unsigned up = row[j + 1];
            row[j + 1] = min3(up + 1, row[j] + 1, diagonal + (a.at[i] != b.at[j]));
            diagonal = up;
        }
    }
    return row[b.size];
}

/* How far a name is: a beginning ("process.exe") or an end ("executable") of it counts as near. */
static unsigned unlikeness(struct btr_span given, struct btr_span name)
{
    if (name.size > given.size) {
        struct btr_span end = {name.at + name.size - given.size, given.size};
        if (btr_span_begins(name, given) || btr_span_equal(end, given))
            return 1;
    }
    return distance(given, name);
}

const char *query_field_suggest(struct btr_span name)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)(name.size / 3) + 1;
    if (name.size < 3 || name.size > NAME_MAX_SIZE)
        return NULL;
    for (unsigned i = 1; i <= BTR_ATTR_MAX + MADE_COUNT; i++) {
        const char *known = i <= BTR_ATTR_MAX ? btr_attr_name(i) : MADE[i - BTR_ATTR_MAX - 1].name;
        if (!known || strlen(known) > NAME_MAX_SIZE)
            continue;
        unsigned d = unlikeness(name, btr_span_of(known));
        if (d < best_distance) {
            best_distance = d;
            best = known;
        }
    }
    return best;
}

/* ---- Values ---- */

static bool attr_folds(const struct btr_attr *attr)
{
    switch (attr->key) {
    case BTR_ATTR_FILE_PATH:
    case BTR_ATTR_PROCESS_EXECUTABLE:
    case BTR_ATTR_PROCESS_PARENT_EXECUTABLE:
    case BTR_ATTR_PROCESS_WORKING_DIRECTORY:
    case BTR_ATTR_REGISTRY_PATH:
        return query_path_is_windows(attr->value);
    case BTR_ATTR_HOST_NAME:
    case BTR_ATTR_PROCESS_ENTITY_ID:
    case BTR_ATTR_DNS_QUESTION_NAME:
    case BTR_ATTR_DESTINATION_DOMAIN:
        return true;
    default:
        return false;
    }
}

static struct btr_span last_part(struct btr_span path, bool windows)
{
    size_t i = path.size;
    while (i && path.at[i - 1] != '/' && !(windows && path.at[i - 1] == '\\'))
        i--;
    return (struct btr_span){path.at + i, path.size - i};
}

/* Values that other attributes imply: the names of files and of executables. */
static bool derived_values(uint16_t key, const struct btr_entity *entity, query_value_visit *visit,
                           void *self)
{
    for (uint32_t i = 0; i < entity->attr_count; i++) {
        const struct btr_attr *attr = &entity->attrs[i];
        if (attr->key != key || attr->value.size == 0)
            continue;
        bool windows = query_path_is_windows(attr->value);
        struct query_value value = {last_part(attr->value, windows), windows};
        if (visit(self, &value))
            return true;
    }
    return false;
}

static bool attr_values(uint32_t field, const struct btr_entity *entity, query_value_visit *visit,
                        void *self)
{
    for (uint32_t i = 0; i < entity->attr_count; i++) {
        const struct btr_attr *attr = &entity->attrs[i];
        if (attr->key != field)
            continue;
        struct query_value value = {attr->value, attr_folds(attr)};
        if (visit(self, &value))
            return true;
    }
    return false;
}

bool query_field_values(uint32_t field, const struct btr_entity *entity, query_value_visit *visit,
                        void *self)
{
    char id[BTR_ID_TEXT_SIZE];
    struct query_value value = {entity->host, true};
    switch (field) {
    case BTR_ATTR_HOST_NAME:
        if (entity->host.size && visit(self, &value))
            return true;
        return attr_values(field, entity, visit, self);
    case QUERY_FIELD_FILE_NAME:
        return derived_values(BTR_ATTR_FILE_PATH, entity, visit, self);
    case BTR_ATTR_PROCESS_NAME:
        return attr_values(field, entity, visit, self) ||
               derived_values(BTR_ATTR_PROCESS_EXECUTABLE, entity, visit, self);
    case QUERY_FIELD_KIND:
        value = (struct query_value){
            .text = btr_span_of(btr_kind_word(entity->kind) ? btr_kind_word(entity->kind) : "")};
        return visit(self, &value);
    case QUERY_FIELD_ID:
        btr_id_text(entity->id, id);
        value = (struct query_value){btr_span_of(id), true};
        return visit(self, &value);
    default:
        return attr_values(field, entity, visit, self);
    }
}
