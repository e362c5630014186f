/* The reader: where records end, whatever the chunk size; what a broken quote costs; headers. */
#include "support.h"

#include "base/random.h"
#include "rows_transcript.h"

static tdm_str pick_text(tdm__random *random, const char *letters, size_t max, char *out)
{
    size_t n = tdm__random_below(random, max + 1), kinds = strlen(letters);
    for (size_t i = 0; i < n; i++)
        out[i] = letters[tdm__random_below(random, kinds)];
    return tdm__strn(out, n);
}

/* ---- kernels ---- */

static void expect_same_kernels(const tdm__csv_kernels *k, const char *p, size_t n)
{
    static uint32_t want[1200], got[1200];
    const tdm__csv_kernels *plain = tdm__csv_kernels_at(0);
    bool ascii_want, ascii_got;
    tdm__lines lines_want, lines_got;
    size_t count = plain->index(p, n, want, &ascii_want);
    assert_int_equal(k->index(p, n, got, &ascii_got), count);
    assert_memory_equal(want, got, count * sizeof want[0]);
    assert_int_equal(ascii_want, ascii_got);
    plain->lines(p, n, &lines_want);
    k->lines(p, n, &lines_got);
    assert_memory_equal(&lines_want, &lines_got, sizeof lines_want);
    for (size_t at = 0; at <= n; at += 1 + at / 8)
        assert_int_equal(plain->special(p, at, n), k->special(p, at, n));
}

static void test_kernels_agree(void **state)
{
    (void)state;
    static const char *const alphabets[] = {"\n", "\n\r", ",\"\n\ra", "aaaaaaaaaaaaaaaaaaaaa,\n", "a\xc3\xa9", ",\"\n\r\xff\x80\x7f"};
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    for (int i = 0; i < 4000; i++) {
        size_t n = tdm__random_below(&random, i & 1 ? 130 : 1100);
        char *p = malloc(n + 1); /* of its exact size, for the sanitizer */
        const char *letters = alphabets[i % 6];
        for (size_t k = 0; k < n; k++)
            p[k] = letters[tdm__random_below(&random, strlen(letters))];
        for (size_t k = 1; tdm__csv_kernels_at(k); k++)
            expect_same_kernels(tdm__csv_kernels_at(k), p, n);
        free(p);
    }
}

/* ---- records, against a naive reading of the rules ---- */

typedef struct naive_record {
    size_t end, next;
    bool broken;
} naive_record;

/* The rules of csv_record.c by a byte at a time, without limit. */
static naive_record naive(const char *p, size_t n, size_t at)
{
    enum { FIELD_START, PLAIN, QUOTED, CLOSED } s = FIELD_START;
    size_t line_end = n, i = at;
    bool several = false, literal = false, broken = false;
    for (; i < n && !broken; i++) {
        bool feed = p[i] == '\n', crlf = p[i] == '\r' && i + 1 < n && p[i + 1] == '\n';
        if (feed && line_end == n)
            line_end = i;
        if (s == QUOTED) {
            if (feed) {
                several = true;
                broken = literal;
            }
            if (p[i] == '"' && i + 1 < n && p[i + 1] == '"')
                i++;
            else if (p[i] == '"')
                s = CLOSED;
        } else if (feed) {
            return (naive_record){i, i + 1, false};
        } else if (p[i] == ',') {
            s = FIELD_START;
        } else if (s == CLOSED) {
            broken = !crlf;
        } else if (p[i] == '"' && s == FIELD_START) {
            s = QUOTED;
        } else {
            broken = p[i] == '"' && several;
            literal = literal || p[i] == '"';
            s = PLAIN;
        }
    }
    if (!broken && s != QUOTED)
        return (naive_record){n, n, false};
    const char *feed = memchr(p + at, '\n', n - at);
    line_end = feed ? (size_t)(feed - p) : n;
    return (naive_record){line_end, line_end + (line_end < n), true};
}

static void test_records_as_the_rules_say(void **state)
{
    (void)state;
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    size_t broken = 0, spanning = 0;
    for (int i = 0; i < 60000; i++) {
        char p[64];
        tdm_str text = pick_text(&random, i & 1 ? "\"\"\n,a" : "\"\n\r,aa", 40, p);
        tdm__record_scan scan = {tdm__csv_kernels_best(), p, text.len, 1000, true, true};
        for (size_t at = 0; at < text.len;) {
            naive_record want = naive(p, text.len, at);
            tdm__record_span got;
            assert_true(tdm__record_at(&scan, at, &got));
            if (got.end != want.end || got.next != want.next || (got.fault != TDM_OK) != want.broken)
                fail_msg("[%.*s] at %zu: end %zu, not %zu", (int)text.len, p, at, got.end, want.end);
            broken += want.broken;
            spanning += got.line_ends > 1;
            at = got.next;
        }
    }
    assert_true(broken > 1000 && spanning > 1000);
}

static const tdm__schema *three_texts(void)
{
    static tdm__field fields[3];
    static tdm__schema schema = {fields, 3};
    for (size_t i = 0; i < 3; i++)
        fields[i] = (tdm__field){tdm__strn("abc" + i, 1), {.kind = TDM_STRING, .nullable = true}};
    return &schema;
}

/* One field of a good record, by a byte at a time: its text to `out`; returns where the next begins. */
static size_t naive_field(tdm_str record, size_t at, tdm__buf *out, bool *quoted)
{
    tdm__buf_reset(out);
    *quoted = at < record.len && record.ptr[at] == '"';
    if (!*quoted) {
        while (at < record.len && record.ptr[at] != ',')
            tdm__buf_char(out, record.ptr[at++]);
        return at + 1;
    }
    for (at++; record.ptr[at] != '"' || (at + 1 < record.len && record.ptr[at + 1] == '"'); at++) {
        tdm__buf_char(out, record.ptr[at]);
        at += record.ptr[at] == '"';
    }
    return at + 2;
}

/* What transcript() must say of a record. */
static void naive_row(tdm_str record, bool broken, tdm__buf *out)
{
    tdm__buf field = {0}, values = {0};
    size_t width = 0;
    for (size_t at = 0; !broken && at <= record.len; width++) {
        bool quoted;
        at = naive_field(record, at, &field, &quoted);
        tdm__buf_char(&values, ' ');
        if (field.len == 0 && !quoted)
            tdm__buf_text(&values, "null");
        else
            tdm__buf_json_text(&values, tdm__strn(field.ptr, field.len));
    }
    tdm__buf_printf(out, "%s[%.*s]", width == 3 ? "" : "bad ", (int)record.len, record.ptr);
    if (width == 3)
        tdm__buf_add(out, values.ptr, values.len);
    else
        tdm__buf_text(out, broken ? " csv_quote " : " csv_width ");
    tdm__buf_char(out, '\n');
    tdm__buf_free(&field);
    tdm__buf_free(&values);
}

/* Fields of random records, most of them quoted, in every way that the parser may take. */
static void test_fields_as_the_rules_say(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "b,", ",", "\"", "\"\"", "\n", "\r\n", "\"x\",", "\"y,\"", "1,\"2\",3\n",
                                         "\"p\",\"q\",\"r\"\r\n", ",,\n", "\"\",", "\"a\"\"b\",", "\"z\"\r,"};
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    tdm__buf text = {0}, want = {0}, got = {0};
    for (int i = 0; i < 20000; i++) {
        transcript_options o = {.format = TDM__FORMAT_CSV, .chunk_bytes = 500, .record_max = 500, .values_only = true};
        size_t n = 1 + tdm__random_below(&random, 12), from = 6;
        tdm__buf_reset(&text);
        tdm__buf_reset(&want);
        tdm__buf_reset(&got);
        tdm__buf_text(&text, "a,b,c\n");
        for (size_t k = 0; k < n; k++)
            tdm__buf_text(&text, pieces[tdm__random_below(&random, sizeof pieces / sizeof pieces[0])]);
        while (from < text.len) {
            naive_record r = naive(text.ptr, text.len, from);
            tdm_str record = tdm__strn(text.ptr + from, r.end - from);
            if (r.next > r.end && record.len > 0 && record.ptr[record.len - 1] == '\r')
                record.len--;
            if (record.len > 0)
                naive_row(record, r.broken, &want);
            from = r.next;
        }
        assert_ok(transcript(tdm__strn(text.ptr, text.len), three_texts(), &o, &got, NULL), NULL);
        assert_string_equal(tdm__buf_z(&got), tdm__buf_z(&want));
    }
    tdm__buf_free(&text);
    tdm__buf_free(&want);
    tdm__buf_free(&got);
}

/* ---- chunks ---- */

/* Any bytes, cut into chunks of any size from reads of any size, with any limit: the same rows at the same places. */
static void test_chunks_do_not_matter(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 7, 16, 33, 100}, limits[] = {1, 3, 8, 20, 1000};
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    tdm__buf want = {0}, got = {0};
    for (int i = 0; i < 3000; i++) {
        char p[160] = "a,b,c\n";
        tdm_str body = pick_text(&random, i % 3 ? "\"\n,,a" : "\"\n\r,,aaaaaaaa", 140, p + 6);
        tdm_str text = tdm__strn(p, 6 + body.len);
        transcript_options o = {.format = i % 5 ? TDM__FORMAT_CSV : TDM__FORMAT_JSONL, .chunk_bytes = 1000, .record_max = limits[i % 5]};
        o.record_max = o.format == TDM__FORMAT_CSV && o.record_max < 5 ? 5 : o.record_max;
        tdm_error err;
        tdm__buf_reset(&want);
        tdm__buf_reset(&got);
        assert_ok(transcript(text, three_texts(), &o, &want, &err), &err);
        o.chunk_bytes = sizes[tdm__random_below(&random, 7)];
        o.step = tdm__random_below(&random, 4);
        assert_ok(transcript(text, three_texts(), &o, &got, &err), &err);
        if (got.len != want.len || memcmp(got.ptr, want.ptr, want.len) != 0)
            fail_msg("text [%s]\nwant\n%s\ngot\n%s", p, tdm__buf_z(&want), tdm__buf_z(&got));
    }
    tdm__buf_free(&want);
    tdm__buf_free(&got);
}

/* ---- broken quotes ---- */

/* A field in CSV: letters, and inside quotes whatever; it never begins with a comma or line end (see the test below). */
static void add_field(tdm__random *random, tdm__buf *out)
{
    char p[16];
    bool quoted = tdm__random_below(random, 2);
    tdm_str text = pick_text(random, quoted ? "x,\n\"y" : "xyz ", 8, p);
    if (quoted)
        tdm__buf_char(out, '"');
    tdm__buf_char(out, "abc"[tdm__random_below(random, 3)]);
    for (size_t i = 0; i < text.len; i++)
        tdm__buf_text(out, text.ptr[i] == '"' ? "\"\"" : (char[]){text.ptr[i], 0});
    if (quoted)
        tdm__buf_char(out, '"');
}

static void add_record(tdm__random *random, tdm__buf *out)
{
    for (int i = 0; i < 3; i++) {
        if (i)
            tdm__buf_char(out, ',');
        add_field(random, out);
    }
    tdm__buf_text(out, tdm__random_below(random, 4) ? "\n" : "\r\n");
}

/* Breaks the quoting of [from, to): a quote put in, taken out, or put in place of another byte, not of the line end. */
static void corrupt(tdm__random *random, tdm__buf *text, size_t from, size_t to)
{
    size_t at = from + tdm__random_below(random, to - from - 2), tail = text->len - at;
    char *quote = memchr(text->ptr + from, '"', to - from);
    unsigned how = (unsigned)tdm__random_below(random, 3);
    if (how == 0 && quote) {
        memmove(quote, quote + 1, (size_t)(text->ptr + text->len - quote) - 1);
        text->len--;
    } else if (how == 1) {
        assert_non_null(tdm__buf_reserve(text, 1));
        memmove(text->ptr + at + 1, text->ptr + at, tail);
        text->ptr[at] = '"';
        text->len++;
    } else {
        text->ptr[at] = '"';
    }
}

/* One record of a good file is corrupted: the rows of all others come out the same, at their places; what is left of
 * the corrupted one lies where it lay. */
static void test_neighbours_survive(void **state)
{
    (void)state;
    enum { RECORDS = 12 };
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    tdm__buf text = {0}, before = {0}, after = {0}, got = {0};
    size_t bad_seen = 0;
    assert_true(tdm__buf_reserve(&before, 1) && tdm__buf_reserve(&after, 1));
    for (int round = 0; round < 4000; round++) {
        size_t begin[RECORDS + 1], victim = tdm__random_below(&random, RECORDS);
        transcript_options o = {.format = TDM__FORMAT_CSV, .chunk_bytes = 64, .record_max = 4096, .values_only = true};
        tdm_error err;
        tdm__buf_reset(&text);
        tdm__buf_text(&text, "a,b,c\n");
        for (size_t i = 0; i < RECORDS; i++) {
            begin[i] = text.len;
            add_record(&random, &text);
        }
        begin[RECORDS] = text.len;
        size_t rest = text.len - begin[victim + 1];
        tdm__buf_reset(&before);
        tdm__buf_reset(&after);
        tdm__buf_reset(&got);
        assert_ok(transcript(tdm__strn(text.ptr, begin[victim]), three_texts(), &o, &before, &err), &err);
        tdm__buf tail = {0};
        tdm__buf_text(&tail, "a,b,c\n");
        tdm__buf_add(&tail, text.ptr + begin[victim + 1], rest);
        assert_ok(transcript(tdm__strn(tail.ptr, tail.len), three_texts(), &o, &after, &err), &err);
        tdm__buf_free(&tail);
        corrupt(&random, &text, begin[victim], begin[victim + 1]);
        assert_ok(transcript(tdm__strn(text.ptr, text.len), three_texts(), &o, &got, &err), &err);
        bool kept = got.len >= before.len + after.len && memcmp(got.ptr, before.ptr, before.len) == 0 &&
                    memcmp(got.ptr + got.len - after.len, after.ptr, after.len) == 0;
        if (!kept)
            fail_msg("victim %zu of\n%s\ngot\n%s", victim, tdm__buf_z(&text), tdm__buf_z(&got));
        bad_seen += strstr(tdm__buf_z(&got), "bad [") != NULL;
    }
    assert_true(bad_seen > 500);
    tdm__buf_free(&text);
    tdm__buf_free(&before);
    tdm__buf_free(&after);
    tdm__buf_free(&got);
}

static void expect_rows(const char *text, size_t record_max, const char *want)
{
    transcript_options o = {.format = TDM__FORMAT_CSV, .chunk_bytes = 10, .record_max = record_max};
    tdm__buf got = {0};
    tdm_error err;
    assert_ok(transcript(tdm__str(text), three_texts(), &o, &got, &err), &err);
    assert_string_equal(tdm__buf_z(&got), want);
    tdm__buf_free(&got);
}

static void test_broken_quotes(void **state)
{
    (void)state;
    /* never closed: the record ends at its line, the next is read */
    expect_rows("a,b,c\n1,\"x,2\n3,y,4\n", 100,
                "bad row 1 line 2 at 6 [1,\"x,2] csv_quote \nrow 2 line 3 at 13 [3,y,4] \"3\" \"y\" \"4\"\n");
    /* text behind the closing quote */
    expect_rows("a,b,c\n1,\"x\"y,2\r\n3,y,4", 100,
                "bad row 1 line 2 at 6 [1,\"x\"y,2] csv_quote \nrow 2 line 3 at 16 [3,y,4] \"3\" \"y\" \"4\"\n");
    /* a quote in an unquoted field stands for itself, in a record of one line */
    expect_rows("a,b,c\n6\" pipe,x,y\n", 100, "row 1 line 2 at 6 [6\" pipe,x,y] \"6\\\" pipe\" \"x\" \"y\"\n");
    expect_rows("a,b,c\n6\" pipe,\"x\nz\",y\n", 100,
                "bad row 1 line 2 at 6 [6\" pipe,\"x] csv_quote \nbad row 2 line 3 at 17 [z\",y] csv_width \n");
    /* fields of several lines */
    expect_rows("a,b,c\n1,\"x\n\n,\"\"y\",2\n3,,\"\"\n", 100,
                "row 1 line 2 at 6 [1,\"x\n\n,\"\"y\",2] \"1\" \"x\\n\\n,\\\"y\" \"2\"\nrow 2 line 5 at 20 [3,,\"\"] \"3\" null \"\"\n");
    /* the case that no rule can tell from a good file: a stray quote, and later a quoted field that begins with a
     * comma and holds a line end. The two are taken for one field, and the records between for its text. */
    expect_rows("a,b,c\n1,\"x,2\n3,y,4\n5,\",\nz\",6\n7,y,8\n", 100,
                "row 1 line 2 at 6 [1,\"x,2\n3,y,4\n5,\",] \"1\" \"x,2\\n3,y,4\\n5,\" null\n"
                "bad row 2 line 5 at 24 [z\",6] csv_width \nrow 3 line 6 at 29 [7,y,8] \"7\" \"y\" \"8\"\n");
}

static void test_too_long(void **state)
{
    (void)state;
    expect_rows("a,b,c\n1,2,3\n12345678901,b,c\n4,5,6\n", 10,
                "row 1 line 2 at 6 [1,2,3] \"1\" \"2\" \"3\"\nbad row 2 line 3 at 12 [1234567890] record_too_long \n"
                "row 3 line 4 at 28 [4,5,6] \"4\" \"5\" \"6\"\n");
    /* exactly as long as may be, and one more */
    expect_rows("a,b,c\n1,2,345678\n", 10, "row 1 line 2 at 6 [1,2,345678] \"1\" \"2\" \"345678\"\n");
    expect_rows("a,b,c\n1,2,345678", 10, "row 1 line 2 at 6 [1,2,345678] \"1\" \"2\" \"345678\"\n");
    expect_rows("a,b,c\n1,2,3456789\n", 10, "bad row 1 line 2 at 6 [1,2,345678] record_too_long \n");
    expect_rows("a,b,c\n1,2,3456789", 10, "bad row 1 line 2 at 6 [1,2,345678] record_too_long \n");
    /* too long over several lines: as if not closed */
    expect_rows("a,b,c\n1,2,\"3\n4567890\"\n5,6,7\n", 10,
                "bad row 1 line 2 at 6 [1,2,\"3] csv_quote \nbad row 2 line 3 at 13 [4567890\"] csv_width \n"
                "row 3 line 4 at 22 [5,6,7] \"5\" \"6\" \"7\"\n");
}

/* A line of 3 MiB between two good ones: its first 4 KiB are kept, and memory stays near the limit. */
static void test_too_long_in_bounded_memory(void **state)
{
    (void)state;
    enum { LONG = 3 << 20 };
    tdm__buf text = {0};
    tdm__buf_text(&text, "a,b,c\n1,2,3\n");
    char *to = tdm__buf_reserve(&text, LONG);
    memset(to, 'x', LONG);
    text.len += LONG;
    tdm__buf_text(&text, "\n4,5,6\n");
    text_source from = {{text.ptr, text.len}, 0, 0};
    tdm__reader_source source = {text_source_read, &from, "text", 1 << 16, 1 << 20};
    tdm__reader *reader;
    tdm__row_parser *parser;
    tdm__chunk chunk = {0};
    tdm_error err;
    size_t n, good = 0, bad = 0;
    assert_ok(tdm__reader_open_source(&source, TDM__FORMAT_CSV, &reader, &err), &err);
    const tdm_str *header = tdm__reader_header(reader, &n);
    assert_ok(tdm__row_parser_new(TDM__FORMAT_CSV, header, n, three_texts(), NULL, &parser, &err), &err);
    for (;;) {
        const tdm__row_block *block;
        assert_ok(tdm__reader_next(reader, &chunk, &err), &err);
        if (chunk.bytes.len == 0)
            break;
        assert_true(chunk.bytes.cap <= 4 << 20);
        tdm__row_parser_start(parser, &chunk);
        for (;;) {
            assert_ok(tdm__row_parser_next(parser, &block, &err), &err);
            if (block->n + block->n_bad == 0)
                break;
            good += block->n;
            for (size_t i = 0; i < block->n_bad; i++, bad++) {
                assert_int_equal(block->bad[i].error.status, TDM_RECORD_TOO_LONG);
                assert_int_equal(block->bad[i].place.bytes.len, 4096);
                assert_int_equal(block->bad[i].place.row, 2);
                assert_int_equal(block->bad[i].place.line, 3);
            }
            if (block->n && good == 2) {
                assert_int_equal(block->place[0].row, 3);
                assert_int_equal(block->place[0].line, 4);
                assert_int_equal(block->place[0].offset, 12 + LONG + 1);
            }
        }
    }
    assert_int_equal(good, 2);
    assert_int_equal(bad, 1);
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    tdm__chunk_free(&chunk);
    tdm__buf_free(&text);
}

/* Hostile: each line opens a field, and the next lines seem to close and open it again. Without the rule on quotes in
 * unquoted fields each try would run to the limit, and time would be lines x limit. */
static void test_tries_do_not_add_up(void **state)
{
    (void)state;
    tdm__buf text = {0}, got = {0};
    tdm_error err;
    tdm__buf_text(&text, "a,b,c\n");
    for (int i = 0; i < 100000; i++)
        tdm__buf_text(&text, "x\",y\"z,\"w\n");
    transcript_options o = {.format = TDM__FORMAT_CSV, .chunk_bytes = TDM__CHUNK_BYTES, .record_max = TDM__RECORD_BYTES_MAX};
    assert_ok(transcript(tdm__strn(text.ptr, text.len), three_texts(), &o, &got, &err), &err);
    assert_non_null(strstr(tdm__buf_z(&got), "bad row 100000 line 100001 "));
    tdm__buf_free(&text);
    tdm__buf_free(&got);
}

/* ---- headers and formats ---- */

static tdm_status open_text(const char *text, tdm__row_format format, tdm__reader **out, tdm_error *err)
{
    static text_source from;
    from = (text_source){tdm__str(text), 0, 0};
    tdm__reader_source source = {text_source_read, &from, "rows", 16, 100};
    return tdm__reader_open_source(&source, format, out, err);
}

static void test_headers(void **state)
{
    (void)state;
    tdm__reader *reader;
    tdm_error err;
    size_t n;
    assert_ok(open_text("\xef\xbb\xbf\r\n\n\"a \"\"x\"\"\",b,,\"two\nlines\"\r\n1,2,3,4\n", TDM__FORMAT_AUTO, &reader, &err), &err);
    const tdm_str *h = tdm__reader_header(reader, &n);
    assert_int_equal(n, 4);
    assert_true(tdm__str_is(h[0], "a \"x\"") && tdm__str_is(h[1], "b") && tdm__str_is(h[2], "") && tdm__str_is(h[3], "two\nlines"));
    tdm__chunk chunk = {0};
    assert_ok(tdm__reader_next(reader, &chunk, &err), &err);
    assert_int_equal(chunk.first_line, 5);
    assert_int_equal(chunk.first_row, 1);
    assert_int_equal(chunk.offset, 3 + 3 + 26);
    tdm__chunk_free(&chunk);
    tdm__reader_close(&reader);
    static const struct {
        const char *text, *where;
        tdm_status status;
    } bad[] = {
        {"", "rows:1", TDM_SYNTAX}, {"\n\n", "rows:3", TDM_SYNTAX}, {"a,b,a\n", "rows:1", TDM_SYNTAX},
        {"\n\"a\"x,b\n", "rows:2", TDM_CSV_QUOTE}, {"\"a\n", "rows:1", TDM_CSV_QUOTE}, {"a,\xff\n", "rows:1", TDM_TEXT_ENCODING},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_status(open_text(bad[i].text, TDM__FORMAT_CSV, &reader, &err), bad[i].status, &err);
        assert_string_equal(err.where, bad[i].where);
    }
}

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        tdm__row_format want;
    } files[] = {
        {"a.csv", "{,}\n", TDM__FORMAT_CSV}, {"a.jsonl", "x", TDM__FORMAT_JSONL}, {"a.ndjson.gz", "x", TDM__FORMAT_JSONL},
        {"a.jsonl.zst", "", TDM__FORMAT_JSONL}, {"a.txt", "{\"a\":1}", TDM__FORMAT_JSONL}, {"a", "a,b\n", TDM__FORMAT_CSV},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *path = support_path(support_temp_dir(), files[i].name);
        tdm__reader *reader;
        tdm_error err;
        support_write_file(path, files[i].text, strlen(files[i].text));
        assert_ok(tdm__reader_open(tdm__fs_posix(), path, TDM__FORMAT_AUTO, &reader, &err), &err);
        assert_int_equal(tdm__reader_format(reader), files[i].want);
        tdm__reader_close(&reader);
    }
    tdm__reader *reader;
    assert_int_equal(tdm__reader_open(tdm__fs_posix(), "/nowhere/a.csv", TDM__FORMAT_AUTO, &reader, NULL), TDM_NOT_FOUND);
}

/* Every allocation fails once: an error each time, and nothing is left behind. */
static void test_no_memory(void **state)
{
    (void)state;
    transcript_options o = {.format = TDM__FORMAT_CSV, .chunk_bytes = 8, .record_max = 64};
    const char *text = "a,b,c\n1,\"x\"\"y\",3\n1,2\n4,\"5\n\",6\n\"\n";
    for (uint64_t n = 1;; n++) {
        tdm__buf out = {0};
        tdm_error err;
        assert_non_null(tdm__buf_reserve(&out, 4096));
        support_fail_alloc_at(n);
        tdm_status s = transcript(tdm__str(text), three_texts(), &o, &out, &err);
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
        cmocka_unit_test(test_kernels_agree),       cmocka_unit_test(test_records_as_the_rules_say),
        cmocka_unit_test(test_fields_as_the_rules_say),
        cmocka_unit_test(test_chunks_do_not_matter), cmocka_unit_test(test_neighbours_survive),
        cmocka_unit_test(test_broken_quotes),       cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_too_long_in_bounded_memory), cmocka_unit_test(test_tries_do_not_add_up),
        cmocka_unit_test(test_headers),             cmocka_unit_test(test_formats),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
