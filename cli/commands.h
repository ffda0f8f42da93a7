#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H
/** The subcommands. Each takes what follows its name and returns the exit status. */

enum cli_status {
    CLI_ANSWERED = 0,
    CLI_NOTHING = 1, /* the question has no answer */
    CLI_USAGE = 2,   /* bad usage or bad input: one line on stderr names it */
    CLI_FAILED = 3,  /* the store or a source failed */
    CLI_CUT = 4,     /* answered, but cut by a limit that the user set */
};

/** @param argc, argv  after the subcommand's name */
int cmd_ingest(int argc, char **argv);
int cmd_find(int argc, char **argv);
int cmd_loss(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_store(int argc, char **argv);
int cmd_daemon(int argc, char **argv);
int cmd_lag(int argc, char **argv);

#endif
