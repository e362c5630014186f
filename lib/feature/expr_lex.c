/* Tokens of expressions: one call gives the next, nothing is read ahead.
 *
 * Names hold at most one dot; a name between backquotes may hold what a plain one cannot ('-', or a word of the
 * language). Texts stand between ' or ", a doubled quote inside stands for one. Every fault names the byte where it
 * lies. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "feature/expr_impl.h"

static const char *const token_text[TDM__T_COUNT] = {
#define TEXT(name, text) [TDM__T_##name] = text,
    TDM__TOKENS(TEXT)
#undef TEXT
};

/* Words and signs of the language; longer signs before those that begin them. */
static const struct spelling {
    const char *text;
    uint8_t kind;
} words[] = {{"and", TDM__T_AND}, {"or", TDM__T_OR},     {"not", TDM__T_NOT},    {"in", TDM__T_IN},
             {"true", TDM__T_TRUE}, {"false", TDM__T_FALSE}, {"null", TDM__T_NULL}},
  signs[] = {{"!=", TDM__T_NE}, {"<=", TDM__T_LE},  {">=", TDM__T_GE},  {"==", TDM__T_EQ},   {"(", TDM__T_OPEN},
             {")", TDM__T_CLOSE}, {",", TDM__T_COMMA}, {"+", TDM__T_ADD}, {"-", TDM__T_SUB}, {"*", TDM__T_MUL},
             {"/", TDM__T_DIV}, {"%", TDM__T_REM},  {"=", TDM__T_EQ},   {"<", TDM__T_LT},    {">", TDM__T_GT}},
  slips[] = {{"<>", TDM__T_NE},  {"&&", TDM__T_AND}, {"||", TDM__T_OR}, {"!", TDM__T_NOT}};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *tdm__expr_token_text(unsigned kind)
{
    return kind < TDM__T_COUNT ? token_text[kind] : "?";
}

tdm_status tdm__expr_fail(tdm__expr_work *w, size_t at, const char *what, ...)
{
    char text[sizeof w->err->what];
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    w->fault = at;
    return tdm__fail(w->err, TDM_EXPRESSION, NULL, "%s", text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char byte_at(const tdm__expr_work *w, size_t at)
{
    return at < w->text.len ? w->text.ptr[at] : '\0';
}

static tdm_status take(tdm__expr_work *w, unsigned kind, size_t end)
{
    w->now = (tdm__token){.kind = (uint8_t)kind, .at = w->at, .end = end};
    w->now.text = tdm__strn(w->text.ptr + w->at, end - w->at);
    w->at = end;
    return TDM_OK;
}

static size_t skip_digits(const tdm__expr_work *w, size_t at)
{
    while (is_digit(byte_at(w, at)))
        at++;
    return at;
}

static size_t skip_word(const tdm__expr_work *w, size_t at)
{
    while (is_letter(byte_at(w, at)) || is_digit(byte_at(w, at)))
        at++;
    return at;
}

static tdm_status lex_number(tdm__expr_work *w)
{
    size_t end = skip_digits(w, w->at);
    unsigned kind = TDM__T_INTEGER;
    if (byte_at(w, end) == '.' && is_digit(byte_at(w, end + 1))) {
        end = skip_digits(w, end + 1);
        kind = TDM__T_DECIMAL;
    }
    if (byte_at(w, end) == 'e' || byte_at(w, end) == 'E') {
        size_t digits = end + 1;
        if (byte_at(w, digits) == '+' || byte_at(w, digits) == '-')
            digits++;
        if (is_digit(byte_at(w, digits))) {
            end = skip_digits(w, digits);
            kind = TDM__T_DECIMAL;
        }
    }
    if (is_letter(byte_at(w, end)) || byte_at(w, end) == '.') {
        tdm_status s = tdm__expr_fail(w, w->at, "a number is not followed by letters or a lone point");
        tdm__fail_found_text(w->err, tdm__strn(w->text.ptr + w->at, skip_word(w, end + 1) - w->at));
        return s;
    }
    return take(w, kind, end);
}

static tdm_status lex_name(tdm__expr_work *w)
{
    size_t end = skip_word(w, w->at);
    for (size_t i = 0; i < COUNT(words); i++)
        if (tdm__str_is(tdm__strn(w->text.ptr + w->at, end - w->at), words[i].text))
            return take(w, words[i].kind, end);
    if (byte_at(w, end) == '.') {
        if (!is_letter(byte_at(w, end + 1)))
            return tdm__expr_fail(w, end, "a name follows the point");
        end = skip_word(w, end + 1);
        if (byte_at(w, end) == '.')
            return tdm__expr_fail(w, end, "a name has at most one point");
    }
    return take(w, TDM__T_NAME, end);
}

/* Where the text that opens at w->at is closed; *doubled says whether quotes inside are to be joined. */
static size_t find_close(const tdm__expr_work *w, char quote, bool *doubled)
{
    for (size_t at = w->at + 1; at < w->text.len; at++) {
        if (w->text.ptr[at] != quote)
            continue;
        if (byte_at(w, at + 1) != quote)
            return at;
        *doubled = true;
        at++;
    }
    return w->text.len;
}

static tdm_status join_doubled(tdm__expr_work *w, tdm_str inside, char quote, tdm_str *out)
{
    char *bytes = tdm__arena_alloc(w->keep, inside.len);
    if (!bytes)
        return tdm__no_memory(w->err, NULL);
    size_t n = 0;
    for (size_t i = 0; i < inside.len; i++) {
        bytes[n++] = inside.ptr[i];
        if (inside.ptr[i] == quote)
            i++;
    }
    *out = tdm__strn(bytes, n);
    return TDM_OK;
}

/* A text between quotes, or a name between backquotes. */
static tdm_status lex_quoted(tdm__expr_work *w, char quote)
{
    bool doubled = false;
    size_t open = w->at, close = find_close(w, quote, &doubled);
    if (close == w->text.len)
        return tdm__expr_fail(w, open, "the quote %c is not closed", quote);
    tdm_str inside = tdm__strn(w->text.ptr + open + 1, close - open - 1);
    if (!tdm__utf8_valid(inside))
        return tdm__expr_fail(w, open, "the text is not valid UTF-8");
    take(w, quote == '`' ? TDM__T_NAME : TDM__T_TEXT, close + 1);
    w->now.text = inside;
    return doubled ? join_doubled(w, inside, quote, &w->now.text) : TDM_OK;
}

static const struct spelling *find_sign(const tdm__expr_work *w, const struct spelling *list, size_t n)
{
    tdm_str rest = tdm__strn(w->text.ptr + w->at, w->text.len - w->at);
    for (size_t i = 0; i < n; i++)
        if (tdm__str_starts(rest, list[i].text))
            return &list[i];
    return NULL;
}

static tdm_status unexpected(tdm__expr_work *w)
{
    size_t end = w->at + 1;
    while (end < w->text.len && ((unsigned char)w->text.ptr[end] & 0xc0) == 0x80)
        end++;
    tdm_status s = tdm__expr_fail(w, w->at, "this character has no meaning here");
    tdm__fail_found_text(w->err, tdm__strn(w->text.ptr + w->at, end - w->at));
    return s;
}

tdm_status tdm__expr_next(tdm__expr_work *w)
{
    while (w->at < w->text.len && strchr(" \t\r\n", w->text.ptr[w->at]) && w->text.ptr[w->at])
        w->at++;
    if (w->at == w->text.len)
        return take(w, TDM__T_END, w->at);
    char c = w->text.ptr[w->at];
    if (is_digit(c))
        return lex_number(w);
    if (is_letter(c))
        return lex_name(w);
    if (c == '\'' || c == '"' || c == '`')
        return lex_quoted(w, c);
    const struct spelling *slip = find_sign(w, slips, COUNT(slips)), *sign = find_sign(w, signs, COUNT(signs));
    if (sign && !(slip && strlen(slip->text) > strlen(sign->text)))
        return take(w, sign->kind, w->at + strlen(sign->text));
    tdm_status s = unexpected(w);
    if (slip) {
        tdm__fail_found_text(w->err, tdm__str(slip->text));
        tdm__fail_hint(w->err, "write %s", token_text[slip->kind]);
    }
    return s;
}
