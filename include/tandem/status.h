/* Status codes and errors: the one table of everything that can go wrong.
 *
 * Every fallible function returns a tdm_status. The table below makes the enum, the stable code that
 * users see in JSON and in the quarantine ("csv_quote"), the exit code of the program, the HTTP status
 * of the server, and docs/reference/errors.md. Details go to a tdm_error that the caller owns.
 * Adding a code is adding a line; a code, once released, keeps its name and its meaning. */
#ifndef TANDEM_STATUS_H
#define TANDEM_STATUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TDM_API __attribute__((visibility("default")))
#define TDM_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define TDM_API
#define TDM_PRINTF(text, first)
#endif

/*      name              exit http  text                                                          */
#define TDM_STATUSES(X)                                                                              \
    X(  OK,               0,   200,  "done")                                                         \
    /* the work itself failed */                                                                     \
    X(  GATE_FAILED,      1,   409,  "a gate of the release refused the result")                     \
    X(  DIFFERS,          1,   409,  "two results that must be equal differ")                        \
    X(  QUARANTINE_FULL,  1,   409,  "more records were quarantined than the release allows")        \
    X(  UNANSWERED,       1,   422,  "no rung of the release could answer")                          \
    /* wrong usage */                                                                                \
    X(  USAGE,            2,   400,  "the command or call was used wrongly")                         \
    /* bad input: files, models, records */                                                          \
    X(  BAD_INPUT,        3,   400,  "the input is not what was expected")                           \
    X(  NOT_FOUND,        3,   404,  "there is no such thing")                                       \
    X(  CORRUPT,          3,   500,  "stored bytes do not match their digest")                       \
    X(  UNSUPPORTED,      3,   400,  "this is not supported")                                        \
    X(  TOO_LARGE,        3,   413,  "the input exceeds a limit")                                    \
    X(  SYNTAX,           3,   400,  "the text does not follow its format")                          \
    X(  MANIFEST,         3,   400,  "the manifest has errors")                                      \
    X(  EXPRESSION,       3,   400,  "the expression is not valid")                                  \
    X(  MODEL,            3,   400,  "the model file is not valid")                                  \
    X(  MISMATCH,         3,   409,  "schemas or fingerprints do not fit each other")                \
    /* one record that cannot be scored */                                                           \
    X(  CSV_QUOTE,        3,   400,  "a quoted field is not closed or is followed by text")          \
    X(  CSV_WIDTH,        3,   400,  "the record has another number of fields than the header")      \
    X(  JSON_SYNTAX,      3,   400,  "the record is not valid JSON")                                 \
    X(  TEXT_ENCODING,    3,   400,  "the text is not valid UTF-8")                                  \
    X(  RECORD_TOO_LONG,  3,   413,  "the record is longer than the limit")                          \
    X(  FIELD_TYPE,       3,   400,  "the field does not have its declared type")                    \
    X(  FIELD_RANGE,      3,   400,  "the field is outside what its type can hold")                  \
    X(  FIELD_NULL,       3,   400,  "the field may not be null")                                    \
    X(  FIELD_UNKNOWN,    3,   400,  "the field is not declared")                                    \
    X(  KEY_MISSING,      3,   400,  "the record has no key")                                        \
    X(  KEY_DUPLICATE,    3,   400,  "an earlier record of the population has the same key")         \
    X(  FEATURE_MISSING,  3,   422,  "a required feature has no value")                              \
    X(  FEATURE_TYPE,     3,   400,  "the feature does not have its declared type")                  \
    X(  PREDICTION_RANGE, 3,   422,  "the output is outside the prediction schema")                  \
    X(  PREDICTION_NAN,   3,   422,  "the output is not a finite number")                            \
    /* one request that cannot be served */                                                          \
    X(  HTTP_SYNTAX,      3,   400,  "the request is not valid HTTP/1.1")                            \
    X(  HTTP_HEAD_LARGE,  3,   431,  "the request's head exceeds a limit")                           \
    X(  HTTP_TARGET_LONG, 3,   414,  "the request's target exceeds a limit")                         \
    X(  HTTP_METHOD,      3,   405,  "the route does not have this method")                          \
    X(  HTTP_VERSION,     3,   505,  "the request is of another version of HTTP than 1.0 and 1.1")   \
    X(  HTTP_UNKNOWN,     3,   501,  "the request asks for a part of HTTP that is not implemented")  \
    X(  HTTP_EXPECTATION, 3,   417,  "the request expects what is not offered")                      \
    X(  HTTP_MEDIA_TYPE,  3,   415,  "the body has a type or coding that is not taken")              \
    X(  HTTP_CODING,      3,   400,  "the compressed body is damaged")                               \
    X(  HTTP_TIMEOUT,     3,   408,  "the request did not arrive in time")                           \
    X(  DEADLINE_INVALID, 3,   400,  "the deadline is not one")                                      \
    X(  DEADLINE,         4,   504,  "the deadline was over before work could begin")                \
    X(  OVERLOADED,       4,   503,  "a limit of the server is reached")                             \
    X(  DRAINING,         4,   503,  "the server is stopping")                                       \
    /* refused by state */                                                                           \
    X(  BUSY,             4,   503,  "another process holds the home")                               \
    X(  REFUSED,          4,   409,  "the present state does not allow this")                        \
    X(  MOVED,            4,   409,  "the current epoch is not the one expected")                    \
    X(  EXISTS,           4,   409,  "it exists already")                                            \
    /* the system failed */                                                                          \
    X(  NO_MEMORY,        5,   503,  "out of memory")                                                \
    X(  IO,               5,   500,  "reading or writing failed")                                    \
    X(  DISK_FULL,        5,   507,  "no space is left on the device")                               \
    X(  SYSTEM,           5,   500,  "the system refused a call")                                    \
    X(  CANCELLED,        5,   503,  "the work was cancelled")

typedef enum tdm_status {
#define TDM_STATUS_ENUM(name, exit, http, text) TDM_##name,
    TDM_STATUSES(TDM_STATUS_ENUM)
#undef TDM_STATUS_ENUM
    TDM_STATUS_COUNT
} tdm_status;

/* The details of one failure. Owned by the caller, no allocation inside, valid until overwritten.
 * Texts are UTF-8 and cut to fit, always terminated; an empty text means "does not apply". */
typedef struct tdm_error {
    tdm_status status;
    char where[256];    /* "rows.csv:17:4", "features.dep_hour", "main.txt:203" */
    char what[384];     /* one sentence without a full stop */
    char expected[192]; /* "i64" */
    char found[192];    /* "\"x\"" */
    char hint[192];     /* "did you mean 'origin'?" */
} tdm_error;

/* The stable code, lower case ("csv_quote"). Never NULL; "unknown" outside the enum. Any thread. */
TDM_API const char *tdm_status_name(tdm_status status);
/* The sentence of the table. Never NULL. Any thread. */
TDM_API const char *tdm_status_text(tdm_status status);
/* The exit code of a program that stops with this status: 0 to 5. Any thread. */
TDM_API int tdm_status_exit(tdm_status status);
/* The HTTP status for it. Any thread. */
TDM_API int tdm_status_http(tdm_status status);

/* Writes "WHERE: WHAT: expected EXPECTED, found FOUND (HINT)" to `out` (`size` bytes, terminated), leaving
 * out what is empty. Returns the length of the whole text, which may be more than fitted. Any thread. */
TDM_API size_t tdm_error_format(const tdm_error *error, char *out, size_t size);

/* Many errors at once, as a manifest's check finds them. Opaque, bounded: after 100 errors only their
 * number is kept. A NULL list is allowed wherever one is passed: errors are then only counted as status. */
typedef struct tdm_diagnostics tdm_diagnostics;

/* NULL when out of memory. */
TDM_API tdm_diagnostics *tdm_diagnostics_new(void);
/* Frees `*list` and sets it to NULL. NULL and a pointer to NULL are allowed. */
TDM_API void tdm_diagnostics_close(tdm_diagnostics **list);
/* Errors kept, at most 100. */
TDM_API size_t tdm_diagnostics_count(const tdm_diagnostics *list);
/* Errors found, kept or not. */
TDM_API size_t tdm_diagnostics_total(const tdm_diagnostics *list);
/* The i-th error in the order found; NULL when out of range. Valid until the list changes or closes. */
TDM_API const tdm_error *tdm_diagnostics_error(const tdm_diagnostics *list, size_t i);
/* The excerpt of the i-th: the line and a caret under the fault, two lines; "" when there is none. */
TDM_API const char *tdm_diagnostics_excerpt(const tdm_diagnostics *list, size_t i);

#ifdef __cplusplus
}
#endif
#endif
