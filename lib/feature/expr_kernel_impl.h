/* Shapes of loops that the kernels share.
 *
 * Presence is handled in a loop of its own over bytes; values of absent rows are computed too where that is harmless (plain
 * arithmetic), and never touched where it is not (texts, calls). A result is present or null, never missing. */
#ifndef TDM_FEATURE_EXPR_KERNEL_IMPL_H
#define TDM_FEATURE_EXPR_KERNEL_IMPL_H

#include "feature/expr_impl.h"

/* Present where all operands are, else null. TDM_PRESENT is the only presence with bit 1, and 1 + 1 of that bit. */
static inline void present_where_all(const tdm__frame *f, unsigned n_in)
{
    uint8_t *restrict out = f->out->presence;
    const uint8_t *restrict a = f->in[0]->presence, *restrict b = f->in[n_in > 1 ? 1 : 0]->presence;
    for (size_t i = 0; i < f->rows; i++)
        out[i] = (uint8_t)(TDM_NULL + ((a[i] & b[i]) >> 1));
    for (unsigned j = 2; j < n_in; j++) {
        const uint8_t *restrict c = f->in[j]->presence;
        for (size_t i = 0; i < f->rows; i++)
            out[i] = (uint8_t)(TDM_NULL + ((out[i] & c[i]) >> 1));
    }
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
        for (size_t i = 0; i < f->rows; i++) {                                   \
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
        for (size_t i = 0; i < f->rows; i++) {                                   \
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
