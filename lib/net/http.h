/* HTTP/1.1 as a byte machine: bytes in, requests out. No sockets, no clock, no threads.
 *
 * Every connection has a tdm__http_reader. Whoever owns the socket gives it the bytes that came; it gives back whole
 * requests, head and body, one after the other. Strict: of two ways to read a byte stream it takes neither, since a
 * proxy in front may take the other one (request smuggling). RFC 9110 and 9112 are the source; docs/reference/http.md
 * lists what is refused and how.
 *
 * A request that lies whole in the bytes given is read in place: nothing is copied and nothing allocated. Of one that
 * arrives in parts, what came is kept in the reader's own buffer, which is bounded by the limits and given up when the
 * request is done. */
#ifndef TDM_NET_HTTP_H
#define TDM_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tandem/status.h>
#include <tandem/value.h>
#include "base/text.h"

#define TDM__HTTP_METHODS(X) X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE) X(PATCH)

typedef enum tdm__http_method {
#define TDM__HTTP_METHOD_ENUM(name) TDM__HTTP_##name,
    TDM__HTTP_METHODS(TDM__HTTP_METHOD_ENUM)
#undef TDM__HTTP_METHOD_ENUM
    TDM__HTTP_METHOD_COUNT
} tdm__http_method;
const char *tdm__http_method_name(unsigned method);

/* Fields that somebody reads. A field that is not here is checked and forgotten. `once`: standing twice is
 * TDM_HTTP_SYNTAX; the others' values are taken as one list, of which the machine keeps the first.
 *   enum name        name, lower case                   once */
#define TDM__HTTP_FIELDS(X)                                        \
    X(HOST,             "host",                            true)  \
    X(CONNECTION,       "connection",                      false) \
    X(CONTENT_LENGTH,   "content-length",                  true)  \
    X(TRANSFER_ENCODING, "transfer-encoding",              true)  \
    X(EXPECT,           "expect",                          true)  \
    X(CONTENT_TYPE,     "content-type",                    true)  \
    X(CONTENT_ENCODING, "content-encoding",                true)  \
    X(ACCEPT_ENCODING,  "accept-encoding",                 true)  \
    X(DEADLINE,         "tandem-deadline-ms",              true)  \
    X(TENSOR_HEADER,    "inference-header-content-length", true)

typedef enum tdm__http_field {
#define TDM__HTTP_FIELD_ENUM(name, text, once) TDM__HTTP_##name,
    TDM__HTTP_FIELDS(TDM__HTTP_FIELD_ENUM)
#undef TDM__HTTP_FIELD_ENUM
    TDM__HTTP_FIELD_COUNT
} tdm__http_field;

typedef struct tdm__http_limits {
    uint32_t head_bytes_max, headers_max, target_bytes_max;
    uint64_t body_bytes_max;
} tdm__http_limits;

/* One request. All texts are views, valid until the reader is called again or its bytes are gone. */
typedef struct tdm__http_request {
    uint8_t method;        /* tdm__http_method */
    uint8_t minor;         /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;       /* the connection may go on after the answer */
    tdm_str path, query;   /* as sent, still percent-encoded; the query without its '?' */
    tdm_str field[TDM__HTTP_FIELD_COUNT]; /* trimmed; ptr NULL when absent */
    tdm_str body;          /* de-chunked; still in its content coding */
    size_t wire_bytes;     /* that the request took on the wire */
} tdm__http_request;

typedef enum tdm__http_step {
    TDM__HTTP_MORE,        /* all bytes given were taken; the request is not whole yet (or none has begun) */
    TDM__HTTP_REQUEST,     /* *request is filled */
    TDM__HTTP_CONTINUE,    /* the client waits for "100 Continue": send it (or refuse and close), then go on. *request has
                            * the head; its body is empty yet. At most once a request, and only with *in empty */
    TDM__HTTP_FAULT        /* *err is filled: answer it with its status and close; the reader takes nothing more: *in is
                            * emptied, and every later call is a fault too */
} tdm__http_step;

/* Where a request stands, for time limits and for telling an idle connection from a slow one. After a request was handed
 * out, and before the first byte of a request line, it is TDM__HTTP_IDLE. */
typedef enum tdm__http_phase { TDM__HTTP_IDLE, TDM__HTTP_IN_HEAD, TDM__HTTP_IN_BODY, TDM__HTTP_FAILED } tdm__http_phase;

/* Everything below, down to the reader, belongs to the machine: nobody else looks inside. */
typedef struct tdm__http_span {
    uint32_t at, len; /* of the head's bytes: a head that is kept moves when it grows */
} tdm__http_span;

/* A head as far as it was read (http_head.c). {0} is a fresh one. */
typedef struct tdm__http_head {
    uint32_t line;            /* where the line at work begins; at last, the length of the head */
    uint32_t scanned;         /* up to here that line was searched for its end */
    uint32_t headers;         /* field lines so far */
    uint32_t present;         /* bit i: field[i] is set */
    uint64_t content_length;
    uint8_t method, minor;
    bool blank, started;      /* an empty line came first; the request line was read */
    bool close, keep_alive;   /* named by Connection */
    bool chunked, expects;    /* the framing; "100-continue" is asked for */
    tdm__http_span path, query;
    tdm__http_span field[TDM__HTTP_FIELD_COUNT];
} tdm__http_head;

/* A chunked body as far as it was read (http_body.c). {0} is a fresh one. */
typedef struct tdm__http_chunks {
    uint64_t left;            /* of the present chunk's size or data */
    uint64_t body_bytes;      /* announced by all chunks so far */
    uint64_t extension_bytes; /* of all chunks so far */
    uint32_t line_bytes;      /* of the present extension, size or trailer's name, by state */
    uint32_t trailer_bytes;
    uint32_t trailer_match;   /* bit i: the trailer's name may still become that of field i */
    uint8_t state;
} tdm__http_chunks;

typedef struct tdm__http_reader {
    const tdm__http_limits *limits;
    tdm__buf kept;            /* a request that arrives in parts: its head as it came, then its body de-chunked */
    uint64_t body_left;       /* of a Content-Length: bytes yet to come */
    uint64_t wire_bytes;      /* taken of the request at work */
    uint8_t phase;            /* tdm__http_phase */
    bool continued;           /* TDM__HTTP_CONTINUE was told for it */
    bool done;                /* the request in `kept` was handed out: forget it at the next call */
    tdm__http_head head;
    tdm__http_chunks chunks;
} tdm__http_reader;

/* {0} with the limits set is a fresh reader. The limits outlive it. */
void tdm__http_reader_init(tdm__http_reader *reader, const tdm__http_limits *limits);
void tdm__http_reader_free(tdm__http_reader *reader);
/* Goes one step on. Takes what it needs from the front of *in (a view of at least as long a life as the request's) and
 * moves *in behind it; what is left belongs to the next request and is given again. TDM__HTTP_FAULT for lack of memory
 * too (TDM_NO_MEMORY). One thread at a time. */
tdm__http_step tdm__http_next(tdm__http_reader *reader, tdm_str *in, tdm__http_request *request, tdm_error *err);
/* Whether the request that was handed out last lies in the reader, until the next step; else it lies in the bytes given. */
bool tdm__http_reader_keeps(const tdm__http_reader *reader);
/* Bytes that the reader holds on to. */
size_t tdm__http_reader_held(const tdm__http_reader *reader);

/* ---- parts of a target ---- */

/* Undoes percent-encoding into `out` (size bytes); *n its length. False: a '%' without two digits, a NUL, or too long. '+'
 * is a plus. */
bool tdm__percent_decode(tdm_str text, char *out, size_t size, size_t *n);
/* Takes the first segment off a path: "/v1/decide/x" gives "v1" and leaves "/decide/x"; a slash at the end gives an empty
 * segment. False at the end, and for what does not begin with a slash. */
bool tdm__path_next(tdm_str *path, tdm_str *segment);

/* ---- answers ---- */

/* What a head needs; everything else of an answer is its body. */
typedef struct tdm__http_answer {
    int status;
    const char *type;           /* "application/json"; NULL: no type. A 204 has no Content-Length either */
    bool close;                 /* says "Connection: close" */
    bool keep_alive_10;         /* says "Connection: keep-alive", which 1.0 needs */
    tdm_str extra;              /* whole header lines with their CRLF */
} tdm__http_answer;
/* Appends the head of an answer with `length` bytes of body. */
void tdm__http_write_head(tdm__buf *out, const tdm__http_answer *answer, uint64_t length);
/* "Not Found"; "" for one that is not known. */
const char *tdm__http_reason(int status);
extern const char tdm__http_continue_line[]; /* "HTTP/1.1 100 Continue\r\n\r\n" */

/* ---- answers as a client reads them: our own command line asking our own server ---- */

/* Reads an answer bit by bit: head, then body bytes de-chunked. {0} is a fresh one. Interim answers (100 Continue) are
 * skipped. One that has neither a length nor chunks ends with the connection: then `done` stays false. Not for answers to
 * HEAD. */
typedef struct tdm__http_response {
    int status;                 /* once the head is whole; else 0 */
    bool done;                  /* the body is complete: what comes after it is a fault */
    bool chunked;
    uint64_t left;              /* of the body; UINT64_MAX: up to the end of the connection */
    tdm__http_chunks chunks;
    tdm__buf head;
} tdm__http_response;
/* Takes all of `in`, appends body bytes to `body`. TDM_HTTP_SYNTAX, TDM_NO_MEMORY. */
tdm_status tdm__http_response_take(tdm__http_response *response, tdm_str in, tdm__buf *body, tdm_error *err);
void tdm__http_response_free(tdm__http_response *response);

#endif
