/* Log-linear histograms.
 *
 * Values below 16 have a bucket each. Above, every octave [2^e, 2^(e+1)) is cut into 16 equal buckets, so a
 * bucket is at most 1/16 of its own low end wide. All 64-bit values have a bucket; nothing is dropped. The sum
 * is kept modulo 2^64, which for nanoseconds is 584 years. */
#include "base/histogram.h"

enum { SUB_BITS = 4, SUB = 1 << SUB_BITS };

_Static_assert(TDM__HISTOGRAM_BUCKETS == SUB + (64 - SUB_BITS) * SUB, "one bucket for every value");

void tdm__histogram_record(tdm__histogram *h, uint64_t value)
{
    h->count++;
    h->sum += value;
    if (value > h->max)
        h->max = value;
    h->bucket[tdm__histogram_bucket(value)]++;
}

void tdm__histogram_merge(tdm__histogram *into, const tdm__histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max)
        into->max = from->max;
    for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
}

uint64_t tdm__histogram_low(unsigned i)
{
    if (i < 2 * SUB)
        return i;
    unsigned shift = (i >> SUB_BITS) - 1;
    return (uint64_t)(SUB + i % SUB) << shift;
}

uint64_t tdm__histogram_high(unsigned i)
{
    return i + 1 < TDM__HISTOGRAM_BUCKETS ? tdm__histogram_low(i + 1) - 1 : UINT64_MAX;
}

/* The rank of the q-quantile among `count` values, 1 for the smallest: the least r with r >= q * count. */
static uint64_t rank_of(uint64_t count, double q)
{
    if (!(q > 0))
        return 1;
    if (q >= 1)
        return count;
    double exact = q * (double)count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact)
        rank++;
    return rank == 0 ? 1 : rank > count ? count : rank;
}

uint64_t tdm__histogram_quantile(const tdm__histogram *h, double q)
{
    if (h->count == 0)
        return 0;
    uint64_t left = rank_of(h->count, q);
    for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++) {
        if (h->bucket[i] >= left) {
            uint64_t high = tdm__histogram_high(i);
            return high < h->max ? high : h->max;
        }
        left -= h->bucket[i];
    }
    return h->max;
}
