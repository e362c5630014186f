/* A list of diagnostics as one text: what the golden texts of the manifest and source tests are compared with. */
#ifndef TANDEM_TESTS_FAULT_TEXT_H
#define TANDEM_TESTS_FAULT_TEXT_H

#include "base/text.h"
#include "support.h"

/* Each fault as the program prints it, with its excerpt indented by two. Free with tdm__buf_free. */
static inline const char *fault_text(const tdm_diagnostics *list, tdm__buf *out)
{
    tdm__buf_reset(out);
    for (size_t i = 0; i < tdm_diagnostics_count(list); i++) {
        char line[2048];
        tdm_error_format(tdm_diagnostics_error(list, i), line, sizeof line);
        tdm__buf_printf(out, "%s\n", line);
        const char *excerpt = tdm_diagnostics_excerpt(list, i);
        for (const char *p = excerpt; *p;) {
            size_t n = strcspn(p, "\n");
            tdm__buf_printf(out, "  %.*s\n", (int)n, p);
            p += n + (p[n] == '\n');
        }
    }
    const char *z = tdm__buf_z(out);
    assert_non_null(z);
    return z;
}

#endif
