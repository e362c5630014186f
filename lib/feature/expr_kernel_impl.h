/* Shapes of loops that the kernels share.
 *
 * Presence is handled in a loop of its own over bytes; values of absent rows are computed too where that is harmless
 * (plain arithmetic), and never touched where it is not (texts, calls). A result is present or null, never missing. */
#ifndef TDM_FEATURE_EXPR_KERNEL_IMPL_H
#define TDM_FEATURE_EXPR_KERNEL_IMPL_H

#include <string.h>

#include "feature/expr_impl.h"

/* Plain loops go in stripes of a fixed length: gcc makes vectors of those at -O2. Each row's result depends on that row
 * alone. */
enum { STRIPE = 16 };

/* Out may be one of the operands. */
static inline void join_presence(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t x, y;
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        x = UINT64_C(0x0101010101010101) * TDM_NULL + ((x & y) >> 1 & UINT64_C(0x0101010101010101));
        memcpy(out + i, &x, 8);
    }
    for (; i < n; i++)
        out[i] = (uint8_t)(TDM_NULL + ((a[i] & b[i]) >> 1));
}

/* Present where all operands are, else null. TDM_PRESENT is the only presence with bit 1, and 1 + 1 of that bit. */
static inline void present_where_all(const tdm__frame *f, unsigned n_in)
{
    join_presence(f->out->presence, f->in[0]->presence, f->in[n_in > 1 ? 1 : 0]->presence, f->rows);
    for (unsigned j = 2; j < n_in; j++)
        join_presence(f->out->presence, f->out->presence, f->in[j]->presence, f->rows);
}

/* Row i is null unless `ok`. */
static inline void null_unless(uint8_t *presence, size_t i, bool ok)
{
    presence[i] = ok ? presence[i] : TDM_NULL;
}

static inline bool is_present(const tdm__column *column, size_t i)
{
    return column->presence[i] == TDM_PRESENT;
}

/* out[i] = value of x (and y), for every row. */
#define MAP1(name, IN, member_in, OUT, member_out, value)                        \
    bool tdm__k_##name(const tdm__expr_extra *extra, const tdm__frame *f)        \
    {                                                                            \
        const IN *restrict a = f->in[0]->as.member_in;                           \
        OUT *restrict out = f->out->as.member_out;                               \
        (void)extra;                                                             \
        present_where_all(f, 1);                                                 \
        size_t i = 0, n = f->rows;                                               \
        for (; n - i >= STRIPE; i += STRIPE)                                     \
            for (size_t j = i; j < i + STRIPE; j++) {                            \
                IN x = a[j];                                                     \
                out[j] = (value);                                                \
            }                                                                    \
        for (; i < n; i++) {                                                     \
            IN x = a[i];                                                         \
            out[i] = (value);                                                    \
        }                                                                        \
        return true;                                                             \
    }
#define MAP2(name, IN_A, member_a, IN_B, member_b, OUT, member_out, value)       \
    bool tdm__k_##name(const tdm__expr_extra *extra, const tdm__frame *f)        \
    {                                                                            \
        const IN_A *restrict a = f->in[0]->as.member_a;                          \
        const IN_B *restrict b = f->in[1]->as.member_b;                          \
        OUT *restrict out = f->out->as.member_out;                               \
        (void)extra;                                                             \
        present_where_all(f, 2);                                                 \
        size_t i = 0, n = f->rows;                                               \
        for (; n - i >= STRIPE; i += STRIPE)                                     \
            for (size_t j = i; j < i + STRIPE; j++) {                            \
                IN_A x = a[j];                                                   \
                IN_B y = b[j];                                                   \
                out[j] = (value);                                                \
            }                                                                    \
        for (; i < n; i++) {                                                     \
            IN_A x = a[i];                                                       \
            IN_B y = b[i];                                                       \
            out[i] = (value);                                                    \
        }                                                                        \
        return true;                                                             \
    }

/* As above for present rows only, null where `ok` is false. */
#define SOME1(name, IN, member_in, OUT, member_out, ok, value)                   \
    bool tdm__k_##name(const tdm__expr_extra *extra, const tdm__frame *f)        \
    {                                                                            \
        const IN *restrict a = f->in[0]->as.member_in;                           \
        OUT *restrict out = f->out->as.member_out;                               \
        (void)extra;                                                             \
        present_where_all(f, 1);                                                 \
        for (size_t i = 0; i < f->rows; i++) {                                   \
            if (!is_present(f->out, i))                                          \
                continue;                                                        \
            IN x = a[i];                                                         \
            if (ok)                                                              \
                out[i] = (value);                                                \
            else                                                                 \
                f->out->presence[i] = TDM_NULL;                                  \
        }                                                                        \
        return true;                                                             \
    }
#define SOME2(name, IN, member_in, OUT, member_out, ok, value)                   \
    bool tdm__k_##name(const tdm__expr_extra *extra, const tdm__frame *f)        \
    {                                                                            \
        const IN *restrict a = f->in[0]->as.member_in;                           \
        const IN *restrict b = f->in[1]->as.member_in;                           \
        OUT *restrict out = f->out->as.member_out;                               \
        (void)extra;                                                             \
        present_where_all(f, 2);                                                 \
        for (size_t i = 0; i < f->rows; i++) {                                   \
            if (!is_present(f->out, i))                                          \
                continue;                                                        \
            IN x = a[i], y = b[i];                                               \
            if (ok)                                                              \
                out[i] = (value);                                                \
            else                                                                 \
                f->out->presence[i] = TDM_NULL;                                  \
        }                                                                        \
        return true;                                                             \
    }

#endif
