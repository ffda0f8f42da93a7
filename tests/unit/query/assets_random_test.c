/* Rows of random inventories, held against what docs/LOSS.md says of a file and its names: a name
 * inside a container is any path of a small universe that leads to the file. */
#include "loss/assets.h"

#include "plain_glob.h"
#include "query_tests.h"
#include "test.h"
#include "test_random.h"

enum {
    DEPTH = 6,
    UNIVERSE = 127,
    ROWS = 6,
    CONTAINERS = 3,
    MOUNTS = 2,
    ROUNDS = 120,
    GLOB_SIZE = 40
};

struct plain_container {
    char host[8], name[8], root[16];
    char outer[MOUNTS][16], inner[MOUNTS][16];
    uint32_t mounts;
};

struct plain_row {
    char host[8], container[8], path[GLOB_SIZE];
};

struct plain {
    struct test_random random;
    struct plain_row rows[ROWS];
    struct plain_container containers[CONTAINERS];
    uint32_t
        seen[CONTAINERS]; /* the root by which a container is known on h1: 1, 2; 0: it is not */
    char paths[UNIVERSE][DEPTH * 2 + 1];
};

/** What is said of a row: nothing, that a file may be of it, or that it is. */
enum said { SAID_NOTHING, SAID_DOUBT, SAID_SURE, SAID_MAY_NOT /* of a path, by the quick look */ };

static uint64_t below(struct plain *p, uint64_t bound)
{
    return test_random_below(&p->random, bound);
}

static void universe_make(struct plain *p)
{
    uint32_t count = 0;
    for (uint32_t depth = 1; depth <= DEPTH; depth++)
        for (uint32_t bits = 0; bits < UINT32_C(1) << depth; bits++) {
            char *at = p->paths[count++];
            for (uint32_t i = 0; i < depth; i++) {
                *at++ = '/';
                *at++ = bits >> i & 1 ? 'b' : 'a';
            }
            *at = 0;
        }
    p->paths[count][0] = '/'; /* the root of a container */
    p->paths[count++][1] = 0;
    assert_int_equal(count, UNIVERSE);
}

static void path_make(struct plain *p, char *out, uint64_t depth_max)
{
    uint64_t depth = 1 + below(p, depth_max);
    for (uint64_t i = 0; i < depth; i++) {
        *out++ = '/';
        *out++ = below(p, 2) ? 'b' : 'a';
    }
    *out = 0;
}

static void glob_make(struct plain *p, char *out)
{
    static const char PARTS[][4] = {"a", "b", "*", "**", "?", "a", "b"};
    uint64_t depth = 1 + below(p, 4);
    size_t at = below(p, 5) == 0 ? 2 : 0;
    memset(out, '*', at);
    for (uint64_t i = 0; i < depth; i++)
        at += (size_t)snprintf(out + at, GLOB_SIZE - at, "/%s", PARTS[below(p, 7)]);
}

static void plain_make(struct plain *p)
{
    static const char HOSTS[][4] = {"h1", "h2", "*", "h*"};
    for (uint32_t i = 0; i < CONTAINERS; i++) {
        struct plain_container *c = &p->containers[i];
        *c = (struct plain_container){.mounts = (uint32_t)below(p, MOUNTS + 1)};
        snprintf(c->host, sizeof c->host, "%s", HOSTS[below(p, 4)]);
        snprintf(c->name, sizeof c->name, "c%u", i);
        if (below(p, 4))
            path_make(p, c->root, 2);
        for (uint32_t m = 0; m < c->mounts; m++) {
            path_make(p, c->outer[m], 2);
            path_make(p, c->inner[m], 2);
        }
        p->seen[i] = c->host[1] == '2' ? 0 : (uint32_t)below(p, 3);
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        struct plain_row *r = &p->rows[i];
        static const char NAMES[][4] = {"", "", "c0", "c1", "c*", "r3"};
        snprintf(r->host, sizeof r->host, "%s", HOSTS[below(p, 4)]);
        snprintf(r->container, sizeof r->container, "%s", NAMES[below(p, 6)]);
        glob_make(p, r->path);
    }
}

/* ---- What is to be said ---- */

static bool fits(const char *glob, const char *text)
{
    return plain_glob_path(glob, glob, text);
}

/* @return what follows a folder in a path that lies in it, or is it; NULL */
static const char *after(const char *folder, const char *path)
{
    size_t size = strlen(folder);
    if (strncmp(folder, path, size) != 0 || (path[size] != 0 && path[size] != '/'))
        return NULL;
    return path + size;
}

/* Where a path inside leads: the deepest mount that holds it, of equal ones the last; or the root.
 */
static bool leads_to(const struct plain_container *c, const char *inner, char out[64])
{
    const char *folder = NULL, *rest = NULL;
    size_t deepest = 0;
    for (uint32_t m = 0; m < c->mounts; m++)
        if (after(c->inner[m], inner) && strlen(c->inner[m]) >= deepest) {
            deepest = strlen(c->inner[m]);
            folder = c->outer[m];
            rest = after(c->inner[m], inner);
        }
    if (!folder && c->root[0]) {
        folder = c->root;
        rest = inner[1] ? inner : "";
    }
    if (folder)
        snprintf(out, 64, "%s%s", folder, rest);
    return folder != NULL;
}

static void say(enum said *said, enum said word)
{
    *said = *said < word ? word : *said;
}

/* What is said when the host's name of a file is this. */
static void say_outer(const struct plain *p, const struct plain_row *r, const char *host,
                      const char *outer, enum said word, enum said *said)
{
    if (!r->container[0]) {
        if (fits(r->path, outer))
            say(said, word);
        return;
    }
    for (uint32_t i = 0; i < CONTAINERS; i++) {
        const struct plain_container *c = &p->containers[i];
        for (uint32_t u = 0; u < UNIVERSE; u++) {
            char led[64];
            if (fits(c->host, host) && fits(r->container, c->name) &&
                leads_to(c, p->paths[u], led) && strcmp(led, outer) == 0 &&
                fits(r->path, p->paths[u]))
                say(said, word);
        }
    }
}

/* What is said when a file was seen inside a container by this path. */
static void say_inside(const struct plain *p, const struct plain_row *r, const char *host,
                       uint32_t container, const char *path, enum said word, enum said *said)
{
    const struct plain_container *c = &p->containers[container];
    char outer[64];
    if (!fits(c->host, host))
        return;
    if (r->container[0] && fits(r->container, c->name) && fits(r->path, path))
        say(said, word);
    if (leads_to(c, path, outer))
        say_outer(p, r, host, outer, word, said);
}

static bool is_seen(const struct plain *p, uint32_t container, const char *host)
{
    return strcmp(host, "h1") == 0 && p->seen[container] > 0;
}

/* @param root  0: seen by the host; 1, 2: may be known; 3: never */
static enum said wanted(const struct plain *p, const struct plain_row *r, const char *host,
                        uint32_t root, const char *path)
{
    enum said said = SAID_NOTHING;
    uint32_t known = 0;
    if (!fits(r->host, host))
        return said;
    for (uint32_t i = 0; i < CONTAINERS; i++)
        known += root > 0 && is_seen(p, i, host) && p->seen[i] == root;
    for (uint32_t i = 0; i < CONTAINERS && known > 0; i++)
        if (p->seen[i] == root)
            say_inside(p, r, host, i, path, known > 1 ? SAID_DOUBT : SAID_SURE, &said);
    if (known > 0)
        return said;
    for (uint32_t i = 0; i < CONTAINERS; i++)
        if (!is_seen(p, i, host))
            say_inside(p, r, host, i, path, SAID_DOUBT, &said);
    if (root == 0)
        say_outer(p, r, host, path, SAID_SURE, &said);
    else if (!r->container[0] && fits(r->path, path))
        say(&said, SAID_DOUBT);
    else if (root == 3 && fits(r->container, "r3") && fits(r->path, path))
        say(&said, SAID_SURE);
    return said;
}

/* ---- What is said ---- */

static struct btr_assets *inventory_of(const struct plain *p)
{
    struct btr_buffer text = {0};
    struct btr_assets *assets = NULL;
    struct btr_err err = {0};
    btr_buffer_text(&text, "assets:\n");
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct plain_row *r = &p->rows[i];
        btr_buffer_format(&text, "- {name: n%u, host: '%s', path: '%s'", i, r->host, r->path);
        btr_buffer_format(&text, r->container[0] ? ", container: '%s'}\n" : "}\n", r->container);
    }
    btr_buffer_text(&text, "containers:\n");
    for (uint32_t i = 0; i < CONTAINERS; i++) {
        const struct plain_container *c = &p->containers[i];
        btr_buffer_format(&text, "- {host: '%s', name: %s, mounts: [", c->host, c->name);
        for (uint32_t m = 0; m < c->mounts; m++)
            btr_buffer_format(&text, "'%s:%s',", c->outer[m], c->inner[m]);
        btr_buffer_format(&text, c->root[0] ? "], root: '%s'}\n" : "]}\n", c->root);
    }
    if (btr_assets_read(&assets, btr_buffer_view(&text), "a.yaml", &err) != 0)
        fail_msg("%s in\n%.*s", err.text, (int)text.size, (const char *)text.at);
    btr_buffer_fini(&text);
    return assets;
}

/* As btr_assets_learn leaves it. */
static void roots_set(struct btr_assets *assets, const struct plain *p)
{
    static const char *const ROOTS[] = {"", "r1", "r2"};
    assets->roots = calloc(CONTAINERS, sizeof *assets->roots);
    assert_non_null(assets->roots);
    assets->root_capacity = CONTAINERS;
    for (uint32_t i = 0; i < CONTAINERS; i++) {
        if (p->seen[i] == 0)
            continue;
        struct asset_root *r = &assets->roots[assets->root_count++];
        *r = (struct asset_root){BTR_SPAN("h1"), btr_span_of(ROOTS[p->seen[i]]), i, false};
        for (uint32_t n = 0; n < CONTAINERS; n++)
            r->is_shared = r->is_shared || (n != i && p->seen[n] == p->seen[i]);
    }
}

static int said_note(void *self, uint32_t asset, const struct btr_entity *entity, const char *doubt)
{
    enum said *said = self;
    (void)entity;
    said[asset] = doubt ? SAID_DOUBT : SAID_SURE;
    return 0;
}

static void check_file(struct btr_assets *assets, const struct plain *p, const char *host,
                       uint32_t root, const char *path, uint32_t *tally)
{
    static const char *const ROOTS[] = {"", "r1", "r2", "r3"};
    struct btr_attr attrs[] = {{BTR_ATTR_FILE_PATH, 0, btr_span_of(path)},
                               {BTR_ATTR_FILE_ROOT, 0, btr_span_of(ROOTS[root])}};
    struct btr_entity e = {.kind = BTR_KIND_FILE,
                           .host = btr_span_of(host),
                           .attrs = attrs,
                           .attr_count = root ? 2 : 1};
    enum said said[ROWS] = {SAID_NOTHING};
    struct btr_err err;
    assert_int_equal(btr_assets_of(assets, &e, said_note, said, &err), 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        enum said want = wanted(p, &p->rows[i], host, root, path);
        tally[want]++;
        if (said[i] != want)
            fail_msg("%s %s %s and row %u (%s %s %s): %d, not %d", host, ROOTS[root], path, i,
                     p->rows[i].host, p->rows[i].container, p->rows[i].path, said[i], want);
    }
    int may = query_assets_may_be(assets, btr_span_of(path));
    for (uint32_t i = 0; i < ROWS; i++) /* true where hosts and views are not known */
        assert_true(said[i] == SAID_NOTHING || may == 1);
    tally[SAID_MAY_NOT] += may == 0;
}

static void files_are_of_the_rows_that_name_them_in_any_view(void **state)
{
    (void)state;
    struct plain p = {.random = {20261130}};
    uint32_t tally[SAID_MAY_NOT + 1] = {0};
    universe_make(&p);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        plain_make(&p);
        struct btr_assets *assets = inventory_of(&p);
        roots_set(assets, &p);
        for (uint32_t u = 0; u < 14; u++) /* of three parts: other views add three at most */
            for (uint32_t root = 0; root < 4; root++) {
                check_file(assets, &p, "h1", root, p.paths[u], tally);
                check_file(assets, &p, "h2", root, p.paths[u], tally);
            }
        btr_assets_free(assets);
    }
    assert_true(tally[SAID_SURE] > 1000 && tally[SAID_DOUBT] > 1000);
    assert_true(tally[SAID_MAY_NOT] > 100);
}

int assets_random_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_of_the_rows_that_name_them_in_any_view),
    };
    return cmocka_run_group_tests_name("assets at random", tests, NULL, NULL);
}
