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
    "bash", "cat", "chmod", "chown", "cp", "curl", "cut", "dash", "dd", "env", "find", "grep",
    "head", "id", "kill", "ln", "ls", "mkdir", "mv", "nc", "ncat", "nohup", "rm", "rmdir",
    "sed", "sftp-server", "sh", "sleep", "su", "sudo", "tail", "tee", "timeout", "touch", "tr",
    "wget", "xargs",
};
static const char *const FOLDERS[] = {"/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/usr/lib/openssh/"};

enum { PROGRAMS = (sizeof NAMES / sizeof *NAMES) * (sizeof FOLDERS / sizeof *FOLDERS) };

static int key_compare(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* Whether the intrusion wrote the file of a program. */
static int is_written(struct btr_loss *loss, uint64_t program, bool *written, struct btr_err *err)
{
    int rc = 0;
    *written = false;
    for (uint32_t i = 0; rc == 0 && !*written && i < loss->extent.count; i++) {
        const struct btr_extent_item *item = &loss->extent.items[i];
        struct btr_entity e;
        if (item->role != BTR_EXTENT_OBJECT)
            continue;
        rc = loss_entity(loss, item->entity, &e, err);
        struct btr_span path = rc == 0 && e.kind == BTR_KIND_FILE
                                   ? btr_entity_attr(&e, BTR_ATTR_FILE_PATH, INT64_MAX)
                                   : (struct btr_span){0};
        *written = path.size && btr_usual_program(path) == program;
    }
    return rc;
}

int loss_handing_find(struct loss_handing *h, struct btr_loss *loss, struct btr_err *err)
{
    int rc = 0;
    h->programs = malloc(PROGRAMS * sizeof *h->programs);
    if (!h->programs)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "programs that hand on");
    for (size_t i = 0; rc == 0 && i < PROGRAMS; i++) {
        char path[64];
        size_t folder = i % (sizeof FOLDERS / sizeof *FOLDERS);
        bool written;
        (void)snprintf(path, sizeof path, "%s%s", FOLDERS[folder],
                       NAMES[i / (sizeof FOLDERS / sizeof *FOLDERS)]);
        uint64_t program = btr_usual_program(btr_span_of(path));
        rc = is_written(loss, program, &written, err);
        if (rc == 0 && !written)
            h->programs[h->count++] = program;
    }
    if (rc == 0)
        qsort(h->programs, h->count, sizeof *h->programs, key_compare);
    return rc;
}

void loss_handing_fini(struct loss_handing *h)
{
    free(h->programs);
    *h = (struct loss_handing){0};
}

static bool hands_on(const struct loss_handing *h, uint64_t program)
{
    return bsearch(&program, h->programs, h->count, sizeof program, key_compare) != NULL;
}

int loss_hands_on(const struct loss_handing *h, struct btr_loss *loss, struct btr_id process,
                  int64_t since_ns, bool *hands, struct btr_err *err)
{
    struct btr_fact fact;
    int rc = loss->facts.fact(loss->facts.self, process, &fact, err);
    *hands = rc == 0 && hands_on(h, btr_fact_program(&fact, since_ns));
    for (uint32_t i = 0; rc == 0 && *hands && i < fact.image_count; i++)
        if (fact.images[i].since_ns > since_ns)
            *hands = hands_on(h, fact.images[i].program);
    return rc;
}
