/* Lines, fields and lists of numbers of a LightGBM text model: every access to the file's bytes is here.
 *
 * Nothing is allocated by a number that the file merely claims: a list's length is counted in its text first. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/number.h"
#include "model/lightgbm_text.h"

bool tdm__lightgbm_peek_line(const tdm__lightgbm_text *text, tdm_str *line)
{
    tdm__lightgbm_text copy = *text;
    return tdm__lightgbm_next_line(&copy, line);
}

bool tdm__lightgbm_next_line(tdm__lightgbm_text *text, tdm_str *line)
{
    if (text->rest.len == 0)
        return false;
    *line = tdm__str_cut(text->rest, '\n', &text->rest);
    if (line->len && line->ptr[line->len - 1] == '\r')
        line->len--;
    text->line++;
    return true;
}

tdm_status tdm__lightgbm_fail(const tdm__lightgbm_text *text, size_t line, const char *what, ...)
{
    char sentence[384];
    va_list args;
    va_start(args, what);
    vsnprintf(sentence, sizeof sentence, what, args);
    va_end(args);
    tdm_status s = tdm__fail(text->err, TDM_MODEL, NULL, "%s", sentence);
    tdm__lightgbm_place(text, line);
    return s;
}

void tdm__lightgbm_place(const tdm__lightgbm_text *text, size_t line)
{
    tdm__fail_where(text->err, "%s:%zu", text->name, line);
}

tdm_status tdm__lightgbm_take(tdm__lightgbm_text *text, tdm_str line, tdm__lightgbm_field *fields, size_t n)
{
    tdm_str value, key = tdm__str_cut(line, '=', &value);
    for (size_t i = 0; i < n; i++) {
        if (!tdm__str_is(key, fields[i].key))
            continue;
        if (fields[i].line)
            return tdm__lightgbm_fail(text, text->line, "%s is given twice, first in line %zu", fields[i].key,
                                      fields[i].line);
        fields[i].text = value;
        fields[i].line = text->line;
        return TDM_OK;
    }
    return TDM_OK;
}

tdm_status tdm__lightgbm_need(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t line)
{
    return field->line ? TDM_OK
                       : tdm__lightgbm_fail(text, line, "%s is missing in the section that begins here", field->key);
}

tdm_str tdm__lightgbm_word(tdm_str *text)
{
    while (text->len && *text->ptr == ' ')
        *text = tdm__strn(text->ptr + 1, text->len - 1);
    const char *end = text->len ? memchr(text->ptr, ' ', text->len) : NULL;
    size_t n = end ? (size_t)(end - text->ptr) : text->len;
    tdm_str word = tdm__strn(text->ptr, n);
    if (n)
        *text = tdm__strn(text->ptr + n, text->len - n);
    return word;
}

size_t tdm__lightgbm_words(tdm_str text)
{
    size_t n = 0;
    while (tdm__lightgbm_word(&text).len)
        n++;
    return n;
}

tdm_status tdm__lightgbm_need_words(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t n)
{
    size_t found = tdm__lightgbm_words(field->text);
    if (found == n)
        return TDM_OK;
    tdm_status s = tdm__lightgbm_fail(text, field->line, "%s has the wrong length", field->key);
    tdm__fail_expected(text->err, "%zu value%s", n, n == 1 ? "" : "s");
    tdm__fail_found(text->err, "%zu", found);
    return s;
}

static tdm_status bad_value(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t i, tdm_str word)
{
    tdm_status s = tdm__lightgbm_fail(text, field->line, "value %zu of %s is not valid", i + 1, field->key);
    tdm__fail_found_text(text->err, word);
    return s;
}

static tdm_status read_integer(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t i, tdm_str word,
                               int64_t low, int64_t high, int64_t *out)
{
    bool overflow = false;
    if (tdm__parse_i64(word, out, &overflow) && !overflow && *out >= low && *out <= high)
        return TDM_OK;
    tdm_status s = bad_value(text, field, i, word);
    tdm__fail_expected(text->err, "an integer from %lld to %lld", (long long)low, (long long)high);
    return s;
}

tdm_status tdm__lightgbm_integer(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, int64_t low,
                                 int64_t high, int64_t *out)
{
    tdm_status s = tdm__lightgbm_need_words(text, field, 1);
    tdm_str rest = field->text;
    return s ? s : read_integer(text, field, 0, tdm__lightgbm_word(&rest), low, high, out);
}

tdm_status tdm__lightgbm_f64s(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t n,
                              tdm__arena *arena, double **out)
{
    tdm_status s = tdm__lightgbm_need_words(text, field, n);
    if (s)
        return s;
    double *v = tdm__arena_array(arena, n, double);
    if (!v)
        return tdm__no_memory(text->err, text->name);
    tdm_str rest = field->text;
    for (size_t i = 0; i < n; i++) {
        tdm_str word = tdm__lightgbm_word(&rest);
        bool overflow = false;
        if (tdm__parse_f64(word, &v[i], &overflow) && !overflow)
            continue;
        s = bad_value(text, field, i, word);
        tdm__fail_expected(text->err, "%s", overflow ? "a number within double's range" : "a number");
        return s;
    }
    *out = v;
    return TDM_OK;
}

tdm_status tdm__lightgbm_i64s(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t n, int64_t low,
                              int64_t high, tdm__arena *arena, int64_t **out)
{
    tdm_status s = tdm__lightgbm_need_words(text, field, n);
    if (s)
        return s;
    int64_t *v = tdm__arena_array(arena, n, int64_t);
    if (!v)
        return tdm__no_memory(text->err, text->name);
    tdm_str rest = field->text;
    for (size_t i = 0; i < n && !s; i++)
        s = read_integer(text, field, i, tdm__lightgbm_word(&rest), low, high, &v[i]);
    *out = v;
    return s;
}
