/* Any bytes as a question to a small release.
 *
 * What is read is JSON to jansson too, and ends where jansson's value ends; what is refused as a text is none to jansson,
 * names a name twice, or nests too deep. The answer is JSON, and is the same alone and between other rows. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "online/lane.h"
#include "os/sim_files.h"
#include "release/releases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static const char yaml[] =
    "name: q\nentity: {name: place, key: [room, seat]}\nfeatures:\n"
    "  x: {request: f64?, default: 1}\n  n: {request: i64}\n  paid: {request: 'decimal(9,2)?'}\n  vip: {request: bool?}\n"
    "  word: {request: string?}\n  at: {request: timestamp? ms}\n  share: {request: f32?}\n"
    "  size: {expr: 'length(concat(room, coalesce(word, \"-\")))'}\n"
    "models: {main: {file: main.json}, simple: {file: simple.json}}\nprediction: {y: {model: main, range: [-1000, 1000]}}\n"
    "online: {rungs: [fresh, {defaulted: 1}, simple]}\n";
static const char main_json[] = "{\"kind\":\"linear\",\"inputs\":[\"x\",\"n\",\"size\"],\"weights\":[1,2,3],\"intercept\":0}";
static const char simple_json[] = "{\"kind\":\"linear\",\"missing\":\"zero\",\"inputs\":[\"share\"],\"weights\":[1],\"intercept\":0}";

/* The release, opened once: what is asked of it never changes it. */
static tdm__lane *open_lane(size_t rows)
{
    static tdm__servable *servable;
    tdm_error err;
    tdm__lane *lane = NULL;
    if (!servable) {
        tdm__fs *fs = tdm__fs_sim_new(1);
        tdm_home *home = NULL;
        tdm_release *release;
        tdm__state *state;
        tdm__package *package;
        must(fs && !tdm__make_dirs(fs, "/q", &err) && !tdm__home_open_on(fs, "/home", &home, &err));
        must(!tdm__write_file_durably(fs, "/q/release.yaml", yaml, strlen(yaml), &err));
        must(!tdm__write_file_durably(fs, "/q/main.json", main_json, strlen(main_json), &err));
        must(!tdm__write_file_durably(fs, "/q/simple.json", simple_json, strlen(simple_json), &err));
        must(!tdm_release_pack(home, "/q", NULL, &release, &err));
        tdm_release_close(&release);
        must(!tdm__state_read(home, NULL, UINT64_MAX, &state, &err));
        must(!tdm__release_package(home, state, "q", &package, &err));
        must(!tdm__servable_open(home, state, package, "", &servable, &err));
    }
    must(!tdm__lane_new(servable, rows, &lane, &err));
    return lane;
}

/* What jansson minds and we do not: numbers outside its types, NULs in names, deep nesting. */
static bool only_jansson_minds(const json_error_t *e)
{
    enum json_error_code code = json_error_code(e);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key || code == json_error_stack_overflow;
}

/* What we mind and jansson does not: a name twice, nesting beyond 32. */
static bool only_we_mind(const tdm_error *error)
{
    return strstr(error->what, "same name twice") || strstr(error->what, "nest deeper");
}

static void compare(tdm_status s, const tdm_error *error, const tdm__json_scan *scan, const char *text, size_t size)
{
    json_error_t e;
    if (memchr(text, 0, size)) /* jansson loses a NUL that follows a word or a number */
        return;
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK;
    if (s) {
        json_t *tree = json_loadb(text, size, flags, &e);
        must(!tree || only_we_mind(error));
        json_decref(tree);
        return;
    }
    size_t read = (size_t)(scan->at - text);
    must(scan->at > text && read <= size);
    json_t *tree = json_loadb(text, read, flags & ~(size_t)JSON_DISABLE_EOF_CHECK, &e);
    must(tree != NULL || only_jansson_minds(&e));
    json_decref(tree);
}

/* The answer without its id, which is 41 bytes in; an error whole. */
static tdm_str told(const tdm__buf *out)
{
    bool error = out->len > 9 && !memcmp(out->ptr, "{\"error\":", 9);
    return error ? tdm__strn(out->ptr, out->len) : tdm__strn(out->ptr + 41, out->len - 41);
}

static void answer(tdm__lane *lane, size_t row, tdm__buf *out)
{
    tdm__answer_context context = {.epoch = 1, .position = 2, .explain = true};
    json_error_t e;
    tdm_error err;
    must(!tdm__lane_answer(lane, 0, NULL, &err));
    tdm__buf_reset(out);
    tdm__lane_write_json(lane, row, &context, out);
    json_t *tree = json_loadb(out->ptr, out->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
    must(tree != NULL);
    must((tdm__lane_error(lane, row) != NULL) == (json_object_get(tree, "error") != NULL));
    must(tdm__lane_error(lane, row) || json_is_number(json_object_get(json_object_get(tree, "prediction"), "y")));
    json_decref(tree);
}

static tdm_status read(tdm__lane *lane, size_t row, const char *text, size_t size, tdm__json_scan *scan, tdm_error *err)
{
    tdm__asked asked;
    tdm_status s = tdm__json_begin_scan(scan, tdm__strn(text, size), tdm__lane_texts(lane), err);
    if (s) {
        must(s == TDM_TEXT_ENCODING && !tdm__utf8_valid(tdm__strn(text, size)));
        return s;
    }
    s = tdm__lane_read_json(lane, scan, row, &asked, err);
    must(s == TDM_OK || s == TDM_JSON_SYNTAX);
    compare(s, err, scan, text, size);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char neighbour[] = "{\"keys\":{\"place\":\"a|b\"},\"features\":{\"n\":3,\"word\":\"\\u0041\"}}";
    static tdm__lane *one, *three;
    static tdm__buf alone, among;
    tdm__json_scan scan;
    tdm_error err;
    char *text = malloc(size + 1); /* its own block, so that a byte too far is noticed */
    must(text != NULL);
    if (!one) {
        one = open_lane(1);
        three = open_lane(3);
    }
    memcpy(text, size ? (const char *)data : "", size);
    tdm__lane_begin(one, 1);
    if (!read(one, 0, text, size, &scan, &err)) {
        answer(one, 0, &alone);
        tdm__lane_begin(three, 3);
        must(!read(three, 0, neighbour, strlen(neighbour), &scan, &err) && !read(three, 1, text, size, &scan, &err) &&
             !read(three, 2, neighbour, strlen(neighbour), &scan, &err));
        answer(three, 1, &among);
        must(tdm__str_equal(told(&alone), told(&among)) && !tdm__lane_error(three, 0) && !tdm__lane_error(three, 2));
    }
    free(text);
    return 0;
}
