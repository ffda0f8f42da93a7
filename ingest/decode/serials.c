/* Shared counters: a bit for each number, and the times of 64 of them together. */
#include "serials.h"

#include <btr/id.h>
#include <stdlib.h>

enum {
    WORDS = 64, /* of 64 numbers, in a page */
    PAGE = 64 * WORDS,
    PAGES_MAX = 32768,
    NEAR = 16, /* numbers between holes that are told as one */
    VERSION = 1
};

struct page {
    uint64_t number; /* of the page */
    uint64_t bits[WORDS];
    int64_t first_ns[WORDS], last_ns[WORDS]; /* of those that are there */
};

struct member {
    struct btr_span host;
    uint64_t first, last;
    bool heard;
};

struct serials_space {
    struct btr_span name;
    struct member *members;
    uint32_t member_count;
    struct page **pages; /* sorted when holes are sought */
    uint32_t page_count, page_capacity;
    struct btr_u64map by_number;
    struct page *latest; /* that was asked for */
    uint64_t told;       /* numbers below are told */
    bool stopped, moved;
};

struct btr_serials {
    struct serials_space *spaces;
    uint32_t count;
};

/* ---- Counters and their hosts --------------------------------------------------------------- */

static struct serials_space *space_find(struct btr_serials *s, struct btr_span name)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (btr_span_equal(s->spaces[i].name, name))
            return &s->spaces[i];
    return NULL;
}

static bool member_add(struct btr_serials *s, struct btr_span name, struct btr_span host)
{
    struct serials_space *space = space_find(s, name);
    if (!space) {
        struct serials_space *more = realloc(s->spaces, (s->count + 1) * sizeof *more);
        if (!more)
            return false;
        s->spaces = more;
        space = &s->spaces[s->count++];
        *space = (struct serials_space){.name = name};
    }
    struct member *members = realloc(space->members, (space->member_count + 1) * sizeof *members);
    if (!members)
        return false;
    space->members = members;
    members[space->member_count++] = (struct member){.host = host};
    return true;
}

struct btr_serials *serials_new(const struct btr_hosts *hosts)
{
    struct btr_serials *s = calloc(1, sizeof *s);
    struct btr_span host;
    for (uint32_t i = 0; s && (host = btr_hosts_name(hosts, i)).size; i++) {
        struct btr_span name = btr_hosts_serial_space(hosts, host);
        if (name.size && !member_add(s, name, host)) {
            serials_free(s);
            return NULL;
        }
    }
    return s;
}

static void pages_free(struct serials_space *space)
{
    for (uint32_t i = 0; i < space->page_count; i++)
        free(space->pages[i]);
    free(space->pages);
    space->pages = NULL;
    space->latest = NULL;
    space->page_count = space->page_capacity = 0;
    btr_u64map_fini(&space->by_number);
    space->by_number = (struct btr_u64map){0};
}

void serials_free(struct btr_serials *s)
{
    for (uint32_t i = 0; s && i < s->count; i++) {
        pages_free(&s->spaces[i]);
        free(s->spaces[i].members);
    }
    if (s)
        free(s->spaces);
    free(s);
}

struct serials_space *serials_at(struct btr_serials *s, uint32_t i)
{
    return s && i < s->count ? &s->spaces[i] : NULL;
}

struct btr_span serials_name(const struct serials_space *space)
{
    return space->name;
}

struct btr_span serials_host(const struct serials_space *space, uint32_t i)
{
    return i < space->member_count ? space->members[i].host : (struct btr_span){0};
}

struct serials_space *serials_of(struct btr_serials *s, struct btr_span host, uint32_t *member)
{
    for (uint32_t i = 0; s && i < s->count; i++)
        for (uint32_t k = 0; k < s->spaces[i].member_count; k++)
            if (btr_span_equal(s->spaces[i].members[k].host, host)) {
                *member = k;
                return &s->spaces[i];
            }
    return NULL;
}

/* ---- Numbers -------------------------------------------------------------------------------- */

void serials_stop(struct serials_space *space)
{
    pages_free(space);
    for (uint32_t i = 0; i < space->member_count; i++)
        space->members[i].heard = false;
    space->told = 0;
    space->stopped = space->moved = true;
}

bool serials_is_stopped(const struct serials_space *space)
{
    return space->stopped;
}

/* @return NULL when there is no room */
static struct page *page_add(struct serials_space *space, uint64_t number)
{
    struct page *page = space->page_count < PAGES_MAX ? calloc(1, sizeof *page) : NULL;
    if (page && space->page_count == space->page_capacity) {
        uint32_t capacity = space->page_capacity ? 2 * space->page_capacity : 64;
        struct page **more = realloc(space->pages, capacity * sizeof(*more));
        if (more) {
            space->pages = more;
            space->page_capacity = capacity;
        }
    }
    if (!page || space->page_count == space->page_capacity ||
        !btr_u64map_set(&space->by_number, number, space->page_count)) {
        free(page);
        return NULL;
    }
    page->number = number;
    space->pages[space->page_count++] = page;
    return page;
}

static struct page *page_of(struct serials_space *space, uint64_t number)
{
    if (space->latest && space->latest->number == number)
        return space->latest;
    uint32_t at = btr_u64map_get(&space->by_number, number);
    space->latest = at == UINT32_MAX ? page_add(space, number) : space->pages[at];
    return space->latest;
}

void serials_see(struct serials_space *space, uint32_t member, uint64_t number, int64_t ns)
{
    struct member *m = &space->members[member];
    struct page *page = space->stopped ? NULL : page_of(space, number / PAGE);
    if (!page) {
        if (!space->stopped)
            serials_stop(space);
        return;
    }
    uint32_t word = (uint32_t)(number % PAGE) / 64;
    if (page->bits[word] == 0)
        page->first_ns[word] = page->last_ns[word] = ns;
    page->first_ns[word] = ns < page->first_ns[word] ? ns : page->first_ns[word];
    page->last_ns[word] = ns > page->last_ns[word] ? ns : page->last_ns[word];
    page->bits[word] |= UINT64_C(1) << number % 64;
    m->first = m->heard && m->first < number ? m->first : number;
    m->last = m->heard && m->last > number ? m->last : number;
    m->heard = space->moved = true;
}

/* ---- Holes ---------------------------------------------------------------------------------- */

static int page_compare(const void *x, const void *y)
{
    const struct page *const *a = x, *const *b = y;
    return ((*a)->number > (*b)->number) - ((*a)->number < (*b)->number);
}

/* Where all hosts were heard. @return false when one was not, or there is nothing new */
static bool range_find(const struct serials_space *space, uint64_t *from, uint64_t *until)
{
    *from = space->told;
    *until = UINT64_MAX;
    for (uint32_t i = 0; i < space->member_count; i++) {
        const struct member *m = &space->members[i];
        if (!m->heard)
            return false;
        *from = m->first > *from ? m->first : *from;
        *until = m->last < *until ? m->last : *until;
    }
    return space->member_count > 0 && *from < *until;
}

/** A hole that grows while near ones follow. */
struct telling {
    serials_visit *visit;
    void *self;
    struct serials_hole hole; /* count 0: none */
    uint64_t before;          /* the last number that is there, at */
    int64_t before_ns;
};

static int hole_tell(struct telling *t)
{
    int rc = t->hole.count ? t->visit(t->self, &t->hole) : 0;
    t->hole.count = 0;
    return rc;
}

/* The next number that is there. */
static int number_take(struct telling *t, uint64_t number, int64_t first_ns, int64_t last_ns)
{
    int rc = 0;
    if (number - t->before > 1) {
        if (t->hole.count && t->before - t->hole.until > NEAR)
            rc = hole_tell(t);
        if (t->hole.count == 0)
            t->hole = (struct serials_hole){.from = t->before, .from_ns = t->before_ns};
        t->hole.until = number;
        t->hole.until_ns = last_ns;
        t->hole.count += number - t->before - 1;
    }
    t->before = number;
    t->before_ns = first_ns;
    return rc;
}

/* Pages whose numbers are all told go. */
static void pages_drop(struct serials_space *space)
{
    uint32_t kept = 0;
    btr_u64map_clear(&space->by_number);
    space->latest = NULL;
    for (uint32_t i = 0; i < space->page_count; i++) {
        if ((space->pages[i]->number + 1) * PAGE <= space->told) {
            free(space->pages[i]);
            continue;
        }
        (void)btr_u64map_set(&space->by_number, space->pages[i]->number, kept); /* it had room */
        space->pages[kept++] = space->pages[i];
    }
    space->page_count = kept;
}

int serials_tell(struct serials_space *space, serials_visit *visit, void *self)
{
    uint64_t from, until;
    struct telling t = {.visit = visit, .self = self};
    bool begun = false;
    int rc = 0;
    if (space->stopped || !range_find(space, &from, &until))
        return 0;
    qsort(space->pages, space->page_count, sizeof(*space->pages), page_compare);
    for (uint32_t i = 0; i < space->page_count * WORDS && rc == 0; i++) {
        const struct page *page = space->pages[i / WORDS];
        uint32_t word = i % WORDS;
        uint64_t base = page->number * PAGE + (uint64_t)word * 64;
        for (uint64_t bits = page->bits[word]; bits && rc == 0; bits &= bits - 1) {
            uint64_t number = base + (uint64_t)__builtin_ctzll(bits);
            if (number < from || number > until)
                continue;
            if (!begun) {
                t.before = number;
                t.before_ns = page->first_ns[word];
            }
            begun = true;
            rc = number_take(&t, number, page->first_ns[word], page->last_ns[word]);
        }
    }
    if (rc == 0)
        rc = hole_tell(&t);
    space->told = until;
    space->moved = true;
    pages_drop(space);
    return rc;
}

/* ---- Kept between runs ---------------------------------------------------------------------- */

bool serials_moved(const struct serials_space *space)
{
    return space->moved;
}

/* Whatever was saved, no time overflows. */
static int64_t difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static void page_save(const struct page *page, struct btr_buffer *out)
{
    int64_t ns = 0;
    btr_buffer_varint(out, page->number);
    for (uint32_t i = 0; i < WORDS; i++) {
        btr_buffer_u64(out, page->bits[i]);
        if (page->bits[i] == 0)
            continue;
        btr_buffer_svarint(out, difference(page->first_ns[i], ns));
        btr_buffer_svarint(out, difference(page->last_ns[i], page->first_ns[i]));
        ns = page->first_ns[i];
    }
}

bool serials_save(struct serials_space *space, struct btr_buffer *out)
{
    btr_buffer_u8(out, VERSION);
    btr_buffer_varint(out, space->told);
    btr_buffer_varint(out, space->member_count);
    for (uint32_t i = 0; i < space->member_count; i++) {
        const struct member *m = &space->members[i];
        btr_buffer_varint(out, m->host.size);
        btr_buffer_span(out, m->host);
        btr_buffer_u8(out, m->heard);
        btr_buffer_varint(out, m->first);
        btr_buffer_varint(out, m->last);
    }
    if (space->page_count)
        qsort(space->pages, space->page_count, sizeof(*space->pages), page_compare);
    btr_u64map_clear(&space->by_number);
    btr_buffer_varint(out, space->page_count);
    for (uint32_t i = 0; i < space->page_count; i++) {
        (void)btr_u64map_set(&space->by_number, space->pages[i]->number, i); /* it had room */
        page_save(space->pages[i], out);
    }
    space->moved = out->failed;
    return !out->failed;
}

static bool member_load(struct serials_space *space, struct btr_cursor *c)
{
    uint64_t size, first, last;
    struct btr_span host;
    uint8_t heard;
    if (!btr_cursor_varint(c, &size) || !btr_cursor_span(c, (size_t)size, &host) ||
        !btr_cursor_u8(c, &heard) || !btr_cursor_varint(c, &first) || !btr_cursor_varint(c, &last))
        return false;
    for (uint32_t i = 0; i < space->member_count;
         i++) /* one that left the inventory is passed over */
        if (btr_span_equal(space->members[i].host, host))
            space->members[i] = (struct member){space->members[i].host, first, last, heard != 0};
    return true;
}

static bool page_load(struct serials_space *space, struct btr_cursor *c)
{
    uint64_t number;
    int64_t ns = 0, step, length;
    if (!btr_cursor_varint(c, &number) || number > UINT64_MAX / PAGE - 1)
        return false;
    struct page *page = page_add(space, number);
    for (uint32_t i = 0; page && i < WORDS; i++) {
        if (!btr_cursor_u64(c, &page->bits[i]))
            return false;
        if (page->bits[i] == 0)
            continue;
        if (!btr_cursor_svarint(c, &step) || !btr_cursor_svarint(c, &length))
            return false;
        ns = (int64_t)((uint64_t)ns + (uint64_t)step);
        page->first_ns[i] = ns;
        page->last_ns[i] = (int64_t)((uint64_t)ns + (uint64_t)length);
    }
    return page != NULL;
}

int serials_load(struct serials_space *space, struct btr_span saved, struct btr_err *err)
{
    struct btr_cursor c = {saved, 0};
    uint64_t members = 0, pages = 0;
    uint8_t version = 0;
    bool good = btr_cursor_u8(&c, &version) && version == VERSION &&
                btr_cursor_varint(&c, &space->told) && btr_cursor_varint(&c, &members);
    for (uint64_t i = 0; good && i < members; i++)
        good = member_load(space, &c);
    good = good && btr_cursor_varint(&c, &pages) && pages <= PAGES_MAX;
    for (uint64_t i = 0; good && i < pages; i++)
        good = page_load(space, &c);
    if (good && c.rest.size == 0)
        return 0;
    return btr_fail(err, BTR_E_FORMAT, c.offset, "saved numbers of a shared counter");
}
