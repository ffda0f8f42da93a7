#include "syscalls.h"

#include <stddef.h>

/*
 * Source: arch/x86/entry/syscalls/syscall_64.tbl (x32: its rows from 512 on) and syscall_32.tbl,
 * arch/arm/tools/syscall.tbl, include/uapi/asm-generic/unistd.h of Linux 6.1. Numbers from 424 on
 * are the same everywhere. Where a 32-bit architecture has two calls for one thing (fcntl64,
 * chown32, ...), both numbers are here. Left out because their arguments lie behind a pointer: old
 * mmap (90) and ipc (117) of i386 and ARM; socketcall (102) has a function of its own below.
 */

/* Machine of ELF, with bits for 64 bits wide and little-endian (linux/audit.h). */
#define ARCH_X86_64 UINT32_C(0xc000003e)
#define ARCH_I386 UINT32_C(0x40000003)
#define ARCH_AARCH64 UINT32_C(0xc00000b7)
#define ARCH_ARM UINT32_C(0x40000028)
#define X32_BIT UINT64_C(0x40000000)

_Static_assert(AUDIT_CALL_COUNT <= 256, "a call fits in a byte");

/* Several calls a line. */
/* clang-format off */
#define C(number, name) [number] = AUDIT_CALL_##name

/* 515 and up: x32 only. */
static const uint8_t x86_numbers[] = {
    C(0, read), C(1, write), C(2, open), C(3, close), C(9, mmap), C(10, mprotect), C(11, munmap),
    C(17, pread64), C(18, pwrite64), C(19, readv), C(20, writev), C(22, pipe), C(29, shmget),
    C(30, shmat), C(32, dup), C(33, dup2), C(40, sendfile), C(41, socket), C(42, connect),
    C(43, accept), C(44, sendto), C(45, recvfrom), C(46, sendmsg), C(47, recvmsg), C(49, bind),
    C(50, listen), C(53, socketpair), C(56, clone), C(57, fork), C(58, vfork), C(59, execve),
    C(60, exit), C(62, kill), C(67, shmdt), C(72, fcntl), C(76, truncate), C(77, ftruncate),
    C(80, chdir), C(81, fchdir), C(82, rename), C(83, mkdir), C(84, rmdir), C(85, creat),
    C(86, link), C(87, unlink), C(88, symlink), C(90, chmod), C(91, fchmod), C(92, chown),
    C(93, fchown), C(94, lchown), C(101, ptrace), C(105, setuid), C(106, setgid), C(112, setsid),
    C(113, setreuid), C(114, setregid), C(116, setgroups), C(117, setresuid), C(119, setresgid),
    C(122, setfsuid), C(123, setfsgid), C(126, capset), C(129, rt_sigqueueinfo), C(132, utime),
    C(133, mknod), C(155, pivot_root), C(157, prctl), C(161, chroot), C(165, mount),
    C(166, umount2), C(175, init_module), C(176, delete_module), C(188, setxattr),
    C(189, lsetxattr), C(190, fsetxattr), C(197, removexattr), C(198, lremovexattr),
    C(199, fremovexattr), C(200, tkill), C(231, exit_group), C(234, tgkill), C(235, utimes),
    C(240, mq_open), C(257, openat), C(258, mkdirat), C(259, mknodat), C(260, fchownat),
    C(261, futimesat), C(263, unlinkat), C(264, renameat), C(265, linkat), C(266, symlinkat),
    C(268, fchmodat), C(272, unshare), C(275, splice), C(276, tee), C(278, vmsplice),
    C(280, utimensat), C(285, fallocate), C(288, accept4), C(292, dup3), C(293, pipe2),
    C(295, preadv), C(296, pwritev), C(297, rt_tgsigqueueinfo), C(299, recvmmsg),
    C(303, name_to_handle_at), C(304, open_by_handle_at), C(307, sendmmsg), C(308, setns),
    C(310, process_vm_readv), C(311, process_vm_writev), C(313, finit_module), C(316, renameat2),
    C(319, memfd_create), C(321, bpf), C(322, execveat), C(326, copy_file_range), C(327, preadv2),
    C(328, pwritev2), C(424, pidfd_send_signal), C(425, io_uring_setup), C(434, pidfd_open),
    C(435, clone3), C(436, close_range), C(437, openat2), C(438, pidfd_getfd), C(452, fchmodat),
    C(515, readv), C(516, writev), C(517, recvfrom), C(518, sendmsg), C(519, recvmsg),
    C(520, execve), C(521, ptrace), C(524, rt_sigqueueinfo), C(532, vmsplice), C(534, preadv),
    C(535, pwritev), C(536, rt_tgsigqueueinfo), C(537, recvmmsg), C(538, sendmmsg),
    C(539, process_vm_readv), C(540, process_vm_writev), C(545, execveat), C(546, preadv2),
    C(547, pwritev2),
};

static const uint8_t i386_numbers[] = {
    C(1, exit), C(2, fork), C(3, read), C(4, write), C(5, open), C(6, close), C(8, creat),
    C(9, link), C(10, unlink), C(11, execve), C(12, chdir), C(14, mknod), C(15, chmod),
    C(16, lchown), C(21, mount), C(22, umount2), C(23, setuid), C(26, ptrace), C(30, utime),
    C(37, kill), C(38, rename), C(39, mkdir), C(40, rmdir), C(41, dup), C(42, pipe),
    C(46, setgid), C(52, umount2), C(55, fcntl), C(61, chroot), C(63, dup2), C(66, setsid),
    C(70, setreuid), C(71, setregid), C(81, setgroups), C(83, symlink), C(91, munmap),
    C(92, truncate), C(93, ftruncate), C(94, fchmod), C(95, fchown), C(120, clone),
    C(125, mprotect), C(128, init_module), C(129, delete_module), C(133, fchdir),
    C(138, setfsuid), C(139, setfsgid), C(145, readv), C(146, writev), C(164, setresuid),
    C(170, setresgid), C(172, prctl), C(178, rt_sigqueueinfo), C(180, pread64), C(181, pwrite64),
    C(182, chown), C(185, capset), C(187, sendfile), C(190, vfork), C(192, mmap),
    C(193, truncate), C(194, ftruncate), C(198, lchown), C(203, setreuid), C(204, setregid),
    C(206, setgroups), C(207, fchown), C(208, setresuid), C(210, setresgid), C(212, chown),
    C(213, setuid), C(214, setgid), C(215, setfsuid), C(216, setfsgid), C(217, pivot_root),
    C(221, fcntl), C(226, setxattr), C(227, lsetxattr), C(228, fsetxattr), C(235, removexattr),
    C(236, lremovexattr), C(237, fremovexattr), C(238, tkill), C(239, sendfile),
    C(252, exit_group), C(270, tgkill), C(271, utimes), C(277, mq_open), C(295, openat),
    C(296, mkdirat), C(297, mknodat), C(298, fchownat), C(299, futimesat), C(301, unlinkat),
    C(302, renameat), C(303, linkat), C(304, symlinkat), C(306, fchmodat), C(310, unshare),
    C(313, splice), C(315, tee), C(316, vmsplice), C(320, utimensat), C(324, fallocate),
    C(330, dup3), C(331, pipe2), C(333, preadv), C(334, pwritev), C(335, rt_tgsigqueueinfo),
    C(337, recvmmsg), C(341, name_to_handle_at), C(342, open_by_handle_at), C(345, sendmmsg),
    C(346, setns), C(347, process_vm_readv), C(348, process_vm_writev), C(350, finit_module),
    C(353, renameat2), C(356, memfd_create), C(357, bpf), C(358, execveat), C(359, socket),
    C(360, socketpair), C(361, bind), C(362, connect), C(363, listen), C(364, accept4),
    C(369, sendto), C(370, sendmsg), C(371, recvfrom), C(372, recvmsg), C(377, copy_file_range),
    C(378, preadv2), C(379, pwritev2), C(395, shmget), C(397, shmat), C(398, shmdt),
    C(412, utimensat), C(417, recvmmsg), C(424, pidfd_send_signal), C(425, io_uring_setup),
    C(434, pidfd_open), C(435, clone3), C(436, close_range), C(437, openat2), C(438, pidfd_getfd),
    C(452, fchmodat),
};

/* aarch64 */
static const uint8_t generic_numbers[] = {
    C(5, setxattr), C(6, lsetxattr), C(7, fsetxattr), C(14, removexattr), C(15, lremovexattr),
    C(16, fremovexattr), C(23, dup), C(24, dup3), C(25, fcntl), C(33, mknodat), C(34, mkdirat),
    C(35, unlinkat), C(36, symlinkat), C(37, linkat), C(38, renameat), C(39, umount2),
    C(40, mount), C(41, pivot_root), C(45, truncate), C(46, ftruncate), C(47, fallocate),
    C(49, chdir), C(50, fchdir), C(51, chroot), C(52, fchmod), C(53, fchmodat), C(54, fchownat),
    C(55, fchown), C(56, openat), C(57, close), C(59, pipe2), C(63, read), C(64, write),
    C(65, readv), C(66, writev), C(67, pread64), C(68, pwrite64), C(69, preadv), C(70, pwritev),
    C(71, sendfile), C(75, vmsplice), C(76, splice), C(77, tee), C(88, utimensat), C(91, capset),
    C(93, exit), C(94, exit_group), C(97, unshare), C(105, init_module), C(106, delete_module),
    C(117, ptrace), C(129, kill), C(130, tkill), C(131, tgkill), C(138, rt_sigqueueinfo),
    C(143, setregid), C(144, setgid), C(145, setreuid), C(146, setuid), C(147, setresuid),
    C(149, setresgid), C(151, setfsuid), C(152, setfsgid), C(157, setsid), C(159, setgroups),
    C(167, prctl), C(180, mq_open), C(194, shmget), C(196, shmat), C(197, shmdt), C(198, socket),
    C(199, socketpair), C(200, bind), C(201, listen), C(202, accept), C(203, connect),
    C(206, sendto), C(207, recvfrom), C(211, sendmsg), C(212, recvmsg), C(215, munmap),
    C(220, clone), C(221, execve), C(222, mmap), C(226, mprotect), C(240, rt_tgsigqueueinfo),
    C(242, accept4), C(243, recvmmsg), C(264, name_to_handle_at), C(265, open_by_handle_at),
    C(268, setns), C(269, sendmmsg), C(270, process_vm_readv), C(271, process_vm_writev),
    C(273, finit_module), C(276, renameat2), C(279, memfd_create), C(280, bpf), C(281, execveat),
    C(285, copy_file_range), C(286, preadv2), C(287, pwritev2), C(424, pidfd_send_signal),
    C(425, io_uring_setup), C(434, pidfd_open), C(435, clone3), C(436, close_range),
    C(437, openat2), C(438, pidfd_getfd), C(452, fchmodat),
};

static const uint8_t arm_numbers[] = {
    C(1, exit), C(2, fork), C(3, read), C(4, write), C(5, open), C(6, close), C(8, creat),
    C(9, link), C(10, unlink), C(11, execve), C(12, chdir), C(14, mknod), C(15, chmod),
    C(16, lchown), C(21, mount), C(22, umount2), C(23, setuid), C(26, ptrace), C(30, utime),
    C(37, kill), C(38, rename), C(39, mkdir), C(40, rmdir), C(41, dup), C(42, pipe),
    C(46, setgid), C(52, umount2), C(55, fcntl), C(61, chroot), C(63, dup2), C(66, setsid),
    C(70, setreuid), C(71, setregid), C(81, setgroups), C(83, symlink), C(91, munmap),
    C(92, truncate), C(93, ftruncate), C(94, fchmod), C(95, fchown), C(120, clone),
    C(125, mprotect), C(128, init_module), C(129, delete_module), C(133, fchdir),
    C(138, setfsuid), C(139, setfsgid), C(145, readv), C(146, writev), C(164, setresuid),
    C(170, setresgid), C(172, prctl), C(178, rt_sigqueueinfo), C(180, pread64), C(181, pwrite64),
    C(182, chown), C(185, capset), C(187, sendfile), C(190, vfork), C(192, mmap),
    C(193, truncate), C(194, ftruncate), C(198, lchown), C(203, setreuid), C(204, setregid),
    C(206, setgroups), C(207, fchown), C(208, setresuid), C(210, setresgid), C(212, chown),
    C(213, setuid), C(214, setgid), C(215, setfsuid), C(216, setfsgid), C(218, pivot_root),
    C(221, fcntl), C(226, setxattr), C(227, lsetxattr), C(228, fsetxattr), C(235, removexattr),
    C(236, lremovexattr), C(237, fremovexattr), C(238, tkill), C(239, sendfile),
    C(248, exit_group), C(268, tgkill), C(269, utimes), C(274, mq_open), C(281, socket),
    C(282, bind), C(283, connect), C(284, listen), C(285, accept), C(288, socketpair),
    C(289, sendto), C(290, sendto), C(291, recvfrom), C(292, recvfrom), C(296, sendmsg),
    C(297, recvmsg), C(305, shmat), C(306, shmdt), C(307, shmget), C(322, openat),
    C(323, mkdirat), C(324, mknodat), C(325, fchownat), C(326, futimesat), C(328, unlinkat),
    C(329, renameat), C(330, linkat), C(331, symlinkat), C(333, fchmodat), C(337, unshare),
    C(340, splice), C(342, tee), C(343, vmsplice), C(348, utimensat), C(352, fallocate),
    C(358, dup3), C(359, pipe2), C(361, preadv), C(362, pwritev), C(363, rt_tgsigqueueinfo),
    C(365, recvmmsg), C(366, accept4), C(370, name_to_handle_at), C(371, open_by_handle_at),
    C(374, sendmmsg), C(375, setns), C(376, process_vm_readv), C(377, process_vm_writev),
    C(379, finit_module), C(382, renameat2), C(385, memfd_create), C(386, bpf), C(387, execveat),
    C(391, copy_file_range), C(392, preadv2), C(393, pwritev2), C(412, utimensat),
    C(417, recvmmsg), C(424, pidfd_send_signal), C(425, io_uring_setup), C(434, pidfd_open),
    C(435, clone3), C(436, close_range), C(437, openat2), C(438, pidfd_getfd), C(452, fchmodat),
};

#undef C
/* clang-format on */

/* socketcall(2): the call by its first argument (linux/net.h). */
static const uint8_t socketcall_numbers[] = {
    [1] = AUDIT_CALL_socket,    [2] = AUDIT_CALL_bind,      [3] = AUDIT_CALL_connect,
    [4] = AUDIT_CALL_listen,    [5] = AUDIT_CALL_accept,    [8] = AUDIT_CALL_socketpair,
    [9] = AUDIT_CALL_sendto,    [10] = AUDIT_CALL_recvfrom, [11] = AUDIT_CALL_sendto,
    [12] = AUDIT_CALL_recvfrom, [16] = AUDIT_CALL_sendmsg,  [17] = AUDIT_CALL_recvmsg,
    [18] = AUDIT_CALL_accept4,  [19] = AUDIT_CALL_recvmmsg, [20] = AUDIT_CALL_sendmmsg,
};

static const char *const call_names[] = {[AUDIT_CALL_OTHER] = "other",
#define CALL_NAME(name) [AUDIT_CALL_##name] = #name,
                                         AUDIT_CALL_TABLE(CALL_NAME)
#undef CALL_NAME
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum audit_arch audit_arch_find(uint32_t arch, uint64_t *number)
{
    switch (arch) {
    case ARCH_X86_64:
        if (!(*number & X32_BIT))
            return AUDIT_ARCH_X86_64_;
        *number &= ~X32_BIT;
        return AUDIT_ARCH_X32_;
    case ARCH_I386:
        return AUDIT_ARCH_I386_;
    case ARCH_AARCH64:
        return AUDIT_ARCH_AARCH64_;
    case ARCH_ARM:
        return AUDIT_ARCH_ARM_;
    default:
        return AUDIT_ARCH_OTHER_;
    }
}

static enum audit_call call_in(const uint8_t *numbers, size_t count, uint64_t number)
{
    return number < count ? (enum audit_call)numbers[number] : AUDIT_CALL_OTHER;
}

enum audit_call audit_call_find(enum audit_arch arch, uint64_t number)
{
    switch (arch) {
    case AUDIT_ARCH_X86_64_:
    case AUDIT_ARCH_X32_:
        return call_in(x86_numbers, COUNT(x86_numbers), number);
    case AUDIT_ARCH_I386_:
        return call_in(i386_numbers, COUNT(i386_numbers), number);
    case AUDIT_ARCH_AARCH64_:
        return call_in(generic_numbers, COUNT(generic_numbers), number);
    case AUDIT_ARCH_ARM_:
        return call_in(arm_numbers, COUNT(arm_numbers), number);
    default:
        return AUDIT_CALL_OTHER;
    }
}

enum audit_call audit_socketcall_find(uint64_t which)
{
    return call_in(socketcall_numbers, COUNT(socketcall_numbers), which);
}

const char *audit_call_name(enum audit_call call)
{
    return (size_t)call < COUNT(call_names) ? call_names[call] : call_names[AUDIT_CALL_OTHER];
}
