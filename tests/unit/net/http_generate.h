/* Streams of requests by a grammar, some of them damaged afterwards. */
#ifndef TANDEM_TESTS_HTTP_GENERATE_H
#define TANDEM_TESTS_HTTP_GENERATE_H

#include "base/random.h"
#include "base/text.h"

/* Replaces `out` by one to three requests, in a third of the cases with one to three mutations. */
void http_generate(tdm__random *random, tdm__buf *out);

#endif
