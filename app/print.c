/* What people see. Data goes to standard output through print_text only, so that a closed pipe is noticed. */
#include "print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Formats into a bounded buffer: texts without a bound go through tdm_text_add instead. */
static void add_formatted(tdm_text *out, const char *format, va_list args)
{
    char text[4096];
    int n = vsnprintf(text, sizeof text, format, args);
    if (n >= 0)
        tdm_text_addn(out, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void text_printf(tdm_text *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(out, format, args);
    va_end(args);
}

tdm_status print_text(tdm_text *out, tdm_error *err)
{
    tdm_status s = TDM_OK;
    if (out->failed) {
        memset(err, 0, sizeof *err);
        err->status = s = TDM_NO_MEMORY;
        snprintf(err->what, sizeof err->what, "out of memory");
    } else if (out->len) {
        s = tdm_write(1, out->ptr, out->len, err);
    }
    tdm_text_free(out);
    return s;
}

static void to_stderr(tdm_text *text)
{
    tdm_error ignored;
    if (text->len)
        tdm_write(2, text->ptr, text->len, &ignored);
    tdm_text_free(text);
}

void message(const char *format, ...)
{
    tdm_text text = {0};
    va_list args;
    va_start(args, format);
    tdm_text_add(&text, "tandem: ");
    add_formatted(&text, format, args);
    va_end(args);
    tdm_text_add(&text, "\n");
    to_stderr(&text);
}

static const char *paint(const char *code)
{
    const char *no = getenv("NO_COLOR");
    return tdm_terminal_columns(2) && !(no && *no) ? code : "";
}

/* The lines of an excerpt, indented. */
static void add_excerpt(tdm_text *text, const char *excerpt)
{
    while (*excerpt) {
        size_t n = strcspn(excerpt, "\n");
        text_printf(text, "\n    %.*s", (int)n, excerpt);
        excerpt += n + (excerpt[n] == '\n');
    }
}

static void print_error_with(const tdm_error *err, const char *excerpt)
{
    tdm_text text = {0};
    text_printf(&text, "%serror:%s ", paint("\033[1;31m"), paint("\033[0m"));
    if (err->where[0])
        text_printf(&text, "%s: ", err->where);
    tdm_text_add(&text, err->what[0] ? err->what : tdm_status_text(err->status));
    add_excerpt(&text, excerpt);
    if (err->expected[0])
        text_printf(&text, "\n  expected: %s", err->expected);
    if (err->found[0])
        text_printf(&text, "\n  found:    %s", err->found);
    if (err->hint[0])
        text_printf(&text, "\n  %s", err->hint);
    tdm_text_add(&text, "\n");
    to_stderr(&text);
}

void print_error(const tdm_error *err)
{
    print_error_with(err, "");
}

/* Line and column of "file:line:column" as one number; 0 when there is none. */
static unsigned long long place_of(const tdm_error *err)
{
    char *end;
    const char *colon = strchr(err->where, ':');
    unsigned long long line = colon ? strtoul(colon + 1, &end, 10) & 0xffffffff : 0;
    return line << 32 | (line && *end == ':' ? strtoul(end + 1, NULL, 10) & 0xffffffff : 0);
}

size_t diagnostics_order(const tdm_diagnostics *list, size_t order[DIAGNOSTICS_MAX])
{
    size_t n = tdm_diagnostics_count(list);
    n = n < DIAGNOSTICS_MAX ? n : DIAGNOSTICS_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        unsigned long long place = place_of(tdm_diagnostics_error(list, i));
        for (; at && place_of(tdm_diagnostics_error(list, order[at - 1])) > place; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return n;
}

void print_diagnostics(const tdm_diagnostics *list)
{
    size_t order[DIAGNOSTICS_MAX], n = diagnostics_order(list, order), total = tdm_diagnostics_total(list);
    for (size_t i = 0; i < n; i++)
        print_error_with(tdm_diagnostics_error(list, order[i]), tdm_diagnostics_excerpt(list, order[i]));
    if (total > n)
        message("and %zu more errors", total - n);
    else if (n > 1)
        message("%zu errors", n);
}

tdm_status usage_error(tdm_error *err, const char *where, const char *what)
{
    memset(err, 0, sizeof *err);
    err->status = TDM_USAGE;
    snprintf(err->where, sizeof err->where, "%s", where);
    snprintf(err->what, sizeof err->what, "%s", what);
    return TDM_USAGE;
}

void table_cell(print_table *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(&t->cells, format, args);
    va_end(args);
    tdm_text_addn(&t->cells, "", 1);
    t->n_cells++;
}

/* Letters shown: bytes that do not continue a UTF-8 sequence. */
static size_t width_of(const char *z)
{
    size_t n = 0;
    for (; *z; z++)
        n += ((unsigned char)*z & 0xc0) != 0x80;
    return n;
}

/* "1,234", "-0.5", "99.9%", "12.3 MB"; not an id or an instant, which only begin with a digit. */
static bool is_number(const char *z)
{
    size_t n = strcspn(z, " ");
    return n && strspn(z, "0123456789,.-%") == n && strspn(z, ",.-%") != n;
}

/* What the columns need: their widths, and which hold numbers below the header (or nothing). */
static void measure(const print_table *t, size_t width[TABLE_COLUMNS_MAX], bool right[TABLE_COLUMNS_MAX])
{
    const char *cell = t->cells.ptr;
    for (size_t i = 0; i < t->n_cells; i++, cell += strlen(cell) + 1) {
        size_t column = i % t->n_columns;
        if (width_of(cell) > width[column])
            width[column] = width_of(cell);
        if (i < t->n_columns)
            right[column] = t->n_cells > t->n_columns || is_number(cell);
        else
            right[column] &= !*cell || is_number(cell);
    }
}

void table_print(print_table *t, tdm_text *out)
{
    size_t width[TABLE_COLUMNS_MAX] = {0};
    bool right[TABLE_COLUMNS_MAX] = {0};
    const char *cell = t->cells.ptr;
    out->failed |= t->cells.failed;
    if (t->cells.failed)
        t->n_cells = 0;
    measure(t, width, right);
    for (size_t i = 0; i < t->n_cells; i++, cell += strlen(cell) + 1) {
        size_t column = i % t->n_columns;
        bool last = column + 1 == t->n_columns;
        int pad = (int)(width[column] - width_of(cell));
        text_printf(out, "%*s%s%*s%s", right[column] ? pad : 0, "", cell, right[column] || last ? 0 : pad, "",
                    last ? "" : "  ");
        while (last && out->len && out->ptr[out->len - 1] == ' ')
            out->len--;
        tdm_text_add(out, last ? "\n" : "");
    }
    tdm_text_free(&t->cells);
    *t = (print_table){0};
}

const char *with_commas(uint64_t n, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

const char *human_bytes(uint64_t n, char out[32])
{
    static const char *const unit[] = {"B", "KB", "MB", "GB", "TB"};
    double v = (double)n;
    int u = 0;
    for (; v >= 1000 && u < 4; u++)
        v /= 1000;
    snprintf(out, 32, u ? "%.1f %s" : "%.0f %s", v, unit[u]);
    return out;
}

const char *human_age(int64_t us, char out[32])
{
    int64_t s = us / 1000000;
    if (s < 0)
        snprintf(out, 32, "in the future");
    else if (s < 120)
        snprintf(out, 32, "%" PRId64 " s", s);
    else if (s < 7200)
        snprintf(out, 32, "%" PRId64 " min", s / 60);
    else if (s < 172800)
        snprintf(out, 32, "%" PRId64 " h", s / 3600);
    else
        snprintf(out, 32, "%" PRId64 " days", s / 86400);
    return out;
}

const char *instant_text(int64_t us, char out[48])
{
    tdm_text text = {0};
    tdm_text_instant(&text, us);
    if (us % 1000000 == 0 && text.len > 8) /* whole seconds need no fraction for people */
        snprintf(out, 48, "%.*sZ", (int)(text.len - 8), text.ptr);
    else
        snprintf(out, 48, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
    tdm_text_free(&text);
    return out;
}

void progress_start(progress_bar *bar, const char *what)
{
    tdm_interrupted();
    *bar = (progress_bar){.what = what, .started = tdm_seconds(), .columns = tdm_terminal_columns(2)};
}

/* "[####----]  17%", nothing where the whole is not known: a pipe, a compressed stream. */
static void add_bar(tdm_text *line, double share)
{
    int full = (int)(share * 24);
    tdm_text_add(line, " [");
    for (int i = 0; i < 24; i++)
        tdm_text_add(line, i < full ? "#" : "-");
    text_printf(line, "] %3.0f%%", share * 100);
}

static void draw(progress_bar *bar, const tdm_progress *p, double elapsed)
{
    char number[32];
    tdm_text line = {0}, shown = {0};
    double share = p->total ? (double)p->done / (double)p->total : 0;
    share = share > 1 ? 1 : share;
    size_t most = bar->columns > 1 ? bar->columns : 80;
    text_printf(&line, "%s %s", bar->what, p->stage);
    if (p->total)
        add_bar(&line, share);
    if (p->rows)
        text_printf(&line, "  %s rows", with_commas(p->rows, number));
    if (p->rows && bar->stage_started == bar->started) /* later stages read no rows: theirs is no rate */
        text_printf(&line, ", %s/s", with_commas((uint64_t)((double)p->rows / elapsed), (char[32]){0}));
    if (share > 0.02 && share < 1)
        text_printf(&line, ", %.0f s left", elapsed / share * (1 - share));
    if (p->rows_quarantined)
        text_printf(&line, ", %s quarantined", with_commas(p->rows_quarantined, number));
    text_printf(&shown, "\r%.*s\033[K", (int)(line.len < most ? line.len : most), line.ptr ? line.ptr : "");
    to_stderr(&shown);
    tdm_text_free(&line);
    bar->visible = true;
}

bool progress_tell(void *self, const tdm_progress *p)
{
    progress_bar *bar = self;
    double now = tdm_seconds();
    bool first = !bar->stage[0], other = strcmp(bar->stage, p->stage) != 0;
    if (other) {
        snprintf(bar->stage, sizeof bar->stage, "%s", p->stage);
        bar->stage_started = first ? bar->started : now;
    }
    if (bar->columns && now - bar->started > 1 && (other || now - bar->drawn > 0.1)) {
        draw(bar, p, now - bar->stage_started);
        bar->drawn = now;
    }
    return !tdm_interrupted();
}

tdm_status progress_write(void *self, const void *bytes, size_t n, tdm_error *err)
{
    progress_bar *bar = self;
    double now = tdm_seconds();
    char size[32];
    bar->written += n;
    if (bar->columns && !tdm_terminal_columns(1) && now - bar->started > 1 && now - bar->drawn > 0.1) {
        tdm_text text = {0};
        text_printf(&text, "\r%.60s: %s written\033[K", bar->what, human_bytes(bar->written, size));
        to_stderr(&text);
        bar->visible = true;
        bar->drawn = now;
    }
    if (tdm_interrupted()) {
        memset(err, 0, sizeof *err);
        snprintf(err->what, sizeof err->what, "interrupted; the output is not complete");
        return err->status = TDM_CANCELLED;
    }
    return tdm_write(1, bytes, n, err);
}

void progress_end(progress_bar *bar)
{
    tdm_text text = {0};
    if (bar->visible)
        tdm_text_add(&text, "\r\033[K");
    to_stderr(&text);
}
