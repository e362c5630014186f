/* Reading infer requests: members by tables, tensors by their sizes.
 *
 * Objects are read by a table of the members that count; a member that stands twice is an error, one that is not in the
 * table is checked and forgotten, as the protocol wants. Places in errors are put together on the way out. Sizes are
 * checked before anything is allocated or read by them: a shape may claim 2^40 elements, but never gets memory for more
 * than the body can hold. */
#include "server/oip_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "schema/instant.h"

#define ELEMENTS_MAX (UINT64_C(1) << 40)
#define HEADER_FIELD "Inference-Header-Content-Length"

enum { GIVEN_NAME = 1, GIVEN_SHAPE = 2, GIVEN_DATATYPE = 4, GIVEN_DATA = 8, GIVEN_PARAMETERS = 16 };

typedef struct reader {
    tdm__oip_request *r;
    tdm__json_scan *scan;
    tdm_error *err;
    tdm__oip_tensor *tensor; /* the input at work */
    tdm__oip_asked *asked;   /* the output at work */
} reader;

typedef struct member {
    const char *name;
    size_t len;
    tdm_status (*take)(reader *at);
} member;
#define MEMBER(name, take) {name, sizeof name - 1, take}

/* ---- places of errors ---- */

/* What is wrong with the text as a whole tells its byte. */
static bool has_place(const tdm_error *err)
{
    bool whole = err->status == TDM_JSON_SYNTAX || err->status == TDM_TEXT_ENCODING;
    return err->status != TDM_NO_MEMORY && (err->where[0] || !whole);
}

tdm_status tdm__oip_within(tdm_error *err, tdm_str name)
{
    char inner[sizeof err->where];
    size_t len = name.len < 100 ? name.len : tdm__utf8_prefix(tdm__strn(name.ptr, 100));
    if (!has_place(err))
        return err->status;
    memcpy(inner, err->where, sizeof inner);
    const char *dot = inner[0] && inner[0] != '[' ? "." : "";
    tdm__fail_where(err, "%.*s%s%s", (int)len, name.ptr ? name.ptr : "", dot, inner);
    return err->status;
}

tdm_status tdm__oip_of_input(tdm_error *err, const tdm__oip_tensor *t)
{
    tdm__oip_within(err, t->name);
    return tdm__oip_within(err, tdm__str("inputs"));
}

bool tdm__oip_element(const tdm_error *err, size_t *i)
{
    const char *p = err->where;
    if (*p != '[')
        return false;
    *i = 0;
    for (p++; *p >= '0' && *p <= '9'; p++)
        *i = *i * 10 + (size_t)(*p - '0');
    return true;
}

void tdm__oip_found_shape(tdm_error *err, const tdm__shape *shape)
{
    char text[8 * 21 + 3], *at = text; /* TDM__TENSOR_DIMENSIONS_MAX numbers */
    *at++ = '[';
    for (uint32_t i = 0; i < shape->n; i++)
        at += snprintf(at, 22, "%s%" PRId64, i ? "," : "", shape->size[i]);
    memcpy(at, "]", 2);
    tdm__fail_found(err, "%s", text);
}

static tdm_status lacks(reader *at, const char *what)
{
    return tdm__fail(at->err, TDM_BAD_INPUT, NULL, "there is no '%s'", what);
}

/* ---- objects by tables ---- */

static const member *find_member(const member *table, size_t n, tdm_str name)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].len == name.len && memcmp(table[i].name, name.ptr, name.len) == 0)
            return &table[i];
    return NULL;
}

/* Reads an object; *seen gets a bit for each member of the table, 1 << its number. */
static tdm_status take_object(reader *at, const member *table, size_t n, unsigned *seen)
{
    bool first = true, more = true;
    tdm_str name;
    *seen = 0;
    tdm_status s = tdm__json_open(at->scan, '{');
    while (!s && !(s = tdm__json_next_name(at->scan, &first, &name, &more)) && more) {
        const member *m = find_member(table, n, name);
        if (!m) {
            s = tdm__json_skip(at->scan);
            continue;
        }
        unsigned bit = 1u << (m - table);
        if (*seen & bit)
            return tdm__json_twice(at->scan, name);
        *seen |= bit;
        s = m->take(at);
        if (s)
            tdm__oip_within(at->err, name);
    }
    return s;
}
#define TAKE_OBJECT(at, table, seen) take_object((at), (table), sizeof(table) / sizeof *(table), (seen))

/* Room for one more of `size` bytes in a vector of the arena, zeroed; NULL when out of memory. */
static void *one_more(reader *at, void **items, size_t *n, size_t *cap, size_t size)
{
    if (*n == *cap) {
        size_t grown = *cap ? 2 * *cap : 4;
        void *more = tdm__arena_zalloc(at->r->texts, grown, size);
        if (!more)
            return NULL;
        if (*n)
            memcpy(more, *items, *n * size);
        *items = more;
        *cap = grown;
    }
    void *item = (char *)*items + *n * size;
    memset(item, 0, size);
    ++*n;
    return item;
}

static tdm_status take_not_shared(reader *at)
{
    tdm_status s = tdm__json_skip(at->scan);
    return s ? s : tdm__fail(at->err, TDM_UNSUPPORTED, NULL, "shared memory is not supported");
}

/* ---- an input ---- */

static tdm_status take_name(reader *at)
{
    return tdm__json_take_text(at->scan, &at->tensor->name);
}

static tdm_status take_shape(reader *at)
{
    tdm__oip_tensor *t = at->tensor;
    tdm_status s = tdm__shape_scan(at->scan, ELEMENTS_MAX, &t->shape, &t->elements);
    if (s == TDM_TOO_LARGE)
        s = at->err->status = TDM_BAD_INPUT; /* no body could hold it: it is not a matter of limits */
    if (s)
        return s;
    t->given |= GIVEN_SHAPE;
    at->r->deferred = t->shape.n && t->shape.size[0] > at->r->rows_here;
    return at->r->deferred ? tdm__fail(at->err, TDM_TOO_LARGE, NULL, "there are too many rows") : TDM_OK;
}

static tdm_status take_datatype(reader *at)
{
    tdm_str name;
    tdm_status s = tdm__json_take_text(at->scan, &name);
    if (!s)
        s = tdm__datatype_parse(name, &at->tensor->datatype, at->err);
    at->tensor->given |= GIVEN_DATATYPE;
    return s;
}

static tdm_status take_binary_size(reader *at)
{
    int64_t size;
    tdm_status s = tdm__json_take_i64(at->scan, 0, INT64_MAX, &size);
    if (s)
        return s;
    at->tensor->binary = true;
    at->tensor->binary_bytes = (uint64_t)size;
    return TDM_OK;
}

static tdm_status take_input_parameters(reader *at)
{
    static const member table[] = {
        MEMBER("binary_data_size", take_binary_size),
        MEMBER("shared_memory_region", take_not_shared),
    };
    unsigned seen;
    return TAKE_OBJECT(at, table, &seen);
}

/* The list at the scanner's place as doubles. An element takes two bytes at least, with what parts it from the next. */
static tdm_status take_values(reader *at, tdm__json_scan *scan)
{
    tdm__oip_tensor *t = at->tensor;
    if (t->elements > (uint64_t)(scan->end - scan->at) / 2 + 1) {
        tdm_status s = tdm__fail(at->err, TDM_BAD_INPUT, NULL, "the list has fewer elements than the shape says");
        tdm__fail_expected(at->err, "%" PRIu64 " elements", t->elements);
        return s;
    }
    t->values = tdm__arena_alloc(at->r->texts, (size_t)t->elements * sizeof(double));
    if (!t->values)
        return tdm__no_memory(at->err, "tensors");
    return tdm__tensor_scan_f64(scan, t->datatype, &t->shape, t->values);
}

static bool wants_values(const reader *at)
{
    const unsigned known = GIVEN_SHAPE | GIVEN_DATATYPE;
    return at->r->values && (at->tensor->given & known) == known && at->tensor->datatype != TDM__DT_BYTES;
}

static tdm_status take_data(reader *at)
{
    if (tdm__json_peek(at->scan) != '[')
        return tdm__json_open(at->scan, '['); /* says what is there instead */
    at->tensor->json = at->scan->at;
    at->scan->words = true;
    tdm_status s = wants_values(at) ? take_values(at, at->scan) : tdm__json_skip(at->scan);
    at->scan->words = false;
    return s;
}

static tdm_status check_bytes(reader *at)
{
    const tdm__oip_tensor *t = at->tensor;
    size_t width = tdm__datatype_width(t->datatype);
    if (!width || t->binary_bytes == t->elements * width)
        return TDM_OK;
    tdm_status s = tdm__fail(at->err, TDM_BAD_INPUT, NULL, "the tensor's size is not what its shape and datatype make");
    tdm__fail_expected(at->err, "%" PRIu64 " bytes: %" PRIu64 " elements of %zu", t->elements * width, t->elements, width);
    tdm__fail_found(at->err, "%" PRIu64 " bytes", t->binary_bytes);
    return s;
}

static tdm_status check_input(reader *at)
{
    tdm__oip_tensor *t = at->tensor;
    if (!(t->given & GIVEN_NAME))
        return lacks(at, "name");
    if (!(t->given & GIVEN_SHAPE))
        return lacks(at, "shape");
    if (!(t->given & GIVEN_DATATYPE))
        return lacks(at, "datatype");
    if (t->binary && t->json)
        return tdm__fail(at->err, TDM_BAD_INPUT, NULL, "there are both 'data' and a 'binary_data_size'");
    if (t->binary)
        return check_bytes(at);
    if (!t->json)
        return tdm__fail(at->err, TDM_BAD_INPUT, NULL, "there is neither 'data' nor a 'binary_data_size'");
    if (t->values || !wants_values(at))
        return TDM_OK;
    tdm__json_scan scan = tdm__oip_scan_at(at->r, t, at->r->texts, at->err);
    tdm_status s = take_values(at, &scan);
    return s ? tdm__oip_within(at->err, tdm__str("data")) : TDM_OK;
}

static tdm_status take_input(reader *at)
{
    static const member table[] = {
        MEMBER("name", take_name),
        MEMBER("shape", take_shape),
        MEMBER("datatype", take_datatype),
        MEMBER("data", take_data),
        MEMBER("parameters", take_input_parameters),
    };
    unsigned seen;
    tdm_status s = TAKE_OBJECT(at, table, &seen);
    at->tensor->given = (uint16_t)seen; /* the bits of GIVEN_ are the table's order */
    return s ? s : check_input(at);
}

/* An error of the i-th thing of a list: by its name when it has one. */
static tdm_status within_item(reader *at, tdm_str name, size_t i)
{
    char number[32];
    snprintf(number, sizeof number, "[%zu]", i);
    return tdm__oip_within(at->err, name.len ? name : tdm__str(number));
}

static tdm_status too_many(reader *at, size_t most)
{
    tdm_status s = tdm__fail(at->err, TDM_BAD_INPUT, NULL, "there are more than the model has");
    tdm__fail_expected(at->err, "at most %zu", most);
    return s;
}

static tdm_status take_inputs(reader *at)
{
    tdm__oip_request *r = at->r;
    bool first = true, more = true;
    tdm_status s = tdm__json_open(at->scan, '[');
    while (!s && !(s = tdm__json_next_item(at->scan, &first, &more)) && more) {
        if (r->n_inputs == r->inputs_max)
            return too_many(at, r->inputs_max);
        at->tensor = one_more(at, (void **)&r->input, &r->n_inputs, &r->inputs_cap, sizeof *r->input);
        if (!at->tensor)
            return tdm__no_memory(at->err, "inputs");
        s = take_input(at);
        if (s)
            within_item(at, at->tensor->name, r->n_inputs - 1);
    }
    return s;
}

/* ---- an output ---- */

static tdm_status take_output_name(reader *at)
{
    return tdm__json_take_text(at->scan, &at->asked->name);
}

static tdm_status take_binary_data(reader *at)
{
    at->asked->says = true;
    return tdm__json_take_bool(at->scan, &at->asked->binary);
}

static tdm_status take_classification(reader *at)
{
    tdm_status s = tdm__json_skip(at->scan);
    return s ? s : tdm__fail(at->err, TDM_UNSUPPORTED, NULL, "classification is not supported");
}

static tdm_status take_output_parameters(reader *at)
{
    static const member table[] = {
        MEMBER("binary_data", take_binary_data),
        MEMBER("classification", take_classification),
        MEMBER("shared_memory_region", take_not_shared),
    };
    unsigned seen;
    return TAKE_OBJECT(at, table, &seen);
}

static tdm_status take_output(reader *at)
{
    static const member table[] = {
        MEMBER("name", take_output_name),
        MEMBER("parameters", take_output_parameters),
    };
    unsigned seen;
    tdm_status s = TAKE_OBJECT(at, table, &seen);
    return s ? s : seen & 1 ? TDM_OK : lacks(at, "name");
}

static tdm_status take_outputs(reader *at)
{
    tdm__oip_request *r = at->r;
    bool first = true, more = true;
    tdm_status s = tdm__json_open(at->scan, '[');
    while (!s && !(s = tdm__json_next_item(at->scan, &first, &more)) && more) {
        if (r->n_outputs == r->outputs_max)
            return too_many(at, r->outputs_max);
        at->asked = one_more(at, (void **)&r->output, &r->n_outputs, &r->outputs_cap, sizeof *r->output);
        if (!at->asked)
            return tdm__no_memory(at->err, "outputs");
        s = take_output(at);
        if (s)
            within_item(at, at->asked->name, r->n_outputs - 1);
    }
    return s;
}

/* ---- the request ---- */

static tdm_status take_id(reader *at)
{
    at->r->has_id = true;
    return tdm__json_take_text(at->scan, &at->r->id);
}

static tdm_status take_binary_output(reader *at)
{
    return tdm__json_take_bool(at->scan, &at->r->binary_output);
}

static tdm_status take_timeout(reader *at)
{
    int64_t us;
    tdm_status s = tdm__json_take_i64(at->scan, 0, INT64_MAX / 1000, &us);
    if (!s)
        at->r->timeout_us = (uint64_t)us;
    return s;
}

static tdm_status take_priority(reader *at)
{
    int64_t ignored;
    return tdm__json_take_i64(at->scan, 0, INT64_MAX, &ignored);
}

static tdm_status take_as_of(reader *at)
{
    tdm_str text;
    tdm_status s = tdm__json_take_text(at->scan, &text);
    if (s)
        return s;
    at->r->has_as_of = tdm__instant_parse(text, &at->r->as_of_us);
    if (at->r->has_as_of)
        return TDM_OK;
    s = tdm__fail(at->err, TDM_FIELD_TYPE, NULL, "the text is not an instant");
    tdm__fail_expected(at->err, "RFC 3339 with a zone");
    tdm__fail_found_text(at->err, text);
    return s;
}

static tdm_status take_parameters(reader *at)
{
    static const member table[] = {
        MEMBER("binary_data_output", take_binary_output),
        MEMBER("timeout", take_timeout),
        MEMBER("priority", take_priority),
        MEMBER("as_of", take_as_of),
    };
    unsigned seen;
    return TAKE_OBJECT(at, table, &seen);
}

static tdm_status take_request(reader *at)
{
    static const member table[] = {
        MEMBER("inputs", take_inputs),
        MEMBER("outputs", take_outputs),
        MEMBER("id", take_id),
        MEMBER("parameters", take_parameters),
    };
    unsigned seen;
    tdm_status s = TAKE_OBJECT(at, table, &seen);
    if (!s)
        s = tdm__json_end_scan(at->scan);
    if (!s && !at->r->n_inputs)
        s = tdm__fail(at->err, TDM_BAD_INPUT, "inputs", "the request has no inputs");
    return s;
}

tdm__json_scan tdm__oip_scan_at(const tdm__oip_request *r, const tdm__oip_tensor *t, tdm__arena *texts, tdm_error *err)
{
    tdm__json_scan scan = r->scan;
    scan.at = t->json;
    scan.texts = texts;
    scan.err = err;
    scan.words = t->datatype != TDM__DT_BYTES;
    return scan;
}

/* ---- the bytes behind the header ---- */

static tdm_status sizes_differ(tdm_error *err, uint64_t expected, size_t found)
{
    tdm_status s = tdm__fail(err, TDM_BAD_INPUT, "body", "what follows the JSON header is not what its inputs add up to");
    tdm__fail_expected(err, "%" PRIu64 " bytes of tensors", expected);
    tdm__fail_found(err, "%zu", found);
    return s;
}

/* Gives each binary tensor its bytes, in order. */
static tdm_status share_out(tdm__oip_request *r, tdm_str rest, tdm_error *err)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->n_inputs; i++)
        if (r->input[i].binary && __builtin_add_overflow(sum, r->input[i].binary_bytes, &sum))
            sum = UINT64_MAX;
    if (sum != rest.len)
        return sizes_differ(err, sum, rest.len);
    for (size_t i = 0; i < r->n_inputs; i++) {
        tdm__oip_tensor *t = &r->input[i];
        if (!t->binary)
            continue;
        t->bytes = tdm__strn(rest.ptr, (size_t)t->binary_bytes);
        rest = tdm__strn(rest.ptr + t->bytes.len, rest.len - t->bytes.len);
        if (t->datatype == TDM__DT_BYTES && tdm__tensor_check_texts(t->bytes, (size_t)t->elements, err)) {
            tdm__oip_within(err, tdm__str("data"));
            return tdm__oip_of_input(err, t);
        }
    }
    return TDM_OK;
}

static bool header_bytes(tdm_str text, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)(text.ptr[i] - '0') > 9 || i > 17)
            return false;
        v = v * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *out = v;
    return text.len > 0;
}

/* How many bytes of the body are JSON. */
static tdm_status split(tdm_str body, tdm_str header_length, size_t *json_bytes, tdm_error *err)
{
    uint64_t length = 0;
    *json_bytes = body.len;
    if (!header_length.ptr)
        return TDM_OK;
    bool number = header_bytes(header_length, &length);
    if (number && length <= body.len) {
        *json_bytes = (size_t)length;
        return TDM_OK;
    }
    tdm_status s = tdm__fail(err, TDM_BAD_INPUT, HEADER_FIELD, number ? "the body is shorter than its JSON header"
                                                                      : "the field is not a number of bytes");
    tdm__fail_expected(err, "0 to %zu", body.len);
    tdm__fail_found_text(err, header_length);
    return s;
}

tdm_status tdm__oip_read(tdm__oip_request *r, tdm_str body, tdm_str header_length, tdm_error *err)
{
    size_t json_bytes;
    tdm_status s = split(body, header_length, &json_bytes, err);
    if (s)
        return s;
    reader at = {.r = r, .scan = &r->scan, .err = err};
    r->raw = header_length.ptr && json_bytes == 0;
    if (r->raw) {
        tdm__oip_tensor *t = one_more(&at, (void **)&r->input, &r->n_inputs, &r->inputs_cap, sizeof *r->input);
        if (!t)
            return tdm__no_memory(err, "inputs");
        t->name = tdm__str("input");
        t->binary = true;
        t->bytes = body;
        t->binary_bytes = body.len;
        return TDM_OK;
    }
    s = tdm__json_begin_scan(&r->scan, tdm__strn(body.ptr, json_bytes), r->texts, err);
    if (!s)
        s = take_request(&at);
    return s ? s : share_out(r, tdm__strn(body.ptr + json_bytes, body.len - json_bytes), err);
}

tdm_status tdm__oip_raw(tdm__oip_request *r, size_t columns, tdm_error *err)
{
    tdm__oip_tensor *t = &r->input[0];
    bool doubles = t->bytes.len == columns * 8;
    if (!doubles && t->bytes.len != columns * 4) {
        tdm_status s = tdm__fail(err, TDM_BAD_INPUT, "body", "a body without a JSON header is one row of numbers");
        tdm__fail_expected(err, "%zu bytes (FP64) or %zu (FP32)", columns * 8, columns * 4);
        tdm__fail_found(err, "%zu bytes", t->bytes.len);
        return s;
    }
    t->datatype = doubles ? TDM__DT_FP64 : TDM__DT_FP32;
    t->elements = columns;
    t->shape = (tdm__shape){.size = {1, (int64_t)columns}, .n = 2};
    return TDM_OK;
}
