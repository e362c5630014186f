/* Tensors of the Open Inference Protocol: datatypes, shapes, and their elements from and to bytes.
 *
 * Bytes are little end first, row-major, without padding; an element of BYTES is a length of four bytes and that many
 * bytes. Nothing here knows requests: lib/server does. docs/reference/http.md cites the protocol. */
#ifndef TDM_CODEC_TENSOR_H
#define TDM_CODEC_TENSOR_H

#include "codec/json_scan.h"

/*     name    bytes an element (0: BYTES) */
#define TDM__DATATYPES(X)                                                                          \
    X(BOOL, 1) X(UINT8, 1) X(UINT16, 2) X(UINT32, 4) X(UINT64, 8) X(INT8, 1) X(INT16, 2) X(INT32, 4) \
    X(INT64, 8) X(FP16, 2) X(BF16, 2) X(FP32, 4) X(FP64, 8) X(BYTES, 0)

typedef enum tdm__datatype {
#define TDM__DATATYPE_ENUM(name, width) TDM__DT_##name,
    TDM__DATATYPES(TDM__DATATYPE_ENUM)
#undef TDM__DATATYPE_ENUM
    TDM__DATATYPE_COUNT
} tdm__datatype;
const char *tdm__datatype_name(unsigned datatype);
size_t tdm__datatype_width(unsigned datatype);
/* TDM_BAD_INPUT with the nearest name when there is no such type; where is left to the caller. */
tdm_status tdm__datatype_parse(tdm_str name, tdm__datatype *out, tdm_error *err);

enum { TDM__TENSOR_DIMENSIONS_MAX = 8 };
typedef struct tdm__shape {
    int64_t size[TDM__TENSOR_DIMENSIONS_MAX];
    uint32_t n;
} tdm__shape;
/* Reads a JSON list of non-negative integers. TDM_BAD_INPUT: negative, too many dimensions; TDM_TOO_LARGE: their
 * product exceeds `elements_max`; TDM_FIELD_TYPE, TDM_FIELD_RANGE: not an integer, or beyond 64 bits. Where is "[i]"
 * when one of them is at fault. An empty list is one element. */
tdm_status tdm__shape_scan(tdm__json_scan *scan, uint64_t elements_max, tdm__shape *out, uint64_t *elements);

/* Where a tensor's elements are: in bytes, or in JSON from `scan`'s place on. */
/* Bytes of numbers as doubles, n of them, bool as 0 and 1. TDM_FIELD_RANGE: a 64-bit integer that a double cannot hold
 * exactly; TDM_FIELD_TYPE: BYTES, or a BOOL byte that is neither 0 nor 1. Where is "[i]", i the element. bytes.len must
 * be n * width (the caller checks). */
tdm_status tdm__tensor_f64(tdm__datatype datatype, tdm_str bytes, size_t n, double *out, tdm_error *err);
/* The same from a JSON list, flat or nested to the shape (checked: a nested list that does not fit is TDM_BAD_INPUT).
 * null is NaN for every datatype, and NaN and infinities as words are taken for FP32 and FP64. Elements must fit the
 * datatype: integers for INT and UINT in range, true and false for BOOL (0 and 1 too); else TDM_FIELD_TYPE or
 * TDM_FIELD_RANGE, where is "[i]" counted flat. TDM_UNSUPPORTED: FP16 and BF16. FP32 rounds once, to float, then
 * widens. TDM_BAD_INPUT when the count is not the shape's. `out` has room for the shape's elements. */
tdm_status tdm__tensor_scan_f64(tdm__json_scan *scan, tdm__datatype datatype, const tdm__shape *shape, double *out);

/* Elements into a column of any kind, rows 0..n-1 (n at most TDM__BLOCK_ROWS), starting at element `from`. `at` is the
 * place in bytes of element `from` and is moved on (BYTES elements have no fixed place). Kinds take: bool BOOL; i64 all
 * integers that fit; f32 FP32, FP16, BF16; f64 those, FP64 and integers that are exact; string, decimal, timestamp
 * BYTES (timestamp INT64 too where the type has a unit, in that). TDM_FIELD_TYPE, TDM_FIELD_RANGE, TDM_TEXT_ENCODING;
 * TDM_BAD_INPUT when the bytes end before the elements; where "[i]". Strings are views of `bytes`. */
tdm_status tdm__tensor_column(tdm__datatype datatype, tdm_str bytes, size_t *at, size_t from, size_t n,
                              tdm__column *out, tdm_error *err);
/* Checks that `bytes` are exactly n BYTES elements. TDM_BAD_INPUT with the element and what was found. */
tdm_status tdm__tensor_check_texts(tdm_str bytes, size_t n, tdm_error *err);
/* Whether a column of this kind takes a tensor of that datatype. */
bool tdm__tensor_fits(tdm__datatype datatype, const tdm_type *type);
/* The datatype that a kind of values is told as: BOOL, INT64, FP32, FP64, BYTES. */
tdm__datatype tdm__datatype_of(const tdm_type *type);

/* One JSON element of a tensor of this datatype into row `row` of a column: the datatype first (FP32 rounds once, to float;
 * integers are in its range; BOOL may be 0 or 1), then the column's type with the rules of JSON lines, so null is null. */
tdm_status tdm__tensor_take_element(tdm__json_scan *scan, tdm__datatype datatype, tdm__column *out, size_t row);
/* One tensor's JSON list of such elements, resumable: flat or nested [rows][1]. TDM_BAD_INPUT when there are fewer or more
 * elements than taken. */
typedef struct tdm__tensor_list {
    tdm__json_scan scan; /* at the next element */
    tdm__datatype datatype;
    bool nested, first;
} tdm__tensor_list;
tdm_status tdm__tensor_list_begin(tdm__tensor_list *list, tdm__datatype datatype, const tdm__json_scan *at);
/* The next n elements into rows 0..n-1; where "[i]", i counted from `from`. */
tdm_status tdm__tensor_list_take(tdm__tensor_list *list, size_t from, size_t n, tdm__column *out);
/* After the last element: nothing more is in the list. */
tdm_status tdm__tensor_list_end(tdm__tensor_list *list);

/* Appends n doubles as a JSON list's items ("1,2.5,null"): shortest form, what is not finite as null. No brackets. */
void tdm__tensor_write_f64s(tdm__buf *out, const double *x, size_t n);

#endif
