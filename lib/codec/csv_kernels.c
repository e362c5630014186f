/* Byte loops of the CSV and JSON lines readers: plain, SSE2 (every x86-64 has it) and AVX2.
 *
 * The vector forms compare 64 bytes at a time with the three bytes sought and walk the resulting bit masks. Floors:
 * each byte is loaded once; `index` adds one store for each byte found, written eight at a time without a branch on
 * how many there are; `lines` is two population counts for each 64 bytes. The plain forms are the meaning; the test
 * compares all. */
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

static void lines_plain(const char *p, size_t n, tdm__lines *out)
{
    bool odd = false;
    *out = (tdm__lines){0};
    for (size_t begin = 0, i = 0; i < n; i++) {
        odd ^= p[i] == '"';
        if (p[i] != '\n')
            continue;
        out->ends++;
        out->blank += i == begin || (i == begin + 1 && p[begin] == '\r');
        out->odd |= odd;
        out->after = begin = i + 1;
    }
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

/* What add_lines must know of the bytes before its 64. */
typedef struct lines_before {
    uint64_t begins; /* 1: a line begins here */
    uint64_t cr;     /* 1: the line that has begun is a carriage return so far */
    uint64_t odd;    /* all ones: an odd number of quotes */
} lines_before;

/* For each bit, whether an odd number of bits is set up to it. */
static inline uint64_t parity_up_to(uint64_t mask)
{
    for (int i = 1; i < 64; i *= 2)
        mask ^= mask << i;
    return mask;
}

/* The lines of 64 bytes at `base`; `cr` are its carriage returns. */
static inline void add_lines(byte_masks m, uint64_t cr, lines_before *before, size_t base, tdm__lines *out)
{
    uint64_t begins = m.feed << 1 | before->begins;
    uint64_t behind_cr = (cr & begins) << 1 | before->cr;
    before->begins = m.feed >> 63;
    before->cr = (cr & begins) >> 63;
    out->ends += (size_t)__builtin_popcountll(m.feed);
    out->blank += (size_t)__builtin_popcountll(m.feed & (begins | behind_cr));
    if (m.feed)
        out->after = base + 64 - (size_t)__builtin_clzll(m.feed);
    if (m.quote) {
        uint64_t odd = parity_up_to(m.quote) ^ before->odd;
        out->odd |= (odd & m.feed) != 0;
        before->odd = odd >> 63 ? UINT64_MAX : 0;
    } else {
        out->odd |= (before->odd & m.feed) != 0;
    }
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
    lines_before before = {.begins = 1};                                                            \
    char pad[64];                                                                                    \
    *out = (tdm__lines){0};                                                                          \
    for (size_t i = 0; i < n; i += 64) {                                                             \
        const char *q = n - i < 64 ? padded(p + i, n - i, pad) : p + i;                              \
        byte_masks m = MASKS(q);                                                                     \
        add_lines(m, CRS(q), &before, i, out);                                                       \
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
