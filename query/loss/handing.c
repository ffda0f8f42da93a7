/*
 * Where reads and writes are not recorded, what connections carried bounds what left by them, as
 * long as nothing on the way makes less of it. Nobody can be seen to do so there, so it has to be
 * known of the programs. Those of the system hand on what they take, whole or in part; a program
 * that the intrusion wrote is not trusted, whatever its name.
 */
#include <stdio.h>
#include <stdlib.h>

#include "loss/loss.h"

/* Programs that can leave out, but not pack. */
static const char *const NAMES[] = {
    "bash", "cat",   "chmod",   "chown", "cp",   "curl",        "cut",   "dash",  "dd", "env",
    "find", "grep",  "head",    "id",    "kill", "ln",          "ls",    "mkdir", "mv", "nc",
    "ncat", "nohup", "rm",      "rmdir", "sed",  "sftp-server", "sh",    "sleep", "su", "sudo",
    "tail", "tee",   "timeout", "touch", "tr",   "wget",        "xargs",
};
static const char *const FOLDERS[] = {"/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/",
                                      "/usr/lib/openssh/"};

enum { PROGRAMS = (sizeof NAMES / sizeof *NAMES) * (sizeof FOLDERS / sizeof *FOLDERS) };

static int key_compare(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* Takes a program out that the intrusion wrote. */
static void distrust(struct loss_handing *h, uint64_t program)
{
    uint64_t *at = bsearch(&program, h->programs, h->count, sizeof program, key_compare);
    if (!at)
        return;
    h->count--;
    for (; at < h->programs + h->count; at++)
        at[0] = at[1];
}

static int written_leave(struct loss_handing *h, struct btr_loss *loss, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++) {
        struct btr_entity e;
        if (loss->extent.items[i].role != BTR_EXTENT_OBJECT)
            continue;
        rc = loss_entity(loss, loss->extent.items[i].entity, &e, err);
        if (rc == 0 && e.kind == BTR_KIND_FILE)
            distrust(h, btr_usual_program(btr_entity_attr(&e, BTR_ATTR_FILE_PATH, INT64_MAX)));
    }
    return rc;
}

int loss_handing_find(struct btr_loss *loss, struct btr_err *err)
{
    struct loss_handing *h = &loss->handing;
    h->programs = malloc(PROGRAMS * sizeof *h->programs);
    if (!h->programs)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "programs that hand on");
    for (size_t i = 0; i < PROGRAMS; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s%s", FOLDERS[i % (sizeof FOLDERS / sizeof *FOLDERS)],
                       NAMES[i / (sizeof FOLDERS / sizeof *FOLDERS)]);
        h->programs[h->count++] = btr_usual_program(btr_span_of(path));
    }
    qsort(h->programs, h->count, sizeof *h->programs, key_compare);
    return written_leave(h, loss, err);
}

static bool hands_on(const struct loss_handing *h, uint64_t program)
{
    return bsearch(&program, h->programs, h->count, sizeof program, key_compare) != NULL;
}

int loss_hands_on(struct btr_loss *loss, struct btr_id process, int64_t since_ns, bool *hands,
                  struct btr_err *err)
{
    const struct loss_handing *h = &loss->handing;
    struct btr_fact fact;
    int rc = loss->facts.fact(loss->facts.self, process, &fact, err);
    *hands = rc == 0 && hands_on(h, btr_fact_program(&fact, since_ns));
    for (uint32_t i = 0; rc == 0 && *hands && i < fact.image_count; i++)
        if (fact.images[i].since_ns > since_ns)
            *hands = hands_on(h, fact.images[i].program);
    return rc;
}
