/* Datatypes and shapes of tensors: names, widths, what fits which kind of column, and doubles as text.
 *
 * Elements are read elsewhere: from bytes in tensor_bytes.c, from JSON in tensor_list.c. */
#include <string.h>

#include "base/number.h"
#include "codec/tensor_impl.h"

static const struct {
    const char *name;
    size_t len, width;
} datatypes[TDM__DATATYPE_COUNT] = {
#define DATATYPE_ROW(name, width) {#name, sizeof #name - 1, width},
    TDM__DATATYPES(DATATYPE_ROW)
#undef DATATYPE_ROW
};

const char *tdm__datatype_name(unsigned datatype)
{
    return datatype < TDM__DATATYPE_COUNT ? datatypes[datatype].name : "unknown";
}

size_t tdm__datatype_width(unsigned datatype)
{
    return datatype < TDM__DATATYPE_COUNT ? datatypes[datatype].width : 0;
}

tdm_status tdm__datatype_parse(tdm_str name, tdm__datatype *out, tdm_error *err)
{
    const char *names[TDM__DATATYPE_COUNT];
    for (unsigned i = 0; i < TDM__DATATYPE_COUNT; i++) {
        names[i] = datatypes[i].name;
        if (name.len != datatypes[i].len || memcmp(name.ptr, names[i], name.len) != 0)
            continue;
        *out = (tdm__datatype)i;
        return TDM_OK;
    }
    tdm_status status = tdm__fail(err, TDM_BAD_INPUT, NULL, "there is no such datatype");
    tdm__fail_expected(err, "BOOL, INT8 to INT64, UINT8 to UINT64, FP16, BF16, FP32, FP64 or BYTES");
    tdm__fail_found_text(err, name);
    const char *nearest = tdm__nearest(name, names, TDM__DATATYPE_COUNT);
    if (nearest)
        tdm__fail_hint(err, "did you mean '%s'?", nearest);
    return status;
}

/* ---- shapes ---- */

static tdm_status scan_dimension(tdm__json_scan *scan, tdm__shape *out)
{
    int64_t size;
    if (out->n == TDM__TENSOR_DIMENSIONS_MAX) {
        tdm_status status = tdm__fail(scan->err, TDM_BAD_INPUT, NULL, "the shape has too many dimensions");
        tdm__fail_expected(scan->err, "at most %d", (int)TDM__TENSOR_DIMENSIONS_MAX);
        return status;
    }
    tdm_status status = tdm__json_take_i64(scan, INT64_MIN, INT64_MAX, &size);
    if (!status && size < 0) {
        status = tdm__fail(scan->err, TDM_BAD_INPUT, NULL, "a dimension may not be negative");
        tdm__fail_found(scan->err, "%lld", (long long)size);
    }
    if (status)
        return tdm__tensor_at(scan->err, status, out->n);
    out->size[out->n++] = size;
    return TDM_OK;
}

/* The product of the sizes; UINT64_MAX when it is that or more. */
static uint64_t count_elements(const tdm__shape *shape)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < shape->n; i++)
        if (shape->size[i] == 0)
            return 0;
    for (uint32_t i = 0; i < shape->n; i++)
        if (__builtin_mul_overflow(n, (uint64_t)shape->size[i], &n))
            return UINT64_MAX;
    return n;
}

tdm_status tdm__shape_scan(tdm__json_scan *scan, uint64_t elements_max, tdm__shape *out, uint64_t *elements)
{
    bool first = true, more = false;
    memset(out, 0, sizeof *out);
    tdm_status status = tdm__json_open(scan, '[');
    while (!status && !(status = tdm__json_next_item(scan, &first, &more)) && more)
        status = scan_dimension(scan, out);
    if (status)
        return status;
    *elements = count_elements(out);
    if (*elements <= elements_max && *elements < UINT64_MAX)
        return TDM_OK;
    status = tdm__fail(scan->err, TDM_TOO_LARGE, NULL, "the shape has too many elements");
    tdm__fail_expected(scan->err, "at most %llu", (unsigned long long)elements_max);
    return status;
}

/* ---- datatypes and kinds ---- */

bool tdm__tensor_fits(tdm__datatype datatype, const tdm_type *type)
{
    bool integer = tdm__is_signed_integer(datatype) || tdm__is_unsigned_integer(datatype);
    bool narrow = datatype == TDM__DT_FP32 || datatype == TDM__DT_FP16 || datatype == TDM__DT_BF16;
    switch ((tdm_kind)type->kind) {
    case TDM_BOOL: return datatype == TDM__DT_BOOL;
    case TDM_I64: return integer;
    case TDM_F32: return narrow;
    case TDM_F64: return narrow || integer || datatype == TDM__DT_FP64;
    case TDM_STRING:
    case TDM_DECIMAL: return datatype == TDM__DT_BYTES;
    case TDM_TIMESTAMP: return datatype == TDM__DT_BYTES || (datatype == TDM__DT_INT64 && type->unit[0]);
    case TDM_KIND_COUNT: break;
    }
    return false;
}

tdm__datatype tdm__datatype_of(const tdm_type *type)
{
    switch ((tdm_kind)type->kind) {
    case TDM_BOOL: return TDM__DT_BOOL;
    case TDM_I64: return TDM__DT_INT64;
    case TDM_F32: return TDM__DT_FP32;
    case TDM_F64: return TDM__DT_FP64;
    case TDM_STRING:
    case TDM_DECIMAL:
    case TDM_TIMESTAMP:
    case TDM_KIND_COUNT: break;
    }
    return TDM__DT_BYTES;
}

/* ---- doubles out ---- */

void tdm__tensor_write_f64s(tdm__buf *out, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *to = tdm__buf_reserve(out, 1 + 32);
        if (!to)
            return;
        size_t len = i > 0;
        to[0] = ',';
        if (x[i] - x[i] == 0) {
            len += tdm__format_f64(x[i], to + len);
        } else {
            memcpy(to + len, "null", 4);
            len += 4;
        }
        out->len += len;
    }
}
