/* Filling errors, and adding them to a list with the line they point at.
 *
 * Texts are cut to their field, never in the middle of a UTF-8 sequence. What came from outside goes
 * through `fail_found_text`, which escapes it, so that no terminal and no log sees its control bytes. */
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/diagnostics_impl.h"
#include "base/memory.h"
#include "base/text.h"

/* Bytes of the sequence that `first` begins, by its first byte alone. */
static size_t utf8_expected(unsigned char first)
{
    return first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
}

/* Removes a UTF-8 sequence that the cut left open at the end of `text`. */
static void drop_open_sequence(char *text)
{
    size_t n = strlen(text), back = 0;
    while (back < 4 && back < n && ((unsigned char)text[n - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back < n && utf8_expected((unsigned char)text[n - 1 - back]) > back + 1)
        text[n - 1 - back] = 0;
}

static void set_text(char *out, size_t size, const char *format, va_list args)
{
    int n = vsnprintf(out, size, format, args);
    if (n < 0)
        out[0] = 0;
    else if ((size_t)n >= size)
        drop_open_sequence(out);
}

static void copy_text(char *out, size_t size, const char *text)
{
    size_t n = strlen(text);
    bool cut = n >= size;
    if (cut)
        n = size - 1;
    memmove(out, text, n);
    out[n] = 0;
    if (cut)
        drop_open_sequence(out);
}

/* The arguments may point into *err itself (a callee's `what` wrapped by its caller), so the new text is made
 * before anything is cleared. */
tdm_status tdm__fail(tdm_error *err, tdm_status status, const char *where, const char *what, ...)
{
    if (!err)
        return status;
    char made[sizeof err->what];
    va_list args;
    va_start(args, what);
    set_text(made, sizeof made, what, args);
    va_end(args);
    copy_text(err->where, sizeof err->where, where ? where : "");
    memcpy(err->what, made, sizeof made);
    err->status = status;
    err->expected[0] = err->found[0] = err->hint[0] = 0;
    return status;
}

/* One body for the four setters: they differ in the field only. */
#define SET_FIELD(field)                                   \
    do {                                                   \
        char made[sizeof err->field];                      \
        va_list args;                                      \
        va_start(args, format);                            \
        set_text(made, sizeof made, format, args);         \
        va_end(args);                                      \
        memcpy(err->field, made, sizeof made);             \
    } while (0)

void tdm__fail_expected(tdm_error *err, const char *format, ...)
{
    if (err)
        SET_FIELD(expected);
}

void tdm__fail_found(tdm_error *err, const char *format, ...)
{
    if (err)
        SET_FIELD(found);
}

void tdm__fail_hint(tdm_error *err, const char *format, ...)
{
    if (err)
        SET_FIELD(hint);
}

void tdm__fail_where(tdm_error *err, const char *format, ...)
{
    if (err && format)
        SET_FIELD(where);
}

/* Writes the byte or sequence at s.ptr[i] in a printable form; returns the bytes it took. */
static size_t show_one(tdm_str s, size_t i, char piece[8])
{
    unsigned char c = (unsigned char)s.ptr[i];
    size_t n = utf8_expected(c);
    if (n > 1 && n <= s.len - i && c >= 0x80 && tdm__utf8_valid(tdm__strn(s.ptr + i, n))) {
        bool control = c == 0xC2 && (unsigned char)s.ptr[i + 1] < 0xA0; /* U+0080 to U+009F */
        if (!control) {
            memcpy(piece, s.ptr + i, n);
            piece[n] = 0;
            return n;
        }
    }
    static const char plain[] = "\n\r\t\"\\", letter[] = "nrt\"\\";
    const char *at = c ? strchr(plain, c) : NULL;
    if (at)
        snprintf(piece, 8, "\\%c", letter[at - plain]);
    else if (c >= 0x20 && c < 0x7F)
        snprintf(piece, 8, "%c", c);
    else
        snprintf(piece, 8, "\\x%02x", c);
    return 1;
}

enum { SHOWN_MAX = 64 }; /* bytes: enough to recognise a value, short enough for a line */
static const char ellipsis[] = "\xE2\x80\xA6";

/* As much of a text as is shown, printable, from shown[len] on; its quotes and backslashes escaped unless `as_it_is`. */
static void show(tdm_str text, bool as_it_is, char shown[SHOWN_MAX + 16], size_t len, const char *end)
{
    size_t i = 0;
    while (i < text.len && len < SHOWN_MAX) {
        char piece[8] = {text.ptr[i]};
        if (as_it_is && (text.ptr[i] == '"' || text.ptr[i] == '\\'))
            i++;
        else
            i += show_one(text, i, piece);
        size_t n = strlen(piece);
        memcpy(shown + len, piece, n);
        len += n;
    }
    snprintf(shown + len, SHOWN_MAX + 16 - len, "%s%s", i < text.len ? ellipsis : "", end);
}

void tdm__fail_found_text(tdm_error *err, tdm_str text)
{
    char shown[SHOWN_MAX + 16] = "\"";
    show(text, false, shown, 1, "\"");
    if (err)
        copy_text(err->found, sizeof err->found, shown);
}

void tdm__fail_found_json(tdm_error *err, tdm_str token)
{
    char shown[SHOWN_MAX + 16];
    show(token, true, shown, 0, "");
    if (err)
        copy_text(err->found, sizeof err->found, shown);
}

tdm_status tdm__diagnose(tdm_diagnostics *list, const tdm_error *error, const char *excerpt)
{
    if (!list)
        return error->status;
    list->total++;
    if (list->n == TDM__DIAGNOSTICS_MAX || !tdm__grow(list->entries, list->cap, list->n + 1))
        return error->status;
    tdm__diagnostic *entry = &list->entries[list->n++];
    entry->error = *error;
    copy_text(entry->excerpt, sizeof entry->excerpt, excerpt ? excerpt : "");
    return error->status;
}

/* The line-th line of text, without its end; empty when there is none. */
static tdm_str find_line(tdm_str text, size_t line)
{
    tdm_str here = text, rest = text;
    for (size_t i = 0; i < line; i++) {
        if (!rest.ptr)
            return tdm__strn(NULL, 0);
        here = tdm__str_cut(rest, '\n', &rest);
    }
    if (here.len && here.ptr[here.len - 1] == '\r')
        here.len--;
    return here;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Copies bytes [from, to) of the line, then below it blanks up to `at` and a caret. Tabs stay tabs in both
 * lines, so that the caret stands right at any tab width; a UTF-8 sequence takes one blank. */
static void draw_excerpt(tdm_str line, size_t from, size_t to, size_t at, char *out)
{
    size_t len = 0;
    for (size_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        out[len++] = (c < 0x20 && c != '\t') || c == 0x7F ? '?' : line.ptr[i];
    }
    out[len++] = '\n';
    for (size_t i = from; i < at; i++)
        if (i >= to)
            out[len++] = ' ';
        else if (!is_continuation(line.ptr[i]))
            out[len++] = line.ptr[i] == '\t' ? '\t' : ' ';
    out[len++] = '^';
    out[len] = 0;
}

tdm_status tdm__diagnose_at(tdm_diagnostics *list, tdm_error *error, const char *name, tdm_str text, size_t line,
                            size_t col)
{
    enum { BEFORE = 120, SHOWN = 200 };
    tdm__fail_where(error, "%s:%zu:%zu", name, line, col);
    if (!list)
        return tdm__diagnose(list, error, NULL);
    char excerpt[2 * SHOWN + 8];
    tdm_str here = find_line(text, line);
    size_t at = col ? col - 1 : 0;
    if (at > here.len)
        at = here.len;
    size_t from = at > BEFORE ? at - BEFORE : 0;
    while (from < at && is_continuation(here.ptr[from]))
        from++;
    size_t to = here.len - from > SHOWN ? from + SHOWN : here.len;
    while (to > at && to < here.len && is_continuation(here.ptr[to]))
        to--;
    draw_excerpt(here, from, to, at, excerpt);
    return tdm__diagnose(list, error, here.len ? excerpt : NULL);
}

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein distance with adjacent transpositions (optimal string alignment), three rows. Both texts
 * are at most WORD_MAX long. */
static size_t edit_distance(tdm_str a, tdm_str b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *older = rows[0], *old = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        old[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.ptr[i - 1] == b.ptr[j - 1];
            now[j] = least(least(old[j], now[j - 1]) + 1, old[j - 1] + !same);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                now[j] = least(now[j], older[j - 2] + 1);
        }
        size_t *spare = older;
        older = old;
        old = now;
        now = spare;
    }
    return old[b.len];
}

const char *tdm__nearest(tdm_str word, const char *const *candidates, size_t n)
{
    if (word.len == 0 || word.len > WORD_MAX)
        return NULL;
    size_t limit = word.len <= 4 ? 1 : word.len <= 8 ? 2 : 3;
    const char *best = NULL;
    for (size_t i = 0; i < n; i++) {
        tdm_str c = tdm__str(candidates[i]);
        if (c.len > WORD_MAX)
            continue;
        size_t d = edit_distance(word, c);
        if (d <= limit && (!best || d < limit)) {
            best = candidates[i];
            limit = d;
        }
    }
    return best;
}
