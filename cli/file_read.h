#ifndef CLI_FILE_READ_H
#define CLI_FILE_READ_H
/** Small files that a user names: read whole, and refused in words. */
#include <btr/buffer.h>
#include <btr/digest.h>
#include <btr/err.h>
#include <btr/hosts.h>

/** What the user named and cannot be read by nature is bad usage; a disk that fails is not. */
int cli_code_of_named(int code);
/**
 * Reads a file whole.
 * @param size_max  bytes; a larger file is refused
 * @return 0, BTR_E_USAGE (not there, may not be read, too large), BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM
 */
int cli_file_read(const char *path, size_t size_max, struct btr_buffer *out, struct btr_err *err);
/** Reads an inventory of hosts. @param path  NULL: *out is left as it is. @return as cli_file_read */
int cli_hosts_load(struct btr_hosts **out, const char *path, struct btr_err *err);
/** The same, and the digest of the file's bytes. */
int cli_hosts_load_digest(struct btr_hosts **out, const char *path, uint8_t sha256[BTR_SHA256_SIZE], struct btr_err *err);

#endif
