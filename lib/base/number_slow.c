/* Which side of a rounding boundary does a long decimal lie on? Both sides as big integers, compared.
 *
 * A boundary between two doubles has at most 767 significant digits, so 768 digits of the text decide, together with
 * whether anything but zeros follows: all else may be endless. The powers of two are taken out of both sides, so
 * neither passes 2,640 bits: the digits are below 10^768 (2,552 bits), and 5^1092 (2,536 bits) times a 54-bit
 * significand is the other one's worst; a shift only brings the smaller side up to the larger. No allocation. */
#include "base/number_slow.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
    LIMBS_MAX = 48,    /* 3,072 bits */
    DIGITS_MAX = 768,
    DIGITS_KNOWN = 19, /* what `exponent` counts */
    DIGITS_AT_ONCE = 18
};

__extension__ typedef unsigned __int128 u128;

typedef struct big {
    size_t count; /* of limbs in use, the top one not zero */
    uint64_t limbs[LIMBS_MAX];
} big;

static void push(big *b, uint64_t limb)
{
    if (limb && b->count < LIMBS_MAX) /* the bound above says that there is room */
        b->limbs[b->count++] = limb;
}

static void multiply_add(big *b, uint64_t factor, uint64_t carry)
{
    for (size_t i = 0; i < b->count; i++) {
        u128 t = (u128)b->limbs[i] * factor + carry;
        b->limbs[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
    push(b, carry);
}

static void multiply_power_of_five(big *b, int n)
{
    const uint64_t five_27 = UINT64_C(7450580596923828125);
    for (; n >= 27; n -= 27)
        multiply_add(b, five_27, 0);
    uint64_t rest = 1;
    for (; n > 0; n--)
        rest *= 5;
    multiply_add(b, rest, 0);
}

static void shift_left(big *b, int n)
{
    size_t whole = (size_t)n / 64;
    if (whole && whole + b->count <= LIMBS_MAX) {
        memmove(b->limbs + whole, b->limbs, b->count * sizeof b->limbs[0]);
        memset(b->limbs, 0, whole * sizeof b->limbs[0]);
        b->count += whole;
    }
    if (n % 64)
        multiply_add(b, UINT64_C(1) << n % 64, 0);
}

static int compare(const big *a, const big *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t i = a->count; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* The first DIGITS_MAX digits into b; returns how many were taken, and whether more than zeros were left. */
static int take_digits(big *b, const char *p, const char *end, bool *more)
{
    int taken = 0;
    uint64_t part = 0, scale = 1;
    for (; p < end && taken < DIGITS_MAX; p++) {
        if (*p == '.')
            continue;
        part = part * 10 + (uint64_t)(*p - '0');
        scale *= 10;
        if (++taken % DIGITS_AT_ONCE)
            continue;
        multiply_add(b, scale, part);
        part = 0, scale = 1;
    }
    multiply_add(b, scale, part);
    while (p < end && (*p == '0' || *p == '.'))
        p++;
    *more = p < end;
    return taken;
}

int tdm__compare_decimal(const char *first, const char *end, int exponent, uint64_t m, int power)
{
    big decimal = {0}, binary = {1, {m}};
    bool more;
    int taken = take_digits(&decimal, first, end, &more);
    exponent -= taken - DIGITS_KNOWN;
    multiply_power_of_five(exponent < 0 ? &binary : &decimal, exponent < 0 ? -exponent : exponent);
    int twos = power - exponent;
    shift_left(twos < 0 ? &decimal : &binary, twos < 0 ? -twos : twos);
    int c = compare(&decimal, &binary);
    return c ? c : more;
}
