/* Infer requests given to the route's handler by hand, and a decoder of its answers.
 *
 * Answers are read by jansson and by the code here, never by the library: shapes, sizes and header lengths are checked to
 * add up on the way. */
#ifndef TANDEM_TESTS_OIP_DESK_H
#define TANDEM_TESTS_OIP_DESK_H

#include <jansson.h>
#include <math.h>

#include "fixture.h"
#include "os/clock.h"
#include "server/server_impl.h"

enum { SEATS = 2, LOOP = 0, LARGE = 1, ROWS = 16, OUTPUTS_MAX = 8 };

typedef struct desk {
    tdm_server server;
    tdm__seat *seat[SEATS];
    tdm__serving bare;          /* no services */
    const tdm__serving *serving; /* the one that is asked */
    tdm__arena arena;
    tdm__exchange x;            /* of the last request */
    tdm__http_request request;
    tdm_error err;
} desk;

static inline void open_seats(desk *d)
{
    static _Alignas(64) tdm__seat seats[SEATS];
    memset(d, 0, sizeof *d);
    memset(seats, 0, sizeof seats);
    tdm_server_settings_default(&d->server.settings);
    d->server.seat = d->seat;
    d->server.n_seats = SEATS;
    d->server.n_loops = 1;
    for (unsigned i = 0; i < SEATS; i++) {
        d->seat[i] = &seats[i];
        d->seat[i]->server = &d->server;
        d->seat[i]->index = i;
        d->seat[i]->large = i == LARGE;
        atomic_store(&d->seat[i]->seen, UINT64_MAX);
    }
}

static inline void close_seats(desk *d)
{
    for (unsigned i = 0; i < SEATS; i++) {
        tdm__arena_free(&d->seat[i]->texts);
        tdm__buf_free(&d->seat[i]->body);
        tdm__buf_free(&d->seat[i]->fields);
    }
    tdm__arena_free(&d->arena);
}

/* ---- asking ---- */

/* False: it is left to the thread for large requests. `length` as the field says; NULL: absent. */
static inline bool ask_bytes(desk *d, unsigned seat, const char *model, tdm_str body, const char *length)
{
    tdm__seat *s = d->seat[seat];
    d->request = (tdm__http_request){.method = TDM__HTTP_POST, .minor = 1, .body = body};
    if (length)
        d->request.field[TDM__HTTP_TENSOR_HEADER] = tdm__str(length);
    d->x = (tdm__exchange){.seat = s, .serving = d->serving, .request = &d->request, .argument = {tdm__str(model)},
                           .body_in = body, .arrived_us = fixture_as_of_us, .arrived_ns = tdm__monotonic_ns(),
                           .status = 200, .type = "application/json", .body = &s->body, .fields = &s->fields,
                           .oip = true, .rung = -1};
    d->x.mark_ns = d->x.arrived_ns;
    tdm__arena_reset(&s->texts);
    tdm__buf_reset(&s->body);
    tdm__buf_reset(&s->fields);
    return tdm__route_v2_infer(&d->x);
}

static inline bool ask(desk *d, unsigned seat, const char *model, const char *json)
{
    return ask_bytes(d, seat, model, tdm__str(json), NULL);
}

/* A JSON header and bytes behind it, at any alignment. */
static inline bool ask_binary(desk *d, unsigned seat, const char *model, const char *json, const void *data, size_t n)
{
    static char body[1 << 16];
    char length[24];
    size_t header = strlen(json);
    assert_true(header + n <= sizeof body);
    memcpy(body, json, header);
    memcpy(body + header, data, n);
    snprintf(length, sizeof length, "%zu", header);
    return ask_bytes(d, seat, model, tdm__strn(body, header + n), length);
}

/* ---- reading answers ---- */

typedef struct output {
    char name[32], datatype[8];
    bool binary;
    int64_t shape[2];
    size_t dimensions, n;
    double value[4096];
    const char *text[64];       /* BYTES in JSON */
} output;
typedef struct answer {
    json_t *root;
    output output[OUTPUTS_MAX];
    size_t n;
} answer;

static inline void read_json_output(output *o, const json_t *data)
{
    o->n = json_array_size(data);
    assert_true(o->n <= 4096);
    for (size_t i = 0; i < o->n; i++) {
        const json_t *v = json_array_get(data, i);
        o->value[i] = json_is_null(v) ? NAN : json_number_value(v);
        if (json_is_string(v) && i < 64)
            o->text[i] = json_string_value(v);
    }
}

static inline void read_binary_output(output *o, const unsigned char *at, size_t size)
{
    assert_int_equal(size % 8, 0);
    o->n = size / 8;
    o->binary = true;
    assert_true(o->n <= 4096);
    for (size_t i = 0; i < o->n; i++) {
        uint64_t bits = 0;
        for (int k = 7; k >= 0; k--)
            bits = bits << 8 | at[8 * i + (size_t)k];
        if (!strcmp(o->datatype, "INT64"))
            o->value[i] = (double)(int64_t)bits;
        else
            memcpy(&o->value[i], &bits, 8);
    }
}

static inline void read_shape(output *o, const json_t *shape)
{
    size_t product = 1;
    o->dimensions = json_array_size(shape);
    assert_in_range(o->dimensions, 1, 2);
    for (size_t i = 0; i < o->dimensions; i++) {
        o->shape[i] = json_integer_value(json_array_get(shape, i));
        product *= (size_t)o->shape[i];
    }
    assert_int_equal(product, o->n);
}

/* The whole answer, its sizes checked to add up. */
static inline answer *read_answer(desk *d)
{
    static answer a;
    static char fields[512];
    const tdm__buf *body = d->x.body;
    size_t header = body->len;
    if (d->x.status != 200)
        print_error("%.*s\n", (int)body->len, body->ptr);
    assert_int_equal(d->x.status, 200);
    json_decref(a.root);
    memset(&a, 0, sizeof a);
    snprintf(fields, sizeof fields, "%.*s", (int)d->x.fields->len, d->x.fields->ptr ? d->x.fields->ptr : "");
    const char *says = strstr(fields, "Inference-Header-Content-Length: ");
    if (says)
        header = (size_t)strtoull(says + strlen("Inference-Header-Content-Length: "), NULL, 10);
    assert_string_equal(d->x.type, says ? "application/octet-stream" : "application/json");
    assert_true(header <= body->len);
    a.root = json_loadb(body->ptr, header, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(a.root);
    json_t *outputs = json_object_get(a.root, "outputs"), *one;
    size_t i;
    bool binary = false;
    json_array_foreach(outputs, i, one) {
        output *o = &a.output[a.n++];
        snprintf(o->name, sizeof o->name, "%s", json_string_value(json_object_get(one, "name")));
        snprintf(o->datatype, sizeof o->datatype, "%s", json_string_value(json_object_get(one, "datatype")));
        const json_t *size = json_object_get(json_object_get(one, "parameters"), "binary_data_size");
        assert_true((size == NULL) == (json_object_get(one, "data") != NULL));
        if (size) {
            size_t n = (size_t)json_integer_value(size);
            assert_true(n <= body->len - header);
            read_binary_output(o, (const unsigned char *)body->ptr + header, n);
            header += n;
            binary = true;
        } else {
            read_json_output(o, json_object_get(one, "data"));
        }
        read_shape(o, json_object_get(one, "shape"));
    }
    assert_int_equal(header, body->len);
    assert_int_equal(binary, says != NULL);
    return &a;
}

static inline void assert_bits(const double *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], 8) && !(isnan(got[i]) && isnan(want[i])))
            fail_msg("value %zu: got %a, wanted %a", i, got[i], want[i]);
}

/* ---- refusals ---- */

typedef struct refusal {
    int status;
    const char *json, *says;
} refusal;

static inline const char *error_text(desk *d)
{
    static json_t *root;
    json_decref(root);
    root = json_loadb(d->x.body->ptr, d->x.body->len, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_object_size(root), 1);
    const char *text = json_string_value(json_object_get(root, "error"));
    assert_non_null(text);
    assert_string_equal(d->x.type, "application/json");
    return text;
}

/* Each must get its status and a sentence with this in it. */
static inline void check_refusals(desk *d, const char *model, const refusal *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(ask(d, LOOP, model, list[i].json));
        const char *text = error_text(d);
        if (d->x.status != list[i].status || !strstr(text, list[i].says))
            fail_msg("%s\ngave %d %s\nwanted %d %s", list[i].json, d->x.status, text, list[i].status, list[i].says);
    }
}

/* ---- memory ---- */

/* The same question again and again, JSON with bytes behind it, or (`raw` "0") bytes alone: nothing is allocated after the
 * first few times. */
static inline void count_allocations(desk *d, const char *model, const char *json, const void *data, size_t n, const char *raw)
{
    for (int i = 0; i < 40; i++) {
        uint64_t before = support_allocs();
        assert_true(raw ? ask_bytes(d, LOOP, model, tdm__strn(data, n), raw) : ask_binary(d, LOOP, model, json, data, n));
        uint64_t after = support_allocs();
        assert_int_equal(d->x.status, 200);
        if (i >= 3)
            assert_int_equal(after, before);
    }
}

#endif
