/* What a list of diagnostics is: status.c owns it, fail.c fills it. Nobody else includes this. */
#ifndef TDM_BASE_DIAGNOSTICS_IMPL_H
#define TDM_BASE_DIAGNOSTICS_IMPL_H

#include <tandem/status.h>

enum { TDM__DIAGNOSTICS_MAX = 100, TDM__EXCERPT_BYTES = 512 };

typedef struct tdm__diagnostic {
    tdm_error error;
    char excerpt[TDM__EXCERPT_BYTES]; /* two lines, or empty */
} tdm__diagnostic;

struct tdm_diagnostics {
    tdm__diagnostic *entries;
    size_t n, cap; /* kept */
    size_t total;  /* found */
};

#endif
