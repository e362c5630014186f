/* CSV chunks into columns.
 *
 * A chunk's commas, quotes and line feeds are indexed once. A record of one line that has the header's width is then
 * known by its index entries alone, with and without quoted fields: only the bytes at those are looked at, and the
 * text of declared columns is noted without touching it. All others (doubled quotes, line ends inside, faults) go
 * through the automaton of csv_scan.h and are split byte by byte. Columns are then read one at a time, each by a loop
 * for its kind that takes the usual forms itself and leaves all others, and all errors, to tdm__value_parse. Floor: a
 * byte is loaded twice (index, value), and a field costs its digits. */
#include <string.h>

#include "base/fail.h"
#include "base/number.h"
#include "codec/quick_values.h"
#include "codec/rows_impl.h"
#include "schema/instant.h"

/* A declared column's text in one row. */
typedef struct csv_cell {
    const char *ptr;
    uint32_t len;
    bool quoted;
} csv_cell;

/* A column of the file that the schema declares. */
typedef struct csv_column {
    size_t column;  /* in the file */
    size_t field;   /* in the schema */
    csv_cell *cell; /* TDM__BLOCK_ROWS */
} csv_column;

struct tdm__csv_parser {
    size_t width; /* columns of the file */
    csv_column *plan; /* those that are read, in the file's order */
    size_t n_plans;
    uint32_t *index; /* of the chunk: commas, quotes, line feeds */
    size_t index_cap, n_index;
    size_t next; /* in index: the first at or behind p->at */
    bool ascii;
    bool indexed;
};

/* ---- fields ---- */

void tdm__csv_next_field(const char *p, size_t end, size_t *at, tdm__csv_field *out)
{
    size_t i = *at;
    *out = (tdm__csv_field){0};
    if (i < end && p[i] == '"') {
        size_t from = ++i;
        out->quoted = true;
        for (; i < end; i++) {
            if (p[i] != '"')
                continue;
            if (i + 1 == end || p[i + 1] != '"')
                break;
            out->doubled = true;
            i++;
        }
        out->text = tdm__strn(p + from, i - from);
        *at = i + 2; /* behind the quote and the comma */
        return;
    }
    const char *comma = i < end ? memchr(p + i, ',', end - i) : NULL;
    size_t stop = comma ? (size_t)(comma - p) : end;
    out->text = tdm__strn(p + i, stop - i);
    *at = stop + 1;
}

tdm_str tdm__csv_undouble(tdm_str text, tdm__arena *arena)
{
    char *to = tdm__arena_alloc(arena, text.len);
    if (!to)
        return (tdm_str){0};
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        to[n++] = text.ptr[i];
        i += text.ptr[i] == '"';
    }
    return tdm__strn(to, n);
}

/* ---- making ---- */

static tdm_status add_plan(tdm__row_parser *p, size_t column, size_t field, tdm_error *err)
{
    csv_column *plan = &p->csv->plan[p->csv->n_plans++];
    plan->column = column;
    plan->field = field;
    plan->cell = tdm__arena_array(&p->arena, TDM__BLOCK_ROWS, csv_cell);
    return plan->cell ? TDM_OK : tdm__no_memory(err, "rows");
}

tdm_status tdm__csv_parser_new(tdm__row_parser *p, const tdm_str *header, size_t n_header, tdm_error *err)
{
    if (n_header == 0)
        return tdm__fail(err, TDM_USAGE, "rows", "a CSV file has at least one column");
    tdm__csv_parser *c = p->csv = tdm__arena_new(&p->arena, tdm__csv_parser);
    p->ignored = tdm__arena_array(&p->arena, n_header, tdm_str);
    if (!c || !p->ignored || !(c->plan = tdm__arena_array(&p->arena, n_header, csv_column)))
        return tdm__no_memory(err, "rows");
    c->width = n_header;
    for (size_t i = 0; i < n_header; i++) {
        int field = tdm__schema_find(p->schema, header[i]);
        tdm_status s = TDM_OK;
        if (field >= 0)
            s = add_plan(p, i, (size_t)field, err);
        else if (!tdm__arena_str(&p->arena, header[i], &p->ignored[p->n_ignored++]))
            s = tdm__no_memory(err, "rows");
        if (s)
            return s;
    }
    return TDM_OK;
}

void tdm__csv_parser_start(tdm__row_parser *p)
{
    p->csv->n_index = p->csv->next = 0;
    p->csv->indexed = false;
}

void tdm__csv_parser_free(tdm__row_parser *p)
{
    if (p->csv)
        tdm__free(p->csv->index);
}

/* ---- records to cells ---- */

static tdm_status make_index(tdm__row_parser *p, tdm_error *err)
{
    tdm__csv_parser *c = p->csv;
    if (!tdm__grow(c->index, c->index_cap, p->scan.n + 64))
        return tdm__no_memory(err, "rows");
    c->n_index = p->scan.kernels->index(p->scan.p, p->scan.n, c->index, &c->ascii);
    c->indexed = true;
    return TDM_OK;
}

/* Takes the record at p->at when it has no quote, the header's width and a line end: all that its index entries must
 * say. */
static bool take_plain_record(tdm__row_parser *p)
{
    tdm__csv_parser *c = p->csv;
    const char *bytes = p->scan.p;
    const uint32_t *mark = c->index + c->next;
    size_t width = c->width;
    if (c->n_index - c->next < width || bytes[mark[width - 1]] != '\n')
        return false;
    for (size_t i = 0; i + 1 < width; i++)
        if (bytes[mark[i]] != ',')
            return false;
    size_t end = mark[width - 1], len = end - p->at;
    len -= len > 0 && bytes[end - 1] == '\r';
    if (len == 0 || end - p->at > p->scan.limit)
        return false;
    size_t row = p->block.n++;
    for (size_t i = 0; i < c->n_plans; i++) {
        csv_column *plan = &c->plan[i];
        size_t from = plan->column ? mark[plan->column - 1] + 1 : p->at;
        size_t to = plan->column + 1 < width ? mark[plan->column] : p->at + len;
        plan->cell[row] = (csv_cell){bytes + from, (uint32_t)(to - from), false};
    }
    p->block.place[row] = (tdm__row_place){p->row++, p->line++, p->chunk->offset + p->at, {bytes + p->at, len}};
    p->at = end + 1;
    c->next += width;
    return true;
}

/* Where the field that begins at `from` has its text, and the index of the mark that ends it; *mark is its first.
 * False for what needs care: doubled quotes, line ends inside, faults. */
static inline bool quoted_cell(const tdm__csv_parser *c, const char *bytes, size_t from, size_t *mark, csv_cell *out)
{
    size_t k = *mark + 1; /* behind the opening quote */
    while (k < c->n_index && bytes[c->index[k]] == ',')
        k++;
    if (k + 1 >= c->n_index || bytes[c->index[k]] != '"')
        return false;
    size_t close = c->index[k], end = c->index[k + 1];
    *mark = k + 1;
    *out = (csv_cell){bytes + from + 1, (uint32_t)(close - from - 1), true};
    return end == close + 1 || (end == close + 2 && bytes[close + 1] == '\r' && bytes[end] == '\n');
}

/* Takes the record at p->at when it is a line of the header's width whose fields are plain, or in quotes without a
 * quote or line end inside. */
static bool take_quoted_record(tdm__row_parser *p)
{
    tdm__csv_parser *c = p->csv;
    const char *bytes = p->scan.p;
    size_t mark = c->next, from = p->at, row = p->block.n, end = from;
    const csv_column *plan = c->plan, *plans_end = plan + c->n_plans;
    for (size_t column = 0; column < c->width; column++, mark++, from = end + 1) {
        bool last = column + 1 == c->width;
        csv_cell cell;
        if (mark == c->n_index)
            return false;
        if (bytes[from] == '"') {
            if (!quoted_cell(c, bytes, from, &mark, &cell))
                return false;
        } else {
            size_t len = c->index[mark] - from;
            len -= last && len > 0 && bytes[from + len - 1] == '\r';
            cell = (csv_cell){bytes + from, (uint32_t)len, false};
        }
        end = c->index[mark];
        if (bytes[end] != (last ? '\n' : ','))
            return false;
        if (plan < plans_end && plan->column == column)
            (plan++)->cell[row] = cell;
    }
    size_t len = end - p->at;
    if (len > p->scan.limit)
        return false;
    len -= len > 0 && bytes[end - 1] == '\r';
    if (len == 0)
        return false;
    p->block.place[row] = (tdm__row_place){p->row++, p->line++, p->chunk->offset + p->at, {bytes + p->at, len}};
    p->block.n++;
    p->at = end + 1;
    c->next = mark;
    return true;
}

static tdm_status bad_width(tdm__row_parser *p, const tdm__row_place *place, size_t width, tdm_error *err)
{
    tdm_error *bad = tdm__add_bad(p, place);
    if (!bad)
        return tdm__no_memory(err, "rows");
    tdm__fail(bad, TDM_CSV_WIDTH, NULL, "%s", tdm_status_text(TDM_CSV_WIDTH));
    tdm__fail_expected(bad, "%zu field%s", p->csv->width, p->csv->width == 1 ? "" : "s");
    tdm__fail_found(bad, "%zu", width);
    return TDM_OK;
}

static size_t count_fields(tdm_str record)
{
    size_t n = 0;
    tdm__csv_field field;
    for (size_t at = 0; at <= record.len; n++)
        tdm__csv_next_field(record.ptr, record.len, &at, &field);
    return n;
}

/* The cells of a well-formed record of the right width. */
static tdm_status split_record(tdm__row_parser *p, tdm_str record, size_t row, tdm_error *err)
{
    tdm__csv_field field;
    size_t at = 0, column = 0;
    for (size_t i = 0; i < p->csv->n_plans; i++) {
        csv_column *plan = &p->csv->plan[i];
        do
            tdm__csv_next_field(record.ptr, record.len, &at, &field);
        while (column++ < plan->column);
        if (field.doubled && !(field.text = tdm__csv_undouble(field.text, &p->texts)).ptr)
            return tdm__no_memory(err, "rows");
        plan->cell[row] = (csv_cell){field.text.ptr, (uint32_t)field.text.len, field.quoted};
    }
    return TDM_OK;
}

/* Takes any record, or a blank line. */
static tdm_status take_record(tdm__row_parser *p, tdm_error *err)
{
    tdm__csv_parser *c = p->csv;
    tdm__record_span span;
    tdm__record_at(&p->scan, p->at, &span);
    while (c->next < c->n_index && c->index[c->next] < span.next)
        c->next++;
    if (span.blank) {
        p->at = span.next;
        p->line += span.line_ends;
        return TDM_OK;
    }
    tdm__row_place place = tdm__take_record(p, &span);
    if (span.fault)
        return tdm__add_faulty(p, &place, &span, err);
    size_t width = count_fields(place.bytes);
    if (width != c->width)
        return bad_width(p, &place, width, err);
    size_t row = p->block.n++;
    p->block.place[row] = place;
    return split_record(p, place.bytes, row, err);
}

/* ---- cells to values ---- */

static inline bool quick_bool(const char *p, size_t n, uint8_t *out)
{
    if (n != 1 || (*p != '0' && *p != '1'))
        return false;
    *out = *p == '1';
    return true;
}

/* A cell that the quick loop did not take: null, another form, or a fault. False when out of memory. */
static bool slow_cell(tdm__row_parser *p, const csv_column *plan, size_t row)
{
    tdm__column *column = &p->block.column[plan->field];
    const csv_cell *c = &plan->cell[row];
    tdm_str text = tdm__strn(c->ptr, c->len);
    bool may_be_null = !c->quoted || column->type.kind != TDM_STRING;
    tdm_error error;
    tdm_value value = {.kind = column->type.kind, .presence = TDM_NULL};
    tdm_status s = TDM_OK;
    if (!may_be_null || (text.len > 0 && !tdm__is_null_text(p, text)))
        s = tdm__value_parse(&column->type, text, &value, &error);
    else if (!column->type.nullable)
        s = tdm__null_fault(&p->schema->field[plan->field].type, &error);
    if (s)
        return tdm__drop_row(p, row, plan->field, &error);
    tdm__column_set(column, row, &value);
    return true;
}

/* One loop a kind: QUICK(ptr, len, &values[row]) or the slow way. */
#define READER(name, member, QUICK)                                                                      \
    static bool name(tdm__row_parser *p, const csv_column *plan, tdm__column *column, size_t n)          \
    {                                                                                                    \
        for (size_t row = 0; row < n; row++) {                                                           \
            const csv_cell *c = &plan->cell[row];                                                        \
            bool suspect = c->len > 0 && p->null_first[(unsigned char)*c->ptr];                          \
            if (p->dropped[row])                                                                         \
                continue;                                                                                \
            column->presence[row] = TDM_PRESENT;                                                         \
            if (!suspect && QUICK(c->ptr, c->len, &column->as.member[row]))                              \
                continue;                                                                                \
            if (!slow_cell(p, plan, row))                                                                \
                return false;                                                                            \
        }                                                                                                \
        return true;                                                                                     \
    }

static inline bool quick_time(const char *p, size_t n, int64_t *out)
{
    return tdm__instant_parse(tdm__strn(p, n), out);
}

static inline bool quick_f32(const char *p, size_t n, float *out)
{
    bool overflow = false;
    return n > 0 && tdm__parse_f32(tdm__strn(p, n), out, &overflow) && !overflow;
}

static inline bool never(const char *p, size_t n, tdm_i128 *out)
{
    (void)p, (void)n, (void)out;
    return false;
}

/* With an ASCII chunk no text can be badly encoded. */
static inline bool quick_text(const char *p, size_t n, tdm_str *out)
{
    *out = tdm__strn(p, n);
    return n > 0;
}

static inline bool checked_text(const char *p, size_t n, tdm_str *out)
{
    *out = tdm__strn(p, n);
    return n > 0 && tdm__utf8_valid(*out);
}

READER(read_bool, b, quick_bool)
READER(read_i64, i64, tdm__quick_i64)
READER(read_f32, f32, quick_f32)
READER(read_f64, f64, tdm__quick_f64)
READER(read_decimal, dec, never)
READER(read_text, str, quick_text)
READER(read_checked_text, str, checked_text)
READER(read_time, time_us, quick_time)

typedef bool cell_reader(tdm__row_parser *p, const csv_column *plan, tdm__column *column, size_t n);

static cell_reader *reader_of(const tdm__row_parser *p, unsigned kind)
{
    static cell_reader *const readers[TDM_KIND_COUNT] = {
        [TDM_BOOL] = read_bool,
        [TDM_I64] = read_i64,
        [TDM_F32] = read_f32,
        [TDM_F64] = read_f64,
        [TDM_DECIMAL] = read_decimal,
        [TDM_STRING] = read_checked_text,
        [TDM_TIMESTAMP] = read_time,
    };
    return kind == TDM_STRING && p->csv->ascii ? read_text : readers[kind];
}

tdm_status tdm__csv_fill(tdm__row_parser *p, tdm_error *err)
{
    tdm__csv_parser *c = p->csv;
    tdm_status s = c->indexed ? TDM_OK : make_index(p, err);
    while (!s && p->at < p->scan.n && p->block.n + p->block.n_bad < TDM__BLOCK_ROWS)
        if (!take_plain_record(p) && !take_quoted_record(p))
            s = take_record(p, err);
    if (s)
        return s;
    for (size_t i = 0; i < p->schema->n; i++)
        tdm__column_clear(&p->block.column[i], p->block.n);
    for (size_t i = 0; i < c->n_plans; i++) {
        const csv_column *plan = &c->plan[i];
        tdm__column *column = &p->block.column[plan->field];
        if (!reader_of(p, column->type.kind)(p, plan, column, p->block.n))
            return tdm__no_memory(err, "rows");
    }
    return TDM_OK;
}
