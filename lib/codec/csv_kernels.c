/* Byte loops of the CSV and JSON lines readers: plain, SSE2 (every x86-64 has it) and AVX2.
 *
 * The vector forms compare 64 bytes at a time with the three bytes sought and walk the resulting bit masks. Floors: each
 * byte is loaded once; `index` adds one store for each byte found, written eight at a time without a branch on how many
 * there are; `lines` is two population counts for each 64 bytes. The plain forms are the meaning; the test compares all. */
#include <string.h>

#include "codec/csv_scan.h"

/* ---- plain ---- */

static size_t index_plain(const char *p, size_t n, uint32_t *out, bool *ascii)
{
    size_t k = 0;
    unsigned char seen = 0;
    for (size_t i = 0; i < n; i++) {
        seen |= (unsigned char)p[i];
        if (p[i] == ',' || p[i] == '"' || p[i] == '\n')
            out[k++] = (uint32_t)i;
    }
    *ascii = seen < 0x80;
    return k;
}

/* Lines from index `from` on, which begins one; adds to *out. */
static void lines_from(const char *p, size_t from, size_t n, tdm__lines *out)
{
    for (size_t begin = from, i = from; i < n; i++)
        if (p[i] == '\n') {
            out->ends++;
            out->blank += i == begin || (i == begin + 1 && p[begin] == '\r');
            out->after = begin = i + 1;
        }
}

static void lines_plain(const char *p, size_t n, tdm__lines *out)
{
    *out = (tdm__lines){0};
    lines_from(p, 0, n, out);
}

static size_t special_plain(const char *p, size_t at, size_t n)
{
    while (at < n && p[at] != '"' && p[at] != '\n')
        at++;
    return at;
}

static const tdm__csv_kernels plain = {"plain", index_plain, lines_plain, special_plain};

#if defined(__x86_64__)
#include <immintrin.h>

/* ---- what the vector forms share: 64 bytes as masks ---- */

typedef struct byte_masks {
    uint64_t comma, quote, feed, high;
} byte_masks;

/* The set bits of `mask` as indexes behind `base`. Writes up to seven more than there are. */
static inline size_t put_indexes(uint64_t mask, uint32_t base, uint32_t *out)
{
    size_t n = (size_t)__builtin_popcountll(mask);
    for (size_t done = 0; done < n; done += 8)
        for (size_t i = 0; i < 8; i++) {
            out[done + i] = base + (uint32_t)__builtin_ctzll(mask | UINT64_C(1) << 63);
            mask &= mask - 1;
        }
    return n;
}

/* The lines of 64 bytes: `feed` and `cr` are their line feeds and carriage returns; *before has bit 0 when the byte before is
 * a line feed (or there is none), bit 1 when the two before are a line feed and a carriage return. */
static inline void add_lines(uint64_t feed, uint64_t cr, unsigned *before, size_t base, tdm__lines *out)
{
    uint64_t begins = feed << 1 | (*before & 1);
    uint64_t behind_cr = (cr & begins) << 1 | *before >> 1;
    *before = (unsigned)(feed >> 63) | (unsigned)((cr & begins) >> 63) << 1;
    out->ends += (size_t)__builtin_popcountll(feed);
    out->blank += (size_t)__builtin_popcountll(feed & (begins | behind_cr));
    if (feed)
        out->after = base + 64 - (size_t)__builtin_clzll(feed);
}

/* The rest of fewer than 64 bytes, padded with a byte that nobody seeks. */
static inline const char *padded(const char *p, size_t n, char pad[64])
{
    memset(pad, 0, 64);
    memcpy(pad, p, n);
    return pad;
}

/* One body for each instruction set: MASKS(q, &m) fills the masks, CRS(q) those of carriage returns. */
#define INDEX_BODY(MASKS)                                                                            \
    size_t k = 0;                                                                                    \
    uint64_t high = 0;                                                                               \
    char pad[64];                                                                                    \
    for (size_t i = 0; i < n; i += 64) {                                                             \
        byte_masks m = MASKS(n - i < 64 ? padded(p + i, n - i, pad) : p + i);                        \
        high |= m.high;                                                                              \
        k += put_indexes(m.comma | m.quote | m.feed, (uint32_t)i, out + k);                          \
    }                                                                                                \
    *ascii = high == 0;                                                                              \
    return k;

#define LINES_BODY(MASKS, CRS)                                                                       \
    unsigned before = 1;                                                                             \
    char pad[64];                                                                                    \
    *out = (tdm__lines){0};                                                                          \
    for (size_t i = 0; i < n; i += 64) {                                                             \
        const char *q = n - i < 64 ? padded(p + i, n - i, pad) : p + i;                              \
        byte_masks m = MASKS(q);                                                                     \
        add_lines(m.feed, CRS(q), &before, i, out);                                                  \
    }

#define SPECIAL_BODY(MASKS)                                                                          \
    char pad[64];                                                                                    \
    for (size_t i = at; i < n; i += 64) {                                                            \
        byte_masks m = MASKS(n - i < 64 ? padded(p + i, n - i, pad) : p + i);                        \
        if (m.quote | m.feed)                                                                        \
            return i + (size_t)__builtin_ctzll(m.quote | m.feed);                                    \
    }                                                                                                \
    return n;

/* ---- SSE2 ---- */

static inline uint64_t equal_sse2(const char *p, char c)
{
    __m128i want = _mm_set1_epi8(c);
    uint64_t mask = 0;
    for (int i = 3; i >= 0; i--) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        mask = mask << 16 | (uint16_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, want));
    }
    return mask;
}

static inline uint64_t high_sse2(const char *p)
{
    __m128i any = _mm_setzero_si128();
    for (int i = 0; i < 4; i++)
        any = _mm_or_si128(any, _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)));
    return (uint64_t)_mm_movemask_epi8(any);
}

static inline byte_masks masks_sse2(const char *p)
{
    return (byte_masks){equal_sse2(p, ','), equal_sse2(p, '"'), equal_sse2(p, '\n'), high_sse2(p)};
}

static inline uint64_t crs_sse2(const char *p)
{
    return equal_sse2(p, '\r');
}

static size_t index_sse2(const char *p, size_t n, uint32_t *out, bool *ascii)
{
    INDEX_BODY(masks_sse2)
}

static void lines_sse2(const char *p, size_t n, tdm__lines *out)
{
    LINES_BODY(masks_sse2, crs_sse2)
}

static size_t special_sse2(const char *p, size_t at, size_t n)
{
    SPECIAL_BODY(masks_sse2)
}

static const tdm__csv_kernels sse2 = {"sse2", index_sse2, lines_sse2, special_sse2};

/* ---- AVX2 ---- */

#define AVX2 __attribute__((target("avx2,bmi,popcnt")))

AVX2 static inline uint64_t equal_avx2(const char *p, char c)
{
    __m256i want = _mm256_set1_epi8(c);
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, want)) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, want)) << 32;
}

AVX2 static inline uint64_t high_avx2(const char *p)
{
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(low, high));
}

AVX2 static inline byte_masks masks_avx2(const char *p)
{
    return (byte_masks){equal_avx2(p, ','), equal_avx2(p, '"'), equal_avx2(p, '\n'), high_avx2(p)};
}

AVX2 static inline uint64_t crs_avx2(const char *p)
{
    return equal_avx2(p, '\r');
}

AVX2 static size_t index_avx2(const char *p, size_t n, uint32_t *out, bool *ascii)
{
    INDEX_BODY(masks_avx2)
}

AVX2 static void lines_avx2(const char *p, size_t n, tdm__lines *out)
{
    LINES_BODY(masks_avx2, crs_avx2)
}

AVX2 static size_t special_avx2(const char *p, size_t at, size_t n)
{
    SPECIAL_BODY(masks_avx2)
}

static const tdm__csv_kernels avx2 = {"avx2", index_avx2, lines_avx2, special_avx2};

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
}

const tdm__csv_kernels *tdm__csv_kernels_at(size_t i)
{
    const tdm__csv_kernels *all[] = {&plain, &sse2, has_avx2() ? &avx2 : NULL};
    return i < sizeof all / sizeof all[0] ? all[i] : NULL;
}

#else

const tdm__csv_kernels *tdm__csv_kernels_at(size_t i)
{
    return i == 0 ? &plain : NULL;
}

#endif

const tdm__csv_kernels *tdm__csv_kernels_best(void)
{
    const tdm__csv_kernels *best = &plain;
    for (size_t i = 0; tdm__csv_kernels_at(i); i++)
        best = tdm__csv_kernels_at(i);
    return best;
}
