/* Rows out, as CSV and JSON lines.
 *
 * What is written reads back to the same values by the same schema, with two exceptions that CSV cannot avoid: missing
 * comes back as null, and so does a text that the reader was told to take for null. Failure is the buffer's: callers
 * check it once. */
#include <string.h>

#include "codec/rows.h"

/* A byte order mark at the very start of a file would be skipped. */
static bool begins_with_mark(tdm_str s)
{
    return tdm__str_starts(s, "\xef\xbb\xbf");
}

static bool needs_quotes(tdm_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == ',' || s.ptr[i] == '"' || s.ptr[i] == '\n' || s.ptr[i] == '\r')
            return true;
    return s.len == 0 || begins_with_mark(s);
}

void tdm__csv_write_field(tdm__buf *out, tdm_str text)
{
    if (!needs_quotes(text)) {
        tdm__buf_str(out, text);
        return;
    }
    tdm__buf_char(out, '"');
    tdm_str rest = text;
    for (const char *quote; rest.len && (quote = memchr(rest.ptr, '"', rest.len));) {
        size_t n = (size_t)(quote - rest.ptr) + 1;
        tdm__buf_add(out, rest.ptr, n);
        tdm__buf_char(out, '"'); /* the second of two */
        rest = tdm__strn(quote + 1, rest.len - n);
    }
    tdm__buf_str(out, rest);
    tdm__buf_char(out, '"');
}

void tdm__csv_write_header(tdm__buf *out, const tdm__schema *schema)
{
    for (size_t i = 0; i < schema->n; i++) {
        if (i > 0)
            tdm__buf_char(out, ',');
        tdm__csv_write_field(out, schema->field[i].name);
    }
    tdm__buf_char(out, '\n');
}

void tdm__csv_write_row(tdm__buf *out, const tdm_value *values, size_t n)
{
    size_t begin = out->len;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            tdm__buf_char(out, ',');
        if (values[i].kind == TDM_STRING && values[i].presence == TDM_PRESENT)
            tdm__csv_write_field(out, values[i].as.str);
        else
            tdm__value_format(&values[i], out); /* no other kind needs quotes */
    }
    if (n == 1 && out->len == begin && values[0].kind != TDM_STRING)
        tdm__buf_text(out, "\"\""); /* a blank line would be no row; for a string there is no way to say null */
    tdm__buf_char(out, '\n');
}

void tdm__jsonl_write_row(tdm__buf *out, const tdm__schema *schema, const tdm_value *values)
{
    bool first = true;
    tdm__buf_char(out, '{');
    for (size_t i = 0; i < schema->n; i++) {
        if (values[i].presence == TDM_MISSING)
            continue;
        if (!first)
            tdm__buf_char(out, ',');
        first = false;
        tdm__buf_json_text(out, schema->field[i].name);
        tdm__buf_char(out, ':');
        tdm__value_json(&values[i], out);
    }
    tdm__buf_text(out, "}\n");
}
