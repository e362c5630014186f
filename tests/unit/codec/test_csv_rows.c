/* CSV rows into columns: values of every kind, null and missing, bad rows one by one, and random rows written here by
 * other code than ours. */
#include "support.h"

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

static void expect_rows(const tdm__schema *schema, const tdm__row_options *rows, const char *text, const char *want)
{
    transcript_options o = {.format = TDM__FORMAT_CSV, .chunk_bytes = 64, .record_max = 4096, .rows = rows};
    tdm__buf got = {0};
    tdm_error err;
    assert_ok(transcript(tdm__str(text), schema, &o, &got, &err), &err);
    assert_string_equal(tdm__buf_z(&got), want);
    tdm__buf_free(&got);
}

static void test_kinds(void **state)
{
    (void)state;
    static const char *const fields[] = {"b:bool", "i:i64", "f:f32", "d:f64", "m:decimal(9,2)", "s:string", "t:timestamp ms"};
    tdm__field room[7];
    tdm__schema schema = schema_of(fields, 7, room);
    expect_rows(&schema, NULL, "t,s,m,d,f,i,b\n1000,x,1.5,0.1,0.1,-7,TRUE\n2013-06-01T12:00:00+02:00,\"a,\"\"b\"\"\",-1,1e22,inf,+7,0\n",
                "row 1 line 2 at 14 [1000,x,1.5,0.1,0.1,-7,TRUE] true -7 0.1 0.1 \"1.50\" \"x\" \"1970-01-01T00:00:01.000000Z\"\n"
                "row 2 line 3 at 41 [2013-06-01T12:00:00+02:00,\"a,\"\"b\"\"\",-1,1e22,inf,+7,0] false 7 \"inf\" 1e22 \"-1.00\" "
                "\"a,\\\"b\\\"\" \"2013-06-01T10:00:00.000000Z\"\n");
}

static void test_null_and_missing(void **state)
{
    (void)state;
    static const char *const fields[] = {"n:i64?", "s:string?", "gone:f64?", "must:f64"};
    static const tdm_str nulls[] = {{"NA", 2}, {"-", 1}};
    tdm__row_options options = {nulls, 2, false};
    tdm__field room[4];
    tdm__schema schema = schema_of(fields, 4, room);
    expect_rows(&schema, NULL, "n,s\n,\n\"\",\"\"\nNA,NA\n",
                "row 1 line 2 at 4 [,] null null missing missing\nrow 2 line 3 at 6 [\"\",\"\"] null \"\" missing missing\n"
                "bad row 3 line 4 at 12 [NA,NA] field_type n\n");
    expect_rows(&schema, &options, "n,s\nNA,NA\n-,-\n\"NA\",\"NA\"\n-1,-x\n",
                "row 1 line 2 at 4 [NA,NA] null null missing missing\nrow 2 line 3 at 10 [-,-] null null missing missing\n"
                "row 3 line 4 at 14 [\"NA\",\"NA\"] null \"NA\" missing missing\nrow 4 line 5 at 24 [-1,-x] -1 \"-x\" missing missing\n");
    expect_rows(&schema, &options, "must,n\n1,1\n,2\nNA,3\n\"\",4\n5,5\n",
                "row 1 line 2 at 7 [1,1] 1 missing missing 1\nbad row 2 line 3 at 11 [,2] field_null must\n"
                "bad row 3 line 4 at 14 [NA,3] field_null must\nbad row 4 line 5 at 19 [\"\",4] field_null must\n"
                "row 5 line 6 at 24 [5,5] 5 missing missing 5\n");
}

static void test_bad_rows(void **state)
{
    (void)state;
    static const char *const fields[] = {"a:i64", "s:string"};
    tdm__field room[2];
    tdm__schema schema = schema_of(fields, 2, room);
    expect_rows(&schema, NULL,
                "a,x,s\n1,,p\n2,q\n3,,r,\nx,,t\n9223372036854775808,,u\n6,,\xff\n7,\xff,v\n\n\r\n8.0,,w\n9,,\"x\"y\n10,,z\r\n11,,end",
                "row 1 line 2 at 6 [1,,p] 1 \"p\"\nbad row 2 line 3 at 11 [2,q] csv_width \nbad row 3 line 4 at 15 [3,,r,] csv_width \n"
                "bad row 4 line 5 at 21 [x,,t] field_type a\nbad row 5 line 6 at 26 [9223372036854775808,,u] field_range a\n"
                "bad row 6 line 7 at 49 [6,,\xff] text_encoding s\nrow 7 line 8 at 54 [7,\xff,v] 7 \"v\"\n"
                "bad row 8 line 11 at 63 [8.0,,w] field_type a\nbad row 9 line 12 at 70 [9,,\"x\"y] csv_quote \n"
                "row 10 line 13 at 78 [10,,z] 10 \"z\"\nrow 11 line 14 at 85 [11,,end] 11 \"end\"\n");
}

/* What a bad row says, in full. */
static void test_what_bad_rows_say(void **state)
{
    (void)state;
    static const char *const fields[] = {"dep_hour:i64"};
    tdm__field room[1];
    tdm__schema schema = schema_of(fields, 1, room);
    tdm__chunk chunk = {.first_row = 5, .first_line = 6, .offset = 100};
    tdm_str header = tdm__str("dep_hour");
    tdm__row_parser *parser;
    const tdm__row_block *block;
    tdm_error err;
    tdm__buf_text(&chunk.bytes, "1\n\" 2\"\n3,4\n");
    assert_ok(tdm__row_parser_new(TDM__FORMAT_CSV, &header, 1, &schema, NULL, &parser, &err), &err);
    tdm__row_parser_start(parser, &chunk);
    assert_ok(tdm__row_parser_next(parser, &block, &err), &err);
    assert_int_equal(block->n, 1);
    assert_int_equal(block->n_bad, 2);
    char text[512];
    tdm_error_format(&block->bad[0].error, text, sizeof text);
    assert_string_equal(text, "dep_hour: the text is not an integer: expected i64, found \" 2\" (spaces around a value are part of it)");
    tdm_error_format(&block->bad[1].error, text, sizeof text);
    assert_string_equal(text, "the record has another number of fields than the header: expected 1 field, found 2");
    assert_int_equal(block->bad[1].place.row, 7);
    assert_int_equal(block->bad[1].place.line, 8);
    assert_int_equal(block->bad[1].place.offset, 107);
    assert_ok(tdm__row_parser_next(parser, &block, &err), &err);
    assert_int_equal(block->n + block->n_bad, 0);
    tdm__row_parser_close(&parser);
    tdm__chunk_free(&chunk);
}

static void test_ignored(void **state)
{
    (void)state;
    static const char *const fields[] = {"b:i64"};
    tdm__field room[1];
    tdm__schema schema = schema_of(fields, 1, room);
    tdm_str header[] = {tdm__str("a"), tdm__str("b"), tdm__str("c")};
    tdm__row_parser *parser;
    size_t n;
    assert_ok(tdm__row_parser_new(TDM__FORMAT_CSV, header, 3, &schema, NULL, &parser, NULL), NULL);
    const tdm_str *ignored = tdm__row_parser_ignored(parser, &n);
    assert_int_equal(n, 2);
    assert_true(tdm__str_is(ignored[0], "a") && tdm__str_is(ignored[1], "c"));
    tdm__row_parser_close(&parser);
    assert_int_equal(tdm__row_parser_new(TDM__FORMAT_CSV, NULL, 0, &schema, NULL, &parser, NULL), TDM_USAGE);
}

/* ---- random rows ---- */

enum { ROWS = 3000 };

typedef struct random_row {
    int64_t i;
    double d;
    char s[24];
    size_t s_len;
    bool null, bad;
} random_row;

static random_row make_row(tdm__random *random)
{
    random_row r = {.i = (int64_t)(tdm__random_next(random) >> tdm__random_below(random, 64)), .null = tdm__random_below(random, 9) == 0,
                    .bad = tdm__random_below(random, 50) == 0};
    r.d = (double)(int64_t)(tdm__random_next(random) >> tdm__random_below(random, 64)) / 1000;
    r.s_len = tdm__random_below(random, 20);
    for (size_t k = 0; k < r.s_len; k++)
        r.s[k] = "abcdefgh ,\"\n\r'"[tdm__random_below(random, 14)];
    return r;
}

/* In quotes always: the plainest right way. */
static void write_row(const random_row *r, FILE *f)
{
    fprintf(f, r->bad ? "\"1x\"," : "%lld,", (long long)r->i);
    if (r->null)
        fprintf(f, ",,");
    else
        fprintf(f, "%.17g,skipped,", r->d);
    fputc('"', f);
    for (size_t k = 0; k < r->s_len; k++)
        fprintf(f, r->s[k] == '"' ? "\"\"" : "%c", r->s[k]);
    fputs("\"\n", f);
}

static void expect_block(const tdm__row_block *block, const random_row *rows, size_t *bad)
{
    for (size_t k = 0; k < block->n; k++) {
        const random_row *r = &rows[block->place[k].row - 1];
        assert_false(r->bad);
        assert_int_equal(block->column[0].as.i64[k], r->i);
        assert_int_equal(block->column[1].presence[k], r->null ? TDM_NULL : TDM_PRESENT);
        if (!r->null)
            assert_memory_equal(&block->column[1].as.f64[k], &r->d, sizeof r->d);
        assert_int_equal(block->column[2].as.str[k].len, r->s_len);
        assert_true(r->s_len == 0 || memcmp(block->column[2].as.str[k].ptr, r->s, r->s_len) == 0);
        if (k > 0)
            assert_true(block->place[k].row > block->place[k - 1].row);
    }
    for (size_t k = 0; k < block->n_bad; k++, ++*bad)
        assert_true(rows[block->bad[k].place.row - 1].bad);
}

static void test_random_rows_of_a_file(void **state)
{
    (void)state;
    static random_row rows[ROWS];
    static const char *const fields[] = {"i:i64", "d:f64?", "s:string"};
    tdm__field room[3];
    tdm__schema schema = schema_of(fields, 3, room);
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    const char *path = support_path(support_temp_dir(), "rows.csv");
    FILE *f = fopen(path, "wb");
    fprintf(f, "i,d,other,s\n");
    size_t bad_want = 0, good = 0, bad = 0, n;
    for (size_t k = 0; k < ROWS; k++) {
        rows[k] = make_row(&random);
        bad_want += rows[k].bad;
        write_row(&rows[k], f);
    }
    fclose(f);
    tdm__reader *reader;
    tdm__row_parser *parser;
    tdm__chunk chunk = {0};
    tdm_error err;
    assert_ok(tdm__reader_open(tdm__fs_posix(), path, TDM__FORMAT_AUTO, &reader, &err), &err);
    const tdm_str *header = tdm__reader_header(reader, &n);
    assert_ok(tdm__row_parser_new(tdm__reader_format(reader), header, n, &schema, NULL, &parser, &err), &err);
    for (;;) {
        const tdm__row_block *block;
        assert_ok(tdm__reader_next(reader, &chunk, &err), &err);
        if (chunk.bytes.len == 0)
            break;
        tdm__row_parser_start(parser, &chunk);
        while (assert_ok(tdm__row_parser_next(parser, &block, &err), &err), block->n + block->n_bad > 0) {
            expect_block(block, rows, &bad);
            good += block->n;
        }
    }
    assert_int_equal(bad, bad_want);
    assert_int_equal(good, ROWS - bad_want);
    uint64_t consumed, total;
    tdm__reader_progress(reader, &consumed, &total);
    assert_int_equal(consumed, total);
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    tdm__chunk_free(&chunk);
}

/* Once warm, neither reader nor parser asks for memory. */
static void test_warm(void **state)
{
    (void)state;
    static const char *const fields[] = {"a:i64", "b:f64?", "s:string?"};
    tdm__field room[3];
    tdm__schema schema = schema_of(fields, 3, room);
    tdm__buf text = {0};
    tdm__buf_text(&text, "a,b,s\n");
    for (int i = 0; i < 20000; i++)
        tdm__buf_printf(&text, "%d,%s,%s\n", i % 100, i % 7 ? "1.5" : "", i % 50 ? "plain" : "\"a \"\"b\"\"\"");
    text_source from = {{text.ptr, text.len}, 0, 0};
    tdm__reader_source source = {text_source_read, &from, "text", 16384, 65536};
    tdm__reader *reader;
    tdm__row_parser *parser;
    tdm__chunk chunk = {0};
    size_t n, chunks = 0, rows = 0;
    uint64_t warm = 0;
    assert_ok(tdm__reader_open_source(&source, TDM__FORMAT_CSV, &reader, NULL), NULL);
    const tdm_str *header = tdm__reader_header(reader, &n);
    assert_ok(tdm__row_parser_new(TDM__FORMAT_CSV, header, n, &schema, NULL, &parser, NULL), NULL);
    for (;; chunks++) {
        const tdm__row_block *block;
        if (chunks == 4)
            warm = support_allocs();
        assert_ok(tdm__reader_next(reader, &chunk, NULL), NULL);
        if (chunk.bytes.len == 0)
            break;
        tdm__row_parser_start(parser, &chunk);
        while (assert_ok(tdm__row_parser_next(parser, &block, NULL), NULL), block->n > 0)
            rows += block->n;
    }
    assert_int_equal(rows, 20000);
    assert_true(chunks > 8);
    assert_int_equal(support_allocs(), warm);
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    tdm__chunk_free(&chunk);
    tdm__buf_free(&text);
}

/* Quick numbers are the exact ones. */
static void test_quick_numbers(void **state)
{
    (void)state;
    static const char *const fields[] = {"d:f64"};
    tdm__field room[1];
    tdm__schema schema = schema_of(fields, 1, room);
    tdm_str header = tdm__str("d");
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    tdm__row_parser *parser;
    tdm__chunk chunk = {.first_row = 1};
    static double want[TDM__BLOCK_ROWS];
    assert_ok(tdm__row_parser_new(TDM__FORMAT_CSV, &header, 1, &schema, NULL, &parser, NULL), NULL);
    for (int round = 0; round < 20; round++) {
        tdm__buf_reset(&chunk.bytes);
        for (size_t i = 0; i < TDM__BLOCK_ROWS; i++) {
            char text[48];
            uint64_t digits = tdm__random_next(&random) >> tdm__random_below(&random, 60);
            snprintf(text, sizeof text, "%s%llu", i & 1 ? "-" : "", (unsigned long long)digits);
            size_t len = strlen(text), point = 1 + tdm__random_below(&random, len);
            if (i % 3) {
                memmove(text + point + 1, text + point, len - point + 1);
                text[point] = '.';
            }
            want[i] = strtod(text, NULL);
            tdm__buf_printf(&chunk.bytes, "%s\n", text);
        }
        const tdm__row_block *block;
        tdm__row_parser_start(parser, &chunk);
        assert_ok(tdm__row_parser_next(parser, &block, NULL), NULL);
        assert_int_equal(block->n, TDM__BLOCK_ROWS);
        assert_memory_equal(block->column[0].as.f64, want, sizeof want);
    }
    tdm__row_parser_close(&parser);
    tdm__chunk_free(&chunk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),    cmocka_unit_test(test_null_and_missing), cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_what_bad_rows_say), cmocka_unit_test(test_ignored), cmocka_unit_test(test_random_rows_of_a_file),
        cmocka_unit_test(test_warm),     cmocka_unit_test(test_quick_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
