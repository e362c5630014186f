/* Lanes: questions as JSON and what is wrong with them; blocks, whose rows do not know of each other; no allocation once
 * warm. The oracle of answers is the one-row reference (answer_reference.h), that of JSON is jansson. */
#include "answer_reference.h"
#include "lane_desk.h"

#define KEY "\"keys\":{\"flight\":\"f000001\"}"

typedef struct asked_case {
    const char *json;
    tdm_status status;             /* of the row */
    const char *where, *more;      /* of the error; more: somewhere in what, expected, found, hint */
} asked_case;

static const asked_case cases[] = {
    {"{" KEY "}", TDM_OK, NULL, NULL},
    {" { \"features\" : { } , " KEY " }", TDM_OK, NULL, NULL},
    {"{" KEY ",\"features\":{\"cabin\":1,\"seats\":-5,\"paid\":12.25,\"vip\":true,\"other\":\"N0\\u0030\\ud83d\\ude00\",\"booked\":1370080800000,\"share\":0.5,"
     "\"odd \\\"name\\\"\":1e-3}}", TDM_OK, NULL, NULL},
    {"{" KEY ",\"features\":{\"cabin\":null,\"seats\":null,\"paid\":\"12.25\",\"vip\":null,\"other\":null,\"booked\":\"2013-06-01T10:00:00Z\",\"share\":\"nan\"}}",
     TDM_OK, NULL, NULL},
    {"{\"as_of\":\"2013-06-01T12:00:00+02:00\"," KEY "}", TDM_OK, NULL, NULL},
    {"{}", TDM_KEY_MISSING, "keys.flight", "string nothing"},
    {"{\"keys\":{}}", TDM_KEY_MISSING, "keys.flight", "the question has no key"},
    {"{\"keys\":{\"flight\":\"\"}}", TDM_KEY_MISSING, "keys.flight", "\"\""},
    {"{\"keys\":{\"flight\":null}}", TDM_FIELD_NULL, "keys.flight", ""},
    {"{\"keys\":{\"flight\":17}}", TDM_FIELD_TYPE, "keys.flight", "string 17"},
    {"{\"keys\":{\"flight\":[\"a\"]}}", TDM_FIELD_TYPE, "keys.flight", ""},
    {"{\"keys\":{\"flihgt\":\"a\"}}", TDM_FIELD_UNKNOWN, "keys.flihgt", "did you mean 'flight'?"},
    {"{\"keys\":[\"f000001\"]}", TDM_FIELD_TYPE, "keys", "an object"},
    {"{\"keys\":null}", TDM_FIELD_TYPE, "keys", "an object"},
    {"{" KEY ",\"features\":7}", TDM_FIELD_TYPE, "features", "an object 7"},
    {"{" KEY ",\"features\":{\"cabin\":\"x\"}}", TDM_FIELD_TYPE, "features.cabin", "f64? \"x\""},
    {"{" KEY ",\"features\":{\"cabin\":1e400}}", TDM_FIELD_RANGE, "features.cabin", "1e400"},
    {"{" KEY ",\"features\":{\"cabin\":{\"a\":[1,{\"b\":null}]}}}", TDM_FIELD_TYPE, "features.cabin", ""},
    {"{" KEY ",\"features\":{\"seats\":1.0}}", TDM_FIELD_TYPE, "features.seats", "1.0"},
    {"{" KEY ",\"features\":{\"seats\":9223372036854775808}}", TDM_FIELD_RANGE, "features.seats", "9223372036854775808"},
    {"{" KEY ",\"features\":{\"vip\":1}}", TDM_FIELD_TYPE, "features.vip", "bool"},
    {"{" KEY ",\"features\":{\"other\":1}}", TDM_FIELD_TYPE, "features.other", "string"},
    {"{" KEY ",\"features\":{\"booked\":\"yesterday\"}}", TDM_FIELD_TYPE, "features.booked", "RFC 3339"},
    {"{" KEY ",\"features\":{\"cabni\":1}}", TDM_FIELD_UNKNOWN, "features.cabni", "did you mean 'cabin'?"},
    {"{" KEY ",\"features\":{\"hour\":1}}", TDM_FIELD_UNKNOWN, "features.hour", ""}, /* a column is not the caller's to give */
    {"{" KEY ",\"featurs\":{}}", TDM_FIELD_UNKNOWN, "featurs", "did you mean 'features'?"},
    {"{" KEY ",\"rows\":[]}", TDM_FIELD_UNKNOWN, "rows", ""},
    {"{" KEY ",\"as_of\":\"2013-06-01\"}", TDM_FIELD_TYPE, "as_of", "RFC 3339"},
    {"{" KEY ",\"as_of\":1370080800}", TDM_FIELD_TYPE, "as_of", "RFC 3339"},
    {"{" KEY ",\"as_of\":null}", TDM_FIELD_TYPE, "as_of", "RFC 3339"},
    {"[]", TDM_FIELD_TYPE, "", "an object"},
    {"\"f000001\"", TDM_FIELD_TYPE, "", "an object"},
    {"{\"features\":{\"seats\":1.5,\"nope\":1,\"cabin\":\"x\"},\"nope\":2}", TDM_FIELD_TYPE, "features.seats", ""}, /* the first counts */
    {"{\"keys\":{\"flight\":\"late\"}}", TDM_UNANSWERED, "hour", "a required feature has no value"},
    {"{\"keys\":{\"flight\":\"nobody\"}}", TDM_UNANSWERED, "hour", ""},
    {"{\"keys\":{\"flight\":\"neg\"},\"features\":{\"cabin\":0,\"seats\":1,\"other\":\"N001\"}}", TDM_UNANSWERED, "late", "-989"}, /* the main model's reason, not the simple one's -51 */
    /* the text as a whole */
    {"{\"keys\":{\"flight\":\"a\",\"flight\":\"a\"}}", TDM_JSON_SYNTAX, NULL, "\"flight\""},
    {"{" KEY "," KEY "}", TDM_JSON_SYNTAX, NULL, "\"keys\""},
    {"{" KEY ",\"features\":{\"cabin\":1,\"cabi\\u006e\":1}}", TDM_JSON_SYNTAX, NULL, "\"cabin\""},
    {"{" KEY ",\"features\":{\"cabin\":\"x\",\"cabin\":1}}", TDM_JSON_SYNTAX, NULL, "twice"},
    {"{\"nope\":1,\"features\":{\"cabin\":01}}", TDM_JSON_SYNTAX, NULL, "at byte 32"},
    {"{" KEY ",\"features\":{\"cabin\":1,}}", TDM_JSON_SYNTAX, NULL, "at byte"},
    {"{" KEY ",\"features\":{,\"cabin\":1}}", TDM_JSON_SYNTAX, NULL, "at byte"},
    {"{" KEY ",\"features\":{\"cabin\":1 \"seats\":1}}", TDM_JSON_SYNTAX, NULL, "at byte"},
    {"{" KEY ",\"features\":{\"cabin\":1\"seats\":1}}", TDM_JSON_SYNTAX, NULL, "at byte"},
    {"{" KEY ",\"features\":{\"cabin\":1,,\"seats\":1}}", TDM_JSON_SYNTAX, NULL, "at byte"},
    {"{" KEY ",\"features\":{\"cabin\"::1}}", TDM_JSON_SYNTAX, NULL, "at byte"},
    {"{" KEY ",\"features\":{\"cabin\":", TDM_JSON_SYNTAX, NULL, "at byte"},
    {"{" KEY "", TDM_JSON_SYNTAX, NULL, ""},
    {"{\"nope\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", TDM_JSON_SYNTAX, NULL, "nest"},
    {"", TDM_JSON_SYNTAX, NULL, ""},
    {"{" KEY ",\"features\":{\"other\":\"\xff\"}}", TDM_TEXT_ENCODING, NULL, ""},
};

static void check_error(const asked_case *c, const tdm_error *error)
{
    char all[1200];
    snprintf(all, sizeof all, "%s %s %s %s", error->what, error->expected, error->found, error->hint);
    if (c->where && strcmp(error->where, c->where))
        fail_msg("%s: at '%s', expected '%s'", c->json, error->where, c->where);
    if (!strstr(all, c->more))
        fail_msg("%s: %s lacks '%s'", c->json, all, c->more);
}

static void questions(void **state)
{
    (void)state;
    lane_desk d;
    lane_desk_new(&d, NULL, 3, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const asked_case *c = &cases[i];
        tdm__asked asked;
        tdm__lane_begin(d.lane, 3);
        assert_ok(lane_desk_read(&d, d.lane, 0, "{" KEY "}", &asked), &d.err);
        tdm_status s = lane_desk_read(&d, d.lane, 1, c->json, &asked);
        if (s == TDM_JSON_SYNTAX || s == TDM_TEXT_ENCODING) {
            assert_status(s, c->status, &d.err);
            check_error(c, &d.err);
            continue;
        }
        assert_ok(s, &d.err);
        assert_int_equal(asked.has_as_of, strstr(c->json, "+02:00") != NULL);
        assert_true(!asked.has_as_of || asked.as_of_us == fixture_as_of_us);
        assert_ok(lane_desk_read(&d, d.lane, 2, "{\"keys\":{\"flight\":\"f000002\"},\"features\":{\"cabin\":1}}", &asked), &d.err);
        assert_ok(tdm__lane_answer(d.lane, fixture_as_of_us, NULL, &d.err), &d.err);
        const tdm_error *error = tdm__lane_error(d.lane, 1);
        if (c->status == TDM_OK && error)
            assert_status(error->status, TDM_OK, error);
        if (c->status && (!error || error->status != c->status))
            fail_msg("%s: %s, expected %s", c->json, error ? tdm_status_name(error->status) : "ok", tdm_status_name(c->status));
        if (error)
            check_error(c, error);
        assert_null(tdm__lane_error(d.lane, 0)); /* whatever it was: its neighbours are answered */
        assert_null(tdm__lane_error(d.lane, 2));
    }
    lane_desk_close(&d);
}

/* What a question says arrives in the columns. */
static void values_arrive(void **state)
{
    (void)state;
    lane_desk d;
    tdm__asked asked;
    lane_desk_new(&d, NULL, 2, false);
    tdm__lane_begin(d.lane, 2);
    assert_ok(lane_desk_read(&d, d.lane, 1, cases[2].json, &asked), &d.err);
    const tdm__servable *v = d.servable;
    tdm_value got[8], key;
    for (size_t i = 0; i < v->package->n_request; i++) {
        tdm__column_get(tdm__lane_request(d.lane, i), 1, &got[i]);
        assert_int_equal(got[i].presence, TDM_PRESENT);
        assert_int_equal(tdm__lane_request(d.lane, i)->presence[0], TDM_MISSING);
    }
    tdm__column_get(tdm__lane_key(d.lane, 0), 1, &key);
    assert_true(tdm__str_is(key.as.str, "f000001"));
    assert_true(got[0].as.f64 == 1 && got[1].as.i64 == -5 && got[2].as.dec.lo == 1225 && got[3].as.b);
    assert_true(tdm__str_is(got[4].as.str, "N00\xF0\x9F\x98\x80"));
    assert_true(got[5].as.time_us == fixture_as_of_us && got[6].as.f32 == 0.5f && got[7].as.f64 == 1e-3);
    lane_desk_close(&d);
}

/* Names in any order, with any space and any escapes, say the same. */
static void names_in_any_order(void **state)
{
    (void)state;
    static const char *const pair[][2] = {{"cabin", "1"}, {"seats", "-5"}, {"paid", "12.25"}, {"vip", "true"}, {"other", "\"N001\""},
                                          {"booked", "1370080800000"}, {"share", "0.5"}, {"odd \\\"name\\\"", "1e-3"}};
    static const char *const spaces[] = {"", "", "", " ", "  ", "\n", "\t "};
    lane_desk d;
    tdm__asked asked;
    tdm__random r;
    tdm__buf q = {0};
    lane_desk_new(&d, NULL, 2, false);
    tdm__random_seed(&r, support_seed());
    for (int round = 0; round < 500; round++) {
        size_t order[8], n = 0;
        for (size_t i = 0; i < 8; i++) {
            size_t at = round % 2 ? i : tdm__random_below(&r, i + 1);
            memmove(order + at + 1, order + at, (i - at) * sizeof *order);
            order[at] = i;
        }
#define SPACE spaces[tdm__random_below(&r, 7)]
        tdm__buf_reset(&q);
        tdm__buf_printf(&q, "{" KEY ",\"features\":{%s", SPACE);
        for (size_t i = 0; i < 8; i++)
            if (tdm__random_below(&r, 8)) {
                const char *name = pair[order[i]][0];
                const char *text = tdm__random_below(&r, 9) ? name : fixture_print("\\u%04x%s", name[0], name + 1);
                tdm__buf_printf(&q, "%s\"%s\"%s:%s%s%s", n++ ? fixture_print(",%s", SPACE) : "", text, SPACE, SPACE, pair[order[i]][1], SPACE);
            } else {
                order[i] += 8;
            }
        tdm__buf_text(&q, "}}");
        tdm__lane_begin(d.lane, 2);
        assert_ok(lane_desk_read(&d, d.lane, 0, cases[2].json, &asked), &d.err);
        assert_ok(lane_desk_read(&d, d.lane, 1, tdm__buf_z(&q), &asked), &d.err);
        assert_null(tdm__lane_error(d.lane, 1));
        for (size_t i = 0; i < 8; i++) {
            tdm_value want, got;
            tdm__column_get(tdm__lane_request(d.lane, order[i] % 8), 0, &want);
            tdm__column_get(tdm__lane_request(d.lane, order[i] % 8), 1, &got);
            if (order[i] >= 8)
                assert_int_equal(got.presence, TDM_MISSING);
            else if (order[i] == 4)
                assert_true(tdm__str_is(got.as.str, "N001"));
            else
                assert_true(tdm__value_same(&want, &got));
        }
    }
    tdm__buf_free(&q);
    lane_desk_close(&d);
}

static const char seats_sources[] = "halls:\n  kind: table\n  key: [room, seat]\n  columns: {room: string, seat: i64, price: f64}\n";
static const char seats_yaml[] = "name: seats\nentity: {name: place, key: [room, seat]}\nfeatures: {price: {column: halls.price}}\n"
                                 "models: {main: {file: main.json}}\nprediction: {p: {model: main}}\nbatch: {population: halls}\n";

/* Keys of several parts: by their names, or whole by the entity's. */
static void keys_of_parts(void **state)
{
    (void)state;
    static const struct { const char *keys; double p; const char *where; tdm_status status; } asked[] = {
        {"{\"room\":\"a|b\",\"seat\":3}", 7, NULL, TDM_OK},
        {"{\"seat\":\"3\",\"room\":\"a|b\"}", 7, NULL, TDM_OK},
        {"{\"place\":\"a\\\\|b|3\"}", 7, NULL, TDM_OK},
        {"{\"place\":\"a|b|3\"}", 0, "keys.place", TDM_SYNTAX},
        {"{\"place\":\"a\"}", 0, "keys.place", TDM_SYNTAX},
        {"{\"place\":3}", 0, "keys.place", TDM_FIELD_TYPE},
        {"{\"place\":\"a|x\"}", 0, "keys.seat", TDM_FIELD_TYPE},
        {"{\"room\":\"a\",\"seat\":3.0}", 0, "keys.seat", TDM_FIELD_TYPE},
        {"{\"room\":\"a\",\"seat\":\"3.0\"}", 0, "keys.seat", TDM_FIELD_TYPE},
        {"{\"room\":\"a\"}", 0, "keys.seat", TDM_KEY_MISSING},
        {"{\"seat\":3}", 0, "keys.room", TDM_KEY_MISSING},
        {"{\"seat\":3,\"place\":\"a\\\\|b|3\"}", 0, "keys.seat", TDM_BAD_INPUT},
        {"{\"place\":\"a\\\\|b|3\",\"seat\":3}", 0, "keys.seat", TDM_BAD_INPUT},
    };
    lane_desk d = {0};
    fixture_new(&d.f, NULL);
    fixture_add_sources(&d.f, seats_sources);
    fixture_load(&d.f, "halls", "room,seat,price\na|b,3,7\n");
    fixture_pack(&d.f, seats_yaml, "{\"kind\":\"linear\",\"inputs\":[\"price\"],\"weights\":[1],\"intercept\":0}");
    assert_ok(lane_desk_open(&d, "", 2), &d.err);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        tdm__asked out;
        tdm__lane_begin(d.lane, 1);
        assert_ok(lane_desk_read(&d, d.lane, 0, fixture_print("{\"keys\":%s}", asked[i].keys), &out), &d.err);
        assert_ok(tdm__lane_answer(d.lane, fixture_as_of_us, NULL, &d.err), &d.err);
        const tdm_error *error = tdm__lane_error(d.lane, 0);
        assert_status(error ? error->status : TDM_OK, asked[i].status, error);
        if (error)
            assert_string_equal(error->where, asked[i].where);
        else
            assert_true(tdm__lane_prediction(d.lane, 0)[0] == asked[i].p);
    }
    tdm__lane_begin(d.lane, 2);
    assert_ok(tdm__lane_read_key(d.lane, 0, tdm__str("a\\|b|3"), &d.err), &d.err);
    assert_ok(tdm__lane_read_key(d.lane, 1, tdm__str("a|b|3"), &d.err), &d.err);
    assert_ok(tdm__lane_answer(d.lane, fixture_as_of_us, NULL, &d.err), &d.err);
    assert_true(tdm__lane_prediction(d.lane, 0)[0] == 7);
    assert_int_equal(tdm__lane_error(d.lane, 1)->status, TDM_SYNTAX);
    lane_desk_close(&d);
}

static void answers_as_json(void **state)
{
    (void)state;
    lane_desk d;
    tdm__asked asked;
    tdm__lane_times spent = {0};
    lane_desk_new(&d, NULL, 2, true);
    tdm__answer_context context = {.epoch = INT64_MAX, .position = 123, .explain = true, .where = "rows[3]"};
    tdm__lane_begin(d.lane, 2);
    assert_ok(lane_desk_read(&d, d.lane, 0, "{" KEY ",\"features\":{\"cabin\":2,\"seats\":4,\"other\":\"N\\u0030\\n1\"}}", &asked), &d.err);
    assert_ok(lane_desk_read(&d, d.lane, 1, "{" KEY ",\"features\":{\"seats\":\"\\u0001\"}}", &asked), &d.err);
    assert_ok(tdm__lane_answer(d.lane, fixture_as_of_us, &spent, &d.err), &d.err);
    assert_true(spent.features_ns && spent.models_ns);
    json_t *o = lane_desk_json(&d, d.lane, 0, &context), *again = lane_desk_json(&d, d.lane, 0, &context);
    assert_string_equal(lane_desk_text(o, "release"), fixture_print("late@%s", d.f.id));
    assert_string_equal(lane_desk_text(o, "rung"), "defaulted"); /* `other` has no year */
    assert_string_equal(lane_desk_text(o, "as_of"), "2013-06-01T10:00:00.000000Z");
    assert_int_equal(json_integer_value(json_object_get(o, "position")), 123);
    assert_non_null(strstr(tdm__buf_z(&d.out), "\"epoch\":9223372036854775807,"));
    assert_string_equal(lane_desk_text(json_object_get(o, "features"), "label"), "N007-N0\n1"); /* models ran, and it is still there */
    assert_string_equal(lane_desk_text(json_object_get(o, "features"), "other"), "N0\n1");
    assert_int_equal(json_object_size(json_object_get(o, "features")), d.servable->package->manifest->n_features);
    double late = json_number_value(json_object_get(json_object_get(o, "prediction"), "late"));
    assert_memory_equal(&late, tdm__lane_prediction(d.lane, 0), sizeof late);
    static const char *const order[] = {"id", "epoch", "release", "rung", "prediction", "as_of", "position", "oldest_input_ms", "features"};
    const char *name, *id = lane_desk_text(o, "id");
    json_t *value;
    size_t at = 0;
    json_object_foreach(o, name, value)
        assert_string_equal(name, order[at++]);
    assert_int_equal(at, sizeof order / sizeof *order);
    assert_int_equal(strlen(id), 32);
    assert_int_equal(strspn(id, "0123456789abcdef"), 32);
    assert_string_not_equal(id, lane_desk_text(again, "id"));
    assert_true(strtoll(fixture_print("%.12s", id), NULL, 16) / 60000 - tdm_now_us() / 60000000 <= 1);
    json_decref(o);
    json_decref(again);
    o = lane_desk_json(&d, d.lane, 1, &context);
    value = json_object_get(o, "error");
    assert_string_equal(lane_desk_text(value, "code"), "field_type");
    assert_string_equal(lane_desk_text(value, "where"), "rows[3].features.seats");
    assert_string_equal(lane_desk_text(value, "expected"), "i64?");
    assert_non_null(lane_desk_text(value, "message"));
    assert_null(json_object_get(value, "hint"));
    json_decref(o);
    lane_desk_close(&d);
}

/* A key of one part is what it says, bars and all, by whatever way it comes. */
static void keys_of_one_part(void **state)
{
    (void)state;
    lane_desk d;
    lane_desk_new(&d, NULL, 3, false);
    tdm__lane_begin(d.lane, 3);
    assert_ok(tdm__lane_read_key(d.lane, 0, tdm__str("f000001"), &d.err), &d.err);
    assert_ok(tdm__lane_read_key(d.lane, 1, tdm__str("a|b\\"), &d.err), &d.err);
    assert_ok(tdm__lane_read_key(d.lane, 2, tdm__str("f000001"), &d.err), &d.err);
    assert_ok(tdm__lane_read_key(d.lane, 2, tdm__str("f000001"), &d.err), &d.err);
    assert_true(tdm__str_is(tdm__lane_key(d.lane, 0)->as.str[1], "a|b\\"));
    assert_ok(tdm__lane_answer(d.lane, fixture_as_of_us, NULL, &d.err), &d.err);
    assert_null(tdm__lane_error(d.lane, 0));
    assert_int_equal(tdm__lane_error(d.lane, 1)->status, TDM_UNANSWERED);
    assert_int_equal(tdm__lane_error(d.lane, 2)->status, TDM_BAD_INPUT);
    lane_desk_close(&d);
}

/* A text that an expression made is there after a model ran that empties its scratch memory. */
static void texts_outlive_the_models(void **state)
{
    (void)state;
    enum { LETTERS = 6000 };
    lane_desk d = {0};
    tdm__asked asked;
    tdm__buf yaml = {0}, question = {0};
    tdm__answer_context context = {.explain = true};
    char *model = support_read_file(support_path(support_source_root(), "tests/parity/data/binary-v4.txt"), NULL);
    tdm__buf_text(&yaml, "name: t\nentity: row\nfeatures:\n  word: {request: string?}\n  made: {expr: 'concat(word, word)'}\n");
    for (int i = 0; i < 6; i++)
        tdm__buf_printf(&yaml, "  Column_%d: {request: f64?}\n", i);
    tdm__buf_text(&yaml, "models: {main: {file: main.json}}\nprediction: {p: {model: main}}\n");
    fixture_new(&d.f, NULL);
    fixture_pack(&d.f, tdm__buf_z(&yaml), model);
    assert_ok(lane_desk_open(&d, "", 1), &d.err);
    tdm__buf_text(&question, "{\"features\":{\"word\":\"");
    for (int i = 0; i < LETTERS; i++)
        tdm__buf_char(&question, 'w');
    tdm__buf_text(&question, "\"}}");
    tdm__lane_begin(d.lane, 1);
    assert_ok(lane_desk_read(&d, d.lane, 0, tdm__buf_z(&question), &asked), &d.err);
    assert_ok(tdm__lane_answer(d.lane, fixture_as_of_us, NULL, &d.err), &d.err);
    json_t *o = lane_desk_json(&d, d.lane, 0, &context);
    assert_int_equal(strspn(lane_desk_text(json_object_get(o, "features"), "made"), "w"), 2 * LETTERS);
    json_decref(o);
    tdm__buf_free(&yaml);
    tdm__buf_free(&question);
    support_free(model);
    lane_desk_close(&d);
}

/* ---- blocks ---- */

enum { ROWS = 1500, BLOCK = 64 };

static void add_random_feature(tdm__random *r, tdm__buf *out, size_t i)
{
    static const char *const texts[] = {"\"N003\"", "\"N0\\u0030\\u0037\"", "\"N999\"", "null", "\"\"", "\"\\ud83d\\ude00\\\"\"", "5"};
    uint64_t n = tdm__random_below(r, 1000);
    switch (i) {
    case 0: tdm__buf_printf(out, n % 9 ? "\"cabin\":%d.%d" : "\"cabin\":-%de%d", (int)(n % 5), (int)n); return;
    case 1: tdm__buf_printf(out, "\"seats\":%s", n % 7 ? fixture_print("%d", (int)(n % 5)) : n % 2 ? "null" : "1.5"); return;
    case 2: tdm__buf_printf(out, "\"paid\":%s%d%s", n % 2 ? "\"" : "", (int)n, n % 2 ? ".5\"" : ""); return;
    case 3: tdm__buf_printf(out, "\"vip\":%s", n % 3 ? "true" : "null"); return;
    case 4: tdm__buf_printf(out, "\"other\":%s", texts[n % 7]); return;
    case 5: tdm__buf_printf(out, "\"booked\":%d", (int)n); return;
    case 6: tdm__buf_printf(out, "\"share\":\"%s\"", n % 20 ? "inf" : "x"); return;
    default: tdm__buf_printf(out, "\"%s\":1", n % 30 ? "odd \\\"name\\\"" : "odd name"); return;
    }
}

static const char *random_question(tdm__random *r, tdm__buf *out)
{
    static const char *const keys[] = {"far", "late", "low", "neg", "nobody"};
    tdm__buf_reset(out);
    tdm__buf_text(out, "{\"keys\":{");
    if (tdm__random_below(r, 20)) {
        char key[16];
        fixture_key(tdm__random_below(r, 40), key);
        tdm__buf_printf(out, "\"flight\":\"%s\"", tdm__random_below(r, 4) ? key : keys[tdm__random_below(r, 5)]);
    }
    tdm__buf_text(out, "},\"features\":{");
    size_t first = tdm__random_below(r, 9), written = 0;
    for (size_t i = 0; i < 8; i++)
        if (i >= first && tdm__random_below(r, 3)) {
            tdm__buf_text(out, written++ ? "," : "");
            add_random_feature(r, out, (i + first) % 8);
        }
    tdm__buf_text(out, "}}");
    return tdm__buf_z(out);
}

typedef struct result {
    tdm_status status;
    tdm__rung rung;
    double late;
    char text[1600]; /* as JSON, without the id */
} result;

static void keep(lane_desk *d, tdm__lane *lane, size_t row, result *out)
{
    tdm__answer_context context = {.epoch = 3, .explain = true};
    const tdm_error *error = tdm__lane_error(lane, row);
    json_t *o = lane_desk_json(d, lane, row, &context);
    if (!error)
        json_object_del(o, "id");
    char *text = json_dumps(o, JSON_COMPACT);
    assert_true(strlen(text) < sizeof out->text);
    *out = (result){.status = error ? error->status : TDM_OK, .rung = tdm__lane_rung(lane, row)};
    if (!error)
        out->late = tdm__lane_prediction(lane, row)[0];
    strcpy(out->text, text);
    free(text);
    json_decref(o);
}

/* The reference's answer for the one row that the lane holds, unless it was refused. */
static void check_reference(lane_desk *d, tdm__worker *worker, tdm__lane *lane, const result *got, unsigned seen[TDM__RUNG_COUNT])
{
    const tdm__column *key[] = {tdm__lane_key(lane, 0)}, *request[8];
    tdm_value part;
    double late = NAN;
    if (got->status && got->status != TDM_UNANSWERED)
        return;
    for (size_t i = 0; i < 8; i++)
        request[i] = tdm__lane_request(lane, i);
    tdm__engine_input in = {.rows = 1, .key = key, .request = request, .as_of_us = fixture_as_of_us};
    assert_ok(tdm__engine_features(worker, &in, &d->err), &d->err);
    tdm__column_get(key[0], 0, &part);
    reference_answer want = {.prediction = &late};
    reference_sources from = {.table = d->servable->table, .key = part.as.str, .as_of_us = fixture_as_of_us,
                              .has_inputs = d->servable->has_inputs, .inputs_us = d->servable->inputs_us};
    tdm_status s = reference_row(worker, d->servable->package, &from, &want, &d->err);
    assert_int_equal(s, got->status);
    if (s) {
        const tdm_error *error = tdm__lane_error(lane, 0);
        assert_memory_equal(error->where, d->err.where, strlen(error->where) + 1);
        assert_string_equal(error->what, d->err.what);
        assert_string_equal(error->expected, d->err.expected);
        assert_string_equal(error->found, d->err.found);
        return;
    }
    assert_int_equal(want.rung, got->rung);
    assert_memory_equal(&late, &got->late, sizeof late);
    assert_int_equal(want.stale, strstr(got->text, "\"stale\":true") != NULL);
    assert_int_equal(want.has_oldest_input, strstr(got->text, "\"oldest_input_ms\":null") == NULL);
    seen[want.rung]++;
}

/* Random rows, one by one and in blocks of random sizes: the same bits, rungs and errors, and those of the reference. */
static void blocks_are_rows(void **state)
{
    (void)state;
    static result one[ROWS];
    static const char *question[ROWS];
    static result many;
    lane_desk d;
    tdm__random r;
    tdm__lane *lane;
    tdm__worker *worker;
    tdm__arena kept = {0};
    tdm__buf text = {0};
    tdm__asked asked;
    unsigned seen[TDM__RUNG_COUNT] = {0}, refused = 0, unanswered = 0;
    lane_desk_new(&d, NULL, BLOCK, true);
    assert_ok(tdm__lane_new(d.servable, 1, &lane, &d.err), &d.err);
    assert_ok(tdm__worker_new(d.servable->engine, 1, &worker, &d.err), &d.err);
    tdm__random_seed(&r, support_seed());
    for (size_t i = 0; i < ROWS; i++) {
        const char *q = random_question(&r, &text);
        question[i] = tdm__arena_copy(&kept, q, strlen(q));
        tdm__lane_begin(lane, 1);
        assert_ok(lane_desk_read(&d, lane, 0, question[i], &asked), &d.err);
        assert_ok(tdm__lane_answer(lane, fixture_as_of_us, NULL, &d.err), &d.err);
        keep(&d, lane, 0, &one[i]);
        check_reference(&d, worker, lane, &one[i], seen);
        unanswered += one[i].status == TDM_UNANSWERED;
        refused += one[i].status && one[i].status != TDM_UNANSWERED;
    }
    assert_true(refused > 50 && unanswered > 10 && seen[TDM__RUNG_FRESH] && seen[TDM__RUNG_DEFAULTED] && seen[TDM__RUNG_SIMPLE] &&
                seen[TDM__RUNG_TABLE]);
    for (size_t i = 0, n; i < ROWS; i += n) {
        n = 1 + tdm__random_below(&r, BLOCK);
        n = n < ROWS - i ? n : ROWS - i;
        tdm__lane_begin(d.lane, n);
        for (size_t k = 0; k < n; k++)
            assert_ok(lane_desk_read(&d, d.lane, k, question[i + k], &asked), &d.err);
        assert_ok(tdm__lane_answer(d.lane, fixture_as_of_us, NULL, &d.err), &d.err);
        for (size_t k = 0; k < n; k++) {
            keep(&d, d.lane, k, &many);
            if (many.status != one[i + k].status || many.rung != one[i + k].rung || strcmp(many.text, one[i + k].text) ||
                memcmp(&many.late, &one[i + k].late, sizeof many.late))
                fail_msg("%s\nalone:    %s\nin block: %s", question[i + k], one[i + k].text, many.text);
        }
    }
    tdm__buf_free(&text);
    tdm__arena_free(&kept);
    tdm__worker_close(&worker);
    tdm__lane_close(&lane);
    lane_desk_close(&d);
}

/* ---- memory ---- */

/* A block of 40 random rows, read, answered, written. */
static void answer_block(lane_desk *d, const char *const *question, tdm__buf *out)
{
    tdm__answer_context context = {.explain = true, .where = "rows[1]"};
    tdm__asked asked;
    tdm__json_scan scan;
    tdm__buf_reset(out);
    tdm__lane_begin(d->lane, 40);
    for (size_t row = 0; row < 40; row++) {
        assert_ok(tdm__json_begin_scan(&scan, tdm__str(question[row]), tdm__lane_texts(d->lane), &d->err), &d->err);
        assert_ok(tdm__lane_read_json(d->lane, &scan, row, &asked, &d->err), &d->err);
    }
    assert_ok(tdm__lane_answer(d->lane, fixture_as_of_us, NULL, &d->err), &d->err);
    for (size_t row = 0; row < 40; row++)
        tdm__lane_write_json(d->lane, row, &context, out);
}

/* Texts with escapes, rows that fail, rows from the table: the third time nothing is allocated. */
static void a_warm_lane_allocates_nothing(void **state)
{
    (void)state;
    const char *question[40] = {"{\"keys\":{\"flight\":\"late\"}}", "{\"features\":{\"cabin\":\"\\u0031\"}}"};
    lane_desk d;
    tdm__random r;
    tdm__arena kept = {0};
    tdm__buf text = {0}, out = {0};
    lane_desk_new(&d, NULL, BLOCK, true);
    assert_ok(tdm__lane_warm(d.lane, &d.err), &d.err);
    tdm__random_seed(&r, support_seed());
    for (size_t row = 2; row < 40; row++) {
        const char *q = random_question(&r, &text);
        question[row] = tdm__arena_copy(&kept, q, strlen(q));
    }
    for (int i = 0; i < 3; i++)
        answer_block(&d, question, &out);
    size_t failed = 0, table = 0;
    for (size_t row = 0; row < 40; row++) {
        failed += tdm__lane_error(d.lane, row) != NULL;
        table += !tdm__lane_error(d.lane, row) && tdm__lane_rung(d.lane, row) == TDM__RUNG_TABLE;
    }
    assert_true(failed > 0 && table > 0);
    uint64_t before = support_allocs();
    for (int i = 0; i < 100; i++)
        answer_block(&d, question, &out);
    assert_int_equal(support_allocs(), before);
    tdm__buf_free(&text);
    tdm__buf_free(&out);
    tdm__arena_free(&kept);
    lane_desk_close(&d);
}

/* After warming up, the first question of numbers finds all memory there. */
static void the_first_question_after_warming(void **state)
{
    (void)state;
    lane_desk d;
    tdm__asked asked;
    tdm__json_scan scan;
    tdm__answer_context context = {0};
    lane_desk_new(&d, NULL, 1, true);
    assert_ok(tdm__lane_warm(d.lane, &d.err), &d.err);
    tdm__buf_reserve(&d.out, d.servable->answer_bytes + 16);
    uint64_t before = support_allocs();
    tdm__lane_begin(d.lane, 1);
    assert_ok(tdm__json_begin_scan(&scan, tdm__str("{" KEY ",\"features\":{\"cabin\":2,\"seats\":4}}"), tdm__lane_texts(d.lane), &d.err), &d.err);
    assert_ok(tdm__lane_read_json(d.lane, &scan, 0, &asked, &d.err), &d.err);
    assert_ok(tdm__lane_answer(d.lane, fixture_as_of_us, NULL, &d.err), &d.err);
    assert_null(tdm__lane_error(d.lane, 0));
    tdm__lane_write_json(d.lane, 0, &context, &d.out);
    assert_int_equal(support_allocs(), before);
    lane_desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions),
        cmocka_unit_test(values_arrive),
        cmocka_unit_test(names_in_any_order),
        cmocka_unit_test(keys_of_parts),
        cmocka_unit_test(keys_of_one_part),
        cmocka_unit_test(answers_as_json),
        cmocka_unit_test(texts_outlive_the_models),
        cmocka_unit_test(blocks_are_rows),
        cmocka_unit_test(a_warm_lane_allocates_nothing),
        cmocka_unit_test(the_first_question_after_warming),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
