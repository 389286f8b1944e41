// The HTTP face of the registry server. libmicrohttpd reads requests; each is answered by a task
// of the loop, so that a slow store delays nobody else.
#include <sys/socket.h>

#include <microhttpd.h>

#include "atlas/server.h"
#include "door.h"
#include "protocol.h"

enum {
    MAX_BODY = 64 << 20,
    MAX_BODIES = 256 << 20,
    HEADER_TIMEOUT_S = 10,
    CROWDED_HEADER_MS = 3000, // while others of the same address wait
    BODY_GRACE_MS = 30000,    // and a millisecond more for each byte that came
    MAX_CONNECTIONS = 8192,
    TICK_MS = 500,
    MAX_PASSES = 16,
};

typedef struct Server {
    const ServerOptions *options;
    Loop *loop;
    struct MHD_Daemon *daemon;
    Door *door;
    Arena *mem, *token_mem;
    Tokens tokens;
    const char *public_url;
    RepoHome *home;  // opened once; serves all requests
    Answers *answers;
    GrantKeys keys;  // the first signs refs, approvals and grants; all are published
    size_t bodies;   // bytes of request bodies in memory
    size_t running;  // tasks under way
    bool more;       // the daemon has work left
    bool resumed;    // an answer waits for MHD_run, which no descriptor may announce
    uint64_t requests, refused, failed;
    struct Connection *connections;
} Server;

// MHD's own time-out is one of silence: a client that trickles would hold its place for ever.
typedef struct Connection {
    struct Connection *next;
    Visitor *visitor;
    int fd;
    bool in_headers;
    int64_t since_ms;    // of the phase: headers, or body
    int64_t deadline_ms; // of the headers or the body; negative: the answer is being worked out
    Arena *mem;
} Connection;

typedef struct Request {
    Server *server;
    struct MHD_Connection *connection;
    Arena *mem;
    Buf body;
    size_t counted; // of server->bodies
    Role role;
    const char *user, *token;
    Task *task;
    ProtocolAnswer answer;
    bool answered;
} Request;

static int64_t now_ms(const Server *s) { return host_monotonic_ms(loop_host(s->loop)); }

static Connection *connection_of(struct MHD_Connection *c) {
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

// --- answers ------------------------------------------------------------------------------------

static enum MHD_Result reply_with(struct MHD_Connection *c, int status, const char *type, Str text,
                                  const char *grant) {
    union {
        const char *in;
        void *out;
    } bytes = {.in = text.ptr}; // lives until the request is completed
    struct MHD_Response *r =
        MHD_create_response_from_buffer(text.len, bytes.out, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(r, "Content-Type", type);
    MHD_add_response_header(r, "Cache-Control", "no-store");
    if (grant)
        MHD_add_response_header(r, "Atlas-Grant", grant);
    if (status == 503)
        MHD_add_response_header(r, "Retry-After", "1");
    if (door_is_crowded(connection_of(c)->visitor))
        MHD_add_response_header(r, "Connection", "close");
    enum MHD_Result result = MHD_queue_response(c, (unsigned)status, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result reply(struct MHD_Connection *c, int status, const char *type, Str text) {
    return reply_with(c, status, type, text, NULL);
}

static enum MHD_Result refuse(Request *r, int status, const char *message) {
    r->server->refused++;
    return reply(r->connection, status, "application/json",
                 str_from(protocol_error(message, r->mem)));
}

static enum MHD_Result send_metrics(Request *r) {
    Server *s = r->server;
    Buf out;
    buf_init(&out, r->mem, 64 << 10);
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"atlas_registry_requests_total", "counter", "Protocol requests answered.", s->requests},
        {"atlas_registry_refused_total", "counter", "Requests refused before work.", s->refused},
        {"atlas_registry_failed_total", "counter", "Requests that failed with 5xx.", s->failed},
        {"atlas_registry_running", "gauge", "Requests being worked on.", s->running},
        {"atlas_registry_body_bytes", "gauge", "Bytes of request bodies held.", s->bodies},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        buf_printf(&out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", rows[i].name, rows[i].help,
                   rows[i].name, rows[i].type, rows[i].name, (unsigned long long)rows[i].value);
    return reply(r->connection, 200, "text/plain; version=0.0.4", buf_view(&out));
}

// --- who is asking ------------------------------------------------------------------------------

static void authenticate(Request *r) {
    const char *header =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Authorization");
    r->role = ROLE_NONE;
    r->user = r->token = "";
    if (!header || strncasecmp(header, "Bearer ", 7) != 0 || !header[7])
        return;
    r->token = arena_strdup(r->mem, header + 7);
    if (!r->server->options->tokens_file) {
        r->role = ROLE_ADMIN;
        r->user = "anyone";
        return;
    }
    r->role = tokens_role(&r->server->tokens, header + 7, &r->user);
}

// --- connections --------------------------------------------------------------------------------

static void on_connection(void *ctx, struct MHD_Connection *c, void **state,
                          enum MHD_ConnectionNotificationCode code) {
    Server *s = ctx;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        Arena *mem = arena_new(NULL);
        Connection *made = *state = NEW(mem, Connection);
        *made = (Connection){
            .next = s->connections,
            .visitor = door_visitor(
                s->door, MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr),
            .fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            .in_headers = true,
            .since_ms = now_ms(s),
            .deadline_ms = now_ms(s) + HEADER_TIMEOUT_S * 1000,
            .mem = mem};
        s->connections = made;
        return;
    }
    Connection *gone = *state;
    for (Connection **at = &s->connections; *at; at = &(*at)->next)
        if (*at == gone) {
            *at = gone->next;
            door_left(s->door, gone->visitor);
            arena_free(gone->mem);
            break;
        }
    *state = NULL;
}

static void cut_slow(const Server *s) {
    int64_t now = now_ms(s);
    for (Connection *c = s->connections; c; c = c->next) {
        bool crowded = c->in_headers && door_is_crowded(c->visitor) &&
                       now >= c->since_ms + CROWDED_HEADER_MS;
        if (c->deadline_ms >= 0 && (crowded || now >= c->deadline_ms)) {
            c->deadline_ms = -1;
            shutdown(c->fd, SHUT_RDWR); // the daemon sees the end of it and closes
        }
    }
}

// --- one request --------------------------------------------------------------------------------

static void run_request(void *arg) {
    Request *r = arg;
    Server *s = r->server;
    ProtocolRequest p = {.home = s->home, .public_url = s->public_url,
                         .loop = s->loop, .role = r->role, .user = r->user,
                         .token = r->token, .keys = &s->keys,
                         .body = buf_view(&r->body), .answers = s->answers};
    r->answer = protocol_answer(&p, r->mem);
    s->requests++;
    s->failed += r->answer.status >= 500;
    s->running--;
    r->answered = s->resumed = true;
    MHD_resume_connection(r->connection);
}

static enum MHD_Result count_lengths(void *ctx, enum MHD_ValueKind kind, const char *name,
                                     const char *value) {
    (void)kind, (void)value;
    *(int *)ctx += strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
    return MHD_YES;
}

// Two lengths: a proxy in front might believe the other one and pass a request within the body.
static bool has_one_length(struct MHD_Connection *c) {
    int lengths = 0;
    MHD_get_connection_values(c, MHD_HEADER_KIND, count_lengths, &lengths);
    return lengths <= 1;
}

// Routes by path once headers are in. MHD_YES with nothing queued: go on reading the body.
static enum MHD_Result route(Request *r, const char *path, const char *method) {
    bool get = cstr_eq(method, "GET") || cstr_eq(method, "HEAD");
    const char *length = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
                                                     "Content-Length");
    uint64_t size = 0;
    if (get && cstr_eq(path, "/healthz"))
        return reply(r->connection, 200, "text/plain", str_from("ok\n"));
    if (get && cstr_eq(path, "/.well-known/jwks.json"))
        return reply(r->connection, 200, "application/json",
                     str_from(grant_jwks_text(&r->server->keys, r->mem)));
    if (!has_one_length(r->connection))
        return refuse(r, 400, "the request says its length twice");
    authenticate(r);
    if (r->role == ROLE_NONE)
        return refuse(r, 401, "unauthorized: the token is missing or unknown");
    if (get && cstr_eq(path, "/metrics"))
        return send_metrics(r);
    if (!cstr_eq(path, "/query") && !cstr_eq(path, "/"))
        return refuse(r, 404, "no such page; the protocol is served at /query");
    if (!cstr_eq(method, "POST"))
        return refuse(r, 405, "the protocol is POST only");
    if (length && (!cstr_to_u64(length, UINT64_MAX, &size) || size > MAX_BODY))
        return refuse(r, 413, "the request is over 64 MiB");
    if (r->server->bodies + size > MAX_BODIES)
        return refuse(r, 503, "too many requests at once");
    return MHD_YES;
}

static enum MHD_Result take_body(Request *r, const char *data, size_t *size) {
    Server *s = r->server;
    if (s->bodies + *size > MAX_BODIES || r->body.len + *size > MAX_BODY)
        return MHD_NO; // a client that sends more than it said, or than we can hold
    buf_add(&r->body, data, *size);
    Connection *c = connection_of(r->connection);
    c->deadline_ms = c->since_ms + BODY_GRACE_MS + (int64_t)r->body.len;
    s->bodies += *size;
    r->counted += *size;
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state) {
    (void)version;
    Request *r = *state;
    if (!r) {
        Arena *mem = arena_new(NULL);
        r = *state = NEW(mem, Request);
        *r = (Request){.server = ctx, .connection = c, .mem = mem};
        buf_init(&r->body, mem, MAX_BODY);
        Connection *kept = connection_of(c);
        kept->in_headers = false;
        kept->since_ms = now_ms(ctx);
        kept->deadline_ms = kept->since_ms + BODY_GRACE_MS;
        return route(r, path, method);
    }
    if (*size)
        return take_body(r, data, size);
    if (!r->task) {
        r->server->running++;
        connection_of(c)->deadline_ms = -1;
        MHD_suspend_connection(c);
        r->task = task_start(r->server->loop, run_request, r, r->mem);
        return MHD_YES;
    }
    return r->answered ? reply_with(c, r->answer.status, "application/json", r->answer.text,
                                    r->answer.grant)
                       : MHD_YES;
}

static void on_complete(void *ctx, struct MHD_Connection *c, void **state,
                        enum MHD_RequestTerminationCode code) {
    (void)code;
    Server *s = ctx;
    Request *r = *state;
    if (!r)
        return;
    Connection *kept = connection_of(c);
    kept->in_headers = true; // of the next request, which may be HEADER_TIMEOUT_S away
    kept->since_ms = now_ms(s);
    kept->deadline_ms = now_ms(s) + 2 * HEADER_TIMEOUT_S * 1000;
    s->bodies -= r->counted;
    answers_release(r->answer.page);
    arena_free(r->mem); // its task has ended: a suspended connection does not complete
    *state = NULL;
}

// --- running ------------------------------------------------------------------------------------

// Goes on while the daemon has work that no descriptor will announce: bytes it holds already, or
// that the kernel has told it of once. After some passes it is the others' turn.
static void run_daemon(Server *s) {
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    s->more = true;
    for (int i = 0; i < MAX_PASSES && s->more; i++) {
        MHD_run(s->daemon);
        s->more = MHD_get_timeout(s->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
    }
    door_admit(s->door);
}

static void on_epoll(void *ctx, short revents) {
    (void)revents;
    run_daemon(ctx);
}

static Err *start_daemon(Server *s) {
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET, 0, NULL,
        NULL, on_request, s, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HEADER_TIMEOUT_S,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_complete, s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)64 << 10, MHD_OPTION_END);
    if (!s->daemon)
        return err_new(E_IO, "the HTTP server could not be started");
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    loop_watch(s->loop, info->epoll_fd, POLLIN, on_epoll, s);
    door_serve(s->door, s->daemon);
    return NULL;
}

static Err *load_tokens(Server *s) {
    if (!s->options->tokens_file)
        return NULL;
    Arena *mem = arena_new(s->mem);
    Tokens fresh;
    Err *e = tokens_read(&fresh, s->options->tokens_file, mem);
    if (e) {
        arena_free(mem);
        return e;
    }
    arena_free(s->token_mem);
    s->token_mem = mem;
    s->tokens = fresh;
    return NULL;
}

static void reload_tokens(Server *s) {
    AutoErr e = load_tokens(s);
    if (e)
        log_warn("the tokens file was not reloaded, the old tokens stay: %s", err_text(e));
    else
        log_notice("tokens reloaded");
}

static bool stopping(const void *arg) {
    const Server *s = arg;
    return *s->options->stop || *s->options->reload || s->resumed;
}

static bool idle(const void *arg) { return ((const Server *)arg)->running == 0; }

static void serve(Server *s, volatile sig_atomic_t *reload) {
    while (!*s->options->stop) {
        loop_wait(s->loop, stopping, s, now_ms(s) + (s->more ? 1 : TICK_MS));
        s->resumed = false;
        cut_slow(s);
        run_daemon(s);
        if (*reload) {
            *reload = 0;
            reload_tokens(s);
        }
    }
    door_close(s->door);
    int64_t end = host_monotonic_ms(loop_host(s->loop)) + 30000;
    while (s->running && host_monotonic_ms(loop_host(s->loop)) < end)
        loop_wait(s->loop, idle, s, host_monotonic_ms(loop_host(s->loop)) + 50);
    for (int i = 0; i < 10; i++) // lets the last answers out
        MHD_run(s->daemon);
}

Err *server_run(const ServerOptions *o, Arena *mem) {
    Server s = {.options = o, .loop = o->loop, .mem = mem};
    const char *first = NULL;
    if (!cstr_empty(o->sign_key)) {
        TRY(grant_keys_parse(&s.keys, o->sign_key, "--sign-key", mem));
        Str seed = s.keys.items[0].seed;
        first = base64_encode(mem, seed.ptr, seed.len);
    }
    TRY(repo_home_open(&s.home, o->store_url, first, o->loop, mem));
    TRY(repo_home_check(s.home, o->single_writer, mem)); // what cannot be used is told at once, not with the first push
    s.answers = answers_new(mem);
    TRY(load_tokens(&s));
    TRY(door_open(&s.door, o, mem));
    const char *address = door_address(s.door, mem);
    s.public_url = cstr_or(o->public_url, arena_printf(mem, "http://%s", address));
    TRY(start_daemon(&s));
    if (o->ready)
        o->ready(o->ctx, address);
    union {
        const volatile sig_atomic_t *in;
        volatile sig_atomic_t *out;
    } reload = {.in = o->reload};
    serve(&s, reload.out);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s.daemon, MHD_DAEMON_INFO_EPOLL_FD);
    loop_watch(s.loop, info->epoll_fd, 0, NULL, NULL);
    MHD_stop_daemon(s.daemon);
    return NULL;
}
