/* Hashes: XXH3 compiled in (short keys are hashed without a call), SHA-256 by libcrypto.
 *
 * SHA-256 is asked of libcrypto's old interface, which computes and no more. The new one first reads openssl.cnf,
 * loads providers and fills tables of algorithms: 0.8 ms, a tenth of all that `tandem predict` takes, and settings of
 * the process that a library should leave to its host.
 * XXH3's values are fixed by its specification since 0.8.0, so they may stand in files. */
#include "base/digest.h"

#define XXH_INLINE_ALL
#define XXH_NO_STDLIB 1
#define OPENSSL_API_COMPAT 10101 /* its way to say: what 3.0 deprecates is meant */
#include <openssl/sha.h>
#include <xxhash.h>

#include "base/memory.h"

uint64_t tdm__hash64(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}

uint64_t tdm__hash64_seed(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, n, seed);
}

/* XXH3's state wants 64-byte alignment, which our allocator does not promise: `raw` has room to move in. */
struct tdm__hasher {
    XXH3_state_t *state;
    unsigned char raw[sizeof(XXH3_state_t) + 64];
};

tdm__hasher *tdm__hasher_new(void)
{
    tdm__hasher *h = tdm__new(tdm__hasher);
    if (!h)
        return NULL;
    h->state = (XXH3_state_t *)(((uintptr_t)h->raw + 63) & ~(uintptr_t)63);
    XXH3_INITSTATE(h->state);
    tdm__hasher_reset(h);
    return h;
}

void tdm__hasher_add(tdm__hasher *h, const void *bytes, size_t n)
{
    if (n)
        XXH3_64bits_update(h->state, bytes, n);
}

uint64_t tdm__hasher_value(const tdm__hasher *h)
{
    return XXH3_64bits_digest(h->state);
}

void tdm__hasher_reset(tdm__hasher *h)
{
    XXH3_64bits_reset(h->state);
}

void tdm__hasher_close(tdm__hasher **h)
{
    if (!h || !*h)
        return;
    tdm__free(*h);
    *h = NULL;
}

tdm_status tdm__sha256_of(const void *bytes, size_t n, tdm__sha256 *out)
{
    SHA256_CTX state;
    if (!SHA256_Init(&state) || !SHA256_Update(&state, bytes, n) || !SHA256_Final(out->bytes, &state))
        return TDM_SYSTEM;
    return TDM_OK;
}

void tdm__sha256_hex(const tdm__sha256 *digest, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 32; i++) {
        out[2 * i] = digits[digest->bytes[i] >> 4];
        out[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    out[64] = 0;
}
