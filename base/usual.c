#include <btr/usual.h>

#include "id_private.h"

enum { KEY_BITS = 48 };

static uint64_t key_of(struct btr_id id)
{
    uint64_t key = id.lo >> (64 - KEY_BITS);
    return key == 0 ? 1 : key;
}

/* @param prefix  in small letters */
static bool begins_folded(struct btr_span path, struct btr_span prefix)
{
    bool begins = path.size >= prefix.size;
    for (size_t i = 0; begins && i < prefix.size; i++) {
        bool is_capital = path.at[i] >= 'A' && path.at[i] <= 'Z';
        begins = (path.at[i] | (is_capital ? 0x20 : 0)) == prefix.at[i];
    }
    return begins;
}

/* Size of "\Device\HarddiskVolume2", where a "\" follows; else 0. */
static size_t volume_size(struct btr_span path)
{
    struct btr_span volume = BTR_SPAN("\\device\\harddiskvolume");
    size_t at = volume.size;
    if (!begins_folded(path, volume))
        return 0;
    while (at < path.size && path.at[at] >= '0' && path.at[at] <= '9')
        at++;
    return at > volume.size && at < path.size && path.at[at] == '\\' ? at : 0;
}

/* A path without its host, told apart as files are (btr_identity_file). */
static uint64_t path_key(struct btr_span word, struct btr_span path)
{
    struct btr_span rest = base_without_device_prefix(path), drive = {NULL, 0};
    size_t volume = volume_size(path);
    if (path.size == 0)
        return 0;
    if (volume > 0) {
        drive = BTR_SPAN("c:");
        rest = (struct btr_span){path.at + volume, path.size - volume};
    } else if (base_begins_with_drive(rest)) {
        drive = (struct btr_span){rest.at, 2};
        rest = (struct btr_span){rest.at + 2, rest.size - 2};
    }
    bool windows = drive.size > 0 || btr_span_begins(rest, BTR_SPAN("\\"));
    const struct base_part parts[] = {{word, BASE_FOLD_NONE},
                                      {drive, BASE_FOLD_ASCII},
                                      {rest, windows ? BASE_FOLD_WINDOWS : BASE_FOLD_NONE}};
    return key_of(base_id_of_parts(parts, 3));
}

uint64_t btr_usual_program(struct btr_span executable)
{
    return path_key(BTR_SPAN("program"), executable);
}

uint64_t btr_usual_file(struct btr_span path)
{
    return path_key(BTR_SPAN("file"), path);
}

uint64_t btr_usual_far(struct btr_span address)
{
    struct btr_span parts[] = {BTR_SPAN("far"), address};
    return address.size ? key_of(btr_id_of(parts, 2)) : 0;
}

bool btr_usual_counts(unsigned operation)
{
    switch (operation) {
    case BTR_OP_OPEN_READ:
    case BTR_OP_OPEN_WRITE:
    case BTR_OP_OPEN_BOTH:
    case BTR_OP_CREATE:
    case BTR_OP_EXEC:
    case BTR_OP_LOAD:
    case BTR_OP_MAP:
    case BTR_OP_CONNECT:
    case BTR_OP_ACCEPT:
        return true;
    default:
        return false;
    }
}
