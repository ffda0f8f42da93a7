#if __has_include(<asm/unistd_32.h>)
#include <asm/unistd_32.h>
#endif

#include "audit_calls_numbers.h"
#include "decode/audit/syscalls.h"

const struct call_number calls_i386[] = {AUDIT_CALL_TABLE(CALL_ROW)};
