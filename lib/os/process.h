/* The process and its machine: memory, name, interrupts. */
#ifndef TDM_OS_PROCESS_H
#define TDM_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t tdm__peak_memory_bytes(void);  /* largest resident set so far */
/* What the process uses at this moment; what the system does not tell is 0. Some microseconds; on systems that only list
 * open files, some for each of them too. */
typedef struct tdm__process_use {
    uint64_t cpu_ns, resident_bytes, threads, open_files;
} tdm__process_use;
void tdm__process_measure(tdm__process_use *out);
int64_t tdm__process_id(void);
bool tdm__is_terminal(int fd);
/* Writes all of it to standard output or error; false when that fails (a closed pipe). */
bool tdm__write_fd(int fd, const void *bytes, size_t n);
/* True once SIGINT or SIGTERM came; the first call installs the handlers. */
bool tdm__interrupted(void);
/* Becomes readable, and stays so, once SIGINT or SIGTERM came: for whoever waits for other things too. Installs the
 * handlers; -1 when the system refuses. Not to be closed. */
int tdm__interrupt_socket(void);

#endif
