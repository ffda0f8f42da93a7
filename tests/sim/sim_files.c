/* Files and their names, and what moves in and out of them. */
#include <btr/identity.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

/* ---- Names ---- */

static int asset_of(const struct sim_world *w, int host, const char *path)
{
    for (int a = 0; a < w->asset_count; a++)
        if (w->assets[a].host == host &&
            strncmp(path, w->assets[a].folder, strlen(w->assets[a].folder)) == 0)
            return a;
    return SIM_NONE;
}

int sim_name_add(struct sim_world *w, int host, const char *path)
{
    for (int i = 0; i < w->name_count; i++)
        if (w->names[i].host == host && strcmp(w->names[i].path, path) == 0)
            return i;
    if (w->name_count == SIM_NAMES)
        abort();
    struct sim_name *n = &w->names[w->name_count];
    *n = (struct sim_name){.host = host, .inode = SIM_NONE, .asset = asset_of(w, host, path)};
    snprintf(n->path, sizeof n->path, "%s", path);
    n->id = btr_identity_file(btr_span_of(w->hosts[host].name), BTR_SPAN(""), btr_span_of(path));
    return w->name_count++;
}

static int inode_add(struct sim_world *w)
{
    if (w->inode_count == SIM_INODES)
        abort();
    struct sim_inode *i = &w->inodes[w->inode_count];
    *i = (struct sim_inode){.asset = SIM_NONE};
    return w->inode_count++;
}

static int slot_of(struct sim_inode *i, int name)
{
    for (int n = 0; n < i->name_count; n++)
        if (i->names[n].name == name)
            return n;
    if (i->name_count == SIM_INODE_NAMES)
        abort();
    i->names[i->name_count] = (struct sim_inode_name){.name = name};
    return i->name_count++;
}

/* ---- Content ---- */

/* The asset that what comes under a name becomes content of. That a file has a name there, too,
 * makes nothing of it the asset's that came and goes under another. */
static int owner_of(const struct sim_world *w, int name)
{
    int asset = w->names[name].asset;
    return asset == SIM_NONE || w->assets[asset].is_exit ? SIM_NONE : asset;
}

static void bit_add(struct sim_set *set, int asset, int id)
{
    set->bits[asset][id / 64] |= UINT64_C(1) << (id % 64);
}

/* @param own  the intruder takes it by that */
static void range_add(struct sim_load *load, const struct sim_inode *i, int from, int until,
                      bool own)
{
    for (int at = from; i->asset != SIM_NONE && at < until && at < SIM_FILE_MAX; at++) {
        if (i->ids[at] < 0)
            continue;
        bit_add(&load->real, i->asset, i->ids[at]);
        bit_add(&load->may, i->asset, i->ids[at]);
        if (own)
            bit_add(&load->own, i->asset, i->ids[at]);
    }
}

/* Whether what a process does it does as the intruder wants, and not a server's work as well. */
static bool is_taker(const struct sim_world *w, int p)
{
    return w->processes[p].intruder && !w->processes[p].changed;
}

/* Bytes from..until are new ones, of the asset whose name they came by. */
static void content_renew(struct sim_world *w, int inode, int asset, int from, int until)
{
    struct sim_inode *i = &w->inodes[inode];
    if (asset != i->asset && asset != SIM_NONE) { /* what it had of another goes along */
        range_add(&i->load, i, 0, i->size, false);
        i->asset = asset;
        for (int at = 0; at < SIM_FILE_MAX; at++)
            i->ids[at] = -1;
    }
    for (int at = from; i->asset != SIM_NONE && at < until && at < SIM_FILE_MAX; at++) {
        bool room = asset != SIM_NONE && w->assets[asset].made < SIM_IDS;
        i->ids[at] = room ? (int16_t)w->assets[asset].made++ : -1;
        if (asset != SIM_NONE)
            w->assets[asset].spent |= !room;
    }
}

int sim_file_add(struct sim_world *w, int host, const char *path, int size)
{
    int name = sim_name_add(w, host, path), inode = inode_add(w);
    w->names[name].inode = inode;
    w->inodes[inode].size = size;
    content_renew(w, inode, owner_of(w, name), 0, size);
    slot_of(&w->inodes[inode], name);
    return name;
}

static void set_part(struct sim_world *w, struct sim_set *set)
{
    for (int a = 0; a < SIM_ASSETS; a++)
        for (int i = 0; i < SIM_WORDS; i++)
            set->bits[a][i] &= test_random_next(&w->random) | test_random_next(&w->random);
}

/* Of an asset that is sent as it is, a message of n bytes has n at most: the others go out of it.
 */
static void pick(struct sim_world *w, const uint64_t *held, int n, uint64_t *picked)
{
    int begin = (int)sim_below(w, SIM_IDS);
    for (int at = 0; at < SIM_IDS && n > 0; at++) {
        int id = (begin + at) % SIM_IDS;
        uint64_t bit = held[id / 64] & UINT64_C(1) << (id % 64);
        picked[id / 64] |= bit;
        n -= bit != 0;
    }
}

static void pick_some(struct sim_world *w, struct sim_load *load, int asset, int n)
{
    uint64_t picked[SIM_WORDS] = {0}, picked_own[SIM_WORDS] = {0};
    pick(w, load->may.bits[asset], n, picked);
    pick(w, load->own.bits[asset], n, picked_own);
    for (int i = 0; i < SIM_WORDS; i++) {
        load->may.bits[asset][i] &= picked[i];
        load->real.bits[asset][i] &= picked[i];
        load->own.bits[asset][i] &= picked_own[i];
    }
}

/* Whether a program can leave out, but not pack (query/loss/handing.c), and is what it was. */
static bool hands_on(const struct sim_world *w, const struct sim_process *p)
{
    static const char *const NAMES[] = {"/usr/bin/sh", "/usr/bin/cat", "/usr/bin/curl",
                                        "/usr/bin/cp"};
    const struct sim_name *n = &w->names[p->image];
    bool is = false;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        is |= strcmp(n->path, NAMES[i]) == 0;
    return is && !p->changed;
}

void sim_put(struct sim_world *w, int p, int mode, int n, struct sim_load *out)
{
    const struct sim_process *process = &w->processes[p];
    *out = process->load;
    if (mode == SIM_PUT_ANY)
        mode = (int)sim_below(w, 3);
    if (mode == SIM_PUT_NOTHING)
        out->real = (struct sim_set){0};
    if (mode == SIM_PUT_PART)
        set_part(w, &out->real);
    bool hands = hands_on(w, process);
    for (int a = 0; a < w->asset_count; a++)
        if (hands || a == process->keeper)
            pick_some(w, out, a, n);
}

void sim_left(struct sim_world *w, int p, const struct sim_load *load)
{
    if (w->verbose) {
        fprintf(stderr, "left by p%d:", p);
        for (int a = 0; a < w->asset_count; a++)
            fprintf(stderr, " %d", sim_set_count(&load->may, a));
        fprintf(stderr, "\n");
    }
    sim_load_add(&w->out, load);
}

/* ---- What is told of names that share a file ---- */

static void same_tell(struct sim_world *w, int p, int from, int to, int way)
{
    sim_note_name(w, from);
    sim_note_name(w, to);
    sim_tell(w, p, w->names[from].id, BTR_OP_SAME, w->names[to].id, way, BTR_BYTES_UNKNOWN,
             BTR_EVENT_IMPLIED);
}

static void used(struct sim_world *w, int p, int inode, int name, int way, bool interval)
{
    struct sim_inode *i = &w->inodes[inode];
    int slot = slot_of(i, name);
    if (i->version == 0)
        return;
    for (int n = 0; n < i->name_count; n++) {
        bool wanted = interval ? i->names[n].changed
                               : n == i->last_name && i->names[slot].version != i->version;
        if (n != slot && wanted)
            same_tell(w, p, i->names[n].name, name, way);
    }
    i->names[slot].version = i->version;
}

static void changed(struct sim_world *w, int p, int inode, int name, bool interval)
{
    struct sim_inode *i = &w->inodes[inode];
    used(w, p, inode, name, SIM_OUT, interval);
    int slot = slot_of(i, name);
    i->version++;
    i->last_name = slot;
    i->names[slot].version = i->version;
    i->names[slot].changed = true;
    i->dirty |= w->processes[p].intruder;
}

void sim_inode_used(struct sim_world *w, int p, int inode, int name, bool writes, bool interval)
{
    if (writes)
        changed(w, p, inode, name, interval);
    else
        used(w, p, inode, name, interval ? SIM_OUT : SIM_INTO, interval);
}

/* ---- Calls ---- */

bool sim_told(const struct sim_world *w, int p, int what)
{
    const struct sim_process *process = &w->processes[p];
    return (w->hosts[process->host].told[process->user] & what) != 0;
}

static void truncate_all(struct sim_inode *i)
{
    i->size = 0;
    i->load = (struct sim_load){0};
}

void sim_file_open(struct sim_world *w, const struct sim_step *s)
{
    struct sim_name *n = &w->names[s->name];
    bool writes = s->mode != SIM_OPEN_READ, made = n->inode == SIM_NONE;
    if (made && (!writes || s->mode == SIM_OPEN_BOTH))
        return;
    sim_call(w, s->p);
    if (made)
        n->inode = inode_add(w);
    sim_note_name(w, s->name);
    sim_inode_used(w, s->p, n->inode, s->name, writes, false);
    enum btr_operation operation = made                       ? BTR_OP_CREATE
                                   : !writes                  ? BTR_OP_OPEN_READ
                                   : s->mode == SIM_OPEN_BOTH ? BTR_OP_OPEN_BOTH
                                                              : BTR_OP_OPEN_WRITE;
    struct btr_id p = w->processes[s->p].id;
    sim_tell(w, s->p, p, operation, n->id, writes ? SIM_OUT : SIM_INTO, BTR_BYTES_UNKNOWN, 0);
    if (s->mode == SIM_OPEN_TRUNCATE && !made) {
        sim_tell(w, s->p, p, BTR_OP_TRUNCATE, n->id, SIM_OUT, BTR_BYTES_UNKNOWN, 0);
        truncate_all(&w->inodes[n->inode]);
    }
    struct sim_open *o = sim_open_add(w, s->p, s->handle);
    o->name = s->name;
    o->inode = n->inode;
    o->reads = !writes || s->mode == SIM_OPEN_BOTH;
    o->writes = writes;
    o->at = s->mode == SIM_OPEN_APPEND ? w->inodes[n->inode].size : 0;
}

int sim_take(struct sim_world *w, int p, struct sim_open *o, int most)
{
    struct sim_inode *i = &w->inodes[o->inode];
    int left = i->size - o->at, got = left < most ? left : most;
    if (got <= 0)
        return 0;
    struct sim_load load = i->load;
    range_add(&load, i, o->at, o->at + got, is_taker(w, p));
    sim_load_add(&w->processes[p].load, &load);
    o->at += got;
    return got;
}

void sim_file_read(struct sim_world *w, const struct sim_step *s)
{
    struct sim_open *o = sim_open_find(w, s->p, s->handle);
    if (!o || o->inode == SIM_NONE || !o->reads)
        return;
    for (int call = 0; call < 8; call++) {
        int most = s->n ? s->n : s->m;
        sim_call(w, s->p);
        int got = sim_take(w, s->p, o, most);
        if (got == 0)
            return;
        if (sim_told(w, s->p, SIM_TOLD_READS)) {
            sim_inode_used(w, s->p, o->inode, o->name, false, false);
            sim_tell(w, s->p, w->processes[s->p].id, BTR_OP_READ, w->names[o->name].id, SIM_INTO,
                     (uint64_t)got, got < most ? BTR_EVENT_ENDS : 0);
        }
        if (s->n)
            return;
    }
}

static void write_in(struct sim_world *w, struct sim_open *o, int n, const struct sim_load *load)
{
    struct sim_inode *i = &w->inodes[o->inode];
    int until = o->at + n;
    int owner = owner_of(w, o->name);
    if (i->size < o->at) /* it was cut meanwhile: zeros are content, too */
        content_renew(w, o->inode, owner, i->size, o->at);
    i->size = until > i->size ? until : i->size;
    sim_load_add(&i->load, load);
    content_renew(w, o->inode, owner, o->at, until);
    o->at = until;
}

void sim_file_put(struct sim_world *w, int p, struct sim_open *o, int n,
                  const struct sim_load *load)
{
    int owner = owner_of(w, o->name);
    struct sim_load kept = *load;
    if ((owner != SIM_NONE || w->inodes[o->inode].asset != SIM_NONE) && o->at + n > SIM_FILE_MAX)
        return;
    if (owner != SIM_NONE && owner == w->processes[p].keeper) { /* it has each row once */
        memset(kept.real.bits[owner], 0, sizeof kept.real.bits[owner]);
        memset(kept.may.bits[owner], 0, sizeof kept.may.bits[owner]);
        memset(kept.own.bits[owner], 0, sizeof kept.own.bits[owner]);
    }
    write_in(w, o, n, &kept);
    if (w->names[o->name].asset != SIM_NONE && w->assets[w->names[o->name].asset].is_exit &&
        w->processes[p].intruder)
        sim_left(w, p, load);
    w->inodes[o->inode].dirty |= w->processes[p].intruder;
    if (!sim_told(w, p, SIM_TOLD_WRITES))
        return;
    sim_inode_used(w, p, o->inode, o->name, true, false);
    sim_tell(w, p, w->processes[p].id, BTR_OP_WRITE, w->names[o->name].id, SIM_OUT, (uint64_t)n, 0);
}

void sim_file_write(struct sim_world *w, const struct sim_step *s)
{
    struct sim_open *o = sim_open_find(w, s->p, s->handle);
    struct sim_load load;
    if (!o || o->inode == SIM_NONE || !o->writes)
        return;
    sim_call(w, s->p);
    sim_put(w, s->p, s->mode, s->n, &load);
    sim_file_put(w, s->p, o, s->n, &load);
}

/* What an intruder's process puts under a name of an exit has left. */
static void leaves(struct sim_world *w, int p, int name)
{
    struct sim_name *n = &w->names[name];
    struct sim_inode *i = &w->inodes[n->inode];
    if (n->asset == SIM_NONE || !w->assets[n->asset].is_exit || !w->processes[p].intruder)
        return;
    struct sim_load load = i->load;
    range_add(&load, i, 0, i->size, is_taker(w, p));
    sim_left(w, p, &load);
}

static void carried(struct sim_world *w, const struct sim_step *s, enum btr_operation operation)
{
    struct sim_inode *i = &w->inodes[w->names[s->name].inode];
    int slot = slot_of(i, s->name2);
    sim_tell(w, s->p, w->names[s->name].id, operation, w->names[s->name2].id, SIM_OUT,
             BTR_BYTES_UNKNOWN, 0);
    if (operation == BTR_OP_RENAMED) {
        i->version++;
        i->last_name = slot;
        i->names[slot].changed = true;
    }
    i->names[slot].version = i->version;
}

static bool is_movable(const struct sim_world *w, const struct sim_step *s)
{
    const struct sim_name *from = &w->names[s->name];
    return from->inode != SIM_NONE && from->host == w->names[s->name2].host &&
           w->names[s->name2].inode != from->inode &&
           w->inodes[from->inode].name_count < SIM_INODE_NAMES &&
           (w->names[s->name2].asset == SIM_NONE || w->inodes[from->inode].size <= SIM_FILE_MAX);
}

static void under_new_name(struct sim_world *w, const struct sim_step *s)
{
    int inode = w->names[s->name].inode, owner = owner_of(w, s->name2);
    w->names[s->name2].inode = inode;
    if (s->op == SIM_RENAME && owner != SIM_NONE && owner != w->inodes[inode].asset)
        content_renew(w, inode, owner, 0, w->inodes[inode].size);
    leaves(w, s->p, s->name2);
}

void sim_file_rename(struct sim_world *w, const struct sim_step *s)
{
    if (!is_movable(w, s))
        return;
    sim_call(w, s->p);
    sim_note_name(w, s->name);
    sim_note_name(w, s->name2);
    struct btr_id p = w->processes[s->p].id;
    used(w, s->p, w->names[s->name].inode, s->name, SIM_OUT, false);
    sim_tell(w, s->p, p, BTR_OP_RENAME, w->names[s->name2].id, SIM_OUT, BTR_BYTES_UNKNOWN, 0);
    sim_tell(w, s->p, p, BTR_OP_DELETE, w->names[s->name].id, SIM_OUT, BTR_BYTES_UNKNOWN, 0);
    carried(w, s, BTR_OP_RENAMED);
    under_new_name(w, s);
    w->names[s->name].inode = SIM_NONE;
}

void sim_file_link(struct sim_world *w, const struct sim_step *s)
{
    if (!is_movable(w, s) || w->names[s->name2].inode != SIM_NONE)
        return;
    sim_call(w, s->p);
    sim_note_name(w, s->name);
    sim_note_name(w, s->name2);
    used(w, s->p, w->names[s->name].inode, s->name, SIM_OUT, false);
    sim_tell(w, s->p, w->processes[s->p].id, BTR_OP_LINK, w->names[s->name2].id, SIM_OUT,
             BTR_BYTES_UNKNOWN, 0);
    carried(w, s, BTR_OP_LINKED);
    under_new_name(w, s);
}

void sim_file_delete(struct sim_world *w, const struct sim_step *s)
{
    struct sim_name *n = &w->names[s->name];
    if (n->inode == SIM_NONE)
        return;
    sim_call(w, s->p);
    sim_note_name(w, s->name);
    used(w, s->p, n->inode, s->name, SIM_INTO, false);
    sim_tell(w, s->p, w->processes[s->p].id, BTR_OP_DELETE, n->id, SIM_OUT, BTR_BYTES_UNKNOWN, 0);
    n->inode = SIM_NONE;
}
