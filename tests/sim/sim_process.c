/* Starts of processes, the programs that they run, their ends. */
#include <btr/identity.h>
#include <stdlib.h>

#include "sim.h"

int sim_process_plan(struct sim_world *w, int host, int user)
{
    if (w->process_count == SIM_PROCESSES)
        abort();
    w->processes[w->process_count] =
        (struct sim_process){.host = host, .user = user, .image = SIM_NONE, .keeper = SIM_NONE};
    return w->process_count++;
}

static void begin(struct sim_world *w, int p, int64_t start_ns)
{
    struct sim_process *process = &w->processes[p];
    struct sim_host *h = &w->hosts[process->host];
    process->pid = ++h->pid;
    process->start_ns = process->image_ns = process->free_ns = start_ns;
    process->id = btr_identity_process(btr_span_of(h->name), process->pid, start_ns);
    process->alive = true;
}

int sim_process_first(struct sim_world *w, int host, const char *path)
{
    int p = sim_process_plan(w, host, 0);
    w->processes[p].image = sim_name_add(w, host, path);
    begin(w, p, w->now_ns);
    return p;
}

/* A child may act before its parent's call returns. */
void sim_fork(struct sim_world *w, const struct sim_step *s)
{
    struct sim_process *parent = &w->processes[s->p], *child = &w->processes[s->q];
    if (!parent->alive || child->alive)
        return;
    sim_call(w, s->p);
    begin(w, s->q, w->call_first_ns);
    child->image = parent->image;
    child->load = parent->load;
    child->intruder = parent->intruder;
    child->changed = parent->changed;
    child->keeper = parent->keeper;
    sim_note_process(w, s->q);
    sim_tell(w, s->p, parent->id, BTR_OP_FORK, child->id, SIM_OUT, BTR_BYTES_UNKNOWN, 0);
    for (int i = 0, count = w->open_count; i < count; i++) {
        if (w->opens[i].process != s->p)
            continue;
        struct sim_open had = w->opens[i], *o = sim_open_add(w, s->q, had.handle);
        had.process = s->q;
        had.since_ns = w->call_first_ns;
        *o = had;
    }
}

void sim_exec(struct sim_world *w, const struct sim_step *s)
{
    struct sim_process *p = &w->processes[s->p];
    struct sim_name *n = &w->names[s->name];
    if (!p->alive || n->inode == SIM_NONE)
        return;
    sim_call(w, s->p);
    p->intruder |= w->inodes[n->inode].dirty;
    if (!p->intruder || sim_chance(w, 50)) /* in arguments, if it wants to */
        p->load.real = (struct sim_set){0};
    if (!p->intruder)
        p->load = (struct sim_load){0};
    struct sim_open program = {.process = s->p, .name = s->name, .inode = n->inode};
    sim_take(w, s->p, &program, SIM_FILE_MAX);
    p->keeper = SIM_NONE;
    p->changed = false;
    p->image = s->name;
    p->image_ns = w->call_last_ns;
    p->noted = w->call_dropped; /* what a dropped record told is never known */
    sim_note_name(w, s->name);
    sim_inode_used(w, s->p, n->inode, s->name, false, false);
    sim_tell(w, s->p, p->id, BTR_OP_EXEC, n->id, SIM_INTO, BTR_BYTES_UNKNOWN, 0);
}

void sim_exit(struct sim_world *w, int p)
{
    if (!w->processes[p].alive)
        return;
    sim_call(w, p);
    sim_tell(w, p, w->processes[p].id, BTR_OP_EXIT, w->processes[p].id, SIM_INTO, BTR_BYTES_UNKNOWN,
             0);
    for (int i = 0; i < w->open_count; i++)
        if (w->opens[i].process == p)
            sim_open_close(w, &w->opens[i]);
    w->processes[p].alive = false;
}

void sim_ptrace(struct sim_world *w, const struct sim_step *s)
{
    struct sim_process *p = &w->processes[s->p], *q = &w->processes[s->q];
    if (!p->alive || !q->alive || p->host != q->host || s->p == s->q)
        return;
    sim_call(w, s->p);
    sim_note_process(w, s->q);
    sim_tell(w, s->p, p->id, BTR_OP_PTRACE, q->id, SIM_OUT, BTR_BYTES_UNKNOWN, 0);
    sim_load_add(&p->load, &q->load);
    sim_load_add(&q->load, &p->load);
    q->intruder |= p->intruder;
    q->changed |= p->intruder;
}
