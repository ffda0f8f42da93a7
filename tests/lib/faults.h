#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H
/**
 * Preloaded into a program (LD_PRELOAD), makes calls of the C library fail. The environment says which:
 *
 *   FAULT_CLASS   the class of calls, as fault_words has them
 *   FAULT_AT      the n-th call of the class fails, from 1
 *   FAULT_STACK   instead: the first call of the class that comes from this stack (hex, as the log tells it)
 *   FAULT_ERRNO   number of the error that they fail with
 *   FAULT_LASTING set: every call of the class from then on fails, too
 *   FAULT_SHORT   set: a write takes half of its bytes, or all but one, instead of failing
 *   FAULT_BUDGET  instead of all these: so many bytes are written in all (over others is free), then the disk is full
 *   FAULT_LOG     a file that gets a line for each fault made ("fault CLASS CALL N PLACE") and, at the end of the
 *                 program, one for each class ("calls CLASS COUNT"); with
 *   FAULT_STACKS  set, also one for each stack that calls of FAULT_CLASS came from ("stack HASH COUNT FIRST")
 *
 * Calls are counted over all threads. Descriptors 0 to 2 are left alone, and what the C library does by itself.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_class {
    FAULT_ALLOC,    /* malloc, calloc, realloc, posix_memalign, aligned_alloc, operator new */
    FAULT_WRITE,    /* write, pwrite, writev, pwritev */
    FAULT_SYNC,     /* fsync, fdatasync, msync */
    FAULT_OPEN,     /* open, fopen, opendir, mkstemp, dup, pipe */
    FAULT_READ,     /* read, pread, lseek, getentropy, poll */
    FAULT_STAT,     /* stat, fstat, lstat, fstatfs, statvfs */
    FAULT_FOLDER,   /* mkdir, readdir, scandir, glob */
    FAULT_RENAME,   /* rename */
    FAULT_UNLINK,   /* unlink */
    FAULT_TRUNCATE, /* ftruncate, posix_fallocate */
    FAULT_MAP,      /* mmap */
    FAULT_LOCK,     /* flock, fcntl(F_SETLK) */
    FAULT_THREAD,   /* pthread_create */
    FAULT_CLOSE,    /* close */
    FAULT_CLASSES
};

/** @return a hash of the stack of this call, the same in each run of a program */
uint64_t fault_stack_hash(void);
/** Names the place that an address is at, as FILE+OFFSET. */
void fault_place(char *out, size_t size, const void *at);
/** Learns where the program and its libraries lie. Before any other. @param unwinds  whether stacks will be asked for */
void fault_stack_init(bool unwinds);
/** Counts a stack. @param n  of the call, from 1 */
void fault_stack_count(uint64_t hash, uint64_t n);
/** Prints what was counted to a descriptor. */
void fault_stack_print(int fd);

#endif
