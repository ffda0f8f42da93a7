#include "catalog_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PATH_SIZE = 4096 + 16,
    PROBE_SECONDS = 300,
    META_TRIES = 100,
    META_PAUSE_NS = 50000000,
    META_CALM_SECONDS = 60
};

/* ---- The two meta pages --------------------------------------------------------------------- */

/*
 * LMDB 0.9 writes transaction n to meta page n % 2 and reads the one of the greater number: damage
 * to that number would show the store as it was one publish before, without a word. But each
 * transaction after the first gives up pages, and the list of these has its number as the last key.
 * Offsets are of data format 1 on 64 bits. A page's head has 16 bytes: its number, pad, flags,
 * where its list of nodes ends; the list follows. A meta page goes on with magic, version, address,
 * map size, two tables of 48 bytes (page size, flags, ..., root; the first is that of free pages),
 * last page, transaction. A node: 6 bytes of size or child, size of the key, key.
 */
enum {
    PAGE_FLAGS = 10,
    PAGE_LOWER = 12,
    PAGE_HEAD = 16,
    PAGE_BRANCH = 1,
    PAGE_LEAF = 2,
    META_MAGIC = 16,
    META_VERSION = 20,
    META_PAGE_SIZE = 40,
    META_FREE_ROOT = 80,
    META_TXN = 144,
    META_SIZE = 152,
    NODE_KEY = 8,
    DEPTH_MAX = 32
};

struct meta {
    uint32_t page_size;
    uint64_t free_root, txn;
};

static bool meta_read(int fd, off_t at, struct meta *m)
{
    uint8_t bytes[META_SIZE];
    uint32_t magic, version;
    if (pread(fd, bytes, sizeof(bytes), at) != (ssize_t)sizeof(bytes))
        return false;
    memcpy(&magic, bytes + META_MAGIC, sizeof(magic));
    memcpy(&version, bytes + META_VERSION, sizeof(version));
    memcpy(&m->page_size, bytes + META_PAGE_SIZE, sizeof(m->page_size));
    memcpy(&m->free_root, bytes + META_FREE_ROOT, sizeof(m->free_root));
    memcpy(&m->txn, bytes + META_TXN, sizeof(m->txn));
    return magic == 0xBEEFC0DE && version == 1;
}

static unsigned u16_at(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

/* Follows the last node of a page. @return 1 a leaf: *number is its key, 0 a branch: *number is the
 * child, -1 damaged */
static int last_node(const uint8_t *page, uint32_t size, uint64_t *number)
{
    unsigned flags = u16_at(page + PAGE_FLAGS), end = u16_at(page + PAGE_LOWER);
    if ((flags != PAGE_BRANCH && flags != PAGE_LEAF) || end < PAGE_HEAD + 2 || end > size)
        return -1;
    unsigned node = u16_at(page + end - 2);
    if (node < end || node + NODE_KEY + sizeof(*number) > size)
        return -1;
    *number = 0;
    if (flags == PAGE_BRANCH)
        memcpy(number, page + node, 6);
    else
        memcpy(number, page + node + NODE_KEY, sizeof(*number));
    return flags == PAGE_LEAF;
}

/* Whether the pages that a snapshot has given up were given up last by its own transaction. */
static bool meta_fits(int fd, const struct meta *m)
{
    uint8_t page[1 << 16];
    uint64_t number = m->free_root;
    if (m->free_root == UINT64_MAX)
        return m->txn <= 1;
    for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
        if (number > INT64_MAX / m->page_size ||
            pread(fd, page, m->page_size, (off_t)(number * m->page_size)) != (ssize_t)m->page_size)
            return false;
        int rc = last_node(page, m->page_size, &number);
        if (rc != 0)
            return rc == 1 && number == m->txn;
    }
    return false;
}

/* @return 1 they fit together, 0 they do not, -1 LMDB refuses them, and says why */
static int metas_check(int fd)
{
    struct meta even, odd;
    if (!meta_read(fd, 0, &even) || even.page_size < 512 || even.page_size > 1 << 16 ||
        !meta_read(fd, (off_t)even.page_size, &odd))
        return -1;
    if (even.page_size != odd.page_size)
        return 0;
    if (even.txn == 0 && odd.txn == 0)
        return 1;
    return even.txn % 2 == 0 && odd.txn % 2 == 1 &&
           (even.txn + 1 == odd.txn || odd.txn + 1 == even.txn) && meta_fits(fd, &even) &&
           meta_fits(fd, &odd);
}

/*
 * While a writer commits, the older of the two may be written over: what does not fit is looked at
 * again, for longer than that takes. A file that nobody wrote to for a while needs no second look.
 */
static bool metas_sound(int fd, time_t written)
{
    const struct timespec pause = {0, META_PAUSE_NS};
    time_t age = time(NULL) - written;
    unsigned tries = age > META_CALM_SECONDS ? 0 : META_TRIES;
    int rc = metas_check(fd);
    for (; rc == 0 && tries > 0; tries--) {
        (void)nanosleep(&pause, NULL);
        rc = metas_check(fd);
    }
    return rc != 0;
}

/* ---- The child ------------------------------------------------------------------------------ */

/* Dies quietly, whatever handles signals in the parent, and in the end. */
static void child_prepare(void)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
    struct rlimit none = {0, 0};
    for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++)
        (void)signal(deadly[i], SIG_DFL);
    (void)setrlimit(RLIMIT_CORE, &none);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, STDERR_FILENO);
    (void)alarm(PROBE_SECONDS);
}

static void child_run(const char *folder, catalog_opener *open_env, int verdict)
{
    MDB_env *env = NULL;
    child_prepare();
    /* What refuses to open does so in the parent, too, and says why. */
    bool sound = open_env(&env, folder) != 0 || catalog_pages_sound(env);
    if (sound)
        (void)!write(verdict, "s", 1);
    if (env)
        mdb_env_close(env); /* gives its place among the readers back */
    _exit(0);
}

static bool child_wait(pid_t child, int verdict)
{
    char byte = 0;
    ssize_t n;
    do
        n = read(verdict, &byte, 1);
    while (n < 0 && errno == EINTR);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    return n == 1 && byte == 's';
}

static int child_ask(const char *folder, catalog_opener *open_env)
{
    int ends[2];
    if (pipe(ends) != 0)
        return errno;
    pid_t child = fork();
    int reason = errno;
    if (child == 0)
        child_run(folder, open_env, ends[1]);
    (void)close(ends[1]);
    bool sound = child > 0 && child_wait(child, ends[0]);
    (void)close(ends[0]);
    if (child < 0)
        return reason;
    return sound ? 0 : CATALOG_DAMAGED;
}

int catalog_probe(const char *folder, catalog_opener *open_env)
{
    char file[PATH_SIZE];
    struct stat st;
    if (snprintf(file, sizeof(file), "%s/data.mdb", folder) >= (int)sizeof(file))
        return ENAMETOOLONG;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    bool made = fstat(fd, &st) == 0 && st.st_size >= 2 * sysconf(_SC_PAGESIZE);
    bool sound = !made || metas_sound(fd, st.st_mtime);
    (void)close(fd);
    if (!made)
        return 0;
    return sound ? child_ask(folder, open_env) : CATALOG_DAMAGED;
}
