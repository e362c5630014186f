/* What the files of the manifest's parser share: faults, the key table as a walker's table, and typed reading.
 *
 * Readers leave *out alone when the key is absent or was faulted, so that defaults are set first and stay. */
#ifndef TDM_RELEASE_MANIFEST_IMPL_H
#define TDM_RELEASE_MANIFEST_IMPL_H

#include "release/manifest.h"

typedef struct tdm__manifest_reader {
    tdm__manifest *m;
    tdm__yaml_doc *doc; /* m's */
    tdm__arena *arena;
} tdm__manifest_reader;

/* A text from outside in a sentence: the arguments of "%.*s", cut to 64 bytes. */
#define TDM__SHOWN(s) (int)((s).len < 64 ? (s).len : 64), (s).ptr

void tdm__manifest_fault(tdm__manifest_reader *r, tdm__place *at, const char *format, ...) TDM_PRINTF(3, 4);
/* "NAME is not WHAT: expected EXPECTED, found the node's text". */
void tdm__manifest_wrong(tdm__manifest_reader *r, tdm__place *at, const char *name, const char *what,
                         const char *expected);
/* The same with "did you mean" among n texts. */
void tdm__manifest_not_among(tdm__manifest_reader *r, tdm__place *at, const char *what, const char *const *names,
                             size_t n);
/* Checks a map against the section of the key table; false when it is not a map. */
bool tdm__manifest_section(tdm__manifest_reader *r, tdm__place *node, const char *section, const char *what);

/* The scalar under a key; NULL when absent or of another shape (which the section's check has faulted). An empty
 * value is a fault. */
tdm__place *tdm__manifest_scalar(tdm__manifest_reader *r, tdm__place *map, const char *key);
void tdm__manifest_duration(tdm__manifest_reader *r, tdm__place *map, const char *key, int64_t *out);
void tdm__manifest_percent(tdm__manifest_reader *r, tdm__place *map, const char *key, double *out);
void tdm__manifest_count(tdm__manifest_reader *r, tdm__place *map, const char *key, uint64_t max, uint64_t *out);
bool tdm__manifest_number(tdm__manifest_reader *r, tdm__place *at, const char *name, double *out);
/* A name as tdm__name_valid has it. */
bool tdm__manifest_name(tdm__manifest_reader *r, tdm__place *at, const char *what, tdm_str *out);
/* A name as tdm__label_valid has it. */
bool tdm__manifest_label(tdm__manifest_reader *r, tdm__place *at, const char *what, tdm_str *out);
/* The path of a file of the release: relative, inside the folder, not one of packing's own. */
tdm__place *tdm__manifest_file(tdm__manifest_reader *r, tdm__place *map, const char *key, tdm_str *out);
tdm__place *tdm__manifest_type(tdm__manifest_reader *r, tdm__place *map, const char *key, tdm_type *out);

/* The sections. Each reports its faults and returns TDM_OK or TDM_NO_MEMORY. */
tdm_status tdm__manifest_features(tdm__manifest_reader *r, tdm__place *map);
tdm_status tdm__manifest_models(tdm__manifest_reader *r, tdm__place *root);
tdm_status tdm__manifest_policies(tdm__manifest_reader *r, tdm__place *root);

#endif
