/*
 * What the intrusion holds when the records end: ways in, by which it may come again
 * (contain_came.c); processes that did not end; files that bring it back. And which accounts each
 * of these gives it.
 */
#include <stdlib.h>
#include <string.h>

#include "loss/contain.h"

/* ---- Files that bring it back ---- */

static bool begins(struct btr_span path, const char *text)
{
    size_t size = strlen(text);
    return path.size >= size && memcmp(path.at, text, size) == 0;
}

/* The account whose own folder a path lies in, or whose table of jobs it is; empty: nobody's. */
static struct btr_span owner_of(struct btr_span path)
{
    if (begins(path, "/root/"))
        return BTR_SPAN("root");
    if (!begins(path, "/home/"))
        return loss_jobs_account(path);
    struct btr_span rest = {path.at + strlen("/home/"), path.size - strlen("/home/")};
    const uint8_t *slash = rest.size ? memchr(rest.at, '/', rest.size) : NULL;
    return (struct btr_span){rest.at, slash ? (size_t)(slash - rest.at) : rest.size};
}

static bool is_systems(struct btr_span path)
{
    return begins(path, "/etc/") || begins(path, "/usr/") || begins(path, "/lib") ||
           begins(path, "/boot/") ||
           begins(path, "/var/spool/"); /* jobs of nobody in particular: at's, cron's own */
}

/* Processes of the intrusion, and servers of it, that took the file after it was changed. */
struct using
{
    struct contain *c;
    int64_t since_ns;
};

static bool use_test(void *self, const struct btr_flow *f)
{
    const struct using *u = self;
    bool takes = f->operation == BTR_OP_READ || f->operation == BTR_OP_OPEN_READ ||
                 f->operation == BTR_OP_EXEC || f->operation == BTR_OP_LOAD ||
                 f->operation == BTR_OP_MAP;
    return takes && f->last_ns >= u->since_ns &&
           loss_extent_at(u->c->loss, f->other, f->first_ns, f->last_ns) != LOSS_NONE;
}

/* By time, and not by how segments lie: the first of several uses is the evidence. */
static int use_compare(const void *x, const void *y)
{
    const struct btr_flow *a = x, *b = y;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return (a->last_ns > b->last_ns) - (a->last_ns < b->last_ns);
}

static int users_take(struct contain *c, const struct loss_remain *r, uint32_t hold, bool *any)
{
    struct using u = {c, r->at_ns};
    struct loss_flows flows = {0};
    uint32_t account;
    int rc = loss_flows_of(&flows, &c->loss->all, r->entity, BTR_SIDE_OUT_OF, r->at_ns, use_test,
                           &u, c->err);
    c->to->cut |= flows.cut;
    if (rc == 0 && flows.count)
        qsort(flows.list, flows.count, sizeof *flows.list, use_compare);
    for (uint32_t i = 0; rc == 0 && i < flows.count; i++) {
        if (btr_id_equal(flows.list[i].other, r->process))
            continue;
        rc = contain_account_of(c, flows.list[i].other, &account);
        *any |= rc == 0 && account != LOSS_NONE;
        if (rc == 0)
            rc = contain_lead(c, hold, account, "is run or read by", flows.list[i].ref);
    }
    loss_flows_fini(&flows);
    return rc;
}

static int file_take(struct contain *c, const struct loss_remain *r, uint32_t hold)
{
    struct btr_span owner = owner_of(r->path);
    uint32_t account = LOSS_NONE;
    bool any = false;
    int rc = users_take(c, r, hold, &any);
    if (rc == 0 && (owner.size || is_systems(r->path)))
        rc = contain_account_named(c, r->host, owner.size ? owner : BTR_SPAN("root"), &account);
    else if (rc == 0 && !any)
        rc = contain_account_of(c, r->process, &account);
    return rc == 0 ? contain_lead(c, hold, account, "acts as", r->ref) : rc;
}

/* ---- All that remains ---- */

/* A file that is not seen to be used gives nothing back; connections end with their processes. */
static bool is_hold(const struct loss_remain *r)
{
    return r->technique ? !r->doubt : strcmp(r->kind, "process") == 0;
}

static bool is_setid(const struct loss_remain *r)
{
    return r->technique && strcmp(r->technique, LOSS_SETID) == 0;
}

/* A program that runs as whom it belongs to, root as a rule: of use to those alone who can run it
 * (contain_onward.c). */
static int setid_take(struct contain *c, const struct loss_remain *r, uint32_t hold)
{
    uint32_t account = LOSS_NONE;
    int rc = contain_account_named(c, r->host, BTR_SPAN("root"), &account);
    return rc == 0 ? contain_lead(c, hold, account, "acts as", r->ref) : rc;
}

static int remain_take(struct contain *c, const struct loss_remain *r)
{
    bool process = r->technique == NULL;
    uint32_t hold, account = LOSS_NONE;
    if (!is_hold(r))
        return 0;
    struct loss_hold h = {.kind = process ? LOSS_HOLD_PROCESS : LOSS_HOLD_FILE,
                          .host = r->host,
                          .name = r->path,
                          .what = process ? NULL : r->kind,
                          .entity = r->entity};
    h.all = is_setid(r);
    int rc = contain_hold(c, &h, &hold);
    if (rc == 0 && is_setid(r))
        return setid_take(c, r, hold);
    if (rc == 0)
        rc = contain_lead(c, c->intrusion, hold, process ? "still runs" : "left", r->ref);
    if (rc < 0 || !process)
        return rc == 0 ? file_take(c, r, hold) : rc;
    rc = contain_account_of(c, r->entity, &account);
    return rc == 0 ? contain_lead(c, hold, account, "runs as", UINT64_MAX) : rc;
}

int contain_holds_find(struct contain *c)
{
    const struct loss_after *after = c->loss->after;
    int rc = contain_hold(c, &(struct loss_hold){.kind = LOSS_HOLD_INTRUSION}, &c->intrusion);
    if (rc == 0)
        rc = contain_came_find(c);
    for (uint32_t i = 0; rc == 0 && i < after->remain_count; i++)
        rc = remain_take(c, &after->remains[i]);
    return rc;
}
