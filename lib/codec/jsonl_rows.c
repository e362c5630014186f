/* JSON lines into columns: a scanner that the schema directs, without a tree.
 *
 * Strict RFC 8259: what it takes is JSON, what it refuses is a bad row. Numbers go from their text to their type,
 * never by way of another. A name may stand once in the record's object; names inside values that nobody declared are
 * only checked to be texts. Such values may nest 32 deep. */
#include <string.h>

#include "base/digest.h"
#include "base/fail.h"
#include "codec/quick_values.h"
#include "codec/rows_impl.h"

enum { DEPTH_MAX = 32, NOT_DECLARED = -1 };

/* A name met in the record with this stamp; older stamps are free slots. */
typedef struct name_slot {
    tdm_str name;
    uint64_t stamp;
} name_slot;

struct tdm__json_parser {
    int32_t *field_at; /* hash table of the schema's names: field + 1, 0 is free */
    size_t fields_mask;
    uint64_t *seen;    /* a stamp for each field */
    uint64_t stamp;    /* of the present record */
    name_slot *other;  /* hash table of the record's undeclared names */
    size_t others_cap, n_others;
};

/* One record being read. */
typedef struct scanner {
    tdm__row_parser *p;
    const char *begin, *at, *end;
    size_t row;        /* in the block */
    int field;         /* schema index of the value being read, or NOT_DECLARED */
    tdm_error *error;  /* why it is bad */
} scanner;

/* ---- making ---- */

static size_t name_hash(tdm_str name)
{
    return (size_t)tdm__hash64(name.ptr, name.len);
}

tdm_status tdm__json_parser_new(tdm__row_parser *p, tdm_error *err)
{
    size_t size = 16, n = p->schema->n;
    while (size < 2 * n)
        size *= 2;
    tdm__json_parser *j = p->json = tdm__arena_new(&p->arena, tdm__json_parser);
    if (!j || !(j->field_at = tdm__arena_array(&p->arena, size, int32_t)) ||
        !(j->seen = tdm__arena_array(&p->arena, n, uint64_t)))
        return tdm__no_memory(err, "rows");
    j->fields_mask = size - 1;
    for (size_t i = 0; i < n; i++) {
        size_t at = name_hash(p->schema->field[i].name) & j->fields_mask;
        while (j->field_at[at])
            at = (at + 1) & j->fields_mask;
        j->field_at[at] = (int32_t)i + 1;
    }
    return TDM_OK;
}

void tdm__json_parser_free(tdm__row_parser *p)
{
    if (p->json)
        tdm__free(p->json->other);
}

/* ---- faults ---- */

static tdm_status syntax(scanner *s, const char *at, const char *what)
{
    size_t column = (size_t)(at - s->begin) + 1;
    tdm_status status = tdm__fail(s->error, TDM_JSON_SYNTAX, NULL, "%s, at byte %zu of the record", what, column);
    if (at < s->end)
        tdm__fail_found_text(s->error, tdm__strn(at, 1));
    else
        tdm__fail_found(s->error, "the record's end");
    return status;
}

static tdm_status wrong_type(scanner *s, const char *from, const char *found)
{
    char type[64];
    tdm__type_format(&s->p->schema->field[s->field].type, type);
    tdm_status status = tdm__fail(s->error, TDM_FIELD_TYPE, NULL, "the value does not have the field's type");
    tdm__fail_expected(s->error, "%s", type);
    if (found)
        tdm__fail_found(s->error, "%s", found);
    else
        tdm__fail_found_text(s->error, tdm__strn(from, (size_t)(s->at - from)));
    return status;
}

/* ---- tokens ---- */

static void skip_space(scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n'))
        s->at++;
}

static bool eat(scanner *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool eat_word(scanner *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* The number at s->at, as its text. */
static tdm_status eat_number(scanner *s, tdm_str *out)
{
    const char *from = s->at, *p = from + (*from == '-'), *after = skip_digits(p, s->end);
    if (after == p)
        return syntax(s, p, "a digit must follow");
    if (*p == '0' && after > p + 1)
        return syntax(s, p + 1, "a number may not begin with 0");
    if (after < s->end && *after == '.') {
        p = after + 1;
        after = skip_digits(p, s->end);
        if (after == p)
            return syntax(s, p, "a digit must follow the point");
    }
    if (after < s->end && (*after | 0x20) == 'e') {
        p = after + 1;
        if (p < s->end && (*p == '+' || *p == '-'))
            p++;
        after = skip_digits(p, s->end);
        if (after == p)
            return syntax(s, p, "a digit must follow the exponent's mark");
    }
    *out = tdm__strn(from, (size_t)(after - from));
    s->at = after;
    return TDM_OK;
}

/* Four hexadecimal digits at p; -1 when they are not there. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static size_t put_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> n) | c); /* 110xxxxx, 1110xxxx, 11110xxx */
    return n;
}

/* The escape whose backslash is at p: its bytes to `out`, *n of them. Returns what follows it; NULL when it is none. */
static const char *unescape_one(const char *p, const char *end, char out[4], size_t *n)
{
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *known = p + 1 < end && p[1] ? strchr(plain, p[1]) : NULL;
    if (known) {
        out[0] = meant[known - plain];
        *n = 1;
        return p + 2;
    }
    int32_t c = p + 1 < end && p[1] == 'u' ? hex4(p + 2, end) : -1;
    if (c < 0 || (c >= 0xdc00 && c <= 0xdfff))
        return NULL;
    p += 6;
    if (c >= 0xd800 && c <= 0xdbff) {
        int32_t low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    *n = put_utf8((uint32_t)c, out);
    return p;
}

/* The string at s->at, quotes off, escapes checked and still there. */
static tdm_status eat_raw_string(scanner *s, tdm_str *out, bool *escaped)
{
    const char *from = ++s->at, *p = from;
    char bytes[4];
    size_t n;
    *escaped = false;
    while (p < s->end && *p != '"') {
        if ((unsigned char)*p < 0x20)
            return syntax(s, p, "a control character in a string must be escaped");
        if (*p != '\\') {
            p++;
            continue;
        }
        *escaped = true;
        const char *next = unescape_one(p, s->end, bytes, &n);
        if (!next)
            return syntax(s, p, "this escape is none, or half of a surrogate pair");
        p = next;
    }
    if (p == s->end)
        return syntax(s, p, "the string is not closed");
    *out = tdm__strn(from, (size_t)(p - from));
    s->at = p + 1;
    return TDM_OK;
}

/* The string at s->at as its text, which lies in the chunk or in the parser's texts. */
static tdm_status eat_string(scanner *s, tdm_str *out)
{
    bool escaped;
    tdm_status status = eat_raw_string(s, out, &escaped);
    if (status || !escaped)
        return status;
    char *text = tdm__arena_alloc(&s->p->texts, out->len + 4), bytes[4];
    if (!text)
        return tdm__no_memory(s->error, "rows");
    size_t n = 0, one;
    for (const char *p = out->ptr, *end = p + out->len; p < end;) {
        if (*p != '\\') {
            text[n++] = *p++;
            continue;
        }
        p = unescape_one(p, end, bytes, &one);
        memcpy(text + n, bytes, one);
        n += one;
    }
    *out = tdm__strn(text, n);
    return TDM_OK;
}

/* ---- values nobody declared ---- */

/* A value that does not nest. */
static tdm_status skip_scalar(scanner *s)
{
    tdm_str text;
    bool escaped;
    if (s->at < s->end && *s->at == '"')
        return eat_raw_string(s, &text, &escaped);
    if (s->at < s->end && (*s->at == '-' || (*s->at >= '0' && *s->at <= '9')))
        return eat_number(s, &text);
    if (eat_word(s, "null") || eat_word(s, "true") || eat_word(s, "false"))
        return TDM_OK;
    return syntax(s, s->at, "a value must stand here");
}

/* "NAME :" of an object. */
static tdm_status skip_name(scanner *s)
{
    tdm_str text;
    bool escaped;
    skip_space(s);
    if (s->at == s->end || *s->at != '"')
        return syntax(s, s->at, "a name in quotes must stand here");
    tdm_status status = eat_raw_string(s, &text, &escaped);
    skip_space(s);
    if (!status && !eat(s, ':'))
        status = syntax(s, s->at, "a colon must follow the name");
    skip_space(s);
    return status;
}

/* Any value. `objects` has a bit for each open level: 1 an object. */
static tdm_status skip_value(scanner *s)
{
    uint64_t objects = 0;
    unsigned depth = 0;
    do {
        skip_space(s);
        bool object = eat(s, '{'), list = !object && eat(s, '[');
        if (object || list) {
            if (depth == DEPTH_MAX)
                return syntax(s, s->at - 1, "values nest deeper than 32");
            objects = objects << 1 | object;
            depth++;
            skip_space(s);
            bool empty = eat(s, object ? '}' : ']');
            tdm_status status = empty || list ? TDM_OK : skip_name(s);
            if (status)
                return status;
            if (!empty)
                continue;
            objects >>= 1;
            depth--;
        } else {
            tdm_status status = skip_scalar(s);
            if (status)
                return status;
        }
        for (skip_space(s); depth > 0 && !eat(s, ','); skip_space(s)) {
            if (!eat(s, objects & 1 ? '}' : ']'))
                return syntax(s, s->at, "a comma or the closing bracket must follow");
            objects >>= 1;
            depth--;
        }
        if (depth > 0 && objects & 1) {
            tdm_status status = skip_name(s);
            if (status)
                return status;
        }
    } while (depth > 0);
    return TDM_OK;
}

/* ---- declared values ---- */

static tdm_status set_parsed(scanner *s, tdm_str text)
{
    tdm_value v;
    tdm__column *column = &s->p->block.column[s->field];
    tdm_status status = tdm__value_parse(&column->type, text, &v, s->error);
    if (!status)
        tdm__column_set(column, s->row, &v);
    return status;
}

static tdm_status number_value(scanner *s)
{
    const char *from = s->at;
    tdm_str text;
    tdm_status status = eat_number(s, &text);
    if (status)
        return status;
    tdm__column *column = &s->p->block.column[s->field];
    unsigned kind = column->type.kind;
    if (kind == TDM_BOOL || kind == TDM_STRING)
        return wrong_type(s, from, NULL);
    bool quick = (kind == TDM_I64 && tdm__quick_i64(text.ptr, text.len, &column->as.i64[s->row])) ||
                 (kind == TDM_F64 && tdm__quick_f64(text.ptr, text.len, &column->as.f64[s->row]));
    if (!quick)
        return set_parsed(s, text);
    column->presence[s->row] = TDM_PRESENT;
    return TDM_OK;
}

/* JSON has no number that is not finite, so these three come as strings; finite numbers may not. */
static bool is_unfinite(tdm_str text)
{
    size_t sign = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    char first = text.len > sign ? (char)(text.ptr[sign] | 0x20) : 0;
    return first == 'n' || first == 'i';
}

static tdm_status string_value(scanner *s)
{
    const char *from = s->at;
    tdm_str text;
    tdm_status status = eat_string(s, &text);
    if (status)
        return status;
    tdm__column *column = &s->p->block.column[s->field];
    switch ((tdm_kind)column->type.kind) {
    case TDM_STRING: /* the record is valid UTF-8 as a whole, and so are escapes */
        column->as.str[s->row] = text;
        column->presence[s->row] = TDM_PRESENT;
        return TDM_OK;
    case TDM_F32:
    case TDM_F64: return is_unfinite(text) ? set_parsed(s, text) : wrong_type(s, from, NULL);
    case TDM_DECIMAL:
    case TDM_TIMESTAMP: return set_parsed(s, text);
    case TDM_BOOL:
    case TDM_I64:
    case TDM_KIND_COUNT: break;
    }
    return wrong_type(s, from, NULL);
}

static tdm_status word_value(scanner *s)
{
    const char *from = s->at;
    tdm__column *column = &s->p->block.column[s->field];
    if (eat_word(s, "null")) {
        column->presence[s->row] = TDM_NULL;
        return column->type.nullable ? TDM_OK : tdm__null_fault(s->p, (size_t)s->field, s->error);
    }
    bool yes = eat_word(s, "true");
    if (!yes && !eat_word(s, "false"))
        return syntax(s, s->at, "a value must stand here");
    if (column->type.kind != TDM_BOOL)
        return wrong_type(s, from, NULL);
    column->as.b[s->row] = yes;
    column->presence[s->row] = TDM_PRESENT;
    return TDM_OK;
}

static tdm_status read_value(scanner *s)
{
    char c = s->at < s->end ? *s->at : 0;
    if (s->field == NOT_DECLARED)
        return skip_value(s);
    if (c == '"')
        return string_value(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return number_value(s);
    if (c != '{' && c != '[')
        return word_value(s);
    tdm_status status = skip_value(s);
    return status ? status : wrong_type(s, s->at, c == '{' ? "an object" : "a list");
}

/* ---- names ---- */

static tdm_status name_twice(scanner *s, tdm_str name)
{
    tdm_status status = tdm__fail(s->error, TDM_JSON_SYNTAX, NULL, "the object has the same name twice");
    tdm__fail_found_text(s->error, name);
    return status;
}

/* Doubles the table of undeclared names; those of the present record move along. */
static bool grow_others(tdm__json_parser *j)
{
    size_t cap = j->others_cap ? 2 * j->others_cap : 64;
    name_slot *slots = tdm__zalloc(cap, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < j->others_cap; i++) {
        if (j->other[i].stamp != j->stamp)
            continue;
        size_t at = name_hash(j->other[i].name) & (cap - 1);
        while (slots[at].stamp)
            at = (at + 1) & (cap - 1);
        slots[at] = j->other[i];
    }
    tdm__free(j->other);
    j->other = slots;
    j->others_cap = cap;
    return true;
}

static tdm_status note_undeclared(scanner *s, tdm_str name)
{
    tdm__json_parser *j = s->p->json;
    if (s->p->options.unknown_is_error) {
        tdm_status status = tdm__fail(s->error, TDM_FIELD_UNKNOWN, NULL, "%s", tdm_status_text(TDM_FIELD_UNKNOWN));
        tdm__fail_where(s->error, "%.*s", name.len < 200 ? (int)name.len : 200, name.ptr);
        return status;
    }
    if (2 * (j->n_others + 1) > j->others_cap && !grow_others(j))
        return tdm__no_memory(s->error, "rows");
    size_t at = name_hash(name) & (j->others_cap - 1);
    while (j->other[at].stamp == j->stamp && !tdm__str_equal(j->other[at].name, name))
        at = (at + 1) & (j->others_cap - 1);
    if (j->other[at].stamp == j->stamp)
        return name_twice(s, name);
    j->other[at] = (name_slot){name, j->stamp};
    j->n_others++;
    return TDM_OK;
}

/* The field of the name; `guess` is the one that follows the last, since records tend to have one order. */
static int find_field(const tdm__row_parser *p, tdm_str name, int guess)
{
    const tdm__json_parser *j = p->json;
    if ((size_t)guess < p->schema->n && tdm__str_equal(p->schema->field[guess].name, name))
        return guess;
    for (size_t at = name_hash(name) & j->fields_mask; j->field_at[at]; at = (at + 1) & j->fields_mask)
        if (tdm__str_equal(p->schema->field[j->field_at[at] - 1].name, name))
            return j->field_at[at] - 1;
    return NOT_DECLARED;
}

/* One "NAME : VALUE" of the record. */
static tdm_status read_member(scanner *s, int *guess)
{
    tdm__json_parser *j = s->p->json;
    tdm_str name;
    s->field = NOT_DECLARED;
    if (s->at == s->end || *s->at != '"')
        return syntax(s, s->at, "a name in quotes must stand here");
    tdm_status status = eat_string(s, &name);
    if (status)
        return status;
    skip_space(s);
    if (!eat(s, ':'))
        return syntax(s, s->at, "a colon must follow the name");
    skip_space(s);
    int field = find_field(s->p, name, *guess);
    if (field == NOT_DECLARED && (status = note_undeclared(s, name)))
        return status;
    if (field != NOT_DECLARED) {
        if (j->seen[field] == j->stamp)
            return name_twice(s, name);
        j->seen[field] = j->stamp;
        *guess = field + 1;
    }
    s->field = field;
    return read_value(s);
}

static tdm_status read_object(scanner *s)
{
    int guess = 0;
    skip_space(s);
    if (!eat(s, '{'))
        return syntax(s, s->at, "a record must be an object");
    skip_space(s);
    bool empty = eat(s, '}');
    while (!empty) {
        tdm_status status = read_member(s, &guess);
        if (status)
            return status;
        s->field = NOT_DECLARED;
        skip_space(s);
        if (eat(s, '}'))
            break;
        if (!eat(s, ','))
            return syntax(s, s->at, "a comma or the closing brace must follow");
        skip_space(s);
    }
    skip_space(s);
    return s->at == s->end ? TDM_OK : syntax(s, s->at, "nothing may follow the object");
}

static tdm_status read_record(tdm__row_parser *p, tdm_str record, tdm_error *why)
{
    tdm__json_parser *j = p->json;
    scanner s = {p, record.ptr, record.ptr, record.ptr + record.len, p->block.n, NOT_DECLARED, why};
    j->stamp++;
    j->n_others = 0;
    if (!tdm__utf8_valid(record))
        return tdm__fail(why, TDM_TEXT_ENCODING, NULL, "%s", tdm_status_text(TDM_TEXT_ENCODING));
    tdm_status status = read_object(&s);
    if (status && s.field != NOT_DECLARED) {
        tdm_str name = p->schema->field[s.field].name;
        tdm__fail_where(why, "%.*s", name.len < 200 ? (int)name.len : 200, name.ptr);
    }
    return status;
}

tdm_status tdm__json_fill(tdm__row_parser *p, tdm_error *err)
{
    tdm_error why;
    for (size_t i = 0; i < p->schema->n; i++)
        tdm__column_clear(&p->block.column[i], TDM__BLOCK_ROWS);
    while (p->at < p->scan.n && p->block.n + p->block.n_bad < TDM__BLOCK_ROWS) {
        tdm__record_span span;
        tdm__record_at(&p->scan, p->at, &span);
        if (span.blank) {
            p->at = span.next;
            p->line += span.line_ends;
            continue;
        }
        tdm__row_place place = tdm__take_record(p, &span);
        tdm_status status = span.fault ? tdm__add_faulty(p, &place, &span, err) : read_record(p, place.bytes, &why);
        if (status == TDM_NO_MEMORY)
            return span.fault ? status : tdm__no_memory(err, "rows");
        if (span.fault)
            continue;
        if (!status) {
            p->block.place[p->block.n++] = place;
            continue;
        }
        for (size_t i = 0; i < p->schema->n; i++)
            p->block.column[i].presence[p->block.n] = TDM_MISSING;
        tdm_error *bad = tdm__add_bad(p, &place);
        if (!bad)
            return tdm__no_memory(err, "rows");
        *bad = why;
    }
    return TDM_OK;
}
