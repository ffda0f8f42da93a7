/*
 * The same records through libauparse, the audit project's own parser: every field that it finds
 * must be told the same here. Reads other people's recordings, which are not in the repository:
 * skips where they are not.
 */
#include "audit_events.h"

#include <auparse.h>
#include <glob.h>
#include <inttypes.h>

enum { EVENTS_MAX = 20000, TEXT_MAX = 64 << 20 };

static char *shared_path(const char *rest)
{
    static char path[4096];
    const char *shared = getenv("BTR_SHARED_DIR");
    if (shared)
        snprintf(path, sizeof(path), "%s/%s", shared, rest);
    else
        snprintf(path, sizeof(path), "%s/../shared/%s", BTR_SOURCE_DIR, rest);
    return path;
}

/* Text of a file, unpacked; NULL when it cannot be read. */
static char *text_read(const char *path)
{
    char command[4352];
    size_t size = strlen(path);
    bool packed = size > 4 && strcmp(path + size - 4, ".zst") == 0;
    if (strchr(path, '\''))
        return NULL;
    snprintf(command, sizeof(command),
             packed ? "zstd -dcq '%s' | head -c %d" : "cat '%s' | head -c %d", path, TEXT_MAX / 4);
    FILE *f = popen(command, "r");
    char *text = f ? malloc(TEXT_MAX) : NULL;
    size_t got = text ? fread(text, 1, TEXT_MAX - 1, f) : 0;
    if (f)
        pclose(f);
    if (text)
        text[got] = 0;
    return text;
}

/* One event of ours, kept for comparing: fields by record type in the order of the records. */
struct seen {
    int64_t time_ns;
    uint64_t serial;
    char *text;
};

struct all {
    struct seen *at;
    size_t count, capacity;
};

static void all_add(struct all *all, const struct audit_event *e, const char *text)
{
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? 2 * all->capacity : 1024;
        all->at = realloc(all->at, all->capacity * sizeof(*all->at));
        assert_non_null(all->at);
    }
    all->at[all->count++] = (struct seen){e->time_ns, e->serial, strdup(text)};
}

static int seen_order(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static void take(struct audit_assembler *a, struct audit_event *e, struct btr_arena *arena,
                 struct all *all)
{
    struct btr_span raw;
    uint64_t line;
    struct btr_err err;
    int rc;
    while ((rc = audit_assembler_next(a, e, &raw, &line, &err)) != 0) {
        struct btr_buffer text = {0};
        if (rc < 0)
            fail_msg("line %" PRIu64 ": %s", line, err.text);
        audit_event_write(e, arena, &text);
        btr_buffer_u8(&text, 0);
        all_add(all, e, (const char *)text.at);
        btr_buffer_fini(&text);
        btr_arena_reset(arena);
    }
}

static struct all ours(const char *text)
{
    struct all all = {0};
    struct audit_event *e = calloc(1, sizeof(*e));
    struct audit_assembler *a = audit_assembler_new(1024, 16 << 20);
    struct btr_arena *arena = btr_arena_new(16 << 20);
    uint64_t line = 0;
    assert_true(e && a && arena);
    while (*text) {
        size_t size = strcspn(text, "\n");
        struct btr_span record = {(const uint8_t *)text, size};
        line++;
        bool mark = size == 0 || *text == '#'; /* some samples have notes between */
        if (!mark)
            assert_int_equal(audit_assembler_add(a, record, line, NULL), 0);
        take(a, e, arena, &all);
        text += size + (text[size] == '\n');
    }
    audit_assembler_flush(a, INT64_MAX);
    take(a, e, arena, &all);
    audit_assembler_free(a);
    btr_arena_free(arena);
    free(e);
    qsort(all.at, all.count, sizeof(*all.at), seen_order);
    return all;
}

static bool is_call_number(const char *name)
{
    static const char *const names[] = {"pid",  "ppid", "auid",  "uid",  "gid",
                                        "euid", "suid", "fsuid", "egid", "ses"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Bytes as audit_event_write writes them. */
static void put_bytes(struct btr_buffer *out, const char *bytes)
{
    for (; *bytes; bytes++)
        if (*bytes >= 0x20 && *bytes < 0x7f && *bytes != '\\')
            btr_buffer_u8(out, (uint8_t)*bytes);
        else
            btr_buffer_format(out, "\\%02x", (uint8_t)*bytes);
}

static bool absent(const char *raw)
{
    return strcmp(raw, "(null)") == 0 || strcmp(raw, "(none)") == 0 || strcmp(raw, "?") == 0;
}

enum {
    SYSCALL = 1300,
    PATH = 1302,
    SOCKADDR = 1306,
    CWD = 1307,
    EXECVE = 1309,
    FD_PAIR = 1317,
    OBJ_PID = 1318,
    MMAP = 1323
};

/* Whether a field is text that may be in hex. */
static bool is_text(int type, const char *name)
{
    if (type == SYSCALL)
        return strcmp(name, "comm") == 0 || strcmp(name, "exe") == 0;
    if (type == CWD)
        return strcmp(name, "cwd") == 0;
    return type == EXECVE && name[0] == 'a' && strspn(name + 1, "0123456789") == strlen(name + 1) &&
           name[1];
}

/* What our line must contain for one field of libauparse; empty when it tells nothing of it. */
static void wanted(auparse_state_t *au, int type, struct btr_buffer *out)
{
    const char *name = auparse_get_field_name(au), *raw = auparse_get_field_str(au);
    btr_buffer_clear(out);
    if (!name || !raw)
        return;
    if (type == SYSCALL && is_call_number(name)) {
        if (strcmp(raw, "4294967295") != 0)
            btr_buffer_format(out, " %s=%s ", name, raw);
    } else if (type == SYSCALL && strcmp(name, "exit") == 0) {
        btr_buffer_format(out, " exit=%s ", raw);
    } else if (type == SYSCALL && strcmp(name, "success") == 0) {
        btr_buffer_format(out, " success=%d ", strcmp(raw, "yes") == 0);
    } else if (is_text(type, name)) {
        if (absent(raw))
            return;
        btr_buffer_format(out, " %s=", type == EXECVE ? "arg" : name);
        put_bytes(out, auparse_interpret_field(au));
    } else if (type == PATH && strcmp(name, "inode") == 0) {
        btr_buffer_format(out, "/%s ", raw);
    } else if (type == PATH && strcmp(name, "name") == 0 && !absent(raw)) {
        btr_buffer_text(out, " name=");
        put_bytes(out, auparse_interpret_field(au));
        btr_buffer_text(out, "]");
    } else if (type == PATH && strcmp(name, "ouid") == 0) {
        btr_buffer_format(out, " owner=%s", raw);
    } else if (type == OBJ_PID && strcmp(name, "opid") == 0) {
        btr_buffer_format(out, " obj=%s/", raw);
    } else if (type == MMAP && strcmp(name, "flags") == 0) {
        btr_buffer_format(out, ",%s", raw + 2);
    } else if (type == FD_PAIR && strcmp(name, "fd0") == 0) {
        btr_buffer_format(out, " fds=%s,", raw);
    }
}

/* The arguments of a call by name: a0=..., as one text with the four. */
static void arguments_compare(auparse_state_t *au, const char *text)
{
    char all[128] = " a=";
    for (int i = 0; i < 4; i++) {
        char name[3] = {'a', (char)('0' + i), 0};
        if (auparse_first_field(au) <= 0 || !auparse_find_field(au, name))
            return;
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? "," : "",
                 auparse_get_field_str(au));
    }
    if (!strstr(text, all))
        fail_msg("%s is not in: %s", all, text);
}

/* An address by libauparse's own words: "{ saddr_fam=inet laddr=1.2.3.4 lport=80 }", "{
 * saddr_fam=local path=/run/x }". */
static void address_compare(auparse_state_t *au, const char *text)
{
    if (auparse_first_field(au) <= 0 || !auparse_find_field(au, "saddr"))
        return;
    char address[64], want[128];
    unsigned port;
    const char *words = auparse_interpret_field(au);
    if (!words)
        return;
    if (sscanf(words, "{ saddr_fam=inet laddr=%63s lport=%u", address, &port) == 2)
        snprintf(want, sizeof(want), " sockaddr=inet:%s:%u", address, port);
    else if (sscanf(words, "{ saddr_fam=local path=/%63s", address) == 1)
        snprintf(want, sizeof(want), " sockaddr=unix:/%s", address);
    else
        return;
    if (!strstr(text, want))
        fail_msg("%s is not in: %s", want, text);
}

static const char *text_of(const struct all *all, const au_event_t *stamp, const char *word)
{
    struct seen key = {.time_ns =
                           (int64_t)stamp->sec * 1000000000 + (int64_t)stamp->milli * 1000000,
                       .serial = stamp->serial};
    size_t low = 0, high = all->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (seen_order(&all->at[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < all->count && seen_order(&all->at[low], &key) == 0; low++)
        if (strncmp(all->at[low].text, word, strlen(word)) == 0)
            return all->at[low].text;
    return NULL;
}

static unsigned record_compare(auparse_state_t *au, const char *text, bool call)
{
    struct btr_buffer want = {0};
    unsigned fields = 0;
    int type = auparse_get_type(au);
    for (int more = call || type != SYSCALL ? auparse_first_field(au) : 0; more > 0;
         more = auparse_next_field(au)) {
        wanted(au, type, &want);
        if (want.size == 0)
            continue;
        btr_buffer_u8(&want, 0);
        if (!strstr(text, (const char *)want.at))
            fail_msg("%s is not in: %s", (const char *)want.at, text);
        fields++;
    }
    if (type == SYSCALL && call)
        arguments_compare(au, text);
    if (type == SOCKADDR)
        address_compare(au, text);
    btr_buffer_fini(&want);
    return fields;
}

static unsigned compare(const char *path, unsigned *events)
{
    char *text = text_read(path);
    unsigned fields = 0, count = 0;
    if (!text)
        return 0;
    struct all all = ours(text);
    auparse_state_t *au = auparse_init(AUSOURCE_BUFFER, text);
    while (au && count < EVENTS_MAX && auparse_next_event(au) > 0) {
        const au_event_t stamp = *auparse_get_timestamp(au);
        const char *call = text_of(&all, &stamp, "call"), *any = text_of(&all, &stamp, "");
        if (!any)
            fail_msg("%s: event %lu is not told", path, stamp.serial);
        count++;
        for (int more = auparse_first_record(au); more > 0; more = auparse_next_record(au)) {
            int type = auparse_get_type(au);
            if (type >= 1300 && type < 1330 && type != 1305)
                fields += record_compare(au, call ? call : any, call != NULL);
        }
    }
    auparse_destroy(au);
    for (size_t i = 0; i < all.count; i++)
        free(all.at[i].text);
    free(all.at);
    free(text);
    *events += count;
    return fields;
}

static void compare_all(const char *pattern)
{
    glob_t paths;
    unsigned events = 0, fields = 0;
    if (glob(shared_path(pattern), 0, NULL, &paths) != 0) {
        print_message("skipped: no recordings at %s\n", shared_path(pattern));
        skip();
    }
    for (size_t i = 0; i < paths.gl_pathc; i++)
        fields += compare(paths.gl_pathv[i], &events);
    print_message("%zu files, %u events, %u fields are the same\n", paths.gl_pathc, events, fields);
    assert_true(fields > 0);
    globfree(&paths);
}

static void recordings_of_the_lab_are_told_as_libauparse_does(void **state)
{
    (void)state;
    compare_all("datasets/lab/*/web01.audit.log.zst");
}

static void samples_of_other_parsers_are_told_as_libauparse_does(void **state)
{
    (void)state;
    compare_all("datasets/formats/auditd_*/*.log");
    compare_all("datasets/formats/auditd_golibaudit/reassembler/*.log");
    compare_all("datasets/formats/auditd_laurel/record-*.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recordings_of_the_lab_are_told_as_libauparse_does),
        cmocka_unit_test(samples_of_other_parsers_are_told_as_libauparse_does),
    };
    return cmocka_run_group_tests_name("audit oracle", tests, NULL, NULL);
}
