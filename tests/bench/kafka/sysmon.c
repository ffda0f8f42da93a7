#include "records.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/*
 * Events as NXLog sends them: each field in the text of "Message" and by itself. Their mix and
 * sizes (1.9 KB on the average) are those of a busy workstation; each host has PROCESSES processes,
 * which begin and end.
 */
enum { PROCESSES = 64, FIELDS_MAX = 24 };
#define BEGIN_S INT64_C(1795424231) /* seconds since the epoch */

struct fields {
    const char *names[FIELDS_MAX];
    char values[FIELDS_MAX][640]; /* escaped as JSON wants */
    unsigned count;
};

static void put(struct fields *f, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put(struct fields *f, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    f->names[f->count] = name;
    (void)vsnprintf(f->values[f->count++], sizeof f->values[0], format, args);
    va_end(args);
}

static const char *const IMAGES[] = {
    "C:\\\\Windows\\\\System32\\\\svchost.exe",
    "C:\\\\Windows\\\\explorer.exe",
    "C:\\\\Program Files\\\\Bench Office\\\\Office16\\\\writer.exe",
    "C:\\\\Windows\\\\System32\\\\WindowsPowerShell\\\\v1.0\\\\powershell.exe",
    "C:\\\\Program Files (x86)\\\\Bench Browser\\\\Application\\\\browser.exe",
    "C:\\\\Windows\\\\System32\\\\services.exe",
    "C:\\\\Windows\\\\System32\\\\wbem\\\\WmiPrvSE.exe",
    "C:\\\\Program Files\\\\Bench Agent\\\\agent.exe",
};
enum { IMAGE_COUNT = sizeof IMAGES / sizeof *IMAGES };

#define HASHES_FORMAT                                                                              \
    "SHA1=%016llX%016llX%08llX,MD5=%016llX%016llX,SHA256=%016llX%016llX%016llX%016llX,IMPHASH=%"   \
    "016llX%016llX"

static void hashes_put(struct fields *f, unsigned long long x)
{
    put(f, "Hashes", HASHES_FORMAT, x, ~x, x & 0xffffffff, x * 3, x * 5, x * 7, x * 9, x * 11,
        x * 13, x * 17, x * 19);
}

/* A process of the host, by number; `life` counts how often its place was taken. */
static void process_put(struct fields *f, const char *guid, const char *pid, const char *image,
                        uint64_t turn, unsigned process)
{
    unsigned life = (unsigned)(turn / (PROCESSES * 32));
    put(f, guid, "{%08x-%04x-%04x-%04x-00000000%04x}", 0xb34bc01cU, process + 1, life & 0xffff,
        life >> 16, process * 4 + 4);
    put(f, pid, "%u", process * 4 + 400);
    put(f, image, "%s", IMAGES[process % IMAGE_COUNT]);
}

static void access_put(struct fields *f, uint64_t turn, uint64_t x)
{
    process_put(f, "SourceProcessGUID", "SourceProcessId", "SourceImage", turn, x % PROCESSES);
    put(f, "SourceThreadId", "%u", (unsigned)(x >> 12) % 9000);
    process_put(f, "TargetProcessGUID", "TargetProcessId", "TargetImage", turn,
                (x >> 6) % PROCESSES);
    put(f, "GrantedAccess", "0x1000");
    put(f, "CallTrace",
        "C:\\\\Windows\\\\SYSTEM32\\\\ntdll.dll+%x|C:\\\\Windows\\\\System32\\\\KERNELBASE.dll+%x|"
        "C:\\\\Windows\\\\system32\\\\bench.dll+%x|C:\\\\Windows\\\\System32\\\\rpcrt4.dll+%x|"
        "C:\\\\Windows\\\\System32\\\\rpcrt4.dll+5a%x|C:\\\\Windows\\\\System32\\\\KERNEL32.DLL+%x|"
        "C:\\\\Windows\\\\SYSTEM32\\\\ntdll.dll+6ce51",
        (unsigned)(x >> 20) % 99999, (unsigned)(x >> 24) % 99999, (unsigned)(x >> 28) % 9999,
        (unsigned)(x >> 32) % 99999, (unsigned)(x >> 36) % 999, (unsigned)(x >> 40) % 99999);
}

static void image_put(struct fields *f, uint64_t turn, uint64_t x)
{
    unsigned library = (unsigned)(x >> 8) % 300;
    process_put(f, "ProcessGuid", "ProcessId", "Image", turn, x % PROCESSES);
    put(f, "ImageLoaded", "C:\\\\Windows\\\\System32\\\\bench%03u.dll", library);
    put(f, "FileVersion", "10.0.18362.%u (WinBuild.160101.0800)", library);
    put(f, "Description", "Bench Runtime Library %u", library);
    put(f, "Product", "Bench Operating System");
    put(f, "Company", "Bench Corporation");
    put(f, "OriginalFileName", "bench%03u.dll", library);
    hashes_put(f, library * 0x9e3779b97f4a7c15U);
    put(f, "Signed", "true");
    put(f, "Signature", "Bench Publisher");
    put(f, "SignatureStatus", "Valid");
}

static void registry_put(struct fields *f, uint64_t turn, uint64_t x)
{
    put(f, "EventType", "SetValue");
    process_put(f, "ProcessGuid", "ProcessId", "Image", turn, x % PROCESSES);
    put(f, "TargetObject",
        "HKLM\\\\SOFTWARE\\\\Bench\\\\Windows NT\\\\CurrentVersion\\\\Schedule\\\\Cache\\\\Tree"
        "\\\\Task%u\\\\Index",
        (unsigned)(x >> 8) % 2000);
    put(f, "Details", "DWORD (0x%08x)", (unsigned)(x >> 30));
}

static void file_put(struct fields *f, uint64_t turn, uint64_t x)
{
    process_put(f, "ProcessGuid", "ProcessId", "Image", turn, x % PROCESSES);
    put(f, "TargetFilename", "C:\\\\Users\\\\user\\\\AppData\\\\Local\\\\Temp\\\\%08x.tmp",
        (unsigned)(x >> 16));
    put(f, "CreationUtcTime", "2026-11-23 10:00:00.000");
}

static void network_put(struct fields *f, uint64_t turn, uint64_t x)
{
    process_put(f, "ProcessGuid", "ProcessId", "Image", turn, x % PROCESSES);
    put(f, "User", "BENCH\\\\user");
    put(f, "Protocol", "tcp");
    put(f, "Initiated", "true");
    put(f, "SourceIsIpv6", "false");
    put(f, "SourceIp", "10.20.%u.%u", (unsigned)(x >> 50) % 250, (unsigned)(x >> 44) % 250);
    put(f, "SourcePort", "%u", 49152 + (unsigned)(x >> 8) % 16000);
    put(f, "DestinationIsIpv6", "false");
    put(f, "DestinationIp", "10.30.0.%u", (unsigned)(x >> 24) % 250);
    put(f, "DestinationPort", "443");
}

static void begin_put(struct fields *f, uint64_t turn, uint64_t x)
{
    process_put(f, "ProcessGuid", "ProcessId", "Image", turn, x % PROCESSES);
    put(f, "Description", "Bench Program");
    put(f, "OriginalFileName", "bench.exe");
    put(f, "CommandLine", "bench.exe --task %u --from %s", (unsigned)(x >> 20) % 5000,
        IMAGES[(x >> 9) % IMAGE_COUNT]);
    put(f, "CurrentDirectory", "C:\\\\Windows\\\\system32\\\\");
    put(f, "User", "BENCH\\\\user");
    put(f, "LogonGuid", "{b34bc01c-0000-0000-e703-000000000000}");
    put(f, "LogonId", "0x3e7");
    put(f, "TerminalSessionId", "1");
    put(f, "IntegrityLevel", "Medium");
    hashes_put(f, x % IMAGE_COUNT * 0x9e3779b97f4a7c15U);
    process_put(f, "ParentProcessGuid", "ParentProcessId", "ParentImage", turn,
                (x >> 6) % PROCESSES);
    put(f, "ParentCommandLine", "%s", IMAGES[(x >> 6) % PROCESSES % IMAGE_COUNT]);
}

static void end_put(struct fields *f, uint64_t turn, uint64_t x)
{
    process_put(f, "ProcessGuid", "ProcessId", "Image", turn, x % PROCESSES);
}

struct kind {
    unsigned percent, event_id;
    const char *title;
    void (*put)(struct fields *f, uint64_t turn, uint64_t x);
};

static const struct kind KINDS[] = {
    {46, 10, "Process accessed", access_put},
    {24, 7, "Image loaded", image_put},
    {8, 13, "Registry value set", registry_put},
    {6, 11, "File created", file_put},
    {6, 3, "Network connection detected", network_put},
    {8, 1, "Process Create", begin_put},
    {2, 5, "Process terminated", end_put},
};

static const struct kind *kind_of(uint64_t x)
{
    unsigned at = (unsigned)(x % 100);
    const struct kind *k = KINDS;
    for (; at >= k->percent; k++)
        at -= k->percent;
    return k;
}

static void event_put(struct btr_buffer *out, const struct kind *k, const struct fields *f,
                      const char *host, uint64_t turn, const char *second)
{
    btr_buffer_format(
        out,
        "{\"SourceName\":\"Microsoft-Windows-Sysmon\",\"ProviderGuid\":\"{5770385F-C22A-43E0-BF4C-"
        "06F5698FFBD9}\",\"EventID\":%u,\"Version\":3,\"Task\":%u,\"OpcodeValue\":0,\"Keywords\":"
        "-9223372036854775808,\"SeverityValue\":2,\"Severity\":\"INFO\",\"RecordNumber\":%llu,"
        "\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Hostname\":\"%s\",\"EventTime\":"
        "\"%s\",\"ExecutionProcessID\":3172,\"ThreadID\":4048,\"Domain\":\"NT AUTHORITY\","
        "\"AccountName\":\"SYSTEM\",\"UserID\":\"S-1-5-18\",\"SourceModuleName\":\"eventlog\","
        "\"SourceModuleType\":\"im_msvistalog\",\"Message\":\"%s:\\r\\nRuleName: -\\r\\n",
        k->event_id, k->event_id, (unsigned long long)turn + 1, host, second, k->title);
    for (unsigned i = 0; i < f->count; i++)
        btr_buffer_format(out, "%s: %s\\r\\n", f->names[i], f->values[i]);
    btr_buffer_text(out, "\",\"RuleName\":\"-\"");
    for (unsigned i = 0; i < f->count; i++)
        btr_buffer_format(out, ",\"%s\":\"%s\"", f->names[i], f->values[i]);
    btr_buffer_u8(out, '}');
}

bool bench_sysmon_next(struct bench *b)
{
    uint64_t turn = b->sent / b->hosts, x = bench_random(b);
    const struct kind *k = kind_of(x >> 32);
    struct fields f = {.count = 0};
    char host[BENCH_NAME_SIZE], second[32];
    time_t at = BEGIN_S + (time_t)(turn / 1000); /* a millisecond from event to event of a host */
    struct tm when;
    (void)snprintf(host, sizeof host, "%s-%07u", b->name, (unsigned)(b->sent % b->hosts));
    (void)strftime(second, sizeof second, "%Y-%m-%d %H:%M:%S", gmtime_r(&at, &when));
    put(&f, "UtcTime", "%s.%03u", second, (unsigned)(turn % 1000));
    k->put(&f, turn, x);
    btr_buffer_clear(&b->value);
    event_put(&b->value, k, &f, host, turn, second);
    return bench_send(b, btr_span_of(host), btr_buffer_view(&b->value));
}
