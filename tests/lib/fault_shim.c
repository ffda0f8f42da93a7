/* Calls of the C library that fail when they are told to; see faults.h. */
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *const fault_words[FAULT_CLASSES] = {
    "alloc",  "write",  "sync",     "open", "read", "stat",   "folder",
    "rename", "unlink", "truncate", "map",  "lock", "thread", "close"};

static struct {
    bool on, lasting, is_short, stacks, budget_on;
    int class; /* enum fault_class, or -1 */
    uint64_t at, stack;
    int number; /* errno */
    int log;    /* descriptor, or -1 */
} plan = {.class = -1, .log = -1};
static atomic_uint_fast64_t counts[FAULT_CLASSES];
static atomic_bool struck;
static atomic_llong budget;
static _Thread_local bool inside; /* the shim's own calls are not counted */

/* ---- The plan ------------------------------------------------------------------------------- */

static uint64_t number_of(const char *name, int base)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, base) : 0;
}

/* A high descriptor, so that the program's have the numbers that they always have. */
static int log_open(void)
{
    const char *path = getenv("FAULT_LOG");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 1000);
    if (fd >= 0)
        (void)close(fd);
    return high < 0 && path ? STDERR_FILENO : high;
}

__attribute__((constructor)) static void begin(void)
{
    const char *class = getenv("FAULT_CLASS");
    inside = true;
    for (int i = 0; class && i < FAULT_CLASSES; i++)
        if (strcmp(class, fault_words[i]) == 0)
            plan.class = i;
    if (class && plan.class < 0) {
        (void)dprintf(STDERR_FILENO, "FAULT_CLASS: no class %s\n", class);
        _exit(125);
    }
    plan.at = number_of("FAULT_AT", 10);
    plan.stack = number_of("FAULT_STACK", 16);
    plan.number = (int)number_of("FAULT_ERRNO", 10);
    plan.lasting = getenv("FAULT_LASTING") != NULL;
    plan.is_short = getenv("FAULT_SHORT") != NULL;
    plan.stacks = getenv("FAULT_STACKS") != NULL;
    plan.budget_on = getenv("FAULT_BUDGET") != NULL;
    atomic_store(&budget, (long long)number_of("FAULT_BUDGET", 10));
    plan.log = log_open();
    fault_stack_init(plan.stack != 0 || plan.stacks);
    inside = false;
    plan.on = true;
}

__attribute__((destructor)) static void end(void)
{
    plan.on = false;
    for (int i = 0; plan.log >= 0 && i < FAULT_CLASSES; i++)
        (void)dprintf(plan.log, "calls %s %llu\n", fault_words[i],
                      (unsigned long long)atomic_load(&counts[i]));
    if (plan.log >= 0 && plan.stacks)
        fault_stack_print(plan.log);
}

static bool is_due(enum fault_class class, uint64_t n)
{
    if ((int)class != plan.class)
        return false;
    uint64_t stack = plan.stack || plan.stacks ? fault_stack_hash() : 0;
    if (plan.stacks)
        fault_stack_count(stack, n);
    if (atomic_load(&struck))
        return plan.lasting;
    if (plan.stack ? stack != plan.stack : n != plan.at)
        return false;
    return !atomic_exchange(&struck, true) || plan.lasting;
}

/* Whether this call is to fail; errno is set then. */
static bool fails(enum fault_class class, const char *call, const void *from)
{
    if (!plan.on || inside)
        return false;
    inside = true;
    int before = errno;
    uint64_t n = atomic_fetch_add(&counts[class], 1) + 1;
    bool due = is_due(class, n);
    if (due && plan.log >= 0) {
        char place[256];
        fault_place(place, sizeof place, from);
        (void)dprintf(plan.log, "fault %s %s %llu %s\n", fault_words[class], call,
                      (unsigned long long)n, place);
    }
    inside = false;
    errno = due ? plan.number : before;
    return due;
}

#define FAILS(class, call) fails(class, call, __builtin_return_address(0))

/* The next definition of the function that it is used in. */
#define REAL(name, result, ...)                                                                    \
    static result (*real)(__VA_ARGS__);                                                            \
    if (!real) {                                                                                   \
        void *found = dlsym(RTLD_NEXT, name);                                                      \
        memcpy(&real, &found, sizeof real);                                                        \
    }

/* ---- Memory ----------------------------------------------------------------------------------
 */

void *malloc(size_t size)
{
    REAL("malloc", void *, size_t)
    return FAILS(FAULT_ALLOC, "malloc") ? NULL : real(size);
}

void *calloc(size_t count, size_t size)
{
    REAL("calloc", void *, size_t, size_t)
    return FAILS(FAULT_ALLOC, "calloc") ? NULL : real(count, size);
}

void *realloc(void *at, size_t size)
{
    REAL("realloc", void *, void *, size_t)
    return FAILS(FAULT_ALLOC, "realloc") ? NULL : real(at, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    REAL("aligned_alloc", void *, size_t, size_t)
    return FAILS(FAULT_ALLOC, "aligned_alloc") ? NULL : real(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
    REAL("posix_memalign", int, void **, size_t, size_t)
    return FAILS(FAULT_ALLOC, "posix_memalign") ? ENOMEM : real(out, align, size);
}

/* operator new(size, std::nothrow) and its array form, which a sanitizer has of its own */
void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag);
void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag)
{
    REAL("_ZnwmRKSt9nothrow_t", void *, size_t, const void *)
    return FAILS(FAULT_ALLOC, "new") ? NULL : real(size, tag);
}

void *_ZnamRKSt9nothrow_t(size_t size, const void *tag);
void *_ZnamRKSt9nothrow_t(size_t size, const void *tag)
{
    REAL("_ZnamRKSt9nothrow_t", void *, size_t, const void *)
    return FAILS(FAULT_ALLOC, "new[]") ? NULL : real(size, tag);
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* How many bytes of a write are to be taken: all, fewer, or none (-1; errno is set). */
static ssize_t room_for(int fd, size_t size, const char *call, const void *from)
{
    if (fd <= STDERR_FILENO || inside)
        return (ssize_t)size;
    if (plan.on && plan.budget_on) {
        (void)atomic_fetch_add(&counts[FAULT_WRITE], 1);
        long long left = atomic_fetch_sub(&budget, (long long)size);
        if (left >= (long long)size)
            return (ssize_t)size;
        errno = ENOSPC;
        return left > 0 ? (ssize_t)left : -1;
    }
    if (!fails(FAULT_WRITE, call, from))
        return (ssize_t)size;
    if (plan.is_short && size > 1)
        return (ssize_t)(size > 4096 ? size / 2 : size - 1);
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL("write", ssize_t, int, const void *, size_t)
    ssize_t room = room_for(fd, size, "write", __builtin_return_address(0));
    return room < 0 ? -1 : real(fd, bytes, (size_t)room);
}

/* A disk that is full still takes what is written over: its blocks are there. */
static bool overwrites(int fd, size_t size, off_t at)
{
    struct stat now;
    return plan.on && plan.budget_on && fstat(fd, &now) == 0 && at <= now.st_size &&
           size <= (size_t)(now.st_size - at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    REAL("pwrite", ssize_t, int, const void *, size_t, off_t)
    if (overwrites(fd, size, at))
        return real(fd, bytes, size, at);
    ssize_t room = room_for(fd, size, "pwrite", __builtin_return_address(0));
    return room < 0 ? -1 : real(fd, bytes, (size_t)room, at);
}

static size_t total(const struct iovec *parts, int count)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

/* Cuts a copy of the parts to so many bytes. @return how many parts are left */
static int parts_cut(struct iovec *copy, const struct iovec *parts, int count, size_t room)
{
    int kept = 0;
    for (; kept < count && room > 0; kept++) {
        copy[kept] = parts[kept];
        if (copy[kept].iov_len > room)
            copy[kept].iov_len = room;
        room -= copy[kept].iov_len;
    }
    return kept;
}

enum { PARTS_MAX = 1024 };

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL("writev", ssize_t, int, const struct iovec *, int)
    struct iovec copy[PARTS_MAX];
    ssize_t room = room_for(fd, total(parts, count), "writev", __builtin_return_address(0));
    if (room < 0 || count > PARTS_MAX)
        return room < 0 ? -1 : real(fd, parts, count);
    return real(fd, copy, parts_cut(copy, parts, count, (size_t)room));
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    REAL("pwritev", ssize_t, int, const struct iovec *, int, off_t)
    struct iovec copy[PARTS_MAX];
    ssize_t room = room_for(fd, total(parts, count), "pwritev", __builtin_return_address(0));
    if (room < 0 || count > PARTS_MAX)
        return room < 0 ? -1 : real(fd, parts, count, at);
    return real(fd, copy, parts_cut(copy, parts, count, (size_t)room), at);
}

int fsync(int fd)
{
    REAL("fsync", int, int)
    return FAILS(FAULT_SYNC, "fsync") ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL("fdatasync", int, int)
    return FAILS(FAULT_SYNC, "fdatasync") ? -1 : real(fd);
}

int msync(void *at, size_t size, int flags)
{
    REAL("msync", int, void *, size_t, int)
    return FAILS(FAULT_SYNC, "msync") ? -1 : real(at, size, flags);
}

int ftruncate(int fd, off_t size)
{
    REAL("ftruncate", int, int, off_t)
    return FAILS(FAULT_TRUNCATE, "ftruncate") ? -1 : real(fd, size);
}

int posix_fallocate(int fd, off_t at, off_t size)
{
    REAL("posix_fallocate", int, int, off_t, off_t)
    if (plan.on && plan.budget_on && atomic_load(&budget) < (long long)size)
        return ENOSPC;
    return FAILS(FAULT_TRUNCATE, "posix_fallocate") ? plan.number : real(fd, at, size);
}

/* The descriptor is gone, as on Linux it always is. */
int close(int fd)
{
    REAL("close", int, int)
    bool failed = fd > STDERR_FILENO && FAILS(FAULT_CLOSE, "close");
    int number = errno;
    int rc = real(fd);
    if (failed)
        errno = number;
    return failed ? -1 : rc;
}

/* ---- Names ---------------------------------------------------------------------------------- */

int open(const char *path, int flags, ...)
{
    REAL("open", int, const char *, int, ...)
    unsigned mode = 0;
    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, unsigned);
        va_end(args);
    }
    return FAILS(FAULT_OPEN, "open") ? -1 : real(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    REAL("fopen", FILE *, const char *, const char *)
    return FAILS(FAULT_OPEN, "fopen") ? NULL : real(path, mode);
}

DIR *opendir(const char *path)
{
    REAL("opendir", DIR *, const char *)
    return FAILS(FAULT_OPEN, "opendir") ? NULL : real(path);
}

int mkstemp(char *path)
{
    REAL("mkstemp", int, char *)
    return FAILS(FAULT_OPEN, "mkstemp") ? -1 : real(path);
}

int dup(int fd)
{
    REAL("dup", int, int)
    return FAILS(FAULT_OPEN, "dup") ? -1 : real(fd);
}

int pipe(int fds[2])
{
    REAL("pipe", int, int *)
    return FAILS(FAULT_OPEN, "pipe") ? -1 : real(fds);
}

int mkdir(const char *path, mode_t mode)
{
    REAL("mkdir", int, const char *, mode_t)
    return FAILS(FAULT_FOLDER, "mkdir") ? -1 : real(path, mode);
}

struct dirent *readdir(DIR *folder)
{
    REAL("readdir", struct dirent *, DIR *)
    return FAILS(FAULT_FOLDER, "readdir") ? NULL : real(folder);
}

int scandir(const char *path, struct dirent ***out, int (*choose)(const struct dirent *),
            int (*compare)(const struct dirent **, const struct dirent **))
{
    REAL("scandir", int, const char *, struct dirent ***, int (*)(const struct dirent *),
         int (*)(const struct dirent **, const struct dirent **))
    return FAILS(FAULT_FOLDER, "scandir") ? -1 : real(path, out, choose, compare);
}

int glob(const char *pattern, int flags, int (*fail)(const char *, int), glob_t *out)
{
    REAL("glob", int, const char *, int, int (*)(const char *, int), glob_t *)
    return FAILS(FAULT_FOLDER, "glob") ? GLOB_ABORTED : real(pattern, flags, fail, out);
}

int rename(const char *from, const char *to)
{
    REAL("rename", int, const char *, const char *)
    return FAILS(FAULT_RENAME, "rename") ? -1 : real(from, to);
}

int unlink(const char *path)
{
    REAL("unlink", int, const char *)
    return FAILS(FAULT_UNLINK, "unlink") ? -1 : real(path);
}

int stat(const char *path, struct stat *out)
{
    REAL("stat", int, const char *, struct stat *)
    return FAILS(FAULT_STAT, "stat") ? -1 : real(path, out);
}

int lstat(const char *path, struct stat *out)
{
    REAL("lstat", int, const char *, struct stat *)
    return FAILS(FAULT_STAT, "lstat") ? -1 : real(path, out);
}

int fstat(int fd, struct stat *out)
{
    REAL("fstat", int, int, struct stat *)
    return FAILS(FAULT_STAT, "fstat") ? -1 : real(fd, out);
}

/* fstat as libraries call it that were built with an older C library */
int __fxstat(int version, int fd, struct stat *out);
int __fxstat(int version, int fd, struct stat *out)
{
    REAL("__fxstat", int, int, int, struct stat *)
    return FAILS(FAULT_STAT, "__fxstat") ? -1 : real(version, fd, out);
}

int fstatfs(int fd, struct statfs *out)
{
    REAL("fstatfs", int, int, struct statfs *)
    return FAILS(FAULT_STAT, "fstatfs") ? -1 : real(fd, out);
}

/* What is left of the budget is what is free. */
int statvfs(const char *path, struct statvfs *out)
{
    REAL("statvfs", int, const char *, struct statvfs *)
    if (FAILS(FAULT_STAT, "statvfs"))
        return -1;
    int rc = real(path, out);
    long long left = atomic_load(&budget);
    if (rc == 0 && plan.on && plan.budget_on)
        out->f_bavail = left > 0 ? (fsblkcnt_t)left / out->f_frsize : 0;
    return rc;
}

/* ---- Reading -------------------------------------------------------------------------------- */

ssize_t read(int fd, void *out, size_t size)
{
    REAL("read", ssize_t, int, void *, size_t)
    return FAILS(FAULT_READ, "read") ? -1 : real(fd, out, size);
}

ssize_t pread(int fd, void *out, size_t size, off_t at)
{
    REAL("pread", ssize_t, int, void *, size_t, off_t)
    return FAILS(FAULT_READ, "pread") ? -1 : real(fd, out, size, at);
}

off_t lseek(int fd, off_t at, int whence)
{
    REAL("lseek", off_t, int, off_t, int)
    return FAILS(FAULT_READ, "lseek") ? -1 : real(fd, at, whence);
}

int getentropy(void *out, size_t size)
{
    REAL("getentropy", int, void *, size_t)
    return FAILS(FAULT_READ, "getentropy") ? -1 : real(out, size);
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    REAL("poll", int, struct pollfd *, nfds_t, int)
    return FAILS(FAULT_READ, "poll") ? -1 : real(fds, count, timeout_ms);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    REAL("mmap", void *, void *, size_t, int, int, int, off_t)
    return FAILS(FAULT_MAP, "mmap") ? MAP_FAILED : real(at, size, protection, flags, fd, offset);
}

/* ---- Locks and threads ---------------------------------------------------------------------- */

int flock(int fd, int operation)
{
    REAL("flock", int, int, int)
    return FAILS(FAULT_LOCK, "flock") ? -1 : real(fd, operation);
}

int fcntl(int fd, int command, ...)
{
    REAL("fcntl", int, int, int, ...)
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    bool locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK;
    return locks && FAILS(FAULT_LOCK, "fcntl") ? -1 : real(fd, command, argument);
}

/* AddressSanitizer asks for it at the start of each thread, and ends the process when it fails. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *out)
{
    REAL("pthread_getattr_np", int, pthread_t, pthread_attr_t *)
    bool before = inside;
    inside = true;
    int rc = real(thread, out);
    inside = before;
    return rc;
}

int pthread_create(pthread_t *out, const pthread_attr_t *how, void *(*run)(void *), void *self)
{
    REAL("pthread_create", int, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)
    return FAILS(FAULT_THREAD, "pthread_create") ? plan.number : real(out, how, run, self);
}
