// Azure Storage's Shared Key, by the examples of "Authorize with Shared Key"; the key is that of
// its emulator, the signatures were made with the official client.
#include "test.h"

#include "atlas/crypt.h"

static Str key(Arena *mem) {
    Str k;
    assert_true(base64_decode(&k,
                              "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"
                              "K1SZFPTOtr/KBHBeksoGMGw==",
                              mem));
    return k;
}

static void get_container_metadata(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    SigV4Param query[] = {{"restype", "container"}, {"timeout", "20"}, {"comp", "metadata"}};
    SigV4Param headers[] = {{"x-ms-version", "2015-02-21"},
                            {"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"},
                            {"accept-encoding", "identity"}};
    SharedKeyResult r = sharedkey_sign(&(SharedKey){.account = "myaccount",
                                                    .key = key(mem),
                                                    .method = "GET",
                                                    .path = "/mycontainer",
                                                    .query = query,
                                                    .query_count = 3,
                                                    .headers = headers,
                                                    .header_count = 3},
                                       mem);
    assert_string_equal(r.string_to_sign,
                        "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n"
                        "x-ms-version:2015-02-21\n/myaccount/mycontainer\ncomp:metadata\n"
                        "restype:container\ntimeout:20");
    assert_string_equal(r.authorization,
                        "SharedKey myaccount:1u9lui2jDxj0+fpbHjQ5m5NnastJRSYM+PSmfi8TXx4=");
}

// Length, type and condition have their places; own headers are trimmed and sorted.
static void put_blob(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    SigV4Param headers[] = {{"if-none-match", "*"},
                            {"x-ms-version", " 2021-08-06 "},
                            {"content-type", "text/plain; charset=UTF-8"},
                            {"x-ms-date", "Sun, 20 Sep 2009 20:36:40 GMT"},
                            {"x-ms-blob-type", "BlockBlob"}};
    SharedKeyResult r = sharedkey_sign(&(SharedKey){.account = "myaccount",
                                                    .key = key(mem),
                                                    .method = "PUT",
                                                    .path = "/mycontainer/my%20blob%2B.txt",
                                                    .body_size = 11,
                                                    .headers = headers,
                                                    .header_count = 5},
                                       mem);
    assert_string_equal(r.string_to_sign,
                        "PUT\n\n\n11\n\ntext/plain; charset=UTF-8\n\n\n\n*\n\n\n"
                        "x-ms-blob-type:BlockBlob\nx-ms-date:Sun, 20 Sep 2009 20:36:40 GMT\n"
                        "x-ms-version:2021-08-06\n/myaccount/mycontainer/my%20blob%2B.txt");
    assert_string_equal(r.authorization,
                        "SharedKey myaccount:h8HOzGUEa1n4noOqZVqu7AeYz2K3erQe5voZAPvVQkU=");
}

// "include=snapshots,include=metadata": one line, values sorted.
static void repeated_parameters(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    SigV4Param query[] = {{"include", "snapshots"}, {"Comp", "list"}, {"include", "metadata"}};
    SharedKeyResult r = sharedkey_sign(&(SharedKey){.account = "a",
                                                    .key = key(mem),
                                                    .method = "GET",
                                                    .path = "/c",
                                                    .query = query,
                                                    .query_count = 3},
                                       mem);
    assert_non_null(strstr(r.string_to_sign, "/a/c\ncomp:list\ninclude:metadata,snapshots"));
}

static void md5_of_a_stream(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    unsigned char out[MD5_SIZE];
    Md5 *m = md5_new(mem);
    md5_add(m, str_from("ab"));
    md5_add(m, str_from("c"));
    md5_finish(m, out);
    assert_string_equal(hex_encode(mem, out, sizeof out), "900150983cd24fb0d6963f7d28e17f72");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_container_metadata),
        cmocka_unit_test(put_blob),
        cmocka_unit_test(repeated_parameters),
        cmocka_unit_test(md5_of_a_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
