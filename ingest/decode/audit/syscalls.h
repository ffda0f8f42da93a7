#ifndef INGEST_AUDIT_SYSCALLS_H
#define INGEST_AUDIT_SYSCALLS_H
/** Syscall numbers of every architecture, as one enum of the calls that move information or say who is who. */
#include <stdint.h>

enum audit_arch { AUDIT_ARCH_OTHER_, AUDIT_ARCH_X86_64_, AUDIT_ARCH_I386_, AUDIT_ARCH_X32_, AUDIT_ARCH_AARCH64_, AUDIT_ARCH_ARM_ };

/* X(name): AUDIT_CALL_<NAME>; the word is the kernel's. 32-bit variants (fcntl64, stat64, send, recv through socketcall ...)
   map to the same name; arguments mean the same unless syscalls.c says otherwise. */
#define AUDIT_CALL_TABLE(X)                                                                        \
    X(execve) X(execveat) X(fork) X(vfork) X(clone) X(clone3) X(exit) X(exit_group)                \
    X(open) X(openat) X(openat2) X(creat) X(close) X(close_range) X(dup) X(dup2) X(dup3) X(fcntl)  \
    X(pipe) X(pipe2) X(socketpair) X(socket) X(connect) X(accept) X(accept4) X(bind) X(listen)     \
    X(read) X(pread64) X(readv) X(preadv) X(preadv2) X(write) X(pwrite64) X(writev) X(pwritev) X(pwritev2) \
    X(sendto) X(sendmsg) X(sendmmsg) X(recvfrom) X(recvmsg) X(recvmmsg)                            \
    X(sendfile) X(splice) X(tee) X(vmsplice) X(copy_file_range)                                    \
    X(mmap) X(mprotect) X(munmap)                                                                  \
    X(unlink) X(unlinkat) X(rmdir) X(rename) X(renameat) X(renameat2) X(link) X(linkat)            \
    X(symlink) X(symlinkat) X(mkdir) X(mkdirat) X(mknod) X(mknodat)                                \
    X(chmod) X(fchmod) X(fchmodat) X(chown) X(fchown) X(lchown) X(fchownat)                        \
    X(truncate) X(ftruncate) X(fallocate) X(utime) X(utimes) X(utimensat) X(futimesat)             \
    X(setxattr) X(lsetxattr) X(fsetxattr) X(removexattr) X(lremovexattr) X(fremovexattr)           \
    X(chdir) X(fchdir) X(chroot) X(pivot_root) X(mount) X(umount2) X(unshare) X(setns)             \
    X(setuid) X(setgid) X(setreuid) X(setregid) X(setresuid) X(setresgid) X(setfsuid) X(setfsgid) X(setgroups) X(capset) \
    X(ptrace) X(process_vm_readv) X(process_vm_writev) X(kill) X(tkill) X(tgkill)                  \
    X(rt_sigqueueinfo) X(rt_tgsigqueueinfo) X(pidfd_send_signal) X(pidfd_open) X(pidfd_getfd)      \
    X(memfd_create) X(shmat) X(shmget) X(shmdt) X(mq_open) X(io_uring_setup) X(bpf)                \
    X(init_module) X(finit_module) X(delete_module) X(setsid) X(prctl) X(name_to_handle_at) X(open_by_handle_at)

enum audit_call {
    AUDIT_CALL_OTHER = 0,
#define AUDIT_CALL_ENUM(name) AUDIT_CALL_##name,
    AUDIT_CALL_TABLE(AUDIT_CALL_ENUM)
#undef AUDIT_CALL_ENUM
    AUDIT_CALL_COUNT
};

/** Decodes arch= (AUDIT_ARCH_* of linux/audit.h). x32 calls are told by bit 30 of the number. */
enum audit_arch audit_arch_find(uint32_t arch, uint64_t *number);
enum audit_call audit_call_find(enum audit_arch arch, uint64_t number);
/** The call behind i386's socketcall(which, ...). */
enum audit_call audit_socketcall_find(uint64_t which);
/** i386's socketcall(2): the call that its first argument names; arguments are in the SOCKETCALL record. */
enum audit_call audit_socketcall_find(uint64_t which);
const char *audit_call_name(enum audit_call call);

#endif
