/* Releases: immutable, content-addressed packages of features, models, promises and policy. */
#ifndef TANDEM_RELEASE_H
#define TANDEM_RELEASE_H

#include <tandem/home.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tdm_release tdm_release;

typedef struct tdm_release_feature {
    const char *name, *type; /* "f64 min" */
    const char *definition;  /* "request", "column schedule.origin", "expr hour(...)" */
    bool required, has_default;
} tdm_release_feature;
typedef struct tdm_release_model {
    const char *name, *file, *kind;
    size_t n_inputs, n_outputs, n_trees;
} tdm_release_model;
typedef struct tdm_release_prediction {
    const char *name, *model;
    size_t output;
    bool raw;
    double low, high;
} tdm_release_prediction;
typedef struct tdm_release_file { const char *path, *sha256; uint64_t bytes; } tdm_release_file;
typedef struct tdm_release_setting { const char *name, *text; } tdm_release_setting; /* "promise.p99": "5ms" */
typedef struct tdm_release_info {
    char id[65];
    const char *name, *entity;
    const char *const *key;          /* key columns */
    size_t n_key;
    const tdm_release_feature *feature;
    size_t n_features;
    const tdm_release_model *model;
    size_t n_models;
    const tdm_release_prediction *prediction;
    size_t n_predictions;
    const tdm_release_file *file;    /* none after a check: only a packed release has digests */
    size_t n_files;
    const tdm_release_setting *setting;
    size_t n_settings;
    const char *const *note;         /* what a reader should know: unused features, a zone taken from the system */
    size_t n_notes;
    int64_t packed_us;               /* when this home got it; 0 after a check */
} tdm_release_info;
TDM_API const tdm_release_info *tdm_release_describe(const tdm_release *release);
TDM_API void tdm_release_close(tdm_release **release);

/* Checks a release folder against the home's sources, changing nothing. All errors at once in `diagnostics`
 * (TDM_MANIFEST). *out may be NULL. */
TDM_API tdm_status tdm_release_check(tdm_home *home, const char *dir, tdm_diagnostics *diagnostics, tdm_release **out,
                                     tdm_error *err);
/* Checks and freezes it into the home. The same input gives the same id on any machine; packing again changes nothing.
 */
TDM_API tdm_status tdm_release_pack(tdm_home *home, const char *dir, tdm_diagnostics *diagnostics, tdm_release **out,
                                    tdm_error *err);
/* Opens by id, unique prefix of one (8 digits or more), or name (then its newest). Verifies every digest. TDM_NOT_FOUND
 * with a hint, TDM_CORRUPT. */
TDM_API tdm_status tdm_release_open(tdm_home *home, const char *release, tdm_release **out, tdm_error *err);

typedef struct tdm_release_entry { char id[65]; char name[65]; int64_t packed_us; bool current; } tdm_release_entry;
/* All of the home, newest first. *out is freed with tdm_release_entries_free. */
TDM_API tdm_status tdm_release_list(tdm_home *home, tdm_release_entry **out, size_t *n, tdm_error *err);
TDM_API void tdm_release_entries_free(tdm_release_entry **entries);

/* Makes a starter folder for a trained model: release.yaml, the model, a README. `dir` must not exist or be empty
 * (TDM_EXISTS). */
TDM_API tdm_status tdm_release_new(const char *dir, const char *model_path, const char *format, tdm_error *err);

#ifdef __cplusplus
}
#endif
#endif
