/* What the public API tells of a release, copied out of its package. */
#ifndef TDM_RELEASE_RELEASE_INFO_H
#define TDM_RELEASE_RELEASE_INFO_H

#include <tandem/release.h>
#include "release/package.h"

tdm_status tdm__release_info_new(const tdm__package *package, int64_t packed_us, tdm_release **out, tdm_error *err);
/* Replaces the notes: those of a check, which a package that is opened does not have. */
tdm_status tdm__release_info_note(tdm_release *release, const char *const *note, size_t n, tdm_error *err);

#endif
