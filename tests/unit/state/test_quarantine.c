/* The quarantine: lines keep every byte, and are found by run, prefix, table and load. */
#include "state/quarantine.h"

#include <jansson.h>
#include "fixture.h"
#include "state/document.h"

static json_t *line_of(tdm_str bytes)
{
    tdm__buf out = {0};
    tdm_error error = {.status = TDM_FIELD_TYPE, .where = "distance", .what = "it is \"odd\"", .expected = "f64", .found = "\"x\ty\""};
    tdm__quarantined q = {.run = "r1", .release = "rel", .file = "a\"b\xff.csv", .row = UINT64_MAX, .line = 3, .offset = 77, .bytes = bytes,
                          .stage = "read", .error = &error};
    tdm__quarantine_line(&q, &out);
    assert_false(out.failed);
    assert_int_equal(out.ptr[out.len - 1], '\n');
    assert_null(memchr(out.ptr, '\n', out.len - 1));
    json_t *o = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(o);
    tdm__buf_free(&out);
    return o;
}

static const char *text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static void a_line_has_all_fields(void **state)
{
    (void)state;
    json_t *o = line_of(tdm__str("f1,\"a\nb\",\xc3\xa9"));
    static const char *const fields[][2] = {
        {"run", "r1"}, {"release", "rel"}, {"file", "a\"b\xef\xbf\xbd.csv"}, {"bytes", "f1,\"a\nb\",\xc3\xa9"}, {"stage", "read"},
        {"code", "field_type"}, {"field", "distance"}, {"value", "\"x\ty\""}, {"expected", "f64"}, {"message", "it is \"odd\""}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        assert_string_equal(text(o, fields[i][0]), fields[i][1]);
    assert_int_equal(json_object_size(o), 13);
    assert_true(json_real_value(json_object_get(o, "row")) == 18446744073709551615.0);
    assert_true(json_real_value(json_object_get(o, "line")) == 3 && json_real_value(json_object_get(o, "offset")) == 77);
    json_decref(o);
}

/* RFC 4648's test vectors, and bytes that are no UTF-8. */
static void other_bytes_are_base64(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t n; const char *base64; } vectors[] = {
        {"\xff", 1, "/w=="}, {"\xff\xfe", 2, "//4="}, {"\xff\xfe\xfd", 3, "//79"}, {"foob\xe9", 5, "Zm9vYuk="}, {"a\0\xc0", 3, "YQDA"}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        json_t *o = line_of(tdm__strn(vectors[i].bytes, vectors[i].n));
        assert_string_equal(text(o, "bytes_base64"), vectors[i].base64);
        assert_null(json_object_get(o, "bytes"));
        json_decref(o);
    }
}

static void write_lines(fixture *f, const char *run, const char *lines)
{
    char path[TDM__PATH_MAX], dir[TDM__PATH_MAX];
    tdm__writing writing;
    tdm__line_file *file;
    assert_ok(tdm__writing_begin(f->home, "test", &writing, &f->err), &f->err);
    assert_ok(tdm__home_path(f->home, path, &f->err, "%s/quarantine.jsonl", run), &f->err);
    assert_true(tdm__path_dir(dir, sizeof dir, path));
    assert_ok(tdm__make_dirs(f->fs, dir, &f->err), &f->err);
    assert_ok(tdm__line_file_new(f->home, path, &file, &f->err), &f->err);
    assert_ok(tdm__line_file_add(file, tdm__str(lines), &f->err), &f->err);
    assert_false(tdm__exists(f->fs, path)); /* only a finished one exists */
    assert_ok(tdm__line_file_finish(&file, &f->err), &f->err);
    assert_null(file);
    tdm__writing_end(&writing);
}

static void found_by_run_prefix_table_and_load(void **state)
{
    (void)state;
    fixture f;
    tdm_quarantine *q;
    size_t n;
    fixture_new(&f, NULL);
    assert_status(tdm_quarantine_open(f.home, "abcdef", &q, &f.err), TDM_NOT_FOUND, &f.err); /* no home yet */
    write_lines(&f, "runs/abcdef0123456789abcdef0123456789", "{\"n\":1}\n{\"n\":2}\n");
    write_lines(&f, "runs/abcdee0123456789abcdef0123456789", "{\"n\":3}\n");
    write_lines(&f, "loads/load-000007", "{\"n\":4}\n");
    assert_string_equal(fixture_quarantine(&f, "abcdef0123456789abcdef0123456789", &n), "{\"n\":1}\n{\"n\":2}\n");
    assert_int_equal(n, 2);
    assert_string_equal(fixture_quarantine(&f, "abcdee", NULL), "{\"n\":3}\n");
    assert_string_equal(fixture_quarantine(&f, "load-000007", NULL), "{\"n\":4}\n");
    static const char *const wrong[] = {"abcde", "abcdex", "load-000008", "v000001", "../runs/abcdef", "runs/abcdef", "", "load-"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_status(tdm_quarantine_open(f.home, wrong[i], &q, &f.err), TDM_NOT_FOUND, &f.err);
        assert_null(q);
    }
    write_lines(&f, "runs/abcdef9923456789abcdef0123456789", "{}\n");
    assert_status(tdm_quarantine_open(f.home, "abcdef", &q, &f.err), TDM_NOT_FOUND, &f.err);
    assert_string_equal(f.err.what, "several runs begin with this");
    /* a table says which run made it */
    assert_ok(tdm__make_dirs(f.fs, "/home/tables/v000001", &f.err), &f.err);
    assert_ok(tdm__document_write(f.fs, "/home/tables/v000001/manifest", "table",
                                  json_pack("{s:s}", "run", "abcdee0123456789abcdef0123456789"), &f.err), &f.err);
    assert_string_equal(fixture_quarantine(&f, "v000001", NULL), "{\"n\":3}\n");
    fixture_close(&f);
}

static void a_truncated_file_is_told(void **state)
{
    (void)state;
    fixture f;
    tdm_quarantine *q;
    tdm_str line;
    fixture_new(&f, NULL);
    write_lines(&f, "loads/load-000001", "{\"n\":1}\n{\"n\":");
    assert_ok(tdm_quarantine_open(f.home, "load-000001", &q, &f.err), &f.err);
    assert_ok(tdm_quarantine_next(q, &line, &f.err), &f.err);
    assert_int_equal(line.len, 7);
    assert_status(tdm_quarantine_next(q, &line, &f.err), TDM_CORRUPT, &f.err);
    tdm_quarantine_close(&q);
    assert_null(q);
    tdm_quarantine_close(&q);
    fixture_close(&f);
}

/* Lines of many lengths, across the reader's buffer. */
static void long_and_many_lines(void **state)
{
    (void)state;
    fixture f;
    tdm_quarantine *q;
    tdm_str line;
    tdm__buf all = {0};
    fixture_new(&f, NULL);
    for (size_t i = 0; i < 60; i++) {
        memset(tdm__buf_reserve(&all, i * i * 300), 'a' + (int)(i % 26), i * i * 300);
        all.len += i * i * 300;
        tdm__buf_char(&all, '\n');
    }
    tdm__buf_char(&all, 0);
    write_lines(&f, "loads/load-000001", all.ptr);
    assert_ok(tdm_quarantine_open(f.home, "load-000001", &q, &f.err), &f.err);
    for (size_t i = 0; i < 60; i++) {
        assert_ok(tdm_quarantine_next(q, &line, &f.err), &f.err);
        assert_int_equal(line.len, i * i * 300);
        assert_true(!i || (line.ptr[0] == 'a' + (int)(i % 26) && line.ptr[line.len - 1] == line.ptr[0]));
    }
    assert_status(tdm_quarantine_next(q, &line, &f.err), TDM_NOT_FOUND, &f.err);
    tdm_quarantine_close(&q);
    tdm__buf_free(&all);
    fixture_close(&f);
}

/* Every call to the disk fails once: then there is no file or a whole one, and nothing besides. */
static void line_files_are_whole_or_absent(void **state)
{
    (void)state;
    for (uint64_t n = 1, working = 0; !working; n++) {
        fixture f;
        tdm__fs *fs = tdm__fs_sim_new(support_seed());
        tdm__writing writing;
        tdm__line_file *file = NULL;
        fixture_new(&f, fs);
        assert_ok(tdm__writing_begin(f.home, "test", &writing, &f.err), &f.err);
        uint64_t before = tdm__fs_sim_calls(fs);
        tdm__fs_sim_fail_at(fs, n, TDM_DISK_FULL);
        tdm_status s = tdm__line_file_new(f.home, "/home/runs/q", &file, &f.err);
        if (!s)
            s = tdm__line_file_add(file, tdm__str("line\n"), &f.err);
        if (!s)
            s = tdm__line_file_finish(&file, &f.err);
        tdm__line_file_abort(&file);
        working = tdm__fs_sim_calls(fs) - before < n;
        assert_status(s, working ? TDM_OK : TDM_DISK_FULL, &f.err);
        tdm__fs_sim_fail_at(fs, 0, TDM_OK);
        assert_int_equal(fixture_names(&f, "tmp"), 0);
        assert_true(fixture_names(&f, "runs") == 1 || !working);
        tdm__writing_end(&writing);
        fixture_close(&f);
        tdm__fs_sim_close(&fs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_all_fields),
        cmocka_unit_test(other_bytes_are_base64),
        cmocka_unit_test(found_by_run_prefix_table_and_load),
        cmocka_unit_test(a_truncated_file_is_told),
        cmocka_unit_test(long_and_many_lines),
        cmocka_unit_test(line_files_are_whole_or_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
