/* A lane: one thread's memory for answering from one servable. Question in, answer out, no allocation once warm.
 *
 * Use: tdm__lane_begin(rows); fill the rows, by tdm__lane_read_json or by setting columns; tdm__lane_answer; then read
 * results or write them with tdm__lane_write_json. A row that is refused when it is read, or that no rung can answer, has
 * its error and leaves the others' bits as they are. One thread at a time; the servable outlives the lane. */
#ifndef TDM_ONLINE_LANE_H
#define TDM_ONLINE_LANE_H

#include "codec/json_scan.h"
#include "online/servable.h"

typedef struct tdm__lane tdm__lane;

/* rows_max: 1..TDM__BLOCK_ROWS rows at a time; memory grows with it. */
tdm_status tdm__lane_new(const tdm__servable *servable, size_t rows_max, tdm__lane **out, tdm_error *err);
void tdm__lane_close(tdm__lane **lane);
const tdm__servable *tdm__lane_servable(const tdm__lane *lane);
size_t tdm__lane_rows_max(const tdm__lane *lane);
/* Touches all that an answer needs: runs a block of missing values and the golden rows through the models, so that the
 * first real question finds memory and caches warm. Errors: TDM_NO_MEMORY, TDM_CORRUPT. */
tdm_status tdm__lane_warm(tdm__lane *lane, tdm_error *err);

/* Starts a block of `rows` rows: all columns missing, no errors. Forgets texts of the block before. */
void tdm__lane_begin(tdm__lane *lane, size_t rows);
/* Columns to fill: key part i (0..package->key.n), request feature i (0..package->n_request). Texts in them must live until
 * the block is done; tdm__lane_texts is an arena for that. */
tdm__column *tdm__lane_key(tdm__lane *lane, size_t i);
tdm__column *tdm__lane_request(tdm__lane *lane, size_t i);
tdm__arena *tdm__lane_texts(tdm__lane *lane);
/* Sets all key parts of a row from one text, "a|b" (the entity's name as a key). Errors as tdm__lane_read_json. */
tdm_status tdm__lane_read_key(tdm__lane *lane, size_t row, tdm_str text, tdm_error *err);
/* Whether something of the release reads its keys: a join, an expression. Else a question may come without. */
bool tdm__lane_needs_key(const tdm__lane *lane);

/* Reads one question {"keys":{...},"features":{...},"as_of":"..."} at the scanner's place into row `row`.
 * has_as_of false: it named none. Returns an error of the text as a whole only (TDM_JSON_SYNTAX, TDM_TEXT_ENCODING,
 * TDM_NO_MEMORY); what is wrong with this one question (types, unknown names, no key) becomes the row's error, and the
 * scanner stands behind the object all the same. */
typedef struct tdm__asked { bool has_as_of; int64_t as_of_us; } tdm__asked;
tdm_status tdm__lane_read_json(tdm__lane *lane, tdm__json_scan *scan, size_t row, tdm__asked *out, tdm_error *err);
/* Refuses a row: it gets this error instead of an answer. The first error of a row counts. */
tdm_status tdm__lane_refuse(tdm__lane *lane, size_t row, const tdm_error *error, tdm_error *err);

/* Features, models, rungs for all rows of the block. Errors of the block as a whole only (TDM_CORRUPT, TDM_NO_MEMORY);
 * `spent` (may be NULL) gets the time in features and in models, added, and when it was done (quick clock). */
typedef struct tdm__lane_times { uint64_t features_ns, models_ns, ended_ns; } tdm__lane_times;
tdm_status tdm__lane_answer(tdm__lane *lane, int64_t as_of_us, tdm__lane_times *spent, tdm_error *err);

/* Results. */
const tdm_error *tdm__lane_error(const tdm__lane *lane, size_t row); /* NULL: the row was answered */
tdm__rung tdm__lane_rung(const tdm__lane *lane, size_t row);
const double *tdm__lane_prediction(const tdm__lane *lane, size_t row);

/* Appends the row's answer (CONTRACT: An answer), or {"error":{...}} with `where` put before the error's own place
 * ("rows[3]", NULL: nothing). A new id each time. */
typedef struct tdm__answer_context {
    uint64_t epoch, position;
    bool explain;        /* adds "features" */
    const char *where;
} tdm__answer_context;
void tdm__lane_write_json(tdm__lane *lane, size_t row, const tdm__answer_context *context, tdm__buf *out);
/* Appends {"code":...,"message":...,"where":...,"expected":...,"found":...,"hint":...}, what is empty left out. */
void tdm__write_error_json(const tdm_error *error, const char *where, tdm__buf *out);

#endif
