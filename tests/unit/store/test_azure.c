// Where azblob:// URLs lead, and which of the static credentials serve; no network.
#include "test.h"

#include "../../../src/store/azure/azure.h"
#include "atlas/store.h"

typedef struct Fixture {
    Arena *mem;
    Map vars;
} Fixture;

static Fixture fixture(void) {
    Fixture f = {.mem = arena_new(NULL)};
    map_init(&f.vars, f.mem);
    map_set(&f.vars, "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            arena_strdup(f.mem, "http://127.0.0.1:1"));
    return f;
}

static void set(Fixture *f, const char *name, const char *value) {
    map_set(&f->vars, name, arena_strdup(f->mem, value));
}

static Loop *loop_of(Fixture *f) {
    Loop *loop = NULL;
    assert_ok(loop_new(&loop, host_with_vars(f->mem, &host_system, &f->vars), f->mem));
    return loop;
}

static const char *endpoint(Fixture *f, const char *url) {
    Store *s = NULL;
    Err *e = store_open(&s, url, loop_of(f), f->mem);
    if (e) {
        const char *text = arena_strdup(f->mem, err_text(e));
        err_free(e);
        return text;
    }
    const AzureStore *a = (const AzureStore *)s;
    return arena_printf(f->mem, "%s://%s%s %s%s", a->scheme, a->host, a->base_path, a->account,
                        a->trusted ? "" : " untrusted");
}

#define KEY "a2V5a2V5a2V5"

static const struct {
    const char *params, *account, *connection, *domain, *want;
} places[] = {
    {"", "acc", "", "", "https://acc.blob.core.windows.net acc"},
    {"?storage_account=other", "acc", "", "", "https://other.blob.core.windows.net other"},
    {"?domain=blob.core.chinacloudapi.cn", "acc", "", "",
     "https://acc.blob.core.chinacloudapi.cn acc"},
    {"?domain=blob.example.com", "acc", "", "", "https://acc.blob.example.com acc untrusted"},
    {"?domain=evil.com/x.blob.core.windows.net", "acc", "", "",
     "https://acc.evil.com/x.blob.core.windows.net acc untrusted"},
    {"?domain=evil.com%23.blob.core.windows.net", "acc", "", "",
     "the endpoint of the storage account is not an http or https URL of a host"},
    {"", "acc", "", "blob.example.com", "https://acc.blob.example.com acc"},
    {"?domain=blob.other.com", "acc", "", "blob.example.com",
     "https://acc.blob.other.com acc untrusted"},
    {"?cdn=true&domain=cdn.example.com", "acc", "", "cdn.example.com",
     "https://cdn.example.com acc"},
    {"?cdn=true&domain=cdn.example.com", "", "", "", "https://cdn.example.com  untrusted"},
    {"?localemu=true", "acc", "", "", "http://127.0.0.1:10000/acc acc"},
    {"?localemu=true&domain=azurite:10000", "acc", "", "",
     "http://azurite:10000/acc acc untrusted"},
    {"?domain=localhost:10000&protocol=http", "acc", "", "", "http://localhost:10000/acc acc"},
    {"?domain=10.0.0.5:10000", "acc", "", "", "https://10.0.0.5:10000/acc acc untrusted"},
    {"?domain=10.0.0.5:10000&protocol=http", "acc", "", "",
     "plain http to 10.0.0.5:10000: it is for loopback and emulators only"},
    {"?protocol=ftp", "acc", "", "",
     "the endpoint of the storage account is not an http or https URL of a host"},
    {"?storage_account=Evil.com", "", "", "",
     "the storage account \"Evil.com\" is not a name of lower-case letters and digits"},
    {"", "", "", "", "the storage account is not known"},
    {"", "acc", "AccountName=conn;AccountKey=" KEY, "blob.example.com",
     "https://conn.blob.core.windows.net conn"},
    {"", "",
     "DefaultEndpointsProtocol=https;AccountName=conn;AccountKey=" KEY
     ";EndpointSuffix=core.usgovcloudapi.net",
     "", "https://conn.blob.core.usgovcloudapi.net conn"},
    {"", "", "BlobEndpoint=http://127.0.0.1:9/conn/;SharedAccessSignature=sv=1&sig=abcdef", "",
     "http://127.0.0.1:9/conn conn"},
    {"", "", "BlobEndpoint=https://conn.privatelink.example.com/;AccountName=conn", "",
     "https://conn.privatelink.example.com conn"},
    {"?storage_account=other", "", "AccountName=conn;AccountKey=" KEY, "",
     "https://other.blob.core.windows.net other"},
    {"?domain=127.0.0.1:7&protocol=http", "", "AccountName=conn;AccountKey=" KEY, "",
     "http://127.0.0.1:7/conn conn"},
    {"", "", "UseDevelopmentStorage=true", "",
     "http://127.0.0.1:10000/devstoreaccount1 devstoreaccount1"},
    {"", "", "AccountName=conn;garbage", "",
     "AZURE_STORAGE_CONNECTION_STRING: part 2 is not NAME=VALUE"},
    {"", "", "EndpointSuffix=core.windows.net", "",
     "AZURE_STORAGE_CONNECTION_STRING has neither AccountName nor BlobEndpoint"},
};

static void endpoints(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        Fixture f = fixture();
        set(&f, "AZURE_STORAGE_ACCOUNT", places[i].account);
        set(&f, "AZURE_STORAGE_CONNECTION_STRING", places[i].connection);
        set(&f, "AZURE_STORAGE_DOMAIN", places[i].domain);
        const char *url = arena_printf(f.mem, "azblob://box/pre%s", places[i].params);
        assert_string_equal(endpoint(&f, url), places[i].want);
        arena_free(f.mem);
    }
}

static void order_of_static_credentials(void **state) {
    (void)state;
    Fixture f = fixture();
    AzureCredentials c = {0};
    set(&f, "AZURE_STORAGE_ACCOUNT", "acc");
    set(&f, "AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=c2lnbmF0dXJl%3D&sp=rcwl");
    assert_ok(azure_credentials(&c, loop_of(&f), "acc", f.mem));
    assert_string_equal(c.source, "SAS token");
    assert_string_equal(c.sas, "sv=1&sig=c2lnbmF0dXJl%3D&sp=rcwl");
    assert_string_equal(log_redact(f.mem, "a c2lnbmF0dXJl= b c2lnbmF0dXJl%3D"), "a *** b ***");
    set(&f, "AZURE_STORAGE_KEY", KEY);
    assert_ok(azure_credentials(&c, loop_of(&f), "acc", f.mem));
    assert_string_equal(c.source, "account key");
    assert_true(str_eq(c.key, str_from("keykeykey")));
    set(&f, "AZURE_STORAGE_CONNECTION_STRING",
        "AccountName=acc;SharedAccessSignature=sv=2&sig=zzzzzz");
    assert_ok(azure_credentials(&c, loop_of(&f), "acc", f.mem));
    assert_string_equal(c.source, "connection string");
    assert_string_equal(c.sas, "sv=2&sig=zzzzzz");
    assert_err(azure_credentials(&c, loop_of(&f), "third", f.mem), E_UNAUTHORIZED,
               "connection string: is of account acc, not third; account key: "
               "AZURE_STORAGE_ACCOUNT is acc, not third; SAS token: AZURE_STORAGE_ACCOUNT is acc, "
               "not third; client secret: AZURE_CLIENT_SECRET is not set; workload identity: "
               "AZURE_TENANT_ID is not set; managed identity: ");
    arena_free(f.mem);
}

static void bad_urls(void **state) {
    (void)state;
    Fixture f = fixture();
    set(&f, "AZURE_STORAGE_ACCOUNT", "acc");
    assert_string_equal(endpoint(&f, "azblob://"), "the container is missing");
    assert_string_equal(endpoint(&f, "azureblob://box?endpoint=x"),
                        "unknown query parameter \"endpoint\" of a azblob:// URL");
    set(&f, "AZURE_STORAGE_IS_CDN", "perhaps");
    assert_string_equal(
        endpoint(&f, "azblob://box"),
        "parameter \"AZURE_STORAGE_IS_CDN\" is \"perhaps\", neither true nor false");
    arena_free(f.mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints),
        cmocka_unit_test(order_of_static_credentials),
        cmocka_unit_test(bad_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
