#ifndef BTR_TEST_H
#define BTR_TEST_H
/** What every test file includes: cmocka with what it needs before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
