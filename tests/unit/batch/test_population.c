/* Populations: every row of a source or byte of a file in exactly one piece, in order; and what is no population. */
#include "../engine/engine_desk.h"
#include "base/digest.h"
#include "batch/population.h"

static void a_source_in_pieces(void **state)
{
    (void)state;
    enum { ROWS = 2 * TDM__PIECE_ROWS + 100 };
    fixture f;
    desk d;
    tdm__population p;
    tdm__piece_input piece = {0};
    uint64_t done, total;
    const char *unit;
    fixture_full(&f, NULL, ROWS);
    desk_open(&d, &f);
    assert_ok(tdm__population_open(&p, d.engine, f.fs, NULL, &f.err), &f.err);
    assert_string_equal(p.name, "flights");
    assert_string_equal(p.identity, "source flights");
    uint64_t next = 0;
    for (uint64_t i = 0;; i++) {
        assert_ok(tdm__population_next(&p, &piece, &f.err), &f.err);
        assert_int_equal(piece.index, i);
        if (piece.ended)
            break;
        assert_int_equal(piece.first, next);
        assert_true(piece.count > 0 && piece.count <= TDM__PIECE_ROWS && piece.first % TDM__STORE_MARK == 0);
        next += piece.count;
        tdm__population_progress(&p, &done, &total, &unit);
        assert_true(done == next && total == ROWS && !strcmp(unit, "rows"));
    }
    assert_int_equal(next, ROWS);
    assert_ok(tdm__population_next(&p, &piece, &f.err), &f.err); /* the end stays the end */
    assert_true(piece.ended);
    tdm__population_close(&p);
    desk_close(&d);
    fixture_close(&f);
}

static void a_file_in_chunks(void **state)
{
    (void)state;
    enum { BYTES = 700000 };
    static char text[BYTES + 64], again[BYTES + 64];
    fixture f;
    desk d;
    tdm__population p;
    tdm__piece_input piece = {0};
    size_t n = (size_t)sprintf(text, "cabin,flight,other\n"), header = n, got = 0;
    for (size_t i = 0; n < BYTES; i++)
        n += (size_t)sprintf(text + n, "%zu,f%06zu,\"x\ny\"\n", i % 10, i);
    fixture_full(&f, NULL, 10);
    desk_open(&d, &f);
    const char *path = fixture_file(&f, "p.csv", text);
    assert_ok(tdm__population_open(&p, d.engine, tdm__fs_posix(), path, &f.err), &f.err);
    assert_string_equal(p.name, path);
    assert_string_equal(p.identity, fixture_print("file %016llx", (unsigned long long)tdm__hash64(text, n)));
    for (;;) {
        assert_ok(tdm__population_next(&p, &piece, &f.err), &f.err);
        if (piece.ended)
            break;
        memcpy(again + got, piece.chunk.bytes.ptr, piece.chunk.bytes.len);
        got += piece.chunk.bytes.len;
    }
    assert_true(p.next_piece > 3);
    assert_int_equal(got, n - header);
    assert_memory_equal(again, text + header, got);
    tdm__chunk_free(&piece.chunk);
    tdm__population_close(&p);
    path = fixture_file(&f, "p.csv", fixture_print("cabin,flight\n1,a\n"));
    char before[64];
    assert_ok(tdm__population_open(&p, d.engine, tdm__fs_posix(), path, &f.err), &f.err);
    memcpy(before, p.identity, sizeof before);
    tdm__population_close(&p);
    path = fixture_file(&f, "p.csv", fixture_print("cabin,flight\n2,a\n"));
    assert_ok(tdm__population_open(&p, d.engine, tdm__fs_posix(), path, &f.err), &f.err);
    assert_string_not_equal(p.identity, before); /* one byte is another population */
    tdm__population_close(&p);
    desk_close(&d);
    fixture_close(&f);
}

static void what_is_no_population(void **state)
{
    (void)state;
    fixture f;
    desk d;
    tdm__population p;
    fixture_full(&f, NULL, 10);
    const char *yaml = fixture_edit(fixture_release_yaml, "population: flights, ", "");
    fixture_pack(&f, fixture_edit(yaml, "entity: flight", "entity: {name: flight, key: flight}"), NULL);
    desk_open(&d, &f);
    assert_status(tdm__population_open(&p, d.engine, f.fs, NULL, &f.err), TDM_USAGE, &f.err);
    assert_string_equal(f.err.expected, "--population FILE");
    assert_status(tdm__population_open(&p, d.engine, tdm__fs_posix(), "-", &f.err), TDM_USAGE, &f.err);
    assert_status(tdm__population_open(&p, d.engine, tdm__fs_posix(), "/no/such", &f.err), TDM_NOT_FOUND, &f.err);
    desk_close(&d);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "cabin: {request: f64?, default: 0}", "cabin: {request: f64}"), NULL);
    desk_open(&d, &f);
    static const struct { const char *text; tdm_status status; const char *expected; } files[] = {
        {"flight,cabin\na,1\n", TDM_OK, ""},
        {"cabin\n1\n", TDM_MISMATCH, "a column 'flight'"},
        {"flight\na\n", TDM_MISMATCH, "a column 'cabin'"},
        {"{\"flight\":\"a\"}\n", TDM_OK, ""}, /* JSON lines have no header: each record says what it has */
        {"", TDM_MISMATCH, "a column 'flight'"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = fixture_file(&f, "p", files[i].text);
        tdm_status s = tdm__population_open(&p, d.engine, tdm__fs_posix(), path, &f.err);
        if (!*files[i].text && s) /* an empty file: refused, whatever for */
            continue;
        assert_status(s, files[i].status, &f.err);
        if (s)
            assert_string_equal(f.err.expected, files[i].expected);
        else
            tdm__population_close(&p);
    }
    desk_close(&d);
    fixture_close(&f);
}

static void allocations_fail(void **state)
{
    (void)state;
    fixture f;
    desk d;
    tdm__population p;
    fixture_full(&f, NULL, 10);
    desk_open(&d, &f);
    const char *path = fixture_file(&f, "p.csv", "flight,cabin\na,1\n");
    for (uint64_t n = 1, hit = 1; hit; n++) {
        tdm__piece_input piece = {0};
        tdm__row_parser *parser = NULL;
        support_fail_alloc_at(n);
        tdm_status s = tdm__population_open(&p, d.engine, tdm__fs_posix(), path, &f.err);
        bool open = !s;
        if (!s)
            s = tdm__population_next(&p, &piece, &f.err);
        if (!s)
            s = tdm__population_parser(&p, &parser, &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
        tdm__row_parser_close(&parser);
        tdm__chunk_free(&piece.chunk);
        if (open)
            tdm__population_close(&p);
    }
    desk_close(&d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_in_pieces),
        cmocka_unit_test(a_file_in_chunks),
        cmocka_unit_test(what_is_no_population),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
