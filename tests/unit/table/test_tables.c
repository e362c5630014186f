/* Tables in the home: they exist once published, are what was published, and are found by name. */
#include <math.h>

#include "table_rows.h"

static const table_row rows[] = {{"1|a", 0.25, -1.5}, {"2|b", 0.75, INFINITY}, {"1|b", 0.125, 5e-324}};

static void start(fixture *f)
{
    tdm__writing writing;
    fixture_new(f, NULL);
    assert_ok(tdm__writing_begin(f->home, "test", &writing, &f->err), &f->err);
    tdm__writing_end(&writing);
}

static void reserved_published_discarded(void **state)
{
    (void)state;
    fixture f;
    char name[16], path[TDM__PATH_MAX];
    tdm__names names;
    fixture_new(&f, NULL);
    assert_ok(tdm__table_names(f.home, &names, &f.err), &f.err); /* no home yet: no tables */
    assert_int_equal(names.n, 0);
    tdm__names_free(&names);
    fixture_close(&f);
    start(&f);
    assert_ok(tdm__table_reserve(f.home, name, path, &f.err), &f.err);
    assert_string_equal(name, "v000001");
    assert_string_equal(path, "/home/tables/v000001/store");
    fixture_put(&f, "tables/v000001/store", "x", 1);
    tdm__table_discard(f.home, name);
    assert_int_equal(fixture_names(&f, "tables"), 0);
    assert_string_equal(table_publish(&f, rows, 3), "v000001");
    tdm__table_discard(f.home, "v000001"); /* a published one stays */
    assert_string_equal(table_publish(&f, rows, 2), "v000002");
    assert_ok(tdm__table_names(f.home, &names, &f.err), &f.err);
    assert_int_equal(names.n, 2);
    assert_string_equal(names.name[0], "v000001");
    assert_string_equal(names.name[1], "v000002");
    tdm__names_free(&names);
    fixture_close(&f);
}

/* What a crash left is nobody's: not listed, swept by the next reservation, and its number is used again. Other names stay. */
static void the_rest_of_a_crash_is_swept(void **state)
{
    (void)state;
    fixture f;
    tdm_table_list *list;
    char name[16], path[TDM__PATH_MAX];
    start(&f);
    table_publish(&f, rows, 3);
    fixture_put(&f, "tables/v000002/store", "half", 4);
    fixture_put(&f, "tables/v000007/store.tmp.1.0", "half", 4);
    fixture_put(&f, "tables/notes/readme", "mine", 4);
    assert_ok(tdm_tables(f.home, &list, &f.err), &f.err);
    assert_int_equal(tdm_table_count(list), 1);
    tdm_table_list_close(&list);
    assert_ok(tdm__table_reserve(f.home, name, path, &f.err), &f.err);
    assert_string_equal(name, "v000002");
    assert_int_equal(fixture_names(&f, "tables/v000002"), 0);
    assert_int_equal(fixture_names(&f, "tables"), 3); /* notes, 1, 2 */
    assert_int_equal(fixture_names(&f, "tables/notes"), 1);
    fixture_close(&f);
}

static void what_was_published_is_read(void **state)
{
    (void)state;
    fixture f;
    tdm_table *t;
    tdm_value v[2];
    start(&f);
    const char *name = table_publish(&f, rows, 3);
    tdm_table_info expect = table_info(name, 3);
    assert_ok(tdm_table_open(f.home, name, &t, &f.err), &f.err);
    const tdm_table_info *info = tdm_table_describe(t);
    assert_string_equal(info->release, expect.release);
    assert_string_equal(info->service, expect.service);
    assert_string_equal(info->run, expect.run);
    assert_string_equal(info->population, "flights");
    assert_true(info->rows == 3 && info->rows_in == 6 && info->rows_quarantined == 3 && info->as_of_us == -5 &&
                info->created_us == expect.created_us && info->snapshot == 77 && info->n_key == 2 && info->n_predictions == 2);
    assert_string_equal(info->key[1], "flight");
    assert_string_equal(info->prediction[1], "late_raw");
    assert_int_equal(info->n_gates, 1);
    assert_memory_equal(&info->gate[0], &expect.gate[0], sizeof info->gate[0]);
    assert_true(info->mean[0] == 1.125 / 3 && isinf(info->mean[1]));
    assert_true(t->spread[0].low == 0 && t->spread[0].high == 1 && isinf(t->spread[1].low) && t->spread[0].bin[16] == 1);
    assert_ok(tdm_table_get(t, tdm__str("1|b"), v, &f.err), &f.err);
    assert_true(v[0].as.f64 == 0.125 && v[1].as.f64 == 5e-324);
    assert_status(tdm_table_get(t, tdm__str("3|b"), v, &f.err), TDM_NOT_FOUND, &f.err);
    assert_string_equal(f.err.found, "\"3|b\"");
    assert_ok(tdm_table_verify(t, &f.err), &f.err);
    tdm_table_close(&t);
    assert_null(t);
    tdm_table_close(&t);
    fixture_close(&f);
}

static void found_by_name_and_release(void **state)
{
    (void)state;
    static const struct { const char *name; tdm_status status; } names[] = {
        {"v000001", TDM_OK}, {"late-flights/v000001", TDM_OK}, {"aaaaaaaa/v000001", TDM_OK},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/v000001", TDM_OK}, {"aaaaaaa/v000001", TDM_NOT_FOUND},
        {"aaaaaaab/v000001", TDM_NOT_FOUND}, {"late/v000001", TDM_NOT_FOUND}, {"/v000001", TDM_NOT_FOUND}, {"v000002", TDM_NOT_FOUND},
        {"v1", TDM_NOT_FOUND}, {"", TDM_NOT_FOUND}, {"late-flights/", TDM_NOT_FOUND}, {"x/../v000001", TDM_NOT_FOUND}, {"v00000a", TDM_NOT_FOUND},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/v000001", TDM_NOT_FOUND}};
    fixture f;
    start(&f);
    table_publish(&f, rows, 3);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tdm_table *t;
        assert_status(tdm_table_open(f.home, names[i].name, &t, &f.err), names[i].status, &f.err);
        assert_int_equal(t != NULL, names[i].status == TDM_OK);
        tdm_table_close(&t);
    }
    fixture_close(&f);
}

static void another_store_is_refused(void **state)
{
    (void)state;
    fixture f;
    tdm_table *t;
    char digest[17];
    start(&f);
    table_publish(&f, rows, 3);
    table_publish(&f, rows, 2);
    table_store(&f, "/home/tables/v000001/store", rows + 1, 2, digest);
    assert_status(tdm_table_open(f.home, "v000001", &t, &f.err), TDM_CORRUPT, &f.err);
    assert_non_null(strstr(f.err.found, digest));
    static const table_row other[] = {{"1|a", 0.25, -1.5}, {"2|b", 0.75, 0}, {"1|b", 0.125, 5e-324}};
    table_store(&f, "/home/tables/v000001/store", other, 3, digest); /* as many rows, one of them of another value */
    assert_status(tdm_table_open(f.home, "v000001", &t, &f.err), TDM_CORRUPT, &f.err);
    tdm__buf manifest = fixture_get(&f, "tables/v000002/manifest");
    fixture_put(&f, "tables/v000001/manifest", manifest.ptr, manifest.len); /* sealed, but of another table */
    tdm__buf_free(&manifest);
    assert_status(tdm_table_open(f.home, "v000001", &t, &f.err), TDM_CORRUPT, &f.err);
    assert_non_null(strstr(f.err.what, "v000002"));
    assert_ok(tdm__remove(f.fs, "/home/tables/v000002/store", &f.err), &f.err);
    assert_status(tdm_table_open(f.home, "v000002", &t, &f.err), TDM_CORRUPT, &f.err);
    fixture_close(&f);
}

static void a_broken_table_is_listed_with_its_error(void **state)
{
    (void)state;
    fixture f;
    tdm_table_list *list;
    start(&f);
    for (size_t i = 1; i <= 3; i++)
        table_publish(&f, rows, i);
    fixture_flip(&f, "tables/v000002/manifest", 60);
    assert_ok(tdm_tables(f.home, &list, &f.err), &f.err);
    assert_int_equal(tdm_table_count(list), 3);
    for (size_t i = 0; i < 3; i++) { /* newest first */
        const tdm_table_info *info = tdm_table_at(list, i, &f.err);
        assert_int_equal(info->name[6], '3' - (char)i);
        assert_int_equal(info->rows, i == 1 ? 0 : 3 - i);
        assert_int_equal(f.err.status, i == 1 ? TDM_CORRUPT : TDM_OK);
    }
    assert_null(tdm_table_at(list, 3, NULL));
    tdm_table_list_close(&list);
    assert_null(list);
    fixture_close(&f);
}

static bool every(const void *self, const tdm_table_info *info)
{
    (void)self;
    (void)info;
    return true;
}

/* Damage is passed over; what might be there but cannot be seen just now is an error, never "there is none". */
static void the_newest(void **state)
{
    (void)state;
    fixture f;
    tdm_table *t;
    start(&f);
    assert_status(tdm__table_newest(f.home, every, NULL, &t, &f.err), TDM_NOT_FOUND, NULL);
    table_publish(&f, rows, 1);
    table_publish(&f, rows, 2);
    assert_ok(tdm__table_newest(f.home, every, NULL, &t, &f.err), &f.err);
    assert_string_equal(t->info.name, "v000002");
    tdm_table_close(&t);
    for (uint64_t n = 1, hit = 1; hit; n++) {
        support_fail_alloc_at(n);
        tdm_status s = tdm__table_newest(f.home, every, NULL, &t, &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
        assert_int_equal(t != NULL, !hit);
        tdm_table_close(&t);
    }
    fixture_flip(&f, "tables/v000002/store", 100);
    assert_ok(tdm__table_newest(f.home, every, NULL, &t, &f.err), &f.err);
    assert_string_equal(t->info.name, "v000001");
    tdm_table_close(&t);
    fixture_close(&f);
}

static void allocations_fail(void **state)
{
    (void)state;
    fixture f;
    tdm_table_list *list = NULL;
    char name[16], path[TDM__PATH_MAX];
    tdm__spread spread[2] = {{0}};
    start(&f);
    table_publish(&f, rows, 3);
    fixture_count_json();
    for (uint64_t n = 1, hit = 1; hit; n++) {
        assert_ok(tdm__table_reserve(f.home, name, path, &f.err), &f.err);
        tdm_table_info info = table_info(name, 3);
        table_store(&f, path, rows, 3, info.digest);
        support_fail_alloc_at(n);
        tdm_status s = tdm__table_publish(f.home, &info, spread, &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (s) {
            assert_true(hit && s == TDM_NO_MEMORY);
            tdm__table_discard(f.home, name);
            continue;
        }
        assert_ok(tdm_tables(f.home, &list, &f.err), &f.err); /* it is whole: all its texts, gates and bins */
        const tdm_table_info *now = tdm_table_at(list, 0, &f.err);
        assert_ok(f.err.status, &f.err);
        assert_true(now->n_key == 2 && now->n_predictions == 2 && now->n_gates == 1);
        tdm_table_list_close(&list);
    }
    fixture_close(&f);
}

/* Whatever a path is made of, the manifest of its table can be written and read. */
static void any_population_can_be_named(void **state)
{
    (void)state;
    fixture f;
    char name[16], path[TDM__PATH_MAX];
    tdm_table *t;
    tdm__spread spread[2] = {{0}};
    start(&f);
    assert_ok(tdm__table_reserve(f.home, name, path, &f.err), &f.err);
    tdm_table_info info = table_info(name, 1);
    info.population = "/data/caf\xe9.csv";
    table_store(&f, path, rows, 1, info.digest);
    assert_ok(tdm__table_publish(f.home, &info, spread, &f.err), &f.err);
    assert_ok(tdm_table_open(f.home, name, &t, &f.err), &f.err);
    assert_string_equal(t->info.population, "/data/caf\xef\xbf\xbd.csv");
    tdm_table_close(&t);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserved_published_discarded),
        cmocka_unit_test(the_rest_of_a_crash_is_swept),
        cmocka_unit_test(what_was_published_is_read),
        cmocka_unit_test(found_by_name_and_release),
        cmocka_unit_test(another_store_is_refused),
        cmocka_unit_test(a_broken_table_is_listed_with_its_error),
        cmocka_unit_test(the_newest),
        cmocka_unit_test(allocations_fail),
        cmocka_unit_test(any_population_can_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
