/*
 * usage: usual_check STORE...
 * Counts what programs usually do over all events of the stores, asks the reader the same of every
 * pair, and prints the counts, so that stores can be compared. Exit 1 when the reader says
 * something else.
 */
#include <stdio.h>

#include "plain_usual.h"

static int check(struct btr_reader *reader, struct plain_usual *plain, struct btr_err *err)
{
    struct btr_usual usual;
    int rc = plain_usual_count(plain, reader, err);
    if (rc == 0)
        rc = btr_reader_usual(reader, INT64_MAX, INT64_MAX, &usual, err);
    if (rc < 0)
        return rc;
    const char *what = plain_usual_differs(plain, &usual);
    return what ? btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "differs: %s", what) : 0;
}

int main(int argc, char **argv)
{
    struct btr_err err = {0};
    struct btr_reader *reader = NULL;
    struct plain_usual plain = {0};
    int rc = btr_reader_open(&reader, (const char *const *)argv + 1, (uint32_t)argc - 1, &err);
    if (rc == 0)
        rc = check(reader, &plain, &err);
    for (uint32_t i = 0; rc == 0 && i < plain.count; i++)
        printf("%012llx\t%012llx\t%llu\n", (unsigned long long)plain.rows[i].program,
               (unsigned long long)plain.rows[i].thing, (unsigned long long)plain.rows[i].count);
    if (rc < 0)
        (void)fprintf(stderr, "usual_check: %s\n", err.text);
    plain_usual_fini(&plain);
    btr_reader_close(reader);
    return rc < 0;
}
