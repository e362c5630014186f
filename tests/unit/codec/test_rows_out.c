/* Rows out: texts by hand, and at random: what is written reads back to the same values. */
#include "support.h"

#include <jansson.h>
#include <math.h>

#include "base/random.h"
#include "rows_transcript.h"

static tdm_value text(const char *z)
{
    return (tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = tdm__str(z)};
}

static void test_fields(void **state)
{
    (void)state;
    static const char *const fields[][2] = {
        {"", "\"\""}, {"a", "a"}, {"a b", "a b"}, {" ", " "}, {"a,b", "\"a,b\""}, {"a\"b", "\"a\"\"b\""}, {"\"", "\"\"\"\""},
        {"a\nb", "\"a\nb\""}, {"a\r", "\"a\r\""}, {"\xef\xbb\xbf" "a", "\"\xef\xbb\xbf" "a\""}, {"\xc3\xa9", "\xc3\xa9"},
    };
    tdm__buf out = {0};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        tdm__buf_reset(&out);
        tdm__csv_write_field(&out, tdm__str(fields[i][0]));
        assert_string_equal(tdm__buf_z(&out), fields[i][1]);
    }
    tdm__buf_free(&out);
}

static void test_rows(void **state)
{
    (void)state;
    tdm__field fields[4] = {{tdm__str("a"), {.kind = TDM_STRING}}, {tdm__str("b,\"c"), {.kind = TDM_F64}},
                            {tdm__str("d"), {.kind = TDM_I64}}, {tdm__str("e"), {.kind = TDM_BOOL}}};
    tdm__schema schema = {fields, 4};
    tdm_value values[4] = {text(""), {.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = -0.0},
                           {.kind = TDM_I64, .presence = TDM_NULL}, {.kind = TDM_BOOL, .presence = TDM_MISSING}};
    tdm__buf out = {0};
    tdm__csv_write_header(&out, &schema);
    tdm__csv_write_row(&out, values, 4);
    tdm__jsonl_write_row(&out, &schema, values);
    assert_string_equal(tdm__buf_z(&out), "a,\"b,\"\"c\",d,e\n\"\",-0.0,,\n{\"a\":\"\",\"b,\\\"c\":-0.0,\"d\":null}\n");
    tdm__buf_reset(&out);
    tdm__csv_write_row(&out, values + 2, 1); /* a null alone must not become a blank line */
    assert_string_equal(tdm__buf_z(&out), "\"\"\n");
    tdm__buf_free(&out);
}

/* ---- round trips ---- */

static const char *const types[] = {"bool?", "i64?", "f32?", "f64?", "decimal(30,4)?", "string?", "timestamp?"};
enum { FIELDS = 7, ROWS = 400 };

static double any_double(tdm__random *random)
{
    static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, 5e-324, 1.7976931348623157e308, 0.1};
    union {
        uint64_t u;
        double d;
    } bits = {tdm__random_next(random)};
    if (tdm__random_below(random, 4) == 0)
        return special[tdm__random_below(random, 7)];
    return bits.d == bits.d ? bits.d : NAN;
}

static void any_value(tdm__random *random, const tdm_type *type, char room[16], tdm_value *v)
{
    size_t n;
    *v = (tdm_value){.kind = type->kind, .scale = type->scale, .presence = TDM_PRESENT};
    switch ((tdm_kind)type->kind) {
    case TDM_BOOL: v->as.b = tdm__random_below(random, 2); break;
    case TDM_I64: v->as.i64 = (int64_t)(tdm__random_next(random) >> tdm__random_below(random, 64)); break;
    case TDM_F32: v->as.f32 = (float)any_double(random); break;
    case TDM_F64: v->as.f64 = any_double(random); break;
    case TDM_DECIMAL: v->as.dec = (tdm_i128){tdm__random_next(random), (int64_t)tdm__random_below(random, 3) - 1}; break;
    case TDM_STRING:
        n = tdm__random_below(random, 12);
        for (size_t i = 0; i < n; i++)
            room[i] = "ab ,\"\n\r\\\t\x01\x7f{"[tdm__random_below(random, 12)];
        v->as.str = tdm__strn(room, n);
        break;
    case TDM_TIMESTAMP: v->as.time_us = (int64_t)tdm__random_below(random, UINT64_C(4000000000000000)) - INT64_C(1000000000000000); break;
    case TDM_KIND_COUNT: break;
    }
    if (tdm__random_below(random, 6) == 0)
        v->presence = TDM_NULL;
}

/* Reads `written` as one chunk and compares with the values, row by row. */
static void expect_read_back(tdm_str written, tdm__row_format format, const tdm__schema *schema, tdm_value values[][FIELDS])
{
    text_source from = {written, 0, 0};
    tdm__reader_source source = {text_source_read, &from, "text", 1 << 20, 1 << 20};
    tdm__reader *reader;
    tdm__row_parser *parser;
    tdm__chunk chunk = {0};
    const tdm__row_block *block;
    size_t n, row = 0;
    tdm_error err;
    assert_ok(tdm__reader_open_source(&source, format, &reader, &err), &err);
    const tdm_str *header = tdm__reader_header(reader, &n);
    assert_ok(tdm__row_parser_new(format, header, n, schema, NULL, &parser, &err), &err);
    assert_ok(tdm__reader_next(reader, &chunk, &err), &err);
    tdm__row_parser_start(parser, &chunk);
    while (assert_ok(tdm__row_parser_next(parser, &block, &err), &err), block->n + block->n_bad > 0) {
        assert_int_equal(block->n_bad, 0);
        for (size_t k = 0; k < block->n; k++, row++)
            for (size_t i = 0; i < FIELDS; i++) {
                tdm_value got;
                tdm__column_get(&block->column[i], k, &got);
                if (!tdm__value_same(&got, &values[row][i]))
                    fail_msg("row %zu field %zu of %.*s", row, i, (int)block->place[k].bytes.len, block->place[k].bytes.ptr);
            }
    }
    assert_int_equal(row, ROWS);
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    tdm__chunk_free(&chunk);
}

static void test_round_trips(void **state)
{
    (void)state;
    static tdm_value values[ROWS][FIELDS];
    static char room[ROWS][FIELDS][16];
    tdm__field fields[FIELDS];
    tdm__schema schema = {fields, FIELDS};
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i].name = tdm__strn("abcdefg" + i, 1);
        assert_ok(tdm__type_parse(tdm__str(types[i]), &fields[i].type, NULL), NULL);
    }
    for (int round = 0; round < 10; round++) {
        tdm__buf csv = {0}, json = {0};
        tdm__csv_write_header(&csv, &schema);
        for (size_t row = 0; row < ROWS; row++) {
            for (size_t i = 0; i < FIELDS; i++)
                any_value(&random, &fields[i].type, room[row][i], &values[row][i]);
            tdm__csv_write_row(&csv, values[row], FIELDS);
            size_t from = json.len;
            tdm__jsonl_write_row(&json, &schema, values[row]);
            json_t *tree = json_loadb(json.ptr + from, json.len - from, JSON_REJECT_DUPLICATES, NULL);
            assert_non_null(tree); /* another's parser takes it for JSON */
            assert_int_equal(json_object_size(tree), FIELDS);
            json_decref(tree);
        }
        assert_ok(tdm__buf_check(&csv, NULL), NULL);
        expect_read_back(tdm__strn(csv.ptr, csv.len), TDM__FORMAT_CSV, &schema, values);
        expect_read_back(tdm__strn(json.ptr, json.len), TDM__FORMAT_JSONL, &schema, values);
        tdm__buf_free(&csv);
        tdm__buf_free(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
