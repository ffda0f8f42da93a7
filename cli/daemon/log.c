#include "log.h"

#include <btr/buffer.h>
#include <btr/clock.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log_often.h"

static atomic_int least = DAEMON_INFO;
static atomic_uint_fast64_t suppressed;
static pthread_mutex_t often_lock = PTHREAD_MUTEX_INITIALIZER;
static struct daemon_often often;

static const struct {
    enum daemon_level level;
    const char *name;
} LEVELS[] = {{DAEMON_ERROR, "error"},
              {DAEMON_WARNING, "warning"},
              {DAEMON_INFO, "info"},
              {DAEMON_DEBUG, "debug"}};

static const char *level_name(enum daemon_level level)
{
    const char *name = "debug";
    for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++)
        name = LEVELS[i].level == level ? LEVELS[i].name : name;
    return name;
}

void daemon_log_level(const char *name)
{
    for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++) {
        if (strcmp(LEVELS[i].name, name) == 0)
            atomic_store(&least, (int)LEVELS[i].level);
    }
}

uint64_t daemon_log_suppressed(void)
{
    return atomic_load(&suppressed);
}

static void put_value(struct btr_buffer *line, const char *value)
{
    bool plain = *value != '\0' && !strpbrk(value, " \"=");
    if (!plain)
        btr_buffer_text(line, "\"");
    for (; *value; value++)
        btr_buffer_format(line, *value == '"' ? "\\x22" : "%c", *value);
    if (!plain)
        btr_buffer_text(line, "\"");
}

static void put_pair(struct btr_buffer *line, const char *key, const char *value)
{
    btr_buffer_format(line, " %s=", key);
    put_value(line, value);
}

/* The journal takes the level from the line's beginning (sd-daemon(3)). */
static void line_begin(struct btr_buffer *line, enum daemon_level level, const char *room,
                       const char *event)
{
    char time[BTR_TIME_TEXT_SIZE];
    btr_time_text(btr_wall_ns() / 1000000 * 1000000, time);
    if (getenv("JOURNAL_STREAM"))
        btr_buffer_format(line, "<%d>", (int)level);
    btr_buffer_format(line, "time=%s level=%s room=%s event=%s", time, level_name(level), room,
                      event);
}

static void line_end(struct btr_buffer *line)
{
    btr_buffer_text(line, "\n");
    if (!line->failed && write(STDERR_FILENO, line->at, line->size) < 0)
        atomic_fetch_add(&suppressed, 1); /* nobody reads standard error */
    btr_buffer_fini(line);
}

void daemon_log(enum daemon_level level, const char *room, const char *event, ...)
{
    struct btr_buffer line = {0};
    va_list list;
    if ((int)level > atomic_load(&least))
        return;
    line_begin(&line, level, room, event);
    va_start(list, event);
    for (const char *key; (key = va_arg(list, const char *));)
        put_pair(&line, key, va_arg(list, const char *));
    va_end(list);
    line_end(&line);
}

void daemon_log_often(enum daemon_level level, const char *room, const char *event, const char *key,
                      const char *value)
{
    uint64_t held = 0;
    char count[24];
    if ((int)level > atomic_load(&least))
        return;
    (void)pthread_mutex_lock(&often_lock);
    bool now = daemon_often_take(&often, btr_span_of(value), btr_monotonic_ns(), &held);
    (void)pthread_mutex_unlock(&often_lock);
    (void)snprintf(count, sizeof count, "%llu", (unsigned long long)held);
    if (!now)
        atomic_fetch_add(&suppressed, 1);
    else if (held > 0)
        daemon_log(level, room, event, key, value, "repeated", count, NULL);
    else
        daemon_log(level, room, event, key, value, NULL);
}
