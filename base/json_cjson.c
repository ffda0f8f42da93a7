/* The plain JSON reader: cJSON (https://github.com/DaveGamble/cJSON) builds the tree, this file
 * walks it. cJSON keeps less than we need: it turns numbers into doubles, ends strings at \u0000,
 * refuses lone surrogates and lets slip malformed numbers and control bytes. So a lexer first
 * writes the text anew in a form that cJSON carries without loss, and the walk undoes it: a string
 * "x"        becomes "sx"            a number 12.50     becomes "n12.50" \u0000 in a string becomes
 * bytes C0 80     a byte C0 (never valid UTF-8) becomes C0 C1 a lone \uD800       becomes its WTF-8
 * bytes The lexer decides what a token is, cJSON what the structure is. */
#include <cjson/cJSON.h>

#include <btr/json.h>

#include <pthread.h>
#include <stdio.h>

struct lexer {
    struct btr_span text;
    size_t at;
    unsigned depth;
    struct btr_buffer tame;
    const char *what;
};

static int lex_fail(struct lexer *lx, int code, const char *what)
{
    lx->what = what;
    return code;
}

static int lex_peek(const struct lexer *lx, size_t ahead)
{
    return ahead < lx->text.size - lx->at ? lx->text.at[lx->at + ahead] : -1;
}

static int hex_value(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The code unit of \uXXXX at `ahead`, or -1 when none stands there. */
static int lex_unit(const struct lexer *lx, size_t ahead)
{
    if (lex_peek(lx, ahead) != '\\' || lex_peek(lx, ahead + 1) != 'u')
        return -1;
    int unit = 0;
    for (size_t i = ahead + 2; i < ahead + 6; i++) {
        int digit = hex_value(lex_peek(lx, i));
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static void lex_copy(struct lexer *lx, size_t size)
{
    btr_buffer_put(&lx->tame, lx->text.at + lx->at, size);
    lx->at += size;
}

static int lex_unicode(struct lexer *lx)
{
    int unit = lex_unit(lx, 0);
    if (unit < 0)
        return lex_fail(lx, BTR_E_FORMAT, "bad escape in a string");
    int next = unit >= 0xd800 && unit < 0xdc00 ? lex_unit(lx, 6) : -1;
    if (next >= 0xdc00 && next < 0xe000) {
        lex_copy(lx, 12);
    } else if (unit >= 0xd800 && unit < 0xe000) {
        const uint8_t wtf[3] = {0xed, (uint8_t)(0x80 | (unit >> 6 & 0x3f)),
                                (uint8_t)(0x80 | (unit & 0x3f))};
        btr_buffer_put(&lx->tame, wtf, sizeof(wtf));
        lx->at += 6;
    } else if (unit == 0) {
        btr_buffer_put(&lx->tame, "\xc0\x80", 2);
        lx->at += 6;
    } else {
        lex_copy(lx, 6);
    }
    return 0;
}

static int lex_escape(struct lexer *lx)
{
    int c = lex_peek(lx, 1);
    if (c == 'u')
        return lex_unicode(lx);
    if (c <= 0 || !strchr("\"\\/bfnrt", c))
        return lex_fail(lx, BTR_E_FORMAT, "bad escape in a string");
    lex_copy(lx, 2);
    return 0;
}

static int lex_string(struct lexer *lx)
{
    btr_buffer_put(&lx->tame, "\"s", 2);
    lx->at++;
    for (;;) {
        int c = lex_peek(lx, 0), rc = 0;
        if (c == '"')
            break;
        if (c < 0x20)
            return lex_fail(lx, BTR_E_FORMAT,
                            c < 0 ? "string does not end" : "control byte in a string");
        if (c == '\\') {
            rc = lex_escape(lx);
        } else {
            lex_copy(lx, 1);
            if (c == 0xc0)
                btr_buffer_u8(&lx->tame, 0xc1);
        }
        if (rc < 0)
            return rc;
    }
    lex_copy(lx, 1);
    return 0;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static size_t count_digits(const struct lexer *lx, size_t ahead)
{
    size_t count = 0;
    while (is_digit(lex_peek(lx, ahead + count)))
        count++;
    return count;
}

/* Bytes of the number that stands here by RFC 8259 section 6, 0 when none does. */
static size_t number_size(const struct lexer *lx)
{
    size_t size = lex_peek(lx, 0) == '-' ? 1 : 0;
    size_t more = lex_peek(lx, size) == '0' ? 1 : count_digits(lx, size);
    if (more == 0)
        return 0;
    size += more;
    if (lex_peek(lx, size) == '.') {
        more = count_digits(lx, size + 1);
        if (more == 0)
            return 0;
        size += 1 + more;
    }
    if (lex_peek(lx, size) == 'e' || lex_peek(lx, size) == 'E') {
        size += lex_peek(lx, size + 1) == '+' || lex_peek(lx, size + 1) == '-' ? 2 : 1;
        more = count_digits(lx, size);
        if (more == 0)
            return 0;
        size += more;
    }
    return size;
}

/* Numbers and literals end where a blank or punctuation begins. */
static bool ends_word(int c)
{
    return c < 0 || (c > 0 && strchr(" \t\r\n,:{}[]", c));
}

static int lex_word(struct lexer *lx)
{
    static const char *const literals[] = {"true", "false", "null"};
    struct btr_span rest = {lx->text.at + lx->at, lx->text.size - lx->at};
    for (size_t i = 0; i < sizeof(literals) / sizeof(*literals); i++) {
        struct btr_span literal = btr_span_of(literals[i]);
        if (btr_span_begins(rest, literal) && ends_word(lex_peek(lx, literal.size))) {
            lex_copy(lx, literal.size);
            return 0;
        }
    }
    size_t size = number_size(lx);
    if (size == 0 || !ends_word(lex_peek(lx, size)))
        return lex_fail(lx, BTR_E_FORMAT, "no JSON value");
    btr_buffer_put(&lx->tame, "\"n", 2);
    lex_copy(lx, size);
    btr_buffer_u8(&lx->tame, '"');
    return 0;
}

static int lex_token(struct lexer *lx)
{
    switch (lex_peek(lx, 0)) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        lx->at++;
        return 0;
    case '{':
    case '[':
        if (++lx->depth > BTR_JSON_DEPTH_MAX)
            return lex_fail(lx, BTR_E_LIMIT, "nested too deep");
        lex_copy(lx, 1);
        return 0;
    case '}':
    case ']':
        lx->depth -= lx->depth > 0;
        lex_copy(lx, 1);
        return 0;
    case ',':
    case ':':
        lex_copy(lx, 1);
        return 0;
    case '"':
        return lex_string(lx);
    default:
        return lex_word(lx);
    }
}

static int lex(struct lexer *lx)
{
    while (lx->at < lx->text.size) {
        int rc = lex_token(lx);
        if (rc < 0)
            return rc;
    }
    btr_buffer_u8(&lx->tame, 0);
    return lx->tame.failed ? lex_fail(lx, BTR_E_NOMEM, "text") : 0;
}

/* ---- The walk of the tree ------------------------------------------------------------------- */

struct walk {
    struct btr_arena *arena;
    struct btr_json_member *members; /* NULL while counting */
    uint32_t count;
    const char *what;
};

static int walk_fail(struct walk *w, int code, const char *what)
{
    w->what = what;
    return code;
}

/* Undoes the lexer's C0 pairs, in place; the first byte (s or n) is left out. */
static struct btr_span untame(char *text)
{
    uint8_t *at = (uint8_t *)text + 1;
    size_t size = 0;
    for (size_t i = 0; at[i]; i++) {
        uint8_t c = at[i];
        if (c == 0xc0)
            c = at[++i] == 0x80 ? 0 : 0xc0;
        at[size++] = c;
    }
    return (struct btr_span){at, size};
}

static int walk_name(struct walk *w, const struct btr_span *prefix, struct btr_span key,
                     struct btr_span *name)
{
    size_t begin = prefix ? prefix->size + 1 : 0;
    if (begin + key.size > BTR_JSON_NAME_MAX)
        return walk_fail(w, BTR_E_LIMIT, "name too long");
    uint8_t *at = btr_arena_alloc(w->arena, begin + key.size, 1);
    if (!at)
        return walk_fail(w, BTR_E_NOMEM, "name");
    if (prefix) {
        memcpy(at, prefix->at, prefix->size);
        at[prefix->size] = '.';
    }
    if (key.size)
        memcpy(at + begin, key.at, key.size);
    *name = (struct btr_span){at, begin + key.size};
    return 0;
}

static int walk_scalar(struct walk *w, const cJSON *item, struct btr_span name)
{
    struct btr_json_member m = {name, BTR_SPAN("null"), BTR_JSON_NULL};
    if (w->count == BTR_JSON_MEMBERS_MAX)
        return walk_fail(w, BTR_E_LIMIT, "too many members");
    if (cJSON_IsBool(item)) {
        m.type = BTR_JSON_BOOL;
        m.value = cJSON_IsTrue(item) ? BTR_SPAN("true") : BTR_SPAN("false");
    } else if (cJSON_IsString(item)) {
        m.type = item->valuestring[0] == 's' ? BTR_JSON_STRING : BTR_JSON_NUMBER;
        if (!btr_arena_copy(w->arena, untame(item->valuestring), &m.value))
            return walk_fail(w, BTR_E_NOMEM, "string");
    }
    w->members[w->count++] = m;
    return 0;
}

/* Depth was bounded by the lexer. */
static int walk_items(struct walk *w, const cJSON *parent, const struct btr_span *prefix)
{
    unsigned index = 0;
    for (const cJSON *item = parent->child; item; item = item->next) {
        char digits[16];
        struct btr_span key, name;
        if (cJSON_IsObject(parent)) {
            if (item->string[0] != 's')
                return walk_fail(w, BTR_E_FORMAT, "a number for a name");
            key = untame(item->string);
        } else {
            key = (struct btr_span){(uint8_t *)digits,
                                    (size_t)snprintf(digits, sizeof(digits), "%u", index++)};
        }
        int rc = walk_name(w, prefix, key, &name);
        if (rc == 0 && (cJSON_IsObject(item) || cJSON_IsArray(item)))
            rc = walk_items(w, item, &name);
        else if (rc == 0)
            rc = walk_scalar(w, item, name);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static uint32_t count_scalars(const cJSON *parent)
{
    uint32_t count = 0;
    for (const cJSON *item = parent->child; item; item = item->next)
        count += cJSON_IsObject(item) || cJSON_IsArray(item) ? count_scalars(item) : 1;
    return count;
}

static int walk_tree(struct walk *w, const cJSON *root)
{
    if (!cJSON_IsObject(root))
        return walk_fail(w, BTR_E_FORMAT, "no object");
    uint32_t count = count_scalars(root);
    if (count > BTR_JSON_MEMBERS_MAX)
        count = BTR_JSON_MEMBERS_MAX;
    w->members =
        btr_arena_alloc(w->arena, count * sizeof(*w->members), _Alignof(struct btr_json_member));
    if (!w->members)
        return walk_fail(w, BTR_E_NOMEM, "members");
    return walk_items(w, root, NULL);
}

/* cJSON returns one NULL for malformed text and for no memory: its memory comes through here, so
 * that they can be told apart. */
static _Thread_local bool tree_starved;
static pthread_once_t tree_hooks_once = PTHREAD_ONCE_INIT;

static void *tree_malloc(size_t size)
{
    void *at = malloc(size);
    tree_starved = tree_starved || !at;
    return at;
}

static void tree_hooks_set(void)
{
    cJSON_Hooks hooks = {.malloc_fn = tree_malloc, .free_fn = free};
    cJSON_InitHooks(&hooks);
}

static int tree_parse(cJSON **tree, struct btr_span text, struct btr_err *err)
{
    (void)pthread_once(&tree_hooks_once, tree_hooks_set);
    tree_starved = false;
    *tree = cJSON_ParseWithLengthOpts((const char *)text.at, text.size, NULL, 1);
    if (*tree)
        return 0;
    return tree_starved ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "JSON: out of memory")
                        : btr_fail(err, BTR_E_FORMAT, 0, "JSON: not one whole object");
}

int btr_json_flatten_plain(struct btr_span text, struct btr_arena *arena,
                           struct btr_json_member **members, uint32_t *member_count,
                           struct btr_err *err)
{
    struct lexer lx = {.text = text, .at = btr_span_begins(text, BTR_SPAN("\xef\xbb\xbf")) ? 3 : 0};
    struct walk w = {.arena = arena};
    cJSON *tree = NULL;
    int rc = lex(&lx);
    if (rc < 0) {
        rc = btr_fail(err, rc, lx.at, "JSON: %s", lx.what);
        goto out;
    }
    rc = tree_parse(&tree, btr_buffer_view(&lx.tame), err);
    if (rc < 0)
        goto out;
    rc = walk_tree(&w, tree);
    if (rc < 0) {
        rc = btr_fail(err, rc, 0, "JSON: %s", w.what);
        goto out;
    }
    *members = w.members;
    *member_count = w.count;
out:
    cJSON_Delete(tree);
    btr_buffer_fini(&lx.tame);
    return rc;
}
