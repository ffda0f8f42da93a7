#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H
/**
 * A few pages over HTTP/1.1, in the loop's thread: GET and HEAD, one request a connection. At most DAEMON_HTTP_CONNECTIONS at
 * once, the others wait to be accepted; a connection ends DAEMON_HTTP_S seconds after its beginning, whatever it does.
 */
#include <btr/buffer.h>
#include <btr/err.h>
#include <uv.h>

#include "config.h"

enum { DAEMON_HTTP_CONNECTIONS = 32, DAEMON_HTTP_S = 10 };

struct daemon_page {
    const char *path;
    const char *content_type;
    /** Appends the page. @return its status: 200, 503 */
    unsigned (*make)(void *self, struct btr_buffer *out);
};

struct daemon_http;
/**
 * @param pages  ends with a NULL path; borrowed, as `self` is
 * @return 0, BTR_E_IO (the line names the address), BTR_E_NOMEM
 */
int daemon_http_open(struct daemon_http **out, uv_loop_t *loop, const struct cli_config_listen *at,
                     const struct daemon_page *pages, void *self, struct btr_err *err);
/** The port, which the kernel chose when 0 was asked for. */
uint16_t daemon_http_port(const struct daemon_http *http);
/** Ends all connections; freed by the loop, which must run on until its handles are closed. NULL is allowed. */
void daemon_http_close(struct daemon_http *http);

#endif
