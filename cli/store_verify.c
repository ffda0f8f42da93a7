/* backtrail store verify: segments, kept records, the chain of changes. */
#include "store_verify.h"

#include <btr/escape.h>
#include <btr/store.h>
#include <inttypes.h>

#include "commands.h"
#include "output.h"

struct fault_list {
    struct btr_buffer out;
    uint64_t count;
};

static int fault_visit(void *self, const char *segment, const char *what)
{
    struct fault_list *list = self;
    btr_escape_terminal(&list->out, btr_span_of(segment));
    btr_buffer_text(&list->out, ": ");
    btr_escape_terminal(&list->out, btr_span_of(what));
    btr_buffer_text(&list->out, "\n");
    list->count++;
    return 0;
}

/* The head is what somebody may note elsewhere. */
static int chain_verify(struct btr_buffer *out, const char *path, const uint8_t *root,
                        struct btr_err *err)
{
    struct btr_chain chain;
    int rc = btr_store_chain(path, root, &chain, err);
    if (rc == BTR_E_NOTFOUND)
        err->code = BTR_E_CHECKSUM; /* not the store that was noted: no empty answer */
    if (rc < 0)
        return rc;
    if (chain.sequence == 0)
        return 0;
    btr_escape_terminal(out, btr_span_of(path));
    btr_buffer_format(out, ": head ");
    cli_hex(out, chain.head, sizeof chain.head);
    btr_buffer_format(out, " after %" PRIu64 " changes", chain.sequence);
    if (root)
        btr_buffer_format(out, "; that of --root was the head after %" PRIu64, chain.found_at);
    btr_buffer_text(out, "\n");
    return 0;
}

static int verify_one(struct fault_list *list, const char *path, const uint8_t *root,
                      struct btr_err *err)
{
    int rc = btr_store_verify(path, fault_visit, list, err);
    if (rc == 0) {
        btr_escape_terminal(&list->out, btr_span_of(path));
        btr_buffer_text(&list->out, ": sound\n");
    }
    int status = rc < 0 ? cli_fail("store verify", err) : CLI_ANSWERED;
    if (rc < 0 && rc != BTR_E_CHECKSUM && rc != BTR_E_FORMAT)
        return CLI_FAILED; /* it could not be read at all */
    if (chain_verify(&list->out, path, root, err) < 0)
        status = cli_fail("store verify", err);
    return status == CLI_ANSWERED ? status : CLI_FAILED;
}

/* @return false when it is no head */
static bool root_parse(const char *text, uint8_t root[BTR_SHA256_SIZE])
{
    if (strlen(text) != 2 * (size_t)BTR_SHA256_SIZE)
        return false;
    for (size_t i = 0; i < BTR_SHA256_SIZE; i++) {
        uint64_t byte;
        if (!btr_span_number((struct btr_span){(const uint8_t *)text + 2 * i, 2}, 16, &byte))
            return false;
        root[i] = (uint8_t)byte;
    }
    return true;
}

int cli_store_verify(const struct cli_args *args, struct btr_err *err)
{
    struct fault_list list = {0};
    uint8_t root[BTR_SHA256_SIZE];
    const char *path, *hex = cli_arg(args, "root");
    int status = CLI_ANSWERED;
    if (!cli_arg(args, "store"))
        return cli_refuse("store verify", "--store DIR is missing");
    if (hex && !root_parse(hex, root))
        return cli_refuse("store verify", "--root \"%s\": a head has 64 hex digits", hex);
    if (hex && cli_arg_count(args, "store") > 1)
        return cli_refuse("store verify", "--root is the head of one store");
    for (uint32_t i = 0; (path = cli_arg_nth(args, "store", i)); i++) {
        int one = verify_one(&list, path, hex ? root : NULL, err);
        status = one == CLI_ANSWERED ? status : one;
    }
    status = cli_print("store verify", &list.out, status);
    btr_buffer_fini(&list.out);
    return status;
}
