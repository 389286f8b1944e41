#!/usr/bin/env bats
# The real MySQL, out of Debian sid, judges the driver that it shares with MariaDB.
bats_require_minimum_version 1.5.0
load ../e2e/common

setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    export MYSQL_DIR=$BATS_FILE_TMPDIR/mysql; MYSQL_PORT=$(free_port); export MYSQL_PORT
    "$ATLAS_ROOT/tests/servers/mysql" start "$MYSQL_DIR" "$MYSQL_PORT"
}
teardown_file() { "$ATLAS_ROOT/tests/servers/mysql" stop "$MYSQL_DIR"; }
setup() { common_setup; secret labpw; URL=mysql://lab:labpw@127.0.0.1:$MYSQL_PORT/lab; }
teardown() { common_teardown; }

ask() { mariadb --no-defaults -uroot --socket="$MYSQL_DIR/s.sock" -N -B -e "$1"; }

@test "the contract of database drivers" {
    for which in test_db test_db_mysql; do
        run -0 env ATLAS_TEST_MYSQL="$URL" "$ATLAS_BUILD/tests/contract/$which" mysql
    done
}

@test "apply, fail, mend and go on, with a password over TLS and without" {
    ask 'drop database lab; create database lab'
    mkdir migrations; printf 'CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1);\nCREATE TABLE b (id int);\nINSERT INTO a VALUES (2);\nINSERT INTO a VALUES (2);\n' > migrations/1_a.sql
    atlas migrate hash
    run -1 atlas migrate apply --url "$URL?tls=skip-verify"
    has "$output" "Error 1062 (23000): Duplicate entry '2' for key 'a.PRIMARY'"
    equal "$(ask 'select applied, total from lab.atlas_schema_revisions')" $'3\t5'
    ask 'alter table lab.a drop primary key'
    run -0 atlas migrate apply --url "$URL"
    equal "$(ask 'select group_concat(id order by id) from lab.a')" 1,2,2
    run -1 atlas migrate status --url "mysql://lab:labpw@localhost:$MYSQL_PORT/lab?tls=true"
    has "$output" "TLS/SSL error"
}
