#include <btr/digest.h>

#include <openssl/evp.h>

struct btr_sha256 {
    EVP_MD_CTX *running;
    bool failed; /* libcrypto refused; told by peek */
};

struct btr_sha256 *btr_sha256_new(void)
{
    struct btr_sha256 *state = calloc(1, sizeof(*state));
    if (!state)
        return NULL;
    state->running = EVP_MD_CTX_new();
    if (!state->running || EVP_DigestInit_ex(state->running, EVP_sha256(), NULL) != 1) {
        btr_sha256_free(state);
        return NULL;
    }
    return state;
}

void btr_sha256_free(struct btr_sha256 *state)
{
    if (!state)
        return;
    EVP_MD_CTX_free(state->running);
    free(state);
}

void btr_sha256_update(struct btr_sha256 *state, struct btr_span bytes)
{
    if (bytes.size > 0 && EVP_DigestUpdate(state->running, bytes.at, bytes.size) != 1)
        state->failed = true;
}

bool btr_sha256_peek(const struct btr_sha256 *state, uint8_t out[BTR_SHA256_SIZE])
{
    EVP_MD_CTX *copy = state->failed ? NULL : EVP_MD_CTX_new();
    unsigned size = 0;
    bool ok = copy && EVP_MD_CTX_copy_ex(copy, state->running) == 1 &&
              EVP_DigestFinal_ex(copy, out, &size) == 1 && size == BTR_SHA256_SIZE;
    EVP_MD_CTX_free(copy);
    return ok;
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
