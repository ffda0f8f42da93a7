/*
 * Whether the pages of an LMDB environment fit together. What LMDB's own walk does not notice is
 * looked for: rows that are not in their order, more or fewer than the table counts, pages of which
 * two tables are made, and pages that the free list has given up, which show rows of long ago.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "catalog_probe.h"

enum { FREE_TABLE = 0, NAME_MAX_SIZE = 64, PAGE_FREE = 1, PAGE_USED = 2 };

struct pages {
    MDB_txn *txn;
    uint8_t *state; /* by page: PAGE_* */
    size_t count, size;
    uintptr_t base; /* address of page 0, once one was seen */
};

/* The first and the last byte: what lies between is in the file, too. */
static void touch(const MDB_val *v)
{
    static volatile uint8_t seen;
    if (v->mv_size > 0)
        seen = (uint8_t)(((const uint8_t *)v->mv_data)[0] ^
                         ((const uint8_t *)v->mv_data)[v->mv_size - 1]);
    (void)seen;
}

/* A page begins with its own number, which tells where page 0 must be. */
static bool page_of(struct pages *p, const void *at, size_t *page)
{
    uint64_t number;
    uintptr_t begin = (uintptr_t)at / p->size * p->size;
    memcpy(&number, (const void *)begin, sizeof(number));
    if (number < 2 || number >= p->count)
        return false;
    if (p->base == 0)
        p->base = begin - number * p->size;
    *page = number;
    return begin == p->base + number * p->size;
}

/* Takes the page of a row (or of its value) for a table. */
static bool page_take(struct pages *p, const void *at, size_t *last)
{
    size_t page;
    if (!page_of(p, at, &page))
        return false;
    if (page == *last)
        return true;
    *last = page;
    if (p->state[page] != 0)
        return false;
    p->state[page] = PAGE_USED;
    return true;
}

/* Values that did not fit stand on pages of their own, right behind the head of the first. */
static bool value_take(struct pages *p, const MDB_val *value, size_t row_page)
{
    size_t page = row_page, last = row_page;
    uintptr_t begin = (uintptr_t)value->mv_data / p->size * p->size;
    if (value->mv_size == 0 || begin == p->base + row_page * p->size)
        return true;
    if (!page_of(p, value->mv_data, &page))
        return false;
    for (size_t end = page + (value->mv_size + 16 + p->size - 1) / p->size; page < end; page++) {
        if (page >= p->count || p->state[page] != 0)
            return false;
        p->state[page] = PAGE_USED;
        last = page;
    }
    return last != row_page;
}

static int key_compare(const MDB_val *a, const MDB_val *b)
{
    size_t size = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
    int c = memcmp(a->mv_data, b->mv_data, size);
    return c != 0 ? c : (a->mv_size > b->mv_size) - (a->mv_size < b->mv_size);
}

/** A row of a walk. @return false ends it: damaged */
typedef bool row_check(struct pages *p, MDB_dbi table, const MDB_val *key, const MDB_val *value);

/* All rows of a table: as many as it counts, each on pages of this table. */
static bool table_walk(struct pages *p, MDB_dbi table, row_check *check)
{
    MDB_stat stat;
    MDB_cursor *cursor;
    MDB_val key, value, before = {0, NULL};
    size_t count = 0, page = 0;
    if (mdb_stat(p->txn, table, &stat) != 0 || mdb_cursor_open(p->txn, table, &cursor) != 0)
        return false;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    bool sound = true;
    for (; rc == 0 && sound; rc = sound ? mdb_cursor_get(cursor, &key, &value, MDB_NEXT) : rc) {
        touch(&key);
        touch(&value);
        sound = ++count <= stat.ms_entries && key.mv_size > 0 && page_take(p, key.mv_data, &page) &&
                value_take(p, &value, page) && check(p, table, &key, &value) &&
                (table == FREE_TABLE || !before.mv_data || key_compare(&before, &key) < 0);
        before = key;
    }
    mdb_cursor_close(cursor);
    return sound && rc == MDB_NOTFOUND && count == stat.ms_entries;
}

/* A list of page numbers that were given up: how many, then each. */
static bool free_check(struct pages *p, MDB_dbi table, const MDB_val *key, const MDB_val *value)
{
    size_t words = value->mv_size / sizeof(uint64_t);
    uint64_t count, number;
    (void)table;
    if (key->mv_size != sizeof(uint64_t) || words == 0)
        return false;
    memcpy(&count, value->mv_data, sizeof(count));
    if (count >= words)
        return false;
    for (size_t i = 1; i <= count; i++) {
        memcpy(&number, (const uint8_t *)value->mv_data + i * sizeof(number), sizeof(number));
        if (number < 2 || number >= p->count || p->state[number] != 0)
            return false;
        p->state[number] = PAGE_FREE;
    }
    return true;
}

/* A row must also be found by its key. */
static bool found_check(struct pages *p, MDB_dbi table, const MDB_val *key, const MDB_val *value)
{
    MDB_val wanted = *key, found;
    return mdb_get(p->txn, table, &wanted, &found) == 0 && found.mv_data == value->mv_data &&
           found.mv_size == value->mv_size;
}

/* A row of the main table names a table. */
static bool name_check(struct pages *p, MDB_dbi table, const MDB_val *key, const MDB_val *value)
{
    char name[NAME_MAX_SIZE];
    MDB_dbi named;
    unsigned flags = 1;
    if (!found_check(p, table, key, value) || key->mv_size >= sizeof(name))
        return false;
    memcpy(name, key->mv_data, key->mv_size);
    name[key->mv_size] = '\0';
    return mdb_dbi_open(p->txn, name, 0, &named) == 0 &&
           mdb_dbi_flags(p->txn, named, &flags) == 0 && flags == 0 &&
           table_walk(p, named, found_check);
}

bool catalog_pages_sound(MDB_env *env)
{
    struct pages p = {0};
    MDB_envinfo info;
    MDB_stat stat;
    MDB_dbi tables;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &p.txn) != 0)
        return true; /* too many readers: the parent is told the same */
    /* After the beginning: a writer may go on, and the last page with it, but never back. */
    bool known = mdb_env_info(env, &info) == 0;
    bool sound = known && mdb_dbi_open(p.txn, NULL, 0, &tables) == 0 &&
                 mdb_stat(p.txn, tables, &stat) == 0 && stat.ms_psize >= 256;
    p.size = sound ? stat.ms_psize : 1;
    p.count = sound ? info.me_last_pgno + 1 : 0;
    sound = sound && p.count <= info.me_mapsize / p.size;
    p.state = sound ? calloc(p.count, 1) : NULL;
    sound = p.state && table_walk(&p, FREE_TABLE, free_check) && table_walk(&p, tables, name_check);
    mdb_txn_abort(p.txn);
    free(p.state);
    return sound;
}
