/* Steps of several sessions, one beside the other. */
#include <stdlib.h>

#include "sim.h"

enum { BESIDE = 5 /* sessions under way at once, at most */ };

struct sim_session *sim_session_add(struct sim_world *w)
{
    if (w->session_count == SIM_SESSIONS)
        abort();
    w->sessions[w->session_count].count = w->sessions[w->session_count].at = 0;
    return &w->sessions[w->session_count++];
}

struct sim_step *sim_add(struct sim_session *session, enum sim_op op, int p)
{
    if (session->count == SIM_STEPS)
        abort();
    struct sim_step *s = &session->steps[session->count++];
    *s = (struct sim_step){.op = op,
                           .p = p,
                           .q = SIM_NONE,
                           .handle = SIM_NONE,
                           .handle2 = SIM_NONE,
                           .name = SIM_NONE,
                           .name2 = SIM_NONE,
                           .n = 0,
                           .m = 4096};
    return s;
}

int sim_handle(struct sim_world *w)
{
    if (w->handle_count == SIM_OPENS)
        abort();
    w->talk_of_handle[w->handle_count] = SIM_NONE;
    return w->handle_count++;
}

static void talk_step(struct sim_world *w, const struct sim_step *s)
{
    switch (s->op) {
    case SIM_PIPE_OP:
        sim_pipe(w, s);
        break;
    case SIM_CONNECT:
        sim_connect(w, s);
        break;
    case SIM_SEND:
        sim_send(w, s);
        break;
    case SIM_RECV:
        sim_recv(w, s);
        break;
    case SIM_MOVE:
        sim_move(w, s);
        break;
    case SIM_CLOSE: {
        struct sim_open *o = sim_open_find(w, s->p, s->handle);
        if (o) {
            sim_call(w, s->p);
            sim_open_close(w, o);
        }
        break;
    }
    default:
        abort();
    }
}

static void file_step(struct sim_world *w, const struct sim_step *s)
{
    switch (s->op) {
    case SIM_OPEN:
        sim_file_open(w, s);
        break;
    case SIM_READ:
        sim_file_read(w, s);
        break;
    case SIM_WRITE:
        sim_file_write(w, s);
        break;
    case SIM_RENAME:
        sim_file_rename(w, s);
        break;
    case SIM_LINK:
        sim_file_link(w, s);
        break;
    case SIM_DELETE:
        sim_file_delete(w, s);
        break;
    default:
        talk_step(w, s);
        break;
    }
}

/* @return false when it has to wait for another session */
static bool step_do(struct sim_world *w, struct sim_session *session)
{
    const struct sim_step *s = &session->steps[session->at];
    if (s->op == SIM_ACCEPT && !sim_accept(w, s))
        return false;
    session->at++;
    if (s->op == SIM_ACCEPT)
        return true;
    if (s->op == SIM_COME) {
        sim_come(w, s);
        return true;
    }
    if (s->op == SIM_HAS) {
        if (w->names[s->name].inode == SIM_NONE)
            session->at = session->count;
        return true;
    }
    if (!w->processes[s->p].alive)
        return true;
    if (s->op == SIM_FORK)
        sim_fork(w, s);
    else if (s->op == SIM_EXEC)
        sim_exec(w, s);
    else if (s->op == SIM_EXIT)
        sim_exit(w, s->p);
    else if (s->op == SIM_PTRACE)
        sim_ptrace(w, s);
    else if (s->op == SIM_TAKE)
        w->processes[s->p].intruder = true;
    else
        file_step(w, s);
    return true;
}

/* Sessions begin in their order; of those under way any goes on. */
void sim_run(struct sim_world *w)
{
    int next = 0, under_way[BESIDE], count = 0, most = 1 + (int)sim_below(w, BESIDE);
    while (next < w->session_count || count > 0) {
        while (count < most && next < w->session_count)
            under_way[count++] = next++;
        int at = (int)sim_below(w, (uint64_t)count), first = at;
        struct sim_session *session = &w->sessions[under_way[at]];
        while (session->at < session->count && !step_do(w, session)) {
            at = (at + 1) % count;
            session = &w->sessions[under_way[at]];
            if (at == first)
                abort(); /* one of them always has its turn */
        }
        while (session->at < session->count && session->steps[session->at].at_once &&
               step_do(w, session))
            ;
        if (session->at == session->count)
            under_way[at] = under_way[--count];
    }
}
