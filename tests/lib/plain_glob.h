#ifndef TEST_PLAIN_GLOB_H
#define TEST_PLAIN_GLOB_H
/** The plainest definition of a glob of a path: stars, ? and bytes, no sets. Costs without bound. */
#include <stdbool.h>
#include <stddef.h>

/** @param begin  of the pattern  @param p, t  where to go on in pattern and path */
static inline bool plain_glob_path(const char *begin, const char *p, const char *t)
{
    for (; *p && *p != '*'; p++, t++)
        if (!*t || (*p == '?' ? *t == '/' : *p != *t))
            return false;
    if (*p == 0)
        return *t == 0;
    if (p[1] != '*')
        return plain_glob_path(begin, p + 1, t) ||
               (*t && *t != '/' && plain_glob_path(begin, p, t + 1));
    const char *rest = p;
    while (*rest == '*')
        rest++;
    bool folders = (p == begin || p[-1] == '/') && *rest == '/';
    if (plain_glob_path(begin, rest + folders, t))
        return true;
    for (; *t; t++)
        if ((!folders || *t == '/') && plain_glob_path(begin, rest + folders, t + 1))
            return true;
    return false;
}

#endif
