/* Bare models on files: what `tandem model check` and `tandem model predict` do.
 *
 * Rows are read as f64 by the model's own input names. There is no quarantine here: the first row that cannot be read
 * stops it, for a bare model has no policy that says otherwise. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tandem/model.h>
#include "base/fail.h"
#include "codec/rows.h"
#include "model/model.h"

enum { MODEL_BYTES_MAX = 1 << 30, PIECE_BYTES = 64 << 10 };

struct tdm_model {
    tdm__model *model;
};

tdm_status tdm_model_open(const char *path, const char *format, tdm_model **out, tdm_error *err)
{
    tdm__buf bytes = {0};
    *out = NULL;
    tdm_model *m = tdm__new(tdm_model);
    tdm_status s = m ? tdm__read_file(tdm__fs_posix(), path, MODEL_BYTES_MAX, &bytes, err) : tdm__no_memory(err, path);
    if (!s)
        s = tdm__model_load(tdm__strn(bytes.ptr, bytes.len), path, format, &m->model, err);
    tdm__buf_free(&bytes);
    if (s)
        tdm_model_close(&m);
    *out = m;
    return s;
}

void tdm_model_close(tdm_model **model)
{
    if (!model || !*model)
        return;
    tdm__model_close(&(*model)->model);
    tdm__free(*model);
    *model = NULL;
}

tdm_model_info tdm_model_describe(const tdm_model *model)
{
    const tdm__model_info *from = tdm__model_info_of(model->model);
    return (tdm_model_info){.kind = from->kind,
                            .format = from->format,
                            .objective = from->objective,
                            .n_inputs = from->n_inputs,
                            .input = from->input,
                            .n_outputs = from->n_outputs,
                            .n_trees = from->n_trees,
                            .n_leaves_max = from->n_leaves_max,
                            .fact = (const tdm_model_fact *)from->fact,
                            .n_facts = from->n_facts};
}

typedef struct file_job {
    const tdm__model *model;
    tdm__model_output output;
    size_t width;
    bool jsonl;
    const char *path;
    tdm__schema schema;
    double *x, *y;
    tdm__buf out;
    tdm__arena arena, scratch;
    tdm_write_fn write;
    void *self;
} file_job;

static tdm_status prepare(file_job *j, tdm_error *err)
{
    const tdm__model_info *info = tdm__model_info_of(j->model);
    j->width = tdm__model_width(j->model, j->output);
    if (j->output == TDM__LEAF && !j->width)
        return tdm__fail(err, TDM_UNSUPPORTED, "--output leaf", "a model of kind %s has no leaves", info->kind);
    j->schema.n = info->n_inputs;
    j->schema.field = tdm__arena_array(&j->arena, info->n_inputs + 1, tdm__field);
    j->x = tdm__arena_array(&j->arena, info->n_inputs * TDM__BLOCK_ROWS + 1, double);
    j->y = tdm__arena_array(&j->arena, j->width * TDM__BLOCK_ROWS + 1, double);
    if (!j->schema.field || !j->x || !j->y)
        return tdm__no_memory(err, j->path);
    for (size_t i = 0; i < info->n_inputs; i++) {
        j->schema.field[i].name = info->input[i];
        j->schema.field[i].type = (tdm_type){.kind = TDM_F64, .nullable = true};
    }
    return TDM_OK;
}

/* "prediction", or "prediction_3", or "leaf_3". */
static void write_name(file_job *j, size_t i)
{
    tdm__buf_text(&j->out, j->output == TDM__LEAF ? "leaf" : "prediction");
    if (j->width > 1 || j->output == TDM__LEAF)
        tdm__buf_printf(&j->out, "_%zu", i);
}

static void write_header(file_job *j)
{
    for (size_t i = 0; !j->jsonl && i < j->width; i++) {
        if (i)
            tdm__buf_char(&j->out, ',');
        write_name(j, i);
    }
    if (!j->jsonl)
        tdm__buf_char(&j->out, '\n');
}

static void write_row(file_job *j, const double *y)
{
    if (j->jsonl)
        tdm__buf_char(&j->out, '{');
    for (size_t i = 0; i < j->width; i++) {
        tdm_value v = {.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = y[i]};
        if (i)
            tdm__buf_char(&j->out, ',');
        if (!j->jsonl) {
            tdm__value_format(&v, &j->out);
            continue;
        }
        tdm__buf_char(&j->out, '"');
        write_name(j, i);
        tdm__buf_text(&j->out, "\":");
        tdm__value_json(&v, &j->out);
    }
    tdm__buf_text(&j->out, j->jsonl ? "}\n" : "\n");
}

static tdm_status flush(file_job *j, tdm_error *err)
{
    tdm_status s = tdm__buf_check(&j->out, err);
    if (!s && j->out.len)
        s = j->write(j->self, j->out.ptr, j->out.len, err);
    tdm__buf_reset(&j->out);
    return s;
}

/* The first bad row stops it; its place goes before the field's name. */
static tdm_status refuse(const file_job *j, const tdm__bad_row *bad, tdm_error *err)
{
    if (err) {
        *err = bad->error;
        tdm__fail_where(err, "%s:%" PRIu64 "%s%s", j->path, bad->place.line, bad->error.where[0] ? ": " : "",
                        bad->error.where);
    }
    return bad->error.status;
}

static tdm_status score_block(file_job *j, const tdm__row_block *block, tdm_error *err)
{
    size_t n = j->schema.n;
    if (block->n_bad)
        return refuse(j, &block->bad[0], err);
    for (size_t c = 0; c < n; c++)
        for (size_t row = 0; row < block->n; row++)
            j->x[row * n + c] = block->column[c].presence[row] == TDM_PRESENT ? block->column[c].as.f64[row] : NAN;
    tdm_status s = tdm__model_predict(j->model, j->output, j->x, block->n, j->y, &j->scratch, err);
    for (size_t row = 0; !s && row < block->n; row++)
        write_row(j, j->y + row * j->width);
    return !s && j->out.len >= PIECE_BYTES ? flush(j, err) : s;
}

static tdm_status score_rows(file_job *j, tdm__reader *reader, tdm__row_parser *parser, tdm_error *err)
{
    tdm__chunk chunk = {0};
    tdm_status s = TDM_OK;
    while (!s) {
        s = tdm__reader_next(reader, &chunk, err);
        if (s || !chunk.bytes.len)
            break;
        tdm__row_parser_start(parser, &chunk);
        for (const tdm__row_block *block; !s;) {
            s = tdm__row_parser_next(parser, &block, err);
            if (s || (!block->n && !block->n_bad))
                break;
            s = score_block(j, block, err);
        }
    }
    tdm__chunk_free(&chunk);
    return s ? s : flush(j, err);
}

static tdm_status count_missing(const file_job *j, const tdm__reader *reader, size_t *missing, tdm_error *err)
{
    size_t n, found = 0;
    const tdm_str *header = tdm__reader_header(reader, &n);
    *missing = 0;
    if (tdm__reader_format(reader) != TDM__FORMAT_CSV)
        return TDM_OK;
    for (size_t i = 0; i < n; i++)
        found += tdm__schema_find(&j->schema, header[i]) >= 0;
    *missing = j->schema.n - found;
    if (found || !j->schema.n)
        return TDM_OK;
    tdm_status s = tdm__fail(err, TDM_MISMATCH, j->path, "the file has none of the model's inputs");
    tdm_str first = j->schema.field[0].name;
    tdm__fail_expected(err, "columns such as '%.*s'", (int)(first.len < 80 ? first.len : 80), first.ptr);
    if (n)
        tdm__fail_found_text(err, header[0]);
    return s;
}

tdm_status tdm_model_predict_file(const tdm_model *model, const char *path, tdm_model_output output, bool jsonl,
                                  tdm_write_fn write, void *self, size_t *columns_missing, tdm_error *err)
{
    static const tdm__model_output outputs[] = {
        [TDM_OUTPUT_PREDICTION] = TDM__PREDICTION, [TDM_OUTPUT_RAW] = TDM__RAW, [TDM_OUTPUT_LEAF] = TDM__LEAF};
    file_job j = {
        .model = model->model, .output = outputs[output], .jsonl = jsonl, .path = path, .write = write, .self = self};
    tdm__reader *reader = NULL;
    tdm__row_parser *parser = NULL;
    tdm__row_options options = {0};
    size_t missing = 0, n_header;
    tdm_status s = prepare(&j, err);
    if (!s)
        s = tdm__reader_open(tdm__fs_posix(), path, TDM__FORMAT_AUTO, &reader, err);
    if (!s)
        s = count_missing(&j, reader, &missing, err);
    if (!s) {
        const tdm_str *header = tdm__reader_header(reader, &n_header);
        s = tdm__row_parser_new(tdm__reader_format(reader), header, n_header, &j.schema, &options, &parser, err);
    }
    if (!s) {
        write_header(&j);
        s = score_rows(&j, reader, parser, err);
    }
    if (columns_missing)
        *columns_missing = missing;
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    tdm__buf_free(&j.out);
    tdm__arena_free(&j.scratch);
    tdm__arena_free(&j.arena);
    return s;
}
