/* Kernels of texts, hashes and tables: their results' bytes lie in the caller's arena. ASCII letters only change
 * case. */
#include <string.h>

#include "base/digest.h"
#include "base/number.h"
#include "feature/expr_kernel_impl.h"

/* Bytes mapped one to one. */
static bool map_bytes(const tdm__frame *f, char first, char last)
{
    present_where_all(f, 1);
    for (size_t i = 0; i < f->rows; i++) {
        if (!is_present(f->out, i))
            continue;
        tdm_str x = f->in[0]->as.str[i];
        char *bytes = tdm__arena_alloc(f->arena, x.len);
        if (!bytes)
            return false;
        for (size_t j = 0; j < x.len; j++)
            bytes[j] = x.ptr[j] >= first && x.ptr[j] <= last ? (char)(x.ptr[j] ^ 0x20) : x.ptr[j];
        f->out->as.str[i] = tdm__strn(bytes, x.len);
    }
    return true;
}

bool tdm__k_lower(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    return map_bytes(f, 'A', 'Z');
}

bool tdm__k_upper(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    return map_bytes(f, 'a', 'z');
}

/* Joins row i of n columns into fresh bytes; a result over the limit is null. */
static bool join_row(const tdm__frame *f, unsigned n, size_t i)
{
    size_t len = 0;
    for (unsigned j = 0; j < n && len <= TDM__EXPR_MADE_BYTES; j++)
        len += f->in[j]->as.str[i].len;
    if (len > TDM__EXPR_MADE_BYTES) {
        f->out->presence[i] = TDM_NULL;
        return true;
    }
    char *bytes = tdm__arena_alloc(f->arena, len), *to = bytes;
    if (!bytes)
        return false;
    for (unsigned j = 0; j < n; j++) {
        tdm_str part = f->in[j]->as.str[i];
        if (part.len)
            memcpy(to, part.ptr, part.len);
        to += part.len;
    }
    f->out->as.str[i] = tdm__strn(bytes, len);
    return true;
}

bool tdm__k_concat(const tdm__expr_extra *extra, const tdm__frame *f)
{
    present_where_all(f, extra->n);
    for (size_t i = 0; i < f->rows; i++)
        if (is_present(f->out, i) && !join_row(f, extra->n, i))
            return false;
    return true;
}

static bool begins(tdm_str x, tdm_str part)
{
    return part.len == 0 || (x.len >= part.len && memcmp(x.ptr, part.ptr, part.len) == 0);
}

static bool finishes(tdm_str x, tdm_str part)
{
    return part.len == 0 || (x.len >= part.len && memcmp(x.ptr + x.len - part.len, part.ptr, part.len) == 0);
}

/* Jumps from one first byte to the next. The worst case is the product of the lengths, both bounded by a record. */
static bool holds(tdm_str x, tdm_str part)
{
    if (part.len == 0)
        return true;
    for (size_t at = 0; at + part.len <= x.len; at++) {
        const char *next = memchr(x.ptr + at, part.ptr[0], x.len - part.len - at + 1);
        if (!next)
            return false;
        if (memcmp(next, part.ptr, part.len) == 0)
            return true;
        at = (size_t)(next - x.ptr);
    }
    return false;
}

SOME2(starts_with, tdm_str, str, uint8_t, b, true, begins(x, y))
SOME2(ends_with, tdm_str, str, uint8_t, b, true, finishes(x, y))
SOME2(contains, tdm_str, str, uint8_t, b, true, holds(x, y))

/* Every byte that does not continue a character begins one. */
static int64_t characters(tdm_str x)
{
    int64_t n = 0;
    for (size_t i = 0; i < x.len; i++)
        n += ((unsigned char)x.ptr[i] & 0xc0) != 0x80;
    return n;
}

SOME1(length, tdm_str, str, int64_t, i64, true, characters(x))

static int64_t fold_hash(uint64_t hash, int64_t modulus)
{
    int64_t positive = (int64_t)(hash & INT64_MAX);
    return modulus ? positive % modulus : positive;
}

static int64_t hash_i64(int64_t x, int64_t modulus)
{
    uint8_t bytes[8];
    tdm__store64(bytes, (uint64_t)x);
    return fold_hash(tdm__hash64(bytes, sizeof bytes), modulus);
}

SOME1(hash_i64, int64_t, i64, int64_t, i64, true, hash_i64(x, extra->modulus))
SOME1(hash_text, tdm_str, str, int64_t, i64, true, fold_hash(tdm__hash64(x.ptr, x.len), extra->modulus))

/* What row i of lookup() is: found, the default, or null. */
static void look_up_row(const tdm__expr_extra *extra, const tdm__frame *f, size_t i)
{
    tdm_value key, found = {.presence = TDM_MISSING};
    tdm__column_get(f->in[0], i, &key);
    if (key.presence == TDM_PRESENT)
        extra->table->find(extra->table->self, &key, &found);
    if (found.presence == TDM_MISSING && extra->n)
        tdm__column_get(f->in[1], i, &found);
    if (found.presence == TDM_PRESENT && found.kind == f->out->type.kind)
        tdm__column_set(f->out, i, &found);
    else
        f->out->presence[i] = TDM_NULL;
}

bool tdm__k_lookup(const tdm__expr_extra *extra, const tdm__frame *f)
{
    for (size_t i = 0; i < f->rows; i++)
        look_up_row(extra, f, i);
    return true;
}

static bool parse_i64(tdm_str text, int64_t *out)
{
    bool overflow = false;
    return tdm__parse_i64(text, out, &overflow) && !overflow;
}

bool tdm__k_text_to_i64(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    present_where_all(f, 1);
    for (size_t i = 0; i < f->rows; i++)
        if (is_present(f->out, i) && !parse_i64(f->in[0]->as.str[i], &f->out->as.i64[i]))
            f->out->presence[i] = TDM_NULL;
    return true;
}

bool tdm__k_text_to_f64(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    present_where_all(f, 1);
    for (size_t i = 0; i < f->rows; i++) {
        double v;
        if (!is_present(f->out, i))
            continue;
        if (tdm__parse_f64(f->in[0]->as.str[i], &v, NULL))
            f->out->as.f64[i] = v == v ? v : tdm__expr_nan();
        else
            f->out->presence[i] = TDM_NULL;
    }
    return true;
}

static bool text_of(const tdm__frame *f, tdm__buf *scratch)
{
    for (size_t i = 0; i < f->rows; i++) {
        if (!is_present(f->out, i))
            continue;
        tdm_value v;
        tdm__column_get(f->in[0], i, &v);
        tdm__buf_reset(scratch);
        tdm__value_format(&v, scratch);
        tdm_str text = {scratch->ptr, scratch->len};
        if (scratch->failed || !tdm__arena_str(f->arena, text, &f->out->as.str[i]))
            return false;
    }
    return true;
}

bool tdm__k_to_text(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    tdm__buf scratch = {0};
    present_where_all(f, 1);
    bool done = text_of(f, &scratch);
    tdm__buf_free(&scratch);
    return done;
}
