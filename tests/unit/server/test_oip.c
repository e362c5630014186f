/* Infer requests of the Open Inference Protocol to bare models: numbers to the bit in every form, every refusal with its
 * sentence, what a loop leaves to the thread for large requests, and memory. Sums are computed by plain C. */
#include "base/random.h"
#include "oip_desk.h"

enum { INPUTS = 5 };

static const double weights[INPUTS] = {1, -2.5, 0.1, 1000, 3e-7};
static const char linear_json[] = "{\"kind\":\"linear\",\"inputs\":[\"a\",\"b\",\"c\",\"d\",\"e\"],"
                                  "\"weights\":[1,-2.5,0.1,1000,3e-7],\"intercept\":0.5}";

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

static void test_refusals(void **state)
{
    (void)state;
    desk d;
    open_bare(&d);
    check_refusals(&d, "lin", refusals, sizeof refusals / sizeof *refusals);
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

/* Lists in JSON longer than a block, as a matrix and by name. */
static void test_large_lists_of_json(void **state)
{
    (void)state;
    enum { MANY = 600 };
    static char text[1 << 16];
    desk d;
    open_bare(&d);
    for (int by_name = 0; by_name < 2; by_name++) {
        char *at = text;
        at += sprintf(at, by_name ? "{\"inputs\":[" TENSOR("a", "[%d]", "\"data\":[") : "{\"inputs\":["
                      TENSOR("i", "[%d,5]", "\"data\":["), MANY);
        at -= 1; /* the list goes on */
        for (int i = 0; i < MANY; i++)
            at += sprintf(at, by_name ? "%s%d" : "%s%d,0,0,0,0", i ? "," : "", i);
        at += sprintf(at, "]}");
        if (by_name) {
            at += sprintf(at, ",");
            for (int k = 1; k < INPUTS; k++)
                at += sprintf(at, "%s{\"name\":\"%c\",\"shape\":[%d],\"datatype\":\"INT8\",\"parameters\":"
                              "{\"binary_data_size\":%d}}", k > 1 ? "," : "", 'a' + k, MANY, MANY);
        }
        sprintf(at, "]}");
        static char zeros[MANY * (INPUTS - 1)];
        assert_true(ask_binary(&d, LARGE, "lin", text, zeros, by_name ? sizeof zeros : 0));
        const answer *a = read_answer(&d);
        assert_int_equal(a->output[0].n, MANY);
        for (int i = 0; i < MANY; i++)
            assert_true(a->output[0].value[i] == 0.5 + i);
    }
    close_bare(&d);
}

static void test_versions(void **state)
{
    (void)state;
    desk d;
    char wrong[65];
    open_bare(&d);
    const char *id = d.server.model[0].sha256;
    snprintf(wrong, sizeof wrong, "%s", id);
    wrong[63] = wrong[63] == '0' ? '1' : '0';
    const struct { tdm_str version; bool known; } cases[] = {
        {tdm__str(id), true}, {tdm__strn(id, 8), true}, {tdm__strn(id, 63), true}, {tdm__strn(id, 7), false},
        {tdm__strn(id, 1), false}, {tdm__str(wrong), false}, {tdm__str("1"), false}, {tdm__str(""), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(ask(&d, LOOP, "lin", "{\"inputs\":[" GOOD "]}"));
        d.x.argument[1] = cases[i].version;
        d.x.status = 200;
        tdm__buf_reset(d.x.body);
        assert_true(tdm__route_v2_infer(&d.x));
        assert_int_equal(d.x.status, cases[i].known ? 200 : 404);
    }
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
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_large_lists_of_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
