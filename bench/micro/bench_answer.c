/* What one answer costs beside its model: ns a question of 100 numbers, read from JSON, answered, written as JSON.
 *
 * "all" is what the server does for a question once its bytes are there; "model" is the model alone on such a row, so
 * "all" less "model" is ours. Numbers come with 17 digits, as programs write doubles, and with 6, as people measure. The
 * floor of reading is the question's bytes (3.4 KB and 2.1 KB) through a scanner that turns 100 texts into doubles; of
 * writing, one shortest double and 300 bytes. "all of 64" has 64 rows in one block. The release lies on a simulated disk;
 * it is what `tandem new` makes for a model of 100 inputs. */
#include "micro.h"

#include <tandem/tandem.h>

#include "base/number.h"
#include "online/lane.h"
#include "os/sim_files.h"
#include "release/releases.h"

enum { FEATURES = 100, QUESTIONS = 64, ROUNDS = 256, ROUNDS_SMALL = 4 };

/* Questions of one kind of numbers. */
typedef struct question_set {
    tdm__buf question[QUESTIONS], list;
    double matrix[QUESTIONS * FEATURES];
} question_set;

static size_t rounds;
static tdm__servable *servable;
static tdm__lane *lanes[2]; /* of one row and of QUESTIONS */
static tdm__buf out;
static question_set sets[2]; /* of 17 digits and of 6 */
static tdm__arena scratch;

static void need(tdm_status s, const tdm_error *err)
{
    char text[1024];
    if (!s)
        return;
    tdm_error_format(err, text, sizeof text);
    printf("# %s\n1..1\nnot ok 1 - bench_answer\n", text);
    exit(1);
}

static void write_release(tdm__fs *fs)
{
    tdm_error err;
    tdm__buf yaml = {0}, model = {0};
    tdm__buf_text(&yaml, "name: many\nentity: row\nfeatures:\n");
    tdm__buf_text(&model, "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[");
    for (int i = 0; i < FEATURES; i++) {
        tdm__buf_printf(&yaml, "  feature_%d: {request: f64?}\n", i);
        tdm__buf_printf(&model, "%s\"feature_%d\"", i ? "," : "", i);
    }
    tdm__buf_text(&yaml, "models: {main: {file: main.json}}\nprediction: {prediction: {model: main}}\n");
    tdm__buf_text(&model, "],\"weights\":[");
    for (int i = 0; i < FEATURES; i++)
        tdm__buf_printf(&model, "%s%d", i ? "," : "", i % 7 - 3);
    tdm__buf_text(&model, "],\"intercept\":1}");
    need(tdm__make_dirs(fs, "/many", &err), &err);
    need(tdm__write_file_durably(fs, "/many/release.yaml", yaml.ptr, yaml.len, &err), &err);
    need(tdm__write_file_durably(fs, "/many/main.json", model.ptr, model.len, &err), &err);
    tdm__buf_free(&yaml);
    tdm__buf_free(&model);
}

static void write_questions(question_set *set, bool whole)
{
    uint64_t state = 2013;
    tdm__buf_char(&set->list, '[');
    for (size_t q = 0; q < QUESTIONS; q++) {
        tdm__buf *to = &set->question[q];
        tdm__buf_text(to, "{\"keys\":{\"row\":\"r1\"},\"features\":{");
        for (size_t i = 0; i < FEATURES; i++) {
            char number[32];
            double v = (double)(micro_random(&state) >> 11) * 0x1p-53 * 100;
            if (!whole)
                v = (double)(int)(v * 1e4) / 1e4;
            set->matrix[q * FEATURES + i] = v;
            tdm__format_f64(v, number);
            tdm__buf_printf(to, "%s\"feature_%zu\":%s", i ? "," : "", i, number);
        }
        tdm__buf_text(to, "}}");
        tdm__buf_text(&set->list, q ? "," : "");
        tdm__buf_str(&set->list, tdm__strn(to->ptr, to->len));
    }
    tdm__buf_char(&set->list, ']');
}

static bool read_one(tdm__lane *lane, const question_set *set, size_t q)
{
    tdm__json_scan scan;
    tdm__asked asked;
    tdm_str text = tdm__strn(set->question[q].ptr, set->question[q].len);
    tdm__lane_begin(lane, 1);
    return !tdm__json_begin_scan(&scan, text, tdm__lane_texts(lane), NULL) &&
           !tdm__lane_read_json(lane, &scan, 0, &asked, NULL) && !tdm__json_end_scan(&scan);
}

static void write_row(tdm__lane *lane, size_t row)
{
    tdm__answer_context context = {.epoch = 7, .position = 123456};
    tdm__lane_write_json(lane, row, &context, &out);
}

/* All but the id, which is new each time. */
static uint64_t hash_out(uint64_t hash)
{
    for (size_t i = 41; i < out.len; i++)
        hash = micro_mix(hash, (unsigned char)out.ptr[i]);
    return hash;
}

static uint64_t do_read(const void *input)
{
    uint64_t hash = 0;
    for (size_t r = 0; r < rounds; r++)
        for (size_t q = 0; q < QUESTIONS; q++) {
            if (!read_one(lanes[0], input, q))
                return 0;
            hash = micro_mix(hash, micro_bits(tdm__lane_request(lanes[0], FEATURES - 1)->as.f64[0]));
        }
    return hash;
}

/* The same question again and again; a new block each time would need its values anew. */
static uint64_t do_answer(const void *input)
{
    uint64_t hash = 0;
    for (size_t q = 0; q < QUESTIONS; q++) {
        if (!read_one(lanes[0], input, q))
            return 0;
        for (size_t r = 0; r < rounds; r++)
            if (tdm__lane_answer(lanes[0], INT64_C(1370080800000000), NULL, NULL))
                return 0;
        hash = micro_mix(hash, micro_bits(tdm__lane_prediction(lanes[0], 0)[0]));
    }
    return hash;
}

static uint64_t do_model(const void *input)
{
    const question_set *set = input;
    uint64_t hash = 0;
    double y;
    for (size_t r = 0; r < rounds; r++)
        for (size_t q = 0; q < QUESTIONS; q++) {
            if (tdm__model_predict(servable->package->model[0].model, TDM__PREDICTION, set->matrix + q * FEATURES, 1, &y,
                                   &scratch, NULL))
                return 0;
            hash = micro_mix(hash, micro_bits(y));
        }
    return hash;
}

static uint64_t do_write(const void *input)
{
    uint64_t hash = 0;
    for (size_t q = 0; q < QUESTIONS; q++) {
        if (!read_one(lanes[0], input, q) || tdm__lane_answer(lanes[0], INT64_C(1370080800000000), NULL, NULL))
            return 0;
        for (size_t r = 0; r < rounds; r++) {
            tdm__buf_reset(&out);
            write_row(lanes[0], 0);
        }
        hash = hash_out(hash);
    }
    return hash;
}

static uint64_t do_all(const void *input)
{
    uint64_t hash = 0;
    for (size_t r = 0; r < rounds; r++)
        for (size_t q = 0; q < QUESTIONS; q++) {
            tdm__buf_reset(&out);
            if (!read_one(lanes[0], input, q) || tdm__lane_answer(lanes[0], INT64_C(1370080800000000), NULL, NULL))
                return 0;
            write_row(lanes[0], 0);
            if (r == 0)
                hash = hash_out(hash);
        }
    return hash;
}

static bool answer_list(tdm__lane *lane, const question_set *set)
{
    tdm__json_scan scan;
    tdm__asked asked;
    bool first = true, more;
    tdm__lane_begin(lane, QUESTIONS);
    if (tdm__json_begin_scan(&scan, tdm__strn(set->list.ptr, set->list.len), tdm__lane_texts(lane), NULL) ||
        tdm__json_open(&scan, '['))
        return false;
    for (size_t row = 0; !tdm__json_next_item(&scan, &first, &more) && more; row++)
        if (tdm__lane_read_json(lane, &scan, row, &asked, NULL))
            return false;
    return !tdm__lane_answer(lane, INT64_C(1370080800000000), NULL, NULL);
}

static uint64_t do_block(const void *input)
{
    uint64_t hash = 0;
    for (size_t r = 0; r < rounds; r++) {
        if (!answer_list(lanes[1], input))
            return 0;
        for (size_t row = 0; row < QUESTIONS; row++) {
            tdm__buf_reset(&out);
            write_row(lanes[1], row);
            if (r == 0)
                hash = hash_out(hash);
        }
    }
    return hash;
}

static void open_all(tdm__fs *fs, tdm_home **home, tdm__state **state)
{
    tdm_error err;
    tdm_release *release;
    tdm__package *package;
    need(tdm__home_open_on(fs, "/home", home, &err), &err);
    need(tdm_release_pack(*home, "/many", NULL, &release, &err), &err);
    tdm_release_close(&release);
    need(tdm__state_read(*home, NULL, UINT64_MAX, state, &err), &err);
    need(tdm__release_package(*home, *state, "many", &package, &err), &err);
    need(tdm__servable_open(*home, *state, package, "", &servable, &err), &err);
    need(tdm__lane_new(servable, 1, &lanes[0], &err), &err);
    need(tdm__lane_new(servable, QUESTIONS, &lanes[1], &err), &err);
    for (size_t i = 0; i < 2; i++)
        need(tdm__lane_warm(lanes[i], &err), &err);
}

int main(int argc, char **argv)
{
    static const micro_case cases[] = {
        {"100 of 17 digits", "read", do_read, &sets[0]},   {"100 of 17 digits", "answer", do_answer, &sets[0]},
        {"100 of 17 digits", "model", do_model, &sets[0]}, {"100 of 17 digits", "write", do_write, &sets[0]},
        {"100 of 17 digits", "all", do_all, &sets[0]},     {"100 of 17 digits", "all of 64", do_block, &sets[0]},
        {"100 of 6 digits", "read", do_read, &sets[1]},    {"100 of 6 digits", "all", do_all, &sets[1]},
        {"100 of 6 digits", "all of 64", do_block, &sets[1]},
    };
    bool small = micro_is_small(argc, argv);
    tdm__fs *fs = tdm__fs_sim_new(1);
    tdm_home *home = NULL;
    tdm__state *state = NULL;
    if (!fs)
        return 1;
    rounds = small ? ROUNDS_SMALL : ROUNDS;
    write_release(fs);
    for (int i = 0; i < 2; i++)
        write_questions(&sets[i], i == 0);
    open_all(fs, &home, &state);
    int rc = micro_run("bench_answer", cases, sizeof cases / sizeof *cases, rounds * QUESTIONS, small);
    for (size_t i = 0; i < 2; i++) {
        tdm__lane_close(&lanes[i]);
        for (size_t q = 0; q < QUESTIONS; q++)
            tdm__buf_free(&sets[i].question[q]);
        tdm__buf_free(&sets[i].list);
    }
    tdm__servable_close(&servable);
    tdm__state_close(&state);
    tdm_home_close(&home);
    tdm__fs_sim_close(&fs);
    tdm__buf_free(&out);
    tdm__arena_free(&scratch);
    return rc;
}
