/* What left at least: what one call moved from a file to a way out. */
#include "ledger.h"
#include "loss/loss.h"
#include "query_tests.h"
#include "test.h"

enum {
    WAY_IN = 1,
    SSHD,
    SHELL,
    HTTPD,
    ASKED,
    COPIER,
    ONE,
    TWO,
    NOTES,
    STICK,
    PIPE,
    LINK,
    PARTNER,
    INSIDE
};

static const char ASSETS[] = "assets:\n"
                             "  - {host: web01, path: \"/srv/data/**\", name: data}\n"
                             "  - {path: \"/media/**\", name: sticks, classification: exit}\n"
                             "  - {address: 192.0.2.0/24, name: partner, classification: exit}\n";

static void entities(struct world *w)
{
    world_connection(w, WAY_IN, BTR_ENTITY_OUTSIDE, "10.9.9.9", "4000", "10.0.0.1", "22");
    world_connection(w, ASKED, BTR_ENTITY_OUTSIDE, "10.9.9.9", "4100", "10.0.0.1", "80");
    world_process(w, SSHD, "web01", "/usr/sbin/sshd", "sshd", NULL);
    world_process(w, SHELL, "web01", "/bin/bash", "bash", NULL);
    world_process(w, HTTPD, "web01", "/usr/sbin/nginx", "nginx", NULL);
    world_process(w, COPIER, "web01", "/bin/cp", "cp", NULL);
    world_file(w, ONE, "web01", "/srv/data/one");
    world_file(w, TWO, "web01", "/srv/data/two");
    world_file(w, NOTES, "web01", "/srv/notes");
    world_file(w, STICK, "web01", "/media/stick/x");
    world_note(w, PIPE, BTR_KIND_CHANNEL, 0, "web01", 0);
    world_file(w, LINK, "web01", "/tmp/x");
    world_note(w, INSIDE, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/srv/data/one",
               BTR_ATTR_FILE_ROOT, "77", 0);
    world_connection(w, PARTNER, BTR_ENTITY_OUTSIDE, "10.0.0.1", "5000", "192.0.2.5", "443");
}

/* A record that tells a read and a write of one call. */
static struct btr_event *moves(struct world *w, uint64_t process, uint64_t file, uint64_t to,
                               uint64_t bytes)
{
    struct btr_event *read = world_does(w, process, BTR_OP_READ, file);
    uint64_t record = read->record_id, line = read->line;
    read->bytes = bytes;
    bool flow = to == ASKED || to == PARTNER;
    struct btr_event *e =
        world_event(w, process, flow ? BTR_OP_SEND : BTR_OP_WRITE, to, w->now_ns, w->now_ns);
    e->bytes = bytes;
    e->record_id = record;
    e->line = line;
    return e;
}

static void copier_begins(struct world *w)
{
    world_does(w, SHELL, BTR_OP_FORK, COPIER);
    world_does(w, COPIER, BTR_OP_CREATE, STICK);
}

static void server_is_asked(struct world *w)
{
    world_does(w, HTTPD, BTR_OP_ACCEPT, ASKED);
    world_does(w, HTTPD, BTR_OP_RECV, ASKED);
}

typedef void history(struct world *w);

static void expect(history *make, enum loss_verdict verdict, uint64_t least)
{
    struct world w;
    struct ledger l;
    world_open(&w);
    entities(&w);
    world_does(&w, SSHD, BTR_OP_ACCEPT, WAY_IN);
    world_does(&w, SSHD, BTR_OP_RECV, WAY_IN);
    world_does(&w, SSHD, BTR_OP_FORK, SHELL);
    make(&w);
    world_publish(&w, "made.log");
    ledger_make(&l, &w, SHELL, w.now_ns, ASSETS);
    const struct loss_row *row = &l.loss->rows[0];
    assert_int_equal(row->verdict, verdict);
    assert_int_equal(row->bytes_min, least);
    if (least) {
        assert_true(!row->bounded || row->bytes_max >= least);
        assert_int_equal(row->link_count, 2);
        assert_true(btr_id_equal(row->links[0].to, row->links[1].from));
    }
    ledger_free(&l);
    world_close(&w);
}

/* ---- What is sure ---- */

static void to_a_stick(struct world *w)
{
    copier_begins(w);
    moves(w, COPIER, ONE, STICK, 700);
}

static void two_files(struct world *w)
{
    copier_begins(w);
    moves(w, COPIER, ONE, STICK, 700);
    moves(w, COPIER, TWO, STICK, 300);
}

static void in_pieces(struct world *w)
{
    copier_begins(w);
    moves(w, COPIER, ONE, STICK, 700);
    moves(w, COPIER, ONE, STICK, 400); /* the same once more, maybe */
}

static void by_a_server(struct world *w)
{
    server_is_asked(w);
    moves(w, HTTPD, ONE, ASKED, 700);
}

static void what_one_call_moved_has_left(void **state)
{
    (void)state;
    expect(to_a_stick, LOSS_LOST, 700);
    expect(two_files, LOSS_LOST, 700); /* the one may be the other */
    expect(in_pieces, LOSS_LOST, 700);
    expect(by_a_server, LOSS_LOST, 700);
}

/* ---- What is not ---- */

static void by_two_records(struct world *w)
{
    copier_begins(w);
    moves(w, COPIER, ONE, STICK, 700)->record_id++;
}

static void of_other_bytes(struct world *w)
{
    copier_begins(w);
    moves(w, COPIER, ONE, STICK, 700)->bytes = 800;
}

static void without_number(struct world *w)
{
    copier_begins(w);
    moves(w, COPIER, ONE, STICK, 700)->record_id = 0;
    w->batch.events[w->batch.event_count - 2].record_id = 0;
}

static void to_a_doubtful_file(struct world *w)
{
    copier_begins(w);
    moves(w, COPIER, ONE, STICK, 700)->doubt = true;
}

static void what_it_wrote_itself(struct world *w)
{
    world_does(w, SHELL, BTR_OP_WRITE, ONE)->bytes = 5;
    to_a_stick(w);
}

static void what_took_its_place(struct world *w)
{
    world_does(w, HTTPD, BTR_OP_RENAME, ONE);
    to_a_stick(w);
}

/* A record tells that a name got content, or is a name of the same file. */
static void part(struct world *w, uint64_t from, enum btr_operation operation, uint64_t to)
{
    world_event(w, from, operation, to, w->now_ns, w->now_ns)->flags = BTR_EVENT_PART;
}

/* Into the file, by another name that it has. */
static void what_it_wrote_by_a_link(struct world *w)
{
    world_does(w, SHELL, BTR_OP_LINK, LINK);
    part(w, ONE, BTR_OP_LINKED, LINK);
    world_does(w, SHELL, BTR_OP_WRITE, LINK)->bytes = 1000;
    to_a_stick(w);
}

static void what_it_wrote_by_another_view(struct world *w)
{
    world_does(w, SHELL, BTR_OP_WRITE, LINK)->bytes = 1000;
    part(w, LINK, BTR_OP_SAME, ONE);
    to_a_stick(w);
}

static void by_another_name(struct world *w)
{
    world_does(w, HTTPD, BTR_OP_WRITE, ONE)->bytes = 5;
    world_does(w, SHELL, BTR_OP_WRITE, LINK)->bytes = 1000;
    part(w, ONE, BTR_OP_SAME, LINK);
    copier_begins(w);
    moves(w, COPIER, LINK, STICK, 1005);
}

static void a_file_that_may_be_another(struct world *w)
{
    copier_begins(w);
    moves(w, COPIER, INSIDE, STICK, 900);
}

/* A server that serves the intrusion has other business, too. */
static void by_a_server_to_others(struct world *w)
{
    server_is_asked(w);
    world_does(w, HTTPD, BTR_OP_ACCEPT, PARTNER);
    world_does(w, HTTPD, BTR_OP_RECV, PARTNER);
    moves(w, HTTPD, ONE, PARTNER, 700);
    world_does(w, HTTPD, BTR_OP_RECV, ASKED);
    world_does(w, HTTPD, BTR_OP_SEND, ASKED);
}

static void by_a_server_to_a_stick(struct world *w)
{
    server_is_asked(w);
    moves(w, HTTPD, ONE, STICK, 700);
    world_does(w, HTTPD, BTR_OP_SEND, ASKED);
}

static void the_rest_is_not_sure(void **state)
{
    (void)state;
    expect(what_it_wrote_by_a_link, LOSS_LOST, 0);
    expect(what_it_wrote_by_another_view, LOSS_LOST, 0);
    expect(by_another_name, LOSS_LOST, 0);
    expect(a_file_that_may_be_another, LOSS_LOST, 0);
    expect(by_a_server_to_others, LOSS_POSSIBLY, 0);
    expect(by_a_server_to_a_stick, LOSS_POSSIBLY, 0);
    expect(by_two_records, LOSS_LOST, 0);
    expect(of_other_bytes, LOSS_LOST, 0);
    expect(without_number, LOSS_LOST, 0);
    expect(to_a_doubtful_file, LOSS_LOST, 0);
    expect(what_it_wrote_itself, LOSS_LOST, 0);
    expect(what_took_its_place, LOSS_LOST, 0);
}

/* ---- What it leaves out ---- */

/* Who has the one, and moves the other, has sent the other alone. */
static void another_file(struct world *w)
{
    copier_begins(w);
    world_does(w, COPIER, BTR_OP_READ, ONE)->bytes = 700;
    moves(w, COPIER, NOTES, STICK, 300);
}

static void another_file_and_more(struct world *w)
{
    another_file(w);
    world_does(w, COPIER, BTR_OP_WRITE, STICK)->bytes = 1;
}

static void what_it_made_of_it(struct world *w)
{
    copier_begins(w);
    world_does(w, COPIER, BTR_OP_READ, ONE)->bytes = 700;
    world_does(w, COPIER, BTR_OP_WRITE, NOTES)->bytes = 300;
    moves(w, COPIER, NOTES, STICK, 300);
}

/* The last of the calls that copy a file moves nothing. */
static void another_file_to_its_end(struct world *w)
{
    another_file(w);
    moves(w, COPIER, NOTES, STICK, 0);
}

static void through_a_pipe(struct world *w)
{
    copier_begins(w);
    moves(w, COPIER, ONE, PIPE, 700);
    moves(w, COPIER, PIPE, STICK, 700);
}

static void written_to_a_pipe_before(struct world *w)
{
    copier_begins(w);
    world_does(w, COPIER, BTR_OP_READ, ONE)->bytes = 700;
    world_does(w, COPIER, BTR_OP_WRITE, PIPE)->bytes = 700;
    moves(w, COPIER, PIPE, STICK, 700);
}

/* Many calls of one moment: each has its own record. */
static void at_one_moment(struct world *w)
{
    copier_begins(w);
    for (int i = 0; i < 2000; i++) {
        moves(w, COPIER, i % 2 ? ONE : NOTES, STICK, 1 + (uint64_t)i % 7);
        w->now_ns -= 1000000000;
    }
    w->now_ns += 1000000000;
}

static void only_what_was_moved_went_out(void **state)
{
    (void)state;
    expect(another_file_to_its_end, LOSS_POSSIBLY, 0);
    expect(through_a_pipe, LOSS_LOST, 0);
    expect(written_to_a_pipe_before, LOSS_LOST, 0);
    expect(at_one_moment, LOSS_LOST, 7);
    expect(another_file, LOSS_POSSIBLY, 0);
    expect(another_file_and_more, LOSS_LOST, 0);
    expect(what_it_made_of_it, LOSS_LOST, 0);
}

int loss_straight_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_call_moved_has_left),
        cmocka_unit_test(the_rest_is_not_sure),
        cmocka_unit_test(only_what_was_moved_went_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
