/* Infer requests of the Open Inference Protocol to a release: keys and features from tensors of every kind, refusals by
 * row and by tensor. The fixture's release has whole numbers, which are the oracle. */
#include <tandem/epoch.h>

#include "oip_desk.h"

static void open_release(desk *d, fixture *f, const char *yaml)
{
    uint64_t epoch;
    open_seats(d);
    fixture_full(f, NULL, 40);
    if (yaml)
        fixture_pack(f, yaml, NULL);
    assert_ok(tdm_promote(f->home, f->id, NULL, 0, NULL, NULL, &epoch, &f->err), &f->err);
    d->server.home = f->home;
    d->server.change = tdm__mutex_new();
    d->server.describing = tdm__mutex_new();
    assert_ok(tdm__serving_refresh(&d->server, &d->err), &d->err);
    d->serving = atomic_load(&d->server.current);
}

static void close_release(desk *d, fixture *f)
{
    tdm__serving_close_all(&d->server);
    tdm__meter_book_close(&d->server);
    tdm__mutex_close(&d->server.describing);
    tdm__mutex_close(&d->server.change);
    close_seats(d);
    fixture_close(f);
}

#define AS_OF "\"parameters\":{\"as_of\":\"2013-06-01T10:00:00Z\"}"

/* Keys as bytes, the request as JSON; more rows than a loop takes at a time are the large thread's. */
static void test_a_release(void **state)
{
    (void)state;
    enum { MANY = 300 };
    desk d;
    fixture f;
    static char head[8192], bytes[MANY * 11];
    open_release(&d, &f, NULL);
    for (size_t n = 1; n <= MANY; n = n == 14 ? MANY : n + 13) {
        size_t sent = 0;
        char *at = head + sprintf(head, "{\"inputs\":[{\"name\":\"cabin\",\"shape\":[%zu],\"datatype\":\"FP64\",\"data\":[", n);
        for (size_t i = 0; i < n; i++) {
            char key[16];
            fixture_key(i % 40, key);
            memcpy(bytes + sent, "\7\0\0\0", 4);
            memcpy(bytes + sent + 4, key, 7);
            sent += 11;
            at += sprintf(at, "%s%s", i ? "," : "", i % 4 ? "2" : "null");
        }
        sprintf(at, "]},{\"name\":\"flight\",\"shape\":[%zu,1],\"datatype\":\"BYTES\",\"parameters\":{\"binary_data_size\":%zu}}]"
                ",\"outputs\":[{\"name\":\"late\"},{\"name\":\"rung\"}]," AS_OF "}", n, sent);
        assert_int_equal(ask_binary(&d, LOOP, "late", head, bytes, sent), n <= ROWS);
        if (n > ROWS)
            assert_true(ask_binary(&d, LARGE, "late", head, bytes, sent));
        const answer *a = read_answer(&d);
        assert_int_equal(a->n, 2);
        for (size_t i = 0; i < n; i++) {
            assert_true(a->output[0].value[i] == fixture_late(i % 40, i % 4 ? 2 : 0));
            if (i < 64)
                assert_non_null(a->output[1].text[i]);
        }
        assert_string_equal(json_string_value(json_object_get(a->root, "model_version")), f.id);
        const json_t *told = json_object_get(a->root, "parameters");
        assert_int_equal(json_integer_value(json_object_get(told, "epoch")), 1);
        assert_string_equal(json_string_value(json_object_get(told, "as_of")), "2013-06-01T10:00:00.000000Z");
        assert_string_equal(json_string_value(json_object_get(told, "rung")), "defaulted");
        assert_int_equal(d.x.rung, TDM__RUNG_DEFAULTED);
        assert_true(tdm__str_starts(tdm__strn(d.x.fields->ptr, d.x.fields->len), "Tandem-Epoch: 1\r\n"));
    }
    close_release(&d, &f);
}

#define KEY(text) "{\"name\":\"flight\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[" text "]}"
static const refusal release_refusals[] = {
    {400, "{\"inputs\":[{\"name\":\"cabin\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]}]}", "row 0: keys.flight: "},
    {400, "{\"inputs\":[" KEY("null") "]}", "row 0: inputs.flight: "},
    {400, "{\"inputs\":[" KEY("\"a\",\"b\"") "]}", "inputs.flight.data: the data has more elements than the shape"},
    {400, "{\"inputs\":[" KEY("") "]}", "inputs.flight.data"},
    {400, "{\"inputs\":[" KEY("\"f000001\"") "," KEY("\"f000001\"") "]}", "inputs.flight: the input is given twice"},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabim\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]}]}",
     "did you mean 'cabin'?"},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabin\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"1\"]}]}",
     "inputs.cabin.datatype: the tensor's datatype does not fit: expected FP64, for f64?, found BYTES"},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabin\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[\"x\"]}]}",
     "row 0: inputs.cabin: "},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabin\",\"shape\":[1,2],\"datatype\":\"FP64\",\"data\":[1,2]}]}",
     "inputs.cabin.shape: "},
    {400, "{\"inputs\":[" KEY("\"f000001\"") "],\"outputs\":[{\"name\":\"nothing\"}]}", "outputs: "},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"input\",\"shape\":[1,1],\"datatype\":\"FP64\",\"data\":[\"x\"]}]}",
     "row 0: inputs.input.cabin: "},
};

static void test_refusals_of_a_release(void **state)
{
    (void)state;
    desk d;
    fixture f;
    open_release(&d, &f, NULL);
    check_refusals(&d, "late", release_refusals, sizeof release_refusals / sizeof *release_refusals);
    count_allocations(&d, "late", "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabin\",\"shape\":[1],\"datatype\":\"FP64\","
                      "\"data\":[1.5]}]}", "", 0, NULL);
    close_release(&d, &f);
}

/* The entity's name stands for its key, once. NaN in JSON is the NaN of bytes. */
static void test_entity_and_words(void **state)
{
    (void)state;
    desk d;
    fixture f;
    double nan = (double)NAN;
    open_release(&d, &f, fixture_edit(fixture_release_yaml, "entity: flight\n", "entity: {name: ride, key: flight}\n"));
#define RIDE "{\"name\":\"ride\",\"shape\":[1,1],\"datatype\":\"BYTES\",\"data\":[[\"f000003\"]]}"
#define CABIN(rest) "{\"name\":\"cabin\",\"shape\":[1],\"datatype\":\"FP64\"," rest "}"
    assert_true(ask(&d, LOOP, "late", "{\"inputs\":[" RIDE "," CABIN("\"data\":[3]") "]," AS_OF "}"));
    assert_true(read_answer(&d)->output[0].value[0] == fixture_late(3, 3));
    static const char *const twice[] = {"{\"inputs\":[" RIDE "," KEY("\"f000003\"") "]}",
                                        "{\"inputs\":[" KEY("\"f000003\"") "," RIDE "]}"};
    for (int i = 0; i < 2; i++) {
        assert_true(ask(&d, LOOP, "late", twice[i]));
        assert_int_equal(d.x.status, 400);
        assert_non_null(strstr(error_text(&d), "the input is given twice"));
    }
    assert_true(ask(&d, LOOP, "late", "{\"inputs\":[" RIDE "," CABIN("\"data\":[NaN]") "],\"outputs\":[{\"name\":\"rung\"}]}"));
    char rung[32];
    snprintf(rung, sizeof rung, "%s", read_answer(&d)->output[0].text[0]);
    assert_true(ask_binary(&d, LOOP, "late", "{\"inputs\":[" RIDE "," CABIN("\"parameters\":{\"binary_data_size\":8}")
                           "],\"outputs\":[{\"name\":\"rung\"}]}", &nan, 8));
    assert_string_equal(read_answer(&d)->output[0].text[0], rung);
    close_release(&d, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_release),
        cmocka_unit_test(test_refusals_of_a_release),
        cmocka_unit_test(test_entity_and_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
