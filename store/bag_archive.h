#ifndef STORE_BAG_ARCHIVE_H
#define STORE_BAG_ARCHIVE_H
/**
 * The functions of libarchive that bags need, looked up when the first bag is asked for: with what
 * it needs itself the library would make every command start a millisecond later.
 */
#include <archive.h>
#include <archive_entry.h>
#include <btr/err.h>

/* clang-format off */
#define BAG_ARCHIVE_FUNCTIONS(F)                                                                   \
    F(archive_entry_clear) F(archive_entry_filetype) F(archive_entry_free)                         \
    F(archive_entry_hardlink) F(archive_entry_new) F(archive_entry_pathname)                       \
    F(archive_entry_set_filetype) F(archive_entry_set_mtime) F(archive_entry_set_pathname)         \
    F(archive_entry_set_perm) F(archive_entry_set_size) F(archive_entry_size)                      \
    F(archive_entry_sparse_count) F(archive_errno) F(archive_read_data) F(archive_read_free)       \
    F(archive_read_new) F(archive_read_next_header) F(archive_read_open_filename)                  \
    F(archive_read_support_format_tar) F(archive_write_close) F(archive_write_data)                \
    F(archive_write_free) F(archive_write_header) F(archive_write_new) F(archive_write_open_fd)    \
    F(archive_write_set_format_pax_restricted)
/* clang-format on */

struct bag_archive {
#define BAG_ARCHIVE_MEMBER(name) __typeof__ (&name)(name);
    BAG_ARCHIVE_FUNCTIONS(BAG_ARCHIVE_MEMBER)
#undef BAG_ARCHIVE_MEMBER
};

/** One thread. @return the functions, or NULL (BTR_E_IO) when the library is not on this machine */
const struct bag_archive *bag_archive(struct btr_err *err);

#endif
