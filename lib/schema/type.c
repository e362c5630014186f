/* Declared types: "f64? mi" to a tdm_type and back.
 *
 * The canonical spelling that tdm__type_format writes goes into fingerprints, so it never changes for a type that
 * could be written before. What a text must look like to be a value of a type is value.c's business. */
#include "schema/type.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

/* What people write who come from elsewhere, and what they mean. */
static const struct alias {
    const char *written, *meant;
} aliases[] = {
    {"boolean", "bool"},   {"int", "i64"},        {"integer", "i64"}, {"int64", "i64"},      {"long", "i64"},
    {"float", "f32"},      {"float32", "f32"},    {"double", "f64"},  {"float64", "f64"},    {"number", "f64"},
    {"numeric", "decimal(12,2)"},                 {"text", "string"}, {"str", "string"},     {"varchar", "string"},
    {"category", "string"}, {"datetime", "timestamp"}, {"date", "timestamp"}, {"time", "timestamp"},
};

static const char *const kind_names[] = {
#define KIND_NAME(name, text) text,
    TDM_KINDS(KIND_NAME)
#undef KIND_NAME
};

const char *tdm__kind_name(unsigned kind)
{
    return kind < TDM_KIND_COUNT ? kind_names[kind] : "unknown";
}

size_t tdm__kind_size(unsigned kind)
{
    static const uint8_t sizes[TDM_KIND_COUNT] = {
        [TDM_BOOL] = 1,     [TDM_I64] = 8,                 [TDM_F32] = 4,       [TDM_F64] = 8,
        [TDM_DECIMAL] = 16, [TDM_STRING] = sizeof(tdm_str), [TDM_TIMESTAMP] = 8,
    };
    return kind < TDM_KIND_COUNT ? sizes[kind] : 0;
}

static tdm_status unknown_kind(tdm_str word, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_SYNTAX, NULL, "there is no such type");
    tdm__fail_expected(err, "bool, i64, f32, f64, decimal(p,s), string or timestamp");
    tdm__fail_found_text(err, word);
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (tdm__str_is(word, aliases[i].written)) {
            tdm__fail_hint(err, "it is written '%s' here", aliases[i].meant);
            return s;
        }
    const char *near = tdm__nearest(word, kind_names, TDM_KIND_COUNT);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    return s;
}

/* A number of one or two digits at *at; -1 when there is none. */
static int small_number(tdm_str s, size_t *at)
{
    int v = -1;
    for (size_t digits = 0; *at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9'; digits++, ++*at) {
        if (digits == 2)
            return -1;
        v = (v < 0 ? 0 : v) * 10 + (s.ptr[*at] - '0');
    }
    return v;
}

static void skip_spaces(tdm_str s, size_t *at)
{
    while (*at < s.len && s.ptr[*at] == ' ')
        ++*at;
}

/* "(p[,s])" at *at. False when it is not well formed. */
static bool parse_digits(tdm_str s, size_t *at, tdm_type *type)
{
    if (*at == s.len || s.ptr[*at] != '(')
        return false;
    ++*at;
    skip_spaces(s, at);
    int precision = small_number(s, at), scale = 0;
    skip_spaces(s, at);
    if (*at < s.len && s.ptr[*at] == ',') {
        ++*at;
        skip_spaces(s, at);
        scale = small_number(s, at);
        skip_spaces(s, at);
    }
    if (*at == s.len || s.ptr[*at] != ')' || precision < 1 || precision > 38 || scale < 0 || scale > precision)
        return false;
    ++*at;
    type->precision = (uint8_t)precision;
    type->scale = (uint8_t)scale;
    return true;
}

/* Units are words of our users' choice; only what would break a line of the canonical form is refused. */
static tdm_status parse_unit(tdm_str unit, tdm_type *type, tdm_error *err)
{
    bool plain = tdm__utf8_valid(unit);
    for (size_t i = 0; i < unit.len; i++)
        plain = plain && (unsigned char)unit.ptr[i] > ' ' && unit.ptr[i] != 0x7f;
    if (!plain || unit.len >= sizeof type->unit) {
        tdm_status s = tdm__fail(err, TDM_SYNTAX, NULL, "the unit is not one word of at most 19 bytes");
        tdm__fail_found_text(err, unit);
        return s;
    }
    bool for_time = tdm__str_is(unit, "s") || tdm__str_is(unit, "ms") || tdm__str_is(unit, "us");
    if (type->kind == TDM_TIMESTAMP && !for_time) {
        tdm_status s = tdm__fail(err, TDM_SYNTAX, NULL, "a timestamp's unit says what integers in files count");
        tdm__fail_expected(err, "s, ms or us");
        tdm__fail_found_text(err, unit);
        return s;
    }
    memcpy(type->unit, unit.ptr, unit.len);
    return TDM_OK;
}

static int find_kind(tdm_str word)
{
    for (int k = 0; k < TDM_KIND_COUNT; k++)
        if (tdm__str_is(word, kind_names[k]))
            return k;
    return -1;
}

tdm_status tdm__type_parse(tdm_str text, tdm_type *out, tdm_error *err)
{
    memset(out, 0, sizeof *out);
    tdm_str s = tdm__str_trim(text);
    size_t at = 0;
    while (at < s.len && s.ptr[at] != '(' && s.ptr[at] != '?' && s.ptr[at] != ' ' && s.ptr[at] != '\t')
        at++;
    int kind = find_kind(tdm__strn(s.ptr, at));
    if (kind < 0)
        return unknown_kind(tdm__strn(s.ptr, at), err);
    out->kind = (uint8_t)kind;
    if (kind == TDM_DECIMAL && !parse_digits(s, &at, out)) {
        tdm_status status = tdm__fail(err, TDM_SYNTAX, NULL, "a decimal needs its digits in all and after the point");
        tdm__fail_expected(err, "decimal(p,s) with p from 1 to 38 and s from 0 to p");
        tdm__fail_found_text(err, s);
        return status;
    }
    if (at < s.len && s.ptr[at] == '?') {
        out->nullable = true;
        at++;
    }
    if (at == s.len)
        return TDM_OK;
    if (s.ptr[at] != ' ' && s.ptr[at] != '\t') {
        tdm_status status = tdm__fail(err, TDM_SYNTAX, NULL, "the type is followed by something else");
        tdm__fail_expected(err, "KIND, KIND? or KIND? UNIT");
        tdm__fail_found_text(err, s);
        return status;
    }
    return parse_unit(tdm__str_trim(tdm__strn(s.ptr + at, s.len - at)), out, err);
}

size_t tdm__type_format(const tdm_type *type, char out[64])
{
    char digits[16] = "";
    if (type->kind == TDM_DECIMAL)
        snprintf(digits, sizeof digits, "(%u,%u)", (unsigned)type->precision, (unsigned)type->scale);
    int n = snprintf(out, 64, "%s%s%s%s%s", tdm__kind_name(type->kind), digits, type->nullable ? "?" : "",
                     type->unit[0] ? " " : "", type->unit);
    return n < 0 ? 0 : (size_t)n;
}

bool tdm__type_equal(const tdm_type *a, const tdm_type *b)
{
    return a->kind == b->kind && a->nullable == b->nullable && a->precision == b->precision && a->scale == b->scale &&
           strcmp(a->unit, b->unit) == 0;
}
