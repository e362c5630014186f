/* Lines, fields and lists of numbers of a LightGBM text model: every access to the file's bytes is here.
 *
 * Nothing is allocated by a number that the file merely claims: an array is made only when the text is long enough to
 * fill it. A list is read in one pass, and counted only when something is wrong with it. */
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
        if (!key.len || key.ptr[0] != fields[i].key[0] || !tdm__str_is(key, fields[i].key))
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
    if (!text->len)
        return *text;
    const char *p = text->ptr, *end = p + text->len;
    while (p < end && *p == ' ')
        p++;
    const char *word = p;
    while (p < end && *p != ' ')
        p++;
    *text = (tdm_str){p, (size_t)(end - p)};
    return (tdm_str){word, (size_t)(p - word)};
}

/* The top bit of each byte that is a space. */
static uint64_t spaces_of(uint64_t eight)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t other = eight ^ UINT64_C(0x2020202020202020);
    return ~(((other & low) + low) | other | low);
}

/* A word begins where a space, or the text's begin, is followed by something else: eight bytes at a step. */
size_t tdm__lightgbm_words(tdm_str text)
{
    size_t n = 0, i = 0;
    uint64_t before = 0x80, eight;
    for (; text.len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, text.ptr + i, sizeof eight);
        uint64_t spaces = spaces_of(eight);
        n += (size_t)__builtin_popcountll(~spaces & (spaces << 8 | before) & UINT64_C(0x8080808080808080));
        before = spaces >> 56;
    }
    for (; i < text.len; i++) {
        n += before && text.ptr[i] != ' ';
        before = text.ptr[i] == ' ' ? 0x80 : 0;
    }
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

/* Whether the text is long enough for n words: what an array of n costs is then bounded by the file. */
static bool has_room_for(tdm_str text, size_t n)
{
    return n <= text.len / 2 + 1;
}

static tdm_status bad_value(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t i, tdm_str word)
{
    tdm_status s = tdm__lightgbm_fail(text, field->line, "value %zu of %s is not valid", i + 1, field->key);
    tdm__fail_found_text(text->err, word);
    return s;
}

/* Takes the usual integer, a minus and up to 18 digits: cannot overflow. False, with nothing taken, when it is
 * anything else. A model's text is mostly these. */
static inline bool take_short_integer(tdm_str *text, int64_t *out)
{
    if (!text->len)
        return false;
    const char *p = text->ptr, *end = p + text->len;
    while (p < end && *p == ' ')
        p++;
    bool negative = p < end && *p == '-';
    p += negative;
    const char *first = p;
    int64_t v = 0;
    for (; p < end && *p >= '0' && *p <= '9' && p - first < 18; p++)
        v = v * 10 + (*p - '0');
    if (p == first || (p < end && *p != ' '))
        return false;
    *out = negative ? -v : v;
    *text = (tdm_str){p, (size_t)(end - p)};
    return true;
}

static tdm_status read_integer(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t i,
                               tdm_str *rest, int64_t low, int64_t high, int64_t *out)
{
    bool overflow = false;
    tdm_str before = *rest, word;
    if (take_short_integer(rest, out) && *out >= low && *out <= high)
        return TDM_OK;
    *rest = before;
    word = tdm__lightgbm_word(rest);
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
    return s ? s : read_integer(text, field, 0, &rest, low, high, out);
}

/* A list that could not be read: its length is told first, whatever else is wrong with it. */
static tdm_status length_first(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t n, tdm_status s)
{
    tdm_error value = text->err ? *text->err : (tdm_error){0};
    tdm_status length = tdm__lightgbm_need_words(text, field, n);
    if (!length && text->err)
        *text->err = value;
    return length ? length : s;
}

tdm_status tdm__lightgbm_f64s(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t n,
                              tdm__arena *arena, double **out)
{
    if (!has_room_for(field->text, n))
        return tdm__lightgbm_need_words(text, field, n);
    double *v = tdm__arena_array(arena, n, double);
    if (!v)
        return tdm__no_memory(text->err, text->name);
    tdm_str rest = field->text;
    tdm_status s = TDM_OK;
    for (size_t i = 0; i < n && !s; i++) {
        tdm_str word = tdm__lightgbm_word(&rest);
        bool overflow = false;
        if (tdm__parse_f64(word, &v[i], &overflow) && !overflow)
            continue;
        s = bad_value(text, field, i, word);
        tdm__fail_expected(text->err, "%s", overflow ? "a number within double's range" : "a number");
    }
    *out = v;
    return s || tdm__lightgbm_word(&rest).len ? length_first(text, field, n, s) : TDM_OK;
}

tdm_status tdm__lightgbm_i64s(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t n, int64_t low,
                              int64_t high, tdm__arena *arena, int64_t **out)
{
    if (!has_room_for(field->text, n))
        return tdm__lightgbm_need_words(text, field, n);
    int64_t *v = tdm__arena_array(arena, n, int64_t);
    if (!v)
        return tdm__no_memory(text->err, text->name);
    tdm_str rest = field->text;
    tdm_status s = TDM_OK;
    for (size_t i = 0; i < n && !s; i++)
        s = read_integer(text, field, i, &rest, low, high, &v[i]);
    *out = v;
    return s || tdm__lightgbm_word(&rest).len ? length_first(text, field, n, s) : TDM_OK;
}
