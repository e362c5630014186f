/* What the reference evaluator of LightGBM models costs: ns per row and tree.
 *
 *     bench_model [--small] [--lightgbm LIB_LIGHTGBM.SO] [MODEL.txt]
 *
 * Rows are random with 5% of missing values. With --lightgbm the framework itself scores the same rows in the same
 * rounds through its C interface on one thread; raw scores must agree to the bit. The floor of a walk that follows one
 * path for a row is one load, one compare and one mispredicted branch a level: about 3 to 5 ns a level once trees are
 * in the cache. */
#define _GNU_SOURCE
#include "micro.h"

#include <dlfcn.h>
#include <math.h>

#include "model/model.h"
#include "os/files.h"

enum { VALUES = 2000000, VALUES_SMALL = 2000, SINGLE_ROWS = 200 };

/* The four functions of LightGBM's C interface that are used. */
typedef struct lightgbm {
    void *library, *booster;
    int (*create)(const char *, int *, void **);
    int (*destroy)(void *);
    int (*predict)(void *, const void *, int, int32_t, int32_t, int, int, int, int, const char *, int64_t *, double *);
} lightgbm;
enum { DTYPE_F64 = 1, ROW_MAJOR = 1, PREDICT_RAW = 1 };

static tdm__model *model;
static lightgbm peer;
static double *rows, *scores;
static size_t n_rows, n_inputs, n_outputs;
static tdm__arena scratch;

static uint64_t hash_scores(size_t n)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < n * n_outputs; i++)
        hash = micro_mix(hash, micro_bits(scores[i]));
    return hash;
}

static uint64_t ours(const void *input)
{
    (void)input;
    if (tdm__model_predict(model, TDM__RAW, rows, n_rows, scores, &scratch, NULL))
        return 0;
    return hash_scores(n_rows);
}

static uint64_t ours_prediction(const void *input)
{
    (void)input;
    if (tdm__model_predict(model, TDM__PREDICTION, rows, n_rows, scores, &scratch, NULL))
        return 0;
    return hash_scores(n_rows);
}

static uint64_t ours_single(const void *input)
{
    (void)input;
    for (size_t i = 0; i < n_rows; i++)
        if (tdm__model_predict(model, TDM__RAW, rows + i * n_inputs, 1, scores + i * n_outputs, &scratch, NULL))
            return 0;
    return hash_scores(n_rows);
}

static uint64_t theirs(const void *input)
{
    int64_t n = 0;
    (void)input;
    if (peer.predict(peer.booster, rows, DTYPE_F64, (int32_t)n_rows, (int32_t)n_inputs, ROW_MAJOR, PREDICT_RAW, 0, -1,
                     "num_threads=1", &n, scores))
        return 0;
    return hash_scores(n_rows);
}

static bool open_peer(const char *path, const char *file)
{
    int iterations;
    peer.library = dlopen(path, RTLD_NOW);
    if (!peer.library)
        return false;
    *(void **)&peer.create = dlsym(peer.library, "LGBM_BoosterCreateFromModelfile");
    *(void **)&peer.destroy = dlsym(peer.library, "LGBM_BoosterFree");
    *(void **)&peer.predict = dlsym(peer.library, "LGBM_BoosterPredictForMat");
    return peer.create && peer.destroy && peer.predict && peer.create(file, &iterations, &peer.booster) == 0;
}

static bool load(const char *file)
{
    tdm_error err;
    tdm__buf bytes = {0};
    bool ok = tdm__read_file(tdm__fs_posix(), file, (size_t)1 << 30, &bytes, &err) == TDM_OK &&
              tdm__model_load((tdm_str){bytes.ptr, bytes.len}, file, NULL, &model, &err) == TDM_OK;
    if (!ok)
        fprintf(stderr, "bench_model: %s: %s\n", err.where, err.what);
    tdm__buf_free(&bytes);
    return ok;
}

static bool make_rows(size_t values)
{
    uint64_t state = 3;
    n_inputs = tdm__model_info_of(model)->n_inputs;
    n_outputs = tdm__model_info_of(model)->n_outputs;
    n_rows = values / (n_inputs * tdm__model_info_of(model)->n_trees) + SINGLE_ROWS;
    rows = malloc(n_rows * n_inputs * sizeof *rows);
    scores = malloc(n_rows * n_outputs * sizeof *scores);
    for (size_t i = 0; rows && i < n_rows * n_inputs; i++) {
        double sum = -6; /* of 12 uniform numbers: near enough to normal */
        for (int k = 0; k < 12; k++)
            sum += (double)(micro_random(&state) >> 11) * 0x1p-53;
        rows[i] = micro_random(&state) % 20 ? sum : NAN;
    }
    return rows && scores;
}

int main(int argc, char **argv)
{
    bool small = false;
    const char *file = TANDEM_SOURCE_ROOT "/tests/parity/data/binary-v4.txt", *library = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--small") == 0)
            small = true;
        else if (strcmp(argv[i], "--lightgbm") == 0 && i + 1 < argc)
            library = argv[++i];
        else
            file = argv[i];
    }
    if (!load(file) || !make_rows(small ? VALUES_SMALL : VALUES))
        return 1;
    if (library && !open_peer(library, file))
        return fprintf(stderr, "bench_model: %s cannot be used\n", library), 1;
    size_t trees = tdm__model_info_of(model)->n_trees;
    printf("# %zu rows, %zu inputs, %zu trees; times are for one row and one tree\n", n_rows, n_inputs, trees);
    const micro_case cases[] = {
        {"raw", "tandem", ours, NULL},
        {"raw, one row a call", "tandem", ours_single, NULL},
        {"prediction", "tandem", ours_prediction, NULL},
        {"raw", "LightGBM", theirs, NULL},
    };
    int code = micro_run("bench_model", cases, library ? 4 : 3, n_rows * trees, small);
    if (library && ours(NULL) != theirs(NULL)) {
        printf("# raw scores differ from LightGBM's\n");
        code = 1;
    }
    if (peer.booster)
        peer.destroy(peer.booster);
    tdm__model_close(&model);
    tdm__arena_free(&scratch);
    free(rows);
    free(scores);
    return code;
}
