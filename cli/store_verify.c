/* backtrail store verify: segments, kept records, the chain of changes. */
#include "store_verify.h"

#include <btr/escape.h>
#include <btr/store.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "output.h"
#include "store_thin.h"

/** What is found in one store after the other. */
struct findings {
    struct btr_buffer out;
    struct btr_buffer faults; /* JSON: of the store at hand */
    bool json;
    char failure[BTR_ERR_TEXT_SIZE]; /* of the store at hand, or empty */
    bool no_memory;                  /* was said */
};

static int fault_visit(void *self, const char *segment, const char *what)
{
    struct findings *f = self;
    if (f->json) {
        btr_buffer_text(&f->faults, f->faults.size ? ",\n{\"segment\":" : "\n{\"segment\":");
        btr_escape_json(&f->faults, btr_span_of(segment));
        btr_buffer_text(&f->faults, ",\"what\":");
        btr_escape_json(&f->faults, btr_span_of(what));
        btr_buffer_text(&f->faults, "}");
        return 0;
    }
    btr_escape_terminal(&f->out, btr_span_of(segment));
    btr_buffer_text(&f->out, ": ");
    btr_escape_terminal(&f->out, btr_span_of(what));
    btr_buffer_text(&f->out, "\n");
    return 0;
}

/* Says why a store is not sound, once: segments and chain may fail for one reason. */
static void failure_tell(struct findings *f, const struct btr_err *err)
{
    if (strcmp(f->failure, err->text) != 0)
        (void)cli_fail("store verify", err);
    f->no_memory |= err->code == BTR_E_NOMEM;
    if (f->failure[0] == '\0')
        (void)snprintf(f->failure, sizeof f->failure, "%s", err->text);
}

/* The head is what somebody may note elsewhere. */
static void chain_text(struct btr_buffer *out, const char *path, const struct btr_chain *chain,
                       bool wanted)
{
    if (chain->sequence == 0)
        return;
    btr_escape_terminal(out, btr_span_of(path));
    btr_buffer_format(out, ": head ");
    cli_hex(out, chain->head, sizeof chain->head);
    btr_buffer_format(out, " after %" PRIu64 " changes", chain->sequence);
    if (wanted)
        btr_buffer_format(out, "; that of --root was the head after %" PRIu64, chain->found_at);
    btr_buffer_text(out, "\n");
}

/* @param chain  NULL: it does not follow */
static void store_json(struct findings *f, const char *path, const struct btr_chain *chain,
                       bool wanted)
{
    struct btr_buffer *out = &f->out;
    btr_buffer_text(out, out->size ? ",\n{\"store\":" : "\n{\"store\":");
    btr_escape_json(out, btr_span_of(path));
    btr_buffer_format(out, ",\"sound\":%s,\"failure\":", f->failure[0] ? "false" : "true");
    if (f->failure[0])
        btr_escape_json(out, btr_span_of(f->failure));
    else
        btr_buffer_text(out, "null");
    btr_buffer_text(out, ",\"faults\":[");
    btr_buffer_span(out, btr_buffer_view(&f->faults));
    btr_buffer_text(out, "],\"chain\":");
    if (chain && chain->sequence > 0) {
        btr_buffer_text(out, "{\"head\":\"");
        cli_hex(out, chain->head, sizeof chain->head);
        btr_buffer_format(out, "\",\"changes\":%" PRIu64, chain->sequence);
        if (wanted)
            btr_buffer_format(out, ",\"root_found_at\":%" PRIu64, chain->found_at);
        btr_buffer_text(out, "}");
    } else {
        btr_buffer_text(out, "null");
    }
    btr_buffer_text(out, "}");
    out->failed |= f->faults.failed;
    btr_buffer_clear(&f->faults);
}

static int verify_one(struct findings *f, const char *path, const uint8_t *root,
                      struct btr_err *err)
{
    struct btr_chain chain;
    f->failure[0] = '\0';
    int rc = btr_store_verify(path, fault_visit, f, err);
    bool readable = rc == 0 || rc == BTR_E_CHECKSUM || rc == BTR_E_FORMAT;
    if (rc == 0 && !f->json) {
        btr_escape_terminal(&f->out, btr_span_of(path));
        btr_buffer_text(&f->out, ": sound\n");
    }
    if (rc < 0)
        failure_tell(f, err);
    int chain_rc = readable ? btr_store_chain(path, root, &chain, err) : rc;
    if (readable && chain_rc < 0)
        failure_tell(f, err);
    if (f->json)
        store_json(f, path, chain_rc == 0 ? &chain : NULL, root != NULL);
    else if (chain_rc == 0)
        chain_text(&f->out, path, &chain, root != NULL);
    return rc == 0 && chain_rc == 0 ? CLI_ANSWERED : CLI_FAILED;
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

/* @return 0, or the status of a refusal */
static int options_take(struct findings *f, const struct cli_args *args, uint8_t *root)
{
    const char *hex = cli_arg(args, "root"), *output = cli_arg(args, "output");
    f->json = output && strcmp(output, "json") == 0;
    if (args->word_count > 0)
        return cli_refuse("store verify", "unexpected \"%s\"", args->words[0]);
    if (!cli_arg(args, "store"))
        return cli_refuse("store verify", "--store DIR is missing");
    if (output && !f->json && strcmp(output, "text") != 0)
        return cli_refuse("store verify", "--output \"%s\": text or json", output);
    if (hex && !root_parse(hex, root))
        return cli_refuse("store verify", "--root \"%s\": a head has 64 hex digits", hex);
    if (hex && cli_arg_count(args, "store") > 1)
        return cli_refuse("store verify", "--root is the head of one store");
    return 0;
}

int cli_store_verify(const struct cli_args *args, struct btr_err *err)
{
    struct findings f = {0};
    struct btr_buffer whole = {0};
    uint8_t root[BTR_SHA256_SIZE];
    const char *path;
    if (cli_arg(args, "certify"))
        return cli_store_certify(args, err);
    int status = options_take(&f, args, root);
    if (status != 0)
        return status;
    status = CLI_ANSWERED;
    for (uint32_t i = 0; (path = cli_arg_nth(args, "store", i)); i++) {
        int one = verify_one(&f, path, cli_arg(args, "root") ? root : NULL, err);
        status = one == CLI_ANSWERED ? status : one;
    }
    btr_buffer_text(&whole, f.json ? "{\"schema\":\"backtrail-verify/1\",\"stores\":[" : "");
    btr_buffer_span(&whole, btr_buffer_view(&f.out));
    btr_buffer_text(&whole, f.json ? "]}\n" : "");
    whole.failed |= f.out.failed;
    if (!whole.failed || !f.no_memory) /* else there is nothing to print, and why was said */
        status = cli_print("store verify", &whole, status);
    btr_buffer_fini(&whole);
    btr_buffer_fini(&f.out);
    btr_buffer_fini(&f.faults);
    return status;
}
