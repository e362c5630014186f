/* One infer request of the Open Inference Protocol, read: its JSON header as a bounded struct, and where its data are.
 *
 * The header is read in one pass and no tree is made. What a model makes of the tensors is not known here, but for one
 * thing: with `values` set, numbers in JSON become doubles while the header is read, so that they are looked at once.
 * Everything lies in the request's body and in the arena. After an error the struct is fit for nothing but `deferred`. */
#ifndef TDM_SERVER_OIP_REQUEST_H
#define TDM_SERVER_OIP_REQUEST_H

#include "codec/tensor.h"

typedef struct tdm__oip_tensor {
    tdm_str name;
    tdm__shape shape;
    uint64_t elements;       /* the shape's product */
    tdm__datatype datatype;
    uint16_t given;          /* members that were there, a bit each (oip_request.c) */
    bool binary;
    uint64_t binary_bytes;   /* as binary_data_size says */
    tdm_str bytes;           /* binary: its elements */
    const char *json;        /* not binary: where its list begins in the header */
    double *values;          /* not binary, when wanted: its elements */
} tdm__oip_tensor;

typedef struct tdm__oip_asked {
    tdm_str name;
    bool says, binary;       /* binary_data was given, and is this */
} tdm__oip_asked;

typedef struct tdm__oip_request {
    /* What the caller sets. */
    tdm__arena *texts;
    size_t inputs_max, outputs_max; /* tensors that the model can have */
    int64_t rows_here;       /* a first dimension above this ends the reading with `deferred` */
    bool values;
    /* What is read. */
    bool deferred;
    bool raw;                /* the body is one tensor and has no header: see tdm__oip_raw */
    bool has_id, has_as_of, binary_output;
    tdm_str id;
    int64_t as_of_us;
    uint64_t timeout_us;     /* 0: none */
    tdm__oip_tensor *input;
    size_t n_inputs, inputs_cap;
    tdm__oip_asked *output;  /* none: all that come unasked */
    size_t n_outputs, outputs_cap;
    tdm__json_scan scan;     /* of the header: copies of it, put to tensor->json, read tensors */
} tdm__oip_request;

/* Reads a body. header_length is the field Inference-Header-Content-Length; ptr NULL: absent, all is JSON. Every tensor has
 * a name, a shape, a datatype and exactly one of bytes and json; bytes are as many as shape and datatype want. */
tdm_status tdm__oip_read(tdm__oip_request *r, tdm_str body, tdm_str header_length, tdm_error *err);
/* The tensor of a raw request: one row of `columns` numbers, FP64, or FP32 when the body is of that length. */
tdm_status tdm__oip_raw(tdm__oip_request *r, size_t columns, tdm_error *err);
/* A scanner at a tensor's list, with texts to `texts`. */
tdm__json_scan tdm__oip_scan_at(const tdm__oip_request *r, const tdm__oip_tensor *t, tdm__arena *texts, tdm_error *err);

/* Puts a name before an error's place: "shape" within "age" is "age.shape", "[3]" within "data" is "data[3]". Returns the
 * error's status; errors that are not of a place stay as they are. */
tdm_status tdm__oip_within(tdm_error *err, tdm_str name);
/* "inputs.NAME", before the error's own place. */
tdm_status tdm__oip_of_input(tdm_error *err, const tdm__oip_tensor *t);
/* The number of the element that an error's place begins with: 3 of "[3]". False: it does not. */
bool tdm__oip_element(const tdm_error *err, size_t *i);
/* Found: the tensor's shape, as JSON. */
void tdm__oip_found_shape(tdm_error *err, const tdm__shape *shape);

#endif
