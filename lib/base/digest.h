/* Hashes: XXH3 for speed and damage, SHA-256 for identity. Thin over libxxhash and libcrypto. */
#ifndef TDM_BASE_DIGEST_H
#define TDM_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>
#include <tandem/status.h>

uint64_t tdm__hash64(const void *bytes, size_t n);                /* XXH3, 64 bits, seed 0 */
uint64_t tdm__hash64_seed(const void *bytes, size_t n, uint64_t seed);
static inline uint32_t tdm__check32(const void *bytes, size_t n) { return (uint32_t)tdm__hash64(bytes, n); }

/* Streaming XXH3. */
typedef struct tdm__hasher tdm__hasher;
tdm__hasher *tdm__hasher_new(void);                               /* NULL when out of memory */
void tdm__hasher_add(tdm__hasher *h, const void *bytes, size_t n);
uint64_t tdm__hasher_value(const tdm__hasher *h);
void tdm__hasher_reset(tdm__hasher *h);
void tdm__hasher_close(tdm__hasher **h);

typedef struct tdm__sha256 { uint8_t bytes[32]; } tdm__sha256;
/* TDM_NO_MEMORY or TDM_SYSTEM when libcrypto fails. */
tdm_status tdm__sha256_of(const void *bytes, size_t n, tdm__sha256 *out);
void tdm__sha256_hex(const tdm__sha256 *digest, char out[65]);    /* lower case, terminated */

#endif
