/* The chain of changes, as readers ask for it. */
#include "reader.h"

static int chain_fill(struct store_catalog *catalog, const char *path, struct btr_chain *out,
                      struct btr_err *err)
{
    struct catalog_head head;
    int rc = store_catalog_head(catalog, &head, err);
    *out = (struct btr_chain){.store = path, .sequence = head.sequence, .time_ns = head.time_ns};
    memcpy(out->head, head.head, sizeof(out->head));
    return rc;
}

int btr_reader_chains(struct btr_reader *r, btr_chain_visit *visit, void *self, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < r->path_count; i++) {
        struct btr_chain chain;
        if (!r->catalogs[i]) /* passed over as damaged */
            continue;
        rc = chain_fill(r->catalogs[i], r->paths[i], &chain, err);
        if (rc == 0)
            rc = visit(self, &chain);
    }
    return rc;
}

int btr_store_chain(const char *path, const uint8_t *wanted, struct btr_chain *out,
                    struct btr_err *err)
{
    struct store_catalog *catalog = NULL;
    uint64_t found_at = 0;
    int rc = store_catalog_open(&catalog, path, false, err);
    if (rc == BTR_E_NOTFOUND)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: no store there", path);
    if (rc == 0)
        rc = chain_fill(catalog, path, out, err);
    if (rc == 0)
        rc = store_catalog_chain_verify(catalog, wanted, &found_at, err);
    out->found_at = found_at;
    store_catalog_close(catalog);
    return rc;
}
