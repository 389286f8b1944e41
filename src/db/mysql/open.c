#include "mysql.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static unsigned whole_seconds(Duration d) {
    return d <= 0 ? 0 : (unsigned)((d + DURATION_S - 1) / DURATION_S);
}

static void set_timeout(MYSQL *h, enum mysql_option option, Duration d) {
    unsigned seconds = whole_seconds(d);
    if (seconds > 0)
        mysql_optionsv(h, option, &seconds);
}

// A server must not talk the client into showing its password.
#define SAFE_PLUGINS "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519"

static void set_tls(MYSQL *h, const MariaConfig *c) {
    my_bool yes = 1, no = 0;
    if (cstr_eq(c->tls, "false"))
        return;
    mysql_ssl_set(h, c->ssl_key, c->ssl_cert, c->ssl_ca, NULL, NULL);
    if (cstr_eq(c->tls, "true"))
        mysql_optionsv(h, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
    else
        mysql_optionsv(h, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &no);
    if (!cstr_eq(c->tls, "preferred"))
        mysql_optionsv(h, MYSQL_OPT_SSL_ENFORCE, &yes);
}

static void set_options(MYSQL *h, const MariaConfig *c) {
    unsigned protocol = c->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP, no_files = 0;
    unsigned long packet = 1UL << 30;
    mysql_optionsv(h, MYSQL_OPT_NONBLOCK, 0);
    mysql_optionsv(h, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_optionsv(h, MYSQL_OPT_LOCAL_INFILE, &no_files);
    mysql_optionsv(h, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
    mysql_optionsv(h, MYSQL_SET_CHARSET_NAME, c->charset);
    mysql_optionsv(h, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "atlas-action");
    mysql_optionsv(h, MARIADB_OPT_RESTRICTED_AUTH,
                   c->cleartext ? SAFE_PLUGINS ",mysql_clear_password" : SAFE_PLUGINS);
    set_timeout(h, MYSQL_OPT_CONNECT_TIMEOUT, c->connect_timeout);
    set_timeout(h, MYSQL_OPT_READ_TIMEOUT, c->read_timeout);
    set_timeout(h, MYSQL_OPT_WRITE_TIMEOUT, c->write_timeout);
    set_tls(h, c);
}

// A peer that is gone is noticed within a minute and a half, whatever the statement takes.
static void set_keepalive(MYSQL *h) {
    static const struct {
        int level, name, value;
    } options[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
                   {IPPROTO_TCP, TCP_KEEPIDLE, 30},
                   {IPPROTO_TCP, TCP_KEEPINTVL, 10},
                   {IPPROTO_TCP, TCP_KEEPCNT, 6},
                   {IPPROTO_TCP, TCP_USER_TIMEOUT, 90000}};
    for (size_t i = 0; i < COUNT_OF(options); i++)
        (void)setsockopt(mysql_get_socket(h), options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
}

static const char *connect_hint(unsigned code) {
    switch (code) {
    case ER_ACCESS_DENIED_ERROR:
        return "check the user and the password of the URL (special characters are written %XX)";
    case ER_BAD_DB_ERROR:
        return "create the schema first, or leave it out of the URL";
    case ER_DBACCESS_DENIED_ERROR:
        return "grant the user rights on the schema, or correct the URL";
    case ER_CON_COUNT_ERROR:
    case ER_USER_LIMIT_REACHED:
    case ER_TOO_MANY_USER_CONNECTIONS:
        return "wait until connections end, or raise the limit on the server";
    case CR_SSL_CONNECTION_ERROR:
        return "name the CA with ssl-ca=, or see the parameter tls";
    default:
        return "does the server run, and can this machine reach it?";
    }
}

static Err *connect_error(Maria *m) {
    Err *e = err_hint(maria_error(m), "%s", connect_hint(mysql_errno(m->handle)));
    if (m->config.socket)
        return err_wrap(e, "%s", m->config.socket);
    return err_wrap(e, "%s:%u", m->config.host, m->config.port);
}

Err *maria_connect(Maria *m) {
    const MariaConfig *c = &m->config;
    m->handle = mysql_init(NULL);
    if (!m->handle)
        return err_new(E_DB, "libmariadb could not be started");
    set_options(m->handle, c);
    if (!maria_real_connect(m))
        return connect_error(m);
    m->id = mysql_thread_id(m->handle);
    m->is_mariadb = mariadb_connection(m->handle);
    if (!c->socket)
        set_keepalive(m->handle);
    return NULL;
}

// --- the session ---------------------------------------------------------------------------------

static void add_setting(Buf *sql, const char *setting) {
    buf_str(sql, sql->len == 0 ? "SET SESSION " : ", ");
    buf_str(sql, setting);
}

static Err *set_session(Maria *m) {
    AutoArena tmp = arena_new(NULL);
    Buf sql;
    buf_init(&sql, tmp, BUF_MAX_TEXT);
    for (size_t i = 0; i < m->config.settings.len; i++)
        add_setting(&sql, m->config.settings.items[i]);
    if (m->config.collation)
        add_setting(&sql, arena_printf(tmp, "collation_connection = %s",
                                       maria_quote(tmp, m->config.collation)));
    Duration lock = m->base.lock_timeout, statement = m->base.statement_timeout;
    if (lock > 0)
        add_setting(&sql, arena_printf(tmp, "lock_wait_timeout = %u, innodb_lock_wait_timeout = %u",
                                       whole_seconds(lock), whole_seconds(lock)));
    if (statement > 0)
        add_setting(&sql,
                    m->is_mariadb
                        ? arena_printf(tmp, "max_statement_time = %.6f", (double)statement / 1e9)
                        : arena_printf(tmp, "max_execution_time = %lld",
                                       (long long)((statement + DURATION_MS - 1) / DURATION_MS)));
    if (!(m->handle->server_status & SERVER_STATUS_AUTOCOMMIT) || m->config.settings.len > 0)
        add_setting(&sql, "autocommit = 1");
    return sql.len > 0 ? maria_exec(&m->base, sql.ptr) : NULL;
}

static void close_hook(void *ctx) {
    db_close(ctx);
}

Err *maria_open(Db **out, const char *rest, const Db *base, Arena *mem) {
    Maria *m = NEW(mem, Maria);
    unsigned char random[8];
    m->base = *base;
    m->mem = mem;
    TRY(maria_parse_url(&m->config, rest, base, mem));
    m->base.schema = m->config.database;
    host_random(base->host, random, sizeof random);
    snprintf(m->marker, sizeof m->marker, "atlas_%s", hex_encode(mem, random, sizeof random));
    arena_on_free(mem, close_hook, m);
    TRY(maria_connect(m));
    TRY(set_session(m));
    *out = &m->base;
    return NULL;
}

void maria_close(Db *db) {
    Maria *m = maria_of(db);
    if (m->handle)
        mysql_close(m->handle);
    m->handle = NULL;
}
