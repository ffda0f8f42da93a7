#include "feed_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void line_add(char *text, size_t size, const char *line)
{
    size_t n = strlen(text);
    (void)snprintf(text + n, size - n, "%s\n", line);
}

static void complain(void *self, const char *line)
{
    struct feed_run *run = self;
    line_add(run->complaints, sizeof run->complaints, line);
}

static void note(void *self, const char *line)
{
    struct feed_run *run = self;
    line_add(run->notes, sizeof run->notes, line);
}

int feed_run(struct feed_run *run, struct memory_sink *sink, const char *const *arguments)
{
    struct btr_paths paths = {0};
    struct btr_feed_options options = {.hosts = run->hosts,
                                       .format = run->format ? run->format : &line_decoder,
                                       .case_id = BTR_SPAN("case-7"),
                                       .tool = BTR_SPAN("test"),
                                       .segment_events = run->segment_events,
                                       .known = &sink->known,
                                       .note = note,
                                       .note_self = run};
    run->complaints[0] = run->notes[0] = '\0';
    int rc = 0;
    for (size_t i = 0; arguments[i] && rc == 0; i++)
        rc = btr_paths_add(&paths, arguments[i], &run->err);
    if (rc == 0)
        rc = btr_feed(&paths, &options, &sink->sink, &run->stats, complain, run, &run->err);
    btr_paths_fini(&paths);
    return rc;
}

int feed_run_one(struct feed_run *run, struct memory_sink *sink, const char *argument)
{
    const char *const arguments[] = {argument, NULL};
    return feed_run(run, sink, arguments);
}

int feed_run_stdin(struct feed_run *run, struct memory_sink *sink, struct btr_span bytes)
{
    int ends[2], keep = dup(STDIN_FILENO);
    if (pipe(ends) != 0)
        abort();
    pid_t writer = fork();
    if (writer == 0) {
        close(ends[0]);
        for (ssize_t n = 0; bytes.size > 0 && n >= 0; bytes.at += n, bytes.size -= (size_t)n)
            n = write(ends[1], bytes.at, bytes.size < 3000 ? bytes.size : 3000);
        _exit(0);
    }
    close(ends[1]);
    if (dup2(ends[0], STDIN_FILENO) < 0)
        abort();
    close(ends[0]);
    int rc = feed_run_one(run, sink, "h=-");
    if (dup2(keep, STDIN_FILENO) < 0)
        abort();
    close(keep);
    return rc;
}

void feed_log_make(struct btr_buffer *out, uint64_t first, uint64_t count, uint32_t seed)
{
    for (uint64_t id = first; id < first + count; id++) {
        seed = seed * 1664525 + 1013904223;
        unsigned kind = seed >> 28;
        const char *end = (seed >> 20 & 7) == 0 ? "\r\n" : "\n";
        if (kind == 0)
            btr_buffer_format(out, "line t=%llu id=%llu hold%s", (unsigned long long)id * 10,
                              (unsigned long long)id, end);
        else if (kind == 1 && id > first + 3)
            btr_buffer_format(out, "line ends id=%llu%s", (unsigned long long)id - 3, end);
        else if (kind == 2)
            btr_buffer_format(out, "noise %u%s", seed, end);
        else if (kind == 3)
            btr_buffer_format(out, "%s", end);
        else
            btr_buffer_format(out, "line t=%llu id=%llu%s", (unsigned long long)id * 10,
                              (unsigned long long)id, end);
    }
}
