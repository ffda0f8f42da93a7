/**
 * What taking a message's value apart costs on one core, in ns a message, for the shapes that
 * matter. Beside it what one pass over the same bytes costs (memchr for a byte that is not there).
 * usage: unwrap_bench [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "source/unwrap.h"

enum {
    ROUNDS_DEFAULT = 7,
    COPIES = 2048,
    BATCH = 1000,
    MESSAGES = 200000,
    SIZE_MAX_WAITING = 64 << 20
};

#define CALL                                                                                       \
    "type=SYSCALL msg=audit(1795424231.026:3533545): arch=c000003e syscall=59 success=yes exit=0 " \
    "a0=7f78fa310dd0 a1=7f78fa2d5550 a2=7f78fa2d60d0 a3=7f78faa2fb28 items=2 ppid=7983 pid=8277 "  \
    "auid=7001 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=37 comm="
#define CALL_REST(q) q "runsvdir" q " exe=" q "/usr/bin/runsvdir" q " key=(null)"
#define EVENT                                                                                      \
    CALL CALL_REST(                                                                                \
        "\"") "\n"                                                                                 \
              "type=EXECVE msg=audit(1795424231.026:3533545): argc=3 a0=\"runsvdir\" a1=\"-P\" "   \
              "a2=\"/etc/service\"\n"                                                              \
              "type=CWD msg=audit(1795424231.026:3533545): cwd=\"/\"\n"                            \
              "type=PATH msg=audit(1795424231.026:3533545): item=0 name=\"/usr/bin/runsvdir\" "    \
              "inode=11364527 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\n"   \
              "type=PROCTITLE msg=audit(1795424231.026:3533545): "                                 \
              "proctitle=72756E7376646972002D50\n"
#define SYSMON_TEXT                                                                                \
    "Process accessed:\\r\\nRuleName: -\\r\\nUtcTime: 2024-05-01 10:00:20.697\\r\\n"               \
    "SourceProcessGUID: {aabbccdd-5c2f-5f2b-1000-000000000400}\\r\\nSourceProcessId: 908\\r\\n"    \
    "SourceThreadId: 4620\\r\\nSourceImage: C:\\\\windows\\\\system32\\\\svchost.exe\\r\\n"        \
    "TargetProcessGUID: {aabbccdd-5ccd-5f2b-5602-000000000400}\\r\\nTargetProcessId: 3280\\r\\n"   \
    "TargetImage: C:\\\\Program Files (x86)\\\\lab\\\\agent.exe\\r\\nGrantedAccess: 0x1000\\r\\n"  \
    "CallTrace: C:\\\\windows\\\\SYSTEM32\\\\ntdll.dll+9c534|C:\\\\windows\\\\SYSTEM32\\\\"        \
    "lab.dll+222a3|C:\\\\windows\\\\SYSTEM32\\\\lab.dll+1a172|C:\\\\windows\\\\SYSTEM32\\\\lab."   \
    "dll+19e3b|"                                                                                   \
    "C:\\\\windows\\\\SYSTEM32\\\\lab.dll+19318|C:\\\\windows\\\\SYSTEM32\\\\ntdll.dll+3081d|"     \
    "C:\\\\windows\\\\SYSTEM32\\\\ntdll.dll+6ce51|C:\\\\windows\\\\SYSTEM32\\\\ntdll.dll+7d1"
#define SYSMON_FIELDS                                                                              \
    "\"SourceProcessGUID\":\"{aabbccdd-5c2f-5f2b-1000-000000000400}\",\"SourceProcessId\":\"908\"" \
    ",\"SourceThreadId\":\"4620\",\"SourceImage\":\"C:\\\\windows\\\\system32\\\\svchost.exe\","   \
    "\"TargetProcessGUID\":\"{aabbccdd-5ccd-5f2b-5602-000000000400}\",\"TargetProcessId\":"        \
    "\"3280\",\"TargetImage\":\"C:\\\\Program Files "                                              \
    "(x86)\\\\lab\\\\agent.exe\",\"GrantedAccess\":"                                               \
    "\"0x1000\",\"CallTrace\":\"C:\\\\windows\\\\SYSTEM32\\\\ntdll.dll+9c534|C:\\\\windows\\\\"    \
    "SYSTEM32\\\\lab.dll+222a3|C:\\\\windows\\\\SYSTEM32\\\\lab.dll+1a172\",\"RuleName\":\"-\","   \
    "\"UtcTime\":\"2024-05-01 10:00:20.697\""
#define SYSMON                                                                                     \
    "{\"tags\":[\"lab\"],\"@version\":\"1\",\"EventType\":\"INFO\",\"Version\":3,\"ThreadID\":"    \
    "4364,\"EventTime\":\"2024-05-01 10:00:20\",\"Task\":10,\"AccountType\":\"User\","             \
    "\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"SourceName\":"                         \
    "\"Microsoft-Windows-Sysmon\",\"OpcodeValue\":0,\"Hostname\":\"ws5.lab\",\"@timestamp\":"      \
    "\"2024-05-01T10:00:22.794Z\",\"Message\":\"" SYSMON_TEXT "\"," SYSMON_FIELDS                  \
    ",\"RecordNumber\":12345,\"EventID\":10,\"ExecutionProcessID\":3160,\"Keywords\":"             \
    "-9223372036854775808,\"Severity\":\"INFO\",\"SourceModuleType\":\"im_msvistalog\","           \
    "\"ProviderGuid\":\"{5770385F-C22A-43E0-BF4C-06F5698FFBD9}\",\"UserID\":\"S-1-5-18\","         \
    "\"Domain\":\"NT AUTHORITY\",\"Opcode\":\"Info\",\"SeverityValue\":2,\"host\":\"wec.lab\"}"
#define WINLOGBEAT                                                                                 \
    "{\"@timestamp\":\"2024-05-01T10:00:20.697Z\",\"@metadata\":{\"beat\":\"winlogbeat\","         \
    "\"type\":\"_doc\",\"version\":\"8.15.0\"},\"message\":\"" SYSMON_TEXT "\",\"host\":{"         \
    "\"name\":\"ws5.lab\"},\"log\":{\"level\":\"information\"},\"event\":{\"code\":\"10\","        \
    "\"kind\":\"event\",\"provider\":\"Microsoft-Windows-Sysmon\"},\"winlog\":{\"channel\":"       \
    "\"Microsoft-Windows-Sysmon/Operational\",\"event_id\":\"10\",\"record_id\":12345,"            \
    "\"computer_name\":\"ws5.lab\",\"event_data\":{" SYSMON_FIELDS "}},\"ecs\":{\"version\":"      \
    "\"8.0.0\"},\"agent\":{\"name\":\"ws5\",\"type\":\"winlogbeat\",\"version\":\"8.15.0\"}}"
#define FILEBEAT                                                                                   \
    "{\"@timestamp\":\"2026-11-23T10:17:11.031Z\",\"@metadata\":{\"beat\":\"filebeat\",\"type\":"  \
    "\"_doc\",\"version\":\"8.15.0\"},\"log\":{\"offset\":3210,\"file\":{\"path\":"                \
    "\"/var/log/audit/audit.log\"}},\"message\":\"" CALL CALL_REST(                                \
        "\\\"") "\",\"input\":{"                                                                   \
                "\"type\":\"filestream\"},\"ecs\":{\"version\":\"8.0.0\"},\"host\":{\"name\":"     \
                "\"web01\"},"                                                                      \
                "\"agent\":{\"name\":\"web01\",\"type\":\"filebeat\",\"version\":\"8.15.0\","      \
                "\"ephemeral_id\":"                                                                \
                "\"4b1f6f0e-1f54-4d7e-9a53-0d5a0e2f7f11\",\"id\":\"0b6a0a6e-6d35-4a5b-bb0e-"       \
                "2f5d1f0f9a77\"}}"
#define FLUENT_BIT "{\"@timestamp\":1795424231.031337,\"log\":\"" CALL CALL_REST("\\\"") "\"}"

static const struct {
    const char *name, *value;
} shapes[] = {{"audit line", CALL CALL_REST("\"")},
              {"audit event of 5 lines", EVENT},
              {"Sysmon, flat", SYSMON},
              {"Sysmon, Winlogbeat", WINLOGBEAT},
              {"Filebeat around an audit line", FILEBEAT},
              {"Fluent Bit around an audit line", FLUENT_BIT},
              {"ten Sysmon events, by line", NULL}};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Messages lie behind each other, as in what a consumer fetched. */
static double round_ns(struct source_unwrap *u, const uint8_t *values, size_t size, uint64_t *count)
{
    double begin = now_ns();
    *count = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        const struct source_unwrapped *records;
        uint32_t n;
        struct btr_span value = {values + i % COPIES * size, size};
        if (source_unwrap(u, value, &records, &n, NULL) < 0)
            return 1e30;
        *count += n;
        if (i % BATCH == BATCH - 1)
            source_unwrap_clear(u);
    }
    return (now_ns() - begin) / MESSAGES;
}

static double pass_ns(const uint8_t *values, size_t size, uint64_t *count)
{
    double begin = now_ns();
    for (size_t i = 0; i < MESSAGES; i++)
        *count += memchr(values + i % COPIES * size, '\x01', size) != NULL;
    return (now_ns() - begin) / MESSAGES;
}

static char *batch_of_ten(void)
{
    size_t size = sizeof(SYSMON);
    char *text = malloc(10 * size + 1);
    for (int i = 0; text && i < 10; i++)
        snprintf(text + (size_t)i * size, size + 1, "%s\n", SYSMON);
    return text;
}

static bool shape_run(struct source_unwrap *u, const char *name, const char *value,
                      unsigned long rounds)
{
    size_t size = strlen(value);
    uint8_t *values = malloc(size * COPIES);
    double best = 1e30, pass = 1e30;
    uint64_t count = 0, passed = 0;
    if (!values)
        return false;
    for (size_t i = 0; i < COPIES; i++)
        memcpy(values + i * size, value, size);
    for (unsigned long i = 0; i < rounds; i++) {
        double ns = round_ns(u, values, size, &count);
        double once = pass_ns(values, size, &passed);
        best = ns < best ? ns : best;
        pass = once < pass ? once : pass;
    }
    printf("%-32s %6zu bytes %4.1f records %8.0f ns a message (one pass over it: %.0f ns)\n", name,
           size, (double)count / MESSAGES, best, pass);
    free(values);
    return passed == 0;
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS_DEFAULT;
    struct source_unwrap *u = source_unwrap_new(SIZE_MAX_WAITING);
    char *batch = batch_of_ten();
    bool done = u && batch;
    for (size_t i = 0; done && i < sizeof shapes / sizeof *shapes; i++)
        done = shape_run(u, shapes[i].name, shapes[i].value ? shapes[i].value : batch, rounds);
    free(batch);
    source_unwrap_free(u);
    return done ? 0 : 1;
}
