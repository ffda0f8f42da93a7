/* What to cut first, on small histories made by hand. */
#include "contain_check.h"
#include "ledger.h"
#include "query_tests.h"
#include "test.h"

enum {
    WAY_IN = 1,
    LISTENER,
    SSHD,
    SHELL,
    CLIENT,
    HOP,
    FAR_LISTENER,
    FAR_SSHD,
    FAR_SHELL,
    KEYS,
    ORDERS,
    CLERK,
    HASHES,
    LOGIN,
    SUDO,
    MOTD,
    OTHER_WAY
};

static const char ASSETS[] = "assets:\n"
                             "  - {host: web01, path: \"/etc/shadow\", name: hashes}\n"
                             "  - {host: db01, path: \"/srv/**\", name: orders}\n";

static void entities(struct world *w)
{
    world_connection(w, WAY_IN, BTR_ENTITY_OUTSIDE, "10.9.9.9", "4000", "10.0.0.1", "22");
    world_connection(w, OTHER_WAY, BTR_ENTITY_OUTSIDE, "10.9.9.7", "4100", "10.0.0.1", "22");
    world_connection(w, HOP, 0, "10.0.0.1", "5000", "10.0.0.2", "22");
    world_process(w, LISTENER, "web01", "/usr/sbin/sshd", "/usr/sbin/sshd", "root");
    world_process(w, SSHD, "web01", "/usr/sbin/sshd", "/usr/sbin/sshd", "root");
    world_process(w, SHELL, "web01", "/bin/bash", "/bin/bash", "ann");
    world_process(w, CLIENT, "web01", "/usr/bin/ssh", "/usr/bin/ssh", "ann");
    world_process(w, SUDO, "web01", "/usr/bin/id", "/usr/bin/id", "root");
    world_process(w, MOTD, "web01", "/bin/motd", "/bin/motd", "root");
    world_process(w, LOGIN, "web01", "/bin/login", "/bin/login", "root");
    world_process(w, FAR_LISTENER, "db01", "/usr/sbin/sshd", "/usr/sbin/sshd", "root");
    world_process(w, FAR_SSHD, "db01", "/usr/sbin/sshd", "/usr/sbin/sshd", "root");
    world_process(w, FAR_SHELL, "db01", "/bin/bash", "/bin/bash", "bob");
    world_process(w, CLERK, "db01", "/usr/bin/clerk", "/usr/bin/clerk", "bob");
    world_file(w, KEYS, "web01", "/home/ann/.ssh/authorized_keys");
    world_file(w, HASHES, "web01", "/etc/shadow");
    world_file(w, ORDERS, "db01", "/srv/orders");
}

/* A login from outside as ann, who left a key; and, if it is so, went on as bob to db01. */
static void login(struct world *w)
{
    world_does(w, LISTENER, BTR_OP_ACCEPT, OTHER_WAY);
    world_does(w, LISTENER, BTR_OP_ACCEPT, WAY_IN);
    world_does(w, LISTENER, BTR_OP_FORK, SSHD);
    world_does(w, SSHD, BTR_OP_RECV, WAY_IN);
    world_does(w, SSHD, BTR_OP_FORK, MOTD); /* root's own doing in it gives nobody root */
    world_does(w, MOTD, BTR_OP_EXIT, MOTD);
    world_does(w, SSHD, BTR_OP_FORK, SHELL);
    world_does(w, SHELL, BTR_OP_OPEN_WRITE, KEYS);
}

static void hop(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, CLIENT);
    world_does(w, CLIENT, BTR_OP_CONNECT, HOP);
    world_does(w, CLIENT, BTR_OP_SEND, HOP);
    world_does(w, FAR_LISTENER, BTR_OP_ACCEPT, HOP);
    world_does(w, FAR_LISTENER, BTR_OP_FORK, FAR_SSHD);
    world_does(w, FAR_SSHD, BTR_OP_RECV, HOP);
    world_does(w, FAR_SSHD, BTR_OP_FORK, FAR_SHELL);
    world_does(w, FAR_SHELL, BTR_OP_EXIT, FAR_SHELL);
    world_does(w, FAR_SSHD, BTR_OP_EXIT, FAR_SSHD);
    world_does(w, CLIENT, BTR_OP_EXIT, CLIENT);
}

static void ends(struct world *w)
{
    world_does(w, SHELL, BTR_OP_EXIT, SHELL);
    world_does(w, SSHD, BTR_OP_EXIT, SSHD);
}

/* What the ledger says of it, and the check of what holds of all. */
static void cut(struct world *w, struct btr_buffer *text)
{
    struct btr_buffer all = {0};
    struct ledger l;
    ledger_make(&l, w, SHELL, w->now_ns, ASSETS);
    const char *wrong = contain_check(l.loss->after->containment);
    if (wrong)
        fail_msg("%s", wrong);
    ledger_print(&l, &all, NULL);
    const char *begin = strstr((const char *)all.at, "What to cut first");
    assert_non_null(begin);
    const char *end = strstr(begin, "\n\n");
    btr_buffer_put(text, begin, end ? (size_t)(end - begin) : strlen(begin));
    btr_buffer_u8(text, 0);
    btr_buffer_fini(&all);
    ledger_free(&l);
}

typedef void history(struct world *w);

static void told(history *make, struct btr_buffer *text)
{
    struct world w;
    world_open(&w);
    entities(&w);
    make(&w);
    world_publish(&w, "made.log");
    cut(&w, text);
    world_close(&w);
}

static void expect(history *make, const char *const *lines)
{
    struct btr_buffer text = {0};
    told(make, &text);
    const char *at = (const char *)text.at;
    for (const char *const *line = lines; *line; line++) {
        const char *found = strstr(at, *line);
        if (!found)
            fail_msg("no \"%s\" in\n%s", *line, (const char *)text.at);
        at = found + strlen(*line);
    }
    btr_buffer_fini(&text);
}

static void no_asset(struct world *w)
{
    login(w);
    world_does(w, LOGIN, BTR_OP_READ, HASHES); /* root does, and ann is not root */
    ends(w);
}

static void what_leads_to_no_asset_needs_no_cut(void **state)
{
    (void)state;
    expect(no_asset, (const char *const[]){"no way is known", NULL});
}

/* Whoever is ann can go on to bob; the connection costs less than ann. */
static void onward(struct world *w)
{
    login(w);
    hop(w);
    world_does(w, CLERK, BTR_OP_READ, ORDERS);
    ends(w);
}

static void the_connection_that_all_ways_share_is_closed(void **state)
{
    (void)state;
    expect(onward, (const char *const[]){"1. db01: close tcp/22 to web01", "account ann of web01",
                                         "tcp/22 of db01 from web01", "account bob of db01",
                                         "keeps from it: orders", "than these, 2", NULL});
}

/* Who became root on the way can read what lies there: then ann is what all ways share. */
static void as_root(struct world *w)
{
    login(w);
    hop(w);
    world_does(w, SHELL, BTR_OP_FORK, SUDO);
    world_does(w, SUDO, BTR_OP_EXIT, SUDO);
    world_does(w, LOGIN, BTR_OP_READ, HASHES);
    world_does(w, CLERK, BTR_OP_READ, ORDERS);
    ends(w);
}

static void the_account_that_all_ways_share_is_locked(void **state)
{
    (void)state;
    expect(as_root, (const char *const[]){"1. web01: lock account ann",
                                          "keeps from it: hashes, orders", "than these, 3", NULL});
}

/* The same connection by somebody else, long before: who is on web01 may do so, too. */
static void others_hop(struct world *w)
{
    world_does(w, LOGIN, BTR_OP_CONNECT, HOP);
    world_does(w, FAR_LISTENER, BTR_OP_ACCEPT, HOP);
    world_does(w, FAR_LISTENER, BTR_OP_FORK, FAR_SSHD);
    world_does(w, FAR_SSHD, BTR_OP_RECV, HOP);
    world_does(w, FAR_SSHD, BTR_OP_FORK, FAR_SHELL);
    world_does(w, FAR_SHELL, BTR_OP_READ, ORDERS);
    world_does(w, FAR_SHELL, BTR_OP_EXIT, FAR_SHELL);
    login(w);
    ends(w);
}

static void a_connection_that_others_made_counts(void **state)
{
    (void)state;
    expect(others_hop, (const char *const[]){"1. db01: close tcp/22 to web01",
                                             "account bob of db01", "keeps from it: orders", NULL});
}

int contain_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_leads_to_no_asset_needs_no_cut),
        cmocka_unit_test(the_connection_that_all_ways_share_is_closed),
        cmocka_unit_test(the_account_that_all_ways_share_is_locked),
        cmocka_unit_test(a_connection_that_others_made_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
