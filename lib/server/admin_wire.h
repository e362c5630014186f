/* What a process that asks for a command and the server that does it agree on. Private to lib/server.
 *
 * A command is a request with one JSON object: POST /admin/v1/NAME over HTTP/1.1, at admin.sock in the home or at the admin
 * address. Its answer is JSON lines:
 *     {"progress":{"stage":…,"done":…,"total":…,"unit":…,"rows":…,"rows_quarantined":…}}     any number
 *     {"result":{…}}      or      {"error":{"code":…,…,"diagnostics":[…]},"report":{…},"home":…}    the last one
 * A result and a report have the members of the public struct that they stand for, by the same names: tables here make both
 * the writing and the reading. An error's report is what the command fills in although it failed (a gate). "home" is what
 * the server calls the home's folder, which may stand in the error's texts.
 *
 * Whoever asks and closes the connection, or its own side of it, cancels the command. */
#ifndef TDM_SERVER_ADMIN_WIRE_H
#define TDM_SERVER_ADMIN_WIRE_H

#include <jansson.h>
#include <stdbool.h>
#include <tandem/json.h>
#include <tandem/run.h>
#include "base/text.h"

/* How much the thread that does a command gives way to those that answer. */
typedef enum tdm__pace { TDM__PACE_EQUAL, TDM__PACE_PATIENT, TDM__PACE_BACKGROUND } tdm__pace;

/* A cutover takes only time that nobody wants, for a second; then it yields and no more, since under full load a rollback is
 * wanted soon.
 *   method, name, pace, members that its request may have, text */
#define TDM__ADMIN_COMMANDS(X)                                                                                            \
    X(POST, promote,    PATIENT,    "release table expect",                         "stage a release, make it current")   \
    X(POST, rollback,   PATIENT,    "service",                                      "give back what was there before")    \
    X(POST, load,       BACKGROUND, "source files names replace bad_share_max",     "rows of files into a source")        \
    X(POST, run,        BACKGROUND, "release population name as_of threads promote", "score, publish a table")            \
    X(POST, source_add, PATIENT,    "path",                                         "define or evolve sources")           \
    X(POST, pack,       PATIENT,    "dir",                                          "check and freeze a release folder")  \
    X(POST, drain,      EQUAL,      "",                                             "answer on, but be ready no more")    \
    X(GET,  status,     EQUAL,      "",                                             "what is current and measured")       \
    X(GET,  top,        EQUAL,      "",                                             "counters and latencies")

#define TDM__ADMIN_SOCKET "admin.sock"
#define TDM__ADMIN_PATH "/admin/v1/"
enum {
    TDM__ADMIN_REQUEST_BYTES_MAX = 4 << 20,
    TDM__ADMIN_LINE_BYTES_MAX = 16 << 20,
    TDM__ADMIN_FILES_MAX = 65536
};

/* ---- reports: the same table writes and reads ---- */

typedef enum tdm__report_kind {
    TDM__REPORT_U64, TDM__REPORT_I64, TDM__REPORT_F64, TDM__REPORT_BOOL, TDM__REPORT_TEXT, TDM__REPORT_UNSIGNED,
    TDM__REPORT_SIZE
} tdm__report_kind;
typedef struct tdm__report_field {
    const char *name;
    tdm__report_kind kind;
    size_t offset, size; /* in its struct; a text's size counts its NUL */
} tdm__report_field;
typedef struct tdm__report_table {
    const tdm__report_field *field;
    size_t n;
} tdm__report_table;
extern const tdm__report_table tdm__report_load, tdm__report_added; /* tdm_load_report, tdm_source_added */

/* Members into the object that is open. */
void tdm__report_write(const tdm__report_table *table, const void *report, tdm_json *j);
void tdm__report_write_run(const tdm_run_report *report, tdm_json *j);
/* Fills a zeroed report; a member that is absent stays zero, one that is not known is passed over. TDM_CORRUPT when one
 * does not fit its member. `object` may be NULL: nothing is known. */
tdm_status tdm__report_read(const tdm__report_table *table, const json_t *object, void *report, tdm_error *err);
tdm_status tdm__report_read_run(const json_t *object, tdm_run_report *report, tdm_error *err);

/* ---- errors ---- */

/* The value `{"code":…}` of a member `name` (NULL: as an item) with all members of the error that are not empty, and what
 * the diagnostics list, with excerpts. */
void tdm__wire_error_write(const tdm_error *error, const tdm_diagnostics *diagnostics, const char *name, tdm_json *j);
/* The other way round; what the list holds is added to `diagnostics` (NULL: dropped). Texts too long are cut.
 * TDM_CORRUPT. */
tdm_status tdm__wire_error_read(const json_t *object, tdm_error *error, tdm_diagnostics *diagnostics, tdm_error *err);

/* ---- lines ---- */

typedef struct tdm__wire_line {
    json_t *root;            /* released by tdm__wire_line_free; the others lie in it */
    const json_t *progress, *result, *error, *report;
    const char *home;        /* NULL when it does not stand there */
} tdm__wire_line;
/* Reads one line: exactly one of progress, result and error is not NULL on TDM_OK. TDM_CORRUPT, TDM_NO_MEMORY. */
tdm_status tdm__wire_line_read(tdm_str text, tdm__wire_line *out, tdm_error *err);
void tdm__wire_line_free(tdm__wire_line *line);
void tdm__wire_progress_write(const tdm_progress *p, tdm_json *j);
/* *p points into the line. Total on whatever stands there: what is absent is 0 or "". */
void tdm__wire_progress_read(const json_t *object, tdm_progress *p);

#endif
