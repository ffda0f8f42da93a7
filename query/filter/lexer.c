/* Words of the filter language. */
#include "lexer.h"

#include "compare.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@';
}

static bool is_word(uint8_t c)
{
    return is_letter(c) || is_digit(c) || c == '.' || c == '-';
}

static uint8_t peek(const struct query_lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->text.size ? lexer->text.at[at] : 0;
}

static int hex_digit(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads one escape; lexer->at stands behind the backslash. */
static int escape_take(struct query_lexer *lexer, struct btr_err *err)
{
    static const char NAMES[] = "\"'\\/nrt", VALUES[] = "\"'\\/\n\r\t";
    uint8_t c = peek(lexer, 0);
    const char *name = c ? strchr(NAMES, c) : NULL;
    if (name) {
        btr_buffer_u8(&lexer->unescaped, (uint8_t)VALUES[name - NAMES]);
        lexer->at++;
        return 0;
    }
    int high = hex_digit(peek(lexer, 1)), low = hex_digit(peek(lexer, 2));
    if (c == 'x' && high >= 0 && low >= 0) {
        btr_buffer_u8(&lexer->unescaped, (uint8_t)(high << 4 | low));
        lexer->at += 3;
        return 0;
    }
    return btr_fail(err, BTR_E_USAGE, lexer->at - 1,
                    "no escape \"\\%c\" at %zu: write \\\\ for a backslash, or use '...'",
                    c ? c : ' ', lexer->at - 1);
}

static int string_take(struct query_lexer *lexer, struct btr_err *err)
{
    uint8_t quote = peek(lexer, 0);
    lexer->at++;
    btr_buffer_clear(&lexer->unescaped);
    while (lexer->at < lexer->text.size) {
        uint8_t c = lexer->text.at[lexer->at++];
        if (c == quote) {
            lexer->token = QUERY_TOKEN_STRING;
            lexer->value = btr_buffer_view(&lexer->unescaped);
            return lexer->unescaped.failed
                       ? btr_fail(err, BTR_E_NOMEM, lexer->begin, "filter string")
                       : 0;
        }
        int rc = 0;
        if (c == '\\' && quote == '"')
            rc = escape_take(lexer, err);
        else
            btr_buffer_u8(&lexer->unescaped, c);
        if (rc < 0)
            return rc;
    }
    return btr_fail(err, BTR_E_USAGE, lexer->begin, "the string at %zu has no end", lexer->begin);
}

static void number_take(struct query_lexer *lexer)
{
    lexer->at++;
    while (is_digit(peek(lexer, 0)) || (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))))
        lexer->at++;
    lexer->token = QUERY_TOKEN_NUMBER;
}

static int sign_take(struct query_lexer *lexer, struct btr_err *err)
{
    static const char *const SIGNS[] = {"==", "!=", "<=", ">=", "<", ">", "(", ")", ","};
    struct btr_span rest = {lexer->text.at + lexer->at, lexer->text.size - lexer->at};
    for (size_t i = 0; i < sizeof SIGNS / sizeof *SIGNS; i++) {
        if (!btr_span_begins(rest, btr_span_of(SIGNS[i])))
            continue;
        lexer->at += strlen(SIGNS[i]);
        lexer->token = QUERY_TOKEN_SIGN;
        return 0;
    }
    static const char *const HINTS[][2] = {
        {"=", ": equality is =="}, {"&", ": write and"}, {"|", ": write or"}, {"!", ": write not"}};
    const char *hint = "";
    for (size_t i = 0; i < sizeof HINTS / sizeof *HINTS; i++) {
        if (rest.at[0] == (uint8_t)HINTS[i][0][0])
            hint = HINTS[i][1];
    }
    return btr_fail(err, BTR_E_USAGE, lexer->at, "unexpected \"%c\" at %zu%s", rest.at[0],
                    lexer->at, hint);
}

static void blanks_skip(struct query_lexer *lexer)
{
    while (lexer->at < lexer->text.size && strchr(" \t\r\n", peek(lexer, 0)) && peek(lexer, 0))
        lexer->at++;
}

int query_lexer_next(struct query_lexer *lexer, struct btr_err *err)
{
    blanks_skip(lexer);
    lexer->begin = lexer->at;
    lexer->value = (struct btr_span){0};
    if (lexer->at == lexer->text.size) {
        lexer->token = QUERY_TOKEN_END;
        return 0;
    }
    uint8_t c = peek(lexer, 0);
    if (c == '"' || c == '\'')
        return string_take(lexer, err);
    int rc = 0;
    if (is_digit(c) || (c == '-' && is_digit(peek(lexer, 1)))) {
        number_take(lexer);
    } else if (is_letter(c)) {
        while (is_word(peek(lexer, 0)))
            lexer->at++;
        lexer->token = QUERY_TOKEN_WORD;
    } else {
        rc = sign_take(lexer, err);
    }
    lexer->value = (struct btr_span){lexer->text.at + lexer->begin, lexer->at - lexer->begin};
    return rc;
}

int query_lexer_regex(struct query_lexer *lexer, struct btr_err *err)
{
    blanks_skip(lexer);
    lexer->begin = lexer->at;
    if (peek(lexer, 0) != '/')
        return btr_fail(err, BTR_E_USAGE, lexer->at, "expected /a regular expression/ at %zu",
                        lexer->at);
    lexer->at++;
    btr_buffer_clear(&lexer->unescaped);
    while (lexer->at < lexer->text.size && peek(lexer, 0) != '/') {
        bool slash = peek(lexer, 0) == '\\' && peek(lexer, 1) == '/';
        bool escaped = peek(lexer, 0) == '\\' && lexer->at + 1 < lexer->text.size;
        if (escaped && !slash)
            btr_buffer_u8(&lexer->unescaped, peek(lexer, 0));
        lexer->at += escaped;
        btr_buffer_u8(&lexer->unescaped, peek(lexer, 0));
        lexer->at++;
    }
    if (lexer->at == lexer->text.size)
        return btr_fail(err, BTR_E_USAGE, lexer->begin, "the regular expression at %zu has no end",
                        lexer->begin);
    size_t flags = ++lexer->at;
    while (is_letter(peek(lexer, 0)))
        lexer->at++;
    lexer->token = QUERY_TOKEN_REGEX;
    lexer->value = btr_buffer_view(&lexer->unescaped);
    lexer->flags = (struct btr_span){lexer->text.at + flags, lexer->at - flags};
    return lexer->unescaped.failed ? btr_fail(err, BTR_E_NOMEM, lexer->begin, "regular expression")
                                   : 0;
}

bool query_lexer_is(const struct query_lexer *lexer, const char *word)
{
    if (lexer->token != QUERY_TOKEN_WORD && lexer->token != QUERY_TOKEN_SIGN)
        return false;
    return query_equal_folded(lexer->value, btr_span_of(word));
}
