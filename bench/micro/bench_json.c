/* What scanning requests costs: ns a 1000 bytes (so picoseconds a byte), ours beside jansson's trees.
 *
 * Three texts, each scanned until some megabytes have gone through: a question of 400 bytes with 18 features, a tensor
 * request of 16 numbers, and one of 64 KiB. "ours" does what the server does: checks UTF-8, walks the members, and puts
 * values into columns or doubles. "jansson" makes its tree and takes the same values from it. "lines" are the features
 * of the question as JSON lines, through the row parser. "utf8" is the check alone, the floor. Hashes of one group are
 * equal where the work is. */
#define _GNU_SOURCE
#include "micro.h"

#include <jansson.h>

#include "codec/rows.h"
#include "codec/tensor.h"

enum { BYTES = 8 << 20, BYTES_SMALL = 256 << 10, LARGE = 64 << 10, FLOATS_MAX = 8192, FEATURES = 18 };

static const char *const feature_names[FEATURES] = {
    "dep_hour", "distance", "carrier",  "origin",   "dest",     "block_min", "wind",      "gust",     "visibility",
    "pressure", "delay_1d", "delay_7d", "is_night", "seats",    "aircraft",  "hour_load", "dep_load", "temp"};
static const char *const feature_types[FEATURES] = {
    "i64", "f64", "string", "string", "string", "i64", "f64",    "f64", "f64",
    "f64", "f64", "f64",    "bool",   "i64",    "string", "f64", "f64", "f64?"};
static const char question_text[] =
    "{\"keys\":{\"flight_key\":\"20130101-UA1545-EWR\"},\"features\":{\"dep_hour\":5,\"distance\":1400,\"carrier\":\"UA\","
    "\"origin\":\"EWR\",\"dest\":\"IAH\",\"block_min\":227,\"wind\":12.65858,\"gust\":14.5673,\"visibility\":10,"
    "\"pressure\":1011.9,\"delay_1d\":-3.25,\"delay_7d\":4.125,\"is_night\":true,\"seats\":149,\"aircraft\":\"737-824\","
    "\"hour_load\":0.6931471805599453,\"dep_load\":0.25,\"temp\":null},\"as_of\":\"2013-01-01T08:00:00Z\"}";

static size_t total;
static tdm__buf small_request, large_request, lines;
static tdm__column columns[FEATURES];
static tdm_str names[FEATURES];
static tdm__names_index by_name;
static tdm__arena kept, texts;
static double floats[FLOATS_MAX];

static void stop(const char *what)
{
    fprintf(stderr, "bench_json: %s\n", what);
    exit(1);
}

static void must(bool held)
{
    if (!held)
        stop("a text was not taken");
}

/* ---- texts ---- */

static void make_request(tdm__buf *out, size_t bytes, size_t floats_max)
{
    uint64_t seed = 7;
    tdm__buf data = {0};
    size_t n = 0;
    for (; data.len + 80 < bytes && n < floats_max; n++) {
        char text[32];
        double u = (double)(micro_random(&seed) >> 11) * 0x1p-53 * 4 - 2;
        snprintf(text, sizeof text, n ? ",%.9g" : "%.9g", u);
        tdm__buf_text(&data, text);
    }
    tdm__buf_printf(out, "{\"inputs\":[{\"name\":\"input\",\"shape\":[1,%zu],\"datatype\":\"FP64\",\"data\":[", n);
    tdm__buf_str(out, tdm__strn(data.ptr, data.len));
    tdm__buf_text(out, "]}]}");
    tdm__buf_free(&data);
}

static void make_columns(void)
{
    for (size_t i = 0; i < FEATURES; i++) {
        tdm_type type;
        names[i] = tdm__str(feature_names[i]);
        must(!tdm__type_parse(tdm__str(feature_types[i]), &type, NULL) && tdm__column_init(&columns[i], &type, &kept));
    }
    must(tdm__names_index_make(&by_name, names, FEATURES, &kept));
}

static void make_lines(void)
{
    const char *from = strstr(question_text, "\"features\":") + strlen("\"features\":"), *to = strstr(from, ",\"as_of\"");
    while (lines.len < 200 << 10) {
        tdm__buf_str(&lines, tdm__strn(from, (size_t)(to - from)));
        tdm__buf_char(&lines, '\n');
    }
}

/* ---- questions ---- */

static uint64_t hash_column(uint64_t hash, const tdm__column *c)
{
    if (c->presence[0] != TDM_PRESENT)
        return micro_mix(hash, 1);
    switch (c->type.kind) {
    case TDM_STRING: return micro_mix(hash, c->as.str[0].len + (unsigned char)c->as.str[0].ptr[0]);
    case TDM_BOOL: return micro_mix(hash, c->as.b[0]);
    default: return micro_mix(hash, (uint64_t)c->as.i64[0]);
    }
}

static void scan_features(tdm__json_scan *s)
{
    bool first = true, more = true;
    tdm_str name;
    must(!tdm__json_open(s, '{'));
    for (size_t guess = 0; !tdm__json_next_name(s, &first, &name, &more) && more;) {
        int at = tdm__names_index_find(&by_name, name, guess);
        must(at >= 0 && !tdm__json_take_value(s, &columns[at], 0));
        guess = (size_t)at + 1;
    }
    must(!more);
}

static uint64_t scan_question(tdm_str text)
{
    tdm__json_scan s;
    bool first = true, more = true;
    tdm_str name, value = {0};
    uint64_t hash = 0;
    tdm__arena_reset(&texts);
    must(!tdm__json_begin_scan(&s, text, &texts, NULL) && !tdm__json_open(&s, '{'));
    while (!tdm__json_next_name(&s, &first, &name, &more) && more) {
        if (tdm__str_is(name, "features"))
            scan_features(&s);
        else if (tdm__str_is(name, "keys")) {
            bool first_key = true, more_keys;
            must(!tdm__json_open(&s, '{') && !tdm__json_next_name(&s, &first_key, &name, &more_keys));
            must(!tdm__json_take_text(&s, &value) && !tdm__json_next_name(&s, &first_key, &name, &more_keys));
        } else
            must(!tdm__json_take_text(&s, &value));
        hash += value.len;
    }
    must(!more && !tdm__json_end_scan(&s));
    for (size_t i = 0; i < FEATURES; i++)
        hash = hash_column(hash, &columns[i]);
    return hash;
}

static uint64_t hash_tree_value(uint64_t hash, const json_t *v, unsigned kind)
{
    if (json_is_null(v))
        return micro_mix(hash, 1);
    switch (kind) {
    case TDM_STRING: return micro_mix(hash, json_string_length(v) + (unsigned char)json_string_value(v)[0]);
    case TDM_BOOL: return micro_mix(hash, json_is_true(v));
    case TDM_I64: return micro_mix(hash, (uint64_t)json_integer_value(v));
    default: return micro_mix(hash, micro_bits(json_number_value(v)));
    }
}

static uint64_t tree_question(tdm_str text)
{
    json_t *tree = json_loadb(text.ptr, text.len, 0, NULL);
    must(tree != NULL);
    const json_t *features = json_object_get(tree, "features");
    size_t key = json_string_length(json_object_get(json_object_get(tree, "keys"), "flight_key"));
    uint64_t hash = 2 * key + json_string_length(json_object_get(tree, "as_of"));
    for (size_t i = 0; i < FEATURES; i++)
        hash = hash_tree_value(hash, json_object_get(features, feature_names[i]), columns[i].type.kind);
    json_decref(tree);
    return hash;
}

/* ---- tensors ---- */

static uint64_t hash_floats(const double *x, size_t n)
{
    return micro_mix(micro_mix(n, micro_bits(x[0])), micro_bits(x[n - 1]) + micro_bits(x[n / 2]));
}

static uint64_t scan_tensor(tdm__json_scan *s)
{
    bool first = true, more = true;
    tdm_str name, tensor;
    tdm__shape shape;
    uint64_t n = 0;
    tdm__datatype datatype = TDM__DT_BYTES;
    must(!tdm__json_open(s, '{'));
    while (!tdm__json_next_name(s, &first, &name, &more) && more) {
        if (tdm__str_is(name, "shape"))
            must(!tdm__shape_scan(s, FLOATS_MAX, &shape, &n));
        else if (tdm__str_is(name, "data"))
            must(n > 0 && !tdm__tensor_scan_f64(s, datatype, &shape, floats));
        else {
            must(!tdm__json_take_text(s, &tensor));
            if (tdm__str_is(name, "datatype"))
                must(!tdm__datatype_parse(tensor, &datatype, NULL));
        }
    }
    must(!more);
    return hash_floats(floats, (size_t)n);
}

static uint64_t scan_request(tdm_str text)
{
    tdm__json_scan s;
    bool first = true, more, first_item = true;
    tdm_str name;
    tdm__arena_reset(&texts);
    must(!tdm__json_begin_scan(&s, text, &texts, NULL) && !tdm__json_open(&s, '{'));
    must(!tdm__json_next_name(&s, &first, &name, &more) && tdm__str_is(name, "inputs") && !tdm__json_open(&s, '['));
    must(!tdm__json_next_item(&s, &first_item, &more) && more);
    uint64_t hash = scan_tensor(&s);
    must(!tdm__json_next_item(&s, &first_item, &more) && !more);
    must(!tdm__json_next_name(&s, &first, &name, &more) && !more && !tdm__json_end_scan(&s));
    return hash;
}

static uint64_t tree_request(tdm_str text)
{
    json_t *tree = json_loadb(text.ptr, text.len, 0, NULL);
    must(tree != NULL);
    const json_t *data = json_object_get(json_array_get(json_object_get(tree, "inputs"), 0), "data");
    size_t n = json_array_size(data);
    for (size_t i = 0; i < n; i++)
        floats[i] = json_number_value(json_array_get(data, i));
    json_decref(tree);
    return hash_floats(floats, n);
}

static uint64_t check_utf8(tdm_str text)
{
    return tdm__utf8_prefix(text);
}

/* ---- the cases ---- */

typedef struct job {
    tdm_str text;
    uint64_t (*once)(tdm_str text);
} job;

static uint64_t work(const void *input)
{
    const job *j = input;
    uint64_t hash = 0;
    for (size_t done = 0; done < total; done += j->text.len)
        hash = j->once(j->text);
    return hash;
}

static uint64_t work_lines(const void *input)
{
    tdm__field fields[FEATURES];
    const tdm__schema schema = {fields, FEATURES};
    const tdm__row_block *block;
    tdm__row_parser *parser;
    tdm__chunk chunk = {.bytes = lines, .first_row = 1, .first_line = 1};
    uint64_t hash = 0;
    (void)input;
    for (size_t i = 0; i < FEATURES; i++)
        fields[i] = (tdm__field){names[i], columns[i].type};
    must(!tdm__row_parser_new(TDM__FORMAT_JSONL, NULL, 0, &schema, NULL, &parser, NULL));
    for (size_t done = 0; done < total; done += lines.len) {
        tdm__row_parser_start(parser, &chunk);
        while (!tdm__row_parser_next(parser, &block, NULL) && block->n > 0)
            for (size_t i = 0; i < FEATURES; i++)
                hash = hash_column(hash, &block->column[i]);
    }
    tdm__row_parser_close(&parser);
    return hash;
}

int main(int argc, char **argv)
{
    bool small = micro_is_small(argc, argv);
    total = small ? BYTES_SMALL : BYTES;
    make_columns();
    make_request(&small_request, LARGE, 16);
    make_request(&large_request, LARGE, FLOATS_MAX);
    make_lines();
    tdm_str question = tdm__str(question_text), few = {small_request.ptr, small_request.len};
    tdm_str many = {large_request.ptr, large_request.len};
    const job jobs[] = {{question, scan_question}, {question, tree_question}, {few, scan_request}, {few, tree_request},
                        {many, scan_request},      {many, tree_request},      {many, check_utf8}};
    const micro_case cases[] = {
        {"question", "ours", work, &jobs[0]},   {"question", "jansson", work, &jobs[1]},
        {"16 numbers", "ours", work, &jobs[2]}, {"16 numbers", "jansson", work, &jobs[3]},
        {"64 KiB", "ours", work, &jobs[4]},     {"64 KiB", "jansson", work, &jobs[5]},
        {"64 KiB", "utf8", work, &jobs[6]},     {"lines", "ours", work_lines, NULL}};
    printf("# ns a 1000 bytes; texts of %zu, %zu and %zu bytes\n", question.len, few.len, many.len);
    int code = micro_run("bench_json", cases, sizeof cases / sizeof cases[0], total / 1000, small);
    tdm__buf_free(&small_request);
    tdm__buf_free(&large_request);
    tdm__buf_free(&lines);
    tdm__arena_free(&kept);
    tdm__arena_free(&texts);
    return code;
}
