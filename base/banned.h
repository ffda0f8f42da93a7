#ifndef BTR_BANNED_H
#define BTR_BANNED_H
/* Included before every C file by the build: calls without a bound, or that hide an error, do not compile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#undef alloca /* a macro in glibc */
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol atoll alloca
#endif
