/* What the files of the HTTP machine share: classes of bytes, a head read line by line, chunks read byte by byte.
 *
 * Both readers may be given their bytes in any pieces. Whether and how they fail depends only on the bytes from the
 * start up to the first bad one, never on how these were cut: what is checked only at the end of a line is not looked at
 * before, and what is refused in the middle of one is looked for first. */
#ifndef TDM_NET_HTTP_IMPL_H
#define TDM_NET_HTTP_IMPL_H

#include "net/http.h"

enum {
    TDM__BYTE_TOKEN = 1,  /* of a method or a field's name */
    TDM__BYTE_TARGET = 2, /* of a request's target */
    TDM__BYTE_HOST = 4,   /* of a host with its port */
    TDM__BYTE_PLAIN = 8   /* no control byte; a tab is none */
};
extern const uint8_t tdm__http_class[256];

static inline bool tdm__http_is(char c, unsigned class)
{
    return (tdm__http_class[(unsigned char)c] & class) != 0;
}

/* All of `text` is of the class. */
bool tdm__http_all(tdm_str text, unsigned class);
/* Equal but for the case of ASCII letters; `lower` is in lower case. */
bool tdm__http_same(tdm_str text, const char *lower);
/* The field of this name, which is a token; TDM__HTTP_FIELD_COUNT when nobody reads it. */
unsigned tdm__http_field_of(tdm_str name);
/* Name of a field, lower case. */
extern const char *const tdm__http_field_names[TDM__HTTP_FIELD_COUNT];
/* 1*DIGIT of at most 2^64-1. */
bool tdm__http_number(tdm_str text, uint64_t *out);

/* The first control byte in [p, end), else end. The plain form is the meaning of the fast one. */
const char *tdm__http_line_end(const char *p, const char *end);
const char *tdm__http_line_end_plain(const char *p, const char *end);

typedef enum tdm__http_part { TDM__PART_MORE, TDM__PART_DONE, TDM__PART_FAULT } tdm__http_part;

/* Reads on in a head of which `text` is everything that came so far, from the request's first byte on; there may be more
 * behind the head. DONE: head->line is its length, and all that can be said of it alone was checked. */
tdm__http_part tdm__http_head_take(tdm__http_head *head, tdm_str text, const tdm__http_limits *limits, tdm_error *err);
/* The request as its head tells it; `base` is where the head lies. Body and wire_bytes are left empty. */
void tdm__http_head_fill(const tdm__http_head *head, const char *base, tdm__http_request *out);

/* Bounds of a chunked body. */
typedef struct tdm__http_chunk_limits {
    uint64_t body_bytes_max;
    uint32_t trailer_bytes_max;
} tdm__http_chunk_limits;

/* Reads on, until a piece of data is there (MORE, piece->len > 0: a view into *in), until *in is empty (MORE, piece->len
 * is 0), or to the end of the body (DONE). Moves *in behind what it took. */
tdm__http_part tdm__http_chunks_take(tdm__http_chunks *chunks, tdm_str *in, const tdm__http_chunk_limits *limits,
                                     tdm_str *piece, tdm_error *err);

#endif
