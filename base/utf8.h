#ifndef BTR_BASE_UTF8_H
#define BTR_BASE_UTF8_H
/** UTF-8 as RFC 3629 has it (no surrogates, no overlong forms), for the escapers. */
#include <btr/span.h>

/** @return bytes of the well-formed character at the front (1 to 4), or 0 when there is none */
size_t base_utf8_next(struct btr_span bytes, uint32_t *code);
/** Control, bidi and other invisible characters: they may deceive a reader or drive a terminal. */
bool base_code_is_unprintable(uint32_t code);

#endif
