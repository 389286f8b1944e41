#!/usr/bin/env bats
# PostgreSQL 15 (with TLS) and 18: the contract of drivers, and what users meet.
bats_require_minimum_version 1.5.0
load common

setup_file() {
    . "$ATLAS_ROOT/tests/servers/lib.sh"; . "$ATLAS_ROOT/tests/e2e/common.bash"
    "$ATLAS_ROOT/tests/servers/postgres" install
    local v port
    for v in 15 18; do
        mkdir -p "$SUITE_DIR/postgres-$v"; port=$(free_port)
        if [ $v = 15 ]; then (cd "$SUITE_DIR/postgres-15" && authority ca localhost && mv localhost.crt server.crt && mv localhost.key server.key); fi
        "$ATLAS_ROOT/tests/servers/postgres" start "$SUITE_DIR/postgres-$v" "$port" $v
        export "PORT_$v=$port"
    done
    export PGPASSWORD=labpw PGUSER=postgres PGHOST=127.0.0.1 PSQL=/usr/lib/postgresql/15/bin/psql
}
teardown_file() { local v; for v in 15 18; do "$ATLAS_ROOT/tests/servers/postgres" stop "$SUITE_DIR/postgres-$v"; done; }
setup() { common_setup; }
teardown() { common_teardown; }

migrations() { # N: as the common one, for this database
    mkdir -p migrations; local i
    for i in $(seq "$1"); do
        printf 'CREATE TABLE t%d (id serial primary key, name text);\nINSERT INTO t%d (name) VALUES (%s);\n' \
            "$i" "$i" "'it''s; $i'" > "migrations/202601$(printf %02d "$i")000000_step$i.sql"
    done
    atlas migrate hash
}
fresh() { # [VERSION]: an empty database; sets URL, and where psql goes
    export PGPORT; local v=${1:-15}
    [ "$v" = 15 ] && PGPORT=$PORT_15 || PGPORT=$PORT_18
    export PGDATABASE=t${BATS_TEST_NUMBER}_$RANDOM
    $PSQL -qd postgres -c "CREATE DATABASE $PGDATABASE"
    URL="postgres://postgres:labpw@127.0.0.1:$PGPORT/$PGDATABASE?sslmode=disable"
}
sql() { $PSQL -qAtXc "$1"; }
file() { mkdir -p migrations; cat > "migrations/$1.sql"; atlas migrate hash; } # VERSION: from stdin
apply() { run --separate-stderr atlas migrate apply --url "$URL" "$@"; }
applied() { sql "select string_agg(version || ':' || applied || '/' || total, ' ' order by version) from ${1:-atlas_schema_revisions}.atlas_schema_revisions"; }
names() { sql "select coalesce(string_agg(relname, ' ' order by relname), '') from pg_class where relkind = '${1:-r}' and relnamespace = 'public'::regnamespace"; }
until_sql() { local i; for i in $(seq 400); do [ "$(sql "$1")" = "$2" ] && return; sleep 0.025; done; echo "never: $1 = $2, but $(sql "$1")"; return 1; }

contract() { # VERSION
    fresh "$1"; export ATLAS_TEST_POSTGRES=$URL
    "$ATLAS_BUILD/tests/contract/test_db" postgres
    "$ATLAS_BUILD/tests/contract/test_db_postgres"
    fresh "$1"; sql 'CREATE SCHEMA app'; [ "$1" = 18 ] || URL=${URL/disable/require} # TLS
    ATLAS_TEST_POSTGRES="$URL&search_path=app" "$ATLAS_BUILD/tests/contract/test_db" postgres
}
@test "contract: SQLite" { "$ATLAS_BUILD/tests/contract/test_db" sqlite; }
@test "contract: PostgreSQL 15" { contract 15; }
@test "contract: PostgreSQL 18" { contract 18; }

@test "a directory is applied once, and status tells" {
    for v in 15 18; do
        fresh $v; migrations 3
        apply; equal "$status" 0; has "$output" "Migrating to version 20260103000000 (3 migrations in total)" "3 migrations"
        equal "$(names)" "t1 t2 t3"
        equal "$(applied)" "20260101000000:2/2 20260102000000:2/2 20260103000000:2/2"
        equal "$(sql "select count(*) from atlas_schema_revisions.atlas_schema_revisions where executed_at > now() - interval '1 minute' and execution_time between 1 and 60e9 and error = '' and partial_hashes = 'null'")" 3
        apply; equal "$status" 0; has "$output" "No migration files to execute"
        run atlas migrate status --url "$URL"; has "$output" "Migration Status: OK"
    done
}

@test "a bound schema and --revisions-schema" {
    fresh; migrations 1; sql 'CREATE SCHEMA app'; URL+="&search_path=app"
    apply; equal "$status" 0; equal "$(applied app)" "20260101000000:2/2"; equal "$(sql 'select count(*) from app.t1')" 1
    fresh; apply --revisions-schema meta; equal "$status" 0; equal "$(applied meta)" "20260101000000:2/2"; equal "$(names)" t1
}

@test "a database that is not clean" {
    fresh; migrations 1; sql 'CREATE TABLE pets (id int)'
    apply; equal "$status" 1; has "$stderr" 'found table "pets" in schema "public"'
    apply --allow-dirty; equal "$status" 0; equal "$(names)" "pets t1"
    fresh; sql 'CREATE SCHEMA other'; apply; equal "$status" 1; has "$stderr" 'found schema "other"'
}

@test "txmode file: a failed file leaves no trace, and the ones after it do not run" {
    fresh; migrations 2
    file 20260201 <<< 'CREATE TABLE half (id int); INSERT INTO nowhere VALUES (1);'
    file 20260202 <<< 'CREATE TABLE later (id int);'
    apply; equal "$status" 1
    has "$stderr" 'executing statement "INSERT INTO nowhere VALUES (1);" from version "20260201"' 'pq: relation "nowhere" does not exist (SQLSTATE 42P01, line 1, column 13)'
    equal "$(names)" "t1 t2"; equal "$(applied)" "20260101000000:2/2 20260102000000:2/2"
    file 20260201 <<< 'CREATE TABLE half (id int);'
    apply; equal "$status" 0; equal "$(names)" "half later t1 t2"
}

@test "txmode all: nothing or everything" {
    fresh; migrations 2; file 20260201 <<< 'BAD;'
    apply --tx-mode all; equal "$status" 1; has "$stderr" 'pq: syntax error at or near "BAD"'; equal "$(names)" ""
    rm migrations/20260201.sql; atlas migrate hash
    apply --tx-mode all; equal "$status" 0; equal "$(names)" "t1 t2"
}

@test "txmode all: an error in a check does not spoil the checks behind it" {
    fresh; file 1 <<< 'CREATE TABLE a (x int);'
    printf -- '-- atlas:txtar\n\n-- checks.sql --\n-- atlas:assert oneof\n\nSELECT count(*) = 0 FROM nowhere;\nSELECT count(*) = 0 FROM a;\n\n-- migration.sql --\nDROP TABLE a;\n' | file 2
    apply --tx-mode all; equal "$status" 0; equal "$(applied)" "1:1/1 2:1/1"; equal "$(names)" ""
}

@test "txmode none: what ran is recorded, and the next run goes on behind it" {
    fresh; printf -- '-- atlas:txmode none\n\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nINSERT INTO b VALUES (1);\nINSERT INTO a VALUES (2);\n' | file 20260201
    apply; equal "$status" 1; equal "$(applied)" "20260201:2/4"
    has "$(sql 'select error_stmt || error from atlas_schema_revisions.atlas_schema_revisions')" 'INSERT INTO b' '"b" does not exist'
    sql 'CREATE TABLE b (id int)'
    apply; equal "$status" 0; equal "$(applied)" "20260201:4/4"; equal "$(sql 'select count(*) from a')" 2
}

@test "a deferred constraint fails the COMMIT of its own file" {
    fresh; file 1 <<< 'CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);'
    file 2 <<< 'INSERT INTO c VALUES (7);'; file 3 <<< 'CREATE TABLE later (id int);'
    apply; equal "$status" 1; has "$stderr" 'committing of version "2"' 'violates foreign key constraint "c_p_fkey"'
    equal "$(names)" "c p"; equal "$(applied)" "1:2/2"
}

@test "CREATE INDEX CONCURRENTLY with txmode none, and what to do where it is missing" {
    for v in 15 18; do
        fresh $v; rm -rf migrations; file 1 <<< 'CREATE TABLE a (id int);'
        file 2 <<< 'CREATE INDEX CONCURRENTLY i ON a (id);'
        apply; equal "$status" 1; has "$stderr" "cannot run inside a transaction block"
        has "$(script -qec "atlas migrate apply --url '$URL'" /dev/null < /dev/null)" '-- atlas:txmode none' # hints are for terminals
        printf -- '-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY i ON a (id);\nINSERT INTO a VALUES (1);\nDROP INDEX CONCURRENTLY i;\nVACUUM a;\nCREATE INDEX CONCURRENTLY j ON a (id);\n' | file 2
        file 3 <<< 'CREATE TABLE b (id int);'
        apply; equal "$status" 0; equal "$(names i)" j; equal "$(names)" "a b"; equal "$(applied)" "1:1/1 2:5/5 3:1/1"
    done
}

@test "an index left invalid is found, named and built again" {
    fresh; file 1 <<< 'CREATE TABLE a (id int); INSERT INTO a VALUES (1), (1);'
    printf -- '-- atlas:txmode none\n\nCREATE UNIQUE INDEX CONCURRENTLY u ON a (id);\n' | file 2
    apply; equal "$status" 1; has "$stderr" "could not create unique index"
    equal "$(sql "select indisvalid from pg_index where indexrelid = 'u'::regclass")" f
    sql 'DELETE FROM a'
    apply; equal "$status" 0; equal "$(sql "select indisvalid from pg_index where indexrelid = 'u'::regclass")" t
    has "$output$stderr" 'index "u" was left invalid by an interrupted build and was dropped to be built again'
}

@test "COPY with the client is refused before anything runs, and COMMIT in a file" {
    fresh; file 1 <<< 'CREATE TABLE a (id int);'; printf 'COPY a FROM STDIN;\n' | file 2
    SECONDS=0; apply; equal "$status" 1; [ $SECONDS -lt 5 ]; has "$stderr" "COPY from or to the client is not possible"
    equal "$(names)" ""
    printf 'INSERT INTO a VALUES (1);\nCOMMIT;\n' | file 2
    apply; equal "$status" 1; has "$stderr" "controls the transaction its file runs in"; equal "$(names)" ""
}

@test "several commands in one statement" {
    fresh; printf -- '-- atlas:delimiter \\n\\n\nCREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\n\nINSERT INTO a VALUES (2);\nSELECT 1;\n\nDO $$ BEGIN INSERT INTO a VALUES (3); END $$;\n' | file 1
    apply; equal "$status" 0; equal "$(applied)" "1:3/3"; equal "$(sql 'select count(*) from a')" 3
}

@test "a lock that is not obtained names its holder" {
    fresh; migrations 1
    PGAPPNAME=deploy-7 $PSQL -qAtX -c 'select pg_advisory_lock(2686470616)' -c 'select pg_sleep(60)' > /dev/null 2>&1 3>&- & echo $! > psql.pid
    until_sql "select count(*) from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())" 1
    local pid; pid=$(sql "select pid from pg_stat_activity where application_name = 'deploy-7' and datname = current_database()")
    SECONDS=0; apply --lock-timeout 1s; equal "$status" 1; [ $SECONDS -le 4 ]
    has "$stderr" "acquiring database lock: \"atlas_migrate_execute\" is held by process $pid (deploy-7 at 127.0.0.1), connected for"
    stop_pid psql.pid; sql "select pg_terminate_backend($pid)" > /dev/null
    apply; equal "$status" 0; equal "$(names)" t1
}

@test "20 applies at once, one of which builds an index concurrently" {
    fresh; migrations 3; printf -- '-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY i ON t1 (name);\n' | file 20260201000000
    local i pids=()
    for i in $(seq 20); do atlas migrate apply --url "$URL" --lock-timeout 60s > "out.$i" 2>&1 3>&- & pids+=($!); done
    for i in "${pids[@]}"; do wait "$i" || { cat out.*; return 1; }; done
    equal "$(grep -l 'Migrating to version' out.* | wc -l)" 1
    equal "$(grep -l 'No migration files to execute' out.* | wc -l)" 19
    equal "$(sql 'select count(*) from t1')" 1; equal "$(names i | grep -o '\bi\b')" i
}

@test "what a file sets ends with it, in each transaction mode" {
    for mode in file all none; do
        fresh; rm -rf migrations; sql 'CREATE SCHEMA app'
        file 1 <<< "SET search_path TO app; CREATE TABLE one (id int); SET default_transaction_read_only = on;"
        [ $mode != none ] || file 1 <<< "SET search_path TO app; CREATE TABLE one (id int);"
        file 2 <<< "CREATE TABLE two (id int); SELECT pg_catalog.set_config('search_path', '', false);"; file 3 <<< 'CREATE TABLE three (id int);'
        URL+="&search_path=public&work_mem=7MB"; file 4 <<< "CREATE TABLE four AS SELECT current_setting('work_mem') AS mem;"
        apply --tx-mode $mode; equal "$status" 0; equal "$(applied public)" "1:$([ $mode = none ] && echo 2/2 || echo 3/3) 2:2/2 3:1/1 4:1/1"
        equal "$(sql "select string_agg(schemaname || '.' || tablename, ' ' order by tablename) from pg_tables where schemaname in ('app', 'public') and tablename not like 'atlas%'")" "public.four app.one public.three public.two"
        equal "$(sql 'select mem from four')" 7MB
    done
}

@test "a file may take another role: its row is written all the same, and the next file has the role of the URL" {
    fresh; sql 'DROP ROLE IF EXISTS owner; DROP ROLE IF EXISTS runner; CREATE ROLE owner; CREATE ROLE runner; GRANT CREATE ON SCHEMA public TO owner, runner; CREATE SCHEMA meta; GRANT ALL ON SCHEMA meta TO runner'
    file 1 <<< 'SET ROLE owner; CREATE TABLE one (id int);'; file 2 <<< 'SET SESSION AUTHORIZATION owner; CREATE TABLE two (id int);'; file 3 <<< 'CREATE TABLE three (id int);'
    URL+="&role=runner"; apply --revisions-schema meta --allow-dirty; equal "$status" 0; equal "$(applied meta)" "1:2/2 2:2/2 3:1/1"
    equal "$(sql "select string_agg(tablename || ':' || tableowner, ' ' order by tablename) from pg_tables where schemaname = 'public'")" "one:owner three:runner two:owner"
}

@test "a run that goes on inside a file has the settings of the statements before" {
    fresh; sql 'CREATE SCHEMA app'; URL+="&search_path=public"
    printf -- '-- atlas:txmode none\n\nSET search_path TO app;\nCREATE TABLE one (id int);\nSELECT 1/0;\nCREATE TABLE two (id int);\n' | file 1
    apply; equal "$status" 1; has "$stderr" "division by zero"
    sed -i 's,1/0,1,' migrations/1.sql; atlas migrate hash
    apply; equal "$status" 0; equal "$(applied public)" "1:4/4"; lacks "$output" "search_path"
    equal "$(sql "select string_agg(schemaname || '.' || tablename, ' ' order by tablename) from pg_tables where tablename in ('one', 'two')")" "app.one app.two"
}

@test "a file that leaves its transaction open is run again after it was mended" {
    fresh; printf -- '-- atlas:txmode none\n\nBEGIN;\nCREATE TABLE one (id int);\n' | file 1
    apply; equal "$status" 1; has "$stderr" "leaves a transaction open"; equal "$(names)" ""
    printf 'COMMIT;\n' >> migrations/1.sql; atlas migrate hash
    apply; equal "$status" 0; equal "$(names)" one; equal "$(applied)" "1:3/3"
}

@test "what pg_dump writes is a migration once the commands of psql are removed" {
    fresh; sql "CREATE TABLE pets (id serial PRIMARY KEY, name text DEFAULT 'x;y'); INSERT INTO pets (name) VALUES ('a'); CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN RETURN 1; END; \$\$"
    { printf '\\restrict abc\n'; /usr/lib/postgresql/15/bin/pg_dump --inserts | grep -v '^\\'; } | file 1
    fresh; apply; equal "$status" 1; has "$stderr" '\restrict is a command of psql, no SQL'
    sed -i 1d migrations/1.sql; file 2 <<< 'CREATE TABLE next (id int);'; apply; equal "$status" 0; equal "$(names)" "next pets"; equal "$(sql 'select f()')" 1
}

@test "validate replays each file with the settings of a new session" {
    fresh; file 1 <<< "CREATE TABLE one (id int); SELECT pg_catalog.set_config('search_path', '', false);"; file 2 <<< 'CREATE TABLE two (id int);'
    run atlas migrate validate --dev-url "$URL"; equal "$output" ""; equal "$status" 0; equal "$(names)" ""
}

@test "a search_path of names in quotes" {
    fresh; migrations 1; sql 'CREATE SCHEMA "Odd,""Name"'; URL+='&search_path=%22Odd,%22%22Name%22,public'
    apply; equal "$status" 0; equal "$(sql 'select count(*) from "Odd,""Name".t1')" 1; equal "$(sql 'select count(*) from "Odd,""Name".atlas_schema_revisions')" 1
}

@test "TLS: required unless the URL says otherwise, and verified as it says" {
    fresh; migrations 1; local ca=$SUITE_DIR/postgres-15/ca.crt at=localhost:$PORT_15/$PGDATABASE
    URL="postgres://postgres:labpw@$at?sslmode=verify-full&sslrootcert=$ca"; apply; equal "$status" 0
    URL="postgres://postgres:labpw@$at"; run atlas migrate status --url "$URL"; equal "$status" 0
    URL="postgres://postgres:labpw@127.0.0.1:$PORT_15/$PGDATABASE?sslmode=verify-full&sslrootcert=$ca"
    apply; equal "$status" 1; has "$stderr" 'does not match host name "127.0.0.1"'
    URL="postgres://postgres:labpw@$at?sslmode=verify-full"; apply; equal "$status" 1; has "$stderr" "certificate verify failed"
    URL="postgres://postgres:labpw@$at?sslmode=verify-full&sslrootcert=system"; SSL_CERT_FILE=$ca apply; equal "$status" 0
    fresh 18; URL=${URL%\?*}; apply; equal "$status" 1; has "$stderr" "server does not support SSL"
}

@test "a wrong password is not shown" {
    fresh; migrations 1; secret 's3cret/p@ss'
    unset PGPASSWORD
    URL="postgres://postgres:s3cret%2Fp%40ss@127.0.0.1:$PORT_15/$PGDATABASE?sslmode=disable"
    apply; equal "$status" 1; has "$stderr" 'password authentication failed for user "postgres"'; lacks "$output$stderr" s3cret
    URL="postgres://127.0.0.1:$PORT_15/$PGDATABASE?sslmode=disable&user=postgres&password=labpw"; apply --format '{{ json . }}'; equal "$status" 0; has "$output" "password=xxxxx"; lacks "$output$stderr" labpw
    URL="postgres://postgres:s3cret/p@ss@127.0.0.1:$PORT_15/x"; apply; equal "$status" 1; lacks "$output$stderr" p@ss
}

@test "unix socket, host list, and a database that does not exist" {
    fresh; migrations 1
    URL="postgres:///$PGDATABASE?host=$SUITE_DIR/postgres-15/pg&port=$PORT_15&user=postgres&password=labpw"; apply; equal "$status" 0
    URL="postgres://postgres:labpw@127.0.0.1:1,127.0.0.1:$PORT_15/$PGDATABASE?sslmode=disable"; apply; equal "$status" 0; has "$output" "No migration files"
    URL="postgres://postgres:labpw@127.0.0.1:$PORT_15/nodb?sslmode=disable"; apply; equal "$status" 1; has "$stderr" 'database "nodb" does not exist'
}

interrupt() { # SIGNAL: in the middle of a sleeping file
    fresh; migrations 1; file 20260201 <<< 'CREATE TABLE half (id int); SELECT pg_sleep(60);'
    atlas migrate apply --url "$URL" > out 2> err 3>&- & local pid=$!
    until_sql "select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and state = 'active' and pid <> pg_backend_pid()" 1
    SECONDS=0; kill "-$1" $pid; local rc=0; wait $pid || rc=$?
    [ $rc -ne 0 ]; [ $SECONDS -le 3 ]; has "$(cat err)" interrupted
    until_sql "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'" 0
    equal "$(names)" t1; equal "$(applied)" "20260101000000:2/2"
}
@test "SIGINT ends the statement on the server and leaves a clean state" { interrupt INT; }
@test "SIGTERM likewise" { interrupt TERM; }

@test "a server that is killed is a lost connection, and the next run completes" {
    fresh; migrations 1; file 20260201 <<< 'CREATE TABLE half (id int); SELECT pg_sleep(3);'
    atlas migrate apply --url "$URL" > out 2> err 3>&- & local pid=$!
    until_sql "select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and state = 'active' and pid <> pg_backend_pid()" 1
    kill -9 "$(sql "select pid from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid()")"
    SECONDS=0; ! wait $pid; [ $SECONDS -le 3 ]; has "$(cat err)" "connection lost"
    local i; for i in $(seq 200); do sql 'select 1' > /dev/null 2>&1 && break; sleep 0.05; done
    equal "$(names)" t1
    apply; equal "$status" 0; equal "$(names)" "half t1"
}

@test "killed at 25 random moments, the next run ends in the state of an uninterrupted one" {
    local round took t0 i
    migrations 9; printf -- '-- atlas:txmode none\n\nCREATE TABLE n (id int);\nINSERT INTO n VALUES (1);\nCREATE INDEX CONCURRENTLY ni ON n (id);\nINSERT INTO n VALUES (2);\n' | file 20260109500000
    fresh; t0=${EPOCHREALTIME/./}; apply; took=$((${EPOCHREALTIME/./} - t0))
    for round in $(seq 25); do
        fresh; atlas migrate apply --url "$URL" > /dev/null 2>&1 3>&- & local pid=$!
        i=$((RANDOM * took / 32768)); sleep "$(printf '%d.%06d' $((i / 1000000)) $((i % 1000000)))"
        kill -9 $pid 2> /dev/null || true; wait $pid 2> /dev/null || true
        apply --lock-timeout 20s; [ "$status" -eq 0 ] || { echo "after $i us of $took: $stderr"; return 1; }
        equal "$(sql 'select count(*) from t1')$(sql 'select count(*) from t9')$(sql 'select count(*) from n')" 112
        equal "$(sql "select indisvalid from pg_index where indexrelid = 'ni'::regclass")" t
        equal "$(sql 'select count(*) from atlas_schema_revisions.atlas_schema_revisions where applied = total')" 10
    done
}

@test "a server that does not answer ends within the time-out" {
    migrations 1; proxy 1 swallow; URL="postgres://u:p@127.0.0.1:${PROXY##*:}/d?connect_timeout=1"
    SECONDS=0; apply; equal "$status" 1; [ $SECONDS -le 4 ]; has "$stderr" "the server does not answer"
}

@test "40 ms away, 100 files of 10 statements cost a few round trips" {
    fresh; mkdir migrations; local i k t0
    for i in $(seq 100 199); do { echo "CREATE TABLE f$i (id int);"; for k in $(seq 9); do echo "INSERT INTO f$i VALUES ($k);"; done; } > "migrations/2026$i.sql"; done
    atlas migrate hash
    local far; far=$(free_port); "$ATLAS_ROOT/tests/servers/latency" start "$DIR/far" "$far" "$PGPORT" 40; URL=${URL/:$PGPORT\//:$far/}
    t0=${EPOCHREALTIME/./}; apply; t0=$(((${EPOCHREALTIME/./} - t0) / 1000))
    "$ATLAS_ROOT/tests/servers/latency" stop "$DIR/far"
    equal "$status" 0; echo "$t0 ms"; [ $t0 -lt 3000 ]; equal "$(sql 'select count(*) from f199')" 9
}
