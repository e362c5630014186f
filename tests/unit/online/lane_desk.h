/* A servable and lanes over the fixture's home, and questions as JSON: what the tests of servables and lanes work at.
 *
 * The release has a feature of every type, joins by the key and by the caller's word, a text that an expression makes, and
 * all rungs but the prior, so that rows can stay without an answer. */
#ifndef TANDEM_TESTS_LANE_DESK_H
#define TANDEM_TESTS_LANE_DESK_H

#include <jansson.h>
#include <math.h>

#include "base/random.h"
#include "fixture.h"
#include "online/lane.h"
#include "release/releases.h"

static const char lane_desk_yaml[] =
    "name: late\nentity: flight\nfeatures:\n  tail: {column: flights.tail}\n  distance: {column: flights.distance}\n"
    "  hour: {column: flights.hour, required: true}\n  year: {column: planes.year, default: 2000}\n  age: {expr: '2013 - year'}\n"
    "  cabin: {request: f64?, default: 0}\n  seats: {request: i64?, default: 1}\n  paid: {request: 'decimal(9,2)?'}\n  vip: {request: bool?}\n"
    "  other: {request: string?}\n  booked: {request: timestamp? ms}\n  share: {request: f32?}\n"
    "  'odd \"name\"': {request: f64?}\n"
    "  other_year: {column: planes.year, by: other, default: 1990}\n"
    "  label: {expr: 'concat(coalesce(tail, \"?\"), \"-\", coalesce(other, \"none\"))'}\n"
    "  wild: {expr: 'length(label) * 0.1 + cabin / (seats - 3)'}\n"
    "models:\n  main: {file: main.json}\n  simple: {file: simple.json}\n"
    "prediction:\n  late: {model: main, range: [0, 1000000000]}\n"
    "online: {rungs: [fresh, {defaulted: 2}, simple, table]}\n"
    "batch: {population: flights, gates: {coverage: 0%, quarantined: 100%}}\n";
static const char lane_desk_main[] = "{\"kind\": \"linear\", \"inputs\": [\"distance\", \"hour\", \"age\", \"cabin\", \"wild\", \"other_year\"],"
                                     " \"weights\": [1.1, 1000, 100000, 10000000, 0.3, 1], \"intercept\": 0}\n";

typedef struct lane_desk {
    fixture f;
    tdm__state *state;
    tdm__servable *servable;
    tdm__lane *lane;
    tdm__buf out;
    tdm_error err;
} lane_desk;

/* Opens the release packed last, with a lane. */
static inline tdm_status lane_desk_open(lane_desk *d, const char *table, size_t rows_max)
{
    tdm__package *package = NULL;
    tdm_status s = tdm__state_read(d->f.home, NULL, UINT64_MAX, &d->state, &d->err);
    if (!s)
        s = tdm__release_package(d->f.home, d->state, d->f.id, &package, &d->err);
    if (!s)
        s = tdm__servable_open(d->f.home, d->state, package, table, &d->servable, &d->err);
    if (!s)
        s = tdm__lane_new(d->servable, rows_max, &d->lane, &d->err);
    return s;
}

static inline void lane_desk_close_release(lane_desk *d)
{
    tdm__lane_close(&d->lane);
    tdm__servable_close(&d->servable);
    tdm__state_close(&d->state);
}

static inline void lane_desk_close(lane_desk *d)
{
    lane_desk_close_release(d);
    tdm__buf_free(&d->out);
    fixture_close(&d->f);
}

/* A home with 40 flights, planes, and a table of a run, when one is wanted: it has the flight "late", whose hour is not
 * known any more. */
static inline void lane_desk_new(lane_desk *d, const char *yaml, size_t rows_max, bool with_table)
{
    tdm_run_report r = {.table = ""};
    *d = (lane_desk){0};
    fixture_full(&d->f, NULL, 40);
    fixture_load(&d->f, "flights", fixture_print("%s%s", fixture_flights_csv(0, 40), "late,N001,30,9\n"));
    fixture_pack(&d->f, yaml ? yaml : lane_desk_yaml, yaml ? NULL : lane_desk_main);
    if (with_table)
        assert_ok(fixture_run(&d->f, NULL, &r), &d->f.err);
    fixture_load(&d->f, "flights", fixture_print("%s%s", fixture_flights_csv(0, 40), "far,N001,,7\nlate,N001,30,\nlow,N001,-9e9,8\nneg,N001,-9e9,-8\n"));
    assert_ok(lane_desk_open(d, with_table ? r.table : "", rows_max), &d->err);
}

/* Reads a question into a row; the text goes on behind it, and the scanner must stand there. */
static inline tdm_status lane_desk_read(lane_desk *d, tdm__lane *lane, size_t row, const char *json, tdm__asked *asked)
{
    tdm__json_scan scan;
    size_t n = strlen(json);
    char *text = tdm__arena_alloc(tdm__lane_texts(lane), n + 8);
    assert_non_null(text);
    memcpy(text, json, n);
    memcpy(text + n, "  ,[1", 6);
    tdm_status s = tdm__json_begin_scan(&scan, tdm__strn(text, n + 5), tdm__lane_texts(lane), &d->err);
    if (s)
        return s;
    s = tdm__lane_read_json(lane, &scan, row, asked, &d->err);
    if (!s)
        assert_true(scan.at == text + n && scan.err == &d->err);
    return s;
}

/* The row's answer or error as JSON, checked by jansson; released by the caller. */
static inline json_t *lane_desk_json(lane_desk *d, tdm__lane *lane, size_t row, const tdm__answer_context *context)
{
    json_error_t error;
    tdm__buf_reset(&d->out);
    tdm__lane_write_json(lane, row, context, &d->out);
    assert_false(d->out.failed);
    json_t *o = json_loadb(d->out.ptr, d->out.len, JSON_REJECT_DUPLICATES, &error);
    if (!o)
        fail_msg("%s: %.*s", error.text, (int)d->out.len, d->out.ptr);
    return o;
}

static inline const char *lane_desk_text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

#endif
