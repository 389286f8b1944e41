// Digests and signatures against published vectors.
#include "test.h"

#include "atlas/crypt.h"

static Str hex(Arena *mem, const char *text) {
    Str out = {0};
    assert_true(hex_decode(&out, text, mem));
    return out;
}

static void digests(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    assert_string_equal(sha256_hex(mem, str_from("abc")),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(md5_base64(mem, str_from("")), "1B2M2Y8AsgTpgAmY7PhCfg==");
    Hasher *h = hasher_new(mem);
    hasher_add(h, str_from("a"));
    hasher_add(h, str_from("bc"));
    assert_true(digest_equal(hasher_value(h), sha256(str_from("abc"))));
    hasher_add(h, str_from("d"));
    assert_true(digest_equal(hasher_value(h), sha256(str_from("abcd"))));
}

static void hkdf_of_rfc_5869(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Digest d = hkdf_sha256(hex(mem, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
                           hex(mem, "000102030405060708090a0b0c"), hex(mem, "f0f1f2f3f4f5f6f7f8f9"));
    assert_string_equal(hex_encode(mem, d.bytes, sizeof d.bytes),
                        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

static void ed25519_of_rfc_8032(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Str seed = hex(mem, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    Str public_key, signature;
    assert_ok(ed25519_public(&public_key, seed, mem));
    assert_string_equal(hex_encode(mem, public_key.ptr, public_key.len),
                        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_ok(ed25519_sign(&signature, seed, str_from(""), mem));
    assert_string_equal(hex_encode(mem, signature.ptr, signature.len),
                        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    assert_true(ed25519_verify(public_key, str_from(""), signature));
    assert_false(ed25519_verify(public_key, str_from("x"), signature));
    assert_err(ed25519_sign(&signature, str_from("short"), str_from(""), mem), E_INVALID, "32 bytes");
}

// "Example: GET Object" of the Amazon S3 documentation.
static void sigv4_get_object(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    SigV4Param headers[] = {{"range", "bytes=0-9"}};
    SigV4 s = {.access_key = "AKIAIOSFODNN7EXAMPLE",
               .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
               .region = "us-east-1",
               .service = "s3",
               .now = {.sec = time_from_civil(2013, 5, 24, 0, 0, 0), .set = true},
               .method = "GET",
               .host = "examplebucket.s3.amazonaws.com",
               .path = "/test.txt",
               .headers = headers,
               .header_count = 1,
               .payload_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
    SigV4Result r = sigv4_sign(&s, mem);
    assert_string_equal(r.amz_date, "20130524T000000Z");
    assert_string_equal(
        r.authorization,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

// "Example: GET Bucket (List Objects)": a query in the wrong order.
static void sigv4_sorts_the_query(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    SigV4Param query[] = {{"prefix", "J"}, {"max-keys", "2"}};
    SigV4 s = {.access_key = "AKIAIOSFODNN7EXAMPLE",
               .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
               .region = "us-east-1",
               .service = "s3",
               .now = {.sec = time_from_civil(2013, 5, 24, 0, 0, 0), .set = true},
               .method = "GET",
               .host = "examplebucket.s3.amazonaws.com",
               .path = "/",
               .query = query,
               .query_count = 2,
               .payload_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
    assert_non_null(strstr(sigv4_sign(&s, mem).authorization,
                           "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

// "Authenticating Requests: Using Query Parameters", the example of the S3 reference.
static void sigv4_presigned_url(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    SigV4 s = {.access_key = "AKIAIOSFODNN7EXAMPLE",
               .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
               .region = "us-east-1",
               .service = "s3",
               .now = {.sec = time_from_civil(2013, 5, 24, 0, 0, 0), .set = true},
               .method = "GET",
               .host = "examplebucket.s3.amazonaws.com",
               .path = "/test.txt",
               .payload_hash = "UNSIGNED-PAYLOAD"};
    assert_string_equal(
        sigv4_presign(&s, 86400, mem),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
        "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
        "X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),          cmocka_unit_test(hkdf_of_rfc_5869),
        cmocka_unit_test(ed25519_of_rfc_8032), cmocka_unit_test(sigv4_get_object),
        cmocka_unit_test(sigv4_sorts_the_query), cmocka_unit_test(sigv4_presigned_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
