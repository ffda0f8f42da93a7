/* An entity as JSON, under ECS names: what `trace` and `find` show of it. */
#include "entity_json.h"

static struct btr_span attr(const struct entity_json *e, enum btr_attr_key key)
{
    return btr_entity_attr(e->entity, key, e->at_ns);
}

static void process(struct json_writer *w, const struct entity_json *e)
{
    json_open(w, "process", '{');
    json_digits_if(w, "pid", attr(e, BTR_ATTR_PROCESS_PID));
    json_text_if(w, "executable", attr(e, BTR_ATTR_PROCESS_EXECUTABLE));
    json_text_if(w, "name", attr(e, BTR_ATTR_PROCESS_NAME));
    json_text_if(w, "command_line", attr(e, BTR_ATTR_PROCESS_COMMAND_LINE));
    json_text_if(w, "working_directory", attr(e, BTR_ATTR_PROCESS_WORKING_DIRECTORY));
    json_text_if(w, "title", attr(e, BTR_ATTR_TITLE));
    struct btr_span id = attr(e, BTR_ATTR_USER_ID), name = attr(e, BTR_ATTR_USER_NAME);
    struct btr_span domain = attr(e, BTR_ATTR_USER_DOMAIN);
    if (id.size + name.size + domain.size) {
        json_open(w, "user", '{');
        json_text_if(w, "id", id);
        json_text_if(w, "name", name);
        json_text_if(w, "domain", domain);
        json_close(w, '}');
    }
    json_text_if(w, "entity_id", attr(e, BTR_ATTR_PROCESS_ENTITY_ID));
    struct btr_span hash = attr(e, BTR_ATTR_PROCESS_HASH_SHA256);
    if (hash.size) {
        json_open(w, "hash", '{');
        json_text(w, "sha256", hash);
        json_close(w, '}');
    }
    json_bool(w, "uncertain", e->entity->flags & BTR_ENTITY_UNCERTAIN);
    json_close(w, '}');
}

static void file(struct json_writer *w, const struct entity_json *e)
{
    json_open(w, "file", '{');
    json_text_if(w, "path", attr(e, BTR_ATTR_FILE_PATH));
    json_text_if(w, "inode", attr(e, BTR_ATTR_FILE_INODE));
    json_text_if(w, "device", attr(e, BTR_ATTR_FILE_DEVICE));
    json_text_if(w, "mode", attr(e, BTR_ATTR_FILE_MODE));
    json_text_if(w, "uid", attr(e, BTR_ATTR_FILE_OWNER));
    struct btr_span sha256 = attr(e, BTR_ATTR_FILE_HASH_SHA256);
    struct btr_span md5 = attr(e, BTR_ATTR_FILE_HASH_MD5);
    if (sha256.size + md5.size) {
        json_open(w, "hash", '{');
        json_text_if(w, "sha256", sha256);
        json_text_if(w, "md5", md5);
        json_close(w, '}');
    }
    json_text_if(w, "root", attr(e, BTR_ATTR_FILE_ROOT));
    json_close(w, '}');
}

static void endpoint(struct json_writer *w, const char *name, struct btr_span ip,
                     struct btr_span port, struct btr_span domain)
{
    json_open(w, name, '{');
    json_text_if(w, "ip", ip);
    json_digits_if(w, "port", port);
    json_text_if(w, "domain", domain);
    json_close(w, '}');
}

static void flow(struct json_writer *w, const struct entity_json *e)
{
    json_open(w, "flow", '{');
    json_text_if(w, "transport", attr(e, BTR_ATTR_NETWORK_TRANSPORT));
    endpoint(w, "source", attr(e, BTR_ATTR_SOURCE_IP), attr(e, BTR_ATTR_SOURCE_PORT),
             (struct btr_span){0});
    endpoint(w, "destination", attr(e, BTR_ATTR_DESTINATION_IP), attr(e, BTR_ATTR_DESTINATION_PORT),
             attr(e, BTR_ATTR_DESTINATION_DOMAIN));
    json_bool(w, "half", e->entity->flags & BTR_ENTITY_HALF);
    json_bool(w, "outside", e->entity->flags & BTR_ENTITY_OUTSIDE);
    json_close(w, '}');
}

/* Kinds that an attribute or two name. Objects of one member each, as in ECS where it has them. */
static const struct {
    uint8_t kind;
    const char *object;
    struct {
        enum btr_attr_key key;
        const char *name;
    } members[4];
} OTHERS[] = {
    {BTR_KIND_CHANNEL,
     "channel",
     {{BTR_ATTR_CHANNEL_TYPE, "type"}, {BTR_ATTR_CHANNEL_NAME, "name"}}},
    {BTR_KIND_SESSION,
     "session",
     {{BTR_ATTR_SESSION_ID, "id"},
      {BTR_ATTR_USER_NAME, "user"},
      {BTR_ATTR_USER_ID, "user_id"},
      {BTR_ATTR_SOURCE_IP, "source_ip"}}},
    {BTR_KIND_USER,
     "user",
     {{BTR_ATTR_USER_ID, "id"}, {BTR_ATTR_USER_NAME, "name"}, {BTR_ATTR_USER_DOMAIN, "domain"}}},
    {BTR_KIND_REGISTRY, "registry", {{BTR_ATTR_REGISTRY_PATH, "path"}}},
    {BTR_KIND_SERVICE, "service", {{BTR_ATTR_SERVICE_NAME, "name"}, {BTR_ATTR_DETAIL, "detail"}}},
    {BTR_KIND_TASK, "task", {{BTR_ATTR_TASK_NAME, "name"}, {BTR_ATTR_DETAIL, "detail"}}},
    {BTR_KIND_WMI, "wmi", {{BTR_ATTR_WMI_NAME, "name"}, {BTR_ATTR_DETAIL, "detail"}}},
    {BTR_KIND_DNS, "dns", {{BTR_ATTR_DNS_QUESTION_NAME, "question"}}},
    {BTR_KIND_SHARE, "share", {{BTR_ATTR_SHARE_NAME, "name"}}},
};

static void other(struct json_writer *w, const struct entity_json *e)
{
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        if (OTHERS[i].kind != e->entity->kind)
            continue;
        json_open(w, OTHERS[i].object, '{');
        for (size_t k = 0; k < 4 && OTHERS[i].members[k].name; k++)
            json_text_if(w, OTHERS[i].members[k].name, attr(e, OTHERS[i].members[k].key));
        json_close(w, '}');
    }
}

void query_entity_json(struct json_writer *w, const struct entity_json *e)
{
    const struct btr_entity *entity = e->entity;
    const char *kind = btr_kind_word(entity->kind);
    json_id(w, "id", entity->id);
    json_text(w, "kind", btr_span_of(kind ? kind : "unknown"));
    if (entity->host.size)
        json_text(w, "host", entity->host);
    else
        json_null(w, "host");
    json_text(w, "label", e->label);
    json_number(w, "first_ns", entity->first_ns);
    json_number(w, "last_ns", entity->last_ns);
    if (entity->kind == BTR_KIND_PROCESS)
        process(w, e);
    else if (entity->kind == BTR_KIND_FILE)
        file(w, e);
    else if (entity->kind == BTR_KIND_FLOW)
        flow(w, e);
    else
        other(w, e);
    struct btr_span container = attr(e, BTR_ATTR_CONTAINER_ID);
    if (container.size) {
        json_open(w, "container", '{');
        json_text(w, "id", container);
        json_close(w, '}');
    }
}

void btr_entity_json(struct btr_buffer *out, const struct btr_entity *entity, int64_t at_ns)
{
    struct btr_buffer label = {0};
    struct json_writer w = {out, true};
    btr_entity_label(&label, entity, at_ns);
    struct entity_json e = {entity, btr_buffer_view(&label), at_ns};
    json_open(&w, NULL, '{');
    query_entity_json(&w, &e);
    json_count(&w, "events", entity->event_count);
    json_close(&w, '}');
    out->failed |= label.failed;
    btr_buffer_fini(&label);
}
