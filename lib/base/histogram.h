/* Log-linear histograms of non-negative integers: always on, mergeable, 16 sub-buckets an octave.
 *
 * A quantile is never below the true one and at most 1/16 above it (values below 32 are exact). Recording is a few
 * adds; one histogram has one writer at a time, and readers copy it. The sum is modulo 2^64. The layout is the one
 * HdrHistogram made known (G. Tene). */
#ifndef TDM_BASE_HISTOGRAM_H
#define TDM_BASE_HISTOGRAM_H

#include <stdint.h>

enum { TDM__HISTOGRAM_BUCKETS = 976 };
typedef struct tdm__histogram {
    uint64_t count, sum, max;
    uint64_t bucket[TDM__HISTOGRAM_BUCKETS];
} tdm__histogram;

/* The bucket of a value: values below 16 have one each, above them every octave has 16 of equal width. */
static inline unsigned tdm__histogram_bucket(uint64_t value)
{
    if (value < 16)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - 4;
    return (shift << 4) + (unsigned)(value >> shift); /* value >> shift is in 16..31 */
}
void tdm__histogram_record(tdm__histogram *h, uint64_t value);
void tdm__histogram_merge(tdm__histogram *into, const tdm__histogram *from);
/* The upper end of the bucket in which the q-quantile lies (0 <= q <= 1), at most max; 0 when empty. */
uint64_t tdm__histogram_quantile(const tdm__histogram *h, double q);
/* Smallest and largest value that fall into bucket i. */
uint64_t tdm__histogram_low(unsigned i);
uint64_t tdm__histogram_high(unsigned i);

#endif
