/* Any bytes as an infer request to a bare model or to a small release, with any length of its JSON header.
 *
 * The first byte chooses the model, the next two are the header's length (65535: no such field), the rest is the body. What
 * comes back is an error of one sentence, or an answer whose sizes add up; it is the same from a thread that takes few
 * rows at a time and one that takes more, and wherever the body lies in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "os/clock.h"
#include "os/sim_files.h"
#include "release/releases.h"
#include "server/server_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 3, LOOP = 0, LARGE = 1, SEATS = 2, INPUTS = 3 };
static const size_t rows_at_once[SEATS] = {3, 7};

static const char yaml[] =
    "name: q\nentity: {name: place, key: [room, seat]}\nfeatures:\n"
    "  x: {request: f64?, default: 1}\n  n: {request: i64?}\n  paid: {request: 'decimal(9,2)?'}\n  vip: {request: bool?}\n"
    "  word: {request: string?}\n  at: {request: timestamp? ms}\n  share: {request: f32?}\n"
    "  size: {expr: 'length(concat(room, coalesce(word, \"-\")))'}\n"
    "models: {main: {file: main.json}}\nprediction: {y: {model: main, range: [-1000, 1000]}}\n"
    "online: {rungs: [fresh, {defaulted: 1}, prior], prior: {y: 3}}\n";
static const char numbers_yaml[] = "name: m\nentity: {name: row}\nfeatures:\n"
    "  x: {request: f64?}\n  n: {request: i64}\n  vip: {request: bool?}\n"
    "models: {main: {file: main.json}}\nprediction: {y: {model: main}, z: {model: main, kind: raw}}\n"
    "online: {rungs: [fresh]}\n";
static const char main_json[] =
    "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[\"x\",\"n\",\"size\"],\"weights\":[1,2,3],\"intercept\":0}";
static const char numbers_json[] =
    "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[\"x\",\"n\",\"vip\"],\"weights\":[1,2,3],\"intercept\":0}";

static tdm_server server;
static _Alignas(64) tdm__seat seats[SEATS];
static tdm__serving serving;

static void must(bool held)
{
    if (!held)
        abort();
}

/* ---- what is served, made once ---- */

static void open_service(size_t i, tdm_home *home, const char *name, const char *manifest, const char *model)
{
    static tdm__served served[2];
    static tdm__served *list[2];
    static tdm__lane *lane[2][SEATS];
    static tdm__service_meters meters[2][SEATS];
    tdm_error err;
    tdm_release *release;
    tdm__state *state;
    tdm__package *package;
    must(!tdm__make_dirs(home->fs, "/release", &err));
    must(!tdm__write_file_durably(home->fs, "/release/release.yaml", manifest, strlen(manifest), &err));
    must(!tdm__write_file_durably(home->fs, "/release/main.json", model, strlen(model), &err));
    must(!tdm_release_pack(home, "/release", NULL, &release, &err));
    snprintf(served[i].release, sizeof served[i].release, "%s", tdm_release_describe(release)->id);
    tdm_release_close(&release);
    must(!tdm__state_read(home, NULL, UINT64_MAX, &state, &err));
    must(!tdm__release_package(home, state, name, &package, &err));
    must(!tdm__servable_open(home, state, package, "", &served[i].servable, &err));
    for (unsigned k = 0; k < SEATS; k++)
        must(!tdm__lane_new(served[i].servable, rows_at_once[k], &lane[i][k], &err));
    snprintf(served[i].name, sizeof served[i].name, "%s", name);
    served[i].lane = lane[i];
    served[i].meters = meters[i];
    list[i] = &served[i];
    serving.service = list;
    serving.n = i + 1;
}

static void open_model(void)
{
    static tdm__bare_model model = {.name = "lin", .sha256 = "0123456789abcdef"};
    static tdm__model_lane lane[SEATS];
    static tdm__service_meters meters[SEATS];
    tdm_error err;
    must(!tdm__model_load(tdm__str(numbers_json), "lin", NULL, &model.model, &err));
    const tdm__model_info *info = tdm__model_info_of(model.model);
    must(info->n_inputs == INPUTS && tdm__names_index_make(&model.inputs, info->input, INPUTS, &model.arena));
    for (unsigned k = 0; k < SEATS; k++) {
        lane[k].rows_max = rows_at_once[k];
        lane[k].x = tdm__zalloc(rows_at_once[k] * INPUTS, sizeof(double));
        must(lane[k].x != NULL);
    }
    model.lane = lane;
    model.meters = meters;
    serving.model = &model;
    serving.n_models = 1;
}

static void open_once(void)
{
    static tdm__arena arena;
    static tdm__seat *list[SEATS];
    static tdm_str name[] = {{"m", 1}, {"q", 1}};
    tdm_error err;
    tdm_home *home = NULL;
    if (server.seat)
        return;
    tdm_server_settings_default(&server.settings);
    server.settings.rows_max = 1000;
    server.n_seats = SEATS;
    for (unsigned k = 0; k < SEATS; k++) {
        list[k] = &seats[k];
        seats[k].server = &server;
        seats[k].index = k;
        seats[k].large = k == LARGE;
    }
    server.seat = list;
    must(!tdm__home_open_on(tdm__fs_sim_new(1), "/home", &home, &err));
    open_service(0, home, "m", numbers_yaml, numbers_json);
    open_service(1, home, "q", yaml, main_json);
    must(tdm__names_index_make(&serving.by_name, name, 2, &arena));
    serving.epoch = 7;
    snprintf(serving.epoch_header, sizeof serving.epoch_header, "Tandem-Epoch: 7\r\n");
    open_model();
}

/* ---- asking ---- */

static bool ask(unsigned seat, const char *model, tdm_str body, const char *length, tdm__exchange *x)
{
    static tdm__http_request request;
    tdm__seat *s = &seats[seat];
    request = (tdm__http_request){.method = TDM__HTTP_POST, .minor = 1, .body = body};
    if (length)
        request.field[TDM__HTTP_TENSOR_HEADER] = tdm__str(length);
    *x = (tdm__exchange){.seat = s, .serving = &serving, .request = &request, .argument = {tdm__str(model)},
                         .body_in = body, .arrived_us = 1370080800000000, .arrived_ns = tdm__monotonic_ns(),
                         .status = 200, .type = "application/json", .body = &s->body, .fields = &s->fields, .oip = true,
                         .rung = -1};
    tdm__arena_reset(&s->texts);
    tdm__buf_reset(&s->body);
    tdm__buf_reset(&s->fields);
    return tdm__route_v2_infer(x);
}

/* ---- what must hold of answers ---- */

static void check_error(const tdm__exchange *x)
{
    json_t *root = json_loadb(x->body->ptr, x->body->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    must(x->status == tdm_status_http(x->code) && x->code != TDM_NO_MEMORY);
    must(json_object_size(root) == 1 && json_string_length(json_object_get(root, "error")) > 0);
    must(!strcmp(x->type, "application/json") && x->rows_failed == x->rows);
    json_decref(root);
}

static uint64_t product(const json_t *shape)
{
    uint64_t n = 1;
    must(json_array_size(shape) == 1 || json_array_size(shape) == 2);
    for (size_t i = 0; i < json_array_size(shape); i++)
        n *= (uint64_t)json_integer_value(json_array_get(shape, i));
    return n;
}

/* A tensor's bytes; returns how many. */
static size_t check_bytes(const json_t *output, const char *at, size_t left)
{
    size_t size = (size_t)json_integer_value(json_object_get(json_object_get(output, "parameters"), "binary_data_size"));
    size_t n = product(json_object_get(output, "shape"));
    must(size <= left);
    if (strcmp(json_string_value(json_object_get(output, "datatype")), "BYTES")) {
        must(size == 8 * n);
        return size;
    }
    for (size_t i = 0, from = 0; i <= n; i++) {
        must(i < n ? size - from >= 4 : from == size);
        from += i < n ? 4 + tdm__load32(at + from) : 0;
        must(from <= size);
    }
    return size;
}

static void check_answer(const tdm__exchange *x)
{
    static const char name[] = "Inference-Header-Content-Length: ";
    char fields[512];
    size_t header = x->body->len;
    snprintf(fields, sizeof fields, "%.*s", (int)x->fields->len, x->fields->ptr ? x->fields->ptr : "");
    const char *says = strstr(fields, name);
    if (says)
        header = strtoull(says + strlen(name), NULL, 10);
    must(header <= x->body->len && (says != NULL) == !strcmp(x->type, "application/octet-stream"));
    json_t *root = json_loadb(x->body->ptr, header, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL), *one;
    must(root && x->rows > 0 && x->rows_failed == 0 && x->code == TDM_OK);
    size_t i;
    bool binary = false;
    json_array_foreach(json_object_get(root, "outputs"), i, one) {
        const json_t *data = json_object_get(one, "data"), *shape = json_object_get(one, "shape");
        must(json_integer_value(json_array_get(shape, 0)) == x->rows);
        must(!data || json_array_size(data) == product(shape));
        header += data ? 0 : check_bytes(one, x->body->ptr + header, x->body->len - header);
        binary |= !data;
    }
    must(i > 0 && header == x->body->len && binary == (says != NULL));
    json_decref(root);
}

static void check(const tdm__exchange *x)
{
    must(!x->body->failed && !x->fields->failed);
    if (x->status == 200)
        check_answer(x);
    else
        check_error(x);
}

/* Of several errors the first in a block is told, so that only answers must be equal. */
static void compare(const tdm__exchange *a, const tdm__exchange *b)
{
    must((a->status == 200) == (b->status == 200));
    if (a->status != 200)
        return;
    must(a->body->len == b->body->len && !memcmp(a->body->ptr, b->body->ptr, a->body->len));
    must(a->rows == b->rows && a->rung == b->rung && a->type == b->type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const models[] = {"lin", "m", "q", "none"};
    char length[8];
    tdm__exchange few, more;
    if (size < HEAD)
        return 0;
    open_once();
    size_t n = size - HEAD;
    unsigned header = tdm__load16(data + 1);
    const char *field = header == 65535 ? NULL : length, *model = models[data[0] & 3];
    snprintf(length, sizeof length, "%u", header);
    char *even = malloc(n + 1), *odd = malloc(n + 1); /* both end where the body does: sanitizers see a step beyond */
    must(even && odd);
    memcpy(even + 1, data + HEAD, n);
    memcpy(odd, data + HEAD, n);
    bool here = ask(LOOP, model, tdm__strn(even + 1, n), field, &few);
    must(ask(LARGE, model, tdm__strn(odd, n), field, &more));
    check(&more);
    if (here) {
        check(&few);
        if (few.code != TDM_DEADLINE && more.code != TDM_DEADLINE)
            compare(&few, &more);
    } else {
        must(few.body->len == 0 && (more.rows == 0 || more.rows > TDM__LOOP_ROWS || n > TDM__LOOP_BODY_BYTES));
    }
    free(even);
    free(odd);
    return 0;
}
