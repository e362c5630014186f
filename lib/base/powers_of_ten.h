/* Powers of ten to 128 bits, shared by reading and writing. Made by tools/gen_powers_of_ten.py.
 *
 * Entry q, (hi, lo), is 10^q times the power of two that brings it into [2^127, 2^128): cut down for q >= 0 (exact up
 * to TDM__POWER_EXACT_LAST), one more than cut down for q < 0. */
#ifndef TDM_BASE_POWERS_OF_TEN_H
#define TDM_BASE_POWERS_OF_TEN_H

#include <stdint.h>

enum {
    TDM__POWER_FIRST = -342,    /* below it 19 digits underflow to zero */
    TDM__POWER_LAST = 324,      /* the smallest subnormal is scaled up by this to be written */
    TDM__POWER_EXACT_LAST = 55
};

typedef struct tdm__power_of_ten {
    uint64_t hi, lo;
} tdm__power_of_ten;

#pragma GCC visibility push(hidden) /* else position-independent code looks up its address first */
extern const tdm__power_of_ten tdm__powers_of_ten[TDM__POWER_LAST - TDM__POWER_FIRST + 1];
#pragma GCC visibility pop

/* floor(log2(10^q)), right for |q| <= 1233. */
static inline int tdm__power_of_ten_log2(int q)
{
    return (q * 1741647) >> 19;
}

#endif
