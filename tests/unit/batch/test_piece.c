/* Pieces: records for the table, lines for the quarantine, and every row in exactly one of the two. */
#include "../engine/engine_desk.h"
#include "batch/piece.h"

typedef struct bench {
    fixture f;
    desk d;
    tdm__population p;
    tdm__scorer *scorer;
    tdm__piece piece;
} bench;

static void open_bench(bench *b, const char *file)
{
    *b = (bench){0};
    fixture_full(&b->f, NULL, 3000);
    desk_open(&b->d, &b->f);
    assert_ok(tdm__population_open(&b->p, b->d.engine, file ? tdm__fs_posix() : b->f.fs, file, &b->f.err), &b->f.err);
    assert_ok(tdm__scorer_new(b->d.engine, &b->p, "run-1", fixture_as_of_us, &b->scorer, &b->f.err), &b->f.err);
    assert_ok(tdm__population_next(&b->p, &b->piece.input, &b->f.err), &b->f.err);
    tdm__scorer_run(b->scorer, &b->piece);
    assert_ok(b->piece.status, &b->piece.error);
    assert_int_equal(b->piece.rows, b->piece.n_records + b->piece.rows_quarantined);
    uint64_t coded = 0;
    for (size_t i = 0; i < TDM_STATUS_COUNT; i++)
        coded += b->piece.code[i];
    assert_int_equal(coded, b->piece.rows_quarantined);
}

static void close_bench(bench *b)
{
    tdm__piece_free(&b->piece);
    tdm__scorer_close(&b->scorer);
    assert_null(b->scorer);
    tdm__population_close(&b->p);
    desk_close(&b->d);
    fixture_close(&b->f);
}

/* The piece's records, by way of a store: "key=value tag" a line. */
static const char *records(bench *b)
{
    static char text[8192];
    tdm__store_builder *builder;
    tdm__store *store;
    tdm__store_cursor cursor;
    tdm__record record;
    size_t n = 0, i = 0;
    tdm_error *err = &b->f.err;
    assert_ok(tdm__store_builder_new(b->f.fs, "/s", &b->d.package->prediction, NULL, &builder, err), err);
    assert_ok(tdm__store_builder_add_encoded(builder, tdm__strn(b->piece.records.ptr, b->piece.records.len), b->piece.n_records,
                                             b->piece.tag, err), err);
    assert_ok(tdm__store_builder_finish(&builder, (tdm_str){0}, err), err);
    assert_ok(tdm__store_open(b->f.fs, "/s", &store, err), err);
    assert_ok(tdm__store_seek(store, 0, &cursor, err), err);
    for (text[0] = 0; !tdm__store_next(&cursor, &record, err); i++) {
        tdm_value v;
        tdm__record_value(&record, 0, &v);
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s=%.0f %d\n", (int)record.key.len, record.key.ptr, v.as.f64,
                              (int)b->piece.tag[i]);
        assert_true(n < sizeof text);
    }
    tdm__store_close(&store);
    return text;
}

static void good_and_bad_rows_of_a_file(void **state)
{
    (void)state;
    bench b;
    fixture f = {.files = support_temp_dir()};
    char key[16];
    fixture_key(7, key);
    const char *path = fixture_file(&f, "p.csv", fixture_print("flight,cabin,zz\n%s,1,\nf000001,x,\n,1,\nf000002,,\nnobody,1,\n\"\",1,\nf000003,101,\n"
                                                               "f000004,nan,\nf000005,1\nf000006,2,\n", key));
    open_bench(&b, path);
    assert_string_equal(records(&b), fixture_print("f000007=%.0f 1\nf000002=%.0f 4\nf000006=%.0f 10\n", fixture_late(7, 1), fixture_late(2, 0),
                                                   fixture_late(6, 2)));
    static const struct { tdm_status code; int row; const char *stage; } bad[] = {
        {TDM_FIELD_TYPE, 2, "read"},         {TDM_FIELD_NULL, 3, "read"},         {TDM_FEATURE_MISSING, 5, "features"}, {TDM_KEY_MISSING, 6, "key"},
        {TDM_PREDICTION_RANGE, 7, "prediction"}, {TDM_PREDICTION_NAN, 8, "prediction"}, {TDM_CSV_WIDTH, 9, "read"}};
    tdm__buf_char(&b.piece.quarantine, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *part = fixture_print("\"row\":%d,\"line\":%d,", bad[i].row, bad[i].row + 1), *at = strstr(b.piece.quarantine.ptr, part);
        if (!at)
            fail_msg("there is no %s in\n%s", part, b.piece.quarantine.ptr);
        const char *line = fixture_print("%.*s", (int)strcspn(at, "\n"), at);
        part = fixture_print("\"stage\":\"%s\",\"code\":\"%s\"", bad[i].stage, tdm_status_name(bad[i].code));
        if (!strstr(line, part))
            fail_msg("there is no %s in\n%s", part, line);
        assert_int_equal(b.piece.code[bad[i].code], 1);
    }
    assert_int_equal(b.piece.rows_quarantined, 7);
    close_bench(&b);
}

static void rows_of_a_source(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, NULL);
    assert_int_equal(b.piece.rows, 3000);
    assert_int_equal(b.piece.n_records, 3000);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(b.piece.tag[i], i + 1);
    assert_int_equal(b.piece.quarantine.len, 0);
    close_bench(&b);
    /* a flight without an hour: its row's number, and its record as the bytes */
    fixture_full(&b.f, NULL, 3);
    fixture_load(&b.f, "flights", "flight,distance\nno-hour,5\n");
    desk_open(&b.d, &b.f);
    b.piece = (tdm__piece){0};
    assert_ok(tdm__population_open(&b.p, b.d.engine, b.f.fs, NULL, &b.f.err), &b.f.err);
    assert_ok(tdm__scorer_new(b.d.engine, &b.p, "run-1", fixture_as_of_us, &b.scorer, &b.f.err), &b.f.err);
    assert_ok(tdm__population_next(&b.p, &b.piece.input, &b.f.err), &b.f.err);
    tdm__scorer_run(b.scorer, &b.piece);
    assert_true(b.piece.n_records == 3 && b.piece.rows == 4 && b.piece.code[TDM_FEATURE_MISSING] == 1);
    tdm__buf_char(&b.piece.quarantine, 0);
    assert_non_null(strstr(b.piece.quarantine.ptr, "\"file\":\"flights\",\"row\":4,\"line\":0,\"offset\":0,"
                           "\"bytes\":\"{\\\"flight\\\":\\\"no-hour\\\",\\\"distance\\\":5}\",\"stage\":\"features\""));
    close_bench(&b);
}

/* A piece's memory is used again for the next: nothing of the one before shows. */
static void a_piece_is_used_again(void **state)
{
    (void)state;
    bench b;
    tdm__piece other = {0};
    fixture f = {.files = support_temp_dir()};
    open_bench(&b, fixture_file(&f, "p.csv", "flight,cabin\nf000001,1\nf000002,x\n"));
    tdm__buf first = {0};
    tdm__buf_add(&first, b.piece.records.ptr, b.piece.records.len);
    tdm__scorer_run(b.scorer, &b.piece);
    assert_int_equal(b.piece.records.len, first.len);
    assert_memory_equal(b.piece.records.ptr, first.ptr, first.len);
    assert_true(b.piece.rows == 2 && b.piece.rows_quarantined == 1 && b.piece.code[TDM_FIELD_TYPE] == 1);
    tdm__buf_free(&first);
    tdm__piece_free(&other);
    close_bench(&b);
}

/* Request fields come from the population's columns of the same names; a column of another type, were it only a decimal of
 * other digits, is refused and never read as if it were the same. */
static void request_fields_from_the_source(void **state)
{
    (void)state;
    static const struct { const char *type; tdm_status status; double x; } types[] = {
        {"decimal(12,2)?", TDM_OK, 1257.125}, {"decimal(10,2)?", TDM_OK, 1257.125}, {"decimal(12,3)?", TDM_MISMATCH, 0}, {"f64?", TDM_MISMATCH, 0},
        {"decimal(12,2)", TDM_OK, 1257.125}, {"decimal(12,2)'}\n  none: {request: 'string", TDM_MISMATCH, 0}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        bench b = {0};
        fixture_new(&b.f, NULL);
        fixture_add_sources(&b.f, "items:\n  kind: table\n  key: id\n  columns: {id: string, price: 'decimal(12,2)', other: 'decimal(12,3)'}\n");
        fixture_load(&b.f, "items", "id,price,other\na,1.25,7.125\n");
        fixture_pack(&b.f, fixture_print("name: i\nentity: item\nfeatures:\n  price: {request: '%s'}\n  other: {request: 'decimal(12,3)?'}\n"
                                         "models: {main: {file: main.json}}\nprediction: {x: {model: main}}\nbatch: {population: items}\n",
                                         types[i].type),
                     "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[\"price\",\"other\"],\"weights\":[1000,1],\"intercept\":0}");
        desk_open(&b.d, &b.f);
        tdm_status s = tdm__population_open(&b.p, b.d.engine, b.f.fs, NULL, &b.f.err);
        assert_status(s, types[i].status, &b.f.err);
        if (!s) {
            assert_ok(tdm__scorer_new(b.d.engine, &b.p, "r", 0, &b.scorer, &b.f.err), &b.f.err);
            assert_ok(tdm__population_next(&b.p, &b.piece.input, &b.f.err), &b.f.err);
            tdm__scorer_run(b.scorer, &b.piece);
            assert_ok(b.piece.status, &b.piece.error);
            assert_true(tdm__worker_predictions(tdm__scorer_worker(b.scorer))[0] == types[i].x);
        } else {
            assert_string_equal(strstr(types[i].type, "none") ? b.f.err.expected : b.f.err.found,
                                strstr(types[i].type, "none") ? "a column 'none'" : "decimal(12,2)");
        }
        close_bench(&b);
    }
}

static void allocations_fail(void **state)
{
    (void)state;
    bench b;
    fixture f = {.files = support_temp_dir()};
    open_bench(&b, fixture_file(&f, "p.csv", "flight,cabin\nf000001,1\nf000002,x\nf000003,\n"));
    for (uint64_t n = 1, hit = 1; hit; n++) {
        tdm__scorer *scorer;
        tdm__piece piece = {.input = b.piece.input};
        support_fail_alloc_at(n);
        tdm_status s = tdm__scorer_new(b.d.engine, &b.p, "run-1", fixture_as_of_us, &scorer, &b.f.err);
        if (!s) {
            tdm__scorer_run(scorer, &piece);
            s = piece.status;
        }
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &b.f.err);
        tdm__scorer_close(&scorer);
        piece.input = (tdm__piece_input){0};
        tdm__piece_free(&piece);
    }
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_and_bad_rows_of_a_file),
        cmocka_unit_test(rows_of_a_source),
        cmocka_unit_test(a_piece_is_used_again),
        cmocka_unit_test(request_fields_from_the_source),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
