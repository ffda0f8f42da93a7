/*
 * usage: assets_check STORE INVENTORY
 *        assets_check STORE --random SEED COUNT
 * Looks for the assets of an inventory in a store, or for COUNT globs made of its own paths, and
 * holds what is found against a plain test of every file. Prints how much each row found. Exit 1
 * when they differ. Files that were seen in containers are left out of it.
 */
#include <btr/assets.h>

#include <stdio.h>
#include <stdlib.h>

#include "plain_glob.h"
#include "test_random.h"

enum { TEXT_MAX = 16 << 20, PATH_SIZE = 4200 };

/** A row, or nothing, was told of an entity: pairs in the order in which they came. */
struct pair {
    struct btr_id entity;
    uint32_t asset;
};

struct check {
    const struct btr_assets *assets;
    struct pair *found, *plain;
    size_t found_count, plain_count, found_capacity, plain_capacity;
    struct btr_buffer *text; /* of a random inventory */
    struct test_random random;
    uint32_t wanted, made, every, seen;
};

static void add(struct pair **items, size_t *count, size_t *capacity, struct pair item)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 1024 : *capacity * 2;
        *items = realloc(*items, *capacity * sizeof **items);
        if (!*items)
            abort();
    }
    (*items)[(*count)++] = item;
}

/* A C string of a path; false when it is none, or longer than what an inventory may have. */
static bool path_of(const struct btr_entity *e, char out[PATH_SIZE])
{
    struct btr_span path = btr_entity_attr(e, BTR_ATTR_FILE_PATH, INT64_MAX);
    if (btr_entity_attr(e, BTR_ATTR_FILE_ROOT, INT64_MAX).size > 0 || path.size == 0 ||
        path.size >= PATH_SIZE || memchr(path.at, 0, path.size))
        return false;
    memcpy(out, path.at, path.size);
    out[path.size] = 0;
    return true;
}

/* ---- A random inventory ---- */

/* Whether a path can stand in an inventory, and means itself there. */
static bool is_plain(const char *path)
{
    size_t size = strlen(path);
    if (path[0] != '/' || size > 2000 || strstr(path, "/../") || strstr(path, "/./") ||
        strstr(path, "//"))
        return false;
    if (size > 3 && (strcmp(path + size - 3, "/..") == 0 || strcmp(path + size - 2, "/.") == 0))
        return false;
    for (; *path; path++)
        if (*path < 0x20 || *path == 0x7f || *path == '[' || *path == '\'')
            return false;
    return true;
}

/* Stars take the place of a part of the path or of its rest, or a question mark that of a byte. */
static void blur(struct check *c, char *path)
{
    size_t size = strlen(path), at = test_random_below(&c->random, size);
    size_t end = at + 1 + test_random_below(&c->random, size - at);
    size_t stars = 1 + test_random_below(&c->random, 2);
    switch (test_random_below(&c->random, 4)) {
    case 0:
        path[at] = path[at] == '/' ? '/' : '?';
        break;
    case 1:
        end = size;
        /* fall through */
    case 2:
        memmove(path + at + stars, path + end, size + 1 - end);
        memset(path + at, '*', stars);
        break;
    default: /* as it is */
        break;
    }
}

static int path_blur(void *self, const struct btr_entity *e)
{
    struct check *c = self;
    char path[PATH_SIZE];
    if (c->made == c->wanted || c->seen++ % c->every != 0 || !path_of(e, path) || !is_plain(path))
        return 0;
    for (uint64_t n = test_random_below(&c->random, 3); n > 0; n--)
        blur(c, path);
    const char *start = test_random_below(&c->random, 16) ? "" : "**";
    if (path[0] != '/' && *start == 0 && path[0] != '*')
        return 0;
    if (path[0] == '*' && path[1] != '*' && *start == 0)
        return 0;
    btr_buffer_format(c->text, "- {name: n%u, host: '%s', path: '%s%s'}\n", c->made++,
                      test_random_below(&c->random, 2) ? "*" : "?*01", start, path);
    return 0;
}

static int inventory_make(struct check *c, struct btr_reader *reader, struct btr_err *err)
{
    struct btr_store_stat stat;
    int rc = btr_reader_stat(reader, &stat, err);
    btr_buffer_text(c->text, "assets:\n");
    c->every = rc == 0 ? (uint32_t)(stat.entity_count / 4 / c->wanted) + 1 : 1;
    if (rc == 0)
        rc = btr_reader_entities(reader, BTR_KIND_FILE, INT64_MIN, INT64_MAX, path_blur, c, err);
    return rc;
}

static void inventory_read(struct check *c, const char *name)
{
    FILE *file = fopen(name, "rb");
    btr_buffer_reserve(c->text, TEXT_MAX);
    if (!file || c->text->failed)
        abort();
    c->text->size = fread(c->text->at, 1, TEXT_MAX, file);
    fclose(file);
}

/* ---- What is found, and what is there ---- */

static int found_add(void *self, uint32_t asset, const struct btr_entity *e, const char *doubt)
{
    struct check *c = self;
    char path[PATH_SIZE];
    if (btr_assets_at(c->assets, asset)->kind == BTR_ASSET_FILES && path_of(e, path) && !doubt)
        add(&c->found, &c->found_count, &c->found_capacity, (struct pair){e->id, asset});
    return 0;
}

static void text_of(char out[PATH_SIZE], const char *before, struct btr_span text)
{
    snprintf(out, PATH_SIZE, "%s%.*s", before, (int)text.size, (const char *)text.at);
}

static int plain_add(void *self, const struct btr_entity *e)
{
    struct check *c = self;
    char path[PATH_SIZE], host[PATH_SIZE], glob[PATH_SIZE], hosts[PATH_SIZE];
    if (!path_of(e, path))
        return 0;
    text_of(host, "", e->host);
    for (uint32_t i = 0; i < btr_assets_count(c->assets); i++) {
        const struct btr_asset *a = btr_assets_at(c->assets, i);
        if (a->kind != BTR_ASSET_FILES || a->container.size > 0)
            continue;
        text_of(hosts, "", a->host);
        text_of(glob, "", a->what);
        if (!strchr(glob, '/'))
            text_of(glob, "**/", a->what);
        if (glob[strlen(glob) - 1] == '/')
            strncat(glob, "**", sizeof glob - strlen(glob) - 1);
        if (plain_glob_path(hosts, hosts, host) && plain_glob_path(glob, glob, path))
            add(&c->plain, &c->plain_count, &c->plain_capacity, (struct pair){e->id, i});
    }
    return 0;
}

static int compare(const struct check *c)
{
    for (size_t i = 0; i < c->found_count && i < c->plain_count; i++) {
        const struct pair *f = &c->found[i], *p = &c->plain[i];
        char text[BTR_ID_TEXT_SIZE];
        if (btr_id_equal(f->entity, p->entity) && f->asset == p->asset)
            continue;
        int order = btr_id_compare(f->entity, p->entity);
        bool more = order < 0 || (order == 0 && f->asset < p->asset);
        struct btr_span glob = btr_assets_at(c->assets, more ? f->asset : p->asset)->what;
        btr_id_text(more ? f->entity : p->entity, text);
        (void)fprintf(stderr, "assets_check: %s is %s by %.*s\n", text,
                      more ? "found, and not there," : "there, and not found,", (int)glob.size,
                      (const char *)glob.at);
        return 1;
    }
    if (c->found_count != c->plain_count)
        (void)fprintf(stderr, "assets_check: %zu were found, %zu are there\n", c->found_count,
                      c->plain_count);
    return c->found_count != c->plain_count;
}

static int run(struct check *c, struct btr_reader *reader, struct btr_err *err)
{
    struct btr_assets *assets = NULL;
    int rc = btr_assets_read(&assets, btr_buffer_view(c->text), "inventory", err);
    c->assets = assets;
    if (rc == 0)
        rc = btr_assets_learn(assets, reader, err);
    if (rc == 0)
        rc = btr_assets_find(assets, reader, found_add, c, err);
    if (rc == 0)
        rc = btr_reader_entities(reader, BTR_KIND_FILE, INT64_MIN, INT64_MAX, plain_add, c, err);
    if (rc == 0)
        printf("%u assets, %zu files\n", btr_assets_count(assets), c->found_count);
    for (uint32_t i = 0; rc == 0 && c->wanted == 0 && i < btr_assets_count(assets); i++) {
        uint32_t count = 0;
        for (size_t n = 0; n < c->found_count; n++)
            count += c->found[n].asset == i;
        struct btr_span name = btr_assets_at(assets, i)->name;
        printf("%u\t%.*s\n", count, (int)name.size, (const char *)name.at);
    }
    if (rc == 0)
        rc = compare(c);
    btr_assets_free(assets);
    return rc;
}

int main(int argc, char **argv)
{
    struct btr_err err = {0};
    struct btr_reader *reader = NULL;
    struct btr_buffer text = {0};
    struct check c = {.text = &text};
    if (argc != 3 && argc != 5)
        return 2;
    int rc = btr_reader_open(&reader, (const char *const *)argv + 1, 1, &err);
    if (rc == 0 && argc == 5) {
        c.random.state = strtoull(argv[3], NULL, 10);
        c.wanted = (uint32_t)strtoul(argv[4], NULL, 10);
        rc = inventory_make(&c, reader, &err);
    } else if (rc == 0) {
        inventory_read(&c, argv[2]);
    }
    if (rc == 0)
        rc = run(&c, reader, &err);
    if (rc < 0)
        (void)fprintf(stderr, "assets_check: %s\n", err.text);
    free(c.found);
    free(c.plain);
    btr_buffer_fini(&text);
    btr_reader_close(reader);
    return rc != 0;
}
