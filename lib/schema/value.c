/* One value and its text, by the declared type.
 *
 * Reading takes every form that docs/reference/values.md lists and nothing else; a text is one value or an error that
 * says what was expected. Writing gives the one form that reads back to the same bits. No doubles are used on the way
 * of an integer or a decimal. */
#include <string.h>

#include "base/fail.h"
#include "base/number.h"
#include "schema/instant.h"
#include "schema/type.h"

__extension__ typedef unsigned __int128 u128;

static tdm_status misfit(tdm_status status, const tdm_type *type, tdm_str text, const char *what, tdm_error *err)
{
    char name[64];
    tdm__type_format(type, name);
    tdm_status s = tdm__fail(err, status, NULL, "%s", what);
    tdm__fail_expected(err, "%s", name);
    tdm__fail_found_text(err, text);
    tdm_str trimmed = tdm__str_trim(text);
    if (trimmed.len < text.len)
        tdm__fail_hint(err, "spaces around a value are part of it");
    return s;
}

static bool is_word(tdm_str text, const char *lower)
{
    size_t n = strlen(lower);
    if (text.len != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((text.ptr[i] | 0x20) != lower[i])
            return false;
    return true;
}

static tdm_status parse_bool(const tdm_type *type, tdm_str text, tdm_value *out, tdm_error *err)
{
    bool one = tdm__str_is(text, "1"), zero = tdm__str_is(text, "0");
    if (!one && !zero && !is_word(text, "true") && !is_word(text, "false"))
        return misfit(TDM_FIELD_TYPE, type, text, "the text is not true, false, 1 or 0", err);
    out->as.b = one || is_word(text, "true");
    return TDM_OK;
}

static tdm_status parse_i64(const tdm_type *type, tdm_str text, tdm_value *out, tdm_error *err)
{
    bool overflow = false;
    bool whole = tdm__parse_i64(text, &out->as.i64, &overflow);
    if (overflow)
        return misfit(TDM_FIELD_RANGE, type, text, "the integer is outside -2^63 to 2^63-1", err);
    if (whole)
        return TDM_OK;
    double v;
    if (tdm__parse_f64(text, &v, NULL))
        return misfit(TDM_FIELD_TYPE, type, text, "the number is not written as an integer", err);
    return misfit(TDM_FIELD_TYPE, type, text, "the text is not an integer", err);
}

static tdm_status parse_float(const tdm_type *type, tdm_str text, tdm_value *out, tdm_error *err)
{
    bool overflow = false;
    bool number = type->kind == TDM_F32 ? tdm__parse_f32(text, &out->as.f32, &overflow)
                                        : tdm__parse_f64(text, &out->as.f64, &overflow);
    if (overflow)
        return misfit(TDM_FIELD_RANGE, type, text, "the number is too large", err);
    return number ? TDM_OK : misfit(TDM_FIELD_TYPE, type, text, "the text is not a number", err);
}

/* A decimal text taken apart: value = digits x 10^exponent, where digits has neither leading nor trailing zeros. */
typedef struct decimal_parts {
    bool negative;
    size_t first, n; /* where the first digit that counts lies, and how many count; a point may lie among them */
    int64_t exponent;
} decimal_parts;

/* An exponent's digits from `at` to the end, saturated far above what any decimal can use. */
static bool parse_exponent(tdm_str s, size_t at, int64_t *out)
{
    bool negative = at < s.len && s.ptr[at] == '-';
    at += at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+');
    if (at == s.len)
        return false;
    int64_t v = 0;
    for (; at < s.len; at++) {
        if (s.ptr[at] < '0' || s.ptr[at] > '9')
            return false;
        if (v < INT64_C(1000000000000))
            v = v * 10 + (s.ptr[at] - '0');
    }
    *out = negative ? -v : v;
    return true;
}

static bool take_decimal_apart(tdm_str s, decimal_parts *out)
{
    size_t at = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
    size_t digits = 0, zeros = 0; /* zeros: at the end of those that count so far */
    int64_t after_point = 0;
    bool point = false;
    *out = (decimal_parts){.negative = at > 0 && s.ptr[0] == '-'};
    for (; at < s.len; at++) {
        char c = s.ptr[at];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        digits++;
        after_point += point;
        if (out->n == 0 && c == '0')
            continue;
        if (out->n == 0)
            out->first = at;
        out->n++;
        zeros = c == '0' ? zeros + 1 : 0;
    }
    int64_t written = 0;
    if (digits == 0)
        return false;
    if (at < s.len && ((s.ptr[at] | 0x20) != 'e' || !parse_exponent(s, at + 1, &written)))
        return false;
    out->n -= zeros;
    out->exponent = written - after_point + (int64_t)zeros;
    return true;
}

static tdm_status parse_decimal(const tdm_type *type, tdm_str text, tdm_value *out, tdm_error *err)
{
    decimal_parts d;
    if (!take_decimal_apart(text, &d))
        return misfit(TDM_FIELD_TYPE, type, text, "the text is not a decimal number", err);
    int64_t shift = d.exponent + type->scale;
    if (d.n > 0 && shift < 0)
        return misfit(TDM_FIELD_RANGE, type, text, "the number has more digits after the point than the type", err);
    if (d.n > 0 && (d.n > type->precision || shift > type->precision - (int64_t)d.n))
        return misfit(TDM_FIELD_RANGE, type, text, "the number has more digits than the type", err);
    u128 v = 0;
    for (size_t at = d.first, i = 0; i < d.n; at++)
        if (text.ptr[at] != '.') {
            v = v * 10 + (unsigned)(text.ptr[at] - '0');
            i++;
        }
    for (int64_t i = 0; d.n > 0 && i < shift; i++)
        v *= 10;
    if (d.negative)
        v = -v;
    out->scale = type->scale;
    out->as.dec = (tdm_i128){(uint64_t)v, (int64_t)(uint64_t)(v >> 64)};
    return TDM_OK;
}

static tdm_status parse_string(const tdm_type *type, tdm_str text, tdm_value *out, tdm_error *err)
{
    if (!tdm__utf8_valid(text))
        return misfit(TDM_TEXT_ENCODING, type, text, "the text is not valid UTF-8", err);
    out->as.str = text;
    return TDM_OK;
}

static tdm_status parse_timestamp(const tdm_type *type, tdm_str text, tdm_value *out, tdm_error *err)
{
    if (tdm__instant_parse(text, &out->as.time_us))
        return TDM_OK;
    int64_t count;
    bool overflow = false;
    bool whole = tdm__parse_i64(text, &count, &overflow);
    if (!whole && !overflow) {
        tdm_status s = misfit(TDM_FIELD_TYPE, type, text, "the text is not a time", err);
        const char *before = type->unit[0] ? ", or an integer (" : "", *after = type->unit[0] ? ")" : "";
        tdm__fail_expected(err, "RFC 3339 with a zone, as 2013-06-01T10:00:00Z%s%s%s", before, type->unit, after);
        return s;
    }
    if (!type->unit[0]) {
        tdm_status s = misfit(TDM_FIELD_TYPE, type, text, "an integer is a time only where the type has a unit", err);
        tdm__fail_hint(err, "declare it as 'timestamp s', 'timestamp ms' or 'timestamp us'");
        return s;
    }
    int64_t us = strcmp(type->unit, "s") == 0 ? 1000000 : strcmp(type->unit, "ms") == 0 ? 1000 : 1;
    if (overflow || count > INT64_MAX / us || count < INT64_MIN / us)
        return misfit(TDM_FIELD_RANGE, type, text, "the time is beyond what microseconds in 64 bits hold", err);
    out->as.time_us = count * us;
    return TDM_OK;
}

tdm_status tdm__value_parse(const tdm_type *type, tdm_str text, tdm_value *out, tdm_error *err)
{
    typedef tdm_status parse_fn(const tdm_type *, tdm_str, tdm_value *, tdm_error *);
    static parse_fn *const parse[TDM_KIND_COUNT] = {
        [TDM_BOOL] = parse_bool,
        [TDM_I64] = parse_i64,
        [TDM_F32] = parse_float,
        [TDM_F64] = parse_float,
        [TDM_DECIMAL] = parse_decimal,
        [TDM_STRING] = parse_string,
        [TDM_TIMESTAMP] = parse_timestamp,
    };
    memset(out, 0, sizeof *out);
    out->kind = type->kind;
    tdm_status s = parse[type->kind](type, text, out, err);
    if (!s)
        out->presence = TDM_PRESENT;
    return s;
}

/* "-12.50": sign, at least one digit before the point, exactly `scale` after it. At most 41 bytes and a NUL. */
static size_t format_decimal(tdm_i128 d, unsigned scale, char out[48])
{
    u128 v = (u128)(uint64_t)d.hi << 64 | d.lo;
    bool negative = d.hi < 0;
    if (negative)
        v = -v;
    char reversed[48];
    size_t n = 0;
    do {
        reversed[n++] = (char)('0' + (unsigned)(v % 10));
        v /= 10;
        if (n == scale && scale > 0) {
            reversed[n++] = '.';
            scale = 0; /* the point is written once */
            if (v == 0)
                reversed[n++] = '0';
        }
    } while (v != 0 || n < scale);
    if (negative)
        reversed[n++] = '-';
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    out[n] = '\0';
    return n;
}

/* The text of a present value that is not a string. */
static size_t format_plain(const tdm_value *v, char out[48])
{
    switch ((tdm_kind)v->kind) {
    case TDM_BOOL: memcpy(out, v->as.b ? "true" : "false", 6 - v->as.b); return 5 - v->as.b;
    case TDM_I64: return tdm__format_i64(v->as.i64, out);
    case TDM_F32: return tdm__format_f32(v->as.f32, out);
    case TDM_F64: return tdm__format_f64(v->as.f64, out);
    case TDM_DECIMAL: return format_decimal(v->as.dec, v->scale, out);
    case TDM_TIMESTAMP: return tdm__instant_format(v->as.time_us, out);
    case TDM_STRING:
    case TDM_KIND_COUNT: break;
    }
    return 0;
}

void tdm__value_format(const tdm_value *v, tdm__buf *out)
{
    char text[48];
    if (v->presence != TDM_PRESENT)
        return;
    if (v->kind == TDM_STRING)
        tdm__buf_str(out, v->as.str);
    else
        tdm__buf_add(out, text, format_plain(v, text));
}

static bool is_finite(const tdm_value *v)
{
    double d = v->kind == TDM_F32 ? (double)v->as.f32 : v->as.f64;
    return d - d == 0;
}

void tdm__value_json(const tdm_value *v, tdm__buf *out)
{
    char text[48];
    if (v->presence != TDM_PRESENT) {
        tdm__buf_text(out, "null");
        return;
    }
    if (v->kind == TDM_STRING) {
        tdm__buf_json_text(out, v->as.str);
        return;
    }
    bool is_float = v->kind == TDM_F32 || v->kind == TDM_F64;
    bool quoted = v->kind == TDM_DECIMAL || v->kind == TDM_TIMESTAMP || (is_float && !is_finite(v));
    size_t n = format_plain(v, text);
    if (quoted)
        tdm__buf_char(out, '"');
    tdm__buf_add(out, text, n);
    if (quoted)
        tdm__buf_char(out, '"');
}

bool tdm__value_same(const tdm_value *a, const tdm_value *b)
{
    if (a->kind != b->kind || a->presence != b->presence)
        return false;
    if (a->presence != TDM_PRESENT)
        return true;
    switch ((tdm_kind)a->kind) {
    case TDM_BOOL: return a->as.b == b->as.b;
    case TDM_F32: return memcmp(&a->as.f32, &b->as.f32, sizeof a->as.f32) == 0;
    case TDM_I64:
    case TDM_F64:
    case TDM_TIMESTAMP: return memcmp(&a->as, &b->as, 8) == 0;
    case TDM_DECIMAL:
        return a->scale == b->scale && a->as.dec.lo == b->as.dec.lo && a->as.dec.hi == b->as.dec.hi;
    case TDM_STRING: return tdm__str_equal(a->as.str, b->as.str);
    case TDM_KIND_COUNT: break;
    }
    return false;
}

bool tdm__value_as_f64(const tdm_value *v, double *out)
{
    char text[48];
    if (v->presence != TDM_PRESENT)
        return false;
    switch ((tdm_kind)v->kind) {
    case TDM_BOOL: *out = v->as.b; return true;
    case TDM_I64: *out = (double)v->as.i64; return true;
    case TDM_F32: *out = (double)v->as.f32; return true;
    case TDM_F64: *out = v->as.f64; return true;
    case TDM_DECIMAL: return tdm__parse_f64(tdm__strn(text, format_decimal(v->as.dec, v->scale, text)), out, NULL);
    case TDM_STRING:
    case TDM_TIMESTAMP:
    case TDM_KIND_COUNT: break;
    }
    return false;
}
