// One HTTP exchange, and the policy of repeating it.
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "loop.h"

enum {
    CONNECT_MS = 10000,
    LOW_SPEED_BYTES = 1024,
    LOW_SPEED_S = 30,
    BACKOFF_MS = 200,
    MAX_REDIRECTS = 5,
    MAX_HEADER_BYTES = 256 << 10,
    PIECE_BYTES = 256 << 10, // of system calls; memory only where that much comes
};

// Everything one attempt needs; lives on the stack of http_do's task.
typedef struct Exchange {
    Transfer transfer;
    Loop *loop;
    const HttpRequest *req;
    HttpResponse *out;
    Arena *mem;
    int64_t sent;       // of the request's body
    Buf memory;         // the answer, or what of it is not yet in the file
    size_t header_bytes;
    CURL *easy;
    bool held;          // the body waits for req->hold
    Err *error;         // of a callback
} Exchange;

// --- callbacks of libcurl -----------------------------------------------------------------------

// Of the time since `from` what nobody has counted yet goes to the budget: transfers side by side
// share it, and their waits count once. Gaps shorter than `least` do not count.
static void spend(HttpBudget *b, int64_t from, int64_t now, int64_t least) {
    int64_t gap = now - (from > b->counted_to ? from : b->counted_to);
    if (gap >= least)
        b->used_ms += gap;
    b->counted_to = now;
}

// Time without a byte moving counts against the budget.
static void moved(Exchange *x) {
    int64_t now = host_monotonic_ms(x->loop->host);
    spend(x->transfer.budget, x->transfer.last_move, now, 1000);
    x->transfer.last_move = now;
}

static size_t fail(Exchange *x, Err *e) {
    if (x->error)
        err_free(e);
    else
        x->error = e;
    return CURL_WRITEFUNC_ERROR;
}

static size_t on_read(char *to, size_t size, size_t count, void *ctx) {
    Exchange *x = ctx;
    const Body *b = &x->req->body;
    size_t want = size * count;
    if ((int64_t)want > b->size - x->sent)
        want = (size_t)(b->size - x->sent);
    if (want == 0)
        return 0;
    if (x->req->hold && *x->req->hold) {
        x->held = true;
        return CURL_READFUNC_PAUSE;
    }
    moved(x);
    if (b->fd < 0) {
        memcpy(to, b->data.ptr + x->sent, want);
    } else {
        ssize_t n = pread(b->fd, to, want, b->offset + x->sent);
        if (n <= 0) {
            fail(x, err_errno(n ? errno : EIO, "reading the file to send"));
            return CURL_READFUNC_ABORT;
        }
        want = (size_t)n;
    }
    x->sent += (int64_t)want;
    if (x->req->sent && x->sent == b->size)
        *x->req->sent = true;
    return want;
}

static int on_seek(void *ctx, curl_off_t offset, int origin) {
    Exchange *x = ctx;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    x->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static void close_fd(void *arg) { close((int)(intptr_t)arg); }

// To the file, in large pieces: what comes is buffered on.
static Err *spill(Exchange *x) {
    Body *b = &x->out->body;
    if (b->fd < 0) {
        TRY(fs_temp(&b->fd, host_env(x->loop->host, "TMPDIR")));
        arena_on_free(x->mem, close_fd, (void *)(intptr_t)b->fd);
    }
    TRY(fs_write_all(b->fd, x->memory.ptr, x->memory.len));
    buf_clear(&x->memory);
    return NULL;
}

static size_t on_write(char *data, size_t size, size_t count, void *ctx) {
    Exchange *x = ctx;
    Body *b = &x->out->body;
    size_t len = size * count;
    int64_t limit = x->req->body_max ? x->req->body_max : (int64_t)1 << 30;
    size_t memory_max = x->req->memory_max ? x->req->memory_max : (size_t)1 << 20;
    moved(x);
    if (b->size + (int64_t)len > limit)
        return fail(x, err_new(E_TOO_LARGE, "the answer is over the limit of %lld bytes",
                               (long long)limit));
    if (x->memory.len + len > memory_max) {
        Err *e = spill(x);
        if (e)
            return fail(x, e);
    }
    buf_add(&x->memory, data, len);
    b->size += (int64_t)len;
    return len;
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx) {
    Exchange *x = ctx;
    size_t len = size * count;
    moved(x);
    if ((x->header_bytes += len) > MAX_HEADER_BYTES)
        return fail(x, err_new(E_TOO_LARGE, "the answer's headers are too large"));
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) { // a new answer (after "100 Continue")
        x->out->headers.len = 0;
        return len;
    }
    const char *colon = memchr(data, ':', len);
    if (colon) {
        char *name = arena_strndup(x->mem, data, (size_t)(colon - data));
        char *value = arena_strndup(x->mem, colon + 1, len - (size_t)(colon + 1 - data));
        list_push(&x->out->headers, x->mem,
                  (HttpHeader){cstr_lower(x->mem, name), cstr_trim(x->mem, value)});
    }
    return len;
}

// --- one attempt --------------------------------------------------------------------------------

static void set_body(CURL *easy, Exchange *x) {
    const HttpRequest *r = x->req;
    if (cstr_eq(r->method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (r->has_body) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(easy, CURLOPT_READDATA, x);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, x);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body.size);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_tls(CURL *easy, const Host *host) {
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    const char *file = host_env(host, "SSL_CERT_FILE"), *dir = host_env(host, "SSL_CERT_DIR");
    if (*file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    if (*dir)
        curl_easy_setopt(easy, CURLOPT_CAPATH, dir);
}

// "Expect: 100-continue" costs a round trip: only bodies worth it ask first.
static struct curl_slist *header_list(const HttpHeaders *headers, const Body *body, Arena *mem) {
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < headers->len; i++) {
        const HttpHeader *h = &headers->items[i];
        list = curl_slist_append(
            list, arena_printf(mem, *h->value ? "%s: %s" : "%s;%s", h->name, h->value));
    }
    return body->size < (8 << 20) ? curl_slist_append(list, "Expect:") : list;
}

static bool is_released(const Exchange *x) { return x->held && !*x->req->hold; }

// A line break would start a header of somebody else's choosing.
static Err *check_headers(const HttpHeaders *headers) {
    for (size_t i = 0; i < headers->len; i++)
        if (strpbrk(headers->items[i].value, "\r\n"))
            return err_hint(err_new(E_INVALID, "the value of the header \"%s\" holds a line break",
                                    headers->items[i].name),
                            "tokens and keys are one line");
    return NULL;
}

static bool finished(const void *arg) {
    const Exchange *x = arg;
    return x->transfer.done || is_released(x);
}

// Waits for the transfer; wakes up to look at the budget.
static bool await(Exchange *x) {
    Transfer *t = &x->transfer;
    for (;;) {
        int64_t left = t->budget->limit_ms - t->budget->used_ms;
        int64_t deadline = t->last_move + (left > 0 ? left : 0);
        bool ready = loop_wait(x->loop, finished, x, deadline);
        if (t->done)
            return true;
        if (ready) {
            x->held = false;
            curl_easy_pause(x->easy, CURLPAUSE_CONT);
            continue;
        }
        int64_t now = host_monotonic_ms(x->loop->host);
        if (loop_cancelled(x->loop) || now - t->last_move + t->budget->used_ms >= t->budget->limit_ms)
            return false;
    }
}

static Err *curl_error(CURL *easy, CURLcode code, const char *detail) {
    const char *text = *detail ? detail : curl_easy_strerror(code);
    long asked = 0, chain = 0; // bytes of the request that were sent; 2 and more: the chain is bad
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &asked);
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &chain);
    if (code == CURLE_PEER_FAILED_VERIFICATION && chain > 1)
        return err_new(E_UNREACHABLE, "%s (a CA of your own goes into the file that SSL_CERT_FILE "
                                      "names)", text);
    // Too slow is E_TIMEOUT; a connection that did not come about may come about next time.
    bool slow = code == CURLE_OPERATION_TIMEDOUT && asked > 0;
    return err_new(slow ? E_TIMEOUT : E_UNREACHABLE, "%s", text);
}

static Err *attempt(HttpResponse *out, Loop *l, const HttpRequest *req, const HttpHeaders *headers,
                    HttpBudget *budget, Arena *mem) {
    char detail[CURL_ERROR_SIZE] = "";
    AutoArena tmp = arena_new(NULL);
    TRY(check_headers(headers));
    int attempts = out->attempts + 1;
    *out = (HttpResponse){.body = {.fd = -1}, .attempts = attempts};
    Exchange x = {.loop = l, .req = req, .out = out, .mem = mem};
    x.transfer.budget = budget;
    x.transfer.last_move = host_monotonic_ms(l->host);
    buf_init(&x.memory, mem, SIZE_MAX);
    CURL *easy = x.easy = curl_easy_init();
    if (!easy)
        BUG("libcurl has no memory");
    struct curl_slist *list = header_list(headers, &req->body, tmp);
    curl_easy_setopt(easy, CURLOPT_URL, req->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    if (req->no_proxy)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(req->connect_ms ? req->connect_ms : CONNECT_MS));
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)PIECE_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)PIECE_BYTES);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED_BYTES);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)LOW_SPEED_S);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &x);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &x);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &x.transfer);
    set_body(easy, &x);
    set_tls(easy, l->host);
    curl_multi_add_handle(loop_multi(l), easy);
    bool in_time = await(&x);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    CURLcode result = x.transfer.result;
    // A server may answer and close before it has read the whole body: the answer counts.
    bool early = status >= 400 && result == CURLE_SEND_ERROR;
    Err *broken = in_time && result != CURLE_OK && !early ? curl_error(easy, result, detail) : NULL;
    curl_multi_remove_handle(l->multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(list);
    moved(&x);
    if (x.error) {
        err_free(broken);
        return x.error;
    }
    if (!in_time)
        return err_new(E_TIMEOUT, "no answer within %lld s", (long long)budget->limit_ms / 1000);
    TRY(broken);
    out->status = (int)status;
    if (out->body.fd >= 0)
        return spill(&x);
    out->body.data = buf_view(&x.memory);
    return NULL;
}

// --- policy -------------------------------------------------------------------------------------

static bool retryable_status(const HttpRequest *req, const HttpResponse *r) {
    if (req->retry && r->body.fd < 0 && req->retry(req->prepare_ctx, r->status, r->body.data))
        return true;
    return r->status == 408 || r->status == 425 || r->status == 429 ||
           (r->status >= 500 && r->status != 501);
}

// Milliseconds that the server asks to wait; -1 if it says nothing.
static int64_t retry_after(const HttpResponse *r, const Host *host) {
    const char *text = http_header_get(&r->headers, "retry-after");
    uint64_t seconds;
    Time at;
    if (!text)
        return -1;
    if (cstr_to_u64(text, 86400, &seconds))
        return (int64_t)seconds * 1000;
    if (!time_parse_http(text, &at))
        return -1;
    int64_t wait = (at.sec - host_now(host).sec) * 1000;
    return wait > 0 ? wait : 0;
}

static bool same_origin(const char *a, const char *b, Arena *tmp) {
    Url *x, *y;
    AutoErr e1 = url_parse(&x, a, tmp);
    AutoErr e2 = url_parse(&y, b, tmp);
    return !e1 && !e2 && cstr_eq(x->scheme, y->scheme) &&
           cstr_eq(cstr_lower(tmp, x->host), cstr_lower(tmp, y->host));
}

static bool is_credential(const char *name, Arena *tmp) {
    const char *n = cstr_lower(tmp, name);
    return cstr_eq(n, "authorization") || cstr_eq(n, "cookie") || cstr_eq(n, "private-token") ||
           cstr_starts(n, "x-amz-") || cstr_starts(n, "x-ms-") || cstr_starts(n, "metadata");
}

// The absolute target of a redirect this client follows, or NULL.
static const char *redirect_target(const HttpRequest *req, const HttpResponse *r, Arena *mem) {
    const char *to = http_header_get(&r->headers, "location");
    bool reads = cstr_eq(req->method, "GET") || cstr_eq(req->method, "HEAD");
    bool moves = r->status == 301 || r->status == 302 || r->status == 303 || r->status == 307 ||
                 r->status == 308;
    if (req->no_redirect || !reads || !moves || cstr_empty(to))
        return NULL;
    Url *base;
    AutoErr e = url_parse(&base, req->url, mem);
    if (e)
        return NULL;
    if (*to == '/' && to[1] != '/')
        return arena_printf(mem, "%s://%s%s", base->scheme, base->host, to);
    return cstr_starts(to, arena_printf(mem, "%s://", base->scheme)) ? to : NULL;
}

// Sends once, following redirects.
static Err *send_once(HttpResponse *out, Loop *l, const HttpRequest *original, HttpBudget *budget,
                      Arena *mem) {
    HttpRequest req = *original;
    for (int hop = 0;; hop++) {
        bool at_home = hop == 0 || same_origin(req.url, original->url, mem);
        HttpHeaders headers = {0};
        for (size_t i = 0; i < req.headers.len; i++)
            if (at_home || !is_credential(req.headers.items[i].name, mem))
                list_push(&headers, mem, req.headers.items[i]);
        if (req.prepare && hop == 0)
            TRY(req.prepare(req.prepare_ctx, &headers, mem));
        TRY(attempt(out, l, &req, &headers, budget, mem));
        const char *next = redirect_target(&req, out, mem);
        if (!next)
            return NULL;
        if (hop == MAX_REDIRECTS)
            return err_new(E_UNREACHABLE, "more than %d redirects", MAX_REDIRECTS);
        req.url = next;
    }
}

static bool worth_repeating(const Err *e) {
    return err_code(e) == E_UNREACHABLE; // what was too slow once is given up
}

Err *http_do(HttpResponse *out, Loop *l, const HttpRequest *req, Arena *mem) {
    HttpBudget own = http_budget(l);
    HttpBudget *budget = req->budget ? req->budget : &own;
    int most = req->once ? 1 : req->attempts ? req->attempts : l->attempts;
    *out = (HttpResponse){.body = {.fd = -1}};
    for (int n = 1;; n++) {
        Err *e = send_once(out, l, req, budget, mem);
        bool again = e ? worth_repeating(e) : retryable_status(req, out);
        int64_t ceiling = (int64_t)BACKOFF_MS << (n < 12 ? n - 1 : 11);
        int64_t wait = (int64_t)host_random_below(l->host, (uint32_t)ceiling + 1);
        int64_t asked = e ? -1 : retry_after(out, l->host);
        if (asked >= 0)
            wait = asked;
        if (!again || n >= most || loop_cancelled(l) || budget->used_ms + wait >= budget->limit_ms)
            return e ? err_wrap(e, "%s %s", req->method, url_redact_stars(mem, req->url)) : NULL;
        log_debug("%s %s: %s; again in %lld ms", req->method, url_redact_stars(mem, req->url),
                  e ? err_text(e) : http_status_text(out, mem), (long long)wait);
        err_free(e);
        int64_t before = host_monotonic_ms(l->host);
        loop_sleep(l, wait);
        spend(budget, before, host_monotonic_ms(l->host), 0);
    }
}

// --- small helpers ------------------------------------------------------------------------------

void http_header(HttpRequest *req, Arena *mem, const char *name, const char *value) {
    list_push(&req->headers, mem, (HttpHeader){name, value});
}

const char *http_header_get(const HttpHeaders *headers, const char *name) {
    for (size_t i = 0; i < headers->len; i++)
        if (cstr_eq(headers->items[i].name, name))
            return headers->items[i].value;
    return NULL;
}

Err *http_body_text(Str *out, const HttpResponse *resp, Arena *mem) {
    if (resp->body.size > (64 << 20))
        return err_new(E_TOO_LARGE, "an answer of %lld bytes", (long long)resp->body.size);
    return body_bytes(out, &resp->body, mem);
}

static const char *reason(int status) {
    static const struct {
        int status;
        const char *text;
    } table[] = {{400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"},
                 {404, "Not Found"}, {405, "Method Not Allowed"}, {408, "Request Timeout"},
                 {409, "Conflict"}, {411, "Length Required"}, {412, "Precondition Failed"},
                 {413, "Payload Too Large"}, {416, "Range Not Satisfiable"}, {425, "Too Early"},
                 {429, "Too Many Requests"}, {500, "Internal Server Error"},
                 {501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
                 {504, "Gateway Timeout"}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].status == status)
            return table[i].text;
    return "";
}

char *http_status_text(const HttpResponse *resp, Arena *mem) {
    Str body = resp->body.fd < 0 ? resp->body.data : str_from("");
    char *text = arena_strndup(mem, body.ptr, body.len < 200 ? body.len : 200);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    text = log_redact(mem, cstr_trim(mem, text));
    const char *why = reason(resp->status);
    return arena_printf(mem, "HTTP %d%s%s%s%s", resp->status, *why ? " " : "", why,
                        *text ? ": " : "", text);
}
