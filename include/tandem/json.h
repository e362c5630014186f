/* Writing JSON and numbers: what programs that use the library print with, so that its output and theirs are alike. */
#ifndef TANDEM_JSON_H
#define TANDEM_JSON_H

#include <tandem/status.h>
#include <tandem/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A growing text. {0} is empty. After an append failed for lack of memory `failed` stays set. */
typedef struct tdm_text { char *ptr; size_t len, cap; bool failed; } tdm_text;
TDM_API void tdm_text_free(tdm_text *t);
TDM_API void tdm_text_add(tdm_text *t, const char *z);
TDM_API void tdm_text_addn(tdm_text *t, const char *p, size_t n);

/* A writer that puts commas and names where they belong; depth at most 32. name NULL inside lists. */
typedef struct tdm_json { tdm_text *out; uint64_t has_items; unsigned depth; } tdm_json;
TDM_API void tdm_json_begin(tdm_json *j, const char *name, char bracket); /* '{' or '[' */
TDM_API void tdm_json_end(tdm_json *j, char bracket);                     /* '}' or ']' */
TDM_API void tdm_json_text(tdm_json *j, const char *name, const char *z); /* NULL z: null */
TDM_API void tdm_json_str(tdm_json *j, const char *name, tdm_str s);
TDM_API void tdm_json_u64(tdm_json *j, const char *name, uint64_t v);
TDM_API void tdm_json_i64(tdm_json *j, const char *name, int64_t v);
TDM_API void tdm_json_f64(tdm_json *j, const char *name, double v);       /* shortest; NaN and infinities as texts */
TDM_API void tdm_json_bool(tdm_json *j, const char *name, bool v);
TDM_API void tdm_json_value(tdm_json *j, const char *name, const tdm_value *v);
TDM_API void tdm_json_instant(tdm_json *j, const char *name, int64_t us); /* RFC 3339 with microseconds */
TDM_API void tdm_json_error(tdm_json *j, const char *name, const tdm_error *e);

/* Values as text for tables and messages. */
TDM_API void tdm_text_value(tdm_text *t, const tdm_value *v);
TDM_API void tdm_text_f64(tdm_text *t, double v);
TDM_API void tdm_text_instant(tdm_text *t, int64_t us);
/* RFC 3339 with a zone; false when it is not. */
TDM_API bool tdm_instant_read(tdm_str text, int64_t *us);
/* A number, the whole of the text, correctly rounded in any locale; false when it is not one. */
TDM_API bool tdm_f64_read(tdm_str text, double *out);
TDM_API int64_t tdm_now_us(void);

#ifdef __cplusplus
}
#endif
#endif
