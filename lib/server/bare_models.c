/* Bare models: files named at the start, served by the Open Inference Protocol as they are, with no home.
 *
 * They are read once and never change; a new file is a new start. */
#include <stdio.h>
#include <string.h>
#include "base/digest.h"
#include "base/fail.h"
#include "os/files.h"
#include "server/staging.h"

enum { MODEL_BYTES_MAX = 1 << 30, NAME_BYTES_MAX = 200 };

static tdm_status read_model(tdm__bare_model *m, tdm_error *err)
{
    tdm__buf bytes = {0};
    tdm__sha256 digest;
    tdm_status s = tdm__read_file(tdm__fs_posix(), m->path, MODEL_BYTES_MAX, &bytes, err);
    tdm_str text = tdm__strn(bytes.ptr, bytes.len);
    if (!s && tdm__sha256_of(text.ptr, text.len, &digest))
        s = tdm__fail(err, TDM_SYSTEM, m->path, "the file's digest could not be computed");
    if (!s)
        s = tdm__model_load(text, m->path, NULL, &m->model, err);
    if (!s)
        tdm__sha256_hex(&digest, m->sha256);
    tdm__buf_free(&bytes);
    return s;
}

static size_t widest_output(const tdm__model *model)
{
    size_t leaves = tdm__model_width(model, TDM__LEAF), outputs = tdm__model_width(model, TDM__PREDICTION);
    return leaves > outputs ? leaves : outputs;
}

/* Room for a block, used once so that the model's own scratch is there. */
static tdm_status make_lane(const tdm__bare_model *m, tdm__model_lane *lane, size_t rows, tdm_error *err)
{
    const tdm__model_info *info = tdm__model_info_of(m->model);
    lane->rows_max = rows;
    lane->x = tdm__zalloc(rows * (info->n_inputs + 1), sizeof *lane->x);
    lane->y = tdm__zalloc(rows * (widest_output(m->model) + 1), sizeof *lane->y);
    if (!lane->x || !lane->y)
        return tdm__no_memory(err, m->name);
    return tdm__model_predict(m->model, TDM__PREDICTION, lane->x, rows, lane->y, &lane->scratch, err);
}

static tdm_status check_name(tdm_server *server, const tdm__bare_model *m, const char *name, tdm_error *err)
{
    tdm_str text = tdm__str(name);
    if (text.len == 0 || text.len > NAME_BYTES_MAX || !tdm__label_valid(text) || strchr(name, '/')) {
        tdm_status s = tdm__fail(err, TDM_BAD_INPUT, "--model", "this is not a name for a model");
        tdm__fail_expected(err, "1 to %d letters without '/'", NAME_BYTES_MAX);
        tdm__fail_found_text(err, text);
        return s;
    }
    for (const tdm__bare_model *other = server->model; other < m; other++)
        if (!strcmp(other->name, name))
            return tdm__fail(err, TDM_BAD_INPUT, "--model", "two models are called '%s'", name);
    return TDM_OK;
}

static tdm_status open_model(tdm_server *server, tdm__bare_model *m, const tdm_server_model *given, tdm_error *err)
{
    tdm_status s = check_name(server, m, given->name, err);
    if (s)
        return s;
    snprintf(m->name, sizeof m->name, "%s", given->name);
    m->path = tdm__arena_copy(&m->arena, given->path, strlen(given->path));
    m->meters = tdm__zalloc(server->n_seats, sizeof *m->meters);
    m->lane = tdm__zalloc(server->n_seats, sizeof *m->lane);
    if (!m->path || !m->meters || !m->lane)
        return tdm__no_memory(err, given->name);
    s = read_model(m, err);
    if (s)
        return s;
    const tdm__model_info *info = tdm__model_info_of(m->model);
    if (!tdm__names_index_make(&m->inputs, info->input, info->n_inputs, &m->arena))
        return tdm__no_memory(err, given->name);
    for (unsigned i = 0; !s && i < server->n_seats; i++)
        s = make_lane(m, &m->lane[i], server->seat[i]->large ? TDM__LARGE_ROWS : TDM__LOOP_ROWS, err);
    return s;
}

tdm_status tdm__models_open(tdm_server *server, const tdm_server_model *model, size_t n, tdm_error *err)
{
    server->model = tdm__zalloc(n + 1, sizeof *server->model);
    if (!server->model)
        return tdm__no_memory(err, "models");
    server->n_models = n;
    for (size_t i = 0; i < n; i++) {
        tdm_status s = open_model(server, &server->model[i], &model[i], err);
        if (s)
            return s;
    }
    return TDM_OK;
}

void tdm__models_close(tdm_server *server)
{
    for (size_t i = 0; server->model && i < server->n_models; i++) {
        tdm__bare_model *m = &server->model[i];
        for (unsigned k = 0; m->lane && k < server->n_seats; k++) {
            tdm__free(m->lane[k].x);
            tdm__free(m->lane[k].y);
            tdm__arena_free(&m->lane[k].scratch);
        }
        tdm__free(m->lane);
        tdm__free(m->meters);
        tdm__model_close(&m->model);
        tdm__arena_free(&m->arena);
    }
    tdm__free(server->model);
    server->model = NULL;
}
