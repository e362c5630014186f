/* Tensors' elements from bytes: as doubles, and into columns.
 *
 * Nothing is rounded: a number that its target cannot hold exactly is an error, and bits of floats stay as they are.
 * FP16 and BF16 are widened by their bits, since not every machine has instructions for them. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "codec/tensor_impl.h"

/* ---- one element ---- */

static double f64_of_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static float f32_of_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* 1 bit sign, 5 exponent (bias 15), 10 fraction; a NaN becomes quiet and keeps its fraction. */
static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 31)
        return f32_of_bits(sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000 : 0));
    if (exponent == 0) {
        float v = (float)fraction * 0x1p-24f;
        return sign ? -v : v;
    }
    return f32_of_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

static float bf16_to_float(uint16_t b)
{
    return f32_of_bits((uint32_t)b << 16);
}

/* An integer as sign and size; any integer datatype. */
static uint64_t load_integer(tdm__datatype d, const char *p, bool *negative)
{
    int64_t v = 0;
    *negative = false;
    switch (tdm__datatype_width(d)) {
    case 1: v = tdm__is_signed_integer(d) ? (int8_t)*p : (uint8_t)*p; break;
    case 2: v = tdm__is_signed_integer(d) ? (int16_t)tdm__load16(p) : tdm__load16(p); break;
    case 4: v = tdm__is_signed_integer(d) ? (int32_t)tdm__load32(p) : (int64_t)tdm__load32(p); break;
    default: v = (int64_t)tdm__load64(p); break;
    }
    if (d == TDM__DT_UINT64)
        return (uint64_t)v;
    *negative = v < 0;
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

static tdm_status fault(tdm_error *err, tdm_status status, size_t i, const char *what)
{
    return tdm__tensor_at(err, tdm__fail(err, status, NULL, "%s", what), i);
}

static tdm_status integer_fault(tdm_error *err, size_t i, bool negative, uint64_t size, const char *expected)
{
    tdm_status status = fault(err, TDM_FIELD_RANGE, i, "the integer is not one that the type holds exactly");
    tdm__fail_expected(err, "%s", expected);
    tdm__fail_found(err, "%s%llu", negative ? "-" : "", (unsigned long long)size);
    return status;
}

static tdm_status bool_fault(tdm_error *err, size_t i, unsigned found)
{
    tdm_status status = fault(err, TDM_FIELD_TYPE, i, "the byte is not a bool");
    tdm__fail_expected(err, "0 or 1");
    tdm__fail_found(err, "%u", found);
    return status;
}

static tdm_status wrong_datatype(tdm_error *err, tdm__datatype datatype, const char *expected)
{
    tdm_status status = tdm__fail(err, TDM_FIELD_TYPE, NULL, "the tensor's datatype does not fit");
    tdm__fail_expected(err, "%s", expected);
    tdm__fail_found(err, "%s", tdm__datatype_name(datatype));
    return status;
}

/* ---- as doubles ---- */

static tdm_status bools_f64(const char *p, size_t from, size_t n, double *out, tdm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if ((uint8_t)p[i] > 1)
            return bool_fault(err, from + i, (uint8_t)p[i]);
        out[i] = p[i];
    }
    return TDM_OK;
}

static tdm_status integers_f64(tdm__datatype d, const char *p, size_t from, size_t n, double *out, tdm_error *err)
{
    size_t width = tdm__datatype_width(d);
    for (size_t i = 0; i < n; i++) {
        bool negative;
        uint64_t size = load_integer(d, p + i * width, &negative);
        if (!tdm__size_is_exact_f64(size))
            return integer_fault(err, from + i, negative, size, "an integer that a double holds exactly");
        out[i] = negative ? -(double)size : (double)size;
    }
    return TDM_OK;
}

/* n elements at p, the first of which is element `from`. */
static tdm_status elements_f64(tdm__datatype d, const char *p, size_t from, size_t n, double *out, tdm_error *err)
{
    switch (d) {
    case TDM__DT_FP64:
        for (size_t i = 0; i < n; i++)
            out[i] = f64_of_bits(tdm__load64(p + 8 * i));
        return TDM_OK;
    case TDM__DT_FP32:
        for (size_t i = 0; i < n; i++)
            out[i] = (double)f32_of_bits(tdm__load32(p + 4 * i));
        return TDM_OK;
    case TDM__DT_FP16:
        for (size_t i = 0; i < n; i++)
            out[i] = (double)half_to_float(tdm__load16(p + 2 * i));
        return TDM_OK;
    case TDM__DT_BF16:
        for (size_t i = 0; i < n; i++)
            out[i] = (double)bf16_to_float(tdm__load16(p + 2 * i));
        return TDM_OK;
    case TDM__DT_BOOL: return bools_f64(p, from, n, out, err);
    case TDM__DT_BYTES:
    case TDM__DATATYPE_COUNT: return wrong_datatype(err, d, "a datatype of numbers");
    default: return integers_f64(d, p, from, n, out, err);
    }
}

tdm_status tdm__tensor_f64(tdm__datatype datatype, tdm_str bytes, size_t n, double *out, tdm_error *err)
{
    return elements_f64(datatype, bytes.ptr, 0, n, out, err);
}

/* ---- into columns ---- */

static tdm_status bools_to(const char *p, size_t from, size_t n, tdm__column *out, tdm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if ((uint8_t)p[i] > 1)
            return bool_fault(err, from + i, (uint8_t)p[i]);
        out->as.b[i] = (uint8_t)p[i];
    }
    return TDM_OK;
}

static tdm_status integers_to(tdm__datatype d, const char *p, size_t from, size_t n, tdm__column *out, tdm_error *err)
{
    size_t width = tdm__datatype_width(d);
    for (size_t i = 0; i < n; i++) {
        bool negative;
        uint64_t size = load_integer(d, p + i * width, &negative);
        if (size > (uint64_t)INT64_MAX + negative)
            return integer_fault(err, from + i, negative, size, "an integer from -2^63 to 2^63-1");
        out->as.i64[i] = (int64_t)(negative ? 0 - size : size);
    }
    return TDM_OK;
}

static void floats_to(tdm__datatype d, const char *p, size_t n, tdm__column *out)
{
    for (size_t i = 0; i < n; i++)
        out->as.f32[i] = d == TDM__DT_FP32   ? f32_of_bits(tdm__load32(p + 4 * i))
                         : d == TDM__DT_FP16 ? half_to_float(tdm__load16(p + 2 * i))
                                             : bf16_to_float(tdm__load16(p + 2 * i));
}

static tdm_status parse_to(tdm_str text, size_t i, tdm__column *out, size_t row, tdm_error *err)
{
    tdm_value v;
    tdm_status status = tdm__value_parse(&out->type, text, &v, err);
    if (status)
        return tdm__tensor_at(err, status, i);
    tdm__column_set(out, row, &v);
    return TDM_OK;
}

static tdm_status times_to(const char *p, size_t from, size_t n, tdm__column *out, tdm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        char text[32];
        size_t len = tdm__format_i64((int64_t)tdm__load64(p + 8 * i), text);
        tdm_status status = parse_to(tdm__strn(text, len), from + i, out, i, err);
        if (status)
            return status;
    }
    return TDM_OK;
}

/* The text element at *at, which moves behind it. */
static tdm_status next_text(tdm_str bytes, size_t *at, size_t i, tdm_str *out, tdm_error *err)
{
    size_t left = bytes.len - *at;
    size_t len = left >= 4 ? tdm__load32(bytes.ptr + *at) : 0;
    if (left < 4 || len > left - 4) {
        tdm_status status = fault(err, TDM_BAD_INPUT, i, "the tensor's bytes end before the element does");
        tdm__fail_expected(err, "%zu bytes", left < 4 ? (size_t)4 : len + 4);
        tdm__fail_found(err, "%zu", left);
        return status;
    }
    *out = tdm__strn(bytes.ptr + *at + 4, len);
    *at += 4 + len;
    return TDM_OK;
}

static tdm_status texts_to(tdm_str bytes, size_t *at, size_t from, size_t n, tdm__column *out, tdm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        tdm_str text;
        tdm_status status = next_text(bytes, at, from + i, &text, err);
        if (!status)
            status = parse_to(text, from + i, out, i, err);
        if (status)
            return status;
    }
    return TDM_OK;
}

static tdm_status fixed_to(tdm__datatype d, const char *p, size_t from, size_t n, tdm__column *out, tdm_error *err)
{
    switch ((tdm_kind)out->type.kind) {
    case TDM_BOOL: return bools_to(p, from, n, out, err);
    case TDM_I64: return integers_to(d, p, from, n, out, err);
    case TDM_F32: floats_to(d, p, n, out); return TDM_OK;
    case TDM_F64: return elements_f64(d, p, from, n, out->as.f64, err);
    default: return times_to(p, from, n, out, err);
    }
}

tdm_status tdm__tensor_column(tdm__datatype datatype, tdm_str bytes, size_t *at, size_t from, size_t n,
                              tdm__column *out, tdm_error *err)
{
    size_t width = tdm__datatype_width(datatype);
    if (!tdm__tensor_fits(datatype, &out->type))
        return wrong_datatype(err, datatype, tdm__datatype_name(tdm__datatype_of(&out->type)));
    if (n > TDM__BLOCK_ROWS || *at > bytes.len || (width && n > (bytes.len - *at) / width))
        return fault(err, TDM_BAD_INPUT, from, "the tensor's bytes end before its elements do");
    tdm_status status = width ? fixed_to(datatype, bytes.ptr + *at, from, n, out, err)
                              : texts_to(bytes, at, from, n, out, err);
    if (status)
        return status;
    memset(out->presence, TDM_PRESENT, n);
    *at += width * n;
    return TDM_OK;
}

tdm_status tdm__tensor_check_texts(tdm_str bytes, size_t n, tdm_error *err)
{
    size_t at = 0;
    tdm_str text;
    for (size_t i = 0; i < n; i++) {
        tdm_status status = next_text(bytes, &at, i, &text, err);
        if (status)
            return status;
    }
    if (at == bytes.len)
        return TDM_OK;
    tdm_status status = fault(err, TDM_BAD_INPUT, n, "the tensor's bytes go on behind its last element");
    tdm__fail_expected(err, "%zu bytes", at);
    tdm__fail_found(err, "%zu", bytes.len);
    return status;
}
