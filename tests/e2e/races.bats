#!/usr/bin/env bats
# Writers at the same time: every scenario of the table of registry-storage.md section 3, on stores with
# and without conditional writes and on two registry servers over one store.
#
# After each race all copies hold the same refs, the audit finds nothing, and nobody was told of a
# success that is not there.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; TARGETS=() CLOUDS=() N=0 RACE=0; }
teardown() { common_teardown; }

on_file() { TARGETS=("primary=file://$DIR/p" "backup=file://$DIR/b"); project "url=file://$DIR/p" "file://$DIR/b"; }
on_s3() { # ENDPOINT
    local at=r$BATS_SUITE_TEST_NUMBER-$RANDOM
    TARGETS=("primary=s3://lab/$at/p?endpoint=$1" "backup=s3://lab/$at/b?endpoint=$1" "backup=file://$DIR/b")
    project "url=s3://lab/$at/p?endpoint=$1" "s3://lab/$at/b?endpoint=$1" "file://$DIR/b"
}
on_ceph() { use_rgw; on_s3 "$RGW_URL"; }
on_swift() { BLIND=1; use_swift; on_s3 "$SWIFT_URL"; }
on_backups() { TARGETS=("backup=file://$DIR/b1" "backup=file://$DIR/b2"); project "file://$DIR/b1" "file://$DIR/b2"; }
on_servers() { # two of them over one store
    serve; CLOUDS=("$ATLAS_CLOUD_URL"); mv serve.pid serve-one.pid
    serve; CLOUDS+=("$ATLAS_CLOUD_URL")
    TARGETS=("backup=file://$DIR/b"); project "file://$DIR/b"
}

writer() { # ACTION KEY=VALUE...: one more, which waits for the start; its words go to w.RACE.N
    local more=()
    [ ${#CLOUDS[@]} -eq 0 ] || more=("cloud=${CLOUDS[N % ${#CLOUDS[@]}]}")
    N=$((N + 1))
    "$ATLAS_BUILD/tests/contract/race_registry" "$1" "gate=$DIR/gate$RACE" "${TARGETS[@]}" "${more[@]}" "${@:2}" > "w.$RACE.$N" 2>&1 3>&- &
    echo $! >> "writers.$RACE"
}
race() { # all at once; prints what each has said
    local n=0 i f pid
    for i in $(seq 1000); do
        n=0; for f in "gate$RACE".*; do [ ! -e "$f" ] || n=$((n + 1)); done
        [ $n -lt $N ] || break; sleep 0.02
    done
    equal $n $N; touch "gate$RACE"
    while read -r pid; do wait "$pid" || { cat "w.$RACE".*; return 1; }; done < "writers.$RACE"
    SAID=$(cat "w.$RACE".*); echo "$SAID"
    N=0 RACE=$((RACE + 1))
}
said() { grep -c -- "$1" <<< "$SAID" || true; } # PATTERN: how many lines
all_took_it() { equal "$(said '^ok ')" "$1"; equal "$(said '^E_')" 0; }

refs() { jq -r '[.Targets[].Refs[] | select(.Digest != "") | "\(.Name): \(.Digest)"] | unique[]' verify.json; }
converged() { # the copies are one, and sound; without conditional writes perhaps not before a sync
    atlas registry verify --env ci > /dev/null 2>&1 || [ -z "${BLIND:-}" ] || atlas registry sync --env ci
    atlas registry verify --env ci --format '{{ json . }}' > verify.json 2> verify.err || { cat verify.err verify.json; return 1; }
    jq -e '[.Targets[].Refs[]] | group_by(.Name) | all(map(.Digest | select(. != "")) | unique | length <= 1)' verify.json > /dev/null || { cat verify.json; return 1; }
}
digest_of() { refs | sed -n "s|^$1: ||p"; } # REF
says_what_stands() { # REF: some writer was told of that very content, and not that it was superseded
    local f; for f in "w.$((RACE - 1))".*; do grep -q "^ok .*$(digest_of "$1")" "$f" && ! grep -q superseded "$f" && return 0; done
    echo "$1 is $(digest_of "$1")"; return 1
}

tag() { # the same tag, other bytes; every writer's own version stays
    writer schema version=first 'content=schema "first" {}'; race # makes `latest`
    local i; for i in 1 2 3 4; do writer schema tag=v1 "version=w$i" "content=schema \"s$i\" {}"; done
    race; all_took_it 4; converged; says_what_stands "tag v1"
    for i in 1 2 3 4; do [ ${#CLOUDS[@]} -gt 0 ] || [ -n "$(digest_of "version w$i")" ]; done
}
numbers() { # `latest` and the next integer: as many as writers, none twice, none left out
    local i; for i in 1 2 3 4 5; do writer schema "content=schema \"n$i\" {}"; done
    race; all_took_it 5; converged; says_what_stands "tag latest"
    if [ ${#CLOUDS[@]} -gt 0 ]; then equal "$(ls registry/app/refs/versions | paste -sd' ')" "1 2 3 4 5"; return; fi
    equal "$(awk '/^ok/ { print $2 }' <<< "$SAID" | sort -n | paste -sd' ')" "1 2 3 4 5"
    while read -r _ version digest _; do equal "$(digest_of "version $version")" "$digest"; done < <(grep '^ok' <<< "$SAID")
}
versions() {
    local i; for i in 1 2 3; do writer schema version=same tag=t "content=schema \"v\" {}"; done
    race; all_took_it 3; converged
    for i in 1 2 3 4; do writer schema version=other "tag=t$i" "content=schema \"v$i\" {}"; done
    race; equal "$(said '^ok ')" 1; equal "$(said 'exists with other content')" 3; converged
    [ ${#CLOUDS[@]} -gt 0 ] || says_what_stands "version other"
}
plans() {
    local i; for i in 1 2 3; do writer plan name=same content="CREATE TABLE t (a int);"; done
    race; all_took_it 3
    for i in 1 2 3 4; do writer plan name=other content="CREATE TABLE t$i (a int);"; done
    race; equal "$(said '^ok ')" 1; equal "$(said 'exists with other content')" 3
    converged
    writer approve name=same; writer approve name=same; writer approve name=same; race; equal "$(said '^ok .*APPROVED')" 3
    writer status name=same; race; equal "$(said 'APPROVED')" 1
    writer status name=other; race; equal "$(said 'PENDING')" 1
    converged
}
clocks() { # one clock an hour ahead, one an hour behind: still one order, and whoever comes later wins
    local i skew=(3600 0 -3600); writer schema version=first 'content=schema "first" {}'; race
    for i in 0 1 2; do writer schema tag=v1 "version=c$i" "skew=${skew[i]}" "content=schema \"c$i\" {}"; done
    race; all_took_it 3; converged; says_what_stands "tag v1"
    writer schema tag=v1 version=late skew=-3600 'content=schema "late" {}'
    race; all_took_it 1; equal "$(said superseded)" 0; converged; says_what_stands "tag v1"
}
migration_version() { # three jobs push other files under one version by the command line
    migrations 1; local pids=() i p
    for i in 1 2 3; do
        mkdir "job$i"; cp -r migrations atlas.hcl "job$i"; echo "CREATE TABLE own$i (a int);" >> "job$i/migrations/20260101000000_step1.sql"
        (cd "job$i" && atlas migrate hash && exec atlas migrate push app:v1 --env ci > ../out.$i 2>&1) 3>&- & pids+=($!)
    done
    for p in "${pids[@]}"; do wait "$p" || { cat out.*; return 1; }; done
    cat out.*; converged
}
killed() { # -9 in the middle of a push, then again
    migrations 3; local i pid
    for i in 1 2 3 4 5 6; do
        echo "CREATE TABLE k$i (a int);" > "migrations/2027010$i.sql"; atlas migrate hash
        atlas migrate push "app:k$i" --env ci > /dev/null 2>&1 3>&- & pid=$!
        sleep "0.0$((i * 12 + 10))"; kill -9 $pid 2> /dev/null || true; wait $pid || true
        run atlas migrate push "app:k$i" --env ci --format '{{ .Digest }}'; [ "$status" -eq 0 ] || { echo "$output"; return 1; }
        converged; equal "$(digest_of "tag k$i")" "$output"
    done
}

@test "one tag: files" { on_file; tag; }
@test "one tag: Ceph, with conditional writes" { on_ceph; tag; }
@test "one tag: Swift, without" { on_swift; tag; }
@test "one tag: two servers" { on_servers; tag; }
@test "one tag: backups alone" { on_backups; tag; }
@test "latest and the next number: files" { on_file; numbers; }
@test "latest and the next number: Ceph" { on_ceph; numbers; }
@test "latest and the next number: Swift" { on_swift; numbers; }
@test "latest and the next number: two servers" { on_servers; numbers; }
@test "latest and the next number: backups alone" { on_backups; numbers; }
@test "one version: files" { on_file; versions; }
@test "one version: Ceph" { on_ceph; versions; }
@test "one version: Swift" { on_swift; versions; }
@test "one version: two servers" { on_servers; versions; }
@test "one version: backups alone" { on_backups; versions; }
@test "plans and approvals: files" { on_file; plans; }
@test "plans and approvals: Ceph" { on_ceph; plans; }
@test "plans and approvals: Swift" { on_swift; plans; }
@test "plans and approvals: two servers" { on_servers; plans; }
@test "plans and approvals: backups alone" { on_backups; plans; }
@test "clocks an hour off: files" { on_file; clocks; }
@test "clocks an hour off: Ceph" { on_ceph; clocks; }
@test "clocks an hour off: Swift" { on_swift; clocks; }
@test "one version of a migration directory: files" { on_file; migration_version; }
@test "one version of a migration directory: Ceph" { on_ceph; migration_version; }
@test "one version of a migration directory: Swift" { on_swift; migration_version; }
@test "one version of a migration directory: two servers" { on_servers; migration_version; }
@test "one version of a migration directory: backups alone" { on_backups; migration_version; }
@test "a push killed in the middle is completed by the next: files" { on_file; killed; }
@test "a push killed in the middle is completed by the next: Ceph" { on_ceph; killed; }
@test "a push killed in the middle is completed by the next: Swift" { on_swift; killed; }
@test "a push killed in the middle is completed by the next: two servers" { on_servers; killed; }
