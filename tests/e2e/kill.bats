#!/usr/bin/env bats
# kill -9 at any moment: every copy is readable in its old or its new state; the next apply resumes.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; }
teardown() { common_teardown; }

now_us() { local t=${EPOCHREALTIME/./}; echo "$t"; }
measure() { local t0; t0=$(now_us); "$@" > /dev/null 2>&1; echo $(($(now_us) - t0)); } # microseconds
pause() { sleep "$(printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000)))"; }
kill_at() { # MICROSECONDS COMMAND...: started in a process of its own, killed with -9 at that moment
    local at=$1 pid; shift
    "$@" > /dev/null 2>&1 & pid=$!
    pause "$at"; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
}
dump() { sqlite3 "$1" .dump | sed -E "s/'[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+(Z|[+-][0-9:]+)?',[0-9]+/T/; s/'[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][^']*'/T/g" | sort; }

@test "push: killed at 50 random moments, every target stays whole" {
    migrations 6; serve; project file://b1 file://b2; atlas migrate push --env ci > /dev/null
    local took round where at states=0 before after; took=$(measure atlas migrate push app:warm --env ci)
    for round in $(seq 50); do
        printf 'CREATE TABLE k%s (x int);\n' "$round" > "migrations/2027$(printf %04d "$round").sql"; atlas migrate hash
        at=$((RANDOM * took / 32768 + RANDOM % 500))
        kill_at $at atlas migrate push --env ci
        for where in "" file://b1 file://b2; do
            if [ -z "$where" ]; then project file://b1 file://b2; else project "$where"; fi
            if [ -z "$where" ]; then run --separate-stderr atlas migrate ls -l --dir atlas://app --env prod
            else run --separate-stderr env -u ATLAS_TOKEN atlas migrate ls -l --dir atlas://app --env prod; fi
            [ "$status" -eq 0 ] || { echo "after $at us of $took, $where: $stderr"; return 1; }
            after=2027$(printf %04d "$round").sql before=2027$(printf %04d $((round - 1))).sql
            [ "$round" -gt 1 ] || before=20260106000000_step6.sql
            [ "$output" = "$after" ] || [ "$output" = "$before" ] || [ -n "$where" ] || { echo "killed at $at us of $took: read $output, want $before or $after: $stderr"; cat push.* serve.log; return 1; }
            [ "$output" != "$after" ] || states=$((states + 1))
        done
        project file://b1 file://b2
        run atlas registry verify --env ci; lacks "$output" damaged
        if [ $((round % 5)) -eq 0 ]; then
            run atlas migrate push --env ci; [ "$status" -eq 0 ] || { echo "$output"; return 1; }
            run atlas registry verify --env ci; lacks "$output" damaged
        else # the old state for the next round
            atlas migrate push --env ci > "push.$round" 2>&1
        fi
    done
    run atlas registry sync --env ci; [ "$status" -eq 0 ]
    run atlas registry verify --env ci; echo "$output"; [ "$status" -eq 0 ]
    echo "new state seen $states times of 150"
}

resumes() { # TX_MODE ROUNDS
    local mode=$1 rounds=$2 took i round at runs want n=40
    mkdir migrations
    for i in $(seq $n); do
        printf 'CREATE TABLE t%d (id integer primary key, v text);\nINSERT INTO t%d (v) VALUES (1);\nUPDATE t%d SET v = v + 1;\nCREATE INDEX i%d ON t%d (v);\n' $i $i $i $i $i > "migrations/$(printf %04d $i).sql"
    done
    atlas migrate hash
    took=$(measure atlas migrate apply --tx-mode "$mode" --url sqlite://whole.db); want=$(dump whole.db)
    equal "$(sqlite3 whole.db 'select count(*) from t40')" 1
    for round in $(seq "$rounds"); do
        rm -f app.db*; runs=0
        while [ $runs -lt 3 ]; do # killed up to three times in a row
            at=$((RANDOM * took / 32768)); kill_at $at atlas migrate apply --tx-mode "$mode" --url sqlite://app.db; runs=$((runs + 1))
            [ $((RANDOM % 2)) -eq 0 ] && break
        done
        run atlas migrate apply --tx-mode "$mode" --url sqlite://app.db
        [ "$status" -eq 0 ] || { echo "round $round, killed at $at us of $took: $output"; return 1; }
        [ "$(dump app.db)" = "$want" ] || { echo "round $round, killed at $at us of $took:"; diff <(echo "$want") <(dump app.db); return 1; }
        rm -f app.db*
    done
}

@test "apply: killed at random moments, tx-mode file" { resumes file 20; }
@test "apply: killed at random moments, tx-mode all" { resumes all 15; }
@test "apply: killed at random moments, tx-mode none" { resumes none 20; }

@test "apply: SIGTERM ends after the statement, and the next apply goes on" {
    mkdir migrations; local i
    for i in $(seq 9); do printf 'CREATE TABLE t%d (x int);\nWITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000000) INSERT INTO t%d SELECT count(*) FROM c;\n' $i $i > migrations/$i.sql; done
    atlas migrate hash
    atlas migrate apply --url sqlite://app.db > out 2>&1 & local pid=$!
    for i in $(seq 400); do [ -s app.db ] && break; sleep 0.01; done
    pause 200000; kill -TERM $pid; local rc=0; wait $pid || rc=$?
    equal $rc 1; has "$(cat out)" interrupt
    run atlas migrate apply --url sqlite://app.db; [ "$status" -eq 0 ]
    equal "$(tables app.db)" "t1 t2 t3 t4 t5 t6 t7 t8 t9"
    equal "$(sqlite3 app.db 'select count(*) from atlas_schema_revisions where applied = total')" 9
}
