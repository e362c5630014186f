/* A lane's inside, for the files that fill it and write from it. Private to lib/online. */
#ifndef TDM_ONLINE_LANE_IMPL_H
#define TDM_ONLINE_LANE_IMPL_H

#include "base/random.h"
#include "online/answer.h"
#include "online/lane.h"

struct tdm__lane {
    const tdm__servable *servable;
    size_t rows_max, rows;
    tdm__worker *worker;
    tdm__column *key, *request;
    const tdm__column **key_of, **request_of; /* the same, as the engine takes them */
    uint8_t *presence;                        /* of all columns: rows_max bytes each, keys first */
    size_t n_columns;
    tdm__answer *answer;                      /* one a row */
    tdm__answering answering;
    tdm__arena arena;                         /* as long as the lane */
    tdm__arena texts;                         /* one block */
    tdm_error fault;                          /* what the scanner fills while a question is read */
    tdm__random random;
    uint64_t millisecond;                     /* of the block's answers: the first 48 bits of their ids */
    char as_of[40];
    size_t as_of_len;
};

/* The key's check and the features of all rows; rows that were refused become missing in every column. *none: no row is
 * left to answer. Errors as tdm__lane_answer. */
tdm_status tdm__lane_features(tdm__lane *lane, int64_t as_of_us, bool *none, tdm_error *err);

/* "SECTION.NAME" as the place of an error. */
void tdm__question_where(tdm_error *error, const char *section, tdm_str name);
/* TDM_FIELD_UNKNOWN at SECTION.NAME ("keys", "features" or "": the question itself), with a hint when a known name is
 * near. */
tdm_status tdm__question_unknown(const char *section, tdm_str name, const tdm_str *known, size_t n, tdm_error *err);
/* TDM_BAD_INPUT: a part of the key, by its own name and the entity's. */
tdm_status tdm__question_twice(const char *section, tdm_str name, tdm_error *err);
/* A text as the value of a key part, in row `row`. */
tdm_status tdm__question_key_text(tdm__column *column, size_t row, tdm_str text, tdm_error *err);
/* Refuses the row when something of the release reads its key and a part has no value. */
tdm_status tdm__question_check_key(tdm__lane *lane, size_t row, tdm_error *err);

#endif
