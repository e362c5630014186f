#!/usr/bin/env python3
"""Prints lib/base/powers_of_ten.c: every power of ten that reading and writing doubles needs, to 128 bits.

    python3 tools/gen_powers_of_ten.py > lib/base/powers_of_ten.c

An entry is 10^q scaled by a power of two into [2^127, 2^128). For q >= 0 it is cut down to an integer, which is exact
up to q = 55; for q < 0 it is one more than the cut value, so never below the true one. That is what the reading
algorithm's proof asks for; the writing one wants upper bounds throughout and adds its one where needed. Only integers
are used here, so the output depends on nothing but this file.
"""

FIRST, LAST = -342, 324
BITS = 128


def entry(q):
    if q >= 0:
        power = 10 ** q
        shift = power.bit_length() - BITS
        return power >> shift if shift > 0 else power << -shift
    power = 10 ** -q
    shift = BITS + power.bit_length() - 1    # 2^shift / power lies in [2^127, 2^128)
    return (1 << shift) // power + 1


def main():
    print("/* Made by tools/gen_powers_of_ten.py; do not edit. powers_of_ten.h says what it holds. */")
    print('#include "base/powers_of_ten.h"')
    print()
    print("const tdm__power_of_ten tdm__powers_of_ten[TDM__POWER_LAST - TDM__POWER_FIRST + 1] = {")
    for q in range(FIRST, LAST + 1):
        value = entry(q)
        assert 1 << BITS - 1 <= value < 1 << BITS
        print(f"    {{0x{value >> 64:016x}, 0x{value & (1 << 64) - 1:016x}}}, /* {q} */")
    print("};")


if __name__ == "__main__":
    main()
