/* JSON lines into columns: the scanner of json_scan.h, directed by the schema, without a tree.
 *
 * Strict RFC 8259: what it takes is JSON, what it refuses is a bad row. A name may stand once in the record's object;
 * names inside values that nobody declared are only checked to be texts. Such values may nest 32 deep. */
#include "base/digest.h"
#include "base/fail.h"
#include "codec/json_scan.h"
#include "codec/rows_impl.h"

enum { NOT_DECLARED = -1 };

/* A name met in the record with this stamp; older stamps are free slots. */
typedef struct name_slot {
    tdm_str name;
    uint64_t stamp;
} name_slot;

struct tdm__json_parser {
    tdm__names_index fields; /* the schema's names */
    uint64_t *seen;    /* a stamp for each field */
    uint64_t stamp;    /* of the present record */
    name_slot *other;  /* hash table of the record's undeclared names */
    size_t others_cap, n_others;
};

/* ---- making ---- */

static size_t name_hash(tdm_str name)
{
    return (size_t)tdm__hash64(name.ptr, name.len);
}

tdm_status tdm__json_parser_new(tdm__row_parser *p, tdm_error *err)
{
    size_t n = p->schema->n;
    tdm__json_parser *j = p->json = tdm__arena_new(&p->arena, tdm__json_parser);
    tdm_str *name = tdm__arena_array(&p->arena, n, tdm_str);
    if (!j || !name || !(j->seen = tdm__arena_array(&p->arena, n, uint64_t)))
        return tdm__no_memory(err, "rows");
    for (size_t i = 0; i < n; i++)
        name[i] = p->schema->field[i].name;
    if (!tdm__names_index_make(&j->fields, name, n, &p->arena))
        return tdm__no_memory(err, "rows");
    return TDM_OK;
}

void tdm__json_parser_free(tdm__row_parser *p)
{
    if (p->json)
        tdm__free(p->json->other);
}

/* ---- names ---- */

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

static tdm_status note_undeclared(tdm__row_parser *p, tdm__json_scan *s, tdm_str name)
{
    tdm__json_parser *j = p->json;
    if (p->options.unknown_is_error) {
        tdm_status status = tdm__fail(s->err, TDM_FIELD_UNKNOWN, NULL, "%s", tdm_status_text(TDM_FIELD_UNKNOWN));
        tdm__fail_where(s->err, "%.*s", name.len < 200 ? (int)name.len : 200, name.ptr);
        return status;
    }
    if (2 * (j->n_others + 1) > j->others_cap && !grow_others(j))
        return tdm__no_memory(s->err, "rows");
    size_t at = name_hash(name) & (j->others_cap - 1);
    while (j->other[at].stamp == j->stamp && !tdm__str_equal(j->other[at].name, name))
        at = (at + 1) & (j->others_cap - 1);
    if (j->other[at].stamp == j->stamp)
        return tdm__json_twice(s, name);
    j->other[at] = (name_slot){name, j->stamp};
    j->n_others++;
    return TDM_OK;
}

/* The value of the name. *guess is the field that follows the last one, since records tend to have one order. */
static tdm_status read_member(tdm__row_parser *p, tdm__json_scan *s, tdm_str name, size_t *guess)
{
    tdm__json_parser *j = p->json;
    int field = tdm__names_index_find(&j->fields, name, *guess);
    if (field == NOT_DECLARED) {
        tdm_status status = note_undeclared(p, s, name);
        return status ? status : tdm__json_skip(s);
    }
    if (j->seen[field] == j->stamp)
        return tdm__json_twice(s, name);
    j->seen[field] = j->stamp;
    *guess = (size_t)field + 1;
    tdm_status status = tdm__json_take_value(s, &p->block.column[field], p->block.n);
    if (status)
        tdm__fail_where(s->err, "%.*s", name.len < 200 ? (int)name.len : 200, name.ptr);
    return status;
}

static tdm_status read_object(tdm__row_parser *p, tdm__json_scan *s)
{
    size_t guess = 0;
    bool first = true, more;
    tdm_str name;
    if (tdm__json_peek(s) != '{')
        return tdm__json_fault(s, NULL, "a record must be an object");
    tdm_status status = tdm__json_open(s, '{');
    while (!status && !(status = tdm__json_next_name(s, &first, &name, &more)) && more)
        status = read_member(p, s, name, &guess);
    return status;
}

static tdm_status read_record(tdm__row_parser *p, tdm_str record, tdm_error *why)
{
    const char *end = record.ptr + record.len;
    tdm__json_scan s = {record.ptr, record.ptr, end, &p->texts, why, .within = "record"};
    p->json->stamp++;
    p->json->n_others = 0;
    if (!tdm__utf8_valid(record))
        return tdm__fail(why, TDM_TEXT_ENCODING, NULL, "%s", tdm_status_text(TDM_TEXT_ENCODING));
    tdm_status status = read_object(p, &s);
    if (!status && tdm__json_peek(&s) == 0 && s.at == s.end)
        return TDM_OK;
    return status ? status : tdm__json_fault(&s, NULL, "nothing may follow the object");
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
