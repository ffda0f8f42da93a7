#ifndef QUERY_ENTITY_JSON_H
#define QUERY_ENTITY_JSON_H
#include <btr/answer.h>

#include "json_writer.h"

struct entity_json {
    const struct btr_entity *entity;
    struct btr_span label;
    int64_t at_ns; /* attributes as of this time */
};

/** The members of an entity, from "id" on, into an object that the caller opened. */
void query_entity_json(struct json_writer *w, const struct entity_json *e);

#endif
