#include "notify.h"

#include <btr/span.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void daemon_notify(const char *lines)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t size = name ? strlen(name) : 0;
    if (size < 2 || size >= sizeof to.sun_path || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(to.sun_path, name, size);
    if (name[0] == '@')
        to.sun_path[0] = '\0'; /* abstract, as of unix(7) */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t at = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    (void)sendto(fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, at);
    (void)close(fd);
}

static bool env_number(const char *name, uint64_t *out)
{
    const char *text = getenv(name);
    return text && btr_span_number(btr_span_of(text), 10, out);
}

uint64_t daemon_watchdog_ms(void)
{
    uint64_t usec = 0, pid = 0;
    if (!env_number("WATCHDOG_USEC", &usec))
        return 0;
    if (env_number("WATCHDOG_PID", &pid) && pid != (uint64_t)getpid())
        return 0; /* meant for another */
    return usec / 1000;
}
