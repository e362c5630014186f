/* The answer of a server that was asked for a command, as the asking side reads it: HTTP, lines, reports, errors.
 *
 * Whatever the bytes are: reading ends with a status. A report that is read, written and read again is the same one, to the
 * byte of what is written; so is an error with its list. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/http.h"
#include "server/admin_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int held)
{
    if (!held)
        abort();
}

static tdm_run_report run, run_again;

/* The report as JSON, from whichever of the three it was read into. */
static void write_report(int kind, const tdm_load_report *load, const tdm_source_added *added, const tdm_run_report *r,
                         tdm_text *out)
{
    tdm_json j = {.out = out};
    tdm_json_begin(&j, NULL, '{');
    if (kind == 0)
        tdm__report_write(&tdm__report_load, load, &j);
    else if (kind == 1)
        tdm__report_write(&tdm__report_added, added, &j);
    else
        tdm__report_write_run(r, &j);
    tdm_json_end(&j, '}');
}

static tdm_status read_report(int kind, const json_t *object, tdm_load_report *load, tdm_source_added *added,
                              tdm_run_report *r, tdm_error *err)
{
    memset(load, 0, sizeof *load);
    memset(added, 0, sizeof *added);
    memset(r, 0, sizeof *r);
    return kind == 0 ? tdm__report_read(&tdm__report_load, object, load, err)
         : kind == 1 ? tdm__report_read(&tdm__report_added, object, added, err)
                     : tdm__report_read_run(object, r, err);
}

static void check_report(const json_t *object)
{
    for (int kind = 0; kind < 3; kind++) {
        tdm_load_report load;
        tdm_source_added added;
        tdm_error err;
        tdm_text first = {0}, second = {0};
        if (read_report(kind, object, &load, &added, &run, &err)) {
            must(err.status == TDM_CORRUPT && err.what[0]);
            continue;
        }
        write_report(kind, &load, &added, &run, &first);
        json_t *root = first.failed ? NULL : json_loadb(first.ptr, first.len, JSON_REJECT_DUPLICATES, NULL);
        must(root && !read_report(kind, root, &load, &added, &run_again, &err));
        write_report(kind, &load, &added, &run_again, &second);
        must(first.len == second.len && !memcmp(first.ptr, second.ptr, first.len));
        json_decref(root);
        tdm_text_free(&first);
        tdm_text_free(&second);
    }
}

static void check_error(const json_t *object)
{
    tdm_error told, again, err;
    tdm_text first = {0}, second = {0};
    tdm_json j = {.out = &first}, k = {.out = &second};
    tdm_diagnostics *list = tdm_diagnostics_new(), *list_again = tdm_diagnostics_new();
    if (!tdm__wire_error_read(object, &told, list, &err)) {
        must(told.status != TDM_OK && told.status < TDM_STATUS_COUNT);
        tdm__wire_error_write(&told, list, NULL, &j);
        json_t *root = json_loadb(first.ptr, first.len, JSON_REJECT_DUPLICATES, NULL);
        must(root && !tdm__wire_error_read(root, &again, list_again, &err));
        tdm__wire_error_write(&again, list_again, NULL, &k);
        must(first.len == second.len && !memcmp(first.ptr, second.ptr, first.len));
        json_decref(root);
    }
    tdm_diagnostics_close(&list);
    tdm_diagnostics_close(&list_again);
    tdm_text_free(&first);
    tdm_text_free(&second);
}

static void check_line(tdm_str text)
{
    tdm__wire_line line;
    tdm_progress p;
    tdm_error err;
    if (tdm__wire_line_read(text, &line, &err)) {
        must(!line.root && err.what[0]);
        return;
    }
    must(!!line.progress + !!line.result + !!line.error == 1);
    tdm__wire_progress_read(line.progress, &p);
    must(p.stage && p.unit);
    check_report(line.result ? line.result : line.report);
    if (line.error)
        check_error(line.error);
    tdm__wire_line_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__http_response response = {0};
    tdm__buf body = {0};
    tdm_error err;
    tdm_str whole = {(const char *)data, size}, rest;
    check_line(whole);
    if (!tdm__http_response_take(&response, whole, &body, &err))
        for (tdm_str left = tdm__strn(body.ptr, body.len); left.len; left = rest)
            check_line(tdm__str_cut(left, '\n', &rest));
    tdm__http_response_free(&response);
    tdm__buf_free(&body);
    return 0;
}
