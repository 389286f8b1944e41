// What only the MySQL and MariaDB drivers do: test_db_mysql [mariadb|mysql]..., mariadb if none is
// named, against the scratch databases of ATLAS_TEST_MARIADB and ATLAS_TEST_MYSQL.
#include "test.h"

#include "atlas/db.h"

static const char *url;

typedef struct Fixture {
    Arena *mem;
    Db *db;
} Fixture;

static void open_fixture(Fixture *f) {
    f->mem = arena_new(NULL);
    assert_ok(db_open(&f->db, url, NULL, f->mem));
    assert_ok(db_wipe(f->db));
    assert_ok(db_revisions_prepare(f->db, NULL));
}

static const char *ask(const Fixture *f, const char *sql) {
    DbRows rows = {0};
    assert_ok(db_query(f->db, &rows, sql, NULL, 0, f->mem));
    return db_cell(&rows, 0, 0);
}

static DbStep stmt(const char *sql) {
    return (DbStep){.kind = DB_STEP_STATEMENT, .sql = str_from(sql)};
}
static DbStep step(DbStepKind kind) {
    return (DbStep){.kind = kind};
}

static DbStep row(const Fixture *f, DbStepKind kind, int64_t applied) {
    DbRevision *r = NEW(f->mem, DbRevision);
    *r = (DbRevision){.version = "1",
                      .description = "",
                      .type = DB_REVISION_EXECUTE,
                      .applied = applied,
                      .total = 9,
                      .error = "",
                      .error_stmt = "",
                      .hash = "",
                      .operator_version = ""};
    if (kind == DB_STEP_ADVANCE)
        r->partial_hashes = arena_printf(f->mem, "h1:%d", (int)applied);
    return (DbStep){.kind = kind, .revision = r};
}

static DbRevision revision(const Fixture *f) {
    DbState state = {0};
    assert_ok(db_state_read(f->db, NULL, &state, f->mem));
    return state.revisions.len > 0 ? state.revisions.items[0] : (DbRevision){.applied = -1};
}

// --- what commits by itself ----------------------------------------------------------------------

static void atomic_statements(void **unused) {
    (void)unused;
    static const struct {
        const char *sql;
        bool atomic;
    } cases[] = {
        {"INSERT INTO a VALUES (1)", true},
        {"-- c\n# d\n/* e */ update a set b = 1;", true},
        {"(SELECT 1) UNION (SELECT 2)", true},
        {"WITH x AS (SELECT 1) SELECT * FROM x", true},
        {"SET @x = 1, FOREIGN_KEY_CHECKS = 0", true},
        {"SET NAMES utf8mb4", true},
        {"REPLACE INTO a VALUES ('CREATE TABLE x; DROP TABLE y')", true},
        {"ROLLBACK TO SAVEPOINT x", true},
        {"INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)", true},
        {"INSERT INTO a VALUES (1); DROP TABLE a", false},
        {"CREATE TABLE a (id int)", false},
        {"/*!50003 CREATE */ /*!50017 DEFINER=`x`@`%` */ /*!50003 TRIGGER t BEFORE INSERT ON a "
         "FOR EACH ROW BEGIN SET @a = 1; END */",
         false},
        {"/*!40101 SET @x = 1 */;", true},
        {"ALTER TABLE a ADD b int", false},
        {"SET autocommit = 0", false},
        {"SET @@session.autocommit = ON", false},
        {"SET PASSWORD = 'x'", false},
        {"SET GLOBAL max_connections = 100", false},
        {"CALL p()", false},
        {"LOAD DATA INFILE 'x' INTO TABLE a", false},
        {"LOCK TABLES a WRITE", false},
        {"BEGIN", false},
        {"BEGIN NOT ATOMIC SELECT 1; END", false},
        {"COMMIT", false},
        {"GRANT ALL ON *.* TO x", false},
        {"ANALYZE TABLE a", false},
        {"TRUNCATE a", false},
        {"something new", false},
    };
    Fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (db_is_atomic(f.db, str_from(cases[i].sql)) != cases[i].atomic)
            fail_msg("%s", cases[i].sql);
    arena_free(f.mem);
}

// --- packets -------------------------------------------------------------------------------------

// Texts after which the next statement of the packet must still be run, and told apart.
static void awkward_texts(void **unused) {
    (void)unused;
    static const char *const texts[] = {
        "INSERT INTO a VALUES (0) -- trailing",
        "INSERT INTO a VALUES (0) # trailing",
        "INSERT INTO a VALUES (0); -- trailing",
        "INSERT INTO a VALUES (0) /* trailing */ ;",
        "INSERT INTO a VALUES (0);;",
        "INSERT INTO a VALUES (0); INSERT INTO a SELECT 5 FROM a WHERE 0",
        "INSERT INTO a SELECT LENGTH('it''s; -- \\'; \"') * 0",
        "/*!40101 INSERT INTO a VALUES (0) */;",
        "/*!40101 INSERT */ INTO a VALUES (0)",
        "INSERT INTO a VALUES (0) /*!40000 ON DUPLICATE KEY UPDATE id = 0 */;",
        "INSERT INTO a VALUES (0); /*!99999 SELECT x */;",
        "CALL two_results()",
        "SELECT 1; INSERT INTO a VALUES (0); SELECT 2;",
        "SELECT * FROM a; CALL two_results();",
        "INSERT INTO a SELECT SLEEP(0)",
    };
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db, "CREATE TABLE a (id int)"));
    assert_ok(db_exec(f.db, "CREATE PROCEDURE two_results() BEGIN SELECT 1; SELECT 2; INSERT INTO "
                            "a VALUES (0); END"));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const DbStep none[] = {stmt(texts[i]), row(&f, DB_STEP_REVISION, 1),
                               stmt("INSERT INTO a VALUES (1)"), row(&f, DB_STEP_ADVANCE, 2),
                               stmt("INSERT INTO nowhere VALUES (1)")};
        const DbStep all[] = {step(DB_STEP_BEGIN),          stmt(texts[i]),
                              row(&f, DB_STEP_REVISION, 1), stmt("INSERT INTO a VALUES (1)"),
                              row(&f, DB_STEP_ADVANCE, 2),  step(DB_STEP_COMMIT)};
        size_t done = 0;
        assert_ok(db_exec(f.db, "TRUNCATE a; DELETE FROM atlas_schema_revisions"));
        AutoErr e = db_run(f.db, none, COUNT_OF(none), NULL, &done);
        if (!e || done != 4 || !strstr(err_text(e), "nowhere"))
            fail_msg("%s: %zu %s", texts[i], done, e ? err_text(e) : "no error");
        assert_ok(db_rollback(f.db));
        assert_int_equal(revision(&f).applied, 2);
        AutoErr e2 = db_run(f.db, all, COUNT_OF(all), NULL, &done);
        if (e2)
            fail_msg("%s: %s", texts[i], err_text(e2));
        if (!cstr_eq(ask(&f, "SELECT GROUP_CONCAT(id ORDER BY id) FROM a"), "0,0,1,1"))
            fail_msg("%s: %s", texts[i], ask(&f, "SELECT GROUP_CONCAT(id ORDER BY id) FROM a"));
    }
    arena_free(f.mem);
}

// What a newer server would run may be nothing to this one.
static void empty_texts(void **unused) {
    (void)unused;
    static const char *const texts[] = {";", "-- nothing", "/*!99999 SELECT x */;", "/* ; */ ; ;"};
    Fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const DbStep steps[] = {
            step(DB_STEP_FILE),           stmt("DO 1"),          stmt(texts[i]), stmt("DO 2"),
            row(&f, DB_STEP_REVISION, 1), step(DB_STEP_FILE_END)};
        size_t done = 0;
        AutoErr e = db_run(f.db, steps, COUNT_OF(steps), NULL, &done);
        if (e || done != COUNT_OF(steps))
            fail_msg("%s: %zu %s", texts[i], done, e ? err_text(e) : "");
    }
    arena_free(f.mem);
}

// As if the statement had been sent alone: without the row behind it.
static void errors_end_with_the_statement(void **unused) {
    (void)unused;
    static const struct {
        const char *sql, *near;
    } cases[] = {
        {"SELEC 1;", "near 'SELEC 1' at line 1"},
        {"SELECT * FROM;", "near '' at line 1"},
        {"SELECT a\nb c d;", "near 'c d' at line 2"},
        {"SELECT 1 +", "near '' at line 1"},
    };
    Fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const DbStep steps[] = {stmt("DO 1"), row(&f, DB_STEP_REVISION, 1), stmt(cases[i].sql),
                                row(&f, DB_STEP_ADVANCE, 2)};
        size_t done = 0;
        AutoErr e = db_run(f.db, steps, COUNT_OF(steps), NULL, &done);
        assert_non_null(e);
        assert_int_equal(done, 2);
        assert_true(cstr_starts(err_text(e), "Error 1064 (42000): You have an error"));
        if (!cstr_ends(err_text(e), cases[i].near))
            fail_msg("%s", err_text(e));
        assert_ok(db_rollback(f.db));
    }
    arena_free(f.mem);
}

// --- transactions --------------------------------------------------------------------------------

static void implicit_commits(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    const DbStep steps[] = {
        step(DB_STEP_FILE),           step(DB_STEP_BEGIN),
        row(&f, DB_STEP_REVISION, 0), stmt("CREATE TABLE a (id int primary key)"),
        row(&f, DB_STEP_ADVANCE, 1),  stmt("INSERT INTO a VALUES (1)"),
        row(&f, DB_STEP_ADVANCE, 2),  stmt("CREATE TABLE b (id int)"),
        row(&f, DB_STEP_ADVANCE, 3),  stmt("INSERT INTO a VALUES (2)"),
        row(&f, DB_STEP_ADVANCE, 4),  stmt("INSERT INTO a VALUES (2)"),
        row(&f, DB_STEP_REVISION, 5), step(DB_STEP_COMMIT),
        step(DB_STEP_FILE_END)};
    size_t done = 0;
    AutoErr e = db_run(f.db, steps, COUNT_OF(steps), NULL, &done);
    assert_non_null(e);
    assert_int_equal(done, 11);
    assert_ok(db_rollback(f.db));
    DbRevision r = revision(&f);
    assert_int_equal(r.applied, 3);
    assert_non_null(strstr(r.partial_hashes, "h1:3"));
    assert_null(strstr(r.partial_hashes, "h1:4"));
    assert_string_equal(ask(&f, "SELECT GROUP_CONCAT(id) FROM a"), "1");
    arena_free(f.mem);
}

static void sessions_of_users(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    const DbStep last = row(&f, DB_STEP_ADVANCE, 9);
    last.revision->error_stmt = "it's \\ \"é\"";
    const DbStep steps[] = {step(DB_STEP_FILE),
                            stmt("CREATE TABLE a (x varchar(20))"),
                            row(&f, DB_STEP_REVISION, 1),
                            stmt("SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"),
                            row(&f, DB_STEP_ADVANCE, 2),
                            stmt("SET NAMES latin1"),
                            row(&f, DB_STEP_ADVANCE, 3),
                            stmt("SET autocommit = 0"),
                            row(&f, DB_STEP_ADVANCE, 4),
                            stmt("INSERT INTO a VALUES ('1')"),
                            row(&f, DB_STEP_ADVANCE, 5),
                            stmt("COMMIT"),
                            row(&f, DB_STEP_ADVANCE, 6),
                            stmt("LOCK TABLES a WRITE"),
                            row(&f, DB_STEP_ADVANCE, 7),
                            stmt("INSERT INTO a VALUES ('2')"),
                            stmt("UNLOCK TABLES"),
                            row(&f, DB_STEP_ADVANCE, 8),
                            stmt("COMMIT"),
                            last,
                            step(DB_STEP_FILE_END)};
    size_t done = 0;
    assert_ok(db_run(f.db, steps, COUNT_OF(steps), NULL, &done));
    assert_int_equal(revision(&f).applied, 9);
    assert_string_equal(revision(&f).error_stmt, "it's \\ \"é\"");
    assert_ok(db_rollback(f.db));
    assert_int_equal(revision(&f).applied, 9);
    assert_string_equal(ask(&f, "SELECT COUNT(*) FROM a"), "2");
    arena_free(f.mem);
}

// --- statements in flight ------------------------------------------------------------------------

#define UNKNOWN DB_FLIGHT_UNKNOWN
#define DONE DB_FLIGHT_DONE
#define REPEAT DB_FLIGHT_REPEAT

typedef struct Case {
    const char *sql;
    DbFlight want;
} Case;

static void expect_flights(const Fixture *f, const Case *cases, size_t count) {
    static const char *const names[] = {"unknown", "done", "repeat"};
    for (size_t i = 0; i < count; i++) {
        DbFlight got = DB_FLIGHT_UNKNOWN;
        const char *note = NULL;
        assert_ok(db_flight(f->db, str_from(cases[i].sql), &got, &note, f->mem));
        if (got != cases[i].want)
            fail_msg("%s: %s", cases[i].sql, names[got]);
    }
}

static void flights(void **unused) {
    (void)unused;
    static const char setup[] =
        "CREATE TABLE a (id int PRIMARY KEY, b int, c int, KEY i_b (b), UNIQUE u_c (c));"
        "CREATE TABLE child (a int, CONSTRAINT fk_a FOREIGN KEY (a) REFERENCES a (id));"
        "CREATE VIEW v AS SELECT 1;"
        "CREATE TRIGGER tr BEFORE INSERT ON a FOR EACH ROW SET NEW.b = 1;"
        "CREATE FUNCTION fn() RETURNS int DETERMINISTIC RETURN 1;"
        "CREATE PROCEDURE pr() SELECT 1";
    static const Case cases[] = {
        {"CREATE TABLE a (id int)", DONE},
        {"create table `a` (id int)", DONE},
        {"CREATE TABLE nope (id int)", REPEAT},
        {"CREATE TABLE mysql.nope (id int)", REPEAT},
        {"CREATE TABLE IF NOT EXISTS a (id int)", REPEAT},
        {"CREATE TEMPORARY TABLE a (id int)", REPEAT},
        {"CREATE OR REPLACE VIEW v AS SELECT 2", REPEAT},
        {"CREATE ALGORITHM=MERGE DEFINER=`x`@`%` SQL SECURITY INVOKER VIEW v AS SELECT 1", DONE},
        {"CREATE VIEW w AS SELECT 1", REPEAT},
        {"/*!50003 CREATE*/ /*!50017 DEFINER=`r`@`%`*/ /*!50003 TRIGGER tr BEFORE INSERT ON a FOR "
         "EACH ROW BEGIN SET NEW.b = 1; END */",
         DONE},
        {"CREATE TRIGGER other BEFORE INSERT ON a FOR EACH ROW SET NEW.b = 1", REPEAT},
        {"CREATE FUNCTION fn() RETURNS int DETERMINISTIC RETURN 1", DONE},
        {"CREATE PROCEDURE fn() SELECT 1", REPEAT},
        {"CREATE PROCEDURE pr() BEGIN SELECT 1; SELECT 2; END", DONE},
        {"CREATE DATABASE mysql", DONE},
        {"CREATE SCHEMA no_such_schema", REPEAT},
        {"CREATE INDEX i_b ON a (b)", DONE},
        {"CREATE UNIQUE INDEX i_z USING BTREE ON `a` (b)", REPEAT},
        {"CREATE USER somebody", UNKNOWN},
        {"DROP TABLE a", REPEAT},
        {"DROP TABLE nope", DONE},
        {"DROP TABLE nope, nada", DONE},
        {"DROP TABLE a, child", REPEAT},
        {"DROP TABLE a, nope", UNKNOWN},
        {"DROP TABLE IF EXISTS a", REPEAT},
        {"DROP INDEX i_b ON a", REPEAT},
        {"DROP INDEX i_z ON a", DONE},
        {"DROP VIEW w", DONE},
        {"DROP FUNCTION fn", REPEAT},
        {"DROP DATABASE no_such_schema", DONE},
        {"RENAME TABLE a TO z", REPEAT},
        {"RENAME TABLE z TO a", DONE},
        {"RENAME TABLE a TO x, b TO y", UNKNOWN},
        {"ALTER TABLE a ADD COLUMN b int", DONE},
        {"ALTER TABLE a ADD b int, ADD c int NOT NULL DEFAULT (1)", DONE},
        {"ALTER TABLE a ADD COLUMN (b int, c decimal(3, 1))", DONE},
        {"ALTER TABLE a ADD COLUMN z int AFTER b", REPEAT},
        {"ALTER TABLE a ADD b int, ADD z int", UNKNOWN},
        {"ALTER TABLE a ADD COLUMN IF NOT EXISTS b int", REPEAT},
        {"ALTER TABLE a DROP COLUMN z", DONE},
        {"ALTER TABLE a DROP b", REPEAT},
        {"ALTER TABLE a DROP COLUMN b, ADD COLUMN b varchar(3)", UNKNOWN},
        {"ALTER TABLE a ADD INDEX i_b (b)", DONE},
        {"ALTER TABLE a ADD KEY i_z (b), MODIFY c bigint", REPEAT},
        {"ALTER TABLE a ADD UNIQUE (b)", UNKNOWN},
        {"ALTER TABLE a ADD CONSTRAINT u_c UNIQUE (c)", DONE},
        {"ALTER TABLE a ADD CONSTRAINT PRIMARY KEY (id)", DONE},
        {"ALTER TABLE a DROP PRIMARY KEY", REPEAT},
        {"ALTER TABLE a DROP PRIMARY KEY, ADD PRIMARY KEY (id, b)", UNKNOWN},
        {"ALTER TABLE child DROP FOREIGN KEY fk_a", REPEAT},
        {"ALTER TABLE child DROP CONSTRAINT fk_z", DONE},
        {"ALTER TABLE child ADD CONSTRAINT fk_a FOREIGN KEY (a) REFERENCES a (id) ON DELETE "
         "CASCADE",
         DONE},
        {"ALTER TABLE a RENAME COLUMN b TO z", REPEAT},
        {"ALTER TABLE a RENAME COLUMN z TO b", DONE},
        {"ALTER TABLE a RENAME INDEX i_b TO i_z", REPEAT},
        {"ALTER TABLE a CHANGE z b int", DONE},
        {"ALTER TABLE a CHANGE COLUMN b b bigint", REPEAT},
        {"ALTER TABLE a MODIFY b bigint, ENGINE=InnoDB, COMMENT 'x, y'", REPEAT},
        {"ALTER TABLE a RENAME TO z", REPEAT},
        {"ALTER TABLE z RENAME AS a", DONE},
        {"ALTER TABLE a DROP PARTITION p1", UNKNOWN},
        {"ALTER TABLE a CONVERT TO CHARACTER SET utf8mb4", REPEAT},
        {"ALTER DATABASE x CHARACTER SET utf8mb4", REPEAT},
        {"TRUNCATE TABLE a", REPEAT},
        {"OPTIMIZE TABLE a", REPEAT},
        {"GRANT SELECT ON a TO x", REPEAT},
        {"SET GLOBAL x = 1", REPEAT},
        {"COMMIT", DONE},
        {"CALL pr()", UNKNOWN},
        {"LOAD DATA INFILE 'x' INTO TABLE a", UNKNOWN},
        {"CREATE TABLE a (id int); CREATE TABLE nope (id int)", UNKNOWN},
        {"DROP TABLE nope; DROP TABLE a", UNKNOWN},
        {"CREATE PROCEDURE pr() SELECT 1; CREATE PROCEDURE other() SELECT 1", UNKNOWN},
        {"CREATE PROCEDURE pr() BEGIN SELECT 1; END; CREATE PROCEDURE other() SELECT 1", UNKNOWN},
    };
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db, setup));
    expect_flights(&f, cases, COUNT_OF(cases));
    arena_free(f.mem);
}

// --- rows of other tools -------------------------------------------------------------------------

static void rows_of_the_go_tool(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db,
                      "SET time_zone = '+02:00'; INSERT INTO atlas_schema_revisions VALUES "
                      "('.atlas_cloud_identifier', 'some-id', 2, 0, 0, '2024-05-01 10:00:00', 0, "
                      "'', '', '', 'null', ''), ('2024', 'x', 2, 1, 2, '2024-05-01 12:00:00', 5, "
                      "NULL, NULL, 'h', '[\"h1:a\"]', 'Atlas CLI v0.1'), ('2023', '', 2, 1, 1, "
                      "'2024-05-01 12:00:00', 5, '', '', 'h', NULL, '')"));
    DbState s = {0};
    assert_ok(db_state_read(f.db, NULL, &s, f.mem));
    assert_string_equal(s.target_id, "some-id");
    assert_int_equal(s.revisions.len, 2);
    const DbRevision *r = &s.revisions.items[1];
    assert_string_equal(r->version, "2024");
    assert_int_equal(r->executed_at.sec, time_from_civil(2024, 5, 1, 10, 0, 0));
    assert_string_equal(r->error, "");
    assert_string_equal(r->partial_hashes, "[\"h1:a\"]");
    assert_null(s.revisions.items[0].partial_hashes);
    arena_free(f.mem);
}

static void other_schemas(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    DbState s = {0};
    assert_ok(db_wipe(f.db));
    assert_ok(db_exec(f.db, "DROP DATABASE IF EXISTS atlas_schema_revisions"));
    assert_ok(db_revisions_prepare(f.db, "atlas_schema_revisions"));
    assert_ok(db_state_read(f.db, NULL, &s, f.mem));
    assert_string_equal(s.other_schema, "atlas_schema_revisions");
    assert_ok(db_state_read(f.db, "atlas_schema_revisions", &s, f.mem));
    assert_true(s.has_table && s.layout_ok);
    assert_ok(db_exec(f.db, "DROP DATABASE atlas_schema_revisions"));
    arena_free(f.mem);
}

static void refused_sizes(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    const char *limit = ask(&f, "SELECT @@max_allowed_packet");
    int64_t max = 0;
    assert_true(cstr_to_i64(limit, &max));
    char *text = arena_printf(f.mem, "SELECT '%0*d'", (int)max, 1);
    const DbStep steps[] = {stmt("DO 1"), stmt(text), stmt("DO 2")};
    size_t done = 0;
    assert_err(db_run(f.db, steps, COUNT_OF(steps), NULL, &done), E_TOO_LARGE,
               "(max_allowed_packet)");
    assert_int_equal(done, 1);
    assert_ok(db_ping(f.db));
    arena_free(f.mem);
}

static void settings(void **unused) {
    (void)unused;
    AutoArena mem = arena_new(NULL);
    Db *db = NULL;
    DbRows rows = {0};
    DbOptions options = {.lock_timeout = 1500 * DURATION_MS,
                         .statement_timeout = 250 * DURATION_MS};
    const char *with =
        arena_printf(mem, "%s?sort_buffer_size=65536&sql_mode=%%27ANSI%%27&parseTime=true", url);
    assert_ok(db_open(&db, with, &options, mem));
    assert_ok(db_query(db, &rows,
                       "SELECT @@lock_wait_timeout, @@innodb_lock_wait_timeout, "
                       "@@sort_buffer_size, @@sql_mode LIKE '%ANSI%'",
                       NULL, 0, mem));
    assert_string_equal(db_cell(&rows, 0, 0), "2");
    assert_string_equal(db_cell(&rows, 0, 1), "2");
    assert_string_equal(db_cell(&rows, 0, 2), "65536");
    assert_string_equal(db_cell(&rows, 0, 3), "1");
    assert_ok(db_lock(db, "with_limits", 2 * DURATION_S));
    assert_ok(db_unlock(db));
    AutoErr e = db_open(&db, arena_printf(mem, "%s?no;such=1", url), NULL, mem);
    assert_non_null(e);
}

static int run_at(const char *name, const char *variable) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(atomic_statements), cmocka_unit_test(awkward_texts),
        cmocka_unit_test(empty_texts),       cmocka_unit_test(errors_end_with_the_statement),
        cmocka_unit_test(implicit_commits),  cmocka_unit_test(sessions_of_users),
        cmocka_unit_test(flights),           cmocka_unit_test(rows_of_the_go_tool),
        cmocka_unit_test(other_schemas),     cmocka_unit_test(refused_sizes),
        cmocka_unit_test(settings),
    };
    url = host_env(&host_system, variable);
    if (!*url) {
        fprintf(stderr, "%s: set %s to the URL of a scratch database\n", name, variable);
        return 1;
    }
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv) {
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed += cstr_eq(argv[i], "mysql") ? run_at("mysql", "ATLAS_TEST_MYSQL")
                                            : run_at("mariadb", "ATLAS_TEST_MARIADB");
    return argc > 1 ? failed : run_at("mariadb", "ATLAS_TEST_MARIADB");
}
