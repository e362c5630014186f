/* Threads, mutexes, conditions, and how many cores there are. Thin over pthreads. */
#ifndef TDM_OS_THREADS_H
#define TDM_OS_THREADS_H

#include <stddef.h>
#include <stdint.h>
#include <tandem/status.h>

typedef struct tdm__thread tdm__thread;
typedef struct tdm__mutex tdm__mutex;
typedef struct tdm__cond tdm__cond;

/* TDM_NO_MEMORY or TDM_SYSTEM. `name` (up to 15 letters) shows in debuggers. */
tdm_status tdm__thread_start(const char *name, void (*run)(void *arg), void *arg, tdm__thread **out, tdm_error *err);
/* The calling thread, and those it starts from now on, run only when nothing else wants the core (SCHED_IDLE): for work
 * that must not be felt. A hint; where the system refuses it is as before. */
void tdm__thread_background(void);
/* The calling thread yields to others of the process (nice 10), without starving; also after tdm__thread_background. A
 * hint likewise. */
void tdm__thread_yielding(void);
/* Makes another thread yielding: one that waits in the background for a core that never idles. Before it is joined. */
void tdm__thread_hurry(tdm__thread *thread);
void tdm__thread_join(tdm__thread **thread); /* waits, frees, sets NULL; NULL is allowed */
tdm__mutex *tdm__mutex_new(void);            /* NULL when out of memory */
void tdm__mutex_close(tdm__mutex **m);
void tdm__mutex_lock(tdm__mutex *m);
void tdm__mutex_unlock(tdm__mutex *m);
tdm__cond *tdm__cond_new(void);
void tdm__cond_close(tdm__cond **c);
void tdm__cond_wait(tdm__cond *c, tdm__mutex *m);
/* Returns 0 when `timeout_us` passed without a signal. */
int tdm__cond_wait_for(tdm__cond *c, tdm__mutex *m, uint64_t timeout_us);
void tdm__cond_signal(tdm__cond *c);
void tdm__cond_broadcast(tdm__cond *c);
/* Cores this process may use (affinity and cgroup quota counted), at least 1. */
unsigned tdm__cores(void);

#endif
