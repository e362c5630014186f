/* Rungs: each when it can and is wanted, in the release's order, and none means no answer with the first reason. */
#include "../engine/engine_desk.h"
#include "answer_reference.h"
#include "online/answer.h"

enum { HOUR = 3600 };
static const int64_t hour_us = INT64_C(1000000) * HOUR;

typedef struct asking {
    const char *flight, *cabin;
    const char *rungs;       /* of the release */
    int64_t table_age_h;     /* of the current table at the as-of; INT64_MIN: there is none */
    const char *rung;        /* expected; NULL: unanswered */
    double late;
    const char *where;       /* of the reason when unanswered */
} asking;

/* flights: all: everything known; no-plane: year by default; no-distance: main gives NaN; no-hour: main and simple lack it. */
static void start(fixture *f)
{
    fixture_new(f, NULL);
    fixture_add_sources(f, fixture_sources_yaml);
    fixture_load(f, "flights", "flight,tail,distance,hour\nall,N001,10,5\nno-plane,N999,20,6\nno-distance,N001,,7\nno-hour,N001,30,\nlow,N001,-9e9,8\n");
    fixture_load(f, "planes", fixture_planes_csv()); /* N001 is of 1981: age 32 */
}

/* A table that has every flight at 777. */
static void make_table(tdm_table *t, tdm__store **store, fixture *f)
{
    static const char *const names[] = {"late"};
    tdm__field field = {.name = tdm__str("late"), .type = {.kind = TDM_F64}};
    tdm__schema schema = {.field = &field, .n = 1};
    tdm__store_builder *b;
    tdm_value v = {.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = 777};
    assert_ok(tdm__store_builder_new(f->fs, "/t", &schema, NULL, &b, &f->err), &f->err);
    static const char *const keys[] = {"all", "no-plane", "no-distance", "no-hour"};
    for (int i = 0; i < 4; i++)
        assert_ok(tdm__store_builder_add(b, tdm__str(keys[i]), &v, 0, &f->err), &f->err);
    assert_ok(tdm__store_builder_finish(&b, (tdm_str){0}, &f->err), &f->err);
    assert_ok(tdm__store_open(f->fs, "/t", store, &f->err), &f->err);
    *t = (tdm_table){.store = *store, .info = {.name = "v000001", .prediction = names, .n_predictions = 1}};
}

/* Row 0 of the desk, by answer.c and by the reference: they agree in everything. */
static tdm_status answer_row(desk *d, const tdm_table *table, const char *key, int64_t as_of_us, int64_t inputs_us, tdm__answer *out,
                             double *late, tdm_error *err)
{
    tdm__arena arena = {0};
    tdm__answering work;
    tdm_error error;
    double want = NAN;
    reference_answer plainly = {.prediction = &want};
    reference_sources plain = {.table = table, .key = tdm__str(key), .as_of_us = as_of_us, .has_inputs = inputs_us != 0, .inputs_us = inputs_us};
    tdm_status expected = reference_row(d->worker, d->package, &plain, &plainly, &error);
    tdm__answer_sources from = {.table = table, .key = d->key_of, .as_of_us = as_of_us, .has_inputs = inputs_us != 0, .inputs_us = inputs_us};
    assert_true(tdm__answering_init(&work, d->worker, d->package, 1, &arena));
    *out = (tdm__answer){0};
    assert_ok(tdm__answer_block(&work, &from, out, 1, err), err);
    tdm_status s = out->error ? out->error->status : TDM_OK;
    assert_int_equal(s, expected);
    if (!s) {
        *late = out->prediction[0];
        assert_memory_equal(&want, late, sizeof want);
        assert_int_equal(out->rung, plainly.rung);
        assert_int_equal(out->stale, plainly.stale);
        assert_int_equal(out->has_oldest_input, plainly.has_oldest_input);
        if (out->has_oldest_input)
            assert_int_equal(out->oldest_input_us, plainly.oldest_input_us);
    } else {
        d->err = *out->error;
        assert_string_equal(d->err.where, error.where);
        assert_string_equal(d->err.what, error.what);
        assert_string_equal(d->err.expected, error.expected);
        assert_string_equal(d->err.found, error.found);
        out->error = NULL;
    }
    tdm__answering_free(&work);
    tdm__arena_free(&arena);
    out->prediction = NULL;
    return s;
}

static void ask(fixture *f, const asking *a)
{
    desk d;
    tdm_table table;
    tdm__store *store;
    double late = NAN;
    tdm__answer answer;
    make_table(&table, &store, f);
    fixture_pack(f, fixture_edit(fixture_release_yaml, "rungs: [fresh, {defaulted: 2}, simple, table, prior]", fixture_print("rungs: %s", a->rungs)), NULL);
    desk_open(&d, f);
    desk_put(&d, &d.key[0], 0, a->flight);
    desk_put(&d, &d.request[0], 0, a->cabin);
    assert_ok(desk_features(&d, 1, NULL), &d.err);
    if (a->table_age_h != INT64_MIN)
        table.info.as_of_us = fixture_as_of_us - a->table_age_h * hour_us;
    tdm_status s = answer_row(&d, a->table_age_h != INT64_MIN ? &table : NULL, a->flight, fixture_as_of_us, fixture_as_of_us - 5 * hour_us,
                              &answer, &late, &d.err);
    if (a->rung) {
        assert_ok(s, &d.err);
        if (strcmp(tdm__rung_name(answer.rung), a->rung))
            fail_msg("%s with %s: %s, expected %s", a->flight, a->rungs, tdm__rung_name(answer.rung), a->rung);
        assert_true(late == a->late);
        bool models = answer.rung != TDM__RUNG_TABLE && answer.rung != TDM__RUNG_PRIOR;
        assert_int_equal(answer.has_oldest_input, answer.rung != TDM__RUNG_PRIOR);
        if (models)
            assert_int_equal(answer.oldest_input_us, 5 * hour_us);
        if (answer.rung == TDM__RUNG_TABLE)
            assert_int_equal(answer.oldest_input_us, a->table_age_h * hour_us);
        assert_int_equal(answer.stale, answer.rung == TDM__RUNG_TABLE && a->table_age_h > 24);
    } else {
        assert_status(s, TDM_UNANSWERED, &d.err);
        assert_string_equal(d.err.where, a->where);
        assert_true(isnan(late));
    }
    tdm__store_close(&store);
    desk_close(&d);
}

static void each_rung_and_the_order(void **state)
{
    (void)state;
    static const char all[] = "[fresh, {defaulted: 2}, simple, table, prior]";
    static const int64_t none = INT64_MIN;
    const asking asked[] = {
        {"all", "1", all, none, "fresh", 10 + 5000 + 3200000 + 1e7, NULL},
        {"all", NULL, all, none, "defaulted", 10 + 5000 + 3200000, NULL},
        {"no-plane", NULL, all, none, "defaulted", 20 + 6000 + 1300000, NULL},
        {"no-plane", NULL, "[fresh, {defaulted: 1}, simple, table]", none, "simple", 5 + 7 * 6, NULL},
        {"no-plane", NULL, "[fresh, defaulted]", none, "defaulted", 1306020, NULL}, /* any number */
        {"all", "1", "[defaulted, simple]", none, "simple", 40, NULL},              /* nothing was defaulted, and fresh is not allowed */
        {"no-distance", "1", all, 1, "simple", 5 + 7 * 7, NULL},                    /* NaN is no answer */
        {"low", "1", all, none, "simple", 5 + 7 * 8, NULL},                         /* nor is what lies outside the schema */
        {"no-hour", "1", all, 1, "table", 777, NULL},
        {"no-hour", "1", all, 0, "table", 777, NULL},
        {"no-hour", "1", all, 30, "table", 777, NULL}, /* past its ttl of 24 h: stale */
        {"no-hour", "1", all, 72, "table", 777, NULL}, /* last_good is 72 h */
        {"no-hour", "1", all, 73, "prior", 42, NULL},
        {"no-hour", "1", all, -1, "prior", 42, NULL},  /* a table of the future knows too much */
        {"no-hour", "1", all, none, "prior", 42, NULL},
        {"nobody", "1", all, 1, "prior", 42, NULL},    /* in no source and in no table */
        {"all", "1", "[prior, fresh]", none, "prior", 42, NULL},
        {"all", "1", "[table, fresh]", 1, "table", 777, NULL},
        {"all", "1", "[table, fresh]", none, "fresh", 13205010, NULL},
        {"no-hour", "1", "[fresh, simple]", none, NULL, 0, "hour"},
        {"no-distance", "1", "[fresh]", 1, NULL, 0, "late"},
        {"all", NULL, "[fresh]", 1, NULL, 0, "rungs"}, /* nothing failed, but a default stood in */
    };
    fixture f;
    start(&f);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        ask(&f, &asked[i]);
    fixture_close(&f);
}

/* A value older than its max_age makes the answer stale; older than its last_good it is none. */
static void stale_values(void **state)
{
    (void)state;
    static const struct { const char *limits; const char *rung; double late; } cases[] = {
        {"max_age: 1h", "fresh", 3205010}, {"max_age: 1us, last_good: 1h", "stale", 3205010}, {"max_age: 1us, last_good: 2us", "defaulted", 1305010},
        {"max_age: 1us", "defaulted", 1305010}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        desk d;
        double late;
        tdm__answer answer;
        start(&f);
        const char *yaml = fixture_edit(fixture_release_yaml, "year: {column: planes.year, default: 2000}",
                                        fixture_print("year: {column: planes.year, default: 2000, %s}", cases[i].limits));
        fixture_pack(&f, fixture_edit(yaml, "rungs: [fresh,", "rungs: [fresh, stale,"), NULL);
        desk_open(&d, &f);
        desk_put(&d, &d.key[0], 0, "all");
        desk_put(&d, &d.request[0], 0, "0");
        tdm__engine_input in = {.rows = 1, .key = d.key_of, .request = d.request_of, .as_of_us = tdm_now_us() + 1000000};
        assert_ok(tdm__engine_features(d.worker, &in, &d.err), &d.err);
        assert_ok(answer_row(&d, NULL, "all", in.as_of_us, 0, &answer, &late, &d.err), &d.err);
        assert_string_equal(tdm__rung_name(answer.rung), cases[i].rung);
        assert_true(late == cases[i].late);
        desk_close(&d);
        fixture_close(&f);
    }
}

/* A damaged record of the table makes that rung fail, with no error to fill too; the next one answers. */
static void a_damaged_table_row(void **state)
{
    (void)state;
    fixture f;
    desk d;
    tdm_table table;
    tdm__store *store;
    double late;
    tdm__answer answer;
    start(&f);
    make_table(&table, &store, &f);
    tdm__store_close(&store);
    tdm__buf bytes;
    assert_ok(tdm__read_file(f.fs, "/t", 1 << 20, &bytes, &f.err), &f.err);
    for (size_t i = 0; i + 7 < bytes.len; i++)
        if (!memcmp(bytes.ptr + i, "no-hour", 7))
            bytes.ptr[i + 9] ^= 1; /* behind the key: its value */
    assert_ok(tdm__write_file_durably(f.fs, "/t", bytes.ptr, bytes.len, &f.err), &f.err);
    tdm__buf_free(&bytes);
    assert_ok(tdm__store_open(f.fs, "/t", &table.store, &f.err), &f.err);
    table.info.as_of_us = fixture_as_of_us;
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "[fresh, {defaulted: 2}, simple, table, prior]", "[table, prior]"), NULL);
    desk_open(&d, &f);
    desk_put(&d, &d.key[0], 0, "no-hour");
    desk_put(&d, &d.request[0], 0, "1");
    assert_ok(desk_features(&d, 1, NULL), &d.err);
    assert_ok(answer_row(&d, &table, "no-hour", fixture_as_of_us, 0, &answer, &late, &d.err), &d.err);
    assert_int_equal(answer.rung, TDM__RUNG_PRIOR);
    assert_ok(answer_row(&d, &table, "no-hour", fixture_as_of_us, 0, &answer, &late, NULL), NULL);
    assert_int_equal(answer.rung, TDM__RUNG_PRIOR);
    tdm__store_close(&table.store);
    desk_close(&d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rung_and_the_order),
        cmocka_unit_test(stale_values),
        cmocka_unit_test(a_damaged_table_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
