/* HTTP by libmicrohttpd, driven by the loop: its epoll descriptor is polled, and it runs when that
 * is ready. */
#include "http.h"

#include <arpa/inet.h>
#include <btr/clock.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_library.h"

enum { REQUEST_MAX = 16 << 10, BACKLOG = 64, TICK_MS = 1000 };

struct open_connection {
    int fd; /* -1: free */
    int64_t since_ns;
};

struct daemon_http {
    const struct http_library *mhd;
    struct MHD_Daemon *daemon;
    const struct daemon_page *pages;
    void *self;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles; /* that are not closed */
    uint16_t port;
    struct open_connection open[DAEMON_HTTP_CONNECTIONS];
};

/* ---- Answers ----------------------------------------------------------------------------------
 */

/* `body` is freed by the response. */
static enum MHD_Result answer(struct daemon_http *http, struct MHD_Connection *connection,
                              unsigned status, const char *type, struct btr_buffer *body)
{
    const struct http_library *mhd = http->mhd;
    if (body->failed || !btr_buffer_reserve(body, 1)) {
        btr_buffer_fini(body);
        return MHD_NO;
    }
    struct MHD_Response *response =
        mhd->MHD_create_response_from_buffer(body->size, body->at, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        btr_buffer_fini(body);
        return MHD_NO;
    }
    bool good = mhd->MHD_add_response_header(response, "Content-Type", type) == MHD_YES &&
                mhd->MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
                mhd->MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    if (good && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        good = mhd->MHD_add_response_header(response, "Allow", "GET, HEAD") == MHD_YES;
    enum MHD_Result rc = good ? mhd->MHD_queue_response(connection, status, response) : MHD_NO;
    mhd->MHD_destroy_response(response);
    return rc;
}

static enum MHD_Result request(void *self, struct MHD_Connection *connection, const char *path,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **seen)
{
    struct daemon_http *http = self;
    static const char text[] = "text/plain; charset=utf-8";
    struct btr_buffer body = {0};
    (void)version;
    (void)upload;
    (void)upload_size;
    (void)seen; /* a body is not waited for: the answer ends the connection */
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        btr_buffer_text(&body, "only GET and HEAD\n");
        return answer(http, connection, MHD_HTTP_METHOD_NOT_ALLOWED, text, &body);
    }
    for (const struct daemon_page *page = http->pages; page->path; page++) {
        if (strcmp(page->path, path) == 0) {
            unsigned status = page->make(http->self, &body);
            return answer(http, connection, status, page->content_type, &body);
        }
    }
    for (const struct daemon_page *page = http->pages; page->path; page++)
        btr_buffer_format(&body, "%s\n", page->path);
    return answer(http, connection, MHD_HTTP_NOT_FOUND, text, &body);
}

/* ---- Connections ------------------------------------------------------------------------------
 */

static void connection_changed(void *self, struct MHD_Connection *connection, void **slot,
                               enum MHD_ConnectionNotificationCode code)
{
    struct daemon_http *http = self;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*slot)
            ((struct open_connection *)*slot)->fd = -1;
        return;
    }
    const union MHD_ConnectionInfo *info =
        http->mhd->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    for (size_t i = 0; info && i < DAEMON_HTTP_CONNECTIONS; i++) {
        if (http->open[i].fd < 0) {
            http->open[i] = (struct open_connection){info->connect_fd, btr_monotonic_ns()};
            *slot = &http->open[i];
            return;
        }
    }
}

/* One that sends or reads a byte now and then is never idle, so its whole time is bounded. */
static void connections_end(struct daemon_http *http)
{
    int64_t before_ns = btr_monotonic_ns() - DAEMON_HTTP_S * INT64_C(1000000000);
    for (size_t i = 0; i < DAEMON_HTTP_CONNECTIONS; i++) {
        if (http->open[i].fd >= 0 && http->open[i].since_ns < before_ns)
            (void)shutdown(http->open[i].fd, SHUT_RDWR);
    }
}

static void run(struct daemon_http *http);

static void timer_ran(uv_timer_t *timer)
{
    run(timer->data);
}

static void run(struct daemon_http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = TICK_MS;
    connections_end(http);
    (void)http->mhd->MHD_run(http->daemon);
    if (http->mhd->MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES || wait_ms > TICK_MS)
        wait_ms = TICK_MS;
    (void)uv_timer_start(&http->timer, timer_ran, wait_ms, 0);
}

static void poll_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

/* ---- Opening ----------------------------------------------------------------------------------
 */

static int listen_fail(const struct cli_config_listen *at, int fd, struct btr_err *err)
{
    int why = errno;
    char address[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *four = (const struct sockaddr_in *)&at->at;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&at->at;
    bool is_six = at->at.ss_family == AF_INET6;
    (void)inet_ntop(at->at.ss_family, is_six ? (const void *)&six->sin6_addr : &four->sin_addr,
                    address, sizeof address);
    if (fd >= 0)
        (void)close(fd);
    return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot listen on %s port %u: %s", address,
                    ntohs(is_six ? six->sin6_port : four->sin_port), strerror(why));
}

static int listen_open(int *out, uint16_t *port, const struct cli_config_listen *at,
                       struct btr_err *err)
{
    int yes = 1;
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    int fd = socket(at->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&at->at, at->size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        return listen_fail(at, fd, err);
    *port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                              : ((struct sockaddr_in *)&bound)->sin_port);
    *out = fd;
    return 0;
}

static int start(struct daemon_http *http, uv_loop_t *loop, int fd, struct btr_err *err)
{
    http->daemon = http->mhd->MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, request, http, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)DAEMON_HTTP_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)DAEMON_HTTP_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)REQUEST_MAX, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, http,
        MHD_OPTION_END);
    if (!http->daemon) {
        (void)close(fd);
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "the HTTP server does not start");
    }
    const union MHD_DaemonInfo *info =
        http->mhd->MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || uv_poll_init(loop, &http->poll, info->epoll_fd) != 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "the HTTP server cannot be polled");
    (void)uv_timer_init(loop, &http->timer);
    http->poll.data = http->timer.data = http;
    http->handles = 2;
    (void)uv_poll_start(&http->poll, UV_READABLE, poll_ready);
    (void)uv_timer_start(&http->timer, timer_ran, 0, 0);
    return 0;
}

int daemon_http_open(struct daemon_http **out, uv_loop_t *loop, const struct cli_config_listen *at,
                     const struct daemon_page *pages, void *self, struct btr_err *err)
{
    int fd = -1;
    struct daemon_http *http = calloc(1, sizeof *http);
    *out = NULL;
    if (!http)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    http->pages = pages;
    http->self = self;
    for (size_t i = 0; i < DAEMON_HTTP_CONNECTIONS; i++)
        http->open[i].fd = -1;
    http->mhd = http_library(err);
    int rc = http->mhd ? listen_open(&fd, &http->port, at, err) : BTR_E_IO;
    if (rc == 0)
        rc = start(http, loop, fd, err);
    if (rc == 0)
        *out = http;
    else
        daemon_http_close(http);
    return rc;
}

uint16_t daemon_http_port(const struct daemon_http *http)
{
    return http->port;
}

static void handle_closed(uv_handle_t *handle)
{
    struct daemon_http *http = handle->data;
    if (--http->handles > 0)
        return;
    http->mhd->MHD_stop_daemon(http->daemon);
    free(http);
}

void daemon_http_close(struct daemon_http *http)
{
    if (!http)
        return;
    if (http->handles > 0) {
        uv_close((uv_handle_t *)&http->poll, handle_closed);
        uv_close((uv_handle_t *)&http->timer, handle_closed);
        return;
    }
    if (http->daemon)
        http->mhd->MHD_stop_daemon(http->daemon);
    free(http);
}
