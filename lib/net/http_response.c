/* An answer as a client reads it. It talks to our own server, so it is plain and strict, and need not be fast. */
#include <string.h>

#include "base/fail.h"
#include "net/http_impl.h"

enum { HEAD_BYTES_MAX = 64 << 10 };

static const char head_where[] = "the answer's head";

static tdm_status refuse(tdm_error *err, const char *where, tdm_str found, const char *what)
{
    tdm_status status = tdm__fail(err, TDM_HTTP_SYNTAX, where, "%s", what);
    tdm__fail_found_text(err, found);
    return status;
}

static void advance(tdm_str *in, size_t n)
{
    *in = tdm__strn(in->ptr + n, in->len - n);
}

/* ---- head ---- */

static tdm_status read_status(tdm__http_response *response, tdm_str line, tdm_error *err)
{
    uint64_t status;
    bool good = line.len >= 12 && tdm__str_starts(line, "HTTP/1.") && line.ptr[8] == ' ' &&
                tdm__http_number(tdm__strn(line.ptr + 9, 3), &status) && status >= 100 &&
                (line.len == 12 || line.ptr[12] == ' ');
    if (!good)
        return refuse(err, head_where, line, "this is not an answer of HTTP/1.1");
    response->status = (int)status;
    return TDM_OK;
}

static tdm_status read_field(tdm__http_response *response, tdm_str line, tdm_error *err)
{
    tdm_str value, name = tdm__str_cut(line, ':', &value);
    if (!value.ptr || !name.len || !tdm__http_all(name, TDM__BYTE_TOKEN))
        return refuse(err, head_where, line, "this is not a field");
    value = tdm__str_trim(value);
    if (tdm__http_same(name, "transfer-encoding")) {
        response->chunked = tdm__http_same(value, "chunked");
        return response->chunked ? TDM_OK : refuse(err, head_where, line, "this transfer coding is not taken");
    }
    if (!tdm__http_same(name, "content-length"))
        return TDM_OK;
    bool again = response->left != UINT64_MAX;
    if (!again && tdm__http_number(value, &response->left) && response->left != UINT64_MAX)
        return TDM_OK;
    return refuse(err, head_where, line, again ? "the length stands twice" : "this is not a length");
}

static tdm_status read_head(tdm__http_response *response, tdm_str head, tdm_error *err)
{
    tdm_status status = TDM_OK;
    bool first = true;
    response->left = UINT64_MAX;
    while (!status) {
        const char *end = head.ptr + head.len, *stop = tdm__http_line_end(head.ptr, end);
        tdm_str line = tdm__strn(head.ptr, (size_t)(stop - head.ptr));
        if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n')
            return refuse(err, head_where, line, "a line has a control byte");
        if (!line.len)
            break;
        status = first ? read_status(response, line, err) : read_field(response, line, err);
        first = false;
        advance(&head, line.len + 2);
    }
    if (!status && response->chunked && response->left != UINT64_MAX)
        return refuse(err, head_where, tdm__strn(NULL, 0), "the answer has both a length and chunks");
    if (!status && first)
        return refuse(err, head_where, tdm__strn(NULL, 0), "the answer is empty");
    return status;
}

/* Takes one byte of a head; *whole when it was the last. The end is looked for in what was kept, so that it may come in
 * any pieces. */
static tdm_status take_head(tdm__http_response *response, tdm_str *in, bool *whole, tdm_error *err)
{
    tdm__buf *head = &response->head;
    const char *feed = memchr(in->ptr, '\n', in->len);
    size_t n = feed ? (size_t)(feed - in->ptr) + 1 : in->len;
    if (n > HEAD_BYTES_MAX - head->len)
        return refuse(err, head_where, tdm__strn(NULL, 0), "the head is too long");
    tdm__buf_add(head, in->ptr, n);
    if (head->failed)
        return tdm__no_memory(err, NULL);
    advance(in, n);
    tdm_str kept = tdm__strn(head->ptr, head->len);
    *whole = tdm__str_ends(kept, "\r\n\r\n") || tdm__str_is(kept, "\r\n");
    return *whole ? read_head(response, kept, err) : TDM_OK;
}

/* What follows a whole head. */
static void begin_body(tdm__http_response *response)
{
    tdm__buf_reset(&response->head);
    if (response->status < 200) { /* an interim answer: the real one follows */
        response->status = 0;
        response->chunked = false;
    } else if (response->status == 204 || response->status == 304 || (!response->chunked && response->left == 0)) {
        response->done = true;
    }
}

/* ---- body ---- */

static tdm_status take_chunks(tdm__http_response *response, tdm_str *in, tdm__buf *body, tdm_error *err)
{
    const tdm__http_chunk_limits limits = {UINT64_MAX / 2, HEAD_BYTES_MAX};
    tdm__http_part part;
    tdm_str piece;
    do {
        part = tdm__http_chunks_take(&response->chunks, in, &limits, &piece, err);
        tdm__buf_str(body, piece);
    } while (part == TDM__PART_MORE && piece.len);
    response->done = part == TDM__PART_DONE;
    return part == TDM__PART_FAULT ? TDM_HTTP_SYNTAX : TDM_OK;
}

static void take_length(tdm__http_response *response, tdm_str *in, tdm__buf *body)
{
    size_t n = in->len < response->left ? in->len : (size_t)response->left;
    tdm__buf_add(body, in->ptr, n);
    advance(in, n);
    if (response->left == UINT64_MAX)
        return;
    response->left -= n;
    response->done = response->left == 0;
}

tdm_status tdm__http_response_take(tdm__http_response *response, tdm_str in, tdm__buf *body, tdm_error *err)
{
    tdm_status status = TDM_OK;
    while (in.len && !status) {
        bool whole = false;
        if (response->done)
            return refuse(err, "the answer's body", in, "bytes follow the end of the answer");
        if (!response->status) {
            status = take_head(response, &in, &whole, err);
            if (whole && !status)
                begin_body(response);
        } else if (response->chunked) {
            status = take_chunks(response, &in, body, err);
        } else {
            take_length(response, &in, body);
        }
        if (body->failed)
            return tdm__no_memory(err, NULL);
    }
    return status;
}

void tdm__http_response_free(tdm__http_response *response)
{
    tdm__buf_free(&response->head);
}
