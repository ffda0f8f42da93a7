#include "verify_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "files.h"
#include "segment.h"

/** What was found. */
struct found {
    btr_fault_visit *visit;
    void *self;
    uint32_t files, sound;
    uint64_t events;
};

static bool name_parse(const char *name, struct btr_id *hash)
{
    return strlen(name) == 32 + 5 &&
           btr_id_parse((struct btr_span){(const uint8_t *)name, 32}, hash);
}

/* The header of what is named by its own hash tells how much it holds. */
static int file_prove(struct store_segment *seg, const char *path, struct btr_id hash,
                      struct btr_err *err)
{
    struct stat st;
    uint64_t size = stat(path, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 1;
    btr_id_text(hash, seg->name);
    int rc = store_segment_map(seg, path, size, err);
    if (rc == 0)
        rc = store_segment_readable(seg, seg->bytes, err);
    if (rc == 0 && !btr_id_equal(btr_id_hash(seg->bytes), hash))
        rc = store_segment_unfit(seg, BTR_E_CHECKSUM, err, "the file is not what its name says");
    return rc;
}

static int file_check(void *self, const char *path, const char *name)
{
    struct found *f = self;
    struct btr_err err;
    struct btr_id hash;
    if (!name_parse(name, &hash))
        return 0;
    struct store_segment *seg = calloc(1, sizeof(*seg));
    if (!seg)
        return BTR_E_NOMEM;
    f->files++;
    int rc = file_prove(seg, path, hash, &err);
    f->sound += rc == 0;
    f->events += rc == 0 ? seg->header.event_count : 0;
    int stop = rc < 0 ? f->visit(f->self, seg->name, err.text) : 0;
    store_segment_close(seg);
    free(seg);
    return stop;
}

int verify_files(const char *store, btr_fault_visit *visit, void *self)
{
    struct found f = {.visit = visit, .self = self};
    struct btr_err ignored;
    char line[512];
    int rc = store_files_each(store, file_check, &f, &ignored);
    if (rc != 0)
        return rc;
    (void)snprintf(line, sizeof(line),
                   "damaged; lost by it: which segments are published, what was read, and the "
                   "states of decoders. %" PRIu32 " of %" PRIu32 " segment files are what their "
                   "names say, with %" PRIu64 " events: nothing of these is lost",
                   f.sound, f.files, f.events);
    return visit(self, "catalog", line);
}
