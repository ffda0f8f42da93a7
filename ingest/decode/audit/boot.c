/**
 * A host that started anew has none of its old processes. Its agent tells the start of its own
 * (DAEMON_START), after which the kernel's serials begin low again, and later the start of the
 * system (SYSTEM_BOOT), which alone tells the boot when the serials happen to be higher.
 */
#include "state.h"

/* Ends what was idle since before the agent started; the new boot's own stay. */
static void old_processes_end(struct audit_host *h, int64_t until_ns)
{
    for (uint32_t i = 0; i < h->process_count; i++) {
        if (h->processes[i].pid == 0 || h->processes[i].last_ns >= until_ns)
            continue;
        audit_slots_end(h, i);
        audit_process_free(h, i);
    }
    while (h->clone_count > 0 && h->clones[0].last_ns < until_ns)
        audit_clone_drop(h, 0);
}

/* Intervals of the old boot end with its last record. */
static void boot_begin(struct audit_host *h, int64_t last_ns)
{
    int64_t now_ns = h->now_ns;
    h->now_ns = last_ns < now_ns ? last_ns : now_ns;
    old_processes_end(h, h->agent_started_ns);
    btr_u64map_clear(&h->bound);
    if (h->shared)
        serials_stop(h->shared);
    memset(h->recent, 0, sizeof(h->recent)); /* serials of another counter */
    h->recent_next = 0;
    h->now_ns = now_ns;
    audit_gap(h, BTR_GAP_STARTED, last_ns, h->last_serial, 0, BTR_SPAN("the host started anew"));
    h->agent_started_ns = 0;
}

void audit_boot_see(struct audit_host *h, int64_t last_ns, bool lower)
{
    const struct audit_event *e = h->e;
    bool own_counter = btr_span_begins(e->type, BTR_SPAN("DAEMON_"));
    if (own_counter && btr_span_begins(e->type, BTR_SPAN("DAEMON_START")) && h->any) {
        h->agent_started = true;
        h->agent_started_ns = h->now_ns;
        h->old_boot_ns = last_ns;
    }
    if (own_counter || h->agent_started_ns == 0)
        return;
    if ((h->agent_started && lower) || btr_span_equal(e->type, BTR_SPAN("SYSTEM_BOOT")))
        boot_begin(h, h->old_boot_ns);
    h->agent_started = false;
}
