/* The inventory of assets: what is read, what is refused and where, and what its rows mean. */
#include <btr/assets.h>
#include <btr/identity.h>

#include "query_tests.h"
#include "temp_files.h"
#include "test.h"
#include "world.h"

static const char *const CONTAINERS =
    "assets:\n"
    "  - {host: app01, path: \"/srv/data/app.env\", name: secrets, classification: secret}\n"
    "  - {host: app01, path: \"/srv/data/results/**\", name: results, owner: app team}\n"
    "  - {host: \"*\", path: /etc/shadow, name: password hashes}\n"
    "  - {host: app01, path: \"/srv/containers/api/rootfs/www/**\", name: pages}\n"
    "  - {host: app01, container: worker, path: \"/data/queue/*\", name: queue}\n"
    "  - {host: app01, container: w*, name: the worker}\n"
    "containers:\n"
    "  - {host: app01, name: api, root: /srv/containers/api/rootfs, mounts: "
    "[\"/opt/hooks:/hooks\", "
    "\"/srv/data:/data:ro\"]}\n"
    "  - {host: app01, name: worker, root: /srv/containers/worker/rootfs/, mounts: "
    "[\"/srv/data:/data\"]}\n";

static struct btr_assets *made(const char *text)
{
    struct btr_assets *assets = NULL;
    struct btr_err err = {0};
    if (btr_assets_read(&assets, btr_span_of(text), "a.yaml", &err) != 0)
        fail_msg("%s", err.text);
    return assets;
}

static void assert_text(struct btr_span span, const char *text)
{
    if (!btr_span_equal(span, btr_span_of(text)))
        fail_msg("\"%.*s\" is not \"%s\"", (int)span.size, (const char *)span.at, text);
}

/* ---- Reading ---- */

static void the_shipped_inventory_is_read(void **state)
{
    (void)state;
    FILE *file = fopen(BTR_SOURCE_DIR "/datasets/web_cmdi/assets.yaml", "rb");
    static char text[65536];
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    struct btr_assets *assets = made(text);
    assert_int_equal(btr_assets_count(assets), 8);
    const struct btr_asset *a = btr_assets_at(assets, 1);
    assert_int_equal(a->kind, BTR_ASSET_FILES);
    assert_text(a->name, "database dumps");
    assert_text(a->classification, "confidential");
    assert_text(a->owner, "data team");
    assert_text(a->host, "db01");
    assert_text(a->what, "/srv/data/pg/*.sql.gz");
    assert_int_equal(a->line, 4);
    assert_int_equal(a->column, 5);
    assert_false(a->is_exit);
    btr_assets_free(assets);
}

static void each_kind_of_row_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        enum btr_asset_kind kind;
        const char *what;
        bool is_exit;
    } ROWS[] = {
        {"{name: a, path: /a}", BTR_ASSET_FILES, "/a", false},
        {"{name: a, path: '/media/**', classification: exit}", BTR_ASSET_FILES, "/media/**", true},
        {"{name: a, host: db01}", BTR_ASSET_HOST, "", false},
        {"{name: a, account: root, host: db*}", BTR_ASSET_ACCOUNT, "root", false},
        {"{name: a, container: api}", BTR_ASSET_CONTAINER, "", false},
        {"{name: a, container: api, path: /a}", BTR_ASSET_FILES, "/a", false},
        {"{name: a, service: tcp/5432, host: db01}", BTR_ASSET_SERVICE, "tcp/5432", false},
        {"{name: a, share: '*public*', classification: EXIT}", BTR_ASSET_SHARE, "*public*", true},
        {"{name: a, address: 192.0.2.0/24, classification: exit}", BTR_ASSET_ADDRESS,
         "192.0.2.0/24", true},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char text[200];
        snprintf(text, sizeof text, "assets: [%s]", ROWS[i].row);
        struct btr_assets *assets = made(text);
        const struct btr_asset *a = btr_assets_at(assets, 0);
        assert_int_equal(a->kind, ROWS[i].kind);
        assert_text(a->what, ROWS[i].what);
        assert_int_equal(a->is_exit, ROWS[i].is_exit);
        assert_non_null(btr_asset_kind_word(a->kind));
        btr_assets_free(assets);
    }
}

static const struct {
    const char *text, *message;
} WRONG[] = {
    {"", "a.yaml:1:1: no mapping with 'assets'"},
    {"- a", "a.yaml:1:1: no mapping with 'assets'"},
    {"containers: []", "a.yaml:1:1: no assets: the list 'assets' is empty, or not there"},
    {"assets: []", "a.yaml:1:1: no assets: the list 'assets' is empty, or not there"},
    {"assets: {}", "a.yaml:1:9: 'assets' must be a list"},
    {"assets:\n", "a.yaml:1:8: 'assets' must be a list"},
    {"assets: [a]", "a.yaml:1:10: an item of 'assets' must be a mapping"},
    {"asets: []", "a.yaml:1:1: no such key 'asets'; known are assets, containers"},
    {"assets:\n- {name: a, pth: /a}",
     "a.yaml:2:13: no such key 'pth'; known are host, path, name, classification, owner, "
     "account, container, service, share, address"},
    {"assets:\n- {name: \xc3\xa9\xc3\xa9, pth: /a}", "a.yaml:2:14: no such key 'pth'"},
    {"assets:\n- {name: a, [x]: /a}", "a.yaml:2:13: a key is no text"},
    {"assets:\n- {name: a, name: b}", "a.yaml:2:13: 'name' stands twice"},
    {"assets:\n- {path: /a}", "a.yaml:2:3: an asset without a 'name'"},
    {"assets:\n- {name: a}", "a.yaml:2:3: an asset that names neither a host nor anything"},
    {"assets:\n- {name: [a], path: /a}", "a.yaml:2:10: 'name' must be text, not a list"},
    {"assets:\n- {name: {a: b}, path: /a}", "a.yaml:2:10: 'name' must be text, not a mapping"},
    {"assets:\n- {name: ~, path: /a}", "a.yaml:2:10: 'name' is empty"},
    {"assets:\n- {name: \"\", path: /a}", "a.yaml:2:10: 'name' is empty"},
    {"assets:\n- name:\n  path: /a", "a.yaml:2:8: 'name' is empty"},
    {"assets:\n- {name: \"a\\tb\", path: /a}", "a.yaml:2:10: 'name' has a control character"},
    {"assets:\n- {name: \"a\\0b\", path: /a}", "a.yaml:2:10: 'name' has a control character"},
    {"assets:\n- {name: a, path: /a}\n- {name: a, path: /b}",
     "a.yaml:3:10: the asset in line 2 has this name, too"},
    {"assets:\n- {name: a, path: /a, account: b}",
     "a.yaml:2:32: a row names one of path, account, service, share and address"},
    {"assets:\n- {name: a, container: c, account: b}",
     "a.yaml:2:24: 'container' stands alone or with 'path'"},
    {"assets:\n- {name: a, path: srv/a}", "a.yaml:2:19: 'path' must begin with /"},
    {"assets:\n- {name: a, path: /srv/../a}", "a.yaml:2:19: 'path' has a part . or .."},
    {"assets:\n- {name: a, path: '/[a/b]c'}",
     "a.yaml:2:19: 'path' has a set [..] with a separator"},
    {"assets:\n- {name: a, service: ssh}", "a.yaml:2:22: 'service' must be tcp/PORT or udp/PORT"},
    {"assets:\n- {name: a, service: tcp/0}", "a.yaml:2:22: 'service' must be"},
    {"assets:\n- {name: a, service: tcp/65536}", "a.yaml:2:22: 'service' must be"},
    {"assets:\n- {name: a, address: 10.0.0.0/8}",
     "a.yaml:2:22: an address is an asset as a way out only: 'classification: exit'"},
    {"assets:\n- {name: a, address: 10.0.0.0/33, classification: exit}",
     "a.yaml:2:22: 'address' must be an address or a range"},
    {"assets:\n- {name: a, address: 10.0.0.1, classification: exit, host: b}",
     "a.yaml:2:22: 'address' stands without a 'host'"},
    {"assets:\n- &x {name: a, path: /a}\n- *x", "a.yaml:2:3: an anchor (&)"},
    {"assets:\n- {name: a, path: /a}\n- *x", "a.yaml:3:3: an alias (*)"},
    {"assets:\n- {name: a, path: **}", "a.yaml:2:20: a text that begins with * must be in quotes"},
    {"assets:\n- {name: a, path: !!str /a}", "a.yaml:2:19: a tag (!)"},
    {"assets:\n- {name: a, path: /a}\n---\nassets: []", "a.yaml:3:1: a second document"},
    {"assets:\n- {name: a, path: /a\n", "a.yaml:3:1: did not find expected ',' or '}'"},
    {"assets:\n- {name: \"a\xff\", path: /a}", "a.yaml:2:12: invalid leading UTF-8 octet"},
    {"\xff\xfe"
     "a",
     "a.yaml:1:1: invalid leading UTF-8 octet"},
    {"assets:\n\t- {name: a}", "a.yaml:2:1: found character that cannot start any token"},
    {"assets: [{name: a, path: /a}]\ncontainers: [{name: c, root: /r}]",
     "a.yaml:2:14: a container without a 'host'"},
    {"assets: [{name: a, path: /a}]\ncontainers: [{host: c, root: /r}]",
     "a.yaml:2:14: a container without a 'name'"},
    {"assets: [{name: a, path: /a}]\ncontainers: [{host: h, name: c, root: r}]",
     "a.yaml:2:39: 'root' must be a folder of the host"},
    {"assets: [{name: a, path: /a}]\ncontainers: [{host: h, name: c, root: /}]",
     "a.yaml:2:39: 'root' is that of the host itself"},
    {"assets: [{name: a, path: /a}]\ncontainers: [{host: h, name: c, mounts: /a}]",
     "a.yaml:2:41: 'mounts' must be a list"},
    {"assets: [{name: a, path: /a}]\ncontainers: [{host: h, name: c, mounts: [/a]}]",
     "a.yaml:2:42: 'mounts': must be /folder/of/host:/folder/inside"},
    {"assets: [{name: a, path: /a}]\ncontainers: [{host: h, name: c, mounts: [\"a:/b\"]}]",
     "a.yaml:2:42: 'mounts': must be"},
    {"assets: [{name: a, path: /a}]\ncontainers: [{host: h, name: c, mounts: [[]]}]",
     "a.yaml:2:42: 'mounts' must be text, not a list"},
    {"assets: [{name: a, path: /a}]\ncontainers: [{host: h, name: c}, {host: h, name: c}]",
     "a.yaml:2:50: a container of this name and host stands there before"},
};

static void what_is_wrong_is_named_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct btr_assets *assets = (struct btr_assets *)&assets;
        struct btr_err err = {0};
        int rc = btr_assets_read(&assets, btr_span_of(WRONG[i].text), "a.yaml", &err);
        if (rc != BTR_E_FORMAT || !strstr(err.text, WRONG[i].message))
            fail_msg("%s\ngave %d: %s\nnot: %s", WRONG[i].text, rc, err.text, WRONG[i].message);
        assert_null(assets);
        assert_true(err.offset <= strlen(WRONG[i].text));
    }
}

static void the_offset_is_in_bytes(void **state)
{
    (void)state;
    const char *text = "assets:\n- {name: \xc3\xa9\xc3\xa9, pth: /a}";
    struct btr_assets *assets;
    struct btr_err err = {0};
    assert_int_equal(btr_assets_read(&assets, btr_span_of(text), "a.yaml", &err), BTR_E_FORMAT);
    assert_string_equal(text + err.offset, "pth: /a}");
}

static void too_much_is_refused(void **state)
{
    (void)state;
    struct btr_buffer text = {0};
    struct btr_assets *assets;
    struct btr_err err = {0};
    btr_buffer_text(&text, "assets:\n");
    for (uint32_t i = 0; i <= BTR_ASSETS_MAX; i++) {
        if (i == BTR_ASSETS_MAX) {
            assert_int_equal(btr_assets_read(&assets, btr_buffer_view(&text), "a.yaml", &err), 0);
            assert_int_equal(btr_assets_count(assets), BTR_ASSETS_MAX);
            btr_assets_free(assets);
        }
        btr_buffer_format(&text, "- {name: n%u, path: /a}\n", i);
    }
    assert_int_equal(btr_assets_read(&assets, btr_buffer_view(&text), "a.yaml", &err), BTR_E_LIMIT);
    assert_string_equal(err.text, "a.yaml:100002:3: more than 100000 assets");
    btr_buffer_clear(&text);
    btr_buffer_reserve(&text, BTR_ASSETS_TEXT_MAX + 1);
    memset(text.at, '#', BTR_ASSETS_TEXT_MAX + 1);
    struct btr_span long_text = {text.at, BTR_ASSETS_TEXT_MAX + 1};
    assert_int_equal(btr_assets_read(&assets, long_text, "a.yaml", &err), BTR_E_LIMIT);
    long_text.size--; /* a comment, and nothing else */
    assert_int_equal(btr_assets_read(&assets, long_text, "a.yaml", &err), BTR_E_FORMAT);
    btr_buffer_clear(&text);
    btr_buffer_text(&text, "assets: [{path: /a, name: ");
    for (int i = 0; i < 513; i++)
        btr_buffer_text(&text, "x");
    btr_buffer_text(&text, "}]");
    assert_int_equal(btr_assets_read(&assets, btr_buffer_view(&text), "a.yaml", &err),
                     BTR_E_FORMAT);
    assert_string_equal(err.text, "a.yaml:1:27: 'name' has 513 bytes; at most 512");
    btr_buffer_clear(&text);
    for (int i = 0; i < 1000000; i++)
        btr_buffer_text(&text, "[");
    assert_int_equal(btr_assets_read(&assets, btr_buffer_view(&text), "a.yaml", &err),
                     BTR_E_FORMAT);
    btr_buffer_fini(&text);
}

/* ---- What rows mean ---- */

/** What a visit told, as text. */
struct told {
    const struct btr_assets *assets;
    struct btr_buffer text;
};

static int tell(void *self, uint32_t asset, const struct btr_entity *entity, const char *doubt)
{
    struct told *t = self;
    struct btr_span path = btr_entity_attr(entity, BTR_ATTR_FILE_PATH, INT64_MAX);
    btr_buffer_span(&t->text, btr_assets_at(t->assets, asset)->name);
    if (path.size) {
        btr_buffer_text(&t->text, " ");
        btr_buffer_span(&t->text, path);
    }
    btr_buffer_text(&t->text, doubt ? "?\n" : "\n");
    return 0;
}

/* What belongs to an entity, each name behind the other. */
static void assert_of(struct btr_assets *assets, const struct btr_entity *e, const char *wanted)
{
    struct told t = {.assets = assets};
    struct btr_err err = {0};
    assert_int_equal(btr_assets_of(assets, e, tell, &t, &err), 0);
    btr_buffer_u8(&t.text, 0);
    if (strcmp((const char *)t.text.at, wanted) != 0)
        fail_msg("told:\n%snot:\n%s", (const char *)t.text.at, wanted);
    btr_buffer_fini(&t.text);
}

static void assert_file(struct btr_assets *assets, const char *host, const char *root,
                        const char *path, const char *wanted)
{
    struct btr_attr attrs[] = {{BTR_ATTR_FILE_PATH, 0, btr_span_of(path)},
                               {BTR_ATTR_FILE_ROOT, 0, btr_span_of(root)}};
    struct btr_entity e = {.kind = BTR_KIND_FILE,
                           .host = btr_span_of(host),
                           .attrs = attrs,
                           .attr_count = *root ? 2 : 1};
    assert_of(assets, &e, wanted);
}

static void paths_are_held_against_globs(void **state)
{
    (void)state;
    struct btr_assets *assets = made("assets:\n"
                                     "- {name: all, path: '/srv/**'}\n"
                                     "- {name: one, path: /srv/a, host: 'DB[01]*'}\n"
                                     "- {name: dumps, path: '/srv/*/*.gz'}\n"
                                     "- {name: keys, path: 'id_*'}\n"
                                     "- {name: rsa, path: '**/id_rsa'}\n"
                                     "- {name: folder, path: /home/bob/}\n"
                                     "- {name: mail, path: 'C:\\Users\\*\\Mail\\**'}\n");
    assert_file(assets, "web01", "", "/srv/a", "all /srv/a\n");
    assert_file(assets, "db01", "", "/srv/a", "all /srv/a\none /srv/a\n");
    assert_file(assets, "db21", "", "/srv/a", "all /srv/a\n");
    assert_file(assets, "db01", "", "/srv/pg/x.gz", "all /srv/pg/x.gz\ndumps /srv/pg/x.gz\n");
    assert_file(assets, "db01", "", "/srv/pg/y/x.gz", "all /srv/pg/y/x.gz\n");
    assert_file(assets, "db01", "", "/srv", "");
    assert_file(assets, "db01", "", "/srvx/a", "");
    assert_file(assets, "db01", "", "/home/a/id_rsa", "keys /home/a/id_rsa\nrsa /home/a/id_rsa\n");
    assert_file(assets, "db01", "", "/home/bob/.x/y", "folder /home/bob/.x/y\n");
    assert_file(assets, "db01", "", "c:\\users\\Ann\\mail\\in\\1",
                "mail c:\\users\\Ann\\mail\\in\\1\n");
    assert_file(assets, "db01", "", "C:/Users/Ann/Mail/1", "mail C:/Users/Ann/Mail/1\n");
    assert_file(assets, "db01", "", "C:\\Users\\a\\b\\Mail\\1", "");
    btr_assets_free(assets);
}

/* A runtime on app01 that makes the root of api, as its records tell it. */
static void container_world(struct world *w)
{
    world_open(w);
    world_note(w, 1, BTR_KIND_FILE, 0, "app01", BTR_ATTR_FILE_PATH, "/srv/containers/api/rootfs",
               0);
    world_note(w, 2, BTR_KIND_PROCESS, 0, "app01", BTR_ATTR_PROCESS_PID, "20", BTR_ATTR_FILE_ROOT,
               "fe:1", 0);
    world_note(w, 3, BTR_KIND_FILE, 0, "app01", BTR_ATTR_FILE_PATH, "/data/app.env",
               BTR_ATTR_FILE_ROOT, "fe:1", 0);
    world_note(w, 4, BTR_KIND_FILE, 0, "app01", BTR_ATTR_FILE_PATH, "/srv/data/results/1", 0);
    world_note(w, 5, BTR_KIND_FILE, 0, "app01", BTR_ATTR_FILE_PATH, "/srv/data/queue/1", 0);
    world_note(w, 6, BTR_KIND_FILE, 0, "db01", BTR_ATTR_FILE_PATH, "/srv/data/results/1", 0);
    world_note(w, 7, BTR_KIND_FILE, 0, "app01", BTR_ATTR_FILE_PATH, "/data/results/2",
               BTR_ATTR_FILE_ROOT, "fe:2", 0);
    world_note(w, 8, BTR_KIND_FILE, 0, "app01", BTR_ATTR_FILE_PATH, "/data/results/3", 0);
    world_event(w, 2, BTR_OP_MOUNT, 1, 10, 10);
    for (uint64_t file = 3; file <= 8; file++)
        world_event(w, 2, BTR_OP_READ, file, 10 + (int64_t)file, 10 + (int64_t)file);
    world_publish(w, "app01.log");
}

static void containers_have_names_of_their_own(void **state)
{
    (void)state;
    struct btr_assets *assets = made(CONTAINERS);
    struct world w;
    struct btr_err err = {0};
    container_world(&w);
    assert_int_equal(btr_assets_learn(assets, w.reader, &err), 0);
    /* the host's own view; of the worker no start was seen, so a path may be one inside it */
    assert_file(assets, "app01", "", "/srv/data/app.env", "secrets /srv/data/app.env\n");
    assert_file(assets, "app01", "", "/data/app.env", "secrets /data/app.env?\n");
    assert_file(assets, "app01", "", "/srv/data/queue/1", "queue /srv/data/queue/1\n");
    assert_file(assets, "app01", "", "/srv/containers/api/rootfs/www/x",
                "pages /srv/containers/api/rootfs/www/x\n");
    /* inside api, whose root is known */
    assert_file(assets, "app01", "fe:1", "/data/app.env", "secrets /data/app.env\n");
    assert_file(assets, "app01", "fe:1", "/data/queue/1", "queue /data/queue/1\n");
    assert_file(assets, "app01", "fe:1", "/www/x", "pages /www/x\n");
    assert_file(assets, "app01", "fe:1", "/etc/shadow", "");
    assert_file(assets, "app01", "fe:1", "/hooks/x", "");
    /* inside something else: it may be the worker, or what is not listed */
    assert_file(assets, "app01", "fe:2", "/data/results/1",
                "results /data/results/1?\nthe worker /data/results/1?\n");
    assert_file(assets, "app01", "fe:2", "/etc/shadow",
                "password hashes /etc/shadow?\nthe worker /etc/shadow?\n");
    assert_file(assets, "app01", "fe:2", "/www/x", "the worker /www/x?\n");
    assert_file(assets, "db01", "fe:1", "/data/app.env", "");
    btr_assets_free(assets);
    world_close(&w);
}

static void files_are_found_in_every_view(void **state)
{
    (void)state;
    struct btr_assets *assets = made(CONTAINERS);
    struct world w;
    struct btr_err err = {0};
    struct told t = {.assets = assets};
    static const char *const WANTED[] = {"secrets /data/app.env\n", "results /srv/data/results/1\n",
                                         "queue /srv/data/queue/1\n", "results /data/results/2?\n",
                                         "results /data/results/3?\n"};
    container_world(&w);
    assert_int_equal(btr_assets_learn(assets, w.reader, &err), 0);
    assert_int_equal(btr_assets_find(assets, w.reader, tell, &t, &err), 0);
    size_t size = 0;
    btr_buffer_u8(&t.text, 0);
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
        if (!strstr((const char *)t.text.at, WANTED[i]))
            fail_msg("%snot there in:\n%s", WANTED[i], (const char *)t.text.at);
        size += strlen(WANTED[i]);
    }
    assert_int_equal(t.text.size, size + 1);
    btr_buffer_fini(&t.text);
    btr_assets_free(assets);
    world_close(&w);
}

int assets_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_inventory_is_read),
        cmocka_unit_test(each_kind_of_row_is_told),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(the_offset_is_in_bytes),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(paths_are_held_against_globs),
        cmocka_unit_test(containers_have_names_of_their_own),
        cmocka_unit_test(files_are_found_in_every_view),
    };
    return cmocka_run_group_tests_name("assets", tests, NULL, NULL);
}
