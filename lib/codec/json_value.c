/* JSON values one at a time: numbers to their types, and values into columns by the column's type.
 *
 * Numbers go from their text to their type, never by way of another. The usual spellings take one pass; whatever is
 * unusual goes through tdm__value_parse, so that both say the same of a text. */
#include <math.h>

#include "base/fail.h"
#include "codec/json_scan_impl.h"
#include "codec/rows_impl.h"

/* ---- numbers ---- */

const char *tdm__json_read_last_number(const char *p, const char *end, tdm__json_number *out)
{
    return tdm__json_read_number_at(p, end, false, out);
}

static const char *skip_digits(const char *p, const char *end)
{
    while (tdm__json_is_digit(p, end))
        p++;
    return p;
}

/* The number at s->at, byte by byte, saying what is wrong with it. */
static tdm_status eat_number(tdm__json_scan *s, tdm_str *out)
{
    const char *from = s->at, *p = from + (*from == '-'), *after = skip_digits(p, s->end);
    if (after == p)
        return tdm__json_fault(s, p, "a digit must follow");
    if (*p == '0' && after > p + 1)
        return tdm__json_fault(s, p + 1, "a number may not begin with 0");
    if (after < s->end && *after == '.') {
        p = after + 1;
        after = skip_digits(p, s->end);
        if (after == p)
            return tdm__json_fault(s, p, "a digit must follow the point");
    }
    if (after < s->end && (*after | 0x20) == 'e') {
        p = after + 1;
        if (p < s->end && (*p == '+' || *p == '-'))
            p++;
        after = skip_digits(p, s->end);
        if (after == p)
            return tdm__json_fault(s, p, "a digit must follow the exponent's mark");
    }
    *out = tdm__strn(from, (size_t)(after - from));
    s->at = after;
    return TDM_OK;
}

static bool at_number(const tdm__json_scan *s)
{
    return s->at < s->end && (*s->at == '-' || (unsigned char)(*s->at - '0') < 10);
}

tdm_status tdm__json_take_number(tdm__json_scan *scan, tdm_str *out)
{
    tdm__json_skip_space(scan);
    if (at_number(scan))
        return eat_number(scan, out);
    return tdm__json_wrong_kind(scan, "the value is not a number", "a number");
}

static tdm_status misfit(tdm__json_scan *s, tdm_status status, tdm_str text, const char *what)
{
    status = tdm__fail(s->err, status, NULL, "%s", what);
    tdm__fail_found_text(s->err, text);
    return status;
}

static tdm_status outside(tdm__json_scan *s, tdm_str text, int64_t low, int64_t high)
{
    tdm_status status = misfit(s, TDM_FIELD_RANGE, text, "the integer is out of range");
    tdm__fail_expected(s->err, "%lld to %lld", (long long)low, (long long)high);
    return status;
}

tdm_status tdm__json_take_i64(tdm__json_scan *scan, int64_t low, int64_t high, int64_t *out)
{
    tdm__json_number n;
    tdm__json_skip_space(scan);
    const char *from = scan->at, *to = tdm__json_read_number(from, scan->end, &n);
    if (!to) {
        if (!at_number(scan))
            return tdm__json_wrong_kind(scan, "the value is not an integer", "an integer");
        tdm_str none;
        return eat_number(scan, &none);
    }
    scan->at = to;
    tdm_str text = tdm__strn(from, (size_t)(to - from));
    if (!n.integer) {
        tdm_status status = misfit(scan, TDM_FIELD_TYPE, text, "the number is not written as an integer");
        tdm__fail_expected(scan->err, "an integer");
        return status;
    }
    if (!n.exact || n.digits > (uint64_t)INT64_MAX + n.negative)
        return outside(scan, text, low, high);
    int64_t v = n.negative ? (int64_t)(0 - n.digits) : (int64_t)n.digits;
    if (v < low || v > high)
        return outside(scan, text, low, high);
    *out = v;
    return TDM_OK;
}

static bool eat_unfinite(tdm__json_scan *s, double *out)
{
    if (tdm__json_eat_word(s, "NaN"))
        *out = (double)NAN;
    else if (tdm__json_eat_word(s, "Infinity"))
        *out = (double)INFINITY;
    else if (tdm__json_eat_word(s, "-Infinity"))
        *out = -(double)INFINITY;
    else
        return false;
    return true;
}

static tdm_status take_other_f64(tdm__json_scan *s, bool words, double *out)
{
    tdm_str none;
    if (words && eat_unfinite(s, out))
        return TDM_OK;
    if (words && tdm__json_eat_word(s, "null")) {
        *out = (double)NAN;
        return TDM_OK;
    }
    if (at_number(s))
        return eat_number(s, &none);
    return tdm__json_wrong_kind(s, "the value is not a number", "a number");
}

tdm_status tdm__json_take_f64(tdm__json_scan *scan, bool words, double *out)
{
    tdm__json_number n;
    tdm__json_skip_space(scan);
    const char *from = scan->at, *to = tdm__json_read_number(from, scan->end, &n);
    if (!to)
        return take_other_f64(scan, words, out);
    double v = tdm__json_to_f64(&n, from, to);
    scan->at = to;
    if (!tdm__json_is_finite(v)) {
        tdm_str text = tdm__strn(from, (size_t)(to - from));
        tdm_status status = misfit(scan, TDM_FIELD_RANGE, text, "the number is too large");
        tdm__fail_expected(scan->err, "a number below 1.8e308");
        return status;
    }
    *out = v;
    return TDM_OK;
}

/* ---- words ---- */

bool tdm__json_take_null(tdm__json_scan *scan)
{
    tdm__json_skip_space(scan);
    return tdm__json_eat_word(scan, "null");
}

tdm_status tdm__json_take_bool(tdm__json_scan *scan, bool *out)
{
    tdm__json_skip_space(scan);
    bool yes = tdm__json_eat_word(scan, "true");
    if (!yes && !tdm__json_eat_word(scan, "false"))
        return tdm__json_wrong_kind(scan, "the value is not true or false", "true or false");
    *out = yes;
    return TDM_OK;
}

/* ---- values of columns ---- */

/* The value at s->at is of another kind than the column's. */
static tdm_status wrong_type(tdm__json_scan *s, const tdm__column *column)
{
    char type[64];
    tdm__type_format(&column->type, type);
    return tdm__json_wrong_kind(s, "the value does not have the field's type", type);
}

static tdm_status set_parsed(tdm__json_scan *s, tdm__column *column, size_t row, tdm_str text)
{
    tdm_value v;
    tdm_status status = tdm__value_parse(&column->type, text, &v, s->err);
    if (!status)
        tdm__column_set(column, row, &v);
    return status;
}

/* A finite double in one pass; false when it must be looked at the long way. */
static inline bool quick_f64(tdm__json_scan *s, double *out)
{
    tdm__json_number n;
    const char *to = tdm__json_read_number(s->at, s->end, &n);
    if (!to)
        return false;
    double v = tdm__json_to_f64(&n, s->at, to);
    if (!tdm__json_is_finite(v))
        return false;
    *out = v;
    s->at = to;
    return true;
}

/* An integer of up to 18 digits, which fits. */
static inline bool quick_i64(tdm__json_scan *s, int64_t *out)
{
    tdm__json_number n;
    const char *to = tdm__json_read_number(s->at, s->end, &n);
    if (!to || !n.integer || !n.exact || n.digits > INT64_MAX)
        return false;
    *out = n.negative ? -(int64_t)n.digits : (int64_t)n.digits;
    s->at = to;
    return true;
}

static tdm_status number_value(tdm__json_scan *s, tdm__column *column, size_t row)
{
    unsigned kind = column->type.kind;
    bool quick = (kind == TDM_I64 && quick_i64(s, &column->as.i64[row])) ||
                 (kind == TDM_F64 && quick_f64(s, &column->as.f64[row]));
    if (quick) {
        column->presence[row] = TDM_PRESENT;
        return TDM_OK;
    }
    if (kind == TDM_BOOL || kind == TDM_STRING)
        return wrong_type(s, column);
    tdm_str text;
    double unfinite;
    if (s->words && (kind == TDM_F32 || kind == TDM_F64) && eat_unfinite(s, &unfinite))
        return set_parsed(s, column, row, tdm__str("-inf"));
    tdm_status status = eat_number(s, &text);
    return status ? status : set_parsed(s, column, row, text);
}

/* JSON has no number that is not finite, so these three come as strings; finite numbers may not. */
static bool is_unfinite(tdm_str text)
{
    size_t sign = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    char first = text.len > sign ? (char)(text.ptr[sign] | 0x20) : 0;
    return first == 'n' || first == 'i';
}

static tdm_status string_value(tdm__json_scan *s, tdm__column *column, size_t row)
{
    const char *from = s->at;
    unsigned kind = column->type.kind;
    tdm_str text;
    if (kind == TDM_BOOL || kind == TDM_I64)
        return wrong_type(s, column);
    tdm_status status = tdm__json_take_text(s, &text);
    if (status)
        return status;
    if (kind == TDM_STRING) { /* all bytes are valid UTF-8, and so are escapes */
        column->as.str[row] = text;
        column->presence[row] = TDM_PRESENT;
        return TDM_OK;
    }
    if (kind != TDM_DECIMAL && kind != TDM_TIMESTAMP && !is_unfinite(text)) {
        s->at = from;
        return wrong_type(s, column);
    }
    return set_parsed(s, column, row, text);
}

static tdm_status word_value(tdm__json_scan *s, tdm__column *column, size_t row)
{
    double unfinite;
    if (tdm__json_eat_word(s, "null")) {
        column->presence[row] = TDM_NULL;
        return column->type.nullable ? TDM_OK : tdm__null_fault(&column->type, s->err);
    }
    if (s->words && (column->type.kind == TDM_F32 || column->type.kind == TDM_F64) && eat_unfinite(s, &unfinite))
        return set_parsed(s, column, row, tdm__str(unfinite > 0 ? "inf" : "nan"));
    if (column->type.kind != TDM_BOOL)
        return wrong_type(s, column);
    bool yes = tdm__json_eat_word(s, "true");
    if (!yes && !tdm__json_eat_word(s, "false"))
        return tdm__json_fault(s, NULL, "a value must stand here");
    column->as.b[row] = yes;
    column->presence[row] = TDM_PRESENT;
    return TDM_OK;
}

tdm_status tdm__json_take_value(tdm__json_scan *scan, tdm__column *column, size_t row)
{
    tdm__json_skip_space(scan);
    char c = scan->at < scan->end ? *scan->at : 0;
    if (c == '"')
        return string_value(scan, column, row);
    if (at_number(scan))
        return number_value(scan, column, row);
    if (c == '{' || c == '[')
        return wrong_type(scan, column);
    return word_value(scan, column, row);
}
