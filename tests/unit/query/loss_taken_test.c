/* What is a taking, and by which page it left, on small histories made by hand. */
#include "ledger.h"
#include "loss/loss.h"
#include "query_tests.h"
#include "test.h"

enum {
    WAY_IN = 1,
    SSHD,
    SHELL,
    HASHES,
    CURL,
    SED,
    DRAFT,
    COPIER,
    PAGE,
    HTTPD,
    VISIT,
    STICK,
    NOTES,
    READER,
    QUERY,
    PIPE,
    THIRD,
    AWAY,
    FIRST = 100
};

static const char ASSETS[] = "assets:\n"
                             "  - {host: web01, path: \"/etc/shadow\", name: hashes}\n"
                             "  - {path: \"/media/**\", name: sticks, classification: exit}\n";

enum { DEEP = LOSS_LINE_MAX + 16 }; /* more than a line is followed */

static void entities(struct world *w)
{
    world_connection(w, WAY_IN, BTR_ENTITY_OUTSIDE, "10.9.9.9", "4000", "10.0.0.1", "22");
    world_connection(w, VISIT, BTR_ENTITY_OUTSIDE, "10.8.8.8", "4100", "10.0.0.1", "80");
    world_connection(w, QUERY, BTR_ENTITY_OUTSIDE, "10.9.9.9", "4200", "10.0.0.1", "5432");
    world_process(w, SSHD, "web01", "/usr/sbin/sshd", "sshd", NULL);
    world_process(w, SHELL, "web01", "/bin/bash", "bash", NULL);
    world_process(w, CURL, "web01", "/usr/bin/curl", "curl -T /etc/shadow", NULL);
    world_process(w, SED, "web01", "/bin/sed", "sed -i /etc/shadow", NULL);
    world_process(w, COPIER, "web01", "/bin/cp", "cp", NULL);
    world_process(w, READER, "web01", "/usr/bin/nc", "nc /etc/sedAbC", NULL);
    world_process(w, HTTPD, "web01", "/usr/sbin/httpd", "httpd", NULL);
    world_note(w, PIPE, BTR_KIND_CHANNEL, 0, "web01", 0);
    world_file(w, HASHES, "web01", "/etc/shadow");
    world_file(w, DRAFT, "web01", "/etc/sedAbC");
    world_file(w, PAGE, "web01", "/srv/www/page");
    world_file(w, STICK, "web01", "/media/stick/x");
    world_file(w, NOTES, "web01", "/srv/notes");
    world_file(w, THIRD, "web01", "/ctr/third");
    world_connection(w, AWAY, BTR_ENTITY_OUTSIDE, "10.0.0.1", "6000", "10.7.7.7", "443");
}

static void login(struct world *w)
{
    world_does(w, SSHD, BTR_OP_ACCEPT, WAY_IN);
    world_does(w, SSHD, BTR_OP_RECV, WAY_IN);
    world_does(w, SSHD, BTR_OP_FORK, SHELL);
}

/* By a process: it reads the asset, and sends it. */
static void takes(struct world *w, uint64_t process)
{
    world_does(w, process, BTR_OP_READ, HASHES)->bytes = 900;
    world_does(w, process, BTR_OP_SEND, WAY_IN)->bytes = 900;
}

typedef void history(struct world *w);

struct made {
    struct world world;
    struct ledger ledger;
};

/* The ledger of a login and what then happened, as of the shell. */
static struct btr_loss *made_open(struct made *m, history *make)
{
    world_open(&m->world);
    entities(&m->world);
    login(&m->world);
    make(&m->world);
    world_publish(&m->world, "made.log");
    ledger_make(&m->ledger, &m->world, SHELL, m->world.now_ns, ASSETS);
    return m->ledger.loss;
}

static void made_close(struct made *m)
{
    ledger_free(&m->ledger);
    world_close(&m->world);
}

static void expect(history *make, enum loss_verdict verdict, enum loss_exit_kind by, uint64_t bytes)
{
    struct made m;
    const struct btr_loss *loss = made_open(&m, make);
    const struct loss_row *row = &loss->rows[0];
    assert_int_equal(row->verdict, verdict);
    assert_int_equal(row->left, verdict == LOSS_LOST);
    if (row->left) {
        const struct loss_exit *exit = &loss->exits[row->exits[row->exit_count - 1]];
        assert_int_equal(exit->kind, by);
        assert_int_equal(exit->bytes, bytes);
    }
    made_close(&m);
}

/* ---- Takings ---- */

static void by_curl(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, CURL);
    takes(w, CURL);
}

static void by_server(struct world *w)
{
    takes(w, SSHD);
}

static void by_many_shells_below(struct world *w)
{
    uint64_t above = SHELL;
    for (uint64_t i = 0; i < DEEP; i++) {
        world_process(w, FIRST + i, "web01", "/bin/bash", "bash", NULL);
        world_does(w, above, BTR_OP_FORK, FIRST + i);
        above = FIRST + i;
    }
    takes(w, above);
}

static void who_is_driven_takes_and_a_server_does_not(void **state)
{
    (void)state;
    expect(by_curl, LOSS_LOST, LOSS_EXIT_SENT, 900);
    expect(by_server, LOSS_POSSIBLY, 0, 0);
    expect(by_many_shells_below, LOSS_LOST, LOSS_EXIT_SENT, 900);
}

/* Replaced under its name by what was made of it: it is the asset still. */
static void edited_before(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, SED);
    world_does(w, SED, BTR_OP_READ, HASHES);
    world_does(w, SED, BTR_OP_CREATE, DRAFT);
    world_does(w, SED, BTR_OP_RENAME, HASHES);
    world_event(w, DRAFT, BTR_OP_RENAMED, HASHES, w->now_ns, w->now_ns)->flags = BTR_EVENT_PART;
    by_curl(w);
}

/* Nothing is told of the name before the intrusion made it. */
static void put_there(struct world *w)
{
    world_does(w, SHELL, BTR_OP_CREATE, HASHES);
    world_does(w, SHELL, BTR_OP_WRITE, HASHES);
    by_curl(w);
}

static void what_the_intrusion_alone_put_there_is_no_asset(void **state)
{
    (void)state;
    expect(edited_before, LOSS_LOST, LOSS_EXIT_SENT, 900);
    expect(put_there, LOSS_POSSIBLY, 0, 0);
}

/* ---- Pages ---- */

static void staged(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, COPIER);
    world_does(w, COPIER, BTR_OP_READ, HASHES);
    world_does(w, COPIER, BTR_OP_CREATE, PAGE);
    world_does(w, COPIER, BTR_OP_WRITE, PAGE);
}

static void answered(struct world *w, uint64_t seconds)
{
    staged(w);
    world_does(w, HTTPD, BTR_OP_ACCEPT, VISIT);
    world_does(w, HTTPD, BTR_OP_RECV, VISIT);
    world_does(w, HTTPD, BTR_OP_READ, PAGE);
    for (uint64_t i = 0; i < 3; i++) {
        world_does(w, HTTPD, BTR_OP_SEND, VISIT)->bytes = 300;
        w->now_ns += (int64_t)seconds * 1000000000;
    }
    world_does(w, HTTPD, BTR_OP_RECV, VISIT);
    world_does(w, HTTPD, BTR_OP_SEND, VISIT)->bytes = 7; /* to the next request */
}

static void at_once(struct world *w)
{
    answered(w, 0);
}

static void slowly(struct world *w)
{
    answered(w, 120);
}

static void a_page_is_all_that_answers_its_request(void **state)
{
    (void)state;
    expect(at_once, LOSS_LOST, LOSS_EXIT_PAGE, 900);
    expect(slowly, LOSS_LOST, LOSS_EXIT_PAGE, 900);
}

/* An agent that looks at files and keeps a connection of its own. */
static void looked_at(struct world *w)
{
    world_connection(w, FIRST, BTR_ENTITY_OUTSIDE, "10.0.0.1", "5000", "10.8.8.8", "443");
    world_does(w, HTTPD, BTR_OP_CONNECT, FIRST);
    staged(w);
    world_does(w, HTTPD, BTR_OP_RECV, FIRST);
    world_does(w, HTTPD, BTR_OP_READ, PAGE);
    world_does(w, HTTPD, BTR_OP_SEND, FIRST)->bytes = 2;
}

/* A request of somebody else's that came before the last. */
static void asked_by_another(struct world *w)
{
    world_connection(w, FIRST, 0, "10.0.0.7", "5000", "10.0.0.1", "80");
    staged(w);
    world_does(w, HTTPD, BTR_OP_ACCEPT, VISIT);
    world_does(w, HTTPD, BTR_OP_RECV, VISIT);
    world_does(w, HTTPD, BTR_OP_ACCEPT, FIRST);
    world_does(w, HTTPD, BTR_OP_RECV, FIRST);
    world_does(w, HTTPD, BTR_OP_READ, PAGE);
    world_does(w, HTTPD, BTR_OP_SEND, FIRST)->bytes = 900;
    world_does(w, HTTPD, BTR_OP_SEND, VISIT)->bytes = 9;
}

static void a_page_needs_a_request_from_the_outside(void **state)
{
    (void)state;
    expect(looked_at, LOSS_POSSIBLY, 0, 0);
    expect(asked_by_another, LOSS_POSSIBLY, 0, 0);
}

/* ---- Moved ---- */

/* By a process: it gives something another name. */
static void moves(struct world *w, uint64_t process, uint64_t from, uint64_t to)
{
    world_does(w, process, BTR_OP_RENAME, to);
    world_event(w, from, BTR_OP_RENAMED, to, w->now_ns, w->now_ns)->flags = BTR_EVENT_PART;
}

static void moved_to_a_stick(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, COPIER);
    moves(w, COPIER, HASHES, STICK);
}

static void moved_to_a_stick_by_others(struct world *w)
{
    moves(w, COPIER, HASHES, STICK);
}

static void linked_as_a_page(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, COPIER);
    world_does(w, COPIER, BTR_OP_LINK, PAGE);
    world_event(w, HASHES, BTR_OP_LINKED, PAGE, w->now_ns, w->now_ns)->flags = BTR_EVENT_PART;
    world_does(w, HTTPD, BTR_OP_ACCEPT, VISIT);
    world_does(w, HTTPD, BTR_OP_RECV, VISIT);
    world_does(w, HTTPD, BTR_OP_READ, PAGE);
    world_does(w, HTTPD, BTR_OP_SEND, VISIT)->bytes = 900;
}

static void writes_beside(struct world *w)
{
    world_does(w, COPIER, BTR_OP_CREATE, DRAFT);
    world_does(w, COPIER, BTR_OP_WRITE, DRAFT)->bytes = 900;
}

static void is_the_same(struct world *w)
{
    world_event(w, HASHES, BTR_OP_SAME, DRAFT, w->now_ns, w->now_ns)->flags = BTR_EVENT_IMPLIED;
}

/* Somebody else writes a new version beside and renames it over; the intrusion reads it by the name
 * that it had. */
static void read_by_the_name_that_it_had(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, READER);
    writes_beside(w);
    moves(w, COPIER, DRAFT, HASHES);
    is_the_same(w);
    world_does(w, READER, BTR_OP_READ, DRAFT)->bytes = 900;
    world_does(w, READER, BTR_OP_SEND, WAY_IN)->bytes = 900;
}

/* The same, but it is read before it has that name, and then by a server. */
static void read_before_it_had_the_name(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, READER);
    writes_beside(w);
    world_does(w, READER, BTR_OP_READ, DRAFT)->bytes = 900;
    world_does(w, READER, BTR_OP_SEND, WAY_IN)->bytes = 900;
    moves(w, COPIER, DRAFT, HASHES);
    is_the_same(w);
    takes(w, SSHD);
}

/* A name of the asset is given to another file, and that is read. */
static void read_by_a_name_that_is_another_file(struct world *w)
{
    world_does(w, COPIER, BTR_OP_WRITE, HASHES)->bytes = 900;
    is_the_same(w);
    world_does(w, COPIER, BTR_OP_DELETE, DRAFT);
    world_does(w, HTTPD, BTR_OP_CREATE, DRAFT);
    world_does(w, HTTPD, BTR_OP_WRITE, DRAFT)->bytes = 5;
    world_does(w, SHELL, BTR_OP_FORK, READER);
    world_event(w, READER, BTR_OP_OPEN_READ, DRAFT, w->now_ns, w->now_ns);
    for (int i = 0; i < 20; i++) /* this is what it usually opens */
        world_event(w, READER, BTR_OP_OPEN_READ, NOTES, w->now_ns, w->now_ns);
    world_does(w, READER, BTR_OP_READ, DRAFT)->bytes = 5;
    world_does(w, READER, BTR_OP_SEND, WAY_IN)->bytes = 5;
}

/* The same, but then it is the asset's again. */
static void read_by_a_name_that_is_its_again(struct world *w)
{
    read_by_a_name_that_is_another_file(w);
    w->batch.event_count -= 2;
    is_the_same(w);
    world_does(w, READER, BTR_OP_READ, DRAFT)->bytes = 5;
    world_does(w, READER, BTR_OP_SEND, WAY_IN)->bytes = 5;
}

/* Somebody writes by the second name, and the third is told to be that one. */
static void named_twice(struct world *w)
{
    world_does(w, COPIER, BTR_OP_WRITE, HASHES)->bytes = 900;
    is_the_same(w);
    world_does(w, HTTPD, BTR_OP_WRITE, DRAFT)->bytes = 10;
    world_event(w, DRAFT, BTR_OP_SAME, THIRD, w->now_ns, w->now_ns)->flags = BTR_EVENT_IMPLIED;
}

static void read_by_a_name_of_a_name(struct world *w)
{
    named_twice(w);
    world_does(w, SHELL, BTR_OP_FORK, READER);
    world_does(w, READER, BTR_OP_READ, THIRD)->bytes = 910;
    world_does(w, READER, BTR_OP_SEND, WAY_IN)->bytes = 910;
}

/* By the shell: what a file held is gone, and it holds something else. */
static void empties(struct world *w, uint64_t file)
{
    world_does(w, SHELL, BTR_OP_OPEN_WRITE, file);
    world_event(w, SHELL, BTR_OP_TRUNCATE, file, w->now_ns, w->now_ns);
    world_does(w, SHELL, BTR_OP_WRITE, file)->bytes = 5;
}

static void paged_and_emptied(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, COPIER);
    moves(w, COPIER, HASHES, PAGE);
    world_does(w, HTTPD, BTR_OP_ACCEPT, VISIT);
    world_does(w, HTTPD, BTR_OP_RECV, VISIT);
    world_does(w, HTTPD, BTR_OP_READ, PAGE)->bytes = 900;
    world_does(w, HTTPD, BTR_OP_SEND, VISIT)->bytes = 900;
    empties(w, PAGE);
    world_does(w, HTTPD, BTR_OP_RECV, VISIT);
    world_does(w, HTTPD, BTR_OP_READ, PAGE)->bytes = 5;
    world_does(w, HTTPD, BTR_OP_SEND, VISIT)->bytes = 5;
}

static void moved_and_emptied(struct world *w)
{
    moved_to_a_stick(w);
    empties(w, STICK);
    moves(w, COPIER, NOTES, STICK);
}

static void what_was_there_before_has_left_as_well(void **state)
{
    (void)state;
    expect(paged_and_emptied, LOSS_LOST, LOSS_EXIT_PAGE, 905);
    expect(moved_and_emptied, LOSS_LOST, LOSS_EXIT_MOVED, 0);
}

/* Reads are not told one by one, but what the server sent is. */
static void page_of_untold_size(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, COPIER);
    world_does(w, COPIER, BTR_OP_OPEN_READ, HASHES);
    world_does(w, COPIER, BTR_OP_READ, HASHES)->flags = BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED;
    world_does(w, COPIER, BTR_OP_CREATE, PAGE);
    world_does(w, COPIER, BTR_OP_WRITE, PAGE);
    world_does(w, HTTPD, BTR_OP_ACCEPT, VISIT);
    world_does(w, HTTPD, BTR_OP_RECV, VISIT);
    world_does(w, HTTPD, BTR_OP_READ, PAGE);
    world_does(w, HTTPD, BTR_OP_SEND, VISIT)->bytes = 300;
}

static void a_server_may_pack_what_it_hands_out(void **state)
{
    struct made m;
    (void)state;
    struct btr_loss *loss = made_open(&m, page_of_untold_size);
    assert_int_equal(loss->rows[0].verdict, LOSS_LOST);
    assert_false(loss->rows[0].bounded);
    made_close(&m);
}

/* Reads are not told one by one, but what curl sent is; the login's server had read it as well. */
static void sent_with_untold_reads(struct world *w)
{
    world_does(w, SSHD, BTR_OP_OPEN_READ, NOTES); /* opens are told */
    world_does(w, SSHD, BTR_OP_READ, HASHES)->flags = BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED;
    world_does(w, SHELL, BTR_OP_FORK, CURL);
    world_does(w, CURL, BTR_OP_READ, HASHES)->flags = BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED;
    world_does(w, CURL, BTR_OP_SEND, WAY_IN)->bytes = 300;
}

static void a_bound_by_connections_names_who_breaks_it(void **state)
{
    static const char *const UNLESS[] = {
        "a program that hands on what it takes packed it",
        "web01: sshd, who took it, too, handed it to the intrusion",
    };
    struct made m;
    struct btr_buffer text = {0}, json = {0};
    (void)state;
    struct btr_loss *loss = made_open(&m, sent_with_untold_reads);
    assert_true(loss->rows[0].bounded && loss->rows[0].on_wire);
    assert_int_equal(loss->rows[0].bytes_max, 300);
    ledger_print(&m.ledger, &text, &json);
    for (size_t i = 0; i < sizeof UNLESS / sizeof *UNLESS; i++) {
        assert_non_null(strstr((const char *)text.at, UNLESS[i]));
        assert_non_null(strstr((const char *)json.at, UNLESS[i]));
    }
    assert_non_null(strstr((const char *)text.at, "unless a program"));
    btr_buffer_fini(&text);
    btr_buffer_fini(&json);
    made_close(&m);
}

/* Reads are untold: one sends what it had by the asset's name, another by the third. */
static void sent_by_two_names(struct world *w)
{
    world_does(w, SSHD, BTR_OP_OPEN_READ, NOTES);
    world_does(w, SHELL, BTR_OP_FORK, CURL);
    named_twice(w);
    world_does(w, CURL, BTR_OP_READ, HASHES)->flags = BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED;
    world_does(w, CURL, BTR_OP_SEND, WAY_IN)->bytes = 300;
    world_does(w, SHELL, BTR_OP_FORK, READER);
    world_runs(w, READER, "/bin/nc", "nc /ctr/third");
    world_does(w, READER, BTR_OP_READ, THIRD)->flags = BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED;
    world_does(w, READER, BTR_OP_CONNECT, AWAY);
    world_does(w, READER, BTR_OP_SEND, AWAY)->bytes = 910;
}

static void a_bound_by_connections_has_all_names(void **state)
{
    struct made m;
    (void)state;
    struct btr_loss *loss = made_open(&m, sent_by_two_names);
    assert_true(loss->rows[0].bounded && loss->rows[0].on_wire);
    assert_int_equal(loss->rows[0].bytes_max, 1210);
    assert_int_equal(loss->rows[0].names.count, 1); /* by that it is not seen to be taken */
    assert_true(btr_id_equal(loss->rows[0].names.first, world_id(DRAFT)));
    made_close(&m);
}

/* Somebody reads the asset twice to its end, in which time it may change, and hands it on. */
static uint64_t bound_of_two_reads(enum btr_operation change, int64_t changes_ns,
                                   int64_t changed_ns)
{
    struct ledger l;
    struct world w;
    world_open(&w);
    entities(&w);
    login(&w);
    int64_t began_ns = w.now_ns;
    for (int64_t at = 10; at <= 20; at += 10) {
        struct btr_event *e =
            world_event(&w, COPIER, BTR_OP_READ, HASHES, began_ns + at, began_ns + at);
        e->bytes = 43;
        e->flags = BTR_EVENT_ENDS;
    }
    if (changes_ns)
        world_event(&w, HTTPD, change, HASHES, began_ns + changes_ns, began_ns + changed_ns);
    world_does(&w, COPIER, BTR_OP_WRITE, PIPE)->bytes = 86;
    world_does(&w, SHELL, BTR_OP_READ, PIPE)->bytes = 86;
    world_publish(&w, "made.log");
    ledger_make(&l, &w, SHELL, w.now_ns, ASSETS);
    assert_true(l.loss->rows[0].bounded);
    uint64_t most = l.loss->rows[0].bytes_max;
    ledger_free(&l);
    world_close(&w);
    return most;
}

static void reads_of_one_version_are_one(void **state)
{
    (void)state;
    assert_int_equal(bound_of_two_reads(BTR_OP_WRITE, 0, 0), 43);
    assert_int_equal(bound_of_two_reads(BTR_OP_WRITE, 5, 6), 43);
    assert_int_equal(bound_of_two_reads(BTR_OP_WRITE, 12, 14), 86);
    assert_int_equal(bound_of_two_reads(BTR_OP_WRITE, 15, 25),
                     86); /* it may have happened before the second */
    assert_int_equal(bound_of_two_reads(BTR_OP_WRITE, 5, 15), 86);
    assert_int_equal(bound_of_two_reads(BTR_OP_WRITE, 5, 25), 86);
    assert_int_equal(bound_of_two_reads(BTR_OP_WRITE, 22, 25), 43);
    assert_int_equal(bound_of_two_reads(BTR_OP_TRUNCATE, 12, 14), 86);
}

/* A server that keeps the asset also answered the intruder itself, nobody tells by how much. */
static void answered_by_its_keeper(struct world *w)
{
    sent_with_untold_reads(w);
    world_does(w, HTTPD, BTR_OP_ACCEPT, QUERY);
    world_does(w, HTTPD, BTR_OP_RECV, QUERY)->bytes = 90;
    world_does(w, HTTPD, BTR_OP_WRITE, HASHES)->flags = BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED;
    world_does(w, HTTPD, BTR_OP_READ, HASHES)->flags = BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED;
    world_does(w, HTTPD, BTR_OP_SEND, QUERY)->flags = BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED;
}

static void what_a_keeper_sent_is_bounded_by_no_other_connection(void **state)
{
    struct made m;
    (void)state;
    struct btr_loss *loss = made_open(&m, answered_by_its_keeper);
    assert_int_not_equal(loss->rows[0].keeper, 0);
    assert_int_equal(loss->rows[0].verdict, LOSS_LOST);
    assert_false(loss->rows[0].bounded);
    made_close(&m);
}

static void another_name_is_a_taking(void **state)
{
    (void)state;
    expect(moved_to_a_stick, LOSS_LOST, LOSS_EXIT_MOVED, 0);
    expect(moved_to_a_stick_by_others, LOSS_CANNOT_KNOW, 0, 0);
    expect(linked_as_a_page, LOSS_LOST, LOSS_EXIT_PAGE, 900);
}

static void what_is_read_by_another_name_is_taken(void **state)
{
    (void)state;
    expect(read_by_the_name_that_it_had, LOSS_LOST, LOSS_EXIT_SENT, 900);
    expect(read_before_it_had_the_name, LOSS_POSSIBLY, 0, 0);
    expect(read_by_a_name_that_is_another_file, LOSS_POSSIBLY, 0, 0);
    expect(read_by_a_name_that_is_its_again, LOSS_LOST, LOSS_EXIT_SENT, 5);
    expect(read_by_a_name_of_a_name, LOSS_LOST, LOSS_EXIT_SENT, 910);
}

static void moved_and_not_listed(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, COPIER);
    moves(w, COPIER, NOTES, STICK);
}

static void what_was_moved_and_no_asset_names_is_unlisted(void **state)
{
    struct made m;
    (void)state;
    struct btr_loss *loss = made_open(&m, moved_and_not_listed);
    assert_int_equal(loss->unlisted_count, 1);
    assert_true(btr_id_equal(loss->unlisted[0].file, world_id(NOTES)));
    assert_true(btr_id_equal(loss->unlisted[0].process, world_id(COPIER)));
    made_close(&m);
}

int loss_taken_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_driven_takes_and_a_server_does_not),
        cmocka_unit_test(what_the_intrusion_alone_put_there_is_no_asset),
        cmocka_unit_test(a_page_is_all_that_answers_its_request),
        cmocka_unit_test(a_page_needs_a_request_from_the_outside),
        cmocka_unit_test(a_bound_by_connections_names_who_breaks_it),
        cmocka_unit_test(a_bound_by_connections_has_all_names),
        cmocka_unit_test(reads_of_one_version_are_one),
        cmocka_unit_test(what_a_keeper_sent_is_bounded_by_no_other_connection),
        cmocka_unit_test(another_name_is_a_taking),
        cmocka_unit_test(what_is_read_by_another_name_is_taken),
        cmocka_unit_test(what_was_there_before_has_left_as_well),
        cmocka_unit_test(a_server_may_pack_what_it_hands_out),
        cmocka_unit_test(what_was_moved_and_no_asset_names_is_unlisted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
