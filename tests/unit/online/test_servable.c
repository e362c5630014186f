/* Opening: what is made once, which table is taken, and what happens when memory ends. */
#include "lane_desk.h"

static void names_and_texts(void **state)
{
    (void)state;
    lane_desk d;
    lane_desk_new(&d, NULL, 1, false);
    const tdm__servable *v = d.servable;
    assert_string_equal(v->name, "late");
    assert_string_equal(v->release_text, fixture_print("\"late@%s\"", d.f.id));
    assert_string_equal(v->key_label[0], "\"flight\":");
    assert_string_equal(v->prediction_label[0], "\"late\":");
    assert_int_equal(v->package->n_request, 8);
    for (size_t i = 0; i < v->package->n_request; i++) {
        assert_int_equal(tdm__names_index_find(&v->request_index, v->request_name[i], 0), i);
        assert_int_equal(strlen(v->request_name[i].ptr), v->request_name[i].len);
    }
    assert_true(v->needs_key && tdm__lane_needs_key(d.lane));
    assert_true(v->has_inputs);
    int64_t planes_us = tdm__state_find(d.state, tdm__str("planes"))->loaded_us; /* loaded before the flights again */
    assert_int_equal(v->inputs_us, planes_us);
    assert_true(tdm__lane_servable(d.lane) == v && tdm__lane_rows_max(d.lane) == 1);
    lane_desk_close(&d);
}

/* Each reader of the key makes it needed. */
static void keys_that_are_needed(void **state)
{
    (void)state;
    static const struct { const char *features, *inputs; bool needs; } cases[] = {
        {"  x: {request: f64?}\n", "[\"x\"]", false},
        {"  x: {request: f64?}\n  n: {expr: 'length(row)'}\n", "[\"x\"]", true},
        {"  x: {request: f64?}\n  p: {request: string?}\n  year: {column: planes.year, by: p}\n", "[\"x\"]", false},
        {"  x: {request: f64?}\n  year: {column: planes.year, by: row}\n", "[\"x\"]", true},
    };
    lane_desk d = {0};
    fixture_full(&d.f, NULL, 5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdm__asked asked;
        fixture_pack(&d.f, fixture_print("name: t\nentity: row\nfeatures:\n%smodels: {main: {file: main.json}}\nprediction: {y: {model: main}}\n",
                                         cases[i].features),
                     fixture_print("{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":%s,\"weights\":[1],\"intercept\":0}", cases[i].inputs));
        assert_ok(lane_desk_open(&d, "", 1), &d.err);
        if (d.servable->needs_key != cases[i].needs)
            fail_msg("needs a key: %d:\n%s", d.servable->needs_key, cases[i].features);
        tdm__lane_begin(d.lane, 1);
        assert_ok(lane_desk_read(&d, d.lane, 0, "{\"features\":{\"x\":2}}", &asked), &d.err);
        assert_ok(tdm__lane_answer(d.lane, 0, NULL, &d.err), &d.err);
        const tdm_error *error = tdm__lane_error(d.lane, 0);
        assert_status(error ? error->status : TDM_OK, cases[i].needs ? TDM_KEY_MISSING : TDM_OK, error);
        lane_desk_close_release(&d);
    }
    lane_desk_close(&d);
}

static void tables(void **state)
{
    (void)state;
    lane_desk d;
    lane_desk_new(&d, NULL, 1, true);
    assert_non_null(d.servable->table);
    assert_int_equal(d.servable->table_error.status, TDM_OK);
    assert_int_equal(d.servable->warning.len, 0);
    lane_desk_close_release(&d);
    fixture_pack(&d.f, fixture_edit(lane_desk_yaml, "length(label)", "2 * length(label)"), lane_desk_main);
    assert_ok(lane_desk_open(&d, "v000001", 1), &d.err); /* of another release */
    assert_null(d.servable->table);
    assert_int_equal(d.servable->table_error.status, TDM_OK);
    lane_desk_close_release(&d);
    assert_ok(lane_desk_open(&d, "v000009", 1), &d.err);
    assert_null(d.servable->table);
    assert_int_equal(d.servable->table_error.status, TDM_NOT_FOUND);
    json_t *warning = json_loadb(d.servable->warning.ptr, d.servable->warning.len, JSON_DECODE_ANY, NULL);
    assert_non_null(strstr(json_string_value(warning), "v000009"));
    json_decref(warning);
    lane_desk_close_release(&d);
    fixture_pack(&d.f, fixture_edit(lane_desk_yaml, ", table]", "]"), lane_desk_main);
    assert_ok(lane_desk_open(&d, "v000009", 1), &d.err); /* no rung wants it: known, and no warning in an answer */
    assert_int_equal(d.servable->table_error.status, TDM_NOT_FOUND);
    assert_int_equal(d.servable->warning.len, 0);
    lane_desk_close(&d);
}

/* Each allocation fails once, from opening to a written block of an answer, an error and a row of the table. */
static void allocations_fail(void **state)
{
    (void)state;
    static const char *const questions[] = {"{\"keys\":{\"flight\":\"f000001\"},\"features\":{\"cabin\":1,\"seats\":2,\"other\":\"N\\u0030\"}}",
                                            "{\"features\":{\"cabin\":\"x\"}}", "{\"keys\":{\"flight\":\"late\"}}"};
    lane_desk d;
    lane_desk_new(&d, NULL, 4, true);
    lane_desk_close_release(&d);
    for (uint64_t n = 1, hit = 1; hit; n++) {
        tdm__asked asked;
        tdm__answer_context context = {.explain = true};
        tdm__buf out = {0};
        support_fail_alloc_at(n);
        tdm_status s = lane_desk_open(&d, "v000001", 4);
        if (!s)
            s = tdm__lane_warm(d.lane, &d.err);
        if (!s)
            tdm__lane_begin(d.lane, 3);
        for (size_t row = 0; !s && row < 3; row++) {
            tdm__json_scan scan;
            s = tdm__json_begin_scan(&scan, tdm__str(questions[row]), tdm__lane_texts(d.lane), &d.err);
            if (!s)
                s = tdm__lane_read_json(d.lane, &scan, row, &asked, &d.err);
        }
        if (!s)
            s = tdm__lane_answer(d.lane, fixture_as_of_us, NULL, &d.err);
        for (size_t row = 0; !s && row < 3; row++)
            tdm__lane_write_json(d.lane, row, &context, &out);
        if (out.failed)
            s = TDM_NO_MEMORY;
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &d.err);
        tdm__buf_free(&out);
        lane_desk_close_release(&d);
    }
    lane_desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_texts),
        cmocka_unit_test(keys_that_are_needed),
        cmocka_unit_test(tables),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
