/* Globs, of values and of paths: one walk with two places to go back to. */
#include "glob.h"

static uint8_t folded(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool query_path_is_windows(struct btr_span path)
{
    if (path.size == 0 || path.at[0] == '/')
        return false;
    uint8_t drive = folded(path.at[0]);
    if (path.size >= 2 && drive >= 'a' && drive <= 'z' && path.at[1] == ':' &&
        (path.size == 2 || path.at[2] == '/'))
        return true;
    return memchr(path.at, '\\', path.size) != NULL;
}

/** What is compared how. */
struct glob {
    struct btr_span pattern, text;
    bool fold, has_sets;
    bool is_path, is_windows;
};

static bool is_separator(const struct glob *g, uint8_t c)
{
    return g->is_path && (c == '/' || (g->is_windows && c == '\\'));
}

static bool same(const struct glob *g, uint8_t want, uint8_t c)
{
    if (is_separator(g, want))
        return is_separator(g, c);
    return g->fold ? folded(want) == folded(c) : want == c;
}

/* ---- Sets ---- */

/* @return bytes of the set that begins at `p`, with its brackets, or 0 when nothing closes it. A ]
 * that stands first is one of the set. */
static size_t set_size(struct btr_span pattern, size_t p)
{
    size_t i = p + 1;
    if (i < pattern.size && pattern.at[i] == '!')
        i++;
    for (i++; i < pattern.size; i++)
        if (pattern.at[i] == ']')
            return i + 1 - p;
    return 0;
}

bool query_glob_splits(struct btr_span pattern)
{
    for (size_t p = 0, size; p < pattern.size; p += size) {
        size = pattern.at[p] == '[' ? set_size(pattern, p) : 0;
        for (size_t i = 0; i < size; i++)
            if (pattern.at[p + i] == '/' || pattern.at[p + i] == '\\')
                return true;
        size += size == 0;
    }
    return false;
}

static bool set_holds(const struct glob *g, size_t p, size_t size, uint8_t c)
{
    const uint8_t *at = g->pattern.at + p + 1, *end = g->pattern.at + p + size - 1;
    bool negated = *at == '!', found = false;
    at += negated;
    while (at < end) {
        bool range = end - at >= 3 && at[1] == '-';
        uint8_t low = at[0], high = range ? at[2] : at[0];
        found = found || (low <= c && c <= high);
        if (g->fold)
            found = found || (folded(low) <= folded(c) && folded(c) <= folded(high));
        at += range ? 3 : 1;
    }
    return found != negated;
}

/* `[*]` and its like, which plain globs know as well. */
static bool is_quoted(struct btr_span pattern, size_t p)
{
    const uint8_t *at = pattern.at + p;
    return pattern.size - p >= 3 && at[2] == ']' && (at[1] == '*' || at[1] == '?' || at[1] == '[');
}

/* One step of the pattern at *p. @return true when it takes byte c */
static bool step(const struct glob *g, size_t *p, uint8_t c)
{
    uint8_t want = g->pattern.at[*p];
    size_t size = 1;
    bool takes;
    if (want == '?') {
        takes = !is_separator(g, c);
    } else if (want == '[' && is_quoted(g->pattern, *p)) {
        takes = c == g->pattern.at[*p + 1];
        size = 3;
    } else if (want == '[' && g->has_sets && (size = set_size(g->pattern, *p)) > 0) {
        takes = !is_separator(g, c) && set_holds(g, *p, size, c);
    } else {
        takes = same(g, want, c);
        size = 1;
    }
    *p += takes ? size : 0;
    return takes;
}

/* ---- The walk ---- */

/** A star that can take more: where the pattern goes on behind it, and the text it stands at. */
struct star {
    size_t pattern, text; /* pattern: SIZE_MAX, there is none */
    bool folders;         /* it takes whole folders */
};

struct walk {
    const struct glob *g;
    size_t p, t;
    struct star deep, flat; /* across separators; within a part of a path */
};

static bool at_folder(const struct glob *g, size_t p)
{
    return p == 0 || is_separator(g, g->pattern.at[p - 1]);
}

static void star_enter(struct walk *w)
{
    struct btr_span pattern = w->g->pattern;
    size_t begin = w->p++;
    bool deep = !w->g->is_path;
    while (w->p < pattern.size && pattern.at[w->p] == '*') {
        deep = true;
        w->p++;
    }
    if (!deep) {
        w->flat = (struct star){.pattern = w->p, .text = w->t};
        return;
    }
    bool folders = w->g->is_path && at_folder(w->g, begin) && w->p < pattern.size &&
                   is_separator(w->g, pattern.at[w->p]);
    w->p += folders;
    w->deep = (struct star){w->p, w->t, folders};
    w->flat.pattern = SIZE_MAX;
}

static bool separator_pass(const struct glob *g, size_t *t)
{
    while (*t < g->text.size)
        if (is_separator(g, g->text.at[(*t)++]))
            return true;
    return false;
}

/*
 * Goes back to the last star, which takes one byte more. The first match of what stands between two
 * stars is the best: what follows a later one follows this one, too, but for separators, and these
 * a flat star cannot pass wherever it began. So when one has come to the end of its part of the
 * path, the deep star before it need not try again within the part where it stands.
 */
static bool star_widen(struct walk *w)
{
    const struct glob *g = w->g;
    bool exhausted = w->flat.pattern != SIZE_MAX;
    if (exhausted && w->flat.text < g->text.size && !is_separator(g, g->text.at[w->flat.text])) {
        w->t = ++w->flat.text;
        w->p = w->flat.pattern;
        return true;
    }
    if (w->deep.pattern == SIZE_MAX)
        return false;
    if (w->deep.folders) {
        if (!separator_pass(g, &w->deep.text))
            return false;
    } else {
        w->deep.text++;
        while (exhausted && w->deep.text < g->text.size &&
               !is_separator(g, g->text.at[w->deep.text]))
            w->deep.text++;
    }
    w->t = w->deep.text;
    w->p = w->deep.pattern;
    w->flat.pattern = SIZE_MAX;
    return w->t <= g->text.size;
}

static bool glob_run(const struct glob *g)
{
    struct walk w = {.g = g, .deep.pattern = SIZE_MAX, .flat.pattern = SIZE_MAX};
    while (w.t < g->text.size) {
        if (w.p < g->pattern.size && g->pattern.at[w.p] == '*')
            star_enter(&w);
        else if (w.p < g->pattern.size && step(g, &w.p, g->text.at[w.t]))
            w.t++;
        else if (!star_widen(&w))
            return false;
    }
    while (w.p < g->pattern.size && g->pattern.at[w.p] == '*') /* stars that take nothing */
        star_enter(&w);
    return w.p == g->pattern.size;
}

bool query_glob(struct btr_span pattern, struct btr_span text, bool fold)
{
    struct glob g = {.pattern = pattern, .text = text, .fold = fold};
    return glob_run(&g);
}

bool query_glob_name(struct btr_span pattern, struct btr_span name)
{
    struct glob g = {.pattern = pattern, .text = name, .fold = true, .has_sets = true};
    return glob_run(&g);
}

bool query_glob_path(struct btr_span pattern, struct btr_span path)
{
    bool windows = query_path_is_windows(path);
    struct glob g = {.pattern = pattern,
                     .text = path,
                     .fold = windows,
                     .has_sets = true,
                     .is_path = true,
                     .is_windows = windows};
    return glob_run(&g);
}
