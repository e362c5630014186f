/* Texts and byte buffers: views, comparison, UTF-8, growing output.
 *
 * A tdm_str is a view. A tdm__buf owns its bytes and grows; once an append failed for lack of memory it
 * stays failed (`failed` is set, later appends do nothing), so that a writer checks once at its end. */
#ifndef TDM_BASE_TEXT_H
#define TDM_BASE_TEXT_H

#include <stdbool.h>
#include <string.h>
#include <tandem/status.h>
#include <tandem/value.h>

tdm_str tdm__str(const char *z);                     /* view of a terminated text */
tdm_str tdm__strn(const char *p, size_t n);
/* Here, so that it costs a compare or two when z is a literal. */
static inline bool tdm__str_is(tdm_str s, const char *z)
{
    size_t n = strlen(z);
    return s.len == n && (n == 0 || memcmp(s.ptr, z, n) == 0);
}
bool tdm__str_equal(tdm_str a, tdm_str b);
int tdm__str_compare(tdm_str a, tdm_str b);          /* bytewise: <0, 0, >0 */
bool tdm__str_starts(tdm_str s, const char *prefix);
bool tdm__str_ends(tdm_str s, const char *suffix);
tdm_str tdm__str_trim(tdm_str s);                    /* spaces and tabs, both ends */
/* Cuts s at the first `by`: returns what stands before, and *rest what follows; when there is none, all of s
 * and an empty rest with rest->ptr NULL. */
tdm_str tdm__str_cut(tdm_str s, char by, tdm_str *rest);
/* Valid UTF-8: no overlong forms, no surrogates, at most U+10FFFF. */
bool tdm__utf8_valid(tdm_str s);
/* How many of its first bytes are valid UTF-8: s.len when all are, else where the first sequence that is none begins. */
size_t tdm__utf8_prefix(tdm_str s);

typedef struct tdm__buf {
    char *ptr;
    size_t len, cap;
    bool failed;
} tdm__buf;

void tdm__buf_add(tdm__buf *b, const void *bytes, size_t n);
void tdm__buf_str(tdm__buf *b, tdm_str s);
void tdm__buf_text(tdm__buf *b, const char *z);
void tdm__buf_char(tdm__buf *b, char c);
void tdm__buf_printf(tdm__buf *b, const char *format, ...) TDM_PRINTF(2, 3);
/* Makes room for n more bytes and returns where they go (len is not moved); NULL when out of memory. */
char *tdm__buf_reserve(tdm__buf *b, size_t n);
/* A JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
void tdm__buf_json_text(tdm__buf *b, tdm_str s);
void tdm__buf_reset(tdm__buf *b);                    /* keeps the memory, clears failed */
void tdm__buf_free(tdm__buf *b);
/* TDM_OK, or TDM_NO_MEMORY in err when an append failed. */
tdm_status tdm__buf_check(const tdm__buf *b, tdm_error *err);
/* The bytes with a terminating NUL (not counted); NULL when out of memory. */
const char *tdm__buf_z(tdm__buf *b);

/* Little-endian loads and stores of any alignment. */
uint16_t tdm__load16(const void *p);
uint32_t tdm__load32(const void *p);
uint64_t tdm__load64(const void *p);
void tdm__store16(void *p, uint16_t v);
void tdm__store32(void *p, uint32_t v);
void tdm__store64(void *p, uint64_t v);

#endif
