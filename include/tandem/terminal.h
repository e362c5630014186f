/* The terminal, for programs that talk to a person: is there one, how wide is it; and the nearest word to a slip. */
#ifndef TANDEM_TERMINAL_H
#define TANDEM_TERMINAL_H

#include <tandem/status.h>
#include <tandem/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Columns of the terminal behind a file descriptor; 0 when it is not one. Any thread. */
TDM_API unsigned tdm_terminal_columns(int fd);
/* Its lines; 0 when it is not one. Any thread. */
TDM_API unsigned tdm_terminal_rows(int fd);
/* From now on keys of the terminal behind standard input are told one by one and not shown; false: as it was before. Does
 * nothing where there is no terminal. One thread. */
TDM_API void tdm_terminal_keys(bool on);
/* Waits for a key, at most so long. -1: none came, or SIGINT or SIGTERM did. Bytes of what is no terminal are no keys. One
 * thread. */
TDM_API int tdm_terminal_key(double seconds);
/* Seconds of a clock that never jumps. Any thread. */
TDM_API double tdm_seconds(void);
/* True once SIGINT or SIGTERM came; the first call installs the handlers. */
TDM_API bool tdm_interrupted(void);
/* Writes all of it to a file descriptor. TDM_CANCELLED when it is a pipe that nobody reads any more; TDM_DISK_FULL,
 * TDM_IO. */
TDM_API tdm_status tdm_write(int fd, const void *bytes, size_t n, tdm_error *err);
/* The candidate that `word` is a slip of; NULL when none is near enough. Any thread. */
TDM_API const char *tdm_nearest(tdm_str word, const char *const *candidates, size_t n);

#ifdef __cplusplus
}
#endif
#endif
