#!/usr/bin/env bats
# Databases as other programs leave them: revisions tables written by Atlas in Go (literally, with its column types), and
# the tables of migration tools where their reading of a directory is not ours.
bats_require_minimum_version 1.5.0
load common

setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    local s; for s in postgres mariadb; do "$ATLAS_ROOT/tests/servers/$s" install; done
    export PG_DIR=$SUITE_DIR/left-postgres MARIA=$SUITE_DIR/left-mariadb PG_PORT MARIA_PORT
    mkdir -p "$PG_DIR"
    PG_PORT=$(free_port); "$ATLAS_ROOT/tests/servers/postgres" start "$PG_DIR" "$PG_PORT"
    MARIA_PORT=$(free_port); "$ATLAS_ROOT/tests/servers/mariadb" start "$MARIA" "$MARIA_PORT"
    export PGPASSWORD=labpw PGUSER=postgres PGHOST=127.0.0.1 PGPORT=$PG_PORT
}
teardown_file() { "$ATLAS_ROOT/tests/servers/postgres" stop "$PG_DIR"; "$ATLAS_ROOT/tests/servers/mariadb" stop "$MARIA"; }
setup() { common_setup; }
teardown() { common_teardown; }

DATABASES="sqlite postgres mariadb"

fresh() { # DATABASE: an empty one
    KIND=$1 DB=t${BATS_TEST_NUMBER}_$RANDOM$RANDOM
    case $1 in
    sqlite) URL=sqlite://$DB.db ;;
    postgres) /usr/lib/postgresql/15/bin/psql -qd postgres -c "create database $DB"; URL="postgres://postgres:labpw@127.0.0.1:$PG_PORT/$DB?sslmode=disable&search_path=public" ;;
    mariadb) mariadb --no-defaults -uroot --socket="$MARIA/s.sock" -e "create database $DB"; URL=mariadb://lab:labpw@127.0.0.1:$MARIA_PORT/$DB ;;
    esac
}
sql() {
    case $KIND in
    sqlite) sqlite3 "$DB.db" "$1" ;;
    postgres) /usr/lib/postgresql/15/bin/psql -qAtX -F '|' -d "$DB" -c "set timezone = 'UTC'" -c "$1" ;;
    mariadb) mariadb --no-defaults -uroot --socket="$MARIA/s.sock" -N -B "$DB" -e "set time_zone = '+00:00'; $1" | tr '\t' '|' ;;
    esac
}
layout() {
    case $KIND in
    sqlite) sql "select sql from sqlite_master where name = 'atlas_schema_revisions'" ;;
    postgres) /usr/lib/postgresql/15/bin/pg_dump -s -t atlas_schema_revisions "$DB" | grep -vE '^(--|\\(un)?restrict|$)' ;;
    mariadb) sql 'show create table atlas_schema_revisions' ;;
    esac
}
left() { # a revisions table as Go's Atlas makes it
    case $KIND in
    sqlite) sql 'CREATE TABLE `atlas_schema_revisions` (`version` text NOT NULL, `description` text NOT NULL, `type` integer NOT NULL DEFAULT (2), `applied` integer NOT NULL DEFAULT (0), `total` integer NOT NULL DEFAULT (0), `executed_at` datetime NOT NULL, `execution_time` integer NOT NULL, `error` text NULL, `error_stmt` text NULL, `hash` text NOT NULL, `partial_hashes` json NULL, `operator_version` text NOT NULL, PRIMARY KEY (`version`))' ;;
    postgres) sql 'CREATE TABLE "public"."atlas_schema_revisions" ("version" character varying NOT NULL, "description" character varying NOT NULL, "type" bigint NOT NULL DEFAULT 2, "applied" bigint NOT NULL DEFAULT 0, "total" bigint NOT NULL DEFAULT 0, "executed_at" timestamptz NOT NULL, "execution_time" bigint NOT NULL, "error" text NULL, "error_stmt" text NULL, "hash" character varying NOT NULL, "partial_hashes" jsonb NULL, "operator_version" character varying NOT NULL, PRIMARY KEY ("version"))' ;;
    mariadb) sql 'CREATE TABLE `atlas_schema_revisions` (`version` varchar(255) NOT NULL, `description` varchar(255) NOT NULL, `type` bigint unsigned NOT NULL DEFAULT 2, `applied` bigint NOT NULL DEFAULT 0, `total` bigint NOT NULL DEFAULT 0, `executed_at` timestamp NULL, `execution_time` bigint NOT NULL, `error` longtext NULL, `error_stmt` longtext NULL, `hash` varchar(255) NOT NULL, `partial_hashes` json NULL, `operator_version` varchar(255) NOT NULL, PRIMARY KEY (`version`)) CHARSET utf8mb4 COLLATE utf8mb4_bin' ;;
    esac
    LAYOUT=$(layout)
}
row() { # VERSION TYPE APPLIED TOTAL HASH PARTIAL_HASHES [ERROR STATEMENT]
    local at='2024-05-01 08:00:00'; [ "$KIND" != sqlite ] || at='2024-05-01 10:00:00.123456789+02:00'
    sql "insert into atlas_schema_revisions values ('$1', '', $2, $3, $4, '$at', 910000, '${7:-}', '${8:-}', '$5', '$6', 'Atlas CLI v0.19.1')"
}
# The directory whose hashes the specification of atlas.sum spells out.
FIRST=p2KwVyJpO2B3fplgr1IYF/jrZlGfWnZJjUAUQWFi+zg= THIRD=6+/iXqmPcsLFxnJrrqkWAEr/Xf+1jXdYqHF5mn7+occ=
PARTIAL=h1:qaU0HlqEUXQ90MMIwsaL3a5JFNONLlryRq5OObkJjNA= WHOLE=h1:PM8zWMHTSkjptzIo5sWyNmCmd3hplk5kWaooVN4qXkk=
published() {
    rm -rf migrations; mkdir migrations
    printf 'CREATE TABLE pets (id int);\n' > migrations/20240101090000_first.sql
    printf -- '-- atlas:sum ignore\n\nSELECT 1;\n' > migrations/20240102090000_skip.sql
    printf "ALTER TABLE pets ADD COLUMN name text;\nINSERT INTO pets VALUES (1, 'a;b');\n" > migrations/20240103090000.sql
    atlas migrate hash
}
rows() { sql "select version, type, applied, total, hash, rtrim(cast(partial_hashes as char(200))), coalesce(error, ''), coalesce(error_stmt, '') from atlas_schema_revisions order by version"; }
status() { atlas migrate status --url "$URL" --format '{{ json . }}' > status.json; jq -r "$1" status.json; }
apply() { run --separate-stderr atlas migrate apply --url "$URL" "$@"; }

@test "rows of every type are read, and a table that is right is left as it is" {
    published
    for db in $DATABASES; do
        fresh $db; left; sql 'create table pets (id int)'
        row 20240101090000 1 0 0 '' null; row 20240102090000 4 1 1 '' null
        equal "$(status '[.Status, .Current, .Next, (.Applied[] | .Type)] | join(" ")')" "PENDING 20240102090000 20240103090000 baseline manually set"
        equal "$(jq -r '.Applied[0].ExecutedAt | split(".")[0] | split("Z")[0] | split("+")[0]' status.json)" "$([ $db = sqlite ] && echo 2024-05-01T10:00:00 || echo 2024-05-01T08:00:00)"
        equal "$(jq -r '.Applied[0] | [.ExecutionTime, .OperatorVersion] | join(" ")' status.json)" "910000 Atlas CLI v0.19.1"
        apply; equal "$status" 0
        equal "$(rows)" "20240101090000|1|0|0||null||
20240102090000|4|1|1||null||
20240103090000|2|2|2|$THIRD|null||"
        equal "$(sql "select operator_version from atlas_schema_revisions where version < '20240103'" | sort -u)" "Atlas CLI v0.19.1"
        equal "$(layout)" "$LAYOUT"
    done
}

@test "a file that was left in the middle goes on behind its partial hashes" {
    published
    for db in $DATABASES; do
        fresh $db; left; sql 'create table pets (id int, name text)'
        row 20240101090000 2 1 1 $FIRST null; row 20240102090000 2 1 1 '' null
        row 20240103090000 2 1 2 $THIRD "[\"$PARTIAL\"]" 'some error' 'INSERT INTO pets'
        equal "$(status '[.Status, .Current, .Next, .Count, .Total, .Error, .SQL] | join("/")')" "PENDING/20240103090000/20240103090000/1/2/some error/INSERT INTO pets"
        apply --format '{{ json . }}'; equal "$status" 0
        equal "$(jq -c '[.Applied[0].Skipped, .Applied[0].Applied]' <<< "$output")" "[1,[\"INSERT INTO pets VALUES (1, 'a;b');\"]]"
        equal "$(rows | tail -1)" "20240103090000|2|2|2|$THIRD|null||"
        equal "$(sql "select substr(cast(executed_at as char(40)), 1, 16) from atlas_schema_revisions where version = '20240103090000'")" "2024-05-01 $([ $db = sqlite ] && echo 10:00 || echo 08:00)"
        equal "$(layout)" "$LAYOUT"
    done
}

@test "what was applied and then changed is refused; set resolves it" {
    for db in $DATABASES; do
        published; sed -i 's/ADD COLUMN name text/ADD COLUMN name int/' migrations/20240103090000.sql; atlas migrate hash
        fresh $db; left; sql 'create table pets (id int, name text)'
        row 20240101090000 2 1 1 $FIRST null; row 20240102090000 2 1 1 '' null
        row 20240103090000 2 1 2 $THIRD "[\"$PARTIAL\"]" 'some error' 'INSERT INTO pets'
        apply; equal "$status" 1; has "$stderr" 'history changed: statement 1 from file "20240103090000.sql" changed'
        run -0 atlas migrate set 20240103090000 --url "$URL"
        equal "$(sql "select type from atlas_schema_revisions where version = '20240103090000'")" 6
        equal "$(status '[.Status, .Applied[2].Type] | join(" ")')" "OK applied + manually set"
        echo 'CREATE TABLE after_it (id int);' > migrations/20240104090000.sql; atlas migrate hash
        apply; equal "$status" 0; has "$output" "Migrating to version 20240104090000 from 20240103090000 (1 migrations in total)"
        equal "$(sql 'select count(*) from pets')" 0
        equal "$(layout)" "$LAYOUT"
    done
}

@test "the partial hashes that we leave are those that Go's Atlas would" {
    published
    for db in $DATABASES; do
        fresh $db; sql 'create table pets (id int)'
        sed -i "s/'a;b'/'a;b', 3/" migrations/20240103090000.sql; atlas migrate hash
        apply --baseline 20240102090000 --tx-mode none; equal "$status" 1
        equal "$(sql "select applied, total, rtrim(cast(partial_hashes as char(200))) from atlas_schema_revisions where version = '20240103090000'")" "1|2|[\"$PARTIAL\"]"
        published; apply; equal "$status" 0
        equal "$(rows | tail -1)" "20240103090000|2|2|2|$THIRD|null||"
    done
}

@test "baseline auto neither skips nor repeats a file" {
    steps() { rm -rf m; mkdir m; local n; for n; do echo "CREATE TABLE t_$n (id int);" > "m/$n.sql"; done; atlas migrate hash --dir file://m; }
    for db in $DATABASES; do
        fresh $db; steps 01 02 03 04; sql 'create table t_01 (id int)'
        sql "create table schema_migrations (version varchar(128) primary key)"; sql "insert into schema_migrations values ('01'), ('03')"
        apply --dir file://m --baseline auto; equal "$status" 1; has "$stderr" "dbmate has applied version 03, but not 02.sql before it"
        sql "insert into schema_migrations values ('02')"
        apply --dir file://m --baseline auto; equal "$status" 0; equal "$(sql 'select version, type from atlas_schema_revisions order by 1' | tr '\n' ' ')" "03|1 04|2 "

        fresh $db; steps 1 2 10 11; sql 'create table t_1 (id int)'
        sql "create table schema_migrations (version bigint primary key, dirty boolean)"; sql "insert into schema_migrations values (10, false)"
        apply --dir file://m --baseline auto; equal "$status" 1; has "$stderr" "golang-migrate is at version 10 and has applied 2.sql, which sorts behind it here"
        steps 01 02 10 11
        apply --dir file://m --baseline auto; equal "$status" 0; equal "$(sql 'select version, type from atlas_schema_revisions order by 1' | tr '\n' ' ')" "10|1 11|2 "
    done
}

@test "directories of other tools are scanned as the database at hand needs it" {
    body="CREATE TABLE a (x int);
CREATE TRIGGER t AFTER INSERT ON a BEGIN
  UPDATE a SET x = x + 1;
  DELETE FROM a WHERE x > 9;
END;
INSERT INTO a VALUES (1);"
    mkdir golang-migrate dbmate flyway; echo "$body" > golang-migrate/1_a.up.sql; printf -- '-- migrate:up\n%s\n' "$body" > dbmate/1_a.sql; echo "$body" > flyway/V1__a.sql
    for tool in golang-migrate dbmate flyway; do
        fresh sqlite; atlas migrate hash --dir "file://$tool?format=$tool"
        apply --dir "file://$tool?format=$tool"; equal "$status" 0; has "$output" "3 sql statements"; equal "$(sql 'select x from a')" 2
        fresh sqlite; atlas migrate import --from "file://$tool?format=$tool" --to "file://from-$tool"
        lacks "$(cat "from-$tool"/1_a.sql)" delimiter
        apply --dir "file://from-$tool"; equal "$status" 0; has "$output" "3 sql statements"; equal "$(sql 'select x from a')" 2
    done
    fresh mariadb; printf "CREATE TABLE a (x text); # it's\nINSERT INTO a VALUES ('it\\\\'s; b');\n" > golang-migrate/1_a.up.sql; atlas migrate hash --dir "file://golang-migrate?format=golang-migrate"
    apply --dir "file://golang-migrate?format=golang-migrate"; equal "$status" 0; equal "$(sql 'select x from a')" "it's; b"
}
