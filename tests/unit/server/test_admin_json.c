/* Reports, errors and lines of the admin protocol: what is written is what is read, and nothing else is taken. */
#include "base/fail.h"
#include "base/random.h"
#include "server/admin_wire.h"
#include "state/document.h"
#include "support.h"

static json_t *parse(const tdm_text *text)
{
    tdm_error err;
    json_t *root;
    assert_false(text->failed);
    assert_ok(tdm__document_parse(tdm__strn(text->ptr, text->len), "test", &root, &err), &err);
    return root;
}

static json_t *parse_text(const char *text)
{
    tdm_text t = {.ptr = (char *)text, .len = strlen(text)};
    return parse(&t);
}

/* A text that fits, of letters that JSON escapes and letters that take several bytes. */
static void random_text(tdm__random *r, char *out, size_t size)
{
    static const char *const pieces[] = {"a", "\"", "\\", "\n", "\xC3\xA9", "\xE2\x82\xAC", "\x01", "{", ","};
    size_t n = 0, most = tdm__random_below(r, size);
    for (;;) {
        const char *piece = pieces[tdm__random_below(r, sizeof pieces / sizeof *pieces)];
        if (n + strlen(piece) > most)
            break;
        memcpy(out + n, piece, strlen(piece));
        n += strlen(piece);
    }
    out[n] = 0;
}

static void random_report(tdm__random *r, const tdm__report_table *table, void *report)
{
    static const double reals[] = {0, -0.0, 1, 0.1, 1e300, -2.5e-300, 9007199254740993.0, 1e18, 123456.789};
    for (size_t i = 0; i < table->n; i++) {
        const tdm__report_field *f = &table->field[i];
        char *at = (char *)report + f->offset;
        uint64_t bits = tdm__random_next(r) >> (1 + tdm__random_below(r, 63));
        switch (f->kind) {
        case TDM__REPORT_U64: *(uint64_t *)at = bits; break;
        case TDM__REPORT_I64: *(int64_t *)at = bits % 2 ? (int64_t)bits : -(int64_t)bits; break;
        case TDM__REPORT_F64: *(double *)at = reals[bits % (sizeof reals / sizeof *reals)]; break;
        case TDM__REPORT_BOOL: *(bool *)at = bits % 2; break;
        case TDM__REPORT_TEXT: random_text(r, at, f->size); break;
        case TDM__REPORT_UNSIGNED: *(unsigned *)at = (unsigned)bits; break;
        case TDM__REPORT_SIZE: *(size_t *)at = bits; break;
        }
    }
}

static size_t bytes_of(const tdm__report_table *table)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n; i++)
        n += table->field[i].size;
    return n;
}

/* The tables name every member: a new one that is not in its table is larger than what padding there is. */
static void tables_are_complete(void **state)
{
    (void)state;
    assert_int_equal(sizeof(tdm_load_report), bytes_of(&tdm__report_load));
    assert_int_equal(sizeof(tdm_source_added), bytes_of(&tdm__report_added));
}

static void reports_come_back(void **state)
{
    (void)state;
    tdm__random r;
    tdm_error err;
    tdm__random_seed(&r, support_seed());
    for (int round = 0; round < 300; round++) {
        tdm_load_report out, back;
        tdm_text text = {0};
        tdm_json j = {.out = &text};
        memset(&out, 0, sizeof out);
        memset(&back, 0, sizeof back);
        random_report(&r, &tdm__report_load, &out);
        tdm_json_begin(&j, NULL, '{');
        tdm__report_write(&tdm__report_load, &out, &j);
        tdm_json_end(&j, '}');
        json_t *root = parse(&text);
        assert_ok(tdm__report_read(&tdm__report_load, root, &back, &err), &err);
        assert_memory_equal(&out, &back, offsetof(tdm_load_report, quarantine));
        assert_string_equal(out.quarantine, back.quarantine);
        assert_string_equal(out.ignored, back.ignored);
        assert_string_equal(out.absent, back.absent);
        assert_memory_equal(&out.seconds, &back.seconds, sizeof out.seconds); /* to the bit: -0 too */
        json_decref(root);
        tdm_text_free(&text);
    }
}

static void fill_run(tdm__random *r, tdm_run_report *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->run, sizeof out->run, "94a92db7297e28eee10d1bc5e9e0697a");
    snprintf(out->table, sizeof out->table, "v000001");
    memset(out->release, 'a', 64);
    random_text(r, out->service, sizeof out->service);
    random_text(r, out->ignored, sizeof out->ignored);
    random_text(r, out->absent, sizeof out->absent);
    out->existed = true;
    out->as_of_us = -5;
    out->snapshot = 71;
    out->rows_in = 1000;
    out->rows_scored = 900;
    out->rows_quarantined = 100;
    out->defaults = 3;
    out->threads = 7;
    out->seconds = 0.1;
    out->seconds_score = 0.07;
    out->seconds_index = 1e-9;
    out->block_us_p50 = 11;
    out->block_us_p99 = 12;
    out->block_us_max = 13;
    out->peak_memory_bytes = 1 << 30;
    for (out->n_codes = 0; out->n_codes < 32; out->n_codes++) {
        random_text(r, out->code[out->n_codes].code, sizeof out->code->code);
        out->code[out->n_codes].rows = tdm__random_below(r, 1000);
    }
    for (out->n_gates = 0; out->n_gates < TDM_GATES_MAX; out->n_gates++) {
        tdm_gate_result *g = &out->gate[out->n_gates];
        random_text(r, g->name, sizeof g->name);
        random_text(r, g->limit, sizeof g->limit);
        random_text(r, g->measured, sizeof g->measured);
        random_text(r, g->why, sizeof g->why);
        g->passed = out->n_gates % 2;
        g->applied = out->n_gates % 3;
    }
}

/* Every member of the run's report differs from zero here, so one that is forgotten is seen. */
static void a_run_comes_back(void **state)
{
    (void)state;
    static tdm_run_report out, back, again;
    tdm__random r;
    tdm_error err;
    tdm__random_seed(&r, support_seed());
    for (int round = 0; round < 20; round++) {
        tdm_text text = {0}, second = {0};
        tdm_json j = {.out = &text}, k = {.out = &second};
        fill_run(&r, &out);
        memset(&back, 0, sizeof back);
        memset(&again, 0, sizeof again);
        tdm_json_begin(&j, NULL, '{');
        tdm__report_write_run(&out, &j);
        tdm_json_end(&j, '}');
        json_t *root = parse(&text);
        assert_ok(tdm__report_read_run(root, &back, &err), &err);
        tdm_json_begin(&k, NULL, '{');
        tdm__report_write_run(&back, &k);
        tdm_json_end(&k, '}');
        assert_int_equal(text.len, second.len);
        assert_memory_equal(text.ptr, second.ptr, text.len);
        /* and not by both directions leaving the same thing out */
        assert_true(back.n_codes == 32 && back.n_gates == TDM_GATES_MAX && back.existed && back.as_of_us == -5);
        assert_true(back.snapshot == 71 && back.rows_in == 1000 && back.rows_scored == 900 && back.rows_quarantined == 100);
        assert_true(back.defaults == 3 && back.threads == 7 && back.seconds == 0.1 && back.seconds_score == 0.07);
        assert_true(back.seconds_index == 1e-9 && back.block_us_p50 == 11 && back.block_us_p99 == 12 && back.block_us_max == 13);
        assert_true(back.peak_memory_bytes == 1 << 30);
        assert_string_equal(back.run, out.run);
        assert_string_equal(back.table, out.table);
        assert_string_equal(back.release, out.release);
        assert_string_equal(back.service, out.service);
        assert_string_equal(back.ignored, out.ignored);
        assert_string_equal(back.absent, out.absent);
        for (size_t i = 0; i < 32; i++) {
            assert_string_equal(back.code[i].code, out.code[i].code);
            assert_int_equal(back.code[i].rows, out.code[i].rows);
        }
        for (size_t i = 0; i < TDM_GATES_MAX; i++) {
            assert_string_equal(back.gate[i].name, out.gate[i].name);
            assert_string_equal(back.gate[i].limit, out.gate[i].limit);
            assert_string_equal(back.gate[i].measured, out.gate[i].measured);
            assert_string_equal(back.gate[i].why, out.gate[i].why);
            assert_true(back.gate[i].passed == out.gate[i].passed && back.gate[i].applied == out.gate[i].applied);
        }
        json_decref(root);
        tdm_text_free(&text);
        tdm_text_free(&second);
    }
}

static void members_of_other_kinds(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{\"version\":-1}", "{\"version\":1.5}", "{\"version\":\"1\"}", "{\"version\":null}", "{\"version\":[]}",
        "{\"seconds\":\"soon\"}", "{\"seconds\":true}", "{\"quarantine\":7}",
        "{\"quarantine\":\"a text that has no room in its thirty-two bytes\"}",
    };
    static const char *const wrong_runs[] = {
        "{\"existed\":1}", "{\"threads\":4294967296}", "{\"codes\":{}}", "{\"codes\":[7,{\"rows\":-1}]}",
        "{\"gates\":[{\"passed\":\"yes\"}]}", "{\"as_of_us\":1.0}",
    };
    tdm_error err;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tdm_load_report report = {0};
        json_t *root = parse_text(wrong[i]);
        assert_status(tdm__report_read(&tdm__report_load, root, &report, &err), TDM_CORRUPT, &err);
        json_decref(root);
    }
    static tdm_run_report run;
    for (size_t i = 0; i < sizeof wrong_runs / sizeof *wrong_runs; i++) {
        json_t *root = parse_text(wrong_runs[i]);
        assert_status(tdm__report_read_run(root, &run, &err), TDM_CORRUPT, &err);
        json_decref(root);
    }
    tdm_text many = {0};
    tdm_text_add(&many, "{\"codes\":[{}");
    for (int i = 0; i < 32; i++)
        tdm_text_add(&many, ",{}");
    tdm_text_add(&many, "]}");
    json_t *root = parse(&many);
    assert_status(tdm__report_read_run(root, &run, &err), TDM_CORRUPT, &err); /* 33 have no room */
    json_decref(root);
    tdm_text_free(&many);
    root = parse_text("{\"version\":3,\"of another version\":{}}"); /* what a newer server adds is passed over */
    tdm_load_report report = {0};
    assert_ok(tdm__report_read(&tdm__report_load, root, &report, &err), &err);
    assert_int_equal(report.version, 3);
    json_decref(root);
    assert_ok(tdm__report_read(&tdm__report_load, NULL, &report, &err), &err);
}

static void errors_come_back(void **state)
{
    (void)state;
    tdm_error err, out, back, one;
    tdm_diagnostics *list = tdm_diagnostics_new(), *again = tdm_diagnostics_new();
    tdm_text text = {0};
    tdm_json j = {.out = &text};
    tdm__fail(&out, TDM_QUARANTINE_FULL, "regions", "2 of 3 records are bad");
    tdm__fail_expected(&out, "few");
    tdm__fail_found(&out, "\"many\"");
    tdm__fail_hint(&out, "'tandem quarantine show load-000001' shows them");
    for (int i = 0; i < 140; i++) {
        tdm__fail(&one, TDM_MANIFEST, "release.yaml:3:5", "error %d", i);
        tdm__diagnose(list, &one, i ? "features: {\n    ^" : NULL);
    }
    tdm_json_begin(&j, NULL, '{');
    tdm__wire_error_write(&out, list, "error", &j);
    tdm_json_end(&j, '}');
    json_t *root = parse(&text);
    assert_ok(tdm__wire_error_read(json_object_get(root, "error"), &back, again, &err), &err);
    assert_int_equal(back.status, out.status);
    assert_string_equal(back.where, out.where);
    assert_string_equal(back.what, out.what);
    assert_string_equal(back.expected, out.expected);
    assert_string_equal(back.found, out.found);
    assert_string_equal(back.hint, out.hint);
    assert_int_equal(tdm_diagnostics_count(again), 100);
    assert_int_equal(tdm_diagnostics_total(again), 140);
    for (size_t i = 0; i < 100; i++) {
        assert_string_equal(tdm_diagnostics_error(again, i)->what, tdm_diagnostics_error(list, i)->what);
        assert_string_equal(tdm_diagnostics_error(again, i)->where, "release.yaml:3:5");
        assert_string_equal(tdm_diagnostics_excerpt(again, i), tdm_diagnostics_excerpt(list, i));
    }
    assert_ok(tdm__wire_error_read(json_object_get(root, "error"), &back, NULL, &err), &err); /* nobody wants the list */
    json_decref(root);
    tdm_text_free(&text);
    tdm_diagnostics_close(&list);
    tdm_diagnostics_close(&again);
    for (int s = 1; s < TDM_STATUS_COUNT; s++) {
        char line[80];
        snprintf(line, sizeof line, "{\"code\":\"%s\"}", tdm_status_name((tdm_status)s));
        root = parse_text(line);
        assert_ok(tdm__wire_error_read(root, &back, NULL, &err), &err);
        assert_int_equal(back.status, s);
        json_decref(root);
    }
}

static void errors_that_are_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"{}", "{\"code\":7}", "{\"code\":\"ok\"}",
                                        "{\"code\":\"manifest\",\"diagnostics\":[{}]}"};
    tdm_error err, back;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *root = parse_text(wrong[i]);
        assert_status(tdm__wire_error_read(root, &back, NULL, &err), TDM_CORRUPT, &err);
        json_decref(root);
    }
    json_t *root = parse_text("{\"code\":\"of_a_newer_version\",\"message\":\"no\",\"where\":9}");
    assert_ok(tdm__wire_error_read(root, &back, NULL, &err), &err);
    assert_true(back.status == TDM_SYSTEM && !strcmp(back.what, "no") && !back.where[0]);
    json_decref(root);
}

static void lines(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "x", "[]", "{}", "{\"result\":7}", "{\"result\":{},\"error\":{}}",
                                        "{\"progress\":{},\"result\":{}}", "{\"result\":{}} {}", "{\"result\":{}",
                                        "{\"result\":{},\"result\":{}}"};
    tdm__wire_line line;
    tdm_error err;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_status(tdm__wire_line_read(tdm__str(wrong[i]), &line, &err), TDM_CORRUPT, &err);
    tdm_text text = {0};
    tdm_json j = {.out = &text};
    const tdm_progress out = {"golden rows", 2, 6, "steps", 70, 5};
    tdm_progress p;
    tdm_json_begin(&j, NULL, '{');
    tdm__wire_progress_write(&out, &j);
    tdm_json_end(&j, '}');
    assert_ok(tdm__wire_line_read(tdm__strn(text.ptr, text.len), &line, &err), &err);
    assert_true(line.progress && !line.result && !line.error);
    tdm__wire_progress_read(line.progress, &p);
    assert_true(p.done == 2 && p.total == 6 && p.rows == 70 && p.rows_quarantined == 5);
    assert_string_equal(p.stage, "golden rows");
    assert_string_equal(p.unit, "steps");
    tdm__wire_line_free(&line);
    tdm_text_free(&text);
    assert_ok(tdm__wire_line_read(tdm__str("{\"progress\":{\"stage\":3,\"done\":-1,\"rows\":\"x\"}}"), &line, &err), &err);
    tdm__wire_progress_read(line.progress, &p);
    assert_true(!p.stage[0] && !p.unit[0] && !p.done && !p.rows);
    tdm__wire_line_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_complete),   cmocka_unit_test(reports_come_back),    cmocka_unit_test(a_run_comes_back),
        cmocka_unit_test(members_of_other_kinds), cmocka_unit_test(errors_come_back),    cmocka_unit_test(errors_that_are_none),
        cmocka_unit_test(lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
