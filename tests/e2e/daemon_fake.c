/* `backtrail daemon` and `backtrail lag` with a consumer that needs no broker
 * (tests/lib/fake_follow.c). */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "daemon") == 0)
        return cmd_daemon(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "lag") == 0)
        return cmd_lag(argc - 2, argv + 2);
    fputs("usage: daemon_fake daemon|lag ...\n", stderr);
    return 2;
}
