#ifndef BTR_ERR_H
#define BTR_ERR_H
/** Error codes and the caller-owned message. One table makes both. */
#include <stdint.h>

/* X(name, code, text). Codes are stable: scripts and the C interface see them. */
#define BTR_ERR_TABLE(X)                                \
    X(NOMEM, -1, "out of memory")                       \
    X(FORMAT, -2, "malformed input")                    \
    X(TRUNCATED, -3, "input ends early")                \
    X(LIMIT, -4, "a limit was reached")                 \
    X(IO, -5, "input or output failed")                 \
    X(NOTFOUND, -6, "not found")                        \
    X(EXISTS, -7, "already there")                      \
    X(USAGE, -8, "bad usage")                           \
    X(AMBIGUOUS, -9, "several things fit")              \
    X(VERSION, -10, "made by a newer version")          \
    X(BUSY, -11, "in use by another process")           \
    X(CHECKSUM, -12, "checksum does not match")         \
    X(FULL, -13, "no space left")

enum btr_code {
    BTR_OK = 0,
#define BTR_ERR_ENUM(name, code, text) BTR_E_##name = code,
    BTR_ERR_TABLE(BTR_ERR_ENUM)
#undef BTR_ERR_ENUM
};

enum { BTR_ERR_TEXT_SIZE = 512 };

/** What went wrong. `text` is one line without a newline; hostile bytes in it are escaped. */
struct btr_err {
    int code;        /* enum btr_code */
    uint64_t offset; /* where in the input; UINT64_MAX when there is no place */
    char text[BTR_ERR_TEXT_SIZE];
};

/**
 * Fills `err` (which may be NULL) and returns `code`, so that a caller can write `return btr_fail(...)`.
 * @param code    enum btr_code, negative
 * @param offset  in the input, or UINT64_MAX
 * @param format  printf format of the text; cut, never overrun. Bytes below 0x20, 0x7f and invalid
 *                UTF-8 of the result appear as \xNN.
 */
int btr_fail(struct btr_err *err, int code, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#ifdef __clang_analyzer__ /* it does not look into variadic functions: tell it that the result is negative */
#define btr_fail(err, code, offset, ...) (btr_fail(err, code, offset, __VA_ARGS__), (code))
#endif

/**
 * The code for an errno of a path: BTR_E_NOTFOUND, BTR_E_USAGE (what may not be read, or cannot by nature), BTR_E_FULL,
 * BTR_E_NOMEM, else BTR_E_IO.
 */
int btr_code_of_errno(int why);

/** @return the fixed text of a code ("out of memory"); never NULL */
const char *btr_code_text(int code);

#endif
