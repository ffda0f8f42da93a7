#ifndef TEST_AUDIT_CALLS_NUMBERS_H
#define TEST_AUDIT_CALLS_NUMBERS_H
/** The numbers that the kernel's headers on this machine give; a file for each architecture, as all use the same names. */

struct call_number {
    const char *name;
    const char *text; /* what the header's macro expands to: "57", "(__X32_SYSCALL_BIT + 57)", or its own name if it has none */
};

extern const struct call_number calls_x86_64[], calls_i386[], calls_x32[], calls_generic[];

/* Rows for every call, in the order of enum audit_call from 1 on. */
#define CALL_TEXT_OF(x) #x
#define CALL_TEXT(x) CALL_TEXT_OF(x)
#define CALL_ROW(name) {#name, CALL_TEXT(__NR_##name)},

#endif
