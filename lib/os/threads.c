/* Threads, mutexes and conditions over pthreads. Waits with a limit use the monotonic clock. */
#define _GNU_SOURCE
#include "os/threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"

struct tdm__thread {
    pthread_t id;
    _Atomic pid_t number; /* the system's; 0 until it runs */
    void (*run)(void *arg);
    void *arg;
    char name[16];
};

static void *thread_main(void *p)
{
    tdm__thread *t = p;
    atomic_store(&t->number, gettid());
    pthread_setname_np(pthread_self(), t->name);
    t->run(t->arg);
    return NULL;
}

tdm_status tdm__thread_start(const char *name, void (*run)(void *arg), void *arg, tdm__thread **out, tdm_error *err)
{
    *out = NULL;
    tdm__thread *t = tdm__new(tdm__thread);
    if (!t)
        return tdm__no_memory(err, name);
    t->run = run;
    t->arg = arg;
    snprintf(t->name, sizeof t->name, "%s", name);
    int code = pthread_create(&t->id, NULL, thread_main, t);
    if (code) {
        char text[128];
        tdm__free(t);
        return tdm__fail(err, code == ENOMEM ? TDM_NO_MEMORY : TDM_SYSTEM, name, "starting a thread failed: %s",
                         strerror_r(code, text, sizeof text));
    }
    *out = t;
    return TDM_OK;
}

void tdm__thread_background(void)
{
    const struct sched_param none = { .sched_priority = 0 };
    pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
    sched_yield(); /* else whoever waits already goes on waiting until the next tick */
}

/* Of one thread alone, as Linux has it. */
static void make_yielding(pid_t number)
{
    enum { NICE = 10 };
    const struct sched_param none = { .sched_priority = 0 };
    setpriority(PRIO_PROCESS, (id_t)number, NICE);
    sched_setscheduler(number, SCHED_OTHER, &none);
}

void tdm__thread_yielding(void)
{
    make_yielding(gettid());
}

void tdm__thread_hurry(tdm__thread *thread)
{
    pid_t number = atomic_load(&thread->number);
    if (number) /* 0 would be ourselves */
        make_yielding(number);
}

void tdm__thread_join(tdm__thread **thread)
{
    if (!thread || !*thread)
        return;
    pthread_join((*thread)->id, NULL);
    tdm__free(*thread);
    *thread = NULL;
}

struct tdm__mutex { pthread_mutex_t m; };
struct tdm__cond { pthread_cond_t c; };

tdm__mutex *tdm__mutex_new(void)
{
    tdm__mutex *m = tdm__new(tdm__mutex);
    if (m && pthread_mutex_init(&m->m, NULL) != 0) {
        tdm__free(m);
        return NULL;
    }
    return m;
}

void tdm__mutex_close(tdm__mutex **m)
{
    if (!m || !*m)
        return;
    pthread_mutex_destroy(&(*m)->m);
    tdm__free(*m);
    *m = NULL;
}

void tdm__mutex_lock(tdm__mutex *m)
{
    pthread_mutex_lock(&m->m);
}

void tdm__mutex_unlock(tdm__mutex *m)
{
    pthread_mutex_unlock(&m->m);
}

tdm__cond *tdm__cond_new(void)
{
    tdm__cond *c = tdm__new(tdm__cond);
    pthread_condattr_t attr;
    if (!c)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int code = pthread_cond_init(&c->c, &attr);
    pthread_condattr_destroy(&attr);
    if (code) {
        tdm__free(c);
        return NULL;
    }
    return c;
}

void tdm__cond_close(tdm__cond **c)
{
    if (!c || !*c)
        return;
    pthread_cond_destroy(&(*c)->c);
    tdm__free(*c);
    *c = NULL;
}

void tdm__cond_wait(tdm__cond *c, tdm__mutex *m)
{
    pthread_cond_wait(&c->c, &m->m);
}

int tdm__cond_wait_for(tdm__cond *c, tdm__mutex *m, uint64_t timeout_us)
{
    const uint64_t year_us = UINT64_C(365) * 24 * 3600 * 1000000;
    struct timespec until;
    if (timeout_us > year_us) /* keeps the sum far from overflow */
        timeout_us = year_us;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_us / 1000000);
    until.tv_nsec += (long)(timeout_us % 1000000) * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_cond_timedwait(&c->c, &m->m, &until) != ETIMEDOUT;
}

void tdm__cond_signal(tdm__cond *c)
{
    pthread_cond_signal(&c->c);
}

void tdm__cond_broadcast(tdm__cond *c)
{
    pthread_cond_broadcast(&c->c);
}
