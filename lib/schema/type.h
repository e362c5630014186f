/* Types and values as text: "f64? mi", "2013-06-01T10:00:00Z", "250us". */
#ifndef TDM_SCHEMA_TYPE_H
#define TDM_SCHEMA_TYPE_H

#include "base/memory.h"
#include "base/text.h"

/* Parses "KIND[(p[,s])][?] [UNIT]". TDM_SYNTAX with expected, found and a hint. */
tdm_status tdm__type_parse(tdm_str text, tdm_type *out, tdm_error *err);
/* The canonical spelling, at most 64 bytes with the NUL; returns the length. */
size_t tdm__type_format(const tdm_type *type, char out[64]);
bool tdm__type_equal(const tdm_type *a, const tdm_type *b);
const char *tdm__kind_name(unsigned kind);
/* Bytes that one value of the kind takes in a column: 1, 8, 4, 8, 16, 16 (tdm_str), 8. */
size_t tdm__kind_size(unsigned kind);

/* A text as a value of `type`: any form that CONTRACT allows. Never sets null or missing: those are the format's
 * business (an empty CSV field). Errors: TDM_FIELD_TYPE (not one), TDM_FIELD_RANGE (does not fit), TDM_TEXT_ENCODING;
 * err says expected and found. A string is a view of `text`. */
tdm_status tdm__value_parse(const tdm_type *type, tdm_str text, tdm_value *out, tdm_error *err);
/* A number from JSON or CSV for a numeric type, when the caller has its text: same rules as tdm__value_parse. */
/* Appends the value's text: shortest numbers, RFC 3339 with microseconds for timestamps, true/false; nothing for
 * null and missing. */
void tdm__value_format(const tdm_value *v, tdm__buf *out);
/* Appends as JSON: strings and timestamps quoted, decimals as strings, null for null and missing, NaN and infinities as
 * "nan", "inf", "-inf" in quotes. */
void tdm__value_json(const tdm_value *v, tdm__buf *out);
/* Same kind, presence and bits (NaNs with the same payload are equal, 0.0 and -0.0 are not). */
bool tdm__value_same(const tdm_value *a, const tdm_value *b);
/* As a double: bool 0/1, i64 and decimal correctly rounded, f32 widened; timestamp and string give false. */
bool tdm__value_as_f64(const tdm_value *v, double *out);

#endif
