/* Where `tandem predict` spends its time between main() and the answer: each step once, in a process that did nothing
 * before.
 *
 *     start_split HOME RELEASE KEY_NAME KEY
 *
 * Prints "name microseconds" lines; bench/job/start.py runs it many times and takes medians. `files`, `digests` and
 * `model` are parts of `release`, done once more on their own and so a little cheaper than the first time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/predict.h>

#include "base/digest.h"
#include "engine/engine.h"
#include "os/clock.h"
#include "release/releases.h"

static uint64_t mark;

static void need(tdm_status s, const tdm_error *err)
{
    char text[512];
    if (!s)
        return;
    tdm_error_format(err, text, sizeof text);
    fprintf(stderr, "%s\n", text);
    exit(1);
}

static void begin(void)
{
    mark = tdm__monotonic_ns();
}

static void end(const char *name)
{
    printf("%s %.1f\n", name, (double)(tdm__monotonic_ns() - mark) * 1e-3);
}

/* Reads the release's files again, hashes them, and loads the model. */
static void again(const tdm_home *home, const tdm__package *package)
{
    enum { FILES_MAX = 64, BYTES_MAX = 1 << 30 };
    static tdm__buf bytes[FILES_MAX];
    char path[TDM__PATH_MAX];
    tdm__sha256 digest;
    tdm__model *model;
    tdm_error err;
    size_t n = package->n_files < FILES_MAX ? package->n_files : FILES_MAX;
    begin();
    for (size_t i = 0; i < n; i++) {
        need(tdm__home_path(home, path, &err, "releases/%s/%s", package->id, package->file[i].path), &err);
        need(tdm__read_file(home->fs, path, BYTES_MAX, &bytes[i], &err), &err);
    }
    end("files");
    begin();
    for (size_t i = 0; i < n; i++)
        need(tdm__sha256_of(bytes[i].ptr, bytes[i].len, &digest), NULL);
    end("digests");
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(package->file[i].path, "main.txt")) {
            begin();
            need(tdm__model_load(tdm__strn(bytes[i].ptr, bytes[i].len), "main.txt", NULL, &model, &err), &err);
            end("model");
            tdm__model_close(&model);
        }
        tdm__buf_free(&bytes[i]);
    }
}

static void steps(tdm_home *home, const char *release)
{
    tdm__state *state;
    tdm__package *package;
    tdm__engine *engine;
    tdm__worker *worker;
    tdm_error err;
    begin();
    need(tdm__state_read(home, NULL, UINT64_MAX, &state, &err), &err);
    end("log");
    begin();
    need(tdm__release_package(home, state, release, &package, &err), &err);
    end("release");
    begin();
    need(tdm__engine_new(package, state, &engine, &err), &err);
    need(tdm__worker_new(engine, 1, &worker, &err), &err);
    end("engine");
    again(home, package);
    tdm__worker_close(&worker);
    tdm__engine_close(&engine);
    tdm__package_close(&package);
    tdm__state_close(&state);
}

int main(int argc, char **argv)
{
    tdm_home *home;
    tdm_predictor *predictor;
    tdm_error err;
    char out[4096];
    size_t n;
    if (argc != 5) {
        fprintf(stderr, "usage: start_split HOME RELEASE KEY_NAME KEY\n");
        return 2;
    }
    tdm_named_text key = {.name = {argv[3], strlen(argv[3])}, .text = {argv[4], strlen(argv[4])}};
    tdm_question question = {.key = &key, .n_keys = 1};
    begin();
    need(tdm_home_open(argv[1], &home, &err), &err);
    end("home");
    steps(home, argv[2]);
    need(tdm_predictor_open(home, argv[2], &predictor, &err), &err);
    begin();
    need(tdm_predict(predictor, &question, out, sizeof out, &n, &err), &err);
    end("answer");
    tdm_predictor_close(&predictor);
    tdm_home_close(&home);
    return 0;
}
