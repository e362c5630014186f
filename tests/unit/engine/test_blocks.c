/* One engine, whatever the block: random rows in blocks of random sizes, and one by one, have equal bits everywhere. */
#include "engine_desk.h"

enum { ROWS = 3000, FLIGHTS = 500, SLOTS_MAX = 64, PREDICTIONS = 2 };

/* What came out of one row. */
typedef struct result {
    tdm_value slot[SLOTS_MAX];
    char text[SLOTS_MAX][24]; /* strings, copied: a block's live until the next */
    double prediction[PREDICTIONS];
    tdm_status status;
    char where[32];
} result;

static void keep(const desk *d, size_t row, result *out)
{
    for (size_t s = 0; s < d->package->n_slots; s++) {
        tdm__column_get(tdm__worker_slot(d->worker, s), row, &out->slot[s]);
        if (out->slot[s].kind == TDM_STRING && out->slot[s].presence == TDM_PRESENT) {
            assert_true(out->slot[s].as.str.len < 24);
            memcpy(out->text[s], out->slot[s].as.str.ptr, out->slot[s].as.str.len);
            out->slot[s].as.str.ptr = out->text[s];
        }
    }
    memcpy(out->prediction, tdm__worker_predictions(d->worker) + row * d->package->prediction.n,
           d->package->prediction.n * sizeof(double));
}

static void keep_all(desk *d, size_t rows, result *out)
{
    size_t n;
    assert_ok(tdm__engine_predict(d->worker, TDM__USE_MAIN, &d->err), &d->err);
    const tdm__failed_row *failed = tdm__worker_failed(d->worker, &n);
    for (size_t i = 0; i < rows; i++) {
        keep(d, i, &out[i]);
        out[i].status = TDM_OK;
        out[i].where[0] = 0;
    }
    for (size_t i = 0; i < n; i++) {
        out[failed[i].row].status = failed[i].error.status;
        snprintf(out[failed[i].row].where, 32, "%.31s", failed[i].error.where);
    }
}

typedef struct question {
    char key[16], request[8][32];
    bool missing[9]; /* the key, then the request's */
} question;

static const char *random_number(tdm__random *r)
{
    static const char *const odd[] = {"nan", "inf", "-inf", "0", "-0", "5e-324", "1e308", "-1e308", ""};
    if (tdm__random_below(r, 4) == 0)
        return odd[tdm__random_below(r, sizeof odd / sizeof *odd)];
    return fixture_print("%.17g", (tdm__random_unit(r) - 0.5) * (double)(1 << tdm__random_below(r, 12)));
}

static void make_questions(tdm__random *r, const desk *d, question *q, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fixture_key(tdm__random_below(r, FLIGHTS + 50), q[i].key);
        q[i].missing[0] = tdm__random_below(r, 20) == 0;
        for (size_t k = 0; k < d->package->n_request; k++) {
            unsigned kind = d->package->slot[d->package->request_slot[k]].type.kind;
            if (kind == TDM_STRING)
                snprintf(q[i].request[k], 32, "N%03u", (unsigned)tdm__random_below(r, 45));
            else
                snprintf(q[i].request[k], 32, "%s", random_number(r));
            q[i].missing[k + 1] = tdm__random_below(r, 5) == 0;
        }
    }
}

static void ask(desk *d, const question *q, size_t row)
{
    desk_put(d, &d->key[0], row, q->missing[0] ? NULL : q->key);
    for (size_t k = 0; k < d->package->n_request; k++)
        desk_put(d, &d->request[k], row, q->missing[k + 1] ? NULL : q->request[k]);
}

static void compare(const desk *d, const result *a, const result *b, size_t row)
{
    for (size_t s = 0; s < d->package->n_slots; s++)
        if (!desk_same(&a->slot[s], &b->slot[s]))
            fail_msg("row %zu differs in slot %.*s", row, (int)d->package->slot[s].name.len, d->package->slot[s].name.ptr);
    if (memcmp(a->prediction, b->prediction, d->package->prediction.n * sizeof(double)))
        fail_msg("row %zu differs in its prediction: %.17g and %.17g", row, a->prediction[0], b->prediction[0]);
    assert_int_equal(a->status, b->status);
    assert_string_equal(a->where, b->where);
}

/* Scores all rows one by one, then in blocks of random sizes, by two workers in turn. */
static void property(fixture *f)
{
    static question q[ROWS];
    static result one[ROWS], many[ROWS];
    desk d;
    tdm__worker *workers[2];
    tdm__random r;
    size_t failed = 0;
    desk_open(&d, f);
    assert_true(d.package->n_slots <= SLOTS_MAX && d.package->prediction.n <= PREDICTIONS && d.package->n_request <= 8);
    tdm__random_seed(&r, support_seed());
    make_questions(&r, &d, q, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        ask(&d, &q[i], 0);
        assert_ok(desk_features(&d, 1, NULL), &d.err);
        keep_all(&d, 1, &one[i]);
        failed += one[i].status != TDM_OK;
    }
    assert_true(failed > ROWS / 20 && failed < ROWS * 3 / 4);
    workers[0] = d.worker;
    assert_ok(tdm__worker_new(d.engine, TDM__BLOCK_ROWS, &workers[1], &d.err), &d.err);
    for (size_t i = 0, n; i < ROWS; i += n) {
        n = 1 + tdm__random_below(&r, tdm__random_below(&r, 2) ? 1024 : 9);
        n = n < ROWS - i ? n : ROWS - i;
        d.worker = workers[tdm__random_below(&r, 2)];
        for (size_t k = 0; k < n; k++)
            ask(&d, &q[i + k], k);
        assert_ok(desk_features(&d, n, NULL), &d.err);
        keep_all(&d, n, &many[i]);
    }
    for (size_t i = 0; i < ROWS; i++)
        compare(&d, &one[i], &many[i], i);
    d.worker = workers[0];
    tdm__worker_close(&workers[1]);
    desk_close(&d);
}

static void tables_and_expressions(void **state)
{
    (void)state;
    static const char yaml[] = "name: late\nentity: flight\nfeatures:\n  tail: {column: flights.tail}\n  distance: {column: flights.distance, default: 7}\n"
                               "  hour: {column: flights.hour, required: true}\n  year: {column: planes.year, default: 2000}\n  age: {expr: '2013 - year'}\n"
                               "  cabin: {request: f64?, default: 0.125}\n  other: {request: string?}\n  other_year: {column: planes.year, by: other}\n"
                               "  label: {expr: 'concat(coalesce(tail, \"?\"), \"-\", coalesce(other, \"none\"))'}\n"
                               "  wild: {expr: 'log(abs(cabin) + hour) * exp(distance / 1000) / (other_year - 1999)'}\n"
                               "models: {main: {file: main.json}, simple: {file: simple.json}}\n"
                               "prediction:\n  late: {model: main, range: [-1000000, 100000000]}\n  easy: {model: simple, kind: raw}\n"
                               "batch: {population: flights}\n";
    fixture f;
    fixture_full(&f, NULL, FLIGHTS);
    fixture_pack(&f, yaml, "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[\"distance\",\"hour\",\"age\",\"cabin\",\"wild\"],"
                           "\"weights\":[1.1,0.3,7.7,1e5,0.01],\"intercept\":0.1}");
    property(&f);
    fixture_close(&f);
}

static void a_framework_model(void **state)
{
    (void)state;
    fixture f;
    char *model = support_read_file(support_path(support_source_root(), "tests/parity/data/binary-v4.txt"), NULL);
    tdm__buf yaml = {0};
    tdm__buf_text(&yaml, "name: t\nentity: row\nfeatures:\n");
    for (int i = 0; i < 6; i++)
        tdm__buf_printf(&yaml, "  Column_%d: {request: f64?%s}\n", i, i == 2 ? ", required: true" : "");
    tdm__buf_text(&yaml, "models: {main: {file: main.json}}\nprediction:\n  raw: {model: main, kind: raw}\n  p: {model: main}\n");
    fixture_new(&f, NULL);
    fixture_pack(&f, tdm__buf_z(&yaml), model);
    tdm__buf_free(&yaml);
    support_free(model);
    property(&f);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_and_expressions),
        cmocka_unit_test(a_framework_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
