/* Reports and errors as JSON, and back. Both directions come from the tables here, so that neither can forget a member. */
#include <math.h>
#include <string.h>
#include "base/fail.h"
#include "base/memory.h"
#include "base/number.h"
#include "server/admin_wire.h"
#include "state/document.h"

static const char WHERE[] = "the server's answer";

enum { LISTED_MAX = 100, TOTAL_MAX = 100000 }; /* diagnostics: kept by a list, and counted by us */

#define FIELD(type, kind, member) {#member, TDM__REPORT_##kind, offsetof(type, member), sizeof(((type *)0)->member)}
#define LOAD(kind, member) FIELD(tdm_load_report, kind, member)
#define RUN(kind, member) FIELD(tdm_run_report, kind, member)
#define GATE(kind, member) FIELD(tdm_gate_result, kind, member)

static const tdm__report_field load_fields[] = {
    LOAD(U64, version), LOAD(U64, rows_in), LOAD(U64, rows_loaded), LOAD(U64, rows_replaced), LOAD(U64, rows_superseded),
    LOAD(U64, rows_quarantined), LOAD(U64, rows_total), LOAD(TEXT, quarantine), LOAD(TEXT, ignored), LOAD(TEXT, absent),
    LOAD(F64, seconds),
};
static const tdm__report_field added_fields[] = {
    FIELD(tdm_source_added, SIZE, added), FIELD(tdm_source_added, SIZE, evolved), FIELD(tdm_source_added, SIZE, unchanged),
};
static const tdm__report_field run_fields[] = {
    RUN(TEXT, run), RUN(TEXT, table), RUN(TEXT, release), RUN(TEXT, service), RUN(BOOL, existed), RUN(I64, as_of_us),
    RUN(U64, snapshot), RUN(U64, rows_in), RUN(U64, rows_scored), RUN(U64, rows_quarantined), RUN(U64, defaults),
    RUN(UNSIGNED, threads), RUN(F64, seconds), RUN(F64, seconds_score), RUN(F64, seconds_index), RUN(U64, block_us_p50),
    RUN(U64, block_us_p99), RUN(U64, block_us_max), RUN(U64, peak_memory_bytes), RUN(TEXT, ignored), RUN(TEXT, absent),
};
static const tdm__report_field code_fields[] = {
    FIELD(tdm_run_code, TEXT, code), FIELD(tdm_run_code, U64, rows),
};
static const tdm__report_field gate_fields[] = {
    GATE(TEXT, name), GATE(TEXT, limit), GATE(TEXT, measured), GATE(TEXT, why), GATE(BOOL, passed), GATE(BOOL, applied),
};
#define TABLE(fields) {fields, sizeof fields / sizeof *fields}
const tdm__report_table tdm__report_load = TABLE(load_fields), tdm__report_added = TABLE(added_fields);
static const tdm__report_table report_run = TABLE(run_fields), report_code = TABLE(code_fields),
                               report_gate = TABLE(gate_fields);

enum { CODES_MAX = sizeof ((tdm_run_report *)0)->code / sizeof *((tdm_run_report *)0)->code };

/* ---- writing ---- */

/* As a text what JSON has no number for, and what jansson would read as an integer: those of 64 bits and more, and -0. */
static void write_f64(tdm_json *j, const char *name, double v)
{
    char text[40];
    bool plain = v > -9e15 && v < 9e15 && !(v == 0 && signbit(v)); /* also false for a NaN */
    if (plain) {
        tdm_json_f64(j, name, v);
        return;
    }
    tdm_json_str(j, name, tdm__strn(text, tdm__format_f64(v, text)));
}

static void write_u64(tdm_json *j, const char *name, uint64_t v)
{
    tdm_json_u64(j, name, v < INT64_MAX ? v : INT64_MAX);
}

static void write_field(const tdm__report_field *f, const void *report, tdm_json *j)
{
    const char *at = (const char *)report + f->offset;
    switch (f->kind) {
    case TDM__REPORT_U64: write_u64(j, f->name, *(const uint64_t *)at); break;
    case TDM__REPORT_I64: tdm_json_i64(j, f->name, *(const int64_t *)at); break;
    case TDM__REPORT_F64: write_f64(j, f->name, *(const double *)at); break;
    case TDM__REPORT_BOOL: tdm_json_bool(j, f->name, *(const bool *)at); break;
    case TDM__REPORT_TEXT: tdm_json_text(j, f->name, at); break;
    case TDM__REPORT_UNSIGNED: tdm_json_u64(j, f->name, *(const unsigned *)at); break;
    case TDM__REPORT_SIZE: write_u64(j, f->name, *(const size_t *)at); break;
    }
}

void tdm__report_write(const tdm__report_table *table, const void *report, tdm_json *j)
{
    for (size_t i = 0; i < table->n; i++)
        write_field(&table->field[i], report, j);
}

static void write_item(const tdm__report_table *table, const void *item, tdm_json *j)
{
    tdm_json_begin(j, NULL, '{');
    tdm__report_write(table, item, j);
    tdm_json_end(j, '}');
}

void tdm__report_write_run(const tdm_run_report *report, tdm_json *j)
{
    tdm__report_write(&report_run, report, j);
    tdm_json_begin(j, "codes", '[');
    for (size_t i = 0; i < report->n_codes; i++)
        write_item(&report_code, &report->code[i], j);
    tdm_json_end(j, ']');
    tdm_json_begin(j, "gates", '[');
    for (size_t i = 0; i < report->n_gates; i++)
        write_item(&report_gate, &report->gate[i], j);
    tdm_json_end(j, ']');
}

/* ---- reading ---- */

static tdm_status wrong(const char *name, const char *expected, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_CORRUPT, WHERE, "the member '%s' is not what it must be", name);
    tdm__fail_expected(err, "%s", expected);
    return s;
}

static bool read_f64(const json_t *v, double *out)
{
    if (json_is_string(v))
        return tdm__parse_f64(tdm__strn(json_string_value(v), json_string_length(v)), out, NULL);
    *out = json_number_value(v);
    return json_is_number(v);
}

/* Whole numbers up to `most`. */
static bool read_u64(const json_t *v, uint64_t most, uint64_t *out)
{
    *out = json_is_integer(v) && json_integer_value(v) >= 0 ? (uint64_t)json_integer_value(v) : UINT64_MAX;
    return *out <= most;
}

static bool read_text(const json_t *v, char *out, size_t size)
{
    if (!json_is_string(v) || json_string_length(v) >= size)
        return false;
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return true;
}

static tdm_status read_field(const tdm__report_field *f, const json_t *v, void *report, tdm_error *err)
{
    char *at = (char *)report + f->offset;
    uint64_t number;
    switch (f->kind) {
    case TDM__REPORT_U64:
        return read_u64(v, INT64_MAX, (uint64_t *)at) ? TDM_OK : wrong(f->name, "a count", err);
    case TDM__REPORT_I64:
        *(int64_t *)at = json_integer_value(v);
        return json_is_integer(v) ? TDM_OK : wrong(f->name, "an integer", err);
    case TDM__REPORT_F64:
        return read_f64(v, (double *)at) ? TDM_OK : wrong(f->name, "a number", err);
    case TDM__REPORT_BOOL:
        *(bool *)at = json_is_true(v);
        return json_is_boolean(v) ? TDM_OK : wrong(f->name, "true or false", err);
    case TDM__REPORT_TEXT:
        return read_text(v, at, f->size) ? TDM_OK : wrong(f->name, "a text that is not too long", err);
    case TDM__REPORT_UNSIGNED:
        if (!read_u64(v, UINT32_MAX, &number))
            return wrong(f->name, "a count", err);
        *(unsigned *)at = (unsigned)number;
        return TDM_OK;
    case TDM__REPORT_SIZE:
        if (!read_u64(v, INT64_MAX, &number))
            return wrong(f->name, "a count", err);
        *(size_t *)at = (size_t)number;
        return TDM_OK;
    }
    return TDM_OK;
}

tdm_status tdm__report_read(const tdm__report_table *table, const json_t *object, void *report, tdm_error *err)
{
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < table->n; i++) {
        const json_t *v = json_object_get(object, table->field[i].name);
        if (v)
            s = read_field(&table->field[i], v, report, err);
    }
    return s;
}

/* A list of at most `most` objects into items of `size` bytes. */
static tdm_status read_list(const tdm__report_table *table, const json_t *object, const char *name, size_t most, void *items,
                            size_t size, size_t *n, tdm_error *err)
{
    const json_t *list = json_object_get(object, name);
    if (!list)
        return TDM_OK;
    if (!json_is_array(list) || json_array_size(list) > most)
        return wrong(name, "a list that is not too long", err);
    tdm_status s = TDM_OK;
    for (*n = 0; !s && *n < json_array_size(list); (*n)++)
        s = tdm__report_read(table, json_array_get(list, *n), (char *)items + *n * size, err);
    return s;
}

tdm_status tdm__report_read_run(const json_t *object, tdm_run_report *report, tdm_error *err)
{
    tdm_status s = tdm__report_read(&report_run, object, report, err);
    if (!s)
        s = read_list(&report_code, object, "codes", CODES_MAX, report->code, sizeof *report->code, &report->n_codes, err);
    if (!s)
        s = read_list(&report_gate, object, "gates", TDM_GATES_MAX, report->gate, sizeof *report->gate, &report->n_gates,
                      err);
    return s;
}

/* ---- errors ---- */

static void error_members(const tdm_error *error, tdm_json *j)
{
    tdm_json_text(j, "code", tdm_status_name(error->status));
    tdm_json_text(j, "message", error->what);
    if (error->where[0])
        tdm_json_text(j, "where", error->where);
    if (error->expected[0])
        tdm_json_text(j, "expected", error->expected);
    if (error->found[0])
        tdm_json_text(j, "found", error->found);
    if (error->hint[0])
        tdm_json_text(j, "hint", error->hint);
}

void tdm__wire_error_write(const tdm_error *error, const tdm_diagnostics *diagnostics, const char *name, tdm_json *j)
{
    size_t n = diagnostics ? tdm_diagnostics_count(diagnostics) : 0;
    tdm_json_begin(j, name, '{');
    error_members(error, j);
    if (n) {
        tdm_json_begin(j, "diagnostics", '[');
        for (size_t i = 0; i < n; i++) {
            tdm_json_begin(j, NULL, '{');
            error_members(tdm_diagnostics_error(diagnostics, i), j);
            tdm_json_text(j, "excerpt", tdm_diagnostics_excerpt(diagnostics, i));
            tdm_json_end(j, '}');
        }
        tdm_json_end(j, ']');
        tdm_json_u64(j, "diagnostics_total", tdm_diagnostics_total(diagnostics));
    }
    tdm_json_end(j, '}');
}

static tdm_status status_of(const char *name)
{
    for (int s = 0; s < TDM_STATUS_COUNT; s++)
        if (!strcmp(tdm_status_name((tdm_status)s), name))
            return (tdm_status)s;
    return TDM_STATUS_COUNT;
}

static const char *text_or_empty(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* A code that a newer server has and we do not is a failure of the system to us. */
static tdm_status read_error(const json_t *object, tdm_error *error, tdm_error *err)
{
    const char *code = json_string_value(json_object_get(object, "code"));
    if (!code)
        return wrong("code", "an error's code", err);
    tdm_status status = status_of(code);
    if (status == TDM_OK)
        return wrong("code", "an error's code", err);
    tdm__fail(error, status == TDM_STATUS_COUNT ? TDM_SYSTEM : status, text_or_empty(object, "where"), "%s",
              text_or_empty(object, "message"));
    tdm__fail_expected(error, "%s", text_or_empty(object, "expected"));
    tdm__fail_found(error, "%s", text_or_empty(object, "found"));
    tdm__fail_hint(error, "%s", text_or_empty(object, "hint"));
    return TDM_OK;
}

tdm_status tdm__wire_error_read(const json_t *object, tdm_error *error, tdm_diagnostics *diagnostics, tdm_error *err)
{
    const json_t *list = json_object_get(object, "diagnostics");
    uint64_t total = 0;
    tdm_error one = {.status = TDM_MANIFEST};
    tdm_status s = read_error(object, error, err);
    for (size_t i = 0; !s && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        s = read_error(item, &one, err);
        if (!s)
            tdm__diagnose(diagnostics, &one, text_or_empty(item, "excerpt"));
    }
    if (!s && read_u64(json_object_get(object, "diagnostics_total"), TOTAL_MAX, &total))
        while (tdm_diagnostics_count(diagnostics) == LISTED_MAX && tdm_diagnostics_total(diagnostics) < total)
            tdm__diagnose(diagnostics, &one, NULL); /* a full list counts on */
    return s;
}

/* ---- lines ---- */

tdm_status tdm__wire_line_read(tdm_str text, tdm__wire_line *out, tdm_error *err)
{
    *out = (tdm__wire_line){0};
    tdm_status s = tdm__document_parse(text, WHERE, &out->root, err);
    if (s)
        return s;
    out->progress = json_object_get(out->root, "progress");
    out->result = json_object_get(out->root, "result");
    out->error = json_object_get(out->root, "error");
    out->report = json_object_get(out->root, "report");
    out->home = json_string_value(json_object_get(out->root, "home"));
    const json_t *only = out->progress ? out->progress : out->result ? out->result : out->error;
    if (json_is_object(only) && !!out->progress + !!out->result + !!out->error == 1)
        return TDM_OK;
    tdm__wire_line_free(out);
    s = tdm__fail(err, TDM_CORRUPT, WHERE, "a line is neither a progress, nor a result, nor an error");
    tdm__fail_found_text(err, text);
    return s;
}

void tdm__wire_line_free(tdm__wire_line *line)
{
    json_decref(line->root);
    *line = (tdm__wire_line){0};
}

void tdm__wire_progress_write(const tdm_progress *p, tdm_json *j)
{
    tdm_json_begin(j, "progress", '{');
    tdm_json_text(j, "stage", p->stage);
    write_u64(j, "done", p->done);
    write_u64(j, "total", p->total);
    tdm_json_text(j, "unit", p->unit);
    write_u64(j, "rows", p->rows);
    write_u64(j, "rows_quarantined", p->rows_quarantined);
    tdm_json_end(j, '}');
}

static uint64_t count_or_0(const json_t *object, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(object, name));
    return v > 0 ? (uint64_t)v : 0;
}

void tdm__wire_progress_read(const json_t *object, tdm_progress *p)
{
    *p = (tdm_progress){.stage = text_or_empty(object, "stage"),
                        .done = count_or_0(object, "done"),
                        .total = count_or_0(object, "total"),
                        .unit = text_or_empty(object, "unit"),
                        .rows = count_or_0(object, "rows"),
                        .rows_quarantined = count_or_0(object, "rows_quarantined")};
}
