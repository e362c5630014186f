/* Where a CSV record ends: RFC 4180, and what a broken quote costs.
 *
 * A quote at the start of a field opens it; inside, two quotes are one and a single one closes, which only a comma or
 * a line end may follow. Elsewhere a quote stands for itself, except in a record of several lines. Whatever breaks
 * these rules, or leaves a field open until the bytes or the limit end, is a bad record that ends at its first line
 * end: the line behind it is read as if nothing had been. In a record of several lines every quote is thus one of a
 * pair, and a well-formed record has an even number; so one stray quote can join a later record only inside that
 * record's own quoted field, where a comma or line end follows the opening quote and a line end lies inside
 * (docs/reference/values.md).
 *
 * Tries do not add up. A record of several lines begins at a line with an odd number of quotes and ends, well or not,
 * with the next such line at the latest; a line with an even number is never more than itself. So no byte is read by
 * more than three tries, and a file whose lines all have an even number of quotes can be cut at any line end. */
#include <string.h>

#include "codec/csv_scan.h"

/* The first line feed in [at, stop), or stop. */
static size_t line_feed(const tdm__record_scan *scan, size_t at, size_t stop)
{
    const char *lf = at < stop ? memchr(scan->p + at, '\n', stop - at) : NULL;
    return lf ? (size_t)(lf - scan->p) : stop;
}

/* A line longer than the limit, whatever is in it. */
static bool too_long(const tdm__record_scan *scan, size_t at, tdm__record_span *out)
{
    size_t lf = line_feed(scan, at, scan->n);
    out->fault = TDM_RECORD_TOO_LONG;
    out->end = lf;
    out->unended = lf == scan->n;
    out->line_ends = !out->unended;
    out->next = lf + !out->unended;
    return true;
}

/* The last byte of the record that the limit allows to be its line end, and one behind it. */
static size_t limit_end(const tdm__record_scan *scan, size_t at)
{
    return scan->n - at > scan->limit ? at + scan->limit + 1 : scan->n;
}

/* A record that ends at its first line end; fault or not is set already. */
static bool end_at_line(const tdm__record_scan *scan, size_t at, tdm__record_span *out)
{
    size_t stop = limit_end(scan, at), lf = line_feed(scan, at, stop);
    if (lf == stop && scan->n - at > scan->limit)
        return too_long(scan, at, out);
    if (lf == stop && !scan->all)
        return false;
    out->end = lf;
    out->line_ends = lf < stop;
    out->next = lf + out->line_ends;
    return true;
}

static bool broken(const tdm__record_scan *scan, size_t at, size_t fault_at, tdm__record_span *out)
{
    out->fault = TDM_CSV_QUOTE;
    out->fault_at = fault_at;
    return end_at_line(scan, at, out);
}

/* What follows a quote inside a quoted field at index q. */
typedef enum after_quote { ESCAPED, CLOSED, STRAY, UNKNOWN } after_quote;

static after_quote look_behind_quote(const tdm__record_scan *scan, size_t q)
{
    const char *p = scan->p;
    size_t have = scan->n - q - 1;
    if (have == 0)
        return scan->all ? CLOSED : UNKNOWN;
    if (p[q + 1] == '"')
        return ESCAPED;
    if (p[q + 1] == ',' || p[q + 1] == '\n')
        return CLOSED;
    if (p[q + 1] != '\r')
        return STRAY;
    if (have == 1)
        return scan->all ? STRAY : UNKNOWN;
    return p[q + 2] == '\n' ? CLOSED : STRAY;
}

/* The walk from one quote or line feed to the next, over a record that has a quote. */
static bool quoted_record(const tdm__record_scan *scan, size_t at, tdm__record_span *out)
{
    const char *p = scan->p;
    size_t stop = limit_end(scan, at), i = at, line_ends = 0;
    bool inside = false, literal = false;
    for (;;) {
        size_t q = scan->kernels->special(p, i, stop);
        if (q == stop) {
            if (scan->n - at > scan->limit)
                return line_ends ? broken(scan, at, stop, out) : too_long(scan, at, out);
            if (!scan->all)
                return false;
            if (inside)
                return broken(scan, at, stop, out);
        }
        if (q == stop || (p[q] == '\n' && !inside)) {
            out->end = q;
            out->line_ends = line_ends + (q < stop);
            out->next = q + (q < stop);
            return true;
        }
        i = q + 1;
        if (p[q] == '\n') {
            line_ends++;
            if (literal)
                return broken(scan, at, q, out);
        } else if (inside) {
            after_quote next = look_behind_quote(scan, q);
            if (next == UNKNOWN && scan->n - at <= scan->limit)
                return false;
            if (next == UNKNOWN)
                return line_ends ? broken(scan, at, stop, out) : too_long(scan, at, out);
            if (next == STRAY)
                return broken(scan, at, q + 1, out);
            i += next == ESCAPED;
            inside = next == ESCAPED;
        } else if (q == at || p[q - 1] == ',') {
            inside = true;
        } else if (line_ends) {
            return broken(scan, at, q, out);
        } else {
            literal = true;
        }
    }
}

bool tdm__record_at(const tdm__record_scan *scan, size_t at, tdm__record_span *out)
{
    const char *p = scan->p;
    memset(out, 0, sizeof *out);
    size_t stop = limit_end(scan, at);
    size_t first = scan->quotes ? scan->kernels->special(p, at, stop) : line_feed(scan, at, stop);
    out->quoted = first < stop && p[first] == '"';
    if (out->quoted)
        return quoted_record(scan, at, out);
    if (!end_at_line(scan, at, out))
        return false;
    bool fed = out->line_ends > 0;
    out->blank = fed && (out->end == at || (out->end == at + 1 && p[at] == '\r'));
    return true;
}
