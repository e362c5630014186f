/* Tensors' elements from JSON lists: as doubles, and into columns.
 *
 * A list is flat, or nested as the shape says; which of them, its second bracket tells. Nothing is written beyond the
 * shape's elements, however many the list has. Floats have a lane of their own: a request is little else. */
#include <math.h>

#include "codec/json_scan_impl.h"
#include "codec/tensor_impl.h"

/* ---- elements ---- */

static tdm_status misfit(tdm__json_scan *s, tdm_status status, const char *from, const char *what, const char *expected)
{
    status = tdm__fail(s->err, status, NULL, "%s", what);
    tdm__fail_expected(s->err, "%s", expected);
    tdm__fail_found_text(s->err, tdm__strn(from, (size_t)(s->at - from)));
    return status;
}

/* The double rounded to float, as the decimal behind it would be. False when that may differ: the double lies right
 * between two floats, so that the decimal may lie on either side; or below the normal floats, whose middles differ. */
static inline bool narrow(double v, double *out)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    if ((bits & 0x1fffffff) == 0x10000000 || (fabs(v) < 0x1p-126 && v != 0))
        return false;
    *out = (double)(float)v;
    return true;
}

static tdm_status take_f32(tdm__json_scan *s, double *out)
{
    const char *from = s->at;
    tdm_status status = tdm__json_take_f64(s, true, out);
    if (status || !tdm__json_is_finite(*out)) /* a word */
        return status;
    if (!narrow(*out, out)) {
        float f = 0;
        tdm__parse_f32(tdm__strn(from, (size_t)(s->at - from)), &f, NULL);
        *out = (double)f;
    }
    return tdm__json_is_finite(*out) ? TDM_OK
                                     : misfit(s, TDM_FIELD_RANGE, from, "the number is too large", "a number of FP32");
}

/* The digits of an integer; false beyond 64 bits. */
static bool integer_size(const tdm__json_number *n, const char *from, const char *to, uint64_t *size)
{
    *size = n->digits;
    if (n->exact)
        return true;
    uint64_t v = 0;
    for (const char *p = from + n->negative; p < to; p++)
        if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return false;
    *size = v;
    return true;
}

/* The largest size of an integer with this sign. */
static uint64_t size_max(tdm__datatype d, bool negative)
{
    unsigned bits = 8 * (unsigned)tdm__datatype_width(d);
    if (tdm__is_unsigned_integer(d))
        return negative ? 0 : UINT64_MAX >> (64 - bits);
    return (UINT64_MAX >> (65 - bits)) + negative;
}

static tdm_status take_integer(tdm__json_scan *s, tdm__datatype d, double *out)
{
    tdm__json_number n;
    const char *from = s->at, *to = tdm__json_read_number(from, s->end, &n);
    uint64_t size;
    if (!to || !n.integer)
        return tdm__json_wrong_kind(s, "the element is not an integer", "an integer");
    s->at = to;
    if (!integer_size(&n, from, to, &size) || size > size_max(d, n.negative))
        return misfit(s, TDM_FIELD_RANGE, from, "the integer is outside the datatype's range", tdm__datatype_name(d));
    if (!tdm__size_is_exact_f64(size))
        return misfit(s, TDM_FIELD_RANGE, from, "the integer is not one that a double holds exactly",
                      tdm__datatype_name(d));
    *out = n.negative && size ? -(double)size : (double)size;
    return TDM_OK;
}

static tdm_status take_bool(tdm__json_scan *s, double *out)
{
    bool yes = tdm__json_eat_word(s, "true");
    if (yes || tdm__json_eat_word(s, "false")) {
        *out = yes;
        return TDM_OK;
    }
    bool bit = s->at < s->end && (*s->at == '0' || *s->at == '1'); /* alone: neither 10 nor 1.5 */
    const char *after = s->at + 1;
    if (bit && (after == s->end || !strchr("0123456789.eE", *after))) {
        *out = *s->at++ == '1';
        return TDM_OK;
    }
    return tdm__json_wrong_kind(s, "the element is not a bool", "true, false, 1 or 0");
}

static tdm_status take_element(tdm__json_scan *s, tdm__datatype d, double *out)
{
    if (d == TDM__DT_FP64)
        return tdm__json_take_f64(s, true, out);
    if (d == TDM__DT_FP32)
        return take_f32(s, out);
    if (tdm__json_eat_word(s, "null")) {
        *out = (double)NAN;
        return TDM_OK;
    }
    return d == TDM__DT_BOOL ? take_bool(s, out) : take_integer(s, d, out);
}

/* ---- lists ---- */

/* A list being read into doubles. */
typedef struct walk {
    tdm__json_scan *scan;
    tdm__datatype datatype;
    const tdm__shape *shape;
    double *out;
    size_t n; /* elements so far */
} walk;

static tdm_status wrong_count(tdm__json_scan *s, uint64_t want, const char *of, const char *found)
{
    tdm_status status = tdm__fail(s->err, TDM_BAD_INPUT, NULL, "the data does not have the shape");
    tdm__fail_expected(s->err, "%llu %s", (unsigned long long)want, of);
    tdm__fail_found(s->err, "%s", found);
    return status;
}

static tdm_status too_few(tdm__json_scan *s, uint64_t want, const char *of, uint64_t got)
{
    char found[32];
    found[tdm__format_i64((int64_t)got, found)] = 0;
    return wrong_count(s, want, of, found);
}

/* Floats as they usually come, "NUMBER,", at most `want`: the next item then stands at s->at, its comma taken. Whatever
 * is unusual, and the last one, is left there. */
static size_t usual_floats(tdm__json_scan *scan, bool single, double *out, size_t want)
{
    const char *p = scan->at, *end = scan->end;
    size_t i = 0;
    for (; i < want; i++) {
        tdm__json_number n;
        const char *to = tdm__json_read_number(p, end, &n);
        if (!to || to == end || *to != ',')
            break;
        double v = tdm__json_to_f64(&n, p, to);
        if (single && !narrow(v, &v))
            break;
        if (!tdm__json_is_finite(v))
            break;
        out[i] = v;
        p = tdm__json_space_end(to + 1, end);
    }
    scan->at = p;
    return i;
}

/* The rest of an innermost list: exactly `want` elements. */
static tdm_status walk_row(walk *w, size_t want)
{
    tdm__json_scan *s = w->scan;
    bool floats = w->datatype == TDM__DT_FP64 || w->datatype == TDM__DT_FP32, first, more = true;
    tdm__json_skip_space(s);
    size_t i = floats ? usual_floats(s, w->datatype == TDM__DT_FP32, w->out + w->n, want) : 0;
    bool comma = i > 0; /* already taken */
    for (first = !comma;; i++, comma = false) {
        tdm_status status = comma ? TDM_OK : tdm__json_next_item(s, &first, &more);
        if (status)
            return status;
        if (!more)
            break;
        if (i == want)
            return wrong_count(s, want, "elements", "more");
        status = take_element(s, w->datatype, w->out + w->n + i);
        if (status)
            return tdm__tensor_at(s->err, status, w->n + i);
    }
    w->n += i;
    return i < want ? too_few(s, want, "elements", i) : TDM_OK;
}

/* The rest of a list of lists at this dimension. */
static tdm_status walk_lists(walk *w, uint32_t dimension)
{
    tdm__json_scan *s = w->scan;
    uint64_t want = (uint64_t)w->shape->size[dimension], i = 0;
    bool first = true, more = true, innermost = dimension + 2 == w->shape->n;
    for (;; i++) {
        tdm_status status = tdm__json_next_item(s, &first, &more);
        if (status || !more)
            return status ? status : i < want ? too_few(s, want, "lists", i) : TDM_OK;
        if (i == want)
            return wrong_count(s, want, "lists", "more");
        if (tdm__json_peek(s) != '[')
            return tdm__tensor_at(s->err, tdm__json_open(s, '['), w->n);
        s->at++;
        status = innermost ? walk_row(w, (size_t)w->shape->size[dimension + 1]) : walk_lists(w, dimension + 1);
        if (status)
            return status;
    }
}

static tdm_status check_datatype(tdm__json_scan *s, tdm__datatype d)
{
    if (d == TDM__DT_FP16 || d == TDM__DT_BF16) {
        tdm_status status = tdm__fail(s->err, TDM_UNSUPPORTED, NULL, "the datatype has no form in JSON");
        tdm__fail_found(s->err, "%s", tdm__datatype_name(d));
        tdm__fail_hint(s->err, "send it as binary data");
        return status;
    }
    if (d != TDM__DT_BYTES)
        return TDM_OK;
    tdm_status status = tdm__fail(s->err, TDM_FIELD_TYPE, NULL, "the tensor's datatype does not fit");
    tdm__fail_expected(s->err, "a datatype of numbers");
    tdm__fail_found(s->err, "BYTES");
    return status;
}

tdm_status tdm__tensor_scan_f64(tdm__json_scan *scan, tdm__datatype datatype, const tdm__shape *shape, double *out)
{
    walk w = {scan, datatype, shape, out, 0};
    size_t n = 1;
    tdm_status status = check_datatype(scan, datatype);
    if (!status)
        status = tdm__json_open(scan, '[');
    if (status)
        return status;
    if (shape->n > 1 && tdm__json_peek(scan) == '[')
        return walk_lists(&w, 0);
    for (uint32_t i = 0; i < shape->n; i++)
        n *= (size_t)shape->size[i]; /* the shape's scan has seen that it fits */
    return walk_row(&w, n);
}

/* ---- into columns ---- */

static void put_f64(tdm__column *out, size_t row, double v)
{
    if (out->type.kind == TDM_F64)
        out->as.f64[row] = v;
    else
        out->as.f32[row] = (float)v;
    out->presence[row] = TDM_PRESENT;
}

/* What the datatype says of a number comes first, then the column's type: 0.1 as FP32 is a float's 0.1, and 300 no UINT8. */
tdm_status tdm__tensor_take_element(tdm__json_scan *s, tdm__datatype d, tdm__column *out, size_t row)
{
    bool number = tdm__json_peek(s) == '0', is_float = out->type.kind == TDM_F64 || out->type.kind == TDM_F32;
    double v;
    tdm_status status = TDM_OK;
    if (number && d == TDM__DT_FP32 && is_float) {
        status = take_f32(s, &v);
        if (!status)
            put_f64(out, row, v);
        return status;
    }
    if (number && d == TDM__DT_BOOL && out->type.kind == TDM_BOOL) {
        status = take_bool(s, &v);
        if (!status) {
            out->as.b[row] = v == 1;
            out->presence[row] = TDM_PRESENT;
        }
        return status;
    }
    if (number && (tdm__is_signed_integer(d) || tdm__is_unsigned_integer(d)) && tdm__datatype_width(d) < 8) {
        tdm__json_scan ahead = *s;
        status = take_integer(&ahead, d, &v);
    }
    return status ? status : tdm__json_take_value(s, out, row);
}

tdm_status tdm__tensor_list_begin(tdm__tensor_list *list, tdm__datatype datatype, const tdm__json_scan *at)
{
    *list = (tdm__tensor_list){.scan = *at, .datatype = datatype, .first = true};
    list->scan.words = true;
    tdm_status status = tdm__json_open(&list->scan, '[');
    list->nested = !status && tdm__json_peek(&list->scan) == '[';
    return status;
}

/* The value inside its own brackets. */
static tdm_status take_nested(tdm__json_scan *s, tdm__datatype datatype, tdm__column *out, size_t row)
{
    bool first = true, more = false;
    tdm_status status = tdm__json_open(s, '[');
    if (!status)
        status = tdm__json_next_item(s, &first, &more);
    if (!status && !more)
        return wrong_count(s, 1, "element", "none");
    if (!status)
        status = tdm__tensor_take_element(s, datatype, out, row);
    if (!status)
        status = tdm__json_next_item(s, &first, &more);
    return status || !more ? status : wrong_count(s, 1, "element", "more");
}

tdm_status tdm__tensor_list_take(tdm__tensor_list *list, size_t from, size_t n, tdm__column *out)
{
    tdm__json_scan *s = &list->scan;
    bool more = false;
    for (size_t i = 0; i < n; i++) {
        tdm_status status = tdm__json_next_item(s, &list->first, &more);
        if (!status && !more)
            status = too_few(s, from + n, "elements or more", from + i);
        else if (!status)
            status = list->nested ? take_nested(s, list->datatype, out, i)
                                  : tdm__tensor_take_element(s, list->datatype, out, i);
        if (status)
            return tdm__tensor_at(s->err, status, from + i);
    }
    return TDM_OK;
}

tdm_status tdm__tensor_list_end(tdm__tensor_list *list)
{
    bool more = false;
    tdm_status status = tdm__json_next_item(&list->scan, &list->first, &more);
    if (status || !more)
        return status;
    status = tdm__fail(list->scan.err, TDM_BAD_INPUT, NULL, "the data has more elements than the shape");
    tdm__fail_hint(list->scan.err, "it may be flat or a list of lists of one");
    return status;
}
