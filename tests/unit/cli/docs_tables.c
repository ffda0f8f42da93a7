/* usage: docs_tables --check|--write DOCS. The tables of docs/ that are made from tables in the
 * code stand between two marks, "<!-- NAME: made by ./dev docs -->" and "<!-- end of NAME -->". */
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "daemon/metrics.h"
#include "file_read.h"

enum { PAGE_MAX = 1 << 20 };

static void cell(struct btr_buffer *out, const char *text)
{
    for (; *text; text++)
        btr_buffer_format(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void config_table(struct btr_buffer *out)
{
    btr_buffer_text(out, "| key | value | default | SIGHUP | meaning |\n|---|---|---|---|---|\n");
    for (const struct cli_config_row *row = cli_config_table; row->key; row++) {
        char range[160];
        cli_config_range(row, range);
        bool prefix = row->type == CLI_CONFIG_PREFIX || row->type == CLI_CONFIG_PREFIX_PATH;
        btr_buffer_format(out, "| `%s%s` | ", row->key, prefix ? "SETTING" : "");
        cell(out, range);
        btr_buffer_format(out, row->preset ? " | `%s` | " : " | %s | ",
                          row->preset     ? row->preset
                          : row->required ? "must be given"
                                          : "");
        btr_buffer_format(out, "%s | ", cli_config_apply_text(row->apply));
        cell(out, row->meaning);
        btr_buffer_text(out, " |\n");
    }
}

static void metrics_table(struct btr_buffer *out)
{
    static const char *const TYPES[] = {"counter", "gauge", "histogram"};
    btr_buffer_text(out, "| metric | type | what it tells | when to look |\n|---|---|---|---|\n");
    for (const struct daemon_metric *m = daemon_metrics; m->name; m++) {
        btr_buffer_format(out, "| `%s` | %s | ", m->name, TYPES[m->type]);
        cell(out, m->help);
        btr_buffer_text(out, " | ");
        cell(out, m->look ? m->look : "");
        btr_buffer_text(out, " |\n");
    }
}

static const struct page {
    const char *file, *name;
    void (*table)(struct btr_buffer *out);
} PAGES[] = {
    {"CONFIG.md", "keys", config_table},
    {"OPERATIONS.md", "metrics", metrics_table},
};

/* `page` with the table anew. @return false when its marks are not there */
static bool made(const struct page *p, const struct btr_buffer *page, struct btr_buffer *out)
{
    char begin[128], end[128];
    (void)snprintf(begin, sizeof begin, "<!-- %s: made by ./dev docs -->\n", p->name);
    (void)snprintf(end, sizeof end, "<!-- end of %s -->\n", p->name);
    const char *text = (const char *)page->at;
    const char *from = strstr(text, begin), *to = from ? strstr(from, end) : NULL;
    if (!to)
        return false;
    btr_buffer_put(out, text, (size_t)(from - text) + strlen(begin));
    p->table(out);
    btr_buffer_text(out, to);
    return true;
}

static bool page_write(const char *path, const struct btr_buffer *page)
{
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(page->at, 1, page->size, file) == page->size;
    return file && fclose(file) == 0 && good;
}

static bool page_take(const struct page *p, const char *folder, bool write)
{
    char path[4096];
    struct btr_buffer page = {0}, out = {0};
    struct btr_err err = {0};
    (void)snprintf(path, sizeof path, "%s/%s", folder, p->file);
    bool good = cli_file_read(path, PAGE_MAX, &page, &err) == 0;
    btr_buffer_u8(&page, 0);
    page.size--;
    if (!good)
        fprintf(stderr, "%s\n", err.text);
    else if (!(good = made(p, &page, &out)))
        fprintf(stderr, "%s: the marks of \"%s\" are not there\n", path, p->name);
    else if (write && !(good = page_write(path, &out)))
        fprintf(stderr, "%s: cannot be written\n", path);
    else if (!write && !(good = btr_span_equal(btr_buffer_view(&page), btr_buffer_view(&out))))
        fprintf(stderr, "%s: \"%s\" is not as the code has it: ./dev docs writes it\n", path,
                p->name);
    btr_buffer_fini(&page);
    btr_buffer_fini(&out);
    return good;
}

int main(int argc, char **argv)
{
    bool good = true;
    if (argc != 3) {
        fputs("usage: docs_tables --check|--write DOCS\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof PAGES / sizeof *PAGES; i++)
        good = page_take(&PAGES[i], argv[2], strcmp(argv[1], "--write") == 0) && good;
    return good ? 0 : 1;
}
