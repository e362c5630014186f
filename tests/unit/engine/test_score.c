/* Scoring: required features, the prediction schema, several outputs, margins, the simple model. */
#include "engine_desk.h"

static const char yaml_of_requests[] = "name: r\n"
                                       "entity: row\n"
                                       "features:\n"
                                       "  x: {request: f64?}\n"
                                       "  y: {request: f64}\n"
                                       "  z: {request: i64?, required: true}\n"
                                       "  b: {request: bool?}\n"
                                       "  d: {request: 'decimal(10,2)?'}\n"
                                       "  s: {request: f32?}\n"
                                       "models:\n"
                                       "  main: {file: main.json}\n"
                                       "  simple: {file: simple.json, inputs: {hour: z}}\n"
                                       "prediction:\n"
                                       "  p: {model: main, range: [-100, 100]}\n";
static const char main_of_requests[] = "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[\"x\",\"y\",\"z\",\"b\",\"d\",\"s\"],"
                                       "\"weights\":[1,2,3,4,5,6],\"intercept\":0.5}";

static void open_release(fixture *f, desk *d, const char *yaml, const char *main_json)
{
    fixture_new(f, NULL);
    fixture_pack(f, yaml, main_json);
    desk_open(d, f);
}

static void put(desk *d, size_t row, const char *const *texts)
{
    desk_put(d, &d->key[0], row, "k");
    for (size_t i = 0; i < d->package->n_request; i++)
        desk_put(d, &d->request[i], row, texts[i]);
}

static void predict(desk *d, size_t rows, tdm__engine_use use)
{
    assert_ok(desk_features(d, rows, NULL), &d->err);
    assert_ok(tdm__engine_predict(d->worker, use, &d->err), &d->err);
}

/* Every kind of input, null and missing among them, and all ways to fail beside each other. */
static void each_row_for_itself(void **state)
{
    (void)state;
    static const struct { const char *text[6]; double p; tdm_status status; const char *where, *stage, *found; } rows[] = {
        {{"1", "1", "1", "true", "1.25", "0.5"}, 1 + 2 + 3 + 4 + 6.25 + 3 + 0.5, TDM_OK, 0, 0, 0},
        {{"1", NULL, "1", "true", "1", "1"}, NAN, TDM_FEATURE_MISSING, "y", "features", "nothing"},
        {{"", "1", "", "", "", ""}, NAN, TDM_FEATURE_MISSING, "z", "features", "null"},
        {{NULL, NULL, NULL, NULL, NULL, NULL}, NAN, TDM_FEATURE_MISSING, "y", "features", "nothing"}, /* the first one of two */
        {{"", "2", "0", "", "", ""}, 4.5, TDM_OK, 0, 0, 0},
        {{NULL, "1", "0", "false", NULL, NULL}, 2.5, TDM_OK, 0, 0, 0},
        {{"99.5", "-0.25", "0", "", "", ""}, 99.5, TDM_OK, 0, 0, 0},
        {{"100", "0", "0", "", "", ""}, NAN, TDM_PREDICTION_RANGE, "p", "prediction", "100.5"},
        {{"99.5", "0", "0", "", "", ""}, 100, TDM_OK, 0, 0, 0}, /* the end of a range is inside */
        {{"-inf", "0", "0", "", "", ""}, NAN, TDM_PREDICTION_NAN, "p", "prediction", "-inf"},
        {{"nan", "1", "0", "", "", ""}, 2.5, TDM_OK, 0, 0, 0}, /* NaN is what a model calls missing */
        {{"1", "1", "-40", "", "", ""}, NAN, TDM_PREDICTION_RANGE, "p", "prediction", "-116.5"},
    };
    enum { N = sizeof rows / sizeof *rows };
    fixture f;
    desk d;
    size_t n, next = 0;
    open_release(&f, &d, yaml_of_requests, main_of_requests);
    for (size_t i = 0; i < N; i++)
        put(&d, i, rows[i].text);
    predict(&d, N, TDM__USE_MAIN);
    const tdm__failed_row *failed = tdm__worker_failed(d.worker, &n);
    for (size_t i = 0; i < N; i++) {
        double p = tdm__worker_predictions(d.worker)[i];
        if (!rows[i].status) {
            assert_true(p == rows[i].p);
            continue;
        }
        assert_true(isnan(p));
        assert_true(next < n && failed[next].row == i); /* in the order of rows */
        assert_int_equal(failed[next].error.status, rows[i].status);
        assert_string_equal(failed[next].error.where, rows[i].where);
        assert_string_equal(failed[next].stage, rows[i].stage);
        assert_string_equal(failed[next].error.found, rows[i].found);
        next++;
    }
    assert_int_equal(n, next);
    assert_string_equal(failed[n - 1].error.expected, "a number in [-100, 100]");
    /* the next block does not remember */
    predict(&d, 1, TDM__USE_MAIN);
    tdm__worker_failed(d.worker, &n);
    assert_int_equal(n, 0);
    desk_close(&d);
    fixture_close(&f);
}

/* The simple model needs its own features only: rows that lack others are answered. */
static void the_simple_model(void **state)
{
    (void)state;
    static const char *const rows[][6] = {
        {NULL, NULL, "3", NULL, NULL, NULL}, {"1", "1", NULL, "true", "1", "1"}, {"1", "1", "20", "", "", ""}, {NULL, NULL, "-2", NULL, NULL, NULL}};
    fixture f;
    desk d;
    size_t n;
    open_release(&f, &d, yaml_of_requests, main_of_requests);
    for (size_t i = 0; i < 4; i++)
        put(&d, i, rows[i]);
    predict(&d, 4, TDM__USE_SIMPLE);
    const double *p = tdm__worker_predictions(d.worker);
    assert_true(p[0] == 5 + 7 * 3 && isnan(p[1]) && isnan(p[2]) && p[3] == 5 - 14);
    const tdm__failed_row *failed = tdm__worker_failed(d.worker, &n);
    assert_int_equal(n, 2);
    assert_int_equal(failed[0].error.status, TDM_FEATURE_MISSING);
    assert_int_equal(failed[1].error.status, TDM_PREDICTION_RANGE); /* 145: its outputs keep to the schema too */
    assert_ok(tdm__engine_predict(d.worker, TDM__USE_MAIN, &d.err), &d.err); /* and back, on the same features */
    tdm__worker_failed(d.worker, &n);
    assert_int_equal(n, 3);
    desk_close(&d);
    fixture_close(&f);
    fixture_new(&f, NULL);
    fixture_pack(&f, fixture_edit(yaml_of_requests, "  simple: {file: simple.json, inputs: {hour: z}}\n", ""), main_of_requests);
    desk_open(&d, &f);
    put(&d, 0, rows[2]);
    assert_ok(desk_features(&d, 1, NULL), &d.err);
    assert_status(tdm__engine_predict(d.worker, TDM__USE_SIMPLE, &d.err), TDM_NOT_FOUND, &d.err);
    desk_close(&d);
    fixture_close(&f);
}

/* Outputs of two models, out of order, some as margins. sigmoid(0) and sigmoid(ln 3) are exact or nearly so. */
static void outputs_and_margins(void **state)
{
    (void)state;
    static const char yaml[] = "name: o\nentity: row\nfeatures:\n  x: {request: f64}\n"
                               "models:\n  one: {file: main.json}\n  two: {file: simple.json, inputs: {hour: x}}\n"
                               "prediction:\n  c: {model: one, output: 2}\n  c_raw: {model: one, output: 2, kind: raw}\n  t: {model: two}\n"
                               "  a: {model: one, output: 0}\n  t_raw: {model: two, kind: raw}\n";
    fixture f;
    desk d;
    open_release(&f, &d, yaml, "{\"kind\":\"logistic\",\"inputs\":[\"x\"],\"weights\":[[0],[1],[1]],\"intercept\":[0,0,1]}");
    static const char *const x[] = {"-1", "0.0986122886681098", "700"};
    for (size_t i = 0; i < 3; i++)
        put(&d, i, &x[i]);
    predict(&d, 3, TDM__USE_MAIN);
    for (size_t i = 0; i < 3; i++) {
        const double *p = tdm__worker_predictions(d.worker) + 5 * i;
        double value = strtod(x[i], NULL);
        assert_true(p[1] == value + 1);
        assert_true(fabs(p[0] - 1 / (1 + exp(-value - 1))) <= 1e-15);
        assert_true(p[2] == 5 + 7 * value && p[4] == p[2]);
        assert_true(p[3] == 0.5);
    }
    desk_close(&d);
    fixture_close(&f);
}

/* Outputs of a framework's own model, as the framework gave them. */
static void a_framework_model(void **state)
{
    (void)state;
    fixture f;
    desk d;
    char *model = support_read_file(support_path(support_source_root(), "tests/parity/data/binary-v4.txt"), NULL);
    char *rows = support_read_file(support_path(support_source_root(), "tests/parity/data/binary-v4.rows.csv"), NULL);
    char *expect = support_read_file(support_path(support_source_root(), "tests/parity/data/binary-v4.expect.csv"), NULL);
    tdm__buf yaml = {0};
    tdm__buf_text(&yaml, "name: t\nentity: row\nfeatures:\n");
    for (int i = 0; i < 6; i++)
        tdm__buf_printf(&yaml, "  Column_%d: {request: f64?}\n", i);
    tdm__buf_text(&yaml, "models: {main: {file: main.json}}\nprediction:\n  raw: {model: main, kind: raw}\n  p: {model: main, range: [0, 1]}\n");
    open_release(&f, &d, tdm__buf_z(&yaml), model);
    char *row = strchr(rows, '\n') + 1, *out = strchr(expect, '\n') + 1;
    size_t n = 0;
    static double raw[TDM__BLOCK_ROWS], p[TDM__BLOCK_ROWS];
    for (; *row && n < TDM__BLOCK_ROWS; n++) {
        desk_put(&d, &d.key[0], n, "k");
        for (int c = 0; c < 6; c++) {
            size_t len = strcspn(row, ",\n");
            char field[64] = "";
            memcpy(field, row, len);
            desk_put(&d, &d.request[c], n, field);
            row += len + 1;
        }
        raw[n] = strtod(out, &out);
        p[n] = strtod(out + 1, &out);
        out = strchr(out, '\n') + 1;
    }
    predict(&d, n, TDM__USE_MAIN);
    for (size_t i = 0; i < n; i++) {
        const double *got = tdm__worker_predictions(d.worker) + 2 * i;
        assert_true(memcmp(&got[0], &raw[i], 8) == 0); /* margins to the bit */
        assert_true(fabs(got[1] - p[i]) <= 4e-16 * p[i]);
    }
    assert_true(n > 50);
    tdm__buf_free(&yaml);
    support_free(model);
    support_free(rows);
    support_free(expect);
    desk_close(&d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_for_itself),
        cmocka_unit_test(the_simple_model),
        cmocka_unit_test(outputs_and_margins),
        cmocka_unit_test(a_framework_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
