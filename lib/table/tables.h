/* Prediction tables: publish, open, look up, list.
 *
 * A table is a folder tables/v000001 with a store (lib/store: the records) and a manifest (a sealed document, written
 * last: then the table exists). Nobody sees less than all of it. Whether a table may be served (gates, age, release) is
 * batch's and release's business. docs/formats/table.md tells the manifest. */
#ifndef TDM_TABLE_TABLES_H
#define TDM_TABLE_TABLES_H

#include <tandem/table.h>
#include "state/home.h"
#include "store/store.h"

/* How the values of one prediction were spread: what PSI compares. Bins are equal parts of [low, high]; without finite
 * ends, equal parts of asinh(x) in [-32, 32]. */
enum { TDM__SPREAD_BINS = 64 };
typedef struct tdm__spread {
    double low, high;   /* the prediction's range, may be infinite */
    double sum;         /* in the table's order */
    uint64_t n;
    uint64_t bin[TDM__SPREAD_BINS];
} tdm__spread;
void tdm__spread_add(tdm__spread *spread, double value);
/* The population stability index of `now` against `before`, each bin smoothed by half a row; NaN when the ranges differ
 * or one of them is empty. */
double tdm__spread_psi(const tdm__spread *before, const tdm__spread *now);

struct tdm_table {
    tdm_table_info info;
    tdm__spread *spread;  /* one a prediction */
    tdm__store *store;
    tdm__arena arena;
};

/* The store's path and the number for the next table: the writer's lock must be held. Makes the folder. */
tdm_status tdm__table_reserve(tdm_home *home, char name[16], char store_path[TDM__PATH_MAX], tdm_error *err);
/* Removes a table's folder that was reserved and not published. Never fails. */
void tdm__table_discard(tdm_home *home, const char *name);
/* Writes the manifest: the table exists. Name and store must be those reserved. */
tdm_status tdm__table_publish(tdm_home *home, const tdm_table_info *info, const tdm__spread *spread, tdm_error *err);
/* Whether the table is known to be of another release than `release`, though its manifest cannot be read: a file beside
 * the manifest says whose it is. */
bool tdm__table_of_other(tdm_home *home, const char *name, const char *release);
/* Makes sure that a table which can be seen survives a loss of power. It does since it was published, unless that
 * failed in its last step; so whoever acknowledges a table that he found calls this. */
tdm_status tdm__table_settle(tdm_home *home, const char *name, tdm_error *err);
/* Every published table's name, oldest first. */
tdm_status tdm__table_names(tdm_home *home, tdm__names *out, tdm_error *err);
/* Opens by its bare name. Checks that the store is the one that was published (its digest). */
tdm_status tdm__table_open_name(tdm_home *home, const char *name, tdm_table **out, tdm_error *err);
/* The newest table that `match` accepts, opened; TDM_NOT_FOUND when none is. Damaged tables are passed over; one that
 * might be whole but cannot be read now (memory, the disk) is an error. */
tdm_status tdm__table_newest(tdm_home *home, bool (*match)(const void *self, const tdm_table_info *info),
                             const void *self, tdm_table **out, tdm_error *err);
bool tdm__table_name_valid(const char *name);

#endif
