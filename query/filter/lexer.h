#ifndef QUERY_LEXER_H
#define QUERY_LEXER_H
/** Words of the filter language. */
#include <btr/buffer.h>
#include <btr/err.h>

enum query_token {
    QUERY_TOKEN_END,
    QUERY_TOKEN_WORD,   /* a field, or a word of the language */
    QUERY_TOKEN_STRING, /* "..." with escapes, '...' without */
    QUERY_TOKEN_NUMBER,
    QUERY_TOKEN_REGEX, /* only where it is asked for */
    QUERY_TOKEN_SIGN,  /* == != < <= > >= ( ) , */
};

struct query_lexer {
    struct btr_span text;
    size_t at; /* of the next byte */
    /* the token in hand */
    enum query_token token;
    size_t begin;                /* where it stands */
    struct btr_span value;       /* words, numbers, signs: of the text; else in `unescaped` */
    struct btr_span flags;       /* of a regular expression */
    struct btr_buffer unescaped; /* of this token only */
};

/** Goes to the next token. @return 0 or BTR_E_USAGE with the offset, BTR_E_NOMEM */
int query_lexer_next(struct query_lexer *lexer, struct btr_err *err);
/** The same where a regular expression must stand. */
int query_lexer_regex(struct query_lexer *lexer, struct btr_err *err);
/** Whether the token in hand is this word (letters of either case) or sign. */
bool query_lexer_is(const struct query_lexer *lexer, const char *word);

#endif
