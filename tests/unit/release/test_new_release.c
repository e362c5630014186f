/* Starter folders: they pack as they are and predict, whatever the model calls its inputs. */
#include "fixture.h"
#include "release/releases.h"

typedef struct home_of {
    fixture f;
    const char *dir; /* a folder of the real disk to make releases in */
} home_of;

/* tandem new writes to the real disk, so the home is there too. */
static home_of start(void)
{
    home_of h;
    fixture_new(&h.f, tdm__fs_posix());
    h.dir = support_temp_dir();
    return h;
}

static tdm_status make(home_of *h, const char *name, const char *model_name, const char *model)
{
    const char *path = fixture_file(&h->f, model_name, model);
    return tdm_release_new(fixture_print("%s/%s", h->dir, name), path, NULL, &h->f.err);
}

static void pack(home_of *h, const char *name)
{
    tdm_release *r;
    assert_ok(tdm_release_pack(h->f.home, fixture_print("%s/%s", h->dir, name), NULL, &r, &h->f.err), &h->f.err);
    memcpy(h->f.id, tdm_release_describe(r)->id, 65);
    tdm_release_close(&r);
}

static const char *answer(home_of *h, const tdm_named_text *set, size_t n_set)
{
    static char text[2048];
    size_t len;
    tdm_predictor *p;
    tdm_named_text key = {tdm__str("row"), tdm__str("1")};
    tdm_question q = {.key = &key, .n_keys = 1, .set = set, .n_set = n_set};
    assert_ok(tdm_predictor_open(h->f.home, h->f.id, &p, &h->f.err), &h->f.err);
    assert_ok(tdm_predict(p, &q, text, sizeof text, &len, &h->f.err), &h->f.err);
    tdm_predictor_close(&p);
    return text;
}

static void packs_and_predicts(void **state)
{
    (void)state;
    home_of h = start();
    tdm_run_report report;
    assert_ok(make(&h, "my-model", "m.json", "{\"kind\":\"linear\",\"inputs\":[\"x\",\"y\"],\"weights\":[2,3],\"intercept\":1}"), &h.f.err);
    pack(&h, "my-model");
    tdm_named_text set[] = {{tdm__str("x"), tdm__str("10")}, {tdm__str("y"), tdm__str("100")}};
    assert_non_null(strstr(answer(&h, set, 2), "\"rung\":\"fresh\",\"prediction\":{\"prediction\":321}"));
    const char *rows = fixture_file(&h.f, "rows.csv", "row,x,y\na,1,2\nb,3,4\n");
    assert_ok(tdm_run(h.f.home, "my-model", &(tdm_run_options){.population = rows}, &report, &h.f.err), &h.f.err);
    assert_string_equal(fixture_export(&h.f, report.table, TDM_EXPORT_CSV), "row,prediction\na,9\nb,19\n");
    assert_status(make(&h, "my-model", "m.json", "{}"), TDM_EXISTS, &h.f.err);
    fixture_close(&h.f);
}

/* Names that a manifest cannot have, that YAML would read otherwise, and that are taken already. */
static void any_input_name(void **state)
{
    (void)state;
    static const char *const names[] = {"a b", "x[0]", "it's", "9th", "null", "true", "-", "a.b", "row", "input_0", "\xc3\xa9t\xc3\xa9", "#", "a: b",
                                        "y", "\"q\"", "tab\\there", "input_1", "1e3", "~", "entity"};
    enum { N = sizeof names / sizeof *names };
    home_of h = start();
    tdm__buf model = {0};
    tdm_named_text set[N];
    char value[N][16];
    tdm_release *r;
    double expect = 0;
    tdm__buf_text(&model, "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[");
    for (size_t i = 0; i < N; i++) {
        tdm__buf_text(&model, i ? "," : "");
        tdm__buf_json_text(&model, tdm__str(names[i]));
    }
    tdm__buf_text(&model, "],\"weights\":[");
    for (size_t i = 0; i < N; i++)
        tdm__buf_printf(&model, "%s%d", i ? "," : "", 1 << i);
    tdm__buf_text(&model, "],\"intercept\":0}");
    assert_ok(make(&h, "odd names", "model's.json", tdm__buf_z(&model)), &h.f.err);
    tdm__buf_free(&model);
    pack(&h, "odd names");
    assert_ok(tdm_release_open(h.f.home, h.f.id, &r, &h.f.err), &h.f.err);
    const tdm_release_info *info = tdm_release_describe(r);
    assert_string_equal(info->name, "odd_names");
    assert_int_equal(info->n_features, N);
    for (size_t i = 0; i < N; i++) { /* each input is a feature of its own */
        snprintf(value[i], sizeof value[i], "%zu", i + 1);
        if (strcmp(names[i], "row") != 0) /* the key's name */
            assert_string_equal(info->feature[i].name, names[i]);
        set[i] = (tdm_named_text){tdm__str(info->feature[i].name), tdm__str(value[i])};
        expect += (double)(i + 1) * (1 << i);
    }
    assert_non_null(strstr(answer(&h, set, N), fixture_print("\"prediction\":{\"prediction\":%.0f}", expect)));
    tdm_release_close(&r);
    fixture_close(&h.f);
}

/* A CSV with the model's own column names is scored with nothing in between, whatever the names. */
static void columns_of_any_name(void **state)
{
    (void)state;
    home_of h = start();
    tdm_run_report report;
    assert_ok(make(&h, "air", "m.json", "{\"kind\":\"linear\",\"inputs\":[\"PM2.5\",\"0\",\"a, \\u00e9\"],"
                                        "\"weights\":[2,3,5],\"intercept\":1}"), &h.f.err);
    pack(&h, "air");
    const char *rows = fixture_file(&h.f, "rows.csv", "\"a, \xc3\xa9\",0,row,PM2.5\n100,10,a,1\n");
    assert_ok(tdm_run(h.f.home, "air", &(tdm_run_options){.population = rows}, &report, &h.f.err), &h.f.err);
    assert_string_equal(fixture_export(&h.f, report.table, TDM_EXPORT_CSV), "row,prediction\na,533\n");
    fixture_close(&h.f);
}

/* What breaks a line, or would be read otherwise from the manifest, gets a name of ours. */
static void names_of_ours(void **state)
{
    (void)state;
    static const char *const names[] = {"a\\nb", "\\u0085", "\\u2028x", "x\\u007f", "\\ufeff"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        home_of h = start();
        const char *model = fixture_print("{\"kind\":\"linear\",\"inputs\":[\"%s\"],\"weights\":[2],\"intercept\":1}", names[i]);
        assert_ok(make(&h, "odd", "m.json", model), &h.f.err);
        char *text = support_read_file(fixture_print("%s/odd/release.yaml", h.dir), NULL);
        assert_non_null(strstr(text, "  input_0: {request: f64?}\n"));
        support_free(text);
        fixture_close(&h.f);
    }
}

static void several_outputs(void **state)
{
    (void)state;
    home_of h = start();
    assert_ok(make(&h, "two", "m.json", "{\"kind\":\"linear\",\"inputs\":[\"x\"],\"weights\":[[2],[3]],\"intercept\":[0,1]}"), &h.f.err);
    pack(&h, "two");
    tdm_named_text set = {tdm__str("x"), tdm__str("4")};
    assert_non_null(strstr(answer(&h, &set, 1), "{\"prediction_0\":8,\"prediction_1\":13}"));
    fixture_close(&h.f);
}

static void a_framework_model(void **state)
{
    (void)state;
    home_of h = start();
    const char *model = support_path(support_source_root(), "tests/parity/data/multiclass-v4.txt");
    assert_ok(tdm_release_new(fixture_print("%s/trees", h.dir), model, NULL, &h.f.err), &h.f.err);
    pack(&h, "trees");
    fixture_close(&h.f);
}

/* A folder takes the model's own file name, unless that is one of the others'. */
static void file_names(void **state)
{
    (void)state;
    static const char linear[] = "{\"kind\":\"linear\",\"inputs\":[\"x\"],\"weights\":[2],\"intercept\":0}";
    static const char *const names[] = {"release.yaml", "README.md", "with space.json", "new\nline.json", "-.json", "zones", "MANIFEST",
                                        "sources.txt", "caf\xe9.json"};
    home_of h = start();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *dir = fixture_print("d%zu", i);
        assert_ok(make(&h, dir, names[i], linear), &h.f.err);
        pack(&h, dir);
        tdm_named_text set = {tdm__str("x"), tdm__str("4")};
        assert_non_null(strstr(answer(&h, &set, 1), "{\"prediction\":8}"));
    }
    fixture_close(&h.f);
}

static void what_is_no_model(void **state)
{
    (void)state;
    home_of h = start();
    assert_status(make(&h, "none", "m.json", "no model"), TDM_UNSUPPORTED, &h.f.err);
    assert_false(tdm__exists(tdm__fs_posix(), fixture_print("%s/none", h.dir)));
    assert_status(tdm_release_new(fixture_print("%s/none", h.dir), "/no/such/file", NULL, &h.f.err), TDM_NOT_FOUND, &h.f.err);
    fixture_close(&h.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packs_and_predicts),
        cmocka_unit_test(any_input_name),
        cmocka_unit_test(columns_of_any_name),
        cmocka_unit_test(names_of_ours),
        cmocka_unit_test(several_outputs),
        cmocka_unit_test(a_framework_model),
        cmocka_unit_test(file_names),
        cmocka_unit_test(what_is_no_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
