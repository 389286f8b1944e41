#!/usr/bin/env bats
# Databases and directories of the real goose, golang-migrate and dbmate: what they left is found, and what they run we run.
bats_require_minimum_version 1.5.0
load ../e2e/common

setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    local s; for s in migrators postgres mariadb; do "$ATLAS_ROOT/tests/servers/$s" install; done
    PG_DIR=$(mktemp -d); chmod 755 "$PG_DIR" # the server is another user
    export PG_DIR MARIA=$BATS_FILE_TMPDIR/maria PG_PORT MARIA_PORT
    PG_PORT=$(free_port); "$ATLAS_ROOT/tests/servers/postgres" start "$PG_DIR" "$PG_PORT"
    MARIA_PORT=$(free_port); "$ATLAS_ROOT/tests/servers/mariadb" start "$MARIA" "$MARIA_PORT"
    export PGPASSWORD=labpw PGUSER=postgres PGHOST=127.0.0.1 PGPORT=$PG_PORT
}
teardown_file() { "$ATLAS_ROOT/tests/servers/postgres" stop "$PG_DIR"; rm -rf "$PG_DIR"; "$ATLAS_ROOT/tests/servers/mariadb" stop "$MARIA"; }
setup() { common_setup; secret labpw; PATH="$ATLAS_ROOT/build/peers:$ATLAS_ROOT/build/peers/dbmate/node_modules/@dbmate/linux-x64/bin:$PATH"; }
teardown() { common_teardown; }

DATABASES="sqlite postgres mariadb" TOOLS="goose golang-migrate dbmate"

fresh() { # DATABASE: an empty one; sets URL, and how the tools name it
    KIND=$1 DB=t${BATS_TEST_NUMBER}_$RANDOM$RANDOM
    case $1 in
    sqlite) URL=sqlite://$DB.db GOOSE=(sqlite3 "$DB.db") MIGRATE=sqlite://$DB.db DBMATE=sqlite:$DB.db ;;
    postgres)
        /usr/lib/postgresql/15/bin/psql -qd postgres -c "create database $DB"
        URL="postgres://postgres:labpw@127.0.0.1:$PG_PORT/$DB?sslmode=disable" MIGRATE=$URL DBMATE=$URL GOOSE=(postgres "$URL") ;;
    mariadb)
        mariadb --no-defaults -uroot --socket="$MARIA/s.sock" -e "create database $DB"
        local at="tcp(127.0.0.1:$MARIA_PORT)/$DB"
        URL=mariadb://lab:labpw@127.0.0.1:$MARIA_PORT/$DB GOOSE=(mysql "lab:labpw@$at?parseTime=true&multiStatements=true")
        MIGRATE="mysql://lab:labpw@$at?multiStatements=true" DBMATE=mysql://lab:labpw@127.0.0.1:$MARIA_PORT/$DB ;;
    esac
}
sql() {
    case $KIND in
    sqlite) sqlite3 "$DB.db" "$1" ;;
    postgres) /usr/lib/postgresql/15/bin/psql -qAtX -F '|' -d "$DB" -c "set search_path = public, atlas_schema_revisions" -c "$1" ;;
    mariadb) mariadb --no-defaults -uroot --socket="$MARIA/s.sock" -N -B "$DB" -e "$1" | tr '\t' '|' ;;
    esac
}
revisions() { sql 'select version, type, applied, total from atlas_schema_revisions order by version' | tr '\n' ' '; }

file() { # TOOL NAME UP DOWN: a file of that tool in the directory of that name
    mkdir -p "$1"
    case $1 in
    goose) printf -- '-- +goose Up\n%s\n\n-- +goose Down\n%s\n' "$3" "$4" > "goose/$2.sql" ;;
    golang-migrate) printf '%s\n' "$3" > "$1/$2.up.sql"; printf '%s\n' "$4" > "$1/$2.down.sql" ;;
    dbmate) printf -- '-- migrate:up\n%s\n\n-- migrate:down\n%s\n' "$3" "$4" > "dbmate/$2.sql" ;;
    esac
}
steps() { # TOOL NAME...: each makes the table t_NAME's version
    local tool=$1 n; shift; rm -rf "$tool"
    for n; do file "$tool" "$n" "CREATE TABLE t_${n%%_*} (id int);" "DROP TABLE t_${n%%_*};"; done
    atlas migrate hash --dir "file://$tool?format=$tool"
}
theirs() { # TOOL up|down [VERSION]: as its own program does it
    case $1-$2 in
    goose-up) goose -dir goose "${GOOSE[@]}" $(if [ -n "${3:-}" ]; then echo up-to "$3"; else echo up; fi) ;;
    goose-down) goose -dir goose "${GOOSE[@]}" down ;;
    golang-migrate-up) if [ -n "${3:-}" ]; then migrate -path golang-migrate -database "$MIGRATE" goto "$3"; else migrate -path golang-migrate -database "$MIGRATE" up; fi ;;
    golang-migrate-down) migrate -path golang-migrate -database "$MIGRATE" down 1 ;;
    dbmate-up)
        local part=dbmate f
        if [ -n "${3:-}" ]; then part=part; rm -rf part; mkdir part; for f in dbmate/*.sql; do f=$(basename "$f"); [[ ${f%%_*} > $3 ]] || cp "dbmate/$f" part/; done; fi
        dbmate --url "$DBMATE" --migrations-dir "$part" --no-dump-schema up ;;
    dbmate-down) dbmate --url "$DBMATE" --migrations-dir dbmate --no-dump-schema down ;;
    esac > their.log 2>&1 || { cat their.log; return 1; }
}
ours() { run --separate-stderr atlas migrate apply --url "$URL" --dir "file://$1?format=$1" "${@:2}"; }
advised() { # TOOL TEXT: what the action says to do
    run env ATLAS_ACTION=migrate/apply ATLAS_INPUT_URL="$URL" ATLAS_INPUT_DIR="file://$1?format=$1" atlas-action
    equal "$status" 1; has "$output" "$2"
}

@test "what each tool applied is the baseline, the rest is applied" {
    for db in $DATABASES; do for tool in $TOOLS; do
        fresh $db; steps $tool 0001_a 0002_b 0003_c 0004_d
        theirs $tool up "$([ $tool = dbmate ] && echo 0002 || echo 2)"
        ours $tool; equal "$status" 1; has "$stderr" "is not clean"
        advised $tool "$tool left it at version 0002: run once with --baseline 0002"
        ours $tool --baseline auto --dry-run; equal "$status" 0; has "$output" "t_0003" "t_0004"; lacks "$output" t_0002
        ours $tool --baseline auto; equal "$status" 0; has "$output" "Migrating to version 0004 from 0002 (2 migrations in total)"
        equal "$(revisions)" "0002|1|0|0 0003|2|1|1 0004|2|1|1 "
        sql 'select * from t_0001, t_0002, t_0003, t_0004'
        ours $tool --baseline auto; equal "$status" 0; has "$output" "No migration files to execute"
        run atlas migrate status --url "$URL" --dir "file://$tool?format=$tool"; has "$output" "Migration Status: OK" "Current Version: 0004"
    done; done
}

@test "timestamps as versions, and a step back" {
    for db in $DATABASES; do for tool in $TOOLS; do
        fresh $db; steps $tool 20240101000000_a 20240102000000_b 20240103000000_c
        theirs $tool up 20240103000000; theirs $tool down
        ours $tool --baseline auto; equal "$status" 0
        equal "$(revisions)" "20240102000000|1|0|0 20240103000000|2|1|1 "
    done; done
}

@test "everything undone: the table names no version, the database counts as new" {
    for db in $DATABASES; do for tool in $TOOLS; do
        fresh $db; steps $tool 0001_a; theirs $tool up; theirs $tool down
        ours $tool --baseline auto; equal "$status" 1; has "$stderr" "no table of golang-migrate, goose or dbmate that names a version"
        ours $tool --allow-dirty; equal "$status" 0; equal "$(revisions)" "0001|2|1|1 "
    done; done
}

@test "golang-migrate's dirty state is refused, and what to do is said" {
    for db in $DATABASES; do
        fresh $db; steps golang-migrate 0001_a 0002_b; echo 'CREATE NONSENSE;' > golang-migrate/0002_b.up.sql
        run theirs golang-migrate up; [ "$status" -ne 0 ]
        atlas migrate hash --dir 'file://golang-migrate?format=golang-migrate'
        ours golang-migrate --baseline auto; equal "$status" 1
        has "$stderr" "golang-migrate left the database dirty at version 2: its file was applied in part"
        advised golang-migrate "complete or undo that file by hand"
        echo 'CREATE TABLE t_0002 (id int);' > golang-migrate/0002_b.up.sql; atlas migrate hash --dir 'file://golang-migrate?format=golang-migrate'
        ours golang-migrate --baseline 0001; equal "$status" 0; equal "$(revisions)" "0001|1|0|0 0002|2|1|1 "
    done
}

@test "a file that a tool passed over is named, not passed over again" {
    for db in $DATABASES; do for tool in goose dbmate; do
        fresh $db; steps $tool 0001_a 0003_c; theirs $tool up; steps $tool 0001_a 0002_b 0003_c 0004_d
        ours $tool --baseline auto; equal "$status" 1
        has "$stderr" "$tool has applied version 0003, but not 0002_b.sql before it"
        ours $tool --baseline 0003; equal "$status" 0; equal "$(revisions)" "0003|1|0|0 0004|2|1|1 "
    done; done
}

@test "versions without leading zeros: what sorts otherwise here is not run a second time" {
    for db in $DATABASES; do for tool in goose golang-migrate; do
        fresh $db; steps $tool 1_a 2_b 10_c; theirs $tool up
        ours $tool --baseline auto; equal "$status" 1
        has "$stderr" "$tool is at version 10 and has applied 1_a"
        steps $tool 01_a 02_b 10_c 11_d; ours $tool --baseline auto; equal "$status" 0; equal "$(revisions)" "10|1|0|0 11|2|1|1 "
    done; done
}

dump() { # what is in the database, but for the tables that tools keep, and how lines are indented
    contents | sed 's/^ *//; /^$/d'
}
contents() {
    case $KIND in
    sqlite) sqlite3 "$DB.db" "select sql from sqlite_master where name not like 'goose%' and name not like 'schema_mig%' and name not like 'atlas%' and name not like 'sqlite%' and tbl_name not in ('schema_migrations', 'goose_db_version') order by name" 'select * from notes order by 1, 2' ;;
    postgres) /usr/lib/postgresql/15/bin/pg_dump --inserts -n public -T 'goose_db_version*' -T schema_migrations "$DB" | grep -vE '^(--|\\(un)?restrict|$)' ;;
    mariadb) mariadb-dump --no-defaults -uroot --socket="$MARIA/s.sock" --routines --triggers --skip-comments --skip-dump-date \
        --ignore-table="$DB.goose_db_version" --ignore-table="$DB.schema_migrations" --ignore-table="$DB.atlas_schema_revisions" "$DB" | sed 's/ AUTO_INCREMENT=[0-9]*//' ;;
    esac
}
judge() { # TOOL: what its program makes of its directory is what we make of it, read as it is and imported
    local db=$KIND want
    atlas migrate hash --dir "file://$1?format=$1"
    theirs "$1" up; want=$(dump)
    fresh "$db"; ours "$1"; echo "$db $1: $output $stderr"; equal "$status" 0; diff <(dump) <(echo "$want")
    rm -rf imported; atlas migrate import --from "file://$1?format=$1" --to file://imported
    fresh "$db"; run atlas migrate apply --url "$URL" --dir file://imported; echo "$db $1: $output"; equal "$status" 0; diff <(dump) <(echo "$want")
}
N='CREATE TABLE notes (id int, text varchar(200));'

@test "quotes, comments and several statements mean the same to each tool and to us" {
    up="-- a comment; with a semicolon
$N
/* and; one
   more */
INSERT INTO notes VALUES (1, 'it''s; -- no comment'), (2, '/* nor this; */');
INSERT INTO notes
  VALUES (3, 'on; three'
  ); -- behind; it

INSERT INTO notes VALUES (4, 'a
b;
c');
INSERT INTO notes (text, id) VALUES ('x', 5)
;"
    for db in $DATABASES; do for tool in golang-migrate dbmate; do
        fresh $db; rm -rf $tool; file $tool 1_notes "$up" 'DROP TABLE notes;'
        file $tool 2_last "INSERT INTO notes VALUES (6, 'no end')" ''
        judge $tool
    done; done
}

@test "goose: statements end where its lines do, or its pragmas" {
    for db in $DATABASES; do
        fresh $db; rm -rf goose
        file goose 1_notes "$N
INSERT INTO notes VALUES (1, 'it''s; -- no comment'); -- behind; it
INSERT INTO notes
  VALUES (2, 'x; y');
-- +goose StatementBegin
INSERT INTO notes VALUES (3, 'a;
b;
c');
-- +goose StatementEnd
INSERT INTO notes VALUES (4, 'Down and StatementBegin');" 'DROP TABLE notes;'
        judge goose
    done
}

@test "bodies with statements inside" {
    for tool in $TOOLS; do
        fresh sqlite; rm -rf $tool; file $tool 1_notes "$N" ''
        b= e=; [ $tool != goose ] || b=$'-- +goose StatementBegin\n' e=$'\n-- +goose StatementEnd'
        file $tool 2_trigger "${b}CREATE TRIGGER copy AFTER INSERT ON notes WHEN NEW.id < 10 BEGIN
  INSERT INTO notes VALUES (NEW.id + 10, 'copy; of');
  UPDATE notes SET text = text || '!' WHERE id = NEW.id;
END;$e" ''
        file $tool 3_fill "INSERT INTO notes VALUES (1, 'a');" ''
        judge $tool

        fresh postgres; file $tool 2_trigger "${b}CREATE FUNCTION copy() RETURNS trigger AS \$body\$
BEGIN
  IF NEW.id < 10 THEN INSERT INTO notes VALUES (NEW.id + 10, \$\$copy; of\$\$); END IF;
  RETURN NEW;
END;
\$body\$ LANGUAGE plpgsql;$e
CREATE TRIGGER copy AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION copy();
${b}DO \$\$ BEGIN INSERT INTO notes VALUES (2, 'x;'); END \$\$;$e" ''
        judge $tool

        fresh mariadb; file $tool 2_trigger "${b}CREATE PROCEDURE fill(n int)
BEGIN
  IF n > 0 THEN
    INSERT INTO notes VALUES (n, 'p; q');
  END IF;
  BEGIN
    INSERT INTO notes VALUES (n + 1, 'r');
  END;
END;$e
CALL fill(5);" ''
        judge $tool
    done
}

@test "files that want no transaction" {
    fresh postgres; rm -rf goose dbmate golang-migrate
    file goose 1_notes "$N" ''; printf -- '-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY i ON notes (id);\n-- +goose Down\n' > goose/2_index.sql; judge goose
    fresh postgres; file dbmate 1_notes "$N" ''; printf -- '-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY i ON notes (id);\n-- migrate:down\n' > dbmate/2_index.sql; judge dbmate
    fresh sqlite; file dbmate 1_notes "$N" ''; printf -- '-- migrate:up transaction:false\nVACUUM;\n-- migrate:down\n' > dbmate/2_index.sql; judge dbmate
}

@test "line ends of Windows" {
    for db in $DATABASES; do for tool in $TOOLS; do
        fresh $db; rm -rf $tool; file $tool 1_notes "$N" 'DROP TABLE notes;'; file $tool 2_more "INSERT INTO notes VALUES (1, 'a');
INSERT INTO notes VALUES (2, 'b');" 'DELETE FROM notes;'
        sed -i 's/$/\r/' $tool/*
        judge $tool
    done; done
}

@test "what strings and comments each database has of its own" {
    for tool in golang-migrate dbmate; do
        fresh mariadb; rm -rf $tool; file $tool 1_notes "$N # it's; one
INSERT INTO notes VALUES (1, 'it\\'s; b'), (2, \"say \\\"x;\\\" \"); -- it's
/*!40101 SET @x = 'a;b' */;
INSERT INTO notes VALUES (3, @x); #
# last; one" ''
        judge $tool
        fresh postgres; rm -rf $tool; file $tool 1_notes "$N -- it's; one
INSERT INTO notes VALUES (1, E'it\\'s; b'), (2, U&'d\\0061t; a'), (3, \$q\$it's; \$\$ x\$q\$);
/* outer; */
INSERT INTO notes VALUES (4, 'end');
-- last; one" ''
        judge $tool
    done
}

@test "goose and dbmate: what stands around the parts" {
    for db in $DATABASES; do
        fresh $db; rm -rf goose dbmate; mkdir goose dbmate
        printf -- "-- a header; with one\n\n--   +goose Up\n-- comment; in it\n$N\n\n\nINSERT INTO notes VALUES (1, 'Down')\n  ;\n-- end;\n\n-- +goose Down\nDROP TABLE notes;\nDROP TABLE more;\n" > goose/1_notes.sql
        printf -- "-- +goose Up\nINSERT INTO notes VALUES (2, 'StatementEnd');\n" > goose/2_more.sql
        judge goose
        fresh $db
        printf -- "-- a header; with one\n\n--   migrate:up\n-- comment; in it\n$N\n\nINSERT INTO notes VALUES (1, 'down'); -- down\n-- migrate:down\nDROP TABLE notes;\n" > dbmate/1_notes.sql
        printf -- "-- migrate:up\nINSERT INTO notes VALUES (2, 'x');\n-- migrate:down\n" > dbmate/2_more.sql
        judge dbmate
    done
}

@test "versions that sort by number: import pads them" {
    for db in $DATABASES; do for tool in goose golang-migrate; do
        fresh $db; rm -rf $tool imported; file $tool 1_notes "$N" ''; file $tool 2_first "INSERT INTO notes VALUES (1, 'a');" ''
        file $tool 10_last "UPDATE notes SET text = 'b';" ''
        theirs $tool up; want=$(dump); run -0 atlas migrate import --from "file://$tool?format=$tool" --to file://imported
        equal "$(ls imported | tr '\n' ' ')" "01_notes.sql 02_first.sql 10_last.sql atlas.sum "
        run -0 atlas migrate apply --url "$URL" --dir file://imported --baseline auto; has "$output" "No migration files to execute"
        fresh $db; run -0 atlas migrate apply --url "$URL" --dir file://imported; diff <(dump) <(echo "$want")
    done; done
}

@test "golang-migrate leaves transactions to its files: so do we, and a failed one leaves nothing" {
    for db in $DATABASES; do
        fresh $db; rm -rf golang-migrate; MIGRATE+=$([ $db != sqlite ] || echo '?x-no-tx-wrap=true')
        file golang-migrate 1_notes "$N" ''
        file golang-migrate 2_fill "begin;
INSERT INTO notes VALUES (1, 'a');
INSERT INTO notes VALUES (2, 'b');
COMMIT;
INSERT INTO notes VALUES (3, 'c');" ''
        judge golang-migrate
        fresh $db; sed -i "s/'b'/nonsense/" golang-migrate/2_fill.up.sql; atlas migrate hash --dir "file://golang-migrate?format=golang-migrate"
        ours golang-migrate; equal "$status" 1; equal "$(revisions)" "1|2|1|1 2|2|0|5 "; equal "$(sql 'select count(*) from notes')" 0
        sed -i "s/nonsense/'b'/" golang-migrate/2_fill.up.sql; atlas migrate hash --dir "file://golang-migrate?format=golang-migrate"
        ours golang-migrate; equal "$status" 0; equal "$(sql 'select text from notes order by id' | tr '\n' ' ')" "a b c "
    done
}
