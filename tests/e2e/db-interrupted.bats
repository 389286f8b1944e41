#!/usr/bin/env bats
# Applies that are interrupted at random moments, on real PostgreSQL and MariaDB servers: the client
# dies, the server ends the connection, the network goes. The next run ends in exactly the state of an
# uninterrupted one. And many at once: each file is applied once.
bats_require_minimum_version 1.5.0
load common

setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"
    local s p
    for s in postgres mariadb; do
        "$ATLAS_ROOT/tests/servers/$s" install > "$BATS_FILE_TMPDIR/$s.install" 2>&1 || { cat "$BATS_FILE_TMPDIR/$s.install"; return 1; }
        p=$(free_port); mkdir -p "$SUITE_DIR/interrupted/$s" # which the servers' user may enter
        "$ATLAS_ROOT/tests/servers/$s" start "$SUITE_DIR/interrupted/$s" "$p" || return 1
        export "PORT_$s=$p"
    done
}
teardown_file() { local s; for s in postgres mariadb; do "$ATLAS_ROOT/tests/servers/$s" stop "$SUITE_DIR/interrupted/$s"; done; }
setup() { common_setup; DB=postgres; }
teardown() { common_teardown; }

pg() { PGPASSWORD=labpw psql -qAtX -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PORT_postgres" -U postgres postgres "$@"; }
my() { mariadb --no-defaults -h127.0.0.1 -P"$PORT_mariadb" -ulab -plabpw -N "$@"; }

# A scratch schema or database NAME, empty.
fresh() { if [ $DB = postgres ]; then pg -c "set client_min_messages = error; drop schema if exists $1 cascade; create schema $1"; else my -e "drop database if exists $1; create database $1"; fi; }
url() { # NAME [PORT]
    if [ $DB = postgres ]; then echo "postgres://postgres:labpw@127.0.0.1:${2:-$PORT_postgres}/postgres?sslmode=disable&search_path=$1"
    else echo "mariadb://lab:labpw@127.0.0.1:${2:-$PORT_mariadb}/$1"; fi
}
# Everything that a run leaves, without times.
state() { # NAME
    if [ $DB = postgres ]; then
        PGPASSWORD=labpw pg_dump -h 127.0.0.1 -p "$PORT_postgres" -U postgres -n "$1" --no-owner -T '*.atlas_schema_revisions' postgres | sed "s/\\b$1\\b/S/g" | grep -v '^\\\|^--\|^SET\|^SELECT pg_catalog.set_config'
        pg -c "select version, description, type, applied, total, error, error_stmt, partial_hashes, hash from $1.atlas_schema_revisions order by version" \
           -c "select c.relname, indisvalid from pg_index join pg_class c on c.oid = indexrelid where c.relnamespace = '$1'::regnamespace order by 1"
    else
        mariadb-dump --no-defaults -h127.0.0.1 -P"$PORT_mariadb" -ulab -plabpw --skip-comments --skip-dump-date --routines --ignore-table="$1.atlas_schema_revisions" "$1"
        my "$1" -e "select version, description, type, applied, total, error, error_stmt, partial_hashes, hash from atlas_schema_revisions order by version"
    fi
}

# N files: tables, data, an index; on PostgreSQL with TX=none also what no transaction can hold.
directory() { # N [TX]
    local i; rm -rf migrations; mkdir migrations
    for i in $(seq "$1"); do
        {
            [ "${2:-}" != none ] || printf -- '-- atlas:txmode none\n\n'
            printf 'CREATE TABLE t%d (id integer primary key, v integer);\nINSERT INTO t%d VALUES (1, 0), (2, 0), (3, 0);\nUPDATE t%d SET v = v + 1;\n' "$i" "$i" "$i"
            if [ $DB = postgres ] && [ "${2:-}" = none ]; then printf 'CREATE INDEX CONCURRENTLY i%d ON t%d (v);\n' "$i" "$i"; else printf 'CREATE INDEX i%d ON t%d (v);\n' "$i" "$i"; fi
            printf 'UPDATE t%d SET v = v + 1;\nALTER TABLE t%d ADD COLUMN w integer;\nUPDATE t%d SET w = v + 1;\n' "$i" "$i" "$i"
        } > "migrations/$(printf '%04d_f' "$i").sql"
    done
    atlas migrate hash
}

pause() { sleep "$(printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000)))"; }
run_at_most() { # MICROSECONDS COMMAND...: then the client dies
    local at=$1 pid; shift
    "$@" > killed.log 2>&1 3>&- & pid=$!
    pause "$at"; kill -9 $pid 2> /dev/null || true; wait $pid 2> /dev/null || true
}

interrupted() { # ROUNDS TX_MODE HOW: HOW is called with the moment and the name
    local rounds=$1 mode=$2 how=$3 took t0 want round at
    fresh whole; t0=${EPOCHREALTIME/./}
    "$ATLAS_BUILD/atlas" migrate apply --tx-mode "$mode" --url "$(url whole)" > whole.log
    took=$((${EPOCHREALTIME/./} - t0)); want=$(state whole | sed 's/\bwhole\b/S/g')
    for round in $(seq "$rounds"); do
        fresh r; at=$((RANDOM * took / 32768))
        $how "$at" r "$mode"
        run "$ATLAS_BUILD/atlas" migrate apply --tx-mode "$mode" --url "$(url r)"
        [ "$status" -eq 0 ] || { echo "round $round, at $at us of $took: $output"; cat killed.log; return 1; }
        diff <(echo "$want") <(state r | sed 's/\br\b/S/g') || { echo "round $round, at $at us of $took:"; cat killed.log; return 1; }
    done
}
client_dies() { run_at_most "$1" "$ATLAS_BUILD/atlas" migrate apply --tx-mode "$3" --url "$(url "$2")"; }
server_ends_it() {
    local pid
    "$ATLAS_BUILD/atlas" migrate apply --tx-mode "$3" --url "$(url "$2")" > killed.log 2>&1 3>&- & pid=$!
    pause "$1"
    if [ $DB = postgres ]; then pg -c "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like 'atlas-action%'" > /dev/null
    else my -e "select concat('kill ', id, ';') from information_schema.processlist where user = 'lab' and id <> connection_id()" | my 2> /dev/null || true; fi
    wait $pid || true
}
network_goes() {
    local pid p; p=$(free_port)
    "$ATLAS_ROOT/tests/servers/latency" start "$DIR/cut" "$p" "$([ $DB = postgres ] && echo "$PORT_postgres" || echo "$PORT_mariadb")" 1
    "$ATLAS_BUILD/atlas" migrate apply --tx-mode "$3" --url "$(url "$2" "$p")" > killed.log 2>&1 3>&- & pid=$!
    pause "$1"; kill -9 "$(cat cut/pid)"; rm cut/pid; wait $pid || true
}

@test "PostgreSQL: the client dies at random moments" { directory 12; interrupted 40 file client_dies; interrupted 10 all client_dies; }
@test "PostgreSQL: the client dies at random moments, statements that no transaction can hold" { directory 6 none; interrupted 50 file client_dies; }
@test "PostgreSQL: the server ends the connection, the network goes" { directory 12; interrupted 12 file server_ends_it; interrupted 8 none server_ends_it; interrupted 8 file network_goes; directory 6 none; interrupted 12 file server_ends_it; }
@test "MariaDB: the client dies at random moments" { DB=mariadb; directory 12; interrupted 50 file client_dies; interrupted 40 none client_dies; interrupted 10 all client_dies; }
@test "MariaDB: the server ends the connection, the network goes" { DB=mariadb; directory 12; interrupted 15 file server_ends_it; interrupted 15 none server_ends_it; interrupted 8 file network_goes; }

at_once() { # N: that many applies; each file once
    local i pids=() logs
    fresh many
    for i in $(seq "$1"); do "$ATLAS_BUILD/atlas" migrate apply --lock-timeout 60s --url "$(url many)" --format '{{ len .Applied }}' > "at-once.$i" 2>&1 3>&- & pids+=($!); done
    for i in "${pids[@]}"; do wait "$i" || { cat at-once.*; return 1; }; done
    equal "$(cat at-once.* | tr -cd '0-9' | tr -d 0)" 8 # one applied all, the others none
    rm at-once.*
}
@test "two and twenty applies at once: each file is applied once" {
    for DB in postgres mariadb; do directory 8; at_once 2; at_once 20; done
}

@test "a lock that is not obtained names its holder" {
    for DB in postgres mariadb; do
        rm -rf migrations; mkdir migrations; fresh held
        if [ $DB = postgres ]; then echo "SELECT pg_sleep(30);" > migrations/1.sql; else echo "SELECT sleep(30);" > migrations/1.sql; fi
        atlas migrate hash
        "$ATLAS_BUILD/atlas" migrate apply --url "$(url held)" > held.log 2>&1 3>&- & local pid=$!
        for i in $(seq 200); do
            run --separate-stderr atlas migrate apply --lock-timeout 100ms --url "$(url held)" --dry-run
            [[ $stderr != *"acquiring database lock"* ]] || break
        done
        has "$stderr" "acquiring database lock" "atlas_migrate_execute" "is held by"
        kill -TERM $pid; wait $pid && return 1
        has "$(cat held.log)" interrupted
        run atlas migrate apply --lock-timeout 5s --url "$(url held)" --dry-run; equal "$status" 0 # nothing is left to clean up
    done
}

tenants() { # N: env all with a schema or database each on the one server
    local i list=
    for i in $(seq "$1"); do list+="\"tenant$i\", "; fresh "tenant$i"; done
    cat > atlas.hcl <<H
env "all" {
  for_each = toset([${list%, }])
  url = "$(url '${each.value}')"
  migration {
    dir = "file://migrations"
  }
}
H
}
asleep() { if [ $DB = postgres ]; then pg -c "select count(*) from pg_stat_activity where state = 'active' and query like 'SELECT pg_sleep%'"
    else my -e "select count(*) from information_schema.processlist where state = 'User sleep'"; fi; }
@test "tenants on one server are migrated at the same time, under the one lock that others ask for" {
    for DB in postgres mariadb; do
        rm -rf migrations; mkdir migrations
        if [ $DB = postgres ]; then echo "SELECT pg_sleep(3);" > migrations/1.sql; else echo "SELECT sleep(3);" > migrations/1.sql; fi
        atlas migrate hash; tenants 8
        "$ATLAS_BUILD/atlas" migrate apply --env all --concurrent 8 --format '{{ len .Applied }}' > all.log 2>&1 3>&- & local pid=$!
        for i in $(seq 200); do # until it runs
            run --separate-stderr atlas migrate apply --lock-timeout 0s --url "$(url tenant1)" --dry-run
            [[ $stderr != *"is held by"* ]] || break
        done
        has "$stderr" '"atlas_migrate_execute" is held by'
        for i in $(seq 200); do [ "$(asleep)" -lt 8 ] || break; done
        equal "$(asleep)" 8 # all at the same time
        wait $pid || { cat all.log; return 1; }
        equal "$(tr -d '\n' < all.log)" 11111111
        equal "$(atlas migrate apply --env all --concurrent 8 --format '{{ len .Applied }}' | tr -d '\n')" 00000000
    done
}
