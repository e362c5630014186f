/* The state: the log replayed to any position gives what was there then; what it does not know it refuses. */
#include "state/state.h"

#include "fixture.h"

static uint64_t append(tdm__writing *w, uint8_t kind, const char *payload)
{
    tdm_error err;
    uint64_t position;
    tdm__frame frame = {.kind = kind, .payload = tdm__str(payload)};
    assert_ok(tdm__log_append(w->log, &frame, 1, &position, &err), &err);
    return position;
}

static void begin(fixture *f, tdm__writing *w)
{
    fixture_new(f, NULL);
    assert_ok(tdm__writing_begin(f->home, "test", w, &f->err), &f->err);
}

static void end(fixture *f, tdm__writing *w)
{
    tdm__writing_end(w);
    fixture_close(f);
}

static const char plane[] = "planes:\n  kind: table\n  key: tail\n  columns: {tail: string}\n";
static const char plane_more[] = "planes:\n  kind: table\n  key: tail\n  columns: {tail: string, year: i64?}\n";
static const char apron[] = "aprons:\n  kind: table\n  key: id\n  columns: {id: i64}\n";
static const char load_1[] = "{\"source\":\"planes\",\"version\":1,\"rows\":10,\"digest\":\"00000000000000aa\",\"loaded_us\":100}";
static const char load_2[] = "{\"source\":\"planes\",\"version\":2,\"rows\":12,\"digest\":\"00000000000000bb\",\"loaded_us\":-200}";
static const char pack_a[] = "{\"id\":\"aaaa\",\"name\":\"late\",\"packed_us\":1}";
static const char pack_b[] = "{\"id\":\"bbbb\",\"name\":\"late\",\"packed_us\":2}";

static tdm__state *read_at(fixture *f, uint64_t position)
{
    tdm__state *state;
    assert_ok(tdm__state_read(f->home, NULL, position, &state, &f->err), &f->err);
    return state;
}

static void an_absent_home_is_an_empty_state(void **s)
{
    (void)s;
    fixture f;
    fixture_new(&f, NULL);
    tdm__state *state = read_at(&f, UINT64_MAX);
    assert_true(state->n == 0 && state->n_releases == 0 && state->position == 0);
    tdm__state_close(&state);
    assert_null(state);
    tdm__state_close(&state);
    fixture_close(&f);
}

static void replayed_up_to_each_position(void **s)
{
    (void)s;
    fixture f;
    tdm__writing w;
    begin(&f, &w);
    uint64_t at[6];
    at[0] = append(&w, TDM__LOG_SOURCE, plane);
    at[1] = append(&w, TDM__LOG_TABLE, load_1);
    at[2] = append(&w, TDM__LOG_SOURCE, plane_more);
    at[3] = append(&w, TDM__LOG_TABLE, load_2);
    at[4] = append(&w, TDM__LOG_SOURCE, apron);
    static const struct { size_t sources, columns; uint64_t version, rows; int64_t loaded; } expect[] = {
        {1, 1, 0, 0, 0}, {1, 1, 1, 10, 100}, {1, 2, 1, 10, 100}, {1, 2, 2, 12, -200}, {2, 2, 2, 12, -200}};
    for (size_t i = 0; i < 5; i++)
        for (uint64_t more = 0; more < 2; more++) { /* a position inside the next frame is the one before it */
            tdm__state *state = read_at(&f, at[i] + more);
            const tdm__source_state *p = tdm__state_find(state, tdm__str("planes"));
            assert_non_null(p);
            assert_int_equal(state->position, at[i]);
            assert_int_equal(state->n, expect[i].sources);
            assert_int_equal(p->source.schema.n, expect[i].columns);
            assert_true(p->version == expect[i].version && p->rows == expect[i].rows && p->loaded_us == expect[i].loaded);
            tdm__state_close(&state);
        }
    tdm__state *state = read_at(&f, UINT64_MAX);
    assert_string_equal(tdm__state_find(state, tdm__str("planes"))->digest, "00000000000000bb");
    assert_true(tdm__str_is(state->source[0].source.name, "aprons")); /* by name */
    assert_null(tdm__state_find(state, tdm__str("plane")));
    tdm__state_close(&state);
    end(&f, &w);
}

static void the_newest_release_is_the_one_packed_last(void **s)
{
    (void)s;
    fixture f;
    tdm__writing w;
    begin(&f, &w);
    append(&w, TDM__LOG_RELEASE, pack_a);
    append(&w, TDM__LOG_RELEASE, pack_b);
    uint64_t two = append(&w, TDM__LOG_RELEASE, "{\"id\":\"aaaa\",\"name\":\"late\",\"packed_us\":3}");
    tdm__state *state = read_at(&f, UINT64_MAX);
    assert_int_equal(state->n_releases, 2);
    assert_string_equal(state->release[0].id, "bbbb");
    assert_string_equal(state->release[1].id, "aaaa");
    assert_int_equal(state->release[1].packed_us, 3);
    tdm__state_close(&state);
    state = read_at(&f, two - 1);
    assert_string_equal(state->release[1].id, "bbbb");
    tdm__state_close(&state);
    end(&f, &w);
}

static void what_cannot_be_read_is_refused(void **s)
{
    (void)s;
    static const struct { uint8_t kind; const char *payload; tdm_status status; } wrong[] = {
        {4, "{}", TDM_UNSUPPORTED},
        {0, "", TDM_UNSUPPORTED},
        {TDM__LOG_SOURCE, "planes: {kind: nothing}", TDM_CORRUPT},
        {TDM__LOG_SOURCE, "", TDM_CORRUPT},
        {TDM__LOG_TABLE, "{\"source\":\"planes\",\"version\":1,\"rows\":1,\"digest\":\"0\",\"loaded_us\":1}", TDM_CORRUPT}, /* undefined */
        {TDM__LOG_TABLE, "no json", TDM_CORRUPT},
        {TDM__LOG_TABLE, "[1]", TDM_CORRUPT},
        {TDM__LOG_RELEASE, "{\"id\":\"a\"}", TDM_CORRUPT},
        {TDM__LOG_RELEASE, "{\"id\":\"a\",\"name\":7,\"packed_us\":1}", TDM_CORRUPT},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fixture f;
        tdm__writing w;
        tdm__state *state;
        begin(&f, &w);
        append(&w, TDM__LOG_SOURCE, apron);
        append(&w, wrong[i].kind, wrong[i].payload);
        assert_status(tdm__state_read(f.home, w.log, UINT64_MAX, &state, &f.err), wrong[i].status, &f.err);
        assert_null(state);
        end(&f, &w);
    }
}

static void sources_are_found_or_suggested(void **s)
{
    (void)s;
    fixture f;
    const tdm__source_state *found;
    fixture_full(&f, NULL, 10);
    tdm__state *state = read_at(&f, UINT64_MAX);
    assert_ok(tdm__state_need(state, tdm__str("planes"), &found, &f.err), &f.err);
    assert_status(tdm__state_need(state, tdm__str("plains"), &found, &f.err), TDM_NOT_FOUND, &f.err);
    assert_string_equal(f.err.hint, "did you mean 'planes'?");
    assert_status(tdm__state_need(state, tdm__str("weather"), &found, &f.err), TDM_NOT_FOUND, &f.err);
    assert_non_null(strstr(f.err.hint, "source list"));
    tdm__source_catalog catalog = tdm__state_catalog(state);
    assert_int_equal(catalog.n_names, 2);
    assert_string_equal(catalog.names[0], "flights");
    assert_true(catalog.find(catalog.self, tdm__str("planes")) == &tdm__state_find(state, tdm__str("planes"))->source);
    tdm__state_close(&state);
    fixture_close(&f);
}

/* A store that is not the one that was logged is never read as if it were. */
static void another_store_is_corrupt(void **s)
{
    (void)s;
    fixture f;
    tdm__store *store;
    fixture_full(&f, NULL, 10);
    fixture_load(&f, "flights", "flight,distance,hour\nf000003,5,6\n");
    tdm__state *state = read_at(&f, UINT64_MAX);
    const tdm__source_state *flights = tdm__state_find(state, tdm__str("flights"));
    assert_ok(tdm__state_open_store(state, flights, &store, &f.err), &f.err);
    assert_int_equal(tdm__store_rows(store), 10);
    tdm__store_close(&store);
    tdm__buf older = fixture_get(&f, "sources/flights/000001.store");
    fixture_put(&f, "sources/flights/000002.store", older.ptr, older.len);
    tdm__buf_free(&older);
    assert_status(tdm__state_open_store(state, flights, &store, &f.err), TDM_CORRUPT, &f.err);
    assert_null(store);
    assert_ok(tdm__remove(f.fs, "/home/sources/flights/000002.store", &f.err), &f.err);
    assert_status(tdm__state_open_store(state, flights, &store, &f.err), TDM_CORRUPT, &f.err); /* it was loaded, and is gone */
    tdm__state_close(&state);
    fixture_close(&f);
}

static void definitions_evolve(void **s)
{
    (void)s;
    fixture f;
    tdm_source_added added;
    tdm_source_list *list;
    fixture_new(&f, NULL);
    fixture_add_sources(&f, plane);
    const char *both = fixture_file(&f, "both.yaml", fixture_print("%s%s", plane_more, apron));
    assert_ok(tdm_source_add(f.home, both, NULL, &added, &f.err), &f.err);
    assert_true(added.added == 1 && added.evolved == 1 && added.unchanged == 0);
    assert_ok(tdm_source_add(f.home, both, NULL, &added, &f.err), &f.err);
    assert_true(added.added == 0 && added.evolved == 0 && added.unchanged == 2);
    /* one of two is refused: neither is added */
    const char *bad = fixture_file(&f, "bad.yaml", fixture_print("new:\n  kind: table\n  key: a\n  columns: {a: string}\n%s", plane));
    assert_status(tdm_source_add(f.home, bad, NULL, &added, &f.err), TDM_REFUSED, &f.err);
    assert_true(added.added == 0 && added.evolved == 0);
    assert_ok(tdm_sources(f.home, &list, &f.err), &f.err);
    assert_int_equal(tdm_source_count(list), 2);
    const tdm_source_info *info = tdm_source_at(list, 1);
    assert_string_equal(info->name, "planes");
    assert_int_equal(info->n_columns, 2);
    assert_string_equal(info->column[1].type, "i64?");
    assert_true(info->column[0].key && !info->column[1].key && info->version == 0 && info->loaded_us == 0);
    assert_null(tdm_source_at(list, 2));
    tdm_source_list_close(&list);
    tdm_source_list_close(&list);
    bad = fixture_file(&f, "bad.yaml", "planes: {kind: tabel}\n");
    tdm_diagnostics *all = tdm_diagnostics_new();
    assert_status(tdm_source_add(f.home, bad, all, &added, &f.err), TDM_MANIFEST, &f.err);
    assert_true(tdm_diagnostics_count(all) > 0);
    assert_non_null(strstr(f.err.where, "bad.yaml:1:"));
    tdm_diagnostics_close(&all);
    fixture_close(&f);
}

/* Of the library's allocations each gives TDM_NO_MEMORY. Jansson's may also look like bad text, or be of no consequence; what is
 * read is never another state. */
static void allocations_fail(void **s)
{
    (void)s;
    fixture f;
    fixture_full(&f, NULL, 10);
    for (int json = 0; json < 2; json++)
        for (uint64_t n = 1, hit = 1; hit; n++) {
            tdm__state *state = NULL;
            tdm_source_list *list = NULL;
            if (json && n == 1)
                fixture_count_json();
            support_fail_alloc_at(n);
            tdm_status status = tdm__state_read(f.home, NULL, UINT64_MAX, &state, &f.err);
            if (!status)
                status = tdm_sources(f.home, &list, &f.err);
            hit = support_alloc_failed();
            support_fail_alloc_at(0);
            if (!json || (status && status != TDM_CORRUPT))
                assert_status(status, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
            assert_true(status || (state->n == 2 && state->n_releases == 1 && state->source[0].rows == 10));
            tdm__state_close(&state);
            tdm_source_list_close(&list);
        }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_home_is_an_empty_state),
        cmocka_unit_test(replayed_up_to_each_position),
        cmocka_unit_test(the_newest_release_is_the_one_packed_last),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(sources_are_found_or_suggested),
        cmocka_unit_test(another_store_is_corrupt),
        cmocka_unit_test(definitions_evolve),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
