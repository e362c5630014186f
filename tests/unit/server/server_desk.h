/* A server with seats and nothing else, made by hand: for tests of what only counts, tells and logs. */
#ifndef TANDEM_TESTS_SERVER_DESK_H
#define TANDEM_TESTS_SERVER_DESK_H

#include "server/server_impl.h"

enum { DESK_SEATS_MAX = 4 };

typedef struct server_desk {
    tdm_server server;
    tdm__seat *seat, *seats[DESK_SEATS_MAX];
} server_desk;

/* Seats are aligned as their members want it, which malloc does not promise. */
static _Alignas(64) tdm__seat desk_seats[DESK_SEATS_MAX];

static inline void desk_open(server_desk *desk, unsigned seats)
{
    memset(desk, 0, sizeof *desk);
    memset(desk_seats, 0, sizeof desk_seats);
    desk->seat = desk_seats;
    desk->server.seat = desk->seats;
    desk->server.n_seats = seats;
    desk->server.n_loops = seats - 1;
    for (unsigned i = 0; i < seats; i++) {
        desk->seats[i] = &desk->seat[i];
        desk->seat[i].server = &desk->server;
        desk->seat[i].index = i;
        desk->seat[i].large = i + 1 == seats;
    }
}

static inline void desk_close(server_desk *desk)
{
    for (unsigned i = 0; i < desk->server.n_seats; i++) {
        tdm__buf_free(&desk->seat[i].body);
        tdm__buf_free(&desk->seat[i].fields);
    }
    tdm__meter_book_close(&desk->server);
}

#endif
