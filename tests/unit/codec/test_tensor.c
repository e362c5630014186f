/* Tensors: every half-precision number against ldexp, every datatype's limits from bytes and from JSON, shapes, nesting,
 * columns, and what does not fit. */
#include "support.h"

#include <math.h>

#include "base/random.h"
#include "codec/tensor.h"

static uint64_t bits_of(double v)
{
    uint64_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

static void assert_says(const tdm_error *err, const char *want)
{
    char text[1024];
    tdm_error_format(err, text, sizeof text);
    assert_string_equal(text, want);
}

/* ---- datatypes ---- */

static void test_datatypes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t width;
    } all[] = {{"BOOL", 1}, {"UINT8", 1}, {"UINT16", 2}, {"UINT32", 4}, {"UINT64", 8}, {"INT8", 1}, {"INT16", 2}, {"INT32", 4},
               {"INT64", 8}, {"FP16", 2}, {"BF16", 2}, {"FP32", 4}, {"FP64", 8}, {"BYTES", 0}};
    tdm_error err;
    tdm__datatype d;
    assert_int_equal(sizeof all / sizeof all[0], TDM__DATATYPE_COUNT);
    for (size_t i = 0; i < TDM__DATATYPE_COUNT; i++) {
        assert_ok(tdm__datatype_parse(tdm__str(all[i].name), &d, &err), &err);
        assert_int_equal(d, i);
        assert_string_equal(tdm__datatype_name(d), all[i].name);
        assert_int_equal(tdm__datatype_width(d), all[i].width);
    }
    assert_status(tdm__datatype_parse(tdm__str("FP23"), &d, &err), TDM_BAD_INPUT, &err);
    assert_says(&err, "there is no such datatype: expected BOOL, INT8 to INT64, UINT8 to UINT64, FP16, BF16, FP32, FP64 or BYTES, "
                      "found \"FP23\" (did you mean 'FP32'?)");
    assert_status(tdm__datatype_parse(tdm__str("fp32"), &d, &err), TDM_BAD_INPUT, &err);
    assert_status(tdm__datatype_parse(tdm__str(""), &d, &err), TDM_BAD_INPUT, &err);
}

static void test_fits(void **state)
{
    (void)state;
    static const struct {
        const char *type, *datatypes; /* all that fit */
        tdm__datatype own;
    } rows[] = {
        {"bool", " BOOL ", TDM__DT_BOOL},
        {"i64", " INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 ", TDM__DT_INT64},
        {"f32", " FP32 FP16 BF16 ", TDM__DT_FP32},
        {"f64", " FP64 FP32 FP16 BF16 INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 ", TDM__DT_FP64},
        {"string", " BYTES ", TDM__DT_BYTES},
        {"decimal(9,2)", " BYTES ", TDM__DT_BYTES},
        {"timestamp", " BYTES ", TDM__DT_BYTES},
        {"timestamp ms", " BYTES INT64 ", TDM__DT_BYTES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tdm_type type;
        assert_ok(tdm__type_parse(tdm__str(rows[i].type), &type, NULL), NULL);
        assert_int_equal(tdm__datatype_of(&type), rows[i].own);
        for (unsigned d = 0; d < TDM__DATATYPE_COUNT; d++) {
            char name[16];
            snprintf(name, sizeof name, " %s ", tdm__datatype_name(d));
            assert_int_equal(tdm__tensor_fits(d, &type), strstr(rows[i].datatypes, name) != NULL);
        }
    }
}

/* ---- half precision ---- */

/* sign, exponent and fraction put together by their definition. */
static double meant(unsigned bits, int exponent_bits, int fraction_bits)
{
    unsigned exponent = bits >> fraction_bits & ((1u << exponent_bits) - 1), fraction = bits & ((1u << fraction_bits) - 1);
    int bias = (1 << (exponent_bits - 1)) - 1;
    double v = exponent == 0                             ? ldexp(fraction, 1 - bias - fraction_bits)
               : exponent < (1u << exponent_bits) - 1    ? ldexp(fraction + (1u << fraction_bits), (int)exponent - bias - fraction_bits)
               : fraction                                ? NAN
                                                         : INFINITY;
    return bits >> 15 ? -v : v;
}

static void test_half_precision(void **state)
{
    (void)state;
    static uint8_t bytes[2 * 65536];
    static double got[65536];
    static const struct {
        tdm__datatype datatype;
        int exponent_bits, fraction_bits;
    } formats[] = {{TDM__DT_FP16, 5, 10}, {TDM__DT_BF16, 8, 7}};
    for (unsigned i = 0; i < 65536; i++)
        tdm__store16(bytes + 2 * i, (uint16_t)i);
    for (size_t f = 0; f < 2; f++) {
        tdm_type type;
        tdm__arena arena = {0};
        tdm__column column;
        size_t at = 0;
        tdm_str all = {(char *)bytes, sizeof bytes};
        assert_ok(tdm__tensor_f64(formats[f].datatype, all, 65536, got, NULL), NULL);
        assert_ok(tdm__type_parse(tdm__str("f32"), &type, NULL), NULL);
        assert_true(tdm__column_init(&column, &type, &arena));
        for (unsigned i = 0; i < 65536; i++) {
            double want = meant(i, formats[f].exponent_bits, formats[f].fraction_bits);
            if (i % TDM__BLOCK_ROWS == 0)
                assert_ok(tdm__tensor_column(formats[f].datatype, all, &at, i, TDM__BLOCK_ROWS, &column, NULL), NULL);
            double single = (double)column.as.f32[i % TDM__BLOCK_ROWS];
            if (isnan(want))
                assert_true(isnan(got[i]) && isnan(single));
            else
                assert_true(bits_of(got[i]) == bits_of(want) && bits_of(single) == bits_of(want));
        }
        assert_int_equal(at, sizeof bytes);
        tdm__arena_free(&arena);
    }
}

/* ---- bytes ---- */

/* One element of any width as a double; false with the status when it is refused. */
static tdm_status one(tdm__datatype d, uint64_t bits, double *out)
{
    uint8_t bytes[8];
    tdm_error err;
    tdm__store64(bytes, bits);
    tdm_status s = tdm__tensor_f64(d, tdm__strn((char *)bytes, tdm__datatype_width(d)), 1, out, &err);
    if (s)
        assert_string_equal(err.where, "[0]");
    return s;
}

static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        tdm__datatype datatype;
        uint64_t bits;
        tdm_status status;
        double want;
    } cases[] = {
        {TDM__DT_BOOL, 0, TDM_OK, 0}, {TDM__DT_BOOL, 1, TDM_OK, 1}, {TDM__DT_BOOL, 2, TDM_FIELD_TYPE, 0}, {TDM__DT_BOOL, 255, TDM_FIELD_TYPE, 0},
        {TDM__DT_UINT8, 255, TDM_OK, 255}, {TDM__DT_INT8, 255, TDM_OK, -1}, {TDM__DT_INT8, 128, TDM_OK, -128}, {TDM__DT_UINT16, 65535, TDM_OK, 65535},
        {TDM__DT_INT16, 0x8000, TDM_OK, -32768}, {TDM__DT_UINT32, 0xffffffff, TDM_OK, 4294967295.0}, {TDM__DT_INT32, 0x80000000, TDM_OK, -2147483648.0},
        {TDM__DT_INT64, UINT64_C(1) << 53, TDM_OK, 9007199254740992.0}, {TDM__DT_INT64, (UINT64_C(1) << 53) + 1, TDM_FIELD_RANGE, 0},
        {TDM__DT_INT64, (UINT64_C(1) << 53) + 2, TDM_OK, 9007199254740994.0}, {TDM__DT_INT64, UINT64_C(1) << 63, TDM_OK, -0x1p63},
        {TDM__DT_INT64, INT64_MAX, TDM_FIELD_RANGE, 0}, {TDM__DT_INT64, 0 - ((UINT64_C(1) << 53) + 1), TDM_FIELD_RANGE, 0},
        {TDM__DT_INT64, UINT64_MAX, TDM_OK, -1}, {TDM__DT_UINT64, UINT64_MAX, TDM_FIELD_RANGE, 0}, {TDM__DT_UINT64, UINT64_C(1) << 63, TDM_OK, 0x1p63},
        {TDM__DT_UINT64, UINT64_C(0xfffffffffffff800), TDM_OK, 18446744073709549568.0}, {TDM__DT_UINT64, 0, TDM_OK, 0},
        {TDM__DT_FP32, 0x3dcccccd, TDM_OK, 0.10000000149011612}, {TDM__DT_FP32, 0xff800000, TDM_OK, -INFINITY}, {TDM__DT_FP32, 1, TDM_OK, 0x1p-149},
        {TDM__DT_FP64, UINT64_C(0x3fb999999999999a), TDM_OK, 0.1}, {TDM__DT_FP64, UINT64_C(0x8000000000000000), TDM_OK, -0.0},
    };
    double got;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(one(cases[i].datatype, cases[i].bits, &got), cases[i].status);
        assert_true(cases[i].status || bits_of(got) == bits_of(cases[i].want));
    }
    assert_ok(one(TDM__DT_FP64, UINT64_C(0x7ff8000000001234), &got), NULL); /* bits stay, a NaN's too */
    assert_int_equal(bits_of(got), UINT64_C(0x7ff8000000001234));
    tdm_error err;
    assert_status(tdm__tensor_f64(TDM__DT_BYTES, tdm__strn("", 0), 0, &got, &err), TDM_FIELD_TYPE, &err);
    double three[3];
    assert_status(tdm__tensor_f64(TDM__DT_BOOL, tdm__strn("\0\1\7", 3), 3, three, &err), TDM_FIELD_TYPE, &err);
    assert_says(&err, "[2]: the byte is not a bool: expected 0 or 1, found 7");
}

static void make_column(const char *type, tdm__column *out, tdm__arena *arena)
{
    tdm_type t;
    assert_ok(tdm__type_parse(tdm__str(type), &t, NULL), NULL);
    assert_true(tdm__column_init(out, &t, arena));
}

static void column_is(const tdm__column *c, size_t n, const char *want)
{
    tdm__buf got = {0};
    for (size_t i = 0; i < n; i++) {
        tdm_value v;
        tdm__column_get(c, i, &v);
        tdm__buf_text(&got, i ? " " : "");
        tdm__value_json(&v, &got);
    }
    assert_string_equal(tdm__buf_z(&got), want);
    tdm__buf_free(&got);
}

static void test_columns(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        tdm__datatype datatype;
        const char *bytes;
        size_t len, n;
        tdm_status status;
        const char *want; /* values as JSON, or where */
    } cases[] = {
        {"bool", TDM__DT_BOOL, "\0\1", 2, 2, TDM_OK, "false true"},
        {"bool", TDM__DT_BOOL, "\0\2", 2, 2, TDM_FIELD_TYPE, "[6]"},
        {"i64", TDM__DT_INT8, "\xff\x7f", 2, 2, TDM_OK, "-1 127"},
        {"i64", TDM__DT_UINT32, "\xff\xff\xff\xff", 4, 1, TDM_OK, "4294967295"},
        {"i64", TDM__DT_INT64, "\xff\xff\xff\xff\xff\xff\xff\x7f\0\0\0\0\0\0\0\x80", 16, 2, TDM_OK, "9223372036854775807 -9223372036854775808"},
        {"i64", TDM__DT_UINT64, "\0\0\0\0\0\0\0\x80", 8, 1, TDM_FIELD_RANGE, "[5]"},
        {"i64", TDM__DT_FP32, "\0\0\0\0", 4, 1, TDM_FIELD_TYPE, ""},
        {"f32", TDM__DT_FP32, "\0\0\xc0\x3f\0\0\x80\x7f", 8, 2, TDM_OK, "1.5 \"inf\""},
        {"f64", TDM__DT_FP32, "\xcd\xcc\xcc\x3d", 4, 1, TDM_OK, "0.10000000149011612"},
        {"f64", TDM__DT_FP64, "\0\0\0\0\0\0\xf8\x7f", 8, 1, TDM_OK, "\"nan\""},
        {"f64", TDM__DT_INT64, "\1\0\0\0\0\0\x20\0", 8, 1, TDM_FIELD_RANGE, "[5]"},
        {"string", TDM__DT_BYTES, "\2\0\0\0ab\0\0\0\0\2\0\0\0\xc3\xa9", 16, 3, TDM_OK, "\"ab\" \"\" \"\xc3\xa9\""},
        {"string", TDM__DT_BYTES, "\2\0\0\0ab\1\0\0\0\xff", 11, 2, TDM_TEXT_ENCODING, "[6]"},
        {"string", TDM__DT_BYTES, "\3\0\0\0ab", 6, 1, TDM_BAD_INPUT, "[5]"},
        {"string", TDM__DT_BYTES, "\xff\xff\xff\xff" "ab", 6, 1, TDM_BAD_INPUT, "[5]"},
        {"string", TDM__DT_BYTES, "\0\0\0", 3, 1, TDM_BAD_INPUT, "[5]"},
        {"string", TDM__DT_INT64, "\0\0\0\0\0\0\0\0", 8, 1, TDM_FIELD_TYPE, ""},
        {"decimal(5,2)", TDM__DT_BYTES, "\4\0\0\0" "1.25", 8, 1, TDM_OK, "\"1.25\""},
        {"decimal(5,2)", TDM__DT_BYTES, "\0\0\0\0", 4, 1, TDM_FIELD_TYPE, "[5]"},
        {"timestamp ms", TDM__DT_INT64, "\xe8\3\0\0\0\0\0\0", 8, 1, TDM_OK, "\"1970-01-01T00:00:01.000000Z\""},
        {"timestamp ms", TDM__DT_INT64, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, 1, TDM_FIELD_RANGE, "[5]"},
        {"timestamp", TDM__DT_INT64, "\xe8\3\0\0\0\0\0\0", 8, 1, TDM_FIELD_TYPE, ""},
        {"timestamp", TDM__DT_BYTES, "\x14\0\0\0" "2013-06-01T10:00:00Z", 24, 1, TDM_OK, "\"2013-06-01T10:00:00.000000Z\""},
        {"f64", TDM__DT_FP64, "\0\0\0\0\0\0\0", 7, 1, TDM_BAD_INPUT, "[5]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdm__arena arena = {0};
        tdm__column column;
        tdm_error err;
        size_t at = 3; /* something lies before */
        char *bytes = malloc(cases[i].len + 3);
        assert_non_null(bytes);
        memcpy(bytes, "xyz", 3);
        memcpy(bytes + 3, cases[i].bytes, cases[i].len);
        make_column(cases[i].type, &column, &arena);
        assert_status(tdm__tensor_column(cases[i].datatype, tdm__strn(bytes, cases[i].len + 3), &at, 5, cases[i].n, &column, &err),
                      cases[i].status, &err);
        if (cases[i].status) {
            assert_string_equal(err.where, cases[i].want);
        } else {
            column_is(&column, cases[i].n, cases[i].want);
            assert_int_equal(at, cases[i].len + 3);
        }
        free(bytes);
        tdm__arena_free(&arena);
    }
}

static void test_check_texts(void **state)
{
    (void)state;
    tdm_error err;
    tdm_str two = {"\1\0\0\0a\0\0\0\0", 9};
    assert_ok(tdm__tensor_check_texts(two, 2, &err), &err);
    assert_ok(tdm__tensor_check_texts(tdm__strn("", 0), 0, &err), &err);
    assert_status(tdm__tensor_check_texts(two, 1, &err), TDM_BAD_INPUT, &err);
    assert_says(&err, "[1]: the tensor's bytes go on behind its last element: expected 5 bytes, found 9");
    assert_status(tdm__tensor_check_texts(two, 3, &err), TDM_BAD_INPUT, &err);
    assert_says(&err, "[2]: the tensor's bytes end before the element does: expected 4 bytes, found 0");
    assert_status(tdm__tensor_check_texts(tdm__strn(two.ptr, 4), 1, &err), TDM_BAD_INPUT, &err);
}

/* ---- JSON ---- */

static tdm__json_scan scan_of(const char *text, tdm_error *err)
{
    static tdm__arena texts;
    tdm__json_scan scan;
    assert_ok(tdm__json_begin_scan(&scan, tdm__str(text), &texts, err), err);
    return scan;
}

static void test_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        tdm_status status;
        uint64_t elements;
        const char *where;
    } cases[] = {
        {"[]", TDM_OK, 1, ""}, {"[0]", TDM_OK, 0, ""}, {"[2,3,4]", TDM_OK, 24, ""}, {"[1000,1000]", TDM_OK, 1000000, ""}, {"[1000,1001]", TDM_TOO_LARGE, 0, ""},
        {"[-1]", TDM_BAD_INPUT, 0, "[0]"}, {"[1,-9223372036854775808]", TDM_BAD_INPUT, 0, "[1]"}, {"[4294967296,4294967296]", TDM_TOO_LARGE, 0, ""},
        {"[9223372036854775807,9223372036854775807,9223372036854775807]", TDM_TOO_LARGE, 0, ""}, {"[9223372036854775808]", TDM_FIELD_RANGE, 0, "[0]"},
        {"[4294967296,4294967296,4294967296,0]", TDM_OK, 0, ""}, {"[1,1,1,1,1,1,1,1]", TDM_OK, 1, ""}, {"[1,1,1,1,1,1,1,1,1]", TDM_BAD_INPUT, 0, ""},
        {"[1.0]", TDM_FIELD_TYPE, 0, "[0]"}, {"[1,\"2\"]", TDM_FIELD_TYPE, 0, "[1]"}, {"[1,[2]]", TDM_FIELD_TYPE, 0, "[1]"}, {"{}", TDM_FIELD_TYPE, 0, ""},
        {"[1,]", TDM_JSON_SYNTAX, 0, "[1]"}, {"[1", TDM_JSON_SYNTAX, 0, ""}, {"[2,2147483648,4294967296]", TDM_TOO_LARGE, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdm_error err;
        tdm__shape shape;
        uint64_t n = 77;
        tdm__json_scan scan = scan_of(cases[i].text, &err);
        assert_status(tdm__shape_scan(&scan, 1000000, &shape, &n), cases[i].status, &err);
        if (cases[i].status)
            assert_string_equal(err.where, cases[i].where);
        else
            assert_int_equal(n, cases[i].elements);
    }
}

static const struct {
    tdm__datatype datatype;
    const char *shape, *data;
    tdm_status status;
    const char *want; /* "v v v", or the whole error */
} lists[] = {
    {TDM__DT_FP64, "[3]", "[1,2.5,-3e2]", TDM_OK, "1 2.5 -300"},
    {TDM__DT_FP64, "[3]", " [ 1 , 2.5 ,\n-3e2 ] ", TDM_OK, "1 2.5 -300"},
    {TDM__DT_FP64, "[2,2]", "[1,2,3,4]", TDM_OK, "1 2 3 4"},
    {TDM__DT_FP64, "[2,2]", "[[1,2],[3,4]]", TDM_OK, "1 2 3 4"},
    {TDM__DT_FP64, "[2,1,2]", "[[[1,2]] , [[3,4]]]", TDM_OK, "1 2 3 4"},
    {TDM__DT_FP64, "[]", "[7]", TDM_OK, "7"},
    {TDM__DT_FP64, "[0]", "[]", TDM_OK, ""},
    {TDM__DT_FP64, "[2,0]", "[[],[]]", TDM_OK, ""},
    {TDM__DT_FP64, "[2,0]", "[]", TDM_OK, ""},
    {TDM__DT_FP64, "[0,2]", "[]", TDM_OK, ""},
    {TDM__DT_FP64, "[5]", "[null,NaN,Infinity,-Infinity,0]", TDM_OK, "nan nan inf -inf 0"},
    {TDM__DT_FP64, "[2]", "[1,1e999]", TDM_FIELD_RANGE, "[1]: the number is too large: expected a number below 1.8e308, found \"1e999\""},
    {TDM__DT_FP64, "[2]", "[1,true]", TDM_FIELD_TYPE, "[1]: the value is not a number: expected a number, found true"},
    {TDM__DT_FP64, "[2]", "[1,[2]]", TDM_FIELD_TYPE, "[1]: the value is not a number: expected a number, found a list"},
    {TDM__DT_FP64, "[2]", "[1]", TDM_BAD_INPUT, "the data does not have the shape: expected 2 elements, found 1"},
    {TDM__DT_FP64, "[2]", "[1,2,3]", TDM_BAD_INPUT, "the data does not have the shape: expected 2 elements, found more"},
    {TDM__DT_FP64, "[0]", "[1]", TDM_BAD_INPUT, "the data does not have the shape: expected 0 elements, found more"},
    {TDM__DT_FP64, "[2,2]", "[[1,2]]", TDM_BAD_INPUT, "the data does not have the shape: expected 2 lists, found 1"},
    {TDM__DT_FP64, "[2,2]", "[[1,2],[3,4],[5,6]]", TDM_BAD_INPUT, "the data does not have the shape: expected 2 lists, found more"},
    {TDM__DT_FP64, "[2,2]", "[[1,2],[3]]", TDM_BAD_INPUT, "the data does not have the shape: expected 2 elements, found 1"},
    {TDM__DT_FP64, "[2,2]", "[[1,2],[3,4,5]]", TDM_BAD_INPUT, "the data does not have the shape: expected 2 elements, found more"},
    {TDM__DT_FP64, "[2,2]", "[[1,2],3]", TDM_FIELD_TYPE, "[2]: the value is not a list: expected a list, found 3"},
    {TDM__DT_FP64, "[2,2]", "[1,[2],3,4]", TDM_FIELD_TYPE, "[1]: the value is not a number: expected a number, found a list"},
    {TDM__DT_FP64, "[2,2]", "[[[1],2],[3,4]]", TDM_FIELD_TYPE, "[0]: the value is not a number: expected a number, found a list"},
    {TDM__DT_FP64, "[2,1,2]", "[[1,2],[3,4]]", TDM_FIELD_TYPE, "[0]: the value is not a list: expected a list, found 1"},
    {TDM__DT_FP64, "[2]", "[1,]", TDM_JSON_SYNTAX, "[1]: a value must stand here, at byte 4: found \"]\""},
    {TDM__DT_FP64, "[2]", "[1 2]", TDM_JSON_SYNTAX, "a comma or the closing bracket must follow, at byte 4: found \"2\""},
    {TDM__DT_FP64, "[2]", "[01,2]", TDM_JSON_SYNTAX, "[0]: a number may not begin with 0, at byte 3: found \"1\""},
    {TDM__DT_FP64, "[2]", "[1,2", TDM_JSON_SYNTAX, "a comma or the closing bracket must follow, at byte 5: found the text's end"},
    {TDM__DT_FP64, "[2]", "{}", TDM_FIELD_TYPE, "the value is not a list: expected a list, found an object"},
    {TDM__DT_FP32, "[4]", "[0.1,16777217,null,-0.0]", TDM_OK, "0.10000000149011612 16777216 nan -0"},
    {TDM__DT_FP32, "[3]", "[Infinity,1e-46,3.4028235e38]", TDM_OK, "inf 0 3.4028234663852886e+38"},
    {TDM__DT_FP32, "[1]", "[1e39]", TDM_FIELD_RANGE, "[0]: the number is too large: expected a number of FP32, found \"1e39\""},
    {TDM__DT_FP32, "[1]", "[3.4028235677973367e38]", TDM_FIELD_RANGE,
     "[0]: the number is too large: expected a number of FP32, found \"3.4028235677973367e38\""},
    {TDM__DT_FP32, "[1]", "[340282356779733661637539395458142568448]", TDM_FIELD_RANGE, /* half way to 2^128 */
     "[0]: the number is too large: expected a number of FP32, found \"340282356779733661637539395458142568448\""},
    {TDM__DT_FP32, "[2]", "[340282356779733661637539395458142568447.9,3.4028235677973366e38]", TDM_OK,
     "3.4028234663852886e+38 3.4028234663852886e+38"},
    {TDM__DT_FP32, "[2]", /* a little above and below 2^-150, half of the smallest; as doubles they are just that */
     "[7.0064923216240853546186479164495806564013097093826e-46,7.0064923216240853546186479164495806564013097093825e-46]", TDM_OK,
     "1.4012984643248171e-45 0"},
    {TDM__DT_BOOL, "[5]", "[true,false,1,0,null]", TDM_OK, "1 0 1 0 nan"},
    {TDM__DT_BOOL, "[1]", "[10]", TDM_FIELD_TYPE, "[0]: the element is not a bool: expected true, false, 1 or 0, found 10"},
    {TDM__DT_BOOL, "[1]", "[1.0]", TDM_FIELD_TYPE, "[0]: the element is not a bool: expected true, false, 1 or 0, found 1.0"},
    {TDM__DT_INT8, "[3]", "[-128,127,null]", TDM_OK, "-128 127 nan"},
    {TDM__DT_INT8, "[1]", "[128]", TDM_FIELD_RANGE, "[0]: the integer is outside the datatype's range: expected INT8, found \"128\""},
    {TDM__DT_INT8, "[1]", "[-129]", TDM_FIELD_RANGE, "[0]: the integer is outside the datatype's range: expected INT8, found \"-129\""},
    {TDM__DT_INT16, "[2]", "[-32768,32767]", TDM_OK, "-32768 32767"},
    {TDM__DT_INT32, "[1]", "[2147483648]", TDM_FIELD_RANGE,
     "[0]: the integer is outside the datatype's range: expected INT32, found \"2147483648\""},
    {TDM__DT_UINT8, "[3]", "[255,0,-0]", TDM_OK, "255 0 0"},
    {TDM__DT_UINT8, "[1]", "[-1]", TDM_FIELD_RANGE, "[0]: the integer is outside the datatype's range: expected UINT8, found \"-1\""},
    {TDM__DT_UINT32, "[1]", "[4294967296]", TDM_FIELD_RANGE,
     "[0]: the integer is outside the datatype's range: expected UINT32, found \"4294967296\""},
    {TDM__DT_INT64, "[2]", "[-9223372036854775808,9007199254740992]", TDM_OK, "-9.2233720368547758e+18 9007199254740992"},
    {TDM__DT_INT64, "[1]", "[9007199254740993]", TDM_FIELD_RANGE,
     "[0]: the integer is not one that a double holds exactly: expected INT64, found \"9007199254740993\""},
    {TDM__DT_INT64, "[1]", "[9223372036854775808]", TDM_FIELD_RANGE,
     "[0]: the integer is outside the datatype's range: expected INT64, found \"9223372036854775808\""},
    {TDM__DT_UINT64, "[1]", "[18446744073709549568]", TDM_OK, "1.844674407370955e+19"},
    {TDM__DT_UINT64, "[1]", "[18446744073709551616]", TDM_FIELD_RANGE,
     "[0]: the integer is outside the datatype's range: expected UINT64, found \"18446744073709551616\""},
    {TDM__DT_INT32, "[1]", "[1.0]", TDM_FIELD_TYPE, "[0]: the element is not an integer: expected an integer, found 1.0"},
    {TDM__DT_INT32, "[1]", "[01]", TDM_JSON_SYNTAX, "[0]: a number may not begin with 0, at byte 3: found \"1\""},
    {TDM__DT_INT32, "[1]", "[NaN]", TDM_JSON_SYNTAX, "[0]: a value must stand here, at byte 2: found \"N\""},
    {TDM__DT_FP16, "[1]", "[1]", TDM_UNSUPPORTED, "the datatype has no form in JSON: found FP16 (send it as binary data)"},
    {TDM__DT_BF16, "[1]", "[1]", TDM_UNSUPPORTED, "the datatype has no form in JSON: found BF16 (send it as binary data)"},
    {TDM__DT_BYTES, "[1]", "[\"a\"]", TDM_FIELD_TYPE, "the tensor's datatype does not fit: expected a datatype of numbers, found BYTES"},
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        tdm_error err;
        tdm__shape shape;
        uint64_t n;
        tdm__json_scan scan = scan_of(lists[i].shape, &err);
        assert_ok(tdm__shape_scan(&scan, 100, &shape, &n), &err);
        double *got = malloc(n ? n * sizeof *got : 1); /* of exactly this size */
        assert_non_null(got);
        scan = scan_of(lists[i].data, &err);
        tdm_status s = tdm__tensor_scan_f64(&scan, lists[i].datatype, &shape, got);
        if (s != lists[i].status)
            print_message("%s\n", lists[i].data);
        assert_status(s, lists[i].status, &err);
        if (s) {
            assert_says(&err, lists[i].want);
        } else {
            char text[256] = "";
            for (size_t k = 0, at = 0; k < n; k++)
                at += (size_t)snprintf(text + at, sizeof text - at, k ? " %.*g" : "%.*g", fabs(got[k]) < 1e17 && got[k] == floor(got[k]) ? 16 : 17,
                                       isnan(got[k]) ? fabs(got[k]) : got[k]);
            assert_string_equal(text, lists[i].want);
            assert_ok(tdm__json_end_scan(&scan), &err);
        }
        free(got);
    }
}

/* Random floats, nested at random, as strtod and strtof read them. */
static void test_lists_of_floats(void **state)
{
    (void)state;
    enum { MOST = 600 };
    static double want[MOST], got[MOST];
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int round = 0; round < 400; round++) {
        bool single = tdm__random_below(&r, 2), nested = tdm__random_below(&r, 2);
        size_t rows = 1 + tdm__random_below(&r, 20), columns = 1 + tdm__random_below(&r, 20);
        tdm__shape shape = {{(int64_t)rows, (int64_t)columns}, 2};
        tdm__buf text = {0};
        for (size_t i = 0; i < rows * columns; i++) {
            char number[64];
            uint64_t bits = tdm__random_next(&r);
            double v;
            memcpy(&v, &bits, sizeof v);
            size_t how = tdm__random_below(&r, 4);
            if (!isfinite(v) || how < 2 || (single && fabs(v) > 3e38))
                v = tdm__random_unit(&r) * (how ? 1000 : 1) - 0.5;
            if (single && how == 3) /* about half way between two floats */
                v = (double)(float)v + ldexp((double)(float)v, -25) * (1 + tdm__random_unit(&r));
            snprintf(number, sizeof number, "%.*g", (int)(5 + tdm__random_below(&r, 21)), v);
            want[i] = single ? (double)strtof(number, NULL) : strtod(number, NULL);
            tdm__buf_text(&text, i == 0 ? "[" : ",");
            if (nested && i % columns == 0)
                tdm__buf_text(&text, "[");
            tdm__buf_printf(&text, tdm__random_below(&r, 9) ? "%s" : " %s\n", number);
            if (nested && i % columns == columns - 1)
                tdm__buf_text(&text, "]");
        }
        tdm__buf_text(&text, "]");
        tdm_error err;
        tdm__json_scan scan = scan_of(tdm__buf_z(&text), &err);
        assert_ok(tdm__tensor_scan_f64(&scan, single ? TDM__DT_FP32 : TDM__DT_FP64, &shape, got), &err);
        for (size_t i = 0; i < rows * columns; i++)
            if (bits_of(got[i]) != bits_of(want[i]))
                fail_msg("element %zu: got %.17g, want %.17g in %s", i, got[i], want[i], text.ptr);
        tdm__buf_free(&text);
    }
}

/* ---- lists into columns ---- */

static void test_list_columns(void **state)
{
    (void)state;
    static const struct {
        const char *type, *data;
        size_t parts[3]; /* taken one after the other */
        tdm_status status;
        const char *want; /* of the last part, or the whole error */
    } cases[] = {
        {"f64?", "[1,2,3,null]", {2, 2}, TDM_OK, "3 null"},
        {"f64?", "[[1],[2], [ 3 ],[null]]", {2, 2}, TDM_OK, "3 null"},
        {"f64", "[NaN,-Infinity]", {2}, TDM_OK, "\"nan\" \"-inf\""},
        {"string", "[\"a\",\"b\\n\"]", {1, 1}, TDM_OK, "\"b\\n\""},
        {"string", "[]", {0}, TDM_OK, ""},
        {"i64", "[1,2]", {1, 2}, TDM_BAD_INPUT, "[2]: the data does not have the shape: expected 3 elements or more, found 2"},
        {"i64", "[1,2,3]", {1, 1}, TDM_BAD_INPUT, "the data has more elements than the shape (it may be flat or a list of lists of one)"},
        {"i64", "[[1],[2,3]]", {2}, TDM_BAD_INPUT, "[1]: the data does not have the shape: expected 1 element, found more"},
        {"i64", "[[1],[]]", {2}, TDM_BAD_INPUT, "[1]: the data does not have the shape: expected 1 element, found none"},
        {"i64", "[[1],2]", {1, 1}, TDM_FIELD_TYPE, "[1]: the value is not a list: expected a list, found 2"},
        {"i64", "[1,[2]]", {1, 1}, TDM_FIELD_TYPE, "[1]: the value does not have the field's type: expected i64, found a list"},
        {"i64", "[1,null]", {2}, TDM_FIELD_NULL, "[1]: the field may not be null: expected i64, found null (a type followed by '?' may be null)"},
        {"i64", "[1,", {2}, TDM_JSON_SYNTAX, "[1]: a value must stand here, at byte 4: found the text's end"},
        {"i64", "7", {0}, TDM_FIELD_TYPE, "the value is not a list: expected a list, found 7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdm__arena arena = {0};
        tdm__column column;
        tdm__tensor_list list;
        tdm_error err;
        size_t from = 0, last = 0;
        tdm__json_scan scan = scan_of(cases[i].data, &err);
        make_column(cases[i].type, &column, &arena);
        tdm_status s = tdm__tensor_list_begin(&list, TDM__DT_FP64, &scan);
        for (size_t k = 0; k < 3 && !s; k++) {
            s = tdm__tensor_list_take(&list, from, cases[i].parts[k], &column);
            from += cases[i].parts[k];
            last = cases[i].parts[k] ? cases[i].parts[k] : last;
        }
        if (!s)
            s = tdm__tensor_list_end(&list);
        assert_status(s, cases[i].status, &err);
        if (s)
            assert_says(&err, cases[i].want);
        else
            column_is(&column, last, cases[i].want);
        tdm__arena_free(&arena);
    }
}

/* What the datatype says of an element comes before the column's type. Floats by strtof, which is another's. */
static void test_element_datatypes(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text;
        tdm__datatype datatype;
        tdm_status status;
    } cases[] = {
        {"f64", "0.1", TDM__DT_FP32, TDM_OK},         {"f64", "16777217", TDM__DT_FP32, TDM_OK},
        {"f32", "0.30000001192092896", TDM__DT_FP32, TDM_OK}, {"f64", "1e-46", TDM__DT_FP32, TDM_OK},
        {"f64", "1e39", TDM__DT_FP32, TDM_FIELD_RANGE}, {"f64", "0.1", TDM__DT_FP64, TDM_OK},
        {"i64", "300", TDM__DT_UINT8, TDM_FIELD_RANGE}, {"i64", "255", TDM__DT_UINT8, TDM_OK},
        {"i64", "-1", TDM__DT_UINT16, TDM_FIELD_RANGE}, {"f64", "40000", TDM__DT_INT16, TDM_FIELD_RANGE},
        {"f64", "1.5", TDM__DT_INT32, TDM_FIELD_TYPE}, {"i64", "9223372036854775807", TDM__DT_INT64, TDM_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdm__arena arena = {0};
        tdm__column column;
        tdm_value v;
        tdm_error err;
        tdm__json_scan scan = scan_of(cases[i].text, &err);
        make_column(cases[i].type, &column, &arena);
        tdm_status s = tdm__tensor_take_element(&scan, cases[i].datatype, &column, 0);
        assert_status(s, cases[i].status, &err);
        tdm__column_get(&column, 0, &v);
        double want = cases[i].datatype == TDM__DT_FP32 ? (double)strtof(cases[i].text, NULL) : strtod(cases[i].text, NULL);
        if (!s && v.kind == TDM_F64)
            assert_memory_equal(&v.as.f64, &want, sizeof want);
        else if (!s && v.kind == TDM_F32)
            assert_true(v.as.f32 == strtof(cases[i].text, NULL));
        else if (!s)
            assert_true(v.as.i64 == strtoll(cases[i].text, NULL, 10));
        tdm__arena_free(&arena);
    }
}

static void test_write(void **state)
{
    (void)state;
    static const double x[] = {1, 2.5, NAN, -0.0, INFINITY, 0.1, 1e300, -INFINITY, 5e-324};
    tdm__buf out = {0};
    tdm__tensor_write_f64s(&out, x, 0);
    assert_int_equal(out.len, 0);
    tdm__tensor_write_f64s(&out, x, sizeof x / sizeof x[0]);
    assert_string_equal(tdm__buf_z(&out), "1,2.5,null,-0.0,null,0.1,1e300,null,5e-324");
    tdm__buf_free(&out);
    support_fail_alloc_at(1);
    tdm__tensor_write_f64s(&out, x, 3);
    support_fail_alloc_at(0);
    assert_true(out.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datatypes), cmocka_unit_test(test_fits), cmocka_unit_test(test_half_precision), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_columns), cmocka_unit_test(test_check_texts), cmocka_unit_test(test_shapes), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lists_of_floats), cmocka_unit_test(test_list_columns), cmocka_unit_test(test_element_datatypes),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
