/* Features: defaults before expressions, joins whose key has no value, and a population's own row as if it were looked up. */
#include "engine_desk.h"

static const char yaml_of_joins[] = "name: joins\n"
                                    "entity: flight\n"
                                    "features:\n"
                                    "  tail: {column: flights.tail}\n"
                                    "  distance: {column: flights.distance}\n"
                                    "  hour: {column: flights.hour}\n"
                                    "  year: {column: planes.year}\n"
                                    "  unknown: {expr: 'is_missing(year)'}\n"
                                    "  year_or: {column: planes.year, default: 1900}\n"
                                    "  age: {expr: '2013 - year_or', default: 77}\n"
                                    "  twice: {expr: 'if(hour > 3, age * 2, null)', default: -1}\n"
                                    "  plane: {request: string?}\n"
                                    "  plane_year: {column: planes.year, by: plane}\n"
                                    "  cabin: {request: f64?, default: 0.5}\n"
                                    "  when: {expr: 'as_of()'}\n"
                                    "models:\n"
                                    "  main: {file: main.json, inputs: {age: age}}\n"
                                    "prediction: {late: {model: main}}\n"
                                    "batch: {population: flights}\n";

static void start(fixture *f, desk *d)
{
    fixture_new(f, NULL);
    fixture_add_sources(f, fixture_sources_yaml);
    fixture_load(f, "flights", "flight,tail,distance,hour\nknown,N1,10,5\nno-tail,,20,\nno-plane,N9,30,9\nno-year,N2,40,4\n");
    fixture_load(f, "planes", "tail,year\nN1,2001\nN2,NA\n");
    fixture_pack(f, yaml_of_joins, NULL);
    desk_open(d, f);
}

static void put(desk *d, size_t row, const char *flight, const char *plane, const char *cabin)
{
    desk_put(d, &d->key[0], row, flight);
    for (size_t i = 0; i < d->package->n_request; i++)
        desk_put(d, &d->request[i], row, tdm__str_is(d->package->slot[d->package->request_slot[i]].name, "plane") ? plane : cabin);
}

static void joins_and_defaults(void **state)
{
    (void)state;
    fixture f;
    desk d;
    start(&f, &d);
    static const struct {
        const char *flight, *plane, *cabin;
        int tail, year, plane_year;  /* presence */
        int64_t age, twice;
        double cabin_value;
    } rows[] = {
        {"known", "N1", "2", TDM_PRESENT, TDM_PRESENT, TDM_PRESENT, 12, 24, 2},
        {"no-tail", NULL, NULL, TDM_NULL, TDM_MISSING, TDM_MISSING, 113, -1, 0.5},  /* a null key finds nothing */
        {"no-plane", "", "", TDM_PRESENT, TDM_MISSING, TDM_MISSING, 113, 226, 0.5}, /* nor does one that is not there */
        {"no-year", "N2", "nan", TDM_PRESENT, TDM_NULL, TDM_NULL, 113, 226, NAN},   /* a null is not missing; NaN is a value */
        {"nobody", "N9", "-0", TDM_MISSING, TDM_MISSING, TDM_MISSING, 113, -1, -0.0},
        {NULL, "N1", "1", TDM_MISSING, TDM_MISSING, TDM_PRESENT, 113, -1, 1},
    };
    enum { N = sizeof rows / sizeof *rows };
    for (size_t i = 0; i < N; i++)
        put(&d, i, rows[i].flight, rows[i].plane, rows[i].cabin);
    assert_ok(desk_features(&d, N, NULL), &d.err);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(desk_value(&d, "tail", i).presence, rows[i].tail);
        assert_int_equal(desk_value(&d, "year", i).presence, rows[i].year);
        assert_int_equal(desk_value(&d, "plane_year", i).presence, rows[i].plane_year);
        assert_int_equal(desk_value(&d, "unknown", i).as.b, rows[i].year == TDM_MISSING);
        assert_int_equal(desk_i64(&d, "age", i), rows[i].age);
        assert_int_equal(desk_i64(&d, "twice", i), rows[i].twice);
        double cabin = desk_value(&d, "cabin", i).as.f64;
        assert_true(isnan(rows[i].cabin_value) ? isnan(cabin) : memcmp(&cabin, &rows[i].cabin_value, 8) == 0);
        assert_int_equal(desk_value(&d, "when", i).as.time_us, fixture_as_of_us);
    }
    desk_close(&d);
    fixture_close(&f);
}

static void defaults_and_nulls_are_counted(void **state)
{
    (void)state;
    fixture f;
    desk d;
    start(&f, &d);
    put(&d, 0, "known", "N1", "2");
    put(&d, 1, "no-tail", NULL, NULL);
    put(&d, 2, "nobody", NULL, "");
    for (int round = 1; round <= 2; round++) {
        assert_ok(desk_features(&d, 3, NULL), &d.err);
        static const uint32_t defaulted[] = {0, 3, 3}; /* year_or, cabin, twice */
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(tdm__worker_defaulted(d.worker, i), defaulted[i]);
        static const struct { const char *name; uint64_t defaults, nulls; } counts[] = {
            {"year_or", 2, 0}, {"cabin", 2, 0}, {"twice", 2, 0}, {"age", 0, 0}, {"year", 0, 2}, {"tail", 0, 2}, {"hour", 0, 2}, {"plane_year", 0, 2}};
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            int slot = tdm__package_find_slot(d.package, tdm__str(counts[i].name));
            assert_int_equal(tdm__worker_default_counts(d.worker)[slot], counts[i].defaults * (uint64_t)round);
            assert_int_equal(tdm__worker_null_counts(d.worker)[slot], counts[i].nulls * (uint64_t)round);
        }
    }
    desk_close(&d);
    fixture_close(&f);
}

/* Every slot of every row is the same to the bit, whether the population's rows are given or looked up. */
static void the_population_row_is_the_looked_up_one(void **state)
{
    (void)state;
    enum { N = 1000 };
    static tdm__record record[N];
    static tdm_value slots[64][N];
    fixture f;
    desk d;
    tdm__store_cursor cursor;
    fixture_full(&f, NULL, N);
    desk_open(&d, &f);
    assert_true(d.package->n_slots <= 64);
    const tdm__store *store = tdm__engine_store(d.engine, (size_t)d.package->population);
    assert_ok(tdm__store_seek(store, 0, &cursor, &d.err), &d.err);
    for (size_t i = 0; i < N; i++) {
        assert_ok(tdm__store_next(&cursor, &record[i], &d.err), &d.err);
        desk_put(&d, &d.key[0], i, fixture_print("%.*s", (int)record[i].key.len, record[i].key.ptr));
        desk_put(&d, &d.request[0], i, i % 3 ? "0.25" : NULL);
    }
    assert_ok(desk_features(&d, N, record), &d.err);
    for (size_t s = 0; s < d.package->n_slots; s++)
        for (size_t i = 0; i < N; i++)
            tdm__column_get(tdm__worker_slot(d.worker, s), i, &slots[s][i]);
    memset(record, 0, sizeof record);
    assert_ok(desk_features(&d, N, NULL), &d.err);
    size_t present = 0;
    for (size_t s = 0; s < d.package->n_slots; s++)
        for (size_t i = 0; i < N; i++) {
            tdm_value v;
            tdm__column_get(tdm__worker_slot(d.worker, s), i, &v);
            assert_true(desk_same(&v, &slots[s][i]));
            present += v.presence == TDM_PRESENT;
        }
    assert_true(present > 5 * N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(desk_i64(&d, "hour", i), i % 24);
    desk_close(&d);
    fixture_close(&f);
}

/* The population's source joined by another key than the entity's: that row, not the population's own. */
static void the_population_joined_by_another_key(void **state)
{
    (void)state;
    fixture f;
    desk d;
    tdm__store_cursor cursor;
    tdm__record record[3];
    fixture_new(&f, NULL);
    fixture_add_sources(&f, "flights:\n  kind: table\n  key: flight\n  columns: {flight: string, before: string?, delay: f64}\n");
    fixture_load(&f, "flights", "flight,before,delay\na,,1\nb,a,2\nc,b,3\n");
    fixture_pack(&f, "name: n\nentity: flight\nfeatures:\n  before: {column: flights.before}\n  own: {column: flights.delay}\n"
                     "  earlier: {column: flights.delay, by: before}\nmodels: {main: {file: main.json}}\nprediction: {x: {model: main}}\n"
                     "batch: {population: flights}\n",
                 "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[\"own\",\"earlier\"],\"weights\":[1,1],\"intercept\":0}");
    desk_open(&d, &f);
    assert_ok(tdm__store_seek(tdm__engine_store(d.engine, 0), 0, &cursor, &d.err), &d.err);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(tdm__store_next(&cursor, &record[i], &d.err), &d.err);
        desk_put(&d, &d.key[0], i, fixture_print("%.*s", (int)record[i].key.len, record[i].key.ptr));
    }
    for (int given = 0; given < 2; given++) {
        assert_ok(desk_features(&d, 3, given ? record : NULL), &d.err);
        assert_int_equal(desk_value(&d, "earlier", 0).presence, TDM_MISSING);
        for (size_t i = 0; i < 3; i++)
            assert_true(desk_value(&d, "own", i).as.f64 == (double)i + 1);
        for (size_t i = 1; i < 3; i++)
            assert_true(desk_value(&d, "earlier", i).as.f64 == (double)i);
    }
    desk_close(&d);
    fixture_close(&f);
}

/* Keys of several columns and of several kinds, with the letters that a joined key escapes. */
static void keys_of_several_columns(void **state)
{
    (void)state;
    fixture f;
    desk d;
    fixture_new(&f, NULL);
    fixture_add_sources(&f, "legs:\n  kind: table\n  key: [carrier, day, number]\n"
                            "  columns: {carrier: string, day: timestamp, number: i64, miles: f64?}\n"
                            "routes:\n  kind: table\n  key: [number, carrier]\n  columns: {number: i64, carrier: string, stops: i64}\n");
    fixture_load(&f, "legs", "carrier,day,number,miles\nA|B,2013-06-01T00:00:00Z,7,1.5\nA,2013-06-01T00:00:00Z,7,2.5\n\\,2013-06-01T00:00:00Z,-7,3.5\n");
    fixture_load(&f, "routes", "number,carrier,stops\n7,A|B,1\n7,A,2\n-7,\\,3\n");
    fixture_pack(&f, "name: legs\nentity: leg\nfeatures:\n  miles: {column: legs.miles}\n  stops: {column: routes.stops}\n"
                     "models: {main: {file: main.json}}\nprediction: {x: {model: main}}\nbatch: {population: legs}\n",
                 "{\"kind\":\"linear\",\"inputs\":[\"miles\",\"stops\"],\"weights\":[1,1],\"intercept\":0}");
    desk_open(&d, &f);
    static const char *const keys[][3] = {{"A|B", "2013-06-01T00:00:00Z", "7"}, {"A", "2013-06-01T02:00:00+02:00", "7"},
                                          {"\\", "2013-06-01T00:00:00Z", "-7"}, {"A", "2013-06-01T00:00:00Z", "-7"}, {"A", NULL, "7"}};
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 3; k++)
            desk_put(&d, &d.key[k], i, keys[i][k]);
    assert_ok(desk_features(&d, 5, NULL), &d.err);
    for (size_t i = 0; i < 3; i++) {
        assert_true(desk_value(&d, "miles", i).as.f64 == (double)i + 1.5);
        assert_int_equal(desk_i64(&d, "stops", i), i + 1);
    }
    assert_int_equal(desk_value(&d, "miles", 3).presence, TDM_MISSING);
    assert_int_equal(desk_value(&d, "stops", 3).presence, TDM_MISSING);
    assert_int_equal(desk_value(&d, "miles", 4).presence, TDM_MISSING);
    assert_int_equal(desk_i64(&d, "stops", 4), 2); /* its own key has no day */
    desk_close(&d);
    fixture_close(&f);
}

static void sources_that_do_not_serve(void **state)
{
    (void)state;
    fixture f;
    tdm__state *s;
    tdm__package *p;
    tdm__engine *e;
    fixture_new(&f, NULL);
    fixture_add_sources(&f, fixture_sources_yaml);
    fixture_pack(&f, NULL, NULL);
    assert_ok(tdm__state_read(f.home, NULL, UINT64_MAX, &s, &f.err), &f.err);
    assert_ok(tdm__release_package(f.home, s, "late", &p, &f.err), &f.err);
    assert_status(tdm__engine_new(p, s, &e, &f.err), TDM_NOT_FOUND, &f.err); /* nothing was loaded */
    assert_null(e);
    tdm__state_close(&s);
    fixture other; /* a home whose sources are of other types */
    fixture_new(&other, NULL);
    fixture_add_sources(&other, fixture_edit(fixture_sources_yaml, "hour: i64?", "hour: f64?"));
    assert_ok(tdm__state_read(other.home, NULL, UINT64_MAX, &s, &f.err), &f.err);
    assert_status(tdm__engine_new(p, s, &e, &f.err), TDM_MISMATCH, &f.err);
    assert_null(e);
    tdm__state_close(&s);
    tdm__package_close(&p);
    fixture_close(&other);
    fixture_close(&f);
}

/* A version that was loaded before the source got a column: missing in all its rows, then present. */
static void a_store_older_than_its_source(void **state)
{
    (void)state;
    fixture f;
    desk d;
    fixture_new(&f, NULL);
    fixture_add_sources(&f, "planes:\n  kind: table\n  key: tail\n  columns: {tail: string, year: i64?}\n");
    fixture_load(&f, "planes", "tail,year\nN1,2001\n");
    fixture_add_sources(&f, "planes:\n  kind: table\n  key: tail\n  columns: {seats: f64?, tail: string, year: i64?}\n");
    fixture_pack(&f, "name: s\nentity: tail\nfeatures:\n  seats: {column: planes.seats}\n  year: {column: planes.year}\n"
                     "models: {main: {file: main.json}}\nprediction: {x: {model: main}}\nbatch: {population: planes}\n",
                 "{\"kind\":\"linear\",\"inputs\":[\"seats\",\"year\"],\"weights\":[1,1],\"intercept\":0}");
    for (int loaded = 0; loaded < 2; loaded++) {
        desk_open(&d, &f);
        desk_put(&d, &d.key[0], 0, "N1");
        assert_ok(desk_features(&d, 1, NULL), &d.err);
        assert_int_equal(desk_i64(&d, "year", 0), 2001);
        assert_int_equal(desk_value(&d, "seats", 0).presence, loaded ? TDM_PRESENT : TDM_MISSING);
        desk_close(&d);
        fixture_load(&f, "planes", "tail,year,seats\nN1,2001,150\n");
    }
    fixture_close(&f);
}

/* The constructors, and a first block: each allocation fails once. */
static void allocations_fail(void **state)
{
    (void)state;
    fixture f;
    desk d;
    start(&f, &d);
    put(&d, 0, "known", "N1", "2");
    for (uint64_t n = 1, hit = 1; hit; n++) {
        tdm__worker_close(&d.worker);
        tdm__engine_close(&d.engine);
        support_fail_alloc_at(n);
        tdm_status s = tdm__engine_new(d.package, d.state, &d.engine, &d.err);
        if (!s)
            s = tdm__worker_new(d.engine, TDM__BLOCK_ROWS, &d.worker, &d.err);
        if (!s)
            s = desk_features(&d, 1, NULL);
        if (!s)
            s = tdm__engine_predict(d.worker, TDM__USE_MAIN, &d.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &d.err);
        if (d.worker) { /* a worker that failed goes on with the next block */
            assert_ok(desk_features(&d, 1, NULL), &d.err);
            assert_int_equal(desk_i64(&d, "age", 0), 12);
        }
    }
    uint64_t before = support_allocs(); /* warm: a block allocates nothing any more */
    assert_ok(desk_features(&d, 1, NULL), &d.err);
    assert_ok(tdm__engine_predict(d.worker, TDM__USE_MAIN, &d.err), &d.err);
    assert_int_equal(support_allocs(), before);
    desk_close(&d);
    fixture_close(&f);
}

/* Age exactly max_age is fresh; up to last_good the value stands in and the block is stale; beyond it there is no value. */
static void ages_of_sources(void **state)
{
    (void)state;
    fixture f;
    desk d;
    fixture_new(&f, NULL);
    fixture_add_sources(&f, fixture_sources_yaml);
    fixture_load(&f, "flights", "flight,tail,distance,hour\na,N1,10,5\n");
    fixture_load(&f, "planes", "tail,year\nN1,2001\n");
    fixture_pack(&f, fixture_edit(fixture_edit(fixture_release_yaml, "hour: {column: flights.hour, required: true}",
                                               "hour: {column: flights.hour, max_age: 10s, last_good: 1m}"),
                                  "column: planes.year,", "column: planes.year, max_age: 20s,"), NULL);
    desk_open(&d, &f);
    int64_t flights_us = tdm__state_find(d.state, tdm__str("flights"))->loaded_us;
    int64_t planes_us = tdm__state_find(d.state, tdm__str("planes"))->loaded_us;
    const struct {
        int64_t as_of_us;
        bool stale;
        int hour;           /* presence */
        int64_t year;       /* 2000 is the default */
    } cases[] = {
        {flights_us - 1000000, false, TDM_PRESENT, 2001}, /* loaded later than the as-of: not old */
        {flights_us + 10000000, false, TDM_PRESENT, 2001},
        {flights_us + 10000001, true, TDM_PRESENT, 2001},
        {planes_us + 20000000, true, TDM_PRESENT, 2001},
        {planes_us + 20000001, true, TDM_PRESENT, 2000}, /* no last_good: nothing stands in */
        {flights_us + 60000000, true, TDM_PRESENT, 2000},
        {flights_us + 60000001, false, TDM_MISSING, 2000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdm__engine_input in = {.rows = 1, .key = d.key_of, .request = d.request_of, .as_of_us = cases[i].as_of_us};
        desk_put(&d, &d.key[0], 0, "a");
        desk_put(&d, &d.request[0], 0, NULL);
        assert_ok(tdm__engine_features(d.worker, &in, &d.err), &d.err);
        assert_int_equal(tdm__worker_stale(d.worker), cases[i].stale);
        assert_int_equal(desk_value(&d, "hour", 0).presence, cases[i].hour);
        assert_int_equal(desk_i64(&d, "year", 0), cases[i].year);
    }
    desk_close(&d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_and_defaults),
        cmocka_unit_test(defaults_and_nulls_are_counted),
        cmocka_unit_test(the_population_row_is_the_looked_up_one),
        cmocka_unit_test(the_population_joined_by_another_key),
        cmocka_unit_test(keys_of_several_columns),
        cmocka_unit_test(sources_that_do_not_serve),
        cmocka_unit_test(a_store_older_than_its_source),
        cmocka_unit_test(ages_of_sources),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
