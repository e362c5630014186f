/* Releases of a home: named by id, prefix and name; the newest of a name; checked, packed, opened, listed. */
#include "fixture.h"
#include "release/releases.h"

static void add(tdm__state *state, const char *id, const char *name)
{
    tdm__release_state *r = &state->release[state->n_releases++];
    memset(r->id, '0', 64);
    r->id[64] = 0;
    memcpy(r->id, id, strlen(id));
    snprintf(r->name, sizeof r->name, "%s", name);
}

static void resolved_by_id_prefix_and_name(void **state)
{
    (void)state;
    tdm__release_state list[4];
    tdm__state s = {.release = list};
    tdm_error err;
    char id[65], whole[65];
    add(&s, "11111111a", "late");
    add(&s, "11111111b", "early");
    add(&s, "2222222222", "late");
    add(&s, "33333333", "11111111a0"); /* a name that looks like a prefix: names win */
    assert_ok(tdm__release_resolve(&s, "late", id, &err), &err);
    assert_memory_equal(id, "22222222220", 11); /* the one packed last */
    assert_ok(tdm__release_resolve(&s, "early", id, &err), &err);
    assert_memory_equal(id, "11111111b", 9);
    memcpy(whole, list[0].id, 65);
    assert_ok(tdm__release_resolve(&s, whole, id, &err), &err);
    assert_string_equal(id, whole);
    assert_ok(tdm__release_resolve(&s, "11111111b", id, &err), &err);
    assert_memory_equal(id, "11111111b", 9);
    assert_ok(tdm__release_resolve(&s, "22222222", id, &err), &err);
    assert_ok(tdm__release_resolve(&s, "2", id, &err), &err); /* however short, while it is one's only */
    assert_memory_equal(id, "22222222220", 11);
    assert_ok(tdm__release_resolve(&s, "11111111a0", id, &err), &err);
    assert_memory_equal(id, "333", 3);
    assert_status(tdm__release_resolve(&s, "11111111", id, &err), TDM_NOT_FOUND, &err);
    assert_string_equal(err.what, "2 releases begin with these digits");
    static const char *const wrong[] = {"4", "", "222222223", "LATE"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_status(tdm__release_resolve(&s, wrong[i], id, &err), TDM_NOT_FOUND, &err);
    char longer[66];
    snprintf(longer, sizeof longer, "%s0", whole);
    assert_status(tdm__release_resolve(&s, longer, id, &err), TDM_NOT_FOUND, &err);
    assert_status(tdm__release_resolve(&s, "ealry", id, &err), TDM_NOT_FOUND, &err);
    assert_string_equal(err.hint, "did you mean 'early'?");
    s.n_releases = 0;
    assert_status(tdm__release_resolve(&s, "late", id, &err), TDM_NOT_FOUND, &err);
    assert_non_null(strstr(err.hint, "release pack"));
}

static void packed_listed_opened(void **state)
{
    (void)state;
    fixture f;
    tdm_release *r;
    tdm_release_entry *list;
    char first[65];
    size_t n;
    fixture_full(&f, NULL, 5);
    memcpy(first, f.id, sizeof first);
    fixture_pack(&f, NULL, NULL); /* packing again changes nothing */
    assert_string_equal(f.id, first);
    assert_ok(tdm_release_list(f.home, &list, &n, &f.err), &f.err);
    assert_int_equal(n, 1);
    assert_false(list[0].current);
    int64_t packed_us = list[0].packed_us;
    tdm_release_entries_free(&list);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", "late: 43"), NULL);
    assert_string_not_equal(f.id, first);
    assert_ok(tdm_release_list(f.home, &list, &n, &f.err), &f.err);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].id, f.id); /* newest first */
    assert_string_equal(list[1].id, first);
    assert_int_equal(list[1].packed_us, packed_us);
    tdm_release_entries_free(&list);
    assert_ok(tdm_release_open(f.home, "late", &r, &f.err), &f.err);
    assert_string_equal(tdm_release_describe(r)->id, f.id);
    tdm_release_close(&r);
    /* packing the older one again makes it the newest of its name */
    fixture_pack(&f, NULL, NULL);
    assert_ok(tdm_release_open(f.home, "late", &r, &f.err), &f.err);
    assert_string_equal(tdm_release_describe(r)->id, first);
    assert_true(tdm_release_describe(r)->packed_us >= packed_us);
    tdm_release_close(&r);
    assert_ok(tdm_release_list(f.home, &list, &n, &f.err), &f.err);
    assert_int_equal(n, 2);
    tdm_release_entries_free(&list);
    fixture_close(&f);
}

static void described(void **state)
{
    (void)state;
    fixture f;
    tdm_release *r;
    fixture_full(&f, NULL, 5);
    assert_ok(tdm_release_open(f.home, f.id, &r, &f.err), &f.err);
    const tdm_release_info *info = tdm_release_describe(r);
    assert_string_equal(info->name, "late");
    assert_string_equal(info->entity, "flight");
    assert_true(info->n_key == 1 && info->n_features == 6 && info->n_models == 2 && info->n_predictions == 1);
    assert_string_equal(info->key[0], "flight");
    assert_string_equal(info->feature[3].definition, "column planes.year");
    assert_true(info->feature[3].has_default && !info->feature[3].required && info->feature[2].required);
    assert_string_equal(info->feature[4].definition, "expr 2013 - year");
    assert_string_equal(info->feature[5].definition, "request");
    assert_string_equal(info->feature[1].type, "f64? mi");
    assert_string_equal(info->prediction[0].model, "main");
    assert_true(info->prediction[0].low == 0 && info->prediction[0].high == 1e9);
    assert_int_equal(info->model[0].n_inputs, 4);
    size_t found = 0;
    for (size_t i = 0; i < info->n_settings; i++)
        if (!strcmp(info->setting[i].name, "online.rungs"))
            found += !strcmp(info->setting[i].text, "fresh, defaulted (at most 2), simple, table, prior");
        else if (!strcmp(info->setting[i].name, "batch.gates.coverage"))
            found += !strcmp(info->setting[i].text, "50%");
    assert_int_equal(found, 2);
    for (size_t i = 0; i < info->n_files; i++)
        assert_int_equal(strlen(info->file[i].sha256), 64);
    tdm_release_close(&r);
    tdm_release_close(&r);
    fixture_close(&f);
}

static void checking_changes_nothing(void **state)
{
    (void)state;
    fixture f;
    tdm_release *r;
    tdm_diagnostics *all = tdm_diagnostics_new();
    fixture_full(&f, NULL, 5);
    uint64_t calls = tdm__fs_sim_calls(f.fs);
    const char *yaml = fixture_edit(fixture_release_yaml, "flights.hour", "flights.huor");
    const char *dir = fixture_release_dir(&f, "bad", fixture_edit(yaml, "2013 - year", "2013 - yaer"), NULL);
    calls = tdm__fs_sim_calls(f.fs);
    assert_status(tdm_release_check(f.home, dir, all, &r, &f.err), TDM_MANIFEST, &f.err);
    assert_null(r);
    assert_int_equal(tdm_diagnostics_count(all), 2); /* all of them at once */
    dir = fixture_release_dir(&f, "good", NULL, NULL);
    calls = tdm__fs_sim_calls(f.fs);
    assert_ok(tdm_release_check(f.home, dir, NULL, &r, &f.err), &f.err);
    assert_int_equal(tdm_release_describe(r)->packed_us, 0);
    tdm_release_close(&r);
    assert_ok(tdm_release_check(f.home, dir, NULL, NULL, &f.err), &f.err);
    assert_int_equal(tdm__fs_sim_calls(f.fs), calls);
    assert_status(tdm_release_pack(f.home, "/releases/bad", NULL, &r, &f.err), TDM_MANIFEST, &f.err);
    tdm_diagnostics_close(&all);
    fixture_close(&f);
}

static void a_damaged_release_is_refused(void **state)
{
    (void)state;
    fixture f;
    tdm_release *r;
    fixture_full(&f, NULL, 5);
    fixture_flip(&f, fixture_print("releases/%s/main.json", f.id), 20);
    assert_status(tdm_release_open(f.home, "late", &r, &f.err), TDM_CORRUPT, &f.err);
    assert_null(r);
    assert_non_null(strstr(f.err.where, "main.json"));
    fixture_close(&f);
}

static void allocations_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_full(&f, NULL, 5);
    for (uint64_t n = 1, hit = 1; hit; n += 1 + n / 100) {
        tdm_release *r = NULL;
        tdm_release_entry *list = NULL;
        size_t count;
        support_fail_alloc_at(n);
        tdm_status s = tdm_release_open(f.home, "late", &r, &f.err);
        if (!s)
            s = tdm_release_list(f.home, &list, &count, &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
        tdm_release_close(&r);
        tdm_release_entries_free(&list);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolved_by_id_prefix_and_name),
        cmocka_unit_test(packed_listed_opened),
        cmocka_unit_test(described),
        cmocka_unit_test(checking_changes_nothing),
        cmocka_unit_test(a_damaged_release_is_refused),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
