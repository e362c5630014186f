/* Filling a tdm_error: where, what, expected, found.
 *
 * Every function takes a NULL error and returns the status, so that a failure is one statement:
 *     return tdm__fail(err, TDM_CORRUPT, path, "the header's digest does not match"); */
#ifndef TDM_BASE_FAIL_H
#define TDM_BASE_FAIL_H

#include <tandem/status.h>
#include <tandem/value.h>

/* Sets status, where (may be NULL) and what; clears expected, found and hint. */
tdm_status tdm__fail(tdm_error *err, tdm_status status, const char *where, const char *what, ...) TDM_PRINTF(4, 5);
/* Adds to a filled error; each returns err->status (or `TDM_BAD_INPUT` when err is NULL: use the value of
 * tdm__fail when err may be NULL). */
void tdm__fail_expected(tdm_error *err, const char *format, ...) TDM_PRINTF(2, 3);
void tdm__fail_found(tdm_error *err, const char *format, ...) TDM_PRINTF(2, 3);
/* Found: a text from outside, quoted, control bytes escaped, cut with an ellipsis. */
void tdm__fail_found_text(tdm_error *err, tdm_str text);
/* Found: a value of JSON as it stands there, in the quotes that it has; control bytes escaped, cut with an ellipsis. */
void tdm__fail_found_json(tdm_error *err, tdm_str token);
void tdm__fail_hint(tdm_error *err, const char *format, ...) TDM_PRINTF(2, 3);
/* Replaces where; with `prefix` NULL a no-op. For callers that know the place better than the callee. */
void tdm__fail_where(tdm_error *err, const char *format, ...) TDM_PRINTF(2, 3);

#define tdm__no_memory(err, where) tdm__fail((err), TDM_NO_MEMORY, (where), "out of memory")

/* Adds a copy of `error` to the list, with an excerpt of two lines (may be NULL). Bounded; when the list
 * itself has no memory left the error is counted only. Returns error->status. */
tdm_status tdm__diagnose(tdm_diagnostics *list, const tdm_error *error, const char *excerpt);
/* As above for a fault at line and column (1-based) of `text`, the whole of a document: where becomes
 * "name:line:col" and the excerpt is that line with a caret. Tabs are kept, long lines are cut around it. */
tdm_status tdm__diagnose_at(tdm_diagnostics *list, tdm_error *error, const char *name, tdm_str text, size_t line,
                            size_t col);

/* The candidate nearest to `word` by Damerau-Levenshtein distance, if near enough to be a slip
 * (distance at most 1 for up to 4 letters, 2 up to 8, else 3); NULL when none is. */
const char *tdm__nearest(tdm_str word, const char *const *candidates, size_t n);

#endif
