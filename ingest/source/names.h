#ifndef SOURCE_NAMES_H
#define SOURCE_NAMES_H
/** What the name of a log file tells: its base, its place among rotated ones, its host. Nothing is
 * opened. */
#include <btr/hosts.h>
#include <btr/span.h>

enum { SOURCE_BASE_SIZE = 256 };

/** A file name taken apart: "web01.audit.log.3.zst" is base "web01.audit.log", rotated third. */
struct source_name {
    char base[SOURCE_BASE_SIZE]; /* without folder, packing and rotation; cut, NUL-terminated */
    uint64_t age; /* order within one base: smaller is older; UINT64_MAX is the live file */
};

/**
 * Takes a path apart. Known rotations: NAME.N (logrotate; a higher N is older), NAME-DATE with DATE
 * YYYYMMDD, YYYY-MM-DD, YYYYMMDDHH, YYYYMMDD-HHMMSS or seconds since the epoch, and NAME-DATE.EXT.
 * Dated files come before numbered ones. Packing: .zst, .gz (.xz and .bz2 are seen here too, so
 * that reading refuses them by name).
 */
void source_name_parse(struct source_name *out, const char *path);

/** Whether a name found in a folder is taken for a log: it has ".log" in it, or its base ends in
 * .json, .jsonl or .ndjson. */
bool source_name_is_log(const char *path);

/**
 * The host that a path names: NAME.audit.log; NAME.EXT with NAME in the inventory; else the name of
 * its folder when the inventory knows it.
 * @param buffer  at least SOURCE_BASE_SIZE bytes; the result points into it
 * @return empty when the path names none
 */
struct btr_span source_name_host(const char *path, const struct btr_hosts *hosts, char *buffer);

#endif
