// What the OCI driver decides without a registry: names, tags, challenges, whom it trusts, and refs as
// artifact manifests. (The rest runs against real registries: tests/contract/test_registry.c.)
#include "test.h"

#include "../../../src/registry/oci.h"

static void repositories(void **state) {
    (void)state;
    static const char *const good[] = {"app", "acme/app", "a-b", "a--b", "a_b", "a__b", "a.b", "0/1"};
    static const char *const bad[] = {"", "App", "a//b", "/a", "a/", "a..b", "a._b", "a___b", "-a", "a-", "a b"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_ok(oci_path_check(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_err(oci_path_check(bad[i]), E_INVALID, "cannot be a repository of an OCI registry");
    char name[258];
    memset(name, 'a', 257);
    name[257] = 0;
    assert_err(oci_path_check(name), E_INVALID, "over 255 characters");
}

static void tags(void **state) {
    (void)state;
    Arena *mem = arena_new(NULL);
    assert_string_equal(oci_ref_tag(mem, (RefName){REF_TAG, "v1"}), "v1");
    assert_string_equal(oci_ref_tag(mem, (RefName){REF_VERSION, "2024.1"}), "atlas.v.2024.1");
    assert_string_equal(oci_ref_tag(mem, (RefName){REF_VERSION, "1_A/b"}), "atlas.v.1_5f_41_2fb");
    assert_string_equal(oci_ref_tag(mem, (RefName){REF_PLAN, "Add Users"}),
                        "atlas.plan._41dd_20_55sers");
    DocName doc = {.kind = DOC_REPOSITORY};
    assert_string_equal(oci_doc_tag(mem, doc), "atlas.repository");
    doc = (DocName){.kind = DOC_DEPLOYMENT, .name = "db 1"};
    assert_string_equal(oci_doc_tag(mem, doc), "atlas.deployment.db_201");
    char *lengthy = arena_alloc(mem, 201);
    memset(lengthy, 'a', 200);
    const char *tag = oci_ref_tag(mem, (RefName){REF_VERSION, lengthy});
    assert_string_equal(tag, "atlas.v.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                             "aaaaaaaa_xc2a908d98f5df987ade41b5fce213067");
    assert_int_equal(strlen(tag), 128);
    arena_free(mem);
}

static void tags_are_read_again(void **state) {
    (void)state;
    Arena *mem = arena_new(NULL);
    RefName n;
    DocName d;
    bool hashed;
    assert_true(oci_tag_ref(&n, &hashed, "latest", mem));
    assert_int_equal(n.kind, REF_TAG);
    assert_true(oci_tag_ref(&n, &hashed, "atlas.v.1_5f_41_2fb", mem));
    assert_int_equal(n.kind, REF_VERSION);
    assert_string_equal(n.name, "1_A/b");
    assert_false(hashed);
    assert_true(oci_tag_ref(&n, &hashed, "atlas.plan.a_xc2a908d98f5df987ade41b5fce213067", mem));
    assert_int_equal(n.kind, REF_PLAN);
    assert_true(hashed);
    static const char *const none[] = {"atlas.repository", "atlas.v.", "atlas.v._zz", "atlas.v", "Upper",
                                       "atlas.deployment.x", "sha256-0123"};
    for (size_t i = 0; i + 1 < COUNT_OF(none); i++)
        assert_false(oci_tag_ref(&n, &hashed, none[i], mem));
    assert_true(oci_tag_doc(&d, &hashed, "atlas.deployment.db_201", DOC_DEPLOYMENT, mem));
    assert_string_equal(d.name, "db 1");
    assert_true(oci_tag_doc(&d, &hashed, "atlas.repository", DOC_REPOSITORY, mem));
    assert_false(oci_tag_doc(&d, &hashed, "atlas.approval.12", DOC_APPROVAL, mem));
    assert_false(oci_tag_doc(&d, &hashed, "latest", DOC_DEPLOYMENT, mem));
    arena_free(mem);
}

static void challenges(void **state) {
    (void)state;
    Arena *mem = arena_new(NULL);
    OciChallenge c = {0};
    oci_challenge_read(&c, "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
                           "scope=\"repository:samalba/my-app:pull,push\"", mem);
    assert_true(c.bearer && !c.basic);
    assert_string_equal(c.realm, "https://auth.docker.io/token");
    assert_string_equal(c.service, "registry.docker.io");
    assert_string_equal(c.scope, "repository:samalba/my-app:pull,push");
    c = (OciChallenge){0};
    oci_challenge_read(&c, "Basic realm=\"Bearer realm=x\", bEARER Realm=https://a/b, error=\"x", mem);
    assert_true(c.bearer && c.basic);
    assert_string_equal(c.realm, "https://a/b");
    assert_null(c.scope);
    static const char *const odd[] = {"", "=", ",,,", "Bearer", "Bearer realm", "Bearer realm=", "Bearer realm=\"",
                                      "=\"", "Basic ===", "Bearer =x,=y"};
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        oci_challenge_read(&c, odd[i], mem);
    arena_free(mem);
}

static void who_gets_the_credentials(void **state) {
    (void)state;
    static const struct {
        const char *registry, *realm;
        bool trusted;
    } cases[] = {
        {"registry-1.docker.io", "auth.docker.io", true},
        {"registry.gitlab.com", "gitlab.com", true},
        {"ghcr.io", "ghcr.io", true},
        {"ghcr.io", "auth.ghcr.io", true},
        {"ghcr.io", "evil.io", false},
        {"ghcr.io", "evilghcr.io", false},
        {"registry-1.docker.io", "auth.docker.io.evil.com", false},
        {"registry-1.docker.io", "evildocker.io", false},
        {"foo.co.uk", "evil.co.uk", false},
        {"registry.foo.co.uk", "auth.foo.co.uk", true},
        {"10.0.0.5", "1.0.0.5", false},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "localhost", false},
        {"localhost", "evil.localhost.com", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(oci_realm_is_trusted(cases[i].registry, cases[i].realm), cases[i].trusted);
}

// --- refs ---------------------------------------------------------------------------------------

static const char ref_json[] =
    "{\"future\":{\"x\":[1]},\"layout\":1,\"manifest\":{\"context\":{\"commit\":\"c0ffee\"},\"digest\":"
    "\"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed\",\"kind\":\"migrations\","
    "\"layout\":1,\"media_type\":\"application/vnd.atlas.migrations.v1.tar\",\"pushed_at\":"
    "\"2026-01-02T03:04:05.678Z\",\"size\":3,\"slug\":\"app\",\"version\":\"7\"},\"pending_primary\":true,"
    "\"seq\":42,\"sigs\":[{\"kid\":\"k\",\"sig\":\"c2ln\"}]}";

static OciArtifact as_read(const Value *v) {
    return (OciArtifact){.type = value_get_text(v, "artifactType"), .config = value_get(v, "config"),
                         .layer = value_at(value_get(v, "layers"), 0),
                         .annotations = value_get(v, "annotations")};
}

static void a_ref_comes_back_byte_for_byte(void **state) {
    (void)state;
    Arena *mem = arena_new(NULL);
    Ref ref;
    Str back, config;
    RefName name = {REF_VERSION, "7"};
    assert_ok(ref_parse(&ref, str_from(ref_json), "app", name, NULL, mem));
    Value *v = oci_artifact_of_ref(&ref, name, mem);
    config = str_from(json_text(mem, ref.manifest, JSON_CANONICAL));
    OciArtifact a = as_read(v);
    assert_ok(oci_artifact_to_ref(&back, &a, config, mem));
    assert_string_equal(back.ptr, ref_json);
    assert_string_equal(json_text(mem, a.annotations, JSON_CANONICAL),
                        "{\"dev.atlas-action.layout\":\"1\",\"dev.atlas-action.more\":\"{\\\"future\\\":{\\\"x\\\":[1]}}\","
                        "\"dev.atlas-action.name\":\"7\",\"dev.atlas-action.pending\":\"true\","
                        "\"dev.atlas-action.seq\":\"42\","
                        "\"dev.atlas-action.sigs\":\"[{\\\"kid\\\":\\\"k\\\",\\\"sig\\\":\\\"c2ln\\\"}]\","
                        "\"org.opencontainers.image.created\":\"2026-01-02T03:04:05.678Z\","
                        "\"org.opencontainers.image.revision\":\"c0ffee\","
                        "\"org.opencontainers.image.version\":\"7\"}");
    assert_string_equal(a.type, "application/vnd.atlas.migrations.v1.tar");
    assert_string_equal(value_get_text(value_get(a.layer, "annotations"), "org.opencontainers.image.title"),
                        "migrations.tar");
    arena_free(mem);
}

static void parts_that_do_not_belong_together(void **state) {
    (void)state;
    Arena *mem = arena_new(NULL);
    Ref ref;
    Str back;
    RefName name = {REF_TAG, "v1"};
    assert_ok(ref_parse(&ref, str_from(ref_json), "app", name, NULL, mem));
    Value *v = oci_artifact_of_ref(&ref, name, mem);
    OciArtifact a = as_read(v);
    assert_err(oci_artifact_to_ref(&back, &a, str_from("[1]"), mem), E_DAMAGED, "is not the manifest");
    assert_err(oci_artifact_to_ref(&back, &a, str_from("{\"digest\":1}"), mem), E_DAMAGED,
               "not in canonical JSON");
    const char *config = json_text(mem, ref.manifest, JSON_CANONICAL);
    Value *layer = value_at(value_get(v, "layers"), 0);
    value_set_int(layer, mem, "size", 4, 0);
    assert_err(oci_artifact_to_ref(&back, &a, str_from(config), mem), E_DAMAGED,
               "its layer is not what its config says");
    value_set_int(layer, mem, "size", 3, 0);
    value_set_str(value_get(v, "annotations"), mem, "dev.atlas-action.sigs", "[", 0);
    assert_err(oci_artifact_to_ref(&back, &a, str_from(config), mem), E_DAMAGED,
               "annotation dev.atlas-action.sigs is damaged");
    arena_free(mem);
}

static void opening(void **state) {
    (void)state;
    Arena *mem = arena_new(NULL);
    Loop *loop;
    assert_ok(loop_new(&loop, &host_system, mem));
    static const struct {
        const char *url, *origin, *prefix;
    } good[] = {{"oci://Registry.example.com:443/acme/", "https://registry.example.com", "acme/"},
                {"oci://u:secret@registry.example.com:5000", "https://registry.example.com:5000", ""},
                {"oci://docker.io/acme/x", "https://registry-1.docker.io", "acme/x/"},
                {"oci+http://localhost:5000/a", "http://localhost:5000", "a/"},
                {"oci+http://[::1]:5000/a", "http://[::1]:5000", "a/"}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        OciTarget *t = (OciTarget *)target_oci(good[i].url, loop, mem);
        assert_ok(t->base.broken);
        assert_string_equal(t->origin, good[i].origin);
        assert_string_equal(t->prefix, good[i].prefix);
        assert_null(strstr(t->base.url, "secret"));
    }
    static const struct {
        const char *url, *part;
    } bad[] = {{"oci+http://10.0.0.1/a", "oci+http:// speaks to this machine only"},
               {"oci+http://127.evil.com/a", "oci+http:// speaks to this machine only"},
               {"oci:///a", "the URL names no registry"},
               {"oci://token@host/a", "the URL names a user without a token"},
               {"oci://host/A", "cannot be a repository"},
               {"oci://host/a?tls=no", "unknown query parameter \"tls\""}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Err *e = target_oci(bad[i].url, loop, mem)->broken;
        assert_non_null(e);
        assert_int_equal(err_code(e), E_INVALID);
        assert_non_null(strstr(err_text(e), bad[i].part));
    }
    arena_free(mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repositories),
        cmocka_unit_test(tags),
        cmocka_unit_test(tags_are_read_again),
        cmocka_unit_test(challenges),
        cmocka_unit_test(who_gets_the_credentials),
        cmocka_unit_test(a_ref_comes_back_byte_for_byte),
        cmocka_unit_test(parts_that_do_not_belong_together),
        cmocka_unit_test(opening),
    };
    return cmocka_run_group_tests_name("oci", tests, NULL, NULL);
}
