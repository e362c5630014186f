/* Infer requests of the Open Inference Protocol, given to the route's handler by hand: numbers to the bit in every form,
 * every refusal with its sentence, what a loop leaves to the thread for large requests, and memory.
 *
 * Answers are read by jansson and by a decoder of this file; sums are computed by plain C. */
#include <jansson.h>
#include <math.h>

#include "base/random.h"
#include "fixture.h"
#include "os/clock.h"
#include "server/server_impl.h"

#include <tandem/epoch.h>

enum { SEATS = 2, LOOP = 0, LARGE = 1, INPUTS = 5, ROWS = 16, OUTPUTS_MAX = 8 };

static const double weights[INPUTS] = {1, -2.5, 0.1, 1000, 3e-7};
static const char linear_json[] = "{\"kind\":\"linear\",\"inputs\":[\"a\",\"b\",\"c\",\"d\",\"e\"],"
                                  "\"weights\":[1,-2.5,0.1,1000,3e-7],\"intercept\":0.5}";

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

static void open_seats(desk *d)
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

static void close_seats(desk *d)
{
    for (unsigned i = 0; i < SEATS; i++) {
        tdm__arena_free(&d->seat[i]->texts);
        tdm__buf_free(&d->seat[i]->body);
        tdm__buf_free(&d->seat[i]->fields);
    }
    tdm__arena_free(&d->arena);
}

static void open_bare(desk *d)
{
    open_seats(d);
    const char *linear = support_path(support_temp_dir(), "linear.json");
    support_write_file(linear, linear_json, strlen(linear_json));
    const tdm_server_model model[] = {
        {"lin", linear},
        {"trees", support_path(support_source_root(), "tests/parity/data/multiclass-v4.txt")},
    };
    assert_ok(tdm__models_open(&d->server, model, 2, &d->err), &d->err);
    assert_true(tdm__names_index_make(&d->bare.by_name, NULL, 0, &d->arena));
    d->bare.model = d->server.model;
    d->bare.n_models = d->server.n_models;
    d->serving = &d->bare;
}

static void close_bare(desk *d)
{
    tdm__models_close(&d->server);
    close_seats(d);
}

/* ---- asking ---- */

/* False: it is left to the thread for large requests. `length` as the field says; NULL: absent. */
static bool ask_bytes(desk *d, unsigned seat, const char *model, tdm_str body, const char *length)
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

static bool ask(desk *d, unsigned seat, const char *model, const char *json)
{
    return ask_bytes(d, seat, model, tdm__str(json), NULL);
}

/* A JSON header and bytes behind it, at any alignment. */
static bool ask_binary(desk *d, unsigned seat, const char *model, const char *json, const void *data, size_t n)
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

static void read_json_output(output *o, const json_t *data)
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

static void read_binary_output(output *o, const unsigned char *at, size_t size)
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

static void read_shape(output *o, const json_t *shape)
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
static answer *read_answer(desk *d)
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

static void assert_bits(const double *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], 8) && !(isnan(got[i]) && isnan(want[i])))
            fail_msg("value %zu: got %a, wanted %a", i, got[i], want[i]);
}

/* ---- rows ---- */

static double sum(const double *x)
{
    double total = 0.5;
    for (int i = 0; i < INPUTS; i++)
        total += weights[i] * x[i];
    return total;
}

typedef struct rows {
    size_t n;
    double x[ROWS * INPUTS], y[ROWS]; /* x are floats, so that every form can carry them */
    float f[ROWS * INPUTS];
} rows;

static void make_rows(rows *r, size_t n, tdm__random *random)
{
    r->n = n;
    for (size_t i = 0; i < n * INPUTS; i++) {
        r->f[i] = (float)(tdm__random_below(random, 2000001) / 1000.0 - 1000);
        r->x[i] = (double)r->f[i];
    }
    for (size_t i = 0; i < n; i++)
        r->y[i] = sum(r->x + i * INPUTS);
}

static void check_prediction(desk *d, const rows *r)
{
    const answer *a = read_answer(d);
    assert_int_equal(a->n, 1);
    assert_string_equal(a->output[0].name, "prediction");
    assert_string_equal(a->output[0].datatype, "FP64");
    assert_int_equal(a->output[0].dimensions, 1);
    assert_int_equal(a->output[0].n, r->n);
    assert_bits(a->output[0].value, r->y, r->n);
    assert_int_equal(d->x.rows, r->n);
    assert_int_equal(d->x.code, TDM_OK);
}

static const char *print_list(const rows *r, bool nested)
{
    static char text[ROWS * INPUTS * 32];
    char *at = text;
    at += sprintf(at, "[");
    for (size_t i = 0; i < r->n * INPUTS; i++)
        at += sprintf(at, "%s%s%.17g%s", i ? "," : "", nested && i % INPUTS == 0 ? "[" : "", r->x[i],
                      nested && i % INPUTS == INPUTS - 1 ? "]" : "");
    sprintf(at, "]");
    return text;
}

/* ---- bare models ---- */

static void test_every_form_of_a_matrix(void **state)
{
    (void)state;
    desk d;
    rows r;
    tdm__random random;
    char head[1024];
    static char text[1 << 14];
    tdm__random_seed(&random, support_seed());
    open_bare(&d);
    for (size_t n = 1; n <= ROWS; n++) {
        make_rows(&r, n, &random);
        for (int pad = 0; pad < 8; pad++) { /* every alignment of the bytes */
            snprintf(head, sizeof head, "{\"inputs\":[{\"name\":\"input\",\"shape\":[%zu,5],\"datatype\":\"FP64\","
                     "\"parameters\":{\"binary_data_size\":%zu}}]}%*s", n, n * INPUTS * 8, pad, "");
            assert_true(ask_binary(&d, LOOP, "lin", head, r.x, n * INPUTS * 8));
            check_prediction(&d, &r);
        }
        snprintf(head, sizeof head, "{\"inputs\":[{\"parameters\":{\"binary_data_size\":%zu},\"name\":\"whatever\","
                 "\"datatype\":\"FP32\",\"shape\":[%zu,5]}],\"parameters\":{\"binary_data_output\":true}}",
                 n * INPUTS * 4, n);
        assert_true(ask_binary(&d, LOOP, "lin", head, r.f, n * INPUTS * 4));
        check_prediction(&d, &r);
        for (int form = 0; form < 4; form++) { /* flat or nested; the list before or after what it is */
            const char *list = print_list(&r, form & 1);
            snprintf(text, sizeof text, form & 2 ? "{\"inputs\":[{\"data\":%s,\"datatype\":\"FP64\",\"shape\":[%zu,5],"
                     "\"name\":\"input\"}]}" : "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP64\",\"data\":%s,"
                     "\"shape\":[%zu,5]}]}", list, n);
            assert_true(ask(&d, LOOP, "lin", text));
            check_prediction(&d, &r);
        }
    }
    close_bare(&d);
}

static void test_raw_requests(void **state)
{
    (void)state;
    desk d;
    rows r;
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    open_bare(&d);
    make_rows(&r, 1, &random);
    assert_true(ask_bytes(&d, LOOP, "lin", tdm__strn((const char *)r.x, sizeof(double) * INPUTS), "0"));
    check_prediction(&d, &r);
    assert_true(read_answer(&d)->output[0].binary);
    assert_true(ask_bytes(&d, LOOP, "lin", tdm__strn((const char *)r.f, sizeof(float) * INPUTS), "0"));
    check_prediction(&d, &r);
    assert_true(ask_bytes(&d, LOOP, "lin", tdm__strn((const char *)r.x, 39), "0"));
    assert_int_equal(d.x.status, 400);
    close_bare(&d);
}

/* One tensor an input, some in JSON and some binary, in any order, some absent. */
static void test_a_tensor_for_each_input(void **state)
{
    (void)state;
    desk d;
    tdm__random random;
    rows r;
    tdm__random_seed(&random, support_seed());
    open_bare(&d);
    for (int round = 0; round < 200; round++) {
        size_t n = 1 + tdm__random_below(&random, ROWS), sent = 0, first = tdm__random_below(&random, INPUTS);
        char head[8192], *at = head + sprintf(head, "{\"inputs\":["), bytes[8 * ROWS * INPUTS];
        bool given[INPUTS] = {false};
        make_rows(&r, n, &random);
        for (size_t k = 0; k < INPUTS; k++) {
            size_t i = (first + k) % INPUTS;
            if (k && tdm__random_below(&random, 4) == 0)
                continue;
            given[i] = true;
            at += sprintf(at, "%s{\"name\":\"%c\",\"shape\":[%zu%s],\"datatype\":\"FP64\",", k ? "," : "",
                          (int)('a' + i), n, k % 2 ? ",1" : "");
            bool binary = tdm__random_below(&random, 2);
            at += binary ? sprintf(at, "\"parameters\":{\"binary_data_size\":%zu}}", n * 8) : sprintf(at, "\"data\":[");
            for (size_t row = 0; row < n; row++) {
                double v = r.x[row * INPUTS + i];
                if (binary)
                    memcpy(bytes + sent + 8 * row, &v, 8);
                else
                    at += sprintf(at, "%s%.17g", row ? "," : "", v);
            }
            if (binary)
                sent += 8 * n;
            else
                at += sprintf(at, "]}");
        }
        sprintf(at, "]}");
        for (size_t row = 0; row < n; row++) {
            for (size_t i = 0; i < INPUTS; i++)
                if (!given[i])
                    r.x[row * INPUTS + i] = NAN;
            r.y[row] = sum(r.x + row * INPUTS);
        }
        assert_true(ask_binary(&d, LOOP, "lin", head, bytes, sent));
        check_prediction(&d, &r);
    }
    close_bare(&d);
}

static void test_outputs_by_name(void **state)
{
    (void)state;
    desk d;
    open_bare(&d);
    const tdm__bare_model *trees = &d.server.model[1];
    const tdm__model_info *info = tdm__model_info_of(trees->model);
    size_t n = 3, inputs = info->n_inputs;
    double x[3 * 64] = {0};
    char head[1024];
    assert_true(inputs <= 64 && info->n_outputs == 3);
    for (size_t i = 0; i < n * inputs; i++)
        x[i] = (double)(i * 37 % 19) / 4 - 2;
    snprintf(head, sizeof head, "{\"id\":\"q\\\"1\",\"inputs\":[{\"name\":\"input\",\"shape\":[3,%zu],\"datatype\":\"FP64\","
             "\"parameters\":{\"binary_data_size\":%zu}}],\"parameters\":{\"binary_data_output\":true},\"outputs\":["
             "{\"name\":\"leaf\"},{\"name\":\"raw\",\"parameters\":{\"binary_data\":false}},{\"name\":\"prediction\"}]}",
             inputs, n * inputs * 8);
    assert_true(ask_binary(&d, LOOP, "trees", head, x, n * inputs * 8));
    const answer *a = read_answer(&d);
    assert_string_equal(json_string_value(json_object_get(a->root, "id")), "q\"1");
    assert_string_equal(json_string_value(json_object_get(a->root, "model_version")), trees->sha256);
    assert_int_equal(a->n, 3);
    static const struct { const char *name; tdm__model_output output; bool binary; } wanted[] = {
        {"leaf", TDM__LEAF, true}, {"raw", TDM__RAW, false}, {"prediction", TDM__PREDICTION, true}};
    for (size_t i = 0; i < 3; i++) {
        double y[4096];
        tdm__arena scratch = {0};
        size_t width = tdm__model_width(trees->model, wanted[i].output);
        assert_ok(tdm__model_predict(trees->model, wanted[i].output, x, n, y, &scratch, &d.err), &d.err);
        assert_string_equal(a->output[i].name, wanted[i].name);
        assert_string_equal(a->output[i].datatype, i ? "FP64" : "INT64");
        assert_int_equal(a->output[i].binary, wanted[i].binary);
        assert_int_equal(a->output[i].shape[0], n);
        assert_int_equal(a->output[i].shape[1], width);
        assert_bits(a->output[i].value, y, n * width);
        tdm__arena_free(&scratch);
    }
    close_bare(&d);
}

/* ---- refusals ---- */

typedef struct refusal {
    int status;
    const char *json, *says;
} refusal;
#define TENSOR(name, shape, rest) "{\"name\":\"" name "\",\"shape\":" shape ",\"datatype\":\"FP64\"," rest "}"
#define DATA "\"data\":[1,2,3,4,5]"
#define GOOD TENSOR("input", "[1,5]", DATA)

static const refusal refusals[] = {
    {400, "", "at byte 1"},
    {400, "{\"inputs\":[]}", "inputs: the request has no inputs"},
    {400, "{\"inputs\":[" GOOD "]} x", "nothing may follow"},
    {400, "{\"inputs\":[{\"shape\":[1,5]}]}", "inputs[0]: there is no 'name'"},
    {400, "{\"inputs\":[{\"name\":\"t\"}]}", "inputs.t: there is no 'shape'"},
    {400, "{\"inputs\":[{\"name\":\"t\",\"shape\":[1]}]}", "inputs.t: there is no 'datatype'"},
    {400, "{\"inputs\":[" TENSOR("t", "[1,5]", "\"x\":1") "]}", "inputs.t: there is neither 'data' nor"},
    {400, "{\"inputs\":[{\"name\":\"t\",\"name\":\"t\"}]}", "the same name twice"},
    {400, "{\"inputs\":[" TENSOR("t", "[-1,5]", DATA) "]}", "inputs.t.shape[0]: a dimension may not be negative"},
    {400, "{\"inputs\":[" TENSOR("t", "[9223372036854775807,9]", DATA) "]}", "inputs.t.shape: the shape has too many elements"},
    {400, "{\"inputs\":[" TENSOR("t", "[4294967296,4294967296]", DATA) "]}", "inputs.t.shape: the shape has too many"},
    {400, "{\"inputs\":[" TENSOR("t", "[1,4]", "\"data\":[1,2,3,4]") "]}",
     "inputs.t.shape: the tensor does not have the shape that the model takes: expected [rows,5], found [1,4]"},
    {400, "{\"inputs\":[" TENSOR("t", "[0,5]", "\"data\":[]") "]}", "expected at least one row, found [0,5]"},
    {400, "{\"inputs\":[" TENSOR("t", "[1,5]", "\"data\":[1,2,\"x\",4,5]") "]}", "inputs.t.data[2]: "},
    {400, "{\"inputs\":[" TENSOR("t", "[1,5]", "\"data\":[1,2,1e400,4,5]") "]}", "inputs.t.data[2]: "},
    {400, "{\"inputs\":[" TENSOR("t", "[1,5]", "\"data\":[1,2,3,4]") "]}", "inputs.t.data: "},
    {400, "{\"inputs\":[" TENSOR("t", "[1,1000000]", DATA) "]}", "inputs.t.data: the list has fewer elements than the shape"},
    {400, "{\"inputs\":[{\"name\":\"t\",\"datatype\":\"FP63\"}]}", "inputs.t.datatype: there is no such datatype"},
    {400, "{\"inputs\":[{\"name\":\"t\",\"shape\":[1,5],\"datatype\":\"BYTES\",\"data\":[]}]}", "found BYTES"},
    {400, "{\"inputs\":[" TENSOR("t", "[1,5]", "\"parameters\":{\"binary_data_size\":40}") "]}",
     "body: what follows the JSON header is not what its inputs add up to: expected 40 bytes of tensors, found 0"},
    {400, "{\"inputs\":[" TENSOR("t", "[1,5]", "\"parameters\":{\"binary_data_size\":39}") "]}",
     "inputs.t: the tensor's size is not what its shape and datatype make: expected 40 bytes: 5 elements of 8, found 39 bytes"},
    {400, "{\"inputs\":[" TENSOR("t", "[1,5]", "\"parameters\":{\"binary_data_size\":-1}") "]}",
     "inputs.t.parameters.binary_data_size: "},
    {400, "{\"inputs\":[" TENSOR("t", "[1,5]", DATA ",\"parameters\":{\"binary_data_size\":40}") "]}", "inputs.t: there are both"},
    {400, "{\"inputs\":[" TENSOR("t", "[1,5]", "\"parameters\":{\"shared_memory_region\":\"x\"}") "]}",
     "shared memory is not supported"},
    {400, "{\"inputs\":[" TENSOR("a", "[1]", "\"data\":[1]") "," TENSOR("a", "[1]", "\"data\":[1]") "]}",
     "inputs.a: the input is given twice"},
    {400, "{\"inputs\":[" TENSOR("a", "[1]", "\"data\":[1]") "," TENSOR("b", "[2]", "\"data\":[1,2]") "]}",
     "inputs.b.shape: "},
    {400, "{\"inputs\":[" TENSOR("a", "[1]", "\"data\":[1]") "," TENSOR("z", "[1]", "\"data\":[1]") "]}",
     "inputs.z: the model has no such input"},
    {400, "{\"inputs\":[" GOOD "],\"outputs\":[{\"name\":\"rav\"}]}", "did you mean 'raw'?"},
    {400, "{\"inputs\":[" GOOD "],\"outputs\":[{\"name\":\"leaf\"}]}", "outputs: the model has no such output"},
    {400, "{\"inputs\":[" GOOD "],\"outputs\":[{\"name\":\"raw\"},{\"name\":\"raw\"}]}",
     "outputs.raw: the output is asked for twice"},
    {400, "{\"inputs\":[" GOOD "],\"outputs\":[{\"name\":\"raw\",\"parameters\":{\"binary_data\":1}}]}",
     "outputs.raw.parameters.binary_data: the value is not"},
    {400, "{\"inputs\":[" GOOD "],\"outputs\":[{\"name\":\"raw\",\"parameters\":{\"classification\":1}}]}", "not supported"},
    {400, "{\"inputs\":[" GOOD "],\"id\":1}", "id: the value is not a string"},
    {400, "{\"inputs\":[" GOOD "],\"parameters\":{\"timeout\":-1}}", "parameters.timeout: "},
    {400, "{\"inputs\":[" GOOD "],\"parameters\":{\"as_of\":\"x\"}}", "parameters.as_of: the text is not an instant"},
};

static const char *error_text(desk *d)
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

static void test_refusals(void **state)
{
    (void)state;
    desk d;
    open_bare(&d);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        assert_true(ask(&d, LOOP, "lin", refusals[i].json));
        const char *text = error_text(&d);
        if (d.x.status != refusals[i].status || !strstr(text, refusals[i].says))
            fail_msg("%s\ngave %d %s\nwanted %d %s", refusals[i].json, d.x.status, text, refusals[i].status,
                     refusals[i].says);
    }
    assert_true(ask(&d, LOOP, "lina", "{}"));
    assert_int_equal(d.x.status, 404);
    assert_string_equal(error_text(&d), "Request for unknown model: 'lina' is not found");
    close_bare(&d);
}

static void test_header_lengths(void **state)
{
    (void)state;
    static const char *const lengths[] = {"", "-1", "+5", "0x5", "5 ", "99999999999999999999", "18446744073709551616", "200"};
    static const char body[] = "{\"inputs\":[" GOOD "]}";
    desk d;
    open_bare(&d);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_true(ask_bytes(&d, LOOP, "lin", tdm__str(body), lengths[i]));
        assert_int_equal(d.x.status, 400);
        assert_non_null(strstr(error_text(&d), "Inference-Header-Content-Length: "));
    }
    char length[16];
    snprintf(length, sizeof length, "%zu", sizeof body - 1);
    assert_true(ask_bytes(&d, LOOP, "lin", tdm__str(body), length));
    read_answer(&d);
    close_bare(&d);
}

/* ---- large requests, deadlines ---- */

static void test_a_loop_leaves_large_requests(void **state)
{
    (void)state;
    enum { MANY = 300 };
    desk d;
    static double x[MANY * INPUTS];
    char head[256];
    open_bare(&d);
    for (size_t i = 0; i < MANY * INPUTS; i++)
        x[i] = (double)i;
    for (size_t n = ROWS; n <= MANY; n += n == ROWS ? 1 : MANY - ROWS - 1) {
        snprintf(head, sizeof head, "{\"inputs\":[{\"name\":\"input\",\"shape\":[%zu,5],\"datatype\":\"FP64\","
                 "\"parameters\":{\"binary_data_size\":%zu}}]}", n, n * INPUTS * 8);
        assert_int_equal(ask_binary(&d, LOOP, "lin", head, x, n * INPUTS * 8), n <= ROWS);
        if (n > ROWS)
            assert_int_equal(d.x.body->len, 0);
        assert_true(ask_binary(&d, LARGE, "lin", head, x, n * INPUTS * 8));
        const answer *a = read_answer(&d);
        assert_int_equal(a->output[0].n, n);
        for (size_t i = 0; i < n; i++)
            assert_true(a->output[0].value[i] == sum(x + i * INPUTS));
    }
    static char spaces[TDM__LOOP_BODY_BYTES + 1];
    memset(spaces, ' ', sizeof spaces);
    assert_false(ask_bytes(&d, LOOP, "lin", tdm__strn(spaces, sizeof spaces), NULL));
    d.server.settings.rows_max = 299;
    assert_true(ask_binary(&d, LARGE, "lin", head, x, MANY * INPUTS * 8));
    assert_int_equal(d.x.status, 413);
    assert_int_equal(tdm__read(&d.server.model[0].meters[LOOP].requests), 0); /* counting is answering.c's */
    close_bare(&d);
}

/* An element of a later block is named by its place in the whole tensor. */
static void test_places_in_large_tensors(void **state)
{
    (void)state;
    enum { MANY = 700 };
    desk d;
    static int64_t x[MANY * INPUTS];
    char head[256];
    open_bare(&d);
    x[600 * INPUTS + 2] = (INT64_C(1) << 53) + 1;
    snprintf(head, sizeof head, "{\"inputs\":[{\"name\":\"input\",\"shape\":[%d,5],\"datatype\":\"INT64\","
             "\"parameters\":{\"binary_data_size\":%zu}}]}", MANY, sizeof x);
    assert_true(ask_binary(&d, LARGE, "lin", head, x, sizeof x));
    assert_int_equal(d.x.status, 400);
    assert_non_null(strstr(error_text(&d), "inputs.input.data[3002]: "));
    assert_int_equal(d.x.rows_failed, MANY);
    close_bare(&d);
}

static void test_a_deadline_that_is_over(void **state)
{
    (void)state;
    desk d;
    open_bare(&d);
    assert_true(ask(&d, LOOP, "lin", "{\"inputs\":[" GOOD "],\"parameters\":{\"timeout\":60000000,\"priority\":1}}"));
    read_answer(&d);
    d.x.deadline_ns = 0;
    char body[] = "{\"inputs\":[" GOOD "],\"parameters\":{\"timeout\":1}}";
    tdm__arena_reset(&d.seat[LOOP]->texts);
    tdm__buf_reset(d.x.body);
    d.x.body_in = tdm__str(body);
    d.x.arrived_ns = tdm__monotonic_ns() - 2000000;
    assert_true(tdm__route_v2_infer(&d.x));
    assert_int_equal(d.x.status, 504);
    close_bare(&d);
}

/* ---- memory ---- */

static void count_allocations(desk *d, const char *model, const char *json, const void *data, size_t n, const char *raw)
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

static void test_nothing_is_allocated_once_warm(void **state)
{
    (void)state;
    desk d;
    double x[ROWS * INPUTS] = {1, 2, 3, 4, 5};
    open_bare(&d);
    count_allocations(&d, "lin", "{\"inputs\":[{\"name\":\"input\",\"shape\":[1,5],\"datatype\":\"FP64\",\"parameters\":"
                      "{\"binary_data_size\":40}}],\"parameters\":{\"binary_data_output\":true}}", x, 40, NULL);
    count_allocations(&d, "lin", "{\"inputs\":[{\"name\":\"input\",\"shape\":[2,5],\"datatype\":\"FP32\",\"parameters\":"
                      "{\"binary_data_size\":40}}]}", x, 40, NULL);
    count_allocations(&d, "lin", NULL, x, 40, "0");
    count_allocations(&d, "lin", "{\"id\":\"\\u0041\",\"inputs\":[" GOOD "]}", "", 0, NULL);
    count_allocations(&d, "lin", "{\"inputs\":[" TENSOR("b", "[1]", "\"data\":[1]") "," TENSOR("e", "[1]", "\"data\":[1]")
                      "],\"outputs\":[{\"name\":\"raw\"},{\"name\":\"prediction\"}]}", "", 0, NULL);
    close_bare(&d);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const json[] = {
        "{\"id\":\"\\u0041\",\"inputs\":[" GOOD "]}",
        "{\"inputs\":[" TENSOR("b", "[1]", "\"data\":[1]") "],\"outputs\":[{\"name\":\"raw\"}],"
        "\"parameters\":{\"binary_data_output\":true}}",
    };
    desk d;
    open_bare(&d);
    for (size_t k = 0; k < 2; k++) {
        for (uint64_t n = 1;; n++) {
            tdm__arena_free(&d.seat[LOOP]->texts);
            tdm__buf_free(&d.seat[LOOP]->body);
            tdm__buf_free(&d.seat[LOOP]->fields);
            support_fail_alloc_at(n);
            assert_true(ask(&d, LOOP, "lin", json[k]));
            bool hit = support_alloc_failed();
            support_fail_alloc_at(0);
            if (!hit)
                break;
            assert_true(d.x.status == 503 || d.x.fields->failed); /* answering.c sees to the latter */
        }
        read_answer(&d);
    }
    close_bare(&d);
}

/* ---- releases ---- */

static void open_release(desk *d, fixture *f)
{
    uint64_t epoch;
    open_seats(d);
    fixture_full(f, NULL, 40);
    assert_ok(tdm_promote(f->home, f->id, NULL, 0, NULL, NULL, &epoch, &f->err), &f->err);
    d->server.home = f->home;
    d->server.change = tdm__mutex_new();
    d->server.describing = tdm__mutex_new();
    assert_ok(tdm__serving_refresh(&d->server, &d->err), &d->err);
    d->serving = atomic_load(&d->server.current);
}

static void close_release(desk *d, fixture *f)
{
    tdm__serving_close_all(&d->server);
    tdm__meter_book_close(&d->server);
    tdm__mutex_close(&d->server.describing);
    tdm__mutex_close(&d->server.change);
    close_seats(d);
    fixture_close(f);
}

#define AS_OF "\"parameters\":{\"as_of\":\"2013-06-01T10:00:00Z\"}"

/* Keys as bytes, the request as JSON; more rows than a loop takes at a time are the large thread's. */
static void test_a_release(void **state)
{
    (void)state;
    desk d;
    fixture f;
    char head[2048], bytes[40 * 12];
    open_release(&d, &f);
    for (size_t n = 1; n <= 40; n += 13) {
        size_t sent = 0;
        char *at = head + sprintf(head, "{\"inputs\":[{\"name\":\"cabin\",\"shape\":[%zu],\"datatype\":\"FP64\",\"data\":[", n);
        for (size_t i = 0; i < n; i++) {
            char key[16];
            fixture_key(i, key);
            memcpy(bytes + sent, "\7\0\0\0", 4);
            memcpy(bytes + sent + 4, key, 7);
            sent += 11;
            at += sprintf(at, "%s%s", i ? "," : "", i % 4 ? "2" : "null");
        }
        sprintf(at, "]},{\"name\":\"flight\",\"shape\":[%zu,1],\"datatype\":\"BYTES\",\"parameters\":{\"binary_data_size\":%zu}}]"
                ",\"outputs\":[{\"name\":\"late\"},{\"name\":\"rung\"}]," AS_OF "}", n, sent);
        assert_int_equal(ask_binary(&d, LOOP, "late", head, bytes, sent), n <= ROWS);
        if (n > ROWS)
            assert_true(ask_binary(&d, LARGE, "late", head, bytes, sent));
        const answer *a = read_answer(&d);
        assert_int_equal(a->n, 2);
        for (size_t i = 0; i < n; i++) {
            assert_true(a->output[0].value[i] == fixture_late(i, i % 4 ? 2 : 0));
            assert_non_null(a->output[1].text[i]);
        }
        assert_string_equal(json_string_value(json_object_get(a->root, "model_version")), f.id);
        const json_t *told = json_object_get(a->root, "parameters");
        assert_int_equal(json_integer_value(json_object_get(told, "epoch")), 1);
        assert_string_equal(json_string_value(json_object_get(told, "as_of")), "2013-06-01T10:00:00.000000Z");
        assert_string_equal(json_string_value(json_object_get(told, "rung")), "defaulted");
        assert_int_equal(d.x.rung, TDM__RUNG_DEFAULTED);
        assert_true(tdm__str_starts(tdm__strn(d.x.fields->ptr, d.x.fields->len), "Tandem-Epoch: 1\r\n"));
    }
    close_release(&d, &f);
}

#define KEY(text) "{\"name\":\"flight\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[" text "]}"
static const refusal release_refusals[] = {
    {400, "{\"inputs\":[{\"name\":\"cabin\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]}]}", "row 0: keys.flight: "},
    {400, "{\"inputs\":[" KEY("null") "]}", "row 0: inputs.flight: "},
    {400, "{\"inputs\":[" KEY("\"a\",\"b\"") "]}", "inputs.flight.data: the data has more elements than the shape"},
    {400, "{\"inputs\":[" KEY("") "]}", "inputs.flight.data"},
    {400, "{\"inputs\":[" KEY("\"f000001\"") "," KEY("\"f000001\"") "]}", "inputs.flight: the input is given twice"},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabim\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]}]}",
     "did you mean 'cabin'?"},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabin\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"1\"]}]}",
     "inputs.cabin.datatype: the tensor's datatype does not fit: expected FP64, for f64?, found BYTES"},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabin\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[\"x\"]}]}",
     "row 0: inputs.cabin: "},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabin\",\"shape\":[1,2],\"datatype\":\"FP64\",\"data\":[1,2]}]}",
     "inputs.cabin.shape: "},
    {400, "{\"inputs\":[" KEY("\"f000001\"") "],\"outputs\":[{\"name\":\"nothing\"}]}", "outputs: "},
    {400, "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"input\",\"shape\":[1,1],\"datatype\":\"FP64\",\"data\":[\"x\"]}]}",
     "row 0: inputs.input.cabin: "},
};

static void test_refusals_of_a_release(void **state)
{
    (void)state;
    desk d;
    fixture f;
    open_release(&d, &f);
    for (size_t i = 0; i < sizeof release_refusals / sizeof *release_refusals; i++) {
        const refusal *r = &release_refusals[i];
        assert_true(ask(&d, LOOP, "late", r->json));
        const char *text = error_text(&d);
        if (d.x.status != r->status || !strstr(text, r->says))
            fail_msg("%s\ngave %d %s\nwanted %d %s", r->json, d.x.status, text, r->status, r->says);
    }
    count_allocations(&d, "late", "{\"inputs\":[" KEY("\"f000001\"") ",{\"name\":\"cabin\",\"shape\":[1],\"datatype\":\"FP64\","
                      "\"data\":[1.5]}]}", "", 0, NULL);
    close_release(&d, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_of_a_matrix),
        cmocka_unit_test(test_raw_requests),
        cmocka_unit_test(test_a_tensor_for_each_input),
        cmocka_unit_test(test_outputs_by_name),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_header_lengths),
        cmocka_unit_test(test_a_loop_leaves_large_requests),
        cmocka_unit_test(test_places_in_large_tensors),
        cmocka_unit_test(test_a_deadline_that_is_over),
        cmocka_unit_test(test_nothing_is_allocated_once_warm),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_a_release),
        cmocka_unit_test(test_refusals_of_a_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
