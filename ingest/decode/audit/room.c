/**
 * Room for the next event. Things are given up only here, before an event is resolved: while it is,
 * nothing that it has in hand goes away, and what does not fit any more is not made.
 */
#include "state.h"

/* One event makes fewer of each. */
enum { OBJECTS_SPARE = 8, PROCESSES_SPARE = 4, INTERNED_MIN = 256 };

static bool process_in_hand(const struct audit_host *h, uint32_t process)
{
    return process == h->in_hand[0] || process == h->in_hand[1];
}

/* Whether a process is missed less than the best one yet: it ended, or was idle longer. */
static bool is_idler(const struct audit_process *p, const struct audit_process *best)
{
    bool ended = p->flags & AUDIT_PROC_ENDED, best_ended = best->flags & AUDIT_PROC_ENDED;
    if (ended != best_ended)
        return ended;
    return p->last_ns < best->last_ns || (p->last_ns == best->last_ns && p->pid < best->pid);
}

/* A scan: eviction is rare, and makes room for many. */
static uint32_t process_idlest(const struct audit_host *h)
{
    uint32_t best = AUDIT_NONE;
    for (uint32_t i = 0; i < h->process_count; i++)
        if (h->processes[i].pid != 0 && !process_in_hand(h, i) &&
            (best == AUDIT_NONE || is_idler(&h->processes[i], &h->processes[best])))
            best = i;
    return best;
}

static bool process_give_up(struct audit_host *h)
{
    uint32_t idle = process_idlest(h);
    if (idle == AUDIT_NONE)
        return false;
    audit_slots_end(h, idle);
    audit_process_free(h, idle);
    h->evicted++;
    return true;
}

/* All that ended; they are not missed. */
static void ended_give_up(struct audit_host *h)
{
    for (uint32_t i = 0; i < h->process_count; i++)
        if (h->processes[i].pid != 0 && (h->processes[i].flags & AUDIT_PROC_ENDED) &&
            !process_in_hand(h, i))
            audit_process_free(h, i);
}

static bool clone_give_up(struct audit_host *h)
{
    if (h->clone_count == 0)
        return false;
    audit_clone_drop(h, 0);
    h->evicted++;
    return true;
}

/* Names of inodes that nothing has open, and of which a clock's turn saw no use. */
static void names_give_up(struct audit_host *h, size_t bytes)
{
    for (uint32_t turn = 0; h->bytes > bytes && turn < 2 * h->inode_count; turn++) {
        struct audit_inode *i = &h->inodes[(h->inode_hand + turn) % h->inode_count];
        if (i->refs > 0 || !i->names)
            continue;
        if (i->used) {
            i->used = 0;
            continue;
        }
        audit_inode_clear(h, (h->inode_hand + turn) % h->inode_count);
        h->evicted++;
    }
}

/* Down to a little less than what may be, so that the next events find room without a search. */
static void bytes_make(struct audit_host *h)
{
    size_t wanted = h->bytes_max - h->bytes_max / 16;
    ended_give_up(h);
    names_give_up(h, wanted);
    while (h->bytes > wanted && clone_give_up(h))
        ;
    while (h->bytes > wanted && process_give_up(h))
        ;
}

static void objects_make(struct audit_host *h)
{
    uint32_t wanted = h->object_max - h->object_max / 16 - OBJECTS_SPARE;
    while (h->object_live > wanted && clone_give_up(h))
        ;
    while (h->object_live > wanted && process_give_up(h))
        ;
}

static void processes_make(struct audit_host *h)
{
    uint32_t wanted = h->process_max - h->process_max / 16 - PROCESSES_SPARE;
    ended_give_up(h);
    while (h->pids.count > wanted && process_give_up(h))
        ;
}

void audit_room_make(struct audit_host *h)
{
    if (h->bytes > h->bytes_max)
        bytes_make(h);
    if (h->object_live + OBJECTS_SPARE > h->object_max)
        objects_make(h);
    if (h->pids.count + PROCESSES_SPARE > h->process_max)
        processes_make(h);
    if (h->interned_count >= h->interned_most)
        audit_interned_sweep(h, INTERNED_MIN);
}
