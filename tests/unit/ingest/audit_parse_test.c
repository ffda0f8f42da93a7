/* What each kind of record tells. The lines are made up after the shapes of real ones. */
#include "audit_events.h"

#define CALL_TAIL                                                                                  \
    " ppid=10 pid=11 auid=1000 uid=33 gid=34 euid=35 suid=36 fsuid=37 egid=38 sgid=39 fsgid=40 "   \
    "tty=pts0 ses=7 "

static void expect(const char *lines, const char *told)
{
    struct audit_events a;
    audit_events_init(&a, 64, 1 << 20);
    audit_events_text(&a, lines);
    audit_events_flush(&a, INT64_MAX);
    assert_string_equal(audit_events_told(&a), told);
    assert_int_equal(audit_assembler_waiting(a.assembler), 0);
    audit_events_fini(&a);
}

static void a_call_in_the_kernels_order(void **state)
{
    (void)state;
    expect("type=SYSCALL msg=audit(1700000000.123:77): arch=c000003e syscall=257 success=no "
           "exit=-13 a0=ffffff9c a1=7f "
           "a2=0 a3=1b6 items=0" CALL_TAIL
           "comm=\"cat\" exe=\"/usr/bin/cat\" subj=unconfined key=\"files\"",
           "call SYSCALL 77@1700000000123000000 records=1 x86_64/openat success=0 exit=-13 "
           "a=ffffff9c,7f,0,1b6 tty=pts0 ppid=10 "
           "pid=11 auid=1000 uid=33 gid=34 euid=35 suid=36 fsuid=37 egid=38 ses=7 comm=cat "
           "exe=/usr/bin/cat key=files\n");
}

static void a_call_in_another_order_tells_the_same(void **state)
{
    (void)state;
    expect("type=SYSCALL msg=audit(1700000000.123:77):  key=\"files\" exe=\"/usr/bin/cat\" "
           "comm=\"cat\" ses=7 tty=pts0 fsgid=40 "
           "sgid=39 egid=38 fsuid=37 suid=36 euid=35 gid=34 uid=33 auid=1000 pid=11 ppid=10 new=1 "
           "items=0 a3=1b6 a2=0 a1=7f "
           "a0=ffffff9c exit=-13 success=no syscall=257 arch=c000003e",
           "call SYSCALL 77@1700000000123000000 records=1 x86_64/openat success=0 exit=-13 "
           "a=ffffff9c,7f,0,1b6 tty=pts0 ppid=10 "
           "pid=11 auid=1000 uid=33 gid=34 euid=35 suid=36 fsuid=37 egid=38 ses=7 comm=cat "
           "exe=/usr/bin/cat key=files\n");
}

static void a_call_without_outcome_and_with_a_personality(void **state)
{
    (void)state;
    expect("type=SYSCALL msg=audit(1700000000.123:77): arch=c00000b7 syscall=94 per=400000 a0=0 "
           "a1=0 a2=0 a3=0 items=0" CALL_TAIL "comm=\"sh\" exe=(null) key=(null)",
           "call SYSCALL 77@1700000000123000000 records=1 aarch64/exit_group a=0,0,0,0 tty=pts0 "
           "ppid=10 pid=11 auid=1000 uid=33 "
           "gid=34 euid=35 suid=36 fsuid=37 egid=38 ses=7 comm=sh\n");
}

static void the_kernel_before_2_6_30_has_no_session(void **state)
{
    (void)state;
    expect("type=SYSCALL msg=audit(1170021493.977:293): arch=c000003e syscall=2 success=no "
           "exit=-13 a0=1 a1=2 a2=3 a3=0 items=1 "
           "ppid=1 pid=2 auid=4294967295 uid=3 gid=3 euid=3 suid=3 fsuid=3 egid=3 sgid=3 fsgid=3 "
           "tty=(none) comm=\"p\" "
           "exe=\"/p\" subj=a:b:c key=(null)\n"
           "type=CWD msg=audit(1170021493.977:293):  cwd=\"/var/spool\"\n"
           "type=PATH msg=audit(1170021493.977:293): item=0 name=\"maildrop\" inode=9 dev=03:07 "
           "mode=040730 ouid=3 ogid=4 "
           "rdev=00:00 obj=a:b:c",
           "call SYSCALL 293@1170021493977000000 records=3 x86_64/open success=0 exit=-13 "
           "a=1,2,3,0 ppid=1 pid=2 uid=3 gid=3 "
           "euid=3 suid=3 fsuid=3 egid=3 comm=p exe=/p cwd=/var/spool path[0 unknown 3:7/9 40730 "
           "owner=3 name=maildrop]\n");
}

static void names_with_odd_bytes_are_hex(void **state)
{
    (void)state;
    expect("type=SYSCALL msg=audit(1.5:1): arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 "
           "a2=3 a3=4 items=1" CALL_TAIL "comm=612062 exe=2F746D702F612062 key=6101FF\n"
           "type=PATH msg=audit(1.5:1): item=0 name=2F746D702F612062 inode=5 dev=fe:00 "
           "mode=0100755 ouid=0 ogid=0 rdev=00:00 "
           "nametype=NORMAL cap_fp=0 cap_fi=0\n"
           "type=PROCTITLE msg=audit(1.5:1): proctitle=6100620A",
           "call SYSCALL 1@1500000000 records=3 x86_64/execve success=1 exit=0 a=1,2,3,4 tty=pts0 "
           "ppid=10 pid=11 auid=1000 uid=33 "
           "gid=34 euid=35 suid=36 fsuid=37 egid=38 ses=7 comm=a b exe=/tmp/a b key=a\\01\\ff "
           "path[0 normal fe:0/5 100755 owner=0 "
           "name=/tmp/a b] proctitle=a\\00b\\0a\n");
}

static void hex_that_is_none_stays_as_written(void **state)
{
    (void)state;
    expect("type=SYSCALL msg=audit(1.5:1): arch=c000003e syscall=0 success=yes exit=0 a0=1 a1=2 "
           "a2=3 a3=4 items=0" CALL_TAIL "comm=61206 exe=2F7G6F key=cafe",
           "call SYSCALL 1@1500000000 records=1 x86_64/read success=1 exit=0 a=1,2,3,4 tty=pts0 "
           "ppid=10 pid=11 auid=1000 uid=33 "
           "gid=34 euid=35 suid=36 fsuid=37 egid=38 ses=7 comm=61206 exe=2F7G6F key=cafe\n");
}

#define SMALL_CALL(number, items)                                                                  \
    "type=SYSCALL msg=audit(9.0:5): arch=c000003e syscall=" number                                 \
    " success=yes exit=3 a0=1 a1=2 a2=3 a3=4 items=" items                                         \
    " ppid=1 pid=2 auid=3 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) "     \
    "ses=1 comm=\"c\" exe=\"/c\" key=(null)\n"
#define SMALL_TOLD(records, name)                                                                  \
    "call SYSCALL 5@9000000000 records=" records " x86_64/" name                                   \
    " success=1 exit=3 a=1,2,3,4 ppid=1 pid=2 auid=3 uid=0 gid=0 "                                 \
    "euid=0 suid=0 fsuid=0 egid=0 ses=1 comm=c exe=/c"

static void arguments_come_split_and_in_several_records(void **state)
{
    (void)state;
    expect(SMALL_CALL("59", "0") "type=EXECVE msg=audit(9.0:5): argc=5 a0=\"sh\" a1=2D632078 "
                                 "a2_len=12 a2[0]=6162 a2[1]=6364\n"
                                 "type=EXECVE msg=audit(9.0:5):  a2[2]=\"ef\" a3=\"(null)\"\n"
                                 "type=EXECVE msg=audit(9.0:5): a4=\"\"\n",
           SMALL_TOLD("4", "execve") " arg=sh arg=-c x arg=abcdef arg=(null) arg=\n");
}

static void arguments_that_are_missing_are_counted(void **state)
{
    (void)state;
    expect(SMALL_CALL(
               "59",
               "0") "type=EXECVE msg=audit(9.0:5): argc=9 a0=\"sh\" a2=\"b\" a3[0]=61 a3[2]=63\n",
           SMALL_TOLD("2", "execve") " arg=sh arg-absent arg=b arg=ac args_left_out=7\n");
}

static void addresses_of_every_family(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *told;
    } rows[] = {
        {"02000050A9FEA9FE0000000000000000", "inet:169.254.169.254:80"},
        {"0002270FC0A8010A0000000000000000", "inet:192.168.1.10:9999"}, /* a big-endian machine */
        {"0A002BCB000000000000000000000000000000000000000100000000", "inet6:::1:11211"},
        {"0A0001BB0000000000000000000000000000FFFF0A4D000B00000000", "inet6:10.77.0.11:443"},
        {"0a0001bb0000000020010db8000000000000000000000001", "inet6:2001:db8::1:443"},
        {"01002F72756E2F78000000", "unix:/run/x"},
        {"0100006162", "unix:@ab"},
        {"010000616200000000", "unix:@ab"},
        {"0100", "unix:"},
        {"0100000000", "unix:"},
        {"100000000000000000000000", "netlink"},
        {"0200005001", "other"},
        {"11", "other"},
        {"00", "other"},
        {"", "other"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char lines[1024], told[1024];
        snprintf(lines, sizeof(lines), "%stype=SOCKADDR msg=audit(9.0:5): saddr=%s",
                 SMALL_CALL("42", "0"), rows[i].hex);
        snprintf(told, sizeof(told), "%s sockaddr=%s\n", SMALL_TOLD("2", "connect"), rows[i].told);
        expect(lines, told);
    }
}

static void the_longest_unix_path_has_108_bytes(void **state)
{
    (void)state;
    char lines[1024] = SMALL_CALL("42", "0") "type=SOCKADDR msg=audit(9.0:5): saddr=0100",
         told[512] = SMALL_TOLD("2", "connect") " sockaddr=unix:";
    for (int i = 0; i < 126; i++)
        strncat(lines, "61", 3);
    for (int i = 0; i < 108; i++)
        strncat(told, "a", 2);
    strncat(told, "\n", 2);
    expect(lines, told);
}

static void descriptors_maps_and_targets(void **state)
{
    (void)state;
    expect(SMALL_CALL("22", "0") "type=FD_PAIR msg=audit(9.0:5): fd0=3 fd1=4",
           SMALL_TOLD("2", "pipe") " fds=3,4\n");
    expect(SMALL_CALL("9", "0") "type=MMAP msg=audit(9.0:5): fd=-1 flags=0x812",
           SMALL_TOLD("2", "mmap") " mmap=-1,812\n");
    expect(
        SMALL_CALL("437", "0") "type=OPENAT2 msg=audit(9.0:5): oflag=0100302 mode=0600 resolve=0xa",
        SMALL_TOLD("2", "openat2") " openat2=80c2\n");
    expect(SMALL_CALL("437",
                      "0") "type=UNKNOWN[1337] msg=audit(9.0:5): oflag=00 mode=0600 resolve=0x0",
           SMALL_TOLD("2", "openat2") " openat2=0\n");
    expect(
        SMALL_CALL("62",
                   "0") "type=OBJ_PID msg=audit(9.0:5): opid=77 oauid=1 ouid=33 oses=4 "
                        "obj=unconfined ocomm=\"x\"\n"
                        "type=OBJ_PID msg=audit(9.0:5): opid=78 oauid=-1 ouid=0 oses=-1 ocomm=6120",
        SMALL_TOLD("3", "kill") " obj=77/33/4 ocomm=x obj=78/0/4294967295 ocomm=a \n");
}

static void paths_stand_in_order_of_item(void **state)
{
    (void)state;
    expect(
        SMALL_CALL("82", "4") "type=PATH msg=audit(9.0:5): item=2 name=\"/c\" inode=3 dev=fe:00 "
                              "mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=DELETE\n"
                              "type=PATH msg=audit(9.0:5): item=0 name=\"/a\" inode=1 dev=fe:01 "
                              "mode=040755 ouid=0 ogid=0 rdev=00:00 nametype=PARENT\n"
                              "type=PATH msg=audit(9.0:5): item=1 name=(null) inode=2 dev=00:0c "
                              "mode=010600 ouid=0 ogid=0 rdev=88:03 objtype=CREATE\n"
                              "type=PATH msg=audit(9.0:5): item=3 name=\"(null)\" nametype=UNKNOWN",
        SMALL_TOLD("5", "rename") " path[0 parent fe:1/1 40755 owner=0 name=/a] path[1 create "
                                  "0:c/2 10600 owner=0 rdev=88:3]"
                                  " path[2 delete fe:0/3 100644 owner=0 name=/c] path[3 unknown "
                                  "0:0/0 0 name=(null)]\n");
}

static void paths_that_did_not_come_are_counted(void **state)
{
    (void)state;
    expect(SMALL_CALL("82", "3") "type=PATH msg=audit(9.0:5): item=2 name=\"/c\" "
                                 "nametype=DELETE\ntype=EOE msg=audit(9.0:5): ",
           SMALL_TOLD("2", "rename") " path[2 delete 0:0/0 0 name=/c] paths_left_out=2\n");
}

static void a_socketcall_is_the_call_of_its_arguments(void **state)
{
    (void)state;
    const char *head = "type=SYSCALL msg=audit(9.0:5): arch=40000003 syscall=102 success=yes "
                       "exit=0 a0=3 a1=bf a2=1 a3=2 items=0"
                       " ppid=1 pid=2 auid=3 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 "
                       "fsgid=0 tty=(none) ses=1 comm=\"c\" "
                       "exe=\"/c\" key=(null)\n";
    const char *tail =
        " ppid=1 pid=2 auid=3 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 ses=1 comm=c exe=/c\n";
    char lines[1024], told[1024];
    snprintf(lines, sizeof(lines), "%stype=SOCKETCALL msg=audit(9.0:5): nargs=3 a0=6 a1=bfff a2=10",
             head);
    snprintf(told, sizeof(told),
             "call SYSCALL 5@9000000000 records=2 i386/connect success=1 exit=0 a=6,bfff,10,0%s",
             tail);
    expect(lines, told);
    snprintf(told, sizeof(told),
             "call SYSCALL 5@9000000000 records=1 i386/other success=1 exit=0 a=3,bf,1,2%s", tail);
    expect(head, told);
}

static void enriched_text_is_no_field(void **state)
{
    (void)state;
    expect("type=SYSCALL msg=audit(9.0:5): arch=c000003e syscall=0 success=yes exit=3 a0=1 a1=2 "
           "a2=3 a3=4 items=0 ppid=1 pid=2 auid=3 "
           "uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=1 comm=\"c\" "
           "exe=\"/c\" key=(null)\035ARCH=x86_64 "
           "SYSCALL=read AUID=\"x\" pid=99 key=\"no\"",
           SMALL_TOLD("1", "read") "\n");
    expect("type=USER_ACCT msg=audit(9.0:6): pid=9 uid=1 auid=1 ses=1 msg='op=PAM:accounting "
           "acct=\"user\" exe=\"/usr/bin/sudo\" "
           "hostname=? addr=? terminal=/dev/pts/1 res=success'\035UID=\"user\" AUID=\"user\"",
           "user USER_ACCT 6@9000000000 records=1 pid=9 auid=1 uid=1 ses=1 op=PAM:accounting "
           "acct=user user-exe=/usr/bin/sudo "
           "terminal=/dev/pts/1 res=1\n");
}

static void records_of_users(void **state)
{
    (void)state;
    expect("type=USER_CMD msg=audit(9.0:6): user pid=9 uid=1 auid=7 ses=11 msg='cwd=\"/root\" "
           "cmd=6C73202F terminal=pts/3 res=failed'",
           "user USER_CMD 6@9000000000 records=1 pid=9 auid=7 uid=1 ses=11 terminal=pts/3 cmd=ls / "
           "user-cwd=/root res=0\n");
    expect("type=USER_START msg=audit(9.0:6): user pid=9 uid=0 auid=0 subj=a msg='PAM: session "
           "open acct=root : "
           "exe=\"/usr/sbin/crond\" (hostname=h1, addr=10.0.0.9, terminal=cron res=success)'",
           "user USER_START 6@9000000000 records=1 pid=9 auid=0 uid=0 acct=root "
           "user-exe=/usr/sbin/crond hostname=h1 addr=10.0.0.9 "
           "terminal=cron res=1\n");
    expect("type=SERVICE_STOP msg=audit(9.0:6): pid=1 uid=0 auid=4294967295 ses=4294967295 "
           "msg='unit=auditd comm=\"systemd\" "
           "exe=\"/usr/lib/systemd/systemd\" hostname=? addr=? terminal=? res=success'",
           "user SERVICE_STOP 6@9000000000 records=1 pid=1 uid=0 user-exe=/usr/lib/systemd/systemd "
           "unit=auditd res=1\n");
    expect("type=USER_LOGIN msg=audit(9.0:6): pid=5 uid=0 auid=1000 ses=2 msg='op=login "
           "acct=28756E6B6E6F776E207573657229 exe=\"/usr/sbin/sshd\" "
           "hostname=? addr=203.0.113.5 terminal=ssh res=failed'",
           "user USER_LOGIN 6@9000000000 records=1 pid=5 auid=1000 uid=0 ses=2 op=login "
           "acct=(unknown user) user-exe=/usr/sbin/sshd "
           "addr=203.0.113.5 terminal=ssh res=0\n");
}

static void what_a_program_says_does_not_reach_the_kernels_fields(void **state)
{
    (void)state;
    expect("type=USER_AUTH msg=audit(9.0:6): pid=9 uid=1 auid=7 ses=11 msg='op=x acct=\"a\" pid=1 "
           "uid=0 auid=0 acct=\"root\" ses=1 "
           "key=\"k\" lost=5 res=success res=failed'",
           "user USER_AUTH 6@9000000000 records=1 pid=9 auid=7 uid=1 ses=11 op=x acct=a res=0\n");
}

static void logins_of_new_and_old_kernels(void **state)
{
    (void)state;
    expect("type=LOGIN msg=audit(9.0:6): pid=66 uid=0 old-auid=4294967295 auid=7005 tty=(none) "
           "old-ses=4294967295 ses=28 res=1",
           "user LOGIN 6@9000000000 records=1 pid=66 auid=7005 uid=0 ses=28 res=1\n");
    expect("type=LOGIN msg=audit(9.0:6): login pid=66 uid=0 old auid=5 new auid=42 old ses=6 new "
           "ses=1",
           "user LOGIN 6@9000000000 records=1 pid=66 auid=42 uid=0 ses=1 old-auid=5 old-ses=6\n");
}

static void the_audit_system_of_itself(void **state)
{
    (void)state;
    expect("type=DAEMON_START msg=audit(9.0:4711): op=start ver=3.0.9 format=enriched kernel=6.1.0 "
           "auid=4294967295 pid=500 uid=0 "
           "ses=4294967295 subj=unconfined  res=success",
           "kernel DAEMON_START 4711@9000000000 records=1 pid=500 uid=0 op=start res=1\n");
    expect("type=DAEMON_END msg=audit(9.0:4712): op=terminate auid=0 uid=0 ses=3 pid=1 subj= "
           "res=success",
           "kernel DAEMON_END 4712@9000000000 records=1 pid=1 auid=0 uid=0 ses=3 op=terminate "
           "res=1\n");
    expect(
        "type=CONFIG_CHANGE msg=audit(9.0:6): auid=0 ses=3 op=remove_rule key=\"x\" list=4 res=1",
        "kernel CONFIG_CHANGE 6@9000000000 records=1 auid=0 ses=3 key=x op=remove_rule res=1\n");
    expect("type=CONFIG_CHANGE msg=audit(9.0:6): op=set audit_backlog_limit=8192 old=64 auid=0 "
           "ses=3 res=1",
           "kernel CONFIG_CHANGE 6@9000000000 records=1 auid=0 ses=3 op=set res=1\n");
    expect("type=KERNEL msg=audit(9.0:6): audit_lost=12 audit_rate_limit=0 audit_backlog_limit=64",
           "kernel KERNEL 6@9000000000 records=1 lost=12\n");
    expect("type=KERNEL msg=audit(9.0:6): backlog=99 lost=3",
           "kernel KERNEL 6@9000000000 records=1 lost=3 backlog=99\n");
}

static void words_that_the_kernel_printed_take_the_time_before(void **state)
{
    (void)state;
    expect(
        "type=KERNEL msg=audit(9.0:6): initialized\n"
        "Nov 25 02:00:00 web01 kernel: [ 12.5] audit: audit_backlog=65 > audit_backlog_limit=64\n"
        "audit: audit_lost=7 audit_rate_limit=0 audit_backlog_limit=64\n"
        "kernel: audit: backlog limit exceeded",
        "kernel KERNEL 6@9000000000 records=1\nkernel KERNEL 6@9000000000 records=1 backlog=65\n"
        "kernel KERNEL 6@9000000000 records=1 lost=7\nkernel KERNEL 6@9000000000 records=1 "
        "backlog=1\n");
}

static void changes_of_rules_tell_who_made_them(void **state)
{
    (void)state;
    expect(
        "type=CONFIG_CHANGE msg=audit(9.0:5): auid=3 ses=1 op=remove_rule key=(null) list=4 "
        "res=1\n" SMALL_CALL("44", "0") "type=PROCTITLE msg=audit(9.0:5): proctitle=\"auditctl\"\n",
        "kernel CONFIG_CHANGE 5@9000000000 records=1 ppid=1 pid=2 auid=3 uid=0 gid=0 euid=0 suid=0 "
        "fsuid=0 egid=0 ses=1 comm=c "
        "exe=/c proctitle=auditctl op=remove_rule res=1\n" SMALL_TOLD(
            "2", "sendto") " proctitle=auditctl\n");
}

static void denials_stand_beside_their_call(void **state)
{
    (void)state;
    expect("type=AVC msg=audit(9.0:5): avc:  denied  { read write } for  pid=2 comm=\"c\" "
           "name=\"m\" dev=hda7 ino=14 tclass=dir\n" SMALL_CALL("2", "0"),
           "other AVC 5@9000000000 records=1 ppid=1 pid=2 auid=3 uid=0 gid=0 euid=0 suid=0 fsuid=0 "
           "egid=0 ses=1 comm=c exe=/c\n" SMALL_TOLD("1", "open") "\n");
    expect("type=SECCOMP msg=audit(9.0:6): auid=1 uid=2 gid=3 ses=4 pid=5 comm=\"x\" exe=\"/x\" "
           "sig=31 arch=c000003e syscall=1 compat=0 ip=0x1 code=0x0",
           "other SECCOMP 6@9000000000 records=1 pid=5 auid=1 uid=2 gid=3 ses=4 comm=x exe=/x\n");
    expect("type=UNKNOWN[9999] msg=audit(9.0:6): a=b pid=5",
           "other UNKNOWN[9999] 6@9000000000 records=1 pid=5\n");
    expect("type=NEW_THING msg=audit(9.0:6): a=b pid=5",
           "other NEW_THING 6@9000000000 records=1 pid=5\n");
}

static void companions_without_their_call_are_parts(void **state)
{
    (void)state;
    expect("type=CWD msg=audit(9.0:5): cwd=\"/\"\ntype=PROCTITLE msg=audit(9.0:5): proctitle=\"x\"",
           "parts CWD 5@9000000000 records=2 cwd=/ proctitle=x\n");
}

static void prefixes_before_the_record(void **state)
{
    (void)state;
    expect("node=web01 type=CWD msg=audit(9.0:5): cwd=\"/\"",
           "parts CWD 5@9000000000 records=1 node=web01 cwd=/\n");
    expect("Nov 25 01:02:03 web01 audispd: node=web02 type=CWD msg=audit(9.0:5): cwd=\"/\"",
           "parts CWD 5@9000000000 records=1 node=web02 cwd=/\n");
    expect("<13>Nov 25 01:02:03 web01 audisp-syslog: type=CWD msg=audit(9.0:5): cwd=\"/\"",
           "parts CWD 5@9000000000 records=1 cwd=/\n");
    expect("kernel: [ 1.5] audit: type=1307 audit(9.0:5): cwd=\"/\"",
           "parts 1307 5@9000000000 records=1 cwd=/\n");
    expect("kernel: audit(9.0:5): avc: denied { read } for pid=3",
           "other  5@9000000000 records=1 pid=3\n");
}

static void io_uring_operations_are_calls_without_arguments(void **state)
{
    (void)state;
    expect("type=URINGOP msg=audit(9.0:5): uring_op=18 success=yes exit=0 items=0 ppid=1 pid=2 "
           "uid=3 gid=0 euid=0 suid=0 fsuid=0 egid=0 "
           "sgid=0 fsgid=0 subj=u key=(null)",
           "call URINGOP 5@9000000000 records=1 ?/other success=1 exit=0 a=0,0,0,0 ppid=1 pid=2 "
           "uid=3 gid=0 euid=0 suid=0 fsuid=0 egid=0\n");
}

static void times_keep_their_fraction(void **state)
{
    (void)state;
    expect("type=CWD msg=audit(9:5): cwd=\"/\"", "parts CWD 5@9000000000 records=1 cwd=/\n");
    expect("type=CWD msg=audit(9.000000001:5): cwd=\"/\"",
           "parts CWD 5@9000000001 records=1 cwd=/\n");
    expect("type=CWD msg=audit(8999999999.999:4294967295): cwd=\"/\"",
           "parts CWD 4294967295@8999999999999000000 records=1 cwd=/\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_in_the_kernels_order),
        cmocka_unit_test(a_call_in_another_order_tells_the_same),
        cmocka_unit_test(a_call_without_outcome_and_with_a_personality),
        cmocka_unit_test(the_kernel_before_2_6_30_has_no_session),
        cmocka_unit_test(names_with_odd_bytes_are_hex),
        cmocka_unit_test(hex_that_is_none_stays_as_written),
        cmocka_unit_test(arguments_come_split_and_in_several_records),
        cmocka_unit_test(arguments_that_are_missing_are_counted),
        cmocka_unit_test(addresses_of_every_family),
        cmocka_unit_test(the_longest_unix_path_has_108_bytes),
        cmocka_unit_test(descriptors_maps_and_targets),
        cmocka_unit_test(paths_stand_in_order_of_item),
        cmocka_unit_test(paths_that_did_not_come_are_counted),
        cmocka_unit_test(a_socketcall_is_the_call_of_its_arguments),
        cmocka_unit_test(enriched_text_is_no_field),
        cmocka_unit_test(records_of_users),
        cmocka_unit_test(what_a_program_says_does_not_reach_the_kernels_fields),
        cmocka_unit_test(logins_of_new_and_old_kernels),
        cmocka_unit_test(the_audit_system_of_itself),
        cmocka_unit_test(words_that_the_kernel_printed_take_the_time_before),
        cmocka_unit_test(changes_of_rules_tell_who_made_them),
        cmocka_unit_test(denials_stand_beside_their_call),
        cmocka_unit_test(companions_without_their_call_are_parts),
        cmocka_unit_test(prefixes_before_the_record),
        cmocka_unit_test(io_uring_operations_are_calls_without_arguments),
        cmocka_unit_test(times_keep_their_fraction),
    };
    return cmocka_run_group_tests_name("audit parse", tests, NULL, NULL);
}
