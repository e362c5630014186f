/* A question in JSON, read in one pass into a row of the lane's columns.
 *
 * Two kinds of errors: those of the text as a whole (its syntax, a name twice) end the reading; those of this question
 * refuse the row, and reading goes on so that the rest is checked and the scanner ends behind the object. A column's
 * presence in the row says whether its name was there before: what could not be taken counts as null until then. */
#include <string.h>
#include "base/fail.h"
#include "online/lane_impl.h"
#include "schema/instant.h"

typedef struct reader {
    tdm__lane *lane;
    tdm__json_scan *scan; /* its errors go to lane->fault */
    size_t row;
    tdm__asked *asked;
} reader;

/* Whether the error is of the text, not of the question. */
static bool is_of_text(tdm_status s)
{
    return s == TDM_JSON_SYNTAX || s == TDM_TEXT_ENCODING || s == TDM_NO_MEMORY;
}

/* The row is refused with lane->fault, unless that is the whole text's. */
static tdm_status refuse(reader *r, tdm_status s)
{
    return is_of_text(s) ? s : tdm__lane_refuse(r->lane, r->row, &r->lane->fault, &r->lane->fault);
}

static tdm_status refuse_at(reader *r, tdm_status s, const char *section, tdm_str name)
{
    if (!is_of_text(s))
        tdm__question_where(&r->lane->fault, section, name);
    return refuse(r, s);
}

/* Takes the value of a name that is not wanted, and refuses the row with lane->fault. */
static tdm_status refuse_and_skip(reader *r, tdm_status s)
{
    s = refuse(r, s);
    return s ? s : tdm__json_skip(r->scan);
}

static tdm_status refuse_unknown(reader *r, const char *section, tdm_str name, const tdm_str *known, size_t n)
{
    if (r->lane->answer[r->row].error) /* its first error counts */
        return tdm__json_skip(r->scan);
    return refuse_and_skip(r, tdm__question_unknown(section, name, known, n, &r->lane->fault));
}

/* ---- features ---- */

/* Whether the next name is this feature's, written as most programs do: then it is taken, and nothing was scanned. False
 * says nothing: tdm__json_next_name must look. */
static inline bool take_expected(const tdm__servable *v, tdm__json_scan *scan, bool *first, size_t feature)
{
    const char *p = scan->at;
    if (feature >= v->package->n_request || (!*first && (p == scan->end || *p++ != ',')))
        return false;
    p += p < scan->end && *p == ' ';
    tdm_str label = v->request_label[feature];
    if ((size_t)(scan->end - p) < label.len || memcmp(p, label.ptr, label.len))
        return false;
    scan->at = p + label.len;
    *first = false;
    return true;
}

static tdm_status read_feature(reader *r, size_t feature)
{
    tdm__column *column = &r->lane->request[feature];
    if (column->presence[r->row] != TDM_MISSING)
        return tdm__json_twice(r->scan, r->lane->servable->request_name[feature]);
    tdm_status s = tdm__json_take_value(r->scan, column, r->row);
    if (!s)
        return TDM_OK;
    column->presence[r->row] = TDM_NULL;
    return refuse_at(r, s, "features", r->lane->servable->request_name[feature]);
}

static tdm_status read_features(reader *r)
{
    const tdm__servable *v = r->lane->servable;
    bool first = true, more;
    tdm_str name;
    size_t expected = 0; /* features tend to come in the release's order */
    tdm_status s = tdm__json_open(r->scan, '{');
    if (s)
        return refuse_at(r, s, "features", (tdm_str){0});
    for (;;) {
        int i = (int)expected;
        if (!take_expected(v, r->scan, &first, expected)) {
            s = tdm__json_next_name(r->scan, &first, &name, &more);
            if (s || !more)
                return s;
            i = tdm__names_index_find(&v->request_index, name, expected);
        }
        s = i < 0 ? refuse_unknown(r, "features", name, v->request_name, v->package->n_request)
                  : read_feature(r, (size_t)i);
        if (s)
            return s;
        expected = (size_t)(i + 1);
    }
}

/* ---- keys ---- */

/* A text is read as files write the column's type, anything else as JSON has it. */
static tdm_status take_part(reader *r, tdm__column *column)
{
    tdm_str text;
    if (tdm__json_peek(r->scan) != '"')
        return tdm__json_take_value(r->scan, column, r->row);
    tdm_status s = tdm__json_take_text(r->scan, &text);
    return s ? s : tdm__question_key_text(column, r->row, text, &r->lane->fault);
}

static tdm_status read_part(reader *r, size_t k, tdm_str name)
{
    tdm__column *column = &r->lane->key[k];
    if (column->presence[r->row] != TDM_MISSING)
        return refuse_and_skip(r, tdm__question_twice("keys", name, &r->lane->fault));
    tdm_status s = take_part(r, column);
    if (!s)
        return TDM_OK;
    column->presence[r->row] = TDM_NULL;
    return refuse_at(r, s, "keys", name);
}

/* Under the entity's name: "a|b" where the key has several parts. */
static tdm_status read_whole_key(reader *r, tdm_str name)
{
    tdm_str text;
    if (r->lane->servable->package->key.n == 1)
        return read_part(r, 0, name);
    tdm_status s = tdm__json_take_text(r->scan, &text);
    return s ? refuse_at(r, s, "keys", name) : tdm__lane_read_key(r->lane, r->row, text, &r->lane->fault);
}

static tdm_status read_keys(reader *r)
{
    const tdm__servable *v = r->lane->servable;
    bool first = true, more;
    tdm_str name;
    uint64_t seen = 0;
    tdm_status s = tdm__json_open(r->scan, '{');
    if (s)
        return refuse_at(r, s, "keys", (tdm_str){0});
    while (!(s = tdm__json_next_name(r->scan, &first, &name, &more)) && more) {
        int k = tdm__names_index_find(&v->key_index, name, 0);
        bool whole = k < 0 && tdm__str_equal(name, v->package->manifest->entity);
        uint64_t bit = (uint64_t)1 << (whole ? TDM__KEY_PARTS_MAX : k < 0 ? 0 : k);
        if (k < 0 && !whole) {
            s = refuse_unknown(r, "keys", name, v->key_name, v->package->key.n);
        } else {
            if (seen & bit)
                return tdm__json_twice(r->scan, name);
            seen |= bit;
            s = whole ? read_whole_key(r, name) : read_part(r, (size_t)k, name);
        }
        if (s)
            return s;
    }
    return s;
}

/* ---- the question ---- */

static tdm_status read_as_of(reader *r)
{
    static const char expected[] = "RFC 3339 with a zone, as 2013-06-01T10:00:00Z";
    tdm_error *fault = &r->lane->fault;
    tdm_str text;
    tdm_status s = tdm__json_take_text(r->scan, &text);
    if (!s && tdm__instant_parse(text, &r->asked->as_of_us)) {
        r->asked->has_as_of = true;
        return TDM_OK;
    }
    if (!s) {
        s = tdm__fail(fault, TDM_FIELD_TYPE, NULL, "the text is not a time");
        tdm__fail_found_text(fault, text);
    }
    if (!is_of_text(s))
        tdm__fail_expected(fault, "%s", expected);
    return refuse_at(r, s, "as_of", (tdm_str){0});
}

enum { MEMBERS = 3 };

static tdm_status read_member(reader *r, tdm_str name, unsigned *seen)
{
    static const tdm_str known[MEMBERS] = {{"features", 8}, {"keys", 4}, {"as_of", 5}};
    static tdm_status (*const read[MEMBERS])(reader *) = {read_features, read_keys, read_as_of};
    size_t i = 0;
    while (i < MEMBERS && !tdm__str_equal(name, known[i]))
        i++;
    if (i == MEMBERS)
        return refuse_unknown(r, "", name, known, MEMBERS);
    if (*seen & 1u << i)
        return tdm__json_twice(r->scan, name);
    *seen |= 1u << i;
    return read[i](r);
}

static tdm_status read_question(reader *r)
{
    bool first = true, more;
    unsigned seen = 0;
    tdm_str name;
    tdm_status s = tdm__json_open(r->scan, '{');
    if (s)
        return refuse(r, s);
    while (!(s = tdm__json_next_name(r->scan, &first, &name, &more)) && more)
        if ((s = read_member(r, name, &seen)) != TDM_OK)
            return s;
    return s ? s : tdm__question_check_key(r->lane, r->row, &r->lane->fault);
}

tdm_status tdm__lane_read_json(tdm__lane *lane, tdm__json_scan *scan, size_t row, tdm__asked *out, tdm_error *err)
{
    tdm_error *own = scan->err;
    reader r = {.lane = lane, .scan = scan, .row = row, .asked = out};
    *out = (tdm__asked){0};
    scan->err = &lane->fault;
    tdm_status s = read_question(&r);
    scan->err = own;
    if (s && err)
        *err = lane->fault;
    return s;
}
