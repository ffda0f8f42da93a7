#include "damaged.h"

#include "commands.h"
#include "output.h"
#include "stores.h"

int cli_ask(struct btr_reader *reader, int (*question)(void *self, struct btr_err *err), void *self,
            struct btr_err *err)
{
    int rc;
    do
        rc = question(self, err);
    while (rc < 0 && btr_reader_mend(reader, err) == 1);
    cli_reader_done(reader);
    return rc;
}

int cli_damaged_status(const char *command, const struct btr_reader *reader, int status)
{
    if (!reader || btr_reader_damage_count(reader) == 0)
        return status;
    cli_note(command, "damaged: the answer is of the rest (see backtrail store verify)");
    return status == CLI_USAGE ? status : CLI_FAILED;
}

int cli_shown_status(const char *command, const struct btr_shown *shown, int status)
{
    unsigned long long all = shown->found + shown->missing + shown->damaged;
    if (shown->damaged == 0)
        return status;
    cli_note(command,
             "the kept records of %llu of %llu events are damaged (see backtrail store verify)",
             (unsigned long long)shown->damaged, all);
    return status == CLI_USAGE ? status : CLI_FAILED;
}
