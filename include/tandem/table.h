/* Prediction tables: what a run published. Immutable, numbered over the home, validated. */
#ifndef TANDEM_TABLE_H
#define TANDEM_TABLE_H

#include <tandem/home.h>
#include <tandem/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tdm_table tdm_table;

typedef struct tdm_gate_result {
    char name[32];      /* "coverage" */
    char limit[32];     /* "at least 99.9%" */
    char measured[48];  /* "100%"; "" when it did not apply */
    char why[96];       /* why it did not apply, or failed to be computed */
    bool passed, applied;
} tdm_gate_result;
enum { TDM_GATES_MAX = 40 };

typedef struct tdm_table_info {
    char name[16];           /* "v000001" */
    char release[65], service[65];
    char run[33];            /* 32 hex digits */
    char digest[17];         /* of the content, 16 hex digits */
    const char *const *key;  /* key columns */
    size_t n_key;
    const char *const *prediction;
    size_t n_predictions;
    uint64_t rows, rows_in, rows_quarantined, bytes;
    int64_t as_of_us, created_us;
    uint64_t snapshot;       /* log position */
    const char *population;
    size_t n_gates;
    tdm_gate_result gate[TDM_GATES_MAX];
    const double *mean;      /* of each prediction, for the report */
} tdm_table_info;

/* Opens "v000001" or "RELEASE/v000001"; reads its header only. TDM_NOT_FOUND, TDM_CORRUPT. Any number of threads look
 * up in one. */
TDM_API tdm_status tdm_table_open(tdm_home *home, const char *table, tdm_table **out, tdm_error *err);
TDM_API void tdm_table_close(tdm_table **table);
TDM_API const tdm_table_info *tdm_table_describe(const tdm_table *table);
/* Looks up a key ("a|b" for several columns, with \| and \\ inside a part; a key of one column may be written as it
 * is); `out` has n_predictions values, valid until the table closes.
 * TDM_NOT_FOUND, TDM_CORRUPT (the record's or bucket's check failed). */
TDM_API tdm_status tdm_table_get(const tdm_table *table, tdm_str key, tdm_value *out, tdm_error *err);
/* Reads all of it and checks every digest. */
TDM_API tdm_status tdm_table_verify(const tdm_table *table, tdm_error *err);
typedef enum tdm_export_format { TDM_EXPORT_CSV, TDM_EXPORT_JSONL } tdm_export_format;
/* Key columns, then predictions, in the population's order. */
TDM_API tdm_status tdm_table_export(const tdm_table *table, tdm_export_format format, tdm_write_fn write, void *self,
                                    tdm_error *err);

typedef struct tdm_table_list tdm_table_list;
TDM_API tdm_status tdm_tables(tdm_home *home, tdm_table_list **out, tdm_error *err);
TDM_API size_t tdm_table_count(const tdm_table_list *list);
/* Newest first; NULL when out of range. A table that cannot be read is listed with rows 0 and its error in *err (may be
 * NULL). */
TDM_API const tdm_table_info *tdm_table_at(const tdm_table_list *list, size_t i, tdm_error *err);
TDM_API void tdm_table_list_close(tdm_table_list **list);

#ifdef __cplusplus
}
#endif
#endif
