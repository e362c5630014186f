/* A table's manifest as JSON and back. Private to lib/table. */
#ifndef TDM_TABLE_TABLE_MANIFEST_H
#define TDM_TABLE_TABLE_MANIFEST_H

#include <jansson.h>
#include "table/tables.h"

/* NULL when out of memory. */
json_t *tdm__table_manifest_write(const tdm_table_info *info, const tdm__spread *spread);
/* Fills info and spread of the table from a document read from `path`; texts lie in the table's arena. */
tdm_status tdm__table_manifest_read(const json_t *root, const char *path, tdm_table *table, tdm_error *err);

#endif
