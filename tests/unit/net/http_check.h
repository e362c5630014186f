/* What the tests and the fuzz target of the HTTP reader share: a stream's record, and llhttp as the oracle.
 *
 * A record is a text of everything that the reader said about a stream: equal texts, equal behaviour. */
#ifndef TANDEM_TESTS_HTTP_CHECK_H
#define TANDEM_TESTS_HTTP_CHECK_H

#include "net/http.h"

enum { HTTP_WHOLE = 0, HTTP_BYTES = 1 }; /* cuts; any other number is the seed of random ones */

extern const tdm__http_limits http_small_limits; /* so that short texts reach the bounds */
extern const tdm__http_limits http_usual_limits;

/* Gives the stream to a new reader in pieces, each in a block of its own, and appends the record. */
void http_record(tdm_str stream, const tdm__http_limits *limits, uint64_t cuts, tdm__buf *out);

/* Whether the library was built with llhttp. */
bool http_oracle_present(void);
/* Reads the stream by the reader and by llhttp. NULL when they agree: each request that the reader tells llhttp tells too,
 * with the same method, target, fields, body, keep-alive and end; and what llhttp takes and the reader refuses is one of
 * the exceptions below. Else a sentence, valid until the next call. */
const char *http_disagreement(tdm_str stream, const tdm__http_limits *limits);

/* Where the reader is stricter than llhttp on purpose: the sentence of the fault, and why. */
typedef struct http_exception {
    const char *what, *why;
    unsigned long met;
} http_exception;
extern http_exception http_exceptions[];
extern const size_t http_exceptions_n;

#endif
