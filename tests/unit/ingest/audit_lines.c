#include "audit_lines.h"

#include <stdio.h>

void told_init(struct told *t, const char *host, const char *hosts_json)
{
    *t = (struct told){.serial = 100, .now = 1700000000.0};
    if (hosts_json)
        assert_int_equal(btr_hosts_parse(&t->hosts, btr_span_of(hosts_json), NULL), 0);
    t->decoder = btr_decoder_find(BTR_SPAN("auditd"));
    assert_non_null(t->decoder);
    struct btr_decoder_config config = {.host = btr_span_of(host), .hosts = t->hosts};
    t->state = t->decoder->state_new(&config);
    t->arena = btr_arena_new(64 << 20);
    assert_true(t->state && t->arena);
    btr_batch_init(&t->batch);
}

void told_fini(struct told *t)
{
    t->decoder->state_free(t->state);
    btr_batch_fini(&t->batch);
    btr_arena_free(t->arena);
    btr_hosts_free(t->hosts);
}

static void feed(struct told *t, const char *line)
{
    struct btr_span copy;
    struct btr_err err;
    assert_true(btr_arena_copy(t->arena, btr_span_of(line), &copy));
    t->batch.line++;
    if (t->decoder->decode(t->state, copy, &t->batch, t->arena, &err) != 0)
        fail_msg("%s: %s", err.text, line);
}

void told_line(struct told *t, const char *format, ...)
{
    char line[8192];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    feed(t, line);
}

uint64_t told_call(struct told *t, int syscall, long exit, unsigned pid, unsigned ppid,
                   const char *arguments, ...)
{
    uint64_t serial = t->serial++;
    double at = t->now;
    t->now += 0.010;
    told_line(t,
              "type=SYSCALL msg=audit(%.3f:%llu): arch=c000003e syscall=%d success=%s exit=%ld %s "
              "items=0 ppid=%u pid=%u "
              "auid=1000 uid=33 gid=33 euid=33 suid=33 fsuid=33 egid=33 sgid=33 fsgid=33 "
              "tty=(none) ses=1 comm=\"prog\" "
              "exe=\"/usr/bin/prog\" key=(null)",
              at, (unsigned long long)serial, syscall, exit < 0 ? "no" : "yes", exit, arguments,
              ppid, pid);
    va_list list;
    va_start(list, arguments);
    const char *companion;
    while ((companion = va_arg(list, const char *)) != NULL) {
        const char *space = strchr(companion, ' ');
        told_line(t, "type=%.*s msg=audit(%.3f:%llu): %s", (int)(space - companion), companion, at,
                  (unsigned long long)serial, space + 1);
    }
    va_end(list);
    told_line(t, "type=PROCTITLE msg=audit(%.3f:%llu): proctitle=\"prog\"", at,
              (unsigned long long)serial);
    return serial;
}

void told_end(struct told *t)
{
    assert_int_equal(t->decoder->flush(t->state, INT64_MAX, &t->batch, t->arena), 0);
}

unsigned told_count(const struct told *t, enum btr_operation operation)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < t->batch.event_count; i++)
        count += t->batch.events[i].operation == operation;
    return count;
}

const struct btr_event *told_event(const struct told *t, enum btr_operation operation, unsigned n)
{
    for (uint32_t i = 0; i < t->batch.event_count; i++)
        if (t->batch.events[i].operation == operation && n-- == 0)
            return &t->batch.events[i];
    fail_msg("no such %s event", btr_operation_word(operation));
    return NULL;
}

const char *told_attr(const struct told *t, struct btr_id id, enum btr_attr_key key)
{
    static char text[4096];
    text[0] = 0;
    for (uint32_t i = 0; i < t->batch.note_count; i++) {
        const struct btr_note *n = &t->batch.notes[i];
        for (uint32_t a = 0; btr_id_equal(n->id, id) && a < n->attr_count; a++) {
            const struct btr_attr *attr = &t->batch.attrs[n->attr_first + a];
            if (attr->key == key)
                snprintf(text, sizeof(text), "%.*s", (int)attr->value.size,
                         (const char *)attr->value.at);
        }
    }
    return text;
}

int told_flags(const struct told *t, struct btr_id id)
{
    int flags = -1;
    for (uint32_t i = 0; i < t->batch.note_count; i++)
        if (btr_id_equal(t->batch.notes[i].id, id))
            flags = t->batch.notes[i].flags;
    return flags;
}
