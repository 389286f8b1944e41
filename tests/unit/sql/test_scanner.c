#include "atlas/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define G SQL_GENERIC
#define S SQL_SQLITE
#define M SQL_MYSQL
#define P SQL_POSTGRES

static void expect(unsigned options, const char *input, const char *const *texts) {
    AutoArena mem = arena_new(NULL);
    SqlStmts list = {0};
    AutoErr e = sql_scan(&list, str_from(input), options, NULL, mem);
    if (e)
        fail_msg("%s: %s", input, err_text(e));
    size_t n = 0;
    for (; texts[n]; n++) {
        if (n >= list.len)
            fail_msg("%s: only %zu statements", input, list.len);
        assert_string_equal(list.items[n].text.ptr, texts[n]);
        assert_int_equal(list.items[n].text.len, strlen(texts[n]));
    }
    if (list.len != n)
        fail_msg("%s: %zu statements, next: %s", input, list.len, list.items[n].text.ptr);
}
#define EXPECT(options, input, ...) expect(options, input, (const char *const[]){__VA_ARGS__, NULL})

static void expect_pos(unsigned options, const char *input, size_t index, size_t pos,
                       const char *comment) {
    AutoArena mem = arena_new(NULL);
    SqlStmts list = {0};
    assert_null(sql_scan(&list, str_from(input), options, NULL, mem));
    assert_true(list.len > index);
    assert_int_equal(list.items[index].pos, pos);
    assert_int_equal(list.items[index].comments.len, comment != NULL);
    if (comment)
        assert_string_equal(list.items[index].comments.items[0], comment);
}

static void expect_error(unsigned options, const char *input, const char *text) {
    AutoArena mem = arena_new(NULL);
    SqlStmts list = {0};
    AutoErr e = sql_scan(&list, str_from(input), options, NULL, mem);
    assert_non_null(e);
    assert_string_equal(err_text(e), text);
}

static void test_examples_1_to_13(void **state) {
    (void)state;
    EXPECT(G, "CREATE TABLE a (x int); CREATE TABLE b (y int)", "CREATE TABLE a (x int);",
           "CREATE TABLE b (y int)");
    expect_pos(G, "CREATE TABLE a (x int); CREATE TABLE b (y int)", 0, 0, NULL);
    expect_pos(G, "CREATE TABLE a (x int); CREATE TABLE b (y int)", 1, 24, NULL);
    EXPECT(G, "INSERT INTO a VALUES ('it''s; ok');SELECT 2;", "INSERT INTO a VALUES ('it''s; ok');",
           "SELECT 2;");
    EXPECT(G, "SELECT \";\" AS \"a;b\"; SELECT `c;d`;", "SELECT \";\" AS \"a;b\";",
           "SELECT `c;d`;");
    expect_pos(G, "-- head\n\n-- one\nSELECT 1;", 0, 16, "-- one\n");
    expect_pos(G, "/* a; b */ SELECT 1; -- tail\nSELECT 2;", 0, 11, "/* a; b */");
    expect_pos(G, "/* a; b */ SELECT 1; -- tail\nSELECT 2;", 1, 29, "-- tail\n");
    expect_pos(G, "SELECT 1; -- tail\n\nSELECT 2;", 1, 19, NULL);
    EXPECT(G, "SELECT 1 -- mid; x\n+ 2; SELECT 3;", "SELECT 1 -- mid; x\n+ 2;", "SELECT 3;");
    expect_pos(G, "/* c */\nSELECT 1;", 0, 8, "/* c */");
    expect_pos(G, "/* c */\n\nSELECT 1;", 0, 9, NULL);
    EXPECT(G, "-- only a comment\n", NULL);
    EXPECT(G, "SELECT 1;\n-- end", "SELECT 1;", "-- end");
    EXPECT(G, ";;SELECT 1;", ";", ";", "SELECT 1;");
    EXPECT(G, "SELECT (1;2); SELECT 3;", "SELECT (1;2);", "SELECT 3;");
    expect_error(G, "SELECT (1", "1:8: unclosed '('");
    expect_error(G, "SELECT 1);", "1:9: unexpected ')'");
    expect_error(G, "SELECT 'abc", "1:8: unclosed quote '\\''");
}

static void test_examples_14_to_25(void **state) {
    (void)state;
#define BODY "CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql;"
    EXPECT(P, BODY " SELECT 1;", BODY, "SELECT 1;");
    EXPECT(S, "CREATE FUNCTION f() AS $$ SELECT 1; $$; SELECT 1;",
           "CREATE FUNCTION f() AS $$ SELECT 1;", "$$;", "SELECT 1;");
    EXPECT(P, "SELECT $a$ x; $b$ y; $a$; SELECT 2;", "SELECT $a$ x; $b$ y; $a$;", "SELECT 2;");
    EXPECT(P, "SELECT $1; SELECT '$$;';", "SELECT $1;", "SELECT '$$;';");
    EXPECT(M, "INSERT INTO a VALUES ('x\\';y'); SELECT 2;", "INSERT INTO a VALUES ('x\\';y');",
           "SELECT 2;");
    EXPECT(G, "INSERT INTO a VALUES ('x\\'); SELECT 2;", "INSERT INTO a VALUES ('x\\');",
           "SELECT 2;");
    expect_pos(M, "# n; x\nSELECT 1;", 0, 7, "# n; x\n");
    EXPECT(P, "SELECT 1 # 2; SELECT 3;", "SELECT 1 # 2;", "SELECT 3;");
    EXPECT(M,
           "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END//\nDELIMITER ;\n"
           "SELECT 3;",
           "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END", "SELECT 3;");
    EXPECT(M, "DELIMITER ';;'\nSELECT 1;;\nSELECT 2;;", "SELECT 1", "SELECT 2");
    EXPECT(G, "-- atlas:delimiter \\n\\n\nSELECT 1;\nSELECT 2;\n\nSELECT 3;",
           "SELECT 1;\nSELECT 2;", "SELECT 3;");
    expect_pos(G, "-- atlas:delimiter \\n\\n\nSELECT 1;\nSELECT 2;\n\nSELECT 3;", 1, 21, NULL);
    EXPECT(G, "-- atlas:delimiter -- end\nSELECT 1;\n-- end\nSELECT 3;\n-- end", "SELECT 1;",
           "SELECT 3;");
    EXPECT(G, "--atlas:delimiter x\nSELECT 1;x", "SELECT 1;", "x");
}

static void test_examples_26_to_30(void **state) {
    (void)state;
#define TRIGGER "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = 1; DELETE FROM b; END;"
    EXPECT(S, TRIGGER " SELECT 1;", TRIGGER, "SELECT 1;");
    EXPECT(G, TRIGGER " SELECT 1;", "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = 1;",
           "DELETE FROM b;", "END;", "SELECT 1;");
#define PROC "CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END IF; BEGIN SELECT 2; END; END;"
    EXPECT(M, PROC " SELECT 3;", PROC, "SELECT 3;");
    EXPECT(S, "BEGIN; INSERT INTO a VALUES (1); COMMIT;", "BEGIN;", "INSERT INTO a VALUES (1);",
           "COMMIT;");
    EXPECT(S, "BEGIN TRANSACTION; SELECT 1; END; SELECT 2;", "BEGIN TRANSACTION; SELECT 1; END;",
           "SELECT 2;");
#define ATOMIC "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;"
    EXPECT(P, ATOMIC " SELECT 3;", ATOMIC, "SELECT 3;");
    EXPECT(S, "SELECT begin_at FROM t; SELECT 1;", "SELECT begin_at FROM t;", "SELECT 1;");
}

static void test_e_strings(void **state) {
    (void)state;
    EXPECT(P, "SELECT E'a\\'b;'; SELECT 2;", "SELECT E'a\\'b;';", "SELECT 2;");
    EXPECT(P, "SELECT e'\\\\'; SELECT 2;", "SELECT e'\\\\';", "SELECT 2;");
    EXPECT(P, "SELECT 'a\\'; SELECT 2;", "SELECT 'a\\';", "SELECT 2;");
    EXPECT(P, "SELECT date'\\'; SELECT 2;", "SELECT date'\\';", "SELECT 2;");
    // Executable comments are text: the server runs what is in them.
    EXPECT(M, "/* c */ /*!50003 CREATE TRIGGER t */;\n/*M! SET @a = 1; */;", "/*!50003 CREATE TRIGGER t */;",
           "/*M! SET @a = 1; */;");
    EXPECT(G, "/*!50003 CREATE TRIGGER t */;", ";");
    EXPECT(M, "SELECT `a\\`; SELECT 2;", "SELECT `a\\`;", "SELECT 2;");
}

static void test_unclosed_blocks(void **state) {
    (void)state;
    EXPECT(S, "BEGIN TRANSACTION; SELECT 1; COMMIT; BEGIN TRANSACTION; SELECT 2; COMMIT;",
           "BEGIN TRANSACTION;", "SELECT 1;", "COMMIT;", "BEGIN TRANSACTION;", "SELECT 2;",
           "COMMIT;");
    // The block cannot close (the parenthesis), so BEGIN is a word like any other.
    expect_error(S, "BEGIN x; SELECT ); END;", "1:17: unexpected ')'");
    EXPECT(S, "BEGIN a; BEGIN b; " TRIGGER, "BEGIN a;", "BEGIN b;", TRIGGER);
    expect_error(M, "DELIMITER ''\nx", "1:1: empty delimiter");
    expect_error(G, "-- atlas:delimiter\nx", "1:1: empty delimiter");
    expect_error(G, "-- atlas:delimiter x", "1:1: no input found after the delimiter directive");
}

static void test_error_names_file(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    SqlStmts list = {0};
    AutoErr e = sql_scan(&list, str_from("SELECT 1;\nSELECT (2;\n"), G, "1_a.sql", mem);
    assert_string_equal(err_text(e), "1_a.sql:2:8: unclosed '('");
    assert_int_equal(list.len, 1);
    AutoErr nul = sql_scan(&list, str_slice("a\0b", 3), G, "x.sql", mem);
    assert_string_equal(err_text(nul), "x.sql:1:2: NUL byte: the file is not plain text");
    AutoErr hidden = sql_scan(&list, str_slice("SELECT 1 -- \0\n+2", 16), G, "x.sql", mem);
    assert_string_equal(err_text(hidden), "x.sql:1:13: NUL byte: the file is not plain text");
}

static void test_file_directives(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    SqlDirectives d = sql_file_directives(
        str_from("-- atlas:txmode none\n-- atlas:nolint DS102 MF101\n#x\n \t\nSELECT 1;"), mem);
    assert_int_equal(d.len, 2);
    assert_string_equal(d.items[0].name, "txmode");
    assert_string_equal(d.items[0].arg, "none");
    assert_string_equal(d.items[1].arg, "DS102 MF101");
    assert_int_equal(sql_file_directives(str_from("-- atlas:txmode none\nSELECT 1;"), mem).len, 0);
    assert_int_equal(sql_file_directives(str_from("-- atlas:txmode none\n"), mem).len, 1);
    assert_int_equal(sql_file_directives(str_from("-- atlas:txmode none"), mem).len, 0);
    assert_int_equal(sql_file_directives(str_from("\n-- atlas:txmode none\n\n"), mem).len, 0);
    d = sql_file_directives(str_from("-- atlas:checkpoint\n-- atlas:checkpoint v1\n\nx"), mem);
    StrList args = sql_directive_args(&d, "checkpoint", mem);
    assert_int_equal(args.len, 2);
    assert_string_equal(args.items[0], "");
    assert_string_equal(args.items[1], "v1");
}

static void test_stmt_directives(void **state) {
    (void)state;
    static const char *const input =
        "--atlas:a\n-- atlas:b x y\n#atlas:c\n/*atlas:d*/\n--  atlas:no\n/* atlas:no*/\nSELECT 1;";
    AutoArena mem = arena_new(NULL);
    SqlStmts list = {0};
    assert_null(sql_scan(&list, str_from(input), M, NULL, mem));
    SqlDirectives d = sql_stmt_directives(&list.items[0], mem);
    assert_int_equal(d.len, 4);
    assert_string_equal(d.items[1].name, "b");
    assert_string_equal(d.items[1].arg, "x y");
    assert_string_equal(d.items[3].name, "d");
}

static void test_add_directive(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Str s = sql_add_directive(str_from("SELECT 1;\n"), "checkpoint", mem);
    assert_string_equal(s.ptr, "-- atlas:checkpoint\n\nSELECT 1;\n");
    s = sql_add_directive(s, "txmode none", mem);
    assert_string_equal(s.ptr, "-- atlas:txmode none\n-- atlas:checkpoint\n\nSELECT 1;\n");
}

// Quadratic behaviour would take minutes on these.
static void test_linear_time(void **state) {
    (void)state;
    static const char *const units[] = {"BEGIN x; ",  "BEGIN ", "/* ",        "-- ",
                                        "SELECT 1; ", "'a' ",   "$a$b;$a$; ", "begin end; ("};
    for (size_t u = 0; u < COUNT_OF(units); u++) {
        AutoArena mem = arena_new(NULL);
        Buf b;
        buf_init(&b, mem, SIZE_MAX);
        buf_repeat(&b, units[u], ((size_t)2 << 20) / strlen(units[u]));
        static const unsigned options[] = {G, S, M, P};
        for (size_t o = 0; o < COUNT_OF(options); o++) {
            SqlStmts list = {0};
            AutoErr e = sql_scan(&list, buf_view(&b), options[o], NULL, mem);
            (void)e;
        }
        buf_str(&b, "END");
        SqlStmts list = {0};
        AutoErr e = sql_scan(&list, buf_view(&b), S, NULL, mem);
        if (u == 1)
            assert_string_equal(err_text(e), "1:6001: BEGIN blocks are nested too deeply");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_1_to_13),  cmocka_unit_test(test_examples_14_to_25),
        cmocka_unit_test(test_examples_26_to_30), cmocka_unit_test(test_e_strings),
        cmocka_unit_test(test_unclosed_blocks),   cmocka_unit_test(test_error_names_file),
        cmocka_unit_test(test_file_directives),   cmocka_unit_test(test_stmt_directives),
        cmocka_unit_test(test_add_directive),     cmocka_unit_test(test_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
