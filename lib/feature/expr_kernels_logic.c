/* Kernels of truth and choice: comparisons, and/or/not, in, if, coalesce, is_null.
 *
 * Logic is three-valued: null stands for "not known", so `false and null` is false and `true or null` is true.
 * Comparisons of f64 are IEEE: NaN equals nothing. Mixed comparisons are exact; nothing is rounded to make two numbers
 * comparable. */
#include <string.h>

#include "feature/expr_kernel_impl.h"

#define COMPARE(suffix, TYPE, member)                                                  \
    MAP2(eq_##suffix, TYPE, member, TYPE, member, uint8_t, b, x == y)                  \
    MAP2(ne_##suffix, TYPE, member, TYPE, member, uint8_t, b, x != y)                  \
    MAP2(lt_##suffix, TYPE, member, TYPE, member, uint8_t, b, x < y)                   \
    MAP2(le_##suffix, TYPE, member, TYPE, member, uint8_t, b, x <= y)                  \
    MAP2(gt_##suffix, TYPE, member, TYPE, member, uint8_t, b, x > y)                   \
    MAP2(ge_##suffix, TYPE, member, TYPE, member, uint8_t, b, x >= y)
COMPARE(i64, int64_t, i64)
COMPARE(f64, double, f64)

/* The order's bit in the operator's mask. */
static inline uint8_t holds(const tdm__expr_extra *extra, unsigned order)
{
    return extra->mask >> order & 1;
}

static unsigned order_of(int compared)
{
    return compared < 0 ? 0 : compared > 0 ? 2 : 1;
}

/* less <-> greater */
static unsigned swapped(unsigned order)
{
    return order < 3 ? 2 - order : order;
}

MAP2(order_mixed, int64_t, i64, double, f64, uint8_t, b, holds(extra, tdm__order_i64_f64(x, y)))
MAP2(order_mixed_swapped, double, f64, int64_t, i64, uint8_t, b, holds(extra, swapped(tdm__order_i64_f64(y, x))))
SOME2(order_decimal, tdm_i128, dec, uint8_t, b, true,
      holds(extra, tdm__order_decimal(x, extra->scale[0], y, extra->scale[1])))
SOME2(order_text, tdm_str, str, uint8_t, b, true, holds(extra, order_of(tdm__str_compare(x, y))))
MAP2(order_bool, uint8_t, b, uint8_t, b, uint8_t, b, holds(extra, order_of((x != 0) - (y != 0))))

/* `settles`: the operand's value that decides alone. */
static bool logic(const tdm__frame *f, uint8_t settles)
{
    const tdm__column *a = f->in[0], *b = f->in[1];
    for (size_t i = 0; i < f->rows; i++) {
        bool known_a = is_present(a, i), known_b = is_present(b, i);
        bool settled = (known_a && a->as.b[i] == settles) || (known_b && b->as.b[i] == settles);
        f->out->presence[i] = settled || (known_a && known_b) ? TDM_PRESENT : TDM_NULL;
        f->out->as.b[i] = settled ? settles : !settles;
    }
    return true;
}

bool tdm__k_and_bool(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    return logic(f, 0);
}

bool tdm__k_or_bool(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    return logic(f, 1);
}

MAP1(not_bool, uint8_t, b, uint8_t, b, x == 0)

/* Whether x is in the sorted list. */
#define FOUND(suffix, TYPE, is_less)                                     \
    static bool found_##suffix(const TYPE *list, uint32_t n, TYPE x)     \
    {                                                                    \
        uint32_t low = 0;                                                \
        for (uint32_t high = n; low < high;) {                           \
            uint32_t middle = low + (high - low) / 2;                    \
            TYPE at = list[middle];                                      \
            if (is_less(at, x))                                          \
                low = middle + 1;                                        \
            else                                                         \
                high = middle;                                           \
        }                                                                \
        return low < n && !is_less(x, list[low]) && !is_less(list[low], x); \
    }
#define LESS(x, y) ((x) < (y))
#define LESS_TEXT(x, y) (tdm__str_compare(x, y) < 0)
FOUND(i64, int64_t, LESS)
FOUND(f64, double, LESS)
FOUND(text, tdm_str, LESS_TEXT)

/* A few texts are compared one by one: lengths mostly tell them apart. */
static bool is_text_of(const tdm_str *list, uint32_t n, tdm_str x)
{
    if (n > 8)
        return found_text(list, n, x);
    for (uint32_t i = 0; i < n; i++)
        if (tdm__str_equal(list[i], x))
            return true;
    return false;
}

SOME1(in_i64, int64_t, i64, uint8_t, b, true, found_i64(extra->i64, extra->n, x) != extra->negated)
/* NaN is never less, so the search would end on any entry: it is asked for first. */
SOME1(in_f64, double, f64, uint8_t, b, true, (x == x && found_f64(extra->f64, extra->n, x)) != extra->negated)
SOME1(in_text, tdm_str, str, uint8_t, b, true, is_text_of(extra->text, extra->n, x) != extra->negated)

bool tdm__k_is_null(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    for (size_t i = 0; i < f->rows; i++)
        f->out->as.b[i] = !is_present(f->in[0], i);
    memset(f->out->presence, TDM_PRESENT, f->rows);
    return true;
}

bool tdm__k_is_missing(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    for (size_t i = 0; i < f->rows; i++)
        f->out->as.b[i] = f->in[0]->presence[i] == TDM_MISSING;
    memset(f->out->presence, TDM_PRESENT, f->rows);
    return true;
}

/* Values are moved by their width alone. */
typedef struct unit_16 {
    uint64_t half[2];
} unit_16;

/* A name alone: what is missing stays missing. */
#define COPY(size, TYPE)                                                           \
    bool tdm__k_copy_##size(const tdm__expr_extra *extra, const tdm__frame *f)     \
    {                                                                              \
        (void)extra;                                                               \
        memcpy(f->out->presence, f->in[0]->presence, f->rows);                     \
        memcpy(f->out->as.any, f->in[0]->as.any, f->rows * sizeof(TYPE));          \
        return true;                                                               \
    }

/* An operation that leaves the value as it is, as floor of i64: its result is null where the operand is missing. */
bool tdm__k_same_8(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    present_where_all(f, 1);
    memcpy(f->out->as.any, f->in[0]->as.any, f->rows * sizeof(uint64_t));
    return true;
}

/* Row i of `from` to row i of the result; missing becomes null. */
#define HAND_ON(from, TYPE, i)                                                     \
    do {                                                                           \
        f->out->presence[i] = is_present(from, i) ? TDM_PRESENT : TDM_NULL;        \
        ((TYPE *)f->out->as.any)[i] = ((const TYPE *)(from)->as.any)[i];           \
    } while (0)

#define CHOOSE(size, TYPE)                                                         \
    bool tdm__k_if_##size(const tdm__expr_extra *extra, const tdm__frame *f)       \
    {                                                                              \
        (void)extra;                                                               \
        for (size_t i = 0; i < f->rows; i++) {                                     \
            bool yes = is_present(f->in[0], i) && f->in[0]->as.b[i];               \
            const tdm__column *from = f->in[yes ? 1 : 2];                          \
            HAND_ON(from, TYPE, i);                                                \
        }                                                                          \
        return true;                                                               \
    }                                                                              \
    bool tdm__k_coalesce_##size(const tdm__expr_extra *extra, const tdm__frame *f) \
    {                                                                              \
        (void)extra;                                                               \
        for (size_t i = 0; i < f->rows; i++) {                                     \
            const tdm__column *from = f->in[is_present(f->in[0], i) ? 0 : 1];      \
            HAND_ON(from, TYPE, i);                                                \
        }                                                                          \
        return true;                                                               \
    }

COPY(1, uint8_t)
COPY(4, uint32_t)
COPY(8, uint64_t)
COPY(16, unit_16)
CHOOSE(1, uint8_t)
CHOOSE(4, uint32_t)
CHOOSE(8, uint64_t)
CHOOSE(16, unit_16)
