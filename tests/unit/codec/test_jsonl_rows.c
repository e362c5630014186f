/* JSON lines into columns: values by hand, everything that RFC 8259 refuses, and random documents against jansson. */
#include "support.h"

#include <jansson.h>

#include "base/random.h"
#include "rows_transcript.h"

static tdm__schema schema_of(const char *const *fields, size_t n, tdm__field *room)
{
    for (size_t i = 0; i < n; i++) {
        tdm_str name = tdm__str(fields[i]), type;
        tdm_error err;
        room[i].name = tdm__str_cut(name, ':', &type);
        assert_ok(tdm__type_parse(type, &room[i].type, &err), &err);
    }
    return (tdm__schema){room, n};
}

/* The rows of a text without their places. */
static void read_rows(const tdm__schema *schema, const tdm__row_options *rows, tdm_str text, tdm__buf *out)
{
    transcript_options o = {.format = TDM__FORMAT_JSONL, .chunk_bytes = 64, .record_max = 4096, .rows = rows, .values_only = true};
    tdm_error err;
    assert_ok(transcript(text, schema, &o, out, &err), &err);
}

static void expect_rows(const tdm__schema *schema, const tdm__row_options *rows, const char *text, const char *want)
{
    tdm__buf got = {0};
    read_rows(schema, rows, tdm__str(text), &got);
    assert_string_equal(tdm__buf_z(&got), want);
    tdm__buf_free(&got);
}

/* One field `v` of the type; the record {"v":VALUE} gives this, value or code of the fault. */
static void value_gives(const char *type, const char *value, const char *want)
{
    char field[64];
    const char *fields[] = {field};
    tdm__field room[1];
    snprintf(field, sizeof field, "v:%s", type);
    tdm__schema schema = schema_of(fields, 1, room);
    tdm__buf text = {0}, got = {0}, expected = {0};
    tdm__buf_printf(&text, "{\"v\":%s}\n", value);
    read_rows(&schema, NULL, tdm__strn(text.ptr, text.len), &got);
    const char *bad = strncmp(want, "field", 5) == 0 || strncmp(want, "json", 4) == 0 || strncmp(want, "text", 4) == 0 ? "bad " : "";
    tdm__buf_printf(&expected, "%s[{\"v\":%s}] %s%s\n", bad, value, want, !*bad ? "" : strncmp(want, "text", 4) == 0 ? " " : " v");
    assert_string_equal(tdm__buf_z(&got), tdm__buf_z(&expected));
    tdm__buf_free(&text);
    tdm__buf_free(&got);
    tdm__buf_free(&expected);
}

static void test_values(void **state)
{
    (void)state;
    static const char *const values[][3] = {
        {"bool", "true", "true"}, {"bool", "false", "false"}, {"bool", "1", "field_type"}, {"bool", "\"true\"", "field_type"},
        {"i64", "9223372036854775807", "9223372036854775807"}, {"i64", "-9223372036854775808", "-9223372036854775808"},
        {"i64", "9007199254740993", "9007199254740993"}, {"i64", "-0", "0"}, {"i64", "9223372036854775808", "field_range"},
        {"i64", "1.0", "field_type"}, {"i64", "1e3", "field_type"}, {"i64", "\"1\"", "field_type"}, {"i64", "true", "field_type"},
        {"f64", "0.1", "0.1"}, {"f64", "-0", "-0.0"}, {"f64", "-0.0", "-0.0"}, {"f64", "1e400", "field_range"}, {"f64", "1E+2", "100"},
        {"f64", "\"nan\"", "\"nan\""}, {"f64", "\"-inf\"", "\"-inf\""}, {"f64", "\"Infinity\"", "\"inf\""}, {"f64", "\"1\"", "field_type"},
        {"f64", "\"i\"", "field_type"}, {"f64", "[1]", "field_type"}, {"f64", "{}", "field_type"}, {"f64", "12345678901234567890", "1.2345678901234567e19"},
        {"f64", "0.1234567890123456789", "0.12345678901234568"}, {"f32", "0.1", "0.1"}, {"f32", "1e39", "field_range"},
        {"decimal(20,2)", "12345678901234567.89", "\"12345678901234567.89\""}, {"decimal(20,2)", "\"0.10\"", "\"0.10\""},
        {"decimal(20,2)", "0.001", "field_range"}, {"string", "\"\"", "\"\""}, {"string", "\"a\\u0062\\n\\\"\\\\\\/\"", "\"ab\\n\\\"\\\\/\""},
        {"string", "\"\\ud83d\\ude00\\u00e9\\u20ac\"", "\"\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac\""}, {"string", "\"\\u0000\"", "\"\\u0000\""},
        {"string", "1", "field_type"}, {"string", "null", "field_null"}, {"string?", "null", "null"}, {"i64?", "null", "null"},
        {"i64", "null", "field_null"}, {"timestamp", "\"2013-06-01T10:00:00Z\"", "\"2013-06-01T10:00:00.000000Z\""},
        {"timestamp ms", "1000", "\"1970-01-01T00:00:01.000000Z\""}, {"timestamp", "1000", "field_type"}, {"timestamp ms", "1.5", "field_type"},
        {"timestamp s", "99999999999999", "field_range"},
        /* not JSON */
        {"f64", "01", "json_syntax"}, {"f64", "1.", "json_syntax"}, {"f64", ".5", "json_syntax"}, {"f64", "+1", "json_syntax"},
        {"f64", "-", "json_syntax"}, {"f64", "1e", "json_syntax"}, {"f64", "1e+", "json_syntax"},
        {"f64", "NaN", "json_syntax"}, {"f64", "Infinity", "json_syntax"}, {"f64", "nul", "json_syntax"}, {"bool", "True", "json_syntax"},
        {"f64", "", "json_syntax"}, {"string", "\"\\x\"", "json_syntax"}, {"string", "\"\\ud83d\"", "json_syntax"},
        {"string", "\"\\ude00\"", "json_syntax"}, {"string", "\"\\ud83d\\u0041\"", "json_syntax"}, {"string", "\"\\u00g0\"", "json_syntax"},
        {"string", "\"a\tb\"", "json_syntax"}, {"string", "'a'", "json_syntax"}, {"f64", "[1,]", "json_syntax"},
        {"string", "\"\xff\"", "text_encoding"}, {"string", "\"\xc0\xaf\"", "text_encoding"}, {"string", "\"\xed\xa0\x80\"", "text_encoding"},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        value_gives(values[i][0], values[i][1], values[i][2]);
}

static void test_objects(void **state)
{
    (void)state;
    static const char *const fields[] = {"a:i64", "b:string?", "c d:f64?"};
    tdm__field room[3];
    tdm__schema schema = schema_of(fields, 3, room);
    expect_rows(&schema, NULL,
                " { \"a\" : 1 , \"b\":\"x\"\t,\"c\\u0020d\":2.5}\r\n\n\r\n{}\n{\"c d\":null,\"a\":2,\"x\":{\"y\":[1,{\"z\":[]},{}]},\"b\":null}\n{\"x\":\"\\ud83d\\ude00\",\"a\":3}",
                "[ { \"a\" : 1 , \"b\":\"x\"\t,\"c\\u0020d\":2.5}] 1 \"x\" 2.5\n[{}] missing missing missing\n"
                "[{\"c d\":null,\"a\":2,\"x\":{\"y\":[1,{\"z\":[]},{}]},\"b\":null}] 2 null null\n"
                "[{\"x\":\"\\ud83d\\ude00\",\"a\":3}] 3 missing missing\n");
}

/* A line that is no object is a bad row, and the lines around it are read. */
static void test_not_objects(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]", "1", "null", "\"a\"", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{\"a\":1}}", "{\"a\":1} x", "{\"a\":0x10}", "{\"a\":1}{}",
        "{\"a\":1 \"b\":2}", "{\"a\" 1}", "{\"a\":1,\"a\":2}", "{\"x\":1,\"x\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"x\":[}", "{\"x\":{]}}",
        "{\"x\":[1 2]}", "{\"x\":{\"y\"}}", "{\"x\":{\"y\":1,}}", "{\"x\":\"\\q\"}", "{\"x\":tru}", "{\"x\":01}", "   ", "{\"a", "{\"a\":\"", "{\"\\",
    };
    static const char *const fields[] = {"a:i64?", "b:i64?"};
    tdm__field room[2];
    tdm__schema schema = schema_of(fields, 2, room);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdm__buf text = {0}, got = {0};
        tdm__buf_printf(&text, "{\"a\":7}\n%s\n{\"b\":8}\n", bad[i]);
        read_rows(&schema, NULL, tdm__strn(text.ptr, text.len), &got);
        char want[128];
        snprintf(want, sizeof want, "[{\"a\":7}] 7 missing\nbad [%s] json_syntax ", bad[i]);
        const char *z = tdm__buf_z(&got);
        if (strncmp(z, want, strlen(want)) != 0 || !strstr(z, "\n[{\"b\":8}] missing 8\n"))
            fail_msg("%s gave\n%s", bad[i], z);
        tdm__buf_free(&text);
        tdm__buf_free(&got);
    }
}

static void test_depth(void **state)
{
    (void)state;
    static const char *const fields[] = {"a:i64?"};
    tdm__field room[1];
    tdm__schema schema = schema_of(fields, 1, room);
    for (int depth = 31; depth <= 34; depth++)
        for (int object = 0; object < 2; object++) {
            tdm__buf text = {0}, got = {0};
            tdm__buf_text(&text, "{\"x\":");
            for (int i = 0; i < depth; i++)
                tdm__buf_text(&text, object ? "{\"y\":" : "[");
            tdm__buf_text(&text, "1");
            for (int i = 0; i < depth; i++)
                tdm__buf_text(&text, object ? "}" : "]");
            tdm__buf_text(&text, ",\"a\":5}");
            read_rows(&schema, NULL, tdm__strn(text.ptr, text.len), &got);
            assert_int_equal(strncmp(tdm__buf_z(&got), "bad", 3) == 0, depth > 32);
            tdm__buf_free(&text);
            tdm__buf_free(&got);
        }
}

static void test_unknown_names(void **state)
{
    (void)state;
    static const char *const fields[] = {"a:i64?"};
    tdm__row_options strict = {.unknown_is_error = true};
    tdm__field room[1];
    tdm__schema schema = schema_of(fields, 1, room);
    expect_rows(&schema, &strict, "{\"a\":1}\n{\"b\":1,\"a\":2}\n", "[{\"a\":1}] 1\nbad [{\"b\":1,\"a\":2}] field_unknown b\n");
}

/* Many undeclared names in one record, one of them twice: found wherever it stands. */
static void test_many_names(void **state)
{
    (void)state;
    static const char *const fields[] = {"a:i64?"};
    tdm__field room[1];
    tdm__schema schema = schema_of(fields, 1, room);
    for (int twice = -1; twice < 300; twice += 43) {
        tdm__buf text = {0}, got = {0};
        tdm__buf_text(&text, "{");
        for (int i = 0; i < 300; i++)
            tdm__buf_printf(&text, "\"n%d\":0,", i);
        tdm__buf_printf(&text, "\"n%d\":0}\n{\"n1\":0}\n", twice < 0 ? 300 : twice);
        read_rows(&schema, NULL, tdm__strn(text.ptr, text.len), &got);
        assert_int_equal(strncmp(tdm__buf_z(&got), "bad", 3) == 0, twice >= 0);
        assert_non_null(strstr(tdm__buf_z(&got), "\n[{\"n1\":0}] missing\n"));
        tdm__buf_free(&text);
        tdm__buf_free(&got);
    }
}

static void test_what_bad_rows_say(void **state)
{
    (void)state;
    static const char *const fields[] = {"dep_hour:i64"};
    tdm__field room[1];
    tdm__schema schema = schema_of(fields, 1, room);
    tdm__chunk chunk = {.first_row = 1, .first_line = 1};
    tdm__row_parser *parser;
    const tdm__row_block *block;
    char text[512];
    tdm__buf_text(&chunk.bytes, "{\"dep_hour\":\"x\"}\n{\"dep_hour\":1;}\n{\"dep_hour\":[1]}\n{\"dep_hour\":1\n{\"dep_hour\":null}\n");
    assert_ok(tdm__row_parser_new(TDM__FORMAT_JSONL, NULL, 0, &schema, NULL, &parser, NULL), NULL);
    tdm__row_parser_start(parser, &chunk);
    assert_ok(tdm__row_parser_next(parser, &block, NULL), NULL);
    assert_int_equal(block->n_bad, 5);
    static const char *const want[] = {
        "dep_hour: the value does not have the field's type: expected i64, found \"x\"",
        "a comma or the closing brace must follow, at byte 14 of the record: found \";\"",
        "dep_hour: the value does not have the field's type: expected i64, found a list",
        "a comma or the closing brace must follow, at byte 14 of the record: found the record's end",
        "dep_hour: the field may not be null: expected i64, found null (a type followed by '?' may be null)",
    };
    for (size_t i = 0; i < 5; i++) {
        tdm_error_format(&block->bad[i].error, text, sizeof text);
        assert_string_equal(text, want[i]);
        assert_int_equal(block->bad[i].place.row, i + 1);
    }
    tdm__row_parser_close(&parser);
    tdm__chunk_free(&chunk);
}

/* ---- against jansson ---- */

static void add_json_value(tdm__random *random, tdm__buf *out, int depth)
{
    static const char *const scalars[] = {"1", "-2.5", "1e3", "0", "-0", "1E-2", "\"\\u0041\"", "\"\xc3\xa9\"", "\"q\\n\"", "\"\"",
                                          "null", "true", "false", "\"\\ud83d\\ude00\"", " 7 "};
    size_t kind = tdm__random_below(random, depth < 3 ? 8 : 6), n = tdm__random_below(random, 3);
    if (kind < 6) {
        tdm__buf_text(out, scalars[tdm__random_below(random, sizeof scalars / sizeof scalars[0])]);
        return;
    }
    tdm__buf_char(out, kind == 6 ? '[' : '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            tdm__buf_char(out, ',');
        if (kind == 7)
            tdm__buf_printf(out, "\"k%zu\":", tdm__random_below(random, 3) ? i : 0);
        add_json_value(random, out, depth + 1);
    }
    tdm__buf_char(out, kind == 6 ? ']' : '}');
}

/* An object, half of the time with a byte changed, taken out or doubled. */
static void make_record(tdm__random *random, tdm__buf *out)
{
    size_t n = tdm__random_below(random, 4);
    tdm__buf_reset(out);
    tdm__buf_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        tdm__buf_printf(out, i ? ", \"%c\":" : "\"%c\" :", "abcx"[tdm__random_below(random, 4)]);
        add_json_value(random, out, 0);
    }
    tdm__buf_char(out, '}');
    if (tdm__random_below(random, 2))
        return;
    size_t at = tdm__random_below(random, out->len), how = tdm__random_below(random, 3);
    if (how == 0)
        out->ptr[at] = "{}[],:\"\\0a. -u"[tdm__random_below(random, 14)];
    else if (how == 1)
        memmove(out->ptr + at, out->ptr + at + 1, --out->len - at);
    else
        tdm__buf_add(out, (char[]){out->ptr[at]}, 1);
}

/* Whether the tree fits the schema {a: i64?, b: string?, c: f64?}. */
static bool fits(const json_t *tree)
{
    const json_t *a = json_object_get(tree, "a"), *b = json_object_get(tree, "b"), *c = json_object_get(tree, "c");
    return json_is_object(tree) && (!a || json_is_null(a) || json_is_integer(a)) && (!b || json_is_null(b) || json_is_string(b)) &&
           (!c || json_is_null(c) || json_is_number(c));
}

static void test_against_jansson(void **state)
{
    (void)state;
    static const char *const fields[] = {"a:i64?", "b:string?", "c:f64?"};
    tdm__field room[3];
    tdm__schema schema = schema_of(fields, 3, room);
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    tdm__row_parser *parser;
    tdm__chunk chunk = {.first_row = 1};
    size_t taken = 0;
    assert_ok(tdm__row_parser_new(TDM__FORMAT_JSONL, NULL, 0, &schema, NULL, &parser, NULL), NULL);
    for (int i = 0; i < 40000; i++) {
        const tdm__row_block *block;
        make_record(&random, &chunk.bytes);
        const char *record = tdm__buf_z(&chunk.bytes);
        size_t n = chunk.bytes.len;
        if (n == 0)
            continue;
        tdm__row_parser_start(parser, &chunk);
        assert_ok(tdm__row_parser_next(parser, &block, NULL), NULL);
        assert_int_equal(block->n + block->n_bad, 1);
        json_t *tree = json_loadb(record, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
        bool nested_twice = !tree && block->n == 1; /* names inside undeclared values are not compared */
        if (nested_twice) {
            tree = json_loadb(record, n, JSON_DECODE_ANY, NULL);
            assert_non_null(tree);
        }
        if ((tree && fits(tree)) != (block->n == 1))
            fail_msg("%s: %s", record, block->n ? "taken" : block->bad[0].error.what);
        taken += block->n;
        if (block->n == 1) {
            const json_t *a = json_object_get(tree, "a"), *b = json_object_get(tree, "b"), *c = json_object_get(tree, "c");
            const tdm__column *column = block->column;
            assert_int_equal(column[0].presence[0], !a ? TDM_MISSING : json_is_null(a) ? TDM_NULL : TDM_PRESENT);
            assert_true(!json_is_integer(a) || column[0].as.i64[0] == json_integer_value(a));
            assert_true(!json_is_string(b) || tdm__str_is(column[1].as.str[0], json_string_value(b)));
            assert_true(!json_is_number(c) || column[2].as.f64[0] == json_number_value(c));
        }
        json_decref(tree);
    }
    assert_true(taken > 8000 && taken < 30000);
    tdm__row_parser_close(&parser);
    tdm__chunk_free(&chunk);
}

static void test_no_memory(void **state)
{
    (void)state;
    static const char *const fields[] = {"a:i64?", "b:string?"};
    tdm__field room[2];
    tdm__schema schema = schema_of(fields, 2, room);
    transcript_options o = {.format = TDM__FORMAT_JSONL, .chunk_bytes = 16, .record_max = 256};
    for (uint64_t n = 1;; n++) {
        tdm__buf out = {0};
        tdm_error err;
        assert_non_null(tdm__buf_reserve(&out, 4096));
        support_fail_alloc_at(n);
        tdm_status s = transcript(tdm__str("{\"a\":1,\"b\":\"\\n\",\"x\":1}\n{\"a\":\n{\"y\":2}\n"), &schema, &o, &out, &err);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        tdm__buf_free(&out);
        if (!hit) {
            assert_ok(s, &err);
            break;
        }
        assert_status(s, TDM_NO_MEMORY, &err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_objects),    cmocka_unit_test(test_not_objects),
        cmocka_unit_test(test_depth),        cmocka_unit_test(test_unknown_names), cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_what_bad_rows_say), cmocka_unit_test(test_against_jansson), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
