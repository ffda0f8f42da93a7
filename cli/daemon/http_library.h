#ifndef DAEMON_HTTP_LIBRARY_H
#define DAEMON_HTTP_LIBRARY_H
/** The functions of libmicrohttpd, looked up by the daemon alone: with GnuTLS behind it, every command would start later. */
#include <btr/err.h>
#include <microhttpd.h>

/* clang-format off */
#define HTTP_FUNCTIONS(F)                                                                          \
    F(MHD_add_response_header) F(MHD_create_response_from_buffer) F(MHD_destroy_response)          \
    F(MHD_get_connection_info) F(MHD_get_daemon_info) F(MHD_get_timeout) F(MHD_queue_response)     \
    F(MHD_run) F(MHD_start_daemon) F(MHD_stop_daemon)
/* clang-format on */

struct http_library {
#define HTTP_MEMBER(name) __typeof__(&name)(name);
    HTTP_FUNCTIONS(HTTP_MEMBER)
#undef HTTP_MEMBER
};

/** One thread. @return the functions, or NULL (BTR_E_IO) when the library is not on this machine */
const struct http_library *http_library(struct btr_err *err);

#endif
