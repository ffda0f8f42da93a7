#include "feed_run.h"

#include <stdio.h>

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
