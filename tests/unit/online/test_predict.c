/* One answer: the same bits as a run's, told as JSON; questions that cannot be understood are errors that say where. */
#include <jansson.h>

#include "fixture.h"

static tdm_str str(const char *z)
{
    return (tdm_str){z, strlen(z)};
}

/* Asks with up to two fields set (name, text pairs). */
static tdm_status ask(tdm_predictor *p, const char *key_name, const char *key, const char *set_name, const char *set, bool explain,
                      char *out, size_t size, tdm_error *err)
{
    size_t len = 0;
    tdm_named_text keys[] = {{key_name ? str(key_name) : str("flight"), key ? str(key) : str("")}};
    tdm_named_text sets[] = {{set_name ? str(set_name) : str("cabin"), set ? str(set) : str("")}};
    tdm_question q = {.key = keys, .n_keys = key != NULL, .set = sets, .n_set = set != NULL, .has_as_of = true,
                      .as_of_us = fixture_as_of_us, .explain = explain};
    tdm_status s = tdm_predict(p, &q, out, size, &len, err);
    if (!s)
        assert_int_equal(strlen(out), len < size ? len : 0);
    return s;
}

static json_t *answer(tdm_predictor *p, const char *key, const char *cabin, bool explain)
{
    char out[4096];
    tdm_error err;
    assert_ok(ask(p, NULL, key, NULL, cabin, explain, out, sizeof out, &err), &err);
    json_t *o = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    return o;
}

static const char *text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static double late(const json_t *o)
{
    return json_number_value(json_object_get(json_object_get(o, "prediction"), "late"));
}

static void an_answer_has_all_members(void **state)
{
    (void)state;
    fixture f;
    tdm_predictor *p;
    fixture_full(&f, NULL, 20);
    assert_ok(tdm_predictor_open(f.home, "late", &p, &f.err), &f.err);
    json_t *o = answer(p, "f000001", "2", true), *again = answer(p, "f000001", "2", false);
    assert_int_equal(strlen(text(o, "id")), 32);
    assert_int_equal(strspn(text(o, "id"), "0123456789abcdef"), 32);
    assert_string_not_equal(text(o, "id"), text(again, "id"));
    assert_int_equal(json_integer_value(json_object_get(o, "epoch")), 0);
    assert_string_equal(text(o, "release"), fixture_print("late@%s", f.id));
    assert_string_equal(text(o, "rung"), "fresh");
    assert_string_equal(text(o, "as_of"), "2013-06-01T10:00:00.000000Z");
    assert_true(late(o) == fixture_late(1, 2) && late(again) == late(o));
    assert_true(json_is_null(json_object_get(o, "oldest_input_ms"))); /* what was loaded after the as-of has no age then */
    const json_t *features = json_object_get(o, "features");
    assert_int_equal(json_object_size(features), 6);
    assert_string_equal(text(features, "tail"), "N007");
    assert_int_equal(json_integer_value(json_object_get(features, "age")), 2013 - 1987);
    assert_null(json_object_get(again, "features"));
    json_decref(o);
    json_decref(again);
    tdm_predictor_close(&p);
    assert_null(p);
    tdm_predictor_close(&p);
    fixture_close(&f);
}

/* Every row of a run's table is what the online path answers for it, to the bit. */
static void online_is_batch(void **state)
{
    (void)state;
    enum { N = 400 };
    fixture f;
    tdm_run_report r;
    tdm_predictor *p;
    tdm_table *t;
    fixture_full(&f, NULL, N);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "age: {expr: '2013 - year'}", "age: {expr: 'log(2014 - year) * exp(distance / 1000)'}"),
                 fixture_edit(fixture_main_json, "[1, 1000, 100000, 10000000]", "[1.1, 0.3, 77.7, 1]"));
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_ok(tdm_predictor_open(f.home, f.id, &p, &f.err), &f.err);
    assert_ok(tdm_table_open(f.home, r.table, &t, &f.err), &f.err);
    for (size_t i = 0; i < N; i++) {
        char key[16];
        tdm_value v;
        fixture_key(i, key);
        json_t *o = answer(p, key, NULL, false);
        double online = late(o);
        assert_ok(tdm_table_get(t, str(key), &v, &f.err), &f.err);
        assert_true(memcmp(&online, &v.as.f64, 8) == 0);
        json_decref(o);
    }
    tdm_table_close(&t);
    tdm_predictor_close(&p);
    fixture_close(&f);
}

static void the_rung_of_the_table(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    tdm_predictor *p;
    uint64_t epoch;
    fixture_full(&f, NULL, 20);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "[fresh, {defaulted: 2}, simple, table, prior]", "[table, prior]"), NULL);
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_ok(tdm_predictor_open(f.home, "late", &p, &f.err), &f.err);
    json_t *o = answer(p, "f000003", NULL, false);
    assert_string_equal(text(o, "rung"), "prior"); /* it is not promoted */
    assert_true(late(o) == 42);
    json_decref(o);
    tdm_predictor_close(&p);
    assert_ok(tdm_promote(f.home, "late", NULL, 0, NULL, NULL, &epoch, &f.err), &f.err);
    assert_ok(tdm_predictor_open(f.home, "late", &p, &f.err), &f.err);
    o = answer(p, "f000003", NULL, false);
    assert_string_equal(text(o, "rung"), "table");
    assert_true(late(o) == fixture_late(3, 0) && json_integer_value(json_object_get(o, "epoch")) == 1);
    assert_int_equal(json_integer_value(json_object_get(o, "oldest_input_ms")), 0);
    json_decref(o);
    tdm_predictor_close(&p);
    fixture_flip(&f, "tables/v000001/manifest", 70); /* a table that cannot be read: its rung fails, and the answer says so */
    assert_ok(tdm_predictor_open(f.home, "late", &p, &f.err), &f.err);
    o = answer(p, "f000003", NULL, false);
    assert_string_equal(text(o, "rung"), "prior");
    assert_non_null(strstr(text(o, "warning"), "v000001"));
    json_decref(o);
    tdm_predictor_close(&p);
    fixture_close(&f);
}

static void questions_that_are_wrong(void **state)
{
    (void)state;
    static const struct { const char *key_name, *key, *set_name, *set; tdm_status status; const char *where, *more; } asked[] = {
        {NULL, "f000001", NULL, "x", TDM_FIELD_TYPE, "features.cabin", "\"x\""},
        {NULL, "f000001", "cabni", "1", TDM_FIELD_UNKNOWN, "features.cabni", "did you mean 'cabin'?"},
        {NULL, "f000001", "hour", "1", TDM_FIELD_UNKNOWN, "features.hour", ""}, /* a column is not the caller's to give */
        {NULL, NULL, NULL, NULL, TDM_KEY_MISSING, "keys.flight", "--key flight=VALUE"},
        {NULL, "", NULL, NULL, TDM_FIELD_NULL, "keys.flight", ""},
        {"flihgt", "f000001", NULL, NULL, TDM_FIELD_UNKNOWN, "keys.flihgt", "did you mean 'flight'?"},
        {NULL, "f000001", NULL, "", TDM_OK, NULL, NULL}, /* null: by default */
        {NULL, "f000001", NULL, "-0", TDM_OK, NULL, NULL},
    };
    fixture f;
    tdm_predictor *p;
    char out[2048];
    fixture_full(&f, NULL, 20);
    assert_status(tdm_predictor_open(f.home, "early", &p, &f.err), TDM_NOT_FOUND, &f.err);
    assert_null(p);
    assert_ok(tdm_predictor_open(f.home, "late", &p, &f.err), &f.err);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        assert_status(ask(p, asked[i].key_name, asked[i].key, asked[i].set_name, asked[i].set, false, out, sizeof out, &f.err),
                      asked[i].status, &f.err);
        if (!asked[i].status)
            continue;
        assert_string_equal(f.err.where, asked[i].where);
        const char *all = fixture_print("%s %s %s", f.err.expected, f.err.found, f.err.hint);
        if (!strstr(all, asked[i].more))
            fail_msg("%s lacks %s", all, asked[i].more);
    }
    tdm_named_text twice[] = {{str("flight"), str("a")}, {str("flight"), str("b")}};
    tdm_question q = {.key = twice, .n_keys = 2};
    size_t len;
    assert_int_not_equal(tdm_predict(p, &q, out, sizeof out, &len, &f.err), TDM_OK); /* which of the two? */
    tdm_predictor_close(&p);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "[fresh, {defaulted: 2}, simple, table, prior], prior: {late: 42}", "[fresh]"), NULL);
    assert_ok(tdm_predictor_open(f.home, "late", &p, &f.err), &f.err);
    assert_status(ask(p, NULL, "nobody", NULL, "1", false, out, sizeof out, &f.err), TDM_UNANSWERED, &f.err);
    tdm_predictor_close(&p);
    fixture_close(&f);
}

/* A buffer of any size: the whole answer or an empty text, and always its length. */
static void small_buffers(void **state)
{
    (void)state;
    fixture f;
    tdm_predictor *p;
    char out[1024];
    size_t whole, len;
    fixture_full(&f, NULL, 20);
    assert_ok(tdm_predictor_open(f.home, "late", &p, &f.err), &f.err);
    tdm_named_text key = {str("flight"), str("f000001")}; /* also by the entity's name: the same here */
    tdm_question q = {.key = &key, .n_keys = 1, .has_as_of = true, .as_of_us = fixture_as_of_us};
    assert_ok(tdm_predict(p, &q, out, sizeof out, &whole, &f.err), &f.err);
    for (size_t size = 0; size < whole + 3; size++) {
        memset(out, '#', sizeof out);
        assert_ok(tdm_predict(p, &q, out, size, &len, &f.err), &f.err);
        assert_int_equal(len, whole);
        assert_int_equal(out[size], '#');
        if (size)
            assert_int_equal(strlen(out), len < size ? len : 0);
    }
    tdm_predictor_close(&p);
    fixture_close(&f);
}

static void allocations_fail(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    uint64_t epoch;
    char out[2048];
    fixture_full(&f, NULL, 20);
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_ok(tdm_promote(f.home, "late", NULL, 0, NULL, NULL, &epoch, &f.err), &f.err);
    for (uint64_t n = 1, hit = 1; hit; n += 1 + n / 100) {
        tdm_predictor *p = NULL;
        support_fail_alloc_at(n);
        tdm_status s = tdm_predictor_open(f.home, "late", &p, &f.err);
        if (!s)
            s = ask(p, NULL, "f000001", NULL, "1", true, out, sizeof out, &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
        tdm_predictor_close(&p);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_all_members),
        cmocka_unit_test(online_is_batch),
        cmocka_unit_test(the_rung_of_the_table),
        cmocka_unit_test(questions_that_are_wrong),
        cmocka_unit_test(small_buffers),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
