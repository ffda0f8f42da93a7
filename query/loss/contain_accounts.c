/* Accounts: on which host, inside which container, under which name. */
#include "loss/contain.h"

#include "loss/assets.h"

static const char UNKNOWN[] = "(unknown)";

static bool is_all_powerful(struct btr_span id, struct btr_span name)
{
    return btr_span_equal(id, BTR_SPAN("0")) || btr_span_equal(id, BTR_SPAN("S-1-5-18")) ||
           query_glob_name(BTR_SPAN("root"), name) || query_glob_name(BTR_SPAN("SYSTEM"), name) ||
           query_glob_name(BTR_SPAN("NT AUTHORITY\\SYSTEM"), name);
}

/* The container that a process lives in, by its name where the inventory tells it. */
static struct btr_span container_of(const struct contain *c, const struct btr_entity *e)
{
    const struct btr_assets *assets = c->loss->options.assets;
    struct btr_span id = btr_entity_attr(e, BTR_ATTR_CONTAINER_ID, INT64_MAX);
    struct btr_span root = btr_entity_attr(e, BTR_ATTR_FILE_ROOT, INT64_MAX);
    for (uint32_t i = 0; root.size && i < assets->root_count; i++)
        if (btr_span_equal(assets->roots[i].root, root) &&
            btr_span_equal(assets->roots[i].host, e->host))
            return assets->containers[assets->roots[i].container].name;
    return id.size ? id : root;
}

/* "deploy", "SHOP\alice", "root in container api" */
static void name_say(struct btr_buffer *out, const struct btr_entity *e, struct btr_span container)
{
    struct btr_span name = btr_entity_attr(e, BTR_ATTR_USER_NAME, INT64_MAX);
    struct btr_span id = btr_entity_attr(e, BTR_ATTR_USER_ID, INT64_MAX);
    struct btr_span domain = btr_entity_attr(e, BTR_ATTR_USER_DOMAIN, INT64_MAX);
    bool in_name = name.size > domain.size && name.at[domain.size] == '\\';
    if (name.size && domain.size && !in_name) {
        btr_buffer_span(out, domain);
        btr_buffer_u8(out, '\\');
    }
    if (name.size || id.size)
        btr_buffer_span(out, name.size ? name : id);
    else
        btr_buffer_text(out, UNKNOWN);
    if (container.size) {
        btr_buffer_text(out, " in container ");
        btr_buffer_span(out, container);
    }
}

int contain_account_of(struct contain *c, struct btr_id process, uint32_t *account)
{
    struct btr_entity e;
    *account = btr_idmap_get(&c->account_of, process);
    if (*account != LOSS_NONE)
        return 0;
    int rc = loss_entity(c->loss, process, &e, c->err);
    if (rc < 0 || e.kind != BTR_KIND_PROCESS || e.host.size == 0)
        return rc;
    struct btr_span container = container_of(c, &e);
    struct btr_span name = btr_entity_attr(&e, BTR_ATTR_USER_NAME, INT64_MAX);
    struct btr_span id = btr_entity_attr(&e, BTR_ATTR_USER_ID, INT64_MAX);
    btr_buffer_clear(&c->words);
    name_say(&c->words, &e, container);
    if (c->words.failed)
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "accounts");
    struct loss_hold hold = {.kind = LOSS_HOLD_ACCOUNT,
                             .host = e.host,
                             .name = btr_buffer_view(&c->words),
                             .entity = process};
    /* of whom nobody tells who it is may be anybody; inside a container nobody is all-powerful */
    hold.all =
        container.size == 0 && ((name.size == 0 && id.size == 0) || is_all_powerful(id, name));
    rc = contain_hold(c, &hold, account);
    if (rc == 0 && *account != LOSS_NONE &&
        btr_idmap_add(&c->account_of, process, *account) == LOSS_NONE)
        rc = btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "accounts");
    return rc;
}

int contain_account_named(struct contain *c, struct btr_span host, struct btr_span name,
                          uint32_t *account)
{
    struct loss_hold hold = {.kind = LOSS_HOLD_ACCOUNT, .host = host, .name = name};
    hold.all = is_all_powerful((struct btr_span){0}, name);
    return contain_hold(c, &hold, account);
}

uint32_t contain_account_nearer(const struct contain *c, uint32_t had, uint32_t next)
{
    if (had == LOSS_NONE)
        return next;
    if (next == LOSS_NONE)
        return had;
    return c->to->holds[next].all && !c->to->holds[had].all ? had : next;
}
