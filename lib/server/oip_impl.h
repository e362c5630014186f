/* The Open Inference Protocol's parts: which model is meant, what is asked of it, what it answers. Private to oip_*.c.
 *
 * Way of an infer request: oip_infer.c finds the model and has the request read; oip_model.c (bare models) or oip_service.c
 * (releases) gives the tensors their places, runs the rows in blocks of the seat's lane and keeps results in the seat's
 * arena; oip_answer.c writes them. */
#ifndef TDM_SERVER_OIP_IMPL_H
#define TDM_SERVER_OIP_IMPL_H

#include "server/oip_request.h"
#include "server/server_impl.h"

/* A service or a bare model: one of the two is not NULL. */
typedef struct tdm__oip_target {
    const char *name, *version;  /* the release's id, or the SHA-256 of the model's file */
    tdm__served *service;
    const tdm__bare_model *model;
} tdm__oip_target;

/* What the path names: argument[0], and argument[1] when it has a version. Always TDM_NOT_FOUND when there is none. */
tdm_status tdm__oip_find(const tdm__exchange *x, tdm__oip_target *out, tdm_error *err);

/* One tensor of an answer. */
typedef struct tdm__oip_output {
    tdm_str name, label;         /* label: the name as JSON, with its quotes */
    tdm__datatype datatype;      /* FP64, INT64 or BYTES */
    bool binary, taken;          /* taken: chosen already */
    bool matrix;                 /* of shape [rows, width]; else [rows] */
    size_t width;
    double *values;              /* rows x width, row-major: FP64, and whole numbers of INT64 */
    const uint8_t *rungs;        /* BYTES: a rung a row */
    size_t prediction;           /* services: which one FP64 is */
} tdm__oip_output;

typedef struct tdm__oip_job {
    tdm__exchange *x;
    const tdm__oip_target *target;
    tdm__oip_request request;
    size_t rows;
    tdm__oip_output *output;
    size_t n_outputs;
    int64_t as_of_us;            /* services */
    tdm__rung worst;             /* services: of all rows */
} tdm__oip_job;

/* Answers all rows: fills rows and output. On failure nothing was noted anywhere. */
tdm_status tdm__oip_run_model(tdm__oip_job *job, tdm_error *err);
tdm_status tdm__oip_run_service(tdm__oip_job *job, tdm_error *err);
/* Writes type, header field and body. */
tdm_status tdm__oip_write(const tdm__oip_job *job, tdm_error *err);

/* What both kinds share when they look at the tensors. */
/* Whether it is [rows] or [rows, 1]. */
bool tdm__oip_is_column(const tdm__shape *shape);
/* Sets job->rows by the first tensor, checks that the others have as many; at least one, at most rows_max. */
tdm_status tdm__oip_take_rows(tdm__oip_job *job, const tdm__oip_tensor *t, tdm_error *err);
/* An error of this tensor: its place, and its shape as found. */
tdm_status tdm__oip_wrong_shape(const tdm__oip_tensor *t, tdm_error *err, const char *expected, ...) TDM_PRINTF(3, 4);
tdm_status tdm__oip_twice(const tdm__oip_tensor *t, tdm_error *err);
/* Chooses outputs: those asked for, or the first n_default of the known ones. */
tdm_status tdm__oip_choose(tdm__oip_job *job, tdm__oip_output *known, size_t n_known, size_t n_default,
                           tdm_error *err);
/* Gives each output of numbers room for its values; TDM_TOO_LARGE when the answer would not fit the server's limit. */
tdm_status tdm__oip_reserve(tdm__oip_job *job, tdm_error *err);
/* The question is read: the stage ends, and nothing runs past its deadline. */
tdm_status tdm__oip_begin(tdm__oip_job *job, tdm_error *err);

#endif
