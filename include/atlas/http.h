// HTTP and waiting: one libcurl multi loop for everything this process talks to.
//
// Concurrency: code that waits is written straight down and run as a *task* (a fiber with its own
// stack, all on one thread). A task gives up the processor only inside the functions below that
// say "waits"; everything else is atomic with respect to other tasks. Code outside any task may
// call the same functions; the loop then runs inside them.
//
// Policy (retries, time-outs, redirects, TLS, proxies): registry-storage.md section 6.
#ifndef ATLAS_HTTP_H
#define ATLAS_HTTP_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>

#include "atlas/base.h"
#include "atlas/crypt.h"

// --- the loop and its tasks ---------------------------------------------------------------------

typedef struct Loop Loop;
typedef struct Task Task;

// E_CONFIG when ATLAS_HTTP_TIMEOUT or ATLAS_HTTP_RETRIES cannot be understood.
Err *loop_new(Loop **out, const Host *host, Arena *mem) MUST_USE;
const Host *loop_host(const Loop *l);
// What others keep, by name, for as long as the loop lives (credentials of the process).
Map *loop_kept(Loop *l);
// In a process that was forked: its transfers make connections of their own.
void loop_forked(Loop *l);

// Starts fn(arg) as a task; it first runs when the starter waits. The Task belongs to `mem`'s
// arena and must be joined before that arena goes.
Task *task_start(Loop *l, void (*fn)(void *arg), void *arg, Arena *mem);
void task_join(Task *t); // waits until fn has returned
bool task_done(const Task *t);
// Ends the waits of a task and of those it started: its transfers fail with E_TIMEOUT, its sleeps
// return. It still must be joined.
void task_cancel(Task *t);

void loop_sleep(Loop *l, int64_t ms); // waits
// Waits until ready(arg) holds (true) or `deadline_ms` of the host's monotonic clock has passed
// (false; negative: no deadline). ready() is asked after every event of the loop.
bool loop_wait(Loop *l, bool (*ready)(const void *arg), const void *arg, int64_t deadline_ms);

// Calls fn(ctx, events) from the loop when `fd` has poll(2) `events`; events 0 removes.
void loop_watch(Loop *l, int fd, short events, void (*fn)(void *ctx, short revents), void *ctx);

// --- programs -----------------------------------------------------------------------------------

typedef struct ProcessSpec {
    const StrList *argv; // the first is looked up in PATH; there is no shell
    const char *dir;     // to run in; NULL or "": ours
    int64_t limit_ms;    // 0: as long as it takes
    size_t out_max;      // bytes of standard output; 0: 64 MiB
    const volatile sig_atomic_t *cancel; // not zero: the program is killed; may be NULL
} ProcessSpec;

typedef struct ProcessResult {
    Str out, err; // standard output, and the first 64 KiB of standard error
    int status;   // of its exit; 128 + the signal that ended it
} ProcessResult;

// Runs a program to its end, in a process group of its own, without standard input. Waits. Any exit
// status is a success. E_TIMEOUT: over the limit; E_STATE "interrupted"; E_NOT_FOUND, E_DENIED: it
// cannot be started; E_TOO_LARGE.
Err *process_run(ProcessResult *out, Loop *l, const ProcessSpec *p, Arena *mem) MUST_USE;

// --- transfers ----------------------------------------------------------------------------------

typedef struct HttpHeader {
    const char *name, *value;
} HttpHeader;
typedef LIST(HttpHeader) HttpHeaders;

// Bytes to send or that were received: in memory (fd < 0), or `size` bytes of a file from
// `offset` (read with pread, so that several transfers can share the descriptor).
typedef struct Body {
    Str data;
    int fd;
    int64_t offset, size;
} Body;

Body body_from(Str data);
Body body_slice(const Body *b, int64_t offset, int64_t size);
// The whole body as one slice; a file's is read into `mem`.
Err *body_bytes(Str *out, const Body *b, Arena *mem) MUST_USE;
// Calls fn for consecutive pieces.
Err *body_each(const Body *b, Err *(*fn)(void *ctx, Str piece), void *ctx) MUST_USE;

Err *body_sha256(Digest *out, const Body *b) MUST_USE;
Err *body_md5(unsigned char out[MD5_SIZE], const Body *b) MUST_USE;

// The time an operation on one target may spend without a byte moving. Shared by all requests of
// that operation.
typedef struct HttpBudget {
    int64_t limit_ms, used_ms;
    int64_t counted_to; // monotonic ms
} HttpBudget;
HttpBudget http_budget(const Loop *l); // ATLAS_HTTP_TIMEOUT, else 30 s

typedef struct HttpRequest HttpRequest;
struct HttpRequest {
    const char *method, *url;
    HttpHeaders headers;
    Body body;
    bool has_body;
    bool once;             // never sent twice (a report); else retried by the policy
    bool no_redirect;      // a redirect is an answer as any other
    bool no_proxy;         // a service on this machine's own link
    const bool *hold;      // not NULL: while it is true the request connects but its body waits
    bool *sent;            // not NULL: set when the body is on its way
    int attempts;          // 0: the policy's 5 (ATLAS_HTTP_RETRIES overrides)
    int64_t connect_ms;    // 0: 10 s
    HttpBudget *budget;    // NULL: one of its own
    size_t memory_max;     // answers over this go to a temporary file (0: 1 MiB)
    int64_t body_max;      // larger answers are E_TOO_LARGE (0: 1 GiB)
    // Adds what must be fresh for every attempt (date, signature). May be NULL.
    Err *(*prepare)(void *ctx, HttpHeaders *headers, Arena *mem);
    void *prepare_ctx;
    // Decides on a retry where the status alone does not; NULL: the policy's statuses.
    bool (*retry)(void *ctx, int status, Str body);
};

typedef struct HttpResponse {
    int status;
    HttpHeaders headers; // names in lower case
    Body body;
    int attempts;        // made in all
} HttpResponse;

// Waits for the answer. Any status is a success here; after the last attempt a retryable status
// (408, 425, 429, 5xx) is handed out as it is. E_UNREACHABLE: resolution, connect, TLS, reset,
// truncated; E_TIMEOUT; E_TOO_LARGE. Errors name method and redacted URL.
Err *http_do(HttpResponse *out, Loop *l, const HttpRequest *req, Arena *mem) MUST_USE;

void http_header(HttpRequest *req, Arena *mem, const char *name, const char *value);
// The first value, or NULL.
const char *http_header_get(const HttpHeaders *headers, const char *name);
// The answer's body in memory. E_TOO_LARGE over 64 MiB.
Err *http_body_text(Str *out, const HttpResponse *resp, Arena *mem) MUST_USE;
// "HTTP 503 Service Unavailable: <start of the body>", for error messages; secrets masked.
char *http_status_text(const HttpResponse *resp, Arena *mem);

#endif
