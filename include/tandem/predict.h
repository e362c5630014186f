/* One answer, computed now, without a server: the online path's engine in a call. */
#ifndef TANDEM_PREDICT_H
#define TANDEM_PREDICT_H

#include <tandem/home.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A release opened for answering: digests verified, models loaded, source tables mapped, pinned to the epoch and log
 * position of its opening. */
typedef struct tdm_predictor tdm_predictor;
TDM_API tdm_status tdm_predictor_open(tdm_home *home, const char *release, tdm_predictor **out, tdm_error *err);
TDM_API void tdm_predictor_close(tdm_predictor **predictor);

typedef struct tdm_named_text { tdm_str name, text; } tdm_named_text;
typedef struct tdm_question {
    const tdm_named_text *key;   /* key columns, or the entity's name for a single one */
    size_t n_keys;
    const tdm_named_text *set;   /* request features, as text */
    size_t n_set;
    bool has_as_of;
    int64_t as_of_us;            /* else: now */
    bool explain;                /* adds "features" to the answer */
    bool golden;                 /* writes a row for the release's golden file instead of an answer (see below) */
} tdm_question;
/* Writes the answer as one JSON object (CONTRACT: An answer) to `out` (`size` bytes, terminated); *len is its whole
 * length: when it is >= size nothing was written but a NUL. One thread at a time. Errors: TDM_FIELD_TYPE and so on for
 * the question, TDM_UNANSWERED when no rung could answer.
 *
 * With `golden` it writes {"as_of":...,"features":{...},"prediction":{...}}: every input that is not computed and has a
 * value, and what the prediction's own models give, to the bit. Errors then: why these models cannot answer
 * (TDM_FEATURE_MISSING, TDM_PREDICTION_RANGE, ...). */
TDM_API tdm_status tdm_predict(tdm_predictor *predictor, const tdm_question *question, char *out, size_t size,
                               size_t *len, tdm_error *err);

#ifdef __cplusplus
}
#endif
#endif
