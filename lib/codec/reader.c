/* The reader: a stream cut into chunks of whole records.
 *
 * A window holds the bytes read and not yet given out. Where its lines are its records, a chunk ends at the window's
 * last line end: one pass that counts. Else the automaton of csv_scan.h walks record by record, and the window grows
 * until the record at its start is decided, at most a little beyond the longest record. What a chunk holds depends on
 * its size; what the records are, and where they lie, does not. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/fail.h"
#include "codec/rows_impl.h"

enum { HEADER_COLUMNS_MAX = 65536 };

struct tdm__reader {
    tdm__reader_source source;
    tdm__stream *stream; /* when it is ours */
    char *name;
    tdm__row_format format;
    const tdm__csv_kernels *kernels;
    tdm__buf window;
    size_t at;        /* of the first byte not given out */
    bool ended;       /* the window holds all that is left */
    bool skipping;    /* the rest of a too long line is to be thrown away */
    uint64_t offset;  /* of window[at] in the stream */
    uint64_t row, line, index;
    tdm_str *header;
    size_t n_header;
    tdm__arena arena; /* header and name */
};

/* Where to cut, and what lies before. */
typedef struct cut {
    size_t bytes, rows, line_ends;
    bool unended; /* the record there has no end yet and is too long */
} cut;

static size_t held(const tdm__reader *r)
{
    return r->window.len - r->at;
}

/* Reads until the window holds `want` bytes or the stream ends. */
static tdm_status want_bytes(tdm__reader *r, size_t want, tdm_error *err)
{
    if (r->at > 0 && held(r) < want) {
        memmove(r->window.ptr, r->window.ptr + r->at, held(r));
        r->window.len -= r->at;
        r->at = 0;
    }
    while (!r->ended && held(r) < want) {
        size_t got, room = want - held(r);
        char *to = tdm__buf_reserve(&r->window, room);
        if (!to)
            return tdm__no_memory(err, r->name);
        tdm_status s = r->source.read(r->source.self, to, room, &got, err);
        if (s)
            return s;
        r->window.len += got;
        r->ended = got == 0;
    }
    return TDM_OK;
}

static tdm__record_scan scan_of(const tdm__reader *r, size_t n)
{
    return (tdm__record_scan){
        .kernels = r->kernels,
        .p = r->window.ptr + r->at,
        .n = n,
        .limit = r->source.record_max,
        .all = r->ended && n == held(r),
        .quotes = r->format == TDM__FORMAT_CSV,
    };
}

/* A chunk whose records are its lines, none of them longer than may be. In CSV this holds where every line has an even
 * number of quotes: its quoted fields are closed, or it is broken (csv_record.c), and both end with the line. */
static bool cut_lines(const tdm__record_scan *scan, cut *out)
{
    tdm__lines lines;
    if (scan->n > scan->limit)
        return false;
    scan->kernels->lines(scan->p, scan->n, &lines);
    bool rest = scan->all && lines.after < scan->n; /* a last line without its end */
    out->bytes = rest ? scan->n : lines.after;
    out->rows = lines.ends - lines.blank + rest;
    out->line_ends = lines.ends;
    out->unended = false;
    return out->bytes > 0 && (!lines.odd || !scan->quotes);
}

/* Records one by one, up to about `target` bytes. */
static cut cut_records(const tdm__record_scan *scan, size_t target)
{
    cut c = {0};
    tdm__record_span span;
    while (c.bytes < scan->n && c.bytes < target && tdm__record_at(scan, c.bytes, &span)) {
        if (span.unended) {
            c.unended = c.bytes == 0;
            break;
        }
        c.rows += !span.blank;
        c.line_ends += span.line_ends;
        c.bytes = span.next;
    }
    return c;
}

static cut find_cut(tdm__reader *r)
{
    cut c;
    size_t n = held(r), target = r->source.chunk_bytes;
    tdm__record_scan scan = scan_of(r, n < target ? n : target);
    if (cut_lines(&scan, &c))
        return c;
    scan = scan_of(r, n);
    return cut_records(&scan, target);
}

/* Throws away the rest of a line that was too long. */
static tdm_status skip_line(tdm__reader *r, tdm_error *err)
{
    while (r->skipping) {
        tdm_status s = want_bytes(r, 1, err);
        if (s)
            return s;
        const char *from = r->window.ptr + r->at;
        const char *lf = held(r) ? memchr(from, '\n', held(r)) : NULL;
        size_t n = lf ? (size_t)(lf - from) + 1 : held(r);
        r->at += n;
        r->offset += n;
        r->line += lf != NULL;
        r->skipping = !lf && !(r->ended && held(r) == 0);
        if (r->skipping && (s = want_bytes(r, r->source.chunk_bytes, err)))
            return s;
    }
    return TDM_OK;
}

/* Moves `n` bytes from the window to the chunk: by swapping the buffers where the rest is the smaller part. */
static tdm_status give(tdm__reader *r, size_t n, tdm__chunk *chunk, tdm_error *err)
{
    size_t rest = held(r) - n;
    if (r->at == 0 && rest <= n) {
        tdm__buf_add(&chunk->bytes, r->window.ptr + n, rest);
        if (chunk->bytes.failed)
            return tdm__no_memory(err, r->name);
        tdm__buf full = r->window;
        r->window = chunk->bytes;
        chunk->bytes = full;
        chunk->bytes.len = n;
    } else {
        tdm__buf_add(&chunk->bytes, r->window.ptr + r->at, n);
        r->at += n;
    }
    return tdm__buf_check(&chunk->bytes, err);
}

tdm_status tdm__reader_next(tdm__reader *r, tdm__chunk *chunk, tdm_error *err)
{
    tdm__buf_reset(&chunk->bytes);
    tdm_status s = skip_line(r, err);
    if (s)
        return s;
    cut c = {0};
    for (size_t want = r->source.chunk_bytes; c.bytes == 0 && !c.unended; want = 2 * held(r)) {
        if ((s = want_bytes(r, want, err)))
            return s;
        if (held(r) == 0)
            return TDM_OK;
        c = find_cut(r);
    }
    if (c.unended)
        c = (cut){.bytes = r->source.record_max + 1, .rows = 1, .unended = true};
    chunk->offset = r->offset;
    chunk->first_row = r->row;
    chunk->first_line = r->line;
    chunk->index = r->index;
    chunk->record_max = r->source.record_max;
    if ((s = give(r, c.bytes, chunk, err)))
        return s;
    r->skipping = c.unended;
    r->offset += c.bytes;
    r->row += c.rows;
    r->line += c.line_ends;
    r->index++;
    return TDM_OK;
}

/* ---- opening ---- */

static tdm_status header_fault(const tdm__reader *r, tdm_status status, const char *what, tdm_error *err)
{
    char where[256];
    snprintf(where, sizeof where, "%.200s:%llu", r->name, (unsigned long long)r->line);
    return tdm__fail(err, status, where, "%s", what);
}

/* Names must differ. An open-addressed table of indexes, since there may be many. */
static tdm_status check_names(const tdm__reader *r, tdm_error *err)
{
    size_t size = 16;
    while (size < 2 * r->n_header)
        size *= 2;
    uint32_t *slots = tdm__zalloc(size, sizeof *slots);
    if (!slots)
        return tdm__no_memory(err, r->name);
    tdm_status s = TDM_OK;
    for (size_t i = 0; i < r->n_header && !s; i++) {
        tdm_str name = r->header[i];
        size_t at = tdm__hash64(name.ptr, name.len) & (size - 1);
        while (slots[at] && !tdm__str_equal(r->header[slots[at] - 1], name))
            at = (at + 1) & (size - 1);
        if (slots[at]) {
            s = header_fault(r, TDM_SYNTAX, "two columns of the header have the same name", err);
            tdm__fail_found_text(err, name);
        }
        slots[at] = (uint32_t)i + 1;
    }
    tdm__free(slots);
    return s;
}

/* The header's names, copied. */
static tdm_status read_names(tdm__reader *r, const char *p, size_t at, size_t end, tdm_error *err)
{
    size_t cap = 1;
    for (size_t i = at; i < end; i++)
        cap += p[i] == ',';
    if (cap > HEADER_COLUMNS_MAX)
        return header_fault(r, TDM_TOO_LARGE, "the header has more than 65536 columns", err);
    r->header = tdm__arena_array(&r->arena, cap, tdm_str);
    if (!r->header)
        return tdm__no_memory(err, r->name);
    while (at <= end) {
        tdm__csv_field field;
        tdm__csv_next_field(p, end, &at, &field);
        if (!tdm__utf8_valid(field.text))
            return header_fault(r, TDM_TEXT_ENCODING, "the header is not valid UTF-8", err);
        tdm_str *name = &r->header[r->n_header++];
        *name = field.text;
        if (!tdm__arena_str(&r->arena, field.text, name))
            return tdm__no_memory(err, r->name);
        if (field.doubled && !(*name = tdm__csv_undouble(*name, &r->arena)).ptr)
            return tdm__no_memory(err, r->name);
    }
    return check_names(r, err);
}

/* The header is the first record. */
static tdm_status read_header(tdm__reader *r, tdm_error *err)
{
    tdm__record_span span = {0};
    tdm__record_scan scan = scan_of(r, held(r));
    while (scan.n > 0 && (!tdm__record_at(&scan, 0, &span) || span.blank)) {
        if (span.blank) {
            r->at += span.next;
            r->offset += span.next;
            r->line += span.line_ends;
        }
        span.blank = false;
        tdm_status s = want_bytes(r, 2 * held(r) + 1, err);
        if (s)
            return s;
        scan = scan_of(r, held(r));
    }
    if (scan.n == 0)
        return header_fault(r, TDM_SYNTAX, "the file has no header line", err);
    if (span.fault)
        return header_fault(r, span.fault, tdm_status_text(span.fault), err);
    size_t end = span.end;
    if (span.line_ends && end > 0 && scan.p[end - 1] == '\r')
        end--;
    tdm_status s = read_names(r, scan.p, 0, end, err);
    r->at += span.next;
    r->offset += span.next;
    r->line += span.line_ends;
    return s;
}

static tdm__row_format format_by_name(const char *name)
{
    static const struct {
        const char *suffix;
        tdm__row_format format;
    } known[] = {{".csv", TDM__FORMAT_CSV}, {".jsonl", TDM__FORMAT_JSONL}, {".ndjson", TDM__FORMAT_JSONL}};
    tdm_str s = tdm__str(name);
    if (tdm__str_ends(s, ".gz"))
        s.len -= 3;
    else if (tdm__str_ends(s, ".zst"))
        s.len -= 4;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (tdm__str_ends(s, known[i].suffix))
            return known[i].format;
    return TDM__FORMAT_AUTO;
}

/* Skips a byte order mark, settles the format, reads the header. */
static tdm_status read_beginning(tdm__reader *r, tdm_error *err)
{
    tdm_status s = want_bytes(r, r->source.chunk_bytes > 4 ? r->source.chunk_bytes : 4, err);
    if (s)
        return s;
    if (held(r) >= 3 && memcmp(r->window.ptr, "\xef\xbb\xbf", 3) == 0)
        r->at = r->offset = 3;
    if (r->format == TDM__FORMAT_AUTO)
        r->format = format_by_name(r->name);
    if (r->format == TDM__FORMAT_AUTO)
        r->format = held(r) && r->window.ptr[r->at] == '{' ? TDM__FORMAT_JSONL : TDM__FORMAT_CSV;
    return r->format == TDM__FORMAT_CSV ? read_header(r, err) : TDM_OK;
}

tdm_status tdm__reader_open_source(const tdm__reader_source *source, tdm__row_format format, tdm__reader **out,
                                   tdm_error *err)
{
    tdm__reader *r = tdm__new(tdm__reader);
    if (!r)
        return tdm__no_memory(err, source->name);
    r->source = *source;
    r->format = format;
    r->kernels = tdm__csv_kernels_best();
    r->row = r->line = 1;
    r->name = tdm__arena_copy(&r->arena, source->name, strlen(source->name));
    tdm_status s = r->name ? read_beginning(r, err) : tdm__no_memory(err, source->name);
    if (s) {
        tdm__reader_close(&r);
        return s;
    }
    *out = r;
    return TDM_OK;
}

static tdm_status read_stream(void *self, void *to, size_t n, size_t *got, tdm_error *err)
{
    return tdm__stream_read(self, to, n, got, err);
}

tdm_status tdm__reader_open(tdm__fs *fs, const char *path, tdm__row_format format, tdm__reader **out, tdm_error *err)
{
    tdm__stream *stream;
    tdm_status s = tdm__stream_open(fs, path, &stream, err);
    if (s)
        return s;
    tdm__reader_source source = {read_stream, stream, path, TDM__CHUNK_BYTES, TDM__RECORD_BYTES_MAX};
    s = tdm__reader_open_source(&source, format, out, err);
    if (s)
        tdm__stream_close(&stream);
    else
        (*out)->stream = stream;
    return s;
}

/* ---- the rest ---- */

tdm__row_format tdm__reader_format(const tdm__reader *r)
{
    return r->format;
}

void tdm__reader_tell_header(const tdm__reader *r, tdm_error *err)
{
    char names[160] = "";
    size_t used = 0, i = 0;
    for (; i < r->n_header && used + r->header[i].len + 8 < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.*s", i ? ", " : "", (int)r->header[i].len,
                                 r->header[i].ptr);
    if (i < r->n_header)
        snprintf(names + used, sizeof names - used, ", ...");
    tdm__fail_found_text(err, tdm__str(names));
    if (r->n_header == 1 && strpbrk(names, ";\t"))
        tdm__fail_hint(err, "the fields of a CSV are separated by commas");
}

const tdm_str *tdm__reader_header(const tdm__reader *r, size_t *n)
{
    *n = r->n_header;
    return r->header;
}

void tdm__reader_progress(const tdm__reader *r, uint64_t *consumed, uint64_t *total)
{
    *consumed = *total = 0;
    if (r->stream)
        tdm__stream_progress(r->stream, consumed, total);
}

void tdm__reader_close(tdm__reader **reader)
{
    if (!reader || !*reader)
        return;
    tdm__reader *r = *reader;
    tdm__stream_close(&r->stream);
    tdm__buf_free(&r->window);
    tdm__arena_free(&r->arena);
    tdm__free(r);
    *reader = NULL;
}

void tdm__chunk_free(tdm__chunk *chunk)
{
    tdm__buf_free(&chunk->bytes);
    memset(chunk, 0, sizeof *chunk);
}
