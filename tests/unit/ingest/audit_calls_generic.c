#define __ARCH_WANT_RENAMEAT
#define __ARCH_WANT_NEW_STAT
#define __ARCH_WANT_SYS_CLONE3
#if __has_include(<asm-generic/unistd.h>)
#include <asm-generic/unistd.h>
#endif

#include "audit_calls_numbers.h"
#include "decode/audit/syscalls.h"

const struct call_number calls_generic[] = {AUDIT_CALL_TABLE(CALL_ROW)};
