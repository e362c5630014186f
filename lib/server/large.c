/* The thread for large requests: many rows or long bodies, one at a time, beside the event loops.
 *
 * It yields to them (nice), so that a request of ten thousand rows is not felt by one of a single row. Its queue is bounded;
 * what finds no room is refused at once by the loop. */
#include "base/fail.h"
#include "os/clock.h"
#include "server/loop_impl.h"

struct tdm__large {
    tdm_server *server;
    tdm__seat *seat;
    tdm__thread *thread;
    tdm__mutex *mutex;
    tdm__cond *arrived;
    tdm__job *first, *last;
    size_t depth;
    bool quit;
};

bool tdm__large_submit(tdm__large *large, tdm__job *job)
{
    tdm__mutex_lock(large->mutex);
    bool room = large->depth < large->server->settings.queued_max && !large->quit;
    if (room) {
        job->next = NULL;
        if (large->last)
            large->last->next = job;
        else
            large->first = job;
        large->last = job;
        large->depth++;
        tdm__cond_signal(large->arrived);
    }
    tdm__mutex_unlock(large->mutex);
    return room;
}

bool tdm__large_has_room(const tdm__large *large)
{
    return tdm__large_depth(large) < large->server->settings.queued_max;
}

size_t tdm__large_depth(const tdm__large *large)
{
    if (!large)
        return 0;
    tdm__mutex_lock(large->mutex);
    size_t depth = large->depth;
    tdm__mutex_unlock(large->mutex);
    return depth;
}

uint64_t tdm__large_oldest_ns(const tdm__large *large)
{
    if (!large)
        return 0;
    tdm__mutex_lock(large->mutex);
    uint64_t since = large->first ? large->first->queued_ns : 0, now = tdm__quick_ns();
    tdm__mutex_unlock(large->mutex);
    return since && now > since ? now - since : 0;
}

static tdm__job *next_job(tdm__large *large)
{
    tdm__mutex_lock(large->mutex);
    while (!large->first && !large->quit)
        tdm__cond_wait(large->arrived, large->mutex);
    tdm__job *job = large->quit ? NULL : large->first;
    if (job) {
        large->first = job->next;
        if (!large->first)
            large->last = NULL;
        large->depth--;
    }
    tdm__mutex_unlock(large->mutex);
    return job;
}

static void give_back(tdm__job *job)
{
    tdm__loop *loop = job->connection->loop;
    tdm__mutex_lock(loop->done_mutex);
    job->next = loop->done;
    loop->done = job;
    tdm__mutex_unlock(loop->done_mutex);
    tdm__loop_wake(loop);
}

/* The loop that writes the answer times it, in meters of its own. */
static void hand_times(tdm__seat *seat, tdm__job *job)
{
    const tdm__seat *writer = job->connection->loop->seat;
    job->finished = seat->finished[0];
    if (job->finished.meters)
        job->finished.meters += (ptrdiff_t)writer->index - (ptrdiff_t)seat->index; /* one a seat, side by side */
    seat->n_finished = 0;
}

static void work_on(tdm__large *large, tdm__job *job)
{
    tdm__seat *seat = large->seat;
    tdm__arrival arrival = job->arrival;
    if (atomic_load(&job->abandoned)) { /* nobody waits for the answer any more */
        give_back(job);
        return;
    }
    const tdm__serving *serving = tdm__seat_enter(seat);
    arrival.begin_ns = tdm__quick_ns();
    tdm__buf_reset(&job->out);
    tdm__answer_request(seat, serving, &job->request, &arrival, &job->out, &job->close);
    hand_times(seat, job);
    tdm__seat_leave(seat);
    give_back(job);
}

static void run(void *self)
{
    tdm__large *large = self;
    tdm__thread_yielding();
    for (tdm__job *job; (job = next_job(large));)
        work_on(large, job);
}

tdm_status tdm__large_open(tdm_server *server, tdm__seat *seat, tdm__large **out, tdm_error *err)
{
    tdm__large *large = tdm__new(tdm__large);
    *out = large;
    if (!large)
        return tdm__no_memory(err, "server");
    large->server = server;
    large->seat = seat;
    large->mutex = tdm__mutex_new();
    large->arrived = tdm__cond_new();
    tdm_status s = large->mutex && large->arrived ? tdm__thread_start("tandem-large", run, large, &large->thread, err)
                                                  : tdm__no_memory(err, "server");
    if (s)
        tdm__large_close(out);
    return s;
}

void tdm__large_close(tdm__large **large)
{
    tdm__large *l = *large;
    if (!l)
        return;
    if (l->thread) {
        tdm__mutex_lock(l->mutex);
        l->quit = true;
        tdm__cond_signal(l->arrived);
        tdm__mutex_unlock(l->mutex);
        tdm__thread_join(&l->thread);
    }
    while (l->first) { /* nobody works on them any more: back to their loops, which free them */
        tdm__job *job = l->first;
        l->first = job->next;
        job->close = true;
        give_back(job);
    }
    tdm__cond_close(&l->arrived);
    tdm__mutex_close(&l->mutex);
    tdm__free(l);
    *large = NULL;
}
