#!/usr/bin/env bats
# One env, many databases: one after the other or at the same time, and every one is accounted for.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; }
teardown() { common_teardown; }

tenants() { # N: atlas.hcl with env "all", databases t1.db ... tN.db
    local i list=
    for i in $(seq "$1"); do list+="\"$(printf 't%03d' "$i")\", "; done
    cat > atlas.hcl <<H
env "all" {
  for_each = toset([${list%, }])
  url = "sqlite://\${each.value}.db"
  migration {
    dir = "file://migrations"
  }
}
H
}
spoil() { atlas migrate apply 1 --url "sqlite://$1.db" > spoil.log; sqlite3 "$1.db" 'create table t2 (x)'; } # file 2 will fail

@test "200 tenants at the same time are all migrated, each once" {
    migrations 3; tenants 200
    run atlas migrate apply --env all --concurrent 8 --format '{{ .Target }} {{ len .Applied }} {{ .URL.Host }}'
    equal "$status" 0
    equal "${#lines[@]}" 200
    equal "${lines[0]}" "20260103000000 3 t001.db"
    equal "${lines[199]}" "20260103000000 3 t200.db"
    for i in $(seq 200); do equal "$(sqlite3 "$(printf 't%03d.db' "$i")" 'select count(*) from t3')" 1; done
    run atlas migrate apply --env all --concurrent 8 --format '{{ len .Applied }}'
    equal "$(sort -u <<< "$output")" 0
}

@test "a failed tenant does not keep the others from starting with --continue-on-error, and a rerun goes on where it failed" {
    migrations 2; tenants 5; spoil t002; spoil t004
    for concurrent in 1 3; do
        rm -f t*.db; spoil t002; spoil t004
        run --separate-stderr atlas migrate apply --env all --concurrent $concurrent --continue-on-error
        equal "$status" 1
        has "$stderr" "Error: 2 of 5 targets failed, the first is: sqlite://t002.db: sql/migrate: executing statement \"CREATE TABLE t2"
        equal "$(tables t005.db)" "t1 t2"
        equal "$(tables t002.db)" "t1 t2" # of file 1, and the spoiled one
        sqlite3 t002.db 'drop table t2'; sqlite3 t004.db 'drop table t2'
        run atlas migrate apply --env all --concurrent $concurrent --format '{{ .URL.Host }}:{{ len .Applied }}'
        equal "$status" 0
        equal "$(tr '\n' ' ' <<< "$output")" "t001.db:0 t002.db:1 t003.db:0 t004.db:1 t005.db:0 "
    done
}

@test "without --continue-on-error a failure keeps later tenants from starting" {
    migrations 2; tenants 5; spoil t002
    run atlas migrate apply --env all --format '{{ .URL.Host }} {{ .Error }}'
    equal "$status" 1
    equal "${#lines[@]}" 2
    [ ! -e t003.db ]
    run atlas migrate apply --env all --concurrent 2 --format '{{ .URL.Host }}'
    equal "$status" 1
    [ ! -e t005.db ]
}

@test "a tenant that does not start has its place in the report" {
    migrations 2; tenants 3; sqlite3 t002.db 'create table mine (x)'
    run --separate-stderr atlas migrate apply --env all --concurrent 3 --continue-on-error --format '{{ .URL.Host }}={{ .Error }}'
    equal "$status" 1; equal "$stderr" ""
    equal "${lines[1]}" 't002.db=sql/migrate: connected database is not clean: found table "mine". baseline version or allow-dirty is required'
    run atlas migrate apply --env all --continue-on-error
    has "$output" "sqlite://t002.db was not migrated:"
}

@test "the action tells every tenant in runs, with url and error" {
    migrations 2; tenants 3; spoil t002
    export GITHUB_ACTIONS=true GITHUB_OUTPUT=$DIR/out GITHUB_REPOSITORY=o/r GITHUB_SHA=c; : > out
    run env INPUT_ENV=all INPUT_CONCURRENCY=3 INPUT_CONTINUE-ON-ERROR=true atlas-action --action migrate/apply
    equal "$status" 1
    run jq -r '.[] | .url + " " + (.applied_count | tostring) + " " + (.error // "fine")[0:30]' <<< "$(grep '^\[' out)"
    equal "${lines[0]}" " 2 fine"
    equal "${lines[1]}" "sqlite://t002.db 1 sql/migrate: executing stateme"
    equal "${lines[2]}" " 2 fine"
}

@test "a worker that is killed is named; what it applied stays" {
    migrations 1; tenants 2
    printf "CREATE TABLE big AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 1000000000) SELECT x FROM c;\n" > migrations/20270101000000_big.sql
    atlas migrate hash
    "$ATLAS_BUILD/atlas" migrate apply --env all --concurrent 2 --continue-on-error > out 2>&1 3>&- & pid=$!
    for i in $(seq 400); do [ "$(pgrep -c -P $pid)" = 2 ] && [ -s t001.db ] && [ -s t002.db ] && break; sleep 0.02; done
    pkill -9 -P $pid
    local rc=0; wait $pid || rc=$?; equal $rc 1
    has "$(cat out)" "its process was ended by signal 9"
}

@test "SIGTERM ends all workers, clean" {
    migrations 1; tenants 3
    printf "CREATE TABLE big AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 1000000000) SELECT x FROM c;\n" > migrations/20270101000000_big.sql
    atlas migrate hash
    "$ATLAS_BUILD/atlas" migrate apply --env all --concurrent 3 > out 2>&1 3>&- & pid=$!
    for i in $(seq 400); do [ -s t001.db ] && [ -s t002.db ] && [ -s t003.db ] && break; sleep 0.02; done
    kill -TERM $pid
    wait $pid && return 1
    has "$(cat out)" "interrupted"
    ! pgrep -P $pid
    equal "$(tables t001.db)" "t1"
}

@test "a template reads every field of a target that did not start" {
    migrations 1; tenants 2; sqlite3 t001.db 'create table x (y int)'
    run --separate-stderr atlas migrate apply --env all --continue-on-error --format '{{ len .Applied }}{{ len .Pending }} {{ .Current }}{{ .Target }}{{ .Message }}{{ if .Error }}!{{ end }}'
    equal "$status" 1; equal "$stderr" ""
    equal "$output" $'00 !\n11 20260101000000Migrated to version 20260101000000 from  (1 migrations in total)'
}
