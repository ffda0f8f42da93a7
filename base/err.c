#include <btr/err.h>

#include <errno.h>
#include <stdarg.h>

#include "utf8.h"

/* Copies what is printable, the rest as \xNN a byte; cut at a whole character, and terminated. */
static void copy_escaped(char out[BTR_ERR_TEXT_SIZE], struct btr_span raw, bool cut)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    while (raw.size > 0) {
        uint32_t code = 0;
        size_t size = base_utf8_next(raw, &code);
        bool plain = size > 0 && !base_code_is_unprintable(code);
        if (size == 0)
            size = 1;
        if (cut && !plain && raw.size < 4 && raw.at[0] >= 0xc0)
            break; /* the cut went through this character */
        size_t need = plain ? size : 4 * size;
        if (at + need >= BTR_ERR_TEXT_SIZE)
            break;
        for (size_t i = 0; i < size; i++) {
            if (plain) {
                out[at++] = (char)raw.at[i];
                continue;
            }
            out[at++] = '\\';
            out[at++] = 'x';
            out[at++] = digits[raw.at[i] >> 4];
            out[at++] = digits[raw.at[i] & 15];
        }
        raw = (struct btr_span){raw.at + size, raw.size - size};
    }
    out[at] = '\0';
}

/* In brackets: the analyser sees a macro of this name. */
int(btr_fail)(struct btr_err *err, int code, uint64_t offset, const char *format, ...)
{
    if (!err)
        return code;
    char raw[BTR_ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);

    err->code = code;
    err->offset = offset;
    copy_escaped(err->text, btr_span_of(size < 0 ? "" : raw), size >= (int)sizeof(raw));
    return code;
}

int btr_code_of_errno(int why)
{
    switch (why) {
    case ENOENT:
    case ENOTDIR:
        return BTR_E_NOTFOUND;
    case EACCES:
    case EPERM:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return BTR_E_USAGE;
    case ENOSPC:
    case EDQUOT:
        return BTR_E_FULL;
    case ENOMEM:
        return BTR_E_NOMEM;
    default:
        return BTR_E_IO;
    }
}

const char *btr_code_text(int code)
{
    switch (code) {
    case BTR_OK:
        return "no error";
#define BTR_ERR_CASE(name, number, text)                                                           \
    case number:                                                                                   \
        return text;
        BTR_ERR_TABLE(BTR_ERR_CASE)
#undef BTR_ERR_CASE
    default:
        return "unknown error";
    }
}
