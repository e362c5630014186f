/* Printing: formatted text, tables, errors, the progress bar. */
#ifndef TANDEM_APP_PRINT_H
#define TANDEM_APP_PRINT_H

#include <tandem/tandem.h>

void text_printf(tdm_text *out, const char *format, ...) TDM_PRINTF(2, 3);
/* Writes the text to standard output and frees it. */
tdm_status print_text(tdm_text *out, tdm_error *err);
/* To standard error, one line "tandem: ...". */
void message(const char *format, ...) TDM_PRINTF(1, 2);
/* "error: ..." on standard error, in the terminal's colours when it is one. */
void print_error(const tdm_error *err);
/* Every error that was found, by line, each with its excerpt. */
void print_diagnostics(const tdm_diagnostics *list);
enum { DIAGNOSTICS_MAX = 100 };
/* Fills `order` with the errors by line and column, and returns how many; checks run one after the other, but people
 * read from top to bottom. */
size_t diagnostics_order(const tdm_diagnostics *list, size_t order[DIAGNOSTICS_MAX]);

/* A usage error with where and what. */
tdm_status usage_error(tdm_error *err, const char *where, const char *what);

/* Columns of texts, aligned; numbers (by the first row) to the right. Row 0 is the header. */
enum { TABLE_COLUMNS_MAX = 10 };
typedef struct print_table {
    size_t n_columns, n_cells;
    tdm_text cells; /* each with a NUL behind it, row by row */
} print_table;
void table_cell(print_table *t, const char *format, ...) TDM_PRINTF(2, 3);
/* Appends the table to out and frees it. */
void table_print(print_table *t, tdm_text *out);

/* "1,234,567", "12.3 MB", "3 h 20 min ago" in a caller's buffer of 32 bytes, which is returned. */
const char *with_commas(uint64_t n, char out[32]);
/* "" for 1, else "s". */
const char *plural(uint64_t n);
const char *human_bytes(uint64_t n, char out[32]);
const char *human_age(int64_t us, char out[32]);
const char *instant_text(int64_t us, char out[48]);

/* The progress bar: drawn on a terminal once a second has passed; also what stops the work after an interrupt. */
typedef struct progress_bar {
    const char *what;
    double started, drawn;
    char stage[24];       /* that is drawn, and since when it goes on: what is left is of the stage */
    double stage_started;
    bool visible;
    unsigned columns;
    uint64_t written;
} progress_bar;
void progress_start(progress_bar *bar, const char *what);
/* A tdm_progress_fn; self is a progress_bar. */
bool progress_tell(void *self, const tdm_progress *p);
/* A tdm_write_fn to standard output that tells how much was written, and stops after an interrupt; self is a
 * progress_bar. The bar is drawn only where standard output is not the same terminal. */
tdm_status progress_write(void *self, const void *bytes, size_t n, tdm_error *err);
/* Wipes it. */
void progress_end(progress_bar *bar);

#endif
