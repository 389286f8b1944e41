// Private to http: the loop's inside, shared by loop.c and transfer.c.
#ifndef ATLAS_HTTP_LOOP_H
#define ATLAS_HTTP_LOOP_H

#include <curl/curl.h>

#include "atlas/http.h"

typedef struct Watch {
    int fd;
    short events;
    void (*fn)(void *ctx, short revents);
    void *ctx;
} Watch;

struct Loop {
    const Host *host;
    Arena *mem;
    CURLM *multi; // made with the first transfer: most of libcurl's start-up cost
    Task *current; // NULL: outside any task
    LIST(Task *) tasks;
    LIST(Watch) watches;
    int64_t timeout_ms;
    int attempts;
    Map kept;
    void *stacks[32]; // of finished tasks, to be used again
    size_t stack_count;
};

// A finished easy handle is told through this, found by CURLOPT_PRIVATE.
typedef struct Transfer {
    bool done;
    CURLcode result;
    HttpBudget *budget;
    int64_t last_move; // monotonic ms of the last byte
} Transfer;

CURLM *loop_multi(Loop *l);
bool loop_cancelled(const Loop *l); // the running task was cancelled

#endif
