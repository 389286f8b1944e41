// What the MySQL driver knows without a server: texts, and what a URL may say.
#include "test.h"

#include "../../../src/db/mysql/lex.h"
#include "atlas/db.h"

static void statements(void **unused) {
    (void)unused;
    static const struct {
        const char *sql, *sent;
        bool atomic, many, alone, control;
    } cases[] = {
        {"SELECT 1;", "SELECT 1", true, false, false, false},
        {"SELECT 1; -- x", "SELECT 1", true, false, false, false},
        {"SELECT 1 -- x", "SELECT 1", true, false, false, false},
        {"SELECT 5--1;", "SELECT 5--1", true, false, false, false},
        {"SELECT ';' /* ; */ ;;", "SELECT ';'", true, false, false, false},
        {"SELECT 'a\\'; b'", "SELECT 'a\\'; b'", true, false, false, false},
        {"SELECT 1; DROP TABLE a;", "SELECT 1; DROP TABLE a", false, true, false, false},
        {"SELECT 1; COMMIT;", "SELECT 1; COMMIT", false, true, false, true},
        {"CREATE TABLE a (x int) /*!50100 ENGINE = x */;",
         "CREATE TABLE a (x int) /*!50100 ENGINE = x */", false, false, false, false},
        {"/*!40101 SET @a = 1 */;", "/*!40101 SET @a = 1 */;", true, false, true, false},
        {"SELECT 'open", "SELECT 'open", true, false, true, false},
        {"SELECT 1 /* open", "SELECT 1 /* open", true, false, true, false},
        {"CREATE PROCEDURE p() BEGIN COMMIT; END", "CREATE PROCEDURE p() BEGIN COMMIT; END", false,
         true, false, false},
        {"BEGIN", "BEGIN", false, false, false, true},
        {"BEGIN NOT ATOMIC SELECT 1; END", "BEGIN NOT ATOMIC SELECT 1; END", false, true, false,
         false},
        {"CALL p()", "CALL p()", false, true, false, false},
        {"SELECT SLEEP(1);", "SELECT SLEEP(1);", true, false, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        MariaStmt s = maria_classify(str_from(cases[i].sql));
        if (s.len != strlen(cases[i].sent) || s.atomic != cases[i].atomic ||
            s.many != cases[i].many || s.alone != cases[i].alone || s.control != cases[i].control)
            fail_msg("%s: %zu atomic %d many %d alone %d control %d", cases[i].sql, s.len, s.atomic,
                     s.many, s.alone, s.control);
    }
    assert_true(maria_classify(str_from("-- x\n/* y */ ; # z")).empty);
}

static void literals(void **unused) {
    (void)unused;
    AutoArena mem = arena_new(NULL);
    assert_string_equal(maria_quote(mem, ""), "''");
    assert_string_equal(maria_quote(mem, "it's \"x\"\n"), "'it''s \"x\"\n'");
    assert_string_equal(maria_quote(mem, "a\\b"), "_utf8mb4 0x615c62");
    assert_string_equal(maria_quote(mem, "é'"), "_utf8mb4 'é'''");
    assert_string_equal(maria_quote(mem, "\xff"), "CONVERT(0xff USING utf8mb4)");
    assert_string_equal(maria_ident(mem, "a`b"), "`a``b`");
}

static void expect_error(const char *url, const char *text) {
    AutoArena mem = arena_new(NULL);
    Db *db = NULL;
    assert_err(db_open(&db, url, NULL, mem), E_INVALID, text);
}

static void urls(void **unused) {
    (void)unused;
    expect_error("mysql://u:s3cret@h/a/b",
                 "opening the mysql database: the path of the database URL is not one schema");
    expect_error("mariadb+unix://u:s3cret@h/x.sock", "the database URL names no socket");
    expect_error("maria://u:s3cret%zz@h/x", "opening the mariadb database: malformed URL");
    expect_error("mysql://u:s3cret@h:99999/x", "the port is beyond 65535");
    expect_error("mysql://h/x?tls=x", "parameter tls of the database URL must be true, "
                                      "skip-verify, preferred or false");
    expect_error("mysql://h/x?timeout=soon",
                 "parameter timeout of the database URL must be a duration such as 10s or 500ms");
    expect_error("mysql://h/x?allowCleartextPasswords=2",
                 "parameter allowCleartextPasswords of the database URL must be true or false");
    expect_error("mysql://h/x?a%20b=1", "a parameter of the database URL is no name of a variable");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements),
        cmocka_unit_test(literals),
        cmocka_unit_test(urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
