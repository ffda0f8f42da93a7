#if __has_include(<asm/unistd_64.h>)
#include <asm/unistd_64.h>
#endif

#include "audit_calls_numbers.h"
#include "decode/audit/syscalls.h"

const struct call_number calls_x86_64[] = {AUDIT_CALL_TABLE(CALL_ROW)};
