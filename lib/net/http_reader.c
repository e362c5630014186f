/* The machine: bytes in, requests out.
 *
 * A request that lies whole in the bytes given is told in place. One that does not is kept: its head as it came (offsets
 * into it stay good when it moves), then its body without the framing. The buffer grows by doubling as bytes arrive, never
 * beyond what the request may become, so a large body costs linear time and an announced one that does not come costs
 * nothing. A chunked body of more than one chunk is always kept, since the bytes given are not ours to move. */
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "net/http_impl.h"

enum { WARM_BYTES_MAX = 16 << 10, FIRST_BYTES = 1 << 10 };

void tdm__http_reader_init(tdm__http_reader *reader, const tdm__http_limits *limits)
{
    *reader = (tdm__http_reader){.limits = limits};
}

void tdm__http_reader_free(tdm__http_reader *reader)
{
    tdm__buf_free(&reader->kept);
}

size_t tdm__http_reader_held(const tdm__http_reader *reader)
{
    return reader->kept.cap;
}

bool tdm__http_reader_keeps(const tdm__http_reader *reader)
{
    return reader->done;
}

static void advance(tdm_str *in, size_t n)
{
    *in = tdm__strn(in->ptr + n, in->len - n);
}

static tdm__http_step fail(tdm__http_reader *reader, tdm_str *in)
{
    tdm__buf_free(&reader->kept);
    reader->phase = TDM__HTTP_FAILED;
    advance(in, in->len);
    return TDM__HTTP_FAULT;
}

/* ---- what is kept ---- */

/* The largest that `kept` can become, as far as is known. */
static uint64_t kept_max(const tdm__http_reader *reader)
{
    const tdm__http_head *head = &reader->head;
    if (reader->phase != TDM__HTTP_IN_BODY)
        return reader->limits->head_bytes_max;
    return head->line + (head->chunked ? reader->limits->body_bytes_max : head->content_length);
}

static bool keep(tdm__http_reader *reader, const char *bytes, size_t n, tdm_error *err)
{
    tdm__buf *kept = &reader->kept;
    size_t need = kept->len + n;
    if (need > kept->cap) {
        uint64_t most = kept_max(reader), cap = kept->cap ? 2 * (uint64_t)kept->cap : FIRST_BYTES;
        cap = cap > most ? most : cap;
        cap = cap < need ? need : cap;
        char *grown = tdm__resize(kept->ptr, cap, 1);
        if (!grown) {
            tdm__no_memory(err, NULL);
            return false;
        }
        kept->ptr = grown;
        kept->cap = cap;
    }
    if (n)
        memcpy(kept->ptr + kept->len, bytes, n);
    kept->len = need;
    return true;
}

static void begin_anew(tdm__http_reader *reader)
{
    if (reader->kept.cap > WARM_BYTES_MAX)
        tdm__buf_free(&reader->kept);
    reader->kept.len = 0;
    reader->body_left = reader->wire_bytes = 0;
    reader->continued = reader->done = false;
    reader->phase = TDM__HTTP_IDLE;
    memset(&reader->head, 0, sizeof reader->head);
    memset(&reader->chunks, 0, sizeof reader->chunks);
}

/* ---- the head ---- */

/* A single empty line may precede a request; as long as nothing else has come the connection is idle. */
static bool has_begun(tdm_str head)
{
    return head.len > 2 || (head.len && head.ptr[0] != '\r');
}

/* Reads on in the head. DONE with `kept` empty: it lies at the begin of *in, nothing was taken. Else all that belongs to
 * it was taken. */
static tdm__http_part take_head(tdm__http_reader *reader, tdm_str *in, tdm_error *err)
{
    size_t before = reader->kept.len, max = reader->limits->head_bytes_max;
    bool in_place = before == 0;
    size_t n = in->len < max - before ? in->len : max - before;
    if (!in_place && !keep(reader, in->ptr, n, err))
        return TDM__PART_FAULT;
    tdm_str text = in_place ? *in : tdm__strn(reader->kept.ptr, reader->kept.len);
    tdm__http_part part = tdm__http_head_take(&reader->head, text, reader->limits, err);
    if (part == TDM__PART_FAULT || (part == TDM__PART_DONE && in_place))
        return part;
    if (in_place && !keep(reader, in->ptr, n, err))
        return TDM__PART_FAULT;
    if (part == TDM__PART_DONE)
        reader->kept.len = reader->head.line;
    else
        reader->phase = has_begun(text) ? TDM__HTTP_IN_HEAD : TDM__HTTP_IDLE;
    advance(in, reader->kept.len - before);
    reader->wire_bytes = reader->kept.len;
    return part;
}

/* ---- the body ---- */

static tdm__http_chunk_limits chunk_limits(const tdm__http_reader *reader)
{
    return (tdm__http_chunk_limits){reader->limits->body_bytes_max, reader->limits->head_bytes_max};
}

/* A chunked body that lies whole in `in`, all in one chunk. MORE: it does not. */
static tdm__http_part chunks_in_place(const tdm__http_reader *reader, tdm_str *in, tdm_str *body, tdm_error *err)
{
    tdm__http_chunk_limits limits = chunk_limits(reader);
    tdm__http_chunks chunks = {0};
    tdm__http_part part;
    tdm_str piece;
    *body = tdm__strn(in->ptr, 0);
    do {
        part = tdm__http_chunks_take(&chunks, in, &limits, &piece, err);
        if (piece.len && body->len)
            return TDM__PART_MORE;
        if (piece.len)
            *body = piece;
    } while (part == TDM__PART_MORE && piece.len);
    return part;
}

/* The whole request at the begin of *in; MORE: it is not there, and nothing was taken. */
static tdm__http_part request_in_place(tdm__http_reader *reader, tdm_str *in, tdm__http_request *request, tdm_error *err)
{
    const tdm__http_head *head = &reader->head;
    tdm_str rest = tdm__strn(in->ptr + head->line, in->len - head->line), body;
    if (head->chunked) {
        tdm__http_part part = chunks_in_place(reader, &rest, &body, err);
        if (part != TDM__PART_DONE)
            return part;
    } else {
        if (rest.len < head->content_length)
            return TDM__PART_MORE;
        body = tdm__strn(rest.ptr, (size_t)head->content_length);
        advance(&rest, body.len);
    }
    tdm__http_head_fill(head, in->ptr, request);
    request->body = body;
    request->wire_bytes = (size_t)(rest.ptr - in->ptr);
    *in = rest;
    return TDM__PART_DONE;
}

static tdm__http_part keep_length(tdm__http_reader *reader, tdm_str *in, tdm_error *err)
{
    size_t n = in->len < reader->body_left ? in->len : (size_t)reader->body_left;
    if (!keep(reader, in->ptr, n, err))
        return TDM__PART_FAULT;
    advance(in, n);
    reader->body_left -= n;
    return reader->body_left ? TDM__PART_MORE : TDM__PART_DONE;
}

static tdm__http_part keep_chunks(tdm__http_reader *reader, tdm_str *in, tdm_error *err)
{
    tdm__http_chunk_limits limits = chunk_limits(reader);
    tdm__http_part part;
    tdm_str piece;
    do {
        part = tdm__http_chunks_take(&reader->chunks, in, &limits, &piece, err);
        if (!keep(reader, piece.ptr, piece.len, err))
            return TDM__PART_FAULT;
    } while (part == TDM__PART_MORE && piece.len);
    return part;
}

/* Reads on in a body behind a kept head. */
static tdm__http_step take_body(tdm__http_reader *reader, tdm_str *in, tdm__http_request *request, tdm_error *err)
{
    const char *from = in->ptr;
    const tdm__http_head *head = &reader->head;
    tdm__http_part part = head->chunked ? keep_chunks(reader, in, err) : keep_length(reader, in, err);
    if (part == TDM__PART_FAULT)
        return fail(reader, in);
    reader->wire_bytes += (size_t)(in->ptr - from);
    bool nothing_yet = reader->wire_bytes == head->line;
    bool waits = part == TDM__PART_MORE && nothing_yet && head->expects && head->minor == 1 && !reader->continued;
    if (part == TDM__PART_MORE && !waits)
        return TDM__HTTP_MORE;
    tdm__http_head_fill(head, reader->kept.ptr, request);
    request->wire_bytes = (size_t)reader->wire_bytes;
    if (waits) {
        reader->continued = true;
        return TDM__HTTP_CONTINUE;
    }
    request->body = tdm__strn(reader->kept.ptr + head->line, reader->kept.len - head->line);
    reader->done = true;
    reader->phase = TDM__HTTP_IDLE;
    return TDM__HTTP_REQUEST;
}

/* ---- a step ---- */

/* The head is whole. It lies in `kept`, or else at the begin of *in. */
static tdm__http_step begin_body(tdm__http_reader *reader, tdm_str *in, tdm__http_request *request, tdm_error *err)
{
    reader->body_left = reader->head.content_length;
    if (reader->kept.len == 0) {
        tdm__http_part part = request_in_place(reader, in, request, err);
        if (part == TDM__PART_FAULT)
            return fail(reader, in);
        if (part == TDM__PART_DONE) {
            begin_anew(reader);
            return TDM__HTTP_REQUEST;
        }
        if (!keep(reader, in->ptr, reader->head.line, err))
            return fail(reader, in);
        advance(in, reader->head.line);
        reader->wire_bytes = reader->head.line;
    }
    reader->phase = TDM__HTTP_IN_BODY;
    return take_body(reader, in, request, err);
}

tdm__http_step tdm__http_next(tdm__http_reader *reader, tdm_str *in, tdm__http_request *request, tdm_error *err)
{
    if (reader->phase == TDM__HTTP_FAILED) {
        tdm__fail(err, TDM_HTTP_SYNTAX, NULL, "the connection has failed before");
        return fail(reader, in);
    }
    if (reader->done)
        begin_anew(reader);
    if (reader->phase == TDM__HTTP_IN_BODY)
        return take_body(reader, in, request, err);
    if (in->len == 0)
        return TDM__HTTP_MORE;
    tdm__http_part part = take_head(reader, in, err);
    if (part == TDM__PART_FAULT)
        return fail(reader, in);
    return part == TDM__PART_MORE ? TDM__HTTP_MORE : begin_body(reader, in, request, err);
}
