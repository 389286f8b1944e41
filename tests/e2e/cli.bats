#!/usr/bin/env bats
# The command line: cli-contract.md as its callers see it.
bats_require_minimum_version 1.5.0
load common
setup() { common_setup; }
teardown() { common_teardown; }

fails() { # MESSAGE COMMAND...: exit 1, nothing on stdout, that one line on stderr
    local want=$1; shift
    run --separate-stderr "$@"
    [ "$status" -eq 1 ] || { echo "exit $status of $*"; return 1; }
    equal "$output" "" && equal "$stderr" "$want"
}
prints() { # TEXT COMMAND...: exit 0, that on stdout, nothing on stderr
    local want=$1; shift
    run --separate-stderr "$@"
    [ "$status" -eq 0 ] || { echo "exit $status of $*: $stderr"; return 1; }
    equal "$output" "$want" && equal "$stderr" ""
}
times() { sed -E 's/"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]{5})"/"T"/g; s/"ExecutionTime":[0-9]+/"ExecutionTime":0/g; s/Atlas CLI v[0-9.]+/Atlas CLI V/; s/\([0-9.]+[a-zµ]+\)/(D)/; s/^(  -- )[0-9.]+(ms|µs|s)$/\1D/'; }
vector() { # the directory of versioned-engine.md 1.4
    mkdir -p migrations
    echo 'CREATE TABLE pets (id int);' > migrations/20240101090000_first.sql
    printf -- '-- atlas:sum ignore\n\nSELECT 1;\n' > migrations/20240102090000_skip.sql
    printf "ALTER TABLE pets ADD COLUMN name text;\nINSERT INTO pets VALUES (1, 'a;b');\n" > migrations/20240103090000.sql
}
failing() { # the directory of cli-contract.md 2.2
    mkdir -p migrations
    echo 'CREATE TABLE z (x int);' > migrations/1_a.sql
    printf 'SELECT 1;\nBAD;\n' > migrations/2_b.sql
    echo 'SELECT 3;' > migrations/3.sql
    atlas migrate hash; atlas migrate apply 1 --url sqlite://app.db > /dev/null
}
URL_JSON='{"Scheme":"sqlite","Opaque":"","User":null,"Host":"app.db","Path":"","RawPath":"","OmitHost":false,"ForceQuery":false,"RawQuery":"","Fragment":"","RawFragment":"","Schema":"main"}'

@test "version, license, help, completion" {
    run atlas version; [ "$status" -eq 0 ]; [[ $output =~ ^atlas\ version\ v[0-9]+\.[0-9]+\.[0-9]+(-[a-z0-9]+)?$ ]]
    run atlas license; [ "$status" -eq 0 ]; has "$output" "Apache License 2.0"
    run atlas help; [ "$status" -eq 0 ]
    for c in "migrate apply" "migrate push" "migrate status" "migrate set" "migrate hash" "migrate validate" "migrate new" "migrate ls" \
        "registry serve" "registry verify" "registry sync" "registry token new" "project show"; do
        has "$output" "  $c "
        [[ $(atlas $c --help) == *"Usage:"*"atlas $c"* ]]
        equal "$(atlas help $c)" "$(atlas $c -h)"
    done
    equal "$(atlas migrate)" "$(atlas migrate --help)"
    prints "$(atlas migrate)" atlas migrate nope
    run atlas completion; [ "$status" -eq 0 ]; has "$output" "complete -W"
    equal "$(atlas-action atlas version)" "$(atlas version)"
}

@test "usage errors" {
    vector; atlas migrate hash
    fails 'Error: unknown command "nope" for "atlas"' atlas nope
    fails 'Error: unknown flag: --nope' atlas migrate apply --nope
    fails 'Error: required flag "url" not set' atlas migrate apply
    fails 'Error: required flag "url" not set' atlas migrate status
    fails 'Error: required flag(s) "store" not set' atlas registry serve
    fails 'Error: invalid --context: invalid JSON: string or '"'}'"' expected near '"'bad'" atlas migrate apply -u sqlite://app.db --context '{bad'
    fails 'Error: invalid --context: it is not a JSON object' atlas migrate apply -u sqlite://app.db --context '[]'
    fails 'Error: migration with version "7" not found' atlas migrate set 7 --url sqlite://app.db
    fails 'Error: sql/migrate: stat nope: no such file or directory' atlas migrate apply --dir file://nope -u sqlite://app.db
    fails 'Error: unknown database driver "bogus"' atlas migrate apply -u bogus://app.db
    fails 'Error: the database URL has no scheme' atlas migrate apply -u app.db
    fails 'Error: directory name cannot be empty' atlas migrate push
    fails "Error: command requires 'atlas login'" atlas migrate push app
    fails 'Error: accepts at most 1 arg(s), received 2' atlas migrate apply 1 2 -u sqlite://x.db
    for bad in 0 -1 x 1.5; do run atlas migrate apply -u sqlite://app.db -- $bad; [ "$status" -eq 1 ]; has "$output" "Error: "; done
    run atlas migrate apply -u sqlite://app.db --lock-timeout 10; [ "$status" -eq 1 ]; has "$output" lock-timeout
    fails 'Error: if any flags in the group [format log] are set none of the others can be; [format log] were all set' \
        atlas migrate apply -u sqlite://app.db --log x --format y
    run atlas migrate status -u sqlite://app.db --log '{{ .Status }}'; equal "$output" PENDING
    run atlas migrate apply -u sqlite://app.db --tx-mode bad; [ "$status" -eq 1 ]; has "$output" '"bad"' tx-mode
    run atlas migrate status -u sqlite://app.db --format '{{ .Nope'; [ "$status" -eq 1 ]
    run atlas migrate apply -u 'postgres://user:hunter2@%zz/db'; [ "$status" -eq 1 ]; lacks "$output" hunter2
}

@test "flags: forms, interleaved, -- ends them" {
    vector; atlas migrate hash
    equal "$(atlas migrate ls -s -l)" 20240103090000
    equal "$(atlas migrate ls --short=true --latest --dir=file://migrations)" 20240103090000
    equal "$(atlas migrate ls --short=false --dir "file://$DIR/migrations" | head -1)" 20240101090000_first.sql
    run atlas migrate apply --dry-run 1 -usqlite://app.db --tx-mode=all; [ "$status" -eq 0 ]
    has "$output" "Migrating to version 20240101090000 (1 migrations in total):"
    run atlas migrate apply -u sqlite://app.db --lock-name x -- 1; [ "$status" -eq 0 ]
    equal "$(tables app.db)" pets
}

@test "hash, ls, validate: the vector of the specification" {
    vector
    prints "" atlas migrate hash
    equal "$(cat migrations/atlas.sum)" "h1:rCJb29xuQgmIbaigaLsXrxBVA59sR/qK9GRsBlIz2bU=
20240101090000_first.sql h1:p2KwVyJpO2B3fplgr1IYF/jrZlGfWnZJjUAUQWFi+zg=
20240103090000.sql h1:6+/iXqmPcsLFxnJrrqkWAEr/Xf+1jXdYqHF5mn7+occ="
    prints $'20240101090000_first.sql\n20240102090000_skip.sql\n20240103090000.sql' atlas migrate ls
    prints "" atlas migrate validate
    prints "" atlas migrate validate --dev-url sqlite://dev.db
    [ ! -e dev.db ] || equal "$(tables dev.db)" ""
    prints "" atlas migrate validate --dev-url 'sqlite://dev?mode=memory'
    echo 'BROKEN;' > migrations/20240104000000_bad.sql; atlas migrate hash
    prints "" atlas migrate validate
    run --separate-stderr atlas migrate validate --dev-url 'sqlite://dev?mode=memory'
    [ "$status" -eq 1 ]; has "$stderr" 'executing statement "BROKEN;" from version "20240104000000"' 'near "BROKEN": syntax error'
    mkdir empty; prints "" atlas migrate hash --dir file://empty
    equal "$(cat empty/atlas.sum)" "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
}

@test "new: file, sum, formats, editor" {
    prints "" atlas migrate new add_pets
    local f; f=$(ls migrations/*.sql); [[ $f =~ ^migrations/[0-9]{14}_add_pets\.sql$ ]]
    [ ! -s "$f" ]; has "$(cat migrations/atlas.sum)" "_add_pets.sql h1:"
    EDITOR='printf "SELECT 1;\n" >' prints "" atlas migrate new second --edit --dir file://other
    equal "$(cat other/*_second.sql)" "SELECT 1;"
    prints "" atlas migrate new x --dir file://gm --dir-format golang-migrate
    ls gm/*_x.up.sql gm/*_x.down.sql
    echo '-- edit' >> "$f"
    run --separate-stderr atlas migrate new third
    [ "$status" -eq 1 ]; equal "$stderr" "Error: checksum mismatch"; equal "$(ls migrations | wc -l)" 2
}

@test "checksum errors: help block on stdout, one line on stderr" {
    vector; atlas migrate hash; echo '-- x' >> migrations/20240103090000.sql
    for c in "apply --url sqlite://app.db" "apply --url sqlite://app.db --format {{json.}}" "status --url sqlite://app.db" validate ls "set --url sqlite://app.db 20240101090000" "new x"; do
        run --separate-stderr atlas migrate $c
        [ "$status" -eq 1 ]; equal "$stderr" "Error: checksum mismatch"
        [[ $output == "You have a checksum error"* ]]; has "$output" $'\tL3: 20240103090000.sql was edited' 'atlas migrate hash'
    done
    vector; atlas migrate hash; echo 'SELECT 1;' > migrations/20240101100000_new.sql
    run atlas migrate validate; has "$output" $'\tL3: 20240101100000_new.sql was added'
    rm migrations/20240101100000_new.sql migrations/20240101090000_first.sql
    run atlas migrate validate; has "$output" $'\tL2: 20240101090000_first.sql was removed'
    vector; rm migrations/atlas.sum
    run --separate-stderr atlas migrate validate; equal "$stderr" "Error: checksum file not found"; [[ $output == "You have a checksum error"* ]]
}

@test "apply: text and JSON of a failure, as in the contract" {
    failing; cp app.db before.db
    run --separate-stderr atlas migrate apply --url sqlite://app.db
    [ "$status" -eq 1 ]
    equal "$(times <<< "$output")" 'Migrating to version 3 from 1 (2 migrations in total):

  -- migrating version 2
    -> SELECT 1;
    -> BAD;
    near "BAD": syntax error

  -------------------------
  -- D
  -- 1 migration with errors
  -- 1 sql statement ok, 1 with errors'
    equal "$stderr" 'Error: sql/migrate: executing statement "BAD;" from version "2": near "BAD": syntax error'
    run --separate-stderr atlas migrate apply --url sqlite://app.db --format '{{ json . }}'
    [ "$status" -eq 1 ]; equal "$stderr" ""
    equal "$(times <<< "$output")" '{"Driver":"sqlite","URL":'"$URL_JSON"',"Dir":"file://migrations","Pending":[{"Name":"2_b.sql","Version":"2","Description":"b"},{"Name":"3.sql","Version":"3"}],"Applied":[{"Name":"2_b.sql","Version":"2","Description":"b","Start":"T","End":"T","Applied":["SELECT 1;","BAD;"],"Error":{"Stmt":"BAD;","Text":"near \"BAD\": syntax error"}}],"Current":"1","Target":"3","Start":"T","End":"T","Error":"sql/migrate: executing statement \"BAD;\" from version \"2\": near \"BAD\": syntax error"}'
    equal "$(sqlite3 app.db 'select count(*) from atlas_schema_revisions')" 1
}

@test "apply: text, JSON and templates of success" {
    mkdir migrations; echo 'CREATE TABLE a (x int);' > migrations/1.sql
    printf 'CREATE TABLE b (\n  y int\n);\n' > migrations/2_b.sql; atlas migrate hash
    run --separate-stderr atlas migrate apply 1 --url sqlite://app.db
    [ "$status" -eq 0 ]; equal "$stderr" ""
    equal "$(times <<< "$output")" 'Migrating to version 1 (1 migrations in total):

  -- migrating version 1
    -> CREATE TABLE a (x int);
  -- ok (D)

  -------------------------
  -- D
  -- 1 migration
  -- 1 sql statement'
    run --separate-stderr atlas migrate apply --url sqlite://app.db --format '{{ json . }}'
    equal "$(times <<< "$output")" '{"Driver":"sqlite","URL":'"$URL_JSON"',"Dir":"file://migrations","Pending":[{"Name":"2_b.sql","Version":"2","Description":"b"}],"Applied":[{"Name":"2_b.sql","Version":"2","Description":"b","Start":"T","End":"T","Applied":["CREATE TABLE b (\n  y int\n);"]}],"Current":"1","Target":"2","Start":"T","End":"T","Message":"Migrated to version 2 from 1 (1 migrations in total)"}'
    prints 'No migration files to execute' atlas migrate apply --url sqlite://app.db
    prints '2 2 0' atlas migrate apply --url sqlite://app.db --format '{{ .Current }} {{ upper .Current }} {{ len .Applied }}'
    run atlas migrate apply --url sqlite://new.db --dry-run
    has "$output" $'    -> CREATE TABLE b (\n         y int\n       );' "2 migrations" "2 sql statements"
    prints '1,2,ok' atlas migrate apply --url sqlite://new2.db --format '{{ range .Applied }}{{ .Version }},{{ end }}{{ if not .Error }}ok{{ end }}'
}

@test "dry run writes nothing" {
    vector; atlas migrate hash
    run atlas migrate apply --url sqlite://new.db --dry-run; [ "$status" -eq 0 ]
    [ ! -s new.db ]
    atlas migrate apply 1 --url sqlite://app.db >/dev/null; local before; before=$(sqlite3 app.db .dump)
    run atlas migrate apply --url sqlite://app.db --dry-run --format '{{ json . }}'
    [ "$status" -eq 0 ]; equal "$(jq -c '[.Applied[].Version]' <<< "$output")" '["20240102090000","20240103090000"]'
    equal "$(sqlite3 app.db .dump)" "$before"
}

@test "status: text and JSON in every state" {
    vector; atlas migrate hash
    prints 'Migration Status: PENDING
  -- Current Version: No migration applied yet
  -- Next Version:    20240101090000
  -- Executed Files:  0
  -- Pending Files:   3' atlas migrate status --url sqlite://app.db
    atlas migrate apply 1 --url sqlite://app.db >/dev/null
    run --separate-stderr atlas migrate status --url sqlite://app.db --format '{{ json . }}'
    equal "$(times <<< "$output")" '{"Env":{"Driver":"sqlite","URL":'"$URL_JSON"',"Dir":"file://migrations?format=atlas"},"Available":[{"Name":"20240101090000_first.sql","Version":"20240101090000","Description":"first"},{"Name":"20240102090000_skip.sql","Version":"20240102090000","Description":"skip"},{"Name":"20240103090000.sql","Version":"20240103090000"}],"Pending":[{"Name":"20240102090000_skip.sql","Version":"20240102090000","Description":"skip"},{"Name":"20240103090000.sql","Version":"20240103090000"}],"Applied":[{"Version":"20240101090000","Description":"first","Type":"applied","Applied":1,"Total":1,"ExecutedAt":"T","ExecutionTime":0,"OperatorVersion":"Atlas CLI V"}],"Current":"20240101090000","Next":"20240102090000","Status":"PENDING"}'
    atlas migrate apply --url sqlite://app.db >/dev/null
    prints 'Migration Status: OK
  -- Current Version: 20240103090000
  -- Next Version:    Already at latest version
  -- Executed Files:  3
  -- Pending Files:   0' atlas migrate status --url sqlite://app.db
    prints 'OK Already at latest version 3' atlas migrate status --url sqlite://app.db --format '{{ .Status }} {{ .Next }} {{ len .Applied }}'
}

@test "status: a partially applied file, an out of order file" {
    failing
    run atlas migrate apply --tx-mode none --url sqlite://app.db; [ "$status" -eq 1 ]
    prints 'Migration Status: PENDING
  -- Current Version: 2 (1 statements applied)
  -- Next Version:    2 (1 statements left)
  -- Executed Files:  2 (last one partially)
  -- Pending Files:   2

Last migration attempt had errors:
  -- SQL:   BAD;
  -- ERROR: near "BAD": syntax error' atlas migrate status --url sqlite://app.db
    printf 'SELECT 1;\nSELECT 22;\n' > migrations/2_b.sql; atlas migrate hash
    run atlas migrate apply --tx-mode none --url sqlite://app.db --format '{{ json . }}'
    [ "$status" -eq 0 ]; equal "$(jq -c '[.Applied[]|[.Version,.Skipped,.Applied]]' <<< "$output")" '[["2",1,["SELECT 22;"]],["3",null,["SELECT 3;"]]]'
    echo 'SELECT 4;' > migrations/1b.sql; atlas migrate hash
    run --separate-stderr atlas migrate apply --url sqlite://app.db; [ "$status" -eq 1 ]; equal "$output" ""
    equal "$stderr" "Error: migration file 1b.sql was added out of order. See: https://atlasgo.io/versioned/apply#non-linear-error"
    run atlas migrate status --url sqlite://app.db --format '{{ .Status }} {{ .Error }}'; has "$output" "PENDING" "1b.sql was added out of order"
    printf 'SELECT 9;\nBAD;\n' > migrations/4_d.sql; rm migrations/1b.sql; atlas migrate hash
    run atlas migrate apply --tx-mode none --url sqlite://app.db; [ "$status" -eq 1 ]
    printf 'SELECT 10;\nSELECT 1;\n' > migrations/4_d.sql; atlas migrate hash
    run --separate-stderr atlas migrate apply --tx-mode none --url sqlite://app.db; [ "$status" -eq 1 ]
    has "$stderr" 'Error: sql/migrate: history changed: statement 1 from file "4_d.sql" changed'
}

@test "a database that is not clean, baseline, allow-dirty" {
    vector; atlas migrate hash; sqlite3 app.db 'create table mine (x int)'
    run --separate-stderr atlas migrate apply --url sqlite://app.db
    [ "$status" -eq 1 ]; equal "$output" ""; has "$stderr" "not clean" "mine" "baseline" "allow-dirty"
    run atlas migrate apply --url sqlite://app.db --baseline 9; [ "$status" -eq 1 ]
    run atlas migrate apply --url sqlite://app.db --baseline 20240101090000 --allow-dirty; [ "$status" -eq 1 ]
    equal "$(tables app.db)" mine
    sqlite3 app.db 'create table pets (id int)'
    run atlas migrate apply --url sqlite://app.db --baseline 20240101090000; [ "$status" -eq 0 ]
    equal "$(sqlite3 app.db 'select version, type from atlas_schema_revisions order by 1')" $'20240101090000|1\n20240102090000|2\n20240103090000|2'
    sqlite3 two.db 'create table mine (x int)'
    run atlas migrate apply --url sqlite://two.db --allow-dirty; [ "$status" -eq 0 ]
}

@test "set" {
    vector; atlas migrate hash; atlas migrate apply 1 --url sqlite://app.db > /dev/null
    prints $'Current version is 20240103090000 (2 set):\n\n  + 20240102090000 (skip)\n  + 20240103090000' atlas migrate set 20240103090000 --url sqlite://app.db
    prints "" atlas migrate set --url sqlite://app.db
    prints $'Current version is 20240101090000 (2 removed):\n\n  - 20240102090000 (skip)\n  - 20240103090000' atlas migrate set 20240101090000 --url sqlite://app.db
    equal "$(sqlite3 app.db 'select count(*) from atlas_schema_revisions')" 1
    mkdir empty; atlas migrate hash --dir file://empty
    prints $'All revisions deleted (1 in total):\n\n  - 20240101090000 (first)' atlas migrate set --dir file://empty --url sqlite://app.db
}

@test "several envs: documents separated by one newline, the first failure stops" {
    vector; atlas migrate hash
    cat > atlas.hcl <<'H'
variable "names" { type = list(string) }
env "all" {
  for_each = toset(var.names)
  name     = atlas.env
  url      = "sqlite://${each.value}.db"
}
H
    run --separate-stderr atlas migrate apply --env all --var names=a --var names=b,names=c --format '{{ .Target }}'
    [ "$status" -eq 0 ]; equal "$output" $'20240103090000\n20240103090000\n20240103090000'
    run bash -c "atlas migrate apply --env all --var names=a --var names=b --format x | od -An -c | tr -d ' \n'"
    equal "$output" 'x\nx'
    echo 'BAD;' > migrations/20250101000000.sql; atlas migrate hash
    run --separate-stderr atlas migrate apply --env all --var names=a --var names=b --format '{{ json . }}'
    [ "$status" -eq 1 ]; equal "$stderr" ""; equal "$(jq -s length <<< "$output")" 1
    run --separate-stderr atlas migrate status --env all --var names=a --var names=b
    [ "$status" -eq 1 ]; has "$stderr" 'multiple envs found'
    run --separate-stderr atlas migrate status --env all --var names; [ "$status" -eq 1 ]; has "$stderr" 'key=value'
}

@test "configuration: env values, precedence, env:// and getenv" {
    vector; atlas migrate hash; mv migrations m
    cat > atlas.hcl <<'H'
locals { base = getenv("BASE") }
env "a" {
  url = "sqlite://${local.base}.db"
  mine = "sqlite://mine.db"
  migration {
    dir        = "file://m"
    exec_order = LINEAR_SKIP
  }
}
H
    BASE=from-env run atlas migrate apply --env a; [ "$status" -eq 0 ]; equal "$(tables from-env.db)" pets
    BASE=x run atlas migrate apply 1 --env a --url sqlite://flag.db; [ "$status" -eq 0 ]; equal "$(tables flag.db)" pets; [ ! -e x.db ]
    BASE=x run atlas migrate apply 1 --env a --url env://mine; [ "$status" -eq 0 ]; equal "$(tables mine.db)" pets
    BASE=x run atlas migrate ls --env a --dir env://migration.dir; [ "$status" -eq 0 ]; has "$output" _first.sql
    run --separate-stderr atlas migrate apply --env nope; [ "$status" -eq 1 ]; has "$stderr" '"nope"' 'not defined'
    run --separate-stderr atlas migrate apply --env a -c file://other.hcl; [ "$status" -eq 1 ]; has "$stderr" 'file "other.hcl" was not found'
    run --separate-stderr atlas migrate apply --env a -c https://x/y.hcl; [ "$status" -eq 1 ]
    rm atlas.hcl; run atlas migrate ls --dir file://m; [ "$status" -eq 0 ]
}

@test "warnings: on stderr without --format, in the report with it" {
    vector; atlas migrate hash; : > file
    cat > atlas.hcl <<'H'
env "a" {
  migration {
    repo {
      name   = "app"
      backup = ["file://good", "file://file"]
    }
  }
}
H
    run --separate-stderr atlas migrate push --env a; [ "$status" -eq 0 ]; equal "$output" atlas://app
    has "$stderr" "Warning: backup file://file could not be written"
    run --separate-stderr atlas migrate push --env a --format '{{ json . }}'; [ "$status" -eq 0 ]; equal "$stderr" ""
    equal "$(jq -c '[.Slug,.URL,(.Backups|map(.URL)),(.Backups|map(has("Error"))),(.Warnings|length)]' <<< "$output")" '["app","atlas://app",["file://good","file://file"],[false,true],1]'
}

@test "formats: golang-migrate, goose, dbmate, flyway" {
    mkdir gm goose dbm fly
    echo 'CREATE TABLE a (x int);' > gm/1_a.up.sql; echo 'DROP TABLE a;' > gm/1_a.down.sql
    printf -- '-- +goose Up\nCREATE TABLE a (x int);\n-- +goose Down\nDROP TABLE a;\n' > goose/1_a.sql
    printf -- '-- migrate:up\nCREATE TABLE a (x int);\n-- migrate:down\nDROP TABLE a;\n' > dbm/1_a.sql
    echo 'CREATE TABLE a (x int);' > fly/V1__a.sql; echo 'DROP TABLE a;' > fly/U1__a.sql
    for f in gm:golang-migrate goose:goose dbm:dbmate fly:flyway; do
        atlas migrate hash --dir "file://${f%:*}" --dir-format "${f#*:}"
        run atlas migrate apply --dir "file://${f%:*}?format=${f#*:}" --url "sqlite://${f%:*}.db"
        echo "$f: $output"; [ "$status" -eq 0 ]; equal "$(tables "${f%:*}.db")" a
    done
    run atlas migrate apply --dir 'file://gm?format=what' --url sqlite://x.db; [ "$status" -eq 1 ]; has "$output" '"what"'
}

@test "a second apply waits for the lock and names its holder" {
    mkdir migrations; echo 'CREATE TABLE a (x int);' > migrations/1.sql; atlas migrate hash
    exec 9> app.db.atlas-lock; flock 9
    run --separate-stderr atlas migrate apply --url sqlite://app.db --lock-timeout 300ms
    [ "$status" -eq 1 ]; equal "$output" ""; has "$stderr" "Error: acquiring database lock"
    exec 9>&-
    run atlas migrate apply --url sqlite://app.db --lock-timeout 300ms; [ "$status" -eq 0 ]
}

@test "SIGINT, SIGTERM and SIGHUP cancel a run" {
    mkdir migrations; echo 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 100000000) SELECT max(x) FROM c;' > migrations/1.sql
    atlas migrate hash
    local s code
    for s in INT TERM HUP; do
        code=0; timeout --foreground -s "$s" -k 20 1 atlas migrate apply -u "sqlite://$s.db" > out 2> err || code=$?
        equal "$code" 124; has "$(tail -n 1 err)" "interrupted"
    done
}

@test "a full or closed standard output is an error" {
    vector; atlas migrate hash
    run bash -c 'atlas migrate ls > /dev/full'; [ "$status" -eq 1 ]; has "$output" "writing to standard output failed"
}

@test "migrate status: {{ default . }} is the standard text" {
    migrations 1
    equal "$(atlas migrate status --url sqlite://app.db --format '{{ default . }}')" \
        "$(atlas migrate status --url sqlite://app.db)"
}

@test "set marks a file that failed as done: apply goes on behind it" {
    mkdir migrations; printf 'CREATE TABLE a (x int);\nBAD;\n' > migrations/1_a.sql; echo 'CREATE TABLE b (x int);' > migrations/2_b.sql
    atlas migrate hash
    run atlas migrate apply --tx-mode none --url sqlite://app.db; [ "$status" -eq 1 ]
    prints $'Current version is 1 (1 set):\n\n  + 1 (a)' atlas migrate set 1 --url sqlite://app.db
    prints '1 2 2' atlas migrate status --url sqlite://app.db --format '{{ .Current }} {{ .Next }} {{ len .Available }}'
    prints 'Migrated to version 2 from 1 (1 migrations in total)' atlas migrate apply --url sqlite://app.db --format '{{ .Message }}'
    equal "$(sqlite3 app.db 'select group_concat(version || type || applied || total) from atlas_schema_revisions')" "1612,2211"
}

@test "SQLite: how long a statement may run and wait" {
    mkdir migrations
    echo 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000000) SELECT count(*) FROM c;' > migrations/1.sql
    atlas migrate hash
    run timeout 10 atlas migrate apply --url sqlite://app.db --statement-timeout 100ms
    equal "$status" 1; has "$output" "canceling statement due to statement timeout"
    echo 'CREATE TABLE a (x int);' > migrations/1.sql; atlas migrate hash
    mkfifo in; sqlite3 app.db < in 3>&- & exec 9> in; echo 'begin immediate; select 1;' >&9
    until ! sqlite3 app.db 'begin immediate' 2> /dev/null; do sleep 0.01; done
    SECONDS=0; run atlas migrate apply --url sqlite://app.db --db-lock-timeout 100ms
    equal "$status" 1; has "$output" "database is locked"; [ $SECONDS -lt 4 ]
    exec 9>&-; wait
}

@test "commands of the declarative engine are an error, not a help text" {
    for words in "migrate lint --latest 1" "migrate diff x" "migrate down" "migrate checkpoint" "schema apply --auto-approve" schema; do
        run --separate-stderr atlas $words
        equal "$status" 1; equal "$output" ""
        has "$stderr" "Error: unknown command \"" "it needs the declarative engine"
    done
    run atlas migrate nope; equal "$status" 0 # the group's help, as callers expect it
}
