/* One line that names an entity for people. Raw bytes: whoever prints it escapes it. */
#include <btr/answer.h>

static struct btr_span attr(const struct btr_entity *entity, enum btr_attr_key key, int64_t at_ns)
{
    return btr_entity_attr(entity, key, at_ns);
}

static void process_label(struct btr_buffer *out, const struct btr_entity *e, int64_t at_ns)
{
    static const enum btr_attr_key NAMES[] = {BTR_ATTR_PROCESS_COMMAND_LINE, BTR_ATTR_TITLE,
                                              BTR_ATTR_PROCESS_EXECUTABLE, BTR_ATTR_PROCESS_NAME};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct btr_span name = attr(e, NAMES[i], at_ns);
        if (name.size) {
            btr_buffer_span(out, name);
            return;
        }
    }
    struct btr_span pid = attr(e, BTR_ATTR_PROCESS_PID, at_ns);
    btr_buffer_text(out, "process ");
    btr_buffer_span(out, pid.size ? pid : BTR_SPAN("of unknown pid"));
}

static void endpoint(struct btr_buffer *out, struct btr_span ip, struct btr_span port)
{
    bool v6 = ip.size && memchr(ip.at, ':', ip.size);
    btr_buffer_text(out, v6 ? "[" : "");
    btr_buffer_span(out, ip.size ? ip : BTR_SPAN("?"));
    btr_buffer_text(out, v6 ? "]:" : ":");
    btr_buffer_span(out, port.size ? port : BTR_SPAN("?"));
}

static void flow_label(struct btr_buffer *out, const struct btr_entity *e, int64_t at_ns)
{
    struct btr_span transport = attr(e, BTR_ATTR_NETWORK_TRANSPORT, at_ns);
    struct btr_span domain = attr(e, BTR_ATTR_DESTINATION_DOMAIN, at_ns);
    btr_buffer_span(out, transport);
    btr_buffer_text(out, transport.size ? " " : "");
    endpoint(out, attr(e, BTR_ATTR_SOURCE_IP, at_ns), attr(e, BTR_ATTR_SOURCE_PORT, at_ns));
    btr_buffer_text(out, " -> ");
    endpoint(out, attr(e, BTR_ATTR_DESTINATION_IP, at_ns),
             attr(e, BTR_ATTR_DESTINATION_PORT, at_ns));
    if (domain.size) {
        btr_buffer_text(out, " (");
        btr_buffer_span(out, domain);
        btr_buffer_text(out, ")");
    }
}

/* Type and name of what has both, either or none. */
static void named_label(struct btr_buffer *out, struct btr_span type, struct btr_span name)
{
    btr_buffer_span(out, type);
    btr_buffer_text(out, type.size && name.size ? " " : "");
    btr_buffer_span(out, name);
}

static void session_label(struct btr_buffer *out, const struct btr_entity *e, int64_t at_ns)
{
    struct btr_span user = attr(e, BTR_ATTR_USER_NAME, at_ns);
    if (!user.size)
        user = attr(e, BTR_ATTR_USER_ID, at_ns);
    named_label(out, BTR_SPAN("session"), attr(e, BTR_ATTR_SESSION_ID, at_ns));
    if (user.size) {
        btr_buffer_text(out, " of ");
        btr_buffer_span(out, user);
    }
}

/* The attribute that names an entity of each kind that has no rule of its own. */
static enum btr_attr_key name_key(uint8_t kind)
{
    switch (kind) {
    case BTR_KIND_FILE:
        return BTR_ATTR_FILE_PATH;
    case BTR_KIND_USER:
        return BTR_ATTR_USER_NAME;
    case BTR_KIND_CONTAINER:
        return BTR_ATTR_CONTAINER_ID;
    case BTR_KIND_REGISTRY:
        return BTR_ATTR_REGISTRY_PATH;
    case BTR_KIND_SERVICE:
        return BTR_ATTR_SERVICE_NAME;
    case BTR_KIND_TASK:
        return BTR_ATTR_TASK_NAME;
    case BTR_KIND_WMI:
        return BTR_ATTR_WMI_NAME;
    case BTR_KIND_DNS:
        return BTR_ATTR_DNS_QUESTION_NAME;
    case BTR_KIND_SHARE:
        return BTR_ATTR_SHARE_NAME;
    default:
        return BTR_ATTR_DETAIL;
    }
}

static void other_label(struct btr_buffer *out, const struct btr_entity *e, int64_t at_ns)
{
    struct btr_span name = attr(e, name_key(e->kind), at_ns);
    if (e->kind == BTR_KIND_USER && !name.size)
        name = attr(e, BTR_ATTR_USER_ID, at_ns);
    if (e->kind == BTR_KIND_HOST && !name.size)
        name = e->host;
    if (name.size && e->kind != BTR_KIND_MEMORY) {
        btr_buffer_span(out, name);
        return;
    }
    const char *word = btr_kind_word(e->kind);
    named_label(out, btr_span_of(word ? word : "entity"), name);
}

void btr_entity_label(struct btr_buffer *out, const struct btr_entity *entity, int64_t at_ns)
{
    struct btr_span type;
    switch (entity->kind) {
    case BTR_KIND_PROCESS:
        process_label(out, entity, at_ns);
        break;
    case BTR_KIND_FLOW:
    case BTR_KIND_RENDEZVOUS:
        flow_label(out, entity, at_ns);
        break;
    case BTR_KIND_CHANNEL:
        type = attr(entity, BTR_ATTR_CHANNEL_TYPE, at_ns);
        named_label(out, type.size ? type : BTR_SPAN("channel"),
                    attr(entity, BTR_ATTR_CHANNEL_NAME, at_ns));
        break;
    case BTR_KIND_SESSION:
        session_label(out, entity, at_ns);
        break;
    default:
        other_label(out, entity, at_ns);
    }
}
