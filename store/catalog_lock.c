/* LMDB's table of readers, catalog/lock.mdb: room for it, and what stands for it where it cannot be
 * written. */
#include "catalog_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_PATH_SIZE = 4096 + 32 };

/* Blocks behind the end of the file. @return 0 or an errno */
static int room_make(int fd, off_t size)
{
    struct stat at;
    if (fstat(fd, &at) != 0)
        return errno;
    if (at.st_size >= size)
        return 0;
    int rc = posix_fallocate(fd, at.st_size, size - at.st_size);
    return rc == EINVAL || rc == EOPNOTSUPP ? 0 : rc; /* this file system has no holes to fill */
}

int catalog_lock_room(const char *folder, size_t size)
{
    char path[LOCK_PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/lock.mdb", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int rc = room_make(fd, (off_t)size);
    (void)close(fd);
    return rc;
}

bool catalog_lock_is_barred(int why)
{
    return why == EROFS || why == EACCES || why == EPERM || why == ENOSPC || why == EDQUOT;
}

int catalog_lock_share(const char *folder, int *fd)
{
    char path[LOCK_PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/../lock", folder);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT ? 0 : errno;
    if (flock(*fd, LOCK_SH | LOCK_NB) == 0)
        return 0;
    int why = errno == EWOULDBLOCK ? EBUSY : errno;
    (void)close(*fd);
    *fd = -1;
    return why;
}
