/* Requests, answers and parts of targets from any bytes.
 *
 * The reader gets the input whole, byte by byte and in pieces chosen by the input's own bytes, under small and usual
 * limits: the records must be equal, and llhttp, where it was built in, must not disagree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/http.h"
#include "net/http_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static uint64_t seed_of(tdm_str input)
{
    uint64_t seed = 2;
    for (size_t i = 0; i < input.len; i++)
        seed = (seed ^ (unsigned char)input.ptr[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return seed | 2;
}

static void check_cuts(tdm_str input, const tdm__http_limits *limits)
{
    const uint64_t cuts[] = {HTTP_BYTES, seed_of(input), seed_of(input) + 1};
    tdm__buf whole = {0}, cut = {0};
    http_record(input, limits, HTTP_WHOLE, &whole);
    must(!whole.failed);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        tdm__buf_reset(&cut);
        http_record(input, limits, cuts[i], &cut);
        must(whole.len == cut.len && memcmp(whole.ptr, cut.ptr, cut.len) == 0);
    }
    tdm__buf_free(&whole);
    tdm__buf_free(&cut);
}

/* Status, body and whether it is done; or the fault. */
static void take_answer(tdm_str input, size_t step, tdm__buf *out)
{
    tdm__http_response response = {0};
    tdm_error err = {0};
    tdm_status status = TDM_OK;
    for (size_t at = 0; at < input.len && !status; at += step)
        status = tdm__http_response_take(&response, tdm__strn(input.ptr + at, input.len - at < step ? input.len - at : step),
                                         out, &err);
    if (status)
        tdm__buf_reset(out);
    tdm__buf_printf(out, " %d %d %d %s", status, status ? 0 : response.status, !status && response.done, err.what);
    tdm__http_response_free(&response);
}

static void check_answer(tdm_str input)
{
    tdm__buf whole = {0}, cut = {0};
    take_answer(input, input.len + 1, &whole);
    take_answer(input, 1, &cut);
    must(!whole.failed && whole.len == cut.len && memcmp(whole.ptr, cut.ptr, cut.len) == 0);
    tdm__buf_free(&whole);
    tdm__buf_free(&cut);
}

/* Decoded bytes encoded again and decoded are the same; segments with their slashes are the path. */
static void check_target(tdm_str input)
{
    char decoded[64], again[64], encoded[3 * sizeof decoded + 1];
    size_t n, m, taken = 0;
    if (tdm__percent_decode(input, decoded, sizeof decoded, &n)) {
        for (size_t i = 0; i < n; i++)
            snprintf(encoded + 3 * i, 4, "%%%02x", (unsigned char)decoded[i]);
        must(tdm__percent_decode(tdm__strn(encoded, 3 * n), again, sizeof again, &m));
        must(m == n && memcmp(again, decoded, n) == 0);
    }
    tdm_str path = input, segment;
    while (tdm__path_next(&path, &segment))
        taken += 1 + segment.len;
    must(taken + path.len == input.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm_str input = tdm__strn((const char *)data, size);
    if (size > 1 << 16)
        return 0;
    check_cuts(input, &http_small_limits);
    check_cuts(input, &http_usual_limits);
    const char *differs = http_disagreement(input, &http_usual_limits);
    if (differs)
        fprintf(stderr, "%s\n", differs);
    must(!differs && !http_disagreement(input, &http_small_limits));
    check_answer(input);
    check_target(input);
    return 0;
}
