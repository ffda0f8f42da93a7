/*
 * The plain SHA-256 of libcrypto, which allocates nothing: the start of its EVP interface ends the
 * process when memory is missing (version 3.0.x). See docs/decisions/0002.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <btr/digest.h>

#include <openssl/sha.h>

struct btr_sha256 {
    SHA256_CTX running;
    bool failed; /* libcrypto refused; told by peek */
};

struct btr_sha256 *btr_sha256_new(void)
{
    struct btr_sha256 *state = calloc(1, sizeof(*state));
    if (state)
        state->failed = SHA256_Init(&state->running) != 1;
    return state;
}

void btr_sha256_free(struct btr_sha256 *state)
{
    free(state);
}

void btr_sha256_update(struct btr_sha256 *state, struct btr_span bytes)
{
    if (bytes.size > 0 && SHA256_Update(&state->running, bytes.at, bytes.size) != 1)
        state->failed = true;
}

bool btr_sha256_peek(const struct btr_sha256 *state, uint8_t out[BTR_SHA256_SIZE])
{
    SHA256_CTX copy = state->running;
    return !state->failed && SHA256_Final(out, &copy) == 1;
}

bool btr_sha256_of(const struct btr_span *parts, size_t part_count, uint8_t out[BTR_SHA256_SIZE])
{
    struct btr_sha256 *state = btr_sha256_new();
    for (size_t i = 0; state && i < part_count; i++)
        btr_sha256_update(state, parts[i]);
    bool ok = state && btr_sha256_peek(state, out);
    btr_sha256_free(state);
    return ok;
}
