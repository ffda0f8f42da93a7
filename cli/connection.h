#ifndef CLI_CONNECTION_H
#define CLI_CONNECTION_H
/**
 * What the client library of the broker is told, under its own names: TLS, SASL and kafka.x of the configuration, with
 * the secrets that its files and variables of the environment hold. It is never printed.
 */
#include "config.h"

struct cli_connection {
    struct cli_config_list settings; /* key, value, key, value ... */
};

/**
 * Reads the secrets.
 * @param out   free with cli_connection_fini, also after a failure
 * @param warn  what is unsafe, and goes on; or NULL
 * @return 0, BTR_E_USAGE (a secret is not there, empty, of several lines; the line names where it should be), BTR_E_IO,
 *         BTR_E_NOMEM
 */
int cli_connection_make(struct cli_connection *out, const struct cli_config *config,
                        void (*warn)(void *self, const char *line), void *warn_self, struct btr_err *err);
/**
 * Adds a setting as -X gives it: KEY=VALUE, or KEY=@FILE. A secret must stand in a file: everybody sees what a program was
 * called with. @return as cli_connection_make
 */
int cli_connection_word(struct cli_connection *out, const char *word, void (*warn)(void *self, const char *line),
                        void *warn_self, struct btr_err *err);
/** Whether both tell the same, secrets included. */
bool cli_connection_same(const struct cli_connection *a, const struct cli_connection *b);
/** Overwrites the values, and frees them. */
void cli_connection_fini(struct cli_connection *connection);

#endif
