// Passwords that are looked up for every connection.
#include "support.h"

typedef struct Case {
    const char *url, *want;
} Case;

static void check(Run *r, const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *url = connect_url(r, cases[i].url);
        assert_string_equal(url ? url : r->error, cases[i].want);
    }
}
#define CHECK(...)                                                                                 \
    check(r, (const Case[]){__VA_ARGS__}, COUNT_OF(((const Case[]){__VA_ARGS__})))

static void other_urls_stay(void **state) {
    Run *r = *state;
    CHECK({"postgres://u:p@h/db?sslmode=disable", "postgres://u:p@h/db?sslmode=disable"},
          {"sqlite://a.db?_fk=1", "sqlite://a.db?_fk=1"}, {"nothing", "nothing"},
          {"mysql://u@h/db?my_password_from=x", "mysql://u@h/db?my_password_from=x"});
}

static void from_files(void **state) {
    Run *r = *state;
    test_write(".", "pw", "s3:cr/et@1\n");
    test_write(".", "empty", "\n");
    CHECK({"postgres://u@h:5432/db?password_from=file:pw", "postgres://u:s3%3Acr%2Fet%401@h:5432/db"},
          {"postgres://u@h/db?password_from=file://pw&sslmode=require#f",
           "postgres://u:s3%3Acr%2Fet%401@h/db?sslmode=require#f"},
          {"mysql+unix://u@/run/my.sock?database=x&password_from=file%3Apw",
           "mysql+unix://u:s3%3Acr%2Fet%401@/run/my.sock?database=x"},
          {"mysql://u@h/?password_from=file:none",
           "password_from=file:none: reading none: No such file or directory"},
          {"mysql://u@h/?password_from=file:empty",
           "password_from=file:empty: the password is empty"});
    AutoArena tmp = arena_new(NULL);
    assert_string_equal(log_redact(tmp, "it is s3:cr/et@1."), "it is ***.");
    assert_string_equal(log_redact(tmp, "or s3%3Acr%2Fet%401."), "or ***.");
    // The next connection sees what is there then.
    test_write(".", "pw", "second\r\n");
    CHECK({"mysql://u@h/?password_from=file:pw", "mysql://u:second@h/"});
}

static void from_commands(void **state) {
    Run *r = *state;
    const char *url = "mysql://u@h/d?password_from=command:echo x>>runs; wc -l <runs | tr 1234 abcd";
    CHECK({url, "mysql://u:a@h/d"}, {url, "mysql://u:b@h/d"}, {url, "mysql://u:c@h/d"},
          {"mysql://u@h/d?password_from=command:printf+%25s+a%2Bb", "mysql://u:a%2Bb@h/d"},
          {"mysql://u@h/d?password_from=command:echo first-word; echo no first-word >%262; exit 4",
           "password_from=command: the command ended with status 4: no ***"},
          {"mysql://u@h/d?password_from=command:true", "password_from=command: the password is empty"});
}

#define UNKNOWN                                                                                    \
    "password_from must be file:PATH, command:TEXT, aws_rds, aws_rds:REGION or gcp_cloudsql"

static void refused(void **state) {
    Run *r = *state;
    test_write(".", "pw", "x");
    CHECK({"mysql://u:p@h/?password_from=file:pw",
           "password_from=file:pw: the URL has a password of its own"},
          {"mysql://h/?password_from=file:pw",
           "password_from=file:pw: the URL names no user whose password it could be"},
          {"sqlite://a.db?password_from=command:touch was-run",
           "password_from=command: the URL names no user whose password it could be"},
          {"x?password_from=file://pw",
           "password_from=file://pw: the URL names no user whose password it could be"},
          {"mysql://u@h/?password_from=", "password_from is empty"},
          {"mysql://u@h/?password_from", "password_from is empty"},
          {"mysql://u@h/?password_from=%zz", "password_from has a bad percent-encoding"},
          {"mysql://u@h/?password_from=file:pw&password_from=file:pw",
           "password_from is given twice"},
          {"mysql://u@h/?password_from=vault:x", UNKNOWN},
          {"mysql://u@h/?password_from=file", UNKNOWN},
          {"mysql://u@h/?password_from=gcp_cloudsql:x",
           UNKNOWN},
          {"mysql://u@h/?password_from=aws_rds", "password_from=aws_rds: no AWS region is known"});
    assert_int_equal(fs_kind("was-run"), FS_ABSENT);
}

#define TOKEN(date, signature)                                                                     \
    "db.c0ffee.eu-west-1.rds.amazonaws.com%3A5432%2F%3FAction%3Dconnect%26DBUser%3Dapp%2520user"   \
    "%26X-Amz-Algorithm%3DAWS4-HMAC-SHA256%26X-Amz-Credential%3DAKIDEXAMPLE%252F20260102%252F"     \
    "eu-west-1%252Frds-db%252Faws4_request%26X-Amz-Date%3D" date "%26X-Amz-Expires%3D900%26"       \
    "X-Amz-SignedHeaders%3Dhost%26X-Amz-Signature%3D" signature
#define TOKEN_1                                                                                    \
    TOKEN("20260102T030405Z", "d27ce70bc5677c58ca2fa6197e61a5bcd5b8eda4bf63de1974d36013a51d6fbf")
#define TOKEN_2                                                                                    \
    TOKEN("20260102T030506Z", "f6e4571ecddb84c89ded60ed967ba0ba8a603ebcd98d930b4e3f601bd40d4682")
#define HOST "db.c0ffee.eu-west-1.rds.amazonaws.com"

// The host tells its region, the scheme its port; both can be said.
static void rds_tokens(void **state) {
    Run *r = *state;
    stop_clock(r);
    use_aws(r);
    set(r, "AWS_REGION", "us-west-9");
    CHECK({"postgres://app%20user@" HOST "/db?password_from=aws_rds",
           "postgres://app%20user:" TOKEN_1 "@" HOST "/db"},
          {"mysql://app%20user@" HOST ":5432/db?tls=true&password_from=aws_rds:eu-west-1",
           "mysql://app%20user:" TOKEN_1 "@" HOST ":5432/db?tls=true"});
    assert_non_null(strstr(connect_url(r, "mariadb://u@cname/x?password_from=aws_rds"),
                           "mariadb://u:cname%3A3306%2F%3FAction%3Dconnect"));
    assert_non_null(strstr(connect_url(r, "mariadb://u@cname/x?password_from=aws_rds"), "us-west-9"));
    test_clock_s += 61;
    CHECK({"postgres://app%20user@" HOST "/db?password_from=aws_rds",
           "postgres://app%20user:" TOKEN_2 "@" HOST "/db"});
}

// Whatever way it got into the URL.
static void tokens_of_the_project(void **state) {
    Run *r = *state;
    stop_clock(r);
    use_aws(r);
    load(r, "data \"aws_rds_token\" \"db\" {\n  endpoint = \"" HOST ":5432\"\n"
            "  username = \"app user\"\n  region = \"eu-west-1\"\n}\n"
            "env \"e\" {\n  url = \"postgres://app%20user:${urlescape(data.aws_rds_token.db)}@" HOST
            "/db?sslmode=require\"\n"
            "  dev = urluserinfo(\"postgres://" HOST "/dev\", \"app user\", data.aws_rds_token.db)\n}\n");
    assert_null(r->error);
    const ProjectEnv *e = r->project->envs.items[0];
    AutoArena tmp = arena_new(NULL);
    assert_null(strstr(log_redact(tmp, e->url), "Signature%3Dd27"));
    test_clock_s += 60;
    assert_string_equal(url_password(connect_url(r, e->url), tmp), url_password(e->url, tmp));
    test_clock_s += 1;
    for (int i = 0; i < 2; i++) {
        CHECK({e->url, "postgres://app%20user:" TOKEN_2 "@" HOST "/db?sslmode=require"},
              {e->dev, "postgres://app%20user:" TOKEN_2 "@" HOST "/dev"});
        test_clock_s += i ? 0 : 30; // it is the same token for a minute
    }
    CHECK({"postgres://u:other@h/db", "postgres://u:other@h/db"});
    set(r, "AWS_ACCESS_KEY_ID", "AKIDOTHER");
    test_clock_s += 61;
    assert_non_null(connect_url(r, e->url));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(other_urls_stay), T(from_files), T(from_commands),
        T(refused),         T(rds_tokens), T(tokens_of_the_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
