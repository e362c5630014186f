/* The usual spellings of integers and doubles, read in a few instructions.
 *
 * Each takes a text only when it is sure of the value to the bit; false says nothing about the text but that
 * tdm__value_parse must look at it. */
#ifndef TDM_CODEC_QUICK_VALUES_H
#define TDM_CODEC_QUICK_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Up to 18 digits with an optional minus: cannot overflow. */
static inline bool tdm__quick_i64(const char *p, size_t n, int64_t *out)
{
    bool negative = n > 0 && *p == '-';
    p += negative;
    n -= negative;
    if (n - 1 > 17)
        return false;
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(unsigned char)p[i] - '0';
        if (d > 9)
            return false;
        v = v * 10 + (int64_t)d;
    }
    *out = negative ? -v : v;
    return true;
}

/* Up to 15 digits with at most one point: the digits and the power of ten are exact doubles, so that one division
 * rounds correctly (Clinger 1990). */
static inline bool tdm__quick_f64(const char *p, size_t n, double *out)
{
    static const double power[16] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = n > 0 && *p == '-';
    p += negative;
    n -= negative;
    if (n - 1 > 15)
        return false;
    uint64_t v = 0;
    size_t point = n;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(unsigned char)p[i] - '0';
        if (d <= 9)
            v = v * 10 + d;
        else if (p[i] == '.' && point == n)
            point = i;
        else
            return false;
    }
    if (point == n ? n > 15 : n == 1)
        return false;
    double d = point == n ? (double)v : (double)v / power[n - 1 - point];
    *out = negative ? -d : d;
    return true;
}

#endif
