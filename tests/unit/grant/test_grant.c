#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "atlas/crypt.h"
#include "atlas/grant.h"

#define TOKEN "aci_0123456789abcdef0123456789abcdef"
#define AUD "https://registry.example/query"

typedef struct World {
    Arena *mem;
    const char *dir;
    Map vars;
    Host *host;
} World;

static void world(World *w) {
    w->mem = arena_new(NULL);
    w->dir = test_dir(w->mem);
    map_init(&w->vars, w->mem);
    map_set(&w->vars, "ATLAS_HOME", arena_printf(w->mem, "%s/home", w->dir));
    w->host = host_with_vars(w->mem, &host_system, &w->vars);
}

static void set_env(World *w, const char *name, const char *value) {
    map_set(&w->vars, name, arena_strdup(w->mem, value));
    int64_t skew = w->host->clock_skew_s;
    w->host = host_with_vars(w->mem, &host_system, &w->vars);
    w->host->clock_skew_s = skew;
}

static Grant fresh(const World *w) {
    Time now = host_now(w->host), end = now;
    end.sec += GRANT_LIFE_S;
    return (Grant){.aud = AUD, .org = "acme", .sub = "ci-bot", .iat = now, .exp = end,
                   .seen = value_map(w->mem)};
}

static ErrCode decoded(const World *w, const char *text, const char *token, const char *aud) {
    Grant g;
    Err *e = grant_decode(&g, str_from(text), token, aud, w->host, w->mem);
    ErrCode code = err_code(e);
    err_free(e);
    return code;
}

static void round_trip(void **state) {
    (void)state;
    World w;
    world(&w);
    Grant g = fresh(&w), back;
    value_set_int(g.seen, w.mem, "app/refs/tags/latest", 7, 0);
    const char *text = grant_encode(&g, TOKEN, w.mem);
    assert_null(strstr(text, TOKEN));
    assert_ok(grant_decode(&back, str_from(text), TOKEN, AUD, w.host, w.mem));
    assert_string_equal(back.org, "acme");
    assert_string_equal(back.sub, "ci-bot");
    assert_string_equal(back.tok, sha256_hex(w.mem, str_from(TOKEN)) ? grant_tok(w.mem, TOKEN) : "");
    assert_int_equal(value_get_int(back.seen, "app/refs/tags/latest"), 7);
    assert_int_equal(back.exp.sec, g.exp.sec);
    assert_false(grant_wants_renewal(&back, w.host));
    arena_free(w.mem);
}

static char *replaced(Arena *mem, const char *text, size_t part, const char *with) {
    StrList parts = cstr_split(mem, text, '.');
    parts.items[part] = with;
    return cstr_join(mem, &parts, ".");
}

static void what_is_not_ours_is_damaged(void **state) {
    (void)state;
    World w;
    world(&w);
    Grant g = fresh(&w);
    const char *text = grant_encode(&g, TOKEN, w.mem);
    static const char none[] = "{\"alg\":\"none\"}";
    Grant longer = g;
    longer.exp.sec += 1000000;
    const char *other = grant_encode(&longer, TOKEN, w.mem);
    StrList parts = cstr_split(w.mem, other, '.');
    assert_int_equal(decoded(&w, text, TOKEN, AUD), E_OK);
    assert_int_equal(decoded(&w, text, TOKEN "x", AUD), E_DAMAGED);
    assert_int_equal(decoded(&w, text, TOKEN, AUD "x"), E_DAMAGED);
    assert_int_equal(decoded(&w, replaced(w.mem, text, 1, parts.items[1]), TOKEN, AUD), E_DAMAGED);
    assert_int_equal(decoded(&w, replaced(w.mem, text, 2, ""), TOKEN, AUD), E_DAMAGED);
    assert_int_equal(decoded(&w, replaced(w.mem, text, 0, base64url_encode(w.mem, none, strlen(none))),
                             TOKEN, AUD), E_DAMAGED);
    static const char *const garbage[] = {"", ".", "..", "...", "a.b.c", "{}", "\xff\xff", "x"};
    for (size_t i = 0; i < COUNT_OF(garbage); i++)
        assert_int_equal(decoded(&w, garbage[i], TOKEN, AUD), E_DAMAGED);
    char *huge = arena_alloc(w.mem, GRANT_MAX_FILE + 2);
    memset(huge, 'a', GRANT_MAX_FILE + 1);
    assert_int_equal(decoded(&w, huge, TOKEN, AUD), E_DAMAGED);
    arena_free(w.mem);
}

static void time_decides(void **state) {
    (void)state;
    World w;
    world(&w);
    Grant g = fresh(&w);
    const char *text = grant_encode(&g, TOKEN, w.mem);
    static const struct {
        int64_t skew;
        ErrCode code;
        bool renew;
    } rows[] = {{0, E_OK, false},
                {-290, E_OK, false}, // a clock up to five minutes behind
                {-600, E_DAMAGED, false},
                {GRANT_LIFE_S / 2 - 60, E_OK, false},
                {GRANT_LIFE_S / 2 + 60, E_OK, true},
                {GRANT_LIFE_S - 60, E_OK, true},
                {GRANT_LIFE_S + 60, E_UNAUTHORIZED, true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        w.host->clock_skew_s = rows[i].skew;
        assert_int_equal(decoded(&w, text, TOKEN, AUD), rows[i].code);
        if (rows[i].code != E_DAMAGED)
            assert_int_equal(grant_wants_renewal(&g, w.host), rows[i].renew);
    }
    w.host->clock_skew_s = 7200;
    set_env(&w, "ATLAS_GRANT_TTL", "1h");
    assert_int_equal(decoded(&w, text, TOKEN, AUD), E_UNAUTHORIZED);
    set_env(&w, "ATLAS_GRANT_TTL", "10800");
    assert_int_equal(decoded(&w, text, TOKEN, AUD), E_OK);
    arena_free(w.mem);
}

static void files_and_tombstones(void **state) {
    (void)state;
    World w;
    world(&w);
    Grant g = fresh(&w), back;
    bool found;
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_false(found);
    assert_ok(grant_store(&g, TOKEN, w.host, w.mem));
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_true(found && !back.gone);
    struct stat st;
    const char *file = arena_printf(w.mem, "%s/home/grants/%s.jws", w.dir, grant_tok(w.mem, TOKEN));
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(fs_dirname(w.mem, file), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    // A tombstone beats what is older or of the same second, and only a newer grant beats it.
    Grant gone = g;
    gone.gone = true;
    assert_ok(grant_store(&gone, TOKEN, w.host, w.mem));
    assert_ok(grant_store(&g, TOKEN, w.host, w.mem));
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_true(found && back.gone);
    w.host->clock_skew_s = 2 * GRANT_LIFE_S; // and it never ends
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_true(found && back.gone);
    g.iat.sec += 1;
    w.host->clock_skew_s = 0;
    assert_ok(grant_store(&g, TOKEN, w.host, w.mem));
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_true(found && !back.gone);
    assert_ok(grant_remove(TOKEN, w.host, w.mem));
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_false(found);
    arena_free(w.mem);
}

static void hostile_directories(void **state) {
    (void)state;
    World w;
    world(&w);
    Grant g = fresh(&w), back;
    bool found;
    const char *home = arena_printf(w.mem, "%s/home", w.dir);
    const char *file = arena_printf(w.mem, "%s/grants/%s.jws", home, grant_tok(w.mem, TOKEN));
    const char *real = arena_printf(w.mem, "%s/real.jws", w.dir);
    assert_ok(fs_write_atomic(real, str_from(grant_encode(&g, TOKEN, w.mem)), 0600));
    assert_ok(fs_mkdirs(fs_dirname(w.mem, file), 0700));
    assert_int_equal(symlink(real, file), 0); // a link to a good one is not followed
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_false(found);
    assert_ok(grant_store(&g, TOKEN, w.host, w.mem)); // and is replaced, not written through
    struct stat st;
    assert_int_equal(lstat(file, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_ok(fs_remove(file));
    assert_int_equal(mkfifo(file, 0600), 0); // nobody waits for a writer
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_false(found);
    assert_ok(fs_remove(file));
    assert_int_equal(rmdir(fs_dirname(w.mem, file)), 0);
    assert_int_equal(symlink(w.dir, fs_dirname(w.mem, file)), 0); // the folder itself is a link
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_false(found);
    assert_err(grant_store(&g, TOKEN, w.host, w.mem), E_NOT_FOUND, "grants: Not a directory");
    set_env(&w, "ATLAS_HOME_SUBDIR", "a/../../b");
    assert_err(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem), E_CONFIG, "leaves the home");
    set_env(&w, "ATLAS_HOME_SUBDIR", "shop");
    assert_ok(grant_store(&g, TOKEN, w.host, w.mem));
    assert_int_equal(fs_kind(arena_printf(w.mem, "%s/shop/grants", home)), FS_DIR);
    Map none;
    map_init(&none, w.mem);
    Host *homeless = host_with_vars(w.mem, &host_system, &none);
    assert_ok(grant_load(&found, &back, TOKEN, AUD, homeless, w.mem));
    assert_false(found);
    assert_err(grant_store(&g, TOKEN, homeless, w.mem), E_NOT_FOUND, "no home directory");
    arena_free(w.mem);
}

static void many_write_at_once(void **state) {
    (void)state;
    World w;
    world(&w);
    pid_t children[8];
    for (int i = 0; i < 8; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            Grant g = fresh(&w);
            for (int n = 0; n < 50; n++) {
                g.iat.sec = fresh(&w).iat.sec - 1000 + 8 * n + i;
                g.gone = n == 49 && i == 7; // the newest word
                err_free(grant_store(&g, TOKEN, w.host, w.mem));
            }
            _exit(0);
        }
    }
    for (int i = 0; i < 8; i++)
        waitpid(children[i], NULL, 0);
    Grant back;
    bool found;
    assert_ok(grant_load(&found, &back, TOKEN, AUD, w.host, w.mem));
    assert_true(found && back.gone);
    StrList names = {0};
    assert_ok(fs_list(&names, arena_printf(w.mem, "%s/home/grants", w.dir), w.mem));
    assert_int_equal(names.len, 1);
    arena_free(w.mem);
}

static void tokens(void **state) {
    (void)state;
    World w;
    world(&w);
    const char *token, *url;
    assert_ok(grant_token_read(&token, &url, w.host, w.mem));
    assert_string_equal(token, "");
    assert_ok(grant_token_write(TOKEN, AUD, w.host, w.mem));
    assert_ok(grant_token_read(&token, &url, w.host, w.mem));
    assert_string_equal(token, TOKEN);
    assert_string_equal(url, AUD);
    struct stat st;
    assert_int_equal(stat(arena_printf(w.mem, "%s/home/token", w.dir), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_ok(grant_token_remove(w.host, w.mem));
    assert_ok(grant_token_remove(w.host, w.mem));
    assert_ok(grant_token_read(&token, &url, w.host, w.mem));
    assert_string_equal(token, "");
    arena_free(w.mem);
}

static void registries_sign(void **state) {
    (void)state;
    World w;
    world(&w);
    Str seed, pub;
    GrantKeys keys = {0}, published = {0}, others = {0};
    assert_ok(ed25519_generate(&seed, &pub, w.mem));
    const char *one = arena_printf(w.mem, "ed25519-private:%s", base64_encode(w.mem, seed.ptr, seed.len));
    const char *pinned = arena_printf(w.mem, "ed25519:%s", base64_encode(w.mem, pub.ptr, pub.len));
    assert_ok(ed25519_generate(&seed, &pub, w.mem));
    const char *two = arena_printf(w.mem, "ed25519-private:%s", base64_encode(w.mem, seed.ptr, seed.len));
    const char *unpinned = arena_printf(w.mem, "ed25519:%s", base64_encode(w.mem, pub.ptr, pub.len));
    assert_ok(grant_keys_parse(&keys, arena_printf(w.mem, "# keys\n%s\n\n%s\n", one, two), "k", w.mem));
    assert_int_equal(keys.len, 2);
    assert_ok(grant_jwks_parse(&published, str_from(grant_jwks_text(&keys, w.mem)), w.mem));
    assert_int_equal(published.len, 2);
    assert_string_equal(published.items[1].kid, keys.items[1].kid);
    Grant g = fresh(&w);
    SignedGrant s = {.iss = "https://r", .org = "acme", .sub = "ci", .tok = grant_tok(w.mem, TOKEN),
                     .iat = g.iat, .exp = g.exp}, back;
    const GrantKey *by;
    g.tok = s.tok;
    g.reg = signed_grant_encode(&s, &keys.items[0], w.mem);
    assert_ok(signed_grant_decode(&back, &by, g.reg, &published, w.mem));
    assert_string_equal(by->kid, keys.items[0].kid);
    assert_string_equal(back.org, "acme");
    list_push(&others, w.mem, published.items[1]);
    assert_err(signed_grant_decode(&back, &by, g.reg, &others, w.mem), E_DAMAGED, "not signed");
    assert_true(grant_is_signed(&g, pinned, w.host, w.mem));
    assert_false(grant_is_signed(&g, unpinned, w.host, w.mem));
    assert_false(grant_is_signed(&g, "ed25519:short", w.host, w.mem));
    w.host->clock_skew_s = GRANT_LIFE_S + 1;
    assert_false(grant_is_signed(&g, pinned, w.host, w.mem));
    w.host->clock_skew_s = 0;
    g.tok = "0123456789abcdef";
    assert_false(grant_is_signed(&g, pinned, w.host, w.mem));
    GrantKeys none = {0};
    assert_err(grant_keys_parse(&none, "# nothing\n", "k", w.mem), E_SYNTAX, "k holds no key");
    assert_err(grant_keys_parse(&none, "secretsecret\n", "k", w.mem), E_SYNTAX, "k:1:1: this line is no");
    assert_err(grant_jwks_parse(&none, str_from("[]x"), w.mem), E_SYNTAX, "jwks.json");
    arena_free(w.mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),           cmocka_unit_test(what_is_not_ours_is_damaged),
        cmocka_unit_test(time_decides),         cmocka_unit_test(files_and_tombstones),
        cmocka_unit_test(hostile_directories),  cmocka_unit_test(many_write_at_once),
        cmocka_unit_test(tokens),               cmocka_unit_test(registries_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
