/* Bare models on files: what a framework gave comes out, columns by name, and the first bad row stops it. */
#include <math.h>

#include "fixture.h"

static tdm_status collect(void *self, const void *bytes, size_t n, tdm_error *err)
{
    (void)err;
    tdm__buf_add(self, bytes, n);
    return TDM_OK;
}

static tdm_status score(const char *model_path, const char *rows, tdm_model_output output, bool jsonl, tdm__buf *out, size_t *missing,
                        tdm_error *err)
{
    tdm_model *model;
    tdm__buf_reset(out);
    tdm_status s = tdm_model_open(model_path, NULL, &model, err);
    if (!s)
        s = tdm_model_predict_file(model, rows, output, jsonl, collect, out, missing, err);
    tdm_model_close(&model);
    tdm__buf_char(out, 0);
    return s;
}

static const char linear[] = "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[\"x\",\"y\"],\"weights\":[1,10],\"intercept\":0.5}";
static const char two[] = "{\"kind\":\"linear\",\"inputs\":[\"x\"],\"weights\":[[1],[2]],\"intercept\":[0,0.25]}";

static void columns_by_name(void **state)
{
    (void)state;
    fixture f;
    tdm__buf out = {0};
    size_t missing;
    fixture_new(&f, NULL);
    const char *m = fixture_file(&f, "m.json", linear);
    static const struct { const char *name, *rows, *out; size_t missing; } cases[] = {
        {"r.csv", "y,other,x\n1,a,2\n,b,3\n-0.5,c,\n", "prediction\n12.5\n3.5\n-4.5\n", 0},
        {"r.csv", "x\n1\n0x1p-1\nnan\n", "prediction\n1.5\n1\n0.5\n", 1},
        {"r.csv", "x,y\n", "prediction\n", 0},
        {"r.jsonl", "{\"x\":1,\"y\":1}\n{\"y\":null}\n", "prediction\n11.5\n0.5\n", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(score(m, fixture_file(&f, cases[i].name, cases[i].rows), TDM_OUTPUT_PREDICTION, false, &out, &missing, &f.err), &f.err);
        assert_string_equal(out.ptr, cases[i].out);
        assert_int_equal(missing, cases[i].missing);
    }
    m = fixture_file(&f, "two.json", two);
    const char *rows = fixture_file(&f, "r.csv", "x\n1\n2.5\n");
    assert_ok(score(m, rows, TDM_OUTPUT_RAW, false, &out, NULL, &f.err), &f.err);
    assert_string_equal(out.ptr, "prediction_0,prediction_1\n1,2.25\n2.5,5.25\n");
    assert_ok(score(m, rows, TDM_OUTPUT_PREDICTION, true, &out, NULL, &f.err), &f.err);
    assert_string_equal(out.ptr, "{\"prediction_0\":1,\"prediction_1\":2.25}\n{\"prediction_0\":2.5,\"prediction_1\":5.25}\n");
    tdm__buf_free(&out);
    fixture_close(&f);
}

/* Margins and leaves to the bit, predictions to a part in 2^52, of the outputs that LightGBM wrote beside its rows. */
static void what_the_framework_gave(void **state)
{
    (void)state;
    fixture f;
    tdm__buf out = {0};
    fixture_new(&f, NULL);
    const char *model = support_path(support_source_root(), "tests/parity/data/binary-v4.txt");
    char *rows = support_read_file(support_path(support_source_root(), "tests/parity/data/binary-v4.rows.csv"), NULL);
    char *expect = support_read_file(support_path(support_source_root(), "tests/parity/data/binary-v4.expect.csv"), NULL);
    tdm__buf text = {0};
    tdm__buf_text(&text, "Column_0,Column_1,Column_2,Column_3,Column_4,Column_5");
    tdm__buf_text(&text, strchr(rows, '\n'));
    const char *path = fixture_file(&f, "framework.csv", tdm__buf_z(&text));
    size_t lines[3] = {0};
    for (int output = 0; output < 3; output++) {
        assert_ok(score(model, path, (tdm_model_output)output, false, &out, NULL, &f.err), &f.err);
        char *got = strchr(out.ptr, '\n') + 1, *want = strchr(expect, '\n') + 1;
        for (; *want; lines[output]++) {
            double raw = strtod(want, &want), prediction = strtod(want + 1, &want);
            if (output == TDM_OUTPUT_RAW)
                assert_true(strtod(got, &got) == raw);
            if (output == TDM_OUTPUT_PREDICTION)
                assert_true(fabs(strtod(got, &got) - prediction) <= 4e-16 * prediction);
            for (int leaf = 0; leaf < 8; leaf++) {
                double index = strtod(want + 1, &want);
                if (output == TDM_OUTPUT_LEAF)
                    assert_true(strtod(leaf ? got + 1 : got, &got) == index);
            }
            assert_true(*got == '\n' && *want == '\n');
            got++;
            want++;
        }
        assert_int_equal(*got, 0);
    }
    assert_true(lines[0] > 50 && lines[0] == lines[1] && lines[1] == lines[2]);
    tdm__buf_free(&text);
    tdm__buf_free(&out);
    support_free(rows);
    support_free(expect);
    fixture_close(&f);
}

static void what_stops_it(void **state)
{
    (void)state;
    fixture f;
    tdm__buf out = {0};
    fixture_new(&f, NULL);
    const char *m = fixture_file(&f, "m.json", linear);
    const char *rows = fixture_file(&f, "bad.csv", "x,y\n1,1\n2,\n3,far\n4,4\n");
    assert_status(score(m, rows, TDM_OUTPUT_PREDICTION, false, &out, NULL, &f.err), TDM_FIELD_TYPE, &f.err);
    assert_string_equal(f.err.where, fixture_print("%s:4: y", rows));
    rows = fixture_file(&f, "none.csv", "a,b\n1,1\n");
    assert_status(score(m, rows, TDM_OUTPUT_PREDICTION, false, &out, NULL, &f.err), TDM_MISMATCH, &f.err);
    assert_non_null(strstr(f.err.expected, "'x'"));
    rows = fixture_file(&f, "good.csv", "x,y\n1,1\n");
    assert_status(score(m, rows, TDM_OUTPUT_LEAF, false, &out, NULL, &f.err), TDM_UNSUPPORTED, &f.err);
    assert_status(score(m, "/no/such/rows", TDM_OUTPUT_RAW, false, &out, NULL, &f.err), TDM_NOT_FOUND, &f.err);
    tdm_model *model;
    assert_status(tdm_model_open("/no/such/model", NULL, &model, &f.err), TDM_NOT_FOUND, &f.err);
    assert_null(model);
    assert_int_not_equal(tdm_model_open(m, "lightgbm", &model, &f.err), TDM_OK);
    tdm__buf_free(&out);
    fixture_close(&f);
}

static tdm_status refuse(void *self, const void *bytes, size_t n, tdm_error *err)
{
    (void)bytes;
    *(size_t *)self += n;
    if (err)
        err->status = TDM_DISK_FULL;
    return TDM_DISK_FULL;
}

static void a_failing_writer_and_failing_memory(void **state)
{
    (void)state;
    fixture f;
    tdm__buf out = {0}, text = {0};
    tdm_model *model;
    size_t written = 0;
    fixture_new(&f, NULL);
    const char *m = fixture_file(&f, "m.json", linear);
    tdm__buf_text(&text, "x,y\n");
    for (int i = 0; i < 30000; i++)
        tdm__buf_printf(&text, "%d,0.5\n", i);
    const char *rows = fixture_file(&f, "many.csv", tdm__buf_z(&text));
    assert_ok(tdm_model_open(m, NULL, &model, &f.err), &f.err);
    assert_status(tdm_model_predict_file(model, rows, TDM_OUTPUT_RAW, false, refuse, &written, NULL, &f.err), TDM_DISK_FULL, &f.err);
    assert_true(written > 0 && written < 100000); /* it was asked once, and stopped */
    tdm_model_close(&model);
    rows = fixture_file(&f, "good.csv", "x,y\n1,1\n");
    for (uint64_t n = 1, hit = 1; hit; n++) {
        size_t missing;
        tdm__buf_free(&out);
        assert_non_null(tdm__buf_reserve(&out, 1000)); /* ours does not count */
        support_fail_alloc_at(n);
        tdm_status s = score(m, rows, TDM_OUTPUT_RAW, false, &out, &missing, &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
    }
    tdm__buf_free(&out);
    tdm__buf_free(&text);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_by_name),
        cmocka_unit_test(what_the_framework_gave),
        cmocka_unit_test(what_stops_it),
        cmocka_unit_test(a_failing_writer_and_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
