#!/usr/bin/env python3
"""Prints lib/base/exact_tables.c: tables and polynomials of exact math, from mpmath at 1,500 bits.

    python3 tools/gen_exact_tables.py > lib/base/exact_tables.c

Run by hand when a table changes; building Tandem does not need mpmath. A pair (hi, lo) is a number to twice a double's
precision: hi is the nearest double, or one cut to fewer bits where that keeps a product exact, and lo what hi leaves.
Polynomials are Chebyshev fits of what remains of a function after its first terms, which the code computes more
exactly; each line says the bound of the argument and of the fit's error.
"""

from fractions import Fraction

from mpmath import mp, mpf

mp.prec = 1500


def exact(x):
    """The mpf as a fraction, without rounding."""
    sign, man, exp, _ = x._mpf_
    value = Fraction(int(man)) * Fraction(2) ** exp
    return -value if sign else value


def nearest(x):
    return float(exact(x)) if isinstance(x, mpf) else float(x)    # Fraction to float rounds to nearest


def on_grid(x, bits):
    """The multiple of 2^-bits nearest to x."""
    return float(Fraction(round(exact(x) * 2 ** bits), 2 ** bits))


def pair(x, hi=None):
    hi = nearest(x) if hi is None else hi
    return hi, nearest(x - mpf(hi))


def show(v):
    return float(v).hex().replace("0x0.0p+0", "0x0p+0")


def define(name, value):
    print(f"const double tdm__exact_{name} = {show(value)};")


def rows(name, size, columns, values):
    print(f"const double tdm__exact_{name}[{size}][{columns}] = {{")
    for row in values:
        print("    {" + ", ".join(show(v) for v in row) + "},")
    print("};")


def polynomial(name, function, bound, terms):
    """Coefficients from the constant on. `bound` is (low, high) of the polynomial's argument."""
    coefficients, error = mp.chebyfit(function, [mpf(bound[0]), mpf(bound[1])], terms, error=True)
    print(f"/* argument within [{float(bound[0]):.6g}, {float(bound[1]):.6g}], "
          f"error below 2^{int(mp.ceil(mp.log(error, 2)))} */")
    print(f"const double tdm__exact_{name}[{terms}] = {{")
    for c in reversed(coefficients):
        print(f"    {show(nearest(c))},")
    print("};")


def exponential():
    step = mp.ln2 / 128
    define("exp_steps", nearest(1 / step))
    first = on_grid(step, 41)                    # 33 bits and 33 bits: times a step count of 18 bits they are exact
    second = on_grid(step - mpf(first), 74)
    rows("exp_step", 1, 3, [(first, second, nearest(step - mpf(first) - mpf(second)))])
    rows("exp_power", 128, 2, [pair(mpf(2) ** (mpf(j) / 128)) for j in range(128)])
    polynomial("exp_tail", lambda r: (mp.exp(r) - 1 - r) / r ** 2 if r else mpf(1) / 2, (-step * 0.51, step * 0.51), 5)


def logarithm():
    """Row j serves significands in [1 + j/128, 1 + (j+1)/128): c near the inverse of their middle, so that they times c
    are near 1, and -log(c); above the square root of two -log(2c), since then the exponent is one higher."""
    rows("log_two", 1, 2, [pair(mp.ln2, on_grid(mp.ln2, 42))])
    table = []
    for j in range(128):
        c = {0: 1.0, 127: 0.5}.get(j) or on_grid(1 / (1 + (mpf(j) + 0.5) / 128), 10)
        value = -mp.log(mpf(c)) - (mp.ln2 if j >= 53 else 0)
        table.append((c, *pair(value, on_grid(value, 42))))
    rows("log_part", 128, 3, table)

    def tail(z):
        if abs(z) < mpf(2) ** -200:
            return mpf(1) / 3
        return (mp.log(1 + z) - z + z ** 2 / 2) / z ** 3
    polynomial("log_tail", tail, (-2.0 ** -7, 2.0 ** -7), 7)


def angles():
    step = mp.pi / 256
    rows("angle_step", 1, 2, [pair(step)])
    rows("angle_multiple", 1, 2, [pair(step, on_grid(step, 51))])   # 45 bits: times at most 128 it is exact
    rows("sine", 129, 2, [pair(mp.sin(j * step)) for j in range(129)])
    square = (step * 0.51) ** 2
    tiny = mpf(2) ** -300

    def odd(function, at_zero):
        return lambda t: (function(mp.sqrt(t)) - mp.sqrt(t)) / mp.sqrt(t) ** 3 if t > tiny else mpf(at_zero)
    polynomial("sin_tail", odd(mp.sin, -mpf(1) / 6), (0, square), 3)
    polynomial("cos_tail", lambda t: (mp.cos(mp.sqrt(t)) - 1) / t if t > tiny else -mpf(1) / 2, (0, square), 3)
    polynomial("asin_tail", odd(mp.asin, mpf(1) / 6), (0, step ** 2), 4)
    polynomial("asin_rough", odd(mp.asin, mpf(1) / 6), (0, 0.51), 4)
    print("/* 256/pi; the first bit stands for 2^68 */")
    words = 21
    bits = int(mp.floor(1 / step * mpf(2) ** (64 * words - 69)))
    print(f"const uint64_t tdm__exact_angle_steps[{words}] = {{")
    for i in range(words):
        print(f"    UINT64_C(0x{bits >> 64 * (words - 1 - i) & (1 << 64) - 1:016x}),")
    print("};")


def main():
    print("/* Made by tools/gen_exact_tables.py; do not edit. exact_tables.h says what it holds. */")
    print('#include "base/exact_tables.h"')
    for part in (exponential, logarithm, angles):
        print()
        part()


if __name__ == "__main__":
    main()
