/* A JSON text from any bytes: walked by our scanner when jansson takes it, with the same values; else refused.
 *
 * Where the two differ on purpose: we bound depth to 32; jansson refuses numbers outside its types, which we can pass
 * over, and a NUL in a name. It keeps the last of equal names, so values are compared where no name stands twice. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/number.h"
#include "codec/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the walk met that jansson judges otherwise. */
typedef struct differences {
    bool deep, number_out_of_range, nul_in_name;
} differences;

static void must(bool held)
{
    if (!held)
        abort();
}

static uint64_t bits_of(double v)
{
    uint64_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

/* ---- one value ---- */

/* Asks for every kind that does not stand here: the error must leave the scanner behind the value. */
static void ask_for_others(const tdm__json_scan *at, char kind)
{
    tdm__json_scan after = *at;
    tdm_str text;
    double v;
    int64_t i;
    bool b;
    if (tdm__json_skip(&after))
        return;
    tdm__json_scan s[6] = {*at, *at, *at, *at, *at, *at};
    must(kind == '{' || (tdm__json_open(&s[0], '{') == TDM_FIELD_TYPE && s[0].at == after.at));
    must(kind == '[' || (tdm__json_open(&s[1], '[') == TDM_FIELD_TYPE && s[1].at == after.at));
    must(kind == '"' || (tdm__json_take_text(&s[2], &text) == TDM_FIELD_TYPE && s[2].at == after.at));
    must(kind == '0' || (tdm__json_take_f64(&s[3], false, &v) == TDM_FIELD_TYPE && s[3].at == after.at));
    must(kind == '0' || (tdm__json_take_i64(&s[4], 0, 1, &i) == TDM_FIELD_TYPE && s[4].at == after.at));
    must(kind == 't' || kind == 'f' || (tdm__json_take_bool(&s[5], &b) == TDM_FIELD_TYPE && s[5].at == after.at));
}

static tdm_status walk_number(tdm__json_scan *s, differences *met, const json_t *tree)
{
    tdm__json_scan as_f64 = *s, as_i64 = *s;
    tdm_str text;
    double v = 0, same;
    int64_t i = 0;
    bool overflow;
    tdm_status status = tdm__json_take_number(s, &text);
    if (status)
        return status;
    must(tdm__parse_f64(text, &same, &overflow));
    must(tdm__json_take_f64(&as_f64, false, &v) == (overflow ? TDM_FIELD_RANGE : TDM_OK) && as_f64.at == s->at);
    must(overflow || bits_of(v) == bits_of(same));
    tdm_status integer = tdm__json_take_i64(&as_i64, INT64_MIN, INT64_MAX, &i);
    must(as_i64.at == s->at && (!integer || integer == TDM_FIELD_TYPE || integer == TDM_FIELD_RANGE));
    met->number_out_of_range |= overflow || integer == TDM_FIELD_RANGE;
    if (tree && integer == TDM_FIELD_TYPE)
        must(json_is_real(tree) && bits_of(json_real_value(tree)) == bits_of(v));
    if (tree && !integer)
        must(json_is_integer(tree) && json_integer_value(tree) == i);
    return TDM_OK;
}

static tdm_status walk(tdm__json_scan *s, unsigned depth, differences *met, const json_t *tree);

/* The names of the object behind its bracket, as often as they stand there. */
static size_t count_names(tdm__json_scan s)
{
    bool first = true, more = true;
    tdm_str name;
    size_t n = 0;
    for (; !tdm__json_next_name(&s, &first, &name, &more) && more; n++)
        if (tdm__json_skip(&s))
            break;
    return n;
}

static tdm_status walk_object(tdm__json_scan *s, unsigned depth, differences *met, const json_t *tree)
{
    bool first = true, more = true;
    tdm_str name;
    tdm_status status = tdm__json_open(s, '{');
    must(!status && (!tree || json_is_object(tree)));
    bool compare = tree && count_names(*s) == json_object_size(tree);
    while (!(status = tdm__json_next_name(s, &first, &name, &more)) && more) {
        const json_t *value = NULL;
        met->nul_in_name |= name.len > 0 && memchr(name.ptr, 0, name.len);
        if (compare) {
            char *z = calloc(name.len + 1, 1);
            must(z != NULL);
            memcpy(z, name.ptr, name.len);
            value = json_object_get(tree, z);
            free(z);
            must(value != NULL);
        }
        if ((status = walk(s, depth + 1, met, value)))
            break;
    }
    return status;
}

static tdm_status walk_list(tdm__json_scan *s, unsigned depth, differences *met, const json_t *tree)
{
    bool first = true, more = true;
    size_t n = 0;
    tdm_status status = tdm__json_open(s, '[');
    must(!status && (!tree || json_is_array(tree)));
    for (; !(status = tdm__json_next_item(s, &first, &more)) && more; n++) {
        must(!tree || n < json_array_size(tree));
        if ((status = walk(s, depth + 1, met, tree ? json_array_get(tree, n) : NULL)))
            break;
    }
    must(status || !tree || n == json_array_size(tree));
    return status;
}

static tdm_status walk_text(tdm__json_scan *s, const json_t *tree)
{
    tdm_str text;
    tdm_status status = tdm__json_take_text(s, &text);
    if (status || !tree)
        return status;
    must(json_is_string(tree) && json_string_length(tree) == text.len);
    must(text.len == 0 || memcmp(json_string_value(tree), text.ptr, text.len) == 0);
    must(tdm__utf8_valid(text));
    return TDM_OK;
}

static tdm_status walk(tdm__json_scan *s, unsigned depth, differences *met, const json_t *tree)
{
    bool yes = false;
    char kind = tdm__json_peek(s);
    if (depth < 3 && kind)
        ask_for_others(s, kind);
    met->deep |= (kind == '{' || kind == '[') && depth >= TDM__JSON_DEPTH_MAX;
    if (met->deep)
        return TDM_JSON_SYNTAX;
    switch (kind) {
    case '{': return walk_object(s, depth, met, tree);
    case '[': return walk_list(s, depth, met, tree);
    case '"': return walk_text(s, tree);
    case '0': return walk_number(s, met, tree);
    case 'n': must(!tree || json_is_null(tree)); return tdm__json_take_null(s) ? TDM_OK : TDM_JSON_SYNTAX;
    case 't':
    case 'f': break;
    default: must(tdm__json_skip(s) == TDM_JSON_SYNTAX); return TDM_JSON_SYNTAX;
    }
    tdm_status status = tdm__json_take_bool(s, &yes);
    must(status || !tree || (json_is_boolean(tree) && json_is_true(tree) == yes));
    return status;
}

/* ---- the whole text ---- */

static void compare(const tdm__json_scan *begin, bool taken, const differences *met, tdm_str text)
{
    json_error_t error;
    if (text.len > 0 && memchr(text.ptr, 0, text.len)) { /* never JSON; jansson loses a NUL that follows a number */
        must(!taken);
        return;
    }
    json_t *tree = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (tree) {
        differences again = {0};
        tdm__json_scan s = *begin;
        must(taken || met->deep);
        must(!taken || !walk(&s, 0, &again, tree));
    } else {
        must(!taken || met->number_out_of_range || met->nul_in_name);
    }
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__arena texts = {0};
    tdm__json_scan s, begin;
    tdm_error err;
    differences met = {0};
    tdm_str text = {(const char *)data, size};
    tdm_status status = tdm__json_begin_scan(&s, text, &texts, &err);
    must(status == (tdm__utf8_valid(text) ? TDM_OK : TDM_TEXT_ENCODING));
    begin = s;
    if (!status) {
        tdm__json_scan skipped = s, with_words = s;
        with_words.words = true;
        status = walk(&s, 0, &met, NULL);
        tdm_status passed = tdm__json_skip(&skipped);
        must(!status == !passed && (status || skipped.at == s.at));
        must(passed || (!tdm__json_skip(&with_words) && with_words.at == skipped.at));
        if (!status)
            status = tdm__json_end_scan(&s);
        must(!status || (err.status == status && err.what[0] && s.at <= s.end));
    }
    compare(&begin, !status, &met, text);
    tdm__arena_free(&texts);
    return 0;
}
