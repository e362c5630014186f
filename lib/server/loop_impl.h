/* An event loop and its connections. Private to loop.c, connection.c and large.c.
 *
 * Everything of a loop and its connections is touched by the loop's thread alone, but for the jobs that are at the thread
 * for large requests, and `done`, where they come back. */
#ifndef TDM_SERVER_LOOP_IMPL_H
#define TDM_SERVER_LOOP_IMPL_H

#include "server/server_impl.h"

enum {
    TDM__INPUT_BYTES = 64 << 10,  /* read at once */
    TDM__FLUSH_BYTES = 256 << 10, /* answers of pipelined requests are written when they are this many */
    TDM__TURN_REQUESTS = 16,      /* of one connection before the others have their turn, */
    TDM__TURN_NS = 200000,        /* or this long */
    TDM__LINGER_MS = 2000,        /* how long what a client still sends is read and dropped, when we have ended */
    TDM__REFUSED_MAX = 256,       /* connections over the limit that are told so and ended gently */
    TDM__GRACE_MS = 250           /* idle connections stay this long when the server stops */
};

typedef struct tdm__connection tdm__connection;

/* A large request on its way to the other thread and back. Its bytes lie in the connection's reader, or in `copy`. */
typedef struct tdm__job {
    tdm__http_request request;
    tdm__arrival arrival;
    uint64_t queued_ns;
    tdm__buf copy, out;
    bool close;
    atomic_bool abandoned;        /* its client has gone */
    struct tdm__finished finished;
    tdm__connection *connection;
    struct tdm__job *next;
} tdm__job;

/* What a connection waits for; each has a time limit and a list in which the longest waiting is first. */
typedef enum tdm__wait {
    TDM__WAIT_IDLE, TDM__WAIT_HEAD, TDM__WAIT_BODY, TDM__WAIT_WRITE, TDM__WAIT_LINGER,
    TDM__WAIT_TIMED,                 /* how many have a time limit */
    TDM__WAIT_TURN = TDM__WAIT_TIMED, /* for its next turn: more of its requests are here than one turn answers */
    TDM__WAIT_NONE,
    TDM__WAIT_COUNT
} tdm__wait;

struct tdm__connection {
    tdm__loop *loop;
    tdm__socket socket;
    tdm__http_reader reader;
    tdm__buf unsent;              /* answers that the system did not take yet, from `sent` on */
    size_t sent;
    tdm__buf waiting;             /* bytes that came behind a request that is still at work */
    uint64_t answered;            /* requests so far */
    int64_t first_us;             /* when the first byte of the request at work came */
    uint64_t first_ns;
    uint8_t wait;                 /* tdm__wait */
    bool closing;                 /* to be closed when nothing is unsent */
    bool lingering;               /* what still comes is dropped */
    bool ended;                   /* the peer sends no more */
    bool at_large;                /* its request is with the thread for large ones */
    bool gone;                    /* closed while at_large: freed when the job comes back */
    bool polled_read, polled_write;
    uint64_t since_ns;            /* when it began to wait */
    tdm__connection *before, *after; /* in its list */
    size_t accounted;             /* of server->buffered_bytes */
    tdm__job job;
};

typedef struct tdm__wait_list { tdm__connection *first, *last; } tdm__wait_list;

struct tdm__loop {
    tdm_server *server;
    tdm__seat *seat;
    tdm__poller *poller;
    tdm__socket listener;
    tdm__thread *thread;
    const tdm__serving *serving;  /* between enter and leave */
    uint64_t now_ns;              /* of the present round */
    uint64_t worked_ns;           /* until when it was at work on others, in this round */
    int64_t now_us;
    tdm__wait_list list[TDM__WAIT_COUNT];
    size_t n_connections;
    bool listening, draining;
    uint64_t accept_after_ns;     /* 0: now */
    uint64_t drain_since_ns;
    atomic_bool quit;             /* close all at once */
    tdm__mutex *done_mutex;
    tdm__job *done;               /* came back from the thread for large requests */
    tdm__buf out;
    char *input;                  /* TDM__INPUT_BYTES */
};

/* connection.c */
void tdm__connection_open(tdm__loop *loop, tdm__socket socket);
void tdm__connection_event(tdm__connection *c, const tdm__ready *ready);
void tdm__connection_returned(tdm__connection *c);
/* Its time is over. */
void tdm__connection_expired(tdm__connection *c);
void tdm__connection_close(tdm__connection *c);
/* A connection over the limit: told so, and ended. */
void tdm__connection_refuse(tdm__loop *loop, tdm__socket socket, const tdm_error *err);
/* Works on what is here of it already. */
void tdm__connection_turn(tdm__connection *c);
/* Frees it when its job comes back after the loop has ended. */
void tdm__connection_drop(tdm__connection *c);

/* loop.c: puts it at the end of the list for what it waits for now, beginning now. */
void tdm__loop_await(tdm__loop *loop, tdm__connection *c, tdm__wait wait);

/* large.c: takes the job; false when the queue is full. */
bool tdm__large_submit(tdm__large *large, tdm__job *job);
bool tdm__large_has_room(const tdm__large *large);

#endif
