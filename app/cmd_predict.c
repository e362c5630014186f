/* predict. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "print.h"

enum { ANSWER_BYTES = 16 << 10 };

/* Whether a name was given before; the same name twice would leave it to chance which one counts. */
static bool is_known(const tdm_named_text *known, int n, const char *name, size_t length)
{
    for (int i = 0; i < n; i++)
        if (known[i].name.len == length && !memcmp(known[i].name.ptr, name, length))
            return true;
    return false;
}

/* "K=V" options as names and texts. */
static tdm_status split_pairs(const context *c, const char *option, tdm_named_text *out, size_t *n, tdm_error *err)
{
    int given;
    const char *const *text = option_values(c, option, &given);
    for (int i = 0; i < given; i++) {
        const char *equals = strchr(text[i], '=');
        bool twice = equals && is_known(out, i, text[i], (size_t)(equals - text[i]));
        if (!equals || equals == text[i] || twice) {
            char where[32];
            snprintf(where, sizeof where, "--%s", option);
            tdm_status s =
                usage_error(err, where, twice ? "the same name is given twice" : "the value is not NAME=VALUE");
            snprintf(err->found, sizeof err->found, "\"%.80s\"", text[i]);
            return s;
        }
        out[i] =
            (tdm_named_text){.name = {text[i], (size_t)(equals - text[i])}, .text = {equals + 1, strlen(equals + 1)}};
    }
    *n = (size_t)given;
    return TDM_OK;
}

/* The answer as a text; a second try gets the room that the first one lacked. */
static tdm_status ask(tdm_predictor *predictor, const tdm_question *question, tdm_text *out, tdm_error *err)
{
    char small[ANSWER_BYTES];
    size_t length;
    tdm_status s = tdm_predict(predictor, question, small, sizeof small, &length, err);
    if (s || length < sizeof small) {
        tdm_text_add(out, s ? "" : small);
        return s;
    }
    while (!out->failed && out->len < length + 64) /* room, and some for an age that grew by a digit */
        tdm_text_addn(out, small, sizeof small);
    if (out->failed)
        return TDM_OK; /* print_text says so */
    s = tdm_predict(predictor, question, out->ptr, out->len, &length, err);
    out->len = s ? 0 : length;
    return s;
}

COMMAND(command_predict)
{
    static tdm_named_text key[VALUES_MAX], set[VALUES_MAX];
    tdm_question question = {.key = key,
                             .set = set,
                             .explain = option_given(c, "features"),
                             .golden = option_given(c, "golden")};
    tdm_predictor *predictor = NULL;
    tdm_text out = {0};
    if (question.golden && question.explain)
        return usage_error(err, "--golden", "a golden row has its features already; leave --features out");
    tdm_status s = split_pairs(c, "key", key, &question.n_keys, err);
    if (!s)
        s = split_pairs(c, "set", set, &question.n_set, err);
    if (!s)
        s = option_instant(c, "as-of", &question.has_as_of, &question.as_of_us, err);
    if (!s)
        s = open_home(c, err);
    if (!s)
        s = tdm_predictor_open(c->home, c->argument[0], &predictor, err);
    if (!s)
        s = ask(predictor, &question, &out, err);
    tdm_predictor_close(&predictor);
    if (s) {
        tdm_text_free(&out);
        return s;
    }
    tdm_text_add(&out, "\n");
    return print_text(&out, err);
}
