/* Tensors from any bytes. The first four bytes choose datatype, kind, dimensions and how the rows are cut; the others are
 * read as bytes and as JSON.
 *
 * Numbers written back in their datatype are the bytes they came from. A list that jansson takes and that has the shape
 * is taken with its values, others are not. Columns are the same however they are cut. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "codec/tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ELEMENTS_MAX = 4096 };

static double x[ELEMENTS_MAX], y[ELEMENTS_MAX];

static void must(bool held)
{
    if (!held)
        abort();
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* ---- bytes ---- */

/* The element as its bytes; false where more than one way leads to the double (NaNs), or none is known here. */
static bool write_back(tdm__datatype d, double v, uint8_t out[8])
{
    float f = (float)v;
    uint32_t bits;
    uint64_t bits64;
    memcpy(&bits, &f, 4);
    memcpy(&bits64, &v, 8);
    if (d == TDM__DT_FP64)
        tdm__store64(out, bits64);
    else if (isnan(v) || d == TDM__DT_FP16)
        return false;
    else if (d == TDM__DT_FP32)
        tdm__store32(out, bits);
    else if (d == TDM__DT_BF16)
        tdm__store16(out, (uint16_t)(bits >> 16));
    else
        tdm__store64(out, v < 0 ? (uint64_t)(int64_t)v : (uint64_t)v);
    return true;
}

static void numbers(tdm__datatype d, tdm_str bytes)
{
    size_t width = tdm__datatype_width(d), n = bytes.len / width;
    tdm_error err;
    tdm__buf text = {0};
    n = n > ELEMENTS_MAX ? ELEMENTS_MAX : n;
    tdm_status s = tdm__tensor_f64(d, tdm__strn(bytes.ptr, n * width), n, x, &err);
    must(!s || ((s == TDM_FIELD_RANGE || s == TDM_FIELD_TYPE) && err.where[0] == '['));
    for (size_t i = 0; i < n && !s; i++) {
        uint8_t back[8];
        must(!write_back(d, x[i], back) || memcmp(back, bytes.ptr + i * width, width) == 0);
    }
    if (s)
        return;
    tdm__buf_char(&text, '[');
    tdm__tensor_write_f64s(&text, x, n);
    tdm__buf_char(&text, ']');
    tdm__json_scan scan;
    tdm__shape shape = {{(int64_t)n}, 1};
    must(!tdm__json_begin_scan(&scan, tdm__strn(text.ptr, text.len), NULL, &err));
    must(!tdm__tensor_scan_f64(&scan, TDM__DT_FP64, &shape, y) && !tdm__json_end_scan(&scan));
    for (size_t i = 0; i < n; i++)
        must(isfinite(x[i]) ? same_bits(x[i], y[i]) : isnan(y[i]));
    tdm__buf_free(&text);
}

static bool same_value(const tdm__column *a, size_t i, const tdm__column *b, size_t k)
{
    tdm_value v, w;
    tdm__column_get(a, i, &v);
    tdm__column_get(b, k, &w);
    return tdm__value_same(&v, &w);
}

/* All rows at once, and again in two parts. */
static void column_of_bytes(tdm__datatype d, tdm_str bytes, const tdm_type *type, size_t cut, tdm__arena *arena)
{
    size_t width = tdm__datatype_width(d), n = width ? bytes.len / width : 3, at = 0, again = 0;
    tdm__column whole, part;
    tdm_error err;
    n = n > TDM__BLOCK_ROWS ? TDM__BLOCK_ROWS : n;
    cut = cut > n ? n : cut;
    must(tdm__column_init(&whole, type, arena) && tdm__column_init(&part, type, arena));
    tdm_status s = tdm__tensor_column(d, bytes, &at, 0, n, &whole, &err);
    must(at <= bytes.len && (!s || tdm__tensor_fits(d, type) || s == TDM_FIELD_TYPE));
    if (s)
        return;
    must(tdm__tensor_fits(d, type));
    must(!tdm__tensor_column(d, bytes, &again, 0, cut, &part, &err));
    for (size_t i = 0; i < cut; i++)
        must(same_value(&whole, i, &part, i));
    must(!tdm__tensor_column(d, bytes, &again, cut, n - cut, &part, &err) && again == at);
    for (size_t i = cut; i < n; i++)
        must(same_value(&whole, i, &part, i - cut));
    must(width || !tdm__tensor_check_texts(tdm__strn(bytes.ptr, at), n, &err));
}

/* ---- JSON ---- */

/* The tree's numbers and nulls to y; false when it has not the shape from this dimension on, or something else in it. */
static bool flatten(const json_t *tree, const tdm__shape *shape, uint32_t dimension, size_t *n)
{
    if (dimension == shape->n) {
        if (!json_is_number(tree) && !json_is_null(tree))
            return false;
        y[(*n)++] = json_is_null(tree) ? (double)NAN : json_number_value(tree);
        return true;
    }
    if (!json_is_array(tree) || json_array_size(tree) != (size_t)shape->size[dimension])
        return false;
    for (size_t i = 0; i < json_array_size(tree); i++)
        if (!flatten(json_array_get(tree, i), shape, dimension + 1, n))
            return false;
    return true;
}

static void list(tdm_str text, const tdm__shape *shape, size_t elements)
{
    tdm__json_scan scan;
    tdm_error err;
    if (tdm__json_begin_scan(&scan, text, NULL, &err))
        return;
    tdm_status s = tdm__tensor_scan_f64(&scan, TDM__DT_FP64, shape, x);
    if (!s)
        s = tdm__json_end_scan(&scan);
    must(!s || err.status == s);
    bool nul = text.len > 0 && memchr(text.ptr, 0, text.len); /* jansson loses one that follows a number */
    json_t *tree = nul ? NULL : json_loadb(text.ptr, text.len, 0, NULL);
    must(!nul || s);
    if (!tree)
        return; /* words, or no JSON: fuzz_json_scan knows */
    tdm__shape flat = {{(int64_t)elements}, 1};
    size_t n = 0, m = 0;
    bool fits = flatten(tree, &flat, 0, &n);
    if (!fits)
        fits = shape->n > 0 && flatten(tree, shape, 0, &m);
    must(fits == !s);
    for (size_t i = 0; i < elements && !s; i++)
        must(isnan(y[i]) ? isnan(x[i]) : x[i] == y[i]);
    json_decref(tree);
}

static void list_column(tdm_str text, const tdm_type *type, size_t n, size_t cut, tdm__arena *arena)
{
    tdm__json_scan scan;
    tdm__tensor_list all;
    tdm__column whole, part;
    tdm_error err;
    must(tdm__column_init(&whole, type, arena) && tdm__column_init(&part, type, arena));
    if (tdm__json_begin_scan(&scan, text, arena, &err) || tdm__tensor_list_begin(&all, TDM__DT_FP64, &scan))
        return;
    n = n > TDM__BLOCK_ROWS ? TDM__BLOCK_ROWS : n;
    cut = cut > n ? n : cut;
    tdm__tensor_list parts = all;
    tdm_status s = tdm__tensor_list_take(&all, 0, n, &whole);
    if (!s)
        s = tdm__tensor_list_end(&all);
    tdm_status t = tdm__tensor_list_take(&parts, 0, cut, &part);
    for (size_t i = 0; i < cut && !s && !t; i++)
        must(same_value(&whole, i, &part, i));
    if (!t)
        t = tdm__tensor_list_take(&parts, cut, n - cut, &part);
    for (size_t i = cut; i < n && !s && !t; i++)
        must(same_value(&whole, i, &part, i - cut));
    if (!t)
        t = tdm__tensor_list_end(&parts);
    must(s == t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"bool", "i64", "f32", "f64?", "decimal(12,2)", "string", "timestamp", "timestamp? ms"};
    if (size < 4)
        return 0;
    tdm_str rest = {(const char *)data + 4, size - 4};
    tdm__datatype datatype = (tdm__datatype)(data[0] % TDM__DATATYPE_COUNT);
    tdm__shape shape = {{data[2] & 3, data[2] >> 2 & 3, data[2] >> 4 & 3}, data[2] >> 6};
    tdm__arena arena = {0};
    tdm_type type;
    size_t elements = 1;
    for (uint32_t i = 0; i < shape.n; i++)
        elements *= (size_t)shape.size[i];
    must(!tdm__type_parse(tdm__str(types[data[1] % 8]), &type, NULL));
    if (datatype != TDM__DT_BYTES)
        numbers(datatype, rest);
    column_of_bytes(datatype, rest, &type, data[3], &arena);
    list(rest, &shape, elements);
    list_column(rest, &type, elements, data[3], &arena);
    tdm__arena_free(&arena);
    return 0;
}
