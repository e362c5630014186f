/* Sealed documents: what was written is read, whatever was changed since is told, newer formats are refused. */
#include "state/document.h"

#include "fixture.h"

static const char path[] = "/d/doc";

static tdm__fs *disk(void)
{
    tdm_error err;
    tdm__fs *fs = tdm__fs_sim_new(support_seed());
    assert_non_null(fs);
    assert_ok(tdm__make_dirs(fs, "/d", &err), &err);
    return fs;
}

static json_t *sample(void)
{
    return json_pack("{s:s, s:I, s:[i,i], s:s}", "name", "a \"text\"\n\xc3\xa9", "big", (json_int_t)INT64_MIN, "list", 1, 2, "empty", "");
}

static void put(tdm__fs *fs, const char *bytes, size_t n)
{
    tdm_error err;
    assert_ok(tdm__write_file_durably(fs, path, bytes, n, &err), &err);
}

static void round_trip(void **state)
{
    (void)state;
    tdm_error err;
    tdm__fs *fs = disk();
    json_t *in = sample(), *out;
    assert_ok(tdm__document_write(fs, path, "epoch", json_incref(in), &err), &err);
    assert_ok(tdm__document_read(fs, path, "epoch", &out, &err), &err);
    assert_true(json_equal(in, out));
    json_decref(in);
    json_decref(out);
    tdm__fs_sim_close(&fs);
}

static void the_file_is_as_documented(void **state)
{
    (void)state;
    tdm_error err;
    tdm__buf file;
    tdm__fs *fs = disk();
    assert_ok(tdm__document_write(fs, path, "current", json_pack("{s:i, s:s}", "epoch", 7, "digest", "x"), &err), &err);
    assert_ok(tdm__read_file(fs, path, 1000, &file, &err), &err);
    /* the digest by XXH3_64bits of libxxhash */
    assert_string_equal(file.ptr, "tandem current 1 ae372c88e64f3526 24\n{\"digest\":\"x\",\"epoch\":7}");
    tdm__buf_free(&file);
    tdm__fs_sim_close(&fs);
}

static void every_flipped_byte_is_found(void **state)
{
    (void)state;
    tdm_error err;
    tdm__buf file;
    json_t *out;
    tdm__fs *fs = disk();
    assert_ok(tdm__document_write(fs, path, "epoch", sample(), &err), &err);
    assert_ok(tdm__read_file(fs, path, 1000, &file, &err), &err);
    for (size_t i = 0; i < file.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            file.ptr[i] ^= (char)(1 << bit);
            put(fs, file.ptr, file.len);
            tdm_status s = tdm__document_read(fs, path, "epoch", &out, &err);
            assert_true(s == TDM_CORRUPT || s == TDM_UNSUPPORTED); /* the format's own digit */
            assert_null(out);
            assert_string_equal(err.where, path);
            file.ptr[i] ^= (char)(1 << bit);
        }
    for (size_t n = 0; n < file.len; n++) {
        put(fs, file.ptr, n);
        assert_status(tdm__document_read(fs, path, "epoch", &out, &err), TDM_CORRUPT, &err);
    }
    tdm__buf_char(&file, ' ');
    put(fs, file.ptr, file.len);
    assert_status(tdm__document_read(fs, path, "epoch", &out, &err), TDM_CORRUPT, &err);
    tdm__buf_free(&file);
    tdm__fs_sim_close(&fs);
}

static void other_kinds_and_formats(void **state)
{
    (void)state;
    tdm_error err;
    json_t *out;
    tdm__fs *fs = disk();
    assert_ok(tdm__document_write(fs, path, "epoch", sample(), &err), &err);
    assert_status(tdm__document_read(fs, path, "table", &out, &err), TDM_CORRUPT, &err);
    put(fs, "tandem epoch 2 whatever\n{}", 26);
    assert_status(tdm__document_read(fs, path, "epoch", &out, &err), TDM_UNSUPPORTED, &err);
    assert_string_equal(err.expected, "format 1");
    assert_string_equal(err.found, "\"2\"");
    assert_status(tdm__document_read(fs, "/d/none", "epoch", &out, &err), TDM_NOT_FOUND, &err);
    /* a list is sealed well enough, but it is no document */
    assert_ok(tdm__document_write(fs, path, "epoch", json_array(), &err), &err);
    assert_status(tdm__document_read(fs, path, "epoch", &out, &err), TDM_CORRUPT, &err);
    assert_status(tdm__document_write(fs, path, "epoch", NULL, &err), TDM_NO_MEMORY, &err);
    tdm__fs_sim_close(&fs);
}

static void members(void **state)
{
    (void)state;
    tdm_error err;
    char text[8];
    const char *z;
    int64_t i;
    uint64_t u;
    json_t *o = json_pack("{s:s, s:i, s:n}", "text", "1234567", "number", -5, "null");
    assert_ok(tdm__document_text(o, "text", "p", &z, &err), &err);
    assert_string_equal(z, "1234567");
    assert_ok(tdm__document_copy(o, "text", "p", text, 8, &err), &err);
    assert_string_equal(text, "1234567");
    assert_status(tdm__document_copy(o, "text", "p", text, 7, &err), TDM_CORRUPT, &err);
    assert_ok(tdm__document_i64(o, "number", "p", &i, &err), &err);
    assert_int_equal(i, -5);
    assert_status(tdm__document_u64(o, "number", "p", &u, &err), TDM_CORRUPT, &err);
    assert_status(tdm__document_i64(o, "text", "p", &i, &err), TDM_CORRUPT, &err);
    assert_status(tdm__document_text(o, "null", "p", &z, &err), TDM_CORRUPT, &err);
    assert_status(tdm__document_text(o, "absent", "p", &z, &err), TDM_CORRUPT, &err);
    assert_string_equal(err.where, "p");
    assert_status(tdm__document_text(NULL, "text", "p", &z, &err), TDM_CORRUPT, &err);
    json_decref(o);
}

/* Of the library's allocations each gives TDM_NO_MEMORY. Jansson's may also look like bad text, or be of no consequence; what is
 * written and read is never another document. */
static void allocations_fail(void **state)
{
    (void)state;
    tdm__fs *fs = disk();
    json_t *expected = sample(), *out;
    for (int json = 0; json < 2; json++)
        for (uint64_t n = 1, hit = 1; hit; n++) {
            tdm_error err;
            json_t *root = sample();
            if (json && n == 1)
                fixture_count_json();
            support_fail_alloc_at(n);
            tdm_status s = tdm__document_write(fs, path, "epoch", root, &err);
            if (!s)
                s = tdm__document_read(fs, path, "epoch", &out, &err);
            hit = support_alloc_failed();
            support_fail_alloc_at(0);
            if (!json || (s && s != TDM_CORRUPT))
                assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &err);
            assert_true(s || json_equal(out, expected));
            if (!s)
                json_decref(out);
        }
    json_decref(expected);
    tdm__fs_sim_close(&fs);
}

static void lists_lose_nothing(void **state)
{
    (void)state;
    json_t *list = tdm__document_item(json_array(), json_integer(1));
    list = tdm__document_item(list, json_integer(2));
    assert_int_equal(json_array_size(list), 2);
    assert_null(tdm__document_item(list, NULL));
    assert_null(tdm__document_item(NULL, json_integer(3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(the_file_is_as_documented),
        cmocka_unit_test(every_flipped_byte_is_found),
        cmocka_unit_test(other_kinds_and_formats),
        cmocka_unit_test(members),
        cmocka_unit_test(allocations_fail),
        cmocka_unit_test(lists_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
