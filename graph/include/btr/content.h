#ifndef BTR_CONTENT_H
#define BTR_CONTENT_H
/**
 * Edges by which the content of files can have moved: all edges without those that carry none of
 * it, as who changed a mode, deleted, or only opened something whose reads are recorded. Names,
 * times and exit statuses are no content (docs/LOSS.md, "Content").
 */
#include <btr/edges.h>

/** What the records of a source tell. */
struct btr_content_source {
    bool reads_told, writes_told; /* reads and writes themselves, not only opens */
};

struct btr_content_sources {
    void *self;
    /** @return 0, or as btr_reader_sources */
    int (*source)(void *self, uint32_t source, struct btr_content_source *out, struct btr_err *err);
};

struct btr_content {
    const struct btr_edges *edges; /* borrowed */
    struct btr_content_sources sources;
};

/** The edges; they live as long as the content. */
struct btr_edges btr_content_edges(struct btr_content *content);
/** Whether a flow can carry content. */
bool btr_content_carries(const struct btr_flow *flow, struct btr_content_source told);

/** Sources of a store's snapshot. */
struct btr_reader_content;
int btr_reader_content_open(struct btr_reader_content **out, struct btr_reader *reader,
                            struct btr_err *err);
struct btr_content_sources btr_content_sources_of_reader(struct btr_reader_content *content);
void btr_reader_content_close(struct btr_reader_content *content);

#endif
